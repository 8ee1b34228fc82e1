import type { Draws } from '../numbers/chance.ts'
import type { Objective } from '../numbers/minimise.ts'
import { digamma, logBeta, logGamma, logSum } from '../numbers/special.ts'

/** Yes or no at each of `occasions` (years, catalogues, waves): how often yes, and when last. */
export type Occasions = { yes: Float64Array; last: Float64Array; occasions: Float64Array; weight: Float64Array }

/**
 * BG/BB (Fader, Hardie, Shang 2010) for buying on given occasions: at each one an active customer buys with a
 * probability of her own (beta alpha, beta) and stops before it with another (beta gamma, delta).
 * Search coordinates: logs of the four.
 */
export function bgBbObjective({ yes, last, occasions, weight }: Occasions): Objective {
  return (at, gradient) => {
    const parameters = Array.from(at, Math.exp) as [number, number, number, number]
    const slopes = [0, 0, 0, 0]
    let total = 0
    for (let row = 0; row < weight.length; row++) {
      const terms = termsOf(parameters, yes[row] as number, last[row] as number, occasions[row] as number)
      const likelihood = terms.reduce((sum, term) => logSum(sum, term.log), -Infinity)
      const times = weight[row] as number
      total += times * likelihood
      for (const term of terms) {
        const share = Math.exp(term.log - likelihood)
        for (let index = 0; index < 4; index++)
          slopes[index] = (slopes[index] as number) + times * share * (term.slopes[index] as number)
      }
    }
    for (let index = 0; index < 4; index++) gradient[index] = -(parameters[index] as number) * (slopes[index] as number)
    return -total
  }
}

export const bgBbBox = { low: [-8, -8, -8, -8], high: [9, 9, 9, 9] }

type Term = { log: number; slopes: [number, number, number, number] }

/** Still active at the end, or stopped before each of the occasions after the last yes. */
function termsOf(
  [alpha, beta, gamma, delta]: readonly [number, number, number, number],
  yes: number,
  last: number,
  occasions: number,
): Term[] {
  const term = (asked: number, stopped: number, stayed: number): Term => {
    const bought = digamma(alpha + beta) - digamma(alpha + beta + asked)
    const lived = digamma(gamma + delta) - digamma(gamma + delta + stopped + stayed)
    return {
      log:
        logBeta(alpha + yes, beta + asked - yes) -
        logBeta(alpha, beta) +
        logBeta(gamma + stopped, delta + stayed) -
        logBeta(gamma, delta),
      slopes: [
        digamma(alpha + yes) - digamma(alpha) + bought,
        digamma(beta + asked - yes) - digamma(beta) + bought,
        digamma(gamma + stopped) - digamma(gamma) + lived,
        digamma(delta + stayed) - digamma(delta) + lived,
      ],
    }
  }
  const terms = [term(occasions, 0, occasions)]
  for (let asked = last; asked < occasions; asked++) terms.push(term(asked, 1, asked))
  return terms
}

/** Chance that somebody is still active before the next occasion. */
export function bgBbAlive(
  parameters: readonly [number, number, number, number],
  yes: number,
  last: number,
  occasions: number,
): number {
  const [, , gamma, delta] = parameters
  const terms = termsOf(parameters, yes, last, occasions)
  const likelihood = terms.reduce((sum, term) => logSum(sum, term.log), -Infinity)
  return Math.exp((terms[0] as Term).log - likelihood) * ((delta + occasions) / (gamma + delta + occasions))
}

/** Yeses expected at the next `horizon` occasions. */
export function bgBbExpected(
  parameters: readonly [number, number, number, number],
  customer: { yes: number; last: number; occasions: number },
  horizon: number,
): number {
  const [alpha, beta, gamma, delta] = parameters
  const { yes, last, occasions } = customer
  const terms = termsOf(parameters, yes, last, occasions)
  const likelihood = terms.reduce((sum, term) => logSum(sum, term.log), -Infinity)
  const buys = logBeta(alpha + yes + 1, beta + occasions - yes) - logBeta(alpha, beta) - likelihood
  // Summed over occasions: exact for any gamma, also where the closed form divides by gamma − 1.
  let sum = 0
  for (let step = 1; step <= horizon; step++) {
    sum += Math.exp(
      buys +
        logGamma(gamma + delta) -
        logGamma(delta) +
        logGamma(delta + occasions + step) -
        logGamma(gamma + delta + occasions + step),
    )
  }
  return sum
}

/** Between which counts the yeses of the next `horizon` occasions lie in nine of ten imagined futures. */
export function bgBbBounds(
  parameters: readonly [number, number, number, number],
  customer: { yes: number; last: number; occasions: number },
  horizon: number,
  draws: Draws,
  options: { futures?: number; level?: number } = {},
): { low: number; high: number } {
  const { futures = 400, level = 0.9 } = options
  const [alpha, beta, gamma, delta] = parameters
  const { yes, last, occasions } = customer
  // Still active after all occasions seen; the step to the next one is part of the future.
  const terms = termsOf(parameters, yes, last, occasions)
  const likelihood = terms.reduce((sum, term) => logSum(sum, term.log), -Infinity)
  const stayed = Math.exp((terms[0] as Term).log - likelihood)
  const counts = Float64Array.from({ length: futures }, () => {
    if (draws.uniform() >= stayed) return 0
    const buys = draws.beta(alpha + yes, beta + occasions - yes)
    const stops = draws.beta(gamma, delta + occasions)
    let count = 0
    for (let step = 0; step < horizon && draws.uniform() >= stops; step++) if (draws.uniform() < buys) count++
    return count
  }).sort()
  const at = (share: number) => counts[Math.round(share * (futures - 1))] as number
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) }
}
