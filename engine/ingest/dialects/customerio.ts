import type { Json, JsonObject } from '@einklang/contract'
import { type Dialect, filled, type Heard, isObject, objectOr, type Route, type Said, textOr } from './dialect.ts'
import { mergeOf } from './rudderstack.ts'
import { againSegment, familyRoutes, hearSegment } from './segment.ts'

/** Customer.io: its data pipeline speaks Segment's calls, its Track API names the customer in the path. */
export const customerioDialect: Dialect = {
  name: 'customerio',
  roots: ['v1', 'api/v1'],
  routes(parts) {
    if (parts[0] === 'v1') return familyRoutes(parts)
    const [, , what, id, sub, token] = parts
    if (what === 'merge_customers' && parts.length === 3) return [take('POST', 'merge')]
    if (what === 'events' && parts.length === 3) return [take('POST', 'anonymous')]
    if (what === 'push' && id === 'events' && parts.length === 4) return [take('POST', 'receipt')]
    if (what !== 'customers' || id === undefined) return []
    const customer = decoded(id)
    if (parts.length === 4) return [take('PUT', 'customer', [customer]), take('DELETE', 'erase', [customer], 'empty')]
    if (parts.length === 5 && sub === 'events') return [take('POST', 'event', [customer])]
    if (parts.length === 5 && sub === 'devices') return [take('PUT', 'device', [customer])]
    if (parts.length === 6 && sub === 'devices')
      return [take('DELETE', 'undevice', [customer, decoded(token ?? '')], 'empty')]
    if (parts.length === 5 && sub === 'suppress') return [take('POST', 'suppress', [customer], 'empty')]
    return parts.length === 5 && sub === 'unsuppress' ? [take('POST', 'unsuppress', [customer], 'empty')] : []
  },
  hear(heard) {
    const hear = trackCalls[heard.facts.call]
    return hear ? { said: hear(heard) } : hearSegment(heard)
  },
  again: againSegment,
}

function take(method: 'POST' | 'PUT' | 'DELETE', call: string, params: string[] = [], body?: 'empty'): Route {
  return { kind: 'take', method, call, params, ...(body ? { body } : {}), answer: () => ({ status: 200, body: {} }) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).replaceAll('\0', '')
  } catch {
    return text
  }
}

const trackCalls: { [call: string]: (heard: Heard) => Said[] } = {
  customer: customerSaid,
  event: (heard) => [eventSaid(heard, customerIds(heard.facts.params?.[0] ?? ''))],
  anonymous: (heard) => [eventSaid(heard, { anonymousId: objectOr(heard.document)?.anonymous_id })],
  device: deviceSaid,
  undevice({ document, facts }) {
    const [id = '', token = ''] = facts.params ?? []
    return [track(document, id, 'Push Token Removed', { push_token: token })]
  },
  receipt: receiptSaid,
  merge({ document, facts }) {
    const whole = objectOr(document) ?? {}
    const names = [whole.primary, whole.secondary].filter(isObject).flatMap(nameIn)
    return [mergeOf(document, facts.trust, names, whole)]
  },
  suppress: ({ document, facts }) => [grave(document, facts.params?.[0] ?? '', facts.trust, 'suppress')],
  unsuppress: ({ document, facts }) => [review(document, facts.params?.[0] ?? '', 'review_lift')],
  erase: ({ document, facts }) => [review(document, facts.params?.[0] ?? '', 'review_erase')],
}

/** The path names a customer by number or by e-mail address. */
function customerIds(id: string): JsonObject {
  return id.includes('@') ? { context: { traits: { email: id } } } : { userId: id }
}

function nameIn(name: JsonObject): { type: string; id: Json | undefined }[] {
  if (name.email !== undefined) return [{ type: 'email', id: name.email }]
  const id = name.id ?? name.cio_id
  return id === undefined ? [] : [{ type: 'user_id', id }]
}

/** Attributes of a customer; what they say about permission is said a second time, as a statement. */
function customerSaid({ document, facts }: Heard): Said[] {
  const id = facts.params?.[0] ?? ''
  const { unsubscribed, cio_subscription_preferences: preferences, ...attributes } = objectOr(document) ?? {}
  const traits = filled({ ...attributes, ...(id.includes('@') ? { email: attributes.email ?? id } : {}) })
  const item = filled({ ...customerIds(id), anonymousId: attributes.anonymous_id, traits })
  const said: Said[] = [{ given: document, item, kind: 'identify', nameless: true, part: 0 }]
  const email = textOr(attributes.email) ?? (id.includes('@') ? id : null)
  const leaving = (properties: JsonObject) =>
    said.push({ ...track(document, id, 'Unsubscribed', properties, email), part: said.length })
  // A yes without time and proof permits nothing; a no counts at once.
  if (unsubscribed === true || unsubscribed === 'true') leaving({ channel: 'email' })
  const topics = objectOr(objectOr(preferences)?.topics) ?? {}
  for (const [topic, wanted] of Object.entries(topics))
    if (wanted === false) leaving({ channel: 'email', topic: topic.replace(/^topic_/, '') })
  return said
}

function track(given: Json, id: string, event: string, properties: JsonObject, email: string | null = null): Said {
  const item: JsonObject = { ...customerIds(id), event, properties }
  if (email !== null) item.context = { traits: { email } }
  return { given, item, kind: 'track', nameless: true }
}

function eventSaid({ document }: Heard, ids: { [name: string]: Json | undefined }): Said {
  const whole = objectOr(document) ?? {}
  const kind = whole.type === 'page' ? 'page' : whole.type === 'screen' ? 'screen' : 'track'
  const data = objectOr(whole.data) ?? {}
  const item = filled({
    ...ids,
    messageId: whole.id,
    timestamp: whole.timestamp,
    [kind === 'track' ? 'event' : 'name']: whole.name,
    properties: kind === 'page' ? { url: whole.name ?? null, ...data } : data,
  })
  if (ids.anonymousId !== undefined && textOr(ids.anonymousId) === null) delete item.anonymousId
  const nameless = Object.hasOwn(ids, 'context')
  return { given: document, item, kind, ...(nameless ? { nameless } : {}) }
}

function deviceSaid({ document, facts }: Heard): Said[] {
  const device = objectOr(objectOr(document)?.device) ?? {}
  const ids = customerIds(facts.params?.[0] ?? '')
  const context = {
    ...objectOr(ids.context),
    device: filled({ token: device.id, type: device.platform, lastUsed: device.last_used }),
  }
  return [{ given: document, item: { ...ids, context }, kind: 'identify', nameless: true }]
}

const receipts: { [event: string]: string } = {
  delivered: 'message.delivered',
  opened: 'message.opened',
  clicked: 'message.clicked',
  converted: 'message.converted',
  bounced: 'message.bounced',
}

function receiptSaid({ document }: Heard): Said[] {
  const whole = objectOr(document) ?? {}
  const event = textOr(whole.event) ?? ''
  const item = filled({
    event: receipts[event] ?? event,
    timestamp: whole.timestamp,
    properties: filled({ message_id: whole.delivery_id, channel: 'push' }),
    context: { device: filled({ token: whole.device_id }) },
  })
  return [{ given: document, item, kind: 'track', nameless: true }]
}

/** Stopping all use of somebody is not for anyone who can read a web page. */
function grave(given: Json, id: string, trust: 'publishable' | 'secret', kind: 'suppress'): Said {
  const item = { ...customerIds(id) }
  if (trust === 'secret') return { given, item, kind, nameless: true }
  const message = 'A publishable key cannot suppress a person; use a secret key.'
  return { given, item, reason: { code: 'needs_review', path: '', message, word: 'publishable_suppress' } }
}

const reviews = {
  review_lift: 'Asks to lift a suppression; look at the ledger and lift it by hand.',
  review_erase: 'Asks to erase this customer; the data-protection officer decides.',
}

function review(given: Json, id: string, word: keyof typeof reviews): Said {
  return {
    given,
    item: { ...customerIds(id) },
    reason: { code: 'needs_review', path: '', message: `${id}: ${reviews[word]}`, word, values: { id } },
  }
}
