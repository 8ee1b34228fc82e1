/**
 * Kills the server and PostgreSQL again and again with SIGKILL while a shop sends events and a journey sends mail, then
 * audits from outside, id by id: every acknowledged event is in history once, no message reached the SMTP server twice.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { SourceId } from '@einklang/contract'
import { createHistory, derivedId, testMark, typed } from '@einklang/platform'
import { type Api, ask, drained, freePort, Served } from '../served.ts'
import { type CountingSmtp, countingSmtp, randomFrom } from './counting.ts'

export type StormOptions = {
  kills: number
  /** Named places of the code at which the server dies by itself, one after the other, before the kills from outside. */
  points?: readonly string[]
  /** Seeds the instants of the kills and the shape of the traffic. */
  seed: number
  persons: number
  /** Part of the events sent again with the same id although they were acknowledged. */
  duplicates: number
  /** Part of the events that are held back and come some batches later. */
  reordered?: number
  /** Kills of PostgreSQL under the running server, after those of the server. */
  databaseKills?: number
  /** Negative control: somebody between shop and server answers 200 before the server has the events. */
  eager?: boolean
  log?: (line: string) => void
}

export type StormResult = {
  kills: number
  databaseKills: number
  /** Named places at which it really died. */
  reached: string[]
  acknowledged: number
  stored: number
  /** Kept aside with a reason; a kill must not cause it. */
  quarantined: number
  /** Why: reasons with how many items wait because of them. */
  quarantineReasons: string[]
  lost: number
  doubled: number
  /** Mails the SMTP server accepted, and how many of them it had accepted before. */
  mails: number
  mailsTwice: number
  /** Person and journey step that got more than one mail. */
  personsTwice: number
  unknownListed: number
  slowestRestartSeconds: number
  /** From kill to kill, its pause and the restart included: how long a run of more kills will take. */
  secondsPerKill: { server: number; database: number }
  seconds: number
}

export async function killStorm(options: StormOptions): Promise<StormResult> {
  const log = options.log ?? (() => {})
  const started = performance.now()
  const draw = randomFrom(options.seed)
  const data = await mkdtemp(join(tmpdir(), 'einklang-kill-'))
  if (options.points) await writeFile(join(data, testMark), '')
  const smtp = await countingSmtp()
  const port = await freePort()
  const server = new Served(data, port, { EINKLANG_SMTP_URL: `smtp://127.0.0.1:${smtp.port}` })
  const acknowledged = new Set<string>()
  const reached: string[] = []
  let slowest = 0
  let between: EagerProxy | null = null
  try {
    slowest = await server.start()
    const api = server.api()
    const { key, source } = await ask<{ key: string; source: { id: SourceId } }>(api, 'POST', '/api/ingest/sources', {
      name: 'Storm shop',
      kind: 'shop',
      trust: 'secret',
      consentCategories: { newsletter: 'newsletter' },
    })
    await activateJourneys(api)
    if (options.eager) between = await eagerProxy(api.url)
    const traffic = new Traffic({ url: between?.url ?? api.url, key, acknowledged, draw, ...options })
    const sending = traffic.run()
    for (const point of options.points ?? []) {
      await server.kill()
      // Not at the first pass: something should have gone well before.
      slowest = Math.max(slowest, await server.start(`${point}:die@3`))
      if (await server.diesWithin(60_000)) reached.push(point)
      log(`${point}: ${reached.includes(point) ? 'died there' : 'not reached'}, ${acknowledged.size} acknowledged`)
    }
    if (options.points) await server.kill()
    if (options.points) slowest = Math.max(slowest, await server.start())
    const serverKills = performance.now()
    for (let kill = 1; kill <= options.kills; kill++) {
      await pause(100 + draw() * 2400)
      await server.kill()
      slowest = Math.max(slowest, await server.start())
      log(`kill ${kill}/${options.kills}: ${acknowledged.size} acknowledged, ${smtp.mails.length} mails`)
    }
    const databaseKills = performance.now()
    for (let kill = 1; kill <= (options.databaseKills ?? 0); kill++) {
      await pause(100 + draw() * 1400)
      slowest = Math.max(slowest, await killDatabase(data, api))
      log(`PostgreSQL ${kill}/${options.databaseKills}: ${acknowledged.size} acknowledged`)
    }
    const killed = performance.now()
    traffic.stop()
    await sending
    await between?.close()
    const after = server.api()
    await drained(after, 1800)
    await mailQuiet(smtp)
    const quarantine = await waiting(after)
    const keys = smtp.mails.map((mail) => mail.messageId)
    const recipients = smtp.mails.map((mail) => mail.to)
    const unknown = await ask<{ items: { state: string }[] }>(
      after,
      'GET',
      '/api/delivery/messages?state=unknown&limit=500',
    )
    await server.stop()
    const { stored, missing, doubled } = await auditEvents(data, source.id, acknowledged)
    return {
      kills: options.kills,
      databaseKills: options.databaseKills ?? 0,
      reached,
      acknowledged: acknowledged.size,
      stored,
      quarantined: quarantine.open,
      quarantineReasons: quarantine.reasons,
      lost: Math.max(0, missing - quarantine.open),
      doubled,
      mails: keys.length,
      mailsTwice: keys.length - new Set(keys).size,
      personsTwice: recipients.length - new Set(recipients).size,
      unknownListed: unknown.items.length,
      slowestRestartSeconds: slowest,
      secondsPerKill: {
        server: each(databaseKills - serverKills, options.kills),
        database: each(killed - databaseKills, options.databaseKills ?? 0),
      },
      seconds: (performance.now() - started) / 1000,
    }
  } finally {
    await between?.close()
    await server.stop()
    await smtp.close()
    await rm(data, { recursive: true, force: true })
  }
}

/** Mean seconds, to a tenth. */
function each(milliseconds: number, times: number): number {
  return times === 0 ? 0 : Math.round(milliseconds / times / 100) / 10
}

/** The places on the way of an event at which a process can die, from the door to the history. */
export const ingestPoints = [
  'ingest.mid-body',
  'ingest.before-commit',
  'ingest.after-commit',
  'ingest.after-claim',
  'ingest.mid-parse',
  'ingest.before-state-commit',
  'ingest.after-state-commit',
  'ingest.mid-history-insert',
  'ingest.before-applied-mark',
] as const

/** Batches of events with ids of our own; what is not acknowledged is sent again until it is. */
class Traffic {
  #running = true
  #next = 0
  readonly #setup: StormOptions & { url: string; key: string; acknowledged: Set<string>; draw: () => number }

  constructor(setup: StormOptions & { url: string; key: string; acknowledged: Set<string>; draw: () => number }) {
    this.#setup = setup
  }

  stop(): void {
    this.#running = false
  }

  async run(): Promise<void> {
    await Promise.all([this.#lane(), this.#lane(), this.#lane()])
  }

  async #lane(): Promise<void> {
    const { acknowledged, draw, duplicates, reordered = 0 } = this.#setup
    let late: { [key: string]: unknown }[] = []
    while (this.#running || late.length > 0) {
      const made = this.#running ? Array.from({ length: 20 }, () => this.#event(this.#next++)) : []
      const held = this.#running ? made.filter(() => draw() < reordered) : []
      const batch = [...made.filter((event) => !held.includes(event)), ...late]
      late = held
      if (batch.length === 0) continue
      await this.#deliver(batch)
      for (const event of batch) acknowledged.add(String(event['messageId']))
      if (draw() < duplicates) await this.#deliver(batch)
      // About what the appliers keep up with beside so many restarts; in a long run about a million events in all, because the
      // ledger of what was acknowledged lies in memory.
      await pause(Math.max(40, 0.3 * (this.#setup.kills + (this.#setup.databaseKills ?? 0))))
    }
  }

  async #deliver(batch: { [key: string]: unknown }[]): Promise<void> {
    for (;;) {
      const answered = await fetch(`${this.#setup.url}/v1/batch`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${this.#setup.key}:`)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ batch, sentAt: new Date().toISOString() }),
      }).then(
        (answer) => answer.status,
        () => 0,
      )
      if (answered === 200) return
      if (answered >= 400 && answered < 500 && answered !== 429) throw new Error(`The server answered ${answered}.`)
      await pause(50)
    }
  }

  /** Everyone signs up with consent first, then abandons a cart two hours ago, then looks around. */
  #event(index: number): { [key: string]: unknown } {
    const person = index % this.#setup.persons
    const round = Math.floor(index / this.#setup.persons)
    const userId = `storm-${person}`
    const messageId = `storm-${index}`
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
    if (round === 0)
      return {
        type: 'identify',
        messageId,
        userId,
        timestamp: ago(200),
        traits: { email: `${userId}@example.com`, firstName: 'Storm' },
      }
    if (round === 1)
      return {
        type: 'track',
        messageId,
        userId,
        timestamp: ago(190),
        event: 'Segment Consent Preference Updated',
        properties: { text_version: 'sign-up 1' },
        context: { consent: { categoryPreferences: { newsletter: true } } },
      }
    if (round === 2)
      return {
        type: 'track',
        messageId,
        userId,
        timestamp: ago(120),
        event: 'Checkout Started',
        properties: {
          currency: 'EUR',
          value: 89.9,
          products: [{ sku: `SKU-${person}`, name: 'Boot', price: 89.9, quantity: 1 }],
        },
      }
    return {
      type: 'track',
      messageId,
      userId,
      timestamp: ago(1),
      event: 'Product Viewed',
      properties: { sku: `SKU-${index % 500}` },
    }
  }
}

/** The starter journeys are drafts until somebody wants them. */
async function activateJourneys(api: Api): Promise<void> {
  const { items } = await ask<{ items: { id: string }[] }>(api, 'GET', '/api/decision/journeys')
  for (const { id } of items) await ask(api, 'POST', `/api/decision/journeys/${id}/activate`, {})
}

/** Until mails have come and no more come; the journeys need some seconds after the last restart. */
async function mailQuiet(smtp: CountingSmtp): Promise<void> {
  let before = -1
  for (let turn = 0; turn < 20 && (before !== smtp.mails.length || before === 0); turn++) {
    before = smtp.mails.length
    await pause(3000)
  }
}

/** Reads the ids in history, from outside and after the end, and compares them with the client's own ledger. */
async function auditEvents(
  data: string,
  source: SourceId,
  acknowledged: Set<string>,
): Promise<{ stored: number; missing: number; doubled: number }> {
  const history = createHistory({ kind: 'embedded', directory: data })
  try {
    const rows = await history.rows<{ id: string; times: number }>`
      select id, count() as times from (
        select id from ingest.event where source = ${typed('UUID', source)}
        union all select id from ingest.aside where source = ${typed('UUID', source)}) group by id`
    const times = new Map(rows.map((row) => [row.id, row.times]))
    let missing = 0
    for (const messageId of acknowledged) if (!times.has(derivedId('event', source, messageId))) missing++
    return { stored: times.size, missing, doubled: rows.filter((row) => row.times > 1).length }
  } finally {
    await history.close()
  }
}

/** Kills PostgreSQL's first process, as the kernel does when memory is short; seconds until the server is ready again. */
async function killDatabase(data: string, api: Api): Promise<number> {
  const pid = Number(readFileSync(join(data, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  const begin = performance.now()
  process.kill(pid, 'SIGKILL')
  await pause(200)
  while (performance.now() - begin < 90_000) {
    const ready = await fetch(`${api.url}/ready`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ready) return (performance.now() - begin) / 1000
    await pause(50)
  }
  throw new Error('The server was not ready within 90 s after PostgreSQL was killed.')
}

type EagerProxy = { url: string; close(): Promise<void> }

/** The mistake that the audit must find: it acknowledges what it has only in memory, and hands it on once. */
async function eagerProxy(target: string): Promise<EagerProxy> {
  const server = createHttpServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      response.writeHead(200, { 'content-length': 0 }).end()
      const { authorization = '' } = request.headers
      void fetch(`${target}${request.url}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: Buffer.concat(pieces),
      }).catch(() => undefined)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** What stands in quarantine, and why. */
export async function waiting(api: Api): Promise<{ open: number; reasons: string[] }> {
  const { items, open } = await ask<{ items: { code: string; message: string; open: number }[]; open: number }>(
    api,
    'GET',
    '/api/ingest/quarantine',
  )
  return { open, reasons: items.map((group) => `${group.open} × ${group.code}: ${group.message}`) }
}
