import { expect, test } from 'vitest'
import { instantIn, nextAllowed } from './zone.ts'

const at = (zone: string, local: string, which: 'first' | 'last' = 'first') =>
  instantIn(zone, Date.parse(`${local}Z`), which)
    .toISOString()
    .replace(':00.000Z', 'Z')

test('wall-clock times that are missing or doubled get the instants of the specification', () => {
  expect(at('Europe/Berlin', '2027-03-28T02:30')).toBe('2027-03-28T01:30Z')
  expect(at('Europe/Berlin', '2026-10-25T02:30')).toBe('2026-10-25T00:30Z')
  expect(at('Europe/Berlin', '2026-10-25T02:30', 'last')).toBe('2026-10-25T01:30Z')
  expect(at('America/New_York', '2027-03-14T02:30')).toBe('2027-03-14T07:30Z')
  expect(at('America/New_York', '2027-11-07T01:30')).toBe('2027-11-07T05:30Z')
  expect(at('America/New_York', '2027-11-07T01:30', 'last')).toBe('2027-11-07T06:30Z')
  expect(at('Australia/Lord_Howe', '2027-04-04T01:45')).toBe('2027-04-03T14:45Z')
  expect(at('Australia/Lord_Howe', '2027-04-04T01:45', 'last')).toBe('2027-04-03T15:15Z')
  expect(at('Australia/Lord_Howe', '2027-10-03T02:15')).toBe('2027-10-02T15:45Z')
  expect(at('Asia/Kathmandu', '2027-03-28T08:00')).toBe('2027-03-28T02:15Z')
  expect(at('Asia/Ho_Chi_Minh', '2027-03-28T08:00')).toBe('2027-03-28T01:00Z')
  expect(at('Pacific/Kiritimati', '2027-01-01T00:00')).toBe('2026-12-31T10:00Z')
})

test.each([
  ['spring', '2027-03-27T20:00:00Z', '2027-03-28T06:00:00Z'],
  ['autumn', '2026-10-24T19:00:00Z', '2026-10-25T07:00:00Z'],
])('the quiet night of the %s clock change in Berlin begins and ends at the right instants', (_, begins, ends) => {
  const hours = { zone: 'Europe/Berlin', from: '08:00', until: '21:00' }
  const just = (instant: string, seconds: number) => new Date(Date.parse(instant) + seconds * 1000)
  expect(nextAllowed(hours, just(begins, -1))).toEqual(just(begins, -1))
  expect(nextAllowed(hours, new Date(begins))).toEqual(new Date(ends))
  expect(nextAllowed(hours, just(ends, -1))).toEqual(new Date(ends))
  expect(nextAllowed(hours, new Date(ends))).toEqual(new Date(ends))
})

test('allowed hours across midnight hold on both sides of it', () => {
  const hours = { zone: 'Europe/Berlin', from: '22:00', until: '06:00' }
  expect(nextAllowed(hours, new Date('2026-03-02T22:30:00Z'))).toEqual(new Date('2026-03-02T22:30:00Z'))
  expect(nextAllowed(hours, new Date('2026-03-02T04:30:00Z'))).toEqual(new Date('2026-03-02T04:30:00Z'))
  expect(nextAllowed(hours, new Date('2026-03-02T12:00:00Z'))).toEqual(new Date('2026-03-02T21:00:00Z'))
})
