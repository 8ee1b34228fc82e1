import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import type { Scope } from './credit.ts'
import { anOrder, type JourneyRows, journeyRows, noOrder, timeless } from './journey-sums.ts'

type Map = AnswerOf<typeof api.measurement.journeyMap>
export type Flow = { step: number; from: string; to: string }

/** Steps that the picture shows one by one; what comes later goes straight to the end. */
export const shownSteps = 5
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

/** What the map counts, computed from the paths: where no sums are kept for a question. */
export function countedFrom(history: History, scope: Omit<Scope, 'currency' | 'soldVia'>): JourneyRows {
  const conditions = [
    history.part`at >= toDateTime(${scope.period.from}, ${scope.timeZone})`,
    history.part`at < toDateTime(${scope.period.to}, ${scope.timeZone}) + interval 1 day`,
  ]
  if (scope.chosen !== undefined)
    conditions.push(history.part`person in (select person from measurement.chosen where load = ${scope.chosen})`)
  const paths = history.part`select * from measurement.path final where ${history.join(conditions, 'and')}`
  return journeyRows(history, paths, scope.timeZone)
}

type Way = { steps: string[]; paths: number; orders: number }
type Step = { kind: string; origin: string; target: string; count: number; orders: number; times: number[] | null }

/** How people come to an order and what becomes of them after it: one picture of the real ways, and its figures. */
export async function journeyMapOf(history: History, scope: Omit<Scope, 'chosen'>, rows: JourneyRows, limit: number) {
  const conditions = [
    history.part`day between ${typed('Date', scope.period.from)} and ${typed('Date', scope.period.to)}`,
    history.part`(converted = 0 or currency = ${scope.currency})`,
  ]
  if (scope.soldVia !== undefined) conditions.push(history.part`(converted = 0 or sold_via = ${scope.soldVia})`)
  const inScope = history.join(conditions, 'and')
  const [steps, ways] = await Promise.all([stepsIn(history, rows, inScope), waysIn(history, rows, inScope, limit)])
  const entries = steps.filter((row) => row.kind === 'entry')
  const ends = steps.filter((row) => row.kind === 'end')
  const whole = { ways: ways.of, paths: sumOf(entries, 'count'), orders: sumOf(entries, 'orders') }
  const entryOf = (channel: string) => entries.find((row) => row.target === channel)?.count ?? 0
  const between = steps.filter((row) => row.kind === 'step' || row.kind === 'end').slice(0, mostTransitions)
  return {
    flows: flowsOf(ways.frequent, whole),
    drawn: {
      ways: ways.frequent.length,
      of: whole.ways,
      paths: sumOf(ways.frequent, 'paths'),
      ofPaths: whole.paths,
    },
    orders: whole.orders,
    daysToOrder: quartilesIn(steps.find((row) => row.kind === 'whole')?.times ?? null, daySeconds),
    transitions: between
      .filter((row) => row.kind === 'end' || row.origin !== row.target)
      .map((row) => ({ from: row.origin, to: row.target, count: row.count, hours: hoursOf(row) })),
    loops: between
      .filter((row) => row.kind === 'step' && row.origin === row.target)
      .map((row) => ({ channel: row.origin, count: row.count, hours: hoursOf(row) })),
    entries: entries.map((row) => ({ channel: row.target, paths: row.count, orders: row.orders })),
    dropOff: [...globalThis.Map.groupBy(ends, (row) => row.origin)]
      .map(([channel, rows]) => ({
        channel,
        ended: sumOf(rows, 'count'),
        lost: sumOf(
          rows.filter((row) => row.target === noOrder),
          'count',
        ),
      }))
      .sort(
        (left, right) =>
          right.lost - left.lost ||
          entryOf(right.channel) - entryOf(left.channel) ||
          (left.channel < right.channel ? -1 : 1),
      ),
    after: steps
      .filter((row) => row.kind === 'after')
      .map((row) => ({
        next: row.target as Map['after'][number]['next'],
        orders: row.count,
        medianDays: quartilesIn(row.times, daySeconds)?.median ?? null,
      })),
  } satisfies Omit<Map, 'note' | 'period'>
}

const mostTransitions = 2000
const daySeconds = 86_400

const sumOf = <Name extends string>(rows: { [Key in Name]: number }[], name: Name) =>
  rows.reduce((sum, row) => sum + row[name], 0)

function quartilesIn(times: number[] | null, unitSeconds: number): Map['daysToOrder'] {
  if (times === null) return null
  const [lower = 0, median = 0, upper = 0] = times.map((seconds) => seconds / unitSeconds)
  return { lower, median, upper }
}

const hoursOf = ({ times }: Step) => quartilesIn(times, 3600) ?? { lower: 0, median: 0, upper: 0 }

/** Steps of the scope with how long they took: quartiles between the means of classes 9 % apart, in seconds. */
async function stepsIn(history: History, { steps }: JourneyRows, inScope: HistoryPart): Promise<Step[]> {
  const rows = await history.rows<Omit<Step, 'times'> & { timed: number; times: number[] }>`
    select kind, origin, target, sum(n) as count, sum(ordered) as orders, sumIf(n, class != ${timeless}) as timed,
      quantilesInterpolatedWeightedIf(0.25, 0.5, 0.75)(took, weight, class != ${timeless}) as times
    from (
      select kind, origin, target, class, sum(count) as n, sumIf(count, converted = 1) as ordered,
        sum(seconds) / n as took, toUInt64(n) as weight
      from (${steps}) where ${inScope} group by kind, origin, target, class having n > 0
    ) group by kind, origin, target order by count desc, origin, target`
  return rows.map(({ timed, times, ...row }) => ({
    ...row,
    count: Number(row.count),
    orders: Number(row.orders),
    times: Number(timed) === 0 ? null : times,
  }))
}

/** The most frequent ways of the scope, and how many there are. */
async function waysIn(
  history: History,
  { ways }: JourneyRows,
  inScope: HistoryPart,
  limit: number,
): Promise<{ of: number; frequent: Way[] }> {
  const most = history.part(writtenSql(String(limit)))
  const [found] = await history.rows<{ of: number; frequent: [number, string, number][] }>`
    select count() as of,
      arrayMap(way -> (-way.1, toString(way.2), way.3), groupArraySorted(${most})((-n, way, orders))) as frequent
    from (
      select way, sum(paths) as n, sumIf(paths, converted = 1) as orders
      from (${ways}) where ${inScope} group by way having n > 0
    )`
  const frequent = found?.frequent ?? []
  const names = await history.rows<{ way: string; steps: string[] }>`
    select toString(way) as way, any(steps) as steps from (${ways})
    where way in (select toUInt64(arrayJoin(${frequent.map(([, way]) => way)}))) and ${inScope} group by way`
  const stepsOf = new globalThis.Map(names.map((row) => [row.way, row.steps]))
  return {
    of: Number(found?.of ?? 0),
    frequent: frequent.map(([paths, way, orders]) => ({
      steps: stepsOf.get(way) ?? [],
      paths: Number(paths),
      orders: Number(orders),
    })),
  }
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
