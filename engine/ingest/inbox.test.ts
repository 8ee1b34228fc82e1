import type { AppliedBatch, NormalEvent, PersonId } from '@einklang/contract'
import { type Database, Outage } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCarrier } from './carry.ts'
import { createIngest, type Ingest, type IngestInside } from './index.ts'

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const failing = new Set<string>()
const killing = new Set<string>()
let databaseFails = 0

let world: TestGround
let ingest: Ingest & IngestInside
let applied: NormalEvent[]
let key: string
let again: () => Ingest & IngestInside

beforeEach(async () => {
  world = await testGround()
  applied = []
  failing.clear()
  killing.clear()
  databaseFails = 0
  const apply = async (tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    if (databaseFails > 0 && databaseFails--)
      await tx.run`do $$ begin raise exception using errcode = '53100', message = 'No space left on device'; end $$`
    if (events.some((event) => failing.has(event.messageId))) throw new Error('a stage cannot take this')
    // Stands for a process that dies here: the transaction is gone, and nobody counts it as a failure of the item.
    if (events.some((event) => killing.has(event.messageId))) throw new Outage('killed')
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  again = () => createIngest({ ground: world.ground, apply })
  ingest = again()
  const made = await world.ground.database.transaction((tx) =>
    ingest.sources.create(tx, { name: 'Shop', kind: 'web' }, 'secret'),
  )
  ingest.sources.forget()
  key = made.key ?? ''
})
afterEach(() => world.close())

function send(path: string, body: unknown, headers: { [name: string]: string } = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const all: { [name: string]: string } = {
    authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}`,
    ...headers,
  }
  return ingest.door.answer({
    method: 'POST',
    path,
    query: '',
    header: (name) => all[name],
    headerNames: () => Object.keys(all),
    body: async () => bytes,
    address: '203.0.113.0',
  })
}

const historyCount = async () =>
  (await world.ground.history.rows<{ count: number }>`select toInt32(count()) as count from ingest.event`)[0]?.count

test('a batch goes from the door through the stages into history, once', async () => {
  const batch = Array.from({ length: 3 }, (_, index) => ({
    type: 'track',
    event: 'product_viewed',
    userId: 'u1',
    messageId: `m${index}`,
  }))
  expect((await send('/v1/batch', { batch }))?.status).toBe(200)
  expect((await send('/v1/batch', { batch }))?.status).toBe(200)
  await ingest.drain()
  expect(applied.map((event) => event.name)).toEqual(['Product Viewed', 'Product Viewed', 'Product Viewed'])
  expect(await historyCount()).toBe(3)
  const counters = await world.ground.database
    .rows`select received, accepted, duplicates, quarantined from ingest.counter`
  expect(counters).toEqual([{ received: 6, accepted: 3, duplicates: 3, quarantined: 0 }])
})

test('a number that is too long for ClickHouse hides nothing beside it', async () => {
  const properties = { serial: 5e19, depth: [[-3e20]], size: 42, note: 'one, "50000000000000000000", two' }
  await send('/v1/track', { event: 'Scanned', userId: 'u1', messageId: 'm1', properties })
  await ingest.drain()
  const [row] = await world.ground.history.rows<{ size: number; note: string; serial: number; deep: number }>`
    select JSONExtractInt(properties, 'size') as size, JSONExtractString(properties, 'note') as note,
      JSONExtractFloat(properties, 'serial') as serial, JSONExtractFloat(properties, 'depth', 1, 1) as deep
    from ingest.event`
  expect({ ...row, size: Number(row?.size) }).toEqual({ size: 42, note: properties.note, serial: 5e19, deep: -3e20 })
})

test('what was applied but not in history yet gets there after a restart, once', async () => {
  await send('/v1/track', { event: 'Greeted', userId: 'u1', messageId: 'm1' })
  await ingest.loops[0]?.turn(new AbortController().signal)
  expect(await historyCount()).toBe(0)
  await again().drain()
  expect(await historyCount()).toBe(1)
  // The mark was lost: the same batch once more, with the same token and bytes.
  await world.ground.database.run`update ingest.batch set history_at = null`
  await again().drain()
  expect(await historyCount()).toBe(1)
})

test('batches that wait go into history as one insert, which is the same one after a crash', async () => {
  const { database, history } = world.ground
  const [inbox] = ingest.loops
  for (const number of [1, 2, 3]) {
    await send('/v1/track', { event: 'Greeted', userId: 'u1', messageId: `m${number}` })
    await inbox?.turn(new AbortController().signal)
  }
  const waiting = await database.rows<{ id: number; rows: Buffer }>`select id, rows from ingest.batch order by id`
  await ingest.drain()
  expect(await historyCount()).toBe(3)
  const parts = () =>
    history.rows`select name from system.parts where database = 'ingest' and table = 'event' and active`
  expect(await parts()).toHaveLength(1)
  // The mark was lost with the process; more has come meanwhile.
  for (const { id, rows } of waiting)
    await database.run`update ingest.batch set history_at = null, rows = ${rows} where id = ${id}`
  await send('/v1/track', { event: 'Greeted', userId: 'u1', messageId: 'm4' })
  await again().drain()
  expect(await historyCount()).toBe(4)
  expect(await database.rows`select id from ingest.batch where history_at is null or rows is not null`).toEqual([])
})

test('under load the next insert waits two seconds for more rows; few events are carried at once', async () => {
  const { database, history } = world.ground
  let now = 0
  const { loop } = createCarrier({ database, history, now: () => now })
  const signal = new AbortController().signal
  let number = 0
  const apply = async (events: number) => {
    const batch = Array.from({ length: events }, () => ({ type: 'track', event: 'Seen', messageId: `m${number++}` }))
    await send('/v1/batch', { batch: batch.map((one) => ({ ...one, userId: 'u1' })) })
    await ingest.loops[0]?.turn(signal)
  }
  for (let turn = 0; turn < 5; turn++) {
    await apply(1)
    expect(await loop.turn(signal)).toBe('busy')
    now += 10
  }
  now += 2_000
  await apply(600)
  expect(await loop.turn(signal)).toBe('busy')
  await apply(1)
  now += 1_000
  expect(await loop.turn(signal)).toBe('idle')
  now += 1_001
  expect(await loop.turn(signal)).toBe('busy')
  expect(await historyCount()).toBe(606)
})

test('an id re-used for other content waits in quarantine while the first one stands', async () => {
  await send('/v1/track', { event: 'Greeted', userId: 'u1', messageId: 'm1', sentAt: '2026-03-02T09:00:00Z' })
  await send('/v1/track', { event: 'Greeted', userId: 'u1', messageId: 'm1', sentAt: '2026-03-02T09:00:07Z' })
  await ingest.drain()
  await send('/v1/track', { event: 'Insulted', userId: 'u1', messageId: 'm1' })
  await ingest.drain()
  expect(applied.map((event) => event.name)).toEqual(['Greeted'])
  const kept = await ingest.quarantine.items(world.ground.database, {}, ['open'], null, 10)
  expect(kept.map((row) => row.reasons[0]?.code)).toEqual(['id_reused'])
  expect(kept[0]?.payload).toMatchObject({ event: 'Insulted' })
})

test('an item that makes a stage fail is found by halving; the others pass', async () => {
  failing.add('m5')
  const batch = Array.from({ length: 9 }, (_, index) => ({
    type: 'track',
    event: 'Seen',
    userId: 'u1',
    messageId: `m${index}`,
  }))
  await send('/v1/batch', { batch })
  await ingest.drain()
  const kept = await ingest.quarantine.items(world.ground.database, {}, ['open'], null, 10)
  expect(kept.map((row) => row.reasons[0])).toEqual([{ code: 'poison', path: '', message: 'a stage cannot take this' }])
  expect(await historyCount()).toBe(8)
})

test('a database without disk poisons nothing, not even while the item at fault is looked for', async () => {
  const batch = Array.from({ length: 3 }, (_, index) => ({ type: 'track', event: 'Seen', messageId: `m${index}` }))
  await send('/v1/batch', { batch: batch.map((one) => ({ ...one, userId: 'u1' })) })
  const loop = ingest.loops[0]
  const signal = new AbortController().signal
  databaseFails = 2
  for (let turn = 0; turn < 2; turn++) await expect(loop?.turn(signal)).rejects.toBeInstanceOf(Outage)
  // As after three lives that ended here: item by item.
  await world.ground.database.run`update ingest.attempt set tries = 9`
  databaseFails = 1
  const another = again().loops[0]
  await expect(another?.turn(signal)).rejects.toBeInstanceOf(Outage)
  await world.ground.database.run`update ingest.attempt set tries = 9`
  await another?.turn(signal)
  const attempt = await world.ground.database.row<{ poison: number[] }>`select poison from ingest.attempt`
  expect(attempt?.poison).toEqual([])
  await again().drain()
  expect(await ingest.quarantine.items(world.ground.database, {}, ['open'], null, 10)).toEqual([])
  expect(await historyCount()).toBe(3)
})

test('a fact of our own stages is kept if and only if the transaction that reports it is', async () => {
  const { database } = world.ground
  const fact = {
    key: 'message-1:sent',
    name: 'message.sent',
    person: ada,
    at: world.clock.now(),
    properties: { channel: 'email' },
  }
  await expect(
    database.transaction(async (tx) => {
      await ingest.emit(tx, [fact])
      throw new Error('rolled back')
    }),
  ).rejects.toThrow('rolled back')
  await ingest.drain()
  expect(applied).toEqual([])
  await database.transaction((tx) => ingest.emit(tx, [fact]))
  await ingest.drain()
  expect(applied).toMatchObject([
    { name: 'message.sent', channel: 'email', identifiers: [{ namespace: 'person', value: ada }] },
  ])
})

test('an item that kills the worker process is found by its number and waits; the others pass', async () => {
  killing.add('m2')
  const batch = Array.from({ length: 4 }, (_, index) => ({
    type: 'track',
    event: 'Seen',
    userId: 'u1',
    messageId: `m${index}`,
  }))
  await send('/v1/batch', { batch })
  const signal = new AbortController().signal
  // Each life is a new process: nothing is remembered but what the database holds.
  for (let life = 0; life < 6; life++) await expect(again().loops[0]?.turn(signal)).rejects.toThrow('killed')
  await again().drain()
  const kept = await ingest.quarantine.items(world.ground.database, {}, ['open'], null, 10)
  expect(kept.map((row) => [row.reasons[0]?.code, (row.payload as { messageId: string }).messageId])).toEqual([
    ['poison', 'm2'],
  ])
  expect(await historyCount()).toBe(3)
})

test('two workers on one inbox apply every event once and in order', async () => {
  for (let number = 0; number < 60; number++)
    await send('/v1/track', { event: 'Seen', userId: 'u1', messageId: `m${number}` })
  const signal = new AbortController().signal
  const worker = async () => {
    const loop = again().loops[0]
    for (let quiet = 0; quiet < 5; ) quiet = (await loop?.turn(signal)) === 'busy' ? 0 : quiet + 1
  }
  await Promise.all([worker(), worker()])
  expect(applied.map((event) => event.messageId)).toEqual(Array.from({ length: 60 }, (_, number) => `m${number}`))
  await ingest.drain()
  expect(await historyCount()).toBe(60)
})

test('requests that come together are committed together, and what is applied later comes later', async () => {
  await Promise.all(
    Array.from({ length: 40 }, (_, number) =>
      send('/v1/track', { event: 'Seen', userId: 'u1', messageId: `m${number}` }),
    ),
  )
  const rows = await world.ground.database.rows<{ requests: number }>`select requests from ingest.inbox`
  expect(rows.reduce((sum, row) => sum + row.requests, 0)).toBe(40)
  expect(rows.length).toBeLessThan(10)
})
