import type { Interval } from '../lift/holdout.ts'
import { normalQuantile } from '../numbers/distributions.ts'

/** What happened and what a rule would have done. Arrays are parallel; arms are numbered from 0 (nothing). */
export type PolicyData = {
  arm: Uint8Array
  outcome: Float64Array
  /** Chance of the arm that a person really got. */
  chance: Float64Array
  /** Arm the rule chooses for each person. */
  choice: Uint8Array
}

/**
 * Mean outcome if everybody got the arm the rule chooses, by inverse propensity: persons who happened to get it stand
 * for the others, weighted so that the weights average 1 (Hájek).
 */
export function policyValue({ arm, outcome, chance, choice }: PolicyData, level = 0.9): Interval & { matched: number } {
  let [sum, weights, matched] = [0, 0, 0]
  const rows = arm.length
  for (let row = 0; row < rows; row++) {
    if (arm[row] !== choice[row]) continue
    const weight = 1 / (chance[row] as number)
    sum += weight * (outcome[row] as number)
    weights += weight
    matched++
  }
  const value = weights > 0 ? sum / weights : 0
  let squares = 0
  for (let row = 0; row < rows; row++) {
    if (arm[row] !== choice[row]) continue
    squares += ((((outcome[row] as number) - value) / (chance[row] as number)) as number) ** 2
  }
  const reach = normalQuantile((1 + level) / 2) * (weights > 0 ? Math.sqrt(squares) / weights : 0)
  return { value, low: value - reach, high: value + reach, matched }
}

/**
 * The same, doubly robust: what models expect of the chosen arm, corrected by what those who got it really did. Sharper
 * when the models are good, still right when they are not. `expected[arm][row]` must not have seen the row.
 */
export function robustPolicyValue(data: PolicyData, expected: readonly Float64Array[], level = 0.9): Interval {
  const { arm, outcome, chance, choice } = data
  const rows = arm.length
  let [sum, squares] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const promised = (expected[choice[row] as number] as Float64Array)[row] as number
    const seen = arm[row] === choice[row] ? ((outcome[row] as number) - promised) / (chance[row] as number) : 0
    sum += promised + seen
    squares += (promised + seen) ** 2
  }
  const value = sum / rows
  const reach = normalQuantile((1 + level) / 2) * Math.sqrt(Math.max(0, squares / rows - value * value) / rows)
  return { value, low: value - reach, high: value + reach }
}
