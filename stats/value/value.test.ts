import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bgBbAlive,
  bgBbBox,
  bgBbExpected,
  bgBbObjective,
  bgNbd,
  type CustomerSummary,
  choosePurchases,
  drawsFrom,
  expectedSpend,
  fitPurchases,
  fitSpend,
  gammaGammaObjective,
  historiesOf,
  mbgCnbd2,
  mbgNbd,
  minimise,
  type Objective,
  type Occasions,
  type Purchase,
  type PurchaseFit,
  type PurchaseModel,
  paretoNbd,
  paretoObjective,
  purchaseModels,
  scoreCustomers,
  spendingOf,
  summariesOf,
  trackPurchases,
} from '../index.ts'

const shared = process.env.EINKLANG_SHARED_DATA ?? join(import.meta.dirname, '../../../shared/data')
const has = (set: string) => {
  const present = existsSync(join(shared, set))
  if (!present) console.warn(`skipped: ${set} is not at ${shared} (set EINKLANG_SHARED_DATA)`)
  return present
}
const dayOf = (text: string) => Date.parse(text.slice(0, 10)) / 86_400_000

function rowsOf(path: string): string[][] {
  const bytes = readFileSync(join(shared, path))
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
}

const models = Object.values(purchaseModels)
const valuesOf = (fit: PurchaseFit) => fit.parameters.map((parameter) => parameter.value)

function errorsOf(fit: PurchaseFit, customers: CustomerSummary[], horizon: number) {
  const model = purchaseModels[fit.model]
  let [absolute, squared, sum] = [0, 0, 0]
  for (const customer of customers) {
    const expected = model.expected(valuesOf(fit), customer, horizon)
    absolute += Math.abs(expected - customer.later)
    squared += (expected - customer.later) ** 2
    sum += expected
  }
  return { mae: absolute / customers.length, rmse: Math.sqrt(squared / customers.length), sum }
}

describe.skipIf(!has('clv-cdnow'))('CDNOW, the published teaching set', () => {
  const all = existsSync(join(shared, 'clv-cdnow')) ? rowsOf('clv-cdnow/transactions.csv.gz') : []
  const purchases = (rows: string[][]): Purchase[] =>
    rows.map((row) => ({ customer: row[0] as string, day: dayOf(row[2] as string), amount: Number(row[4]) }))
  const end = dayOf('1997-09-30')
  const sample = summariesOf(purchases(all.filter((row) => row[1] !== '')), end)
  const histories = historiesOf(sample)

  test('the sample is summarised as published', () => {
    expect(sample).toHaveLength(2357)
    expect(sample.reduce((sum, customer) => sum + customer.later, 0)).toBe(1882)
  })

  test.each([
    ['bg-nbd', [0.2425945, 4.4136023, 0.7929219, 2.4259065], -9582.4292067, 0.7854539, 1.6079818],
    ['pareto-nbd', [0.5532771, 10.577684, 0.60624, 11.6687338], -9594.9761789, 0.7545056, 1.6028486],
    ['mbg-nbd', [0.524844, 6.183093, 0.891388, 1.614048], -9582.135716, 0.7647777, 1.6071836],
  ] as const)(
    '%s reaches the published likelihood, parameters and holdout errors',
    (name, published, likelihood, mae, rmse) => {
      const fit = fitPurchases(name, histories)
      expect(Math.abs(fit.logLikelihood - likelihood)).toBeLessThan(1e-4)
      published.forEach((value, index) => {
        expect(Math.abs((fit.parameters[index]?.value as number) / value - 1)).toBeLessThan(1e-3)
        expect(fit.parameters[index]?.standardError).toBeGreaterThan(0)
      })
      const errors = errorsOf(fit, sample, 39)
      expect(errors.mae).toBeLessThan(mae + 1e-4)
      expect(errors.rmse).toBeLessThan(rmse + 1e-4)
      expect(fit.edge).toBeNull()
    },
  )

  test("each customer's prediction is BTYD's within 0.001", () => {
    // BTYD's own estimates, so that only the formulas are compared.
    const bg = [0.2425981523, 4.413684163, 0.7929898737, 2.426166696]
    const pareto = [0.5533971433, 10.58019854, 0.6060624972, 11.65622367]
    const amounts = [6.249349179, 3.744256334, 15.44430669]
    for (const row of rowsOf('clv-cdnow/sample-predictions-btyd.csv.gz')) {
      const [, repeats, recency, age, , mean, paretoExpected, paretoAlive, bgExpected, bgAlive, spend] = row.map(
        Number,
      ) as number[]
      const customer = { repeats: repeats as number, recency: recency as number, age: age as number }
      expect(Math.abs(paretoNbd.expected(pareto, customer, 39) - (paretoExpected as number))).toBeLessThan(1e-3)
      expect(Math.abs(paretoNbd.alive(pareto, customer) - (paretoAlive as number))).toBeLessThan(1e-3)
      expect(Math.abs(bgNbd.expected(bg, customer, 39) - (bgExpected as number))).toBeLessThan(1e-3)
      expect(Math.abs(bgNbd.alive(bg, customer) - (bgAlive as number))).toBeLessThan(1e-3)
      const known =
        (mean as number) > 0
          ? { amounts: repeats as number, meanAmount: mean as number }
          : { amounts: 0, meanAmount: 0 }
      expect(Math.abs((expectedSpend(amounts, known) as number) / (spend as number) - 1)).toBeLessThan(1e-3)
    }
  })

  test('customer 1516 and a newcomer are as in the literature', () => {
    const pareto = valuesOf(fitPurchases('pareto-nbd', histories))
    const customer = { repeats: 26, recency: 30.85714286, age: 31 }
    expect(paretoNbd.expected(pareto, customer, 52)).toBeCloseTo(25.454, 2)
    expect(paretoNbd.alive(pareto, customer)).toBeCloseTo(0.99787, 4)
    expect(paretoNbd.newcomer(pareto, 52)).toBeCloseTo(1.47311, 3)
  })

  test('the spend model reaches the published likelihood', () => {
    const spend = fitSpend(sample)
    expect(spend?.customers).toBe(946)
    expect(Math.abs((spend?.logLikelihood as number) + 4055.9176948)).toBeLessThan(1e-4)
    expect(spend?.parameters.map((parameter) => parameter.value.toFixed(2))).toEqual(['6.25', '3.74', '15.44'])
  })

  test('the tracked total of week 78 is the published one', () => {
    const tracked = trackPurchases(fitPurchases('pareto-nbd', histories), sample, 7, 78)
    expect(tracked[77]?.actual).toBe(4339)
    expect(Math.abs((tracked[77]?.expected as number) - 4274.437)).toBeLessThan(15)
  })

  test('the full set of 23,570 customers reaches the published likelihood', () => {
    const customers = summariesOf(purchases(all), end)
    expect(customers).toHaveLength(23_570)
    const whole = historiesOf(customers)
    expect(Math.abs(fitPurchases('bg-nbd', whole).logLikelihood + 95368.443933)).toBeLessThan(1e-4)
    expect(Math.abs(fitPurchases('pareto-nbd', whole).logLikelihood + 95415.1186)).toBeLessThan(1e-4)
  })
})

describe.skipIf(!has('clv-apparel'))('the apparel retailer, with covariates', () => {
  const present = existsSync(join(shared, 'clv-apparel'))
  const purchases = (present ? rowsOf('clv-apparel/transactions.csv') : []).map((row) => ({
    customer: row[0] as string,
    day: dayOf(row[1] as string),
    amount: Number(row[2]),
  }))
  const traits = new Map(
    (present ? rowsOf('clv-apparel/static-covariates.csv') : []).map((row) => [row[0], row.slice(1).map(Number)]),
  )
  const customers = summariesOf(purchases, dayOf('2005-01-02') + 104 * 7)

  test.each([
    ['pareto-nbd', -5848.097827],
    ['bg-nbd', -5857.019749],
    ['mbg-nbd', -5848.045278],
  ] as const)('%s reaches the published likelihood', (name, likelihood) => {
    expect(Math.abs(fitPurchases(name, historiesOf(customers)).logLikelihood - likelihood)).toBeLessThan(1e-4)
  })

  test('covariates have the published effects', () => {
    const withTraits = customers.map((customer) => ({ ...customer, traits: traits.get(customer.id) ?? [] }))
    const fit = fitPurchases('pareto-nbd', historiesOf(withTraits), { covariates: ['Gender', 'Channel'] })
    expect(Math.abs(fit.logLikelihood + 5821.062709)).toBeLessThan(1e-4)
    const published = [1.837843, 92.912348, 0.591999, 49.62273, -0.642993, 0.790679, 0.285874, 0.624124]
    published.forEach((value, index) => {
      expect(Math.abs((fit.parameters[index]?.value as number) / value - 1)).toBeLessThan(5e-3)
    })
  })
})

describe.skipIf(!has('retail-online-uci'))('an ordinary retailer on which others fail', () => {
  const lines = existsSync(join(shared, 'retail-online-uci')) ? rowsOf('retail-online-uci/lines.csv.gz') : []
  const known = lines.filter((row) => row[1] !== '' && Number(row[3]) > 0 && Number(row[4]) > 0)
  const first = new Map<string, number>()
  for (const row of known) {
    const day = dayOf(row[0] as string)
    first.set(row[1] as string, Math.min(first.get(row[1] as string) ?? day, day))
  }
  const purchases = known
    .filter((row) => (first.get(row[1] as string) as number) <= dayOf('2011-02-28'))
    .map((row) => ({
      customer: row[1] as string,
      day: dayOf(row[0] as string),
      amount: Number(row[3]) * Number(row[4]),
    }))
  const customers = summariesOf(purchases, dayOf('2011-06-30'))

  test('no model fails or runs away, and one without drop-out says so', () => {
    const histories = historiesOf(customers)
    for (const { name } of models) {
      const fit = fitPurchases(name, histories)
      const errors = errorsOf(fit, customers, 162 / 7)
      expect(fit.parameters.every(({ value }) => Number.isFinite(value) && value < 1e5)).toBe(true)
      expect(errors.sum).toBeGreaterThan(3000)
      expect(errors.mae).toBeLessThan(1.46)
      expect(fit.edge === null).toBe(name === 'mbg-cnbd-2')
    }
  })

  test('auto chooses the model that predicts best, better than every peer', () => {
    const { fit } = choosePurchases('auto', historiesOf(customers))
    const errors = errorsOf(fit, customers, 162 / 7)
    expect(fit.model).toBe('mbg-cnbd-2')
    expect(Math.abs(fit.logLikelihood + 12506.74148)).toBeLessThan(1e-4)
    expect(errors.mae).toBeLessThan(1.4341)
    expect(errors.rmse).toBeLessThan(2.4176)
  })

  test('a model that was asked for and sits on an edge is replaced, named and explained', () => {
    const chosen = choosePurchases('bg-nbd', historiesOf(customers))
    expect(chosen.fit.model).toBe('mbg-cnbd-2')
    expect(chosen.because).toMatchObject({ reason: 'edge', asked: 'bg-nbd', edge: 'nobody_stops' })
  })

  test('the spend model reaches the published likelihood', () => {
    expect(Math.abs((fitSpend(customers)?.logLikelihood as number) + 8011.730724)).toBeLessThan(1e-2)
  })
})

describe.skipIf(!has('clv-donations'))('donations, yes or no each year', () => {
  const rows = existsSync(join(shared, 'clv-donations'))
    ? rowsOf('clv-donations/rf-matrix.csv').map((row) => row.map(Number))
    : []
  const column = (index: number) => Float64Array.from(rows, (row) => row[index] as number)
  const occasions: Occasions = { yes: column(0), last: column(1), occasions: column(2), weight: column(3) }

  test('the published parameters and likelihood are found', () => {
    const found = minimise(bgBbObjective(occasions), [0, 0, 0, 0], bgBbBox)
    expect(Math.abs(found.value - 33225.58129)).toBeLessThan(1e-4)
    const published = [1.20350708, 0.7497666778, 0.6567568173, 2.783887327]
    published.forEach((value, index) => {
      expect(Math.abs(Math.exp(found.at[index] as number) / value - 1)).toBeLessThan(1e-3)
    })
    const parameters = Array.from(found.at, Math.exp) as [number, number, number, number]
    const expected = rows.reduce(
      (sum, [yes, last, count, donors]) =>
        sum +
        (donors as number) *
          bgBbExpected(parameters, { yes: yes as number, last: last as number, occasions: count as number }, 5),
      0,
    )
    const actual = rows.reduce((sum, row) => sum + (row[4] as number), 0)
    expect(Math.abs(expected / actual - 1)).toBeLessThan(0.05)
  })
})

function slopeOk(objective: Objective, at: Float64Array): void {
  const gradient = new Float64Array(at.length)
  const value = objective(at, gradient)
  const scratch = new Float64Array(at.length)
  for (let index = 0; index < at.length; index++) {
    const width = 1e-5
    const [up, down] = [at.slice(), at.slice()]
    up[index] = (at[index] as number) + width
    down[index] = (at[index] as number) - width
    const numeric = (objective(up, scratch) - objective(down, scratch)) / (2 * width)
    expect(Math.abs(numeric - (gradient[index] as number))).toBeLessThan(1e-4 * (1 + Math.abs(value)))
  }
}

const someCustomers = [
  { repeats: 0, recency: 0, age: 38.857 },
  { repeats: 1, recency: 0.143, age: 30 },
  { repeats: 7, recency: 29, age: 30 },
  { repeats: 60, recency: 12, age: 35 },
]
const places = fc.array(fc.double({ min: -2.5, max: 2.5, noNaN: true }), { minLength: 4, maxLength: 4 })

test.each(models.map((model) => [model.name, model] as const))(
  '%s: the gradient is the slope of the likelihood',
  (_, model) => {
    fc.assert(
      fc.property(places, (at) => slopeOk(model.objective(historiesOf(someCustomers)), Float64Array.from(at))),
      { numRuns: 60 },
    )
  },
)

test('covariates, the spend model and BG/BB: the gradient is the slope of the likelihood', () => {
  const histories = historiesOf(someCustomers.map((customer, index) => ({ ...customer, traits: [index % 2, index] })))
  const covariates = { names: ['x', 'y'], values: Float64Array.from(histories.traits.flat()) }
  const spending = spendingOf([
    { amounts: 1, meanAmount: 20 },
    { amounts: 6, meanAmount: 33 },
  ])
  const occasions: Occasions = {
    yes: Float64Array.of(0, 3, 6),
    last: Float64Array.of(0, 4, 6),
    occasions: Float64Array.of(6, 6, 6),
    weight: Float64Array.of(4, 2, 1),
  }
  fc.assert(
    fc.property(places, places, (at, more) => {
      slopeOk(paretoObjective(histories, covariates), Float64Array.from([...at, ...more.map((place) => place / 5)]))
      slopeOk(gammaGammaObjective(spending), Float64Array.from(at.slice(0, 3)))
      slopeOk(bgBbObjective(occasions), Float64Array.from(at))
    }),
    { numRuns: 40 },
  )
})

test.each(models.map((model) => [model.name, model] as const))(
  '%s: chances are chances, and more time never means fewer purchases',
  (_, model) => {
    const customer = fc
      .tuple(fc.nat(30), fc.double({ min: 0.05, max: 1, noNaN: true }), fc.double({ min: 1, max: 200, noNaN: true }))
      .map(([repeats, part, age]) => ({ repeats, recency: repeats === 0 ? 0 : part * age, age }))
    fc.assert(
      fc.property(places, customer, (at, seen) => {
        const parameters = model.parametersAt(at)
        const alive = model.alive(parameters, seen)
        expect(alive).toBeGreaterThanOrEqual(0)
        expect(alive).toBeLessThanOrEqual(1)
        const [soon, later] = [model.expected(parameters, seen, 5), model.expected(parameters, seen, 20)]
        expect(soon).toBeGreaterThanOrEqual(-1e-9)
        expect(later).toBeGreaterThanOrEqual(soon - 1e-7 * (1 + soon))
      }),
      { numRuns: 150 },
    )
  },
)

test('the modified models never call a single purchase certainly alive, as BG/NBD does', () => {
  const once = { repeats: 0, recency: 0, age: 100 }
  expect(bgNbd.alive([0.5, 6, 0.9, 1.6], once)).toBe(1)
  expect(mbgNbd.alive([0.5, 6, 0.9, 1.6], once)).toBeLessThan(0.5)
  expect(mbgCnbd2.alive([0.5, 6, 0.9, 1.6], once)).toBeLessThan(0.5)
  expect(bgBbAlive([1.2, 0.75, 0.65, 2.8], 0, 0, 6)).toBeLessThan(0.5)
})

/** A town of customers who buy and stop as the model says. */
function imagined(model: PurchaseModel, parameters: number[], count: number, seed: string): CustomerSummary[] {
  const draws = drawsFrom('imagined', seed)
  return Array.from({ length: count }, (_, index) => {
    const [r, alpha, third, fourth] = parameters as [number, number, number, number]
    const rate = draws.gamma(r, alpha)
    const pareto = model.name === 'pareto-nbd'
    const pace = pareto ? draws.gamma(third, fourth) : 0
    const stops = pareto ? 0 : draws.beta(third, fourth)
    const end = 40 + draws.uniform() * 12
    const lives = pareto ? -Math.log(1 - draws.uniform()) / pace : Number.POSITIVE_INFINITY
    const times: number[] = []
    let time = 0
    let active = model.name === 'bg-nbd' || draws.uniform() >= stops
    while (active) {
      time -= Math.log(1 - draws.uniform()) / rate
      if (model.name === 'mbg-cnbd-2') time -= Math.log(1 - draws.uniform()) / rate
      if (time > Math.min(lives, end + 30)) break
      times.push(time)
      if (!pareto && draws.uniform() < stops) active = false
    }
    const before = times.filter((at) => at <= end)
    return {
      id: String(index),
      firstDay: 0,
      days: [],
      meanAmount: 0,
      amounts: 0,
      logIntervals: 0,
      repeats: before.length,
      recency: before.at(-1) ?? 0,
      age: end,
      later: times.length - before.length,
    }
  })
}

test.each([
  ['bg-nbd', [0.8, 6, 0.8, 2.5]],
  ['mbg-nbd', [0.8, 6, 0.8, 2.5]],
  ['mbg-cnbd-2', [1.2, 4, 0.8, 2.5]],
  ['pareto-nbd', [0.8, 6, 0.7, 9]],
] as const)('%s finds a planted town again and foresees its purchases', (name, planted) => {
  const model = purchaseModels[name]
  const customers = imagined(model, [...planted], 6000, name)
  const fit = fitPurchases(name, historiesOf(customers))
  planted.forEach((value, index) => {
    const { value: found, standardError } = fit.parameters[index] as { value: number; standardError: number | null }
    expect(Math.abs(found - value)).toBeLessThan(4 * (standardError ?? 0))
  })
  const later = customers.reduce((sum, customer) => sum + customer.later, 0)
  expect(Math.abs(errorsOf(fit, customers, 30).sum / later - 1)).toBeLessThan(name === 'mbg-cnbd-2' ? 0.1 : 0.05)
})

test('nine of ten actual futures lie between the bounds, and scores repeat with their seed', () => {
  const customers = imagined(mbgNbd, [0.8, 6, 0.8, 2.5], 2000, 'bounds')
  const histories = historiesOf(customers)
  const fit = fitPurchases('mbg-nbd', histories)
  const run = () => scoreCustomers(fit, null, customers, histories, { horizon: 30 })
  const scores = run()
  const inside = scores.filter(({ transactions }, index) => {
    const later = customers[index]?.later as number
    return transactions.low <= later && later <= transactions.high
  }).length
  expect(inside / customers.length).toBeGreaterThan(0.88)
  expect(run()).toEqual(scores)
})
