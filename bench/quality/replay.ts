/**
 * Orders with a currency that nobody knows wait in quarantine; they are sent again with a repair while live traffic goes on,
 * and the server is killed in the middle. How many a second, how long live events take meanwhile, and whether each arrived once.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { generateLoad, post } from '../generator.ts'
import { shopEvent } from '../ingest/events.ts'
import { type Api, ask, drained, freePort, Served, shopKey } from '../served.ts'

const perRequest = 100
const livePerSecond = 50
const roles = ['main', 'appliers', 'postgres'] as const

type Work = { id: string; state: string; done: number; passed: number }

export async function replayed(items: number): Promise<object> {
  const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
  const server = new Served(data, await freePort())
  try {
    await server.start()
    const key = await shopKey(server.api(), 'Replay')
    const live = await shopKey(server.api(), 'Live')
    const sent = await generateLoad({
      host: '127.0.0.1',
      port: server.port,
      connections: 8,
      requests: items / perRequest,
      seconds: 3600,
      request: (index) =>
        post(
          '/v1/batch',
          key,
          JSON.stringify({ batch: Array.from({ length: perRequest }, (_, at) => sale(index * perRequest + at)) }),
        ),
    })
    await drained(server.api(), 3600)
    const { items: groups } = await ask<{ items: { key: string; open: number }[] }>(
      server.api(),
      'GET',
      '/api/ingest/quarantine?status=open',
    )
    const group = groups.find(({ open }) => open >= items)
    if (!group) throw new Error(`Of ${items} orders not all wait: ${JSON.stringify({ sent: sent.status, groups })}`)

    const path = `/api/ingest/quarantine/groups/${encodeURIComponent(group.key)}`
    const repairs = [{ kind: 'map', path: 'properties.currency', from: 'Taler', to: 'EUR' }]
    let seconds = 0
    const used = { main: 0, appliers: 0, postgres: 0 }
    const measured = async <Result>(run: () => Promise<Result>): Promise<Result> => {
      const [began, before] = [performance.now(), server.processorSeconds()]
      const result = await run()
      seconds += (performance.now() - began) / 1000
      const after = server.processorSeconds()
      for (const role of roles) used[role] += after[role] - before[role]
      return result
    }
    const first = await measured(async () => {
      const work = await ask<Work>(server.api(), 'POST', `${path}/replay`, { repairs })
      return until(server, path, work, ({ done }) => done >= items / 2, live)
    })
    await server.kill()
    const restartSeconds = await server.start()
    const second = await measured(async () => {
      const ended = await until(server, path, first.work, ({ state }) => state === 'done', live)
      await drained(server.api(), 3600)
      return ended
    })
    const seen = [...first.seen, ...second.seen].sort((one, other) => one - other)
    const stored = await storedOnce(server)
    return {
      items,
      itemsPerSecond: Math.round(items / seconds),
      cpuMillisecondsPerThousand: Object.fromEntries(
        roles.map((role) => [role, Math.round((used[role] / items) * 1e6)]),
      ),
      restartSeconds: Math.round(restartSeconds * 10) / 10,
      liveMillisecondsP95: Math.round(seen[Math.floor(seen.length * 0.95)] ?? 0),
      liveProbes: seen.length,
      passed: second.work.passed,
      ...stored,
      ok: stored.orders === items && stored.waiting === 0,
    }
  } finally {
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
}

function sale(number: number): object {
  return {
    type: 'track',
    messageId: `replay-${number}`,
    userId: `user-${number % 10_000}`,
    event: 'Order Completed',
    timestamp: new Date().toISOString(),
    properties: {
      order_id: `R${number}`,
      total: 49.99,
      currency: 'Taler',
      products: [{ sku: `SKU-${number % 500}`, price: 49.99, quantity: 1 }],
    },
  }
}

/** Live events meanwhile, and how long one takes from its request to the profile of its person. */
async function until(
  server: Served,
  path: string,
  work: Work,
  over: (work: Work) => boolean,
  key: string,
): Promise<{ work: Work; seen: number[] }> {
  const database = server.database()
  const seen: number[] = []
  try {
    for (let number = 0; !over(work); number++) {
      const name = `Probe ${work.id} ${work.done} ${number}`
      const sent = performance.now()
      const batch = Array.from({ length: livePerSecond / 2 }, (_, at) => ({
        ...shopEvent(at),
        messageId: `live-${name}-${at}`,
        ...(at === 0 && { event: name }),
      }))
      await send(server.api(), key, batch)
      for (let found = false; !found; await pause(10)) {
        const row = await database.row<{ found: boolean }>`
          select exists (select from profile.event_count where name = ${name}) as found`
        found = row?.found === true
      }
      seen.push(performance.now() - sent)
      await pause(Math.max(0, 500 - (performance.now() - sent)))
      const detail = await ask<{ work: Work[] }>(server.api(), 'GET', path)
      work = detail.work.find(({ id }) => id === work.id) ?? work
      if (work.state === 'failed' || work.state === 'stopped') throw new Error(`It ended as ${work.state}.`)
    }
    return { work, seen }
  } finally {
    await database.close()
  }
}

async function send(api: Api, key: string, batch: object[]): Promise<void> {
  await fetch(`${api.url}/v1/batch`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${key}:`)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ batch }),
  })
}

async function storedOnce(server: Served): Promise<{ orders: number; waiting: number }> {
  const database = server.database()
  try {
    const row = await database.row<{ orders: number; waiting: number }>`
      select (select count(*)::int from commerce.purchase where order_no like 'R%') as orders,
        (select count(*)::int from ingest.quarantine where status in ('open', 'patched')) as waiting`
    return row ?? { orders: 0, waiting: 0 }
  } finally {
    await database.close()
  }
}
