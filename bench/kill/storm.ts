/**
 * Kills the server again and again with SIGKILL while a shop sends events and a journey sends mail, then audits
 * from outside: every acknowledged event is in the history once, no message reached the SMTP server twice.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { testMark } from '@einklang/platform'
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
  log?: (line: string) => void
}

export type StormResult = {
  kills: number
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
  try {
    slowest = await server.start()
    const api = server.api()
    const { key } = await ask<{ key: string }>(api, 'POST', '/api/ingest/sources', {
      name: 'Storm shop',
      kind: 'shop',
      trust: 'secret',
      consentCategories: { newsletter: 'newsletter' },
    })
    await activateJourneys(api)
    const traffic = new Traffic({ url: api.url, key, acknowledged, draw, ...options })
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
    for (let kill = 1; kill <= options.kills; kill++) {
      await pause(100 + draw() * 2400)
      await server.kill()
      slowest = Math.max(slowest, await server.start())
      log(`kill ${kill}/${options.kills}: ${acknowledged.size} acknowledged, ${smtp.mails.length} mails`)
    }
    traffic.stop()
    await sending
    const after = server.api()
    await drained(after)
    await mailQuiet(smtp)
    const audit = await auditEvents(after, acknowledged)
    const keys = smtp.mails.map((mail) => mail.messageId)
    const recipients = smtp.mails.map((mail) => mail.to)
    const unknown = await ask<{ items: { state: string }[] }>(
      after,
      'GET',
      '/api/delivery/messages?state=unknown&limit=500',
    )
    return {
      kills: options.kills,
      reached,
      acknowledged: acknowledged.size,
      ...audit,
      mails: keys.length,
      mailsTwice: keys.length - new Set(keys).size,
      personsTwice: recipients.length - new Set(recipients).size,
      unknownListed: unknown.items.length,
      slowestRestartSeconds: slowest,
      seconds: (performance.now() - started) / 1000,
    }
  } finally {
    await server.stop()
    await smtp.close()
    await rm(data, { recursive: true, force: true })
  }
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
    const { acknowledged, draw, duplicates } = this.#setup
    while (this.#running) {
      const batch = Array.from({ length: 20 }, () => this.#event(this.#next++))
      await this.#deliver(batch)
      for (const event of batch) acknowledged.add(String(event['messageId']))
      if (draw() < duplicates) await this.#deliver(batch)
      await pause(5)
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

/** Reads the stored events back page by page and compares with the client's own ledger. */
async function auditEvents(
  api: Api,
  acknowledged: Set<string>,
): Promise<Pick<StormResult, 'stored' | 'quarantined' | 'quarantineReasons' | 'lost' | 'doubled'>> {
  const counts = await ask<{ items: { name: string; kind: string; count: number; sourceName: string }[] }>(
    api,
    'GET',
    '/api/ingest/event-names?days=2',
  )
  const stored = counts.items.filter((row) => row.sourceName === 'Storm shop').reduce((sum, row) => sum + row.count, 0)
  const hours = await ask<{ items: { sourceName: string; accepted: number }[] }>(
    api,
    'GET',
    '/api/ingest/counters?hours=24',
  )
  const accepted = hours.items
    .filter((row) => row.sourceName === 'Storm shop')
    .reduce((sum, row) => sum + row.accepted, 0)
  const { open, reasons } = await waiting(api)
  return {
    stored,
    quarantined: open,
    quarantineReasons: reasons,
    lost: Math.max(0, acknowledged.size - stored - open, acknowledged.size - accepted - open),
    doubled: Math.max(0, stored - acknowledged.size, accepted - acknowledged.size),
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
