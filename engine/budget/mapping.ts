import type { AnswerOf, api, InputOf } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { cellsOf, folded } from './profiles.ts'

type Routes = typeof api.budget
export type SpendMapping = NonNullable<InputOf<Routes['importSpend']>['body']['mapping']>
type Saved = { name: string; header: string[]; document: SpendMapping }

export async function mappingsOf(database: Database): Promise<AnswerOf<Routes['mappings']>['items']> {
  const rows = await database.rows<Saved & { at: Date; by: string; usedAt: Date | null }>`
    select name, header, document, saved_at as at, saved_by as by, used_at as "usedAt" from budget.mapping order by name`
  return rows.map(({ name, header, document, at, by, usedAt }) => ({
    name,
    header,
    mapping: document,
    at: at.toISOString(),
    by,
    usedAt: usedAt?.toISOString() ?? null,
  }))
}

/** The mapping of that name, or the one that was last used for a file with one of these lines as header. */
export async function mappingFor(
  database: Database,
  wanted: { name: string } | { lines: string[][] },
): Promise<Saved | undefined> {
  if ('name' in wanted)
    return database.row<Saved>`select name, header, document from budget.mapping where name = ${wanted.name}`
  return database.row<Saved>`
    select name, header, document from budget.mapping
    where header in (select line from jsonb_array_elements(${database.json(wanted.lines)}) as line)
    order by used_at desc nulls last, saved_at desc, name limit 1`
}

export async function saveMapping(
  tx: Database,
  saved: { name: string; header: string[]; mapping: SpendMapping; by: string },
): Promise<void> {
  await tx.run`
    insert into budget.mapping (name, header, document, saved_at, saved_by, used_at)
    values (${saved.name}, ${tx.json(saved.header)}, ${tx.json(saved.mapping)}, platform.now(), ${saved.by}, platform.now())
    on conflict (name) do update set header = excluded.header, document = excluded.document,
      saved_at = excluded.saved_at, saved_by = excluded.saved_by, used_at = excluded.used_at`
}

export async function noteUse(tx: Database, name: string): Promise<void> {
  await tx.run`update budget.mapping set used_at = platform.now() where name = ${name}`
}

export async function forgetMapping(database: Database, name: string): Promise<boolean> {
  return (await database.run`delete from budget.mapping where name = ${name}`) > 0
}

const mostLines = 12

/** The first lines of a file as folded headers: one of them is what a saved mapping was made for. */
export function headLinesOf(text: string): string[][] {
  return cellsOf(text)
    .rows.slice(0, mostLines)
    .map((row) => row.map(folded))
}

/** What a person needs to see to say which column is which: the header as it stands and the lines below it. */
export function shownOf(text: string, mapping: SpendMapping | null): { header: string[]; sample: string[][] } {
  const { rows } = cellsOf(text)
  const wanted =
    mapping === null
      ? []
      : Object.values(mapping.columns)
          .filter((name) => name !== null)
          .map(folded)
  const head = rows.slice(0, mostLines)
  const named = head.findIndex((row) => wanted.length > 0 && wanted.every((name) => row.map(folded).includes(name)))
  // Titles above a table have fewer cells than its header, and a header holds words.
  const widest = Math.max(0, ...head.map((row) => row.filter((cell) => cell.trim() !== '').length))
  const full = head.findIndex(
    (row) => row.filter((cell) => cell.trim() !== '').length === widest && row.some((cell) => /\p{L}/u.test(cell)),
  )
  const at = named >= 0 ? named : Math.max(0, full)
  return {
    header: (rows[at] ?? []).map((cell) => cell.replace(/^\uFEFF/, '').trim()),
    sample: rows.slice(at + 1, at + 6),
  }
}
