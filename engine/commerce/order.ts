import {
  type JsonObject,
  type NormalEvent,
  type OrderId,
  type PersonId,
  type SourceId,
  toMinor,
} from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type ToldOrder, told } from './told.ts'

export type OrderChannel = 'web' | 'app' | 'store'

export type OrderLine = {
  sku: string | null
  name: string
  quantity: number
  price: number | null
  total: number | null
}

export type Purchase = {
  id: OrderId
  person: PersonId | null
  kind: 'order' | 'receipt'
  orderNo: string
  channel: OrderChannel
  place: string | null
  at: string
  total: number
  currency: string
  coupon: string | null
  source: SourceId
  trusted: boolean
  event: string
  lines: OrderLine[]
}

export type Refund = {
  /** The return's own number where it has one, else the event: told twice it counts once. */
  event: string
  toldBy: string
  trusted: boolean
  kind: 'order' | 'receipt'
  person: PersonId | null
  orderNo: string
  at: string
  /** Null = what the order says its lines are worth; without lines, all of it. */
  amount: number | null
  currency: string
  place: string | null
  lines: OrderLine[]
}

/** An event with or without somebody behind it. */
export type MaybePersonal = NormalEvent & { person: PersonId | null; stored?: PersonId }

/**
 * The order behind an `Order Completed` or `Order Updated`. The id follows from the number (and the place, for till receipts), not from
 * the source: the shop's export and the browser tell of the same order, and it counts once.
 */
export function purchaseOf(event: MaybePersonal, currency: string): ToldOrder | null {
  const { properties } = event
  const orderNo = textIn(properties.order_id) ?? textIn(properties.receipt_no) ?? textIn(properties.order_no)
  if (orderNo === null) return null
  const channel = channelOf(event)
  const kind = kindOf(event, channel)
  const place = placeOf(event)
  const money = currencyOf(properties, currency)
  const lines = linesOf(properties, money)
  const amount = minorOf(properties, 'total', money) ?? minorOf(properties, 'revenue', money)
  const purchase: Purchase = {
    id: purchaseId(kind, place, orderNo),
    person: event.stored ?? event.person,
    kind,
    orderNo,
    channel,
    place: channel === 'store' ? place : null,
    at: event.at,
    total: amount ?? lines.reduce((sum, line) => sum + (line.total ?? 0), 0),
    currency: money,
    coupon: textIn(properties.coupon),
    source: event.source,
    trusted: event.mayJoin,
    event: event.id,
    lines,
  }
  return told(purchase, {
    completed: event.name === 'Order Completed',
    priced: amount !== null || lines.length > 0,
  })
}

/** A number from a till is unique in its store only; an order that a shop took for a store keeps its order number. */
function kindOf(event: NormalEvent, channel: OrderChannel): 'order' | 'receipt' {
  const has = (namespace: string) => event.identifiers.some((identifier) => identifier.namespace.startsWith(namespace))
  if (has('receipt_no') || event.properties.receipt_no !== undefined) return 'receipt'
  return channel === 'store' && !has('order_no') ? 'receipt' : 'order'
}

export function purchaseId(kind: 'order' | 'receipt', place: string | null, orderNo: string): OrderId {
  return derivedId('order', kind, kind === 'receipt' ? (place ?? '') : '', orderNo)
}

export function refundOf(event: MaybePersonal, currency: string): Refund | null {
  const { properties } = event
  const orderNo =
    textIn(properties.original_no) ??
    textIn(properties.order_id) ??
    textIn(properties.order_no) ??
    textIn(properties.receipt_no)
  if (orderNo === null) return null
  const money = currencyOf(properties, currency)
  const lines = linesOf(properties, money).map((line) => ({
    ...line,
    quantity: Math.abs(line.quantity),
    total: line.total === null ? null : Math.abs(line.total),
  }))
  const amount = minorOf(properties, 'total', money) ?? minorOf(properties, 'revenue', money)
  const priced = lines.length > 0 && lines.every((line) => line.total !== null)
  const summed = priced ? lines.reduce((sum, line) => sum + (line.total ?? 0), 0) : null
  const kind = kindOf(event, channelOf(event))
  const place = placeOf(event)
  const number = returnNumber(event, orderNo)
  return {
    event: number === null ? event.id : derivedId('order', 'refund', kind, place ?? '', orderNo, number),
    toldBy: event.id,
    trusted: event.mayJoin,
    kind,
    person: event.stored ?? event.person,
    orderNo,
    at: event.at,
    amount: amount === null || amount === 0 ? summed : Math.abs(amount),
    currency: money,
    place,
    lines,
  }
}

/** The number of the return itself, by which it is known again when a till and a shop both tell of it. */
function returnNumber({ properties }: NormalEvent, orderNo: string): string | null {
  const own = textIn(properties.refund_id) ?? textIn(properties.return_no) ?? textIn(properties.receipt_no)
  return own === orderNo ? null : own
}

export type Cancellation = {
  event: string
  kind: 'order' | 'receipt'
  place: string | null
  orderNo: string
  at: string
}

export function cancellationOf(event: MaybePersonal): Cancellation | null {
  const { properties } = event
  const orderNo = textIn(properties.order_id) ?? textIn(properties.receipt_no) ?? textIn(properties.order_no)
  if (orderNo === null) return null
  return { event: event.id, kind: kindOf(event, channelOf(event)), place: placeOf(event), orderNo, at: event.at }
}

/** Store when the source says so or a till receipt is told; then app; everything else is the web shop. */
function channelOf(event: NormalEvent): OrderChannel {
  const given = event.properties.channel
  if (given === 'web' || given === 'app' || given === 'store') return given
  if (event.identifiers.some(({ namespace }) => namespace.startsWith('receipt_no'))) return 'store'
  if (event.channel === 'store' || event.channel === 'app') return event.channel
  return 'web'
}

/** The store: `affiliation`, or wherever a till or an app puts it. */
function placeOf({ properties, context }: NormalEvent): string | null {
  return (
    textIn(properties.affiliation) ??
    textIn(properties.place) ??
    storeIn(properties.store) ??
    textIn(properties.store_id) ??
    storeIn(context.store) ??
    storeIn(context.place)
  )
}

function storeIn(value: unknown): string | null {
  return isObject(value) ? (textIn(value.id) ?? textIn(value.code) ?? textIn(value.number)) : textIn(value)
}

function currencyOf(properties: JsonObject, fallback: string): string {
  const given = properties.currency
  return typeof given === 'string' && /^[A-Z]{3}$/.test(given) ? given : fallback
}

/** Minor units as ingest computed them; computed here for events that came another way. */
function minorOf(properties: JsonObject, field: string, currency: string): number | null {
  const minor = properties.minor
  if (isObject(minor) && typeof minor[field] === 'number') return minor[field]
  const decimal = properties[field]
  return typeof decimal === 'number' ? toMinor(decimal, currency).amount : null
}

export function linesOf(properties: JsonObject, currency: string): OrderLine[] {
  const products = properties.products
  if (!Array.isArray(products)) return []
  const minor = isObject(properties.minor) && Array.isArray(properties.minor.lines) ? properties.minor.lines : []
  return products.flatMap((product, index) => {
    if (!isObject(product)) return []
    const sku = textIn(product.sku) ?? textIn(product.product_id) ?? textIn(product.variant)
    const quantity = Math.round(Number(product.quantity ?? 1)) || 1
    const told = minor[index]
    const price = isObject(told) && typeof told.price === 'number' ? told.price : priceOf(product, currency)
    const total = isObject(told) && typeof told.total === 'number' ? told.total : null
    return [
      {
        sku,
        name: textIn(product.name) ?? sku ?? '?',
        quantity,
        price,
        total: total ?? (price === null ? null : price * quantity),
      },
    ]
  })
}

export function priceOf(product: JsonObject, currency: string): number | null {
  const price = Number(product.price)
  return product.price === undefined || product.price === null || Number.isNaN(price)
    ? null
    : toMinor(price, currency).amount
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textIn(value: unknown): string | null {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 500) : null
}
