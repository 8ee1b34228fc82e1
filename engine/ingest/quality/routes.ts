import { api, type JsonObject } from '@einklang/contract'
import { type Caller, type Database, mount, nameOf, Refusal, type Request_ } from '@einklang/platform'
import type { Ingest, IngestInside } from '../index.ts'
import { checkList, decide, preview, quarantineDetail, takeBack } from './screens.ts'
import { beginWork, steer, type WorkNeeds, workViews } from './work.ts'

const routes = api.ingest

/** Checks, decisions about them, and the work on groups of quarantine. */
export function qualityRoutes(ingest: Ingest & IngestInside) {
  const { ground, audit } = ingest.needs
  const { database, clock, history } = ground
  const { sources, quarantine, judge } = ingest
  const needs: WorkNeeds = { database, clock, sources, quarantine, judge }
  const screens = { database, history, clock, sources }
  const noted = (tx: Database, actor: Caller, action: string, id: string, details: JsonObject) =>
    audit?.(tx, { actor, action, object: { kind: 'checks', id }, details })
  const known = async (source: Parameters<typeof checkList>[1]) => {
    if (source === null || !(await sources.byId(source)))
      throw new Refusal(404, 'unknown_source', 'There is no such source.')
    return source
  }
  const viewOf = async (id: string) => {
    const [work] = await workViews(needs, database, { id })
    if (!work) throw new Refusal(404, 'unknown_work', 'There is no such dry run or replay.')
    return work
  }
  return [
    mount(routes.checks, ({ query }) => checkList(screens, query.source ?? null)),
    mount(routes.decideChecks, async ({ params, body }, { caller }) => {
      const source = await known(params.source)
      await database.transaction(async (tx) => {
        const version = await decide({ clock }, tx, source, { ...body, by: nameOf(caller) })
        await noted(tx, caller, 'checks.decided', source, { version, note: body.note, actions: body.actions })
      })
      sources.forget()
      return checkList(screens, source)
    }),
    mount(routes.takeBackChecks, async ({ params, body }, { caller }) => {
      const source = await known(params.source)
      await database.transaction(async (tx) => {
        await takeBack({ clock }, tx, source, body.version, nameOf(caller))
        await noted(tx, caller, 'checks.taken_back', source, { version: body.version })
      })
      sources.forget()
      return checkList(screens, source)
    }),
    mount(routes.previewChecks, async ({ params, body }) => preview(screens, await known(params.source), body.actions)),
    mount(routes.quarantineDetail, ({ params, query }) => quarantineDetail(needs, params.key, query.status)),
    mount(routes.dryRunGroup, async ({ params, body }, { caller }) => {
      const { repairs } = body
      const id = await database.transaction((tx) =>
        beginWork(needs, tx, { kind: 'dry-run', group: params.key, repairs, by: nameOf(caller) }),
      )
      return viewOf(id)
    }),
    mount(routes.replayGroup, async ({ params, body }, request) => {
      const { caller } = request
      const { repairs, keep } = body
      if (keep) mayDecide(request)
      const id = await database.transaction(async (tx) => {
        const work = await beginWork(needs, tx, { kind: 'replay', group: params.key, repairs, by: nameOf(caller) })
        if (keep && repairs.length > 0) await keepRepairs(tx, params.key, repairs, caller)
        await noted(tx, caller, 'quarantine.replayed', params.key, {
          work,
          repairs: repairs as unknown as JsonObject[],
          keep,
        })
        return work
      })
      sources.forget()
      return viewOf(id)
    }),
    mount(routes.steerWork, async ({ params, body }) => {
      await viewOf(params.work)
      await database.transaction((tx) => steer(needs, tx, params.work, body.to))
      return viewOf(params.work)
    }),
    mount(routes.restoreGroup, async ({ params }, { caller }) => {
      const restored = await database.transaction(async (tx) => {
        const count = await quarantine.restore(tx, params.key)
        await noted(tx, caller, 'quarantine.restored', params.key, { count })
        return count
      })
      return { restored }
    }),
  ]

  /** The repairs of a group become the source's own: the next item passes. */
  async function keepRepairs(tx: Database, group: string, repairs: api.ingest.Repair[], caller: Caller): Promise<void> {
    const row = await tx.row<{ source: Parameters<typeof decide>[2] }>`
      select source from ingest.quarantine where group_key = ${group} limit 1`
    if (!row) return
    const last = await tx.row<{ actions: api.ingest.CheckActions; repairs: api.ingest.Repair[] }>`
      select actions, repairs from ingest.rule_set where source = ${row.source} order by version desc limit 1`
    const all = [...(last?.repairs ?? []), ...repairs]
    const once = [...new Map(all.map((one) => [JSON.stringify(one), one])).values()]
    await decide({ clock }, tx, row.source, {
      actions: last?.actions ?? {},
      repairs: once,
      note: `Repairs kept from quarantine: ${group.split(':').slice(1).join(' ')}`.slice(0, 500),
      version: null,
      by: nameOf(caller),
    })
  }
}

function mayDecide(request: Request_): void {
  const { caller } = request
  if (caller.kind === 'user' && !caller.roles.includes('admin'))
    throw new Refusal(403, 'not_allowed', 'Keeping a repair decides about the source.', {
      doInstead: 'Send the group again without keeping the repair, or ask an administrator.',
    })
}
