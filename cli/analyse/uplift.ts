import { writeFileSync } from 'node:fs'
import {
  autoLearners,
  columnsOf,
  encodingsOf,
  estimateUplift,
  type LearnerName,
  learnerNames,
  type OutcomeKind,
  Stopped,
  type UpliftInput,
  type UpliftResult,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { startProgress } from '../progress.ts'
import { nearest } from '../suggest.ts'
import { table } from '../table.ts'
import { without } from '../without.ts'
import { type CsvFile, columnOf, currencyIn, numberIn, readCsv } from './csv.ts'
import { shareFlag } from './lift.ts'
import { upliftReport } from './uplift-report.ts'

const names = ['auto', ...learnerNames]

export const uplift: Command = {
  name: 'uplift',
  summary: 'Whom to treat: the effect of each arm per person, from a file of an experiment or of past contacts',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    data: { value: 'FILE', text: 'CSV with one row per person: arm, outcome and what was known before' },
    unit: { value: 'COLUMN', text: 'column of the person, for --out (default: person, else the row)' },
    arm: { value: 'COLUMN', text: 'column of the arm (default: arm)' },
    control: { value: 'NAME', text: 'the arm that got nothing (default: control, holdout or none)' },
    outcome: { value: 'COLUMN', text: 'column of the outcome: 0/1 or an amount (default: outcome)' },
    features: { value: 'COLUMNS', text: 'columns to learn from, comma-separated (default: all others)' },
    leave: { value: 'COLUMNS', text: 'columns to leave out, comma-separated: later outcomes, notes' },
    learner: { value: 'NAME', text: `${names.join(', ')} (default: auto)` },
    observational: { text: 'nobody drew lots: who got what is explained by the columns' },
    'allow-outcomes': { text: 'learn from columns that nearly repeat the outcome (they are asked about otherwise)' },
    folds: { value: 'COUNT', text: 'parts of the file; each is scored by models of the others (default: 5)' },
    bootstrap: { value: 'COUNT', text: 'resamples behind the bands (default: 200)' },
    level: { value: 'SHARE', text: 'level of the intervals (default: 0.9)' },
    seed: { value: 'SEED', text: 'seed of every draw (default: 1)' },
    out: { value: 'FILE', text: 'write a score per person and the arm to choose as CSV' },
    report: { value: 'FILE', text: 'write a page with the plots as one HTML file' },
  },
  help: 'Example: einklang uplift --data test.csv --arm segment --control "No E-Mail" --outcome visit --leave conversion,spend --report uplift.html',
  async run(call) {
    const path = call.flag('data')
    if (path === undefined) throw new Misuse('"uplift" needs a file of persons.', '--data FILE')
    const learner = call.flag('learner') ?? 'auto'
    if (!names.includes(learner))
      throw new Misuse(`There is no learner "${learner}".`, `--learner ${nearest(learner, names) ?? 'auto'}`)
    const { input, units, warnings } = readInput(call, path)
    const result = await watched(call, input, learner as LearnerName | 'auto')
    if (result === null) {
      call.tell('Stopped; nothing was written.')
      call.fail()
      return { stopped: true }
    }
    const document = documentOf(call, result, input, warnings)
    show(call, document)
    const out = call.flag('out')
    if (out !== undefined) writeFileSync(out, csvOf(result, input, units))
    const report = call.flag('report')
    if (report !== undefined) writeFileSync(report, upliftReport(document, path))
    return document
  },
}

/** Runs with progress; Ctrl-C stops at the next step and leaves nothing half-written. Null when stopped. */
async function watched(call: Call, input: UpliftInput, learner: LearnerName | 'auto'): Promise<UpliftResult | null> {
  const progress = startProgress({
    label: 'learning effects',
    total: null,
    unit: 'steps',
    stream: {
      isTTY: process.stderr.isTTY === true,
      write: (text) => (process.stderr.isTTY ? process.stderr.write(text) : true),
    },
  })
  const stop = new AbortController()
  const interrupted = () => stop.abort()
  process.once('SIGINT', interrupted)
  try {
    const result = await estimateUplift(input, {
      learner,
      folds: wholeFlag(call, 'folds', 5, 2, 50),
      resamples: wholeFlag(call, 'bootstrap', 200, 20, 10_000),
      level: shareFlag(call, 'level', 0.9),
      seed: call.flag('seed') ?? '1',
      progress: (done, of) => {
        progress.total(of)
        progress.at(done)
      },
      signal: stop.signal,
      turn: () => new Promise((resolve) => setImmediate(resolve)),
    })
    progress.done()
    return result
  } catch (error) {
    progress.failed(error instanceof Stopped ? 'stopped' : 'failed')
    if (error instanceof Stopped) return null
    throw error
  } finally {
    process.removeListener('SIGINT', interrupted)
  }
}

function wholeFlag(call: Call, flag: string, usual: number, least: number, most: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Misuse(`--${flag} is a whole number from ${least} to ${most}, not ${text}.`)
  return value
}

const leastPerArm = 50

function readInput(call: Call, path: string): { input: UpliftInput; units: string[]; warnings: string[] } {
  const file = readCsv(path)
  const [armName, outcomeName, unitName] = [
    call.flag('arm') ?? 'arm',
    call.flag('outcome') ?? 'outcome',
    call.flag('unit') ?? 'person',
  ]
  const [armAt, outcomeAt] = [columnOf(file, path, armName), columnOf(file, path, outcomeName)]
  const unitAt = call.flag('unit') === undefined ? file.header.indexOf(unitName) : columnOf(file, path, unitName)
  const features = featuresOf(call, file, path, [armAt, outcomeAt, unitAt])
  const cells = features.map(() => [] as string[])
  const arms: string[] = []
  const outcomes: number[] = []
  const units: string[] = []
  const money = currencyIn(file, path)
  file.each((row, line) => {
    money.see(row, line)
    const arm = (row[armAt] as string).trim()
    if (arm === '') throw new Misuse(`${path}, row ${line}, ${armName}: it is empty.`)
    arms.push(arm)
    outcomes.push(numberIn(path, line, outcomeName, row[outcomeAt] as string))
    units.push(unitAt < 0 ? String(line) : (row[unitAt] as string))
    features.forEach((at, index) => (cells[index] as string[]).push((row[at] as string).trim()))
  })
  if (outcomes.some((outcome) => outcome !== 0 && outcome !== 1)) money.refuse()
  const distinct = [...new Set(arms)].sort()
  if (distinct.length < 2)
    throw new Misuse(
      `${path} has only the arm "${distinct[0] ?? ''}": nothing can be compared.`,
      'Add the persons who were left out, as an arm of their own.',
    )
  if (distinct.length > 20)
    throw new Misuse(`${path} has ${distinct.length} arms; is ${armName} the column of the arm?`)
  const control = call.flag('control') ?? distinct.find((arm) => /^(control|holdout|none|no|0|kontrolle)$/i.test(arm))
  if (control === undefined || !distinct.includes(control)) {
    throw new Misuse(
      `Which arm got nothing? ${path} has ${distinct.map((arm) => `"${arm}"`).join(', ')}.`,
      '--control NAME',
    )
  }
  const order = [control, ...distinct.filter((arm) => arm !== control)]
  for (const arm of order) {
    const count = arms.reduce((sum, own) => sum + (own === arm ? 1 : 0), 0)
    if (count < leastPerArm)
      throw new Misuse(
        `The arm "${arm}" has ${count} persons: effects per person need at least ${leastPerArm}, better thousands.`,
      )
  }
  if (outcomes.every((value) => value === outcomes[0])) {
    throw new Misuse(
      `${path}, ${outcomeName}: everybody has ${outcomes[0]}, so no effect can be learnt.`,
      'Choose an outcome that differs between persons.',
    )
  }
  const place = new Map(order.map((arm, index) => [arm, index]))
  const raw = features.map((at, index) => ({ name: file.header[at] as string, cells: cells[index] as string[] }))
  for (const column of raw) refuseMixed(column, path)
  const columns = columnsOf(raw, encodingsOf(raw))
  const kind: OutcomeKind = outcomes.every((value) => value === 0 || value === 1) ? 'share' : 'amount'
  const outcome = Float64Array.from(outcomes)
  if (!call.switch('allow-outcomes')) refuseLookAhead(columns, outcome, path, outcomeName)
  const flat = columns.values.every((values) => values.every((value) => value === values[0]))
  if (flat)
    throw new Misuse(
      `${path}: no column differs between persons, so nobody can be told apart.`,
      'Give columns known before the treatment.',
    )
  return {
    input: {
      columns,
      arms: order,
      arm: Uint8Array.from(arms, (arm) => place.get(arm) as number),
      outcome,
      kind,
      observational: call.switch('observational'),
    },
    units,
    warnings: [],
  }
}

function featuresOf(call: Call, file: CsvFile, path: string, taken: number[]): number[] {
  const list = (flag: string) =>
    call
      .flag(flag)
      ?.split(',')
      .map((name) => columnOf(file, path, name.trim()))
  const leave = list('leave') ?? []
  const asked = list('features')
  const features = (asked ?? file.header.map((_, index) => index)).filter(
    (index) => !taken.includes(index) && !leave.includes(index),
  )
  if (features.length === 0) throw new Misuse(`${path} has no column to learn from beside arm and outcome.`)
  return features
}

/** Numbers with a stray word among them are a mistake of the file, not words. */
function refuseMixed({ name, cells }: { name: string; cells: string[] }, path: string): void {
  const isNumber = (cell: string) => cell === '' || Number.isFinite(Number(cell))
  const numbers = cells.reduce((sum, cell) => sum + (isNumber(cell) ? 1 : 0), 0)
  if (numbers === cells.length || numbers < 0.9 * cells.length) return
  const index = cells.findIndex((cell) => !isNumber(cell))
  throw new Misuse(
    `${path}, row ${index + 2}, ${name}: "${cells[index]}" is no number, but nearly all others of the column are.`,
    `Leave the cell empty when it is unknown, or leave the column out with --leave ${name}.`,
  )
}

/** A column that nearly repeats the outcome was measured after it: it would promise what nobody can know before. */
function refuseLookAhead(columns: UpliftInput['columns'], outcome: Float64Array, path: string, name: string): void {
  for (const [index, values] of columns.values.entries()) {
    if (Math.abs(correlation(values, outcome)) < 0.98) continue
    throw new Misuse(
      `${path}, ${columns.names[index]}: it nearly repeats ${name} (correlation above .98), so it was probably measured afterwards.`,
      `Leave it out with --leave ${columns.names[index]?.split('=')[0]}, or insist with --allow-outcomes.`,
    )
  }
}

function correlation(left: Float64Array, right: Float64Array): number {
  let [count, sumX, sumY, xx, yy, xy] = [0, 0, 0, 0, 0, 0]
  for (let row = 0; row < left.length; row++) {
    const [x, y] = [left[row] as number, right[row] as number]
    if (Number.isNaN(x)) continue
    count++
    sumX += x
    sumY += y
    xx += x * x
    yy += y * y
    xy += x * y
  }
  const spread = (xx - sumX ** 2 / count) * (yy - sumY ** 2 / count)
  return spread > 0 ? (xy - (sumX * sumY) / count) / Math.sqrt(spread) : 0
}

function documentOf(call: Call, result: UpliftResult, input: UpliftInput, warnings: string[]) {
  return {
    outcome: call.flag('outcome') ?? 'outcome',
    kind: input.kind,
    observational: result.observational,
    persons: result.rows,
    columns: input.columns.names,
    learner: result.learner,
    chosenFrom: result.learner === 'auto' ? autoLearners : null,
    folds: result.folds,
    seed: call.flag('seed') ?? '1',
    level: result.level,
    treatments: result.treatments.map((treatment) => without(treatment, 'scores')),
    policies: result.policies,
    overlap: result.overlap,
    warnings: [...warnings, ...result.warnings],
  }
}

export type UpliftDocument = ReturnType<typeof documentOf>

function show(call: Call, document: UpliftDocument): void {
  const short = (value: number) => value.toPrecision(4)
  for (const { arm, average, qini, tenths, disturbed, learners } of document.treatments) {
    call.show(
      `\n${arm}: average effect ${short(average.value)} (${short(average.low)} … ${short(average.high)})${document.observational ? ', observational' : ''}`,
    )
    if (qini !== null) call.show(`  Qini ${qini.value.toFixed(4)} (${qini.low.toFixed(4)} … ${qini.high.toFixed(4)})`)
    call.show(`  negative effect expected for ${(disturbed.share * 100).toFixed(1)} % ("do not disturb")`)
    if (document.learner === 'auto')
      call.show(
        `  chosen: ${learners
          .filter(({ weight }) => weight > 0.005)
          .map(({ learner, weight }) => `${learner} in ${(weight * 100).toFixed(0)} % of the parts`)
          .join(', ')}`,
      )
    call.show(
      table(
        ['BEST', 'PERSONS', 'EFFECT', `${document.level * 100} %`, 'PROMISED'],
        tenths.map((step) => [
          `${(step.share * 100).toFixed(0)} %`,
          String(step.persons),
          short(step.effect),
          `${short(step.low)} … ${short(step.high)}`,
          short(step.promised),
        ]),
      ),
    )
  }
  call.show('\nIf a rule chose the arm of everybody:')
  call.show(
    table(
      ['RULE', 'MEAN OUTCOME', `${document.level * 100} %`, 'DOUBLY ROBUST'],
      document.policies.map(({ rule, value, robust }) => [
        rule,
        short(value.value),
        `${short(value.low)} … ${short(value.high)}`,
        short(robust.value),
      ]),
    ),
  )
  for (const warning of document.warnings) call.tell(warning)
}

function csvOf(result: UpliftResult, input: UpliftInput, units: string[]): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const lines = units.map((unit, row) =>
    [
      quoted(unit),
      quoted(input.arms[result.choice[row] as number] as string),
      ...result.treatments.map(({ scores }) => (scores[row] as number).toPrecision(6)),
    ].join(','),
  )
  return `person,best_arm,${result.treatments.map(({ arm }) => quoted(`effect: ${arm}`)).join(',')}\n${lines.join('\n')}\n`
}
