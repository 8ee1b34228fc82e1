import { type ImportId, kept, type SpokenLanguage } from '@einklang/contract'
import type { Database, RawMount, Secrets } from '@einklang/platform'
import { sayImport, sayList } from './sayings.ts'

const partLimit = 8 * 1024 * 1024
const purpose = 'ingest.import'

/** The address for the bytes of one import; the token in it is the permission. */
export function uploadPath(secrets: Secrets, id: ImportId): string {
  return `/api/ingest/imports/${id}/parts?token=${secrets.sign(purpose, `upload ${id}`)}`
}

/** Everything of an import that was not taken as it stood, in the reader's language. */
export function rejectsPath(secrets: Secrets, id: ImportId, language: SpokenLanguage): string {
  return `/api/ingest/imports/${id}/rejects.csv?language=${language}&token=${secrets.sign(purpose, `rejects ${id}`)}`
}

export function uploadMounts(needs: { database: Database; secrets: Secrets }): RawMount[] {
  return [
    {
      method: 'PUT',
      path: '/api/ingest/imports/:import/parts',
      handle: async (request, { params }) => {
        const id = (params.import ?? '') as ImportId
        const query = new URL(request.url).searchParams
        if (!allowed(needs.secrets, `upload ${id}`, query))
          return told(403, 'no_token', 'The address has no valid token.')
        const bytes = Buffer.from(await request.arrayBuffer())
        return takePart(needs.database, id, Number(query.get('offset') ?? Number.NaN), bytes)
      },
    },
    {
      method: 'GET',
      path: '/api/ingest/imports/:import/rejects.csv',
      handle: async (request, { params }) => {
        const id = (params.import ?? '') as ImportId
        const query = new URL(request.url).searchParams
        if (!allowed(needs.secrets, `rejects ${id}`, query))
          return told(403, 'no_token', 'The address has no valid token.')
        const language = query.get('language') === 'de' ? 'de' : 'en'
        return new Response(rejectsCsv(needs.database, id, language), {
          headers: {
            'content-type': 'text/csv; charset=utf-8',
            'content-disposition': `attachment; filename="rejects-${id}.csv"`,
          },
        })
      },
    },
  ]
}

function allowed(secrets: Secrets, text: string, query: URLSearchParams): boolean {
  return secrets.verify(purpose, text, query.get('token') ?? '')
}

/** One part, exactly where the last one ended; a repeat of the last part is answered like the first time. */
async function takePart(database: Database, id: ImportId, offset: number, bytes: Buffer): Promise<Response> {
  if (!Number.isInteger(offset) || offset < 0) return told(400, 'no_offset', 'Name the offset of the part in bytes.')
  if (bytes.length === 0) return told(400, 'empty', 'The part is empty.')
  if (bytes.length > partLimit) return told(413, 'too_large', 'At most 8 MiB per part.')
  return database.transaction(async (tx) => {
    const row = await tx.row<{ state: string; uploaded: number; size: number }>`
      select state, uploaded, size from ingest.import where id = ${id} for update`
    if (!row) return told(404, 'unknown_import', 'There is no such import.')
    if (offset + bytes.length <= row.uploaded) return json(200, { uploaded: row.uploaded })
    if (row.state !== 'uploading') return told(409, 'not_uploading', `The import is ${row.state}; it takes no bytes.`)
    if (offset !== row.uploaded) {
      return json(409, {
        error: { code: 'offset', message: `The next byte is ${row.uploaded}.` },
        uploaded: row.uploaded,
      })
    }
    const uploaded = offset + bytes.length
    if (uploaded > row.size) return told(413, 'too_large', `The file was announced with ${row.size} bytes.`)
    await tx.run`insert into ingest.import_part (import, "offset", size, bytes) values (${id}, ${offset}, ${bytes.length}, ${bytes})`
    await tx.run`
      update ingest.import set uploaded = ${uploaded}, state = case when ${uploaded}::bigint = size then 'waiting' else state end
      where id = ${id}`
    if (uploaded === row.size) await tx.notify(importChannel)
    return json(200, { uploaded })
  })
}

export const importChannel = 'ingest_import'

type Listed = { row: number; kind: string; code: string; path: string; reason: string; raw: string }

/** Rows that did not fit with their reason, and values that were not used or doubted; spreadsheets must not run what stands in a cell. */
function rejectsCsv(database: Database, id: ImportId, language: SpokenLanguage): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const word = (code: string) => sayList(kept(code), language)
  let after = { row: 0, code: '', path: '', kind: '' }
  let begun = false
  return new ReadableStream({
    async pull(controller) {
      if (!begun)
        controller.enqueue(
          encoder.encode(`\ufeff${['row', 'outcome', 'place', 'reason', 'raw'].map(word).join(';')}\r\n`),
        )
      begun = true
      const rows = await database.rows<Listed>`
        select * from (
          select row_no as row, 'rejected' as kind, '' as code, '' as path, reason, raw
          from ingest.import_reject where import = ${id}
          union all
          select row_no, action, code, path, '', given from ingest.import_note where import = ${id}) as listed
        where (row, code, path, kind) > (${after.row}::bigint, ${after.code}, ${after.path}, ${after.kind})
        order by row, code, path, kind limit 1000`
      const last = rows.at(-1)
      if (!last) return controller.close()
      after = last
      const cell = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
      const line = ({ row, kind, code, path, reason, raw }: Listed) =>
        [
          row,
          cell(word(kind)),
          cell(path),
          cell(code === '' ? sayImport(reason, language) : word(code)),
          cell(raw),
        ].join(';')
      controller.enqueue(encoder.encode(rows.map((row) => `${line(row)}\r\n`).join('')))
    },
  })
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

function told(status: number, code: string, message: string): Response {
  return json(status, { error: { code, message } })
}
