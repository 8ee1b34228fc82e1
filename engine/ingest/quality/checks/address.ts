import { foldText, unaccented } from '@einklang/platform'
import { type Check, nothing } from '../finding.ts'
import type { Subject } from '../subject.ts'
import { remembered } from './memory.ts'

const languages = ['en', 'de', 'fr', 'it', 'es', 'nl', 'pl', 'cs', 'da', 'sv', 'pt', 'hu', 'vi']
/** ISO 3166-1 alpha-3 of countries that customers of shops write. */
const threes =
  'DEU DE AUT AT CHE CH LIE LI ITA IT FRA FR NLD NL BEL BE LUX LU POL PL CZE CZ SVK SK HUN HU SVN SI HRV HR DNK DK SWE SE NOR NO FIN FI ISL IS GBR GB IRL IE ESP ES PRT PT GRC GR TUR TR ROU RO BGR BG SRB RS UKR UA RUS RU USA US CAN CA AUS AU NZL NZ JPN JP CHN CN VNM VN THA TH KOR KR IND IN BRA BR MEX MX ARG AR ZAF ZA ISR IL ARE AE EST EE LVA LV LTU LT MLT MT CYP CY'.split(
    ' ',
  )
/** Old codes, plate letters and short forms. */
const others: { [name: string]: string } = {
  d: 'DE',
  a: 'AT',
  i: 'IT',
  f: 'FR',
  l: 'LU',
  b: 'BE',
  uk: 'GB',
  england: 'GB',
  scotland: 'GB',
  schottland: 'GB',
  wales: 'GB',
  'great britain': 'GB',
  grossbritannien: 'GB',
  holland: 'NL',
  brd: 'DE',
  ddr: 'DE',
  dd: 'DE',
  'bundesrepublik deutschland': 'DE',
  'federal republic of germany': 'DE',
  usa: 'US',
  'u.s.a.': 'US',
  tschechien: 'CZ',
  'tschechische republik': 'CZ',
  'czech republic': 'CZ',
  suedtirol: 'IT',
  oesterreich: 'AT',
  vn: 'VN',
  'viet nam': 'VN',
  svizzera: 'CH',
  suisse: 'CH',
  schweiz: 'CH',
}

let byName: Map<string, string> | null = null
let codes: Set<string> | null = null

function countries(): { byName: Map<string, string>; codes: Set<string> } {
  if (byName !== null && codes !== null) return { byName, codes }
  byName = new Map(Object.entries(others))
  codes = new Set()
  const english = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')
  for (const one of letters)
    for (const other of letters) {
      const code = `${one}${other}`
      // A code that is no longer given out reads as another one.
      const current = Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}`
      if (current && english.of(code) !== undefined && !notCountries.has(code)) codes.add(code)
    }
  for (const language of languages) {
    const names = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' })
    for (const code of codes) {
      const name = names.of(code)
      if (name !== undefined && !byName.has(unaccented(name))) byName.set(unaccented(name), code)
    }
  }
  for (let at = 0; at < threes.length; at += 2)
    byName.set((threes[at] as string).toLowerCase(), threes[at + 1] as string)
  return { byName, codes }
}

/** Regions, groups of countries and codes that are no longer given out. */
const notCountries = new Set([
  'AC',
  'AN',
  'BU',
  'CP',
  'CS',
  'DD',
  'DG',
  'EA',
  'EU',
  'EZ',
  'FX',
  'IC',
  'NT',
  'QO',
  'SU',
  'TA',
  'TP',
  'UK',
  'UN',
  'XA',
  'XB',
  'YD',
  'YU',
  'ZR',
  'ZZ',
])

/** `Deutschland`, `DEU`, `D`, `germany` → `DE`; null = no country we know. */
export const readCountry = remembered(2000, (given) => {
  if (given.length > 80) return null
  const { codes, byName } = countries()
  const upper = given.trim().toUpperCase()
  return codes.has(upper) ? upper : (byName.get(unaccented(given.trim())) ?? null)
})

const country: Check = {
  code: 'address.country',
  actions: ['repair'],
  find(subject) {
    const field = subject.person.get('country')
    if (field === undefined || typeof field.value !== 'string') return nothing
    const value = readCountry(field.value)
    return value === null || value === field.value
      ? nothing
      : [{ path: field.path, value, message: 'Written as the code of ISO 3166.' }]
  },
}

const countryKnown: Check = {
  code: 'address.country',
  actions: ['flag', 'strip'],
  find(subject) {
    const field = subject.person.get('country')
    if (field === undefined || field.value === '') return nothing
    if (typeof field.value === 'string' && readCountry(field.value) !== null) return nothing
    return [{ path: field.path, message: 'No country of ISO 3166 is called that; send DE, AT, CH …' }]
  },
}

const postcodes: { [country: string]: RegExp } = {
  DE: /^\d{5}$/,
  AT: /^\d{4}$/,
  CH: /^\d{4}$/,
  LI: /^94\d\d$/,
  IT: /^\d{5}$/,
  FR: /^\d{5}$/,
  NL: /^\d{4} ?[A-Z]{2}$/,
  BE: /^\d{4}$/,
  LU: /^\d{4}$/,
  PL: /^\d\d-?\d{3}$/,
  CZ: /^\d{3} ?\d\d$/,
  SK: /^\d{3} ?\d\d$/,
  HU: /^\d{4}$/,
  SI: /^\d{4}$/,
  DK: /^\d{4}$/,
  SE: /^\d{3} ?\d\d$/,
  NO: /^\d{4}$/,
  FI: /^\d{5}$/,
  ES: /^\d{5}$/,
  PT: /^\d{4}-?\d{3}$/,
  GB: /^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$/,
  US: /^\d{5}(?:-\d{4})?$/,
  VN: /^\d{5,6}$/,
}

/** German towns whose postcodes begin with 0, by their first two digits. */
const zeroTowns: { [town: string]: string[] } = {
  dresden: ['01'],
  radebeul: ['01'],
  meissen: ['01'],
  pirna: ['01'],
  freital: ['01'],
  riesa: ['01'],
  bautzen: ['02'],
  goerlitz: ['02'],
  zittau: ['02'],
  hoyerswerda: ['02'],
  cottbus: ['03'],
  leipzig: ['04'],
  markkleeberg: ['04'],
  borna: ['04'],
  halle: ['06'],
  merseburg: ['06'],
  dessau: ['06'],
  bitterfeld: ['06'],
  wittenberg: ['06'],
  lutherstadt: ['06'],
  naumburg: ['06'],
  weissenfels: ['06'],
  quedlinburg: ['06'],
  bernburg: ['06'],
  koethen: ['06'],
  gera: ['07'],
  jena: ['07'],
  saalfeld: ['07'],
  rudolstadt: ['07'],
  greiz: ['07'],
  altenburg: ['04'],
  zwickau: ['08'],
  plauen: ['08'],
  chemnitz: ['09'],
  freiberg: ['09'],
  annaberg: ['09'],
}

function postcodeIn(subject: Subject, home: string): { path: string; text: string; country: string } | null {
  const field = subject.person.get('postal_code')
  if (field === undefined || field.value === '') return null
  const text = typeof field.value === 'number' ? String(field.value) : field.value
  if (typeof text !== 'string' || text.length > 20) return { path: field.path, text: '', country: home }
  const named = subject.person.get('country')?.value
  return { path: field.path, text, country: (typeof named === 'string' ? readCountry(named) : null) ?? home }
}

const postcode: Check = {
  code: 'address.postcode',
  actions: ['repair'],
  find(subject, facts) {
    const given = postcodeIn(subject, facts.source.country)
    if (given === null) return nothing
    const field = subject.person.get('postal_code')
    let text = given.text
      .trim()
      .toUpperCase()
      .replace(/^(?:D|A|CH|I|F|L|B|NL|FL)[- ]+(?=\d)/, '')
    if (given.country === 'DE' && /^\d{4}$/.test(text)) {
      const city = subject.person.get('city')?.value
      const town = typeof city === 'string' ? foldText(city.slice(0, 80).trim()) : ''
      const starts = zeroTowns[town.split(/[\s,(/-]/, 1)[0] as string]
      if (starts?.some((start) => `0${text}`.startsWith(start))) text = `0${text}`
    }
    if (text === field?.value || text === '') return nothing
    return [{ path: given.path, value: text, message: 'The postcode as it is written in its country.' }]
  },
}

const postcodeKnown: Check = {
  code: 'address.postcode',
  actions: ['flag', 'strip'],
  find(subject, facts) {
    const given = postcodeIn(subject, facts.source.country)
    if (given === null) return nothing
    const pattern = postcodes[given.country]
    if (pattern === undefined || pattern.test(given.text.trim().toUpperCase())) return nothing
    return [{ path: given.path, message: `No postcode of ${given.country} looks like that.` }]
  },
}

type Street = {
  street: string
  house: string | null
  addition: string | null
  kind: 'street' | 'box' | 'station'
}

/** `Hauptstr.12a` → Hauptstraße · 12 · a; squares of Mannheim, boxes and parcel stations are told apart. */
export function readStreet(given: string, country: string): Street | null {
  const text = given
    .normalize('NFC')
    .replaceAll(/[\s\u00a0]+/g, ' ')
    .trim()
  if (text === '' || text.length > 200) return null
  const station =
    /^(?:dhl[- ])?(packstation|paketstation|postfiliale|paketbox|my ?post ?24)\s*(?:nr\.?\s*)?(\d{1,5})$/i.exec(text)
  if (station)
    return { street: word(station[1] as string), house: station[2] as string, addition: null, kind: 'station' }
  const box = /^(postfach|p\.?\s?o\.?\s?box|casella postale|case postale)\s*(?:nr\.?\s*)?([\d ]{1,12})$/i.exec(text)
  if (box)
    return {
      street: word(box[1] as string),
      house: (box[2] as string).replaceAll(' ', ''),
      addition: null,
      kind: 'box',
    }
  const square = /^([A-U]) ?(\d{1,2}),? ?(\d{1,2})(?: ?([a-z]))?$/.exec(text)
  if (square)
    return {
      street: `${square[1]}${square[2]}`,
      house: square[3] as string,
      addition: square[4] ?? null,
      kind: 'street',
    }
  const parts =
    /^(.*\D[.\s,]|.*[a-zäöüß]\.?) ?(?:nr\.? ?|no\.? ?)?(\d{1,4}(?: ?[-–/] ?\d{1,4})?) ?([a-z](?: ?[-–] ?[a-z])?|bis|ter)?$/i.exec(
      text,
    )
  if (!parts) return { street: streetName(text, country), house: null, addition: null, kind: 'street' }
  return {
    street: streetName((parts[1] as string).replace(/(?:\s(?:nr|no)\.?)?[\s,]+$/i, ''), country),
    house: (parts[2] as string).replaceAll(' ', '').replace('-', '–'),
    addition: parts[3]?.toLowerCase() ?? null,
    kind: 'street',
  }
}

function streetName(text: string, country: string): string {
  const ending = country === 'CH' || country === 'LI' ? 'strasse' : 'straße'
  const german = country === 'DE' || country === 'AT' || country === 'CH' || country === 'LI'
  if (!german) return text
  return text
    .replace(/(\p{L})(?:str\.?|strasse|straße)$/iu, (_, before: string) => `${before}${ending}`)
    .replace(
      /(^|[\s-])(?:str\.|strasse|straße)(?=$|\s)/iu,
      (_, before: string) => `${before}${ending[0]?.toUpperCase()}${ending.slice(1)}`,
    )
}

function word(text: string): string {
  return text[0]?.toUpperCase() + text.slice(1).toLowerCase()
}

/** Squares of Mannheim keep their comma: Q7, 24. */
export function streetText({ street, house, addition }: Street): string {
  if (house === null) return street
  const number = addition === null ? house : `${house} ${addition}`
  return /^[A-U]\d{1,2}$/.test(street) ? `${street}, ${number}` : `${street} ${number}`
}

const street: Check = {
  code: 'address.street',
  actions: ['repair'],
  find(subject, facts) {
    const field = subject.person.get('street')
    if (field === undefined || typeof field.value !== 'string') return nothing
    const named = subject.person.get('country')?.value
    const read = readStreet(
      field.value,
      (typeof named === 'string' ? readCountry(named) : null) ?? facts.source.country,
    )
    if (read === null) return nothing
    const value = streetText(read)
    return value === field.value
      ? nothing
      : [{ path: field.path, value, message: 'Street and house number in the usual form.' }]
  },
}

/** How an address is told again, however it is written. */
export function addressKey(street: string, postalCode: string): string {
  const read = readStreet(street, 'DE')
  const plain = foldText(read === null ? street : streetText(read)).replaceAll(/[^a-z0-9]/g, '')
  return `${plain}|${postalCode.replaceAll(/\D/g, '')}`
}

const own: Check = {
  code: 'address.own',
  actions: ['strip', 'flag'],
  find(subject, facts) {
    const street = subject.person.get('street')
    const postalCode = subject.person.get('postal_code')
    if (typeof street?.value !== 'string' || street.value === '' || postalCode === undefined) return nothing
    if (!facts.isStore(street.value, String(postalCode.value))) return nothing
    const city = subject.person.get('city')
    const also = [postalCode.path, ...(city === undefined ? [] : [city.path])]
    return [{ path: street.path, also, message: 'The address is that of one of our stores; ask the customer for his.' }]
  },
}

const city: Check = {
  code: 'address.city',
  actions: ['flag'],
  find(subject, facts) {
    const field = subject.person.get('city')
    if (typeof field?.value !== 'string' || field.value === '') return nothing
    const given = postcodeIn(subject, facts.source.country)
    if (given === null || given.text === '') return nothing
    const meant = facts.meantTown(given.country, given.text.trim().toUpperCase(), field.value)
    if (meant === null) return nothing
    const message = `Our other customers at this postcode live in ${meant}. Ask the customer; the address stays as it is.`
    return [{ path: field.path, message }]
  },
}

/** The country first: the others ask for it. */
export const addressRepairs: Check[] = [country, postcode, street]
export const addressChecks: Check[] = [countryKnown, postcodeKnown, city, own]
