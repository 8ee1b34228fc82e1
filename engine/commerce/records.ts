import { kept, toMinor } from '@einklang/contract'
import type { Clock, Database } from '@einklang/platform'
import type { RecordRow, Rejected, TakeRecords } from '#ingest'

type Read<Row> = Row | { reject: string }
type Fields = RecordRow['fields']

/** Reads every row, writes the good ones as one set, returns the others with their reason. */
function sink<Row extends object>(
  read: (fields: Fields) => Read<Row>,
  key: (row: Row) => string,
  write: (tx: Database, rows: Row[]) => Promise<void>,
): TakeRecords {
  return async (tx, records) => {
    const rejected: Rejected[] = []
    const good = new Map<string, Row>()
    for (const { row, fields } of records) {
      const result = read(fields)
      if ('reject' in result) rejected.push({ row, reason: result.reject })
      else good.set(key(result), result)
    }
    if (good.size > 0) await write(tx, [...good.values()])
    return rejected
  }
}

/** What was on hand of an article at a place at an instant. */
export type StockReport = { sku: string; place: string; onHand: number; asOf: string }
/** Hears of every report, old ones too, in the transaction of the import: who keeps their history is downstream. */
export type StockTold = (tx: Database, reports: StockReport[]) => Promise<void>

/** The record imports that commerce takes: master data, prices, stock and places. */
export function commerceRecords(clock: Clock, currency: string, stockTold?: StockTold) {
  return {
    products: sink(
      productOf,
      (row) => row.sku,
      (tx, rows) => writeProducts(tx, rows),
    ),
    prices: sink(
      (fields) => priceOf(fields, currency),
      (row) => [row.sku, row.channel, row.place, row.kind, row.validFrom].join('|'),
      (tx, rows) => writePrices(tx, clock, rows),
    ),
    stock: sink(
      stockOf,
      (row) => `${row.sku}|${row.place}|${row.asOf}`,
      async (tx, rows) => {
        await writeStock(tx, rows)
        await stockTold?.(tx, rows)
      },
    ),
    places: sink(placeOf, (row) => row.place, writePlaces),
  }
}

/** Why a row does not fit, in the words that ingest has for it. */
function no(code: string, fields: Fields, field: string): string {
  const given = textOf(fields, field)
  return given === null ? kept('missing', { field }) : kept(code, { field, given })
}

function textOf(fields: Fields, name: string): string | null {
  const text = fields[name]?.trim()
  return text ? text : null
}

/** `1.234,50`, `1234.5` and `€ 19,99` as a number; undefined = there, but no number. */
function decimalOf(text: string | null): number | null | undefined {
  if (text === null) return null
  const bare = text.replaceAll(/[\s€$]/g, '')
  const comma = bare.lastIndexOf(',')
  const point = bare.lastIndexOf('.')
  const plain = comma > point ? bare.replaceAll('.', '').replace(',', '.') : bare.replaceAll(',', '')
  const value = Number(plain)
  return plain !== '' && Number.isFinite(value) ? value : undefined
}

function instantOf(text: string | null): string | null | undefined {
  if (text === null) return null
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

type ProductRow = {
  sku: string
  gtin: string | null
  productNo: string | null
  name: string
  brand: string | null
  category: string | null
  colour: string | null
  size: string | null
  imageUrl: string | null
  vatRate: number | null
  cost: number | null
  currency: string | null
}

function productOf(fields: Fields): Read<ProductRow> {
  const sku = textOf(fields, 'sku')
  if (sku === null) return { reject: kept('missing', { field: 'sku' }) }
  const name = textOf(fields, 'name')
  if (name === null) return { reject: kept('missing', { field: 'name' }) }
  const gtin = textOf(fields, 'gtin')
  if (gtin !== null && !isGtin(gtin)) return { reject: kept('no_gtin', { given: gtin }) }
  const vatRate = decimalOf(textOf(fields, 'vat_rate')?.replace('%', '') ?? null)
  if (vatRate === undefined) return { reject: no('no_number', fields, 'vat_rate') }
  const cost = decimalOf(textOf(fields, 'cost'))
  if (cost === undefined) return { reject: no('no_amount', fields, 'cost') }
  const currency = textOf(fields, 'currency')
  return {
    sku,
    gtin: gtin === null ? null : gtin.padStart(14, '0'),
    productNo: textOf(fields, 'product_no'),
    name,
    brand: textOf(fields, 'brand'),
    category: textOf(fields, 'category'),
    colour: textOf(fields, 'colour'),
    size: textOf(fields, 'size'),
    imageUrl: textOf(fields, 'image_url'),
    vatRate,
    cost: cost === null ? null : toMinor(cost, currency ?? 'EUR').amount,
    currency,
  }
}

/** GTIN-8, -12, -13 or -14 with the right mod-10 digit (weights 3 and 1 from the right). */
export function isGtin(text: string): boolean {
  if (!/^(\d{8}|\d{12}|\d{13}|\d{14})$/.test(text) || /^0+$/.test(text)) return false
  const digits = text.split('').map(Number).toReversed()
  const sum = digits.slice(1).reduce((whole, digit, index) => whole + digit * (index % 2 === 0 ? 3 : 1), 0)
  return (10 - (sum % 10)) % 10 === digits[0]
}

async function writeProducts(tx: Database, rows: ProductRow[]): Promise<void> {
  await tx.run`
    insert into commerce.product (sku, gtin, product_no, name, brand, category, colour, size, image_url, vat_rate, cost,
      currency, updated_at)
    select r.sku, r.gtin, r."productNo", r.name, r.brand, r.category, r.colour, r.size, r."imageUrl", r."vatRate",
      r.cost, r.currency, platform.now()
    from jsonb_to_recordset(${tx.json(rows)}) as r(sku text, gtin text, "productNo" text, name text, brand text,
      category text, colour text, size text, "imageUrl" text, "vatRate" numeric, cost bigint, currency text)
    on conflict (sku) do update set gtin = coalesce(excluded.gtin, product.gtin),
      product_no = coalesce(excluded.product_no, product.product_no), name = excluded.name,
      brand = coalesce(excluded.brand, product.brand), category = coalesce(excluded.category, product.category),
      colour = coalesce(excluded.colour, product.colour), size = coalesce(excluded.size, product.size),
      image_url = coalesce(excluded.image_url, product.image_url), vat_rate = coalesce(excluded.vat_rate, product.vat_rate),
      cost = coalesce(excluded.cost, product.cost), currency = coalesce(excluded.currency, product.currency),
      updated_at = excluded.updated_at`
}

const priceChannels = new Set(['', 'web', 'app', 'store'])

type PriceRow = {
  sku: string
  channel: string
  place: string
  kind: string
  amount: number
  currency: string
  validFrom: string
  validTo: string | null
}

function priceOf(fields: Fields, houseCurrency: string): Read<PriceRow> {
  const sku = textOf(fields, 'sku')
  if (sku === null) return { reject: kept('missing', { field: 'sku' }) }
  const currency = textOf(fields, 'currency') ?? houseCurrency
  if (!/^[A-Z]{3}$/.test(currency)) return { reject: kept('no_currency', { given: currency }) }
  const decimal = decimalOf(textOf(fields, 'amount'))
  if (decimal === null || decimal === undefined) return { reject: no('no_amount', fields, 'amount') }
  if (decimal < 0 || decimal >= 1e12) return { reject: no('out_of_range', fields, 'amount') }
  const channel = textOf(fields, 'channel') ?? ''
  if (!priceChannels.has(channel))
    return { reject: kept('not_one_of', { field: 'channel', given: channel, known: 'web, app, store' }) }
  const validFrom = instantOf(textOf(fields, 'valid_from'))
  if (validFrom === null || validFrom === undefined) return { reject: no('no_instant', fields, 'valid_from') }
  const validTo = instantOf(textOf(fields, 'valid_to'))
  if (validTo === undefined) return { reject: no('no_instant', fields, 'valid_to') }
  if (validTo !== null && validTo <= validFrom) return { reject: kept('ends_first') }
  return {
    sku,
    channel,
    place: textOf(fields, 'place') ?? '',
    kind: textOf(fields, 'kind') ?? 'list',
    amount: toMinor(decimal, currency).amount,
    currency,
    validFrom,
    validTo,
  }
}

/** A price told again unchanged is no new entry; a changed one is a further row, known from now on. */
async function writePrices(tx: Database, clock: Clock, rows: PriceRow[]): Promise<void> {
  await tx.run`
    insert into commerce.price (sku, channel, place, kind, amount, currency, valid_from, valid_to, known_at)
    select r.sku, r.channel, r.place, r.kind, r.amount, r.currency, r."validFrom", r."validTo", ${clock.now()}
    from jsonb_to_recordset(${tx.json(rows)}) as r(sku text, channel text, place text, kind text, amount bigint,
      currency text, "validFrom" timestamptz, "validTo" timestamptz)
    left join lateral (select amount, currency, valid_to from commerce.price as known
      where known.sku = r.sku and known.channel = r.channel and known.place = r.place and known.kind = r.kind
        and known.valid_from = r."validFrom" order by known_at desc limit 1) as known on true
    where known.amount is distinct from r.amount or known.currency is distinct from r.currency
      or known.valid_to is distinct from r."validTo"
    on conflict (sku, channel, place, kind, valid_from, known_at) do update set
      amount = excluded.amount, currency = excluded.currency, valid_to = excluded.valid_to`
}

function stockOf(fields: Fields): Read<StockReport> {
  const sku = textOf(fields, 'sku')
  if (sku === null) return { reject: kept('missing', { field: 'sku' }) }
  const place = textOf(fields, 'place')
  if (place === null) return { reject: kept('missing', { field: 'place' }) }
  const onHand = decimalOf(textOf(fields, 'on_hand'))
  if (onHand === null || onHand === undefined || !Number.isInteger(onHand))
    return { reject: no('no_whole_number', fields, 'on_hand') }
  const asOf = instantOf(textOf(fields, 'at'))
  if (asOf === null || asOf === undefined) return { reject: no('no_instant', fields, 'at') }
  return { sku, place, onHand, asOf }
}

/** Only a newer report replaces an older one; late files change nothing. */
async function writeStock(tx: Database, rows: StockReport[]): Promise<void> {
  await tx.run`
    insert into commerce.stock (sku, place, on_hand, as_of)
    select distinct on (r.sku, r.place) r.sku, r.place, r."onHand", r."asOf"
    from jsonb_to_recordset(${tx.json(rows)}) as r(sku text, place text, "onHand" int, "asOf" timestamptz)
    order by r.sku, r.place, r."asOf" desc
    on conflict (sku, place) do update set on_hand = excluded.on_hand, as_of = excluded.as_of
    where excluded.as_of > stock.as_of`
}

type PlaceRow = {
  place: string
  name: string | null
  kind: string | null
  street: string | null
  postalCode: string | null
  city: string | null
  latitude: number | null
  longitude: number | null
}

function placeOf(fields: Fields): Read<PlaceRow> {
  const place = textOf(fields, 'place')
  if (place === null) return { reject: kept('missing', { field: 'place' }) }
  const latitude = decimalOf(textOf(fields, 'latitude'))
  const longitude = decimalOf(textOf(fields, 'longitude'))
  if (latitude === undefined || Math.abs(latitude ?? 0) > 90) return { reject: no('out_of_range', fields, 'latitude') }
  if (longitude === undefined || Math.abs(longitude ?? 0) > 180)
    return { reject: no('out_of_range', fields, 'longitude') }
  return {
    place,
    name: textOf(fields, 'name'),
    kind: textOf(fields, 'kind'),
    street: textOf(fields, 'street'),
    postalCode: textOf(fields, 'postal_code'),
    city: textOf(fields, 'city'),
    latitude,
    longitude,
  }
}

async function writePlaces(tx: Database, rows: PlaceRow[]): Promise<void> {
  await tx.run`
    insert into commerce.place (place, name, kind, street, postal_code, city, latitude, longitude, updated_at)
    select r.place, r.name, r.kind, r.street, r."postalCode", r.city, r.latitude, r.longitude, platform.now()
    from jsonb_to_recordset(${tx.json(rows)}) as r(place text, name text, kind text, street text, "postalCode" text,
      city text, latitude float8, longitude float8)
    on conflict (place) do update set name = coalesce(excluded.name, place.name),
      kind = coalesce(excluded.kind, place.kind), street = coalesce(excluded.street, place.street),
      postal_code = coalesce(excluded.postal_code, place.postal_code), city = coalesce(excluded.city, place.city),
      latitude = coalesce(excluded.latitude, place.latitude), longitude = coalesce(excluded.longitude, place.longitude),
      updated_at = excluded.updated_at`
}
