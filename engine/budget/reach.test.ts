import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ContactSum, ContactSums } from '#measurement'
import { type Budget, createBudget } from './index.ts'
import type { MediaLine } from './media.ts'
import { said } from './sayings.ts'

const marketer: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const ofPersons = (channel: string, byCount: number[], more: Partial<ContactSum> = {}): ContactSum => ({
  channel,
  campaign: '',
  persons: byCount.reduce((sum, persons) => sum + persons, 0),
  contacts: byCount.reduce((sum, persons, index) => sum + persons * (index + 1), 0),
  responded: 0,
  devices: 0,
  byCount: [...byCount, ...Array.from({ length: 11 - byCount.length }, () => 0)],
  ...more,
})
const none: ContactSums = { all: ofPersons('', []), channels: [], campaigns: [], days: [], sets: [] }

let town: TestGround
let budget: Budget
let known: ContactSums = none
let askedApart: readonly string[] = []

beforeAll(async () => {
  town = await testGround()
  budget = createBudget({
    ground: town.ground,
    measurement: {
      creditedRevenue: {} as never,
      mix: {} as never,
      async contacts(_period, apart) {
        askedApart = apart
        return { ...known, since: '2026-01-01', asOf: new Date('2026-03-02T08:00:00Z') }
      },
    },
  })
})
afterAll(() => town.close())

const line = (more: Partial<MediaLine>): MediaLine => ({
  starts: '2026-02-02',
  ends: '2026-02-15',
  channel: 'Hörfunk',
  campaign: 'Spring',
  vehicle: 'Radio Nord',
  geo: '',
  population: 500_000,
  reachOfOne: null,
  reachOfTwo: null,
  insertions: null,
  booked: null,
  aired: null,
  plannedContacts: null,
  contacts: null,
  plannedReach: null,
  reached: null,
  cost: null,
  currency: null,
  ...more,
})
const february = { from: '2026-02-01', to: '2026-02-28', threshold: 3 }
const read = async (more: object = {}) => {
  const answer = await budget.reach.reach({ ...february, ...more })
  const row = (channel: string) => answer.channels.find((one) => one.channel === channel)
  return { ...answer, row }
}
const share = (value: number | null | undefined) => ((value ?? 0) / 500_000).toFixed(6)

test('two stations follow the published figures of the beta-binomial law, planned and as aired', async () => {
  const nord = line({ reachOfOne: 0.3, reachOfTwo: 0.42, insertions: 10, cost: 1_200_000 })
  await budget.reach.setLine(nord, marketer)
  const alone = (await read()).row('radio')
  expect([alone?.planned?.reached?.value, alone?.planned?.effective].map(share)).toEqual(['0.667519', '0.439216'])
  expect(alone?.planned).toMatchObject({ contacts: expect.closeTo(1_500_000, 3), grp: expect.closeTo(300, 9) })
  expect(alone?.observed).toBeNull()
  // A tenth insertion more meets hardly anybody new.
  expect(alone).toMatchObject({ saturated: true, fresh: expect.closeTo(((1 - 0.667519) * 0.4) / 11.333333 / 0.3, 5) })

  await budget.reach.setLine(line({ vehicle: 'Radio Süd', reachOfOne: 0.12, reachOfTwo: 0.2, insertions: 6 }), marketer)
  const both = await read()
  expect([both.row('radio')?.planned?.reached?.value, both.row('radio')?.planned?.effective].map(share)).toEqual([
    '0.790871',
    '0.531185',
  ])
  expect(both.row('radio')?.planned).toMatchObject({
    grp: expect.closeTo(372, 9),
    frequency: expect.closeTo(4.703677, 6),
  })
  expect(both.frequency.planned?.reduce((sum, people) => sum + people, 0)).toBeCloseTo(0.790871 * 500_000, 0)

  // The spot log says three of the ten were aired; what was planned stays.
  await budget.reach.setLine(
    { ...nord, insertions: null, reachOfOne: null, reachOfTwo: null, cost: null, aired: 3 },
    marketer,
  )
  const aired = (await read()).campaigns.find((row) => row.channel === 'radio')
  expect(share(aired?.observed?.reached?.value)).toBe('0.489600')
  expect(share(aired?.observed?.effective)).toBe('0.129600')
  expect(aired?.planned?.grp).toBeCloseTo(372, 9)
  expect(aired).toMatchObject({ cost: 1_200_000, perPoint: 13_333, perThousand: Math.round(1_200_000 / 450) })
})

test('known persons are counted; with radio they lie between sharing all and sharing nobody', async () => {
  known = {
    all: ofPersons('', [30_000, 10_000, 10_000]),
    channels: [
      ofPersons('email', [30_000, 10_000]),
      ofPersons('letter', [20_000]),
      ofPersons('radio', [40], { responded: 40 }),
    ],
    campaigns: [],
    days: [
      { channel: 'email', day: '2026-02-02', contacts: 40_000, first: 40_000 },
      { channel: 'email', day: '2026-02-09', contacts: 10_000, first: 0 },
      { channel: 'email', day: '2026-02-16', contacts: 10_000, first: 400 },
    ],
    sets: [
      { channels: ['email', 'letter'], persons: 10_000 },
      { channels: ['email'], persons: 30_000 },
      { channels: ['letter'], persons: 10_000 },
    ],
  }
  const answer = await read()
  expect(askedApart).toEqual(['radio'])
  expect(answer.together.known).toMatchObject({
    source: 'persons',
    contacts: 80_000,
    reached: { value: 50_000, low: 50_000, high: 50_000 },
    effective: 10_000,
  })
  const radio = 0.4896 * 500_000
  expect(answer.together.all?.reached?.low).toBeCloseTo(radio, 0)
  expect(answer.together.all?.reached?.value).toBeCloseTo(500_000 * (1 - (1 - 0.4896) * 0.9), 0)
  expect(answer.together.all?.reached?.high).toBeCloseTo(radio + 50_000, 0)
  // Radio gives 0 … 3 contacts to 51.04, 20.88, 15.12 and 12.96 of a hundred, mail and letter to 90, 6, 2 and 2.
  const thrice = 0.9 * 0.1296 + 0.06 * 0.2808 + 0.02 * 0.4896 + 0.02
  expect(answer.together.all?.effective).toBeCloseTo(thrice * 500_000, 3)
  expect(answer.overlap).toContainEqual({ channel: 'email', other: 'letter', persons: 10_000, observed: true })
  expect(answer.overlap).toContainEqual({
    channel: 'radio',
    other: 'email',
    persons: expect.closeTo(radio * 0.08, 0),
    observed: false,
  })
  expect(answer.note.warnings.map((one) => said(one, 'en')).join(' ')).toContain('independently')
  // Of the last twenty thousand mails four hundred met somebody new.
  expect(answer.row('email')).toMatchObject({ fresh: 0.02, saturated: true, remarks: [] })
  expect(answer.row('radio')?.responded).toBe(40)
  expect(answer.curves.find((curve) => curve.channel === 'email')?.observed.at(-1)).toEqual({
    contacts: 60_000,
    reached: 40_400,
  })
})

test('platforms tell persons, days that cannot be added, or contacts alone', async () => {
  known = none
  const spent = (fields: { [field: string]: string }) => ({ amount: '100', currency: 'EUR', ...fields })
  const load = (rows: { [field: string]: string }[]) =>
    town.ground.database.transaction((tx) =>
      budget.records.spend(
        tx,
        rows.map((fields, row) => ({ row, fields: spent(fields) })),
      ),
    )
  await load([
    { channel: 'Meta Ads', day: '2026-02-03', campaign: 'One', impressions: '300000', reach: '100000' },
    { channel: 'TikTok', day: '2026-02-03', campaign: 'Two', impressions: '5000', reach: '4000' },
    { channel: 'TikTok', day: '2026-02-04', campaign: 'Two', impressions: '5000', reach: '3000' },
    { channel: 'display', day: '2026-02-05', campaign: 'Banner', impressions: '900000' },
  ])
  const answer = await read()
  const campaign = (name: string) => answer.campaigns.find((row) => row.campaign === name)
  expect(campaign('One')?.observed).toMatchObject({
    source: 'told',
    contacts: 300_000,
    reached: { value: 100_000, low: 100_000, high: 100_000 },
    frequency: 3,
  })
  // A fifth of the people with three contacts each: more of them had none than by chance, so habits differ.
  expect(campaign('One')?.observed?.effective).toBeGreaterThan(35_000)
  expect(campaign('Two')?.observed?.reached).toEqual({ value: 4000, low: 4000, high: 7000 })
  expect(said(campaign('Two')?.remarks.at(-1) ?? '', 'en')).toContain('2 days or weeks')
  expect(answer.row('display')).toMatchObject({
    observed: { source: 'contacts', reached: null, contacts: 900_000 },
    perThousand: 11,
  })
  expect(answer.together.without).toEqual(['display'])
  const tooFew = await read({ population: 1000 })
  expect(said(tooFew.note.warnings.find((one) => said(one, 'en').includes('are taken')) ?? '', 'de')).toContain('500')
})

test('regions are different people', async () => {
  const spots = {
    starts: '2025-05-01',
    ends: '2025-05-07',
    population: 100_000,
    reachOfOne: 0.5,
    insertions: 1,
    aired: 1,
  }
  await budget.reach.setLine(line({ ...spots, vehicle: 'A', geo: 'Köln' }), marketer)
  await budget.reach.setLine(line({ ...spots, vehicle: 'B', geo: 'Bonn' }), marketer)
  await budget.reach.setLine(line({ ...spots, vehicle: 'C', geo: 'Bonn' }), marketer)
  const answer = await budget.reach.reach({ from: '2025-05-01', to: '2025-05-31', threshold: 2, population: 1_000_000 })
  expect(answer.channels[0]?.observed?.reached).toEqual({
    value: expect.closeTo(50_000 + 75_000, 6),
    low: 100_000,
    high: 150_000,
  })
  expect(answer.channels[0]?.observed?.effective).toBeCloseTo(25_000, 6)
})

test('a media plan of an agency is read by its headers; what cannot be is refused with row and column', async () => {
  const text = `Mediaplan Herbst;;;;;;;;
Beginn;Ende;Medium;Sender;Region;Zielgruppe;Reichweite 1;Reichweite 2;Schaltungen;Kosten
05.10.2025;11.10.2025;Radio;Radio Köln;Köln;400.000;12,5 %;20 %;30;9.500,00
05.10.2025;11.10.2025;Radio;Radio Bonn;Bonn;0;12,5 %;20 %;30;4.500,00
05.10.2025;11.10.2025;Plakat;City-Lights;Köln;400.000;130 %;;30;4.500,00
05.10.2025;01.10.2025;Plakat;City-Lights;Köln;400.000;13 %;;30;4.500,00
05.10.2025;11.10.2025;Radio;Radio Köln;Köln;400.000;12,5 %;20 %;31;9.500,00
Summe;;;;;;;;151;32.500,00
`
  const looked = await budget.reach.importFile({ text, channel: null, dryRun: true }, marketer)
  expect(looked.taken).toBe(1)
  expect(looked.preview[0]).toMatchObject({
    starts: '2025-10-05',
    population: 400_000,
    reachOfOne: 0.125,
    reachOfTwo: 0.2,
    insertions: 30,
    cost: 950_000,
    currency: 'EUR',
  })
  expect(looked.rejected.map(({ row, column }) => [row, column])).toEqual([
    [4, 'Zielgruppe'],
    [5, 'Reichweite 1'],
    [6, 'Ende'],
    [7, null],
  ])
  const autumn = { from: '2025-10-01', to: '2025-10-31' }
  expect((await budget.reach.lines({ ...autumn, limit: 10 })).items).toEqual([])
  await budget.reach.importFile({ text, channel: null, dryRun: false }, marketer)
  // The spot log comes later and says only what was sent.
  const log = 'Beginn,Ende,Medium,Sender,Region,Gesendet\n05.10.2025,11.10.2025,Radio,Radio Köln,Köln,28\n'
  await budget.reach.importFile({ text: log, channel: null, dryRun: false }, marketer)
  await budget.reach.importFile({ text: log, channel: null, dryRun: false }, marketer)
  const { items } = await budget.reach.lines({ ...autumn, limit: 10 })
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({ channel: 'radio', insertions: 30, aired: 28, cost: 950_000 })
  await budget.reach.removeLine(items[0]?.id ?? '', marketer)
  expect((await budget.reach.lines({ ...autumn, limit: 10 })).items).toEqual([])
  await expect(budget.reach.removeLine(items[0]?.id ?? '', marketer)).rejects.toMatchObject({ status: 404 })
  await expect(budget.reach.setLine(line({ reachOfOne: 0.2, population: null }), marketer)).rejects.toMatchObject({
    status: 422,
  })
  await expect(
    budget.reach.importFile({ text: 'a,b\n1,2', channel: null, dryRun: true }, marketer),
  ).rejects.toMatchObject({ status: 400 })
})

test('the table as CSV: plan and what became of it, decimal amounts', async () => {
  const { csv } = await budget.reach.reachCsv(february)
  const rows = csv
    .trim()
    .split('\n')
    .map((row) => row.split(','))
  const radio = rows.find((row) => row[0] === 'radio' && row[1] === '')
  expect(rows[0]?.length).toBe(radio?.length)
  expect(radio?.[rows[0]?.indexOf('persons') ?? 0]).toBe('244800')
})
