import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import type { KeyId } from '@einklang/contract'
import { createMetrics } from '@einklang/platform'
import { beforeEach, expect, test } from 'vitest'
import { createDoor, type Door, type DoorAnswer } from './door.ts'
import type { InboxRequest } from './frame.ts'
import { hasDuplicateKeys, jsonFault } from './json-text.ts'
import type { KeyFacts, Sources } from './source.ts'

let door: Door
let stored: InboxRequest[]
let full: boolean

const source = {
  id: 'web',
  name: 'Shop',
  slug: 'shop',
  origins: ['https://shop.example'],
  dialects: ['segment'],
} as unknown as KeyFacts['source']
const keys: { [key: string]: KeyFacts } = {
  pk: { key: 'k1' as KeyId, trust: 'publishable', endsAt: null, source },
  sk: { key: 'k2' as KeyId, trust: 'secret', endsAt: null, source },
}

beforeEach(() => {
  stored = []
  full = false
  const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Parameters<typeof createDoor>[0]['log']
  door = createDoor({
    sources: {
      byKey: async (key: string) => keys[key] ?? null,
      speaks: async (dialects: string[]) => dialects.includes('segment'),
    } as unknown as Sources,
    inbox: {
      expect: () => (full ? null : { over: () => undefined }),
      commit: async (request) => {
        if (full) return 'full'
        stored.push(request)
        return 'durable'
      },
    },
    clock: { now: () => new Date('2026-03-02T09:00:00Z') },
    log: silent,
    metrics: createMetrics(),
  })
})

type More = { method?: string; headers?: { [name: string]: string }; query?: string }
async function ask(path: string, body: unknown = '', more: More = {}): Promise<DoorAnswer> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const headers = more.headers ?? {}
  const answer = await door.answer({
    method: more.method ?? 'POST',
    path,
    query: more.query ?? '',
    header: (name) => headers[name],
    headerNames: () => Object.keys(headers),
    body: async (limit) => (bytes.length > limit ? 'too_large' : bytes),
    address: '203.0.113.0',
  })
  return answer
}
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const event = { event: 'x', userId: 'u' }

test('every form in which clients show their key', async () => {
  const forms: [{ [name: string]: string }, unknown][] = [
    [basic('pk:'), event],
    [basic('pk'), event],
    [basic('site:pk'), event],
    [{ authorization: 'Bearer sk' }, event],
    [{ authorization: 'pk' }, event],
    [{ authorization: 'Klaviyo-API-Key sk' }, event],
    [{ 'x-write-key': 'id:sk' }, { ...event, writeKey: 'id:***' }],
    [{}, { ...event, writeKey: 'pk' }],
    [{}, { ...event, write_key: 'pk' }],
  ]
  for (const [headers, body] of forms) expect((await ask('/v1/track', body, { headers })).status).toBe(200)
  expect(stored).toHaveLength(forms.length)
  expect(stored[1]?.flags).toEqual(['basic_without_colon'])
})

test('no key, a wrong key and two different keys store nothing', async () => {
  expect((await ask('/v1/track', event)).status).toBe(401)
  expect((await ask('/v1/track', event, { headers: basic('guess:') })).status).toBe(401)
  const conflict = await ask('/v1/track', { ...event, writeKey: 'sk' }, { headers: basic('pk:') })
  expect([conflict.status, JSON.parse(String(conflict.body)).error.code]).toEqual([401, 'key_conflict'])
  expect(stored).toEqual([])
})

test('malformed JSON is answered with its place', async () => {
  const answer = await ask('/v1/track', '{"größe": 1, "b" 2}', { headers: basic('pk:') })
  expect(answer.status).toBe(400)
  expect(JSON.parse(String(answer.body)).error).toMatchObject({ code: 'malformed_json', at: '19' })
  expect((await ask('/v1/batch', { batch: {} }, { headers: basic('pk:') })).status).toBe(400)
  expect((await ask('/v1/batch', { batch: [] }, { headers: basic('pk:') })).status).toBe(200)
  expect((await ask('/v1/track', '[]', { headers: basic('pk:') })).status).toBe(400)
  expect(stored).toEqual([])
})

test('bytes decide before headers: gzip without a word, as a form, deflate both ways, brotli', async () => {
  const text = Buffer.from(JSON.stringify({ ...event, writeKey: 'pk' }))
  const sent: [Buffer, { [name: string]: string }][] = [
    [gzipSync(text), { 'content-type': 'text/plain' }],
    [gzipSync(text), { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' }],
    [deflateSync(text), { 'content-encoding': 'deflate' }],
    [deflateRawSync(text), { 'content-encoding': 'deflate' }],
    [brotliCompressSync(text), { 'content-encoding': 'br' }],
    [text, { 'content-type': 'text/plain' }],
  ]
  for (const [body, headers] of sent) expect((await ask('/v1/track', body, { headers })).status).toBe(200)
  for (const request of stored) expect(request.body).toEqual(text)
  expect((await ask('/v1/track', gzipSync(text).subarray(0, 20))).status).toBe(400)
})

test('too large on the wire or when unpacked is refused; a bomb stops while it inflates', async () => {
  expect((await ask('/v1/track', Buffer.alloc(5 * 1024 * 1024), { headers: basic('pk:') })).status).toBe(413)
  const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024))
  expect(bomb.length).toBeLessThan(4 * 1024 * 1024)
  expect((await ask('/v1/track', bomb, { headers: basic('pk:') })).status).toBe(413)
})

test('under pressure the answer is 429 with a time to come back', async () => {
  full = true
  const answer = await ask('/v1/track', event, { headers: basic('pk:') })
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1'])
})

test('browsers may ask before they send, and only the shop may read the answer', async () => {
  const origin = { origin: 'https://shop.example' }
  const preflight = await ask('/v1/track', '', { method: 'OPTIONS', headers: origin })
  expect(preflight.status).toBe(204)
  expect(preflight.headers['access-control-allow-headers']).toContain('authorization')
  const own = await ask('/v1/track', event, { headers: { ...basic('pk:'), ...origin } })
  expect(own.headers).toMatchObject({ 'access-control-allow-origin': 'https://shop.example', vary: 'Origin' })
  const other = await ask('/v1/track', event, { headers: { ...basic('pk:'), origin: 'https://other.example' } })
  expect(other.headers['access-control-allow-origin']).toBeUndefined()
  await ask('/v1/track', event, { headers: { ...basic('sk:'), ...origin } })
  expect(stored.at(-1)?.flags).toEqual(['secret_in_browser'])
})

test('one-letter paths, settings without counters sent home, and other methods', async () => {
  for (const letter of ['i', 't', 'p', 's', 'g', 'a']) await ask(`/v1/${letter}`, event, { headers: basic('pk:') })
  expect(stored.map((request) => request.call)).toEqual(['identify', 'track', 'page', 'screen', 'group', 'alias'])
  const settings = await ask('/v1/projects/pk/settings', '', { method: 'GET' })
  expect(JSON.parse(String(settings.body))).toMatchObject({
    metrics: { sampleRate: 0 },
    integrations: { 'Segment.io': { apiKey: 'pk' } },
  })
  expect((await ask('/v1/projects/guess/settings', '', { method: 'GET' })).status).toBe(404)
  expect((await ask('/v1/m', '{}')).status).toBe(200)
  expect((await ask('/v1/track', '', { method: 'GET' })).status).toBe(405)
  expect((await ask('/v1/dance', '{}')).status).toBe(404)
})

test('a pixel is always an image, and what it says is kept', async () => {
  const data = Buffer.from(JSON.stringify({ ...event, writeKey: 'pk' })).toString('base64url')
  const shown = await ask('/v1/pixel/track', '', { method: 'GET', query: `data=${data}` })
  expect([shown.status, shown.headers['content-type']]).toEqual([200, 'image/gif'])
  await ask('/v1/pixel/track', '', { method: 'GET', query: 'userId=u&event=Opened&properties.subject=Hi&writeKey=pk' })
  expect(JSON.parse(String(stored[1]?.body))).toMatchObject({ event: 'Opened', properties: { subject: 'Hi' } })
  expect((await ask('/v1/pixel/track', '', { method: 'GET', query: 'data=%%%' })).status).toBe(200)
  expect((await ask('/v1/pixel/track', '', { method: 'GET', query: '__proto__.x=1&writeKey=pk&event=e' })).status).toBe(
    200,
  )
  expect(({} as { x?: string }).x).toBeUndefined()
})

test('the place of a fault in JSON', () => {
  const at = (text: string) => jsonFault(text).offset
  expect(at('')).toBe(0)
  expect(at('{"a":}')).toBe(5)
  expect(at('{"a":1')).toBe(6)
  expect(at('[1,2,]')).toBe(5)
  expect(at('{"a":01}')).toBe(5)
  expect(at('"abc')).toBe(4)
  expect(at('{} x')).toBe(3)
  expect(at('['.repeat(200_000))).toBe(200_000)
  expect(hasDuplicateKeys('{"a":1,"b":{"a":2}}')).toBe(false)
  expect(hasDuplicateKeys('{"a":1,"b":[{"c":1,"c":2}]}')).toBe(true)
})
