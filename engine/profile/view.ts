import {
  type AnswerOf,
  type api,
  type Channel,
  channels,
  type Json,
  type Money,
  type PersonId,
  type SpokenLanguage,
  type Trust,
} from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import type { Identity } from '#identity'
import type { Claim } from './survivorship.ts'
import { survivors } from './survivorship.ts'

export type PersonView = AnswerOf<typeof api.profile.view>

/**
 * What later stages know of a person, read on the connection of the view; compose hands these in. A missing piece
 * shows as empty.
 */
export type ViewPieces = {
  orders?: (person: PersonId, on: Database) => Promise<PersonView['orders']>
  cart?: (person: PersonId, on: Database) => Promise<PersonView['cart']>
  consent?: (person: PersonId, on: Database) => Promise<PersonView['consent']>
  audiences?: (person: PersonId, on: Database) => Promise<PersonView['audiences']>
  messages?: (person: PersonId, language: SpokenLanguage, on: Database) => Promise<PersonView['messages']>
  conversations?: (person: PersonId, on: Database) => Promise<PersonView['conversations']>
  hold?: (person: PersonId, on: Database) => Promise<PersonView['hold']>
  /** Who, as the person they are today, has an order or receipt whose number begins like this; at most so many. */
  buyersOf?: (number: string, most: number) => Promise<PersonId[]>
}

type ViewNeeds = {
  database: Database
  identifiersOf: (person: PersonId, on: Database) => ReturnType<Identity['identifiersOf']>
  pieces: ViewPieces
  /** English when missing: the documents for programs. */
  language?: SpokenLanguage
}

/**
 * Everything about one customer. One connection takes all questions at once and keeps their plans: spread over a pool
 * they cost twice the time, most of it for planning the same again.
 */
export function viewOf(needs: ViewNeeds, asked: PersonId): Promise<PersonView> {
  return needs.database.transaction((on) => viewOn({ ...needs, database: on }, asked))
}

async function viewOn(needs: ViewNeeds, asked: PersonId): Promise<PersonView> {
  const { database, pieces } = needs
  const [who] = await Promise.all([
    resolved(database, asked),
    database.run`select set_config('plan_cache_mode', 'force_generic_plan', true)`,
  ])
  const person = who.person
  const [summary, claims, identifiers, reachable, scores, contacts, activity, ...later] = await Promise.all([
    summaryOf(database, person),
    claimsOf(database, who.aliases),
    identifiersFor(needs, person),
    database.rows<{ channel: Channel; address: string }>`
      select channel, address from profile.reachable where person = ${person}`,
    scoresOf(database, person),
    database.rows<{ channel: Channel; messages: number }>`
      select channel, count(*)::int as messages from profile.contact
      where person = any(${who.aliases}) and at > platform.now() - interval '30 days' group by channel order by channel`,
    database.rows<{ name: string; times: number; last: string }>`
      select name, sum(count)::int as times, max(day)::text as last from profile.event_count
      where person = any(${who.aliases}) and day > (platform.now() - interval '90 days')::date
      group by name order by times desc, name limit 30`,
    pieces.orders?.(person, database) ?? [],
    pieces.cart?.(person, database) ?? null,
    pieces.consent?.(person, database) ?? null,
    pieces.audiences?.(person, database) ?? [],
    pieces.messages?.(person, needs.language ?? 'en', database) ?? [],
    pieces.conversations?.(person, database) ?? [],
    pieces.hold?.(person, database) ?? null,
  ])
  const [orders, cart, consent, audiences, messages, conversations, hold] = later
  if (summary === undefined) throw await nobody(database, asked, person)
  return {
    person,
    askedFor: person === asked ? null : asked,
    aliases: who.aliases,
    summary,
    traits: traitsOf(claims, consent),
    identifiers,
    reachable: reachable.toSorted((a, b) => channels.indexOf(a.channel) - channels.indexOf(b.channel)),
    scores,
    contacts30Days: contacts,
    activity90Days: activity,
    orders,
    totals: totalsOf(orders),
    cart,
    consent,
    audiences,
    messages,
    conversations,
    hold,
  }
}

async function nobody(database: Database, asked: PersonId, person: PersonId): Promise<Refusal> {
  const erased = await database.row`select id from identity.person where id = ${person} and state = 'erased'`
  if (erased) return new Refusal(410, 'erased', `The customer ${asked} was erased; nothing is kept of them.`)
  return new Refusal(404, 'unknown_person', `There is no customer ${asked}.`, {
    doInstead: 'Search again.',
  })
}

export async function resolved(
  database: Database,
  asked: PersonId,
): Promise<{ person: PersonId; aliases: PersonId[] }> {
  const row = await database.row<{ person: PersonId; aliases: PersonId[] }>`
    select now.person, identity.aliases(now.person) as aliases
    from (select identity.current(${asked}) as person) as now`
  return row ?? { person: asked, aliases: [asked] }
}

/** The person itself and all who were merged into it, whoever of them was asked for. */
export async function aliasesOf(database: Database, asked: PersonId): Promise<PersonId[]> {
  return (await resolved(database, asked)).aliases
}

async function summaryOf(database: Database, person: PersonId): Promise<PersonView['summary'] | undefined> {
  type Row = Omit<PersonView['summary'], 'firstSeen' | 'lastSeen'> & { firstSeen: Date; lastSeen: Date }
  const row = await database.row<Row>`
    select person, first_name as "firstName", last_name as "lastName", email, phone, street,
      postal_code as "postalCode", city, country, language, birthday::text, gender, loyalty_card as "loyaltyCard",
      first_seen as "firstSeen", last_seen as "lastSeen"
    from profile.person where person = ${person}`
  return row && { ...row, firstSeen: row.firstSeen.toISOString(), lastSeen: row.lastSeen.toISOString() }
}

export type StoredClaim = Claim & {
  person: PersonId
  sourceName: string | null
  knownAt: Date
  at: Date
}

/** Every observation behind the person, the latest first. */
export async function claimsOf(database: Database, aliases: PersonId[]): Promise<StoredClaim[]> {
  const rows = await database.rows<Omit<StoredClaim, 'lastAt'>>`
    select said.person, said.name, said.value, said.value_key as key, said.trust,
      coalesce(exact.rank, general.rank, 0) as rank, said.last_at as at, said.known_at as "knownAt", said.event,
      source.name as "sourceName"
    from profile.observation as said
    left join ingest.source as source on source.id = said.source
    left join profile.source_rank as exact on exact.source = said.source and exact.name = said.name
    left join profile.source_rank as general on general.source = said.source and general.name = '*'
    where said.person = any(${aliases}) order by said.name, said.last_at desc`
  return rows.map((row) => ({ ...row, lastAt: row.at.toISOString() }))
}

type Told = { value: Json; at: string; trust: Trust; sourceName: string | null }

/** Traits that are addresses, and the reasons for which an address is known not to work. */
const addressed: { [trait: string]: readonly Channel[] } = {
  email: ['email'],
  phone: ['sms', 'phone'],
}
const undeliverable = /bounce|invalid|unknown/

function traitsOf(claims: StoredClaim[], consent: PersonView['consent']): PersonView['traits'] {
  const told = (claim: StoredClaim): Told => ({
    value: claim.value,
    at: claim.lastAt,
    trust: claim.trust,
    sourceName: claim.sourceName,
  })
  const failed = (claim: StoredClaim): string | null => {
    const ways = addressed[claim.name]
    if (ways === undefined || typeof claim.value !== 'string') return null
    const address = claim.value.toLowerCase()
    const reason = consent?.suppressions.find(
      (one) => ways.includes(one.channel) && one.address?.toLowerCase() === address && undeliverable.test(one.reason),
    )
    return reason?.since ?? null
  }
  return [...survivors(claims)].map(([name, winner]) => {
    const others = claims.filter((claim) => claim.name === name && claim !== winner)
    const failedSince = failed(winner)
    const good =
      failedSince === null ? undefined : survivors(others.filter((claim) => failed(claim) === null)).get(name)
    return {
      name,
      ...told(winner),
      event: winner.event as PersonView['traits'][number]['event'],
      others: others.map(told),
      failedSince,
      lastKnownGood: good ? told(good) : null,
    }
  })
}

async function identifiersFor(needs: ViewNeeds, person: PersonId): Promise<PersonView['identifiers']> {
  const [rows, sources] = await Promise.all([
    needs.identifiersOf(person, needs.database),
    needs.database.rows<{ id: string; name: string }>`select id, name from ingest.source`,
  ])
  const names = new Map(sources.map((source) => [source.id, source.name]))
  return rows.map((row) => ({
    ...row,
    firstSeenAt: row.firstSeenAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    sourceName: names.get(row.source) ?? row.source,
  }))
}

async function scoresOf(database: Database, person: PersonId): Promise<PersonView['scores']> {
  const rows = await database.rows<{ name: string; value: number; low: number | null; high: number | null; at: Date }>`
    select name, value, low, high, as_of as at from profile.score where person = ${person} order by name`
  return rows.map(({ at, ...score }) => ({ ...score, asOf: at.toISOString() }))
}

/** What came in and stayed, per currency: refunds are taken off. */
function totalsOf(orders: PersonView['orders']): PersonView['totals'] {
  const spent = new Map<string, number>()
  for (const order of orders) spent.set(order.currency, (spent.get(order.currency) ?? 0) + order.total - order.refunded)
  const amounts: Money[] = [...spent].map(([currency, amount]) => ({ amount, currency }))
  const lastOrderAt = orders.reduce<string | null>((last, { at }) => (last === null || at > last ? at : last), null)
  return { orders: orders.length, spent: amounts, lastOrderAt }
}
