import type { JsonObject, NormalEvent } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { contentHash } from '../content-hash.ts'
import type { Item } from '../item.ts'

/** What machines and tests did is stored, but outside identity, segments and reports. */
export function apart(items: Item[]): { taken: Item[]; aside: Item[] } {
  const aside = items.filter(({ event }) => event !== null && isAside(event))
  return { taken: aside.length === 0 ? items : items.filter(({ event }) => event === null || !isAside(event)), aside }
}

function isAside({ flags }: NormalEvent): boolean {
  return flags.length > 0 && (flags.includes('machine') || flags.includes('test'))
}

const withdrawals = new Set(['message.unsubscribed', 'Unsubscribed', 'message.complained', 'Email Marked as Spam'])
/** Answers that say no; `yesWords` are those that say yes. */
export const noWords = new Set([
  'false',
  '0',
  'no',
  'n',
  'nein',
  'unsubscribed',
  'denied',
  'withdrawn',
  'optout',
  'opt-out',
])
export const yesWords = new Set(['true', '1', 'yes', 'y', 'ja', 'j', 'subscribed', 'granted', 'optin', 'opt-in'])
const consentTrait = /^consent_[a-z]+$/

/** The withdrawals and objections that items speak which are not applied as a whole: nothing but the "no". */
export function withdrawalsOf(items: Item[]): Item[] {
  return items.flatMap((item) => {
    const spoken = item.event ?? item.held
    const event = spoken ? withdrawalIn(spoken) : null
    if (event === null) return []
    const text = JSON.stringify([event.kind, event.name, event.consent, event.traits, event.properties])
    const messageId = `${event.messageId}:withdrawal:${contentHash(text)}`
    const id = derivedId('event', event.source, messageId)
    return [{ ...item, id, content: 0, event: { ...event, id, messageId }, reasons: [], held: null, findings: [] }]
  })
}

/** Null = the event withdraws nothing. */
export function withdrawalIn(event: NormalEvent): NormalEvent | null {
  const denied = Object.entries(event.consent ?? {}).filter(([, allowed]) => !allowed)
  const spoken = event.kind === 'suppress' || (event.name !== null && withdrawals.has(event.name))
  const traits = event.kind === 'identify' ? deniedTraits(event.traits) : null
  if (denied.length === 0 && !spoken && traits === null) return null
  const { channel, address, topic, message_id } = event.properties
  const properties: JsonObject = {}
  for (const [name, value] of Object.entries({ channel, address, topic, message_id }))
    if (value !== undefined) properties[name] = value
  const keepsName = spoken || event.kind === 'consent' || traits !== null
  return {
    ...event,
    kind: keepsName ? event.kind : 'track',
    name: keepsName ? event.name : 'Consent Withdrawn',
    traits: traits ?? {},
    properties,
    context: {},
    consent: denied.length === 0 ? null : Object.fromEntries(denied),
    flags: ['withdrawal'],
    findings: [],
  }
}

function deniedTraits(traits: JsonObject): JsonObject | null {
  const denied = Object.entries(traits).filter(
    ([name, value]) =>
      (name === 'status' && String(value).toLowerCase() === 'unsubscribed') ||
      (consentTrait.test(name) && noWords.has(String(value).trim().toLowerCase())),
  )
  return denied.length === 0 ? null : Object.fromEntries(denied)
}
