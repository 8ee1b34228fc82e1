import { normalBelow, normalQuantile } from '../numbers/distributions.ts'

/** One arm against control: estimate and its standard error. */
export type ArmEffect = { arm: string; value: number; error: number }

export type ArmVerdict = {
  arm: string
  value: number
  low: number
  high: number
  pValue: number
  /** Smallest rate of false discoveries at which this arm would still be called different. */
  qValue: number
  different: boolean
}

/**
 * Several arms against one control. Which of them differ is decided by Benjamini & Hochberg (1995), so that at most
 * `rate` of those called different are not, on average; the intervals of the chosen ones are widened so that they
 * keep their promise although they were chosen (Benjamini & Yekutieli 2005).
 */
export function compareArms(arms: readonly ArmEffect[], options: { rate?: number; level?: number } = {}): ArmVerdict[] {
  const { rate = 0.1, level = 0.9 } = options
  const pValues = arms.map(({ value, error }) => (error > 0 ? 2 * normalBelow(-Math.abs(value) / error) : 1))
  const qValues = falseDiscoveries(pValues)
  const chosen = qValues.filter((q) => q <= rate).length
  return arms.map(({ arm, value, error }, index) => {
    const different = (qValues[index] as number) <= rate
    const miss = different ? ((1 - level) * chosen) / arms.length : 1 - level
    const reach = normalQuantile(1 - miss / 2) * error
    return {
      arm,
      value,
      low: value - reach,
      high: value + reach,
      pValue: pValues[index] as number,
      qValue: qValues[index] as number,
      different,
    }
  })
}

/** Benjamini-Hochberg q-values: with those up to q, a share of at most q is expected to be false. */
export function falseDiscoveries(pValues: readonly number[]): number[] {
  const order = pValues
    .map((_, index) => index)
    .sort((left, right) => (pValues[right] as number) - (pValues[left] as number))
  const result = Array.from<number>({ length: pValues.length })
  let least = 1
  order.forEach((index, position) => {
    const rank = pValues.length - position
    least = Math.min(least, ((pValues[index] as number) * pValues.length) / rank)
    result[index] = least
  })
  return result
}
