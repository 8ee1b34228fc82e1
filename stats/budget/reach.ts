import { logBeta, logGamma } from '../numbers/special.ts'

/** Contacts of one vehicle over its insertions. */
export type VehiclePlan = {
  /** Share of people reached by one insertion, and by two (null: not known). */
  reachOfOne: number
  reachOfTwo: number | null
  insertions: number
}

export type ReachAnswer = {
  /** Chance of exactly k contacts, k = 0 … insertions. */
  contacts: Float64Array
  /** Share reached at least once. */
  reach: number
  /** Share reached at least `threshold` times. */
  effective: number
  /** Contacts per person reached. */
  frequency: number
  /** Gross rating points: contacts per hundred people. */
  grp: number
  /** What was assumed beside the figures given, or null. */
  assumed: string | null
}

/**
 * Reach and frequency of one vehicle by the beta-binomial law (Metheringham 1964): people differ in their habit of
 * seeing it, fitted to the reach of one and of two insertions. Without habit it is binomial; with perfect habit
 * everyone who sees one sees all.
 */
export function vehicleReach(plan: VehiclePlan, threshold = 3): ReachAnswer {
  const { reachOfOne: one, insertions } = plan
  if (!(one > 0 && one <= 1)) throw new RangeError(`A reach lies above 0 and up to 1, not at ${one}`)
  if (!Number.isInteger(insertions) || insertions < 0) throw new RangeError(`${insertions} is no number of insertions`)
  const independent = 1 - (1 - one) ** 2
  let two = plan.reachOfTwo ?? independent
  let assumed = plan.reachOfTwo === null ? 'Reach of two insertions assumed as without habit.' : null
  if (two < one - 1e-12 || two > independent + 1e-12) {
    assumed = `Reach of two insertions must lie between ${one} and ${independent.toFixed(4)}; without habit is used.`
    two = independent
  }
  const contacts = contactsOf(one, two, insertions)
  return answerOf(contacts, threshold, assumed)
}

function contactsOf(one: number, two: number, insertions: number): Float64Array {
  const contacts = new Float64Array(insertions + 1)
  if (insertions === 0 || one === 1) {
    contacts[insertions] = 1
    return contacts
  }
  const spread = 2 * one - two - one * one
  if (two - one <= 1e-12) {
    // Everyone who sees one sees all.
    contacts[0] = 1 - one
    contacts[insertions] = one
    return contacts
  }
  const choose = (k: number) => logGamma(insertions + 1) - logGamma(k + 1) - logGamma(insertions - k + 1)
  if (spread <= 1e-12) {
    for (let k = 0; k <= insertions; k++)
      contacts[k] = Math.exp(choose(k) + k * Math.log(one) + (insertions - k) * Math.log1p(-one))
    return contacts
  }
  const habit = (two - one) / spread
  const [alpha, beta] = [one * habit, (1 - one) * habit]
  for (let k = 0; k <= insertions; k++)
    contacts[k] = Math.exp(choose(k) + logBeta(alpha + k, beta + insertions - k) - logBeta(alpha, beta))
  return contacts
}

function answerOf(contacts: Float64Array, threshold: number, assumed: string | null): ReachAnswer {
  const reach = 1 - (contacts[0] as number)
  let mean = 0
  let effective = 0
  for (const [k, chance] of contacts.entries()) {
    mean += k * chance
    if (k >= threshold) effective += chance
  }
  return { contacts, reach, effective, frequency: reach > 0 ? mean / reach : 0, grp: 100 * mean, assumed }
}

/** Several vehicles together, as if people chose them independently of each other: an assumption, and said so. */
export function jointReach(vehicles: readonly ReachAnswer[], threshold = 3): ReachAnswer {
  let contacts: Float64Array = Float64Array.of(1)
  for (const { contacts: own } of vehicles) {
    const next = new Float64Array(contacts.length + own.length - 1)
    for (const [left, chance] of contacts.entries())
      for (const [right, other] of own.entries()) next[left + right] = (next[left + right] as number) + chance * other
    contacts = next
  }
  const first = vehicles.map(({ assumed }) => assumed).filter((text) => text !== null)
  return answerOf(contacts, threshold, ['Vehicles taken as independent.', ...first].join(' '))
}

/** Net reach of channels when no person-level data exist: it lies between these. */
export function reachBounds(reaches: readonly number[]): { least: number; independent: number; most: number } {
  return {
    least: reaches.reduce((most, reach) => Math.max(most, reach), 0),
    independent: 1 - reaches.reduce((left, reach) => left * (1 - reach), 1),
    most: Math.min(
      1,
      reaches.reduce((sum, reach) => sum + reach, 0),
    ),
  }
}

/** Cost per rating point and per thousand contacts. */
export function contactPrices(cost: number, grp: number, population: number) {
  const contacts = (grp / 100) * population
  return {
    contacts,
    perPoint: grp > 0 ? cost / grp : null,
    perThousand: contacts > 0 ? (1000 * cost) / contacts : null,
  }
}
