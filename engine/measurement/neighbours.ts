import { type History, type HistoryPart, typed } from '@einklang/platform'

/**
 * Cuts persons into ranges of neighbours, as conditions on `person`: each reads its own part of the tables, whatever
 * their number. `persons` selects each of them once.
 */
export async function neighboursOf(history: History, persons: HistoryPart, most: number): Promise<HistoryPart[]> {
  const bounds = await history.rows<{ person: string }>`
    select person from (
      select person, rowNumberInAllBlocks() as place from (${persons} order by person)
    ) where place % ${most} = ${most - 1} order by place`
  const ends = bounds.map(({ person }) => typed('UUID', person))
  return [...ends, null].map((high, index) => {
    const low = ends[index - 1]
    return history.join(
      [
        ...(low === undefined ? [] : [history.part`person > ${low}`]),
        ...(high === null ? [] : [history.part`person <= ${high}`]),
      ],
      'and',
    )
  })
}
