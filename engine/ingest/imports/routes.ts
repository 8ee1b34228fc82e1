import {
  api,
  type FeedId,
  type ImportId,
  type ImportMapping,
  type JsonObject,
  type Route,
  type SpokenLanguage,
} from '@einklang/contract'
import { type Caller, type Database, languageOf, type Mounted, mount, nameOf, newId, Refusal } from '@einklang/platform'
import type { Ingest, IngestInside } from '../index.ts'
import { isZip } from './archive.ts'
import { missingFields, recognise } from './columns.ts'
import { feedView, feedViews, insertFeed, runNow, tryFeed, updateFeed } from './feeds.ts'
import { type FieldRow, fieldReader } from './fields.ts'
import type { ImportNote } from './found.ts'
import { formatOf, sectionKey, shapeOfHead } from './reading.ts'
import { dropMapping, mappingForColumns, savedMappings, saveMapping } from './saved.ts'
import { sayImport } from './sayings.ts'
import { type ImportRow, importById, importRows, takenBefore, unfinishedLike } from './store.ts'
import { importChannel, rejectsPath, uploadPath } from './upload.ts'

const routes = api.ingest

export function importRoutes(ingest: Ingest & IngestInside): Mounted<Route>[] {
  const { database, clock, secrets } = ingest.needs.ground
  const detail = async (row: ImportRow, language: SpokenLanguage) => ({
    ...jobView(row, language),
    uploadPath: row.state === 'uploading' ? uploadPath(secrets, row.id) : null,
    columns: row.columns,
    detected: row.detected,
    preview: row.preview,
    findings: row.findings,
    stillWaiting: row.dryRun ? 0 : await stillWaiting(database, row.id),
    rejectsPath:
      row.rejected > 0 || row.findings.some(({ action }) => action !== 'repair')
        ? rejectsPath(secrets, row.id, language)
        : null,
  })
  const one = async (id: ImportId, request: { headers?: Headers }) => {
    const row = await importById(database, id)
    if (!row) throw new Refusal(404, 'unknown_import', 'There is no such import.')
    return detail(row, languageOf(request))
  }
  const wake = (tx: Database) => tx.notify(importChannel)

  return [
    mount(routes.imports, async ({ query }, request) => {
      const rows = await importRows(database, { id: null, after: query.after ?? null, limit: query.limit })
      return {
        items: rows.map((row) => jobView(row, languageOf(request))),
        next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null,
      }
    }),
    mount(routes.importOf, ({ params }, request) => one(params.import, request)),
    mount(routes.createImport, async ({ body }, request) => {
      if (!(await ingest.sources.byId(body.source)))
        throw new Refusal(404, 'unknown_source', 'There is no such source.', { at: 'source' })
      const going = await unfinishedLike(database, body)
      if (going) return detail(going, languageOf(request))
      const taken = body.dryRun ? null : await takenBefore(database, body)
      const whole = taken && taken.rows > 0 && taken.refused.size === 0 ? await finishedLike(database, body) : undefined
      const id = newId('import', clock)
      await database.run`
        insert into ingest.import (id, kind, source, file_name, format, size, sha256, dry_run, mapping, mapping_given, state,
          created_by, created_at, finished_at, uploaded, rows_read, rows, duplicates)
        values (${id}, ${body.kind}, ${body.source}, ${body.fileName}, ${formatOf(body.fileName, Buffer.alloc(0))}, ${body.size},
          ${body.sha256}, ${body.dryRun}, ${database.json(body.mapping ?? { fields: {} })}, ${body.mapping !== undefined},
          ${whole ? 'done' : 'uploading'}, ${nameOf(request.caller)}, ${clock.now()},
          ${whole ? clock.now() : null}, ${whole ? body.size : 0}, ${whole?.rowsRead ?? 0}, ${whole?.rows ?? 0}, ${whole?.rows ?? 0})`
      return one(id, request)
    }),
    mount(routes.startImport, async ({ params, body }, request) => {
      const row = await importById(database, params.import)
      if (!row) throw new Refusal(404, 'unknown_import', 'There is no such import.')
      if (row.state === 'running' || row.state === 'waiting')
        throw new Refusal(409, 'running', 'The import is running; cancel it first.')
      if (row.uploaded < row.size)
        throw new Refusal(409, 'not_uploaded', 'The file is not here completely; go on with the upload.')
      await database.transaction(async (tx) => {
        const parts = await tx.row<{ there: boolean }>`
          select exists (select from ingest.import_part where import = ${row.id}) as there`
        if (!parts?.there)
          throw new Refusal(409, 'bytes_gone', 'The bytes are gone after the import; announce the file again.')
        await tx.run`delete from ingest.import_reject where import = ${row.id}`
        await tx.run`delete from ingest.import_note where import = ${row.id}`
        await tx.run`
          update ingest.import set state = 'waiting', dry_run = ${body.dryRun}, rows_read = 0, rows = 0, accepted = 0,
            rejected = 0, duplicates = 0, waiting = 0, bytes_read = 0, checked = false, error = null, finished_at = null, leased_until = null,
            preview = '[]', findings = '[]', mapping = coalesce(${body.mapping ? tx.json(body.mapping) : null}::jsonb, mapping),
            mapping_given = mapping_given or ${body.mapping !== undefined}
          where id = ${row.id}`
        await wake(tx)
      })
      return one(row.id, request)
    }),
    mount(routes.cancelImport, async ({ params }, request) => {
      await database.run`
        update ingest.import set state = 'cancelled', finished_at = ${clock.now()}, leased_until = null
        where id = ${params.import} and state in ('uploading', 'waiting', 'running')`
      return one(params.import, request)
    }),
    mount(routes.resumeImport, async ({ params }, request) => {
      await database.transaction(async (tx) => {
        await tx.run`
          update ingest.import set state = case when uploaded = size then 'waiting' else 'uploading' end, error = null,
            finished_at = null, leased_until = null
          where id = ${params.import} and state in ('cancelled', 'failed')`
        await wake(tx)
      })
      return one(params.import, request)
    }),
    mount(routes.rejects, async ({ params, query }, request) => {
      const items = await database.rows<{ row: number; reason: string; raw: string }>`
        select row_no as row, reason, raw from ingest.import_reject
        where import = ${params.import} and row_no > ${Number(query.after ?? 0)} order by row_no limit ${query.limit}`
      const language = languageOf(request)
      for (const item of items) item.reason = sayImport(item.reason, language)
      return { items, next: items.length === query.limit ? String(items.at(-1)?.row) : null }
    }),
    mount(routes.importNotes, async ({ params, query }) => {
      const [row = '0', code = '', path = '', action = ''] = (query.after ?? '').split('|')
      const items = await database.rows<ImportNote>`
        select row_no as row, code, path, action, given from ingest.import_note
        where import = ${params.import} and (row_no, code, path, action) > (${Number(row) || 0}::bigint, ${code}, ${path}, ${action})
          and (${query.code ?? null}::text is null or code = ${query.code ?? null})
        order by row_no, code, path, action limit ${query.limit}`
      const last = items.at(-1)
      const next = last && items.length === query.limit ? [last.row, last.code, last.path, last.action].join('|') : null
      return { items, next }
    }),
    mount(routes.detectColumns, async ({ body }) => {
      const head = Buffer.from(body.head, 'base64')
      if (isZip(head))
        return { format: 'xlsx' as const, mapping: { fields: {} }, saved: null, columns: [], missing: [], sample: [] }
      const shape = await shapeOfHead(body.fileName, head)
      const saved = await mappingForColumns(database, body.kind, shape.columns)
      const mapping = {
        ...saved?.mapping,
        fields: saved?.mapping.fields ?? recognise(body.kind, shape.columns),
        encoding: saved?.mapping.encoding ?? shape.encoding,
        ...(shape.format === 'csv' ? { delimiter: shape.delimiter } : {}),
      }
      const read = fieldReader(body.kind, mapping, shape.columns)
      return {
        format: shape.format,
        mapping,
        saved: saved?.name ?? null,
        columns: shape.columns,
        missing: missingFields(body.kind, mapping),
        sample: shape.sample.slice(0, 10).flatMap((row) => ('cells' in row ? [shown(read(row.row, row.cells))] : [])),
      }
    }),
    mount(routes.savedMappings, async ({ query }) => ({ items: await savedMappings(database, query.kind ?? null) })),
    mount(routes.saveMapping, ({ params, body }, { caller }) =>
      saveMapping(
        { database, clock },
        {
          name: params.name,
          ...body,
          mapping: body.mapping as ImportMapping,
          by: nameOf(caller),
        },
      ),
    ),
    ...feedRoutes(ingest),
    mount(routes.dropMapping, async ({ params }) => ({ dropped: await dropMapping(database, params.name) })),
  ]
}

function feedRoutes(ingest: Ingest & IngestInside): Mounted<Route>[] {
  const { database } = ingest.needs.ground
  const needs = ingest.feedNeeds
  const one = async (id: FeedId, request: { headers?: Headers }) => {
    const view = await feedView(database, id, languageOf(request))
    if (!view) throw new Refusal(404, 'unknown_feed', 'There is no such feed.')
    return view
  }
  const noted = (tx: Database, actor: Caller, action: string, id: FeedId, details: JsonObject) =>
    ingest.needs.audit?.(tx, { actor, action, object: { kind: 'feed', id }, details })
  const fits = async (name: string, except: FeedId | null) => {
    const other =
      await database.row`select from ingest.feed where name = ${name} and id is distinct from ${except}::uuid`
    if (other) throw new Refusal(409, 'name_taken', `There is a feed “${name}” already.`, { at: 'name' })
  }
  return [
    mount(routes.feeds, async (_, request) => ({ items: await feedViews(database, languageOf(request)) })),
    mount(routes.createFeed, async ({ body }, request) => {
      const { caller } = request
      if (!(await ingest.sources.byId(body.source)))
        throw new Refusal(404, 'unknown_source', 'There is no such source.', { at: 'source' })
      await fits(body.name, null)
      const id = await database.transaction(async (tx) => {
        const by = nameOf(caller)
        const made = await insertFeed(needs, tx, { ...body, mapping: body.mapping as ImportMapping | null }, by)
        await noted(tx, caller, 'feed.created', made, { name: body.name, way: body.settings.way })
        return made
      })
      return one(id, request)
    }),
    mount(routes.changeFeed, async ({ params: { feed }, body }, request) => {
      const { caller } = request
      await one(feed, request)
      if (body.name !== undefined) await fits(body.name, feed)
      await database.transaction(async (tx) => {
        await updateFeed(needs, tx, feed, { ...body, mapping: body.mapping as ImportMapping | null | undefined })
        await noted(tx, caller, 'feed.changed', feed, { fields: Object.keys(body) })
      })
      return one(feed, request)
    }),
    mount(routes.dropFeed, async ({ params: { feed } }, request) => {
      const { caller } = request
      const { name } = await one(feed, request)
      await database.transaction(async (tx) => {
        await tx.run`delete from ingest.feed where id = ${feed}`
        await noted(tx, caller, 'feed.ended', feed, { name })
      })
      return { dropped: true }
    }),
    mount(routes.testFeed, ({ body }, request) => tryFeed(needs, body, languageOf(request))),
    mount(routes.runFeed, async ({ params: { feed } }, request) => {
      await one(feed, request)
      await runNow(needs, feed)
      return one(feed, request)
    }),
  ]
}

/** A row as a preview: JSON of other products in one text per field. */
function shown(row: FieldRow): { [field: string]: string } {
  if (!row.record) return { ...row.fields }
  return Object.fromEntries(
    Object.entries(row.record)
      .filter(([name]) => name !== sectionKey)
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

/** Items of an import that nobody has settled yet. */
async function stillWaiting(database: Database, id: ImportId): Promise<number> {
  const row = await database.row<{ count: number }>`
    select count(*)::int as count from ingest.quarantine where import = ${id} and status in ('open', 'patched')`
  return row?.count ?? 0
}

/** A finished import that took the whole file. */
async function finishedLike(database: Database, wanted: { kind: string; source: string; sha256: string }) {
  return database.row<{ rowsRead: number; rows: number }>`
    select rows_read as "rowsRead", accepted + duplicates + waiting as rows from ingest.import
    where kind = ${wanted.kind} and source = ${wanted.source} and sha256 = ${wanted.sha256} and state = 'done' and not dry_run
    order by created_at desc limit 1`
}

function jobView(row: ImportRow, language: SpokenLanguage) {
  const { mappingGiven: _a, feed: _f, bytesRead, checked: _b, columns: _c, detected: _d, preview: _e, ...rest } = row
  const { findings: _g, rows, ...view } = rest
  return {
    ...view,
    rowsRead: rows,
    error: row.error === null ? null : sayImport(row.error, language),
    progress: row.state === 'done' ? 1 : row.size === 0 ? 0 : Math.min(1, bytesRead / row.size),
    createdAt: row.createdAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
  }
}
