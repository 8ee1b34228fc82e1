import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { localDate } from './calendar.ts'
import { Crew, Stopped } from './crew.ts'
import type { FileSpec } from './files.ts'
import { stockChunks } from './files.ts'
import { converterOf } from './formats.ts'
import { type Job, type JobResult, jobName } from './jobs.ts'
import { closeTheBooks } from './ledger.ts'
import { mediaChannels } from './media.ts'
import { type Outcome, type Part, type Plan, partName, World } from './parts.ts'
import { geos } from './places.ts'
import { checkRequest, type GenerateRequest, UsageError } from './request.ts'
import type { Segment } from './rows.ts'
import { type FileRecord, loadRecord, type PartRecord, type Slice, saveShard, writeDurably } from './shards.ts'
import { type SourceNote, sourcesOf } from './sources.ts'

export const worldVersion = 1

export type ManifestFile = {
  path: string
  source: string
  kind: FileSpec['kind']
  rows: number
  bytes: number
  sha256: string
  /** First and last local day the file covers, where it covers a period. */
  period: FileSpec['period']
  /** How `einklang import` reads it; null for event files, which go to `/v1/batch`, and for movements. */
  mapping: FileSpec['mapping']
}

export type Manifest = {
  world: number
  size: string
  seed: number
  start: string
  weeks: number
  until: string
  options: { [name: string]: unknown }
  counts: { [name: string]: number }
  sources: SourceNote[]
  notes: string[]
  files: ManifestFile[]
  /** Hash over the hashes of all files in order: equal worlds have equal hashes. */
  sha256: string
}

/**
 * Makes a world on disk: `<write>/product`, and with `truth` the truth beside it. The same request gives the same bytes
 * for any number of workers; a stopped run goes on where it was.
 */
export async function generate(request: GenerateRequest): Promise<Manifest> {
  const checked = checkRequest(request)
  const write = resolve(checked.write)
  const product = join(write, 'product')
  const truth = checked.truth === undefined ? null : resolve(checked.truth)
  try {
    mkdirSync(product, { recursive: true })
    if (truth) mkdirSync(truth, { recursive: true })
  } catch (error) {
    throw withAdvice(error, join(write, '.work'))
  }
  if (truth && inside(realpathSync(truth), realpathSync(product)))
    throw new UsageError(
      `--truth ${checked.truth} lies inside the product's directory; the product could read it. Choose a directory outside ${join(checked.write, 'product')}.`,
    )
  const plan: Plan = {
    size: checked.size,
    seed: checked.seed,
    options: checked.options,
    truth: truth !== null,
    ...(checked.format === undefined ? {} : { format: checked.format }),
    ...(checked.start === undefined ? {} : { start: checked.start.getTime() }),
    ...(checked.weeks === undefined ? {} : { weeks: checked.weeks }),
    ...(checked.until === undefined ? {} : { until: checked.until.getTime() }),
  }
  const work = join(truth ?? write, '.work')
  const done = finished(plan, product, truth)
  if (done) return done
  prepareWork(plan, work)
  const world = new World(plan)
  const crew = new Crew(plan, work, world, checked.workers)
  try {
    return await build({
      plan,
      world,
      crew,
      work,
      product,
      truth,
      onProgress: checked.onProgress,
      signal: checked.signal,
    })
  } catch (error) {
    throw withAdvice(error, work)
  } finally {
    await crew.close()
  }
}

/** Finished parts belong to one plan; another plan starts anew. */
function prepareWork(plan: Plan, work: string): void {
  const stamp = join(work, 'plan.txt')
  const text = planText(plan)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') !== text) rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  writeDurably(stamp, Buffer.from(text))
}

function planText(plan: Plan): string {
  return `${JSON.stringify({ world: worldVersion, ...plan })}\n`
}

/** A complete world of the same plan is not made twice. */
function finished(plan: Plan, product: string, truth: string | null): Manifest | null {
  const path = join(product, 'manifest.json')
  const stamp = join(dirname(product), '.plan')
  if (!existsSync(path) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== planText(plan)) return null
  if (truth && !existsSync(join(truth, 'manifest.json'))) return null
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest
  return manifest.files.every((file) => existsSync(join(product, file.path))) ? manifest : null
}

function inside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way.startsWith('..') || resolve(way) === way)
}

type Build = {
  plan: Plan
  world: World
  crew: Crew
  work: string
  product: string
  truth: string | null
  onProgress: GenerateRequest['onProgress']
  signal: AbortSignal | undefined
}

async function build(of: Build): Promise<Manifest> {
  const { world, crew, work } = of
  const { setting, files } = world
  const cells = geos.length * setting.weeks
  const slices = new Map<number, Slice[]>()
  const counts: { [name: string]: number } = {}
  const costs = mediaChannels.map(() => new Float64Array(cells))
  const outcomes: { [scenario: string]: Outcome } = {}
  const first = world.firstParts()
  const wanted = files.list.filter(
    (spec) =>
      spec.root === 'product' ||
      (spec.root === 'truth' && of.truth !== null && (spec.index !== files.truth.canaries || setting.options.canaries)),
  )
  const total = first.length + stockChunks + wanted.length
  let ready = 0
  const step = (name: string): void => {
    ready++
    of.onProgress?.({ done: ready, total, name })
  }
  const take = (record: PartRecord): void => {
    for (const segment of record.segments) addSlice(slices, record.name, segment)
    for (const [name, value] of Object.entries(record.counts)) counts[name] = (counts[name] ?? 0) + value
    for (const [channel, series] of record.costs.entries())
      for (const [at, value] of series.entries())
        (costs[channel] as Float64Array)[at] = ((costs[channel] as Float64Array)[at] as number) + value
    for (const [scenario, outcome] of Object.entries(record.outcomes)) {
      outcomes[scenario] ??= { orders: new Float64Array(cells), revenue: new Float64Array(cells) }
      const sum = outcomes[scenario]
      for (let at = 0; at < cells; at++) {
        sum.orders[at] = (sum.orders[at] as number) + (outcome.orders[at] ?? 0)
        sum.revenue[at] = (sum.revenue[at] as number) + (outcome.revenue[at] ?? 0)
      }
    }
  }
  await runParts(of, first, () => [], step, take)
  const stock: Part[] = Array.from({ length: stockChunks }, (_, index) => ({ kind: 'stock', index }))
  await runParts(of, stock, (part) => slices.get(files.sales[part.index] as number) ?? [], step, take)
  take(saveShard(work, 'ledger', closeTheBooks(world, costs, outcomes)))
  const records = new Map<number, FileRecord>()
  const fileJobs = wanted.map(
    (spec): Job => ({
      do: 'file',
      spec,
      target: join(spec.root === 'truth' ? (of.truth as string) : of.product, pathOf(of.plan, spec)),
      slices: sorted(slices.get(spec.index) ?? []),
    }),
  )
  // Large files first, so that no worker is left alone with one at the end.
  const size = (job: Job): number => job.slices.reduce((sum, slice) => sum + slice.bytes, 0)
  fileJobs.sort((a, b) => size(b) - size(a))
  await crew.run(fileJobs, {
    signal: of.signal,
    done: (job, result) => {
      if ('file' in result) records.set(result.file.index, result.file)
      step(job.do === 'file' ? job.spec.path : '')
    },
  })
  return finish(of, wanted, records, counts)
}

function pathOf({ format }: Plan, spec: FileSpec): string {
  return (format && spec.root === 'product' && converterOf(spec, format)?.path) || spec.path
}

async function runParts(
  of: Build,
  parts: readonly Part[],
  slicesOf: (part: Part) => Slice[],
  step: (name: string) => void,
  take: (record: PartRecord) => void,
): Promise<void> {
  const made = new Map<string, PartRecord>()
  const jobs: Job[] = []
  for (const part of parts) {
    const kept = loadRecord<PartRecord>(of.work, partName(part))
    if (kept) {
      made.set(kept.name, kept)
      step(kept.name)
    } else jobs.push({ do: 'part', part, slices: sorted(slicesOf(part)) })
  }
  await of.crew.run(jobs, {
    signal: of.signal,
    done: (job, result: JobResult) => {
      if ('part' in result) made.set(result.part.name, result.part)
      step(jobName(job))
    },
  })
  // Sums are taken in the order of the parts, so that rounding is the same whoever finished first.
  for (const part of parts) take(made.get(partName(part)) as PartRecord)
}

function addSlice(slices: Map<number, Slice[]>, shard: string, segment: Segment): void {
  const { file, ...rest } = segment
  const list = slices.get(file)
  if (list) list.push({ shard, ...rest })
  else slices.set(file, [{ shard, ...rest }])
}

function sorted(slices: readonly Slice[]): Slice[] {
  return [...slices].sort((a, b) => (a.shard < b.shard ? -1 : 1))
}

function finish(
  of: Build,
  wanted: readonly FileSpec[],
  records: ReadonlyMap<number, FileRecord>,
  counts: { [name: string]: number },
): Manifest {
  const { setting } = of.world
  const describe = (spec: FileSpec): ManifestFile => {
    const record = records.get(spec.index) as FileRecord
    return {
      path: record.path,
      source: spec.source,
      kind: spec.kind,
      rows: record.rows,
      bytes: record.bytes,
      sha256: record.sha256,
      period: spec.period,
      // A converted file has other columns' forms than the mapping describes.
      mapping: record.path === spec.path ? spec.mapping : null,
    }
  }
  const files = wanted.filter((spec) => spec.root === 'product').map(describe)
  const manifest: Manifest = {
    world: worldVersion,
    size: setting.size,
    seed: setting.seed,
    start: localDate(setting.calendar.start),
    weeks: setting.weeks,
    until: new Date(setting.until).toISOString(),
    options: { ...of.plan.options },
    counts: publicCounts(counts, files),
    sources: sourcesOf(setting),
    notes,
    files,
    sha256: digest(files),
  }
  writeDurably(join(of.product, 'manifest.json'), Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`))
  if (of.truth) {
    const truths = wanted.filter((spec) => spec.root === 'truth').map(describe)
    writeDurably(
      join(of.truth, 'manifest.json'),
      Buffer.from(
        `${JSON.stringify({ world: worldVersion, size: setting.size, seed: setting.seed, product: manifest.sha256, counts, files: truths, sha256: digest(truths) }, null, 1)}\n`,
      ),
    )
  }
  writeDurably(join(dirname(of.product), '.plan'), Buffer.from(planText(of.plan)))
  rmSync(of.work, { recursive: true, force: true })
  for (const folder of [of.product, ...(of.truth ? [of.truth] : [])]) removeTorn(folder)
  return manifest
}

/** What a killed run was about to write; this one has written it whole. */
function removeTorn(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (/\.\d+\.(part|tmp)$/.test(name)) rmSync(join(folder, name), { force: true })
}

/** Counts that betray no truth: what anyone could count in the files. */
function publicCounts(counts: { [name: string]: number }, files: readonly ManifestFile[]): { [name: string]: number } {
  const open = [
    'persons',
    'customerRecords',
    'knownReceipts',
    'anonymousReceipts',
    'webOrders',
    'returns',
    'cancellations',
    'lines',
    'revenueCents',
    'refundCents',
    'events',
    'live',
    'sessions',
    'emails',
    'sms',
    'push',
    'letters',
    'catalogues',
  ]
  const rows = files.reduce((sum, file) => sum + file.rows, 0)
  return { ...Object.fromEntries(open.map((name) => [name, counts[name] ?? 0])), files: files.length, rows }
}

function digest(files: readonly ManifestFile[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file.path} ${file.sha256}\n`)
  return hash.digest('hex')
}

function withAdvice(error: unknown, work: string): unknown {
  if (error instanceof Stopped || !(error instanceof Error)) return error
  const code = (error as { code?: string }).code
  if (code === 'ENOSPC')
    return new Error(
      `The disk is full. Finished parts are kept in ${join(basename(dirname(work)), basename(work))}; make room and run the same command again to go on.`,
    )
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new Error(
      `${error.message.replace(/^.*?'(.*)'$/, '$1')} is no directory: choose another one with --write or --truth.`,
    )
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new Error(
      `No permission to write in ${dirname(work)}: choose another directory with --write or change its rights.`,
    )
  return error
}

const notes = [
  'Till files hold a month each; some receipts arrive in the file of the following month, and some files are delivered twice (…_nachlieferung.csv).',
  'Stock: an opening snapshot, then weekly files with what changed, daily changes of the last seven days and one latest snapshot of everything.',
  'Event files hold Segment-shaped calls, one a line, ordered by time, a week a file; live/*.ndjson holds the calls after `until`.',
  'Lines of orders are objects with sku, name, quantity, unit_price and line_total. Returns and cancellations carry positive amounts and are told apart by `kind`.',
]
