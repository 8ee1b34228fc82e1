import { z } from 'zod'
import { channel, purpose } from '../channels.ts'
import { idOf } from '../ids.ts'
import { json } from '../json.ts'
import { page, pageOf, route } from '../route.ts'

const readers = ['admin', 'marketer', 'support', 'privacy'] as const
const instant = z.string().meta({ format: 'date-time' })

export const stances = ['grant', 'deny', 'restrict', 'lift_restriction'] as const
export const stance = z.enum(stances)

export const bases = ['consent', 'contract', 'existing_customer', 'legitimate_interest', 'legal_duty'] as const
export const basis = z.enum(bases)

/** Why the answer is no, in the order in which the decision looks (spec policy A4). */
export const refusals = [
  'erased',
  'restricted',
  'objected',
  'withdrawn',
  'suppressed',
  'minor',
  'listed',
  'forbidden_here',
  'never_asked',
  'unconfirmed',
  'expired',
  'no_proof',
  'claimed_only',
  'purpose_not_in_data',
] as const
export const refusal = z.enum(refusals)

/** What a message must contain when the answer is yes. */
export const obligations = ['unsubscribe', 'existing_customer_notice', 'imprint'] as const
export const obligation = z.enum(obligations)

export const permission = z.discriminatedUnion('allowed', [
  z.object({
    allowed: z.literal(true),
    basis,
    /** Null when the basis follows from the law and not from a statement (a contract). */
    statement: idOf('statement').nullable(),
    obligations: z.array(obligation),
  }),
  z.object({ allowed: z.literal(false), because: refusal, statement: idOf('statement').nullable() }),
])

/** One line of the ledger. Never changed afterwards; a mistake is corrected by a further line. */
export const statement = z.object({
  statement: idOf('statement'),
  stance,
  /** Null = all marketing purposes. */
  purpose: purpose.nullable(),
  /** Null = every channel. */
  channel: channel.nullable(),
  topic: z.string().nullable(),
  basis,
  /** The contact point it belongs to, or null when it belongs to the person. */
  address: z.string().nullable(),
  happenedAt: instant,
  knownAt: instant,
  confirmedAt: instant.nullable(),
  expiresAt: instant.nullable(),
  trust: z.enum(['verified', 'claimed']),
  source: z.string(),
  reason: z.string().nullable(),
  text: z.object({ id: z.string(), version: z.string(), language: z.string().nullable(), hash: z.string() }).nullable(),
  evidence: z.record(z.string(), json),
  actor: z.string().nullable(),
  /** Position in the hash chain of the ledger and the hash that seals it. */
  sequence: z.int(),
  seal: z.string(),
})
export type LedgerLine = z.infer<typeof statement>

export const permissionCell = z.object({ purpose, channel, permission, since: instant.nullable() })

/** What we may do with one person: the answer per purpose and channel. */
export const consentState = z.object({
  person: idOf('person'),
  cells: z.array(permissionCell),
  suppressions: z.array(
    z.object({ channel, address: z.string(), reason: z.string(), since: instant, permanent: z.boolean() }),
  ),
  restricted: z.boolean(),
})
export type ConsentState = z.infer<typeof consentState>

export const registry = route({
  stage: 'consent',
  name: 'registry',
  summary: 'The purposes for which personal data may be used',
  method: 'get',
  path: '/purposes',
  may: 'signed-in',
  answer: z.object({
    items: z.array(
      z.object({
        purpose,
        /** Plain sentence in English and German. */
        sentence: z.object({ en: z.string(), de: z.string() }),
        name: z.object({ en: z.string(), de: z.string() }),
        channels: z.array(channel),
        bases: z.array(basis),
        marketing: z.boolean(),
        derivable: z.boolean(),
        retention: z.string(),
      }),
    ),
  }),
})

export const state = route({
  stage: 'consent',
  name: 'state',
  summary: 'What we may do with one person, and the ledger lines behind it',
  method: 'get',
  path: '/persons/{person}',
  may: readers,
  params: z.object({ person: idOf('person') }),
  answer: consentState.extend({ ledger: z.array(statement) }),
})

export const ask = route({
  stage: 'consent',
  name: 'ask',
  summary: 'May we use this channel for this purpose with this person, now or at another instant?',
  method: 'get',
  path: '/persons/{person}/may',
  may: readers,
  params: z.object({ person: idOf('person') }),
  query: z.object({ purpose, channel, address: z.string().max(320).optional(), at: z.iso.datetime().optional() }),
  answer: permission,
})

export const record = route({
  stage: 'consent',
  name: 'record',
  summary: 'Write down a statement of a person, with the reason',
  method: 'post',
  path: '/persons/{person}/statements',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
  body: z.strictObject({
    stance,
    purpose: purpose.nullable(),
    channel: channel.nullable(),
    address: z.string().max(320).optional(),
    topic: z.string().max(200).optional(),
    /** When the person said it (a letter's postmark, the time of the call); now when missing. */
    happenedAt: z.iso.datetime().optional(),
    reason: z.string().min(3).max(2000),
    /** What proves it: call reference, scan, letter number. A grant without proof permits nothing. */
    proof: z.string().min(1).max(2000).optional(),
  }),
  answer: z.object({ statement: idOf('statement'), state: consentState }),
})

export const proof = route({
  stage: 'consent',
  name: 'proof',
  summary: 'Everything one person ever stated, with evidence and seals, as one document',
  method: 'get',
  path: '/persons/{person}/proof',
  may: ['admin', 'privacy'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({
    generatedAt: instant,
    person: idOf('person'),
    aliases: z.array(idOf('person')),
    statements: z.array(statement),
    decisions: z.array(permissionCell),
  }),
})

export const preferenceLink = route({
  stage: 'consent',
  name: 'preferenceLink',
  summary: "The link to this person's own preference page",
  method: 'post',
  path: '/persons/{person}/preference-link',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ url: z.string() }),
})

export const overview = route({
  stage: 'consent',
  name: 'overview',
  summary: 'Permission over all persons: yes and no per purpose and channel, and how it moved',
  method: 'get',
  path: '/overview',
  may: ['admin', 'marketer', 'privacy', 'analyst'],
  query: z.object({ weeks: z.coerce.number().int().min(1).max(260).default(26) }),
  answer: z.object({
    persons: z.int(),
    statements: z.int(),
    /** Persons whose newest statement for the cell is a grant that holds, a grant that lacks proof, or a denial. */
    cells: z.array(z.object({ purpose, channel, permitted: z.int(), claimed: z.int(), denied: z.int() })),
    weekly: z.array(z.object({ week: z.string(), channel: channel.nullable(), grants: z.int(), denials: z.int() })),
    suppressed: z.array(z.object({ channel, reason: z.string(), addresses: z.int() })),
    latest: z.array(
      statement
        .pick({
          statement: true,
          stance: true,
          purpose: true,
          channel: true,
          knownAt: true,
          source: true,
          reason: true,
        })
        .extend({ person: idOf('person').nullable(), personName: z.string().nullable() }),
    ),
  }),
})

export const ledger = route({
  stage: 'consent',
  name: 'ledger',
  summary: 'The ledger of statements, newest first',
  method: 'get',
  path: '/ledger',
  may: ['admin', 'privacy'],
  query: z.object({ ...page, stance: stance.optional(), channel: channel.optional(), purpose: purpose.optional() }),
  answer: pageOf(
    statement.extend({
      person: idOf('person').nullable(),
      personName: z.string().nullable(),
      /** Name of the data source that told it; null when somebody here or the person wrote it down with us. */
      sourceName: z.string().nullable(),
    }),
  ),
})

export const verify = route({
  stage: 'consent',
  name: 'verify',
  summary: 'Recompute the hash chain of the ledger',
  method: 'get',
  path: '/ledger/verify',
  may: ['admin', 'privacy'],
  answer: z.object({ intact: z.boolean(), statements: z.int(), brokenAt: z.int().nullable(), erased: z.int() }),
})

export const erase = route({
  stage: 'consent',
  name: 'erase',
  summary: 'Erase one person, with everybody merged into it, from every stage; cannot be undone',
  method: 'post',
  path: '/persons/{person}/erase',
  may: ['admin', 'privacy'],
  params: z.object({ person: idOf('person') }),
  body: z.strictObject({ reason: z.string().trim().min(3).max(500) }),
  answer: z.object({ rows: z.int(), stages: z.array(z.object({ stage: z.string(), rows: z.int() })) }),
})
