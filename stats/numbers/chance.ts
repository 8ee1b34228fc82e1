/** Seeded draws: the same seed gives the same sequence on every machine. */
export type Draws = {
  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number
  /** Uniform integer in [0, limit). */
  below(limit: number): number
  /** Standard normal. */
  normal(): number
  /** Gamma with mean `shape / rate`. */
  gamma(shape: number, rate: number): number
  /** Poisson with the given mean. */
  poisson(mean: number): number
  beta(first: number, second: number): number
}

/**
 * Small fast counter generator (sfc32, Chris Doty-Humphrey's PractRand), seeded by hashing the names,
 * so that a stream per purpose and chain never overlaps another.
 */
export function drawsFrom(...names: (string | number)[]): Draws {
  const hash = hashOf(names.join('\u0000'))
  let a = hash()
  let b = hash()
  let c = hash()
  let counter = 1
  const bits = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) bits()
  const uniform = () => (bits() * 2 ** 21 + (bits() >>> 11)) / 2 ** 53
  let spare: number | null = null
  const normal = () => {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    for (;;) {
      const x = 2 * uniform() - 1
      const y = 2 * uniform() - 1
      const square = x * x + y * y
      if (square === 0 || square >= 1) continue
      const scale = Math.sqrt((-2 * Math.log(square)) / square)
      spare = y * scale
      return x * scale
    }
  }
  /** Marsaglia & Tsang 2000; shapes below 1 by the boost u^(1/shape). */
  const standardGamma = (shape: number): number => {
    if (shape < 1) return standardGamma(shape + 1) * uniform() ** (1 / shape)
    const d = shape - 1 / 3
    const step = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = (1 + step * x) ** 3
      if (v <= 0) continue
      const u = uniform()
      if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }
  const poisson = (mean: number): number => {
    if (mean <= 0) return 0
    // Splitting off gamma-distributed blocks keeps large means exact in logarithmic time (Ahrens & Dieter 1974).
    if (mean > 30) {
      const block = Math.floor((7 / 8) * mean)
      const arrival = standardGamma(block)
      return arrival < mean ? block + poisson(mean - arrival) : binomial(block - 1, mean / arrival)
    }
    const limit = Math.exp(-mean)
    let count = 0
    for (let product = uniform(); product > limit; product *= uniform()) count++
    return count
  }
  const binomial = (trials: number, probability: number): number => {
    if (trials > 30) {
      const half = 1 + Math.floor(trials / 2)
      const cut = betaDraw(half, trials + 1 - half)
      return cut >= probability
        ? binomial(half - 1, probability / cut)
        : half + binomial(trials - half, (probability - cut) / (1 - cut))
    }
    let count = 0
    for (let trial = 0; trial < trials; trial++) if (uniform() < probability) count++
    return count
  }
  const betaDraw = (first: number, second: number) => {
    const x = standardGamma(first)
    return x / (x + standardGamma(second))
  }
  return {
    uniform,
    below: (limit) => Math.floor(uniform() * limit),
    normal,
    gamma: (shape, rate) => standardGamma(shape) / rate,
    poisson,
    beta: betaDraw,
  }
}

/** MurmurHash3 over UTF-16 code units, yielding as many 32-bit words as asked for. */
function hashOf(text: string): () => number {
  let state = 1779033703 ^ text.length
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 3432918353)
    state = (state << 13) | (state >>> 19)
  }
  return () => {
    state = Math.imul(state ^ (state >>> 16), 2246822507)
    state = Math.imul(state ^ (state >>> 13), 3266489909)
    state ^= state >>> 16
    return state | 0
  }
}
