import { drawsFrom } from '../numbers/chance.ts'
import { type Bins, binsOf } from './bins.ts'
import type { Columns } from './columns.ts'

/** A yes/no outcome is learnt on the scale of log-odds, an amount as it is. */
export type OutcomeKind = 'share' | 'amount'

export type BoostOptions = {
  kind: OutcomeKind
  /** At most so many trees; fewer when a part of the rows held aside stops improving. */
  trees?: number
  leaves?: number
  depth?: number
  /** How much of each tree is believed. */
  rate?: number
  /** Fewest rows on a leaf. */
  leastRows?: number
  /** Pull of every leaf towards 0, as if so many neutral rows stood on it. */
  pull?: number
  /** Share of rows each tree sees. */
  rowShare?: number
  /** Share of columns each tree sees. */
  columnShare?: number
  /** Share of rows held aside to find the number of trees; 0 grows all. */
  aside?: number
  /** Stop after so many trees without improvement. */
  patience?: number
  weights?: Float64Array | null
  /** Bins made before, when many models learn from the same rows. */
  bins?: Bins | null
  seed?: string
}

/** A tree in flat arrays: node 0 is the root; a leaf has column −1. */
type Tree = { column: Int16Array; cut: Float64Array; step: Uint8Array; left: Uint16Array; value: Float64Array }

export type Boosted = {
  kind: OutcomeKind
  base: number
  trees: Tree[]
  /** Loss removed by the splits of each column, shares that sum to 1. */
  importance: Float64Array
}

/**
 * Gradient boosting (Friedman 2001) with second derivatives and histograms as in LightGBM and XGBoost: every tree
 * corrects what the ones before left over; the leaf with the largest gain is split first. O(rows · columns · depth)
 * per tree. `target` is indexed by row of the table; only `rows` are learnt from.
 */
export function boost(columns: Columns, rows: Uint32Array, target: Float64Array, options: BoostOptions): Boosted {
  const settings = { trees: 300, leaves: 15, depth: 6, rate: 0.05, leastRows: 20, pull: 1, patience: 20, ...options }
  const draws = drawsFrom('boost', options.seed ?? '1')
  const shuffled = rows.slice()
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = draws.below(index + 1)
    const kept = shuffled[index] as number
    shuffled[index] = shuffled[other] as number
    shuffled[other] = kept
  }
  const asideCount = Math.floor((options.aside ?? 0) * rows.length)
  const aside = shuffled.subarray(0, asideCount)
  const learning = shuffled.slice(asideCount).sort()
  const bins = options.bins ?? binsOf(columns, rows)
  const weights = options.weights ?? null
  const base = baseOf(learning, target, weights, settings.kind)
  const scores = new Float64Array(columns.rows).fill(base)
  const slopes = new Float64Array(columns.rows)
  const curves = new Float64Array(columns.rows)
  const grower = growerOf(bins, learning.length, settings)
  const importance = new Float64Array(columns.values.length)
  const trees: Tree[] = []
  let best = asideCount > 0 ? lossOf(aside, target, weights, scores, settings.kind) : 0
  let bestTrees = 0
  for (let tree = 0; tree < settings.trees; tree++) {
    derivatives(learning, target, weights, scores, settings.kind, slopes, curves)
    const seen = sampled(learning, options.rowShare ?? 1, draws.uniform)
    const grown = grower(seen, slopes, curves, someColumns(bins, options.columnShare ?? 1, draws.uniform), importance)
    trees.push(grown)
    addTree(grown, bins, learning, scores)
    if (asideCount === 0) continue
    addTree(grown, bins, aside, scores)
    const loss = lossOf(aside, target, weights, scores, settings.kind)
    if (loss < best - 1e-12) {
      best = loss
      bestTrees = tree + 1
    } else if (tree + 1 - bestTrees >= settings.patience) break
  }
  const all = importance.reduce((sum, part) => sum + part, 0)
  return {
    kind: settings.kind,
    base,
    trees: asideCount > 0 ? trees.slice(0, bestTrees) : trees,
    importance: importance.map((part) => (all > 0 ? part / all : 0)),
  }
}

/** Predictions for rows of a table with the same columns: chances for shares, means for amounts. */
export function boostedValues(model: Boosted, columns: Columns, rows: Uint32Array): Float64Array {
  const result = new Float64Array(rows.length).fill(model.base)
  for (const { column, cut, left, value } of model.trees) {
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as number
      let node = 0
      while ((column[node] as number) >= 0) {
        const above = ((columns.values[column[node] as number] as Float64Array)[row] as number) > (cut[node] as number)
        node = (left[node] as number) + (above ? 1 : 0)
      }
      result[index] = (result[index] as number) + (value[node] as number)
    }
  }
  if (model.kind === 'share')
    for (let index = 0; index < result.length; index++) result[index] = logistic(result[index] as number)
  return result
}

export function logistic(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds))
}

function baseOf(rows: Uint32Array, target: Float64Array, weights: Float64Array | null, kind: OutcomeKind): number {
  let [sum, all] = [0, 0]
  for (const row of rows) {
    const weight = weights === null ? 1 : (weights[row] as number)
    sum += weight * (target[row] as number)
    all += weight
  }
  const mean = all > 0 ? sum / all : 0
  if (kind === 'amount') return mean
  const share = Math.min(1 - 1e-6, Math.max(1e-6, mean))
  return Math.log(share / (1 - share))
}

function derivatives(
  rows: Uint32Array,
  target: Float64Array,
  weights: Float64Array | null,
  scores: Float64Array,
  kind: OutcomeKind,
  slopes: Float64Array,
  curves: Float64Array,
): void {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number
    const weight = weights === null ? 1 : (weights[row] as number)
    const score = scores[row] as number
    if (kind === 'share') {
      const chance = 1 / (1 + Math.exp(-score))
      slopes[row] = weight * (chance - (target[row] as number))
      curves[row] = weight * Math.max(1e-9, chance * (1 - chance))
    } else {
      slopes[row] = weight * (score - (target[row] as number))
      curves[row] = weight
    }
  }
}

function lossOf(
  rows: Uint32Array,
  target: Float64Array,
  weights: Float64Array | null,
  scores: Float64Array,
  kind: OutcomeKind,
): number {
  let [sum, all] = [0, 0]
  for (const row of rows) {
    const weight = weights === null ? 1 : (weights[row] as number)
    const score = scores[row] as number
    const truth = target[row] as number
    sum +=
      weight *
      (kind === 'share'
        ? Math.log1p(Math.exp(-Math.abs(score))) + Math.max(score, 0) - truth * score
        : (score - truth) ** 2)
    all += weight
  }
  return sum / all
}

function sampled(rows: Uint32Array, share: number, uniform: () => number): Uint32Array {
  if (share >= 1) return rows.slice()
  const kept = new Uint32Array(rows.length)
  let count = 0
  for (const row of rows) if (uniform() < share) kept[count++] = row
  return kept.subarray(0, count)
}

function someColumns(bins: Bins, share: number, uniform: () => number): number[] {
  const all = bins.steps.map((_, column) => column).filter((column) => (bins.cuts[column] as Float64Array).length > 0)
  if (share >= 1) return all
  const some = all.filter(() => uniform() < share)
  return some.length > 0 ? some : all
}

function addTree(tree: Tree, bins: Bins, rows: Uint32Array, scores: Float64Array): void {
  const { column, step, left, value } = tree
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number
    let node = 0
    while ((column[node] as number) >= 0) {
      const above = ((bins.steps[column[node] as number] as Uint8Array)[row] as number) > (step[node] as number)
      node = (left[node] as number) + (above ? 1 : 0)
    }
    scores[row] = (scores[row] as number) + (value[node] as number)
  }
}

type Grower = (
  rows: Uint32Array,
  slopes: Float64Array,
  curves: Float64Array,
  columns: number[],
  importance: Float64Array,
) => Tree

type Split = { gain: number; column: number; step: number }
type Leaf = {
  node: number
  start: number
  end: number
  depth: number
  slope: number
  curve: number
  histogram: Float64Array
  split: Split | null
}

type GrowSettings = { leaves: number; depth: number; leastRows: number; pull: number; rate: number }

/** Grows one tree after the other with the same working memory. */
function growerOf(bins: Bins, most: number, settings: GrowSettings): Grower {
  const width = (bins.starts.at(-1) as number) * 3
  const pool: Float64Array[] = []
  const histogram = () => pool.pop()?.fill(0) ?? new Float64Array(width)
  const ownSlopes = new Float64Array(most)
  const ownCurves = new Float64Array(most)
  const spare = new Uint32Array(most)

  const count = (rows: Uint32Array, leaf: Leaf, slopes: Float64Array, curves: Float64Array, columns: number[]) => {
    const { start, end } = leaf
    for (let at = start; at < end; at++) {
      const row = rows[at] as number
      ownSlopes[at] = slopes[row] as number
      ownCurves[at] = curves[row] as number
    }
    const sums = leaf.histogram
    for (const column of columns) {
      const steps = bins.steps[column] as Uint8Array
      const first = (bins.starts[column] as number) * 3
      for (let at = start; at < end; at++) {
        const cell = first + (steps[rows[at] as number] as number) * 3
        sums[cell] = (sums[cell] as number) + (ownSlopes[at] as number)
        sums[cell + 1] = (sums[cell + 1] as number) + (ownCurves[at] as number)
        sums[cell + 2] = (sums[cell + 2] as number) + 1
      }
    }
  }

  const bestSplit = (leaf: Leaf, columns: number[]): Split | null => {
    const rowsHere = leaf.end - leaf.start
    if (leaf.depth >= settings.depth || rowsHere < 2 * settings.leastRows) return null
    const { pull, leastRows } = settings
    const whole = (leaf.slope * leaf.slope) / (leaf.curve + pull)
    let best: Split | null = null
    let bestGain = 1e-9
    for (const column of columns) {
      const cuts = (bins.cuts[column] as Float64Array).length
      let cell = (bins.starts[column] as number) * 3
      let [slope, curve, rows] = [0, 0, 0]
      for (let step = 0; step < cuts; step++, cell += 3) {
        slope += leaf.histogram[cell] as number
        curve += leaf.histogram[cell + 1] as number
        rows += leaf.histogram[cell + 2] as number
        if (rows < leastRows) continue
        if (rowsHere - rows < leastRows) break
        const other = leaf.slope - slope
        const gain = (slope * slope) / (curve + pull) + (other * other) / (leaf.curve - curve + pull) - whole
        if (gain > bestGain) {
          bestGain = gain
          best = { gain, column, step }
        }
      }
    }
    return best
  }

  return (rows, slopes, curves, columns, importance) => {
    const size = 2 * settings.leaves
    const tree: Tree = {
      column: new Int16Array(size).fill(-1),
      cut: new Float64Array(size),
      step: new Uint8Array(size),
      left: new Uint16Array(size),
      value: new Float64Array(size),
    }
    const root: Leaf = {
      node: 0,
      start: 0,
      end: rows.length,
      depth: 0,
      slope: 0,
      curve: 0,
      histogram: histogram(),
      split: null,
    }
    count(rows, root, slopes, curves, columns)
    for (let at = 0; at < rows.length; at++) {
      root.slope += ownSlopes[at] as number
      root.curve += ownCurves[at] as number
    }
    root.split = bestSplit(root, columns)
    const leaves = [root]
    let nodes = 1
    while (leaves.length < settings.leaves) {
      let widest: Leaf | null = null
      for (const leaf of leaves)
        if (leaf.split !== null && (widest === null || leaf.split.gain > (widest.split as Split).gain)) widest = leaf
      if (widest === null) break
      const { column, step, gain } = widest.split as Split
      importance[column] = (importance[column] as number) + gain
      tree.column[widest.node] = column
      tree.step[widest.node] = step
      tree.cut[widest.node] = (bins.cuts[column] as Float64Array)[step] as number
      tree.left[widest.node] = nodes
      const middle = parted(rows, spare, bins.steps[column] as Uint8Array, step, widest.start, widest.end)
      let [slope, curve] = [0, 0]
      const first = (bins.starts[column] as number) * 3
      for (let cell = first; cell <= first + step * 3; cell += 3) {
        slope += widest.histogram[cell] as number
        curve += widest.histogram[cell + 1] as number
      }
      const child = (
        node: number,
        start: number,
        end: number,
        ownSlope: number,
        ownCurve: number,
        sums: Float64Array,
      ): Leaf => ({
        node,
        start,
        end,
        depth: (widest as Leaf).depth + 1,
        slope: ownSlope,
        curve: ownCurve,
        histogram: sums,
        split: null,
      })
      const leftSmaller = middle - widest.start <= widest.end - middle
      // Only the smaller side is counted; the larger one is what remains of the parent.
      const counted = histogram()
      const rest = widest.histogram
      const low = child(nodes, widest.start, middle, slope, curve, leftSmaller ? counted : rest)
      const high = child(
        nodes + 1,
        middle,
        widest.end,
        widest.slope - slope,
        widest.curve - curve,
        leftSmaller ? rest : counted,
      )
      nodes += 2
      count(rows, leftSmaller ? low : high, slopes, curves, columns)
      for (let cell = 0; cell < width; cell++) rest[cell] = (rest[cell] as number) - (counted[cell] as number)
      low.split = bestSplit(low, columns)
      high.split = bestSplit(high, columns)
      leaves.splice(leaves.indexOf(widest), 1, low, high)
    }
    for (const leaf of leaves) {
      tree.value[leaf.node] = (-settings.rate * leaf.slope) / (leaf.curve + settings.pull)
      pool.push(leaf.histogram)
    }
    return tree
  }
}

/** Rows at or below the step first, the others behind, each in their order; where the others begin. */
function parted(
  rows: Uint32Array,
  spare: Uint32Array,
  steps: Uint8Array,
  step: number,
  start: number,
  end: number,
): number {
  let low = start
  let high = 0
  for (let at = start; at < end; at++) {
    const row = rows[at] as number
    if ((steps[row] as number) <= step) rows[low++] = row
    else spare[high++] = row
  }
  for (let at = 0; at < high; at++) rows[low + at] = spare[at] as number
  return low
}
