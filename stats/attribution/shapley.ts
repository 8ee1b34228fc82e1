import type { Draws } from '../numbers/chance.ts'
import { type Credit, type Paths, totalsOf } from './paths.ts'

/**
 * Fair division of conversions: a coalition of channels is worth the conversions of all paths it covers completely.
 * For this game the Shapley value is known in closed form: each path shares equally among its distinct channels.
 * Exact for any number of channels, O(touches).
 */
export function creditByShapley(paths: Paths): Credit {
  const credit = {
    conversions: new Float64Array(paths.channels.length),
    values: new Float64Array(paths.channels.length),
  }
  const lastSeen = new Int32Array(paths.channels.length).fill(-1)
  const distinct: number[] = []
  for (let row = 0; row < paths.conversions.length; row++) {
    distinct.length = 0
    for (let at = paths.offsets[row] as number; at < (paths.offsets[row + 1] as number); at++) {
      const channel = paths.touches[at] as number
      if (lastSeen[channel] === row) continue
      lastSeen[channel] = row
      distinct.push(channel)
    }
    for (const channel of distinct) {
      credit.conversions[channel] =
        (credit.conversions[channel] as number) + (paths.conversions[row] as number) / distinct.length
      credit.values[channel] = (credit.values[channel] as number) + (paths.values[row] as number) / distinct.length
    }
  }
  return credit
}

/** Credit by channel and place in the path: `byPlace[channel][place]`, the last place gathering all later ones. */
export type OrderedCredit = Credit & { byPlace: { conversions: Float64Array[]; values: Float64Array[] } }

/**
 * Ordered Shapley value (Zhao, Mahboobi, Bagheri 2018): places in the path are the players, so a channel that comes
 * twice, with another between, has two shares, and its credit as opener and as closer can be told apart. Repeats
 * without another channel between count once. Exact, O(touches).
 */
export function creditByOrderedShapley(paths: Paths, places = 5): OrderedCredit {
  const channels = paths.channels.length
  const table = () => Array.from({ length: channels }, () => new Float64Array(places))
  const credit = {
    conversions: new Float64Array(channels),
    values: new Float64Array(channels),
    byPlace: { conversions: table(), values: table() },
  }
  const steps: number[] = []
  for (let row = 0; row < paths.conversions.length; row++) {
    steps.length = 0
    for (let at = paths.offsets[row] as number; at < (paths.offsets[row + 1] as number); at++) {
      const channel = paths.touches[at] as number
      if (channel !== steps.at(-1)) steps.push(channel)
    }
    const conversions = (paths.conversions[row] as number) / steps.length
    const value = (paths.values[row] as number) / steps.length
    steps.forEach((channel, step) => {
      const place = Math.min(step, places - 1)
      const [bought, worth] = [credit.byPlace.conversions[channel], credit.byPlace.values[channel]] as [
        Float64Array,
        Float64Array,
      ]
      credit.conversions[channel] = (credit.conversions[channel] as number) + conversions
      credit.values[channel] = (credit.values[channel] as number) + value
      bought[place] = (bought[place] as number) + conversions
      worth[place] = (worth[place] as number) + value
    })
  }
  return credit
}

export type ShapleyOfRates = {
  /** Credited conversions per channel; negative where a channel lowers the rate. */
  conversions: Float64Array
  /** Standard error of the sampling, null when exact. */
  standardErrors: Float64Array | null
}

/** Largest number of channels whose coalitions are all visited (2^20 rates, half a second). */
export const exactShapleyChannels = 20

/**
 * Shapley value where a coalition is worth its conversion rate, so paths without a conversion count too. Exact by
 * all 2ⁿ coalitions up to 20 channels, O(n 2ⁿ); beyond that `sampling` (permutations) must be given, and the answer
 * states its standard error.
 */
export function creditByRateShapley(
  paths: Paths,
  sampling: { permutations: number; draws: Draws } | null = null,
): ShapleyOfRates | { refused: string } {
  const channels = paths.channels.length
  if (channels > exactShapleyChannels && sampling === null) {
    return {
      refused: `${channels} channels have too many coalitions for an exact answer (limit ${exactShapleyChannels}); ask for sampled permutations`,
    }
  }
  const total = totalsOf(paths).conversions
  if (channels <= exactShapleyChannels) {
    return { conversions: scaled(exactRates(paths), total), standardErrors: null }
  }
  const { mean, standardErrors } = sampledRates(paths, sampling as { permutations: number; draws: Draws })
  const sum = mean.reduce((left, right) => left + right, 0)
  return {
    conversions: scaled(mean, total),
    standardErrors: standardErrors.map((error) => (sum === 0 ? 0 : (error / sum) * total)),
  }
}

function scaled(shares: Float64Array, total: number): Float64Array {
  const sum = shares.reduce((left, right) => left + right, 0)
  return shares.map((share) => (sum === 0 ? 0 : (share / sum) * total))
}

function exactRates(paths: Paths): Float64Array {
  const channels = paths.channels.length
  const coalitions = 2 ** channels
  const converted = new Float64Array(coalitions)
  const all = new Float64Array(coalitions)
  for (let row = 0; row < paths.conversions.length; row++) {
    let members = 0
    for (let at = paths.offsets[row] as number; at < (paths.offsets[row + 1] as number); at++) {
      members |= 1 << (paths.touches[at] as number)
    }
    if (members === 0) continue
    converted[members] = (converted[members] as number) + (paths.conversions[row] as number)
    all[members] = (all[members] as number) + (paths.conversions[row] as number) + (paths.nulls[row] as number)
  }
  // Sums over all subsets in n passes (Yates' zeta transform).
  for (let channel = 0; channel < channels; channel++) {
    const bit = 1 << channel
    for (let members = 0; members < coalitions; members++) {
      if ((members & bit) === 0) continue
      converted[members] = (converted[members] as number) + (converted[members ^ bit] as number)
      all[members] = (all[members] as number) + (all[members ^ bit] as number)
    }
  }
  const rate = converted.map((count, members) => ((all[members] as number) > 0 ? count / (all[members] as number) : 0))
  const weight = new Float64Array(channels)
  weight[0] = 1 / channels
  // |S|! (n − |S| − 1)! / n! grows from its neighbour, so no factorial is ever formed.
  for (let size = 1; size < channels; size++) weight[size] = ((weight[size - 1] as number) * size) / (channels - size)
  const shares = new Float64Array(channels)
  const sizeOf = new Uint8Array(coalitions)
  for (let members = 1; members < coalitions; members++)
    sizeOf[members] = (sizeOf[members >> 1] as number) + (members & 1)
  for (let channel = 0; channel < channels; channel++) {
    const bit = 1 << channel
    let share = 0
    for (let members = 0; members < coalitions; members++) {
      if ((members & bit) !== 0) continue
      share +=
        (weight[sizeOf[members] as number] as number) * ((rate[members | bit] as number) - (rate[members] as number))
    }
    shares[channel] = share
  }
  return shares
}

function sampledRates(
  paths: Paths,
  sampling: { permutations: number; draws: Draws },
): { mean: Float64Array; standardErrors: Float64Array } {
  const channels = paths.channels.length
  const order = Uint32Array.from({ length: channels }, (_, index) => index)
  const rank = new Uint32Array(channels)
  const sum = new Float64Array(channels)
  const squares = new Float64Array(channels)
  const converted = new Float64Array(channels)
  const all = new Float64Array(channels)
  for (let permutation = 0; permutation < sampling.permutations; permutation++) {
    for (let index = channels - 1; index > 0; index--) {
      const other = sampling.draws.below(index + 1)
      const kept = order[index] as number
      order[index] = order[other] as number
      order[other] = kept
    }
    for (let index = 0; index < channels; index++) rank[order[index] as number] = index
    converted.fill(0)
    all.fill(0)
    for (let row = 0; row < paths.conversions.length; row++) {
      const start = paths.offsets[row] as number
      const end = paths.offsets[row + 1] as number
      if (start === end) continue
      let complete = 0
      for (let at = start; at < end; at++) complete = Math.max(complete, rank[paths.touches[at] as number] as number)
      converted[complete] = (converted[complete] as number) + (paths.conversions[row] as number)
      all[complete] = (all[complete] as number) + (paths.conversions[row] as number) + (paths.nulls[row] as number)
    }
    let before = 0
    let conversions = 0
    let everybody = 0
    for (let index = 0; index < channels; index++) {
      conversions += converted[index] as number
      everybody += all[index] as number
      const rate = everybody > 0 ? conversions / everybody : 0
      const gain = rate - before
      before = rate
      const channel = order[index] as number
      sum[channel] = (sum[channel] as number) + gain
      squares[channel] = (squares[channel] as number) + gain * gain
    }
  }
  const runs = sampling.permutations
  const mean = sum.map((value) => value / runs)
  const standardErrors = mean.map((value, channel) =>
    Math.sqrt(Math.max(0, (squares[channel] as number) / runs - value * value) / Math.max(1, runs - 1)),
  )
  return { mean, standardErrors }
}
