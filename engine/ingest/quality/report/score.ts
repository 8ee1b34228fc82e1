import { api } from '@einklang/contract'

export type Score = api.ingest.QualityReport['score']
export type Weights = api.ingest.QualityWeights
type Part = api.ingest.ScorePart

export const usualWeights: Weights = {
  validity: 0.3,
  completeness: 0.25,
  freshness: 0.2,
  conformity: 0.15,
  uniqueness: 0.1,
}

export type Share = { count: number; of: number }
/** A part that is missing, or of nothing, has no data. */
export type Inputs = { [part in Part]?: Share | null }

/**
 * 100 × the weighted mean of the parts that have data (spec quality §5): each part is a share between 0 and 1, a part
 * without data is left out and the weights of the others grow in proportion. Null when no part counts.
 */
export function scoreOf(inputs: Inputs, weights: Weights): Pick<Score, 'value' | 'parts'> {
  const parts = api.ingest.scoreParts.map((part) => {
    const { count, of } = inputs[part] ?? { count: 0, of: 0 }
    return { part, value: of > 0 ? Math.min(1, Math.max(0, count / of)) : null, count, of }
  })
  const whole = parts.reduce((sum, { part, value }) => sum + (value === null ? 0 : weights[part]), 0)
  const weighted = parts.map((part) => ({
    ...part,
    weight: part.value === null || whole === 0 ? 0 : weights[part.part] / whole,
  }))
  const value = whole === 0 ? null : 100 * weighted.reduce((sum, one) => sum + one.weight * (one.value ?? 0), 0)
  return { value: value === null ? null : Math.min(100, Math.max(0, value)), parts: weighted }
}
