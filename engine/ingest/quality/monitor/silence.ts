import { hour, minute, type Usual } from './usual.ts'

/** How surprising a silence is. */
export type Silence = {
  /** Minus the logarithm of its chance, were each minute as usual. */
  nats: number
  /** Minutes of it in which something usually comes: a till's opening hours. */
  awakeMinutes: number
}

const surest = 119 / 120

/**
 * Counts a silence by what is usual at its hours, so that the night of a shop is no silence. `lastAt` and `at` are full
 * minutes. Of an hour that is only partly silent nobody knows when in it a store opens or closes: the quieter of it and
 * its neighbours counts.
 */
export function silenceOf(lastAt: number, at: number, usual: (hourStart: number) => Usual): Silence {
  const found: Silence = { nats: 0, awakeMinutes: 0 }
  for (let from = lastAt + minute; from < at; ) {
    const start = Math.floor(from / hour) * hour
    const until = Math.min(at, start + hour)
    const minutes = (until - from) / minute
    const here = usual(start).minutes
    const active = minutes === 60 ? here : Math.min(here, usual(start - hour).minutes, usual(start + hour).minutes)
    found.nats += minutes * -Math.log(1 - Math.min(active / 60, surest))
    if (active >= 1) found.awakeMinutes += minutes
    from = until
  }
  return found
}

/** Silences of the past by their surprise: how many of 0, 1, 2 … nats. */
export type Gaps = number[]
const mostNats = 80

export function noteGap(gaps: Gaps, nats: number): Gaps {
  const at = Math.min(mostNats, Math.floor(nats))
  const next = Array.from({ length: Math.max(gaps.length, at + 1) }, (_, index) => gaps[index] ?? 0)
  next[at] = (next[at] ?? 0) + 1
  return next
}

/**
 * The source's own limit, in nats: its 99.9th percentile, with a margin because one silence in a thousand is no
 * trouble yet, and at least what chance alone would bring once in twenty months.
 */
export function silenceLimit(gaps: Gaps, activeMinutesAMonth: number): number {
  const chance = Math.log(20 * Math.max(50, activeMinutesAMonth))
  const total = gaps.reduce((sum, count) => sum + count, 0)
  if (total < 50) return 1.5 * chance
  let above = 0
  let own = gaps.length
  while (own > 0 && above + (gaps[own - 1] ?? 0) <= total / 1000) above += gaps[--own] ?? 0
  return Math.max(chance, 1.3 * own)
}

/** Minutes of silence after which the alarm would come, counted from `at`; null = nothing is expected within a day. */
export function minutesUntil(limit: number, at: number, usual: (hourStart: number) => Usual): number | null {
  for (let minutes = 1; minutes <= 24 * 60; minutes++) {
    if (silenceOf(at - minute, at + minutes * minute, usual).nats > limit) return minutes
  }
  return null
}
