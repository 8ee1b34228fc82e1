import { normalQuantile } from '../numbers/distributions.ts'
import type { Interval } from './holdout.ts'

/** Sums of a metric that divides one thing per person by another (value per order, clicks per visit). */
export type RatioMoments = {
  count: number
  top: number
  bottom: number
  topSquares: number
  bottomSquares: number
  products: number
}

export function ratioMomentsOf(rows: Iterable<{ top: number; bottom: number }>): RatioMoments {
  const moments = { count: 0, top: 0, bottom: 0, topSquares: 0, bottomSquares: 0, products: 0 }
  for (const { top, bottom } of rows) {
    moments.count++
    moments.top += top
    moments.bottom += bottom
    moments.topSquares += top * top
    moments.bottomSquares += bottom * bottom
    moments.products += top * bottom
  }
  return moments
}

/**
 * Ratio of two sums over persons with its variance by the delta method: persons are the units of chance, so several
 * orders of one person count as what they are, one person. Null when nothing stands below the line.
 */
export function ratioOf(arm: RatioMoments): { value: number; variance: number } | null {
  const { count, top, bottom, topSquares, bottomSquares, products } = arm
  if (count < 2 || bottom === 0) return null
  const value = top / bottom
  // Σ (top − ratio · bottom)²: what is left when the ratio explains the person.
  const rest = topSquares - 2 * value * products + value * value * bottomSquares
  const mean = bottom / count
  return { value, variance: Math.max(0, rest) / (count - 1) / count / (mean * mean) }
}

/** Difference of two such ratios, treated − control, with interval. */
export function differenceOfRatios(treated: RatioMoments, control: RatioMoments, level = 0.9): Interval | null {
  const [left, right] = [ratioOf(treated), ratioOf(control)]
  if (left === null || right === null) return null
  const value = left.value - right.value
  const reach = normalQuantile((1 + level) / 2) * Math.sqrt(left.variance + right.variance)
  return { value, low: value - reach, high: value + reach }
}
