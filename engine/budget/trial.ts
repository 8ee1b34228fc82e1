import { type AnswerOf, type api, type InputOf, minorDigits } from '@einklang/contract'
import { type Caller, type Database, dayIn, type Ground, nameOf, Refusal } from '@einklang/platform'
import type { MixFit } from '@einklang/stats'
import { addDays, type Measurement, mondayOf, type Period, refused, weeksOf } from '#measurement'
import { spendIn } from './ledger.ts'
import { measuredPause } from './pause.ts'

type Routes = typeof api.budget
type PlannedTest = AnswerOf<Routes['tests']>['items'][number]
type Part = ReturnType<Database['part']>
type Waiting = AnswerOf<Routes['advise']>['waiting'][number]

/** Pauses of channels, planned to learn from: planned, read, and handed to every later mix model. */
export type Trials = {
  list(): Promise<{ items: PlannedTest[] }>
  plan(ask: InputOf<Routes['planTest']>['body'], by: Caller): Promise<{ test: number }>
  /** Keeps the result and begins the newest mix model anew with it. */
  read(
    test: number,
    found: InputOf<Routes['readTest']>['body'],
    by: Caller,
  ): Promise<{ refit: number | null; because: string | null }>
  /** The result as our own orders tell it; nothing is kept. */
  measure(test: number): Promise<AnswerOf<Routes['measureTest']>>
  drop(test: number, by: Caller): Promise<{ dropped: boolean }>
  /** Results whose days lie in the period, for the mix model of measurement; in the main unit of the currency. */
  pausesRead(period: Period, currency: string): Promise<Pause[]>
  /** Results that a fit does not know, and why. */
  waitingFor(fit: MixFit, currency: string): Promise<Waiting[]>
}

export type Pause = { channel: string; from: string; until: string; increment: number; error: number; test: 'off' }

export type TrialNeeds = {
  ground: Ground
  measurement: Pick<Measurement, 'mix'>
  audit:
    | ((tx: Database, entry: { actor: Caller; action: string; object: { kind: string; id: string } }) => Promise<void>)
    | undefined
}

/** Half of a 90 % interval in standard errors. */
export const halfInterval = 1.645

type Row = Omit<PlannedTest, 'at' | 'state' | 'result'> & {
  at: Date
  increment: number | null
  low: number | null
  high: number | null
  readAt: Date | null
  readBy: string | null
  dropped: boolean
}

export function createTrials({ ground, measurement, audit }: TrialNeeds): Trials {
  const { database, clock, config } = ground
  const today = () => dayIn(clock.now(), config.timeZone)

  async function note(tx: Database, actor: Caller, action: string, test: number): Promise<void> {
    await audit?.(tx, { actor, action, object: { kind: 'budget', id: `test ${test}` } })
  }

  return {
    async list() {
      const rows = await rowsOf(database, database.part`true`)
      return { items: rows.map((row) => told(row, today())) }
    },
    async plan(ask, by) {
      const { channel, starts, weeks, regions, worth } = ask
      if (starts !== mondayOf(starts)) throw refused(400, 'not_monday', { given: { monday: mondayOf(starts) } })
      const ends = addDays(starts, weeks * 7 - 1)
      const stored = await measurement.mix.stored('newest')
      if (stored !== null && !stored.result.answers.response.some((one) => one.channel === channel && one.usual > 0))
        throw refused(409, 'nothing_to_pause')
      return database.transaction(async (tx) => {
        await tx.run`lock table budget.test in share row exclusive mode`
        const other = await tx.row<{ test: number }>`
          select test from budget.test where channel = ${channel} and dropped_at is null
            and starts <= ${ends}::date and ends >= ${starts}::date`
        if (other !== undefined) throw refused(409, 'test_beside')
        const row = await tx.row<{ test: number }>`
          insert into budget.test (channel, starts, ends, regions, worth, currency, planned_at, planned_by)
          values (${channel}, ${starts}::date, ${ends}::date, ${[...new Set(regions)]}, ${worth},
            ${stored?.currency ?? config.currency}, platform.now(), ${nameOf(by)}) returning test::int`
        const test = row?.test ?? 0
        await note(tx, by, 'budget.test.planned', test)
        return { test }
      })
    },
    async read(test, { increment, low, high }, by) {
      if (low > increment || increment > high) throw refused(400, 'interval_without_result')
      if (low === high) throw refused(400, 'sure_result')
      await database.transaction(async (tx) => {
        const row = await tx.row<Pick<Row, 'channel' | 'starts' | 'ends' | 'currency' | 'dropped'>>`
          select channel, currency, to_char(starts, 'YYYY-MM-DD') as starts, to_char(ends, 'YYYY-MM-DD') as ends, dropped_at is not null as dropped from budget.test where test = ${test} for update`
        if (row === undefined || row.dropped) throw refused(404, 'not_found', { say: 'no_test', doInstead: false })
        if (row.ends >= today()) throw refused(409, 'test_runs', { given: { ends: row.ends } })
        if (!(await paused(tx, row))) throw refused(409, 'no_pause')
        await tx.run`
          update budget.test set increment = ${increment}, low = ${low}, high = ${high}, read_at = platform.now(),
            read_by = ${nameOf(by)}, refit = null where test = ${test}`
        await note(tx, by, 'budget.test.read', test)
      })
      const stored = await measurement.mix.stored('newest')
      if (stored === null) return { refit: null, because: null }
      try {
        const { fit } = await measurement.mix.again(stored.fit, by)
        await database.run`update budget.test set refit = ${fit} where test = ${test}`
        return { refit: fit, because: null }
      } catch (error) {
        if (error instanceof Refusal) return { refit: null, because: error.message }
        throw error
      }
    },
    async measure(test) {
      const row = (await rowsOf(database, database.part`test = ${test}`))[0]
      if (row === undefined || row.dropped) throw refused(404, 'not_found', { say: 'no_test', doInstead: false })
      if (row.ends >= today()) throw refused(409, 'test_runs', { given: { ends: row.ends } })
      const others = await rowsOf(
        database,
        database.part`test <> ${test} and dropped_at is null and starts <= ${row.ends}::date and ends >= ${row.starts}::date`,
      )
      const beside = others.flatMap(({ regions }) => regions).filter((region) => !row.regions.includes(region))
      return measuredPause(database, { ...row, beside }, config.timeZone)
    },
    async drop(test, by) {
      return database.transaction(async (tx) => {
        const rows = await tx.run`
          update budget.test set dropped_at = platform.now(), dropped_by = ${nameOf(by)}
          where test = ${test} and dropped_at is null`
        if (rows === 0) throw refused(404, 'not_found', { say: 'no_test', doInstead: false })
        await note(tx, by, 'budget.test.dropped', test)
        return { dropped: true }
      })
    },
    async pausesRead(period, currency) {
      const unit = 10 ** minorDigits(currency)
      return (await readIn(database, currency))
        .filter((row) => row.starts >= period.from && row.ends <= period.to)
        .map((row) => ({
          channel: row.channel,
          from: row.starts,
          until: row.ends,
          increment: row.increment / unit,
          error: (row.high - row.low) / 2 / halfInterval / unit,
          // What was lost against the usual spend, as a comparison of regions finds it.
          test: 'off' as const,
        }))
    },
    async waitingFor(fit, currency) {
      const rows = await readIn(database, currency)
      const missing = rows.filter((row) => !knows(fit, row, 10 ** minorDigits(currency)))
      return Promise.all(
        missing.map(async ({ test, channel, refit }) => {
          const begun = refit === null ? null : await measurement.mix.read(refit)
          return { test, channel, because: whyUnknown(begun) }
        }),
      )
    },
  }
}

/**
 * Does the ledger show less spend in these weeks than in those before? The result tells what less spend cost; where
 * none was less, it would send the model anywhere. Weeks whose spend is not in yet are believed.
 */
async function paused(
  database: Database,
  { channel, starts, ends, currency }: Pick<Row, 'channel' | 'starts' | 'ends' | 'currency'>,
): Promise<boolean> {
  const rows = await spendIn(database, addDays(starts, -56), ends, currency)
  const within = rows.filter(({ week }) => week >= starts)
  if (within.length === 0) return true
  const own = (some: typeof rows) =>
    some.filter((row) => row.channel === channel).reduce((sum, row) => sum + row.amount, 0)
  const before = rows.filter((row) => row.week < starts && row.amount > 0)
  const active = new Set(before.filter((row) => row.channel === channel).map(({ week }) => week)).size
  if (active === 0) return true
  const weeks = weeksOf({ from: starts, to: ends }).length
  return own(within) / weeks < 0.95 * (own(before) / active)
}

/** Why the model that was begun with a result does not know it. */
function whyUnknown(begun: Awaited<ReturnType<TrialNeeds['measurement']['mix']['read']>> | null): Waiting['because'] {
  if (begun === null) return 'no_fit'
  if (begun.state === 'queued' || begun.state === 'running') return 'fitting'
  if (begun.blocked === true) return 'blocked'
  return begun.answers === null ? 'no_fit' : 'no_spend'
}

function knows(
  fit: MixFit,
  row: Pick<PlannedTest, 'channel' | 'starts' | 'ends'> & { increment: number },
  unit: number,
) {
  const { channel, starts: from, ends: until, increment } = row
  return resultsIn(fit).some((one) => sameResult(one, { channel, from, until, increment: increment / unit }))
}

type Result = { channel: string; from: string; until: string; increment: number }

/** The same result of the same days, to the last minor unit. */
export function sameResult(one: Result, other: Result): boolean {
  return (
    one.channel === other.channel &&
    one.from === other.from &&
    one.until === other.until &&
    Math.abs(one.increment - other.increment) < 0.005
  )
}

/** Experiments of days that a fit was drawn towards. */
export function resultsIn({ answers }: MixFit) {
  return [...answers.experiments.map(({ result }) => result), ...(answers.shownByTable ?? [])].flatMap((result) =>
    'from' in result ? [result] : [],
  )
}

function rowsOf(database: Database, condition: Part): Promise<Row[]> {
  return database.rows<Row>`
    select test::int, channel, to_char(starts, 'YYYY-MM-DD') as starts, to_char(ends, 'YYYY-MM-DD') as ends, regions,
      worth::float8 as worth, currency, planned_at as at, planned_by as by, increment::float8 as increment, low::float8 as low,
      high::float8 as high, read_at as "readAt", read_by as "readBy", refit::int, dropped_at is not null as dropped
    from budget.test where ${condition} order by test desc`
}

async function readIn(database: Database, currency: string) {
  const rows = await rowsOf(
    database,
    database.part`dropped_at is null and increment is not null and currency = ${currency}`,
  )
  return rows.flatMap((row) =>
    row.increment === null || row.low === null || row.high === null
      ? []
      : [{ ...row, increment: row.increment, low: row.low, high: row.high }],
  )
}

function told({ at, increment, low, high, readAt, readBy, dropped, ...row }: Row, today: string): PlannedTest {
  const result =
    increment === null || low === null || high === null || readAt === null
      ? null
      : { increment, low, high, at: readAt.toISOString(), by: readBy ?? '' }
  return { ...row, at: at.toISOString(), state: stateOf({ ...row, dropped, read: result !== null }, today), result }
}

function stateOf(
  { starts, ends, dropped, read }: Pick<Row, 'starts' | 'ends' | 'dropped'> & { read: boolean },
  today: string,
): PlannedTest['state'] {
  if (dropped) return 'dropped'
  if (read) return 'read'
  if (today < starts) return 'planned'
  return today <= ends ? 'running' : 'over'
}
