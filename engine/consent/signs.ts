import {
  type Channel,
  channels,
  type Json,
  type JsonObject,
  type PersonEvent,
  type Purpose,
  purposes,
} from '@einklang/contract'
import type { Statement } from './ledger.ts'
import { ruleOf } from './registry.ts'
import type { Clearance, Hit, Signal } from './store.ts'

/** What a batch of events means for permission. */
export type Signs = { statements: Statement[]; hits: Hit[]; clearances: Clearance[]; signals: Signal[] }

const withdrawals = new Set(['message.unsubscribed', 'Unsubscribed'])
const complaints = new Set(['message.complained', 'Email Marked as Spam'])
const bounces = new Set(['message.bounced', 'Email Bounced'])
const clicks = new Set(['message.clicked', 'Email Link Clicked'])

/** Reads permission out of events; most events say nothing about it. */
export function signsOf(events: PersonEvent[]): Signs {
  const signs: Signs = { statements: [], hits: [], clearances: [], signals: [] }
  const signals = new Map<string, Signal>()
  for (const event of events) {
    const name = event.name ?? ''
    if (event.kind === 'consent' || name === 'Segment Consent Preference Updated')
      signs.statements.push(...preferencesOf(event))
    else if (event.kind === 'identify') signs.statements.push(...claimsOf(event))
    else if (withdrawals.has(name)) signs.statements.push(withdrawalOf(event, 'unsubscribed'))
    else if (complaints.has(name)) signs.statements.push(withdrawalOf(event, 'spam complaint'))
    else if (bounces.has(name)) signs.hits.push(...bounceOf(event))
    else if (clicks.has(name)) signs.clearances.push(...clickOf(event))
    if (event.consent !== null && event.kind !== 'consent') narrowInto(signals, event)
  }
  signs.signals = [...signals.values()]
  return signs
}

/** Banner, form or API: an explicit choice with time and source. Our own echo of a ledger line is no new one. */
function preferencesOf(event: PersonEvent): Statement[] {
  const channel = channelOf(event.properties.channel)
  const address = channel === null ? null : addressOf(event, channel)
  return Object.entries(event.consent ?? {}).flatMap(([word, allowed]) => {
    const purpose = purposeOf(word)
    if (purpose === null) return []
    const needsConfirmation = allowed && !event.mayJoin && (ruleOf(purpose)?.marketing ?? false)
    return [
      {
        person: event.person,
        stance: allowed ? ('grant' as const) : ('deny' as const),
        purpose,
        channel,
        address,
        happenedAt: event.at,
        // A public key can be used by anybody: what it grants for marketing waits for a confirmation.
        needsConfirmation,
        trust: 'verified' as const,
        source: sourceOf(event),
        evidence: {
          kind: 'preference',
          event: event.id,
          library: event.library,
          page: pageOf(event),
          ...textOf(event),
        },
        key: `${event.id}|${purpose}`,
      },
    ]
  })
}

const yesWords = new Set(['true', '1', 'yes', 'y', 'ja', 'j', 'subscribed', 'granted', 'optin', 'opt-in'])
const noWords = new Set(['false', '0', 'no', 'n', 'nein', 'unsubscribed', 'denied', 'withdrawn', 'optout', 'opt-out'])

/**
 * Consent columns of imported records (`consent_email`, `consent_at`, `consent_proof`). With time and proof it is a
 * consent with evidence; without, it is only claimed and permits nothing. A "no" counts at once.
 */
function claimsOf(event: PersonEvent): Statement[] {
  const { traits } = event
  const at = textIn(traits.consent_at)
  const proof = textIn(traits.consent_proof)
  const statements: Statement[] = []
  for (const channel of channels) {
    const answer = answerIn(traits[`consent_${channel}`])
    if (answer === null) continue
    const proven = answer && at !== null && proof !== null && event.mayJoin
    statements.push({
      person: event.person,
      stance: answer ? 'grant' : 'deny',
      purpose: answer ? 'newsletter' : null,
      channel,
      address: addressOf(event, channel),
      happenedAt: instantOf(at) ?? event.at,
      trust: proven || !answer ? 'verified' : 'claimed',
      source: sourceOf(event),
      evidence: {
        kind: 'import',
        event: event.id,
        ...(proof === null ? {} : { proof }),
        ...(at === null ? {} : { at }),
      },
      reason: proven || !answer ? null : 'Time or proof is missing in the imported record.',
      key: `${event.id}|import|${channel}`,
    })
  }
  if (textIn(traits.status)?.toLowerCase() === 'unsubscribed') statements.push(withdrawalOf(event, 'unsubscribed'))
  return statements
}

/** Leaving through a message: its topic on its channel; a message without topic takes all marketing there. */
function withdrawalOf(event: PersonEvent, reason: string): Statement {
  const channel = channelOf(event.properties.channel) ?? 'email'
  return {
    person: event.person,
    stance: 'deny',
    purpose: null,
    channel,
    address: addressOf(event, channel),
    topic: textIn(event.properties.topic),
    happenedAt: event.at,
    source: sourceOf(event),
    evidence: { kind: 'event', event: event.id, name: event.name ?? '', message: textIn(event.properties.message_id) },
    reason,
    key: `${event.id}|withdrawal`,
  }
}

/** Soft bounces pass by themselves; everything else that bounces is taken as lasting. */
function bounceOf(event: PersonEvent): Hit[] {
  const { properties } = event
  const kind = (textIn(properties.bounce_type) ?? textIn(properties.kind) ?? '').toLowerCase()
  if (properties.permanent === false || properties.soft === true || kind === 'soft') return []
  const channel = channelOf(properties.channel) ?? 'email'
  const address = addressOf(event, channel)
  return address === null ? [] : [{ channel, address, person: event.person, reason: 'hard_bounce', at: event.at }]
}

function clickOf(event: PersonEvent): Clearance[] {
  if (event.properties.machine === true) return []
  const channel = channelOf(event.properties.channel) ?? 'email'
  const address = addressOf(event, channel)
  return address === null ? [] : [{ channel, address, at: event.at }]
}

/** A consent object on any other event: its "no" narrows, its "yes" only covers that event. */
function narrowInto(signals: Map<string, Signal>, event: PersonEvent): void {
  for (const [word, allowed] of Object.entries(event.consent ?? {})) {
    const purpose = purposeOf(word)
    if (allowed || purpose === null) continue
    const key = `${event.person}|${purpose}`
    const known = signals.get(key)
    if (known !== undefined && known.at >= event.at) continue
    signals.set(key, { person: event.person, purpose, at: event.at, knownAt: event.receivedAt, event: event.id })
  }
}

function purposeOf(word: string): Purpose | null {
  return purposes.find((purpose) => purpose === word) ?? null
}

function channelOf(value: Json | undefined): Channel | null {
  return channels.find((channel) => channel === value) ?? null
}

/** The contact point the event itself names for the channel. */
function addressOf(event: PersonEvent, channel: Channel): string | null {
  const own = textIn(event.properties.address)
  if (own !== null) return own
  const namespace = { email: 'email', sms: 'phone', phone: 'phone', push: 'push_token', letter: '' }[channel]
  return event.identifiers.find((identifier) => identifier.namespace === namespace)?.value ?? null
}

function sourceOf(event: PersonEvent): string {
  return `${event.dialect}:${event.source}`
}

function pageOf(event: PersonEvent): string | null {
  const page = event.context.page
  return typeof page === 'object' && page !== null && !Array.isArray(page) ? textIn(page.url) : null
}

function textOf(event: PersonEvent): JsonObject {
  const shown = textIn(event.properties.text) ?? textIn(event.properties.text_version)
  return shown === null ? {} : { text: shown }
}

function textIn(value: Json | undefined): string | null {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 2000) : null
}

function answerIn(value: Json | undefined): boolean | null {
  if (typeof value === 'boolean') return value
  const word = textIn(value)?.toLowerCase()
  if (word === undefined) return null
  if (yesWords.has(word)) return true
  return noWords.has(word) ? false : null
}

function instantOf(text: string | null): string | null {
  if (text === null) return null
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}
