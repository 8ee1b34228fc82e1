import { decompose, solveDecomposed } from '../numbers/linear.ts'
import { logistic, type OutcomeKind } from '../trees/boost.ts'
import type { Columns } from '../trees/columns.ts'

export type LinearOptions = {
  kind: OutcomeKind
  /** Penalty on standardised effects, in rows: 1 pulls like one row. */
  pull?: number
  weights?: Float64Array | null
}

/** A straight-line model: mean (or log-odds) = base + Σ effect · column. Missing values count as the mean. */
export type LinearModel = { kind: OutcomeKind; base: number; effects: Float64Array; means: Float64Array }

/**
 * Ridge regression for amounts, logistic regression for yes/no, on standardised columns. Logistic by Newton steps with
 * halving, so it never runs away; the pull keeps separated data finite. O(rows · columns²) per step.
 */
export function fitLinear(
  columns: Columns,
  rows: Uint32Array,
  target: Float64Array,
  options: LinearOptions,
): LinearModel {
  const { kind, weights = null, pull = 1 } = options
  const width = columns.values.length
  const { means, scales } = standards(columns, rows, weights)
  const shifts = shiftsOf(columns, rows, means)
  const data = standardised(columns, rows, { means, scales, shifts })
  const beta = new Float64Array(width + 1)
  const start = meanOf(rows, target, weights)
  beta[0] = kind === 'amount' ? start : logOddsOf(start)
  let loss = kind === 'amount' ? Number.POSITIVE_INFINITY : logLoss(data, rows, target, weights, beta, pull)
  for (let step = 0; step < (kind === 'amount' ? 1 : 50); step++) {
    const move = newton(data, rows, target, weights, beta, pull, kind)
    if (move === null) break
    if (kind === 'amount') {
      for (let index = 0; index <= width; index++) beta[index] = (beta[index] as number) - (move[index] as number)
      break
    }
    let length = 1
    let gained = 0
    for (let attempt = 0; attempt < 30; attempt++, length /= 2) {
      const next = beta.map((place, index) => place - length * (move[index] as number))
      const nextLoss = logLoss(data, rows, target, weights, next, pull)
      if (!(nextLoss < loss)) continue
      gained = loss - nextLoss
      loss = nextLoss
      beta.set(next)
      break
    }
    if (gained <= 1e-10 * (1 + Math.abs(loss))) break
  }
  const effects = new Float64Array(width)
  let base = beta[0] as number
  for (let column = 0; column < width; column++) {
    effects[column] = (beta[column + 1] as number) * (scales[column] as number)
    base -= (effects[column] as number) * (shifts[column] as number)
  }
  return { kind, base, effects, means }
}

export function linearValues(model: LinearModel, columns: Columns, rows: Uint32Array): Float64Array {
  const result = new Float64Array(rows.length).fill(model.base)
  for (let column = 0; column < model.effects.length; column++) {
    const effect = model.effects[column] as number
    if (effect === 0) continue
    const values = columns.values[column] as Float64Array
    const mean = model.means[column] as number
    for (let index = 0; index < rows.length; index++) {
      const value = values[rows[index] as number] as number
      result[index] = (result[index] as number) + effect * (Number.isNaN(value) ? mean : value)
    }
  }
  if (model.kind === 'share')
    for (let index = 0; index < result.length; index++) result[index] = logistic(result[index] as number)
  return result
}

function logOddsOf(share: number): number {
  const inside = Math.min(1 - 1e-6, Math.max(1e-6, share))
  return Math.log(inside / (1 - inside))
}

function meanOf(rows: Uint32Array, target: Float64Array, weights: Float64Array | null): number {
  let [sum, all] = [0, 0]
  for (const row of rows) {
    const weight = weights === null ? 1 : (weights[row] as number)
    sum += weight * (target[row] as number)
    all += weight
  }
  return all > 0 ? sum / all : 0
}

/** Mean and inverse spread of each column; a column without spread gets 0 and thereby no effect. */
function standards(columns: Columns, rows: Uint32Array, weights: Float64Array | null) {
  const means = new Float64Array(columns.values.length)
  const scales = new Float64Array(columns.values.length)
  columns.values.forEach((values, column) => {
    let [sum, all, squares] = [0, 0, 0]
    for (const row of rows) {
      const value = values[row] as number
      if (Number.isNaN(value)) continue
      const weight = weights === null ? 1 : (weights[row] as number)
      sum += weight * value
      all += weight
    }
    const mean = all > 0 ? sum / all : 0
    for (const row of rows) {
      const value = values[row] as number
      if (Number.isNaN(value)) continue
      squares += (weights === null ? 1 : (weights[row] as number)) * (value - mean) ** 2
    }
    means[column] = mean
    scales[column] = squares > 1e-12 * all * (1 + mean * mean) ? Math.sqrt(all / squares) : 0
  })
  return { means, scales }
}

/** Columns of mostly zeros (words) are not centred: their zeros stay zeros and cost nothing below. */
function shiftsOf(columns: Columns, rows: Uint32Array, means: Float64Array): Float64Array {
  return Float64Array.from(columns.values, (values, column) => {
    let zeros = 0
    for (let index = 0; index < rows.length; index++) if (values[rows[index] as number] === 0) zeros++
    return zeros > rows.length / 2 ? 0 : (means[column] as number)
  })
}

/** The rows one after the other, a 1 for the base first. */
function standardised(
  columns: Columns,
  rows: Uint32Array,
  { means, scales, shifts }: { means: Float64Array; scales: Float64Array; shifts: Float64Array },
): Float64Array {
  const width = columns.values.length + 1
  const data = new Float64Array(rows.length * width)
  for (let index = 0; index < rows.length; index++) data[index * width] = 1
  columns.values.forEach((values, column) => {
    const [mean, scale, shift] = [means[column] as number, scales[column] as number, shifts[column] as number]
    for (let index = 0; index < rows.length; index++) {
      const value = values[rows[index] as number] as number
      data[index * width + column + 1] = ((Number.isNaN(value) ? mean : value) - shift) * scale
    }
  })
  return data
}

function logLoss(
  data: Float64Array,
  rows: Uint32Array,
  target: Float64Array,
  weights: Float64Array | null,
  beta: Float64Array,
  pull: number,
): number {
  const width = beta.length
  let loss = 0
  for (let index = 0; index < rows.length; index++) {
    let score = 0
    for (let column = 0, at = index * width; column < width; column++, at++)
      score += (beta[column] as number) * (data[at] as number)
    const row = rows[index] as number
    const part = Math.log1p(Math.exp(-Math.abs(score))) + Math.max(score, 0) - (target[row] as number) * score
    loss += (weights === null ? 1 : (weights[row] as number)) * part
  }
  for (let column = 1; column < width; column++) loss += (pull / 2) * (beta[column] as number) ** 2
  return loss
}

/** (Hessian + pull)⁻¹ gradient at `beta`; null when singular. */
function newton(
  data: Float64Array,
  rows: Uint32Array,
  target: Float64Array,
  weights: Float64Array | null,
  beta: Float64Array,
  pull: number,
  kind: OutcomeKind,
): Float64Array | null {
  const width = beta.length
  const hessian = new Float64Array(width * width)
  const gradient = new Float64Array(width)
  const filled = new Uint16Array(width)
  for (let index = 0; index < rows.length; index++) {
    const start = index * width
    let score = 0
    for (let column = 0; column < width; column++) score += (beta[column] as number) * (data[start + column] as number)
    const row = rows[index] as number
    const weight = weights === null ? 1 : (weights[row] as number)
    const fitted = kind === 'share' ? logistic(score) : score
    const miss = weight * (fitted - (target[row] as number))
    const curve = weight * (kind === 'share' ? fitted * (1 - fitted) : 1)
    let present = 0
    for (let column = 0; column < width; column++) if (data[start + column] !== 0) filled[present++] = column
    for (let left = 0; left < present; left++) {
      const column = filled[left] as number
      const value = data[start + column] as number
      gradient[column] = (gradient[column] as number) + miss * value
      const scaled = curve * value
      const line = column * width
      for (let right = left; right < present; right++) {
        const other = filled[right] as number
        hessian[line + other] = (hessian[line + other] as number) + scaled * (data[start + other] as number)
      }
    }
  }
  for (let column = 0; column < width; column++) {
    if (column > 0) gradient[column] = (gradient[column] as number) + pull * (beta[column] as number)
    const diagonal = column * width + column
    hessian[diagonal] = (hessian[diagonal] as number) + (column > 0 ? pull : 0) + 1e-9
    for (let other = 0; other < column; other++)
      hessian[column * width + other] = hessian[other * width + column] as number
  }
  const order = decompose(hessian, width)
  return order === null ? null : solveDecomposed(hessian, order, width, gradient)
}
