import type { ImportId, ImportKind, ImportMapping, JsonObject, SourceId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { FileBytes } from './archive.ts'
import type { ImportFinding, ImportNote } from './found.ts'
import type { Format } from './reading.ts'

export type ImportState = 'uploading' | 'waiting' | 'running' | 'done' | 'cancelled' | 'failed'

export type ImportRow = {
  id: ImportId
  kind: ImportKind
  source: SourceId
  sourceName: string
  fileName: string
  format: Format
  size: number
  sha256: string
  dryRun: boolean
  mapping: ImportMapping
  mappingGiven: boolean
  state: ImportState
  uploaded: number
  /** Up to which row of the file, as spreadsheets count. */
  rowsRead: number
  /** Rows so far; accepted + duplicates + waiting + rejected. */
  rows: number
  accepted: number
  rejected: number
  duplicates: number
  waiting: number
  bytesRead: number
  checked: boolean
  columns: string[]
  detected: { encoding: string; delimiter: string; header: number; entry: string | null } | null
  feed: string | null
  preview: JsonObject[]
  findings: ImportFinding[]
  error: string | null
  createdAt: Date
  finishedAt: Date | null
}

export async function importById(database: Database, id: ImportId): Promise<ImportRow | undefined> {
  return (await importRows(database, { id, after: null, limit: 1 }))[0]
}

export function importRows(
  database: Database,
  query: { id: ImportId | null; after: string | null; limit: number },
): Promise<ImportRow[]> {
  return database.rows<ImportRow>`
    select import.id, import.kind, import.source, source.name as "sourceName", file_name as "fileName", format, size, sha256,
      dry_run as "dryRun", mapping, mapping_given as "mappingGiven", state, uploaded, rows_read as "rowsRead", rows, accepted,
      rejected, duplicates, waiting, bytes_read as "bytesRead", checked, columns, detected, preview, findings, error, feed,
      import.created_at as "createdAt", finished_at as "finishedAt"
    from ingest.import join ingest.source on source.id = import.source
    where (${query.id}::uuid is null or import.id = ${query.id}::uuid)
      and (${query.after}::uuid is null or import.id < ${query.after}::uuid)
    order by import.id desc limit ${query.limit}`
}

/** An unfinished import of the same file for the same purpose: its upload goes on. */
export async function unfinishedLike(
  database: Database,
  wanted: { kind: ImportKind; source: SourceId; sha256: string; dryRun: boolean },
): Promise<ImportRow | undefined> {
  const row = await database.row<{ id: ImportId }>`
    select id from ingest.import where kind = ${wanted.kind} and source = ${wanted.source} and sha256 = ${wanted.sha256}
      and dry_run = ${wanted.dryRun} and state in ('uploading', 'waiting', 'running') order by created_at desc limit 1`
  return row ? importById(database, row.id) : undefined
}

/** Rows of a file that were taken before, and which of them were refused. */
export async function takenBefore(
  database: Database,
  wanted: { kind: ImportKind; source: SourceId; sha256: string },
): Promise<{ rows: number; refused: Set<number> }> {
  const taken = await database.row<{ rows: number }>`
    select rows from ingest.imported
    where kind = ${wanted.kind} and source = ${wanted.source} and sha256 = ${wanted.sha256}`
  const refused = await database.rows<{ row: number }>`
    select row_no as row from ingest.imported_reject
    where kind = ${wanted.kind} and source = ${wanted.source} and sha256 = ${wanted.sha256}`
  return { rows: taken?.rows ?? 0, refused: new Set(refused.map((one) => one.row)) }
}

const leaseSeconds = 60

/** The next import to work on, leased to the caller by the database's own clock. */
export async function claimImport(database: Database): Promise<ImportRow | undefined> {
  const row = await database.row<{ id: ImportId }>`
    update ingest.import set state = 'running', leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    where id = (
      select id from ingest.import where state in ('waiting', 'running')
        and (leased_until is null or leased_until < clock_timestamp())
      order by created_at, id limit 1 for update skip locked)
    returning id`
  return row ? importById(database, row.id) : undefined
}

export type Progress = {
  /** Row the import stood at before; a different one means that somebody else works on it. */
  from: number
  rowsRead: number
  rows: number
  accepted: number
  duplicates: number
  waiting: number
  bytesRead: number
  rejects: { row: number; reason: string; raw: string }[]
  notes: ImportNote[]
}

/** Moves the mark on, in the transaction of the work it stands for. False = stopped or taken over meanwhile. */
export async function saveProgress(tx: Database, row: ImportRow, progress: Progress): Promise<boolean> {
  const moved = await tx.run`
    update ingest.import set rows_read = ${progress.rowsRead}, rows = rows + ${progress.rows},
      accepted = accepted + ${progress.accepted}, waiting = waiting + ${progress.waiting},
      duplicates = duplicates + ${progress.duplicates}, rejected = rejected + ${progress.rejects.length},
      bytes_read = ${progress.bytesRead}, leased_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    where id = ${row.id} and state = 'running' and rows_read = ${progress.from}`
  if (moved === 0) return false
  if (progress.rejects.length > 0) {
    await tx.run`
      insert into ingest.import_reject (import, row_no, reason, raw)
      select ${row.id}, row, reason, raw
      from jsonb_to_recordset(${tx.json(progress.rejects)}) as reject(row bigint, reason text, raw text)
      on conflict do nothing`
  }
  if (progress.notes.length > 0) {
    await tx.run`
      insert into ingest.import_note (import, row_no, code, path, action, given)
      select ${row.id}, row, code, path, action, given
      from jsonb_to_recordset(${tx.json(progress.notes)})
        as note(row bigint, code text, path text, action text, given text)
      on conflict do nothing`
  }
  if (!row.dryRun) await saveTaken(tx, row, progress)
  return true
}

async function saveTaken(tx: Database, row: ImportRow, progress: Progress): Promise<void> {
  await tx.run`
    insert into ingest.imported as imported (source, kind, sha256, rows)
    values (${row.source}, ${row.kind}, ${row.sha256}, ${progress.rowsRead})
    on conflict (source, kind, sha256) do update set rows = greatest(imported.rows, excluded.rows)`
  const refused = progress.rejects.map((reject) => reject.row)
  await tx.run`
    delete from ingest.imported_reject
    where source = ${row.source} and kind = ${row.kind} and sha256 = ${row.sha256}
      and row_no > ${progress.from} and row_no <= ${progress.rowsRead} and row_no <> all(${refused}::bigint[])`
  if (refused.length === 0) return
  await tx.run`
    insert into ingest.imported_reject (source, kind, sha256, row_no)
    select ${row.source}, ${row.kind}, ${row.sha256}, row_no from unnest(${refused}::bigint[]) as row_no
    on conflict do nothing`
}

const sliceBytes = 1024 * 1024

/** The file as it was uploaded: any range of it, without ever holding more than a slice. */
export function storedFile(database: Database, row: { id: ImportId; size: number }): FileBytes {
  return {
    size: row.size,
    async *range(start, end) {
      for (let at = start; at < end; ) {
        const part = await database.row<{ bytes: Buffer }>`
          select substring(bytes from (${at}::bigint - "offset" + 1)::integer for ${Math.min(sliceBytes, end - at)}::integer) as bytes
          from ingest.import_part where import = ${row.id} and "offset" <= ${at} order by "offset" desc limit 1`
        if (!part || part.bytes.length === 0) return
        yield part.bytes
        at += part.bytes.length
      }
    },
  }
}
