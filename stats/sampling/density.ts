/** A distribution known up to a constant: the logarithm of its density at a point; writes its gradient into the second argument. */
export type LogDensity = {
  size: number
  at(point: Float64Array, gradient: Float64Array): number
}

/**
 * Largest difference between the gradient that the density states and the one by central differences, relative to the
 * size of the gradient. Every hand-written gradient is held against it in its test.
 */
export function gradientError(density: LogDensity, point: Float64Array, width = 1e-5): number {
  const stated = new Float64Array(density.size)
  density.at(point, stated)
  const unused = new Float64Array(density.size)
  const shifted = point.slice()
  let worst = 0
  let scale = 1
  for (const part of stated) scale = Math.max(scale, Math.abs(part))
  for (let index = 0; index < density.size; index++) {
    const place = point[index] as number
    shifted[index] = place + width
    const up = density.at(shifted, unused)
    shifted[index] = place - width
    const down = density.at(shifted, unused)
    shifted[index] = place
    worst = Math.max(worst, Math.abs((up - down) / (2 * width) - (stated[index] as number)) / scale)
  }
  return worst
}
