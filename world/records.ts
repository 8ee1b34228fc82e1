import { day, germanDate, germanTime, iso, week } from './calendar.ts'
import { hash, hex, Stream, share } from './chance.ts'
import { mojibake, nicknames, withoutUmlauts } from './names.ts'
import { type Address, addressAt, canary, type Person, surnameAt } from './persons.ts'
import { cell } from './rows.ts'
import { latin, tillCard } from './sales.ts'
import { languageOf } from './setting.ts'
import { count, type Sink } from './visits.ts'

export const recordSources = ['shop', 'loyalty', 'newsletter', 'crm', 'catalogue'] as const
export type RecordSource = (typeof recordSources)[number]

/** Defect rates per source; a rate is the chance that a field of a record is touched. */
type Rates = {
  missing: { birthday: number; phone: number; email: number; postcode: number; city: number }
  typo: number
  umlaut: number
  mojibake: number
  swapped: number
  nickname: number
  fakeBirthday: number
  placeholder: number
  stale: number
}

const usual = { birthday: 0.45, phone: 0.35, email: 0.25, postcode: 0.25, city: 0.25 }
const none = { birthday: 0, phone: 0, email: 0, postcode: 0, city: 0 }
const rates: { [source in RecordSource]: Rates } = {
  shop: {
    missing: { ...usual, email: 0, postcode: 0.05, city: 0.05 },
    typo: 0.012,
    umlaut: 0.1,
    mojibake: 0.004,
    swapped: 0.004,
    nickname: 0.05,
    fakeBirthday: 0.02,
    placeholder: 0.002,
    stale: 0.35,
  },
  loyalty: {
    missing: usual,
    typo: 0.035,
    umlaut: 0.2,
    mojibake: 0.006,
    swapped: 0.012,
    nickname: 0.02,
    fakeBirthday: 0.05,
    placeholder: 0.004,
    stale: 0.6,
  },
  newsletter: {
    missing: none,
    typo: 0.015,
    umlaut: 0.15,
    mojibake: 0.01,
    swapped: 0.006,
    nickname: 0.12,
    fakeBirthday: 0,
    placeholder: 0.002,
    stale: 0.3,
  },
  crm: {
    missing: usual,
    typo: 0.05,
    umlaut: 0.35,
    mojibake: 0.015,
    swapped: 0.02,
    nickname: 0.03,
    fakeBirthday: 0.06,
    placeholder: 0.012,
    stale: 0.7,
  },
  catalogue: {
    missing: { ...none, postcode: 0.02, city: 0.02 },
    typo: 0.04,
    umlaut: 0.5,
    mojibake: 0.012,
    swapped: 0.015,
    nickname: 0.01,
    fakeBirthday: 0,
    placeholder: 0.002,
    stale: 0.7,
  },
}

type Fields = {
  first: string
  last: string
  birthday: string
  phone: string
  email: string
  street: string
  postcode: string
  city: string
}

const neighbours: { [letter: string]: string } = {
  a: 's',
  e: 'r',
  i: 'o',
  n: 'm',
  m: 'n',
  t: 'z',
  z: 't',
  s: 'd',
  r: 't',
  l: 'k',
  h: 'j',
  d: 'f',
  o: 'p',
  u: 'i',
  g: 'h',
  b: 'v',
  c: 'x',
  k: 'l',
  f: 'g',
  p: 'o',
  w: 'e',
}

/** One slip of the finger: neighbour key, dropped, doubled or swapped letter. */
export function typo(text: string, draw: Stream): string {
  if (text.length < 4) return text
  const at = 1 + draw.below(text.length - 2)
  const letter = text[at] as string
  const kind = draw.below(4)
  if (kind === 0) return text.slice(0, at) + (neighbours[letter.toLowerCase()] ?? letter) + text.slice(at + 1)
  if (kind === 1) return text.slice(0, at) + text.slice(at + 1)
  if (kind === 2) return text.slice(0, at) + letter + text.slice(at)
  return text.slice(0, at) + (text[at + 1] as string) + letter + text.slice(at + 2)
}

/** The fields of a person as a source holds them, with the source's defects; what was changed goes to the truth. */
function fieldsOf(
  sink: Sink,
  person: Person,
  source: RecordSource,
  record: string,
  since: number,
  copy: number,
): Fields {
  const { setting } = sink
  const rate = rates[source]
  const factor = person.story && copy === 0 ? 0 : setting.options.defects
  const draw = new Stream().open(setting.purposes['person/defect'], person.id, recordSources.indexOf(source) * 4 + copy)
  const last = setting.until - day
  const notes: { field: string; kind: string; value: string }[] = []
  const note = (field: string, kind: string, value: string): void => {
    notes.push({ field, kind, value })
  }
  const keepsOld = draw.happens(rate.stale) && person.story === false
  const asOf = keepsOld ? since : last
  const address: Address = addressAt(person, asOf)
  const truth: Fields = {
    first: person.first,
    last: surnameAt(person, last),
    birthday: person.birthday,
    phone: person.phone,
    email: person.email,
    ...placed(addressAt(person, last), canary(setting, person.id, 'd')),
  }
  const fields: Fields = {
    ...truth,
    last: surnameAt(person, asOf),
    ...placed(address, canary(setting, person.id, 'd')),
  }
  if (fields.last !== truth.last) note('last_name', 'name before marriage', truth.last)
  if (fields.street !== truth.street || fields.postcode !== truth.postcode)
    note('street', 'address before the move', `${truth.street}, ${truth.postcode} ${truth.city}`)
  if (draw.happens(0.06 * factor) && fields.phone === person.mobile) {
    fields.phone = person.household.landline
    note('phone', 'old number', truth.phone)
  }
  const nickname = nicknames[fields.first]
  if (draw.happens(rate.nickname * factor) && nickname) {
    fields.first = nickname
    note('first_name', 'nickname', truth.first)
  }
  for (const field of ['first', 'last', 'street', 'city'] as const) {
    const touched = draw.happens(rate.typo * factor)
    const style = draw.uniform()
    const broken = draw.happens(rate.mojibake * factor)
    const name = { first: 'first_name', last: 'last_name', street: 'street', city: 'city' }[field]
    if (touched) {
      fields[field] = typo(fields[field], draw)
      note(name, 'typo', truth[field])
    }
    const plain = withoutUmlauts(fields[field], style < 0.12 ? 'u' : 'ue')
    if (plain !== fields[field] && style < Math.min(1, rate.umlaut * factor)) {
      fields[field] = plain
      note(name, 'umlaut', truth[field])
    } else if (broken && mojibake(fields[field]) !== fields[field]) {
      fields[field] = mojibake(fields[field])
      note(name, 'mojibake', truth[field])
    }
  }
  if (draw.happens(rate.swapped * factor)) {
    ;[fields.first, fields.last] = [fields.last, fields.first]
    note('first_name', 'swapped', truth.first)
  }
  if (draw.happens(rate.placeholder * factor)) {
    fields.first = draw.pick(['Kunde', 'Test', 'X', 'Barverkauf'])
    fields.last = draw.pick(['Kunde', 'Test', 'X', 'Unbekannt'])
    note('last_name', 'placeholder', `${truth.first} ${truth.last}`)
  }
  if (draw.happens(rate.fakeBirthday * factor)) {
    fields.birthday = draw.pick(['1900-01-01', '1970-01-01', '2000-01-01'])
    note('birthday', 'fake birthday', truth.birthday)
  }
  for (const field of ['birthday', 'phone', 'email', 'postcode', 'city'] as const) {
    if (
      draw.happens(
        Math.min(1, rate.missing[field] * (person.story && field !== 'birthday' ? 0 : setting.options.defects)),
      )
    ) {
      fields[field] = ''
      note(field === 'postcode' ? 'postal_code' : field, 'missing', truth[field])
    }
  }
  if (sink.truth) tellDefects(sink, { person, source, record, since, notes, fields })
  return fields
}

/** Columns that a source has at all; elsewhere a defect cannot show. */
const columns: { [source in RecordSource]: readonly string[] } = {
  shop: ['first_name', 'last_name', 'birthday', 'phone', 'email', 'street', 'postal_code', 'city'],
  loyalty: ['first_name', 'last_name', 'birthday', 'phone', 'email', 'street', 'postal_code', 'city'],
  newsletter: ['first_name', 'last_name'],
  crm: ['first_name', 'last_name', 'birthday', 'phone', 'email', 'street', 'postal_code', 'city'],
  catalogue: ['first_name', 'last_name', 'street', 'postal_code', 'city'],
}

/** Notes the defects that can be seen: of a field that is missing in the end only that. */
function tellDefects(
  sink: Sink,
  of: {
    person: Person
    source: RecordSource
    record: string
    since: number
    notes: { field: string; kind: string; value: string }[]
    fields: Fields
  },
): void {
  const gone = new Set(of.notes.filter((one) => one.kind === 'missing').map((one) => one.field))
  const shown = of.notes.filter(
    (one) =>
      columns[of.source].includes(one.field) &&
      (of.source !== 'newsletter' || knowsName(sink, of.person)) &&
      (one.kind === 'missing' || !gone.has(one.field)),
  )
  for (const [index, one] of shown.entries()) {
    sink.rows.add(
      sink.files.truth.defects,
      of.since,
      hash(sink.setting.purposes['row/tie'], of.person.id, recordSources.indexOf(of.source) * 64 + index),
      JSON.stringify({ source: of.source, record: of.record, ...one }),
    )
    count(sink, 'defects')
  }
}

/** Whether the newsletter tool knows the subscriber's name. */
function knowsName(sink: Sink, person: Person): boolean {
  return person.story || share(sink.setting.purposes['person/permission'], person.id, 12) < 0.6
}

function placed(address: Address, token: string): { street: string; postcode: string; city: string } {
  return { street: `${address.street} ${address.house}${token}`, postcode: address.postcode, city: address.town }
}

/** How a till clerk writes a number: national, with spaces or slash. */
function phoneAs(phone: string, style: number): string {
  if (!phone.startsWith('+49')) return phone
  const rest = phone.slice(3)
  const area = /^(30|40|69|89|221)/.exec(rest)?.[0].length ?? 3
  if (style < 0.4) return `0${rest}`
  if (style < 0.7) return `0${rest.slice(0, area)}/${rest.slice(area)}`
  if (style < 0.85) return `+49 ${rest.slice(0, area)} ${rest.slice(area)}`
  return phone
}

/** Writes the customer records of a person: at most five, some sources twice. */
export function record(sink: Sink, person: Person): void {
  const { setting, files, rows } = sink
  const { purposes } = setting
  let written = 0
  const begin = (source: RecordSource, key: string): boolean => {
    if (written === 5) return false
    written++
    count(sink, 'customerRecords')
    if (sink.truth)
      rows.add(
        files.truth.identity,
        0,
        hash(purposes['row/tie'], person.id, written),
        JSON.stringify({ source, record: key, person: person.id, household: person.household.id }),
      )
    return true
  }
  const style = share(purposes['person/defect'], person.id, 99)
  // Rows stand in the order of arrival: by date of creation, with a tie that tells nothing.
  const tie = (part: number): number => hash(purposes['row/tie'], person.id, 100 + part)
  const until = setting.until
  if (person.has.account && person.dates.account < until && !(person.erasedAt !== null && person.erasedAt < until)) {
    if (begin('shop', person.userId)) {
      const at = person.dates.account
      const fields = fieldsOf(sink, person, 'shop', person.userId, at, 0)
      const newsletter = person.permits.email && !person.has.newsletter && person.emailPermission !== null
      const proof = share(purposes['person/permission'], person.id, 8) < 0.92
      rows.add(
        files.customers,
        at,
        tie(0),
        JSON.stringify({
          customerNumber: person.userId,
          emailAddress: person.email,
          firstName: fields.first,
          lastName: fields.last,
          ...(fields.phone ? { phoneNumber: fields.phone } : {}),
          createdAt: iso(at),
          updatedAt: iso(Math.min(until - day, at + 30 * day)),
          address: { streetLine1: fields.street, postalCode: fields.postcode, city: fields.city, countryCode: 'DE' },
          customFields: {
            ...(fields.birthday ? { birthday: fields.birthday } : {}),
            newsletter: newsletter
              ? person.emailPermission?.end === 'unsubscribed' && (person.emailPermission?.until ?? 0) < until
                ? '0'
                : '1'
              : '',
            push: person.appUser ? (person.permits.push ? '1' : '0') : '',
            sms: person.permits.sms ? '1' : '',
            ...(newsletter || person.permits.sms || person.permits.push ? { consentAt: iso(at) } : {}),
            ...(proof && (newsletter || person.permits.sms || person.permits.push)
              ? { consentProof: `konto-${hex(hash(purposes['person/permission'], person.id, 20))}` }
              : {}),
          },
        }),
      )
    }
  }
  if (person.has.loyalty && person.dates.loyalty < until) {
    for (const [copy, card] of [person.card, person.secondCard].entries()) {
      if (card === null) continue
      const key = `L${hex(hash(purposes['person/recordNumber'], person.id, copy)).toUpperCase()}`
      if (!begin('loyalty', key)) continue
      const at = person.dates.loyalty + copy * 9 * week
      const fields = fieldsOf(sink, person, 'loyalty', key, at, copy)
      const byCard = person.permits.email && !person.has.newsletter && !person.has.account
      const proof = share(purposes['person/permission'], person.id, 9 + copy) < 0.85
      const asked = byCard || person.permits.sms || person.permits.letter
      const birthday =
        fields.birthday === ''
          ? ''
          : `${fields.birthday.slice(8, 10)}.${fields.birthday.slice(5, 7)}.${fields.birthday.slice(0, 4)}`
      rows.add(
        files.loyalty,
        at,
        tie(1 + copy),
        [
          key,
          card,
          fields.first,
          fields.last,
          birthday,
          person.female ? 'w' : 'm',
          fields.street,
          fields.postcode,
          fields.city,
          fields.email,
          phoneAs(fields.phone, style),
          germanDate(at),
          germanTime(Math.min(until - day, at + 20 * week)),
          byCard ? '1' : '',
          person.permits.sms ? '1' : '',
          person.permits.letter ? '1' : '0',
          asked ? germanDate(at) : '',
          asked && proof ? `Karte ${card.slice(-6)}` : '',
        ]
          .map((value) => cell(value, ';'))
          .join(';'),
      )
    }
  }
  if (person.has.newsletter && person.dates.newsletter < until) {
    const key = person.email
    if (begin('newsletter', key)) {
      const at = person.dates.newsletter
      const fields = fieldsOf(sink, person, 'newsletter', key, at, 0)
      const gone = person.emailPermission !== null && person.emailPermission.until < until
      const status = gone ? (person.emailPermission?.end === 'bounced' ? 'bounced' : 'unsubscribed') : 'subscribed'
      const proof = person.story || share(purposes['person/permission'], person.id, 11) < 0.9
      const changed = gone ? (person.emailPermission?.until ?? at) : at
      const named = knowsName(sink, person)
      rows.add(
        files.newsletter,
        at,
        tie(3),
        [
          key,
          named ? fields.first : '',
          named ? fields.last : '',
          status,
          iso(at),
          iso(changed),
          languageOf(sink.setting, person.id),
          status === 'unsubscribed' ? '0' : '1',
          iso(status === 'unsubscribed' ? changed : at),
          proof ? `doi-${hex(hash(purposes['person/permission'], person.id, 21))}` : '',
        ]
          .map((value) => cell(value, ','))
          .join(','),
      )
    }
  }
  if (person.has.crm && person.dates.crm < until) {
    const copies = share(purposes['person/recordNumber'], person.id, 7) < 0.06 ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const key = `K${hex(hash(purposes['person/recordNumber'], person.id, 10 + copy))
        .slice(0, 7)
        .toUpperCase()}`
      if (!begin('crm', key)) continue
      const at = person.dates.crm + copy * 11 * week
      const fields = fieldsOf(sink, person, 'crm', key, at, copy)
      const birthday =
        fields.birthday === ''
          ? ''
          : `${fields.birthday.slice(8, 10)}.${fields.birthday.slice(5, 7)}.${fields.birthday.slice(0, 4)}`
      const knows = !person.has.loyalty
        ? tillCard(person)
        : share(purposes['person/recordNumber'], person.id, 8) < 0.3
          ? person.card
          : ''
      const text = [
        key,
        fields.first,
        fields.last,
        birthday,
        fields.street,
        fields.postcode,
        fields.city,
        phoneAs(fields.phone, 1 - style),
        fields.email,
        knows,
        germanDate(at),
        person.permits.sms ? '1' : '',
        person.permits.letter ? '1' : '0',
        germanDate(at),
        share(purposes['person/permission'], person.id, 13) < 0.6 ? 'Unterschrift im Markt' : '',
      ]
        .map((value) => cell(latin(value), ';'))
        .join(';')
      rows.add(files.crm, at, tie(4 + copy), text, true)
    }
  }
  if (person.has.catalogue && person.dates.catalogue < until) {
    const key = catalogueNumber(sink, person)
    if (begin('catalogue', key)) {
      const at = person.dates.catalogue
      const fields = fieldsOf(sink, person, 'catalogue', key, at, 0)
      rows.add(
        files.catalogue,
        at,
        tie(6),
        [
          key,
          fields.first,
          fields.last,
          fields.street,
          fields.postcode,
          fields.city,
          'DE',
          germanDate(at),
          'aktiv',
          person.permits.letter ? '1' : '0',
        ]
          .map((value) => cell(value, ';'))
          .join(';'),
      )
    }
  }
  if (sink.truth) tell(sink, person)
}

export function catalogueNumber(sink: Sink, person: Person): string {
  return `A${hex(hash(sink.setting.purposes['person/recordNumber'], person.id, 20)).toUpperCase()}`
}

/** The number under which letters are sent: of the record that has an address. */
export function letterNumber(sink: Sink, person: Person): string {
  const { purposes } = sink.setting
  if (person.has.catalogue) return catalogueNumber(sink, person)
  if (person.has.loyalty) return `L${hex(hash(purposes['person/recordNumber'], person.id, 0)).toUpperCase()}`
  if (person.has.crm)
    return `K${hex(hash(purposes['person/recordNumber'], person.id, 10))
      .slice(0, 7)
      .toUpperCase()}`
  return person.userId
}

/** Truth about the person that no record shows. */
function tell(sink: Sink, person: Person): void {
  const { files, rows, setting } = sink
  const tie = hash(setting.purposes['row/tie'], person.id, 300)
  rows.add(
    files.truth.cate,
    person.id,
    tie,
    JSON.stringify({ person: person.id, offer: 'personal', effect: Math.round(person.offerEffect * 1e6) / 1e6 }),
  )
  const hours = Array.from({ length: 24 }, (_, at) =>
    Math.exp(0.8 * Math.cos((2 * Math.PI * (at - person.preferredHour)) / 24)),
  )
  const sum = hours.reduce((a, b) => a + b, 0)
  rows.add(
    files.truth.preferred_channel_hour,
    person.id,
    tie,
    JSON.stringify({
      person: person.id,
      channel: person.preferredChannel,
      hours: hours.map((value) => Math.round((value / sum) * 1e4) / 1e4),
    }),
  )
  for (const [index, device] of person.devices.entries())
    rows.add(
      files.truth.identity,
      0,
      hash(setting.purposes['row/tie'], person.id, 400 + index),
      JSON.stringify({ source: 'web-device', record: device.id, person: person.id, household: person.household.id }),
    )
  if (setting.options.canaries)
    for (const [field, letter] of [
      ['first_name', 'a'],
      ['last_name', 'b'],
      ['email', 'c'],
      ['street', 'd'],
    ] as const)
      rows.add(
        files.truth.canaries,
        person.id,
        letter.charCodeAt(0),
        JSON.stringify({ person: person.id, field, token: canary(setting, person.id, letter) }),
      )
  if (
    person.edge &&
    person.id === person.household.id &&
    ['twins', 'same name', 'marriage and move', 'family mailbox'].includes(person.edge)
  )
    rows.add(
      files.truth.edges,
      0,
      tie,
      JSON.stringify({ edge: person.edge, household: person.household.id, persons: person.household.members }),
    )
}
