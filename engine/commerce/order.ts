import {
  type JsonObject,
  type NormalEvent,
  type OrderId,
  type PersonId,
  type SourceId,
  toMinor,
} from '@einklang/contract'
import { derivedId } from '@einklang/platform'

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
  event: string
  person: PersonId | null
  orderNo: string
  at: string
  /** Null = all of it. */
  amount: number | null
  currency: string
  place: string | null
  lines: OrderLine[]
}

/** An event with or without somebody behind it. */
export type MaybePersonal = NormalEvent & { person: PersonId | null; stored?: PersonId }

/**
 * The order behind an `Order Completed`. The id follows from the number (and the place, for till receipts), not from
 * the source: the shop's export and the browser tell of the same order, and it counts once.
 */
export function purchaseOf(event: MaybePersonal, currency: string): Purchase | null {
  const { properties } = event
  const orderNo = textIn(properties.order_id) ?? textIn(properties.receipt_no) ?? textIn(properties.order_no)
  if (orderNo === null) return null
  const channel = channelOf(event)
  const kind = kindOf(event, channel)
  const place = placeOf(properties)
  const lines = linesOf(properties, currencyOf(properties, currency))
  return {
    id: purchaseId(kind, place, orderNo),
    person: event.stored ?? event.person,
    kind,
    orderNo,
    channel,
    place: channel === 'store' ? place : null,
    at: event.at,
    total: totalOf(properties, lines, currencyOf(properties, currency)),
    currency: currencyOf(properties, currency),
    coupon: textIn(properties.coupon),
    source: event.source,
    trusted: event.mayJoin,
    event: event.id,
    lines,
  }
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
  const orderNo = textIn(properties.original_no) ?? textIn(properties.order_id) ?? textIn(properties.order_no)
  if (orderNo === null) return null
  const money = currencyOf(properties, currency)
  const lines = linesOf(properties, money)
  const told = minorOf(properties, 'total', money) ?? minorOf(properties, 'revenue', money)
  const summed = lines.length === 0 ? null : lines.reduce((sum, line) => sum + Math.abs(line.total ?? 0), 0)
  const amount = told === null || told === 0 ? summed : Math.abs(told)
  return {
    event: event.id,
    person: event.stored ?? event.person,
    orderNo,
    at: event.at,
    amount,
    currency: money,
    place: placeOf(properties),
    lines,
  }
}

/** Store when the source says so or a till receipt is told; then app; everything else is the web shop. */
function channelOf(event: NormalEvent): OrderChannel {
  const given = event.properties.channel
  if (given === 'web' || given === 'app' || given === 'store') return given
  if (event.identifiers.some(({ namespace }) => namespace.startsWith('receipt_no'))) return 'store'
  if (event.channel === 'store' || event.channel === 'app') return event.channel
  return 'web'
}

function placeOf(properties: JsonObject): string | null {
  return textIn(properties.affiliation) ?? textIn(properties.place)
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

function totalOf(properties: JsonObject, lines: OrderLine[], currency: string): number {
  const told = minorOf(properties, 'total', currency) ?? minorOf(properties, 'revenue', currency)
  return told ?? lines.reduce((sum, line) => sum + (line.total ?? 0), 0)
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
