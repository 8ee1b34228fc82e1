import type { Histories } from './histories.ts'
import type { PurchaseModel, Seen } from './model.ts'

/**
 * Beta-geometric models (Fader, Hardie, Lee 2005; Batislam et al. 2007; Platzer & Reutterer 2016). While active a
 * customer buys at a rate of her own (gamma r, alpha), and after each purchase stops with a probability of her own
 * (beta a, b). The modified kinds allow to stop right after the first purchase, so nobody is alive for certain.
 * With `regularity` 2 purchases come more evenly than at random: the waiting time is the sum of two steps.
 */
type Kind = { modified: boolean; regularity: 1 | 2 }

/** Search coordinates: log r, log r/alpha, log a/b, log(a + b). */
const box = { low: [-8, -12, -9, -6], high: [7, 7, 9, 9] }

function parametersAt(at: ArrayLike<number>): number[] {
  const r = Math.exp(at[0] as number)
  const share = 1 / (1 + Math.exp(-(at[2] as number)))
  const sum = Math.exp(at[3] as number)
  return [r, r / Math.exp(at[1] as number), sum * share, sum * (1 - share)]
}

function betaGeometric(name: PurchaseModel['name'], kind: Kind): PurchaseModel {
  const { regularity } = kind
  /** Stops so far are counted from the first purchase in the modified kinds. */
  const extra = kind.modified ? 1 : 0
  return {
    name,
    parameters: ['r', 'alpha', 'a', 'b'],
    box,
    parametersAt,
    start(histories) {
      let bought = 0
      let time = 0
      for (let row = 0; row < histories.weight.length; row++) {
        bought += (histories.weight[row] as number) * (histories.repeats[row] as number)
        time += (histories.weight[row] as number) * (histories.age[row] as number)
      }
      return [-0.7, Math.log(((bought + 0.5) / (time + 1)) * regularity * 1.5), -0.8, 0.5]
    },
    objective: (histories) => objectiveOf(histories, extra, regularity),
    alive: (parameters, customer) => aliveOf(parameters, customer, extra, regularity),
    expected(parameters, customer, horizon) {
      const alive = aliveOf(parameters, customer, extra, regularity)
      return alive * expectedOfActive(parameters, customer, horizon, extra, regularity)
    },
    imagine(parameters, customer, alive, horizon, draws) {
      if (draws.uniform() >= alive) return 0
      const [r, alpha, a, b] = parameters as [number, number, number, number]
      const rate = draws.gamma(r + regularity * customer.repeats, alpha + customer.age)
      const stops = draws.beta(a, b + customer.repeats + extra)
      const wanted = Math.floor(draws.poisson(rate * horizon) / regularity)
      if (stops <= 0) return wanted
      const until = Math.ceil(Math.log(1 - draws.uniform()) / Math.log1p(-Math.min(stops, 1 - 1e-12)))
      return Math.min(wanted, Math.max(1, until))
    },
    newcomer(parameters, time) {
      const fresh = { repeats: 0, recency: 0, age: 0 }
      const [, , a, b] = parameters as [number, number, number, number]
      // Somebody who has just bought for the first time may already have stopped in the modified kinds.
      return (kind.modified ? b / (a + b) : 1) * expectedOfActive(parameters, fresh, time, extra, regularity)
    },
    edge(parameters) {
      const [r, alpha, a, b] = parameters as [number, number, number, number]
      if (a / (a + b) < 1e-3) return 'nobody_stops'
      if (r > 500 && alpha > 500) return 'one_rate'
      return null
    },
  }
}

export const bgNbd = betaGeometric('bg-nbd', { modified: false, regularity: 1 })
export const mbgNbd = betaGeometric('mbg-nbd', { modified: true, regularity: 1 })
export const mbgCnbd2 = betaGeometric('mbg-cnbd-2', { modified: true, regularity: 2 })

/** log Γ(base + n) − log Γ(base) and its derivative for n = 0 … most, by adding up: no gamma function per customer. */
function risingTable(base: number, most: number): { log: Float64Array; slope: Float64Array } {
  const log = new Float64Array(most + 1)
  const slope = new Float64Array(most + 1)
  for (let n = 1; n <= most; n++) {
    log[n] = (log[n - 1] as number) + Math.log(base + n - 1)
    slope[n] = (slope[n - 1] as number) + 1 / (base + n - 1)
  }
  return { log, slope }
}

function objectiveOf(histories: Histories, extra: number, regularity: 1 | 2) {
  const { repeats, recency, age, weight } = histories
  const rows = weight.length
  const most = histories.largestRepeats
  return (at: Float64Array, gradient: Float64Array): number => {
    const [r, alpha, a, b] = parametersAt(at) as [number, number, number, number]
    const rate = risingTable(r, regularity * most + regularity)
    const stay = risingTable(b, most + extra)
    const all = risingTable(a + b, most + extra)
    const logAlpha = Math.log(alpha)
    const logA = Math.log(a)
    const logStay = Float64Array.from({ length: most + 1 }, (_, n) => Math.log(b + n + extra - 1))
    let total = 0
    let [byR, byAlpha, byA, byB] = [0, 0, 0, 0]
    for (let row = 0; row < rows; row++) {
      const n = repeats[row] as number
      const shape = r + regularity * n
      const endOf = alpha + (age[row] as number)
      const logEnd = Math.log(endOf)
      // Still active: no purchase since the last one, which for even spacing may be half a step under way.
      let active = -shape * logEnd
      let activeR = -logEnd
      let activeAlpha = -shape / endOf
      if (regularity === 2) {
        const since = (age[row] as number) - (recency[row] as number)
        const under = (shape * since) / endOf
        const part = 1 + under
        active += Math.log(part)
        activeR += since / endOf / part
        activeAlpha += -under / endOf / part
      }
      const base =
        (rate.log[regularity * n] as number) +
        r * logAlpha +
        (stay.log[n + extra] as number) -
        (all.log[n + extra] as number)
      let likelihood = active
      let gone = 0
      const lastOf = alpha + (recency[row] as number)
      const logLast = Math.log(lastOf)
      const stoppable = extra === 1 || n > 0
      if (stoppable) {
        const gap = logA - (logStay[n] as number) - shape * logLast - active
        const small = Math.exp(-Math.abs(gap))
        likelihood = active + Math.max(0, gap) + Math.log1p(small)
        gone = (gap > 0 ? 1 : small) / (1 + small)
      }
      const there = 1 - gone
      const times = weight[row] as number
      total += times * (base + likelihood)
      byR += times * ((rate.slope[regularity * n] as number) + logAlpha + there * activeR - gone * logLast)
      byAlpha += times * (r / alpha + there * activeAlpha - (gone * shape) / lastOf)
      byA += times * (gone / a - (all.slope[n + extra] as number))
      byB +=
        times *
        ((stay.slope[n + extra] as number) -
          (all.slope[n + extra] as number) -
          (stoppable ? gone / (b + n + extra - 1) : 0))
    }
    const sum = a + b
    gradient[0] = -(r * byR + alpha * byAlpha)
    gradient[1] = alpha * byAlpha
    gradient[2] = -((a * b) / sum) * (byA - byB)
    gradient[3] = -(a * byA + b * byB)
    return -total
  }
}

function aliveOf(
  parameters: readonly number[],
  { repeats, recency, age }: Seen,
  extra: number,
  regularity: 1 | 2,
): number {
  const [r, alpha, a, b] = parameters as [number, number, number, number]
  if (extra === 0 && repeats === 0) return 1
  const shape = r + regularity * repeats
  const half = regularity === 2 ? Math.log1p((shape * (age - recency)) / (alpha + age)) : 0
  const odds = Math.log(a / (b + repeats + extra - 1)) + shape * Math.log((alpha + age) / (alpha + recency)) - half
  return 1 / (1 + Math.exp(odds))
}

/**
 * Purchases in the next `horizon` of somebody who is active: ∫ over her rate and stopping probability of
 * (1 − e^(−rate·stop·t)) / stop, in closed form with Gauss' hypergeometric function. For regularity 2 the steps are
 * counted and halved, which leaves out less than a quarter of a purchase.
 */
function expectedOfActive(
  parameters: readonly number[],
  { repeats, age }: Seen,
  horizon: number,
  extra: number,
  regularity: 1 | 2,
): number {
  const [r, alpha, a, b] = parameters as [number, number, number, number]
  const shape = r + regularity * repeats
  // Two steps make one purchase, so the rate of purchases is half the rate of steps.
  const scale = (alpha + age) * regularity
  const away = nearOne(a)
  const stayed = b + repeats + extra
  const z = horizon / (scale + horizon)
  const power = shape * Math.log(scale / (scale + horizon))
  const third = Math.abs(away + stayed - 1) < 1e-9 ? 1e-9 : away + stayed - 1
  return (third / (away - 1)) * (1 - Math.exp(power) * hypergeometric(shape, stayed, third, z))
}

/** The closed form divides by a − 1; at the hole itself its limit is taken from next to it. */
function nearOne(a: number): number {
  return Math.abs(a - 1) < 1e-5 ? (a < 1 ? 1 - 1e-5 : 1 + 1e-5) : a
}

/** Gauss' ₂F₁(a, b; c; z) for 0 ≤ z < 1, by its series; past 0.8 after Euler's transformation when that is shorter. */
export function hypergeometric(a: number, b: number, c: number, z: number): number {
  if (z > 0.8 && c - a < a && c - b < b && c - a - b < 0) {
    return (1 - z) ** (c - a - b) * seriesOf(c - a, c - b, c, z)
  }
  return seriesOf(a, b, c, z)
}

function seriesOf(a: number, b: number, c: number, z: number): number {
  let term = 1
  let sum = 1
  for (let n = 0; n < 100_000; n++) {
    term *= (((a + n) * (b + n)) / ((c + n) * (n + 1))) * z
    sum += term
    if (Math.abs(term) <= 1e-15 * Math.abs(sum) && n > 3) break
  }
  return sum
}
