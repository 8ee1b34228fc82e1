import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Budget, createBudget } from '#budget'
import { createMeasurement, type Measurement } from './index.ts'
import { addDays } from './period.ts'
import { sell } from './town.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

let town: TestGround
let measurement: Measurement
let budget: Budget
const marketer: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const first = '2024-09-02'
const pauseStarts = '2026-03-02'
const before = 78
const radioBrings = 2.4
/** Search saturates: its next euro brings less and less. */
const searchBrings = (spend: number) => 6000 * (spend / (spend + 2500))

const draws = drawsFrom('loop of the test')

/** Weeks of spend in the ledger and of sales in the history: radio hardly changes, so only a test can tell what it brings. */
async function live(from: number, until: number, radioShare: number): Promise<void> {
  const spend: { row: number; fields: { [field: string]: string } }[] = []
  const sales: { week: string; web: number }[] = []
  for (let index = from; index < until; index++) {
    const week = addDays(first, index * 7)
    const radio = Math.round((4000 + 40 * draws.normal()) * radioShare)
    const search = Math.round(1500 + draws.uniform() * 4000)
    for (const [channel, amount] of Object.entries({ radio, search_generic: search }))
      spend.push({ row: spend.length + 1, fields: { week, channel, amount: String(amount), currency: 'EUR' } })
    const revenue = 60_000 + radioBrings * radio + searchBrings(search) + 2500 * draws.normal()
    sales.push({ week, web: revenue })
  }
  await town.ground.database.transaction((tx) => budget.records.spend(tx, spend))
  await sell(town.ground.history, sales)
}

beforeAll(async () => {
  town = await testGround()
  measurement = createMeasurement({
    ground: town.ground,
    weeklySpend: (period, currency) => budget.weeklySpend(period, currency),
    pausesRead: (period, currency) => budget.trials.pausesRead(period, currency),
  })
  budget = createBudget({ ground: town.ground, measurement, approved: async () => true })
  await live(0, before, 1)
})
afterAll(() => town.close())

const ask = {
  fit: null,
  total: 13 * 7_500_00,
  weeks: 13,
  margin: null,
  risk: 0,
  doubt: 1,
  shift: 0.3,
  explore: 0,
  bounds: [],
  plan: null,
}
const signal = new AbortController().signal

test('advice, test, result, fit, and another advice that says what it has learned', async () => {
  const { fit } = await measurement.mix.start(
    { name: 'Ours', from: first, channels: [], holidays: false, lift: [], draws: 300, seed: 1 },
    marketer,
  )
  await measurement.mix.run(fit, signal)
  const advice = await budget.advisor.advise(ask)
  // Nobody knows what radio brings: it gets no more, a test of it would teach most, and nothing was learned yet.
  const guessed = advice.channels.find(({ channel }) => channel === 'radio')
  expect(guessed?.spend).toBeLessThanOrEqual(guessed?.today ?? 0)
  expect(advice.learn?.channel).toBe('radio')
  expect(advice).toMatchObject({ learned: null, waiting: [] })
  const { proposal } = await budget.advisor.propose(
    { title: 'Spring', from: '2026-03', months: 3, advice: ask },
    marketer,
  )
  await budget.advisor.apply(proposal, marketer)

  const plan = { channel: 'radio', weeks: 4, regions: ['Köln', 'Bonn'], worth: advice.learn?.value ?? null }
  await expect(budget.trials.plan({ ...plan, starts: '2026-03-04' }, marketer)).rejects.toThrow('not_monday')
  const { test: planned } = await budget.trials.plan({ ...plan, starts: pauseStarts }, marketer)
  await expect(budget.trials.plan({ ...plan, starts: pauseStarts }, marketer)).rejects.toThrow('test_beside')
  // Two fifths of the radio spend pauses for four weeks; the regions without it lost what that brought.
  const lost = Math.round(0.4 * 4 * 4000 * radioBrings * 100)
  const found = { increment: lost, low: lost - 300_000, high: lost + 300_000 }
  await expect(budget.trials.read(planned, found, marketer)).rejects.toThrow('test_runs')
  await town.clock.advance({ days: 29 })
  await live(before, before + 4, 0.6)
  // A week as dear as before was no pause: its result would tell the model nothing true.
  const { test: unpaused } = await budget.trials.plan({ ...plan, starts: '2026-01-05' }, marketer)
  await expect(budget.trials.read(unpaused, found, marketer)).rejects.toThrow('no_pause')
  await budget.trials.drop(unpaused, marketer)
  expect((await budget.trials.list()).items.filter(({ state }) => state !== 'dropped')).toMatchObject([
    { test: planned, state: 'over', result: null },
  ])
  const { refit } = await budget.trials.read(planned, found, marketer)
  // Until the new model is there the advice says that it does not know the result.
  expect((await budget.advisor.advise(ask)).waiting).toEqual([{ test: planned, channel: 'radio', because: 'fitting' }])
  await measurement.mix.run(refit ?? 0, signal)

  const next = await budget.advisor.advise(ask)
  expect(next.fit).toBe(refit)
  expect(next.waiting).toEqual([])
  expect(next.learned).toMatchObject({
    proposal,
    sameFit: false,
    weeks: 4,
    results: [{ channel: 'radio', from: pauseStarts, until: addDays(pauseStarts, 27), increment: lost }],
  })
  const radio = next.learned?.channels.find(({ channel }) => channel === 'radio')
  const unsure = (known: { mean: number; low: number; high: number } | null | undefined) =>
    known ? (known.high - known.low) / known.mean : 0
  expect(unsure(radio?.now)).toBeLessThan(0.6 * unsure(radio?.before))
  expect(radio?.before?.mean).toBeLessThan(0.5 * radioBrings)
  expect(radio?.now?.low).toBeLessThan(radioBrings)
  expect(radio?.now?.high).toBeGreaterThan(radioBrings)
  // What was a guess is known now: money moves to it, and the plan is told beside what was spent of it.
  expect(radio?.advised).toBeGreaterThan((radio?.proposed ?? 1) * 1.1)
  expect(radio?.spent).toBeLessThan(radio?.planned ?? 0)

  await budget.trials.drop(planned, marketer)
  expect(await budget.trials.pausesRead({ from: first, to: '2026-12-31' }, 'EUR')).toEqual([])
  await expect(budget.trials.read(planned, found, marketer)).rejects.toMatchObject({ status: 404 })
})
