import type { Json, JsonObject, NormalEvent } from '@einklang/contract'
import { isObject } from '../dialects/dialect.ts'

/** A field about the person, and where the event has it. */
export type Field = { path: string; value: Json }
export type Contact = { namespace: 'email' | 'phone'; value: string; places: string[] }
export type Line = { path: string; line: JsonObject }

const personFields = [
  'name',
  'first_name',
  'last_name',
  'salutation',
  'title',
  'birthday',
  'language',
  'time_zone',
  'street',
  'postal_code',
  'city',
  'country',
  'tax_id',
  'iban',
] as const
export type PersonField = (typeof personFields)[number]

/** The spellings of fields that checks know, without blanks and case. */
const spellings: { [spelling: string]: PersonField } = {
  name: 'name',
  fullname: 'name',
  firstname: 'first_name',
  givenname: 'first_name',
  lastname: 'last_name',
  surname: 'last_name',
  familyname: 'last_name',
  salutation: 'salutation',
  title: 'title',
  birthday: 'birthday',
  birthdate: 'birthday',
  dateofbirth: 'birthday',
  language: 'language',
  locale: 'language',
  timezone: 'time_zone',
  street: 'street',
  streetline1: 'street',
  address1: 'street',
  line1: 'street',
  postalcode: 'postal_code',
  postcode: 'postal_code',
  zip: 'postal_code',
  zipcode: 'postal_code',
  city: 'city',
  country: 'country',
  countrycode: 'country',
  taxid: 'tax_id',
  vatid: 'tax_id',
  iban: 'iban',
}
const contactSpellings: { [spelling: string]: Contact['namespace'] } = {
  email: 'email',
  emailaddress: 'email',
  phone: 'phone',
  mobile: 'phone',
  phonenumber: 'phone',
}

const orderNames = new Set(['Order Completed', 'Order Updated', 'Order Refunded', 'Order Cancelled'])
const none: ReadonlyMap<PersonField, Field> = new Map()
const noContacts: readonly Contact[] = []
const noLines: readonly Line[] = []
const known = new Map<string, string>()

/** An event as the checks look at it: what is asked often is found once, and only when somebody asks. */
export class Subject {
  #event: NormalEvent
  readonly isOrder: boolean
  #person: ReadonlyMap<PersonField, Field> | null = null
  #contacts: readonly Contact[] | null = null
  #lines: readonly Line[] | null = null

  constructor(event: NormalEvent) {
    this.#event = event
    this.isOrder = event.name !== null && orderNames.has(event.name)
  }

  get event(): NormalEvent {
    return this.#event
  }

  /** Only identify and group calls say something about the person as such. */
  get person(): ReadonlyMap<PersonField, Field> {
    this.#person ??= this.#event.kind === 'identify' ? personIn(this.#event.traits) : none
    return this.#person
  }

  get contacts(): readonly Contact[] {
    this.#contacts ??= contactsIn(this.#event)
    return this.#contacts
  }

  /** After repairs of some fields: what was found already need not be looked for again. */
  mended(event: NormalEvent, values: ReadonlyMap<string, Json>): void {
    this.#event = event
    for (const [path, value] of values) {
      const field = this.#person === null ? undefined : fieldAt(this.#person, path)
      if (field !== undefined) field.value = value
    }
    if (this.#contacts?.some(({ places }) => places.some((place) => values.has(place)))) this.#contacts = null
  }

  get lines(): readonly Line[] {
    this.#lines ??= linesIn(this.#event.properties)
    return this.#lines
  }
}

function fieldAt(person: ReadonlyMap<PersonField, Field>, path: string): Field | undefined {
  for (const field of person.values()) if (field.path === path) return field
  return undefined
}

function personIn(traits: JsonObject): ReadonlyMap<PersonField, Field> {
  const found = new Map<PersonField, Field>()
  const read = (holder: JsonObject, path: string) => {
    for (const key in holder) {
      const value = holder[key]
      if (value === null || value === undefined) continue
      const spelling = folded(key)
      if (spelling === 'address' && isObject(value) && path === 'traits.') {
        read(value, 'traits.address.')
        continue
      }
      const field = Object.hasOwn(spellings, spelling) ? spellings[spelling] : undefined
      if (field !== undefined && !found.has(field)) found.set(field, { path: `${path}${key}`, value })
    }
  }
  read(traits, 'traits.')
  return found.size === 0 ? none : found
}

function folded(key: string): string {
  let spelling = known.get(key)
  if (spelling === undefined) {
    spelling = key.replaceAll(/[\s_-]/g, '').toLowerCase()
    // Keys come from outside: the memory has a bound.
    if (known.size < 2000 && key.length < 64) known.set(key, spelling)
  }
  return spelling
}

function contactsIn(event: NormalEvent): readonly Contact[] {
  const found: Contact[] = []
  const add = (namespace: Contact['namespace'], value: string, place: string) => {
    const same = found.find((one) => one.namespace === namespace && one.value === value)
    if (!same) found.push({ namespace, value, places: [place] })
    else if (!same.places.includes(place)) same.places.push(place)
  }
  const read = (holder: JsonObject, path: string) => {
    for (const key in holder) {
      const value = holder[key]
      if (typeof value !== 'string' && typeof value !== 'number') continue
      const spelling = folded(key)
      const namespace = Object.hasOwn(contactSpellings, spelling) ? contactSpellings[spelling] : undefined
      if (namespace !== undefined && value !== '') add(namespace, String(value), `${path}${key}`)
    }
  }
  if (event.kind === 'identify') read(event.traits, 'traits.')
  const { email, phone } = event.properties
  if (typeof email === 'string' && email !== '') add('email', email, 'properties.email')
  if (typeof phone === 'string' && phone !== '') add('phone', phone, 'properties.phone')
  for (const { namespace, value } of event.identifiers)
    if (namespace === 'email' || namespace === 'phone') add(namespace, value, `identifiers.${namespace}`)
  return found.length === 0 ? noContacts : found
}

function linesIn(properties: JsonObject): readonly Line[] {
  const { products } = properties
  if (!Array.isArray(products)) {
    return properties.sku === undefined && properties.product_id === undefined
      ? noLines
      : [{ path: 'properties', line: properties }]
  }
  const lines: Line[] = []
  products.forEach((line, index) => {
    if (isObject(line)) lines.push({ path: `properties.products.${index}`, line })
  })
  return lines
}
