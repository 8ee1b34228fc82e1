import { kept } from '@einklang/contract'

/** One record: its cells, or the line that cannot be read and why. `lines` = how many lines of the file it fills. */
export type CsvRecord = { cells: string[]; lines: number } | { bad: string; raw: string; lines: number }

/** A cell that never ends must not swallow the rest of the file. */
const longestRecord = 1_000_000

/**
 * RFC 4180 as files really are: quotes inside bare cells stand for themselves, what follows a closing quote is kept,
 * cells may hold line breaks, lines end with CR, LF or both. A quote that is never closed costs its own line only.
 * Texts come in pieces of any size; each piece gives the records that end in it.
 */
export class CsvReader {
  #rest = ''
  #newline: '\n' | '\r' | null = null
  readonly #delimiter: string

  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  /** The records that are complete with this text. */
  take(text: string): CsvRecord[] {
    this.#rest += text
    this.#newline ??= newlineOf(this.#rest)
    return this.#newline === null ? [] : this.#records(false)
  }

  /** The last record, which may have no line end. */
  end(): CsvRecord[] {
    this.#newline ??= '\n'
    const records = this.#records(true)
    this.#rest = ''
    return records
  }

  #records(last: boolean): CsvRecord[] {
    const text = this.#rest
    const newline = this.#newline ?? '\n'
    const records: CsvRecord[] = []
    let at = 0
    let quote = text.indexOf('"')
    while (at < text.length) {
      let end = text.indexOf(newline, at)
      if (end < 0) {
        if (!last) break
        end = text.length
      }
      if (quote >= 0 && quote < at) quote = text.indexOf('"', at)
      if (quote < 0 || quote > end) {
        records.push({ cells: cut(text, at, end).split(this.#delimiter), lines: 1 })
        at = end + 1
        continue
      }
      const read = this.#quoted(text, at, last)
      if (read === 'more') {
        if (text.length - at <= longestRecord && !last) break
        records.push({
          bad: last ? kept('quote_open') : kept('quote_long', { most: longestRecord }),
          raw: cut(text, at, end),
          lines: 1,
        })
        at = end + 1
        continue
      }
      records.push({ cells: read.cells, lines: read.lines })
      at = read.end
    }
    this.#rest = at >= text.length ? '' : text.slice(at)
    return records
  }

  /** A record with quotes in it; `more` = its end has not come yet. */
  #quoted(text: string, start: number, last: boolean): { cells: string[]; lines: number; end: number } | 'more' {
    const newline = this.#newline ?? '\n'
    const delimiter = this.#delimiter
    const cells: string[] = []
    let lines = 1
    let at = start
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        let from = at + 1
        for (;;) {
          const close = text.indexOf('"', from)
          if (close < 0) return 'more'
          cell += text.slice(from, close)
          if (text[close + 1] === '"') {
            cell += '"'
            from = close + 2
          } else {
            // The next character decides whether the cell is over; it may not be here yet.
            if (close + 1 >= text.length && !last) return 'more'
            at = close + 1
            break
          }
        }
        lines += count(cell, newline)
      }
      const comma = text.indexOf(delimiter, at)
      let end = text.indexOf(newline, at)
      if (end < 0) {
        if (!last) return 'more'
        end = text.length
      }
      if (comma >= 0 && comma < end) {
        cells.push(cell + text.slice(at, comma))
        at = comma + 1
        continue
      }
      cells.push(cell + cut(text, at, end))
      return { cells, lines, end: end + 1 }
    }
  }
}

/** The line without the CR of a CRLF. */
function cut(text: string, from: number, to: number): string {
  return text.slice(from, to > from && text.charCodeAt(to - 1) === 13 ? to - 1 : to)
}

function count(text: string, mark: string): number {
  let found = 0
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found++
  return found
}

/** LF wherever there is one outside quotes; a CR alone ends lines only in files that have no LF. */
function newlineOf(text: string): '\n' | '\r' | null {
  const feed = text.indexOf('\n')
  const back = text.indexOf('\r')
  if (feed < 0 && back < 0) return null
  if (back >= 0 && (feed < 0 || back < feed - 1)) {
    // The CR may be the last character of a piece, its LF the first of the next.
    if (back === text.length - 1) return null
    const quotes = count(text.slice(0, back), '"')
    if (quotes % 2 === 0) return '\r'
  }
  return feed < 0 ? null : '\n'
}
