import type { ImportMapping } from '@einklang/contract'
import { type FileSpec, stockChunks } from './files.ts'
import { closeTheBooks } from './ledger.ts'
import { mediaChannels } from './media.ts'
import { type Outcome, type Part, type PartYield, type Plan, World } from './parts.ts'
import { geos } from './places.ts'
import { movesFrom } from './stock.ts'

export type MemoryFile = {
  path: string
  source: string
  kind: FileSpec['kind']
  mapping: ImportMapping | null
  rows: number
  /** The file as it would lie on disk; a file in Windows-1252 has these bytes. */
  bytes: Buffer
}

export type MemoryWorld = {
  world: World
  /** Product side, by path: `web/2024-01-01.ndjson`, `till/F01/2024-01.csv` … */
  files: Map<string, MemoryFile>
  /** Truth by name: one parsed row each. */
  truth: Map<string, unknown[]>
  counts: { [name: string]: number }
  outcomes: { [scenario: string]: Outcome }
}

/** A small world in memory, by the same parts as on disk. For tests: size S does not belong here. */
export function makeInMemory(plan: Plan): MemoryWorld {
  const world = new World(plan)
  const { setting, files } = world
  const cells = geos.length * setting.weeks
  const yields: PartYield[] = []
  const costs = mediaChannels.map(() => new Float64Array(cells))
  const outcomes: { [scenario: string]: Outcome } = {}
  const counts: { [name: string]: number } = {}
  const make = (part: Part, made: PartYield): void => {
    yields.push(made)
    for (const [name, value] of Object.entries(made.counts)) counts[name] = (counts[name] ?? 0) + value
    for (const [channel, series] of made.costs.entries()) addTo(costs[channel] as Float64Array, series)
    for (const [name, outcome] of Object.entries(made.outcomes)) {
      outcomes[name] ??= { orders: new Float64Array(cells), revenue: new Float64Array(cells) }
      addTo(outcomes[name].orders, outcome.orders)
      addTo(outcomes[name].revenue, outcome.revenue)
    }
  }
  for (const part of world.firstParts()) make(part, world.make(part))
  const sold = mergeRows(yields)
  for (let index = 0; index < stockChunks; index++) {
    const part: Part = { kind: 'stock', index }
    const rows = sold.get(files.sales[index] as number) ?? []
    make(part, world.make(part, movesFrom(rows)))
  }
  yields.push(closeTheBooks(world, costs, outcomes))
  const rows = mergeRows(yields)
  const result: MemoryWorld = { world, files: new Map(), truth: new Map(), counts, outcomes }
  for (const spec of files.list) addFile(result, spec, rows.get(spec.index) ?? [])
  return result
}

function addTo(sum: Float64Array, more: Float64Array): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (more[at] as number)
}

const lineEnd = Buffer.from('\n')

function addFile(result: MemoryWorld, spec: FileSpec, rows: readonly Buffer[]): void {
  if (spec.root === 'truth')
    result.truth.set(
      spec.path.replace('.ndjson', ''),
      rows.map((row) => JSON.parse(row.toString('utf8'))),
    )
  if (spec.root !== 'product') return
  const head = spec.header === null ? [] : [Buffer.from(spec.header, spec.latin1 ? 'latin1' : 'utf8'), lineEnd]
  const { path, source, kind, mapping } = spec
  const bytes = Buffer.concat([...head, ...rows.flatMap((row) => [row, lineEnd])])
  result.files.set(path, { path, source, kind, mapping, rows: rows.length, bytes })
}

/** Rows of all parts by file, in the order of instant and tie-breaker, without touching the disk. */
function mergeRows(yields: readonly PartYield[]): Map<number, Buffer[]> {
  const byFile = new Map<number, { at: number; tie: number; row: Buffer }[]>()
  for (const made of yields) {
    const { segments, content, keys } = made.rows.sorted()
    for (const segment of segments) {
      let from = segment.from
      const list = byFile.get(segment.file) ?? []
      byFile.set(segment.file, list)
      for (let row = segment.firstRow; row < segment.firstRow + segment.rows; row++) {
        const length = keys[row * 3 + 2] as number
        list.push({
          at: keys[row * 3] as number,
          tie: keys[row * 3 + 1] as number,
          row: content.subarray(from, from + length - 1),
        })
        from += length
      }
    }
  }
  const result = new Map<number, Buffer[]>()
  for (const [file, rows] of byFile) {
    rows.sort((a, b) => a.at - b.at || a.tie - b.tie || Buffer.compare(a.row, b.row))
    result.set(
      file,
      rows.map((one) => one.row),
    )
  }
  return result
}
