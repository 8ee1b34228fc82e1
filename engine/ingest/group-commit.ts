import { type Clock, type Database, fault, type Metrics, Outage } from '@einklang/platform'
import { type InboxRequest, packRequests } from './frame.ts'

/** How much may wait or be on its way to the disk; beyond it callers are told to come back. */
const inFlightLimit = 64 * 1024 * 1024
/**
 * Milliseconds for which callers wait behind a queue of more than a group: whoever comes later would only wait longer.
 * A disk that hesitates with little waiting is waited for; some senders never try again.
 */
const patience = 1000
const groupLimit = 4 * 1024 * 1024
/** Small groups wait for the commit on its way and grow meanwhile; a large one is packed while another is written. */
const parallelFrom = 256 * 1024
const parallelCommits = 2

/** Channel that wakes the workers. */
export const inboxChannel = 'ingest_inbox'

export type GroupCommit = {
  /** Whoever comes now would be refused: asked before a body is read and parsed, which costs more than all the rest. */
  full(): boolean
  /** Resolves when the request is durable; `full` = nothing stored, come back later. */
  commit(request: InboxRequest): Promise<'durable' | 'full'>
}

type Waiting = {
  request: InboxRequest
  since: number
  done: (result: 'durable') => void
  failed: (error: unknown) => void
}

/**
 * Requests that arrive while the disk is busy become one row of the inbox, committed together. Under load the
 * group grows by itself: no timer, no waiting when idle.
 */
export function createGroupCommit(needs: { database: Database; clock: Clock; metrics: Metrics }): GroupCommit {
  let waiting: Waiting[] = []
  let inFlight = 0
  /** Of what is in flight, how much no commit has taken yet. */
  let waitingBytes = 0
  let commits = 0
  let scheduled = false
  const days = new Set<string>()
  const size = needs.metrics.histogram('einklang_inbox_commit_seconds', 'Time of one group commit to the inbox')
  const requests = needs.metrics.counter('einklang_inbox_requests_total', 'Requests committed to the inbox')

  const mayBegin = () => commits === 0 || (commits < parallelCommits && waitingBytes >= parallelFrom)

  const late = () =>
    waitingBytes > groupLimit && performance.now() - (waiting[0]?.since ?? Number.POSITIVE_INFINITY) > patience

  const schedule = () => {
    if (scheduled || waiting.length === 0 || !mayBegin()) return
    scheduled = true
    // One turn of the event loop collects what the sockets have ready.
    setImmediate(() => {
      scheduled = false
      void flush()
    })
  }

  const flush = async () => {
    if (!mayBegin()) return
    const group = nextGroup()
    if (group.length === 0) return
    commits++
    const started = performance.now()
    try {
      fault('ingest.before-commit')
      await write(
        needs,
        days,
        group.map((one) => one.request),
      )
      fault('ingest.after-commit')
      for (const one of group) one.done('durable')
      requests.add(group.length)
      size.observe((performance.now() - started) / 1000)
    } catch (error) {
      for (const one of group) one.failed(error)
    } finally {
      commits--
      for (const one of group) inFlight -= one.request.body.length
      schedule()
    }
  }

  const nextGroup = (): Waiting[] => {
    let bytes = 0
    let count = 0
    while (count < waiting.length && (count === 0 || bytes < groupLimit)) {
      bytes += waiting[count]?.request.body.length ?? 0
      count++
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    waitingBytes -= bytes
    return group
  }

  return {
    full: () => inFlight >= inFlightLimit || late(),
    commit(request) {
      if (inFlight + request.body.length > inFlightLimit || late()) return Promise.resolve('full')
      inFlight += request.body.length
      waitingBytes += request.body.length
      return new Promise((done, failed) => {
        waiting.push({ request, since: performance.now(), done, failed })
        schedule()
      })
    },
  }
}

async function write(
  needs: { database: Database; clock: Clock },
  days: Set<string>,
  requests: InboxRequest[],
): Promise<void> {
  const now = needs.clock.now()
  const day = now.toISOString().slice(0, 10)
  if (!days.has(day)) {
    await needs.database.run`select ingest.open_day(${day}::date)`
    days.add(day)
  }
  const { bytes, size } = await packRequests(requests)
  const rows = await needs.database.rows<{ seq: number }>`
    with put as (
      insert into ingest.inbox (day, received_at, requests, size, bytes)
      values (${day}::date, ${now}, ${requests.length}, ${size}, ${bytes}) returning seq)
    select seq, pg_notify(${inboxChannel}, '') is null as told from put`
  if (rows.length !== 1) throw new Outage('The inbox did not take the row')
}
