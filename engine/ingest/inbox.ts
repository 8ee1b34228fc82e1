import type { SourceId } from '@einklang/contract'
import { alarm, type Clock, type Database, fault, type Log, type Loop, Outage } from '@einklang/platform'
import type { Applier } from './applier.ts'
import { type InboxRequest, unpackRequests } from './frame.ts'
import { inboxChannel } from './group-commit.ts'
import type { Item } from './item.ts'
import { itemsOf as dialectItems } from './normal.ts'
import { normalItems, ownItems } from './own.ts'
import type { Sources } from './source.ts'

/**
 * Bytes of requests that are applied together: some thousand events. More save little by then, and what lives as long as a
 * batch is copied again and again by the garbage collector: each MiB more is 75 MB more memory.
 */
const batchBytes = 2 * 1024 * 1024
const batchRows = 400
/** A batch of few items costs nearly as much as one of many: under steady load small ones wait this long for more, ms. */
const gatherFor = 200
const fewItems = 1_000
/** Batches within a second that count as steady load. */
const steady = 4
const triesBeforeCare = 3
const deathsOfPoison = 3
const inboxLock = 731_406_203

type Row = { seq: number; day: string; size: number; bytes: Buffer }
type Prepared = { seqs: number[]; days: string[]; items: Item[]; keys: Set<string> }

/**
 * Takes what was acknowledged, in order, through all stages. While the database works on one batch the next one is
 * read and parsed. Safe to kill anywhere: the mark that a row is applied commits with all effects.
 */
export function inboxLoop(needs: {
  database: Database
  clock: Clock
  log: Log
  sources: Sources
  applier: Applier
}): Loop {
  let next: Promise<Prepared | null> | null = null

  const prepare = async (without: number[], rows: number): Promise<Prepared | null> => {
    const waiting = await claimable(needs.database, without, rows)
    if (waiting.length === 0) return null
    fault('ingest.after-claim')
    const prepared: Prepared = {
      seqs: [],
      days: [...new Set(waiting.map((row) => row.day))],
      items: [],
      keys: new Set(),
    }
    for (const row of waiting) {
      prepared.seqs.push(row.seq)
      await itemsOf(needs.sources, row, prepared)
      // Parsing thousands of events must not hold up the door in the same process.
      await new Promise((done) => setImmediate(done))
    }
    return prepared
  }

  /** When a key was last noted as used, ms. */
  const noted = new Map<string, number>()
  /** The world failed, not the rows: the next try is a first one. */
  let forgive = false

  /** When the last batches ended, ms; the newest last. */
  const ends: number[] = []

  /** Nothing waits where little comes; where batch follows batch, a small one gathers what comes meanwhile. */
  const gathered = async (current: Prepared): Promise<Prepared> => {
    const now = performance.now()
    const open = gatherFor - (now - (ends.at(-1) ?? -gatherFor))
    if (current.items.length >= fewItems || open <= 0 || ends.length < steady || now - (ends[0] ?? 0) > 1_000)
      return current
    await new Promise<void>((done) => void alarm(open, done))
    const more = await prepare(current.seqs, batchRows)
    if (!more) return current
    for (const item of more.items) current.items.push(item)
    for (const key of more.keys) current.keys.add(key)
    return {
      ...current,
      seqs: [...current.seqs, ...more.seqs],
      days: [...new Set([...current.days, ...more.days])],
    }
  }

  const work = async (current: Prepared): Promise<'busy' | 'idle'> => {
    next = prepare(current.seqs, batchRows)
    // A failed look-ahead only costs the look-ahead.
    next.catch(() => undefined)
    let result = await settleOrSearch(needs, current, noted, forgive)
    forgive = false
    if (result === 'care') result = (await careful(needs, prepare)) ? 'done' : 'other'
    if (result === 'done') return 'busy'
    next = null
    return 'idle'
  }

  return {
    name: 'ingest.inbox',
    pauseMs: 250,
    wake: inboxChannel,
    apart: true,
    async turn() {
      const ahead = next
      next = null
      const first = (ahead ? await ahead : null) ?? (await prepare([], batchRows))
      if (!first) return 'idle'
      try {
        await needs.applier.prepare()
        const state = await work(await gathered(first))
        ends.push(performance.now())
        if (ends.length > steady) ends.shift()
        return state
      } catch (error) {
        next = null
        forgive = error instanceof Outage
        throw error
      }
    },
  }
}

function claimable(database: Database, without: number[], rows: number): Promise<Row[]> {
  return database.rows<Row>`
    select seq, day::text as day, size, bytes from (
      select seq, day, size, bytes, sum(size) over (order by seq) as upto from (
        select seq, day, size, bytes from ingest.inbox
        where batch is null and seq <> all(${without}::bigint[]) order by seq limit ${rows}) as first) as row
    where upto - size < ${batchBytes} order by seq`
}

async function itemsOf(sources: Sources, row: Row, into: Prepared): Promise<void> {
  let index = 0
  for (const request of unpackRequests(row.bytes)) {
    fault('ingest.mid-parse')
    const items = await adapt(sources, request, row.seq, index)
    if (request.key) into.keys.add(request.key)
    for (const item of items) into.items.push(item)
    index += items.length
  }
}

/** The adapter of the dialect; a source that has vanished keeps its events under its id. */
export async function adapt(sources: Sources, request: InboxRequest, row: number, first: number): Promise<Item[]> {
  const source = await sources.byId(request.source as SourceId)
  if (!source) return []
  if (request.call === 'own') return ownItems(request, source, row, first)
  return request.call === 'normal' ? normalItems(request, source) : dialectItems(request, source, row, first)
}

type SettleNeeds = { database: Database; clock: Clock; applier: Applier; log: Log }

/** `other`: another worker has these rows. `care`: a worker has ended here before. */
type Settled = 'done' | 'other' | 'care'

async function settleOrSearch(
  needs: SettleNeeds,
  prepared: Prepared,
  noted: Map<string, number>,
  forgive: boolean,
): Promise<Settled> {
  try {
    return await settle(needs, prepared, noted, { careful: false, forgive })
  } catch (error) {
    if (error instanceof Outage) throw error
    needs.log.warn('A batch failed; looking for the item', { error: String(error), items: prepared.items.length })
    return settle(needs, prepared, noted, { careful: true, forgive: true })
  }
}

async function settle(
  needs: SettleNeeds,
  prepared: Prepared,
  noted: Map<string, number>,
  how: { careful: boolean; forgive: boolean },
): Promise<Settled> {
  let batch = 0
  const result = await needs.database.transaction(async (tx): Promise<Settled> => {
    const lock = await tx.row<{ got: boolean }>`select pg_try_advisory_xact_lock(${inboxLock}) as got`
    if (!lock?.got) return 'other'
    const attempt = await noteAttempt(needs.database, prepared.seqs[0] as number, how.forgive)
    if (attempt.tries > triesBeforeCare) return 'care'
    batch = await needs.applier.begin(tx)
    if (!(await mark(tx, prepared, batch))) return 'other'
    await needs.applier.apply(tx, batch, prepared.items, { careful: how.careful })
    await noteKeys(needs, tx, prepared.keys, noted)
    fault('ingest.before-state-commit')
    return 'done'
  })
  fault('ingest.after-state-commit')
  if (result === 'done') needs.applier.committed(batch)
  return result
}

/** False = some of the rows are applied already; the transaction has then changed nothing that matters. */
async function mark(tx: Database, prepared: Prepared, batch: number): Promise<boolean> {
  const open = await tx.row<{ count: number }>`
    select count(*)::int as count from ingest.inbox
    where day = any(${prepared.days}::date[]) and seq = any(${prepared.seqs}::bigint[]) and batch is null`
  if (open?.count !== prepared.seqs.length) return false
  await tx.run`
    update ingest.inbox set batch = ${batch}
    where day = any(${prepared.days}::date[]) and seq = any(${prepared.seqs}::bigint[])`
  return true
}

/** When a key was last used, to the minute. */
async function noteKeys(
  needs: SettleNeeds,
  tx: Database,
  keys: Set<string>,
  noted: Map<string, number>,
): Promise<void> {
  const now = needs.clock.now().getTime()
  const due = [...keys].filter((key) => Math.abs(now - (noted.get(key) ?? 0)) > 60_000)
  if (due.length === 0) return
  await tx.run`update ingest.key set last_used_at = ${new Date(now)} where id = any(${due}::uuid[])`
  for (const key of due) noted.set(key, now)
}

// --- items that kill --------------------------------------------------------------------------------------------------

type Attempt = { seq: number; tries: number; poison: number[] }

/** Counts how often the oldest rows were begun; kept outside the transaction so that it survives our death. */
async function noteAttempt(database: Database, seq: number, forgive: boolean): Promise<Attempt> {
  const row = await database.row<Attempt>`
    insert into ingest.attempt as attempt (seq, tries) values (${seq}, 1)
    on conflict (single) do update set
      seq = excluded.seq,
      tries = case when attempt.seq = excluded.seq and not ${forgive}::boolean then attempt.tries + 1 else 1 end,
      poison = case when attempt.seq <> excluded.seq then '{}'
        when attempt.item is null or ${forgive}::boolean then attempt.poison else attempt.poison || attempt.item end,
      item = null
    returning seq, tries, poison`
  return row ?? { seq, tries: 1, poison: [] }
}

/** One row, item by item, each announced before it is applied: what kills us is known afterwards by its number. */
async function careful(
  needs: SettleNeeds,
  prepare: (without: number[], rows: number) => Promise<Prepared | null>,
): Promise<boolean> {
  const one = await prepare([], 1)
  if (!one) return false
  const known = await needs.database.row<Attempt>`select seq, tries, poison from ingest.attempt`
  needs.log.warn('A worker ended at these rows before; applying item by item', {
    row: one.seqs[0],
    tries: known?.tries,
  })
  const place = new Map(one.items.map((item, index) => [item.id, index]))
  const deaths = known && known.seq === one.seqs[0] ? known.poison : []
  // Once may be chance (somebody stopped the machine); an item that is always there when the process ends is the cause.
  const diedAt = (index: number) => deaths.filter((item) => item === index).length
  const poison = new Set(one.items.filter((_, index) => diedAt(index) >= deathsOfPoison))
  let batch = 0
  const done = await needs.database.transaction(async (tx) => {
    batch = await needs.applier.begin(tx)
    if (!(await mark(tx, one, batch))) return false
    await needs.applier.apply(tx, batch, one.items, {
      poison,
      beforeItem: async (item) => {
        await needs.database.run`update ingest.attempt set item = ${place.get(item.id) ?? 0}`
      },
    })
    return true
  })
  await needs.database.run`update ingest.attempt set item = null, poison = '{}', tries = 0`
  if (done) needs.applier.committed(batch)
  return done
}
