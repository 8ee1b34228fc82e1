import type { JsonObject, NormalEvent } from '@einklang/contract'
import type { Item, SourceFacts } from '../../engine/ingest/item.ts'
import type { Facts } from '../../engine/ingest/quality/finding.ts'
import { judged } from '../../engine/ingest/quality/judge.ts'
import { defaultRules } from '../../engine/ingest/quality/rules.ts'

export const receivedAt = Date.parse('2026-03-02T09:00:00Z')
export const source = {
  id: '10101010-1010-8100-8000-000000000001',
  name: 'Shop',
  kind: 'shop',
  channel: 'web',
  issuer: 'user_id',
  currency: 'EUR',
  country: 'DE',
  consentCategories: {},
  oldestYears: 10,
  mappings: [],
} as unknown as SourceFacts
export const facts: Facts = { source, receivedAt, knows: () => null, price: () => null, rate: 0 }

export function eventOf(over: Partial<NormalEvent>): NormalEvent {
  const at = new Date(receivedAt).toISOString()
  return {
    id: 'e',
    source: source.id,
    messageId: 'm',
    dialect: 'segment',
    library: null,
    kind: 'track',
    name: null,
    channel: 'web',
    at,
    originalAt: at,
    sentAt: null,
    receivedAt: at,
    identifiers: [],
    mayJoin: true,
    traits: {},
    properties: {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 0, index: 0 },
    ...over,
  } as NormalEvent
}

export function judge(event: NormalEvent, about: Facts = facts): Item {
  const raw = () => ({ payload: null, request: {} as JsonObject, originalAt: null })
  const item = { id: event.id, source: event.source, content: 1, receivedAt, event, reasons: [], raw }
  return judged(item as Item, event, about, defaultRules, null)
}

/** A repeatable stream of numbers below 1 (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
