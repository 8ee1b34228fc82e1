import { quantileOfSorted } from '../attribution/bootstrap.ts'
import { drawsFrom } from '../numbers/chance.ts'
import { type Convergence, convergence } from '../sampling/diagnostics.ts'
import { type ChainDraws, startChain } from '../sampling/nuts.ts'
import { answersOf, type Figure, figureOf, type MixAnswers, pointsOf, priorPredictive } from './answers.ts'
import { type Check, checksOf, type OutOfSample } from './checks.ts'
import { mixModel } from './model.ts'
import { type Readiness, readinessOf } from './readiness.ts'
import type { MixData, MixSpec } from './spec.ts'

/** One chain to be run, in any thread: everything it needs, nothing that cannot be sent. */
export type ChainTask = {
  data: MixData
  spec: MixSpec
  /** Only so many first weeks are learnt from. */
  learn: number
  chain: number
  warmup: number
  draws: number
  seed: string | number
  target: number
}

export type ChainWatch = {
  /** Called after each slice of steps. */
  onSteps?(done: number, divergences: number): void
  /** True ends the chain with what it has. */
  stopped?(): boolean
  /** Lets others have the thread between slices. */
  breathe?(): Promise<void>
}

/** Runs one chain in this thread, in slices of a few steps. */
export async function runChain(task: ChainTask, watch: ChainWatch = {}): Promise<ChainDraws> {
  const model = mixModel(task.data, task.spec, task.learn)
  const chain = startChain(model.density, {
    warmup: task.warmup,
    draws: task.draws,
    seed: task.seed,
    chain: task.chain,
    target: task.target,
    start: model.start,
  })
  let more = true
  while (more && watch.stopped?.() !== true) {
    more = chain.advance(10)
    watch.onSteps?.(chain.done, chain.divergences)
    await watch.breathe?.()
  }
  return chain.result()
}

export type MixFitOptions = {
  chains?: number
  draws?: number
  warmup?: number
  seed?: string | number
  target?: number
  /** Learn without the last weeks too, to see how they are foreseen. Default true. */
  outOfSample?: boolean
  /** How chains are run: all tasks at once, results in their order. Default: one after the other in this thread. */
  runChains?(
    tasks: ChainTask[],
    watch: { onSteps(task: number, done: number, divergences: number): void; stopped(): boolean },
  ): Promise<ChainDraws[]>
  /** Steps done of all steps of all chains, and trajectories that broke away so far. */
  onProgress?(progress: { done: number; total: number; divergences: number }): void
  /** True ends the run and keeps what is drawn. */
  stopped?(): boolean
  /** With the default way of running: lets others have the thread. */
  breathe?(): Promise<void>
}

export type MixFit = {
  kind: 'einklang mix'
  version: 1
  spec: MixSpec
  run: {
    seed: string | number
    chains: number
    draws: number
    warmup: number
    kept: number
    stopped: boolean
    divergences: number
    evaluations: number
    stepSizes: number[]
    acceptance: number[]
  }
  weeks: string[]
  regions: string[]
  rows: number
  /** The first failed check, or null. */
  headline: string | null
  /** Checks that forbid showing figures failed. */
  blocked: boolean
  checks: Check[]
  outOfSample: OutOfSample | null
  collinearity: number[][]
  unidentified: { channels: string[]; because: string; doInstead: string; joint: Figure | null }[]
  answers: MixAnswers
  parameters: ({ name: string; low: number; high: number } & Convergence)[]
  /** Some draws of each chain in order, for the eye: parameter → chain → values. */
  traces: { name: string; chains: number[][] }[]
  prior: ReturnType<typeof priorPredictive>
}

export type MixRefused = { refused: Readiness['refusals']; suspects: Readiness['suspects'] }

/** Fits a mix model, checks it and answers. The same seed gives the same fit for any number of threads. */
export async function fitMix(data: MixData, spec: MixSpec, options: MixFitOptions = {}): Promise<MixFit | MixRefused> {
  const readiness = readinessOf(data, spec)
  if (readiness.refusals.length > 0) return { refused: readiness.refusals, suspects: readiness.suspects }
  const weeks = data.weeks.length
  const [chains, draws, warmup] = [options.chains ?? 4, options.draws ?? 1000, options.warmup ?? 1000]
  const seed = options.seed ?? 1
  const test = options.outOfSample === false ? 0 : testWeeks(weeks)
  const common = { data, spec, seed, warmup, target: options.target ?? 0.8 }
  const tasks: ChainTask[] = Array.from({ length: chains }, (_, chain) => ({ ...common, learn: weeks, chain, draws }))
  // Two short chains are enough to see how unseen weeks are foreseen.
  if (test > 0)
    for (const chain of [100, 101])
      tasks.push({
        ...common,
        learn: weeks - test,
        chain,
        warmup: Math.min(warmup, 300),
        draws: Math.min(draws, 200),
      })
  const results = await runAll(tasks, options)
  const main = results.slice(0, chains)
  const model = mixModel(data, spec)
  const kept = main.reduce((sum, chain) => sum + chain.draws, 0)
  const points = pointsOf(main, 1000)
  // A run stopped during the warm-up answers with what is believed.
  const chance = drawsFrom('nothing drawn', seed)
  const shown = points.length > 0 ? points : Array.from({ length: 50 }, () => model.drawPrior(chance))
  const answers = answersOf(model, shown, seed)
  const parameters = parametersOf(model.names, model.coordinates, main)
  const divergences = main.reduce((sum, { divergent }) => sum + divergent.reduce((a, b) => a + b, 0), 0)
  const outOfSample = test > 0 ? foresight(data, spec, results.slice(chains), weeks - test, seed) : null
  const checks = checksOf({
    convergence: parameters,
    draws: kept,
    wanted: chains * draws,
    divergences,
    answers,
    outOfSample,
    readiness,
    spec,
  })
  const failed = checks.find(({ passed }) => !passed)
  return {
    kind: 'einklang mix',
    version: 1,
    spec,
    run: {
      seed,
      chains,
      draws,
      warmup,
      kept,
      stopped: kept < chains * draws,
      divergences,
      evaluations: results.reduce((sum, { evaluations }) => sum + evaluations, 0),
      stepSizes: main.map(({ stepSize }) => stepSize),
      acceptance: main.map(({ acceptance }) => acceptance),
    },
    weeks: [...data.weeks],
    regions: [...data.regions],
    rows: data.outcome.length,
    headline: failed === undefined ? null : `${failed.says}${failed.doInstead === null ? '' : ` ${failed.doInstead}`}`,
    blocked: kept === 0 || checks.some(({ passed, blocks }) => !passed && blocks),
    checks,
    outOfSample,
    collinearity: readiness.collinearity,
    unidentified: readiness.unidentified.map((one) => ({
      ...one,
      joint: jointOf(one.channels, answers, model, shown),
    })),
    answers,
    parameters,
    traces: tracesOf(model.names, model.coordinates, main),
    prior: priorPredictive(model, seed),
  }
}

/** About a sixth of the history, at most a quarter of a year; nothing when less than a year would be left. */
export function testWeeks(weeks: number): number {
  const test = Math.min(13, Math.floor(weeks / 6))
  return weeks - test >= 52 + 4 ? test : 0
}

async function runAll(tasks: ChainTask[], options: MixFitOptions): Promise<ChainDraws[]> {
  const done = tasks.map(() => 0)
  const broken = tasks.map(() => 0)
  const total = tasks.reduce((sum, { warmup, draws }) => sum + warmup + draws, 0)
  const onSteps = (task: number, steps: number, divergences: number) => {
    done[task] = steps
    broken[task] = divergences
    options.onProgress?.({
      done: done.reduce((sum, value) => sum + value, 0),
      total,
      divergences: broken.reduce((sum, value) => sum + value, 0),
    })
  }
  const stopped = () => options.stopped?.() === true
  if (options.runChains !== undefined) return options.runChains(tasks, { onSteps, stopped })
  const results: ChainDraws[] = []
  for (const [index, task] of tasks.entries())
    results.push(
      await runChain(task, {
        onSteps: (steps, divergences) => onSteps(index, steps, divergences),
        stopped,
        ...(options.breathe === undefined ? {} : { breathe: options.breathe }),
      }),
    )
  return results
}

type Coordinates = ReturnType<typeof mixModel>['coordinates']

/** Values of one coordinate in the words of the model, a chain an array, cut to the shortest. */
function valuesOf(coordinates: Coordinates, main: readonly ChainDraws[], index: number): Float64Array[] {
  const length = Math.min(...main.map((chain) => chain.draws))
  return main.map((chain) =>
    Float64Array.from({ length }, (_, draw) =>
      (coordinates[index] as Coordinates[number]).value(chain.values[draw * chain.size + index] as number),
    ),
  )
}

function parametersOf(names: readonly string[], coordinates: Coordinates, main: readonly ChainDraws[]) {
  if (Math.min(...main.map((chain) => chain.draws)) < 8) return []
  return names.map((name, index) => {
    const values = valuesOf(coordinates, main, index)
    const sorted = Float64Array.from(values.flatMap((chain) => [...chain])).sort()
    return {
      name,
      ...convergence(values),
      low: quantileOfSorted(sorted, 0.05),
      high: quantileOfSorted(sorted, 0.95),
    }
  })
}

function tracesOf(names: readonly string[], coordinates: Coordinates, main: readonly ChainDraws[]) {
  return names
    .map((name, index) => ({
      name,
      chains: valuesOf(coordinates, main, index).map((values) => {
        const step = Math.max(1, Math.floor(values.length / 150))
        return [...values].filter((_, at) => at % step === 0).map((value) => Number(value.toPrecision(4)))
      }),
    }))
    .filter(({ name }) => !name.includes('.region ') && !name.startsWith('base '))
}

/** What channels that cannot be told apart brought together. */
function jointOf(
  names: readonly string[],
  answers: MixAnswers,
  model: ReturnType<typeof mixModel>,
  points: readonly Float64Array[],
): Figure | null {
  if (names.length < 2) return answers.channels.find(({ name }) => name === names[0])?.contribution ?? null
  const { data, size } = model
  const weeks = data.weeks.length
  const regions = data.regions.length
  const members = model.channels.flatMap(({ name }, index) => (names.includes(name) ? [index] : []))
  return figureOf(
    Float64Array.from(points, (point) => {
      const at = model.unfold(point)
      let sum = 0
      for (const index of members)
        for (let region = 0; region < regions; region++) {
          const lane = index * regions + region
          for (let week = 0; week < weeks; week++)
            sum += (size[region] as number) * (at.effect[lane] as number) * (at.reached[lane * weeks + week] as number)
        }
      return sum
    }),
  )
}

/** How well the last weeks are foreseen by a model that has not seen them. */
function foresight(
  data: MixData,
  spec: MixSpec,
  chains: readonly ChainDraws[],
  learn: number,
  seed: string | number,
): OutOfSample | null {
  const points = pointsOf(chains, 300)
  if (points.length < 20) return null
  const model = mixModel(data, spec, learn)
  const draws = drawsFrom('foresight', seed)
  const weeks = data.weeks.length
  const log = spec.link === 'log'
  const cells: number[] = []
  for (let region = 0; region < data.regions.length; region++)
    for (let week = learn; week < weeks; week++) cells.push(region * weeks + week)
  const predicted = cells.map(() => new Float64Array(points.length))
  const expected = new Float64Array(cells.length)
  for (const [which, point] of points.entries()) {
    const at = model.unfold(point)
    const { base } = model.drawBase(point, draws)
    for (const [place, cell] of cells.entries()) {
      const into = predicted[place] as Float64Array
      for (const [row, { region, size: scale }] of model.rows.entries()) {
        if (region !== Math.floor(cell / weeks)) continue
        const own = row * weeks + (cell % weeks)
        const inside = (base[own] as number) + (at.media[own] as number)
        const noisy = inside + (at.noise[row] as number) * draws.normal()
        expected[place] = (expected[place] as number) + (scale * (log ? Math.exp(inside) : inside)) / points.length
        into[which] = (into[which] as number) + scale * (log ? Math.exp(noisy) : noisy)
      }
    }
  }
  let [miss, naive, all, covered] = [0, 0, 0, 0]
  for (const [place, cell] of cells.entries()) {
    const seen = data.outcome[cell] as number
    // Last year's same week; in the second year that is the only forecast a naive reader has.
    const before = data.outcome[cell - 52] as number
    miss += Math.abs(seen - (expected[place] as number))
    naive += Math.abs(seen - before)
    all += seen
    const { low, high } = figureOf(predicted[place] as Float64Array)
    if (seen >= low && seen <= high) covered++
  }
  return { weeks: weeks - learn, model: miss / all, naive: naive / all, coverage: covered / cells.length }
}
