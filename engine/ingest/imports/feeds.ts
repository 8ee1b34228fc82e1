import { createHash } from 'node:crypto'
import {
  type AnswerOf,
  type api,
  type FeedId,
  type FeedSecret,
  type FeedWays,
  type FilePlace,
  type FileSettings,
  type FoundFile,
  type ImportId,
  type ImportKind,
  type ImportMapping,
  kept,
  keptParts,
  type SourceId,
  type SpokenLanguage,
  type TableCursor,
  type TablePlace,
  type TableSettings,
} from '@einklang/contract'
import { type Clock, type Database, type Log, type Loop, newId, type Secrets } from '@einklang/platform'
import { formatOf } from './reading.ts'
import { sayImport } from './sayings.ts'
import { importChannel } from './upload.ts'

export const feedChannel = 'ingest_feed'
const purpose = 'ingest.feed'

const partBytes = 8 * 1024 * 1024
/** A file that was written a moment ago may still grow. */
const settleMs = 10_000
const pageRows = 5_000
const pagesPerVisit = 40
const leaseSeconds = 900

export type FeedNeeds = { database: Database; clock: Clock; secrets: Secrets; log: Log; ways: FeedWays | null }

type Way = 'folder' | 'sftp' | 'ftp' | 'postgres' | 'mysql'

type FeedRow = {
  id: FeedId
  name: string
  way: Way
  source: SourceId
  sourceName: string
  kind: ImportKind
  mapping: ImportMapping | null
  settings: FileSettings & TableSettings
  secret: Buffer | null
  everyMinutes: number
  paused: boolean
  cursor: TableCursor | null
  nextAt: Date
  lastAt: Date | null
  lastFound: number
  lastError: string | null
  failures: number
  running: boolean
  files: number
  rows: number
  waiting: number
  rejected: number
}

type View = AnswerOf<typeof api.ingest.createFeed>

function feedRows(database: Database, id: FeedId | null): Promise<FeedRow[]> {
  return database.rows<FeedRow>`
    select feed.id, feed.name, way, feed.source, source.name as "sourceName", feed.kind, mapping, settings, secret,
      every_minutes as "everyMinutes", paused, cursor, next_at as "nextAt", last_at as "lastAt",
      last_found as "lastFound", last_error as "lastError", failures,
      coalesce(leased_until > clock_timestamp(), false) as running, done.files, done.rows, done.waiting,
      done.rejected
    from ingest.feed join ingest.source on source.id = feed.source
    cross join lateral (select count(*)::int as files, coalesce(sum(accepted), 0)::bigint as rows,
      coalesce(sum(waiting), 0)::bigint as waiting,
      coalesce(sum(rejected), 0)::bigint as rejected from ingest.import where import.feed = feed.id) as done
    where ${id}::uuid is null or feed.id = ${id}::uuid order by feed.name`
}

function viewOf(row: FeedRow, language: SpokenLanguage): View {
  const { way, secret, failures, running, files, rows, waiting, rejected, cursor, settings, ...rest } = row
  return {
    ...rest,
    mapping: row.mapping as View['mapping'],
    settings: { way, ...settings },
    hasSecret: secret !== null,
    state: row.paused ? 'paused' : running ? 'running' : failures > 0 ? 'failing' : row.lastAt === null ? 'new' : 'ok',
    cursor: cursor?.at ?? null,
    nextAt: row.paused ? null : row.nextAt.toISOString(),
    lastAt: row.lastAt?.toISOString() ?? null,
    lastError: row.lastError === null ? null : sayImport(row.lastError, language),
    imports: { files, rows, waiting, rejected },
  }
}

export async function feedViews(database: Database, language: SpokenLanguage): Promise<View[]> {
  return (await feedRows(database, null)).map((row) => viewOf(row, language))
}

export async function feedView(database: Database, id: FeedId, language: SpokenLanguage): Promise<View | null> {
  const [row] = await feedRows(database, id)
  return row ? viewOf(row, language) : null
}

function sealed(needs: FeedNeeds, id: FeedId, secret: FeedSecret | undefined): Uint8Array | null {
  if (secret === undefined || Object.values(secret).every((value) => value === undefined)) return null
  return needs.secrets.seal(purpose, Buffer.from(JSON.stringify(secret)), id)
}

function opened(needs: FeedNeeds, row: { id: FeedId; secret: Buffer | null }): FeedSecret {
  if (row.secret === null) return {}
  return JSON.parse(Buffer.from(needs.secrets.open(purpose, row.secret, row.id)).toString('utf8')) as FeedSecret
}

type Given = {
  name: string
  source: SourceId
  kind: ImportKind
  mapping: ImportMapping | null
  settings: { way: Way }
  secret?: FeedSecret | undefined
  everyMinutes: number
}

export async function insertFeed(needs: FeedNeeds, tx: Database, given: Given, by: string): Promise<FeedId> {
  const id = newId('feed', needs.clock)
  const { way, ...settings } = given.settings
  await tx.run`
    insert into ingest.feed (id, name, way, source, kind, mapping, settings, secret, every_minutes, next_at, created_by, created_at)
    values (${id}, ${given.name}, ${way}, ${given.source}, ${given.kind}, ${given.mapping === null ? null : tx.json(given.mapping)},
      ${tx.json(settings)}, ${sealed(needs, id, given.secret)}, ${given.everyMinutes}, ${needs.clock.now()}, ${by}, ${needs.clock.now()})`
  await tx.notify(feedChannel)
  return id
}

export async function updateFeed(
  needs: FeedNeeds,
  tx: Database,
  id: FeedId,
  given: { [field in keyof Given]?: Given[field] | undefined } & { paused?: boolean | undefined },
): Promise<void> {
  const { way, ...settings } = given.settings ?? { way: undefined }
  // Another table is read from its beginning.
  await tx.run`
    update ingest.feed set name = coalesce(${given.name ?? null}, name), kind = coalesce(${given.kind ?? null}, kind),
      mapping = case when ${given.mapping !== undefined} then ${given.mapping ? tx.json(given.mapping) : null}::jsonb else mapping end,
      way = coalesce(${way ?? null}, way),
      cursor = case when ${way === undefined} or settings->>'table' = ${way === undefined ? null : ((settings as Partial<TableSettings>).table ?? null)}
        then cursor end,
      settings = coalesce(${way === undefined ? null : tx.json(settings)}::jsonb, settings),
      secret = coalesce(${sealed(needs, id, given.secret)}, secret),
      every_minutes = coalesce(${given.everyMinutes ?? null}::integer, every_minutes),
      paused = coalesce(${given.paused ?? null}::boolean, paused), next_at = ${needs.clock.now()}, failures = 0, last_error = null
    where id = ${id}`
  await tx.notify(feedChannel)
}

export async function runNow(needs: FeedNeeds, id: FeedId): Promise<void> {
  await needs.database.run`update ingest.feed set next_at = ${needs.clock.now()}, paused = false where id = ${id}`
  await needs.database.notify(feedChannel)
}

type Tried = AnswerOf<typeof api.ingest.testFeed>

/** Looks without keeping anything. What goes wrong is told in at most 200 characters. */
export async function tryFeed(
  needs: FeedNeeds,
  given: { settings: { way: Way }; secret?: FeedSecret | undefined; feed?: FeedId | undefined },
  language: SpokenLanguage,
): Promise<Tried> {
  const nothing = { hostKey: null, files: [], rows: [] }
  try {
    const known = given.feed === undefined ? undefined : (await feedRows(needs.database, given.feed))[0]
    const secret = given.secret ?? (known ? opened(needs, known) : {})
    const { way, ...settings } = given.settings as { way: Way } & FileSettings & TableSettings
    if (way === 'postgres' || way === 'mysql') {
      const place = await openTable(needs, way, settings, secret)
      try {
        const found = await place.after(null, 5)
        return {
          ...nothing,
          ok: true,
          message: sayImport(kept('rows_there', { count: found.length }), language),
          rows: found.map((one) => one.row),
        }
      } finally {
        await place.close()
      }
    }
    const place = await openPlace(needs, way, settings, secret)
    try {
      const files = await place.list()
      return {
        ...nothing,
        ok: true,
        message: sayImport(kept('files_there', { count: files.length }), language),
        hostKey: place.hostKey ?? null,
        files: files.slice(0, 20),
      }
    } finally {
      await place.close()
    }
  } catch (error) {
    return { ...nothing, ok: false, message: sayImport(sentenceOf(error), language) }
  }
}

/** What went wrong as a kept sentence, with what the other side said. */
function sentenceOf(error: unknown): string {
  const code = String((error as { code?: unknown }).code ?? '')
  const message = error instanceof Error ? error.message || code || error.name : String(error)
  if (keptParts(message) !== null) return message
  const text = message.replaceAll(/[\0-\x1f]+/g, ' ').slice(0, 200)
  return kept(mishaps.find(({ codes }) => codes.test(`${code} ${text}`))?.say ?? 'feed_other', { error: text })
}

/** Codes and words of Node, ssh2, basic-ftp, postgres and mysql2, the clearest first. */
const mishaps = [
  { say: 'feed_refused', codes: /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/ },
  { say: 'feed_unknown_host', codes: /ENOTFOUND|EAI_AGAIN/ },
  { say: 'feed_timeout', codes: /ETIMEDOUT|CONNECT_TIMEOUT|timed? ?out/i },
  {
    say: 'feed_login',
    codes: /authentication|^28P01|^28000|ER_ACCESS_DENIED|^530 |password|privateKey|Login (?:incorrect|failed)/i,
  },
  { say: 'feed_certificate', codes: /CERT|self.signed|certificate/i },
  { say: 'feed_no_table', codes: /^42P01|^42703|ER_NO_SUCH_TABLE|ER_BAD_FIELD_ERROR/ },
  { say: 'feed_no_folder', codes: /ENOENT|No such file|^550 / },
  { say: 'feed_denied', codes: /EACCES|EPERM|Permission denied/i },
]

function waysOf(needs: FeedNeeds): FeedWays {
  if (!needs.ways) throw new Error(kept('feed_off'))
  return needs.ways
}

function openPlace(
  needs: FeedNeeds,
  way: 'folder' | 'sftp' | 'ftp',
  settings: FileSettings,
  secret: FeedSecret,
): Promise<FilePlace & { hostKey?: string }> {
  const ways = waysOf(needs)
  return way === 'folder' ? ways.folder(settings) : ways[way](settings, secret)
}

function openTable(
  needs: FeedNeeds,
  way: 'postgres' | 'mysql',
  settings: TableSettings,
  secret: FeedSecret,
): Promise<TablePlace> {
  return waysOf(needs)[way](settings, secret)
}

/** Visits one feed after the other when its time has come. */
export function feedLoop(needs: FeedNeeds): Loop {
  return {
    name: 'ingest.feeds',
    pauseMs: 5_000,
    wake: feedChannel,
    async turn(signal) {
      const claimed = await needs.database.row<{ id: FeedId }>`
        update ingest.feed set leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
        where id = (select id from ingest.feed where not paused and next_at <= ${needs.clock.now()}
          and (leased_until is null or leased_until < clock_timestamp()) order by next_at limit 1 for update skip locked)
        returning id`
      const [row] = claimed ? await feedRows(needs.database, claimed.id) : []
      if (!row) return 'idle'
      try {
        const found = await visit(needs, row, signal)
        await left(needs, row, found, null)
      } catch (error) {
        needs.log.warn('A feed could not be read', { feed: row.name, error: sentenceOf(error) })
        await left(needs, row, 0, sentenceOf(error))
      }
      return 'busy'
    },
  }
}

/** Goes; after failures it comes again later and later, at most at its usual pace. */
async function left(needs: FeedNeeds, row: FeedRow, found: number, error: string | null): Promise<void> {
  const now = needs.clock.now()
  const minutes = error === null ? row.everyMinutes : Math.min(row.everyMinutes, 2 ** Math.min(row.failures, 10))
  await needs.database.run`
    update ingest.feed set leased_until = null, last_at = ${now}, last_found = ${found}, last_error = ${error},
      failures = ${error === null ? 0 : row.failures + 1}, next_at = ${new Date(now.getTime() + minutes * 60_000)}
    where id = ${row.id}`
}

async function visit(needs: FeedNeeds, row: FeedRow, signal: AbortSignal): Promise<number> {
  // What a visit before us left half fetched is worth nothing.
  await needs.database.run`delete from ingest.import where feed = ${row.id} and state = 'uploading'`
  const secret = opened(needs, row)
  if (row.way === 'postgres' || row.way === 'mysql') {
    const place = await openTable(needs, row.way, row.settings, secret)
    try {
      return await pull(needs, row, place, signal)
    } finally {
      await place.close()
    }
  }
  const place = await openPlace(needs, row.way, row.settings, secret)
  try {
    if (place.hostKey !== undefined && row.settings.hostKey === undefined) {
      await needs.database.run`
        update ingest.feed set settings = settings || ${needs.database.json({ hostKey: place.hostKey })}::jsonb where id = ${row.id}`
    }
    await markFinished(needs, row, place)
    let found = 0
    for (const file of await place.list()) {
      if (signal.aborted) break
      if (await fetched(needs, row, place, file)) found++
    }
    await markFinished(needs, row, place)
    return found
  } finally {
    await place.close()
  }
}

type Known = { path: string; sha256: string; size: number; modifiedAt: Date | null; state: string }

/** True = its bytes are here as a new import. */
async function fetched(needs: FeedNeeds, row: FeedRow, place: FilePlace, file: FoundFile): Promise<boolean> {
  const now = needs.clock.now().getTime()
  if (file.size === 0) return false
  if (file.modifiedAt !== null && Math.abs(now - Date.parse(file.modifiedAt)) < settleMs) return false
  const known = await needs.database.rows<Known>`
    select path, sha256, size, modified_at as "modifiedAt", state from ingest.feed_file
    where feed = ${row.id} and path = ${file.path} and state <> 'marked'`
  const same = known.find(
    (one) => one.size === file.size && (one.modifiedAt?.toISOString() ?? null) === (file.modifiedAt ?? null),
  )
  // It is on its way, or could not be moved and was taken before.
  if (same) return false
  const taken = await takeFile(needs, row, place.read(file.path), file)
  return taken
}

/** Writes the bytes down part by part; only when all are there does the import wait, in the transaction that notes the file. */
async function takeFile(
  needs: FeedNeeds,
  row: FeedRow,
  bytes: AsyncIterable<Uint8Array>,
  file: FoundFile,
): Promise<boolean> {
  const { database, clock } = needs
  const id = newId('import', clock)
  await database.run`
    insert into ingest.import (id, kind, source, file_name, format, size, sha256, dry_run, mapping, mapping_given, state,
      created_by, created_at, feed)
    values (${id}, ${row.kind}, ${row.source}, ${file.path}, ${formatOf(file.path, Buffer.alloc(0))}, ${file.size}, '', false,
      ${database.json(row.mapping ?? { fields: {} })}, ${row.mapping !== null}, 'uploading', ${`feed ${row.name}`}, ${clock.now()}, ${row.id})`
  const hash = createHash('sha256')
  let size = 0
  let waiting: Uint8Array[] = []
  let waitingSize = 0
  const write = async () => {
    const part = Buffer.concat(waiting)
    await database.run`
      insert into ingest.import_part (import, "offset", size, bytes) values (${id}, ${size}, ${part.length}, ${part})`
    size += part.length
    waiting = []
    waitingSize = 0
  }
  for await (const chunk of bytes) {
    hash.update(chunk)
    waiting.push(chunk)
    waitingSize += chunk.length
    if (waitingSize >= partBytes) await write()
  }
  if (waitingSize > 0) await write()
  const sha256 = hash.digest('hex')
  if (size !== file.size) {
    // Somebody is still writing it; the next visit finds it whole.
    await database.run`delete from ingest.import where id = ${id}`
    return false
  }
  return database.transaction(async (tx) => {
    const before = await tx.row<{ id: ImportId }>`
      select id from ingest.import where kind = ${row.kind} and source = ${row.source} and sha256 = ${sha256} and not dry_run
        and state in ('waiting', 'running', 'done') order by created_at desc limit 1`
    // The same content under another name, or put there again: known, and marked as done like the first.
    if (before) await tx.run`delete from ingest.import where id = ${id}`
    else await tx.run`update ingest.import set sha256 = ${sha256}, uploaded = size, state = 'waiting' where id = ${id}`
    await noteFile(tx, row, file, sha256, before?.id ?? id, clock.now())
    if (!before) await tx.notify(importChannel)
    return !before
  })
}

async function noteFile(
  tx: Database,
  row: FeedRow,
  file: FoundFile,
  sha256: string,
  id: ImportId,
  now: Date,
): Promise<void> {
  await tx.run`
    insert into ingest.feed_file (feed, path, size, modified_at, sha256, import, state, fetched_at)
    values (${row.id}, ${file.path}, ${file.size}, ${file.modifiedAt}, ${sha256}, ${id}, 'fetched', ${now})
    on conflict (feed, path, sha256) do update set size = excluded.size, modified_at = excluded.modified_at,
      import = excluded.import, state = 'fetched', fetched_at = excluded.fetched_at`
}

/** Files whose import has ended move to `done` or `failed`; where that is refused they are only remembered. */
async function markFinished(needs: FeedNeeds, row: FeedRow, place: FilePlace): Promise<void> {
  const ended = await needs.database.rows<{ path: string; sha256: string; state: string }>`
    select path, feed_file.sha256, import.state from ingest.feed_file join ingest.import on import.id = feed_file.import
    where feed_file.feed = ${row.id} and feed_file.state = 'fetched' and import.state in ('done', 'failed', 'cancelled')`
  for (const file of ended) {
    const state = await place.mark(file.path, file.state === 'done' ? 'done' : 'failed').then(
      () => 'marked',
      (error) => {
        needs.log.warn('A fetched file cannot be moved', { feed: row.name, file: file.path, error: sentenceOf(error) })
        return 'left'
      },
    )
    await needs.database.run`
      update ingest.feed_file set state = ${state}
      where feed = ${row.id} and path = ${file.path} and sha256 = ${file.sha256}`
  }
}

/** Page by page: the rows are written down as an import, and the cursor moves in the same transaction. */
async function pull(needs: FeedNeeds, row: FeedRow, place: TablePlace, signal: AbortSignal): Promise<number> {
  const { database, clock } = needs
  let cursor = row.cursor
  for (let page = 0; page < pagesPerVisit && !signal.aborted; page++) {
    const rows = await place.after(cursor, pageRows)
    const last = rows.at(-1)
    if (!last) return page
    const bytes = Buffer.from(`${rows.map((one) => JSON.stringify(one.row)).join('\n')}\n`)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const from = cursor
    await database.transaction(async (tx) => {
      const moved = await tx.run`
        update ingest.feed set cursor = ${tx.json(last.cursor)}::jsonb,
          leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
        where id = ${row.id} and cursor is not distinct from ${from === null ? null : tx.json(from)}::jsonb`
      if (moved === 0) throw new Error(kept('feed_changed'))
      const id = newId('import', clock)
      await tx.run`
        insert into ingest.import (id, kind, source, file_name, format, size, sha256, dry_run, mapping, mapping_given, state,
          created_by, created_at, feed, uploaded)
        values (${id}, ${row.kind}, ${row.source}, ${`${row.settings.table} to ${last.cursor.at}.ndjson`.slice(0, 250)}, 'ndjson',
          ${bytes.length}, ${sha256}, false, ${tx.json(row.mapping ?? { fields: {} })}, ${row.mapping !== null}, 'waiting',
          ${`feed ${row.name}`}, ${clock.now()}, ${row.id}, ${bytes.length})`
      for (let at = 0; at < bytes.length; at += partBytes) {
        const part = bytes.subarray(at, at + partBytes)
        await tx.run`
          insert into ingest.import_part (import, "offset", size, bytes) values (${id}, ${at}, ${part.length}, ${part})`
      }
      await tx.notify(importChannel)
    })
    cursor = last.cursor
    if (rows.length < pageRows) return page + 1
  }
  return pagesPerVisit
}

/** An import of a feed has ended: its file can be marked without waiting for the next visit. */
export async function importEnded(needs: { database: Database; clock: Clock }, id: ImportId): Promise<void> {
  const woken = await needs.database.run`
    update ingest.feed set next_at = least(next_at, ${needs.clock.now()}) from ingest.feed_file
    where feed_file.feed = feed.id and feed_file.import = ${id} and feed_file.state = 'fetched' and not paused`
  if (woken > 0) await needs.database.notify(feedChannel)
}
