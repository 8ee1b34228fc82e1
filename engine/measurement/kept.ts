import { type AnswerOf, api, kept, minorDigits } from '@einklang/contract'
import { type Caller, type Database, dayIn, type Ground, nameOf } from '@einklang/platform'
import type { Answers, AttributionAnswer, AttributionInput } from './answers.ts'
import type { Audit } from './grouping-desk.ts'
import { addDays, type Period } from './period.ts'
import { refused } from './sayings.ts'

type Routes = typeof api.measurement
type Report = AnswerOf<Routes['keptReports']>['items'][number]

/** Reports as we knew them then. */
export type KeptReports = {
  list(): Promise<AnswerOf<Routes['keptReports']>>
  /** Keeps the report as it stands now; a null caller is the house itself. */
  keep(ask: AttributionInput, by: Caller | null): Promise<{ report: number }>
  /** The report as it stood, and what is told of the same period today. */
  read(report: number): Promise<AnswerOf<Routes['keptReport']>>
  /** Keeps the month before, by channel and by campaign, once. */
  keepLastMonth(): Promise<void>
}

export function createKeptReports(
  { database, clock, config }: Ground,
  { attribution }: Pick<Answers, 'attribution'>,
  audit: Audit | undefined,
): KeptReports {
  async function keep(ask: AttributionInput, by: Caller | null): Promise<{ report: number }> {
    const answer = await attribution(ask)
    const { note, period, totals } = answer
    // What an earlier report said of this one belongs to the reader of that day.
    const bare = { ...answer, note: { ...note, warnings: note.warnings.filter((one) => !one.includes(otherwise)) } }
    return database.transaction(async (tx) => {
      const row = await tx.row<{ report: number }>`
        insert into measurement.kept
          (period_from, period_to, by, sold_via, segment, currency, orders, revenue, as_of, kept_at, kept_by, answer)
        values (${period.from}::date, ${period.to}::date, ${ask.by}, ${ask.soldVia ?? null}, ${ask.segment ?? null}::uuid,
          ${note.currency ?? config.currency}, ${totals.orders}, ${totals.revenue}, ${note.asOf}::timestamptz,
          platform.now(), ${by === null ? null : nameOf(by)}, ${tx.json(bare)})
        returning report::int`
      const report = row?.report ?? 0
      if (by !== null)
        await audit?.(tx, {
          actor: by,
          action: 'measurement.report.kept',
          object: { kind: 'report', id: String(report) },
        })
      return { report }
    })
  }

  return {
    keep,
    async list() {
      return { items: await reportsOf(database, database.part`true`) }
    },
    async read(report) {
      const [told] = await reportsOf(database, database.part`report = ${report}`)
      const row = await database.row<{ answer: AttributionAnswer }>`
        select answer from measurement.kept where report = ${report}`
      if (told === undefined || row === undefined)
        throw refused(404, 'not_found', { say: 'no_report', doInstead: false })
      const { from, to, by, soldVia, segment } = told
      const models = row.answer.models.map(({ model }) => model).join(',')
      const today = await attribution({
        from,
        to,
        by,
        models,
        soldVia: soldVia ?? undefined,
        segment: segment ?? undefined,
      })
      const same = today.note.currency === told.currency
      return {
        report: told,
        answer: row.answer,
        now: same ? { orders: today.totals.orders, revenue: today.totals.revenue, asOf: today.note.asOf } : null,
        changes: same ? changesOf(row.answer, today) : [],
      }
    },
    async keepLastMonth() {
      const to = addDays(`${dayIn(clock.now(), config.timeZone).slice(0, 7)}-01`, -1)
      const from = `${to.slice(0, 7)}-01`
      const done = await database.row`
        select report from measurement.kept
        where kept_by is null and period_from = ${from}::date and period_to = ${to}::date limit 1`
      if (done !== undefined) return
      const models = api.measurement.ruleModels.join(',')
      if ((await attribution({ from, to, by: 'channel', models })).totals.orders === 0) return
      for (const by of ['channel', 'campaign'] as const) await keep({ from, to, by, models }, null)
    },
  }
}

const otherwise = 'stood_otherwise'

/** The sentence that a period was told otherwise before; nothing when it was not. */
export async function stoodOtherwise(
  database: Database,
  ask: { period: Period; soldVia?: string | undefined; segment?: string | undefined; currency: string },
  now: { orders: number; revenue: number },
): Promise<string[]> {
  const { period, currency } = ask
  const row = await database.row<{ report: number; asOf: Date; orders: number; revenue: number }>`
    select report::int, as_of as "asOf", orders::float8 as orders, revenue::float8 as revenue from measurement.kept
    where period_from = ${period.from}::date and period_to = ${period.to}::date and currency = ${currency}
      and sold_via is not distinct from ${ask.soldVia ?? null} and segment is not distinct from ${ask.segment ?? null}::uuid
    order by report desc limit 1`
  if (row === undefined || (row.orders === now.orders && row.revenue === now.revenue)) return []
  const digits = minorDigits(currency)
  const money = (minor: number) => `${(minor / 10 ** digits).toFixed(digits)} ${currency}`
  return [
    kept(otherwise, {
      report: row.report,
      at: row.asOf.toISOString(),
      orders: row.orders,
      revenue: money(row.revenue),
      ordersNow: now.orders,
      revenueNow: money(now.revenue),
    }),
  ]
}

/** Credit that is another today than it was then, the largest change first. */
function changesOf(then: AttributionAnswer, now: AttributionAnswer): AnswerOf<Routes['keptReport']>['changes'] {
  const credits = ({ rows }: AttributionAnswer) =>
    new Map(
      rows.flatMap(({ key, channel, campaign, credits }) =>
        credits.map(({ model, revenue }) => [`${model} ${key}`, { key, channel, campaign, model, revenue }] as const),
      ),
    )
  const [before, after] = [credits(then), credits(now)]
  return [...new Set([...before.keys(), ...after.keys()])]
    .flatMap((name) => {
      const row = before.get(name) ?? after.get(name)
      const [was, is] = [before.get(name)?.revenue ?? 0, after.get(name)?.revenue ?? 0]
      return row === undefined || was === is ? [] : [{ ...row, revenue: was, now: is }]
    })
    .sort((one, other) => Math.abs(other.now - other.revenue) - Math.abs(one.now - one.revenue))
    .slice(0, 500)
}

async function reportsOf(database: Database, condition: ReturnType<Database['part']>): Promise<Report[]> {
  const rows = await database.rows<Omit<Report, 'asOf' | 'at'> & { asOf: Date; at: Date }>`
    select report::int, to_char(period_from, 'YYYY-MM-DD') as from, to_char(period_to, 'YYYY-MM-DD') as to, by,
      sold_via as "soldVia", segment, currency, orders::float8 as orders, revenue::float8 as revenue, as_of as "asOf",
      kept_at as at, kept_by as "keptBy"
    from measurement.kept where ${condition} order by report desc limit 500`
  return rows.map((row) => ({ ...row, asOf: row.asOf.toISOString(), at: row.at.toISOString() }))
}
