import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

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

/** Sends the rows of a file at the time they carry, `speed` times as fast, until it ends or the signal fires. */
export async function replayLive(tracking: Tracking & { speed: number; since: Date }): Promise<void> {
  const lines = createInterface({ input: createReadStream(tracking.file), crlfDelay: Number.POSITIVE_INFINITY })
  const begin = Date.now()
  let since = tracking.since.getTime()
  let read = 0
  for await (const line of lines) {
    if (line === '') continue
    const at = Date.parse((JSON.parse(line) as { timestamp: string }).timestamp)
    if (read++ < tracking.from) {
      since = at
      continue
    }
    const due = begin + (at - since) / tracking.speed
    const wait = due - Date.now()
    // With a speed above one the row comes from the future: it happens now.
    if (wait > 0) await pause(wait, undefined, { signal: tracking.signal })
    tracking.signal.throwIfAborted()
    const now = JSON.stringify({ ...(JSON.parse(line) as object), timestamp: new Date().toISOString() })
    await postBatch(tracking, `{"batch":[${now}]}`)
    tracking.acknowledged(1)
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
