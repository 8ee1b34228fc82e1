import type { ColumnFacts, RoleKind } from './kinds.ts'
import type { Input } from './records.ts'
import { dateOrderOf, hasHotJanuary, looksLikeDate } from './standard/dates.ts'
import { isFirstName } from './standard/nicknames.ts'
import { digitsOf, fold } from './standard/text.ts'

export type ColumnRole = RoleKind | 'id' | 'source'

/** What a column was taken for, and why. */
export type Recognised = { input: string; column: string; role: ColumnRole | null; why: string }

/** Why a column that is called like an id is none. */
export const notUnique = 'is not unique and complete'

export type Profile = {
  column: string
  values: string[]
  rows: number
  filled: number
  distinct: number
  complete: boolean
}

const sample = 20_000

/** Looks at the first rows of a table. */
export function profilesOf(input: Input): Profile[] {
  const values = input.header.map(() => [] as string[])
  let rows = 0
  input.each((cells) => {
    if (cells === null) return
    if (++rows > sample) return false
    cells.forEach((cell, at) => {
      if (cell !== '') values[at]?.push(cell)
    })
  })
  const looked = Math.min(rows, sample)
  return input.header.map((column, at) => {
    const here = values[at] as string[]
    const distinct = new Set(here).size
    return { column, values: here, rows: looked, filled: here.length, distinct, complete: here.length === looked }
  })
}

export function factsOf({ values }: Profile): ColumnFacts {
  const dateOrder = dateOrderOf(values)
  return { dateOrder, hotJanuary: hasHotJanuary(values, dateOrder) }
}

const answers = new Set(
  'cluster clusterid trueid truth entityid group groupid label household householdid match matchid'.split(' '),
)

type Names = { role: ColumnRole; exact: string[]; fits?: (profile: Profile) => number }

const share = (values: string[], test: (value: string) => boolean) => {
  if (values.length === 0) return 1
  const looked = values.slice(0, 2000)
  return looked.filter(test).length / looked.length
}
const lettered = (profile: Profile) =>
  share(profile.values, (value) => /\p{L}/u.test(value) && digitsOf(value).length <= 2)
const dated = (profile: Profile) => share(profile.values, (value) => looksLikeDate(value) || /^\d{4}$/.test(value))
const mailed = (profile: Profile) => share(profile.values, (value) => /[^\s@]+@[^\s@]/.test(value))
const phoned = (profile: Profile) => share(profile.values, (value) => /^[+()\d][\d\s()+./x-]{5,24}$/i.test(value))
const short = (profile: Profile) => share(profile.values, (value) => value.length <= 12 && /\d/.test(value))

/** Names of columns by role: German, English, Italian, Vietnamese; separators and case do not matter. */
const names: Names[] = [
  {
    role: 'id',
    exact: [
      'id',
      'uniqueid',
      'recid',
      'recordid',
      'rowid',
      'kundennr',
      'kundennummer',
      'customerid',
      'customerno',
      'personid',
      'datensatz',
    ],
  },
  {
    role: 'source',
    exact: ['source', 'system', 'quelle', 'datasource', 'sourcesystem', 'sourcefile', 'sourcedataset'],
  },
  {
    role: 'first_name',
    exact: ['firstname', 'givenname', 'forename', 'vorname', 'rufname', 'nome', 'ten', 'namefirst', 'fname', 'first'],
    fits: lettered,
  },
  {
    role: 'surname',
    exact: [
      'surname',
      'lastname',
      'familyname',
      'nachname',
      'familienname',
      'cognome',
      'ho',
      'namelast',
      'lname',
      'last',
    ],
    fits: lettered,
  },
  {
    role: 'full_name',
    exact: [
      'name',
      'fullname',
      'namefull',
      'kunde',
      'kundenname',
      'customername',
      'nominativo',
      'hoten',
      'hovaten',
      'nativename',
      'nativenamefull',
    ],
    fits: lettered,
  },
  { role: 'middle_name', exact: ['middlename', 'namemiddle', 'secondname', 'zweitname', 'tendem'], fits: lettered },
  { role: 'suffix', exact: ['suffix', 'namesuffix', 'generation'] },
  {
    role: 'company',
    exact: [
      'org',
      'nameorg',
      'organisation',
      'organization',
      'company',
      'companyname',
      'firma',
      'firmenname',
      'business',
      'businessname',
      'azienda',
      'congty',
      'sitename',
      'title',
      'productname',
    ],
  },
  {
    role: 'birth_date',
    exact: [
      'dob',
      'dateofbirth',
      'birthdate',
      'birthday',
      'geburtsdatum',
      'geburtstag',
      'gebdatum',
      'datanascita',
      'datadinascita',
      'ngaysinh',
      'birth',
    ],
    fits: dated,
  },
  {
    role: 'mail',
    exact: ['email', 'mail', 'emailaddress', 'mailadresse', 'emailadresse', 'posta', 'thudientu'],
    fits: mailed,
  },
  {
    role: 'phone',
    exact: [
      'phone',
      'tel',
      'telefon',
      'telephone',
      'mobile',
      'handy',
      'phonenumber',
      'telefonnummer',
      'mobil',
      'cellulare',
      'telefono',
      'dienthoai',
      'sodienthoai',
    ],
    fits: phoned,
  },
  {
    role: 'house_number',
    exact: ['streetnumber', 'hausnr', 'hausnummer', 'housenumber', 'numerocivico', 'sonha', 'streetno', 'houseno'],
  },
  {
    role: 'street',
    exact: [
      'street',
      'strasse',
      'address',
      'address1',
      'addr',
      'addressline1',
      'line1',
      'adresse',
      'via',
      'indirizzo',
      'duong',
      'diachi',
      'streetaddress',
      'streetname',
      'anschrift',
    ],
  },
  {
    role: 'postal_code',
    exact: ['postcode', 'zip', 'zipcode', 'postalcode', 'plz', 'postleitzahl', 'cap', 'mabuuchinh'],
    fits: short,
  },
  {
    role: 'city',
    exact: ['city', 'ort', 'stadt', 'town', 'suburb', 'citta', 'comune', 'thanhpho', 'wohnort', 'locality'],
    fits: lettered,
  },
  { role: 'state', exact: ['state', 'bundesland', 'province', 'provincia', 'region', 'tinh'] },
  { role: 'full_address', exact: ['fulladdress', 'addressfull', 'volladresse', 'addrfull', 'full'] },
  { role: 'gender', exact: ['gender', 'sex', 'geschlecht', 'sesso', 'gioitinh'] },
  {
    role: 'person_number',
    exact: [
      'ssn',
      'ssnnumber',
      'socsecid',
      'socialsecurity',
      'socialsecuritynumber',
      'taxid',
      'taxidnumber',
      'steuerid',
      'steuernummer',
      'passport',
      'passportnumber',
      'reisepass',
      'licence',
      'license',
      'driverslicense',
      'driverslicensenumber',
      'loyaltycard',
      'loyaltyno',
      'kartennr',
      'kartennummer',
      'cardno',
      'customernumber',
      'codicefiscale',
      'nationalid',
      'nationalidnumber',
      'cccd',
      'cmnd',
      'leinumber',
      'lei',
    ],
  },
  {
    role: 'words',
    exact: [
      'birthplace',
      'geburtsort',
      'placeofbirth',
      'occupation',
      'beruf',
      'profession',
      'luogonascita',
      'luogodinascita',
      'professione',
      'nghenghiep',
      'noisinh',
    ],
  },
]
const prefixes = ['primary', 'secondary', 'addr', 'customer', 'kunden', 'person', 'contact', 'billing', 'home', 'main']
const suffixes = ['fake', 'primary', 'home', '1', 'value']

const squeezed = (column: string) => fold(column).replaceAll(' ', '')

function nameRole(column: string): Names | null {
  const plain = squeezed(column)
  const forms = [plain]
  for (const prefix of prefixes)
    if (plain.startsWith(prefix) && plain.length > prefix.length) forms.push(plain.slice(prefix.length))
  for (const suffix of suffixes)
    if (plain.endsWith(suffix) && plain.length > suffix.length) forms.push(plain.slice(0, -suffix.length))
  for (const form of forms) {
    const found = names.find(({ exact }) => exact.includes(form))
    if (found) return found
  }
  return null
}

export function looksLikeAnswer(column: string): boolean {
  return answers.has(squeezed(column))
}

/** Decides for each column what it holds: by its name where the content agrees, else by its content. */
export function recognise(input: Input, profiles: Profile[], never: string[]): Recognised[] {
  const found = profiles.map((profile): Recognised => {
    const say = (role: ColumnRole | null, why: string) => ({ input: input.name, column: profile.column, role, why })
    if (never.includes(profile.column)) return say(null, 'holds the answer')
    if (looksLikeAnswer(profile.column)) return say(null, 'looks like an answer')
    if (profile.filled === 0) return say(null, 'is empty')
    const named = nameRole(profile.column)
    if (named) {
      const fits = named.fits?.(profile) ?? 1
      if (fits >= 0.8) {
        if (named.role === 'person_number' && profile.distinct < profile.filled * 0.2)
          return say(null, 'repeats too often for a number of a person')
        if (
          named.role === 'words' &&
          (profile.distinct < profile.filled * 0.001 || profile.distinct > profile.filled * 0.9)
        )
          return say(null, 'says too little or too much')
        if (named.role === 'id' && (!profile.complete || profile.distinct < profile.filled)) return say(null, notUnique)
        return say(named.role, 'by its name')
      }
      return say(null, `is called so, but only ${Math.round(fits * 100)} % of its values fit`)
    }
    if (mailed(profile) >= 0.9) return say('mail', 'by its values')
    if (
      share(profile.values, (value) => looksLikeDate(value) && plausibleBirth(value)) >= 0.9 &&
      profile.distinct > 50 &&
      /birth|geb|nasc|sinh/i.test(profile.column)
    )
      return say('birth_date', 'by its values')
    if (
      profile.distinct > 20 &&
      share(profile.values, (value) => isFirstName(fold(value))) >= 0.5 &&
      lettered(profile) >= 0.9
    )
      return say('first_name', 'by its values')
    return say(null, 'is not known')
  })
  return oneOfEach(found)
}

function plausibleBirth(text: string): boolean {
  const year = /(?:18[5-9]\d|19\d\d|20[0-2]\d)/.exec(text)
  return year !== null
}

/** Where a column with the parts is there, the whole is not needed; one id is enough. */
function oneOfEach(found: Recognised[]): Recognised[] {
  const has = (role: ColumnRole) => found.some((column) => column.role === role)
  let id = false
  return found.map((column) => {
    if (column.role === 'id') {
      if (id) return { ...column, role: null, why: 'another column is the id' }
      id = true
    }
    if (column.role === 'state' && !has('city') && !has('postal_code') && !has('street'))
      return { ...column, role: null, why: 'says too little alone' }
    return column
  })
}
