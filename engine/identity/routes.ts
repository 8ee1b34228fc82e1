import { api, type PersonId } from '@einklang/contract'
import { type Database, type Ground, mount, Refusal, type Request_, type StageParts } from '@einklang/platform'
import type { Identity } from './index.ts'
import { holdApart } from './undo.ts'

export function identityParts(identity: Identity & { ground: Ground }): StageParts {
  const { database } = identity.ground
  return {
    stage: 'identity',
    routes: [
      mount(api.identity.person, ({ params }) => personView(database, params.person)),
      mount(api.identity.identifiers, async ({ params }) => {
        const items = await identity.identifiersOf(params.person)
        const names = await sourceNames(
          database,
          items.map((item) => item.source),
        )
        return {
          items: items.map((item) => ({
            ...item,
            sourceName: names.get(item.source) ?? '',
            firstSeenAt: item.firstSeenAt.toISOString(),
            lastSeenAt: item.lastSeenAt.toISOString(),
          })),
        }
      }),
      mount(api.identity.log, async ({ params }) => ({
        items: (await identity.log(params.person)).map((row) => ({
          ...row,
          at: row.at.toISOString(),
          undoneAt: row.undoneAt?.toISOString() ?? null,
        })),
      })),
      mount(api.identity.unmerge, ({ params, body }, request) =>
        identity.unmerge(params.log, actorOf(request), body.reason),
      ),
      mount(api.identity.merge, async ({ body }, request) => {
        const done = await identity.merge(body.one, body.other, actorOf(request), body.reason)
        const log = done.loser
          ? await database.row<{ id: string }>`
              select id from identity.log where kind = 'merge' and loser = ${done.loser} and undone_at is null
              order by seq desc limit 1`
          : undefined
        return { ...done, log: log?.id ?? null }
      }),
      mount(api.identity.review, ({ query }) => reviewList(database, query)),
      mount(api.identity.answerReview, ({ params, body }, request) =>
        answerReview(identity, params.item, body.answer, actorOf(request)),
      ),
      mount(api.identity.health, () => health(database)),
    ],
    loops: [
      {
        name: 'identity.merged',
        pauseMs: 2_000,
        turn: async () => ((await identity.sync()) ? 'busy' : 'idle'),
      },
    ],
    erase: (tx, persons) => identity.erase(tx, persons),
  }
}

function actorOf(request: Request_): string {
  const { caller } = request
  return caller.kind === 'anonymous' ? 'anonymous' : `${caller.kind}:${caller.name}`
}

async function personView(database: Database, asked: PersonId) {
  const row = await database.row<{
    person: PersonId
    state: 'active' | 'merged' | 'erased'
    aliases: PersonId[]
    firstSeenAt: Date
  }>`
    select id as person, state, identity.aliases(id) as aliases, first_seen_at as "firstSeenAt"
    from identity.person where id = identity.current(${asked})`
  if (!row) throw new Refusal(404, 'unknown_person', 'There is no such person.')
  return { ...row, resolvedFrom: asked, firstSeenAt: row.firstSeenAt.toISOString() }
}

async function sourceNames(database: Database, sources: string[]): Promise<Map<string, string>> {
  if (sources.length === 0) return new Map()
  const rows = await database.rows<{ id: string; name: string }>`
    select id, name from ingest.source_name where id = any(${[...new Set(sources)]}::uuid[])`
  return new Map(rows.map((row) => [row.id, row.name]))
}

const sentences: { [code: string]: string } = {
  negative_edge: 'Somebody of the house has said that these are different people.',
  unique_conflict: 'Together they would have two values of which a person has only one.',
  weak_evidence: 'The only link is something that anybody could have typed, or a device that several people use.',
  person_conflict: 'They share a contact, but first name or birth date differ: a household, most likely.',
  limit: 'The person has as many identifiers of this kind as one person plausibly has.',
  merge_budget: 'Too many joins of this person in one day.',
  hot_value: 'So many people show this value that it says nothing about any of them.',
}

type ReviewRow = {
  id: string
  kind: 'conflict' | 'hot_value'
  code: (typeof api.identity.conflictCodes)[number]
  one: PersonId | null
  other: PersonId | null
  via: { namespace: string; value: string }
  times: number
  firstAt: Date
  lastAt: Date
  answer: 'same' | 'different' | 'household' | 'unsure' | null
  evidence: { [key: string]: string | number | boolean }
}

async function reviewList(
  database: Database,
  query: { after?: string | undefined; limit: number; code?: string | undefined; open: 'true' | 'false' },
) {
  const [at, id] = query.after?.split('|') ?? [null, null]
  const rows = await database.rows<ReviewRow>`
    select id, kind, code, identity.current(one) as one, identity.current(other) as other,
      jsonb_build_object('namespace', via_namespace, 'value', via_value) as via, times, first_at as "firstAt",
      last_at as "lastAt", answer, evidence
    from identity.review_item
    where (${query.code ?? null}::text is null or code = ${query.code ?? null})
      and (case when ${query.open === 'true'} then answer is null
          or (answer = 'unsure' and ask_again_at <= platform.now()) else answer is not null end)
      and (one is null or other is null or identity.current(one) <> identity.current(other) or answer is not null)
      and (${at ?? null}::timestamptz is null or (last_at, id) < (${at ?? null}::timestamptz, ${id ?? null}::uuid))
    order by last_at desc, id desc limit ${query.limit}`
  const last = rows.at(-1)
  return {
    items: rows.map((row) => ({
      ...row,
      why: sentences[row.code] ?? row.code,
      firstAt: row.firstAt.toISOString(),
      lastAt: row.lastAt.toISOString(),
    })),
    next: last && rows.length === query.limit ? `${last.lastAt.toISOString()}|${last.id}` : null,
  }
}

async function answerReview(
  identity: Identity & { ground: Ground },
  item: string,
  answer: 'same' | 'different' | 'household' | 'unsure',
  actor: string,
): Promise<{ merged: boolean }> {
  const { database, clock } = identity.ground
  const row = await database.row<{ one: PersonId | null; other: PersonId | null }>`
    select one, other from identity.review_item where id = ${item}`
  if (!row) throw new Refusal(404, 'unknown_item', 'There is no such review item.')
  const { one, other } = row
  let merged = false
  if (answer === 'same' && one && other) merged = (await identity.merge(one, other, actor, 'review')).loser !== null
  if ((answer === 'different' || answer === 'household') && one && other) {
    const inside = { clock, secrets: identity.ground.secrets, country: 'DE' }
    await database.transaction((tx) => holdApart(inside, tx, one, other, answer, actor))
  }
  const again = answer === 'unsure' ? new Date(clock.now().getTime() + 30 * 86_400_000) : null
  await database.run`
    update identity.review_item set answer = ${answer}, answered_by = ${actor}, answered_at = ${clock.now()}, ask_again_at = ${again}
    where id = ${item}`
  return { merged }
}

async function health(database: Database) {
  // One walk over all identifiers answers everything about them.
  const [held] = await database.rows<{
    identifiers: number
    known: number
    hotValues: number
    largest: { person: PersonId; identifiers: number }[] | null
  }>`
    with holder as (
      select person, count(*) as identifiers, count(*) filter (where status = 'shared') as shared,
        bool_or(split_part(namespace, '.', 1) in ('user_id', 'customer_no', 'loyalty_card')
          or (namespace in ('email', 'phone') and trust = 'verified')) as known
      from identity.identifier group by person)
    select (select coalesce(sum(identifiers), 0)::int from holder) as identifiers,
      (select count(*) from holder where known and person is not null) as known,
      (select coalesce(sum(shared), 0)::int from holder) as "hotValues",
      (select jsonb_agg(top) from (select person, identifiers from holder where person is not null
        order by identifiers desc, person limit 10) as top) as largest`
  const [counts] = await database.rows<{ people: number; merges: number; unmerges: number; reviewOpen: number }>`
    select (select count(*) from identity.person where state = 'active') as people,
      (select count(*) from identity.log where kind = 'merge' and undone_at is null) as merges,
      (select count(*) from identity.log where kind = 'unmerge') as unmerges,
      (select count(*) from identity.review_item where answer is null) as "reviewOpen"`
  const conflicts = await database.rows<{ code: ReviewRow['code']; count: number }>`
    select code, count(*) as count from identity.review_item where answer is null group by code order by count(*) desc`
  const total = counts?.people ?? 0
  const known = held?.known ?? 0
  return {
    people: total,
    known,
    anonymous: total - known,
    identifiers: held?.identifiers ?? 0,
    merges: counts?.merges ?? 0,
    unmerges: counts?.unmerges ?? 0,
    reviewOpen: counts?.reviewOpen ?? 0,
    hotValues: held?.hotValues ?? 0,
    conflicts,
    largest: held?.largest ?? [],
  }
}
