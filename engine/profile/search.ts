import { type AnswerOf, type api, channels, type InputOf, type PersonId } from '@einklang/contract'
import { type Database, type Part, Refusal } from '@einklang/platform'
import { fold, likeText, type Query, queryOf } from './document.ts'

export type SearchInput = InputOf<typeof api.profile.search>['query']
export type SearchAnswer = AnswerOf<typeof api.profile.search>
type Found = SearchAnswer['items'][number]
type Row = Omit<Found, 'firstSeen' | 'lastSeen'> & { firstSeen: Date; lastSeen: Date; total: number }

/** Beyond this many hits only "more" is told, and pages and ranking go no further: whoever types two letters types on. */
const most = 10_000

/** One search box for everything: numbers first, then words, then words with typing errors. */
export async function searchPersons(database: Database, input: SearchInput): Promise<SearchAnswer> {
  const query = queryOf(input.q)
  const offset = offsetOf(input.after)
  if (query.text === '') return page(await browse(database, input, offset), input.limit, offset)
  if (query.address !== null) {
    const rows = await matching(database, input, holders(database, query.address), offset)
    if (rows.length > 0) return page(rows, input.limit, offset)
  }
  const exact = await matching(database, input, hits(database, query), offset)
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
  throw new Refusal(400, 'too_far', `A search shows its first ${most.toLocaleString('en')} customers.`, {
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

/** Persons in whose document every word occurs, or who carry the number. */
function hits(database: Database, query: Query): Part {
  const parts: Part[] = []
  if (query.number !== null) {
    parts.push(database.part`
      select coalesce(merged.winner, handle.person) as person,
        case namespace when 'loyalty_card' then 1 when 'customer_no' then 2 when 'user_id' then 2 else 0 end as rank
      from profile.handle left join identity.merged on merged.loser = handle.person and not merged.undone
      where value like ${`${likeText(query.number)}%`} limit ${most + 1}`)
  }
  if (query.digits !== null) {
    parts.push(database.part`select person, 4 as rank from profile.document
      where text like ${`%${query.digits}%`} limit ${most + 1}`)
  }
  if (query.words.length > 0) {
    const words = query.words.map((word) => database.part`text like ${wordPattern(word)}`)
    const start = `% ${likeText(query.words[0] ?? '')}%`
    parts.push(database.part`
      select person, case when split_part(text, '|', 1) like ${start} then 5 else 6 end as rank
      from profile.document where ${database.join(words, 'and')} limit ${most + 1}`)
  }
  const bracketed = parts.map((part) => database.part`select * from (${part}) as hit_of_kind`)
  return bracketed.reduce((all, part) => database.part`${all} union all ${part}`)
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
