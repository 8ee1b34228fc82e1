import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createServer as createProbe } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Connector, liveTopics } from '@einklang/contract'
import {
  type BootedGround,
  bootGround,
  type Caller,
  type Clock,
  type Config,
  createHttpServer,
  createLifecycle,
  createLog,
  groundJobs,
  type Health,
  type HttpServer,
  type Log,
  runLoops,
  slim,
  startJobs,
} from '@einklang/platform'
import { startApplier } from './applier.ts'
import { compose, type House } from './compose.ts'
import { eraseRoute } from './erase.ts'
import { announce, localCaller, localToken, version } from './local.ts'
import { engineDirectory } from './migrate.ts'
import { askToHandOver, drainAfterHandOver, handOverSignal, longestHandOver } from './take-over.ts'
import { watchViews } from './viewed.ts'

export type Started = {
  /** Address on this machine; null for a worker, which serves nobody. */
  url: string | null
  /** Present only when this start made the first administrator: the password is shown once. */
  firstAdministrator: { email: string; password: string } | null
}

export type Server = {
  start(): Promise<Started>
  /** Within ten seconds; returns what had to be abandoned. */
  stop(): Promise<string[]>
  readonly stopped: Promise<string[]>
  stopOnSignals(): void
  /** The stages, once started: for the demo and for tests. */
  readonly house: House
  readonly ground: BootedGround['ground']
}

export type ServerOptions = {
  config: Config
  told?: (message: string) => void
  clock?: Clock
  log?: Log
  /** Further outside channels, for example an SMS gateway; one of a channel that we bring ourselves takes its place. */
  connectors?: Connector[]
  /** The starter journey runs at once instead of waiting as a draft (the demo). */
  activeStarters?: boolean
  /** Events are applied in a process of their own, beside the door. */
  ownApplier?: boolean
  /** Takes the house over from the server that has the data directory, which answers until we do. */
  takeOver?: boolean
  /** Tests: an answer that does not fit its declaration fails. */
  checkAnswers?: boolean
}

/** The whole system, or its api or worker part. */
export function createServer(options: ServerOptions): Server {
  const log = options.log ?? createLog(options.config.logLevel)
  const told = options.told ?? (() => undefined)
  // A start that fails is told in one sentence, not in the names of what was closed again.
  const lifecycle = createLifecycle({ log, told: (message) => started && told(message) })
  let started = false
  let handedOver = false
  let open: { house: House; ground: BootedGround['ground'] } | undefined
  const opened = () => {
    if (!open) throw new Error('The server has not been started')
    return open
  }

  async function start(): Promise<Started> {
    const config = await withPort(options.config)
    const predecessor = options.takeOver ? await askToHandOver(config.dataDirectory, told) : null
    const booted = await bootGround({
      config,
      lifecycle,
      log,
      engineDirectory,
      told,
      environment: process.env,
      ...(options.clock ? { clock: options.clock } : {}),
    })
    const { ground } = booted
    const house = await lifecycle.start(
      'stages',
      () => compose(ground, options.connectors ? { connectors: options.connectors } : {}),
      (stages) => stages.close(),
    )
    open = { house, ground }
    if (config.role !== 'api') await house.seed({ active: options.activeStarters ?? false })
    if (config.role !== 'api') await startWork(booted, house)
    // Before the door opens: whoever calls is not to wait for it.
    slim()
    const url = config.role === 'worker' ? null : await startHttp(booted, house)
    predecessor?.dismiss()
    // Last, so that a start that fails does not swallow the password that is told only once.
    const firstAdministrator = await house.governance.firstAdministrator()
    started = true
    // Kept now, not only at the end: a process that is killed would have to compile its sources again.
    flushCompileCache()
    return { url, firstAdministrator }
  }

  /** Works no more and gives the data directory away, but answers at the door until the successor says so. */
  async function handOver(): Promise<void> {
    told('Handing over to a successor; the door stays open.')
    handedOver = true
    // A successor that never comes must not leave a door without a house.
    setTimeout(() => void lifecycle.stop().then(() => process.exit(1)), longestHandOver).unref()
    await lifecycle.handOver({
      stop: ['loops', 'appliers', 'jobs', 'ClickHouse', 'data directory'],
      leave: ['PostgreSQL'],
    })
  }

  async function startWork({ ground, database, databaseUrl }: BootedGround, house: House): Promise<void> {
    const { config, metrics } = ground
    const apart = (options.ownApplier ?? false) && config.role === 'all'
    const loops = house.parts.flatMap((part) => part.loops ?? []).filter((loop) => !(apart && loop.apart))
    const kinds = [...house.parts.flatMap((part) => part.jobs ?? []), ...groundJobs(ground.database)]
    await lifecycle.start(
      'jobs',
      () => startJobs({ url: databaseUrl, kinds, log }),
      (jobs) => jobs.stop(),
    )
    if (apart) {
      await lifecycle.start(
        'appliers',
        () => startApplier({ config, databaseUrl, log, metrics }),
        (applier) => applier.stop(),
      )
    }
    await lifecycle.start(
      'loops',
      () => runLoops({ loops, listen: database.listen, log, metrics }),
      (running) => running.stop(),
    )
  }

  async function startHttp({ ground }: BootedGround, house: House): Promise<string> {
    const http = httpOf({ ...options, log }, ground, house)
    const { url } = await lifecycle.start(
      'HTTP',
      () => http.listen(),
      () => http.close(handedOver ? { drain: drainAfterHandOver } : {}),
    )
    await lifecycle.start(
      'address',
      () => announce(ground.config.dataDirectory, url),
      (withdraw) => withdraw(),
    )
    return url
  }

  return {
    start,
    stop: () => lifecycle.stop(),
    stopped: lifecycle.stopped,
    stopOnSignals() {
      lifecycle.stopOnSignals()
      process.once(handOverSignal, () => void handOver())
    },
    get house() {
      return opened().house
    },
    get ground() {
      return opened().ground
    },
  }
}

function httpOf(options: ServerOptions & { log: Log }, ground: BootedGround['ground'], house: House): HttpServer {
  const { config, database, history, clock, memory, metrics, live } = ground
  const { governance, parts } = house
  const { log } = options
  const onThisMachine = localCaller(localToken(config.dataDirectory))
  const watched = watchViews({ database, governance, clock, log })
  return createHttpServer({
    config,
    version,
    routes: [...parts.flatMap((part) => part.routes), ...eraseRoutes()].map(watched),
    raw: parts.flatMap((part) => part.raw ?? []),
    authenticate: async (headers) => onThisMachine(headers) ?? governance.authenticate(headers),
    refused: ({ caller, route, reason }) => {
      if (caller.kind !== 'anonymous') void auditRefusal(caller, route, reason)
    },
    database,
    log,
    metrics,
    live,
    memory,
    liveTopics,
    consoleDirectory: consoleDirectory(),
    health: () => healthOf(),
    checkAnswers: options.checkAnswers ?? false,
    early: house.early,
    besidePredecessor: options.takeOver ?? false,
  })

  function eraseRoutes() {
    return parts.some((part) => part.stage === 'identity') ? [eraseRoute({ database, governance, parts })] : []
  }

  async function auditRefusal(actor: Caller, route: string, reason: string): Promise<void> {
    try {
      await database.transaction((tx) =>
        governance.audit(tx, {
          actor,
          action: 'route.refused',
          object: { kind: 'route', id: route },
          result: 'refused',
          reason,
        }),
      )
    } catch (error) {
      log.error('A refusal could not be written down.', { error })
    }
  }

  /** PostgreSQL away: not ready. ClickHouse away: ready, but history is old. */
  async function healthOf(): Promise<Health> {
    const [truth, past] = await Promise.allSettled([database.row`select 1 as one`, history.rows`select 1 as one`])
    const ready = truth.status === 'fulfilled'
    return {
      ready,
      failing: ready ? [] : ['PostgreSQL'],
      degraded: past.status === 'fulfilled' ? [] : ['ClickHouse'],
    }
  }
}

/** The built console; null when it was not built (development of the server alone). */
function consoleDirectory(): string | null {
  const directory = fileURLToPath(new URL('../console/dist', import.meta.url))
  return existsSync(directory) ? directory : null
}

/** Port 0 means any: it is chosen before anything starts, because links in mails carry it. */
async function withPort(config: Config): Promise<Config> {
  if (config.port !== 0 || config.role === 'worker') return config
  const port = await new Promise<number>((resolve, reject) => {
    const probe = createProbe()
    probe.once('error', reject)
    probe.listen(0, config.host, () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
  const publicUrl = config.publicUrl === 'http://localhost:0' ? `http://localhost:${port}` : config.publicUrl
  return { ...config, port, publicUrl }
}
