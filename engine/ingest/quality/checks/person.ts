import type { Json } from '@einklang/contract'
import { foldText } from '@einklang/platform'
import { yesWords } from '../apart.ts'
import { type Check, type Found, nothing } from '../finding.ts'
import type { PersonField, Subject } from '../subject.ts'
import { ibanHolds, taxIdHolds } from './digits.ts'
import { remembered } from './memory.ts'
import { firstNames, surnames } from './names.ts'

const nameFields = ['first_name', 'last_name', 'name'] as const
const textFields = ['first_name', 'last_name', 'name', 'street', 'city'] as const
const longest = 200

/** What is found in the texts of some fields; null = nothing wrong with this one. */
function among(
  subject: Subject,
  fields: readonly PersonField[],
  ask: (text: string, field: PersonField) => Omit<Found, 'path'> | null,
): readonly Found[] {
  let found: Found[] | null = null
  if (subject.person.size === 0) return nothing
  for (const field of fields) {
    const one = subject.person.get(field)
    if (one === undefined || typeof one.value !== 'string' || one.value.length > longest) continue
    const answer = ask(one.value, field)
    if (answer !== null) found = [...(found ?? []), { path: one.path, ...answer }]
  }
  return found ?? nothing
}

/** Texts of people come again and again. */
const texts = 20_000

// --- repairs ------------------------------------------------------------------------------------------------------------

/** Windows-1252 above 0x7f: what single bytes of UTF-8 look like when they are read one by one. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'
/** A byte that begins a character of UTF-8, then one that goes on with it. */
const suspicious = /[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/
const strict = new TextDecoder('utf-8', { fatal: true })

/** Text that was UTF-8, read as Windows-1252; null = it was not. */
export function unscrambled(given: string): string | null {
  // Latin-1 has no Ÿ and writes Y: StraÃYe was StraÃŸe.
  const text = given.includes('ÃY') ? given.replaceAll(/(?<=\p{Ll})ÃY(?!\p{Lu})/gu, 'ÃŸ') : given
  if (!suspicious.test(text)) return null
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const place = code < 256 ? code : windows1252.indexOf(text[at] as string) + 128
    if (place < 128 && code >= 256) return null
    bytes[at] = place
  }
  try {
    return strict.decode(bytes)
  } catch {
    return null
  }
}

const mojibake: Check = {
  code: 'name.letters',
  actions: ['repair'],
  find: (subject) =>
    among(subject, textFields, (text) => {
      const value = unscrambled(text)
      return value === null ? null : { value, message: 'Letters were read in the wrong encoding and are put right.' }
    }),
}

const particles = new Set(
  'von vom zu zum zur van der den de del della dello di da dal dos das la le les lo y e und bin ibn ter ten af av'.split(
    ' ',
  ),
)

/** Trimmed, single blanks; a name all in capitals or all in small letters in its usual form. */
export const displayName = remembered(texts, readDisplayName)

function readDisplayName(text: string): string {
  const plain = text
    .normalize('NFC')
    .replaceAll(/[\s\u00a0]+/g, ' ')
    .trim()
  const letters = plain.replaceAll(/[^\p{L}]/gu, '')
  // Scripts without capitals have nothing to put right, and one or two letters are initials.
  if (letters.length < 3) return plain
  const lower = plain.toLowerCase()
  const upper = plain.toUpperCase()
  if (lower === upper || (plain !== lower && plain !== upper)) return plain
  return lower
    .split(' ')
    .map((word, at, words) => (particles.has(word) && (at > 0 || words.length > 1) ? word : capitalised(word)))
    .join(' ')
}

function capitalised(word: string): string {
  return word
    .split('-')
    .map((part) => {
      const raised = part.replace(/^[^\p{L}]*\p{L}/u, (head) => head.toUpperCase())
      return raised
        .replace(
          /^(O|D|L|Dell|Dall)(['’])(\p{Ll})/u,
          (_, head: string, mark: string, letter: string) => `${head}${mark}${letter.toUpperCase()}`,
        )
        .replace(/^Mc(\p{Ll})/u, (_, letter: string) => `Mc${letter.toUpperCase()}`)
    })
    .join('-')
}

const shape: Check = {
  code: 'name.shape',
  actions: ['repair'],
  find: (subject) =>
    among(subject, nameFields, (text) => {
      const value = displayName(text)
      if (value === text || value === '' || /[@\d]/.test(text)) return null
      return { value, message: 'Blanks and capitals in the usual form of a name.' }
    }),
}

const salutations = /^(?:(?:herrn?|frau|mr|mrs|ms|miss|sig|signora?|monsieur|madame|mme|mlle)\.?\s+)+/i
const titles =
  /^(?:(?:prof|dr|dipl|ing|mag|med|phil|jur|rer|nat|h\.?\s?c|dott(?:\.ssa|oressa|ore)?|ddr|msc|bsc|mba|llm)\.?(?:-ing\.?)?\s+|(?:prof|dr|dipl|mag|dott)\.(?=\p{L}))+/iu
const suffixes = /,?\s+(?:jun|jr|sen|sr|ii|iii|mba|msc|bsc|ll\.?m|ph\.?d|m\.?a|b\.?a)\.?$/i

/** Salutation, title and suffix taken off, and `Surname, First` turned round. */
export function splitName(text: string): { name: string; taken: string[] } {
  const taken: string[] = []
  const without = (given: string, pattern: RegExp) =>
    given.replace(pattern, (part) => {
      taken.push(part.replaceAll(/^[,\s]+|\s+$/g, ''))
      return ''
    })
  let name = without(text.trim(), salutations)
  name = without(name, titles)
  name = without(name, suffixes).trim()
  const comma = /^([^,]{2,60}),\s*([^,]{2,60})$/.exec(name)
  if (comma) name = `${comma[2]} ${comma[1]}`
  return name === '' ? { name: text, taken: [] } : { name, taken }
}

const withoutTitles = remembered(texts, (text) => splitName(text).name)
const partWithoutTitles = remembered(texts, (text) =>
  splitName(text.replaceAll(',', ' , ')).name.replaceAll(' , ', ',').replaceAll(/\s+/g, ' ').trim(),
)

const split: Check = {
  code: 'name.split',
  actions: ['repair'],
  find: (subject) =>
    among(subject, nameFields, (text, field) => {
      if (!/[ ,.]/.test(text)) return null
      const value = field === 'name' ? withoutTitles(text) : partWithoutTitles(text)
      if (value === text.trim() || value === '') return null
      return { value, message: 'Salutation, title and order of the parts were taken apart.' }
    }),
}

/** `31.12.85`, `1985-12-31`, `19851231`, `31/12/1985` → ISO day; null = no day of the calendar. */
export function readBirthday(given: Json, receivedAt: number, country: string): string | null {
  const text = typeof given === 'number' ? String(given) : typeof given === 'string' ? given.trim() : ''
  if (text.length > 40) return null
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]|$)/.exec(text) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(text)
  if (iso) return dayOf(Number(iso[1]), Number(iso[2]), Number(iso[3]))
  const other = /^(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d\d)$/.exec(text)
  if (!other) return null
  let [day, month] = [Number(other[1]), Number(other[3])]
  // The month comes first in the United States alone.
  if ((country === 'US' && other[2] === '/' && day <= 12) || (month > 12 && day <= 12)) [day, month] = [month, day]
  let year = Number(other[4])
  if ((other[4] as string).length === 2) {
    const now = new Date(receivedAt).getUTCFullYear()
    // Two digits: the youngest reading of somebody who can have an account.
    year += Math.floor(now / 100) * 100
    if (year > now - 10) year -= 100
  }
  return dayOf(year, month, day)
}

function dayOf(year: number, month: number, day: number): string | null {
  if (month < 1 || month > 12 || day < 1 || year < 1 || year > 9999) return null
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day > (month === 2 && leap ? 29 : (daysOf[month - 1] as number))) return null
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
}

const daysOf = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number)
}

/** A moment with its time is left to the stage that keeps it: only the day counts there. */
const birthday: Check = {
  code: 'birth.real',
  actions: ['repair'],
  find(subject, facts) {
    const field = subject.person.get('birthday')
    if (field === undefined || field.value === '') return nothing
    const value = readBirthday(field.value, facts.receivedAt, facts.source.country)
    if (value === null || value === field.value) return nothing
    return [{ path: field.path, value, message: 'Written as an ISO day.' }]
  },
}

/** Spelling of language tags and zones, and nothing that `locale` and `zone` would refuse. */
const locale: Check = {
  code: 'locale',
  actions: ['repair'],
  find(subject) {
    const field = subject.person.get('language')
    if (field === undefined || typeof field.value !== 'string' || field.value === '') return nothing
    const value = canonicalLocale(field.value)
    return value === null || value === field.value
      ? nothing
      : [{ path: field.path, value, message: 'Written as a BCP 47 tag.' }]
  },
}

const languageNames: { [name: string]: string } = {
  deutsch: 'de',
  german: 'de',
  englisch: 'en',
  english: 'en',
  italienisch: 'it',
  italiano: 'it',
  französisch: 'fr',
  français: 'fr',
  spanisch: 'es',
  español: 'es',
}
const languagesKnown = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/** `de_AT.UTF-8`, `DE-at`, `Deutsch` → a BCP 47 tag; null = no language anybody speaks. */
export const canonicalLocale = remembered(1000, readLocale)

function readLocale(given: string): string | null {
  if (given.length > 60) return null
  const text = given.trim()
  const named = languageNames[text.toLowerCase()]
  if (named !== undefined) return named
  try {
    const [tag] = Intl.getCanonicalLocales(text.replaceAll('_', '-').replace(/\.[\w-]+$/, ''))
    const language = tag?.split('-', 1)[0] ?? ''
    return tag !== undefined && language.length <= 3 && languagesKnown.of(language) !== undefined ? tag : null
  } catch {
    return null
  }
}

// --- checks -------------------------------------------------------------------------------------------------------------

const localeKnown: Check = {
  code: 'locale',
  actions: ['strip', 'flag'],
  find(subject) {
    const field = subject.person.get('language')
    if (field === undefined || field.value === '') return nothing
    if (typeof field.value === 'string' && canonicalLocale(field.value) !== null) return nothing
    return [{ path: field.path, message: 'The value is no language tag (BCP 47), for example de or de-AT.' }]
  },
}

export const zoneExists = remembered(1000, (zone) => {
  if (zone.length > 64) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
})

const zone: Check = {
  code: 'zone',
  actions: ['strip', 'flag'],
  find(subject) {
    const field = subject.person.get('time_zone')
    if (field === undefined || field.value === '') return nothing
    if (typeof field.value === 'string' && zoneExists(field.value)) return nothing
    return [{ path: field.path, message: 'The value is no time zone of the IANA list, for example Europe/Berlin.' }]
  },
}

/** Whole values that clerks and forms put where a name is wanted. */
const placeholders =
  /^(?:test(?:er|kunde|user)?\d*|asdf+\w*|qwert[zy]\w*|x+|y{2,}|z{2,}|a{3,}|-+|\.+|\?+|n\/?a|none|null|undefined|unknown|unbekannt|gast|guest|kunde|kundin|customer|barverkauf|barkunde|laufkunde|laufkundschaft|diverse[rs]?|anonym|anonymous|nn|n\.\s?n\.|name|vorname|nachname|firstname|lastname|max mustermann|erika mustermann|mustermann|musterfrau|mario rossi|john doe|jane doe)$/i

const isPlaceholder = remembered(texts, (text) => placeholders.test(text.trim()))

const placeholder: Check = {
  code: 'name.placeholder',
  actions: ['strip', 'flag'],
  find(subject) {
    const found = among(subject, nameFields, (text) =>
      isPlaceholder(text) ? { message: 'A placeholder instead of a name is not used.' } : null,
    )
    const one = subject.person.get('first_name')
    const other = subject.person.get('last_name')
    if (one === undefined || other === undefined || typeof one.value !== 'string' || typeof other.value !== 'string')
      return found
    if (isPlaceholder(one.value)) return found
    const first = one.value.trim().toLowerCase()
    if (first === '' || first !== other.value.trim().toLowerCase()) return found
    const message = 'First name and surname are the same; ask for the right one.'
    return [...found, { path: other.path, action: 'flag', message }]
  },
}

const swapped: Check = {
  code: 'name.swapped',
  actions: ['flag'],
  find(subject) {
    const one = subject.person.get('first_name')
    const other = subject.person.get('last_name')
    if (one === undefined || other === undefined || typeof one.value !== 'string' || typeof other.value !== 'string')
      return nothing
    if (one.value.length > longest || other.value.length > longest) return nothing
    const first = folded(one.value)
    const last = folded(other.value)
    if (!surnames.has(first) || !firstNames.has(last)) return nothing
    return [{ path: one.path, message: 'First name and surname seem to have changed places.' }]
  },
}

const folded = remembered(texts, (name) => foldText(name).replaceAll(/[^a-z]+/g, ''))

const letters: Check = {
  code: 'name.letters',
  actions: ['flag', 'strip'],
  find: (subject) =>
    among(subject, nameFields, (text) =>
      /[\d@]|https?:|www\.|\ufffd/i.test(text)
        ? { message: 'Digits, an address or broken letters in a name; check the field that fills it.' }
        : null,
    ),
}

const year = 365.25 * 86_400_000
const sentinels = new Set([
  '0001-01-01',
  '1111-11-11',
  '1800-01-01',
  '1899-12-30',
  '1899-12-31',
  '1900-01-01',
  '1901-01-01',
  '1904-01-01',
  '1970-01-01',
])
/** Many real people share this one, so the value stays. */
const likelySentinels = new Set(['2000-01-01'])

const birthReal: Check = {
  code: 'birth.real',
  actions: ['strip', 'flag'],
  find(subject, facts) {
    const field = subject.person.get('birthday')
    if (field === undefined || field.value === '') return nothing
    const day = readBirthday(field.value, facts.receivedAt, facts.source.country)
    if (day !== null && sentinels.has(day)) return nothing
    const age = day === null ? -1 : (facts.receivedAt - Date.parse(day)) / year
    if (age > 0 && age < 115) return nothing
    return [
      {
        path: field.path,
        message: day === null ? 'The value is no day of the calendar.' : 'Nobody who lives was born on that day.',
      },
    ]
  },
}

const birthSentinel: Check = {
  code: 'birth.sentinel',
  actions: ['strip', 'flag'],
  find(subject, facts) {
    const field = subject.person.get('birthday')
    if (field === undefined) return nothing
    const day = readBirthday(field.value, facts.receivedAt, facts.source.country)
    if (day === null) return nothing
    if (sentinels.has(day)) return [{ path: field.path, message: 'A day that programs put where none was given.' }]
    if (!likelySentinels.has(day)) return nothing
    return [
      {
        path: field.path,
        action: 'flag',
        message: 'A day that forms often put where none was given; it stays, ask for it.',
      },
    ]
  },
}

const birthMinor: Check = {
  code: 'birth.minor',
  actions: ['flag'],
  find(subject, facts) {
    const field = subject.person.get('birthday')
    if (field === undefined || !optsIn(subject)) return nothing
    const day = readBirthday(field.value, facts.receivedAt, facts.source.country)
    const age = day === null ? 99 : (facts.receivedAt - Date.parse(day)) / year
    if (age <= 0 || age >= 16) return nothing
    return [
      { path: field.path, message: 'Under 16 with an opt-in: consent needs a parent. The stage of consent decides.' },
    ]
  },
}

function optsIn({ event }: Subject): boolean {
  for (const name in event.traits)
    if (name.startsWith('consent_') && yesWords.has(String(event.traits[name]).toLowerCase())) return true
  return Object.values(event.consent ?? {}).some((allowed) => allowed)
}

function checksummed(code: 'tax_id' | 'iban', holds: (text: string) => boolean, what: string): Check {
  return {
    code,
    actions: ['flag', 'strip'],
    find(subject) {
      const field = subject.person.get(code)
      if (field === undefined || field.value === '') return nothing
      if (typeof field.value === 'string' && field.value.length <= 60 && holds(field.value)) return nothing
      return [{ path: field.path, message: `The check digits of the ${what} do not fit; it was mistyped.` }]
    },
  }
}

export const personRepairs: Check[] = [mojibake, split, shape, birthday, locale]
export const personChecks: Check[] = [
  placeholder,
  swapped,
  letters,
  birthReal,
  birthSentinel,
  birthMinor,
  localeKnown,
  zone,
  checksummed('tax_id', taxIdHolds, 'VAT number'),
  checksummed('iban', ibanHolds, 'IBAN'),
]
