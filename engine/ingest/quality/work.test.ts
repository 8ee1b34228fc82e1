/** Quarantine as a person works with it, over real databases. */

import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type CallOf,
  type NormalEvent,
  type PersonId,
  type Route,
  type SourceId,
} from '@einklang/contract'
import type { Database, Request_, StageParts } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIngest, type Ingest, type IngestInside, ingestParts } from '../index.ts'
import type { Item } from '../item.ts'
import { createAround } from './around.ts'
import { createJudge } from './judge.ts'

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const caller = { caller: { kind: 'user', name: 'Eva', roles: ['admin'] } } as unknown as Request_
const skus = new Map<string, number | null>([['known', 4999]])

let world: TestGround
let ingest: Ingest & IngestInside
let parts: StageParts
let key: string
let source: SourceId
let applied: NormalEvent[] = []
let number = 0

beforeAll(async () => {
  world = await testGround()
  const apply = async (_: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  ingest = createIngest({
    ground: world.ground,
    apply,
    references: async () => ({ skus, stores: null }),
    records: {
      products: async (_, rows) => {
        for (const { fields } of rows) skus.set(fields.sku ?? '', null)
        return []
      },
    },
  })
  parts = ingestParts(ingest)
})
afterAll(() => world.close())
beforeEach(async () => {
  const made = await world.ground.database.transaction((tx) =>
    ingest.sources.create(
      tx,
      { name: `Till ${number++}`, kind: 'till', consentCategories: { news: 'newsletter' } },
      'secret',
    ),
  )
  ingest.sources.forget()
  key = made.key ?? ''
  source = made.source.id
  applied = []
})

async function call<R extends Route>(wanted: R, input: CallOf<R> = {} as CallOf<R>): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find(({ route }) => route.name === wanted.name)
  if (!mounted) throw new Error(`No route ${wanted.name}`)
  const query = wanted.query.parse(input.query ?? {})
  const body = input.body === undefined ? undefined : wanted.body.parse(input.body)
  return (await mounted.handle({ params: input.params ?? {}, query, body } as never, caller)) as AnswerOf<R>
}
async function send(...batch: object[]): Promise<void> {
  const found = await ingest.sources.byKey(key)
  if (!found) throw new Error('no key')
  const { putInInbox } = await import('../emit.ts')
  await putInInbox({ clock: world.clock }, world.ground.database, [
    {
      source,
      call: 'batch',
      trust: 'secret',
      receivedAt: world.clock.now().getTime(),
      body: Buffer.from(JSON.stringify({ batch })),
    },
  ])
  await ingest.drain()
}
/** Lets the loop of quarantine work until it has nothing to do, then everything it sent. */
async function work(): Promise<void> {
  const loop = ingest.loops.find(({ name }) => name === 'ingest.quarantine')
  while ((await loop?.turn(new AbortController().signal)) === 'busy');
  await ingest.drain()
}
const sale = (id: string, properties: object = {}, more: object = {}) => ({
  type: 'track',
  event: 'Order Completed',
  messageId: id,
  userId: `u-${id}`,
  timestamp: '2026-03-02T08:00:00.000Z',
  properties: {
    order_id: id,
    total: 49.99,
    currency: 'EUR',
    products: [{ sku: 'known', price: 49.99, quantity: 1 }],
    ...properties,
  },
  ...more,
})
const groups = async (status: 'open' | 'discarded' = 'open') =>
  (await call(api.ingest.quarantine, { query: { status } })).items.filter((group) => group.source === source)
const ids = () => applied.map(({ messageId }) => messageId).sort()

test('a group says what it means; a dry run tells what a repair does; the replay keeps id and times', async () => {
  await send(
    sale('1', { currency: 'Taler' }),
    sale('2', { currency: 'Taler' }),
    sale('3', { currency: 'Mark' }),
    sale('4'),
  )
  expect(ids()).toEqual(['4'])
  const [group] = await groups()
  expect(group).toMatchObject({
    code: 'currency_unknown',
    path: 'properties.currency',
    open: 3,
    people: 3,
    turnover: 14997,
    // That of the source: what nobody knows cannot be written as an amount.
    currency: 'EUR',
  })
  const params = { key: group?.key ?? '' }
  const detail = await call(api.ingest.quarantineDetail, { params })
  expect(detail.values).toEqual([
    { value: 'Taler', count: 2 },
    { value: 'Mark', count: 1 },
  ])
  expect(detail.samples).toHaveLength(3)
  expect(JSON.stringify(detail.samples)).not.toContain('u-1')
  const repairs = [{ kind: 'map' as const, path: 'properties.currency', from: 'Taler', to: 'EUR' }]
  const dry = await call(api.ingest.dryRunGroup, { params, body: { repairs } })
  expect(dry).toMatchObject({ state: 'waiting', total: 3 })
  await work()
  const [ran] = (await call(api.ingest.quarantineDetail, { params })).work
  expect(ran).toMatchObject({
    state: 'done',
    done: 3,
    passed: 2,
    people: 2,
    orders: 2,
    turnover: 9998,
    currency: 'EUR',
  })
  expect(ran?.failing).toMatchObject([{ code: 'currency_unknown', count: 1 }])
  expect(ids()).toEqual(['4'])

  await world.clock.advance({ hours: 30 })
  await call(api.ingest.replayGroup, { params, body: { repairs } })
  await work()
  expect(ids()).toEqual(['1', '2', '4'])
  expect(applied.find(({ messageId }) => messageId === '1')).toMatchObject({
    at: '2026-03-02T08:00:00.000Z',
    receivedAt: '2026-03-02T09:00:00.000Z',
    properties: { currency: 'EUR', minor: { total: 4999 } },
    context: { given: { 'properties.currency': 'Taler' } },
    findings: [{ code: 'rule.repair', action: 'repair' }],
  })
  await call(api.ingest.replayGroup, { params, body: { repairs } })
  await work()
  expect(ids()).toEqual(['1', '2', '4'])
  expect(await groups()).toMatchObject([{ open: 1 }])
})

test('a repair that is kept lets the next item pass, and can be taken back', async () => {
  await send(sale('1', { currency: 'Taler' }))
  const [group] = await groups()
  const repairs = [{ kind: 'map' as const, path: 'properties.currency', from: 'Taler', to: 'EUR' }]
  await call(api.ingest.replayGroup, { params: { key: group?.key ?? '' }, body: { repairs, keep: true } })
  await work()
  await send(sale('2', { currency: 'Taler' }))
  expect(ids()).toEqual(['1', '2'])
  expect(applied[1]).toMatchObject({ context: { given: { 'properties.currency': 'Taler' } } })
  const rules = await call(api.ingest.checks, { query: { source } })
  expect(rules).toMatchObject({ version: 1, repairs })
  await call(api.ingest.takeBackChecks, { params: { source }, body: { version: 1 } })
  await send(sale('3', { currency: 'Taler' }))
  expect(ids()).toEqual(['1', '2'])
})

test('what a decision would have done is what it then does, and it can be taken back', async () => {
  const odd = (id: string) => sale(id, { total: 0.01, products: [{ sku: 'known', price: 0.01, quantity: 1 }] })
  await send(odd('1'), odd('2'), sale('3'))
  const preview = await call(api.ingest.previewChecks, {
    params: { source },
    body: { actions: { 'money.outlier': 'quarantine' } },
  })
  expect(preview).toMatchObject({
    items: 3,
    wouldWait: 2,
    changes: [{ code: 'money.outlier', from: 'flag', to: 'quarantine', affected: 2, people: 1, turnover: 2 }],
  })
  const decision = { actions: { 'money.outlier': 'quarantine' as const }, note: 'Prices of one cent', version: 0 }
  await call(api.ingest.decideChecks, { params: { source }, body: decision })
  await expect(call(api.ingest.decideChecks, { params: { source }, body: decision })).rejects.toMatchObject({
    code: 'changed_meanwhile',
  })
  await expect(
    call(api.ingest.decideChecks, {
      params: { source },
      body: { ...decision, version: 1, actions: { consent_without_evidence: 'flag' } },
    }),
  ).rejects.toMatchObject({ code: 'not_to_decide' })
  await send(odd('4'), odd('5'), sale('6'))
  expect(ids()).toEqual(['1', '2', '3', '6'])
  expect(await groups()).toMatchObject([{ code: 'check_failed', check: 'money.outlier', open: 2 }])
  const back = await call(api.ingest.previewChecks, { params: { source }, body: { actions: {} } })
  expect(back).toMatchObject({ wouldPass: 2 })
  await call(api.ingest.takeBackChecks, { params: { source }, body: { version: 1 } })
  const [group] = await groups()
  await call(api.ingest.replayGroup, { params: { key: group?.key ?? '' }, body: {} })
  await work()
  expect(ids()).toEqual(['1', '2', '3', '4', '5', '6'])
})

test('what waits for an article is tried again by itself, and at once when it arrives', async () => {
  skus.delete('late')
  skus.delete('later')
  await send(
    sale('1', { products: [{ sku: 'late', price: 49.99 }] }),
    sale('2', { products: [{ sku: 'later', price: 49.99 }] }),
  )
  expect(ids()).toEqual([])
  const [group] = await groups()
  expect(group).toMatchObject({ code: 'unknown_reference', check: 'goods.product', open: 2 })
  expect(group?.retryAt).toBe(new Date(world.clock.now().getTime() + 60_000).toISOString())
  skus.set('late', 4999)
  await work()
  expect(ids()).toEqual([])
  await world.clock.advance({ minutes: 2 })
  await work()
  expect(ids()).toEqual(['1'])
  const waits = await world.ground.database.row<{ retries: number; minutes: number; attempts: number }>`
    select retries, attempts, round(extract(epoch from retry_at - platform.now()) / 60)::int as minutes from ingest.quarantine
    where source = ${source} and status = 'open'`
  expect(waits).toEqual({ retries: 1, attempts: 2, minutes: 5 })
  // Counted once, however often it is tried.
  const counted = await world.ground.database.row<{ received: number }>`
    select sum(received)::int as received from ingest.counter where source = ${source}`
  expect(counted?.received).toBe(3)
  await world.ground.database.transaction((tx) => ingest.quarantine.arrived(tx, 'sku', ['later']))
  skus.set('later', 1)
  await work()
  expect(ids()).toEqual(['1', '2'])
})

test('a withdrawal counts at once, whatever else is wrong with its item', async () => {
  const consent = { consent: { categoryPreferences: { news: false } } }
  await send(
    sale('1', { currency: 'Taler' }, { context: consent }),
    sale('2', {}, { context: consent, timestamp: '1899-01-01T00:00:00Z' }),
    { ...sale('3', {}, { context: consent }), type: 'dance' },
    { ...sale('4', { text: 'x'.repeat(300_000) }, { context: consent }) },
    {
      type: 'track',
      event: 'Segment Consent Preference Updated',
      messageId: '5',
      userId: 'u-5',
      context: { consent: { categoryPreferences: { news: false, unknown: true } } },
    },
    {
      type: 'track',
      event: 'Unsubscribed',
      messageId: '6',
      userId: 2 ** 63,
      traits: {},
      properties: { email: 'ada@example.com' },
    },
    {
      type: 'identify',
      messageId: '7',
      userId: 'u-7',
      traits: { consent_email: 'no' },
      timestamp: '1899-01-01T00:00:00Z',
    },
    sale('8'),
    sale('8', { total: 1 }, { context: consent }),
  )
  const spoken = applied.filter(({ flags }) => flags.includes('withdrawal'))
  expect(
    spoken.map(({ messageId }) => messageId.split(':')[0] ?? '').toSorted((one, other) => one.localeCompare(other)),
  ).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
  for (const { messageId, consent: said, name, traits } of spoken)
    expect([messageId, said?.newsletter === false || name === 'Unsubscribed' || traits.consent_email === 'no']).toEqual(
      [messageId, true],
    )
  expect(spoken.find(({ messageId }) => messageId.startsWith('1:'))?.identifiers).toContainEqual({
    namespace: 'user_id',
    value: 'u-1',
    trust: 'verified',
  })
  expect((await groups()).reduce((sum, { open }) => sum + open, 0)).toBe(8)
  const before = applied.length
  const repairs = [{ kind: 'map' as const, path: 'properties.currency', from: 'Taler', to: 'EUR' }]
  const group = (await groups()).find(({ code }) => code === 'currency_unknown')
  await call(api.ingest.replayGroup, { params: { key: group?.key ?? '' }, body: { repairs } })
  await work()
  expect(applied.slice(before).map(({ messageId }) => messageId)).toEqual(['1'])
  // Counted is what came, not what was made of it.
  const counted = await world.ground.database.row<{ received: number; accepted: number; quarantined: number }>`
    select sum(received)::int as received, sum(accepted)::int as accepted, sum(quarantined)::int as quarantined
    from ingest.counter where source = ${source}`
  expect(counted).toEqual({ received: 10, accepted: 2, quarantined: 8 })
})

test('an id that only ever stood in quarantine is no repeat', async () => {
  await send(sale('1', { currency: 'Taler' }))
  await send(sale('1'))
  expect(ids()).toEqual(['1'])
  expect(await groups()).toMatchObject([{ open: 1 }])
})

test('machines and tests are stored for themselves; no stage hears of them', async () => {
  await send(
    sale('1', {}, { context: { userAgent: 'Mozilla/5.0 (compatible; bingbot/2.0)' } }),
    sale('2', { email: 'test@shop.example' }),
    sale('3'),
  )
  expect(ids()).toEqual(['3'])
  const { items } = await call(api.ingest.events, { query: { source } })
  expect(
    items
      .map(({ properties, flags, person }) => [
        properties.order_id,
        flags.filter((flag) => flag !== 'aside').join(),
        person,
      ])
      .toSorted(([one], [other]) => String(one).localeCompare(String(other))),
  ).toEqual([
    ['1', 'machine', null],
    ['2', 'test', null],
    ['3', '', ada],
  ])
  const rows = await world.ground.history.rows<{ count: string }>`
    select toString(count()) as count from ingest.event where source = toUUID(${source})`
  expect(rows[0]?.count).toBe('1')
  const counted = await world.ground.database.row<{ accepted: number }>`
    select sum(accepted)::int as accepted from ingest.counter where source = ${source}`
  expect(counted?.accepted).toBe(3)
})

test('findings are counted per source, hour, code and place, and stand in history', async () => {
  const person = (id: string, traits: object) => ({ type: 'identify', messageId: id, userId: id, traits })
  // A name of its own is kept; nothing is put together of the parts.
  await send(
    person('1', { name: 'Ada', firstName: 'ADA' }),
    person('2', { name: 'Bert', firstName: 'BERT', birthday: '1900-01-01' }),
  )
  await send(person('2', { name: 'Bert', firstName: 'BERT', birthday: '1900-01-01' }))
  const rows = await world.ground.database.rows<{ code: string; path: string; action: string; count: number }>`
    select code, path, action, count::int as count from ingest.finding where source = ${source} order by code`
  expect(rows).toEqual([
    { code: 'birth.sentinel', path: 'traits.birthday', action: 'strip', count: 1 },
    { code: 'name.shape', path: 'traits.firstName', action: 'repair', count: 2 },
  ])
  const { items } = await call(api.ingest.checks, { query: { source } })
  expect(items.find(({ code }) => code === 'name.shape')).toMatchObject({
    day: 2,
    week: 2,
    trend: [0, 0, 0, 0, 0, 0, 2],
  })
  const stored = await world.ground.history.rows<{ findings: string[] }>`
    select findings from ingest.event where source = toUUID(${source}) order by length(findings)`
  expect(stored.map(({ findings }) => findings)).toEqual([
    ['name.shape traits.firstName repair'],
    ['birth.sentinel traits.birthday strip', 'name.shape traits.firstName repair'],
  ])
})

test('names that nobody bounds are counted as one', async () => {
  const names = (from: number) =>
    Array.from({ length: 40 }, (_, at) => ({
      type: 'identify',
      messageId: `b-${from + at}`,
      userId: 'b',
      // Every spelling is a place of its own.
      traits: { [`sur${'_'.repeat(from + at)}name`]: 'LOVELACE' },
    }))
  await send(...names(0))
  await send(...names(40))
  // Another process starts from what is written down.
  await createJudge({
    sourceOf: async () => null,
    around: createAround(null, world.clock),
    clock: world.clock,
  }).count(world.ground.database, [
    { ...(found('traits.last_name') as Item), source },
    { ...(found('traits.sur_name') as Item), source },
  ])
  const rows = await world.ground.database.rows<{ path: string; count: number }>`
    select path, count::int as count from ingest.finding where source = ${source} and code = 'name.shape' order by path`
  expect(rows).toHaveLength(51)
  expect(rows.find(({ path }) => path === '*')?.count).toBe(31)
  expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(82)

  // A name as long as a request is no reason to wait for ever.
  await send({
    type: 'identify',
    messageId: 'long',
    userId: 'b',
    traits: { [`last${' '.repeat(5000)}name`]: 'LOVELACE' },
  })
  expect(applied.at(-1)?.findings?.[0]).toMatchObject({ code: 'name.shape', path: expect.stringMatching(/^.{201}$/) })

  function found(path: string): object {
    const finding = { code: 'name.shape', path, rule: 0, action: 'repair', message: '' }
    return { receivedAt: world.clock.now().getTime(), event: null, findings: [finding] }
  }
})

test('what was given up can be taken back until it would have expired', async () => {
  await send(sale('1', { currency: 'Taler' }))
  const [group] = await groups()
  const params = { key: group?.key ?? '' }
  await call(api.ingest.discard, { body: { group: params.key, reason: 'Only a test of the till' } })
  expect(await groups()).toEqual([])
  expect(await groups('discarded')).toMatchObject([{ open: 1 }])
  expect(await call(api.ingest.restoreGroup, { params })).toEqual({ restored: 1 })
  expect(await groups()).toMatchObject([{ open: 1, expiring: null }])
  await call(api.ingest.discard, { body: { group: params.key, reason: 'Only a test of the till' } })
  await world.clock.advance({ days: 91 })
  const sweep = parts.jobs?.find(({ name }) => name === 'ingest.sweep')
  await sweep?.work({} as never, {} as never)
  expect(await groups('discarded')).toEqual([])
  await world.clock.advance({ days: -91 })
})

test('work on a group can be paused, goes on, and is stopped', async () => {
  await send(...Array.from({ length: 30 }, (_, at) => sale(`p-${at}`, { currency: 'Taler' })))
  const [group] = await groups()
  const params = { key: group?.key ?? '' }
  const repairs = [{ kind: 'default' as const, path: 'properties.note', value: 'x' }]
  const run = await call(api.ingest.replayGroup, { params, body: { repairs } })
  await expect(call(api.ingest.replayGroup, { params, body: { repairs } })).rejects.toMatchObject({
    code: 'work_going_on',
  })
  const steer = (to: 'pause' | 'resume' | 'stop') =>
    call(api.ingest.steerWork, { params: { work: run.id }, body: { to } })
  expect((await steer('pause')).state).toBe('paused')
  await work()
  expect((await call(api.ingest.quarantineDetail, { params })).work[0]).toMatchObject({ state: 'paused', done: 0 })
  expect((await steer('resume')).state).toBe('waiting')
  await work()
  const [ended] = (await call(api.ingest.quarantineDetail, { params })).work
  expect(ended).toMatchObject({
    state: 'done',
    done: 30,
    passed: 0,
    failing: [{ code: 'currency_unknown', count: 30 }],
  })
  await expect(steer('stop')).rejects.toMatchObject({ code: 'not_going_on' })
  const attempts = await world.ground.database.row<{ attempts: number }>`
    select min(attempts) as attempts from ingest.quarantine where source = ${source}`
  expect(attempts?.attempts).toBe(2)
})
