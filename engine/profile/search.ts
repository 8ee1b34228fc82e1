import { type AnswerOf, type api, channels, type InputOf, type PersonId } from '@einklang/contract'
import { type Database, type Part, Refusal } from '@einklang/platform'
import { numbersBeginning } from '#identity'
import { fold, likeText, type Query, queryOf } from './document.ts'
import type { ViewPieces } from './view.ts'

export type SearchInput = InputOf<typeof api.profile.search>['query']
export type SearchAnswer = AnswerOf<typeof api.profile.search>
type Found = SearchAnswer['items'][number]
type Row = Omit<Found, 'firstSeen' | 'lastSeen'> & { firstSeen: Date; lastSeen: Date; total: number }

/** Beyond this many hits only "more" is told, and pages and ranking go no further: whoever types two letters types on. */
const most = 10_000

/** One search box for everything: numbers first, then words, then words with typing errors. */
export async function searchPersons(
  database: Database,
  input: SearchInput,
  buyersOf?: ViewPieces['buyersOf'],
): Promise<SearchAnswer> {
  const query = queryOf(input.q)
  const from = placeOf(input.after)
  if (from !== null) return nextRecent(database, input, query, from)
  const offset = offsetOf(input.after)
  if (query.text === '') return page(await browse(database, input, offset), input.limit, offset)
  if (query.address !== null) {
    const rows = await matching(database, input, holders(database, query.address), offset)
    if (rows.length > 0) return page(rows, input.limit, offset)
  }
  if (offset === 0 && mayBeFrequent(input, query)) {
    const recent = await firstRecent(database, input, query)
    if (recent !== null) return recent
  }
  const buyers = query.number === null ? [] : ((await buyersOf?.(query.number, most)) ?? [])
  const exact = await matching(database, input, hits(database, query, buyers, input.city), offset)
  if (exact.length > 0 || offset > 0 || query.words.length === 0)
    return page(
      exact.map((row) => ({ ...row, matched: matchedField(row, query) })),
      input.limit,
      offset,
    )
  return page(await similar(database, input, query, offset), input.limit, offset)
}

function offsetOf(after: string | undefined): number {
  if (after === undefined) return 0
  if (!/^\d{1,9}$/.test(after)) throw new Refusal(400, 'bad_cursor', 'The cursor is not one of ours.', { at: 'after' })
  const offset = Number(after)
  if (offset < most) return offset
  throw tooFar()
}

function tooFar(): Refusal {
  return new Refusal(400, 'too_far', `A search shows its first ${most.toLocaleString('en')} customers.`, {
    at: 'after',
    doInstead: 'Search for more words, set a filter, or use an audience for the whole list.',
  })
}

function page(rows: Row[], limit: number, offset: number): SearchAnswer {
  const total = rows[0]?.total ?? 0
  return {
    items: rows.slice(0, limit).map(shown),
    next: rows.length > limit ? String(offset + limit) : null,
    total: total > most ? null : total,
  }
}

function shown(row: Row): Found {
  const { person, firstName, lastName, email, phone, postalCode, city, loyaltyCard, matched } = row
  const seen = { firstSeen: row.firstSeen.toISOString(), lastSeen: row.lastSeen.toISOString() }
  return { person, firstName, lastName, email, phone, postalCode, city, loyaltyCard, ...seen, matched }
}

function columns(database: Database): Part {
  return database.part`p.person, p.first_name as "firstName", p.last_name as "lastName", p.email, p.phone,
    p.postal_code as "postalCode", p.city, p.loyalty_card as "loyaltyCard",
    p.first_seen as "firstSeen", p.last_seen as "lastSeen"`
}

function filters(database: Database, input: SearchInput): Part {
  const parts: Part[] = []
  if (input.kind === 'known') parts.push(database.part`p.known`)
  if (input.kind === 'anonymous') parts.push(database.part`not p.known`)
  if (input.city !== undefined) parts.push(database.part`lower(p.city) = lower(${input.city})`)
  if (input.seenSince !== undefined) parts.push(database.part`p.seen_day >= ${input.seenSince}`)
  if (input.channel !== undefined) parts.push(addressed(database, input.channel))
  return database.join(parts, 'and')
}

function addressed(database: Database, channel: (typeof channels)[number]): Part {
  if (channel === 'email') return database.part`p.email is not null`
  if (channel === 'push') return database.part`p.push_token is not null`
  if (channel === 'letter')
    return database.part`p.street is not null and p.postal_code is not null and p.city is not null`
  return database.part`p.phone is not null`
}

function ordered(database: Database, order: SearchInput['order']): Part {
  if (order === 'first_seen') return database.part`p.first_seen desc, p.person`
  if (order === 'name') return database.part`p.last_name nulls last, p.first_name, p.person`
  return database.part`p.seen_day desc, p.last_seen desc, p.person`
}

/** Names for ids, under the id that was asked for; nobody is known by an id of somebody erased. */
export function namesOf(database: Database, persons: PersonId[]): Promise<{ person: PersonId; name: string | null }[]> {
  return database.rows`
    select asked.person, coalesce(nullif(concat_ws(' ', p.first_name, p.last_name), ''), p.email, p.phone) as name
    from unnest(${persons}::uuid[]) as asked (person) join profile.person p on p.person = identity.current(asked.person)`
}

/** No words typed: everybody under the filters, the most recently seen first. */
function browse(database: Database, input: SearchInput, offset: number): Promise<Row[]> {
  return database.rows<Row>`
    select ${columns(database)}, null as matched,
      (select count(*) from (select from profile.person p where ${filters(database, input)}
        limit ${most + 1}) as counted) as total
    from profile.person p where ${filters(database, input)}
    order by ${ordered(database, input.order)} limit ${input.limit + 1} offset ${offset}`
}

/** The persons that were hit, under the filters. */
function matching(database: Database, input: SearchInput, hit: Part, offset: number): Promise<Row[]> {
  const order =
    input.order === 'best'
      ? database.part`p.rank, p.seen_day desc, p.last_seen desc, p.person`
      : ordered(database, input.order)
  return database.rows<Row>`
    with hit as (${hit}),
      best as (select person, min(rank) as rank from hit group by person limit ${most + 1}),
      listed as materialized (select h.rank, p.person, first_name, last_name, email, phone, postal_code, city, loyalty_card,
          first_seen, last_seen, seen_day
        from best h join profile.person p using (person) where ${filters(database, input)})
    select ${columns(database)},
      case p.rank when 0 then 'order_no' when 1 then 'loyalty_card' when 2 then 'customer_no' when 3 then 'email' when 4 then 'phone'
        else 'name' end as matched,
      -- Hits that were not looked at may fit the filters too.
      (select case when (select count(*) from best) > ${most} then ${most + 1} else count(*) end from listed) as total
    from listed p order by ${order} limit ${input.limit + 1} offset ${offset}`
}

/** Whoever has or had the address, typed whole: by its index, since its letters stand in nearly every document. */
function holders(database: Database, address: string): Part {
  return database.part`
    select coalesce(merged.winner, observation.person) as person, 3 as rank
    from profile.observation left join identity.merged on merged.loser = observation.person and not merged.undone
    where value_key = ${address} and name = 'email' limit ${most + 1}`
}

/** Persons in whose document every word occurs, or who carry the number; `buyers` have an order under it. */
function hits(database: Database, query: Query, buyers: PersonId[], city?: string): Part {
  const parts: Part[] = []
  if (query.number !== null) {
    parts.push(database.part`
      select person, case kind when 'loyalty_card' then 1 when 'customer_no' then 2 when 'user_id' then 2 else 0 end as rank
      from (${numbersBeginning(database, query.number, most + 1)}) as holder`)
    if (buyers.length > 0) parts.push(database.part`select person, 0 as rank from unnest(${buyers}::uuid[]) as person`)
  }
  if (query.digits !== null) {
    parts.push(database.part`select person, 4 as rank from profile.document
      where text like ${`%${query.digits}%`} limit ${most + 1}`)
  }
  if (query.words.length > 0) {
    // The town stands in the document as well: its letters leave fewer to be looked at.
    const words = allWords(database, city === undefined ? query.words : [...query.words, fold(city)])
    parts.push(database.part`
      select person, case when ${nameStarts(database, query)} then 5 else 6 end as rank
      from profile.document where ${words} limit ${most + 1}`)
  }
  const bracketed = parts.map((part) => database.part`select * from (${part}) as hit_of_kind`)
  return bracketed.reduce((all, part) => database.part`${all} union all ${part}`)
}

function allWords(database: Database, words: string[]): Part {
  return database.join(
    words.map((word) => database.part`text like ${wordPattern(word)}`),
    'and',
  )
}

/** Does a part of the name begin with the first word? Those come before whom it names elsewhere. */
function nameStarts(database: Database, query: Query): Part {
  return database.part`split_part(text, '|', 1) like ${`% ${likeText(query.words[0] ?? '')}%`}`
}

// --- words that too many bear to rank them all -------------------------------------------------------------------------

/** With more hits than this, whoever was seen last comes first, without looking at all the others. */
const ranked = 4_000
/** So many of the lately seen tell whether a word is frequent, before its index is asked. */
const sampled = 500
/** So many of the lately seen are looked at for one page. */
const looked = 100_000

function mayBeFrequent(input: SearchInput, query: Query): boolean {
  const plain = query.words.length > 0 && query.number === null && query.digits === null && query.address === null
  const everybody = input.kind !== 'anonymous' && !input.city && !input.channel && !input.seenSince
  return plain && everybody && input.order === 'best'
}

/** Where a list of the lately seen goes on: so many were shown of so many (null: too many to count), the last this one. */
type Place = { shown: number; total: number | null; names: boolean; last: { day: string; person: string } | null }

function placeOf(after: string | undefined): Place | null {
  const match = /^(\d{1,9})~(\d{0,5})~([01])~(\d{4}-\d{2}-\d{2})~([0-9a-f-]{36})$/.exec(after ?? '')
  if (match === null) return null
  const [, shown = '', total = '', names, day = '', person = ''] = match
  if (Number(shown) >= most) throw tooFar()
  return {
    shown: Number(shown),
    total: total === '' ? null : Number(total),
    names: names === '1',
    last: { day, person },
  }
}

function cursorOf({ shown, total, names }: Place, last: RecentRow): string {
  return `${shown}~${total ?? ''}~${names ? 1 : 0}~${last.day}~${last.person}`
}

/** Null when few bear the words, or hardly anybody lately seen does. */
async function firstRecent(database: Database, input: SearchInput, query: Query): Promise<SearchAnswer | null> {
  const held = await frequency(database, query)
  if (held.hits !== null && held.hits <= ranked) return null
  // Where all can be listed, all are: also whom the word names elsewhere.
  const from = { shown: 0, total: held.hits, names: held.hits === null && held.names, last: null }
  const rows = await recent(database, input, query, from)
  return rows.length > input.limit ? recentPage(input, query, rows, from) : null
}

/** How many bear the words (null: more than are ever listed), and do most of them in their name? */
async function frequency(database: Database, query: Query): Promise<{ hits: number | null; names: boolean }> {
  type Held = { hits: number; names: number; people: number }
  const words = allWords(database, query.words)
  const [sample] = await database.rows<Held>`
    select count(*)::int as hits, count(*) filter (where ${nameStarts(database, query)})::int as names,
      (select reltuples::float8 from pg_class where oid = 'profile.document'::regclass) as people
    from (select person from profile.person where known order by seen_day desc, person limit ${sampled}) as lately
    cross join lateral (select text from profile.document where document.person = lately.person offset 0) as own
    where ${words}`
  // Four times as many as are listed: a sample of some dozens does not err by that much.
  if (sample && (sample.hits / sampled) * sample.people > 4 * most)
    return { hits: null, names: sample.names * 2 > sample.hits }
  const [held] = await database.rows<Omit<Held, 'people'>>`
    select count(*)::int as hits, count(*) filter (where name)::int as names
    from (select ${nameStarts(database, query)} as name from profile.document where ${words} limit ${most + 1}) as hit`
  const { hits, names } = held ?? { hits: 0, names: 0 }
  return { hits: hits > most ? null : hits, names: names * 2 > hits }
}

async function nextRecent(database: Database, input: SearchInput, query: Query, from: Place): Promise<SearchAnswer> {
  if (!mayBeFrequent(input, query))
    throw new Refusal(400, 'bad_cursor', 'The cursor belongs to another search.', { at: 'after' })
  return recentPage(input, query, await recent(database, input, query, from), from)
}

function recentPage(input: SearchInput, query: Query, rows: RecentRow[], from: Place): SearchAnswer {
  const items = rows.slice(0, input.limit)
  const last = rows.length > items.length ? items.at(-1) : undefined
  return {
    items: items.map((row) => shown({ ...row, matched: matchedField(row, query) })),
    next: last === undefined ? null : cursorOf({ ...from, shown: from.shown + items.length }, last),
    total: from.total,
  }
}

type RecentRow = Row & { day: string }

/** By the index of the day on which people were seen last: so many as fill the page are looked at. */
function recent(database: Database, input: SearchInput, query: Query, { names, last }: Place): Promise<RecentRow[]> {
  const place =
    last === null
      ? database.part`true`
      : database.part`p.seen_day <= ${last.day}::date
          and (p.seen_day < ${last.day}::date or p.person > ${last.person}::uuid)`
  const conditions = [allWords(database, query.words), ...(names ? [nameStarts(database, query)] : [])]
  return database.rows<RecentRow>`
    with found as (
      select lately.person from (
          select p.person, p.seen_day from profile.person p where p.known and ${place}
          order by p.seen_day desc, p.person limit ${looked}) as lately
        cross join lateral (select text from profile.document where document.person = lately.person offset 0) as own
      where ${database.join(conditions, 'and')}
      order by lately.seen_day desc, lately.person limit ${input.limit + 1})
    select ${columns(database)}, 'name' as matched, p.seen_day::text as day
    from found join profile.person p using (person) order by p.seen_day desc, p.person`
}

/** A word may have been found in a name, an address or a town; numbers already know what they are. */
function matchedField(row: Row, query: Query): Row['matched'] {
  const word = query.words[0]
  if (row.matched !== 'name' || word === undefined) return row.matched
  if (fold([row.firstName, row.lastName].join(' ')).includes(word)) return 'name'
  if (row.email?.includes(word)) return 'email'
  return row.loyaltyCard?.toLowerCase().includes(word) ? 'loyalty_card' : 'city'
}

/** Short words match at the start of a word only: two letters inside words fit everybody. */
function wordPattern(word: string): string {
  return word.length < 3 ? `% ${likeText(word)}%` : `%${likeText(word)}%`
}

/** Nothing fitted: the persons in whose text every word has something that looks like it. */
async function similar(database: Database, input: SearchInput, query: Query, offset: number): Promise<Row[]> {
  const words = query.words.filter((word) => word.length >= 3)
  if (words.length === 0) return []
  return database.transaction(async (tx) => {
    // Without numbers of the words' likeness the planner may walk through everybody, comparing each.
    await tx.run`select set_config('pg_trgm.word_similarity_threshold', '0.4', true), set_config('enable_seqscan', 'off', true)`
    const likeness = words.map((word) => tx.part`word_similarity(${word}, text)`)
    const sum = likeness.reduce((whole, part) => tx.part`${whole} + ${part}`)
    const alike = words.map((word) => tx.part`${word} <% text`)
    return tx.rows<Row>`
      with hit as (select person, ${sum} as likeness from profile.document
        where ${tx.join(alike, 'and')} order by likeness desc limit 200)
      select ${columns(tx)}, 'similar' as matched, count(*) over () as total
      from hit join profile.person p using (person) where ${filters(tx, input)}
      order by hit.likeness desc, p.last_seen desc, p.person limit ${input.limit + 1} offset ${offset}`
  })
}
