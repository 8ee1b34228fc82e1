import type { Json, JsonObject } from '@einklang/contract'
import { parse } from 'csv-parse'
import { parse as parseAtOnce } from 'csv-parse/sync'

export type Encoding = 'utf-8' | 'utf-16le' | 'windows-1252'
export type Delimiter = ',' | ';' | '\t' | '|'
export type Format = 'csv' | 'ndjson'
export type Shape = { format: Format; encoding: Encoding; delimiter: Delimiter; columns: string[]; sample: string[][] }

/** One row as read: cells of a CSV line or an NDJSON object; or why it cannot be read. */
export type ReadRow = { row: number; cells: string[] | JsonObject } | { row: number; bad: string; raw: string }

export function formatOf(fileName: string, head: Buffer): Format {
  if (/\.(nd)?jsonl?$/i.test(fileName)) return 'ndjson'
  if (/\.(csv|tsv|txt)$/i.test(fileName)) return 'csv'
  return head.toString('latin1').trimStart().startsWith('{') ? 'ndjson' : 'csv'
}

/** By byte-order mark, then by what the bytes can be. `head` may end inside a character. */
export function encodingOf(head: Buffer): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8'
  let zeros = 0
  for (let at = 1; at < Math.min(head.length, 400); at += 2) if (head[at] === 0) zeros++
  if (head.length > 20 && zeros > Math.min(head.length, 400) / 4) return 'utf-16le'
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

export function decode(bytes: Buffer, encoding: Encoding): string {
  return new TextDecoder(encoding).decode(bytes)
}

/** What the beginning of a file shows. */
export function shapeOf(
  fileName: string,
  head: Buffer,
  given: { encoding?: Encoding | undefined; delimiter?: Delimiter | undefined },
): Shape {
  const encoding = given.encoding ?? encodingOf(head)
  const format = formatOf(fileName, head)
  const text = decode(head, encoding).replace(/^\ufeff/, '')
  if (format === 'ndjson') return { format, encoding, delimiter: ',', ...ndjsonColumns(text) }
  const delimiter = given.delimiter ?? delimiterOf(text)
  // The last line may be cut off.
  const whole = text.includes('\n') ? text.slice(0, text.lastIndexOf('\n')) : text
  const rows = parseAtOnce(whole, { ...csvOptions(delimiter), to_line: 40 }) as string[][]
  const [header = [], ...sample] = rows
  return { format, encoding, delimiter, columns: header.map((column) => column.trim()), sample: sample.slice(0, 20) }
}

function ndjsonColumns(text: string): { columns: string[]; sample: string[][] } {
  const columns = new Set<string>()
  for (const line of text.split('\n').slice(0, 20)) {
    try {
      for (const path of pathsOf(JSON.parse(line) as Json, '')) columns.add(path)
    } catch {
      // A cut or broken line shows no columns.
    }
  }
  return { columns: [...columns], sample: [] }
}

function pathsOf(value: Json, prefix: string): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return prefix === '' ? [] : [prefix]
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, prefix === '' ? key : `${prefix}.${key}`))
}

function csvOptions(delimiter: Delimiter) {
  return {
    delimiter,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    // A cell that never ends would otherwise swallow the rest of the file.
    max_record_size: 1_000_000,
  }
}

/** Rows of a file, in order, whatever its size. The number is the one a spreadsheet shows. */
export async function* rowsOf(
  chunks: AsyncIterable<Buffer>,
  shape: Pick<Shape, 'format' | 'encoding' | 'delimiter' | 'columns'>,
): AsyncGenerator<ReadRow> {
  const texts = decoded(chunks, shape.encoding)
  if (shape.format === 'ndjson') yield* ndjsonRows(texts)
  else yield* csvRows(texts, shape.delimiter, shape.columns.length)
}

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
  yield decoder.decode()
}

async function* csvRows(texts: AsyncIterable<string>, delimiter: Delimiter, width: number): AsyncGenerator<ReadRow> {
  const parser = parse(csvOptions(delimiter))
  const feeding = (async () => {
    for await (const text of texts) {
      if (text !== '' && !parser.write(text)) await new Promise<void>((done) => parser.once('drain', done))
    }
    parser.end()
  })()
  feeding.catch((error: Error) => parser.destroy(error))
  let row = 0
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      row++
      if (row === 1) continue
      if (cells.length === width) yield { row, cells }
      else yield { row, bad: `has ${cells.length} cells, the header has ${width}`, raw: cells.join(delimiter) }
    }
  } catch (error) {
    // The parser cannot go on behind a cell without an end.
    yield { row: row + 1, bad: `cannot be read: ${(error as Error).message}`, raw: '' }
  } finally {
    parser.destroy()
  }
}

async function* ndjsonRows(texts: AsyncIterable<string>): AsyncGenerator<ReadRow> {
  let rest = ''
  let row = 0
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      row++
      const read = ndjsonRow(line, row)
      if (read) yield read
    }
  }
  const last = ndjsonRow(rest, row + 1)
  if (last) yield last
}

function ndjsonRow(line: string, row: number): ReadRow | null {
  const text = (row === 1 ? line.replace(/^\ufeff/, '') : line).trim()
  if (text === '') return null
  try {
    const value = JSON.parse(text) as Json
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { row, cells: value }
    return { row, bad: 'is no JSON object', raw: text.slice(0, 2000) }
  } catch (error) {
    return { row, bad: `is no JSON: ${(error as Error).message}`, raw: text.slice(0, 2000) }
  }
}
