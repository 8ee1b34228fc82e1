import type { Caller } from '@einklang/platform'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { addDays } from './period.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

let town: TestGround
let measurement: Measurement
const analyst: Caller = { kind: 'key', key: 'k', roles: [], name: 'Ana' }
const first = '2024-01-01'
const weeks = 104
const spend: { week: string; channel: string; amount: number }[] = []

beforeAll(async () => {
  town = await testGround()
  measurement = createMeasurement({
    ground: town.ground,
    weeklySpend: async (period) => spend.filter((row) => row.week >= period.from && row.week <= period.to),
  })
  const draws = drawsFrom('mix of the test')
  const orders = Array.from({ length: weeks }, (_, index) => {
    const week = addDays(first, index * 7)
    const radio = draws.uniform() < 0.5 ? 0 : 2000 + draws.uniform() * 4000
    const search = 1000 + draws.uniform() * 3000
    spend.push({ week, channel: 'radio', amount: Math.round(radio * 100) })
    spend.push({ week, channel: 'search_generic', amount: Math.round(search * 100) })
    // Radio brings 2 for each unit of money, search 4; the rest sells by itself.
    const revenue = 60_000 + 2 * radio + 4 * search + 1500 * draws.normal()
    return {
      person: derivedId('person', `buyer ${index}`),
      at: `${addDays(week, 2)}T12:00:00Z`,
      event: derivedId('event', `sale ${index}`),
      converted: 1,
      order_no: `S${index}`,
      value: Math.round(revenue * 100),
      returned: 0,
      currency: 'EUR',
      sold_via: 'web',
      place: '',
      first: 1,
      known: 1,
      touch_at: [],
      touch_event: [],
      touch_channel: [],
      touch_campaign: [],
      touch_kind: [],
      touch_message: [],
      build: 3,
      gone: 0,
    }
  })
  await town.ground.history.insert('measurement.path', orders, 'sales')
})
afterAll(() => town.close())

const period = { from: first, to: addDays(first, weeks * 7 - 1) }

test('the data check shows whole weeks of spend and sales; too short a history is refused with what is missing', async () => {
  const data = await measurement.mix.data(period)
  expect(data.weeks).toHaveLength(weeks)
  expect(data.refusals).toEqual([])
  expect(data.channels.map((row) => row.channel).sort()).toEqual(['radio', 'search_generic'])
  expect(data.believed?.advertising.mean).toBeGreaterThan(0)
  // Before the first known spend nobody told us what was spent: these weeks teach nothing.
  const longer = await measurement.mix.data({ ...period, from: addDays(first, -20 * 7) })
  expect(longer.weeks).toEqual(data.weeks)
  for (const { roas } of data.believed?.shares ?? []) {
    expect(roas?.high).toBeGreaterThan(2)
    expect(roas?.high).toBeLessThan(10)
  }
  const short = { from: first, to: addDays(first, 30 * 7 - 1) }
  expect((await measurement.mix.data(short)).refusals[0]?.because).toContain('30 weeks')
  await expect(
    measurement.mix.start(
      { name: 'short', ...short, channels: [], holidays: false, lift: [], draws: 100, seed: 1 },
      analyst,
    ),
  ).rejects.toMatchObject({ status: 409, code: 'not_enough' })
})

test('a fit runs in threads, finds what was planted, and is kept for the allocator', async () => {
  const { fit } = await measurement.mix.start(
    { name: 'two years', ...period, channels: [], holidays: false, lift: [], draws: 400, seed: 1 },
    analyst,
  )
  expect((await measurement.mix.read(fit)).state).toBe('queued')
  await measurement.mix.run(fit, new AbortController().signal)
  const read = await measurement.mix.read(fit)
  expect(read.state).toBe('done')
  expect(read.checks.length).toBeGreaterThan(3)
  if (read.blocked) {
    // Checks that forbid figures are the headline, and no figure leaves the server.
    expect(read.headline).not.toBeNull()
    expect(read.answers).toBeNull()
    return
  }
  const roas = (channel: string) => read.answers?.channels.find((row) => row.channel === channel)?.roas
  expect(roas('search_generic')?.low).toBeLessThan(4)
  expect(roas('search_generic')?.high).toBeGreaterThan(4)
  expect(roas('radio')?.low).toBeLessThan(2)
  expect(roas('radio')?.high).toBeGreaterThan(2)
  const stored = await measurement.mix.stored('newest')
  expect(stored?.fit).toBe(fit)
  expect(stored?.result.answers.response).toHaveLength(2)
  await expect(measurement.mix.stop(fit)).rejects.toMatchObject({ status: 409 })
})

test('a wish to stop ends the fit and keeps what is drawn', async () => {
  const { fit } = await measurement.mix.start(
    { name: 'stopped', ...period, channels: [], holidays: false, lift: [], draws: 4000, seed: 1 },
    analyst,
  )
  const running = measurement.mix.run(fit, new AbortController().signal)
  await measurement.mix.stop(fit)
  await running
  const read = await measurement.mix.read(fit)
  expect(read.state).toBe('stopped')
  expect(read.run?.kept).toBeLessThan(16_000)
})
