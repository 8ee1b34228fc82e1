/**
 * What `einklang import` understands. A file's columns are mapped to these fields; a mapping is
 * `{ field: 'column' }` plus options. Rows of one receipt or order may stand on several lines (one per article).
 *
 * Person-bearing kinds become events and take the path of every event; the others are records that their stage takes.
 */
export const importKinds = {
  /** Customer records of any source → identify. `customer_no` is namespaced by the source. */
  customers: [
    'customer_no',
    'email',
    'phone',
    'first_name',
    'last_name',
    'birthday',
    'gender',
    'street',
    'postal_code',
    'city',
    'country',
    'language',
    'loyalty_card',
    'created_at',
    'updated_at',
    'status',
    'consent_email',
    'consent_sms',
    'consent_push',
    'consent_letter',
    'consent_at',
    'consent_proof',
  ],
  /** Till receipts → Order Completed / Order Refunded with the store as affiliation. One row per line. */
  receipts: [
    'receipt_no',
    'at',
    'place',
    'line_no',
    'sku',
    'name',
    'quantity',
    'unit_price',
    'line_total',
    'total',
    'currency',
    'kind',
    'original_no',
    'payment',
    'loyalty_card',
    'customer_no',
    'email',
    'coupon',
    'reason',
  ],
  /** Web-shop orders and returns → Order Completed / Order Refunded. NDJSON with `lines[]`, or one row per line. */
  orders: [
    'order_no',
    'at',
    'kind',
    'original_no',
    'email',
    'phone',
    'customer_no',
    'first_name',
    'last_name',
    'street',
    'postal_code',
    'city',
    'lines',
    'line_no',
    'sku',
    'name',
    'quantity',
    'unit_price',
    'line_total',
    'shipping',
    'total',
    'currency',
    'coupon',
    'channel',
    'place',
    'reason',
  ],
  /** Per-recipient send report of a newsletter, SMS, push or letter tool → message.sent, .opened, .clicked … */
  messages: [
    'message_id',
    'campaign',
    'channel',
    'email',
    'phone',
    'customer_no',
    'push_token',
    'subject',
    'sent_at',
    'delivered_at',
    'opened_at',
    'machine_open',
    'clicked_at',
    'click_url',
    'bounced_at',
    'unsubscribed_at',
    'cost',
    'currency',
    'cell',
  ],
  /** Advertising spend → budget. */
  spend: ['day', 'week', 'channel', 'campaign', 'geo', 'amount', 'currency', 'impressions', 'clicks', 'reach'],
  products: [
    'sku',
    'gtin',
    'product_no',
    'name',
    'brand',
    'category',
    'colour',
    'size',
    'image_url',
    'vat_rate',
    'cost',
    'currency',
  ],
  prices: ['sku', 'channel', 'place', 'kind', 'amount', 'currency', 'valid_from', 'valid_to'],
  stock: ['sku', 'place', 'at', 'on_hand'],
  places: ['place', 'name', 'kind', 'street', 'postal_code', 'city', 'latitude', 'longitude'],
  // Exports of other products: their columns are known, further columns become traits, no mapping is needed.
  /** Braze: users as CSV. */
  'braze-attributes': [],
  /** Braze: custom events as CSV, properties as `<event>.properties.<name>`. */
  'braze-events': [],
  /** Braze: `{attributes[], events[], purchases[]}` as for `/users/track`, of any length. */
  'braze-json': [],
  /** Customer.io: people as CSV. */
  customerio: [],
  /** Klaviyo: profiles or suppressions as CSV, or JSON:API. */
  klaviyo: [],
  /** Mautic: contacts as CSV. */
  mautic: [],
  /** listmonk: subscribers as CSV, zipped or not. */
  listmonk: [],
} as const satisfies { [kind: string]: readonly string[] }

export type ImportKind = keyof typeof importKinds

/** Kinds whose columns are those of another product: they take no mapping of fields. */
export function isVendorKind(kind: ImportKind): boolean {
  return importKinds[kind].length === 0
}

/** How one file is read. Encoding and delimiter are detected when missing. */
export type ImportMapping = {
  /** Our field → the file's column (or JSON path with dots in NDJSON). */
  fields: { [field: string]: string }
  /** Fields with the same value in every row. */
  constants?: { [field: string]: string }
  encoding?: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'
  delimiter?: ',' | ';' | '\t' | '|'
  decimal?: '.' | ','
  /** Day-first German dates (`31.12.2025 14:05`) or ISO. */
  dates?: 'iso' | 'german'
  /** Zone of times without an offset. */
  timeZone?: string
}
