import type { api, Json, JsonObject } from '@einklang/contract'
import { type Dialect, filled, type Heard, objectOr, put, type Said, textOr } from './dialect.ts'
import { mapped, valueAt } from './mapping.ts'

type EventMapping = api.ingest.EventMapping

/** Signed webhooks of other systems: the door has checked the signature, a mapping says what they mean. */
export const webhookDialect: Dialect = {
  name: 'webhook',
  roots: ['api/ingest/webhooks'],
  routes: (parts) =>
    parts.length !== 4
      ? []
      : [
          {
            kind: 'take',
            method: 'POST',
            call: 'webhook',
            params: [parts[3] ?? ''],
            signed: true,
            body: 'any',
            document: (_, body) => formDocument(body),
            heads: (name) => told.has(name),
            answer: () => ({ status: 200, body: { success: true } }),
          },
        ],
  hear: (heard) => ({ said: [saidOf(heard)] }),
}

const told = new Set([
  'webhook-id',
  'svix-id',
  'webhook-timestamp',
  'svix-timestamp',
  'x-shopify-event-id',
  'x-shopify-webhook-id',
  'x-shopify-topic',
  'x-shopify-triggered-at',
  'x-wc-webhook-delivery-id',
  'x-wc-webhook-topic',
  'sw-context-language',
  'x-event-id',
  'x-event-type',
])

/** Some senders post a form; a few only ping with words of their own. */
function formDocument(body: string): Json {
  const document: JsonObject = {}
  for (const [name, value] of new URLSearchParams(body)) put(document, name, value)
  return document
}

function saidOf({ document, facts, source }: Heard): Said {
  const scheme = facts.webhook?.scheme ?? 'standard'
  const head = (name: string) => facts.heads?.[name]
  const body = objectOr(document) ?? { value: document }
  const naming = namings[scheme](body, head, facts.webhook ?? { scheme })
  const view = filled({ ...body })
  const message = { given: document, view, type: naming.type ?? '', id: naming.id ?? null, time: naming.time }
  return mapped(message, [...source.mappings, ...(brought[scheme] ?? [])])
}

type Naming = { id?: string | null; type?: string | null; time?: Json | undefined }
type Read = (body: JsonObject, head: (name: string) => string | undefined, webhook: api.ingest.Webhook) => Naming

/** Where each sender writes the id, the type and the time of what it says. */
const namings: { [scheme in api.ingest.WebhookScheme]: Read } = {
  standard: (body, head) => ({
    id: head('webhook-id') ?? head('svix-id') ?? null,
    type: textOr(body.type),
    time: body.timestamp,
  }),
  shopify: (body, head) => ({
    id: head('x-shopify-event-id') ?? head('x-shopify-webhook-id') ?? null,
    type: head('x-shopify-topic') ?? null,
    time: head('x-shopify-triggered-at') ?? body.updated_at ?? body.created_at,
  }),
  woocommerce: (body, head) => ({
    // One delivery id is used once; the version of the order tells repeats of a change apart from changes.
    id: head('x-wc-webhook-delivery-id') ?? null,
    type: head('x-wc-webhook-topic') ?? null,
    time: zoned(body.date_modified_gmt ?? body.date_created_gmt),
  }),
  shopware: (body) => ({
    id: textOr(valueAt(body, 'source.eventId')),
    type: textOr(valueAt(body, 'data.event')),
    time: body.timestamp,
  }),
  stripe: (body) => ({ id: textOr(body.id), type: textOr(body.type), time: body.created }),
  hmac: (body, head, { id, type }) => ({
    id: (id === undefined ? null : textOr(valueAt(body, id))) ?? head('x-event-id') ?? null,
    type: (type === undefined ? null : textOr(valueAt(body, type))) ?? head('x-event-type') ?? null,
    time: body.timestamp,
  }),
}

/** WooCommerce writes UTC without saying so. */
function zoned(time: Json | undefined): Json | undefined {
  return typeof time === 'string' && !/[zZ]|[+-]\d\d:?\d\d$/.test(time) ? `${time}Z` : time
}

const shopifyOrder = {
  // Refunds name the order by this id alone, so it is the number of the order everywhere.
  'properties.order_id': 'id',
  'properties.order_name': 'name',
  'properties.total': 'total_price',
  'properties.tax': 'total_tax',
  'properties.discount': 'total_discounts',
  'properties.shipping': 'total_shipping_price_set.shop_money.amount',
  'properties.currency': 'currency',
  'properties.products[].sku': 'line_items[].sku',
  'properties.products[].product_id': 'line_items[].product_id',
  'properties.products[].name': 'line_items[].title',
  'properties.products[].variant': 'line_items[].variant_title',
  'properties.products[].price': 'line_items[].price',
  'properties.products[].quantity': 'line_items[].quantity',
  timestamp: 'processed_at',
  userId: 'customer.id',
  'context.traits.email': 'email',
  'context.traits.phone': 'phone',
}
const wooOrder = {
  'properties.order_id': 'number',
  'properties.total': 'total',
  'properties.tax': 'total_tax',
  'properties.discount': 'discount_total',
  'properties.shipping': 'shipping_total',
  'properties.currency': 'currency',
  'properties.products[].sku': 'line_items[].sku',
  'properties.products[].product_id': 'line_items[].product_id',
  'properties.products[].name': 'line_items[].name',
  'properties.products[].price': 'line_items[].price',
  'properties.products[].quantity': 'line_items[].quantity',
  'context.traits.email': 'billing.email',
  'context.traits.phone': 'billing.phone',
}

/** What the shops' own messages mean; a mapping of the source stands before these. */
const brought: { [scheme in api.ingest.WebhookScheme]?: EventMapping[] } = {
  shopify: [
    { type: 'orders/create', call: 'track', event: 'Order Completed', fields: shopifyOrder },
    { type: 'orders/updated', call: 'track', event: 'Order Updated', fields: shopifyOrder },
    { type: 'orders/cancelled', call: 'track', event: 'Order Cancelled', fields: shopifyOrder },
    {
      type: 'refunds/create',
      call: 'track',
      event: 'Order Refunded',
      fields: {
        'properties.order_id': 'order_id',
        'properties.total': 'transactions.0.amount',
        'properties.currency': 'transactions.0.currency',
        'properties.products[].sku': 'refund_line_items[].line_item.sku',
        'properties.products[].quantity': 'refund_line_items[].quantity',
        'properties.products[].price': 'refund_line_items[].line_item.price',
      },
    },
    ...['customers/create', 'customers/update'].map(
      (type): EventMapping => ({
        type,
        call: 'identify',
        fields: {
          userId: 'id',
          'traits.email': 'email',
          'traits.phone': 'phone',
          'traits.firstName': 'first_name',
          'traits.lastName': 'last_name',
          'traits.city': 'default_address.city',
          'traits.country': 'default_address.country_code',
          'traits.postal_code': 'default_address.zip',
        },
      }),
    ),
  ],
  woocommerce: [
    {
      type: 'order.created',
      call: 'track',
      event: 'Order Completed',
      fields: { ...wooOrder, timestamp: 'date_created_gmt' },
    },
    { type: 'order.updated', call: 'track', event: 'Order Updated', fields: wooOrder },
    { type: 'order.deleted', call: 'track', event: 'Order Cancelled', fields: wooOrder },
    ...['customer.created', 'customer.updated'].map(
      (type): EventMapping => ({
        type,
        call: 'identify',
        fields: {
          userId: 'id',
          'traits.email': 'email',
          'traits.firstName': 'first_name',
          'traits.lastName': 'last_name',
          'traits.phone': 'billing.phone',
          'traits.city': 'billing.city',
          'traits.country': 'billing.country',
          'traits.postal_code': 'billing.postcode',
        },
      }),
    ),
  ],
  shopware: [
    {
      type: 'checkout.order.placed',
      call: 'track',
      event: 'Order Completed',
      fields: {
        'properties.order_id': 'data.payload.order.orderNumber',
        'properties.total': 'data.payload.order.amountTotal',
        'properties.shipping': 'data.payload.order.shippingTotal',
        'properties.currency': 'data.payload.order.currency.isoCode',
        'properties.products[].sku': 'data.payload.order.lineItems[].payload.productNumber',
        'properties.products[].name': 'data.payload.order.lineItems[].label',
        'properties.products[].price': 'data.payload.order.lineItems[].unitPrice',
        'properties.products[].quantity': 'data.payload.order.lineItems[].quantity',
        timestamp: 'data.payload.order.orderDateTime',
        'context.traits.email': 'data.payload.order.orderCustomer.email',
        userId: 'data.payload.order.orderCustomer.customerId',
      },
    },
    {
      type: 'checkout.customer.register',
      call: 'identify',
      fields: {
        userId: 'data.payload.customer.id',
        'traits.email': 'data.payload.customer.email',
        'traits.firstName': 'data.payload.customer.firstName',
        'traits.lastName': 'data.payload.customer.lastName',
      },
    },
  ],
}
