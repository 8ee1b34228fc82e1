import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { api, liveTopics, type Role, type Route, roles } from '@einklang/contract'
import { testMark } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, localAccess, type Server, type Started } from './index.ts'

let town: TestGround
let server: Server
let started: Started
let directory: string

beforeAll(async () => {
  town = await testGround()
  directory = mkdtempSync(join(tmpdir(), 'einklang-server-'))
  writeFileSync(join(directory, testMark), '')
  server = createServer({
    config: {
      ...town.ground.config,
      role: 'all',
      databaseUrl: town.databaseUrl,
      dataDirectory: directory,
      host: '127.0.0.1',
      port: 0,
      publicUrl: 'http://localhost:0',
      logLevel: 'silent',
    },
    clock: town.clock,
    checkAnswers: true,
    activeStarters: true,
  })
  started = await server.start()
}, 60_000)

afterAll(async () => {
  const abandoned = await server.stop()
  await town.close()
  rmSync(directory, { recursive: true, force: true })
  expect(abandoned).toEqual([])
})

type Answer = { status: number; body: never; cookie: string; headers: Headers }

/** A browser on our own pages: keeps the cookie and says where it comes from. */
async function ask(
  method: string,
  path: string,
  given: { body?: unknown; cookie?: string; key?: string; origin?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${started.url}${path}`, {
    method,
    headers: {
      origin: given.origin ?? started.url ?? '',
      ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(given.cookie ? { cookie: given.cookie } : {}),
      ...(given.key ? { authorization: `Bearer ${given.key}` } : {}),
    },
    ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: (text === '' ? undefined : JSON.parse(text)) as never,
    cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '',
    headers: response.headers,
  }
}

const password = 'rhubarb tractor eleven moss'
let administrator = ''

test('the first administrator signs in, must change the password, and then has the house', async () => {
  const first = started.firstAdministrator
  expect(first).not.toBeNull()
  const signedIn = await ask('POST', '/api/governance/session', { body: first })
  expect(signedIn).toMatchObject({ status: 200, body: { user: { mustChangePassword: true } } })
  expect(signedIn.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Lax/)
  const described = (await ask('GET', '/openapi.json')).body as {
    components: { securitySchemes: { session: { name: string } } }
  }
  expect(signedIn.cookie.split('=')[0]).toBe(described.components.securitySchemes.session.name)
  const { cookie } = signedIn

  const shut = { status: 403, body: { error: { code: 'password_change_required' } } }
  for (const { route } of server.house.parts.flatMap((part) => part.routes)) {
    if (route.may === 'anyone' || route.beforePasswordChange) continue
    const path = `/api/${route.stage}${route.path.replaceAll(/\{\w+\}/g, 'wrong')}`
    expect(await ask(route.method.toUpperCase(), path, { cookie }), route.name).toMatchObject(shut)
  }
  expect(await ask('GET', '/api/live?topics=ingest.events', { cookie })).toMatchObject(shut)
  expect(await ask('GET', '/api/governance/me', { cookie })).toMatchObject({ status: 200 })
  const change = { current: first?.password, next: password }
  expect((await ask('POST', '/api/governance/password', { cookie, body: change })).status).toBe(204)
  expect((await ask('GET', '/api/governance/people', { cookie })).status).toBe(200)
  administrator = cookie
})

test('a page of another origin cannot use the cookie', async () => {
  const forged = await ask('POST', '/api/governance/sessions/end-others', {
    cookie: administrator,
    origin: 'https://evil.example',
  })
  expect([401, 403]).toContain(forged.status)
  expect(
    (await ask('GET', '/api/governance/people', { cookie: administrator, origin: 'https://evil.example' })).status,
  ).toBe(401)
})

test('the machine itself needs no sign-in: the token lies in the data directory for its owner alone', async () => {
  const access = localAccess(directory)
  expect(access?.url).toBe(started.url)
  expect(statSync(join(directory, 'local.token')).mode & 0o777).toBe(0o600)
  const key = access?.headers.authorization.slice('Bearer '.length)
  expect((await ask('GET', '/api/governance/audit', { key: key ?? '' })).status).toBe(200)
  expect((await ask('GET', '/api/governance/audit', { key: `${key}x` })).status).toBe(401)
})

test('health, metrics and documentation answer without a sign-in', async () => {
  expect(await ask('GET', '/live')).toMatchObject({ status: 200, body: { live: true } })
  expect(await ask('GET', '/ready')).toMatchObject({ status: 200, body: { ready: true, failing: [], degraded: [] } })
  const document = await ask('GET', '/openapi.json')
  expect(Object.keys((document.body as { paths: object }).paths)).toContain('/api/governance/me')
})

describe('a customer, from a tracking call to the screen', () => {
  let writeKey = ''
  beforeAll(async () => {
    const { ingest } = server.house
    const made = await server.ground.database.transaction((tx) =>
      ingest.sources.create(tx, { name: 'Web shop', kind: 'shop' }, 'secret'),
    )
    writeKey = made.key ?? ''
  })

  const track = (call: string, body: object) =>
    fetch(`${started.url}/v1/${call}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${writeKey}:`)}` },
      body: JSON.stringify(body),
    })

  test('what was acknowledged is found by search, with timeline and reasons', async () => {
    const traits = { email: 'ada@shop.example', firstName: 'Ada', lastName: 'Lovelace' }
    expect((await track('identify', { userId: 'u1', anonymousId: 'a1', messageId: 'm1', traits })).status).toBe(200)
    expect(
      (await track('track', { userId: 'u1', messageId: 'm2', event: 'Product Viewed', properties: { sku: 'S1' } }))
        .status,
    ).toBe(200)
    const found = async () => {
      const { body } = await ask('GET', '/api/profile/search?q=lovelace', { cookie: administrator })
      return (body as { items: { person: string }[] }).items
    }
    await expect.poll(found, { timeout: 55_000 }).toHaveLength(1)
    const [ada] = await found()
    const view = await ask('GET', `/api/profile/persons/${ada?.person}`, { cookie: administrator })
    expect(view).toMatchObject({ status: 200, body: { summary: { firstName: 'Ada', email: 'ada@shop.example' } } })
    const { identifiers } = view.body as { identifiers: { namespace: string; sourceName: string }[] }
    expect(identifiers.map(({ namespace }) => namespace.split(':')[0])).toEqual(
      expect.arrayContaining(['email', 'anonymous_id']),
    )
    expect(identifiers[0]?.sourceName).toBe('Web shop')

    const views = async () => {
      const { body } = await ask('GET', `/api/governance/audit?action=person.viewed&objectId=${ada?.person}`, {
        cookie: administrator,
      })
      return (body as { items: unknown[] }).items
    }
    await expect.poll(views).toHaveLength(1)
  })

  test('an abandoned cart becomes a mail that reaches the mailbox and explains itself', async () => {
    // Everybody gets the mail: chance has its own tests.
    await server.ground.database.run`update decision.journey set holdout = 0`
    const policy = await ask('GET', '/api/decision/policy', { cookie: administrator })
    await ask('PUT', '/api/decision/policy', {
      cookie: administrator,
      body: { ...(policy.body as object), globalHoldout: 0 },
    })
    const traits = { email: 'bea@shop.example', firstName: 'Bea', lastName: 'Cartwright' }
    await track('identify', { userId: 'u2', messageId: 'b1', traits })
    const bea = async () => {
      const { body } = await ask('GET', '/api/profile/search?q=cartwright', { cookie: administrator })
      return (body as { items: { person: string }[] }).items[0]?.person
    }
    await expect.poll(bea, { timeout: 55_000 }).toBeDefined()
    const person = await bea()
    const grant = {
      stance: 'grant',
      purpose: 'newsletter',
      channel: 'email',
      reason: 'asked in store',
      proof: 'form 12',
    }
    const granted = await ask('POST', `/api/consent/persons/${person}/statements`, {
      cookie: administrator,
      body: grant,
    })
    expect(granted.status).toBe(200)

    const properties = {
      sku: 'A-100',
      product_id: 'A-100',
      name: 'Wool jumper',
      price: 89.95,
      quantity: 1,
      currency: 'EUR',
    }
    await track('track', {
      userId: 'u2',
      messageId: 'b2',
      event: 'Product Added',
      timestamp: town.clock.now().toISOString(),
      properties,
    })
    const view = async () =>
      (await ask('GET', `/api/profile/persons/${person}`, { cookie: administrator })).body as api.profile.PersonView
    await expect.poll(async () => (await view()).cart?.lines.length, { timeout: 55_000 }).toBe(1)

    await town.clock.advance({ minutes: 61 })
    const mails = async () => {
      const { body } = await ask('GET', '/api/delivery/mailbox', { cookie: administrator })
      return (body as { items: { to: string; message: string }[] }).items
    }
    await expect
      .poll(async () => (await mails()).map(({ to }) => to), { timeout: 55_000 })
      .toEqual(['bea@shop.example'])
    const explained = await ask('GET', `/api/delivery/messages/${(await mails())[0]?.message}`, {
      cookie: administrator,
    })
    expect(explained.status).toBe(200)
    await expect.poll(async () => (await view()).messages.length, { timeout: 55_000 }).toBeGreaterThan(0)
  }, 60_000)

  test('erasure reaches every stage and leaves an audit entry that names nobody', async () => {
    const traits = {
      email: 'canary.bird@shop.example',
      firstName: 'Canary',
      lastName: 'Yellowfeather',
      phone: '+4917612345678',
    }
    await track('identify', { userId: 'canary', messageId: 'm3', traits })
    const found = async () => {
      const { body } = await ask('GET', '/api/profile/search?q=yellowfeather', { cookie: administrator })
      return (body as { items: { person: string }[] }).items
    }
    await expect.poll(found, { timeout: 55_000 }).toHaveLength(1)
    const person = (await found())[0]?.person
    await server.house.ingest.drain()

    expect((await placesWith('yellowfeather')).length).toBeGreaterThan(1)
    const erased = await ask('POST', `/api/consent/persons/${person}/erase`, {
      cookie: administrator,
      body: { reason: 'asked by letter' },
    })
    expect(erased.status).toBe(200)
    expect((erased.body as { rows: number }).rows).toBeGreaterThan(0)
    expect(await found()).toEqual([])
    expect(await placesWith('yellowfeather')).toEqual([])
    expect(await placesWith('canary.bird')).toEqual([])
    const { body } = await ask('GET', '/api/governance/audit?action=person.erased', { cookie: administrator })
    expect((body as { items: unknown[] }).items).toEqual([
      expect.objectContaining({ object: { kind: 'person', id: person }, reason: 'asked by letter' }),
    ])
  })

  /** Every place that holds the word: both databases, and inside packed bytes. */
  async function placesWith(word: string): Promise<string[]> {
    const { database, history } = server.ground
    const holding: string[] = []
    const columns = await database.rows<{ place: string; bytes: string[] }>`
      select table_schema || '.' || table_name as place,
        array_remove(array_agg(case when data_type = 'bytea' then column_name::text end), null) as bytes
      from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
      group by table_schema, table_name`
    for (const { place, bytes } of columns) {
      const text = await database.row`
        select 1 from ${database.name(place)} as held where held::text ilike ${`%${word}%`} limit 1`
      if (text) holding.push(place)
      for (const column of bytes) {
        const rows = await database.rows<{ packed: Uint8Array | null }>`
          select ${database.name(column)} as packed from ${database.name(place)}`
        if (rows.some(({ packed }) => packed && unpacked(packed).includes(word))) holding.push(`${place}.${column}`)
      }
    }
    const tables = await history.rows<{ place: string }>`
      select concat(database, '.', name) as place from system.tables
      where database not in ('system', 'INFORMATION_SCHEMA', 'information_schema', 'default') and engine like '%MergeTree'`
    for (const { place } of tables) {
      const [schema = '', table = ''] = place.split('.')
      const named = await history.rows<{ name: string }>`
        select name from system.columns where database = ${schema} and table = ${table} and type like '%String%'`
      for (const { name } of named) {
        const found = await historyHolds(place, name, word)
        if (found) holding.push(`ClickHouse ${place}.${name}`)
      }
    }
    return holding
  }

  // Names come from the system tables, and the face has no identifiers: the text is put together before the tag sees it.
  async function historyHolds(place: string, column: string, word: string): Promise<boolean> {
    const texts = [`select count() as held from ${place} where positionCaseInsensitive(toString(${column}), `, ') > 0']
    const rows = await server.ground.history.rows<{ held: number }>(Object.assign(texts, { raw: texts }), word)
    return Number(rows[0]?.held) > 0
  }

  /** Bytes as text; what was packed with zstd is unpacked first. */
  function unpacked(bytes: Uint8Array): string {
    const buffer = Buffer.from(bytes)
    const packed = buffer.length > 4 && buffer.readUInt32LE(0) === 0xfd2fb528
    return (packed ? zstdDecompressSync(buffer) : buffer).toString('latin1').toLowerCase()
  }
})

describe('every mounted route lets in whom its declaration names, and nobody else', () => {
  const principals = ['anonymous', ...roles] as const
  const keys = new Map<Role, string>()

  beforeAll(async () => {
    for (const role of roles) {
      const made = await ask('POST', '/api/governance/keys', {
        cookie: administrator,
        body: { name: role, roles: [role] },
      })
      keys.set(role, (made.body as { secret: string }).secret)
    }
  })

  test.each(principals)('%s', async (principal) => {
    const key = principal === 'anonymous' ? '' : (keys.get(principal) ?? '')
    const wrong: string[] = []
    for (const { route } of mountedRoutes()) {
      const expected = expectedFor(route, principal)
      const got = await decisionOn(route, key)
      if (got !== expected) wrong.push(`${route.stage}.${route.name}: expected ${expected}, got ${got}`)
    }
    expect(wrong).toEqual([])
  })

  function mountedRoutes() {
    return [...server.house.parts.flatMap((part) => part.routes), { route: api.consent.erase }]
  }

  function expectedFor({ may }: Route, principal: Role | 'anonymous'): string {
    if (may === 'anyone') return 'in'
    if (principal === 'anonymous') return 'sign_in'
    return may === 'signed-in' || may.includes(principal) ? 'in' : 'not_allowed'
  }

  /** What the edge decides, before the input is looked at: the input is wrong on purpose, so that nothing happens. */
  async function decisionOn(route: Route, key: string): Promise<string> {
    const path = `/api/${route.stage}${route.path.replaceAll(/\{\w+\}/g, 'wrong')}?wrong=1`
    const { status, body } = await ask(route.method.toUpperCase(), path, key ? { key } : {})
    const code = (body as { error?: { code?: string } } | undefined)?.error?.code ?? ''
    if (status >= 500) return `${status} ${code}`
    return code === 'sign_in' || code === 'not_allowed' || code === 'foreign_origin' ? code : 'in'
  }

  test('every hint that is given or listened to has a topic with its roles', () => {
    const root = join(import.meta.dirname, '..')
    const text = execFileSync(
      'git',
      ['grep', '-hE', "publish\\('|topics: \\[|listen\\(\\['", '--', 'engine', 'console'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    )
    const named = new Set([...text.matchAll(/'([a-z]+\.[a-z]+)'/g)].map(([, topic]) => topic))
    expect(named).toEqual(new Set(Object.keys(liveTopics)))
  })

  test('the store hears nothing of the event stream', async () => {
    const answer = await ask('GET', '/api/live?topics=ingest.events', { key: keys.get('store') ?? '' })
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'not_allowed' } } })
  })

  test('a new source and its key are written down', async () => {
    const body = { name: 'Audited till', kind: 'till' }
    const made = await ask('POST', '/api/ingest/sources', { cookie: administrator, body })
    const { source } = made.body as { source: { id: string } }
    const log = await ask('GET', `/api/governance/audit?objectId=${source.id}`, { cookie: administrator })
    expect(log.body).toMatchObject({ items: [{ action: 'source.created', actor: { kind: 'user' } }] })
  })

  test('a refusal of somebody known is written down', async () => {
    await ask('GET', '/api/governance/people', { key: keys.get('store') ?? '' })
    await expect
      .poll(async () => {
        const { body } = await ask('GET', '/api/governance/audit?action=route.refused', { cookie: administrator })
        return (body as { items: { actor: { name: string }; object: { id: string } }[] }).items.map(
          ({ actor, object }) => `${actor.name} ${object.id}`,
        )
      })
      .toContain('store governance.people')
  })
})
