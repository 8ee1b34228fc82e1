import type { Objective } from '../numbers/minimise.ts'
import { digamma, logGamma } from '../numbers/special.ts'

/** What the spend model needs: mean amount of the repeat purchases and how many there were; equal customers share a row. */
export type Spending = { count: Float64Array; mean: Float64Array; weight: Float64Array }

export function spendingOf(customers: readonly { amounts: number; meanAmount: number; weight?: number }[]): Spending {
  const rows = customers.filter(({ amounts, meanAmount }) => amounts > 0 && meanAmount > 0)
  return {
    count: Float64Array.from(rows, (row) => row.amounts),
    mean: Float64Array.from(rows, (row) => row.meanAmount),
    weight: Float64Array.from(rows, (row) => row.weight ?? 1),
  }
}

/**
 * Gamma-Gamma spend model (Colombo & Jiang 1999; Fader, Hardie, Berger 2004): amounts vary around each customer's own
 * level (gamma p), levels differ between customers (gamma q, v). Search coordinates: log p, log q, log v.
 */
export function gammaGammaObjective(spending: Spending): Objective {
  const { count, mean, weight } = spending
  const logMean = mean.map(Math.log)
  const logTotals = logMean.map((log, row) => log + Math.log(count[row] as number))
  return (at, gradient) => {
    const p = Math.exp(at[0] as number)
    const q = Math.exp(at[1] as number)
    const v = Math.exp(at[2] as number)
    const logV = Math.log(v)
    const fixed = q * logV - logGamma(q)
    const slopeQ = digamma(q)
    const known = new Map<number, [number, number, number]>()
    let total = 0
    let [byP, byQ, byV] = [0, 0, 0]
    for (let row = 0; row < count.length; row++) {
      const n = count[row] as number
      let functions = known.get(n)
      if (functions === undefined) {
        const both = digamma(p * n + q)
        functions = [logGamma(p * n + q) - logGamma(p * n), both, digamma(p * n)]
        known.set(n, functions)
      }
      const z = mean[row] as number
      const sum = n * z + v
      const logSum = Math.log(sum)
      const logTotal = logTotals[row] as number
      const times = weight[row] as number
      total += times * (functions[0] + fixed + p * n * logTotal - (logMean[row] as number) - (p * n + q) * logSum)
      byP += times * n * (functions[1] - functions[2] + logTotal - logSum)
      byQ += times * (functions[1] - slopeQ + logV - logSum)
      byV += times * (q / v - (p * n + q) / sum)
    }
    gradient[0] = -p * byP
    gradient[1] = -q * byQ
    gradient[2] = -v * byV
    return -total
  }
}

export const spendBox = { low: [-7, -7, -9], high: [9, 9, 14] }

/** Amount expected per purchase: between the customer's own mean and everybody's. Infinite averages (q ≤ 1, nothing known) give null. */
export function expectedSpend(
  parameters: readonly number[],
  customer: { amounts: number; meanAmount: number },
): number | null {
  const [p, q, v] = parameters as [number, number, number]
  const below = p * customer.amounts + q - 1
  return below <= 0 ? null : (p * (v + customer.amounts * customer.meanAmount)) / below
}
