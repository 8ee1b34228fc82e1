import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { api, type JsonObject, type NormalEvent, type Route, type SourceId, stages } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { describe, expect, test } from 'vitest'
import type { InboxRequest } from '../frame.ts'
import type { Item, SourceFacts } from '../item.ts'
import { itemsOf } from '../normal.ts'
import { type QuarantineRow, replayRequest } from '../quarantine.ts'
import { headerText } from './cloudevents.ts'
import { candidatesAt, ownsPath, reservedRoots } from './index.ts'
import { checkSignature } from './signature.ts'

const receivedAt = Date.parse('2026-03-02T09:00:00Z')
const source: SourceFacts = {
  id: derivedId('source', 'web') as SourceId,
  name: 'Web',
  kind: 'web',
  channel: 'web',
  issuer: 'user_id',
  currency: 'EUR',
  country: 'DE',
  consentCategories: { marketing: 'newsletter', stats: 'analytics' },
  oldestYears: 10,
  mappings: [],
}

type More = Partial<InboxRequest> & { mappings?: SourceFacts['mappings'] }

function heard(dialect: api.ingest.DialectName, call: string, body: unknown, more: More = {}): Item[] {
  const { mappings = [], ...facts } = more
  const request: InboxRequest = {
    source: source.id,
    dialect,
    call,
    trust: 'secret',
    receivedAt,
    body: Buffer.from(JSON.stringify(body)),
    ...facts,
  }
  return itemsOf(request, { ...source, mappings }, 7, 0)
}

const eventsOf = (items: Item[]): NormalEvent[] =>
  items.map(({ event, reasons }) => {
    if (!event) throw new Error(`refused: ${JSON.stringify(reasons)}`)
    return event
  })
const names = (event: NormalEvent | undefined) =>
  event?.identifiers.map(({ namespace, value }) => `${namespace}:${value}`)

describe('paths', () => {
  test('no route and no page of ours lies where a client calls', () => {
    const routes = Object.values(api)
      .flatMap((stage) => Object.values(stage) as unknown[])
      .filter((one): one is Route => typeof one === 'object' && one !== null && 'stage' in one && 'path' in one)
    expect(routes.length).toBeGreaterThan(100)
    const paths = routes.map(({ stage, path }) => `/api/${stage}${path.replaceAll(/\{\w+\}/g, 'x')}`)
    const pages = [
      ...stages,
      'today',
      'p/u/x',
      'p/c/x',
      'store',
      'docs',
      'openapi.json',
      'live',
      'ready',
      'metrics',
      'assets/i.js',
      '',
    ]
    expect([...paths, ...pages.map((page) => `/${page}`)].filter(ownsPath)).toEqual([])
    for (const taken of ['s', 'v1', 'v2', 'public', 'events']) expect(stages).not.toContain(taken)
  })

  test.each([
    ['/v1/batch', 'segment rudderstack jitsu customerio'],
    ['/v1/t', 'segment rudderstack jitsu customerio'],
    ['/v1/import', 'rudderstack'],
    ['/batch/', 'posthog segment_bare'],
    ['/e/', 'posthog'],
    ['/i', 'snowplow'],
    ['/i/v0/e/', 'posthog'],
    ['/array/pk_1/config', 'posthog'],
    ['/api/s/s2s/track', 'jitsu'],
    ['/api/public/apps/batch', 'dittofeed'],
    ['/api/events', 'klaviyo'],
    ['/api/v1/customers/5/events', 'customerio'],
    ['/com.snowplowanalytics.snowplow/tp2', 'snowplow'],
    ['/context.json', 'unomi'],
    ['/sourceConfig/', 'rudderstack'],
    ['/pixel/v1/track', 'rudderstack'],
    ['/api/ingest/cloudevents', 'cloudevents'],
    ['/api/ingest/webhooks/shop', 'webhook'],
    ['/track', 'segment_bare'],
  ])('%s is spoken by %s', (path, dialects) => {
    expect(ownsPath(path)).toBe(true)
    expect([...new Set(candidatesAt(path).map(({ dialect }) => dialect))].join(' ')).toBe(dialects)
  })

  test('paths beside a call are nobody’s', () => {
    for (const path of ['/v1/dance', '/v1/track/more', '/api/v1/customers', '/array/x', '/api/s/s2s', '/page/boots'])
      expect(candidatesAt(path), path).toEqual([])
    expect(reservedRoots).toContain('eventcollector')
  })
})

describe('who is meant', () => {
  test('a server of Jitsu has one anonymous id for everybody and the last person’s traits: neither is believed', () => {
    const said = (number: number) => ({
      type: 'track',
      event: 'Product Viewed',
      userId: `u-${number}`,
      anonymousId: 'one-for-all',
      messageId: `m-${number}`,
      context: { traits: { email: `u-${number - 1}@shop.example` }, library: { name: '@jitsu/js', env: 'node' } },
    })
    for (let number = 1; number <= 1000; number++) {
      const [event] = eventsOf(heard('jitsu', 'track', said(number), { params: ['s2s'] }))
      expect(names(event)).toEqual([`user_id:u-${number}`])
    }
    const { library: _, ...context } = said(5).context
    const [plain] = eventsOf(heard('jitsu', 'identify', { ...said(5), context }, { params: ['s2s'] }))
    expect([names(plain), plain?.traits]).toEqual([['user_id:u-5'], {}])
  })

  test('PostHog: the id of a device is no customer number, a server’s id is one, a group is nobody', () => {
    const events = eventsOf(
      heard('posthog', 'batch', {
        api_key: 'k',
        batch: [
          {
            event: 'Seen',
            uuid: '1',
            properties: {
              distinct_id: 'd-1',
              $device_id: 'd-1',
              token: 'pk_1',
              $referrer: '$direct',
              $current_url: 'https://shop.example',
            },
          },
          {
            event: '$identify',
            uuid: '2',
            distinct_id: 'u-1',
            properties: {
              $anon_distinct_id: 'd-1',
              $device_id: 'd-1',
              $set: { email: 'a@x.de' },
              $set_once: { first: 'mail' },
            },
          },
          { event: 'Bought', uuid: '3', distinct_id: 'u-1', properties: { $lib: 'posthog-node' } },
          {
            event: '$groupidentify',
            uuid: '4',
            distinct_id: '$house_7',
            properties: { $group_type: 'house', $group_key: '7', $group_set: { name: 'N' } },
          },
          { event: '$create_alias', uuid: '5', distinct_id: 'u-1', properties: { alias: 'd-9' } },
          {
            event: '$pageview',
            uuid: '6',
            distinct_id: 'u-1',
            properties: { $current_url: 'https://shop.example/boots', utm_campaign: 'autumn' },
          },
        ],
      }),
    )
    expect(events.map(names)).toEqual([
      ['anonymous_id:d-1'],
      ['user_id:u-1', 'anonymous_id:d-1', 'email:a@x.de'],
      ['user_id:u-1'],
      ['anonymous_id:group:house:7', 'group_id:house:7'],
      ['user_id:u-1', 'anonymous_id:d-9'],
      ['user_id:u-1'],
    ])
    expect(events.map(({ kind }) => kind)).toEqual(['track', 'identify', 'track', 'group', 'alias', 'page'])
    expect(events[0]?.properties).toEqual({
      $device_id: 'd-1',
      $referrer: '$direct',
      $current_url: 'https://shop.example',
      url: 'https://shop.example',
    })
    expect(events[1]).toMatchObject({ traits: { email: 'a@x.de' }, context: { setOnce: { first: 'mail' } } })
    expect(events[5]?.context).toMatchObject({
      page: { url: 'https://shop.example/boots' },
      campaign: { name: 'autumn' },
    })
  })

  test('joining two known people without looking waits for a person', () => {
    const [merge] = heard('posthog', 'batch', {
      batch: [{ event: '$merge_dangerously', distinct_id: 'a', properties: { alias: 'b' } }],
    })
    expect(merge?.reasons[0]?.code).toBe('needs_review')
    const names = { primary: { id: '1' }, secondary: { email: 'a@x.de' } }
    expect(heard('customerio', 'merge', names, { trust: 'publishable' })[0]?.reasons[0]?.code).toBe('needs_review')
    const [joined] = eventsOf(heard('customerio', 'merge', names))
    expect(joined?.identifiers.map(({ namespace, value }) => `${namespace}:${value}`)).toEqual([
      'user_id:1',
      'email:a@x.de',
    ])
  })
})

describe('Customer.io Track', () => {
  const params = ['5']
  test('the path names the customer, by number or address', () => {
    const [byNumber] = eventsOf(heard('customerio', 'customer', { email: 'a@x.de', plan: 'gold' }, { params }))
    expect([byNumber?.kind, names(byNumber), byNumber?.traits]).toEqual([
      'identify',
      ['user_id:5', 'email:a@x.de'],
      { email: 'a@x.de', plan: 'gold' },
    ])
    const [byAddress] = eventsOf(heard('customerio', 'customer', { plan: 'gold' }, { params: ['b@x.de'] }))
    expect(names(byAddress)).toEqual(['email:b@x.de'])
  })

  test('leaving counts at once, staying without evidence permits nothing', () => {
    const said = eventsOf(
      heard(
        'customerio',
        'customer',
        {
          email: 'a@x.de',
          unsubscribed: true,
          cio_subscription_preferences: { topics: { topic_3: false, topic_4: true } },
        },
        { params },
      ),
    )
    expect(said.map(({ name, properties }) => [name, properties.topic])).toEqual([
      [null, undefined],
      ['Unsubscribed', undefined],
      ['Unsubscribed', '3'],
    ])
    expect(said[0]?.traits).toEqual({ email: 'a@x.de' })
  })

  test('suppressing needs a secret key and allows nothing; erasing and lifting wait for a person', () => {
    const [suppressed] = eventsOf(heard('customerio', 'suppress', {}, { params }))
    expect(Object.values(suppressed?.consent ?? {})).not.toContain(true)
    expect(suppressed).toMatchObject({ kind: 'suppress', name: 'Customer Suppressed' })
    const code = (call: string, trust: 'secret' | 'publishable') =>
      heard('customerio', call, {}, { params, trust })[0]?.reasons[0]?.code
    expect(code('suppress', 'publishable')).toBe('needs_review')
    expect([code('unsuppress', 'secret'), code('erase', 'secret')]).toEqual(['needs_review', 'needs_review'])
  })

  test('pages, devices and receipts', () => {
    const [page] = eventsOf(heard('customerio', 'event', { name: 'https://shop.example/x', type: 'page' }, { params }))
    expect(page).toMatchObject({
      kind: 'page',
      name: 'https://shop.example/x',
      properties: { url: 'https://shop.example/x' },
    })
    const [device] = eventsOf(heard('customerio', 'device', { device: { id: 't-1', platform: 'ios' } }, { params }))
    expect(names(device)).toEqual(['user_id:5', 'push_token:t-1'])
    const [receipt] = eventsOf(
      heard('customerio', 'receipt', { delivery_id: 'd', event: 'opened', device_id: 't-1', timestamp: 1_772_441_000 }),
    )
    expect(receipt).toMatchObject({
      name: 'message.opened',
      properties: { message_id: 'd' },
      at: '2026-03-02T08:43:20.000Z',
    })
  })
})

describe('Klaviyo', () => {
  const profile = {
    data: { type: 'profile', attributes: { email: 'a@x.de', external_id: '9', phone_number: '+4915112345678' } },
  }
  const event = {
    unique_id: 'q',
    time: '2026-03-02T08:00:00+01:00',
    value: 9.5,
    value_currency: 'EUR',
    properties: { sku: 'S' },
    metric: { data: { attributes: { name: 'Order Completed' } } },
  }
  test('an event with its metric, profile, value and id', () => {
    const [said] = eventsOf(heard('klaviyo', 'event', { data: { type: 'event', attributes: { ...event, profile } } }))
    expect(said).toMatchObject({
      name: 'Order Completed',
      messageId: 'q',
      at: '2026-03-02T07:00:00.000Z',
      properties: { value: 9.5, minor: { value: 950 } },
    })
    expect(names(said)).toEqual(['user_id:9', 'email:a@x.de', 'phone:+4915112345678'])
    const bulk = {
      data: {
        attributes: {
          'events-bulk-create': {
            data: [
              {
                attributes: {
                  profile,
                  events: { data: [{ attributes: event }, { attributes: { ...event, unique_id: 'r' } }] },
                },
              },
            ],
          },
        },
      },
    }
    expect(eventsOf(heard('klaviyo', 'events', bulk)).map(({ messageId }) => messageId)).toEqual(['q', 'r'])
  })
  test('a yes with time and proof becomes a consent with evidence, a no is a withdrawal', () => {
    const job = (subscriptions: object) => ({
      data: {
        attributes: {
          custom_source: 'Till',
          profiles: { data: [{ type: 'profile', attributes: { email: 'a@x.de', subscriptions } }] },
        },
      },
    })
    const [yes] = eventsOf(
      heard(
        'klaviyo',
        'subscribe',
        job({ email: { marketing: { consent: 'SUBSCRIBED', consented_at: '2026-02-01T00:00:00Z' } } }),
      ),
    )
    expect(yes?.traits).toEqual({
      email: 'a@x.de',
      consent_email: true,
      consent_at: '2026-02-01T00:00:00Z',
      consent_proof: 'Till',
    })
    const [no] = eventsOf(heard('klaviyo', 'unsubscribe', job({ email: { marketing: { consent: 'UNSUBSCRIBED' } } })))
    expect(no).toMatchObject({ name: 'Unsubscribed', properties: { channel: 'email' } })
  })
})

test('Snowplow: page views, structured and self-describing events, shopping, packed contexts', () => {
  const packed = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const common = { eid: 'e', uid: 'u', duid: 'd', dtm: '1772441940000', stm: '1772442000000', tv: 'node-4' }
  const data = [
    {
      ...common,
      e: 'pv',
      url: 'https://shop.example',
      page: 'Home',
      refr: 'https://search.example',
      cx: packed({ data: [{ schema: 's', data: { a: 1 } }] }),
    },
    { ...common, e: 'se', se_ca: 'shop', se_ac: 'product_viewed', se_va: '2.5' },
    {
      ...common,
      e: 'ue',
      ue_px: packed({ schema: 'x', data: { schema: 'iglu:org/button_click/jsonschema/1-0-0', data: { id: 'b' } } }),
    },
    {
      ...common,
      e: 'ue',
      ue_pr: JSON.stringify({ data: { schema: 'iglu:org/screen_view/jsonschema/1-0-0', data: { name: 'Cart' } } }),
    },
    { ...common, e: 'tr', tr_id: 'A-1', tr_tt: '19.99', tr_cu: 'EUR' },
    { ...common, e: 'zz' },
  ]
  const items = heard('snowplow', 'tp2', { data })
  expect(items.at(-1)?.reasons[0]?.code).toBe('unknown_type')
  const events = eventsOf(items.slice(0, -1))
  expect(events.map(({ kind, name }) => [kind, name])).toEqual([
    ['page', 'Home'],
    ['track', 'Product Viewed'],
    ['track', 'button_click'],
    ['screen', 'Cart'],
    ['track', 'Order Completed'],
  ])
  expect(events[0]).toMatchObject({
    at: '2026-03-02T08:59:00.000Z',
    messageId: 'e',
    context: { contexts: [{ schema: 's' }], page: { title: 'Home' } },
  })
  expect(names(events[0])).toEqual(['user_id:u', 'anonymous_id:d'])
  expect(events[4]?.properties.minor).toEqual({ total: 1999 })
})

test('Snowplow: a newer version of an envelope is noted, one of another model waits', () => {
  const sent = (schema: string, wrapper = 'iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0') => {
    const ue_pr = JSON.stringify({ schema: wrapper, data: { schema: 'iglu:org/click/jsonschema/9-0-0', data: {} } })
    const [item] = heard('snowplow', 'tp2', { schema, data: [{ e: 'ue', eid: 'e', uid: 'u', ue_pr }] })
    return item?.event ? item.event.flags.filter((flag) => flag === 'schema_newer') : item?.reasons
  }
  const payload = 'iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema'
  for (const known of [`${payload}/1-0-4`, `${payload}/1-0-0`, 'iglu:other/thing/jsonschema/7-0-0', '', 'x'])
    expect([known, sent(known)]).toEqual([known, []])
  expect(sent(`${payload}/1-0-5`)).toEqual(['schema_newer'])
  expect(sent(`${payload}/1-1-0`)).toEqual(['schema_newer'])
  expect(sent(`${payload}/2-0-0`)).toMatchObject([{ code: 'check_failed', check: 'schema.version', path: 'schema' }])
  const wrapper = 'iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema'
  expect(sent(`${payload}/1-0-4`, `${wrapper}/1-0-1`)).toEqual(['schema_newer'])
  expect(sent(`${payload}/1-0-4`, `${wrapper}/2-0-0`)).toMatchObject([{ check: 'schema.version' }])
})

test('Snowplow: nesting hidden inside base64 is found', () => {
  let deep: unknown = 1
  for (let level = 0; level < 100; level++) deep = { deep }
  const ue_px = Buffer.from(JSON.stringify({ data: { schema: 'iglu:a/b/c/1', data: deep } })).toString('base64url')
  expect(heard('snowplow', 'tp2', { data: [{ e: 'ue', uid: 'u', ue_px }] })[0]?.reasons[0]?.code).toBe('too_deep')
})

test('Unomi: views, sign-ins and one consent that leaves the others alone', () => {
  const page = { pageInfo: { destinationURL: 'https://shop.example/boots', pageName: 'Boots' } }
  const [view, login, consent] = eventsOf(
    heard('unomi', 'context', {
      sessionId: 's-1',
      source: { scope: 'shop' },
      events: [
        { eventType: 'view', target: { itemId: 'boots', itemType: 'page', properties: page } },
        { eventType: 'login', target: { itemType: 'user', itemId: 'u-1', properties: { email: 'a@x.de' } } },
        { eventType: 'modifyConsent', properties: { consent: { typeIdentifier: 'marketing', status: 'DENIED' } } },
      ],
    }),
  )
  expect(view).toMatchObject({ kind: 'page', name: 'Boots', properties: { url: 'https://shop.example/boots' } })
  expect(names(login)).toEqual(['user_id:u-1', 'anonymous_id:unomi:s-1', 'email:a@x.de'])
  expect([consent?.kind, consent?.consent]).toEqual(['consent', { newsletter: false }])
})

describe('CloudEvents', () => {
  const mappings: SourceFacts['mappings'] = [
    {
      type: 'shop.till.*',
      call: 'track',
      event: 'Order Completed',
      fields: {
        'properties.order_id': 'data.no',
        'properties.total': 'data.sum',
        'context.traits.email': 'data.mail',
        'properties.products[].sku': 'data.lines[].gtin',
        'properties.affiliation': '=Köln',
      },
    },
  ]
  const event = {
    specversion: '1.0',
    id: '1',
    source: '/till/7',
    type: 'shop.till.sale',
    time: '2026-03-02T08:00:00Z',
    data: { no: 'B-1', sum: '9.99', mail: 'a@x.de', lines: [{ gtin: '1' }, { gtin: '2' }] },
  }
  const binary = {
    'content-type': 'application/json',
    'ce-id': '1',
    'ce-source': '/till/7',
    'ce-specversion': '1.0',
    'ce-type': 'shop.till.sale',
    'ce-time': '2026-03-02T08:00:00Z',
  }

  test('three ways, one event', () => {
    const packed = {
      ...event,
      data: undefined,
      data_base64: Buffer.from(JSON.stringify(event.data)).toString('base64'),
    }
    const ways = [
      heard('cloudevents', 'event', event, {
        mappings,
        heads: { 'content-type': 'Application/CloudEvents+JSON; charset=utf-8' },
      }),
      heard('cloudevents', 'event', [event], {
        mappings,
        heads: { 'content-type': 'application/cloudevents-batch+json' },
      }),
      heard('cloudevents', 'event', event.data, { mappings, heads: binary }),
      heard('cloudevents', 'event', packed, { mappings, heads: { 'content-type': 'application/cloudevents+json' } }),
    ].map((items) => eventsOf(items)[0])
    expect(new Set(ways.map((one) => one?.id)).size).toBe(1)
    for (const one of ways) {
      expect(one).toMatchObject({ name: 'Order Completed', at: '2026-03-02T08:00:00.000Z' })
      expect(one?.properties).toMatchObject({
        order_id: 'B-1',
        affiliation: 'Köln',
        minor: { total: 999 },
        products: [{ sku: '1' }, { sku: '2' }],
      })
      expect(names(one)).toEqual(['email:a@x.de', 'order_no:B-1'])
    }
  })

  test('headers are decoded once, and bytes that are no UTF-8 refuse the event', () => {
    expect(headerText('Euro%20%E2%82%AC%20%F0%9F%98%80')).toBe('Euro € 😀')
    expect(headerText('"a \\"b\\" %2541"')).toBe('a "b" %41')
    expect(headerText('%C0%A0')).toBeNull()
    const code = (heads: { [name: string]: string }) =>
      heard('cloudevents', 'event', {}, { mappings, heads })[0]?.reasons[0]
    expect(code({ ...binary, 'ce-subject': '%C0%A0' })).toMatchObject({ code: 'unparsable', path: 'ce-subject' })
    expect(code({ ...binary, 'ce-datacontenttype': 'application/json' })).toMatchObject({ code: 'unparsable' })
    expect(code({ ...binary, 'ce-specversion': '0.3' })).toMatchObject({ path: 'specversion' })
    expect(code({ ...binary, 'ce-id': '' })).toMatchObject({ path: 'id' })
  })

  test('a type that nobody mapped is kept, and passes when it is mapped', () => {
    const [waiting] = heard('cloudevents', 'event', event.data, { heads: binary })
    expect(waiting?.reasons[0]).toMatchObject({ code: 'unmapped', path: 'shop.till.sale' })
    const raw = waiting?.raw()
    const row = {
      source: source.id,
      receivedAt: new Date(receivedAt),
      payload: raw?.payload,
      patched: null,
      request: raw?.request,
    } as unknown as QuarantineRow
    const [again] = eventsOf(itemsOf(replayRequest(row), { ...source, mappings }, 8, 0))
    const [direct] = eventsOf(heard('cloudevents', 'event', event.data, { mappings, heads: binary }))
    expect({ ...again, raw: null }).toEqual({ ...direct, raw: null })
  })
})

describe('signatures', () => {
  const body = Buffer.from('{"a":1}')
  const secret = 'whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg='
  const signature = 'v1,KlkvCzMVllGq7RfNDYGqLlYm0xLli7mLh8wueNsYlcU='
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000', 'webhook-signature': signature }
  type Headers = { [name: string]: string | undefined }
  const check = (webhook: api.ingest.Webhook, secrets: string[], given: Headers, bytes = body, now = 1_700_000_000) =>
    checkSignature(webhook, secrets, { header: (name) => given[name], body: bytes, now })
  const standard = (given: Headers, bytes = body, now?: number, secrets = [secret]) =>
    check({ scheme: 'standard' }, secrets, given, bytes, now)

  test('Standard Webhooks: the published vector and everything that must fail', () => {
    expect(standard(headers)).toBe('ok')
    expect(standard(headers, Buffer.from('{"a": 1}'))).toBe('wrong')
    expect(standard({ ...headers, 'webhook-id': 'msg_2' })).toBe('wrong')
    expect(standard({ ...headers, 'webhook-id': 'msg.1' })).toBe('wrong')
    expect(standard(headers, body, 1_700_000_301)).toBe('stale')
    expect(standard(headers, body, 1_699_999_699)).toBe('stale')
    expect(standard(headers, body, 1_700_000_299)).toBe('ok')
    expect(standard({ 'svix-id': 'msg_1', 'svix-timestamp': '1700000000', 'svix-signature': signature })).toBe('ok')
    expect(standard({ ...headers, 'webhook-signature': `v2,x v1,wrong ${signature}` })).toBe('ok')
    expect(standard({ ...headers, 'webhook-signature': undefined })).toBe('wrong')
    // While a secret is changed, both count.
    expect(standard(headers, body, undefined, ['whsec_bmV3', secret])).toBe('ok')
    expect(standard(headers, body, undefined, [])).toBe('wrong')
  })

  test('Standard Webhooks: a public key checks what a private one has signed', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
    const made = sign(null, Buffer.from(`msg_1.1700000000.${body}`), privateKey).toString('base64')
    const given = { ...headers, 'webhook-signature': `v1a,${made}` }
    expect(standard(given, body, undefined, [`whpk_${raw}`])).toBe('ok')
    expect(standard(given, Buffer.from('{}'), undefined, [`whpk_${raw}`])).toBe('wrong')
  })

  test.each([
    ['shopify', 'x-shopify-hmac-sha256', 'base64', ''],
    ['woocommerce', 'x-wc-webhook-signature', 'base64', ''],
    ['shopware', 'shopware-shop-signature', 'hex', ''],
    ['hmac', 'x-hub-signature-256', 'hex', 'sha256='],
  ] as const)('%s signs the body in %s', (scheme, header, digest, prefix) => {
    const webhook = { scheme, ...(scheme === 'hmac' ? { header, digest, prefix } : {}) }
    const good = prefix + createHmac('sha256', 's3cret-s3cret').update(body).digest(digest)
    expect(check(webhook, ['s3cret-s3cret'], { [header]: good })).toBe('ok')
    expect(check(webhook, ['other'], { [header]: good })).toBe('wrong')
    expect(check(webhook, ['s3cret-s3cret'], { [header]: good }, Buffer.from('{"a":2}'))).toBe('wrong')
    expect(check(webhook, ['s3cret-s3cret'], {})).toBe('wrong')
    expect(check(webhook, ['s3cret-s3cret'], { [header]: prefix })).toBe('wrong')
  })

  test('WooCommerce greets without a signature when a webhook is saved; nothing else passes that way', () => {
    const greeting = Buffer.from('webhook_id=12')
    expect(check({ scheme: 'woocommerce' }, ['s'], {}, greeting)).toBe('ping')
    expect(check({ scheme: 'woocommerce' }, ['s'], {}, Buffer.from('webhook_id=12&x=1'))).toBe('wrong')
    expect(check({ scheme: 'woocommerce' }, ['s'], { 'x-wc-webhook-signature': 'bad' }, greeting)).toBe('wrong')
    expect(check({ scheme: 'shopify' }, ['s'], {}, greeting)).toBe('wrong')
  })

  test('Stripe signs time and body, and an old time is refused', () => {
    const made = createHmac('sha256', 'whsec_test').update(`1700000000.${body}`).digest('hex')
    const given = { 'stripe-signature': `t=1700000000,v1=${'0'.repeat(64)},v1=${made},v0=x` }
    expect(check({ scheme: 'stripe' }, ['whsec_test'], given)).toBe('ok')
    expect(check({ scheme: 'stripe' }, ['whsec_test'], given, body, 1_700_000_400)).toBe('stale')
    expect(check({ scheme: 'stripe' }, ['whsec_test'], { 'stripe-signature': 't=1700000001,v1=' + made })).toBe('wrong')
  })
})

describe('webhooks of shops', () => {
  const order = {
    id: 5001,
    name: '#1001',
    total_price: '59.90',
    currency: 'EUR',
    email: 'a@x.de',
    customer: { id: 9 },
    line_items: [{ sku: 'S', title: 'Boot', price: '59.90', quantity: 1 }],
    processed_at: '2026-03-02T09:00:00+01:00',
  }
  const heads = { 'x-shopify-topic': 'orders/create', 'x-shopify-event-id': 'ev-1' }
  test('an order of Shopify is an order, and a refund names the same order', () => {
    const [sold] = eventsOf(heard('webhook', 'webhook', order, { webhook: { scheme: 'shopify' }, heads }))
    expect(sold).toMatchObject({
      name: 'Order Completed',
      messageId: 'ev-1',
      at: '2026-03-02T08:00:00.000Z',
      properties: { order_id: 5001, minor: { total: 5990 } },
    })
    expect(names(sold)).toEqual(['user_id:9', 'email:a@x.de', 'order_no:5001'])
    const refund = { order_id: 5001, transactions: [{ amount: '10.00', currency: 'EUR' }], refund_line_items: [] }
    const [back] = eventsOf(
      heard('webhook', 'webhook', refund, {
        webhook: { scheme: 'shopify' },
        heads: { ...heads, 'x-shopify-topic': 'refunds/create', 'x-shopify-event-id': 'ev-2' },
      }),
    )
    expect(back).toMatchObject({ name: 'Order Refunded', properties: { order_id: 5001, minor: { total: 1000 } } })
  })
  test('WooCommerce writes UTC without saying so; Shopware and Stripe name things inside the body', () => {
    const woo = {
      number: '77',
      total: '12.00',
      currency: 'EUR',
      billing: { email: 'a@x.de' },
      date_created_gmt: '2026-03-02T08:30:00',
    }
    const [order77] = eventsOf(
      heard('webhook', 'webhook', woo, {
        webhook: { scheme: 'woocommerce' },
        heads: { 'x-wc-webhook-topic': 'order.created', 'x-wc-webhook-delivery-id': 'd' },
      }),
    )
    expect(order77).toMatchObject({
      name: 'Order Completed',
      at: '2026-03-02T08:30:00.000Z',
      properties: { order_id: '77' },
    })
    const shopware = {
      source: { eventId: 'sw-1' },
      data: {
        event: 'checkout.order.placed',
        payload: {
          order: {
            orderNumber: '10001',
            amountTotal: 20,
            currency: { isoCode: 'EUR' },
            orderCustomer: { email: 'a@x.de' },
          },
        },
      },
    }
    expect(eventsOf(heard('webhook', 'webhook', shopware, { webhook: { scheme: 'shopware' } }))[0]).toMatchObject({
      name: 'Order Completed',
      messageId: 'sw-1',
      properties: { order_id: '10001' },
    })
    const stripe = { id: 'evt_1', type: 'charge.refunded', created: 1_772_441_000, data: { object: { id: 'ch_1' } } }
    expect(heard('webhook', 'webhook', stripe, { webhook: { scheme: 'stripe' } })[0]?.reasons[0]).toMatchObject({
      code: 'unmapped',
      path: 'charge.refunded',
    })
    const mappings: SourceFacts['mappings'] = [
      { type: 'charge.*', call: 'track', event: 'Payment Refunded', fields: { userId: 'data.object.id' } },
    ]
    expect(eventsOf(heard('webhook', 'webhook', stripe, { mappings, webhook: { scheme: 'stripe' } }))[0]).toMatchObject(
      { name: 'Payment Refunded', messageId: 'evt_1' },
    )
  })
  test('a mapping reaches own fields only', () => {
    const mappings: SourceFacts['mappings'] = [
      {
        type: '*',
        call: 'track',
        event: 'X',
        fields: {
          'properties.a': '__proto__.toString',
          'properties.__proto__.polluted': '=1',
          'properties.b': 'constructor.name',
        },
      },
    ]
    const [event] = eventsOf(heard('webhook', 'webhook', { type: 't' }, { mappings, webhook: { scheme: 'standard' } }))
    expect(({} as { polluted?: string }).polluted).toBeUndefined()
    expect(Object.keys(event?.properties ?? {})).toEqual(['__proto__'])
  })
})

test('RudderStack: a message of its webhook source waits until its type is mapped', () => {
  const said = { type: 'form.sent', id: 'w1', mail: 'a@x.de' }
  expect(heard('rudderstack', 'webhook', said)[0]?.reasons[0]).toMatchObject({ code: 'unmapped', path: 'form.sent' })
})

test('RudderStack: traits of a browser’s identify stand in the context; two names are joined by a server only', () => {
  const [identify] = eventsOf(
    heard(
      'rudderstack',
      'identify',
      {
        userId: 'u',
        anonymousId: 'a',
        messageId: 'm',
        context: { traits: { email: 'a@x.de' } },
        sentAt: '2026-03-02T11:00:00Z',
        originalTimestamp: '2026-03-02T10:59:50Z',
      },
      { trust: 'publishable' },
    ),
  )
  expect(identify).toMatchObject({
    dialect: 'rudderstack',
    traits: { email: 'a@x.de' },
    at: '2026-03-02T08:59:50.000Z',
  })
  const merge = {
    mergeProperties: [
      { type: 'email', value: 'a@x.de' },
      { type: 'userId', value: 'u' },
    ],
  }
  expect(names(eventsOf(heard('rudderstack', 'merge', merge))[0])).toEqual(['email:a@x.de', 'user_id:u'])
  expect(heard('rudderstack', 'merge', merge, { trust: 'publishable' })[0]?.reasons[0]?.code).toBe('needs_review')
})

test('Dittofeed: without a time the arrival counts', () => {
  const [event] = eventsOf(
    heard('dittofeed', 'batch', { batch: [{ type: 'track', event: 'X', userId: 'u', messageId: 'm' }] }),
  )
  expect(event).toMatchObject({ dialect: 'dittofeed', at: '2026-03-02T09:00:00.000Z', originalAt: null })
})

test('an item that waits is said again through its own dialect, with its own id and times', () => {
  const cases: [api.ingest.DialectName, string, JsonObject, More?][] = [
    [
      'segment',
      'batch',
      {
        context: { locale: 'de' },
        sentAt: '2026-03-02T11:00:00Z',
        batch: [{ type: 'track', event: 'X', messageId: 'm', timestamp: '2026-03-02T10:59:00Z' }],
      },
    ],
    [
      'posthog',
      'batch',
      {
        sent_at: '2026-03-02T11:00:00Z',
        batch: [{ event: 'X', uuid: 'm', timestamp: '2026-03-02T10:59:00Z', properties: {} }],
      },
    ],
    ['snowplow', 'tp2', { data: [{ e: 'zz', eid: 'm', dtm: '1772441940000', stm: '1772442000000' }] }],
    ['unomi', 'context', { events: [{ eventType: 'view', itemId: 'm' }] }],
  ]
  const repairs: { [dialect: string]: object } = {
    segment: { userId: 'u' },
    posthog: { distinct_id: 'u' },
    snowplow: { e: 'pv', uid: 'u' },
    unomi: { sessionId: 's' },
  }
  for (const [dialect, call, body, more] of cases) {
    const [waiting] = heard(dialect, call, body, more)
    expect(waiting?.event, dialect).toBeNull()
    const raw = waiting?.raw()
    const patched = { ...(raw?.payload as object), ...repairs[dialect] }
    const row = {
      source: source.id,
      receivedAt: new Date(receivedAt),
      payload: raw?.payload,
      patched,
      request: raw?.request,
    } as unknown as QuarantineRow
    const [again] = eventsOf(itemsOf(replayRequest(row), source, 8, 0))
    expect(again?.messageId, dialect).toBe('m')
    if (dialect !== 'unomi') expect(again?.at, dialect).toBe('2026-03-02T08:59:00.000Z')
    if (dialect === 'segment') expect(again?.context).toMatchObject({ locale: 'de' })
  }
})
