import type { AnswerOf, api, InputOf } from '@einklang/contract'
import { type Clock, type Database, dayIn, type Part } from '@einklang/platform'
import type { OrderChannel } from './order.ts'

type House = { timeZone: string; currency: string }
export type Today = AnswerOf<typeof api.commerce.today>
export type Revenue = AnswerOf<typeof api.commerce.revenue>

/** Orders and revenue per channel and local day, week or month; a return counts when it came back. */
export async function revenueOf(
  { database, clock }: { database: Database; clock: Clock },
  house: House,
  query: InputOf<typeof api.commerce.revenue>['query'],
): Promise<Revenue> {
  const { timeZone, currency } = house
  const to = query.to ?? (await latestOrderDay(database, timeZone)) ?? dayIn(clock.now(), timeZone)
  const first = query.from ?? dayIn(new Date(Date.parse(to) - 27 * 86_400_000), 'UTC')
  const from = database.part`${first}::timestamp at time zone ${timeZone}`
  const until = database.part`(${to}::timestamp + interval '1 day') at time zone ${timeZone}`
  const bucket = database.part`to_char(date_trunc(${query.by}, at at time zone ${timeZone}), 'YYYY-MM-DD')`
  const refundBucket = database.part`to_char(date_trunc(${query.by}, refund.at at time zone ${timeZone}), 'YYYY-MM-DD')`
  const [rows, other] = await Promise.all([
    database.rows<Revenue['rows'][number]>`
      with sold as (
        select ${bucket} as start, channel, count(*) as orders, sum(total) as revenue,
          coalesce(sum((select sum(quantity) from commerce.purchase_line where purchase = purchase.id)), 0) as units,
          count(*) filter (where who.known) as known
        from commerce.purchase
        left join identity.merged on merged.loser = purchase.person and not merged.undone
        left join profile.person as who on who.person = coalesce(merged.winner, purchase.person)
        where at >= ${from} and at < ${until} and currency = ${currency} and cancelled_at is null group by 1, 2),
      back as (
        select ${refundBucket} as start, ${soldIn(database)} as channel,
          sum(coalesce(refund.given, refund.amount, 0)) as refunded
        from commerce.refund ${soldBefore(database)}
        where refund.at >= ${from} and refund.at < ${until} and refund.currency = ${currency} group by 1, 2)
      select start, channel, coalesce(orders, 0) as orders, coalesce(units, 0) as units,
        coalesce(revenue, 0) as revenue, coalesce(refunded, 0) as refunded, coalesce(known, 0) as known
      from sold full join back using (start, channel) order by start, channel`,
    database.row<{ orders: number }>`
      select count(*) as orders from commerce.purchase
      where at >= ${from} and at < ${until} and currency <> ${currency} and cancelled_at is null`,
  ])
  return { from: first, to, currency, otherCurrencies: other?.orders ?? 0, rows }
}

async function latestOrderDay(database: Database, timeZone: string): Promise<string | null> {
  const row = await database.row<{ day: string | null }>`
    select to_char(max(at) at time zone ${timeZone}, 'YYYY-MM-DD') as day from commerce.purchase`
  return row?.day ?? null
}

/** The order that a return belongs to, if we know it. */
function soldBefore(database: Database): Part {
  return database.part`left join commerce.purchase as sold_in on sold_in.id = refund.purchase`
}

/** The channel whose revenue a return reduces; without its order, the store that took it back. */
function soldIn(database: Database): Part {
  return database.part`coalesce(sold_in.channel, case when exists (select from commerce.place
    where place.place = refund.place) then 'store' else 'web' end)`
}

export async function placesOf(database: Database, currency: string): Promise<AnswerOf<typeof api.commerce.places>> {
  type Place = AnswerOf<typeof api.commerce.places>['items'][number]
  type Row = Omit<Place, 'revenue30Days' | 'stockAsOf'> & { revenue: number; stockAsOf: Date | null }
  const rows = await database.rows<Row>`
    select place.place, name, kind, street, postal_code as "postalCode", city, latitude, longitude,
      coalesce(sold.orders, 0) as "orders30Days", coalesce(sold.revenue, 0) as revenue,
      stock.units, stock.as_of as "stockAsOf"
    from commerce.place
    left join (select place, count(*) as orders, sum(total - refunded) as revenue from commerce.purchase
      where at > platform.now() - interval '30 days' and at <= platform.now() and currency = ${currency}
        and cancelled_at is null group by place)
      as sold using (place)
    left join (select place, sum(on_hand) as units, max(as_of) as as_of from commerce.stock group by place)
      as stock using (place)
    order by place.place`
  return {
    items: rows.map(({ revenue, stockAsOf, ...row }) => ({
      ...row,
      revenue30Days: { amount: revenue, currency },
      stockAsOf: stockAsOf?.toISOString() ?? null,
    })),
  }
}

export async function todayOf(database: Database, clock: Clock, house: House): Promise<Today> {
  const { timeZone, currency } = house
  const now = clock.now()
  const day = dayIn(now, timeZone)
  const midnight = database.part`${day}::timestamp at time zone ${timeZone}`
  type Channel = { channel: OrderChannel; orders: number; revenue: number }
  const [sold, back, before, open] = await Promise.all([
    database.rows<Channel>`
      select channel, count(*) as orders, sum(total) as revenue from commerce.purchase
      where at >= ${midnight} and at <= ${now} and currency = ${currency} and cancelled_at is null group by channel`,
    database.rows<{ channel: OrderChannel; refunded: number }>`
      select ${soldIn(database)} as channel, sum(coalesce(refund.given, refund.amount, 0)) as refunded
      from commerce.refund ${soldBefore(database)}
      where refund.at >= ${midnight} and refund.at <= ${now} and refund.currency = ${currency} group by 1`,
    database.row<{ orders: number; revenue: number }>`
      select count(*) as orders, coalesce(sum(total), 0) as revenue from commerce.purchase
      where at >= (${day}::timestamp - interval '7 days') at time zone ${timeZone}
        and at <= ${now}::timestamptz - interval '7 days' and currency = ${currency} and cancelled_at is null`,
    database.row<{ carts: number; value: number }>`
      select count(*) as carts, coalesce(sum(value) filter (where currency = ${currency}), 0) as value
      from commerce.open_cart`,
  ])
  const ways = ['web', 'app', 'store'] as const
  return {
    day,
    timeZone,
    currency,
    channels: ways.map((channel) => {
      const row = sold.find((given) => given.channel === channel)
      const refunded = back.find((given) => given.channel === channel)?.refunded ?? 0
      return { channel, orders: row?.orders ?? 0, revenue: row?.revenue ?? 0, refunded }
    }),
    lastWeek: before ?? { orders: 0, revenue: 0 },
    openCarts: open ?? { carts: 0, value: 0 },
  }
}
