import type { PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'

/** Orders and counted events under stored ids: what an undo or a split would move. */
export async function weigh(
  database: Database,
  ids: PersonId[],
): Promise<Map<PersonId, { orders: number; events: number }>> {
  const rows = await database.rows<{ id: PersonId; orders: number; events: number }>`
    select asked.id, (select count(*) from commerce.purchase where purchase.person = asked.id) as orders,
      coalesce((select sum(count) from profile.event_count where event_count.person = asked.id), 0)::int as events
    from unnest(${ids}::uuid[]) as asked(id)`
  return new Map(rows.map(({ id, ...weight }) => [id, weight]))
}
