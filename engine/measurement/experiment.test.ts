import { kept } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { liftFrom } from './evidence.ts'
import { type ArmSums, type ExperimentPlan, resultOf } from './experiment.ts'
import { createMeasurement } from './index.ts'
import { personNamed, type Told, tell } from './town.ts'

const plan: ExperimentPlan = {
  experiment: 'holdout/cart',
  name: 'Abandoned cart',
  journey: null,
  arms: [
    { arm: 'held out', share: 0.1 },
    { arm: 'treated', share: 0.9 },
  ],
  control: 'held out',
  holdout: true,
}
const sums = (arm: string, persons: number, buyers: number, basket: number): ArmSums => ({
  experiment: plan.experiment,
  arm,
  persons,
  buyers,
  sum: buyers * basket,
  squares: buyers * basket * basket,
  pre_sum: 0,
  pre_squares: 0,
  products: 0,
  since: '2026-01-01T00:00:00.000Z',
})

test('a campaign that sells more is told with its interval, and what it brought in all', () => {
  const result = resultOf(plan, [sums('held out', 1000, 100, 9000), sums('treated', 9000, 1350, 9000)])
  expect(result.sampleRatio.ok).toBe(true)
  expect(result.lift?.verdict).toBe('more')
  expect(result.lift?.rate.value).toBeCloseTo(0.05, 12)
  expect(result.lift?.revenuePerPerson.value).toBeCloseTo(450, 9)
  expect(result.lift?.extraRevenue.value).toBeCloseTo(450 * 9000, 5)
  expect(result.lift?.relative?.value).toBeCloseTo(0.5, 9)
})

test('a small difference is no verdict', () => {
  const result = resultOf(plan, [sums('held out', 1000, 100, 9000), sums('treated', 9000, 930, 9000)])
  expect(result.lift?.verdict).toBe('cannot_tell')
  expect(result.lift?.revenuePerPerson.low).toBeLessThan(0)
})

test('arms that were not filled as planned are not compared', () => {
  const result = resultOf(plan, [sums('held out', 500, 60, 9000), sums('treated', 9000, 1350, 9000)])
  expect(result.sampleRatio.ok).toBe(false)
  expect(result.lift).toBeNull()
  expect(result.warnings[0]).toBe(kept('arms_moved'))
})

test('without a control group nothing is compared', () => {
  const result = resultOf({ ...plan, arms: [{ arm: 'treated', share: 1 }] }, [sums('treated', 900, 90, 9000)])
  expect(result.lift).toBeNull()
  expect(result.warnings).toContain(kept('no_control'))
})

let town: TestGround
beforeAll(async () => {
  town = await testGround()
})
afterAll(() => town.close())

test('outcomes count from the assignment on, for everybody assigned, and find the planted lift', async () => {
  const { database, history } = town.ground
  const draws = drawsFrom('experiment', 11)
  const persons = Array.from({ length: 3000 }, (_, index) => {
    const arm = draws.uniform() < 0.3 ? 'held out' : 'treated'
    return { name: `p${index}`, arm, buys: draws.uniform() < (arm === 'treated' ? 0.3 : 0.15) }
  })
  await database.run`
    insert into decision.journey (id, name, description, purpose, state, version, holdout, goals, again_after_hours,
      priority, created_at, updated_at)
    values (${derivedId('journey', 'j')}, 'Cart', '', 'newsletter', 'active', 1, 0.3, '{}', 72, 50, platform.now(), platform.now())`
  await database.run`
    insert into decision.assignment (experiment, person, arm, journey, at)
    select 'holdout/j', person, arm, ${derivedId('journey', 'j')}, '2026-02-01T00:00:00Z'
    from jsonb_to_recordset(${database.json(persons.map(({ name, arm }) => ({ person: personNamed(name), arm })))}) as r (person uuid, arm text)`
  const order = (person: string, at: string): Told => ({
    person,
    at,
    name: 'Order Completed',
    orderNo: `${person} ${at}`,
    value: 8000,
  })
  await tell(history, 1, [
    ...persons.filter(({ buys }) => buys).map(({ name }) => order(name, '2026-02-10T00:00:00Z')),
    // Before the assignment and after the window: no outcome.
    ...persons.slice(0, 500).map(({ name }) => order(name, '2026-01-20T00:00:00Z')),
    ...persons.slice(0, 500).map(({ name }) => order(name, '2026-03-20T00:00:00Z')),
  ])
  const measurement = createMeasurement({ ground: town.ground })
  await measurement.buildNow()
  const { experiments } = await measurement.experiments()
  expect(experiments).toHaveLength(1)
  const [result] = experiments
  const treated = result?.arms.find((arm) => arm.arm === 'treated')
  expect(treated?.persons).toBe(persons.filter(({ arm }) => arm === 'treated').length)
  expect(treated?.buyers).toBe(persons.filter(({ arm, buys }) => arm === 'treated' && buys).length)
  expect(result?.sampleRatio.ok).toBe(true)
  expect(result?.lift?.verdict).toBe('more')
  expect(result?.lift?.rate.low).toBeLessThan(0.15)
  expect(result?.lift?.rate.high).toBeGreaterThan(0.15)
})

test('a region test stands beside the credit of its own days, with the reason why they differ, until it is withdrawn', async () => {
  const measurement = createMeasurement({ ground: town.ground })
  const ads = (person: string, at: string): Told => ({ person, at, medium: 'cpc', source: 'google', campaign: 'Brand' })
  await tell(
    town.ground.history,
    2,
    ['a', 'b', 'c', 'd'].flatMap((name, index): Told[] => [
      ads(`${name} buys`, `2026-02-0${index + 2}T10:00:00Z`),
      {
        person: `${name} buys`,
        at: `2026-02-0${index + 2}T12:00:00Z`,
        name: 'Order Completed',
        orderNo: `R${name}`,
        value: 10_000,
      },
    ]),
  )
  await measurement.buildNow()
  const by = { kind: 'anonymous' } as const
  const credited = (await measurement.attribution({ by: 'channel', from: '2026-02-01', to: '2026-02-28' })).rows.find(
    (row) => row.credits[0]?.revenue === 40_000,
  )
  const told = {
    name: 'Brand search paused in the north',
    kind: 'geo' as const,
    channel: credited?.channel ?? '',
    campaign: null,
    // Two of the four orders lie in these days.
    starts: '2026-02-02',
    ends: '2026-02-03',
    increment: 4000,
    low: 1000,
    high: 8000,
    currency: 'EUR',
    note: null,
  }
  const { evidence } = await measurement.evidence.add(told, by)
  const ask = { by: 'channel', from: '2026-02-01', to: '2026-02-28' } as const
  const find = async () => (await measurement.attribution(ask)).compared.find((one) => one.name === told.name)
  const one = await find()
  expect(one).toMatchObject({ kind: 'geo', from: '2026-02-02', to: '2026-02-03', verdict: 'more' })
  expect(one?.credits.map(({ revenue }) => revenue)).toEqual([20_000, 20_000, 20_000, 20_000])
  // At least 12,000 of 20,000 would have come anyway.
  expect(JSON.parse(one?.why ?? '{}')).toMatchObject({ anyway: 0.6 })
  const holdout = (await measurement.attribution(ask)).compared.find(({ kind }) => kind === 'holdout')
  expect(holdout).toMatchObject({ campaign: 'Cart', verdict: 'more', why: kept('why_no_touches') })
  // A pause tells what the channel brings: the model of the mix is drawn towards it with that sign.
  const period = { from: '2026-02-01', to: '2026-02-28' }
  expect(await liftFrom(town.ground.database, period, 'EUR', 100)).toMatchObject([{ increment: 40, test: 'on' }])
  await expect(measurement.evidence.add({ ...told, low: 5000 }, by)).rejects.toThrow('interval_without_result')
  await measurement.evidence.withdraw(evidence, by)
  expect(await find()).toBeUndefined()
  await expect(measurement.evidence.withdraw(evidence, by)).rejects.toThrow('no_evidence')
})
