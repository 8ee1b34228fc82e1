import { api, type JsonObject, type SourceId } from '@einklang/contract'
import { type Caller, mount, nameOf, Refusal, type StageParts } from '@einklang/platform'
import { putInInbox } from './emit.ts'
import { eraseFromIngest } from './erase.ts'
import { webMounts } from './http.ts'
import { importRoutes } from './imports/routes.ts'
import { uploadMounts } from './imports/upload.ts'
import type { Ingest, IngestInside } from './index.ts'
import { ingestJobs } from './jobs.ts'
import { monitorRoutes } from './quality/monitor/routes.ts'
import { planJobs } from './quality/plans/jobs.ts'
import { planFiles, planRoutes } from './quality/plans/routes.ts'
import { qualityRoutes } from './quality/routes.ts'
import { quarantineGroups } from './quality/screens.ts'
import { tryAgain } from './quality/work.ts'
import { type Chosen, replayRequest } from './quarantine.ts'
import { arrivalOf, counterView, eventNames, recentEvents, sourceViews } from './screens.ts'

const routes = api.ingest

/** What stands in a page or an app is read by everybody: such a key may only be a publishable one. */
function trustFor(kind: string): 'publishable' | 'secret' {
  return kind === 'web' || kind === 'app' ? 'publishable' : 'secret'
}

export function ingestParts(ingest: Ingest & IngestInside): StageParts {
  const { database, clock, history } = ingest.needs.ground
  const { sources, quarantine } = ingest
  const one = async (id: SourceId) => {
    const [view] = await sourceViews({ database, clock }, id)
    if (!view) throw new Refusal(404, 'unknown_source', 'There is no such source.')
    return view
  }
  /** Keys are read from memory; a change is remembered only after it is committed. */
  const changed = async <Result>(work: (tx: typeof database) => Promise<Result>): Promise<Result> => {
    const result = await database.transaction(work)
    sources.forget()
    return result
  }
  const noted = async (
    tx: typeof database,
    actor: Caller,
    action: string,
    object: { kind: string; id: string },
    details: JsonObject,
  ) => ingest.needs.audit?.(tx, { actor, action, object, details })

  return {
    stage: 'ingest',
    routes: [
      mount(routes.sources, async () => ({ items: await sourceViews({ database, clock }, null) })),
      mount(routes.createSource, async ({ body: { trust, ...given } }, { caller }) => {
        const trusted = trust ?? trustFor(given.kind)
        const made = await changed(async (tx) => {
          const { source, key } = await sources.create(tx, given, trusted)
          const { name, kind } = given
          await noted(tx, caller, 'source.created', { kind: 'source', id: source.id }, { name, kind, trust: trusted })
          return { id: source.id, key }
        })
        return { source: await one(made.id), key: made.key ?? '' }
      }),
      mount(routes.changeSource, async ({ params: { source }, body }, { caller }) => {
        await one(source)
        await changed(async (tx) => {
          await sources.change(tx, source, body)
          await noted(tx, caller, 'source.changed', { kind: 'source', id: source }, { fields: Object.keys(body) })
        })
        return one(source)
      }),
      mount(routes.createKey, ({ params: { source }, body: { trust } }, { caller }) =>
        changed(async (tx) => {
          const made = await sources.addKey(tx, source, trust)
          await noted(tx, caller, 'source.key.created', { kind: 'key', id: made.id }, { source, trust })
          return made
        }),
      ),
      mount(routes.rotateKey, ({ params: { source, key }, body: { graceDays = 7 } }, { caller }) =>
        changed(async (tx) => {
          const made = await sources.rotateKey(tx, source, key, graceDays)
          const details = { source, replacedBy: made.id, graceDays }
          await noted(tx, caller, 'source.key.rotated', { kind: 'key', id: key }, details)
          return made
        }),
      ),
      mount(routes.revokeKey, async ({ params: { source, key }, query: { graceDays } }, { caller }) => {
        const ends = await changed(async (tx) => {
          const end = await sources.endKey(tx, source, key, graceDays)
          await noted(tx, caller, 'source.key.revoked', { kind: 'key', id: key }, { source, graceDays })
          return end
        })
        return { endsAt: ends.toISOString() }
      }),
      mount(routes.addWebhookSecret, async ({ params: { source }, body }, { caller }) => {
        const { slug } = await one(source)
        const secret = await changed(async (tx) => {
          const made = await sources.addWebhookSecret(tx, source, body.secret ?? null, body.graceHours)
          await noted(
            tx,
            caller,
            'source.webhook-secret.added',
            { kind: 'source', id: source },
            {
              graceHours: body.graceHours,
            },
          )
          return made
        })
        return { secret, path: `/api/ingest/webhooks/${slug}` }
      }),
      mount(routes.sourceArrival, async ({ params: { source } }) => {
        await one(source)
        return arrivalOf(ingest.needs.ground, source)
      }),
      mount(routes.events, ({ query }) => recentEvents(history, query)),
      mount(routes.eventNames, async ({ query }) => ({ items: await eventNames(history, clock, query.days) })),
      mount(routes.counters, ({ query }) => counterView({ database, clock }, query)),
      mount(routes.quarantine, ({ query }) => quarantineGroups({ database, clock }, query)),
      mount(routes.quarantineItems, async ({ query }) => {
        const rows = await quarantine.items(
          database,
          { group: query.group, import: query.import },
          [query.status],
          query.after ?? null,
          query.limit,
        )
        const items = await Promise.all(
          rows.map(async (row) => ({
            id: row.id,
            source: row.source,
            reasons: row.reasons,
            status: row.status,
            attempts: row.attempts,
            payload: row.payload,
            patched: row.patched,
            receivedAt: row.receivedAt.toISOString(),
            originalAt: row.originalAt?.toISOString() ?? null,
            sourceName: (await sources.byId(row.source))?.name ?? '',
          })),
        )
        return { items, next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null }
      }),
      mount(routes.repairItem, async ({ params, body }) => {
        const [row] = await quarantine.items(database, { items: [params.item] }, ['open', 'patched'], null, 1)
        if (!row) throw new Refusal(404, 'unknown_item', 'There is no such open item.')
        const work = { database, clock, sources, quarantine, judge: ingest.judge }
        const [tried] = await tryAgain(work, database, [{ ...row, patched: body.payload as JsonObject }], [])
        const reasons = tried?.reasons ?? []
        if (!body.dryRun) await quarantine.patch(database, params.item, body.payload as JsonObject)
        return { passes: reasons.length === 0, reasons }
      }),
      mount(routes.replay, async ({ body }, { caller }) => ({ replayed: await replay(ingest, body, nameOf(caller)) })),
      mount(routes.discard, async ({ body: { reason, ...chosen } }, { caller }) => {
        refuseAll(chosen)
        const rows = await quarantine.items(database, chosen, ['open', 'patched'], null, 10_000)
        const ids = rows.map((row) => row.id)
        return { discarded: await quarantine.settle(database, ids, 'discarded', nameOf(caller), reason) }
      }),
      ...qualityRoutes(ingest),
      ...importRoutes(ingest),
      ...planRoutes(ingest, (items, caller) => replay(ingest, { items }, nameOf(caller))),
      ...monitorRoutes(ingest.monitor),
      ...(ingest.quality?.routes ?? []),
    ],
    raw: [...webMounts(ingest.door), ...uploadMounts(ingest.needs.ground), ...planFiles(ingest)],
    loops: ingest.loops,
    jobs: [...ingestJobs(ingest), ...planJobs(ingest.needs), ...(ingest.quality?.jobs ?? [])],
    erase: (tx, persons) => eraseFromIngest(ingest, tx, persons),
  }
}

function refuseAll(chosen: Chosen): void {
  if (chosen.group === undefined && chosen.items === undefined) {
    throw new Refusal(400, 'nothing_chosen', 'Name a group or items.', { at: 'group' })
  }
}

/** Through the same door as before, with the original id and times; repeating it changes nothing. */
async function replay(ingest: Ingest & IngestInside, chosen: Chosen, by: string): Promise<number> {
  refuseAll(chosen)
  const { database, clock } = ingest.needs.ground
  let count = 0
  for (let more = true; more; ) {
    more = await database.transaction(async (tx) => {
      const rows = await ingest.quarantine.items(tx, chosen, ['open', 'patched'], null, 500)
      if (rows.length === 0) return false
      await putInInbox(
        { clock },
        tx,
        rows.map((row) => replayRequest(row)),
      )
      const ids = rows.map((row) => row.id)
      count += await ingest.quarantine.settle(tx, ids, 'replayed', by, null)
      return rows.length === 500
    })
  }
  return count
}
