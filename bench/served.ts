/** One `einklang serve` as a child process on a data directory, for benchmarks that measure or kill it from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { createDatabase, type OpenDatabase } from '@einklang/platform'
import { localAccess } from '@einklang/server'

export type Api = { url: string; headers: { [name: string]: string } }

export class Served {
  #child: ChildProcess | undefined
  readonly #ours = new Set<number>()
  readonly data: string
  readonly port: number
  readonly #environment: { [name: string]: string }

  constructor(data: string, port: number, environment: { [name: string]: string } = {}) {
    this.data = data
    this.port = port
    this.#environment = environment
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts and waits until it is ready; returns the seconds that took. `faults` arms places where it is to die. */
  start(faults?: string): Promise<number> {
    return this.#launch([], faults)
  }

  /** Starts beside a running server and waits until that one has ended; returns the seconds until then. */
  async takeOver(predecessor: Served): Promise<number> {
    const begin = performance.now()
    await this.#launch(['--take-over'])
    const failed = this.ended().then(() => {
      throw new Error('The successor ended before its predecessor.')
    })
    failed.catch(() => undefined)
    await Promise.race([predecessor.ended(), failed])
    return (performance.now() - begin) / 1000
  }

  async ended(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    await new Promise((resolve) => child.once('exit', resolve))
  }

  async #launch(words: string[], faults?: string): Promise<number> {
    const begin = performance.now()
    const cli = join(import.meta.dirname, '../cli/index.ts')
    const child = spawn(
      process.execPath,
      // As the wrapper starts it.
      [
        '--max-semi-space-size=16',
        '--heap-growing-percent=100',
        '--conditions=source',
        cli,
        'serve',
        '--data',
        this.data,
        '--port',
        String(this.port),
        ...words,
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          EINKLANG_LOG_LEVEL: 'error',
          ...this.#environment,
          ...(faults ? { EINKLANG_FAULTS: faults } : {}),
        },
      },
    )
    this.#child = child
    this.#ours.clear()
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors = (errors + String(chunk)).slice(-4000)
    })
    while (performance.now() - begin < 90_000) {
      if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}: ${errors}`)
      // An armed place may be reached before anybody asks whether it is ready.
      if (child.signalCode !== null) return (performance.now() - begin) / 1000
      this.#notice()
      const ready = await fetch(`http://127.0.0.1:${this.port}/ready`).then(
        (answer) => answer.ok,
        () => false,
      )
      if (ready) return (performance.now() - begin) / 1000
      await pause(50)
    }
    throw new Error(`The server was not ready within 90 s: ${errors}`)
  }

  /** Did it, or a process of ours that works for it, end by itself within the time? */
  async diesWithin(milliseconds: number): Promise<boolean> {
    const child = this.#child
    if (!child) return true
    for (let waited = 0; waited < milliseconds; waited += 50) {
      if (child.exitCode !== null || child.signalCode !== null) return true
      this.#notice()
      if (![...this.#ours].every(isNode)) return true
      await pause(50)
    }
    return false
  }

  /** Remembers the processes of ours that work for the server. */
  #notice(): void {
    for (const pid of descendants(this.pid)) if (isNode(pid)) this.#ours.add(pid)
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = this.ended()
    child.kill(signal)
    await gone
  }

  api(): Api {
    const access = localAccess(this.data)
    if (!access) throw new Error('The server left no address.')
    return access
  }

  /** Its PostgreSQL, by the files that it leaves for its owner. */
  database(): OpenDatabase {
    const [, , , port, directory] = readFileSync(join(this.data, 'postgres', 'postmaster.pid'), 'utf8').split('\n')
    const password = readFileSync(join(this.data, 'postgres.password'), 'utf8').trim()
    return createDatabase(
      `postgres://einklang:${password}@localhost:${port}/einklang?host=${encodeURIComponent(directory ?? '')}`,
      { connections: 8 },
    )
  }

  /** Processor seconds so far of the server's process, of its appliers, and of PostgreSQL. */
  processorSeconds(): { main: number; appliers: number; postgres: number } {
    const sums = { main: 0, appliers: 0, postgres: 0 }
    for (const pid of descendants(this.pid)) {
      const role = pid === this.pid ? 'main' : isNode(pid) ? 'appliers' : 'postgres'
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')
        // Of PostgreSQL's sessions that have ended meanwhile its first process keeps the account.
        const own = role === 'postgres' ? [11, 12, 13, 14] : [11, 12]
        for (const index of own) sums[role] += Number(fields[index]) / 100
      } catch {
        // It ended meanwhile.
      }
    }
    return sums
  }

  /** Resident memory in MB of the server and all its children, shared pages counted once per process group (PSS). */
  memory(): number {
    return descendants(this.pid).reduce((sum, pid) => sum + proportional(pid), 0)
  }

  /** The same of its largest process alone. */
  largest(): number {
    return Math.max(0, ...descendants(this.pid).map(proportional))
  }
}

export async function ask<Answer>(api: Api, method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(`${api.url}${path}`, {
    method,
    headers: { ...api.headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Answer
}

/** A shop that sends: its secret key. */
export async function shopKey(api: Api, name: string): Promise<string> {
  const made = await ask<{ key: string }>(api, 'POST', '/api/ingest/sources', { name, kind: 'shop', trust: 'secret' })
  return made.key
}

/** Waits until everything acknowledged is applied and in the history. */
export async function drained(api: Api, seconds = 120): Promise<void> {
  for (let turn = 0; turn < seconds * 5; turn++) {
    const { lag } = await ask<{ lag: { rows: number; historyBatches: number } }>(
      api,
      'GET',
      '/api/ingest/counters?hours=1',
    )
    if (lag.rows === 0 && lag.historyBatches === 0) return
    await pause(200)
  }
  throw new Error(`The inbox did not drain within ${seconds} s.`)
}

export async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (!address || typeof address === 'string') throw new Error('No free port.')
  return address.port
}

export function descendants(root: number): number[] {
  const all = [root]
  for (const pid of all) {
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      if (children) all.push(...children.split(' ').map(Number))
    } catch {
      // It ended meanwhile.
    }
  }
  return all
}

/** A living process that runs the same program as we do; databases come and go as they like. */
function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === process.execPath
  } catch {
    return false
  }
}

function proportional(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** What a table in `docs/benchmarks.md` needs to say about the machine. */
export function machine(): string {
  const model = /model name\s*: (.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch
  return `${model}, ${process.platform} ${process.arch}, Node ${process.versions.node}`
}

type Cookie = { name: string; value: string }

/** A colleague who may see everything, already past the change of the generated password. */
export async function newColleague(api: Api, port: number): Promise<{ id: string; cookie: Cookie }> {
  const email = `bench-${port}-${process.pid}@example.test`
  const roles = ['admin', 'marketer', 'store', 'support', 'privacy', 'analyst']
  const made = await ask<{ colleague: { id: string }; password: string }>(api, 'POST', '/api/governance/people', {
    name: 'Bench',
    email,
    roles,
  })
  const next = `Regen auf Kirschbaum ${process.pid}`
  const send = (path: string, body: object, cookie?: Cookie) =>
    fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: api.url,
        ...(cookie ? { cookie: `${cookie.name}=${cookie.value}` } : {}),
      },
      body: JSON.stringify(body),
    })
  const signedIn = await send('/api/governance/session', { email, password: made.password })
  const first = cookieOf(signedIn)
  const changed = await send('/api/governance/password', { current: made.password, next }, first)
  if (!changed.ok) throw new Error(`The password could not be changed: ${await changed.text()}`)
  const again = await send('/api/governance/session', { email, password: next })
  return { id: made.colleague.id, cookie: cookieOf(again) }
}

function cookieOf(answer: Response): Cookie {
  const [pair = ''] = answer.headers.getSetCookie()[0]?.split(';') ?? []
  const cut = pair.indexOf('=')
  if (cut < 0) throw new Error(`The sign-in gave no session: ${answer.status}`)
  return { name: pair.slice(0, cut), value: pair.slice(cut + 1) }
}
