import type { AppliedBatch, api, InputOf, PersonId } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { TakeRecords } from '#ingest'
import { applyBatch } from './apply.ts'
import { erasePersons } from './erase.ts'
import { type Revenue, revenueOf, type Today, todayOf } from './figures.ts'
import { type Known, knownOf } from './known.ts'
import type { OrderChannel } from './order.ts'
import {
  buyersOf,
  type Cart,
  cartsOf,
  expireCarts,
  type Order,
  ordersOf,
  type ProductSummary,
  popularOf,
  productsOf,
} from './read.ts'
import { commerceRecords, type StockTold } from './records.ts'
import { type Viewed, viewedBy } from './viewed.ts'

export type { Today as CommerceToday } from './figures.ts'
export { commerceHealth } from './health.ts'
export { storeAddresses } from './known.ts'
export type { OrderChannel } from './order.ts'
export type { Cart, Order, ProductSummary } from './read.ts'
export type { StockReport } from './records.ts'
export { commerceParts } from './routes.ts'
export type { Viewed } from './viewed.ts'

/** All that the rest of the system may do with what is sold. */
export type Commerce = {
  /** Orders, returns and carts of one batch, in the caller's transaction. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** Takers of record imports; each returns the rows it could not use. */
  records: { products: TakeRecords; prices: TakeRecords; stock: TakeRecords; places: TakeRecords }
  /** The person's open cart with the prices that hold now; null when nothing stands open. */
  openCart(tx: Database, person: PersonId): Promise<Cart | null>
  /** The newest hundred orders of a person, lines included. */
  orders(person: PersonId, on?: Database): Promise<Order[]>
  /** Who has an order or receipt whose number begins like this, as the person they are today; at most so many. */
  buyersOf(number: string, most: number): Promise<PersonId[]>
  /** Articles with price (of the channel, web when missing) and stock; unknown articles are left out. */
  products(skus: string[], channel?: OrderChannel): Promise<ProductSummary[]>
  /** Articles the person has looked at, the latest first. */
  viewed(person: PersonId, query: { days: number; limit: number }): Promise<Viewed[]>
  /** Which of these articles and stores exist, articles with what they cost now; null where no such list is kept. */
  known(asked: { skus: string[]; stores: string[] }): Promise<Known>
  popular(query: {
    days: number
    channel?: OrderChannel
    limit: number
  }): Promise<(ProductSummary & { units: number })[]>
  today(): Promise<Today>
  revenue(query: InputOf<typeof api.commerce.revenue>['query']): Promise<Revenue>
  expireCarts(): Promise<number>
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

export function createCommerce({ ground, stockTold }: { ground: Ground; stockTold?: StockTold }): Commerce {
  const { database, history, clock, config } = ground
  return {
    apply: (tx, batch) => applyBatch(tx, config.currency, batch),
    records: commerceRecords(clock, config.currency, stockTold),
    async openCart(tx, person) {
      const [cart] = await cartsOf(tx, clock.now(), [person])
      return cart?.state === 'open' ? cart : null
    },
    orders: (person, on = database) => ordersOf(on, person),
    buyersOf: (number, most) => buyersOf(database, number, most),
    products: (skus, channel) => productsOf(database, skus, channel),
    viewed: (person, query) => viewedBy({ database, history, now: clock.now() }, person, query),
    known: (asked) => knownOf(database, asked),
    popular: (query) => popularOf(database, query),
    today: () => ground.memory.remember('commerce.today', () => todayOf(database, clock, config)),
    revenue: (query) =>
      ground.memory.remember(`commerce.revenue ${JSON.stringify(query)}`, () => revenueOf(ground, config, query)),
    expireCarts: () => expireCarts(database),
    erase: erasePersons,
  }
}
