import type { Json } from '@einklang/contract'
import type { Database, Listen } from './database.ts'
import { assert } from './failure.ts'
import type { Log } from './log.ts'

/**
 * Small hints for live screens, over all processes (PostgreSQL notify): a topic such as `ingest.events` and a
 * payload below 7 kB. Delivered at most once; screens refetch what matters.
 */
export type Live = {
  publish(topic: string, payload: Json): void
  subscribe(topics: string[], heard: (topic: string, payload: Json) => void): () => void
}

type Hint = { topic: string; payload: Json }

/** Live hints over PostgreSQL notify, so that a worker's change reaches the screens of every API process. */
export type OpenLive = Live & { close(): Promise<void> }

const channel = 'einklang_live'

export async function createLive(needs: { database: Database; listen: Listen; log: Log }): Promise<OpenLive> {
  const hearers = new Set<{ topics: Set<string>; heard: (topic: string, payload: Json) => void }>()
  const tell = ({ topic, payload }: Hint) => {
    for (const hearer of hearers) if (hearer.topics.has(topic)) hearer.heard(topic, payload)
  }
  const stop = await needs.listen(channel, (text) => {
    for (const hint of JSON.parse(text) as Hint[]) tell(hint)
  })
  // Hints of one moment travel together: an import must not notify once per event.
  let pending = new Map<string, Hint>()
  let timer: NodeJS.Timeout | null = null
  const flush = async () => {
    timer = null
    const hints = [...pending.values()]
    pending = new Map()
    for (const group of grouped(hints)) {
      try {
        await needs.database.notify(channel, JSON.stringify(group))
      } catch (error) {
        needs.log.debug('Live hints were not sent; screens refetch by themselves.', { error })
      }
    }
  }
  return {
    publish(topic, payload) {
      const text = JSON.stringify(payload)
      assert(Buffer.byteLength(text) < 7000, `the live hint ${topic} is larger than 7 kB`)
      if (pending.size < 1000) pending.set(`${topic}\0${text}`, { topic, payload })
      timer ??= setTimeout(flush, 50).unref()
    },
    subscribe(topics, heard) {
      const hearer = { topics: new Set(topics), heard }
      hearers.add(hearer)
      return () => hearers.delete(hearer)
    },
    async close() {
      if (timer) clearTimeout(timer)
      hearers.clear()
      await stop()
    },
  }
}

/** PostgreSQL carries at most 8,000 bytes per notification. */
function grouped(hints: Hint[]): Hint[][] {
  const groups: Hint[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const hint of hints) {
    const bytes = Buffer.byteLength(JSON.stringify(hint)) + 1
    if (size + bytes > 7500) {
      groups.push([])
      size = 2
    }
    groups.at(-1)?.push(hint)
    size += bytes
  }
  return groups
}
