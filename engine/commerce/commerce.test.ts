import {
  api,
  type JsonObject,
  kept,
  type NormalEvent,
  type OrderId,
  type PersonId,
  type SourceId,
} from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Commerce, commerceParts, createCommerce } from '#commerce'
import { createIdentity, type Identity } from '#identity'
import { createProfile, type Profile } from '#profile'
import { afterEvent, type CartState, emptyCart, liveLines } from './cart.ts'
import { isGtin } from './records.ts'

let house: TestGround
let identity: Identity
let profile: Profile
let commerce: Commerce
let count = 0

const web = derivedId('source', 'web')
const shop = derivedId('source', 'shop')

type Told = {
  ids: { [namespace: string]: string }
  name: string
  at?: string
  properties?: JsonObject
  channel?: NormalEvent['channel']
  source?: SourceId
  mayJoin?: boolean
}

function event(told: Told): NormalEvent {
  const at = `2026-03-02T${told.at ?? '08:00'}:00.000Z`
  const messageId = `m${++count}`
  return {
    id: derivedId('event', messageId),
    source: told.source ?? web,
    messageId,
    dialect: 'segment',
    library: null,
    kind: 'track',
    name: told.name,
    channel: told.channel ?? 'web',
    at,
    originalAt: at,
    sentAt: at,
    receivedAt: at,
    identifiers: Object.entries(told.ids).map(([namespace, value]) => ({
      namespace,
      value,
      trust: 'verified' as const,
    })),
    mayJoin: told.mayJoin ?? true,
    traits: {},
    properties: told.properties ?? {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 1, index: count },
  }
}

async function happen(...events: NormalEvent[]): Promise<PersonId | null> {
  return house.ground.database.transaction(async (tx) => {
    const batch = await identity.resolve(tx, events)
    await profile.apply(tx, batch)
    await commerce.apply(tx, batch)
    const last = batch.events.at(-1)
    return last === undefined ? null : ((await identity.current(tx, [last.person])).get(last.person) ?? last.person)
  })
}

async function somebody(...events: NormalEvent[]): Promise<PersonId> {
  const person = await happen(...events)
  if (person === null) throw new Error('no event has a person')
  return person
}

const added = (user: string, sku: string, more: Partial<Told> & { price?: number; quantity?: number } = {}) =>
  event({
    ids: { user_id: user },
    name: 'Product Added',
    properties: { sku, name: `Shoe ${sku}`, price: more.price ?? 50, quantity: more.quantity ?? 1, currency: 'EUR' },
    ...more,
  })
const ordered = (
  user: string,
  orderNo: string,
  total: number,
  more: Partial<Told> & { products?: JsonObject[] } = {},
) =>
  event({
    ids: { user_id: user },
    name: 'Order Completed',
    properties: {
      order_id: orderNo,
      total,
      currency: 'EUR',
      products: more.products ?? [{ sku: 'S1', name: 'Shoe', price: total, quantity: 1 }],
    },
    ...more,
  })
const rows = (fields: { [field: string]: string }[]) => fields.map((one, index) => ({ row: index + 2, fields: one }))
const take = (kind: keyof Commerce['records'], fields: { [field: string]: string }[]) =>
  house.ground.database.transaction((tx) => commerce.records[kind](tx, rows(fields)))
const route = async (wanted: { name: string }, input: { params?: object; query?: object }) => {
  const mounted = commerceParts(commerce, house.ground).routes.find((one) => one.route === wanted)
  const answer = await mounted?.handle({ params: {}, query: {}, body: undefined, ...input } as never, {} as never)
  const checked = mounted?.route.answer.safeParse(answer)
  expect(checked?.error).toBeUndefined()
  return answer as never
}

beforeAll(async () => {
  house = await testGround()
  identity = createIdentity({ ground: house.ground })
  profile = createProfile({ ground: house.ground, identity })
  commerce = createCommerce({ ground: house.ground })
})
afterAll(() => house?.close())

test('buyers are found by the first signs of an order or receipt number, as who they are today', async () => {
  const person = await somebody(ordered('finder', 'S-2026-%1', 10))
  expect(await commerce.buyersOf('s-2026-%', 10)).toEqual([person])
  expect(await commerce.buyersOf('S-20', 10)).toEqual([person])
  expect(await commerce.buyersOf('S_2026', 10)).toEqual([])
  expect(await commerce.buyersOf('2026', 10)).toEqual([])
})

describe('records', () => {
  test('good rows are taken, the others come back with their number and reason', async () => {
    expect(
      await take('products', [
        {
          sku: 'S1',
          name: 'Sneaker',
          brand: 'Adler',
          category: 'Sneaker',
          gtin: '4006381333931',
          vat_rate: '19',
          cost: '20,50',
          currency: 'EUR',
        },
        { sku: '', name: 'nameless' },
        { sku: 'S9', name: 'Bad code', gtin: '4006381333932' },
      ]),
    ).toEqual([
      { row: 3, reason: kept('missing', { field: 'sku' }) },
      { row: 4, reason: kept('no_gtin', { given: '4006381333932' }) },
    ])
    expect(
      await take('prices', [
        { sku: 'S1', kind: 'list', amount: '99.95', currency: 'EUR', valid_from: '2026-01-01T00:00:00Z' },
        {
          sku: 'S1',
          kind: 'sale',
          amount: '79,95',
          currency: 'EUR',
          valid_from: '2026-03-01T00:00:00Z',
          valid_to: '2026-03-10T00:00:00Z',
        },
        { sku: 'S1', kind: 'list', amount: '-1', currency: 'EUR', valid_from: '2026-01-01T00:00:00Z' },
        { sku: 'S1', kind: 'list', amount: '1', currency: 'EUR', valid_from: '2026-01-02', valid_to: '2026-01-01' },
        { sku: 'S1', kind: 'list', amount: 'x', currency: 'EUR', valid_from: '2026-01-02' },
      ]),
    ).toEqual([
      { row: 4, reason: kept('out_of_range', { field: 'amount', given: '-1' }) },
      { row: 5, reason: kept('ends_first') },
      { row: 6, reason: kept('no_amount', { field: 'amount', given: 'x' }) },
    ])
    expect(
      await take('places', [{ place: 'F01', name: 'Köln', kind: 'store', latitude: '50.93', longitude: '6.95' }]),
    ).toEqual([])
    await take('stock', [
      { sku: 'S1', place: 'F01', at: '2026-03-01T20:00:00Z', on_hand: '7' },
      { sku: 'S1', place: 'F02', at: '2026-03-01T20:00:00Z', on_hand: '3' },
    ])
    await take('stock', [{ sku: 'S1', place: 'F01', at: '2026-02-20T20:00:00Z', on_hand: '99' }])
    expect(await commerce.products(['S1', 'unknown'])).toEqual([
      expect.objectContaining({
        sku: 'S1',
        price: { amount: 7995, currency: 'EUR', kind: 'sale', was: 9995 },
        stock: 10,
      }),
    ])
  })

  test('a sale ends by itself, a narrower price wins, a correction is a further row', async () => {
    const now = async (channel: 'web' | 'store') => (await commerce.products(['S2'], channel))[0]?.price?.amount
    const price = (kind: string, amount: string, more: { [field: string]: string } = {}) => ({
      sku: 'S2',
      kind,
      amount,
      currency: 'EUR',
      valid_from: '2026-01-01T00:00:00Z',
      ...more,
    })
    await take('products', [{ sku: 'S2', name: 'Boot' }])
    await take('prices', [
      price('list', '100'),
      price('sale', '80', { valid_to: '2026-03-02T08:59:00Z' }),
      price('sale', '85', { valid_from: '2026-03-02T00:00:00Z', channel: 'store' }),
    ])
    expect([await now('web'), await now('store')]).toEqual([10_000, 8500])
    await house.clock.advance({ minutes: 1 })
    await take('prices', [price('list', '110')])
    await house.clock.advance({ minutes: 1 })
    await take('prices', [price('list', '110')])
    expect(await now('web')).toBe(11_000)
    const detail = (await route(api.commerce.product, { params: { sku: 'S2' } })) as { prices: { kind: string }[] }
    expect(detail.prices.filter((one) => one.kind === 'list')).toHaveLength(2)
    await house.clock.set('2026-03-02T09:00:00Z')
  })

  test.each([
    ['4006381333931', true],
    ['4006381333932', false],
    ['96385074', true],
    ['036000291452', true],
    ['9783161484100', true],
    ['12345678901', false],
    ['00000000', false],
    ['40063813339ab', false],
  ])('GTIN %s is %s', (text, right) => {
    expect(isGtin(text)).toBe(right)
  })
})

describe('orders', () => {
  test('browser and shop tell of the same order: it counts once, with the shop’s amounts', async () => {
    const person = await somebody(
      ordered('ada', 'W-1', 89.95, { mayJoin: false, at: '08:00' }),
      ordered('ada', 'W-1', 84.95, { source: shop, at: '08:01' }),
    )
    await happen(ordered('ada', 'W-1', 1, { mayJoin: false, at: '08:02' }))
    const orders = await commerce.orders(person)
    expect(orders).toHaveLength(1)
    expect(orders[0]).toMatchObject({ orderNo: 'W-1', kind: 'order', channel: 'web', total: 8495, refunded: 0 })
  })

  test('a till receipt belongs to its store; a receipt of nobody counts too', async () => {
    const receipt = (ids: Told['ids']) =>
      event({
        ids,
        name: 'Order Completed',
        channel: 'store',
        source: derivedId('source', 'till'),
        properties: {
          order_id: '4711',
          affiliation: 'F01',
          total: 50,
          currency: 'EUR',
          minor: { total: 5000, lines: [{ price: 2500, total: 5000 }] },
          products: [{ sku: 'S1', name: 'Shoe', price: 25, quantity: 2 }],
        },
      })
    const person = await somebody(receipt({ loyalty_card: 'K1' }))
    expect(await commerce.orders(person)).toEqual([
      expect.objectContaining({
        kind: 'receipt',
        channel: 'store',
        place: 'F01',
        placeName: 'Köln',
        lines: [{ sku: 'S1', name: 'Shoe', quantity: 2, price: 2500, total: 5000 }],
      }),
    ])
    const other = { ...receipt({}), properties: { ...receipt({}).properties, order_id: '4712' } }
    await happen(other)
    const places = (await route(api.commerce.places, {})) as { items: { place: string; orders30Days: number }[] }
    expect(places.items.find((one) => one.place === 'F01')?.orders30Days).toBe(2)
  })

  test('returns reduce the order, whichever arrives first, and never below nothing', async () => {
    const refund = (orderNo: string, properties: JsonObject) =>
      event({
        ids: { user_id: 'ben' },
        name: 'Order Refunded',
        properties: { order_id: orderNo, currency: 'EUR', ...properties },
        at: '09:00',
      })
    const part = { products: [{ sku: 'S1', name: 'Shoe', price: 40, quantity: 1 }] }
    const person = await somebody(
      refund('W-2', part),
      ordered('ben', 'W-2', 100),
      ordered('ben', 'W-3', 60),
      refund('W-3', {}),
    )
    const kept = async () =>
      (await commerce.orders(person))
        .map((one) => `${one.orderNo} ${one.refunded}`)
        .toSorted((one, other) => (one < other ? -1 : 1))
    expect(await kept()).toEqual(['W-2 4000', 'W-3 6000'])
    await happen(refund('W-2', { total: 90 }))
    expect(await kept()).toEqual(['W-2 10000', 'W-3 6000'])
  })

  test('revenue adds up to the cent and by the calendar of the house', async () => {
    const revenue = await commerce.revenue({ from: '2026-03-01', to: '2026-03-02', by: 'day' })
    const orders = await house.ground.database.rows<{ total: number; refunded: number }>`
      select total, refunded from commerce.purchase`
    const sum = (numbers: number[]) => numbers.reduce((whole, one) => whole + one, 0)
    expect(sum(revenue.rows.map((row) => row.revenue))).toBe(sum(orders.map((order) => order.total)))
    expect(sum(revenue.rows.map((row) => row.orders))).toBe(orders.length)
    expect(api.commerce.revenue.answer.safeParse(revenue).error).toBeUndefined()
    const latest = await commerce.revenue({ by: 'day' })
    expect([latest.from, latest.to]).toEqual(['2026-02-03', '2026-03-02'])
    expect(sum(latest.rows.map((row) => row.revenue))).toBe(sum(orders.map((order) => order.total)))
    const today = await commerce.today()
    expect(api.commerce.today.answer.safeParse(today).error).toBeUndefined()
    expect(sum(today.channels.map((channel) => channel.revenue))).toBe(sum(orders.map((order) => order.total)))
  })

  test('lists page without gaps and know the customer', async () => {
    const seen: OrderId[] = []
    let after: string | undefined
    do {
      const answer = (await route(api.commerce.orders, { query: { limit: 2, after } })) as {
        items: { order: OrderId }[]
        next: string | null
      }
      seen.push(...answer.items.map((item) => item.order))
      after = answer.next ?? undefined
    } while (after !== undefined)
    const all = await house.ground.database.rows`select id from commerce.purchase`
    expect(new Set(seen).size).toBe(all.length)
    expect(seen).toHaveLength(all.length)
    await route(api.commerce.orderDetail, { params: { order: seen[0] } })
    await route(api.commerce.products, { query: { q: 'sneak', limit: 5 } })
    await route(api.commerce.facets, {})
    await route(api.commerce.popular, { query: { days: 30, limit: 5 } })
  })
})

describe('carts', () => {
  const open = async (person: PersonId) => {
    const cart = await commerce.openCart(house.ground.database, person)
    return cart && { value: cart.value, lines: cart.lines.map((line) => `${line.quantity} ${line.sku}`).toSorted() }
  }

  test('articles gather, leave and are gone with the order; the price is the one that holds now', async () => {
    const person = await somebody(
      added('cleo', 'S1', { price: 99.95, at: '08:00' }),
      added('cleo', 'X', { price: 10, at: '08:01' }),
      added('cleo', 'X', { price: 10, at: '08:02' }),
    )
    expect(await open(person)).toEqual({ value: 7995 + 2000, lines: ['1 S1', '2 X'] })
    await happen(
      event({ ids: { user_id: 'cleo' }, name: 'Product Removed', properties: { sku: 'X', quantity: 1 }, at: '08:03' }),
    )
    expect((await open(person))?.lines).toEqual(['1 S1', '1 X'])
    await happen(ordered('cleo', 'W-9', 90, { at: '08:04' }))
    expect(await open(person)).toBeNull()
    await happen(added('cleo', 'Y', { at: '08:05' }))
    expect((await open(person))?.lines).toEqual(['1 Y'])
  })

  test('a whole list replaces what came before it', async () => {
    const person = await somebody(
      added('dora', 'A', { at: '08:00' }),
      event({
        ids: { user_id: 'dora' },
        name: 'Checkout Started',
        properties: { currency: 'EUR', products: [{ sku: 'B', name: 'B', price: 20, quantity: 3 }] },
        at: '08:05',
      }),
    )
    expect(await open(person)).toEqual({ value: 6000, lines: ['3 B'] })
  })

  test('the cart of an anonymous browser follows the person who signs in; an order anywhere empties it', async () => {
    const anonymous = await somebody(
      event({
        ids: { anonymous_id: 'dev-1' },
        name: 'Product Added',
        properties: { sku: 'S1', name: 'Shoe', price: 99.95, quantity: 1, currency: 'EUR' },
        at: '08:00',
      }),
    )
    const emil = await somebody(added('emil', 'Z', { at: '08:10' }))
    const joined = await somebody(
      event({ ids: { user_id: 'emil', anonymous_id: 'dev-1' }, name: 'Signed In', at: '08:20' }),
    )
    expect((await open(joined))?.lines).toEqual(['1 S1', '1 Z'])
    expect(await open(anonymous)).toEqual(await open(emil))
    const list = (await route(api.commerce.carts, { query: { limit: 50 } })) as { items: { person: PersonId }[] }
    expect(list.items.filter((one) => one.person === joined)).toHaveLength(1)
    await happen(ordered('emil', 'W-10', 100, { at: '08:30' }))
    expect(await open(joined)).toBeNull()
    const { database } = house.ground
    expect(await database.rows`select person from commerce.open_cart where person = ${joined}`).toEqual([])
  })

  test('after thirty days nobody remembers it', async () => {
    const person = await somebody(added('finn', 'S1', { at: '08:00' }))
    expect(await open(person)).not.toBeNull()
    await house.clock.advance({ days: 31 })
    expect(await open(person)).toBeNull()
    expect(await commerce.expireCarts()).toBeGreaterThan(0)
    await house.clock.set('2026-03-02T09:00:00Z')
  })

  test('any order of arrival ends in the same cart', () => {
    const act = fc.record({
      name: fc.constantFrom('Product Added', 'Product Removed', 'Cart Viewed', 'Order Completed'),
      sku: fc.constantFrom('A', 'B'),
      quantity: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
    })
    const inAnyOrder = fc.array(act, { maxLength: 8 }).chain((acts) => {
      const events = acts.map(({ name, sku, quantity }, index) =>
        event({
          ids: { user_id: 'x' },
          name,
          properties: name === 'Cart Viewed' ? { products: [{ sku, quantity }] } : { sku, quantity },
          at: `08:${index + 10}`,
        }),
      )
      return fc.tuple(
        fc.constant(events),
        fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length }),
      )
    })
    const fold = (events: NormalEvent[]) =>
      liveLines(events.reduce<CartState>(afterEvent, emptyCart('EUR', '2026-03-02T08:00:00.000Z')))
        .map(({ sku, quantity, at }) => `${quantity} ${sku} ${at}`)
        .toSorted((one, other) => (one < other ? -1 : 1))
    fc.assert(
      fc.property(inAnyOrder, ([inTime, shuffled]) => {
        expect(fold(shuffled)).toEqual(fold(inTime))
      }),
      { numRuns: 3000 },
    )
  })
})

test('erasing keeps the books and forgets the buyer', async () => {
  const person = await somebody(added('gone', 'S1'), ordered('gone', 'W-99', 10))
  const { database } = house.ground
  const before = await database.row<{ orders: number }>`select count(*) as orders from commerce.purchase`
  await database.transaction((tx) => commerce.erase(tx, [person]))
  expect(await database.row`select count(*) as orders from commerce.purchase`).toEqual(before)
  for (const table of ['purchase', 'refund', 'cart'])
    expect(
      await database.rows`select person from ${database.name(`commerce.${table}`)} where person = ${person}`,
    ).toEqual([])
})
