/**
 * Events at an even pace through all stages: does what waits stay as long as it was? Prints processor milliseconds per
 * 1,000 events by process, the most memory, and how much waited in each tenth of the time.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { generateLoad, post } from '../generator.ts'
import { ask, drained, freePort, machine, Served, shopKey } from '../served.ts'
import { stampedRequests } from './events.ts'

const eventsPerRequest = 100

export async function steadyLoad(perSecond: number, seconds: number): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
  const server = new Served(data, await freePort())
  const print = (figure: object) =>
    console.log(JSON.stringify({ bench: 'ingest steady', machine: machine(), ...figure }))
  try {
    await server.start()
    const api = server.api()
    const key = await shopKey(api, 'Bench')
    let made = 0
    const requestOf = stampedRequests(eventsPerRequest, (batch) => post('/v1/batch', key, JSON.stringify({ batch })))
    const offer = (rate: number, long: number) =>
      generateLoad({
        host: '127.0.0.1',
        port: server.port,
        connections: 32,
        requests: (rate / eventsPerRequest) * long,
        seconds: long,
        rate: rate / eventsPerRequest,
        request: () => requestOf(made++),
      })
    // Compiles what is called often, and makes the people.
    await offer(Math.min(perSecond, 5_000), 10)
    await drained(api, 300)

    const before = server.processorSeconds()
    const generator = process.cpuUsage()
    const watching = new AbortController()
    const lags: { rows: number; seconds: number }[] = []
    let most = 0
    const watched = (async () => {
      while (!watching.signal.aborted) {
        const { lag } = await ask<{ lag: { rows: number; seconds: number } }>(
          api,
          'GET',
          '/api/ingest/counters?hours=1',
        )
        lags.push(lag)
        most = Math.max(most, server.memory())
        await pause(1_000)
      }
    })()
    const load = await offer(perSecond, seconds)
    watching.abort()
    await watched
    const begin = performance.now()
    await drained(api, 600)
    const after = (performance.now() - begin) / 1000
    const { user, system } = process.cpuUsage(generator)
    const spent = server.processorSeconds()
    const events = load.sent * eventsPerRequest
    const per = (processorSeconds: number) => Math.round((processorSeconds / events) * 1e7) / 10
    const tenth = Math.ceil(lags.length / 10)
    print({
      figure: 'events through all stages at an even pace',
      wantedPerSecond: perSecond,
      seconds: Math.round(load.seconds),
      events,
      status: load.status,
      perSecond: Math.round(events / (load.seconds + after)),
      secondsUntilAllWasIn: Math.round(after * 10) / 10,
      millisecondsToAnswer: { p50: Math.round(load.latency.p50), p99: Math.round(load.latency.p99) },
      secondsBehind: Array.from({ length: 10 }, (_, part) =>
        Math.max(0, ...lags.slice(part * tenth, (part + 1) * tenth).map(({ seconds: behind }) => behind)),
      ),
      processorMilliseconds: {
        main: per(spent.main - before.main),
        appliers: per(spent.appliers - before.appliers),
        postgres: per(spent.postgres - before.postgres),
        generator: per((user + system) / 1e6),
      },
      mostMegabytes: Math.round(most),
    })
  } finally {
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
}
