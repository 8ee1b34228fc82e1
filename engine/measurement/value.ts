import {
  type Because,
  choosePurchases,
  customerScorer,
  type Edge,
  fitPurchases,
  fitSpend,
  type Histories,
  type Paid,
  type PurchaseFit,
  purchaseModels,
  type Score,
  type SpendFit,
} from '@einklang/stats'

export type FitTask = {
  kind: 'fit'
  all: Histories
  /** The same without the last weeks, with what the customers of each row bought in them. */
  before: Histories & { later: Float64Array }
  weeksBefore: number
  spend: (Paid & { weight: number })[]
}
/** Prepares the scores of all rows, for pages of customers to come. */
export type PrepareTask = {
  kind: 'prepare'
  fit: PurchaseFit
  spend: SpendFit | null
  histories: Histories
  horizon: number
  seed: string
}
/** Customers by the rows they stand on. */
export type ScoreTask = { kind: 'score'; rows: Uint32Array; amounts: Float64Array; meanAmount: Float64Array }
export type ValueTask = FitTask | PrepareTask | ScoreTask

export type ValueFit = {
  fit: PurchaseFit
  spend: SpendFit | null
  because: Because | null
  tried: { model: string; aic: number; edge: Edge | null }[]
  /** What the model learnt before the last weeks would have expected of them, by tenth of customers, and what came. */
  lookBack: { weeks: number; expected: number; actual: number; tenths: { expected: number; actual: number }[] } | null
}

/** Per customer: purchases (value, low, high), alive (…), worth (…; NaN when the data cannot tell). */
export const scoreWidth = 9

/** Imagined futures per customer behind the intervals. */
const futures = 60

/** Answers tasks one after the other; scores need what was prepared before. */
export function valueDesk(): (task: ValueTask) => ValueFit | Float64Array | null {
  let score: ((row: number, customer: Paid) => Score) | null = null
  return (task) => {
    switch (task.kind) {
      case 'fit':
        return fitted(task)
      case 'prepare': {
        const { fit, spend, histories, horizon, seed } = task
        score = customerScorer(fit, spend, histories, { horizon, seed, futures })
        return null
      }
      case 'score': {
        if (score === null) throw new Error('Scores were asked for before they were prepared.')
        return scored(score, task)
      }
    }
  }
}

function fitted(task: FitTask): ValueFit {
  const chosen = choosePurchases('auto', task.all)
  return {
    fit: chosen.fit,
    spend: fitSpend(task.spend),
    because: chosen.because,
    tried: chosen.tried.map(({ model, aic, edge }) => ({ model, aic, edge })),
    lookBack: lookBackOf(task, chosen.fit),
  }
}

function lookBackOf({ before, weeksBefore }: FitTask, { model }: PurchaseFit): ValueFit['lookBack'] {
  const customers = before.weight.reduce((sum, weight) => sum + weight, 0)
  if (customers < 100) return null
  const fit = fitPurchases(model, before)
  if (fit.edge !== null) return null
  const own = purchaseModels[model]
  const parameters = own.parametersAt(fit.at)
  const told = Array.from(before.weight, (weight, row) => ({
    expected: own.expected(
      parameters,
      {
        repeats: before.repeats[row] as number,
        recency: before.recency[row] as number,
        age: before.age[row] as number,
      },
      weeksBefore,
    ),
    weight,
    actual: before.later[row] as number,
  })).sort((left, right) => right.expected - left.expected)
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

function scored(score: (row: number, customer: Paid) => Score, { rows, amounts, meanAmount }: ScoreTask): Float64Array {
  const result = new Float64Array(rows.length * scoreWidth).fill(Number.NaN)
  for (let index = 0; index < rows.length; index++) {
    const customer = { amounts: amounts[index] as number, meanAmount: meanAmount[index] as number }
    const { transactions, alive, value } = score(rows[index] as number, customer)
    let place = index * scoreWidth
    for (const figure of value === null ? [transactions, alive] : [transactions, alive, value]) {
      result[place++] = figure.value
      result[place++] = figure.low
      result[place++] = figure.high
    }
  }
  return result
}
