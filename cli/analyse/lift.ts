import { writeFileSync } from 'node:fs'
import {
  type AnytimeResult,
  anytime,
  compareArms,
  detectableBy,
  differenceOfMeans,
  differenceOfRates,
  differenceOfRatios,
  differenceWithPrePeriod,
  type Interval,
  leastPerArm,
  mayStop,
  normalQuantile,
  type PairedMoments,
  planLift,
  ratioMomentsOf,
  relativeDifference,
  sampleRatio,
  scaleFor,
  type Verdict,
  winsorLimit,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { table } from '../table.ts'
import { without } from '../without.ts'
import { type CsvFile, columnOf, countIn, currencyIn, instantIn, numberIn, readCsv } from './csv.ts'
import { geoFlags, geoLift } from './lift-geo.ts'
import { liftReport } from './lift-report.ts'

const dayMs = 86_400_000

export const lift: Command = {
  name: 'lift',
  summary: 'What an experiment in a file changed: persons in arms, or regions with and without a campaign',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    data: { value: 'FILE', text: 'CSV with one row per person (several rows of a person are added up)' },
    unit: { value: 'COLUMN', text: 'column of the person (default: person)' },
    arm: { value: 'COLUMN', text: 'column of the arm (default: arm)' },
    control: { value: 'NAME', text: 'the arm that got nothing (default: control, holdout or none)' },
    outcome: { value: 'COLUMN', text: 'column of the outcome: 0/1 or an amount (default: outcome)' },
    per: { value: 'COLUMN', text: 'divide the outcome by this column: value per order, clicks per visit' },
    pre: { value: 'COLUMN', text: 'the same figure before the experiment; narrows the interval (CUPED)' },
    shares: {
      value: 'A/B/…',
      text: 'planned shares of the arms in alphabetical order; arms filled otherwise block the result',
    },
    winsor: { value: 'SHARE', text: 'count amounts above this quantile as the quantile, for example 0.99' },
    sequential: { text: 'intervals and p-values that allow to look every day' },
    date: { value: 'COLUMN', text: 'day of each row, for daily looks in the answer of --sequential' },
    worthwhile: {
      value: 'AMOUNT',
      text: 'smallest gain worth having; decides what is futile and what the plan is for',
    },
    'planned-persons': {
      value: 'COUNT',
      text: 'persons planned in all; tunes --sequential (default: those in the file)',
    },
    level: { value: 'SHARE', text: 'level of the intervals (default: 0.9)' },
    'false-rate': { value: 'SHARE', text: 'share of false discoveries allowed among several arms (default: 0.1)' },
    plan: { text: 'take the file as history and say how many persons and days an experiment needs' },
    power: { value: 'SHARE', text: 'with --plan: chance to find the worthwhile gain (default: 0.8)' },
    ...geoFlags,
    out: { value: 'FILE', text: 'write the figures as CSV' },
    report: { value: 'FILE', text: 'write a page with the plots as one HTML file' },
    seed: { value: 'SEED', text: 'seed of every draw (default: 1)' },
  },
  help: `Examples: einklang lift --data test.csv --arm arm --outcome revenue --pre pre_revenue --sequential
          einklang lift --geo sales.csv --treated Berlin,Hamburg --start 2026-03-02 --end 2026-03-29 --spend cost`,
  async run(call) {
    if (call.flag('geo') !== undefined) return geoLift(call)
    const path = call.flag('data')
    if (path === undefined)
      throw new Misuse('"lift" needs a file of persons or of regions.', '--data FILE or --geo FILE')
    const settings = settingsOf(call)
    const trial = readTrial(path, settings)
    const document = settings.plan ? planOf(trial, settings) : liftOf(trial, settings)
    for (const warning of document.warnings) call.tell(warning)
    if ('arms' in document) {
      for (const line of linesOf(document)) call.show(line)
      if (settings.out !== null) writeFileSync(settings.out, csvOf(document))
      if (settings.report !== null) writeFileSync(settings.report, liftReport(document, path))
    } else {
      call.show(`${document.persons} persons in all${document.days === null ? '' : `, about ${document.days} days`}`)
    }
    return document
  },
}

type Settings = {
  unit: string
  arm: string
  control: string | null
  outcome: string
  per: string | null
  pre: string | null
  shares: number[] | null
  winsor: number | null
  sequential: boolean
  date: string | null
  worthwhile: number
  plannedPersons: number | null
  level: number
  falseRate: number
  plan: boolean
  power: number
  out: string | null
  report: string | null
}

export function shareFlag(call: Call, flag: string, usual: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (!(value > 0 && value < 1)) throw new Misuse(`--${flag} is a share between 0 and 1, not ${text}.`)
  return value
}

function amountFlag(call: Call, flag: string): number | null {
  const text = call.flag(flag)
  if (text === undefined) return null
  const value = Number(text)
  if (!(value > 0)) throw new Misuse(`--${flag} is a number above 0, not ${text}.`)
  return value
}

function settingsOf(call: Call): Settings {
  const shares = call.flag('shares')?.split('/').map(Number) ?? null
  if (shares?.some((share) => !(share > 0)) || shares?.length === 1) {
    throw new Misuse(`--shares are the planned shares of all arms such as 50/50, not ${call.flag('shares')}.`)
  }
  const settings = {
    unit: call.flag('unit') ?? 'person',
    arm: call.flag('arm') ?? 'arm',
    control: call.flag('control') ?? null,
    outcome: call.flag('outcome') ?? 'outcome',
    per: call.flag('per') ?? null,
    pre: call.flag('pre') ?? null,
    shares,
    winsor: call.flag('winsor') === undefined ? null : shareFlag(call, 'winsor', 0.99),
    sequential: call.switch('sequential'),
    date: call.flag('date') ?? null,
    worthwhile: amountFlag(call, 'worthwhile') ?? 0,
    plannedPersons: amountFlag(call, 'planned-persons'),
    level: shareFlag(call, 'level', 0.9),
    falseRate: shareFlag(call, 'false-rate', 0.1),
    plan: call.switch('plan'),
    power: shareFlag(call, 'power', 0.8),
    out: call.flag('out') ?? null,
    report: call.flag('report') ?? null,
  }
  if (settings.per !== null && settings.pre !== null) {
    throw new Misuse('--per and --pre do not go together: a ratio has its own pre-period.', 'Leave one of them out.')
  }
  if (settings.plan && settings.worthwhile === 0) {
    throw new Misuse('A plan needs the smallest gain worth finding.', '--worthwhile AMOUNT')
  }
  return settings
}

type Person = { arm: string; outcome: number; per: number; pre: number; day: number | null }
type Trial = {
  persons: Person[]
  arms: string[]
  control: string | null
  share: boolean
  days: number
  limit: number | null
  warnings: string[]
}

function readTrial(path: string, settings: Settings): Trial {
  const file = readCsv(path)
  const column = (name: string) => columnOf(file, path, name)
  const unit = settings.plan ? file.header.indexOf(settings.unit) : column(settings.unit)
  const arm = settings.plan ? file.header.indexOf(settings.arm) : column(settings.arm)
  const outcome = column(settings.outcome)
  const [per, pre, date] = [settings.per, settings.pre, settings.date].map((name) =>
    name === null ? -1 : column(name),
  ) as [number, number, number]
  const persons = new Map<string, Person>()
  const money = currencyIn(file, path)
  file.each((cells, row) => {
    money.see(cells, row)
    const name = unit < 0 ? String(row) : (cells[unit] as string).trim()
    if (name === '') throw new Misuse(`${path}, row ${row}, ${settings.unit}: it is empty.`)
    const own = arm < 0 ? '' : (cells[arm] as string).trim()
    if (arm >= 0 && own === '' && !settings.plan) throw new Misuse(`${path}, row ${row}, ${settings.arm}: it is empty.`)
    const person = known(persons, name, own, path, row)
    person.outcome += numberIn(path, row, settings.outcome, cells[outcome] as string)
    if (per >= 0) person.per += countIn(path, row, settings.per as string, cells[per] as string)
    if (pre >= 0) person.pre += numberIn(path, row, settings.pre as string, cells[pre] as string)
    if (date >= 0) {
      const day = Math.floor(instantIn(path, row, settings.date as string, cells[date] as string) / dayMs)
      person.day = person.day === null ? day : Math.min(person.day, day)
    }
  })
  const all = [...persons.values()]
  // Counts and yes or no have no currency.
  if (all.some(({ outcome }) => outcome !== 0 && outcome !== 1)) money.refuse()
  return trialOf(all, settings, file, path)
}

function known(persons: Map<string, Person>, name: string, arm: string, path: string, row: number): Person {
  const before = persons.get(name)
  if (before === undefined) {
    const person = { arm, outcome: 0, per: 0, pre: 0, day: null }
    persons.set(name, person)
    return person
  }
  if (before.arm !== arm) {
    throw new Misuse(
      `${path}, row ${row}: ${name} is in the arms "${before.arm}" and "${arm}".`,
      'A person belongs to one arm; leave those in two out and say so, or use the first assignment.',
    )
  }
  return before
}

function trialOf(persons: Person[], settings: Settings, file: CsvFile, path: string): Trial {
  const warnings: string[] = []
  const arms = [...new Set(persons.map(({ arm }) => arm))].sort()
  const control = settings.control ?? arms.find((arm) => /^(control|holdout|none|no|0|kontrolle)$/i.test(arm)) ?? null
  if (!settings.plan) {
    if (arms.length < 2)
      throw new Misuse(
        `${path} has only the arm "${arms[0] ?? ''}": nothing can be compared.`,
        'Add the persons who were left out, as an arm of their own.',
      )
    if (control === null || !arms.includes(control)) {
      throw new Misuse(
        `Which arm got nothing? ${path} has ${arms.map((arm) => `"${arm}"`).join(', ')}.`,
        '--control NAME',
      )
    }
    if (arms.length > 100)
      throw new Misuse(
        `${path} has ${arms.length} arms; is ${settings.arm} the column of the arm?`,
        `Its columns are ${file.header.join(', ')}.`,
      )
  }
  const share = settings.per === null && persons.every(({ outcome }) => outcome === 0 || outcome === 1)
  let limit: number | null = null
  if (settings.winsor !== null && !share) {
    limit = winsorLimit(
      Float64Array.from(persons, ({ outcome }) => outcome),
      settings.winsor,
    )
    let cut = 0
    for (const person of persons) {
      if (person.outcome <= limit) continue
      person.outcome = limit
      cut++
    }
    warnings.push(`${cut} amounts above ${limit} (quantile ${settings.winsor}) count as ${limit}.`)
  }
  const first = persons[0]?.outcome
  if (settings.per === null && persons.every(({ outcome }) => outcome === first)) {
    throw new Misuse(
      `${path}, ${settings.outcome}: everybody has ${first}, so no effect can be seen.`,
      'Choose an outcome that differs between persons, or wait for more of it.',
    )
  }
  const days = persons.map(({ day }) => day).filter((day) => day !== null)
  const span =
    days.length > 0
      ? days.reduce((most, day) => Math.max(most, day), -Infinity) -
        days.reduce((least, day) => Math.min(least, day), Infinity) +
        1
      : 0
  return { persons, arms, control, share, days: span, limit, warnings }
}

const emptyMoments = (): PairedMoments => ({ count: 0, sum: 0, squares: 0, preSum: 0, preSquares: 0, products: 0 })

function momentsOf(persons: Iterable<Person>): PairedMoments {
  const moments = emptyMoments()
  for (const person of persons) addTo(moments, person)
  return moments
}

function addTo(moments: PairedMoments, { outcome, pre }: Person): void {
  moments.count++
  moments.sum += outcome
  moments.squares += outcome * outcome
  moments.preSum += pre
  moments.preSquares += pre * pre
  moments.products += pre * outcome
}

type ArmFigure = {
  arm: string
  persons: number
  mean: number
  difference: Interval
  relative: Interval | null
  pValue: number
  qValue: number
  different: boolean
  shrinks: number | null
  anytime: (AnytimeResult & { verdict: Verdict }) | null
}

export type LiftDocument = {
  outcome: string
  kind: 'share' | 'amount' | 'ratio'
  level: number
  control: { arm: string; persons: number; mean: number }
  sampleRatio: {
    ok: boolean
    pValue: number
    planned: boolean
    arms: { arm: string; persons: number; expected: number }[]
  }
  blocked: string | null
  arms: ArmFigure[]
  looks: { arm: string; day: string; persons: number; value: number; low: number; high: number; pValue: number }[]
  detectable: number | null
  winsorLimit: number | null
  warnings: string[]
}

function liftOf(trial: Trial, settings: Settings): LiftDocument {
  const { persons, arms, share } = trial
  const warnings = [...trial.warnings]
  const control = trial.control as string
  const byArm = new Map(arms.map((arm) => [arm, persons.filter((person) => person.arm === arm)]))
  const kind = settings.per !== null ? 'ratio' : share ? 'share' : 'amount'
  const ratio = ratioBlock(arms, byArm, settings)
  const own = byArm.get(control) as Person[]
  const meanOf = (people: Person[]) => {
    const sum = people.reduce((total, { outcome }) => total + outcome, 0)
    return settings.per === null ? sum / people.length : sum / people.reduce((total, { per }) => total + per, 0)
  }
  const document: LiftDocument = {
    outcome: settings.outcome,
    kind,
    level: settings.level,
    control: { arm: control, persons: own.length, mean: meanOf(own) },
    sampleRatio: ratio,
    blocked: null,
    arms: [],
    looks: [],
    detectable: null,
    winsorLimit: trial.limit,
    warnings,
  }
  if (!ratio.ok) {
    document.blocked = `The arms are not filled as ${ratio.planned ? 'planned' : 'even shares'} (p = ${ratio.pValue.toExponential(1)}): something other than chance decided who is in which arm, so the difference must not be read. Look for lost rows, late assignments or bots.`
    warnings.push(document.blocked)
    return document
  }
  const others = arms.filter((arm) => arm !== control)
  const figures = others.map((arm) => armFigure(arm, byArm.get(arm) as Person[], own, trial, settings))
  const verdicts = compareArms(
    figures.map(({ arm, difference, error }) => ({ arm, value: difference.value, error })),
    { rate: settings.falseRate, level: settings.level },
  )
  document.arms = figures.map((figure, index) => {
    const verdict = verdicts[index] as (typeof verdicts)[number]
    return {
      ...without(figure, 'error'),
      difference:
        others.length > 1 ? { value: verdict.value, low: verdict.low, high: verdict.high } : figure.difference,
      pValue: verdict.pValue,
      qValue: verdict.qValue,
      different: verdict.different,
    }
  })
  if (settings.sequential && settings.date !== null) document.looks = looksOf(trial, settings, control, others)
  const whole = momentsOf(persons)
  if (settings.per === null) {
    document.detectable = detectableBy(persons.length, {
      mean: whole.sum / whole.count,
      variance: (whole.squares - whole.sum ** 2 / whole.count) / (whole.count - 1),
      shares: [control, ...others].map((arm) => (byArm.get(arm) as Person[]).length),
      level: settings.level,
      peeking: settings.sequential,
      explained: figures[0]?.shrinks ?? 0,
    })
  }
  const few = [control, ...others].filter((arm) => (byArm.get(arm) as Person[]).length < leastPerArm)
  if (few.length > 0) warnings.push(`Fewer than ${leastPerArm} persons: ${few.join(', ')}. Read the figures as a hint.`)
  if (share) {
    const happened = persons.reduce((sum, { outcome }) => sum + outcome, 0)
    if (happened < 100)
      warnings.push(
        `Only ${happened} of ${persons.length} persons did it: more of them, or a more frequent outcome, would narrow the interval.`,
      )
  }
  return document
}

function ratioBlock(arms: string[], byArm: Map<string, Person[]>, settings: Settings): LiftDocument['sampleRatio'] {
  if (settings.shares !== null && settings.shares.length !== arms.length) {
    throw new Misuse(`--shares has ${settings.shares.length} parts for the ${arms.length} arms ${arms.join(', ')}.`)
  }
  const counts = arms.map((arm) => (byArm.get(arm) as Person[]).length)
  // Without a plan there is nothing to hold the counts against.
  const planned = settings.shares ?? counts
  const { ok, pValue, expected } = sampleRatio(counts, planned)
  return {
    ok,
    pValue,
    planned: settings.shares !== null,
    arms: arms.map((arm, index) => ({ arm, persons: counts[index] as number, expected: expected[index] as number })),
  }
}

function armFigure(
  arm: string,
  people: Person[],
  own: Person[],
  trial: Trial,
  settings: Settings,
): ArmFigure & { error: number } {
  const { level } = settings
  const z = normalQuantile((1 + level) / 2)
  const [treated, control] = [momentsOf(people), momentsOf(own)]
  let difference: Interval | null
  let mean = treated.sum / treated.count
  let shrinks: number | null = null
  if (settings.per !== null) {
    const sums = (rows: Person[]) => ratioMomentsOf(rows.map(({ outcome, per }) => ({ top: outcome, bottom: per })))
    const own1 = sums(people)
    difference = differenceOfRatios(own1, sums(own), level)
    mean = own1.top / own1.bottom
  } else if (settings.pre !== null) {
    const adjusted = differenceWithPrePeriod(treated, control, level)
    shrinks = adjusted?.shrinks ?? null
    difference = adjusted
  } else if (trial.share) {
    difference = differenceOfRates(
      { successes: treated.sum, count: treated.count },
      { successes: control.sum, count: control.count },
      level,
    )
  } else difference = differenceOfMeans(treated, control, level)
  if (difference === null) throw new Misuse(`The arm "${arm}" or the control has fewer than two persons.`)
  const error = (difference.high - difference.low) / 2 / z
  const look = settings.sequential ? lookAt(difference.value, error, people.length + own.length, trial, settings) : null
  return {
    arm,
    persons: people.length,
    mean,
    difference: { value: difference.value, low: difference.low, high: difference.high },
    relative: settings.per === null ? relativeDifference(treated, control, level) : null,
    pValue: 1,
    qValue: 1,
    different: false,
    shrinks,
    anytime: look && { ...look, verdict: mayStop(look, [people.length, own.length], settings.worthwhile) },
    error,
  }
}

/** Tuned for the variance at the planned end; the file's own size stands in where no plan is given. */
function lookAt(value: number, error: number, persons: number, trial: Trial, settings: Settings): AnytimeResult {
  const planned = settings.plannedPersons ?? trial.persons.length
  return anytime(value, error * error, scaleFor((error * error * persons) / planned, settings.level), settings.level)
}

function looksOf(trial: Trial, settings: Settings, control: string, others: string[]): LiftDocument['looks'] {
  const looks: LiftDocument['looks'] = []
  const byDay = trial.persons.toSorted((left, right) => (left.day as number) - (right.day as number))
  const planned = settings.plannedPersons ?? trial.persons.length
  const whole = momentsOf(trial.persons)
  const spread = (whole.squares - whole.sum ** 2 / whole.count) / (whole.count - 1)
  for (const arm of others) {
    const [left, right] = [emptyMoments(), emptyMoments()]
    const counted = byDay.filter((person) => person.arm === arm || person.arm === control)
    const parts = (planned * counted.length) / trial.persons.length / 4
    const scale = scaleFor(spread / parts, settings.level)
    counted.forEach((person, index) => {
      addTo(person.arm === arm ? left : right, person)
      const next = counted[index + 1]
      if (next !== undefined && next.day === person.day) return
      if (left.count < leastPerArm || right.count < leastPerArm) return
      const difference =
        settings.pre === null
          ? differenceOfMeans(left, right, settings.level)
          : differenceWithPrePeriod(left, right, settings.level)
      if (difference === null) return
      const error = (difference.high - difference.low) / 2 / normalQuantile((1 + settings.level) / 2)
      const look = anytime(difference.value, error * error, scale, settings.level)
      looks.push({
        arm,
        day: new Date((person.day as number) * dayMs).toISOString().slice(0, 10),
        persons: left.count + right.count,
        ...look,
      })
    })
  }
  return looks
}

export type LiftPlanDocument = ReturnType<typeof planOf>

function planOf(trial: Trial, settings: Settings) {
  const moments = momentsOf(trial.persons)
  const mean = moments.sum / moments.count
  const variance = (moments.squares - moments.sum ** 2 / moments.count) / (moments.count - 1)
  const spreadPre = moments.preSquares - moments.preSum ** 2 / moments.count
  const both = moments.products - (moments.preSum * moments.sum) / moments.count
  const explained =
    settings.pre === null || spreadPre <= 0 ? 0 : (both * both) / spreadPre / (variance * (moments.count - 1))
  const plan = planLift({
    mean,
    variance,
    effect: settings.worthwhile,
    shares: settings.shares ?? [1, 1],
    level: settings.level,
    power: settings.power,
    explained,
    peeking: settings.sequential,
    personsPerDay: trial.days > 0 ? trial.persons.length / trial.days : null,
  })
  const warnings = [...trial.warnings]
  if (trial.days === 0)
    warnings.push('Without --date the duration is unknown: nobody knows how many persons come a day.')
  return {
    ...plan,
    mean,
    variance,
    explained,
    level: settings.level,
    power: settings.power,
    history: trial.persons.length,
    warnings,
  }
}

const short = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(4))

function linesOf(document: LiftDocument): string[] {
  if (document.blocked !== null) return []
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`
  const rows = document.arms.map((arm) => [
    arm.arm,
    String(arm.persons),
    short(arm.mean),
    short(arm.difference.value),
    `${short(arm.difference.low)} … ${short(arm.difference.high)}`,
    arm.relative === null
      ? ''
      : `${percent(arm.relative.value)} (${percent(arm.relative.low)} … ${percent(arm.relative.high)})`,
    arm.anytime === null
      ? arm.different
        ? 'differs'
        : 'cannot tell'
      : arm.anytime.verdict.stop
        ? `stop: ${arm.anytime.verdict.verdict}`
        : 'go on',
  ])
  return [
    `${document.control.arm}: ${document.control.persons} persons, ${short(document.control.mean)}`,
    table(
      [
        'ARM',
        'PERSONS',
        document.kind === 'share' ? 'RATE' : 'MEAN',
        'DIFFERENCE',
        `${document.level * 100} %`,
        'RELATIVE',
        'VERDICT',
      ],
      rows,
    ),
  ]
}

function csvOf(document: LiftDocument): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const lines = document.arms.map((arm) =>
    [
      quoted(arm.arm),
      arm.persons,
      arm.mean,
      arm.difference.value,
      arm.difference.low,
      arm.difference.high,
      arm.pValue,
      arm.qValue,
      arm.anytime?.low ?? '',
      arm.anytime?.high ?? '',
      arm.anytime?.pValue ?? '',
    ].join(','),
  )
  return `arm,persons,mean,difference,low,high,p_value,q_value,anytime_low,anytime_high,anytime_p_value\n${[`${quoted(document.control.arm)},${document.control.persons},${document.control.mean},,,,,,,,`, ...lines].join('\n')}\n`
}
