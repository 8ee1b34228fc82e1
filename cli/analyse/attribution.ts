import { writeFileSync } from 'node:fs'
import {
  bootstrapCredit,
  type Credit,
  chooseOrder,
  creditByMarkov,
  creditByOrderedShapley,
  creditByRateShapley,
  creditByRule,
  creditByShapley,
  drawsFrom,
  firstTouch,
  incrementalCredit,
  type KnownIncrement,
  lastNonDirect,
  lastTouch,
  linear,
  type MarkovCredit,
  type OrderedCredit,
  type Paths,
  type PositionShares,
  position,
  reachOf,
  timeDecay,
  totalsOf,
  transitionsOf,
  uShape,
  wShape,
} from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { nearest } from '../suggest.ts'
import { table } from '../table.ts'
import { attributionReport } from './attribution-report.ts'
import { columnOf, countIn, readCsv } from './csv.ts'
import { readPaths } from './paths.ts'

const models = ['first', 'last', 'last-nondirect', 'linear', 'position', 'decay', 'markov', 'shapley'] as const
type Model = (typeof models)[number]

type Settings = {
  models: Model[]
  order: number | 'auto'
  halfLifeDays: number
  shares: PositionShares
  /** Lead touch of each row, where channels were named that make somebody a lead. */
  leads: Int32Array | null
  ordered: boolean
  experiments: { source: string; known: KnownIncrement[] } | null
  direct: string[]
  nulls: boolean
  rates: boolean
  permutations: number
  replicates: number
  seed: string
}

type Fixed = Settings & { order: number }

type ChannelCredit = {
  channel: string
  conversions: number
  value: number
  share: number
  interval: { conversions: [number, number]; value: [number, number] } | null
  removalEffect?: { conversions: number; value: number }
  standardError?: number
  /** Ordered Shapley: conversions credited as first, second … fifth and later step. */
  byPlace?: number[]
  tooLittleData?: true
}

const fewConversions = 100
const fewTouches = 10
/** Above this many rows intervals are made only when asked for: they take as long as 200 fits. */
const bootstrapRows = 50_000

export const attribution: Command = {
  name: 'attribution',
  summary: 'Share the credit for conversions among the channels of a file of paths',
  operands: { text: '', least: 0, most: 0 },
  flags: {
    paths: {
      value: 'FILE',
      text: 'CSV: path,total_conversions,total_conversion_value,total_null or person,time,channel,conversion,value',
    },
    model: { value: 'MODEL', text: `${models.join(', ')} or all (default: all)` },
    order: {
      value: 'K',
      text: 'touches that Markov remembers, or auto: what foretells unseen paths best, up to 4 (default: 1)',
    },
    'half-life': {
      value: 'DAYS',
      text: 'time decay: a touch counts half after so many days, for example 7d (default: 7d)',
    },
    position: {
      value: 'SHAPE',
      text: 'u (40/20/40), w (30/30/30/10), FIRST/BETWEEN/LAST or FIRST/LEAD/LAST/BETWEEN in per cent (default: u)',
    },
    lead: { value: 'NAMES', text: 'channels whose first touch makes a lead, for w (default: the touch half-way)' },
    ordered: { text: 'Shapley by place in the path: credit as opener, second, third …' },
    experiments: {
      value: 'FILE',
      text: 'CSV channel,conversions[,low,high]: what experiments found; credit is scaled to agree with it',
    },
    direct: { value: 'NAMES', text: 'channels that last-nondirect looks past, comma-separated (default: direct)' },
    separator: { value: 'TEXT', text: 'what stands between the steps of a path (default: >)' },
    'no-nulls': { text: 'Markov over converting paths only' },
    rates: { text: 'Shapley of conversion rates, paths without a conversion count too' },
    permutations: { value: 'COUNT', text: 'with --rates and more than 20 channels: sample so many orders' },
    bootstrap: {
      value: 'COUNT',
      text: '90 % intervals from so many resamples, 0 for none (default: 200 up to 50,000 rows)',
    },
    seed: { value: 'SEED', text: 'seed of the resamples (default: 1)' },
    out: { value: 'FILE', text: 'write the credit of every model and channel as CSV' },
    report: { value: 'FILE', text: 'write a page with the plots as one HTML file' },
  },
  help: 'Example: einklang attribution --paths paths.csv --model markov --order 2 --json',
  async run(call) {
    const path = call.flag('paths')
    if (path === undefined) throw new Misuse('"attribution" needs a file of paths.', '--paths FILE')
    const paths = readPaths(path, call.flag('separator') ?? '>')
    const settings = settingsOf(call, paths)
    const document = attributionOf(paths, settings, call.tell)
    for (const { model, channels } of document.models) {
      call.show(`\n${model}`)
      call.show(
        table(
          ['CHANNEL', 'CONVERSIONS', 'VALUE', 'SHARE', '90 %'],
          channels.map((row) => [
            row.channel + (row.tooLittleData ? ' *' : ''),
            row.conversions.toFixed(2),
            row.value.toFixed(2),
            `${(row.share * 100).toFixed(2)} %`,
            row.interval ? `${row.interval.conversions[0].toFixed(1)} … ${row.interval.conversions[1].toFixed(1)}` : '',
          ]),
        ),
      )
    }
    for (const warning of document.warnings) call.tell(warning)
    const out = call.flag('out')
    if (out !== undefined) writeFileSync(out, csvOf(document))
    const report = call.flag('report')
    if (report !== undefined) writeFileSync(report, attributionReport(document, path))
    return document
  },
}

function csvOf({ models: fitted }: AttributionDocument): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const lines = fitted.flatMap(({ model, channels }) =>
    channels.map(({ channel, conversions, value, share, interval }) =>
      [
        model,
        quoted(channel),
        conversions,
        value,
        share,
        ...(interval?.conversions ?? ['', '']),
        ...(interval?.value ?? ['', '']),
      ].join(','),
    ),
  )
  return `model,channel,conversions,value,share,conversions_low,conversions_high,value_low,value_high\n${lines.join('\n')}\n`
}

/** First touch of a named channel in each row; without one the touch half-way, as without names. */
function leadsOf(call: Call, paths: Paths): Int32Array | null {
  const given = call.flag('lead')
  if (given === undefined) return null
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !paths.channels.includes(name))
  if (unknown !== undefined)
    throw new Misuse(`No path has the channel "${unknown}".`, `--lead ${nearest(unknown, paths.channels) ?? 'NAMES'}`)
  const leads = new Set(names.map((name) => paths.channels.indexOf(name)))
  return Int32Array.from(paths.conversions, (_, row) => {
    const [start, end] = [paths.offsets[row] as number, paths.offsets[row + 1] as number]
    for (let at = start; at < end; at++) if (leads.has(paths.touches[at] as number)) return at - start
    return Math.floor((end - start) / 2)
  })
}

function experimentsOf(call: Call, paths: Paths): Settings['experiments'] {
  const source = call.flag('experiments')
  if (source === undefined) return null
  const file = readCsv(source)
  const [channel, conversions] = [columnOf(file, source, 'channel'), columnOf(file, source, 'conversions')]
  const [low, high] = [file.header.indexOf('low'), file.header.indexOf('high')]
  const known: KnownIncrement[] = []
  file.each((cells, row) => {
    const name = (cells[channel] as string).trim()
    const index = paths.channels.indexOf(name)
    if (index < 0)
      throw new Misuse(
        `${source}, row ${row}: no path has the channel "${name}".`,
        nearest(name, paths.channels) ?? undefined,
      )
    const value = countIn(source, row, 'conversions', cells[conversions] as string)
    const bound = (at: number, column: string) =>
      at < 0 || cells[at] === '' ? value : countIn(source, row, column, cells[at] as string)
    const one = { channel: index, value, low: bound(low, 'low'), high: bound(high, 'high') }
    if (one.low > value || one.high < value)
      throw new Misuse(`${source}, row ${row}: ${value} does not lie between low ${one.low} and high ${one.high}.`)
    known.push(one)
  })
  return { source, known }
}

function settingsOf(call: Call, paths: Paths): Settings {
  const asked = call.flag('model') ?? 'all'
  if (asked !== 'all' && !models.includes(asked as Model)) {
    const meant = nearest(asked, [...models, 'all'])
    throw new Misuse(`There is no model "${asked}".`, `--model ${meant ?? models.join('|')}`)
  }
  const rows = paths.conversions.length
  return {
    models: asked === 'all' ? [...models] : [asked as Model],
    order: call.flag('order') === 'auto' ? 'auto' : whole(call, 'order', 1, 1, 10),
    halfLifeDays: daysOf(call.flag('half-life') ?? '7d'),
    shares: shapeOf(call.flag('position') ?? 'u'),
    leads: leadsOf(call, paths),
    ordered: call.switch('ordered'),
    experiments: experimentsOf(call, paths),
    direct: (call.flag('direct') ?? 'direct').split(',').map((name) => name.trim()),
    nulls: !call.switch('no-nulls'),
    rates: call.switch('rates'),
    permutations: whole(call, 'permutations', 0, 0, 1_000_000),
    replicates: whole(call, 'bootstrap', rows <= bootstrapRows ? 200 : 0, 0, 100_000),
    seed: call.flag('seed') ?? '1',
  }
}

function whole(call: Call, flag: string, usual: number, least: number, most: number): number {
  const text = call.flag(flag)
  if (text === undefined) return usual
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Misuse(`--${flag} is a whole number from ${least} to ${most}, not ${text}.`)
  }
  return value
}

function daysOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([dhw]?)$/.exec(text)
  const days = Number(match?.[1]) * (match?.[2] === 'w' ? 7 : match?.[2] === 'h' ? 1 / 24 : 1)
  if (!(days > 0)) throw new Misuse(`--half-life is a time such as 7d or 2w, not ${text}.`)
  return days
}

function shapeOf(text: string): PositionShares {
  if (text === 'u') return uShape
  if (text === 'w') return wShape
  const parts = text.split('/').map(Number)
  if (
    (parts.length !== 3 && parts.length !== 4) ||
    parts.some((part) => !(part >= 0)) ||
    Math.abs(parts.reduce((sum, part) => sum + part, 0) - 100) > 1e-9
  ) {
    throw new Misuse(
      `--position is u, w or three shares (four with the lead) that add up to 100 such as 40/20/40, not ${text}.`,
    )
  }
  if (parts.length === 4) {
    const [first, lead, last, others] = parts as [number, number, number, number]
    return { first: first / 100, lead: lead / 100, last: last / 100, others: others / 100 }
  }
  const [first, others, last] = parts as [number, number, number]
  return { first: first / 100, lead: 0, others: others / 100, last: last / 100 }
}

/** Everything the command knows about the paths; the document of `--json`. */
export function attributionOf(paths: Paths, asked: Settings, tell: (line: string) => void = () => undefined) {
  const choice = asked.order === 'auto' && asked.models.includes('markov') ? chooseOrder(paths) : null
  const settings: Fixed = { ...asked, order: choice?.order ?? (asked.order === 'auto' ? 1 : asked.order) }
  const totals = totalsOf(paths)
  const reach = reachOf(paths)
  const warnings = warningsOf(paths, settings, reach.touches)
  const results = settings.models.map((model) => {
    const fit = fitterOf(model, paths, settings)
    const credit = fit(paths)
    if ('refused' in credit) {
      warnings.push(`${model}: ${credit.refused}.`)
      return { model, refused: credit.refused, channels: [] as ChannelCredit[] }
    }
    const sampled = model === 'shapley' && settings.rates && paths.channels.length > 20
    const bounds =
      settings.replicates === 0 || sampled
        ? null
        : bootstrapCredit(paths, (drawn) => fit(drawn) as Credit, {
            replicates: settings.replicates,
            draws: drawsFrom('attribution', model, settings.seed),
            progress: progressOf(model, settings.replicates, tell),
          })
    const touched = credit.conversions.reduce((sum, part) => sum + part, 0)
    const channels = paths.channels
      .map((channel, index): ChannelCredit => {
        const at = (numbers: Float64Array) => numbers[index] as number
        return {
          channel,
          conversions: at(credit.conversions),
          value: at(credit.values),
          share: touched === 0 ? 0 : at(credit.conversions) / touched,
          interval: bounds && {
            conversions: [at(bounds.conversions.low), at(bounds.conversions.high)],
            value: [at(bounds.values.low), at(bounds.values.high)],
          },
          ...('removalConversions' in credit
            ? {
                removalEffect: {
                  conversions: at((credit as MarkovCredit).removalConversions),
                  value: at((credit as MarkovCredit).removalValues),
                },
              }
            : {}),
          ...('byPlace' in credit
            ? { byPlace: Array.from((credit as OrderedCredit).byPlace.conversions[index] as Float64Array) }
            : {}),
          ...('standardErrors' in credit && credit.standardErrors ? { standardError: at(credit.standardErrors) } : {}),
          ...(at(reach.touches) < fewTouches ? { tooLittleData: true as const } : {}),
        }
      })
      .sort((left, right) => right.conversions - left.conversions || left.channel.localeCompare(right.channel))
    return {
      model,
      ...(model === 'markov' && choice !== null ? { heldOutLogLikelihood: choice.heldOut } : {}),
      ...(settings.experiments === null
        ? {}
        : { incremental: incrementalOf(paths, credit, settings.experiments.known) }),
      ...(model === 'markov' ? { order: settings.order, conversionRate: (credit as MarkovCredit).conversionRate } : {}),
      ...(model === 'decay' ? { halfLifeDays: settings.halfLifeDays } : {}),
      channels,
    }
  })
  return {
    totals: { ...totals, channels: paths.channels.length },
    level: 0.9,
    seed: settings.seed,
    replicates: settings.replicates,
    models: results,
    ...(settings.models.includes('markov') ? { transitions: transitionsOf(paths) } : {}),
    warnings,
  }
}

function incrementalOf(paths: Paths, credit: Credit, known: KnownIncrement[]) {
  const scaled = incrementalCredit(credit, known)
  return paths.channels.map((channel, index) => ({
    channel,
    conversions: scaled.conversions[index] as number,
    low: scaled.low[index] as number,
    high: scaled.high[index] as number,
    from: scaled.fromExperiment[index] ? ('experiment' as const) : ('rest by the model' as const),
  }))
}

export type AttributionDocument = ReturnType<typeof attributionOf>

type Fitted = Credit | MarkovCredit | (Credit & { standardErrors: Float64Array | null }) | { refused: string }

function fitterOf(model: Model, whole: Paths, settings: Fixed): (paths: Paths) => Fitted {
  switch (model) {
    case 'first':
      return (paths) => creditByRule(paths, firstTouch)
    case 'last':
      return (paths) => creditByRule(paths, lastTouch)
    case 'last-nondirect':
      return (paths) => creditByRule(paths, lastNonDirect(whole, settings.direct))
    case 'linear':
      return (paths) => creditByRule(paths, linear)
    case 'position':
      return (paths) => creditByRule(paths, position(settings.shares, settings.leads))
    case 'decay':
      return (paths) => creditByRule(paths, timeDecay(settings.halfLifeDays))
    case 'markov':
      return (paths) => creditByMarkov(paths, { order: settings.order, nulls: settings.nulls })
    case 'shapley':
      if (settings.ordered) return creditByOrderedShapley
      return settings.rates ? (paths) => shapleyOfRates(paths, settings) : creditByShapley
  }
}

/** The value follows the conversions of each channel, since a rate has no value of its own. */
function shapleyOfRates(paths: Paths, settings: Settings): Fitted {
  const draws = drawsFrom('shapley', settings.seed)
  const result = creditByRateShapley(
    paths,
    settings.permutations > 0 ? { permutations: settings.permutations, draws } : null,
  )
  if ('refused' in result) return result
  const totals = totalsOf(paths)
  const each = totals.conversions === 0 ? 0 : totals.value / totals.conversions
  return { ...result, values: result.conversions.map((conversions) => conversions * each) }
}

function progressOf(model: string, replicates: number, tell: (line: string) => void): (done: number) => void {
  const started = performance.now()
  let told = started
  return (done) => {
    const now = performance.now()
    if (now - told < 2000) return
    told = now
    const left = ((now - started) / done) * (replicates - done)
    tell(`${model}: ${done} of ${replicates} resamples, about ${Math.ceil(left / 1000)} s left`)
  }
}

function warningsOf(paths: Paths, settings: Settings, touches: Float64Array): string[] {
  const warnings: string[] = []
  const totals = totalsOf(paths)
  if (totals.conversions === 0) warnings.push('No path ends in a conversion, so there is no credit to share.')
  else if (totals.conversions < fewConversions) {
    warnings.push(`Only ${totals.conversions} conversions: read the shares as a hint; more paths would narrow them.`)
  }
  if (paths.channels.length === 1) warnings.push('There is only one channel, so nothing can be compared.')
  else if (samePaths(paths)) warnings.push('All paths are the same, so nothing can be compared.')
  const few = paths.channels.filter((_, index) => (touches[index] as number) < fewTouches)
  if (few.length > 0)
    warnings.push(
      `Too little data (fewer than ${fewTouches} touches): ${few.slice(0, 20).join(', ')}${few.length > 20 ? ' …' : ''}.`,
    )
  if (paths.ages === null && settings.models.includes('decay')) {
    warnings.push('The file has no times: for time decay each step back counts as one day.')
  }
  if (settings.experiments !== null) {
    const sum = settings.experiments.known.reduce((total, one) => total + one.value, 0)
    if (sum > totals.conversions) {
      warnings.push(
        `The experiments found ${sum} conversions, more than the ${totals.conversions} of the paths: period or definition differ.`,
      )
    }
  }
  if (settings.replicates === 0) warnings.push('No intervals were made; ask for them with --bootstrap 200.')
  return warnings
}

function samePaths(paths: Paths): boolean {
  const length = (paths.offsets[1] ?? 0) - (paths.offsets[0] ?? 0)
  for (let row = 0; row < paths.conversions.length; row++) {
    const start = paths.offsets[row] as number
    if ((paths.offsets[row + 1] as number) - start !== length) return false
    for (let step = 0; step < length; step++) if (paths.touches[start + step] !== paths.touches[step]) return false
  }
  return paths.conversions.length > 0
}
