import type { Draws } from '../numbers/chance.ts'
import type { Objective } from '../numbers/minimise.ts'
import type { Histories } from './histories.ts'

export type PurchaseModelName = 'bg-nbd' | 'mbg-nbd' | 'mbg-cnbd-2' | 'pareto-nbd'

/** A model of buying until one quietly stops. Parameters are positive and in the words of the literature. */
export type PurchaseModel = {
  name: PurchaseModelName
  parameters: readonly string[]
  /** The coordinates of the search: well-behaved combinations of the parameters, in log space. */
  box: { low: number[]; high: number[] }
  start(histories: Histories): number[]
  parametersAt(at: ArrayLike<number>): number[]
  /** Negative log-likelihood of all customers, with its gradient in the search coordinates. */
  objective(histories: Histories): Objective
  /** Purchases expected of this customer in the next `horizon`. */
  expected(parameters: readonly number[], customer: Seen, horizon: number): number
  /** Chance that the customer still buys at all. */
  alive(parameters: readonly number[], customer: Seen): number
  /** One possible future: purchases in the next `horizon`. */
  imagine(parameters: readonly number[], customer: Seen, alive: number, horizon: number, draws: Draws): number
  /** Purchases expected in `time` after the first one, for a newcomer. */
  newcomer(parameters: readonly number[], time: number): number
  /** Where the parameters sit when part of the model means nothing there; null when all is well. */
  edge(parameters: readonly number[]): Edge | null
}

/**
 * Why a fit should not be read: nobody seems to stop for good, all seem to buy at the same rate, the search did not
 * come to rest, or a few customers spend so much that the average has no limit.
 */
export type Edge = 'nobody_stops' | 'one_rate' | 'no_rest' | 'boundless_spend'

export type Seen = { repeats: number; recency: number; age: number }
