import { adjusted, type Comparison, dependenceOf } from '@einklang/stats'
import type { FeatureColumn, Records } from './records.ts'

/** Two compared columns of which one says much of what the other says; `dependence` from 0 to 1. */
export type Dependent = { one: string; other: string; dependence: number }

/** Above this, agreement in both is counted nearly twice (spec identity §10). */
const most = 0.7
const rows = 20_000

type Compared = { name: string; shared: boolean; column: FeatureColumn }

/**
 * Compared columns that hang together. What a household shares is not told of: training knows families, and expects
 * just that.
 */
export function dependents(comparisons: Comparison[], records: Records, clusters: Uint32Array): Dependent[] {
  const columns = comparedColumns(comparisons, records)
  const stride = Math.ceil(records.count / rows)
  const found: Dependent[] = []
  for (const [at, one] of columns.entries())
    for (const other of columns.slice(at + 1)) {
      if (one.shared && other.shared) continue
      const beside = columns.filter((column) => column !== one && column !== other)
      const some = strangers(clusters, stride, [one.column, other.column], beside)
      const dependence = adjusted(
        dependenceOf({
          one: some.map((record) => one.column.of[record] as number),
          other: some.map((record) => other.column.of[record] as number),
        }),
      )
      if (dependence !== null && dependence > most)
        found.push({ one: one.name, other: other.name, dependence: Number(dependence.toFixed(3)) })
    }
  return found.sort((a, b) => b.dependence - a.dependence)
}

/** One column for each field; a mailbox that is compared in several ways counts once. */
function comparedColumns(comparisons: Comparison[], records: Records): Compared[] {
  const compared = new Map<string, Compared>()
  for (const { name, levels, shared } of comparisons) {
    const [best] = levels
    const named = levels.flatMap(({ rarity }) => rarity ?? [])
    if (named.length === 0 && best?.when.ask === 'equal') named.push(best.when.left)
    // An address is several columns; the fullest speaks for it.
    const [column] = named
      .flatMap((feature) => records.features.get(feature) ?? [])
      .sort((one, other) => other.filled - one.filled)
    if (column && !compared.has(column.name)) compared.set(column.name, { name, shared, column })
  }
  return [...compared.values()]
}

/**
 * Records that hold both, hardly two of one person: those agree in everything. The clusters of the run alone cannot tell,
 * for columns that hang together join strangers: of a cluster, records that agree in yet another field are looked at once.
 */
function strangers(clusters: Uint32Array, stride: number, both: FeatureColumn[], beside: Compared[]): number[] {
  const chosen: number[] = []
  const seen = beside.map(() => new Set<number>())
  for (let record = 0; record < clusters.length; record += stride) {
    if (both.some(({ of }) => of[record] === 0)) continue
    const held = beside.map(({ column }) => {
      const value = column.of[record] as number
      return value === 0 ? null : (clusters[record] as number) * column.values.length + value
    })
    if (held.some((value, at) => value !== null && seen[at]?.has(value))) continue
    held.forEach((value, at) => value !== null && seen[at]?.add(value))
    chosen.push(record)
  }
  return chosen
}
