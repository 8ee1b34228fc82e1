import type { Credit } from './paths.ts'

/** What an experiment or a mix model found for a channel: additional conversions with interval. */
export type KnownIncrement = { channel: number; value: number; low: number; high: number }

export type IncrementalCredit = {
  conversions: Float64Array
  low: Float64Array
  high: Float64Array
  fromExperiment: boolean[]
}

/**
 * Credit that agrees with experiments: a channel with a known increment gets exactly that, the rest of the conversions
 * go to the others in the proportions of the model. Ranges follow from the ends of the known intervals.
 */
export function incrementalCredit(credit: Credit, known: readonly KnownIncrement[]): IncrementalCredit {
  const total = credit.conversions.reduce((sum, part) => sum + part, 0)
  const fixed = new Map(known.map((one) => [one.channel, one]))
  const others = credit.conversions.reduce((sum, part, channel) => sum + (fixed.has(channel) ? 0 : part), 0)
  const share = (left: number) => (others > 0 ? Math.max(0, left) / others : 0)
  const left = (of: (one: KnownIncrement) => number) => total - known.reduce((sum, one) => sum + of(one), 0)
  const [usual, least, most] = [
    share(left((one) => one.value)),
    share(left((one) => one.high)),
    share(left((one) => one.low)),
  ]
  const spread = (scale: number, of: (one: KnownIncrement) => number) =>
    credit.conversions.map((part, channel) => {
      const own = fixed.get(channel)
      return own === undefined ? part * scale : of(own)
    })
  return {
    conversions: spread(usual, (one) => one.value),
    low: spread(least, (one) => one.low),
    high: spread(most, (one) => one.high),
    fromExperiment: Array.from(credit.conversions, (_, channel) => fixed.has(channel)),
  }
}
