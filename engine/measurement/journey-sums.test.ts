import type { PersonId } from '@einklang/contract'
import { type TestGround, testGround } from '@einklang/platform/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { createJourneySums, type JourneySums, journeyRows } from './journey-sums.ts'
import { countedFrom, journeyMapOf } from './journeys.ts'
import { personNamed, type Told, tell } from './town.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
let sums: JourneySums
let batch = 0
let facts = 0

beforeAll(async () => {
  town = await testGround()
  // Several slices even of a small town.
  measurement = createMeasurement({ ground: town.ground, eventsPerSlice: 40 })
  sums = createJourneySums(town.ground)
})
afterAll(() => town.close())

const periods = [
  { from: '2025-10-01', to: '2026-03-31' },
  { from: '2026-01-10', to: '2026-01-31' },
  { from: '2026-01-14', to: '2026-01-14' },
]
const start = Date.parse('2025-10-20T22:30:00Z')
// No two facts at the same instant: what ties are decided by is not told here.
const instant = (minutes: number) => new Date(start + minutes * 60_000 + (++facts % 60_000)).toISOString()

/** What a crowd of ten persons did: visits of four channels, talks, orders in two currencies, and returns. */
const crowd = fc.array(
  fc.record({
    who: fc.integer({ min: 0, max: 9 }),
    // Some of it in one evening, some over months.
    minute: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 190_000 })),
    what: fc.constantFrom('email', 'social', 'direct', 'direct', 'talk', 'order', 'order', 'return', 'open', 'click'),
    cents: fc.integer({ min: 100, max: 9000 }),
  }),
  { minLength: 60, maxLength: 60 },
)

function told(prefix: string, drawn: typeof crowd extends fc.Arbitrary<infer Facts> ? Facts : never): Told[] {
  return drawn.map(({ who, minute, what, cents }, index): Told => {
    const base = { person: `${prefix} ${who}`, at: instant(minute) }
    if (what === 'talk') return { ...base, name: 'conversation.received', channel: 'service' }
    if (what === 'open' || what === 'click') {
      const message = { message: `${who} ${cents % 4}`, campaign: cents % 2 === 0 ? 'News' : 'NEWS', channel: 'email' }
      return {
        ...base,
        ...message,
        name: `message.${what}ed`,
        properties: { channel: 'email', machine: cents % 5 === 0 },
      }
    }
    if (what === 'return')
      return { ...base, name: 'Order Refunded', orderNo: `${prefix}${Math.floor(index / 2) * 2}`, value: -cents }
    if (what === 'order') {
      const sold = cents % 3 === 0 ? { channel: 'store', place: 'K1' } : {}
      return {
        ...base,
        ...sold,
        name: 'Order Completed',
        orderNo: `${prefix}${index}`,
        value: cents,
        currency: cents % 5 === 0 ? 'CHF' : 'EUR',
      }
    }
    return what === 'direct' ? base : { ...base, medium: what, source: what, campaign: `${what} ${index % 3}` }
  })
}

/** What the sums and the paths tell differently, row by row over all days, currencies and places of sale. */
async function expectSumsToTellWhatPathsTell(): Promise<void> {
  const { history, config } = town.ground
  const paths = journeyRows(history, history.part`select * from measurement.path final`, config.timeZone)
  const differing = await sums.reading((kept) => {
    if (kept === null) throw new Error('the sums do not hold')
    return Promise.all([
      history.rows`
        select day, kind, converted, currency, sold_via, origin, target, class, sum(sign * count) as n, sum(sign * seconds) as s
        from (
          select day, kind, converted, currency, sold_via, origin, target, class, count, seconds, 1 as sign from (${kept.steps})
          union all select day, kind, converted, currency, sold_via, origin, target, class, count, seconds, -1 from (${paths.steps})
        ) group by day, kind, converted, currency, sold_via, origin, target, class having n != 0 or s != 0`,
      history.rows`
        select day, converted, currency, sold_via, way, steps, sum(sign * paths) as n
        from (
          select day, converted, currency, sold_via, way, steps, paths, 1 as sign from (${kept.ways})
          union all select day, converted, currency, sold_via, way, steps, paths, -1 from (${paths.ways})
        ) group by day, converted, currency, sold_via, way, steps having n != 0`,
    ])
  })
  expect(differing).toEqual([[], []])
}

async function merge(winner: string, loser: string, undone: 0 | 1): Promise<void> {
  const row = { loser: personNamed(loser), winner: personNamed(winner), undone, version: ++batch }
  await town.ground.history.insert('identity.merged', [row], JSON.stringify(row))
}

test('the sums tell what the paths tell after every build, whatever arrives, merges, splits or is erased', async () => {
  const draws = fc.sample(crowd, { numRuns: 3, seed: 11 })
  for (const [round, facts] of draws.entries()) {
    await tell(town.ground.history, ++batch, told(round % 2 === 0 ? 'a' : 'b', facts))
    expect(await measurement.buildNow()).toBe('built')
    await expectSumsToTellWhatPathsTell()
  }
  await merge('a 1', 'b 1', 0)
  await merge('a 2', 'a 3', 0)
  await measurement.buildNow()
  await expectSumsToTellWhatPathsTell()
  await merge('a 1', 'b 1', 1)
  await measurement.buildNow()
  await expectSumsToTellWhatPathsTell()
  await measurement.erase(town.ground.database, [personNamed('a 4') as PersonId])
  await expectSumsToTellWhatPathsTell()
})

test('the map answers from the sums what it answers from the paths, in every period and place of sale', async () => {
  const { history, config } = town.ground
  for (const [index, period] of periods.entries()) {
    const soldVia = ([undefined, 'web', 'store'] as const)[index]
    const scope = { period, timeZone: config.timeZone, currency: 'EUR', soldVia }
    const fromPaths = await journeyMapOf(history, scope, countedFrom(history, scope), 7)
    const fromSums = await sums.reading((kept) => {
      if (kept === null) throw new Error('the sums do not hold')
      return journeyMapOf(history, scope, kept, 7)
    })
    expect(fromSums).toEqual(fromPaths)
    if (index === 0) expect(fromSums.orders).toBeGreaterThan(10)
  }
})

test('the paths are those that a plain program finds', async () => {
  const { history } = town.ground
  const events = await history.rows<Fact>`
    select person, at, id, name, channel, campaign, medium, utm_source, message_id, order_no, place,
      JSONExtractBool(properties, 'machine') as machine from ingest.event order by at, id`
  const merges = await history.rows<{ loser: string; winner: string }>`
    select loser, winner from identity.merged final where undone = 0`
  const winnerOf = new Map(merges.map(({ loser, winner }) => [loser, winner]))
  const erased = personNamed('a 4')
  // An order is known by its number, a till counts for its store alone; who told of it first has it.
  const firsts = new Map<string, string>()
  for (const { name, order_no, channel, place, id } of events) {
    const key = `${order_no} ${channel === 'store' ? place : ''}`
    if (name === 'Order Completed' && !firsts.has(key)) firsts.set(key, id)
  }
  const counted = new Set(firsts.values())
  const expected: string[] = []
  for (const [person, facts] of Map.groupBy(events, (fact) => winnerOf.get(fact.person) ?? fact.person)) {
    if (person !== erased) expected.push(...waysOf(person, facts, counted))
  }
  const paths = await history.rows<{ person: string; event: string; converted: number; touch_event: string[] }>`
    select person, event, converted, touch_event from measurement.path final`
  expect(paths.map((row) => [row.person, row.converted, row.event, ...row.touch_event].join()).toSorted()).toEqual(
    expected.toSorted(),
  )
  expect(expected.length).toBeGreaterThan(50)
})

type Fact = {
  person: string
  at: string
  id: string
  name: string
  channel: string
  campaign: string
  medium: string
  utm_source: string
  message_id: string
  order_no: string
  place: string
  machine: boolean
}
type Met = { at: number; id: string; channel: string; campaign: string; exempt: boolean }

const halfHour = 1_800_000
const quarter = 90 * 86_400_000

/** Visits and contacts of one person in order, as the README defines them, and the ways to the next order. */
function waysOf(person: string, facts: Fact[], counted: Set<string>): string[] {
  const instantOf = (fact: Fact) => Date.parse(fact.at)
  const sourceOf = (fact: Fact) => [fact.utm_source, fact.medium, fact.campaign.toLowerCase()].join()
  const seen = facts.filter((fact) => fact.name === 'Home')
  const met: Met[] = seen
    .filter((fact, index) => {
      const before = seen[index - 1]
      return (
        before === undefined ||
        instantOf(fact) > instantOf(before) + halfHour ||
        (fact.utm_source !== '' && sourceOf(fact) !== sourceOf(before))
      )
    })
    .map((fact) => ({
      at: instantOf(fact),
      id: fact.id,
      channel: fact.medium || 'direct',
      campaign: fact.campaign,
      exempt: false,
    }))
  const messages = facts.filter((fact) => fact.name.startsWith('message.') && !fact.machine)
  for (const told of Map.groupBy(messages, (fact) => fact.message_id).values()) {
    const best = told.find((fact) => fact.name === 'message.clicked') ?? (told[0] as Fact)
    met.push({ at: instantOf(best), id: best.id, channel: 'email', campaign: best.campaign, exempt: false })
  }
  for (const fact of facts) {
    const store = fact.name === 'Order Completed' && fact.channel === 'store'
    if (store || fact.name === 'conversation.received')
      met.push({ at: instantOf(fact), id: fact.id, channel: store ? 'store' : 'service', campaign: '', exempt: store })
  }
  const byTime = (one: Met, other: Met) => one.at - other.at || (one.id < other.id ? -1 : 1)
  const inOrder = met.toSorted(byTime)
  const same = (one: Met, other: Met) =>
    one.channel === other.channel && one.campaign.toLowerCase() === other.campaign.toLowerCase()
  const touches = inOrder.filter((touch, index) => {
    const before = inOrder[index - 1]
    const alike = inOrder.slice(0, index).findLast((one) => same(one, touch))
    const near = before !== undefined && touch.at <= before.at + halfHour
    const follows =
      before !== undefined &&
      (touch.channel === 'direct' || same(before, touch) || (before.channel === touch.channel && touch.campaign === ''))
    return touch.exempt || !((alike !== undefined && touch.at <= alike.at + halfHour) || (near && follows))
  })
  const orders = facts.filter((fact) => counted.has(fact.id))
  const ways: string[] = []
  let idle: Met[] = []
  const silence = () => {
    if (idle.length > 0) ways.push([person, 0, idle.at(-1)?.id, ...idle.map((touch) => touch.id)].join())
    idle = []
  }
  let rest = touches
  for (const order of [...orders, null]) {
    const until = order === null ? Number.POSITIVE_INFINITY : instantOf(order)
    const before = rest.filter((touch) => touch.at <= until)
    rest = rest.slice(before.length)
    const leads = order === null ? [] : before.filter((touch) => touch.at > until - quarter)
    for (const touch of before.slice(0, before.length - leads.length)) {
      if (idle.length > 0 && touch.at > (idle.at(-1) as Met).at + quarter) silence()
      idle.push(touch)
    }
    silence()
    if (order !== null) ways.push([person, 1, order.id, ...leads.map((touch) => touch.id)].join())
  }
  return ways
}

test('the map counts every path: checked one by one', async () => {
  const period = periods[0] as (typeof periods)[0]
  const rows = await town.ground.history.rows<{
    person: string
    at: string
    converted: number
    returned: number
    currency: string
    touch_at: string[]
    touch_channel: string[]
    touch_kind: string[]
  }>`select * from measurement.path final order by person, at, event`
  const map = await measurement.journeyMap({ ...period, ways: 500 })
  const mine = rows.filter((row) => row.touch_at.length > 0 && (row.converted === 0 || row.currency === 'EUR'))
  const spans = new Map<string, number[]>()
  for (const row of mine) {
    const ends = [...row.touch_at.slice(1), row.at].map((at) => Date.parse(at))
    const names = [...row.touch_channel.slice(1), row.converted === 1 ? 'order' : 'no order']
    for (const [index, name] of names.entries()) {
      const key = `${row.touch_channel[index]} > ${name}`
      const hours = ((ends[index] as number) - Date.parse(row.touch_at[index] as string)) / 3_600_000
      spans.set(key, [...(spans.get(key) ?? []), hours])
    }
  }
  const counted = [...map.transitions, ...map.loops.map((loop) => ({ ...loop, from: loop.channel, to: loop.channel }))]
  expect(new Map(counted.map((row) => [`${row.from} > ${row.to}`, row.count]))).toEqual(
    new Map([...spans].map(([key, hours]) => [key, hours.length])),
  )
  for (const { from, to, hours } of counted) {
    const sorted = (spans.get(`${from} > ${to}`) ?? []).toSorted((left, right) => left - right)
    const about = (share: number, off: number) =>
      sorted[Math.min(sorted.length - 1, Math.max(0, Math.round((sorted.length - 1) * share) + off))] as number
    expect(hours.median).toBeGreaterThanOrEqual(about(0.5, -1) * 0.91 - 1 / 3600)
    expect(hours.median).toBeLessThanOrEqual(about(0.5, 1) * 1.1 + 1 / 3600)
  }
  expect(map.drawn).toMatchObject({
    of: new Set(mine.map((row) => row.touch_channel.filter((one, index, all) => one !== all[index - 1]).join())).size,
    ofPaths: mine.length,
  })
  expect(map.orders).toBe(mine.filter((row) => row.converted === 1).length)
  const after: { [next: string]: number } = {}
  for (const [index, row] of rows.entries()) {
    if (row.converted === 0 || row.currency !== 'EUR') continue
    const following = rows[index + 1]?.person === row.person ? rows[index + 1] : undefined
    const came = row.returned > 0 ? 'return' : null
    const next =
      following === undefined
        ? (came ?? 'nothing')
        : following.converted === 1
          ? 'repeat'
          : following.touch_kind.includes('conversation')
            ? 'service'
            : (came ?? 'visit')
    after[next] = (after[next] ?? 0) + 1
  }
  expect(Object.fromEntries(map.after.map((row) => [row.next, row.orders]))).toEqual(after)
  expect(Object.keys(after).length).toBeGreaterThan(2)
})

test('a build that dies between paths and sums leaves none that hold; the next one computes them anew', async () => {
  const { ground } = town
  const insertBlock: typeof ground.history.insertBlock = (table, block) => {
    if (table === 'measurement.way') throw new Error('cut off')
    return ground.history.insertBlock(table, block)
  }
  const dying = createMeasurement({ ground: { ...ground, history: { ...ground.history, insertBlock } } })
  const [facts] = fc.sample(crowd, { numRuns: 1, seed: 12 })
  await tell(ground.history, ++batch, told('a', facts ?? []))
  await expect(dying.buildNow()).rejects.toThrow('cut off')
  expect(await sums.reading(async (kept) => kept)).toBeNull()
  const map = await measurement.journeyMap({ ...(periods[0] as (typeof periods)[0]), ways: 31 })
  expect(map.drawn.ofPaths).toBeGreaterThan(0)
  expect(await measurement.buildNow()).toBe('built')
  await expectSumsToTellWhatPathsTell()
  await ground.database.run`update measurement.journey_sums set zone = 'Pacific/Auckland'`
  expect(await measurement.buildNow()).toBe('unchanged')
  await expectSumsToTellWhatPathsTell()
})
