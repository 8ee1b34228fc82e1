import { type Basket, chooseBasket, type Line } from './baskets.ts'
import { day, dayOf, germanTime, iso, localDate } from './calendar.ts'
import { hash, hex, Stream, share } from './chance.ts'
import { stockChunks } from './files.ts'
import type { Scenario } from './life.ts'
import { hasJoined, momentOf, type Purchase } from './life.ts'
import { withoutUmlauts } from './names.ts'
import { addressAt, canary, hasAccount, type Person, personOf, surnameAt } from './persons.ts'
import { geos } from './places.ts'
import { type Model, sizesPerModel } from './products.ts'
import { cell, decimal } from './rows.ts'
import { type Setting, walkinShare } from './setting.ts'
import { count, orderNumber, orderTotals, type Sink } from './visits.ts'

const drawing = new Stream()

/** Letters that Windows-1252 lacks are written without their marks, as tills do. */
export function latin(text: string): string {
  return text.replace(/[^\u0000-\u00ff]/g, (letter) => withoutUmlauts(letter).replace(/[^\u0000-\u00ff]/g, '?'))
}

/** Name of an article at an instant: a re-used number named another article before. */
export function articleName(setting: Setting, sku: number, weekIndex: number): string {
  const model = setting.catalogue.models[Math.floor(sku / sizesPerModel)] as Model
  return model.former && weekIndex < model.former.until ? model.former.name : model.name
}

type Receipt = {
  number: string
  at: number
  store: number
  lines: readonly Line[]
  total: number
  kind: 'sale' | 'return'
  original: string
  payment: string
  card: string
  coupon: string
  reason: string
  tie: number
}

function writeReceipt(sink: Sink, receipt: Receipt, late: boolean): void {
  const { setting, files } = sink
  if (receipt.at >= setting.until) return
  const dayIndex = dayOf(setting.calendar, receipt.at)
  if (dayIndex < 0) return
  const months = files.till[receipt.store] as number[]
  const month = Math.min(months.length - 1, files.monthOf(dayIndex) + (late ? 1 : 0))
  const file = months[month] as number
  const copy = files.doubled.get(file)
  const latin1 = (setting.stores[receipt.store] as Setting['stores'][number]).windows1252
  const weekIndex = Math.floor(dayIndex / 7)
  const time = germanTime(receipt.at)
  const code = (setting.stores[receipt.store] as { code: string }).code
  for (const [index, line] of receipt.lines.entries()) {
    const name = articleName(setting, line.sku, weekIndex)
    const text = `${receipt.number};${time};${code};${index + 1};${setting.catalogue.skus[line.sku]};${cell(latin1 ? latin(name) : name, ';')};${line.quantity};${decimal(line.unit, ',')};${decimal(line.unit * line.quantity, ',')};${decimal(receipt.total, ',')};EUR;${receipt.kind};${receipt.original};${receipt.payment};${receipt.card};${receipt.coupon};${receipt.reason}`
    const tie = ((receipt.tie & ~15) >>> 0) + Math.min(15, index)
    sink.rows.add(file, receipt.at, tie, text, latin1)
    if (copy !== undefined) sink.rows.add(copy, receipt.at, tie, text, latin1)
    moveGoods(sink, line.sku, receipt.store + 1, receipt.at, receipt.kind === 'sale' ? -line.quantity : line.quantity)
  }
}

/** A movement of goods, for the stock simulation: place 0 is the web warehouse, place n the store n − 1. */
export function moveGoods(sink: Sink, sku: number, place: number, at: number, quantity: number): void {
  const chunk = Math.floor(sku / sizesPerModel) % stockChunks
  sink.rows.add(
    sink.files.sales[chunk] as number,
    at,
    hash(sink.setting.purposes['row/tie'], sku, place),
    `${sku},${place},${at},${quantity}`,
  )
}

export function receiptNumber(setting: Setting, store: number, at: number, a: number, b: number): string {
  const date = localDate(at)
  return `${(setting.stores[store] as { code: string }).code}-${date.slice(2, 4)}${date.slice(5, 7)}${date.slice(8, 10)}-${hex(hash(setting.purposes['store/receiptNumber'], a, b)).toUpperCase()}`
}

const payments = ['girocard', 'girocard', 'girocard', 'bar', 'bar', 'Kreditkarte', 'Kreditkarte', 'Gutscheinkarte']
const reasons = ['size', 'size', 'size', 'style', 'style', 'defect', 'late']

function identify(sink: Sink, source: string, record: string, person: number | null, household: number | null): void {
  if (!sink.truth) return
  sink.rows.add(
    sink.files.truth.identity,
    0,
    hash(
      sink.setting.purposes['row/tie'],
      person ?? 0,
      hash(sink.setting.purposes['row/tie'], record.length, record.charCodeAt(record.length - 1)),
    ),
    JSON.stringify({ source, record, person, household }),
  )
}

/** Writes a person's purchases as the systems hold them: receipts in tills, orders in the shop, and what came back. */
export function sell(sink: Sink, person: Person, purchases: readonly Purchase[]): void {
  for (const purchase of purchases) {
    if (purchase.at < sink.setting.calendar.start) continue
    if (purchase.channel === 'store') sellInStore(sink, person, purchase)
    else sellOnline(sink, person, purchase)
  }
}

function sellInStore(sink: Sink, person: Person, purchase: Purchase): void {
  const { setting } = sink
  const { purposes } = setting
  const pick = share(purposes['store/late'], person.id, purchase.key)
  const shown =
    (person.story && purchase.at > setting.until - 14 * day) ||
    (person.has.loyalty &&
      purchase.at >= person.dates.loyalty - 60 * day &&
      share(purposes['person/card'], person.id, purchase.key) < person.cardDiscipline)
  const byTill =
    !shown && !person.has.loyalty && person.has.crm && share(purposes['person/card'], person.id, purchase.key) < 0.5
  const card = shown
    ? person.secondCard && pick > 0.55
      ? person.secondCard
      : person.card
    : byTill
      ? tillCard(person)
      : ''
  const tie = hash(purposes['row/tie'], person.id, purchase.key)
  const number = receiptNumber(setting, purchase.store, purchase.at, person.id, purchase.key)
  const { basket } = purchase
  writeReceipt(
    sink,
    {
      number,
      at: purchase.at,
      store: purchase.store,
      lines: basket.lines,
      total: basket.total,
      kind: 'sale',
      original: '',
      payment: payments[tie % payments.length] as string,
      card,
      coupon: basket.coupon ?? '',
      reason: '',
      tie,
    },
    pick < 0.012,
  )
  identify(sink, 'till', number, person.id, person.household.id)
  if (purchase.at < setting.until) {
    count(sink, card === '' ? 'anonymousReceipts' : 'knownReceipts')
    count(sink, 'revenueCents', basket.total)
    count(sink, 'lines', basket.lines.length)
  }
  giveBack(sink, person, purchase, { original: number, chance: 0.05, storeReturn: true, card })
}

/** Customers of the till's own record show a number that the customer file links to them. */
export function tillCard(person: Person): string {
  return `9${person.card.slice(1, 11)}`
}

/** Keeps, sends back or brings back single lines of a purchase. */
function giveBack(
  sink: Sink,
  person: Person,
  purchase: Purchase,
  of: { original: string; chance: number; storeReturn: boolean; card: string },
): void {
  const { setting } = sink
  const draw = drawing.open(setting.purposes['person/returns'], person.id, purchase.key)
  const returned: Line[] = []
  for (const line of purchase.basket.lines) {
    if (draw.happens(of.chance)) returned.push({ ...line })
  }
  const reason = draw.pick(reasons)
  const wait = (2 + draw.exponential(1 / 7)) * day
  const otherWay = draw.happens(hasJoined(setting, person.homeStore, purchase.week) ? 0.3 : 0.1)
  const lost = draw.happens(0.04)
  if (returned.length === 0) return
  const total = returned.reduce((sum, line) => sum + line.unit * line.quantity, 0)
  const rough = purchase.at + Math.min(wait, 28 * day)
  const inStore = of.storeReturn || otherWay
  const store = of.storeReturn ? purchase.store : person.homeStore
  const at = inStore ? openMoment(setting, rough, store, draw.uniform(), draw.uniform()) : Math.floor(rough)
  if (at === null || at >= setting.until || at <= purchase.at) return
  count(sink, 'returns')
  count(sink, 'refundCents', total)
  if (inStore) {
    const number = receiptNumber(setting, store, at, person.id, purchase.key + 500_000)
    const tie = hash(setting.purposes['row/tie'], person.id, purchase.key + 500_000)
    writeReceipt(
      sink,
      {
        number,
        at,
        store,
        lines: returned,
        total,
        kind: 'return',
        original: lost ? '' : of.original,
        payment: 'girocard',
        card: of.card,
        coupon: '',
        reason,
        tie,
      },
      false,
    )
    identify(sink, 'till', number, person.id, person.household.id)
    if (lost && sink.truth)
      tellEdge(sink, at, { edge: 'return without receipt', receipt: number, original: of.original })
    return
  }
  const order = orderNumber(setting, person.id, purchase.key)
  writeOrder(sink, person, purchase, {
    code: `${order}-R`,
    original: order,
    kind: 'return',
    at,
    lines: returned,
    shipping: 0,
    total,
    reason,
  })
}

/** The first opening of the store from a moment on, within three weeks. */
function openMoment(setting: Setting, from: number, store: number, position: number, within: number): number | null {
  let weekIndex = Math.floor(dayOf(setting.calendar, from) / 7) + 1
  const closed = (setting.stores[store] as Setting['stores'][number]).closedWeeks
  while (closed.includes(weekIndex)) weekIndex++
  if (weekIndex >= setting.weeks) return null
  return momentOf(setting, weekIndex, position, store, within)
}

/** Notes a rare case in the truth, so that it can be found. */
export function tellEdge(sink: Sink, at: number, row: { [field: string]: unknown }): void {
  if (sink.truth)
    sink.rows.add(
      sink.files.truth.edges,
      at,
      hash(sink.setting.purposes['row/tie'], at | 0, JSON.stringify(row).length),
      JSON.stringify(row),
    )
}

/** A purchase with a card that belongs to somebody else. */
export function strangerReceipt(
  sink: Sink,
  of: { number: string; at: number; store: number; basket: Basket; card: string; person: number; part: number },
): void {
  const tie = hash(sink.setting.purposes['row/tie'], of.person, 990_000 + of.part)
  writeReceipt(
    sink,
    {
      number: of.number,
      at: of.at,
      store: of.store,
      lines: of.basket.lines,
      total: of.basket.total,
      kind: 'sale',
      original: '',
      payment: 'bar',
      card: of.card,
      coupon: '',
      reason: '',
      tie,
    },
    false,
  )
  identify(sink, 'till', of.number, null, null)
  count(sink, 'knownReceipts')
  count(sink, 'revenueCents', of.basket.total)
  count(sink, 'lines', of.basket.lines.length)
}

function sellOnline(sink: Sink, person: Person, purchase: Purchase): void {
  const { setting } = sink
  const order = orderNumber(setting, person.id, purchase.key)
  const totals = orderTotals(purchase)
  if (purchase.at >= setting.until) return
  writeOrder(sink, person, purchase, {
    code: order,
    original: '',
    kind: 'sale',
    at: purchase.at,
    lines: purchase.basket.lines,
    shipping: totals.shipping,
    total: totals.total,
    reason: '',
  })
  identify(sink, 'shop-order', order, person.id, person.household.id)
  count(sink, 'webOrders')
  count(sink, 'revenueCents', purchase.basket.total)
  count(sink, 'lines', purchase.basket.lines.length)
  for (const line of purchase.basket.lines) moveGoods(sink, line.sku, 0, purchase.at, -line.quantity)
  const joined = hasJoined(setting, person.homeStore, purchase.week) ? 1 : 0
  if (share(setting.purposes['person/returns'], person.id, purchase.key + 700_000) < 0.035 * (1 - 0.6 * joined)) {
    const at =
      purchase.at +
      Math.floor((0.2 + share(setting.purposes['person/returns'], person.id, purchase.key + 800_000)) * day)
    if (at >= setting.until) return
    count(sink, 'cancellations')
    count(sink, 'refundCents', totals.total)
    writeOrder(sink, person, purchase, {
      code: `${order}-C`,
      original: order,
      kind: 'cancellation',
      at,
      lines: purchase.basket.lines,
      shipping: totals.shipping,
      total: totals.total,
      reason: 'out of stock',
    })
    for (const line of purchase.basket.lines) moveGoods(sink, line.sku, 0, at, line.quantity)
    return
  }
  giveBack(sink, person, purchase, {
    original: order,
    chance: purchase.collect ? 0.15 : 0.42,
    storeReturn: false,
    card: '',
  })
}

function writeOrder(
  sink: Sink,
  person: Person,
  purchase: Purchase,
  of: {
    code: string
    original: string
    kind: 'sale' | 'return' | 'cancellation'
    at: number
    lines: readonly Line[]
    shipping: number
    total: number
    reason: string
  },
): void {
  const { setting, files } = sink
  const dayIndex = dayOf(setting.calendar, of.at)
  const file = files.orders[files.monthOf(dayIndex)]
  if (file === undefined || of.at >= setting.until) return
  const account = hasAccount(person, purchase.at)
  const address = addressAt(person, of.at)
  const last = surnameAt(person, of.at)
  const gift = share(setting.purposes['person/basket'], person.id, purchase.key + 900_000) < 0.04
  const other = gift ? personOf(setting, (person.id * 7 + 13) % setting.persons) : null
  const shipTo = other ? addressAt(other, of.at) : address
  // What was ordered before an erasure stays as a booking without a person.
  const erased = person.erasedAt !== null && person.erasedAt < setting.until && purchase.at < person.erasedAt
  const customer: { [field: string]: string } = {}
  if (!erased) {
    Object.assign(customer, { emailAddress: person.email, firstName: person.first, lastName: last })
    if (account) customer.customerNumber = person.userId
    if (share(setting.purposes['person/phone'], person.id, purchase.key) < 0.5) customer.phoneNumber = person.phone
  }
  if (other && of.kind === 'sale' && sink.truth)
    sink.rows.add(
      sink.files.truth.defects,
      of.at,
      hash(setting.purposes['row/tie'], person.id, purchase.key + 1),
      JSON.stringify({
        source: 'shop-order',
        record: of.code,
        field: 'shippingAddress',
        kind: 'gift recipient',
        value: other.id,
      }),
    )
  const weekIndex = Math.floor(dayIndex / 7)
  const row = {
    code: of.code,
    orderPlacedAt: iso(of.at),
    kind: of.kind,
    ...(of.original === '' ? {} : { originalCode: of.original }),
    channel: purchase.channel,
    place: purchase.collect ? (setting.stores[purchase.store] as { code: string }).code : 'WEB',
    currencyCode: 'EUR',
    customer,
    shippingAddress: erased
      ? { city: shipTo.town, countryCode: 'DE' }
      : {
          fullName: other ? `${other.first} ${other.last}` : `${person.first} ${last}`,
          streetLine1: `${shipTo.street} ${shipTo.house}${canary(setting, person.id, 'd')}`,
          postalCode: shipTo.postcode,
          city: shipTo.town,
          countryCode: 'DE',
        },
    lines: of.lines.map((line) => ({
      sku: setting.catalogue.skus[line.sku],
      name: articleName(setting, line.sku, weekIndex),
      quantity: line.quantity,
      unit_price: line.unit / 100,
      line_total: (line.unit * line.quantity) / 100,
    })),
    shipping: of.shipping / 100,
    total: of.total / 100,
    ...(purchase.basket.coupon && of.kind === 'sale' ? { couponCode: purchase.basket.coupon } : {}),
    ...(of.reason === '' ? {} : { reason: of.reason }),
  }
  sink.rows.add(
    file,
    of.at,
    hash(setting.purposes['row/tie'], person.id, purchase.key + of.kind.length),
    JSON.stringify(row),
  )
  if (of.kind === 'return') for (const line of of.lines) moveGoods(sink, line.sku, 0, of.at, line.quantity)
}

export type WalkIn = { at: number; week: number; basket: Basket; store: number; key: number }

/** Purchases of people nobody knows, per store: the same thinning as for persons, on the geo's intensity. */
export function walkIns(setting: Setting, store: number, scenario: Scenario): WalkIn[] {
  const one = setting.stores[store] as Setting['stores'][number]
  const geo = geos[one.geo] as (typeof geos)[number]
  const base =
    ((setting.scale.walkin / setting.weeks) * walkinShare(setting, one.geo)) /
    (setting.storesOfGeo[one.geo] as unknown[]).length
  const result: WalkIn[] = []
  const ceiling = 4 * base
  for (let index = 0; index < setting.weeks; index++) {
    if (one.closedWeeks.includes(index)) continue
    const draw = drawing.open(setting.purposes['store/walkins'], store, index)
    const count = draw.poisson(ceiling)
    let intensity = base * (setting.season.store[index] as number)
    for (const [channel, lift] of setting.lift.entries())
      intensity += base * (lift[geo.index * setting.weeks + index] as number) * (scenario.level[channel] as number)
    for (let number = 0; number < count; number++) {
      const accept = draw.uniform()
      const position = draw.uniform()
      const within = draw.uniform()
      if (accept * ceiling >= intensity) continue
      const key = index * 4096 + number
      const own = walking.open(setting.purposes['store/basket'], store, key)
      const female = own.happens(0.6)
      const taste = {
        female,
        shoeSize: Math.round(female ? 38.4 + 1.3 * own.normal() : 42.8 + 1.4 * own.normal()),
        style: [own.normal(), own.normal(), own.normal()] as const,
        spendLevel: Math.exp(0.3 * own.normal() - 0.045),
        priceSense: Math.exp(0.5 * own.normal()),
      }
      const basket = chooseBasket(setting, own, {
        taste,
        week: index,
        place: store,
        joined: hasJoined(setting, store, index),
        more: 0,
      })
      if (basket.lines.length > 0)
        result.push({ at: momentOf(setting, index, position, store, within), week: index, basket, store, key })
    }
  }
  return result
}
const walking = new Stream()

export function sellToWalkIns(sink: Sink, store: number, walkers: readonly WalkIn[]): void {
  const { setting } = sink
  const purposes = setting.purposes
  // The cashier scans the own card now and then, so that the queue moves on: a card with a thousand faces.
  let redeemed: { receipt: string; code: string } | null = null
  let coupons = 0
  const cashierCard = `299${String(hash(purposes['store/detail'], store, 5) % 1_000_000_000).padStart(9, '0')}0`
  for (const walker of walkers) {
    if (walker.at >= setting.until) continue
    const tie = hash(purposes['row/tie'], 3_000_000 + store, walker.key)
    const number = receiptNumber(setting, store, walker.at, 2_000_000_000 + store, walker.key)
    const cashier = share(purposes['store/late'], 3_000_000 + store, walker.key) < 0.008
    let code = walker.basket.coupon ?? ''
    if (code !== '' && redeemed && coupons++ % 6 === 3) {
      // The tills were offline: a code meant for once is taken a second time.
      code = redeemed.code
      tellEdge(sink, walker.at, { edge: 'coupon redeemed twice', coupon: code, receipts: [redeemed.receipt, number] })
    }
    if (code !== '') redeemed = { receipt: number, code }
    writeReceipt(
      sink,
      {
        number,
        at: walker.at,
        store,
        lines: walker.basket.lines,
        total: walker.basket.total,
        kind: 'sale',
        original: '',
        payment: payments[tie % payments.length] as string,
        card: cashier ? cashierCard : '',
        coupon: code,
        reason: '',
        tie,
      },
      share(purposes['store/late'], 4_000_000 + store, walker.key) < 0.012,
    )
    identify(sink, 'till', number, null, null)
    count(sink, 'anonymousReceipts')
    count(sink, 'revenueCents', walker.basket.total)
    count(sink, 'lines', walker.basket.lines.length)
    if (cashier && sink.truth)
      sink.rows.add(
        sink.files.truth.defects,
        walker.at,
        tie,
        JSON.stringify({ source: 'till', record: number, field: 'loyalty_card', kind: 'cashier card', value: '' }),
      )
  }
}
