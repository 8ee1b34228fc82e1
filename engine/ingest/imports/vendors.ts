import type { Identifier, ImportKind, Json, JsonObject } from '@einklang/contract'
import { customerNamespace } from '../source.ts'
import type { FieldRow } from './fields.ts'
import type { Draft, Lost, MapFacts } from './mappers.ts'
import { sectionKey } from './reading.ts'
import { Unfit } from './unfit.ts'

/**
 * What a row of another product's export means. Their answers to "may we write?" are statements of a state, not of an
 * act: a "yes" is only claimed, a "no" counts from now on unless the row says since when.
 */
export function vendorDrafts(kind: ImportKind, row: FieldRow, facts: MapFacts): Draft[] {
  switch (kind) {
    case 'braze-attributes':
      return brazeAttributes(row, facts)
    case 'braze-events':
      return brazeEvent(row, facts)
    case 'braze-json':
      return brazeJson(row, facts)
    case 'customerio':
      return customerIo(row, facts)
    case 'klaviyo':
      return row.record ? klaviyoJson(row, row.record, facts) : klaviyo(row, facts)
    case 'mautic':
      return mautic(row, facts)
    case 'listmonk':
      return listmonk(row, facts)
    default:
      throw new Unfit(row.row, 'foreign_kind', { kind })
  }
}

// --- reading a row ----------------------------------------------------------------------------------------------------

/** The columns of a row by folded name; each is taken once, and what is left over becomes traits. */
class Cells {
  readonly row: number
  readonly #left = new Map<string, { name: string; text: string }>()

  constructor(row: FieldRow) {
    this.row = row.row
    for (const name in row.fields) {
      const folded = foldName(name)
      if (!this.#left.has(folded)) this.#left.set(folded, { name, text: row.fields[name] as string })
    }
  }

  take(...names: string[]): string | undefined {
    let found: string | undefined
    for (const name of names) {
      const folded = foldName(name)
      const cell = this.#left.get(folded)
      if (cell === undefined) continue
      this.#left.delete(folded)
      found ??= cell.text
    }
    return found
  }

  /** Further columns as the product's own words. */
  rest(): JsonObject {
    return Object.fromEntries([...this.#left.values()].map(({ name, text }) => [name, plain(text)]))
  }
}

function foldName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.$-]/g, '')
}

/** `true` and numbers as such; a number with a leading zero or too many digits is a text. */
function plain(text: string): Json {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/.test(text)) return Number(text)
  return text
}

const yes = new Set(['true', '1', 'yes', 'y', 'on', 'ja'])

const no = new Set(['false', '0', 'no', 'n', 'off', 'nein'])

/** A word that is neither yes nor no counts as no answer, and is told. */
function isYes(text: string | undefined, column: string, lost: Lost[]): boolean {
  if (text === undefined) return false
  const word = text.toLowerCase()
  if (!yes.has(word) && !no.has(word)) lost.push(unread(column, text))
  return yes.has(word)
}

function unread(column: string, given: string): Lost {
  return { path: `traits.${column}`, given, action: 'strip' }
}

/** What a word of another product stands for; one that is not among them is told. */
function stanceOf(words: Stances, text: string | undefined, column: string, lost: Lost[]): Answer['stance'] {
  if (text === undefined) return null
  const stance = words.get(text.toLowerCase().replaceAll(/[\s-]/g, '_'))
  if (stance === undefined) lost.push(unread(column, text))
  return stance ?? null
}

type Stances = ReadonlyMap<string, Answer['stance']>

function when(text: string | undefined, row: number, column: string, facts: MapFacts): string | null {
  if (text === undefined) return null
  const read = facts.reader.instant(text)
  if (read === undefined) throw new Unfit(row, 'no_instant', { field: column, given: text })
  return read
}

/** Traits in the spelling of our profile; blank is not mentioned. */
function compact(traits: { [name: string]: Json | undefined }): JsonObject {
  const kept: JsonObject = {}
  for (const [name, value] of Object.entries(traits)) {
    if (value === undefined || value === null || value === '') continue
    // A column named __proto__ is data like any other.
    Object.defineProperty(kept, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return kept
}

function id(namespace: string, value: string | undefined): Identifier[] {
  return value === undefined ? [] : [{ namespace, value, trust: 'verified' }]
}

function known(row: number, identifiers: Identifier[], wanted: string): Identifier[] {
  if (identifiers.length === 0) throw new Unfit(row, 'names_nobody', { wanted })
  const long = identifiers.find((one) => one.value.length > 1000)
  if (long) throw new Unfit(row, 'too_long', { field: long.namespace })
  return identifiers
}

type Person = { row: number; at: string | null; identifiers: Identifier[]; traits: JsonObject; lost?: Lost[] }

function identify({ row, at, identifiers, traits, lost = [] }: Person): Draft {
  const said: Draft = {
    row,
    part: '',
    kind: 'identify',
    name: null,
    at,
    channel: null,
    identifiers,
    traits,
    properties: {},
  }
  return lost.length === 0 ? said : { ...said, lost }
}

type Answer = { channel: 'email' | 'sms' | 'push'; stance: 'yes' | 'no' | null; at: string | null }

/** Apart from the traits, which are as old as the record: a "no" without a time holds from now on. */
function answers(row: number, identifiers: Identifier[], given: Answer[]): Draft[] {
  return given.flatMap(({ channel, stance, at }) =>
    stance === null
      ? []
      : [
          {
            ...identify({
              row,
              at,
              identifiers,
              traits: compact({ [`consent_${channel}`]: stance, consent_at: at ?? undefined }),
            }),
            part: `:consent-${channel}`,
          },
        ],
  )
}

/** Leaving one topic; the other product's name for it is kept. */
function leftTopic(row: number, identifiers: Identifier[], channel: 'email' | 'sms', topic: string): Draft {
  return {
    row,
    part: `:topic-${channel}-${topic}`.slice(0, 120),
    kind: 'track',
    name: 'Unsubscribed',
    at: null,
    channel,
    identifiers,
    traits: {},
    properties: { channel, topic },
  }
}

// --- Braze ------------------------------------------------------------------------------------------------------------

/** `opted_in` is a claim, `subscribed` says nothing (nobody asked), `unsubscribed` is a no. */
const brazeStances: Stances = new Map([
  ['opted_in', 'yes'],
  ['subscribed', null],
  ['unsubscribed', 'no'],
])

type BrazeWho = {
  external?: string | undefined
  braze?: string | undefined
  alias?: string | undefined
  label?: string | undefined
  email?: string | undefined
  phone?: string | undefined
}

function brazeIdentifiers(row: number, who: BrazeWho, facts: MapFacts): Identifier[] {
  if ((who.alias === undefined) !== (who.label === undefined)) throw new Unfit(row, 'alias_pair')
  return known(
    row,
    [
      ...id(customerNamespace(facts.issuer), who.external),
      ...id('customer_no.braze', who.braze),
      ...id(`customer_no.braze_alias_${(who.label ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`, who.alias),
      ...id('email', who.email),
      ...id('phone', who.phone),
    ],
    'external_id, braze_id, user_alias_name + user_alias_label, email, phone',
  )
}

function brazeCells(cells: Cells, facts: MapFacts): { who: BrazeWho; identifiers: Identifier[] } {
  const who: BrazeWho = {
    external: cells.take('external_id', 'user_id'),
    braze: cells.take('braze_id', 'appboy_id'),
    alias: cells.take('user_alias_name'),
    label: cells.take('user_alias_label'),
    email: cells.take('email'),
    phone: cells.take('phone'),
  }
  return { who, identifiers: brazeIdentifiers(cells.row, who, facts) }
}

function birthdayOf(text: string | undefined, facts: MapFacts): string | undefined {
  // An unreadable birthday is no reason to lose the customer; the check finds it and says so.
  return text === undefined ? undefined : (facts.reader.day(text) ?? text)
}

function brazeAttributes(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const { who, identifiers } = brazeCells(cells, facts)
  const lost: Lost[] = []
  const email = stanceOf(brazeStances, cells.take('email_subscribe'), 'email_subscribe', lost)
  const push = stanceOf(brazeStances, cells.take('push_subscribe'), 'push_subscribe', lost)
  const group = cells.take('subscription_group_id')
  const state = cells.take('subscription_state')
  const traits = compact({
    email: who.email,
    phone: who.phone,
    first_name: cells.take('first_name'),
    last_name: cells.take('last_name'),
    country: cells.take('country'),
    birthday: birthdayOf(cells.take('dob'), facts),
    gender: cells.take('gender'),
    city: cells.take('home_city'),
    language: cells.take('language'),
    time_zone: cells.take('time_zone', 'timezone'),
    ...cells.rest(),
  })
  return [
    identify({ row, at: null, identifiers, traits, lost }),
    ...answers(row, identifiers, [
      { channel: 'email', stance: email, at: null },
      { channel: 'push', stance: push, at: null },
    ]),
    ...(group !== undefined && state?.toLowerCase() === 'unsubscribed'
      ? [leftTopic(row, identifiers, 'email', `braze:${group}`)]
      : []),
  ]
}

function brazeEvent(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const { identifiers } = brazeCells(cells, facts)
  const name = cells.take('name', 'event_name', 'event')
  if (name === undefined) throw new Unfit(row, 'missing', { field: 'name' })
  const time = cells.take('time', 'timestamp', 'event_time')
  if (time === undefined) throw new Unfit(row, 'missing', { field: 'time' })
  const prefix = `${name}.properties.`.toLowerCase()
  const properties: { [name: string]: Json } = {}
  for (const column in given.fields) {
    if (!column.toLowerCase().startsWith(prefix)) continue
    Object.defineProperty(properties, column.slice(prefix.length), {
      value: plain(given.fields[column] as string),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return [tracked(row, name, when(time, row, 'time', facts), identifiers, properties)]
}

function tracked(
  row: number,
  name: string,
  at: string | null,
  identifiers: Identifier[],
  properties: JsonObject,
): Draft {
  return { row, part: '', kind: 'track', name, at, channel: null, identifiers, traits: {}, properties }
}

const mostTokens = 20

const brazeOwn = new Set([
  'external_id',
  'braze_id',
  'user_alias',
  'email',
  'phone',
  'first_name',
  'last_name',
  'country',
  'dob',
  'gender',
  'home_city',
  'language',
  'time_zone',
  'email_subscribe',
  'push_subscribe',
  'push_tokens',
  'subscription_groups',
  sectionKey,
  '_update_existing_only',
  'push_token_import',
])

function brazeJson(given: FieldRow, facts: MapFacts): Draft[] {
  const { row } = given
  const record = given.record ?? {}
  const section = textIn(record[sectionKey]) ?? ''
  const alias = objectIn(record.user_alias)
  const who: BrazeWho = {
    external: textIn(record.external_id),
    braze: textIn(record.braze_id),
    alias: textIn(alias?.alias_name),
    label: textIn(alias?.alias_label),
    email: textIn(record.email),
    phone: textIn(record.phone),
  }
  const identifiers = brazeIdentifiers(row, who, facts)
  if (section === 'events' || section === 'purchases') {
    const at = when(textIn(record.time), row, 'time', facts)
    if (at === null) throw new Unfit(row, 'missing', { field: 'time' })
    const properties = objectIn(record.properties) ?? {}
    if (section === 'events') {
      const name = textIn(record.name)
      if (name === undefined) throw new Unfit(row, 'missing', { field: 'name' })
      return [tracked(row, name, at, identifiers, properties)]
    }
    const product = textIn(record.product_id)
    if (product === undefined) throw new Unfit(row, 'missing', { field: 'product_id' })
    const bought = compact({
      product_id: product,
      price: record.price,
      quantity: record.quantity ?? 1,
      currency: textIn(record.currency)?.toUpperCase(),
    })
    // One article of a purchase whose number nobody knows: told, but no order of its own.
    return [tracked(row, 'Product Purchased', at, identifiers, { ...properties, ...bought })]
  }
  if (section !== 'attributes' && section !== '')
    throw new Unfit(row, 'not_one_of', { field: 'section', given: section, known: 'attributes, events, purchases' })
  const lost: Lost[] = []
  const email = stanceOf(brazeStances, textIn(record.email_subscribe), 'email_subscribe', lost)
  const push = stanceOf(brazeStances, textIn(record.push_subscribe), 'push_subscribe', lost)
  const tokens = listIn(record.push_tokens).flatMap((one) => id('push_token', textIn(objectIn(one)?.token)))
  for (const { value } of tokens.slice(mostTokens)) lost.push(unread('push_tokens', value))
  const traits = compact({
    email: who.email,
    phone: who.phone,
    first_name: textIn(record.first_name),
    last_name: textIn(record.last_name),
    country: textIn(record.country),
    birthday: birthdayOf(textIn(record.dob), facts),
    gender: textIn(record.gender),
    city: textIn(record.home_city),
    language: textIn(record.language),
    time_zone: textIn(record.time_zone),
    ...Object.fromEntries(Object.entries(record).filter(([name]) => !brazeOwn.has(name))),
  })
  const left = listIn(record.subscription_groups).flatMap((one) => {
    const group = objectIn(one)
    const name = textIn(group?.subscription_group_id)
    return name !== undefined && textIn(group?.subscription_state)?.toLowerCase() === 'unsubscribed'
      ? [leftTopic(row, identifiers, 'email', `braze:${name}`)]
      : []
  })
  return [
    identify({ row, at: null, identifiers: [...identifiers, ...tokens.slice(0, mostTokens)], traits, lost }),
    ...answers(row, identifiers, [
      { channel: 'email', stance: email, at: null },
      { channel: 'push', stance: push, at: null },
    ]),
    ...left,
  ]
}

// --- Customer.io ------------------------------------------------------------------------------------------------------

function customerIo(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const email = cells.take('email')
  const phone = cells.take('phone')
  const identifiers = known(
    row,
    [
      ...id(customerNamespace(facts.issuer), cells.take('id')),
      ...id('customer_no.customerio', cells.take('cio_id')),
      ...id('email', email),
      ...id('phone', phone),
    ],
    'id, email',
  )
  const lost: Lost[] = []
  const unsubscribed = isYes(cells.take('unsubscribed'), 'unsubscribed', lost)
  const preferences = cells.take('cio_subscription_preferences')
  const created = when(cells.take('created_at'), row, 'created_at', facts)
  const updated = when(cells.take('updated_at'), row, 'updated_at', facts)
  const traits = compact({
    email,
    phone,
    first_name: cells.take('first_name', 'firstname'),
    last_name: cells.take('last_name', 'lastname'),
    time_zone: cells.take('timezone', 'time_zone'),
    created_at: created ?? undefined,
    ...cells.rest(),
  })
  return [
    identify({ row, at: updated ?? created, identifiers, traits, lost }),
    ...answers(row, identifiers, [{ channel: 'email', stance: unsubscribed ? 'no' : null, at: null }]),
    ...customerIoTopics(row, preferences).map((topic) => leftTopic(row, identifiers, 'email', topic)),
  ]
}

/** `{"topics":{"topic_7":false}}`: false is a no to that topic; true without evidence says nothing new. */
function customerIoTopics(row: number, text: string | undefined): string[] {
  if (text === undefined) return []
  let preferences: Json
  try {
    preferences = JSON.parse(text) as Json
  } catch {
    throw new Unfit(row, 'no_json_in', { field: 'cio_subscription_preferences' })
  }
  const topics = objectIn(objectIn(preferences)?.topics) ?? {}
  return Object.entries(topics).flatMap(([topic, value]) => (value === false ? [`customerio:${topic}`] : []))
}

// --- Klaviyo ----------------------------------------------------------------------------------------------------------

const klaviyoStances: Stances = new Map([
  ['subscribed', 'yes'],
  ['unsubscribed', 'no'],
  ['never_subscribed', null],
])

function klaviyo(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const email = cells.take('Email', 'Email Address')
  const phone = cells.take('Phone Number', 'Phone')
  const identifiers = known(
    row,
    [
      ...id(customerNamespace(facts.issuer), cells.take('External ID')),
      ...id('customer_no.klaviyo', cells.take('Klaviyo ID', 'Profile ID')),
      ...id('email', email),
      ...id('phone', phone),
    ],
    'Email, Phone Number',
  )
  const suppression = cells.take('Suppression Reason', 'Reason', 'Suppressed')
  const suppressedAt = when(
    cells.take('Suppression Date', 'Suppressed At', 'Suppression Timestamp'),
    row,
    'Suppression Date',
    facts,
  )
  if (suppression !== undefined) return klaviyoSuppression(row, identifiers, suppression, suppressedAt)
  const lost: Lost[] = []
  const emailAnswer = stanceOf(klaviyoStances, cells.take('Email Marketing Consent'), 'Email Marketing Consent', lost)
  const emailAt = when(cells.take('Email Marketing Consent Timestamp'), row, 'Email Marketing Consent Timestamp', facts)
  const smsAnswer = stanceOf(klaviyoStances, cells.take('SMS Marketing Consent'), 'SMS Marketing Consent', lost)
  const smsAt = when(cells.take('SMS Marketing Consent Timestamp'), row, 'SMS Marketing Consent Timestamp', facts)
  const created = when(cells.take('Profile Created On', 'Created', 'Date Added'), row, 'Profile Created On', facts)
  const updated = when(cells.take('Profile Updated On', 'Updated', 'Last Updated'), row, 'Profile Updated On', facts)
  const traits = compact({
    email,
    phone,
    first_name: cells.take('First Name'),
    last_name: cells.take('Last Name'),
    street: cells.take('Address', 'Address 1', 'Address Line 1'),
    postal_code: cells.take('Zip Code', 'Zip', 'Postal Code'),
    city: cells.take('City'),
    country: cells.take('Country'),
    language: cells.take('Locale', 'Language'),
    birthday: birthdayOf(cells.take('Birthday', 'Date of Birth'), facts),
    created_at: created ?? undefined,
    ...cells.rest(),
  })
  return [
    identify({ row, at: updated ?? created, identifiers, traits, lost }),
    ...answers(row, identifiers, [
      { channel: 'email', stance: emailAnswer, at: emailAt },
      { channel: 'sms', stance: smsAnswer, at: smsAt },
    ]),
  ]
}

/** A bounce says something about the address, everything else about the will. */
function klaviyoSuppression(row: number, identifiers: Identifier[], reason: string, at: string | null): Draft[] {
  const word = reason.toUpperCase()
  if (/^(FALSE|NO|0)$/.test(word)) return [identify({ row, at: null, identifiers, traits: {} })]
  const name =
    word.includes('BOUNCE') || word.includes('INVALID')
      ? 'Email Bounced'
      : word.includes('SPAM')
        ? 'Email Marked as Spam'
        : 'Unsubscribed'
  return [{ ...tracked(row, name, at, identifiers, { channel: 'email', reason }), channel: 'email' }]
}

function klaviyoJson(given: FieldRow, record: JsonObject, facts: MapFacts): Draft[] {
  const { row } = given
  if (record.type !== undefined && record.type !== 'profile')
    throw new Unfit(row, 'not_one_of', { field: 'type', given: String(record.type), known: 'profile' })
  const attributes = objectIn(record.attributes) ?? {}
  const email = textIn(attributes.email)
  const phone = textIn(attributes.phone_number)
  const identifiers = known(
    row,
    [
      ...id(customerNamespace(facts.issuer), textIn(attributes.external_id)),
      ...id('customer_no.klaviyo', textIn(record.id)),
      ...id('email', email),
      ...id('phone', phone),
    ],
    'email, phone_number',
  )
  const location = objectIn(attributes.location) ?? {}
  const subscriptions = objectIn(attributes.subscriptions)
  const marketing = (channel: string) => objectIn(objectIn(subscriptions?.[channel])?.marketing)
  const lost: Lost[] = []
  const answer = (channel: 'email' | 'sms'): Answer => {
    const told = marketing(channel)
    const at = textIn(told?.consent_timestamp) ?? textIn(told?.timestamp)
    return {
      channel,
      stance: stanceOf(klaviyoStances, textIn(told?.consent), `subscriptions.${channel}`, lost),
      at: when(at, row, 'consent_timestamp', facts),
    }
  }
  const traits = compact({
    email,
    phone,
    first_name: textIn(attributes.first_name),
    last_name: textIn(attributes.last_name),
    street: textIn(location.address1),
    postal_code: textIn(location.zip),
    city: textIn(location.city),
    country: textIn(location.country),
    language: textIn(attributes.locale),
    ...objectIn(attributes.properties),
  })
  const suppressed = [...listIn(marketing('email')?.suppression), ...listIn(marketing('email')?.suppressions)].flatMap(
    (one, index) => {
      const entry = objectIn(one)
      const reason = textIn(entry?.reason)
      if (reason === undefined) return []
      const at = when(textIn(entry?.timestamp), row, 'suppression timestamp', facts)
      return klaviyoSuppression(row, identifiers, reason, at).map((draft) => ({
        ...draft,
        part: `:suppression-${index}`,
      }))
    },
  )
  const at = when(textIn(attributes.updated) ?? textIn(attributes.created), row, 'updated', facts)
  const answered = [answer('email'), answer('sms')]
  return [identify({ row, at, identifiers, traits, lost }), ...answers(row, identifiers, answered), ...suppressed]
}

// --- Mautic -----------------------------------------------------------------------------------------------------------

function mautic(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const email = cells.take('email')
  const phone = cells.take('mobile', 'phone')
  const identifiers = known(
    row,
    [...id('customer_no.mautic', cells.take('id', 'contact_id')), ...id('email', email), ...id('phone', phone)],
    'email, mobile, id',
  )
  const lost: Lost[] = []
  const refused = isYes(cells.take('doNotEmail', 'do_not_email'), 'doNotEmail', lost)
  const refusedSms = isYes(cells.take('doNotSms', 'do_not_sms'), 'doNotSms', lost)
  const tags = cells.take('tags')
  const created = when(cells.take('date_added', 'dateAdded'), row, 'date_added', facts)
  const updated = when(cells.take('date_modified', 'dateModified'), row, 'date_modified', facts)
  const traits = compact({
    email,
    phone,
    first_name: cells.take('firstname', 'first_name'),
    last_name: cells.take('lastname', 'last_name'),
    street: cells.take('address1'),
    postal_code: cells.take('zipcode', 'zip'),
    city: cells.take('city'),
    country: cells.take('country'),
    language: cells.take('preferred_locale', 'locale'),
    birthday: birthdayOf(cells.take('birthday', 'date_of_birth'), facts),
    // Not `tags|remove`: an export holds what is.
    tags:
      tags === undefined
        ? undefined
        : tags
            .split('|')
            .map((tag) => tag.trim())
            .filter((tag) => tag !== ''),
    created_at: created ?? undefined,
    ...cells.rest(),
  })
  return [
    identify({ row, at: updated ?? created, identifiers, traits, lost }),
    ...answers(row, identifiers, [
      { channel: 'email', stance: refused ? 'no' : null, at: null },
      { channel: 'sms', stance: refusedSms ? 'no' : null, at: null },
    ]),
  ]
}

// --- listmonk ---------------------------------------------------------------------------------------------------------

function listmonk(given: FieldRow, facts: MapFacts): Draft[] {
  const cells = new Cells(given)
  const { row } = cells
  const email = cells.take('email')
  const identifiers = known(row, [...id('email', email), ...id('customer_no.listmonk', cells.take('uuid'))], 'email')
  if (email === undefined) throw new Unfit(row, 'missing', { field: 'email' })
  const status = cells.take('status')?.toLowerCase()
  if (status !== undefined && !['enabled', 'disabled', 'blocklisted'].includes(status))
    throw new Unfit(row, 'not_one_of', { field: 'status', given: status, known: 'enabled, disabled, blocklisted' })
  const attributes = cells.take('attributes', 'attribs')
  let own: JsonObject = {}
  const lost: Lost[] = []
  if (attributes !== undefined) {
    try {
      const read = objectIn(JSON.parse(attributes) as Json)
      if (read === undefined) lost.push(unread('attributes', attributes))
      own = read ?? {}
    } catch {
      throw new Unfit(row, 'no_json_in', { field: 'attributes' })
    }
  }
  const created = when(cells.take('created_at'), row, 'created_at', facts)
  const updated = when(cells.take('updated_at'), row, 'updated_at', facts)
  const traits = compact({ email, name: cells.take('name'), created_at: created ?? undefined, ...cells.rest(), ...own })
  return [
    identify({ row, at: updated ?? created, identifiers, traits, lost }),
    ...answers(row, identifiers, [
      { channel: 'email', stance: status === 'disabled' || status === 'blocklisted' ? 'no' : null, at: null },
    ]),
  ]
}

// --- JSON -------------------------------------------------------------------------------------------------------------

function textIn(value: Json | undefined): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  if (typeof value !== 'string') return undefined
  const text = value.replaceAll('\0', '').trim()
  return text === '' ? undefined : text
}

function objectIn(value: Json | undefined): JsonObject | undefined {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined
}

function listIn(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}
