import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { normalBelow } from '../numbers/distributions.ts'
import { gradientError, type LogDensity } from './density.ts'
import { convergence, ranksUniform } from './diagnostics.ts'
import { cholesky, denseMetric } from './metric.ts'
import { type ChainOptions, startChain } from './nuts.ts'

/** Normal with the given covariance, by its Cholesky factor. */
function normalDensity(mean: number[], covariance: number[]): LogDensity {
  const size = mean.length
  const lower = cholesky(Float64Array.from(covariance), size) as Float64Array
  return {
    size,
    at(point, gradient) {
      const z = new Float64Array(size)
      let value = 0
      for (let row = 0; row < size; row++) {
        let sum = (point[row] as number) - (mean[row] as number)
        for (let column = 0; column < row; column++)
          sum -= (lower[row * size + column] as number) * (z[column] as number)
        z[row] = sum / (lower[row * size + row] as number)
        value -= 0.5 * (z[row] as number) ** 2
      }
      // Backward substitution with −z on the right: gradient = −L⁻ᵀ z.
      for (let row = size - 1; row >= 0; row--) {
        let sum = -(z[row] as number)
        for (let below = row + 1; below < size; below++)
          sum -= (lower[below * size + row] as number) * (gradient[below] as number)
        gradient[row] = sum / (lower[row * size + row] as number)
      }
      return value
    },
  }
}

function sample(density: LogDensity, options: Partial<ChainOptions> = {}, chains = 4) {
  return Array.from({ length: chains }, (_, chain) => {
    const running = startChain(density, {
      warmup: 500,
      draws: 1000,
      seed: 'test',
      chain,
      start: new Float64Array(density.size),
      ...options,
    })
    while (running.advance(100));
    return running.result()
  })
}

const columnOf = (result: { values: Float64Array; size: number; draws: number }, column: number) =>
  Float64Array.from({ length: result.draws }, (_, draw) => result.values[draw * result.size + column] as number)

describe('the sampler finds a distribution that is known', () => {
  test.each(['diagonal', 'dense'] as const)('a correlated normal, %s metric', (metric) => {
    const density = normalDensity([3, -2, 0], [4, 1.8, 0, 1.8, 1, 0.004, 0, 0.004, 0.0004])
    const results = sample(density, { metric })
    const known = [
      [3, 2],
      [-2, 1],
      [0, 0.02],
    ] as const
    for (const [column, [mean, deviation]] of known.entries()) {
      const found = convergence(results.map((result) => columnOf(result, column)))
      expect(found.rHat).toBeLessThan(1.01)
      expect(Math.min(found.bulk, found.tail)).toBeGreaterThan(400)
      expect(Math.abs(found.mean - mean)).toBeLessThan(4 * found.error)
      expect(found.deviation / deviation).toBeGreaterThan(0.92)
      expect(found.deviation / deviation).toBeLessThan(1.08)
    }
    expect(results.every(({ divergent }) => divergent.every((value) => value === 0))).toBe(true)
  })

  test('quantiles of a heavy-tailed law', () => {
    // Student with 5 degrees of freedom: 5 % below −2.015.
    const density: LogDensity = {
      size: 1,
      at(point, gradient) {
        const x = point[0] as number
        gradient[0] = (-6 * x) / (5 + x * x)
        return -3 * Math.log(1 + (x * x) / 5)
      },
    }
    const all = sample(density, { draws: 2000 }).flatMap((result) => [...result.values])
    const below = all.filter((value) => value < -2.015).length / all.length
    expect(below).toBeGreaterThan(0.038)
    expect(below).toBeLessThan(0.062)
  })

  test('a funnel told centred breaks trajectories; told non-centred it does not', () => {
    const centred: LogDensity = {
      size: 6,
      at(point, gradient) {
        const spread = point[0] as number
        let value = (-spread * spread) / 18
        gradient[0] = -spread / 9
        for (let row = 1; row < 6; row++) {
          const x = point[row] as number
          value -= 0.5 * x * x * Math.exp(-spread) + 0.5 * spread
          gradient[row] = -x * Math.exp(-spread)
          gradient[0] = (gradient[0] as number) + 0.5 * x * x * Math.exp(-spread) - 0.5
        }
        return value
      },
    }
    const broken = sample(centred).reduce((sum, { divergent }) => sum + divergent.reduce((a, b) => a + b, 0), 0)
    const plain = sample(normalDensity([0, 0], [9, 0, 0, 1]))
    expect(broken).toBeGreaterThan(0)
    expect(plain.reduce((sum, { divergent }) => sum + divergent.reduce((a, b) => a + b, 0), 0)).toBe(0)
  })
})

test('the same seed gives the same draws, another chain others', () => {
  const density = normalDensity([0, 0], [1, 0.5, 0.5, 1])
  const [first, again] = [sample(density, { draws: 50 }, 2), sample(density, { draws: 50 }, 2)]
  expect(again).toEqual(first)
  expect(first[0]?.values).not.toEqual(first[1]?.values)
})

test('a chain that is stopped early keeps what it drew', () => {
  const chain = startChain(normalDensity([0], [1]), {
    warmup: 100,
    draws: 100,
    seed: 1,
    chain: 0,
    start: new Float64Array(1),
  })
  expect(chain.advance(130)).toBe(true)
  expect(chain.done).toBe(130)
  expect(chain.result().draws).toBe(30)
})

describe('convergence', () => {
  const draws = drawsFrom('convergence')
  const normals = (shift: number, length = 1000) => Float64Array.from({ length }, () => shift + draws.normal())

  test('independent draws count in full', () => {
    const found = convergence([normals(0), normals(0), normals(0), normals(0)])
    expect(found.rHat).toBeLessThan(1.005)
    expect(found.bulk).toBeGreaterThan(3400)
    expect(found.tail).toBeGreaterThan(3000)
  })

  test('an autoregressive chain is worth (1 − r) / (1 + r) of its length', () => {
    const series = () => {
      let level = draws.normal() / Math.sqrt(1 - 0.81)
      return Float64Array.from({ length: 5000 }, () => {
        level = 0.9 * level + draws.normal()
        return level
      })
    }
    const { bulk } = convergence([series(), series(), series(), series()])
    expect(bulk / 20_000).toBeGreaterThan(0.04)
    expect(bulk / 20_000).toBeLessThan(0.07)
  })

  test('a chain elsewhere, and one that is wider, are both seen', () => {
    expect(convergence([normals(0), normals(0), normals(0), normals(1)]).rHat).toBeGreaterThan(1.05)
    const wide = normals(0).map((value) => 3 * value)
    expect(convergence([normals(0), normals(0), normals(0), wide]).rHat).toBeGreaterThan(1.05)
  })

  test('does not depend on the scale', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (scale) => {
        const chains = [1, 2].map((name) => {
          const own = drawsFrom('scale', name)
          return Float64Array.from({ length: 100 }, () => own.normal())
        })
        const [plain, scaled] = [chains, chains.map((chain) => chain.map((value) => scale * value))].map(convergence)
        expect(scaled?.rHat).toBeCloseTo(plain?.rHat as number, 9)
        expect(scaled?.bulk).toBeCloseTo(plain?.bulk as number, 6)
      }),
      { numRuns: 20 },
    )
  })
})

test('a metric turns normals into momenta with the inverse covariance', () => {
  const covariance = Float64Array.from([2, 0.6, 0.6, 0.5])
  const metric = denseMetric(covariance, 2)
  const draws = drawsFrom('metric')
  let [first, cross, second] = [0, 0, 0]
  const count = 40_000
  for (let index = 0; index < count; index++) {
    const momentum = Float64Array.from([draws.normal(), draws.normal()])
    metric?.momentum(momentum)
    first += (momentum[0] as number) ** 2 / count
    cross += ((momentum[0] as number) * (momentum[1] as number)) / count
    second += (momentum[1] as number) ** 2 / count
  }
  // Inverse of the covariance: determinant 0.64.
  expect(first).toBeCloseTo(0.5 / 0.64, 1)
  expect(cross).toBeCloseTo(-0.6 / 0.64, 1)
  expect(second).toBeCloseTo(2 / 0.64, 1)
})

test('ranks: uniform ones pass, crowded ones fail', () => {
  const draws = drawsFrom('ranks')
  const uniform = Array.from({ length: 200 }, () => draws.below(100))
  expect(ranksUniform(uniform, 99)).toBeGreaterThan(0.01)
  const crowded = Array.from({ length: 200 }, () => Math.floor(100 * normalBelow(draws.normal() / 2)))
  expect(ranksUniform(crowded, 99)).toBeLessThan(1e-6)
})

test('gradients stated wrong are found out', () => {
  const right = normalDensity([1, 2], [1, 0.2, 0.2, 1])
  const wrong: LogDensity = {
    size: 2,
    at(point, gradient) {
      const value = right.at(point, gradient)
      gradient[1] = 1.01 * (gradient[1] as number)
      return value
    },
  }
  const point = Float64Array.from([0.3, -1])
  expect(gradientError(right, point)).toBeLessThan(1e-8)
  expect(gradientError(wrong, point)).toBeGreaterThan(1e-3)
})
