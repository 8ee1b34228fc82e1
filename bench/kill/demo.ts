/**
 * Kills `einklang demo` again and again with SIGKILL, at random moments from its first second to its live phase, starts it
 * again each time and lets it end. Then compares what is stored with a demo of the same retailer that nobody killed, and
 * counts in a mail server of our own whether any mail came twice.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { ask, drained, freePort, Served } from '../served.ts'
import { countingSmtp, randomFrom } from './counting.ts'
import { waiting } from './storm.ts'

export type DemoStormOptions = {
  kills: number
  /** Seeds the moments. */
  seed: number
  size?: 'town' | 'S'
  log?: (line: string) => void
}

export type DemoStormResult = {
  kills: number
  /** Where the demo was when it died: the last line it had written. */
  moments: string[]
  events: number
  /** Sorts of events (source and name) that an undisturbed demo counts otherwise: nothing is lost, nothing doubled. */
  lost: number
  doubled: number
  /** Persons, orders, files and rows of records that an undisturbed demo counts otherwise. */
  different: string[]
  quarantined: number
  quarantineReasons: string[]
  mails: number
  mailsTwice: number
  personsTwice: number
  seconds: number
}

export async function demoStorm(options: DemoStormOptions): Promise<DemoStormResult> {
  const log = options.log ?? (() => {})
  const started = performance.now()
  const draw = randomFrom(options.seed)
  const room = await mkdtemp(join(tmpdir(), 'einklang-demo-kill-'))
  const smtp = await countingSmtp()
  const demo = new Demo({
    data: join(room, 'killed'),
    port: await freePort(),
    size: options.size ?? 'town',
    smtp: `smtp://127.0.0.1:${smtp.port}`,
  })
  const moments: string[] = []
  try {
    for (let kill = 1; kill <= options.kills; kill++) {
      demo.start(['--keep', '--faults', '--speed', '2000'])
      // Spread over the life of a demo whatever the speed of the machine: at a step, and some random time into it.
      const step = Math.floor(((kill - 1 + draw()) / options.kills) * steps.length)
      const moment = await demo.killAt(steps[step] as string, draw() * 1500)
      moments.push(moment)
      log(`kill ${kill}/${options.kills}: ${moment}`)
    }
    await demo.finish()
    const mails = [...smtp.mails]
    const killed = await stored(demo)
    // The same retailer, undisturbed: the same files and the same present.
    const calm = new Demo({ ...demo.setup, data: join(room, 'calm') })
    copyWorld(demo.setup.data, calm.setup.data)
    await calm.finish()
    const wanted = await stored(calm)
    const keys = mails.map((mail) => mail.messageId)
    const recipients = mails.map((mail) => `${mail.to} ${mail.subject}`)
    return {
      kills: options.kills,
      moments,
      events: sum(killed.events),
      ...compared(killed.events, wanted.events),
      different: differences(killed.counts, wanted.counts),
      quarantined: killed.quarantined,
      quarantineReasons: killed.quarantineReasons,
      mails: keys.length,
      mailsTwice: keys.length - new Set(keys).size,
      personsTwice: recipients.length - new Set(recipients).size,
      seconds: (performance.now() - started) / 1000,
    }
  } finally {
    await demo.end('SIGKILL')
    // Adopts the PostgreSQL that the last kill left, and stops it in order.
    if (existsSync(join(demo.setup.data, 'postgres', 'postmaster.pid'))) await stopLeftover(demo)
    await smtp.close()
    await rm(room, { recursive: true, force: true })
  }
}

/** What the demo says on its way; the last line comes when everything of the recent weeks is in. */
const last = 'Ctrl-C stops'
const steps = [
  '',
  'Making the retailer',
  'Creating the database cluster',
  'Migrated ingest',
  'The console answers',
  'Importing products',
  'Importing customers',
  'Importing receipts',
  'Importing messages',
  'Tracking calls',
  'Applying',
  'Building touchpoints',
  'Running journeys',
  last,
]

type Setup = { data: string; port: number; size: string; smtp: string }

class Demo {
  readonly setup: Setup
  #child: ChildProcess | undefined
  #words = ''

  constructor(setup: Setup) {
    this.setup = setup
  }

  start(flags: string[]): void {
    const { data, port, size, smtp } = this.setup
    const cli = join(import.meta.dirname, '../../cli/index.ts')
    const words = ['--conditions=source', '--disable-warning=ExperimentalWarning', cli, 'demo', '--size', size]
    this.#words = ''
    const child = spawn(process.execPath, [...words, '--data', data, '--port', String(port), ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, EINKLANG_SMTP_URL: smtp },
    })
    child.stderr?.on('data', (chunk) => {
      this.#words = (this.#words + String(chunk)).slice(-8000)
    })
    this.#child = child
  }

  /** Lets it come to a step and a little further, kills it and returns where it was. */
  async killAt(step: string, milliseconds: number): Promise<string> {
    const child = this.#child
    const there = () => this.#words.includes(step) || this.#words.includes(last)
    for (let turn = 0; turn < 6000 && child?.exitCode === null && !there(); turn++) await pause(20)
    await pause(milliseconds)
    if (child && child.exitCode !== null) throw new Error(`The demo ended with ${child.exitCode}: ${this.#words}`)
    await this.end('SIGKILL')
    // What it had written before may still be in the pipe.
    await pause(100)
    return this.#words.trim().split('\n').at(-1)?.replace(/\s+/g, ' ').slice(0, 80) || 'before its first line'
  }

  async end(signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  /** Runs until everything is in, the rest of the week included, and stops it as Ctrl-C does. */
  async finish(): Promise<void> {
    this.start(['--keep', '--faults', '--speed', '1000000000'])
    const child = this.#child as ChildProcess
    // What is in may be in since an earlier start: this one must be up before it can be asked to stop.
    const done = () => this.#words.includes(last) && everythingIn(this.setup.data)
    for (let turn = 0; turn < 3000 && child.exitCode === null && !done(); turn++) await pause(200)
    if (child.exitCode !== null) throw new Error(`The demo ended with ${child.exitCode}: ${this.#words}`)
    await this.end('SIGINT')
    if (child.exitCode !== 0) throw new Error(`The demo stopped with ${child.exitCode}: ${this.#words}`)
  }
}

/** Only the world and its present; what the killed demo had stored stays behind. */
function copyWorld(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  cpSync(join(from, 'world'), join(to, 'world'), { recursive: true })
  const state = JSON.parse(readFileSync(join(from, 'demo.json'), 'utf8')) as { [name: string]: unknown }
  const fresh = { keys: {}, sent: {}, imported: [], administrator: null, usable: false, finished: false, seconds: {} }
  writeFileSync(join(to, 'demo.json'), JSON.stringify({ ...state, ...fresh }))
}

type Stored = {
  events: Map<string, number>
  counts: { [name: string]: number }
  quarantined: number
  quarantineReasons: string[]
}

/** What a server on the data directory says is there; events of our own making depend on the hour and stay out. */
async function stored(demo: Demo): Promise<Stored> {
  const server = new Served(demo.setup.data, demo.setup.port, { EINKLANG_SMTP_URL: demo.setup.smtp })
  await server.start()
  try {
    const api = server.api()
    await drained(api)
    const names = await ask<{ items: { sourceName: string; name: string; kind: string; count: number }[] }>(
      api,
      'GET',
      '/api/ingest/event-names?days=3650',
    )
    const events = new Map<string, number>()
    for (const row of names.items) {
      if (row.sourceName.toLowerCase() === 'einklang') continue
      const key = `${row.sourceName} / ${row.name || row.kind}`
      events.set(key, (events.get(key) ?? 0) + row.count)
    }
    const revenue = await ask<{ rows: { orders: number; revenue: number }[] }>(
      api,
      'GET',
      '/api/commerce/revenue?from=2000-01-01&to=2100-01-01&by=month',
    )
    const { open, reasons } = await waiting(api)
    return {
      events,
      quarantined: open,
      quarantineReasons: reasons,
      counts: {
        orders: revenue.rows.reduce((total, row) => total + row.orders, 0),
        revenue: revenue.rows.reduce((total, row) => total + row.revenue, 0),
      },
    }
  } finally {
    await server.stop()
  }
}

/** The demo is finished and each call of the live phase was acknowledged. */
function everythingIn(data: string): boolean {
  const state = JSON.parse(readFileSync(join(data, 'demo.json'), 'utf8')) as {
    finished: boolean
    sent: { [file: string]: number }
  }
  if (!state.finished) return false
  const manifest = JSON.parse(readFileSync(join(data, 'world', 'product', 'manifest.json'), 'utf8')) as {
    files: { path: string; rows: number }[]
  }
  return manifest.files.every(({ path, rows }) => !path.startsWith('live/') || (state.sent[path] ?? 0) >= rows)
}

function compared(killed: Map<string, number>, wanted: Map<string, number>): { lost: number; doubled: number } {
  let lost = 0
  let doubled = 0
  for (const key of new Set([...killed.keys(), ...wanted.keys()])) {
    const more = (killed.get(key) ?? 0) - (wanted.get(key) ?? 0)
    if (more > 0) doubled += more
    else lost -= more
  }
  return { lost, doubled }
}

function differences(killed: { [name: string]: number }, wanted: { [name: string]: number }): string[] {
  return Object.keys(wanted)
    .filter((name) => killed[name] !== wanted[name])
    .map((name) => `${name}: ${killed[name]} instead of ${wanted[name]}`)
}

function sum(counts: Map<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}

async function stopLeftover(demo: Demo): Promise<void> {
  const server = new Served(demo.setup.data, demo.setup.port)
  await server.start().catch(() => undefined)
  await server.stop()
}
