import type { AnswerOf, api, SourceId } from '@einklang/contract'
import type { Clock, Database, History } from '@einklang/platform'
import type { Plan, PlanType } from './document.ts'
import { classOf } from './learn.ts'
import { observe, type Seen } from './observe.ts'
import { partOf } from './rows.ts'
import { storedPlan } from './store.ts'
import { masked } from './violations.ts'

const day = 86_400_000
const trendDays = 28
/** The latest events of a name that are looked at for its properties. */
const mostLooked = 20_000
const mostExamples = 3

type SeenEvent = AnswerOf<typeof api.ingest.seenEvents>['items'][number]
type Needs = { database: Database; history: History; clock: Clock }

/** Every event name per source from the table by months; the trend reads three narrow columns of the last weeks. */
export async function seenEvents(
  needs: Needs,
  query: {
    source?: SourceId | undefined
    q?: string | undefined
    planned?: SeenEvent['planned'] | undefined
    after?: string | undefined
    limit: number
  },
): Promise<AnswerOf<typeof api.ingest.seenEvents>> {
  const { history, database, clock } = needs
  const midnight = Math.floor(clock.now().getTime() / day) * day
  const since = new Date(midnight - (trendDays - 1) * day)
  const [names, days, sources, plans] = await Promise.all([
    history.rows<{
      kind: string
      name: string
      sourceName: string
      count: number
      firstAt: string
      lastAt: string
      properties: string[]
    }>`
      select kind, if(kind in ('identify', 'group'), '', name) as name, source_name as sourceName, sum(events) as count,
        min(first_at) as firstAt, max(last_at) as lastAt, argMaxMerge(event_name.properties) as properties
      from ingest.event_name group by kind, name, source_name order by count desc, name limit 10000`,
    history.rows<{ kind: string; name: string; sourceName: string; slot: number; count: number }>`
      select kind, if(kind in ('identify', 'group'), '', name) as name, source_name as sourceName,
        dateDiff('day', toDate(${since}), toDate(at)) as slot, count() as count
      from ingest.event where at >= ${since} group by kind, name, source_name, slot`,
    database.rows<{ id: SourceId; name: string }>`select id, name from ingest.source`,
    livePlans(database),
  ])
  const trends = new Map<string, number[]>()
  for (const { kind, name, sourceName, slot, count } of days) {
    const key = JSON.stringify([kind, name, sourceName])
    const trend = trends.get(key) ?? Array.from({ length: trendDays }, () => 0)
    if (slot >= 0 && slot < trendDays) trend[slot] = (trend[slot] ?? 0) + count
    trends.set(key, trend)
  }
  const idOf = new Map(sources.map(({ id, name }) => [name, id]))
  const q = query.q?.toLowerCase()
  const items = names
    .map((row): SeenEvent => {
      const source = idOf.get(row.sourceName) ?? null
      return {
        ...row,
        source,
        firstAt: new Date(row.firstAt).toISOString(),
        lastAt: new Date(row.lastAt).toISOString(),
        trend:
          trends.get(JSON.stringify([row.kind, row.name, row.sourceName])) ??
          Array.from({ length: trendDays }, () => 0),
        properties: row.properties.filter((name) => name !== 'minor').toSorted(),
        planned: plannedBy(source === null ? undefined : plans.get(source), row.kind, row.name),
      }
    })
    .filter(
      (row) =>
        (query.source === undefined || row.source === query.source) &&
        (query.planned === undefined || row.planned === query.planned) &&
        (q === undefined ||
          q === '' ||
          row.name.toLowerCase().includes(q) ||
          row.properties.some((name) => name.toLowerCase().includes(q))),
    )
  const from = Number(query.after ?? 0)
  return { items: items.slice(from, from + query.limit), total: items.length }
}

async function livePlans(database: Database): Promise<Map<SourceId, Plan>> {
  const rows = await database.rows<{ source: SourceId; document: string }>`
    select source, document from ingest.plan where state = 'live'`
  return new Map(rows.map(({ source, document }) => [source, storedPlan(document)]))
}

function plannedBy(plan: Plan | undefined, kind: string, name: string): SeenEvent['planned'] {
  const part = partOf[kind]
  if (!plan || part === undefined || plan[part] === null) return 'no_plan'
  if (part !== 'events') return 'yes'
  return plan.events?.has(plan.aliases.get(name) ?? name) ? 'yes' : 'no'
}

/** Properties of one event with types, how often they are filled, and what stands in them. */
export async function seenProperties(
  needs: Needs,
  query: { source: SourceId; kind: string; name: string; days: number },
  mayRead: boolean,
): Promise<Omit<AnswerOf<typeof api.ingest.seenEventOf>, 'uses'>> {
  const { history, database, clock } = needs
  const since = new Date(clock.now().getTime() - query.days * day)
  const which = history.part`source = toUUID(${query.source}) and received_at >= ${since} and kind = ${query.kind}
    and ${query.kind === 'identify' || query.kind === 'group' ? history.part`1` : history.part`name = ${query.name}`}`
  const events = history.part`select name, properties, context from ingest.event where ${which} limit ${mostLooked}`
  const [seen, counted, plans] = await Promise.all([
    observe(
      history,
      query.kind,
      query.kind === 'track' ? events : history.part`select '' as name, properties, context from (${events})`,
    ),
    history.rows<{ count: number }>`select least(count(), ${mostLooked}) as count from ingest.event where ${which}`,
    livePlans(database),
  ])
  const total = counted[0]?.count ?? 0
  const objects = new Map(seen.map((one) => [JSON.stringify(one.path), one.types.object]))
  const planned = plannedPaths(plans.get(query.source), query.kind, query.name)
  const properties = seen
    .filter(({ path }) => path[0] !== 'minor' || query.kind !== 'track')
    .map((one) => {
      const holder = one.path.slice(0, -1)
      const of = holder.length === 0 ? total : (objects.get(JSON.stringify(holder)) ?? 0)
      const isItem = one.path.at(-1) === '[]'
      const path = one.path.join('.').replaceAll('.[]', '[]')
      const dataClass = classOf(one.path.findLast((step) => step !== '[]') ?? '', one)
      return {
        path,
        types: sharesOf(one),
        filled: isItem || of === 0 ? 1 : Math.min(1, (one.count - one.types.null) / of),
        distinct: one.different,
        class: dataClass,
        examples: one.texts
          .filter((text) => text.trim() !== '')
          .toSorted()
          .slice(0, mostExamples)
          .map((text) => (mayRead || dataClass === 'none' ? text : masked(text))),
        planned: planned.has(path),
      }
    })
    .toSorted((one, other) => (one.path < other.path ? -1 : 1))
  return { events: total, properties, masked: !mayRead }
}

function sharesOf({ types, count }: Seen): { type: PlanType; share: number }[] {
  const { integer, number, ...others } = types
  const shares: [PlanType, number][] = [
    ...(Object.entries(others) as [PlanType, number][]),
    ...(number === 0 ? [] : [[integer === number ? 'integer' : 'number', number] as [PlanType, number]]),
  ]
  return shares
    .filter(([, times]) => times > 0)
    .map(([type, times]) => ({ type, share: times / count }))
    .toSorted((one, other) => other.share - one.share)
}

function plannedPaths(plan: Plan | undefined, kind: string, name: string): Set<string> {
  const part = partOf[kind]
  const call = !plan || !part ? null : part === 'events' ? plan.events?.get(plan.aliases.get(name) ?? name) : plan[part]
  const paths = new Set<string>()
  const walk = (node: NonNullable<typeof call>['root'], path: string) => {
    for (const [inner, property] of node.properties) {
      const at = path === '' ? inner : `${path}.${inner}`
      paths.add(at)
      walk(property, at)
    }
    if (node.items) {
      paths.add(`${path}[]`)
      walk(node.items, `${path}[]`)
    }
  }
  if (call) walk(call.root, '')
  return paths
}
