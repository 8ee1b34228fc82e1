/** Durable requests per second, latency to the acknowledgement, events through all stages, time to visibility. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { generateLoad, median, post } from '../generator.ts'
import { type Api, ask, drained, freePort, machine, Served, shopKey } from '../served.ts'
import { shopEvent, stampedRequests } from './events.ts'

const seconds = Number(process.argv[2] ?? 10)
const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
const server = new Served(data, await freePort())
const print = (figure: object) => console.log(JSON.stringify({ bench: 'ingest', machine: machine(), ...figure }))

try {
  await server.start()
  const api = server.api()
  const key = await shopKey(api, 'Bench')
  await warmUp(key)

  let before = server.processorSeconds()
  const single = await generateLoad({
    host: '127.0.0.1',
    port: server.port,
    connections: 64,
    requests: 1_000_000,
    seconds,
    request: (index) => post('/v1/track', key, JSON.stringify(shopEvent(index))),
  })
  print({ figure: 'single-event requests', ...rounded(single), ...spent(before, single.sent) })
  await drained(api, 300)

  let sent = 0
  const batchOf = stampedRequests(100, (batch) => post('/v1/batch', key, JSON.stringify({ batch })))
  before = server.processorSeconds()
  const batches = await generateLoad({
    host: '127.0.0.1',
    port: server.port,
    connections: 8,
    requests: 100_000,
    seconds,
    request(index) {
      sent += 100
      return batchOf(index)
    },
  })
  print({
    figure: 'events in batches of 100',
    eventsPerSecond: Math.round(sent / batches.seconds),
    ...rounded(batches),
  })
  const ended = performance.now()
  await drained(api, 600)
  const applied = (performance.now() - ended) / 1000 + batches.seconds
  print({
    figure: 'events through to profile, segments and history',
    events: sent,
    perSecond: Math.round(sent / applied),
    ...spent(before, sent),
  })

  const half = await generateLoad({
    host: '127.0.0.1',
    port: server.port,
    connections: 64,
    requests: 1_000_000,
    seconds: Math.max(5, seconds / 2),
    rate: single.perSecond / 2,
    request: (index) => post('/v1/track', key, JSON.stringify(shopEvent(50_000_000 + index))),
  })
  print({ figure: 'single-event requests at half load', ...rounded(half) })
  await drained(api, 300)
  print({ figure: 'time to visibility', ...(await visibility(api, key)) })
  print({ figure: 'memory of all processes', megabytes: Math.round(server.memory()) })
} finally {
  await server.stop()
  await rm(data, { recursive: true, force: true })
}

/** Processor milliseconds per 1,000, by process: the door with its history, the appliers, PostgreSQL. */
function spent(before: ReturnType<Served['processorSeconds']>, count: number): object {
  const now = server.processorSeconds()
  const per = (role: keyof typeof now) => Math.round(((now[role] - before[role]) / count) * 1e7) / 10
  return { processorMilliseconds: { main: per('main'), appliers: per('appliers'), postgres: per('postgres') } }
}

async function warmUp(key: string): Promise<void> {
  await generateLoad({
    host: '127.0.0.1',
    port: server.port,
    connections: 16,
    requests: 3000,
    seconds: 5,
    request: (index) => post('/v1/track', key, JSON.stringify(shopEvent(90_000_000 + index))),
  })
  await drained(server.api())
}

/** From the first byte of the call until the profile search finds the person, and until the timeline shows the event. */
async function visibility(api: Api, key: string): Promise<object> {
  const profile: number[] = []
  const history: number[] = []
  for (let turn = 0; turn < 30; turn++) {
    const email = `seen-${turn}-${process.pid}@example.com`
    const begin = performance.now()
    await fetch(`${api.url}/v1/identify`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${key}:`)}` },
      body: JSON.stringify({ messageId: email, userId: email, traits: { email, firstName: 'Seen' } }),
    })
    let person: string | undefined
    while (person === undefined) {
      const found = await ask<{ items: { person: string }[] }>(
        api,
        'GET',
        `/api/profile/search?q=${encodeURIComponent(email)}`,
      )
      person = found.items[0]?.person
      if (person === undefined) await pause(5)
    }
    profile.push(performance.now() - begin)
    for (;;) {
      const line = await ask<{ items: unknown[] }>(api, 'GET', `/api/profile/persons/${person}/timeline?limit=1`)
      if (line.items.length > 0) break
      await pause(5)
    }
    history.push(performance.now() - begin)
  }
  const worst = (values: number[]) => Math.round(Math.max(...values))
  return {
    profileMilliseconds: { median: Math.round(median(profile)), worst: worst(profile) },
    historyMilliseconds: { median: Math.round(median(history)), worst: worst(history) },
  }
}

function rounded(result: Awaited<ReturnType<typeof generateLoad>>): object {
  const round = (value: number) => Math.round(value * 10) / 10
  return {
    perSecond: Math.round(result.perSecond),
    status: result.status,
    milliseconds: {
      p50: round(result.latency.p50),
      p95: round(result.latency.p95),
      p99: round(result.latency.p99),
      worst: round(result.latency.worst),
    },
  }
}
