import { type Check, type Found, nothing } from '../finding.ts'
import { gtinHolds } from './digits.ts'

/** Values that stand for nobody in particular. */
export const blockedValue =
  /^(?:[0-]*|-1|null|undefined|none|nan|anonymous|unknown|test|no@mail|kasse@.*|noreply@.*|no-reply@.*|00000000-0000-0000-0000-000000000000|\[object object\])$/i

const blocked: Check = {
  code: 'blocked_identifier',
  actions: ['strip', 'flag'],
  find({ event }) {
    let found: Found[] | null = null
    for (const { namespace, value } of event.identifiers)
      if (blockedValue.test(value.trim()))
        found = [
          ...(found ?? []),
          {
            path: `identifiers.${namespace}`,
            given: value,
            message: `A value that stands for many people is no ${namespace}. Leave the field out when it is empty.`,
          },
        ]
    return found ?? nothing
  },
}

/** What a namespace's values look like; a namespace without a line takes anything up to 256 characters. */
const shapes: { [namespace: string]: RegExp } = {
  loyalty_card: /^[A-Za-z0-9][A-Za-z0-9 -]{2,38}$/,
  push_token: /^[\x21-\x7e]{16,4096}$/,
  click_id: /^[\w.-]{8,200}$/,
}

const format: Check = {
  code: 'id.format',
  actions: ['strip', 'flag', 'quarantine'],
  find({ event }) {
    let found: Found[] | null = null
    for (const { namespace, value } of event.identifiers) {
      if (namespace === 'email' || namespace === 'phone') continue
      const shape = Object.hasOwn(shapes, namespace) ? shapes[namespace] : undefined
      if (shape === undefined ? plain(value) : shape.test(value)) continue
      found = [
        ...(found ?? []),
        {
          path: `identifiers.${namespace}`,
          given: value,
          message: `The value does not look like a ${namespace}. Check the field that the sender fills.`,
        },
      ]
    }
    return found ?? nothing
  },
}

/** Up to 256 characters without control characters, judged without a regular expression: every event has some. */
function plain(value: string): boolean {
  if (value.length > 256) return false
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code < 32 || code === 127) return false
  }
  return true
}

/** Numbers of restricted circulation (GS1 prefix 2) carry a check digit, and so do articles' GTINs. */
const checksum: Check = {
  code: 'id.checksum',
  actions: ['strip', 'flag', 'quarantine'],
  find(subject) {
    let found: Found[] | null = null
    const add = (one: Found) => {
      found = [...(found ?? []), one]
    }
    for (const { namespace, value } of subject.event.identifiers) {
      if (namespace !== 'loyalty_card') continue
      const digits = value.replaceAll(/[\s-]/g, '')
      if (/^2\d{12}$/.test(digits) && !gtinHolds(digits))
        add({
          path: 'identifiers.loyalty_card',
          given: value,
          also: traitPlaces(subject.event.traits, value),
          message: 'The check digit of the card is wrong: it was mistyped or is no card.',
        })
    }
    for (const { path, line } of subject.lines) {
      const gtin = line.gtin ?? line.ean
      const text = typeof gtin === 'number' ? String(gtin) : gtin
      if (typeof text !== 'string' || text === '' || gtinHolds(text.trim())) continue
      add({
        path: `${path}.${line.gtin === undefined ? 'ean' : 'gtin'}`,
        message: 'The check digit of the GTIN is wrong; the article is found by its SKU.',
      })
    }
    return found ?? nothing
  },
}

function traitPlaces(traits: { [name: string]: unknown }, value: string): string[] {
  return ['loyalty_card', 'loyaltyCard'].filter((name) => traits[name] === value).map((name) => `traits.${name}`)
}

const hot: Check = {
  code: 'id.hot',
  actions: ['flag', 'strip'],
  find({ event }, facts) {
    let found: Found[] | null = null
    for (const { namespace, value } of event.identifiers)
      if (facts.isShared(namespace, value.trim()))
        found = [
          ...(found ?? []),
          {
            path: `identifiers.${namespace}`,
            given: value,
            message: `Many people use this ${namespace}; it joins nobody any more. Find out who sends it for everybody.`,
          },
        ]
    return found ?? nothing
  },
}

export const identifierChecks: Check[] = [blocked, format, checksum, hot]
