import type { AnswerOf, api, InputOf, OrderId, PersonId } from '@einklang/contract'
import { type Database, type Part, Refusal } from '@einklang/platform'
import { cartOf } from './apply.ts'
import { type CartLine, together } from './cart.ts'
import type { OrderChannel } from './order.ts'

export type ProductSummary = AnswerOf<typeof api.commerce.products>['items'][number]
export type Order = Omit<AnswerOf<typeof api.commerce.orderDetail>, 'personName' | 'returns'>
export type Cart = Omit<AnswerOf<typeof api.commerce.carts>['items'][number], 'personName'>

// --- products --------------------------------------------------------------------------------------------------------

function productColumns(database: Database): Part {
  return database.part`p.sku, p.name, p.brand, p.category, p.colour, p.size, p.image_url as "imageUrl",
    case when price.amount is not null then jsonb_build_object('amount', price.amount, 'currency', price.currency,
      'kind', price.kind, 'was', nullif(price.was, price.amount)) end as price,
    (select sum(on_hand)::int from commerce.stock where stock.sku = p.sku) as stock`
}

// The offset keeps it a look-up per article; as an ordinary join the prices of all articles would be worked out.
const priceJoin = (database: Database, channel: OrderChannel): Part =>
  database.part`left join lateral (select * from commerce.price_now as now
    where now.sku = p.sku and now.channel = ${channel} offset 0) as price on true`

/** Articles with the price that holds now in the web shop; what is asked for and unknown is missing in the answer. */
export function productsOf(
  database: Database,
  skus: string[],
  channel: OrderChannel = 'web',
): Promise<ProductSummary[]> {
  if (skus.length === 0) return Promise.resolve([])
  return database.rows<ProductSummary>`
    select ${productColumns(database)} from commerce.product as p ${priceJoin(database, channel)}
    where p.sku = any(${skus})`
}

export async function productPage(
  database: Database,
  query: InputOf<typeof api.commerce.products>['query'],
): Promise<AnswerOf<typeof api.commerce.products>> {
  const conditions: Part[] = []
  for (const word of (query.q ?? '').toLowerCase().split(/\s+/).filter(Boolean).slice(0, 6))
    conditions.push(
      database.part`lower(coalesce(p.name, '') || ' ' || coalesce(p.brand, '') || ' ' || p.sku || ' ' || coalesce(p.gtin, ''))
        like ${`%${word.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`}`,
    )
  if (query.category !== undefined) conditions.push(database.part`p.category = ${query.category}`)
  if (query.brand !== undefined) conditions.push(database.part`p.brand = ${query.brand}`)
  if (query.inStock === 'true')
    conditions.push(database.part`exists (select from commerce.stock where stock.sku = p.sku and on_hand > 0)`)
  if (query.after !== undefined) {
    const [name = '', sku = ''] = query.after.split('\u0001')
    conditions.push(database.part`(p.name, p.sku) > (${name}, ${sku})`)
  }
  const rows = await database.rows<ProductSummary>`
    with p as (select * from commerce.product as p where ${database.join(conditions, 'and')}
      order by name, sku limit ${query.limit + 1})
    select ${productColumns(database)} from p ${priceJoin(database, 'web')} order by p.name, p.sku`
  const items = rows.slice(0, query.limit)
  const last = items.at(-1)
  return { items, next: rows.length > query.limit && last ? `${last.name}\u0001${last.sku}` : null }
}

export async function facetsOf(database: Database): Promise<AnswerOf<typeof api.commerce.facets>> {
  type Count = { name: string; products: number }
  const [total, categories, brands] = await Promise.all([
    database.row<{ total: number }>`select count(*) as total from commerce.product`,
    database.rows<Count>`select category as name, count(*) as products from commerce.product
      where category is not null group by category order by category`,
    database.rows<Count>`select brand as name, count(*) as products from commerce.product
      where brand is not null group by brand order by brand`,
  ])
  return { total: total?.total ?? 0, categories, brands }
}

export async function productDetail(database: Database, sku: string): Promise<AnswerOf<typeof api.commerce.product>> {
  type Detail = AnswerOf<typeof api.commerce.product>
  type Price = Omit<Detail['prices'][number], 'validFrom' | 'validTo' | 'knownAt'> & {
    validFrom: Date
    validTo: Date | null
    knownAt: Date
  }
  const [product, prices, stock, sold] = await Promise.all([
    database.row<Omit<Detail, 'prices' | 'stockPerPlace' | 'sold'>>`
      select ${productColumns(database)}, p.gtin, p.product_no as "productNo", p.vat_rate as "vatRate"
      from commerce.product as p ${priceJoin(database, 'web')} where p.sku = ${sku}`,
    database.rows<Price>`
      select kind, nullif(channel, '') as channel, nullif(place, '') as place, amount, currency,
        valid_from as "validFrom", valid_to as "validTo", known_at as "knownAt"
      from commerce.price where sku = ${sku} order by valid_from desc, known_at desc limit 500`,
    database.rows<{ place: string; name: string | null; onHand: number; asOf: Date }>`
      select place, place.name, on_hand as "onHand", as_of as "asOf"
      from commerce.stock left join commerce.place using (place) where sku = ${sku} order by place`,
    database.row<Detail['sold']>`
      select coalesce(sum(quantity) filter (where at > platform.now() - interval '30 days'), 0)::int as "units30Days",
        coalesce(sum(quantity), 0)::int as "units365Days",
        (select coalesce(sum((line->>'quantity')::int), 0)::int from commerce.refund,
          jsonb_array_elements(lines) as told(line)
          where line->>'sku' = ${sku} and at > platform.now() - interval '365 days') as "returned365Days"
      from commerce.purchase_line join commerce.purchase on purchase.id = purchase_line.purchase
      where sku = ${sku} and at > platform.now() - interval '365 days' and cancelled_at is null`,
  ])
  if (product === undefined) throw new Refusal(404, 'unknown_product', `There is no article ${sku}.`)
  return {
    ...product,
    prices: prices.map((price) => ({
      ...price,
      validFrom: price.validFrom.toISOString(),
      validTo: price.validTo?.toISOString() ?? null,
      knownAt: price.knownAt.toISOString(),
    })),
    stockPerPlace: stock.map((row) => ({ ...row, asOf: row.asOf.toISOString() })),
    sold: sold ?? { units30Days: 0, units365Days: 0, returned365Days: 0 },
  }
}

export async function popularOf(
  database: Database,
  query: { days: number; channel?: OrderChannel | undefined; limit: number },
): Promise<AnswerOf<typeof api.commerce.popular>['items']> {
  const way = query.channel === undefined ? database.part`true` : database.part`channel = ${query.channel}`
  return database.rows`
    with sold as (select sku, sum(quantity)::int as units, coalesce(sum(purchase_line.total), 0) as revenue
      from commerce.purchase join commerce.purchase_line on purchase_line.purchase = purchase.id
      where at > platform.now() - ${query.days} * interval '1 day' and at <= platform.now() and cancelled_at is null
        and sku is not null and ${way}
      group by sku order by units desc, sku limit ${query.limit})
    select ${productColumns(database)}, sold.units, sold.revenue
    from sold join commerce.product as p using (sku) ${priceJoin(database, query.channel ?? 'web')}
    order by sold.units desc, p.sku`
}

// --- orders ----------------------------------------------------------------------------------------------------------

type OrderRow = Omit<Order, 'at' | 'lines'> & { at: Date }

function orderColumns(database: Database): Part {
  return database.part`o.id as "order", o.order_no as "orderNo", o.kind, o.at, o.channel, o.place,
    place.name as "placeName", identity.current(o.person) as person, o.total, o.refunded, o.currency, o.coupon,
    source.name as "sourceName"`
}

const orderJoins = (database: Database): Part =>
  database.part`left join commerce.place on place.place = o.place left join ingest.source on source.id = o.source`

/** The newest orders of a person and its former selves, with their lines. */
export async function ordersOf(database: Database, person: PersonId, limit = 100): Promise<Order[]> {
  const rows = await database.rows<OrderRow>`
    select ${orderColumns(database)} from commerce.purchase as o ${orderJoins(database)}
    where o.person = any(identity.aliases(${person})) and o.cancelled_at is null order by o.at desc limit ${limit}`
  return withLines(database, rows)
}

async function withLines(database: Database, rows: OrderRow[]): Promise<Order[]> {
  type Line = Order['lines'][number] & { purchase: OrderId }
  const lines = await database.rows<Line>`
    select purchase, sku, name, quantity, price, total from commerce.purchase_line
    where purchase = any(${rows.map((row) => row.order)}) order by purchase, line`
  const byOrder = Map.groupBy(lines, (line) => line.purchase)
  return rows.map((row) => ({
    ...row,
    at: row.at.toISOString(),
    lines: (byOrder.get(row.order) ?? []).map(({ sku, name, quantity, price, total }) => ({
      sku,
      name,
      quantity,
      price,
      total,
    })),
  }))
}

/** Who, as the person they are today, has an order or receipt whose number begins like this; at most so many. */
export async function buyersOf(database: Database, number: string, most: number): Promise<PersonId[]> {
  const spellings = [...new Set([number, number.toUpperCase(), number.toLowerCase()])]
  const found = spellings
    .map(
      (text) => database.part`
        (select coalesce(merged.winner, purchase.person) as person
        from commerce.purchase left join identity.merged on merged.loser = purchase.person and not merged.undone
        where order_no like ${`${text.replaceAll(/[\\%_]/g, '\\$&')}%`} and purchase.person is not null limit ${most})`,
    )
    .reduce((all, part) => database.part`${all} union all ${part}`)
  const rows = await database.rows<{ person: PersonId }>`select distinct person from (${found}) as buyer limit ${most}`
  return rows.map(({ person }) => person)
}

export async function orderPage(
  database: Database,
  query: InputOf<typeof api.commerce.orders>['query'],
  timeZone: string,
): Promise<AnswerOf<typeof api.commerce.orders>> {
  const conditions = [database.part`o.cancelled_at is null`]
  if (query.q !== undefined && query.q.trim() !== '') conditions.push(database.part`o.order_no = ${query.q.trim()}`)
  if (query.channel !== undefined) conditions.push(database.part`o.channel = ${query.channel}`)
  if (query.place !== undefined) conditions.push(database.part`o.place = ${query.place}`)
  if (query.person !== undefined) conditions.push(database.part`o.person = any(identity.aliases(${query.person}))`)
  if (query.from !== undefined)
    conditions.push(database.part`o.at >= ${query.from}::timestamp at time zone ${timeZone}`)
  if (query.to !== undefined)
    conditions.push(database.part`o.at < (${query.to}::timestamp + interval '1 day') at time zone ${timeZone}`)
  const cursor = /^(\S+Z)~([0-9a-f-]{36})$/.exec(query.after ?? '')
  if (cursor !== null)
    conditions.push(database.part`(o.at, o.id) < (${cursor[1] ?? ''}::timestamptz, ${cursor[2] ?? ''}::uuid)`)
  const rows = await database.rows<OrderRow & { personName: string | null; units: number }>`
    with o as (select * from commerce.purchase as o where ${database.join(conditions, 'and')}
      order by at desc, id desc limit ${query.limit + 1})
    select ${orderColumns(database)}, nullif(concat_ws(' ', who.first_name, who.last_name), '') as "personName",
      (select coalesce(sum(quantity), 0)::int from commerce.purchase_line where purchase = o.id) as units
    from o ${orderJoins(database)} left join profile.person as who on who.person = identity.current(o.person)
    order by o.at desc, o.id desc`
  const items = rows.slice(0, query.limit).map((row) => ({ ...row, at: row.at.toISOString() }))
  const last = items.at(-1)
  return { items, next: rows.length > query.limit && last ? `${last.at}~${last.order}` : null }
}

export async function orderDetail(database: Database, id: OrderId): Promise<AnswerOf<typeof api.commerce.orderDetail>> {
  const row = await database.row<OrderRow & { personName: string | null }>`
    select ${orderColumns(database)}, nullif(concat_ws(' ', who.first_name, who.last_name), '') as "personName"
    from commerce.purchase as o ${orderJoins(database)}
    left join profile.person as who on who.person = identity.current(o.person) where o.id = ${id}`
  if (row === undefined) throw new Refusal(404, 'unknown_order', `There is no order ${id}.`)
  type Return = { at: Date; amount: number; place: string | null; lines: Order['lines'] }
  const [[order], returns] = await Promise.all([
    withLines(database, [row]),
    database.rows<Return>`
      select at, coalesce(given, 0) as amount, place, lines from commerce.refund
      where purchase = ${row.order} order by at, event`,
  ])
  if (order === undefined) throw new Refusal(404, 'unknown_order', `There is no order ${id}.`)
  return {
    ...order,
    personName: row.personName,
    returns: returns.map((given) => ({ ...given, at: given.at.toISOString() })),
  }
}

// --- carts -----------------------------------------------------------------------------------------------------------

type CartRow = Parameters<typeof cartOf>[0]

function cartRows(
  database: Database,
  persons: PersonId[],
): Promise<(CartRow & { current: PersonId; lastOrder: Date | null })[]> {
  return database.rows`
    select alias.person, asked.person as current, memory, currency, updated_at as "updatedAt",
      checkout_at as "checkoutAt", ordered_at as "orderedAt",
      (select max(at) from commerce.purchase where purchase.person = any(identity.aliases(asked.person))
        and cancelled_at is null) as "lastOrder"
    from (select distinct identity.current(person) as person from unnest(${persons}::uuid[]) as person) as asked
    cross join lateral unnest(identity.aliases(asked.person)) as alias(person)
    join commerce.cart on cart.person = alias.person`
}

/** Beyond this nobody remembers what they had put aside. */
const cartDays = 30

/** Carts of these persons as they stand, former selves put together, with the price that holds now. */
export async function cartsOf(database: Database, now: Date, persons: PersonId[]): Promise<Cart[]> {
  if (persons.length === 0) return []
  const rows = await cartRows(database, persons)
  const wholes = [...Map.groupBy(rows, (row) => row.current)].map(([person, parts]) => {
    const carts = parts.map(cartOf)
    return { person, carts, lines: together(carts, parts[0]?.lastOrder?.toISOString() ?? null) }
  })
  const skus = [...new Set(wholes.flatMap(({ lines }) => lines.map(({ sku }) => sku)))]
  const products = new Map((await productsOf(database, skus)).map((product) => [product.sku, product]))
  return wholes.map(({ person, carts, lines }) => {
    const currency = carts[0]?.currency ?? ''
    const shown = lines.map((line) => cartLine(line, products.get(line.sku), currency))
    const updatedAt = latestOf(carts.map((cart) => cart.updatedAt)) ?? ''
    const old = now.getTime() - Date.parse(updatedAt) > cartDays * 86_400_000
    return {
      person,
      state:
        shown.length > 0
          ? old
            ? 'expired'
            : 'open'
          : carts.some((cart) => cart.orderedAt !== null)
            ? 'ordered'
            : 'emptied',
      lines: shown,
      value: shown.reduce((sum, line) => sum + (line.price ?? 0) * line.quantity, 0),
      currency,
      updatedAt,
      checkoutStartedAt: latestOf(carts.flatMap((cart) => cart.checkoutAt ?? [])),
    }
  })
}

function latestOf(instants: string[]): string | null {
  return instants.toSorted((one, other) => (one < other ? -1 : 1)).at(-1) ?? null
}

/** The price that holds now; what the shop told when the article was put in only where we know none. */
function cartLine(line: CartLine, product: ProductSummary | undefined, currency: string): Cart['lines'][number] {
  const ours = product?.price?.currency === currency ? product.price.amount : null
  return {
    sku: line.sku,
    name: product?.name ?? line.name,
    quantity: line.quantity,
    price: ours ?? line.price,
    imageUrl: product?.imageUrl ?? line.image,
    url: line.url,
    stock: product?.stock ?? null,
  }
}

export async function cartPage(
  database: Database,
  now: Date,
  query: { after?: string | undefined; limit: number },
): Promise<AnswerOf<typeof api.commerce.carts>> {
  const offset = Number(query.after ?? 0)
  const open = await database.rows<{ person: PersonId; name: string | null }>`
    select open_cart.person, nullif(concat_ws(' ', who.first_name, who.last_name), '') as name
    from commerce.open_cart left join profile.person as who using (person)
    order by updated_at desc, person limit ${query.limit + 1} offset ${Number.isInteger(offset) ? offset : 0}`
  const shown = open.slice(0, query.limit)
  const carts = new Map(
    (
      await cartsOf(
        database,
        now,
        shown.map(({ person }) => person),
      )
    ).map((cart) => [cart.person, cart]),
  )
  return {
    items: shown.flatMap(({ person, name }) => {
      const cart = carts.get(person)
      return cart === undefined ? [] : [{ ...cart, personName: name }]
    }),
    next: open.length > query.limit ? String(offset + query.limit) : null,
  }
}

/** Marks carts that nobody touched for 30 days; returns how many. */
export function expireCarts(database: Database): Promise<number> {
  return database.run`
    update commerce.cart set state = 'expired'
    where state = 'open' and updated_at < platform.now() - ${cartDays} * interval '1 day'`
}
