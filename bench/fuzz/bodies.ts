/** Hostile bodies: valid ones of every dialect, broken in every way that is known to break parsers. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

export type Hostile = {
  method: string
  path: string
  headers: { [name: string]: string }
  body: Buffer
  kind: string
}

export type Draw = () => number

export function randomFrom(seed: number): Draw {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

type Seed = { method?: string; path: string; headers?: { [name: string]: string }; body: object | object[] }

/** One honest request of each dialect; `KEY` and `SLUG` are filled in. */
function seeds(number: number): Seed[] {
  const item = {
    type: 'track',
    event: 'Product Viewed',
    userId: `u-${number}`,
    messageId: `f-${number}`,
    timestamp: '2026-03-02T09:00:00Z',
    properties: { sku: 'A', price: 1.5, currency: 'EUR', products: [{ sku: 'A' }] },
    context: { traits: { email: 'a@x.de' }, consent: { categoryPreferences: { marketing: true } } },
  }
  const json = { 'content-type': 'application/json' }
  return [
    {
      path: '/v1/batch',
      headers: json,
      body: {
        batch: [item, { ...item, type: 'identify', messageId: `g-${number}` }],
        sentAt: '2026-03-02T09:00:00Z',
        context: { a: 1 },
      },
    },
    { path: '/v1/t', headers: { 'content-type': 'text/plain' }, body: item },
    { path: '/v1/alias', headers: json, body: { userId: 'a', previousId: `b-${number}`, messageId: `f-${number}` } },
    {
      path: '/v1/merge',
      headers: json,
      body: {
        mergeProperties: [
          { type: 'email', value: 'a@x.de' },
          { type: 'userId', value: `u-${number}` },
        ],
      },
    },
    { path: '/api/s/s2s/track', headers: json, body: item },
    { path: '/api/public/apps/batch', headers: json, body: { batch: [item] } },
    {
      method: 'PUT',
      path: `/api/v1/customers/u-${number}`,
      headers: json,
      body: { email: 'a@x.de', unsubscribed: true, cio_subscription_preferences: { topics: { topic_1: false } } },
    },
    {
      path: `/api/v1/customers/u-${number}/events`,
      headers: json,
      body: { name: 'X', data: { a: 1 }, timestamp: 1772441000 },
    },
    {
      path: '/batch/',
      headers: json,
      body: {
        batch: [
          {
            event: '$identify',
            distinct_id: `u-${number}`,
            uuid: `f-${number}`,
            properties: { $set: { email: 'a@x.de' }, $anon_distinct_id: 'd' },
          },
        ],
      },
    },
    {
      path: '/e/',
      headers: { 'content-type': 'text/plain' },
      body: [{ event: 'X', uuid: `f-${number}`, properties: { distinct_id: 'd', $device_id: 'd' } }],
    },
    {
      path: '/api/events',
      headers: { ...json, revision: '2026-07-15' },
      body: {
        data: {
          type: 'event',
          attributes: {
            unique_id: `f-${number}`,
            properties: { a: 1 },
            metric: { data: { attributes: { name: 'X' } } },
            profile: { data: { attributes: { email: 'a@x.de' } } },
          },
        },
      },
    },
    {
      path: '/api/profile-subscription-bulk-create-jobs',
      headers: json,
      body: {
        data: {
          attributes: {
            profiles: {
              data: [
                { attributes: { email: 'a@x.de', subscriptions: { email: { marketing: { consent: 'SUBSCRIBED' } } } } },
              ],
            },
          },
        },
      },
    },
    {
      path: '/com.snowplowanalytics.snowplow/tp2',
      headers: json,
      body: {
        data: [
          {
            e: 'ue',
            aid: 'SLUG',
            eid: `f-${number}`,
            uid: 'u',
            ue_px: Buffer.from('{"data":{"schema":"iglu:a/b/c/1","data":{"a":1}}}').toString('base64url'),
            cx: 'e30',
          },
        ],
      },
    },
    {
      path: '/context.json',
      headers: { 'content-type': 'text/plain' },
      body: {
        sessionId: `s-${number}`,
        source: { scope: 'SLUG' },
        events: [{ eventType: 'view', itemId: `f-${number}`, target: { properties: { pageInfo: { pageName: 'X' } } } }],
        personalizations: [{ id: 'p' }],
      },
    },
    {
      path: '/api/ingest/cloudevents',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: { specversion: '1.0', id: `f-${number}`, source: '/till', type: 'fuzz', data: { userId: 'u', probe: 1 } },
    },
    {
      path: '/api/ingest/cloudevents',
      headers: {
        ...json,
        'ce-id': `f-${number}`,
        'ce-source': '/till',
        'ce-type': 'fuzz',
        'ce-specversion': '1.0',
        'ce-subject': '%C0%A0',
      },
      body: { userId: 'u' },
    },
  ]
}

const nasty: unknown[] = [
  null,
  true,
  -1,
  1e308,
  -0,
  0.1,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '﻿',
  'a'.repeat(5000),
  [],
  {},
  [[]],
  '__proto__',
  '2026-02-31T25:61:00Z',
  '9999999999999',
  '-1',
  'null',
  'undefined',
  '../../etc/passwd',
  "'; drop table x; --",
  '=1+1',
  '\u202e',
  '𝕏',
  2 ** 64,
  '1'.repeat(400),
]

/** Replaces, removes, doubles or nests one value somewhere in the document. */
function twisted(value: unknown, draw: Draw): unknown {
  const pick = () => nasty[Math.floor(draw() * nasty.length)]
  if (value === null || typeof value !== 'object' || draw() < 0.08) return draw() < 0.5 ? pick() : value
  if (Array.isArray(value)) {
    const copy = value.map((one) => (draw() < 0.6 ? twisted(one, draw) : one))
    if (draw() < 0.2) copy.push(pick())
    return copy
  }
  const entries = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    const roll = draw()
    if (roll < 0.06) return []
    if (roll < 0.1) return [[String(pick()), inner]]
    return [[name, draw() < 0.5 ? twisted(inner, draw) : inner]]
  })
  if (draw() < 0.1) entries.push(['__proto__', { polluted: true }], ['constructor', { prototype: { polluted: true } }])
  return Object.fromEntries(entries)
}

const breakers: {
  [kind: string]: (text: Buffer, draw: Draw) => { body: Buffer; headers?: { [name: string]: string } }
} = {
  as_it_is: (body) => ({ body }),
  cut: (body, draw) => ({ body: body.subarray(0, Math.floor(draw() * body.length)) }),
  flipped: (body, draw) => {
    const copy = Buffer.from(body)
    for (let turn = 0; turn < 1 + draw() * 8; turn++) copy[Math.floor(draw() * copy.length)] = Math.floor(draw() * 256)
    return { body: copy }
  },
  noise: (_, draw) => ({
    body: Buffer.from(Array.from({ length: Math.floor(draw() * 400) }, () => Math.floor(draw() * 256))),
  }),
  gzip: (body) => ({ body: gzipSync(body), headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  gzip_cut: (body, draw) => {
    const packed = gzipSync(body)
    return { body: packed.subarray(0, 2 + Math.floor(draw() * (packed.length - 2))) }
  },
  gzip_flipped: (body, draw) => {
    const packed = gzipSync(body)
    packed[2 + Math.floor(draw() * (packed.length - 2))] = Math.floor(draw() * 256)
    return { body: packed }
  },
  wrong_encoding: (body, draw) => ({
    body,
    headers: { 'content-encoding': ['br', 'gzip', 'deflate', 'zstd', 'x-gzip'][Math.floor(draw() * 5)] as string },
  }),
  brotli: (body) => ({ body: brotliCompressSync(body), headers: { 'content-encoding': 'br' } }),
  deflate: (body) => ({ body: deflateSync(body), headers: { 'content-encoding': 'deflate' } }),
  utf16: (body) => ({ body: Buffer.from(`\ufeff${body.toString('utf8')}`, 'utf16le') }),
  bom: (body) => ({ body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]) }),
  latin1: (body) => ({ body: Buffer.from(body.toString('utf8').replaceAll('a', 'ä'), 'latin1') }),
  doubled_keys: (body) => ({
    body: Buffer.from(body.toString('utf8').replace('{', '{"messageId":"x","messageId":"y","batch":[],')),
  }),
  not_numbers: (body) => ({ body: Buffer.from(body.toString('utf8').replace(/:\d+(\.\d+)?/, ':NaN')) }),
  deep: (body, draw) => {
    const levels = Math.floor(60 + draw() * 3000)
    return {
      body: Buffer.from(
        body
          .toString('utf8')
          .replace(/"properties":\{/, `"properties":{"d":${'{"d":'.repeat(levels)}1${'}'.repeat(levels)},`),
      ),
    }
  },
  deep_arrays: (_, draw) => ({ body: Buffer.from('['.repeat(Math.floor(draw() * 100_000))) }),
  many_properties: (body) => ({
    body: Buffer.from(
      body
        .toString('utf8')
        .replace(
          /"properties":\{/,
          `"properties":{${Array.from({ length: 10_000 }, (_, at) => `"p${at}":${at}`).join()},`,
        ),
    ),
  }),
  escapes: (body) => ({ body: Buffer.from(body.toString('utf8').replaceAll('"u', '"\\u0000\\ud83d')) }),
}

const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, '['))
const jsonBomb = gzipSync(
  Buffer.concat([Buffer.from('{"batch":['), Buffer.alloc(40 * 1024 * 1024, ' '), Buffer.from(']}')]),
)

/** The body of a number is always the same. */
export function hostile(number: number, seed: number, key: string, slug: string): Hostile {
  const draw = randomFrom(seed * 1_000_003 + number)
  if (number % 400 === 0)
    return {
      method: 'POST',
      path: '/v1/batch',
      headers: { authorization: `Bearer ${key}` },
      body: draw() < 0.5 ? bomb : jsonBomb,
      kind: 'bomb',
    }
  const all = seeds(number)
  const chosen = all[Math.floor(draw() * all.length)] as Seed
  const document = draw() < 0.6 ? twisted(chosen.body, draw) : chosen.body
  const text = Buffer.from((JSON.stringify(document) ?? 'null').replaceAll('SLUG', slug))
  const kinds = Object.keys(breakers)
  const kind = kinds[Math.floor(draw() * kinds.length)] as string
  const broken = (breakers[kind] as (typeof breakers)[string])(text, draw)
  const headers: { [name: string]: string } = { ...chosen.headers, authorization: `Bearer ${key}`, ...broken.headers }
  if (draw() < 0.05)
    headers.authorization = ['Basic', 'Basic ', 'Basic !!!', 'Bearer', `${key}`, 'x'.repeat(4000)][
      Math.floor(draw() * 6)
    ] as string
  if (draw() < 0.05)
    headers['content-type'] = ['', 'multipart/form-data', 'application/xml', 'text/html;charset=utf-7'][
      Math.floor(draw() * 4)
    ] as string
  if (draw() < 0.03)
    Object.assign(headers, {
      sentat: '%%%',
      anonymousid: '////',
      'x-retry-count': '-1e9',
      'sec-gpc': '2',
      origin: 'null',
    })
  const path =
    draw() < 0.03
      ? `${chosen.path}${['/..', '%00', '?data=%', '//', '/%ff%fe', '?__proto__.x=1'][Math.floor(draw() * 6)]}`
      : chosen.path
  return { method: chosen.method ?? 'POST', path, headers, body: broken.body, kind }
}
