import { gunzipSync } from 'node:zlib'

/** A table of a file, walked over as often as asked: CSV with any usual delimiter and encoding, also gzipped. */
export type Table = {
  header: string[]
  delimiter: string
  encoding: string
  /** What the reader should know of the file, in sentences. */
  notes: string[]
  /** Cells trimmed; null where a row has another number of cells than the header. `line` as an editor shows it. */
  each(visit: Visit): void
}

/** Called for each row; false ends the walk. */
export type Visit = (cells: string[] | null, line: number) => void | false

/** What is wrong with a file, in one sentence. */
export class WrongTable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WrongTable'
  }
}

/** `path` is only what the sentences call it. */
export function readTable(given: Buffer, path: string): Table {
  const bytes = given[0] === 0x1f && given[1] === 0x8b ? gunzipSync(given) : given
  const { text, encoding, western } = decoded(bytes)
  if (text.trim() === '') throw new WrongTable(`${path} is empty.`)
  const first = text.slice(0, text.search(/\r?\n|$/))
  const delimiter = delimiterOf(first)
  let header: string[] = []
  let start = 0
  walk(text, delimiter, 0, 1, (cells, _line, next) => {
    header = cells.map((cell) => cell.trim())
    start = next
    return false
  })
  if (looksLikeData(header)) {
    throw new WrongTable(
      `${path}, line 1: the first row looks like data (${header.slice(0, 4).join(', ')}); a header with names of columns is needed.`,
    )
  }
  const repeated = header.find((name, at) => name !== '' && header.indexOf(name) !== at)
  if (repeated) throw new WrongTable(`${path}, line 1: two columns are called "${repeated}".`)
  if (text.slice(start).trim() === '') throw new WrongTable(`${path} has a header and no row.`)
  const lines = text.slice(0, start).split('\n').length
  return {
    header,
    delimiter,
    encoding,
    notes:
      encoding === 'mixed'
        ? [`${path}: ${western} lines are no UTF-8 as the others; they were read as Windows-1252.`]
        : [],
    each(visit) {
      walk(text, delimiter, start, lines, (cells, line) => {
        if (cells.length === 1 && cells[0]?.trim() === '' && header.length > 1) return true
        const trimmed = cells.length === header.length ? cells.map((cell) => cell.trim()) : null
        return visit(trimmed, line) !== false
      })
    },
  }
}

function decoded(bytes: Buffer): { text: string; encoding: string; western?: number } {
  const clean = (text: string) => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { text: clean(bytes.toString('utf16le')), encoding: 'utf-16le' }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return {
      text: clean(
        Buffer.from(bytes.subarray(0, bytes.length & ~1))
          .swap16()
          .toString('utf16le'),
      ),
      encoding: 'utf-16be',
    }
  }
  try {
    return { text: clean(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), encoding: 'utf-8' }
  } catch {
    return mixed(bytes)
  }
}

/** Lines that are good UTF-8 stay so; the others are taken for Windows-1252: files glued together hold both. */
function mixed(bytes: Buffer): { text: string; encoding: string; western: number } {
  const strict = new TextDecoder('utf-8', { fatal: true })
  const western = new TextDecoder('windows-1252')
  let lines = 0
  let beyond = 0
  const pieces: string[] = []
  let start = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start)
    const line = bytes.subarray(start, end < 0 ? bytes.length : end + 1)
    try {
      const piece = strict.decode(line)
      if (piece.length < line.length) beyond++
      pieces.push(piece)
    } catch {
      pieces.push(western.decode(line))
      lines++
    }
    start += line.length
  }
  return { text: pieces.join(''), encoding: beyond > 0 ? 'mixed' : 'windows-1252', western: lines }
}

function delimiterOf(header: string): string {
  const counts = [',', ';', '\t', '|'].map((mark) => ({ mark, count: header.split(mark).length }))
  return counts.sort((one, other) => other.count - one.count)[0]?.mark ?? ','
}

/** A header holds names: no address of mail, telephone number or date, and hardly any numbers alone. */
function looksLikeData(header: string[]): boolean {
  const filled = header.filter((name) => name !== '')
  if (filled.length === 0) return true
  const told = /^\S+@\S+\.\S+$|^\+?\d[\d /()-]{6,}$|^\d{4}-\d\d-\d\d|^\d{1,2}[./]\d{1,2}[./]\d{2,4}$/
  if (filled.some((name) => told.test(name))) return true
  const odd = filled.filter((name) => /^[\d.,:/+-]+$/.test(name))
  return odd.length > 0 && odd.length * 3 >= filled.length
}

/** Walks over rows; quotes as in RFC 4180, also after a blank as some programs write them. */
function walk(
  text: string,
  delimiter: string,
  from: number,
  firstLine: number,
  visit: (cells: string[], line: number, next: number) => boolean,
): void {
  let at = from
  let line = firstLine
  // Remembered: without quotes each row would search the whole rest of the file.
  let quote = -1
  while (at < text.length) {
    let end = text.indexOf('\n', at)
    if (end < 0) end = text.length
    if (quote < at) {
      quote = text.indexOf('"', at)
      if (quote < 0) quote = text.length
    }
    const began = line
    if (quote >= end) {
      const stop = text.charCodeAt(end - 1) === 13 ? end - 1 : end
      line++
      const cells = text.slice(at, stop).split(delimiter)
      at = end + 1
      if (!visit(cells, began, at)) return
      continue
    }
    const cells: string[] = []
    let cell = ''
    let quoted = false
    for (; ; at++) {
      const sign = text[at]
      if (sign === undefined) break
      if (quoted) {
        if (sign !== '"') {
          if (sign === '\n') line++
          cell += sign
        } else if (text[at + 1] === '"') {
          cell += '"'
          at++
        } else quoted = false
      } else if (sign === '"' && cell.trim() === '') {
        cell = ''
        quoted = true
      } else if (sign === delimiter) {
        cells.push(cell)
        cell = ''
      } else if (sign === '\n') break
      else cell += sign
    }
    cells.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell)
    line++
    at++
    if (!visit(cells, began, at)) return
  }
}
