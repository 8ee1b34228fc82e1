import type { SourceId } from '@einklang/contract'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIngest, type Ingest, type IngestInside } from '../../index.ts'
import { offsetAt } from './local-time.ts'
import { type Note, type PropertyNote, wholeSource } from './note.ts'

const minute = 60_000
const day = 24 * 60 * minute
const zone = 'Europe/Berlin'
/** A Monday; four weeks later the shop is known, on 29 March summer time begins. */
const start = '2026-02-02T00:00:00Z'
const known = '2026-03-02T00:00:00Z'

let world: TestGround
let ingest: Ingest & IngestInside
let batch = 0

type Minute = {
  items: { [series: string]: number }
  duplicates?: number
  quarantined?: number
  late?: number
  shapes?: Note[string]['shapes']
}
/** What one source sends in the minute; `poisson` draws a count. */
type Sends = (at: number, poisson: (mean: number) => number) => Minute

const tables = ['arrival', 'arrival_minute', 'series', 'property_shape', 'property_value']
const kept = new Map<string, { source: string }[]>()

beforeAll(async () => {
  world = await testGround({ start })
  const { database } = world.ground
  ingest = createIngest({ ground: world.ground, apply: async () => ({ events: [], merges: [], touched: [] }) })
  await run(await source('web', 'template'), shop(), 28 * 24 * 60, 24 * 60)
  for (const table of tables) {
    const rows = await database.rows<{ row: { source: string } }>`
      select to_jsonb(told) as row from ${database.name(`ingest.${table}`)} as told`
    kept.set(
      table,
      rows.map(({ row }) => row),
    )
  }
})
afterAll(() => world.close())

/** Four weeks are over, nobody else is known, nothing was told. */
beforeEach(async () => {
  const { database } = world.ground
  await world.clock.set(known)
  for (const table of [...tables, 'alarm', 'monitor'])
    await database.run`delete from ${database.name(`ingest.${table}`)}`
})

async function source(kind: 'web' | 'till', name: string): Promise<SourceId> {
  const made = await world.ground.database.transaction((tx) => ingest.sources.create(tx, { name, kind }, null))
  return made.source.id
}

/** A shop with four weeks behind it. */
async function knownShop(): Promise<SourceId> {
  const { database } = world.ground
  const id = await source('web', `shop ${batch}`)
  for (const [table, rows] of kept) {
    const name = database.name(`ingest.${table}`)
    const own = rows.map((row) => ({ ...row, source: id }))
    await database.run`insert into ${name} select * from jsonb_populate_recordset(null::${name}, ${database.json(own)})`
  }
  return id
}

/** Lets a source send for so many minutes, looked at `every` so many, as the applier would tell it. */
async function run(id: SourceId, sends: Sends, minutes: number, every = 1): Promise<void> {
  const { database, clock } = world.ground
  for (let done = 0; done < minutes; done += every) {
    const from = clock.now().getTime()
    const { poisson } = drawsFrom(from, minutes, every)
    const told: Note[string] = { minutes: {}, series: {}, shapes: {} }
    for (let at = from; at < from + every * minute; at += minute) add(told, at, sends(at, poisson))
    await database.run`
      insert into ingest.arrival_note (batch, note) values (${++batch}, ${database.json({ [id]: told })})`
    await world.clock.advance({ minutes: every })
    await ingest.monitor.turn()
    // What the monitor reports goes its own way through the inbox; behind a queue the monitors wait.
    const waits = await database.row<{ one: number }>`select 1 as one from ingest.inbox where batch is null limit 1`
    if (waits) await ingest.drain()
  }
}

function add(to: Note[string], at: number, said: Minute): void {
  const key = String(at / minute)
  const { items, duplicates = 0, quarantined = 0, late = 0, shapes = {} } = said
  to.minutes[key] = [(items[wholeSource] ?? 0) + duplicates + quarantined + late, duplicates, quarantined, late]
  for (const [series, count] of Object.entries(items)) if (count > 0) (to.series[series] ??= {})[key] = count
  for (const [event, shape] of Object.entries(shapes)) {
    const of = (to.shapes[event] ??= { seen: 0, properties: {} })
    of.seen += shape.seen
    for (const [property, one] of Object.entries(shape.properties)) {
      const property_: PropertyNote = (of.properties[property] ??= { filled: 0, values: {} })
      property_.filled += one.filled
      for (const [value, times] of Object.entries(one.values ?? {}))
        (property_.values ??= {})[value] = (property_.values[value] ?? 0) + times
    }
  }
}

/** Quiet at night, twenty looks a minute by day; a fifth of it carts, a twentieth orders paid by card. */
function shop(how: { part?: number; carts?: number } = {}): Sends {
  return (at, poisson) => {
    const local = new Date(at + offsetAt(at, zone)).getUTCHours()
    const rate = (local < 6 ? 1 : local < 9 ? 6 : 20) * (how.part ?? 1)
    const views = poisson(rate)
    const carts = poisson((rate / 5) * (how.carts ?? 1))
    const orders = poisson(rate / 20)
    const properties = { payment: { filled: orders, values: orders > 0 ? { card: orders } : {} } }
    return {
      items: {
        [wholeSource]: views + carts + orders,
        'event:page': views,
        'event:cart': carts,
        'event:Order Completed': orders,
      },
      shapes: orders > 0 ? { 'Order Completed': { seen: orders, properties } } : {},
    }
  }
}
const nothing: Sends = () => ({ items: {} })

async function told(open?: 'true'): Promise<string[]> {
  const { items } = await ingest.monitor.alarms({ limit: 50, open })
  return items.map(({ code, subject }) => `${code} ${subject.name}`.trim()).sort()
}
async function details(): Promise<string[]> {
  const { items } = await ingest.monitor.alarms({ limit: 50 })
  return items.map(
    ({ code, subject, observed, usual, windowMinutes, openedAt }) =>
      `${openedAt.slice(5, 16)} ${code} ${subject.name} ${observed} of ${usual} in ${windowMinutes}`,
  )
}

test('nothing is wrong with an undisturbed shop, by day, by night and over a change of the clocks', async () => {
  const id = await knownShop()
  await run(id, shop(), 24 * 60, 15)
  await run(id, shop(), 26 * 24 * 60, 24 * 60)
  // The night to Sunday has an hour less.
  await run(id, shop(), 36 * 60, 30)
  expect(await details()).toEqual([])
}, 240_000)

test('a source that died is found within five minutes, told once, and closes itself when it lives again', async () => {
  const id = await knownShop()
  await run(id, shop(), 11 * 60, 30)
  expect(await details()).toEqual([])
  await run(id, nothing, 5)
  expect(await told('true')).toContain('stream.silence')
  await run(id, nothing, 30)
  expect(await told()).toEqual(['stream.silence', 'stream.volume'])
  await run(id, shop(), 80, 5)
  expect(await told('true')).toEqual([])
  const { items } = await ingest.monitor.alarms({ limit: 50 })
  expect(items.map(({ closedBecause }) => closedBecause)).toEqual(['normal', 'normal'])
  expect(items[0]?.cause.kind).toBe('whole_source')
})

test('half of the items is found within five minutes in a busy hour', async () => {
  const id = await knownShop()
  await run(id, shop(), 11 * 60, 30)
  await run(id, shop({ part: 0.5 }), 5)
  expect(await told()).toEqual(['stream.volume'])
  const { items } = await ingest.monitor.alarms({ limit: 1 })
  expect(items[0]).toMatchObject({ unit: 'items', level: 'alarm', windowMinutes: 5, subject: { kind: 'source' } })
  expect(items[0]?.observed).toBeLessThan(0.7 * (items[0]?.usual ?? 0))
})

test('one event that stops is named although the rest goes on', async () => {
  const id = await knownShop()
  await run(id, shop(), 11 * 60, 30)
  await run(id, shop({ carts: 0 }), 20)
  expect(await told()).toEqual(['stream.volume cart'])
  const { items } = await ingest.monitor.alarms({ limit: 1 })
  expect(items[0]?.cause).toMatchObject({ kind: 'one_event', name: 'cart' })
})

test('a till is told by its store after two silent hours; nights, Sundays, holidays and summer time are no silence', async () => {
  const stores = ['K1', 'K2', 'K3']
  /** Open 9:30–20:00, Monday to Saturday, but for Good Friday and Easter Monday. */
  const tills =
    (broken?: string): Sends =>
    (at, poisson) => {
      const local = new Date(at + offsetAt(at, zone))
      const clock = local.getUTCHours() + local.getUTCMinutes() / 60
      const shut = local.getUTCDay() === 0 || ['04-03', '04-06'].includes(local.toISOString().slice(5, 10))
      const items: { [series: string]: number } = {}
      for (const store of stores) {
        const count = shut || clock < 9.5 || clock >= 20 || store === broken ? 0 : poisson(0.25)
        items[`place:${store}`] = count
        items[wholeSource] = (items[wholeSource] ?? 0) + count
      }
      return { items }
    }
  const id = await source('till', 'tills')
  await run(id, tills(), 21 * 24 * 60, 24 * 60)
  expect(world.clock.now().toISOString().slice(0, 10)).toBe('2026-03-23')
  await run(id, tills(), 16 * 24 * 60, 180)
  expect(await details()).toEqual([])
  // Wednesday after Easter, noon.
  await run(id, tills(), 10 * 60, 60)
  await run(id, tills('K2'), 115, 5)
  expect(await told()).toEqual([])
  await run(id, tills('K2'), 60, 5)
  expect(await told()).toContain('stream.silence K2')
}, 240_000)

test('a value never seen before, an empty property and a share of late, repeated or waiting items are told', async () => {
  const id = await knownShop()
  await run(id, shop(), 11 * 60, 30)
  expect(await details()).toEqual([])
  const order = (filled: number, values: { [value: string]: number }) => ({
    'Order Completed': { seen: 10, properties: { payment: { filled, values } } },
  })
  const changed =
    (change: Partial<Minute>): Sends =>
    (at, poisson) => ({ ...shop()(at, poisson), ...change })
  await run(id, changed({ shapes: order(10, { karte: 10 }) }), 5)
  expect(await told()).toEqual(['stream.new_values Order Completed.payment = karte'])
  await run(id, changed({ shapes: order(0, {}) }), 90, 5)
  expect(await told('true')).toContain('stream.nulls Order Completed.payment')
  await run(id, changed({ quarantined: 2 }), 15, 5)
  expect(await told('true')).toContain('stream.quarantine')
  await run(id, changed({ late: 6, duplicates: 6 }), 90, 5)
  expect(await told('true')).toEqual(expect.arrayContaining(['stream.duplicates', 'stream.late']))
  expect(await told('true')).not.toContain('stream.quarantine')
})

test('a source is learning for fourteen days and alarms nobody meanwhile', async () => {
  const id = await source('web', 'new')
  await run(id, shop(), 12 * 24 * 60, 24 * 60)
  await run(id, nothing, 120, 5)
  expect(await told()).toEqual([])
  const { items, evaluatedAt } = await ingest.monitor.monitors()
  expect(evaluatedAt).toBe(world.clock.now().toISOString())
  const until = new Date(Date.parse(known) + 14 * day).toISOString().slice(0, 13)
  expect(items.find((one) => one.source === id)).toMatchObject({
    state: 'learning',
    learningUntil: expect.stringContaining(until),
    silenceMinutes: null,
  })
})

test('what a person accepts stays accepted until it becomes clearly worse', async () => {
  const id = await knownShop()
  await run(id, shop(), 11 * 60, 30)
  await run(id, shop({ part: 0.5 }), 10)
  const [alarm] = (await ingest.monitor.alarms({ open: 'true', limit: 1 })).items
  const accepted = await ingest.monitor.accept(alarm?.id as never, 'Eva')
  expect(accepted).toMatchObject({ closedBecause: 'accepted', closedBy: 'Eva' })
  await run(id, shop({ part: 0.5 }), 30)
  expect(await told('true')).toEqual([])
  await run(id, shop({ part: 0.1 }), 10)
  expect(await told('true')).toEqual(['stream.volume'])
  await expect(ingest.monitor.accept(alarm?.id as never, 'Eva')).rejects.toThrow('over already')
})
