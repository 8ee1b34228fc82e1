/**
 * How far a score explains the pseudo-effects: mean squared miss of `scale · (score − its mean)`, best scale not below
 * 0. A learner whose differences are noise gets scale 0 and explains nothing.
 */
export type Judged = { scale: number; gain: number; error: number }

/**
 * Judges scores against pseudo-effects of rows that the learner has not seen (R-loss of Nie & Wager 2021 in its doubly
 * robust form). `gain` is the squared effect differences explained per row, with its standard error.
 */
export function judge(scores: Float64Array, pseudo: Float64Array): Judged {
  const rows = scores.length
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / rows
  const [middle, average] = [mean(scores), mean(pseudo)]
  let [own, both] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const score = (scores[row] as number) - middle
    own += score * score
    both += score * ((pseudo[row] as number) - average)
  }
  const scale = own > 0 ? Math.max(0, both / own) : 0
  let [sum, squares] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const wish = (pseudo[row] as number) - average
    const gain = wish * wish - (wish - scale * ((scores[row] as number) - middle)) ** 2
    sum += gain
    squares += gain * gain
  }
  const gain = sum / rows
  return { scale, gain, error: Math.sqrt(Math.max(0, squares / rows - gain * gain) / rows) }
}

/** Weights of several scores, none negative, that together explain the pseudo-effects best (causal stacking). */
export function stackWeights(scores: readonly Float64Array[], pseudo: Float64Array): Float64Array {
  const count = scores.length
  const rows = pseudo.length
  const centred = [...scores, pseudo].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / rows
    return values.map((value) => value - mean)
  })
  const goal = centred[count] as Float64Array
  const gram = new Float64Array(count * count)
  const pull = new Float64Array(count)
  for (let left = 0; left < count; left++) {
    for (let right = 0; right <= left; right++)
      gram[left * count + right] = gram[right * count + left] = dot(
        centred[left] as Float64Array,
        centred[right] as Float64Array,
      )
    pull[left] = dot(centred[left] as Float64Array, goal)
  }
  // Coordinate descent keeps every weight at or above zero; the problem is convex and small.
  const weights = new Float64Array(count)
  for (let sweep = 0; sweep < 2000; sweep++) {
    let moved = 0
    for (let index = 0; index < count; index++) {
      const own = gram[index * count + index] as number
      if (!(own > 0)) continue
      let slope = pull[index] as number
      for (let other = 0; other < count; other++)
        slope -= (gram[index * count + other] as number) * (weights[other] as number)
      const next = Math.max(0, (weights[index] as number) + slope / own)
      moved = Math.max(moved, Math.abs(next - (weights[index] as number)))
      weights[index] = next
    }
    if (moved < 1e-9) break
  }
  return weights
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0
  for (let index = 0; index < left.length; index++) sum += (left[index] as number) * (right[index] as number)
  return sum
}

/** Rows of a trial dealt into folds by their index, so that the same file gives the same folds everywhere. */
export function foldOf(row: number, folds: number): number {
  // Knuth's multiplicative hash; rows in any order of the file fall evenly.
  return (Math.imul(row, 2654435761) >>> 0) % folds
}
