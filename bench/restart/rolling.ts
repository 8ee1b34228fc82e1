import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { ask, drained, freePort, Served, shopKey } from '../served.ts'

export type Rolled = {
  restarts: number
  calls: number
  failed: { [reason: string]: number }
  stored: number
  lost: number
  doubled: number
  /** From the word to take over until the successor answers; seconds, one per restart. */
  seconds: number[]
  worstMilliseconds: number
}

/** Clients that reuse their connections and try nothing twice, while one server after the other takes the house over. */
export async function rollingRestarts(options: { restarts: number; clients: number }): Promise<Rolled> {
  const data = await mkdtemp(join(tmpdir(), 'einklang-restart-'))
  const port = await freePort()
  let server = new Served(data, port)
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients })
  const failed: { [reason: string]: number } = {}
  const seconds: number[] = []
  let calls = 0
  let worst = 0
  let ended = false
  try {
    await server.start()
    const key = await shopKey(server.api(), 'Restarts')
    const authorization = `Basic ${btoa(`${key}:`)}`
    const clients = Array.from({ length: options.clients }, async () => {
      while (!ended) {
        const body = JSON.stringify({ userId: `u${calls % 50}`, event: 'Seen', messageId: `r${calls++}` })
        const begun = performance.now()
        const answer = await call({ agent, port, authorization, body })
        worst = Math.max(worst, performance.now() - begun)
        if (answer !== '200') failed[answer] = (failed[answer] ?? 0) + 1
        await pause(4)
      }
    })
    for (let turn = 0; turn < options.restarts; turn++) {
      await pause(1000)
      const successor = new Served(data, port)
      seconds.push(await successor.takeOver(server))
      server = successor
    }
    await pause(500)
    ended = true
    await Promise.all(clients)
    await drained(server.api())
    const counted = await ask<{ items: { sourceName: string; accepted: number }[] }>(
      server.api(),
      'GET',
      '/api/ingest/counters?hours=2',
    )
    const stored = counted.items
      .filter((hour) => hour.sourceName === 'Restarts')
      .reduce((sum, hour) => sum + hour.accepted, 0)
    const refused = Object.values(failed).reduce((sum, count) => sum + count, 0)
    return {
      restarts: options.restarts,
      calls,
      failed,
      stored,
      lost: Math.max(0, calls - refused - stored),
      doubled: Math.max(0, stored - calls),
      seconds: seconds.map((value) => Math.round(value * 100) / 100),
      worstMilliseconds: Math.round(worst),
    }
  } finally {
    ended = true
    agent.destroy()
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
}

/** The status, or the code of the error. */
function call(given: { agent: Agent; port: number; authorization: string; body: string }): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        agent: given.agent,
        host: '127.0.0.1',
        port: given.port,
        path: '/v1/track',
        method: 'POST',
        headers: { authorization: given.authorization, 'content-length': Buffer.byteLength(given.body) },
      },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(String(answer.statusCode)))
      },
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.end(given.body)
  })
}
