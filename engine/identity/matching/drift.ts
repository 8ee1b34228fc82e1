import type { AnswerOf, api } from '@einklang/contract'
import type { Dependent } from './dependence.ts'

/** What a run found, kept with it. */
export type Manifest = {
  rules?: { rule: string; pairs: number; skippedValues: number }[]
  filled?: { [field: string]: number }
  reviewPerThousand?: number
  /** Share of clusters by their number of records, and of links by their bits. */
  sizes?: { [size: string]: number }
  bits?: { [bits: string]: number }
  share?: number
  audit?: Audit
  dependent?: Dependent[]
  [key: string]: unknown
}
export type Audit = NonNullable<AnswerOf<typeof api.identity.matchRun>['audit']>
export type Drift = AnswerOf<typeof api.identity.matchRun>['drift'][number]

/** What is unusual against the run before, within the limits of spec identity §11; readers say it in their language. */
export function driftOf(before: Manifest | null, now: Manifest): Drift[] {
  if (!before) return []
  const found: Drift[] = []
  const note = (code: Drift['code'], of: string | null, value: number, earlier: number) =>
    found.push({ code, of, now: value, before: earlier })
  for (const [field, value] of Object.entries(now.filled ?? {})) {
    const earlier = before.filled?.[field]
    if (earlier !== undefined && Math.abs(value - earlier) > 0.05) note('filled', field, value, earlier)
  }
  for (const { rule, pairs } of now.rules ?? []) {
    const earlier = before.rules?.find((known) => known.rule === rule)?.pairs
    if (earlier !== undefined && earlier > 100 && (pairs > 2 * earlier || pairs < earlier / 2))
      note('pairs', rule, pairs, earlier)
  }
  const [load, earlier] = [now.reviewPerThousand ?? 0, before.reviewPerThousand ?? 0]
  if (load > 2 * earlier + 1) note('review', null, load, earlier)
  for (const figure of ['sizes', 'bits'] as const) {
    const [here, there] = [now[figure], before[figure]]
    if (!here || !there) continue
    for (const band of new Set([...Object.keys(here), ...Object.keys(there)])) {
      const [value, last] = [here[band] ?? 0, there[band] ?? 0]
      if (Math.abs(value - last) > 0.05) note(figure, band, value, last)
    }
  }
  const [moved, movedThen] = [now.share ?? 0, before.share ?? 0]
  if (moved > 2 * movedThen + 0.005) note('moved', null, moved, movedThen)
  return found
}
