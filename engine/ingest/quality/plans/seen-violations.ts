import type { AnswerOf, api, SourceId } from '@einklang/contract'
import type { Clock, Database, History } from '@einklang/platform'
import { clientSql, code } from './rows.ts'

const hour = 3_600_000
const trendParts = 24

type Row = {
  source: SourceId
  sourceName: string
  code: string
  kind: string
  event: string
  path: string
  action: string
  expected: string
  found: string[]
  count: number
  firstAt: string
  lastAt: string
  clients: { [client: string]: number }
  trend: number[]
}

/** What live plans found lately; it rides on the events, so history alone is asked. */
export async function violationsSeen(
  needs: { history: History; database: Database; clock: Clock },
  query: { source?: SourceId | undefined; hours: number; newSince?: string | undefined },
): Promise<AnswerOf<typeof api.ingest.violations>> {
  const { history, database } = needs
  const now = needs.clock.now().getTime()
  const since = new Date(now - query.hours * hour)
  const where = history.part`received_at >= ${since} and ${query.source ? history.part`source = toUUID(${query.source})` : history.part`1`}`
  const part = (query.hours * hour) / trendParts
  const rows = await history.rows<Row>`
    select toString(source) as source, any(source_name) as sourceName, violation.code as code, kind, event, violation.path as path,
      any(violation.action) as action, any(violation.expected) as expected, groupUniqArray(3)(violation.found) as found,
      count() as count, min(received_at) as firstAt, max(received_at) as lastAt,
      sumMap(map(client, toUInt64(1))) as clients,
      arrayMap(slot -> countEqual(groupArray(10000)(place), slot), range(${trendParts})) as trend
    from (
      select source, source_name, kind, if(kind = 'track', name, '') as event, received_at, ${code(history, clientSql)} as client,
        least(${trendParts - 1}, intDiv(toUnixTimestamp64Milli(received_at) - ${since.getTime()}, ${Math.max(1, part)})) as place,
        JSONExtract(context, 'violations', 'Array(Tuple(code String, path String, action String, expected String, found String))') as violations
      from ingest.event where ${where} and arrayExists(one -> startsWith(one, 'plan.'), findings)
    )
    array join violations as violation
    group by source, code, kind, event, path order by count desc limit 500`
  const [totals] = await history.rows<{ events: number; violating: number }>`
    select count() as events, countIf(arrayExists(one -> startsWith(one, 'plan.') and not startsWith(one, 'plan.coerced'), findings)) as violating
    from ingest.event where ${where}`
  const waiting = await database.row<{ count: number }>`
    select count(*)::int as count from ingest.quarantine
    where code = 'schema' and received_at >= ${since} and status in ('open', 'patched')
      and (${query.source ?? null}::uuid is null or source = ${query.source ?? null}::uuid)`
  const newSince = query.newSince ?? null
  const before = newSince === null ? null : await knownBefore(history, query.source, new Date(newSince))
  const items = rows
    .filter((row) => before === null || !before.has(keyOf(row)))
    .map(({ clients, ...row }) => ({
      ...row,
      code: row.code.replace('plan.', '') as 'condition',
      action: row.action as 'flag',
      firstAt: new Date(row.firstAt).toISOString(),
      lastAt: new Date(row.lastAt).toISOString(),
      clients: Object.entries(clients)
        .map(([client, count]) => ({ client, count: Number(count) }))
        .toSorted((one, other) => other.count - one.count)
        .slice(0, 10),
      trend: row.trend.map(Number),
    }))
  return {
    events: totals?.events ?? 0,
    violating: totals?.violating ?? 0,
    quarantined: waiting?.count ?? 0,
    items,
  }
}

function keyOf(row: { source: string; code: string; kind: string; event: string; path: string }): string {
  return JSON.stringify([row.source, row.code, row.kind, row.event, row.path])
}

const lookBackDays = 90

/** Violations that were there before a release; three months back are enough to call one new. */
async function knownBefore(history: History, source: SourceId | undefined, until: Date): Promise<Set<string>> {
  const since = new Date(until.getTime() - lookBackDays * 24 * hour)
  const rows = await history.rows<{ source: string; code: string; kind: string; event: string; path: string }>`
    select distinct toString(e.source) as source, splitByChar(' ', finding)[1] as code, kind, if(kind = 'track', name, '') as event,
      substring(finding, length(code) + 2, length(finding) - length(code) - 2 - length(splitByChar(' ', finding)[-1])) as path
    from ingest.event as e array join findings as finding
    where received_at >= ${since} and received_at < ${until} and startsWith(finding, 'plan.')
      and ${source ? history.part`e.source = toUUID(${source})` : history.part`1`}`
  return new Set(rows.map(keyOf))
}
