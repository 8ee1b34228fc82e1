import { type Draws, drawsFrom } from '../numbers/chance.ts'
import type { LogDensity } from './density.ts'
import { diagonalMetric, learnMetric, type Metric } from './metric.ts'

export type ChainOptions = {
  warmup: number
  draws: number
  seed: string | number
  chain: number
  /** Share of a trajectory's points that should be acceptable: smaller steps are safer and slower. Default 0.8. */
  target?: number
  /** Dense learns correlations; default dense up to 300 coordinates. */
  metric?: Metric['kind']
  /** A trajectory has at most 2^depth points. */
  depth?: number
  start: Float64Array
}

/** What a chain drew after its warm-up. Row `i` of `values` is draw `i`. */
export type ChainDraws = {
  chain: number
  size: number
  draws: number
  values: Float64Array
  logDensity: Float64Array
  /** 1 where the trajectory broke away: the posterior is more curved there than the step allows. */
  divergent: Uint8Array
  depth: Uint8Array
  energy: Float64Array
  stepSize: number
  acceptance: number
  /** Gradient evaluations, warm-up included. */
  evaluations: number
}

export type RunningChain = {
  /** Warm-up and kept draws done so far. */
  readonly done: number
  readonly total: number
  readonly divergences: number
  /** Makes up to so many further steps; false when the chain is complete. */
  advance(steps: number): boolean
  /** What has been kept up to now: a cancelled chain still answers. */
  result(): ChainDraws
}

type Point = { place: Float64Array; momentum: Float64Array; gradient: Float64Array; logDensity: number }

const tooFar = 1000

/**
 * The No-U-Turn sampler (Hoffman & Gelman 2014) with multinomial choice along the trajectory and the generalised
 * criterion (Betancourt 2017), step size by dual averaging, metric learned in the doubling windows of Stan.
 * One gradient per leapfrog step; memory O(depth · size) beside the draws kept.
 */
export function startChain(density: LogDensity, options: ChainOptions): RunningChain {
  const { size } = density
  const chance = drawsFrom('nuts', options.seed, options.chain)
  const kind = options.metric ?? (size <= 300 ? 'dense' : 'diagonal')
  const target = options.target ?? 0.8
  const total = options.warmup + options.draws
  const windows = windowsOf(options.warmup)
  const trajectory = trajectories(density, chance, options.depth ?? 10)
  let metric: Metric = diagonalMetric(new Float64Array(size).fill(1))
  let learner = learnMetric(kind, size)
  const current = startingPoint(density, options.start, chance)
  let stepSize = trajectory.firstStep(current, metric, 1)
  let averaging = dualAveraging(stepSize, target)
  let done = 0
  let divergences = 0
  let kept = 0
  let acceptance = 0
  const values = new Float64Array(options.draws * size)
  const logDensity = new Float64Array(options.draws)
  const divergent = new Uint8Array(options.draws)
  const depth = new Uint8Array(options.draws)
  const energy = new Float64Array(options.draws)

  const step = () => {
    const moved = trajectory.move(current, metric, stepSize)
    if (done < options.warmup) {
      stepSize = averaging.learn(moved.acceptance)
      const place = windows.place(done)
      if (place !== 'outside') learner.add(current.place)
      if (place === 'end') {
        metric = learner.metric() ?? metric
        learner = learnMetric(kind, size)
        stepSize = trajectory.firstStep(current, metric, stepSize)
        averaging = dualAveraging(stepSize, target)
      }
      if (done === options.warmup - 1) stepSize = averaging.settled()
    } else {
      values.set(current.place, kept * size)
      logDensity[kept] = current.logDensity
      divergent[kept] = moved.divergent ? 1 : 0
      depth[kept] = moved.depth
      energy[kept] = moved.energy
      acceptance += moved.acceptance
      if (moved.divergent) divergences++
      kept++
    }
    done++
  }

  return {
    get done() {
      return done
    },
    total,
    get divergences() {
      return divergences
    },
    advance(steps) {
      for (let made = 0; made < steps && done < total; made++) step()
      return done < total
    },
    result: () => ({
      chain: options.chain,
      size,
      draws: kept,
      values: values.slice(0, kept * size),
      logDensity: logDensity.slice(0, kept),
      divergent: divergent.slice(0, kept),
      depth: depth.slice(0, kept),
      energy: energy.slice(0, kept),
      stepSize,
      acceptance: kept === 0 ? 0 : acceptance / kept,
      evaluations: trajectory.evaluations(),
    }),
  }
}

function startingPoint(density: LogDensity, start: Float64Array, chance: Draws): Point {
  const { size } = density
  const point: Point = {
    place: start.slice(),
    momentum: new Float64Array(size),
    gradient: new Float64Array(size),
    logDensity: density.at(start, new Float64Array(size)),
  }
  for (let attempt = 0; attempt < 100; attempt++) {
    const width = 0.5 / (1 + attempt / 10)
    for (let row = 0; row < size; row++) point.place[row] = (start[row] as number) + width * chance.normal()
    point.logDensity = density.at(point.place, point.gradient)
    if (Number.isFinite(point.logDensity) && point.gradient.every(Number.isFinite)) return point
  }
  throw new RangeError('The density is not finite anywhere near the start')
}

/** Doubling windows between a short beginning (find the bulk) and a short end (settle the step size). */
function windowsOf(warmup: number) {
  const short = warmup < 150
  const first = short ? Math.floor(0.15 * warmup) : 75
  const last = short ? Math.floor(0.1 * warmup) : 50
  const stop = warmup - last
  const ends = new Set<number>()
  let width = short ? stop - first : 25
  let from = first
  while (from < stop) {
    const end = from + width
    // A window that would leave less than its double behind it takes the rest.
    const to = end + 2 * width > stop ? stop : end
    ends.add(to - 1)
    from = to
    width *= 2
  }
  return {
    place: (step: number): 'outside' | 'inside' | 'end' => {
      if (step < first || step >= stop) return 'outside'
      return ends.has(step) ? 'end' : 'inside'
    },
  }
}

/** Nesterov's dual averaging as in Hoffman & Gelman 2014, with their constants. */
function dualAveraging(first: number, target: number) {
  const centre = Math.log(10 * first)
  let count = 0
  let gap = 0
  let average = 0
  return {
    learn(acceptance: number): number {
      count++
      const weight = 1 / (count + 10)
      gap = (1 - weight) * gap + weight * (target - acceptance)
      const step = centre - (gap * Math.sqrt(count)) / 0.05
      const fade = count ** -0.75
      average = fade * step + (1 - fade) * average
      return Math.exp(step)
    },
    settled: () => Math.exp(average),
  }
}

type Moved = { acceptance: number; divergent: boolean; depth: number; energy: number }

/** Trajectories with all their memory taken once. */
function trajectories(density: LogDensity, chance: Draws, deepest: number) {
  const { size } = density
  const vector = () => new Float64Array(size)
  const point = (): Point => ({ place: vector(), momentum: vector(), gradient: vector(), logDensity: 0 })
  const copy = (from: Point, to: Point) => {
    to.place.set(from.place)
    to.momentum.set(from.momentum)
    to.gradient.set(from.gradient)
    to.logDensity = from.logDensity
  }
  const [at, forward, backward, proposal, sample] = [point(), point(), point(), point(), point()]
  const velocity = vector()
  const levels = Array.from({ length: deepest }, () => ({
    innerEnd: vector(),
    innerEndVelocity: vector(),
    innerSum: vector(),
    outerBegin: vector(),
    outerBeginVelocity: vector(),
    outerSum: vector(),
    proposal: point(),
  }))
  const mixed = vector()
  let evaluations = 0
  let metric!: Metric
  let length = 0
  let energyAtStart = 0
  let acceptances = 0
  let leaps = 0
  let divergent = false

  const kinetic = (momentum: Float64Array) => {
    metric.velocity(momentum, velocity)
    return 0.5 * dot(momentum, velocity)
  }
  const leap = (moving: Point, step: number) => {
    for (let row = 0; row < size; row++)
      moving.momentum[row] = (moving.momentum[row] as number) + 0.5 * step * (moving.gradient[row] as number)
    metric.velocity(moving.momentum, velocity)
    for (let row = 0; row < size; row++)
      moving.place[row] = (moving.place[row] as number) + step * (velocity[row] as number)
    moving.logDensity = density.at(moving.place, moving.gradient)
    evaluations++
    for (let row = 0; row < size; row++)
      moving.momentum[row] = (moving.momentum[row] as number) + 0.5 * step * (moving.gradient[row] as number)
  }
  /** Both ends still move apart along the sum of momenta. */
  const parting = (begin: Float64Array, end: Float64Array, sum: Float64Array) =>
    dot(begin, sum) > 0 && dot(end, sum) > 0
  const partingWith = (begin: Float64Array, end: Float64Array, sum: Float64Array, more: Float64Array) => {
    for (let row = 0; row < size; row++) mixed[row] = (sum[row] as number) + (more[row] as number)
    return parting(begin, end, mixed)
  }

  type Branch = {
    beginVelocity: Float64Array
    endVelocity: Float64Array
    sum: Float64Array
    begin: Float64Array
    end: Float64Array
  }

  /** Adds 2^depth points in one direction from `at`; returns the logarithm of their weight, or null when it must stop. */
  const grow = (depth: number, chosen: Point, branch: Branch): number | null => {
    if (depth === 0) {
      leap(at, length)
      leaps++
      let energy = kinetic(at.momentum) - at.logDensity
      if (Number.isNaN(energy)) energy = Infinity
      if (energy - energyAtStart > tooFar) divergent = true
      const weight = energyAtStart - energy
      acceptances += weight > 0 ? 1 : Math.exp(weight)
      copy(at, chosen)
      branch.beginVelocity.set(velocity)
      branch.endVelocity.set(velocity)
      branch.begin.set(at.momentum)
      branch.end.set(at.momentum)
      for (let row = 0; row < size; row++) branch.sum[row] = (branch.sum[row] as number) + (at.momentum[row] as number)
      return divergent ? null : weight
    }
    const level = levels[depth - 1] as (typeof levels)[number]
    level.innerSum.fill(0)
    const inner = grow(depth - 1, chosen, {
      beginVelocity: branch.beginVelocity,
      endVelocity: level.innerEndVelocity,
      sum: level.innerSum,
      begin: branch.begin,
      end: level.innerEnd,
    })
    if (inner === null) return null
    level.outerSum.fill(0)
    const outer = grow(depth - 1, level.proposal, {
      beginVelocity: level.outerBeginVelocity,
      endVelocity: branch.endVelocity,
      sum: level.outerSum,
      begin: level.outerBegin,
      end: branch.end,
    })
    if (outer === null) return null
    const both = logAdd(inner, outer)
    if (chance.uniform() < Math.exp(outer - both)) copy(level.proposal, chosen)
    let goesOn = partingWith(branch.beginVelocity, level.outerBeginVelocity, level.innerSum, level.outerBegin)
    goesOn = goesOn && partingWith(level.innerEndVelocity, branch.endVelocity, level.outerSum, level.innerEnd)
    for (let row = 0; row < size; row++) mixed[row] = (level.innerSum[row] as number) + (level.outerSum[row] as number)
    goesOn = goesOn && parting(branch.beginVelocity, branch.endVelocity, mixed)
    if (!goesOn) return null
    for (let row = 0; row < size; row++)
      branch.sum[row] = (branch.sum[row] as number) + (level.innerSum[row] as number) + (level.outerSum[row] as number)
    return both
  }

  const ends = {
    forwardVelocity: vector(),
    backwardVelocity: vector(),
    /** Inner ends of the two halves that meet where the tree was doubled. */
    forwardInner: vector(),
    forwardInnerVelocity: vector(),
    backwardInner: vector(),
    backwardInnerVelocity: vector(),
    forwardOuter: vector(),
    backwardOuter: vector(),
    sum: vector(),
    forwardSum: vector(),
    backwardSum: vector(),
  }

  const move = (current: Point, using: Metric, stepSize: number): Moved => {
    metric = using
    acceptances = 0
    leaps = 0
    divergent = false
    for (let row = 0; row < size; row++) current.momentum[row] = chance.normal()
    metric.momentum(current.momentum)
    energyAtStart = kinetic(current.momentum) - current.logDensity
    copy(current, forward)
    copy(current, backward)
    copy(current, sample)
    ends.forwardVelocity.set(velocity)
    ends.backwardVelocity.set(velocity)
    ends.forwardOuter.set(current.momentum)
    ends.backwardOuter.set(current.momentum)
    ends.sum.set(current.momentum)
    let weight = 0
    let depth = 0
    while (depth < deepest) {
      const ahead = chance.uniform() > 0.5
      length = ahead ? stepSize : -stepSize
      copy(ahead ? forward : backward, at)
      let grown: number | null
      if (ahead) {
        ends.backwardSum.set(ends.sum)
        ends.backwardInner.set(ends.forwardOuter)
        ends.backwardInnerVelocity.set(ends.forwardVelocity)
        ends.forwardSum.fill(0)
        grown = grow(depth, proposal, {
          beginVelocity: ends.forwardInnerVelocity,
          endVelocity: ends.forwardVelocity,
          sum: ends.forwardSum,
          begin: ends.forwardInner,
          end: ends.forwardOuter,
        })
        copy(at, forward)
      } else {
        ends.forwardSum.set(ends.sum)
        ends.forwardInner.set(ends.backwardOuter)
        ends.forwardInnerVelocity.set(ends.backwardVelocity)
        ends.backwardSum.fill(0)
        grown = grow(depth, proposal, {
          beginVelocity: ends.backwardInnerVelocity,
          endVelocity: ends.backwardVelocity,
          sum: ends.backwardSum,
          begin: ends.backwardInner,
          end: ends.backwardOuter,
        })
        copy(at, backward)
      }
      if (grown === null) break
      depth++
      if (grown > weight || chance.uniform() < Math.exp(grown - weight)) copy(proposal, sample)
      weight = logAdd(weight, grown)
      for (let row = 0; row < size; row++)
        ends.sum[row] = (ends.forwardSum[row] as number) + (ends.backwardSum[row] as number)
      const goesOn =
        parting(ends.backwardVelocity, ends.forwardVelocity, ends.sum) &&
        partingWith(ends.backwardVelocity, ends.forwardInnerVelocity, ends.backwardSum, ends.forwardInner) &&
        partingWith(ends.backwardInnerVelocity, ends.forwardVelocity, ends.forwardSum, ends.backwardInner)
      if (!goesOn) break
    }
    copy(sample, current)
    return { acceptance: leaps === 0 ? 0 : acceptances / leaps, divergent, depth, energy: energyAtStart }
  }

  /** Doubles or halves until one step is accepted about four times in five. */
  const firstStep = (current: Point, using: Metric, guess: number): number => {
    metric = using
    let step = guess
    let direction = 0
    for (let attempt = 0; attempt < 60; attempt++) {
      copy(current, at)
      for (let row = 0; row < size; row++) at.momentum[row] = chance.normal()
      metric.momentum(at.momentum)
      const before = kinetic(at.momentum) - at.logDensity
      leap(at, step)
      const after = kinetic(at.momentum) - at.logDensity
      const change = Number.isNaN(after) ? -Infinity : before - after
      const wanted = change > Math.log(0.8) ? 1 : -1
      if (direction === 0) direction = wanted
      if (wanted !== direction) break
      step = direction > 0 ? step * 2 : step / 2
    }
    return step
  }

  return { move, firstStep, evaluations: () => evaluations }
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0
  for (let row = 0; row < left.length; row++) sum += (left[row] as number) * (right[row] as number)
  return sum
}

function logAdd(left: number, right: number): number {
  if (left === -Infinity) return right
  return left > right ? left + Math.log1p(Math.exp(right - left)) : right + Math.log1p(Math.exp(left - right))
}
