/**
 * Counter-based chance: a stream is a pure function of (seed, kind, id, purpose) and the number of the draw.
 * No draw depends on another stream, so a draw added in one place shifts nothing elsewhere.
 */

/** A good 32-bit finaliser (two multiplications, three shifts), the `lowbias32` constants of C. Wellons' hash prospector. */
export function mix(value: number): number {
  let x = value | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  x ^= x >>> 16
  return x >>> 0
}

/** Hash of a text, for names of kinds and purposes only (never in a hot loop). */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mix(hash)
}

/** The constant part of a stream: seed, kind of entity and purpose. Make it once, at module or setting level. */
export type Purpose = { readonly high: number; readonly low: number }

export function purposeOf(seed: number, kind: string, purpose: string): Purpose {
  const name = hashText(`${kind}/${purpose}`)
  const low = seed >>> 0
  const high = Math.floor(seed / 2 ** 32) >>> 0
  return { high: mix(name ^ mix(low + 0x9e3779b9)), low: mix(name + Math.imul(high + 1, 0x85ebca6b) + low) }
}

/** One number in [0, 1) for (purpose, a, b): for single decisions that need no stream. */
export function share(purpose: Purpose, a: number, b = 0): number {
  return hash(purpose, a, b) / 4294967296
}

/** 32 bits for (purpose, a, b). */
export function hash(purpose: Purpose, a: number, b = 0): number {
  const first = mix(purpose.high ^ (a | 0) ^ Math.imul((a / 4294967296) | 0, 0x27d4eb2f))
  return mix(mix(first + Math.imul(b | 0, 0x9e3779b9)) ^ purpose.low)
}

/**
 * A stream of draws. Reused by `open`, so that millions of short streams cost no allocation.
 * Draw n is mix(mix(n·φ ⊕ a) ⊕ b): a bijection of the counter, keyed by 64 bits.
 */
export class Stream {
  #a = 0
  #b = 0
  #count = 0
  #spare = Number.NaN

  open(purpose: Purpose, id: number, part = 0): this {
    this.#a = hash(purpose, id, part)
    this.#b = mix(purpose.low + Math.imul(id | 0, 0xc2b2ae35) + Math.imul(part | 0, 0x165667b1))
    this.#count = 0
    this.#spare = Number.NaN
    return this
  }

  /** 32 random bits. */
  bits(): number {
    this.#count = (this.#count + 1) | 0
    return mix(mix(Math.imul(this.#count, 0x9e3779b9) ^ this.#a) ^ this.#b)
  }

  /** A number in (0, 1). */
  uniform(): number {
    return (this.bits() + 0.5) / 4294967296
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor((this.bits() / 4294967296) * below)
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.bits() < probability * 4294967296
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  exponential(rate: number): number {
    return -Math.log(this.uniform()) / rate
  }

  /** Standard normal (Box–Muller, both values used). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare
      this.#spare = Number.NaN
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** Gamma with mean shape / rate (Marsaglia and Tsang 2000). */
  gamma(shape: number, rate: number): number {
    if (shape < 1) return this.gamma(shape + 1, rate) * this.uniform() ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / rate
    }
  }

  /** Poisson by Knuth's product for small means, by halving for large ones. */
  poisson(mean: number): number {
    if (mean > 30) return this.poisson(mean / 2) + this.poisson(mean - mean / 2)
    const limit = Math.exp(-mean)
    let count = 0
    let product = this.uniform()
    while (product > limit) {
      count++
      product *= this.uniform()
    }
    return count
  }

  /** Number of failures before a success: 0, 1, 2 … with mean (1 − p) / p. */
  geometric(success: number): number {
    return Math.floor(Math.log(this.uniform()) / Math.log(1 - success))
  }

  /** Angle around `mean` with concentration `kappa` (Best and Fisher 1979). */
  vonMises(mean: number, kappa: number): number {
    const tau = 1 + Math.sqrt(1 + 4 * kappa * kappa)
    const rho = (tau - Math.sqrt(2 * tau)) / (2 * kappa)
    const r = (1 + rho * rho) / (2 * rho)
    for (;;) {
      const z = Math.cos(Math.PI * this.uniform())
      const f = (1 + r * z) / (r + z)
      const c = kappa * (r - f)
      const u = this.uniform()
      if (c * (2 - c) - u > 0 || Math.log(c / u) + 1 - c >= 0)
        return mean + (this.uniform() < 0.5 ? -1 : 1) * Math.acos(f)
    }
  }
}

/** Cumulative table for weighted picks. */
export function cumulate(weights: readonly number[]): Float64Array {
  const table = new Float64Array(weights.length)
  let sum = 0
  for (let at = 0; at < weights.length; at++) {
    sum += weights[at] as number
    table[at] = sum
  }
  return table
}

/** Index of the weighted pick for `uniform` in [0, 1). */
export function pickIndex(table: Float64Array, uniform: number): number {
  const target = uniform * (table[table.length - 1] as number)
  let low = 0
  let high = table.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((table[middle] as number) <= target) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * A keyed permutation of [0, size) (four Feistel rounds, cycle walking): public numbers that tell nothing
 * of the number they stand for, and never collide.
 */
export function permute(purpose: Purpose, value: number, size: number): number {
  const half = Math.max(1, Math.ceil(Math.log2(size) / 2))
  const base = 2 ** half
  const mask = base - 1
  let current = value
  do {
    let left = Math.floor(current / base)
    let right = current % base
    for (let round = 0; round < 4; round++) {
      const next = (left ^ hash(purpose, right, round)) & mask
      left = right
      right = next >>> 0
    }
    current = left * base + right
  } while (current >= size)
  return current
}

const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** `length` characters (base 32 without I, L, O, U) of a number. */
export function base32(value: number, length: number): string {
  let rest = value
  let text = ''
  for (let at = 0; at < length; at++) {
    text = letters[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

const twoHex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Eight hexadecimal digits. */
export function hex(bits: number): string {
  return (
    (twoHex[bits >>> 24] as string) +
    (twoHex[(bits >>> 16) & 255] as string) +
    (twoHex[(bits >>> 8) & 255] as string) +
    (twoHex[bits & 255] as string)
  )
}
