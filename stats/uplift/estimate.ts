import type { Interval } from '../lift/holdout.ts'
import { drawsFrom } from '../numbers/chance.ts'
import { normalQuantile } from '../numbers/distributions.ts'
import { boost, boostedValues, type OutcomeKind } from '../trees/boost.ts'
import { type Columns, rowsWhere } from '../trees/columns.ts'
import { byScore, effectByPart, qiniArea, type Scored, type Step, upliftArea } from './curves.ts'
import { foldOf, judge } from './judging.ts'
import { type LearnerName, learnerOf, pseudoEffects, type Trial } from './learners.ts'
import { type PolicyData, policyValue, robustPolicyValue } from './policy.ts'
import { fitLinear, linearValues } from './regression.ts'

/** Called between pieces of work, so that a server can show progress, answer others and stop. */
export type Watch = {
  progress?: (done: number, of: number) => void
  signal?: { readonly aborted: boolean }
  /** Lets others run: `() => new Promise(setImmediate)`. Without it the work is done in one go. */
  turn?: () => Promise<void>
}

/** The work was asked to stop. */
export class Stopped extends Error {
  constructor() {
    super('Stopped before the end.')
    this.name = 'Stopped'
  }
}

export type UpliftInput = {
  columns: Columns
  /** Names of the arms; the first one is "nothing done". */
  arms: string[]
  /** Arm of each row. */
  arm: Uint8Array
  outcome: Float64Array
  kind: OutcomeKind
  /** Nobody drew lots: who got what is explained by the columns, and the answer says so. */
  observational: boolean
}

export type UpliftOptions = Watch & {
  learner?: LearnerName | 'auto'
  folds?: number
  /** Fold of each row where it is given from outside. */
  fold?: (row: number) => number
  seed?: string
  level?: number
  /** Resamples behind the bands. */
  resamples?: number
}

export type TreatmentUplift = {
  arm: string
  /** Estimated effect of this arm on every row, from a model that has not seen the row. */
  scores: Float64Array
  /** Average effect of the arm against the first one. */
  average: Interval
  /** In what share of the folds each learner was chosen. */
  learners: { learner: LearnerName; weight: number }[]
  /** Qini and uplift areas as scikit-uplift counts them; null for amounts, whose perfect ranking is unknown. */
  qini: Interval | null
  upliftArea: number | null
  /** Points of the Qini curve with band, per person of the trial. */
  curve: { share: number; gain: number; low: number; high: number; chance: number }[]
  tenths: Step[]
  at: { share: number; effect: number; low: number; high: number }[]
  /** Share of persons whose estimated effect is negative, and the measured effect among them. */
  disturbed: { share: number; effect: Interval | null }
}

export type PolicyFigure = { rule: string; value: Interval; robust: Interval; shares: { arm: string; share: number }[] }

export type UpliftResult = {
  observational: boolean
  rows: number
  folds: number
  learner: LearnerName | 'auto'
  level: number
  treatments: TreatmentUplift[]
  policies: PolicyFigure[]
  /** Best arm per row by the scores, 0 where nothing helps. */
  choice: Uint8Array
  overlap: Overlap
  warnings: string[]
}

export type Overlap = {
  estimated: boolean
  /** Spread of the chance to get each arm: where persons with no counterpart begin. */
  arms: {
    arm: string
    rows: number
    least: number
    tenth: number
    median: number
    ninetieth: number
    most: number
    effectiveRows: number
  }[]
  /** Share of rows whose chance to get some arm is below 2 %. */
  lacking: number
}

/** Learners that `auto` chooses from: one of each temper, all quick. The others are there by name. */
export const autoLearners: LearnerName[] = ['s-linear', 't-linear', 'dr-linear', 'dr-trees']

/**
 * Effect of each arm on each person, from models that never saw the person (cross-fitting), and what could be gained
 * by choosing with them. `auto` takes, for each test fold, the learner that ranks best inside the other folds; rows of the
 * test fold decide nothing.
 */
export async function estimateUplift(input: UpliftInput, options: UpliftOptions = {}): Promise<UpliftResult> {
  const { learner = 'auto', folds = 5, seed = '1', level = 0.9 } = options
  const rows = input.columns.rows
  const fold = options.fold ?? ((row: number) => foldOf(row, folds))
  const dealt = Uint8Array.from({ length: rows }, (_, row) => fold(row))
  const parts = Array.from({ length: folds }, (_, part) => part)
  const work = { done: 0, all: folds * ((input.arms.length - 1) * (learner === 'auto' ? 4 : 1) + 1) }
  const step = async () => {
    work.done++
    options.progress?.(work.done, work.all)
    await options.turn?.()
    if (options.signal?.aborted) throw new Stopped()
  }
  const chances = chancesOf(input, dealt, parts, seed)
  const expected = input.arms.map(() => new Float64Array(rows))
  for (const part of parts) {
    const asked = rowsWhere(rows, (row) => dealt[row] === part)
    input.arms.forEach((_, arm) => {
      const learning = rowsWhere(rows, (row) => dealt[row] !== part && input.arm[row] === arm)
      const model = fitLinear(input.columns, learning, input.outcome, { kind: input.kind })
      spread(linearValues(model, input.columns, asked), asked, expected[arm] as Float64Array)
    })
    await step()
  }
  const treatments: TreatmentUplift[] = []
  for (let arm = 1; arm < input.arms.length; arm++) {
    const inTrial = (row: number) => input.arm[row] === 0 || input.arm[row] === arm
    const trial = trialOf(input, arm, chances, seed)
    const scores = new Float64Array(rows)
    const weights = new Map<LearnerName, number>()
    for (const part of parts) {
      const learning = rowsWhere(rows, (row) => dealt[row] !== part && inTrial(row))
      const asked = rowsWhere(rows, (row) => dealt[row] === part)
      const chosen = learner === 'auto' ? await chosenFor(trial, learning, step) : learner
      weights.set(chosen, (weights.get(chosen) ?? 0) + 1 / folds)
      const effects = learnerOf(chosen)(trial, learning)
      spread(effects(asked), asked, scores)
      await step()
    }
    treatments.push(
      describe(input, arm, scores, weights, expected, chances, { level, resamples: options.resamples ?? 200, seed }),
    )
  }
  const choice = bestArm(treatments, rows)
  const overlap = overlapOf(input, chances)
  const policies = policiesOf(input, choice, chances, expected, level)
  return {
    observational: input.observational,
    rows,
    folds,
    learner,
    level,
    treatments,
    policies,
    choice,
    overlap,
    warnings: [...warningsOf(input, overlap), ...choiceWarning(policies)],
  }
}

function spread(values: Float64Array, rows: Uint32Array, into: Float64Array): void {
  rows.forEach((row, index) => {
    into[row] = values[index] as number
  })
}

/** Chance of each arm for each row: the shares of the arms where lots were drawn, else a model of the columns, cross-fitted. */
function chancesOf(input: UpliftInput, dealt: Uint8Array, parts: number[], seed: string): Float64Array[] {
  const rows = input.columns.rows
  const shares = input.arms.map((_, arm) => input.arm.reduce((count, own) => count + (own === arm ? 1 : 0), 0) / rows)
  if (!input.observational) return shares.map((share) => new Float64Array(rows).fill(share))
  const chances = input.arms.map(() => new Float64Array(rows))
  for (const part of parts) {
    const learning = rowsWhere(rows, (row) => dealt[row] !== part)
    const asked = rowsWhere(rows, (row) => dealt[row] === part)
    input.arms.forEach((_, arm) => {
      const target = Float64Array.from(input.arm, (own) => (own === arm ? 1 : 0))
      const line = linearValues(fitLinear(input.columns, learning, target, { kind: 'share' }), input.columns, asked)
      const trees = boostedValues(
        boost(input.columns, learning, target, {
          kind: 'share',
          trees: 150,
          leaves: 8,
          depth: 4,
          aside: 0.2,
          rowShare: 0.7,
          seed: `${seed} chance ${arm}`,
        }),
        input.columns,
        asked,
      )
      spread(
        line.map((value, index) => (value + (trees[index] as number)) / 2),
        asked,
        chances[arm] as Float64Array,
      )
    })
    for (const row of asked) {
      const sum = chances.reduce((total, own) => total + (own[row] as number), 0)
      for (const own of chances) own[row] = Math.max(leastChance, (own[row] as number) / sum)
    }
  }
  return chances
}

const leastChance = 0.01

function trialOf(input: UpliftInput, arm: number, chances: Float64Array[], seed: string): Trial {
  const [own, none] = [chances[arm] as Float64Array, chances[0] as Float64Array]
  return {
    columns: input.columns,
    treated: Uint8Array.from(input.arm, (value) => (value === arm ? 1 : 0)),
    outcome: input.outcome,
    kind: input.kind,
    propensity: own.map((chance, row) => chance / (chance + (none[row] as number))),
    seed: `${seed} ${arm}`,
  }
}

/**
 * The learner that ranks best inside the training rows, by three folds of its own: largest Qini area for yes/no,
 * largest explained effect for amounts (whose perfect ranking nobody knows).
 */
async function chosenFor(trial: Trial, rows: Uint32Array, step: () => Promise<void>): Promise<LearnerName> {
  const inner = 3
  const place = new Map<number, number>()
  rows.forEach((row, index) => {
    place.set(row, index)
  })
  const scores = autoLearners.map(() => new Float64Array(rows.length))
  for (let part = 0; part < inner; part++) {
    // Another multiplier than the outer folds, so that inner and outer folds are independent.
    const inPart = (row: number) => (Math.imul(row + 1, 40503) >>> 4) % inner === part
    const learning = rows.filter((row) => !inPart(row))
    const asked = rows.filter(inPart)
    autoLearners.forEach((name, index) => {
      learnerOf(name)(
        trial,
        learning,
      )(asked).forEach((value, at) => {
        ;(scores[index] as Float64Array)[place.get(asked[at] as number) as number] = value
      })
    })
    await step()
  }
  const outcome = Float64Array.from(rows, (row) => trial.outcome[row] as number)
  const treated = Uint8Array.from(rows, (row) => trial.treated[row] as number)
  const pseudo = trial.kind === 'amount' ? pseudoEffects('linear', trial, rows) : null
  const pseudoHere = pseudo === null ? null : Float64Array.from(rows, (row) => pseudo[row] as number)
  const merits = scores.map((score) =>
    pseudoHere === null ? qiniArea({ score, outcome, treated }) : judge(score, pseudoHere).gain,
  )
  return autoLearners[merits.indexOf(Math.max(...merits))] as LearnerName
}

function describe(
  input: UpliftInput,
  arm: number,
  scores: Float64Array,
  weights: Map<LearnerName, number>,
  expected: Float64Array[],
  chances: Float64Array[],
  { level, resamples, seed }: { level: number; resamples: number; seed: string },
): TreatmentUplift {
  const z = normalQuantile((1 + level) / 2)
  const rows = rowsWhere(input.columns.rows, (row) => input.arm[row] === 0 || input.arm[row] === arm)
  const scored: Scored = {
    score: Float64Array.from(rows, (row) => scores[row] as number),
    outcome: Float64Array.from(rows, (row) => input.outcome[row] as number),
    treated: Uint8Array.from(rows, (row) => (input.arm[row] === arm ? 1 : 0)),
  }
  const order = byScore(scored.score)
  const binary = input.kind === 'share'
  const bands = resample(scored, order, resamples, drawsFrom('uplift bands', seed, arm), level, binary)
  const negative = rows.filter((row) => (scores[row] as number) < 0)
  const effects = effectsOf(input, arm, expected, chances)
  return {
    arm: input.arms[arm] as string,
    scores,
    average: meanWithInterval(rows.length > 0 ? effects : new Float64Array(0), z),
    learners: [...weights]
      .map(([learner, weight]) => ({ learner, weight }))
      .sort((left, right) => right.weight - left.weight),
    qini: binary ? { value: qiniArea(scored), low: bands.area.low, high: bands.area.high } : null,
    upliftArea: binary ? upliftArea(scored) : null,
    curve: bands.curve,
    tenths: effectByPart(scored, 10, z),
    at: [0.1, 0.2, 0.3, 0.5].map((share) => ({
      share,
      ...effectAmong(scored, order, Math.floor(share * order.length), z),
    })),
    disturbed: {
      share: negative.length / Math.max(1, rows.length),
      effect:
        negative.length > 0
          ? meanWithInterval(
              Float64Array.from(negative, (row) => effects[row] as number),
              z,
            )
          : null,
    },
  }
}

/** Doubly robust effect of an arm for every row; its mean is the average effect, lots drawn or not. */
function effectsOf(input: UpliftInput, arm: number, expected: Float64Array[], chances: Float64Array[]): Float64Array {
  const [with1, with0] = [expected[arm] as Float64Array, expected[0] as Float64Array]
  return input.outcome.map((outcome, row) => {
    const own = input.arm[row] as number
    const base = (with1[row] as number) - (with0[row] as number)
    if (own === arm) return base + (outcome - (with1[row] as number)) / ((chances[arm] as Float64Array)[row] as number)
    if (own === 0) return base - (outcome - (with0[row] as number)) / ((chances[0] as Float64Array)[row] as number)
    return base
  })
}

function meanWithInterval(values: Float64Array, z: number): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
  const reach = z * Math.sqrt(variance / values.length)
  return { value: mean, low: mean - reach, high: mean + reach }
}

function effectAmong({ outcome, treated }: Scored, order: Uint32Array, count: number, z: number) {
  const scored: Scored = {
    score: new Float64Array(count),
    outcome: Float64Array.from(order.subarray(0, count), (row) => outcome[row] as number),
    treated: Uint8Array.from(order.subarray(0, count), (row) => treated[row] as number),
  }
  const [part] = effectByPart(scored, 1, z)
  return { effect: part?.effect ?? Number.NaN, low: part?.low ?? Number.NaN, high: part?.high ?? Number.NaN }
}

const curvePoints = 50

/**
 * Bands by drawing persons again with Poisson weights: the order of scores stays, only the counting is repeated, so a
 * replicate is one pass.
 */
function resample(
  { outcome, treated }: Scored,
  order: Uint32Array,
  resamples: number,
  draws: ReturnType<typeof drawsFrom>,
  level: number,
  binary: boolean,
) {
  const rows = order.length
  const curveOf = (weightOf: (row: number) => number) => {
    const gain = new Float64Array(curvePoints + 1)
    let [all, t, yt, c, yc] = [0, 0, 0, 0, 0]
    let total = 0
    const weights = new Float64Array(rows)
    for (let index = 0; index < rows; index++) {
      const weight = weightOf(order[index] as number)
      weights[index] = weight
      total += weight
    }
    let point = 1
    let sum = 0
    let before = 0
    for (let index = 0; index < rows; index++) {
      const weight = weights[index] as number
      const row = order[index] as number
      all += weight
      if (treated[row] === 1) {
        t += weight
        yt += weight * (outcome[row] as number)
      } else {
        c += weight
        yc += weight * (outcome[row] as number)
      }
      const now = c > 0 ? yt - (yc * t) / c : yt
      sum += ((now + before) / 2) * weight
      before = now
      while (point <= curvePoints && all >= (point / curvePoints) * total - 1e-9) gain[point++] = now / total
    }
    const perfect = binary ? perfectArea(weights, order, outcome, treated) : 1
    const chance = (before * total) / 2
    return { gain, area: perfect === chance ? 0 : (sum - chance) / (perfect - chance) }
  }
  const observed = curveOf(() => 1)
  const gains = Array.from({ length: curvePoints + 1 }, () => new Float64Array(resamples))
  const areas = new Float64Array(resamples)
  for (let replicate = 0; replicate < resamples; replicate++) {
    const drawn = curveOf(() => poissonOne(draws.uniform()))
    areas[replicate] = drawn.area
    for (let point = 0; point <= curvePoints; point++)
      (gains[point] as Float64Array)[replicate] = drawn.gain[point] as number
  }
  areas.sort()
  const at = (sorted: Float64Array, share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN
  const end = observed.gain[curvePoints] as number
  return {
    area: { low: at(areas, (1 - level) / 2), high: at(areas, (1 + level) / 2) },
    curve: gains.map((sample, point) => {
      sample.sort()
      const share = point / curvePoints
      return {
        share,
        gain: observed.gain[point] as number,
        low: at(sample, (1 - level) / 2),
        high: at(sample, (1 + level) / 2),
        chance: share * end,
      }
    }),
  }
}

/** Poisson draw with mean 1 by inversion of its table. */
function poissonOne(uniform: number): number {
  let count = 0
  let term = Math.exp(-1)
  let sum = term
  while (uniform > sum && count < 12) {
    count++
    term /= count
    sum += term
  }
  return count
}

/** Area under the Qini curve of a perfect ranking: treated buyers, then everybody neutral, then buyers of the control. */
function perfectArea(weights: Float64Array, order: Uint32Array, outcome: Float64Array, treated: Uint8Array): number {
  let [buyers, quiet, lost, quietControl, quietTreated] = [0, 0, 0, 0, 0]
  order.forEach((row, index) => {
    const weight = weights[index] as number
    if (outcome[row] === 1 && treated[row] === 1) buyers += weight
    else if (outcome[row] === 1) lost += weight
    else {
      quiet += weight
      if (treated[row] === 1) quietTreated += weight
      else quietControl += weight
    }
  })
  // The curve has points where the score changes: after the buyers, after the neutral, at the end.
  const end = quietControl + lost > 0 ? buyers - (lost * (buyers + quietTreated)) / (quietControl + lost) : buyers
  return (buyers * buyers) / 2 + quiet * buyers + ((buyers + end) / 2) * lost
}

function bestArm(treatments: readonly TreatmentUplift[], rows: number): Uint8Array {
  return Uint8Array.from({ length: rows }, (_, row) => {
    let best = 0
    let most = 0
    treatments.forEach(({ scores }, index) => {
      if ((scores[row] as number) > most) {
        most = scores[row] as number
        best = index + 1
      }
    })
    return best
  })
}

function policiesOf(
  input: UpliftInput,
  choice: Uint8Array,
  chances: Float64Array[],
  expected: Float64Array[],
  level: number,
): PolicyFigure[] {
  const rows = input.columns.rows
  const chance = Float64Array.from(input.arm, (arm, row) => (chances[arm] as Float64Array)[row] as number)
  const figure = (rule: string, chosen: Uint8Array): PolicyFigure => {
    const data: PolicyData = { arm: input.arm, outcome: input.outcome, chance, choice: chosen }
    const { value, low, high } = policyValue(data, level)
    return {
      rule,
      value: { value, low, high },
      robust: robustPolicyValue(data, expected, level),
      shares: input.arms.map((arm, index) => ({
        arm,
        share: chosen.reduce((count, own) => count + (own === index ? 1 : 0), 0) / rows,
      })),
    }
  }
  return [
    figure('the best arm per person', choice),
    ...input.arms.map((arm, index) => figure(`everybody: ${arm}`, new Uint8Array(rows).fill(index))),
    asItWas(input, level),
  ]
}

/** Choosing must beat the best arm for everybody, or it is not worth its trouble. */
function choiceWarning([chosen, ...others]: PolicyFigure[]): string[] {
  const best = others.toSorted((left, right) => right.robust.value - left.robust.value)[0]
  if (chosen === undefined || best === undefined || chosen.robust.value > best.robust.value) return []
  return [
    `Choosing per person does not beat "${best.rule}" here: persons differ too little, or the file is too small to tell. Use that rule, or more persons.`,
  ]
}

function asItWas(input: UpliftInput, level: number): PolicyFigure {
  const value = meanWithInterval(input.outcome, normalQuantile((1 + level) / 2))
  const rows = input.arm.length
  return {
    rule: 'as it was',
    value,
    robust: value,
    shares: input.arms.map((arm, index) => ({
      arm,
      share: input.arm.reduce((count, own) => count + (own === index ? 1 : 0), 0) / rows,
    })),
  }
}

function overlapOf(input: UpliftInput, chances: Float64Array[]): Overlap {
  const rows = input.columns.rows
  let lacking = 0
  for (let row = 0; row < rows; row++) if (chances.some((own) => (own[row] as number) < 0.02)) lacking++
  return {
    estimated: input.observational,
    lacking: lacking / Math.max(1, rows),
    arms: input.arms.map((arm, index) => {
      const own = chances[index] as Float64Array
      const sorted = own.slice().sort()
      const at = (share: number) => sorted[Math.round(share * (rows - 1))] as number
      let [count, weights, squares] = [0, 0, 0]
      for (let row = 0; row < rows; row++) {
        if (input.arm[row] !== index) continue
        const weight = 1 / (own[row] as number)
        count++
        weights += weight
        squares += weight * weight
      }
      return {
        arm,
        rows: count,
        least: at(0),
        tenth: at(0.1),
        median: at(0.5),
        ninetieth: at(0.9),
        most: at(1),
        effectiveRows: squares > 0 ? (weights * weights) / squares : 0,
      }
    }),
  }
}

function warningsOf(input: UpliftInput, overlap: Overlap): string[] {
  const warnings: string[] = []
  if (input.observational) {
    warnings.push(
      'Observational: nobody drew lots, so these effects hold only if the columns explain who got what. A test with lots would settle it.',
    )
  }
  if (overlap.lacking > 0.05) {
    warnings.push(
      `${(overlap.lacking * 100).toFixed(0)} % of the persons almost never get one of the arms, so there is nobody to compare them with; leave them out or let chance decide for them.`,
    )
  }
  const all = input.outcome
  if (all.every((value) => value === all[0]))
    warnings.push('The outcome is the same for everybody, so nothing can be learnt.')
  return warnings
}
