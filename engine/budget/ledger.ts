import { kept } from '@einklang/contract'
import { type Clock, type Database, newId } from '@einklang/platform'
import type { RecordRow, Rejected } from '#ingest'
import { keyOf, type Spend, spendOf } from './spend.ts'

/**
 * Takes rows of an import into the ledger. The same line again changes nothing; the same line with other figures is a
 * correction: a new entry that replaces the old one.
 */
export async function takeRows(
  tx: Database,
  rows: RecordRow[],
  needs: { clock: Clock; currency: string; origin: string },
): Promise<Rejected[]> {
  const rejected: Rejected[] = []
  const lines = new Map<string, { row: number; spend: Spend }>()
  for (const { row, fields } of rows) {
    const spend = spendOf(fields, needs.currency)
    if ('reason' in spend) {
      rejected.push({ row, reason: spend.reason })
      continue
    }
    const key = keyOf(spend)
    const earlier = lines.get(key)
    if (earlier === undefined) lines.set(key, { row, spend })
    else if (JSON.stringify(earlier.spend) !== JSON.stringify(spend)) {
      rejected.push({
        row,
        reason: kept('same_line', { row: earlier.row }),
      })
    }
  }
  await record(
    tx,
    [...lines.values()].map(({ spend }) => spend),
    needs,
  )
  return rejected
}

/** Writes lines into the ledger in one statement per step; returns how many were new and how many corrected others. */
export async function record(
  tx: Database,
  lines: Spend[],
  needs: { clock: Clock; origin: string },
): Promise<{ added: number; corrected: number; ids: string[] }> {
  if (lines.length === 0) return { added: 0, corrected: 0, ids: [] }
  const load = await loadFor(tx, needs.origin)
  const given = tx.json(lines.map((line) => ({ id: newId('plan', needs.clock), ...line })))
  const columns = tx.part`as line (id uuid, day date, days smallint, channel text, given_channel text, campaign text, geo text,
    amount bigint, currency char(3), impressions bigint, clicks bigint, reach bigint)`
  // One load after the other, so that two imports of one file cannot both see a line as missing.
  await tx.run`select pg_advisory_xact_lock(731406013)`
  const replaced = await tx.rows<{ id: string }>`
    update budget.spend set replaced_by = line.id
    from jsonb_to_recordset(${given}) ${columns}
    where spend.replaced_by is null and (spend.day, spend.days, spend.channel, spend.given_channel, spend.campaign, spend.geo, spend.currency)
        = (line.day, line.days, line.channel, line.given_channel, line.campaign, line.geo, line.currency)
      and (spend.amount, spend.impressions, spend.clicks, spend.reach) is distinct from (line.amount, line.impressions, line.clicks, line.reach)
    returning line.id`
  const added = await tx.rows<{ id: string }>`
    insert into budget.spend (id, load, day, days, channel, given_channel, campaign, geo, amount, currency, impressions, clicks, reach, recorded_at)
    select id, ${load}, day, days, channel, given_channel, campaign, geo, amount, currency, impressions, clicks, reach, platform.now()
    from jsonb_to_recordset(${given}) ${columns}
    on conflict (day, days, channel, given_channel, campaign, geo, currency) where replaced_by is null do nothing
    returning id`
  return { added: added.length, corrected: replaced.length, ids: added.map((row) => row.id) }
}

/** Chunks of one import arrive within minutes and stand as one load; an entry by hand stands alone. */
async function loadFor(tx: Database, origin: string): Promise<number> {
  const open = origin.startsWith('import')
    ? await tx.row<{ id: number }>`
        update budget.load set last_at = platform.now()
        where id = (select id from budget.load where origin = ${origin} and last_at > platform.now() - interval '10 minutes'
          order by id desc limit 1)
        returning id`
    : undefined
  if (open !== undefined) return open.id
  const fresh = await tx.row<{ id: number }>`
    insert into budget.load (origin, first_at, last_at) values (${origin}, platform.now(), platform.now()) returning id`
  return fresh?.id ?? 0
}

/** Every current entry cut into its days: a weekly amount spreads evenly. */
const byDay = (database: Database) => database.part`(
  select spend.channel, spend.campaign, spend.currency, each::date as day,
    amount::numeric / days as amount, impressions::numeric / days as impressions, clicks::numeric / days as clicks
  from budget.spend, generate_series(spend.day, spend.day + days - 1, interval '1 day') as each
  where replaced_by is null)`

export type SpendSum = {
  channel: string
  campaign: string
  week: string
  amount: number
  impressions: number
  clicks: number
}

export async function spendIn(database: Database, from: string, to: string, currency: string): Promise<SpendSum[]> {
  return database.rows<SpendSum>`
    select channel, campaign, to_char(date_trunc('week', daily.day), 'YYYY-MM-DD') as week, sum(amount)::float8 as amount,
      coalesce(sum(impressions), 0)::float8 as impressions, coalesce(sum(clicks), 0)::float8 as clicks
    from ${byDay(database)} as daily
    where currency = ${currency} and daily.day between ${from}::date and ${to}::date
    group by channel, campaign, week order by week, channel, campaign`
}

export type ToldSum = {
  channel: string
  campaign: string
  /** In the currency asked for. */
  amount: number
  /** Null where no line tells any. */
  impressions: number | null
  /** How many lines tell persons, the most of one line, and their sum: days share their people. */
  told: number
  largest: number | null
  sum: number | null
}

/** What the ledger says of contacts and persons; impressions count by their days, persons of a line whole. */
export async function toldIn(database: Database, from: string, to: string, currency: string): Promise<ToldSum[]> {
  return database.rows<ToldSum>`
    with line as (
      select *, (least(day + days - 1, ${to}::date) - greatest(day, ${from}::date) + 1)::float8 / days as part
      from budget.spend where replaced_by is null and day <= ${to}::date and day + days > ${from}::date
    )
    select channel, min(campaign) as campaign, coalesce(sum(amount * part) filter (where currency = ${currency}), 0)::float8 as amount,
      sum(impressions * part)::float8 as impressions, count(reach)::int as told, max(reach)::float8 as largest, sum(reach)::float8 as sum
    from line group by channel, lower(campaign) order by channel, lower(campaign)`
}

/** Currencies with spend in the period, the largest number of entries first. */
export async function currenciesIn(database: Database, from: string, to: string): Promise<string[]> {
  const rows = await database.rows<{ currency: string }>`
    select currency from budget.spend
    where replaced_by is null and day <= ${to}::date and day + days > ${from}::date
    group by currency order by count(*) desc, currency`
  return rows.map((row) => row.currency)
}

/** First day with spend. */
export async function spendSince(database: Database): Promise<string | null> {
  const row = await database.row<{
    day: string | null
  }>`select to_char(min(day), 'YYYY-MM-DD') as day from budget.spend`
  return row?.day ?? null
}

export type EntryRow = Spend & { id: string; recorded_at: Date; replaced: boolean; origin: string }

export async function entriesOf(
  database: Database,
  filter: { from: string; to: string; channel?: string | undefined; replaced: boolean },
  after: { day: string; id: string } | null,
  limit: number,
): Promise<EntryRow[]> {
  const conditions = [database.part`spend.day <= ${filter.to}::date and spend.day + spend.days > ${filter.from}::date`]
  if (!filter.replaced) conditions.push(database.part`replaced_by is null`)
  if (filter.channel !== undefined) conditions.push(database.part`channel = ${filter.channel}`)
  if (after !== null) conditions.push(database.part`(spend.day, spend.id) < (${after.day}::date, ${after.id}::uuid)`)
  return database.rows<EntryRow>`
    select spend.id, to_char(spend.day, 'YYYY-MM-DD') as day, days, channel, given_channel, campaign, geo, amount,
      currency, impressions, clicks, reach, recorded_at, replaced_by is not null as replaced, origin
    from budget.spend join budget.load on load.id = spend.load
    where ${database.join(conditions, 'and')}
    order by spend.day desc, spend.id desc limit ${limit}`
}

export type LoadRow = {
  id: number
  at: Date
  origin: string
  entries: number
  corrections: number
  from: string
  to: string
  channels: string[]
  amounts: { currency: string; amount: number }[]
}

export async function loadsOf(database: Database, before: number | null, limit: number): Promise<LoadRow[]> {
  return database.rows<LoadRow>`
    select load.id, load.last_at as at, load.origin, sum(entries)::int as entries, sum(corrections)::int as corrections,
      to_char(min(first_day), 'YYYY-MM-DD') as from, to_char(max(last_day), 'YYYY-MM-DD') as to,
      (select array_agg(distinct channel order by channel) from budget.spend where spend.load = load.id) as channels,
      jsonb_agg(jsonb_build_object('currency', currency, 'amount', amount) order by currency) as amounts
    from budget.load join lateral (
      select currency, count(*) as entries, sum(amount)::bigint as amount, min(day) as first_day, max(day + days - 1) as last_day,
        count(*) filter (where exists (select from budget.spend as old where old.replaced_by = spend.id)) as corrections
      from budget.spend where spend.load = load.id group by currency
    ) as part on true
    where ${before}::bigint is null or load.id < ${before}::bigint
    group by load.id order by load.id desc limit ${limit}`
}

export type PlanRow = { month: string; channel: string; currency: string; amount: number; spent: number }

/** Plan and spend per month and channel; months with either. */
export async function planRows(database: Database, from: string, to: string): Promise<PlanRow[]> {
  return database.rows<PlanRow>`
    with spent as (
      select date_trunc('month', daily.day)::date as month, channel, currency, sum(amount) as amount
      from ${byDay(database)} as daily
      where daily.day >= ${`${from}-01`}::date and daily.day < ${`${to}-01`}::date + interval '1 month'
      group by 1, 2, 3
    ), planned as (
      select * from budget.plan where month between ${`${from}-01`}::date and ${`${to}-01`}::date
    )
    select to_char(month, 'YYYY-MM') as month, channel, currency, coalesce(planned.amount, 0) as amount,
      round(coalesce(spent.amount, 0))::bigint as spent
    from planned full join spent using (month, channel, currency)
    order by month, channel, currency`
}

/** The last month with a plan, not before the given one. */
export async function lastPlanned(database: Database, least: string): Promise<string> {
  const row = await database.row<{
    month: string | null
  }>`select to_char(max(month), 'YYYY-MM') as month from budget.plan`
  return row?.month != null && row.month > least ? row.month : least
}

export async function setPlanLines(
  tx: Database,
  lines: { month: string; channel: string; currency: string; amount: number }[],
  by: string,
): Promise<number> {
  const given = tx.json(lines.map((line) => ({ ...line, month: `${line.month}-01` })))
  const columns = tx.part`as line (month date, channel text, currency char(3), amount bigint)`
  await tx.run`
    delete from budget.plan using jsonb_to_recordset(${given}) ${columns}
    where (plan.month, plan.channel, plan.currency) = (line.month, line.channel, line.currency)`
  return tx.run`
    insert into budget.plan (month, channel, currency, amount, set_at, set_by)
    select month, channel, currency, amount, platform.now(), ${by} from jsonb_to_recordset(${given}) ${columns} where amount > 0`
}

/** Share of a month that has passed, 0 before it and 1 after. */
export function elapsedOf(month: string, now: Date): number {
  const start = new Date(`${month}-01T00:00:00Z`)
  const end = new Date(start)
  end.setUTCMonth(end.getUTCMonth() + 1)
  return Math.min(1, Math.max(0, (now.getTime() - start.getTime()) / (end.getTime() - start.getTime())))
}
