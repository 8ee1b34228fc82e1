import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { chainsInThreads } from '@einklang/server/threads'
import {
  fitMix,
  type MixData,
  type MixFit,
  type MixSpec,
  mixModel,
  priorPredictive,
  readinessOf,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { startProgress } from '../progress.ts'
import { readSpec } from './mix-spec.ts'
import { mixDataOf, proposalOf, readRows } from './mix-table.ts'
import { beliefReport, mixReport } from './report/mix.ts'
import { shortNumber } from './report/page.ts'

export const mix: Command = {
  name: 'mix',
  summary: 'What each advertising channel of a weekly table brought, how sure that is, and what more would bring',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    data: { value: 'FILE', text: 'CSV with one row per week (and region): date, outcome, spend per channel, controls' },
    spec: { value: 'FILE', text: 'specification as JSON; "auto" proposes one from the columns and prints it' },
    chains: { value: 'COUNT', text: 'independent chains, run in threads (default: 4)' },
    draws: { value: 'COUNT', text: 'draws kept per chain (default: 1000)' },
    warmup: { value: 'COUNT', text: 'steps per chain to learn from first (default: 1000)' },
    target: { value: 'SHARE', text: 'acceptance aimed at; higher is safer and slower (default: 0.8)' },
    seed: { value: 'SEED', text: 'the same seed gives the same fit (default: 1)' },
    threads: { value: 'COUNT', text: 'worker threads (default: one per core)' },
    out: { value: 'FILE', text: 'write the fit as JSON, for "budget" and later readers' },
    report: { value: 'FILE', text: 'write a report as one HTML page' },
    accept: { value: 'COLUMN', text: 'use this column although it looks made from the outcome', many: true },
    'fill-gaps': { text: 'missing weeks count as without spend, their outcome is put between its neighbours' },
    beliefs: { text: 'do not fit; show what the beliefs alone expect, beside what was' },
    'skip-foresight': { text: 'do not test on the last weeks (saves about an eighth of the time)' },
  },
  help: `A specification: {"date": "week", "outcome": "revenue", "channels": [{"name": "Search", "spend": "search_eur",
  "prior": {"halfLife": [0, 2], "halfSaturation": [0.5, 4], "roas": [0.5, 6]}}], "controls": ["price"], "season": 3,
  "trend": "linear", "holidays": "DE", "lift": [{"channel": "Search", "from": "2026-03-02", "until": "2026-03-29",
  "increment": 12000, "error": 3000}], "money": true, "margin": 0.4}. Ranges hold with 90 %: half-life in weeks,
  half-saturation in multiples of the usual week. "money": the outcome is money in the unit of the spend; then returns are
  believed to be 0.2 to 8 unless stated, and checked for being believable. "online": the column with the part of the
  outcome that is sold online, told apart from stores. Ctrl-C ends the run and keeps what is drawn.

Example: einklang mix --data weekly.csv --spec auto --out fit.json --report mix.html`,
  run,
}

async function run(call: Call): Promise<object> {
  const path = call.flag('data')
  if (path === undefined) throw new Misuse('"mix" needs a weekly table.', '--data FILE')
  const asked = call.flag('spec')
  if (asked === undefined) throw new Misuse('"mix" needs a specification.', '--spec FILE, or --spec auto')
  const table = readRows(path)
  const proposal = asked === 'auto' ? proposalOf(table) : null
  const spec: MixSpec = proposal === null ? readSpec(asked) : proposal.spec
  if (proposal !== null) {
    call.show('Proposed specification (save it, correct it, and give it with --spec):')
    call.show(JSON.stringify(proposal.spec, null, 2))
    for (const { column, because } of proposal.unused) call.tell(`Left out ${column}: ${because}.`)
  }
  const { data, notes } = mixDataOf(table, spec, { fillGaps: call.switch('fill-gaps') })
  for (const note of notes) call.tell(note)
  const wrongRegion = (spec.lift ?? []).flatMap((result) =>
    'regions' in result ? (result.regions ?? []).filter((name) => !data.regions.includes(name)) : [],
  )[0]
  if (wrongRegion !== undefined)
    throw new Misuse(`An experiment names the region ${wrongRegion}.`, `Regions are ${data.regions.join(', ')}.`)
  const readiness = readinessOf(data, spec)
  const accepted = call.flags('accept')
  const suspect = readiness.suspects.find(({ column }) => !accepted.includes(column))
  if (suspect !== undefined)
    throw new Misuse(
      `${suspect.column} correlates with ${spec.outcome} by ${suspect.correlation.toFixed(3)} in the same week: was it made from the outcome?`,
      `Leave it out of the specification, or use it all the same with --accept ${suspect.column}`,
    )
  const refusal = readiness.refusals[0]
  if (refusal !== undefined) throw new Misuse(refusal.because, refusal.doInstead)

  if (call.switch('beliefs')) return beliefsOf(call, data, spec)
  const settings = {
    chains: whole(call, 'chains', 4, 1, 32),
    draws: whole(call, 'draws', 1000, 10, 100_000),
    warmup: whole(call, 'warmup', 1000, 20, 100_000),
    target: share(call, 'target', 0.8),
    seed: call.flag('seed') ?? '1',
    outOfSample: !call.switch('skip-foresight'),
  }
  const fit = await fitted(call, { data, spec, settings })
  const manifest = {
    data: path,
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    rows: table.rows.length,
    filledGaps: notes.length > 0,
    accepted,
  }
  const document = { ...fit, manifest, ...(proposal === null ? {} : { unused: proposal.unused }) }
  const out = call.flag('out')
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(document)}\n`)
  const report = call.flag('report')
  if (report !== undefined) writeFileSync(report, mixReport(fit))
  tellResult(call, fit)
  if (fit.blocked) call.fail()
  // Weekly series and traces are for the file and the page.
  return { ...shortened(document), out: out ?? null, report: report ?? null }
}

/** What the beliefs expect before the data speak: to be looked at before any fit. */
function beliefsOf(call: Call, data: MixData, spec: MixSpec): object {
  const prior = priorPredictive(mixModel(data, spec), call.flag('seed') ?? '1')
  const report = call.flag('report')
  if (report !== undefined) writeFileSync(report, beliefReport(prior, data.weeks, spec.outcome))
  const inside = prior.observed.filter(
    (value, week) => value >= (prior.weekly.low[week] as number) && value <= (prior.weekly.high[week] as number),
  ).length
  call.show(
    `All advertising together is believed to bring ${percent(prior.advertising.low)} to ${percent(prior.advertising.high)} of ${spec.outcome}.`,
  )
  for (const { channel, belief, roas } of prior.shares)
    call.show(
      `  ${channel}: ${percent(belief.low)} to ${percent(belief.high)}${roas === null ? '' : `, for each unit spent ${shortNumber(roas.low)} to ${shortNumber(roas.high)}`}`,
    )
  call.show(`${inside} of ${prior.observed.length} weeks lie where the beliefs expect them.`)
  if (prior.advertising.mean > 0.7)
    call.tell('The beliefs give advertising more than most of all sales: tighten the ranges of share or roas.')
  if (inside < 0.9 * prior.observed.length) call.tell('The beliefs are too narrow for what was seen: widen them.')
  return { spec, ...prior, weeksInside: inside, report: report ?? null }
}

type Fitting = {
  data: Parameters<typeof fitMix>[0]
  spec: MixSpec
  settings: { chains: number; draws: number; warmup: number; target: number; seed: string; outOfSample: boolean }
}

async function fitted(call: Call, { data, spec, settings }: Fitting): Promise<MixFit> {
  let stopped = false
  const stop = () => {
    stopped = true
    call.tell('Stopping; what is drawn is kept.')
  }
  process.once('SIGINT', stop)
  const progress = startProgress({ label: 'Fitting', total: null, unit: 'steps' })
  let broken = 0
  try {
    const fit = await fitMix(data, spec, {
      ...settings,
      runChains: chainsInThreads(whole(call, 'threads', 0, 0, 256) || availableParallelism()),
      onProgress: ({ done, total, divergences }) => {
        progress.total(total)
        progress.at(done)
        broken = divergences
      },
      stopped: () => stopped,
    })
    if ('refused' in fit) throw new Misuse(fit.refused[0]?.because ?? 'The table cannot be fitted.')
    progress.done(`${fit.run.kept} draws, ${broken} broken trajectories`)
    return fit
  } catch (error) {
    progress.failed('no fit')
    throw error
  } finally {
    process.removeListener('SIGINT', stop)
  }
}

function shortened(document: MixFit & object): object {
  const { traces: _traces, prior: _prior, answers, ...rest } = document
  const { response: _response, fit, base, channels, ...others } = answers
  const { observed: _observed, mean: _mean, low: _low, high: _high, ...quality } = fit
  const { weekly: _weekly, ...baseRest } = base
  return {
    ...rest,
    // No figure that looks sure where the draws do not describe the model.
    answers: document.blocked
      ? null
      : { ...others, fit: quality, base: baseRest, channels: channels.map(({ weekly: _all, ...channel }) => channel) },
  }
}

function tellResult(call: Call, fit: MixFit): void {
  if (fit.headline !== null) call.tell(fit.headline)
  if (fit.blocked) {
    call.tell('No figures are shown: the draws do not describe the model yet.')
    // Often the cause, and then more draws do not help.
    for (const { because, doInstead } of fit.unidentified) call.tell(`${because} ${doInstead}`)
    return
  }
  const interval = (figure: { mean: number; low: number; high: number }) =>
    `${shortNumber(figure.mean)} (${shortNumber(figure.low)} to ${shortNumber(figure.high)})`
  call.show(`Base: ${percent(fit.answers.base.share.mean)} of ${fit.spec.outcome}; intervals hold 90 %`)
  for (const channel of fit.answers.channels) {
    call.show(`${channel.name}`)
    call.show(`  share of ${fit.spec.outcome}: ${interval(channel.share)}`)
    if (channel.roas !== null) call.show(`  return per unit of spend: ${interval(channel.roas)}`)
    if (channel.marginalRoas !== null) call.show(`  return of the next unit: ${interval(channel.marginalRoas)}`)
    call.show(`  half of it comes within weeks: ${interval(channel.halfLifeWeeks)}`)
    if (channel.online !== null) call.show(`  share of it bought online: ${interval(channel.online)}`)
  }
  for (const one of fit.unidentified)
    if (one.channels.length > 1 && one.joint !== null)
      call.show(`${one.channels.join(' + ')} together brought ${interval(one.joint)}`)
  const failed = fit.checks.filter(({ passed }) => !passed)
  for (const { says, doInstead } of failed.slice(1)) call.tell(`${says}${doInstead === null ? '' : ` ${doInstead}`}`)
  const test = fit.answers.tests[0]
  if (test !== undefined && test.value > 0)
    call.show(`The most useful test: pause ${test.channel} for four weeks in some regions.`)
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`
}

function whole(call: Call, flag: string, usual: number, least: number, most: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Misuse(`--${flag} is a whole number from ${least} to ${most}, not ${text}.`)
  return value
}

function share(call: Call, flag: string, usual: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (!(value >= 0.5 && value < 1)) throw new Misuse(`--${flag} is a share from 0.5 to below 1, not ${text}.`)
  return value
}
