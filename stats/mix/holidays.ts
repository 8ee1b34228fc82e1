import type { MixSpec } from './spec.ts'

const dayMs = 86_400_000

/** Days of the named holidays that fall into the weeks, as milliseconds. */
export function holidayDays(
  holidays: MixSpec['holidays'],
  weeks: readonly string[],
): { name: string; days: number[] }[] {
  if (holidays === undefined) return []
  if (holidays !== 'DE') return holidays.map(({ name, days }) => ({ name, days: days.map((day) => Date.parse(day)) }))
  const first = Number((weeks[0] as string).slice(0, 4))
  const last = Number((weeks.at(-1) as string).slice(0, 4))
  const years = Array.from({ length: last - first + 2 }, (_, index) => first + index)
  return Object.entries(german).map(([name, day]) => ({ name, days: years.map(day) }))
}

const on = (month: number, day: number) => (year: number) => Date.UTC(year, month - 1, day)
const easter = (shift: number) => (year: number) => easterSunday(year) + shift * dayMs

/** Holidays of the whole of Germany, and the two shopping dates that move sales most. */
const german: { [name: string]: (year: number) => number } = {
  'New Year': on(1, 1),
  'Good Friday': easter(-2),
  'Easter Monday': easter(1),
  'Labour Day': on(5, 1),
  'Ascension Day': easter(39),
  'Whit Monday': easter(50),
  'German Unity Day': on(10, 3),
  // The day after the fourth Thursday of November.
  'Black Friday': (year) => {
    const first = Date.UTC(year, 10, 1)
    const toThursday = (4 - new Date(first).getUTCDay() + 7) % 7
    return first + (toThursday + 21 + 1) * dayMs
  },
  'week before Christmas': on(12, 18),
  Christmas: on(12, 25),
}

/** Gauss's Easter rule in the form of Meeus, Jones and Butcher (1876). */
export function easterSunday(year: number): number {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const sum = h + l - 7 * m + 114
  return Date.UTC(year, Math.floor(sum / 31) - 1, (sum % 31) + 1)
}
