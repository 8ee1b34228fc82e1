import {
  type Clustering,
  clusterLinks,
  evidenceOf,
  type LinkageModel,
  type Links,
  levelOf,
  type MayJoin,
  strongestFirst,
} from '@einklang/stats'
import type { Conflict, Guard } from './guard.ts'
import type { Prepared } from './pipeline.ts'
import { readerOf } from './records.ts'

export type ClusterSettings = {
  guard: boolean
  /** Above this size a join needs links between half of its records. */
  maxSize: number
  /** Each record joins at most one of another input. */
  oneToOne: boolean
  /** Features of which a person has one value. */
  unique: string[]
  /** Numbers of inputs without duplicates of their own. */
  duplicateFree: number[]
}

/** Clusters up to `strict` records tolerate no contradiction, larger ones `share` of their pairs; `against` = bits a join may have against it on average. */
/**
 * A link joins only with this many bits above its threshold: each record is compared with many others, so links just
 * above it are those that chance made, and a wrong join costs more than a missed one.
 */
export const margin = 3

export const tolerance = { strict: 9, share: 0.2, against: -2, rival: 2, sure: 9, outvoted: 20, density: 0.5 }

/** What speaks for or against any two records, also pairs that no rule found. */
export type Judge = {
  /** Posterior odds in bits that they are one person. */
  weight(one: number, other: number): number
  /** Evidence in bits against one person, if any: for strangers, or for a family. */
  against(one: number, other: number): number
  /** Evidence of one comparison alone; `missing` where the data has none of that name. */
  of(comparison: string, missing?: number): (one: number, other: number) => number
}

/** Evidence in bits of any pair, field by field. */
export function judgeOf({ records, comparisons, rarities }: Prepared, model: LinkageModel): Judge {
  const feature = readerOf(records)
  const { match, family } = evidenceOf(model)
  const fields = comparisons.map((comparison, at) => {
    const level = levelOf(comparison, feature)
    const rare = [undefined, ...comparison.levels.map(({ rarity }) => rarity)].map((name) => {
      const values = name === undefined ? undefined : rarities.get(name)
      const of = name === undefined ? undefined : records.features.get(name)?.of
      if (!values || !of) return null
      return (one: number, other: number) =>
        Math.min(values[of[one] as number] as number, values[of[other] as number] as number)
    })
    return {
      level,
      match: match[at] as number[],
      family: family[at] as number[],
      kin: comparison.kin,
      shared: comparison.shared,
      rarity: (one: number, other: number, level: number) => rare[level]?.(one, other) ?? 0,
    }
  })
  const prior = Math.log2(model.matchShare)
  const strangers = Math.max(0.01, 1 - model.matchShare - model.familyShare)
  const alone = 1 - fields.reduce((sum, { kin = 0 }) => sum + kin, 0)
  return {
    of(name, missing = -10) {
      const at = comparisons.findIndex((comparison) => comparison.name === name)
      const field = fields[at]
      return field === undefined ? () => missing : (one, other) => field.match[field.level(one, other)] as number
    },
    weight(one, other) {
      let [same, shared, akin] = [0, 0, alone]
      for (const field of fields) {
        const level = field.level(one, other)
        const rarity = level === 0 ? 0 : field.rarity(one, other, level)
        const bits = (field.match[level] as number) + rarity
        same += bits
        if (field.shared) shared += (field.family[level] as number) + rarity
        else if (field.kin !== undefined) akin += field.kin * 2 ** Math.min(60, bits)
      }
      return prior + same - Math.log2(strangers + model.familyShare * 2 ** Math.min(200, shared + Math.log2(akin)))
    },
    against(one, other) {
      let [bits, personal] = [0, 0]
      for (const { level, match, family } of fields) {
        const found = level(one, other)
        const same = match[found] as number
        bits += same
        personal += same - (family[found] as number)
      }
      return Math.min(0, bits, personal)
    },
  }
}

/** Joins strongest first; a join is refused where members of both sides contradict each other. */
export function clusterRecords(given: {
  prepared: Prepared
  links: Links
  least: number
  guard: Guard
  judge: Judge
  settings: ClusterSettings
  /** Did people say that two records are different? */
  apart?: (one: number, other: number) => boolean
  /** Records known to be one person, whatever their fields say. */
  certain?: [number, number][]
  /** Higher thresholds, falling, whose clusters are wanted too. */
  marks?: number[]
}): Clustering {
  const { prepared, links, least, guard, settings, judge, apart } = given
  const { records } = prepared
  const uniques = settings.unique.map((name) => readerOf(records)(name))
  const single = new Set(settings.duplicateFree)
  const phone = judge.of('phone', 0)
  const rivals = rivalsOf(records.count, links, least)
  // The same members meet again with each link between their clusters.
  const verdicts = new Map<number, { conflict: Conflict | null; against: number }>()
  const verdictOn = (a: number, b: number) => {
    const key = a < b ? a * records.count + b : b * records.count + a
    const known = verdicts.get(key)
    if (known) return known
    const verdict = { conflict: guard.between(a, b), against: judge.against(a, b) }
    if (verdicts.size >= 500_000) verdicts.clear()
    verdicts.set(key, verdict)
    return verdict
  }
  /** A record that fits two people who contradict each other about equally well belongs to neither for sure. */
  const ambiguous = (link: number, one: number[], other: number[], homeOf: (record: number) => number[]) => {
    // What agrees this well is decided by itself.
    if ((links.weight[link] as number) >= tolerance.sure) return false
    const [left, right] = [links.left[link] as number, links.right[link] as number]
    const weight = (links.weight[link] as number) - tolerance.rival
    const fits = (single: number, home: number[], target: number[]) => {
      if (home.length > 2) return false
      for (const rival of rivals.of(single)) {
        if ((links.weight[rival] as number) < weight) break
        const third = (links.left[rival] === single ? links.right[rival] : links.left[rival]) as number
        if (target.includes(third) || home.includes(third)) continue
        if (verdictOn(third, single).conflict !== null) continue
        const rivals = someOf(homeOf(third))
        if (someOf(target).some((member) => rivals.some((rival) => verdictOn(rival, member).conflict !== null)))
          return true
      }
      return false
    }
    return fits(one.includes(left) ? left : right, one, other) || fits(other.includes(left) ? left : right, other, one)
  }
  const densityOf = (members: number[]) => {
    const linked = members.map((a, at) => members.slice(at + 1).filter((b) => judge.weight(a, b) >= least).length)
    return linked.reduce((sum, count) => sum + count, 0) / ((members.length * (members.length - 1)) / 2)
  }
  const mayJoin: MayJoin = (link, one, other, homeOf) => {
    const size = one.length + other.length
    if (settings.oneToOne || single.size > 0) {
      const inputs = new Set(one.map((record) => records.input[record] as number))
      const clash = other.some((record) => {
        const input = records.input[record] as number
        return inputs.has(input) && (settings.oneToOne || single.has(input))
      })
      if (clash) return settings.oneToOne ? 'one_to_one' : 'duplicate_free'
    }
    for (const value of uniques) {
      if (one.some((a) => other.some((b) => value(a) !== '' && value(b) !== '' && value(a) !== value(b))))
        return 'unique_conflict'
    }
    if (size > settings.maxSize && densityOf(someOf([...one, ...other])) < tolerance.density) return 'size'
    if (apart && one.some((a) => other.some((b) => apart(a, b)))) {
      return 'negative_edge'
    }
    if (settings.guard) {
      // Colleagues behind one mailbox share a telephone too: without it the link must stand.
      const [left, right] = [links.left[link] as number, links.right[link] as number]
      if (guard.sharedContact(left, right)) {
        const without = (links.weight[link] as number) - Math.max(0, phone(left, right))
        if (without < least + margin) return 'shared_contact'
      }
      let conflicts = 0
      let reason: string | null = null
      let against = 0
      const [ours, theirs] = [someOf(one), someOf(other)]
      for (const a of ours) {
        for (const b of theirs) {
          const found = verdictOn(a, b)
          if (found.conflict) {
            conflicts++
            reason ??= found.conflict
          }
          against += found.against
        }
      }
      const pairs = ours.length * theirs.length
      const outvoted = conflicts * 3 <= pairs && (links.weight[link] as number) >= tolerance.outvoted
      if (reason !== null && !outvoted && (size <= tolerance.strict || conflicts > tolerance.share * pairs))
        return reason
      if (against < tolerance.against * pairs) return 'contradiction'
      if (ambiguous(link, one, other, homeOf)) return 'ambiguous'
    }
    return null
  }
  const marks = (given.marks ?? []).map((mark) => mark + margin)
  return clusterLinks(records.count, links, least + margin, mayJoin, given.certain, marks)
}

/** Members enough to judge a cluster by; large ones would cost the square of their size. */
function someOf(members: number[]): number[] {
  if (members.length <= 15) return members
  return Array.from({ length: 15 }, (_, at) => members[Math.floor((at * members.length) / 15)] as number)
}

type Rivals = { of(record: number): Uint32Array }

/** Links of each record from `least` on, strongest first; made once for all thresholds. */
function rivalsOf(records: number, links: Links, least: number): Rivals {
  const { left, right } = links
  const order = strongestFirst(links, least - tolerance.rival)
  const start = new Uint32Array(records + 1)
  for (const link of order) {
    for (const record of [left[link] as number, right[link] as number])
      start[record + 1] = (start[record + 1] as number) + 1
  }
  for (let record = 0; record < records; record++)
    start[record + 1] = (start[record + 1] as number) + (start[record] as number)
  const next = start.slice()
  const lists = new Uint32Array(order.length * 2)
  for (const link of order) {
    for (const record of [left[link] as number, right[link] as number]) {
      const at = next[record] as number
      lists[at] = link
      next[record] = at + 1
    }
  }
  return { of: (record) => lists.subarray(start[record], start[record + 1]) }
}
