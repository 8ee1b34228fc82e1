import type { AnswerOf, api, ImportKind, ImportMapping } from '@einklang/contract'
import type { Clock, Database } from '@einklang/platform'

type SavedMapping = AnswerOf<typeof api.ingest.saveMapping>
type Row = Omit<SavedMapping, 'changedAt' | 'mapping'> & { changedAt: Date; mapping: ImportMapping }

function viewOf(row: Row): SavedMapping {
  return { ...row, changedAt: row.changedAt.toISOString() } as SavedMapping
}

export async function savedMappings(database: Database, kind: ImportKind | null): Promise<SavedMapping[]> {
  const rows = await database.rows<Row>`
    select name, kind, mapping, columns, changed_by as "changedBy", changed_at as "changedAt"
    from ingest.import_mapping where ${kind}::text is null or kind = ${kind} order by name`
  return rows.map(viewOf)
}

export async function saveMapping(
  needs: { database: Database; clock: Clock },
  given: { name: string; kind: ImportKind; mapping: ImportMapping; columns: string[]; by: string },
): Promise<SavedMapping> {
  const row = await needs.database.row<Row>`
    insert into ingest.import_mapping as saved (name, kind, mapping, columns, changed_by, changed_at)
    values (${given.name}, ${given.kind}, ${needs.database.json(given.mapping)}, ${given.columns}, ${given.by}, ${needs.clock.now()})
    on conflict (name) do update set kind = excluded.kind, mapping = excluded.mapping, columns = excluded.columns,
      changed_by = excluded.changed_by, changed_at = excluded.changed_at
    returning name, kind, mapping, columns, changed_by as "changedBy", changed_at as "changedAt"`
  if (!row) throw new Error('A mapping vanished while it was saved')
  return viewOf(row)
}

export async function dropMapping(database: Database, name: string): Promise<boolean> {
  return (await database.run`delete from ingest.import_mapping where name = ${name}`) > 0
}

/** The mapping that was made for a file with these very columns, in whatever order. */
export async function mappingForColumns(
  database: Database,
  kind: ImportKind,
  columns: string[],
): Promise<{ name: string; mapping: ImportMapping } | null> {
  if (columns.length === 0) return null
  const row = await database.row<{ name: string; mapping: ImportMapping }>`
    select name, mapping from ingest.import_mapping
    where kind = ${kind} and columns <@ ${columns}::text[] and columns @> ${columns}::text[] and columns <> '{}'
    order by changed_at desc limit 1`
  return row ?? null
}
