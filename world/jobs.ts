import { join } from 'node:path'
import type { FileSpec } from './files.ts'
import { type Converter, converterOf, type Format } from './formats.ts'
import { type Part, type Plan, partName, World } from './parts.ts'
import {
  type FileRecord,
  loadRecord,
  type PartRecord,
  readMerged,
  type Slice,
  saveShard,
  writeDurably,
  writeFile,
} from './shards.ts'
import { movesFrom, type SaleMove } from './stock.ts'

/** One thing a worker does; what it leaves on disk makes it unnecessary to do it again. */
export type Job =
  | { do: 'part'; part: Part; slices: Slice[] }
  | { do: 'file'; spec: FileSpec; target: string; slices: Slice[] }

export type JobResult = { part: PartRecord } | { file: FileRecord }

export function jobName(job: Job): string {
  return job.do === 'part' ? partName(job.part) : `file-${job.spec.index}`
}

/** Does jobs for one world in one folder of work. */
export class Workbench {
  readonly #world: World
  readonly #folder: string
  readonly #format: Format | null

  constructor(plan: Plan, folder: string, world = new World(plan)) {
    this.#world = world
    this.#folder = folder
    this.#format = plan.format ?? null
  }

  run(job: Job): JobResult {
    const name = jobName(job)
    if (job.do === 'part') {
      const kept = loadRecord<PartRecord>(this.#folder, name)
      if (kept) return { part: kept }
      const moves = job.part.kind === 'stock' ? this.#moves(job.slices) : []
      return { part: saveShard(this.#folder, name, this.#world.make(job.part, moves)) }
    }
    const kept = loadRecord<FileRecord>(this.#folder, name)
    if (kept) return { file: kept }
    const file = writeFile(this.#folder, job.spec, job.target, job.slices, this.#converterOf(job.spec))
    writeDurably(join(this.#folder, `${name}.json`), Buffer.from(JSON.stringify(file)))
    return { file }
  }

  #converterOf(spec: FileSpec): Converter | null {
    return this.#format && spec.root === 'product' ? converterOf(spec, this.#format) : null
  }

  #moves(slices: Slice[]): SaleMove[] {
    const merged = readMerged(this.#folder, slices)
    const rows: Buffer[] = []
    for (let row = 0; row < merged.count; row++) {
      const from = merged.from[row] as number
      rows.push(merged.content.subarray(from, from + (merged.length[row] as number) - 1))
    }
    return movesFrom(rows)
  }
}
