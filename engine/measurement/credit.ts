import type { api, PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import { collectPaths, type Paths } from '@einklang/stats'
import { ownAccord } from './grouping.ts'
import type { Period } from './period.ts'

export type RuleModel = api.measurement.RuleModel
export type SoldVia = 'web' | 'app' | 'store'
export type Scope = {
  period: Period
  timeZone: string
  currency: string
  soldVia?: SoldVia | undefined
  /** Only persons of this list (`measurement.chosen`). */
  chosen?: number | undefined
}
/** What a row of the table is, beside its channel. */
export type CreditBy = 'channel' | 'campaign' | 'message' | 'keyword' | 'store' | 'brand'

/** Half-life of the time-decay model. */
export const halfLifeDays = 7

/**
 * Shares of each touch of a path under every rule, as parallel arrays; the same rules as `@einklang/stats`, which the
 * test holds them to. Columns needed: `touch_at`, `touch_channel`.
 */
function weights(history: History): HistoryPart {
  return history.part`
    length(touch_at) as touches,
    arrayEnumerate(touch_at) as places,
    arrayLastIndex(channel -> not has(${ownAccord}, channel), touch_channel) as known_place,
    if(known_place = 0, touches, known_place) as credited_place,
    arrayMap(at -> exp2(-dateDiff('millisecond', at, touch_at[-1]) / ${halfLifeDays * 86_400_000}), touch_at) as fresh,
    arrayMap(place -> toFloat64(place = 1), places) as by_first,
    arrayMap(place -> toFloat64(place = touches), places) as by_last,
    arrayMap(place -> toFloat64(place = credited_place), places) as by_last_nondirect,
    arrayMap(place -> 1 / touches, places) as by_linear,
    arrayMap(place -> multiIf(touches < 3, 1 / touches, place = 1 or place = touches, 0.4, 0.2 / (touches - 2)), places) as by_position,
    intDiv(touches, 2) + 1 as lead_place,
    arrayMap(place -> multiIf(touches < 4, 1 / touches, place in (1, lead_place, touches), 0.3, 0.1 / (touches - 3)), places) as by_position_w,
    arrayMap(weight -> weight / arraySum(fresh), fresh) as by_decay`
}

/** Paths that ended in an order inside the scope. */
function ordered(history: History, scope: Scope): HistoryPart {
  const conditions = [
    history.part`converted = 1 and currency = ${scope.currency}`,
    history.part`at >= ${bound(scope.period.from, scope)} and at < ${bound(scope.period.to, scope)} + interval 1 day`,
  ]
  if (scope.soldVia !== undefined) conditions.push(history.part`sold_via = ${scope.soldVia}`)
  if (scope.chosen !== undefined) conditions.push(amongChosen(history, scope.chosen))
  return history.part`(select * from measurement.path final where ${history.join(conditions, 'and')})`

  function bound(day: string, { timeZone }: Scope): HistoryPart {
    return history.part`toDateTime(${day}, ${timeZone})`
  }
}

type Figure = `${RuleModel}_${'orders' | 'value' | 'squares' | 'products'}`
/** Per rule: orders, value, and over teams the sums of value² and of value × the team's whole value. */
export type CreditSums = { channel: string; label: string; touches: number; persons: number } & {
  [Name in Figure]: number
}

const ruleModels: RuleModel[] = ['first', 'last', 'last_nondirect', 'linear', 'position', 'position_w', 'decay']

/**
 * Persons fall into teams by chance. What varies between teams tells how exact a share is, as what varies between
 * persons would (orders of one person are not independent, orders of two teams are), and teams are few.
 */
const teamOf = 'sipHash64(person) % 1024'

/** Orders and value per channel (and campaign, message …) under every rule in one pass, with what the interval of a share needs. */
export async function creditSums(history: History, scope: Scope, by: CreditBy): Promise<CreditSums[]> {
  const list = (each: (model: RuleModel, index: number) => string) => sqlOf(history, ruleModels.map(each).join(', '))
  // Tools write one name in capitals and not; the variant with capitals sorts first and is shown.
  return history.rows<CreditSums>`
    select toString(t_channel) as channel, min(name) as label, sum(touches) as touches, sum(persons) as persons,
      ${list((m) => `sum(o_${m}) as ${m}_orders, sum(v_${m}) as ${m}_value, sum(v_${m} * v_${m}) as ${m}_squares, sum(v_${m} * whole) as ${m}_products`)}
    from (
      -- Every rule gives away the whole value.
      select *, sum(v_last) over (partition by team) as whole from (
        select ${sqlOf(history, teamOf)} as team, t_channel, min(t_label) as name, lowerUTF8(t_label) as folded,
          count() as touches, uniqExact(sipHash64(person)) as persons,
          ${list((m, index) => `sum(w${index} * part) as o_${m}, sum(w${index} * part * value) as v_${m}`)}
        from (
          select person, part, value, t_channel, ${by === 'keyword' ? history.part`k.term` : history.part`t_label`} as t_label,
            ${list((_, index) => `w${index}`)}
          from (
            select person, part, value, t_channel, t_label, ${list((_, index) => `w${index}`)}
            from (select *, ${weights(history)} from ${splitBy(history, scope, by)} where notEmpty(touch_at))
            array join touch_channel as t_channel, ${labelsOf(history, by)} as t_label,
              ${list((m, index) => `by_${m} as w${index}`)}
          ) as t ${by === 'keyword' ? history.part`left any join ${keywords(history, scope)} as k on t.t_label = k.id` : history.part``}
        ) group by team, t_channel, folded
      )
    ) group by channel, folded`
}

const sqlOf = (history: History, text: string): HistoryPart => history.part(writtenSql(text))

function labelsOf(history: History, by: CreditBy): HistoryPart {
  switch (by) {
    case 'channel':
      return history.part`arrayMap(c -> '', touch_channel)`
    case 'campaign':
      return history.part`arrayMap(k -> toString(k), touch_campaign)`
    case 'message':
      return history.part`touch_message`
    case 'keyword':
      return history.part`arrayMap(e -> toString(e), touch_event)`
    case 'store':
      return history.part`arrayMap(c -> toString(place), touch_channel)`
    case 'brand':
      return history.part`arrayMap(c -> brand, touch_channel)`
  }
}

/** Orders of the scope; by brand each order is cut into its brands, by what their lines cost. */
function splitBy(history: History, scope: Scope, by: CreditBy): HistoryPart {
  if (by !== 'brand') return history.part`(select *, 1 as part from ${ordered(history, scope)})`
  return history.part`(
    select p.*, if(b.id = toUUID('00000000-0000-0000-0000-000000000000'), 1, b.part) as part, b.brand as brand
    from ${ordered(history, scope)} as p left join (
      select id, brand, sum(cost) as amount, amount / greatest(sum(amount) over (partition by id), 0.000001) as part
      from (
        select id, JSONExtractString(line, 'brand') as brand,
          greatest(JSONExtractFloat(line, 'price'), 0.01) * greatest(JSONExtractFloat(line, 'quantity'), 1) as cost
        from (
          select id, arrayJoin(JSONExtractArrayRaw(properties, 'products')) as line from (
            select id, properties from ingest.event
            where name = 'Order Completed' and at >= toDateTime(${scope.period.from}, ${scope.timeZone})
              and at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day limit 1 by id
          )
        )
      ) group by id, brand
    ) as b on p.event = b.id
  )`
}

/** The search words of visits, as campaign links carry them. */
function keywords(history: History, scope: Scope): HistoryPart {
  return history.part`(
    select toString(id) as id, any(JSONExtractString(context, 'campaign', 'term')) as term from ingest.event
    where JSONHas(context, 'campaign', 'term') and at >= toDateTime(${scope.period.from}, ${scope.timeZone}) - interval 120 day
    group by id
  )`
}

function amongChosen(history: History, chosen: number): HistoryPart {
  return history.part`person in (select person from measurement.chosen where load = ${chosen})`
}

export type ScopeTotals = {
  orders: number
  revenue: number
  touched_orders: number
  touched_revenue: number
  unknown_orders: number
  unknown_revenue: number
  /** Σ over teams of (value of their touched orders)². */
  whole_squares: number
}

export async function scopeTotals(history: History, scope: Scope): Promise<ScopeTotals> {
  const [row] = await history.rows<ScopeTotals>`
    select sum(n) as orders, sum(v) as revenue, sum(tn) as touched_orders, sum(tv) as touched_revenue,
      sum(un) as unknown_orders, sum(uv) as unknown_revenue, sum(toFloat64(tv) * tv) as whole_squares
    from (
      select count() as n, sum(value) as v, countIf(notEmpty(touch_at)) as tn, sumIf(value, notEmpty(touch_at)) as tv,
        countIf(not known) as un, sumIf(value, not known) as uv
      from ${ordered(history, scope)} group by ${sqlOf(history, teamOf)}
    )`
  const none = {
    orders: 0,
    revenue: 0,
    touched_orders: 0,
    touched_revenue: 0,
    unknown_orders: 0,
    unknown_revenue: 0,
    whole_squares: 0,
  }
  return row ?? none
}

/** Currencies with orders in the period, the most frequent first. */
export async function currenciesIn(history: History, period: Period, timeZone: string): Promise<string[]> {
  const rows = await history.rows<{ currency: string }>`
    select currency from measurement.path final
    where converted = 1 and at >= toDateTime(${period.from}, ${timeZone}) and at < toDateTime(${period.to}, ${timeZone}) + interval 1 day
    group by currency order by count() desc, currency`
  return rows.map((row) => row.currency)
}

export type WeekSums = { week: string; channel: string; orders: number; value: number }

/** Credited orders and value per week and channel under one rule. */
export async function creditByWeek(history: History, scope: Scope, model: RuleModel): Promise<WeekSums[]> {
  const shares = {
    first: 'by_first',
    last: 'by_last',
    last_nondirect: 'by_last_nondirect',
    linear: 'by_linear',
    position: 'by_position',
    position_w: 'by_position_w',
    decay: 'by_decay',
  }
  const column = history.part(writtenSql(shares[model]))
  return history.rows<WeekSums>`
    select toString(toMonday(toDate(at, ${scope.timeZone}))) as week, toString(t_channel) as channel, sum(share) as orders,
      sum(share * value) as value
    from (
      select at, value, t_channel, share from (
        select at, value, touch_channel, ${weights(history)}
        from ${ordered(history, scope)} where notEmpty(touch_at)
      ) array join touch_channel as t_channel, ${column} as share
    ) where share > 0 group by week, channel order by week, channel`
}

export type SoldSums = { week: string; sold_via: SoldVia; orders: number; revenue: number }

export async function soldByWeek(history: History, scope: Scope): Promise<SoldSums[]> {
  return history.rows<SoldSums>`
    select toString(toMonday(toDate(at, ${scope.timeZone}))) as week, sold_via, count() as orders, sum(value) as revenue
    from ${ordered(history, scope)} group by week, sold_via order by week, sold_via`
}

/**
 * All paths of the scope, equal ones added up, for the models that look at everything at once. Paths without an order
 * count when their last touch lies in the period.
 */
export async function pathsIn(history: History, scope: Scope, by: 'channel' | 'campaign' | 'message'): Promise<Paths> {
  const steps =
    by === 'channel'
      ? history.part`arrayMap(c -> toString(c), touch_channel)`
      : history.part`arrayMap((c, k) -> concat(c, '/', lowerUTF8(k)), touch_channel, ${by === 'campaign' ? history.part`touch_campaign` : history.part`touch_message`})`
  const chosen = scope.chosen === undefined ? history.part`true` : amongChosen(history, scope.chosen)
  const sold =
    scope.soldVia === undefined ? history.part`true` : history.part`(converted = 0 or sold_via = ${scope.soldVia})`
  const rows = await history.rows<{ steps: string[]; conversions: number; value: number; nulls: number }>`
    select arrayCompact(${steps}) as steps, countIf(converted = 1) as conversions, sum(value) as value,
      countIf(converted = 0) as nulls
    from measurement.path final
    where notEmpty(touch_at) and (converted = 0 or currency = ${scope.currency}) and ${sold} and ${chosen}
      and at >= toDateTime(${scope.period.from}, ${scope.timeZone})
      and at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day
    group by steps`
  const collector = collectPaths()
  for (const row of rows) {
    for (const step of row.steps) collector.touch(collector.channel(step))
    collector.row(Number(row.conversions), Number(row.value), Number(row.nulls))
  }
  return collector.paths()
}

export type PathSums = {
  steps: string[]
  orders: number
  revenue: number
  without_order: number
  median_days: number | null
}

/** The most frequent ways to an order and how many went there in vain. */
export async function frequentPaths(
  history: History,
  scope: Scope,
  limit: number,
): Promise<{ paths: PathSums[]; rest: Omit<PathSums, 'steps' | 'median_days'> & { paths: number } }> {
  const all = history.part`
    select arrayCompact(arrayMap(c -> toString(c), touch_channel)) as steps, countIf(converted = 1) as orders,
      sum(value) as revenue, countIf(converted = 0) as without_order,
      quantileIf(0.5)(dateDiff('second', touch_at[1], at) / 86400, converted = 1) as median_days
    from measurement.path final
    where notEmpty(touch_at) and (converted = 0 or currency = ${scope.currency})
      and at >= toDateTime(${scope.period.from}, ${scope.timeZone})
      and at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day
    group by steps`
  const [paths, [sum]] = await Promise.all([
    history.rows<PathSums>`select * from (${all}) where orders > 0 order by orders desc, steps limit ${limit}`,
    history.rows<{ paths: number; orders: number; revenue: number; without_order: number }>`
      select count() as paths, sum(orders) as orders, sum(revenue) as revenue, sum(without_order) as without_order from (${all})`,
  ])
  const taken = (figure: 'orders' | 'revenue' | 'without_order') =>
    Number(sum?.[figure] ?? 0) - paths.reduce((total, path) => total + Number(path[figure]), 0)
  return {
    paths,
    rest: {
      paths: Number(sum?.paths ?? 0) - paths.length,
      orders: taken('orders'),
      revenue: taken('revenue'),
      without_order: taken('without_order'),
    },
  }
}

export type PathRowOut = {
  person: string
  at: string
  event: string
  converted: number
  order_no: string
  value: number
  returned: number
  currency: string
  sold_via: SoldVia
  place: string
  first: number
  touch_at: string[]
  touch_event: string[]
  touch_channel: string[]
  touch_campaign: string[]
  touch_kind: string[]
  touch_message: string[]
}

const pathColumns = `person, at, event, converted, order_no, value, returned, currency, sold_via, place, first, touch_at,
  touch_event, touch_channel, touch_campaign, touch_kind, touch_message`

type OrdersAsked = Omit<Scope, 'currency' | 'chosen'> & {
  channel?: string | undefined
  campaign?: string | undefined
  message?: string | undefined
  place?: string | undefined
  model: RuleModel
}

/** Orders behind a figure, newest first. */
export async function ordersIn(
  history: History,
  asked: OrdersAsked,
  after: { at: string; event: string } | null,
  limit: number,
): Promise<PathRowOut[]> {
  const columns = history.part(writtenSql(pathColumns))
  const further =
    after === null
      ? history.part`true`
      : history.part`(at, event) < (${typed("DateTime64(3, 'UTC')", after.at)}, ${typed('UUID', after.event)})`
  return history.rows<PathRowOut>`
    select ${columns} from ${creditedOrders(history, asked)} where ${further} order by at desc, event desc limit ${limit}`
}

/** Persons behind the same orders, and how many each has. */
export async function buyersIn(history: History, asked: OrdersAsked): Promise<{ person: PersonId; orders: number }[]> {
  const rows = await history.rows<{ person: PersonId; orders: number }>`
    select person, count() as orders from ${creditedOrders(history, asked)} group by person`
  return rows.map((row) => ({ person: row.person, orders: Number(row.orders) }))
}

/** A channel, campaign or message must have got credit under the rule. */
function creditedOrders(history: History, asked: OrdersAsked): HistoryPart {
  const share = history.part(writtenSql(`by_${asked.model}`))
  const conditions = [
    history.part`at >= toDateTime(${asked.period.from}, ${asked.timeZone}) and at < toDateTime(${asked.period.to}, ${asked.timeZone}) + interval 1 day`,
  ]
  if (asked.soldVia !== undefined) conditions.push(history.part`sold_via = ${asked.soldVia}`)
  if (asked.place !== undefined) conditions.push(history.part`place = ${asked.place}`)
  if (asked.message !== undefined)
    conditions.push(
      history.part`arrayExists((message, share) -> message = ${asked.message} and share > 0, touch_message, ${share})`,
    )
  if (asked.channel !== undefined) {
    conditions.push(
      asked.campaign === undefined
        ? history.part`arrayExists((channel, share) -> channel = ${asked.channel} and share > 0, touch_channel, ${share})`
        : history.part`arrayExists((channel, campaign, share) -> channel = ${asked.channel} and lowerUTF8(campaign) = ${asked.campaign.toLowerCase()} and share > 0,
            touch_channel, touch_campaign, ${share})`,
    )
  }
  return history.part`(select * from (select *, ${weights(history)} from measurement.path final where converted = 1)
    where ${history.join(conditions, 'and')})`
}

/** Everything of one person: orders with their touches, and touches that led to none so far. */
export async function pathsOf(history: History, person: string): Promise<PathRowOut[]> {
  const columns = history.part(writtenSql(pathColumns))
  return history.rows<PathRowOut>`
    select ${columns} from measurement.path final where person = ${typed('UUID', person)} order by at desc, event desc limit 500`
}
