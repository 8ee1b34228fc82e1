import type { AppliedBatch, PersonEvent, PersonId } from '@einklang/contract'
import { type Columns, type Database, recordset } from '@einklang/platform'
import { afterEvent, type CartState, cartEvents, emptyCart, liveLines, stateOf, valueOf } from './cart.ts'
import { type Cancellation, cancellationOf, type MaybePersonal, purchaseOf, type Refund, refundOf } from './order.ts'
import { compare, joined, sameVersions, type ToldOrder, type Version, type Versions } from './told.ts'

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
  versions: 'jsonb',
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
    event.name === 'Order Completed' || event.name === 'Order Updated' ? (purchaseOf(event, currency) ?? []) : [],
  )
  const refunds = events.flatMap((event) => (event.name === 'Order Refunded' ? (refundOf(event, currency) ?? []) : []))
  const cancelled = events.flatMap((event) => (event.name === 'Order Cancelled' ? (cancellationOf(event) ?? []) : []))
  await writePurchases(tx, purchases)
  await writeRefunds(tx, refunds)
  await writeCancellations(tx, cancelled)
  const numbers = [...new Set([...purchases, ...refunds, ...cancelled].map(({ orderNo }) => orderNo))]
  await settle(tx, numbers)
  await applyCarts(
    tx,
    currency,
    batch.events.filter((event) => cartEvents.has(event.name ?? '')),
  )
}

type Standing = Omit<ToldOrder, 'at' | 'lines' | 'versions'> & { at: Date; versions: Versions | null; lines: number }

/** Orders of which something is known already; their lines stay where they are. */
async function standingOrders(tx: Database, ids: string[]): Promise<Map<string, ToldOrder>> {
  const rows = await tx.rows<Standing>`
    select id, person, kind, order_no as "orderNo", channel, place, at, total, currency, coupon, source, trusted, event,
      versions, (select count(*)::int from commerce.purchase_line where purchase = purchase.id) as lines
    from unnest(${ids}::uuid[]) as asked(wanted)
    cross join lateral (select * from commerce.purchase where purchase.id = asked.wanted offset 0) as purchase`
  return new Map(
    rows.map(({ lines, versions, ...row }) => {
      const at = row.at.toISOString()
      const version: Version = [row.trusted ? 1 : 0, at, row.event]
      const whole: Versions = versions ?? {
        head: version,
        at: [1, version[0], at, row.event],
        person: row.person === null ? null : version,
        place: row.place === null ? null : version,
        coupon: row.coupon === null ? null : version,
        lines: lines === 0 ? null : version,
      }
      return [row.id, { ...row, at, lines: [], versions: whole }]
    }),
  )
}

/** Joins what the records tell with what stands; the result does not depend on how often or in which order they come. */
async function writePurchases(tx: Database, given: ToldOrder[]): Promise<void> {
  if (given.length === 0) return
  const byId = new Map<string, ToldOrder>()
  for (const one of given) {
    const known = byId.get(one.id)
    byId.set(one.id, known === undefined ? one : joined(one, known))
  }
  const standing = await standingOrders(tx, [...byId.keys()])
  const purchases: (ToldOrder & { fresh: boolean })[] = []
  for (const one of byId.values()) {
    const known = standing.get(one.id)
    const whole = known === undefined ? one : joined(known, one)
    if (known !== undefined && sameVersions(known.versions, whole.versions)) continue
    const fresh = compare(one.versions.lines, known?.versions.lines ?? null) > 0
    purchases.push({ ...whole, lines: fresh ? one.lines : [], fresh })
  }
  if (purchases.length === 0) return
  // One batch at a time is applied: an order that was not found is not there, and need not be asked about once more.
  const [known, unknown] = [
    purchases.filter(({ id }) => standing.has(id)),
    purchases.filter(({ id }) => !standing.has(id)),
  ]
  await Promise.all([insertPurchases(tx, unknown), correctPurchases(tx, known), writeLines(tx, purchases, standing)])
}

async function insertPurchases(tx: Database, purchases: ToldOrder[]): Promise<void> {
  if (purchases.length === 0) return
  // Most orders are told once: one record needs no list of where each part comes from.
  const rows = purchases.map((one) => (isSingle(one) ? { ...one, versions: null } : one))
  await tx.run`
    insert into commerce.purchase
      (id, person, kind, order_no, channel, place, at, total, currency, coupon, source, trusted, event, versions)
    select r.id, r.person, r.kind, r."orderNo", r.channel, r.place, r.at, r.total, r.currency, r.coupon, r.source,
      r.trusted, r.event, r.versions
    from ${recordset(tx, rows, purchaseColumns)} as r order by r.id`
}

async function correctPurchases(tx: Database, purchases: ToldOrder[]): Promise<void> {
  if (purchases.length === 0) return
  await tx.run`
    update commerce.purchase set person = r.person, channel = r.channel, place = r.place, at = r.at, total = r.total,
      currency = r.currency, coupon = r.coupon, source = r.source, trusted = r.trusted, event = r.event, versions = r.versions
    from ${recordset(tx, purchases, purchaseColumns)} as r where purchase.id = r.id`
}

async function writeLines(
  tx: Database,
  purchases: (ToldOrder & { fresh: boolean })[],
  standing: ReadonlyMap<string, ToldOrder>,
): Promise<void> {
  const told = purchases.filter(({ fresh }) => fresh)
  const lines = told.flatMap((purchase) =>
    purchase.lines.map((line, index) => ({ ...line, purchase: purchase.id, line: index + 1 })),
  )
  if (lines.length === 0) return
  const replaced = told.filter(({ id }) => standing.has(id)).map(({ id }) => id)
  if (replaced.length > 0)
    await tx.run`delete from commerce.purchase_line where purchase in (select unnest(${replaced}::uuid[]))`
  await tx.run`
    insert into commerce.purchase_line (purchase, line, sku, name, quantity, price, total)
    select r.purchase, r.line, r.sku, r.name, r.quantity, r.price, r.total
    from ${recordset(tx, lines, lineColumns)} as r order by r.purchase, r.line`
}

/** All parts from one completed, priced record: then `event` says it all. */
function isSingle({ versions, event }: ToldOrder): boolean {
  const { head, at, ...parts } = versions
  return (
    head[0] >= 0 &&
    at[0] === 1 &&
    head[2] === event &&
    at[3] === event &&
    Object.values(parts).every((part) => part === null || part[2] === event)
  )
}

async function writeRefunds(tx: Database, given: Refund[]): Promise<void> {
  const byKey = new Map<string, Refund>()
  for (const one of given) {
    const known = byKey.get(one.event)
    if (known === undefined || compare(versionOf(one), versionOf(known)) > 0) byKey.set(one.event, one)
  }
  const refunds = [...byKey.values()]
  if (refunds.length === 0) return
  await tx.run`
    insert into commerce.refund (event, told_by, trusted, kind, person, order_no, at, amount, currency, place, lines)
    select r.event, r."toldBy", r.trusted, r.kind, r.person, r."orderNo", r.at, r.amount, r.currency, r.place, r.lines
    from jsonb_to_recordset(${tx.json(refunds)}) as r(event uuid, "toldBy" uuid, trusted boolean, kind text, person uuid,
      "orderNo" text, at timestamptz, amount bigint, currency text, place text, lines jsonb)
    on conflict (event) do update set told_by = excluded.told_by, trusted = excluded.trusted, person = excluded.person,
      at = excluded.at, amount = excluded.amount, currency = excluded.currency, lines = excluded.lines
    where (excluded.trusted, excluded.at, excluded.told_by) > (refund.trusted, refund.at, coalesce(refund.told_by, refund.event))`
}

function versionOf(refund: Refund): Version {
  return [refund.trusted ? 1 : 0, refund.at, refund.toldBy]
}

/** Most orders are neither returned nor cancelled. */
async function settle(tx: Database, orderNos: string[]): Promise<void> {
  if (orderNos.length === 0) return
  const some = await tx.row<{ returned: boolean; cancelled: boolean }>`
    with asked as materialized (select unnest(${orderNos}::text[]) as number)
    select exists (select from commerce.refund)
        and exists (select from commerce.refund where order_no in (select number from asked)) as returned,
      exists (select from commerce.cancellation)
        and exists (select from commerce.cancellation where order_no in (select number from asked)) as cancelled`
  if (some?.returned) await settleRefunds(tx, orderNos)
  if (some?.cancelled) await settleCancellations(tx, orderNos)
}

/**
 * Each return is taken off exactly one order: of its kind and place if there is one, else the latest before it. Together
 * they never exceed the total, the earlier return first. What counts follows from the set of orders and returns of a
 * number, so both may arrive in any order.
 */
async function settleRefunds(tx: Database, orderNos: string[]): Promise<void> {
  await tx.run`
    with wanted as (
      select refund.event, refund.at, pick.id as purchase, pick.total,
        -- Lines without a price are worth what the order says; a return without lines is all of it.
        coalesce(refund.amount, case when jsonb_array_length(refund.lines) = 0 then pick.total else (
          select coalesce(sum(coalesce((back->>'total')::bigint, (back->>'quantity')::bigint * sold.price)), 0)
          from jsonb_array_elements(refund.lines) as told(back)
          left join lateral (select price from commerce.purchase_line
            where purchase = pick.id and sku = back->>'sku' order by purchase_line.line limit 1) as sold on true)
        end) as amount
      from commerce.refund
      left join lateral (select id, total from commerce.purchase
        where purchase.order_no = refund.order_no and purchase.currency = refund.currency
        order by (purchase.kind = refund.kind) desc, (purchase.place is not distinct from refund.place) desc,
          (purchase.at <= refund.at) desc, purchase.at desc, purchase.id limit 1) as pick on true
      where refund.order_no in (select unnest(${orderNos}::text[]))),
    settled as (
      select event, purchase, case when purchase is not null then greatest(0, least(amount, total - coalesce(sum(amount)
        over (partition by purchase order by at, event rows between unbounded preceding and 1 preceding), 0))) end as given
      from wanted)
    update commerce.refund set purchase = settled.purchase, given = settled.given from settled
    where settled.event = refund.event
      and (refund.purchase is distinct from settled.purchase or refund.given is distinct from settled.given)`
  await tx.run`
    update commerce.purchase set refunded = back.given
    from (select purchase.id, coalesce(sum(refund.given), 0) as given
      from commerce.purchase left join commerce.refund on refund.purchase = purchase.id
      where purchase.order_no in (select unnest(${orderNos}::text[])) group by purchase.id) as back
    where back.id = purchase.id and purchase.refunded <> back.given`
}

async function writeCancellations(tx: Database, cancelled: Cancellation[]): Promise<void> {
  if (cancelled.length === 0) return
  await tx.run`
    insert into commerce.cancellation (event, kind, place, order_no, at)
    select r.event, r.kind, r.place, r."orderNo", r.at
    from jsonb_to_recordset(${tx.json(cancelled)}) as r(event uuid, kind text, place text, "orderNo" text, at timestamptz)
    on conflict (event) do nothing`
}

/** An order is cancelled at its first cancellation, whichever of the two arrives first. */
async function settleCancellations(tx: Database, orderNos: string[]): Promise<void> {
  await tx.run`
    update commerce.purchase set cancelled_at = first.at
    from (select purchase.id, min(cancellation.at) as at
      from commerce.cancellation join commerce.purchase on purchase.order_no = cancellation.order_no
        and purchase.kind = cancellation.kind
        and (purchase.kind = 'order' or purchase.place is not distinct from cancellation.place)
      where cancellation.order_no in (select unnest(${orderNos}::text[])) group by purchase.id) as first
    where first.id = purchase.id and purchase.cancelled_at is distinct from first.at`
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
