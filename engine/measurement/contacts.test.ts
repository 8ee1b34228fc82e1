import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMeasurement, type Measurement } from './index.ts'
import { personNamed, type Told, tell } from './town.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
let batch = 0

const told =
  (name: string) =>
  (person: string, at: string, channel: string, message: string, more: Partial<Told> = {}) => ({
    person,
    at,
    name: `message.${name}`,
    channel,
    message: `${person} ${message}`,
    campaign: message,
    ...more,
  })
const sent = told('sent')
const opened = told('opened')
const bounced = told('bounced')
const period = { from: '2026-02-01', to: '2026-02-28' }

beforeAll(async () => {
  town = await testGround()
  measurement = createMeasurement({ ground: town.ground })
  await tell(town.ground.history, ++batch, [
    // Ada gets three mails and a letter that arrives in the period, and opens one mail twice.
    sent('ada', '2026-02-02T08:00:00Z', 'email', 'Spring'),
    opened('ada', '2026-02-02T09:00:00Z', 'email', 'Spring', { properties: { machine: false } }),
    opened('ada', '2026-02-03T09:00:00Z', 'email', 'Spring', { properties: { machine: false } }),
    sent('ada', '2026-02-09T08:00:00Z', 'email', 'SALE'),
    sent('ada', '2026-02-16T08:00:00Z', 'email', 'Sale', { message: 'ada second' }),
    sent('ada', '2026-01-30T08:00:00Z', 'letter', 'Card', {
      properties: { delivered_at: '2026-02-03T11:00:00Z' },
    }),
    // Ben's second mail comes back, his first is opened by a machine; his way here by a mail's link is no further contact.
    sent('ben', '2026-02-02T08:00:00Z', 'email', 'Spring'),
    opened('ben', '2026-02-02T08:00:01Z', 'email', 'Spring', { properties: { machine: true } }),
    sent('ben', '2026-02-09T08:00:00Z', 'email', 'Sale'),
    bounced('ben', '2026-02-09T08:00:09Z', 'email', 'Sale'),
    { person: 'ben', at: '2026-02-04T10:00:00Z', medium: 'email', source: 'newsletter', campaign: 'Spring' },
    // Cleo is two ids; a mail of January that she opens in February was a contact of January.
    sent('cleo', '2026-02-02T08:00:00Z', 'email', 'Spring'),
    sent('cleo2', '2026-02-02T08:00:00Z', 'email', 'Spring', { message: 'other address' }),
    sent('cleo', '2026-01-20T08:00:00Z', 'email', 'Winter'),
    opened('cleo', '2026-02-01T08:00:00Z', 'email', 'Winter', { properties: { machine: false } }),
    // A device that nobody is known behind comes twice by search, and once by itself.
    { person: 'device', at: '2026-02-05T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'boots' },
    { person: 'device', at: '2026-02-07T10:00:00Z', medium: 'cpc', source: 'google', campaign: 'boots' },
    { person: 'device', at: '2026-02-08T10:00:00Z' },
  ])
  const merge = { loser: personNamed('cleo2'), winner: personNamed('cleo'), undone: 0, version: 1 }
  await town.ground.history.insert('identity.merged', [merge], 'merge')
  await measurement.buildNow()
})
afterAll(() => town.close())

const counted = (...persons: number[]) => [...persons, ...Array.from({ length: 11 - persons.length }, () => 0)]

test('messages that arrived and visits are contacts, each person counts once, whatever their ids', async () => {
  const sums = await measurement.contacts(period, [])
  const of = (channel: string) => sums.channels.find((row) => row.channel === channel)
  expect(of('email')).toMatchObject({ persons: 3, contacts: 6, responded: 2, devices: 0, byCount: counted(1, 1, 1) })
  expect(of('letter')).toMatchObject({ persons: 1, contacts: 1 })
  expect(of('search_generic')).toMatchObject({ persons: 1, contacts: 2, devices: 1, byCount: counted(0, 1) })
  expect(of('direct')).toMatchObject({ persons: 1, contacts: 1 })
  // Who came by herself was not reached by us.
  expect(sums.all).toEqual({ persons: 4, contacts: 9, responded: 3, devices: 1, byCount: counted(1, 2, 0, 1) })
  const sale = sums.campaigns.find((row) => row.channel === 'email' && row.campaign.toLowerCase() === 'sale')
  expect(sale).toMatchObject({ persons: 1, contacts: 2, responded: 0 })
})

test('days tell for how many persons the contact was the first; sets tell who was met where', async () => {
  const { days, sets } = await measurement.contacts(period, [])
  expect(days.filter((row) => row.channel === 'email')).toEqual([
    { channel: 'email', day: '2026-02-02', contacts: 4, first: 3 },
    { channel: 'email', day: '2026-02-09', contacts: 1, first: 0 },
    { channel: 'email', day: '2026-02-16', contacts: 1, first: 0 },
  ])
  expect(days.filter((row) => row.channel === '').reduce((sum, row) => sum + row.first, 0)).toBe(4)
  expect(sets.find((row) => row.channels.join() === 'email,letter')?.persons).toBe(1)
})

test('channels whose figures come from elsewhere stay out of the sum of all', async () => {
  const { all, channels } = await measurement.contacts(period, ['search_generic'])
  expect(all).toMatchObject({ persons: 3, contacts: 7, devices: 0 })
  expect(channels.map((row) => row.channel)).toContain('search_generic')
})
