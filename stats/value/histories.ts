/**
 * What the purchase models need of each customer: repeat purchases, when the last one was and how long the customer
 * has been known, in the unit of time of the model (weeks). Equal customers share one row.
 */
export type Histories = {
  /** Repeat purchases: days with a purchase − 1. */
  repeats: Float64Array
  /** Time from the first to the last purchase; 0 without a repeat. */
  recency: Float64Array
  /** Time from the first purchase to the end of the observation. */
  age: Float64Array
  /** How many customers stand on the row. */
  weight: Float64Array
  /** Row of each customer, in the order given. */
  rowOf: Uint32Array
  largestRepeats: number
  /** Traits of each row, in its order; empty without covariates. */
  traits: (readonly number[])[]
}

export type Customer = {
  repeats: number
  recency: number
  age: number
  weight?: number
  /** Customers with other traits (covariates) do not share a row. */
  traits?: readonly number[]
}

/** Gathers equal customers. O(customers). */
export function historiesOf(customers: readonly Customer[]): Histories {
  const rows = new Map<string, number>()
  const distinct: Customer[] = []
  const weights: number[] = []
  let largestRepeats = 0
  const rowOf = Uint32Array.from(customers, (customer) => {
    const key = `${customer.repeats} ${customer.recency} ${customer.age} ${customer.traits?.join(' ') ?? ''}`
    let row = rows.get(key)
    if (row === undefined) {
      row = distinct.length
      rows.set(key, row)
      distinct.push(customer)
      weights.push(0)
      largestRepeats = Math.max(largestRepeats, customer.repeats)
    }
    weights[row] = (weights[row] as number) + (customer.weight ?? 1)
    return row
  })
  return {
    repeats: Float64Array.from(distinct, (row) => row.repeats),
    recency: Float64Array.from(distinct, (row) => row.recency),
    age: Float64Array.from(distinct, (row) => row.age),
    weight: Float64Array.from(weights),
    rowOf,
    largestRepeats,
    traits: distinct.map((row) => row.traits ?? []),
  }
}

export type Purchase = { customer: string; day: number; amount: number }

export type CustomerSummary = Customer & {
  id: string
  firstDay: number
  /** Mean amount of the repeat purchases with an amount above 0; 0 without one. */
  meanAmount: number
  /** How many purchases `meanAmount` is the mean of. */
  amounts: number
  /** Sum of the logarithms of the times between purchases; regular models need it to be compared with others. */
  logIntervals: number
  /** Purchases (days) in the holdout. */
  later: number
  /** Days of all purchases, in order. */
  days: number[]
}

/**
 * One transaction per person and day (amounts added up), time in weeks from the first purchase, purchases after
 * `lastDay` counted as holdout. Customers whose first purchase lies after `lastDay` are left out.
 */
export function summariesOf(purchases: readonly Purchase[], lastDay: number, unitDays = 7): CustomerSummary[] {
  const persons = new Map<string, Map<number, number>>()
  for (const { customer, day, amount } of purchases) {
    let days = persons.get(customer)
    if (days === undefined) {
      days = new Map()
      persons.set(customer, days)
    }
    days.set(day, (days.get(day) ?? 0) + amount)
  }
  const summaries: CustomerSummary[] = []
  for (const [id, days] of persons) {
    const sorted = [...days].sort((left, right) => left[0] - right[0])
    const before = sorted.filter(([day]) => day <= lastDay)
    const first = before[0]
    const last = before.at(-1)
    if (first === undefined || last === undefined) continue
    const amounts = before.slice(1).map(([, amount]) => amount)
    const paid = amounts.filter((amount) => amount > 0)
    summaries.push({
      id,
      firstDay: first[0],
      repeats: before.length - 1,
      recency: (last[0] - first[0]) / unitDays,
      age: (lastDay - first[0]) / unitDays,
      meanAmount: paid.length === 0 ? 0 : paid.reduce((sum, amount) => sum + amount, 0) / paid.length,
      amounts: paid.length,
      logIntervals: before
        .slice(1)
        .reduce((sum, [day], index) => sum + Math.log((day - (before[index]?.[0] ?? day)) / unitDays), 0),
      later: sorted.length - before.length,
      days: sorted.map(([day]) => day),
    })
  }
  return summaries
}
