/**
 * `einklang bench monitor [DAYS] [STEP] [SCALE]`: the stream monitors over the retailer of size S (20 weeks). Six weeks are
 * learnt, DAYS (default 28) of undisturbed data are watched every STEP minutes (default 10) and false alarms counted; then a
 * feed dies, a stream is halved, a list changes and a store falls silent, watched every minute, and the time to the alarm is
 * printed, in the retailer as it is and with SCALE (default 50) times its visits. Nothing is sent: the monitors are told of
 * each arrival as the applier tells them. `einklang bench monitor report [PEOPLE]` (default 1,000,000): how long the report
 * takes to compute, and a reader to get it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SourceId } from '@einklang/contract'
import { type FixedClock, fixedClock } from '@einklang/platform'
import { drawsFrom } from '@einklang/stats'
import { generate } from '@einklang/world'
import { createMonitor, type Monitor } from '../../engine/ingest/quality/monitor/index.ts'
import { offsetAt } from '../../engine/ingest/quality/monitor/local-time.ts'
import { type Note, wholeSource } from '../../engine/ingest/quality/monitor/note.ts'
import { createSources } from '../../engine/ingest/source.ts'
import { type BenchGround, benchGround } from '../ground.ts'
import { machine } from '../served.ts'
import { measureReport } from './report.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const zone = 'Europe/Berlin'
const learnt = 42
const [days = 28, step = 10, scale = 50] = process.argv.slice(2).map(Number)

/** What the retailer's systems sent: instant, source, series inside it, a list property with its value. */
type Arrival = { at: number; source: Name; visit: string; series: string[]; property: [string, string, string] | null }
const names = ['web', 'app', 'till'] as const
type Name = (typeof names)[number]

function read(directory: string): Arrival[] {
  const product = join(directory, 'product')
  const found: Arrival[] = []
  for (const source of ['web', 'app'] as const) {
    for (const file of readdirSync(join(product, source))) {
      for (const line of readFileSync(join(product, source, file), 'utf8').split('\n')) {
        if (line === '') continue
        const call = JSON.parse(line) as {
          type: string
          event?: string
          timestamp: string
          anonymousId?: string
          userId?: string
          properties?: { [name: string]: unknown }
        }
        const name = call.type === 'track' ? (call.event ?? 'track') : call.type
        const currency = call.properties?.currency
        found.push({
          at: Date.parse(call.timestamp),
          source,
          visit: call.anonymousId ?? call.userId ?? '',
          series: [wholeSource, `event:${name}`],
          property: typeof currency === 'string' ? [name, 'currency', currency] : null,
        })
      }
    }
  }
  const receipts = new Set<string>()
  for (const store of readdirSync(join(product, 'till'))) {
    for (const file of readdirSync(join(product, 'till', store))) {
      for (const line of readFileSync(join(product, 'till', store, file), 'latin1')
        .split('\n')
        .slice(1)) {
        const [number = '', when = ''] = line.split(';')
        const local = /^(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d)/.exec(when)
        if (!local || receipts.has(number)) continue
        receipts.add(number)
        const [, date, month, year, hours, minutes, seconds] = local.map(Number)
        const wall = Date.UTC(year as number, (month as number) - 1, date, hours, minutes, seconds)
        found.push({
          at: wall - offsetAt(wall - hour, zone),
          source: 'till',
          visit: number,
          series: [wholeSource, 'event:Order Completed', `place:${store}`],
          property: null,
        })
      }
    }
  }
  return found
}

/** A retailer of so many times the visits: each again in weeks drawn by lot, at the same time of the week. */
function thickened(arrivals: readonly Arrival[], times: number): Map<number, Arrival[]> {
  const byMinute = new Map<number, Arrival[]>()
  // A Monday in Berlin.
  const start = arrivals.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY)
  for (const arrival of arrivals) {
    const date = Math.floor(arrival.at / day)
    const week = Math.floor((arrival.at - start) / (7 * day))
    for (let copy = 0; copy < times; copy++) {
      const key = `${arrival.visit}${date}${copy}`
      // A quarter of an hour either way, so that the copies of a visit are visits of their own.
      const to = times === 1 ? week : Math.floor(drawsOf(key) * 20)
      const moved = arrival.at + (to - week) * 7 * day + (times === 1 ? 0 : (drawsOf(`${key} `) - 0.5) * 30 * minute)
      const at = Math.floor((moved + offsetAt(arrival.at, zone) - offsetAt(moved, zone)) / minute)
      const known = byMinute.get(at)
      if (known) known.push(arrival)
      else byMinute.set(at, [arrival])
    }
  }
  return byMinute
}
const drawn = new Map<string, number>()
function drawsOf(key: string): number {
  let value = drawn.get(key)
  if (value === undefined) {
    if (drawn.size > 200_000) drawn.clear()
    value = drawsFrom(key).uniform()
    drawn.set(key, value)
  }
  return value
}

type Fault = (arrival: Arrival) => Arrival | null

class Town {
  readonly #minutes: Map<number, Arrival[]>
  readonly #bench: BenchGround
  readonly #ids: { [name in Name]: SourceId }
  readonly clock: FixedClock
  readonly monitor: Monitor
  #batch = 0
  turns = 0
  milliseconds = 0

  constructor(
    minutes: Map<number, Arrival[]>,
    bench: BenchGround,
    ids: { [name in Name]: SourceId },
    clock: FixedClock,
  ) {
    this.#minutes = minutes
    this.#bench = bench
    this.#ids = ids
    this.clock = clock
    const { database, history, live, log } = bench.ground
    this.monitor = createMonitor({
      database,
      history,
      live,
      log,
      clock,
      emit: async () => undefined,
      team: async () => [],
    })
  }

  async run(count: number, every: number, fault: Fault = (arrival) => arrival): Promise<void> {
    for (let done = 0; done < count; done += every) {
      const from = this.clock.now().getTime() / minute
      const note: Note = {}
      for (let at = from; at < from + every; at++) {
        for (const given of this.#minutes.get(at) ?? []) {
          const arrival = fault(given)
          if (arrival) add(note, this.#ids[arrival.source], at, arrival)
        }
      }
      const { database } = this.#bench.ground
      await database.run`insert into ingest.arrival_note (batch, note) values (${++this.#batch}, ${database.json(note)})`
      this.clock.advance({ minutes: every })
      const began = performance.now()
      await this.monitor.turn()
      this.milliseconds += performance.now() - began
      this.turns++
    }
  }

  /** Minutes until an alarm of one of the codes; null = none within the time. */
  async until(codes: string[], source: Name, most: number, fault: Fault): Promise<number | null> {
    for (let minutes = 1; minutes <= most; minutes++) {
      await this.run(1, 1, fault)
      const { items } = await this.monitor.alarms({ open: 'true', limit: 50 })
      if (items.some((alarm) => codes.includes(alarm.code) && alarm.source === this.#ids[source])) return minutes
    }
    return null
  }

  /** On to the next working day, 14:00 on the wall, with the alarms of the fault over. */
  async nextAfternoon(): Promise<void> {
    await this.run(5, 5)
    do {
      const local = this.clock.now().getTime() + offsetAt(this.clock.now().getTime(), zone)
      const next = Math.floor(local / day) * day + day + 14 * hour
      await this.run(Math.round((next - local) / minute / 60) * 60, 60)
    } while ([0, 6].includes(this.clock.now().getUTCDay()))
    await this.#bench.ground.database.run`delete from ingest.alarm`
  }
}

function add(note: Note, source: string, at: number, { series, property }: Arrival): void {
  note[source] ??= { minutes: {}, series: {}, shapes: {} }
  const to = note[source]
  const counts = to.minutes[at] ?? [0, 0, 0, 0]
  counts[0]++
  to.minutes[at] = counts
  for (const name of series) {
    to.series[name] ??= {}
    const minutes = to.series[name]
    minutes[at] = (minutes[at] ?? 0) + 1
  }
  if (!property) return
  const [event, name, value] = property
  const shape = to.shapes[event] ?? { seen: 0, properties: {} }
  to.shapes[event] = shape
  shape.seen++
  const one = shape.properties[name] ?? { filled: 0, values: {} }
  shape.properties[name] = one
  one.filled++
  if (one.values) one.values[value] = (one.values[value] ?? 0) + 1
}

async function watched(arrivals: readonly Arrival[], times: number): Promise<object> {
  const bench = await benchGround()
  try {
    const minutes = thickened(arrivals, times)
    let first = Number.POSITIVE_INFINITY
    for (const at of minutes.keys()) first = Math.min(first, at)
    const clock = fixedClock(new Date(Math.floor((first * minute) / day) * day).toISOString())
    const { database, secrets } = bench.ground
    const sources = createSources({ database, clock, secrets })
    const ids = {} as { [name in Name]: SourceId }
    for (const name of names)
      ids[name] = (await database.transaction((tx) => sources.create(tx, { name, kind: name }, null))).source.id
    const town = new Town(minutes, bench, ids, clock)
    await town.run(learnt * 1440, 1440)
    await database.run`delete from ingest.alarm`
    town.turns = 0
    town.milliseconds = 0
    const cpu = bench.cpuSeconds()
    await town.run(days * 1440, step)
    const perTurn = { cpuMs: (1000 * (bench.cpuSeconds() - cpu)) / town.turns, wallMs: town.milliseconds / town.turns }
    const { items } = await town.monitor.alarms({ limit: 500 })
    const perMonth = (name: Name) =>
      (items.filter((alarm) => alarm.source === ids[name] && alarm.level === 'alarm').length * 30) / days
    const falseAlarms = Object.fromEntries(names.map((name) => [name, perMonth(name)]))
    const told = items.map(
      ({ sourceName, code, subject, openedAt, observed, usual, windowMinutes }) =>
        `${openedAt.slice(0, 16)} ${sourceName} ${code} ${subject.name} ${Math.round(observed * 100) / 100} of ${Math.round(usual * 100) / 100} in ${windowMinutes} min`,
    )
    const not =
      (source: Name, store?: string): Fault =>
      (arrival) =>
        arrival.source === source && (store === undefined || arrival.series.includes(`place:${store}`)) ? null : arrival
    await town.nextAfternoon()
    const dead = await town.until(['stream.silence', 'stream.volume'], 'web', 240, not('web'))
    await town.nextAfternoon()
    let count = 0
    const halved = await town.until(['stream.volume'], 'web', 24 * 60, (arrival) =>
      arrival.source === 'web' && count++ % 2 === 0 ? null : arrival,
    )
    await town.nextAfternoon()
    const changed = await town.until(['stream.new_values'], 'web', 240, (arrival) =>
      arrival.source === 'web' && arrival.property
        ? { ...arrival, property: [arrival.property[0], arrival.property[1], 'Euro'] }
        : arrival,
    )
    await town.nextAfternoon()
    const stores = [...new Set(arrivals.flatMap(({ series }) => series.filter((one) => one.startsWith('place:'))))]
    const silent = await town.until(['stream.silence'], 'till', 24 * 60, not('till', stores[0]?.slice(6)))
    const perDay = Object.fromEntries(
      names.map((name) => [
        name,
        Math.round((times * arrivals.filter(({ source }) => source === name).length) / (20 * 7)),
      ]),
    )
    return {
      visits: `× ${times}`,
      itemsPerDay: perDay,
      undisturbedDays: days,
      everyMinutes: step,
      alarmsPerSourceAndMonth: falseAlarms,
      warnings: items.filter(({ level }) => level === 'warning').length,
      told: told.slice(0, 20),
      minutesUntil: { feedDead: dead, halved, listChanged: changed, tillSilent: silent },
      perTurn,
    }
  } finally {
    await bench.close()
  }
}

async function watch(): Promise<void> {
  const room = mkdtempSync(join(tmpdir(), 'einklang-bench-monitor-'))
  try {
    const write = join(room, 'world')
    await generate({ size: 'S', seed: 7, weeks: 20, write, workers: 2 })
    const arrivals = read(write)
    const rows = [await watched(arrivals, 1), await watched(arrivals, scale)]
    for (const row of rows) console.log(JSON.stringify({ bench: 'monitor', ...row, machine: machine() }))
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

if (process.argv[2] === 'report') await measureReport(Number(process.argv[3] ?? 1_000_000))
else await watch()
