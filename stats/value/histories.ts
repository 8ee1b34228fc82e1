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
  /** Sum over all customers of the logarithms of the times between their purchases; what regular models compare by. */
  logIntervals: number
  /** Traits of each row, in its order; empty without covariates. */
  traits: (readonly number[])[]
}

export type Customer = {
  repeats: number
  recency: number
  age: number
  weight?: number
  logIntervals?: number
  /** Customers with other traits (covariates) do not share a row. */
  traits?: readonly number[]
}

/** Gathers equal customers. O(customers). */
export function historiesOf(customers: readonly Customer[]): Histories {
  const gathered = gatherHistories()
  const rowOf = new Uint32Array(customers.length)
  for (let index = 0; index < customers.length; index++) rowOf[index] = gathered.add(customers[index] as Customer)
  return gathered.histories(rowOf)
}

/** The same for customers that come one by one; `add` tells the row. */
export function gatherHistories() {
  const find = finder()
  const distinct: Customer[] = []
  const weights: number[] = []
  let largestRepeats = 0
  let logIntervals = 0
  return {
    add(customer: Customer): number {
      const row = find(customer, distinct.length)
      if (row === distinct.length) {
        distinct.push(customer)
        weights.push(0)
        largestRepeats = Math.max(largestRepeats, customer.repeats)
      }
      weights[row] = (weights[row] as number) + (customer.weight ?? 1)
      logIntervals += customer.logIntervals ?? 0
      return row
    },
    histories: (rowOf: Uint32Array): Histories => ({
      repeats: Float64Array.from(distinct, (row) => row.repeats),
      recency: Float64Array.from(distinct, (row) => row.recency),
      age: Float64Array.from(distinct, (row) => row.age),
      weight: Float64Array.from(weights),
      rowOf,
      largestRepeats,
      logIntervals,
      traits: distinct.map((row) => row.traits ?? []),
    }),
  }
}

/** Looks a customer's row up, or remembers `next` as its row. Nested maps of numbers: no text is built. */
function finder(): (customer: Customer, next: number) => number {
  const plain = new Map<number, Map<number, Map<number, number>>>()
  const traited = new Map<string, number>()
  return (customer, next) => {
    if (customer.traits !== undefined) {
      const key = `${customer.repeats} ${customer.recency} ${customer.age} ${customer.traits.join(' ')}`
      const known = traited.get(key)
      if (known === undefined) traited.set(key, next)
      return known ?? next
    }
    let byRecency = plain.get(customer.age)
    if (byRecency === undefined) plain.set(customer.age, (byRecency = new Map()))
    let byRepeats = byRecency.get(customer.recency)
    if (byRepeats === undefined) byRecency.set(customer.recency, (byRepeats = new Map()))
    const known = byRepeats.get(customer.repeats)
    if (known === undefined) byRepeats.set(customer.repeats, next)
    return known ?? next
  }
}

/** Every so-many-th row, standing for all: where the search is far from its goal, less data show the way as well. */
export function thinned(histories: Histories, every: number): Histories {
  const rows = Array.from({ length: Math.ceil(histories.weight.length / every) }, (_, index) => index * every)
  const pick = (numbers: Float64Array) => Float64Array.from(rows, (row) => numbers[row] as number)
  const weight = pick(histories.weight)
  const scale = histories.weight.reduce((sum, part) => sum + part, 0) / weight.reduce((sum, part) => sum + part, 0)
  return {
    ...histories,
    repeats: pick(histories.repeats),
    recency: pick(histories.recency),
    age: pick(histories.age),
    weight: weight.map((part) => part * scale),
    traits: rows.map((row) => histories.traits[row] ?? []),
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
  /** Sum of the logarithms of the times between purchases. */
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
