import { type api, type Channel, kept, type Purpose } from '@einklang/contract'
import { nextAllowed } from './zone.ts'

export type ContactPolicy = api.decision.ContactPolicy

/** What holds until the house decides otherwise. */
export const startPolicy: ContactPolicy = {
  caps: [
    { scope: 'all', limit: 5, days: 7 },
    { scope: 'sms', limit: 2, days: 7 },
    { scope: 'letter', limit: 2, days: 30 },
  ],
  hours: [
    { channel: 'sms', allowedFrom: '08:00', allowedUntil: '20:00' },
    { channel: 'push', allowedFrom: '08:00', allowedUntil: '20:00' },
    { channel: 'phone', allowedFrom: '08:00', allowedUntil: '20:00' },
  ],
  timeZone: 'Europe/Berlin',
  globalHoldout: 0.02,
}

/** Purposes that answer to the person's own affairs: never capped, never quiet. */
const exempt: ReadonlySet<Purpose> = new Set<Purpose>(['service', 'support', 'legal_duty'])

export function isMarketing(purpose: Purpose): boolean {
  return !exempt.has(purpose)
}

/** Everything the policy needs to know of a person, read in one go on the primary. */
export type Facts = {
  hold: { reason: string; until: Date | null } | null
  /** Their own zone when known. */
  zone: string | null
  /** Messages sent and slots reserved in the longest window, the message in question left out. */
  contacts: { channel: Channel; at: Date }[]
}

export type Check = { fact: string; ok: boolean }
export type Verdict =
  | { go: true; checks: Check[] }
  | { go: false; because: 'held' | 'quiet' | 'capped'; until: Date | null; checks: Check[] }

/**
 * The contact policy on one candidate (spec policy B1: hold, hours, caps), pure and total. `until` is the first
 * instant at which asking again makes sense; null = nobody knows.
 */
export function judge(
  policy: ContactPolicy,
  candidate: { channel: Channel; purpose: Purpose; at: Date },
  facts: Facts,
): Verdict {
  if (!isMarketing(candidate.purpose))
    return {
      go: true,
      checks: [{ fact: kept('exempt', { purpose: candidate.purpose }), ok: true }],
    }
  const hold = judgeHold(facts)
  const hours = judgeHours(policy, candidate, facts)
  const caps = judgeCaps(policy, candidate, facts)
  const checks = [hold.check, hours.check, ...caps.checks]
  if (!hold.check.ok) return { go: false, because: 'held', until: hold.until, checks }
  if (!hours.check.ok) return { go: false, because: 'quiet', until: hours.until, checks }
  if (caps.until !== undefined) return { go: false, because: 'capped', until: caps.until, checks }
  return { go: true, checks }
}

function judgeHold(facts: Facts): { check: Check; until: Date | null } {
  if (!facts.hold) return { check: { fact: kept('no_hold'), ok: true }, until: null }
  const { reason, until } = facts.hold
  const fact = until ? kept('on_hold_until', { reason, until: until.toISOString() }) : kept('on_hold', { reason })
  return { check: { fact, ok: false }, until }
}

function judgeHours(policy: ContactPolicy, candidate: { channel: Channel; at: Date }, facts: Facts) {
  const until = allowedAt(policy, candidate.channel, facts.zone, candidate.at)
  const zone = facts.zone ?? policy.timeZone
  const hours = policy.hours.find((line) => line.channel === candidate.channel)
  const { channel } = candidate
  const fact = hours
    ? kept('hours', { channel, from: hours.allowedFrom, until: hours.allowedUntil, zone })
    : kept('any_hour', { channel })
  return { check: { fact, ok: until.getTime() === candidate.at.getTime() }, until }
}

/** The first instant from `at` on at which the channel may be used in the person's zone. */
export function allowedAt(policy: ContactPolicy, channel: Channel, zone: string | null, at: Date): Date {
  const hours = policy.hours.find((line) => line.channel === channel)
  if (!hours) return at
  return nextAllowed({ zone: zone ?? policy.timeZone, from: hours.allowedFrom, until: hours.allowedUntil }, at)
}

const day = 86_400_000

function judgeCaps(policy: ContactPolicy, candidate: { channel: Channel; at: Date }, facts: Facts) {
  const checks: Check[] = []
  let until: Date | null | undefined
  for (const cap of policy.caps) {
    if (cap.scope !== 'all' && cap.scope !== candidate.channel) continue
    const opens = candidate.at.getTime() - cap.days * day
    const counted = facts.contacts
      .filter((contact) => (cap.scope === 'all' || contact.channel === cap.scope) && contact.at.getTime() > opens)
      .toSorted((left, right) => left.at.getTime() - right.at.getTime())
    const ok = counted.length < cap.limit
    const numbers = { used: counted.length, limit: cap.limit, days: cap.days }
    const fact = cap.scope === 'all' ? kept('cap_all', numbers) : kept('cap', { ...numbers, channel: cap.scope })
    checks.push({ fact, ok })
    if (ok) continue
    // The slot is free again when enough of the counted messages have left the rolling window.
    const leaves = counted[counted.length - cap.limit]
    const free = leaves && cap.limit > 0 ? new Date(leaves.at.getTime() + cap.days * day) : null
    until = until === undefined || (until !== null && (free === null || free > until)) ? free : until
  }
  return { checks, until }
}

/** Longest window of any cap, in days: how far back contacts must be read. */
export function longestWindow(policy: ContactPolicy): number {
  return Math.max(1, ...policy.caps.map((cap) => cap.days))
}
