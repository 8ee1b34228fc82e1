import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  anytime,
  compareTexts,
  differenceOfMeans,
  differenceWithPrePeriod,
  drawsFrom,
  geoBasedReturn,
  type PairedMoments,
  type Panel,
  returnOnSpend,
  scaleFor,
  syntheticControl,
  timeBasedRegression,
} from '@einklang/stats'

/**
 * Claims: intervals of holdouts cover the truth in 90–97 % of runs; daily looks at 10,000 tests without effect are
 * wrong no more often than promised; regions as GeoexperimentsResearch and GeoLift publish them; keyword tests find a
 * lead of 20 % in 95 % of runs and invent one in at most 5 %. Intervals of region
 * tests cover also where misses last. Arguments: tests without effect, seed of the region tests.
 */
const runs = Number(process.argv[2] ?? 10_000)
const seed = Number(process.argv[3] ?? 1)
const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
const missed: string[] = []

function figure(name: string, value: number, least: number, most: number): void {
  const holds = value >= least && value <= most
  console.log(JSON.stringify({ figure: name, value: Number(value.toPrecision(6)), least, most, holds }))
  if (!holds) missed.push(`${name}: ${value}, between ${least} and ${most} is due`)
}

type Sums = PairedMoments
const empty = (): Sums => ({ count: 0, sum: 0, squares: 0, preSum: 0, preSquares: 0, products: 0 })

function add(sums: Sums, outcome: number, pre: number): void {
  sums.count++
  sums.sum += outcome
  sums.squares += outcome * outcome
  sums.preSum += pre
  sums.preSquares += pre * pre
  sums.products += pre * outcome
}

/** 95 % intervals of revenue with a planted gain, plain and with the pre-period. */
function coverage(): void {
  const draws = drawsFrom('coverage')
  let [plain, adjusted] = [0, 0]
  for (let run = 0; run < 200; run++) {
    const [treated, control] = [empty(), empty()]
    for (let person = 0; person < 2000; person++) {
      const affinity = draws.gamma(2, 2)
      const pre = draws.uniform() < 0.3 * affinity ? draws.gamma(3, 3 / 90) : 0
      const inTreatment = person % 10 !== 0
      const outcome = draws.uniform() < (0.2 + (inTreatment ? 0.03 : 0)) * affinity ? draws.gamma(3, 3 / 90) : 0
      add(inTreatment ? treated : control, outcome, pre)
    }
    const holds = (interval: { low: number; high: number } | null) =>
      interval !== null && interval.low <= 2.7 && 2.7 <= interval.high
    if (holds(differenceOfMeans(treated, control, 0.94))) plain++
    if (holds(differenceWithPrePeriod(treated, control, 0.94))) adjusted++
  }
  figure('holdout intervals that cover the planted gain (nominal .94)', plain / 200, 0.9, 0.97)
  figure('the same with the pre-period', adjusted / 200, 0.9, 0.97)
}

/** Skewed revenue, 28 days with a look each, 60 persons a day and arm; level 90 %. */
function peeking(): void {
  const draws = drawsFrom('peeking')
  const scale = scaleFor((900 * 2) / (28 * 60))
  let wrong = 0
  for (let run = 0; run < runs; run++) {
    const sides = [empty(), empty()] as const
    for (let day = 1; day <= 28; day++) {
      for (const side of sides)
        for (let person = 0; person < 60; person++) add(side, draws.uniform() < 0.2 ? draws.gamma(3, 3 / 60) : 0, 0)
      if (sides[0].count < 100) continue
      const [left, right] = sides.map(({ count, sum, squares }) => ({
        mean: sum / count,
        variance: (squares - (sum * sum) / count) / (count - 1) / count,
      })) as [{ mean: number; variance: number }, { mean: number; variance: number }]
      if (anytime(left.mean - right.mean, left.variance + right.variance, scale).pValue > 0.1) continue
      wrong++
      break
    }
  }
  figure(`wrong verdicts in ${runs.toLocaleString('en')} tests without effect, looked at daily`, wrong / runs, 0, 0.1)
}

function keywords(): void {
  const draws = drawsFrom('keywords')
  const texts = (lead: number) =>
    Array.from({ length: 8 }, (_, text) => ({
      text: String(text),
      impressions: 40_000,
      clicks: draws.poisson(40_000 * 0.03 * (text === 0 ? 1 + lead : 1)),
      conversions: 0,
      value: 0,
    }))
  let [found, invented] = [0, 0]
  for (let run = 0; run < 200; run++) {
    if (compareTexts(texts(0.2), { samples: 50 }).winner === '0') found++
    if (compareTexts(texts(0), { samples: 50 }).winner !== null) invented++
  }
  figure('keyword tests: planted lead of 20 % found', found / 200, 0.95, 1)
  figure('keyword tests: winner declared without a lead', invented / 200, 0, 0.05)
}

function linesOf(path: string): string[][] {
  const bytes = readFileSync(join(shared, path))
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '').trim()))
}

function panelOf(rows: { region: string; day: string; value: number }[]): Panel & { days: string[] } {
  const regions = [...new Set(rows.map(({ region }) => region))]
  const days = [...new Set(rows.map(({ day }) => day))].sort()
  const [regionAt, dayAt] = [regions, days].map((names) => new Map(names.map((name, index) => [name, index]))) as [
    Map<string, number>,
    Map<string, number>,
  ]
  const values = regions.map(() => new Float64Array(days.length))
  for (const { region, day, value } of rows)
    (values[regionAt.get(region) as number] as Float64Array)[dayAt.get(day) as number] = value
  return { regions, periods: days.length, values, days }
}

function regions(): void {
  if (!existsSync(join(shared, 'geo-salesandcost')))
    return console.error(`The sets of regions are not at ${shared}; set EINKLANG_SHARED_DATA.`)
  const group = new Map(linesOf('geo-salesandcost/geoassignment.csv').map(([geo, which]) => [geo, which]))
  const rows = linesOf('geo-salesandcost/salesandcost.csv.gz').filter(([day]) => (day as string) <= '2015-03-15')
  const table = (column: number) =>
    panelOf(rows.map((row) => ({ day: row[0] as string, region: row[1] as string, value: Number(row[column]) })))
  const [sales, cost] = [table(2), table(3)]
  const treated = sales.regions.flatMap((region, index) => (group.get(region) === '2' ? [index] : []))
  const start = sales.days.indexOf('2015-02-16')
  const sum = (values: Float64Array | undefined, from: number, to: number) =>
    (values ?? new Float64Array(0)).slice(from, to).reduce((total, value) => total + value, 0)
  const line = timeBasedRegression({ panel: sales, treated, start, end: sales.periods }, 0.95)
  const spend = treated.reduce((total, region) => total + sum(cost.values[region], start, cost.periods), 0)
  const back = returnOnSpend(line.increment, spend)
  figure('time-based regression, increment (GeoexperimentsResearch 147337.1)', line.increment.value, 147336.5, 147337.5)
  figure('its return on spend (2.946742)', back?.value ?? 0, 2.9467, 2.9468)
  const byRegion = geoBasedReturn(
    sales.regions.map((_, region) => ({
      before: sum(sales.values[region], 0, start),
      during: sum(sales.values[region], start, sales.periods),
      spendBefore: sum(cost.values[region], 0, start),
      spendDuring: sum(cost.values[region], start, cost.periods),
      treated: treated.includes(region),
    })),
    0.95,
  )
  figure('geo-based regression, return on spend (3.233443)', byRegion?.value ?? 0, 3.2334, 3.2335)
  const cities = panelOf(
    linesOf('geo-geolift/geolift_test.csv.gz').map(([region, value, day]) => ({
      region: region as string,
      day: day as string,
      value: Number(value),
    })),
  )
  const lift = syntheticControl({
    panel: cities,
    treated: ['chicago', 'portland'].map((name) => cities.regions.indexOf(name)),
    start: 90,
    end: 105,
  })
  figure('synthetic control, additional per city and day (GeoLift 155.556)', lift.increment.value / 30, 150, 161)
  figure('its relative lift (5.4 %)', lift.relative.value, 0.0515, 0.0565)
  figure('its p-value (published .01)', lift.pValue, 0, 0.03)
}

/** 90 % intervals of region tests of four weeks, with misses that last from day to day and without. */
function regionCoverage(): void {
  const draws = drawsFrom('coverage of regions', seed)
  for (const memory of [0, 0.3, 0.6]) {
    let [byTime, bySynthetic] = [0, 0]
    const tests = 200
    for (let run = 0; run < tests; run++) {
      const start = run % 2 === 0 ? 56 : 104
      const test = regionTest(draws, { memory, start })
      const holds = ({ increment }: { increment: { low: number; high: number } }) =>
        increment.low <= test.truth && test.truth <= increment.high
      if (holds(timeBasedRegression(test))) byTime++
      if (holds(syntheticControl(test))) bySynthetic++
    }
    figure(`region tests by time that cover, nominal .9, memory ${memory}`, byTime / tests, 0.85, 0.97)
    figure(`the same by synthetic control, memory ${memory}`, bySynthetic / tests, 0.85, 0.97)
  }
}

/** Twenty regions with a common course and week; three of them sell four more a day from `start` on. */
function regionTest(draws: ReturnType<typeof drawsFrom>, { memory, start }: { memory: number; start: number }) {
  const periods = start + 28
  let course = 0
  const common = Float64Array.from({ length: periods }, (_, day) => {
    course = 0.8 * course + 0.6 * draws.normal()
    return 100 + 10 * course + 8 * Math.sin((2 * Math.PI * day) / 7)
  })
  const values = Array.from({ length: 20 }, (_, region) => {
    let miss = draws.normal()
    const size = 0.5 + draws.uniform()
    return common.map((value, day) => {
      miss = memory * miss + Math.sqrt(1 - memory * memory) * draws.normal()
      return size * (value + 5 * miss) + (region < 3 && day >= start ? 4 : 0)
    })
  })
  const panel = { regions: values.map((_, region) => `region ${region}`), periods, values }
  return { panel, treated: [0, 1, 2], start, end: periods, truth: 4 * 3 * 28 }
}

for (const part of [coverage, peeking, keywords, regions, regionCoverage]) {
  const before = process.cpuUsage()
  part()
  const used = process.cpuUsage(before)
  console.log(JSON.stringify({ part: part.name, cpuSeconds: Number(((used.user + used.system) / 1e6).toFixed(2)) }))
}
for (const sentence of missed) console.error(sentence)
process.exitCode = missed.length > 0 ? 1 : 0
