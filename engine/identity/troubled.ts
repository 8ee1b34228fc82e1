import { type Identifier, type NormalEvent, type SourceId } from '@einklang/contract'
import { chanceFrom, type Database, derivedId } from '@einklang/platform'
import { lockGraph } from './store.ts'

const source = derivedId('source', 'random history') as SourceId
const start = Date.parse('2026-03-01T09:00:00Z')

export type Given = { [namespace: string]: string }
export type Telling = {
  number: number
  minute?: number
  traits?: NormalEvent['traits']
  publishable?: boolean
  claimed?: boolean
  name?: string
}

/** One event with these identifiers, at a minute of the first of March 2026; for tests and benches. */
export function tellingOf(identifiers: Given, more: Telling): NormalEvent {
  const { number } = more
  const at = new Date(start + (more.minute ?? number) * 60_000).toISOString()
  const trust: Identifier['trust'] = more.publishable || more.claimed ? 'claimed' : 'verified'
  return {
    id: derivedId('event', `random ${number}`),
    source,
    messageId: `${number}`,
    dialect: 'segment',
    library: null,
    kind: more.traits ? 'identify' : 'track',
    name: more.traits ? null : (more.name ?? 'Seen'),
    channel: 'web',
    at,
    originalAt: at,
    sentAt: null,
    receivedAt: at,
    identifiers: Object.entries(identifiers).map(([namespace, value]) => ({ namespace, value, trust })),
    mayJoin: !more.publishable,
    traits: more.traits ?? {},
    properties: {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 1, index: number },
  }
}

/**
 * A history full of trouble: people whose logins, cards, mailboxes and devices contradict each other, changed devices,
 * claims before and after proofs, shared mailboxes, and a device that many show.
 */
export function troubledHistory(seed: string, events: number): NormalEvent[] {
  const chance = chanceFrom('identity.history', seed)
  const pick = (name: string, some: number) => `${name}${chance.below(some)}`
  const names = ['Anna', 'Bert', 'Carla', 'Dieter']
  return Array.from({ length: events }, (_, number) => {
    const all: [string, string][] = [
      ['user_id', pick('u', 8)],
      ['customer_no.crm', pick('k', 8)],
      ['loyalty_card', pick('9', 10)],
      ['email', `${pick('m', 10)}@x.de`],
      ['anonymous_id', chance.next() < 0.2 ? 'tablet' : pick('c', 9)],
      ['order_no', pick('o', 30)],
    ]
    const chosen = all.filter(() => chance.next() < 0.38)
    const told = chance.next() < 0.15
    return tellingOf(Object.fromEntries(chosen), {
      number,
      minute: number * 3 + chance.below(3),
      publishable: chance.next() < 0.25,
      ...(told ? { traits: { first_name: names[chance.below(4)] ?? 'Anna' } } : {}),
    })
  })
}

/** An empty stage for the next test: behind the lock, so that one which was given up and still resolves is waited for. */
export async function forgetEverybody(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await lockGraph(tx)
    await tx.run`
      truncate identity.person, identity.identifier, identity.log, identity.merged, identity.negative, identity.together,
        identity.review_item, identity.link, identity.evidence, identity.refusal, identity.recheck, identity.record,
        identity.household, identity.household_member, identity.label, identity.namespace_rule`
  })
}
