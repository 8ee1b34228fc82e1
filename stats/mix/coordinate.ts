import type { Draws } from '../numbers/chance.ts'
import type { Belief, Law, Range } from './spec.ts'

/**
 * One quantity of the model and the unbounded coordinate `u` in which the sampler moves it. The density of the
 * belief is told in `u`, change of variables included.
 */
export type Coordinate = {
  name: string
  /** Null when the quantity is known: then it has no coordinate. */
  fixed: number | null
  start: number
  value(u: number): number
  /** d value / d u, given u and its value. */
  slope(u: number, value: number): number
  logPrior(u: number, value: number): number
  priorSlope(u: number, value: number): number
  draw(draws: Draws): number
}

const ninety = 1.6448536269514722

/** Ranges become log-normal laws; a range from 0 a half-normal one. */
export function lawOf(belief: Belief): Law {
  if ('law' in belief) return belief
  const [low, high] = belief
  if (low === high) return { law: 'fixed', value: low }
  if (low <= 0) return { law: 'half-normal', scale: high / ninety }
  return { law: 'log-normal', median: Math.sqrt(low * high), spread: Math.log(high / low) / (2 * ninety) }
}

export function coordinateOf(name: string, belief: Belief): Coordinate {
  const law = lawOf(belief)
  switch (law.law) {
    case 'fixed':
      return {
        ...standard,
        name,
        fixed: law.value,
        value: () => law.value,
        slope: () => 0,
      }
    case 'normal':
      return {
        ...standard,
        name,
        fixed: null,
        value: (u) => law.mean + law.deviation * u,
        slope: () => law.deviation,
      }
    case 'log-normal':
      return {
        ...standard,
        name,
        fixed: null,
        value: (u) => law.median * Math.exp(law.spread * u),
        slope: (_, value) => law.spread * value,
      }
    case 'half-normal':
      return {
        name,
        fixed: null,
        start: Math.log(law.scale / 2),
        value: Math.exp,
        slope: (_, value) => value,
        logPrior: (u, value) => u - 0.5 * (value / law.scale) ** 2,
        priorSlope: (_, value) => 1 - (value / law.scale) ** 2,
        draw: (draws) => Math.log(law.scale * Math.abs(draws.normal()) + 1e-300),
      }
    case 'gamma':
      return {
        name,
        fixed: null,
        start: Math.log(law.shape / law.rate),
        value: Math.exp,
        slope: (_, value) => value,
        logPrior: (u, value) => law.shape * u - law.rate * value,
        priorSlope: (_, value) => law.shape - law.rate * value,
        draw: (draws) => Math.log(draws.gamma(law.shape, law.rate) + 1e-300),
      }
    case 'beta':
      return {
        name,
        fixed: null,
        start: Math.log(law.a / law.b),
        value: logistic,
        slope: (_, value) => value * (1 - value),
        // log v = −log(1 + e⁻ᵘ) and log(1 − v) = −u − log(1 + e⁻ᵘ): exact where v rounds to 0 or 1.
        logPrior: (u) => -law.a * softplus(-u) - law.b * softplus(u),
        priorSlope: (_, value) => law.a * (1 - value) - law.b * value,
        draw: (draws) => {
          const value = Math.min(1 - 1e-12, Math.max(1e-12, draws.beta(law.a, law.b)))
          return Math.log(value / (1 - value))
        },
      }
  }
}

/** A standard normal coordinate; its owner says what it means. */
const standard = {
  start: 0,
  logPrior: (u: number) => -0.5 * u * u,
  priorSlope: (u: number) => -u,
  draw: (draws: Draws) => draws.normal(),
}

export function standardCoordinate(name: string): Coordinate {
  return { ...standard, name, fixed: null, value: (u) => u, slope: () => 1 }
}

/** Carry-over: the belief is about weeks until half is over, the value is the retention a week. */
export function retentionOf(name: string, halfLife: Belief, delayed: boolean): Coordinate {
  const inner = coordinateOf(name, halfLife)
  // Of a delayed carry-over the retention acts on the square of the distance from the peak.
  const power = delayed ? 2 : 1
  const keep = (weeks: number) => (weeks <= 0 ? 0 : Math.exp(-Math.LN2 / weeks ** power))
  if (inner.fixed !== null) {
    const value = keep(inner.fixed)
    return { ...inner, fixed: value, value: () => value }
  }
  return {
    ...inner,
    value: (u) => keep(inner.value(u)),
    slope: (u, value) => {
      const weeks = inner.value(u)
      return weeks <= 0 ? 0 : (value * Math.LN2 * power * inner.slope(u, weeks)) / weeks ** (power + 1)
    },
    logPrior: (u) => inner.logPrior(u, inner.value(u)),
    priorSlope: (u) => inner.priorSlope(u, inner.value(u)),
  }
}

/** A share: its odds follow a log-normal law, so that it stays between nothing and all. */
export function shareOf(name: string, [low, high]: Range): Coordinate {
  const logOdds = (share: number) => Math.log(share / (1 - share))
  const [left, right] = [low, high].map((share) => logOdds(Math.min(0.999, Math.max(0.001, share)))) as [number, number]
  if (left === right) return coordinateOf(name, { law: 'fixed', value: logistic(left) })
  const width = (right - left) / (2 * ninety)
  return {
    ...standard,
    name,
    fixed: null,
    value: (u) => logistic((left + right) / 2 + width * u),
    slope: (_, value) => width * value * (1 - value),
  }
}

/** Weeks until half is over, from the retention. */
export function halfLifeOf(retention: number, delayed: boolean): number {
  if (retention <= 0) return 0
  const weeks = -Math.LN2 / Math.log(retention)
  return delayed ? Math.sqrt(weeks) : weeks
}

function logistic(u: number): number {
  return u < 0 ? Math.exp(u) / (1 + Math.exp(u)) : 1 / (1 + Math.exp(-u))
}

function softplus(u: number): number {
  return u > 0 ? u + Math.log1p(Math.exp(-u)) : Math.log1p(Math.exp(u))
}
