import { quantileOfSorted } from '../attribution/bootstrap.ts'

/** Response of one channel: outcome for a spend, once per posterior draw. Spend and outcome over the whole plan. */
export type UncertainCurve = {
  channel: string
  /** Spend at which the response is known, rising from 0. */
  spend: Float64Array
  /** Outcome per draw (row) and spend (column). */
  outcome: Float64Array[]
}

/**
 * Monotone cubic through known points (Fritsch & Carlson 1980): never overshoots, so a response that only rises stays
 * one that only rises. Beyond the last point it is flat: more is not known to bring more.
 */
export type Smooth = { x: Float64Array; y: Float64Array; slope: Float64Array }

export function smoothThrough(x: Float64Array, y: Float64Array): Smooth {
  const last = x.length - 1
  const secant = Float64Array.from({ length: last }, (_, at) => {
    const width = (x[at + 1] as number) - (x[at] as number)
    return ((y[at + 1] as number) - (y[at] as number)) / width
  })
  const slope = new Float64Array(x.length)
  for (let at = 1; at < last; at++) {
    const [left, right] = [secant[at - 1] as number, secant[at] as number]
    if (left * right <= 0) continue
    // Harmonic mean weighted by the widths keeps the cubic between its points.
    const [before, after] = [(x[at] as number) - (x[at - 1] as number), (x[at + 1] as number) - (x[at] as number)]
    const [first, second] = [2 * after + before, after + 2 * before]
    slope[at] = (first + second) / (first / left + second / right)
  }
  slope[0] = edgeSlope(x, secant, 0, 1)
  slope[last] = edgeSlope(x, secant, last - 1, last - 2)
  return { x, y, slope }
}

function edgeSlope(x: Float64Array, secant: Float64Array, near: number, far: number): number {
  const own = secant[near] as number
  if (far < 0 || far >= secant.length) return own
  const next = secant[far] as number
  const [width, other] = [widthOf(x, near), widthOf(x, far)]
  const slope = ((2 * width + other) * own - width * next) / (width + other)
  if (slope * own <= 0) return 0
  return own * next < 0 && Math.abs(slope) > 3 * Math.abs(own) ? 3 * own : slope
}

function widthOf(x: Float64Array, at: number): number {
  return (x[at + 1] as number) - (x[at] as number)
}

export function valueAt({ x, y, slope }: Smooth, at: number): number {
  const last = x.length - 1
  if (at <= (x[0] as number)) return y[0] as number
  if (at >= (x[last] as number)) return y[last] as number
  const place = pieceOf(x, at)
  const width = widthOf(x, place)
  const t = (at - (x[place] as number)) / width
  const [a, b] = [y[place] as number, y[place + 1] as number]
  const [p, q] = [(slope[place] as number) * width, (slope[place + 1] as number) * width]
  const rise = b - a
  return a + t * (p + t * (3 * rise - 2 * p - q + t * (p + q - 2 * rise)))
}

export function slopeAt({ x, y, slope }: Smooth, at: number): number {
  const last = x.length - 1
  if (at < (x[0] as number) || at > (x[last] as number)) return 0
  const place = pieceOf(x, at)
  const width = widthOf(x, place)
  const t = (at - (x[place] as number)) / width
  const rise = (y[place + 1] as number) - (y[place] as number)
  const [p, q] = [(slope[place] as number) * width, (slope[place + 1] as number) * width]
  return (p + t * (2 * (3 * rise - 2 * p - q) + t * 3 * (p + q - 2 * rise))) / width
}

function pieceOf(x: Float64Array, at: number): number {
  let low = 0
  let high = x.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((x[middle] as number) <= at) low = middle
    else high = middle
  }
  return low
}

/** Mean of all draws, as one curve. */
export function meanCurve(curve: UncertainCurve): Smooth {
  const mean = new Float64Array(curve.spend.length)
  for (const draw of curve.outcome)
    for (let at = 0; at < mean.length; at++)
      mean[at] = (mean[at] as number) + (draw[at] as number) / curve.outcome.length
  return smoothThrough(curve.spend, mean)
}

/** The response at even steps of spend with its 90 % interval over the draws: what a picture shows. */
export function bandAlong(
  curve: UncertainCurve,
  steps = 24,
): { spend: number; mean: number; low: number; high: number }[] {
  const draws = curve.outcome.map((outcome) => smoothThrough(curve.spend, outcome))
  const most = curve.spend.at(-1) as number
  return Array.from({ length: steps + 1 }, (_, step) => {
    const spend = step === steps ? most : (most * step) / steps
    const values = Float64Array.from(draws, (draw) => valueAt(draw, spend)).sort()
    return {
      spend,
      mean: values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length),
      low: quantileOfSorted(values, 0.05),
      high: quantileOfSorted(values, 0.95),
    }
  })
}
