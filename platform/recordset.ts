import { type Database, jsonText, type Part } from './database.ts'
import { writtenSql } from './written-sql.ts'

type Column =
  | 'uuid'
  | 'text'
  | 'integer'
  | 'bigint'
  | 'boolean'
  | 'date'
  | 'timestamptz'
  | 'jsonb'
  | 'text[]'
  | 'uuid[]'
  | 'date[]'

/** Names and types of the columns, as the statement reads them. */
export type Columns = { readonly [name: string]: Column }

const texts = new WeakMap<Columns, TemplateStringsArray>()

/**
 * Many rows as one table: `from ${recordset(tx, rows, columns)} as r`. Each column travels as an array, which costs
 * PostgreSQL a fraction of `jsonb_to_recordset`: for sets of thousands. Keep `columns` a constant.
 */
export function recordset<Row extends object>(database: Database, rows: readonly Row[], columns: Columns): Part {
  const names = Object.keys(columns)
  const values = names.map((name) => columnText(rows, name, columns[name] as Column))
  return database.part(textOf(columns, names), ...values)
}

function textOf(columns: Columns, names: string[]): TemplateStringsArray {
  const known = texts.get(columns)
  if (known) return known
  // Nested arrays would be flattened by unnest and jsonb has no cheap array input: both travel as text.
  const carried = (name: string) =>
    columns[name] === 'jsonb' || columns[name]?.endsWith('[]') ? 'text' : columns[name]
  const selected = names.map((name) => (carried(name) === columns[name] ? `"${name}"` : `"${name}"::${columns[name]}`))
  const between = names.slice(1).map((_, index) => `::${carried(names[index] ?? '')}[], `)
  const text = writtenSql(
    `(select ${selected.join(', ')} from unnest(`,
    ...between,
    `::${carried(names.at(-1) ?? '')}[]) as given(${names.map((name) => `"${name}"`).join(', ')}))`,
  )
  texts.set(columns, text)
  return text
}

function columnText(rows: readonly object[], name: string, column: Column): string {
  const write = writerOf(column)
  let text = '{'
  for (const row of rows) {
    const value = (row as { [name: string]: unknown })[name]
    if (text.length > 1) text += ','
    text += value === null || value === undefined ? 'NULL' : write(value)
  }
  return `${text}}`
}

function writerOf(column: Column): (value: unknown) => string {
  if (column === 'text') return (value) => quoted(String(value))
  // JSON holds no bare control characters, so writing it as a JSON string escapes just what an array literal needs.
  if (column === 'jsonb') return (value) => JSON.stringify(jsonText(value))
  if (column.endsWith('[]'))
    return (value) => quoted(`{${(value as unknown[]).map((one) => quoted(String(one))).join(',')}}`)
  return (value) => (value instanceof Date ? value.toISOString() : String(value))
}

function quoted(text: string): string {
  return /["\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`
}
