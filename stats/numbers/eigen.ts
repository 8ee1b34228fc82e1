/** Eigenvalues, largest first, and eigenvectors (column `j` belongs to value `j`) of a symmetric matrix, by Jacobi rotations. O(n³) a sweep. */
export function symmetricEigen(matrix: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const a = matrix.slice()
  const v = new Float64Array(size * size)
  for (let index = 0; index < size; index++) v[index * size + index] = 1
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    let all = 0
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const square = (a[row * size + column] as number) ** 2
        all += square
        if (row !== column) off += square
      }
    if (off <= 1e-30 * all) break
    for (let p = 0; p < size - 1; p++) for (let q = p + 1; q < size; q++) rotate(a, v, size, p, q)
  }
  const order = Array.from({ length: size }, (_, index) => index).sort(
    (left, right) => (a[right * size + right] as number) - (a[left * size + left] as number),
  )
  const vectors = new Float64Array(size * size)
  for (const [place, from] of order.entries())
    for (let row = 0; row < size; row++) vectors[row * size + place] = v[row * size + from] as number
  return { values: Float64Array.from(order, (index) => a[index * size + index] as number), vectors }
}

function rotate(a: Float64Array, v: Float64Array, size: number, p: number, q: number): void {
  const cross = a[p * size + q] as number
  if (cross === 0) return
  const theta = ((a[q * size + q] as number) - (a[p * size + p] as number)) / (2 * cross)
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let index = 0; index < size; index++) {
    const left = a[index * size + p] as number
    const right = a[index * size + q] as number
    a[index * size + p] = c * left - s * right
    a[index * size + q] = s * left + c * right
  }
  for (let index = 0; index < size; index++) {
    const left = a[p * size + index] as number
    const right = a[q * size + index] as number
    a[p * size + index] = c * left - s * right
    a[q * size + index] = s * left + c * right
    const first = v[index * size + p] as number
    const second = v[index * size + q] as number
    v[index * size + p] = c * first - s * second
    v[index * size + q] = s * first + c * second
  }
}
