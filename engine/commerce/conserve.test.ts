import type { AppliedBatch, JsonObject, PersonEvent, PersonId, SourceId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applyBatch } from './apply.ts'
import { type MaybePersonal, purchaseOf } from './order.ts'
import { compare, joined, type ToldOrder } from './told.ts'

let house: TestGround
beforeAll(async () => {
  house = await testGround()
})
afterAll(() => house.close())

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const source = derivedId('source', 'shop') as SourceId

type Told = {
  id: number
  name: string
  minute: number
  properties: JsonObject
  trusted: boolean
  till: boolean
  person: boolean
  context?: JsonObject
}

function event(told: Told): PersonEvent {
  const at = `2026-03-02T08:${String(told.minute).padStart(2, '0')}:00.000Z`
  return {
    id: derivedId('event', `told ${told.id}`),
    source,
    messageId: `told ${told.id}`,
    dialect: 'segment',
    library: null,
    kind: 'track',
    name: told.name,
    channel: told.till ? 'store' : 'web',
    at,
    originalAt: at,
    sentAt: at,
    receivedAt: at,
    identifiers: [],
    mayJoin: told.trusted,
    traits: {},
    properties: told.properties,
    context: told.context ?? {},
    consent: null,
    flags: [],
    raw: { inbox: 1, index: 0 },
    person: ada,
  }
}

async function apply(told: Told[]): Promise<void> {
  const batch: AppliedBatch = {
    events: told.filter((one) => one.person).map(event),
    merges: [],
    touched: [ada],
    unattributed: told.filter((one) => !one.person).map(event),
  }
  await house.ground.database.transaction((tx) => applyBatch(tx, 'EUR', batch))
}

type Order = {
  no: string
  place: string | null
  total: number
  refunded: number
  given: number
  lines: number | null
  linesTotal: number | null
  cancelled: boolean
  person: string | null
  at: Date
  coupon: string | null
}

async function orders(): Promise<Order[]> {
  return house.ground.database.rows<Order>`
    select order_no as no, kind, place, total, refunded, cancelled_at is not null as cancelled, person, at, coupon,
      (select coalesce(sum(given), 0) from commerce.refund where refund.purchase = purchase.id) as given,
      (select count(*)::int from commerce.purchase_line where purchase = purchase.id) as lines,
      (select sum(total) from commerce.purchase_line where purchase = purchase.id) as "linesTotal"
    from commerce.purchase order by kind, order_no, place`
}

async function empty(): Promise<void> {
  await house.ground.database.run`delete from commerce.purchase_line`
  await house.ground.database.run`delete from commerce.purchase`
  await house.ground.database.run`delete from commerce.refund`
  await house.ground.database.run`delete from commerce.cancellation`
}

const line = fc.record({
  sku: fc.constantFrom('A', 'B', 'C'),
  quantity: fc.integer({ min: 1, max: 3 }),
  price: fc.integer({ min: 1, max: 90 }),
})
const lines = fc.array(line, { minLength: 1, maxLength: 3 })
const worth = (products: { quantity: number; price: number }[]) =>
  products.reduce((sum, one) => sum + one.quantity * one.price, 0)
const number = fc.constantFrom('1', '2')

/** Shop, browser and till tell of two order numbers: completions, corrections, returns of all kinds, cancellations. */
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ no: number, products: lines, what: fc.constantFrom('Order Completed', 'Order Updated') })
      .map(({ no, products, what }) => ({
        name: what,
        properties: { order_id: no, currency: 'EUR', total: worth(products), products },
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ no: number, coupon: fc.constantFrom('X', 'Y') })
      .map(({ no, coupon }) => ({ name: 'Order Completed', properties: { order_id: no, currency: 'EUR', coupon } })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ no: number, total: fc.integer({ min: 1, max: 200 }) })
      .map(({ no, total }) => ({ name: 'Order Refunded', properties: { order_id: no, currency: 'EUR', total } })),
  },
  {
    weight: 1,
    arbitrary: number.map((no) => ({ name: 'Order Refunded', properties: { order_id: no, currency: 'EUR' } })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ no: number, sku: fc.constantFrom('A', 'B') }).map(({ no, sku }) => ({
      name: 'Order Refunded',
      properties: { order_id: no, currency: 'EUR', refund_id: `R${no}${sku}`, products: [{ sku, quantity: 1 }] },
    })),
  },
  { weight: 1, arbitrary: number.map((no) => ({ name: 'Order Cancelled', properties: { order_id: no } })) },
)
const story = fc.array(
  fc.record({
    act,
    minute: fc.integer({ min: 0, max: 59 }),
    trusted: fc.boolean(),
    till: fc.boolean(),
    person: fc.boolean(),
    place: fc.constantFrom('K1', 'K2'),
  }),
  { minLength: 1, maxLength: 10 },
)

test('whatever order, batches and repeats the records arrive in: one result, and no cent is made or lost', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.infiniteStream(fc.integer({ min: 0, max: 1_000_000 })), async (given, draws) => {
      const told: Told[] = given.map((one, id) => ({
        id,
        name: one.act.name,
        minute: one.minute,
        trusted: one.trusted,
        till: one.till,
        person: one.person,
        properties: one.act.properties as JsonObject,
        ...(one.till ? { context: { store: { id: one.place } } } : {}),
      }))
      const draw = (below: number) => (draws.next().value as number) % below
      await empty()
      await apply(told)
      const first = await orders()
      const pieces = [...told, ...told.filter(() => draw(3) === 0)]
      for (let at = pieces.length - 1; at > 0; at--) {
        const other = draw(at + 1)
        ;[pieces[at], pieces[other]] = [pieces[other] as Told, pieces[at] as Told]
      }
      await empty()
      while (pieces.length > 0) await apply(pieces.splice(0, 1 + draw(3)))
      const second = await orders()
      expect(second).toEqual(first)
      for (const order of second) {
        expect(order.refunded).toBe(order.given)
        expect(order.refunded).toBeLessThanOrEqual(order.total)
        expect(order.refunded).toBeGreaterThanOrEqual(0)
      }
      // Each return is taken off one order at most, and never more than it said.
      const returns = await house.ground.database.rows<{
        given: number | null
        amount: number | null
        purchase: string | null
      }>`
        select given, amount, purchase from commerce.refund`
      expect(returns.reduce((sum, one) => sum + (one.given ?? 0), 0)).toBe(
        second.reduce((sum, one) => sum + one.refunded, 0),
      )
      for (const one of returns) if (one.amount !== null) expect(one.given ?? 0).toBeLessThanOrEqual(one.amount)
    }),
    { numRuns: 60 },
  )
}, 120_000)

test('sum of the lines is the total, and what is kept is the lines less the returns', async () => {
  await empty()
  const products = [
    { sku: 'A', quantity: 2, price: 49.95 },
    { sku: 'B', quantity: 1, price: 10.1 },
  ]
  const completed = {
    id: 1,
    name: 'Order Completed',
    minute: 1,
    trusted: true,
    till: false,
    person: true,
    properties: { order_id: 'W', currency: 'EUR', products },
  }
  const partly = {
    ...completed,
    id: 2,
    name: 'Order Refunded',
    minute: 5,
    properties: { order_id: 'W', currency: 'EUR', products: [{ sku: 'A', quantity: 1 }] },
  }
  await apply([partly])
  await apply([completed])
  expect(await orders()).toMatchObject([{ total: 11_000, linesTotal: 11_000, refunded: 4995 }])
  // The correction takes one pair off; the return still counts what it is worth.
  const updated = {
    ...completed,
    id: 3,
    name: 'Order Updated',
    minute: 3,
    properties: { order_id: 'W', currency: 'EUR', products: [{ sku: 'A', quantity: 1, price: 49.95 }] },
  }
  await apply([updated])
  expect(await orders()).toMatchObject([
    { total: 4995, linesTotal: 4995, refunded: 4995, at: new Date('2026-03-02T08:01:00Z') },
  ])
})

test('a till receipt carries its store in affiliation or context, and equal numbers of two stores stay apart', async () => {
  await empty()
  const receipt = {
    id: 1,
    name: 'Order Completed',
    minute: 1,
    trusted: true,
    till: true,
    person: false,
    properties: { order_id: '77', total: 10, currency: 'EUR' },
  }
  await apply([
    { ...receipt, properties: { ...receipt.properties, affiliation: 'K1' } },
    { ...receipt, id: 2, context: { store: { id: 'K2' } } },
    {
      ...receipt,
      id: 3,
      minute: 9,
      name: 'Order Refunded',
      properties: { order_id: '77', total: 4, currency: 'EUR' },
      context: { store: 'K2' },
    },
  ])
  expect((await orders()).map((one) => [one.place, one.total, one.refunded])).toEqual([
    ['K1', 1000, 0],
    ['K2', 1000, 400],
  ])
})

test('joining is commutative, associative and idempotent', () => {
  const one = fc
    .record({
      id: fc.integer({ min: 0, max: 5 }),
      minute: fc.integer({ min: 0, max: 3 }),
      trusted: fc.boolean(),
      person: fc.boolean(),
      products: fc.option(lines),
      completed: fc.boolean(),
    })
    .map(({ products, completed, ...facts }): ToldOrder => {
      const properties = {
        order_id: '1',
        currency: 'EUR',
        ...(products === null ? {} : { products, total: worth(products) }),
      }
      const { person, ...known } = facts
      const told = {
        ...event({
          ...known,
          person,
          till: false,
          name: completed ? 'Order Completed' : 'Order Updated',
          properties: properties as JsonObject,
        }),
      }
      // One event says one thing: its content follows from its id.
      const order = purchaseOf(
        {
          ...told,
          id: derivedId('event', JSON.stringify([facts, products, completed])),
          person: person ? ada : null,
        } as MaybePersonal,
        'EUR',
      )
      return order as ToldOrder
    })
  fc.assert(
    fc.property(one, one, one, (a, b, c) => {
      expect(joined(a, a)).toEqual(a)
      expect(joined(a, b)).toEqual(joined(b, a))
      expect(joined(joined(a, b), c)).toEqual(joined(a, joined(b, c)))
      expect(compare(joined(a, b).versions.head, a.versions.head)).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 500 },
  )
})
