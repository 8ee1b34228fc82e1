import {
  assert,
  type Block,
  type Database,
  type Ground,
  type History,
  type HistoryPart,
  listOf,
  numbersOf,
  textsOf,
  typed,
  wordsIn,
  writtenSql,
} from '@einklang/platform'
import { grown, Keys } from './ids.ts'
import type { Period } from './period.ts'
import { wordsOf } from './sources.ts'

/** End of a way that led to no order, and of one that did. */
export const noOrder = 'no order'
export const anOrder = 'order'

/** A step that took no time to speak of, because nothing is known of its end. */
export const timeless = 65_535
/** Rows of a tally that wait to be written together; about 100 MB. */
const mostInMemory = 1_000_000
// Any constants do. One change at a time; readers share the second, which a change takes alone while rows move.
const changeLock = 731_406_013
const readLock = 731_406_014

/** Rows of `measurement.step` and `measurement.way`: kept ones, or computed from the paths of some persons. */
export type JourneyRows = { steps: HistoryPart; ways: HistoryPart }

/** Writes paths and tells the tally what they were and what they are. */
export type ChangePaths = (tally: Tally) => Promise<void>

export type JourneySums = {
  /** Changes paths and the sums with them. */
  change(work: ChangePaths): Promise<void>
  /** The same, when persons are forgotten: who read facts before has to read them again. */
  forget(work: ChangePaths): Promise<void>
  /** How often persons were forgotten; inside of a change it stays as it is. */
  forgotten(): Promise<number>
  /** Counts from nothing: `work` writes all paths anew, each part by the function it is given. */
  anew<Answer>(work: (change: JourneySums['change']) => Promise<Answer>): Promise<Answer>
  /** Computes the sums anew from the paths unless they hold. */
  mend(signal: AbortSignal): Promise<void>
  /** Hands over the kept rows, which stay as they are while `work` reads them, or null when they do not hold. */
  reading<Answer>(work: (kept: JourneyRows | null) => Promise<Answer>): Promise<Answer>
}

/** What the tally needs of a path. */
export const countedColumns = writtenSql('at, converted, currency, sold_via, next, next_at, touch_at, touch_channel')

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
  const begin = async (tx: Database) => {
    await alone(tx)
    await mark(null)
    await history.run`truncate table ${history.stored('measurement.step')}`
    await history.run`truncate table ${history.stored('measurement.way')}`
  }
  let days: Float64Array | null = null
  const newTally = async () => {
    days ??= await beginningsOfDays(history, zone)
    return new Tally(days)
  }
  const change = (work: ChangePaths) =>
    changing(async (tx) => {
      const tally = await newTally()
      if (!(await hold(tx))) return work(tally)
      await alone(tx)
      await mark(null)
      await work(tally)
      await write(history, tally)
      await mark(zone)
    })
  const forgotten = async () => {
    const row = await database.row<{ forgotten: number }>`select forgotten from measurement.journey_sums`
    return Number(row?.forgotten)
  }

  return {
    change,
    forgotten,
    forget: (work) =>
      change(async (tally) => {
        await database.run`update measurement.journey_sums set forgotten = forgotten + 1`
        await work(tally)
      }),
    async anew(work) {
      await changing(begin)
      const before = await forgotten()
      let tally = await newTally()
      const answer = await work((part) =>
        changing(async () => {
          await part(tally)
          if (tally.size < mostInMemory) return
          await write(history, tally)
          tally = await newTally()
        }),
      )
      await changing(async () => {
        await write(history, tally)
        // Whoever was forgotten meanwhile may have been counted before.
        if ((await forgotten()) === before) await mark(zone)
      })
      return answer
    },
    mend: (signal) =>
      changing(async (tx) => {
        if (await hold(tx)) return
        await begin(tx)
        let tally = await newTally()
        for await (const block of history.blocks`select ${history.part(countedColumns)} from measurement.path final`) {
          signal.throwIfAborted()
          tally.add(block, 1)
          // PostgreSQL ends transactions that say nothing for long.
          await tx.run`select 1`
          if (tally.size < mostInMemory) continue
          await write(history, tally)
          tally = await newTally()
        }
        await write(history, tally)
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

/** When each day since 1970 begins in the zone, in milliseconds, as the history counts days. */
async function beginningsOfDays(history: History, zone: string): Promise<Float64Array> {
  const rows = await history.rows<{ began: number }>`
    select toUnixTimestamp(toDateTime(toDate(number), ${zone})) as began from numbers(49000) order by number`
  return Float64Array.from(rows, (row) => Number(row.began) * 1000)
}

async function write(history: History, tally: Tally): Promise<void> {
  await history.insertBlock('measurement.step', tally.steps())
  await history.insertBlock('measurement.way', tally.ways())
}

const kinds = ['step', 'entry', 'end', 'whole', 'after']
const [step, entry, atEnd, whole, after] = [0, 1, 2, 3, 4]
/** In the tally a step that took no time; no class is as large. */
const noClass = 511

/**
 * Counts of steps and ways per day, those of paths that go with the sign turned. Texts are numbers here, and what a row
 * is of is one number.
 */
export class Tally {
  private readonly names = new Map<string, number>()
  private readonly scopes = new Map<string, number>()
  private readonly cells = new Keys()
  private readonly stepKeys = new Keys()
  private counts = new Float64Array(1024)
  private seconds = new Float64Array(1024)
  /** Channels after channels: each node of the tree is a way. */
  private readonly nodes = new Keys()
  private readonly wayKeys = new Keys()
  private paths = new Float64Array(1024)
  private readonly days: Float64Array

  constructor(days: Float64Array) {
    this.days = days
  }

  get size(): number {
    return this.stepKeys.size + this.wayKeys.size + this.nodes.size
  }

  /** Counts the first rows of a block with `countedColumns`. */
  add({ columns, rows: all }: Block, sign: 1 | -1, rows = all): void {
    const [at, nextAt, converted] = [numbersOf(columns.at), numbersOf(columns.next_at), numbersOf(columns.converted)]
    const [currency, soldVia, next] = [textsOf(columns.currency), textsOf(columns.sold_via), wordsIn(columns.next)]
    const [times, channels] = [listOf(columns.touch_at), listOf(columns.touch_channel)]
    const [touchAt, channel] = [numbersOf(times.of), wordsIn(channels.of)]
    const nameOf = channel.words.map((name) => this.nameNumber(name))
    const nextOf = next.words.map((name) => this.nameNumber(name))
    const [none, led, unled] = [this.nameNumber(''), this.nameNumber(anOrder), this.nameNumber(noOrder)]
    for (let row = 0; row < rows; row++) {
      const ordered = converted[row] === 1
      const day = this.dayOf(at[row] as number)
      const scope = this.scopeNumber(ordered, currency(row), soldVia(row))
      const end = at[row] as number
      const count = (kind: number, origin: number, target: number, took: number) =>
        this.count(day, ((kind * 65_536 + origin) * 65_536 + target) * 4096 + scope, took, sign)
      const then = nextAt[row] as number
      if (ordered)
        count(after, none, nextOf[next.places[row] as number] as number, then > end ? secondsFrom(end, then) : -1)
      const [from, to] = [row === 0 ? 0 : (channels.ends[row - 1] as number), channels.ends[row] as number]
      if (from === to) continue
      let [node, before] = [0, -1]
      for (let place = from; place < to; place++) {
        const name = nameOf[channel.places[place] as number] as number
        if (place > from) count(step, before, name, secondsFrom(touchAt[place - 1] as number, touchAt[place] as number))
        if (name !== before) node = this.nodes.add(node * 65_536 + name) + 1
        before = name
      }
      count(entry, none, nameOf[channel.places[from] as number] as number, -1)
      count(atEnd, before, ordered ? led : unled, secondsFrom(touchAt[to - 1] as number, end))
      if (ordered) count(whole, none, none, secondsFrom(touchAt[from] as number, end))
      const way = this.wayKeys.add((node * 65_536 + day) * 4096 + scope)
      this.paths = grown(this.paths, way + 1)
      this.paths[way] = (this.paths[way] as number) + sign
    }
  }

  /** Rows of `measurement.step`. */
  steps(): Block {
    const rows = changedRows(this.stepKeys.size, this.counts, this.seconds)
    const count = rows.length
    const [day, kept] = [new Uint16Array(count), new Uint16Array(count)]
    const [kind, scope] = [new Uint8Array(count), new Uint16Array(count)]
    const [origin, target] = [new Uint16Array(count), new Uint16Array(count)]
    for (let index = 0; index < count; index++) {
      const [cellAndDay, ofClass] = parted(this.stepKeys.keys[rows[index] as number] as number, 512)
      const [number, ofDay] = parted(cellAndDay, 65_536)
      const [names, ofScope] = parted(this.cells.keys[number] as number, 4096)
      const [kindAndOrigin, ofTarget] = parted(names, 65_536)
      const [ofKind, ofOrigin] = parted(kindAndOrigin, 65_536)
      day[index] = ofDay
      kept[index] = ofClass === noClass ? timeless : ofClass
      kind[index] = ofKind
      scope[index] = ofScope
      origin[index] = ofOrigin
      target[index] = ofTarget
    }
    const names = [...this.names.keys()]
    return {
      rows: count,
      columns: {
        day: { type: 'Date', numbers: day },
        class: { type: 'UInt16', numbers: kept },
        kind: wordsOf(kind, (number) => kinds[number] as string),
        ...this.scopeColumns(scope),
        origin: wordsOf(origin, (number) => names[number] as string),
        target: wordsOf(target, (number) => names[number] as string),
        count: { type: 'Int64', numbers: Float64Array.from(rows, (row) => this.counts[row] as number) },
        seconds: { type: 'Int64', numbers: Float64Array.from(rows, (row) => this.seconds[row] as number) },
      },
    }
  }

  /** Rows of `measurement.way`. */
  ways(): Block {
    const rows = changedRows(this.wayKeys.size, this.paths)
    const count = rows.length
    const [day, scope, ends] = [new Uint16Array(count), new Uint16Array(count), new Uint32Array(count)]
    let steps = new Uint32Array(count * 4)
    let size = 0
    for (let index = 0; index < count; index++) {
      const [nodeAndDay, ofScope] = parted(this.wayKeys.keys[rows[index] as number] as number, 4096)
      const [last, ofDay] = parted(nodeAndDay, 65_536)
      day[index] = ofDay
      scope[index] = ofScope
      const begin = size
      for (let node = last; node > 0; ) {
        const [before, name] = parted(this.nodes.keys[node - 1] as number, 65_536)
        steps = grown(steps, size + 1)
        steps[size++] = name
        node = before
      }
      // The tree leads back to the beginning.
      steps.subarray(begin, size).reverse()
      ends[index] = size
    }
    const names = [...this.names.keys()]
    return {
      rows: count,
      columns: {
        day: { type: 'Date', numbers: day },
        ...this.scopeColumns(scope),
        steps: { type: 'Array', ends, of: wordsOf(steps.subarray(0, size), (number) => names[number] as string) },
        paths: { type: 'Int64', numbers: Float64Array.from(rows, (row) => this.paths[row] as number) },
      },
    }
  }

  private scopeColumns(scope: Uint16Array): Block['columns'] {
    const scopes = [...this.scopes.keys()].map((key) => key.split('\0') as [string, string, string])
    return {
      converted: { type: 'UInt8', numbers: Uint8Array.from(scope, (number) => Number(scopes[number]?.[0])) },
      currency: wordsOf(scope, (number) => scopes[number]?.[1] as string),
      sold_via: wordsOf(scope, (number) => scopes[number]?.[2] as string),
    }
  }

  private count(day: number, cell: number, took: number, sign: number): void {
    // Eighths of an octave: neighbours lie 9 % apart.
    const kept = took < 0 ? noClass : took < 8 ? took : Math.floor(Math.log2(took) * 8) - 16
    const row = this.stepKeys.add((this.cells.add(cell) * 65_536 + day) * 512 + kept)
    if (row >= this.counts.length) {
      this.counts = grown(this.counts, row + 1)
      this.seconds = grown(this.seconds, row + 1)
    }
    this.counts[row] = (this.counts[row] as number) + sign
    this.seconds[row] = (this.seconds[row] as number) + sign * Math.max(took, 0)
  }

  private dayOf(at: number): number {
    let day = Math.max(0, Math.floor(at / 86_400_000))
    if (at < (this.days[day] as number)) day--
    else if (at >= (this.days[day + 1] as number)) day++
    return Math.max(0, day)
  }

  private nameNumber(name: string): number {
    const number = this.names.get(name) ?? this.names.size
    assert(number < 65_536, 'too many channels')
    this.names.set(name, number)
    return number
  }

  private scopeNumber(ordered: boolean, currency: string, soldVia: string): number {
    const key = `${ordered ? 1 : 0}\0${currency}\0${soldVia}`
    const number = this.scopes.get(key) ?? this.scopes.size
    assert(number < 4096, 'too many currencies')
    this.scopes.set(key, number)
    return number
  }
}

const secondsFrom = (began: number, ended: number) => Math.floor(ended / 1000) - Math.floor(began / 1000)

/** A number that was put together from two. */
function parted(number: number, by: number): [number, number] {
  const whole = Math.floor(number / by)
  return [whole, number - whole * by]
}

function changedRows(size: number, ...sums: Float64Array[]): Uint32Array {
  const rows = new Uint32Array(size)
  let count = 0
  for (let row = 0; row < size; row++) if (sums.some((sum) => sum[row] !== 0)) rows[count++] = row
  return rows.subarray(0, count)
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
