import { speaker } from '@einklang/contract'
import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { measurementPhrases } from './sayings.ts'
import { personNamed, type Told, tell } from './town.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
let batch = 0
const by: Caller = { kind: 'key', key: 'k', roles: [], name: 'Ana' }

async function hear(facts: Told[]): Promise<void> {
  await tell(town.ground.history, ++batch, facts)
  await measurement.buildNow()
}

beforeAll(async () => {
  town = await testGround()
  measurement = createMeasurement({ ground: town.ground })
  const mail = { name: 'message.clicked', channel: 'email', campaign: 'Spring', properties: { channel: 'email' } }
  await hear([
    { ...mail, person: 'ada', at: '2026-02-10T10:00:00Z', message: 'm1' },
    { person: 'ada', at: '2026-02-11T10:00:00Z', name: 'Order Completed', orderNo: 'A', value: 5000 },
    // A device that nobody knows yet; before it ordered, `ada` saw an advertisement on another one.
    { person: 'device', at: '2026-02-19T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'brand' },
    { person: 'ada', at: '2026-02-20T10:00:00Z', name: 'Order Completed', orderNo: 'B', value: 3000 },
  ])
})
afterAll(() => town.close())

test('a kept report stays as it stood when returns, late receipts and merges arrive; today says what it was', async () => {
  const { database, history } = town.ground
  const say = speaker(measurementPhrases)
  await measurement.reports.keepLastMonth()
  await measurement.reports.keepLastMonth()
  const { items } = await measurement.reports.list()
  expect(items).toMatchObject([
    { by: 'campaign', keptBy: null },
    { by: 'channel', from: '2026-02-01', to: '2026-02-28', orders: 2, revenue: 8000, keptBy: null },
  ])
  const february = { from: '2026-02-01', to: '2026-02-28', by: 'channel' as const, models: 'first' }
  const { report } = await measurement.reports.keep({ ...february, models: 'first,last' }, by)
  const then = await measurement.attribution({ ...february, models: 'first,last' })
  expect(then.note.warnings.join()).not.toContain('stood_otherwise')
  expect(await measurement.reports.read(report)).toMatchObject({
    report: { keptBy: 'Ana' },
    now: { orders: 2, revenue: 8000 },
    changes: [],
  })

  await hear([{ person: 'ada', at: '2026-02-25T10:00:00Z', name: 'Order Refunded', orderNo: 'A', value: -2000 }])
  await hear([{ person: 'bob', at: '2026-02-27T10:00:00Z', name: 'Order Completed', orderNo: 'C', value: 1000 }])
  const merge = { loser: personNamed('device'), winner: personNamed('ada'), undone: 0, version: 1 }
  await history.insert('identity.merged', [merge], 'merge')
  await measurement.buildNow()

  const later = await measurement.reports.read(report)
  expect(later.answer).toEqual(then)
  expect(later.now).toMatchObject({ orders: 3, revenue: 7000 })
  expect(later.changes).toEqual(
    expect.arrayContaining([
      { key: 'email', channel: 'email', campaign: null, model: 'first', revenue: 5000, now: 3000 },
      { key: 'search_brand', channel: 'search_brand', campaign: null, model: 'first', revenue: 0, now: 3000 },
    ]),
  )
  const today = (await measurement.attribution(february)).note.warnings.map((text) => say(text, 'en')).join(' ')
  expect(today).toContain('stood at 80.00 EUR from 2 orders')
  expect(today).toContain('made it 70.00 EUR from 3')
  // Of stores nothing was kept, so nothing is said.
  expect((await measurement.attribution({ ...february, soldVia: 'store' })).note.warnings.join()).not.toContain('stood')
  await expect(measurement.reports.read(999)).rejects.toMatchObject({ status: 404 })
  await database.run`delete from measurement.kept`
})
