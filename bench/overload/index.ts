/**
 * `einklang bench overload [SECONDS] [TIMES] [SECONDS OF THE AUDIT]`: measures what the server takes, then offers five times as
 * much for a minute over connections that do not wait for each other. Counts what was accepted, told to come back (429), cut
 * off or refused otherwise. The audit lets the stages work for that long (60 s), then compares: acknowledged = applied once +
 * still waiting in the inbox. Prints one JSON line per figure, exit 1 on a violation.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { generateLoad, type LoadResult, post } from '../generator.ts'
import { stampedRequests } from '../ingest/events.ts'
import { drained, freePort, machine, Served, shopKey } from '../served.ts'

const seconds = Number(process.argv[2] ?? 60)
const times = Number(process.argv[3] ?? 5)
const auditSeconds = Number(process.argv[4] ?? 60)
const eventsPerRequest = 100
const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
const server = new Served(data, await freePort())
const print = (figure: object) => console.log(JSON.stringify({ bench: 'overload', machine: machine(), ...figure }))

try {
  await server.start()
  const api = server.api()
  const key = await shopKey(api, 'Overload')
  let made = 0
  const requestOf = stampedRequests(eventsPerRequest, (batch) => post('/v1/batch', key, JSON.stringify({ batch })))
  const offer = (connections: number, long: number, rate?: number) =>
    generateLoad({
      host: '127.0.0.1',
      port: server.port,
      connections,
      requests: 10_000_000,
      seconds: long,
      ...(rate ? { rate } : {}),
      request: () => requestOf(made++),
    })
  const alone = await offer(8, 10)
  print({ figure: 'taken when asked for as much as goes', requestsPerSecond: Math.round(alone.perSecond) })
  await drained(api, 600)

  let most = 0
  let mostOfOne = 0
  const watching = new AbortController()
  const watched = (async () => {
    while (!watching.signal.aborted) {
      most = Math.max(most, server.memory())
      mostOfOne = Math.max(mostOfOne, server.largest())
      await pause(2_000)
    }
  })()
  const rate = alone.perSecond * times
  // So many that nobody has to wait for an answer to offer the next one, up to two seconds of them.
  const connections = Math.min(4000, Math.ceil(rate * 2))
  const storm = await offer(connections, seconds, rate)
  const accepted = (storm.status['200'] ?? 0) * eventsPerRequest
  const others = Object.entries(storm.status).filter(([code]) => code !== '200' && code !== '429' && code !== 'broken')
  const unanswered = (storm.status['broken'] ?? 0) * eventsPerRequest
  print({
    figure: `${times} × overload`,
    seconds: Math.round(storm.seconds),
    connections,
    offeredPerSecond: Math.round(rate),
    answered: storm.status,
    acceptedMilliseconds: rounded(storm.accepted),
    generatorTurnMilliseconds: storm.ownTurn,
    withoutRetryAfter: storm.withoutRetryAfter,
  })
  await drained(api, auditSeconds).catch(() => undefined)
  watching.abort()
  await watched
  const acknowledged = accepted + (alone.status['200'] ?? 0) * eventsPerRequest
  const { applied, twice, inbox } = await kept()
  print({
    figure: 'kept',
    acknowledged,
    applied,
    waiting: inbox,
    lost: Math.max(0, acknowledged - applied - inbox),
    twice,
    mostMegabytes: Math.round(most),
    mostMegabytesOfOneProcess: Math.round(mostOfOne),
  })
  const wrong = applied + inbox !== acknowledged + unanswered || twice > 0
  if (wrong || others.length > 0 || unanswered > 0 || storm.withoutRetryAfter > 0) process.exitCode = 1
} finally {
  await server.stop()
  await rm(data, { recursive: true, force: true })
}

/** Events by where they are, in one look: what is applied, and the acknowledged requests that wait. */
async function kept(): Promise<{ applied: number; twice: number; inbox: number }> {
  const database = server.database()
  try {
    // Our own stages' facts come in small rows of their own.
    const row = await database.row<{ applied: number; twice: number; inbox: number }>`
      select
        (select coalesce(sum(accepted + quarantined), 0)::int from ingest.counter
          join ingest.source on source.id = counter.source where source.name = 'Overload') as applied,
        (select coalesce(sum(duplicates), 0)::int from ingest.counter
          join ingest.source on source.id = counter.source where source.name = 'Overload') as twice,
        (select coalesce(sum(requests), 0)::int * ${eventsPerRequest}::int from ingest.inbox
          where batch is null and size > 10000) as inbox`
    return row ?? { applied: 0, twice: 0, inbox: 0 }
  } finally {
    await database.close()
  }
}

function rounded(latency: LoadResult['latency']): object {
  return Object.fromEntries(Object.entries(latency).map(([name, value]) => [name, Math.round(value)]))
}
