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

/** Rows of a trial dealt into folds by their index, so that the same file gives the same folds everywhere. */
export function foldOf(row: number, folds: number): number {
  // Knuth's multiplicative hash; rows in any order of the file fall evenly.
  return (Math.imul(row, 2654435761) >>> 0) % folds
}
