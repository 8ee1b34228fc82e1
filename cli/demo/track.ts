import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { LiveFault } from '@einklang/world'

export type Tracking = {
  url: string
  key: string
  file: string
  /** Lines that were acknowledged before. */
  from: number
  acknowledged(lines: number): void
  signal: AbortSignal
}

const linesPerBatch = 500
const batchesInFlight = 3

/** Posts a file of tracking calls in batches, in order; what is refused for load is sent again as the server asks. */
export async function track(tracking: Tracking): Promise<void> {
  const lines = createInterface({ input: createReadStream(tracking.file), crlfDelay: Number.POSITIVE_INFINITY })
  const inFlight = new Set<Promise<void>>()
  let batch: string[] = []
  let read = 0
  const flush = async () => {
    if (batch.length === 0) return
    const body = `{"batch":[${batch.join(',')}],"sentAt":"${new Date().toISOString()}"}`
    const size = batch.length
    batch = []
    if (inFlight.size >= batchesInFlight) await Promise.race(inFlight)
    const sending: Promise<void> = postBatch(tracking, body)
      .then(() => tracking.acknowledged(size))
      .finally(() => inFlight.delete(sending))
    // Whoever awaits the set hears of a failure; nobody may be listening yet when it happens.
    sending.catch(() => undefined)
    inFlight.add(sending)
  }
  for await (const line of lines) {
    if (line === '' || read++ < tracking.from) continue
    batch.push(line)
    if (batch.length >= linesPerBatch) await flush()
    tracking.signal.throwIfAborted()
  }
  await flush()
  await Promise.all(inFlight)
}

export type Live = Tracking & {
  /** How many times as fast as it happened. */
  speed: number
  since: Date
  /** What goes wrong with a call on its way; null = everything comes once and at its time. */
  faultOf: ((messageId: string, at: number) => LiveFault) | null
}

type Call = { index: number; text: string; times: number }

/** Sends the rows of a file at the time they carry, `speed` times as fast, until it ends or the signal fires. */
export async function replayLive(live: Live): Promise<void> {
  const lines = createInterface({ input: createReadStream(live.file), crlfDelay: Number.POSITIVE_INFINITY })
  const begin = Date.now()
  const delivered = new Prefix(live.from)
  /** Calls that are late, by the moment at which they come. */
  let held: { due: number; call: Call }[] = []
  let since = live.since.getTime()
  let index = 0

  const comeUpTo = async (moment: number) => {
    const due = held.filter((one) => one.due <= moment).sort((one, other) => one.due - other.due)
    held = held.filter((one) => one.due > moment)
    for (const one of due) await deliver(one.due, one.call)
  }
  const deliver = async (due: number, call: Call) => {
    const wait = due - Date.now()
    if (wait > 0) await pause(wait, undefined, { signal: live.signal })
    live.signal.throwIfAborted()
    for (let time = 0; time < call.times; time++) await postBatch(live, `{"batch":[${call.text}]}`)
    live.acknowledged(delivered.add(call.index))
  }

  for await (const line of lines) {
    if (line === '') continue
    const given = JSON.parse(line) as { timestamp: string; messageId: string }
    const at = Date.parse(given.timestamp)
    if (index++ < live.from) {
      since = at
      continue
    }
    // With a speed above one the row comes from the future: it happens now.
    const happens = begin + (at - since) / live.speed
    const fault = live.faultOf?.(given.messageId, at) ?? null
    const text = JSON.stringify({ ...given, timestamp: new Date(happens).toISOString() })
    const call = { index: index - 1, text, times: fault?.twice ? 2 : 1 }
    await comeUpTo(happens)
    if (fault && fault.lateMs > 0) held.push({ due: happens + fault.lateMs / live.speed, call })
    else await deliver(happens, call)
  }
  await comeUpTo(Number.POSITIVE_INFINITY)
}

/** Calls are acknowledged in any order; a later start goes on behind the first gap. */
class Prefix {
  #next: number
  readonly #ahead = new Set<number>()

  constructor(from: number) {
    this.#next = from
  }

  /** By how many the part without a gap grew. */
  add(index: number): number {
    this.#ahead.add(index)
    const before = this.#next
    while (this.#ahead.delete(this.#next)) this.#next++
    return this.#next - before
  }
}

async function postBatch({ url, key, signal }: Pick<Tracking, 'url' | 'key' | 'signal'>, body: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/v1/batch`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${key}:`)}`, 'content-type': 'application/json' },
      body,
      signal,
    })
    if (answer.ok) {
      await answer.arrayBuffer()
      return
    }
    if (answer.status !== 429 && answer.status !== 503) {
      throw new Error(`The server refused tracking calls with ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
    }
    await pause(Number(answer.headers.get('retry-after') ?? 1) * 1000, undefined, { signal })
  }
}
