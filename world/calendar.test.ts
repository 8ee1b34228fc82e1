import { expect, test } from 'vitest'
import { createCalendar, easter, fromBerlin, germanTime, iso, isoWeek, localDate, repeatedHours } from './calendar.ts'
import { purposeOf, Stream } from './chance.ts'
import { startOfDemo } from './index.ts'
import { defaultStart } from './setting.ts'

const calendar = createCalendar(defaultStart().getTime(), 104, {
  stream: new Stream(),
  weather: purposeOf(7, 'world', 'weather'),
})
const dayIndex = (date: string): number => Math.round((Date.parse(date) - Date.parse('2024-01-01')) / 86_400_000)

test('Easter falls where it fell', () => {
  expect([2024, 2025, 2026, 2038].map((year) => new Date(easter(year)).toISOString().slice(5, 10))).toEqual([
    '03-31',
    '04-20',
    '04-05',
    '04-25',
  ])
})

test('stores are closed on Sundays and holidays of the region, and open on a few Sundays', () => {
  for (const date of ['2024-01-01', '2024-03-29', '2024-05-30', '2024-10-03', '2024-11-01', '2025-12-26', '2024-02-11'])
    expect([date, calendar.open[dayIndex(date)]]).toEqual([date, 0])
  for (const date of ['2024-01-02', '2024-02-29', '2024-12-24', '2024-11-03'])
    expect([date, calendar.open[dayIndex(date)]]).toEqual([date, 1])
})

test('days are local: the clock changes twice a year', () => {
  const lengths = Array.from(
    { length: calendar.days },
    (_, index) => ((calendar.midnight[index + 1] as number) - (calendar.midnight[index] as number)) / 3_600_000,
  )
  expect(lengths.filter((hours) => hours === 23).length).toBe(2)
  expect(lengths.filter((hours) => hours === 25).length).toBe(2)
  expect(repeatedHours(calendar).map(iso)).toEqual(['2024-10-27T01:00:00.000Z', '2025-10-26T01:00:00.000Z'])
})

test('instants are written as local and as universal time', () => {
  expect(germanTime(Date.parse('2025-03-30T00:59:59Z'))).toBe('30.03.2025 01:59:59')
  expect(germanTime(Date.parse('2025-03-30T01:00:00Z'))).toBe('30.03.2025 03:00:00')
  expect(localDate(Date.parse('2024-06-30T22:30:00Z'))).toBe('2024-07-01')
  expect(iso(Date.parse('2024-02-29T23:59:59.007Z') + 0.4)).toBe('2024-02-29T23:59:59.007Z')
  expect(isoWeek(Date.parse('2024-12-30T12:00:00Z'))).toBe('2025-W01')
  expect(new Date(fromBerlin(Date.UTC(2024, 6, 1))).toISOString()).toBe('2024-06-30T22:00:00.000Z')
})

test('the demo starts so that its week 104 contains the present', () => {
  for (const now of ['2026-11-22T10:00:00Z', '2026-11-22T23:30:00Z', '2026-03-29T12:00:00Z', '2025-12-31T22:59:00Z']) {
    const start = startOfDemo(new Date(now), 'S')
    const frame = createCalendar(start.getTime(), 104, {
      stream: new Stream(),
      weather: purposeOf(1, 'world', 'weather'),
    })
    expect(germanTime(start.getTime()).slice(11)).toBe('00:00:00')
    expect(frame.midnight[103 * 7]).toBeLessThanOrEqual(Date.parse(now))
    expect(frame.midnight[104 * 7]).toBeGreaterThan(Date.parse(now))
  }
})
