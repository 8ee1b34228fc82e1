import { type Clock, type Database, fault, type Metrics, Outage } from '@einklang/platform'
import { createAdmission, type Expected } from './admission.ts'
import { type InboxRequest, packRequests } from './frame.ts'

const groupLimit = 4 * 1024 * 1024
/** Small groups wait for the commit on its way and grow meanwhile; a large one is packed while another is written. */
const parallelFrom = 256 * 1024
const parallelCommits = 2

/** Channel that wakes the workers. */
export const inboxChannel = 'ingest_inbox'

export type GroupCommit = {
  /**
   * A place for a body of so many bytes, or null: come back later. Asked before it is read and parsed, which costs more than
   * all the rest.
   */
  expect(bytes: number | null): Expected | null
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
  /** How much no commit has taken yet. */
  let waitingBytes = 0
  const admission = createAdmission({ now: () => performance.now(), afterTurn: (work) => void setImmediate(work) })
  let commits = 0
  let scheduled = false
  const days = new Set<string>()
  const size = needs.metrics.histogram('einklang_inbox_commit_seconds', 'Time of one group commit to the inbox')
  const requests = needs.metrics.counter('einklang_inbox_requests_total', 'Requests committed to the inbox')

  const mayBegin = () => commits === 0 || (commits < parallelCommits && waitingBytes >= parallelFrom)

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
    let waited: number | null = null
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
      const now = performance.now()
      size.observe((now - started) / 1000)
      waited = now - (group[0]?.since ?? now)
    } catch (error) {
      for (const one of group) one.failed(error)
    } finally {
      commits--
      admission.leave(
        group.reduce((sum, one) => sum + one.request.body.length, 0),
        waited,
      )
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
    expect: admission.expect,
    commit(request) {
      if (!admission.take(request.body.length)) return Promise.resolve('full')
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
  const { bytes, size } = packRequests(requests)
  const rows = await needs.database.rows<{ seq: number }>`
    with put as (
      insert into ingest.inbox (day, received_at, requests, size, bytes)
      values (${day}::date, ${now}, ${requests.length}, ${size}, ${bytes}) returning seq)
    select seq, pg_notify(${inboxChannel}, '') is null as told from put`
  if (rows.length !== 1) throw new Outage('The inbox did not take the row')
}
