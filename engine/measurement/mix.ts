import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { type AnswerOf, type api, type InputOf, kept, minorDigits } from '@einklang/contract'
import { type Caller, type Database, type Ground, nameOf, Refusal } from '@einklang/platform'
import {
  bandAlong,
  type ChannelSpec,
  fitMix,
  type MixData,
  type MixFit,
  type MixRefused,
  type MixSaid,
  type MixSpec,
  mixModel,
  planLimits,
  priorPredictive,
  readinessOf,
} from '@einklang/stats'
import { usualBelief } from './beliefs.ts'
import { currenciesIn, soldByWeek } from './credit.ts'
import { liftFrom } from './evidence.ts'
import { addDays, mondayOf, type Period, periodOf, weeksOf } from './period.ts'
import { keptTouch, refused } from './sayings.ts'
import { lastBuild } from './store.ts'
import { chainsInThreads } from './threads.ts'

type Routes = typeof api.measurement
type Ask = InputOf<Routes['startMix']>['body']
type DataAnswer = AnswerOf<Routes['mixData']>
type FitAnswer = AnswerOf<Routes['mixFit']>

/** Spend per week (Monday) and channel in minor units; budget knows it. */
export type WeeklySpend = (
  period: Period,
  currency: string,
) => Promise<{ week: string; channel: string; amount: number }[]>

/** Pauses of channels whose result was told, in the main unit of the currency; budget knows them. */
export type ReadPauses = (period: Period, currency: string) => Promise<Ask['lift']>

type Table = { data: MixData; currency: string; channels: { channel: string; spend: number; activeWeeks: number }[] }

/** `headline`: the first failed check, a kept sentence. */
type StoredMix = { fit: number; name: string; result: MixFit; headline: string | null; currency: string }

export type MixDesk = {
  /** What can be learnt from our own spend and sales, before any fit. */
  data(input: InputOf<Routes['mixData']>['query']): Promise<DataAnswer>
  start(ask: Ask, by: Caller): Promise<{ fit: number }>
  /** The same question once more, up to today and with all that experiments have found since. */
  again(fit: number, by: Caller): Promise<{ fit: number }>
  list(): Promise<AnswerOf<Routes['mixFits']>>
  read(fit: number): Promise<FitAnswer>
  stop(fit: number): Promise<void>
  /** Runs a queued fit to its end; what the job does. */
  run(fit: number, signal: AbortSignal): Promise<void>
  /** The whole stored fit, for the allocator; null when it is not there or not finished. */
  stored(fit: number | 'newest'): Promise<StoredMix | null>
}

export function createMixDesk(
  ground: Ground,
  { weeklySpend, pausesRead }: { weeklySpend: WeeklySpend; pausesRead: ReadPauses },
): MixDesk {
  const { database, history, clock, config } = ground

  /** Whole weeks of the period: revenue of all channels, spend per channel, in the main unit of the currency. */
  async function tableOf(given: { from?: string | undefined; to?: string | undefined }): Promise<Table> {
    const asked = periodOf(
      { to: given.to, from: given.from ?? addDays(given.to ?? today(), -7 * 104) },
      clock.now(),
      config.timeZone,
    )
    const first = mondayOf(addDays(asked.from, 6))
    const last = addDays(mondayOf(addDays(asked.to, 1)), -1)
    const wished = { from: first, to: last < first ? addDays(first, 6) : last }
    // Weeks before the first order we know of did not sell nothing: we were not there to see it.
    const build = await lastBuild(database)
    const began = build?.since == null ? first : mondayOf(addDays(build.since, 6))
    const period = began > wished.from && began <= wished.to ? { ...wished, from: began } : wished
    const currency = (await currenciesIn(history, period, config.timeZone))[0] ?? config.currency
    const unit = 10 ** minorDigits(currency)
    const [sold, spend] = await Promise.all([
      soldByWeek(history, { period, timeZone: config.timeZone, currency }),
      weeklySpend(period, currency),
    ])
    const weeks = knownWeeks(weeksOf(period), spend)
    const place = new Map(weeks.map((week, index) => [week, index]))
    const [outcome, online] = [new Float64Array(weeks.length), new Float64Array(weeks.length)]
    for (const row of sold) {
      const at = place.get(row.week)
      if (at === undefined) continue
      const revenue = Number(row.revenue) / unit
      outcome[at] = (outcome[at] as number) + revenue
      if (soldOnline.has(row.sold_via)) online[at] = (online[at] as number) + revenue
    }
    const byChannel = new Map<string, Float64Array>()
    for (const row of spend) {
      const at = place.get(row.week)
      if (at === undefined || row.amount === 0) continue
      const series = byChannel.get(row.channel) ?? new Float64Array(weeks.length)
      series[at] = (series[at] as number) + row.amount / unit
      byChannel.set(row.channel, series)
    }
    const ranked = [...byChannel].sort(([, a], [, b]) => total(b) - total(a))
    return {
      currency,
      channels: ranked.map(([channel, series]) => ({
        channel,
        spend: Math.round(total(series) * unit),
        activeWeeks: series.filter((value) => value > 0).length,
      })),
      data: {
        weeks,
        regions: [''],
        outcome,
        ...(toldApart(outcome, online) ? { online } : {}),
        spend: ranked.map(([, series]) => series),
        exposure: ranked.map(() => null),
        controls: [],
      },
    }
  }
  /** Results of experiments that were written down, for the channels and weeks of the table. */
  async function toldFor({ data, currency, channels }: Table): Promise<Ask['lift']> {
    const [from, last] = [data.weeks[0], data.weeks.at(-1)]
    if (from === undefined || last === undefined) return []
    const period = { from, to: addDays(last, 6) }
    const [told, pauses] = await Promise.all([
      liftFrom(database, period, currency, 10 ** minorDigits(currency)),
      pausesRead(period, currency),
    ])
    // The result of a planned pause that is also written down by hand counts once.
    const alone = told.filter(
      (one) =>
        !pauses.some(({ channel, from, until }) => channel === one.channel && from === one.from && until === one.until),
    )
    return [...pauses, ...alone].filter(({ channel }) => channels.some((one) => one.channel === channel))
  }
  async function dataOf(input: InputOf<Routes['mixData']>['query']): Promise<DataAnswer> {
    const table = await tableOf(input)
    const spec = specOf(table, { channels: [], holidays: true })
    const ready = readinessOf(table.data, spec)
    const fine = ready.refusals.length === 0
    const prior = fine ? priorPredictive(mixModel(table.data, spec), 1, 200) : null
    const outcome = total(table.data.outcome)
    return {
      currency: table.currency,
      weeks: [...table.data.weeks],
      revenue: [...table.data.outcome],
      soldOnline: table.data.online === undefined ? null : total(table.data.online) / outcome,
      channels: table.channels.map((one, index) => ({
        ...one,
        weekly: [...(table.data.spend[index] as Float64Array)],
        shareOfRevenue: outcome === 0 ? 0 : total(table.data.spend[index] as Float64Array) / outcome,
      })),
      refusals: ready.refusals.map(keptSaid),
      suspects: ready.suspects,
      unidentified: ready.unidentified.map((one) => ({ channels: one.channels, ...keptSaid(one) })),
      together: ready.collinearity,
      believed:
        prior === null
          ? null
          : {
              advertising: prior.advertising,
              weekly: prior.weekly,
              shares: prior.shares.map(({ channel, belief, roas }) => ({ channel, belief, roas })),
            },
    }
  }
  const today = () => clock.now().toISOString().slice(0, 10)

  async function start(ask: Ask, by: Caller): Promise<{ fit: number }> {
    const table = await tableOf(ask)
    const spec = specOf(table, ask)
    const { refusals } = readinessOf(selected(table, ask).data, spec)
    const [refusal] = refusals
    if (refusal !== undefined) {
      const { because, doInstead } = keptSaid(refusal)
      throw new Refusal(409, 'not_enough', because, { doInstead })
    }
    return database.transaction(async (tx) => {
      const row = await tx.row<{ fit: number }>`
          insert into measurement.mix_fit (name, state, asked, created_at, created_by)
          values (${ask.name}, 'queued', ${tx.json(ask)}, platform.now(), ${nameOf(by)})
          returning fit`
      const fit = row?.fit ?? 0
      await ground.jobs.add(tx, 'measurement.mix', { fit }, { key: `measurement.mix ${fit}` })
      return { fit }
    })
  }

  return {
    data: (input) => ground.memory.remember(`measurement.mix_data ${JSON.stringify(input)}`, () => dataOf(input)),
    start,
    async again(fit, by) {
      const row = await rowOf(database, fit)
      if (row === undefined) throw refused(404, 'not_found', { say: 'no_mix', doInstead: false })
      const { to: _until, ...asked } = row.asked
      return start(asked, by)
    },
    async list() {
      const items = await database.rows<AnswerOf<Routes['mixFits']>['items'][number] & { at: Date }>`
        select fit, name, state, headline, blocked, created_by as by, created_at as at, progress
        from measurement.mix_fit order by fit desc limit 100`
      return { items: items.map(({ at, ...row }) => ({ ...row, at: at.toISOString() })) }
    },
    async read(fit) {
      const row = await rowOf(database, fit)
      if (row === undefined) throw refused(404, 'not_found', { say: 'no_mix', doInstead: false })
      return answerOf(row)
    },
    async stop(fit) {
      const rows = await database.run`
        update measurement.mix_fit set wish_to_stop = true where fit = ${fit} and state in ('queued', 'running')`
      if (rows === 0) throw refused(409, 'not_running', { say: 'mix_not_running' })
    },
    async run(fit, signal) {
      const row = await rowOf(database, fit)
      if (row === undefined || ['done', 'stopped', 'refused'].includes(row.state)) return
      await database.run`update measurement.mix_fit set state = 'running', started_at = platform.now() where fit = ${fit}`
      const table = selected(await tableOf(row.asked), row.asked)
      const spec = specOf(table, { ...row.asked, lift: [...row.asked.lift, ...(await toldFor(table))] })
      let stopped = row.wishToStop
      let progress = { done: 0, total: 0, divergences: 0 }
      let told = ''
      // The wish to stop and the progress travel through the database: whoever asks may be in another process.
      let over = false
      const watching = (async () => {
        while (!over) {
          await tell().catch(() => undefined)
          await pause(1000)
        }
      })()
      async function tell(): Promise<void> {
        const text = JSON.stringify(progress)
        if (text !== told) {
          told = text
          await database.run`update measurement.mix_fit set progress = ${database.json(progress)} where fit = ${fit}`
          ground.live.publish('measurement.built', { fit })
        }
        const wish = await database.row<{
          stop: boolean
        }>`select wish_to_stop as stop from measurement.mix_fit where fit = ${fit}`
        stopped ||= wish?.stop ?? true
      }
      try {
        const result = await fitMix(table.data, spec, {
          chains: 4,
          draws: row.asked.draws,
          warmup: row.asked.draws,
          seed: row.asked.seed,
          runChains: chainsInThreads(Math.min(4, availableParallelism())),
          onProgress: (now) => {
            progress = now
          },
          stopped: () => stopped || signal.aborted,
        })
        over = true
        await watching
        // A server that is shut down begins again later; a wish to stop keeps what is drawn.
        if (signal.aborted) throw new Error('The server was stopped; the fit begins again.')
        await keep(database, fit, result)
        ground.live.publish('measurement.built', { fit })
      } catch (error) {
        over = true
        await watching
        const state = signal.aborted ? 'queued' : 'failed'
        const text = error instanceof Error ? error.message.slice(0, 500) : 'unknown'
        await database.run`update measurement.mix_fit set state = ${state}, error = ${text} where fit = ${fit}`
        if (signal.aborted) throw error
        ground.log.warn('A mix model failed.', { error })
      }
    },
    async stored(fit) {
      const row = await database.row<StoredMix>`
        select fit, name, result, headline, result -> 'einklang' ->> 'currency' as currency from measurement.mix_fit
        where state in ('done', 'stopped') and result is not null and ${fit === 'newest' ? database.part`not blocked` : database.part`fit = ${fit}`}
        order by fit desc limit 1`
      return row ?? null
    },
  }

  async function keep(tx: Database, fit: number, result: MixFit | MixRefused): Promise<void> {
    if ('refused' in result) {
      const text = keptSaid(result.refused[0] ?? { because: 'Refused.', doInstead: '' }).because
      await tx.run`update measurement.mix_fit set state = 'refused', error = ${text}, finished_at = platform.now() where fit = ${fit}`
      return
    }
    const whole = { ...result, einklang: { currency: config.currency } }
    await tx.run`
      update measurement.mix_fit set state = ${result.run.stopped ? 'stopped' : 'done'}, result = ${tx.json(JSON.parse(JSON.stringify(whole)))},
        headline = ${headlineOf(result)}, blocked = ${result.blocked}, finished_at = platform.now(), error = null
      where fit = ${fit}`
  }
}

/**
 * Weeks from the first to the last with spend, as far as they lie inside: before and after, nobody told us what was
 * spent, and taking that for nothing would credit little money with all of the sales.
 */
function knownWeeks(weeks: string[], spend: { week: string; amount: number }[]): string[] {
  const known = spend.filter(({ amount }) => amount > 0).map(({ week }) => week)
  if (known.length === 0) return weeks
  const [first, last] = known.reduce(
    ([low, high], week) => [week < low ? week : low, week > high ? week : high],
    [known[0] as string, known[0] as string],
  )
  return weeks.filter((week) => week >= first && week <= last)
}

const soldOnline: ReadonlySet<string> = new Set(['web', 'app'])

/** Are there enough sales online and in stores, in all weeks but a few, to look at each by itself? */
function toldApart(outcome: Float64Array, online: Float64Array): boolean {
  const few = (part: (week: number) => number) => {
    const values = outcome.map((_, week) => part(week))
    const idle = values.filter((value) => value === 0).length
    // Returns above the sales of a week are no part of what was sold.
    return total(values) < 0.03 * total(outcome) || idle > 0.1 * values.length || values.some((value) => value < 0)
  }
  return !few((week) => online[week] as number) && !few((week) => (outcome[week] as number) - (online[week] as number))
}

const total = (series: Float64Array) => series.reduce((sum, value) => sum + value, 0)

/** Only the channels that were chosen; without a choice all. */
function selected(table: Table, ask: Pick<Ask, 'channels'>): Table {
  if (ask.channels.length === 0) return table
  const keep = table.channels.flatMap(({ channel }, index) =>
    ask.channels.some((one) => one.channel === channel) ? [index] : [],
  )
  return {
    ...table,
    channels: keep.map((index) => table.channels[index] as Table['channels'][number]),
    data: {
      ...table.data,
      spend: keep.map((index) => table.data.spend[index] as Float64Array),
      exposure: keep.map(() => null),
    },
  }
}

/** The model in the words of the mathematics, with what the marketer believes of each channel. */
function specOf(table: Table, ask: Pick<Ask, 'channels' | 'holidays'> & { lift?: Ask['lift'] }): MixSpec {
  const chosen = selected(table, ask)
  const weeks = table.data.weeks.length
  return {
    date: 'week',
    outcome: 'revenue',
    money: true,
    channels: chosen.channels.map(({ channel }): ChannelSpec => {
      const belief = ask.channels.find((one) => one.channel === channel)
      const usual = usualBelief(channel)
      return {
        name: channel,
        spend: channel,
        usualReturn: usual.returns,
        usualOnline: usual.onlineOdds,
        prior: {
          halfLife: (belief?.halfLifeWeeks ?? usual.halfLifeWeeks) as [number, number],
          ...(belief?.halfSaturation ? { halfSaturation: belief.halfSaturation as [number, number] } : {}),
          ...(belief?.roas ? { roas: belief.roas as [number, number] } : {}),
        },
      }
    }),
    controls: [],
    season: weeks >= 78 ? 3 : 2,
    trend: weeks >= 130 ? { everyWeeks: 52 } : 'linear',
    ...(ask.holidays ? { holidays: 'DE' as const } : {}),
    adstock: 'geometric',
    saturation: 'hill',
    likelihood: 'normal',
    ...(ask.lift && ask.lift.length > 0 ? { lift: ask.lift } : {}),
  }
}

const channelValues = new Set(['channel', 'left', 'right', 'other'])

/** A sentence of the mathematics as ours, with channels by their names; fits of old have English ones only. */
function keptSaid({ because, doInstead, said }: { because: string; doInstead: string; said?: MixSaid }) {
  if (said === undefined) return { because, doInstead }
  const values = Object.fromEntries(
    Object.entries(said.values).map(([name, value]) => [
      name,
      channelValues.has(name) && said.code !== 'moves_with_control' ? keptTouch(String(value), null) : value,
    ]),
  )
  return {
    because: kept(`mix_${said.code}`, { ...values, en: because }),
    doInstead: kept(`mix_${said.code}_do`, { ...values, en: doInstead }),
  }
}

type MixCheck = MixFit['checks'][number]

function keptCheck({ said, ...check }: Omit<MixCheck, 'said'> & { said?: MixSaid }): FitAnswer['checks'][number] {
  const { because, doInstead } = keptSaid({
    because: check.says,
    doInstead: check.doInstead ?? '',
    ...(said === undefined ? {} : { said }),
  })
  const forbids = [...(check.forbids ?? [])]
  return { ...check, forbids, says: because, doInstead: check.doInstead === null ? null : doInstead }
}

/** The first failed check in words. */
function headlineOf(result: MixFit): string | null {
  const failed = result.checks.find((check) => !check.passed)
  return failed === undefined || result.headline === null ? result.headline : keptCheck(failed).says
}

type Row = {
  fit: number
  name: string
  state: FitAnswer['state']
  wishToStop: boolean
  asked: Ask
  progress: FitAnswer['progress']
  result: (MixFit & { einklang: { currency: string } }) | null
  error: string | null
  at: Date
  by: string
  startedAt: Date | null
  finishedAt: Date | null
}

function rowOf(database: Database, fit: number): Promise<Row | undefined> {
  return database.row<Row>`
    select fit, name, state, wish_to_stop as "wishToStop", asked, progress, result, error, created_at as at, created_by as by,
      started_at as "startedAt", finished_at as "finishedAt"
    from measurement.mix_fit where fit = ${fit}`
}

function answerOf(row: Row): FitAnswer {
  const { result } = row
  return {
    fit: row.fit,
    name: row.name,
    state: row.state,
    by: row.by,
    at: row.at.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    progress: row.progress,
    error: row.error,
    currency: result?.einklang.currency ?? null,
    headline: result === null ? null : headlineOf(result),
    blocked: result?.blocked ?? null,
    checks: (result?.checks ?? []).map(keptCheck),
    run:
      result === null
        ? null
        : {
            seed: String(result.run.seed),
            chains: result.run.chains,
            draws: result.run.draws,
            kept: result.run.kept,
            divergences: result.run.divergences,
          },
    // Draws that do not describe the model give no figure.
    answers: result === null || result.blocked ? null : figuresOf(result),
  }
}

function figuresOf(result: MixFit): NonNullable<FitAnswer['answers']> {
  const { answers } = result
  const { hold, noMore } = planLimits(result)
  return {
    weeks: result.weeks,
    observed: answers.fit.observed,
    fitted: { mean: answers.fit.mean, low: answers.fit.low, high: answers.fit.high },
    quality: { r2: answers.fit.r2, mape: answers.fit.mape, coverage: answers.fit.coverage },
    outOfSample: result.outOfSample,
    base: { share: answers.base.share, weekly: answers.base.weekly.mean },
    unidentified: result.unidentified.map((one) => ({ channels: one.channels, ...keptSaid(one) })),
    tests: answers.tests,
    channels: answers.channels.map((channel) => ({
      channel: channel.name,
      standing: hold.includes(channel.name)
        ? ('unbelievable' as const)
        : noMore.includes(channel.name)
          ? ('unknown' as const)
          : ('known' as const),
      believedRoas: channel.believedRoas ?? null,
      spend: channel.spend,
      contribution: channel.contribution,
      share: channel.share,
      roas: channel.roas,
      marginalRoas: channel.marginalRoas,
      halfLifeWeeks: channel.halfLifeWeeks,
      halfSaturation: channel.halfSaturation,
      online: channel.online ?? null,
      overlap: channel.overlap,
      weekly: channel.weekly.mean,
      curve: curveOf(result, channel.name),
    })),
  }
}

/** Outcome a week for weekly spend, with its interval over the draws. */
function curveOf(result: MixFit, name: string) {
  const response = result.answers.response.find((one) => one.channel === name)
  if (response === undefined) return []
  return bandAlong({
    channel: name,
    spend: Float64Array.from(response.levels, (level) => level * response.usual),
    outcome: response.draws.map((draw) => Float64Array.from(draw)),
  })
}
