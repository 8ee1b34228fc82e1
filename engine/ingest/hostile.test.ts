/** What is answered to bad input, and what is stored of it. */

import { createHmac } from 'node:crypto'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { AppliedBatch, api, NormalEvent, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIngest, type Ingest, type IngestInside } from './index.ts'

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const dialects: api.ingest.DialectName[] = [
  'segment',
  'posthog',
  'customerio',
  'klaviyo',
  'snowplow',
  'unomi',
  'cloudevents',
  'webhook',
]
const secret = 'whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg='

let world: TestGround
let ingest: Ingest & IngestInside
let server: Server
let url: string
let key: string
let open: string
let applied: NormalEvent[] = []

beforeAll(async () => {
  world = await testGround()
  const apply = async (_: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  ingest = createIngest({ ground: world.ground, apply })
  const { database } = world.ground
  const shop = await database.transaction(async (tx) => {
    const made = await ingest.sources.create(
      tx,
      { name: 'Shop', kind: 'web', dialects, webhook: { scheme: 'standard' }, origins: ['https://shop.example'] },
      'secret',
    )
    await ingest.sources.addWebhookSecret(tx, made.source.id, secret, 24)
    return { ...made, open: (await ingest.sources.addKey(tx, made.source.id, 'publishable')).key }
  })
  ingest.sources.forget()
  key = shop.key ?? ''
  open = shop.open
  server = createServer(
    { headersTimeout: 500, requestTimeout: 800, connectionsCheckingInterval: 100 },
    (incoming, outgoing) => {
      if (!ingest.trackingListener(incoming, outgoing)) outgoing.writeHead(404).end()
    },
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await world.close()
})
beforeEach(async () => {
  await ingest.drain()
  applied = []
  await world.ground.database.run`delete from ingest.quarantine`
  await world.ground.database.run`delete from ingest.counter`
})

type Options = { headers?: { [name: string]: string }; method?: string; key?: string | null }
async function send(path: string, body: unknown, options: Options = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const shown = options.key === undefined ? key : options.key
  const answer = await fetch(url + path, {
    method: options.method ?? 'POST',
    headers: { ...(shown === null ? {} : { authorization: `Bearer ${shown}` }), ...options.headers },
    ...(options.method === 'GET' ? {} : { body: new Uint8Array(bytes) }),
  })
  const text = await answer.text()
  const said = text.startsWith('{') ? (JSON.parse(text) as { error?: { code: string } }) : null
  return { status: answer.status, code: said?.error?.code ?? null, headers: answer.headers, text }
}

/** What has become of everything so far: events, and codes of what waits. */
async function stored() {
  await ingest.drain()
  const rows = await ingest.quarantine.items(world.ground.database, {}, ['open'], null, 100)
  const waiting = rows.map(({ reasons, payload }) => ({ code: reasons[0]?.code, path: reasons[0]?.path, payload }))
  return { events: applied, waiting, codes: waiting.map(({ code }) => String(code)).sort() }
}
let number = 0
const item = (more: object = {}) => ({
  type: 'track',
  event: 'Seen',
  userId: 'u-1',
  messageId: `h-${number++}`,
  ...more,
})

test('oversize: more than 4 MiB on the wire or 16 MiB unpacked is 413 and leaves nothing', async () => {
  const before = process.memoryUsage().rss
  expect((await send('/v1/batch', Buffer.alloc(4 * 1024 * 1024 + 1, 32))).status).toBe(413)
  const bomb = gzipSync(Buffer.alloc(128 * 1024 * 1024, 32))
  expect(bomb.length).toBeLessThan(300_000)
  for (let turn = 0; turn < 3; turn++) expect((await send('/v1/batch', bomb)).status).toBe(413)
  // Inflating stops at the limit: three times 128 MiB would show.
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
  expect(await stored()).toMatchObject({ events: [], waiting: [] })
}, 60_000)

test('a batch of 1.3 MB and events up to 256 KiB are taken; a larger item waits alone', async () => {
  const batch = Array.from({ length: 1000 }, () => item({ properties: { text: 'i'.repeat(1200) } }))
  batch.push(item({ properties: { text: 'x'.repeat(33_000) } }), item({ properties: { text: 'x'.repeat(100_000) } }))
  batch.push(item({ properties: { text: 'ß'.repeat(140_000) } }))
  expect((await send('/v1/batch', { batch })).status).toBe(200)
  const { events, codes } = await stored()
  expect([events.length, codes]).toEqual([1002, ['event_too_large']])
  expect(events.at(-2)?.flags).not.toContain('large_event')
  expect(events.at(-1)?.flags).toContain('large_event')
})

test('undecodable: a broken stream or broken JSON is 400 with its place, and leaves nothing', async () => {
  expect(await send('/v1/batch', gzipSync('{"batch":[]}').subarray(0, 14))).toMatchObject({
    status: 400,
    code: 'broken_encoding',
  })
  expect(await send('/v1/batch', Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toMatchObject({
    status: 400,
    code: 'broken_encoding',
  })
  expect(await send('/v1/batch', '{"batch":[{"a":NaN}]}')).toMatchObject({ status: 400, code: 'malformed_json' })
  expect(await send('/v1/batch', '{"batch":[{"a":Infinity}]}')).toMatchObject({ status: 400, code: 'malformed_json' })
  expect(await send('/v1/batch', Buffer.from('\ufeff{"batch":[]}', 'utf16le'))).toMatchObject({
    status: 400,
    code: 'malformed_json',
  })
  expect(await send('/v1/batch', '')).toMatchObject({ status: 400, code: 'malformed_json' })
  expect(await send('/v1/batch', '[]')).toMatchObject({ status: 400, code: 'not_an_object' })
  expect(await send('/v1/batch', '{"batch":{}}')).toMatchObject({ status: 400, code: 'malformed' })
  expect(await stored()).toMatchObject({ events: [], waiting: [] })
})

test('bytes that are no UTF-8 and a byte order mark do not stop what can be read', async () => {
  const text = JSON.stringify(item({ properties: { name: 'GRÖSSE' } }))
  expect((await send('/v1/track', Buffer.from(text, 'latin1'))).status).toBe(200)
  expect((await send('/v1/track', `\ufeff${JSON.stringify(item({ event: 'After the mark' }))}`)).status).toBe(200)
  const { events } = await stored()
  expect(events.map(({ name, properties }) => properties.name ?? name)).toEqual(['GR\ufffdSSE', 'After the mark'])
})

test('impossible times never lose an event: unreadable and future ones become the arrival, ancient ones wait', async () => {
  const at = [
    '2026-02-31T25:61:00Z',
    'yesterday',
    '2036-01-01T00:00:00Z',
    '1899-01-01T00:00:00Z',
    99,
    '2026-03-02T08:00:00',
    {},
  ]
  await send('/v1/batch', { batch: at.map((timestamp) => item({ timestamp })) })
  const { events, waiting } = await stored()
  expect(events.map(({ flags }) => flags.join())).toEqual([
    'bad_time',
    'bad_time',
    'future_time',
    'bad_time',
    'zone_missing',
    'bad_time',
  ])
  expect(events[0]?.at).toBe(world.clock.now().toISOString())
  expect(events[2]).toMatchObject({ at: world.clock.now().toISOString(), originalAt: '2036-01-01T00:00:00.000Z' })
  expect(waiting).toMatchObject([{ code: 'too_old', payload: { timestamp: '1899-01-01T00:00:00Z' } }])
})

test('ten thousand properties and three hundred traits are kept', async () => {
  const properties = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`p${at}`, at]))
  const traits = Object.fromEntries(Array.from({ length: 301 }, (_, at) => [`t${at}`, at]))
  await send('/v1/batch', { batch: [item({ properties }), item({ type: 'identify', traits })] })
  const { events, waiting } = await stored()
  expect(waiting).toEqual([])
  expect(Object.keys(events[0]?.properties ?? {})).toHaveLength(10_000)
  expect(events[1]?.flags).toContain('many_traits')
})

test('hostile keys are data in every dialect and reach no prototype', async () => {
  const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":1'
  await send('/v1/track', `${evil},"event":"E","userId":"u","messageId":"p1","properties":${evil}},"traits":${evil}}}`)
  await send(
    '/batch/',
    `{"batch":[{"event":"$identify","distinct_id":"u","uuid":"p2","properties":{"$set":${evil}},"$set_once":${evil}}}}]}`,
  )
  await send('/api/v1/customers/u', `${evil}}`, { method: 'PUT' })
  await send(
    '/api/profile-import',
    `{"data":{"attributes":{"external_id":"u","properties":${evil}},"__proto__":{"x":1}}}}`,
  )
  await send('/v1/pixel/track?__proto__.polluted=1&constructor.prototype.polluted=1&event=E&userId=u', '', {
    method: 'GET',
  })
  const { events, waiting } = await stored()
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(waiting).toEqual([])
  expect(events.map(({ dialect }) => dialect)).toEqual(['segment', 'posthog', 'customerio', 'klaviyo'])
  for (const { traits, properties } of events) {
    expect(Object.getPrototypeOf(traits)).toBe(Object.prototype)
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype)
  }
  expect(Object.keys(events[0]?.properties ?? {})).toEqual(['__proto__', 'constructor', 'prototype'])
})

test('keys named twice, NUL and half characters are told on the event; numbers that lost digits wait', async () => {
  await send('/v1/track', '{"event":"E","userId":"first","userId":"last","messageId":"k1"}')
  await send(
    '/v1/track',
    '{"event":"a\\u0000b","userId":"u","messageId":"k2","properties":{"t":"\\ud83d"},"context":{"x\\u0000":"\\u0000"}}',
  )
  await send(
    '/v1/batch',
    '{"context":{"n":"\\u0000"},"batch":[{"type":"da\\u0000nce","userId":"u","messageId":"k3\\u0000"},{"type":"track","event":"E","userId":12345678901234567890}]}',
  )
  const { events, waiting, codes } = await stored()
  expect(events.map(({ flags }) => flags)).toEqual([
    ['duplicate_key'],
    expect.arrayContaining(['nul_removed', 'surrogate_replaced']),
  ])
  expect(events[0]?.identifiers[0]?.value).toBe('last')
  expect(waiting.find(({ code }) => code === 'unknown_type')?.payload).toMatchObject({ type: 'da\0nce' })
  expect(codes).toEqual(['unknown_type', 'unsafe_number'])
})

test('nesting beyond 64 levels waits, wherever it hides, and cannot exhaust us', async () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  await send('/v1/track', `{"event":"E","userId":"u","messageId":"d1","properties":${deep(60)}}`)
  await send('/v1/track', `{"event":"E","userId":"u","messageId":"d2","properties":${deep(70)}}`)
  await send('/v1/track', `{"event":"E","userId":"u","messageId":"d3","context":${deep(50_000)}}`)
  const hidden = Buffer.from(`{"data":{"schema":"iglu:a/b/c/1","data":${deep(90)}}}`).toString('base64url')
  await send(
    '/com.snowplowanalytics.snowplow/tp2',
    { data: [{ e: 'ue', aid: 'shop', uid: 'u', ue_px: hidden }] },
    { key: null },
  )
  const { events, codes } = await stored()
  expect([events.length, codes]).toEqual([1, ['too_deep', 'too_deep', 'too_deep']])
})

test('items that miss something never change the answer, and wait with the reason', async () => {
  const batch = [
    item({ event: '' }),
    item({ userId: ' ' }),
    { type: 'group', userId: 'u' },
    { type: 'alias', userId: 'u' },
    'text',
    null,
    7,
    [],
  ]
  expect((await send('/v1/batch', { batch })).status).toBe(200)
  expect(
    (await send('/api/ingest/cloudevents', { a: 1 }, { headers: { 'content-type': 'application/cloudevents+json' } }))
      .status,
  ).toBe(202)
  expect(
    (
      await send(
        '/context.json',
        { source: { scope: 'shop' }, sessionId: 's', events: [null, 7, { eventType: 'x' }] },
        { key: null },
      )
    ).status,
  ).toBe(200)
  expect((await send('/e/', [{ event: 7 }, null])).status).toBe(200)
  const { codes } = await stored()
  expect(codes).toEqual([
    'missing_event',
    'missing_event',
    'missing_group',
    'missing_id',
    'missing_previous',
    ...Array.from({ length: 8 }, () => 'unparsable'),
  ])
})

test('an unplanned type of message is kept and listed as not mapped yet', async () => {
  const event = { specversion: '1.0', id: '1', source: '/till', type: 'till.opened', data: { drawer: 1 } }
  const headers = { 'content-type': 'application/cloudevents+json' }
  expect((await send('/api/ingest/cloudevents', event, { headers })).status).toBe(202)
  expect((await stored()).waiting).toEqual([{ code: 'unmapped', path: 'till.opened', payload: event }])
})

test('wrong, stale and repeated signatures: 401 leaves nothing, a repeat has no second effect', async () => {
  const body = JSON.stringify({ type: 'shop.opened', timestamp: '2026-03-02T09:00:00Z', data: {} })
  const now = Math.floor(world.clock.now().getTime() / 1000)
  const signed = (id: string, at: number, text = body, prefix = 'webhook') => ({
    'content-type': 'application/json',
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(at),
    [`${prefix}-signature`]: `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(`${id}.${at}.${text}`)
      .digest('base64')}`,
  })
  const post = (headers: { [name: string]: string }, text = body) =>
    send('/api/ingest/webhooks/shop', text, { headers, key: null })
  expect(await post(signed('msg_1', now, '{}'))).toMatchObject({ status: 401, code: 'wrong_signature' })
  expect(await post(signed('msg_1', now - 301))).toMatchObject({ status: 401, code: 'stale_signature' })
  expect(await post({})).toMatchObject({ status: 401 })
  expect(await send('/api/ingest/webhooks/nobody', body, { headers: signed('msg_1', now) })).toMatchObject({
    status: 404,
  })
  expect((await stored()).waiting).toEqual([])
  expect((await post(signed('msg_1', now))).status).toBe(200)
  expect((await post(signed('msg_1', now + 60))).status).toBe(200)
  expect((await post(signed('msg_1', now, body, 'svix'))).status).toBe(200)
  expect((await stored()).waiting).toMatchObject([{ code: 'unmapped', path: 'shop.opened' }])
})

test('wrong keys store nothing, and whoever guesses is told to wait; a right key from there still works', async () => {
  expect(await send('/v1/track', item(), { key: 'guess' })).toMatchObject({ status: 401, code: 'unknown_key' })
  expect(await send('/v1/track', { ...item(), writeKey: open })).toMatchObject({ status: 401, code: 'key_conflict' })
  expect(await send('/v1/track', item(), { key: null })).toMatchObject({ status: 401 })
  let last = 401
  for (let guess = 0; guess < 200 && last === 401; guess++)
    last = (await send('/v1/track', item(), { key: `guess-${guess}` })).status
  expect(last).toBe(429)
  expect((await send('/v1/track', item())).status).toBe(200)
  expect((await stored()).events).toHaveLength(1)
})

test('a path whose dialect is off answers 404, also where another source speaks it', async () => {
  expect(await send('/api/public/apps/batch', { batch: [item()] })).toMatchObject({ status: 404, code: 'dialect_off' })
  const { database } = world.ground
  const other = await database.transaction((tx) =>
    ingest.sources.create(tx, { name: 'Other', kind: 'web', dialects: ['dittofeed'] }, 'secret'),
  )
  ingest.sources.forget()
  expect(await send('/api/public/apps/batch', { batch: [item()] })).toMatchObject({ status: 404, code: 'dialect_off' })
  expect((await send('/api/public/apps/batch', { batch: [item()] }, { key: other.key ?? '' })).status).toBe(204)
  expect(await send('/v1/batch', { batch: [item()] }, { key: other.key ?? '' })).toMatchObject({
    status: 404,
    code: 'dialect_off',
  })
})

test('pages: only the shop’s origin may read answers or name a source, and cookies need the origin', async () => {
  const from = (origin: string) => ({ headers: { origin } })
  const shop = await send(
    '/context.json',
    { source: { scope: 'shop' }, sessionId: 's' },
    { key: null, ...from('https://shop.example') },
  )
  expect(shop.headers.get('access-control-allow-origin')).toBe('https://shop.example')
  expect(shop.headers.get('access-control-allow-credentials')).toBe('true')
  expect(JSON.parse(shop.text)).toMatchObject({ sessionId: 's', profileProperties: {}, profileSegments: [] })
  const evil = await send(
    '/context.json',
    { source: { scope: 'shop' } },
    { key: null, ...from('https://evil.example') },
  )
  // 429 when the guesses of the test before are still remembered.
  expect([401, 429]).toContain(evil.status)
  const segment = await send('/v1/t', { ...item(), writeKey: open }, { key: null, ...from('https://evil.example') })
  expect([segment.status, segment.headers.get('access-control-allow-origin')]).toEqual([200, null])
  expect(segment.headers.get('access-control-allow-credentials')).toBeNull()
})

test('whoever sends a byte now and then is let go and holds up nobody', async () => {
  const { port } = server.address() as AddressInfo
  const closed = (text: string) =>
    new Promise<string>((done) => {
      let heard = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      const dribble = setInterval(() => socket.write(' '), 100)
      socket.on('data', (chunk) => (heard += String(chunk)))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(dribble)
        done(heard.split('\r\n')[0] ?? '')
      })
    })
  const slow = [
    closed('POST /v1/batch HTTP/1.1\r\nhost: x\r\nx-slow: '),
    closed('POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{'),
  ]
  expect((await send('/v1/track', item())).status).toBe(200)
  expect(await Promise.all(slow)).toEqual(['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout'])
  expect((await stored()).events).toHaveLength(1)
})

test('a client that hangs up in the middle of its body leaves nothing', async () => {
  const { port } = server.address() as AddressInfo
  await new Promise<void>((done) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/v1/batch',
      method: 'POST',
      headers: { 'content-length': '1000', authorization: `Bearer ${key}` },
    })
    outgoing.on('error', () => done())
    outgoing.write('{"batch":[')
    setTimeout(() => outgoing.destroy(), 50)
  })
  expect(await stored()).toMatchObject({ events: [], waiting: [] })
})
