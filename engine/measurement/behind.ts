import type { AnswerOf, api } from '@einklang/contract'
import type { Database } from '@einklang/platform'

type Behind = AnswerOf<typeof api.measurement.customerPersons>
export type Hidden = Behind['hidden'][number]['because']

const perStatement = 20_000

/**
 * Who of these persons must not be listed behind a figure, and why: a list of persons needs the purposes `analytics`
 * (how the figure came about) and `profiling` (singling people out). An address that bounced is no objection.
 */
export async function hiddenAmong(database: Database, persons: readonly string[]): Promise<Map<string, Hidden>> {
  const rows = await database.rows<{ person: string; because: Hidden }>`
    with self as materialized (
      select person, person as stored from unnest(${[...new Set(persons)]}::uuid[]) as person
      union all
      select winner, loser from identity.merged where winner = any(${persons}::uuid[]) and not undone)
    select distinct on (person) person, because from (
      select self.person, 'erased' as because from self join consent.erased on erased.person = self.stored
      union all
      select state.person, case when because in ('erased', 'restricted') then because else purpose end
      from self join consent.state on state.person = self.stored
      where purpose in ('analytics', 'profiling') and not allowed
      union all
      select self.person, purpose from self join consent.refused on refused.self = self.stored
      where purpose in ('analytics', 'profiling')
    ) as found order by person, array_position(array['erased', 'restricted', 'analytics', 'profiling'], because)`
  return new Map(rows.map(({ person, because }) => [person, because]))
}

/** Counts the persons behind a figure and those who are not listed; `of` tells how much each one stands for. */
export async function countedBehind(
  database: Database,
  persons: readonly string[],
  of: (index: number) => number = () => 1,
): Promise<Behind & { listed: number }> {
  const counts = new Map<Hidden, number>()
  let listed = 0
  for (let start = 0; start < persons.length; start += perStatement) {
    const some = persons.slice(start, start + perStatement)
    const hidden = await hiddenAmong(database, some)
    for (const because of hidden.values()) counts.set(because, (counts.get(because) ?? 0) + 1)
    for (const [index, person] of some.entries()) if (!hidden.has(person)) listed += of(start + index)
  }
  const hidden = [...counts].map(([because, count]) => ({ because, persons: count }))
  return { persons: persons.length, hidden: hidden.toSorted((one, other) => other.persons - one.persons), listed }
}

/** Reads on past persons who are not to be listed, until the page is full or nothing is left. */
export async function listedPage<Row extends { person: string }, Cursor>(
  database: Database,
  page: {
    after: Cursor | null
    limit: number
    cursorOf: (row: Row) => Cursor
    read: (after: Cursor | null, limit: number) => Promise<Row[]>
  },
): Promise<{ rows: Row[]; next: Cursor | null }> {
  const listed: Row[] = []
  let { after } = page
  // Where nearly everybody objected the page stays short and the reader asks on, rather than waiting long.
  for (let round = 0; round < 20; round++) {
    const rows = await page.read(after, page.limit + 1)
    const hidden = await hiddenAmong(
      database,
      rows.map(({ person }) => person),
    )
    for (const [index, row] of rows.entries()) {
      if (index === page.limit) break
      after = page.cursorOf(row)
      if (hidden.has(row.person)) continue
      listed.push(row)
      if (listed.length === page.limit) return { rows: listed, next: index + 1 < rows.length ? after : null }
    }
    if (rows.length <= page.limit) return { rows: listed, next: null }
  }
  return { rows: listed, next: after }
}
