import {
  type CustomerSummary,
  choosePurchases,
  fitPurchases,
  fitSpend,
  type Histories,
  historiesOf,
  type PurchaseFit,
  purchaseModels,
  type SpendFit,
  scoreCustomers,
} from '@einklang/stats'

/** Customers as columns: what a thread is sent. */
export type CustomerColumns = {
  repeats: Float64Array
  recency: Float64Array
  age: Float64Array
  /** How many customers stand on the row. */
  weight: Float64Array
  logIntervals: Float64Array
}

export type FitTask = {
  kind: 'fit'
  all: CustomerColumns
  /** The same without the last weeks, with what was bought in them. */
  before: CustomerColumns & { later: Float64Array }
  weeksBefore: number
  spend: { amounts: Float64Array; meanAmount: Float64Array }
}
export type ScoreTask = {
  kind: 'score'
  fit: PurchaseFit
  spend: SpendFit | null
  customers: CustomerColumns & { amounts: Float64Array; meanAmount: Float64Array }
  horizon: number
  seed: string
}
export type ValueTask = FitTask | ScoreTask

export type ValueFit = {
  fit: PurchaseFit
  spend: SpendFit | null
  because: string | null
  tried: { model: string; aic: number; edge: string | null }[]
  /** What the model learnt before the last weeks would have expected of them, by tenth of customers, and what came. */
  lookBack: { weeks: number; expected: number; actual: number; tenths: { expected: number; actual: number }[] } | null
}

/** Per customer: purchases (value, low, high), alive (…), worth (…; NaN when the data cannot tell). */
export const scoreWidth = 9

export function answered(task: ValueTask): ValueFit | Float64Array {
  return task.kind === 'fit' ? fitted(task) : scored(task)
}

function rowsOf(columns: CustomerColumns): CustomerSummary[] {
  return Array.from(columns.repeats, (repeats, row) => ({
    id: '',
    firstDay: 0,
    repeats,
    recency: columns.recency[row] as number,
    age: columns.age[row] as number,
    weight: columns.weight[row] as number,
    logIntervals: columns.logIntervals[row] as number,
    meanAmount: 0,
    amounts: 0,
    later: 0,
    days: [],
  }))
}

function fitted(task: FitTask): ValueFit {
  const chosen = choosePurchases('auto', rowsOf(task.all))
  const { amounts, meanAmount } = task.spend
  const spend = fitSpend(
    Array.from(amounts, (count, row) => ({ amounts: count, meanAmount: meanAmount[row] as number })),
  )
  return {
    fit: chosen.fit,
    spend,
    because: chosen.because,
    tried: chosen.tried.map(({ model, aic, edge }) => ({ model, aic, edge })),
    lookBack: lookBackOf(task, chosen.fit),
  }
}

function lookBackOf({ before, weeksBefore }: FitTask, { model }: PurchaseFit): ValueFit['lookBack'] {
  const rows = rowsOf(before)
  const customers = rows.reduce((sum, row) => sum + (row.weight ?? 1), 0)
  if (customers < 100) return null
  const histories: Histories = historiesOf(rows)
  const logIntervals = rows.reduce((sum, row) => sum + row.logIntervals, 0)
  const fit = fitPurchases(model, histories, { logIntervals })
  if (fit.edge !== null) return null
  const own = purchaseModels[model]
  const parameters = own.parametersAt(fit.at)
  const told = rows
    .map((row, index) => ({
      expected: own.expected(parameters, row, weeksBefore),
      weight: row.weight ?? 1,
      actual: before.later[index] as number,
    }))
    .sort((left, right) => right.expected - left.expected)
  const tenths = Array.from({ length: 10 }, () => ({ expected: 0, actual: 0 }))
  let seen = 0
  for (const one of told) {
    // A row of equal customers belongs to the tenth of its middle.
    const place = tenths[Math.min(9, Math.floor(((seen + one.weight / 2) / customers) * 10))] as (typeof tenths)[number]
    place.expected += one.expected * one.weight
    place.actual += one.actual
    seen += one.weight
  }
  return {
    weeks: weeksBefore,
    expected: tenths.reduce((sum, tenth) => sum + tenth.expected, 0),
    actual: tenths.reduce((sum, tenth) => sum + tenth.actual, 0),
    tenths,
  }
}

function scored({ fit, spend, customers, horizon, seed }: ScoreTask): Float64Array {
  const rows = rowsOf(customers).map((row, index) => ({
    ...row,
    amounts: customers.amounts[index] as number,
    meanAmount: customers.meanAmount[index] as number,
  }))
  const result = new Float64Array(rows.length * scoreWidth)
  for (const [index, score] of scoreCustomers(fit, spend, rows, historiesOf(rows), {
    horizon,
    seed,
    futures,
  }).entries()) {
    const { transactions, alive, value } = score
    const worth = value ?? { value: Number.NaN, low: Number.NaN, high: Number.NaN }
    result.set(
      [transactions, alive, worth].flatMap((one) => [one.value, one.low, one.high]),
      index * scoreWidth,
    )
  }
  return result
}

/** Imagined futures per customer behind the intervals. */
const futures = 60
