import type { Columns } from './columns.ts'

/**
 * Each column cut into at most 255 steps of about equal weight. A tree only asks "above this cut or not", so the
 * steps hold all it needs, and counting per step replaces sorting.
 */
export type Bins = {
  rows: number
  /** Step of each row, per column. Missing values are on step 0, together with the smallest. */
  steps: Uint8Array[]
  /** `cuts[column][step]`: the largest value that still belongs to the step; the last step has none. */
  cuts: Float64Array[]
  /** Steps of all columns stand end to end in a histogram; where those of each column begin. */
  starts: Uint32Array
}

/** Cuts at quantiles of the rows given; all rows of the table get their step. O(rows · log steps) per column. */
export function binsOf(columns: Columns, rows: Uint32Array, most = 64): Bins {
  const steps: Uint8Array[] = []
  const cuts: Float64Array[] = []
  const starts = new Uint32Array(columns.values.length + 1)
  columns.values.forEach((values, column) => {
    const own = cutsOf(values, rows, most)
    cuts.push(own)
    steps.push(stepsOf(values, own))
    starts[column + 1] = (starts[column] as number) + own.length + 1
  })
  return { rows: columns.rows, steps, cuts, starts }
}

function cutsOf(values: Float64Array, rows: Uint32Array, most: number): Float64Array {
  const sorted = new Float64Array(rows.length)
  let count = 0
  for (let index = 0; index < rows.length; index++) {
    const value = values[rows[index] as number] as number
    if (!Number.isNaN(value)) sorted[count++] = value
  }
  const seen = sorted.subarray(0, count).sort()
  const distinct: number[] = []
  for (let index = 0; index < count && distinct.length <= most; index++) {
    if (index === 0 || seen[index] !== seen[index - 1]) distinct.push(seen[index] as number)
  }
  if (distinct.length <= most) {
    return Float64Array.from(distinct.slice(1), (value, index) => ((distinct[index] as number) + value) / 2)
  }
  const cuts: number[] = []
  for (let step = 1; step < most; step++) {
    const at = Math.floor((step * count) / most)
    const cut = seen[at - 1] as number
    if (cut < (seen[count - 1] as number) && (cuts.length === 0 || cut > (cuts.at(-1) as number))) cuts.push(cut)
  }
  return Float64Array.from(cuts)
}

function stepsOf(values: Float64Array, cuts: Float64Array): Uint8Array {
  const steps = new Uint8Array(values.length)
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number
    let low = 0
    let high = cuts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (value > (cuts[middle] as number)) low = middle + 1
      else high = middle
    }
    // No comparison holds for NaN, so a missing value stays on step 0.
    steps[row] = low
  }
  return steps
}
