import { chiSquareAbove, normalQuantile, studentQuantile } from '../numbers/distributions.ts'

/** An estimate with its interval at the stated level. */
export type Interval = { value: number; low: number; high: number }

/** What has to be known of one arm: everything below follows from these sums, so a database can deliver them. */
export type Moments = { count: number; sum: number; squares: number }
/** Moments of an outcome with a figure known before the experiment (pre-period). */
export type PairedMoments = Moments & { preSum: number; preSquares: number; products: number }

export function momentsOf(values: Iterable<number>): Moments {
  const moments = { count: 0, sum: 0, squares: 0 }
  for (const value of values) {
    moments.count++
    moments.sum += value
    moments.squares += value * value
  }
  return moments
}

const meanOf = (arm: Moments) => arm.sum / arm.count
const varianceOf = (arm: Moments) => Math.max(0, (arm.squares - (arm.sum * arm.sum) / arm.count) / (arm.count - 1))

/**
 * Difference of two means, treated − control, with Welch's interval (no equal variances assumed). Null when an arm
 * has fewer than two persons.
 */
export function differenceOfMeans(treated: Moments, control: Moments, level = 0.9): Interval | null {
  if (treated.count < 2 || control.count < 2) return null
  const value = meanOf(treated) - meanOf(control)
  const left = varianceOf(treated) / treated.count
  const right = varianceOf(control) / control.count
  if (left + right === 0) return { value, low: value, high: value }
  const degrees = (left + right) ** 2 / (left ** 2 / (treated.count - 1) + right ** 2 / (control.count - 1))
  const reach = studentQuantile((1 + level) / 2, degrees) * Math.sqrt(left + right)
  return { value, low: value - reach, high: value + reach }
}

/**
 * CUPED (Deng, Xu, Kohavi, Walker 2013): what the outcome owes to the pre-period is taken off before comparing.
 * Unbiased because the pre-period cannot depend on the arm; `shrinks` is the share of variance it removed.
 */
export function differenceWithPrePeriod(
  treated: PairedMoments,
  control: PairedMoments,
  level = 0.9,
): (Interval & { shrinks: number }) | null {
  const plain = differenceOfMeans(treated, control, level)
  if (plain === null) return null
  const centred = (arm: PairedMoments) => ({
    outcome: arm.squares - (arm.sum * arm.sum) / arm.count,
    pre: arm.preSquares - (arm.preSum * arm.preSum) / arm.count,
    both: arm.products - (arm.sum * arm.preSum) / arm.count,
    // A small arm decides the width of the interval, so it also decides the slope.
    weight: 1 / (arm.count * (arm.count - 1)),
  })
  const left = centred(treated)
  const right = centred(control)
  const pre = left.pre * left.weight + right.pre * right.weight
  if (pre <= 0) return { ...plain, shrinks: 0 }
  const both = left.both * left.weight + right.both * right.weight
  const slope = both / pre
  const adjusted = (arm: PairedMoments, sums: typeof left): Moments => {
    const mean = meanOf(arm) - slope * (arm.preSum / arm.count)
    const variation = Math.max(0, sums.outcome - 2 * slope * sums.both + slope * slope * sums.pre)
    return { count: arm.count, sum: mean * arm.count, squares: variation + mean * mean * arm.count }
  }
  const result = differenceOfMeans(adjusted(treated, left), adjusted(control, right), level)
  if (result === null) return null
  const before = left.outcome * left.weight + right.outcome * right.weight
  return { ...result, shrinks: before > 0 ? (both * both) / pre / before : 0 }
}

/** Share of successes with Wilson's interval (1927); stays inside 0–1 and is honest for small counts. */
export function rateOf(successes: number, count: number, level = 0.9): Interval {
  if (count === 0) return { value: 0, low: 0, high: 1 }
  const z = normalQuantile((1 + level) / 2)
  const value = successes / count
  const centre = (value + (z * z) / (2 * count)) / (1 + (z * z) / count)
  const reach = (z * Math.sqrt((value * (1 - value)) / count + (z * z) / (4 * count * count))) / (1 + (z * z) / count)
  return {
    value,
    low: successes === 0 ? 0 : Math.max(0, centre - reach),
    high: successes === count ? 1 : Math.min(1, centre + reach),
  }
}

/** Difference of two rates, treated − control, by Newcombe's hybrid score interval (1998, method 10). */
export function differenceOfRates(
  treated: { successes: number; count: number },
  control: { successes: number; count: number },
  level = 0.9,
): Interval | null {
  if (treated.count === 0 || control.count === 0) return null
  const left = rateOf(treated.successes, treated.count, level)
  const right = rateOf(control.successes, control.count, level)
  const value = left.value - right.value
  return {
    value,
    low: value - Math.hypot(left.value - left.low, right.high - right.value),
    high: value + Math.hypot(left.high - left.value, right.value - right.low),
  }
}

/**
 * Relative change of a mean, treated / control − 1, by Fieller's theorem: the interval of a ratio whose divisor is
 * itself uncertain. Null when the control mean could be zero at this level.
 */
export function relativeDifference(treated: Moments, control: Moments, level = 0.9): Interval | null {
  if (treated.count < 2 || control.count < 2) return null
  const top = meanOf(treated)
  const bottom = meanOf(control)
  const topVariance = varianceOf(treated) / treated.count
  const bottomVariance = varianceOf(control) / control.count
  const z = normalQuantile((1 + level) / 2)
  const significance = (z * z * bottomVariance) / (bottom * bottom)
  if (bottom === 0 || significance >= 1) return null
  const ratio = top / bottom
  const reach =
    (z / Math.abs(bottom)) *
    Math.sqrt(Math.max(0, topVariance + ratio * ratio * bottomVariance - significance * topVariance))
  return {
    value: ratio - 1,
    low: (ratio - reach) / (1 - significance) - 1,
    high: (ratio + reach) / (1 - significance) - 1,
  }
}

export type SampleRatio = { ok: boolean; pValue: number; expected: number[] }

/**
 * Were the arms filled as planned? Chi-square test of the counts against the planned shares. Below p = 0.001
 * something other than chance decided who is in which arm, and the experiment's result must not be read.
 */
export function sampleRatio(counts: readonly number[], planned: readonly number[], threshold = 0.001): SampleRatio {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const shares = planned.reduce((sum, share) => sum + share, 0)
  const expected = planned.map((share) => (total * share) / shares)
  if (total === 0) return { ok: true, pValue: 1, expected }
  let statistic = 0
  let arms = 0
  for (const [arm, count] of counts.entries()) {
    const wanted = expected[arm] ?? 0
    if (wanted === 0) {
      if (count > 0) return { ok: false, pValue: 0, expected }
      continue
    }
    arms++
    statistic += (count - wanted) ** 2 / wanted
  }
  const pValue = arms < 2 ? 1 : chiSquareAbove(statistic, arms - 1)
  return { ok: pValue >= threshold, pValue, expected }
}
