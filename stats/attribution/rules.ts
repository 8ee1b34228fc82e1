import type { Credit, Paths } from './paths.ts'

/**
 * A rule says which share of a conversion each touch of its path gets. It writes the shares of row `row` into
 * `shares[0 … length)`; they sum to 1.
 */
export type Rule = (paths: Paths, row: number, shares: Float64Array) => void

/** All credit to the touch that began the path. */
export const firstTouch: Rule = (paths, row, shares) => {
  shares.fill(0, 0, lengthOf(paths, row))
  shares[0] = 1
}

/** All credit to the touch just before the conversion. */
export const lastTouch: Rule = (paths, row, shares) => {
  const length = lengthOf(paths, row)
  shares.fill(0, 0, length)
  shares[length - 1] = 1
}

/**
 * All credit to the last touch that is not one of the `direct` channels ("came by herself"); a path of nothing but
 * direct touches credits its last one.
 */
export function lastNonDirect(paths: Paths, direct: readonly string[]): Rule {
  const isDirect = paths.channels.map((name) => direct.includes(name))
  return (of, row, shares) => {
    const start = of.offsets[row] as number
    const length = lengthOf(of, row)
    shares.fill(0, 0, length)
    let last = length - 1
    while (last > 0 && isDirect[of.touches[start + last] as number]) last--
    if (isDirect[of.touches[start + last] as number]) last = length - 1
    shares[last] = 1
  }
}

/** Every touch gets the same. */
export const linear: Rule = (paths, row, shares) => {
  const length = lengthOf(paths, row)
  shares.fill(1 / length, 0, length)
}

/** Shares of the first touch, the lead touch (where interest became known), the last, and all others together. */
export type PositionShares = { first: number; lead: number; last: number; others: number }
/** 40 % first, 40 % last, 20 % between. */
export const uShape: PositionShares = { first: 0.4, lead: 0, last: 0.4, others: 0.2 }
/** 30 % first, 30 % lead, 30 % last, 10 % between. */
export const wShape: PositionShares = { first: 0.3, lead: 0.3, last: 0.3, others: 0.1 }

/**
 * Position-based credit. A part that a short path does not have is left out and the rest scaled up, so shares sum
 * to 1. `leads` gives the lead touch of each row; without it the touch half-way stands in for it.
 */
export function position(parts: PositionShares, leads: Int32Array | null = null): Rule {
  return (paths, row, shares) => {
    const length = lengthOf(paths, row)
    shares.fill(0, 0, length)
    const last = length - 1
    const lead = leads === null ? Math.floor(length / 2) : (leads[row] as number)
    const hasLead = parts.lead > 0 && lead > 0 && lead < last
    const between = Math.max(0, length - 2 - (hasLead ? 1 : 0))
    if (between > 0) shares.fill(parts.others / between, 0, length)
    shares[0] = parts.first
    if (hasLead) shares[lead] = parts.lead
    shares[last] = length === 1 ? parts.first + parts.last : parts.last
    let sum = 0
    for (let touch = 0; touch < length; touch++) sum += shares[touch] as number
    if (sum <= 0) shares.fill(1 / length, 0, length)
    else for (let touch = 0; touch < length; touch++) shares[touch] = (shares[touch] as number) / sum
  }
}

/**
 * Recent touches count more: weight halves every `halfLifeDays` before the conversion. Without times each step
 * back counts as one day.
 */
export function timeDecay(halfLifeDays: number): Rule {
  return (paths, row, shares) => {
    const start = paths.offsets[row] as number
    const length = lengthOf(paths, row)
    const newest = paths.ages === null ? 0 : (paths.ages[start + length - 1] as number)
    let sum = 0
    for (let touch = 0; touch < length; touch++) {
      const age = paths.ages === null ? length - 1 - touch : (paths.ages[start + touch] as number) - newest
      const weight = 2 ** (-age / halfLifeDays)
      shares[touch] = weight
      sum += weight
    }
    for (let touch = 0; touch < length; touch++) shares[touch] = (shares[touch] as number) / sum
  }
}

/** Adds up the shares of a rule over all conversions. O(touches). Rows without a touch are left out. */
export function creditByRule(paths: Paths, rule: Rule): Credit {
  const credit = {
    conversions: new Float64Array(paths.channels.length),
    values: new Float64Array(paths.channels.length),
  }
  const shares = new Float64Array(longestPath(paths))
  for (let row = 0; row < paths.conversions.length; row++) {
    const conversions = paths.conversions[row] as number
    const value = paths.values[row] as number
    const start = paths.offsets[row] as number
    const end = paths.offsets[row + 1] as number
    if ((conversions === 0 && value === 0) || start === end) continue
    rule(paths, row, shares)
    for (let at = start; at < end; at++) {
      const share = shares[at - start] as number
      if (share === 0) continue
      const channel = paths.touches[at] as number
      credit.conversions[channel] = (credit.conversions[channel] as number) + share * conversions
      credit.values[channel] = (credit.values[channel] as number) + share * value
    }
  }
  return credit
}

function lengthOf(paths: Paths, row: number): number {
  return (paths.offsets[row + 1] as number) - (paths.offsets[row] as number)
}

function longestPath(paths: Paths): number {
  let longest = 1
  for (let row = 0; row < paths.conversions.length; row++) longest = Math.max(longest, lengthOf(paths, row))
  return longest
}
