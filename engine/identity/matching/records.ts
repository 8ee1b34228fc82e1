import type { ask } from '@einklang/stats'
import type { Visit } from './table.ts'

/** One table of records: a header and its rows, handed over one after the other as often as asked. */
export type Input = {
  name: string
  header: string[]
  /** Cells trimmed, one for each header; `line` as an editor shows it. Null cells = the row could not be read. */
  each(visit: Visit): void
}

/** A standardised field of all records. Equal values are kept once. */
export class FeatureColumn {
  readonly name: string
  readonly of: Uint32Array
  readonly values: string[] = ['']
  readonly counts: number[] = [0]
  readonly #known = new Map<string, number>()
  constructor(name: string, records: number) {
    this.name = name
    this.of = new Uint32Array(records)
  }
  set(record: number, text: string): void {
    // Longer is garbage, and comparing it costs the square of its length.
    const value = text.length > 500 ? text.slice(0, 500) : text
    if (value === '') {
      this.counts[0] = (this.counts[0] as number) + 1
      return
    }
    let index = this.#known.get(value)
    if (index === undefined) {
      index = this.values.length
      // A copy: a piece cut out of a file would keep the whole file in memory.
      const kept = value.length < 13 ? value : Buffer.from(value).toString()
      this.#known.set(kept, index)
      this.values.push(kept)
      this.counts.push(0)
    }
    this.of[record] = index
    this.counts[index] = (this.counts[index] as number) + 1
  }
  clear(record: number): void {
    const index = this.of[record] as number
    this.counts[index] = (this.counts[index] as number) - 1
    this.counts[0] = (this.counts[0] as number) + 1
    this.of[record] = 0
  }
  /** No more values come: lets go of what only adding needs. */
  close(): void {
    this.#known.clear()
  }
  at(record: number): string {
    return this.values[this.of[record] as number] as string
  }
  /** Records that have a value. */
  get filled(): number {
    return this.of.length - (this.counts[0] as number)
  }
  /** Chance that two records agree. */
  get collision(): number {
    const filled = this.filled
    if (filled < 2) return 0
    let pairs = 0
    for (let index = 1; index < this.counts.length; index++) {
      const count = this.counts[index] as number
      pairs += count * (count - 1)
    }
    return pairs / (filled * (filled - 1))
  }
  /** Bits by which agreement in a value says more than agreement as such: rare values more, frequent ones less. */
  rarity(): Float32Array {
    const filled = Math.max(1, this.filled)
    const mean = Math.max(this.collision, 1 / filled ** 2)
    // Few values say little about how frequent each is.
    const trust = filled / (filled + 200)
    return Float32Array.from(this.counts, (count, index) =>
      index === 0 ? 0 : trust * Math.max(-10, Math.min(8, Math.log2(mean) - Math.log2(Math.max(count, 2) / filled))),
    )
  }
}

/** All records of a run in their lasting order: by input, then id; so the order of rows changes nothing. */
export type Records = {
  count: number
  inputs: string[]
  input: Uint8Array
  ids: string[]
  features: Map<string, FeatureColumn>
}

export function readerOf(records: Records): ask.Feature {
  return (name) => {
    const column = records.features.get(name)
    if (!column) throw new Error(`There is no feature ${name}.`)
    const { of, values } = column
    return (record) => values[of[record] as number] as string
  }
}
