import { kept } from '@einklang/contract'
import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Budget, createBudget, paceOf } from './index.ts'
import { readSpendFile } from './profiles.ts'

let town: TestGround
let budget: Budget
let approvedHash = ''
let blocked = false
let number = 7
const marketer: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const levels = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3]

/** A mix model in which search saturates later than radio: a · (1 − e^(−spend ÷ b)). */
const curve = (most: number, half: number, usual: number, noise: number) =>
  levels.map((level) => most * noise * (1 - Math.exp((-level * usual) / half)))
const fit = {
  unidentified: [],
  checks: [] as { passed: boolean; forbids: string[] }[],
  answers: {
    tests: [{ channel: 'radio', value: 1200, error: 300 }],
    channels: [
      {
        name: 'radio',
        overlap: 0.4,
        roas: { mean: 1.2, low: 0.5, high: 2 },
        marginalRoas: { mean: 0.4, low: 0, high: 1 },
      },
      {
        name: 'search_generic',
        overlap: 0.3,
        roas: { mean: 4, low: 3, high: 5 },
        marginalRoas: { mean: 3, low: 2, high: 4 },
      },
    ],
    response: [
      { channel: 'radio', usual: 1000, levels, draws: [0.9, 1, 1.1].map((noise) => curve(1200, 600, 1000, noise)) },
      {
        channel: 'search_generic',
        usual: 1000,
        levels,
        draws: [0.95, 1, 1.05].map((noise) => curve(9000, 2500, 1000, noise)),
      },
    ],
  },
}

beforeAll(async () => {
  town = await testGround()
  budget = createBudget({
    ground: town.ground,
    measurement: {
      contacts: {} as never,
      creditedRevenue: async () => ({ weeks: [], campaigns: [], since: null, asOf: new Date() }),
      mix: {
        stored: async () => ({
          fit: number,
          name: 'Spring',
          currency: 'EUR',
          headline: null,
          result: { ...fit, blocked, headline: null },
        }),
      } as never,
    },
    approved: async (_kind, _object, hash) => hash === approvedHash,
  })
})
afterAll(() => town.close())

const ask = {
  fit: null,
  total: 2_000_00 * 10,
  weeks: 10,
  margin: null,
  risk: 0,
  doubt: 0,
  shift: null,
  explore: 0,
  bounds: [],
  plan: null,
}

test('money moves to the channel whose next euro brings more, until both bring the same', async () => {
  const advice = await budget.advisor.advise(ask)
  const [radio, search] = advice.channels
  expect(advice.spend).toBe(ask.total)
  expect(search?.spend).toBeGreaterThan(search?.today ?? 0)
  expect(search?.spend).toBeGreaterThan(radio?.spend ?? 0)
  expect(search?.marginal.mean).toBeCloseTo(radio?.marginal.mean ?? 0, 1)
  expect(advice.today.gain.mean).toBeGreaterThan(0)
  expect(search?.curve.at(-1)?.spend).toBe(search?.knownUpTo)
})

test('trying out has a price, told before anybody pays it', async () => {
  const moved = new Set<number>()
  for (number of [7, 8, 9, 10, 11]) {
    const { explored, outcome } = await budget.advisor.advise(ask)
    expect(explored.map(({ share }) => share)).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(explored[0]).toEqual({ share: 0, outcome, moved: 0 })
    for (const [index, level] of explored.slice(1).entries())
      expect(level.outcome.mean).toBeLessThanOrEqual(explored[index]?.outcome.mean ?? 0)
    // Whoever then asks for it gets just that.
    const tried = await budget.advisor.advise({ ...ask, explore: 0.5 })
    expect(tried.outcome.mean / (explored[2]?.outcome.mean ?? 1)).toBeCloseTo(1, 4)
    moved.add(explored[4]?.moved ?? 0)
  }
  number = 7
  // Every fit tries what another of its draws holds best.
  expect(moved.size).toBeGreaterThan(1)
  expect(Math.max(...moved)).toBeGreaterThan(0)
})

test('bounds hold, a plan of your own is told beside, and what cannot be met is refused with the rows', async () => {
  const held = await budget.advisor.advise({
    ...ask,
    bounds: [{ channel: 'radio', low: 900_000, high: null, step: null, least: null }],
    plan: [
      { channel: 'radio', spend: 0 },
      { channel: 'search_generic', spend: 2_000_000 },
    ],
  })
  expect(held.channels[0]?.spend).toBe(900_000)
  expect(held.channels[0]?.heldBy).toBe('low')
  const near = await budget.advisor.advise({ ...ask, shift: 0.1 })
  expect(near.channels.map(({ heldBy }) => heldBy)).toEqual(['shift', 'shift'])
  expect(held.plan?.outcome.mean).toBeGreaterThan(held.outcome.mean)
  await expect(
    budget.advisor.advise({
      ...ask,
      bounds: [{ channel: 'radio', low: 2_500_000, high: null, step: null, least: null }],
    }),
  ).rejects.toMatchObject({ status: 409, code: 'infeasible' })
})

test('what the data taught nothing about gets no more, what nobody can believe stays, and the test worth most is named', async () => {
  const search = fit.answers.channels[1] as { overlap: number }
  search.overlap = 0.95
  const careful = await budget.advisor.advise({ ...ask, doubt: 1 })
  const believing = await budget.advisor.advise(ask)
  search.overlap = 0.3
  expect(careful.channels[1]).toMatchObject({ heldBy: 'unknown', spend: careful.channels[1]?.today })
  expect(careful.learn).toEqual({ channel: 'radio', value: 120_000 })
  expect(believing.channels[1]?.spend).toBeGreaterThan(believing.channels[1]?.today ?? 0)
  fit.checks = [{ passed: false, forbids: ['search_generic'] }]
  const advice = await budget.advisor.advise(ask)
  fit.checks = []
  expect(advice.channels[1]).toMatchObject({ heldBy: 'unbelievable', spend: advice.channels[1]?.today })
})

test('a fit whose checks failed gives no advice', async () => {
  blocked = true
  await expect(budget.advisor.advise(ask)).rejects.toMatchObject({ status: 409, code: 'blocked_fit' })
  blocked = false
})

test('a proposal becomes the plan only with the approval of exactly its words, once, and the months add up', async () => {
  const { proposal, hash } = await budget.advisor.propose(
    { title: 'Summer', from: '2026-05', months: 3, advice: ask },
    marketer,
  )
  // Whoever decides sees what exactly this hash holds, and nothing under another.
  const words = await budget.advisor.words(String(proposal), hash)
  expect(words).toMatchObject({ title: 'Summer' })
  expect(words?.['plan']).toMatch(/^2026-05 – 2026-07\nradio: \d+\.\d\d EUR\nsearch_generic: .*\n= 20000\.00 EUR$/)
  expect(await budget.advisor.words(String(proposal), '0'.repeat(64))).toBeNull()
  await expect(budget.advisor.apply(proposal, marketer)).rejects.toMatchObject({ code: 'not_approved' })
  approvedHash = hash
  expect((await budget.advisor.proposals()).items[0]).toMatchObject({ proposal, approved: true, appliedAt: null })
  await budget.advisor.apply(proposal, marketer)
  await expect(budget.advisor.apply(proposal, marketer)).rejects.toMatchObject({ code: 'applied_before' })
  const { lines } = await budget.plan({ from: '2026-05', to: '2026-07' })
  expect(new Set(lines.map((line) => line.month))).toEqual(new Set(['2026-05', '2026-06', '2026-07']))
  expect(lines.reduce((sum, line) => sum + line.amount, 0)).toBe(ask.total)
  // What is planned beyond the year is shown with it.
  await budget.setPlan([{ month: '2027-02', channel: 'radio', amount: 100, currency: 'EUR' }], marketer)
  expect((await budget.plan({})).lines.at(-1)).toMatchObject({ month: '2027-02', amount: 100 })
})

const plainly = { profile: 'auto', channel: null, mapping: null, saved: null, saveAs: null } as const

test.each([
  [
    'google_ads',
    'Campaign report\n"2 February 2026 - 3 February 2026"\nDay,Campaign,Currency code,Cost,Impr.,Clicks\n2026-02-02,Brand DE,EUR,"1,234.50","12,000",340\n2026-02-02,Brand DE,EUR,65.50,100,10\n2026-02-02,Shopping,EUR,20.00,100,5\nTotal,--,EUR,1320.00,12200,355\n',
    [
      ['search_brand', 130000],
      ['shopping', 2000],
    ],
  ],
  [
    'meta',
    'Berichtsstart;Berichtsende;Kampagnenname;Ausgegebener Betrag (EUR);Impressionen;Link-Klicks\n02.02.2026;02.02.2026;Frühling;120,40;10.000;120\n',
    [['social_ads', 12040]],
  ],
  [
    'tiktok',
    'Campaign name,By Day,Cost,Currency,Impressions,Clicks (destination)\nDance,2026-02-02,55.10,EUR,9000,80\n',
    [['social_ads', 5510]],
  ],
  [
    'microsoft',
    'Gregorian date,Account number,Campaign,Spend,Currency code,Impressions,Clicks\n2/14/2026,X1,Generic shoes,12.30,EUR,300,9\n',
    [['search_generic', 1230]],
  ],
  [
    'print',
    'Erscheinungstag;Titel;Medium;Auflage;Netto\n05.02.2026;Stadtblatt;Anzeige;120.000;4.500,00\n',
    [['anzeige', 450000]],
  ],
  [
    'broadcast',
    'Sender;Medium;Sendetag;Motiv;GRP;Nettokosten\nRadio Ruhr;Radio;05.02.2026;Stiefel;12,5;900,00\n',
    [['radio', 90000]],
  ],
])('the export of %s is recognised by its headers and read whole', async (profile, text, channels) => {
  const { length } = (await budget.entries({ from: '2026-02-01', to: '2026-02-28', replaced: 'show', limit: 200 }))
    .items
  const answer = await budget.importSpend({ ...plainly, text, dryRun: true }, marketer)
  expect(answer.profile).toBe(profile)
  expect(answer.rejected).toEqual([])
  expect(answer.channels.map((row) => [row.channel, row.amount])).toEqual(channels)
  expect(
    (await budget.entries({ from: '2026-02-01', to: '2026-02-28', replaced: 'show', limit: 200 })).items.length,
  ).toBe(length)
  await budget.importSpend({ ...plainly, text, dryRun: false }, marketer)
  const again = await budget.importSpend({ ...plainly, text, dryRun: false }, marketer)
  expect(again.rejected).toEqual([])
  const { items } = await budget.entries({ from: '2026-02-01', to: '2026-02-28', replaced: 'show', limit: 200 })
  expect(items.length - length).toBe(channels.length)
})

test('a file without a day and a cost is refused', () => {
  expect(readSpendFile('name,email\nada,ada@example.org\n', 'auto', null)).toHaveProperty('reason')
})

test('a mapping of one’s own is shown first, saved by name, and proposed for the next file with the same header', async () => {
  const file = (day: string, cost: string) =>
    `Report of the agency;;\nGebucht am;Wofür;Summe netto;Ort\n${day}/02/2027;Frühling;1.${cost},00;Köln\nGesamt;;1.${cost},00;\n`
  const ask = { ...plainly, text: file('03', '234'), dryRun: true }
  // Nobody knows this header: the columns are shown, nothing is taken.
  const unknown = await budget.importSpend(ask, marketer)
  expect(unknown).toMatchObject({
    profile: 'unknown',
    taken: 0,
    header: ['Gebucht am', 'Wofür', 'Summe netto', 'Ort'],
    sample: [
      ['03/02/2027', 'Frühling', '1.234,00', 'Köln'],
      ['Gesamt', '', '1.234,00', ''],
    ],
  })
  await expect(budget.importSpend({ ...ask, dryRun: false }, marketer)).rejects.toThrow('no_header')
  const none = { week: null, channel: null, currency: null, impressions: null, clicks: null, reach: null }
  const mapping = {
    columns: { ...none, day: 'Gebucht am', amount: 'Summe netto', campaign: 'Wofür', geo: 'Ort' },
    channel: 'Plakat',
    currency: 'EUR',
    decimal: ',' as const,
    dayFirst: true,
  }
  const line = {
    day: '2027-02-03',
    days: 1,
    channel: 'out_of_home',
    campaign: 'Frühling',
    geo: 'Köln',
    amount: 123_400,
  }
  expect(await budget.importSpend({ ...ask, mapping }, marketer)).toMatchObject({
    profile: 'own',
    taken: 1,
    left: 1,
    preview: [{ ...line, currency: 'EUR' }],
  })
  expect((await budget.mappings()).items).toEqual([])
  await budget.importSpend({ ...ask, mapping, dryRun: false, saveAs: 'Poster agency' }, marketer)
  const next = await budget.importSpend({ ...ask, text: file('04', '500') }, marketer)
  expect(next).toMatchObject({
    profile: 'own',
    saved: 'Poster agency',
    taken: 1,
    preview: [{ day: '2027-02-04', amount: 150_000 }],
  })
  const wrong = { ...mapping, columns: { ...mapping.columns, geo: 'Town' } }
  await expect(budget.importSpend({ ...ask, mapping: wrong }, marketer)).rejects.toThrow('town')
  await budget.removeMapping('Poster agency', marketer)
  expect(await budget.importSpend({ ...ask, text: file('04', '500') }, marketer)).toMatchObject({ profile: 'unknown' })
  await expect(budget.removeMapping('Poster agency', marketer)).rejects.toThrow('no_mapping')
})

test('the return of a channel comes from the mix model where it speaks, and says so', async () => {
  const answer = await budget.roi({ from: '2026-02-01', to: '2026-02-28' })
  const radio = answer.rows.find((row) => row.channel === 'radio' && row.campaign === null)
  expect(radio).toMatchObject({ spend: 90000, increment: 108000, source: 'mix', incrementLow: 45000, profit: null })
  expect(answer.rows.find((row) => row.channel === 'shopping')?.source).toBe('attribution')
  // No touch names this campaign: nothing is said, not zero.
  expect(answer.rows.find((row) => row.campaign === 'Dance')).toMatchObject({ source: 'unknown', increment: null })
  expect(answer.note.warnings).toContain(kept('no_costs'))
  // A return that cannot be believed is none.
  fit.checks = [{ passed: false, forbids: ['radio'] }]
  const doubted = await budget.roi({ from: '2026-02-01', to: '2026-02-28' })
  fit.checks = []
  expect(doubted.rows.find((row) => row.channel === 'radio' && row.campaign === null)).toMatchObject({
    source: 'unknown',
    increment: null,
  })
})

test('pace: alarms from a fifth of the month on, overspending at once', () => {
  expect(paceOf({ amount: 1000, spent: 300 }, 0.1)).toEqual({ expected: null, alert: null })
  expect(paceOf({ amount: 1000, spent: 700 }, 0.5)).toEqual({ expected: 1400, alert: 'too_fast' })
  expect(paceOf({ amount: 1000, spent: 300 }, 0.5)).toEqual({ expected: 600, alert: 'too_slow' })
  expect(paceOf({ amount: 1000, spent: 500 }, 0.5)).toEqual({ expected: 1000, alert: null })
  expect(paceOf({ amount: 1000, spent: 1001 }, 0.1).alert).toBe('overspent')
})
