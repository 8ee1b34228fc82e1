import { createHash, hash, randomBytes } from 'node:crypto'
import { type Id, type IdKind, idFromBytes, idFromHex } from '@einklang/contract'
import type { Clock } from './clock.ts'

/** A named stream of chance: the same names give the same draws; a draw in one stream shifts no other. */
export type Chance = {
  /** Uniform in [0, 1) with 48 bits. */
  next(): number
  /** Uniform integer in [0, below). */
  below(limit: number): number
}

/** SHA-256 in counter mode over the names. Use one stream per decision: `chanceFrom(experiment, person)`. */
export function chanceFrom(...names: string[]): Chance {
  const seed = names.join('\u0000')
  let counter = 0
  let block = Buffer.alloc(0)
  let offset = 0
  const next = () => {
    if (offset + 6 > block.length) {
      block = createHash('sha256').update(`${counter++}\u0000${seed}`).digest()
      offset = 0
    }
    const value = block.readUIntBE(offset, 6)
    offset += 6
    return value / 2 ** 48
  }
  return { next, below: (limit) => Math.floor(next() * limit) }
}

/** A fresh id: 48 bits of the clock, then 62 random bits; later ids sort after earlier ones. */
export function newId<Kind extends IdKind>(kind: Kind, clock: Clock): Id<Kind> {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(clock.now().getTime(), 0, 6)
  return idFromBytes(kind, bytes)
}

/** The same texts always give the same id: for facts that may arrive twice (event ids, order ids). */
export function derivedId<Kind extends IdKind>(kind: Kind, ...texts: string[]): Id<Kind> {
  // One call: several times faster than a Hash object, and ids are made for every event.
  return idFromHex(kind, hash('sha256', texts.join('\u0000'), 'hex'))
}
