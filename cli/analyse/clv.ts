import { writeFileSync } from 'node:fs'
import {
  type Because,
  bgBbAlive,
  bgBbBounds,
  bgBbBox,
  bgBbExpected,
  bgBbObjective,
  type CustomerSummary,
  choosePurchases,
  covarianceOf,
  drawsFrom,
  type Edge,
  fitSpend,
  type Histories,
  hessianOf,
  historiesOf,
  minimise,
  type Occasions,
  type Purchase,
  type PurchaseFit,
  type PurchaseModelName,
  purchaseModels,
  type Score,
  scoreCustomers,
  summariesOf,
  trackPurchases,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { nearest } from '../suggest.ts'
import { clvReport, type People } from './clv-report.ts'
import { columnOf, countIn, currencyIn, instantIn, readCsv } from './csv.ts'

const dayMs = 86_400_000
const week = 7
const names = ['auto', ...Object.keys(purchaseModels), 'bg-bb']

export const clv: Command = {
  name: 'clv',
  summary: 'What each customer of a file of transactions will buy, and what that is worth',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    transactions: { value: 'FILE', text: 'CSV with one row per purchase' },
    id: { value: 'COLUMN', text: 'column of the customer (default: customer_id)' },
    date: { value: 'COLUMN', text: 'column of the day (default: date)' },
    amount: { value: 'COLUMN', text: 'column of the amount (default: amount; none: purchases only)' },
    'calibration-end': {
      value: 'DAY',
      text: 'learn up to this day, compare with what came after (default: the last day)',
    },
    model: { value: 'MODEL', text: `${names.join(', ')} (default: auto)` },
    covariates: { value: 'FILE', text: 'CSV with the customer column and numeric traits (pareto-nbd)' },
    horizon: { value: 'WEEKS', text: 'look so far ahead (default: 52)' },
    occasion: { value: 'DAYS', text: 'bg-bb: length of one buying occasion (default: 365)' },
    discount: { value: 'SHARE', text: 'yearly rate at which later money counts less (default: 0.1)' },
    out: { value: 'FILE', text: 'write a score per customer as CSV' },
    seed: { value: 'SEED', text: 'seed of the imagined futures behind the intervals (default: 1)' },
    report: { value: 'FILE', text: 'write a page with the plots as one HTML file' },
  },
  help: 'Example: einklang clv --transactions t.csv --calibration-end 1997-09-30 --model auto --horizon 39 --out scores.csv --json',
  async run(call) {
    const settings = settingsOf(call)
    const { purchases, lastDay, warnings } = readPurchases(settings)
    const end = settings.calibrationEnd ?? lastDay
    if (settings.model === 'bg-bb') return occasionsRun(call, settings, purchases, end, warnings)
    const customers = withTraits(settings, summariesOf(purchases, end))
    return purchasesRun(call, settings, customers, { end, lastDay, warnings })
  },
}

type Settings = {
  path: string
  id: string
  date: string
  amount: string
  /** The amount column was named, so it must be there. */
  amountAsked: boolean
  calibrationEnd: number | null
  model: PurchaseModelName | 'auto' | 'bg-bb'
  covariates: string | null
  horizon: number
  occasion: number
  discount: number
  out: string | null
  report: string | null
  seed: string
}

function settingsOf(call: Call): Settings {
  const path = call.flag('transactions')
  if (path === undefined) throw new Misuse('"clv" needs a file of transactions.', '--transactions FILE')
  const model = call.flag('model') ?? 'auto'
  if (!names.includes(model))
    throw new Misuse(`There is no model "${model}".`, `--model ${nearest(model, names) ?? names.join('|')}`)
  const covariates = call.flag('covariates') ?? null
  if (covariates !== null && model !== 'pareto-nbd') {
    throw new Misuse('Covariates are for the model pareto-nbd.', '--model pareto-nbd')
  }
  const end = call.flag('calibration-end')
  return {
    path,
    id: call.flag('id') ?? 'customer_id',
    date: call.flag('date') ?? 'date',
    amount: call.flag('amount') ?? 'amount',
    amountAsked: call.flag('amount') !== undefined,
    calibrationEnd: end === undefined ? null : dayGiven(end),
    model: model as Settings['model'],
    covariates,
    horizon: positive(call, 'horizon', 52, 5200),
    occasion: positive(call, 'occasion', 365, 36_500),
    discount: positive(call, 'discount', 0.1, 10, 0),
    out: call.flag('out') ?? null,
    report: call.flag('report') ?? null,
    seed: call.flag('seed') ?? '1',
  }
}

function dayGiven(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(time)) throw new Misuse(`--calibration-end is a day such as 2026-03-02, not ${text}.`)
  return time / dayMs
}

function positive(call: Call, flag: string, usual: number, most: number, least = 1e-9): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new Misuse(`--${flag} is a number up to ${most}, not ${text}.`)
  return value
}

function readPurchases(settings: Settings): { purchases: Purchase[]; lastDay: number; warnings: string[] } {
  const { path } = settings
  const file = readCsv(path)
  const [id, date] = [columnOf(file, path, settings.id), columnOf(file, path, settings.date)]
  const amount =
    settings.amountAsked && settings.amount !== 'none'
      ? columnOf(file, path, settings.amount)
      : file.header.indexOf(settings.amount)
  const warnings =
    amount < 0 ? [`There is no column ${settings.amount}, so purchases are foreseen but not their value.`] : []
  const purchases: Purchase[] = []
  let lastDay = Number.NEGATIVE_INFINITY
  let anonymous = 0
  const money = currencyIn(file, path)
  file.each((cells, row) => {
    money.see(cells, row)
    const customer = (cells[id] as string).trim()
    if (customer === '') {
      anonymous++
      return
    }
    const day = Math.floor(instantIn(path, row, settings.date, cells[date] as string) / dayMs)
    lastDay = Math.max(lastDay, day)
    purchases.push({
      customer,
      day,
      amount: amount < 0 ? 0 : countIn(path, row, settings.amount, cells[amount] as string),
    })
  })
  if (amount >= 0) money.refuse()
  if (anonymous > 0) warnings.push(`${anonymous} rows without a customer are left out.`)
  if (purchases.length === 0) throw new Misuse(`${path} holds no purchase of a known customer.`)
  if (settings.calibrationEnd !== null && settings.calibrationEnd > lastDay) {
    throw new Misuse(
      `The calibration ends on ${textOf(settings.calibrationEnd)}, but the last purchase is of ${textOf(lastDay)}.`,
      'Give an earlier --calibration-end, so that purchases are left to judge the forecast by.',
    )
  }
  return { purchases, lastDay, warnings }
}

const textOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)

type Known = CustomerSummary

function withTraits(settings: Settings, customers: CustomerSummary[]): { customers: Known[]; covariates: string[] } {
  const path = settings.covariates
  if (path === null) return { customers, covariates: [] }
  const file = readCsv(path)
  const id = columnOf(file, path, settings.id)
  const covariates = file.header.filter((_, index) => index !== id)
  const traits = new Map<string, number[]>()
  file.each((cells, row) => {
    const values = cells.flatMap((cell, index) => {
      if (index === id) return []
      const value = Number(cell)
      if (cell.trim() === '' || !Number.isFinite(value)) {
        throw new Misuse(`${path}, row ${row}, ${file.header[index]}: "${cell}" is no number.`)
      }
      return [value]
    })
    traits.set((cells[id] as string).trim(), values)
  })
  return {
    covariates,
    customers: customers.map((customer) => {
      const own = traits.get(customer.id)
      if (own === undefined) throw new Misuse(`${path} says nothing about customer ${customer.id}.`)
      return { ...customer, traits: own }
    }),
  }
}

const fewCustomers = 100

const edges: { [code in Edge]: string } = {
  nobody_stops: 'Nobody seems to stop for good in this data, so the chance to be alive says nothing.',
  one_rate:
    'All customers seem to buy at the same rate, so good and poor customers cannot be told apart; a longer history would help.',
  no_rest: 'The search did not come to rest.',
  boundless_spend: 'A few customers spend so much that the average has no limit; expected values are left out.',
}

function sentenceOf(because: Because): string {
  return because.reason === 'edge'
    ? `${because.asked} says: ${edges[because.edge]} ${because.model} explains the data without that.`
    : `${because.model} explains the data best (smallest AIC of ${because.models} models${because.part ? ', each learnt from every eighth history and judged on all' : ''}).`
}

function purchasesRun(
  call: Call,
  settings: Settings,
  { customers, covariates }: { customers: Known[]; covariates: string[] },
  span: { end: number; lastDay: number; warnings: string[] },
) {
  const warnings = [...span.warnings]
  const repeaters = customers.filter(({ repeats }) => repeats > 0).length
  if (customers.length < 10 || repeaters < 2) {
    throw new Misuse(
      `Up to ${textOf(span.end)} there are ${customers.length} customers and ${repeaters} who came back: too few to learn from.`,
      'Give a longer history or a later --calibration-end.',
    )
  }
  if (customers.length < fewCustomers) warnings.push(`Only ${customers.length} customers: read the scores as a hint.`)
  const histories = historiesOf(customers)
  const chosen = choosePurchases(settings.model as PurchaseModelName | 'auto', histories, { covariates })
  const { fit } = chosen
  const because = chosen.because === null ? null : sentenceOf(chosen.because)
  if (because !== null && settings.model !== 'auto')
    warnings.push(`${fit.model} is used instead of ${settings.model}. ${because}`)
  if (fit.edge !== null) warnings.push(edges[fit.edge])
  const spend = fitSpend(customers)
  if (spend?.edge) warnings.push(edges[spend.edge])
  if (spend === null) warnings.push('Fewer than ten customers paid for a repeat purchase: amounts are not foreseen.')
  const scores = scoreCustomers(fit, spend, customers, histories, {
    horizon: settings.horizon,
    discount: settings.discount,
    seed: settings.seed,
  })
  if (settings.out !== null) writeScores(settings.out, customers, scores)
  const holdout = holdoutOf(fit, histories, customers, (span.lastDay - span.end) / week)
  const document = {
    customers: customers.length,
    repeatCustomers: repeaters,
    calibrationEnd: textOf(span.end),
    unit: 'week',
    horizon: settings.horizon,
    asked: settings.model,
    model: fit.model,
    because,
    logLikelihood: fit.logLikelihood,
    parameters: fit.parameters,
    converged: fit.converged,
    tried: chosen.tried.map((one) => ({
      model: one.model,
      logLikelihood: one.logLikelihood,
      aic: one.aic,
      edge: one.edge === null ? null : edges[one.edge],
      parameters: one.parameters,
    })),
    spend: spend && { model: 'gamma-gamma', ...spend, edge: spend.edge === null ? null : edges[spend.edge] },
    holdout,
    tracking: trackPurchases(fit, customers, week, Math.floor((span.lastDay - earliest(customers)) / week)),
    expected: {
      transactions: sum(scores.map((score) => score.transactions.value)),
      alive: sum(scores.map((score) => score.alive.value)),
      value: spend?.edge === null ? sum(scores.map((score) => score.value?.value ?? 0)) : null,
    },
    out: settings.out,
    warnings,
  }
  show(call, document)
  if (settings.report !== null)
    writeFileSync(settings.report, clvReport({ ...document, people: peopleOf(scores) }, settings.path))
  return document
}

/** How customers spread over the chance to be alive and over expected value: what the plots need of the scores. */
function peopleOf(scores: Score[]): People {
  const alive = Array.from({ length: 10 }, () => 0)
  for (const score of scores) {
    const tenth = Math.min(9, Math.floor(score.alive.value * 10))
    alive[tenth] = (alive[tenth] as number) + 1
  }
  const worth = scores.map(({ value }) => value).filter((value) => value !== null)
  const sorted = worth.toSorted((left, right) => right.value - left.value)
  return { alive, best: sorted.slice(0, 20), concentration: shareOfBest(sorted.map(({ value }) => value)) }
}

/** Share of all expected value that the best tenth, second tenth … will bring. */
function shareOfBest(falling: number[]): number[] {
  const all = sum(falling)
  return Array.from({ length: 10 }, (_, tenth) => {
    const part = falling.slice(
      Math.floor((tenth * falling.length) / 10),
      Math.floor(((tenth + 1) * falling.length) / 10),
    )
    return all > 0 ? sum(part) / all : 0
  })
}

type Shown = {
  model: string
  logLikelihood: number
  parameters: { name: string; value: number; standardError: number | null }[]
  holdout: { mae: number; rmse: number } | null
  warnings: string[]
}

function show(call: Call, { model, logLikelihood, parameters, holdout, warnings }: Shown): void {
  call.show(`${model}, log-likelihood ${logLikelihood.toFixed(3)}`)
  for (const { name, value, standardError } of parameters) {
    call.show(
      `  ${name.padEnd(18)} ${value.toPrecision(6)}${standardError === null ? '' : ` ± ${standardError.toPrecision(2)}`}`,
    )
  }
  if (holdout !== null)
    call.show(
      `Holdout: mean absolute error ${holdout.mae.toFixed(4)}, root mean square error ${holdout.rmse.toFixed(4)}`,
    )
  for (const warning of warnings) call.tell(warning)
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function earliest(customers: Known[]): number {
  return customers.reduce((first, { firstDay }) => Math.min(first, firstDay), Number.POSITIVE_INFINITY)
}

/** Expected against actual purchases after the calibration, all together and by tenth of expectation. */
function holdoutOf(fit: PurchaseFit, histories: Histories, customers: Known[], weeks: number) {
  if (weeks <= 0) return null
  const scores = scoreCustomers(fit, null, customers, histories, { horizon: weeks, futures: 1 })
  const pairs = customers.map(({ later }, index) => ({ later, expected: scores[index]?.transactions.value as number }))
  const tenths = pairs.toSorted((left, right) => right.expected - left.expected)
  return {
    weeks,
    actual: sum(pairs.map(({ later }) => later)),
    expected: sum(pairs.map(({ expected }) => expected)),
    mae: sum(pairs.map(({ later, expected }) => Math.abs(later - expected))) / pairs.length,
    rmse: Math.sqrt(sum(pairs.map(({ later, expected }) => (later - expected) ** 2)) / pairs.length),
    tenths: Array.from({ length: 10 }, (_, tenth) => {
      const part = tenths.slice(
        Math.floor((tenth * tenths.length) / 10),
        Math.floor(((tenth + 1) * tenths.length) / 10),
      )
      return {
        customers: part.length,
        expected: sum(part.map(({ expected }) => expected)),
        actual: sum(part.map(({ later }) => later)),
      }
    }),
  }
}

function writeScores(path: string, customers: Known[], scores: Score[]): void {
  const lines = [
    'customer_id,repeats,recency_weeks,age_weeks,transactions,transactions_low,transactions_high,p_alive,p_alive_low,p_alive_high,amount,amount_low,amount_high,value,value_low,value_high',
  ]
  const three = (figure: { value: number; low: number; high: number } | null, digits: number) =>
    figure === null ? ',,' : [figure.value, figure.low, figure.high].map((number) => number.toFixed(digits)).join(',')
  customers.forEach((customer, index) => {
    const score = scores[index] as Score
    lines.push(
      [
        /[",\n]/.test(customer.id) ? `"${customer.id.replaceAll('"', '""')}"` : customer.id,
        customer.repeats,
        customer.recency.toFixed(4),
        customer.age.toFixed(4),
        three(score.transactions, 4),
        three(score.alive, 6),
        three(score.amount, 2),
        three(score.value, 2),
      ].join(','),
    )
  })
  writeFileSync(path, `${lines.join('\n')}\n`)
}

/** Buying on occasions (years, catalogues): yes or no at each, counted from the customer's first. */
function occasionsRun(call: Call, settings: Settings, purchases: Purchase[], end: number, warnings: string[]) {
  const origin = purchases.reduce((first, { day }) => Math.min(first, day), Number.POSITIVE_INFINITY)
  const at = (day: number) => Math.floor((day - origin) / settings.occasion)
  // Only whole occasions count: one that is still open has no "no" yet.
  const lastWhole = Math.floor((end + 1 - origin) / settings.occasion) - 1
  const seen = new Map<string, Set<number>>()
  for (const { customer, day } of purchases) {
    if (at(day) > lastWhole) continue
    const known = seen.get(customer)
    if (known) known.add(at(day))
    else seen.set(customer, new Set([at(day)]))
  }
  const customers = [...seen].map(([id, occasions]) => {
    const first = Math.min(...occasions)
    return { id, yes: occasions.size - 1, last: Math.max(...occasions) - first, occasions: lastWhole - first }
  })
  const learning = customers.filter(({ occasions }) => occasions > 0)
  if (learning.length < 10 || learning.every(({ yes }) => yes === 0)) {
    throw new Misuse(
      `There are ${learning.length} customers with at least one occasion of ${settings.occasion} days after their first: too few to learn from.`,
      'Give a longer history or a shorter --occasion.',
    )
  }
  const cells = Map.groupBy(learning, ({ yes, last, occasions }) => `${yes} ${last} ${occasions}`)
  const rows = [...cells.values()]
  const column = (pick: (customer: (typeof learning)[number]) => number) =>
    Float64Array.from(rows, (row) => pick(row[0] as (typeof learning)[number]))
  const data: Occasions = {
    yes: column((customer) => customer.yes),
    last: column((customer) => customer.last),
    occasions: column((customer) => customer.occasions),
    weight: Float64Array.from(rows, (row) => row.length),
  }
  const objective = bgBbObjective(data)
  const found = minimise(objective, [0, 0, 0, 0], bgBbBox)
  const covariance = covarianceOf(hessianOf(objective, found.at), 4)
  const values = Array.from(found.at, Math.exp) as [number, number, number, number]
  const ahead = Math.max(1, Math.round((settings.horizon * week) / settings.occasion))
  if (settings.report !== null) warnings.push('bg-bb has no page of plots; its figures are in the answer and in --out.')
  if (found.bound.some(Boolean))
    warnings.push('The likelihood runs to an edge: the parameters say little, expected purchases still hold.')
  const known = new Map<string, { low: number; high: number }>()
  const scores = customers.map((customer) => {
    const key = `${customer.yes} ${customer.last} ${customer.occasions}`
    let bounds = known.get(key)
    if (bounds === undefined) {
      bounds = bgBbBounds(values, customer, ahead, drawsFrom('occasions', settings.seed, key))
      known.set(key, bounds)
    }
    return {
      id: customer.id,
      transactions: bgBbExpected(values, customer, ahead),
      ...bounds,
      alive: bgBbAlive(values, customer.yes, customer.last, customer.occasions),
    }
  })
  if (settings.out !== null) {
    const lines = scores.map(({ id, transactions, low, high, alive }) =>
      [
        /[",\n]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id,
        transactions.toFixed(4),
        low,
        high,
        alive.toFixed(6),
      ].join(','),
    )
    writeFileSync(
      settings.out,
      `customer_id,transactions,transactions_low,transactions_high,p_alive\n${lines.join('\n')}\n`,
    )
  }
  const document = {
    customers: customers.length,
    calibrationEnd: textOf(end),
    unit: `occasion of ${settings.occasion} days`,
    horizon: ahead,
    asked: 'bg-bb',
    model: 'bg-bb',
    because: null,
    logLikelihood: -found.value,
    parameters: ['alpha', 'beta', 'gamma', 'delta'].map((name, index) => ({
      name,
      value: values[index] as number,
      standardError:
        covariance === null ? null : (values[index] as number) * Math.sqrt(covariance[index * 5] as number),
    })),
    converged: found.converged,
    holdout: laterOccasions(purchases, customers, at, lastWhole, values),
    expected: {
      transactions: sum(scores.map((score) => score.transactions)),
      alive: sum(scores.map((score) => score.alive)),
      value: null,
    },
    out: settings.out,
    warnings,
  }
  show(call, document)
  return document
}

/** Whole occasions after the calibration: expected against actual yeses. Null when none has passed. */
function laterOccasions(
  purchases: Purchase[],
  customers: { id: string; yes: number; last: number; occasions: number }[],
  at: (day: number) => number,
  lastWhole: number,
  values: [number, number, number, number],
) {
  const lastDay = purchases.reduce((last, { day }) => Math.max(last, day), Number.NEGATIVE_INFINITY)
  const ahead = at(lastDay + 1) - 1 - lastWhole
  if (ahead < 1) return null
  const later = new Map<string, Set<number>>()
  for (const { customer, day } of purchases) {
    const occasion = at(day)
    if (occasion <= lastWhole || occasion > lastWhole + ahead) continue
    const known = later.get(customer)
    if (known) known.add(occasion)
    else later.set(customer, new Set([occasion]))
  }
  const pairs = customers.map((customer) => ({
    later: later.get(customer.id)?.size ?? 0,
    expected: bgBbExpected(values, customer, ahead),
  }))
  return {
    occasions: ahead,
    actual: sum(pairs.map((pair) => pair.later)),
    expected: sum(pairs.map(({ expected }) => expected)),
    mae: sum(pairs.map((pair) => Math.abs(pair.later - pair.expected))) / pairs.length,
    rmse: Math.sqrt(sum(pairs.map((pair) => (pair.later - pair.expected) ** 2)) / pairs.length),
  }
}
