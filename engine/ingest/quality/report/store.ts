import type { Database } from '@einklang/platform'
import type { KeptReport } from './report.ts'
import { usualWeights, type Weights } from './score.ts'

const weeksKept = 56

/** Keeps a report as the last one; of each week the last one stays. */
export async function keepReport(tx: Database, report: KeptReport): Promise<void> {
  await tx.run`
    insert into ingest.quality_report (at, week, report)
    values (${report.asOf}::timestamptz, date_trunc('week', ${report.asOf}::timestamptz)::date, ${tx.json(report)})
    on conflict (at) do update set report = excluded.report`
  await tx.run`
    delete from ingest.quality_report as old
    where exists (select from ingest.quality_report as newer where newer.week = old.week and newer.at > old.at)
      or week < (${report.asOf}::timestamptz - make_interval(weeks => ${weeksKept}))::date`
}

export async function lastReport(database: Database): Promise<KeptReport | null> {
  const row = await database.row<{ report: KeptReport }>`
    select report from ingest.quality_report order by at desc limit 1`
  return row?.report ?? null
}

export type WeekRow = {
  week: string
  score: KeptReport['score']
  reachable: { channel: string; reachable: number | null }[]
}

/** The last report of each of the last 13 weeks, oldest first: what the trends show. */
export function weekRows(database: Database): Promise<WeekRow[]> {
  return database.rows<WeekRow>`
    select distinct on (week) to_char(week, 'YYYY-MM-DD') as week, report -> 'score' as score,
      jsonb_path_query_array(report, '$.reachable[*]') as reachable
    from ingest.quality_report
    where week > (select max(week) from ingest.quality_report) - 91 order by week, at desc`
}

/** The last report before a day. */
export async function reportBefore(database: Database, day: string): Promise<KeptReport | null> {
  const row = await database.row<{ report: KeptReport }>`
    select report from ingest.quality_report where week < ${day}::date order by at desc limit 1`
  return row?.report ?? null
}

export async function readWeights(database: Database): Promise<Weights> {
  const row = await database.row<{ weights: Weights }>`select weights from ingest.quality_setting`
  return row?.weights ?? usualWeights
}

export async function writeWeights(tx: Database, weights: Weights): Promise<void> {
  await tx.run`
    insert into ingest.quality_setting (weights) values (${tx.json(weights)})
    on conflict (single) do update set weights = excluded.weights`
}

export type Expiring = {
  sourceName: string
  code: string
  items: number
  first: Date
  turnover: number
  currency: string
}

/** What waits and will be given up for its age before then, per source and reason. */
export function expiringBefore(database: Database, until: Date): Promise<Expiring[]> {
  return database.rows<Expiring>`
    select source.name as "sourceName", coalesce(nullif(check_code, ''), code) as code, count(*)::float8 as items,
      min(expires_at) as first, coalesce(sum(turnover), 0)::float8 as turnover,
      coalesce(nullif(max(item.currency), ''), max(source.currency)) as currency
    from ingest.quarantine as item join ingest.source on source.id = item.source
    where status in ('open', 'patched') and expires_at < ${until}
    group by 1, 2 order by count(*) desc, 1, 2 limit 20`
}
