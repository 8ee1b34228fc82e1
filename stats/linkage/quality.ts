/** How well found pairs or groups agree with the known answer. */
export type Quality = { precision: number; recall: number; f1: number; found: number; true: number; right: number }

export function qualityOf(right: number, found: number, truth: number): Quality {
  const precision = found === 0 ? 1 : right / found
  const recall = truth === 0 ? 1 : right / truth
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { precision, recall, f1, found, true: truth, right }
}

/**
 * All pairs inside found groups against all pairs inside true groups. With `inputs`, only pairs of different inputs count.
 */
export function clusteredQuality(
  found: ArrayLike<number | string>,
  truth: ArrayLike<number | string>,
  inputs?: ArrayLike<number>,
): Quality {
  const pairsOf = (key: (at: number) => string | number) => {
    const groups = new Map<string | number, number>()
    const parts = new Map<string, number>()
    let pairs = 0
    for (let at = 0; at < found.length; at++) {
      const group = key(at)
      const size = groups.get(group) ?? 0
      pairs += size
      groups.set(group, size + 1)
      if (inputs) {
        const part = `${group}\u0000${inputs[at]}`
        const inside = parts.get(part) ?? 0
        pairs -= inside
        parts.set(part, inside + 1)
      }
    }
    return pairs
  }
  const right = pairsOf((at) => `${found[at]}\u0001${truth[at]}`)
  return qualityOf(
    right,
    pairsOf((at) => found[at] as number | string),
    pairsOf((at) => truth[at] as number | string),
  )
}
