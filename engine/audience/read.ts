import {
  type AnswerOf,
  type AudienceId,
  api,
  type Channel,
  type InputOf,
  type PersonId,
  type Predicate,
} from '@einklang/contract'
import { type Database, type Ground, type History, Refusal } from '@einklang/platform'
import { compile, membersIn, scopeOf } from './compile.ts'
import { sentenceOf } from './sentence.ts'
import { type Definition, definitions } from './store.ts'

export type AudienceSummary = AnswerOf<typeof api.audience.create>

type Figures = {
  id: AudienceId
  size: number
  entered: number
  left: number
  history: { day: string; size: number }[] | null
}

/** Segments with size, yesterday's movement and the curve of 90 days. */
export async function summaries(database: Database, currency: string, only?: AudienceId): Promise<AudienceSummary[]> {
  const all = await definitions(database)
  const shown = only === undefined ? all : all.filter((definition) => definition.id === only)
  const figures = await database.rows<Figures>`
    select id, (select count(*) from audience.member where audience = id) as size,
      (select count(*) from audience.movement where audience = id and entered and at > platform.now() - interval '1 day')
        as entered,
      (select count(*) from audience.movement
        where audience = id and not entered and at > platform.now() - interval '1 day') as left,
      (select jsonb_agg(jsonb_build_object('day', day, 'size', size) order by day) from audience.size_day
        where audience = id and day > platform.now()::date - 90) as history
    from unnest(${shown.map(({ id }) => id)}::uuid[]) as id`
  const byId = new Map(figures.map((row) => [row.id, row]))
  const names = { currency, audiences: new Map<string, string>(all.map(({ id, name }) => [id, name])) }
  return shown.map((definition) => {
    const row = byId.get(definition.id)
    return {
      audience: definition.id,
      name: definition.name,
      description: definition.description,
      purpose: definition.purpose,
      predicate: definition.predicate,
      sentence: sentenceOf(definition.predicate, names),
      size: row?.size ?? 0,
      entered: row?.entered ?? 0,
      left: row?.left ?? 0,
      history: row?.history ?? [],
      building: !definition.built,
      createdAt: definition.createdAt.toISOString(),
      createdBy: definition.createdBy,
      updatedAt: definition.updatedAt.toISOString(),
      version: definition.version,
    }
  })
}

export function unknownAudience(id: string): Refusal {
  return new Refusal(404, 'unknown_audience', `There is no segment ${id}.`)
}

export async function detailOf(
  { database, memory }: Pick<Ground, 'database' | 'memory'>,
  currency: string,
  id: AudienceId,
): Promise<AnswerOf<typeof api.audience.read>> {
  const [summary] = await summaries(database, currency, id)
  if (summary === undefined) throw unknownAudience(id)
  const [reach, others] = await Promise.all([
    memory.remember(`audience.reach ${id}`, () => reachOf(database, id)),
    definitions(database),
  ])
  return {
    ...summary,
    reach: reach.map((row) => ({ ...row, purpose: 'newsletter' as const })),
    usedBy: others.filter((other) => membersIn(other.predicate).includes(id)).map((other) => other.id),
  }
}

/** How many members each channel reaches, and how many of them allow it. */
function reachOf(
  database: Database,
  id: AudienceId,
): Promise<{ channel: Channel; withAddress: number; permitted: number }[]> {
  return database.rows`
      select way.channel, count(*) as "withAddress", count(state.person) as permitted
      from audience.member join profile.reachable as way using (person)
      left join consent.state on state.person = member.person and state.channel = way.channel
        and state.purpose = 'newsletter' and state.allowed
        and (state.valid_until is null or state.valid_until > platform.now())
      where member.audience = ${id} group by way.channel order by "withAddress" desc`
}

/** How many known persons a condition fits right now. */
export async function sizeOf(database: Database, predicate: Predicate): Promise<{ size: number; persons: number }> {
  return database.transaction(async (tx) => {
    await tx.run`select set_config('work_mem', '128MB', true), set_config('statement_timeout', '30s', true)`
    const row = await tx.row<{ size: number; persons: number }>`
      select count(*) filter (where ${compile(tx, predicate)}) as size, count(*) as persons
      from profile.person as p where p.known`
    return row ?? { size: 0, persons: 0 }
  })
}

export async function matching(tx: Database, predicate: Predicate, asked: PersonId[]): Promise<Set<PersonId>> {
  if (asked.length === 0) return new Set()
  const now = await tx.rows<{ asked: PersonId; person: PersonId }>`
    select asked, identity.current(asked) as person from unnest(${asked}::uuid[]) as asked`
  const persons = [...new Set(now.map((row) => row.person))]
  const scope = await scopeOf(tx, persons)
  const rows = await tx.rows<{ person: PersonId }>`
    select p.person from profile.person as p where p.person = any(${persons}) and ${compile(tx, predicate, scope)}`
  const inside = new Set(rows.map((row) => row.person))
  return new Set(now.filter((row) => inside.has(row.person)).map((row) => row.asked))
}

export async function memberPage(
  database: Database,
  id: AudienceId,
  query: InputOf<typeof api.audience.members>['query'],
): Promise<AnswerOf<typeof api.audience.members>> {
  type Row = Omit<AnswerOf<typeof api.audience.members>['items'][number], 'since' | 'lastSeen'> & {
    since: Date
    lastSeen: Date | null
    cursor: string
  }
  const cursor = /^([^~]+)~([0-9a-f-]{36})$/.exec(query.after ?? '')
  const after =
    cursor === null
      ? database.part`true`
      : database.part`(member.since, member.person) < (${cursor[1] ?? ''}::timestamptz, ${cursor[2] ?? ''}::uuid)`
  const rows = await database.rows<Row>`
    select member.person, nullif(concat_ws(' ', who.first_name, who.last_name), '') as name, who.email, who.city,
      who.last_seen as "lastSeen", member.since, member.since::text as cursor
    from audience.member left join profile.person as who using (person)
    where member.audience = ${id} and ${after}
    order by member.since desc, member.person desc limit ${query.limit + 1}`
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  return {
    items: shown.map(({ person, name, email, city, lastSeen, since }) => ({
      person,
      name,
      email,
      city,
      lastSeen: lastSeen?.toISOString() ?? null,
      since: since.toISOString(),
    })),
    next: rows.length > query.limit && last ? `${last.cursor}~${last.person}` : null,
  }
}

export async function overlapOf(
  database: Database,
  first: AudienceId,
  second: AudienceId,
): Promise<AnswerOf<typeof api.audience.overlap>> {
  const row = await database.row<AnswerOf<typeof api.audience.overlap>>`
    select (select count(*) from audience.member where audience = ${first}) as first,
      (select count(*) from audience.member where audience = ${second}) as second,
      (select count(*) from audience.member as one join audience.member as other using (person)
        where one.audience = ${first} and other.audience = ${second}) as both`
  return row ?? { first: 0, second: 0, both: 0 }
}

export async function membershipsOf(
  database: Database,
  person: PersonId,
): Promise<AnswerOf<typeof api.audience.memberships>> {
  const [items, left] = await Promise.all([
    database.rows<{ audience: AudienceId; name: string; since: Date }>`
      select audience, name, since from audience.member join audience.definition on definition.id = audience
      where person = identity.current(${person}) and deleted_at is null order by since desc`,
    database.rows<{ audience: AudienceId; name: string; at: Date }>`
      select audience, name, at from audience.movement join audience.definition on definition.id = audience
      where person = any(identity.aliases(${person})) and not entered and deleted_at is null
        and at > platform.now() - interval '30 days' order by at desc limit 20`,
  ])
  return {
    items: items.map((row) => ({ ...row, since: row.since.toISOString() })),
    left: left.map((row) => ({ ...row, at: row.at.toISOString() })),
  }
}

/** So many persons tell which traits there are and what they look like. */
const sampled = 2000

/**
 * What a condition can be about, as it occurs in this house. Traits are sampled and their numbers projected; events are
 * counted where millions are, per person as stored.
 */
export async function vocabularyOf(
  { database, history, memory }: Pick<Ground, 'database' | 'history' | 'memory'>,
  since: Date,
): Promise<AnswerOf<typeof api.audience.vocabulary>> {
  const [occurring, audiences] = await Promise.all([
    memory.remember('audience.occurring', () => occurringIn(database, history, since)),
    definitions(database),
  ])
  return { ...occurring, audiences: audiences.map(({ id, name }) => ({ audience: id, name })) }
}

async function occurringIn(database: Database, history: History, since: Date) {
  type Trait = { name: string; persons: number; examples: string[] }
  const [traits, events, scores] = await Promise.all([
    database.rows<Trait>`
      with sample as (select traits from profile.person where known limit ${sampled}),
        share as (select greatest(1, (select count(*) from profile.person where known)::float8 / ${sampled}) as times),
        pairs as (select key as name, value from sample, jsonb_each_text(traits)),
        ranked as (select name, value, count(*) as times, row_number() over (partition by name order by count(*) desc, value)
          as place from pairs where length(value) <= 60 group by name, value)
      select name, round(sum(ranked.times) * share.times)::int as persons,
        array_agg(value order by place) filter (where place <= 8 and ranked.times > 1) as examples
      from ranked, share group by name, share.times order by persons desc limit 100`,
    history.rows<{ name: string; persons: string }>`
      select name, toString(uniqHLL12Merge(event_name.persons)) as persons from ingest.event_name
      where month >= toStartOfMonth(${since}) and name != '' group by name
      order by uniqHLL12Merge(event_name.persons) desc limit 100`,
    database.rows<{ name: string }>`select name from profile.score_name order by name`,
  ])
  return {
    traits: traits.map((row: Trait) => ({ ...row, examples: row.examples ?? [] })),
    events: events.map(({ name, persons }) => ({ name, persons: Number(persons) })),
    scores: scores.map((row) => row.name),
  }
}

/** A predicate that can be saved: what it refers to exists, and it does not lead back to itself. */
export async function checkReferences(database: Database, predicate: Predicate, own: AudienceId | null): Promise<void> {
  const all = new Map<string, Definition>((await definitions(database)).map((one) => [one.id, one]))
  const walk = (tree: Predicate, path: string[]): void => {
    for (const id of membersIn(tree)) {
      if (id === own || path.includes(id))
        throw new Refusal(422, 'circle', 'A segment cannot be built on itself.', { at: 'predicate' })
      const other = all.get(id)
      if (other === undefined)
        throw new Refusal(422, 'unknown_audience', `There is no segment ${id}.`, { at: 'predicate' })
      walk(other.predicate, [...path, id])
    }
  }
  walk(predicate, [])
}
