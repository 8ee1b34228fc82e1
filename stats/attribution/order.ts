import type { Paths } from './paths.ts'

export type OrderChoice = {
  order: number
  /** Mean log-likelihood per step of paths the model has not seen, by order from 1. */
  heldOut: number[]
}

/**
 * How many touches should Markov remember? The order whose chances best foretell the steps of unseen paths: every
 * fifth row is kept aside, five times over. Contexts never seen fall back on shorter ones (interpolated with weight
 * 1 per distinct follower, Witten & Bell 1991). O(cap · touches) per fold.
 */
export function chooseOrder(paths: Paths, cap = 4, folds = 5): OrderChoice {
  const heldOut = new Float64Array(cap)
  let steps = 0
  for (let fold = 0; fold < folds; fold++) {
    const counts = countsOf(paths, cap, (row) => foldOf(row, folds) !== fold)
    for (let row = 0; row < paths.conversions.length; row++) {
      if (foldOf(row, folds) !== fold) continue
      steps += judgeRow(paths, row, counts, cap, heldOut)
    }
  }
  const means = [...heldOut].map((sum) => (steps > 0 ? sum / steps : 0))
  let order = 1
  for (let candidate = 2; candidate <= cap; candidate++) {
    if ((means[candidate - 1] as number) > (means[order - 1] as number)) order = candidate
  }
  return { order, heldOut: means }
}

function foldOf(row: number, folds: number): number {
  return (Math.imul(row + 1, 2654435761) >>> 0) % folds
}

/** Followers of a context: how often each came, how many came, how many different. */
type Context = { total: number; distinct: number; of: Map<number, number> }
type Counts = Map<number, Context>[]

function countsOf(paths: Paths, cap: number, learns: (row: number) => boolean): Counts {
  const counts: Counts = Array.from({ length: cap + 1 }, () => new Map())
  for (let row = 0; row < paths.conversions.length; row++) {
    if (!learns(row)) continue
    const [bought, left] = [paths.conversions[row] as number, paths.nulls[row] as number]
    eachStep(paths, row, cap, (contexts, next) => {
      const add = (follower: number, times: number) => {
        if (times === 0) return
        contexts.forEach((context, length) => addTo(counts[length] as Map<number, Context>, context, follower, times))
      }
      if (next === null) {
        add(buys, bought)
        add(leaves, left)
      } else add(next, bought + left)
    })
  }
  return counts
}

const [buys, leaves] = [-1, -2]

function addTo(contexts: Map<number, Context>, key: number, follower: number, times: number): void {
  let context = contexts.get(key)
  if (context === undefined) contexts.set(key, (context = { total: 0, distinct: 0, of: new Map() }))
  const before = context.of.get(follower)
  if (before === undefined) context.distinct++
  context.of.set(follower, (before ?? 0) + times)
  context.total += times
}

/** Hands over every step of a path with its contexts of length 0 … cap; the end of the path is the step `null`. */
function eachStep(
  paths: Paths,
  row: number,
  cap: number,
  visit: (contexts: number[], next: number | null) => void,
): void {
  const width = paths.channels.length + 1
  const start = paths.offsets[row] as number
  const end = paths.offsets[row + 1] as number
  for (let at = start; at <= end; at++) {
    const contexts = [0]
    let key = 0
    for (let length = 1; length <= cap; length++) {
      const before = at - length
      // Before the first touch stands the beginning, number 1; a context that would reach further stays as it is.
      if (before >= start - 1) key = key * (width + 1) + (before < start ? 1 : (paths.touches[before] as number) + 2)
      contexts.push(key)
    }
    visit(contexts, at === end ? null : (paths.touches[at] as number))
  }
}

function judgeRow(paths: Paths, row: number, counts: Counts, cap: number, sums: Float64Array): number {
  const [bought, left] = [paths.conversions[row] as number, paths.nulls[row] as number]
  const followers = paths.channels.length + 2
  let steps = 0
  eachStep(paths, row, cap, (contexts, next) => {
    const judge = (follower: number, times: number) => {
      if (times === 0) return
      let chance = 1 / followers
      for (let length = 0; length <= cap; length++) {
        const context = counts[length]?.get(contexts[length] as number)
        if (context !== undefined) {
          chance = ((context.of.get(follower) ?? 0) + context.distinct * chance) / (context.total + context.distinct)
        }
        if (length > 0) sums[length - 1] = (sums[length - 1] as number) + times * Math.log(chance)
      }
      steps += times
    }
    if (next === null) {
      judge(buys, bought)
      judge(leaves, left)
    } else judge(next, bought + left)
  })
  return steps
}
