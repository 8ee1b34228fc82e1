import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anytime,
  chooseByThompson,
  compareArms,
  detectableBy,
  differenceOfRatios,
  drawsFrom,
  falseDiscoveries,
  geoBasedReturn,
  geoPower,
  mayStop,
  narrowed,
  type Panel,
  pairRegions,
  placeboInSpace,
  planLift,
  priceOfPeeking,
  ratioMomentsOf,
  returnOnSpend,
  scaleFor,
  standingOf,
  syntheticControl,
  timeBasedRegression,
} from '../index.ts'

const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
const has = (set: string) => {
  const present = existsSync(join(shared, set))
  if (!present) console.warn(`skipped: ${set} is not at ${shared} (set EINKLANG_SHARED_DATA)`)
  return present
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
  const values = regions.map(() => new Float64Array(days.length))
  for (const { region, day, value } of rows)
    (values[regions.indexOf(region)] as Float64Array)[days.indexOf(day)] = value
  return { regions, periods: days.length, values, days }
}

describe.skipIf(!has('geo-salesandcost'))('sales and cost of 100 regions, the set of GeoexperimentsResearch', () => {
  const load = () => {
    const group = new Map(linesOf('geo-salesandcost/geoassignment.csv').map(([geo, which]) => [geo, which]))
    const rows = linesOf('geo-salesandcost/salesandcost.csv.gz').filter(([day]) => (day as string) <= '2015-03-15')
    const panel = panelOf(
      rows.map(([day, region, sales]) => ({ day: day as string, region: region as string, value: Number(sales) })),
    )
    const cost = panelOf(
      rows.map(([day, region, , spend]) => ({ day: day as string, region: region as string, value: Number(spend) })),
    )
    const treated = panel.regions.flatMap((region, index) => (group.get(region) === '2' ? [index] : []))
    const start = panel.days.indexOf('2015-02-16')
    return { panel, cost, treated, start, end: panel.periods }
  }

  test('time-based regression gives the published increment 147,337 and return 2.947 (2.760 to 3.134)', () => {
    const { panel, cost, treated, start, end } = load()
    const result = timeBasedRegression({ panel, treated, start, end, independent: true }, 0.95)
    expect(result.increment.value).toBeCloseTo(147337.1, 0)
    const spend = treated.reduce(
      (sum, region) =>
        sum + (cost.values[region] as Float64Array).slice(start, end).reduce((total, day) => total + day, 0),
      0,
    )
    const back = returnOnSpend(result.increment, spend)
    expect(back?.value).toBeCloseTo(2.946742, 3)
    expect(back?.low).toBeCloseTo(2.759772, 2)
    expect(back?.high).toBeCloseTo(3.133713, 2)
  })

  test('geo-based regression gives the published return 3.233 (2.695 to 3.772)', () => {
    const { panel, cost, treated, start, end } = load()
    const sum = (values: Float64Array, from: number, to: number) =>
      values.slice(from, to).reduce((total, value) => total + value, 0)
    const back = geoBasedReturn(
      panel.regions.map((_, region) => ({
        before: sum(panel.values[region] as Float64Array, 0, start),
        during: sum(panel.values[region] as Float64Array, start, end),
        spendBefore: sum(cost.values[region] as Float64Array, 0, start),
        spendDuring: sum(cost.values[region] as Float64Array, start, end),
        treated: treated.includes(region),
      })),
      0.95,
    )
    expect(back?.value).toBeCloseTo(3.233443, 3)
    expect(back?.low).toBeCloseTo(2.694844, 3)
    expect(back?.high).toBeCloseTo(3.772041, 3)
  })
})

describe.skipIf(!has('geo-geolift'))('forty cities of GeoLift', () => {
  const load = () => {
    const panel = panelOf(
      linesOf('geo-geolift/geolift_test.csv.gz').map(([region, y, day]) => ({
        region: region as string,
        day: day as string,
        value: Number(y),
      })),
    )
    return {
      panel,
      treated: [panel.regions.indexOf('chicago'), panel.regions.indexOf('portland')],
      start: 90,
      end: 105,
    }
  }

  test('synthetic control finds the published lift of Chicago and Portland: 5.4 %, 155.6 a day, 4,667 in all', () => {
    const result = syntheticControl(load())
    expect(result.increment.value).toBeGreaterThan(4500)
    expect(result.increment.value).toBeLessThan(4850)
    expect(result.relative.value).toBeCloseTo(0.054, 2)
    expect(result.pValue).toBeLessThanOrEqual(0.02)
    expect(result.increment.low).toBeGreaterThan(0)
    expect(result.weights.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 3)
  })
})

test.skipIf(!has('causal-impact'))(
  'one treated series beside one control: a planted shift of 5 is found at once',
  () => {
    // y and X of the ARMA example: 70 days before; the shift is planted as in its documentation.
    const rows = linesOf('causal-impact/arma_data.csv')
    const panel = {
      regions: ['y', 'X'],
      periods: rows.length,
      values: [0, 1].map((column) => Float64Array.from(rows, (row) => Number(row[column]))),
    }
    const shifted = (panel.values[0] as Float64Array).map((value, day) => value + (day >= 70 ? 5 : 0))
    const result = timeBasedRegression(
      {
        panel: { ...panel, values: [shifted, panel.values[1] as Float64Array] },
        treated: [0],
        start: 70,
        end: rows.length,
      },
      0.95,
    )
    expect(result.increment.value / (rows.length - 70)).toBeGreaterThan(4.5)
    expect(result.increment.value / (rows.length - 70)).toBeLessThan(6.5)
    expect(result.increment.low).toBeGreaterThan(0)
  },
)

/** Regions that share season and trend, each with noise of its own. */
function town(seed: string, regions: number, periods: number, lift = 0, treated: number[] = [], start = 0): Panel {
  const draws = drawsFrom('town', seed)
  const levels = Array.from({ length: regions }, () => 50 + 200 * draws.uniform())
  const season = Array.from({ length: periods }, (_, day) => 1 + 0.2 * Math.sin((day / 7) * 2 * Math.PI) + 0.002 * day)
  const values = levels.map((level, region) =>
    Float64Array.from({ length: periods }, (_, day) => {
      const base = level * (season[day] as number) * (1 + 0.05 * draws.normal())
      return treated.includes(region) && day >= start ? base * (1 + lift) : base
    }),
  )
  return { regions: levels.map((_, region) => `region ${region}`), periods, values }
}

test('geo intervals cover the planted lift in nine of ten towns', () => {
  let [byTime, bySynthetic] = [0, 0]
  const runs = 100
  for (let run = 0; run < runs; run++) {
    const treated = [0, 3, 5]
    const panel = town(`cover ${run}`, 20, 80, 0.1, treated, 60)
    const truth = treated.reduce(
      (sum, region) =>
        sum + (panel.values[region] as Float64Array).slice(60).reduce((total, value) => total + value - value / 1.1, 0),
      0,
    )
    const test = { panel, treated, start: 60, end: 80 }
    const line = timeBasedRegression(test)
    if (line.increment.low <= truth && truth <= line.increment.high) byTime++
    const mixed = syntheticControl(test)
    if (mixed.increment.low <= truth && truth <= mixed.increment.high) bySynthetic++
  }
  expect(byTime).toBeGreaterThan(80)
  expect(bySynthetic).toBeGreaterThan(78)
}, 120_000)

test('a planted lift stands out against placebos in every other region', () => {
  const treated = [4]
  const { pValue, ranks } = placeboInSpace({
    panel: town('space', 25, 80, 0.25, treated, 60),
    treated,
    start: 60,
    end: 80,
  })
  expect(ranks).toHaveLength(24)
  expect(pValue).toBeCloseTo(1 / 25, 9)
})

test('planted lifts are found more often the larger they are', () => {
  const power = geoPower(town('power', 20, 120), [1, 4, 7, 9], { days: 14, lifts: [0, 0.02, 0.1, 0.2] })
  const found = power.curve.map((point) => point.found)
  expect(found[0]).toBeLessThan(0.4)
  expect(found[3]).toBeGreaterThan(0.9)
  expect(power.detectable).not.toBeNull()
})

test('regions are paired once each with one that moves alike', () => {
  const pairs = pairRegions(town('pairs', 12, 100), drawsFrom('pairs'))
  expect(pairs).toHaveLength(6)
  expect(new Set(pairs.flatMap(({ campaign, control }) => [campaign, control])).size).toBe(12)
  expect(pairs.every(({ likeness }) => likeness > 0.8)).toBe(true)
})

test('a ratio over persons counts persons, not orders', () => {
  const draws = drawsFrom('ratio')
  let covered = 0
  for (let run = 0; run < 300; run++) {
    // Basket value per order; persons differ in their level and in how often they order.
    const arm = (lift: number) =>
      ratioMomentsOf(
        Array.from({ length: 400 }, () => {
          const level = draws.gamma(4, 4 / 50) + lift
          const orders = 1 + draws.poisson(2)
          let value = 0
          for (let order = 0; order < orders; order++) value += level + 5 * draws.normal()
          return { top: value, bottom: orders }
        }),
      )
    const difference = differenceOfRatios(arm(4), arm(0))
    if (difference !== null && difference.low <= 4 && 4 <= difference.high) covered++
  }
  expect(covered).toBeGreaterThan(252)
  expect(covered).toBeLessThan(290)
})

test('daily looks at tests without effect are wrong no more often than promised', () => {
  // Skewed revenue, two arms, 40 persons a day and arm, 30 days of looks; level 90 %.
  const runs = 1500
  let wrong = 0
  const draws = drawsFrom('peeking')
  for (let run = 0; run < runs; run++) {
    const sums = [
      { count: 0, sum: 0, squares: 0 },
      { count: 0, sum: 0, squares: 0 },
    ] as const
    // Planned end: 1,200 persons per arm, outcome variance about 900.
    const scale = scaleFor((900 * 2) / 1200)
    for (let day = 1; day <= 30; day++) {
      for (const side of sums) {
        for (let person = 0; person < 40; person++) {
          const value = draws.uniform() < 0.2 ? draws.gamma(3, 3 / 60) : 0
          ;(side as { count: number }).count++
          ;(side as { sum: number }).sum += value
          ;(side as { squares: number }).squares += value * value
        }
      }
      if (sums[0].count < 100) continue
      const [left, right] = sums.map(({ count, sum, squares }) => ({
        mean: sum / count,
        variance: (squares - (sum * sum) / count) / (count - 1) / count,
      })) as [{ mean: number; variance: number }, { mean: number; variance: number }]
      const look = anytime(left.mean - right.mean, left.variance + right.variance, scale)
      expect(look.pValue <= 0.1).toBe(look.low > 0 || look.high < 0)
      if (look.pValue <= 0.1) {
        wrong++
        break
      }
    }
  }
  expect(wrong / runs).toBeLessThanOrEqual(0.1)
}, 120_000)

test('stop rules: proven, harm, futile, and not before there are persons', () => {
  const look = (value: number, low: number, high: number) => ({ value, low, high, pValue: 0.5 })
  expect(mayStop(look(2, 1, 3), [500, 500], 1)).toMatchObject({ stop: true, verdict: 'proven' })
  expect(mayStop(look(-2, -3, -1), [500, 500], 1)).toMatchObject({ stop: true, verdict: 'harm' })
  expect(mayStop(look(0, -0.5, 0.5), [500, 500], 1)).toMatchObject({ stop: true, verdict: 'futile' })
  expect(mayStop(look(1, -1, 3), [500, 500], 1)).toMatchObject({ stop: false })
  expect(mayStop(look(2, 1, 3), [500, 20], 1)).toMatchObject({ stop: false })
  expect(narrowed([look(1, -1, 4), look(1, 0, 5)])).toMatchObject({ low: 0, high: 4 })
  expect(priceOfPeeking()).toBeGreaterThan(1.5)
  expect(priceOfPeeking()).toBeLessThan(3)
})

describe('several arms', () => {
  test('Benjamini & Hochberg 1995: four of their fifteen p-values pass at 5 %', () => {
    const published = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
    ]
    expect(falseDiscoveries(published).filter((q) => q <= 0.05)).toHaveLength(4)
  })

  test('q-values never fall below p-values and keep their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }), (pValues) => {
        const q = falseDiscoveries(pValues)
        pValues.forEach((p, left) => {
          expect(q[left]).toBeGreaterThanOrEqual(p - 1e-15)
          pValues.forEach((other, right) => {
            if (p < other) expect(q[left]).toBeLessThanOrEqual((q[right] as number) + 1e-15)
          })
        })
      }),
    )
  })

  test('of many arms without effect hardly any is called different', () => {
    const draws = drawsFrom('arms without effect')
    let runsWithFalse = 0
    for (let run = 0; run < 400; run++) {
      const arms = Array.from({ length: 8 }, (_, arm) => ({ arm: String(arm), value: draws.normal(), error: 1 }))
      if (compareArms(arms).some(({ different }) => different)) runsWithFalse++
    }
    expect(runsWithFalse / 400).toBeLessThan(0.15)
  })
})

describe('planning', () => {
  test('the textbook figure: 10 % against 12 % needs 3,841 per group at 95 % and power 80 %', () => {
    const plan = planLift({
      mean: 0.1,
      variance: (0.1 * 0.9 + 0.12 * 0.88) / 2,
      effect: 0.02,
      shares: [1, 1],
      level: 0.95,
    })
    expect(plan.perArm[0]).toBeGreaterThan(3800)
    expect(plan.perArm[0]).toBeLessThan(3880)
  })

  test('what so many persons can detect is the inverse of how many are needed', () => {
    const needs = { mean: 5, variance: 100, shares: [1, 9], peeking: true, personsPerDay: 500 }
    const plan = planLift({ ...needs, effect: 0.7 })
    expect(detectableBy(plan.persons, needs)).toBeCloseTo(0.7, 3)
    expect(plan.days).toBe(Math.ceil(plan.persons / 500))
    expect(planLift({ ...needs, effect: 0.7, explained: 0.5 }).persons).toBeLessThan(plan.persons * 0.51)
  })
})

describe('Thompson sampling', () => {
  test('finds the better choice and keeps little for the others', () => {
    const draws = drawsFrom('bandit')
    const rates = [0.05, 0.06, 0.1]
    const choices = rates.map(() => ({ tries: 0, sum: 0, squares: 0 }))
    for (let round = 0; round < 8000; round++) {
      const chosen = choices[chooseByThompson(choices, 'share', draws)] as (typeof choices)[number]
      const win = draws.uniform() < (rates[choices.indexOf(chosen)] as number) ? 1 : 0
      chosen.tries++
      chosen.sum += win
      chosen.squares += win
    }
    expect(choices[2]?.tries).toBeGreaterThan(5000)
    const standing = standingOf(choices, 'share', draws, 2000)
    expect(standing.best[2]).toBeGreaterThan(0.9)
    expect(standing.best.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
  })

  test.skipIf(!has('uplift-hillstrom'))('replayed over the Hillstrom mails it beats chance as published', () => {
    const rows = linesOf('uplift-hillstrom/hillstrom.csv.gz')
    const draws = drawsFrom('replay')
    const order = rows.map((_, row) => ({ row, key: draws.uniform() })).sort((left, right) => left.key - right.key)
    const arms = ['No E-Mail', 'Mens E-Mail', 'Womens E-Mail']
    const choices = arms.map(() => ({ tries: 0, sum: 0, squares: 0 }))
    for (const { row } of order) {
      const cells = rows[row] as string[]
      const chosen = chooseByThompson(choices, 'share', draws)
      if (cells.at(-4) !== arms[chosen]) continue
      const visit = Number(cells.at(-3))
      const choice = choices[chosen] as (typeof choices)[number]
      choice.tries++
      choice.sum += visit
      choice.squares += visit
    }
    const tries = choices.reduce((sum, choice) => sum + choice.tries, 0)
    const visits = choices.reduce((sum, choice) => sum + choice.sum, 0)
    // Published: random .1475, Thompson .1806 after 21,300 matched rows.
    expect(visits / tries).toBeGreaterThan(0.172)
  })
})

test('misses that last from day to day widen the interval of a region test, so that it still covers', () => {
  const draws = drawsFrom('lasting misses', 5)
  let covered = 0
  for (let run = 0; run < 100; run++) {
    const common = Float64Array.from({ length: 84 }, () => 100 + 10 * draws.normal())
    const values = Array.from({ length: 4 }, (_, region) => {
      let miss = draws.normal()
      return common.map((value, day) => {
        miss = 0.6 * miss + 0.8 * draws.normal()
        return value + 5 * miss + (region === 0 && day >= 56 ? 4 : 0)
      })
    })
    const panel = { regions: ['a', 'b', 'c', 'd'], periods: 84, values }
    const { increment } = timeBasedRegression({ panel, treated: [0], start: 56, end: 84 })
    if (increment.low <= 112 && 112 <= increment.high) covered++
  }
  // Nominal 90; taken as independent they covered 60.
  expect(covered).toBeGreaterThan(79)
})
