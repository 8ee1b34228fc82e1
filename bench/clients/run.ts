/** Drives one package against a running server, hurts both on the way, and audits from outside what was stored. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Api, ask, type Served } from '../served.ts'
import type { Order, Report } from './child.ts'
import { Proxy, probes } from './proxy.ts'

export type Shape = { dialects: string[]; named?: true; signed?: true; tls?: true; secret?: true }

/** Which dialects each package speaks, and how its source is found. */
export const shapes: { [name: string]: Shape } = {
  '@segment/analytics-node': { dialects: ['segment'], secret: true },
  '@segment/analytics-next': { dialects: ['segment'] },
  'analytics-node': { dialects: ['segment'], secret: true },
  '@rudderstack/rudder-sdk-node': { dialects: ['rudderstack'], secret: true },
  '@rudderstack/analytics-js': { dialects: ['rudderstack'] },
  '@jitsu/js': { dialects: ['jitsu'], secret: true },
  '@customerio/cdp-analytics-node': { dialects: ['customerio'], secret: true },
  'customerio-node': { dialects: ['customerio'], secret: true, tls: true },
  '@dittofeed/sdk-node': { dialects: ['dittofeed'], secret: true },
  'posthog-node': { dialects: ['posthog'], secret: true },
  'posthog-js': { dialects: ['posthog'] },
  'klaviyo-api': { dialects: ['klaviyo'], secret: true },
  '@snowplow/node-tracker': { dialects: ['snowplow'], named: true },
  'apache-unomi-tracker': { dialects: ['unomi'], named: true },
  cloudevents: { dialects: ['cloudevents'], secret: true },
  standardwebhooks: { dialects: ['webhook'], signed: true },
  svix: { dialects: ['webhook'], signed: true },
}

const mapping = {
  call: 'track',
  event: 'Probed',
  fields: { userId: 'data.userId', 'properties.probe': 'data.probe', 'properties.text': 'data.text' },
}

export type Verdict = {
  package: string
  /** Probes handed to the package, and those in requests that were answered with 2xx. */
  sent: number
  acknowledged: number
  stored: number
  /** Acknowledged and not stored; stored more than once. */
  lost: number
  doubled: number
  quarantined: { [code: string]: number }
  kinds: { [kind: string]: number }
  requests: { [status: string]: number }
  /** Largest body on the wire, in bytes. */
  largest: number
  /** During the outage: events that the package was given, and how many arrived in the end. */
  outage?: { given: number; arrived: number }
  errors: string[]
  ok: boolean
}

export class Run {
  readonly name: string
  readonly #api: Api
  readonly #proxy: Proxy
  #child: ChildProcess | undefined
  #source = ''
  #sent: string[] = []
  #outage: string[] = []
  #errors: string[] = []

  constructor(name: string, api: Api, proxy: Proxy) {
    this.name = name
    this.#api = api
    this.#proxy = proxy
  }

  get recorded() {
    return this.#proxy.recorded
  }

  async start(port: number, cert: string | null, first: number): Promise<void> {
    const shape = shapes[this.name] as Shape
    const { source, key } = await ask<{ source: { id: string; slug: string }; key: string }>(
      this.#api,
      'POST',
      '/api/ingest/sources',
      {
        name: `Client ${this.name}`,
        kind: 'shop',
        trust: shape.secret ? 'secret' : 'publishable',
        dialects: shape.dialects,
        ...(shape.signed ? { webhook: { scheme: 'standard' } } : {}),
        mappings: [
          { ...mapping, type: 'example.shop.probed' },
          { ...mapping, type: 'shop.probed' },
        ],
      },
    )
    this.#source = source.id
    const secret = shape.signed
      ? await ask<{ secret: string }>(this.#api, 'POST', `/api/ingest/sources/${source.id}/webhook-secrets`, {})
      : null
    this.#child = fork(join(import.meta.dirname, 'child.ts'), {
      execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning', '--no-deprecation'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, ...(cert ? { NODE_EXTRA_CA_CERTS: cert } : {}) },
    })
    const url = `${shape.tls ? 'https' : 'http'}://127.0.0.1:${port}`
    const setup = { url, key, slug: source.slug, secret: secret?.secret ?? '', cert }
    await this.tell({ do: 'start', name: this.name, setup, first })
  }

  /** One order after the other; what the package throws is noted, what it lost shows in the audit. */
  async tell(order: Order): Promise<string[]> {
    const child = this.#child
    if (!child?.connected) return []
    const answer = new Promise<Report>((done) => {
      const ended = () => done({ done: order.do, sent: [], error: 'the process of the package ended' })
      child.once('exit', ended)
      child.once('message', (message) => {
        child.off('exit', ended)
        done(message as Report)
      })
    })
    child.send(order)
    const report = await Promise.race([
      answer,
      pause(60_000).then((): Report => ({ done: order.do, sent: [], error: 'no answer within 60 s' })),
    ])
    this.#sent.push(...report.sent)
    if (report.error) this.#errors.push(`${order.do}: ${report.error}`.slice(0, 200))
    return report.sent
  }

  /** Every call, a large event, a large batch; a refusal and a lost answer in between. */
  async ordinary(): Promise<void> {
    await this.#round({ do: 'calls' })
    await this.#round({ do: 'large' })
    await this.#round({ do: 'bulk' })
    this.#proxy.set('busy', 1)
    await this.#round({ do: 'one' })
    this.#proxy.set('lose', 1)
    await this.#round({ do: 'one' })
    this.#proxy.set('pass')
  }

  async #round(order: Order): Promise<void> {
    await this.tell(order)
    await this.tell({ do: 'flush' })
    await this.quiet(6000)
  }

  /** Sixty events over three seconds, meant to meet the death of the server. */
  async throughOutage(): Promise<void> {
    this.#outage = await this.tell({ do: 'many', count: 60, everyMs: 50 })
    await this.tell({ do: 'flush' })
  }

  down(down: boolean): void {
    this.#proxy.set(down ? 'down' : 'pass')
  }

  /** Until nothing was sent for a second and a half, at most so long. */
  async quiet(most: number): Promise<void> {
    let seen = this.#proxy.recorded.length
    for (let waited = 0, still = 0; waited < most && still < 1500; waited += 100) {
      await pause(100)
      still = this.#proxy.busy || this.#proxy.recorded.length !== seen ? 0 : still + 100
      seen = this.#proxy.recorded.length
    }
  }

  stop(): void {
    this.#child?.disconnect()
    this.#child?.kill()
    this.#proxy.close()
  }

  async audit(): Promise<Verdict> {
    const acknowledged = this.#proxy.acknowledged()
    const { found, kinds } = await storedProbes(this.#api, this.#source)
    const requests: { [status: string]: number } = {}
    for (const { method, status } of this.#proxy.recorded) {
      if (method !== 'OPTIONS') requests[String(status)] = (requests[String(status)] ?? 0) + 1
    }
    const known = new Set([...acknowledged, ...this.#sent])
    const stored = [...found].filter(([probe]) => known.has(probe))
    const lost = [...acknowledged].filter((probe) => !found.has(probe))
    const doubled = stored.filter(([, count]) => count > 1)
    const quarantined = await waiting(this.#api, this.#source)
    return {
      package: this.name,
      sent: new Set(this.#sent).size,
      acknowledged: acknowledged.size,
      stored: stored.length,
      lost: lost.length,
      doubled: doubled.length,
      quarantined,
      kinds,
      requests,
      largest: Math.max(0, ...this.#proxy.recorded.map(({ body }) => body.length)),
      ...(this.#outage.length > 0
        ? { outage: { given: this.#outage.length, arrived: this.#outage.filter((probe) => found.has(probe)).length } }
        : {}),
      errors: this.#errors,
      ok: acknowledged.size > 0 && lost.length === 0 && doubled.length === 0,
    }
  }
}

type Kept = { kind: string; properties: object; context: { traits?: object } }

/** How many events hold each probe: in the traits of identify and group, in the properties of all others. */
async function storedProbes(api: Api, source: string) {
  const found = new Map<string, number>()
  const kinds: { [kind: string]: number } = {}
  for (let after = ''; ; ) {
    const query = `source=${source}&limit=500${after ? `&after=${encodeURIComponent(after)}` : ''}`
    const page = await ask<{ items: Kept[]; next: string | null }>(api, 'GET', `/api/ingest/events?${query}`)
    for (const { kind, properties, context } of page.items) {
      kinds[kind] = (kinds[kind] ?? 0) + 1
      const place = kind === 'identify' || kind === 'group' ? context.traits : properties
      for (const probe of new Set(JSON.stringify(place ?? {}).match(probes) ?? []))
        found.set(probe, (found.get(probe) ?? 0) + 1)
    }
    if (page.next === null) return { found, kinds }
    after = page.next
  }
}

async function waiting(api: Api, source: string): Promise<{ [code: string]: number }> {
  const { items } = await ask<{ items: { source: string; code: string; open: number }[] }>(
    api,
    'GET',
    '/api/ingest/quarantine',
  )
  return Object.fromEntries(items.filter((item) => item.source === source).map(({ code, open }) => [code, open]))
}

/** Takes the server away from all packages at once, in the middle of what they are sending, and brings it back. */
export async function outage(server: Served, runs: Run[]): Promise<void> {
  const sending = runs.map((run) => run.throughOutage())
  await pause(1200)
  await server.kill()
  for (const run of runs) run.down(true)
  await server.start()
  for (const run of runs) run.down(false)
  await Promise.all(sending)
  await Promise.all(runs.map((run) => run.quiet(45_000)))
}
