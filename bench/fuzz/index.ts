/**
 * `einklang bench fuzz [BODIES] [SEED]`: hostile bodies through every dialect's door of a running server, while slow
 * senders hold connections. Bars: no crash, no 5xx, memory of the server bounded, and every item that was acknowledged
 * is an event, a counted repeat or waits with a reason; none makes a stage fail.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@einklang/contract'
import { ask, drained, freePort, machine, Served } from '../served.ts'
import { type Hostile, hostile } from './bodies.ts'

const bodies = Number(process.argv[2] ?? 12_000)
const seed = Number(process.argv[3] ?? 1)
// The bare paths are Segment's again, and webhooks are signed for one source each.
const dialects = api.ingest.dialects.filter((name) => name !== 'segment_bare' && name !== 'webhook')
const data = await mkdtemp(join(tmpdir(), 'einklang-fuzz-'))
const server = new Served(data, await freePort())
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
const statuses: { [status: string]: number } = {}
const failures: string[] = []
let peak = 0

/** Resident memory of the server process alone, in MB: the databases have their own bounds. */
function resident(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

function send({ method, path, headers, body }: Hostile): Promise<number> {
  return new Promise((done) => {
    try {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: server.port,
          agent,
          method,
          path,
          headers: { ...headers, 'content-length': String(body.length) },
        },
        (answer) => {
          answer.resume()
          answer.on('end', () => done(answer.statusCode ?? 0))
          answer.on('error', () => done(0))
        },
      )
      outgoing.on('error', () => done(0))
      outgoing.end(body)
    } catch {
      // Our own HTTP library refuses to send it: nothing reaches the server.
      done(-1)
    }
  })
}

/** Connections that say one byte a second: they may wait, everybody else must not. */
function slow(count: number): Socket[] {
  return Array.from({ length: count }, (_, at) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      at % 2 === 0
        ? 'POST /v1/batch HTTP/1.1\r\nhost: x\r\nx-a: '
        : 'POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{',
    )
    const timer = setInterval(() => socket.write(' '), 1000)
    socket.on('close', () => clearInterval(timer))
    return socket
  })
}

try {
  await server.start()
  const api = server.api()
  const { key, source } = await ask<{ key: string; source: { id: string; slug: string } }>(
    api,
    'POST',
    '/api/ingest/sources',
    {
      name: 'Fuzz',
      kind: 'web',
      trust: 'secret',
      dialects,
      consentCategories: { marketing: 'newsletter' },
      mappings: [{ type: 'fuzz', call: 'track', event: 'Fuzzed', fields: { userId: 'data.userId' } }],
    },
  )
  const sockets = slow(200)
  const before = resident()
  const began = performance.now()
  let next = 1
  const worker = async () => {
    while (next <= bodies) {
      const number = next++
      const body = hostile(number, seed, key, source.slug)
      const status = await send(body)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status >= 500 || status === 0) failures.push(`${number} ${body.kind} ${body.path}: ${status}`)
      if (number % 100 === 0) peak = Math.max(peak, resident())
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  const seconds = (performance.now() - began) / 1000
  const held = sockets.filter((socket) => !socket.destroyed).length
  for (const socket of sockets) socket.destroy()
  await drained(api, 200)
  peak = Math.max(peak, resident())
  const counters = await ask<{
    items: { source: string; received: number; accepted: number; duplicates: number; quarantined: number }[]
  }>(api, 'GET', '/api/ingest/counters?hours=24')
  const items = counters.items
    .filter((item) => item.source === source.id)
    .reduce(
      (sum, item) => ({
        received: sum.received + item.received,
        accepted: sum.accepted + item.accepted,
        duplicates: sum.duplicates + item.duplicates,
        quarantined: sum.quarantined + item.quarantined,
      }),
      { received: 0, accepted: 0, duplicates: 0, quarantined: 0 },
    )
  const groups = await ask<{ items: { code: string; message: string; open: number }[] }>(
    api,
    'GET',
    '/api/ingest/quarantine',
  )
  const reasons: { [code: string]: number } = {}
  for (const { code, open } of groups.items) reasons[code] = (reasons[code] ?? 0) + open
  const poison = groups.items.filter(({ code }) => code === 'poison').map(({ message }) => message)
  const unaccounted = items.received - items.accepted - items.duplicates - items.quarantined
  // The embedded databases are part of the process; what hostile input adds is what counts.
  const grown = peak - before
  const ok = failures.length === 0 && unaccounted === 0 && poison.length === 0 && grown <= 256
  console.log(
    JSON.stringify({
      bench: 'fuzz',
      figure: 'hostile bodies',
      bodies,
      seconds: Math.round(seconds),
      statuses,
      crashes: 0,
      fiveHundreds: failures.length,
      failures: failures.slice(0, 10),
      items,
      unaccounted,
      reasons,
      poison: poison.slice(0, 5),
      serverMegabytes: { before: Math.round(before), peak: Math.round(peak) },
      slowSendersStillHeld: held,
      ok,
      machine: machine(),
    }),
  )
  if (!ok) process.exitCode = 1
} finally {
  agent.destroy()
  await server.stop()
  await rm(data, { recursive: true, force: true })
}
