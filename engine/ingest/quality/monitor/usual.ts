import { median, robustDeviation } from '@einklang/stats'
import { isHoliday, weeksBefore } from './local-time.ts'

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour
/** No alarm before a source is known for that long. */
export const learningDays = 14
const weeks = [1, 2, 3, 4]

/** What is usual in one hour of the week: items, in how many minutes of it something nearly always comes, spread over the weeks. */
export type Usual = { items: number; minutes: number; spread: number }
export const never: Usual = { items: 0, minutes: 0, spread: 0 }

/** What the monitors know of a source and its streams. */
export type Stream = { zone: string; country: string }

/** The hours that an hour is compared with: same time on the wall in the four weeks before, a holiday only with its like. */
export function comparedHours(at: number, stream: Stream): number[] {
  const here = isHoliday(at, stream.zone, stream.country)
  const hours = weeks.map((back) => weeksBefore(at, back, stream.zone))
  const alike = hours.filter((then) => isHoliday(then, stream.zone, stream.country) === here)
  // Of holidays there is one at best; what a working day would bring is the better guess than nothing, and `volume`
  // and `silence` know that it is one.
  return alike.length > 0 ? alike : hours
}

/** The second quietest week of three and more: what comes nearly always. One week with an outage does not blind us. */
function quieter(minutes: readonly number[]): number {
  const sorted = [...minutes].sort((one, other) => one - other)
  return sorted[sorted.length > 2 ? 1 : 0] ?? 0
}

/** `counts[i]` and `minutes[i]` of the compared hours; a missing row is an hour without items. */
export function usualOf(counts: readonly number[], minutes: readonly number[]): Usual {
  if (counts.length === 0) return never
  return { items: median(counts), minutes: quieter(minutes), spread: counts.length < 3 ? 0 : robustDeviation(counts) }
}

/**
 * How counts vary around what is usual, by level: variance per item at 1, 2, 4, 8 … items an hour, where 1 is pure
 * chance (Poisson) and more means that items come in clusters or that days differ. Taken from the wider of middle and
 * tail, so that the bad hours of ordinary weeks are ordinary. `hours` = how long each span is.
 */
export type Noise = (number | null)[]

export function noiseOf(spans: readonly { items: number; usual: number }[], hours = 1): Noise {
  const levels: number[][] = []
  for (const { items, usual } of spans) {
    if (usual < hours) continue
    const level = Math.floor(Math.log2(usual / hours))
    levels[level] ??= []
    levels[level]?.push(Math.abs(items - usual) / Math.sqrt(usual))
  }
  return Array.from(levels, (away) => {
    if (!away || away.length < 20) return null
    const sorted = away.toSorted((one, other) => one - other)
    const tail = (sorted[Math.floor(sorted.length * 0.975)] as number) / 2.24
    return Math.max(1, 1.4826 * median(away), tail) ** 2
  })
}

/** Variance per item at a level; the nearest known level speaks for one that is not. */
export function noiseAt(noise: Noise | null, perHour: number): number {
  if (!noise || noise.length === 0) return unknownNoise
  const level = Math.max(0, Math.floor(Math.log2(Math.max(1, perHour))))
  for (let away = 0; away <= noise.length; away++) {
    const found = noise[level - away] ?? noise[level + away]
    if (found !== null && found !== undefined) return found
  }
  // The level lies above all that was seen.
  return noise.findLast((one) => one !== null) ?? unknownNoise
}
const unknownNoise = 4
