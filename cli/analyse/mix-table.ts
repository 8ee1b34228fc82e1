import { type MixData, type MixSpec, type Proposal, type ProposalColumn, proposeMix } from '@einklang/stats'
import { Misuse } from '../command.ts'
import { type CsvFile, columnOf, currencyIn, readCsv } from './csv.ts'

const dayMs = 86_400_000
const weekMs = 7 * dayMs

type Rows = { file: CsvFile; path: string; rows: { cells: string[]; row: number }[] }

/** Reads a file whole; weekly tables are small. */
export function readRows(path: string): Rows {
  const file = readCsv(path)
  const rows: Rows['rows'] = []
  file.each((cells, row) => rows.push({ cells, row }))
  if (rows.length === 0) throw new Misuse(`${path} has a header but no rows.`)
  return { file, path, rows }
}

/** How dates are written: the first way in which all rows can be read and lie whole weeks apart. */
const ways: { name: string; of(text: string): number }[] = [
  { name: '2026-03-02', of: (text) => parts(/^(?<y>\d{4})-(?<m>\d{1,2})-(?<d>\d{1,2})(?:[T ].*)?$/, text) },
  { name: '02.03.2026', of: (text) => parts(/^(?<d>\d{1,2})\.(?<m>\d{1,2})\.(?<y>\d{4})$/, text) },
  { name: '3/2/2026 (month first)', of: (text) => parts(/^(?<m>\d{1,2})\/(?<d>\d{1,2})\/(?<y>\d{4})$/, text) },
  { name: '2/3/2026 (day first)', of: (text) => parts(/^(?<d>\d{1,2})\/(?<m>\d{1,2})\/(?<y>\d{4})$/, text) },
]

function parts(form: RegExp, text: string): number {
  const found = form.exec(text.trim())?.groups
  if (found === undefined) return Number.NaN
  const [y, m, d] = [Number(found['y']), Number(found['m']), Number(found['d'])]
  const time = Date.UTC(y, m - 1, d)
  return new Date(time).getUTCMonth() === m - 1 && new Date(time).getUTCDate() === d ? time : Number.NaN
}

function daysOf({ path, rows }: Rows, column: number, name: string): Float64Array {
  const readable = ways
    .map(({ of }) => Float64Array.from(rows, ({ cells }) => of(cells[column] as string)))
    .filter((days) => days.every(Number.isFinite))
  const weekly = readable.find((days) => days.every((day) => (day - (days[0] as number)) % weekMs === 0))
  if (weekly !== undefined) return weekly
  if (readable.length > 0) return readable[0] as Float64Array
  // Name the row that does not fit the way most others are written.
  const best = ways
    .map((way) => ({ way, bad: rows.filter(({ cells }) => !Number.isFinite(way.of(cells[column] as string))) }))
    .sort((left, right) => left.bad.length - right.bad.length)[0]
  const first = best?.bad[0]
  const others = best !== undefined && best.bad.length < rows.length ? ` like the other rows (${best.way.name})` : ''
  throw new Misuse(
    `${path}, row ${first?.row}, ${name}: "${first?.cells[column]}" is no date${others}.`,
    'Write all dates as 2026-03-02.',
  )
}

/** A number in the usual or, beside semicolons, the German way of writing. */
function numberIn(text: string, delimiter: string): number {
  const given = text.trim()
  if (given === '') return Number.NaN
  if (delimiter !== ',' && /^-?\d{1,3}(\.\d{3})*,\d+$|^-?\d+,\d+$/.test(given))
    return Number(given.replaceAll('.', '').replace(',', '.'))
  return Number(given)
}

export type TableOptions = { fillGaps: boolean }

/** The table of a mix model, or a sentence with row and column. */
export function mixDataOf(table: Rows, spec: MixSpec, options: TableOptions): { data: MixData; notes: string[] } {
  const { file, path, rows } = table
  const notes: string[] = []
  const date = columnOf(file, path, spec.date)
  const days = daysOf(table, date, spec.date)
  const geo = spec.geo === undefined ? null : columnOf(file, path, spec.geo)
  const regions =
    geo === null ? [''] : [...new Set(rows.map(({ cells }) => (cells[geo] as string).trim()))].sort(byText)
  if (geo !== null) {
    const nameless = rows.find(({ cells }) => (cells[geo] as string).trim() === '')
    if (nameless !== undefined) throw new Misuse(`${path}, row ${nameless.row}, ${spec.geo}: there is no region.`)
  }
  const money = currencyIn(file, path)
  for (const { cells, row } of rows) money.see(cells, row)
  money.refuse()
  const starts = weeksOf(table, days, regions.length)
  const place = new Map(starts.map((start, week) => [start, week]))
  const weeks = starts.length
  const cellOf = new Int32Array(rows.length)
  const rowOf = new Int32Array(weeks * regions.length).fill(-1)
  const regionPlace = new Map(regions.map((name, index) => [name, index]))
  for (const [index, { cells, row }] of rows.entries()) {
    const region = geo === null ? 0 : (regionPlace.get((cells[geo] as string).trim()) as number)
    const cell = region * weeks + (place.get(days[index] as number) as number)
    if ((rowOf[cell] as number) >= 0) {
      const where = geo === null ? '' : ` of ${regions[region]}`
      const several = geo === null ? ' Are there several regions? Then name their column as geo.' : ''
      throw new Misuse(
        `${path}, row ${row}, ${spec.date}: the week ${dayOf(days[index] as number)}${where} stands already in row ${rows[rowOf[cell] as number]?.row}.${several}`,
        'Keep one row per week and region.',
      )
    }
    rowOf[cell] = index
    cellOf[index] = cell
  }
  const gaps = [...rowOf.keys()].filter((cell) => (rowOf[cell] as number) < 0)
  if (gaps.length > 0) {
    const cell = gaps[0] as number
    const where = geo === null ? '' : ` of ${regions[Math.floor(cell / weeks)]}`
    if (!options.fillGaps)
      throw new Misuse(
        `${path}, column ${spec.date}: the week ${dayOf(starts[cell % weeks] as number)}${where} is missing (${gaps.length} missing in all).`,
        'Add them, or give --fill-gaps: it counts them as without spend and puts the outcome between its neighbours.',
      )
    notes.push(
      `${gaps.length} missing weeks were filled: no spend, outcome and controls between their neighbours (first: ${dayOf(starts[cell % weeks] as number)}${where}).`,
    )
  }
  const column = (name: string, kind: 'spend' | 'other'): Float64Array => {
    const at = columnOf(file, path, name)
    const values = new Float64Array(weeks * regions.length).fill(Number.NaN)
    for (const [index, { cells, row }] of rows.entries()) {
      const text = cells[at] as string
      const value = numberIn(text, file.delimiter)
      if (!Number.isFinite(value))
        throw new Misuse(
          `${path}, row ${row}, ${name}: "${text}" is no number.`,
          text.trim() === '' ? 'Write 0 where nothing was spent.' : undefined,
        )
      if (kind === 'spend' && value < 0)
        throw new Misuse(`${path}, row ${row}, ${name}: ${text} is negative.`, creditNotes)
      values[cellOf[index] as number] = value
    }
    for (const cell of gaps) if (kind === 'spend') values[cell] = 0
    if (kind === 'other' && gaps.length > 0) interpolate(values, weeks)
    return values
  }
  const controls = spec.controls ?? []
  return {
    data: {
      weeks: starts.map(dayOf),
      regions,
      outcome: column(spec.outcome, 'other'),
      ...(spec.online === undefined ? {} : { online: column(spec.online, 'other') }),
      spend: spec.channels.map(({ spend }) => column(spend, 'spend')),
      exposure: spec.channels.map(({ exposure }) => (exposure === undefined ? null : column(exposure, 'spend'))),
      controls: controls.map((name) => ({ name, values: column(name, 'other') })),
    },
    notes,
  }
}

function interpolate(values: Float64Array, weeks: number): void {
  for (let from = 0; from < values.length; from += weeks) {
    const own = values.subarray(from, from + weeks)
    const known = [...own.keys()].filter((week) => Number.isFinite(own[week]))
    for (let week = 0; week < weeks; week++) {
      if (Number.isFinite(own[week])) continue
      const before = known.findLast((one) => one < week)
      const after = known.find((one) => one > week)
      const [left, right] = [own[before ?? (after as number)] as number, own[after ?? (before as number)] as number]
      const share = before === undefined || after === undefined ? 0 : (week - before) / (after - before)
      own[week] = left + share * (right - left)
    }
  }
}

/** All weeks from the first to the last; rows that are not weeks apart are refused with the pace they have. */
function weeksOf({ path, rows }: Rows, days: Float64Array, regions: number): number[] {
  const distinct = [...new Set(days)].sort((left, right) => left - right)
  const first = distinct[0] as number
  const odd = days.findIndex((day) => (day - first) % weekMs !== 0)
  if (odd >= 0) {
    const gaps = distinct.slice(1).map((day, index) => (day - (distinct[index] as number)) / dayMs)
    const usual = gaps.toSorted((left, right) => left - right)[Math.floor(gaps.length / 2)]
    const pace =
      usual === 1
        ? 'Rows are a day apart'
        : usual !== undefined && usual > 27
          ? 'Rows are a month apart'
          : `${dayOf(days[odd] as number)} is not whole weeks after ${dayOf(first)}`
    throw new Misuse(
      `${path}, row ${rows[odd]?.row}: ${pace}; a mix model needs one row per week${regions > 1 ? ' and region' : ''}.`,
      usual === 1 ? 'Add the days of each week up.' : 'Give the first day of each week.',
    )
  }
  const last = distinct.at(-1) as number
  const count = (last - first) / weekMs + 1
  if (count > 2000)
    throw new Misuse(`${path}: the dates reach over ${Math.round(count / 52)} years; is one of them wrong?`)
  return Array.from({ length: count }, (_, week) => first + week * weekMs)
}

/** A specification proposed from the columns. */
export function proposalOf(table: Rows): Proposal {
  const { file, path, rows } = table
  const columns = file.header.map((name, at): ProposalColumn => {
    const cells = rows.map(({ cells: own }) => own[at] as string)
    const numbers = Float64Array.from(cells, (text) => numberIn(text, file.delimiter))
    return {
      name,
      numbers: numbers.every(Number.isFinite) ? numbers : null,
      distinct: new Set(cells).size,
      dates: ways.some(({ of }) => cells.every((text) => Number.isFinite(of(text)))),
    }
  })
  const dates = columns.find(({ dates: all }) => all)
  const weeks = dates === undefined ? 0 : dates.distinct
  const proposal = proposeMix(columns, weeks)
  if ('because' in proposal)
    throw new Misuse(`${path}: ${proposal.because}`, 'Write a specification and give it with --spec.')
  refuseFewBadCells(table, proposal)
  return proposal
}

const creditNotes = 'Take credit notes off the weeks that they belong to.'
/** A column whose cells are numbers up to this share was meant as one. */
const meantAsNumbers = 0.9

/** A model without a channel whose column has a slip in it would look as sure as one with it. */
function refuseFewBadCells({ file, path, rows }: Rows, { unused }: Proposal): void {
  for (const { column } of unused) {
    const at = columnOf(file, path, column)
    const valueOf = ({ cells }: Rows['rows'][number]) => numberIn(cells[at] as string, file.delimiter)
    const bad = rows.filter((one) => !Number.isFinite(valueOf(one)))
    const [first] = bad
    if (first !== undefined && bad.length <= (1 - meantAsNumbers) * rows.length)
      throw new Misuse(
        `${path}, row ${first.row}, ${column}: "${first.cells[at]}" is no number.`,
        'Write 0 where nothing was spent, or give --spec with a specification that leaves the column out.',
      )
    const negative = rows.find((one) => valueOf(one) < 0)
    if (bad.length === 0 && negative !== undefined && spendLike(unused, column))
      throw new Misuse(`${path}, row ${negative.row}, ${column}: ${negative.cells[at]} is negative.`, creditNotes)
  }
}

const spendLike = (unused: Proposal['unused'], column: string) =>
  unused.some((one) => one.column === column && one.because === 'holds negative values')

export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function byText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
