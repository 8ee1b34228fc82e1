import { createHash } from 'node:crypto'
import {
  type Json,
  type JsonObject,
  type PersonEvent,
  type PersonId,
  type SourceId,
  storedUnder,
  type Trust,
} from '@einklang/contract'

/** One source said this about a person. */
export type Observation = {
  person: PersonId
  name: string
  source: SourceId
  value: Json
  /** Text form of the value; equal values have equal keys. */
  key: string
  trust: Trust
  firstAt: string
  lastAt: string
  knownAt: string
  event: string
}

/** The many spellings of the fields we show, folded to one name each. */
const canonical: { [spelling: string]: string } = {
  firstname: 'first_name',
  lastname: 'last_name',
  surname: 'last_name',
  email: 'email',
  phone: 'phone',
  mobile: 'phone',
  street: 'street',
  postalcode: 'postal_code',
  zip: 'postal_code',
  zipcode: 'postal_code',
  city: 'city',
  country: 'country',
  language: 'language',
  locale: 'language',
  birthday: 'birthday',
  birthdate: 'birthday',
  dateofbirth: 'birthday',
  gender: 'gender',
  loyaltycard: 'loyalty_card',
  pushtoken: 'push_token',
}

/** Traits that other stages own: permission belongs to the ledger, order of records to the source. */
const foreign = /^(consent|anonymous_?id$|user_?id$|updated_?at$|id$)/i
const fromIdentifiers = new Set(['email', 'phone', 'loyalty_card', 'push_token'])
const dayMs = 86_400_000

function canonicalName(name: string): string {
  return canonical[name.replaceAll(/[_\s-]/g, '').toLowerCase()] ?? name
}

/** `{ name: 'Ada Lange', address: { city: 'Köln' } }` → first_name, last_name, city; everything else as it came. */
export function flatTraits(traits: JsonObject): Map<string, Json> {
  const flat = new Map<string, Json>()
  for (const [name, value] of Object.entries(traits)) {
    if (value === null || foreign.test(name)) continue
    if (name === 'address' && typeof value === 'object' && !Array.isArray(value)) {
      for (const [part, text] of flatTraits(value)) if (!flat.has(part)) flat.set(part, text)
    } else if (name === 'name' && typeof value === 'string') {
      const words = value.trim().split(/\s+/)
      const last = words.pop() ?? ''
      if (words.length > 0 && !flat.has('first_name')) flat.set('first_name', words.join(' '))
      if (last !== '' && !flat.has('last_name')) flat.set('last_name', last)
    } else {
      flat.set(canonicalName(name), value)
    }
  }
  for (const [name, value] of flat) {
    const clean = cleanValue(name, value)
    if (clean === null) flat.delete(name)
    else flat.set(name, clean)
  }
  return flat
}

/** Long values are keyed by their hash: an index row holds 2,700 bytes. */
function keyOf(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length <= 200 ? text : `sha256:${createHash('sha256').update(text).digest('base64url')}`
}

/** Blank never overwrites: a blank is no observation at all. */
function cleanValue(name: string, value: Json): Json | null {
  if (typeof value !== 'string') return value
  const text = value.normalize('NFC').trim()
  if (text === '') return null
  if (name === 'email') return text.toLowerCase()
  if (name === 'language') return text.slice(0, 2).toLowerCase()
  if (name === 'birthday') return text.slice(0, 10)
  return text.slice(0, 2000)
}

/** Whether the event can say anything about its person: by traits, or by an address or number it names. */
export function maySay(event: PersonEvent): boolean {
  return event.kind === 'identify' || event.identifiers.some(({ namespace }) => fromIdentifiers.has(namespace))
}

/**
 * What the events of a batch say about their persons, one row per (person, trait, source, trust, value).
 * `fresh` names persons that did not exist before: for them even the address of a message tells something.
 */
export function observationsOf(events: PersonEvent[], fresh: ReadonlySet<PersonId>): Observation[] {
  const rows = new Map<string, Observation>()
  const add = (event: PersonEvent, name: string, value: Json, trust: Trust, at: string) => {
    const key = keyOf(value)
    const person = storedUnder(event)
    const id = `${person}|${name}|${event.source}|${trust}|${key}`
    const known = rows.get(id)
    if (known === undefined) {
      rows.set(id, {
        person,
        name,
        source: event.source,
        value,
        key,
        trust,
        firstAt: at,
        lastAt: at,
        knownAt: event.receivedAt,
        event: event.id,
      })
    } else if (at > known.lastAt) {
      known.lastAt = at
      known.event = event.id
    } else if (at < known.firstAt) known.firstAt = at
  }
  for (const event of events) {
    if (!maySay(event)) continue
    const aboutMessage = event.name?.startsWith('message.') ?? false
    if (aboutMessage && !fresh.has(event.person)) continue
    if (event.kind === 'identify') {
      const trust: Trust = event.mayJoin ? 'verified' : 'claimed'
      for (const [name, value] of flatTraits(event.traits)) add(event, name, value, trust, event.at)
    }
    // A day is exact enough for "this address was in use", and spares a write per event.
    const day = new Date(Math.floor(Date.parse(event.at) / dayMs) * dayMs).toISOString()
    for (const identifier of event.identifiers)
      if (fromIdentifiers.has(identifier.namespace))
        add(event, identifier.namespace, identifier.value, identifier.trust, day)
  }
  return [...rows.values()]
}
