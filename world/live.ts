import { createHash } from 'node:crypto'

/** What goes wrong with a call on its way: nothing is lost, but it comes twice, late, or with all others of its source. */
export type LiveFault = {
  /** Sent a second time, with the same id. */
  twice: boolean
  /** It arrives so much later than it happened. */
  lateMs: number
  kind: 'none' | 'twice' | 'out of order' | 'late batch' | 'source down'
}

/** The sources that speak in live mode. */
const sources = ['web', 'app']

const minute = 60_000
const hour = 60 * minute
const batchMs = 10 * minute
const downMs = 2 * hour

/**
 * The planted faults of live mode: 1 % come twice, 1 % out of order, 2 % of the ten minutes of a source arrive as one late batch,
 * and once a day one source is down for two hours. Only seed, source, message and instant decide, so that the truth names the same.
 */
export function liveFaultOf(seed: number, call: { source: string; messageId: string; at: number }): LiveFault {
  const today = Math.floor(call.at / (24 * hour))
  const down = sources[Math.floor(share(`${seed} down ${today}`) * sources.length)]
  const from = today * 24 * hour + (8 + Math.floor(share(`${seed} hour ${today}`) * 10)) * hour
  if (call.source === down && call.at >= from && call.at < from + downMs)
    return { kind: 'source down', twice: false, lateMs: from + downMs - call.at }
  const slot = Math.floor(call.at / batchMs)
  if (share(`${seed} batch ${call.source} ${slot}`) < 0.02)
    return { kind: 'late batch', twice: false, lateMs: (slot + 3) * batchMs - call.at }
  const luck = share(`${seed} call ${call.messageId}`)
  if (luck < 0.01) return { kind: 'twice', twice: true, lateMs: 0 }
  if (luck < 0.02) return { kind: 'out of order', twice: false, lateMs: 5_000 + ((luck - 0.01) / 0.01) * 55_000 }
  return { kind: 'none', twice: false, lateMs: 0 }
}

/** The same words always have the same share, 0–1. */
function share(words: string): number {
  return createHash('sha256').update(words).digest().readUInt32BE() / 2 ** 32
}
