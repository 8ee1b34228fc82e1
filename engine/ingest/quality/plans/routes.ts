import { randomUUID } from 'node:crypto'
import {
  api,
  type JsonObject,
  type QuarantineId,
  type Route,
  type SourceId,
  type TrackingPlanId,
} from '@einklang/contract'
import { type Caller, type Database, type Mounted, mount, nameOf, type RawMount, Refusal } from '@einklang/platform'
import type { Ingest, IngestInside } from '../../index.ts'
import { approvalKind } from './approvals.ts'
import { type PlanDocument, planYaml, readPlan } from './document.ts'
import { seenEvents, seenProperties } from './explorer.ts'
import { dryRunJob, runOf } from './jobs.ts'
import { learn } from './learn.ts'
import { acceptedNow } from './replay.ts'
import { violationsSeen } from './seen-violations.ts'
import {
  insertPlan,
  movePlan,
  type PlanRow,
  planById,
  planIn,
  planRows,
  readBody,
  type StoredPlan,
  storedPlan,
  versionsOf,
  writePlan,
} from './store.ts'
import { typesText } from './types-text.ts'

const routes = api.ingest
const empty: PlanDocument = { events: {} }

export function planRoutes(
  ingest: Ingest & IngestInside,
  replay: (items: QuarantineId[], by: Caller) => Promise<number>,
): Mounted<Route>[] {
  const { ground, approvals } = ingest.needs
  const { database, clock, history, jobs } = ground
  const daysAgo = (days: number) => new Date(clock.now().getTime() - days * 86_400_000)

  const rowView = async <Row extends PlanRow>(row: Row) => ({
    ...row,
    approved: (await approvals?.approved(approvalKind, row.source, row.hash)) ?? false,
    createdAt: row.createdAt.toISOString(),
    changedAt: row.changedAt.toISOString(),
    liveAt: row.liveAt?.toISOString() ?? null,
    retiredAt: row.retiredAt?.toISOString() ?? null,
  })
  const detail = async (id: TrackingPlanId) => {
    const { document, ...row } = await planById(database, id)
    const content = JSON.parse(document) as PlanDocument
    const waiting = await database.row<{ count: number }>`
      select count(*)::int as count from ingest.quarantine
      where source = ${row.source} and code = 'schema' and status in ('open', 'patched')`
    return {
      ...(await rowView(row)),
      document: content,
      text: planYaml(content),
      versions: await versionsOf(database, row.source),
      dryRun: await runOf(database, id),
      waiting: waiting?.count ?? 0,
    }
  }
  const noted = (tx: Database, actor: Caller, action: string, id: string, details: JsonObject) =>
    ingest.needs.audit?.(tx, { actor, action, object: { kind: 'plan', id }, details })
  const sourceThere = async (source: SourceId) => {
    if (!(await ingest.sources.byId(source)))
      throw new Refusal(404, 'unknown_source', 'There is no such source.', { at: 'source' })
  }
  /** The draft of a source; without one a new version begins with what is live. */
  const draftOf = async (tx: Database, source: SourceId, by: Caller): Promise<StoredPlan> => {
    const open = await planIn(tx, source, ['draft', 'review'])
    if (open) return open
    const live = await planIn(tx, source, ['live'])
    const plan = live ? storedPlan(live.document) : must(empty)
    return planById(tx, await insertPlan(tx, clock, { source, plan, note: '', by: nameOf(by) }))
  }

  return [
    mount(routes.plans, async () => {
      const rows = await planRows(database)
      const items = await Promise.all(rows.map(rowView))
      const unplanned = await database.rows<{ source: SourceId; sourceName: string }>`
        select id as source, name as "sourceName" from ingest.source
        where slug <> 'einklang' and not exists (select from ingest.plan where plan.source = source.id) order by name`
      return { items, unplanned }
    }),
    mount(routes.createPlan, async ({ body }, { caller }) => {
      await sourceThere(body.source)
      const given = readBody(body)
      const id = await database.transaction(async (tx) => {
        const live = given ? undefined : await planIn(tx, body.source, ['live'])
        const plan = given ?? (live ? storedPlan(live.document) : must(empty))
        const made = await insertPlan(tx, clock, {
          source: body.source,
          plan,
          note: body.note ?? '',
          by: nameOf(caller),
        })
        await noted(tx, caller, 'plan.created', made, { source: body.source, hash: plan.hash })
        return made
      })
      return detail(id)
    }),
    mount(routes.planOf, ({ params }) => detail(params.plan)),
    mount(routes.changePlan, async ({ params, body }, { caller }) => {
      const plan = readBody(body)
      await database.transaction(async (tx) => {
        await writePlan(tx, clock, params.plan, { plan, note: body.note, basedOn: body.basedOn })
        await noted(tx, caller, 'plan.changed', params.plan, plan ? { hash: plan.hash } : {})
      })
      return detail(params.plan)
    }),
    mount(routes.dropPlan, async ({ params }, { caller }) =>
      database.transaction(async (tx) => {
        const dropped = await tx.run`
          delete from ingest.plan where id = ${params.plan} and state in ('draft', 'review')`
        if (dropped > 0) await noted(tx, caller, 'plan.dropped', params.plan, {})
        return { dropped: dropped > 0 }
      }),
    ),
    mount(routes.submitPlan, async ({ params }, { caller }) => {
      const row = await planById(database, params.plan)
      if (!approvals) throw new Refusal(409, 'no_approvals', 'Nothing here can be approved.')
      await database.transaction(async (tx) => {
        if (!(await movePlan(tx, clock, row.id, ['draft', 'review'], 'review')))
          throw new Refusal(409, 'not_a_draft', `This version is ${row.state}; only a draft can be handed in.`)
        const title = `${row.sourceName}: plan ${row.version}`.slice(0, 120)
        await approvals.ask(tx, { kind: approvalKind, object: row.source, hash: row.hash, title }, caller)
      })
      return detail(row.id)
    }),
    mount(routes.publishPlan, async ({ params }, { caller }) => {
      const row = await planById(database, params.plan)
      if (row.state !== 'review')
        throw new Refusal(409, 'not_in_review', `This version is ${row.state}.`, {
          doInstead: 'Hand the draft in for approval first.',
        })
      if (!(await approvals?.approved(approvalKind, row.source, row.hash)))
        throw new Refusal(409, 'not_approved', 'Nobody has approved exactly this content.', {
          doInstead: 'Somebody else decides under Settings → Approvals.',
        })
      await database.transaction(async (tx) => {
        const before = await planIn(tx, row.source, ['live'])
        if (before) await movePlan(tx, clock, before.id, ['live'], 'retired')
        const moved = await movePlan(tx, clock, row.id, ['review'], 'live')
        // Between the look and now it may have been changed: approved is a hash, not a row.
        const now = await planById(tx, row.id)
        if (!moved || now.hash !== row.hash)
          throw new Refusal(409, 'changed_meanwhile', 'The plan was changed meanwhile; look at it again.')
        await noted(tx, caller, 'plan.published', row.id, { source: row.source, version: row.version, hash: row.hash })
        await ingest.emit(tx, [
          {
            key: `plan:${row.id}:live`,
            name: 'ingest.plan_published',
            person: null,
            at: clock.now(),
            properties: {
              plan: row.id,
              source: row.source,
              source_name: row.sourceName,
              version: row.version,
              hash: row.hash,
            },
          },
        ])
      })
      return detail(row.id)
    }),
    mount(routes.retirePlan, async ({ params }, { caller }) => {
      await database.transaction(async (tx) => {
        if (!(await movePlan(tx, clock, params.plan, ['live'], 'retired')))
          throw new Refusal(409, 'not_live', 'Only a live version can be retired.')
        await noted(tx, caller, 'plan.retired', params.plan, {})
      })
      return detail(params.plan)
    }),
    mount(routes.learnPlan, async ({ body }) => {
      await sourceThere(body.source)
      const since = daysAgo(body.days)
      const learned = await learn(history, { source: body.source, since })
      const { document } = must(learned.document)
      return {
        document,
        text: planYaml(document),
        events: learned.events,
        names: learned.names,
        from: since.toISOString(),
        to: clock.now().toISOString(),
      }
    }),
    mount(routes.planEvent, async ({ body }, { caller }) => {
      await sourceThere(body.source)
      const learned = await learn(history, { source: body.source, since: daysAgo(body.days), only: body.name })
      const call = learned.document.events?.[body.name]
      if (learned.events === 0 || !call)
        throw new Refusal(404, 'unseen_event', `“${body.name}” did not come from this source lately.`, { at: 'name' })
      const id = await database.transaction(async (tx) => {
        const draft = await draftOf(tx, body.source, caller)
        const document = JSON.parse(draft.document) as PlanDocument
        const events = Object.fromEntries([...Object.entries(document.events ?? {}), [body.name, call]])
        const plan = readBody({ document: { ...document, events } })
        await writePlan(tx, clock, draft.id, { plan, note: undefined, basedOn: draft.hash })
        await noted(tx, caller, 'plan.changed', draft.id, { added: body.name })
        return draft.id
      })
      return detail(id)
    }),
    mount(routes.startDryRun, async ({ params, body }) => {
      const row = await planById(database, params.plan)
      const run = randomUUID()
      await database.transaction(async (tx) => {
        await tx.run`
          insert into ingest.plan_run (plan, run, hash, days, state, started_at)
          values (${row.id}, ${run}, ${row.hash}, ${body.days}, 'waiting', ${clock.now()})
          on conflict (plan) do update set run = excluded.run, hash = excluded.hash, days = excluded.days, state = 'waiting',
            progress = 0, error = null, events = 0, violating = 0, violations = '[]', started_at = excluded.started_at,
            finished_at = null`
        await jobs.add(tx, dryRunJob, { plan: row.id, run }, { key: `dry-run:${row.id}` })
      })
      return there(await runOf(database, row.id))
    }),
    mount(routes.dryRunOf, ({ params }) => runOf(database, params.plan)),
    mount(routes.cancelDryRun, async ({ params }) => {
      await database.run`
        update ingest.plan_run set state = 'cancelled', finished_at = ${clock.now()}
        where plan = ${params.plan} and state in ('waiting', 'running')`
      return runOf(database, params.plan)
    }),
    mount(routes.replayByPlan, async ({ params, body }, { caller }) => {
      const row = await planById(database, params.plan)
      if (row.state !== 'live')
        throw new Refusal(409, 'not_live', 'Items are judged by the live version; let this one go live first.')
      const { waiting, accepted } = await acceptedNow(ingest, row)
      const replayed = body.dryRun || accepted.length === 0 ? 0 : await replay(accepted, caller)
      return { waiting, accepted: accepted.length, replayed }
    }),
    mount(routes.violations, ({ query }) => violationsSeen({ history, database, clock }, query)),
    mount(routes.seenEvents, ({ query }) => seenEvents({ database, history, clock }, query)),
    mount(routes.seenEventOf, async ({ query }, { caller }) => {
      const mayRead = caller.kind !== 'anonymous' && caller.roles.some((role) => readers.has(role))
      const seen = await seenProperties({ database, history, clock }, query, mayRead)
      const uses = query.kind === 'track' ? ((await ingest.needs.health?.uses()) ?? []) : []
      return {
        ...seen,
        uses: uses
          .filter(({ events }) => events.includes(query.name))
          .map(({ kind, id, name }) => ({ kind, id, name })),
      }
    }),
  ]
}

/** Roles that see customers anyway. */
const readers = new Set<string>(['admin', 'support', 'privacy'])

/** The types of a version as a file, for programs that fetch it while they build. */
export function planFiles(ingest: Ingest & IngestInside): RawMount[] {
  const { authenticate, ground } = ingest.needs
  return [
    {
      method: 'GET',
      path: '/api/ingest/plans/:plan/types.ts',
      async handle(request, { params }) {
        const caller = await authenticate?.(request.headers)
        const may: readonly string[] = routes.planOf.may as readonly string[]
        if (!caller || caller.kind === 'anonymous')
          return told(401, 'unauthenticated', 'Sign in, or send a service key.')
        if (!caller.roles.some((role) => may.includes(role)))
          return told(403, 'forbidden', 'Your roles do not include plans.')
        const id = routes.planOf.params.safeParse({ plan: params['plan'] })
        if (!id.success) return told(404, 'unknown_plan', 'There is no such plan.')
        try {
          const row = await planById(ground.database, id.data.plan)
          return new Response(typesText(storedPlan(row.document)), {
            headers: {
              'content-type': 'text/plain; charset=utf-8',
              'content-disposition': `attachment; filename="${slug(row.sourceName)}-plan-${row.version}.ts"`,
              'cache-control': 'no-store',
            },
          })
        } catch (error) {
          if (error instanceof Refusal) return told(404, 'unknown_plan', error.message)
          throw error
        }
      },
    },
  ]
}

function told(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status })
}

function slug(name: string): string {
  return (
    name
      .normalize('NFKD')
      .replaceAll(/[^A-Za-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .toLowerCase() || 'source'
  )
}

/** What we have written ourselves is in order, or it is our fault. */
function must(document: PlanDocument) {
  const read = readPlan(document)
  if ('problems' in read) throw new Error(`A plan of ours is not in order: ${JSON.stringify(read.problems[0])}`)
  return read.plan
}

function there<Value>(value: Value | null): Value {
  if (value === null) throw new Refusal(404, 'no_dry_run', 'There is no dry run of this version.')
  return value
}
