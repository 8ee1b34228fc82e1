import { type AnswerOf, type api, kept, minorDigits, type PersonId } from '@einklang/contract'
import type { Database, Ground, History, HistoryPart } from '@einklang/platform'
import { addDays, dayIn } from './period.ts'
import { valueThread } from './threads.ts'
import { type CustomerColumns, scoreWidth, type ValueFit } from './value.ts'

type CustomerValue = AnswerOf<typeof api.measurement.customerValue>

/** Weeks that scores look ahead. */
export const horizonWeeks = 52
/** Weeks that the look-back leaves out, to see how they would have been foreseen. */
const lookBackWeeks = 13
/** Purchases may miss what was expected by this share before it is called a drift. */
const tolerated = 0.15
const fewestCustomers = 100
/** What a purchase is worth is learnt from at most about so many customers: more would change its third digit. */
const enoughForSpend = 100_000
const perSlice = 250_000
const perStatement = 20_000

/** Names of the scores that a customer gets. */
export const scoreNames = { purchases: 'expected_purchases', alive: 'alive', value: 'customer_value' }

export type CustomerScore = { person: PersonId; name: string; value: number; low: number; high: number; asOf: Date }
export type SetScore = (tx: Database, rows: CustomerScore[]) => Promise<void>

/** One row per customer with the days of her purchases; receipts of nobody known are left out. */
function customersOf(
  history: History,
  { until, timeZone, currency }: { until: string; timeZone: string; currency: string },
  only: HistoryPart,
): HistoryPart {
  const digits = minorDigits(currency)
  return history.part`(
    select person, groupArray(day) as days, groupArray(amount) as sums from (
      select person, toDate(at, ${timeZone}) as day, sum(value) / ${10 ** digits} as amount
      from measurement.conversion final
      where currency = ${currency} and at < toDateTime(${until}, ${timeZone}) + interval 1 day
        and person in (select person from measurement.known final where known = 1)
        and ${only}
      group by person, day order by person, day
    ) group by person
  )`
}

/** From so many customers on, times are told in whole weeks: few different histories, the same answer within its interval. */
const manyCustomers = 20_000

/** What the models read of the days up to `until`, in weeks; `whole` rounds them. */
function read(history: History, until: string, whole: boolean): HistoryPart {
  const recency = history.part`(days[-1] - days[1]) / 7`
  const age = history.part`(toDate(${until}) - days[1]) / 7`
  const logs = history.part`arraySum(d -> log(greatest(d, 1) / 7), arrayPopFront(arrayDifference(arrayMap(d -> toInt64(toUInt16(d)), days)))) as logs`
  // Two purchases are never at one time, and nobody bought after the end.
  return whole
    ? history.part`length(days) - 1 as repeats, if(repeats = 0, 0, greatest(round(${recency}), 0.5)) as recency,
        greatest(round(${age}), recency) as age, ${logs}`
    : history.part`length(days) - 1 as repeats, ${recency} as recency, ${age} as age, ${logs}`
}

type Grouped = { repeats: number; recency: number; age: number; weight: number; logs: number; later: number }

const columnsOf = (rows: Grouped[]): CustomerColumns => {
  const column = (name: keyof Grouped) => Float64Array.from(rows, (row) => Number(row[name]))
  return {
    repeats: column('repeats'),
    recency: column('recency'),
    age: column('age'),
    weight: column('weight'),
    logIntervals: column('logs'),
  }
}

export type Sums = { alive: number; purchases: number; value: number; valued: number }
export type Learnt = ValueFit & { sums: Sums }

export type Refit = 'scored' | 'too few'

/** Learns what customers will buy from the orders of all channels and writes a score per customer. */
export async function refitCustomers(
  { history, database, clock, config }: Ground,
  setScore: SetScore,
  signal: AbortSignal,
): Promise<Refit> {
  const now = clock.now()
  const until = dayIn(now, config.timeZone)
  const { currency } = config
  const before = addDays(until, -7 * lookBackWeeks)
  const row = await database.row<{ number: number }>`
    insert into measurement.customer_fit (started_at, until, currency) values (platform.now(), ${until}::date, ${currency})
    returning number`
  const number = row?.number ?? 0
  const thread = valueThread()
  const stop = () => void thread.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const scope = { until, timeZone: config.timeZone, currency }
    const own = customersOf(history, scope, history.part`true`)
    const [count] = await history.rows<{ n: number }>`select count() as n from ${own}`
    const persons = Number(count?.n ?? 0)
    if (persons < fewestCustomers) {
      await finish(database, number, {
        persons,
        error: kept('too_few_customers', { count: persons, needed: fewestCustomers }),
      })
      return 'too few'
    }
    const rounded = persons > manyCustomers
    const all = await history.rows<Grouped>`
      select repeats, recency, age, count() as weight, sum(logs) as logs, 0 as later
      from (select ${read(history, until, rounded)} from ${own}) group by repeats, recency, age order by repeats, recency, age`
    const earlier = await history.rows<Grouped>`
      select repeats, recency, age, count() as weight, sum(logs) as logs, sum(later) as later from (
        select ${read(history, before, rounded)}, later from (
          -- Another name: an alias would stand for the column in the expressions beside it.
          select arrayFilter(d -> d <= toDate(${before}), bought) as days, arrayCount(d -> d > toDate(${before}), bought) as later
          from (select days as bought from ${own})
        ) where notEmpty(days)
      ) group by repeats, recency, age order by repeats, recency, age`
    const spent = await history.rows<{ amounts: number; mean: number }>`
      select length(paid) as amounts, arrayAvg(paid) as mean
      from (select arrayFilter(s -> s > 0, arrayPopFront(sums)) as paid
        from ${customersOf(history, scope, history.part`cityHash64(person) % ${Math.ceil(persons / enoughForSpend)} = 0`)})
      where notEmpty(paid)`
    const learnt = await thread.ask<ValueFit>({
      kind: 'fit',
      all: columnsOf(all),
      before: { ...columnsOf(earlier), later: Float64Array.from(earlier, (one) => Number(one.later)) },
      weeksBefore: lookBackWeeks,
      spend: {
        amounts: Float64Array.from(spent, (one) => Number(one.amounts)),
        meanAmount: Float64Array.from(spent, (one) => Number(one.mean)),
      },
    })
    const sums: Sums = { alive: 0, purchases: 0, value: 0, valued: 0 }
    const slices = Math.ceil(persons / perSlice)
    let writing: Promise<void> = Promise.resolve()
    for (let slice = 0; slice < slices; slice++) {
      signal.throwIfAborted()
      const rows = await history.rows<Grouped & { person: PersonId; amounts: number; mean: number }>`
        select person, ${read(history, until, rounded)}, 1 as weight, 0 as later, length(paid) as amounts, if(empty(paid), 0, arrayAvg(paid)) as mean
        from (select *, arrayFilter(s -> s > 0, arrayPopFront(sums)) as paid from ${customersOf(history, scope, history.part`cityHash64(person) % ${slices} = ${slice}`)})
        order by person`
      const scores = await thread.ask<Float64Array>({
        kind: 'score',
        fit: learnt.fit,
        spend: learnt.spend,
        customers: {
          ...columnsOf(rows),
          amounts: Float64Array.from(rows, (one) => Number(one.amounts)),
          meanAmount: Float64Array.from(rows, (one) => Number(one.mean)),
        },
        horizon: horizonWeeks,
        // The same every night: equal histories keep their imagined futures, so that only news moves a figure.
        seed: 'customers',
      })
      await writing
      // The next slice is scored while this one is written.
      writing = write(
        database,
        setScore,
        rows.map((one) => one.person),
        scores,
        now,
        sums,
      )
      writing.catch(() => undefined)
    }
    await writing
    await finish(database, number, { persons, learnt: { ...learnt, sums } })
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
  setScore: SetScore,
  persons: PersonId[],
  scores: Float64Array,
  asOf: Date,
  sums: Sums,
): Promise<void> {
  for (let start = 0; start < persons.length; start += perStatement) {
    const rows: CustomerScore[] = []
    for (let index = start; index < Math.min(persons.length, start + perStatement); index++) {
      const person = persons[index] as PersonId
      const at = (place: number) => scores[index * scoreWidth + place] as number
      const add = (name: string, place: number) =>
        rows.push({
          person,
          name,
          value: printed(at(place)),
          low: printed(at(place + 1)),
          high: printed(at(place + 2)),
          asOf,
        })
      add(scoreNames.purchases, 0)
      add(scoreNames.alive, 3)
      sums.purchases += at(0)
      sums.alive += at(3)
      if (!Number.isNaN(at(6))) {
        add(scoreNames.value, 6)
        sums.value += at(6)
        sums.valued++
      }
    }
    await database.transaction((tx) => setScore(tx, rows))
  }
}

/** Three digits: intervals are wider by far, and what looks the same needs not be written again. */
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

/** Customers by one of their scores, the highest first. */
export function bestCustomers(
  database: Database,
  by: string,
  after: { value: number; person: string } | null,
  limit: number,
): Promise<BestRow[]> {
  return database.rows<BestRow>`
    select top.person, worth.value, worth.low, worth.high, bought.value as purchases, bought.low as "purchasesLow",
      bought.high as "purchasesHigh", alive.value as alive, alive.low as "aliveLow", alive.high as "aliveHigh"
    from (
      select person, value from profile.score
      where name = ${by} and (${after === null} or (value, person) < (${after?.value ?? 0}::float8, ${after?.person ?? '00000000-0000-0000-0000-000000000000'}::uuid))
      order by value desc, person desc limit ${limit}
    ) as top
    join profile.score as bought on bought.person = top.person and bought.name = ${scoreNames.purchases}
    join profile.score as alive on alive.person = top.person and alive.name = ${scoreNames.alive}
    left join profile.score as worth on worth.person = top.person and worth.name = ${scoreNames.value}
    order by top.value desc, top.person desc`
}
