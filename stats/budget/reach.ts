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
  /** Of the contacts that one more insertion, or a little more pressure, would add: the share that meets somebody new. */
  fresh: number
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
  return { ...answerOf(contacts, threshold), fresh: freshOf(one, two, insertions), assumed }
}

/** Chance that a contact of the next insertion is the first one of its person. */
function freshOf(one: number, two: number, insertions: number): number {
  if (insertions === 0) return 1
  const spread = 2 * one - two - one * one
  if (one === 1 || two - one <= 1e-12) return 0
  if (spread <= 1e-12) return (1 - one) ** insertions
  const habit = (two - one) / spread
  let fresh = 1
  for (let seen = 0; seen < insertions; seen++) fresh *= ((1 - one) * habit + seen) / (habit + seen)
  return fresh * (habit / (habit + insertions))
}

/** What a platform or agency tells of a campaign. */
export type ToldReach = { contacts: number; reached: number; population: number }

/** Contacts beyond this are counted with the last. */
const mostContacts = 200

/**
 * Frequency of a campaign of which contacts and persons are told, at `pressure` times what was told: contacts per
 * person follow the negative binomial law (Goodhardt and Chatfield 1973), the limit of the beta-binomial for many small
 * chances, fitted to both figures. Contacts spread more evenly than by chance (capped) are chance among those reached,
 * beside the first one each; of that nothing follows for other pressures, and reach stays as told. Null where the
 * figures contradict each other: more persons than contacts or people.
 */
export function toldReach(told: ToldReach, threshold = 3, pressure = 1): ReachAnswer | null {
  const { population } = told
  const mean = told.contacts / population
  const reach = told.reached / population
  if (!(population > 0 && reach > 0 && reach <= 1 && reach <= mean * (1 + 1e-9))) return null
  const chance = new Float64Array(mostContacts + 1)
  const even = reach >= -Math.expm1(-mean) - 1e-12
  if (even) {
    const further = Math.max(0, (mean * pressure) / reach - 1)
    chance[0] = 1 - reach
    let term = reach * Math.exp(-further)
    for (let k = 1; k <= mostContacts; k++) {
      chance[k] = term
      term *= further / k
    }
  } else {
    const habit = habitOf(mean, reach)
    const now = mean * pressure
    let term = (1 + now / habit) ** -habit
    for (let k = 0; k <= mostContacts; k++) {
      chance[k] = term
      term *= ((habit + k) / (k + 1)) * (now / (habit + now))
    }
  }
  let total = 0
  for (const one of chance) total += one
  chance[mostContacts] = (chance[mostContacts] as number) + Math.max(0, 1 - total)
  const answer = answerOf(chance, threshold)
  const grp = 100 * mean * pressure
  const fresh = even ? 0 : (1 + (mean * pressure) / habitOf(mean, reach)) ** (-habitOf(mean, reach) - 1)
  const frequency = answer.reach > 0 ? grp / 100 / answer.reach : 0
  const assumed = even ? 'Contacts lie more evenly than by chance.' : null
  return { ...answer, grp, frequency, fresh, assumed }
}

/** The habit with which `mean` contacts leave out as many people as told: less habit, less reach. */
function habitOf(mean: number, reach: number): number {
  let [low, high] = [Math.log(1e-9), Math.log(1e9)]
  for (let step = 0; step < 200; step++) {
    const middle = (low + high) / 2
    const habit = Math.exp(middle)
    if (-Math.expm1(-habit * Math.log1p(mean / habit)) < reach) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
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

function answerOf(contacts: Float64Array, threshold: number): Omit<ReachAnswer, 'fresh' | 'assumed'> {
  const reach = 1 - (contacts[0] as number)
  let mean = 0
  let effective = 0
  for (const [k, chance] of contacts.entries()) {
    mean += k * chance
    if (k >= threshold) effective += chance
  }
  return { contacts, reach, effective, frequency: reach > 0 ? mean / reach : 0, grp: 100 * mean }
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
  const missed = vehicles.reduce((left, { reach }) => left * (1 - reach), 1)
  const points = vehicles.reduce((sum, { grp }) => sum + grp, 0)
  // Whom one vehicle meets for the first time the others may have met.
  const fresh = vehicles.reduce(
    (sum, one) => sum + (points > 0 && one.reach < 1 ? (one.grp / points) * one.fresh * (missed / (1 - one.reach)) : 0),
    0,
  )
  const assumed = ['Vehicles taken as independent.', ...first].join(' ')
  return { ...answerOf(contacts, threshold), fresh, assumed }
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
