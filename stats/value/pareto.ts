import type { Objective } from '../numbers/minimise.ts'
import { logSum } from '../numbers/special.ts'
import type { Histories } from './histories.ts'
import type { PurchaseModel, Seen } from './model.ts'

/** Search coordinates: log r, log r/alpha, log s, log s/beta; then effects of covariates. */
const box = { low: [-8, -12, -8, -14], high: [7, 7, 7, 7] }

function parametersAt(at: ArrayLike<number>): number[] {
  const r = Math.exp(at[0] as number)
  const s = Math.exp(at[2] as number)
  const effects = Array.from({ length: at.length - 4 }, (_, index) => at[index + 4] as number)
  return [r, r / Math.exp(at[1] as number), s, s / Math.exp(at[3] as number), ...effects]
}

/**
 * Pareto/NBD (Schmittlein, Morrison, Colombo 1987): a customer buys at a rate of her own (gamma r, alpha) until an
 * unseen moment that comes at a pace of her own (gamma s, beta).
 */
export const paretoNbd: PurchaseModel = {
  name: 'pareto-nbd',
  parameters: ['r', 'alpha', 's', 'beta'],
  box,
  parametersAt,
  start(histories) {
    let bought = 0
    let time = 0
    for (let row = 0; row < histories.weight.length; row++) {
      bought += (histories.weight[row] as number) * (histories.repeats[row] as number)
      time += (histories.weight[row] as number) * (histories.age[row] as number)
    }
    return [
      -0.5,
      Math.log(((bought + 0.5) / (time + 1)) * 1.3),
      -0.5,
      Math.log((2 * sumOf(histories.weight)) / (time + 1)),
    ]
  },
  objective: (histories) => paretoObjective(histories, null),
  alive(parameters, customer) {
    const [r, alpha, s, beta] = parameters as [number, number, number, number]
    const pieces = piecesOf(r, alpha, s, beta, customer)
    return Math.exp(pieces.active - logSum(pieces.active, pieces.stopped))
  },
  expected(parameters, customer, horizon) {
    const [r, alpha, s, beta] = parameters as [number, number, number, number]
    const rate = (r + customer.repeats) / (alpha + customer.age)
    return this.alive(parameters, customer) * rate * lifetimeWithin(s, beta + customer.age, horizon)
  },
  imagine(parameters, customer, alive, horizon, draws) {
    if (draws.uniform() >= alive) return 0
    const [r, alpha, s, beta] = parameters as [number, number, number, number]
    const rate = draws.gamma(r + customer.repeats, alpha + customer.age)
    const pace = draws.gamma(s, beta + customer.age)
    const lives = pace > 0 ? -Math.log(1 - draws.uniform()) / pace : Number.POSITIVE_INFINITY
    return draws.poisson(rate * Math.min(horizon, lives))
  },
  newcomer(parameters, time) {
    const [r, alpha, s, beta] = parameters as [number, number, number, number]
    return (r / alpha) * lifetimeWithin(s, beta, time)
  },
  edge(parameters) {
    const [r, alpha, s, beta] = parameters as [number, number, number, number]
    if (s < 1e-3 || s / beta < 1e-6) return 'nobody_stops'
    if (r > 500 && alpha > 500) return 'one_rate'
    return null
  },
}

function sumOf(numbers: Float64Array): number {
  return numbers.reduce((sum, value) => sum + value, 0)
}

/** Time still active within the horizon: beta/(s − 1) · (1 − (beta/(beta + t))^(s − 1)), its logarithm at s = 1. */
function lifetimeWithin(s: number, beta: number, horizon: number): number {
  const logShrink = Math.log(beta / (beta + horizon))
  const power = (s - 1) * logShrink
  return Math.abs(power) < 1e-9 ? -beta * logShrink : (beta * -Math.expm1(power)) / (s - 1)
}

/** Nodes and weights of Gauss-Legendre quadrature on 0–1. */
function legendre(count: number): { nodes: Float64Array; weights: Float64Array } {
  const nodes = new Float64Array(count)
  const weights = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    let x = Math.cos((Math.PI * (index + 0.75)) / (count + 0.5))
    let slope = 1
    for (let step = 0; step < 100; step++) {
      let [before, now] = [1, x]
      for (let degree = 2; degree <= count; degree++) {
        ;[before, now] = [now, ((2 * degree - 1) * x * now - (degree - 1) * before) / degree]
      }
      slope = (count * (x * now - before)) / (x * x - 1)
      const move = now / slope
      x -= move
      if (Math.abs(move) < 1e-15) break
    }
    nodes[index] = (1 - x) / 2
    weights[index] = 1 / ((1 - x * x) * slope * slope)
  }
  return { nodes, weights }
}

const rules = [legendre(10), legendre(24), legendre(64)] as const

/**
 * The chance to have stopped between the last purchase and the end, s ∫ (alpha + u)^−(r+x) (beta + u)^−(s+1) du, as an
 * integral instead of a difference of two hypergeometric functions: nothing cancels, for any parameters. With
 * y³ = ((base + last)/(base + u))^m, m = r + s + x, only one of the two factors remains,
 * (near + gap·y^(3/m))^−power; base is alpha or beta, whichever leaves the smaller power. What remains is nearly flat,
 * and ten points give ten digits; more are taken where it bends.
 */
type Span = {
  /** Is beta the base? */
  byLife: boolean
  m: number
  near: number
  gap: number
  power: number
  /** Length of the way in y. */
  width: number
  /** Logarithm of everything in front of the integral. */
  front: number
  rule: (typeof rules)[number]
}

function spanOf(shape: number, alpha: number, s: number, beta: number, recency: number, age: number): Span {
  const m = shape + s
  const byLife = shape < s + 1
  const near = (byLife ? beta : alpha) + recency
  const gap = byLife ? alpha - beta : beta - alpha
  const power = byLife ? shape : s + 1
  const width = -Math.expm1((m / 3) * Math.log(near / (near + age - recency)))
  const bend = power * Math.abs(Math.log((near + gap) / near))
  const front = Math.log((3 * s * width) / m) - (byLife ? s : shape - 1) * Math.log(near)
  return { byLife, m, near, gap, power, width, front, rule: bend < 0.3 ? rules[0] : bend < 3 ? rules[1] : rules[2] }
}

function piecesOf(r: number, alpha: number, s: number, beta: number, { repeats, recency, age }: Seen) {
  const active = -(r + repeats) * Math.log(alpha + age) - s * Math.log(beta + age)
  const span = spanOf(r + repeats, alpha, s, beta, recency, age)
  if (span.width <= 0) return { active, stopped: -Infinity }
  const { nodes, weights } = span.rule
  let sum = 0
  for (let node = 0; node < nodes.length; node++) {
    const y = 1 - span.width * (1 - (nodes[node] as number))
    const left = span.near + span.gap * Math.exp((3 * Math.log(y)) / span.m)
    sum += (weights[node] as number) * y * y * Math.exp(-span.power * Math.log(left))
  }
  return { active, stopped: span.front + Math.log(sum) }
}

export type Covariates = {
  names: string[]
  /** Row-major: value of covariate `c` on row `row` at `row * names.length + c`. */
  values: Float64Array
}

/**
 * Negative log-likelihood with gradient. Covariates act as in CLVTools: alpha_i = alpha·exp(−effects·x) on buying and
 * beta_i = beta·exp(−effects·x) on stopping; their effects follow the four parameters, stopping first.
 */
export function paretoObjective(histories: Histories, covariates: Covariates | null): Objective {
  const { repeats, recency, age, weight } = histories
  const width = covariates?.names.length ?? 0
  const logRise = new Float64Array(histories.largestRepeats + 1)
  const riseSlope = new Float64Array(histories.largestRepeats + 1)
  return (at, gradient) => {
    const [r, alpha0, s, beta0] = parametersAt(at) as [number, number, number, number]
    for (let n = 1; n < logRise.length; n++) {
      logRise[n] = (logRise[n - 1] as number) + Math.log(r + n - 1)
      riseSlope[n] = (riseSlope[n - 1] as number) + 1 / (r + n - 1)
    }
    gradient.fill(0)
    let total = 0
    let [byR, byLogAlpha, byS, byLogBeta] = [0, 0, 0, 0]
    for (let row = 0; row < weight.length; row++) {
      const n = repeats[row] as number
      let alpha = alpha0
      let beta = beta0
      if (covariates !== null) {
        let [life, buying] = [0, 0]
        for (let c = 0; c < width; c++) {
          const value = covariates.values[row * width + c] as number
          life += (at[4 + c] as number) * value
          buying += (at[4 + width + c] as number) * value
        }
        alpha = alpha0 * Math.exp(-buying)
        beta = beta0 * Math.exp(-life)
      }
      const shape = r + n
      const logEndBuy = Math.log(alpha + (age[row] as number))
      const logEndLife = Math.log(beta + (age[row] as number))
      const active = -shape * logEndBuy - s * logEndLife
      const span = spanOf(shape, alpha, s, beta, recency[row] as number, age[row] as number)
      const { nodes, weights } = span.rule
      let [sum, sumLogBuy, sumBuy, sumLogLife, sumLife] = [0, 0, 0, 0, 0]
      if (span.width > 0) {
        const logNear = Math.log(span.near)
        for (let node = 0; node < nodes.length; node++) {
          const y = 1 - span.width * (1 - (nodes[node] as number))
          const logRoot = (3 * Math.log(y)) / span.m
          const root = Math.exp(logRoot)
          const left = span.near + span.gap * root
          const logLeft = Math.log(left)
          const part = (weights[node] as number) * y * y * Math.exp(-span.power * logLeft)
          // Logarithms and inverses of base + u and of the other one + u at this point of the integral.
          const logBase = logNear - logRoot
          const logOther = logLeft - logRoot
          const inverseBase = root / span.near
          const inverseOther = root / left
          sum += part
          sumLogBuy += part * (span.byLife ? logOther : logBase)
          sumBuy += part * (span.byLife ? inverseOther : inverseBase)
          sumLogLife += part * (span.byLife ? logBase : logOther)
          sumLife += part * (span.byLife ? inverseBase : inverseOther)
        }
      }
      const stopped = sum > 0 ? span.front + Math.log(sum) : -Infinity
      const likelihood = logSum(active, stopped)
      const gone = Math.exp(stopped - likelihood)
      const there = 1 - gone
      const times = weight[row] as number
      const mean = sum > 0 ? gone / sum : 0
      total += times * ((logRise[n] as number) + r * Math.log(alpha) + s * Math.log(beta) + likelihood)
      byR += times * ((riseSlope[n] as number) + Math.log(alpha) - there * logEndBuy - mean * sumLogBuy)
      byS += times * (Math.log(beta) - there * logEndLife + gone / s - mean * sumLogLife)
      const rowAlpha =
        times * (r - there * ((shape * alpha) / (alpha + (age[row] as number))) - mean * shape * alpha * sumBuy)
      const rowBeta =
        times * (s - there * ((s * beta) / (beta + (age[row] as number))) - mean * (s + 1) * beta * sumLife)
      byLogAlpha += rowAlpha
      byLogBeta += rowBeta
      for (let c = 0; c < width; c++) {
        const value = (covariates as Covariates).values[row * width + c] as number
        gradient[4 + c] = (gradient[4 + c] as number) + rowBeta * value
        gradient[4 + width + c] = (gradient[4 + width + c] as number) + rowAlpha * value
      }
    }
    gradient[0] = -(r * byR + byLogAlpha)
    gradient[1] = byLogAlpha
    gradient[2] = -(s * byS + byLogBeta)
    gradient[3] = byLogBeta
    return -total
  }
}
