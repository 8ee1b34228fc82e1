import { type AnswerOf, type api, type InputOf, minorDigits } from '@einklang/contract'
import { type Caller, type Database, type Ground, Refusal } from '@einklang/platform'
import type { RecordRow, Rejected } from '#ingest'
import { csvCell, type Measurement, periodOf, weeksOf } from '#measurement'
import {
  currenciesIn,
  entriesOf,
  loadsOf,
  planRows,
  record,
  setPlanLines,
  spendIn,
  spendSince,
  takeRows,
} from './ledger.ts'
import { returnTable } from './returns.ts'
import { channelNamed } from './spend.ts'

export { budgetParts } from './routes.ts'

type Routes = typeof api.budget
export type OverviewInput = InputOf<Routes['overview']>['query']
export type OverviewAnswer = AnswerOf<Routes['overview']>

/** All that the rest of the system may ask about money spent. */
export type Budget = {
  /** Takes spend from an import, as ingest hands it over. */
  records: { spend(tx: Database, rows: RecordRow[]): Promise<Rejected[]> }
  overview(input: OverviewInput): Promise<OverviewAnswer>
  overviewCsv(input: OverviewInput): Promise<{ fileName: string; csv: string }>
  entries(input: InputOf<Routes['entries']>['query']): Promise<AnswerOf<Routes['entries']>>
  addEntry(entry: InputOf<Routes['addEntry']>['body'], by: Caller): Promise<{ id: string }>
  imports(input: InputOf<Routes['imports']>['query']): Promise<AnswerOf<Routes['imports']>>
  plan(input: InputOf<Routes['plan']>['query']): Promise<AnswerOf<Routes['plan']>>
  setPlan(lines: InputOf<Routes['setPlan']>['body']['lines'], by: Caller): Promise<{ lines: number }>
}

export type BudgetNeeds = {
  ground: Ground
  measurement: Pick<Measurement, 'creditedRevenue'>
  /** Governance's ledger of who changed what. */
  audit?: (
    tx: Database,
    entry: { actor: Caller | 'system'; action: string; object: { kind: string; id: string } },
  ) => Promise<void>
}

const lookBackDays = 90
const definition =
  'Spend as recorded (weekly amounts spread evenly over their days) beside revenue net of returns that the last known touch credits to the same channel. ROAS = credited revenue ÷ spend; it shows credit, not cause: what would have been sold anyway is in it.'

/** Where should the next euro go? Spend, what it is credited with, and the plan. */
export function createBudget({ ground, measurement, audit }: BudgetNeeds): Budget {
  const { database, clock, config } = ground

  async function overview(input: OverviewInput): Promise<OverviewAnswer> {
    const period = periodOf(input, clock.now(), config.timeZone)
    const currencies = await currenciesIn(database, period.from, period.to)
    const currency = input.currency ?? currencies[0] ?? config.currency
    const [spend, credited, plans, since] = await Promise.all([
      spendIn(database, period.from, period.to, currency),
      measurement.creditedRevenue(period, currency, 'last_nondirect'),
      planRows(database, period.from.slice(0, 7), period.to.slice(0, 7)),
      spendSince(database),
    ])
    const weeks = weeksOf(period)
    const table = returnTable(spend, credited, weeks)
    const planned = Map.groupBy(
      plans.filter((row) => row.currency === currency && row.amount > 0),
      (row) => row.channel,
    )
    const others = currencies.filter((other) => other !== currency)
    const warnings =
      others.length > 0 ? [`There is also spend in ${others.join(', ')}; totals never mix currencies.`] : []
    if (credited.asOf === null) warnings.push('No revenue has been credited yet: measurement has not been built.')
    return {
      note: {
        definition,
        since,
        asOf: (credited.asOf ?? clock.now()).toISOString(),
        currency,
        lookBackDays,
        warnings,
      },
      period,
      revenueSource: 'attribution last_nondirect',
      currencies,
      totals: table.totals,
      channels: table.channels.map((row) => ({
        ...row,
        planned: planned.get(row.channel)?.reduce((sum, line) => sum + line.amount, 0) ?? null,
      })),
      weeks,
      series: table.series,
      campaigns: table.campaigns,
    }
  }

  return {
    records: {
      spend: (tx, rows) => takeRows(tx, rows, { clock, currency: config.currency, origin: 'import' }),
    },
    overview,
    async overviewCsv(input) {
      return csvOf(await overview(input))
    },
    async entries(input) {
      const period = periodOf(input, clock.now(), config.timeZone)
      const filter = { ...period, channel: input.channel, replaced: input.replaced === 'show' }
      const rows = await entriesOf(database, filter, entryCursor(input.after), input.limit + 1)
      const shown = rows.slice(0, input.limit)
      const last = shown.at(-1)
      return {
        items: shown.map((row) => ({
          id: row.id,
          day: row.day,
          days: row.days,
          channel: row.channel,
          givenChannel: row.given_channel,
          campaign: row.campaign || null,
          geo: row.geo || null,
          amount: row.amount,
          currency: row.currency,
          impressions: row.impressions,
          clicks: row.clicks,
          recordedAt: row.recorded_at.toISOString(),
          replaced: row.replaced,
          origin: row.origin,
        })),
        next: rows.length > input.limit && last ? `${last.day}~${last.id}` : null,
      }
    },
    async addEntry(entry, by) {
      return database.transaction(async (tx) => {
        const line = {
          day: entry.day,
          days: entry.days,
          channel: channelNamed(entry.channel),
          given_channel: entry.channel,
          campaign: entry.campaign ?? '',
          geo: entry.geo ?? '',
          amount: entry.amount,
          currency: entry.currency,
          impressions: null,
          clicks: null,
        }
        const { ids } = await record(tx, [line], { clock, origin: `by hand: ${nameOf(by)}` })
        const id = ids[0]
        if (id === undefined) {
          throw new Refusal(409, 'entry_exists', 'This amount already stands in the ledger.', {
            doInstead: 'Enter another amount to correct it.',
          })
        }
        await audit?.(tx, { actor: by, action: 'budget.spend.entered', object: { kind: 'spend', id } })
        return { id }
      })
    },
    async imports(input) {
      const before = input.after === undefined ? null : Number(input.after)
      const rows = await loadsOf(database, Number.isSafeInteger(before) ? before : null, input.limit + 1)
      const shown = rows.slice(0, input.limit)
      return {
        items: shown.map((row) => ({ ...row, id: String(row.id), at: row.at.toISOString() })),
        next: rows.length > input.limit ? String(shown.at(-1)?.id) : null,
      }
    },
    async plan(input) {
      const now = clock.now()
      const month = now.toISOString().slice(0, 7)
      const from = input.from ?? `${month.slice(0, 4)}-01`
      const to = input.to ?? `${month.slice(0, 4)}-12`
      const [rows, since] = await Promise.all([planRows(database, from, to), spendSince(database)])
      return {
        note: {
          definition: 'Planned spend per month beside what the ledger says; weekly amounts count by their days.',
          since,
          asOf: now.toISOString(),
          currency: null,
          lookBackDays,
          warnings: [],
        },
        lines: rows.map((row) => ({
          ...row,
          used: row.amount === 0 ? null : row.spent / row.amount,
          elapsed: elapsedOf(row.month, now),
        })),
      }
    },
    async setPlan(lines, by) {
      return database.transaction(async (tx) => {
        const set = await setPlanLines(
          tx,
          lines.map((line) => ({ ...line, channel: channelNamed(line.channel) })),
          nameOf(by),
        )
        await audit?.(tx, {
          actor: by,
          action: 'budget.plan.set',
          object: { kind: 'plan', id: `${lines.length} lines` },
        })
        return { lines: set }
      })
    },
  }
}

function nameOf(caller: Caller): string {
  return caller.kind === 'anonymous' ? 'anonymous' : caller.name
}

function entryCursor(after: string | undefined): { day: string; id: string } | null {
  if (after === undefined) return null
  const match = /^(\d{4}-\d{2}-\d{2})~([0-9a-f-]{36})$/.exec(after)
  if (match === null) throw new Refusal(400, 'bad_cursor', 'The cursor is not one of ours.', { at: 'after' })
  return { day: match[1] ?? '', id: match[2] ?? '' }
}

/** Share of a month that has passed, 0 before it and 1 after. */
function elapsedOf(month: string, now: Date): number {
  const start = new Date(`${month}-01T00:00:00Z`)
  const end = new Date(start)
  end.setUTCMonth(end.getUTCMonth() + 1)
  return Math.min(1, Math.max(0, (now.getTime() - start.getTime()) / (end.getTime() - start.getTime())))
}

function csvOf(answer: OverviewAnswer): { fileName: string; csv: string } {
  const currency = answer.note.currency ?? 'EUR'
  const digits = minorDigits(currency)
  const money = (minor: number) => (minor / 10 ** digits).toFixed(digits)
  const lines = ['week,channel,spend,revenue,roas,currency']
  answer.weeks.forEach((week, index) => {
    for (const row of answer.series) {
      const [spend, revenue, roas] = [row.spend[index] ?? 0, row.revenue[index] ?? 0, row.roas[index] ?? null]
      if (spend === 0 && revenue === 0) continue
      lines.push([week, csvCell(row.channel), money(spend), money(revenue), roas?.toFixed(4) ?? '', currency].join(','))
    }
  })
  return { fileName: `budget_${answer.period.from}_${answer.period.to}.csv`, csv: `${lines.join('\n')}\n` }
}
