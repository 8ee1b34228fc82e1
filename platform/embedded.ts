import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createDatabase } from './database.ts'
import { Outage } from './failure.ts'
import { hydratePostgres } from './hydrate.ts'

export type EmbeddedPostgres = {
  url: string
  /** True when the server was already running from this directory, left over by a killed process. */
  adopted: boolean
  /** Fast shutdown: sessions are ended, a checkpoint is written. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL of our npm package in `directory`, creating the cluster the first time. It runs in a
 * session of its own, so Ctrl-C reaches only us and we decide the order of stopping. `throwaway` trades
 * durability for speed and is for test directories only.
 */
export async function startPostgres(
  directory: string,
  options: { throwaway?: boolean; told?: (message: string) => void } = {},
): Promise<EmbeddedPostgres> {
  const told = options.told ?? (() => undefined)
  const native = hydratePostgres()
  const cluster = join(directory, 'postgres')
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const runner = runnerFor({ native, directory, cluster })
  const password = passwordIn(directory)
  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    told('Creating the database cluster.')
    createCluster({ native, cluster, password, runner })
  }
  refuseOtherVersion(native, cluster)

  const needs = { native, cluster, password, runner, throwaway: options.throwaway ?? false, directory }
  const running = await postmasterOf(cluster)
  if (!running) return kept(needs, await launch(needs), { adopted: false, told })
  const url = urlOf(running, password)
  await waitUntilItAnswers(url, cluster, running.pid)
  return kept(needs, { url, ...running }, { adopted: true, told })
}

type Running = { url: string; pid: number; port: number }

/**
 * A server that is killed, by the kernel for memory for instance, is started again at the same address: connections
 * find their way back by themselves.
 */
function kept(
  needs: Launch,
  { url, pid, port }: Running,
  how: { adopted: boolean; told: (message: string) => void },
): EmbeddedPostgres {
  let alive = pid
  let looking: Promise<void> | null = null
  const look = async () => {
    try {
      const other = await postmasterOf(needs.cluster)
      if (other) alive = other.pid
      else {
        how.told('PostgreSQL ended by itself and is started again.')
        alive = (await launch(needs, port)).pid
      }
    } catch {
      // Processes of the dead one may still hold its memory; the next look tries again.
    }
    looking = null
  }
  const timer = setInterval(() => {
    if (!isRunning(alive)) looking ??= look()
  }, 500)
  timer.unref()
  return {
    url,
    adopted: how.adopted,
    async stop() {
      clearInterval(timer)
      await looking
      await stopPostmaster(needs.cluster, alive)
    },
  }
}

/**
 * Sessions of a dead server that are in the middle of a statement hold its memory until they are done, and no new one starts
 * before. Their work is lost anyway: where the system tells which they are (`/proc`), they end at once.
 */
function endOrphans(cluster: string): void {
  if (!existsSync('/proc/self/cwd')) return
  const place = realpathSync(cluster)
  for (const pid of readdirSync('/proc').map(Number)) {
    try {
      if (pid > 0 && readlinkSync(`/proc/${pid}/cwd`) === place && procName(pid)?.trim() === 'postgres')
        process.kill(pid, 'SIGQUIT')
    } catch {
      // It ended meanwhile, or belongs to somebody else.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Ends the server that a killed program left running from this directory, before somebody clears the directory. */
export async function stopLeftoverPostgres(directory: string): Promise<void> {
  const cluster = join(directory, 'postgres')
  const running = await postmasterOf(cluster)
  if (running) await stopPostmaster(cluster, running.pid)
}

/** The password lies beside the cluster, readable by us alone; PostgreSQL itself only keeps its SCRAM verifier. */
function passwordIn(directory: string): string {
  const file = join(directory, 'postgres.password')
  if (!existsSync(file)) {
    // Whole or not at all: a password cut off by a kill would lock us out of our own cluster.
    writeFileSync(`${file}.new`, randomBytes(24).toString('base64url'), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return readFileSync(file, 'utf8').trim()
}

/** How to start a program that refuses to be root: as `uid`, with a command in front when folders are closed to it. */
type Runner = { uid?: number; gid?: number; before: string[] }

function runnerFor(places: { native: string; directory: string; cluster: string }): Runner {
  if (process.getuid?.() !== 0) return { before: [] }
  const user =
    existsSync(places.cluster) && statSync(places.cluster).uid !== 0 ? statSync(places.cluster) : serviceUser()
  const closed = [places.native, places.directory]
    .map((path) => closedFolderOn(path, user))
    .find((path) => path !== null)
  if (!closed) return { uid: user.uid, gid: user.gid, before: [] }
  const before = [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--',
  ]
  if (spawnSync(before[0] as string, [...before.slice(1), 'true']).status === 0)
    return { before, uid: user.uid, gid: user.gid }
  throw new Error(
    `PostgreSQL never runs as root, and the account it would use (uid ${user.uid}) cannot enter ${closed}; run "chmod o+x ${closed}", move the folder, or run Einklang as an ordinary user.`,
  )
}

/** An unprivileged account of this machine; initdb insists that it has a name. */
function serviceUser(): { uid: number; gid: number } {
  for (const name of ['einklang', 'postgres', 'nobody', 'daemon']) {
    const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' })
    if (uid.status !== 0) continue
    return { uid: Number(uid.stdout), gid: Number(execFileSync('id', ['-g', name], { encoding: 'utf8' })) }
  }
  throw new Error(
    'PostgreSQL never runs as root, and this machine has no account "nobody"; run Einklang as an ordinary user.',
  )
}

/** The first folder on the way to `path` that the account may not pass through, or null. */
function closedFolderOn(path: string, user: { uid: number; gid: number }): string | null {
  const folders: string[] = []
  for (let folder = path; ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (folder === dirname(folder)) break
  }
  for (const folder of folders) {
    const { uid, gid, mode } = statSync(folder)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return folder
  }
  return null
}

function commandOf(runner: Runner, program: string, words: string[]) {
  if (runner.before.length > 0)
    return { file: runner.before[0] as string, words: [...runner.before.slice(1), program, ...words], as: {} }
  const as = runner.uid === undefined ? {} : { uid: runner.uid, gid: runner.gid as number }
  return { file: program, words, as }
}

/** Built beside and renamed, so that a crash in the middle leaves nothing that looks like a cluster. */
function createCluster(needs: { native: string; cluster: string; password: string; runner: Runner }): void {
  const fresh = `${needs.cluster}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  const passwordFile = `${needs.cluster}.pw`
  writeFileSync(passwordFile, needs.password, { mode: 0o600 })
  own(fresh, needs.runner)
  own(passwordFile, needs.runner)
  const command = commandOf(needs.runner, join(needs.native, 'bin', 'initdb'), [
    '-D',
    fresh,
    '-U',
    'einklang',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
  ])
  try {
    const made = spawnSync(command.file, command.words, {
      ...command.as,
      encoding: 'utf8',
      cwd: '/',
      env: environment(),
    })
    if (made.status !== 0) {
      const reason = (made.stderr || made.error?.message || `exit ${made.status}`)
        .trim()
        .split('\n')
        .slice(-3)
        .join(' ')
      throw new Error(`The embedded PostgreSQL could not create its cluster in ${needs.cluster}: ${reason}`)
    }
    renameSync(fresh, needs.cluster)
  } finally {
    rmSync(passwordFile, { force: true })
    rmSync(fresh, { recursive: true, force: true })
  }
}

function own(path: string, runner: Runner): void {
  if (runner.uid !== undefined) chownSync(path, runner.uid, runner.gid as number)
}

// The server needs no more; nothing of our environment (secrets) is handed on. The allocator gives large pieces back at
// once: left to itself it learns from a few big batches to keep 20 MB in each connection.
const environment = () => ({
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '1048576',
})

function refuseOtherVersion(native: string, cluster: string): void {
  const data = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()
  const program = /"version":\s*"(\d+)\./.exec(readFileSync(join(native, '..', 'package.json'), 'utf8'))?.[1]
  if (data !== program) {
    throw new Error(
      `${cluster} was made by PostgreSQL ${data}, this program brings PostgreSQL ${program}; restore a backup into a new data directory or use the Einklang version that made it.`,
    )
  }
}

type Postmaster = { pid: number; port: number; socketDirectory: string }

/** The server that runs from this directory, by its postmaster.pid; null when it is gone. Clears a pid that was reused. */
async function postmasterOf(cluster: string): Promise<Postmaster | null> {
  const file = join(cluster, 'postmaster.pid')
  for (let tries = 0; existsSync(file); tries++) {
    const [pidLine, , , portLine, socketLine] = readFileSync(file, 'utf8').split('\n')
    const pid = Number(pidLine)
    if (!Number.isInteger(pid) || !isPostgres(pid)) {
      rmSync(file, { force: true })
      return null
    }
    if (Number(portLine) > 0) return { pid, port: Number(portLine), socketDirectory: (socketLine ?? '').trim() }
    if (tries > 200) throw new Outage(`A PostgreSQL (pid ${pid}) is starting in ${cluster} but does not get ready.`)
    await pause(25)
  }
  return null
}

function isPostgres(pid: number): boolean {
  if (!isRunning(pid)) return false
  const found = spawnSync('ps', ['-o', 'stat=,comm=', '-p', String(pid)], { encoding: 'utf8' })
  // Without ps we believe the file: starting anyway would be refused by PostgreSQL's own lock.
  if (found.error) return procName(pid) === null || /postgres/.test(procName(pid) as string)
  return /postgres/.test(found.stdout) && !found.stdout.trim().startsWith('Z')
}

function procName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8')
  } catch {
    return null
  }
}

function urlOf(server: { port: number; socketDirectory: string }, password: string, name = 'einklang'): string {
  const socket = server.socketDirectory ? `?host=${encodeURIComponent(server.socketDirectory)}` : ''
  const host = server.socketDirectory ? 'localhost' : '127.0.0.1'
  return `postgres://einklang:${password}@${host}:${server.port}/${name}${socket}`
}

// Two cores and little memory are the usual home; a bigger machine brings its own PostgreSQL by DATABASE_URL.
const settings: { [name: string]: string } = {
  shared_buffers: '128MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  effective_cache_size: '512MB',
  max_connections: '60',
  max_wal_size: '2GB',
  min_wal_size: '80MB',
  wal_compression: 'on',
  checkpoint_timeout: '10min',
  jit: 'off',
  random_page_cost: '1.1',
  max_worker_processes: '4',
  max_parallel_workers: '2',
  max_parallel_workers_per_gather: '1',
  autovacuum_max_workers: '2',
  autovacuum_naptime: '30s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_analyze_scale_factor: '0.05',
  idle_in_transaction_session_timeout: '5min',
  io_method: 'sync',
  log_line_prefix: '%m [%p] ',
  log_timezone: 'UTC',
  timezone: 'UTC',
  password_encryption: 'scram-sha-256',
}

/** Socket addresses hold 107 bytes (103 on macOS) and the setting is a list with commas; else the loopback address serves. */
function canHoldSocket(cluster: string, port: number): boolean {
  return (
    process.platform !== 'win32' && Buffer.byteLength(`${cluster}/.s.PGSQL.${port}`) <= 103 && !/[,"]/.test(cluster)
  )
}

const throwawaySettings: { [name: string]: string } = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  autovacuum: 'off',
  max_connections: '200',
}

type Launch = {
  native: string
  cluster: string
  password: string
  runner: Runner
  throwaway: boolean
  directory: string
}

async function launch(needs: Launch, samePort?: number): Promise<Running> {
  endOrphans(needs.cluster)
  const port = samePort ?? (await freePort())
  const socket = canHoldSocket(needs.cluster, port) ? needs.cluster : ''
  const all = {
    ...settings,
    ...(needs.throwaway ? throwawaySettings : {}),
    port: String(port),
    listen_addresses: socket ? '' : '127.0.0.1',
    unix_socket_directories: socket,
    unix_socket_permissions: '0700',
  }
  const logFile = join(needs.directory, 'postgres.log')
  if (existsSync(logFile) && statSync(logFile).size > 8_000_000) truncateSync(logFile)
  const log = openSync(logFile, 'a', 0o600)
  const logStart = statSync(logFile).size
  const words = ['-D', needs.cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const command = commandOf(needs.runner, join(needs.native, 'bin', 'postgres'), words)
  const child = spawn(command.file, command.words, {
    ...command.as,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`))
  })
  child.unref()
  const server = { port, socketDirectory: socket }
  const url = urlOf(server, needs.password)
  let over: string | null = null
  void ended.then((reason) => {
    over = reason
  })
  const died = () => {
    if (over === null) return null
    const lines = readFileSync(logFile, 'utf8').slice(logStart).trim().split('\n')
    const fatal = lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? ''
    return new Error(
      `The embedded PostgreSQL did not start: ${over}. ${fatal.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, '')}`.trim(),
    )
  }
  await waitUntilItAnswers(url, needs.cluster, child.pid as number, died)
  return { url, pid: child.pid as number, port }
}

/** Waits for the end of start or recovery, then makes sure that our database exists and is durable. */
async function waitUntilItAnswers(
  url: string,
  cluster: string,
  pid: number,
  died: () => Error | null = () =>
    isPostgres(pid) ? null : new Error(`The PostgreSQL in ${cluster} ended while starting.`),
): Promise<void> {
  const file = join(cluster, 'postmaster.pid')
  const ready = () => existsSync(file) && readFileSync(file, 'utf8').split('\n')[7]?.trim() === 'ready'
  for (let tries = 0; !ready(); tries++) {
    const error = died()
    if (error) throw error
    if (tries > 24_000) throw new Outage(`The embedded PostgreSQL in ${cluster} is still recovering after ten minutes.`)
    await pause(tries < 40 ? 10 : 25)
  }
  const administration = createDatabase(url.replace(/\/einklang(?=$|\?)/, '/postgres'), { connections: 1 })
  try {
    const found = await administration.row<{ directory: string }>`select current_setting('data_directory') as directory`
    if (!found) throw new Outage('The embedded PostgreSQL does not answer.')
    const present = await administration.row`select 1 from pg_database where datname = 'einklang'`
    if (!present) await administration.script('create database einklang')
  } finally {
    await administration.close()
  }
}

async function stopPostmaster(cluster: string, pid: number): Promise<void> {
  const file = join(cluster, 'postmaster.pid')
  const gone = async (milliseconds: number) => {
    for (let waited = 0; waited < milliseconds; waited += 20) {
      if (!existsSync(file)) return true
      await pause(20)
    }
    return !existsSync(file)
  }
  for (const [signal, patience] of [
    ['SIGINT', 7000],
    ['SIGQUIT', 2000],
    ['SIGKILL', 500],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch {
      return
    }
    if (await gone(patience)) return
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Refuses a PostgreSQL, ours or another, that would break our promise: acknowledged means kept. */
export async function refuseUnsafePostgres(url: string, options: { throwaway?: boolean } = {}): Promise<void> {
  const database = createDatabase(url, { connections: 1 })
  try {
    const found = await database.row<{ version: number; fsync: string; pages: string }>`
      select current_setting('server_version_num')::int as version,
        current_setting('fsync') as fsync, current_setting('full_page_writes') as pages`
    const major = Math.floor((found?.version ?? 0) / 10_000)
    if (major < 16)
      throw new Error(`Einklang needs PostgreSQL 16 or later; the server at DATABASE_URL is version ${major}.`)
    if (options.throwaway) return
    if (found?.fsync !== 'on')
      throw new Error('PostgreSQL runs with fsync = off and would lose acknowledged data in a crash; switch it on.')
    if (found.pages !== 'on') {
      throw new Error('PostgreSQL runs with full_page_writes = off and could tear pages in a crash; switch it on.')
    }
  } finally {
    await database.close()
  }
}

/** Ends a server that a killed process left running in `directory`, if there is one. */
export async function stopPostgresIn(directory: string): Promise<void> {
  const cluster = join(directory, 'postgres')
  const running = await postmasterOf(cluster)
  if (running) await stopPostmaster(cluster, running.pid)
}
