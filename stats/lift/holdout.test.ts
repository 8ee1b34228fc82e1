import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chiSquareAbove,
  differenceOfMeans,
  differenceOfRates,
  differenceWithPrePeriod,
  drawsFrom,
  momentsOf,
  normalBelow,
  normalQuantile,
  type PairedMoments,
  rateOf,
  relativeDifference,
  sampleRatio,
  studentBelow,
  studentQuantile,
} from '../index.ts'

describe('published values', () => {
  test('normal, Student and chi-square agree with printed tables', () => {
    expect(normalBelow(1.96)).toBeCloseTo(0.9750021048517795, 13)
    expect(normalQuantile(0.95)).toBeCloseTo(1.6448536269514722, 12)
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167813, 12)
    expect(studentQuantile(0.95, 5)).toBeCloseTo(2.015048373333024, 9)
    expect(studentBelow(2.228138852, 10)).toBeCloseTo(0.975, 8)
    expect(chiSquareAbove(3.841458820694124, 1)).toBeCloseTo(0.05, 12)
    expect(chiSquareAbove(18.307038053275146, 10)).toBeCloseTo(0.05, 12)
  })

  test('Newcombe 1998, method 10: 56/70 against 48/80 is 0.2 with 0.0524 to 0.3339', () => {
    const difference = differenceOfRates({ successes: 56, count: 70 }, { successes: 48, count: 80 }, 0.95)
    expect(difference?.value).toBeCloseTo(0.2, 12)
    expect(difference?.low).toBeCloseTo(0.0524, 4)
    expect(difference?.high).toBeCloseTo(0.3339, 4)
  })

  test('Newcombe 1998: 10/10 against 0/10 stays inside 1', () => {
    const difference = differenceOfRates({ successes: 10, count: 10 }, { successes: 0, count: 10 }, 0.95)
    expect(difference?.low).toBeCloseTo(0.6075, 4)
    expect(difference?.high).toBeCloseTo(1, 12)
  })

  test('Wilson: 81/263 is 0.2553 to 0.3662', () => {
    const rate = rateOf(81, 263, 0.95)
    expect(rate.low).toBeCloseTo(0.2553, 4)
    expect(rate.high).toBeCloseTo(0.3662, 4)
  })

  test("Welch's test of R: sleep data gives -3.3655 to 0.2055", () => {
    const first = momentsOf([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2])
    const second = momentsOf([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    const difference = differenceOfMeans(first, second, 0.95)
    expect(difference?.low).toBeCloseTo(-3.3654832, 6)
    expect(difference?.high).toBeCloseTo(0.2054832, 6)
  })
})

test('swapping the arms turns the interval around', () => {
  const arm = fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 2, maxLength: 40 })
  fc.assert(
    fc.property(arm, arm, (left, right) => {
      const forth = differenceOfMeans(momentsOf(left), momentsOf(right))
      const back = differenceOfMeans(momentsOf(right), momentsOf(left))
      expect(forth?.low).toBeCloseTo(-(back?.high as number), 6)
      expect(forth?.value).toBeCloseTo(-(back?.value as number), 6)
    }),
  )
})

test('a rate interval holds its rate and stays between 0 and 1', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), (successes, more) => {
      fc.pre(successes + more > 0)
      const rate = rateOf(successes, successes + more)
      expect(rate.low).toBeGreaterThanOrEqual(0)
      expect(rate.high).toBeLessThanOrEqual(1)
      expect(rate.low).toBeLessThanOrEqual(rate.value)
      expect(rate.high).toBeGreaterThanOrEqual(rate.value)
    }),
  )
})

/** Skewed revenue: most buy nothing, some spend around 90 €; the campaign raises the share of buyers by the lift. */
function arms(seed: number, lift: number) {
  const draws = drawsFrom('arms', seed)
  const arm = (count: number, rate: number) =>
    Array.from({ length: count }, () => {
      const affinity = draws.gamma(2, 2)
      const pre = draws.uniform() < 0.3 * affinity ? draws.gamma(3, 3 / 90) : 0
      const outcome = draws.uniform() < rate * affinity ? draws.gamma(3, 3 / 90) : 0
      return { pre, outcome }
    })
  return { treated: arm(1800, 0.2 + lift), control: arm(600, 0.2) }
}

const paired = (rows: { pre: number; outcome: number }[]): PairedMoments => {
  const sums = { count: 0, sum: 0, squares: 0, preSum: 0, preSquares: 0, products: 0 }
  for (const { pre, outcome } of rows) {
    sums.count++
    sums.sum += outcome
    sums.squares += outcome * outcome
    sums.preSum += pre
    sums.preSquares += pre * pre
    sums.products += pre * outcome
  }
  return sums
}

test('90 % intervals cover the planted lift in nine of ten runs', () => {
  // In 300 runs the count of covering intervals has a standard error of 5; the bounds leave three of them.
  const planted = 0.03 * 90
  let plain = 0
  let adjusted = 0
  let rates = 0
  for (let run = 0; run < 300; run++) {
    const { treated, control } = arms(run, 0.03)
    const holds = (interval: { low: number; high: number } | null, truth: number) =>
      interval !== null && interval.low <= truth && truth <= interval.high
    if (holds(differenceOfMeans(paired(treated), paired(control)), planted)) plain++
    if (holds(differenceWithPrePeriod(paired(treated), paired(control)), planted)) adjusted++
    const buyers = (rows: { outcome: number }[]) => ({
      successes: rows.filter((row) => row.outcome > 0).length,
      count: rows.length,
    })
    if (holds(differenceOfRates(buyers(treated), buyers(control)), 0.03 * 1)) rates++
  }
  for (const covered of [plain, adjusted]) {
    expect(covered).toBeGreaterThan(254)
    expect(covered).toBeLessThan(292)
  }
  expect(rates).toBeGreaterThan(250)
})

test('the pre-period narrows the interval', () => {
  const { treated, control } = arms(1, 0.05)
  const plain = differenceOfMeans(paired(treated), paired(control))
  const adjusted = differenceWithPrePeriod(paired(treated), paired(control))
  const width = (interval: { low: number; high: number } | null) => (interval ? interval.high - interval.low : 0)
  expect(adjusted?.shrinks).toBeGreaterThan(0)
  expect(width(adjusted)).toBeLessThan(width(plain))
})

test('relative lift is refused when the control mean may be zero', () => {
  const treated = momentsOf(Array.from({ length: 100 }, (_, index) => (index < 30 ? 90 : 0)))
  expect(relativeDifference(treated, momentsOf([0, 0, 0, 0, 90]))).toBeNull()
  const control = momentsOf(Array.from({ length: 100 }, (_, index) => (index < 20 ? 90 : 0)))
  const relative = relativeDifference(treated, control)
  expect(relative?.value).toBeCloseTo(0.5, 12)
  expect(relative?.low).toBeLessThan(0.5)
  expect(relative?.high).toBeGreaterThan(0.5)
})

test('arms filled as planned pass, a leaking arm is found', () => {
  expect(sampleRatio([900, 100], [0.9, 0.1]).ok).toBe(true)
  expect(sampleRatio([9_100, 800], [0.9, 0.1]).ok).toBe(false)
  expect(sampleRatio([10, 0], [0, 1])).toMatchObject({ ok: false, pValue: 0 })
  expect(sampleRatio([0, 0], [0.5, 0.5]).ok).toBe(true)
})
