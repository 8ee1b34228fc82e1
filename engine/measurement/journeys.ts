import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed } from '@einklang/platform'
import type { Scope } from './credit.ts'

type Map = AnswerOf<typeof api.measurement.journeyMap>
export type Flow = { step: number; from: string; to: string }

/** Steps that the picture shows one by one; what comes later goes straight to the end. */
export const shownSteps = 5
/** End of a way that led to no order, and of one that did. */
export const noOrder = 'no order'
export const anOrder = 'order'
/** Ways that are too rare to be drawn. */
export const otherWays = 'other ways'

const compact = (history: History): HistoryPart => history.part`arrayCompact(arrayMap(c -> toString(c), touch_channel))`

/** Paths of the scope, those without an order by the day of their last touch. */
function scoped(history: History, scope: Scope): HistoryPart {
  const conditions = [
    history.part`notEmpty(touch_at) and (converted = 0 or currency = ${scope.currency})`,
    history.part`at >= toDateTime(${scope.period.from}, ${scope.timeZone})`,
    history.part`at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day`,
  ]
  if (scope.soldVia !== undefined) conditions.push(history.part`(converted = 0 or sold_via = ${scope.soldVia})`)
  if (scope.chosen !== undefined)
    conditions.push(history.part`person in (select person from measurement.chosen where load = ${scope.chosen})`)
  return history.part`(select * from measurement.path final where ${history.join(conditions, 'and')})`
}

type Way = { steps: string[]; paths: number; orders: number }

/** How people come to an order and what becomes of them after it: one picture of the real ways, and its figures. */
export async function journeyMapOf(history: History, scope: Scope, limit: number) {
  const ways = history.part`
    select ${compact(history)} as steps, count() as paths, countIf(converted = 1) as orders
    from ${scoped(history, scope)} group by steps`
  const [frequent, [all], transitions, entries, after] = await Promise.all([
    history.rows<Way>`select * from (${ways}) order by paths desc, steps limit ${limit}`,
    history.rows<{ ways: number; paths: number; orders: number; q1: number; q2: number; q3: number }>`
      select uniqExact(steps) as ways, count() as paths, countIf(converted = 1) as orders,
        quantileIf(0.25)(days, converted = 1) as q1, quantileIf(0.5)(days, converted = 1) as q2, quantileIf(0.75)(days, converted = 1) as q3
      from (select ${compact(history)} as steps, converted, dateDiff('second', touch_at[1], at) / 86400 as days from ${scoped(history, scope)})`,
    history.rows<{ from: string; to: string; count: number; q1: number; q2: number; q3: number }>`
      select step.1 as from, step.2 as to, count() as count, quantile(0.25)(step.3) as q1, quantile(0.5)(step.3) as q2,
        quantile(0.75)(step.3) as q3
      from (
        select arrayJoin(arrayMap((c, d, s, e) -> (toString(c), d, dateDiff('second', s, e) / 3600), touch_channel,
          arrayPushBack(arrayMap(c -> toString(c), arrayPopFront(touch_channel)), if(converted = 1, ${anOrder}, ${noOrder})),
          touch_at, arrayPushBack(arrayPopFront(touch_at), at))) as step
        from ${scoped(history, scope)}
      ) group by from, to order by count desc, from, to limit 2000`,
    history.rows<{ channel: string; paths: number; orders: number; last: number; lost: number }>`
      select channel, sum(entry) as paths, sum(ordered) as orders, sum(ends) as last, sum(lost) as lost from (
        select toString(touch_channel[1]) as channel, count() as entry, countIf(converted = 1) as ordered, 0 as ends, 0 as lost
        from ${scoped(history, scope)} group by channel
        union all
        select toString(touch_channel[-1]) as channel, 0, 0, count(), countIf(converted = 0) from ${scoped(history, scope)} group by channel
      ) group by channel order by paths desc, channel`,
    afterOrder(history, scope),
  ])
  const whole = { ways: Number(all?.ways ?? 0), paths: Number(all?.paths ?? 0), orders: Number(all?.orders ?? 0) }
  const shown = frequent.map((way) => ({ ...way, paths: Number(way.paths), orders: Number(way.orders) }))
  const steps = transitions.map((row) => ({
    from: row.from,
    to: row.to,
    count: Number(row.count),
    hours: { lower: row.q1, median: row.q2, upper: row.q3 },
  }))
  return {
    flows: flowsOf(shown, whole),
    drawn: {
      ways: shown.length,
      of: whole.ways,
      paths: shown.reduce((sum, way) => sum + way.paths, 0),
      ofPaths: whole.paths,
    },
    orders: whole.orders,
    daysToOrder: whole.orders === 0 || all === undefined ? null : { lower: all.q1, median: all.q2, upper: all.q3 },
    transitions: steps.filter((row) => row.from !== row.to),
    loops: steps
      .filter((row) => row.from === row.to)
      .map(({ from, count, hours }) => ({ channel: from, count, hours })),
    entries: entries
      .filter((row) => Number(row.paths) > 0)
      .map((row) => ({ channel: row.channel, paths: Number(row.paths), orders: Number(row.orders) })),
    dropOff: entries
      .filter((row) => Number(row.last) > 0)
      .map((row) => ({ channel: row.channel, ended: Number(row.last), lost: Number(row.lost) }))
      .sort((left, right) => right.lost - left.lost),
    after,
  } satisfies Omit<Map, 'note' | 'period'>
}

/** The picture: how many paths go from a channel at one step to the next, to the order or away. */
export function flowsOf(ways: Way[], whole: { paths: number; orders: number }): Map['flows'] {
  const flows = new globalThis.Map<string, Map['flows'][number]>()
  const add = (flow: Flow, paths: number, orders: number) => {
    if (paths === 0) return
    const key = `${flow.step}\0${flow.from}\0${flow.to}`
    const known = flows.get(key) ?? { ...flow, paths: 0, orders: 0 }
    flows.set(key, { ...known, paths: known.paths + paths, orders: known.orders + orders })
  }
  for (const { steps, paths, orders } of ways) {
    const seen = steps.slice(0, shownSteps)
    for (let step = 0; step + 1 < seen.length; step++)
      add({ step: step + 1, from: seen[step] as string, to: seen[step + 1] as string }, paths, orders)
    const last = { step: seen.length, from: seen.at(-1) as string }
    add({ ...last, to: anOrder }, orders, orders)
    add({ ...last, to: noOrder }, paths - orders, 0)
  }
  const rest = {
    paths: whole.paths - ways.reduce((sum, way) => sum + way.paths, 0),
    orders: whole.orders - ways.reduce((sum, way) => sum + way.orders, 0),
  }
  add({ step: 1, from: otherWays, to: anOrder }, rest.orders, rest.orders)
  add({ step: 1, from: otherWays, to: noOrder }, rest.paths - rest.orders, 0)
  return [...flows.values()].sort((left, right) => left.step - right.step || right.paths - left.paths)
}

/** What a person did next after each order of the period. */
async function afterOrder(history: History, scope: Scope): Promise<Map['after']> {
  const rows = await history.rows<{ next: Map['after'][number]['next']; orders: number; days: number | null }>`
    select multiIf(next_at = toDateTime64(0, 3, 'UTC'), if(returned > 0, 'return', 'nothing'),
        has(next_kinds, 'conversation') and next_converted = 0, 'service', next_converted = 1, 'repeat',
        returned > 0, 'return', 'visit') as next,
      count() as orders, quantileIf(0.5)(dateDiff('second', at, next_at) / 86400, next_at > at) as days
    from (
      select converted, returned, at, currency, person,
        leadInFrame(at, 1, toDateTime64(0, 3, 'UTC')) over w as next_at,
        leadInFrame(converted) over w as next_converted,
        leadInFrame(arrayMap(k -> toString(k), touch_kind)) over w as next_kinds
      from measurement.path final
      where at >= toDateTime(${scope.period.from}, ${scope.timeZone})
        and ${scope.chosen === undefined ? history.part`true` : history.part`person in (select person from measurement.chosen where load = ${scope.chosen})`}
      window w as (partition by person order by at, event rows between current row and 1 following)
    )
    where converted = 1 and currency = ${scope.currency}
      and at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day
    group by next order by orders desc`
  return rows.map((row) => ({
    next: row.next,
    orders: Number(row.orders),
    medianDays: row.next === 'nothing' ? null : row.days,
  }))
}

/** What a path must be to lie on the flow; it has `steps`. */
function onFlow(history: History, flow: Flow): HistoryPart[] {
  const conditions = [history.part`steps[${flow.step}] = ${flow.from}`]
  if (flow.to === anOrder || flow.to === noOrder) {
    conditions.push(history.part`converted = ${flow.to === anOrder ? 1 : 0}`)
    conditions.push(
      history.part`(length(steps) = ${flow.step} or (${flow.step} = ${shownSteps} and length(steps) > ${shownSteps}))`,
    )
  } else conditions.push(history.part`steps[${flow.step + 1}] = ${flow.to}`)
  return conditions
}

/** All who went along one flow, each once. */
export async function everybodyOnFlow(history: History, scope: Scope, flow: Flow): Promise<PersonId[]> {
  const rows = await history.rows<{ person: PersonId }>`
    select distinct person from (
      select person, converted, ${compact(history)} as steps from ${scoped(history, scope)}
    ) where ${history.join(onFlow(history, flow), 'and')} order by person`
  return rows.map((row) => row.person)
}

/** Who went along one flow of the picture, newest first. */
export async function personsOnFlow(
  history: History,
  scope: Scope,
  flow: Flow,
  after: { at: string; event: string } | null,
  limit: number,
): Promise<{ person: string; at: string; event: string; converted: number; value: number; steps: string[] }[]> {
  const conditions = onFlow(history, flow)
  if (after !== null)
    conditions.push(
      history.part`(at, event) < (${typed("DateTime64(3, 'UTC')", after.at)}, ${typed('UUID', after.event)})`,
    )
  return history.rows`
    select person, at, event, converted, value, steps from (
      select person, at, event, converted, value, ${compact(history)} as steps from ${scoped(history, scope)}
    ) where ${history.join(conditions, 'and')} order by at desc, event desc limit ${limit}`
}
