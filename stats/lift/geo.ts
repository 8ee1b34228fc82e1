import { type Draws, drawsFrom } from '../numbers/chance.ts'
import { studentQuantile } from '../numbers/distributions.ts'
import type { Interval } from './holdout.ts'

/** An outcome per region and period; `values[region][period]`. */
export type Panel = { regions: string[]; periods: number; values: Float64Array[] }

export type GeoTest = {
  panel: Panel
  /** Indices of the regions with the campaign. */
  treated: readonly number[]
  /** First period with the campaign, and the first after it. */
  start: number
  end: number
  /** Takes the misses of time-based regression as independent from period to period, as the paper does. */
  independent?: boolean
}

export type GeoResult = {
  method: 'synthetic control' | 'time-based regression'
  /** Outcome of the treated regions together, what it would have been, per period of the whole panel. */
  actual: Float64Array
  expected: Float64Array
  /** Additional outcome over the campaign, all treated regions together. */
  increment: Interval
  /** Additional ÷ expected. */
  relative: Interval
  /** Chance of an effect at least as large without any campaign. */
  pValue: number
  /** Weight of each control region (synthetic control). */
  weights: { region: string; weight: number }[]
  /** Typical error before the campaign, as share of the outcome. */
  fitError: number
  warnings: string[]
}

const totalOf = (panel: Panel, regions: readonly number[]) =>
  Float64Array.from({ length: panel.periods }, (_, period) =>
    regions.reduce((sum, region) => sum + ((panel.values[region] as Float64Array)[period] as number), 0),
  )

const othersOf = (panel: Panel, treated: readonly number[]) =>
  panel.regions.map((_, region) => region).filter((region) => !treated.includes(region))

function sumBetween(values: Float64Array, start: number, end: number): number {
  let sum = 0
  for (let period = start; period < end; period++) sum += values[period] as number
  return sum
}

/**
 * Time-based regression (Kerman, Wang, Vaver 2017): before the campaign the treated regions are a straight line of the
 * control regions; that line says what they would have sold. The interval is the predictive Student interval of the
 * sum, with the uncertainty of the line in it, and wider where the misses of one day last into the next.
 */
export function timeBasedRegression(
  test: GeoTest,
  level = 0.9,
  controls = othersOf(test.panel, test.treated),
): GeoResult {
  const { panel, treated, start, end } = test
  const y = totalOf(panel, treated)
  const x = totalOf(panel, controls)
  const { slope, base, error, meanX, spreadX } = lineOf(x, y, start)
  const expected = x.map((value) => base + slope * value)
  const memory = test.independent === true ? 0 : rememberedBetween(y, expected, start)
  const days = end - start
  const difference = sumBetween(y, start, end) - sumBetween(expected, start, end)
  // Prediction error of a sum: noise of each period, and the line's own uncertainty, common to all of them.
  const gap = sumBetween(x, start, end) / days - meanX
  const degrees = Math.max(1, start * ((1 - memory) / (1 + memory)) - 2)
  // Residuals that hang together hide part of their own variance from so short a history.
  const noise = error * error * ((start - 2) / Math.max(1, start - 2 * stretch(memory, start)))
  const variance =
    noise * (days * stretch(memory, days) + days * days * stretch(memory, start) * (1 / start + (gap * gap) / spreadX))
  const standardError = Math.sqrt(variance)
  const reach = studentQuantile((1 + level) / 2, degrees) * standardError
  const usual = sumBetween(expected, start, end)
  const warnings = warningsOf(test, y, expected)
  return {
    method: 'time-based regression',
    actual: y,
    expected,
    increment: { value: difference, low: difference - reach, high: difference + reach },
    relative: { value: difference / usual, low: (difference - reach) / usual, high: (difference + reach) / usual },
    pValue: twoSided(difference / standardError, degrees),
    weights: [],
    fitError: fitErrorOf(y, expected, start),
    warnings,
  }
}

/** By how much the variance of a sum of so many values grows when each remembers the one before (first order). */
function stretch(memory: number, count: number): number {
  let grown = 1
  let share = 1
  for (let lag = 1; lag < count; lag++) {
    share *= memory
    grown += 2 * (1 - lag / count) * share
  }
  return grown
}

/** Memory of the misses before the campaign, put right for its bias (Kendall 1954); nothing where chance explains it. */
function rememberedBetween(actual: Float64Array, expected: Float64Array, start: number): number {
  const found = memoryOf(actual.subarray(0, start).map((value, period) => value - (expected[period] as number)))
  return found < 1 / Math.sqrt(start) ? 0 : Math.min(0.95, found + (1 + 3 * found) / start)
}

function lineOf(x: Float64Array, y: Float64Array, periods: number) {
  const meanX = sumBetween(x, 0, periods) / periods
  const meanY = sumBetween(y, 0, periods) / periods
  let [spreadX, both] = [0, 0]
  for (let period = 0; period < periods; period++) {
    spreadX += ((x[period] as number) - meanX) ** 2
    both += ((x[period] as number) - meanX) * ((y[period] as number) - meanY)
  }
  const slope = spreadX > 0 ? both / spreadX : 0
  const base = meanY - slope * meanX
  let rest = 0
  for (let period = 0; period < periods; period++)
    rest += ((y[period] as number) - base - slope * (x[period] as number)) ** 2
  const degrees = Math.max(1, periods - 2)
  return { slope, base, error: Math.sqrt(rest / degrees), meanX, spreadX: spreadX || 1 }
}

function twoSided(t: number, degrees: number): number {
  // Student's tail by bisection on the quantile keeps to one set of distributions.
  let [low, high] = [0.5, 1 - 1e-12]
  const size = Math.abs(t)
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (studentQuantile(middle, degrees) < size) low = middle
    else high = middle
  }
  return 2 * (1 - low)
}

function fitErrorOf(actual: Float64Array, expected: Float64Array, start: number): number {
  let [miss, all] = [0, 0]
  for (let period = 0; period < start; period++) {
    miss += Math.abs((actual[period] as number) - (expected[period] as number))
    all += Math.abs(actual[period] as number)
  }
  return all > 0 ? miss / all : 0
}

function warningsOf(test: GeoTest, actual: Float64Array, expected: Float64Array): string[] {
  const warnings: string[] = []
  const { start, end } = test
  if (start < 4 * Math.max(1, Math.ceil((end - start) / 4)) || start < 14) {
    warnings.push(`Only ${start} periods before the campaign: a longer history would make the comparison surer.`)
  }
  const error = fitErrorOf(actual, expected, start)
  if (error > 0.1) {
    warnings.push(
      `Before the campaign the comparison was off by ${(error * 100).toFixed(0)} % on average; other control regions may fit better.`,
    )
  }
  return warnings
}

export type SyntheticWeights = { weights: Float64Array; shift: number }

/**
 * Weights of the control regions, none negative, together 1, whose mixture moved like the target before the campaign;
 * levels are taken out first (Doudchenko & Imbens 2016), so only the movement has to match. Exact active-set descent
 * is not needed: accelerated projected gradient on the simplex, stopped by its duality gap.
 */
export function syntheticWeights(
  target: Float64Array,
  controls: readonly Float64Array[],
  periods: number,
): SyntheticWeights {
  const count = controls.length
  const centre = (values: Float64Array) => {
    const mean = sumBetween(values, 0, periods) / periods
    return { mean, values: values.subarray(0, periods).map((value) => value - mean) }
  }
  const goal = centre(target)
  const own = controls.map(centre)
  const gram = new Float64Array(count * count)
  const pull = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    const left = (own[row] as { values: Float64Array }).values
    for (let column = row; column < count; column++) {
      const right = (own[column] as { values: Float64Array }).values
      let sum = 0
      for (let period = 0; period < periods; period++) sum += (left[period] as number) * (right[period] as number)
      gram[row * count + column] = sum
      gram[column * count + row] = sum
    }
    let sum = 0
    for (let period = 0; period < periods; period++) sum += (left[period] as number) * (goal.values[period] as number)
    pull[row] = sum
  }
  const weights = simplexLeastSquares(gram, pull, count)
  const shift = goal.mean - own.reduce((sum, { mean }, index) => sum + mean * (weights[index] as number), 0)
  return { weights, shift }
}

/** min ½ w'Gw − p'w over the simplex, by moving weight between the best and the worst vertex in use (pairwise Frank-Wolfe). */
function simplexLeastSquares(gram: Float64Array, pull: Float64Array, count: number): Float64Array {
  const weights = new Float64Array(count)
  let first = 0
  for (let index = 1; index < count; index++) {
    const value = (at: number) => (gram[at * count + at] as number) / 2 - (pull[at] as number)
    if (value(index) < value(first)) first = index
  }
  weights[first] = 1
  const slope = Float64Array.from(
    { length: count },
    (_, index) => (gram[index * count + first] as number) - (pull[index] as number),
  )
  let scale = 0
  for (let index = 0; index < count; index++) scale = Math.max(scale, gram[index * count + index] as number)
  for (let step = 0; step < 20_000; step++) {
    let low = 0
    let high = -1
    for (let index = 0; index < count; index++) {
      if ((slope[index] as number) < (slope[low] as number)) low = index
      if ((weights[index] as number) > 0 && (high < 0 || (slope[index] as number) > (slope[high] as number)))
        high = index
    }
    const gap = (slope[high] as number) - (slope[low] as number)
    if (high < 0 || gap <= 1e-10 * scale) break
    const bend =
      (gram[low * count + low] as number) +
      (gram[high * count + high] as number) -
      2 * (gram[low * count + high] as number)
    const move = Math.min(weights[high] as number, bend > 0 ? gap / bend : Number.POSITIVE_INFINITY)
    weights[low] = (weights[low] as number) + move
    weights[high] = move === weights[high] ? 0 : (weights[high] as number) - move
    for (let index = 0; index < count; index++) {
      slope[index] =
        (slope[index] as number) +
        move * ((gram[index * count + low] as number) - (gram[index * count + high] as number))
    }
  }
  return weights
}

/**
 * Synthetic control (Abadie, Diamond, Hainmueller 2010) with inference by placebo in time (Chernozhukov, Wüthrich, Zhu
 * 2021): were the campaign's periods as unusual as they look, hardly any other order of the misses would show as much.
 * The interval comes from their t-test with three blocks before the campaign.
 */
export function syntheticControl(test: GeoTest, level = 0.9, controls = othersOf(test.panel, test.treated)): GeoResult {
  const { panel, treated, start, end } = test
  const mean = totalOf(panel, treated).map((value) => value / treated.length)
  const others = controls.map((region) => panel.values[region] as Float64Array)
  const fitted = fittedBy(mean, others, start, panel.periods)
  const days = end - start
  const effect = sumBetween(mean, start, end) / days - sumBetween(fitted.expected, start, end) / days
  const bounds = boundsOf(effect, mean, others, start, end, level)
  const scale = treated.length * days
  const usual = sumBetween(fitted.expected, start, end) * treated.length
  const actual = totalOf(panel, treated)
  const expected = fitted.expected.map((value) => value * treated.length)
  return {
    method: 'synthetic control',
    actual,
    expected,
    increment: { value: effect * scale, low: bounds.low * scale, high: bounds.high * scale },
    relative: {
      value: (effect * scale) / usual,
      low: (bounds.low * scale) / usual,
      high: (bounds.high * scale) / usual,
    },
    pValue: placeboInTime(mean, others, start, end),
    weights: controls
      .map((region, index) => ({ region: panel.regions[region] as string, weight: fitted.weights[index] as number }))
      .filter(({ weight }) => weight > 1e-4)
      .sort((left, right) => right.weight - left.weight),
    fitError: fitErrorOf(actual, expected, start),
    warnings: warningsOf(test, actual, expected),
  }
}

function fittedBy(target: Float64Array, controls: readonly Float64Array[], periods: number, all: number) {
  const { weights, shift } = syntheticWeights(target, controls, periods)
  const expected = Float64Array.from({ length: all }, (_, period) =>
    controls.reduce((sum, values, index) => sum + (values[period] as number) * (weights[index] as number), shift),
  )
  return { weights, expected }
}

function deviationOf(actual: Float64Array, expected: Float64Array, periods: number): number {
  let sum = 0
  for (let period = 0; period < periods; period++)
    sum += ((actual[period] as number) - (expected[period] as number)) ** 2
  return Math.sqrt(sum / Math.max(1, periods))
}

/**
 * p-value of "no effect": weights fitted over all days as if there had been none, then the misses in another order.
 * Misses that hang together from day to day are shifted around the circle of time as a block, independent ones are
 * drawn anew.
 */
function placeboInTime(target: Float64Array, controls: readonly Float64Array[], start: number, end: number): number {
  const seenSoFar = target.slice(0, end)
  const { expected } = fittedBy(seenSoFar, controls, end, end)
  const rest = seenSoFar.map((value, period) => Math.abs(value - (expected[period] as number)))
  const days = end - start
  const seen = sumBetween(rest, start, end) * (1 - 1e-12)
  if (
    Math.abs(memoryOf(seenSoFar.map((value, period) => value - (expected[period] as number)).subarray(0, start))) >
    2 / Math.sqrt(start)
  ) {
    let asLarge = 0
    for (let first = 0; first < end; first++) {
      let sum = 0
      for (let day = 0; day < days; day++) sum += rest[(first + day) % end] as number
      if (sum >= seen) asLarge++
    }
    return asLarge / end
  }
  const draws = drawsFrom('placebo in time', end, days)
  const shuffled = rest.slice()
  let asLarge = 1
  for (let order = 1; order < placeboOrders; order++) {
    let sum = 0
    for (let day = 0; day < days; day++) {
      const other = day + draws.below(end - day)
      const kept = shuffled[day] as number
      shuffled[day] = shuffled[other] as number
      shuffled[other] = kept
      sum += shuffled[day] as number
    }
    if (sum >= seen) asLarge++
  }
  return asLarge / placeboOrders
}

const placeboOrders = 1000

/** Correlation of each residual with the one before. */
function memoryOf(rest: Float64Array): number {
  const mean = sumBetween(rest, 0, rest.length) / rest.length
  let [own, both] = [0, 0]
  for (let period = 0; period < rest.length; period++) {
    own += ((rest[period] as number) - mean) ** 2
    if (period > 0) both += ((rest[period] as number) - mean) * ((rest[period - 1] as number) - mean)
  }
  return own > 0 ? both / own : 0
}

/**
 * Interval of the mean effect (Chernozhukov, Wüthrich, Zhu 2022, "A t-test for synthetic controls"):
 * weights are fitted without one of three blocks before the campaign, which then shows how far off they are on days
 * they have not seen. Student with two degrees of freedom: wide, but honest for a short history. The interval
 * reaches as far from the corrected effect as from the plain one.
 */
function boundsOf(
  effect: number,
  target: Float64Array,
  controls: readonly Float64Array[],
  start: number,
  end: number,
  level: number,
): { low: number; high: number } {
  const blocks = 3
  const length = Math.min(Math.floor(start / blocks), end - start)
  const effects = Array.from({ length: blocks }, (_, block) => {
    const first = start - (blocks - block) * length
    const kept = (series: Float64Array) => joined(series.subarray(0, first), series.subarray(first + length, start))
    const { weights } = syntheticWeights(kept(target), controls.map(kept), start - length)
    const gap = (from: number, to: number) =>
      (sumBetween(target, from, to) -
        controls.reduce((sum, series, index) => sum + (weights[index] as number) * sumBetween(series, from, to), 0)) /
      (to - from)
    return gap(start, end) - gap(first, first + length)
  })
  const mean = effects.reduce((sum, effect) => sum + effect, 0) / blocks
  const variance = effects.reduce((sum, effect) => sum + (effect - mean) ** 2, 0) / (blocks - 1)
  const error = Math.sqrt((1 + (blocks * length) / (end - start)) * variance)
  const reach = (studentQuantile((1 + level) / 2, blocks - 1) * error) / Math.sqrt(blocks)
  return { low: Math.min(mean, effect) - reach, high: Math.max(mean, effect) + reach }
}

function joined(left: Float64Array, right: Float64Array): Float64Array {
  const both = new Float64Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}

/** Placebo in space: every control region plays the treated one; share of them that stand out at least as much. */
export function placeboInSpace(test: GeoTest): { pValue: number; ranks: { region: string; ratio: number }[] } {
  const { panel, treated, start, end } = test
  const controls = othersOf(panel, treated)
  const ratioOf = (target: Float64Array, others: number[]) => {
    const series = others.map((region) => panel.values[region] as Float64Array)
    const { expected } = fittedBy(target, series, start, panel.periods)
    const before = deviationOf(target, expected, start)
    let after = 0
    for (let period = start; period < end; period++)
      after += ((target[period] as number) - (expected[period] as number)) ** 2
    return Math.sqrt(after / (end - start)) / (before || 1e-12)
  }
  const own = ratioOf(
    totalOf(panel, treated).map((value) => value / treated.length),
    controls,
  )
  const ranks = controls.map((region) => ({
    region: panel.regions[region] as string,
    ratio: ratioOf(
      panel.values[region] as Float64Array,
      controls.filter((other) => other !== region),
    ),
  }))
  const asLarge = ranks.filter(({ ratio }) => ratio >= own).length
  return { pValue: (asLarge + 1) / (ranks.length + 1), ranks }
}

/** Additional outcome per unit of additional spend, with interval; null without spend. */
export function returnOnSpend(increment: Interval, spend: number): Interval | null {
  if (spend === 0) return null
  const [low, high] = [increment.low / spend, increment.high / spend]
  return { value: increment.value / spend, low: Math.min(low, high), high: Math.max(low, high) }
}

/**
 * Geo-based regression (Vaver & Koehler 2011): sales of each region in the test, explained by its sales before and its
 * additional spend, large regions counting less per unit (weights 1 ÷ sales before², as in GeoexperimentsResearch).
 */
export function geoBasedReturn(
  regions: readonly { before: number; during: number; spendBefore: number; spendDuring: number; treated: boolean }[],
  level = 0.9,
): Interval | null {
  const rows = regions.filter(({ before }) => before > 0)
  const change = spendChange(rows)
  const spent = rows.reduce((sum, _, index) => sum + Math.abs(change[index] as number), 0)
  if (rows.length < 5 || spent === 0) return null
  // Three unknowns: base, slope on sales before, return on the spend change.
  const design = rows.map((row, index) => [1, row.before, change[index] as number] as const)
  const normal = new Float64Array(9)
  const right = new Float64Array(3)
  rows.forEach((row, index) => {
    const weight = 1 / row.before ** 2
    const line = design[index] as readonly [number, number, number]
    for (let left = 0; left < 3; left++) {
      right[left] = (right[left] as number) + weight * (line[left] as number) * row.during
      for (let other = 0; other < 3; other++) {
        normal[left * 3 + other] =
          (normal[left * 3 + other] as number) + weight * (line[left] as number) * (line[other] as number)
      }
    }
  })
  const inverse = inverse3(normal)
  if (inverse === null) return null
  const beta = [0, 1, 2].map((row) =>
    [0, 1, 2].reduce((sum, column) => sum + (inverse[row * 3 + column] as number) * (right[column] as number), 0),
  )
  let rest = 0
  rows.forEach((row, index) => {
    const line = design[index] as readonly [number, number, number]
    const fitted = line.reduce((sum, value, at) => sum + value * (beta[at] as number), 0)
    rest += ((row.during - fitted) / row.before) ** 2
  })
  const degrees = rows.length - 3
  const value = beta[2] as number
  const reach = studentQuantile((1 + level) / 2, degrees) * Math.sqrt((rest / degrees) * (inverse[8] as number))
  return { value, low: value - reach, high: value + reach }
}

/** Spend a region had more than expected; where control regions spent too, their line says what was expected. */
function spendChange(rows: readonly { spendBefore: number; spendDuring: number; treated: boolean }[]): number[] {
  const controls = rows.filter(({ treated }) => !treated)
  const spends = controls.some(({ spendBefore, spendDuring }) => spendBefore !== 0 || spendDuring !== 0)
  if (!spends)
    return rows.map(({ treated, spendBefore, spendDuring }) =>
      treated ? spendDuring - (spendBefore > 0 ? spendBefore : 0) : 0,
    )
  const x = Float64Array.from(controls, ({ spendBefore }) => spendBefore)
  const y = Float64Array.from(controls, ({ spendDuring }) => spendDuring)
  const { base, slope } = lineOf(x, y, controls.length)
  return rows.map(({ treated, spendBefore, spendDuring }) => (treated ? spendDuring - base - slope * spendBefore : 0))
}

function inverse3(m: Float64Array): Float64Array | null {
  const [a, b, c, d, e, f, g, h, i] = m as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
  if (!(Math.abs(determinant) > 0)) return null
  return Float64Array.from(
    [
      e * i - f * h,
      c * h - b * i,
      b * f - c * e,
      f * g - d * i,
      a * i - c * g,
      c * d - a * f,
      d * h - e * g,
      b * g - a * h,
      a * e - b * d,
    ],
    (part) => part / determinant,
  )
}

/** Pairs of regions that move alike, the most alike first; one of each pair is drawn for the campaign. */
export function pairRegions(panel: Panel, draws: Draws): { campaign: number; control: number; likeness: number }[] {
  const free = new Set(panel.regions.map((_, region) => region))
  const logs = panel.values.map((values) => {
    const shown = values.map((value) => Math.log(Math.max(value, 0) + 1))
    const mean = sumBetween(shown, 0, panel.periods) / panel.periods
    return { level: mean, moves: shown.map((value) => value - mean) }
  })
  const candidates: { left: number; right: number; distance: number; likeness: number }[] = []
  for (let left = 0; left < logs.length; left++) {
    for (let right = left + 1; right < logs.length; right++) {
      const [one, two] = [logs[left], logs[right]] as [(typeof logs)[number], (typeof logs)[number]]
      let [gap, both, own, other] = [0, 0, 0, 0]
      for (let period = 0; period < panel.periods; period++) {
        const [x, y] = [one.moves[period] as number, two.moves[period] as number]
        gap += (x - y) ** 2
        both += x * y
        own += x * x
        other += y * y
      }
      candidates.push({
        left,
        right,
        // Movement decides; a quarter of the gap in size keeps a village from being paired with a city.
        distance: Math.sqrt(gap / panel.periods) + Math.abs(one.level - two.level) / 4,
        likeness: own > 0 && other > 0 ? both / Math.sqrt(own * other) : 0,
      })
    }
  }
  candidates.sort((left, right) => left.distance - right.distance || left.left - right.left)
  const pairs: { campaign: number; control: number; likeness: number }[] = []
  for (const { left, right, likeness } of candidates) {
    if (!free.has(left) || !free.has(right)) continue
    free.delete(left)
    free.delete(right)
    const heads = draws.uniform() < 0.5
    pairs.push({ campaign: heads ? left : right, control: heads ? right : left, likeness })
  }
  return pairs
}

export type GeoPower = {
  /** Assumed lift, and the share of simulated campaigns in which it was found. */
  curve: { lift: number; found: number }[]
  /** Smallest lift that is found with the wanted power; null when none of the tried ones is. */
  detectable: number | null
  simulations: number
}

/**
 * Power by simulated insertion: a campaign of known lift is planted into own history at many moments, and counted is
 * how often it would have been found. No assumption about noise is needed.
 */
export function geoPower(
  panel: Panel,
  treated: readonly number[],
  options: {
    days: number
    lifts: readonly number[]
    level?: number
    power?: number
    most?: number
    method?: 'time-based regression' | 'synthetic control'
    progress?: (done: number, of: number) => void
    signal?: { readonly aborted: boolean }
  },
): GeoPower {
  const { days, lifts, level = 0.9, power = 0.8, most = 25, method = 'time-based regression' } = options
  const firstStart = Math.max(2 * days, 14)
  const places = Math.max(0, panel.periods - days - firstStart + 1)
  const every = Math.max(1, Math.ceil(places / most))
  const starts: number[] = []
  for (let start = panel.periods - days; start >= firstStart; start -= every) starts.push(start)
  const found = lifts.map(() => 0)
  let done = 0
  for (const start of starts) {
    for (const [index, lift] of lifts.entries()) {
      if (options.signal?.aborted) throw new Error('stopped')
      const values = panel.values.map((series, region) =>
        treated.includes(region)
          ? series.map((value, period) => (period >= start && period < start + days ? value * (1 + lift) : value))
          : series,
      )
      const test = { panel: { ...panel, values }, treated, start, end: start + days }
      const result = method === 'synthetic control' ? syntheticControl(test, level) : timeBasedRegression(test, level)
      const hit =
        lift > 0 ? result.increment.low > 0 : lift < 0 ? result.increment.high < 0 : result.pValue <= 1 - level
      if (hit) found[index] = (found[index] as number) + 1
      options.progress?.(++done, starts.length * lifts.length)
    }
  }
  const curve = lifts.map((lift, index) => ({
    lift,
    found: starts.length > 0 ? (found[index] as number) / starts.length : 0,
  }))
  const reached = curve.filter(({ lift, found: share }) => lift > 0 && share >= power).map(({ lift }) => lift)
  return { curve, detectable: reached.length > 0 ? Math.min(...reached) : null, simulations: starts.length }
}
