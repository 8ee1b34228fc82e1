import type { JsonObject, NormalEvent } from '@einklang/contract'
import { isObject, linesOf, priceOf, textIn } from './order.ts'

/** One article in a cart. `at` and `by` are its last writer: a whole list (`list`) or a single act. */
export type CartLine = {
  name: string
  quantity: number
  price: number | null
  url: string | null
  image: string | null
  at: string
  by: 'add' | 'remove' | 'list'
}

export type CartState = {
  lines: { [sku: string]: CartLine }
  currency: string
  updatedAt: string
  checkoutAt: string | null
  orderedAt: string | null
}

export const cartEvents = new Set([
  'Product Added',
  'Product Removed',
  'Cart Viewed',
  'Checkout Started',
  'Order Completed',
])

export function emptyCart(currency: string, at: string): CartState {
  return { lines: {}, currency, updatedAt: at, checkoutAt: null, orderedAt: null }
}

/**
 * The cart after one more event. Per line the later writer wins, whatever the order of arrival; an addition that
 * happened before another addition still adds up, and at the same instant the addition wins over the removal.
 */
export function afterEvent(cart: CartState, event: NormalEvent): CartState {
  const { properties } = event
  const next: CartState = {
    ...cart,
    lines: { ...cart.lines },
    currency: typeof properties.currency === 'string' ? properties.currency : cart.currency,
    updatedAt: later(cart.updatedAt, event.at) ?? event.at,
  }
  switch (event.name) {
    case 'Product Added':
      add(next, properties, event.at)
      break
    case 'Product Removed':
      remove(next, properties, event.at)
      break
    case 'Cart Viewed':
      replace(next, properties, event.at)
      break
    case 'Checkout Started':
      replace(next, properties, event.at)
      next.checkoutAt = later(cart.checkoutAt, event.at)
      break
    case 'Order Completed':
      next.orderedAt = later(cart.orderedAt, event.at)
      break
  }
  return next
}

function later(one: string | null, other: string): string | null {
  return one !== null && one > other ? one : other
}

function add(cart: CartState, properties: JsonObject, at: string): void {
  const sku = skuOf(properties)
  if (sku === null) return
  const known = cart.lines[sku]
  const quantity = Math.max(1, Math.round(Number(properties.quantity ?? 1)) || 1)
  const live = known !== undefined && isLive(known, cart.orderedAt) ? known.quantity : 0
  const late = known !== undefined && known.at > at
  if (late && known.by !== 'add') return
  cart.lines[sku] = {
    ...articleOf(properties, cart.currency, known),
    quantity: late ? known.quantity + quantity : live + quantity,
    at: late ? known.at : at,
    by: 'add',
  }
}

function remove(cart: CartState, properties: JsonObject, at: string): void {
  const sku = skuOf(properties)
  if (sku === null) return
  const known = cart.lines[sku]
  if (known !== undefined && known.at >= at) return
  const taken = Math.round(Number(properties.quantity ?? Number.POSITIVE_INFINITY))
  const left = known === undefined ? 0 : Math.max(0, known.quantity - (Number.isFinite(taken) ? taken : known.quantity))
  cart.lines[sku] = { ...articleOf(properties, cart.currency, known), quantity: left, at, by: 'remove' }
}

/** A whole list tells every line at its instant; lines it does not name are gone, unless written later. */
function replace(cart: CartState, properties: JsonObject, at: string): void {
  if (!Array.isArray(properties.products)) return
  const told = new Map(
    linesOf(properties, cart.currency).flatMap((line) => (line.sku === null ? [] : [[line.sku, line] as const])),
  )
  for (const product of properties.products) {
    if (!isObject(product)) continue
    const sku = skuOf(product)
    const line = sku === null ? undefined : told.get(sku)
    if (sku === null || line === undefined || (cart.lines[sku]?.at ?? '') > at) continue
    cart.lines[sku] = { ...articleOf(product, cart.currency, cart.lines[sku]), quantity: line.quantity, at, by: 'list' }
  }
  for (const [sku, line] of Object.entries(cart.lines))
    if (!told.has(sku) && line.at < at) cart.lines[sku] = { ...line, quantity: 0, at, by: 'list' }
}

function skuOf(product: JsonObject): string | null {
  return textIn(product.sku) ?? textIn(product.product_id)
}

function articleOf(product: JsonObject, currency: string, known: CartLine | undefined) {
  return {
    name: textIn(product.name) ?? known?.name ?? skuOf(product) ?? '?',
    price: priceOf(product, currency) ?? known?.price ?? null,
    url: textIn(product.url) ?? known?.url ?? null,
    image: textIn(product.image_url) ?? known?.image ?? null,
  }
}

/** Still wanted: a positive quantity, put there after the last order. */
export function isLive(line: CartLine, orderedAt: string | null): boolean {
  return line.quantity > 0 && (orderedAt === null || line.at > orderedAt)
}

export function liveLines(cart: CartState): [string, CartLine][] {
  return Object.entries(cart.lines).filter(([, line]) => isLive(line, cart.orderedAt))
}

/** Lines that no later event can need any more would make the row grow for ever. */
export function trimmed(cart: CartState): CartState {
  const entries = Object.entries(cart.lines)
  if (entries.length <= 100) return cart
  const newest = entries.toSorted(([, a], [, b]) => (a.at < b.at ? 1 : -1)).slice(0, 100)
  return { ...cart, lines: Object.fromEntries(newest) }
}

/** Carts of one person's former selves as one: per article the last writer, after the last order of any of them. */
export function together(carts: CartState[], orderedAt: string | null): CartState | null {
  const first = carts[0]
  if (first === undefined) return null
  return carts.reduce<CartState>(
    (whole, cart) => {
      const lines = { ...whole.lines }
      for (const [sku, line] of Object.entries(cart.lines)) {
        const known = lines[sku]
        const wins =
          known === undefined || line.at > known.at || (line.at === known.at && line.quantity > known.quantity)
        if (wins) lines[sku] = line
      }
      return {
        lines,
        currency: whole.currency,
        updatedAt: later(whole.updatedAt, cart.updatedAt) ?? cart.updatedAt,
        checkoutAt: cart.checkoutAt === null ? whole.checkoutAt : later(whole.checkoutAt, cart.checkoutAt),
        orderedAt: cart.orderedAt === null ? whole.orderedAt : later(whole.orderedAt, cart.orderedAt),
      }
    },
    { ...first, orderedAt },
  )
}

export function stateOf(cart: CartState): 'open' | 'ordered' | 'emptied' {
  if (liveLines(cart).length > 0) return 'open'
  return cart.orderedAt === null ? 'emptied' : 'ordered'
}

export function valueOf(cart: CartState): number {
  return liveLines(cart).reduce((sum, [, line]) => sum + (line.price ?? 0) * line.quantity, 0)
}
