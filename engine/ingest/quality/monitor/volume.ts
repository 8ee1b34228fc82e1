import { hour, minute, type Noise, noiseAt, type Usual } from './usual.ts'

/** Windows that are looked at each minute, in minutes; the first that is sure opens the alarm. */
export const windows = [5, 15, 60] as const

export type Deviation = {
  windowMinutes: number
  observed: number
  usual: number
  /** Robust z: negative = too few. */
  z: number
}

export type VolumeQuestion = {
  /** A full minute, ms; the windows end there. */
  at: number
  /** Items of the last 5, 15 and 60 minutes. */
  counted: readonly [number, number, number]
  usual: (hourStart: number) => Usual
  noise: Noise | null
  holiday: boolean
}

const fewest = 20
const holidaySpread = 0.35

/** How far each window is from what is usual; windows in which too little is expected are left out. */
export function deviations(question: VolumeQuestion): Deviation[] {
  return windows.flatMap((length, index) => {
    const observed = question.counted[index] ?? 0
    const { low, high, spread } = expected(question, length)
    const usual = observed < low ? low : Math.min(high, Math.max(observed, low))
    const compared = observed > high ? high : usual
    if (compared < fewest) return []
    const chance = Math.sqrt(compared * noiseAt(question.noise, (compared * 60) / length))
    const deviation = Math.max(chance, spread, question.holiday ? holidaySpread * compared : 0)
    return [{ windowMinutes: length, observed, usual: compared, z: (observed - compared) / deviation }]
  })
}

/**
 * What a window may hold. Inside an hour nobody knows when in it a store opens: only a count below what the quieter of
 * the touched and neighbouring hours brings is too low, only one above the busier is too high.
 */
function expected(question: VolumeQuestion, length: number): { low: number; high: number; spread: number } {
  const { at, usual } = question
  const start = at - length * minute
  const whole = at % hour === 0 && length === 60
  const first = Math.floor(start / hour) * hour - (whole || length === 60 ? 0 : hour)
  const last = whole ? first : Math.floor(at / hour) * hour + (length === 60 ? 0 : hour)
  const share = length / 60
  let low = Number.POSITIVE_INFINITY
  let high = 0
  let spread = 0
  for (let at = first; at <= last; at += hour) {
    const here = usual(at)
    low = Math.min(low, here.items * share)
    high = Math.max(high, here.items * share)
    spread = Math.max(spread, here.spread * share)
  }
  return { low, high, spread }
}

/** More than this many robust deviations away, and by an amount that matters. */
export function isAlarming(deviation: Deviation, limit: number): boolean {
  const { z, observed, usual } = deviation
  return z < 0 ? -z > limit && observed <= 0.7 * usual : z > limit && observed >= 2 * usual
}

/** Back to normal: the widest window that can tell is close to what is usual. Null = none can tell now. */
export function isNormal(found: readonly Deviation[]): boolean | null {
  const widest = found.at(-1)
  if (!widest) return null
  return Math.abs(widest.z) < 2.5 || (widest.observed > 0.8 * widest.usual && widest.observed < 1.6 * widest.usual)
}
