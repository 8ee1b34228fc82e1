import type { EventKind, Identifier, JsonObject, NormalEvent, PersonId, TouchChannel } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { contentHash } from './content-hash.ts'
import { isObject } from './dialects/dialect.ts'
import type { InboxRequest } from './frame.ts'
import type { Item, SourceFacts } from './item.ts'
import { moneyOf } from './money.ts'
import { channelOf } from './normal.ts'
import type { Repair } from './quality/finding.ts'
import { mend } from './quality/mend.ts'

/** A fact that a later stage reports; it takes the path of every event, from the internal source. */
export type OwnEvent = {
  /** Unique for the fact, for example `${message}:opened:${at}`; a repeat changes nothing. */
  key: string
  name: string
  kind?: EventKind
  /** Whose it is; null = the identifiers decide. */
  person: PersonId | null
  identifiers?: Identifier[]
  at: Date | string
  channel?: TouchChannel
  properties: JsonObject
  traits?: JsonObject
  context?: JsonObject
  consent?: { [purpose: string]: boolean } | null
}

/** Namespace that names a person directly; only our own facts carry it. */
export const personNamespace = 'person'

export function ownItems(request: InboxRequest, source: SourceFacts, row: number, first: number): Item[] {
  const events = JSON.parse(request.body.toString('utf8')) as OwnEvent[]
  return events.map((own, index) => ownItem(own, request, source, { inbox: row, index: first + index }))
}

function ownItem(own: OwnEvent, request: InboxRequest, source: SourceFacts, raw: NormalEvent['raw']): Item {
  const at = new Date(own.at).toISOString()
  const identifiers = [...(own.identifiers ?? [])]
  if (own.person) identifiers.unshift({ namespace: personNamespace, value: own.person, trust: 'verified' })
  const context = own.context ?? {}
  const properties = { ...own.properties }
  const money = moneyOf(properties, own.name, source.currency)
  if (money.minor) properties.minor = money.minor
  const event: NormalEvent = {
    id: derivedId('event', source.id, own.key),
    source: source.id,
    messageId: own.key,
    dialect: 'own',
    library: null,
    kind: own.kind ?? 'track',
    name: own.name,
    channel: own.channel ?? channelOf(properties, context, source.channel, own.name),
    at,
    originalAt: at,
    sentAt: null,
    receivedAt: new Date(request.receivedAt).toISOString(),
    identifiers,
    mayJoin: true,
    traits: own.traits ?? {},
    properties,
    context,
    consent: own.consent ?? null,
    flags: [],
    raw,
  }
  return {
    id: event.id,
    source: source.id,
    content: contentHash(JSON.stringify(own)),
    receivedAt: request.receivedAt,
    event,
    reasons: [],
    raw: () => ({ payload: own, request: { call: 'own', receivedAt: request.receivedAt }, originalAt: at }),
  }
}

/** Events that are in normal form already: imported rows that come back out of quarantine. */
export function normalItems(request: InboxRequest, source: SourceFacts): Item[] {
  const events = JSON.parse(request.body.toString('utf8')) as NormalEvent[]
  return events.map((given) => {
    const event = withRepairs(given, [...(source.rules?.repairs ?? []), ...(request.repairs ?? [])], source)
    return {
      id: event.id,
      source: event.source,
      // Rows of imports are told apart by their ids alone.
      content: 0,
      receivedAt: request.receivedAt,
      event,
      reasons: [],
      raw: () => ({
        payload: given as unknown as JsonObject,
        request: { call: 'normal' },
        originalAt: given.originalAt,
      }),
    }
  })
}

/** Repairs of a source on an event in normal form, money read anew from what was repaired. */
export function withRepairs(event: NormalEvent, repairs: Repair[], source: SourceFacts): NormalEvent {
  if (repairs.length === 0) return event
  const { name, ...rest } = event
  const mended = mend({ ...rest, event: name } as unknown as JsonObject, repairs, source.rules?.version ?? 0)
  if (mended.findings.length === 0) return event
  const { event: called, ...fields } = mended.item
  const next = { ...fields, name: called } as unknown as NormalEvent
  const properties = { ...next.properties }
  const money = moneyOf(properties, next.name, source.currency)
  if (money.minor) properties.minor = money.minor
  const given = { ...(isObject(event.context.given) ? event.context.given : {}), ...mended.given }
  return { ...next, properties, context: { ...next.context, given }, findings: mended.findings }
}
