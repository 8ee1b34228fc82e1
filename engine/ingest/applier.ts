import type { AppliedBatch, EventId, NormalEvent, SourceId } from '@einklang/contract'
import { type Clock, type Database, type Live, type Log, type Metrics, Outage } from '@einklang/platform'
import {
  asideRows,
  type HistoryRow,
  historyChannel,
  historyRows,
  keepForHistory,
  type Written,
  written,
} from './history.ts'
import type { Item, Reason } from './item.ts'
import { apart, withdrawalsOf } from './quality/apart.ts'
import type { Judge } from './quality/judge.ts'
import { keepNote, noteOf } from './quality/monitor/note.ts'
import type { Quarantine } from './quarantine.ts'
import type { Sources } from './source.ts'

/**
 * Takes events through all stages. `attributed` is called as soon as it is known whose they are, from when on nobody changes
 * them: what is made of them alone can be made while the database works for the stages.
 */
export type Apply = (
  tx: Database,
  events: NormalEvent[],
  attributed?: (batch: AppliedBatch) => void,
) => Promise<AppliedBatch>

export type Counted = { accepted: number; duplicates: number; quarantined: number }

/** One batch through all stages, exactly once. Everything it does is in the caller's transaction. */
export type Applier = {
  /** Serialises all appliers of all processes; returns the number of the batch. */
  begin(tx: Database): Promise<number>
  /** De-duplicates, quarantines, applies, counts, keeps rows for history. */
  apply(tx: Database, batch: number, items: Item[], options?: ApplyOptions): Promise<Counted>
  /** After the commit: tells the live screens. */
  committed(batch: number): void
  /** Before the transaction: room for today's partitions. */
  prepare(): Promise<void>
}

export type ApplyOptions = {
  /** Imports know their repeats by row number and need no memory of every id. */
  skipSeen?: boolean
  /** A failure is searched for by halving, inside savepoints. */
  careful?: boolean
  /** Items of which it is known that they kill the process. */
  poison?: Set<Item>
  /** Hears what became of the items: those taken, with what was found on them, and those that wait. */
  settled?: (items: readonly Item[]) => void
  /** Called when only the stages are left to write: what can be done meanwhile costs no time. */
  attributed?: () => unknown
  /** Called before each item when a process was killed here before. */
  beforeItem?: (item: Item) => Promise<void>
}

/** So many events a second are told to the live screens. */
const shown = 20

// Any constants do; every process takes the same ones.
const applyLock = 731_406_202

export function createApplier(needs: {
  database: Database
  clock: Clock
  live: Live
  log: Log
  metrics: Metrics
  sources: Sources
  quarantine: Quarantine
  judge: Judge
  apply: Apply
}): Applier {
  const days = new Set<string>()
  const pending = new Map<number, HistoryRow[]>()
  const items = needs.metrics.counter('einklang_ingest_items_total', 'Items by outcome', ['outcome'])
  const seconds = needs.metrics.histogram('einklang_ingest_apply_seconds', 'Time to apply one batch through all stages')
  let liveFrom = 0
  let liveCount = 0

  const tell = (rows: HistoryRow[]) => {
    const now = performance.now()
    if (now - liveFrom > 1000) {
      liveFrom = now
      liveCount = 0
    }
    for (const row of rows) {
      if (liveCount++ >= shown) return
      needs.live.publish('ingest.events', {
        id: row.id,
        person: row.person,
        at: row.at,
        receivedAt: row.received_at,
        source: row.source,
        sourceName: row.source_name,
        kind: row.kind,
        name: row.name,
        channel: row.channel,
      })
    }
  }

  return {
    async prepare() {
      const day = needs.clock.now().toISOString().slice(0, 10)
      if (days.has(day)) return
      await needs.database.run`select ingest.open_day(${day}::date)`
      days.add(day)
    },
    async begin(tx) {
      await tx.run`select pg_advisory_xact_lock(${applyLock})`
      const row = await tx.row<{ batch: number }>`select nextval('ingest.batch_seq') as batch`
      return row?.batch ?? 0
    },
    async apply(tx, batch, given, options = {}) {
      const started = performance.now()
      const sorted = await sortOut(needs, tx, await needs.judge.judge(tx, given), options)
      // What machines and tests did is kept for itself: no stage hears of it.
      const { taken, aside } = apart(sorted.fresh)
      sorted.fresh = taken
      const names = await namesOf(needs.sources, given)
      const nameOf = (source: string) => names.get(source) ?? ''
      let early: Promise<Written> | null = null
      const applied = await applyEvents(needs, tx, sorted, options, (known) => {
        options.attributed?.()
        early = written(historyRows(known, batch, nameOf))
        early.catch(() => undefined)
      })
      const withdrawn = await applyWithdrawals(needs, tx, [...sorted.bad, ...aside])
      sorted.fresh.push(...aside)
      const rows = await (early ?? written(historyRows(applied, batch, nameOf)))
      const more = await written([
        ...historyRows(withdrawn, batch, nameOf),
        ...asideRows(aside.map(eventOf), batch, nameOf),
      ])
      await keepForHistory(tx, batch, [rows, more], needs.clock.now())
      if (sorted.bad.length > 0) await needs.quarantine.keep(tx, sorted.bad)
      await count(tx, given, sorted)
      await needs.judge.count(tx, [...sorted.fresh, ...sorted.bad])
      options.settled?.([...sorted.fresh, ...sorted.bad])
      // Imports are the past: only what arrives live is a stream that can be watched.
      if (!options.skipSeen) await keepNote(tx, batch, noteOf(given, sorted))
      await tx.notify(historyChannel)
      // The screens show a handful; the rest need not wait for the commit in memory.
      pending.set(batch, [...rows.last, ...more.last].slice(-shown))
      const counted = {
        accepted: sorted.fresh.length,
        duplicates: sorted.repeats.length,
        quarantined: sorted.bad.length,
      }
      for (const [outcome, by] of Object.entries(counted)) if (by > 0) items.add(by, { outcome })
      seconds.observe((performance.now() - started) / 1000)
      return counted
    },
    committed(batch) {
      const rows = pending.get(batch)
      // Batches that were rolled back never come here; their rows must not stay.
      pending.clear()
      if (!rows || rows.length === 0) return
      tell(rows)
    },
  }
}

type Sorted = { fresh: Item[]; repeats: Item[]; bad: Item[] }

/** Which items are new, which are repeats, which re-use an id for something else (spec ingest-wire §15). */
async function sortOut(needs: { clock: Clock }, tx: Database, items: Item[], options: ApplyOptions): Promise<Sorted> {
  const sorted: Sorted = { fresh: [], repeats: [], bad: [] }
  const first = new Map<EventId, Item>()
  for (const item of items) {
    if (!item.event) {
      sorted.bad.push(item)
      continue
    }
    const earlier = first.get(item.id)
    if (!earlier) first.set(item.id, item)
    else if (earlier.content === item.content) sorted.repeats.push(item)
    else sorted.bad.push(reused(item))
  }
  if (options.skipSeen || first.size === 0) return { ...sorted, fresh: [...first.values()] }
  const week = mondayOf(needs.clock.now())
  const ids = [...first.keys()]
  const contents = Array.from(first.values(), ({ content }) => content)
  // Id by id: joined as a set, the planner would rather read all that was seen. Other weeks are asked where there are any (a
  // clock may have been ahead). Looked up first, since only one applies at a time: an insert that may meet a conflict costs a
  // quarter more.
  const known = await tx.rows<{ id: EventId; content: number }>`
    with asked as materialized (
        select id, content from unnest(${ids}::uuid[], ${contents}::bigint[]) as given(id, content) order by id),
      known as materialized (
        select seen.id, seen.content from asked cross join lateral (
          select id, content from ingest.seen where seen.id = asked.id and week = ${week}::date offset 0) as seen
        union all
        select seen.id, seen.content from asked cross join lateral (
          select id, content from ingest.seen where seen.id = asked.id and week < ${week}::date offset 0) as seen
        where exists (select from ingest.seen where week < ${week}::date)
        union all
        select seen.id, seen.content from asked cross join lateral (
          select id, content from ingest.seen where seen.id = asked.id and week > ${week}::date offset 0) as seen
        where exists (select from ingest.seen where week > ${week}::date)),
      put as (
        insert into ingest.seen (id, week, content)
        select id, ${week}::date, content from asked where id not in (select id from known))
    select id, content from known`
  for (const row of known) {
    const item = first.get(row.id)
    if (!item) continue
    first.delete(row.id)
    if (row.content === item.content) sorted.repeats.push(item)
    else sorted.bad.push(reused(item))
  }
  sorted.fresh = [...first.values()]
  return sorted
}

/** The Monday of the instant's week in UTC, as `ingest.seen` is partitioned. */
function mondayOf(instant: Date): string {
  const day = (instant.getUTCDay() + 6) % 7
  return new Date(instant.getTime() - day * 86_400_000).toISOString().slice(0, 10)
}

function reused(item: Item): Item {
  const message = 'The id was used before for an item with other content; the first one stands.'
  return waiting(item, { code: 'id_reused', path: 'messageId', message })
}

type StageNeeds = { apply: Apply; log: Log }

async function applyEvents(
  needs: StageNeeds,
  tx: Database,
  sorted: Sorted,
  options: ApplyOptions,
  attributed?: (batch: AppliedBatch) => void,
): Promise<AppliedBatch> {
  const whole = nothing()
  if (sorted.fresh.length === 0) return whole
  if (options.beforeItem) {
    // `poisoned` replaces the list; this goes through the one it began with.
    for (const item of sorted.fresh) {
      if (options.poison?.has(item))
        poisoned(sorted, item, 'The item ended the worker process each time it was applied.')
      else {
        await options.beforeItem(item)
        await halve(needs, tx, [item], whole, sorted)
      }
    }
    return whole
  }
  if (options.careful) {
    await halve(needs, tx, sorted.fresh, whole, sorted)
    return whole
  }
  return needs.apply(tx, sorted.fresh.map(eventOf), attributed)
}

function nothing(): AppliedBatch {
  return { events: [], merges: [], touched: [], unattributed: [] }
}

/** Applies the items; when that fails, each half, until the item that does not fit is alone. */
async function halve(
  needs: StageNeeds,
  tx: Database,
  items: Item[],
  whole: AppliedBatch,
  sorted: Sorted,
): Promise<void> {
  try {
    const applied = await tx.transaction((inner) => needs.apply(inner, items.map(eventOf)))
    whole.events.push(...applied.events)
    whole.merges.push(...applied.merges)
    whole.touched.push(...applied.touched)
    whole.unattributed?.push(...(applied.unattributed ?? []))
  } catch (error) {
    if (error instanceof Outage) throw error
    const only = items.length === 1 ? items[0] : undefined
    if (only) {
      needs.log.error('An item cannot be applied and waits in quarantine', { event: only.id, error: String(error) })
      return poisoned(sorted, only, error instanceof Error ? error.message : String(error))
    }
    const middle = Math.ceil(items.length / 2)
    await halve(needs, tx, items.slice(0, middle), whole, sorted)
    await halve(needs, tx, items.slice(middle), whole, sorted)
  }
}

function poisoned(sorted: Sorted, item: Item, message: string): void {
  sorted.fresh = sorted.fresh.filter((other) => other !== item)
  sorted.bad.push(waiting(item, { code: 'poison', path: '', message: message.slice(0, 500) }))
}

function waiting(item: Item, reason: Reason): Item {
  const { code, path, message } = reason
  const found = { code, path, message, rule: 0, action: 'quarantine' as const }
  return {
    ...item,
    event: null,
    held: item.event,
    reasons: [reason],
    findings: [...(item.event?.findings ?? []), found],
  }
}

/** A withdrawal counts whatever else is wrong with its item: it is applied for itself, the item waits. */
async function applyWithdrawals(
  needs: StageNeeds & { clock: Clock },
  tx: Database,
  items: Item[],
): Promise<AppliedBatch> {
  const withdrawals = withdrawalsOf(items)
  if (withdrawals.length === 0) return nothing()
  return applyEvents(needs, tx, await sortOut(needs, tx, withdrawals, {}), { careful: true })
}

function eventOf(item: Item): NormalEvent {
  if (!item.event) throw new Error('Invariant violated: only events are applied')
  return item.event
}

async function namesOf(sources: Sources, items: Item[]): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const item of items) {
    if (names.has(item.source)) continue
    const source = await sources.byId(item.source as SourceId)
    names.set(item.source, source?.name ?? '')
  }
  return names
}

type Tally = {
  source: string
  hour: string
  received: number
  accepted: number
  duplicates: number
  quarantined: number
}

async function count(tx: Database, items: Item[], sorted: Sorted): Promise<void> {
  const tallies = new Map<string, Tally>()
  const latest = new Map<string, { source: string; at: string; received: string }>()
  const tallyOf = (item: Item): Tally => {
    const hour = Math.floor(item.receivedAt / 3_600_000)
    const key = `${item.source}${hour}`
    let tally = tallies.get(key)
    if (!tally) {
      tally = {
        source: item.source,
        hour: new Date(hour * 3_600_000).toISOString(),
        received: 0,
        accepted: 0,
        duplicates: 0,
        quarantined: 0,
      }
      tallies.set(key, tally)
    }
    return tally
  }
  for (const item of items) tallyOf(item).received++
  for (const item of sorted.fresh) {
    tallyOf(item).accepted++
    const event = eventOf(item)
    const known = latest.get(item.source)
    if (!known || event.at > known.at)
      latest.set(item.source, { source: item.source, at: event.at, received: event.receivedAt })
  }
  for (const item of sorted.repeats) tallyOf(item).duplicates++
  for (const item of sorted.bad) tallyOf(item).quarantined++
  if (tallies.size === 0) return
  await tx.run`
    insert into ingest.counter as counter (source, hour, received, accepted, duplicates, quarantined)
    select source, hour, received, accepted, duplicates, quarantined
    from jsonb_to_recordset(${tx.json([...tallies.values()])})
      as tally(source uuid, hour timestamptz, received bigint, accepted bigint, duplicates bigint, quarantined bigint)
    on conflict (source, hour) do update set
      received = counter.received + excluded.received, accepted = counter.accepted + excluded.accepted,
      duplicates = counter.duplicates + excluded.duplicates, quarantined = counter.quarantined + excluded.quarantined`
  if (latest.size === 0) return
  await tx.run`
    update ingest.source set
      last_event_at = greatest(last_event_at, latest.at), last_received_at = greatest(last_received_at, latest.received)
    from jsonb_to_recordset(${tx.json([...latest.values()])}) as latest(source uuid, at timestamptz, received timestamptz)
    where source.id = latest.source`
}
