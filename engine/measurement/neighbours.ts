import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'

/** A condition on a column of persons. */
export type Within = (column: string) => HistoryPart

/**
 * Cuts persons into ranges of neighbours: each reads its own part of the tables, whatever their number. `persons`
 * selects each of them once.
 */
export async function neighboursOf(history: History, persons: HistoryPart, most: number): Promise<Within[]> {
  const bounds = await history.rows<{ person: string }>`
    select person from (
      select person, rowNumberInAllBlocks() as place from (${persons} order by person)
    ) where place > 0 and place % ${most} = 0 order by place`
  const starts = bounds.map(({ person }) => typed('UUID', person))
  return [null, ...starts].map((low, index) => (column) => {
    // Names of columns come from our statements.
    const name = history.part(writtenSql(column))
    const high = starts[index]
    return history.join(
      [
        ...(low === null ? [] : [history.part`${name} >= ${low}`]),
        ...(high === undefined ? [] : [history.part`${name} < ${high}`]),
      ],
      'and',
    )
  })
}
