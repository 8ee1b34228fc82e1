import type { api, Channel } from '@einklang/contract'

type Report = api.ingest.QualityReport
export type LostCause = Report['reachable'][number]['lost'][number]['cause']

/** What consent tells: whom we may and can write to, and why not the others. */
export type ReachHealth = {
  channel: Channel
  people: number
  reachable: number
  lost: { cause: LostCause; people: number }[]
}[]

/** Of people, how many have the field, and of those how many a fit value. */
export type FieldHealth = { field: string; filled: number; valid: number }

/** What profile tells: how much of what is asked is known. */
export type ProfileHealth = {
  people: number
  fields: (FieldHealth & { confirmed: number })[]
  bySource: { source: string; people: number; fields: FieldHealth[] }[]
}

export type IdentityHealth = Omit<Report['identity'], 'storeAndWeb' | 'tied'>

/** What commerce tells: whose turnover is whose. */
export type CommerceHealth = Pick<Report['identity'], 'storeAndWeb' | 'tied'> & {
  stores: { store: string; name: string; people: number; receiptsAWeek: number; fields: FieldHealth[] }[]
}

/** What works with data: a segment, a running journey, the words of a campaign. */
export type Use = {
  kind: Report['affected'][number]['kind']
  id: string
  name: string
  traits: string[]
  events: string[]
}

/**
 * The numbers that later stages offer for the report. Each is one question to its own tables, counted over current
 * people: who was merged counts once.
 */
export type HealthOf = {
  reach(): Promise<ReachHealth>
  profile(fields: readonly string[]): Promise<ProfileHealth>
  identity(): Promise<IdentityHealth>
  commerce(fields: readonly string[]): Promise<CommerceHealth>
  uses(): Promise<Use[]>
}

/** Fields that campaigns use, in the order in which they fill up the ten. */
export const usualFields = [
  'email',
  'first_name',
  'last_name',
  'postal_code',
  'phone',
  'city',
  'birthday',
  'country',
  'language',
  'loyalty_card',
] as const

/** The ten fields that segments and words use most; the usual ones fill up. */
export function fieldsOf(uses: readonly Use[]): { field: string; usedBy: number }[] {
  const counts = new Map<string, number>(usualFields.map((field) => [field, 0]))
  for (const { traits } of uses) {
    for (const trait of new Set(traits.flatMap((name) => (name === 'name' ? ['first_name', 'last_name'] : [name]))))
      counts.set(trait, (counts.get(trait) ?? 0) + 1)
  }
  return [...counts]
    .map(([field, usedBy]) => ({ field, usedBy }))
    .toSorted((one, other) => other.usedBy - one.usedBy)
    .slice(0, 10)
}
