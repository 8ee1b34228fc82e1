import { quantileOfSorted } from '../attribution/bootstrap.ts'
import { drawsFrom } from '../numbers/chance.ts'
import { meanCurve, type Smooth, slopeAt, smoothThrough, type UncertainCurve, valueAt } from './curve.ts'

/** What may be spent on a channel over the plan. */
export type Bounds = {
  low: number
  high: number
  /** Only multiples of this: whole spots, insertions. */
  step?: number
  /** Nothing, or at least this: minimum print run, contract. */
  least?: number
}

export type BudgetAim = {
  /** `outcome`: spend all of the total. `profit`: margin × outcome − spend; money that earns less than itself stays. */
  kind: 'outcome' | 'profit'
  /** Profit per unit of outcome. */
  margin?: number
  /** Mean − `deviations` × standard deviation. */
  deviations?: number
  /** Mean of the worst share of the draws instead (conditional value at risk). */
  worst?: number
  /**
   * A move away from today's division counts its mean gain − `doubt` × the gain's standard deviation: at 1 it is made
   * when it helps in about five of six cases. What the draws do not know stays where it is.
   */
  doubt?: number
}

export type Allocation = {
  channels: {
    channel: string
    spend: number
    today: number
    outcome: Interval
    /** Outcome of the next unit of spend; null where the next unit is not allowed. */
    marginal: Interval
    /** What holds the spend where it is; null when it is free, and then all margins are equal. */
    heldBy: 'low' | 'high' | 'step' | 'least' | 'known range' | 'unknown' | 'unbelievable' | null
  }[]
  spend: number
  unspent: number
  objective: Interval
  outcome: Interval
  /** Against today's plan at the same total. */
  today: { spend: number; objective: Interval; outcome: Interval; gain: Interval; chanceOfGain: number }
  /** Common marginal objective of the free channels; null when none is free. */
  price: number | null
}

export type Infeasible = { infeasible: string; binding: { channel: string; low: number }[] }

type Interval = { mean: number; low: number; high: number }

export type AllocateNeeds = {
  curves: readonly UncertainCurve[]
  total: number
  bounds: { [channel: string]: Bounds }
  today: { [channel: string]: number }
  objective: BudgetAim
  /** Channels of which nothing can be believed: they keep their share of today's division. */
  hold?: readonly string[]
  /** Channels about which the data taught nothing: they get no more than their share on belief alone, but may give. */
  noMore?: readonly string[]
}

/** The best division of a total among channels with uncertain response, and what it gains over today's. */
export function allocate(needs: AllocateNeeds): Allocation | Infeasible {
  const limits = limitsFor(needs)
  const lows = limits.reduce((sum, { low }) => sum + low, 0)
  if (lows > needs.total * (1 + 1e-12)) {
    const binding = needs.curves
      .map(({ channel }, index) => ({ channel, low: (limits[index] as Limits).low }))
      .filter(({ low }) => low > 0)
      .sort((left, right) => right.low - left.low)
    return {
      infeasible: `The minima add up to ${round(lows)}, ${round(lows - needs.total)} more than the total of ${round(needs.total)}.`,
      binding,
    }
  }
  const problem = problemOf(needs, limits)
  const spend = solve(problem)
  return answerOf(problem, needs, spend)
}

/** Value of any plan, for what-if questions: outcome and objective with their intervals. */
export function evaluatePlan(
  needs: Pick<AllocateNeeds, 'curves' | 'objective'>,
  plan: { [channel: string]: number },
): {
  spend: number
  outcome: Interval
  objective: Interval
  channels: { channel: string; spend: number; outcome: Interval; beyond: boolean }[]
} {
  const spend = needs.curves.map(({ channel }) => plan[channel] ?? 0)
  const draws = drawCurves(needs.curves)
  const each = needs.curves.map((_, index) => outcomesAt(draws[index] as Smooth[], spend[index] as number))
  const sum = totalOf(each)
  return {
    spend: spend.reduce((left, right) => left + right, 0),
    outcome: intervalOf(sum),
    objective: intervalOf(objectiveDraws(needs.objective, sum, spend)),
    channels: needs.curves.map(({ channel, spend: known }, index) => ({
      channel,
      spend: spend[index] as number,
      outcome: intervalOf(each[index] as Float64Array),
      beyond: (spend[index] as number) > (known.at(-1) as number) * (1 + 1e-9),
    })),
  }
}

/**
 * A plan that also teaches: the optimum of one posterior draw (Thompson sampling) mixed into the plan. Draws in which a
 * channel is strong move money there, so what is uncertain is tried, within the bounds. `best` is the plan of `allocate`,
 * for those who have it already: finding it is most of the work.
 */
export function exploringPlan(
  needs: AllocateNeeds,
  share: number,
  seed: string | number,
  best: Allocation | Infeasible = allocate(needs),
): Allocation | Infeasible {
  if ('infeasible' in best) return best
  const count = needs.curves[0]?.outcome.length ?? 0
  if (count === 0) return best
  const which = drawsFrom('exploring plan', seed).below(count)
  // That of which nothing is known is just what may be tried.
  const free = { ...needs, noMore: [] }
  const drawn = allocate({
    ...free,
    curves: needs.curves.map((curve) => ({ ...curve, outcome: [curve.outcome[which] as Float64Array] })),
    objective: {
      kind: needs.objective.kind,
      ...(needs.objective.margin === undefined ? {} : { margin: needs.objective.margin }),
    },
  })
  if ('infeasible' in drawn) return drawn
  const limits = limitsFor(free)
  const mixed = best.channels.map(({ spend }, index) => {
    const limit = limits[index] as Limits
    const wanted = (1 - share) * spend + share * (drawn.channels[index]?.spend as number)
    return nearestAllowed(limit, wanted)
  })
  // Steps and minimum runs may have moved the sum: the excess leaves where it costs least.
  const problem = problemOf(needs, limits)
  return answerOf(problem, needs, trimmed(problem, mixed))
}

/** Bounds of each channel; what is held keeps its share of today's division, or gets no more, where the bounds allow it. */
function limitsFor({ curves, bounds, hold, noMore, today, total }: AllocateNeeds): Limits[] {
  const now = curves.reduce((sum, { channel }) => sum + (today[channel] ?? 0), 0)
  const kept = curves.map((curve) => {
    const limit = limitsOf(curve, bounds[curve.channel])
    const still = hold?.includes(curve.channel) === true
    if ((!still && noMore?.includes(curve.channel) !== true) || now <= 0) return limit
    const stays = nearestAllowed(limit, ((today[curve.channel] ?? 0) * total) / now)
    return still
      ? { ...limit, low: stays, high: stays, held: 'unbelievable' as const }
      : { ...limit, high: stays, held: 'unknown' as const }
  })
  // When nothing else may take the rest of the total, holding gives way to the bounds.
  const room = kept.reduce((sum, { high }) => sum + high, 0)
  return room < total * (1 - 1e-9) || kept.reduce((sum, { low }) => sum + low, 0) > total * (1 + 1e-12)
    ? curves.map((curve) => limitsOf(curve, bounds[curve.channel]))
    : kept
}

type Limits = {
  low: number
  high: number
  step: number | null
  least: number | null
  known: number
  held: 'unknown' | 'unbelievable' | null
}

function limitsOf(curve: UncertainCurve, bounds: Bounds | undefined): Limits {
  const known = curve.spend.at(-1) as number
  const step = bounds?.step ?? null
  const up = (value: number) => (step === null ? value : Math.ceil(value / step - 1e-9) * step)
  const down = (value: number) => (step === null ? value : Math.floor(value / step + 1e-9) * step)
  const high = Math.min(bounds?.high ?? Infinity, known)
  const low = up(bounds?.low ?? 0)
  return { low, high: Math.max(low, down(high)), step, least: bounds?.least ?? null, known, held: null }
}

type Problem = {
  limits: Limits[]
  total: number
  objective: BudgetAim
  margin: number
  means: Smooth[]
  draws: Smooth[][]
  /** Mean objective of one channel at a spend. */
  gain(channel: number, spend: number): number
  slope(channel: number, spend: number): number
  fill: boolean
  /** Today's division at this total, as near as the bounds allow, and its outcome per draw. */
  today: Float64Array
  todayOutcome: Float64Array
}

function problemOf(needs: AllocateNeeds, limits: Limits[]): Problem {
  const means = needs.curves.map(meanCurve)
  const profit = needs.objective.kind === 'profit'
  const margin = profit ? (needs.objective.margin ?? 1) : 1
  const cost = profit ? 1 : 0
  const draws = drawCurves(needs.curves)
  const now = needs.curves.reduce((sum, { channel }) => sum + (needs.today[channel] ?? 0), 0)
  const problem: Problem = {
    limits,
    total: needs.total,
    objective: needs.objective,
    margin,
    means,
    draws,
    today: new Float64Array(limits.length),
    todayOutcome: new Float64Array(0),
    gain: (channel, spend) => margin * valueAt(means[channel] as Smooth, spend) - cost * spend,
    slope: (channel, spend) => margin * slopeAt(means[channel] as Smooth, spend) - cost,
    fill: !profit,
  }
  // With profit as the aim nothing must be spent: then today's division is that of today's total.
  const scale = now > 0 ? (profit ? Math.min(1, needs.total / now) : needs.total / now) : 0
  problem.today = trimmed(
    problem,
    needs.curves.map(({ channel }) => (needs.today[channel] ?? 0) * scale),
  )
  problem.todayOutcome = totalOf(draws.map((own, channel) => outcomesAt(own, problem.today[channel] as number)))
  return problem
}

function drawCurves(curves: readonly UncertainCurve[]): Smooth[][] {
  return curves.map((curve) => curve.outcome.map((outcome) => smoothThrough(curve.spend, outcome)))
}

function solve(problem: Problem): Float64Array {
  const { objective } = problem
  const cautious = (objective.deviations ?? 0) > 0 || (objective.doubt ?? 0) > 0 || objective.worst !== undefined
  const simple =
    problem.limits.every(({ step, least }) => step === null && least === null) &&
    problem.limits.every((limit, channel) => concave(problem.means[channel] as Smooth, limit))
  const expected = simple ? waterFilled(problem) : polished(problem, searched(problem))
  return cautious ? careful(problem, expected) : expected
}

/** True when each further unit brings less than the one before, wherever the plan may go. */
function concave({ x, slope }: Smooth, { low, high }: Limits): boolean {
  let before = Infinity
  for (let at = 0; at < x.length; at++) {
    if ((x[at] as number) < low || (x[at] as number) > high) continue
    if ((slope[at] as number) > before * (1 + 1e-9)) return false
    before = slope[at] as number
  }
  return true
}

/** Concave responses: all free channels have the same marginal objective, found by bisection on it. */
function waterFilled(problem: Problem): Float64Array {
  const { limits, total } = problem
  const count = limits.length
  const spend = new Float64Array(count)
  const at = (price: number) => {
    let sum = 0
    for (let channel = 0; channel < count; channel++) {
      const { low, high } = limits[channel] as Limits
      let [left, right] = [low, high]
      if (problem.slope(channel, left) <= price) spend[channel] = left
      else if (problem.slope(channel, right * (1 - 1e-12)) >= price) spend[channel] = right
      else {
        for (let step = 0; step < 60; step++) {
          const middle = (left + right) / 2
          if (problem.slope(channel, middle) > price) left = middle
          else right = middle
        }
        spend[channel] = (left + right) / 2
      }
      sum += spend[channel] as number
    }
    return sum
  }
  // A price of zero is the best without a total; money above it stays.
  if (at(0) <= total) return spend
  let low = 0
  let high = limits.reduce((most, limit, channel) => Math.max(most, problem.slope(channel, limit.low)), 1e-12)
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2
    if (at(middle) > total) low = middle
    else high = middle
  }
  at(high)
  settle(problem, spend)
  return spend
}

/** Gives what bisection left over to a channel that may take it. */
function settle(problem: Problem, spend: Float64Array): void {
  if (!problem.fill) return
  let left = problem.total - spend.reduce((sum, value) => sum + value, 0)
  for (let channel = 0; channel < spend.length && left > 1e-9 * problem.total; channel++) {
    const { high, step, least } = problem.limits[channel] as Limits
    if (step !== null || least !== null) continue
    const more = Math.min(left, high - (spend[channel] as number))
    spend[channel] = (spend[channel] as number) + more
    left -= more
  }
}

const gridSteps = 1000

/**
 * Any shape, steps and minimum runs: exact search over a grid of the total (dynamic programming over the channels),
 * O(channels · grid²). S-shaped responses, where marginal rules go astray, are found whole.
 */
function searched(problem: Problem): Float64Array {
  const { limits, total } = problem
  const unit = total / gridSteps
  let best = new Float64Array(gridSteps + 1)
  const chosen: Float64Array[] = []
  for (const [channel, limit] of limits.entries()) {
    const options = allowed(limit, unit, total)
    const gains = options.map((spend) => problem.gain(channel, spend))
    const cells = options.map((spend) => Math.ceil(spend / unit - 1e-9))
    const next = new Float64Array(gridSteps + 1).fill(-Infinity)
    const choice = new Float64Array(gridSteps + 1)
    for (const [index, cell] of cells.entries()) {
      const gain = gains[index] as number
      const spend = options[index] as number
      for (let used = cell; used <= gridSteps; used++) {
        const value = (best[used - cell] as number) + gain
        if (value > (next[used] as number)) {
          next[used] = value
          choice[used] = spend
        }
      }
    }
    best = next
    chosen.push(choice)
  }
  let used = gridSteps
  for (let cell = 0; cell <= gridSteps; cell++) if ((best[cell] as number) > (best[used] as number)) used = cell
  const spend = new Float64Array(limits.length)
  for (let channel = limits.length - 1; channel >= 0; channel--) {
    spend[channel] = (chosen[channel] as Float64Array)[used] as number
    used -= Math.ceil((spend[channel] as number) / unit - 1e-9)
  }
  return spend
}

/** Spends a channel may have, at most one per cell of the grid. */
function allowed({ low, high, step, least }: Limits, unit: number, total: number): number[] {
  const pace = step ?? unit
  const top = Math.min(high, total)
  const options: number[] = []
  const skip = step === null ? 1 : Math.max(1, Math.floor(unit / step))
  for (let index = 0; ; index += skip) {
    const spend = step === null ? low + index * pace : Math.round(low / step) * step + index * step
    if (spend > top + 1e-9 * unit) break
    if (least !== null && spend < least && spend > 0) continue
    options.push(spend)
  }
  if (step === null && top > low) options.push(top)
  if (least !== null && step === null && least >= low && least <= top) options.push(least)
  if (low === 0 && !options.includes(0)) options.push(0)
  return options.length > 0 ? options : [low]
}

/** Moves money between two channels in smaller and smaller amounts as long as it gains. */
function polished(problem: Problem, start: Float64Array): Float64Array {
  const spend = start.slice()
  const value = (channel: number, amount: number) => problem.gain(channel, amount)
  exchange(problem, spend, (from, to, less, more) => {
    const lost = from < 0 ? 0 : value(from, less) - value(from, spend[from] as number)
    const won = to < 0 ? 0 : value(to, more) - value(to, spend[to] as number)
    return lost + won
  })
  return spend
}

/** The cautious objective is not a sum over channels: money moves by pairs, judged by all draws, from several starts. */
function careful(problem: Problem, expected: Float64Array): Float64Array {
  const starts = [
    expected,
    trimmed(
      problem,
      [...expected].map((value) => value * 0.5),
    ),
    evenStart(problem),
    problem.today,
  ]
  let best = expected
  let most = -Infinity
  // Each amount of a channel is asked for once with every channel that gives or takes it.
  const known = problem.draws.map(() => new Map<number, Float64Array>())
  const outcomesOf = (channel: number, spend: number): Float64Array => {
    const own = known[channel] as Map<number, Float64Array>
    const found = own.get(spend)
    if (found !== undefined) return found
    if (own.size >= 64) own.clear()
    const values = outcomesAt(problem.draws[channel] as Smooth[], spend)
    own.set(spend, values)
    return values
  }
  for (const start of starts) {
    const spend = start.slice()
    const each = problem.draws.map((draws, channel) => outcomesAt(draws, spend[channel] as number))
    let sum = totalOf(each)
    let now = scoreOf(problem, sum, spend)
    exchange(
      problem,
      spend,
      (from, to, less, more) => {
        const trial = sum.slice()
        if (from >= 0) shift(trial, each[from] as Float64Array, outcomesOf(from, less))
        if (to >= 0) shift(trial, each[to] as Float64Array, outcomesOf(to, more))
        const plan = spend.slice()
        if (from >= 0) plan[from] = less
        if (to >= 0) plan[to] = more
        return scoreOf(problem, trial, plan) - now
      },
      () => {
        for (const channel of problem.draws.keys()) each[channel] = outcomesOf(channel, spend[channel] as number)
        sum = totalOf(each)
        now = scoreOf(problem, sum, spend)
      },
    )
    if (now > most) {
      most = now
      best = spend
    }
  }
  return best
}

function shift(total: Float64Array, before: Float64Array, after: Float64Array): void {
  for (let draw = 0; draw < total.length; draw++)
    total[draw] = (total[draw] as number) - (before[draw] as number) + (after[draw] as number)
}

function evenStart(problem: Problem): Float64Array {
  const { limits, total } = problem
  return trimmed(
    problem,
    limits.map((limit) => nearestAllowed(limit, total / limits.length)),
  )
}

/** Takes what is above the total away where it costs least per unit, and for a full budget gives what is below. */
function trimmed(problem: Problem, wanted: readonly number[]): Float64Array {
  const spend = Float64Array.from(wanted, (value, channel) => nearestAllowed(problem.limits[channel] as Limits, value))
  const over = () => spend.reduce((sum, value) => sum + value, 0) - problem.total
  for (let round = 0; round < 10_000 && over() > 1e-9 * problem.total; round++) {
    let cheapest = -1
    let least = Infinity
    let target = 0
    for (let channel = 0; channel < spend.length; channel++) {
      const next = stepDown(problem.limits[channel] as Limits, spend[channel] as number, over())
      if (next === null) continue
      const cost =
        (problem.gain(channel, spend[channel] as number) - problem.gain(channel, next)) /
        ((spend[channel] as number) - next)
      if (cost < least) [cheapest, least, target] = [channel, cost, next]
    }
    if (cheapest < 0) break
    spend[cheapest] = target
  }
  settle(problem, spend)
  return spend
}

function stepDown({ low, step, least }: Limits, spend: number, over: number): number | null {
  if (spend <= low) return null
  const wanted = step === null ? Math.max(low, spend - over) : spend - Math.max(1, Math.ceil(over / step - 1e-9)) * step
  const next = Math.max(low, wanted)
  return least !== null && next > 0 && next < least ? (low === 0 ? 0 : null) : next
}

function nearestAllowed({ low, high, step, least }: Limits, wanted: number): number {
  let value = Math.min(high, Math.max(low, wanted))
  if (step !== null) value = Math.min(high, Math.max(low, Math.round(value / step) * step))
  if (least !== null && value > 0 && value < least) value = value < least / 2 && low === 0 ? 0 : Math.min(high, least)
  return value
}

/** Tries transfers between all pairs (and to and from what is not spent) in falling amounts; keeps what gains. */
function exchange(
  problem: Problem,
  spend: Float64Array,
  gainOf: (from: number, to: number, less: number, more: number) => number,
  kept: () => void = () => undefined,
): void {
  const { limits, total } = problem
  const count = limits.length
  const move = (channel: number, by: number): number | null => {
    if (channel < 0) return 0
    const limit = limits[channel] as Limits
    const next = (spend[channel] as number) + by
    if (next < limit.low - 1e-9 * total || next > limit.high + 1e-9 * total) return null
    if (limit.step !== null && Math.abs(next / limit.step - Math.round(next / limit.step)) > 1e-6) return null
    if (limit.least !== null && next > 1e-9 * total && next < limit.least) return null
    return Math.min(limit.high, Math.max(limit.low, next))
  }
  for (let amount = total / 8; amount > total * 1e-7; amount /= 2) {
    for (let sweep = 0; sweep < 40; sweep++) {
      let improved = false
      for (let from = -1; from < count; from++) {
        for (let to = -1; to < count; to++) {
          if (from === to || (problem.fill && to === -1)) continue
          const used = spend.reduce((sum, value) => sum + value, 0)
          const steps = [limits[from]?.step ?? null, limits[to]?.step ?? null].filter((step) => step !== null)
          const pace =
            steps.length === 0 ? amount : Math.max(...steps) * Math.max(1, Math.round(amount / Math.max(...steps)))
          if (from === -1 && used + pace > total * (1 + 1e-12)) continue
          const [less, more] = [move(from, -pace), move(to, pace)]
          if (less === null || more === null) continue
          const gain = gainOf(from, to, less, more)
          if (!(gain > 1e-10 * Math.abs(total))) continue
          if (from >= 0) spend[from] = less
          if (to >= 0) spend[to] = more
          kept()
          improved = true
        }
      }
      if (!improved) break
    }
  }
}

function outcomesAt(draws: readonly Smooth[], spend: number): Float64Array {
  return Float64Array.from(draws, (curve) => valueAt(curve, spend))
}

function totalOf(each: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(each[0]?.length ?? 0)
  for (const values of each)
    for (let draw = 0; draw < sum.length; draw++) sum[draw] = (sum[draw] as number) + (values[draw] as number)
  return sum
}

function objectiveDraws(objective: BudgetAim, outcome: Float64Array, spend: ArrayLike<number>): Float64Array {
  if (objective.kind === 'outcome') return outcome
  const cost = Array.from(spend).reduce((sum, value) => sum + value, 0)
  return outcome.map((value) => (objective.margin ?? 1) * value - cost)
}

function scoreOf({ objective, today, todayOutcome }: Problem, outcome: Float64Array, spend: Float64Array): number {
  const values = objectiveDraws(objective, outcome, spend)
  const before = objectiveDraws(objective, todayOutcome, today)
  const doubt = (objective.doubt ?? 0) * deviationOf(values.map((value, draw) => value - (before[draw] as number)))
  if (objective.worst !== undefined) {
    const sorted = values.toSorted()
    const count = Math.max(1, Math.round(objective.worst * sorted.length))
    return sorted.subarray(0, count).reduce((sum, value) => sum + value, 0) / count - doubt
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return mean - (objective.deviations ?? 0) * deviationOf(values) - doubt
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1))
}

function answerOf(problem: Problem, needs: AllocateNeeds, spend: Float64Array): Allocation {
  const { curves, objective } = needs
  const each = problem.draws.map((draws, channel) => outcomesAt(draws, spend[channel] as number))
  const outcome = totalOf(each)
  const values = objectiveDraws(objective, outcome, spend)
  const today = curves.map(({ channel }) => needs.today[channel] ?? 0)
  const before = totalOf(problem.draws.map((draws, channel) => outcomesAt(draws, today[channel] as number)))
  const beforeValues = objectiveDraws(objective, before, today)
  const gain = values.map((value, draw) => value - (beforeValues[draw] as number))
  const used = spend.reduce((sum, value) => sum + value, 0)
  const channels = curves.map(({ channel }, index): Allocation['channels'][number] => {
    const own = spend[index] as number
    return {
      channel,
      spend: own,
      today: today[index] as number,
      outcome: intervalOf(each[index] as Float64Array),
      marginal: intervalOf(Float64Array.from(problem.draws[index] as Smooth[], (curve) => slopeAt(curve, own))),
      heldBy: heldBy(problem.limits[index] as Limits, own, needs.bounds[channel]),
    }
  })
  const free = channels.flatMap(({ heldBy: held }, index) =>
    held === null ? [problem.slope(index, spend[index] as number)] : [],
  )
  return {
    channels,
    spend: used,
    unspent: Math.max(0, needs.total - used),
    objective: intervalOf(values),
    outcome: intervalOf(outcome),
    today: {
      spend: today.reduce((sum, value) => sum + value, 0),
      objective: intervalOf(beforeValues),
      outcome: intervalOf(before),
      gain: intervalOf(gain),
      chanceOfGain: gain.filter((value) => value > 0).length / gain.length,
    },
    price: free.length === 0 ? null : free.reduce((sum, value) => sum + value, 0) / free.length,
  }
}

function heldBy(limit: Limits, spend: number, bounds: Bounds | undefined): Allocation['channels'][number]['heldBy'] {
  const near = (value: number) => Math.abs(spend - value) <= 1e-6 * Math.max(1, limit.known)
  if (limit.held !== null && near(limit.high)) return limit.held
  if (near(limit.high) && bounds?.high !== undefined && bounds.high <= limit.known) return 'high'
  if (near(limit.known)) return 'known range'
  if (near(limit.high)) return 'high'
  if (limit.least !== null && near(limit.least)) return 'least'
  if (near(limit.low)) return 'low'
  return limit.step === null ? null : 'step'
}

function intervalOf(values: Float64Array): Interval {
  const sorted = values.toSorted()
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: quantileOfSorted(sorted, 0.05),
    high: quantileOfSorted(sorted, 0.95),
  }
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en')
}
