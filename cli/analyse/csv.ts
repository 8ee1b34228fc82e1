import { readFileSync } from 'node:fs'
import { Misuse } from '../command.ts'

/** A table in a file: header names and a reader that hands over one row after the other without keeping them. */
export type CsvFile = {
  header: string[]
  delimiter: string
  /** Line 1 is the header; `row` counts lines of the file as an editor shows them. */
  each(visit: (cells: string[], row: number) => void): void
}

/** Reads comma, semicolon or tab separated text with quotes; `-` is standard input. */
export function readCsv(path: string): CsvFile {
  const text = readText(path)
  if (text.trim() === '') throw new Misuse(`${path} is empty.`)
  const end = text.indexOf('\n')
  const first = (end < 0 ? text : text.slice(0, end)).replace(/\r$/, '')
  const delimiter = delimiterOf(first)
  const header = cellsOf(first, delimiter).map((name) => name.trim())
  return {
    header,
    delimiter,
    each(visit) {
      let row = 1
      let start = end < 0 ? text.length : end + 1
      while (start < text.length) {
        row++
        let stop = text.indexOf('\n', start)
        if (stop < 0) stop = text.length
        let line = text.slice(start, text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop)
        const began = row
        // An odd number of quotes means that the cell goes on in the next line.
        while (line.includes('"') && quotesIn(line) % 2 === 1 && stop < text.length) {
          row++
          const next = text.indexOf('\n', stop + 1)
          const until = next < 0 ? text.length : next
          line += text.slice(stop, until).replace(/\r$/, '')
          stop = until
        }
        start = stop + 1
        if (line === '') continue
        const cells = cellsOf(line, delimiter)
        if (cells.length !== header.length) {
          throw new Misuse(
            `${path}, row ${began}: ${cells.length} cells where the header has ${header.length}.`,
            cells.length === 1 ? 'Is the separator another one?' : undefined,
          )
        }
        visit(cells, began)
      }
    },
  }
}

function readText(path: string): string {
  const bytes = readFileSync(path === '-' ? 0 : path)
  const text = bytes.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function delimiterOf(header: string): string {
  const counts = [',', ';', '\t'].map((mark) => ({ mark, count: header.split(mark).length }))
  return counts.sort((left, right) => right.count - left.count)[0]?.mark ?? ','
}

function quotesIn(line: string): number {
  let count = 0
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) count++
  return count
}

/** Cells of one record; quotes as in RFC 4180. */
export function cellsOf(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter)
  const cells: string[] = []
  let cell = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const sign = line[at] as string
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (line[at + 1] === '"') {
        cell += '"'
        at++
      } else quoted = false
    } else if (sign === '"' && cell === '') quoted = true
    else if (sign === delimiter) {
      cells.push(cell)
      cell = ''
    } else cell += sign
  }
  cells.push(cell)
  return cells
}

/** Position of a column; a name that is missing is told with what is there. */
export function columnOf(file: CsvFile, path: string, name: string): number {
  const index = file.header.indexOf(name)
  if (index < 0) throw new Misuse(`${path} has no column ${name}.`, `Its columns are ${file.header.join(', ')}.`)
  return index
}

/**
 * Watches the column of the currency, when there is one: amounts of two currencies are never added up. `refuse` names
 * the first row that differs.
 */
export function currencyIn(
  file: CsvFile,
  path: string,
): { see: (cells: string[], row: number) => void; refuse: () => void } {
  const at = file.header.findIndex((name) => /^(currency|currency_code|waehrung|währung)$/i.test(name))
  let first = ''
  let other: { row: number; currency: string } | null = null
  return {
    see(cells, row) {
      if (at < 0 || other !== null) return
      const currency = (cells[at] as string).trim()
      if (currency === '' || currency === first) return
      if (first === '') first = currency
      else other = { row, currency }
    },
    refuse() {
      if (other === null) return
      throw new Misuse(
        `${path}, row ${other.row}, ${file.header[at]}: ${other.currency} among amounts in ${first}.`,
        'Convert all amounts to one currency first, or ask for each currency by itself.',
      )
    },
  }
}

const missing = (text: string) =>
  text.trim() === '' ? 'Write 0 where there was nothing, or leave the row out.' : undefined

/** A number that is not negative, or a sentence with row and column. */
export function countIn(path: string, row: number, column: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new Misuse(`${path}, row ${row}, ${column}: "${text}" is no number.`, missing(text))
  if (value < 0)
    throw new Misuse(
      `${path}, row ${row}, ${column}: ${text} is negative.`,
      'Take what came back off the row that it belongs to, or leave the row out.',
    )
  return value
}

/** Any finite number, or a sentence with row and column. */
export function numberIn(path: string, row: number, column: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new Misuse(`${path}, row ${row}, ${column}: "${text}" is no number.`, missing(text))
  return value
}

/** An ISO day or instant as milliseconds, or a sentence with row and column. */
export function instantIn(path: string, row: number, column: string, text: string): number {
  const given = text.trim()
  const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(given)
  const value = iso
    ? Date.parse(
        given.length === 10 || /[Z+]|-\d{2}:?\d{2}$/.test(given.slice(10)) ? given : `${given.replace(' ', 'T')}Z`,
      )
    : Number.NaN
  const rolled = Number.isFinite(value) && given.length === 10 && new Date(value).toISOString().slice(0, 10) !== given
  if (!Number.isFinite(value) || rolled) {
    throw new Misuse(`${path}, row ${row}, ${column}: "${text}" is no date such as 2026-03-02.`)
  }
  return value
}
