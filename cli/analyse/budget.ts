import { readFileSync, writeFileSync } from 'node:fs'
import {
  type AllocateNeeds,
  type Allocation,
  allocate,
  type Bounds,
  type BudgetAim,
  evaluatePlan,
  exploringPlan,
  type MixFit,
  planLimits,
  type UncertainCurve,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { nearest } from '../suggest.ts'
import { reachRun } from './budget-reach.ts'
import { columnOf, countIn, readCsv } from './csv.ts'
import { budgetReport } from './report/budget.ts'
import { chanceOf, shortNumber } from './report/page.ts'

export const budget: Command = {
  name: 'budget',
  summary: 'Where the next euro goes: the best division of a total among the channels of a fitted mix model',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    fit: { value: 'FILE', text: 'fit written by "einklang mix --out"' },
    total: { value: 'AMOUNT', text: 'money to divide' },
    weeks: { value: 'COUNT', text: 'weeks that the total is for (default: 52)' },
    bounds: { value: 'FILE', text: 'CSV: channel, min, max, step (whole spots), least (nothing, or at least this)' },
    objective: { value: 'KIND', text: 'profit or revenue (default: profit with --margin, else revenue)' },
    margin: { value: 'SHARE', text: 'profit per unit of the outcome, before advertising' },
    risk: { value: 'COUNT', text: 'maximise the mean less so many standard deviations (default: 0)' },
    doubt: {
      value: 'COUNT',
      text: "a move away from today's plan counts its mean gain less so many standard deviations (default: 1; 0 believes every hint)",
    },
    worst: { value: 'SHARE', text: 'maximise the mean of the worst share of cases instead, such as 0.1' },
    plan: {
      value: 'FILE',
      text: "CSV: channel, spend. Today's plan (default: spend as in the data, scaled to the total)",
    },
    shift: { value: 'SHARE', text: "no channel moves by more than this share of today's plan" },
    'what-if': { value: 'PLAN', text: 'tell what this plan would bring: "Search=12000,TV=0"; the rest as today' },
    explore: {
      value: 'SHARE',
      text: 'mix this share of a random but plausible optimum into the plan, so that the next fit learns',
    },
    seed: { value: 'SEED', text: 'seed of --explore (default: 1)' },
    out: { value: 'FILE', text: 'write the plan as CSV' },
    report: { value: 'FILE', text: 'write a report as one HTML page' },
    anyway: { text: 'use a fit whose checks forbid it' },
    reach: {
      value: 'FILE',
      text: 'reach and frequency of a media plan instead: CSV vehicle, reach_1, reach_2, insertions, population, cost',
    },
  },
  help: `Examples: einklang budget --fit fit.json --total 250000 --margin 0.4 --bounds b.csv --risk 0.5 --report plan.html
  einklang budget --fit fit.json --total 250000 --what-if "TV=0,Search=90000"
  einklang budget --reach plan.csv`,
  async run(call) {
    const reach = call.flag('reach')
    if (reach !== undefined) return reachRun(call, reach)
    const fit = readFit(call)
    const weeks = number(call, 'weeks', 52, 1, 520)
    const curves = curvesOf(fit, weeks)
    const totalText = call.flag('total')
    if (totalText === undefined) throw new Misuse('"budget" needs a total.', '--total AMOUNT')
    const total = number(call, 'total', 0, 1e-9, 1e15)
    const objective = objectiveOf(call)
    const today = todayOf(call, fit, curves, total, weeks)
    const bounds = withShift(call, boundsOf(call, curves), curves, today)
    const limits = planLimits(fit)
    const noMore = (objective.doubt ?? 0) > 0 ? limits.noMore : []
    const needs: AllocateNeeds = { curves, total, bounds, today, objective, hold: limits.hold, noMore }
    const asked = call.flag('what-if')
    if (asked !== undefined) return whatIf(call, needs, asked, weeks)
    const explore = call.flag('explore')
    const answer =
      explore === undefined
        ? allocate(needs)
        : exploringPlan(needs, number(call, 'explore', 0, 0, 1), call.flag('seed') ?? '1')
    if ('infeasible' in answer) {
      const rows = answer.binding.map(({ channel, low }) => `${channel} ${shortNumber(low)}`).join(', ')
      throw new Misuse(`${answer.infeasible} Binding: ${rows}.`, 'Raise --total, or lower these minima in --bounds.')
    }
    const notes = notesOf(fit, answer, objective)
    const document = {
      weeks,
      total,
      aim: objective,
      ...answer,
      curves: curves.map(({ channel, spend }) => ({ channel, knownUpTo: spend.at(-1) as number })),
      notes,
    }
    const out = call.flag('out')
    if (out !== undefined) writePlan(out, answer)
    const report = call.flag('report')
    if (report !== undefined)
      writeFileSync(report, budgetReport({ answer, curves, weeks, total, objective, outcome: fit.spec.outcome, notes }))
    show(call, document)
    return { ...document, out: out ?? null, report: report ?? null }
  },
}

function readFit(call: Call): MixFit {
  const path = call.flag('fit')
  if (path === undefined) throw new Misuse('"budget" needs a fit.', '--fit FILE, written by einklang mix --out')
  let fit: MixFit
  try {
    fit = JSON.parse(readFileSync(path, 'utf8')) as MixFit
  } catch (error) {
    if (error instanceof SyntaxError) throw new Misuse(`${path} is no JSON: ${error.message}.`)
    throw error
  }
  if (fit.kind !== 'einklang mix' || !Array.isArray(fit.answers?.response))
    throw new Misuse(`${path} is no fit of a mix model.`, 'einklang mix --data weekly.csv --spec auto --out fit.json')
  if (fit.blocked && !call.switch('anyway'))
    throw new Misuse(
      `The checks of ${path} forbid its use: ${fit.headline}`,
      'Mend the fit, or use it all the same with --anyway',
    )
  return fit
}

function curvesOf(fit: MixFit, weeks: number): UncertainCurve[] {
  const paid = fit.answers.response.filter(({ usual }) => usual > 0)
  if (paid.length === 0) throw new Misuse('No channel of the fit has spend.')
  return paid.map(({ channel, usual, levels, draws }) => ({
    channel,
    spend: Float64Array.from(levels, (level) => level * usual * weeks),
    outcome: draws.map((draw) => Float64Array.from(draw, (value) => value * weeks)),
  }))
}

function objectiveOf(call: Call): BudgetAim {
  const margin = call.flag('margin') === undefined ? null : number(call, 'margin', 1, 1e-9, 1e9)
  const kind = call.flag('objective') ?? (margin === null ? 'revenue' : 'profit')
  if (!['profit', 'revenue', 'outcome'].includes(kind))
    throw new Misuse(`There is no objective "${kind}".`, '--objective profit|revenue')
  if (kind === 'profit' && margin === null)
    throw new Misuse('Profit needs to know what is left of the outcome.', '--margin 0.4')
  const worst = call.flag('worst') === undefined ? null : number(call, 'worst', 0.1, 0.005, 1)
  const risk = number(call, 'risk', 0, 0, 100)
  const doubt = number(call, 'doubt', 1, 0, 100)
  if (worst !== null && risk > 0) throw new Misuse('--risk and --worst exclude each other.')
  return {
    kind: kind === 'profit' ? 'profit' : 'outcome',
    ...(kind === 'profit' ? { margin: margin as number } : {}),
    ...(risk > 0 ? { deviations: risk } : {}),
    ...(doubt > 0 ? { doubt } : {}),
    ...(worst === null ? {} : { worst }),
  }
}

/** Rows `channel, …` of a CSV; a name the fit does not know is told with the nearest. */
function byChannel(path: string, curves: readonly UncertainCurve[]) {
  const file = readCsv(path)
  const at = columnOf(file, path, 'channel')
  const names = curves.map(({ channel }) => channel)
  const rows = new Map<string, { row: number; cell(name: string): number | undefined }>()
  file.each((cells, row) => {
    const channel = (cells[at] as string).trim()
    if (!names.includes(channel))
      throw new Misuse(
        `${path}, row ${row}, channel: the fit has no channel "${channel}".`,
        nearest(channel, names) ?? names.join(', '),
      )
    if (rows.has(channel))
      throw new Misuse(`${path}, row ${row}: ${channel} stands already in row ${rows.get(channel)?.row}.`)
    rows.set(channel, {
      row,
      cell: (name) => {
        const place = file.header.indexOf(name)
        const text = place < 0 ? '' : (cells[place] as string).trim()
        return text === '' ? undefined : countIn(path, row, name, text)
      },
    })
  })
  return { file, rows }
}

function boundsOf(call: Call, curves: readonly UncertainCurve[]): { [channel: string]: Bounds } {
  const path = call.flag('bounds')
  if (path === undefined) return {}
  const { file, rows } = byChannel(path, curves)
  const odd = file.header.find((name) => !['channel', 'min', 'max', 'step', 'least'].includes(name))
  if (odd !== undefined)
    throw new Misuse(
      `${path} has a column ${odd} that means nothing here.`,
      'Columns are channel, min, max, step, least.',
    )
  return Object.fromEntries(
    [...rows].map(([channel, { row, cell }]) => {
      const [low, high, step, least] = [cell('min') ?? 0, cell('max') ?? Infinity, cell('step'), cell('least')]
      if (low > high) throw new Misuse(`${path}, row ${row}: min ${low} is above max ${high}.`)
      if (step === 0) throw new Misuse(`${path}, row ${row}, step: a step of 0 leads nowhere; leave it empty.`)
      return [
        channel,
        { low, high, ...(step === undefined ? {} : { step }), ...(least === undefined ? {} : { least }) },
      ]
    }),
  )
}

function todayOf(call: Call, fit: MixFit, curves: readonly UncertainCurve[], total: number, weeks: number) {
  const path = call.flag('plan')
  if (path !== undefined) {
    const { file, rows } = byChannel(path, curves)
    columnOf(file, path, 'spend')
    return Object.fromEntries(curves.map(({ channel }) => [channel, rows.get(channel)?.cell('spend') ?? 0]))
  }
  const usual = new Map(fit.answers.response.map(({ channel, usual: amount }) => [channel, amount * weeks]))
  const all = curves.reduce((sum, { channel }) => sum + (usual.get(channel) as number), 0)
  return Object.fromEntries(curves.map(({ channel }) => [channel, ((usual.get(channel) as number) * total) / all]))
}

function withShift(
  call: Call,
  bounds: { [channel: string]: Bounds },
  curves: readonly UncertainCurve[],
  today: { [channel: string]: number },
) {
  if (call.flag('shift') === undefined) return bounds
  const shift = number(call, 'shift', 0, 0, 10)
  return Object.fromEntries(
    curves.map(({ channel }) => {
      const own = bounds[channel] ?? { low: 0, high: Infinity }
      const now = today[channel] as number
      return [
        channel,
        { ...own, low: Math.max(own.low, now * Math.max(0, 1 - shift)), high: Math.min(own.high, now * (1 + shift)) },
      ]
    }),
  )
}

function whatIf(call: Call, needs: AllocateNeeds, asked: string, weeks: number) {
  const names = needs.curves.map(({ channel }) => channel)
  const plan = { ...needs.today }
  for (const part of asked.split(',')) {
    const cut = part.lastIndexOf('=')
    const name = part.slice(0, cut).trim()
    const amount = Number(part.slice(cut + 1))
    if (cut < 0 || !names.includes(name))
      throw new Misuse(`The fit has no channel "${cut < 0 ? part : name}".`, nearest(name, names) ?? names.join(', '))
    if (!(amount >= 0)) throw new Misuse(`"${part}" is no amount for ${name}.`)
    plan[name] = amount
  }
  const before = evaluatePlan(needs, needs.today)
  const after = evaluatePlan(needs, plan)
  const notes = after.channels
    .filter(({ beyond }) => beyond)
    .map(
      ({ channel }) =>
        `${channel}: more than three times its usual spend; what that brings is not known, the curve is flat there.`,
    )
  call.show(`Today: ${interval(before.outcome)} for ${shortNumber(before.spend)}`)
  call.show(`Then:  ${interval(after.outcome)} for ${shortNumber(after.spend)}`)
  for (const note of notes) call.tell(note)
  return { weeks, today: before, plan: after, notes }
}

function notesOf(fit: MixFit, answer: Allocation, objective: BudgetAim): string[] {
  const notes: string[] = []
  if (fit.headline !== null) notes.push(`The fit behind it: ${fit.headline}`)
  for (const { channel, heldBy } of answer.channels)
    if (heldBy === 'known range')
      notes.push(`${channel} is held at three times its usual spend: beyond, nothing is known. Move there in steps.`)
  const held = answer.channels.filter(({ heldBy }) => heldBy === 'unknown').map(({ channel }) => channel)
  if (held.length > 0)
    notes.push(
      `The data taught nothing about ${held.join(', ')}: no more than today (--doubt 0 would give on belief alone).`,
    )
  const doubted = answer.channels.filter(({ heldBy }) => heldBy === 'unbelievable').map(({ channel }) => channel)
  if (doubted.length > 0)
    notes.push(`What the fit says of ${doubted.join(', ')} cannot be believed: kept as today until a test says more.`)
  if (answer.channels.length === 1)
    notes.push(
      'There is only one channel, so nothing can be divided: fit a mix model with at least two to know where money does better.',
    )
  const still = answer.channels.every(({ spend, today }) => Math.abs(spend - today) <= 0.005 * Math.max(1, today))
  if (still) notes.push("No move is known well enough to be better than today's division.")
  const [test] = fit.answers.tests
  if (test !== undefined && test.value > 0)
    notes.push(
      `A pause of ${test.channel} for four weeks in some regions would teach most: worth about ${shortNumber(test.value)} a year.`,
    )
  if (!still && answer.today.chanceOfGain < 0.8)
    notes.push(
      `The move helps with a chance of ${chanceOf(answer.today.chanceOfGain)}: test before moving everything (--shift 0.2, --explore 0.2).`,
    )
  if (objective.kind === 'profit' && answer.unspent > 0.005 * (answer.spend + answer.unspent))
    notes.push(`${shortNumber(answer.unspent)} are not spent: no channel would earn them back.`)
  if (objective.kind === 'outcome' && answer.unspent > 0.005 * (answer.spend + answer.unspent))
    notes.push(`${shortNumber(answer.unspent)} could not be placed within the bounds.`)
  return notes
}

function show(call: Call, document: Allocation & { notes: string[] }): void {
  for (const { channel, spend, today, marginal, heldBy } of document.channels)
    call.show(
      `${channel.padEnd(24)} ${shortNumber(spend).padStart(12)}  today ${shortNumber(today).padStart(12)}  next unit brings ${interval(marginal)}${heldBy === null ? '' : `  held: ${heldBy}`}`,
    )
  call.show(`Outcome ${interval(document.outcome)}, today's plan ${interval(document.today.outcome)}`)
  call.show(
    `Gain over today ${interval(document.today.gain)}, with a chance of ${chanceOf(document.today.chanceOfGain)}`,
  )
  for (const note of document.notes) call.tell(note)
}

function writePlan(path: string, { channels }: Allocation): void {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const rows = channels.map(({ channel, spend, today, marginal }) =>
    [quoted(channel), spend.toFixed(2), today.toFixed(2), marginal.mean.toFixed(4)].join(','),
  )
  writeFileSync(path, `channel,spend,today,marginal_return\n${rows.join('\n')}\n`)
}

function interval(figure: { mean: number; low: number; high: number }): string {
  return `${shortNumber(figure.mean)} (${shortNumber(figure.low)} to ${shortNumber(figure.high)})`
}

function number(call: Call, flag: string, usual: number, least: number, most: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new Misuse(`--${flag} is a number from ${least < 1e-6 ? 'above 0' : least} to ${most}, not ${text}.`)
  return value
}
