import type { api, SourceId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { internalSlug } from '../../source.ts'
import type { Share } from './score.ts'

type Report = api.ingest.QualityReport

export type SourceFigures = {
  source: SourceId
  sourceName: string
  lastAt: Date | null
  firstAt: Date | null
  activeMinutes: number
  received: number
  duplicates: number
  /** Minutes of the last week in which it was watched, and those of an open alarm of volume or silence. */
  watched: number
  troubled: number
  /** Items of the week that a live plan judged, and what it did not like. */
  planned: number
  violating: number
  alarms: number
}

const learning = 14

/** What ingest itself knows of each source, over the last seven days. */
export function sourceFigures(database: Database, at: Date): Promise<SourceFigures[]> {
  return database.rows<SourceFigures>`
    with span as (select ${at}::timestamptz - interval '7 days' as begun, ${at}::timestamptz as ends),
      arrived as (
        select source, sum(minutes) as minutes, sum(items) as items from ingest.arrival, span
        where hour >= begun and series = 'source' group by 1),
      counted as (
        select source, sum(received) as received, sum(duplicates) as duplicates, sum(accepted) as accepted
        from ingest.counter, span where hour >= begun group by 1),
      alarmed as (
        select source, count(*) filter (where closed_at is null) as open,
          sum(extract(epoch from least(coalesce(closed_at, ends), ends) - greatest(since, begun)) / 60)
            filter (where code in ('stream.silence', 'stream.volume')) as minutes
        from ingest.alarm, span where coalesce(closed_at, ends) > begun and since < ends group by 1),
      disliked as (
        select source, sum(count) as items from ingest.finding, span where hour >= begun and code like 'plan.%' group by 1)
    select source.id as source, source.name as "sourceName", source.last_received_at as "lastAt",
      series.first_at as "firstAt", coalesce(arrived.minutes, 0)::int as "activeMinutes",
      coalesce(counted.received, 0)::bigint as received, coalesce(counted.duplicates, 0)::bigint as duplicates,
      case when series.first_at is null then 0 else greatest(0, extract(epoch from ends
        - greatest(begun, series.first_at + make_interval(days => ${learning}))) / 60) end::float8 as watched,
      coalesce(alarmed.minutes, 0)::float8 as troubled, coalesce(alarmed.open, 0)::int as alarms,
      case when live.source is null then 0 else coalesce(counted.accepted, 0) end::bigint as planned,
      coalesce(disliked.items, 0)::bigint as violating
    from ingest.source cross join span
    left join ingest.series on series.source = source.id and series.series = 'source'
    left join arrived on arrived.source = source.id
    left join counted on counted.source = source.id
    left join alarmed on alarmed.source = source.id
    left join disliked on disliked.source = source.id
    left join (select distinct source from ingest.plan where state = 'live') as live on live.source = source.id
    where slug <> ${internalSlug} order by source.name, source.id`
}

/** Time without an alarm of volume or silence, of the time in which the source was watched. */
export function freshnessOf(figures: readonly SourceFigures[]): Share {
  const of = figures.reduce((sum, { watched }) => sum + watched, 0)
  const lost = figures.reduce((sum, { watched, troubled }) => sum + Math.min(watched, troubled), 0)
  return { count: of - lost, of }
}

export function conformityOf(figures: readonly SourceFigures[]): Share {
  const of = figures.reduce((sum, { planned }) => sum + planned, 0)
  const disliked = figures.reduce((sum, { planned, violating }) => sum + Math.min(planned, violating), 0)
  return { count: of - disliked, of }
}

/** Seconds from arrival to the profile, over the last arrivals. */
export async function delayOf(database: Database): Promise<{ p50: number; p95: number } | null> {
  const row = await database.row<{ p50: number | null; p95: number | null }>`
    select percentile_cont(0.5) within group (order by seconds) as p50,
      percentile_cont(0.95) within group (order by seconds) as p95
    from (select greatest(0, extract(epoch from batch.applied_at - inbox.received_at)) as seconds
      from (select received_at, batch from ingest.inbox where batch is not null and day >= platform.now()::date - 1
        order by day desc, seq desc limit 2000) as inbox
      join ingest.batch on batch.id = inbox.batch) as last`
  return row?.p50 === null || row?.p95 === null || !row ? null : { p50: row.p50, p95: row.p95 }
}

/** Stores that had receipts by this time on the same day of last week, and none today. */
export function silentStores(database: Database, at: Date, midnight: Date): Promise<{ store: string; lastAt: Date }[]> {
  return database.rows<{ store: string; lastAt: Date }>`
    select substr(series.series, 7) as store, max(series.last_at) as "lastAt" from ingest.series
    where series.series like 'place:%' and exists (select from ingest.arrival
        where arrival.source = series.source and arrival.series = series.series
          and hour >= ${midnight}::timestamptz - interval '7 days' and hour < ${at}::timestamptz - interval '7 days 1 hour')
    group by 1 having max(series.last_at) < ${midnight} order by 1`
}

export type ProblemRow = {
  source: string
  sourceName: string
  code: string
  path: string
  action: string
  items: number
  people: number | null
  turnover: number
  since: Date
  lastAt: Date
  group: string | null
}

/** The findings of the last seven days that touch most people and turnover; repairs and repeats are no problem. */
export function problemRows(database: Database, at: Date): Promise<ProblemRow[]> {
  return database.rows<ProblemRow>`
    with found as (
        select source, code, path, action, sum(count) as items, sum(value) as turnover, max(last_at) as last_at
        from ingest.finding
        where hour >= ${at}::timestamptz - interval '7 days' and action in ('flag', 'strip', 'quarantine')
        group by 1, 2, 3, 4),
      waiting as (
        select source, coalesce(nullif(check_code, ''), code) as code, count(distinct nullif(person, '')) as people,
          mode() within group (order by group_key) as group_key
        from ingest.quarantine where status in ('open', 'patched') group by 1, 2)
    select found.source, source.name as "sourceName", found.code, found.path, found.action, found.items::bigint as items,
      case when found.action = 'quarantine' then waiting.people end as people, found.turnover::bigint as turnover,
      (select min(hour) from ingest.finding as first where (first.source, first.code, first.path, first.action)
        = (found.source, found.code, found.path, found.action)
        and first.hour >= ${at}::timestamptz - interval '91 days') as since,
      found.last_at as "lastAt", case when found.action = 'quarantine' then waiting.group_key end as group
    from found join ingest.source on source.id = found.source
    left join waiting on waiting.source = found.source and waiting.code = found.code
    order by coalesce(waiting.people, 0) desc, found.turnover desc, found.items desc, found.source, found.code, found.path limit 10`
}

export async function planFigures(database: Database, at: Date): Promise<Report['plan']> {
  const violations = await database.rows<{ code: string; items: number }>`
    select code, sum(count)::bigint as items from ingest.finding
    where hour >= ${at}::timestamptz - interval '7 days' and code like 'plan.%' group by 1 order by 2 desc, 1`
  const unplanned = await database.rows<{ source: string; sourceName: string; name: string; firstAt: Date }>`
    select series.source, source.name as "sourceName", substr(series, 7) as name, first_at as "firstAt"
    from ingest.series join ingest.source on source.id = series.source
    where series like 'event:%' and slug <> ${internalSlug}
      and not exists (select from ingest.plan where plan.source = series.source and state = 'live'
        and strpos(document, '"' || substr(series, 7) || '"') > 0)
      and first_at > ${at}::timestamptz - interval '28 days'
    order by first_at desc, name limit 50`
  const [planned] = await database.rows<{ count: number; of: number }>`
    select coalesce(sum(accepted), 0)::bigint as of, coalesce(sum(accepted) filter (where exists (select from ingest.plan
        where plan.source = counter.source and state = 'live')), 0)::bigint
      - coalesce((select sum(count) from ingest.finding
        where hour >= ${at}::timestamptz - interval '7 days' and code = 'plan.unplanned_event' and action <> 'quarantine'), 0)::bigint as count
    from ingest.counter join ingest.source on source.id = counter.source
    where hour >= ${at}::timestamptz - interval '7 days' and slug <> ${internalSlug}`
  return {
    planned: { count: Math.max(0, planned?.count ?? 0), of: planned?.of ?? 0 },
    violations,
    unplanned: unplanned.map((row) => ({ ...row, firstAt: row.firstAt.toISOString() })),
  }
}
