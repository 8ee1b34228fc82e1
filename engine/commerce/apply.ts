import type { AppliedBatch, PersonEvent, PersonId } from '@einklang/contract'
import { type Columns, type Database, recordset } from '@einklang/platform'
import { afterEvent, type CartState, cartEvents, emptyCart, liveLines, stateOf, valueOf } from './cart.ts'
import { type MaybePersonal, type Purchase, purchaseOf, type Refund, refundOf, textIn } from './order.ts'

const purchaseColumns: Columns = {
  id: 'uuid',
  person: 'uuid',
  kind: 'text',
  orderNo: 'text',
  channel: 'text',
  place: 'text',
  at: 'timestamptz',
  total: 'bigint',
  currency: 'text',
  coupon: 'text',
  source: 'uuid',
  trusted: 'boolean',
  event: 'uuid',
}
const lineColumns: Columns = {
  purchase: 'uuid',
  line: 'integer',
  sku: 'text',
  name: 'text',
  quantity: 'integer',
  price: 'bigint',
  total: 'bigint',
}
const cartColumns: Columns = {
  person: 'uuid',
  lines: 'jsonb',
  memory: 'jsonb',
  value: 'bigint',
  currency: 'text',
  state: 'text',
  updatedAt: 'timestamptz',
  checkoutAt: 'timestamptz',
  orderedAt: 'timestamptz',
}

/** Orders, returns and carts of one batch; everything else passes by. */
export async function applyBatch(tx: Database, currency: string, batch: AppliedBatch): Promise<void> {
  const events: MaybePersonal[] = [
    ...batch.events,
    ...(batch.unattributed ?? []).map((event) => ({ ...event, person: null })),
  ].filter((event) => event.name?.startsWith('Order ') ?? false)
  const purchases = events.flatMap((event) =>
    event.name === 'Order Completed' ? (purchaseOf(event, currency) ?? []) : [],
  )
  const refunds = events.flatMap((event) => (event.name === 'Order Refunded' ? (refundOf(event, currency) ?? []) : []))
  const cancelled = events.flatMap((event) => {
    const orderNo = event.name === 'Order Cancelled' ? textIn(event.properties.order_id) : null
    return orderNo === null ? [] : [{ orderNo, at: event.at }]
  })
  await writePurchases(tx, purchases)
  await writeRefunds(tx, refunds)
  await settleRefunds(
    tx,
    [...purchases, ...refunds].map(({ orderNo }) => orderNo),
  )
  await cancel(tx, cancelled)
  await applyCarts(
    tx,
    currency,
    batch.events.filter((event) => cartEvents.has(event.name ?? '')),
  )
}

/** Per order the trusted record wins, then the later one in the batch. */
function strongest(purchases: Purchase[]): Purchase[] {
  const byId = new Map<string, Purchase>()
  for (const purchase of purchases) {
    const known = byId.get(purchase.id)
    if (known === undefined || purchase.trusted >= known.trusted) byId.set(purchase.id, merged(purchase, known))
  }
  return [...byId.values()]
}

/** What the better record leaves open, the other one fills. */
function merged(better: Purchase, other: Purchase | undefined): Purchase {
  if (other === undefined) return better
  return {
    ...better,
    person: better.person ?? other.person,
    lines: better.lines.length > 0 ? better.lines : other.lines,
  }
}

async function writePurchases(tx: Database, given: Purchase[]): Promise<void> {
  const purchases = strongest(given)
  if (purchases.length === 0) return
  const written = await tx.rows<{ id: string }>`
    insert into commerce.purchase
      (id, person, kind, order_no, channel, place, at, total, currency, coupon, source, trusted, event)
    select r.id, r.person, r.kind, r."orderNo", r.channel, r.place, r.at, r.total, r.currency, r.coupon, r.source,
      r.trusted, r.event
    from ${recordset(tx, purchases, purchaseColumns)} as r
    on conflict (id) do update set
      person = coalesce(excluded.person, purchase.person), channel = excluded.channel,
      place = coalesce(excluded.place, purchase.place), at = excluded.at, total = excluded.total,
      currency = excluded.currency, coupon = coalesce(excluded.coupon, purchase.coupon), source = excluded.source,
      trusted = excluded.trusted, event = excluded.event
    where excluded.trusted and not purchase.trusted
      or excluded.trusted = purchase.trusted and excluded.at > purchase.at
    returning id`
  const ids = new Set(written.map((row) => row.id))
  const lines = purchases.flatMap((purchase) =>
    ids.has(purchase.id)
      ? purchase.lines.map((line, index) => ({ ...line, purchase: purchase.id, line: index + 1 }))
      : [],
  )
  if (lines.length === 0) return
  // Only records that bring lines replace lines.
  await tx.run`delete from commerce.purchase_line where purchase in (select unnest(${[...new Set(lines.map((line) => line.purchase))]}::uuid[]))`
  await tx.run`
    insert into commerce.purchase_line (purchase, line, sku, name, quantity, price, total)
    select r.purchase, r.line, r.sku, r.name, r.quantity, r.price, r.total
    from ${recordset(tx, lines, lineColumns)} as r`
}

async function writeRefunds(tx: Database, refunds: Refund[]): Promise<void> {
  if (refunds.length === 0) return
  await tx.run`
    insert into commerce.refund (event, person, order_no, at, amount, currency, place, lines)
    select r.event, r.person, r."orderNo", r.at, r.amount, r.currency, r.place, r.lines
    from jsonb_to_recordset(${tx.json(refunds)}) as r(event uuid, person uuid, "orderNo" text, at timestamptz,
      amount bigint, currency text, place text, lines jsonb)
    on conflict (event) do nothing`
}

/** What was given back of these orders; returns and orders may arrive in either order, and never exceed the total. */
async function settleRefunds(tx: Database, orderNos: string[]): Promise<void> {
  if (orderNos.length === 0) return
  await tx.run`
    update commerce.purchase set refunded = given.amount
    from (select purchase.id, least(purchase.total, sum(coalesce(refund.amount, purchase.total))) as amount
      from commerce.purchase join commerce.refund using (order_no)
      where order_no in (select unnest(${[...new Set(orderNos)]}::text[]))
        and (purchase.kind = 'order' or refund.place is null or purchase.place is null
          or refund.place = purchase.place or not exists (select from commerce.purchase as other
            where other.order_no = refund.order_no and other.place = refund.place))
      group by purchase.id) as given
    where purchase.id = given.id and purchase.refunded <> given.amount`
}

async function cancel(tx: Database, cancelled: { orderNo: string; at: string }[]): Promise<void> {
  if (cancelled.length === 0) return
  await tx.run`
    update commerce.purchase set cancelled_at = r.at
    from jsonb_to_recordset(${tx.json(cancelled)}) as r("orderNo" text, at timestamptz)
    where order_no = r."orderNo" and kind = 'order' and cancelled_at is null`
}

type CartRow = {
  person: PersonId
  memory: Pick<CartState, 'list' | 'acts' | 'articles'>
  currency: string
  updatedAt: Date
  checkoutAt: Date | null
  orderedAt: Date | null
}

async function applyCarts(tx: Database, currency: string, events: PersonEvent[]): Promise<void> {
  if (events.length === 0) return
  const byPerson = Map.groupBy(events, (event) => event.person)
  const rows = await tx.rows<CartRow>`
    select person, memory, currency, updated_at as "updatedAt", checkout_at as "checkoutAt", ordered_at as "orderedAt"
    from commerce.cart where person in (select unnest(${[...byPerson.keys()]}::uuid[])) order by person for update`
  const standing = new Map(rows.map((row) => [row.person, cartOf(row)]))
  const carts = [...byPerson].flatMap(([person, acts]) => {
    const known = standing.get(person)
    // An order of somebody without a cart makes no cart.
    if (known === undefined && acts.every((event) => event.name === 'Order Completed')) return []
    const {
      list,
      acts: since,
      articles,
      ...cart
    } = acts.reduce(afterEvent, known ?? emptyCart(currency, acts[0]?.at ?? ''))
    const memory = { list, acts: since, articles }
    const lines = liveLines({ ...cart, ...memory })
    return [{ ...cart, person, memory, lines, state: stateOf({ ...cart, ...memory }), value: valueOf(lines) }]
  })
  if (carts.length === 0) return
  await tx.run`
    insert into commerce.cart (person, lines, memory, value, currency, state, updated_at, checkout_at, ordered_at)
    select r.person, r.lines, r.memory, r.value, r.currency, r.state, r."updatedAt", r."checkoutAt", r."orderedAt"
    from ${recordset(tx, carts, cartColumns)} as r order by r.person
    on conflict (person) do update set lines = excluded.lines, memory = excluded.memory, value = excluded.value,
      currency = excluded.currency, state = excluded.state, updated_at = excluded.updated_at,
      checkout_at = excluded.checkout_at, ordered_at = excluded.ordered_at`
}

export function cartOf(row: CartRow): CartState {
  return {
    ...row.memory,
    currency: row.currency,
    updatedAt: row.updatedAt.toISOString(),
    checkoutAt: row.checkoutAt?.toISOString() ?? null,
    orderedAt: row.orderedAt?.toISOString() ?? null,
  }
}
