import { easterSunday } from '@einklang/stats'

const hour = 3_600_000
const day = 24 * hour
const formats = new Map<string, Intl.DateTimeFormat>()

/** Local wall time minus UTC, in milliseconds, at an instant. */
export function offsetAt(at: number, zone: string): number {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
  }
  const name = format.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT'
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name)
  if (!match) return 0
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * hour + Number(match[3]) * 60_000)
}

/** The instant with the same wall time some weeks earlier: stores open by the clock on the wall. */
export function weeksBefore(at: number, weeks: number, zone: string): number {
  const then = at - weeks * 7 * day
  return then + offsetAt(at, zone) - offsetAt(then, zone)
}

const on = (month: number, date: number) => (year: number) => Date.UTC(year, month - 1, date)
const easter = (days: number) => (year: number) => easterSunday(year) + days * day
const everywhere = [on(1, 1), easter(-2), easter(1), on(12, 25), on(12, 26)]

/**
 * Public holidays by country, those of single states included: on such a day a store may be closed. Germany, Austria and
 * Switzerland by their holiday laws; elsewhere what Europe shares.
 */
const holidays: { [country: string]: ((year: number) => number)[] } = {
  DE: [
    ...everywhere,
    on(5, 1),
    easter(39),
    easter(50),
    on(10, 3),
    on(1, 6),
    on(3, 8),
    easter(60),
    on(8, 15),
    on(9, 20),
    on(10, 31),
    on(11, 1),
    // The day of repentance, the Wednesday before 23 November: Saxony.
    (year) => Date.UTC(year, 10, 22) - ((new Date(Date.UTC(year, 10, 22)).getUTCDay() + 4) % 7) * day,
  ],
  AT: [
    ...everywhere,
    on(1, 6),
    on(5, 1),
    easter(39),
    easter(50),
    easter(60),
    on(8, 15),
    on(10, 26),
    on(11, 1),
    on(12, 8),
  ],
  CH: [
    ...everywhere,
    on(1, 2),
    on(5, 1),
    easter(39),
    easter(50),
    easter(60),
    on(8, 1),
    on(8, 15),
    on(11, 1),
    on(12, 8),
  ],
}
const known = new Map<string, Set<number>>()

/** Is the local day of this instant a public holiday, in the country or in a part of it? */
export function isHoliday(at: number, zone: string, country: string): boolean {
  const local = new Date(at + offsetAt(at, zone))
  const year = local.getUTCFullYear()
  const key = `${country}${year}`
  let days = known.get(key)
  if (!days) {
    days = new Set((holidays[country] ?? everywhere).map((of) => of(year)))
    known.set(key, days)
  }
  return days.has(Date.UTC(year, local.getUTCMonth(), local.getUTCDate()))
}
