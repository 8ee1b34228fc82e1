import { type AnswerOf, type api, type InputOf, kept, minorDigits } from '@einklang/contract'
import { type Caller, type Database, type Ground, nameOf } from '@einklang/platform'
import { type RecordRow, type Rejected, spoken } from '#ingest'
import { csvCell, type Measurement, type Period, periodOf, refused, weeksOf } from '#measurement'
import { type Advisor, createAdvisor, roiRows } from './advisor.ts'
import {
  currenciesIn,
  elapsedOf,
  entriesOf,
  lastPlanned,
  loadsOf,
  planRows,
  record,
  setPlanLines,
  spendIn,
  spendSince,
  takeRows,
} from './ledger.ts'
import { forgetMapping, headLinesOf, mappingFor, mappingsOf, noteUse, saveMapping, shownOf } from './mapping.ts'
import { readSpendFile } from './profiles.ts'
import { createReachDesk, type ReachDesk } from './reach.ts'
import { returnTable } from './returns.ts'
import { said } from './sayings.ts'
import { channelNamed, spendOf } from './spend.ts'
import { createTrials, type Trials } from './trial.ts'

export { budgetParts } from './routes.ts'
export { channelNamed } from './spend.ts'

type Routes = typeof api.budget
export type OverviewInput = InputOf<Routes['overview']>['query']
export type OverviewAnswer = AnswerOf<Routes['overview']>

/** All that the rest of the system may ask about money spent. */
export type Budget = {
  /** Takes spend from an import, as ingest hands it over. */
  records: { spend(tx: Database, rows: RecordRow[]): Promise<Rejected[]> }
  /** Spend per week (Monday) and channel, for the mix model of measurement. */
  weeklySpend(period: Period, currency: string): Promise<{ week: string; channel: string; amount: number }[]>
  overview(input: OverviewInput): Promise<OverviewAnswer>
  /** Reads the export of an ad platform or agency into the ledger. */
  importSpend(input: InputOf<Routes['importSpend']>['body'], by: Caller): Promise<AnswerOf<Routes['importSpend']>>
  /** Saved ways to read files of spend. */
  mappings(): Promise<AnswerOf<Routes['mappings']>>
  removeMapping(name: string, by: Caller): Promise<{ removed: boolean }>
  roi(input: InputOf<Routes['roi']>['query']): Promise<AnswerOf<Routes['roi']>>
  advisor: Advisor
  /** Pauses of channels, planned to learn from. */
  trials: Trials
  /** Whom the channels met, how often, and the media plan that says whom they should have. */
  reach: ReachDesk
  overviewCsv(input: OverviewInput): Promise<{ fileName: string; csv: string }>
  entries(input: InputOf<Routes['entries']>['query']): Promise<AnswerOf<Routes['entries']>>
  addEntry(entry: InputOf<Routes['addEntry']>['body'], by: Caller): Promise<{ id: string }>
  imports(input: InputOf<Routes['imports']>['query']): Promise<AnswerOf<Routes['imports']>>
  plan(input: InputOf<Routes['plan']>['query']): Promise<AnswerOf<Routes['plan']>>
  setPlan(lines: InputOf<Routes['setPlan']>['body']['lines'], by: Caller): Promise<{ lines: number }>
}

export type BudgetNeeds = {
  ground: Ground
  measurement: Pick<Measurement, 'creditedRevenue' | 'mix' | 'contacts'>
  /** Is exactly this content approved? Without it nothing is. */
  approved?: (kind: string, object: string, hash: string) => Promise<boolean>
  /** Governance's ledger of who changed what. */
  audit?: (
    tx: Database,
    entry: { actor: Caller | 'system'; action: string; object: { kind: string; id: string } },
  ) => Promise<void>
}

const lookBackDays = 90
/** Where should the next euro go? Spend, what it is credited with, and the plan. */
export function createBudget({ ground, measurement, approved, audit }: BudgetNeeds): Budget {
  const { database, clock, config } = ground
  const trials = createTrials({ ground, measurement, audit })

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
    const warnings = others.length > 0 ? [kept('other_spend', { currencies: others.join(', ') })] : []
    if (credited.asOf === null) warnings.push(kept('nothing_credited'))
    return {
      note: {
        definition: kept('defines_spend'),
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
      async spend(tx, rows) {
        const rejected = await takeRows(tx, rows, { clock, currency: config.currency, origin: 'import' })
        return rejected.map(({ row, reason }) => ({
          row,
          reason: spoken({ en: said(reason, 'en'), de: said(reason, 'de') }),
        }))
      },
    },
    async weeklySpend(period, currency) {
      const rows = await spendIn(database, period.from, period.to, currency)
      const sums = Map.groupBy(rows, (row) => `${row.week} ${row.channel}`)
      return [...sums.values()].map((group) => ({
        week: group[0]?.week ?? '',
        channel: group[0]?.channel ?? '',
        amount: group.reduce((sum, row) => sum + row.amount, 0),
      }))
    },
    advisor: createAdvisor({ ground, measurement, trials, approved: approved ?? (async () => false), audit }),
    trials,
    reach: createReachDesk({ ground, measurement, audit }),
    overview,
    async importSpend(input, by) {
      const saved =
        input.mapping !== null || (input.saved === null && input.profile !== 'auto')
          ? undefined
          : await mappingFor(
              database,
              input.saved === null ? { lines: headLinesOf(input.text) } : { name: input.saved },
            )
      if (input.saved !== null && saved === undefined)
        throw refused(404, 'not_found', { say: 'no_mapping', given: { name: input.saved } })
      const mapping = input.mapping ?? saved?.document ?? null
      const found = readSpendFile(input.text, input.profile, input.channel, mapping)
      const unread = 'reason' in found && input.dryRun && mapping === null
      if ('reason' in found && !unread)
        throw refused(400, 'unknown_file', { at: 'text', given: { reason: found.reason } })
      // Nobody knows this header: it is shown, so that somebody can say which column is which.
      const file = 'reason' in found ? { profile: 'unknown', header: [], rows: [], left: 0 } : found
      const needs = { clock, currency: config.currency, origin: `${file.profile}: ${nameOf(by)}` }
      const read = file.rows.map((row) => ({ row: row.row, line: spendOf(row.fields, config.currency) }))
      const good = read.flatMap(({ line }) => ('reason' in line ? [] : [line]))
      const rejected = read.flatMap(({ row, line }) => ('reason' in line ? [{ row, reason: line.reason }] : []))
      if (!input.dryRun)
        await database.transaction(async (tx) => {
          rejected.push(
            ...(await takeRows(
              tx,
              file.rows.filter((_, index) => !('reason' in (read[index]?.line ?? { reason: '' }))),
              needs,
            )),
          )
          if (input.saveAs !== null && input.mapping !== null)
            await saveMapping(tx, { name: input.saveAs, header: file.header, mapping: input.mapping, by: nameOf(by) })
          else if (saved !== undefined) await noteUse(tx, saved.name)
          await audit?.(tx, { actor: by, action: 'budget.spend.imported', object: { kind: 'spend', id: file.profile } })
        })
      const sums = Map.groupBy(good, (line) => `${line.channel} ${line.currency}`)
      return {
        profile: file.profile,
        saved: saved?.name ?? null,
        mapping,
        ...shownOf(input.text, mapping),
        preview: good.slice(0, 8).map(({ day, days, channel, campaign, geo, amount, currency }) => ({
          day,
          days,
          channel,
          campaign,
          geo,
          amount,
          currency,
        })),
        taken: read.length - rejected.length,
        left: file.left,
        rejected: rejected.slice(0, 200),
        channels: [...sums.values()].map((lines) => ({
          channel: lines[0]?.channel ?? '',
          currency: lines[0]?.currency ?? config.currency,
          amount: lines.reduce((sum, line) => sum + line.amount, 0),
        })),
      }
    },
    mappings: async () => ({ items: await mappingsOf(database) }),
    async removeMapping(name, by) {
      const removed = await forgetMapping(database, name)
      if (!removed) throw refused(404, 'not_found', { say: 'no_mapping', given: { name } })
      await audit?.(database, {
        actor: by,
        action: 'budget.mapping.removed',
        object: { kind: 'spend', id: name },
      })
      return { removed }
    },
    async roi(input) {
      const period = periodOf(input, clock.now(), config.timeZone)
      const currencies = await currenciesIn(database, period.from, period.to)
      const currency = input.currency ?? currencies[0] ?? config.currency
      const [table, since] = await Promise.all([
        ground.memory.remember(`budget.roi ${JSON.stringify({ period, currency })}`, () =>
          roiRows({ ground, measurement, period, currency }),
        ),
        spendSince(database),
      ])
      const warnings: string[] = []
      if (table.margin === null) warnings.push(kept('no_costs'))
      else if (table.marginCovers < 0.8) warnings.push(kept('few_costs', { share: table.marginCovers }))
      if (table.rows.some((row) => row.source === 'attribution')) warnings.push(kept('credit_not_cause'))
      return {
        note: {
          definition: kept('defines_roi'),
          since,
          asOf: clock.now().toISOString(),
          currency,
          lookBackDays,
          warnings,
        },
        period,
        ...table,
      }
    },
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
          reach: row.reach,
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
          impressions: entry.impressions,
          clicks: null,
          reach: entry.reach,
        }
        const { ids } = await record(tx, [line], { clock, origin: `by hand: ${nameOf(by)}` })
        const id = ids[0]
        if (id === undefined) {
          throw refused(409, 'entry_exists')
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
      // What is planned beyond the year is part of the plan too.
      const to = input.to ?? (await lastPlanned(database, `${month.slice(0, 4)}-12`))
      const [rows, since] = await Promise.all([planRows(database, from, to), spendSince(database)])
      return {
        note: {
          definition: kept('defines_plan'),
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
          ...paceOf(row, elapsedOf(row.month, now)),
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

function entryCursor(after: string | undefined): { day: string; id: string } | null {
  if (after === undefined) return null
  const match = /^(\d{4}-\d{2}-\d{2})~([0-9a-f-]{36})$/.exec(after)
  if (match === null) throw refused(400, 'bad_cursor', { at: 'after', doInstead: false })
  return { day: match[1] ?? '', id: match[2] ?? '' }
}

/** Where the month is heading; too early in the month a pace says nothing. */
export function paceOf(
  { amount, spent }: { amount: number; spent: number },
  elapsed: number,
): { expected: number | null; alert: 'too_fast' | 'too_slow' | 'overspent' | null } {
  const expected = elapsed < 0.2 ? null : Math.round(spent / elapsed)
  if (amount === 0) return { expected, alert: null }
  if (spent > amount) return { expected, alert: 'overspent' }
  if (expected === null) return { expected, alert: null }
  const ratio = expected / amount
  return { expected, alert: ratio > 7 / 6 ? 'too_fast' : ratio < 5 / 6 ? 'too_slow' : null }
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
