import { type Filters, useFilters } from '../../shell/filters.ts'

/** The day so many days earlier; days are plain dates, so this counts in UTC. */
export function dayBefore(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - days)
  return date.toISOString().slice(0, 10)
}

const day = /^\d{4}-\d{2}-\d{2}$/

export function periodOf(filters: Filters): { from?: string; to?: string } {
  return {
    ...(filters.from !== undefined && day.test(filters.from) ? { from: filters.from } : {}),
    ...(filters.to !== undefined && day.test(filters.to) ? { to: filters.to } : {}),
  }
}

/** The period of the address; without one the server takes the last 90 days. */
export function usePeriod(): { from?: string; to?: string } {
  const [filters] = useFilters()
  return periodOf(filters)
}
