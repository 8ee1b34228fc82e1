import type { Database } from '@einklang/platform'

const most = 100_000

/** Values that so many people used that they name nobody any more; the latest ones when there are very many. */
export function sharedValues(database: Database): Promise<{ namespace: string; value: string }[]> {
  return database.rows<{ namespace: string; value: string }>`
    select namespace, value from identity.identifier where status = 'shared' order by last_seen_at desc limit ${most}`
}
