import type { Purpose, Stream } from './chance.ts'

export const hour = 3_600_000
export const day = 24 * hour
export const week = 7 * day

/** Instants as milliseconds UTC; days and weeks are counted in the retailer's zone (Europe/Berlin) from `start`. */
export type Calendar = {
  /** The Monday, 00:00 local, in milliseconds UTC. */
  start: number
  weeks: number
  days: number
  /** Local midnight of each day in UTC, one more than there are days. */
  midnight: Float64Array
  /** Store opening: 0 closed, 1 open; per day. */
  open: Uint8Array
  holiday: Uint8Array
  /** Mean temperature (°C) and rain (mm) of each day. */
  temperature: Float64Array
  rain: Float64Array
}

/** Last Sunday of a month at 01:00 UTC: when Europe changes its clocks. */
function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0))
  return Date.UTC(year, month, last.getUTCDate() - last.getUTCDay(), 1)
}

const changes = new Map<number, readonly [number, number]>()
function changesOf(year: number): readonly [number, number] {
  let pair = changes.get(year)
  if (!pair) {
    pair = [lastSunday(year, 2), lastSunday(year, 9)]
    changes.set(year, pair)
  }
  return pair
}

const meanYear = 31_556_952_000
const summers: { from: number; until: number }[] = []
for (let year = 1970; year < 2120; year++) {
  const [from, until] = changesOf(year)
  summers.push({ from, until })
}

/** Offset of Berlin from UTC at an instant, in milliseconds. */
export function berlinOffset(utc: number): number {
  // The mean year may be one off at New Year's: then both answers are winter.
  const summer = summers[Math.floor(utc / meanYear)]
  return summer !== undefined && utc >= summer.from && utc < summer.until ? 2 * hour : hour
}

/** The instant of a local wall time given as if it were UTC; of a repeated hour the first. */
export function fromBerlin(local: number): number {
  const guess = local - hour
  return guess - (berlinOffset(guess - hour) - hour)
}

/** End of summer time within the frame, as instants: the hour after each repeats the hour before. */
export function repeatedHours(calendar: Calendar): number[] {
  const found: number[] = []
  for (let year = new Date(calendar.start).getUTCFullYear(); changesOf(year)[0] < endOf(calendar); year++) {
    const end = changesOf(year)[1]
    if (end > calendar.start && end < endOf(calendar)) found.push(end)
  }
  return found
}

export function endOf(calendar: Calendar): number {
  return calendar.midnight[calendar.days] as number
}

/** Sunday of Easter (the anonymous Gregorian computus, as given by Meeus). */
export function easter(year: number): number {
  const golden = year % 19
  const century = Math.floor(year / 100)
  const rest = year % 100
  const correction = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3)
  const epact = (19 * golden + century - Math.floor(century / 4) - correction + 15) % 30
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor(rest / 4) - epact - (rest % 4)) % 7
  const late = Math.floor((golden + 11 * epact + 22 * weekday) / 451)
  const day114 = epact + weekday - 7 * late + 114
  return Date.UTC(year, Math.floor(day114 / 31) - 1, (day114 % 31) + 1)
}

/** Public holidays of North Rhine-Westphalia. */
function holidaysOf(year: number): number[] {
  const sunday = easter(year)
  const fixed = [
    [0, 1],
    [4, 1],
    [9, 3],
    [10, 1],
    [11, 25],
    [11, 26],
  ].map(([month, date]) => Date.UTC(year, month as number, date))
  return [...fixed, ...[-2, 1, 39, 50, 60].map((shift) => sunday + shift * day)]
}

export function createCalendar(start: number, weeks: number, needs: { stream: Stream; weather: Purpose }): Calendar {
  const days = weeks * 7
  const midnight = new Float64Array(days + 1)
  const open = new Uint8Array(days)
  const holiday = new Uint8Array(days)
  const temperature = new Float64Array(days)
  const rain = new Float64Array(days)
  const localStart = start + berlinOffset(start)
  const holidays = new Set<number>()
  for (
    let year = new Date(localStart).getUTCFullYear();
    year <= new Date(localStart + days * day).getUTCFullYear();
    year++
  )
    for (const at of holidaysOf(year)) holidays.add(at)
  for (let index = 0; index <= days; index++) midnight[index] = fromBerlin(localStart + index * day)
  const stream = needs.stream.open(needs.weather, 0)
  let deviation = 0
  for (let index = 0; index < days; index++) {
    const local = localStart + index * day
    holiday[index] = holidays.has(local) ? 1 : 0
    const date = new Date(local)
    // A few open Sundays: the first of May's, September's, November's and December's market weekends.
    const openSunday = date.getUTCDay() === 0 && date.getUTCDate() <= 7 && [3, 8, 10, 11].includes(date.getUTCMonth())
    open[index] = holiday[index] === 0 && (date.getUTCDay() !== 0 || openSunday) ? 1 : 0
    deviation = 0.72 * deviation + 2.4 * stream.normal()
    const ofYear = (local - Date.UTC(date.getUTCFullYear(), 0, 1)) / day
    temperature[index] = 10.4 - 8.2 * Math.cos((2 * Math.PI * (ofYear - 17)) / 365.25) + deviation
    rain[index] = stream.happens(0.47) ? stream.exponential(0.22) : 0
  }
  return { start, weeks, days, midnight, open, holiday, temperature, rain }
}

/** Index of the local day of an instant (may lie outside the frame). */
export function dayOf(calendar: Calendar, at: number): number {
  return Math.floor((at + berlinOffset(at) - calendar.start - berlinOffset(calendar.start)) / day)
}

export function weekOf(calendar: Calendar, at: number): number {
  return Math.floor(dayOf(calendar, at) / 7)
}

/** The instant of a day's local second. */
export function instant(calendar: Calendar, dayIndex: number, second: number): number {
  const midnight = calendar.midnight[dayIndex] as number
  const next = calendar.midnight[dayIndex + 1] as number
  if (next - midnight === day) return midnight + Math.floor(second * 1000)
  return fromBerlin(midnight + berlinOffset(midnight) + Math.floor(second * 1000))
}

const two = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'))
const three = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, '0'))
let isoDay = Number.NaN
let isoText = ''
let germanDay = Number.NaN
let germanText = ''

const dates = new Map<number, string>()

function dateText(epochDay: number): string {
  let text = dates.get(epochDay)
  if (text === undefined) {
    text = new Date(epochDay * day).toISOString().slice(0, 10)
    dates.set(epochDay, text)
  }
  return text
}

/** ISO 8601 in UTC with milliseconds (a day's text is remembered: most neighbours share it). */
export function iso(instantAt: number): string {
  const at = Math.floor(instantAt)
  const epochDay = Math.floor(at / day)
  if (epochDay !== isoDay) {
    isoDay = epochDay
    isoText = `${dateText(epochDay)}T`
  }
  const rest = at - epochDay * day
  const seconds = Math.floor(rest / 1000)
  const milliseconds = rest - seconds * 1000
  return `${isoText}${two[Math.floor(seconds / 3600)]}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}.${three[milliseconds]}Z`
}

/** `2025-03-30`, the local date of an instant. */
export function localDate(at: number): string {
  return dateText(Math.floor((at + berlinOffset(at)) / day))
}

/** `30.03.2025 14:05:09`, local. */
export function germanTime(at: number): string {
  const local = at + berlinOffset(at)
  const epochDay = Math.floor(local / day)
  if (epochDay !== germanDay) {
    germanDay = epochDay
    const text = dateText(epochDay)
    germanText = `${text.slice(8, 10)}.${text.slice(5, 7)}.${text.slice(0, 4)} `
  }
  const seconds = Math.floor((local - epochDay * day) / 1000)
  return `${germanText}${two[Math.floor(seconds / 3600)]}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}`
}

/** `30.03.2025`, local. */
export function germanDate(at: number): string {
  return germanTime(at).slice(0, 10)
}

/** Calendar week by ISO 8601 of an instant, as `2025-W05`. */
export function isoWeek(at: number): string {
  const local = Math.floor((at + berlinOffset(at)) / day)
  const thursday = local - ((local + 3) % 7) + 3
  const year = new Date(thursday * day).getUTCFullYear()
  const number = Math.floor((thursday - Date.UTC(year, 0, 1) / day) / 7) + 1
  return `${year}-W${two[number]}`
}

/** The Monday (00:00 in Berlin) such that week `weeks` of the frame contains `now`. */
export function mondayBefore(now: Date, weeks: number): Date {
  const local = Math.floor((now.getTime() + berlinOffset(now.getTime())) / day)
  const monday = local - ((local + 3) % 7)
  return new Date(fromBerlin((monday - (weeks - 1) * 7) * day))
}
