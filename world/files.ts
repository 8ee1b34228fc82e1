import type { ImportKind, ImportMapping } from '@einklang/contract'
import { day, localDate } from './calendar.ts'
import type { Setting } from './setting.ts'

/** One file of the world: where it lies, which source it stands for, and how it is read. */
export type FileSpec = {
  index: number
  root: 'product' | 'truth' | 'work'
  path: string
  source: string
  /** Kind of import, or what else it is. */
  kind: ImportKind | 'events' | 'movements' | 'truth' | 'work'
  header: string | null
  latin1: boolean
  mapping: ImportMapping | null
  /** Period covered: first and last local day. */
  period: { from: string; until: string } | null
}

export type Files = {
  list: FileSpec[]
  web: number[]
  app: number[]
  live: { web: number; app: number }
  /** Per store: one file per month. */
  till: number[][]
  doubled: Map<number, number>
  orders: number[]
  customers: number
  loyalty: number
  newsletter: number
  crm: number
  catalogue: number
  email: number[]
  sms: number
  push: number
  letter: number
  spendGerman: number
  spendEnglish: number
  products: number
  prices: number
  places: number
  stockOpening: number
  stockWeeks: number[]
  stockDays: number[]
  stockFull: number
  movements: number[]
  /** Movements on their way to the stock simulation, in chunks of models. */
  sales: number[]
  truth: { [name in TruthName]: number }
  monthOf: (dayIndex: number) => number
}

export const truthNames = [
  'identity',
  'defects',
  'incremental_by_channel_week_geo',
  'response_curves',
  'optimal_budget',
  'cate',
  'clv_future',
  'stock_true',
  'preferred_channel_hour',
  'bots',
  'unification_effects',
  'story',
  'edges',
  'canaries',
  'live_faults',
] as const
export type TruthName = (typeof truthNames)[number]

export const stockChunks = 8

const zone = 'Europe/Berlin'
const tillColumns = {
  receipt_no: 'Bonnummer',
  at: 'Zeitpunkt',
  place: 'Filiale',
  line_no: 'Position',
  sku: 'Artikelnummer',
  name: 'Bezeichnung',
  quantity: 'Menge',
  unit_price: 'Einzelpreis',
  line_total: 'Positionswert',
  total: 'Bonsumme',
  currency: 'Währung',
  kind: 'Vorgang',
  original_no: 'Ursprungsbon',
  payment: 'Zahlart',
  loyalty_card: 'Kundenkarte',
  coupon: 'Gutschein',
  reason: 'Rückgabegrund',
}
const same = (names: string): { [field: string]: string } =>
  Object.fromEntries(names.split(' ').map((name) => [name, name]))

const loyaltyColumns = {
  customer_no: 'Kundennummer',
  loyalty_card: 'Kartennummer',
  first_name: 'Vorname',
  last_name: 'Nachname',
  birthday: 'Geburtsdatum',
  gender: 'Geschlecht',
  street: 'Straße',
  postal_code: 'PLZ',
  city: 'Ort',
  email: 'E-Mail',
  phone: 'Telefon',
  created_at: 'Angelegt am',
  updated_at: 'Geändert am',
  consent_email: 'Werbung E-Mail',
  consent_sms: 'Werbung SMS',
  consent_letter: 'Werbung Post',
  consent_at: 'Einwilligung am',
  consent_proof: 'Nachweis',
}
const newsletterColumns = {
  email: 'email',
  first_name: 'first_name',
  last_name: 'last_name',
  status: 'status',
  created_at: 'subscribed_at',
  updated_at: 'changed_at',
  language: 'language',
  consent_email: 'consent_email',
  consent_at: 'confirmed_at',
  consent_proof: 'double_opt_in',
}
const crmColumns = {
  customer_no: 'KundenNr',
  first_name: 'Vorname',
  last_name: 'Name',
  birthday: 'GebDatum',
  street: 'Strasse',
  postal_code: 'Plz',
  city: 'Ort',
  phone: 'Telefon',
  email: 'EMail',
  loyalty_card: 'Karte',
  created_at: 'Erfasst',
  consent_sms: 'SMS_erlaubt',
  consent_letter: 'Post_erlaubt',
  consent_at: 'Einwilligung_am',
  consent_proof: 'Beleg',
}
const catalogueColumns = {
  customer_no: 'Adressnummer',
  first_name: 'Vorname',
  last_name: 'Nachname',
  street: 'Strasse',
  postal_code: 'PLZ',
  city: 'Ort',
  country: 'Land',
  created_at: 'Aufgenommen',
  status: 'Status',
  consent_letter: 'Katalog',
}
const shopColumns = {
  customer_no: 'customerNumber',
  email: 'emailAddress',
  phone: 'phoneNumber',
  first_name: 'firstName',
  last_name: 'lastName',
  birthday: 'customFields.birthday',
  street: 'address.streetLine1',
  postal_code: 'address.postalCode',
  city: 'address.city',
  country: 'address.countryCode',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  consent_email: 'customFields.newsletter',
  consent_push: 'customFields.push',
  consent_sms: 'customFields.sms',
  consent_at: 'customFields.consentAt',
  consent_proof: 'customFields.consentProof',
}
const orderColumns = {
  order_no: 'code',
  at: 'orderPlacedAt',
  kind: 'kind',
  original_no: 'originalCode',
  email: 'customer.emailAddress',
  phone: 'customer.phoneNumber',
  customer_no: 'customer.customerNumber',
  first_name: 'customer.firstName',
  last_name: 'customer.lastName',
  street: 'shippingAddress.streetLine1',
  postal_code: 'shippingAddress.postalCode',
  city: 'shippingAddress.city',
  lines: 'lines',
  shipping: 'shipping',
  total: 'total',
  currency: 'currencyCode',
  coupon: 'couponCode',
  channel: 'channel',
  place: 'place',
  reason: 'reason',
}
/** Fields inside `lines[]` of an order are named as the import fields are: sku, name, quantity, unit_price, line_total. */
const messageNames =
  'message_id campaign email subject sent_at delivered_at opened_at machine_open clicked_at click_url bounced_at unsubscribed_at cell'
const smsNames = 'message_id campaign phone sent_at delivered_at clicked_at click_url cost currency'
const pushNames = 'message_id campaign push_token sent_at delivered_at opened_at'
const letterNames = 'message_id campaign customer_no cell sent_at delivered_at bounced_at cost currency'
const stockNames = 'sku place at on_hand'

const header = (columns: { [field: string]: string }, delimiter: string): string =>
  Object.values(columns).join(delimiter)

/** All files of a world, in a fixed order: the index of a file is what a row carries. */
export function createFiles(setting: Setting): Files {
  const list: FileSpec[] = []
  const { calendar } = setting
  const add = (spec: Partial<FileSpec> & { path: string; source: string; kind: FileSpec['kind'] }): number => {
    list.push({
      index: list.length,
      root: 'product',
      header: null,
      latin1: false,
      mapping: null,
      period: null,
      ...spec,
    })
    return list.length - 1
  }
  const date = (index: number): string =>
    localDate((calendar.midnight[Math.min(index, calendar.days)] as number) + day / 2)
  const past = (index: number): boolean => (calendar.midnight[index] as number) < setting.until
  const weekPeriod = (index: number): FileSpec['period'] => ({ from: date(index * 7), until: date(index * 7 + 6) })
  const weeks = Array.from({ length: setting.weeks }, (_, index) => index).filter((index) => past(index * 7))
  const months: { name: string; from: string; until: string }[] = []
  const monthByDay = new Int32Array(calendar.days + 1)
  for (let index = 0; index < calendar.days; index++) {
    const text = date(index)
    const name = text.slice(0, 7)
    if (months.at(-1)?.name !== name) months.push({ name, from: text, until: text })
    ;(months.at(-1) as { until: string }).until = text
    monthByDay[index] = months.length - 1
  }
  const pastMonths = months.filter((month) => month.from <= localDate(setting.until - 1))

  const places = add({
    path: 'master/places.csv',
    source: 'master',
    kind: 'places',
    header: 'place,name,kind,street,postal_code,city,latitude,longitude',
    mapping: {
      fields: same('place name kind street postal_code city latitude longitude'),
      delimiter: ',',
      decimal: '.',
    },
  })
  const products = add({
    path: 'master/products.csv',
    source: 'master',
    kind: 'products',
    header: 'sku,gtin,product_no,name,brand,category,colour,size,image_url,vat_rate,cost,currency',
    mapping: {
      fields: same('sku gtin product_no name brand category colour size image_url vat_rate cost currency'),
      delimiter: ',',
      decimal: '.',
    },
  })
  const prices = add({
    path: 'master/prices.csv',
    source: 'master',
    kind: 'prices',
    header: 'sku,channel,place,kind,amount,currency,valid_from,valid_to',
    mapping: {
      fields: same('sku channel place kind amount currency valid_from valid_to'),
      delimiter: ',',
      decimal: '.',
      dates: 'iso',
      timeZone: zone,
    },
  })
  const csv = (names: string): ImportMapping => ({
    fields: same(names),
    delimiter: ',',
    decimal: '.',
    dates: 'iso',
    timeZone: 'UTC',
  })
  const loyalty = add({
    path: 'loyalty.csv',
    source: 'loyalty',
    kind: 'customers',
    header: header(loyaltyColumns, ';'),
    mapping: { fields: loyaltyColumns, delimiter: ';', dates: 'german', timeZone: zone },
  })
  const newsletter = add({
    path: 'newsletter.csv',
    source: 'newsletter',
    kind: 'customers',
    header: header(newsletterColumns, ','),
    mapping: { fields: newsletterColumns, delimiter: ',', dates: 'iso', timeZone: 'UTC' },
  })
  const crm = add({
    path: 'crm.csv',
    source: 'crm',
    kind: 'customers',
    latin1: true,
    header: header(crmColumns, ';'),
    mapping: { fields: crmColumns, encoding: 'windows-1252', delimiter: ';', dates: 'german', timeZone: zone },
  })
  const catalogue = add({
    path: 'catalogue.csv',
    source: 'catalogue',
    kind: 'customers',
    header: header(catalogueColumns, ';'),
    mapping: { fields: catalogueColumns, delimiter: ';', dates: 'german', timeZone: zone },
  })
  const customers = add({
    path: 'shop/customers.ndjson',
    source: 'shop',
    kind: 'customers',
    mapping: { fields: shopColumns, dates: 'iso', timeZone: 'UTC' },
  })
  const orders = pastMonths.map((month) =>
    add({
      path: `shop/orders_${month.name}.ndjson`,
      source: 'shop',
      kind: 'orders',
      period: { from: month.from, until: month.until },
      mapping: { fields: orderColumns, decimal: '.', dates: 'iso', timeZone: 'UTC' },
    }),
  )
  const doubled = new Map<number, number>()
  const till = setting.stores.map((store) =>
    pastMonths.map((month, at) => {
      const mapping: ImportMapping = {
        fields: tillColumns,
        encoding: store.windows1252 ? 'windows-1252' : 'utf-8',
        delimiter: ';',
        decimal: ',',
        dates: 'german',
        timeZone: zone,
      }
      const spec = {
        source: 'till',
        kind: 'receipts' as const,
        latin1: store.windows1252,
        header: header(tillColumns, ';'),
        mapping,
        period: { from: month.from, until: month.until },
      }
      const index = add({ path: `till/${store.code}/${month.name}.csv`, ...spec })
      // Some files are delivered twice under another name.
      if (setting.weeks > 20 && (at * 7 + store.index * 5) % 31 === 4)
        doubled.set(index, add({ path: `till/${store.code}/${month.name}_nachlieferung.csv`, ...spec }))
      return index
    }),
  )
  const email = pastMonths.map((month) =>
    add({
      path: `marketing/email_${month.name}.csv`,
      source: 'newsletter',
      kind: 'messages',
      header: messageNames.replaceAll(' ', ','),
      period: { from: month.from, until: month.until },
      mapping: { ...csv(messageNames), constants: { channel: 'email' } },
    }),
  )
  const sms = add({
    path: 'marketing/sms.csv',
    source: 'sms',
    kind: 'messages',
    header: smsNames.replaceAll(' ', ','),
    mapping: { ...csv(smsNames), constants: { channel: 'sms' } },
  })
  const push = add({
    path: 'marketing/push.csv',
    source: 'app',
    kind: 'messages',
    header: pushNames.replaceAll(' ', ','),
    mapping: { ...csv(pushNames), constants: { channel: 'push' } },
  })
  const letter = add({
    path: 'marketing/letter.csv',
    source: 'print',
    kind: 'messages',
    header: letterNames.replaceAll(' ', ','),
    mapping: { ...csv(letterNames), constants: { channel: 'letter' } },
  })
  const germanSpend = {
    week: 'Kalenderwoche',
    channel: 'Kanal',
    campaign: 'Kampagne',
    geo: 'Region',
    amount: 'Kosten',
    currency: 'Währung',
    impressions: 'Kontakte',
  }
  const spendGerman = add({
    path: 'media/spend_klassisch.csv',
    source: 'ads',
    kind: 'spend',
    header: header(germanSpend, ';'),
    mapping: { fields: germanSpend, delimiter: ';', decimal: ',' },
  })
  const spendEnglish = add({
    path: 'media/spend_digital.csv',
    source: 'ads',
    kind: 'spend',
    header: 'week,channel,campaign,geo,amount,currency,impressions,clicks',
    mapping: {
      fields: same('week channel campaign geo amount currency impressions clicks'),
      delimiter: ',',
      decimal: '.',
    },
  })
  const stock = (path: string, period: FileSpec['period'] = null): number =>
    add({
      path,
      source: 'stock',
      kind: 'stock',
      period,
      header: stockNames.replaceAll(' ', ','),
      mapping: csv(stockNames),
    })
  const stockOpening = stock('stock/opening.csv')
  const stockWeeks = weeks.map((index) => stock(`stock/changes_${date(index * 7)}.csv`, weekPeriod(index)))
  const lastDay = Math.max(
    0,
    calendar.midnight.findLastIndex((at) => at <= setting.until - 1),
  )
  const stockDays = Array.from({ length: 7 }, (_, back) => lastDay - 6 + back)
    .filter((index) => index >= 0)
    .map((index) => stock(`stock/day_${date(index)}.csv`, { from: date(index), until: date(index) }))
  const stockFull = stock('stock/snapshot_latest.csv')
  const movements = pastMonths.map((month) =>
    add({
      path: `stock/movements_${month.name}.csv`,
      source: 'stock',
      kind: 'movements',
      header: 'sku,place,at,kind,quantity',
      period: { from: month.from, until: month.until },
    }),
  )
  const web = weeks.map((index) =>
    add({ path: `web/${date(index * 7)}.ndjson`, source: 'web', kind: 'events', period: weekPeriod(index) }),
  )
  const app = weeks.map((index) =>
    add({ path: `app/${date(index * 7)}.ndjson`, source: 'app', kind: 'events', period: weekPeriod(index) }),
  )
  const live = {
    web: add({ path: 'live/web.ndjson', source: 'web', kind: 'events' }),
    app: add({ path: 'live/app.ndjson', source: 'app', kind: 'events' }),
  }
  const sales = Array.from({ length: stockChunks }, (_, chunk) =>
    add({ root: 'work', path: `sales_${chunk}`, source: 'work', kind: 'work' }),
  )
  const truth = Object.fromEntries(
    truthNames.map((name) => [name, add({ root: 'truth', path: `${name}.ndjson`, source: 'truth', kind: 'truth' })]),
  ) as Files['truth']
  return {
    list,
    web,
    app,
    live,
    till,
    doubled,
    orders,
    customers,
    loyalty,
    newsletter,
    crm,
    catalogue,
    email,
    sms,
    push,
    letter,
    spendGerman,
    spendEnglish,
    products,
    prices,
    places,
    stockOpening,
    stockWeeks,
    stockDays,
    stockFull,
    movements,
    sales,
    truth,
    monthOf: (dayIndex) => monthByDay[Math.max(0, Math.min(calendar.days - 1, dayIndex))] as number,
  }
}
