/** Row-major square matrix: entry (row, column) at `row * size + column`. */
export type SquareMatrix = Float64Array

/** LU decomposition with partial pivoting, in place; returns the row order, or null when singular. O(size³ / 3). */
export function decompose(matrix: SquareMatrix, size: number): Int32Array | null {
  const order = new Int32Array(size)
  for (let row = 0; row < size; row++) order[row] = row
  for (let column = 0; column < size; column++) {
    let pivot = column
    let largest = Math.abs(matrix[column * size + column] as number)
    for (let row = column + 1; row < size; row++) {
      const candidate = Math.abs(matrix[row * size + column] as number)
      if (candidate > largest) {
        largest = candidate
        pivot = row
      }
    }
    if (largest === 0 || !Number.isFinite(largest)) return null
    if (pivot !== column) swapRows(matrix, size, order, pivot, column)
    const top = column * size
    const inverse = 1 / (matrix[top + column] as number)
    for (let row = column + 1; row < size; row++) {
      const start = row * size
      const lead = matrix[start + column] as number
      if (lead === 0) continue
      const factor = lead * inverse
      matrix[start + column] = factor
      for (let inner = column + 1; inner < size; inner++) {
        matrix[start + inner] = (matrix[start + inner] as number) - factor * (matrix[top + inner] as number)
      }
    }
  }
  return order
}

function swapRows(matrix: SquareMatrix, size: number, order: Int32Array, left: number, right: number): void {
  for (let inner = 0; inner < size; inner++) {
    const kept = matrix[left * size + inner] as number
    matrix[left * size + inner] = matrix[right * size + inner] as number
    matrix[right * size + inner] = kept
  }
  const kept = order[left] as number
  order[left] = order[right] as number
  order[right] = kept
}

/** Solves `A x = b` for a matrix decomposed by `decompose`. O(size²). */
export function solveDecomposed(lu: SquareMatrix, order: Int32Array, size: number, right: Float64Array): Float64Array {
  const x = new Float64Array(size)
  for (let row = 0; row < size; row++) {
    let sum = right[order[row] as number] as number
    for (let inner = 0; inner < row; inner++) sum -= (lu[row * size + inner] as number) * (x[inner] as number)
    x[row] = sum
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = x[row] as number
    for (let inner = row + 1; inner < size; inner++) sum -= (lu[row * size + inner] as number) * (x[inner] as number)
    x[row] = sum / (lu[row * size + row] as number)
  }
  return x
}

/** Inverse of a matrix, or null when singular; the argument is left alone. */
export function inverse(matrix: SquareMatrix, size: number): SquareMatrix | null {
  const lu = matrix.slice()
  const order = decompose(lu, size)
  if (order === null) return null
  const result = new Float64Array(size * size)
  const unit = new Float64Array(size)
  for (let column = 0; column < size; column++) {
    unit[column] = 1
    const x = solveDecomposed(lu, order, size, unit)
    unit[column] = 0
    for (let row = 0; row < size; row++) result[row * size + column] = x[row] as number
  }
  return result
}
