import { type api, type Role, type Route, roles, type UserId } from '@einklang/contract'
import type { Caller, Mounted, Request_ } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGovernance, type Governance, governanceParts } from './index.ts'

type Answer = { body: never; cookie: string }
type Visit = { cookie?: string; address?: string; as?: Caller; origin?: string }

let town: TestGround
let governance: Governance
let mounted: Mounted<Route>[]

beforeEach(async () => {
  town = await testGround()
  governance = createGovernance({ ground: town.ground })
  mounted = governanceParts(governance).routes
})
afterEach(() => town.close())

/** Calls a route as the HTTP edge would: the caller is found out from the headers. */
async function ask(
  name: string,
  input: { params?: object; query?: object; body?: unknown } = {},
  visit: Visit = {},
): Promise<Answer> {
  const found = mounted.find(({ route }) => route.name === name)
  if (!found) throw new Error(`no route ${name}`)
  const headers = new Headers({
    host: 'shop.example',
    ...(visit.cookie ? { cookie: visit.cookie } : {}),
    ...(visit.origin ? { origin: visit.origin } : {}),
  })
  const request: Request_ = {
    caller: visit.as ?? (await governance.authenticate(headers)),
    address: visit.address ?? '192.0.2.0',
    requestId: 'test',
    headers,
    answerHeaders: new Headers(),
    signal: AbortSignal.timeout(5000),
  }
  const { params = {}, query = {}, body } = input
  const parsed = { params, query: found.route.query.parse(query), body: found.route.body.parse(body) }
  const answer = await found.handle(parsed as never, request)
  const cookie = request.answerHeaders.getSetCookie()[0]?.split(';')[0] ?? ''
  return { body: found.route.answer.parse(answer) as never, cookie }
}

const longPassword = 'rhubarb tractor eleven moss'

/** A house whose administrator has signed in and chosen a password. */
async function openHouse() {
  const first = await governance.firstAdministrator()
  if (!first) throw new Error('somebody was here already')
  const { cookie } = await ask('signIn', { body: first })
  await ask('changePassword', { body: { current: first.password, next: longPassword } }, { cookie })
  return { email: first.email, cookie }
}

async function invited(cookie: string, name: string, given: Role[]) {
  const email = `${name.toLowerCase()}@shop.example`
  const answer = await ask('invite', { body: { name, email, roles: given } }, { cookie })
  const { colleague, password } = answer.body as { colleague: api.governance.Colleague; password: string }
  const signedIn = await ask('signIn', { body: { email, password } })
  return { colleague, email, password, cookie: signedIn.cookie }
}

const callerOf = (cookie: string, origin?: string) =>
  governance.authenticate(new Headers({ cookie, host: 'shop.example', ...(origin ? { origin } : {}) }))

describe('signing in', () => {
  test('the first administrator exists once and has no role before the password is changed', async () => {
    const first = await governance.firstAdministrator()
    expect(first?.password).toMatch(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/)
    expect(await governance.firstAdministrator()).toBeNull()

    const { body, cookie } = await ask('signIn', { body: first })
    expect(body).toMatchObject({ user: { mustChangePassword: true, roles } })
    expect(await callerOf(cookie)).toMatchObject({ kind: 'user', roles: [], mustChangePassword: true })

    await ask('changePassword', { body: { current: first?.password, next: longPassword } }, { cookie })
    expect(await callerOf(cookie)).toMatchObject({ kind: 'user', roles })
    expect(await callerOf(cookie)).not.toHaveProperty('mustChangePassword')
  })

  test('two processes that start at once make one administrator', async () => {
    const made = await Promise.all([governance.firstAdministrator(), governance.firstAdministrator()])
    expect(made.filter(Boolean)).toHaveLength(1)
  })

  test('unknown account, wrong password and suspension give the same answer', async () => {
    const { cookie } = await openHouse()
    const ada = await invited(cookie, 'Ada', ['marketer'])
    await ask('changeColleague', { params: { user: ada.colleague.id }, body: { suspended: true } }, { cookie })
    const tries = [
      { email: 'nobody@shop.example', password: longPassword },
      { email: 'admin@einklang.local', password: 'not the password' },
      { email: ada.email, password: ada.password },
    ]
    for (const body of tries) {
      const refusal = await ask('signIn', { body }).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ status: 401, message: 'E-mail or password is not right.' })
    }
    const left = await town.ground.database.row<{ count: number }>`
      select count(*)::int as count from governance.session where colleague = ${ada.colleague.id}`
    expect(left?.count).toBe(0)
  })

  test('guessing is slowed down, and parallel guesses are counted too', async () => {
    await openHouse()
    const guess = () =>
      ask('signIn', { body: { email: 'admin@einklang.local', password: 'guess guess guess' } }).catch((error) => error)
    const answers: { status: number }[] = await Promise.all(Array.from({ length: 12 }, guess))
    expect(answers.filter((answer) => answer.status === 401).length).toBeLessThanOrEqual(6)
    expect(answers.filter((answer) => answer.status === 429).length).toBeGreaterThanOrEqual(6)
    // From elsewhere the owner still gets in, and a little later from here as well.
    const right = { body: { email: 'admin@einklang.local', password: longPassword } }
    expect((await ask('signIn', right, { address: '198.51.100.0' })).cookie).not.toBe('')
    await town.clock.advance({ minutes: 16 })
    expect((await ask('signIn', right)).cookie).not.toBe('')
  })

  test('right passwords from one address never use up its tries', async () => {
    await openHouse()
    const right = { body: { email: 'admin@einklang.local', password: longPassword } }
    const tries = 3
    for (let count = 0; count < tries; count++) await ask('signIn', right, { address: '198.51.100.7' })
    const counted = await town.ground.database.rows<{ failures: number }>`
      select failures from governance.guess where last_at = platform.now()`
    expect(Math.max(0, ...counted.map((row) => row.failures))).toBeLessThan(tries)
  })

  test('the session token is kept only as a hash and the cookie is closed to scripts', async () => {
    const first = await governance.firstAdministrator()
    const request = mounted.find(({ route }) => route.name === 'signIn')
    const answerHeaders = new Headers()
    await request?.handle({ params: {}, query: {}, body: first } as never, {
      caller: { kind: 'anonymous' },
      address: '192.0.2.0',
      requestId: 'test',
      headers: new Headers(),
      answerHeaders,
      signal: AbortSignal.timeout(5000),
    })
    const [cookie = ''] = answerHeaders.getSetCookie()
    expect(cookie).toMatch(/; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    expect(cookie).toMatch(/^__Host-einklang=/)
    const token = decodeURIComponent(cookie.split('=')[1] ?? '').split('.')[0] ?? ''
    expect(token.length).toBeGreaterThanOrEqual(32)
    const rows = await town.ground.database.rows<{ token: string }>`select token from governance.session`
    expect(rows).toHaveLength(1)
    expect(rows[0]?.token).toMatch(/^[0-9a-f]{64}$/)
    expect(rows[0]?.token).not.toContain(token)
  })

  test('over plain http, for trying out, the cookie does without the secure prefix', async () => {
    const plain = await testGround({ config: { publicUrl: 'http://127.0.0.1:4000' } })
    const house = createGovernance({ ground: plain.ground })
    const first = await house.firstAdministrator()
    const opened = await house.library.signIn(first?.email ?? '', first?.password ?? '', new Headers())
    expect(opened?.cookies[0]).toMatch(/^einklang=.*; Path=\/; HttpOnly; SameSite=Lax$/)
    const cookie = opened?.cookies[0]?.split(';')[0] ?? ''
    expect(await house.authenticate(new Headers({ cookie }))).toMatchObject({ kind: 'user' })
    await plain.close()
  })

  test('a weak new password is refused with the reason', async () => {
    const first = await governance.firstAdministrator()
    const { cookie } = await ask('signIn', { body: first })
    const change = (next: string) =>
      ask('changePassword', { body: { current: first?.password, next } }, { cookie }).catch((error: unknown) => error)
    expect(await change('Administrator1')).toMatchObject({ status: 422, code: 'weak_password', at: 'body.next' })
    expect(await change('einklang2026!')).toMatchObject({ status: 422, code: 'weak_password' })
    expect(await change('aaaaaaaaaaaaaa')).toMatchObject({ status: 422, code: 'weak_password' })
    expect(await change('short')).toMatchObject({ name: 'ZodError' })
  })
})

describe('sessions', () => {
  test('a session ends after eight idle hours, and after seven days whatever happens', async () => {
    const { cookie } = await openHouse()
    for (let day = 0; day < 20; day++) {
      expect(await callerOf(cookie)).toMatchObject({ kind: 'user' })
      await town.clock.advance({ hours: 7 })
    }
    for (let hours = 20 * 7; hours < 7 * 24; hours += 7) {
      expect(await callerOf(cookie)).toMatchObject({ kind: 'user' })
      await town.clock.advance({ hours: 7 })
    }
    expect(await callerOf(cookie)).toEqual({ kind: 'anonymous' })
    const again = await ask('signIn', { body: { email: 'admin@einklang.local', password: longPassword } })
    await town.clock.advance({ hours: 8, seconds: 1 })
    expect(await callerOf(again.cookie)).toEqual({ kind: 'anonymous' })
  })

  test('sign-out, suspension, new roles and a new password end sessions at once', async () => {
    const { cookie } = await openHouse()
    const change = (user: UserId, body: object) => ask('changeColleague', { params: { user }, body }, { cookie })

    const ada = await invited(cookie, 'Ada', ['marketer'])
    await ask('signOut', {}, { cookie: ada.cookie })
    expect(await callerOf(ada.cookie)).toEqual({ kind: 'anonymous' })

    const ben = await invited(cookie, 'Ben', ['marketer'])
    await change(ben.colleague.id, { roles: ['analyst'] })
    expect(await callerOf(ben.cookie)).toEqual({ kind: 'anonymous' })

    const cem = await invited(cookie, 'Cem', ['marketer'])
    await change(cem.colleague.id, { suspended: true })
    expect(await callerOf(cem.cookie)).toEqual({ kind: 'anonymous' })

    const eve = await invited(cookie, 'Eve', ['marketer'])
    const other = await ask('signIn', { body: { email: eve.email, password: eve.password } })
    await ask('changePassword', { body: { current: eve.password, next: longPassword } }, { cookie: eve.cookie })
    expect(await callerOf(eve.cookie)).toMatchObject({ kind: 'user', roles: ['marketer'] })
    expect(await callerOf(other.cookie)).toEqual({ kind: 'anonymous' })
  })

  test('one sees and ends only sessions of one’s own', async () => {
    const { cookie } = await openHouse()
    const ada = await invited(cookie, 'Ada', ['marketer'])
    const { body } = await ask('sessions', {}, { cookie: ada.cookie })
    const { items } = body as { items: { id: string; current: boolean }[] }
    expect(items).toEqual([expect.objectContaining({ current: true, address: '192.0.2.0' })])
    const theft = ask('endSession', { params: { session: items[0]?.id } }, { cookie })
    await expect(theft).rejects.toMatchObject({ status: 404 })
    expect(await callerOf(ada.cookie)).toMatchObject({ kind: 'user' })
  })

  test('a cookie sent by a page of another origin counts as none', async () => {
    const { cookie } = await openHouse()
    expect(await callerOf(cookie, 'https://evil.example')).toEqual({ kind: 'anonymous' })
    expect(await callerOf(cookie, 'null')).toEqual({ kind: 'anonymous' })
    expect(await callerOf(cookie, 'http://shop.example')).toMatchObject({ kind: 'user' })
  })

  test('a changed signature opens nothing', async () => {
    const { cookie } = await openHouse()
    const last = cookie.at(-5) === 'A' ? 'B' : 'A'
    expect(await callerOf(`${cookie.slice(0, -5)}${last}${cookie.slice(-4)}`)).toEqual({ kind: 'anonymous' })
  })
})

describe('people and keys', () => {
  test('the last administrator can neither be suspended nor lose the role', async () => {
    const { cookie } = await openHouse()
    const { body } = await ask('people', {}, { cookie })
    const user = (body as { items: api.governance.Colleague[] }).items[0]?.id
    const change = (change: object) => ask('changeColleague', { params: { user }, body: change }, { cookie })
    await expect(change({ suspended: true })).rejects.toMatchObject({ status: 409, code: 'last_administrator' })
    await expect(change({ roles: ['analyst'] })).rejects.toMatchObject({ status: 409, code: 'last_administrator' })
    expect(await callerOf(cookie)).toMatchObject({ roles })
  })

  test('the same e-mail cannot be invited twice, whatever its case', async () => {
    const { cookie } = await openHouse()
    await invited(cookie, 'Ada', ['marketer'])
    const again = ask('invite', { body: { name: 'Ada', email: 'ADA@shop.example', roles: ['store'] } }, { cookie })
    await expect(again).rejects.toMatchObject({ status: 409, code: 'email_taken' })
  })

  test('people come page by page', async () => {
    const { cookie } = await openHouse()
    for (const name of ['Cem', 'Ada', 'Ben']) await invited(cookie, name, ['store'])
    const first = (await ask('people', { query: { limit: '2' } }, { cookie })).body as {
      items: { name: string }[]
      next: string
    }
    const second = (await ask('people', { query: { limit: '2', after: first.next } }, { cookie })).body as typeof first
    expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(['Ada', 'Administrator', 'Ben', 'Cem'])
    expect(second.next).toBeNull()
  })

  test('a service key has the roles it was given, no more than its maker, until it ends', async () => {
    const { cookie } = await openHouse()
    const { body } = await ask('createKey', { body: { name: 'ERP', roles: ['analyst'], days: 30 } }, { cookie })
    const { key, secret } = body as { key: api.governance.ServiceKey; secret: string }
    const caller = () => governance.authenticate(new Headers({ authorization: `Bearer ${secret}` }))
    expect(await caller()).toEqual({ kind: 'key', key: key.id, name: 'ERP', roles: ['analyst'] })
    const stored = await town.ground.database.row<{
      row: string
    }>`select service_key::text as row from governance.service_key`
    expect(stored?.row).not.toContain(secret)

    await town.clock.advance({ days: 31 })
    expect(await caller()).toEqual({ kind: 'anonymous' })
    const keyAsPerson = ask(
      'createKey',
      { body: { name: 'x', roles: ['admin'] } },
      { as: { kind: 'key', key: 'k', name: 'ERP', roles: ['admin'] } },
    )
    await expect(keyAsPerson).rejects.toMatchObject({ status: 403, code: 'people_only' })
  })

  test('a revoked key and the key of a suspended maker open nothing', async () => {
    const { cookie } = await openHouse()
    const ada = await invited(cookie, 'Ada', ['admin'])
    await ask('changePassword', { body: { current: ada.password, next: longPassword } }, { cookie: ada.cookie })
    const make = async () =>
      (await ask('createKey', { body: { name: 'till', roles: ['admin'] } }, { cookie: ada.cookie })).body as {
        key: { id: string }
        secret: string
      }
    const caller = (secret: string) => governance.authenticate(new Headers({ authorization: `Bearer ${secret}` }))
    const [one, two] = [await make(), await make()]
    await ask('revokeKey', { params: { key: one.key.id } }, { cookie })
    expect(await caller(one.secret)).toEqual({ kind: 'anonymous' })
    expect(await caller(two.secret)).toMatchObject({ kind: 'key' })
    await ask('changeColleague', { params: { user: ada.colleague.id }, body: { suspended: true } }, { cookie })
    expect(await caller(two.secret)).toEqual({ kind: 'anonymous' })
  })

  test('the brand is what the configuration says until somebody changes it', async () => {
    const { cookie } = await openHouse()
    const set = {
      name: 'Kaufhaus Meer',
      senderName: 'Kaufhaus Meer',
      senderEmail: 'post@meer.example',
      imprint: 'Am Hafen 1',
      colour: '#0A7B83',
      language: 'de',
      shopUrl: 'https://meer.example/',
    }
    expect((await governance.brand()).name).not.toBe(set.name)
    await ask('changeBrand', { body: set }, { cookie })
    expect(await governance.brand()).toEqual({ ...set, colour: '#0a7b83' })
    expect((await ask('me')).body).toMatchObject({ user: null, brand: { name: 'Kaufhaus Meer' } })
  })
})

describe('approvals', () => {
  const hash = 'a'.repeat(64)
  const wanted = { kind: 'campaign', object: 'spring', hash, title: 'Spring sale' }

  test('an approval holds for exactly the content that was approved', async () => {
    const { cookie } = await openHouse()
    const { body } = await ask('requestApproval', { body: wanted }, { cookie })
    expect(await governance.approved('campaign', 'spring', hash)).toBe(false)
    // Nobody else works here yet, so the administrator may decide.
    await ask(
      'decideApproval',
      { params: { approval: (body as { id: string }).id }, body: { approve: true } },
      { cookie },
    )
    expect(await governance.approved('campaign', 'spring', hash)).toBe(true)
    expect(await governance.approved('campaign', 'spring', 'b'.repeat(64))).toBe(false)
    await ask('requestApproval', { body: { ...wanted, hash: 'b'.repeat(64) } }, { cookie })
    expect(await governance.approved('campaign', 'spring', hash)).toBe(false)
  })

  test('who asked does not decide as soon as somebody else can', async () => {
    const { cookie } = await openHouse()
    const ada = await invited(cookie, 'Ada', ['marketer'])
    await ask('changePassword', { body: { current: ada.password, next: longPassword } }, { cookie: ada.cookie })
    const { body } = await ask('requestApproval', { body: wanted }, { cookie })
    const decide = (by: string) =>
      ask(
        'decideApproval',
        { params: { approval: (body as { id: string }).id }, body: { approve: true } },
        { cookie: by },
      )
    await expect(decide(cookie)).rejects.toMatchObject({ status: 403, code: 'four_eyes' })
    expect((await decide(ada.cookie)).body).toMatchObject({ state: 'approved', decidedBy: 'Ada' })
    await expect(decide(ada.cookie)).rejects.toMatchObject({ status: 409 })
  })
})
