import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { api, type ImportKind } from '@einklang/contract'
import { type Config, lockDataDirectory, stopLeftoverPostgres } from '@einklang/platform'
import { createServer, localAccess } from '@einklang/server'
import { liveFaultOf, type Manifest, type Size, startOfDemo } from '@einklang/world'
import { Misuse } from '../command.ts'
import { type Reached, reachedAt } from '../connect.ts'
import { importFile } from '../import.ts'
import { type Progress, startProgress } from '../progress.ts'
import { introduceRetailer } from './brand.ts'
import { makeApart } from './make.ts'
import { playProvider } from './provider.ts'
import { type Stopping, stopOnSignals } from './signals.ts'
import { ensureSources, type Sources } from './sources.ts'
import { type DemoState, isStateFile, readState, writeState } from './state.ts'
import { type Happened, summarise } from './summary.ts'
import { replayLive, track } from './track.ts'

export type DemoOptions = {
  config: Config
  size: Size
  seed: number
  workers: number
  /** Continue with a finished demo instead of starting anew. */
  keep: boolean
  /** End when everything is in, instead of staying. */
  exit: boolean
  /** Live calls come twice, late, out of order, and a source is down for a while, as the world has planned it. */
  faults: boolean
  /** How fast the rows after the world's present are replayed. */
  speed: number
  told: (line: string) => void
}

/** So much is loaded before the demo says that it is ready; what is older follows while one looks around. */
const recentWeeks = 8

const filesInFlight = 3

/** Master data first, then who people are, then what they bought and were sent, then what they did. */
const order = ['places', 'products', 'prices', 'stock', 'customers', 'spend', 'receipts', 'orders', 'messages']

export async function runDemo(options: DemoOptions): Promise<Happened> {
  const { config, told } = options
  const state = await openState(options)
  const save = () => writeState(config.dataDirectory, state)
  const world = join(config.dataDirectory, 'world')
  // From then on the server's own lines say nothing that progress and summary do not.
  let ready = false
  const server = createServer({
    config: { ...config, role: 'all', logLevel: 'warn' },
    told: (line) => stopping.code === null && !ready && told(line),
    activeStarters: true,
    ownApplier: true,
  })
  const stopping: Stopping = stopOnSignals({
    signals: process,
    told,
    continues: 'the same command with --keep',
    stop: () => void server.stop(),
  })

  const timed = async <Result>(step: string, work: () => Promise<Result>): Promise<Result> => {
    const begin = performance.now()
    const result = await work()
    state.seconds[step] = (state.seconds[step] ?? 0) + (performance.now() - begin) / 1000
    save()
    return result
  }

  try {
    await timed('generate', () => makeWorld(options, state, world, stopping.signal))
    const { url, firstAdministrator } = await timed('start', () => server.start())
    ready = true
    if (firstAdministrator) state.administrator = firstAdministrator
    save()
    const access = localAccess(config.dataDirectory)
    if (!access || url === null) throw new Error('The server left no address.')
    const reached = reachedAt(access.url, access.headers)
    if (!state.administrator) state.administrator = await newPassword(reached)
    save()
    told(`The console answers at ${url}${signInOf(state)}`)
    await introduceRetailer(reached)
    const manifest = await manifestOf(world)
    const sources = await ensureSources(reached.client, manifest.sources, state.keys)
    const files = worthImporting(manifest.files)
    save()
    const feeding = { reached, sources, world, state, save, signal: stopping.signal }
    const { recent, older } = byAge(files, new Date(state.until))
    if (!state.usable) {
      await timed('import', () => importAll({ ...feeding, files: recent }))
      await timed('track', () => trackAll({ ...feeding, files: recent }))
      await timed('apply', () => settle(reached, stopping.signal))
      await timed('measure', () => measure(reached, stopping.signal))
      await timed('journeys', () => journeysQuiet(reached, stopping.signal))
      const secret = server.house.delivery.webhookSecret('demo')
      await timed('receipts', () => playProvider({ reached, secret, signal: stopping.signal }))
      state.usable = true
      save()
    }
    const history = async () => {
      if (state.finished) return
      await timed('import history', () => importAll({ ...feeding, files: older }))
      await timed('track history', () => trackAll({ ...feeding, files: older }))
      await timed('apply history', () => settle(reached, stopping.signal))
      await timed('measure history', () => measure(reached, stopping.signal))
      state.finished = true
      save()
    }
    if (options.exit) await history()
    const happened = await summarise(reached, state, url)
    if (options.exit) {
      await server.stop()
      return happened
    }
    happened.lines.forEach(told)
    if (!state.finished)
      told(`  The last ${recentWeeks} weeks are in; the two years before follow now, newest first.\n`)
    const live = stayLive({ ...feeding, files, speed: options.speed, faults: options.faults })
    await history()
    await live
    await server.stopped
    // Whoever ends a demo that has everything has seen what he wanted.
    return happened
  } catch (error) {
    await server.stop()
    if (stopping.code === null) throw error
    return { lines: [], document: { stopped: true, size: state.size, seed: state.seed }, code: stopping.code }
  } finally {
    stopping.release()
  }
}

/** An unfinished demo goes on; a finished one begins anew unless it is to be kept. */
async function openState({ config, size, seed, keep, told }: DemoOptions): Promise<DemoState> {
  const before = readState(config.dataDirectory)
  const same = before?.size === size && before.seed === seed && !before.clearing
  if (before && same && (keep || !before.finished)) {
    told(before.finished ? 'Continuing with the data of last time.' : 'Continuing the demo that was stopped.')
    return before
  }
  if (before && keep && !before.clearing) {
    throw new Misuse(
      `${config.dataDirectory} holds a demo of size ${before.size} and seed ${before.seed}.`,
      `--keep --size ${before.size} --seed ${before.seed}, or another directory with --data`,
    )
  }
  if (before) {
    told('Starting the demo anew.')
    await clear(config.dataDirectory, before)
  } else if (existsSync(join(config.dataDirectory, 'postgres'))) {
    throw new Error(`${config.dataDirectory} holds data that is not of a demo; name another directory with --data.`)
  }
  await mkdir(config.dataDirectory, { recursive: true })
  const state: DemoState = {
    version: 1,
    size,
    seed,
    until: new Date().toISOString(),
    generated: false,
    keys: {},
    sent: {},
    imported: [],
    administrator: null,
    usable: false,
    finished: false,
    seconds: {},
  }
  writeState(config.dataDirectory, state)
  return state
}

/** Empties the directory, the state last: whoever is interrupted in between finds that it was being cleared. */
async function clear(directory: string, state: DemoState): Promise<void> {
  const lock = lockDataDirectory(directory)
  try {
    writeState(directory, { ...state, clearing: true })
    await stopLeftoverPostgres(directory)
    for (const name of await readdir(directory)) {
      if (!isStateFile(name)) await rm(join(directory, name), { recursive: true, force: true })
    }
  } finally {
    lock.release()
  }
}

/** The first password was lost with the process that had it; the demo gets another one. */
async function newPassword({ client }: Reached): Promise<DemoState['administrator']> {
  const { items } = await client.call(api.governance.people)
  const found = items.find(({ roles }) => roles.includes('admin'))
  if (!found) return null
  const { password } = await client.call(api.governance.resetPassword, { params: { user: found.id } })
  return { email: found.email, password }
}

async function makeWorld(options: DemoOptions, state: DemoState, world: string, signal: AbortSignal): Promise<void> {
  if (state.generated) return
  const until = new Date(state.until)
  const progress = startProgress({ label: 'Making the retailer', total: null, unit: 'parts', signal })
  const { size, seed, workers } = options
  await makeApart(
    { size, seed, start: startOfDemo(until, size), until, workers, write: world },
    {
      onProgress(done, total) {
        progress.total(total)
        progress.at(done)
      },
      signal,
    },
  )
  progress.done('files of tills, shop, newsletter tool and ad platforms')
  state.generated = true
}

async function manifestOf(world: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(world, 'product', 'manifest.json'), 'utf8')) as Manifest
}

/** Who connects his stock keeping hands over what lies on the shelves now, not two years of snapshots. */
function worthImporting(files: Manifest['files']): Manifest['files'] {
  return files.filter((file) => file.kind !== 'stock' || file.path === 'stock/snapshot_latest.csv')
}

/** Files without a period are master data, or too long to hold up the start. */
function byAge(files: Manifest['files'], until: Date): { recent: Manifest['files']; older: Manifest['files'] } {
  const from = new Date(until.getTime() - recentWeeks * 7 * 86_400_000).toISOString().slice(0, 10)
  const isRecent = (file: Manifest['files'][number]) =>
    file.period === null ? file.kind !== 'messages' : file.period.until >= from
  const newestFirst = (one: Manifest['files'][number], other: Manifest['files'][number]) =>
    (other.period?.from ?? '9').localeCompare(one.period?.from ?? '9')
  return {
    recent: files.filter(isRecent),
    older: files.filter((file) => !isRecent(file)).sort(newestFirst),
  }
}

function signInOf(state: DemoState): string {
  if (!state.administrator) return '.'
  return `; sign in as ${state.administrator.email} with the password ${state.administrator.password}`
}

type Feeding = {
  reached: Reached
  sources: Sources
  files: Manifest['files']
  world: string
  state: DemoState
  save: () => void
  signal: AbortSignal
}

async function importAll({ reached, sources, files, world, state, save, signal }: Feeding): Promise<void> {
  for (const kind of order) {
    const wanted = files.filter((file) => file.kind === kind && file.rows > 0 && !state.imported.includes(file.path))
    if (wanted.length === 0) continue
    const progress = startProgress({
      label: `Importing ${kind}`,
      total: wanted.reduce((sum, file) => sum + file.rows, 0),
      unit: 'rows',
      signal,
    })
    let before = 0
    let rejected = 0
    const importOne = async (file: Manifest['files'][number]) => {
      const source = sources[file.source]
      if (!source) throw new Error(`The world names a source that the demo does not know: ${file.source}.`)
      const result = await importFile(reached, {
        file: join(world, 'product', file.path),
        kind: kind as ImportKind,
        source: source.id,
        ...(file.mapping ? { mapping: file.mapping } : {}),
        step: () => quiet,
        rejectsFile: null,
      })
      if (result.state !== 'done') throw new Error(`${file.path} was not imported: ${result.error ?? result.state}`)
      before += file.rows
      rejected += result.rejected
      progress.at(before)
      state.imported.push(file.path)
      save()
    }
    // The next files travel while one is being applied.
    const waiting = [...wanted]
    const lane = async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        signal.throwIfAborted()
        await importOne(file)
      }
    }
    await Promise.all(Array.from({ length: filesInFlight }, lane))
    progress.done(
      `${before.toLocaleString('en')} rows of ${wanted.length} files${rejected ? `, ${rejected} rejected` : ''}`,
    )
  }
}

/** Progress of one file as part of a longer line. */
const quiet: Progress = { at: () => {}, add: () => {}, total: () => {}, done: () => {}, failed: () => {} }

async function trackAll({ reached, sources, files, world, state, save, signal }: Feeding): Promise<void> {
  const tracking = files.filter((file) => file.kind === 'events' && !file.path.startsWith('live/'))
  if (tracking.length === 0) return
  const total = tracking.reduce((sum, file) => sum + file.rows, 0)
  const progress = startProgress({ label: 'Tracking calls', total, unit: 'events', signal })
  let done = tracking.reduce((sum, file) => sum + Math.min(file.rows, state.sent[file.path] ?? 0), 0)
  progress.at(done)
  for (const file of tracking) {
    const from = state.sent[file.path] ?? 0
    if (from >= file.rows) continue
    const key = sources[file.source]?.key
    if (!key) throw new Error(`The world names a source that the demo does not know: ${file.source}.`)
    let acknowledged = from
    await track({
      url: reached.url,
      key,
      file: join(world, 'product', file.path),
      from,
      acknowledged(lines) {
        acknowledged += lines
        done += lines
        progress.at(done)
      },
      signal,
    })
    state.sent[file.path] = acknowledged
    save()
  }
  progress.done(`${total.toLocaleString('en')} events of web and app`)
}

/** Waits until everything acknowledged is applied and in the history. */
async function settle({ client }: Reached, signal: AbortSignal): Promise<void> {
  const lagOf = async () => (await client.call(api.ingest.counters, { query: { hours: 1 } })).lag
  const first = await lagOf()
  const progress = startProgress({ label: 'Applying', total: first.rows, unit: 'inbox rows', signal })
  for (;;) {
    const lag = await lagOf()
    progress.at(Math.max(0, first.rows - lag.rows))
    if (lag.rows === 0 && lag.historyBatches === 0) break
    await pause(200, undefined, { signal })
  }
  progress.done('everything is in profiles, segments and history')
}

async function measure({ client }: Reached, signal: AbortSignal): Promise<void> {
  const progress = startProgress({ label: 'Building touchpoints', total: null, unit: 'touches', signal })
  const asked = Date.now()
  await client.call(api.measurement.refresh)
  for (;;) {
    const status = await client.call(api.measurement.status)
    progress.at(status.touches)
    if (status.error) throw new Error(`Measurement failed: ${status.error}`)
    if (!status.running && status.builtAt !== null && Date.parse(status.builtAt) >= asked - 1000) {
      progress.done(`${status.touches.toLocaleString('en')} touches, ${status.conversions.toLocaleString('en')} orders`)
      return
    }
    await pause(300, undefined, { signal })
  }
}

/** Journeys that were due at once have planned their messages, and the messages have been handed over. */
async function journeysQuiet({ client }: Reached, signal: AbortSignal): Promise<void> {
  const progress = startProgress({ label: 'Running journeys', total: null, unit: 'messages', signal })
  let before = -1
  for (let quietFor = 0; quietFor < 4; ) {
    const [{ counts }, journeys] = await Promise.all([
      client.call(api.delivery.messages, { query: { limit: 1 } }),
      client.call(api.decision.journeys),
    ])
    const done = Object.values(counts).reduce((sum, number) => sum + number, 0)
    const active = journeys.items.filter((journey) => journey.state === 'active')
    const overdue = active.reduce((sum, journey) => sum + journey.counts.overdue, 0)
    const open = (counts.reserved ?? 0) + (counts.handed ?? 0) + overdue
    quietFor = done === before && open === 0 ? quietFor + 1 : 0
    before = done
    progress.at(done)
    await pause(500, undefined, { signal })
  }
  progress.done(`${before.toLocaleString('en')} messages`)
}

/** While the demo stays open, the rest of the week happens; a later start goes on behind the last line. */
async function stayLive(feeding: Feeding & { speed: number; faults: boolean }): Promise<void> {
  const { reached, sources, files, world, state, save, speed, faults, signal } = feeding
  const live = files.filter((file) => file.path.startsWith('live/'))
  await Promise.allSettled(
    live.map((file) =>
      replayLive({
        url: reached.url,
        key: sources[file.source]?.key ?? '',
        file: join(world, 'product', file.path),
        since: new Date(state.until),
        from: state.sent[file.path] ?? 0,
        acknowledged(lines) {
          state.sent[file.path] = (state.sent[file.path] ?? 0) + lines
          save()
        },
        speed,
        faultOf: faults ? (messageId, at) => liveFaultOf(state.seed, { source: file.source, messageId, at }) : null,
        signal,
      }),
    ),
  )
}
