import type { AnswerOf, api, InputOf, PersonId } from '@einklang/contract'
import { type Ground, Refusal } from '@einklang/platform'
import { lookBackDays } from './build.ts'
import {
  creditByWeek,
  creditSums,
  currenciesIn,
  frequentPaths,
  ordersIn,
  pathsIn,
  pathsOf,
  type Scope,
  scopeTotals,
  soldByWeek,
} from './credit.ts'
import { armSums, plannedExperiments, resultOf } from './experiment.ts'
import {
  type AttributionModel,
  differencesOf,
  figuresOfPaths,
  figuresOfRule,
  isRule,
  modelWords,
  roundedTo,
} from './models.ts'
import { creditedOrder, touchesOf } from './orders.ts'
import { type Period, periodOf, weeksOf } from './period.ts'
import { type FinishedBuild, lastBuild } from './store.ts'

type Routes = typeof api.measurement
export type AttributionInput = InputOf<Routes['attribution']>['query']
export type AttributionAnswer = AnswerOf<Routes['attribution']>
export type WeeksInput = InputOf<Routes['weeks']>['query']
export type WeeksAnswer = AnswerOf<Routes['weeks']>
type Note = api.measurement.FigureNote

const usualModels: AttributionModel[] = ['first', 'last', 'last_nondirect', 'linear']
const fewConversions = 100
const fewTouches = 10

const definitions = {
  attribution:
    'Orders and receipts of all channels, net of returns within 60 days, credited to the touches of the same person in the 90 days before (letter 60, catalogue 120), split at orders. Intervals: 90 %, over persons.',
  weeks: 'Revenue net of returns by the week of the order; credited revenue covers orders with at least one touch.',
  journey:
    'Every order of this customer with the touches in the 90 days before it (letter 60, catalogue 120) and who got the credit.',
  paths:
    'Channels before an order, equal neighbours taken together; paths without an order count when their last touch lies in the period.',
  experiments:
    'Orders of the 28 days after a person was assigned, everybody assigned counts, reached or not. Difference to the control group with 90 % interval.',
}

/** Answers over the finished build; equal questions to the same build are computed once. */
export function createAnswers(ground: Ground) {
  const { database, history, clock, config } = ground
  const cache = new Map<string, Promise<unknown>>()

  async function cached<Answer>(
    build: FinishedBuild | undefined,
    question: string,
    compute: () => Promise<Answer>,
  ): Promise<Answer> {
    const key = `${build?.number ?? 0} ${question}`
    const known = cache.get(key)
    if (known !== undefined) return known as Promise<Answer>
    if (cache.size >= 300) cache.delete(cache.keys().next().value as string)
    const answer = compute()
    cache.set(key, answer)
    answer.catch(() => cache.delete(key))
    return answer
  }

  /** A remembered answer was confirmed meanwhile: nothing had arrived until `asOf`. */
  const confirmed =
    (build: FinishedBuild | undefined) =>
    <Answer extends { note: Note }>(answer: Answer): Answer =>
      build === undefined ? answer : { ...answer, note: { ...answer.note, asOf: build.asOf.toISOString() } }

  function noteOf(
    build: FinishedBuild | undefined,
    definition: string,
    currency: string | null,
    warnings: string[] = [],
  ): Note {
    return {
      definition,
      since: build?.since ?? null,
      asOf: (build?.asOf ?? clock.now()).toISOString(),
      currency,
      lookBackDays,
      warnings:
        build === undefined
          ? ['Nothing has been computed yet; the first build starts within five minutes.', ...warnings]
          : warnings,
    }
  }

  /** The currency of the figures and a sentence when there are others. */
  async function scopeOf(period: Period, soldVia?: Scope['soldVia']): Promise<{ scope: Scope; warnings: string[] }> {
    const currencies = await currenciesIn(history, period, config.timeZone)
    const currency = currencies[0] ?? config.currency
    const warnings =
      currencies.length > 1
        ? [`Orders in ${currencies.slice(1).join(', ')} are not in these figures; currencies are never added up.`]
        : []
    return { scope: { period, timeZone: config.timeZone, currency, soldVia }, warnings }
  }

  const inPeriod = (given: { from?: string | undefined; to?: string | undefined }) =>
    periodOf(given, clock.now(), config.timeZone)

  async function attribution(input: AttributionInput): Promise<AttributionAnswer> {
    const period = inPeriod(input)
    const models = modelsOf(input.models)
    const build = await lastBuild(database)
    return cached(build, `attribution ${JSON.stringify({ ...input, ...period, models })}`, async () => {
      const { scope, warnings } = await scopeOf(period, input.soldVia)
      const [sums, totals] = await Promise.all([creditSums(history, scope, input.by), scopeTotals(history, scope)])
      const keyed = sums.map((row) => ({
        ...row,
        key: input.by === 'channel' ? row.channel : `${row.channel}/${row.campaign.toLowerCase()}`,
      }))
      const needsPaths = models.some((model) => !isRule(model))
      const all = needsPaths ? await pathsIn(history, scope, input.by) : null
      const figures = models.map((model) => ({
        model,
        rows: isRule(model)
          ? figuresOfRule(keyed, totals, model)
          : figuresOfPaths(all as NonNullable<typeof all>, totals, model, `${period.from} ${period.to}`),
      }))
      const rows = keyed
        .map((row) => ({
          key: row.key,
          channel: row.channel,
          campaign: input.by === 'campaign' && row.campaign !== '' ? row.campaign : null,
          touches: Number(row.touches),
          persons: Number(row.persons),
          tooLittleData: Number(row.touches) < fewTouches,
          credits: figures.map(({ model, rows: found }) => {
            const figure = found.get(row.key) ?? { orders: 0, revenue: 0, share: 0, low: null, high: null }
            return Number(row.touches) < fewTouches ? { model, ...figure, low: null, high: null } : { model, ...figure }
          }),
        }))
        .sort(
          (left, right) =>
            (right.credits.at(-1)?.revenue ?? 0) - (left.credits.at(-1)?.revenue ?? 0) ||
            left.key.localeCompare(right.key),
        )
      const orders = Number(totals.orders)
      if (orders < fewConversions)
        warnings.push(`Only ${orders} order${orders === 1 ? '' : 's'} in this period: read the shares as a hint.`)
      if (rows.length === 1) warnings.push('There is only one channel, so nothing can be compared.')
      return {
        note: noteOf(build, definitions.attribution, scope.currency, warnings),
        period,
        models: models.map((model) => ({ model, ...modelWords[model] })),
        rows,
        totals: {
          orders,
          revenue: Number(totals.revenue),
          withTouch: { orders: Number(totals.touched_orders), revenue: Number(totals.touched_revenue) },
          withoutTouch: {
            orders: orders - Number(totals.touched_orders),
            revenue: Number(totals.revenue) - Number(totals.touched_revenue),
          },
          unknown: {
            orders: Number(totals.unknown_orders),
            revenue: Number(totals.unknown_revenue),
            share: Number(totals.revenue) === 0 ? 0 : Number(totals.unknown_revenue) / Number(totals.revenue),
          },
        },
        differences: differencesOf(rows.filter((row) => !row.tooLittleData)),
      }
    }).then(confirmed(build))
  }

  async function weeks(input: WeeksInput): Promise<WeeksAnswer> {
    const period = inPeriod(input)
    const build = await lastBuild(database)
    return cached(build, `weeks ${JSON.stringify({ ...period, model: input.model })}`, async () => {
      const { scope, warnings } = await scopeOf(period)
      const [credited, sold] = await Promise.all([
        creditByWeek(history, scope, input.model),
        soldByWeek(history, scope),
      ])
      const list = weeksOf(period)
      const place = new Map(list.map((week, index) => [week, index]))
      const channels = [...Map.groupBy(credited, (row) => row.channel)].map(([channel, rows]) => {
        const orders = list.map(() => 0)
        const values = list.map(() => 0)
        for (const row of rows) {
          const at = place.get(row.week) as number
          orders[at] = Number(row.orders)
          values[at] = Number(row.value)
        }
        const total = values.reduce((sum, value) => sum + value, 0)
        return { channel, orders, revenue: roundedTo(values, total), total }
      })
      return {
        note: noteOf(build, `${definitions.weeks} ${modelWords[input.model].definition}`, scope.currency, warnings),
        period,
        weeks: list,
        credited: channels
          .sort((left, right) => right.total - left.total)
          .map(({ channel, orders, revenue }) => ({ channel, orders, revenue })),
        sold: [...Map.groupBy(sold, (row) => row.sold_via)].map(([soldVia, rows]) => {
          const orders = list.map(() => 0)
          const revenue = list.map(() => 0)
          for (const row of rows) {
            const at = place.get(row.week) as number
            orders[at] = Number(row.orders)
            revenue[at] = Number(row.revenue)
          }
          return { soldVia, orders, revenue }
        }),
      }
    }).then(confirmed(build))
  }

  async function conversions(input: InputOf<Routes['conversions']>['query']): Promise<AnswerOf<Routes['conversions']>> {
    const period = inPeriod(input)
    const rows = await ordersIn(
      history,
      {
        period,
        timeZone: config.timeZone,
        soldVia: input.soldVia,
        channel: input.channel,
        campaign: input.campaign,
        model: input.model,
      },
      cursorOf(input.after),
      input.limit + 1,
    )
    const shown = rows.slice(0, input.limit)
    const last = shown.at(-1)
    return {
      items: shown.map((row) => creditedOrder(row, config.timeZone)),
      next: rows.length > input.limit && last !== undefined ? `${last.at}~${last.event}` : null,
    }
  }

  async function personJourney(person: PersonId): Promise<AnswerOf<Routes['personJourney']>> {
    const current = await database.row<{ person: PersonId }>`select identity.current(${person}::uuid) as person`
    const [build, rows] = await Promise.all([lastBuild(database), pathsOf(history, current?.person ?? person)])
    const orders = rows.filter((row) => Number(row.converted) === 1)
    const lastOrder = orders[0]?.at ?? ''
    return {
      note: noteOf(build, definitions.journey, orders[0]?.currency ?? null),
      conversions: orders.map((row) => creditedOrder(row, config.timeZone)),
      open: rows
        .filter((row) => Number(row.converted) === 0 && row.at > lastOrder)
        .reverse()
        .flatMap(touchesOf),
    }
  }

  async function paths(input: InputOf<Routes['paths']>['query']): Promise<AnswerOf<Routes['paths']>> {
    const period = inPeriod(input)
    const build = await lastBuild(database)
    return cached(build, `paths ${JSON.stringify({ ...period, limit: input.limit })}`, async () => {
      const { scope, warnings } = await scopeOf(period)
      const found = await frequentPaths(history, scope, input.limit)
      return {
        note: noteOf(build, definitions.paths, scope.currency, warnings),
        period,
        paths: found.paths.map((path) => ({
          steps: path.steps,
          orders: Number(path.orders),
          revenue: Number(path.revenue),
          withoutOrder: Number(path.without_order),
          medianDays: path.median_days,
        })),
        rest: {
          paths: found.rest.paths,
          orders: found.rest.orders,
          revenue: found.rest.revenue,
          withoutOrder: found.rest.without_order,
        },
      }
    }).then(confirmed(build))
  }

  async function experiments(): Promise<AnswerOf<Routes['experiments']>> {
    const [build, plans] = await Promise.all([lastBuild(database), plannedExperiments(database)])
    const sums = await cached(build, `experiments ${config.currency}`, () => armSums(history, config.currency))
    return {
      note: noteOf(build, definitions.experiments, config.currency),
      experiments: plans.map((plan) =>
        resultOf(
          plan,
          sums.filter((row) => row.experiment === plan.experiment),
        ),
      ),
    }
  }

  return { attribution, weeks, conversions, personJourney, paths, experiments, noteOf, inPeriod, scopeOf }
}

export type Answers = ReturnType<typeof createAnswers>

function modelsOf(text: string | undefined): AttributionModel[] {
  if (text === undefined || text.trim() === '') return usualModels
  return text.split(',').map((word) => {
    const model = word.trim()
    if (!Object.hasOwn(modelWords, model)) {
      throw new Refusal(400, 'unknown_model', `${model} is no attribution model.`, {
        at: 'models',
        doInstead: `Use ${Object.keys(modelWords).join(', ')}.`,
      })
    }
    return model as AttributionModel
  })
}

function cursorOf(after: string | undefined): { at: string; event: string } | null {
  if (after === undefined) return null
  const match = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z)~([0-9a-f-]{36})$/.exec(after)
  if (match === null) throw new Refusal(400, 'bad_cursor', 'The cursor is not one of ours.', { at: 'after' })
  return { at: match[1] ?? '', event: match[2] ?? '' }
}

/** The attribution table for a spreadsheet: one line per row and model, decimal amounts. */
export function attributionCsv(answer: AttributionAnswer, digits: number): { fileName: string; csv: string } {
  const lines = ['channel,campaign,model,touches,persons,orders,revenue,currency,share,share_low,share_high']
  for (const row of answer.rows) {
    for (const credit of row.credits) {
      lines.push(
        [
          cell(row.channel),
          cell(row.campaign ?? ''),
          credit.model,
          row.touches,
          row.persons,
          credit.orders.toFixed(4),
          (credit.revenue / 10 ** digits).toFixed(digits),
          answer.note.currency ?? '',
          credit.share.toFixed(6),
          credit.low?.toFixed(6) ?? '',
          credit.high?.toFixed(6) ?? '',
        ].join(','),
      )
    }
  }
  return { fileName: `attribution_${answer.period.from}_${answer.period.to}.csv`, csv: `${lines.join('\n')}\n` }
}

/** Quotes where needed; a leading = + - @ gets an apostrophe, so that a spreadsheet reads text and runs no formula. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
