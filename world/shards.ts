import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileSpec } from './files.ts'
import type { Converter } from './formats.ts'
import type { Outcome, PartYield } from './parts.ts'
import type { Segment } from './rows.ts'

/** What remains of a finished part: where its rows lie, and what it counted. */
export type PartRecord = {
  name: string
  segments: Segment[]
  counts: { [name: string]: number }
  costs: number[][]
  outcomes: { [scenario: string]: { orders: number[]; revenue: number[] } }
}

export type FileRecord = { index: number; path: string; rows: number; bytes: number; sha256: string }

/** Writes whole or not at all: the record appears by renaming, after the data are on disk. */
export function saveShard(folder: string, name: string, made: PartYield): PartRecord {
  const { segments, content, keys } = made.rows.sorted()
  writeDurably(join(folder, `${name}.rows`), content)
  writeDurably(join(folder, `${name}.keys`), Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength))
  const record: PartRecord = {
    name,
    segments,
    counts: made.counts,
    costs: made.costs.map((series) => (series.some((value) => value !== 0) ? [...series] : [])),
    outcomes: Object.fromEntries(
      Object.entries(made.outcomes).map(([scenario, outcome]: [string, Outcome]) => [
        scenario,
        { orders: [...outcome.orders], revenue: [...outcome.revenue] },
      ]),
    ),
  }
  writeDurably(join(folder, `${name}.json`), Buffer.from(JSON.stringify(record)))
  return record
}

export function loadRecord<T>(folder: string, name: string): T | null {
  const path = join(folder, `${name}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : null
}

export function writeDurably(path: string, data: Buffer): void {
  // The generator of a killed program may still be at its last part: two never write the same bytes into one file.
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, data)
  renameSync(temporary, path)
}

export type Slice = { shard: string; firstRow: number; rows: number; from: number; bytes: number }

function readAt(path: string, from: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes)
  const handle = openSync(path, 'r')
  try {
    let got = 0
    while (got < bytes) {
      const read = readSync(handle, buffer, got, bytes - got, from + got)
      if (read === 0) throw new Error(`The part file ${path} is shorter than recorded; delete it and run again.`)
      got += read
    }
  } finally {
    closeSync(handle)
  }
  return buffer
}

/** Rows of a file from all shards, in the order of instant and tie-breaker. */
export function readMerged(
  folder: string,
  slices: readonly Slice[],
): { content: Buffer; from: Float64Array; length: Float64Array; count: number } {
  const bytes = slices.reduce((sum, slice) => sum + slice.bytes, 0)
  const count = slices.reduce((sum, slice) => sum + slice.rows, 0)
  const content = Buffer.allocUnsafe(bytes)
  const at = new Float64Array(count)
  const tie = new Float64Array(count)
  const start = new Float64Array(count)
  const size = new Float64Array(count)
  let offset = 0
  let row = 0
  for (const slice of slices) {
    readAt(join(folder, `${slice.shard}.rows`), slice.from, slice.bytes).copy(content, offset)
    const raw = readAt(join(folder, `${slice.shard}.keys`), slice.firstRow * 24, slice.rows * 24)
    const keys = new Float64Array(new Uint8Array(raw).buffer)
    let at2 = offset
    for (let index = 0; index < slice.rows; index++) {
      at[row] = keys[index * 3] as number
      tie[row] = keys[index * 3 + 1] as number
      start[row] = at2
      size[row] = keys[index * 3 + 2] as number
      at2 += size[row] as number
      row++
    }
    offset += slice.bytes
  }
  const order = new Uint32Array(count)
  for (let index = 0; index < count; index++) order[index] = index
  if (slices.length > 1) {
    order.sort(
      (a, b) =>
        (at[a] as number) - (at[b] as number) ||
        (tie[a] as number) - (tie[b] as number) ||
        // Equal keys of different origin are rare; their bytes decide, so that no order of parts can show.
        Buffer.compare(
          content.subarray(start[a], (start[a] as number) + (size[a] as number)),
          content.subarray(start[b], (start[b] as number) + (size[b] as number)),
        ),
    )
  }
  const from = new Float64Array(count)
  const length = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    from[index] = start[order[index] as number] as number
    length[index] = size[order[index] as number] as number
  }
  return { content, from, length, count }
}

const chunk = 1 << 20

/** Merges a file to its place, hashing on the way. */
export function writeFile(
  folder: string,
  spec: FileSpec,
  target: string,
  slices: readonly Slice[],
  convert: Converter | null,
): FileRecord {
  const head = convert ? convert.head : spec.header
  // What is converted is written as UTF-8, whatever the retailer's own file is in.
  const encoding = spec.latin1 && !convert ? 'latin1' : 'utf8'
  mkdirSync(dirname(target), { recursive: true })
  const merged = readMerged(folder, slices)
  const temporary = `${target}.${process.pid}.part`
  const handle = openSync(temporary, 'w')
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunk)
  let used = 0
  let bytes = 0
  const flush = (): void => {
    if (used === 0) return
    const piece = buffer.subarray(0, used)
    hash.update(piece)
    writeSync(handle, piece)
    bytes += used
    used = 0
  }
  const put = (piece: Buffer): void => {
    if (piece.length > chunk - used) flush()
    if (piece.length > chunk) {
      hash.update(piece)
      writeSync(handle, piece)
      bytes += piece.length
      return
    }
    used += piece.copy(buffer, used)
  }
  try {
    if (head !== null) put(Buffer.from(`${head}\n`, encoding))
    for (let row = 0; row < merged.count; row++) {
      const from = merged.from[row] as number
      const length = merged.length[row] as number
      if (convert) {
        const text = merged.content.toString(spec.latin1 ? 'latin1' : 'utf8', from, from + length - 1)
        put(Buffer.from(`${convert.row(text)}\n`, encoding))
      } else {
        if (length > chunk - used) flush()
        used += merged.content.copy(buffer, used, from, from + length)
      }
    }
    flush()
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, target)
  return { index: spec.index, path: convert?.path ?? spec.path, rows: merged.count, bytes, sha256: hash.digest('hex') }
}
