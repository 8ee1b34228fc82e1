import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Budget, createBudget } from './index.ts'
import { said } from './sayings.ts'
import { channelNamed, spendOf } from './spend.ts'

const line = { channel: 'Google Ads', day: '2026-02-02', amount: '12.50', currency: 'EUR' }
const read = (fields: { [field: string]: string }) => spendOf({ ...line, ...fields }, 'EUR')

test.each([
  ['1.234,56', 123456],
  ['1234.56', 123456],
  ['1,234.56', 123456],
  ['1 234,56 €', 123456],
  ['1.234.567', 123456700],
  ['0', 0],
  ['12,5', 1250],
  ['1234,567', 123457],
])('the amount %s is %i cents', (text, cents) => {
  expect(read({ amount: text })).toMatchObject({ amount: cents })
})

test.each([
  [{ amount: '-5' }, 'negative'],
  [{ amount: '' }, 'amount is missing'],
  [{ amount: 'NaN' }, 'no amount'],
  [{ amount: '1,234' }, 'two ways'],
  [{ day: '2026-02-30' }, 'no date'],
  [{ day: '', week: '' }, 'both missing'],
  [{ day: '', week: '2026-W60' }, 'no week'],
  [{ channel: ' ' }, 'channel is missing'],
  [{ currency: 'Euro' }, 'ISO 4217'],
  [{ clicks: 'many' }, 'clicks many'],
])('%j is refused: %s', (fields, reason) => {
  const result = read(fields as { [field: string]: string })
  expect('reason' in result && said(result.reason, 'en')).toContain(reason)
})

test.each([
  ['2026-W10', '2026-03-02'],
  ['KW 10/2026', '2026-03-02'],
  ['10/2026', '2026-03-02'],
  ['2026-03-04', '2026-03-02'],
  ['04.03.2026', '2026-03-02'],
  ['2020-W53', '2020-12-28'],
])('the week %s begins on %s', (week, monday) => {
  expect(read({ day: '', week })).toMatchObject({ day: monday, days: 7 })
})

test('names of platforms and agencies become our channels; unknown ones keep theirs', () => {
  expect(
    ['Google Ads', 'brand_search', 'Hörfunk', 'Direct Mail', 'Außenwerbung', 'Kinowerbung'].map(channelNamed),
  ).toEqual(['search_generic', 'search_brand', 'radio', 'letter', 'out_of_home', 'kinowerbung'])
})

test.each([
  ['google ads brand', 'search_brand'],
  ['Google Ads – Marke', 'search_brand'],
  ['google ads generic', 'search_generic'],
  ['Google Ads Non-Brand', 'search_generic'],
  ['Microsoft Advertising', 'search_generic'],
  ['Bing Ads Brand', 'search_brand'],
  ['Bing', 'search_generic'],
  ['SEA Brand', 'search_brand'],
  ['google ads shopping', 'shopping'],
  ['Google Display Network', 'display'],
  ['Meta Ads (Retargeting)', 'display'],
  ['Facebook/Instagram Ads', 'social_ads'],
  ['Instagram', 'social_ads'],
  ['TikTok Ads', 'social_ads'],
  ['Außenwerbung', 'out_of_home'],
  ['Radio regional', 'radio'],
  ['TV', 'tv'],
  ['TV-Werbung', 'tv'],
  ['Direktmailing', 'letter'],
  ['Katalog', 'catalogue'],
  ['Katalogversand', 'katalogversand'],
  ['search_organic', 'search_organic'],
  ['google_partner', 'google_partner'],
  ['Radio Köln', 'radio_koln'],
])('the channel “%s” is %s', (given, channel) => {
  expect(channelNamed(given)).toBe(channel)
  expect(channelNamed(channel)).toBe(channel)
})

let town: TestGround
let stored: unknown = null
let budget: Budget
const marketer: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const credited = {
  weeks: [
    { week: '2026-02-02', channel: 'search_generic', orders: 4, revenue: 40000 },
    { week: '2026-02-02', channel: 'direct', orders: 2, revenue: 15000 },
  ],
  campaigns: [{ channel: 'search_generic', campaign: 'Boots', orders: 4, revenue: 40000 }],
  since: '2026-01-01',
  asOf: new Date('2026-03-02T08:00:00Z'),
}

beforeAll(async () => {
  town = await testGround()
  budget = createBudget({
    ground: town.ground,
    measurement: {
      contacts: {} as never,
      creditedRevenue: async () => credited,
      mix: { stored: async () => stored } as never,
    },
  })
})
afterAll(() => town.close())

const load = (rows: { [field: string]: string }[]) =>
  town.ground.database.transaction((tx) =>
    budget.records.spend(
      tx,
      rows.map((fields, index) => ({ row: index + 2, fields })),
    ),
  )
const february = { from: '2026-02-02', to: '2026-02-15' }

test('rows that fit are taken, the others come back with row and reason', async () => {
  const rejected = await load([
    {
      channel: 'generic_search',
      week: '2026-W06',
      campaign: 'boots',
      geo: 'DE-NW',
      amount: '70.00',
      currency: 'EUR',
      clicks: '140',
    },
    { channel: 'generic_search', week: '2026-W06', campaign: 'boots', geo: 'DE-BY', amount: '30.00', currency: 'EUR' },
    { channel: 'radio', week: '2026-W06', amount: '50.00', currency: 'EUR' },
    { channel: 'radio', week: '2026-W06', amount: '51.00', currency: 'EUR' },
    { channel: 'radio', week: '', amount: '51.00', currency: 'EUR' },
  ])
  expect(rejected.map(({ row }) => row)).toEqual([5, 6])
  const { items } = await budget.entries({ ...february, replaced: 'hide', limit: 50 })
  expect(items.map((entry) => [entry.channel, entry.amount])).toEqual(
    expect.arrayContaining([
      ['search_generic', 7000],
      ['search_generic', 3000],
      ['radio', 5000],
    ]),
  )
})

test('spend, revenue and return per channel and week; radio has no return that persons could show', async () => {
  const answer = await budget.overview(february)
  const search = answer.channels.find((row) => row.channel === 'search_generic')
  expect(search).toMatchObject({ spend: 10000, clicks: 140, revenue: 40000, orders: 4, roas: 4, measuredBy: 'person' })
  expect(answer.channels.find((row) => row.channel === 'radio')).toMatchObject({
    spend: 5000,
    roas: null,
    measuredBy: 'none',
  })
  expect(answer.weeks).toEqual(['2026-02-02', '2026-02-09'])
  expect(answer.series.find((row) => row.channel === 'search_generic')?.roas).toEqual([4, null])
  expect(answer.campaigns[0]).toMatchObject({ campaign: 'boots', spend: 10000, revenue: 40000, roas: 4 })
  expect(answer.totals).toMatchObject({ spend: 15000, revenue: 55000 })
  expect(answer.totals.roas).toBeCloseTo(40000 / 15000, 12)
})

test('loading the file again changes nothing; a late correction is a new entry', async () => {
  const row = { channel: 'radio', week: '2026-W06', amount: '50.00', currency: 'EUR' }
  await load([row])
  expect((await budget.overview(february)).totals.spend).toBe(15000)
  await load([{ ...row, amount: '65.00' }])
  expect((await budget.overview(february)).totals.spend).toBe(16500)
  const { items } = await budget.entries({ ...february, channel: 'radio', replaced: 'show', limit: 50 })
  expect(items.map(({ amount, replaced }) => [amount, replaced])).toEqual(
    expect.arrayContaining([
      [5000, true],
      [6500, false],
    ]),
  )
  const { items: loads } = await budget.imports({ limit: 10 })
  expect(loads[0]).toMatchObject({ corrections: 1, entries: 4, from: '2026-02-02', to: '2026-02-08' })
})

test('a period that cuts a week takes its days', async () => {
  const answer = await budget.overview({ from: '2026-02-02', to: '2026-02-03' })
  expect(answer.channels.find((row) => row.channel === 'search_generic')?.spend).toBe(Math.round((10000 * 2) / 7))
})

test('currencies are never added up', async () => {
  await load([{ channel: 'display', day: '2026-02-03', amount: '99', currency: 'CHF' }])
  const euro = await budget.overview(february)
  expect(euro.totals.spend).toBe(16500)
  expect(euro.note.warnings[0]).toContain('CHF')
  expect((await budget.overview({ ...february, currency: 'CHF' })).totals.spend).toBe(9900)
})

test('an entry by hand counts once; the same again is refused', async () => {
  const entry = {
    day: '2026-02-10',
    days: 1 as const,
    channel: 'Plakat',
    campaign: null,
    geo: null,
    amount: 12000,
    currency: 'EUR',
    impressions: 40_000,
    reach: null,
  }
  await budget.addEntry(entry, marketer)
  await expect(budget.addEntry(entry, marketer)).rejects.toMatchObject({ status: 409 })
  const { items } = await budget.entries({ ...february, channel: 'out_of_home', replaced: 'hide', limit: 5 })
  expect(items[0]).toMatchObject({ amount: 12000, origin: 'by hand: Mara' })
})

test('plan beside spend, month by month; amount 0 takes a line away', async () => {
  await budget.setPlan([{ month: '2026-02', channel: 'radio', amount: 13000, currency: 'EUR' }], marketer)
  const { lines } = await budget.plan({ from: '2026-02', to: '2026-02' })
  expect(lines.find((row) => row.channel === 'radio')).toMatchObject({
    amount: 13000,
    spent: 6500,
    used: 0.5,
    elapsed: 1,
  })
  await budget.setPlan([{ month: '2026-02', channel: 'radio', amount: 0, currency: 'EUR' }], marketer)
  const after = await budget.plan({ from: '2026-02', to: '2026-02' })
  expect(after.lines.find((row) => row.channel === 'radio')).toMatchObject({ amount: 0, used: null })
})

test('the CSV holds the weeks and runs no formula', async () => {
  await load([{ channel: '=cmd', day: '2026-02-04', amount: '1', currency: 'EUR' }])
  const { csv } = await budget.overviewCsv(february)
  expect(csv).toContain('2026-02-02,search_generic,100.00,400.00,4.0000,EUR')
  expect(csv).not.toMatch(/^=|,=/m)
})

test('any order of any rows leaves the same ledger sums', async () => {
  const rows = fc.array(
    fc.record({
      channel: fc.constantFrom('a', 'b'),
      day: fc.constantFrom('2025-05-01', '2025-05-02'),
      amount: fc.nat(9).map(String),
    }),
    { minLength: 1, maxLength: 6 },
  )
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      await expect(
        town.ground.database.transaction(async (tx) => {
          const last = new Map(given.map((row) => [`${row.channel} ${row.day}`, Number(row.amount) * 100]))
          for (const fields of given) await budget.records.spend(tx, [{ row: 1, fields }])
          const sum = await tx.row<{ amount: number }>`
            select sum(amount)::int as amount from budget.spend where replaced_by is null and day between '2025-05-01' and '2025-05-02'`
          expect(sum?.amount).toBe([...last.values()].reduce((total, amount) => total + amount, 0))
          throw new Error('roll back')
        }),
      ).rejects.toThrow('roll back')
    }),
    { numRuns: 15 },
  )
})
