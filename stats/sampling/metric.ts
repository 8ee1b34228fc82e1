/**
 * The kinetic energy of the sampler: momentum is drawn with the inverse of `covariance`, so that long and short
 * directions of the posterior look alike. Dense learns correlations and costs O(n²) a step, diagonal costs O(n).
 */
export type Metric = {
  kind: 'diagonal' | 'dense'
  /** Velocity = covariance · momentum. */
  velocity(momentum: Float64Array, into: Float64Array): void
  /** Turns independent standard normals into a momentum, in place. */
  momentum(normals: Float64Array): void
}

export function diagonalMetric(variance: Float64Array): Metric {
  const inverseDeviation = variance.map((value) => 1 / Math.sqrt(value))
  return {
    kind: 'diagonal',
    velocity(momentum, into) {
      for (let row = 0; row < variance.length; row++) into[row] = (variance[row] as number) * (momentum[row] as number)
    },
    momentum(normals) {
      for (let row = 0; row < variance.length; row++)
        normals[row] = (normals[row] as number) * (inverseDeviation[row] as number)
    },
  }
}

/** Null when the matrix is not positive definite. */
export function denseMetric(covariance: Float64Array, size: number): Metric | null {
  const lower = cholesky(covariance, size)
  if (lower === null) return null
  return {
    kind: 'dense',
    velocity(momentum, into) {
      for (let row = 0; row < size; row++) {
        let sum = 0
        const start = row * size
        for (let column = 0; column < size; column++)
          sum += (covariance[start + column] as number) * (momentum[column] as number)
        into[row] = sum
      }
    },
    // covariance = L Lᵀ, so a momentum with the inverse covariance is L⁻ᵀ times normals: backward substitution.
    momentum(normals) {
      for (let row = size - 1; row >= 0; row--) {
        let sum = normals[row] as number
        for (let below = row + 1; below < size; below++)
          sum -= (lower[below * size + row] as number) * (normals[below] as number)
        normals[row] = sum / (lower[row * size + row] as number)
      }
    },
  }
}

/** Lower triangle L with A = L Lᵀ, or null when A is not positive definite. O(n³ / 3). */
export function cholesky(matrix: Float64Array, size: number): Float64Array | null {
  const lower = new Float64Array(size * size)
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column] as number
      for (let inner = 0; inner < column; inner++)
        sum -= (lower[row * size + inner] as number) * (lower[column * size + inner] as number)
      if (row !== column) lower[row * size + column] = sum / (lower[column * size + column] as number)
      else if (sum > 0 && Number.isFinite(sum)) lower[row * size + row] = Math.sqrt(sum)
      else return null
    }
  }
  return lower
}

/** Running mean and covariance (Welford), from which the warm-up learns the metric. */
export function learnMetric(kind: Metric['kind'], size: number) {
  let count = 0
  const mean = new Float64Array(size)
  const squares = new Float64Array(kind === 'dense' ? size * size : size)
  const before = new Float64Array(size)
  return {
    add(point: Float64Array): void {
      count++
      for (let row = 0; row < size; row++) {
        const gap = (point[row] as number) - (mean[row] as number)
        before[row] = gap
        mean[row] = (mean[row] as number) + gap / count
      }
      for (let row = 0; row < size; row++) {
        const after = (point[row] as number) - (mean[row] as number)
        if (kind === 'diagonal') squares[row] = (squares[row] as number) + (before[row] as number) * after
        else {
          for (let column = 0; column <= row; column++) {
            const cell = row * size + column
            squares[cell] = (squares[cell] as number) + (before[column] as number) * after
          }
        }
      }
    },
    /**
     * The estimate, drawn towards a small multiple of the identity as Stan does; null with too few points. Correlations
     * shrink when there are few points for many coordinates, so that the matrix stays far from singular.
     */
    metric(): Metric | null {
      if (count < 5) return null
      const trust = count / (count + 5)
      const floor = (1e-3 * 5) / (count + 5)
      if (kind === 'diagonal') return diagonalMetric(squares.map((value) => (trust * value) / (count - 1) + floor))
      const covariance = new Float64Array(size * size)
      for (let row = 0; row < size; row++) {
        for (let column = 0; column <= row; column++) {
          const learnt = (trust * (squares[row * size + column] as number)) / (count - 1)
          const value = row === column ? learnt + floor : (learnt * count) / (count + size)
          covariance[row * size + column] = value
          covariance[column * size + row] = value
        }
      }
      return denseMetric(covariance, size)
    },
  }
}
