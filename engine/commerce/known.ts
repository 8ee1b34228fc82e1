import type { Database } from '@einklang/platform'

type Asked = { skus: string[]; stores: string[] }
export type Known = {
  skus: Map<string, number | null> | null
  gtins: Map<string, string>
  stores: Set<string> | null
}

/** Articles by SKU, article number or GTIN, with GTIN and what they cost in the web shop now, and stores; null = no list is kept. */
export async function knownOf(database: Database, { skus, stores }: Asked): Promise<Known> {
  const [used] = await database.rows<{ products: boolean; places: boolean }>`
    select exists (select from commerce.product) as products, exists (select from commerce.place) as places`
  const known: Known = { skus: null, gtins: new Map(), stores: null }
  if (used?.products) known.skus = await pricesOf(database, skus, known.gtins)
  if (used?.places) {
    const rows =
      stores.length === 0
        ? []
        : await database.rows<{ place: string }>`select place from commerce.place where place = any(${stores})`
    known.stores = new Set(rows.map(({ place }) => place))
  }
  return known
}

type Priced = { value: string; price: number | null; gtin: string | null }

/** By SKU first; only what is no SKU is looked for among article numbers and GTINs, which have no index. */
async function pricesOf(
  database: Database,
  skus: string[],
  gtins: Map<string, string>,
): Promise<Map<string, number | null>> {
  const found: Priced[] =
    skus.length === 0
      ? []
      : await database.rows<Priced>`
          select p.sku as value, price.amount::float8 as price, p.gtin from commerce.product as p
          left join lateral (select amount from commerce.price_now as now
            where now.sku = p.sku and now.channel = 'web' offset 0) as price on true
          where p.sku = any(${skus})`
  const known = new Map(found.map(({ value, price }) => [value, price]))
  for (const { value, gtin } of found) if (gtin) gtins.set(value, gtin)
  const others = skus.filter((sku) => !known.has(sku))
  if (others.length === 0) return known
  const more = await database.rows<{ value: string }>`
    select product_no as value from commerce.product where product_no = any(${others})
    union select gtin from commerce.product where gtin = any(${others})`
  for (const { value } of more) known.set(value, null)
  return known
}

/** Where our stores are. */
export function storeAddresses(database: Database): Promise<{ street: string; postalCode: string }[]> {
  return database.rows<{ street: string; postalCode: string }>`
    select street, postal_code as "postalCode" from commerce.place
    where street <> '' and postal_code <> '' and kind is distinct from 'warehouse'`
}
