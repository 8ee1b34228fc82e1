import type { AnswerOf, api, FindingAction, ImportId, SourceId } from '@einklang/contract'
import { type Clock, type Database, type History, Refusal } from '@einklang/platform'
import type { QuarantineCode, Reason } from '../item.ts'
import { type Quarantine, remedies } from '../quarantine.ts'
import type { Sources } from '../source.ts'
import { catalogue, choices } from './checks/index.ts'
import type { Repair, RuleSet } from './finding.ts'
import { masked, maskedText, textsAt } from './mask.ts'
import { defaultRules } from './rules.ts'
import { type WorkNeeds, workViews } from './work.ts'

const day = 86_400_000

type Needs = { database: Database; history: History; clock: Clock; sources: Sources }
type RuleSetView = AnswerOf<typeof api.ingest.checks>

// --- checks -------------------------------------------------------------------------------------------------------------

/** The catalogue with what each check found, for one source or all. */
export async function checkList(needs: Needs, source: SourceId | null): Promise<RuleSetView> {
  const now = needs.clock.now().getTime()
  const since = new Date(now - 7 * day)
  const found = await needs.database.rows<{
    code: string
    path: string
    action: FindingAction
    age: number
    count: number
    day: number
  }>`
    select code, path, action, least(6, floor(extract(epoch from ${new Date(now)}::timestamptz - hour) / 86400))::int as age,
      sum(count)::float8 as count, coalesce(sum(count) filter (where hour > ${new Date(now - day)}), 0)::float8 as day
    from ingest.finding
    where hour > ${since} and (${source}::uuid is null or source = ${source}::uuid)
    group by 1, 2, 3, 4`
  const versions = source === null ? [] : await versionsOf(needs.database, source)
  const rules = versions[0] ?? defaultRules
  const byCode = new Map<string, typeof found>()
  for (const row of found) byCode.set(row.code, [...(byCode.get(row.code) ?? []), row])
  const codes = new Map(catalogue.map((one) => [one.code, one.actions]))
  // Reasons of the adapters and violations of plans have no check of their own, and nothing to decide here.
  for (const { code, action } of found) if (!codes.has(code)) codes.set(code, [action])
  return {
    source,
    version: rules.version,
    repairs: rules.repairs,
    versions: versions.map(({ at, ...one }) => ({ ...one, at: at.toISOString() })),
    items: [...codes].map(([code, actions]) => {
      const rows = byCode.get(code) ?? []
      const trend = Array.from({ length: 7 }, () => 0)
      const places = new Map<string, { path: string; action: FindingAction; count: number }>()
      for (const { path, action, age, count } of rows) {
        trend[6 - Math.max(0, age)] = (trend[6 - Math.max(0, age)] ?? 0) + count
        const key = `${path}|${action}`
        places.set(key, { path, action, count: (places.get(key)?.count ?? 0) + count })
      }
      const chosen = rules.actions[code]
      return {
        code,
        standard: actions[0] as FindingAction,
        actions: [...actions],
        chosen: chosen !== undefined && actions.includes(chosen) ? chosen : (actions[0] as FindingAction),
        day: rows.reduce((sum, row) => sum + row.day, 0),
        week: rows.reduce((sum, row) => sum + row.count, 0),
        trend,
        places: [...places.values()].sort((one, other) => other.count - one.count).slice(0, 5),
      }
    }),
  }
}

type Version = RuleSet & { note: string; by: string; at: Date }

function versionsOf(database: Database, source: SourceId): Promise<Version[]> {
  return database.rows<Version>`
    select version, actions, repairs, note, created_by as by, created_at as at
    from ingest.rule_set where source = ${source} order by version desc limit 50`
}

/** A new version of a source's decisions; nothing that is stored changes. */
export async function decide(
  needs: { clock: Clock },
  tx: Database,
  source: SourceId,
  decision: {
    actions: RuleSet['actions']
    repairs?: Repair[] | undefined
    note: string
    version: number | null
    by: string
  },
): Promise<number> {
  for (const [code, action] of Object.entries(decision.actions)) {
    const allowed = choices.get(code)
    if (allowed?.includes(action)) continue
    throw new Refusal(400, 'not_to_decide', `The check ${code} cannot be set to ${action}.`, {
      at: `actions.${code}`,
      doInstead: allowed ? `Use ${allowed.join(', ')}.` : 'Leave it out.',
    })
  }
  await tx.run`select from ingest.source where id = ${source} for update`
  const [last] = await versionsOf(tx, source)
  const version = last?.version ?? 0
  if (decision.version !== null && decision.version !== version)
    throw new Refusal(409, 'changed_meanwhile', 'Somebody has decided otherwise in the meantime.', {
      doInstead: 'Load the page again.',
    })
  await tx.run`
    insert into ingest.rule_set (source, version, actions, repairs, note, created_by, created_at)
    values (${source}, ${version + 1}, ${tx.json(decision.actions)}, ${tx.json(decision.repairs ?? last?.repairs ?? [])},
      ${decision.note}, ${decision.by}, ${needs.clock.now()})`
  return version + 1
}

/** What held before the last decision, as a new version. */
export async function takeBack(
  needs: { clock: Clock },
  tx: Database,
  source: SourceId,
  version: number,
  by: string,
): Promise<void> {
  const versions = await versionsOf(tx, source)
  const before = versions.find((one) => one.version === version - 1) ?? defaultRules
  const note = `Version ${version} taken back`
  await decide(needs, tx, source, { ...before, note, version, by })
}

/** The last 7 days as they would have been: findings ride on events and items, so that this is a count and no guess. */
export async function preview(
  needs: Needs,
  source: SourceId,
  actions: RuleSet['actions'],
): Promise<AnswerOf<typeof api.ingest.previewChecks>> {
  const days = 7
  const since = new Date(needs.clock.now().getTime() - days * day)
  const [current] = await versionsOf(needs.database, source)
  const now = (code: string, of: RuleSet['actions']) => {
    const allowed = choices.get(code) as readonly [FindingAction, ...FindingAction[]]
    const chosen = of[code]
    return chosen !== undefined && allowed.includes(chosen) ? chosen : allowed[0]
  }
  const changed = [...choices.keys()]
    .map((code) => ({ code, from: now(code, current?.actions ?? {}), to: now(code, actions) }))
    .filter(({ from, to }) => from !== to)
  const items = await needs.database.row<{ count: number; currency: string }>`
    select coalesce(sum(received), 0)::float8 as count, (select currency from ingest.source where id = ${source}) as currency
    from ingest.counter where source = ${source} and hour > ${since}`
  const total = items?.count ?? 0
  const changes = await Promise.all(
    changed.map(async ({ code, from, to }) => {
      const passed = await needs.history.rows<{ count: string; people: string; turnover: string }>`
        select toString(uniqExact(id)) as count, toString(uniqExactIf(person, person != toUUID('00000000-0000-0000-0000-000000000000'))) as people,
          toString(sum(value)) as turnover
        from ingest.event where source = toUUID(${source}) and received_at > ${since}
          and arrayExists(one -> startsWith(one, ${`${code} `}) and endsWith(one, ${` ${from}`}), findings)`
      const waiting = await needs.database.row<{ count: number; people: number; turnover: number }>`
        select count(*)::float8 as count, count(distinct nullif(person, ''))::float8 as people,
          coalesce(sum(turnover), 0)::float8 as turnover
        from ingest.quarantine where source = ${source} and received_at > ${since} and check_code = ${code}
          and status in ('open', 'patched') and jsonb_array_length(reasons) = 1`
      const here = from === 'quarantine' ? waiting : null
      const affected = here ? here.count : Number(passed[0]?.count ?? 0)
      return {
        code,
        from,
        to,
        affected,
        share: total === 0 ? 0 : Math.min(1, affected / total),
        people: here ? here.people : Number(passed[0]?.people ?? 0),
        turnover: here ? here.turnover : Number(passed[0]?.turnover ?? 0),
      }
    }),
  )
  const sum = (of: typeof changes) => of.reduce((all, { affected }) => all + affected, 0)
  return {
    days,
    items: total,
    changes,
    wouldWait: sum(changes.filter(({ to }) => to === 'quarantine')),
    wouldPass: sum(changes.filter(({ from }) => from === 'quarantine')),
    currency: items?.currency ?? 'EUR',
  }
}

// --- quarantine ---------------------------------------------------------------------------------------------------------

type GroupRow = {
  key: string
  source: SourceId
  sourceName: string
  code: QuarantineCode
  check: string
  path: string
  reason: Reason | null
  open: number
  people: number
  turnover: number
  currency: string
  received: number
  firstAt: Date
  lastAt: Date
  expiresAt: Date
  expiring: number
  retryAt: Date | null
}

/** Groups by what hangs on them: people and turnover before mere numbers. */
export async function quarantineGroups(
  needs: { database: Database; clock: Clock },
  { status, import: brought }: { status: string; import?: ImportId | undefined },
): Promise<AnswerOf<typeof api.ingest.quarantine>> {
  const now = needs.clock.now()
  const soon = new Date(now.getTime() + 7 * day)
  const rows = await needs.database.rows<GroupRow>`
    select group_key as key, item.source, source.name as "sourceName", code, check_code as check, path,
      max((reasons->0)::text)::jsonb as reason, count(*)::float8 as open, count(distinct nullif(person, ''))::float8 as people,
      coalesce(sum(turnover), 0)::float8 as turnover, 
      coalesce(nullif(max(item.currency), ''), max(source.currency)) as currency, min(received_at) as "firstAt",
      max(received_at) as "lastAt", min(expires_at) as "expiresAt",
      (count(*) filter (where expires_at <= ${soon}))::float8 as expiring, min(retry_at) as "retryAt",
      coalesce((select sum(received) from ingest.counter
        where counter.source = item.source and hour > ${new Date(now.getTime() - day)}), 0)::float8 as received
    from ingest.quarantine as item join ingest.source on source.id = item.source
    where status = ${status} and (${brought ?? null}::uuid is null or import = ${brought ?? null})
    group by group_key, item.source, source.name, code, check_code, path
    order by count(distinct nullif(person, '')) desc, sum(turnover) desc, count(*) desc, group_key limit 500`
  const total = await needs.database.row<{ open: number }>`
    select count(*)::float8 as open from ingest.quarantine where status = 'open'`
  return {
    open: total?.open ?? 0,
    items: rows.map(({ received, expiresAt, expiring, reason, ...row }) => ({
      ...row,
      message: reason?.message ?? '',
      ...(reason?.word === undefined ? {} : { word: reason.word }),
      ...(reason?.values === undefined ? {} : { values: reason.values }),
      firstAt: row.firstAt.toISOString(),
      lastAt: row.lastAt.toISOString(),
      retryAt: row.retryAt?.toISOString() ?? null,
      doInstead: remedies[row.code] ?? '',
      share: received === 0 ? 0 : Math.min(1, row.open / received),
      expiring: expiring === 0 || status !== 'open' ? null : { at: expiresAt.toISOString(), count: expiring },
    })),
  }
}

/** Items whose values are looked at for the list of values of a group. */
const lookedAt = 300

export async function quarantineDetail(
  needs: WorkNeeds & { quarantine: Quarantine },
  key: string,
  status: string,
): Promise<AnswerOf<typeof api.ingest.quarantineDetail>> {
  const { database } = needs
  const now = needs.clock.now()
  const [rows, days, clients, counted, work] = await Promise.all([
    needs.quarantine.items(database, { group: key }, [status], null, lookedAt),
    database.rows<{ age: number; count: number }>`
      select floor(extract(epoch from ${now}::timestamptz - received_at) / 86400)::int as age, count(*)::float8 as count
      from ingest.quarantine where group_key = ${key} and status = ${status} group by 1`,
    database.rows<{ client: string; count: number }>`
      select client, count(*)::float8 as count from ingest.quarantine where group_key = ${key} and status = ${status}
      group by client order by count(*) desc limit 10`,
    database.row<{ count: number; source: SourceId; path: string }>`
      select count(*)::float8 as count, source, path from ingest.quarantine
      where group_key = ${key} and status = ${status} group by source, path`,
    workViews(needs, database, { group: key }),
  ])
  const trend = Array.from({ length: 14 }, () => 0)
  for (const { age, count } of days) if (age >= 0 && age < 14) trend[13 - age] = count
  const path = counted?.path ?? ''
  const personal = /^(?:traits|identifiers|userId|anonymousId|context)/.test(path)
  const values = new Map<string, number>()
  if (path !== '')
    for (const { payload } of rows)
      for (const text of textsAt(payload, path.split('.')))
        values.set(text.slice(0, 200), (values.get(text.slice(0, 200)) ?? 0) + 1)
  const source = counted ? await needs.sources.byId(counted.source) : null
  return {
    count: counted?.count ?? 0,
    trend,
    clients,
    values: [...values]
      .map(([value, count]) => ({ value: personal ? maskedText(value) : value, count }))
      .sort((one, other) => other.count - one.count)
      .slice(0, 20),
    samples: rows
      .slice(0, 3)
      .map((row) => ({ receivedAt: row.receivedAt.toISOString(), payload: masked(row.payload) })),
    work,
    standing: source?.rules?.repairs ?? [],
  }
}
