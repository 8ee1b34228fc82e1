import type { PersonId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createIdentity } from '#identity'
import { createProfile, type Forecast } from '#profile'
import { driftOf } from './customers.ts'
import { createMeasurement, type Measurement } from './index.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let town: TestGround
let measurement: Measurement
const forecasts = new Map<PersonId, Forecast>()

beforeAll(async () => {
  town = await testGround()
  const { ground } = town
  const profile = createProfile({ ground, identity: createIdentity({ ground }) })
  measurement = createMeasurement({
    ground,
    setForecasts: async (tx, rows, asOf) => {
      for (const row of rows) forecasts.set(row.person, row)
      await profile.setForecasts(tx, rows, asOf)
    },
    dropScores: profile.dropScores,
  })
})
afterAll(() => town.close())

const person = (index: number) => derivedId('person', `customer ${index}`)
const at = (day: number) => new Date(Date.parse('2025-01-06T12:00:00Z') + day * 86_400_000)

/** Customers who buy every 20 days on average and stop with a chance of 10 % after each purchase. */
async function customersSince(count: number, days: number): Promise<Map<PersonId, Date[]>> {
  const draws = drawsFrom('customers of the test')
  const bought = new Map<PersonId, Date[]>()
  for (let index = 0; index < count; index++) {
    const own: Date[] = []
    let day = draws.uniform() * 100
    do {
      own.push(at(day))
      day += 1 - 20 * Math.log(draws.uniform())
    } while (draws.uniform() > 0.1 && day < days)
    bought.set(person(index), own)
  }
  const rows = [...bought].flatMap(([owner, own]) =>
    own.map((when, index) => ({
      person: owner,
      stored: owner,
      at: when,
      event: derivedId('event', `${owner} ${index}`),
      order_no: `${owner} ${index}`,
      value: 3000 + Math.round(draws.uniform() * 4000),
      returned: 0,
      currency: 'EUR',
      sold_via: 'web',
      place: '',
      build: 1,
      gone: 0,
    })),
  )
  await town.ground.history.insert('measurement.conversion', rows, 'orders')
  const known = [...bought.keys()].map((owner) => ({ person: owner, known: 1, build: 1 }))
  await town.ground.history.insert('measurement.known', known, 'known')
  return bought
}

test('with too few customers nothing is learnt, and a sentence says so', async () => {
  expect(await measurement.refitCustomers()).toBe('too few')
  const answer = await measurement.customerValue()
  expect(answer).toMatchObject({ model: null, sums: null, until: null })
  expect(answer.error).toContain('too_few_customers')
})

test('who bought lately and often is worth more than who stopped; everybody has intervals', async () => {
  const bought = await customersSince(600, 420)
  expect(await measurement.refitCustomers()).toBe('scored')
  const answer = await measurement.customerValue()
  expect(answer.customers).toBe(600)
  expect(answer.error).toBeNull()
  expect(answer.model?.withoutValue).toBeNull()
  const of = (owner: PersonId) => forecasts.get(owner) as Forecast
  for (const owner of bought.keys()) {
    const { purchases, alive, worth } = of(owner)
    for (const figure of [purchases, alive, worth]) {
      expect(figure?.low).toBeLessThanOrEqual(figure?.high ?? -1)
      expect(figure?.value).toBeGreaterThanOrEqual(0)
    }
  }
  const often = [...bought].filter(([, days]) => days.length > 6)
  const [lately] = often.sort(([, a], [, b]) => Number(b.at(-1)) - Number(a.at(-1)))
  const [longAgo] = often.sort(([, a], [, b]) => Number(a.at(-1)) - Number(b.at(-1)))
  expect(of((lately as (typeof often)[0])[0]).alive.value).toBeGreaterThan(
    of((longAgo as (typeof often)[0])[0]).alive.value + 0.3,
  )
  // The look back counts the purchase days of the last 13 weeks, of customers who were there before.
  const dayOf = (when: Date) => when.toLocaleDateString('en-CA', { timeZone: 'Europe/Berlin' })
  const actual = [...bought.values()].reduce((sum, days) => {
    const all = [...new Set(days.map(dayOf))].filter((day) => day <= '2026-03-02')
    return sum + (all.some((day) => day <= '2025-12-01') ? all.filter((day) => day > '2025-12-01').length : 0)
  }, 0)
  expect(actual).toBeGreaterThan(50)
  expect(answer.drift?.actual).toBe(actual)
  const first = await measurement.bestCustomers({ by: 'value', limit: 10 })
  const second = await measurement.bestCustomers({ by: 'value', limit: 10, after: first.next ?? '' })
  const values = [...first.items, ...second.items].map((one) => one.value?.value ?? 0)
  expect(values).toEqual([...values].sort((a, b) => b - a))
  expect(new Set([...first.items, ...second.items].map((one) => one.person)).size).toBe(20)
})

test('the same night again writes nothing; a purchase writes the one whom it concerns', async () => {
  const written = async () =>
    (
      await town.ground.database.rows<{ person: PersonId }>`
        select person from profile.forecast where as_of = ${town.clock.now()}`
    ).map((row) => row.person)
  await town.clock.advance({ hours: 1 })
  await measurement.refitCustomers()
  expect(await written()).toEqual([])
  const buyer = [...forecasts.values()].find(({ alive }) => alive.value < 0.2)?.person as PersonId
  const order = { place: '', sold_via: 'web', returned: 0, currency: 'EUR', value: 5000, build: 2, gone: 0 }
  await town.ground.history.insert(
    'measurement.conversion',
    [{ ...order, person: buyer, stored: buyer, at: at(419), event: derivedId('event', 'news'), order_no: 'news' }],
    'news',
  )
  await measurement.refitCustomers()
  expect(await written()).toContain(buyer)
  expect(forecasts.get(buyer)?.alive.value).toBeGreaterThan(0.2)
  const { rows } = (await town.ground.database.row<{ rows: number }>`
    select count(distinct name)::int as rows from profile.score where person = ${buyer}`) ?? { rows: 0 }
  expect(rows).toBe(3)
})

test('who objects gets no forecast and loses the one there is; the answer says how many', async () => {
  const { database } = town.ground
  const [first, second] = [...forecasts.keys()] as [PersonId, PersonId]
  const scored = async () =>
    (
      await database.rows<{ person: PersonId }>`select person from profile.score where person in (${first}, ${second})`
    ).map((row) => row.person)
  await database.run`
    insert into consent.state (person, purpose, channel, allowed, because) values (${first}, 'profiling', 'email', false, 'objected')`
  // The second one said no as somebody else, by a browser.
  const former = derivedId('person', 'former')
  await database.run`insert into identity.merged (loser, winner, log) values (${former}, ${second}, ${former})`
  await database.run`
    insert into consent.signal (person, purpose, at, known_at, event) values (${former}, 'analytics', platform.now(), platform.now(), ${former})`
  expect(new Set(await scored())).toEqual(new Set([first, second]))
  expect(await measurement.forgetObjecting()).toBe(2)
  expect(await scored()).toEqual([])
  expect(await measurement.forgetObjecting()).toBe(0)
  await measurement.refitCustomers()
  expect(await scored()).toEqual([])
  expect(await measurement.customerPersons()).toEqual({
    persons: 600,
    hidden: expect.arrayContaining([
      { because: 'profiling', persons: 1 },
      { because: 'analytics', persons: 1 },
    ]),
  })
  // Of everybody together the figures stay whole.
  expect((await measurement.customerValue()).customers).toBe(600)
})

test('a customer base that buys as before raises no alarm, one that stops does', () => {
  const tenths: { expected: number; actual: number }[] = []
  expect(driftOf({ weeks: 13, expected: 1000, actual: 960, tenths })?.alarm).toBe(false)
  expect(driftOf({ weeks: 13, expected: 1000, actual: 700, tenths })?.alarm).toBe(true)
  expect(driftOf({ weeks: 13, expected: 9, actual: 6, tenths })?.alarm).toBe(false)
})
