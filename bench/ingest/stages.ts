/**
 * Where the time of an applied event goes. Fills the inbox, then applies it in this process alone, round by round. Prints
 * per 1,000 events the processor time of this process and of PostgreSQL in the cheapest and the middle round (others may
 * use the machine too), round trips and write-ahead log, and per stage the milliseconds its code ran here and its
 * statements ran there.
 */
import { readFileSync, statSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { stages } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { compose } from '@einklang/server'
import { median } from '../generator.ts'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'
import { shopEvent } from './events.ts'

const perRound = 12_000

export async function stageCosts(wanted: number): Promise<void> {
  const events = Math.ceil(wanted / perRound) * perRound
  const bench = await benchGround()
  const { database, config } = bench.ground
  try {
    const house = await compose(bench.ground, { outside: false })
    await house.seed({ active: true })
    const { key } = await database.transaction((tx) =>
      house.ingest.sources.create(tx, { name: 'Bench', kind: 'shop' }, 'secret'),
    )
    house.ingest.sources.forget()
    const inbox = house.parts.flatMap((part) => part.loops ?? []).find((loop) => loop.name === 'ingest.inbox')
    if (!inbox || !key) throw new Error('The house has no inbox.')
    const drain = async () => {
      const signal = new AbortController().signal
      while ((await inbox.turn(signal)) === 'busy');
    }
    const send = async (from: number, count: number) => {
      for (let at = from; at < from + count; at += 100) await tell(house.ingest.door, key, at)
    }
    await send(90_000_000, 20_000)
    await drain()
    const log = join(config.dataDirectory, 'postgres.log')
    await database.run`alter system set log_min_duration_statement = 0`
    await database.run`alter system set log_parameter_max_length = 0`
    await database.run`select pg_reload_conf()`
    await database.run`checkpoint`
    const logStart = statSync(log).size
    const wal = await position(database)
    const profiler = new Session()
    profiler.connect()
    await profiler.post('Profiler.enable')
    await profiler.post('Profiler.setSamplingInterval', { interval: 500 })
    const running = new Map<string, number>()
    const here: number[] = []
    const there: number[] = []
    let wall = 0
    for (let from = 0; from < events; from += perRound) {
      await send(from, perRound)
      await profiler.post('Profiler.start')
      const own = process.cpuUsage()
      const both = bench.cpuSeconds()
      const begin = performance.now()
      await drain()
      wall += performance.now() - begin
      const { user, system } = process.cpuUsage(own)
      here.push((user + system) / perRound)
      there.push(((bench.cpuSeconds() - both) * 1e6) / perRound - (user + system) / perRound)
      const { profile } = await profiler.post('Profiler.stop')
      for (const [place, time] of runningIn(profile)) running.set(place, (running.get(place) ?? 0) + time)
    }
    const bytes = (await position(database)) - wal
    const thousand = events / 1000
    const per = (value: number) => Math.round((value / thousand) * 100) / 100
    const told = statementsIn(readFileSync(log).subarray(logStart).toString('utf8'))
    const print = (figure: object) =>
      console.log(JSON.stringify({ bench: 'ingest stages', machine: machine(), ...figure }))
    print({
      figure: 'per 1,000 events applied',
      events,
      wallMilliseconds: per(wall),
      processorMilliseconds: {
        here: { least: tenth(Math.min(...here)), median: tenth(median(here)) },
        postgres: { least: tenth(Math.min(...there)), median: tenth(median(there)) },
      },
      walKilobytes: per(bytes / 1024),
      roundTrips: per(told.length),
    })
    for (const stage of [
      'ingest',
      ...stages.filter((one) => one !== 'ingest'),
      'platform',
      'driver',
      'garbage',
      'node',
      'idle',
      'other',
    ]) {
      const mine = told.filter((one) => one.stage === stage)
      const database = mine.reduce((sum, one) => sum + one.milliseconds, 0)
      const code = running.get(stage) ?? 0
      if (database + code > 0)
        print({ stage, here: per(code), inDatabase: per(database), statements: per(mine.length) })
    }
    const byText = Map.groupBy(told, (one) => one.text)
    const heavy = [...byText].map(([text, all]) => ({
      text: text.slice(0, 110),
      times: all.length,
      milliseconds: per(all.reduce((sum, one) => sum + one.milliseconds, 0)),
    }))
    for (const one of heavy.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 25)) print(one)
  } finally {
    await bench.close()
  }
}

async function tell(
  door: { answer(request: never): Promise<{ status: number }> },
  key: string,
  from: number,
): Promise<void> {
  const batch = Array.from({ length: 100 }, (_, at) => shopEvent(from + at))
  const body = Buffer.from(JSON.stringify({ batch }))
  const headers: { [name: string]: string } = { authorization: `Basic ${btoa(`${key}:`)}` }
  const request = {
    method: 'POST',
    path: '/v1/batch',
    query: '',
    header: (name: string) => headers[name],
    headerNames: () => Object.keys(headers),
    body: () => Promise.resolve(body),
    address: '127.0.0.0',
  }
  const { status } = await door.answer(request as never)
  if (status !== 200) throw new Error(`The door answered ${status}.`)
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}

type Told = { stage: string; milliseconds: number; text: string }

/** PostgreSQL's own account: per statement its times for parsing, binding and running. */
function statementsIn(log: string): Told[] {
  const told: Told[] = []
  let binding = 0
  for (const entry of log.split(/\n(?=\d{4}-\d\d-\d\d )/)) {
    const found = /duration: ([\d.]+) ms\s+(parse|bind|execute|statement)[^:]*: ([^]*)/.exec(entry)
    if (!found) continue
    const [, milliseconds = '0', step, sql = ''] = found
    if (step === 'parse' || step === 'bind') {
      binding += Number(milliseconds)
      continue
    }
    const text = sql.replaceAll(/\s+/g, ' ').trim()
    told.push({ stage: stageOf(text), milliseconds: Number(milliseconds) + binding, text })
    binding = 0
  }
  return told
}

function stageOf(text: string): string {
  for (const [, name = ''] of text.matchAll(/(?:into|update|from|join) (\w+)\./gi))
    if ((stages as readonly string[]).includes(name)) return name
  return 'other'
}

type Profile = {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[]
  samples?: number[] | undefined
  timeDeltas?: number[] | undefined
}

/** The profiler looks each half millisecond; a look that comes later was kept waiting by others on the machine. */
const longestSample = 1

/** Milliseconds per folder of our code, from the samples of the profiler. */
function runningIn(profile: Profile): Map<string, number> {
  const places = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame.url, callFrame.functionName)]))
  const sums = new Map<string, number>()
  profile.samples?.forEach((id, at) => {
    const place = places.get(id) ?? 'other'
    sums.set(place, (sums.get(place) ?? 0) + Math.min(longestSample, (profile.timeDeltas?.[at] ?? 0) / 1000))
  })
  return sums
}

function placeOf(url: string, name: string): string {
  const stage = /\/engine\/(\w+)\//.exec(url)?.[1]
  if (stage) return stage
  if (url.includes('/platform/')) return 'platform'
  if (url.includes('/postgres/')) return 'driver'
  if (name === '(garbage collector)') return 'garbage'
  if (name === '(idle)') return 'idle'
  return url.startsWith('node:') || name.startsWith('(') ? 'node' : 'other'
}

async function position(database: Database): Promise<number> {
  const row = await database.row<{
    bytes: number
  }>`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as bytes`
  return row?.bytes ?? 0
}
