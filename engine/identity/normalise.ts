import { domainToASCII } from 'node:url'
import { type Identifier, type NamespaceClass, namespaces, type Trust } from '@einklang/contract'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'

/** An identifier as the graph knows it. `joins` = may bring two people together at all. */
export type Named = {
  namespace: string
  value: string
  class: NamespaceClass
  trust: Trust
  joins: boolean
  rank: number
}

export type Normalised = Named | { refused: 'blocked_identifier' | 'unknown_namespace' }

const order = Object.keys(namespaces)

/** `customer_no.crm` belongs to the namespace `customer_no`; what follows the dot is the issuer. */
export function baseOf(namespace: string): string {
  const dot = namespace.indexOf('.')
  return dot < 0 ? namespace : namespace.slice(0, dot)
}

export function classOf(namespace: string): NamespaceClass | null {
  const base = baseOf(namespace)
  return Object.hasOwn(namespaces, base) ? (namespaces[base] ?? null) : null
}

/**
 * Strongest first: login, customer no., card, verified e-mail, verified phone, claimed contacts, transactions,
 * devices (spec identity §3). The smaller, the stronger.
 */
export function rankOf(namespace: string, trust: Trust): number {
  const base = baseOf(namespace)
  if (base === 'email') return trust === 'verified' ? 10 : 14
  if (base === 'phone') return trust === 'verified' ? 11 : 15
  const place = order.indexOf(base)
  const kind = classOf(namespace)
  if (kind === 'strong') return place
  if (kind === 'transaction') return 20 + place
  return base === 'push_token' ? 40 : base === 'anonymous_id' ? 41 : base === 'click_id' ? 42 : 60
}

const blocked =
  /^(?:[0-]*|-1|null|undefined|none|nan|anonymous|unknown|test|no@mail|kasse@.*|noreply@.*|no-reply@.*|00000000-0000-0000-0000-000000000000|\[object object\])$/i
const roles =
  /^(?:info|kasse|office|kontakt|contact|service|support|shop|mail|post|admin|webmaster|sales|vertrieb|buchhaltung)@/

export function normalise(given: Identifier, country: string): Normalised {
  const kind = classOf(given.namespace)
  if (kind === null) return { refused: 'unknown_namespace' }
  const text = given.value.normalize('NFC').trim()
  if (text === '' || text.length > 256 || blocked.test(text)) return { refused: 'blocked_identifier' }
  const base = baseOf(given.namespace)
  if (base === 'email') return email(text, given.trust)
  if (base === 'phone') return phone(text, given.trust, country)
  const value = base === 'loyalty_card' ? text.replaceAll(/[\s-]/g, '') : text
  if (value === '') return { refused: 'blocked_identifier' }
  return named(given.namespace, value, kind, given.trust, kind === 'strong' || kind === 'device')
}

function named(namespace: string, value: string, kind: NamespaceClass, trust: Trust, joins: boolean): Named {
  return { namespace, value, class: kind, trust, joins, rank: rankOf(namespace, trust) }
}

/** Lower case, ASCII domain, without a display name; dots and +tag stay, they may be different mailboxes. */
function email(given: string, trust: Trust): Normalised {
  const bracketed = /<([^<>]+)>\s*$/.exec(given)
  const text = (bracketed?.[1] ?? given).trim().toLowerCase()
  const at = text.lastIndexOf('@')
  if (at < 1 || /\s/.test(text)) return { refused: 'blocked_identifier' }
  const domain = /^[a-z0-9.-]+$/.test(text.slice(at + 1)) ? text.slice(at + 1) : domainToASCII(text.slice(at + 1))
  if (!domain.includes('.') || domain.startsWith('.') || domain.endsWith('.')) return { refused: 'blocked_identifier' }
  const value = `${text.slice(0, at)}@${domain}`
  if (blocked.test(value)) return { refused: 'blocked_identifier' }
  // A mailbox of a role is shared by many: it is kept as a contact and joins nobody.
  if (roles.test(value)) return named('email', value, 'contact', 'claimed', false)
  return named('email', value, 'contact', trust, trust === 'verified')
}

const germanMobile = /^(?:\+49|0049|0)(1[567]\d{8,9})$/

/** E.164. A landline belongs to a household and joins nobody. */
function phone(given: string, trust: Trust, country: string): Normalised {
  const digits = given.replaceAll(/[\s()/.-]/g, '')
  if (/^\+?0*$/.test(digits) || /^0*1234567\d*$/.test(digits) || /(\d)\1{6}/.test(digits))
    return { refused: 'blocked_identifier' }
  const mobile = country === 'DE' || digits.startsWith('+49') ? germanMobile.exec(digits) : null
  if (mobile) return named('phone', `+49${mobile[1]}`, 'contact', trust, trust === 'verified')
  const parsed = parsePhoneNumberFromString(given, country as CountryCode)
  if (!parsed?.isPossible()) return { refused: 'blocked_identifier' }
  const landline = parsed.getType() === 'FIXED_LINE'
  return named('phone', parsed.number, landline ? 'household' : 'contact', trust, !landline && trust === 'verified')
}
