import { hash } from 'node:crypto'
import type { Json, JsonObject } from '@einklang/contract'
import { type Dialect, filled, type Heard, isObject, objectOr, type Route, type Said, textOr } from './dialect.ts'

/** Klaviyo's JSON:API: events, profiles, and the jobs that subscribe and unsubscribe. Any revision is taken. */
export const klaviyoDialect: Dialect = {
  name: 'klaviyo',
  roots: [
    'api/events',
    'api/event-bulk-create-jobs',
    'api/profile-import',
    'api/profile-subscription-bulk-create-jobs',
    'api/profile-subscription-bulk-delete-jobs',
  ],
  routes(parts) {
    if (parts.length !== 2) return []
    const call = calls[parts[1] ?? '']
    if (call === undefined) return []
    const answer: Route = {
      kind: 'take',
      method: 'POST',
      call,
      heads: (name) => name === 'revision',
      fault: (document) =>
        isObject(document) && isObject(document.data) ? null : { message: '“data” must be an object.', at: 'data' },
      answer: (document) =>
        call === 'profile' ? { status: 201, body: profileAnswer(document) } : { status: 202, body: null },
    }
    return [answer]
  },
  hear(heard) {
    const { call } = heard.facts
    if (call === 'profile') return { said: [profileSaid(heard.document)] }
    if (call === 'events') return { said: inside(heard.document, 'events-bulk-create').flatMap(bulkSaid) }
    if (call === 'subscribe' || call === 'unsubscribe') {
      return { said: inside(heard.document, 'profiles').map((one) => subscriptionSaid(one, heard, call)) }
    }
    return { said: [eventSaid(heard.document, objectOr(objectOr(heard.document)?.data))] }
  },
  again: againKlaviyo,
}

const calls: { [part: string]: string } = {
  events: 'event',
  'event-bulk-create-jobs': 'events',
  'profile-import': 'profile',
  'profile-subscription-bulk-create-jobs': 'subscribe',
  'profile-subscription-bulk-delete-jobs': 'unsubscribe',
}

function attributesOf(value: Json | undefined): JsonObject {
  const whole = objectOr(value)
  return objectOr(objectOr(whole?.data)?.attributes) ?? objectOr(whole?.attributes) ?? {}
}

function inside(document: Json, list: string): Json[] {
  const data = objectOr(attributesOf(document)[list])?.data
  return Array.isArray(data) ? data : []
}

function againKlaviyo(given: Json, call: string): Json {
  if (call === 'events') return { data: { attributes: { 'events-bulk-create': { data: [given] } } } }
  if (call === 'subscribe' || call === 'unsubscribe') return { data: { attributes: { profiles: { data: [given] } } } }
  return given
}

function eventSaid(given: Json, data: JsonObject | null, profile?: JsonObject): Said {
  const attributes = objectOr(data?.attributes) ?? {}
  const metric = attributesOf(attributes.metric)
  const who = profile ?? attributesOf(attributes.profile)
  const value = attributes.value
  const item = filled({
    messageId: attributes.unique_id,
    timestamp: attributes.time,
    event: metric.name,
    properties: {
      ...objectOr(attributes.properties),
      ...(value === undefined || value === null ? {} : { value }),
      ...(typeof attributes.value_currency === 'string' ? { currency: attributes.value_currency } : {}),
    },
    ...idsOf(who),
    context: { traits: contactsOf(who) },
  })
  return { given, item, kind: 'track', nameless: true }
}

/** A bulk job groups events by profile; each is one thing said, and can be said again alone. */
function bulkSaid(group: Json): Said[] {
  const attributes = objectOr(objectOr(group)?.attributes) ?? {}
  const profile = attributesOf(attributes.profile)
  const events = objectOr(attributes.events)?.data
  return (Array.isArray(events) ? events : []).map((event) => {
    const given = { attributes: { profile: attributes.profile ?? null, events: { data: [event] } } }
    return eventSaid(given, objectOr(event), profile)
  })
}

function profileSaid(document: Json): Said {
  const data = objectOr(objectOr(document)?.data)
  const attributes = objectOr(data?.attributes) ?? {}
  const { properties, location, subscriptions: _, external_id: __, anonymous_id: ___, ...plain } = attributes
  const place = objectOr(location)
  const traits = filled({
    ...objectOr(properties),
    ...plain,
    ...contactsOf(attributes),
    city: place?.city,
    country: place?.country,
    postal_code: place?.zip,
    street: place?.address1,
  })
  return { given: document, item: filled({ ...idsOf(attributes), traits }), kind: 'identify', nameless: true }
}

/** A yes counts with its time and its proof, a no at once. */
function subscriptionSaid(given: Json, { document }: Heard, call: 'subscribe' | 'unsubscribe'): Said {
  const attributes = attributesOf(given)
  const subscriptions = objectOr(attributes.subscriptions) ?? {}
  const job = attributesOf(document)
  const ids = idsOf(attributes)
  const traits = contactsOf(attributes)
  if (call === 'unsubscribe') {
    const channel = objectOr(subscriptions.email) || !objectOr(subscriptions.sms) ? 'email' : 'sms'
    return {
      given,
      item: filled({ ...ids, event: 'Unsubscribed', properties: { channel }, context: { traits } }),
      kind: 'track',
      nameless: true,
    }
  }
  const marketing = (channel: string) => objectOr(objectOr(subscriptions[channel])?.marketing)
  const yes = (channel: string) => textOr(marketing(channel)?.consent)?.toUpperCase() === 'SUBSCRIBED'
  const item = filled({
    ...ids,
    traits: filled({
      ...traits,
      consent_email: yes('email') || null,
      consent_sms: yes('sms') || null,
      consent_at: marketing('email')?.consented_at ?? marketing('sms')?.consented_at ?? attributes.consented_at,
      consent_proof: job.custom_source,
    }),
  })
  return { given, item, kind: 'identify', nameless: true }
}

function idsOf(profile: JsonObject): JsonObject {
  return filled({ userId: textOr(profile.external_id), anonymousId: textOr(profile.anonymous_id) })
}

function contactsOf(profile: JsonObject): JsonObject {
  return filled({ email: profile.email, phone: profile.phone_number })
}

/** Clients read an id; ours follows from what names the profile, so that it stays the same. */
function profileAnswer(document: Json): JsonObject {
  const attributes = attributesOf(document)
  const name = textOr(attributes.external_id) ?? textOr(attributes.email) ?? textOr(attributes.phone_number) ?? ''
  const id = hash('sha256', `klaviyo:${name}`, 'hex').slice(0, 26).toUpperCase()
  const shown = filled({
    email: textOr(attributes.email),
    phone_number: textOr(attributes.phone_number),
    external_id: textOr(attributes.external_id),
  })
  return { data: { type: 'profile', id, attributes: shown, links: { self: `/api/profiles/${id}` } } }
}
