/**
 * `einklang bench overload [SECONDS] [TIMES]`: measures what the server takes, then offers five times as much for a minute
 * over connections that do not wait for each other. Counts what was accepted, told to come back (429), cut off or refused
 * otherwise, and afterwards whether every accepted event is in history. Prints one JSON line per figure, exit 1 on a violation.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { generateLoad, type LoadResult, post } from '../generator.ts'
import { shopEvent } from '../ingest/events.ts'
import { ask, drained, freePort, machine, Served } from '../served.ts'

const seconds = Number(process.argv[2] ?? 60)
const times = Number(process.argv[3] ?? 5)
const eventsPerRequest = 100
const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
const server = new Served(data, await freePort())
const print = (figure: object) => console.log(JSON.stringify({ bench: 'overload', machine: machine(), ...figure }))

try {
  await server.start()
  const api = server.api()
  const { key } = await ask<{ key: string }>(api, 'POST', '/api/ingest/sources', {
    name: 'Overload',
    kind: 'shop',
    trust: 'secret',
  })
  let made = 0
  const offer = (connections: number, long: number, rate?: number) =>
    generateLoad({
      host: '127.0.0.1',
      port: server.port,
      connections,
      requests: 10_000_000,
      seconds: long,
      ...(rate ? { rate } : {}),
      request() {
        const from = made++ * eventsPerRequest
        const batch = Array.from({ length: eventsPerRequest }, (_, at) => shopEvent(from + at))
        return post('/v1/batch', key, JSON.stringify({ batch }))
      },
    })
  const alone = await offer(8, 10)
  print({ figure: 'taken when asked for as much as goes', requestsPerSecond: Math.round(alone.perSecond) })
  await drained(api, 600)

  let most = 0
  const watching = new AbortController()
  const watched = (async () => {
    while (!watching.signal.aborted) {
      most = Math.max(most, server.memory())
      await pause(500)
    }
  })()
  const rate = alone.perSecond * times
  // So many that nobody has to wait for an answer to offer the next one, up to two seconds of them.
  const connections = Math.min(4000, Math.ceil(rate * 2))
  const storm = await offer(connections, seconds, rate)
  const accepted = (storm.status['200'] ?? 0) * eventsPerRequest
  const others = Object.entries(storm.status).filter(([code]) => code !== '200' && code !== '429' && code !== 'broken')
  print({
    figure: `${times} × overload`,
    seconds: Math.round(storm.seconds),
    connections,
    offeredPerSecond: Math.round(rate),
    answered: storm.status,
    acceptedMilliseconds: rounded(storm.accepted),
    withoutRetryAfter: storm.withoutRetryAfter,
  })
  await drained(api, 1800)
  watching.abort()
  await watched
  const { items } = await ask<{ items: { sourceName: string; accepted: number; quarantined: number }[] }>(
    api,
    'GET',
    '/api/ingest/counters?hours=24',
  )
  const kept = items
    .filter((row) => row.sourceName === 'Overload')
    .reduce((sum, row) => sum + row.accepted + row.quarantined, 0)
  const acknowledged = accepted + (alone.status['200'] ?? 0) * eventsPerRequest
  print({ figure: 'kept', acknowledged, kept, lost: acknowledged - kept, mostMegabytes: Math.round(most) })
  if (acknowledged !== kept || others.length > 0 || storm.withoutRetryAfter > 0) process.exitCode = 1
} finally {
  await server.stop()
  await rm(data, { recursive: true, force: true })
}

function rounded(latency: LoadResult['latency']): object {
  return Object.fromEntries(Object.entries(latency).map(([name, value]) => [name, Math.round(value)]))
}
