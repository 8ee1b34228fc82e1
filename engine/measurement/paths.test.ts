import { kept, type PersonId, speaker as saidBy } from '@einklang/contract'
import { type Caller, writtenSql } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { creditByRule, pathsFrom } from '@einklang/stats'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { rulesFor } from './orders.ts'
import { measurementPhrases } from './sayings.ts'
import { personNamed, type Told, tell } from './town.ts'

// Each step builds paths anew in a real ClickHouse; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
let batch = 0

beforeAll(async () => {
  town = await testGround()
  // Several slices even of a small town.
  measurement = createMeasurement({ ground: town.ground, eventsPerSlice: 12 })
})
afterAll(() => town.close())

async function hear(facts: Told[]): Promise<void> {
  await tell(town.ground.history, ++batch, facts)
  await measurement.buildNow()
}

async function mergeInto(winner: string, loser: string, undone: boolean): Promise<void> {
  const row = { loser: personNamed(loser), winner: personNamed(winner), undone: undone ? 1 : 0, version: ++batch }
  await town.ground.history.insert('identity.merged', [row], JSON.stringify(row))
  await measurement.buildNow()
}

/** `email click > direct visit` in short, per order. */
async function waysOf(name: string): Promise<string[]> {
  const rows = await town.ground.history.rows<{ order_no: string; steps: string[] }>`
    select order_no, arrayMap((c, k) -> concat(toString(c), ' ', toString(k)), touch_channel, touch_kind) as steps
    from measurement.path final where converted = 1 and person = toUUID(${personNamed(name)}) order by at`
  return rows.map((row) => `${row.order_no}: ${row.steps.join(' > ')}`)
}

const click = (person: string, at: string, campaign: string): Told => ({
  person,
  at,
  name: 'message.clicked',
  channel: 'email',
  campaign,
  message: `${person} ${campaign}`,
  properties: { channel: 'email' },
})
const order = (person: string, at: string, orderNo: string, value: number, more: Partial<Told> = {}): Told => ({
  person,
  at,
  name: 'Order Completed',
  orderNo,
  value,
  ...more,
})

const byText = (one: unknown, other: unknown) => (String(one) < String(other) ? -1 : 1)

test('a click, its landing page, a search visit and a direct visit make three touches before the order', async () => {
  await hear([
    click('ada', '2026-02-01T10:00:00Z', 'Spring'),
    { person: 'ada', at: '2026-02-01T10:00:05Z', url: 'https://shop.example/spring' },
    { person: 'ada', at: '2026-02-03T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'generic boots' },
    { person: 'ada', at: '2026-02-03T10:05:00Z', name: 'Product Viewed' },
    { person: 'ada', at: '2026-02-05T10:00:00Z' },
    order('ada', '2026-02-05T10:10:00Z', 'W1', 10000),
  ])
  expect(await waysOf('ada')).toEqual(['W1: email click > search_generic visit > direct visit'])
})

test('what came back is taken off, also when the return arrives later', async () => {
  await hear([{ person: 'ada', at: '2026-02-09T10:10:00Z', name: 'Order Refunded', orderNo: 'W1', value: -2500 }])
  const [row] = await town.ground.history.rows`
    select value, returned from measurement.path final where order_no = 'W1' and converted = 1`
  expect(row).toEqual({ value: 7500, returned: 2500 })
})

test('an order that shop and till system place differently counts once, two receipts of one number in two stores twice', async () => {
  const till = (place: string, at: string) => order('olaf', at, '77', 2000, { channel: 'store', place })
  await hear([
    order('olaf', '2025-11-11T10:00:00.005Z', 'CC1', 3495, { place: 'F06' }),
    order('olaf', '2025-11-11T10:00:00.010Z', 'CC1', 3495, { place: 'WEB' }),
    till('F01', '2025-11-12T10:00:00Z'),
    till('F02', '2025-11-12T11:00:00Z'),
  ])
  const counted = async () => {
    const rows = await town.ground.history.rows<{ order_no: string; place: string; value: number }>`
      select order_no, place, value from measurement.conversion final where person = ${personNamed('olaf')} order by at`
    return rows.map((row) => `${row.order_no} ${row.place} ${row.value}`)
  }
  expect(await counted()).toEqual(['CC1 F06 3495', '77 F01 2000', '77 F02 2000'])
  const returned = (at: string, place: string) => ({ ...till(place, at), name: 'Order Refunded', value: -500 })
  await hear([returned('2025-11-14T10:00:00Z', 'F01'), returned('2025-11-15T10:00:00Z', 'F09')])
  expect(await counted()).toEqual(['CC1 F06 3495', '77 F01 1500', '77 F02 1500'])
})

test('machine opens count nothing, human opens do, and a message counts once by its best evidence', async () => {
  const opened = (at: string, machine: boolean, campaign: string): Told => ({
    ...click('ben', at, campaign),
    name: 'message.opened',
    properties: { channel: 'email', machine },
  })
  await hear([
    opened('2026-02-01T08:00:00Z', true, 'A'),
    opened('2026-02-02T08:00:00Z', false, 'B'),
    opened('2026-02-03T08:00:00Z', false, 'C'),
    click('ben', '2026-02-03T09:30:00Z', 'C'),
    { person: 'ben', at: '2026-02-04T08:00:00Z', name: 'message.sent', channel: 'email', campaign: 'D', message: 'd' },
    {
      person: 'ben',
      at: '2026-02-04T09:00:00Z',
      name: 'message.delivered',
      channel: 'letter',
      campaign: 'Brief',
      message: 'e',
    },
    order('ben', '2026-02-10T12:00:00Z', 'S1', 5000, { channel: 'store', place: 'K1' }),
  ])
  expect(await waysOf('ben')).toEqual(['S1: email open > email click > letter delivered > store store visit'])
})

test('a letter counts on the day it arrived, not at all when it came back, and one campaign is one in any case', async () => {
  const letter = (name: string, message: string, delivered: string): Told => ({
    person: 'gina',
    at: '2026-02-01T09:00:00Z',
    name,
    channel: 'letter',
    campaign: 'BRIEF-A',
    message,
    properties: { channel: 'letter', ...(delivered ? { delivered_at: delivered } : {}) },
  })
  await hear([
    letter('message.sent', 'l1', '2026-02-04T09:00:00.000Z'),
    letter('message.sent', 'l2', ''),
    letter('message.bounced', 'l2', ''),
    click('gina', '2026-02-05T10:00:00Z', 'NL-Spring'),
    { person: 'gina', at: '2026-02-05T10:01:00Z', medium: 'email', source: 'newsletter', campaign: 'nl-spring' },
    { person: 'gina', at: '2026-02-08T10:01:00Z', medium: 'email', source: 'newsletter', campaign: 'nl-spring' },
    order('gina', '2026-02-08T10:10:00Z', 'W9', 5000),
  ])
  expect(await waysOf('gina')).toEqual(['W9: letter delivered > email click > email visit'])
  const [row] = await town.ground.history.rows<{
    at: string
  }>`select touch_at[1] as at from measurement.path final where order_no = 'W9'`
  expect(row?.at).toBe('2026-02-04T09:00:00.000Z')
  const table = await measurement.attribution({
    by: 'campaign',
    from: '2026-02-08',
    to: '2026-02-08',
    models: 'linear,shapley',
  })
  const spring = table.rows.filter((one) => one.channel === 'email')
  expect(spring).toMatchObject([{ campaign: 'NL-Spring', touches: 2 }])
  expect(spring[0]?.credits.map((credit) => credit.orders.toFixed(3))).toEqual(['0.667', '0.500'])
})

test('a click and its landing are one touch, in any case and with another message between them', async () => {
  await hear([
    click('kaja', '2026-01-19T10:00:00Z', 'NL-2026-KW47-A'),
    { ...click('kaja', '2026-01-19T10:00:01Z', 'NL-2026-KW46-A'), name: 'message.opened' },
    {
      person: 'kaja',
      at: '2026-01-19T10:00:02Z',
      medium: 'email',
      source: 'newsletter',
      campaign: 'nl-2026-kw47-a',
      url: 'https://shop.example/?utm_campaign=nl-2026-kw47-a',
    },
    { person: 'kaja', at: '2026-01-19T10:03:00Z', medium: 'email', source: 'newsletter', campaign: 'NL-2026-KW47-A' },
    order('kaja', '2026-01-19T23:30:00Z', 'W47', 5000),
  ])
  expect(await waysOf('kaja')).toEqual(['W47: email click > email open'])
  const table = await measurement.attribution({ by: 'campaign', from: '2026-01-20', to: '2026-01-20' })
  expect(table.rows.map((row) => [row.campaign, row.touches]).toSorted(byText)).toEqual([
    ['NL-2026-KW46-A', 1],
    ['NL-2026-KW47-A', 1],
  ])
  expect(table.note.warnings).toContain(kept('few_orders', { count: 1 }))
  // The evening before by the calendar of the house, though not a whole day ago.
  const journey = await measurement.personJourney(personNamed('kaja') as PersonId)
  expect(saidBy(measurementPhrases)(journey.conversions[0]?.because ?? '', 'en')).toContain('opened the day before')
})

test('touches older than the look-back lead nowhere: letters after 60 days, catalogues after 120', async () => {
  const letter = (at: string, campaign: string): Told => ({
    person: 'cleo',
    at,
    name: 'message.delivered',
    channel: 'letter',
    campaign,
    message: campaign,
  })
  await hear([
    letter('2025-10-20T09:00:00Z', 'Katalog Herbst'),
    letter('2025-12-01T09:00:00Z', 'Advent'),
    { person: 'cleo', at: '2026-01-15T09:00:00Z', referrer: 'https://www.google.de/search' },
    order('cleo', '2026-02-10T12:00:00Z', 'W2', 5000),
  ])
  expect(await waysOf('cleo')).toEqual(['W2: catalogue delivered > search_organic visit'])
  const open = await town.ground.history.rows`
    select touch_campaign from measurement.path final where converted = 0 and person = toUUID(${personNamed('cleo')})`
  expect(open).toEqual([{ touch_campaign: ['Advent'] }])
})

test('the browser and the shop tell of one order once', async () => {
  await hear([order('dora', '2026-02-11T10:00:00Z', 'W3', 4200), order('dora', '2026-02-11T10:00:02Z', 'W3', 4200)])
  expect(await waysOf('dora')).toEqual(['W3: '])
  await hear([order('emil', '2026-02-11T09:59:59Z', 'W3', 4200)])
  expect(await waysOf('dora')).toEqual([])
  expect(await waysOf('emil')).toEqual(['W3: '])
})

test('a merge brings the touches of both together, its undo takes them apart again', async () => {
  await hear([click('finn-phone', '2026-02-12T08:00:00Z', 'Sale'), order('finn', '2026-02-12T12:00:00Z', 'W4', 8000)])
  expect(await waysOf('finn')).toEqual(['W4: '])
  await mergeInto('finn', 'finn-phone', false)
  expect(await waysOf('finn')).toEqual(['W4: email click'])
  await mergeInto('finn', 'finn-phone', true)
  expect(await waysOf('finn')).toEqual(['W4: '])
  expect(await waysOf('finn-phone')).toEqual([])
})

test('a late event changes the paths it belongs to', async () => {
  await hear([click('finn', '2026-02-11T08:00:00Z', 'Late')])
  expect(await waysOf('finn')).toEqual(['W4: email click'])
})

test('receipts without a card are counted, each for itself, as unknown', async () => {
  const nobody = '00000000-0000-0000-0000-000000000000'
  const receipt = (at: string, no: string): Told => ({
    ...order('', at, no, 3000, { channel: 'store', place: 'K1' }),
    id: nobody,
  })
  await hear([receipt('2026-02-12T10:00:00Z', 'B1'), receipt('2026-02-12T10:00:00Z', 'B2')])
  const answer = await measurement.attribution({
    by: 'channel',
    from: '2026-02-12',
    to: '2026-02-12',
    soldVia: 'store',
  })
  expect(answer.totals).toMatchObject({ orders: 2, revenue: 6000, unknown: { orders: 2, revenue: 6000, share: 1 } })
  expect(answer.rows.map((row) => [row.channel, row.persons])).toEqual([['store', 2]])
})

test('nothing new means no build', async () => {
  expect(await measurement.buildNow()).toBe('unchanged')
})

test('a new rule sorts the past anew; a stale editor and a bad pattern are refused', async () => {
  const { version, rules } = await measurement.grouping.current()
  const rule = {
    channel: 'autumn',
    conditions: [{ field: 'campaign' as const, is: 'contains' as const, values: ['spring'] }],
  }
  const marketer: Caller = { kind: 'key', key: 'k', roles: [], name: 'Test' }
  await measurement.grouping.replace(version, [rule, ...rules], marketer)
  await expect(measurement.grouping.replace(version, rules, marketer)).rejects.toMatchObject({ status: 409 })
  const broken = { channel: 'x', conditions: [{ field: 'url' as const, is: 'matches' as const, values: ['('] }] }
  await expect(measurement.grouping.replace(version + 1, [broken], marketer)).rejects.toMatchObject({ status: 422 })
  expect(await measurement.buildNow()).toBe('built')
  expect(await waysOf('ada')).toEqual(['W1: autumn click > search_generic visit > direct visit'])
  await measurement.grouping.replace(version + 1, rules, marketer)
  await measurement.buildNow()
  expect(await waysOf('ada')).toEqual(['W1: email click > search_generic visit > direct visit'])
})

test('the rules in the database give exactly the shares of the rules in stats', async () => {
  const draws = fc.sample(
    fc.record({
      channels: fc.array(fc.constantFrom('email', 'social', 'affiliate', 'direct'), { minLength: 1, maxLength: 7 }),
      value: fc.integer({ min: 1, max: 50_000 }),
    }),
    { numRuns: 40, seed: 7 },
  )
  const start = Date.parse('2026-02-20T00:00:00Z')
  const at = (hours: number) => new Date(start + hours * 3_600_000).toISOString()
  await hear(
    draws.flatMap(({ channels, value }, person) => [
      ...channels.map(
        (channel, step): Told => ({
          person: `walker ${person}`,
          at: at(step * 5 + person / 60),
          ...(channel === 'direct' ? {} : { medium: channel, source: channel, campaign: `${channel} ${step}` }),
        }),
      ),
      order(`walker ${person}`, at(40), `R${person}`, value),
    ]),
  )
  const answer = await measurement.attribution({
    by: 'channel',
    from: '2026-02-20',
    to: '2026-02-28',
    models: 'first,last,last_nondirect,linear,position,position_w,decay,shapley,markov',
  })
  // Neighbours of one channel further apart than half an hour stay separate touches.
  const paths = pathsFrom(
    draws.map(({ channels, value }) => ({
      channels,
      value,
      conversions: 1,
      nulls: 0,
      ages: channels.map((_, step) => (40 - step * 5) / 24),
    })),
  )
  for (const [model, rule] of rulesFor(paths)) {
    const credit = creditByRule(paths, rule)
    paths.channels.forEach((channel, index) => {
      const row = answer.rows.find((one) => one.channel === channel)
      const figure = row?.credits.find((one) => one.model === model)
      expect(figure?.orders).toBeCloseTo(credit.conversions[index] as number, 6)
      expect(Math.abs((figure?.revenue ?? 0) - (credit.values[index] as number))).toBeLessThanOrEqual(1)
    })
  }
  for (const { model } of answer.models) {
    const revenue = answer.rows.reduce(
      (sum, row) => sum + (row.credits.find((one) => one.model === model)?.revenue ?? 0),
      0,
    )
    expect(revenue).toBe(answer.totals.withTouch.revenue)
  }
})

test('an interval holds its share and tightens with more persons', async () => {
  const answer = await measurement.attribution({ by: 'channel', from: '2026-02-20', to: '2026-02-28' })
  const credits = answer.rows.filter((row) => !row.tooLittleData).flatMap((row) => row.credits)
  expect(credits.length).toBeGreaterThan(4)
  for (const { share, low, high } of credits) {
    expect(low).toBeLessThanOrEqual(share)
    expect(high).toBeGreaterThanOrEqual(share)
    expect((high ?? 1) - (low ?? 0)).toBeLessThan(0.6)
  }
  expect(answer.note.warnings.join()).toContain('few_orders')
})

test('one customer shows every order with its touches and who got the credit', async () => {
  const journey = await measurement.personJourney(personNamed('ada') as PersonId)
  expect(journey.conversions).toHaveLength(1)
  const [first] = journey.conversions
  const because = (language: 'en' | 'de') => saidBy(measurementPhrases)(first?.because ?? '', language)
  expect(because('en')).toBe(
    'Search, generic “generic boots” got the credit: the last known touch, visited 2 days before.',
  )
  expect(because('de')).toBe(
    'Suche, allgemein „generic boots“ bekommt die Bestellung zugerechnet: die letzte bekannte Berührung, besucht 2 Tage davor.',
  )
  expect(first?.touches.map((touch) => touch.credit.find((one) => one.model === 'linear')?.share)).toEqual([
    1 / 3,
    1 / 3,
    1 / 3,
  ])
})

test('orders behind a figure: only those that gave the channel credit, page by page', async () => {
  const scope = { from: '2026-02-01', to: '2026-02-12', model: 'last_nondirect' as const, limit: 1 }
  const first = await measurement.conversions({ ...scope, channel: 'email' })
  expect(first.items[0]?.orderNo).toBe('W4')
  const generic = await measurement.conversions({ ...scope, channel: 'search_generic' })
  expect(generic.items.map((item) => item.orderNo)).toEqual(['W1'])
  expect(generic.next).toBeNull()
  const all = await measurement.conversions({ ...scope, limit: 2 })
  const rest = await measurement.conversions({ ...scope, limit: 50, after: all.next ?? undefined })
  expect(new Set([...all.items, ...rest.items].map((item) => item.event)).size).toBe(
    all.items.length + rest.items.length,
  )
})

test('weeks add up to the table', async () => {
  const input = { from: '2026-02-01', to: '2026-02-28' }
  const [weeks, table] = await Promise.all([
    measurement.weeks({ ...input, model: 'last_nondirect' }),
    measurement.attribution({ ...input, by: 'channel' }),
  ])
  const sum = (lists: number[][]) => lists.flat().reduce((total, value) => total + value, 0)
  expect(sum(weeks.sold.map((row) => row.revenue))).toBe(table.totals.revenue)
  expect(sum(weeks.credited.map((row) => row.revenue))).toBe(table.totals.withTouch.revenue)
  expect(weeks.weeks[0]).toBe('2026-01-26')
})

test('frequent paths and the rest cover all orders with a touch', async () => {
  const answer = await measurement.paths({ from: '2026-02-01', to: '2026-02-28', limit: 3 })
  const table = await measurement.attribution({ from: '2026-02-01', to: '2026-02-28', by: 'channel' })
  const shown = answer.paths.reduce((sum, path) => sum + path.orders, 0)
  expect(shown + answer.rest.orders).toBe(table.totals.withTouch.orders)
})

test('erasing a person leaves nothing of it', async () => {
  await measurement.erase(town.ground.database, [personNamed('ada') as PersonId])
  for (const table of ['conversion', 'path', 'known']) {
    const name = town.ground.history.part(writtenSql(`measurement.${table}`))
    const [row] = await town.ground.history.rows<{ n: number }>`
      select count() as n from ${name} where person = toUUID(${personNamed('ada')})`
    expect(row?.n).toBe(0)
  }
})

test('credit by store, brand, keyword and message adds up to the same revenue, and a segment narrows it', async () => {
  const period = { from: '2025-12-01', to: '2026-03-02' }
  await hear([
    { person: 'kim', at: '2026-02-20T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'x', keyword: 'red boots' },
    {
      ...order('kim', '2026-02-20T11:00:00Z', 'K1', 9000, { place: 'S9' }),
      properties: {
        products: [
          { brand: 'Alpha', price: 60, quantity: 1 },
          { brand: 'Beta', price: 15, quantity: 2 },
        ],
      },
    },
  ])
  const base = { ...period, order: '1' as const, models: 'first,last_nondirect,position_w' }
  const whole = await measurement.attribution({ ...base, by: 'channel' })
  for (const by of ['store', 'brand', 'keyword', 'message'] as const) {
    const answer = await measurement.attribution({ ...base, by })
    for (const model of ['first', 'last_nondirect', 'position_w']) {
      const sum = answer.rows.reduce((s, row) => s + (row.credits.find((c) => c.model === model)?.revenue ?? 0), 0)
      expect(sum, `${by} ${model}`).toBe(whole.totals.withTouch.revenue)
    }
  }
  const brand = await measurement.attribution({ ...base, by: 'brand' })
  const revenueOf = (name: string) => brand.rows.find((row) => row.campaign === name)?.credits[0]?.revenue
  expect([revenueOf('Alpha'), revenueOf('Beta')]).toEqual([6000, 3000])
  const keyword = await measurement.attribution({ ...base, by: 'keyword' })
  expect(keyword.rows.find((row) => row.campaign === 'red boots')?.credits[0]?.revenue).toBe(9000)
  const segment = '0198c0de-0000-7000-8000-000000000001'
  await town.ground.database.run`
    insert into audience.member (audience, person, since) values (${segment}, ${personNamed('kim')}, platform.now())`
  const narrow = await measurement.attribution({ ...base, by: 'channel', segment: segment as never })
  expect(narrow.totals).toMatchObject({ orders: 1, revenue: 9000 })
})

test('the journey map keeps every path: flows into the end add up, and a flow opens its persons', async () => {
  const period = { from: '2025-12-01', to: '2026-03-02' }
  const map = await measurement.journeyMap({ ...period, ways: 5 })
  const ends = map.flows.filter((flow) => flow.to === 'order' || flow.to === 'no order')
  expect(ends.reduce((sum, flow) => sum + flow.paths, 0)).toBe(map.drawn.ofPaths)
  expect(ends.reduce((sum, flow) => sum + flow.orders, 0)).toBe(map.orders)
  expect(map.entries.reduce((sum, entry) => sum + entry.paths, 0)).toBe(map.drawn.ofPaths)
  expect(map.dropOff.reduce((sum, one) => sum + one.ended, 0)).toBe(map.drawn.ofPaths)
  expect(map.after.reduce((sum, one) => sum + one.orders, 0)).toBeGreaterThanOrEqual(map.orders)
  const whole = await measurement.journeyMap({ ...period, ways: 500 })
  for (const flow of whole.flows) {
    const { items } = await measurement.journeyPersons({
      ...period,
      step: flow.step,
      source: flow.from,
      target: flow.to,
      limit: 500,
    })
    expect(items.length, `${flow.step} ${flow.from} > ${flow.to}`).toBe(flow.paths)
  }
})
