/**
 * Rows on their way to files: each row knows its file, its instant and a tie-breaker that tells nothing of its origin.
 * A part (one partition of persons, one store …) gathers its rows here, sorts them and leaves them as a shard;
 * a file is later merged from the shards that have rows of it. The order of the parts therefore never shows.
 */
export class Rows {
  #content: Buffer
  #used = 0
  #count = 0
  #file: Int32Array
  #at: Float64Array
  #tie: Uint32Array
  #from: Float64Array
  #length: Uint32Array

  constructor(bytes = 1 << 20) {
    this.#content = Buffer.allocUnsafe(bytes)
    this.#file = new Int32Array(4096)
    this.#at = new Float64Array(4096)
    this.#tie = new Uint32Array(4096)
    this.#from = new Float64Array(4096)
    this.#length = new Uint32Array(4096)
  }

  get count(): number {
    return this.#count
  }

  /** Adds a row; `text` has no line end. */
  add(file: number, at: number, tie: number, text: string, latin1 = false): void {
    const most = text.length * 3 + 1
    if (this.#used + most > this.#content.length) this.#growContent(most)
    if (this.#count === this.#file.length) this.#growColumns()
    const from = this.#used
    this.#used += this.#content.write(text, from, latin1 ? 'latin1' : 'utf8')
    this.#content[this.#used++] = 10
    const index = this.#count++
    this.#file[index] = file
    this.#at[index] = at
    this.#tie[index] = tie
    this.#from[index] = from
    this.#length[index] = this.#used - from
  }

  #growContent(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#content.length * 2, this.#used + needed))
    this.#content.copy(larger, 0, 0, this.#used)
    this.#content = larger
  }

  #growColumns(): void {
    const size = this.#file.length * 2
    const grow = <T extends Int32Array | Float64Array | Uint32Array>(old: T, fresh: T): T => {
      fresh.set(old)
      return fresh
    }
    this.#file = grow(this.#file, new Int32Array(size))
    this.#at = grow(this.#at, new Float64Array(size))
    this.#tie = grow(this.#tie, new Uint32Array(size))
    this.#from = grow(this.#from, new Float64Array(size))
    this.#length = grow(this.#length, new Uint32Array(size))
  }

  /** Sorted by file, instant and tie-breaker: the content and, per row, its keys. */
  sorted(): { segments: Segment[]; content: Buffer; keys: Float64Array } {
    const order = new Uint32Array(this.#count)
    for (let index = 0; index < this.#count; index++) order[index] = index
    const [file, at, tie] = [this.#file, this.#at, this.#tie]
    order.sort(
      (a, b) =>
        (file[a] as number) - (file[b] as number) ||
        (at[a] as number) - (at[b] as number) ||
        (tie[a] as number) - (tie[b] as number),
    )
    const content = Buffer.allocUnsafe(this.#used)
    const keys = new Float64Array(this.#count * 3)
    const segments: Segment[] = []
    let out = 0
    let current: Segment | null = null
    for (let index = 0; index < this.#count; index++) {
      const row = order[index] as number
      const length = this.#length[row] as number
      const from = this.#from[row] as number
      this.#content.copy(content, out, from, from + length)
      keys[index * 3] = at[row] as number
      keys[index * 3 + 1] = tie[row] as number
      keys[index * 3 + 2] = length
      if (!current || current.file !== file[row]) {
        current = { file: file[row] as number, firstRow: index, rows: 0, from: out, bytes: 0 }
        segments.push(current)
      }
      current.rows++
      current.bytes += length
      out += length
    }
    return { segments, content, keys }
  }
}

/** Where in a shard the rows of one file lie. */
export type Segment = { file: number; firstRow: number; rows: number; from: number; bytes: number }

/** Quotes a CSV cell where it must be quoted. */
export function cell(value: string, delimiter: string): string {
  return value.includes(delimiter) || value.includes('"') || value.includes('\n')
    ? `"${value.replaceAll('"', '""')}"`
    : value
}

/** `7995` → `79,95` or `79.95`. */
export function decimal(cents: number, point: '.' | ','): string {
  const whole = Math.trunc(Math.abs(cents) / 100)
  const rest = Math.abs(cents) % 100
  return `${cents < 0 ? '-' : ''}${whole}${point}${rest < 10 ? '0' : ''}${rest}`
}
