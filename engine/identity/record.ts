import type { Json, JsonObject, NormalEvent, PersonId } from '@einklang/contract'
import { type Columns, type Database, derivedId, recordset } from '@einklang/platform'
import { birthdayOf, foldName } from './name.ts'
import { normalise } from './normalise.ts'

/** A source's row about one customer, with its fields standardised for comparison; the original stays in `profile`. */
export type RecordRow = { id: string; source: string; person: PersonId; fields: RecordFields; seenAt: string }

export type RecordFields = {
  first_name?: string
  last_name?: string
  birthday?: string
  email?: string
  phone?: string
  landline?: string
  street?: string
  postal_code?: string
  city?: string
  country?: string
  group?: string
}

const spellings: { [field in keyof RecordFields]: string[] } = {
  first_name: ['first_name', 'firstName', 'firstname'],
  last_name: ['last_name', 'lastName', 'lastname', 'surname'],
  birthday: ['birthday', 'birth_date', 'birthDate', 'dateOfBirth'],
  street: ['street', 'address_1'],
  postal_code: ['postal_code', 'postalCode', 'zip', 'zipCode', 'postcode'],
  city: ['city'],
  country: ['country'],
}

/** Null when the event says nothing by which records could be compared. */
export function recordOf(event: NormalEvent, person: PersonId): RecordRow | null {
  const fields: RecordFields = {}
  const { address } = event.traits
  const places = [event.traits, ...(isObject(address) ? [address] : [])]
  for (const [field, names] of Object.entries(spellings) as [keyof RecordFields, string[]][]) {
    const value = firstText(places, names)
    if (value === null) continue
    const clean = field === 'birthday' ? birthdayOf(value) : field === 'postal_code' ? plain(value) : foldText(value)
    if (clean) fields[field] = clean
  }
  for (const identifier of event.identifiers) {
    if (identifier.namespace !== 'email' && identifier.namespace !== 'phone' && identifier.namespace !== 'group_id')
      continue
    const named = normalise(identifier, 'DE')
    if ('refused' in named) continue
    if (named.namespace === 'group_id') fields.group = named.value
    else if (named.class === 'household') fields.landline = named.value
    else fields[named.namespace as 'email' | 'phone'] = named.value
  }
  if (Object.keys(fields).length === 0) return null
  return {
    id: derivedId('link', 'record', event.source, person),
    source: event.source,
    person,
    fields,
    seenAt: event.at,
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstText(places: JsonObject[], names: string[]): string | null {
  for (const place of places)
    for (const name of names) {
      const value = place[name]
      if (typeof value === 'string' && value.trim() !== '') return value
      if (typeof value === 'number') return String(value)
    }
  return null
}

function plain(value: string): string {
  return value.replaceAll(/\s/g, '').toUpperCase()
}

/** Letters and digits, folded; `Hauptstraße 12a` and `Hauptstr. 12 a` are one. */
function foldText(value: string): string {
  const spelled = value.toLowerCase().replaceAll(/stra(?:ß|ss)e\b|str\.(?=\s|\d|$)/g, 'str ')
  const digits = spelled.replaceAll(/[^\p{L}\p{N} ]+/gu, ' ')
  const words = digits.split(/\s+/).map((word) => (/^\d/.test(word) ? word : foldName(word)))
  const text = words.filter((word) => word !== '').join(' ')
  return text.replaceAll(/(\d) (?=[a-z]( |$))/g, '$1')
}

const columns: Columns = { id: 'uuid', source: 'uuid', person: 'uuid', fields: 'jsonb', seenAt: 'timestamptz' }

/** One record per source and id; later fields win, missing ones stay. */
export async function saveRecords(tx: Database, rows: RecordRow[]): Promise<void> {
  if (rows.length === 0) return
  const byId = new Map<string, RecordRow>()
  for (const row of rows) {
    const known = byId.get(row.id)
    byId.set(row.id, known ? { ...row, fields: { ...known.fields, ...row.fields } } : row)
  }
  await tx.run`
    insert into identity.record as record (id, source, person, fields, seen_at)
    select id, source, person, fields, "seenAt" from ${recordset(tx, [...byId.values()], columns)} as row order by id
    on conflict (id) do update set
      fields = case when excluded.seen_at >= record.seen_at then record.fields || excluded.fields
        else excluded.fields || record.fields end,
      seen_at = greatest(record.seen_at, excluded.seen_at)
    where not record.fields @> excluded.fields`
}
