import { domainToASCII } from 'node:url'
import { oneSlip } from '@einklang/stats'
import { disposableEmailBlocklistSet } from 'disposable-email-domains-js'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { type Check, type Facts, type Found, nothing } from '../finding.ts'
import type { Contact, Subject } from '../subject.ts'
import { blockedValue } from './identifiers.ts'
import { remembered } from './memory.ts'

// --- e-mail -------------------------------------------------------------------------------------------------------------

/** An address as it is written to: lower case, ASCII domain, without display name and `mailto:`. Null = no address. */
export function readEmail(given: string): string | null {
  if (given.length > 1000) return null
  let text = given.normalize('NFC').trim()
  const open = text.lastIndexOf('<')
  if (open >= 0 && text.endsWith('>')) text = text.slice(open + 1, -1).trim()
  if (/^mailto:/i.test(text)) text = text.slice(7).split('?', 1)[0] as string
  text = text.toLowerCase()
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  if (at < 1 || local.length > 64 || !localPart.test(local) || local.includes('..')) return null
  const domain = asciiDomain(text.slice(at + 1))
  return domain === null || at + 1 + domain.length > 254 ? null : `${local}@${domain}`
}

/** Dot-atoms of RFC 5322 and letters of RFC 6531; quoted local parts exist on paper only. */
const localPart =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-](?:[a-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\uffff-]*[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-])?$/
const plainDomain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})$/

const asciiDomain = remembered(20_000, (given) => {
  if (plainDomain.test(given)) return given
  const domain = domainToASCII(given)
  return plainDomain.test(domain) ? domain : null
})

const emailSyntax: Check = {
  code: 'email.syntax',
  actions: ['strip', 'flag'],
  find(subject) {
    let found: Found[] | null = null
    for (const contact of subject.contacts) {
      if (contact.namespace !== 'email' || readEmail(contact.value) !== null || blockedValue.test(contact.value.trim()))
        continue
      found = [...(found ?? []), on(contact, 'The value is no e-mail address that mail can be sent to.')]
    }
    return found ?? nothing
  },
}

/** Repairs run before checks: what is left for `email.syntax` cannot be read at all. */
const emailCase: Check = {
  code: 'email.case',
  actions: ['repair'],
  find(subject) {
    let found: Found[] | null = null
    for (const contact of subject.contacts) {
      if (contact.namespace !== 'email') continue
      const value = readEmail(contact.value)
      if (value === null || value === contact.value) continue
      const message = 'Written in lower case, without blanks, display name and mailto:.'
      found = [...(found ?? []), { ...on(contact, message), value }]
    }
    return found ?? nothing
  },
}

const roles =
  /^(?:info|kasse|office|kontakt|contact|service|support|shop|mail|post|admin|webmaster|sales|vertrieb|buchhaltung|hello|hallo|team|noreply|no-reply|postmaster|abuse|marketing|newsletter|rechnung|einkauf|bestellung|kundenservice|filiale\d*|store\d*)@/

const emailRole: Check = {
  code: 'email.role',
  actions: ['flag', 'strip'],
  find: (subject) =>
    emails(subject, (address) =>
      roles.test(address) ? 'The mailbox belongs to a role: a contact, but nobody’s identity.' : null,
    ),
}

let disposable: Set<string> | null = null

const emailDisposable: Check = {
  code: 'email.disposable',
  actions: ['flag', 'strip'],
  find: (subject) =>
    emails(subject, (address) => {
      disposable ??= disposableEmailBlocklistSet()
      return disposable.has(address.slice(address.lastIndexOf('@') + 1))
        ? 'The mailbox is one for throwing away; mail to it reaches nobody for long.'
        : null
    }),
}

/** Mail providers that customers of shops use most in the countries we know, the most frequent first: what may be meant. */
const frequent =
  'gmail.com gmx.de web.de t-online.de googlemail.com outlook.com hotmail.com icloud.com yahoo.com yahoo.de outlook.de gmx.net freenet.de hotmail.de gmx.at gmx.ch bluewin.ch live.com posteo.de mailbox.org protonmail.com vodafone.de libero.it hotmail.it yahoo.it virgilio.it tiscali.it hotmail.fr yahoo.fr orange.fr wanadoo.fr laposte.net hotmail.co.uk yahoo.co.uk btinternet.com outlook.at outlook.it kabelmail.de unitybox.de'.split(
    ' ',
  )
/** Providers that exist beside them and look alike: never a slip. */
const others =
  'aol.com aol.de arcor.de online.de proton.me live.de me.com mac.com msn.com sky.com ymail.com mail.com email.com mail.de email.de fmail.com gmail.de a1.net aon.at chello.at hispeed.ch sunrise.ch gmx.com gmx.eu gmx.info gmx.biz web.com yahoo.com.vn hotmail.com.vn rocketmail.com yandex.ru mail.ru qq.com 163.com zoho.com fastmail.com hey.com tutanota.com tutanota.de inode.at utanet.at liwest.at tele2.at swissonline.ch vtxmail.ch eclipso.de alice.it free.fr yahoo.es yahoo.ca hotmail.es hotmail.be outlook.es outlook.fr live.it live.nl live.at live.fr'.split(
    ' ',
  )
const providers = frequent.map((domain) => ({ domain, ...parted(domain) }))
const providerSet = new Set([...frequent, ...others])
/** Ends of domains that exist and are in use for mail around here; anything else may be a slip. */
const realEnds = new Set(
  'com de net org at ch it fr eu info biz io co me uk us nl be pl cz sk si hu es pt dk se no fi ie lu li vn cn jp kr ru ua ro bg hr rs gr tr ca au nz br in mx za tv cc app dev shop online store email berlin hamburg koeln cologne wien swiss tirol bayern nrw saarland team one gmbh immo reise club blog world life today cloud digital media group agency studio design page site website space tech pro name mobi int edu gov mil arpa xyz top win bike cafe coop museum aero jobs travel'.split(
    ' ',
  ),
)

/** The frequent domain that was probably meant; null = the domain may well be real. */
export const meantDomain = remembered(20_000, (domain) =>
  providerSet.has(domain) || domain.length > 40 ? null : nearest(domain),
)

function nearest(domain: string): string | null {
  const { name, end } = parted(domain)
  const real = realEnds.has(end.split('.').at(-1) as string)
  let best: string | null = null
  for (const known of providers) {
    const long = known.name.length >= 5
    const endSlipped = end !== known.end && slipOfEnd(end, known.end)
    // The name is right: gmx.ed, gmail.con; a long name is nobody else's, even with an end that exists: gmail.co.
    if (name === known.name && endSlipped && (!real || (long && known.end === 'com'))) return known.domain
    if (name === known.name) continue
    // A slip in the name. Short names have too many real neighbours: only what keeps all letters counts.
    if (!(long ? oneSlip(name, known.name) : sameLetters(name, known.name))) continue
    if (end === known.end) return known.domain
    if (endSlipped && !real) best ??= known.domain
  }
  if (best !== null) return best
  // A dot that was forgotten, doubled, misplaced or is a comma: gmailcom, gmx..de, gm.xde, gmail,com.
  const bare = domain.replaceAll(/[.,]/g, '')
  const impossible = !real || domain.includes('..')
  return frequent.find((known) => (impossible || known.length > 7) && known.replace('.', '') === bare) ?? null
}

function slipOfEnd(end: string, known: string): boolean {
  return oneSlip(end, known) || sameLetters(end, known)
}

/** Swapped or doubled letters: `gxm`, `gmmx`. */
function sameLetters(one: string, other: string): boolean {
  const letters = (text: string) => text.split('').sort().join('')
  if (one.length === other.length) return letters(one) === letters(other)
  return one.length === other.length + 1 && one.replace(/(.)\1/, '$1') === other
}

function parted(domain: string): { name: string; end: string } {
  const dot = domain.indexOf('.')
  return dot < 0 ? { name: domain, end: '' } : { name: domain.slice(0, dot), end: domain.slice(dot + 1) }
}

const emailTypo: Check = {
  code: 'email.typo',
  actions: ['flag'],
  find: (subject) =>
    emails(subject, (address) => {
      const meant = meantDomain(address.slice(address.lastIndexOf('@') + 1))
      return meant === null ? null : `Perhaps ${meant} is meant. Ask the customer; the address stays as it is.`
    }),
}

const emailHistory: Check = {
  code: 'email.history',
  actions: ['flag'],
  find: (subject, facts) =>
    emails(subject, (address) =>
      facts.bounced(address) ? 'Mail to this address came back for good; ask the customer for another one.' : null,
    ),
}

const emailMx: Check = {
  code: 'email.mx',
  actions: ['flag'],
  find: (subject, facts) =>
    emails(subject, (address) =>
      facts.takesNoMail(address.slice(address.lastIndexOf('@') + 1))
        ? 'No server takes mail for this domain; ask the customer for another address.'
        : null,
    ),
}

function emails(subject: Subject, ask: (address: string) => string | null): readonly Found[] {
  let found: Found[] | null = null
  for (const contact of subject.contacts) {
    if (contact.namespace !== 'email' || !contact.value.includes('@') || contact.value.length > 254) continue
    const message = ask(contact.value.toLowerCase())
    if (message !== null) found = [...(found ?? []), on(contact, message)]
  }
  return found ?? nothing
}

// --- phone --------------------------------------------------------------------------------------------------------------

const germanMobile = /^(?:\+49|0049|0)(1[567]\d{8,9})$/
/**
 * Area codes of Germany and mobiles of Austria and Switzerland in their usual lengths: none of them is premium or fake, so
 * that the plans of all countries need not be looked up.
 */
const everyday = /^\+(?:49[2-6]\d{7,9}|43(?:66[04]|650|67[678]|68[018]|699)\d{7}|417[5-9]\d{7})$/
const callingCodes: { [country: string]: string } = { DE: '49', AT: '43', CH: '41' }
const plainlyWritten = /^[+\d ()/.-]+$/
type Phone = { number: string } | { bad: 'fake' | 'unreadable' }
const phones = new Map<string, Phone>()

/** E.164 with the country of the source where none is named. */
export function readPhone(given: string, country: string): Phone {
  const key = `${country}${given}`
  let read = phones.get(key)
  if (read === undefined) {
    read = parsePhone(given, country)
    // A number comes several times in one batch; parsing is the dearest of all checks.
    if (phones.size >= 5000) phones.clear()
    phones.set(key, read)
    // What it was written as reads as itself.
    if ('number' in read) phones.set(`${country}${read.number}`, read)
  }
  return read
}

function parsePhone(given: string, country: string): Phone {
  if (given.length > 60) return { bad: 'unreadable' }
  const digits = given.replaceAll(/[\s()/.-]/g, '')
  const bare = digits.replace(/^\+/, '')
  if (/^0*$/.test(bare) || /^0*1?234567\d*$/.test(bare) || /(\d)\1{6}/.test(bare) || /^(?:110|112|911|999)$/.test(bare))
    return { bad: 'fake' }
  const mobile = country === 'DE' || digits.startsWith('+49') ? germanMobile.exec(digits) : null
  if (mobile) return { number: `+49${mobile[1]}` }
  const home = digits.startsWith('0') ? callingCodes[country] : undefined
  const international = home === undefined ? digits : `+${home}${digits.slice(1)}`
  if (everyday.test(international) && plainlyWritten.test(given)) return { number: international }
  const parsed = parsePhoneNumberFromString(given, country as CountryCode)
  if (!parsed?.isPossible()) return { bad: 'unreadable' }
  const type = parsed.getType()
  return type === 'PREMIUM_RATE' || type === 'SHARED_COST' ? { bad: 'fake' } : { number: parsed.number }
}

const phoneParse: Check = {
  code: 'phone.parse',
  actions: ['repair'],
  find(subject, facts) {
    return numbers(subject, facts, (contact, read) =>
      'number' in read && read.number !== contact.value
        ? { ...on(contact, 'Written as an international number (E.164).'), value: read.number }
        : null,
    )
  },
}

const phoneUnreadable: Check = {
  code: 'phone.parse',
  actions: ['strip', 'flag'],
  find(subject, facts) {
    return numbers(subject, facts, (contact, read) =>
      'bad' in read && read.bad === 'unreadable'
        ? on(contact, 'The value is no phone number; with + and the country code it would be clear.')
        : null,
    )
  },
}

const phoneFake: Check = {
  code: 'phone.fake',
  actions: ['strip', 'flag'],
  find(subject, facts) {
    return numbers(subject, facts, (contact, read) =>
      'bad' in read && read.bad === 'fake'
        ? on(contact, 'The number reaches nobody: filled in, premium or emergency.')
        : null,
    )
  },
}

function numbers(
  subject: Subject,
  facts: Facts,
  ask: (contact: Contact, read: Phone) => Found | null,
): readonly Found[] {
  let found: Found[] | null = null
  for (const contact of subject.contacts) {
    if (contact.namespace !== 'phone') continue
    const answer = ask(contact, readPhone(contact.value, facts.source.country))
    if (answer !== null) found = [...(found ?? []), answer]
  }
  return found ?? nothing
}

function on(contact: Contact, message: string): Found {
  const [path = '', ...also] = contact.places
  return { path, also, given: contact.value, message }
}

export const contactRepairs: Check[] = [emailCase, phoneParse]
export const contactChecks: Check[] = [
  emailSyntax,
  emailRole,
  emailDisposable,
  emailTypo,
  emailHistory,
  emailMx,
  phoneUnreadable,
  phoneFake,
]
