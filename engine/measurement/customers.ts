import { type AnswerOf, type api, kept, minorDigits, type PersonId } from '@einklang/contract'
import { type Database, dayIn, type Ground, type History, type HistoryPart, writtenSql } from '@einklang/platform'
import { gatherHistories, type Paid } from '@einklang/stats'
import type { Forecast } from '#profile'
import type { Hidden } from './behind.ts'
import { neighboursOf } from './neighbours.ts'
import { addDays } from './period.ts'
import { valueThread } from './threads.ts'
import { type FitTask, scoreWidth, type ValueFit } from './value.ts'

type CustomerValue = AnswerOf<typeof api.measurement.customerValue>

/** Weeks that scores look ahead. */
export const horizonWeeks = 52
/** Weeks that the look-back leaves out, to see how they would have been foreseen. */
const lookBackWeeks = 13
/** Purchases may miss what was expected by this share before it is called a drift. */
const tolerated = 0.15
const fewestCustomers = 100
/** From so many customers on, times are told in whole weeks: few different histories, the same answer within its interval. */
const manyCustomers = 20_000
const perPage = 50_000
const perStatement = 20_000

export type SetForecasts = (tx: Database, forecasts: readonly Forecast[], asOf: Date) => Promise<void>

export type DropScores = (tx: Database, persons: PersonId[]) => Promise<number>

type Scope = { until: string; before: string; timeZone: string; currency: string }

/** One page of customers in columns, as the history tells it: days counted, amounts in minor units. */
type Page = {
  persons: PersonId[]
  repeats: number[]
  recency: number[]
  age: number[]
  logs: number[]
  /** The same as of the day before the last weeks; −1 repeats for who had not come yet. */
  earlier: number[]
  earlierRecency: number[]
  earlierLogs: number[]
  /** How many repeat purchases cost something, and what they cost together. */
  amounts: number[]
  spent: number[]
}

/** Customers of whom something is known, page by page in the order of the table; receipts of nobody known are left out. */
async function* pagesOf(history: History, scope: Scope): AsyncGenerator<Page> {
  const known = history.part`select person from measurement.known final where known = 1`
  for (const within of await neighboursOf(history, known, perPage)) {
    const [page] = await history.rows<Page>`${pageOf(history, scope, within('person'))}`
    if (page !== undefined && page.persons.length > 0) yield page
  }
}

function pageOf(history: History, scope: Scope, within: HistoryPart): HistoryPart {
  const logs = (days: string) =>
    sql(history, `arraySum(d -> log(greatest(d, 1) / 7), arrayPopFront(arrayDifference(${days})))`)
  return history.part`
    select groupArray(person) as persons, groupArray(length(days) - 1) as repeats,
      groupArray(days[-1] - days[1]) as recency, groupArray(until - days[1]) as age, groupArray(${logs('days')}) as logs,
      groupArray(toInt64(length(was)) - 1) as earlier,
      groupArray(if(empty(was), 0, was[-1] - was[1])) as earlierRecency,
      groupArray(${logs('was')}) as earlierLogs,
      groupArray(length(paid)) as amounts, groupArray(toFloat64(arraySum(paid))) as spent
    from (
      select person, toInt32(toUInt16(toDate(${scope.until}))) as until,
        arraySort(groupArray((day, amount))) as bought, arrayMap(one -> one.1, bought) as days,
        arrayFilter(d -> d <= toUInt16(toDate(${scope.before})), days) as was,
        arrayFilter(amount -> amount > 0, arrayMap(one -> one.2, arrayPopFront(bought))) as paid
      from (
        select person, toInt32(toUInt16(toDate(at, ${scope.timeZone}))) as day, sum(value) as amount
        from (select person, at, value, currency from measurement.conversion final where ${within})
        where currency = ${scope.currency} and at < toDateTime(${scope.until}, ${scope.timeZone}) + interval 1 day
          and person in (select person from measurement.known final where known = 1 and ${within})
        group by person, day
      ) group by person order by person
    )`
}

const sql = (history: History, text: string): HistoryPart => history.part(writtenSql(text))

/** All customers: who they are, what is learnt from, and where each stands in it. */
type Gathered = {
  pages: { persons: PersonId[]; rows: Uint32Array; amounts: Float64Array; meanAmount: Float64Array }[]
  task: FitTask
  count: number
}

async function gather(history: History, scope: Scope, currency: string, signal: AbortSignal): Promise<Gathered> {
  const pages: Page[] = []
  let count = 0
  for await (const page of pagesOf(history, scope)) {
    signal.throwIfAborted()
    pages.push(page)
    count += page.persons.length
  }
  const many = count > manyCustomers
  const unit = 10 ** minorDigits(currency)
  const weeks = (days: number) => (many ? Math.round(days / 7) : days / 7)
  const all = gatherHistories()
  const before = gatherHistories()
  const later: number[] = []
  const spending = new Map<string, Paid & { weight: number }>()
  const told = pages.map((page) => {
    const rows = new Uint32Array(page.persons.length)
    const meanAmount = new Float64Array(page.persons.length)
    for (let index = 0; index < rows.length; index++) {
      const at = (column: keyof Omit<Page, 'persons'>) => page[column][index] as number
      const seen = (repeats: number, recency: number, age: number, logIntervals: number) => {
        // Two purchases are never at one time, and nobody bought after the end.
        const since = repeats === 0 ? 0 : Math.max(weeks(recency), many ? 0.5 : 0)
        return { repeats, recency: since, age: Math.max(weeks(age), since), logIntervals }
      }
      rows[index] = all.add(seen(at('repeats'), at('recency'), at('age'), at('logs')))
      if (at('earlier') >= 0) {
        const row = before.add(
          seen(at('earlier'), at('earlierRecency'), at('age') - 7 * lookBackWeeks, at('earlierLogs')),
        )
        later[row] = (later[row] ?? 0) + at('repeats') - at('earlier')
      }
      const amounts = at('amounts')
      if (amounts === 0) continue
      const mean = at('spent') / amounts / unit
      meanAmount[index] = mean
      // Three digits of a mean teach the same.
      const taught = many ? Number(mean.toPrecision(3)) : mean
      const key = `${amounts} ${taught}`
      const known = spending.get(key)
      if (known === undefined) spending.set(key, { amounts, meanAmount: taught, weight: 1 })
      else known.weight++
    }
    return { persons: page.persons, rows, amounts: Float64Array.from(page.amounts), meanAmount }
  })
  return {
    pages: told,
    count,
    task: {
      kind: 'fit',
      all: all.histories(new Uint32Array()),
      before: { ...before.histories(new Uint32Array()), later: Float64Array.from(later) },
      weeksBefore: lookBackWeeks,
      spend: [...spending.values()],
    },
  }
}

export type Sums = { alive: number; purchases: number; value: number; valued: number }
/** Customers without a forecast because they do not permit one. */
export type LeftOut = { because: Hidden; persons: number }[]
export type Learnt = ValueFit & { sums: Sums; leftOut?: LeftOut }

export type Refit = 'scored' | 'too few'

/** Learns what customers will buy from the orders of all channels and writes a forecast per customer. */
export async function refitCustomers(
  { history, database, clock, config }: Ground,
  setForecasts: SetForecasts,
  signal: AbortSignal,
): Promise<Refit> {
  const now = clock.now()
  const until = dayIn(now, config.timeZone)
  const { currency } = config
  const row = await database.row<{ number: number }>`
    insert into measurement.customer_fit (started_at, until, currency) values (platform.now(), ${until}::date, ${currency})
    returning number`
  const number = row?.number ?? 0
  const thread = valueThread()
  const stop = () => void thread.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const scope = { until, before: addDays(until, -7 * lookBackWeeks), timeZone: config.timeZone, currency }
    const { pages, task, count } = await gather(history, scope, currency, signal)
    if (count < fewestCustomers) {
      await finish(database, number, {
        persons: count,
        error: kept('too_few_customers', { count, needed: fewestCustomers }),
      })
      return 'too few'
    }
    const learnt = await thread.ask<ValueFit>(task)
    // The same every night: equal histories keep their imagined futures, so that only news moves a figure.
    const { fit, spend } = learnt
    await thread.ask({ kind: 'prepare', fit, spend, histories: task.all, horizon: horizonWeeks, seed: 'customers' })
    const sums: Sums = { alive: 0, purchases: 0, value: 0, valued: 0 }
    const objecting = await objectingPersons(database)
    const leftOut = new Map<Hidden, number>()
    let writing: Promise<void> = Promise.resolve()
    for (const { persons, ...page } of pages) {
      signal.throwIfAborted()
      const scores = await thread.ask<Float64Array>({ kind: 'score', ...page })
      await writing
      for (const because of persons.flatMap((person) => objecting.get(person) ?? []))
        leftOut.set(because, (leftOut.get(because) ?? 0) + 1)
      // The next page is scored while this one is written.
      writing = write(database, setForecasts, { persons, scores, objecting }, now, sums)
      writing.catch(() => undefined)
    }
    await writing
    await finish(database, number, {
      persons: count,
      learnt: { ...learnt, sums, leftOut: [...leftOut].map(([because, persons]) => ({ because, persons })) },
    })
    return 'scored'
  } catch (error) {
    await finish(database, number, {
      persons: 0,
      error: error instanceof Error ? error.message.slice(0, 500) : 'unknown',
    })
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    await thread.close()
  }
}

async function write(
  database: Database,
  setForecasts: SetForecasts,
  { persons, scores, objecting }: { persons: PersonId[]; scores: Float64Array; objecting: Map<PersonId, Hidden> },
  asOf: Date,
  sums: Sums,
): Promise<void> {
  for (let start = 0; start < persons.length; start += perStatement) {
    const forecasts: Forecast[] = persons.slice(start, start + perStatement).map((person, index) => {
      const told = (place: number) => scores[(start + index) * scoreWidth + place] as number
      const at = (place: number) => printed(told(place))
      const known = !Number.isNaN(told(6))
      sums.purchases += told(0)
      sums.alive += told(3)
      if (known) {
        sums.value += told(6)
        sums.valued++
      }
      return {
        person,
        purchases: { value: at(0), low: at(1), high: at(2) },
        alive: { value: at(3), low: at(4), high: at(5) },
        worth: known ? { value: at(6), low: at(7), high: at(8) } : null,
      }
    })
    const permitted = forecasts.filter(({ person }) => !objecting.has(person))
    await database.transaction((tx) => setForecasts(tx, permitted, asOf))
  }
}

/**
 * Everybody who refuses statistics or profiling, is restricted or being erased, as the person of today, with the reason.
 * These are few and all customers many, so they are read at once.
 */
async function objectingPersons(database: Database): Promise<Map<PersonId, Hidden>> {
  const rows = await database.rows<{ person: PersonId; because: Hidden }>`
    select distinct on (person) person, because from (
      select coalesce(winner, found.person) as person, because from (
        select person, case when because in ('erased', 'restricted') then because else purpose end as because
        from consent.state where purpose in ('analytics', 'profiling') and not allowed
        union all select person, 'erased' from consent.erased
      ) as found left join identity.merged on loser = found.person and not undone
      union all select person, purpose from consent.refused where purpose in ('analytics', 'profiling')
    ) as found order by person, array_position(array['erased', 'restricted', 'analytics', 'profiling'], because)`
  return new Map(rows.map(({ person, because }) => [person, because]))
}

/** Takes the scores of everybody who objects away; returns how many rows went. */
export async function forgetObjecting(database: Database, dropScores: DropScores): Promise<number> {
  const objecting = [...(await objectingPersons(database)).keys()]
  if (objecting.length === 0) return 0
  const rows = await database.rows<{ person: PersonId }>`
    select person from unnest(${objecting}::uuid[]) as person
    where exists (select from profile.score where score.person = person.person)`
  return rows.length === 0
    ? 0
    : database.transaction((tx) =>
        dropScores(
          tx,
          rows.map(({ person }) => person),
        ),
      )
}

/** Three digits: intervals are wider by far. */
function printed(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return value
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2)
  return unit >= 1 ? Math.round(value / unit) * unit : Math.round(value / unit) / Math.round(1 / unit)
}

async function finish(
  database: Database,
  number: number,
  outcome: { persons: number; learnt?: Learnt; error?: string },
): Promise<void> {
  await database.run`
    update measurement.customer_fit set finished_at = platform.now(), customers = ${outcome.persons},
      learnt = ${outcome.learnt === undefined ? null : database.json(plain(outcome.learnt))}, error = ${outcome.error ?? null}
    where number = ${number}`
  await database.run`delete from measurement.customer_fit where number < ${number} - 400`
}

/** Typed arrays become plain ones. */
const plain = (learnt: Learnt) =>
  JSON.parse(JSON.stringify(learnt, (_, value) => (value instanceof Float64Array ? [...value] : value))) as Learnt

export type StoredFit = {
  finishedAt: Date
  until: string
  currency: string
  customers: number
  learnt: Learnt | null
  error: string | null
  tookMs: number
}

export function lastCustomerFit(database: Database): Promise<StoredFit | undefined> {
  return database.row<StoredFit>`
    select finished_at as "finishedAt", to_char(until, 'YYYY-MM-DD') as until, currency, customers, learnt, error,
      round(extract(epoch from finished_at - started_at) * 1000)::int as "tookMs"
    from measurement.customer_fit where finished_at is not null order by (learnt is not null) desc, number desc limit 1`
}

/** Does what customers bought lately differ from what the model would have expected? */
export function driftOf(lookBack: ValueFit['lookBack']): CustomerValue['drift'] {
  if (lookBack === null || lookBack.expected <= 0) return null
  const ratio = lookBack.actual / lookBack.expected
  // Counts of purchases vary like their square root; less than three of that is chance.
  const beyondChance = Math.abs(lookBack.actual - lookBack.expected) > 3 * Math.sqrt(lookBack.expected)
  return { ...lookBack, ratio, alarm: beyondChance && Math.abs(ratio - 1) > tolerated }
}

export type BestRow = {
  person: PersonId
  value: number | null
  low: number | null
  high: number | null
  purchases: number
  purchasesLow: number
  purchasesHigh: number
  alive: number
  aliveLow: number
  aliveHigh: number
}

/** Customers by one of their figures, the highest first. */
export function bestCustomers(
  database: Database,
  by: 'value' | 'purchases' | 'alive',
  after: { value: number; person: string } | null,
  limit: number,
): Promise<BestRow[]> {
  const ranked = database.name(by === 'value' ? 'worth' : by)
  const nobody = '00000000-0000-0000-0000-000000000000'
  return database.rows<BestRow>`
    select person, worth as value, worth_low as low, worth_high as high, purchases, purchases_low as "purchasesLow",
      purchases_high as "purchasesHigh", alive, alive_low as "aliveLow", alive_high as "aliveHigh"
    from profile.forecast
    where ${ranked} is not null
      and (${after === null} or (${ranked}, person) < (${after?.value ?? 0}::float8, ${after?.person ?? nobody}::uuid))
    order by ${ranked} desc, person desc limit ${limit}`
}

/** Everybody who has a forecast. */
export async function forecastPersons(database: Database): Promise<PersonId[]> {
  const rows = await database.rows<{ person: PersonId }>`select person from profile.forecast`
  return rows.map(({ person }) => person)
}
