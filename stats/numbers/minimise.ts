import { inverse } from './linear.ts'

/** A function to be made small: its value at a point; writes its gradient into the second argument. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number

export type Minimum = {
  at: Float64Array
  value: number
  /** False when the search stopped for another reason than a flat gradient. */
  converged: boolean
  /** Coordinates that ended on a bound. */
  bound: boolean[]
  evaluations: number
}

/**
 * Quasi-Newton search (BFGS) inside a box. A coordinate that pushes against its bound is held there, so a likelihood
 * that improves for ever ends at the edge and says so instead of running away. O(n²) beside the evaluations.
 */
export function minimise(
  objective: Objective,
  start: ArrayLike<number>,
  box: { low: ArrayLike<number>; high: ArrayLike<number> },
  options: {
    tolerance?: number
    evaluations?: number
    /** Inverse of the second derivatives near the start, when something is known of them. */
    inverseHessian?: Float64Array | null
  } = {},
): Minimum {
  const size = start.length
  const tolerance = options.tolerance ?? 1e-9
  const limit = options.evaluations ?? 500
  const inside = (value: number, index: number) =>
    Math.min(box.high[index] as number, Math.max(box.low[index] as number, value))
  let at = Float64Array.from({ length: size }, (_, index) => inside(start[index] as number, index))
  let gradient = new Float64Array(size)
  let value = objective(at, gradient)
  let evaluations = 1
  let curvature: Float64Array = options.inverseHessian ?? identity(size)
  let fresh = !options.inverseHessian
  let idle = 0
  const held = () =>
    Array.from({ length: size }, (_, index) => {
      const place = at[index] as number
      const slope = gradient[index] as number
      return (place <= (box.low[index] as number) && slope > 0) || (place >= (box.high[index] as number) && slope < 0)
    })
  for (let step = 0; step < 200 && evaluations < limit; step++) {
    const stuck = held()
    const slope = Math.max(...gradient.map((part, index) => (stuck[index] ? 0 : Math.abs(part))))
    if (slope <= tolerance * (1 + Math.abs(value)))
      return { at, value, converged: true, bound: onBound(at, box), evaluations }
    let direction = descent(curvature, gradient, stuck)
    let descentRate = dot(direction, gradient)
    if (!(descentRate < 0)) {
      curvature = identity(size)
      direction = descent(curvature, gradient, stuck)
      descentRate = dot(direction, gradient)
      fresh = true
    }
    // The first step knows nothing of the scale; no step may leap over several orders of magnitude.
    const longest = Math.max(...direction.map(Math.abs))
    let length = Math.min(1, (fresh ? 0.5 : 2) / longest)
    const nextGradient = new Float64Array(size)
    let moved: Float64Array<ArrayBuffer> | null = null
    let nextValue = value
    for (let attempt = 0; attempt < 40 && evaluations < limit; attempt++) {
      const candidate = Float64Array.from({ length: size }, (_, index) =>
        inside((at[index] as number) + length * (direction[index] as number), index),
      )
      nextValue = objective(candidate, nextGradient)
      evaluations++
      if (nextValue <= value + 1e-4 * length * descentRate && Number.isFinite(nextValue)) {
        moved = candidate
        break
      }
      length /= attempt < 3 ? 2 : 5
    }
    if (moved === null) {
      // Rounding hides any further descent: as good as flat when the promised gain is below it.
      const flat = Math.abs(descentRate) <= 1e-12 * (1 + Math.abs(value)) || (fresh && Math.abs(descentRate) <= 1e-7)
      if (flat || fresh) return { at, value, converged: flat, bound: onBound(at, box), evaluations }
      curvature = identity(size)
      fresh = true
      continue
    }
    curvature = updated(curvature, at, moved, gradient, nextGradient, fresh)
    fresh = false
    // Two steps in a row that gain nothing worth naming: the rest is rounding.
    idle = value - nextValue <= 1e-12 * (1 + Math.abs(value)) ? idle + 1 : 0
    at = moved
    gradient = nextGradient
    value = nextValue
    if (idle === 2) return { at, value, converged: true, bound: onBound(at, box), evaluations }
  }
  return { at, value, converged: false, bound: onBound(at, box), evaluations }
}

function onBound(at: Float64Array, box: { low: ArrayLike<number>; high: ArrayLike<number> }): boolean[] {
  return Array.from(at, (place, index) => place <= (box.low[index] as number) || place >= (box.high[index] as number))
}

function identity(size: number): Float64Array {
  const matrix = new Float64Array(size * size)
  for (let index = 0; index < size; index++) matrix[index * size + index] = 1
  return matrix
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0
  for (let index = 0; index < left.length; index++) sum += (left[index] as number) * (right[index] as number)
  return sum
}

/** −H⁻¹ g without the held coordinates; `curvature` is already the inverse. */
function descent(curvature: Float64Array, gradient: Float64Array, stuck: boolean[]): Float64Array {
  const size = gradient.length
  return Float64Array.from({ length: size }, (_, row) => {
    if (stuck[row]) return 0
    let sum = 0
    for (let column = 0; column < size; column++) {
      if (!stuck[column]) sum -= (curvature[row * size + column] as number) * (gradient[column] as number)
    }
    return sum
  })
}

function updated(
  curvature: Float64Array,
  at: Float64Array,
  moved: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
  fresh: boolean,
): Float64Array {
  const size = at.length
  const step = moved.map((place, index) => place - (at[index] as number))
  const turn = nextGradient.map((part, index) => part - (gradient[index] as number))
  const along = dot(step, turn)
  if (along <= 1e-14 * Math.sqrt(dot(step, step) * dot(turn, turn))) return curvature
  const scale = fresh ? along / dot(turn, turn) : 1
  const base = fresh ? identity(size).map((part) => part * scale) : curvature
  const turned = Float64Array.from({ length: size }, (_, row) => {
    let sum = 0
    for (let column = 0; column < size; column++)
      sum += (base[row * size + column] as number) * (turn[column] as number)
    return sum
  })
  const factor = (1 + dot(turn, turned) / along) / along
  return base.map((part, cell) => {
    const row = Math.floor(cell / size)
    const column = cell % size
    const [rowStep, columnStep] = [step[row] as number, step[column] as number]
    return (
      part +
      factor * rowStep * columnStep -
      ((turned[row] as number) * columnStep + rowStep * (turned[column] as number)) / along
    )
  })
}

/** Second derivatives by central differences of the gradient, made symmetric. O(2n) evaluations. */
export function hessianOf(objective: Objective, at: Float64Array): Float64Array {
  const size = at.length
  const matrix = new Float64Array(size * size)
  const up = new Float64Array(size)
  const down = new Float64Array(size)
  for (let column = 0; column < size; column++) {
    const width = 1e-4 * Math.max(1, Math.abs(at[column] as number))
    const shifted = at.slice()
    shifted[column] = (at[column] as number) + width
    objective(shifted, up)
    shifted[column] = (at[column] as number) - width
    objective(shifted, down)
    for (let row = 0; row < size; row++) {
      const slope = ((up[row] as number) - (down[row] as number)) / (2 * width) / 2
      matrix[row * size + column] = (matrix[row * size + column] as number) + slope
      matrix[column * size + row] = (matrix[column * size + row] as number) + slope
    }
  }
  return matrix
}

/** Covariance of the estimates from the second derivatives of the negative log-likelihood; null when they do not tell. */
export function covarianceOf(hessian: Float64Array, size: number): Float64Array | null {
  const result = inverse(hessian, size)
  if (result === null) return null
  for (let index = 0; index < size; index++) if (!((result[index * size + index] as number) > 0)) return null
  return result
}
