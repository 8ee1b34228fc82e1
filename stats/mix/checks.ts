import type { Convergence } from '../sampling/diagnostics.ts'
import type { MixAnswers } from './answers.ts'
import { beliefChecks, muchOverlap } from './belief.ts'
import type { MixSaid, Readiness } from './readiness.ts'
import type { MixSpec } from './spec.ts'

/** One question a fit must answer before its figures are shown. */
export type Check = {
  name: string
  passed: boolean
  /** A check that blocks failed: the draws do not describe the model, so no figure is shown. Others are headlines. */
  blocks: boolean
  /** Channels that may not be planned with when it fails. */
  forbids?: readonly string[]
  says: string
  doInstead: string | null
  said: MixSaid
}

export type OutOfSample = {
  weeks: number
  /** Mean absolute error in per cent of the mean outcome: the model, and last year's same week. */
  model: number
  naive: number
  /** Share of the weeks inside the 90 % interval. */
  coverage: number
}

type Judged = {
  convergence: readonly ({ name: string } & Convergence)[]
  draws: number
  wanted: number
  divergences: number
  answers: MixAnswers
  outOfSample: OutOfSample | null
  readiness: Readiness
  spec: MixSpec
}

const percent = (value: number) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`

/** The checks in the order in which they matter; the first failed one is the headline. */
export function checksOf(judged: Judged): Check[] {
  return [...samplingChecks(judged), ...beliefChecks(judged), ...modelChecks(judged), ...channelChecks(judged)]
}

function samplingChecks({ convergence, draws, wanted, divergences }: Judged): Check[] {
  const worst = convergence.toSorted((left, right) => right.rHat - left.rHat)[0]
  const fewest = convergence.toSorted(
    (left, right) => Math.min(left.bulk, left.tail) - Math.min(right.bulk, right.tail),
  )[0]
  const checks: Check[] = []
  if (draws < wanted)
    checks.push({
      name: 'complete',
      passed: false,
      blocks: false,
      says: `The run was stopped after ${draws} of ${wanted} draws.`,
      doInstead: 'Run it to the end.',
      said: { code: 'stopped', values: { draws, wanted } },
    })
  if (worst !== undefined)
    checks.push({
      name: 'chains agree',
      passed: worst.rHat <= 1.01,
      blocks: true,
      says: `R-hat is at most ${worst.rHat.toFixed(3)} (${worst.name}); up to 1.01 is good.`,
      doInstead: 'Draw more (--draws 2000 --warmup 2000), or tighten the beliefs about this channel.',
      said: { code: 'chains', values: { rHat: worst.rHat.toFixed(3), name: worst.name } },
    })
  if (fewest !== undefined)
    checks.push({
      name: 'enough draws',
      passed: Math.min(fewest.bulk, fewest.tail) >= 400,
      blocks: true,
      says: `The draws are worth at least ${Math.round(Math.min(fewest.bulk, fewest.tail))} independent ones (${fewest.name}); 400 are needed.`,
      doInstead: 'Draw more (--draws 2000).',
      said: {
        code: 'few_draws',
        values: { count: Math.round(Math.min(fewest.bulk, fewest.tail)), name: fewest.name },
      },
    })
  checks.push({
    name: 'no broken trajectories',
    passed: draws > 0 && divergences <= 0.001 * draws,
    blocks: true,
    says: `${divergences} of ${draws} trajectories broke away; at most 1 in 1,000 may.`,
    doInstead: 'Smaller steps (--target 0.95), or tighter beliefs about saturation and slope.',
    said: { code: 'broken', values: { divergences, draws } },
  })
  return checks
}

function modelChecks({ answers, outOfSample }: Judged): Check[] {
  const { coverage, autocorrelation } = answers.fit
  const checks: Check[] = [
    {
      name: 'noise as assumed',
      passed: coverage >= 0.8 && coverage <= 0.97,
      blocks: false,
      says: `${percent(coverage)} of the weeks lie inside their 90 % interval.`,
      doInstead:
        coverage < 0.8
          ? 'Add what moved sales in the weeks outside (controls, holidays), or use Student-t noise.'
          : 'A few extreme weeks widen everything: use Student-t noise, or explain them with a control.',
      said: { code: coverage < 0.8 ? 'noise_narrow' : 'noise_wide', values: { coverage } },
    },
    {
      name: 'nothing left in the residuals',
      passed: Math.abs(autocorrelation) <= 0.35,
      blocks: false,
      says: `A week's residual correlates with that of the week before by ${autocorrelation.toFixed(2)}; up to 0.35 is harmless.`,
      doInstead: 'Let the trend bend (trend: {everyWeeks: 26}), or add the control that is missing.',
      said: { code: 'residuals', values: { correlation: autocorrelation } },
    },
  ]
  if (outOfSample !== null)
    checks.push({
      name: 'foresees weeks it has not seen',
      passed: outOfSample.model <= outOfSample.naive,
      blocks: false,
      says: `Over the last ${outOfSample.weeks} weeks the model misses by ${percent(outOfSample.model)} on average, last year's weeks by ${percent(outOfSample.naive)}.`,
      doInstead: 'Simplify the trend, add controls, or use a longer history.',
      said: {
        code: 'foresight',
        values: { weeks: outOfSample.weeks, model: outOfSample.model, naive: outOfSample.naive },
      },
    })
  return checks
}

function channelChecks({ answers, readiness, spec }: Judged): Check[] {
  const channels = spec.channels.map(({ name }) => name)
  const checks: Check[] = readiness.unidentified.map(({ channels: names, because, doInstead, said }) => ({
    name: `${names.join(' + ')} can be told`,
    passed: false,
    blocks: false,
    says: because,
    doInstead,
    said,
  }))
  const doubtful = new Set(readiness.unidentified.flatMap(({ channels: names }) => names))
  for (const { name, overlap } of answers.channels)
    if (!doubtful.has(name))
      checks.push({
        name: `the data speak about ${name}`,
        passed: overlap <= muchOverlap,
        blocks: false,
        says: `Belief before and knowledge now overlap by ${percent(overlap)}${overlap > muchOverlap ? `: the data taught us nothing about ${name}` : ''}.`,
        doInstead: 'Add a lift test, vary its spend, or merge it with a channel like it.',
        said: { code: overlap > muchOverlap ? 'untaught' : 'taught', values: { channel: name, overlap } },
      })
  for (const [row, line] of readiness.collinearity.entries())
    for (let column = 0; column < row; column++) {
      const together = line[column] as number
      if (Math.abs(together) <= 0.9) continue
      const [left, right] = [channels[column] as string, channels[row] as string]
      if (doubtful.has(left) && doubtful.has(right)) continue
      checks.push({
        name: `${left} and ${right} apart`,
        passed: false,
        blocks: false,
        says: `${left} and ${right} move together (${together.toFixed(2)}), so who gets the credit is little more than belief.`,
        doInstead: 'Vary them against each other, add a lift test, or merge them.',
        said: { code: 'apart', values: { left, right, together } },
      })
    }
  for (const { channel, half, usual, double } of answers.sensitivity) {
    const shift = Math.max(...[half, double].map((value) => (value === null ? 0 : Math.abs(value / usual - 1))))
    checks.push({
      name: `${channel} does not hang on its belief`,
      passed: shift <= 0.5,
      blocks: false,
      says: `With a belief half or twice as wide the effect of ${channel} changes by up to ${percent(shift)}.`,
      doInstead: 'Add a lift test for it; until then read its figure as a belief.',
      said: { code: 'belief', values: { channel, shift } },
    })
  }
  for (const { result, model } of answers.experiments) {
    const wide = Math.hypot(result.error * 1.645, (model.high - model.low) / 2)
    checks.push({
      name: `${result.channel} agrees with its experiment`,
      passed: Math.abs(model.mean - result.increment) <= wide,
      blocks: false,
      says: `The experiment found ${round(result.increment)} ± ${round(result.error)}, the model says ${round(model.mean)}.`,
      doInstead: 'Check period and regions of the experiment; if they are right, a control is missing.',
      said: {
        code: 'experiment',
        values: { channel: result.channel, found: result.increment, error: result.error, model: model.mean },
      },
    })
  }
  for (const result of answers.shownByTable ?? [])
    checks.push({
      name: `the test of ${result.channel} counts once`,
      passed: true,
      blocks: false,
      says: `The table itself shows the test of ${result.channel}: its result is not counted a second time.`,
      doInstead: null,
      said: { code: 'counts_once', values: { channel: result.channel } },
    })
  return checks
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)))
}
