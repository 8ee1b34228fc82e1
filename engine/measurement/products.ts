import type { AnswerOf, api, InputOf } from '@einklang/contract'
import { type Database, type History, shortHash } from '@einklang/platform'
import { demandIfAvailable, type SoldWhileAvailable } from '@einklang/stats'
import type { StockReport } from '#commerce'
import { addDays, type Period } from './period.ts'

type Routes = typeof api.measurement
type ProductsInput = InputOf<Routes['products']>['query']
type ProductsAnswer = AnswerOf<Routes['products']>
type By = ProductsInput['by']
type Row = ProductsAnswer['rows'][number]
type Detail = AnswerOf<Routes['product']>

/** The shop and the app sell from one stock. */
const online = 'online'
/** Below this share of its sales the stock history of a product says too little of the whole. */
const enoughHistory = 0.5

/** Notes what stock reports said, in the transaction of their import; the next build takes it into the history. */
export async function noteStock(tx: Database, reports: StockReport[]): Promise<void> {
  await tx.run`
    insert into measurement.stock (sku, place, at, on_hand)
    select r.sku, r.place, r."asOf", r."onHand"
    from jsonb_to_recordset(${tx.json(reports)}) as r(sku text, place text, "onHand" int, "asOf" timestamptz)
    on conflict (sku, place, at) do update set on_hand = excluded.on_hand`
}

/** Moves noted reports into the history. A repeat after a crash writes the same rows again, which changes nothing. */
export async function moveStock(database: Database, history: History): Promise<void> {
  for (;;) {
    const rows = await database.rows<{ sku: string; place: string; at: Date; on_hand: number }>`
      select sku, place, at, on_hand from measurement.stock order by sku, place, at limit 50000`
    if (rows.length === 0) return
    const build = Math.max(...rows.map(({ at }) => at.getTime()))
    // Of all that is told: a corrected report between the same two must not pass for a repeat.
    const token = `stock ${shortHash(JSON.stringify(rows), 53)}`
    await history.insert(
      'measurement.stock',
      rows.map((row) => ({ ...row, build })),
      token,
    )
    await database.run`
      delete from measurement.stock as noted
      using jsonb_to_recordset(${database.json(rows)}) as r(sku text, place text, at timestamptz, on_hand int)
      where noted.sku = r.sku and noted.place = r.place and noted.at = r.at and noted.on_hand = r.on_hand`
  }
}

type ProductScope = {
  period: Period
  timeZone: string
  currency: string
  soldVia?: 'web' | 'app' | 'store' | undefined
  now: Date
}

type Sold = {
  sku: string
  outlet: string
  day: string
  units: number
  squares: number
  orders: number
  revenue: number
}
type Article = { sku: string; key: string; name: string; brand: string | null; category: string | null; of: string }
type Span = { sku: string; outlet: string; since: number; stocked: [number, number][] }
type Viewed = { sku: string; day: string; views: number }

/** What one article did in one outlet. */
type Part = { sku: string; outlet: string; units: number; squares: number; share: number | null; days: number | null }

/** Everything the figures of products need, read once. */
type Facts = {
  days: string[]
  /** Start of each day and the end of the last, in epoch seconds. */
  bounds: number[]
  sold: Sold[]
  articles: Map<string, Article>
  parts: Part[]
  spans: Map<string, Span>
  viewed: Map<string, { day: number; views: number }[]>
  since: string | null
}

const place = (sku: string, outlet: string) => `${sku}\u0000${outlet}`

async function factsOf(database: Database, history: History, scope: ProductScope, by: By): Promise<Facts> {
  const { period, timeZone, currency, soldVia } = scope
  const [sold, viewed, boundaries, [first], stores] = await Promise.all([
    database.rows<Sold>`
      select line.sku, case when purchase.channel = 'store' then coalesce(purchase.place, '') else ${online} end as outlet,
        to_char(purchase.at at time zone ${timeZone}, 'YYYY-MM-DD') as day, sum(line.quantity)::int as units,
        sum(line.quantity::bigint * line.quantity)::float8 as squares, count(distinct purchase.id)::int as orders,
        coalesce(sum(line.total) filter (where purchase.currency = ${currency}), 0)::float8 as revenue
      from commerce.purchase join commerce.purchase_line as line on line.purchase = purchase.id
      where purchase.at >= ${period.from}::date::timestamp at time zone ${timeZone}
        and purchase.at < (${period.to}::date + 1)::timestamp at time zone ${timeZone}
        and purchase.cancelled_at is null and line.sku is not null and line.quantity > 0
        and (${soldVia ?? ''} = '' or purchase.channel = ${soldVia ?? ''})
      group by 1, 2, 3`,
    soldVia === 'store'
      ? Promise.resolve([])
      : history.rows<Viewed>`
          select sku, toString(toDate(at, ${timeZone})) as day, count() as views from (
            select at, arrayJoin(sku) as sku, flags from ingest.event
            where name = 'Product Viewed' and not has(flags, 'bot')
              and at >= toDateTime(${period.from}, ${timeZone}) and at < toDateTime(${period.to}, ${timeZone}) + interval 1 day
            limit 1 by id
          ) where sku != '' group by sku, day`,
    database.rows<{ at: number }>`
      select extract(epoch from day::timestamp at time zone ${timeZone})::float8 as at
      from generate_series(${period.from}::date, ${period.to}::date + 1, interval '1 day') as day order by 1`,
    history.rows<{ since: string; known: number }>`select min(at) as since, count() as known from measurement.stock`,
    database.rows<{ place: string }>`
      select place from commerce.place where kind = 'store'
      union select distinct place from commerce.purchase where channel = 'store' and place is not null`,
  ])
  const wanted = [...new Set([...sold.map(({ sku }) => sku), ...viewed.map(({ sku }) => sku)])]
  const days: string[] = []
  for (let day = period.from; day <= period.to; day = addDays(day, 1)) days.push(day)
  const bounds = boundaries.map(({ at }) => at)
  const now = Math.min(bounds.at(-1) as number, scope.now.getTime() / 1000)
  const [articles, spans] = await Promise.all([
    articlesOf(database, wanted, by),
    spansOf(history, new Set(stores.map((store) => store.place)), new Set(wanted), [bounds[0] as number, now]),
  ])
  const at = new Map(days.map((day, index) => [day, index]))
  const demand = demandOf(sold, days, at)
  const parts = [...Map.groupBy(sold, (row) => place(row.sku, row.outlet)).values()].map((rows): Part => {
    const { sku, outlet } = rows[0] as Sold
    const units = rows.reduce((sum, row) => sum + row.units, 0)
    const squares = rows.reduce((sum, row) => sum + row.squares, 0)
    return {
      sku,
      outlet,
      units,
      squares,
      ...met(spans.get(place(sku, outlet)), othersDemand(demand.get(outlet) ?? [], rows, at), bounds),
    }
  })
  const views = Map.groupBy(
    viewed.map(({ sku, day, views: count }) => ({ sku, day: at.get(day) ?? 0, views: Number(count) })),
    ({ sku }) => sku,
  )
  return {
    days,
    bounds,
    sold,
    articles,
    parts,
    spans,
    viewed: views,
    since: Number(first?.known ?? 0) === 0 ? null : (first?.since ?? null),
  }
}

/** Units that each outlet sold per day: what a day in stock there is worth. */
function demandOf(sold: Sold[], days: string[], at: Map<string, number>): Map<string, number[]> {
  const demand = new Map<string, number[]>()
  for (const { outlet, day, units } of sold) {
    const own = demand.get(outlet) ?? days.map(() => 0)
    const index = at.get(day)
    if (index !== undefined) own[index] = (own[index] as number) + units
    demand.set(outlet, own)
  }
  return demand
}

/** What the outlet sold of everything else: its own stock-outs must not make an article's missing days look quiet. */
function othersDemand(demand: number[], own: Sold[], dayAt: Map<string, number>): number[] {
  const others = [...demand]
  for (const { day, units } of own) {
    const index = dayAt.get(day) ?? 0
    others[index] = (others[index] as number) - units
  }
  return others.some((units) => units > 0) ? others : demand.map(() => 1)
}

/** The share of the outlet's demand that found the article in stock, over the time for which that is known. */
function met(
  span: Span | undefined,
  demand: number[],
  bounds: number[],
): { share: number | null; days: number | null } {
  if (span === undefined) return { share: null, days: null }
  const until = demandUntil(demand, bounds)
  const from = Math.max(bounds[0] as number, span.since)
  const end = bounds.at(-1) as number
  const known = until(end) - until(from)
  if (known <= 0 || known < enoughHistory * until(end)) return { share: null, days: null }
  const stocked = span.stocked.reduce((sum, [begins, ends]) => sum + until(ends) - until(begins), 0)
  const seconds = span.stocked.reduce((sum, [begins, ends]) => sum + ends - begins, 0)
  return { share: Math.min(1, stocked / known), days: ((bounds.length - 1) * seconds) / (end - from) }
}

/** Demand of the outlet up to an instant; inside a day it comes evenly. */
function demandUntil(demand: number[], bounds: number[]): (at: number) => number {
  const before = [0]
  for (const units of demand) before.push((before.at(-1) as number) + units)
  return (at) => {
    if (at <= (bounds[0] as number)) return 0
    let [low, high] = [0, demand.length]
    while (low + 1 < high) {
      const middle = (low + high) >> 1
      if ((bounds[middle] as number) <= at) low = middle
      else high = middle
    }
    if (at >= (bounds[demand.length] as number)) return before.at(-1) as number
    const [start, stop] = [bounds[low] as number, bounds[low + 1] as number]
    return (before[low] as number) + ((at - start) / (stop - start)) * (demand[low] as number)
  }
}

async function articlesOf(database: Database, skus: string[], by: By): Promise<Map<string, Article>> {
  const rows = await database.rows<Article & { key: string | null }>`
    select wanted.sku, coalesce(product.name, wanted.sku) as name, product.brand, product.category,
      coalesce(nullif(concat_ws(' ', product.colour, product.size), ''), wanted.sku) as of,
      ${
        by === 'article'
          ? database.part`wanted.sku`
          : by === 'product'
            ? database.part`coalesce(product.product_no, wanted.sku)`
            : by === 'brand'
              ? database.part`coalesce(product.brand, '')`
              : database.part`coalesce(product.category, '')`
      } as key
    from unnest(${skus}::text[]) as wanted(sku) left join commerce.product on product.sku = wanted.sku`
  return new Map(rows.map((row) => [row.sku, row]))
}

/**
 * When each article could be had in each outlet. A report holds until the next one; shop and app sell from the places
 * that are no store, or from all where every place is one.
 */
async function spansOf(
  history: History,
  stores: Set<string>,
  wanted: Set<string>,
  [starts, stops]: [number, number],
): Promise<Map<string, Span>> {
  const rows = await history.rows<{ sku: string; place: string; since: number; changes: [number, number][] }>`
    select sku, toString(place) as place, reports[1].1 as since,
      arrayFilter((report, before) -> report.2 != before, reports, arrayPushFront(arrayPopBack(arrayMap(r -> r.2, reports)), 2)) as changes
    from (
      select sku, place, arraySort(groupArray((toFloat64(at), toUInt8(on_hand > 0)))) as reports
      from measurement.stock final where at < fromUnixTimestamp64Milli(toInt64(${Math.round(stops * 1000)}))
      group by sku, place
    )`
  const everyPlaceSells = rows.every(({ place: where }) => stores.has(where))
  const spans = new Map<string, Span>()
  const add = (sku: string, outlet: string, since: number, stocked: [number, number][]) => {
    const known = spans.get(place(sku, outlet))
    spans.set(place(sku, outlet), {
      sku,
      outlet,
      since: Math.min(since, known?.since ?? since),
      stocked: known === undefined ? stocked : united([...known.stocked, ...stocked]),
    })
  }
  for (const { sku, place: where, since, changes } of rows) {
    if (!wanted.has(sku)) continue
    const stocked = changes.flatMap(([from, there], index): [number, number][] => {
      const until = Math.min(stops, changes[index + 1]?.[0] ?? stops)
      return there === 1 && until > starts ? [[Math.max(starts, from), until]] : []
    })
    if (stores.has(where)) add(sku, where, since, stocked)
    if (!stores.has(where) || everyPlaceSells) add(sku, online, since, stocked)
  }
  return spans
}

/** Stretches of time that lie in any of the given ones, in order. */
function united(stretches: [number, number][]): [number, number][] {
  const joined: [number, number][] = []
  for (const [begins, ends] of stretches.sort((left, right) => left[0] - right[0])) {
    const last = joined.at(-1)
    if (last !== undefined && begins <= last[1]) last[1] = Math.max(last[1], ends)
    else joined.push([begins, ends])
  }
  return joined
}

type Demand = Pick<Row, 'share' | 'daysInStock' | 'corrected' | 'perDay' | 'missed'>

/** Parts with their stock history taken together; without enough of it there is no corrected figure. */
function demandIn(parts: Part[], days: number): Demand {
  const nothing = { share: null, daysInStock: null, corrected: null, perDay: null, missed: null }
  const units = parts.reduce((sum, part) => sum + part.units, 0)
  const known = parts.filter((part) => part.share !== null)
  if (known.length === 0 || known.reduce((sum, part) => sum + part.units, 0) < enoughHistory * units) return nothing
  const found = demandIfAvailable(
    parts.map((part): SoldWhileAvailable => ({ units: part.units, squares: part.squares, share: part.share ?? 1 })),
  )
  if (found === null || found.corrected === 0) return nothing
  const { corrected: value, low, high } = found
  const share = units / value
  return {
    share,
    daysInStock: days * share,
    corrected: { value, low, high },
    perDay: { value: value / days, low: low / days, high: high / days },
    missed: value - units,
  }
}

/** Views of articles by whether they could be bought online at that time. */
function viewsIn(facts: Facts, skus: string[]): { views: number; soldOut: number | null; perDay: number | null } {
  let [views, inStock, soldOut, stockDays, known] = [0, 0, 0, 0, 0]
  for (const sku of skus) {
    const rows = facts.viewed.get(sku)
    if (rows === undefined) continue
    const own = rows.reduce((sum, row) => sum + row.views, 0)
    views += own
    const share = stockedByDay(facts.spans.get(place(sku, online)), facts.bounds)
    if (share === null) continue
    known += own
    stockDays += share.reduce((sum, part) => sum + part, 0)
    for (const row of rows) {
      const there = share[row.day] ?? 0
      inStock += row.views * there
      soldOut += row.views * (1 - there)
    }
  }
  const told = known >= enoughHistory * views && known > 0
  return {
    views,
    soldOut: told ? Math.round(soldOut) : null,
    perDay: told && stockDays >= 1 ? inStock / stockDays : null,
  }
}

/** Part of each day on which the article was there; null without history. */
function stockedByDay(span: Span | undefined, bounds: number[]): number[] | null {
  if (span === undefined || span.since > (bounds[0] as number) + 86_400) return null
  const seconds = bounds.slice(1).map(() => 0)
  let day = 0
  for (const [begins, ends] of span.stocked) {
    while (day > 0 && (bounds[day] as number) > begins) day--
    while (day < seconds.length && (bounds[day + 1] as number) <= begins) day++
    for (; day < seconds.length && (bounds[day] as number) < ends; day++)
      seconds[day] =
        (seconds[day] as number) + Math.min(ends, bounds[day + 1] as number) - Math.max(begins, bounds[day] as number)
  }
  return seconds.map((part, index) => part / ((bounds[index + 1] as number) - (bounds[index] as number)))
}

/** Products by what people wanted: sold and looked at, corrected for the time they could not be had. */
export async function productRows(
  database: Database,
  history: History,
  scope: ProductScope,
  by: By,
): Promise<Pick<ProductsAnswer, 'rows' | 'days' | 'stock'>> {
  const facts = await factsOf(database, history, scope, by)
  const parts = Map.groupBy(facts.parts, (part) => facts.articles.get(part.sku)?.key ?? part.sku)
  const sold = Map.groupBy(facts.sold, (row) => facts.articles.get(row.sku)?.key ?? row.sku)
  const rows = [...Map.groupBy(facts.articles.values(), (article) => article.key)].map(([key, articles]): Row => {
    const sales = sold.get(key) ?? []
    const seen = viewsIn(
      facts,
      articles.map(({ sku }) => sku),
    )
    const one = articles[0] as Article
    return {
      key,
      name: by === 'brand' || by === 'category' ? key : one.name,
      of: by === 'article' ? one.of : null,
      brand: by === 'category' ? null : one.brand,
      category: by === 'brand' ? null : one.category,
      articles: articles.length,
      units: sales.reduce((sum, row) => sum + row.units, 0),
      orders: sales.reduce((sum, row) => sum + row.orders, 0),
      revenue: Math.round(sales.reduce((sum, row) => sum + row.revenue, 0)),
      views: seen.views,
      viewsSoldOut: seen.soldOut,
      viewsPerDay: seen.perDay,
      ...demandIn(parts.get(key) ?? [], facts.days.length),
      rankSold: 0,
      rank: 0,
    }
  })
  const ranked = (figure: (row: Row) => number): Map<string, number> =>
    new Map(
      [...rows]
        .sort(
          (left, right) => figure(right) - figure(left) || right.views - left.views || (left.key < right.key ? -1 : 1),
        )
        .map((row, index) => [row.key, index + 1]),
    )
  const bySold = ranked((row) => row.units)
  const byWanted = ranked((row) => row.corrected?.value ?? row.units)
  const withHistory = new Set([...facts.spans.values()].map(({ sku }) => sku))
  return {
    days: facts.days.length,
    stock: {
      since: facts.since,
      articles: [...facts.articles.keys()].filter((sku) => withHistory.has(sku)).length,
      ofArticles: facts.articles.size,
      corrected: rows.filter((row) => row.corrected !== null).length,
    },
    rows: rows
      .map((row) => ({ ...row, rankSold: bySold.get(row.key) ?? 0, rank: byWanted.get(row.key) ?? 0 }))
      .sort((left, right) => left.rank - right.rank),
  }
}

/** One product taken apart: its articles, the places that sell it, and its weeks. */
export async function productParts(
  database: Database,
  history: History,
  scope: ProductScope,
  by: By,
  key: string,
): Promise<Omit<Detail, 'note' | 'period'>> {
  const facts = await factsOf(database, history, scope, by)
  const skus = new Set([...facts.articles.values()].filter((article) => article.key === key).map(({ sku }) => sku))
  const parts = facts.parts.filter(({ sku }) => skus.has(sku))
  const sold = facts.sold.filter(({ sku }) => skus.has(sku))
  const names = await database.rows<{ place: string; name: string | null }>`
    select place, name from commerce.place where place = any(${[...new Set(parts.map(({ outlet }) => outlet))]}::text[])`
  const whole = facts.days.length
  const soldOn = Map.groupBy(sold, ({ day }) => day)
  const views = facts.days.map(() => 0)
  for (const sku of skus)
    for (const row of facts.viewed.get(sku) ?? []) views[row.day] = (views[row.day] as number) + row.views
  const stocked = [...facts.spans.values()]
    .filter(({ sku }) => skus.has(sku))
    .map((span) => stockedByDay(span, facts.bounds))
    .filter((share) => share !== null)
  const unitsOf = (rows: { units: number }[]) => rows.reduce((sum, row) => sum + row.units, 0)
  const byUnits = (left: { units: number }, right: { units: number }) => right.units - left.units
  return {
    places: [...Map.groupBy(parts, ({ outlet }) => outlet)]
      .map(([outlet, rows]) => ({
        place: outlet,
        name: outlet === online ? null : (names.find((one) => one.place === outlet)?.name ?? outlet),
        units: unitsOf(rows),
        ...demandIn(rows, whole),
      }))
      .sort(byUnits),
    articles: [...skus]
      .map((sku) => {
        const rows = parts.filter((part) => part.sku === sku)
        const { views, soldOut } = viewsIn(facts, [sku])
        return {
          sku,
          of: facts.articles.get(sku)?.of ?? sku,
          units: unitsOf(rows),
          views,
          viewsSoldOut: soldOut,
          ...demandIn(rows, whole),
        }
      })
      .sort(byUnits),
    days: facts.days.map((day, index) => ({
      day,
      units: unitsOf(soldOn.get(day) ?? []),
      views: views[index] as number,
      share:
        stocked.length === 0 ? null : stocked.reduce((sum, own) => sum + (own[index] as number), 0) / stocked.length,
    })),
  }
}
