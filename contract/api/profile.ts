import { z } from 'zod'
import { channel, touchChannel } from '../channels.ts'
import { idOf } from '../ids.ts'
import { json } from '../json.ts'
import { money } from '../money.ts'
import { page, pageOf, route } from '../route.ts'
import { membership } from './audience.ts'
import { cart, order } from './commerce.ts'
import { consentState } from './consent.ts'
import { identifierRow } from './identity.ts'

const readers = ['admin', 'marketer', 'support', 'privacy'] as const
const instant = z.string().meta({ format: 'date-time' })
const personParams = z.object({ person: idOf('person') })

export const personSummary = z.object({
  person: idOf('person'),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  postalCode: z.string().nullable(),
  city: z.string().nullable(),
  loyaltyCard: z.string().nullable(),
  firstSeen: instant,
  lastSeen: instant,
})
export type PersonSummary = z.infer<typeof personSummary>

export const search = route({
  stage: 'profile',
  name: 'search',
  summary:
    'Find customers by name, e-mail, phone, loyalty card, customer or order number; small typing errors are forgiven',
  method: 'get',
  path: '/search',
  may: readers,
  query: z.object({
    ...page,
    q: z.string().max(200).default(''),
    city: z.string().max(100).optional(),
    /** Only persons with a usable address on the channel. */
    channel: channel.optional(),
    /** `known` = has a name, an address or a card; `anonymous` = only devices. */
    kind: z.enum(['known', 'anonymous', 'all']).default('known'),
    seenSince: z.iso.date().optional(),
    order: z.enum(['best', 'last_seen', 'first_seen', 'name']).default('best'),
  }),
  answer: pageOf(
    personSummary.extend({
      /** What fits: a field of the person or the number that was typed. */
      matched: z
        .enum(['name', 'email', 'phone', 'loyalty_card', 'order_no', 'customer_no', 'city', 'similar'])
        .nullable(),
    }),
  ).extend({ total: z.int().nullable().describe('Counted exactly up to 10,000, as far as pages go; null = more') }),
})

const told = z.object({
  value: json,
  at: instant,
  trust: z.enum(['verified', 'claimed']),
  sourceName: z.string().nullable(),
})

/** A trait as it holds, and what else was said about it. */
export const trait = z.object({
  name: z.string(),
  value: json,
  at: instant,
  trust: z.enum(['verified', 'claimed']),
  sourceName: z.string().nullable(),
  event: idOf('event').nullable(),
  others: z.array(told),
  /** Since when an address that holds could not be delivered to; null = nothing speaks against it. */
  failedSince: instant.nullable(),
  /** Then the value that last worked, as far as anything is known that nothing speaks against. */
  lastKnownGood: told.nullable(),
})

/** A message we planned or sent, for the profile; its full explanation is `delivery`. */
export const messageLine = z.object({
  message: idOf('message').nullable(),
  at: instant,
  channel,
  title: z.string(),
  campaign: z.string().nullable(),
  state: z.string(),
  because: z.string().nullable(),
  opened: z.boolean(),
  clicked: z.boolean(),
})
export type MessageLine = z.infer<typeof messageLine>

export const conversationLine = z.object({
  conversation: idOf('conversation').nullable(),
  at: instant,
  channel: z.string(),
  subject: z.string().nullable(),
  text: z.string(),
})
export type ConversationLine = z.infer<typeof conversationLine>

export const score = z.object({
  name: z.string(),
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  asOf: instant,
})

export const personView = z.object({
  person: idOf('person'),
  /** Set when the person asked for was merged into `person`. */
  askedFor: idOf('person').nullable(),
  aliases: z.array(idOf('person')),
  summary: personSummary.extend({
    country: z.string().nullable(),
    language: z.string().nullable(),
    birthday: z.string().nullable(),
    street: z.string().nullable(),
    gender: z.string().nullable(),
  }),
  traits: z.array(trait),
  identifiers: z.array(identifierRow),
  reachable: z.array(z.object({ channel, address: z.string() })),
  scores: z.array(score),
  /** Messages received per channel in the last 30 days. */
  contacts30Days: z.array(z.object({ channel, messages: z.int() })),
  /** What the person did in 90 days, most frequent first. */
  activity90Days: z.array(z.object({ name: z.string(), times: z.int(), last: z.string() })),
  orders: z.array(order),
  totals: z.object({ orders: z.int(), spent: z.array(money), lastOrderAt: instant.nullable() }),
  cart: cart.nullable(),
  consent: consentState.nullable(),
  audiences: z.array(membership),
  messages: z.array(messageLine),
  conversations: z.array(conversationLine),
  /** Set while no campaign may reach the person. */
  hold: z.object({ reason: z.string(), since: instant, until: instant.nullable() }).nullable(),
})
export type PersonView = z.infer<typeof personView>

export const view = route({
  stage: 'profile',
  name: 'view',
  summary: 'Everything about one customer in one answer',
  method: 'get',
  path: '/persons/{person}',
  may: readers,
  params: personParams,
  answer: personView,
})

export const reach = route({
  stage: 'profile',
  name: 'reach',
  summary: 'On which channel messages reach this customer best: what was sent, opened and clicked in 180 days',
  method: 'get',
  path: '/persons/{person}/reach',
  may: readers,
  params: personParams,
  answer: z.object({
    /** The best channel first. */
    items: z.array(
      z.object({
        channel,
        messages: z.int(),
        opened: z.int().describe('By people; machine opens do not count'),
        clicked: z.int(),
        failed: z.int(),
        /** Messages that were opened or clicked. */
        answered: z.int(),
        lastAnsweredAt: instant.nullable(),
        /** The share of answered messages is at least this, with 90 % certainty; null below three messages. */
        surely: z.number().nullable(),
        /** There is an address to write to today. */
        reachable: z.boolean(),
      }),
    ),
    /** The reachable channel with the highest sure share; null while no channel has three messages and an answer. */
    best: channel.nullable(),
    days: z.int(),
  }),
})

export const names = route({
  stage: 'profile',
  name: 'names',
  summary: 'What to call these persons, for lists that know only their ids',
  method: 'get',
  path: '/names',
  may: readers,
  query: z.object({
    /** Comma-separated, at most 100. */
    persons: z.string().max(3700),
  }),
  answer: z.object({ items: z.array(z.object({ person: idOf('person'), name: z.string().nullable() })) }),
})

/** What a person at a counter sees: enough to serve, nothing to take away. */
export const brief = z.object({
  person: idOf('person'),
  firstName: z.string().nullable(),
  lastName: z.string().nullable(),
  city: z.string().nullable(),
  /** Last four digits. */
  card: z.string().nullable(),
  /** Masked: `a…@example.com`, `…78`. */
  email: z.string().nullable(),
  phone: z.string().nullable(),
  since: instant,
  orders: z.array(
    z.object({
      orderNo: z.string(),
      at: instant,
      channel: z.string(),
      placeName: z.string().nullable(),
      total: z.int(),
      refunded: z.int(),
      currency: z.string(),
      articles: z.array(z.object({ name: z.string(), quantity: z.number() })),
    }),
  ),
  cart: z.array(z.object({ name: z.string(), quantity: z.number() })),
  /** On which channels we may write to them at all. */
  mayContact: z.array(channel),
})
export type Brief = z.infer<typeof brief>

export const counter = route({
  stage: 'profile',
  name: 'counter',
  summary:
    'Short form for staff of a store: one customer by card, e-mail, phone, customer, order or receipt number, typed whole',
  method: 'get',
  path: '/counter',
  may: ['admin', 'marketer', 'store', 'support', 'privacy'],
  query: z.object({ q: z.string().min(3).max(200) }),
  answer: z.object({
    found: brief.nullable(),
    /** What was typed is the card of a family: it names nobody alone. */
    familyCard: z.boolean(),
  }),
})

export const timelineEntry = z.object({
  id: idOf('event'),
  at: instant,
  kind: z.string(),
  name: z.string().nullable(),
  channel: touchChannel,
  /** One line for a human reader, in the language asked for. */
  title: z.string(),
  details: z.array(z.object({ label: z.string(), value: z.string() })),
  sourceName: z.string().nullable(),
  value: money.nullable(),
  url: z.string().nullable(),
  message: z.string().nullable(),
  campaign: z.string().nullable(),
  flags: z.array(z.string()),
  /** What the checks found: `code place action`. */
  findings: z.array(z.string()),
})
export type TimelineEntry = z.infer<typeof timelineEntry>

export const timeline = route({
  stage: 'profile',
  name: 'timeline',
  summary: 'What happened with one customer on all channels, newest first',
  method: 'get',
  path: '/persons/{person}/timeline',
  may: readers,
  params: personParams,
  query: z.object({
    ...page,
    /** Comma-separated channels; all when missing. */
    channels: z.string().max(200).optional(),
    language: z.enum(['en', 'de']).default('en'),
  }),
  answer: pageOf(timelineEntry).extend({
    /** Entries per channel over the whole life, for the filter. */
    channels: z.array(z.object({ channel: touchChannel, entries: z.int() })),
  }),
})

export const exportPerson = route({
  stage: 'profile',
  name: 'exportPerson',
  summary: 'All that is known of one customer as one JSON document',
  method: 'get',
  path: '/persons/{person}/export',
  may: ['admin', 'privacy'],
  params: personParams,
  answer: z.object({
    generatedAt: instant,
    view: personView,
    observations: z.array(
      z.object({
        name: z.string(),
        value: json,
        at: instant,
        knownAt: instant,
        trust: z.enum(['verified', 'claimed']),
        sourceName: z.string().nullable(),
        event: idOf('event'),
        storedUnder: idOf('person'),
      }),
    ),
    events: z.array(timelineEntry),
    /** True when there were more events than one document holds; page through the timeline for the rest. */
    truncated: z.boolean(),
  }),
})

export const today = route({
  stage: 'profile',
  name: 'today',
  summary: 'How many customers there are, how many are new today and how many were active',
  method: 'get',
  path: '/today',
  may: 'signed-in',
  answer: z.object({
    day: z.string(),
    timeZone: z.string(),
    persons: z.int(),
    known: z.int(),
    newToday: z.int(),
    activeToday: z.int(),
    reachable: z.array(z.object({ channel, persons: z.int() })),
  }),
})
