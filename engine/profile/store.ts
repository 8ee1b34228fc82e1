import type { AppliedBatch, Channel, Json, Merge, PersonEvent, PersonId } from '@einklang/contract'
import { channels, storedUnder } from '@einklang/contract'
import { type Clock, type Columns, type Database, recordset } from '@einklang/platform'
import { documentOf } from './document.ts'
import { maySay, type Observation, observationsOf } from './observation.ts'
import { type Sighted, type Sighting, takeTurn } from './sighted.ts'
import { type Claim, survivors } from './survivorship.ts'

export type Score = {
  person: PersonId
  name: string
  value: number
  low?: number | null
  high?: number | null
  asOf: Date | string
}

export type Foreseen = { value: number; low: number; high: number }
/** What somebody will buy in the next 52 weeks; worth in major units, null when the data cannot tell. */
export type Forecast = { person: PersonId; purchases: Foreseen; alive: Foreseen; worth: Foreseen | null }

const ownedColumns: Columns = { person: 'uuid', owner: 'uuid' }
const sightColumns: Columns = { person: 'uuid', first: 'timestamptz', last: 'timestamptz' }
const observationColumns: Columns = {
  person: 'uuid',
  name: 'text',
  source: 'uuid',
  value: 'jsonb',
  key: 'text',
  trust: 'text',
  firstAt: 'timestamptz',
  lastAt: 'timestamptz',
  knownAt: 'timestamptz',
  event: 'uuid',
}
const countColumns: Columns = { person: 'uuid', name: 'text', day: 'date', count: 'integer' }
const contactColumns: Columns = {
  person: 'uuid',
  channel: 'text',
  at: 'timestamptz',
  message: 'text',
  campaign: 'text',
}
const personColumns: Columns = {
  person: 'uuid',
  firstName: 'text',
  lastName: 'text',
  email: 'text',
  phone: 'text',
  street: 'text',
  postalCode: 'text',
  city: 'text',
  country: 'text',
  language: 'text',
  birthday: 'date',
  gender: 'text',
  loyaltyCard: 'text',
  pushToken: 'text',
  known: 'boolean',
  traits: 'jsonb',
  firstAt: 'timestamptz',
  first: 'timestamptz',
  last: 'timestamptz',
}
const documentColumns: Columns = { person: 'uuid', document: 'text' }

export const eventCountDays = 400
export const contactDays = 90

/** Everything profile does with a batch: sightings, traits, counters, contacts and numbers, as sets. */
export async function applyBatch(tx: Database, clock: Clock, sighted: Sighted, batch: AppliedBatch): Promise<void> {
  sighted.begin(await takeTurn(tx))
  if (batch.events.length === 0) return decided(tx, batch)
  const current = winnersOf(batch.merges)
  if (batch.merges.length > 0) await absorb(tx, batch.merges, current)
  const seen = sightingsOf(batch.events, current)
  const fresh = await strangers(tx, tellersOf(batch.events, current))
  const observations = observationsOf(batch.events, fresh)
  const owners = new Map(batch.events.map((event) => [storedUnder(event), current.get(event.person) ?? event.person]))
  const ownerOf = (stored: PersonId) => owners.get(stored) ?? stored
  const told = await newcomers(tx, observations, fresh, current, ownerOf)
  const now = clock.now().getTime()
  const first = (observation: Observation) => told.has(observation.person)
  const [observed] = await Promise.all([
    observe(
      tx,
      observations.filter((one) => !first(one)),
      ownerOf,
    ),
    insertObservations(tx, observations.filter(first)),
    sight(tx, sighted.news([...seen.values()].filter(({ person }) => !told.has(person)))),
    writePersons(
      tx,
      [...told].map(([person, claims]) => ({ ...personRow(person, claims), ...spanOf(seen.get(person)) })),
      { known: false },
    ),
    addCounts(tx, countsOf(batch.events, now - eventCountDays * 86_400_000)),
    addContacts(tx, batch.events, now - contactDays * 86_400_000),
  ])
  const changed = new Set<PersonId>()
  for (const person of observed) if (!told.has(person)) changed.add(current.get(person) ?? person)
  for (const merge of batch.merges) changed.add(current.get(merge.winner) ?? merge.winner)
  await recompute(tx, [...changed])
}

/** Decided by hand or anew: no event, only people who are joined or apart now. */
async function decided(tx: Database, batch: AppliedBatch): Promise<void> {
  const current = winnersOf(batch.merges)
  if (batch.merges.length > 0) await absorb(tx, batch.merges, current)
  await separate(tx, [...new Set([...batch.touched, ...current.values()])])
}

/** A split by hand: both sides show again what each of them was. */
async function separate(tx: Database, persons: PersonId[]): Promise<void> {
  await recompute(tx, persons)
  await tx.run`
    update profile.person set first_seen = own.first_seen
    from (select asked.person, min(seen.first_seen) as first_seen from unnest(${persons}::uuid[]) as asked(person)
      join profile.seen on seen.person = any(identity.aliases(asked.person)) group by asked.person) as own
    where person.person = own.person`
}

/** Where each loser of the batch ends up, chains followed to their end. */
export function winnersOf(merges: Merge[]): Map<PersonId, PersonId> {
  const next = new Map(merges.map((merge) => [merge.loser, merge.winner]))
  const ends = new Map<PersonId, PersonId>()
  for (const loser of next.keys()) {
    let end = loser
    for (let step = 0; next.has(end) && step <= next.size; step++) end = next.get(end) ?? end
    ends.set(loser, end)
  }
  return ends
}

/** The rows of losers go; what they were first and last seen moves to the winner and is kept for a split. */
async function absorb(tx: Database, merges: Merge[], current: Map<PersonId, PersonId>): Promise<void> {
  const pairs = merges.map((merge) => ({ loser: merge.loser, winner: current.get(merge.loser) ?? merge.winner }))
  await tx.run`
    insert into profile.seen (person, first_seen, last_seen)
    select person, first_seen, last_seen from profile.person
    where person = any(${[...new Set(pairs.flatMap((pair) => [pair.loser, pair.winner]))]})
    on conflict (person) do update set last_seen = greatest(seen.last_seen, excluded.last_seen)`
  await tx.run`
    with pair as (select * from jsonb_to_recordset(${tx.json(pairs)}) as r(loser uuid, winner uuid)),
      gone as (delete from profile.person using pair where person = pair.loser
        returning pair.winner, person.first_seen, person.last_seen),
      unwritten as (delete from profile.document using pair where person = pair.loser)
    insert into profile.person (person, first_seen, last_seen, seen_day)
    select winner, min(first_seen), max(last_seen), max(last_seen)::date from gone group by winner order by winner
    on conflict (person) do update set
      first_seen = least(person.first_seen, excluded.first_seen),
      last_seen = greatest(person.last_seen, excluded.last_seen),
      seen_day = greatest(person.seen_day, excluded.seen_day)`
}

function sightingsOf(events: PersonEvent[], current: Map<PersonId, PersonId>): Map<PersonId, Sighting> {
  const seen = new Map<PersonId, Sighting>()
  for (const event of events) {
    const person = current.get(event.person) ?? event.person
    const at = minuteOf(event.at)
    const row = seen.get(person)
    if (row === undefined) seen.set(person, { person, first: at, last: at })
    else if (at > row.last) row.last = at
    else if (at < row.first) row.first = at
  }
  return seen
}

/** When somebody was seen is kept to the minute: a visit of many events is then few versions of a row. */
function minuteOf(instant: string): string {
  return `${instant.slice(0, 17)}00.000Z`
}

/** People about whom the batch may say something: most events only say that somebody was there. */
function tellersOf(events: PersonEvent[], current: Map<PersonId, PersonId>): Set<PersonId> {
  const tellers = new Set<PersonId>()
  for (const event of events) if (maySay(event)) tellers.add(current.get(event.person) ?? event.person)
  return tellers
}

/** Those of whom there is no row and no word yet. */
async function strangers(tx: Database, asked: Set<PersonId>): Promise<Set<PersonId>> {
  const fresh = new Set(asked)
  if (fresh.size === 0) return fresh
  const known = await tx.rows<{ person: PersonId }>`
    select asked.person from unnest(${[...fresh]}::uuid[]) as asked(person)
    where exists (select from profile.person where person.person = asked.person offset 0)
      or exists (select from profile.observation where observation.person = asked.person offset 0)`
  for (const { person } of known) fresh.delete(person)
  return fresh
}

/** New people of whom this batch tells all that was ever said: nothing has to be read back. */
async function newcomers(
  tx: Database,
  observations: Observation[],
  fresh: ReadonlySet<PersonId>,
  current: Map<PersonId, PersonId>,
  ownerOf: (stored: PersonId) => PersonId,
): Promise<Map<PersonId, Claim[]>> {
  const merged = new Set([...current.keys(), ...current.values()])
  const said = observations
    .map((observation) => ({ ...observation, person: ownerOf(observation.person) }))
    .filter(({ person }) => fresh.has(person) && !merged.has(person))
  const told = new Map<PersonId, Claim[]>()
  if (said.length === 0) return told
  const rows = await tx.rows<{ source: string; name: string; rank: number }>`
    select source, name, rank from profile.source_rank`
  const ranks = new Map(rows.map(({ source, name, rank }) => [`${source}|${name}`, rank]))
  for (const observation of said) {
    const { person, source, name } = observation
    const rank = ranks.size === 0 ? 0 : (ranks.get(`${source}|${name}`) ?? ranks.get(`${source}|*`) ?? 0)
    const claim = { ...observation, rank }
    const claims = told.get(person)
    if (claims === undefined) told.set(person, [claim])
    else claims.push(claim)
  }
  return told
}

function spanOf(seen: Sighting | undefined): { first: string | null; last: string | null } {
  return { first: seen?.first ?? null, last: seen?.last ?? null }
}

/** Notes when each person was seen. Most were seen a moment ago: to look is cheaper than to lock and change nothing. */
async function sight(tx: Database, seen: Sighting[]): Promise<void> {
  if (seen.length === 0) return
  await tx.run`
    insert into profile.person (person, first_seen, last_seen, seen_day)
    select r.person, r.first, r.last, r.last::date
    from ${recordset(tx, seen, sightColumns)} as r
    left join lateral (
      select first_seen, last_seen from profile.person where person.person = r.person offset 0) as known on true
    where known.last_seen is null or r.last > known.last_seen or r.first < known.first_seen
    order by r.person
    on conflict (person) do update set
      first_seen = least(person.first_seen, excluded.first_seen),
      last_seen = greatest(person.last_seen, excluded.last_seen),
      seen_day = greatest(person.seen_day, excluded.seen_day)
    where excluded.last_seen > person.last_seen or excluded.first_seen < person.first_seen`
}

/**
 * Adds observations; returns the people for whom another value may hold now. Saying again what nobody
 * contradicts changes nothing.
 */
async function observe(
  tx: Database,
  observations: Observation[],
  ownerOf: (stored: PersonId) => PersonId,
): Promise<PersonId[]> {
  if (observations.length === 0) return []
  const stored = [...new Set(observations.map(({ person }) => person))].map((person) => ({
    person,
    owner: ownerOf(person),
  }))
  const rows = await tx.rows<{ person: PersonId }>`
    with owned as (select * from ${recordset(tx, stored, ownedColumns)} as r),
      said as (
      insert into profile.observation
        (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
      select r.person, r.name, r.source, r.value, r.key, r.trust, r."firstAt", r."lastAt", r."knownAt", r.event
      from ${recordset(tx, observations, observationColumns)} as r
      order by r.person, r.name
      on conflict (person, name, source, trust, value_key) do update set
        first_at = least(observation.first_at, excluded.first_at),
        last_at = greatest(observation.last_at, excluded.last_at),
        event = case when excluded.last_at > observation.last_at then excluded.event else observation.event end
      where excluded.last_at > observation.last_at or excluded.first_at < observation.first_at
      returning person, name, source, trust, value_key, xmax = 0 as fresh)
    select distinct owned.owner as person from said join owned using (person)
    where fresh
      or exists (select from profile.observation as other where other.person = said.person and other.name = said.name
        and (other.source, other.trust, other.value_key) <> (said.source, said.trust, said.value_key))
      or exists (
        select from (select owned.owner as id union all select loser from identity.merged
          where merged.winner = owned.owner and not merged.undone) as self
        join profile.observation as other on other.person = self.id and other.name = said.name
        where self.id <> said.person and (other.source, other.trust, other.value_key) <> (said.source, said.trust, said.value_key))`
  return rows.map((row) => row.person)
}

/** What is said of people of whom nothing was said before. */
async function insertObservations(tx: Database, observations: Observation[]): Promise<void> {
  if (observations.length === 0) return
  await tx.run`
    insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
    select r.person, r.name, r.source, r.value, r.key, r.trust, r."firstAt", r."lastAt", r."knownAt", r.event
    from ${recordset(tx, observations, observationColumns)} as r order by r.person, r.name`
}

type Count = { person: PersonId; name: string; day: string; count: number }

/** Events per person, name and day; pages and screens count under one name each, machine opens not at all. */
function countsOf(events: PersonEvent[], since: number): Count[] {
  const counts = new Map<string, Count>()
  for (const event of events) {
    const name = countedName(event)
    if (name === null || Date.parse(event.at) < since) continue
    const day = event.at.slice(0, 10)
    const person = storedUnder(event)
    const key = `${person}${day}${name}`
    const row = counts.get(key)
    if (row === undefined) counts.set(key, { person, name, day, count: 1 })
    else row.count++
  }
  return [...counts.values()]
}

function countedName(event: PersonEvent): string | null {
  if (event.kind === 'page') return 'Page Viewed'
  if (event.kind === 'screen') return 'Screen Viewed'
  if (event.kind !== 'track' || event.name === null) return null
  if (event.name === 'message.opened' && event.properties.machine === true) return null
  return event.name.slice(0, 200)
}

async function addCounts(tx: Database, counts: Count[]): Promise<void> {
  if (counts.length === 0) return
  await tx.run`
    insert into profile.event_count (person, name, day, count)
    select r.person, r.name, r.day, r.count
    from ${recordset(tx, counts, countColumns)} as r
    order by r.person, r.name, r.day
    on conflict (person, name, day) do update set count = event_count.count + excluded.count`
}

async function addContacts(tx: Database, events: PersonEvent[], since: number): Promise<void> {
  const rows = events
    .filter((event) => event.name === 'message.sent' && Date.parse(event.at) >= since)
    .map((event) => ({
      person: storedUnder(event),
      channel: channelOf(event.properties.channel),
      at: event.at,
      message: String(event.properties.message_id ?? event.id),
      campaign: typeof event.properties.campaign === 'string' ? event.properties.campaign : null,
    }))
  if (rows.length === 0) return
  await tx.run`
    insert into profile.contact (person, channel, at, message_id, campaign)
    select r.person, r.channel, r.at, r.message, r.campaign
    from ${recordset(tx, rows, contactColumns)} as r
    on conflict do nothing`
}

function channelOf(value: Json | undefined): Channel {
  return channels.find((channel) => channel === value) ?? 'email'
}

/**
 * Writes what holds for these current persons from all that was ever said about them and those merged into them.
 * A person that reappears after a split gets its row back.
 */
export async function recompute(tx: Database, persons: PersonId[]): Promise<void> {
  if (persons.length === 0) return
  const claims = await tx.rows<Claim & { person: PersonId; lastAt: string }>`
    with asked as (select distinct coalesce(merged.winner, one) as person from unnest(${persons}::uuid[]) as one
        left join identity.merged on merged.loser = one and not merged.undone),
      self as (select person, person as id from asked
        union all select merged.winner, merged.loser from identity.merged join asked on asked.person = merged.winner
        where not merged.undone)
    select self.person, said.name, said.value, said.value_key as key, said.trust,
      coalesce(exact.rank, general.rank, 0) as rank,
      to_char(said.last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "lastAt", said.event
    from self join profile.observation as said on said.person = self.id
    left join profile.source_rank as exact on exact.source = said.source and exact.name = said.name
    left join profile.source_rank as general on general.source = said.source and general.name = '*'`
  const rows = [...Map.groupBy(claims, (claim) => claim.person)].map(([person, said]) => personRow(person, said))
  const described = new Set(rows.map(({ person }) => person))
  const silent = persons.filter((person) => !described.has(person))
  if (silent.length > 0) await forgetTraits(tx, silent)
  await writePersons(tx, rows)
}

type PersonRow = ReturnType<typeof personRow>

function personRow(person: PersonId, claims: Claim[]) {
  const winners = survivors(claims)
  const text = (name: string) => {
    const value = winners.get(name)?.value
    return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 500) : null
  }
  const row = {
    person,
    firstName: text('first_name'),
    lastName: text('last_name'),
    email: text('email'),
    phone: text('phone'),
    street: text('street'),
    postalCode: text('postal_code'),
    city: text('city'),
    country: text('country'),
    language: text('language'),
    birthday: dayOrNull(text('birthday')),
    gender: text('gender'),
    loyaltyCard: text('loyalty_card'),
    pushToken: text('push_token'),
    traits: Object.fromEntries([...winners].map(([name, claim]) => [name, claim.value])),
    firstAt: claims.reduce((first, claim) => (claim.lastAt < first ? claim.lastAt : first), claims[0]?.lastAt ?? ''),
  }
  const known = [row.firstName, row.lastName, row.email, row.phone, row.loyaltyCard].some((value) => value !== null)
  return { ...row, known, document: known ? documentOf(row) : null }
}

function dayOrNull(value: string | null): string | null {
  if (value === null || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return null
  const time = Date.parse(`${value}T00:00:00Z`)
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== value ? null : value
}

async function writePersons(
  tx: Database,
  rows: (PersonRow & { first?: string | null; last?: string | null })[],
  { known } = { known: true },
): Promise<void> {
  if (rows.length === 0) return
  // Of whom there is no row yet need not be asked about once more.
  const again = known
    ? tx.part`
        on conflict (person) do update set
          first_name = excluded.first_name, last_name = excluded.last_name, email = excluded.email,
          phone = excluded.phone, street = excluded.street, postal_code = excluded.postal_code, city = excluded.city,
          country = excluded.country, language = excluded.language, birthday = excluded.birthday,
          gender = excluded.gender, loyalty_card = excluded.loyalty_card, push_token = excluded.push_token,
          known = excluded.known, traits = excluded.traits`
    : tx.part``
  const documents = rows.filter(({ document }) => document !== null)
  const people = tx.run`
    insert into profile.person (person, first_name, last_name, email, phone, street, postal_code, city, country,
      language, birthday, gender, loyalty_card, push_token, known, traits, first_seen, last_seen, seen_day)
    select r.person, r."firstName", r."lastName", r.email, r.phone, r.street, r."postalCode", r.city, r.country,
      r.language, r.birthday, r.gender, r."loyaltyCard", r."pushToken", r.known, r.traits,
      coalesce(r.first, seen.first_seen, r."firstAt"), coalesce(r.last, seen.last_seen, r."firstAt"),
      coalesce(r.last, seen.last_seen, r."firstAt")::date
    from ${recordset(tx, rows, personColumns)} as r
    left join profile.seen on seen.person = r.person
    order by r.person ${again}`
  if (documents.length === 0) return void (await people)
  const found = tx.run`
    insert into profile.document (person, text)
    select r.person, r.document from ${recordset(tx, documents, documentColumns)} as r
    order by r.person
    on conflict (person) do update set text = excluded.text where document.text <> excluded.text`
  await Promise.all([people, found])
}

/** After a split a side may have nothing said about it any more. */
async function forgetTraits(tx: Database, persons: PersonId[]): Promise<void> {
  await tx.run`
    insert into profile.person (person, first_seen, last_seen, seen_day)
    select person, first_seen, last_seen, last_seen::date from profile.seen where person = any(${persons})
    on conflict (person) do nothing`
  await tx.run`
    update profile.person set first_name = null, last_name = null, email = null, phone = null, street = null,
      postal_code = null, city = null, country = null, language = null, birthday = null, gender = null,
      loyalty_card = null, push_token = null, known = false, traits = '{}'
    where person = any(${persons}) and known`
  await tx.run`delete from profile.document where person = any(${persons})`
}

/** Figures that have not changed are not written again: `as_of` tells since when one holds. */
export async function writeScores(tx: Database, scores: Score[]): Promise<void> {
  if (scores.length === 0) return
  // Columns, not objects: a million customers are scored every night.
  await tx.run`
    insert into profile.given_score as score (person, name, value, low, high, as_of)
    select * from unnest(
      ${scores.map((one) => one.person)}::uuid[], ${scores.map((one) => one.name)}::text[],
      ${scores.map((one) => one.value)}::float8[], ${scores.map((one) => one.low ?? null)}::float8[],
      ${scores.map((one) => one.high ?? null)}::float8[], ${scores.map((one) => one.asOf)}::timestamptz[])
    on conflict (person, name) do update set
      value = excluded.value, low = excluded.low, high = excluded.high, as_of = excluded.as_of
    where (score.value, score.low, score.high) is distinct from (excluded.value, excluded.low, excluded.high)`
}

/** A forecast is written again when a figure of it moved by more than this share: the intervals are far wider. */
const worthWriting = 0.01

/** One row per person, by columns: a million are foreseen every night. */
export async function writeForecasts(tx: Database, forecasts: readonly Forecast[], asOf: Date): Promise<void> {
  if (forecasts.length === 0) return
  const figures = (of: 'purchases' | 'alive' | 'worth', part: keyof Foreseen) =>
    listed(forecasts, (one) => one[of]?.[part] ?? 'NULL')
  const names = ['purchases', 'alive', 'worth'].flatMap((name) => [name, `${name}_low`, `${name}_high`])
  const moved = names.map((column) => {
    const [told, known] = [tx.name(`told.${column}`), tx.name(`known.${column}`)]
    return tx.part`coalesce(abs(${told} - ${known}) > ${worthWriting} * abs(${known}) + 0.001, ${told} is distinct from ${known})`
  })
  await tx.run`
    merge into profile.forecast as known using (
      select * from unnest(
        ${listed(forecasts, ({ person }) => person)}::uuid[],
        ${figures('purchases', 'value')}::float8[], ${figures('purchases', 'low')}::float8[], ${figures('purchases', 'high')}::float8[],
        ${figures('alive', 'value')}::float8[], ${figures('alive', 'low')}::float8[], ${figures('alive', 'high')}::float8[],
        ${figures('worth', 'value')}::float8[], ${figures('worth', 'low')}::float8[], ${figures('worth', 'high')}::float8[]
      ) as told (person, purchases, purchases_low, purchases_high, alive, alive_low, alive_high, worth, worth_low, worth_high)
    ) as told on known.person = told.person
    when matched and (${tx.join(moved, 'or')}) then update set
      purchases = told.purchases, purchases_low = told.purchases_low, purchases_high = told.purchases_high,
      alive = told.alive, alive_low = told.alive_low, alive_high = told.alive_high,
      worth = told.worth, worth_low = told.worth_low, worth_high = told.worth_high, as_of = ${asOf}
    when not matched then insert values (told.person, told.purchases, told.purchases_low, told.purchases_high,
      told.alive, told.alive_low, told.alive_high, told.worth, told.worth_low, told.worth_high, ${asOf})`
}

/** The text of an array of numbers and ids, which need no quotes. */
function listed(forecasts: readonly Forecast[], of: (one: Forecast) => string | number): string {
  let text = '{'
  for (let index = 0; index < forecasts.length; index++)
    text += `${index === 0 ? '' : ','}${of(forecasts[index] as Forecast)}`
  return `${text}}`
}

/** Drops counters and contacts beyond their window; returns the rows removed. */
export async function forgetOld(database: Database): Promise<number> {
  const counts = await database.run`
    delete from profile.event_count where day < (platform.now() - ${eventCountDays} * interval '1 day')::date`
  const contacts = await database.run`
    delete from profile.contact where at < platform.now() - ${contactDays} * interval '1 day'`
  return counts + contacts
}

/** Takes all scores of these persons away: who objects is not to be scored. */
export async function dropScores(tx: Database, persons: PersonId[]): Promise<number> {
  const given = await tx.run`delete from profile.given_score where person = any(${persons})`
  return given + (await tx.run`delete from profile.forecast where person = any(${persons})`)
}

export async function erasePersons(tx: Database, persons: PersonId[]): Promise<number> {
  await takeTurn(tx)
  let rows = 0
  rows += await tx.run`delete from profile.observation where person = any(${persons})`
  rows += await tx.run`delete from profile.person where person = any(${persons})`
  rows += await tx.run`delete from profile.document where person = any(${persons})`
  rows += await tx.run`delete from profile.event_count where person = any(${persons})`
  rows += await tx.run`delete from profile.contact where person = any(${persons})`
  rows += await tx.run`delete from profile.given_score where person = any(${persons})`
  rows += await tx.run`delete from profile.forecast where person = any(${persons})`
  rows += await tx.run`delete from profile.seen where person = any(${persons})`
  return rows
}
