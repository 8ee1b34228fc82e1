import type { UserId } from '@einklang/contract'
import type { Database } from '@einklang/platform'

/** Address and name of those of the colleagues who still work here, for mail of the house to its own people. */
export function recipientsOf(
  database: Database,
  ids: UserId[],
): Promise<{ id: UserId; name: string; email: string }[]> {
  return database.rows<{ id: UserId; name: string; email: string }>`
    select id, name, email from governance.colleague where id = any(${ids}::uuid[]) and state = 'active'`
}

/** Everybody who works here now, by name. */
export function colleagueNames(database: Database): Promise<{ id: UserId; name: string }[]> {
  return database.rows<{ id: UserId; name: string }>`
    select id, name from governance.colleague where state = 'active' order by lower(name), id`
}
