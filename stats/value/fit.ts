import { drawsFrom } from '../numbers/chance.ts'
import { normalQuantile } from '../numbers/distributions.ts'
import { covarianceOf, hessianOf, type Minimum, minimise, type Objective } from '../numbers/minimise.ts'
import { bgNbd, mbgCnbd2, mbgNbd } from './beta-geometric.ts'
import type { CustomerSummary, Histories } from './histories.ts'
import { thinned } from './histories.ts'
import type { Edge, PurchaseModel, PurchaseModelName, Seen } from './model.ts'
import { paretoNbd, paretoObjective } from './pareto.ts'
import { expectedSpend, gammaGammaObjective, spendBox, spendingOf } from './spend.ts'

export const purchaseModels: { [Name in PurchaseModelName]: PurchaseModel } = {
  'bg-nbd': bgNbd,
  'mbg-nbd': mbgNbd,
  'mbg-cnbd-2': mbgCnbd2,
  'pareto-nbd': paretoNbd,
}

export type Estimate = { name: string; value: number; standardError: number | null }

export type PurchaseFit = {
  model: PurchaseModelName
  parameters: Estimate[]
  logLikelihood: number
  /** −2 log-likelihood + 2 parameters: smaller explains better. */
  aic: number
  converged: boolean
  evaluations: number
  /** Why the parameters should not be read, or null. */
  edge: Edge | null
  covariates: string[]
  /** Where the search ended and how sure it is, for intervals. */
  at: Float64Array
  covariance: Float64Array | null
}

/** Fits one model: several starts, all kept inside a box, the best one wins. */
export function fitPurchases(
  name: PurchaseModelName,
  histories: Histories,
  options: { covariates?: string[] } = {},
): PurchaseFit {
  const model = purchaseModels[name]
  const covariates = name === 'pareto-nbd' ? (options.covariates ?? []) : []
  const objective = objectiveFor(model, histories, covariates)
  const box = {
    low: [...model.box.low, ...covariates.flatMap(() => [-10, -10])],
    high: [...model.box.high, ...covariates.flatMap(() => [10, 10])],
  }
  const usual = [...model.start(histories), ...covariates.flatMap(() => [0, 0])]
  const near = histories.weight.length > manyRows ? nearby(model, histories, covariates, usual, box) : null
  const best = bestOf(objective, near?.at ?? usual, box, near?.inverseHessian ?? null)
  const hessian = hessianOf(objective, best.at)
  const covariance = covarianceOf(hessian, best.at.length)
  const values = model.parametersAt(best.at)
  const errors = errorsOf(model, best.at, covariance)
  const names = [
    ...model.parameters,
    ...covariates.map((covariate) => `life.${covariate}`),
    ...covariates.map((covariate) => `buying.${covariate}`),
  ]
  const logLikelihood = constantOf(name, histories) - best.value
  return {
    model: name,
    parameters: names.map((parameter, index) => ({
      name: parameter,
      value: values[index] as number,
      standardError: errors === null ? null : (errors[index] as number),
    })),
    logLikelihood,
    aic: -2 * logLikelihood + 2 * names.length,
    converged: best.converged,
    evaluations: best.evaluations,
    edge: model.edge(values) ?? (best.converged ? null : 'no_rest'),
    covariates,
    at: best.at,
    covariance,
  }
}

/** Even spacing is a density of the times between purchases too; without this constant models could not be compared. */
function constantOf(name: PurchaseModelName, histories: Histories): number {
  return name === 'mbg-cnbd-2' ? histories.logIntervals : 0
}

function objectiveFor(model: PurchaseModel, histories: Histories, covariates: string[]): Objective {
  if (covariates.length === 0) return model.objective(histories)
  const values = Float64Array.from(histories.traits.flat())
  return paretoObjective(histories, { names: covariates, values })
}

type Box = { low: number[]; high: number[] }

/** Above this many different customers the search begins on an eighth of them. */
const manyRows = 4000

function nearby(model: PurchaseModel, histories: Histories, covariates: string[], usual: number[], box: Box) {
  const part = objectiveFor(model, thinned(histories, 8), covariates)
  const found = minimise(part, usual, box, { tolerance: 1e-7 })
  if (!found.converged || found.bound.some(Boolean)) return null
  return { at: [...found.at], inverseHessian: covarianceOf(hessianOf(part, found.at), found.at.length) }
}

function bestOf(objective: Objective, usual: number[], box: Box, inverseHessian: Float64Array | null): Minimum {
  let best = minimise(objective, usual, box, { inverseHessian })
  const settled = best.converged && !best.bound.some(Boolean)
  if (settled) return best
  for (const shift of [-1.5, 1.5, 3]) {
    const other = minimise(
      objective,
      usual.map((place, index) => (index < 4 ? place + (index % 2 === 0 ? shift : -shift / 2) : place)),
      box,
    )
    if (other.value < best.value - 1e-9 * Math.abs(best.value) || (other.converged && !best.converged)) best = other
  }
  return best
}

/** Standard errors of the parameters from those of the search coordinates (delta method). */
function errorsOf(model: PurchaseModel, at: Float64Array, covariance: Float64Array | null): number[] | null {
  if (covariance === null) return null
  const size = at.length
  const slopes = slopesOf((point) => model.parametersAt(point), at)
  return slopes[0]?.map((_, parameter) => {
    let variance = 0
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        variance +=
          (slopes[row]?.[parameter] as number) *
          (covariance[row * size + column] as number) *
          (slopes[column]?.[parameter] as number)
      }
    }
    return Math.sqrt(Math.max(0, variance))
  }) as number[]
}

function slopesOf(values: (at: Float64Array) => number[], at: Float64Array): number[][] {
  return Array.from(at, (place, index) => {
    const width = 1e-5 * Math.max(1, Math.abs(place))
    const [up, down] = [at.slice(), at.slice()]
    up[index] = place + width
    down[index] = place - width
    const low = values(down)
    return values(up).map((value, which) => (value - (low[which] as number)) / (2 * width))
  })
}

/** The smallest AIC among so many models (`part`: each learnt from a part and judged on all), or the one asked for sits on an edge. */
export type Because =
  | { reason: 'smallest_aic'; model: PurchaseModelName; models: number; part: boolean }
  | { reason: 'edge'; model: PurchaseModelName; asked: PurchaseModelName; edge: Edge }

export type Chosen = {
  fit: PurchaseFit
  asked: PurchaseModelName | 'auto'
  /** Why this model and not the one asked for; null when it is the one. */
  because: Because | null
  /** Every model that was fitted, the best explanation first. */
  tried: PurchaseFit[]
}

/**
 * Fits the model asked for; when its likelihood runs to an edge, another that explains the data without doing so is
 * used and named. `auto` fits all and takes the smallest AIC among those that are sound.
 */
export function choosePurchases(
  asked: PurchaseModelName | 'auto',
  histories: Histories,
  options: { covariates?: string[] } = {},
): Chosen {
  const fit = (name: PurchaseModelName) => fitPurchases(name, histories, options)
  if (asked !== 'auto') {
    const own = fit(asked)
    if (own.edge === null) return { fit: own, asked, because: null, tried: [own] }
    const others = (Object.keys(purchaseModels) as PurchaseModelName[]).filter((name) => name !== asked).map(fit)
    const sound = others.filter((other) => other.edge === null).sort(byAic)[0]
    const tried = [own, ...others].sort(byAic)
    if (sound === undefined) return { fit: own, asked, because: null, tried }
    return {
      fit: sound,
      asked,
      because: { reason: 'edge', model: sound.model, asked, edge: own.edge },
      tried,
    }
  }
  const names = Object.keys(purchaseModels) as PurchaseModelName[]
  const many = histories.weight.length > manyToCompare && (options.covariates ?? []).length === 0
  const tried = names.map(many ? (name) => judgedByPart(name, histories) : fit).sort(byAic)
  const sound = tried.find((other) => other.edge === null)
  const best = many && sound !== undefined ? fit(sound.model) : (sound ?? (tried[0] as PurchaseFit))
  return {
    fit: best,
    asked,
    because: { reason: 'smallest_aic', model: best.model, models: tried.length, part: many },
    tried,
  }
}

/** Above this many different histories the models are compared by what they learn from an eighth of them. */
const manyToCompare = 8000

/** A model learnt from every eighth history, its likelihood that of all of them. */
function judgedByPart(name: PurchaseModelName, histories: Histories): PurchaseFit {
  const part = fitPurchases(name, thinned(histories, 8))
  const logLikelihood =
    constantOf(name, histories) - purchaseModels[name].objective(histories)(part.at, new Float64Array(part.at.length))
  return { ...part, logLikelihood, aic: -2 * logLikelihood + 2 * part.parameters.length }
}

const byAic = (left: PurchaseFit, right: PurchaseFit) => left.aic - right.aic

export type SpendFit = {
  parameters: Estimate[]
  logLikelihood: number
  customers: number
  converged: boolean
  edge: Edge | null
}

/** Fits the spend model; null with fewer than ten customers who paid for a repeat purchase. */
export function fitSpend(
  customers: readonly { amounts: number; meanAmount: number; weight?: number }[],
): SpendFit | null {
  const spending = spendingOf(customers)
  const count = spending.count.length
  if (count < 10) return null
  const typical =
    spending.mean.reduce((sum, mean, row) => sum + (spending.weight[row] as number) * Math.log(mean), 0) /
    spending.weight.reduce((sum, weight) => sum + weight, 0)
  const objective = gammaGammaObjective(spending)
  const starts = [
    [1, 1, typical],
    [0, 0.5, typical - 1],
    [2, 2, typical + 1],
  ]
  let best = minimise(objective, starts[0] as number[], spendBox)
  for (const start of starts.slice(1)) {
    if (best.converged && !best.bound.some(Boolean)) break
    const other = minimise(objective, start, spendBox)
    if (other.value < best.value) best = other
  }
  const covariance = covarianceOf(hessianOf(objective, best.at), 3)
  const values = Array.from(best.at, Math.exp)
  return {
    parameters: ['p', 'q', 'v'].map((name, index) => ({
      name,
      value: values[index] as number,
      standardError:
        covariance === null ? null : (values[index] as number) * Math.sqrt(covariance[index * 4] as number),
    })),
    logLikelihood: -best.value,
    customers: spending.weight.reduce((sum, weight) => sum + weight, 0),
    converged: best.converged,
    edge: (values[1] as number) <= 1 ? 'boundless_spend' : null,
  }
}

export type Score = {
  /** Purchases expected in the horizon, and between which numbers the actual one lies in nine of ten cases. */
  transactions: { value: number; low: number; high: number }
  alive: { value: number; low: number; high: number }
  /** Amount expected per purchase; null when the data cannot tell. */
  amount: { value: number; low: number; high: number } | null
  /** Value of the horizon, discounted to today. */
  value: { value: number; low: number; high: number } | null
}

export type ScoreOptions = {
  /** In units of time (weeks). */
  horizon: number
  /** Yearly rate at which later money counts less. */
  discount?: number
  unitsPerYear?: number
  /** Imagined futures per customer. */
  futures?: number
  seed?: string
  level?: number
}

/** Chance to be alive, expected purchases and value of each customer with intervals. */
export function scoreCustomers(
  fit: PurchaseFit,
  spend: SpendFit | null,
  customers: readonly Paid[],
  histories: Histories,
  options: ScoreOptions,
): Score[] {
  const score = customerScorer(fit, spend, histories, options)
  return customers.map((customer, index) => score(histories.rowOf[index] as number, customer))
}

/** What a customer paid: mean amount of the repeat purchases with an amount, and how many these are. */
export type Paid = { amounts: number; meanAmount: number }

/** The same customer by customer: each stands on a row of the histories. What a row has in common is computed once. */
export function customerScorer(
  fit: PurchaseFit,
  spend: SpendFit | null,
  histories: Histories,
  options: ScoreOptions,
): (row: number, customer: Paid) => Score {
  const rows = scoreRows(fit, histories, options)
  const futures = options.futures ?? 200
  const parameters = spend?.edge === null ? spend.parameters.map((parameter) => parameter.value) : null
  const worths = parameters === null ? null : worthsOf(parameters, rows, futures, options)
  return (place, customer) => {
    const row = rows[place] as RowScore
    const base = { transactions: row.transactions, alive: row.alive }
    const amount = parameters === null ? null : expectedSpend(parameters, customer)
    if (parameters === null || worths === null || amount === null) return { ...base, amount: null, value: null }
    // What is not known of a level is the same for all with so many purchases; their own mean only sets its scale.
    const scale = (parameters[2] as number) + customer.amounts * customer.meanAmount
    const { level, worth } = worths(place, customer.amounts)
    const own = ({ low, high }: { low: number; high: number }) => ({ low: scale * low, high: scale * high })
    return {
      ...base,
      amount: { value: amount, ...own(level) },
      value: { value: row.transactions.value * amount * row.discounted, ...own(worth) },
    }
  }
}

/**
 * Bounds of a customer's level of spending and of her worth, per unit of `v + her purchases' sum`: p ÷ a gamma variable
 * that knows how many purchases there were, and its product with the imagined futures. One answer per row and count.
 */
function worthsOf(parameters: readonly number[], rows: RowScore[], futures: number, options: ScoreOptions) {
  const [p, q] = parameters as [number, number, number]
  type Bounds = { low: number; high: number }
  const levels = new Map<number, { drawn: Float64Array; level: Bounds }>()
  const known = rows.map(() => new Map<number, { level: Bounds; worth: Bounds }>())
  return (place: number, amounts: number): { level: Bounds; worth: Bounds } => {
    const own = known[place] as Map<number, { level: Bounds; worth: Bounds }>
    const found = own.get(amounts)
    if (found !== undefined) return found
    let level = levels.get(amounts)
    if (level === undefined) {
      const drawn = new Float64Array(futures)
      const draws = drawsFrom('customer value', options.seed ?? '1', amounts)
      for (let draw = 0; draw < futures; draw++) drawn[draw] = p / draws.gamma(p * amounts + q, 1)
      level = { drawn, level: boundsOf(drawn.toSorted(), options.level) }
      levels.set(amounts, level)
    }
    const row = rows[place] as RowScore
    const worths = new Float64Array(futures)
    for (let draw = 0; draw < futures; draw++)
      worths[draw] = (row.futures[draw] as number) * (level.drawn[draw] as number) * row.discounted
    const answer = { level: level.level, worth: boundsOf(worths.sort(), options.level) }
    own.set(amounts, answer)
    return answer
  }
}

type RowScore = {
  transactions: Score['transactions']
  alive: Score['alive']
  futures: Uint32Array
  /** What a purchase in the horizon is worth today, on average. */
  discounted: number
}

/** Equal customers are scored once. */
function scoreRows(fit: PurchaseFit, histories: Histories, options: ScoreOptions): RowScore[] {
  const model = purchaseModels[fit.model]
  const { horizon } = options
  const futures = options.futures ?? 200
  const rate = Math.log1p(options.discount ?? 0.1) / (options.unitsPerYear ?? 365.25 / 7)
  const best = model.parametersAt(fit.at)
  return Array.from(histories.weight, (_, row) => {
    const customer: Seen = {
      repeats: histories.repeats[row] as number,
      recency: histories.recency[row] as number,
      age: histories.age[row] as number,
    }
    const traits = histories.traits[row] ?? []
    const own = ownParameters(fit, best, traits)
    const expected = model.expected(own, customer, horizon)
    const alive = model.alive(own, customer)
    // The same chance for every row: who else is there moves nobody's figures.
    const draws = drawsFrom('futures', fit.model, options.seed ?? '1')
    const imagined = Uint32Array.from({ length: futures }, () => model.imagine(own, customer, alive, horizon, draws))
    return {
      transactions: { value: expected, ...boundsOf(Float64Array.from(imagined).sort(), options.level) },
      alive: { value: alive, ...aliveBounds(fit, model, customer, traits, alive, options.level ?? 0.9) },
      futures: imagined,
      discounted: discountedOf((time) => model.expected(own, customer, time), expected, horizon, rate),
    }
  })
}

/** Parameters of somebody with these traits. */
export function ownParameters(
  fit: Pick<PurchaseFit, 'covariates'>,
  parameters: readonly number[],
  traits: readonly number[],
): number[] {
  const width = fit.covariates.length
  if (width === 0) return [...parameters]
  const effect = (from: number) =>
    traits.reduce((sum, value, index) => sum + value * (parameters[4 + from * width + index] as number), 0)
  const [r, alpha, s, beta] = parameters as [number, number, number, number]
  return [r, alpha * Math.exp(-effect(1)), s, beta * Math.exp(-effect(0))]
}

/** Uncertainty of the parameters, carried to the chance by the delta method on the log-odds. */
function aliveBounds(
  fit: PurchaseFit,
  model: PurchaseModel,
  customer: Seen,
  traits: readonly number[],
  alive: number,
  level: number,
) {
  if (fit.covariance === null || alive <= 0 || alive >= 1) return { low: alive, high: alive }
  const size = fit.at.length
  const odds = (at: Float64Array) => {
    const chance = model.alive(ownParameters(fit, model.parametersAt(at), traits), customer)
    return [Math.log(chance / (1 - chance))]
  }
  const slopes = slopesOf(odds, fit.at).map(([slope]) => slope as number)
  let variance = 0
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      variance += (slopes[row] as number) * (fit.covariance[row * size + column] as number) * (slopes[column] as number)
    }
  }
  const reach = normalQuantile((1 + level) / 2) * Math.sqrt(Math.max(0, variance))
  const middle = Math.log(alive / (1 - alive))
  if (!Number.isFinite(reach)) return { low: 0, high: 1 }
  return { low: 1 / (1 + Math.exp(reach - middle)), high: 1 / (1 + Math.exp(-reach - middle)) }
}

/** ∫ e^(−rate·t) d expected(t) ÷ expected, by parts and four Gauss points: expected purchases grow smoothly. */
function discountedOf(expected: (time: number) => number, whole: number, horizon: number, rate: number): number {
  if (whole <= 0) return Math.exp((-rate * horizon) / 2)
  let area = 0
  for (const [node, weight] of fourPoints) {
    const time = node * horizon
    area += weight * horizon * Math.exp(-rate * time) * expected(time)
  }
  return Math.min(1, Math.exp(-rate * horizon) + (rate * area) / whole)
}

const fourPoints: [number, number][] = [
  [0.06943184420297371, 0.17392742256872692],
  [0.33000947820757187, 0.3260725774312731],
  [0.6699905217924281, 0.3260725774312731],
  [0.9305681557970263, 0.17392742256872692],
]

function boundsOf(sorted: Float64Array, level = 0.9): { low: number; high: number } {
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))] as number
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) }
}

/** Repeat purchases of all customers together, actual and expected, by the end of each unit after the first customer. */
export function trackPurchases(
  fit: PurchaseFit,
  customers: readonly CustomerSummary[],
  unitDays: number,
  units: number,
): { unit: number; actual: number; expected: number }[] {
  const model = purchaseModels[fit.model]
  const parameters = model.parametersAt(fit.at)
  const origin = customers.reduce((first, { firstDay }) => Math.min(first, firstDay), Number.POSITIVE_INFINITY)
  const starts = new Map<string, { firstDay: number; own: number[]; count: number }>()
  const actual = new Float64Array(units + 1)
  for (const { firstDay, traits, days } of customers) {
    const key = `${firstDay} ${traits?.join(' ') ?? ''}`
    const known = starts.get(key)
    if (known) known.count++
    else starts.set(key, { firstDay, own: ownParameters(fit, parameters, traits ?? []), count: 1 })
    for (const day of days.slice(1)) {
      const unit = Math.max(1, Math.ceil((day - origin) / unitDays))
      if (unit <= units) actual[unit] = (actual[unit] as number) + 1
    }
  }
  let bought = 0
  return Array.from({ length: units }, (_, index) => {
    const unit = index + 1
    bought += actual[unit] as number
    let expected = 0
    for (const { firstDay, own, count } of starts.values()) {
      const time = unit - (firstDay - origin) / unitDays
      if (time > 0) expected += count * model.newcomer(own, time)
    }
    return { unit, actual: bought, expected }
  })
}
