/** An event, its source and what is known around it, as tests and benches judge them. */

import type { NormalEvent } from '@einklang/contract'
import type { Item, SourceFacts } from '../item.ts'
import type { Facts, RuleSet } from './finding.ts'
import { judged } from './judge.ts'
import { defaultRules } from './rules.ts'

export const receivedAt = Date.parse('2026-03-02T09:00:00Z')

const source = {
  id: 's',
  name: 'Till',
  kind: 'till',
  channel: 'store',
  issuer: 'till',
  currency: 'EUR',
  country: 'DE',
  consentCategories: {},
  oldestYears: 10,
  mappings: [],
} as unknown as SourceFacts

/** A house that keeps no lists. */
export const plainFacts: Facts = {
  source,
  receivedAt,
  knows: () => null,
  price: () => null,
  gtin: () => null,
  isStore: () => false,
  bounced: () => false,
  takesNoMail: () => false,
  isShared: () => false,
  meantTown: () => null,
  rate: 0,
}

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
    channel: 'store',
    at,
    originalAt: null,
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

export function judge(event: NormalEvent, about: Facts = plainFacts, rules: RuleSet = defaultRules): Item {
  const raw = () => ({ payload: null, request: {}, originalAt: null })
  const item = { id: event.id, source: event.source, content: 1, receivedAt, event, reasons: [], raw }
  return judged(item as Item, event, about, rules, null)
}
