import { dayIn } from '@einklang/platform'
import { refused } from './sayings.ts'

/** Inclusive days in the zone of the house. */
export type Period = { from: string; to: string }

const usualDays = 90

/** Orders count this long after a person was assigned to an arm. */
export const outcomeDays = 28

/** Fills a period that was left open (the last 90 days) and refuses one that runs backwards. */
export function periodOf(
  given: { from?: string | undefined; to?: string | undefined },
  now: Date,
  timeZone: string,
): Period {
  const to = given.to ?? dayIn(now, timeZone)
  const from = given.from ?? addDays(to, 1 - usualDays)
  if (from > to) {
    throw refused(400, 'period_backwards', { at: 'from', given: { from, to } })
  }
  return { from, to }
}

export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}

/** The Monday of the week. */
export function mondayOf(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay()
  return addDays(day, -((weekday + 6) % 7))
}

/** Every Monday from the week of `from` to the week of `to`. */
export function weeksOf(period: Period): string[] {
  const weeks: string[] = []
  for (let monday = mondayOf(period.from); monday <= period.to; monday = addDays(monday, 7)) weeks.push(monday)
  return weeks
}
