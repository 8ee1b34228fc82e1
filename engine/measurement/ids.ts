/**
 * Ids (UUIDs) as blocks of the history hold them: four numbers of 32 bits each, the last one weighing most. Each id that
 * is kept here has a number, counted from 0 in the order of arrival; 40 bytes or less for each.
 */
export class Ids {
  words = new Uint32Array(256)
  size = 0
  private slots = new Int32Array(128)

  /** Its number, or −1. */
  find(words: Uint32Array, row: number): number {
    return (this.slots[this.slot(words, row)] as number) - 1
  }

  /** Its number; who is new gets the next one. */
  add(words: Uint32Array, row: number): number {
    const slot = this.slot(words, row)
    const known = this.slots[slot] as number
    if (known > 0) return known - 1
    this.words = grown(this.words, this.size * 4 + 4)
    copyId(words, row, this.words, this.size)
    this.slots[slot] = ++this.size
    if (this.size * 2 > this.slots.length) this.widen()
    return this.size - 1
  }

  private slot(words: Uint32Array, row: number): number {
    const mask = this.slots.length - 1
    const from = row * 4
    const mixed = ((words[from] as number) * 3) ^ (words[from + 1] as number) ^ (words[from + 2] as number)
    let slot = Math.imul(mixed ^ ((words[from + 3] as number) * 5), 0x9e3779b1) >>> 7
    for (slot &= mask; ; slot = (slot + 1) & mask) {
      const known = this.slots[slot] as number
      if (known === 0 || sameId(words, row, this.words, known - 1)) return slot
    }
  }

  private widen(): void {
    this.slots = new Int32Array(this.slots.length * 4)
    for (let number = 0; number < this.size; number++) this.slots[this.slot(this.words, number)] = number + 1
  }
}

export function sameId(words: Uint32Array, row: number, others: Uint32Array, other: number): boolean {
  const [from, to] = [row * 4, other * 4]
  return (
    words[from] === others[to] &&
    words[from + 1] === others[to + 1] &&
    words[from + 2] === others[to + 2] &&
    words[from + 3] === others[to + 3]
  )
}

/** Below 0 when the one comes first in the order of the history. */
export function compareIds(words: Uint32Array, row: number, others: Uint32Array, other: number): number {
  for (let word = 3; word >= 0; word--) {
    const difference = (words[row * 4 + word] as number) - (others[other * 4 + word] as number)
    if (difference !== 0) return difference
  }
  return 0
}

export function copyId(from: Uint32Array, row: number, to: Uint32Array, place: number): void {
  for (let word = 0; word < 4; word++) to[place * 4 + word] = from[row * 4 + word] as number
}

/** Some ids as they are written, from a row on. */
export function idTexts(words: Uint32Array, from: number, count: number): string[] {
  const bytes = Buffer.allocUnsafe(count * 16)
  for (let row = 0; row < count; row++) {
    // Both halves lie with their last byte first.
    for (let word = 0; word < 4; word++)
      bytes.writeUInt32BE(words[(from + row) * 4 + (word ^ 1)] as number, row * 16 + word * 4)
  }
  const digits = bytes.toString('hex')
  return Array.from({ length: count }, (_, row) => {
    const at = row * 32
    const part = (begin: number, end: number) => digits.slice(at + begin, at + end)
    return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`
  })
}

export function idWords(text: string): Uint32Array {
  const digits = text.replaceAll('-', '')
  return Uint32Array.from([8, 0, 24, 16], (from) => Number.parseInt(digits.slice(from, from + 8), 16))
}

/** Whether the id lies from `low` on and before `high`, in the order of the history; null is no bound. */
export function isBetween(words: Uint32Array, low: Uint32Array | null, high: Uint32Array | null): boolean {
  return (low === null || compareIds(words, 0, low, 0) >= 0) && (high === null || compareIds(words, 0, high, 0) < 0)
}

type Grows = Int32Array | Uint8Array | Uint32Array | Float64Array

/** The same numbers in an array that holds at least so many. */
export function grown<Numbers extends Grows>(numbers: Numbers, length: number): Numbers {
  if (length <= numbers.length) return numbers
  const wider = new (numbers.constructor as new (length: number) => Numbers)(Math.max(length, numbers.length * 2))
  wider.set(numbers)
  return wider
}

/** The one numbers and after them the others. */
export function joined<Numbers extends Grows>(one: Numbers, other: Numbers): Numbers {
  const both = filled(one, one.length + other.length)
  both.set(other, one.length)
  return both
}

/** The numbers and after them zeros, so many in all. */
export function filled<Numbers extends Grows>(numbers: Numbers, length: number): Numbers {
  const all = new (numbers.constructor as new (length: number) => Numbers)(length)
  all.set(numbers)
  return all
}

/** Whole numbers up to 2^53, each with a number of its own in the order of arrival. */
export class Keys {
  keys = new Float64Array(256)
  size = 0
  private slots = new Int32Array(1024)

  add(key: number): number {
    const slot = this.slot(key)
    const known = this.slots[slot] as number
    if (known > 0) return known - 1
    this.keys = grown(this.keys, this.size + 1)
    this.keys[this.size] = key
    this.slots[slot] = ++this.size
    if (this.size * 2 > this.slots.length) {
      this.slots = new Int32Array(this.slots.length * 4)
      for (let number = 0; number < this.size; number++) this.slots[this.slot(this.keys[number] as number)] = number + 1
    }
    return this.size - 1
  }

  private slot(key: number): number {
    const mask = this.slots.length - 1
    const mixed = Math.imul((key | 0) ^ Math.imul((key / 4_294_967_296) | 0, 0x85ebca6b), 0x9e3779b1)
    let slot = (mixed ^ (mixed >>> 15)) & mask
    for (; ; slot = (slot + 1) & mask) {
      const known = this.slots[slot] as number
      if (known === 0 || this.keys[known - 1] === key) return slot
    }
  }
}
