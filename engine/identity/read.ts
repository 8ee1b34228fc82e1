import type { api, NamespaceClass, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { word } from './explain.ts'
import { keyOf } from './graph.ts'
import { headsOf, type Level } from './level.ts'
import { classOf, normalise } from './normalise.ts'
import { amongNumbers, isNumber } from './number.ts'

export type IdentifierView = {
  namespace: string
  class: NamespaceClass
  value: string
  trust: 'verified' | 'claimed'
  status: 'active' | 'blocked' | 'shared' | 'released' | 'expired'
  marked: 'shared' | 'household_card' | 'store_device' | null
  firstSeenAt: Date
  lastSeenAt: Date
  source: string
  event: string
  togetherWith: { namespace: string; value: string } | null
  firstPerson: PersonId
  level: Level
  why: string
}

type Row = Omit<IdentifierView, 'class' | 'togetherWith' | 'level' | 'why'> & {
  withNamespace: string | null
  withValue: string | null
}

/** Identifiers of a person, all merged records included, with the evidence for each. */
export async function identifiersOf(database: Database, person: PersonId): Promise<IdentifierView[]> {
  const rows = await database.rows<Row>`
    select namespace, value, trust, status,
      case when store_device then 'store_device' else marked end as marked, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", source, event,
      with_namespace as "withNamespace", with_value as "withValue", coalesce(first_person, person) as "firstPerson"
    from identity.identifier where person = identity.current(${person})
    order by first_seen_at, namespace, value`
  const levelOf = await levelsOf(database, person)
  return rows.map(({ withNamespace, withValue, ...row }) => {
    const togetherWith =
      withNamespace !== null && withValue !== null ? { namespace: withNamespace, value: withValue } : null
    const told = { class: classOf(row.namespace) ?? 'device', togetherWith, level: levelOf(keyOf(row)) }
    return { ...row, ...told, why: whyOf(row, togetherWith, person) }
  })
}

/** How sure it is that an identifier belongs to the person asked for; most have nothing that a run joined. */
async function levelsOf(database: Database, asked: PersonId): Promise<(key: string) => Level> {
  const row = await database.row<{ person: PersonId; head: PersonId; probable: boolean }>`
    select person, identity.surely(${asked}) as head,
      exists (select from identity.merged where winner = person and not undone and sure is not null) as probable
    from identity.current(${asked}) as person`
  if (!row?.probable) return () => 'sure'
  const heads = await headsOf(database, row.person)
  return (key) => (heads.get(key) === row.head ? 'sure' : 'probable')
}

function whyOf(
  row: Pick<Row, 'namespace' | 'trust' | 'firstPerson'>,
  together: IdentifierView['togetherWith'],
  person: PersonId,
): string {
  const joined = row.firstPerson === person ? '' : ' It stood under another record before the two were joined.'
  const trust = row.trust === 'claimed' ? ' Nobody has confirmed it yet.' : ''
  if (!together) return `This ${word(row.namespace)} began the record.${trust}${joined}`
  return `This ${word(row.namespace)} came in one event with the ${word(together.namespace)} ${together.value}.${trust}${joined}`
}

/** Is it, typed whole, the card of a family? */
export async function isFamilyCard(database: Database, typed: string): Promise<boolean> {
  const values = [typed, typed.replaceAll(/[\s-]/g, '')]
  const row = await database.row`
    select from identity.identifier where marked = 'household_card' and value = any(${values}) limit 1`
  return row !== undefined
}

/** Who owns the identifier now; takes it as people write it. The card of a family names nobody. */
export async function findOwner(
  database: Database,
  namespace: string,
  value: string,
  country: string,
): Promise<PersonId | null> {
  const named = normalise({ namespace, value, trust: 'verified' }, country)
  if ('refused' in named) return null
  // `customer_no` alone looks through all issuers.
  const namespaced = isNumber(named.namespace)
    ? database.part`split_part(namespace, '.', 1) = ${named.namespace} and lower(value) = lower(${named.value}::text)
        and ${amongNumbers(database)}`
    : database.part`namespace = ${named.namespace}`
  const row = await database.rows<{ person: PersonId | null }>`
    select identity.current(person) as person from identity.identifier
    where ${namespaced} and value = ${named.value} and person is not null and marked is distinct from 'household_card'
    order by namespace limit 1`
  return row[0]?.person ?? null
}

export async function currentOf(tx: Database, persons: PersonId[]): Promise<Map<PersonId, PersonId>> {
  const rows = await tx.rows<{ loser: PersonId; winner: PersonId }>`
    select loser, winner from identity.merged where loser = any(${persons}::uuid[]) and not undone`
  const moved = new Map(rows.map((row) => [row.loser, row.winner]))
  return new Map(persons.map((person) => [person, moved.get(person) ?? person]))
}

export type LogView = {
  id: string
  kind: (typeof api.identity.logKinds)[number]
  at: Date
  winner: PersonId
  loser: PersonId | null
  via: { namespace: string; value: string } | null
  cause: string
  event: string | null
  actor: string
  undoneAt: Date | null
  mayUndo: boolean
  /** Of a join that stands. */
  level: Level | null
}

export async function logOf(database: Database, person: PersonId): Promise<LogView[]> {
  const rows = await database.rows<
    Omit<LogView, 'via' | 'mayUndo'> & { viaNamespace: string | null; viaValue: string | null }
  >`
    select id, kind, coalesce(event_at, at) as at, winner, loser, via_namespace as "viaNamespace", via_value as "viaValue",
      cause, event, actor, undone_at as "undoneAt",
      case when kind <> 'merge' or undone_at is not null then null
        when identity.surely(loser) = identity.surely(winner) then 'sure' else 'probable' end as level
    from identity.log
    where winner = any(identity.aliases(${person})) or loser = any(identity.aliases(${person}))
    order by seq desc limit 500`
  return rows.map(({ viaNamespace, viaValue, ...row }) => ({
    ...row,
    via: viaNamespace !== null && viaValue !== null ? { namespace: viaNamespace, value: viaValue } : null,
    mayUndo: row.kind === 'merge' && row.undoneAt === null,
  }))
}
