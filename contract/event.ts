import type { TouchChannel } from './channels.ts'
import type { EventId, PersonId, SourceId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** Classes of identifier namespaces (spec identity §3); a namespace belongs to exactly one. */
export type NamespaceClass = 'strong' | 'contact' | 'device' | 'transaction' | 'household'

/** `verified`: a secret key or a confirmed act vouches for it. `claimed`: anybody could have typed it. */
export type Trust = 'verified' | 'claimed'

export type Identifier = { namespace: string; value: string; trust: Trust }

export const eventKinds = [
  'identify',
  'track',
  'page',
  'screen',
  'group',
  'alias',
  'suppress',
  'delete',
  'consent',
] as const
export type EventKind = (typeof eventKinds)[number]

/** What a check may do: write a value beside the given one · pass with a remark · not use a field · let the item wait. */
export const findingActions = ['repair', 'flag', 'strip', 'quarantine'] as const
export type FindingAction = (typeof findingActions)[number]

/** What a check has found; `path` is dotted and names no index, `rule` is the version of the source's rule set. */
export type Finding = { code: string; path: string; rule: number; action: FindingAction; message: string }

/**
 * What every wire dialect and every importer produces (spec ingest-wire §4). Instants are ISO 8601 in UTC
 * with milliseconds. `at` is the corrected time that everything downstream uses.
 */
export type NormalEvent = {
  id: EventId
  source: SourceId
  /** The client's own id; the pair (source, messageId) is what de-duplication looks at. */
  messageId: string
  dialect: string
  library: string | null
  kind: EventKind
  /** Event name of a track, page or screen name, else null. */
  name: string | null
  /** Where it happened; ingest always sets it (from the item, else from the source). */
  channel?: TouchChannel
  at: string
  originalAt: string | null
  sentAt: string | null
  receivedAt: string
  identifiers: Identifier[]
  /** May this source join two known persons (secret key) or only attach (publishable key)? */
  mayJoin: boolean
  traits: JsonObject
  properties: JsonObject
  context: JsonObject
  /** null = unknown: changes nothing and grants nothing. */
  consent: { [purpose: string]: boolean } | null
  flags: string[]
  /** What the checks found; originals of repaired and stripped values stand in `context.given` and `context.stripped`. */
  findings?: Finding[]
  raw: { inbox: number; index: number }
}

/**
 * An event after identity: whose it is now. Facts are kept under `stored`, the id of the event's anchor, which
 * `identity.merged` resolves: when an identifier changes hands after an undo or a split, its facts follow by themselves.
 */
export type PersonEvent = NormalEvent & { person: PersonId; stored?: PersonId }

/** The id under which the facts of an event are kept. */
export function storedUnder(event: PersonEvent): PersonId {
  return event.stored ?? event.person
}

export type Merge = { winner: PersonId; loser: PersonId; at: string }

/**
 * One batch on its way through the stages, inside one transaction. Facts are stored under `event.person`
 * and never rewritten; derived rows are recomputed for `touched` (current persons, after merges).
 */
export type AppliedBatch = {
  events: PersonEvent[]
  merges: Merge[]
  touched: PersonId[]
  /** Events that name nobody (a receipt without a card): stored, counted, without a person. */
  unattributed?: NormalEvent[]
}

/** Reserved namespaces and their class, strongest first; the order is the merge priority. */
export const namespaces: { [name: string]: NamespaceClass } = {
  user_id: 'strong',
  customer_no: 'strong',
  loyalty_card: 'strong',
  email: 'contact',
  phone: 'contact',
  order_no: 'transaction',
  receipt_no: 'transaction',
  push_token: 'device',
  anonymous_id: 'device',
  click_id: 'device',
  group_id: 'household',
}
