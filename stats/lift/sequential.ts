import { normalQuantile } from '../numbers/distributions.ts'

/**
 * A result that may be looked at every day: the interval covers the truth at all looks together, not at one.
 * `pValue` is always valid too: the chance to ever see such evidence without an effect is at most that.
 */
export type AnytimeResult = { value: number; low: number; high: number; pValue: number }

/**
 * Mixture sequential probability ratio test (Robbins 1970; Johari, Pekelis, Walsh 2015) for an estimate with variance
 * `variance` so far. `scale` is the size of effect it is tuned for, as standard deviation of the mixture; it must be
 * fixed before the data (`scaleFor`). The estimate must be near normal: keep away from it below some 100 persons per
 * arm.
 */
export function anytime(value: number, variance: number, scale: number, level = 0.9): AnytimeResult {
  if (!(variance > 0)) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, pValue: 1 }
  const mixed = scale * scale
  const both = variance + mixed
  const reach = Math.sqrt(((2 * variance * both) / mixed) * (Math.log(1 / (1 - level)) + Math.log(both / variance) / 2))
  const logRatio = Math.log(variance / both) / 2 + (mixed * value * value) / (2 * variance * both)
  return { value, low: value - reach, high: value + reach, pValue: Math.min(1, Math.exp(-logRatio)) }
}

/**
 * Mixture scale whose interval is narrowest when the variance has fallen to `planned` (the variance expected at the
 * planned end). Solves the optimum of the width by a few steps of fixed-point iteration.
 */
export function scaleFor(planned: number, level = 0.9): number {
  let ratio = 5
  for (let step = 0; step < 50; step++) ratio = 2 * Math.log(1 / (1 - level)) + Math.log(1 + ratio)
  return Math.sqrt(ratio * planned)
}

/** How much longer an experiment with looks takes than one with a single reading at the end, as factor on persons. */
export function priceOfPeeking(level = 0.9): number {
  const scale = scaleFor(1, level)
  const { high, value } = anytime(0, 1, scale, level)
  return ((high - value) / normalQuantile((1 + level) / 2)) ** 2
}

/** Keeps the narrowest interval and the smallest p-value over the looks: both stay valid. */
export function narrowed(looks: readonly AnytimeResult[]): AnytimeResult | null {
  const last = looks.at(-1)
  if (last === undefined) return null
  let low = Number.NEGATIVE_INFINITY
  let high = Number.POSITIVE_INFINITY
  let pValue = 1
  for (const look of looks) {
    low = Math.max(low, look.low)
    high = Math.min(high, look.high)
    pValue = Math.min(pValue, look.pValue)
  }
  return { value: last.value, low, high, pValue }
}

export type Verdict =
  | { stop: false; because: 'the interval still holds both a gain and a loss' | 'too few persons to look yet' }
  | { stop: true; verdict: 'proven' | 'harm' | 'futile'; because: string }

/** Fewest persons per arm before the normal approximation behind the looks is trusted. */
export const leastPerArm = 100

/**
 * May the experiment end? Proven: the whole interval is above zero. Harm: it is below. Futile: even its upper end is
 * less than the smallest gain worth having. All three may be asked at any look.
 */
export function mayStop(result: AnytimeResult, persons: readonly number[], worthwhile: number): Verdict {
  if (persons.some((count) => count < leastPerArm)) return { stop: false, because: 'too few persons to look yet' }
  if (result.low > 0) return { stop: true, verdict: 'proven', because: 'the whole interval lies above zero' }
  if (result.high < 0) return { stop: true, verdict: 'harm', because: 'the whole interval lies below zero' }
  if (worthwhile > 0 && result.high < worthwhile) {
    return { stop: true, verdict: 'futile', because: 'even the upper end is less than the smallest gain worth having' }
  }
  return { stop: false, because: 'the interval still holds both a gain and a loss' }
}
