import type { AnswerOf, api, QuarantineId, SourceId } from '@einklang/contract'
import { type Clock, type Database, type Loop, newId, Refusal } from '@einklang/platform'
import { putInInbox } from '../emit.ts'
import { adapt } from '../inbox.ts'
import type { Item, Reason } from '../item.ts'
import { type Quarantine, type QuarantineRow, replayRequest } from '../quarantine.ts'
import type { Sources } from '../source.ts'
import type { Repair } from './finding.ts'
import { type Judge, turnoverOf } from './judge.ts'

/** Channel that wakes the loop which works on quarantine. */
export const workChannel = 'ingest_quarantine'
/** Items of a group that are worked on in one transaction. */
const perTurn = 500
/** So much waiting live traffic is served first. */
const liveFirst = 20

type WorkView = AnswerOf<typeof api.ingest.dryRunGroup>
type WorkRow = Omit<WorkView, 'createdAt' | 'endedAt' | 'sourceName' | 'failing'> & {
  source: SourceId
  failing: WorkView['failing']
  until: Date
  afterReceived: Date | null
  afterId: QuarantineId | null
  createdAt: Date
  endedAt: Date | null
}

export type WorkNeeds = {
  database: Database
  clock: Clock
  sources: Sources
  quarantine: Quarantine
  judge: Judge
}

/** What becomes of one waiting item under today's rules, with the repairs of its group. */
export type Tried = { row: QuarantineRow; items: Item[]; reasons: Reason[] }

/** The same adapter and the same checks as for live items; nothing is written. */
export async function tryAgain(
  needs: WorkNeeds,
  tx: Database,
  rows: QuarantineRow[],
  repairs: readonly Repair[],
): Promise<Tried[]> {
  const tried: Tried[] = []
  const all: Item[] = []
  for (const row of rows) {
    let items: Item[] = []
    let reasons: Reason[] = []
    try {
      items = await adapt(needs.sources, replayRequest(row, repairs), 0, 0)
      if (items.length === 0) reasons = [{ code: 'unparsable', path: '', message: 'Nothing can be read out of it.' }]
    } catch (error) {
      reasons = [{ code: 'poison', path: '', message: String(error).slice(0, 300) }]
    }
    tried.push({ row, items, reasons })
    all.push(...items)
  }
  const judged = await needs.judge.judge(tx, all, { dry: true })
  let at = 0
  for (const one of tried) {
    one.items = judged.slice(at, at + one.items.length)
    at += one.items.length
    for (const item of one.items) one.reasons.push(...item.reasons)
  }
  return tried
}

export async function beginWork(
  needs: WorkNeeds,
  tx: Database,
  given: { kind: 'dry-run' | 'replay'; group: string; repairs: Repair[]; by: string },
): Promise<string> {
  const now = needs.clock.now()
  const group = await tx.row<{ source: SourceId; count: number; currency: string }>`
    select source, count(*) as count, coalesce(nullif(max(currency), ''),
      (select currency from ingest.source where id = quarantine.source)) as currency from ingest.quarantine
    where group_key = ${given.group} and status in ('open', 'patched') group by source`
  if (!group) throw new Refusal(404, 'empty_group', 'Nothing waits in this group any more.')
  const open = await tx.row<{ id: string }>`
    select id from ingest.quarantine_work
    where group_key = ${given.group} and kind = 'replay' and state in ('waiting', 'running', 'paused')`
  if (open && given.kind === 'replay')
    throw new Refusal(409, 'work_going_on', 'This group is being sent again already.', {
      doInstead: 'Wait for it, or stop it.',
    })
  const id = newId('quarantine', needs.clock)
  await tx.run`
    insert into ingest.quarantine_work (id, kind, group_key, source, repairs, state, until, total, currency, created_by, created_at)
    values (${id}, ${given.kind}, ${given.group}, ${group.source}, ${tx.json(given.repairs)}, 'waiting', ${now},
      ${group.count}, ${group.currency}, ${given.by}, ${now})`
  await tx.notify(workChannel)
  return id
}

export async function steer(
  needs: WorkNeeds,
  tx: Database,
  id: string,
  to: 'pause' | 'resume' | 'stop',
): Promise<void> {
  const [state, from] = {
    pause: ['paused', ['waiting', 'running']] as const,
    resume: ['waiting', ['paused']] as const,
    stop: ['stopped', ['waiting', 'running', 'paused']] as const,
  }[to]
  const changed = await tx.run`
    update ingest.quarantine_work set state = ${state}, ended_at = ${to === 'stop' ? needs.clock.now() : null}
    where id = ${id} and state = any(${[...from]}::text[])`
  if (changed === 0) throw new Refusal(409, 'not_going_on', 'It has ended, or is in that state already.')
  await tx.notify(workChannel)
}

export async function workViews(
  needs: WorkNeeds,
  database: Database,
  of: { group?: string; id?: string },
): Promise<WorkView[]> {
  const rows = await database.rows<WorkRow>`
    select id, kind, group_key as "group", source, repairs, state, total, done, passed, failing, people, orders, turnover,
      currency, error, created_by as by, created_at as "createdAt", ended_at as "endedAt"
    from ingest.quarantine_work
    where (${of.group ?? null}::text is null or group_key = ${of.group ?? null})
      and (${of.id ?? null}::uuid is null or id = ${of.id ?? null}::uuid)
    order by created_at desc, id desc limit 10`
  return Promise.all(
    rows.map(async ({ source, createdAt, endedAt, ...row }) => ({
      ...row,
      sourceName: (await needs.sources.byId(source))?.name ?? '',
      createdAt: createdAt.toISOString(),
      endedAt: endedAt?.toISOString() ?? null,
    })),
  )
}

/** Tries again what waits for a record, and works on groups: behind live traffic, a piece at a time. */
export function quarantineLoop(needs: WorkNeeds): Loop {
  // People are told apart in memory only: a dry run that loses it begins again, it has written nothing.
  const people = new Map<string, Set<string>>()
  return {
    name: 'ingest.quarantine',
    pauseMs: 1_000,
    wake: workChannel,
    async turn() {
      if (await busyLive(needs.database)) return 'idle'
      const tried = await needs.database.transaction((tx) => retryDue(needs, tx))
      const worked = await needs.database.transaction((tx) => workOn(needs, tx, people))
      return worked || tried === perTurn ? 'busy' : 'idle'
    },
  }
}

async function busyLive(database: Database): Promise<boolean> {
  const waiting = await database.row<{ rows: number }>`
    select count(*)::int as rows from (select from ingest.inbox where batch is null limit ${liveFirst}) as first`
  return (waiting?.rows ?? 0) >= liveFirst
}

async function retryDue(needs: WorkNeeds, tx: Database): Promise<number> {
  const rows = await needs.quarantine.due(tx, perTurn)
  if (rows.length === 0) return 0
  const tried = await tryAgain(needs, tx, rows, [])
  await settle(needs, tx, tried, [], 'system', true)
  return rows.length
}

/** Sends what passes to the inbox, with its original id and times; notes the reason of what does not. */
async function settle(
  needs: WorkNeeds,
  tx: Database,
  tried: Tried[],
  repairs: readonly Repair[],
  by: string,
  again: boolean,
): Promise<Tried[]> {
  const passing = tried.filter(({ reasons }) => reasons.length === 0)
  await putInInbox(
    needs,
    tx,
    passing.map(({ row }) => replayRequest(row, repairs)),
  )
  if (passing.length > 0)
    await needs.quarantine.settle(
      tx,
      passing.map(({ row }) => row.id),
      'replayed',
      by,
      null,
    )
  const failing = tried.filter(({ reasons }) => reasons.length > 0).map(({ row, reasons }) => ({ id: row.id, reasons }))
  await needs.quarantine.failed(tx, failing, again)
  return passing
}

async function workOn(needs: WorkNeeds, tx: Database, people: Map<string, Set<string>>): Promise<boolean> {
  const work = await tx.row<WorkRow>`
    select id, kind, group_key as "group", source, repairs, state, done, passed, failing, people, orders, turnover, until,
      after_received as "afterReceived", after_id as "afterId", created_by as by
    from ingest.quarantine_work where state in ('waiting', 'running')
    order by created_at limit 1 for update skip locked`
  if (!work) return false
  const dry = work.kind === 'dry-run'
  const begun = people.get(work.id)
  const fresh = begun === undefined && dry
  const named = begun ?? new Set<string>()
  if (fresh) people.clear()
  people.set(work.id, named)
  const from = fresh ? null : work.afterId
  const after = from === null || work.afterReceived === null ? null : { receivedAt: work.afterReceived, id: from }
  const rows = await needs.quarantine.inOrder(tx, work.group, after, work.until, perTurn)
  const tried = await tryAgain(needs, tx, rows, work.repairs)
  const passing = dry
    ? tried.filter(({ reasons }) => reasons.length === 0)
    : await settle(needs, tx, tried, work.repairs, work.by, false)
  const before = fresh ? { done: 0, passed: 0, failing: [], orders: 0, turnover: 0 } : work
  let { orders, turnover } = before
  for (const { items } of passing)
    for (const { event } of items) {
      const who = event?.identifiers[0]
      if (who) named.add(`${who.namespace}:${who.value}`)
      if (event?.name === 'Order Completed') orders++
      turnover += turnoverOf(event)
    }
  const last = rows.at(-1)
  const ended = rows.length < perTurn
  await tx.run`
    update ingest.quarantine_work set state = ${ended ? 'done' : 'running'}, done = ${before.done + rows.length},
      passed = ${before.passed + passing.length}, failing = ${tx.json(failingOf(before.failing, tried))},
      people = ${named.size}, orders = ${orders}, turnover = ${turnover},
      after_received = coalesce(${last?.receivedAt ?? null}, after_received), after_id = coalesce(${last?.id ?? null}::uuid, after_id),
      ended_at = ${ended ? needs.clock.now() : null}
    where id = ${work.id}`
  if (ended) people.delete(work.id)
  return true
}

function failingOf(before: WorkView['failing'], tried: Tried[]): WorkView['failing'] {
  const counts = new Map(before.map((one) => [`${one.code}|${one.path}`, one]))
  for (const { reasons } of tried) {
    const [first] = reasons
    if (!first) continue
    const key = `${first.code}|${first.path}`
    const known = counts.get(key)
    counts.set(key, { code: first.code, path: first.path, message: first.message, count: (known?.count ?? 0) + 1 })
  }
  return [...counts.values()].sort((one, other) => other.count - one.count).slice(0, 20)
}
