import type { ImportId } from '@einklang/contract'
import type { Database, RawMount, Secrets } from '@einklang/platform'

const partLimit = 8 * 1024 * 1024
const purpose = 'ingest.import'

/** The address for the bytes of one import; the token in it is the permission. */
export function uploadPath(secrets: Secrets, id: ImportId): string {
  return `/api/ingest/imports/${id}/parts?token=${secrets.sign(purpose, `upload ${id}`)}`
}

export function rejectsPath(secrets: Secrets, id: ImportId): string {
  return `/api/ingest/imports/${id}/rejects.csv?token=${secrets.sign(purpose, `rejects ${id}`)}`
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
        return new Response(rejectsCsv(needs.database, id), {
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

/** Row, reason and the row as it came; spreadsheets must not run what stands in a cell. */
function rejectsCsv(database: Database, id: ImportId): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let after = 0
  let begun = false
  return new ReadableStream({
    async pull(controller) {
      if (!begun) controller.enqueue(encoder.encode('\ufeffrow;reason;raw\r\n'))
      begun = true
      const rows = await database.rows<{ row: number; reason: string; raw: string }>`
        select row_no as row, reason, raw from ingest.import_reject where import = ${id} and row_no > ${after} order by row_no limit 1000`
      const last = rows.at(-1)
      if (!last) return controller.close()
      after = last.row
      const cell = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
      controller.enqueue(
        encoder.encode(rows.map(({ row, reason, raw }) => `${row};${cell(reason)};${cell(raw)}\r\n`).join('')),
      )
    },
  })
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

function told(status: number, code: string, message: string): Response {
  return json(status, { error: { code, message } })
}
