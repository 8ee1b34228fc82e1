import {
  type Channel,
  channels,
  type EventKind,
  type Identifier,
  type ImportKind,
  isVendorKind,
  type Json,
  type JsonObject,
  kept,
  type TouchChannel,
} from '@einklang/contract'
import { noWords, yesWords } from '../quality/apart.ts'
import { customerNamespace } from '../source.ts'
import type { CellReader } from './cells.ts'
import type { FieldRow, Unit } from './fields.ts'
import { Unfit } from './unfit.ts'
import { vendorDrafts } from './vendors.ts'

/** An event in the making; the runner adds ids, source and reception. */
export type Draft = {
  /** Row from which the id comes, and what tells several events of one row apart. */
  row: number
  part: string
  kind: EventKind
  name: string | null
  /** Null = the time of the import. */
  at: string | null
  channel: TouchChannel | null
  identifiers: Identifier[]
  traits: JsonObject
  properties: JsonObject
  /** Cells that say something nobody here understands. */
  lost?: Lost[]
}

/** `strip`: the value is not used; `flag`: it was taken for something else. */
export type Lost = { path: string; given: string; action: 'strip' | 'flag' }

export type Mapped = { drafts: Draft[] } | { rejects: { row: number; reason: string }[] }

export type MapFacts = { issuer: string; currency: string; reader: CellReader }

/** What the rows of a unit mean; pure. A receipt or order fits as a whole or not at all. */
export function mapUnit(kind: ImportKind, unit: Unit, facts: MapFacts): Mapped {
  try {
    if (isVendorKind(kind)) return { drafts: vendorDrafts(kind, unit.rows[0] as FieldRow, facts) }
    switch (kind) {
      case 'customers':
        return { drafts: [customer(unit.rows[0] as FieldRow, facts)] }
      case 'receipts':
        return { drafts: [receipt(unit, facts)] }
      case 'orders':
        return { drafts: order(unit, facts) }
      case 'messages':
        return { drafts: message(unit.rows[0] as FieldRow, facts) }
      default:
        throw new Unfit(unit.rows[0]?.row ?? 0, 'records_only', { kind })
    }
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    const others = unit.rows
      .filter((row) => row.row !== error.row)
      .map((row) => ({ row: row.row, reason: kept('together', { row: error.row }) }))
    return { rejects: [{ row: error.row, reason: error.message }, ...others] }
  }
}

function need(row: FieldRow, field: string): string {
  const value = row.fields[field]
  if (value === undefined) throw new Unfit(row.row, 'missing', { field })
  return value
}

function instant(row: FieldRow, field: string, facts: MapFacts): string | null {
  const text = row.fields[field]
  if (text === undefined) return null
  const read = facts.reader.instant(text)
  if (read === undefined) throw new Unfit(row.row, 'no_instant', { field, given: text })
  return read
}

function decimal(row: FieldRow, field: string, facts: MapFacts): number | null {
  const text = row.fields[field]
  if (text === undefined) return null
  const read = facts.reader.decimal(text)
  if (read === undefined) throw new Unfit(row.row, 'no_number', { field, given: text })
  return read
}

type Naming = { verified: readonly string[]; claimed?: readonly string[] }

/** `customer_no` is a number of the source's issuer; in reports of senders it may be anybody's (no issuer). */
function identifiers(row: FieldRow, facts: MapFacts, naming: Naming, anyIssuer = false): Identifier[] {
  const take = (trust: Identifier['trust']) => (field: string) => {
    const value = row.fields[field]
    if (value === undefined) return []
    const namespace = field !== 'customer_no' ? field : anyIssuer ? 'customer_no' : customerNamespace(facts.issuer)
    return [{ namespace, value, trust }]
  }
  return [...naming.verified.flatMap(take('verified')), ...(naming.claimed ?? []).flatMap(take('claimed'))]
}

// --- customers --------------------------------------------------------------------------------------------------------

const plainTraits = ['first_name', 'last_name', 'gender', 'language', 'status', 'consent_proof'] as const
const addressTraits = ['street', 'postal_code', 'city', 'country'] as const

function customer(row: FieldRow, facts: MapFacts): Draft {
  const who = identifiers(row, facts, { verified: ['customer_no', 'loyalty_card', 'email', 'phone'] })
  if (who.length === 0) throw new Unfit(row.row, 'names_nobody', { wanted: 'customer_no, loyalty_card, email, phone' })
  const traits: JsonObject = {}
  // Blank never overwrites: what is missing is not mentioned.
  for (const field of [...plainTraits, ...addressTraits])
    if (row.fields[field] !== undefined) traits[field] = row.fields[field]
  for (const field of ['email', 'phone', 'loyalty_card'] as const)
    if (row.fields[field] !== undefined) traits[field] = row.fields[field]
  if (row.fields.birthday !== undefined) {
    // An unreadable birthday is no reason to lose the customer; the check finds it and says so.
    traits.birthday = facts.reader.day(row.fields.birthday) ?? row.fields.birthday
  }
  const lost: Lost[] = []
  for (const channel of channels) {
    const answer = row.fields[`consent_${channel}`]
    if (answer === undefined) continue
    const word = answer.toLowerCase()
    if (yesWords.has(word) || noWords.has(word)) traits[`consent_${channel}`] = answer
    else lost.push({ path: `traits.consent_${channel}`, given: answer, action: 'strip' })
  }
  if (row.fields.consent_at !== undefined) {
    const consentAt = facts.reader.instant(row.fields.consent_at)
    if (consentAt !== undefined) traits.consent_at = consentAt
    else lost.push({ path: 'traits.consent_at', given: row.fields.consent_at, action: 'strip' })
  }
  const created = instant(row, 'created_at', facts)
  if (created !== null) traits.created_at = created
  const at = instant(row, 'updated_at', facts) ?? created
  return {
    row: row.row,
    part: '',
    kind: 'identify',
    name: null,
    at,
    channel: null,
    identifiers: who,
    traits,
    properties: {},
    ...(lost.length === 0 ? {} : { lost }),
  }
}

// --- receipts and orders ----------------------------------------------------------------------------------------------

const returnWords = /^(?:return|refund|returned|refunded|retoure|rückgabe|rueckgabe|gutschrift|r)$/i
const saleWords = /^(?:|sale|sold|verkauf|kauf|purchase|order|bestellung|auftrag|invoice|rechnung|completed|s|v)$/i
const cancelWords = /^(?:cancel|cancelled|canceled|cancellation|storno|stornierung|storniert)$/i

type Line = { sku: string | null; name: string | null; quantity: number; price: number | null; total: number | null }

function receipt(unit: Unit, facts: MapFacts): Draft {
  const head = unit.rows[0] as FieldRow
  const number = need(head, 'receipt_no')
  need(head, 'at')
  const at = instant(head, 'at', facts)
  const lines = unit.rows.flatMap((row) => lineOfRow(row, facts))
  const place = head.fields.place ?? null
  const word = head.fields.kind ?? ''
  const total = decimal(head, 'total', facts) ?? sumOf(lines)
  if (total === null) throw new Unfit(head.row, 'no_sum')
  const refund = returnWords.test(word) || cancelWords.test(word) || (word === '' && total < 0)
  if (!refund && total < 0) throw new Unfit(head.row, 'negative_sale', { total })
  const original = head.fields.original_no ?? null
  // Receipt numbers start anew in every store.
  const unique = (receiptNo: string) => (place === null ? receiptNo : `${place}/${receiptNo}`)
  const who = identifiers(head, facts, { verified: ['customer_no', 'loyalty_card'], claimed: ['email'] })
  who.push({ namespace: 'receipt_no', value: unique(number), trust: 'verified' })
  if (original !== null) who.push({ namespace: 'receipt_no', value: unique(original), trust: 'verified' })
  const properties: JsonObject = {
    order_id: refund ? (original ?? number) : number,
    receipt_no: number,
    ...(refund && original !== null ? { original_no: original } : {}),
    ...(place === null ? {} : { affiliation: place }),
    channel: 'store',
    total: Math.abs(total),
    currency: head.fields.currency?.toUpperCase() ?? facts.currency,
    products: lines.map((line) => productOf(line, refund)),
  }
  for (const field of ['coupon', 'payment', 'reason'] as const) {
    const value = unit.rows.map((row) => row.fields[field]).find((text) => text !== undefined)
    if (value !== undefined) properties[field] = value
  }
  return {
    ...sale(head, refund ? 'Order Refunded' : 'Order Completed', at),
    channel: 'store',
    identifiers: who,
    properties,
    ...lostWords([{ field: 'kind', given: word, known: refund || saleWords.test(word) }]),
  }
}

function order(unit: Unit, facts: MapFacts): Draft[] {
  const head = unit.rows[0] as FieldRow
  const number = need(head, 'order_no')
  need(head, 'at')
  const at = instant(head, 'at', facts)
  const lines = head.lines ? linesOfJson(head) : unit.rows.flatMap((row) => lineOfRow(row, facts))
  const word = head.fields.kind ?? ''
  const shipping = decimal(head, 'shipping', facts)
  const total = decimal(head, 'total', facts) ?? sumOf(lines, shipping ?? 0)
  const cancelled = cancelWords.test(word)
  const refund = !cancelled && (returnWords.test(word) || (word === '' && total !== null && total < 0))
  if (total === null && !cancelled) throw new Unfit(head.row, 'no_sum')
  if (total !== null && total < 0 && !refund && !cancelled) throw new Unfit(head.row, 'negative_sale', { total })
  const original = head.fields.original_no ?? null
  const concerned = refund || cancelled ? (original ?? number) : number
  const who = identifiers(head, facts, { verified: ['customer_no', 'email'], claimed: ['phone'] })
  who.push({ namespace: 'order_no', value: concerned, trust: 'verified' })
  const channel = touchOf(head.fields.channel)
  const properties: JsonObject = {
    order_id: concerned,
    ...(refund ? { return_no: number } : {}),
    ...(original === null ? {} : { original_no: original }),
    ...(head.fields.place === undefined ? {} : { affiliation: head.fields.place }),
    ...(channel === null ? {} : { channel }),
    ...(total === null ? {} : { total: Math.abs(total) }),
    ...(shipping === null ? {} : { shipping: Math.abs(shipping) }),
    currency: head.fields.currency?.toUpperCase() ?? facts.currency,
    products: lines.map((line) => productOf(line, refund)),
    shipping_address: pick(head, ['street', 'postal_code', 'city']),
  }
  if (head.fields.coupon !== undefined) properties.coupon = head.fields.coupon
  if (head.fields.reason !== undefined) properties.reason = head.fields.reason
  const name = cancelled ? 'Order Cancelled' : refund ? 'Order Refunded' : 'Order Completed'
  const touched = head.fields.channel ?? ''
  const bought: Draft = {
    ...sale(head, name, at),
    channel,
    identifiers: who,
    properties,
    ...lostWords([
      { field: 'kind', given: word, known: refund || cancelled || saleWords.test(word) },
      { field: 'channel', given: touched, known: touched === '' || channel !== null },
    ]),
  }
  const guest = name === 'Order Completed' && head.fields.customer_no === undefined && head.fields.email !== undefined
  const traits = pick(head, ['first_name', 'last_name', 'phone'])
  // A guest has no customer record; the order itself is where we learn the name.
  if (!guest || Object.keys(traits).length === 0) return [bought]
  const known: Draft = {
    ...sale(head, null, at),
    part: ':buyer',
    kind: 'identify',
    channel,
    identifiers: who.filter((one) => one.namespace === 'email'),
    traits: { ...traits, email: head.fields.email as string },
    properties: {},
  }
  return [known, bought]
}

/** Words that stand for something nobody here knows; the row counts as what it usually is. */
function lostWords(given: { field: string; given: string; known: boolean }[]): Pick<Draft, 'lost'> {
  const lost = given.flatMap((one) =>
    one.known ? [] : [{ path: `properties.${one.field}`, given: one.given, action: 'flag' as const }],
  )
  return lost.length === 0 ? {} : { lost }
}

function sale(
  head: FieldRow,
  name: string | null,
  at: string | null,
): Omit<Draft, 'channel' | 'identifiers' | 'properties'> {
  return { row: head.row, part: '', kind: 'track', name, at, traits: {} }
}

function pick(row: FieldRow, fields: string[]): JsonObject {
  return Object.fromEntries(
    fields.flatMap((field) => (row.fields[field] === undefined ? [] : [[field, row.fields[field] as string]])),
  )
}

function lineOfRow(row: FieldRow, facts: MapFacts): Line[] {
  const quantity = decimal(row, 'quantity', facts)
  const price = decimal(row, 'unit_price', facts)
  const total = decimal(row, 'line_total', facts)
  const sku = row.fields.sku ?? null
  if (sku === null && price === null && total === null) return []
  return [{ sku, name: row.fields.name ?? null, quantity: quantity ?? 1, price, total }]
}

function linesOfJson(row: FieldRow): Line[] {
  return (row.lines ?? []).map((line) => {
    if (line === null || typeof line !== 'object' || Array.isArray(line)) throw new Unfit(row.row, 'no_article')
    const number = (value: Json | undefined): number | null => {
      if (value === undefined || value === null || value === '') return null
      const read = Number(value)
      if (!Number.isFinite(read)) throw new Unfit(row.row, 'no_number', { field: 'lines', given: String(value) })
      return read
    }
    const text = (value: Json | undefined) =>
      typeof value === 'string' || typeof value === 'number' ? String(value) : null
    return {
      sku: text(line.sku),
      name: text(line.name),
      quantity: number(line.quantity) ?? 1,
      price: number(line.unit_price ?? line.price),
      total: number(line.line_total ?? line.total),
    }
  })
}

function productOf(line: Line, refund: boolean): JsonObject {
  const sign = (value: number) => (refund ? Math.abs(value) : value)
  const price = line.price ?? (line.total !== null && line.quantity !== 0 ? line.total / line.quantity : null)
  return {
    ...(line.sku === null ? {} : { sku: line.sku }),
    ...(line.name === null ? {} : { name: line.name }),
    quantity: sign(line.quantity),
    ...(price === null ? {} : { price: Math.round(Math.abs(price) * 10_000) / 10_000 }),
    ...(line.total === null ? {} : { total: sign(line.total) }),
  }
}

function sumOf(lines: Line[], more = 0): number | null {
  if (lines.length === 0) return null
  let sum = more
  for (const line of lines) {
    const total = line.total ?? (line.price === null ? null : line.price * line.quantity)
    if (total === null) return null
    sum += total
  }
  return Math.round(sum * 10_000) / 10_000
}

const touchWords: { [word: string]: TouchChannel } = {
  web: 'web',
  online: 'web',
  shop: 'web',
  webshop: 'web',
  app: 'app',
  mobile: 'app',
  store: 'store',
  filiale: 'store',
  kasse: 'store',
  pos: 'store',
  phone: 'phone',
  telefon: 'phone',
}

function touchOf(word: string | undefined): TouchChannel | null {
  return word === undefined ? null : (touchWords[word.toLowerCase()] ?? null)
}

// --- messages ---------------------------------------------------------------------------------------------------------

const channelWords: { [word: string]: Channel } = {
  email: 'email',
  'e-mail': 'email',
  mail: 'email',
  newsletter: 'email',
  sms: 'sms',
  push: 'push',
  letter: 'letter',
  print: 'letter',
  brief: 'letter',
  post: 'letter',
  mailing: 'letter',
  phone: 'phone',
  telefon: 'phone',
}

const steps = [
  ['opened_at', 'opened'],
  ['clicked_at', 'clicked'],
  ['bounced_at', 'bounced'],
  ['unsubscribed_at', 'unsubscribed'],
] as const

/** A line of a send report: what was sent, and what the recipient did with it. */
function message(row: FieldRow, facts: MapFacts): Draft[] {
  const id = need(row, 'message_id')
  const channel = channelWords[need(row, 'channel').toLowerCase()]
  if (channel === undefined)
    throw new Unfit(row.row, 'not_one_of', {
      field: 'channel',
      given: row.fields.channel ?? '',
      known: channels.join(', '),
    })
  need(row, 'sent_at')
  const who = identifiers(row, facts, { verified: ['email', 'phone', 'customer_no', 'push_token'] }, true)
  if (who.length === 0) throw new Unfit(row.row, 'names_nobody', { wanted: 'email, phone, customer_no, push_token' })
  const address = {
    email: row.fields.email,
    sms: row.fields.phone,
    phone: row.fields.phone,
    push: row.fields.push_token,
    letter: undefined,
  }[channel]
  const shared: JsonObject = {
    message_id: id,
    channel,
    ...(row.fields.campaign === undefined ? {} : { campaign: row.fields.campaign }),
    ...(row.fields.cell === undefined ? {} : { cell: row.fields.cell }),
    ...(address === undefined ? {} : { address }),
  }
  const base = { row: row.row, kind: 'track' as const, channel, identifiers: who, traits: {} }
  const delivered = instant(row, 'delivered_at', facts)
  const cost = decimal(row, 'cost', facts)
  const sent: Draft = {
    ...base,
    part: ':sent',
    name: 'message.sent',
    at: instant(row, 'sent_at', facts),
    properties: {
      ...shared,
      ...(row.fields.subject === undefined ? {} : { subject: row.fields.subject }),
      ...(delivered === null ? {} : { delivered_at: delivered }),
      ...(cost === null ? {} : { cost, currency: row.fields.currency?.toUpperCase() ?? facts.currency }),
    },
  }
  const drafts = [sent]
  for (const [field, step] of steps) {
    const at = instant(row, field, facts)
    if (at === null) continue
    const more: JsonObject =
      step === 'opened'
        ? { machine: /^(?:1|true|yes|ja|j|x)$/i.test(row.fields.machine_open ?? '') }
        : step === 'clicked' && row.fields.click_url !== undefined
          ? { url: row.fields.click_url }
          : {}
    drafts.push({ ...base, part: `:${step}`, name: `message.${step}`, at, properties: { ...shared, ...more } })
  }
  return drafts
}

// --- records ----------------------------------------------------------------------------------------------------------

const instants = new Set(['at', 'valid_from', 'valid_to'])
const days = new Set(['day'])
const numbers = new Set([
  'amount',
  'cost',
  'on_hand',
  'vat_rate',
  'impressions',
  'clicks',
  'reach',
  'latitude',
  'longitude',
])

/** Fields of a record in one spelling: ISO dates, decimal points; the stage that takes them knows no file formats. */
export function recordFields(row: FieldRow, reader: CellReader): { fields: FieldRow['fields'] } | { reason: string } {
  const fields: FieldRow['fields'] = {}
  for (const [field, text] of Object.entries(row.fields)) {
    const read = instants.has(field)
      ? reader.instant(text)
      : days.has(field)
        ? reader.day(text)
        : numbers.has(field)
          ? reader.decimal(text.replace(/%$/, ''))
          : text
    if (read === undefined)
      return { reason: kept(numbers.has(field) ? 'no_number' : 'no_date', { field, given: text }) }
    fields[field] = String(read)
  }
  return { fields }
}
