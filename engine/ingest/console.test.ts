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
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audited } from '#governance'
import { createIngest, type Ingest, type IngestInside, ingestParts } from './index.ts'

const people: { [userId: string]: PersonId } = {
  ada: 'adadadad-adad-8200-8000-000000000001' as PersonId,
  bert: 'bebebebe-bebe-8200-8000-000000000002' as PersonId,
}
const caller = { caller: { kind: 'user', name: 'Eva' } } as unknown as Request_

let world: TestGround
let ingest: Ingest & IngestInside
let parts: StageParts
let applied: NormalEvent[]
let audited: Audited[]
let key: string
let source: SourceId

beforeEach(async () => {
  world = await testGround()
  applied = []
  const apply = async (_tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    const whose = (event: NormalEvent) => people[event.identifiers[0]?.value ?? ''] as PersonId
    return { events: events.map((event) => ({ ...event, person: whose(event) })), merges: [], touched: [] }
  }
  const identifiersOf = async () => [{ namespace: 'email', value: 'ada@x.de' }]
  audited = []
  const audit = async (_tx: Database, entry: Audited) => void audited.push(entry)
  ingest = createIngest({ ground: world.ground, apply, identifiersOf, audit })
  parts = ingestParts(ingest)
  const made = await call(api.ingest.createSource, { body: { name: 'Shop München', kind: 'web', trust: 'secret' } })
  key = made.key
  source = made.source.id
})
afterEach(() => world.close())

function call<R extends Route>(route: R, input: CallOf<R> = {}): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const read = {
    params: route.params.parse(input.params ?? {}),
    query: route.query.parse(input.query ?? {}),
    body: route.body.parse(input.body),
  }
  return mounted?.handle(read as never, caller).then((answer) => route.answer.parse(answer)) as Promise<AnswerOf<R>>
}

async function send(batch: object[], writeKey = key): Promise<number> {
  const body = Buffer.from(JSON.stringify({ batch, writeKey }))
  const request = {
    method: 'POST',
    path: '/v1/batch',
    query: '',
    header: () => undefined,
    headerNames: () => [],
    body: async () => body,
    address: '',
  }
  return (await ingest.door.answer(request)).status
}
const track = (messageId: string, more: object = {}) => ({
  type: 'track',
  event: 'Product Viewed',
  userId: 'ada',
  messageId,
  ...more,
})

test('who made, changed and ended a source or a key is written down, never the key', async () => {
  const params = { source }
  await call(api.ingest.changeSource, { params, body: { origins: ['https://shop.example'] } })
  const made = await call(api.ingest.createKey, { params, body: { trust: 'publishable' } })
  const next = await call(api.ingest.rotateKey, { params: { source, key: made.id }, body: {} })
  await call(api.ingest.revokeKey, { params: { source, key: next.id } })
  expect(audited.map(({ action, object }) => [action, object.id])).toEqual([
    ['source.created', source],
    ['source.changed', source],
    ['source.key.created', made.id],
    ['source.key.rotated', made.id],
    ['source.key.revoked', next.id],
  ])
  expect(audited.every(({ actor }) => actor === caller.caller)).toBe(true)
  const written = JSON.stringify(audited)
  for (const secret of [key, made.key, next.key]) expect(written).not.toContain(secret)
})

test('a key that everybody can read is a publishable one unless somebody says otherwise', async () => {
  for (const [kind, hint] of [
    ['web', 'pk_'],
    ['app', 'pk_'],
    ['till', 'sk_'],
    ['shop', 'sk_'],
  ] as const)
    expect((await call(api.ingest.createSource, { body: { name: `Of ${kind}`, kind } })).key.slice(0, 3)).toBe(hint)
})

test('a source shows its keys without giving them away, its counters and its last event', async () => {
  await send([track('1'), track('1'), track('2', { event: '' })])
  await ingest.drain()
  const { items } = await call(api.ingest.sources)
  expect(items).toMatchObject([
    {
      name: 'Shop München',
      slug: 'shop-muenchen',
      kind: 'web',
      channel: 'web',
      issuer: 'user_id',
      state: 'live',
      day: { received: 3, accepted: 1, duplicates: 1, quarantined: 1 },
    },
  ])
  expect(items[0]?.keys).toMatchObject([{ trust: 'secret', state: 'live', lastUsedAt: '2026-03-02T09:00:00.000Z' }])
  expect(JSON.stringify(items)).not.toContain(key)
})

test('a rotated key works for its days of grace, a revoked one not at all; two may be live', async () => {
  const [first] = (await call(api.ingest.sources)).items[0]?.keys ?? []
  const second = await call(api.ingest.rotateKey, { params: { source, key: first?.id as never }, body: {} })
  expect(await send([track('1')])).toBe(200)
  expect(await send([track('2')], second.key)).toBe(200)
  await world.clock.advance({ days: 8 })
  ingest.sources.forget()
  expect(await send([track('3')])).toBe(401)
  const third = await call(api.ingest.createKey, { params: { source }, body: { trust: 'publishable' } })
  expect(third.key).toMatch(/^pk_/)
  await expect(
    call(api.ingest.createKey, { params: { source }, body: { trust: 'publishable' } }),
  ).rejects.toMatchObject({ code: 'two_keys' })
  await call(api.ingest.revokeKey, { params: { source, key: third.id } })
  expect(await send([track('4')], third.key)).toBe(401)
})

test('what waits is repaired and replayed with its id and times; repeating it changes nothing', async () => {
  await send([track('1', { event: '', timestamp: '2026-03-01T08:00:00Z' }), track('2', { event: '' }), track('3')])
  await ingest.drain()
  const waiting = await call(api.ingest.quarantine)
  expect(waiting).toMatchObject({
    open: 2,
    items: [{ code: 'missing_event', path: 'event', open: 2, doInstead: expect.stringContaining('name') }],
  })
  const group = waiting.items[0]?.key ?? ''
  const { items } = await call(api.ingest.quarantineItems, { query: { group } })
  const item = items.find((one) => (one.payload as { messageId: string }).messageId === '1')
  const payload = { ...(item?.payload as object), event: 'Greeted' } as never
  expect(
    await call(api.ingest.repairItem, { params: { item: item?.id as never }, body: { payload, dryRun: true } }),
  ).toEqual({ passes: true, reasons: [] })
  await call(api.ingest.repairItem, { params: { item: item?.id as never }, body: { payload } })
  expect(await call(api.ingest.replay, { body: { group } })).toEqual({ replayed: 2 })
  await ingest.drain()
  expect(applied.map((event) => [event.name, event.at, event.receivedAt])).toEqual([
    ['Product Viewed', '2026-03-02T09:00:00.000Z', '2026-03-02T09:00:00.000Z'],
    ['Greeted', '2026-03-01T08:00:00.000Z', '2026-03-02T09:00:00.000Z'],
  ])
  // The unrepaired one is back, as one item.
  expect((await call(api.ingest.quarantine)).open).toBe(1)
  const [again] = (await call(api.ingest.quarantineItems, { query: { group } })).items
  expect(again?.attempts).toBe(2)
  expect(await call(api.ingest.discard, { body: { group, reason: 'test data' } })).toEqual({ discarded: 1 })
  expect((await call(api.ingest.quarantine)).open).toBe(0)
})

test('the newest events and the names that were seen', async () => {
  await send([track('1', { properties: { sku: 'A', price: 5 } }), track('2', { event: 'Greeted', userId: 'bert' })])
  await ingest.drain()
  const recent = await call(api.ingest.events, { query: { limit: 1 } })
  expect(recent.items).toHaveLength(1)
  const rest = await call(api.ingest.events, { query: { limit: 5, after: recent.next ?? '' } })
  expect([...recent.items, ...rest.items].map((event) => event.name).sort()).toEqual(['Greeted', 'Product Viewed'])
  expect((await call(api.ingest.events, { query: { person: people.bert as PersonId } })).items).toMatchObject([
    { name: 'Greeted' },
  ])
  const names = await call(api.ingest.eventNames)
  expect(names.items.find((one) => one.name === 'Product Viewed')).toMatchObject({
    count: 1,
    properties: ['price', 'sku'],
  })
  expect((await call(api.ingest.counters)).items).toMatchObject([
    { sourceName: 'Shop München', received: 2, accepted: 2 },
  ])
})

test('pages of what arrived in one instant show each event once, machines among them', async () => {
  const all = Array.from({ length: 40 }, (_, index) =>
    track(
      String(index),
      index % 5 === 0 ? { context: { userAgent: 'Googlebot/2.1 (+http://www.google.com/bot.html)' } } : {},
    ),
  )
  await send(all)
  await ingest.drain()
  const seen: string[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page: AnswerOf<typeof api.ingest.events> = await call(api.ingest.events, {
      query: { limit: 7, ...(after === undefined ? {} : { after }) },
    })
    seen.push(...page.items.map(({ id }) => id))
    after = page.next
  }
  expect(seen).toHaveLength(40)
  expect(new Set(seen).size).toBe(40)
})

test('an erased person is gone from history, the replay window and quarantine; others stay', async () => {
  await send([
    track('1'),
    track('2', { userId: 'bert' }),
    track('3', { event: '', context: { traits: { email: 'Ada@x.de' } } }),
  ])
  await ingest.drain()
  await world.ground.database.transaction((tx) => parts.erase?.(tx, [people.ada as PersonId]) ?? Promise.resolve(0))
  const left = await world.ground.history.rows<{ person: string }>`select toString(person) as person from ingest.event`
  expect(left).toEqual([{ person: people.bert }])
  expect((await call(api.ingest.quarantine)).open).toBe(0)
  const { unpackRequests } = await import('./frame.ts')
  const rows = await world.ground.database.rows<{ bytes: Buffer }>`select bytes from ingest.inbox`
  const kept = rows
    .map((row) => unpackRequests(row.bytes))
    .flat()
    .map((request) => String(request.body))
  expect(kept.join()).toContain('bert')
  expect(kept.join()).not.toContain('"messageId":"1"')
})

test('what is old and confirmed is dropped by whole days; what waits stays', async () => {
  await send([track('1')])
  await ingest.drain()
  await world.clock.advance({ days: 20 })
  await send([track('2')])
  await world.ground.database.run`select ingest.drop_before('2026-03-10')`
  const inbox = () => world.ground.database.rows`select day::text as day from ingest.inbox`
  expect(await inbox()).toEqual([{ day: '2026-03-22' }])
  await world.ground.database.run`select ingest.drop_before('2026-04-10')`
  expect(await inbox()).toEqual([{ day: '2026-03-22' }])
  await ingest.drain()
  expect(applied).toHaveLength(2)
})
