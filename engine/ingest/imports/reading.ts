import { type Json, type JsonObject, kept } from '@einklang/contract'
import { type Archive, bytesInMemory, type FileBytes, isZip, openArchive } from './archive.ts'
import { CsvReader, type CsvRecord } from './csv.ts'
import { type Element, JsonListReader } from './json-list.ts'
import { sheetRows } from './workbook.ts'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'
export type Delimiter = ',' | ';' | '\t' | '|'
export type Format = 'csv' | 'ndjson' | 'json' | 'xlsx'

/** How a file is read. `header` is the row with the names of the columns, `entry` the file inside a ZIP. */
export type Shape = {
  format: Format
  encoding: Encoding
  delimiter: Delimiter
  columns: string[]
  header: number
  entry: string | null
}

/** One row as read: cells of a table or a JSON object; or why it cannot be read. */
export type ReadRow = { row: number; cells: string[] | JsonObject } | { row: number; bad: string; raw: string }

/** In rows of a JSON document with several lists: the name of the list. */
export const sectionKey = '$section'

const headBytes = 65_536
const sampleRows = 20

type Given = { encoding?: Encoding | undefined; delimiter?: Delimiter | undefined }

export function formatOf(fileName: string, head: Buffer): Format {
  if (/\.xlsx$/i.test(fileName)) return 'xlsx'
  if (/\.(ndjson|jsonl|ndjsonl)$/i.test(fileName)) return 'ndjson'
  if (/\.(csv|tsv|txt)$/i.test(fileName)) return 'csv'
  const text = decode(head, encodingOf(head))
    .replace(/^\ufeff/, '')
    .trimStart()
  if (text.startsWith('[')) return 'json'
  if (text.startsWith('{')) return isObjectLine(text.split('\n', 1)[0] ?? '') ? 'ndjson' : 'json'
  return /\.json$/i.test(fileName) ? 'json' : 'csv'
}

/** One whole object on the first line: then every line is one, unless it names a list. */
function isObjectLine(line: string): boolean {
  try {
    const value = JSON.parse(line) as Json
    return (
      !Object.values(value as JsonObject).some((inner) => Array.isArray(inner) && typeof inner[0] === 'object') ||
      /"lines"/.test(line)
    )
  } catch {
    return false
  }
}

/** By byte-order mark, then by what the bytes can be. `head` may end inside a character. */
export function encodingOf(head: Buffer): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8'
  const length = Math.min(head.length, 400)
  let odd = 0
  let even = 0
  for (let at = 0; at < length; at++) {
    if (head[at] !== 0) continue
    if (at % 2 === 0) even++
    else odd++
  }
  if (length > 20 && odd > length / 4) return 'utf-16le'
  if (length > 20 && even > length / 4) return 'utf-16be'
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}

/** The separator that cuts the first lines into the most columns, the same number in each. */
export function delimiterOf(text: string): Delimiter {
  const lines = text
    .split(/\r\n|\n|\r/)
    .filter((line) => line !== '')
    .slice(0, 20)
  let best: Delimiter = ','
  let bestScore = 0
  for (const mark of [';', ',', '\t', '|'] as const) {
    const counts = lines.map((line) => line.replaceAll(/"[^"]*"/g, '').split(mark).length - 1)
    const first = counts[0] ?? 0
    const score = first * (counts.filter((count) => count === first).length / Math.max(1, counts.length))
    if (score > bestScore) {
      best = mark
      bestScore = score
    }
  }
  return best
}

function decode(bytes: Buffer, encoding: Encoding): string {
  return new TextDecoder(encoding).decode(bytes, { stream: true })
}

/** What a file is, from its first bytes and, for archives, its directory; with the first rows. */
export async function shapeOf(fileName: string, file: FileBytes, given: Given): Promise<Shape & { sample: ReadRow[] }> {
  const head = await headOf(file.range(0, Math.min(file.size, headBytes)))
  if (!isZip(head)) return plainShape(fileName, head, null, given)
  const archive = await openArchive(file)
  if (archive.names.includes('xl/workbook.xml')) return sheetShape(archive)
  const entry = archive.names.find(
    (name) => /\.(csv|tsv|txt|json|jsonl|ndjson)$/i.test(name) && !name.startsWith('__MACOSX/'),
  )
  if (entry === undefined)
    throw new Error(
      archive.names.length === 0
        ? kept('archive_empty')
        : kept('archive_no_table', { names: archive.names.slice(0, 5).join(', ') }),
    )
  return plainShape(entry, await headOf(archive.read(entry)), entry, given)
}

/** The same from bytes of the beginning alone; an archive cannot be told from them. */
export function shapeOfHead(fileName: string, head: Buffer, given: Given = {}) {
  return shapeOf(fileName, bytesInMemory(head), given)
}

async function headOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    pieces.push(chunk.subarray(0, headBytes - size))
    size += chunk.length
    if (size >= headBytes) break
  }
  return Buffer.concat(pieces)
}

async function sheetShape(archive: Archive): Promise<Shape & { sample: ReadRow[] }> {
  const found: { row: number; cells: string[] }[] = []
  for await (const rows of sheetRows(archive, '.')) {
    found.push(...rows)
    if (found.length > sampleRows) break
  }
  const [header, ...sample] = found
  return {
    format: 'xlsx',
    encoding: 'utf-8',
    delimiter: ',',
    columns: (header?.cells ?? []).map((column) => column.trim()),
    header: header?.row ?? 1,
    entry: null,
    sample: sample.slice(0, sampleRows),
  }
}

function plainShape(fileName: string, head: Buffer, entry: string | null, given: Given): Shape & { sample: ReadRow[] } {
  const encoding = given.encoding ?? encodingOf(head)
  const format = formatOf(fileName, head)
  const text = decode(head, encoding).replace(/^\ufeff/, '')
  if (format === 'ndjson' || format === 'json') {
    const sample = format === 'ndjson' ? ndjsonSample(text) : jsonSample(text)
    const columns = new Set<string>()
    for (const row of sample)
      if ('cells' in row) for (const path of pathsOf(row.cells as JsonObject, '')) columns.add(path)
    return { format, encoding, delimiter: ',', columns: [...columns], header: 0, entry, sample }
  }
  // Spreadsheets write the separator into a line of its own.
  const told = /^sep=([,;\t|])\r?\n/i.exec(text)
  const delimiter = given.delimiter ?? (told?.[1] as Delimiter | undefined) ?? delimiterOf(text)
  const reader = new CsvReader(delimiter)
  // The last line may be cut off, unless it is the only one.
  const records = reader.take(text)
  if (records.length < 2) records.push(...reader.end())
  let row = 0
  const rows: ReadRow[] = []
  for (const record of records.slice(0, sampleRows + 5)) {
    row++
    if (told && row === 1) continue
    if ('cells' in record && record.cells.every((cell) => cell.trim() === '')) continue
    rows.push('cells' in record ? { row, cells: record.cells } : { row, bad: record.bad, raw: record.raw })
  }
  const [header, ...sample] = rows
  const columns = header && 'cells' in header ? (header.cells as string[]).map((column) => column.trim()) : []
  return { format, encoding, delimiter, columns, header: header?.row ?? 1, entry, sample: sample.slice(0, sampleRows) }
}

function ndjsonSample(text: string): ReadRow[] {
  // The last line may be cut off.
  return text
    .split('\n')
    .slice(0, sampleRows)
    .flatMap((line, index) => {
      const read = ndjsonRow(line, index + 1)
      return read && 'cells' in read ? [read] : []
    })
}

function jsonSample(text: string): ReadRow[] {
  return new JsonListReader()
    .take(text)
    .slice(0, sampleRows)
    .map((element, index) => elementRow(element, index + 1))
}

function pathsOf(value: Json, prefix: string): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return prefix === '' ? [] : [prefix]
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, prefix === '' ? key : `${prefix}.${key}`))
}

/** The bytes in which the rows stand: those of the file, or of the entry in the archive. */
export async function* contentOf(file: FileBytes, entry: string | null): AsyncGenerator<Buffer> {
  if (entry === null) yield* file.range(0, file.size)
  else yield* (await openArchive(file)).read(entry)
}

/** Rows of a file, in order, whatever its size, in handfuls. The number is the one a spreadsheet shows. */
export async function* rowsOf(
  file: FileBytes,
  shape: Shape,
  options: { decimal?: '.' | ',' | undefined } = {},
): AsyncGenerator<ReadRow[]> {
  if (shape.format === 'xlsx') {
    const table = tableRows(shape, true)
    for await (const rows of sheetRows(await openArchive(file), options.decimal ?? '.')) {
      yield rows.flatMap(({ row, cells }) => table(row, cells) ?? [])
    }
    return
  }
  const texts = decoded(contentOf(file, shape.entry), shape.encoding)
  if (shape.format === 'csv') yield* csvRows(texts, shape)
  else if (shape.format === 'ndjson') yield* ndjsonRows(texts)
  else yield* jsonRows(texts)
}

/** A file of eight megabytes at a time would hold up everything else in the process. */
const textBytes = 262_144

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += textBytes)
      yield decoder.decode(chunk.subarray(at, at + textBytes), { stream: true })
  }
  yield decoder.decode()
}

async function* csvRows(texts: AsyncIterable<string>, shape: Shape): AsyncGenerator<ReadRow[]> {
  const reader = new CsvReader(shape.delimiter)
  const table = tableRows(shape, false)
  let row = 0
  const readOf = (records: CsvRecord[]): ReadRow[] => {
    const rows: ReadRow[] = []
    for (const record of records) {
      row++
      if ('bad' in record) {
        if (row > shape.header)
          rows.push({ row, bad: kept('unreadable', { why: record.bad }), raw: record.raw.slice(0, 2000) })
        continue
      }
      const read = table(row, record.cells)
      if (read) rows.push(...read)
    }
    return rows
  }
  for await (const text of texts) {
    const rows = readOf(reader.take(text))
    if (rows.length > 0) yield rows
  }
  const rows = readOf(reader.end())
  if (rows.length > 0) yield rows
}

/** What a line of a table is: a row, one that does not fit, or nothing. */
function tableRows(shape: Shape, short: boolean): (row: number, cells: string[]) => ReadRow[] | null {
  const width = shape.columns.length
  return (row, cells) => {
    if (row < shape.header) return null
    if (row === shape.header) return doubled(row, shape.columns)
    if (cells[0]?.trim() === '' && cells.every((cell) => cell.trim() === '')) return null
    if (cells.length === width) {
      // Files that were put together bring their header along.
      if (
        cells[0] === shape.columns[0] &&
        width > 1 &&
        cells.every((cell, index) => cell.trim() === shape.columns[index])
      )
        return [{ row, bad: kept('header_again'), raw: cells.join(shape.delimiter) }]
      return [{ row, cells }]
    }
    if (short && cells.length < width)
      return [{ row, cells: [...cells, ...Array<string>(width - cells.length).fill('')] }]
    return [
      {
        row,
        bad: kept('cells', { count: cells.length, width }),
        raw: cells.join(shape.delimiter).slice(0, 2000),
      },
    ]
  }
}

/** The first column of a name is read; that there are two is told with the row of the header. */
function doubled(row: number, columns: string[]): ReadRow[] | null {
  const seen = new Set<string>()
  for (const column of columns) {
    const name = column.toLowerCase()
    if (name !== '' && seen.has(name))
      return [
        {
          row,
          bad: kept('doubled', { column }),
          raw: columns.join(';').slice(0, 2000),
        },
      ]
    seen.add(name)
  }
  return null
}

async function* ndjsonRows(texts: AsyncIterable<string>): AsyncGenerator<ReadRow[]> {
  let rest = ''
  let row = 0
  const rowsIn = (lines: string[]): ReadRow[] =>
    lines.flatMap((line) => {
      row++
      return ndjsonRow(line, row) ?? []
    })
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield rowsIn(lines)
  }
  yield rowsIn([rest])
}

async function* jsonRows(texts: AsyncIterable<string>): AsyncGenerator<ReadRow[]> {
  const reader = new JsonListReader()
  let row = 0
  for await (const text of texts) yield reader.take(text).map((element) => elementRow(element, ++row))
  yield reader.end().map((element) => elementRow(element, ++row))
}

function elementRow(element: Element, row: number): ReadRow {
  if ('bad' in element) return { row, bad: element.bad, raw: element.raw }
  return { row, cells: element.section === '' ? element.value : { ...element.value, [sectionKey]: element.section } }
}

function ndjsonRow(line: string, row: number): ReadRow | null {
  const text = (row === 1 ? line.replace(/^\ufeff/, '') : line).trim()
  if (text === '') return null
  try {
    const value = JSON.parse(text) as Json
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { row, cells: value }
    return { row, bad: kept('no_object'), raw: text.slice(0, 2000) }
  } catch (error) {
    return { row, bad: kept('no_json', { error: (error as Error).message }), raw: text.slice(0, 2000) }
  }
}
