import { api, type PersonId } from '@einklang/contract'
import { type Database, type Ground, jobKind, mount, Refusal, type Request_, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import { allowAgain, keepApart } from './apart.ts'
import { effectOfPlan, sourceNames, type Weigh, whatifOf, whyOf } from './explain.ts'
import { findHouseholds, householdOf } from './household.ts'
import type { Identity } from './index.ts'
import { matchRunParts } from './matching/runs.ts'
import { alarmOf, lastCheck } from './matching/whole.ts'
import { answerItem, questionOf, reviewList, reviewRule, setReviewRule, undoAnswer } from './review.ts'
import { planSplit, previewUnmerge } from './undo.ts'
import { askAboutQuietValues, markValue, namespacesOf, setNamespace, valuesAside } from './value.ts'

export function identityParts(identity: Identity & { ground: Ground; country: string; weigh: Weigh }): StageParts {
  const { ground, weigh } = identity
  const { database } = ground
  const needs = { database, clock: ground.clock, secrets: ground.secrets, country: identity.country }
  /** Looked at, not done: the transaction ends without a trace. */
  const looking = <Answer>(work: (tx: Database) => Promise<Answer>) => database.transaction(work)
  const matching = matchRunParts(ground, identity)
  return {
    stage: 'identity',
    routes: [
      ...matching.routes,
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
      mount(api.identity.resolve, ({ body }) => identity.ask(body)),
      mount(api.identity.why, ({ params, query }) =>
        looking((tx) => whyOf(needs, tx, params.person, query.with ?? null)),
      ),
      mount(api.identity.whatif, ({ params, query }) =>
        looking((tx) => whatifOf(needs, tx, params.person, query, weigh)),
      ),
      mount(api.identity.household, ({ params }) => householdOf(database, params.person)),
      mount(api.identity.previewUnmerge, ({ params }) =>
        looking(async (tx) => {
          const plan = await previewUnmerge(needs, tx, params.log)
          const person = plan.outcome.scope.ids.get(plan.entry.loser) ?? plan.entry.winner
          return effectOfPlan(plan, person, weigh)
        }),
      ),
      mount(api.identity.unmerge, ({ params, body }, request) =>
        identity.unmerge(params.log, actorOf(request), body.reason, body.expected),
      ),
      mount(api.identity.previewSplit, ({ body }) =>
        looking(async (tx) => {
          const wanted = { ...body, to: body.to ?? null, reason: 'preview', actor: 'preview' }
          const plan = await planSplit(needs, tx, wanted)
          return effectOfPlan(plan, plan.outcome.scope.ids.get(body.person) ?? body.person, weigh)
        }),
      ),
      mount(api.identity.split, ({ body }, request) => {
        const { expected, ...wanted } = body
        return identity.split({ ...wanted, actor: actorOf(request), ...(expected === undefined ? {} : { expected }) })
      }),
      mount(api.identity.merge, ({ body }, request) =>
        identity.merge(body.one, body.other, actorOf(request), body.reason),
      ),
      mount(api.identity.keepApart, ({ body }, request) =>
        keepApart(needs, database, { ...body, actor: actorOf(request) }),
      ),
      mount(api.identity.allowAgain, async ({ body }, request) => {
        const done = await allowAgain(needs, database, { ...body, actor: actorOf(request) })
        await identity.settle()
        return done
      }),
      mount(api.identity.markValue, async ({ body }, request) => {
        const done = await markValue(needs, body, body.as, actorOf(request), body.reason)
        if (body.as === 'household_card' || body.as === 'released')
          await ground.jobs.add(database, 'identity.households', {}, { key: 'identity.households' })
        await identity.settle()
        return done
      }),
      mount(api.identity.values, ({ query }) => valuesAside(database, query)),
      mount(api.identity.namespacesList, async () => ({ items: await namespacesOf(database) })),
      mount(api.identity.setNamespace, ({ params, body }, request) =>
        setNamespace(needs, params.namespace, body, actorOf(request)),
      ),
      mount(api.identity.review, ({ query }) => reviewList(database, query)),
      mount(api.identity.reviewItem, ({ params }) => questionOf(database, params.item, weigh)),
      mount(api.identity.answerReview, async ({ params, body }, request) => {
        const done = await answerItem(needs, identity, params.item, body.answer, actorOf(request))
        ground.live.publish('identity.changed', { item: params.item })
        return done
      }),
      mount(api.identity.undoAnswer, async ({ params }, request) => {
        const done = await undoAnswer(needs, identity, params.item, actorOf(request))
        await identity.settle()
        ground.live.publish('identity.changed', { item: params.item })
        return done
      }),
      mount(api.identity.reviewRule, () => reviewRule(database)),
      mount(api.identity.setReviewRule, ({ body }) => setReviewRule(database, body)),
      mount(api.identity.health, () => health(ground)),
    ],
    loops: [
      {
        name: 'identity.merged',
        pauseMs: 2_000,
        turn: async () => ((await identity.sync()) ? 'busy' : 'idle'),
      },
      {
        name: 'identity.settle',
        pauseMs: 2_000,
        turn: async () => ((await identity.settle()) > 0 ? 'busy' : 'idle'),
      },
    ],
    jobs: [
      ...(matching.jobs ?? []),
      jobKind({
        name: 'identity.households',
        payload: z.unknown(),
        cron: '37 1 * * *',
        work: async () => {
          await findHouseholds(needs, database)
          await askAboutQuietValues(database)
        },
      }),
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
    sure: PersonId[]
    firstSeenAt: Date
  }>`
    select id as person, state, identity.aliases(id) as aliases, identity.sure_aliases(${asked}) as sure, first_seen_at as "firstSeenAt"
    from identity.person where id = identity.current(${asked})`
  if (!row) throw new Refusal(404, 'unknown_person', 'There is no such person.')
  if (row.state === 'erased') throw new Refusal(410, 'erased', 'This person was erased.')
  const { sure, ...view } = row
  const level = sure.includes(row.person) ? ('sure' as const) : ('probable' as const)
  const probable = row.aliases.filter((id) => !sure.includes(id))
  return { ...view, level, probable, resolvedFrom: asked, firstSeenAt: row.firstSeenAt.toISOString() }
}

type Holders = {
  identifiers: number
  known: number
  hotValues: number
  largest: { person: PersonId; identifiers: number }[] | null
}

/** One walk over all identifiers answers everything about them. */
async function holdersOf(database: Database): Promise<Holders | undefined> {
  const [held] = await database.rows<Holders>`
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
  return held
}

export function health({ database, memory }: Ground) {
  return memory.remember('identity.health', () => healthOf(database))
}

async function healthOf(database: Database) {
  const check = await lastCheck(database)
  const wholeRunDiffers = check && alarmOf(check) !== null ? check.differ : 0
  const held = await holdersOf(database)
  const [counts] = await database.rows<{ people: number; merges: number; unmerges: number; reviewOpen: number }>`
    select (select count(*) from identity.person where state = 'active') as people,
      (select count(*) from identity.log where kind = 'merge' and undone_at is null) as merges,
      (select count(*) from identity.log where kind = 'unmerge') as unmerges,
      (select count(*) from identity.review_item where answer is null) as "reviewOpen"`
  const conflicts = await database.rows<{ code: string; count: number }>`
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
    wholeRunDiffers,
    largest: held?.largest ?? [],
  }
}
