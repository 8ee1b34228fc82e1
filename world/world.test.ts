import { beforeAll, describe, expect, test } from 'vitest'
import { type MemoryWorld, makeInMemory } from './memory.ts'
import { householdOf, personOf } from './persons.ts'
import { createSetting } from './setting.ts'
import { presets, targets } from './sizes.ts'
import { callsOf } from './town.ts'

// A tenth of size S, in memory: a thousand persons over two years.
const scale = 0.1
const until = new Date('2025-12-28T14:00:00Z')
let made: MemoryWorld
let receipts: Row[]
let orders: Order[]
let calls: Call[]

type Row = { [column: string]: string }
type Order = {
  code: string
  originalCode?: string
  orderPlacedAt: string
  kind: string
  customer: { emailAddress?: string; customerNumber?: string }
  lines: { sku: string; quantity: number; unit_price: number; line_total: number }[]
  shipping: number
  total: number
}
type Call = {
  type: string
  event?: string
  timestamp: string
  userId?: string
  anonymousId: string
  traits?: { email?: string }
  properties?: { order_id?: string; total?: number }
  context: { campaign?: { name: string }; consent?: unknown }
}

function text(path: string): string {
  const file = made.files.get(path)
  if (!file) throw new Error(`no file ${path}`)
  return file.bytes.toString(file.mapping?.encoding === 'windows-1252' ? 'latin1' : 'utf8')
}

function paths(start: string): string[] {
  return [...made.files.keys()].filter((path) => path.startsWith(start))
}

const tables = new Map<string, Row[]>()

function table(path: string): Row[] {
  const kept = tables.get(path) ?? readTable(path)
  tables.set(path, kept)
  return kept
}

function readTable(path: string): Row[] {
  const delimiter = made.files.get(path)?.mapping?.delimiter ?? ','
  const [head, ...lines] = text(path)
    .trimEnd()
    .split('\n')
    .map((line) => cells(line, delimiter))
  return lines.map((line) => Object.fromEntries((head as string[]).map((name, at) => [name, line[at] ?? ''])))
}

function cells(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter)
  return [...line.matchAll(new RegExp(`(?:^|${delimiter})(?:"((?:[^"]|"")*)"|([^${delimiter}]*))`, 'g'))].map(
    (match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? '',
  )
}

function truth<T>(name: string): T[] {
  return made.truth.get(name) as T[]
}

const cents = (value: string | number): number => Math.round(Number(String(value).replace(',', '.')) * 100)

beforeAll(() => {
  made = makeInMemory({ size: 'S', seed: 7, options: { scale }, until: until.getTime(), truth: true })
  receipts = paths('till/')
    .filter((path) => !path.includes('nachlieferung'))
    .flatMap(table)
  orders = paths('shop/orders').flatMap((path) =>
    text(path)
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Order),
  )
  calls = callsOf(made.files) as Call[]
}, 120_000)

describe('moments', () => {
  test.each([
    [
      'orders and known receipts',
      () => (made.counts.webOrders ?? 0) + (made.counts.knownReceipts ?? 0),
      targets.webOrders + targets.knownReceipts,
      4.1,
    ],
    ['anonymous receipts', () => made.counts.anonymousReceipts ?? 0, targets.anonymousReceipts, 2.6],
    ['sessions', () => made.counts.sessions ?? 0, targets.sessions, 14],
    ['e-mails', () => made.counts.emails ?? 0, targets.emails, 60],
    ['customer records', () => made.counts.customerRecords ?? 0, 1.45, 0.75],
  ])('%s are as many as the size says', (_name, count, perPerson, deviation) => {
    const persons = presets.S.persons * scale
    const error = Math.sqrt(persons) * deviation
    expect(Math.abs(count() - persons * perPerson)).toBeLessThan(Math.max(0.02 * persons * perPerson, 3 * error))
  })

  test('events are five a session and three in a hundred sessions are machines', () => {
    const sessions = made.counts.sessions ?? 0
    expect((made.counts.events ?? 0) / sessions).toBeGreaterThan(4.7)
    expect((made.counts.events ?? 0) / sessions).toBeLessThan(5.3)
    expect((made.counts.botSessions ?? 0) / sessions).toBeCloseTo(0.03, 2)
  })

  test('a basket is worth 92 euros, two of three carts are abandoned, the web returns 42 %', () => {
    const sales = (made.counts.webOrders ?? 0) + (made.counts.knownReceipts ?? 0) + (made.counts.anonymousReceipts ?? 0)
    expect((made.counts.revenueCents ?? 0) / sales / 9200).toBeGreaterThan(0.96)
    expect((made.counts.revenueCents ?? 0) / sales / 9200).toBeLessThan(1.04)
    const abandoned = 1 - (made.counts.webOrders ?? 0) / (made.counts.carts ?? 1)
    expect(abandoned).toBeGreaterThan(0.65)
    expect(abandoned).toBeLessThan(0.71)
  })

  test('half of the opens are machine opens', () => {
    const machines = (made.counts.machineOpens ?? 0) / ((made.counts.machineOpens ?? 0) + (made.counts.humanOpens ?? 0))
    expect(machines).toBeGreaterThan(0.44)
    expect(machines).toBeLessThan(0.56)
  })

  test('missing values have their rates', () => {
    const cards = table('loyalty.csv')
    const missing = (column: string): number => cards.filter((row) => row[column] === '').length / cards.length
    for (const [column, rate] of [
      ['Geburtsdatum', 0.45],
      ['Telefon', 0.35],
      ['E-Mail', 0.25],
      ['PLZ', 0.25],
      ['Ort', 0.25],
    ] as const)
      expect(Math.abs(missing(column) - rate)).toBeLessThan(3 * Math.sqrt((rate * (1 - rate)) / cards.length) + 0.01)
  })
})

describe('conservation', () => {
  test('lines of a receipt and of an order add up to its total', () => {
    const sums = new Map<string, { sum: number; total: number }>()
    const odd: Row[] = []
    for (const row of receipts) {
      const sum = sums.get(row.Bonnummer as string) ?? { sum: 0, total: cents(row.Bonsumme as string) }
      sum.sum += cents(row.Positionswert as string)
      if (cents(row.Einzelpreis as string) * Number(row.Menge) !== cents(row.Positionswert as string)) odd.push(row)
      sums.set(row.Bonnummer as string, sum)
    }
    expect([...sums.entries()].filter(([, one]) => one.sum !== one.total)).toEqual([])
    expect(odd).toEqual([])
    const sumOf = (order: Order): number =>
      order.lines.reduce((all, line) => all + cents(line.line_total), 0) + cents(order.shipping)
    expect(orders.filter((order) => sumOf(order) !== cents(order.total))).toEqual([])
  })

  test('every return names a sale that was, and gives back no more than was paid', () => {
    const paid = new Map<string, number>()
    for (const row of receipts)
      if (row.Vorgang === 'sale') paid.set(row.Bonnummer as string, cents(row.Bonsumme as string))
    for (const order of orders) if (order.kind === 'sale') paid.set(order.code, cents(order.total))
    const back = new Map<string, number>()
    const seen = new Set<string>()
    for (const row of receipts) {
      if (row.Vorgang !== 'return' || row.Ursprungsbon === '' || seen.has(row.Bonnummer as string)) continue
      seen.add(row.Bonnummer as string)
      back.set(row.Ursprungsbon as string, (back.get(row.Ursprungsbon as string) ?? 0) + cents(row.Bonsumme as string))
    }
    for (const order of orders)
      if (order.kind !== 'sale')
        back.set(order.originalCode as string, (back.get(order.originalCode as string) ?? 0) + cents(order.total))
    expect(back.size).toBeGreaterThan(300)
    expect([...back.keys()].filter((original) => !paid.has(original))).toEqual([])
    expect([...back.entries()].filter(([original, sum]) => sum > (paid.get(original) ?? 0))).toEqual([])
  })

  test('articles and places of sales, stock and prices are in the master data', () => {
    const skus = new Set(table('master/products.csv').map((row) => row.sku))
    const places = new Set(table('master/places.csv').map((row) => row.place))
    const unknown = [
      ...receipts.filter((row) => !skus.has(row.Artikelnummer) || !places.has(row.Filiale)),
      ...orders.flatMap((order) => order.lines).filter((line) => !skus.has(line.sku)),
      ...table('stock/snapshot_latest.csv').filter((row) => !skus.has(row.sku) || !places.has(row.place)),
      ...table('master/prices.csv').filter((row) => !skus.has(row.sku) || (row.place !== '' && !places.has(row.place))),
    ]
    expect(unknown).toEqual([])
  })

  test('the sum of the movements is the true stock', () => {
    const sums = new Map<string, number>()
    for (const path of paths('stock/movements'))
      for (const line of text(path).trimEnd().split('\n').slice(1)) {
        const [sku, place, , , quantity] = line.split(',')
        const key = `${sku} ${place}`
        sums.set(key, (sums.get(key) ?? 0) + Number(quantity))
      }
    const last = new Map<string, number>()
    for (const row of truth<{ sku: string; place: string; on_hand: number }>('stock_true'))
      last.set(`${row.sku} ${row.place}`, row.on_hand)
    expect(last.size).toBeGreaterThan(15_000)
    const wrong = [...last.entries()].filter(([key, onHand]) => (sums.get(key) ?? 0) !== onHand)
    expect(wrong).toEqual([])
    expect([...last.values()].filter((onHand) => onHand < 0)).toEqual([])
  })

  test('an order of the shop is the order that the tracking tells', () => {
    const byCode = new Map(orders.filter((order) => order.kind === 'sale').map((order) => [order.code, order]))
    const told = calls.filter((call) => call.event === 'Order Completed' && call.timestamp < until.toISOString())
    expect(told.length).toBeGreaterThan(1000)
    const differ = told.filter(
      ({ properties }) =>
        cents(properties?.total ?? 0) !== cents(byCode.get(properties?.order_id ?? '')?.total ?? Number.NaN),
    )
    expect(differ).toEqual([])
  })
})

describe('plausibility', () => {
  test('nobody orders with an account before it exists', () => {
    const created = new Map(
      text('shop/customers.ndjson')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { customerNumber: string; createdAt: string })
        .map((row) => [row.customerNumber, row.createdAt]),
    )
    const early = orders.filter(
      (order) =>
        order.kind === 'sale' &&
        order.customer.customerNumber &&
        !((created.get(order.customer.customerNumber) ?? '9') <= order.orderPlacedAt),
    )
    expect(early).toEqual([])
  })

  test('no receipt of a closed store', () => {
    const { calendar, stores } = made.world.setting
    const closed = receipts.filter((row) => {
      const [date, time] = (row.Zeitpunkt as string).split(' ') as [string, string]
      const [d, m, y] = date.split('.').map(Number) as [number, number, number]
      const index = Math.round((Date.UTC(y, m - 1, d) - Date.UTC(2024, 0, 1)) / 86_400_000)
      const store = stores.find((one) => one.code === row.Filiale)
      return (
        calendar.open[index] !== 1 ||
        store?.closedWeeks.includes(Math.floor(index / 7)) ||
        time < '09:30' ||
        time > '20:00'
      )
    })
    expect(closed).toEqual([])
  })

  test('Saturday is the strongest day of the stores, Sunday of the web', () => {
    const byDay = (dates: string[]): number[] => {
      const counts = [0, 0, 0, 0, 0, 0, 0]
      for (const date of dates) {
        const at = (new Date(date).getUTCDay() + 6) % 7
        counts[at] = (counts[at] ?? 0) + 1
      }
      return counts
    }
    const store = byDay(receipts.map((row) => (row.Zeitpunkt as string).replace(/^(..)\.(..)\.(....).*/, '$3-$2-$1')))
    expect(store.indexOf(Math.max(...store))).toBe(5)
    const web = byDay(orders.filter((order) => order.kind === 'sale').map((order) => order.orderPlacedAt))
    expect(web.indexOf(Math.max(...web))).toBe(6)
  })

  test('nothing in the product is later than its present', () => {
    const late = [
      ...orders.filter((order) => order.orderPlacedAt > until.toISOString()).map((order) => order.code),
      ...paths('marketing/').flatMap((path) =>
        table(path).flatMap((row) =>
          Object.values(row).filter((value) => /^\d{4}-.*Z$/.test(value) && value > until.toISOString()),
        ),
      ),
      ...paths('web/').flatMap((path) =>
        text(path)
          .split('\n')
          .filter((line) => (/"timestamp":"([^"]+)"/.exec(line)?.[1] ?? '') > until.toISOString()),
      ),
    ]
    expect(late).toEqual([])
    expect(made.files.get('live/web.ndjson')?.rows).toBeGreaterThan(0)
  })
})

describe('truth', () => {
  test('every customer record, order and receipt has its person, and no record twice', () => {
    const known = truth<{ source: string; record: string }>('identity').filter((row) => row.source !== 'web-device')
    const keys = new Set(known.map((row) => `${row.source} ${row.record}`))
    expect(keys.size).toBe(known.length)
    const missing = [
      ...table('loyalty.csv').filter((row) => !keys.has(`loyalty ${row.Kundennummer}`)),
      ...table('crm.csv').filter((row) => !keys.has(`crm ${row.KundenNr}`)),
      ...orders.filter((order) => order.kind === 'sale' && !keys.has(`shop-order ${order.code}`)),
      ...receipts.filter((row) => !keys.has(`till ${row.Bonnummer}`)),
    ]
    expect(missing).toEqual([])
  })

  test('the story is in the files, and stops at the till', () => {
    type Story = {
      email: string
      userId: string
      card: string
      newsletter: { campaign: string; clicked: string }
      purchase: { receipt: string; at: string; total: number }
      again: { clicked: string }
      cart: { at: string; skus: string[] }
    }
    const story = truth<Story>('story')
    expect(story.length).toBeGreaterThanOrEqual(8)
    const mails = table('marketing/email_2025-12.csv')
    for (const one of story) {
      const hours = (until.getTime() - Date.parse(one.cart.at)) / 3_600_000
      expect(hours).toBeGreaterThan(2)
      expect(hours).toBeLessThan(5)
      expect(mails.find((row) => row.campaign === one.newsletter.campaign && row.email === one.email)?.clicked_at).toBe(
        one.newsletter.clicked,
      )
      const sold = receipts.filter((row) => row.Bonnummer === one.purchase.receipt)
      expect(sold.map((row) => row.Kundenkarte)).toEqual(sold.map(() => one.card))
      expect(sold.length).toBeGreaterThan(0)
      const days = (until.getTime() - Date.parse(one.purchase.at)) / 86_400_000
      expect(days).toBeGreaterThan(3.9)
      expect(days).toBeLessThan(6)
      const last = calls.filter((call) => call.userId === one.userId && call.timestamp >= one.again.clicked)
      const events = last.map((call) => call.event ?? call.type)
      expect(events).toContain('Product Added')
      expect(events.at(-1)).toBe('Checkout Started')
      expect(last.some((call) => call.traits?.email === one.email)).toBe(true)
      expect(table('newsletter.csv').find((row) => row.email === one.email)?.status).toBe('subscribed')
    }
  })

  test('rare cases occur and can be found', () => {
    const found = new Set(truth<{ edge: string }>('edges').map((row) => row.edge))
    for (const edge of [
      'return without receipt',
      'negative on hand',
      'store closed for a week',
      'campaign without holdout',
      'bot that converts',
      'feed lost after joining',
      'price of one cent',
      'promotion of one day',
      'article number re-used',
      'withdraws while a journey waits',
      'coupon redeemed twice',
    ])
      expect(found).toContain(edge)
  })

  test('the re-simulated increments of the broad channels are the expected ones', () => {
    const { media } = made.world.setting
    const past = made.outcomes.history as { orders: Float64Array; revenue: Float64Array }
    const sum = (series: Float64Array): number => series.reduce((a, b) => a + b, 0)
    for (const [channel, name] of [
      [1, 'generic_search'],
      [2, 'social_ads'],
      [8, 'radio'],
    ] as const) {
      const off = made.outcomes[name] as { orders: Float64Array; revenue: Float64Array }
      const orders = sum(past.orders) - sum(off.orders)
      const expected = sum(media.increment[channel] as Float64Array) / 9200
      expect(Math.abs(orders - expected)).toBeLessThan(3 * Math.sqrt(expected) + 0.06 * expected)
    }
  })

  test('e-mail earns the nine euros per euro that it is said to earn', () => {
    const past = made.outcomes.history as { revenue: Float64Array }
    const off = made.outcomes.email as { revenue: Float64Array }
    const gained = past.revenue.reduce((sum, value, at) => sum + value - (off.revenue[at] as number), 0)
    const spent = (made.counts.emails ?? 0) * 2.2
    expect(gained / spent).toBeGreaterThan(5.5)
    expect(gained / spent).toBeLessThan(12.5)
  })
})

describe('leakage and privacy', () => {
  test('the product has no field of the truth, and no row order that tells the person', () => {
    for (const file of made.files.values()) {
      if (file.kind === 'events') continue
      const head = file.bytes.subarray(0, 2000).toString('latin1')
      expect(head).not.toMatch(/"person"|"household"|phantom|machine":true/)
    }
    const byRecord = new Map(
      truth<{ source: string; record: string; person: number }>('identity').map((row) => [
        `${row.source} ${row.record}`,
        row.person,
      ]),
    )
    const people = table('loyalty.csv').map((row) => byRecord.get(`loyalty ${row.Kundennummer}`) as number)
    expect(Math.abs(correlation(people))).toBeLessThan(3.5 / Math.sqrt(people.length))
    const buyers = receipts
      .map((row) => byRecord.get(`till ${row.Bonnummer}`))
      .filter((id): id is number => typeof id === 'number')
    expect(Math.abs(correlation(buyers))).toBeLessThan(6 / Math.sqrt(buyers.length))
  })

  test('truth does not change the product', () => {
    const plan = { size: 'town', seed: 3, options: {} } as const
    const [with_, without] = [makeInMemory({ ...plan, truth: true }), makeInMemory({ ...plan, truth: false })]
    for (const [path, file] of with_.files)
      expect([path, file.bytes.equals(without.files.get(path)?.bytes as Buffer)]).toEqual([path, true])
  })

  test('mailboxes are examples, numbers are of films, articles are the house’s own', () => {
    for (const path of [
      ...paths('marketing/'),
      'loyalty.csv',
      'newsletter.csv',
      'crm.csv',
      'shop/customers.ndjson',
      ...paths('shop/orders'),
      'web/2024-06-03.ndjson',
    ]) {
      const mails = [...text(path).matchAll(/[^\s,;"]+@[^\s,;"]+/g)].map(([mail]) => mail)
      expect([path, mails.filter((mail) => !/@example\.(com|net|org)$/.test(mail))]).toEqual([path, []])
    }
    const films =
      /^(\+3363998\d{4}|\+49(3023125\d{3}|6990009\d{3}|4066969\d{3}|2214710\d{3}|8999998\d{3}|17139200\d{2}|176040690\d{2}|15228817386|15228895456|15254599371|1729925904|1729968532|1729973185|1729973186|1729980752|1749091317|1749464308))$/
    const numbers = [
      ...table('marketing/sms.csv').map((row) => row.phone as string),
      ...table('loyalty.csv').map((row) => row.Telefon as string),
      ...table('crm.csv').map((row) => row.Telefon as string),
    ].filter((phone) => phone !== '')
    const strange = numbers
      .map((phone) => phone.replace(/[ /]/g, '').replace(/^0/, '+49'))
      .filter((phone) => !films.test(phone))
    for (const row of table('master/products.csv')) {
      const digits = Array.from(row.gtin as string, Number)
      const sum = digits.slice(0, 12).reduce((all, digit, at) => all + digit * (at % 2 === 0 ? 1 : 3), 0)
      if (digits.length !== 13 || digits[0] !== 2 || digits[12] !== (10 - (sum % 10)) % 10)
        strange.push(row.gtin as string)
    }
    expect(strange).toEqual([])
  })

  test('with canaries each field of each person carries its own token, and the truth lists all', () => {
    const town = makeInMemory({ size: 'town', seed: 5, options: { canaries: true, defects: 0 }, truth: true })
    const tokens = town.truth.get('canaries') as { person: number; field: string; token: string }[]
    expect(new Set(tokens.map((row) => row.token)).size).toBe(160)
    const all = Buffer.concat([...town.files.values()].map((file) => file.bytes)).toString('utf8')
    const loyal = personOf(town.world.setting, 0)
    for (const row of tokens.filter((one) => one.person === loyal.id))
      expect([row.field, all.includes(row.token)]).toEqual([row.field, true])
  })
})

test('person 17 is the same person in every size', () => {
  const small = createSetting({ size: 'S', seed: 7, options: { scale: 0.01 } })
  const large = createSetting({ size: 'S', seed: 7, options: { scale: 0.05 } })
  const [one, other] = [personOf(small, 17), personOf(large, 17)]
  for (const key of ['first', 'last', 'email', 'mobile', 'birthday', 'card', 'rate', 'webShare', 'devices'] as const)
    expect([key, one[key]]).toEqual([key, other[key]])
  expect(householdOf(small, 17).address).toEqual(householdOf(large, 17).address)
})

/** Correlation of values with their position. */
function correlation(values: readonly number[]): number {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const middle = (count - 1) / 2
  let product = 0
  let square = 0
  let places = 0
  for (const [at, value] of values.entries()) {
    product += (value - mean) * (at - middle)
    square += (value - mean) ** 2
    places += (at - middle) ** 2
  }
  return product / Math.sqrt(square * places)
}
