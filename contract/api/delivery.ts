import { z } from 'zod'
import { channel, purpose } from '../channels.ts'
import { idOf } from '../ids.ts'
import { page, pageOf, route } from '../route.ts'

/** `planned → reserved → handed → accepted | refused | unknown`; the last three never reach a provider. */
export const messageStates = [
  'planned',
  'reserved',
  'handed',
  'accepted',
  'refused',
  'unknown',
  'suppressed',
  'displaced',
  'expired',
] as const
export type MessageState = (typeof messageStates)[number]

const messageRow = z.object({
  id: idOf('message'),
  person: idOf('person'),
  personName: z.string().nullable(),
  channel,
  purpose,
  state: z.enum(messageStates),
  /** The reason of the state in one short sentence; null when there is nothing to say. */
  reason: z.string().nullable(),
  subject: z.string().nullable(),
  address: z.string().nullable(),
  concept: idOf('concept').nullable(),
  conceptName: z.string().nullable(),
  journey: idOf('journey').nullable(),
  journeyName: z.string().nullable(),
  plannedAt: z.iso.datetime(),
  /** When it may leave at the earliest. */
  notBefore: z.iso.datetime(),
  sentAt: z.iso.datetime().nullable(),
  /** What came back, latest of each kind. */
  receipts: z.object({
    delivered: z.iso.datetime().nullable(),
    opened: z.iso.datetime().nullable(),
    clicked: z.iso.datetime().nullable(),
    bounced: z.iso.datetime().nullable(),
    unsubscribed: z.iso.datetime().nullable(),
    complained: z.iso.datetime().nullable(),
  }),
})
export type Message = z.output<typeof messageRow>

/** "Why did she get this, here, now?" or "Why not?" as sentences, each with the fact it rests on. */
const explanation = z.object({
  headline: z.string(),
  lines: z.array(z.object({ fact: z.string(), ok: z.boolean(), at: z.iso.datetime().nullable() })),
})
export type Explanation = z.output<typeof explanation>

export const messages = route({
  stage: 'delivery',
  name: 'messages',
  summary: 'The outbox, newest first, with the number of messages per state under the same filter',
  method: 'get',
  path: '/messages',
  may: ['admin', 'marketer', 'support', 'privacy', 'analyst'],
  query: z.object({
    ...page,
    state: z.enum(messageStates).optional(),
    channel: channel.optional(),
    journey: idOf('journey').optional(),
    concept: idOf('concept').optional(),
    person: idOf('person').optional(),
  }),
  answer: pageOf(messageRow).extend({ counts: z.record(z.enum(messageStates), z.int()) }),
})

export const message = route({
  stage: 'delivery',
  name: 'message',
  summary: 'One message: what was sent, when, and why to this person on this channel at this time (or why not)',
  method: 'get',
  path: '/messages/{message}',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ message: idOf('message') }),
  answer: messageRow.extend({
    key: z.string(),
    run: idOf('run').nullable(),
    explanation,
    text: z.string().nullable(),
    /** The HTML on a page without scripts for an `<iframe sandbox>`; valid for an hour. */
    frameUrl: z.string().nullable(),
    /** The letter as it was printed. */
    fileUrl: z.string().nullable(),
    providerId: z.string().nullable(),
    connector: z.string().nullable(),
    attempts: z.int(),
    /** Every change of state, oldest first. */
    history: z.array(z.object({ at: z.iso.datetime(), state: z.string(), note: z.string().nullable() })),
  }),
})

export const personMessages = route({
  stage: 'delivery',
  name: 'personMessages',
  summary: 'Messages to one person, newest first',
  method: 'get',
  path: '/persons/{person}/messages',
  may: ['admin', 'marketer', 'support', 'privacy', 'store'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ items: z.array(messageRow) }),
})

export const resolveUnknown = route({
  stage: 'delivery',
  name: 'resolveUnknown',
  summary: 'Somebody looked: settles a message whose fate was unknown',
  method: 'post',
  path: '/messages/{message}/resolve',
  may: ['admin', 'marketer'],
  params: z.object({ message: idOf('message') }),
  body: z.strictObject({ arrived: z.boolean(), note: z.string().trim().min(1).max(300) }),
})

export const lanes = route({
  stage: 'delivery',
  name: 'lanes',
  summary: 'The outgoing channels: which connector, whether it is stopped, what waits and how it went today',
  method: 'get',
  path: '/lanes',
  may: 'signed-in',
  answer: z.object({
    items: z.array(
      z.object({
        channel,
        connector: z.string().nullable(),
        /** Spec reliability §3: K honours a key, R can be asked, O is opaque. */
        class: z.enum(['K', 'R', 'O']).nullable(),
        stopped: z.boolean(),
        stoppedBecause: z.string().nullable(),
        waiting: z.int(),
        unknown: z.int(),
        acceptedToday: z.int(),
        refusedToday: z.int(),
        lastProblem: z.string().nullable(),
      }),
    ),
  }),
})

export const stopLane = route({
  stage: 'delivery',
  name: 'stopLane',
  summary: 'Emergency stop or release of one channel; acts within a second, also on reserved messages',
  method: 'put',
  path: '/lanes/{channel}',
  may: ['admin', 'marketer', 'privacy'],
  params: z.object({ channel }),
  body: z.strictObject({ stopped: z.boolean(), because: z.string().trim().min(1).max(300) }),
})

export const testSend = route({
  stage: 'delivery',
  name: 'testSend',
  summary: 'Sends one variant to a colleague, marked as a test; counts for nothing and nobody',
  method: 'post',
  path: '/test',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    concept: idOf('concept'),
    channel,
    language: z.string().length(2).nullable().default(null),
    address: z.string().trim().min(3).max(300),
    person: idOf('person').nullable().default(null),
  }),
  answer: z.object({ state: z.enum(['accepted', 'refused', 'unknown']), note: z.string() }),
})

const caught = z.object({
  id: z.string(),
  receivedAt: z.iso.datetime(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  /** The message of ours that this mail is. */
  message: idOf('message').nullable(),
  person: idOf('person').nullable(),
  bytes: z.int(),
  snippet: z.string(),
})
export type CaughtMail = z.output<typeof caught>

export const mailbox = route({
  stage: 'delivery',
  name: 'mailbox',
  summary: 'Mails that the built-in catch-all received instead of the world',
  method: 'get',
  path: '/mailbox',
  may: ['admin', 'marketer', 'support'],
  query: z.object({ ...page, q: z.string().max(200).optional() }),
  answer: pageOf(caught).extend({ total: z.int(), address: z.string().nullable() }),
})

export const mail = route({
  stage: 'delivery',
  name: 'mail',
  summary: 'One caught mail with its headers, text and a safe page for its HTML',
  method: 'get',
  path: '/mailbox/{mail}',
  may: ['admin', 'marketer', 'support'],
  params: z.object({ mail: z.uuid() }),
  answer: caught.extend({
    headers: z.array(z.object({ name: z.string(), value: z.string() })),
    text: z.string(),
    frameUrl: z.string().nullable(),
    links: z.array(z.object({ text: z.string(), url: z.string() })),
    attachments: z.array(z.object({ name: z.string(), type: z.string(), bytes: z.int() })),
  }),
})

export const webhook = route({
  stage: 'delivery',
  name: 'webhook',
  summary:
    'Address and secret with which a mail service sends its receipts (Standard Webhooks); written to the audit log',
  method: 'get',
  path: '/webhooks/{source}',
  may: ['admin'],
  /** The name you give the mail service; it stands in the address. */
  params: z.object({ source: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is not a short name such as mailgun') }),
  answer: z.object({ url: z.string(), secret: z.string() }),
})
