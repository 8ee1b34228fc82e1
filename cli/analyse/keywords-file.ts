import { readFileSync } from 'node:fs'
import { Misuse } from '../command.ts'
import { cellsOf } from './csv.ts'

export type KeywordRow = {
  text: string
  impressions: number
  clicks: number
  conversions: number
  value: number
  position: number | null
  day: string | null
}

export type KeywordFile = {
  layout: 'own' | 'search console' | 'google ads' | 'bing ads'
  /** An experiment rotates texts at random; a search console only watches. */
  grade: 'experiment' | 'observation'
  rows: KeywordRow[]
  columns: string[]
  warnings: string[]
}

type Field = 'text' | 'impressions' | 'clicks' | 'conversions' | 'value' | 'position' | 'day'

/** Names of the columns of known exports, English and German, lower case. */
const known: { layout: KeywordFile['layout']; grade: KeywordFile['grade']; columns: { [Name in Field]?: string[] } }[] =
  [
    {
      layout: 'search console',
      grade: 'observation',
      columns: {
        text: ['top queries', 'query', 'queries', 'häufigste suchanfragen', 'suchanfrage', 'suchanfragen'],
        clicks: ['clicks', 'klicks'],
        impressions: ['impressions', 'impressionen'],
        position: ['position', 'average position', 'durchschnittliche position'],
        day: ['date', 'datum'],
      },
    },
    {
      layout: 'google ads',
      grade: 'experiment',
      columns: {
        text: ['search term', 'suchbegriff', 'keyword', 'search keyword', 'headline', 'anzeigentitel', 'ad text'],
        clicks: ['clicks', 'klicks'],
        impressions: ['impr.', 'impressions', 'impressionen', 'impr'],
        conversions: ['conversions', 'conv.'],
        value: ['conv. value', 'conversion value', 'conv.-wert', 'conversion-wert'],
        day: ['day', 'tag', 'date', 'datum'],
      },
    },
    {
      layout: 'bing ads',
      grade: 'experiment',
      columns: {
        text: ['search query', 'ad title', 'title part 1'],
        clicks: ['clicks'],
        impressions: ['impressions'],
        conversions: ['conversions'],
        value: ['revenue'],
        day: ['gregorian date', 'time period'],
      },
    },
    {
      layout: 'own',
      grade: 'experiment',
      columns: {
        text: ['text', 'headline', 'claim', 'keyword', 'term', 'name'],
        impressions: ['impressions', 'shown', 'views', 'impressionen'],
        clicks: ['clicks', 'klicks'],
        conversions: ['conversions', 'orders', 'sales', 'bestellungen'],
        value: ['value', 'margin', 'revenue', 'umsatz', 'marge'],
        position: ['position'],
        day: ['date', 'day', 'datum', 'tag'],
      },
    },
  ]

const totals = /^(total|totals|gesamt|summe|total: .*|gesamt: .*|insgesamt.*)$/i

/** Reads an own table or an export; lines before the header, totals, UTF-16, tabs and decimal commas are taken as they come. */
export function readKeywords(path: string): KeywordFile {
  const text = decoded(readFileSync(path === '-' ? 0 : path))
  if (text.trim() === '') throw new Misuse(`${path} is empty.`)
  const lines = text.split(/\r?\n/)
  const found = headerOf(lines)
  if (found === null) {
    const seen = (lines.find((line) => line.trim() !== '') ?? '').slice(0, 200)
    throw new Misuse(
      `${path}: no known layout. The header seen is "${seen}".`,
      `The nearest known one is ${nearestLayout(seen)}; an own table has the columns text, impressions, clicks and, where known, conversions, value, date.`,
    )
  }
  const { at, delimiter, header, layout } = found
  const place = (field: Field) => header.findIndex((name) => layout.columns[field]?.includes(name.toLowerCase()))
  const places = Object.fromEntries(
    (['text', 'impressions', 'clicks', 'conversions', 'value', 'position', 'day'] as const).map((field) => [
      field,
      place(field),
    ]),
  ) as { [Name in Field]: number }
  const comma = decimalComma(lines.slice(at + 1, at + 200), delimiter, [
    places.position,
    places.conversions,
    places.value,
  ])
  const rows: KeywordRow[] = []
  const warnings: string[] = []
  let [dropped, missing] = [0, 0]
  for (let index = at + 1; index < lines.length; index++) {
    const line = lines[index] as string
    if (line.trim() === '') continue
    const cells = cellsOf(line, delimiter)
    if (cells.some((cell, column) => totals.test(cell.trim()) && (column === places.text || column === 0))) {
      dropped++
      continue
    }
    if (cells.length !== header.length)
      throw new Misuse(`${path}, row ${index + 1}: ${cells.length} cells where the header has ${header.length}.`)
    const number = (field: Field, must: boolean) => {
      if (places[field] < 0) return 0
      const cell = (cells[places[field]] as string).trim()
      const value = numberOf(cell, comma)
      if (value === null) {
        if (must && !isMissing(cell))
          throw new Misuse(`${path}, row ${index + 1}, ${header[places[field]]}: "${cell}" is no number.`)
        missing++
        return Number.NaN
      }
      if (value < 0) throw new Misuse(`${path}, row ${index + 1}, ${header[places[field]]}: ${cell} is negative.`)
      return value
    }
    const [impressions, clicks] = [number('impressions', true), number('clicks', true)]
    if (Number.isNaN(impressions) || Number.isNaN(clicks)) continue
    if (clicks > impressions)
      throw new Misuse(
        `${path}, row ${index + 1}: ${clicks} clicks on ${impressions} impressions.`,
        'Are the columns swapped?',
      )
    const [conversions, value, position] = [
      number('conversions', true),
      number('value', true),
      places.position < 0 ? Number.NaN : number('position', true),
    ]
    rows.push({
      text: (cells[places.text] as string).trim(),
      impressions,
      clicks,
      conversions: conversions || 0,
      value: value || 0,
      position: Number.isNaN(position) ? null : position,
      day: places.day < 0 ? null : (cells[places.day] as string).trim(),
    })
  }
  if (dropped > 0) warnings.push(`${dropped} rows of totals are left out.`)
  if (missing > 0) warnings.push(`${missing} cells such as "--" or "< 10" count as unknown.`)
  return { layout: layout.layout, grade: layout.grade, rows, columns: header, warnings }
}

function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  const text = bytes.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** The header stands within the first lines (exports put a title and a period before it). */
function headerOf(lines: string[]) {
  for (let at = 0; at < Math.min(lines.length, 10); at++) {
    const line = lines[at] as string
    for (const delimiter of [',', ';', '\t']) {
      const header = cellsOf(line, delimiter).map((name) => name.trim())
      if (header.length < 3) continue
      const lower = header.map((name) => name.toLowerCase())
      const layout = known.find(({ columns }) =>
        (['text', 'impressions', 'clicks'] as const).every((field) =>
          columns[field]?.some((name) => lower.includes(name)),
        ),
      )
      if (layout !== undefined) return { at, delimiter, header, layout }
    }
  }
  return null
}

function nearestLayout(seen: string): string {
  const words = new Set(
    seen
      .toLowerCase()
      .split(/[,;\t]/)
      .map((word) => word.replaceAll('"', '').trim()),
  )
  const hits = known.map(({ layout, columns }) => ({
    layout,
    count: Object.values(columns).filter((namesOf) => namesOf.some((name) => words.has(name))).length,
    columns,
  }))
  hits.sort((left, right) => right.count - left.count)
  const best = hits[0] as (typeof hits)[number]
  return `"${best.layout}" (${Object.values(best.columns)
    .map(([name]) => name)
    .join(', ')})`
}

const isMissing = (cell: string) => cell === '' || /^(--|–|-|< ?\d+|n\/a)$/i.test(cell)

/** `1.234,5` or `1,234.5`? Decided by the whole column, not by the cell. */
function decimalComma(lines: string[], delimiter: string, places: number[]): boolean {
  if (delimiter === ',') {
    // With comma as separator a decimal comma can only stand in quotes.
    return lines.some((line) => /"\d+,\d{1,2}"|"\d{1,3}(\.\d{3})+,\d+"/.test(line))
  }
  return lines.some((line) => {
    const cells = cellsOf(line, delimiter)
    return places.some(
      (place) => place >= 0 && /,\d{1,2}$|,\d{4,}$|\.\d{3},/.test((cells[place] ?? '').replace(/[%\s€$]/g, '')),
    )
  })
}

function numberOf(cell: string, comma: boolean): number | null {
  if (isMissing(cell)) return null
  const bare = cell.replace(/[%€$£\s\u00a0']/g, '')
  const plain = comma ? bare.replaceAll('.', '').replace(',', '.') : bare.replaceAll(',', '')
  const value = Number(plain)
  return plain !== '' && Number.isFinite(value) ? value : null
}
