import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { type FixedClock, fixedClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { createDatabase } from '../database.ts'
import type { Ground } from '../ground.ts'
import { createHistory, type History, historyParts, migrateHistory, type OpenHistory } from '../history.ts'
import { createJobs, type JobKind, runDueJobs } from '../jobs.ts'
import { createLive } from '../live.ts'
import { createLog } from '../log.ts'
import { noMemory } from '../memory.ts'
import { createMetrics } from '../metrics.ts'
import { migrationsIn } from '../migrate.ts'
import { createSecrets } from '../secrets.ts'
import { writtenSql } from '../written-sql.ts'
import { type TestPlaces, templateName, withDatabase } from './setup.ts'

/** A clock that stands still; moving it also moves `platform.now()` before the next statement runs. */
export type TestClock = {
  now(): Date
  advance(by: Parameters<FixedClock['advance']>[0]): Promise<void>
  set(instant: Date | string): Promise<void>
}

export type TestGround = {
  ground: Ground
  clock: TestClock
  /** Address of this test's own database, for parts that bring their own client. */
  databaseUrl: string
  /** Works off background jobs that are due by the machine's clock. */
  runJobs(kinds: JobKind[]): Promise<void>
  close(): Promise<void>
}

/**
 * A ground of its own for a test file (or a test): a fresh copy of the migrated template database, an empty
 * ClickHouse that opens at its first use, and a clock that stands at 2026-03-02T09:00:00Z. Close it in `afterAll`.
 */
export async function testGround(
  options: { start?: string; config?: Partial<Config>; log?: Ground['log'] } = {},
): Promise<TestGround> {
  const places = inject('einklang')
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`
  const administration = createDatabase(withDatabase(places.url, 'postgres'), { connections: 1 })
  await administration.script(`create database ${name} template ${templateName} strategy wal_log`)
  const databaseUrl = withDatabase(places.url, name)

  const clock = fixedClock(options.start ?? '2026-03-02T09:00:00Z')
  let moving: Promise<void> | undefined
  const direct = createDatabase(databaseUrl, { connections: 1 })
  const database = createDatabase(databaseUrl, { connections: 8, settled: () => moving })
  const move = () => {
    const instant = clock.now()
    const after = moving ?? Promise.resolve()
    moving = after.then(async () => {
      await direct.run`insert into platform.fixed_clock (instant) values (${instant})
        on conflict (single) do update set instant = excluded.instant`
    })
    return moving
  }
  await move()

  const directory = join(places.directory, name)
  mkdirSync(directory, { recursive: true })
  const log = options.log ?? createLog('silent')
  const live = await createLive({ database, listen: database.listen, log })
  const history = lazyHistory(places)
  const ground: Ground = {
    config: { ...testConfig(directory, databaseUrl), ...options.config },
    clock,
    database,
    history,
    jobs: createJobs(),
    live,
    log,
    memory: noMemory,
    metrics: createMetrics(),
    secrets: createSecrets('a master secret that only tests know, long enough'),
  }
  return {
    ground,
    clock: {
      now: clock.now,
      advance(by) {
        clock.advance(by)
        return move()
      },
      set(instant) {
        clock.set(new Date(instant))
        return move()
      },
    },
    databaseUrl,
    runJobs: (kinds) => runDueJobs({ url: databaseUrl, kinds, log }),
    async close() {
      await live.close()
      await history.release()
      await Promise.all([database.close(), direct.close()])
      await administration.script(`drop database ${name} with (force)`)
      await administration.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function testConfig(dataDirectory: string, databaseUrl: string): Config {
  return {
    role: 'all',
    dataDirectory,
    host: '127.0.0.1',
    port: 0,
    publicUrl: 'https://shop.example',
    databaseUrl,
    clickhouseUrl: null,
    clickhouseCluster: null,
    secret: null,
    smtpUrl: null,
    smsUrl: null,
    smsToken: null,
    feedHosts: [],
    mailResolver: null,
    watchDirectory: null,
    mailFrom: 'hello@shop.example',
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    languages: ['en', 'de'],
    logLevel: 'silent',
  }
}

// The engine binds one directory per process; the test files and grounds of a worker take turns on it.
const shared = globalThis as { einklangHistory?: { open: OpenHistory; taken: boolean } }

function lazyHistory(places: TestPlaces): History & { release(): Promise<void> } {
  let ready: Promise<OpenHistory> | undefined
  const history = () => {
    ready ??= take(places)
    return ready
  }
  return {
    topology: 'embedded',
    rows: async (text, ...values) => (await history()).rows(text, ...values),
    run: async (text, ...values) => (await history()).run(text, ...values),
    insert: async (table, rows, token) => (await history()).insert(table, rows, token),
    async *blocks(text, ...values) {
      yield* (await history()).blocks(text, ...values)
    },
    insertBlock: async (table, block) => (await history()).insertBlock(table, block),
    ...historyParts,
    async release() {
      if (!ready) return
      await ready
      if (shared.einklangHistory) shared.einklangHistory.taken = false
    },
  }
}

async function take(places: TestPlaces): Promise<OpenHistory> {
  const directory = join(places.directory, `history-${process.pid}`)
  mkdirSync(directory, { recursive: true })
  shared.einklangHistory ??= {
    open: createHistory({ kind: 'embedded', directory, memoryMegabytes: 600 }),
    taken: false,
  }
  const own = shared.einklangHistory
  if (own.taken) throw new Error('Another testGround of this file still holds ClickHouse; close it first.')
  own.taken = true
  const databases = await own.open.rows<{ name: string }>`select name from system.databases
    where name not in ('system', 'default', 'information_schema', 'INFORMATION_SCHEMA')`
  // Dropping, not truncating: the memory of de-duplication tokens goes with the table only.
  for (const { name } of databases) await own.open.run(writtenSql(`drop database \`${name}\` sync`))
  await migrateHistory(own.open, migrationsIn(places.engine, 'history'))
  return own.open
}
