import { quantileOfSorted } from '../attribution/bootstrap.ts'
import { chiSquareAbove, normalQuantile } from '../numbers/distributions.ts'

/** How far one figure of the posterior can be trusted as computed. */
export type Convergence = {
  /** Near 1 when chains agree within and among each other: at most 1.01 is wanted. */
  rHat: number
  /** Independent draws the chains are worth for the middle of the distribution … */
  bulk: number
  /** … and for its 5 % and 95 % ends. */
  tail: number
  mean: number
  deviation: number
  /** Standard error of the mean that comes from drawing only so often. */
  error: number
}

/**
 * Rank-normalised split R-hat with folding, bulk and tail effective sample size
 * (Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021). One array per chain, equally long, at least 8 draws.
 */
export function convergence(chains: readonly Float64Array[]): Convergence {
  const halves = split(chains)
  const all = joined(halves)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  let squares = 0
  for (const value of all) squares += (value - mean) ** 2
  const deviation = Math.sqrt(squares / Math.max(1, all.length - 1))
  const shape = { mean, deviation }
  // A figure that never moves has nothing to converge.
  if (!(deviation > 1e-14 * Math.max(1e-300, Math.abs(mean))))
    return { rHat: 1, bulk: all.length, tail: all.length, ...shape, error: 0 }
  const ranked = rankNormalised(halves)
  const sorted = all.toSorted()
  const middle = quantileOfSorted(sorted, 0.5)
  const folded = rankNormalised(halves.map((half) => half.map((value) => Math.abs(value - middle))))
  const [low, high] = [quantileOfSorted(sorted, 0.05), quantileOfSorted(sorted, 0.95)]
  return {
    rHat: Math.max(rHatOf(ranked), rHatOf(folded)),
    bulk: effective(ranked),
    tail: Math.min(
      effective(halves.map((half) => half.map((value) => (value <= low ? 1 : 0)))),
      effective(halves.map((half) => half.map((value) => (value <= high ? 1 : 0)))),
    ),
    ...shape,
    error: deviation / Math.sqrt(effective(halves)),
  }
}

function split(chains: readonly Float64Array[]): Float64Array[] {
  const length = Math.min(...chains.map((chain) => chain.length))
  const half = Math.floor(length / 2)
  return chains.flatMap((chain) => [chain.subarray(0, half), chain.subarray(length - half, length)])
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Average ranks over all chains, turned into normal scores. */
function rankNormalised(parts: readonly Float64Array[]): Float64Array[] {
  const all = joined(parts)
  const order = new Uint32Array(all.length).map((_, index) => index)
  order.sort((left, right) => (all[left] as number) - (all[right] as number))
  const scores = new Float64Array(all.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && all[order[to] as number] === all[order[from] as number]) to++
    const score = normalQuantile(((from + to + 1) / 2 - 0.375) / (all.length + 0.25))
    for (let place = from; place < to; place++) scores[order[place] as number] = score
    from = to
  }
  let at = 0
  return parts.map((part) => {
    at += part.length
    return scores.subarray(at - part.length, at)
  })
}

function meanOf(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

function varianceOf(values: Float64Array): number {
  const mean = meanOf(values)
  let sum = 0
  for (const value of values) sum += (value - mean) ** 2
  return sum / (values.length - 1)
}

function rHatOf(parts: readonly Float64Array[]): number {
  const length = parts[0]?.length as number
  const between = varianceOf(Float64Array.from(parts, meanOf))
  const within = meanOf(Float64Array.from(parts, varianceOf))
  return within === 0 ? 1 : Math.sqrt((length - 1) / length + between / within)
}

/** Effective sample size by Geyer's initial monotone sequence over all chains. O(draws · lags). */
function effective(parts: readonly Float64Array[]): number {
  const count = parts.length
  const length = parts[0]?.length as number
  const total = count * length
  const means = parts.map(meanOf)
  const spread = parts.map((part, index) => part.map((value) => value - (means[index] as number)))
  const covariance = (lag: number) => {
    let sum = 0
    for (const part of spread)
      for (let at = lag; at < length; at++) sum += (part[at] as number) * (part[at - lag] as number)
    return sum / (count * length)
  }
  const own = covariance(0)
  const within = (own * length) / (length - 1)
  const pooled = own + (count > 1 ? varianceOf(Float64Array.from(means)) : 0)
  if (!(pooled > 0)) return total
  const correlation = (lag: number) => 1 - (within - (covariance(lag) * length) / (length - 1)) / pooled
  let sum = 0
  let before = Infinity
  for (let lag = 0; lag + 1 < length; lag += 2) {
    const pair = (lag === 0 ? 1 : correlation(lag)) + correlation(lag + 1)
    if (!(pair > 0)) break
    before = Math.min(before, pair)
    sum += before
  }
  // Anticorrelated draws may be worth more than independent ones, but not without limit.
  const time = Math.max(2 * sum - 1, 1 / Math.log10(total))
  return total / time
}

/**
 * Simulation-based calibration (Talts and others 2018): when parameters come from the prior and data from the
 * parameters, the rank of the truth among the posterior draws is uniform. Chance of ranks at least as uneven as these.
 */
export function ranksUniform(ranks: readonly number[], draws: number, bins = 10): number {
  const counts = new Float64Array(bins)
  for (const rank of ranks) {
    const bin = Math.min(bins - 1, Math.floor((rank * bins) / (draws + 1)))
    counts[bin] = (counts[bin] as number) + 1
  }
  const expected = ranks.length / bins
  let distance = 0
  for (const count of counts) distance += (count - expected) ** 2 / expected
  return chiSquareAbove(distance, bins - 1)
}
