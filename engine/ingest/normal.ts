import { hash } from 'node:crypto'
import {
  type EventKind,
  type Identifier,
  type Json,
  type JsonObject,
  type NormalEvent,
  type Purpose,
  purposes,
  type TouchChannel,
  type Trust,
  touchChannels,
} from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { contentHash } from './content-hash.ts'
import {
  type Dialect,
  type DialectName,
  type Heard,
  isObject,
  objectOr,
  type Said,
  type Told,
} from './dialects/dialect.ts'
import { dialectNamed } from './dialects/index.ts'
import type { InboxRequest } from './frame.ts'
import type { Item, QuarantineCode, Reason, SourceFacts, Values } from './item.ts'
import { deepText, hasDuplicateKeys } from './json-text.ts'
import { moneyOf } from './money.ts'
import { type Mended, mend } from './quality/mend.ts'
import { customerNamespace } from './source.ts'
import { correctTime } from './time.ts'
import { consentStatement, eventName } from './vocabulary.ts'

const kinds = new Set(['identify', 'track', 'page', 'screen', 'group', 'alias'])
const deepest = 64
/** Holds an item as text in quarantine. */
export const deepField = '$json'
const flaggedSize = 64 * 1024
const largest = 256 * 1024
const publishableDays = 30

/**
 * What a request says, in normal form. Pure: the same request and source give the same items.
 * `row` and `first` name the inbox row and the request's first item index for items without an id of their own.
 */
export function itemsOf(request: InboxRequest, source: SourceFacts, row: number, first: number): Item[] {
  const dialect = dialectNamed(request.dialect ?? 'segment')
  const text = textOf(request.body)
  const document = JSON.parse(text) as Json
  const told = heardBy(dialect, { document, facts: request, source })
  const shared: Shared = {
    request,
    source,
    told,
    dialect: dialect.name,
    row,
    texts: textsOf(document, told.said),
    doubled: false,
    // One native search over the text saves a walk over every item.
    unclean: told.hidden === true || (text.includes('\\u') && escaped.test(text)) || text.includes('\ufffd'),
    received: iso(request.receivedAt),
    sent: null,
    mayBeDeep: told.hidden === true || (text.length > 2 * deepest && deeperThan(text, deepest)),
    deepAround: false,
  }
  shared.doubled = namesTwice(document, text, shared.texts)
  shared.deepAround =
    shared.mayBeDeep && [told.context, told.integrations, told.sentAt].some((one) => depthOf(one ?? null) > deepest)
  const items: Item[] = []
  told.said.forEach((said, at) => {
    if (request.part === undefined || request.part === said.part)
      items.push(adapt(said, shared, first + at, shared.texts?.[at] ?? null))
  })
  // What quarantine may ask for later holds on to the rest of the request, not to its bytes and texts.
  shared.texts = null
  shared.request = { ...request, body: nothing }
  return items
}

const nothing = Buffer.alloc(0)

/** NUL and half characters, written as escapes. */
const escaped = /\\u(?:0000|d[89a-f])/i

const tooDeep: Reason = {
  code: 'too_deep',
  path: '',
  message: `Nested deeper than ${deepest} levels.`,
  values: { levels: deepest },
}

function brokenBy(error: unknown): Reason {
  const message = String(error).slice(0, 300)
  return { code: 'poison', path: '', message, values: { error: message } }
}

/** An adapter that fails must not stop the line: what it could not read waits whole. */
function heardBy(dialect: Dialect, heard: Heard): Told {
  try {
    return dialect.hear(heard)
  } catch (error) {
    const reason: Reason = error instanceof RangeError ? tooDeep : brokenBy(error)
    return { said: [{ given: heard.document, item: {}, reason }] }
  }
}

/** A byte order mark is no part of what was said. */
export function textOf(body: Buffer): string {
  const text = body.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

type Shared = {
  request: InboxRequest
  source: SourceFacts
  told: Told
  dialect: DialectName
  row: number
  /** The items written again as JSON, where they are the document or its batch. */
  texts: string[] | null
  unclean: boolean
  doubled: boolean
  mayBeDeep: boolean
  /** What all items share is nested too deep to be read. */
  deepAround: boolean
  received: string
  /** The last time of sending as text: usually one for the whole batch. */
  sent: { at: number; text: string } | null
}

/** Each item is written again once: for its hash, and to see whether a key is named twice. */
function textsOf(document: Json, said: readonly Said[]): string[] | null {
  const items = isObject(document) && Array.isArray(document.batch) ? document.batch : [document]
  if (said.length !== items.length || said.some(({ item }, index) => item !== items[index])) return null
  try {
    return items.map((item) => JSON.stringify(item))
  } catch {
    // Too deep to be written; the item is refused for that.
    return null
  }
}

/** A key named twice shortens the text when it is written again; only then is a closer look worth its time. */
function namesTwice(document: Json, text: string, texts: string[] | null): boolean {
  try {
    return lengthOf(document, texts) < text.length && hasDuplicateKeys(text)
  } catch {
    return false
  }
}

function lengthOf(document: Json, texts: string[] | null): number {
  if (texts === null) return JSON.stringify(document).length
  const items = texts.reduce((sum, { length }) => sum + length, 0)
  if (!isObject(document) || !Array.isArray(document.batch)) return items
  return JSON.stringify({ ...document, batch: [] }).length + items + Math.max(0, texts.length - 1)
}

/** Cheap upper bound: brackets open at once anywhere in the text, strings included. */
function deeperThan(text: string, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 123 || code === 91) {
      if (++depth > limit) return true
    } else if (code === 125 || code === 93) depth--
  }
  return false
}

function adapt(said: Said, shared: Shared, index: number, text: string | null): Item {
  try {
    return adapted(said, shared, index, text)
  } catch (error) {
    // Nesting hidden from the quick look: serialising it runs out of stack.
    if (error instanceof RangeError) return refused(said, shared, index, tooDeep)
    return refused(said, shared, index, brokenBy(error))
  }
}

function adapted(said: Said, shared: Shared, index: number, text: string | null): Item {
  const { request, source } = shared
  const flags = [...(request.flags ?? []), ...(said.flags ?? [])]
  if (shared.doubled) flags.push('duplicate_key')
  let item = said.item
  if (shared.deepAround || (shared.mayBeDeep && (depthOf(item) > deepest || depthOf(said.given) > deepest)))
    return refused(said, shared, index, tooDeep)
  if (shared.unclean) item = cleaned(item, flags)
  if (!isObject(item))
    return refused(said, shared, index, {
      code: 'unparsable',
      path: '',
      message: 'An item must be an object.',
      word: 'no_object',
    })
  const repaired = repairedBy(item, shared)
  const read = repaired?.item ?? item
  const identity = itemIdentity({ given: item, text: item === said.item ? text : null }, read, shared, index, flags)
  if (repaired) item = repaired.item
  const heard = item
  const wait = (reasons: Reason[]) =>
    quarantined(said, shared, identity, reasons, heldOf(heard, said, shared, identity))
  const refuse = (code: QuarantineCode, path: string, message: string, values: Values, word: string = code) =>
    wait([{ code, path, message, word, values }])
  if (said.reason) return wait([said.reason])
  if (identity.size > largest)
    return refuse('event_too_large', '', `The item has ${identity.size} bytes; ${largest} are allowed.`, {
      bytes: identity.size,
      most: largest,
    })
  if (identity.size > flaggedSize) flags.push('large_event')

  const kind = kindOf(item, said.kind ?? null, flags)
  if (kind === null)
    return refuse(
      'unknown_type',
      'type',
      `“${String(item.type)}” is not one of identify, track, page, screen, group, alias.`,
      { value: String(item.type) },
    )
  const ids = readIds(item, shared)
  if ('reason' in ids) return wait([ids.reason])
  const missing = missingField(kind, item, ids, said.nameless === true)
  if (missing) return wait([missing])

  const time = correctTime({
    receivedAt: request.receivedAt,
    original: item.originalTimestamp ?? item.timestamp,
    sent: item.sentAt ?? shared.told.sentAt ?? request.sentAt,
    oldestDays: request.trust === 'publishable' ? publishableDays : source.oldestYears * 365.25,
  })
  if (time.tooOld) {
    if (request.trust === 'publishable') {
      const message = `Older than ${publishableDays} days (publishable key).`
      return refuse('too_old', 'timestamp', message, { days: publishableDays }, 'too_old_days')
    }
    const { oldestYears: years } = source
    return refuse('too_old', 'timestamp', `Older than ${years} years.`, { years })
  }
  for (const flag of time.flags) flags.push(flag)

  const context = contextOf(item, shared, flags)
  if (repaired) context.given = { ...objectOr(context.given), ...repaired.given }
  const server = speaksForMany(context, shared)
  const traits = traitsOf(item, kind, context, server, flags)
  const properties: JsonObject = { ...objectOr(item.properties) }
  const name = nameOf(kind, item)
  hideRecipient(properties, name)
  const money = moneyOf(properties, name, source.currency)
  if (money.reasons.length > 0) return wait(money.reasons)
  for (const flag of money.flags) flags.push(flag)
  if (money.minor) {
    properties.minor = money.minor
    if (money.currency && properties.currency !== money.currency) properties.currency = money.currency
  }
  const consent = kind === 'suppress' ? noUse : consentOf(context, source, name, flags, said.partialConsent === true)
  if (consent && 'unknown' in consent) {
    return refuse(
      'unknown_category',
      'context.consent.categoryPreferences',
      `The category “${consent.unknown}” is not mapped to a purpose of ours; map it in the source's settings.`,
      { value: consent.unknown },
    )
  }
  if (item.name !== undefined && (kind === 'page' || kind === 'screen') && typeof item.category === 'string') {
    properties.category ??= item.category
  }
  const originalAt = time.original === null ? null : isoOf(item.originalTimestamp ?? item.timestamp, time.original)
  const event: NormalEvent = {
    id: identity.id,
    source: source.id,
    messageId: identity.messageId,
    dialect: shared.dialect,
    library: libraryOf(context),
    kind: name === consentStatement ? 'consent' : kind,
    name,
    channel: channelOf(properties, context, source.channel, name),
    at: time.at === time.original ? (originalAt as string) : iso(time.at),
    originalAt,
    sentAt: sentText(shared, time.sent),
    receivedAt: shared.received,
    identifiers: identifiersOf({ kind, ids, traits, properties, context, server }, shared, flags),
    mayJoin: request.trust === 'secret',
    traits,
    properties,
    context,
    consent: consent?.preferences ?? null,
    flags,
    ...(repaired ? { findings: repaired.findings } : {}),
    raw: { inbox: shared.row, index },
  }
  return { ...base(shared, identity), event, reasons: [], raw: () => rawOf(said, shared, time.original) }
}

/** Null = nothing of the item had to be repaired. */
function repairedBy(item: JsonObject, { source, request }: Shared): Mended | null {
  const repairs = [...(source.rules?.repairs ?? []), ...(request.repairs ?? [])]
  if (repairs.length === 0) return null
  const mended = mend(item, repairs, source.rules?.version ?? 0)
  return mended.item === item ? null : mended
}

// --- identity of the item ---------------------------------------------------------------------------------------

type ItemIdentity = { id: NormalEvent['id']; messageId: string; content: number; size: number }

function itemIdentity(
  came: { given: JsonObject; text: string | null },
  item: JsonObject,
  shared: Shared,
  index: number,
  flags: string[],
): ItemIdentity {
  // The content as it came: a client's repeat is one, whatever has been repaired since.
  const given = withoutTransport(came.given)
  const text = given === came.given && came.text !== null ? came.text : JSON.stringify(given)
  const content = contentHash(text)
  const named = item.messageId
  let messageId = typeof named === 'number' ? String(named) : typeof named === 'string' ? named.trim() : ''
  if (messageId === '') {
    messageId = `inbox:${shared.row}:${index}`
    flags.push('no_message_id')
  } else if (messageId.length > 256) {
    messageId = hash('sha256', messageId, 'hex')
    flags.push('long_message_id')
  }
  return { id: derivedId('event', shared.source.id, messageId), messageId, content, size: bytesOf(text) }
}

/** Counted exactly only where it may matter. */
function bytesOf(text: string): number {
  return text.length * 3 <= flaggedSize ? text.length : Buffer.byteLength(text)
}

/** What changes between repeats of one item is no content. */
function withoutTransport(item: JsonObject): JsonObject {
  if (
    item.sentAt === undefined &&
    item._metadata === undefined &&
    item.writeKey === undefined &&
    item.sent_at === undefined
  ) {
    return item
  }
  const { sentAt: _a, sent_at: _b, writeKey: _c, _metadata: _d, ...content } = item
  return content
}

// --- parts of an item ----------------------------------------------------------------------------------------------

function kindOf(item: JsonObject, call: EventKind | null, flags: string[]): EventKind | null {
  if (call === null) return typeof item.type === 'string' && kinds.has(item.type) ? (item.type as EventKind) : null
  if (item.type !== undefined && item.type !== call) flags.push('type_mismatch')
  return call
}

type Ids = { userId: string | null; anonymousId: string | null; previousId: string | null; groupId: string | null }

function readIds(item: JsonObject, shared: Shared): Ids | { reason: Reason } {
  const read = { userId: '', anonymousId: '', previousId: '', groupId: '' } as { [field: string]: string | null }
  for (const field in read) {
    const value = item[field] ?? null
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) {
        return {
          reason: {
            code: 'unsafe_number',
            path: field,
            message: `${field} is a number beyond 2^53 and has lost digits; send it as text.`,
            values: { field },
          },
        }
      }
      read[field] = String(value)
    } else read[field] = typeof value === 'string' && value.trim() !== '' ? value.trim() : null
  }
  if (typeof item.messageId === 'number' && !Number.isSafeInteger(item.messageId)) {
    return {
      reason: {
        code: 'unsafe_number',
        path: 'messageId',
        message: 'messageId is a number beyond 2^53; send it as text.',
        values: { field: 'messageId' },
      },
    }
  }
  read.anonymousId ??= shared.request.anonymousId ?? null
  return read as unknown as Ids
}

function missingField(kind: EventKind, item: JsonObject, ids: Ids, nameless: boolean): Reason | null {
  if (kind === 'track' && (typeof item.event !== 'string' || item.event.trim() === '')) {
    return { code: 'missing_event', path: 'event', message: 'A track call needs the name of the event.' }
  }
  if (kind === 'group' && !ids.groupId)
    return { code: 'missing_group', path: 'groupId', message: 'A group call needs groupId.' }
  if (kind === 'alias' && !ids.previousId) {
    return { code: 'missing_previous', path: 'previousId', message: 'An alias call needs userId and previousId.' }
  }
  if (!ids.userId && (kind === 'alias' || (!ids.anonymousId && !nameless))) {
    return { code: 'missing_id', path: 'userId', message: 'The item needs userId or anonymousId.' }
  }
  return null
}

function contextOf(item: JsonObject, shared: Shared, flags: string[]): JsonObject {
  const own = objectOr(item.context)
  const common = objectOr(shared.told.context)
  const context: JsonObject = common ? { ...common, ...own } : { ...own }
  if (shared.request.userAgent && context.userAgent === undefined) context.userAgent = shared.request.userAgent
  if (shared.request.gpc) context.gpc = true
  const integrations = objectOr(item.integrations) ?? objectOr(shared.told.integrations)
  if (integrations && Object.keys(integrations).length > 0) context.integrations = integrations
  const unknown = unknownFields(item)
  if (unknown) context.unknown = unknown
  if (context.active === false) flags.push('passive')
  return context
}

const itemFields = new Set(
  [
    'type',
    'messageId',
    'timestamp',
    'originalTimestamp',
    'sentAt',
    'userId',
    'anonymousId',
    'traits',
    'properties',
  ].concat(
    ['event', 'name', 'category', 'groupId', 'previousId', 'context', 'integrations', '_metadata', 'writeKey'],
    ['write_key', 'receivedAt', 'channel', 'version', 'batch', 'sent_at'],
  ),
)

/** Fields that the contract does not name are kept beside the event, never an error. */
function unknownFields(item: JsonObject): JsonObject | null {
  let kept: JsonObject | null = null
  for (const key in item) {
    if (itemFields.has(key)) continue
    kept ??= {}
    Object.defineProperty(kept, key, { value: item[key], enumerable: true, configurable: true, writable: true })
  }
  return kept
}

/**
 * Jitsu's server mode has one random anonymous id for the whole process, and the traits of the previous user in
 * `context.traits`: neither is believed.
 */
function speaksForMany(context: JsonObject, shared: Shared): boolean {
  return shared.told.server === true || objectOr(context.library)?.env === 'node'
}

function traitsOf(
  item: JsonObject,
  kind: EventKind,
  context: JsonObject,
  server: boolean,
  flags: string[],
): JsonObject {
  const given = objectOr(item.traits)
  const fallback = server ? null : objectOr(context.traits)
  const traits: JsonObject =
    kind === 'identify' ? { ...(given && Object.keys(given).length > 0 ? given : fallback) } : { ...given }
  if (kind === 'identify') {
    const first = traits.firstName ?? traits.first_name
    const last = traits.lastName ?? traits.last_name
    if (traits.name === undefined && (typeof first === 'string' || typeof last === 'string')) {
      traits.name = [first, last].filter((part) => typeof part === 'string' && part !== '').join(' ')
    }
    if (Object.keys(traits).length > 300) flags.push('many_traits')
  }
  return traits
}

function nameOf(kind: EventKind, item: JsonObject): string | null {
  if (kind === 'track') return eventName((item.event as string).trim())
  if (kind === 'suppress') return 'Customer Suppressed'
  if (kind === 'page' || kind === 'screen') return typeof item.name === 'string' && item.name !== '' ? item.name : null
  return null
}

/** Whom a product was shared with is a third person: their address is never kept as it came. */
function hideRecipient(properties: JsonObject, name: string | null): void {
  if ((name !== 'Product Shared' && name !== 'Cart Shared') || typeof properties.recipient !== 'string') return
  properties.recipient = `sha256:${hash('sha256', properties.recipient.trim().toLowerCase(), 'hex')}`
}

function libraryOf(context: JsonObject): string | null {
  const library = objectOr(context.library)
  if (!library || typeof library.name !== 'string') return null
  return typeof library.version === 'string' ? `${library.name} ${library.version}` : library.name
}

const touches = new Set<string>(touchChannels)

export function channelOf(
  properties: JsonObject,
  context: JsonObject,
  fallback: TouchChannel,
  name: string | null,
): TouchChannel {
  if (name?.startsWith('message.') && typeof properties.channel === 'string' && touches.has(properties.channel)) {
    return properties.channel as TouchChannel
  }
  const given = context.channel
  if (given === 'browser') return 'web'
  if (given === 'mobile') return 'app'
  return typeof given === 'string' && touches.has(given) ? (given as TouchChannel) : fallback
}

// --- consent --------------------------------------------------------------------------------------------------------

type ConsentRead = { preferences: { [purpose: string]: boolean } } | { unknown: string } | null

/** Whoever is suppressed agrees to nothing. */
const noUse: ConsentRead = { preferences: Object.fromEntries(purposes.map((purpose) => [purpose, false])) }

function consentOf(
  context: JsonObject,
  source: SourceFacts,
  name: string | null,
  flags: string[],
  partial: boolean,
): ConsentRead {
  const consent = objectOr(context.consent)
  const given = consent ? objectOr(consent.categoryPreferences ?? consent.categoryPreference) : null
  if (!given) return null
  const preferences: { [purpose: string]: boolean } = {}
  const narrow = (purpose: Purpose, allowed: boolean) => {
    // Two categories of one purpose: both must agree.
    preferences[purpose] = (preferences[purpose] ?? true) && allowed
  }
  for (const category of Object.keys(given)) {
    const purpose = Object.hasOwn(source.consentCategories, category) ? source.consentCategories[category] : undefined
    if (purpose === undefined) {
      if (name === consentStatement) return { unknown: category }
      if (!flags.includes('unknown_category')) flags.push('unknown_category')
      continue
    }
    const value = given[category]
    if (typeof value !== 'boolean' && !flags.includes('bad_consent')) flags.push('bad_consent')
    narrow(purpose, value === true)
  }
  for (const [category, purpose] of partial ? [] : Object.entries(source.consentCategories)) {
    if (!Object.hasOwn(given, category)) narrow(purpose, false)
  }
  return { preferences }
}

// --- identifiers ----------------------------------------------------------------------------------------------------

const externalNamespaces: { [type: string]: string } = {
  user_id: 'user_id',
  email: 'email',
  phone: 'phone',
  anonymous_id: 'anonymous_id',
  loyalty_card: 'loyalty_card',
  customer_no: 'customer_no',
  order_no: 'order_no',
  receipt_no: 'receipt_no',
  push_token: 'push_token',
  click_id: 'click_id',
  'android.push_token': 'push_token',
  'ios.push_token': 'push_token',
  group_id: 'group_id',
}

type Naming = {
  kind: EventKind
  ids: Ids
  traits: JsonObject
  properties: JsonObject
  context: JsonObject
  server: boolean
}

function identifiersOf(naming: Naming, shared: Shared, flags: string[]): Identifier[] {
  const { kind, ids, traits, properties, context, server } = naming
  const trust: Trust = shared.request.trust === 'secret' ? 'verified' : 'claimed'
  const found: Identifier[] = []
  const add = (namespace: string, value: Json | undefined | null) => {
    if (typeof value !== 'string' && typeof value !== 'number') return
    const text = String(value).trim()
    if (text === '') return
    for (const other of found) if (other.namespace === namespace && other.value === text) return
    found.push({ namespace, value: text, trust })
  }
  add('user_id', ids.userId)
  // One random anonymous id for a whole server process must not join strangers.
  if (!(server && ids.userId)) add('anonymous_id', ids.anonymousId)
  if (kind === 'alias') {
    if (ids.previousId === ids.userId) flags.push('self_alias')
    else add('anonymous_id', ids.previousId)
  }
  add('group_id', ids.groupId)
  const claims = server ? [traits] : [traits, objectOr(context.traits) ?? {}]
  for (const claim of kind === 'group' ? [] : claims) {
    add('email', claim.email)
    add('phone', claim.phone)
    add('loyalty_card', claim.loyalty_card ?? claim.loyaltyCard)
    if (claim.customer_no !== undefined) add(customerNamespace(shared.source.issuer), claim.customer_no)
  }
  if (kind === 'track') {
    const order = properties.order_id ?? properties.orderId
    if (shared.source.kind === 'till') add('receipt_no', receiptIn(properties, context, properties.receipt_no ?? order))
    else {
      add('order_no', order)
      add('receipt_no', properties.receipt_no)
    }
    add('email', properties.email)
    add('loyalty_card', properties.loyalty_card)
  }
  add('push_token', objectOr(context.device)?.token)
  add('click_id', clickIdOf(properties, context))
  for (const external of Array.isArray(context.externalIds) ? context.externalIds : []) {
    const entry = objectOr(external)
    const type = typeof entry?.type === 'string' ? entry.type : ''
    if (!Object.hasOwn(externalNamespaces, type)) {
      if (!flags.includes('unknown_namespace')) flags.push('unknown_namespace')
      continue
    }
    const namespace = externalNamespaces[type] as string
    add(namespace === 'customer_no' ? customerNamespace(shared.source.issuer) : namespace, entry?.id)
  }
  return found
}

/** Receipt numbers start anew in every store: with the store they are one of a kind. */
function receiptIn(properties: JsonObject, context: JsonObject, receipt: Json | undefined): string | null {
  if (typeof receipt !== 'string' && typeof receipt !== 'number') return null
  const store = properties.affiliation ?? properties.place ?? objectOr(context.store)?.id ?? context.store
  return typeof store === 'string' || typeof store === 'number' ? `${store}/${receipt}` : String(receipt)
}

/** Our own click redirect adds `ek_click` to the landing page's address. */
function clickIdOf(properties: JsonObject, context: JsonObject): string | null {
  const page = objectOr(context.page)
  for (const place of [properties.url, page?.url, page?.search]) {
    if (typeof place !== 'string') continue
    const match = /[?&]ek_click=([\w.-]{8,200})/.exec(place)
    if (match) return match[1] ?? null
  }
  return null
}

// --- refusals -------------------------------------------------------------------------------------------------------

function base(shared: Shared, identity: ItemIdentity) {
  return {
    id: identity.id,
    source: shared.source.id,
    content: identity.content,
    receivedAt: shared.request.receivedAt,
  }
}

/** As much of an item that waits as can be understood: whom it is about and what they forbid. Null = nothing. */
function heldOf(item: JsonObject, said: Said, shared: Shared, identity: ItemIdentity): NormalEvent | null {
  const { request, source } = shared
  const kind = kindOf(item, said.kind ?? null, []) ?? 'track'
  // A number that has lost digits names somebody else.
  const ids = readIds(
    { ...item, messageId: null, userId: soundOr(item.userId), groupId: null, previousId: null },
    shared,
  )
  if ('reason' in ids) return null
  const context = contextOf(item, shared, [])
  const server = speaksForMany(context, shared)
  const traits = traitsOf(item, kind, context, server, [])
  const properties: JsonObject = { ...objectOr(item.properties) }
  const name = kind !== 'track' || typeof item.event === 'string' ? nameOf(kind, item) : null
  const time = correctTime({
    receivedAt: request.receivedAt,
    original: item.originalTimestamp ?? item.timestamp,
    sent: item.sentAt ?? shared.told.sentAt ?? request.sentAt,
    oldestDays: 1e6,
  })
  const statement = name === consentStatement
  const consent =
    kind === 'suppress' ? noUse : consentOf(context, source, statement ? null : name, [], said.partialConsent === true)
  // What it is worth is told in the money of the source where its own cannot be read.
  const minor =
    moneyOf(properties, null, source.currency).minor ??
    moneyOf({ ...properties, currency: source.currency }, null, source.currency).minor
  if (minor) properties.minor = minor
  return {
    id: identity.id,
    source: source.id,
    messageId: identity.messageId,
    dialect: shared.dialect,
    library: libraryOf(context),
    kind: statement ? 'consent' : kind,
    name,
    channel: source.channel,
    at: iso(time.at),
    originalAt: null,
    sentAt: null,
    receivedAt: shared.received,
    identifiers: identifiersOf({ kind, ids, traits, properties, context, server }, shared, []),
    mayJoin: request.trust === 'secret',
    traits,
    properties,
    context,
    consent: consent && 'preferences' in consent ? consent.preferences : null,
    flags: [],
    raw: { inbox: shared.row, index: 0 },
  }
}

function soundOr(value: Json | undefined): Json {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? null : (value ?? null)
}

function quarantined(
  said: Said,
  shared: Shared,
  identity: ItemIdentity,
  reasons: Reason[],
  held: NormalEvent | null,
): Item {
  const original = isObject(said.item) ? (said.item.originalTimestamp ?? said.item.timestamp) : null
  const time = correctTime({ receivedAt: shared.request.receivedAt, original, sent: null, oldestDays: 1e6 })
  return {
    ...base(shared, identity),
    event: null,
    reasons: reasons.map(told),
    held,
    raw: () => rawOf(said, shared, time.original),
  }
}

/** Reasons quote what came from outside; the database takes neither NUL nor half characters. */
function told({ path, message, values, ...more }: Reason): Reason {
  const plain = (text: string) => text.replaceAll('\0', '').toWellFormed().slice(0, 300)
  const reason = { ...more, path: plain(path), message: plain(message) }
  if (values === undefined) return reason
  const spoken = Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? plain(value) : value])
  return { ...reason, values: Object.fromEntries(spoken) as Values }
}

/** For items that cannot even be looked at. */
function refused(said: Said, shared: Shared, index: number, why: Reason): Item {
  const messageId = `inbox:${shared.row}:${index}`
  const identity = { id: derivedId('event', shared.source.id, messageId), messageId, content: 0, size: 0 }
  return {
    ...base(shared, identity),
    event: null,
    reasons: [told(why)],
    raw: () => rawOf(said, shared, null),
  }
}

function rawOf(said: Said, shared: Shared, original: number | null) {
  const { body: _, source: __, ...facts } = shared.request
  const { context, sentAt } = shared.deepAround ? {} : shared.told
  return {
    // What is nested too deep is kept as text: nobody could write it any more.
    payload: depthOf(said.given) > deepest ? { [deepField]: deepText(said.given) } : said.given,
    request: {
      ...facts,
      ...(said.part === undefined ? {} : { part: said.part }),
      // Kept as JSON by the database, which takes no NUL.
      sharedContext: cleaned(objectOr(context) ?? null, []),
      sharedSentAt: cleaned(sentAt ?? null, []),
    } as unknown as JsonObject,
    originalAt: original === null ? null : iso(original),
  }
}

// --- shape ----------------------------------------------------------------------------------------------------------

/** Breadth first, so that hostile nesting cannot exhaust the stack. */
function depthOf(value: Json): number {
  let level: Json[] = [value]
  let depth = 0
  while (level.length > 0 && depth <= deepest) {
    const next: Json[] = []
    for (const inner of level) {
      if (inner === null || typeof inner !== 'object') continue
      for (const held of Array.isArray(inner) ? inner : Object.values(inner)) next.push(held)
    }
    if (next.length === 0) return depth
    level = next
    depth++
  }
  return depth
}

/** Without NUL and half surrogate pairs, which PostgreSQL refuses. */
function cleaned(value: Json, flags: string[]): Json {
  const text = (given: string): string => {
    if (given.includes('\0')) {
      if (!flags.includes('nul_removed')) flags.push('nul_removed')
      given = given.replaceAll('\0', '')
    }
    if (given.isWellFormed()) return given
    if (!flags.includes('surrogate_replaced')) flags.push('surrogate_replaced')
    return given.toWellFormed()
  }
  const walk = (inner: Json): Json => {
    if (typeof inner === 'string') return text(inner)
    if (inner === null || typeof inner !== 'object') return inner
    if (Array.isArray(inner)) return inner.map(walk)
    return Object.fromEntries(Object.entries(inner).map(([key, held]) => [text(key), walk(held)]))
  }
  return walk(value)
}

/** The text as it came where it is canonical already: formatting dates is a large part of the adapter's time. */
function isoOf(given: Json | undefined, at: number): string {
  return typeof given === 'string' && given.length === 24 && given[23] === 'Z' && given[10] === 'T' && given[19] === '.'
    ? given
    : iso(at)
}

function sentText(shared: Shared, sent: number | null): string | null {
  if (sent === null) return null
  if (shared.sent?.at !== sent) shared.sent = { at: sent, text: iso(sent) }
  return shared.sent.text
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
