import { kept } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { productsCsv } from './answers.ts'
import { createMeasurement, type Measurement } from './index.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
const period = { from: '2026-02-01', to: '2026-02-10' }
const ask = { ...period, by: 'product', limit: 100 } as const

/** So many sales of one unit on each of these days of February, in the shop or a store. */
async function sell(sku: string, days: number[], perDay: number, store: string | null): Promise<void> {
  const { database } = town.ground
  const rows = days.flatMap((day) =>
    Array.from({ length: perDay }, (_, index) => ({
      id: derivedId('order', `${sku} ${day} ${index} ${store}`),
      at: `2026-02-${String(day).padStart(2, '0')}T11:00:00Z`,
      sku,
      store,
    })),
  )
  await database.run`
    insert into commerce.purchase (id, kind, order_no, channel, place, at, total, currency, source, trusted, event)
    select r.id, 'order', r.id::text, case when r.store is null then 'web' else 'store' end, r.store, r.at, 1000, 'EUR', r.id, true, r.id
    from jsonb_to_recordset(${database.json(rows)}) as r(id uuid, at timestamptz, store text)`
  await database.run`
    insert into commerce.purchase_line (purchase, line, sku, name, quantity, price, total)
    select r.id, 1, r.sku, r.sku, 1, 1000, 1000 from jsonb_to_recordset(${database.json(rows)}) as r(id uuid, sku text)`
}

const stock = (sku: string, place: string, at: string, onHand: number) =>
  town.ground.database.transaction((tx) => measurement.stockTold(tx, [{ sku, place, asOf: at, onHand }]))

beforeAll(async () => {
  town = await testGround()
  measurement = createMeasurement({ ground: town.ground })
  const { database, history } = town.ground
  for (const [sku, model] of [
    ['SCARCE-41', 'SCARCE'],
    ['PLENTY-41', 'PLENTY'],
    ['SHELF-41', 'SHELF'],
  ])
    await database.run`
      insert into commerce.product (sku, product_no, name, brand, category, size, updated_at)
      values (${sku as string}, ${model as string}, ${`Shoe ${model}`}, 'Velo', 'Shoes', '41', platform.now())`
  await database.run`insert into commerce.place (place, name, kind, updated_at) values ('F01', 'Cologne', 'store', platform.now())`
  const all = Array.from({ length: 10 }, (_, index) => index + 1)
  await sell('PLENTY-41', all, 4, null)
  await sell('SCARCE-41', [1, 2, 3, 4], 6, null)
  await sell('SCARCE-41', all, 1, 'F01')
  await sell('SHELF-41', [5], 2, 'F01')
  const before = '2026-01-30T10:00:00Z'
  await stock('PLENTY-41', 'WEB', before, 100)
  await stock('SCARCE-41', 'WEB', before, 24)
  await stock('SCARCE-41', 'WEB', '2026-02-04T23:00:00Z', 0)
  await stock('SCARCE-41', 'F01', before, 10)
  const view = (sku: string, day: number, index: number) => ({
    person: derivedId('person', `viewer ${index}`),
    at: `2026-02-${String(day).padStart(2, '0')}T12:00:00Z`,
    id: derivedId('event', `${sku} ${day} ${index}`),
    source: derivedId('source', 'town'),
    source_name: 'town',
    kind: 'track',
    name: 'Product Viewed',
    channel: 'web',
    received_at: '2026-02-11T00:00:00Z',
    sku: [sku],
    properties: '{}',
    context: '{}',
    flags: [],
    batch: 1,
  })
  await history.insert(
    'ingest.event',
    all.flatMap((day) => Array.from({ length: 10 }, (_, index) => view('SCARCE-41', day, index))),
    'views',
  )
  await measurement.buildNow()
})
afterAll(() => town.close())

test('what was sold out for six of ten days is put where it belongs: before what merely sold more', async () => {
  const { rows, stock: known, note } = await measurement.products(ask)
  const [first, second] = rows
  expect(rows.map(({ key }) => key)).toEqual(['SCARCE', 'PLENTY', 'SHELF'])
  expect(first).toMatchObject({ units: 34, rank: 1, rankSold: 2, orders: 34, revenue: 34_000 })
  // Online 24 pairs in four of ten equal days; the store lacked none.
  expect(first?.corrected?.value).toBeCloseTo(60 + 10, 6)
  expect(first?.corrected?.low).toBeLessThan(60)
  expect(first?.corrected?.high).toBeGreaterThan(80)
  expect(first?.missed).toBeCloseTo(36, 6)
  expect(second).toMatchObject({ units: 40, share: 1, missed: 0 })
  // Nobody ever reported stock of the third: it keeps what it sold, and the answer says so.
  expect(rows[2]).toMatchObject({ units: 2, corrected: null, perDay: null })
  expect(known).toMatchObject({ articles: 2, ofArticles: 3, corrected: 2 })
  expect(note.warnings).toContain(kept('part_stock_history', { known: 2, count: 3 }))
})

test('views are told apart by whether one could have bought', async () => {
  const { rows } = await measurement.products(ask)
  expect(rows[0]).toMatchObject({ views: 100, viewsSoldOut: 60 })
  expect(rows[0]?.viewsPerDay).toBeCloseTo(10, 6)
})

test('a product is taken apart by place, article and day', async () => {
  const parts = await measurement.product({ ...period, by: 'product', key: 'SCARCE' })
  expect(parts.places.map(({ place, units }) => [place, units])).toEqual([
    ['online', 24],
    ['F01', 10],
  ])
  expect(parts.places[1]).toMatchObject({ name: 'Cologne', share: 1 })
  expect(parts.days.map(({ share }) => share)).toEqual([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
})

test('the table leaves as CSV, and a period before all reports is not corrected', async () => {
  const { csv } = productsCsv(await measurement.products(ask), 2)
  expect(csv.split('\n')[1]).toMatch(
    /^1,2,SCARCE,Shoe SCARCE,,Velo,Shoes,1,34,34,340\.00,EUR,100,60,10\.000,0\.4857,4\.9,7\.0000,70\.00,[\d.]+,[\d.]+,36\.00$/,
  )
  await town.ground.history.run`truncate table measurement.stock`
  await town.clock.advance({ hours: 2 })
  const answer = await measurement.products(ask)
  expect(answer.rows.map(({ key, corrected }) => [key, corrected])).toEqual([
    ['PLENTY', null],
    ['SCARCE', null],
    ['SHELF', null],
  ])
  expect(answer.note.warnings).toContain(kept('no_stock_history'))
})

test('a corrected report between two that stand takes the place of the wrong one', async () => {
  const tell = async (middle: number) => {
    await stock('FIXED-41', 'A', '2026-02-02T10:00:00Z', 5)
    await stock('FIXED-41', 'B', '2026-02-02T10:00:00Z', middle)
    await stock('FIXED-41', 'C', '2026-02-02T10:00:00Z', 5)
    await measurement.buildNow()
  }
  await tell(50)
  await tell(7)
  const rows = await town.ground.history.rows<{ on_hand: number }>`
    select on_hand from measurement.stock final where sku = 'FIXED-41' order by place`
  expect(rows.map((row) => row.on_hand)).toEqual([5, 7, 5])
})
