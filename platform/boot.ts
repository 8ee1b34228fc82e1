import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from './clock.ts'
import { type Config, openDataDirectory } from './config.ts'
import { createDatabase, type OpenDatabase } from './database.ts'
import { refuseUnsafePostgres, startPostgres } from './embedded.ts'
import { Outage } from './failure.ts'
import { armFaults, testMark } from './fault.ts'
import type { Ground } from './ground.ts'
import {
  createHistory,
  type History,
  type HistoryPlace,
  historyParts,
  migrateHistory,
  type OpenHistory,
} from './history.ts'
import { createJobs, migrateJobs } from './jobs.ts'
import type { Lifecycle } from './lifecycle.ts'
import { createLive } from './live.ts'
import { lockDataDirectory } from './lock.ts'
import type { Log } from './log.ts'
import { createMemory, noMemory } from './memory.ts'
import { createMetrics } from './metrics.ts'
import { migrate, migrationsIn } from './migrate.ts'
import { createSecrets, masterSecret } from './secrets.ts'

/** Milliseconds that a statement in ClickHouse may go on once stopping has begun. */
const patienceWithStatements = 3000

export type BootedGround = {
  ground: Ground
  /** The pool, with `listen` for loops and `close`. */
  database: OpenDatabase
  /** For parts that bring their own client (sign-in, job queue). */
  databaseUrl: string
}

/**
 * Opens the ground in order: data directory and its lock, PostgreSQL (started, adopted or external), migrations,
 * ClickHouse, live hints. Each step is registered with the lifecycle, so stopping it closes all in reverse.
 */
export async function bootGround(needs: {
  config: Config
  lifecycle: Lifecycle
  log: Log
  /** Folder with one folder per stage, for migrations and history files. */
  engineDirectory: string
  clock?: Clock
  told?: (message: string) => void
  environment?: { [name: string]: string | undefined }
}): Promise<BootedGround> {
  const { config, lifecycle, log } = needs
  const told = needs.told ?? (() => undefined)
  openDataDirectory(config.dataDirectory)
  armFaults(needs.environment?.['EINKLANG_FAULTS'], config.dataDirectory)
  if (config.databaseUrl === null || config.clickhouseUrl === null) {
    await lifecycle.start(
      'data directory',
      () => lockDataDirectory(config.dataDirectory),
      (lock) => lock.release(),
    )
  }
  const secrets = createSecrets(masterSecret(config.secret, config.dataDirectory))
  const metrics = createMetrics({ process: true })

  const databaseUrl = await openPostgres({ config, lifecycle, told })
  const database = await lifecycle.start(
    'database connections',
    () => createDatabase(databaseUrl, { connections: 8 }),
    (open) => open.close(),
  )
  const prepare = async () => {
    await migrateJobs(databaseUrl)
    await migrate(database, migrationsIn(needs.engineDirectory), { told })
  }
  await lifecycle.start('migrations', prepare)
  const history = await openHistory({ ...needs, told })
  const live = await lifecycle.start(
    'live hints',
    () => createLive({ database, listen: database.listen, log }),
    (open) => open.close(),
  )
  const ground: Ground = {
    config,
    clock: needs.clock ?? systemClock,
    database,
    history,
    jobs: createJobs(),
    live,
    log,
    memory: createMemory(),
    metrics,
    secrets,
  }
  return { ground, database, databaseUrl }
}

/**
 * The ground of a further process of a running house: the same PostgreSQL, no history, no lock, nothing to migrate.
 * @throws Outage when history is asked.
 */
export async function joinGround(needs: {
  config: Config
  databaseUrl: string
  log: Log
  environment: { [name: string]: string | undefined }
}): Promise<BootedGround & { close(): Promise<void> }> {
  const { config, databaseUrl, log } = needs
  armFaults(needs.environment['EINKLANG_FAULTS'], config.dataDirectory)
  const database = createDatabase(databaseUrl, { connections: 4 })
  const live = await createLive({ database, listen: database.listen, log })
  const ground: Ground = {
    config,
    clock: systemClock,
    database,
    history: absentHistory,
    jobs: createJobs(),
    live,
    log,
    memory: noMemory,
    metrics: createMetrics(),
    secrets: createSecrets(masterSecret(config.secret, config.dataDirectory)),
  }
  return {
    ground,
    database,
    databaseUrl,
    async close() {
      await live.close()
      await database.close()
    },
  }
}

const absent = () => Promise.reject(new Outage('This process has no history'))
const absentHistory: History = {
  topology: 'embedded',
  rows: absent,
  run: absent,
  insert: absent,
  blocks: () => ({ [Symbol.asyncIterator]: () => ({ next: absent }) }),
  insertBlock: absent,
  ...historyParts,
}

async function openPostgres(needs: {
  config: Config
  lifecycle: Lifecycle
  told: (message: string) => void
}): Promise<string> {
  const { config, lifecycle, told } = needs
  const throwaway = existsSync(join(config.dataDirectory, testMark))
  if (config.databaseUrl !== null) {
    const url = config.databaseUrl
    await lifecycle.start('PostgreSQL', () => refuseUnsafePostgres(url, { throwaway }))
    return url
  }
  const postgres = await lifecycle.start(
    'PostgreSQL',
    () => startPostgres(config.dataDirectory, { told }),
    (server) => server.stop(),
  )
  if (postgres.adopted) told('Took over the PostgreSQL that was still running from this data directory.')
  await lifecycle.start('PostgreSQL check', () => refuseUnsafePostgres(postgres.url, { throwaway }))
  return postgres.url
}

async function openHistory(needs: {
  config: Config
  lifecycle: Lifecycle
  engineDirectory: string
  told: (message: string) => void
}): Promise<OpenHistory> {
  const { config, lifecycle } = needs
  const history = await lifecycle.start(
    'ClickHouse',
    () => createHistory(historyPlace(config)),
    (open) => open.close(),
  )
  // Loops and jobs end between two statements; a long one would keep them beyond everybody's patience.
  lifecycle.stopping.addEventListener('abort', () => {
    setTimeout(() => void history.interrupt().catch(() => undefined), patienceWithStatements).unref()
  })
  const files = migrationsIn(needs.engineDirectory, 'history')
  await lifecycle.start('history', () => migrateHistory(history, files, config.clickhouseCluster, needs.told))
  return history
}

function historyPlace(config: Config): HistoryPlace {
  if (config.clickhouseUrl === null) return { kind: 'embedded', directory: config.dataDirectory }
  if (config.clickhouseCluster === null) return { kind: 'server', url: config.clickhouseUrl }
  return { kind: 'cluster', url: config.clickhouseUrl, cluster: config.clickhouseCluster }
}
