import { kept } from '@einklang/contract'
import type { SaxesAttributePlain, SaxesTagPlain } from 'saxes'
import { SaxesParser } from 'saxes'
import type { Archive } from './archive.ts'

/** A row of the first sheet with the number a spreadsheet shows; cells as text, dates as ISO without a zone. */
export type SheetRow = { row: number; cells: string[] }

/** Texts of a workbook stand once for all cells and have to be held. */
const mostTexts = 256 * 1024 ** 2
const mostColumns = 2_000

type Tag = SaxesTagPlain

/** Rows of the first visible sheet of an XLSX file, read as a stream. `decimal` is how numbers are written out. */
export async function* sheetRows(archive: Archive, decimal: '.' | ','): AsyncGenerator<SheetRow[]> {
  const book = await bookOf(archive)
  const texts = archive.names.includes('xl/sharedStrings.xml') ? await textsOf(archive) : []
  const dates = archive.names.includes('xl/styles.xml') ? await dateStylesOf(archive) : []
  const reader = new SheetReader({ texts, dates, since1904: book.since1904, decimal })
  for await (const text of decoded(archive.read(book.sheet))) {
    reader.write(text)
    const rows = reader.taken()
    if (rows.length > 0) yield rows
  }
  reader.close()
}

async function* decoded(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
}

async function walk(
  archive: Archive,
  name: string,
  on: { open?: (tag: Tag) => void; close?: (tag: Tag) => void; text?: (text: string) => void },
): Promise<void> {
  const parser = new SaxesParser()
  // An entity of our own making can only come from a DTD, and a workbook has none.
  parser.on('doctype', () => {
    throw new Error(kept('workbook_type', { name }))
  })
  if (on.open) parser.on('opentag', on.open)
  if (on.close) parser.on('closetag', on.close)
  if (on.text) parser.on('text', on.text)
  for await (const text of decoded(archive.read(name))) parser.write(text)
  parser.close()
}

/** Names may carry a prefix: `x:row`. */
function local(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function attribute(tag: Tag, name: string): string | undefined {
  const found = (tag.attributes as { [name: string]: string | SaxesAttributePlain })[name]
  return typeof found === 'string' ? found : undefined
}

async function bookOf(archive: Archive): Promise<{ sheet: string; since1904: boolean }> {
  if (!archive.names.includes('xl/workbook.xml')) throw new Error(kept('workbook_none'))
  let first: string | undefined
  let since1904 = false
  await walk(archive, 'xl/workbook.xml', {
    open(tag) {
      if (local(tag.name) === 'workbookPr') since1904 = /^(1|true)$/.test(attribute(tag, 'date1904') ?? '')
      if (local(tag.name) === 'sheet' && first === undefined && !attribute(tag, 'state')?.includes('idden')) {
        const named = Object.keys(tag.attributes).find((name) => local(name) === 'id' && name !== 'id')
        first = named === undefined ? undefined : attribute(tag, named)
      }
    },
  })
  let target: string | undefined
  if (first !== undefined && archive.names.includes('xl/_rels/workbook.xml.rels')) {
    await walk(archive, 'xl/_rels/workbook.xml.rels', {
      open(tag) {
        if (attribute(tag, 'Id') === first) target = attribute(tag, 'Target')
      },
    })
  }
  const sheet =
    target === undefined ? 'xl/worksheets/sheet1.xml' : target.startsWith('/') ? target.slice(1) : `xl/${target}`
  if (!archive.names.includes(sheet)) throw new Error(kept('workbook_sheet', { sheet }))
  return { sheet, since1904 }
}

async function textsOf(archive: Archive): Promise<string[]> {
  const texts: string[] = []
  let size = 0
  let text = ''
  let inside = false
  let phonetic = 0
  await walk(archive, 'xl/sharedStrings.xml', {
    open(tag) {
      const name = local(tag.name)
      if (name === 'si') text = ''
      else if (name === 'rPh') phonetic++
      else if (name === 't') inside = phonetic === 0
    },
    text(piece) {
      if (inside) text += piece
    },
    close(tag) {
      const name = local(tag.name)
      if (name === 't') inside = false
      else if (name === 'rPh') phonetic--
      else if (name === 'si') {
        size += text.length
        if (size > mostTexts) throw new Error(kept('workbook_text'))
        texts.push(text)
      }
    },
  })
  return texts
}

/** Which cell styles show dates: the built-in ones and formats with day, month or year in them. */
async function dateStylesOf(archive: Archive): Promise<boolean[]> {
  const formats = new Map<number, boolean>()
  const styles: boolean[] = []
  let inCells = false
  await walk(archive, 'xl/styles.xml', {
    open(tag) {
      const name = local(tag.name)
      if (name === 'numFmt') {
        const code = (attribute(tag, 'formatCode') ?? '').replaceAll(/"[^"]*"|\\.|\[[^\]]*\]/g, '')
        formats.set(Number(attribute(tag, 'numFmtId')), /[dyhs]|m(?!l)/i.test(code) && !/general/i.test(code))
      } else if (name === 'cellXfs') inCells = true
      else if (name === 'xf' && inCells) {
        const id = Number(attribute(tag, 'numFmtId'))
        styles.push(formats.get(id) ?? ((id >= 14 && id <= 22) || (id >= 45 && id <= 47)))
      }
    },
    close(tag) {
      if (local(tag.name) === 'cellXfs') inCells = false
    },
  })
  return styles
}

type Facts = { texts: string[]; dates: boolean[]; since1904: boolean; decimal: '.' | ',' }

class SheetReader {
  readonly #parser = new SaxesParser()
  #rows: SheetRow[] = []
  #cells: string[] = []
  #row = 0
  #column = 0
  #type = 'n'
  #style = 0
  #value = ''
  #inside = false
  #phonetic = 0

  constructor(facts: Facts) {
    this.#parser.on('doctype', () => {
      throw new Error(kept('workbook_type', { name: 'sheet' }))
    })
    this.#parser.on('opentag', (tag) => this.#open(tag))
    this.#parser.on('text', (text) => {
      if (this.#inside) this.#value += text
    })
    this.#parser.on('closetag', (tag) => this.#close(tag, facts))
  }

  write(text: string): void {
    this.#parser.write(text)
  }

  close(): void {
    this.#parser.close()
  }

  taken(): SheetRow[] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  #open(tag: Tag): void {
    const name = local(tag.name)
    if (name === 'row') {
      this.#row = Number(attribute(tag, 'r') ?? this.#row + 1)
      this.#cells = []
      this.#column = 0
    } else if (name === 'c') {
      const at = attribute(tag, 'r')
      if (at !== undefined) this.#column = columnOf(at)
      if (this.#column >= mostColumns) throw new Error(kept('workbook_columns', { most: mostColumns }))
      this.#type = attribute(tag, 't') ?? 'n'
      this.#style = Number(attribute(tag, 's') ?? 0)
      this.#value = ''
    } else if (name === 'rPh') this.#phonetic++
    else if (name === 'v' || name === 't') this.#inside = this.#phonetic === 0
  }

  #close(tag: Tag, facts: Facts): void {
    const name = local(tag.name)
    if (name === 'v' || name === 't') this.#inside = false
    else if (name === 'rPh') this.#phonetic--
    else if (name === 'c') {
      while (this.#cells.length < this.#column) this.#cells.push('')
      this.#cells[this.#column] = cellText(this.#type, this.#style, this.#value, facts)
      this.#column++
    } else if (name === 'row' && this.#cells.some((cell) => cell !== '')) {
      this.#rows.push({ row: this.#row, cells: this.#cells })
    }
  }
}

function cellText(type: string, style: number, value: string, facts: Facts): string {
  if (type === 's') return facts.texts[Number(value)] ?? ''
  if (type === 'b') return value === '1' ? 'true' : value === '0' ? 'false' : value
  // `#N/A` and its like say nothing.
  if (type === 'e') return ''
  if (type !== 'n' || value === '') return value
  const number = Number(value)
  if (!Number.isFinite(number)) return value
  if (facts.dates[style]) return dateText(number, facts.since1904)
  const text = String(number)
  return facts.decimal === ',' ? text.replace('.', ',') : text
}

/** Days since 1899-12-30 (the calendar with the wrong leap day of 1900) or since 1904-01-01. */
function dateText(serial: number, since1904: boolean): string {
  const start = since1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30)
  const at = new Date(start + Math.round(serial * 86_400) * 1000)
  if (Number.isNaN(at.getTime())) return String(serial)
  const text = at.toISOString()
  return Number.isInteger(serial) ? text.slice(0, 10) : text.slice(0, 19)
}

/** `BC12` → 54: letters are digits to the base of 26. */
function columnOf(cell: string): number {
  let column = 0
  for (let at = 0; at < cell.length; at++) {
    const code = cell.charCodeAt(at)
    if (code < 65 || code > 90) break
    column = column * 26 + code - 64
  }
  return column - 1
}
