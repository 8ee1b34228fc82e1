import type { AnswerOf, api } from '@einklang/contract'
import { kept } from '@einklang/contract'
import { type ReachAnswer, toldReach, vehicleReach } from '@einklang/stats'
import { type ContactSum, mostCounted } from '#measurement'
import type { ToldSum } from './ledger.ts'
import type { StoredLine } from './media.ts'

export type Figures = NonNullable<AnswerOf<typeof api.budget.reach>['channels'][number]['observed']>
type People = NonNullable<Figures['reached']>

/** One figure of a plan, a spot log or a platform: a vehicle or campaign, and what follows from it. */
export type Part = {
  channel: string
  campaign: string
  vehicle: string
  geo: string
  source: Exclude<Figures['source'], 'persons'>
  contacts: number
  reached: People | null
  people: number | null
  /** Frequency at so many times the pressure; null where the figures do not tell. */
  law: ((pressure: number) => ReachAnswer) | null
  remarks: string[]
}

const exactly = (value: number): People => ({ value, low: value, high: value })

/** Figures of persons who are known one by one. */
export function figuresOf(known: ContactSum, base: number | null, threshold: number): Figures {
  return {
    source: 'persons',
    contacts: known.contacts,
    reached: exactly(known.persons),
    frequency: known.persons > 0 ? known.contacts / known.persons : null,
    effective: known.byCount.reduce((sum, persons, index) => sum + (index + 1 >= threshold ? persons : 0), 0),
    grp: base === null ? null : (100 * known.contacts) / base,
  }
}

/** How far two insertions share their people, 0 as by chance … 1 all of them, as a house's other lines of a channel tell. */
export type Habits = { [channel: string]: number }

export function habitsOf(lines: StoredLine[]): Habits {
  const shares = lines.flatMap(({ channel, reachOfOne: one, reachOfTwo: two }) => {
    if (one === null || two === null || one === 1) return []
    const chance = 1 - (1 - one) ** 2
    return two < one || two > chance ? [] : [{ channel, share: (chance - two) / (chance - one) }]
  })
  const median = (values: number[]) => values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0
  return Object.fromEntries(
    [...Map.groupBy(shares, ({ channel }) => channel)].map(([channel, group]) => [
      channel,
      median(group.map(({ share }) => share)),
    ]),
  )
}

/** What a line of the media plan says of its plan, or of what became of it. */
export function partOf(
  line: StoredLine,
  which: 'planned' | 'observed',
  usual: Habits,
  base: number,
  threshold: number,
): Part[] {
  const { channel, campaign, geo, population, reachOfOne: one } = line
  const contacts = which === 'planned' ? line.plannedContacts : line.contacts
  const persons = which === 'planned' ? line.plannedReach : line.reached
  const insertions = which === 'planned' ? (line.insertions ?? line.booked) : line.aired
  const whose = { channel, campaign, vehicle: line.vehicle, geo }
  if (persons !== null && (contacts !== null || insertions === null || one === null))
    return [
      toldPart(
        whose,
        { contacts: contacts ?? persons, reached: exactly(persons), people: population ?? (base || null) },
        threshold,
      ),
    ]
  if (insertions !== null && one !== null && population !== null) {
    const { two, remarks } = reachOfTwo(line, one, usual)
    const law = (pressure: number) => {
      const whole = Math.floor(insertions * pressure)
      const at = (count: number) => vehicleReach({ reachOfOne: one, reachOfTwo: two, insertions: count }, threshold)
      return between(at(whole), at(whole + 1), insertions * pressure - whole)
    }
    const answer = law(1)
    return [
      {
        ...whose,
        source: 'modelled',
        contacts: (answer.grp / 100) * population,
        reached: exactly(answer.reach * population),
        people: population,
        law,
        remarks,
      },
    ]
  }
  return contacts === null
    ? []
    : [{ ...whose, source: 'contacts', contacts, reached: null, people: population, law: null, remarks: [] }]
}

/** Between two plans: as if one part of the time the one ran, and the other part the other. */
function between(less: ReachAnswer, more: ReachAnswer, share: number): ReachAnswer {
  if (share === 0) return less
  const mixed = (one: number, other: number) => (1 - share) * one + share * other
  const reach = mixed(less.reach, more.reach)
  const grp = mixed(less.grp, more.grp)
  return {
    contacts: more.contacts.map((chance, count) => mixed(less.contacts[count] ?? 0, chance)),
    reach,
    grp,
    effective: mixed(less.effective, more.effective),
    frequency: reach > 0 ? grp / 100 / reach : 0,
    fresh: mixed(less.fresh, more.fresh),
    assumed: less.assumed,
  }
}

function reachOfTwo(line: StoredLine, one: number, usual: Habits): { two: number; remarks: string[] } {
  const chance = 1 - (1 - one) ** 2
  const given = line.reachOfTwo
  if (given !== null && given >= one - 1e-12 && given <= chance + 1e-12) return { two: given, remarks: [] }
  if (given !== null)
    return { two: chance, remarks: [kept('two_outside', { vehicle: line.vehicle, low: one, high: chance })] }
  const share = usual[line.channel]
  return share === undefined
    ? { two: chance, remarks: [kept('two_unknown')] }
    : { two: chance - share * (chance - one), remarks: [kept('two_as_others')] }
}

function toldPart(
  whose: Pick<Part, 'channel' | 'campaign' | 'vehicle' | 'geo'>,
  told: { contacts: number; reached: People; people: number | null },
  threshold: number,
): Part {
  const { contacts, reached, people } = told
  const answer = people === null ? null : toldReach({ contacts, reached: reached.value, population: people }, threshold)
  const law =
    people === null || answer === null
      ? null
      : (pressure: number) =>
          toldReach({ contacts, reached: reached.value, population: people }, threshold, pressure) as ReachAnswer
  const contradicts = people !== null && answer === null
  return {
    ...whose,
    source: 'told',
    contacts,
    reached,
    people,
    law,
    remarks: contradicts ? [kept('told_contradicts')] : answer?.assumed != null ? [kept('told_even')] : [],
  }
}

/** What the ledger says of a campaign: persons of one line as told; of several, who share an unknown part of theirs. */
export function ledgerPart(row: ToldSum, base: number, threshold: number): Part[] {
  const whose = { channel: row.channel, campaign: row.campaign, vehicle: '', geo: '' }
  const contacts = row.impressions ?? 0
  if (row.largest === null || row.sum === null)
    return contacts === 0
      ? []
      : [{ ...whose, source: 'contacts', contacts, reached: null, people: null, law: null, remarks: [] }]
  const high = Math.min(
    row.sum,
    contacts > 0 ? Math.max(contacts, row.largest) : row.sum,
    base || Number.POSITIVE_INFINITY,
  )
  const reached = row.told === 1 ? exactly(row.largest) : { value: row.largest, low: row.largest, high }
  const part = toldPart(whose, { contacts: Math.max(contacts, row.largest), reached, people: base || null }, threshold)
  return [row.told === 1 ? part : { ...part, remarks: [...part.remarks, kept('told_by_days', { lines: row.told })] }]
}

/** Several figures as one: least when all share their people, most when nobody is shared, between them as if by chance. */
export function together(
  parts: Part[],
  base: number | null,
  threshold: number,
  known: ContactSum | null = null,
): Figures | null {
  if (parts.length === 0 && known === null) return null
  const contacts = parts.reduce((sum, part) => sum + part.contacts, known?.contacts ?? 0)
  const source = (['told', 'modelled', 'contacts'] as const).find((one) => parts.some((part) => part.source === one))
  const telling = parts.filter((part) => part.reached !== null)
  const common = { source: source ?? 'persons', contacts, grp: base === null ? null : (100 * contacts) / base } as const
  if (telling.length === 0 && known === null) return { ...common, reached: null, frequency: null, effective: null }
  const only = telling.length === 1 && known === null ? telling[0] : undefined
  const low = Math.max(known?.persons ?? 0, largestOf(telling))
  const high = Math.min(
    base ?? Number.POSITIVE_INFINITY,
    telling.reduce((sum, part) => sum + (part.reached?.high ?? 0), known?.persons ?? 0),
  )
  const chances = only === undefined ? peopleByCount(telling, base, known) : null
  const value = only?.reached?.value ?? (chances === null ? low : chances.slice(1).reduce((sum, one) => sum + one, 0))
  const alone = only?.law?.(1)
  const complete = telling.every((part) => part.law !== null)
  return {
    ...common,
    reached: only?.reached ?? { value: Math.min(high, Math.max(low, value)), low, high },
    frequency: value > 0 && telling.length === parts.length ? contacts / value : null,
    effective:
      alone !== undefined
        ? alone.effective * (only?.people ?? 0)
        : chances === null || !complete
          ? null
          : chances.slice(threshold).reduce((sum, one) => sum + one, 0),
  }
}

/** Regions are different people; within one the largest figure is sure, and whoever is told for all regions too. */
function largestOf(parts: Part[]): number {
  const byRegion = Map.groupBy(parts, (part) => part.geo)
  const most = (group: Part[] | undefined) => Math.max(0, ...(group ?? []).map((part) => part.reached?.low ?? 0))
  const regions = [...byRegion].reduce((sum, [geo, group]) => sum + (geo === '' ? 0 : most(group)), 0)
  return Math.max(most(byRegion.get('')), regions)
}

/**
 * People by the number of their contacts, from none on, as if they met the parts independently of each other. Regions of
 * different names are different people; what names no region is spread evenly over all. Null without a number of people.
 */
export function peopleByCount(
  parts: Part[],
  base: number | null,
  known: ContactSum | null,
  pressure = 1,
): number[] | null {
  if (base === null) return null
  const chancesOf = (part: Part, of: number): Float64Array => {
    const people = part.people ?? of
    const law =
      part.law?.(pressure).contacts ??
      Float64Array.of(1 - (part.reached?.value ?? 0) / people, (part.reached?.value ?? 0) / people)
    const share = Math.min(1, people / of)
    return law.map((chance, count) => (count === 0 ? 1 - share * (1 - (law[0] as number)) : share * chance))
  }
  const regions = [
    ...Map.groupBy(
      parts.filter((part) => part.geo !== ''),
      (part) => part.geo,
    ),
  ].map(([geo, group]) => ({
    geo,
    people: Math.max(...group.map((part) => part.people ?? 0)),
  }))
  const inRegions = regions.reduce((sum, { people }) => sum + people, 0)
  const whole = Math.max(base, inRegions)
  const cells = inRegions < whole ? [...regions, { geo: '', people: whole - inRegions }] : regions
  const everywhere = parts.filter((part) => part.geo === '').map((part) => chancesOf(part, whole))
  if (known !== null)
    everywhere.push(Float64Array.from([whole - known.persons, ...known.byCount], (count) => count / whole))
  const sums: number[] = []
  for (const { geo, people } of cells) {
    const here = geo === '' ? [] : parts.filter((part) => part.geo === geo).map((part) => chancesOf(part, people))
    const chances = [...everywhere, ...here].reduce(folded, Float64Array.of(1))
    for (const [count, chance] of chances.entries()) sums[count] = (sums[count] ?? 0) + people * chance
  }
  return sums
}

/** Counts of contacts told apart; what lies beyond is added to the last. */
const mostFolded = 120

function folded(left: Float64Array, right: Float64Array): Float64Array {
  const sums = new Float64Array(Math.min(left.length + right.length - 1, mostFolded))
  for (const [one, chance] of left.entries())
    for (const [other, and] of right.entries()) {
      const at = Math.min(one + other, sums.length - 1)
      sums[at] = (sums[at] as number) + chance * and
    }
  return sums
}

/** People with 1, 2 … contacts, the last for this and more. */
export function countsOf(parts: Part[], base: number | null, known: ContactSum | null): number[] | null {
  const telling = parts.filter((part) => part.reached !== null)
  if (telling.length === 0 || telling.some((part) => part.law === null)) return null
  const people = peopleByCount(telling, base, known)
  if (people === null) return null
  return Array.from({ length: mostCounted }, (_, index) =>
    index + 1 < mostCounted ? (people[index + 1] ?? 0) : people.slice(mostCounted).reduce((sum, one) => sum + one, 0),
  )
}

/** Share of further contacts of these parts that would meet somebody new. */
export function freshOf(parts: Part[]): number | null {
  const known = parts.filter((part) => part.law !== null)
  const contacts = known.reduce((sum, part) => sum + part.contacts, 0)
  if (contacts === 0) return null
  return known.reduce((sum, part) => sum + (part.contacts / contacts) * (part.law?.(1).fresh ?? 0), 0)
}
