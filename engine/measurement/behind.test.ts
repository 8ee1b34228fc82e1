import type { PersonId } from '@einklang/contract'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { personNamed, type Told, tell } from './town.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
const feb = { from: '2026-02-01', to: '2026-02-28' }
const names = ['ada', 'bob', 'counted', 'scored', 'frozen', 'gone', 'bounced', 'former']

beforeAll(async () => {
  town = await testGround()
  const { database, history } = town.ground
  measurement = createMeasurement({ ground: town.ground })
  const touched = (person: string, at: string, channel: string, name: string): Told => ({
    person,
    at,
    name,
    channel,
    campaign: 'Spring',
    message: `${person} ${channel}`,
    properties: { channel },
  })
  await tell(
    history,
    1,
    names.flatMap((person, index) => [
      touched(person, '2026-02-10T10:00:00Z', 'email', 'message.clicked'),
      touched(person, '2026-02-11T10:00:00Z', 'sms', 'message.clicked'),
      { person, at: '2026-02-12T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'brand' },
      { person, at: '2026-02-14T10:00:00Z' },
      { person, at: `2026-02-14T12:0${index}:00Z`, name: 'Order Completed', orderNo: `O ${person}`, value: 5000 },
    ]),
  )
  // Of each kind of no there is one person; `ada` became one with `former`, who said no before.
  const no = (person: string, purpose: string, because: string) => database.run`
    insert into consent.state (person, purpose, channel, allowed, because)
    values (${personNamed(person)}, ${purpose}, 'email', false, ${because})`
  await no('scored', 'profiling', 'objected')
  await no('frozen', 'analytics', 'restricted')
  await database.run`insert into consent.erased (person, at) values (${personNamed('gone')}, platform.now())`
  for (const person of ['counted', 'former'])
    await database.run`
      insert into consent.signal (person, purpose, at, known_at, event)
      values (${personNamed(person)}, 'analytics', platform.now(), platform.now(), ${personNamed(person)})`
  await database.run`
    insert into profile.forecast (person, purchases, purchases_low, purchases_high, alive, alive_low, alive_high, as_of)
    select person, row_number() over (order by person), 0, 9, 0.5, 0, 1, platform.now()
    from unnest(${names.map(personNamed)}::uuid[]) as person`
  await measurement.buildNow()
})
afterAll(() => town.close())

async function all<Row>(read: (after: string | undefined) => Promise<{ items: Row[]; next: string | null }>) {
  const rows: Row[] = []
  for (let after: string | undefined; ; ) {
    const { items, next } = await read(after)
    rows.push(...items)
    if (next === null) return rows
    after = next
  }
}
const who = (rows: { person: string }[]) =>
  rows
    .map(({ person }) => names.find((name) => personNamed(name) === person) ?? '')
    .toSorted((one, other) => (one < other ? -1 : 1))
const orders = (asked: object = {}) =>
  all((after) => measurement.conversions({ ...feb, model: 'linear', limit: 1, ...asked, ...(after ? { after } : {}) }))

test('persons who refused statistics or profiling stand behind figures, but on no list; the rest is told by number', async () => {
  const listed = ['ada', 'bob', 'bounced']
  const hidden = [
    { because: 'analytics', persons: 2 },
    { because: 'erased', persons: 1 },
    { because: 'profiling', persons: 1 },
    { because: 'restricted', persons: 1 },
  ]
  const byReason = (counts: { because: string }[]) =>
    counts.toSorted((one, other) => (one.because < other.because ? -1 : 1))
  expect(who(await orders())).toEqual(listed)
  const behind = await measurement.conversionPersons({ ...feb, model: 'linear' })
  expect(behind).toMatchObject({ persons: 8, orders: 8, listedOrders: 3 })
  expect(byReason(behind.hidden)).toEqual(hidden)

  const flow = { ...feb, step: 1, source: 'email', target: 'sms' }
  const way = await all((after) => measurement.journeyPersons({ ...flow, limit: 2, ...(after ? { after } : {}) }))
  expect(who(way)).toEqual(listed)
  expect(byReason((await measurement.sizeOfWay(flow)).hidden)).toEqual(hidden)

  const best = await all((after) =>
    measurement.bestCustomers({ by: 'purchases', limit: 2, ...(after ? { after } : {}) }),
  )
  expect(who(best)).toEqual(listed)
  const own = await Promise.all(names.map((name) => measurement.personJourney(personNamed(name) as PersonId)))
  expect(names.filter((_, index) => own[index]?.conversions.length === 1).toSorted()).toEqual(listed)
  expect(own[names.indexOf('scored')]).toMatchObject({ hidden: 'profiling', conversions: [], open: [] })
  expect(byReason((await measurement.customerPersons()).hidden)).toEqual(hidden)
  // The figures themselves stay whole.
  expect((await measurement.attribution({ ...feb, by: 'channel' })).totals.orders).toBe(8)
})

test('a no of a former self counts for the person of today, and ends with the merge', async () => {
  const { database } = town.ground
  const [ada, former] = [personNamed('ada'), personNamed('former')] as [PersonId, PersonId]
  await database.run`insert into identity.merged (loser, winner, log) values (${former}, ${ada}, ${former})`
  expect(who(await orders())).not.toContain('ada')
  await database.run`update identity.merged set undone = true where loser = ${former}`
  expect(who(await orders())).toContain('ada')
})

test('the persons counted are those of the orders listed, whatever the figure asks for', async () => {
  const asks = [
    ...(['first', 'last', 'last_nondirect', 'linear', 'position', 'position_w', 'decay'] as const).flatMap((model) =>
      ['email', 'sms', 'search_brand', 'direct'].map((channel) => ({ model, channel })),
    ),
    { model: 'linear' as const, channel: 'email', campaign: 'SPRING' },
    { model: 'first' as const, channel: 'sms', campaign: 'spring' },
    { model: 'first' as const, message: 'bob email' },
    { model: 'last' as const, message: 'bob email' },
    { model: 'linear' as const, soldVia: 'store' as const },
  ]
  const counts: number[] = []
  for (const ask of asks) {
    const { listedOrders } = await measurement.conversionPersons({ ...feb, ...ask })
    expect([ask, listedOrders]).toEqual([ask, (await orders({ ...ask, limit: 50 })).length])
    counts.push(listedOrders)
  }
  expect(new Set(counts)).toEqual(new Set([0, 1, 3]))
})
