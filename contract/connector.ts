import type { Channel } from './channels.ts'
import type { MessageId } from './ids.ts'

/** The part of an `AbortSignal` that a connector may rely on. */
export type Cancel = { readonly aborted: boolean; addEventListener(type: 'abort', listener: () => void): void }

/**
 * What a provider guarantees about repeats (spec reliability §3): `K` honours an idempotency key,
 * `R` can be asked afterwards, `O` is opaque (SMTP after the final dot).
 */
export type ProviderClass = 'K' | 'R' | 'O'

/** A rendered message on its way out. `key` is the same for every attempt. */
export type Outbound = {
  message: MessageId
  key: string
  channel: Channel
  to: { address: string; name: string | null }
  from: { address: string; name: string }
  subject: string | null
  html: string | null
  text: string
  headers: { [name: string]: string }
}

/** What became of one hand-over. `unknown` is an honest answer: it may have arrived. */
export type HandOver =
  | { state: 'accepted'; providerId: string }
  | { state: 'refused'; reason: string; permanent: boolean }
  | { state: 'unknown'; evidence: string }

/** One outside channel. Every connector passes the shared conformance suite. */
export type Connector = {
  name: string
  channel: Channel
  class: ProviderClass
  handOver(outbound: Outbound, cancel: Cancel): Promise<HandOver>
  /** Class R: what became of an earlier hand-over with this key? */
  lookUp?(key: string, cancel: Cancel): Promise<HandOver | null>
  close?(): Promise<void>
}
