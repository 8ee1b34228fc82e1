import { z } from 'zod'
import { idOf } from '../ids.ts'
import { money } from '../money.ts'
import { page, pageOf, route } from '../route.ts'

const readers = ['admin', 'marketer', 'store', 'support', 'analyst'] as const
const personReaders = ['admin', 'marketer', 'support', 'privacy'] as const
const instant = z.string().meta({ format: 'date-time' })
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'is not a day like 2026-03-02')

/** Where an order was placed. */
export const orderChannels = ['web', 'app', 'store'] as const
export const orderChannel = z.enum(orderChannels)
export type OrderChannel = z.infer<typeof orderChannel>

/** A price that holds now; `was` is the list price when the current one is lower. */
export const priceNow = z.object({ amount: z.int(), currency: z.string(), kind: z.string(), was: z.int().nullable() })
export type PriceNow = z.infer<typeof priceNow>

export const productSummary = z.object({
  sku: z.string(),
  name: z.string(),
  brand: z.string().nullable(),
  category: z.string().nullable(),
  colour: z.string().nullable(),
  size: z.string().nullable(),
  imageUrl: z.string().nullable(),
  price: priceNow.nullable(),
  /** Units over all places by their newest report; null = no place has reported. */
  stock: z.int().nullable(),
})
export type ProductSummary = z.infer<typeof productSummary>

export const products = route({
  stage: 'commerce',
  name: 'products',
  summary: 'Products with the price that holds now and the stock of all places',
  method: 'get',
  path: '/products',
  may: readers,
  query: z.object({
    ...page,
    q: z.string().max(100).optional(),
    category: z.string().max(200).optional(),
    brand: z.string().max(200).optional(),
    inStock: z.enum(['true', 'false']).optional(),
  }),
  answer: pageOf(productSummary),
})

export const facets = route({
  stage: 'commerce',
  name: 'facets',
  summary: 'Categories and brands with their number of products',
  method: 'get',
  path: '/facets',
  may: readers,
  answer: z.object({
    total: z.int(),
    categories: z.array(z.object({ name: z.string(), products: z.int() })),
    brands: z.array(z.object({ name: z.string(), products: z.int() })),
  }),
})

export const productDetail = productSummary.extend({
  gtin: z.string().nullable(),
  productNo: z.string().nullable(),
  vatRate: z.number().nullable(),
  /** Every price ever told, newest first. `validTo` null = until further notice. */
  prices: z.array(
    z.object({
      kind: z.string(),
      channel: z.string().nullable(),
      place: z.string().nullable(),
      amount: z.int(),
      currency: z.string(),
      validFrom: instant,
      validTo: instant.nullable(),
      knownAt: instant,
    }),
  ),
  stockPerPlace: z.array(z.object({ place: z.string(), name: z.string().nullable(), onHand: z.int(), asOf: instant })),
  sold: z.object({ units30Days: z.int(), units365Days: z.int(), returned365Days: z.int() }),
})
export type ProductDetail = z.infer<typeof productDetail>

export const product = route({
  stage: 'commerce',
  name: 'product',
  summary: 'One product: price history, stock per place, units sold',
  method: 'get',
  path: '/products/{sku}',
  may: readers,
  params: z.object({ sku: z.string().min(1).max(128) }),
  answer: productDetail,
})

export const orderLine = z.object({
  sku: z.string().nullable(),
  name: z.string(),
  quantity: z.int(),
  price: z.int().nullable(),
  total: z.int().nullable(),
})

export const order = z.object({
  order: idOf('order'),
  orderNo: z.string(),
  kind: z.enum(['order', 'receipt']),
  at: instant,
  channel: orderChannel,
  place: z.string().nullable(),
  placeName: z.string().nullable(),
  person: idOf('person').nullable(),
  total: z.int(),
  /** Amount given back so far, positive minor units. */
  refunded: z.int(),
  currency: z.string(),
  coupon: z.string().nullable(),
  sourceName: z.string().nullable(),
  lines: z.array(orderLine),
})
export type Order = z.infer<typeof order>

export const orders = route({
  stage: 'commerce',
  name: 'orders',
  summary: 'Orders and receipts of all channels, newest first',
  method: 'get',
  path: '/orders',
  may: personReaders,
  query: z.object({
    ...page,
    q: z.string().max(100).optional(),
    channel: orderChannel.optional(),
    place: z.string().max(100).optional(),
    person: idOf('person').optional(),
    from: day.optional(),
    to: day.optional(),
  }),
  answer: pageOf(order.omit({ lines: true }).extend({ personName: z.string().nullable(), units: z.int() })),
})

export const orderDetail = route({
  stage: 'commerce',
  name: 'orderDetail',
  summary: 'One order with its lines and returns',
  method: 'get',
  path: '/orders/{order}',
  may: personReaders,
  params: z.object({ order: idOf('order') }),
  answer: order.extend({
    personName: z.string().nullable(),
    returns: z.array(
      z.object({ at: instant, amount: z.int(), place: z.string().nullable(), lines: z.array(orderLine) }),
    ),
  }),
})

export const cartLine = z.object({
  sku: z.string(),
  name: z.string(),
  quantity: z.int(),
  /** The price that holds now; null = the price table knows none and the shop told none. */
  price: z.int().nullable(),
  imageUrl: z.string().nullable(),
  url: z.string().nullable(),
  stock: z.int().nullable(),
})

export const cart = z.object({
  person: idOf('person'),
  state: z.enum(['open', 'ordered', 'expired', 'emptied']),
  lines: z.array(cartLine),
  value: z.int(),
  currency: z.string(),
  updatedAt: instant,
  checkoutStartedAt: instant.nullable(),
})
export type Cart = z.infer<typeof cart>

export const carts = route({
  stage: 'commerce',
  name: 'carts',
  summary: 'Open carts, the most recently touched first',
  method: 'get',
  path: '/carts',
  may: personReaders,
  query: z.object({ ...page }),
  answer: pageOf(cart.extend({ personName: z.string().nullable() })),
})

export const revenue = route({
  stage: 'commerce',
  name: 'revenue',
  summary: 'Orders and revenue per channel and day, week or month; returns are counted on the day they came back',
  method: 'get',
  path: '/revenue',
  may: readers,
  query: z.object({
    from: day.optional().describe('Without it, 28 days up to the last one'),
    to: day.optional().describe('Without it, the day of the newest order'),
    by: z.enum(['day', 'week', 'month']).default('day'),
  }),
  answer: z.object({
    from: day,
    to: day,
    currency: z.string(),
    /** Orders in another currency are not added up with the rest; how many there were. */
    otherCurrencies: z.int(),
    rows: z.array(
      z.object({
        start: day,
        channel: orderChannel,
        orders: z.int(),
        units: z.int(),
        revenue: z.int(),
        refunded: z.int(),
        known: z.int().describe('Orders of a person we know'),
      }),
    ),
  }),
})

export const places = route({
  stage: 'commerce',
  name: 'places',
  summary: 'Stores and warehouses with what they sold in 30 days and when they last reported stock',
  method: 'get',
  path: '/places',
  may: readers,
  answer: z.object({
    items: z.array(
      z.object({
        place: z.string(),
        name: z.string().nullable(),
        kind: z.string().nullable(),
        street: z.string().nullable(),
        postalCode: z.string().nullable(),
        city: z.string().nullable(),
        latitude: z.number().nullable(),
        longitude: z.number().nullable(),
        orders30Days: z.int(),
        revenue30Days: money,
        units: z.int().nullable(),
        stockAsOf: instant.nullable(),
      }),
    ),
  }),
})

export const today = route({
  stage: 'commerce',
  name: 'today',
  summary: 'What was sold today in each channel, and the carts that stand open',
  method: 'get',
  path: '/today',
  may: 'signed-in',
  answer: z.object({
    day,
    timeZone: z.string(),
    currency: z.string(),
    channels: z.array(z.object({ channel: orderChannel, orders: z.int(), revenue: z.int(), refunded: z.int() })),
    /** The same weekday one week before, until the same time of day. */
    lastWeek: z.object({ orders: z.int(), revenue: z.int() }),
    openCarts: z.object({ carts: z.int(), value: z.int() }),
  }),
})

export const popular = route({
  stage: 'commerce',
  name: 'popular',
  summary: 'Products by units sold, over all channels or in one',
  method: 'get',
  path: '/popular',
  may: readers,
  query: z.object({
    days: z.coerce.number().int().min(1).max(730).default(30),
    channel: orderChannel.optional(),
    limit: z.coerce.number().int().min(1).max(100).default(10),
  }),
  answer: z.object({ items: z.array(productSummary.extend({ units: z.int(), revenue: z.int() })) }),
})

export const viewed = route({
  stage: 'commerce',
  name: 'viewed',
  summary: 'Articles a person has looked at, the latest first, with the price that holds now',
  method: 'get',
  path: '/persons/{person}/viewed',
  may: personReaders,
  params: z.object({ person: idOf('person') }),
  query: z.object({
    days: z.coerce.number().int().min(1).max(400).default(90),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  }),
  answer: z.object({
    items: z.array(
      z.object({
        sku: z.string(),
        name: z.string().nullable(),
        imageUrl: z.string().nullable(),
        price: priceNow.nullable(),
        stock: z.int().nullable(),
        /** Looks, clicks, and puts into cart or wishlist. */
        times: z.int(),
        lastAt: instant,
      }),
    ),
  }),
})
