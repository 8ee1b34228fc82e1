import { normalQuantile } from '../numbers/distributions.ts'
import { priceOfPeeking } from './sequential.ts'

export type PlanNeeds = {
  /** Mean and variance of the outcome per person, from own history. A rate p has variance p(1 − p). */
  mean: number
  variance: number
  /** Smallest effect worth finding, in units of the outcome. */
  effect: number
  /** Share of each arm; the first is control. */
  shares: readonly number[]
  level?: number
  power?: number
  /** Share of variance that the pre-period explains (CUPED). */
  explained?: number
  /** Will somebody look before the end? Then more persons are needed. */
  peeking?: boolean
  /** New persons who come into the experiment per day; gives the duration. */
  personsPerDay?: number | null
}

export type LiftPlan = {
  persons: number
  perArm: number[]
  days: number | null
  /** Smallest effect that this many persons find with the wanted power. */
  detectable: number
  relative: number | null
}

/**
 * Persons needed to find an effect. Two-sided at `level`, found with chance `power`; with several arms each is
 * compared with control (Bonferroni, a cautious stand-in for false-discovery control).
 */
export function planLift(needs: PlanNeeds): LiftPlan {
  const { effect, shares, level = 0.9, power = 0.8 } = needs
  const [control, ...others] = normalised(shares)
  const smallest = Math.min(...others)
  const tests = Math.max(1, others.length)
  const z = normalQuantile(1 - (1 - level) / 2 / tests) + normalQuantile(power)
  const price = needs.peeking ? priceOfPeeking(1 - (1 - level) / tests) : 1
  const variance = needs.variance * (1 - (needs.explained ?? 0)) * (1 / (control as number) + 1 / smallest)
  const persons = Math.ceil((z * z * variance * price) / (effect * effect))
  return {
    persons,
    perArm: normalised(shares).map((share) => Math.ceil(share * persons)),
    days: needs.personsPerDay ? Math.ceil(persons / needs.personsPerDay) : null,
    detectable: effect,
    relative: needs.mean === 0 ? null : effect / needs.mean,
  }
}

/** The other way round: what can so many persons find? */
export function detectableBy(persons: number, needs: Omit<PlanNeeds, 'effect'>): number {
  const one = planLift({ ...needs, effect: 1e-3 * Math.sqrt(needs.variance || 1) })
  return one.detectable * Math.sqrt(one.persons / persons)
}

function normalised(shares: readonly number[]): number[] {
  const sum = shares.reduce((total, share) => total + share, 0)
  return shares.map((share) => share / sum)
}

/** Values above the limit count as the limit: a few giants then no longer decide. Returns the limit used. */
export function winsorLimit(values: Float64Array, quantile = 0.99): number {
  const sorted = values.slice().sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0
}
