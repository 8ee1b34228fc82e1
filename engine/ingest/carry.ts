import { hash } from 'node:crypto'
import { type Database, fault, type History, jsonLines, type Loop } from '@einklang/platform'
import { unsqueeze } from './frame.ts'
import { type HistoryRow, historyChannel, splitAside } from './history.ts'

/** So many rows are worth an insert: few cost nearly as much, and every insert leaves a part that is merged again. */
const worthwhile = 20_000
/** Packed; what is unpacked for one insert stays below some 40 MB. */
const mostBytes = 4 * 1024 * 1024
const mostBatches = 400
/** Under load the next insert waits this long for more rows, ms. */
const gatherFor = 2_000
/** Rows and inserts within that time that count as load: few rows are shown at once. */
const loadRows = 500
const loadInserts = 3

// Any constant does; every process takes the same one.
const carryLock = 731_406_204

/** `now` in ms, from any beginning. */
type Needs = { database: Database; history: History; now: () => number }

/**
 * Carries applied batches to ClickHouse in order, those that wait together as one insert. Which ones go together is committed
 * before; the token makes a repeat after a crash a no-op: same batches, same bytes. While ClickHouse is away truth goes on
 * and the batches wait here.
 */
export function createCarrier(needs: Needs): { loop: Loop; carryAll(): Promise<void> } {
  /** The last inserts, newest last. */
  let lately: { at: number; rows: number }[] = []

  const carryOne = async (patient: boolean): Promise<boolean> => {
    const waiting = await waitingBatches(needs.database)
    const open = waiting.find(({ carried }) => carried !== null)
    if (waiting.length === 0 || (!open && patient && gathering(waiting))) return false
    const group = open?.carried ?? (await claim(needs.database, waiting))
    const rows = await needs.database.transaction((tx) => carryGroup(tx, needs.history, group))
    lately = [...lately, { at: needs.now(), rows }].slice(-loadInserts)
    return true
  }

  const gathering = (waiting: Waiting[]): boolean => {
    const now = needs.now()
    const recent = lately.filter(({ at }) => now - at < gatherFor)
    const loaded = recent.length === loadInserts || recent.some(({ rows }) => rows >= loadRows)
    return loaded && sum(recent) + sum(waiting) >= loadRows && together(waiting).length === waiting.length
  }

  return {
    loop: {
      name: 'ingest.history',
      pauseMs: 1_000,
      wake: historyChannel,
      turn: async () => ((await carryOne(true)) ? 'busy' : 'idle'),
    },
    async carryAll() {
      while (await carryOne(false));
    },
  }
}

/** Ends what another process may have begun; until the caller's transaction is over nobody begins anew. */
export async function endCarrying(tx: Database, history: History): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(${carryLock})`
  const open = await tx.rows<{ carried: number }>`
    select distinct carried from ingest.batch where history_at is null and carried is not null order by carried`
  for (const { carried } of open) await carryGroup(tx, history, carried)
}

type Waiting = { id: number; rows: number; size: number; carried: number | null }

function waitingBatches(database: Database): Promise<Waiting[]> {
  return database.rows<Waiting>`
    select id, events as rows, coalesce(octet_length(rows), 0) as size, carried
    from ingest.batch where history_at is null order by id limit ${mostBatches}`
}

function sum(counted: { rows: number }[]): number {
  return counted.reduce((all, { rows }) => all + rows, 0)
}

/** The first ones that are worth an insert together, or all. */
function together(waiting: Waiting[]): Waiting[] {
  let [rows, size] = [0, 0]
  const end = waiting.findIndex((one) => {
    const full = rows >= worthwhile || (size > 0 && size + one.size > mostBytes)
    rows += one.rows
    size += one.size
    return full
  })
  return end < 0 ? waiting : waiting.slice(0, end)
}

async function claim(database: Database, waiting: Waiting[]): Promise<number> {
  const ids = together(waiting).map(({ id }) => id)
  const [group] = ids as [number, ...number[]]
  await database.run`
    update ingest.batch set carried = ${group} where id = any(${ids}::bigint[]) and history_at is null and carried is null`
  return group
}

/** One insert and its mark, one process at a time. Returns the rows. */
async function carryGroup(tx: Database, history: History, group: number): Promise<number> {
  await tx.run`select pg_advisory_xact_lock(${carryLock})`
  const batches = await tx.rows<{ id: number; token: string; events: number; rows: Buffer | null }>`
    select id, token, events, rows from ingest.batch where carried = ${group} and history_at is null order by id`
  if (batches.length === 0) return 0
  fault('ingest.mid-history-insert')
  const pieces = batches.flatMap(({ rows }) => (rows && rows.length > 0 ? [unsqueeze(rows), newline] : []))
  await insert(history, Buffer.concat(pieces), tokenFor(batches))
  fault('ingest.before-applied-mark')
  await tx.run`
    update ingest.batch set history_at = platform.now(), rows = null where carried = ${group} and history_at is null`
  return batches.reduce((all, { events }) => all + events, 0)
}

const newline = Buffer.from('\n')

/** What each batch holds stands in its own token. */
function tokenFor(batches: { id: number; token: string }[]): string {
  const [first, ...more] = batches
  if (!first || more.length === 0) return first?.token ?? ''
  return `${first.id}+${more.length}:${hash('sha256', batches.map(({ token }) => token).join(), 'hex')}`
}

async function insert(history: History, lines: Buffer, token: string): Promise<void> {
  const { events, aside } = splitAside(lines)
  if (events.length > 0) await history.insert('ingest.event', { lines: events }, token)
  if (aside.length === 0) return
  await history.insert('ingest.aside', { lines: jsonLines(aside.map(asideRow)) }, `${token}:aside`)
}

/** What `ingest.aside` has columns for. */
function asideRow(line: string): Partial<HistoryRow> {
  const row = JSON.parse(line) as HistoryRow
  const { at, id, source, source_name, kind, name, channel, received_at, properties, context, flags, findings } = row
  return {
    at,
    id,
    source,
    source_name,
    kind,
    name,
    channel,
    received_at,
    properties,
    context,
    flags,
    findings,
    batch: row.batch,
  }
}
