import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Role, route, type UserId } from '@einklang/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createHttpServer, type HttpServer, truncated } from './edge.ts'
import { Outage, Refusal } from './failure.ts'
import { type Caller, mount } from './http.ts'
import { noMemory } from './memory.ts'
import { type TestGround, testGround } from './testing/index.ts'

const shared = { stage: 'budget', summary: 'For this test' } as const
const read = route({
  ...shared,
  name: 'read',
  method: 'get',
  path: '/plans/{plan}',
  may: ['analyst'],
  params: z.object({ plan: z.string().max(5) }),
  query: z.object({ week: z.coerce.number().int().optional(), channel: z.array(z.string()).optional() }),
  answer: z.object({ plan: z.string(), week: z.number().nullable(), channels: z.array(z.string()) }),
})
const write = route({
  ...shared,
  name: 'write',
  method: 'post',
  path: '/plans',
  may: ['marketer'],
  body: z.object({ name: z.string().min(1), nested: z.object({ amount: z.number().int() }).optional() }),
  answer: z.object({ count: z.number() }),
})
const mint = route({
  ...shared,
  name: 'mint',
  method: 'post',
  path: '/keys',
  may: ['marketer'],
  secretAnswer: true,
  answer: z.object({ secret: z.string() }),
})
const open = route({
  ...shared,
  name: 'open',
  method: 'get',
  path: '/open',
  may: 'anyone',
  answer: z.object({ fine: z.boolean() }),
})
const fail = route({
  ...shared,
  name: 'fail',
  method: 'get',
  path: '/fail/{how}',
  may: 'signed-in',
  params: z.object({ how: z.string() }),
})

let world: TestGround
let server: HttpServer
let url: string
let writes = 0
let mints = 0
const refusals: string[] = []
const callers: { [token: string]: Caller } = {
  analyst: user('analyst'),
  marketer: user('marketer'),
}
function user(role: Role): Caller {
  return { kind: 'user', user: `user-${role}` as UserId, name: role, roles: [role], session: 's' }
}

beforeAll(async () => {
  world = await testGround()
  const { database, live, metrics, log, config } = world.ground
  const consoleDirectory = join(config.dataDirectory, 'console')
  mkdirSync(join(consoleDirectory, 'assets'), { recursive: true })
  writeFileSync(join(consoleDirectory, 'index.html'), '<!doctype html>the console')
  writeFileSync(join(consoleDirectory, 'assets', 'app-1.js'), 'let a')
  writeFileSync(join(config.dataDirectory, 'secret.txt'), 'not for you')
  server = createHttpServer({
    config: { host: '127.0.0.1', port: 0, publicUrl: 'https://shop.example' },
    version: '1.2.3',
    database,
    live,
    liveTopics: { 'ingest.events': ['analyst'], 'delivery.message': ['analyst', 'marketer'], 'other.topic': ['store'] },
    metrics,
    memory: noMemory,
    log,
    consoleDirectory,
    checkAnswers: true,
    early: (request, response) => {
      if (request.url !== '/v1/early') return false
      response.end('early')
      return true
    },
    authenticate: async (headers) => {
      const cookie = /token=(\w+)/.exec(headers.get('cookie') ?? '')?.[1]
      const bearer = /^Bearer (\w+)/.exec(headers.get('authorization') ?? '')?.[1]
      return callers[cookie ?? bearer ?? ''] ?? { kind: 'anonymous' }
    },
    refused: (entry) => refusals.push(`${entry.route} ${entry.reason}`),
    routes: [
      mount(read, async ({ params, query }) => ({
        plan: params.plan,
        week: query.week ?? null,
        channels: query.channel ?? [],
      })),
      mount(write, async ({ body }) => {
        writes++
        if (body.name === 'slow') await new Promise((resolve) => setTimeout(resolve, 300))
        if (body.name === 'taken')
          throw new Refusal(409, 'taken', 'This name is taken.', { doInstead: 'Choose another.' })
        if (body.name === 'broken') throw new Error('password=hunter2 broke')
        return { count: writes }
      }),
      mount(mint, async () => ({ secret: `the secret of mint ${++mints}` })),
      mount(open, async () => ({ fine: true })),
      mount(fail, async ({ params }) => {
        if (params.how === 'outage') throw new Outage('PostgreSQL is away', { retryAfterSeconds: 7 })
        if (params.how === 'answer') return { surprise: 1 } as never
        throw new Error('secret detail')
      }),
    ],
    raw: [
      {
        method: 'POST',
        path: '/v1/:type',
        handle: async (request, { params, address }) =>
          Response.json({ type: params['type'], address, size: (await request.text()).length }),
      },
    ],
  })
  url = (await server.listen()).url
})
afterAll(async () => {
  await server.close()
  await world.close()
})

const call = (path: string, options: RequestInit & { as?: string } = {}) => {
  const headers = new Headers(options.headers)
  if (options.as) headers.set('authorization', `Bearer ${options.as}`)
  return fetch(`${url}${path}`, { ...options, headers })
}
const post = (body: string, headers: { [name: string]: string } = {}, as = 'marketer') =>
  call('/api/budget/plans', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers }, as })
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code

describe('a declared route', () => {
  test('parses path and query and answers JSON without a cache', async () => {
    const answer = await call('/api/budget/plans/a1?week=3&channel=sms&channel=email', { as: 'analyst' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ plan: 'a1', week: 3, channels: ['sms', 'email'] })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/)
  })
  test('refuses unknown, doubled and misfitting values by name', async () => {
    for (const [path, at] of [
      ['/api/budget/plans/a1?weak=3', 'weak'],
      ['/api/budget/plans/a1?week=3&week=4', 'query.week'],
      ['/api/budget/plans/a1?week=x', 'query.week'],
      ['/api/budget/plans/much-too-long', 'path.plan'],
    ] as const) {
      const answer = await call(path, { as: 'analyst' })
      expect(answer.status, path).toBe(400)
      expect(JSON.stringify(await answer.json()), path).toContain(at)
    }
  })
  test('knows who may call it, and tells the audit log when not', async () => {
    expect((await call('/api/budget/plans/a1')).status).toBe(401)
    expect((await call('/api/budget/plans/a1', { as: 'marketer' })).status).toBe(403)
    expect((await call('/api/budget/open')).status).toBe(200)
    expect(refusals).toContain('budget.read not_allowed')
    expect(refusals).toContain('budget.read sign_in')
  })
  test('a wrong method is 405 with those there are; an unknown path is 404', async () => {
    const answer = await call('/api/budget/plans', { method: 'PUT', as: 'marketer' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await codeOf(await call('/api/budget/nowhere'))).toBe('no_such_route')
    expect((await call('/api/budget/open', { method: 'HEAD' })).status).toBe(200)
  })
})

describe('bodies', () => {
  test('malformed JSON is told with line and column', async () => {
    const answer = await post('{"name": "x",\n "nested": {"amount": 1,}}')
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'malformed_json', at: '2:25' } })
  })
  test('only JSON, only UTF-8, only declared fields, at most 1 MiB', async () => {
    expect(await codeOf(await post('{}', { 'content-type': 'text/plain' }))).toBe('not_json')
    expect((await post('{"name":"a","extra":1}')).status).toBe(400)
    expect((await post('{"nested":{"amount":1.5}}')).status).toBe(400)
    expect((await post(`{"name":"${'x'.repeat(1_100_000)}"}`)).status).toBe(413)
    const bytes = await call('/api/budget/plans', {
      method: 'POST',
      as: 'marketer',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from([0x22, 0xff, 0x22]),
    })
    expect(await codeOf(bytes)).toBe('not_utf8')
  })
  test('the place of a mistake is found for every broken document', () => {
    return fc.assert(
      fc.asyncProperty(fc.json(), fc.nat(), async (text, cut) => {
        const broken = `${text.slice(0, cut % text.length)}\u0001${text.slice(cut % text.length)}`
        const answer = await server.fetch(
          new Request('http://x/api/budget/plans', {
            method: 'POST',
            body: broken,
            headers: { 'content-type': 'application/json', authorization: 'Bearer marketer' },
          }),
        )
        expect(answer.status).toBe(400)
        expect(await codeOf(answer)).toBe('malformed_json')
      }),
      { numRuns: 50 },
    )
  })
})

describe('going wrong', () => {
  test('an outage is 503 with the time to wait, a bug is 500 without its text', async () => {
    const outage = await call('/api/budget/fail/outage', { as: 'analyst' })
    expect([outage.status, outage.headers.get('retry-after')]).toEqual([503, '7'])
    const bug = await call('/api/budget/fail/bug', { as: 'analyst' })
    expect(bug.status).toBe(500)
    expect(await bug.text()).not.toMatch(/secret|at .*\.ts/)
    expect((await call('/api/budget/fail/answer', { as: 'analyst' })).status).toBe(500)
  })
  test('a cookie from a foreign page changes nothing', async () => {
    const before = writes
    const forged = (origin?: string) =>
      call('/api/budget/plans', {
        method: 'POST',
        body: '{"name":"forged"}',
        headers: { cookie: 'token=marketer', 'content-type': 'application/json', ...(origin ? { origin } : {}) },
      })
    expect(await codeOf(await forged('https://evil.example'))).toBe('foreign_origin')
    expect(await codeOf(await forged())).toBe('foreign_origin')
    expect(await codeOf(await forged('null'))).toBe('foreign_origin')
    expect(writes).toBe(before)
    expect((await forged('https://shop.example')).status).toBe(200)
    expect((await forged(url)).status).toBe(200)
  })
})

describe('Idempotency-Key', () => {
  test('a repeat gets the first answer, another body is refused, one effect', async () => {
    const before = writes
    const first = await post('{"name":"a"}', { 'idempotency-key': 'k1' })
    const second = await post('{"name":"a"}', { 'idempotency-key': 'k1' })
    expect(await second.json()).toEqual(await first.json())
    expect([first.headers.get('idempotency-replayed'), second.headers.get('idempotency-replayed')]).toEqual([
      null,
      'true',
    ])
    expect((await post('{"name":"b"}', { 'idempotency-key': 'k1' })).status).toBe(422)
    expect(writes).toBe(before + 1)
  })
  test('a secret is shown once and not kept: a repeat is told so', async () => {
    const make = () =>
      call('/api/budget/keys', { method: 'POST', headers: { 'idempotency-key': 'm1' }, as: 'marketer' })
    expect(await (await make()).json()).toEqual({ secret: 'the secret of mint 1' })
    const again = await make()
    expect([again.status, await codeOf(again), mints]).toEqual([409, 'already_done', 1])
    const kept = await world.ground.database.rows<{
      row: string
    }>`select idempotency::text as row from platform.idempotency`
    expect(kept.map(({ row }) => row).join()).not.toContain('the secret of mint')
  })
  test('refusals are remembered, bugs are not, and the second of two at once is told to wait', async () => {
    const before = writes
    for (let i = 0; i < 2; i++) expect((await post('{"name":"taken"}', { 'idempotency-key': 'k2' })).status).toBe(409)
    expect(writes).toBe(before + 1)
    for (let i = 0; i < 2; i++) expect((await post('{"name":"broken"}', { 'idempotency-key': 'k3' })).status).toBe(500)
    expect(writes).toBe(before + 3)
    const both = await Promise.all([
      post('{"name":"slow"}', { 'idempotency-key': 'k4' }),
      post('{"name":"slow"}', { 'idempotency-key': 'k4' }),
    ])
    expect(both.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect(both.find((answer) => answer.status === 409)?.headers.get('retry-after')).toBe('1')
    expect(writes).toBe(before + 4)
  })
})

test('raw mounts get their parameters and a shortened address', async () => {
  const answer = await call('/v1/track', { method: 'POST', body: '12345' })
  expect(await answer.json()).toEqual({ type: 'track', address: '127.0.0.0', size: 5 })
})

test('the hot path answers before the router', async () => {
  expect(await (await call('/v1/early', { method: 'POST' })).text()).toBe('early')
})

test('addresses are cut to a neighbourhood', () => {
  expect(truncated('192.168.7.9')).toBe('192.168.7.0')
  expect(truncated('::ffff:10.1.2.3')).toBe('10.1.2.0')
  expect(truncated('2001:db8:12:34::1')).toBe('2001:db8:12::')
  expect(truncated('::1')).toBe('0:0:0::')
})

test('live hints reach a signed-in reader and nobody else', async () => {
  expect((await call('/api/live?topics=ingest.events')).status).toBe(401)
  const controller = new AbortController()
  const answer = await call('/api/live?topics=ingest.events', { as: 'analyst', signal: controller.signal })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  world.ground.live.publish('other.topic', { count: 1 })
  world.ground.live.publish('ingest.events', { count: 2 })
  const { value } = await reader.read()
  expect(Buffer.from(value ?? []).toString()).toBe('event: ingest.events\ndata: {"count":2}\n\n')
  controller.abort()
})

test('live hints go by role: what one may not read is left out, nothing left or an unknown topic is refused', async () => {
  const controller = new AbortController()
  const topics = 'ingest.events,delivery.message'
  const answer = await call(`/api/live?topics=${topics}`, { as: 'marketer', signal: controller.signal })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  world.ground.live.publish('ingest.events', { person: 'p' })
  world.ground.live.publish('delivery.message', { state: 'accepted' })
  const { value } = await reader.read()
  expect(Buffer.from(value ?? []).toString()).toBe('event: delivery.message\ndata: {"state":"accepted"}\n\n')
  controller.abort()

  const refused = async (asked: string, as: string) => {
    const { status, code } = await call(`/api/live?topics=${asked}`, { as }).then(async (given) => ({
      status: given.status,
      code: await codeOf(given),
    }))
    return `${status} ${code}`
  }
  expect(await refused('ingest.events', 'marketer')).toBe('403 not_allowed')
  expect(await refused('ingest.events,budget.secrets', 'analyst')).toBe('403 unknown_topic')
  expect(await refused('constructor', 'analyst')).toBe('403 unknown_topic')
})

test('OpenAPI and its page come from the declarations', async () => {
  const document = (await (await call('/openapi.json')).json()) as {
    paths: { [path: string]: { [method: string]: { 'x-roles': unknown } } }
    components: { securitySchemes: { session: { name: string } } }
  }
  expect(document.paths['/api/budget/plans/{plan}']?.['get']?.['x-roles']).toEqual(['analyst'])
  expect(document.components.securitySchemes.session.name).toBe('__Host-einklang')
  expect(await (await call('/docs')).text()).toContain('/api/budget/plans/{plan}')
})

test('health asks the database, metrics are text', async () => {
  expect(await (await call('/ready')).json()).toEqual({ ready: true, degraded: [], failing: [] })
  expect((await call('/live')).status).toBe(200)
  expect(await (await call('/metrics')).text()).toContain('einklang_http_seconds_bucket')
})

test('the console: screens get the application, assets stay for ever, nothing outside is served', async () => {
  expect(await (await call('/customers/42')).text()).toContain('the console')
  const asset = await call('/assets/app-1.js')
  expect(asset.headers.get('cache-control')).toContain('immutable')
  expect(asset.headers.get('content-type')).toContain('text/javascript')
  expect((await call('/assets/none.js')).status).toBe(404)
  for (const path of [
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '/%00',
    '/%ff',
  ]) {
    const answer = await call(path)
    expect(await answer.text(), path).not.toContain('not for you')
  }
})

test('a port in use is one sentence', async () => {
  const { database, live, metrics, log } = world.ground
  const second = createHttpServer({
    config: { host: '127.0.0.1', port: Number(new URL(url).port), publicUrl: url },
    version: '1',
    database,
    live,
    liveTopics: {},
    metrics,
    memory: noMemory,
    log,
    routes: [],
    raw: [],
    authenticate: async () => ({ kind: 'anonymous' }),
  })
  await expect(second.listen()).rejects.toThrow(
    /Port \d+ is in use by another program; stop it or choose another with --port\./,
  )
})
