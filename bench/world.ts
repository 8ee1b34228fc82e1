import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from '@einklang/world'

/**
 * Claim: the retailer of size S is made in at most 60 s on 2 cores, with its counts, its rare cases and its planted effects.
 * `node --conditions=source bench/world.ts [--plain] [--workers 2]` prints one JSON document; `--plain` leaves the truth out.
 */
const plain = process.argv.includes('--plain')
const workers = process.argv.includes('--workers') ? Number(process.argv[process.argv.indexOf('--workers') + 1]) : 2
const room = mkdtempSync(join(tmpdir(), 'einklang-world-bench-'))
const truth = join(room, 'truth')

type Increment = { channel: string; orders: number; revenue_cents: number }
type Curve = { channel: string; level: number; spend_cents: number; increment_cents: number }

try {
  const before = process.cpuUsage()
  const started = performance.now()
  let memory = 0
  const watch = setInterval(() => {
    memory = Math.max(memory, process.memoryUsage().rss)
  }, 200)
  const manifest = await generate({ size: 'S', seed: 7, write: room, workers, ...(plain ? {} : { truth }) })
  clearInterval(watch)
  const cpu = process.cpuUsage(before)
  const wanted = {
    orders: 34_000,
    anonymousReceipts: 30_000,
    sessions: 168_000,
    events: 840_000,
    emails: 480_000,
    customerRecords: 14_500,
  }
  const made = {
    ...manifest.counts,
    orders: (manifest.counts.webOrders ?? 0) + (manifest.counts.knownReceipts ?? 0),
  } as { [name: string]: number }
  const report = {
    bench: 'world',
    size: 'S',
    workers,
    truth: !plain,
    seconds: round((performance.now() - started) / 1000),
    cpuSeconds: round((cpu.user + cpu.system) / 1e6),
    peakMemoryMegabytes: Math.round(Math.max(memory, process.resourceUsage().maxRSS * 1024) / 1e6),
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    sha256: manifest.sha256,
    counts: Object.fromEntries(
      Object.entries(wanted).map(([name, target]) => [
        name,
        { target, made: made[name] ?? 0, deviation: round(((made[name] ?? 0) / target - 1) * 100) },
      ]),
    ),
    ...(plain ? {} : { rareCases: rareCases(), channels: channels() }),
  }
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
} finally {
  rmSync(room, { recursive: true, force: true })
}

function rows<T>(name: string): T[] {
  return readFileSync(join(truth, `${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

function rareCases(): { [edge: string]: number } {
  const counts: { [edge: string]: number } = {}
  for (const { edge } of rows<{ edge: string }>('edges')) counts[edge] = (counts[edge] ?? 0) + 1
  return counts
}

/** Increment of each channel by re-simulation beside what its law expects. */
function channels(): { [channel: string]: { orders: number; increment: number; expected: number; spend: number } } {
  const curves = rows<Curve>('response_curves').filter((curve) => curve.level === 1)
  const result: ReturnType<typeof channels> = {}
  for (const curve of curves)
    result[curve.channel] = {
      orders: 0,
      increment: 0,
      expected: round(curve.increment_cents / 100),
      spend: round(curve.spend_cents / 100),
    }
  for (const row of rows<Increment>('incremental_by_channel_week_geo')) {
    const one = result[row.channel]
    if (!one) continue
    one.orders += row.orders
    one.increment = round(one.increment + row.revenue_cents / 100)
  }
  return result
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
