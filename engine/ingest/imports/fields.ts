import {
  type ImportKind,
  type ImportMapping,
  importKinds,
  isVendorKind,
  type Json,
  type JsonObject,
} from '@einklang/contract'

/**
 * One row in our words: field → text, blank fields left out; `lines` of an NDJSON order stay what they are. Exports of
 * other products keep their own column names, and JSON stays whole in `record`.
 */
export type FieldRow = {
  row: number
  fields: { [field: string]: string }
  lines: Json[] | null
  record?: JsonObject
}

/** Makes rows of a file into our fields by the mapping. */
export function fieldReader(
  kind: ImportKind,
  mapping: ImportMapping,
  columns: string[],
): (row: number, cells: string[] | JsonObject) => FieldRow {
  if (isVendorKind(kind)) return vendorReader(columns)
  const known = new Set<string>(importKinds[kind])
  const constants = Object.entries(mapping.constants ?? {}).filter(([field]) => known.has(field))
  const wanted = Object.entries(mapping.fields)
    .filter(([field]) => known.has(field))
    .map(([field, column]) => ({ field, index: columns.indexOf(column), path: column.split('.') }))
  return (row, cells) => {
    const fields: FieldRow['fields'] = {}
    let lines: Json[] | null = null
    for (const [field, value] of constants) fields[field] = value
    for (const { field, index, path } of wanted) {
      const value = Array.isArray(cells) ? cells[index] : at(cells, path)
      if (field === 'lines' && Array.isArray(value)) lines = value
      const text = textOf(value)
      if (text !== '') fields[field] = text
    }
    return { row, fields, lines }
  }
}

/** Columns under their own names; of two with one name the first is read. */
function vendorReader(columns: string[]): (row: number, cells: string[] | JsonObject) => FieldRow {
  const wanted = columns.flatMap((column, index) =>
    column !== '' && columns.indexOf(column) === index ? [{ column, index }] : [],
  )
  return (row, cells) => {
    if (!Array.isArray(cells)) return { row, fields: {}, lines: null, record: cells }
    const fields: FieldRow['fields'] = Object.create(null) as FieldRow['fields']
    for (const { column, index } of wanted) {
      const text = textOf(cells[index])
      if (text !== '') fields[column] = text
    }
    return { row, fields, lines: null }
  }
}

function at(value: Json, path: string[]): Json | undefined {
  let inner: Json | undefined = value
  for (const key of path) {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner) || !Object.hasOwn(inner, key))
      return undefined
    inner = inner[key]
  }
  return inner
}

function textOf(value: Json | undefined): string {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '').trim() : value.trim()
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return ''
}

/** Rows that belong to one receipt or order and stand one after the other. */
export type Unit = { rows: FieldRow[] }

/** What makes consecutive rows one thing; null = every row is its own. */
export function groupKey(kind: ImportKind): ((row: FieldRow) => string) | null {
  if (kind === 'receipts') return ({ fields }) => `${fields.place ?? ''}\u0000${fields.receipt_no ?? ''}`
  if (kind === 'orders') return ({ fields }) => fields.order_no ?? ''
  return null
}
