import { type Database, type Ground, type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import { neighboursOf } from './neighbours.ts'
import type { Period } from './period.ts'

/** End of a way that led to no order, and of one that did. */
export const noOrder = 'no order'
export const anOrder = 'order'

/** A step that took no time to speak of, because nothing is known of its end. */
export const timeless = 65_535
/** Persons whose paths are summed at once. */
const personsPerSlice = 50_000
// Any constants do. One change at a time; readers share the second, which a change takes alone while rows move.
const changeLock = 731_406_013
const readLock = 731_406_014

/** Rows of `measurement.step` and `measurement.way`: kept ones, or computed from the paths of some persons. */
export type JourneyRows = { steps: HistoryPart; ways: HistoryPart }

export type JourneySums = {
  /** Writes paths of the persons that meet the condition: takes off before what they were, adds after what they are. */
  change(condition: HistoryPart, write: () => Promise<void>): Promise<void>
  /** From here on until `mend` the sums do not hold. */
  drop(): Promise<void>
  /** Computes the sums anew from the paths unless they hold. */
  mend(signal: AbortSignal): Promise<void>
  /** Hands over the kept rows, which stay as they are while `work` reads them, or null when they do not hold. */
  reading<Answer>(work: (kept: JourneyRows | null) => Promise<Answer>): Promise<Answer>
}

/**
 * Sums per day beside the paths. A change that is cut off leaves them marked as not holding; the next build computes
 * them anew, and until then the paths are read.
 */
export function createJourneySums({ database, history, config }: Pick<Ground, 'database' | 'history' | 'config'>) {
  const zone = config.timeZone
  const hold = async (tx: Database) => {
    const row = await tx.row<{ zone: string | null }>`select zone from measurement.journey_sums`
    return row?.zone === zone
  }
  // Outside of the transaction that holds the locks: if we die, the mark stays.
  const mark = (held: string | null) => database.run`update measurement.journey_sums set zone = ${held}`
  const changing = (work: (tx: Database) => Promise<void>) =>
    database.transaction(async (tx) => {
      await tx.run`select pg_advisory_xact_lock(${changeLock})`
      await work(tx)
    })
  /** Waits until nobody reads; who comes meanwhile waits for the end of the transaction. */
  const alone = (tx: Database) => tx.run`select pg_advisory_xact_lock(${readLock})`

  const add = async (condition: HistoryPart, sign: 1 | -1) => {
    const paths = history.part`select * from measurement.path final where ${condition}`
    const { steps, ways } = journeyRows(history, paths, zone)
    // Equal rows of two changes are no repeats of each other; those of one are added up here, by the numbers alone.
    const settings = history.part`settings max_execution_time = 0, insert_deduplicate = 0, optimize_on_insert = 0`
    await history.run`
      insert into measurement.step (day, cell, class, kind, converted, currency, sold_via, origin, target, count, seconds)
      select day, cell, class, any(s.kind), any(s.converted), any(s.currency), any(s.sold_via), any(s.origin), any(s.target),
        ${sign} * sum(count), ${sign} * sum(seconds)
      from (
        select *, cityHash64(cityHash64(kind), converted, cityHash64(currency), cityHash64(sold_via), cityHash64(origin), cityHash64(target)) as cell
        from (${steps})
      ) as s group by day, cell, class ${settings}`
    await history.run`
      insert into measurement.way (day, cell, converted, currency, sold_via, way, steps, paths)
      select day, cell, any(w.converted), any(w.currency), any(w.sold_via), any(w.way), any(w.steps), ${sign} * sum(paths)
      from (
        select *, cityHash64(converted, cityHash64(currency), cityHash64(sold_via), way) as cell from (${ways})
      ) as w group by day, cell ${settings}`
  }

  return {
    drop: () =>
      changing(async (tx) => {
        await alone(tx)
        await mark(null)
      }),
    change: (condition, write) =>
      changing(async (tx) => {
        if (!(await hold(tx))) return write()
        await alone(tx)
        await mark(null)
        await add(condition, -1)
        await write()
        await add(condition, 1)
        await mark(zone)
      }),
    mend: (signal) =>
      changing(async (tx) => {
        if (await hold(tx)) return
        await mark(null)
        await history.run`truncate table ${history.stored('measurement.step')}`
        await history.run`truncate table ${history.stored('measurement.way')}`
        const everybody = history.part`select distinct person from measurement.path final`
        for (const within of await neighboursOf(history, everybody, personsPerSlice)) {
          signal.throwIfAborted()
          // PostgreSQL ends transactions that say nothing for long.
          await tx.run`select 1`
          await add(within('person'), 1)
        }
        await mark(zone)
      }),
    async reading(work) {
      const kept = {
        steps: history.part`select * from measurement.step`,
        ways: history.part`select * from measurement.way`,
      }
      const found = await database.transaction(async (tx) => {
        await tx.run`select pg_advisory_xact_lock_shared(${readLock})`
        return (await hold(tx)) ? { answer: await work(kept) } : null
      })
      return found === null ? work(null) : found.answer
    },
  } satisfies JourneySums
}

/** What paths add to the sums; `paths` selects rows of `measurement.path`. */
export function journeyRows(history: History, paths: HistoryPart, zone: string): JourneyRows {
  const day = history.part`toDate(at, ${zone}) as day`
  // Eighths of an octave: neighbours lie 9 % apart.
  const classOf = 'toUInt16(if(took < 8, took, floor(log2(took) * 8) - 16))'
  const sql = (text: string) => history.part(writtenSql(text))
  const lead = history.part`${day}, converted, currency, sold_via`
  return {
    steps: history.part`
      select day, kind, converted, currency, sold_via, origin, target, if(took < 0, ${timeless}, ${sql(classOf)}) as class,
        1 as count, greatest(took, 0) as seconds
      from (
        select ${lead}, toLowCardinality('step') as kind, origin, target, dateDiff('second', began, ended) as took
        from (${paths})
        array join arrayPopBack(touch_channel) as origin, arrayPopFront(touch_channel) as target,
          arrayPopBack(touch_at) as began, arrayPopFront(touch_at) as ended
        union all
        select ${lead}, toLowCardinality(kind), toLowCardinality(origin), toLowCardinality(target), took
        from (${paths})
        array join ['entry', 'end', 'whole', 'after'] as kind, ['', toString(touch_channel[-1]), '', ''] as origin,
          [toString(touch_channel[1]), if(converted = 1, ${anOrder}, ${noOrder}), '', toString(next)] as target,
          [-1, dateDiff('second', touch_at[-1], at), dateDiff('second', touch_at[1], at),
            if(next_at > at, dateDiff('second', at, next_at), -1)] as took
        where (kind = 'after' or notEmpty(touch_at)) and (converted = 1 or kind in ('entry', 'end'))
      )`,
    ways: history.part`
      select ${lead}, sipHash64(arrayMap(c -> cityHash64(c), steps)) as way, arrayCompact(touch_channel) as steps, 1 as paths
      from (${paths}) where notEmpty(touch_at)`,
  }
}

/** Currencies with orders in the period, the most frequent first. */
export async function currenciesAmong(history: History, { steps }: JourneyRows, period: Period): Promise<string[]> {
  const rows = await history.rows<{ currency: string }>`
    select currency from (${steps}) where kind = 'after' and day between ${typed('Date', period.from)} and ${typed('Date', period.to)}
    group by currency having sum(count) > 0 order by sum(count) desc, currency`
  return rows.map((row) => row.currency)
}
