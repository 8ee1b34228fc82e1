import type { FileSpec } from './files.ts'

/** How product files are written: as a retailer's systems do (the default), or all in one form for whoever loads them elsewhere. */
export const formats = ['ndjson', 'csv', 'sql'] as const
export type Format = (typeof formats)[number]

export type Converter = {
  path: string
  /** Lines before the first row. */
  head: string | null
  row: (row: string) => string
}

/** Calls as a table: what has parts of its own stays JSON in its cell. */
const callColumns = [
  'type',
  'messageId',
  'userId',
  'anonymousId',
  'timestamp',
  'event',
  'name',
  'properties',
  'traits',
  'context',
]

/** Null = the file is in that form by itself. */
export function converterOf(spec: FileSpec, format: Format): Converter | null {
  const isTable = spec.header !== null
  if (format === (isTable ? 'csv' : 'ndjson') && !spec.latin1) return null
  const path = spec.path.replace(/\.(csv|ndjson)$/, `.${format}`)
  const delimiter = spec.mapping?.delimiter ?? ','
  const columns = isTable ? cells(spec.header as string, delimiter) : columnsOf(spec)
  const read = isTable ? (row: string) => cells(row, delimiter) : (row: string) => flat(row, columns)
  if (format === 'ndjson')
    return { path, head: null, row: (row) => JSON.stringify(Object.fromEntries(zip(columns, read(row)))) }
  if (format === 'csv')
    return { path, head: columns.map(quoted).join(','), row: (row) => read(row).map(quoted).join(',') }
  const table = spec.path
    .replace(/\.\w+$/, '')
    .replace(/\W+/g, '_')
    .toLowerCase()
  const names = columns.map((name) => `"${name}"`).join(', ')
  const define = `create table if not exists "${table}" (${columns.map((name) => `"${name}" text`).join(', ')});`
  return {
    path,
    head: define,
    row: (row) => `insert into "${table}" (${names}) values (${read(row).map(literal).join(', ')});`,
  }
}

function columnsOf(spec: FileSpec): string[] {
  return spec.kind === 'events' ? callColumns : Object.values(spec.mapping?.fields ?? {})
}

/** Cells of a row as `rows.ts` writes them: quoted where needed, quotes doubled, never a line end that is not quoted. */
function cells(row: string, delimiter: string): string[] {
  if (!row.includes('"')) return row.split(delimiter)
  const found: string[] = []
  for (let at = 0; at <= row.length; ) {
    if (row[at] !== '"') {
      const end = row.indexOf(delimiter, at)
      found.push(row.slice(at, end < 0 ? row.length : end))
      if (end < 0) break
      at = end + 1
      continue
    }
    let end = at + 1
    while (row[end] !== undefined && (row[end] !== '"' || row[end + 1] === '"')) end += row[end] === '"' ? 2 : 1
    found.push(row.slice(at + 1, end).replaceAll('""', '"'))
    if (row[end + 1] === undefined) break
    at = end + 2
    if (at === row.length) found.push('')
    if (at === row.length) break
  }
  return found
}

/** Values at the paths `a.b` of a JSON line. */
function flat(row: string, columns: readonly string[]): string[] {
  const whole = JSON.parse(row) as unknown
  return columns.map((column) => {
    let value = whole
    for (const step of column.split('.')) value = (value as { [step: string]: unknown } | null | undefined)?.[step]
    if (value === undefined || value === null) return ''
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  })
}

function zip(names: readonly string[], values: readonly string[]): [string, string][] {
  return names.map((name, index) => [name, values[index] ?? ''])
}

function quoted(value: string): string {
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

function literal(value: string): string {
  return value === '' ? 'null' : `'${value.replaceAll("'", "''")}'`
}
