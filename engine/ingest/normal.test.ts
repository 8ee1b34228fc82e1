import type { JsonObject, NormalEvent, SourceId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { expect, test } from 'vitest'
import type { InboxRequest } from './frame.ts'
import type { Item, SourceFacts } from './item.ts'
import { itemsOf } from './normal.ts'

const source: SourceFacts = {
  id: derivedId('source', 'web') as SourceId,
  name: 'Web',
  kind: 'web',
  channel: 'web',
  issuer: 'user_id',
  currency: 'EUR',
  country: 'DE',
  consentCategories: { marketing: 'newsletter', stats: 'analytics', ads: 'analytics' },
  oldestYears: 10,
  mappings: [],
}
const receivedAt = Date.parse('2026-03-02T09:00:00Z')

function heard(call: string, body: unknown, more: Partial<InboxRequest> = {}): Item[] {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const request: InboxRequest = {
    source: source.id,
    call,
    trust: 'publishable',
    receivedAt,
    body: Buffer.from(text),
    ...more,
  }
  return itemsOf(request, source, 7, 0)
}
const one = (call: string, body: unknown, more: Partial<InboxRequest> = {}): NormalEvent => {
  const item = heard(call, body, more)[0]
  if (!item?.event) throw new Error(`refused: ${JSON.stringify(item?.reasons)}`)
  return item.event
}
const code = (call: string, body: unknown, more: Partial<InboxRequest> = {}) =>
  heard(call, body, more)[0]?.reasons[0]?.code ?? null
const track = { type: 'track', event: 'order_completed', userId: 'u1', messageId: 'm1' }

test('a track call in normal form: name of the vocabulary, identifiers, money in minor units', () => {
  const event = one('track', {
    ...track,
    anonymousId: 'c1',
    properties: { order_id: 'A-1', total: 19.99, currency: 'EUR', products: [{ sku: 'S', price: 9.995, quantity: 2 }] },
    context: {
      traits: { email: 'a@x.de' },
      page: { url: 'https://shop.example/?ek_click=abcdefgh1' },
      library: { name: 'analytics.js', version: '5' },
    },
  })
  expect(event).toMatchObject({
    kind: 'track',
    name: 'Order Completed',
    channel: 'web',
    library: 'analytics.js 5',
    mayJoin: false,
    identifiers: [
      { namespace: 'user_id', value: 'u1', trust: 'claimed' },
      { namespace: 'anonymous_id', value: 'c1' },
      { namespace: 'email', value: 'a@x.de' },
      { namespace: 'order_no', value: 'A-1' },
      { namespace: 'click_id', value: 'abcdefgh1' },
    ],
    properties: { total: 19.99, minor: { total: 1999, lines: [{ price: 1000, total: 2000 }] } },
    flags: ['rounded'],
  })
})

test('items that miss what they need wait with the reason, the others pass', () => {
  const items = heard('batch', {
    batch: [
      track,
      { ...track, event: '' },
      { ...track, userId: '', messageId: 'm2' },
      { ...track, type: 'dance' },
      'text',
      { type: 'group', userId: 'u' },
      { type: 'alias', userId: 'u' },
    ],
  })
  expect(items.map((item) => item.reasons[0]?.code ?? null)).toEqual([
    null,
    'missing_event',
    'missing_id',
    'unknown_type',
    'unparsable',
    'missing_group',
    'missing_previous',
  ])
})

test('numbers that have lost digits, deep nesting and giants wait; large ones are flagged', () => {
  expect(code('track', `{"event":"x","userId":12345678901234567890}`)).toBe('unsafe_number')
  expect(one('track', { ...track, userId: 42 }).identifiers[0]?.value).toBe('42')
  expect(code('track', `{"event":"x","userId":"u","properties":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`)).toBe(
    'too_deep',
  )
  expect(code('track', `{"event":"x","userId":"u","properties":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toBe(
    'too_deep',
  )
  expect(code('track', { ...track, properties: { text: 'x'.repeat(300_000) } })).toBe('event_too_large')
  expect(one('track', { ...track, properties: { text: 'x'.repeat(100_000) } }).flags).toContain('large_event')
})

test('hostile keys are data and reach no prototype', () => {
  const event = one(
    'track',
    `{"event":"x","userId":"u","__proto__":{"polluted":1},"properties":{"__proto__":{"polluted":1},"constructor":2}}`,
  )
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(Object.getPrototypeOf(event.properties)).toBe(Object.prototype)
  expect(Object.keys(event.properties)).toEqual(['__proto__', 'constructor'])
})

test('NUL characters go, half surrogates are replaced, both are flagged', () => {
  const event = one('track', '{"event":"a\\u0000b","userId":"u","properties":{"t":"\\ud800"}}')
  expect(event.name).toBe('ab')
  expect(event.properties.t).toBe('\ufffd')
  expect(event.flags).toEqual(expect.arrayContaining(['nul_removed', 'surrogate_replaced']))
})

test('of a key named twice the last one counts, and the item says so', () => {
  const event = one('track', '{"event":"x","userId":"u1","userId":"u2","messageId":"m"}')
  expect(event.identifiers[0]?.value).toBe('u2')
  expect(event.flags).toEqual(['duplicate_key'])
  expect(one('track', '{ "event": "x", "userId": "u1", "messageId": "m" }').flags).toEqual([])
})

test('the path decides the type; a batch shares context; times of sending are looked for in item, batch and header', () => {
  expect(one('page', { ...track, type: 'track', name: 'Home' })).toMatchObject({ kind: 'page', name: 'Home' })
  expect(one('page', { ...track, type: 'track' }).flags).toContain('type_mismatch')
  const [item] = heard('batch', {
    sentAt: '2026-03-02T11:00:00Z',
    context: { app: { name: 'A' }, locale: 'de' },
    batch: [{ ...track, timestamp: '2026-03-02T10:59:00Z', context: { locale: 'en' } }],
  })
  expect(item?.event).toMatchObject({ at: '2026-03-02T08:59:00.000Z', context: { app: { name: 'A' }, locale: 'en' } })
  const header = one('track', { ...track, timestamp: '2026-03-02T10:59:00Z' }, { sentAt: '2026-03-02T11:00:00Z' })
  expect(header.at).toBe('2026-03-02T08:59:00.000Z')
})

test('consent: absent says nothing, empty says no to all, statements need mapped categories', () => {
  const withConsent = (categoryPreferences: JsonObject, event = 'x') => ({
    ...track,
    event,
    context: { consent: { categoryPreferences } },
  })
  expect(one('track', track).consent).toBeNull()
  expect(one('track', { ...track, context: { consent: {} } }).consent).toBeNull()
  expect(one('track', withConsent({})).consent).toEqual({ newsletter: false, analytics: false })
  expect(one('track', withConsent({ marketing: true, stats: true })).consent).toEqual({
    newsletter: true,
    analytics: false,
  })
  expect(one('track', withConsent({ marketing: 'yes', stats: true, ads: true }))).toMatchObject({
    consent: { newsletter: false, analytics: true },
    flags: expect.arrayContaining(['bad_consent']),
  })
  expect(one('track', withConsent({ other: true })).flags).toContain('unknown_category')
  expect(code('track', withConsent({ other: true }, 'Segment Consent Preference Updated'))).toBe('unknown_category')
  expect(one('track', withConsent({ marketing: true }, 'Segment Consent Preference Updated'))).toMatchObject({
    kind: 'consent',
  })
})

test('one random anonymous id for a whole server process joins nobody, nor do the traits of the user before', () => {
  const event = one('identify', {
    userId: 'u2',
    anonymousId: 'process',
    traits: {},
    context: { library: { name: '@jitsu/js', env: 'node' }, traits: { email: 'u1@x.de' } },
  })
  expect(event.identifiers).toEqual([{ namespace: 'user_id', value: 'u2', trust: 'claimed' }])
  expect(event.traits).toEqual({})
})

test("identify takes RudderStack's traits from the context and makes the name of first and last", () => {
  const event = one('identify', {
    userId: 'u1',
    context: { traits: { firstName: 'Ada', lastName: 'Lange', email: 'a@x.de' } },
  })
  expect(event.traits).toMatchObject({ name: 'Ada Lange' })
  expect(event.identifiers.map((id) => id.namespace)).toEqual(['user_id', 'email'])
})

test('an alias of an id to itself does nothing', () => {
  const event = one('alias', { userId: 'u1', previousId: 'u1' })
  expect(event.flags).toContain('self_alias')
  expect(event.identifiers).toHaveLength(1)
})

test('a publishable key cannot tell of last year; a secret key can', () => {
  const old = { ...track, timestamp: '2025-03-02T09:00:00Z' }
  expect(code('track', old)).toBe('too_old')
  expect(one('track', old, { trust: 'secret' })).toMatchObject({ at: '2025-03-02T09:00:00.000Z', mayJoin: true })
})

test('the same content has the same hash whatever the transport adds; ids follow from source and message id', () => {
  const [first] = heard('track', { ...track, sentAt: 'a', _metadata: { retry: 1 } })
  const [second] = heard('track', { ...track, sentAt: 'b' })
  const [other] = heard('track', { ...track, event: 'else' })
  expect(first?.content).toBe(second?.content)
  expect(first?.id).toBe(other?.id)
  expect(first?.content).not.toBe(other?.content)
  expect(one('track', { event: 'x', userId: 'u' })).toMatchObject({ messageId: 'inbox:7:0', flags: ['no_message_id'] })
})

test('a sale cannot be negative, and a currency must be one', () => {
  expect(code('track', { ...track, properties: { total: -5, currency: 'EUR' } })).toBe('money_sign')
  expect(code('track', { ...track, properties: { total: 5, currency: 'Euro!' } })).toBe('currency_unknown')
  expect(one('track', { ...track, properties: { total: '5.50' } })).toMatchObject({
    properties: { currency: 'EUR', minor: { total: 550 } },
    flags: ['currency_assumed'],
  })
})
