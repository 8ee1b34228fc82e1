import { drawsFrom } from '../numbers/chance.ts'
import { boost, boostedValues, type OutcomeKind } from '../trees/boost.ts'
import { type Columns, withColumns } from '../trees/columns.ts'
import { fitLinear, linearValues } from './regression.ts'

/** What the learners are built from: a straight line (logistic, ridge) or boosted trees. */
export type Base = 'linear' | 'trees'

/**
 * S one model with the treatment as a column · T one model per arm · X effects imputed per arm, then learnt (Künzel et
 * al. 2019) · DR doubly robust pseudo-effects (Kennedy 2020) · class: chance that outcome and arm agree (Jaśkowski &
 * Jaroszewicz 2012, weighted by the propensity).
 */
export type Recipe = 's' | 't' | 'x' | 'dr' | 'class'
export type LearnerName = `${Recipe}-${Base}`

export const learnerNames: LearnerName[] = [
  's-linear',
  't-linear',
  'x-linear',
  'dr-linear',
  'class-linear',
  's-trees',
  't-trees',
  'x-trees',
  'dr-trees',
]

/** One treatment against control. Arrays are indexed by row of the table. */
export type Trial = {
  columns: Columns
  /** 1 treated, 0 control; rows of other arms are never named. */
  treated: Uint8Array
  outcome: Float64Array
  kind: OutcomeKind
  /** Chance of each row to be treated. */
  propensity: Float64Array
  seed: string
}

/** Learns from some rows and gives the effect of any others. */
export type Learner = (trial: Trial, rows: Uint32Array) => (rows: Uint32Array) => Float64Array

type Model = (rows: Uint32Array) => Float64Array

/** A base model of `target` over `rows`. Effects are small beside outcomes, so their trees are few, flat and cautious. */
function learn(
  base: Base,
  trial: Trial,
  rows: Uint32Array,
  target: Float64Array,
  what: { kind: OutcomeKind; effect?: boolean; weights?: Float64Array; columns?: Columns; purpose: string },
): (rows: Uint32Array, columns?: Columns) => Float64Array {
  const columns = what.columns ?? trial.columns
  const weights = what.weights ?? null
  if (base === 'linear') {
    const model = fitLinear(columns, rows, target, { kind: what.kind, weights })
    return (asked, other = columns) => linearValues(model, other, asked)
  }
  const model = boost(columns, rows, target, {
    kind: what.kind,
    weights,
    seed: `${trial.seed} ${what.purpose}`,
    rowShare: 0.7,
    columnShare: 0.8,
    aside: 0.2,
    ...(what.effect
      ? {
          trees: 150,
          leaves: 4,
          depth: 2,
          rate: 0.05,
          leastRows: Math.max(50, Math.floor(rows.length / 100)),
          pull: 50,
        }
      : {
          trees: 200,
          leaves: 8,
          depth: 4,
          rate: 0.05,
          leastRows: Math.max(20, Math.floor(rows.length / 500)),
          pull: 10,
        }),
  })
  return (asked, other = columns) => boostedValues(model, other, asked)
}

const armOf = (trial: Trial, rows: Uint32Array, treated: 0 | 1) => rows.filter((row) => trial.treated[row] === treated)

function perArm(base: Base, trial: Trial, rows: Uint32Array, purpose = ''): { control: Model; treated: Model } {
  const model = (arm: 0 | 1) =>
    learn(base, trial, armOf(trial, rows, arm), trial.outcome, { kind: trial.kind, purpose: `${purpose} arm ${arm}` })
  return { control: model(0), treated: model(1) }
}

function single(base: Base): Learner {
  return (trial, rows) => {
    const width = trial.columns.rows
    const columns = (treated: Float64Array) => withColumns(trial.columns, [{ name: 'treated', values: treated }])
    const model = learn(base, trial, rows, trial.outcome, {
      kind: trial.kind,
      columns: columns(Float64Array.from(trial.treated)),
      purpose: 'single',
    })
    const all = columns(new Float64Array(width).fill(1))
    const none = columns(new Float64Array(width))
    return (asked) => difference(model(asked, all), model(asked, none))
  }
}

function difference(left: Float64Array, right: Float64Array): Float64Array {
  return left.map((value, index) => value - (right[index] as number))
}

function two(base: Base): Learner {
  return (trial, rows) => {
    const { treated, control } = perArm(base, trial, rows)
    return (asked) => difference(treated(asked), control(asked))
  }
}

function cross(base: Base): Learner {
  return (trial, rows) => {
    const { treated, control } = perArm(base, trial, rows)
    const side = (arm: 0 | 1) => {
      const own = armOf(trial, rows, arm)
      const other = (arm === 1 ? control : treated)(own)
      const target = new Float64Array(trial.columns.rows)
      own.forEach((row, index) => {
        const gap = (trial.outcome[row] as number) - (other[index] as number)
        target[row] = arm === 1 ? gap : -gap
      })
      return learn(base, trial, own, target, { kind: 'amount', effect: true, purpose: `cross ${arm}` })
    }
    const [fromControl, fromTreated] = [side(0), side(1)]
    return (asked) => {
      const [left, right] = [fromControl(asked), fromTreated(asked)]
      return asked.length === 0
        ? left
        : left.map((value, index) => {
            const chance = trial.propensity[asked[index] as number] as number
            return chance * value + (1 - chance) * (right[index] as number)
          })
    }
  }
}

const leastChance = 0.01

/**
 * Doubly robust pseudo-effect of each row: right on average when either the outcome models or the propensity are.
 * Outcome models never see the row they judge (two halves, crossed).
 */
export function pseudoEffects(base: Base, trial: Trial, rows: Uint32Array): Float64Array {
  const draws = drawsFrom('halves', trial.seed)
  const half = Uint8Array.from(rows, () => draws.below(2))
  const target = new Float64Array(trial.columns.rows)
  for (const which of [0, 1]) {
    const learning = rows.filter((_, index) => half[index] !== which)
    const judged = rows.filter((_, index) => half[index] === which)
    const { treated, control } = perArm(base, trial, learning, `half ${which}`)
    const [with1, with0] = [treated(judged), control(judged)]
    judged.forEach((row, index) => {
      target[row] = doublyRobust(trial, row, with1[index] as number, with0[index] as number)
    })
  }
  return target
}

function doublyRobust(trial: Trial, row: number, with1: number, with0: number): number {
  const chance = Math.min(1 - leastChance, Math.max(leastChance, trial.propensity[row] as number))
  const outcome = trial.outcome[row] as number
  return with1 - with0 + (trial.treated[row] === 1 ? (outcome - with1) / chance : -(outcome - with0) / (1 - chance))
}

function robust(base: Base): Learner {
  return (trial, rows) => {
    // The nuisance is a straight line for both: it is stable, and the pseudo-effect corrects what it misses.
    const target = pseudoEffects('linear', trial, rows)
    return learn(base, trial, rows, target, { kind: 'amount', effect: true, purpose: 'robust' })
  }
}

function agreement(base: Base): Learner {
  return (trial, rows) => {
    const weights = new Float64Array(trial.columns.rows)
    const target = new Float64Array(trial.columns.rows)
    for (const row of rows) {
      const chance = trial.propensity[row] as number
      weights[row] = trial.treated[row] === 1 ? 0.5 / chance : 0.5 / (1 - chance)
      target[row] = trial.outcome[row] === trial.treated[row] ? 1 : 0
    }
    const model = learn(base, trial, rows, target, { kind: 'share', weights, purpose: 'agreement' })
    return (asked) => model(asked).map((share) => 2 * share - 1)
  }
}

const recipes: { [Name in Recipe]: (base: Base) => Learner } = {
  s: single,
  t: two,
  x: cross,
  dr: robust,
  class: agreement,
}

export function learnerOf(name: LearnerName): Learner {
  const [recipe, base] = name.split('-') as [Recipe, Base]
  return recipes[recipe](base)
}
