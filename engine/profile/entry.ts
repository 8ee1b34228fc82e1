import {
  type EventId,
  formatMoney,
  type JsonObject,
  type Money,
  type TouchChannel,
  touchChannels,
} from '@einklang/contract'
import type { TimelineEntry } from './index.ts'

/** One row of the event history as the timeline reads it. */
export type HistoryRow = {
  id: EventId
  at: string
  kind: string
  name: string
  channel: string
  source_name: string
  value: number
  currency: string
  campaign: string
  medium: string
  utm_source: string
  url: string
  message_id: string
  place: string
  order_no: string
  sku: string[]
  properties: string
  flags: string[]
  findings: string[]
}

export type Language = 'en' | 'de'
type Phrase = { en: string; de: string }

/** What an event is called for a reader. `{}` is filled with the subject: an article, an order number, a page. */
const phrases: { [event: string]: Phrase } = {
  'Products Searched': { en: 'Searched for {}', de: 'Suchte nach {}' },
  'Product List Viewed': { en: 'Looked at the list {}', de: 'Sah die Liste {} an' },
  'Product Viewed': { en: 'Looked at {}', de: 'Sah {} an' },
  'Product Clicked': { en: 'Clicked on {}', de: 'Klickte auf {}' },
  'Product Added': { en: 'Put {} into the cart', de: 'Legte {} in den Warenkorb' },
  'Product Removed': { en: 'Took {} out of the cart', de: 'Nahm {} aus dem Warenkorb' },
  'Cart Viewed': { en: 'Looked at the cart', de: 'Sah den Warenkorb an' },
  'Checkout Started': { en: 'Started the checkout', de: 'Begann die Bestellung' },
  'Order Completed': { en: 'Ordered ({})', de: 'Bestellte ({})' },
  'Order Refunded': { en: 'Returned goods of {}', de: 'Gab Ware aus {} zurück' },
  'Order Cancelled': { en: 'Cancelled {}', de: 'Stornierte {}' },
  'Product Added to Wishlist': { en: 'Put {} on the wish list', de: 'Setzte {} auf die Wunschliste' },
  'Product Reviewed': { en: 'Reviewed {}', de: 'Bewertete {}' },
  'Coupon Applied': { en: 'Used the coupon {}', de: 'Löste den Gutschein {} ein' },
  'Signed In': { en: 'Signed in', de: 'Meldete sich an' },
  'Signed Up': { en: 'Opened an account', de: 'Eröffnete ein Konto' },
  'message.sent': { en: 'We sent: {}', de: 'Wir sandten: {}' },
  'message.delivered': { en: 'Arrived: {}', de: 'Zugestellt: {}' },
  'message.opened': { en: 'Opened: {}', de: 'Öffnete: {}' },
  'message.clicked': { en: 'Clicked in: {}', de: 'Klickte in: {}' },
  'message.bounced': { en: 'Could not be delivered: {}', de: 'Unzustellbar: {}' },
  'message.unsubscribed': { en: 'Unsubscribed from: {}', de: 'Meldete sich ab von: {}' },
  'message.complained': { en: 'Marked as spam: {}', de: 'Als Spam gemeldet: {}' },
  'message.refused': { en: 'Refused by the provider: {}', de: 'Vom Anbieter abgelehnt: {}' },
  'conversation.received': { en: 'Wrote to us: {}', de: 'Schrieb uns: {}' },
  'consent.granted': { en: 'Gave permission for {}', de: 'Erlaubte {}' },
  'consent.withdrawn': { en: 'Took back permission for {}', de: 'Widerrief {}' },
  'experiment.assigned': { en: 'Drawn into the group {} of a test', de: 'In die Gruppe {} eines Tests gelost' },
  'Segment Consent Preference Updated': { en: 'Chose privacy settings', de: 'Wählte Datenschutz-Einstellungen' },
}
const inStore: Phrase = { en: 'Bought in the store ({})', de: 'Kaufte im Geschäft ({})' }
const kinds: { [kind: string]: Phrase } = {
  page: { en: 'Visited {}', de: 'Besuchte {}' },
  screen: { en: 'Opened the screen {}', de: 'Öffnete die Ansicht {}' },
  identify: { en: 'Told us who they are', de: 'Nannte die eigenen Angaben' },
  alias: { en: 'Was recognised', de: 'Wurde wiedererkannt' },
  group: { en: 'Was assigned to a group', de: 'Wurde einer Gruppe zugeordnet' },
}
const labels: { [label: string]: Phrase } = {
  articles: { en: 'Articles', de: 'Artikel' },
  order: { en: 'Number', de: 'Nummer' },
  amount: { en: 'Amount', de: 'Betrag' },
  store: { en: 'Store', de: 'Filiale' },
  coupon: { en: 'Coupon', de: 'Gutschein' },
  campaign: { en: 'Campaign', de: 'Kampagne' },
  came: { en: 'Came by', de: 'Kam über' },
  page: { en: 'Page', de: 'Seite' },
  machine: { en: 'Note', de: 'Hinweis' },
  reason: { en: 'Reason', de: 'Grund' },
}

/** A history row as a line that a marketer understands without knowing event names. */
export function entryOf(row: HistoryRow, language: Language): TimelineEntry {
  const properties = parsed(row.properties)
  const value = row.currency === '' ? null : { amount: row.value, currency: row.currency }
  return {
    id: row.id,
    at: row.at,
    kind: row.kind,
    name: row.name || null,
    channel: channelOf(row.channel),
    title: titleOf(row, properties, language),
    details: detailsOf(row, properties, value, language),
    sourceName: row.source_name || null,
    value,
    url: row.url || null,
    message: row.message_id || null,
    campaign: row.campaign || null,
    flags: row.flags,
    findings: row.findings,
  }
}

function channelOf(channel: string): TouchChannel {
  return touchChannels.find((known) => known === channel) ?? 'service'
}

function parsed(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

function titleOf(row: HistoryRow, properties: JsonObject, language: Language): string {
  const bought = row.name === 'Order Completed' && row.channel === 'store'
  const phrase = bought ? inStore : row.kind === 'track' ? phrases[row.name] : kinds[row.kind]
  if (phrase === undefined) return row.name || row.kind
  const subject = subjectOf(row, properties, language)
  // Without a subject the brackets and colons of the phrase have nothing to hold.
  const filled = phrase[language].replace('{}', subject)
  return subject === ''
    ? filled
        .replace(/\s*\(\)|:\s*$/, '')
        .replace(/ {2,}/g, ' ')
        .trim()
    : filled
}

function subjectOf(row: HistoryRow, properties: JsonObject, language: Language): string {
  const text = (name: string) => {
    const value = properties[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  if (row.kind === 'page' || row.kind === 'screen') return row.name || text('title') || pathOf(row.url)
  if (row.name.startsWith('message.')) return text('subject') || row.campaign || text('concept')
  if (row.name.startsWith('Order ')) return text('order_id') || row.order_no
  if (row.name.startsWith('conversation.')) return text('subject') || text('text').slice(0, 80)
  if (row.name.startsWith('consent.')) return [text('purpose'), text('channel')].filter(Boolean).join(' · ')
  if (row.name === 'Products Searched') return quoted(text('query'), language)
  if (row.name === 'experiment.assigned') return text('arm') && quoted(text('arm'), language)
  if (row.name.startsWith('Coupon')) return text('coupon_name') || text('coupon_id')
  return text('name') || text('category') || row.sku[0] || ''
}

function quoted(text: string, language: Language): string {
  return language === 'de' ? `„${text}“` : `“${text}”`
}

function pathOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]+/i, '').replace(/[?#].*$/, '') || url
}

type Detail = { label: string; value: string }

function detailsOf(row: HistoryRow, properties: JsonObject, value: Money | null, language: Language): Detail[] {
  const details: Detail[] = []
  const add = (label: string, text: string | null) => {
    if (text) details.push({ label: labels[label]?.[language] ?? label, value: text })
  }
  add('articles', articlesOf(properties))
  if (value !== null && value.amount !== 0) add('amount', formatMoney(value, language))
  if (!row.name.startsWith('Order ')) add('order', row.order_no)
  add('store', row.place)
  add('coupon', typeof properties.coupon === 'string' ? properties.coupon : null)
  add('campaign', row.campaign)
  add('came', [row.utm_source, row.medium].filter(Boolean).join(' / '))
  add('page', pathOf(row.url))
  add('reason', typeof properties.reason === 'string' ? properties.reason : null)
  if (properties.machine === true)
    add('machine', language === 'de' ? 'vermutlich maschinell geöffnet' : 'probably opened by a machine')
  return details
}

function articlesOf(properties: JsonObject): string | null {
  const products = properties.products
  if (!Array.isArray(products)) return null
  const lines = products.flatMap((product) => {
    if (typeof product !== 'object' || product === null || Array.isArray(product)) return []
    const name = product.name ?? product.sku ?? product.product_id
    const quantity = Number(product.quantity ?? 1)
    return name === undefined ? [] : [quantity === 1 ? String(name) : `${quantity} × ${String(name)}`]
  })
  const more = lines.length - 5
  return lines.slice(0, 5).join(', ') + (more > 0 ? ` … (+${more})` : '')
}
