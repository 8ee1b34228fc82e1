import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { addDays } from './period.ts'
import { sell } from './town.ts'

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
  const sold = Array.from({ length: weeks }, (_, index) => {
    const week = addDays(first, index * 7)
    const radio = draws.uniform() < 0.5 ? 0 : 2000 + draws.uniform() * 4000
    const search = 1000 + draws.uniform() * 3000
    spend.push({ week, channel: 'radio', amount: Math.round(radio * 100) })
    spend.push({ week, channel: 'search_generic', amount: Math.round(search * 100) })
    // Radio brings 2 for each unit of money, in stores; search 4, three of them online. The rest sells by itself.
    const web = 15_000 + 3 * search + 600 * draws.normal()
    return { week, web, store: 45_000 + 2 * radio + search + 1400 * draws.normal() }
  })
  await sell(town.ground.history, sold)
})
afterAll(() => town.close())

const period = { from: first, to: addDays(first, weeks * 7 - 1) }

test('the data check shows whole weeks of spend and sales; too short a history is refused with what is missing', async () => {
  const data = await measurement.mix.data(period)
  expect(data.weeks).toHaveLength(weeks)
  expect(data.refusals).toEqual([])
  expect(data.channels.map((row) => row.channel).sort()).toEqual(['radio', 'search_generic'])
  expect(data.believed?.advertising.mean).toBeGreaterThan(0)
  // Enough is sold both ways: online and stores are looked at by themselves.
  expect(data.soldOnline).toBeCloseTo(0.27, 1)
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
  expect(read.blocked).toBe(false)
  const roas = (channel: string) => read.answers?.channels.find((row) => row.channel === channel)?.roas
  expect(roas('search_generic')?.low).toBeLessThan(4)
  expect(roas('search_generic')?.high).toBeGreaterThan(4)
  expect(roas('radio')?.low).toBeLessThan(2)
  expect(roas('radio')?.high).toBeGreaterThan(2)
  const online = (channel: string) => read.answers?.channels.find((row) => row.channel === channel)?.online
  expect(online('search_generic')?.low).toBeGreaterThan(0.55)
  expect(online('radio')?.high).toBeLessThan(0.3)
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
