import type { JsonObject, NormalEvent } from '@einklang/contract'
import { isObject, linesOf, priceOf, textIn } from './order.ts'

/** How an article was last described. */
type Article = { name: string; price: number | null; url: string | null; image: string | null; at: string }
/** Units put in (positive) or taken out (negative; null = all of them) at an instant. */
type Act = { at: string; units: number | null }

/**
 * What a cart remembers: the last whole list that was seen, the last order, and the single acts after them. Every part
 * is a set or a maximum, so events may arrive in any order and end in the same cart.
 */
export type CartState = {
  list: { at: string; units: { [sku: string]: number } } | null
  acts: { [sku: string]: Act[] }
  articles: { [sku: string]: Article }
  currency: string
  updatedAt: string
  checkoutAt: string | null
  orderedAt: string | null
}

/** An article that is in the cart now. `at` = when it was last put there. */
export type CartLine = { sku: string; quantity: number; at: string } & Omit<Article, 'at'>

export const cartEvents = new Set([
  'Product Added',
  'Product Removed',
  'Wishlist Product Added to Cart',
  'Cart Viewed',
  'Checkout Started',
  'Order Completed',
])

export function emptyCart(currency: string, at: string): CartState {
  return { list: null, acts: {}, articles: {}, currency, updatedAt: at, checkoutAt: null, orderedAt: null }
}

/** The cart after one more event. */
export function afterEvent(cart: CartState, event: NormalEvent): CartState {
  const { properties, name, at } = event
  const next: CartState = {
    ...cart,
    acts: { ...cart.acts },
    articles: { ...cart.articles },
    currency: typeof properties.currency === 'string' ? properties.currency : cart.currency,
    updatedAt: later(cart.updatedAt, at),
  }
  if (name === 'Product Added' || name === 'Wishlist Product Added to Cart')
    act(next, properties, at, unitsOf(properties) ?? 1)
  if (name === 'Product Removed') {
    const units = unitsOf(properties)
    act(next, properties, at, units === null ? null : -units)
  }
  if (name === 'Cart Viewed' || name === 'Checkout Started') seeWhole(next, properties, at)
  if (name === 'Checkout Started') next.checkoutAt = later(cart.checkoutAt, at)
  if (name === 'Order Completed') next.orderedAt = later(cart.orderedAt, at)
  return forgetCovered(next)
}

function later(one: string | null, other: string): string {
  return one !== null && one > other ? one : other
}

function unitsOf(properties: JsonObject): number | null {
  const units = Math.round(Number(properties.quantity ?? Number.NaN))
  return Number.isFinite(units) && units > 0 ? units : null
}

function act(cart: CartState, product: JsonObject, at: string, units: number | null): void {
  const sku = skuOf(product)
  if (sku === null) return
  const before = cart.acts[sku] ?? []
  // The same act told twice is one.
  if (!before.some((known) => known.at === at && known.units === units)) cart.acts[sku] = [...before, { at, units }]
  describe(cart, sku, product, at)
}

function seeWhole(cart: CartState, properties: JsonObject, at: string): void {
  if (!Array.isArray(properties.products) || (cart.list !== null && cart.list.at >= at)) return
  const units: { [sku: string]: number } = {}
  for (const line of linesOf(properties, cart.currency))
    if (line.sku !== null) units[line.sku] = (units[line.sku] ?? 0) + Math.max(0, line.quantity)
  cart.list = { at, units }
  for (const product of properties.products) {
    const sku = isObject(product) ? skuOf(product) : null
    if (isObject(product) && sku !== null) describe(cart, sku, product, at)
  }
}

function skuOf(product: JsonObject): string | null {
  return textIn(product.sku) ?? textIn(product.product_id)
}

/** The later description holds; what it leaves open stays. */
function describe(cart: CartState, sku: string, product: JsonObject, at: string): void {
  const told: Article = {
    name: textIn(product.name) ?? '',
    price: priceOf(product, cart.currency),
    url: textIn(product.url),
    image: textIn(product.image_url),
    at,
  }
  const known = cart.articles[sku]
  const [newer, older] = known === undefined || at >= known.at ? [told, known] : [known, told]
  cart.articles[sku] = {
    name: newer.name || older?.name || '',
    price: newer.price ?? older?.price ?? null,
    url: newer.url ?? older?.url ?? null,
    image: newer.image ?? older?.image ?? null,
    at: newer.at,
  }
}

/** What lies before the last list or the last order can never count again. */
function forgetCovered(cart: CartState): CartState {
  const since = startOf(cart, cart.orderedAt)
  const acts = Object.fromEntries(
    Object.entries(cart.acts).flatMap(([sku, list]) => {
      const live = since === null ? list : list.filter(({ at }) => at > since)
      // A thousand clicks on one button are no cart; keep the row small.
      return live.length === 0 ? [] : [[sku, live.slice(-100)]]
    }),
  )
  const wanted = (sku: string) => acts[sku] !== undefined || cart.list?.units[sku] !== undefined
  const articles = Object.fromEntries(Object.entries(cart.articles).filter(([sku]) => wanted(sku)))
  return { ...cart, acts, articles }
}

function startOf(cart: CartState, orderedAt: string | null): string | null {
  if (cart.list === null) return orderedAt
  return later(orderedAt, cart.list.at)
}

/** What is in the cart, given when the person last ordered (by any of its former selves). */
export function liveLines(cart: CartState, orderedAt: string | null = cart.orderedAt): CartLine[] {
  const since = startOf(cart, orderedAt)
  const listHolds = cart.list !== null && (orderedAt === null || cart.list.at > orderedAt)
  const listed = listHolds ? (cart.list?.units ?? {}) : {}
  return [...new Set([...Object.keys(listed), ...Object.keys(cart.acts)])].flatMap((sku) => {
    const acts = (cart.acts[sku] ?? []).filter(({ at }) => since === null || at > since).toSorted(inTime)
    const quantity = acts.reduce(
      (units, given) => (given.units === null ? 0 : Math.max(0, units + given.units)),
      listed[sku] ?? 0,
    )
    if (quantity === 0) return []
    const article = cart.articles[sku]
    return [
      {
        sku,
        quantity,
        name: article?.name || sku,
        price: article?.price ?? null,
        url: article?.url ?? null,
        image: article?.image ?? null,
        at: acts.at(-1)?.at ?? cart.list?.at ?? cart.updatedAt,
      },
    ]
  })
}

/** At the same instant the removal comes first: the addition wins. */
function inTime(one: Act, other: Act): number {
  if (one.at !== other.at) return one.at < other.at ? -1 : 1
  return (one.units ?? Number.NEGATIVE_INFINITY) - (other.units ?? Number.NEGATIVE_INFINITY)
}

/** Carts of one person's former selves as one: per article the last writer wins. */
export function together(carts: CartState[], orderedAt: string | null): CartLine[] {
  const lines = new Map<string, CartLine>()
  const latestOrder = carts.reduce<string | null>(
    (latest, cart) => (cart.orderedAt === null ? latest : later(latest, cart.orderedAt)),
    orderedAt,
  )
  for (const line of carts.flatMap((cart) => liveLines(cart, latestOrder))) {
    const known = lines.get(line.sku)
    const wins = known === undefined || line.at > known.at || (line.at === known.at && line.quantity > known.quantity)
    if (wins) lines.set(line.sku, line)
  }
  return [...lines.values()].toSorted((one, other) =>
    one.at < other.at ? -1 : one.at > other.at ? 1 : one.sku < other.sku ? -1 : 1,
  )
}

export function stateOf(cart: CartState): 'open' | 'ordered' | 'emptied' {
  if (liveLines(cart).length > 0) return 'open'
  return cart.orderedAt === null ? 'emptied' : 'ordered'
}

export function valueOf(lines: CartLine[]): number {
  return lines.reduce((sum, line) => sum + (line.price ?? 0) * line.quantity, 0)
}
