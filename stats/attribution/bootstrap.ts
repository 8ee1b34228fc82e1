import type { Draws } from '../numbers/chance.ts'
import type { Credit, Paths } from './paths.ts'

export type CreditInterval = {
  conversions: { low: Float64Array; high: Float64Array }
  values: { low: Float64Array; high: Float64Array }
}

/**
 * How sure the credit is: persons are drawn again and the model computed anew. A row stands for as many persons as
 * it has conversions and nulls; each replicate draws these counts from Poisson distributions around the observed
 * ones (the bootstrap for aggregated counts). Percentile interval.
 */
export function bootstrapCredit(
  paths: Paths,
  model: (paths: Paths) => Credit,
  options: { replicates: number; draws: Draws; level?: number; progress?: (done: number) => void },
): CreditInterval {
  const channels = paths.channels.length
  const conversions = Array.from({ length: channels }, () => new Float64Array(options.replicates))
  const values = Array.from({ length: channels }, () => new Float64Array(options.replicates))
  const drawn: Paths = {
    ...paths,
    conversions: new Float64Array(paths.conversions.length),
    values: new Float64Array(paths.conversions.length),
    nulls: new Float64Array(paths.conversions.length),
  }
  for (let replicate = 0; replicate < options.replicates; replicate++) {
    drawAgain(paths, drawn, options.draws)
    const credit = model(drawn)
    for (let channel = 0; channel < channels; channel++) {
      ;(conversions[channel] as Float64Array)[replicate] = credit.conversions[channel] as number
      ;(values[channel] as Float64Array)[replicate] = credit.values[channel] as number
    }
    options.progress?.(replicate + 1)
  }
  const level = options.level ?? 0.9
  return { conversions: percentiles(conversions, level), values: percentiles(values, level) }
}

function drawAgain(paths: Paths, into: Paths, draws: Draws): void {
  for (let row = 0; row < paths.conversions.length; row++) {
    const observed = paths.conversions[row] as number
    const count = draws.poisson(observed)
    into.conversions[row] = count
    into.values[row] = observed === 0 ? 0 : ((paths.values[row] as number) * count) / observed
    into.nulls[row] = draws.poisson(paths.nulls[row] as number)
  }
}

function percentiles(samples: Float64Array[], level: number): { low: Float64Array; high: Float64Array } {
  const low = new Float64Array(samples.length)
  const high = new Float64Array(samples.length)
  samples.forEach((sample, index) => {
    sample.sort()
    low[index] = quantileOfSorted(sample, (1 - level) / 2)
    high[index] = quantileOfSorted(sample, (1 + level) / 2)
  })
  return { low, high }
}

/** Quantile of sorted numbers with linear interpolation (type 7 of Hyndman & Fan 1996). */
export function quantileOfSorted(sorted: Float64Array, probability: number): number {
  if (sorted.length === 0) return Number.NaN
  const at = (sorted.length - 1) * probability
  const below = Math.floor(at)
  const left = sorted[below] as number
  const right = sorted[Math.min(sorted.length - 1, below + 1)] as number
  return left + (at - below) * (right - left)
}
