/** Properties of the judge and its checks: pure, repeatable, in any order, unharmed by whatever comes. */

import type { JsonObject, NormalEvent } from '@einklang/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Item } from '../item.ts'
import { withdrawalIn } from './apart.ts'
import { createAround } from './around.ts'
import { catalogue, checks, choices, repairs } from './checks/index.ts'
import type { Check, Facts, Finding, Repair, RuleSet } from './finding.ts'
import { masked } from './mask.ts'
import { mend } from './mend.ts'
import { defaultRules } from './rules.ts'
import { eventOf, judge as judgeEvent, plainFacts, receivedAt } from './samples.ts'
import { Subject } from './subject.ts'
import { type TownPeople, townsFrom } from './towns.ts'

const facts: Facts = {
  ...plainFacts,
  knows: (_, value) => (value.startsWith('known') ? true : value.startsWith('new') ? false : null),
  price: (sku) => (sku === 'known-1' ? 4999 : null),
}
const judge = (over: Partial<NormalEvent>, rules?: RuleSet, about: Facts = facts): Item =>
  judgeEvent(eventOf(over), about, rules)
const found = (item: Item): Finding[] => item.event?.findings ?? item.findings ?? []
const codes = (item: Item): string[] => found(item).map(({ code, path, action }) => `${code} ${path} ${action}`)
const order = (properties: JsonObject, name = 'Order Completed') => ({ name, properties })

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    'Müller',
    'MÃ¼ller',
    'test',
    'ADA',
    '31.12.85',
    '1900-01-01',
    '0171 2345678',
    'ada@gmial.con',
    'Hauptstr. 12a',
    '1067',
    'Deutschland',
    '€',
    '-1',
    '0.01',
    'x'.repeat(5000),
  ),
)
const value = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant({}),
  fc.constant([]),
)
const field = fc.constantFrom(
  'first_name',
  'lastName',
  'name',
  'birthday',
  'email',
  'phone',
  'street',
  'postal_code',
  'city',
  'country',
  'language',
  'timezone',
  'iban',
  'tax_id',
  'consent_email',
  '__proto__',
  'constructor',
)
const namespace = fc.constantFrom('email', 'phone', 'loyalty_card', 'user_id', 'anonymous_id', 'push_token')
const line = fc.dictionary(
  fc.constantFrom('sku', 'product_id', 'price', 'quantity', 'gtin', 'vat_rate', 'unit', 'total'),
  value,
)
const anyEvent = fc
  .record({
    kind: fc.constantFrom('identify', 'track', 'consent', 'page'),
    name: fc.constantFrom(null, 'Order Completed', 'Order Refunded', 'Seen', 'Unsubscribed'),
    traits: fc.dictionary(field, value),
    properties: fc.record(
      {
        products: fc.oneof(fc.array(line, { maxLength: 4 }), value),
        email: value,
        currency: value,
        total: value,
        minor: fc.oneof(value, fc.record({ total: value, lines: fc.array(line, { maxLength: 3 }) })),
      },
      { requiredKeys: [] },
    ),
    context: fc.record(
      { userAgent: value, page: fc.oneof(value, fc.record({ url: value })), consent: value },
      { requiredKeys: [] },
    ),
    identifiers: fc.array(fc.record({ namespace, value: text, trust: fc.constant('verified' as const) }), {
      maxLength: 4,
    }),
    consent: fc.constantFrom(null, { newsletter: true }, { newsletter: false }, { analytics: true, newsletter: false }),
    flags: fc.subarray(['future_time', 'no_message_id', 'rounded', 'zone_missing']),
  })
  .map((over) => over as unknown as Partial<NormalEvent>)

test('repairing twice is repairing once, and judging never changes what it was given', () => {
  fc.assert(
    fc.property(anyEvent, (over) => {
      const before = JSON.stringify(over)
      const once = judge(over)
      expect(JSON.stringify(over)).toBe(before)
      if (!once.event) return
      const twice = judge(once.event)
      expect({ ...twice.event, findings: [] }).toEqual({ ...once.event, findings: [] })
    }),
    { numRuns: 1500, seed: 11 },
  )
})

test('the order of checks changes nothing', () => {
  const [first, ...others] = checks
  const find = (list: readonly Check[], event: NormalEvent) =>
    list
      .flatMap((check) =>
        check.find(new Subject(event), facts).map(({ path, message }) => `${check.code} ${path} ${message}`),
      )
      .sort()
  fc.assert(
    fc.property(anyEvent, fc.infiniteStream(fc.nat()), (over, dice) => {
      const event = eventOf(over)
      const shuffled = [first as Check, ...others]
        .map((check) => ({ check, at: dice.next().value }))
        .sort((one, other) => one.at - other.at)
        .map(({ check }) => check)
      expect(find(shuffled, event)).toEqual(find(checks, event))
    }),
    { numRuns: 300, seed: 12 },
  )
})

test('ten thousand hostile values: no check fails and none takes more than five milliseconds', () => {
  const slow: string[] = []
  let events = 0
  const milliseconds = (check: Check, event: NormalEvent): number => {
    const before = process.cpuUsage()
    check.find(new Subject(event), facts)
    const spent = process.cpuUsage(before)
    return (spent.user + spent.system) / 1000
  }
  fc.assert(
    fc.property(anyEvent, (over) => {
      const event = eventOf(over)
      events++
      for (const check of [...repairs, ...checks]) {
        if (milliseconds(check, event) <= 5) continue
        // A collection of garbage falls into a call now and then; what is slow by its value is slow again.
        const again = Math.min(milliseconds(check, event), milliseconds(check, event), milliseconds(check, event))
        if (again > 5) slow.push(`${check.code} ${again} ${JSON.stringify(over).slice(0, 200)}`)
      }
      judge(over)
    }),
    { numRuns: 10_000, seed: 14 },
  )
  expect(events).toBeGreaterThanOrEqual(10_000)
  expect(slow).toEqual([])
}, 120_000)

test('texts that make regular expressions walk in circles do not', () => {
  const long = [
    'a'.repeat(20_000),
    ' '.repeat(20_000),
    '1'.repeat(20_000),
    'a@'.repeat(5_000),
    'Str.'.repeat(5_000),
    '<'.repeat(20_000),
    'Ã¼'.repeat(10_000),
    `${'a.'.repeat(10_000)}@b.de`,
    'dr. '.repeat(5_000),
    '-'.repeat(20_000),
    'a,'.repeat(10_000),
  ]
  for (const evil of long) {
    const started = process.cpuUsage()
    judge({
      kind: 'identify',
      traits: Object.fromEntries(
        [
          'first_name',
          'last_name',
          'name',
          'email',
          'phone',
          'street',
          'postal_code',
          'city',
          'country',
          'language',
          'timezone',
          'birthday',
          'iban',
          'tax_id',
        ].map((name) => [name, evil]),
      ),
      identifiers: [
        { namespace: 'email', value: evil, trust: 'claimed' },
        { namespace: 'phone', value: evil, trust: 'claimed' },
      ],
      context: { userAgent: evil, page: { url: evil } },
    })
    const spent = process.cpuUsage(started)
    expect([evil.slice(0, 4), (spent.user + spent.system) / 1000 < 100]).toEqual([evil.slice(0, 4), true])
  }
})

test('every repair and every strip leaves the original where it can be found', () => {
  const given = {
    first_name: 'MÃ¼ller',
    email: ' ADA@Example.COM ',
    phone: '0171 2345678',
    birthday: '31.12.85',
    country: 'Deutschland',
    street: 'Hauptstr.5',
    timezone: 'Nowhere',
    last_name: 'n/a',
  }
  const { event } = judge({
    kind: 'identify',
    traits: given,
    identifiers: [{ namespace: 'email', value: given.email, trust: 'claimed' }],
  })
  expect(event?.traits).toEqual({
    first_name: 'Müller',
    email: 'ada@example.com',
    phone: '+491712345678',
    birthday: '1985-12-31',
    country: 'DE',
    street: 'Hauptstraße 5',
  })
  expect(event?.identifiers[0]?.value).toBe('ada@example.com')
  const kept = { ...(event?.context.given as JsonObject), ...(event?.context.stripped as JsonObject) }
  for (const [name, value] of Object.entries(given)) expect([name, kept[`traits.${name}`]]).toEqual([name, value])
  expect(kept['identifiers.email']).toBe(given.email)
})

test('a slip in a domain is told and never rewritten', () => {
  const { event } = judge({
    kind: 'identify',
    traits: { email: 'ada@gmial.con' },
    identifiers: [{ namespace: 'email', value: 'ada@gmial.con', trust: 'claimed' }],
  })
  expect(event?.traits.email).toBe('ada@gmial.con')
  expect(event?.identifiers[0]?.value).toBe('ada@gmial.con')
  expect(event?.findings).toMatchObject([
    { code: 'email.typo', action: 'flag', message: expect.stringContaining('gmail.com') },
  ])
})

test('an order is believed when its sums fit, noted within one percent, and waits beyond', () => {
  const of = (total: number, more: JsonObject = {}) =>
    judge(
      order({
        order_id: '1',
        total: total / 100,
        currency: 'EUR',
        minor: { total, ...more, lines: [{ price: 5000, total: 10_000 }] },
      }),
    )
  expect(codes(of(10_000))).toEqual([])
  expect(codes(of(10_001))).toEqual([])
  expect(codes(of(10_495, { shipping: 495 }))).toEqual([])
  expect(codes(of(10_090))).toEqual(['money.total properties.total flag'])
  const waits = of(12_000)
  expect(waits).toMatchObject({
    event: null,
    reasons: [{ code: 'money_mismatch', path: 'properties.total', check: 'money.total' }],
  })
  expect(waits.held?.properties.order_id).toBe('1')
})

test('unknown articles wait where articles are known at all; history is only noted', () => {
  const of = (sku: string, at?: string) =>
    judge({
      ...order({
        order_id: '1',
        products: [
          { sku, price: 49.99, quantity: 1 },
          { sku: 'known-2', quantity: 1 },
        ],
      }),
      ...(at ? { at } : {}),
    })
  expect(codes(of('known-1'))).toEqual([])
  expect(codes(of('nobody-knows'))).toEqual([])
  expect(of('new-1')).toMatchObject({
    event: null,
    reasons: [{ code: 'unknown_reference', path: 'properties.products.sku', check: 'goods.product' }],
  })
  expect(codes(of('new-1', '2025-06-01T00:00:00.000Z'))).toEqual(['goods.product properties.products.sku flag'])
  expect(codes(judge({ name: 'Product Viewed', properties: { sku: 'new-1' } }))).toEqual([])
})

test('odd prices and quantities are noted, refunds may be negative', () => {
  const lines = (products: JsonObject[], name?: string) => codes(judge(order({ currency: 'EUR', products }, name)))
  expect(lines([{ sku: 'known-1', price: 0.01, quantity: 1 }])).toEqual([
    'money.outlier properties.products.price flag',
  ])
  expect(lines([{ sku: 'known-1', price: 4.9, quantity: 1 }])).toEqual(['money.outlier properties.products.price flag'])
  expect(lines([{ sku: 'known-1', price: 39.9, quantity: 0 }])).toEqual([
    'goods.quantity properties.products.quantity flag',
  ])
  expect(lines([{ sku: 'known-1', quantity: 0.5, unit: 'kg' }])).toEqual([])
  expect(lines([{ sku: 'known-1', quantity: -2 }], 'Order Refunded')).toEqual([])
  expect(
    lines([
      { sku: 'known-1', vat_rate: 19 },
      { sku: 'known-1', vat_rate: 0.07 },
    ]),
  ).toEqual([])
  expect(lines([{ sku: 'known-1', vat_rate: 21 }])).toEqual(['money.vat properties.products.vat_rate flag'])
})

test('machines and tests are told by agent, pace, host and mailbox', () => {
  const flags = (over: Partial<NormalEvent>, about?: Facts) => judge(over, defaultRules, about).event?.flags
  expect(flags({ context: { userAgent: 'Mozilla/5.0 (compatible; Googlebot/2.1)' } })).toEqual(['machine'])
  expect(flags({ context: { userAgent: 'Mozilla/5.0 (iPhone) Safari/604.1 Cubot' } })).toEqual([])
  expect(flags({ context: { userAgent: 'Mozilla/5.0 (Macintosh) AppleWebKit Chrome/140' } })).toEqual([])
  expect(flags({}, { ...facts, rate: 301 })).toEqual(['machine'])
  expect(flags({}, { ...facts, rate: 300 })).toEqual([])
  expect(flags({ context: { page: { url: 'https://staging.shop.example/a' } } })).toEqual(['test'])
  expect(flags({ context: { page: { url: 'https://www.shop.example/staging.html' } } })).toEqual([])
  expect(flags({ properties: { email: 'test@shop.example' } })).toEqual(['test'])
  expect(flags({ properties: { email: 'contest@shop.example' } })).toEqual([])
})

test('an opt-in for messages brings its text; what anybody may send waits for a confirmation instead', () => {
  const of = (over: Partial<NormalEvent>) =>
    judge({ kind: 'consent', name: 'Segment Consent Preference Updated', consent: { newsletter: true }, ...over })
  expect(of({})).toMatchObject({
    event: null,
    reasons: [{ code: 'consent_without_evidence', path: 'properties.text_version' }],
  })
  expect(of({ properties: { text_version: '2026-01' } }).event).not.toBeNull()
  expect(of({ mayJoin: false }).event).not.toBeNull()
  expect(of({ consent: { analytics: true } }).event).not.toBeNull()
  expect(of({ properties: { text_version: '1', consented_at: '2027-01-01T00:00:00Z' } }).reasons).toMatchObject([
    { check: 'consent.time' },
  ])
  expect(
    withdrawalIn(
      eventOf({ consent: { newsletter: false, analytics: true }, properties: { total: 1, channel: 'email' } }),
    ),
  ).toMatchObject({ consent: { newsletter: false }, properties: { channel: 'email' } })
  expect(withdrawalIn(eventOf({ consent: { newsletter: true } }))).toBeNull()
})

test('what is known around us: dead mailboxes, addresses of our stores, GTINs of articles', async () => {
  const around = createAround(
    async () => ({
      stores: [{ street: 'Schildergasse 1', postalCode: '50667' }],
      bounced: ['a@x.example'],
      shared: [{ namespace: 'loyalty_card', value: 'K-1234' }],
    }),
    {
      now: () => new Date(receivedAt),
    },
  )
  await around.refresh()
  const about = { ...facts, ...around, gtin: (sku: string) => (sku === 'known-1' ? '4006381333931' : null) }
  const told = (over: Partial<NormalEvent>) => codes(judge(over, defaultRules, about))
  const mail = (email: string) => told({ kind: 'identify', traits: { email } })
  expect(mail('a@x.example')).toEqual(['email.history traits.email flag'])
  expect(mail('b@x.example')).toEqual([])
  const card = (value: string) => told({ identifiers: [{ namespace: 'loyalty_card', value, trust: 'verified' }] })
  expect(card('K-1234')).toEqual(['id.hot identifiers.loyalty_card flag'])
  expect(card('K-1235')).toEqual([])
  const lives = (street: string, zip: string) =>
    judge({ kind: 'identify', traits: { street, zip, city: 'Köln' } }, defaultRules, about)
  expect(codes(lives('SCHILDERGASSE 1', '50667'))).toContain('address.own traits.street strip')
  expect(lives('Schildergasse 1', 'D-50667').event).toMatchObject({
    traits: {},
    context: { stripped: { 'traits.street': 'Schildergasse 1', 'traits.zip': '50667', 'traits.city': 'Köln' } },
  })
  expect(codes(lives('Schildergasse 11', '50667'))).toEqual([])
  const sold = (line: JsonObject) => told(order({ currency: 'EUR', products: [line] }))
  expect(sold({ sku: 'known-1', gtin: '4006381333931' })).toEqual([])
  expect(sold({ sku: 'known-1', ean: '04006381333931' })).toEqual([])
  expect(sold({ sku: 'known-1', gtin: '4012345678901' })).toEqual(['goods.gtin properties.products.gtin flag'])
  expect(sold({ sku: 'known-2', gtin: '4012345678901' })).toEqual([])
})

test('a town is doubted only where our own customers know better', () => {
  const rows = [
    ...[
      ['50667', 'Köln', 900],
      ['50667', 'KOELN', 40],
      ['53859', 'Niederkassel', 60],
      ['53859', 'Rheidt', 25],
      ['53111', 'Bonn', 400],
      ['01067', 'Dresden', 12],
      ['60311', 'Frankfurt am Main', 90],
    ].map(([postalCode, town, people]) => ({ country: 'DE', postalCode, town, people }) as TownPeople),
    { country: '', postalCode: '1010', town: 'Wien', people: 50 },
  ]
  const meantTown = townsFrom(rows)
  const about = { ...facts, meantTown }
  const lives = (zip: string, city: string, country = 'DE') =>
    codes(judge({ kind: 'identify', traits: { postal_code: zip, city, country } }, defaultRules, about))
  const doubted = ['address.city traits.city flag']
  // Bonn is known, and lies elsewhere; Kölln and Niederkasel are slips.
  for (const [zip, city] of [
    ['50667', 'Bonn'],
    ['53859', 'Niederkasel'],
    ['60311', 'Bonn'],
    ['1010', 'Köln'],
  ] as const)
    expect([zip, city, lives(zip, city)]).toEqual([
      zip,
      city,
      zip === '1010' ? [...doubted, 'address.postcode traits.postal_code flag'] : doubted,
    ])
  expect(meantTown('DE', '53859', 'Niederkasel')).toBe('Niederkassel')
  // Districts, spellings, small places nobody else names, postcodes few live at, other countries.
  for (const [zip, city] of [
    ['50667', 'Koeln'],
    ['50667', 'Köln-Ehrenfeld'],
    ['50667', 'köln (Altstadt)'],
    ['53859', 'Rheidt'],
    ['53859', 'Uckendorf'],
    ['60311', 'Frankfurt'],
    ['60311', 'Frankfurt/Main'],
    ['01067', 'Bonn'],
    ['99999', 'Bonn'],
    ['50667', ''],
  ] as const)
    expect([zip, city, lives(zip, city)]).toEqual([zip, city, []])
  expect(meantTown('FR', '50667', 'Bonn')).toBeNull()
})

test('a source decides within the limits of each check', () => {
  const rules = (actions: RuleSet['actions']): RuleSet => ({ version: 3, actions, repairs: [] })
  const role = { kind: 'identify' as const, traits: { email: 'info@shop.example', iban: 'DE00' } }
  expect(judge(role).event).not.toBeNull()
  expect(codes(judge(role, rules({ iban: 'strip' })))).toContain('iban traits.iban strip')
  expect(found(judge(role, rules({ iban: 'strip' })))[0]?.rule).toBe(3)
  const card = { identifiers: [{ namespace: 'loyalty_card', value: '2912345678901', trust: 'verified' as const }] }
  expect(codes(judge(card))).toEqual(['id.checksum identifiers.loyalty_card strip'])
  expect(judge(card, rules({ 'id.checksum': 'quarantine' }))).toMatchObject({
    event: null,
    reasons: [{ code: 'check_failed', check: 'id.checksum' }],
  })
  // What cannot be decided stays as it is.
  expect(
    judge({ kind: 'consent', consent: { newsletter: true } }, rules({ consent_without_evidence: 'flag' })).event,
  ).toBeNull()
  for (const [code, actions] of choices)
    expect([code, actions.length > 1 && catalogue.some((one) => one.code === code)]).toEqual([code, true])
})

test('all findings are told, not only the first; waiting outranks everything', () => {
  const item = judge({
    ...order({
      currency: 'EUR',
      minor: { total: 99_999, lines: [{ total: 1 }] },
      products: [{ sku: 'new-1', quantity: 0 }],
    }),
    identifiers: [{ namespace: 'user_id', value: 'null', trust: 'verified' }],
  })
  expect(item.event).toBeNull()
  expect(codes(item)).toEqual([
    'blocked_identifier identifiers.user_id strip',
    'goods.product properties.products.sku quarantine',
    'goods.quantity properties.products.quantity flag',
    'money.total properties.total quarantine',
  ])
  expect(item.reasons.map(({ check }) => check)).toEqual(['goods.product', 'money.total'])
})

test('repairs of a group: map, default, rename, in lists too; twice is once and the original is told', () => {
  const item = {
    type: 'track',
    event: 'Bestellung',
    properties: { waehrung: 'Euro', products: [{ art: 'a-1' }, { art: 'a-2', sku: 'kept' }] },
  }
  const all: Repair[] = [
    { kind: 'map', path: 'event', from: 'Bestellung', to: 'Order Completed' },
    { kind: 'rename', path: 'properties.waehrung', to: 'properties.currency' },
    { kind: 'map', path: 'properties.currency', from: 'Euro', to: 'EUR' },
    { kind: 'rename', path: 'properties.products.art', to: 'properties.products.sku' },
    { kind: 'default', path: 'context.channel', value: 'store' },
  ]
  const before = JSON.stringify(item)
  const once = mend(item, all, 2)
  expect(JSON.stringify(item)).toBe(before)
  expect(once.item).toEqual({
    type: 'track',
    event: 'Order Completed',
    properties: { currency: 'EUR', products: [{ sku: 'a-1' }, { art: 'a-2', sku: 'kept' }] },
    context: { channel: 'store' },
  })
  expect(once.given).toEqual({
    event: 'Bestellung',
    'properties.waehrung': 'Euro',
    'properties.currency': 'Euro',
    'properties.products.0.art': 'a-1',
  })
  expect(mend(once.item, all, 2).item).toEqual(once.item)
  const evil = JSON.parse('{"__proto__":{"a":1},"properties":{}}') as JsonObject
  expect(mend(evil, [{ kind: 'rename', path: '__proto__.a', to: 'properties.a' }], 1).item.properties).toEqual({ a: 1 })
  expect(({} as { a?: number }).a).toBeUndefined()
})

test('a masked sample shows its shape and nobody', () => {
  const shown = JSON.stringify(
    masked({
      type: 'track',
      event: 'Order Completed',
      userId: 'ada-77',
      traits: { name: 'Ada Lange', email: 'ada@example.com', phone: 491712345678 },
      properties: { total: 12.5, currency: 'XXX' },
    }),
  )
  expect(shown).toBe(
    '{"type":"track","event":"Order Completed","userId":"a••-••","traits":{"name":"A•• L••••","email":"a••@e••••••.c••","phone":"4•••••••••••"},"properties":{"total":12.5,"currency":"XXX"}}',
  )
})
