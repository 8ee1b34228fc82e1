import type { Caller } from '@einklang/platform'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addDays } from '#measurement'
import { type Budget, createBudget } from './index.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let budget: Budget
const by: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const first = '2025-08-04'
const starts = '2026-01-26'
const ends = addDays(starts, 27)
const towns = { köln: '50667', bonn: '53111', berlin: '10115', hamburg: '20095', münchen: '80331', leipzig: '04109' }
const paused = ['köln', 'bonn']
/** Share of sales that the channel brings, where it is not paused. */
const brought = 0.12
let lost = 0

/** A test of ours in the ledger, as if planned then. */
async function planned(regions: string[], from = starts): Promise<number> {
  const row = await town.ground.database.row<{ test: number }>`
    insert into budget.test (channel, starts, ends, regions, currency, planned_at, planned_by)
    values ('radio', ${from}::date, ${from}::date + 27, ${regions}, 'EUR', platform.now(), 'Mara') returning test::int`
  return row?.test ?? 0
}

/** What our orders say of a pause; it is dropped again, so that it stands beside no other. */
async function measured(regions: string[], from = starts) {
  const test = await planned(regions, from)
  const answer = await budget.trials.measure(test)
  await budget.trials.drop(test, by)
  return answer
}

beforeAll(async () => {
  town = await testGround()
  const { database } = town.ground
  budget = createBudget({
    ground: town.ground,
    measurement: { mix: { stored: async () => null } } as never,
    approved: async () => true,
  })
  const draws = drawsFrom('pause of the test')
  const names = Object.entries(towns)
  await database.run`
    insert into commerce.place (place, name, kind, postal_code, city, updated_at)
    select upper(r.city), 'Laden ' || r.city, 'store', r.postal, r.city, platform.now()
    from jsonb_to_recordset(${database.json(names.map(([city, postal]) => ({ city, postal })))}) as r(city text, postal text)`
  const persons = names.map(([city, postal]) => ({ city, postal, person: derivedId('person', city) }))
  await database.run`
    insert into profile.person (person, email, known, postal_code, city, first_seen, last_seen, seen_day)
    select r.person, r.city || '@example.org', true, r.postal, initcap(r.city), platform.now(), platform.now(), '2026-03-02'
    from jsonb_to_recordset(${database.json(persons)}) as r(person uuid, city text, postal text)`
  const sales: object[] = []
  for (let day = first; day <= ends; day = addDays(day, 1)) {
    const common = 1 + 0.3 * Math.sin(sales.length / 40) + 0.1 * draws.normal()
    for (const [index, [city]] of names.entries()) {
      const whole = Math.round(400_000 * (1 + index / 3) * common * (1 + 0.03 * draws.normal()))
      const off = day >= starts && paused.includes(city)
      if (off) lost += whole * brought
      const value = Math.round(off ? whole * (1 - brought) : whole)
      const share = Math.round(value * 0.6)
      // In the store of the town, and by post to somebody who lives there.
      sales.push({
        id: derivedId('event', `s ${day} ${city}`),
        day,
        value: share,
        place: city.toUpperCase(),
        person: null,
      })
      sales.push({
        id: derivedId('event', `w ${day} ${city}`),
        day,
        value: value - share,
        place: null,
        person: derivedId('person', city),
      })
    }
  }
  await database.run`
    insert into commerce.purchase (id, person, kind, order_no, channel, place, at, total, currency, source, trusted, event)
    select r.id, r.person, 'order', r.id::text, case when r.place is null then 'web' else 'store' end, r.place,
      r.day::date + interval '12 hours', r.value, 'EUR', r.id, true, r.id
    from jsonb_to_recordset(${database.json(sales)}) as r(id uuid, person uuid, day text, value bigint, place text)`
})
afterAll(() => town.close())

test('what a pause cost is read from our own orders: stores and customers of its regions against the others', async () => {
  for (const regions of [
    ['Köln', 'Bonn'],
    ['50', '531'],
    ['KÖLN', 'Laden Bonn', 'Köln', 'bonn '],
  ]) {
    const { found, covered, controls, daysBefore, warnings } = await measured(regions)
    expect({ covered, controls, daysBefore, warnings }).toEqual({
      covered: 1,
      controls: 4,
      daysBefore: 175,
      warnings: [],
    })
    expect(found?.low).toBeLessThan(lost)
    expect(found?.high).toBeGreaterThan(lost)
    expect(found?.low).toBeGreaterThan(0)
    expect((found?.high ?? 0) - (found?.low ?? 0)).toBeLessThan(0.8 * lost)
  }
  // A pause that was none cost nothing that one could be sure of.
  const { found } = await measured(['Hamburg'], '2025-12-08')
  expect(found?.low).toBeLessThan(0)
  expect(found?.high).toBeGreaterThan(0)
})

test('regions where another channel paused in the same days are compared with nothing', async () => {
  const other = await planned(['Hamburg', 'leipzig'])
  expect((await measured(paused)).controls).toBe(2)
  await budget.trials.drop(other, by)
  expect((await measured(paused)).controls).toBe(4)
})

test('what is read so is what is kept, and who knows better types it in', async () => {
  const test = await planned(['Köln', 'Bonn'])
  const { found } = await budget.trials.measure(test)
  if (found === null) throw new Error('The orders tell nothing.')
  await budget.trials.read(test, found, by)
  expect((await budget.trials.list()).items[0]).toMatchObject({ test, state: 'read', result: found })
  await budget.trials.drop(test, by)
})

test('orders that cannot tell say why: no such region, everywhere, hardly an address, too short a time', async () => {
  const { database } = town.ground
  const because = async (regions: string[]) => {
    const { found, because } = await measured(regions)
    return found === null ? JSON.parse(because ?? '{}').say : found
  }
  expect(await because(['Atlantis'])).toBe('pause_nowhere')
  expect(await because(Object.keys(towns))).toBe('pause_everywhere')
  await expect(budget.trials.measure(999)).rejects.toMatchObject({ status: 404 })
  // Orders by post of people without an address: their share is taken to have fallen alike, and that is said.
  const whole = (await measured(paused)).found
  await database.run`update profile.person set postal_code = null, city = null`
  const scaled = await measured(paused)
  expect(scaled.covered).toBeCloseTo(0.6, 3)
  expect(scaled.warnings.join()).toContain('pause_scaled')
  expect((scaled.found?.increment ?? 0) / (whole?.increment ?? 1)).toBeCloseTo(1, 1)
  await database.run`update commerce.place set postal_code = null, city = null where place not in ('KÖLN', 'BERLIN')`
  expect(await because(['Köln'])).toBe('pause_unknown')
  await database.run`delete from commerce.purchase where at < ${starts}::date - interval '40 days'`
  await database.run`update commerce.place set postal_code = '99999'`
  expect(await because(['Laden köln'])).toBe('pause_everywhere')
  await database.run`update commerce.place set postal_code = '10000' where place <> 'KÖLN'`
  expect(await because(['Laden köln'])).toBe('pause_short')
})
