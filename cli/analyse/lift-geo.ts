import { readFileSync, writeFileSync } from 'node:fs'
import {
  drawsFrom,
  type GeoResult,
  geoBasedReturn,
  geoPower,
  type Interval,
  type Panel,
  pairRegions,
  placeboInSpace,
  returnOnSpend,
  syntheticControl,
  timeBasedRegression,
} from '@einklang/stats'
import { type Call, type FlagTable, Misuse } from '../command.ts'
import { columnOf, currencyIn, instantIn, numberIn, readCsv } from './csv.ts'
import { geoReport } from './lift-report.ts'

const dayMs = 86_400_000

export const geoFlags: FlagTable = {
  geo: { value: 'FILE', text: 'regions instead of persons: CSV with one row per region and day' },
  region: { value: 'COLUMN', text: 'with --geo: column of the region (default: region)' },
  treated: {
    value: 'NAMES',
    text: 'with --geo: regions with the campaign, comma-separated, or @FILE with one per line',
  },
  start: { value: 'DAY', text: 'with --geo: first day of the campaign' },
  end: { value: 'DAY', text: 'with --geo: last day of the campaign (default: the last day of the file)' },
  spend: { value: 'COLUMN', text: 'with --geo: column of the spend; gives the return per unit of money' },
  'fill-gaps': { text: 'with --geo: days missing for a region count as 0' },
  pairs: { text: 'with --geo: propose pairs of like regions and draw one of each for a campaign' },
  days: { value: 'COUNT', text: 'with --geo and without --start: length of the planned campaign (default: 28)' },
}

type Read = { panel: Panel; spend: Float64Array[] | null; days: number[]; warnings: string[] }

const textOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)

export async function geoLift(call: Call) {
  const path = call.flag('geo') as string
  const read = readPanel(call, path)
  const level = Number(call.flag('level') ?? '0.9')
  if (!(level > 0 && level < 1)) throw new Misuse(`--level is a share between 0 and 1, not ${call.flag('level')}.`)
  if (call.switch('pairs')) return pairsOf(call, read)
  const treated = treatedOf(call, read.panel, path)
  if (call.flag('start') === undefined) return powerOf(call, read, treated, level)
  const { start, end } = spanOf(call, read)
  const controls = read.panel.regions.length - treated.length
  const test = { panel: read.panel, treated, start, end }
  const line = timeBasedRegression(test, level)
  const mixed = controls >= 3 ? syntheticControl(test, level) : null
  const warnings = [...read.warnings, ...new Set([...line.warnings, ...(mixed?.warnings ?? [])])]
  if (mixed === null)
    warnings.push(`With ${controls} control regions there is nothing to mix: only the time-based regression is shown.`)
  if (mixed !== null && (line.increment.low > mixed.increment.high || mixed.increment.low > line.increment.high)) {
    warnings.push('The two methods contradict each other; the comparison regions do not explain the treated ones well.')
  }
  const spend = spendOf(read, treated, start, end)
  if (spend === 0)
    warnings.push('The treated regions spent no more than before, so there is no return on spend to state.')
  const results = [line, ...(mixed === null ? [] : [mixed])].map((result) => ({
    method: result.method,
    increment: result.increment,
    relative: result.relative,
    pValue: result.pValue,
    fitError: result.fitError,
    roas: spend === null ? null : returnOnSpend(result.increment, spend),
    weights: result.weights,
  }))
  const document = {
    outcome: call.flag('outcome') ?? 'outcome',
    level,
    regions: read.panel.regions.length,
    treated: treated.map((region) => read.panel.regions[region] as string),
    before: { from: textOf(read.days[0] as number), to: textOf(read.days[start - 1] as number), periods: start },
    campaign: {
      from: textOf(read.days[start] as number),
      to: textOf(read.days[end - 1] as number),
      periods: end - start,
    },
    spend,
    results,
    geoBasedReturn: spend === null ? null : byRegion(read, treated, start, end, level),
    placeboInSpace: controls >= 5 && controls <= 200 ? placeboInSpace(test).pValue : null,
    series: [line, ...(mixed === null ? [] : [mixed])].map((result) => seriesOf(result, read.days)),
    warnings,
  }
  show(call, document)
  const out = call.flag('out')
  if (out !== undefined) writeFileSync(out, csvOf(document.series))
  const report = call.flag('report')
  if (report !== undefined) writeFileSync(report, geoReport(document, path))
  return document
}

export type GeoDocument = Extract<Awaited<ReturnType<typeof geoLift>>, { results: unknown }>
export type GeoPower = ReturnType<typeof powerOf>
export type GeoPairs = ReturnType<typeof pairsOf>

function readPanel(call: Call, path: string): Read {
  const file = readCsv(path)
  const names = {
    region: call.flag('region') ?? 'region',
    date: call.flag('date') ?? 'date',
    outcome: call.flag('outcome') ?? 'outcome',
  }
  const [region, date, outcome] = [names.region, names.date, names.outcome].map((name) =>
    columnOf(file, path, name),
  ) as [number, number, number]
  const spendName = call.flag('spend')
  const spend = spendName === undefined ? -1 : columnOf(file, path, spendName)
  const cellsOf = new Map<string, Map<number, { value: number; spend: number; row: number }>>()
  const seen = new Set<number>()
  const money = currencyIn(file, path)
  file.each((cells, row) => {
    money.see(cells, row)
    const name = (cells[region] as string).trim()
    if (name === '') throw new Misuse(`${path}, row ${row}, ${names.region}: it is empty.`)
    const day = Math.floor(instantIn(path, row, names.date, cells[date] as string) / dayMs)
    let own = cellsOf.get(name)
    if (own === undefined) cellsOf.set(name, (own = new Map()))
    const before = own.get(day)
    if (before !== undefined)
      throw new Misuse(`${path}, row ${row}: ${name} already has a row for ${textOf(day)}, in row ${before.row}.`)
    const cost = spend < 0 ? 0 : numberIn(path, row, spendName as string, cells[spend] as string)
    if (cost < 0)
      throw new Misuse(
        `${path}, row ${row}, ${spendName}: ${cost} is negative.`,
        'Take credit notes off the days that they belong to.',
      )
    own.set(day, { value: numberIn(path, row, names.outcome, cells[outcome] as string), spend: cost, row })
    seen.add(day)
  })
  money.refuse()
  if (cellsOf.size < 2)
    throw new Misuse(`${path} has ${cellsOf.size} region: a campaign region needs others to be compared with.`)
  const days = [...seen].sort((left, right) => left - right)
  const regions = [...cellsOf.keys()]
  const gaps = regions.flatMap((name) =>
    days.filter((day) => !cellsOf.get(name)?.has(day)).map((day) => ({ name, day })),
  )
  if (gaps.length > 0 && !call.switch('fill-gaps')) {
    const [first] = gaps as [{ name: string; day: number }]
    throw new Misuse(
      `${path}: ${gaps.length} days are missing, first ${first.name} on ${textOf(first.day)}.`,
      'Fill them, or count them as 0 with --fill-gaps.',
    )
  }
  const step = stepOf(days)
  const hole = days.findIndex((day, index) => index > 0 && day - (days[index - 1] as number) !== step)
  const warnings = gaps.length > 0 ? [`${gaps.length} missing days count as 0.`] : []
  if (hole > 0)
    warnings.push(
      `No region has a row between ${textOf(days[hole - 1] as number)} and ${textOf(days[hole] as number)}; the periods are taken as if they followed each other.`,
    )
  const pick = (what: 'value' | 'spend') =>
    regions.map((name) => Float64Array.from(days, (day) => cellsOf.get(name)?.get(day)?.[what] ?? 0))
  return {
    panel: { regions, periods: days.length, values: pick('value') },
    spend: spend < 0 ? null : pick('spend'),
    days,
    warnings,
  }
}

function stepOf(days: number[]): number {
  const gaps = days
    .slice(1)
    .map((day, index) => day - (days[index] as number))
    .sort((left, right) => left - right)
  return gaps[Math.floor(gaps.length / 2)] ?? 1
}

function treatedOf(call: Call, panel: Panel, path: string): number[] {
  const given = call.flag('treated')
  if (given === undefined)
    throw new Misuse('Which regions had the campaign?', '--treated NAME,NAME or --pairs to draw some')
  const names = (given.startsWith('@') ? readFileSync(given.slice(1), 'utf8').split('\n') : given.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const treated = names.map((name) => {
    const index = panel.regions.indexOf(name)
    if (index < 0)
      throw new Misuse(
        `${path} has no region "${name}".`,
        `Its regions are ${panel.regions.slice(0, 20).join(', ')}${panel.regions.length > 20 ? ' …' : ''}.`,
      )
    return index
  })
  if (new Set(treated).size === panel.regions.length)
    throw new Misuse(
      'Every region had the campaign, so nothing can be compared.',
      'Leave at least three regions without it.',
    )
  return [...new Set(treated)]
}

function spanOf(call: Call, { days }: Read): { start: number; end: number } {
  const dayOf = (flag: string) => {
    const text = call.flag(flag)
    if (text === undefined) return null
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
    if (!Number.isFinite(time)) throw new Misuse(`--${flag} is a day such as 2026-03-02, not ${text}.`)
    return time / dayMs
  }
  const [from, to] = [dayOf('start') as number, dayOf('end')]
  const start = days.findIndex((day) => day >= from)
  const last = to === null ? days.length - 1 : days.findLastIndex((day) => day <= to)
  if (start < 0 || last < start)
    throw new Misuse(
      `The file covers ${textOf(days[0] as number)} to ${textOf(days.at(-1) as number)}; no row lies in the campaign.`,
    )
  if (start < 8)
    throw new Misuse(
      `There are ${start} periods before the campaign: too few to know how the regions move together.`,
      'Give at least 8, better several times the length of the campaign.',
    )
  return { start, end: last + 1 }
}

function between(values: Float64Array, start: number, end: number): number {
  return values.subarray(start, end).reduce((sum, value) => sum + value, 0)
}

/** Additional spend of the treated regions: above what the days before would make it. */
function spendOf({ spend }: Read, treated: number[], start: number, end: number): number | null {
  if (spend === null) return null
  return treated.reduce((sum, region) => {
    const own = spend[region] as Float64Array
    return sum + between(own, start, end) - (between(own, 0, start) / start) * (end - start)
  }, 0)
}

function byRegion(
  { panel, spend }: Read,
  treated: number[],
  start: number,
  end: number,
  level: number,
): Interval | null {
  return geoBasedReturn(
    panel.regions.map((_, region) => ({
      before: between(panel.values[region] as Float64Array, 0, start),
      during: between(panel.values[region] as Float64Array, start, end),
      spendBefore: between(spend?.[region] as Float64Array, 0, start),
      spendDuring: between(spend?.[region] as Float64Array, start, end),
      treated: treated.includes(region),
    })),
    level,
  )
}

function seriesOf(result: GeoResult, days: number[]) {
  return {
    method: result.method,
    rows: days.map((day, period) => ({
      day: textOf(day),
      actual: result.actual[period] as number,
      expected: result.expected[period] as number,
    })),
  }
}

function csvOf(series: ReturnType<typeof seriesOf>[]): string {
  return `method,day,actual,expected\n${series.flatMap(({ method, rows }) => rows.map(({ day, actual, expected }) => `${method},${day},${actual},${expected}`)).join('\n')}\n`
}

function powerOf(call: Call, { panel, warnings }: Read, treated: number[], level: number) {
  const days = Number(call.flag('days') ?? '28')
  if (!Number.isInteger(days) || days < 1 || days > panel.periods / 3) {
    throw new Misuse(
      `--days is the length of the campaign, at most a third of the ${panel.periods} periods, not ${call.flag('days') ?? 28}.`,
    )
  }
  const started = performance.now()
  let told = started
  const power = geoPower(panel, treated, {
    days,
    level,
    lifts: [0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3],
    progress: (done, of) => {
      if (performance.now() - told < 2000) return
      told = performance.now()
      call.tell(
        `${done} of ${of} simulated campaigns, about ${Math.ceil((((told - started) / done) * (of - done)) / 1000)} s left`,
      )
    },
  })
  for (const { lift, found } of power.curve)
    call.show(
      `  lift of ${(lift * 100).toFixed(1).padStart(4)} %: found in ${(found * 100).toFixed(0)} % of simulated campaigns`,
    )
  call.show(
    power.detectable === null
      ? 'None of the tried lifts is found in 80 %.'
      : `Found in 80 %: a lift of ${(power.detectable * 100).toFixed(1)} % or more.`,
  )
  if (power.simulations < 10)
    warnings.push(`Only ${power.simulations} campaigns fit into the history: the figures are rough.`)
  for (const warning of warnings) call.tell(warning)
  return { days, level, treated: treated.map((region) => panel.regions[region] as string), ...power, warnings }
}

function pairsOf(call: Call, { panel, warnings }: Read) {
  const pairs = pairRegions(panel, drawsFrom('pairs', call.flag('seed') ?? '1')).map(
    ({ campaign, control, likeness }) => ({
      campaign: panel.regions[campaign] as string,
      control: panel.regions[control] as string,
      likeness,
    }),
  )
  for (const { campaign, control, likeness } of pairs)
    call.show(`  ${campaign}  against  ${control}  (correlation ${likeness.toFixed(3)})`)
  if (panel.regions.length % 2 === 1) warnings.push('The number of regions is odd: one stays without a partner.')
  for (const warning of warnings) call.tell(warning)
  return { pairs, seed: call.flag('seed') ?? '1', warnings }
}

const short = (value: number) =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(4)

function show(
  call: Call,
  document: {
    results: { method: string; increment: Interval; relative: Interval; pValue: number; roas: Interval | null }[]
    warnings: string[]
  },
): void {
  for (const { method, increment, relative, pValue, roas } of document.results) {
    call.show(
      `${method}: ${short(increment.value)} more (${short(increment.low)} … ${short(increment.high)}), ${(relative.value * 100).toFixed(1)} %, p = ${pValue.toFixed(3)}`,
    )
    if (roas !== null)
      call.show(
        `  per unit of additional spend ${roas.value.toFixed(2)} (${roas.low.toFixed(2)} … ${roas.high.toFixed(2)})`,
      )
  }
  for (const warning of document.warnings) call.tell(warning)
}
