/** Out-of-fold scores beside what happened: the material of every figure below. All arrays are parallel. */
export type Scored = {
  /** Estimated effect per person. */
  score: Float64Array
  outcome: Float64Array
  /** 1 treated, 0 control. */
  treated: Uint8Array
}

/** A curve over the persons, best score first: `at` so many persons, `gain` so much more outcome than without. */
export type GainCurve = { at: Float64Array; gain: Float64Array }

/** Rows by falling score; equal scores keep the reverse of their order, so that ties are the same everywhere. */
export function byScore(score: Float64Array): Uint32Array {
  return Uint32Array.from(score.keys()).sort(
    (left, right) => (score[right] as number) - (score[left] as number) || right - left,
  )
}

/**
 * Qini curve (Radcliffe 2007): outcomes of the treated among the best n minus what as many untreated would have had.
 * Points only where the score changes, as scikit-uplift does, so that its areas can be compared.
 */
export function qiniCurve(scored: Scored, order = byScore(scored.score)): GainCurve {
  return curve(scored, order, (treated, outcomeTreated, control, outcomeControl) =>
    control > 0 ? outcomeTreated - (outcomeControl * treated) / control : outcomeTreated,
  )
}

/** Uplift curve: difference of the rates among the best n, times n. */
export function upliftCurve(scored: Scored, order = byScore(scored.score)): GainCurve {
  return curve(
    scored,
    order,
    (treated, outcomeTreated, control, outcomeControl) =>
      ((treated > 0 ? outcomeTreated / treated : 0) - (control > 0 ? outcomeControl / control : 0)) *
      (treated + control),
  )
}

function curve(
  { score, outcome, treated }: Scored,
  order: Uint32Array,
  gainOf: (treated: number, outcomeTreated: number, control: number, outcomeControl: number) => number,
): GainCurve {
  const at = new Float64Array(order.length + 1)
  const gain = new Float64Array(order.length + 1)
  let points = 1
  let [countTreated, sumTreated, countControl, sumControl] = [0, 0, 0, 0]
  for (let index = 0; index < order.length; index++) {
    const row = order[index] as number
    if (treated[row] === 1) {
      countTreated++
      sumTreated += outcome[row] as number
    } else {
      countControl++
      sumControl += outcome[row] as number
    }
    const next = order[index + 1]
    if (next !== undefined && score[next] === score[row]) continue
    at[points] = index + 1
    gain[points++] = gainOf(countTreated, sumTreated, countControl, sumControl)
  }
  return { at: at.slice(0, points), gain: gain.slice(0, points) }
}

function area({ at, gain }: GainCurve): number {
  let sum = 0
  for (let point = 1; point < at.length; point++) {
    sum +=
      (((gain[point] as number) + (gain[point - 1] as number)) / 2) *
      ((at[point] as number) - (at[point - 1] as number))
  }
  return sum
}

/** Area between a curve and the straight line to its end, in units of the same area of a perfect ranking. */
function ofPerfect(actual: GainCurve, perfect: GainCurve): number {
  const chance = ((perfect.at.at(-1) as number) * (perfect.gain.at(-1) as number)) / 2
  const most = area(perfect) - chance
  return most === 0 ? 0 : (area(actual) - chance) / most
}

/** Qini coefficient as scikit-uplift defines it (perfect curve with negative effects), for 0/1 outcomes. */
export function qiniArea(scored: Scored): number {
  const ideal = { ...scored, score: perfectQiniScore(scored) }
  return ofPerfect(qiniCurve(scored), qiniCurve(ideal))
}

/** Area under the uplift curve as scikit-uplift defines it, for 0/1 outcomes. */
export function upliftArea(scored: Scored): number {
  const { outcome, treated } = scored
  let [buyersTreated, quietControl] = [0, 0]
  for (let row = 0; row < outcome.length; row++) {
    if (treated[row] === 1 && outcome[row] === 1) buyersTreated++
    if (treated[row] === 0 && outcome[row] === 0) quietControl++
  }
  const byOutcome = buyersTreated > quietControl
  const score = Float64Array.from(
    outcome,
    (value, row) => 2 * (value === treated[row] ? 1 : 0) + (byOutcome ? value : (treated[row] as number)),
  )
  return ofPerfect(upliftCurve(scored), upliftCurve({ ...scored, score }))
}

function perfectQiniScore({ outcome, treated }: Scored): Float64Array {
  return Float64Array.from(outcome, (value, row) => (treated[row] === 1 ? value : -value))
}

export type Step = {
  /** Up to this share of the persons, best score first. */
  share: number
  persons: number
  treated: number
  control: number
  /** Difference of the means in this part alone, with interval. */
  effect: number
  low: number
  high: number
  /** Mean score of the part: what was promised. */
  promised: number
}

type Sums = { count: number; sum: number; squares: number }

/** The persons in equal parts by score, each with its own measured effect: does a high score keep its promise? */
export function effectByPart(scored: Scored, parts: number, z: number): Step[] {
  const order = byScore(scored.score)
  return Array.from({ length: parts }, (_, part) => {
    const start = Math.floor((part * order.length) / parts)
    const end = Math.floor(((part + 1) * order.length) / parts)
    const sums = [
      { count: 0, sum: 0, squares: 0 },
      { count: 0, sum: 0, squares: 0 },
    ] as [Sums, Sums]
    let promised = 0
    for (let index = start; index < end; index++) {
      const row = order[index] as number
      const side = sums[scored.treated[row] === 1 ? 1 : 0]
      const value = scored.outcome[row] as number
      side.count++
      side.sum += value
      side.squares += value * value
      promised += scored.score[row] as number
    }
    const [control, treated] = sums
    const mean = (side: { count: number; sum: number }) => (side.count > 0 ? side.sum / side.count : Number.NaN)
    const error = (side: { count: number; sum: number; squares: number }) =>
      side.count > 1 ? (side.squares - side.sum ** 2 / side.count) / (side.count - 1) / side.count : Number.NaN
    const effect = mean(treated) - mean(control)
    const reach = z * Math.sqrt(error(treated) + error(control))
    return {
      share: (part + 1) / parts,
      persons: end - start,
      treated: treated.count,
      control: control.count,
      effect,
      low: effect - reach,
      high: effect + reach,
      promised: promised / Math.max(1, end - start),
    }
  })
}
