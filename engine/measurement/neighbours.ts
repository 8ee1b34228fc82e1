import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import { idWords, isBetween } from './ids.ts'

/** A condition on a column of persons. */
export type Within = (column: string) => HistoryPart

/** Persons beside each other in the order of the tables. */
export type Range = {
  within: Within
  /** The same, of an id in a block. */
  has: (person: Uint32Array) => boolean
}

type Bound = Uint32Array | null

/**
 * Cuts persons into ranges of neighbours: each reads its own part of the tables, whatever their number. `persons`
 * selects each of them once.
 */
export async function neighboursOf(history: History, persons: HistoryPart, most: number): Promise<Within[]> {
  const bounds = await history.rows<{ person: string }>`
    select person from (
      select person, rowNumberInAllBlocks() as place from (${persons} order by person)
    ) where place > 0 and place % ${most} = 0 order by place`
  return rangesFrom(
    history,
    bounds.map(({ person }) => person),
  ).map(({ within }) => within)
}

/** Ranges that begin with these persons, after a first one for those before all of them. */
export function rangesFrom(history: History, starts: string[]): Range[] {
  return [null, ...starts].map((low, index) => {
    const high = starts[index] ?? null
    const [from, to] = [low, high].map((start) => (start === null ? null : idWords(start))) as [Bound, Bound]
    return {
      within: (column) => {
        // Names of columns come from our statements.
        const name = history.part(writtenSql(column))
        return history.join(
          [
            ...(low === null ? [] : [history.part`${name} >= ${typed('UUID', low)}`]),
            ...(high === null ? [] : [history.part`${name} < ${typed('UUID', high)}`]),
          ],
          'and',
        )
      },
      has: (person) => isBetween(person, from, to),
    }
  })
}
