import { type AnswerOf, api, type InputOf, kept, minorDigits, type PersonId } from '@einklang/contract'
import { dayIn, type Ground } from '@einklang/platform'
import { type Because, chooseOrder } from '@einklang/stats'
import { countedBehind, hiddenAmong, listedPage } from './behind.ts'
import {
  buyersIn,
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
import { bestCustomers, driftOf, forecastPersons, horizonWeeks, lastCustomerFit } from './customers.ts'
import { comparedWith, evidenceVersion } from './evidence.ts'
import { armSums, plannedExperiments, resultOf } from './experiment.ts'
import { currenciesAmong, type JourneyRows, type JourneySums } from './journey-sums.ts'
import { countedFrom, everybodyOnFlow, journeyMapOf, personsOnFlow } from './journeys.ts'
import { stoodOtherwise } from './kept.ts'
import {
  type AttributionModel,
  differencesOf,
  figuresOfPaths,
  figuresOfRule,
  isRule,
  roundedTo,
  sentenceOf,
} from './models.ts'
import { creditedOrder, touchesOf } from './orders.ts'
import { type Period, periodOf, weeksOf } from './period.ts'
import { productParts, productRows } from './products.ts'
import { protocolsOf } from './protocol.ts'
import { refused } from './sayings.ts'
import { lookBackDays } from './sources.ts'
import { type FinishedBuild, lastBuild, membersOf } from './store.ts'

type Routes = typeof api.measurement
export type AttributionInput = Omit<InputOf<Routes['attribution']>['query'], 'order'> & {
  order?: InputOf<Routes['attribution']>['query']['order']
}
export type AttributionAnswer = AnswerOf<Routes['attribution']>
export type WeeksInput = InputOf<Routes['weeks']>['query']
export type WeeksAnswer = AnswerOf<Routes['weeks']>
type Note = api.measurement.FigureNote
type Scoped = { scope: Scope; warnings: string[] }

const { attributionModels } = api.measurement
const usualModels: AttributionModel[] = ['first', 'last', 'last_nondirect', 'linear']
const fewConversions = 100
const fewTouches = 10

/** Why this model and not another. */
function reasonOf(because: Because | null): string | null {
  if (because === null) return null
  if (because.reason === 'edge')
    return kept('model_instead', { model: because.model, asked: because.asked, edge: kept(because.edge) })
  return kept(because.part ? 'model_smallest_aic_part' : 'model_smallest_aic', {
    model: because.model,
    models: because.models,
  })
}

/** Answers over the finished build; equal questions to the same build are computed once. */
export function createAnswers(ground: Ground, sums: JourneySums) {
  let lists = 0
  const { database, history, clock, config } = ground

  const cached = <Answer>(build: FinishedBuild | undefined, question: string, compute: () => Promise<Answer>) =>
    ground.memory.remember(`measurement.${question}`, compute, build?.number ?? 0)

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
      warnings: build === undefined ? [kept('not_built'), ...warnings] : warnings,
    }
  }

  /** The currency of the figures and a sentence when there are others. */
  async function scopeOf(period: Period, soldVia?: Scope['soldVia']): Promise<Scoped> {
    return scopeAmong(await currenciesIn(history, period, config.timeZone), period, soldVia)
  }

  function scopeAmong(currencies: string[], period: Period, soldVia?: Scope['soldVia']): Scoped {
    const currency = currencies[0] ?? config.currency
    const warnings =
      currencies.length > 1 ? [kept('other_currencies', { currencies: currencies.slice(1).join(', ') })] : []
    return { scope: { period, timeZone: config.timeZone, currency, soldVia }, warnings }
  }

  const inPeriod = (given: { from?: string | undefined; to?: string | undefined }) =>
    periodOf(given, clock.now(), config.timeZone)

  async function attribution(input: AttributionInput): Promise<AttributionAnswer> {
    const period = inPeriod(input)
    const asked = modelsOf(input.models)
    const [build, told] = await Promise.all([lastBuild(database), evidenceVersion(database)])
    return cached(build, `attribution ${JSON.stringify({ ...input, ...period, asked, told })}`, async () => {
      const found = await scopeOf(period, input.soldVia)
      const { warnings } = found
      const scope = { ...found.scope, chosen: input.segment === undefined ? undefined : await choose(input.segment) }
      const [sums, totals, compared] = await Promise.all([
        creditSums(history, scope, input.by),
        scopeTotals(history, scope),
        plannedExperiments(database).then((plans) => comparedWith(ground, scope, asked, plans)),
      ])
      const keyed = sums.map((row) => ({
        ...row,
        key: input.by === 'channel' ? row.channel : `${row.channel}/${row.label.toLowerCase()}`,
      }))
      const { by } = input
      const wantsPaths = asked.some((model) => !isRule(model))
      const all =
        wantsPaths && (by === 'channel' || by === 'campaign' || by === 'message')
          ? await pathsIn(history, scope, by)
          : null
      if (wantsPaths && all === null) warnings.push(kept('only_some_rows'))
      const models = asked.filter((model) => isRule(model) || all !== null)
      const order =
        all === null || !models.includes('markov')
          ? null
          : input.order === 'auto'
            ? chooseOrder(all, 3).order
            : Number(input.order ?? 1)
      const figures = models.map((model) => ({
        model,
        rows: isRule(model)
          ? figuresOfRule(keyed, totals, model)
          : figuresOfPaths(all as NonNullable<typeof all>, totals, model, `${period.from} ${period.to}`, order ?? 1),
      }))
      const rows = keyed
        .map((row) => ({
          key: row.key,
          channel: row.channel,
          campaign: input.by !== 'channel' && row.label !== '' ? row.label : null,
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
      const why = differencesOf(rows.filter((row) => !row.tooLittleData))
      const orders = Number(totals.orders)
      if (orders < fewConversions) warnings.push(kept('few_orders', { count: orders }))
      if (rows.length === 1) warnings.push(kept('one_channel'))
      return {
        note: noteOf(build, kept('defines_attribution'), scope.currency, warnings),
        period,
        models: models.map((model) => ({ model, title: kept(model), definition: kept(`${model}_means`) })),
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
        differences: why.map((one) => sentenceOf(one, by)),
        why,
        markovOrder: order,
        compared,
      }
    })
      .then(confirmed(build))
      .then(async (answer) => {
        const { note, totals } = answer
        const ask = {
          period,
          soldVia: input.soldVia,
          segment: input.segment,
          currency: note.currency ?? config.currency,
        }
        const before = await stoodOtherwise(database, ask, totals)
        return { ...answer, note: { ...note, warnings: [...note.warnings, ...before] } }
      })
  }

  /** Members of a segment as a list in the history, kept for an hour. */
  async function choose(segment: string): Promise<number> {
    const load = clock.now().getTime() * 1000 + (++lists % 1000)
    let after = '00000000-0000-0000-0000-000000000000'
    for (;;) {
      const persons = await membersOf(database, segment, after)
      const last = persons.at(-1)
      if (last === undefined) break
      const rows = persons.map((person) => ({ load, person }))
      await history.insert('measurement.chosen', rows, `chosen ${load} ${last}`)
      after = last
    }
    return load
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
        note: noteOf(build, kept('defines_weeks', { model: kept(`${input.model}_means`) }), scope.currency, warnings),
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
    const wanted = {
      period,
      timeZone: config.timeZone,
      soldVia: input.soldVia,
      channel: input.channel,
      campaign: input.campaign,
      message: input.message,
      place: input.place,
      model: input.model,
    }
    const build = await lastBuild(database)
    const { rows, next } = await listedPage(database, {
      after: cursorOf(input.after),
      limit: input.limit,
      read: (after, limit) =>
        cached(build, `orders ${JSON.stringify({ ...wanted, after, limit })}`, () =>
          ordersIn(history, wanted, after, limit),
        ),
      cursorOf: ({ at, event }) => ({ at, event }),
    })
    return { items: rows.map((row) => creditedOrder(row, config.timeZone)), next: cursorTo(next) }
  }

  async function conversionPersons(
    input: InputOf<Routes['conversionPersons']>['query'],
  ): Promise<AnswerOf<Routes['conversionPersons']>> {
    const buyers = await buyersIn(history, { ...input, period: inPeriod(input), timeZone: config.timeZone })
    const ordersOf = (index: number) => buyers[index]?.orders ?? 0
    const { listed, ...counts } = await countedBehind(
      database,
      buyers.map(({ person }) => person),
      ordersOf,
    )
    return { ...counts, orders: buyers.reduce((sum, { orders }) => sum + orders, 0), listedOrders: listed }
  }

  async function personJourney(person: PersonId): Promise<AnswerOf<Routes['personJourney']>> {
    const current = await database.row<{ person: PersonId }>`select identity.current(${person}::uuid) as person`
    const asked = current?.person ?? person
    const [build, hidden] = await Promise.all([lastBuild(database), hiddenAmong(database, [asked])])
    const because = hidden.get(asked) ?? null
    const rows = because === null ? await pathsOf(history, asked) : []
    const orders = rows.filter((row) => Number(row.converted) === 1)
    const lastOrder = orders[0]?.at ?? ''
    return {
      note: noteOf(build, kept('defines_journey'), orders[0]?.currency ?? null),
      hidden: because,
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
        note: noteOf(build, kept('defines_paths'), scope.currency, warnings),
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

  async function journeyMap(input: InputOf<Routes['journeyMap']>['query']): Promise<AnswerOf<Routes['journeyMap']>> {
    const period = inPeriod(input)
    const build = await lastBuild(database)
    return cached(build, `journeys ${JSON.stringify({ ...input, ...period })}`, async () => {
      const answer = async (kept: JourneyRows | null) => {
        const chosen = input.segment === undefined ? undefined : await choose(input.segment)
        const found = kept
          ? scopeAmong(await currenciesAmong(history, kept, period), period, input.soldVia)
          : await scopeOf(period, input.soldVia)
        const rows = kept ?? countedFrom(history, { period, timeZone: config.timeZone, chosen })
        return { ...found, map: await journeyMapOf(history, found.scope, rows, input.ways) }
      }
      // Sums know no persons.
      const { scope, warnings, map } = await (input.segment === undefined ? sums.reading(answer) : answer(null))
      if (map.drawn.ofPaths > 0 && map.drawn.ofPaths < fewConversions)
        warnings.push(kept('few_paths', { count: map.drawn.ofPaths }))
      return { note: noteOf(build, kept('defines_journeys'), scope.currency, warnings), period, ...map }
    }).then(confirmed(build))
  }

  async function journeyPersons(
    input: InputOf<Routes['journeyPersons']>['query'],
  ): Promise<AnswerOf<Routes['journeyPersons']>> {
    const found = await scopeOf(inPeriod(input), input.soldVia)
    const scope = { ...found.scope, chosen: input.segment === undefined ? undefined : await choose(input.segment) }
    const flow = { step: input.step, from: input.source, to: input.target }
    const { rows, next } = await listedPage(database, {
      after: cursorOf(input.after),
      limit: input.limit,
      read: (after, limit) => personsOnFlow(history, scope, flow, after, limit),
      cursorOf: ({ at, event }) => ({ at, event }),
    })
    return {
      items: rows.map(({ converted, ...row }) => ({
        ...row,
        value: Number(row.value),
        ordered: Number(converted) === 1,
      })),
      next: cursorTo(next),
    }
  }

  /** Everybody who went along a flow, each once. */
  async function wayPersons(
    input: InputOf<Routes['journeyWay']>['query'],
  ): Promise<{ period: Period; persons: PersonId[] }> {
    const period = inPeriod(input)
    const found = await scopeOf(period, input.soldVia)
    const scope = { ...found.scope, chosen: input.segment === undefined ? undefined : await choose(input.segment) }
    const flow = { step: input.step, from: input.source, to: input.target }
    return { period, persons: await everybodyOnFlow(history, scope, flow) }
  }

  async function products(input: InputOf<Routes['products']>['query']): Promise<AnswerOf<Routes['products']>> {
    const period = inPeriod(input)
    const build = await lastBuild(database)
    const { by, soldVia, limit } = input
    // Stock and sales arrive without a build; an hour later they are read anew.
    const hour = Math.floor(clock.now().getTime() / 3_600_000)
    return cached(build, `products ${JSON.stringify({ ...period, by, soldVia, limit, hour })}`, async () => {
      const { scope, warnings } = await scopeOf(period, soldVia)
      const { rows, days, stock } = await productRows(database, history, { ...scope, now: clock.now() }, by)
      if (rows.length > 0) warnings.push(...stockWarnings(stock, rows.length, period, config.timeZone))
      return {
        note: noteOf(build, kept('defines_products'), scope.currency, warnings),
        period,
        days,
        stock,
        found: rows.length,
        rows: rows.slice(0, limit),
      }
    }).then(confirmed(build))
  }

  async function product(input: InputOf<Routes['product']>['query']): Promise<AnswerOf<Routes['product']>> {
    const period = inPeriod(input)
    const build = await lastBuild(database)
    const { scope } = await scopeOf(period, input.soldVia)
    const parts = await productParts(database, history, { ...scope, now: clock.now() }, input.by, input.key)
    return { note: noteOf(build, kept('defines_products'), scope.currency), period, ...parts }
  }

  async function experiments(): Promise<AnswerOf<Routes['experiments']>> {
    const [build, plans, protocols] = await Promise.all([
      lastBuild(database),
      plannedExperiments(database),
      protocolsOf(database),
    ])
    const ended = protocols.flatMap(({ experiment, stoppedAt }) =>
      stoppedAt === null ? [] : [{ experiment, at: stoppedAt }],
    )
    const sums = await cached(build, `experiments ${config.currency} ${JSON.stringify(ended)}`, () =>
      armSums(history, config.currency, { ended }),
    )
    return {
      note: noteOf(build, kept('defines_experiments'), config.currency),
      experiments: plans.map((plan) =>
        resultOf(
          plan,
          sums.filter((row) => row.experiment === plan.experiment),
          protocols.find((one) => one.experiment === plan.experiment) ?? null,
        ),
      ),
    }
  }

  async function customerValue(): Promise<AnswerOf<Routes['customerValue']>> {
    const stored = await lastCustomerFit(database)
    const build = await lastBuild(database)
    const learnt = stored?.learnt ?? null
    const drift = driftOf(learnt?.lookBack ?? null)
    const warnings: string[] = []
    if (drift?.alarm)
      warnings.push(
        kept(drift.ratio < 1 ? 'drifted_less' : 'drifted_more', {
          weeks: drift.weeks,
          share: Math.abs(drift.ratio - 1),
        }),
      )
    const noWorth = learnt !== null && (learnt.sums.valued === 0 || learnt.spend === null)
    const currency = stored?.currency ?? config.currency
    return {
      note: {
        ...noteOf(build, kept('defines_customers'), currency, warnings),
        asOf: (stored?.finishedAt ?? clock.now()).toISOString(),
      },
      until: learnt === null ? null : (stored?.until ?? null),
      horizonWeeks,
      customers: stored?.customers ?? 0,
      model:
        learnt === null
          ? null
          : {
              name: learnt.fit.model,
              because: reasonOf(learnt.because),
              tried: learnt.tried.map((one) => ({ ...one, edge: one.edge && kept(one.edge) })),
              parameters: learnt.fit.parameters,
              withoutValue: noWorth ? kept(learnt.spend?.edge ?? 'no_worth') : null,
            },
      sums:
        learnt === null
          ? null
          : {
              alive: learnt.sums.alive,
              purchases: learnt.sums.purchases,
              value: noWorth ? null : minor(learnt.sums.value, currency),
            },
      drift,
      tookMs: stored?.tookMs ?? null,
      error: stored?.error ?? null,
    }
  }

  const minor = (amount: number, currency: string) => Math.round(amount * 10 ** minorDigits(currency))

  async function best(input: InputOf<Routes['bestCustomers']>['query']): Promise<AnswerOf<Routes['bestCustomers']>> {
    const match = /^(-?[\d.e+-]+)~([0-9a-f-]{36})$/.exec(input.after ?? '')
    if (input.after !== undefined && match === null) throw refused(400, 'bad_cursor', { at: 'after', doInstead: false })
    const { rows, next } = await listedPage(database, {
      after: match === null ? null : { value: Number(match[1]), person: match[2] ?? '' },
      limit: input.limit,
      read: (after, limit) => bestCustomers(database, input.by, after, limit),
      cursorOf: (row) => ({
        value: { value: row.value ?? 0, purchases: row.purchases, alive: row.alive }[input.by],
        person: row.person,
      }),
    })
    return {
      items: rows.map((row) => ({
        person: row.person,
        value:
          row.value === null
            ? null
            : {
                value: minor(row.value, config.currency),
                low: minor(row.low ?? row.value, config.currency),
                high: minor(row.high ?? row.value, config.currency),
              },
        purchases: { value: row.purchases, low: row.purchasesLow, high: row.purchasesHigh },
        alive: { value: row.alive, low: row.aliveLow, high: row.aliveHigh },
      })),
      next: next === null ? null : `${next.value}~${next.person}`,
    }
  }

  async function customerPersons(): Promise<AnswerOf<Routes['customerPersons']>> {
    const [{ listed: _, ...counts }, fit] = await Promise.all([
      forecastPersons(database).then((persons) => countedBehind(database, persons)),
      lastCustomerFit(database),
    ])
    // Who objects has no forecast; how many these are was noted when the others got theirs.
    const hidden = Map.groupBy([...counts.hidden, ...(fit?.learnt?.leftOut ?? [])], ({ because }) => because)
    const sum = (rows: { persons: number }[]) => rows.reduce((total, { persons }) => total + persons, 0)
    return {
      persons: counts.persons + sum(fit?.learnt?.leftOut ?? []),
      hidden: [...hidden].map(([because, rows]) => ({ because, persons: sum(rows) })),
    }
  }

  return {
    customerValue,
    customerPersons,
    conversionPersons,
    bestCustomers: best,
    attribution,
    weeks,
    conversions,
    personJourney,
    paths,
    journeyMap,
    journeyPersons,
    wayPersons,
    products,
    product,
    experiments,
    noteOf,
    inPeriod,
    scopeOf,
  }
}

export type Answers = ReturnType<typeof createAnswers>

function modelsOf(text: string | undefined): AttributionModel[] {
  if (text === undefined || text.trim() === '') return usualModels
  return text.split(',').map((word) => {
    const model = word.trim()
    if (!attributionModels.some((one) => one === model)) {
      throw refused(400, 'unknown_model', {
        at: 'models',
        given: { model, models: attributionModels.join(', ') },
      })
    }
    return model as AttributionModel
  })
}

function cursorOf(after: string | undefined): { at: string; event: string } | null {
  if (after === undefined) return null
  const match = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z)~([0-9a-f-]{36})$/.exec(after)
  if (match === null) throw refused(400, 'bad_cursor', { at: 'after', doInstead: false })
  return { at: match[1] ?? '', event: match[2] ?? '' }
}

const cursorTo = (next: { at: string; event: string } | null) => (next === null ? null : `${next.at}~${next.event}`)

/** Where the correction for stock-outs knows too little. */
function stockWarnings(
  stock: AnswerOf<Routes['products']>['stock'],
  count: number,
  period: Period,
  timeZone: string,
): string[] {
  if (stock.since === null) return [kept('no_stock_history')]
  const first = dayIn(new Date(stock.since), timeZone)
  if (first > period.from) return [kept('short_stock_history', { day: first, corrected: stock.corrected, count })]
  return stock.articles < stock.ofArticles
    ? [kept('part_stock_history', { known: stock.articles, count: stock.ofArticles })]
    : []
}

/** What people wanted for a spreadsheet; decimal amounts. */
export function productsCsv(answer: AnswerOf<Routes['products']>, digits: number): { fileName: string; csv: string } {
  const lines = [
    'rank,rank_sold,key,name,variant,brand,category,articles,units,orders,revenue,currency,views,views_sold_out,views_per_day_in_stock,share_in_stock,days_in_stock,units_per_day_in_stock,corrected,corrected_low,corrected_high,missed',
  ]
  const figure = (value: number | null | undefined, places: number) => value?.toFixed(places) ?? ''
  for (const row of answer.rows) {
    lines.push(
      [
        row.rank,
        row.rankSold,
        ...[row.key, row.name, row.of ?? '', row.brand ?? '', row.category ?? ''].map(cell),
        row.articles,
        row.units,
        row.orders,
        (row.revenue / 10 ** digits).toFixed(digits),
        answer.note.currency ?? '',
        row.views,
        row.viewsSoldOut ?? '',
        figure(row.viewsPerDay, 3),
        figure(row.share, 4),
        figure(row.daysInStock, 1),
        figure(row.perDay?.value, 4),
        figure(row.corrected?.value, 2),
        figure(row.corrected?.low, 2),
        figure(row.corrected?.high, 2),
        figure(row.missed, 2),
      ].join(','),
    )
  }
  return { fileName: `products_${answer.period.from}_${answer.period.to}.csv`, csv: `${lines.join('\n')}\n` }
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
