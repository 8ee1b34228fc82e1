import type { Database } from '@einklang/platform'
import type { CommerceHealth } from '#ingest'
import { fieldSums, fieldsFrom } from '#profile'

/** Turnover of the last 13 weeks by channel and store, how much of it has a known person, and what is known of buyers. */
export async function commerceHealth(
  database: Database,
  currency: string,
  fields: readonly string[],
): Promise<CommerceHealth> {
  const tied = await database.rows<CommerceHealth['tied'][number]>`
    select purchase.channel, case when purchase.channel = 'store' then coalesce(purchase.place, '') else '' end as store,
      coalesce(max(place.name), max(purchase.place), '') as "storeName", count(*) as receipts,
      sum(total - refunded) as turnover, coalesce(sum(total - refunded) filter (where who.known), 0) as tied
    from commerce.purchase
    left join identity.merged on merged.loser = purchase.person and not merged.undone
    left join profile.person as who on who.person = coalesce(merged.winner, purchase.person)
    left join commerce.place on place.place = purchase.place
    where at > platform.now() - interval '91 days' and at <= platform.now() and currency = ${currency} and cancelled_at is null
    group by 1, 2 order by 1, 5 desc`
  const [both] = await database.rows<{ count: number; of: number }>`
    with buyer as (
      select distinct coalesce(merged.winner, purchase.person) as person
      from commerce.purchase left join identity.merged on merged.loser = purchase.person and not merged.undone
      where channel = 'store' and purchase.person is not null and at > platform.now() - interval '365 days'),
    seen as (
      select distinct coalesce(merged.winner, identifier.person) as person
      from identity.identifier left join identity.merged on merged.loser = identifier.person and not merged.undone
      where namespace in ('anonymous_id', 'user_id') and identifier.status = 'active' and identifier.person is not null)
    select count(*) as of, count(seen.person) as count
    from buyer join profile.person as who on who.person = buyer.person and who.known left join seen on seen.person = buyer.person`
  const stores = await database.rows<{ store: string; name: string; people: number; receipts: number }>`
    with buyer as (
      select place, coalesce(merged.winner, purchase.person) as person, count(*) filter (where at > platform.now() - interval '91 days') as receipts
      from commerce.purchase left join identity.merged on merged.loser = purchase.person and not merged.undone
      where channel = 'store' and place is not null and cancelled_at is null and at > platform.now() - interval '365 days'
      group by 1, 2)
    select buyer.place as store, coalesce(max(place.name), buyer.place) as name, sum(receipts) as receipts,
      count(who.person) as people, ${fieldSums(database, fields)}
    from buyer left join profile.person as who on who.person = buyer.person and who.known
    left join commerce.place on place.place = buyer.place
    group by buyer.place order by buyer.place`
  return {
    tied,
    storeAndWeb: { count: both?.count ?? 0, of: both?.of ?? 0 },
    stores: stores.map((row) => ({
      store: row.store,
      name: row.name,
      people: row.people,
      receiptsAWeek: row.receipts / 13,
      fields: fieldsFrom(row as unknown as { [name: string]: number }, fields),
    })),
  }
}
