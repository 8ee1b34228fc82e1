import { z } from 'zod'
import { idOf } from '../ids.ts'
import { jsonObject } from '../json.ts'
import { page, pageOf, route } from '../route.ts'

export * from './identity-matching.ts'

const stage = 'identity' as const

/** Sure: by evidence, or because somebody said so. Probable: a run of matching alone says that they are one. */
export const levels = ['sure', 'probable'] as const

/** One identifier of a person and the evidence for it. */
export const identifierRow = z.object({
  namespace: z.string(),
  class: z.enum(['strong', 'contact', 'device', 'transaction', 'household']),
  value: z.string(),
  trust: z.enum(['verified', 'claimed']),
  status: z.enum(['active', 'blocked', 'shared', 'released', 'expired']),
  /** What somebody of the house said of the value; null for what was noticed, or for what is as usual. */
  marked: z.enum(['shared', 'household_card', 'store_device']).nullable(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  source: z.string(),
  sourceName: z.string(),
  /** The event that brought it, and the stronger identifier it came together with (null: it began this person). */
  event: z.string(),
  togetherWith: z.object({ namespace: z.string(), value: z.string() }).nullable(),
  /** The person under which it stood before merges. */
  firstPerson: idOf('person'),
  /** Probable: only a run of matching says that it belongs to the person asked for. */
  level: z.enum(levels),
  /** One sentence in English. */
  why: z.string(),
})

export const logKinds = [
  'merge',
  'unmerge',
  'split',
  'reevaluate',
  'attach',
  'detach',
  'share',
  'release',
  'block',
  'confirm',
  'apart',
  'allow',
] as const

export const logRow = z.object({
  id: z.string(),
  kind: z.enum(logKinds),
  at: z.string(),
  winner: idOf('person'),
  loser: idOf('person').nullable(),
  /** The identifier that joined them. */
  via: z.object({ namespace: z.string(), value: z.string() }).nullable(),
  cause: z.string(),
  event: z.string().nullable(),
  actor: z.string(),
  undoneAt: z.string().nullable(),
  mayUndo: z.boolean(),
  /** How sure the join is today; null for what is none, or none any more. */
  level: z.enum(levels).nullable(),
})

export const person = route({
  stage,
  name: 'person',
  summary: 'Which person an id stands for today',
  method: 'get',
  path: '/persons/{person}',
  may: 'signed-in',
  params: z.object({ person: idOf('person') }),
  answer: z.object({
    person: idOf('person'),
    resolvedFrom: idOf('person'),
    state: z.enum(['active', 'merged', 'erased']),
    aliases: z.array(idOf('person')),
    /** How sure it is that the id asked for stands for this person. */
    level: z.enum(levels),
    /** Ids that only a run of matching joined with the one asked for. */
    probable: z.array(idOf('person')),
    firstSeenAt: z.string(),
  }),
})

export const identifiers = route({
  stage,
  name: 'identifiers',
  summary: 'Identifiers of a person and why they belong together',
  method: 'get',
  path: '/persons/{person}/identifiers',
  may: ['admin', 'marketer', 'store', 'support', 'privacy', 'analyst'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ items: z.array(identifierRow) }),
})

export const log = route({
  stage,
  name: 'log',
  summary: 'Merges and splits of a person',
  method: 'get',
  path: '/persons/{person}/log',
  may: ['admin', 'marketer', 'support', 'privacy', 'analyst'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ items: z.array(logRow) }),
})

export const unmerge = route({
  stage,
  name: 'unmerge',
  summary: 'Undo one merge exactly; the two are remembered as different people',
  method: 'post',
  path: '/merges/{log}/undo',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ log: z.uuid() }),
  body: z.strictObject({
    reason: z.string().max(500).optional(),
    /** From the preview: when it would do something else by now, it is refused with 409. */
    expected: z.string().max(200).optional(),
  }),
  answer: z.object({ winner: idOf('person'), loser: idOf('person'), changed: z.boolean() }),
})

export const merge = route({
  stage,
  name: 'merge',
  summary: 'A person of the house says that two customers are one; of two that a run joined, that they surely are',
  method: 'post',
  path: '/merges',
  may: ['admin', 'support', 'privacy'],
  body: z.strictObject({ one: idOf('person'), other: idOf('person'), reason: z.string().min(3).max(500) }),
  answer: z.object({ winner: idOf('person'), loser: idOf('person').nullable(), log: z.string().nullable() }),
})

const key = z.object({ namespace: z.string().min(1).max(100), value: z.string().min(1).max(256) })

export const resolve = route({
  stage,
  name: 'resolve',
  summary:
    'Whose are these identifiers? Attaches and joins where the rules allow, as an event would; with dryRun it only says what would happen',
  method: 'post',
  path: '/resolve',
  may: ['admin', 'support', 'privacy'],
  body: z.strictObject({
    identifiers: z
      .array(key.extend({ trust: z.enum(['verified', 'claimed']).default('claimed') }))
      .min(1)
      .max(50),
    /** When they were seen together; now when missing or in the future. */
    at: z.iso.datetime().optional(),
    /** False as from a publishable key: nobody known is joined with anybody known. */
    mayJoin: z.boolean().default(true),
    dryRun: z.boolean().default(false),
  }),
  answer: z.object({
    /** Null when nothing here stands for a person: only order numbers, or values that are set aside. */
    person: idOf('person').nullable(),
    /** The id under which an event with these identifiers would be stored. */
    storedUnder: idOf('person').nullable(),
    began: z.boolean(),
    identifiers: z.array(
      key.extend({
        person: idOf('person').nullable(),
        standing: z.enum(['attached', 'known', 'elsewhere', 'set_aside', 'nobody']),
      }),
    ),
    merged: z.array(z.object({ winner: idOf('person'), loser: idOf('person') })),
    refusals: z.array(z.object({ code: z.string(), via: key, persons: z.array(idOf('person')), sentence: z.string() })),
    flags: z.array(z.string()),
    dryRun: z.boolean(),
  }),
})

/** What an undo, a split or the loss of an identifier would do; nothing is done yet. */
export const effect = z.object({
  /** The people afterwards. */
  people: z.array(
    z.object({
      person: idOf('person'),
      /** Does it exist today, or would it begin? */
      exists: z.boolean(),
      identifiers: z.array(key.extend({ moves: z.boolean() })),
      /** Orders and receipts that would be this person's, of those that are concerned. */
      orders: z.int().nullable(),
      events: z.int().nullable(),
    }),
  ),
  /** Would anything change at all? */
  changes: z.boolean(),
  /** Names exactly this effect, for the deed that follows. */
  expected: z.string(),
})
export type Effect = z.infer<typeof effect>

export const previewUnmerge = route({
  stage,
  name: 'previewUnmerge',
  summary: 'What undoing one merge would do: who has which identifiers, orders and events afterwards',
  method: 'get',
  path: '/merges/{log}/preview',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  params: z.object({ log: z.uuid() }),
  answer: effect,
})

const splitBody = z.strictObject({
  person: idOf('person'),
  identifiers: z.array(key).min(1).max(50),
  /** Whose they are instead; without, they begin a person of their own. */
  to: idOf('person').optional(),
})

export const previewSplit = route({
  stage,
  name: 'previewSplit',
  summary: 'What giving identifiers to somebody else would do',
  method: 'post',
  asks: true,
  path: '/splits/preview',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  body: splitBody,
  answer: effect,
})

export const split = route({
  stage,
  name: 'split',
  summary: 'Give chosen identifiers of a person, with their events, to a person of their own or to a named one',
  method: 'post',
  path: '/splits',
  may: ['admin', 'support', 'privacy'],
  body: splitBody.extend({ reason: z.string().min(3).max(500), expected: z.string().max(200).optional() }),
  answer: z.object({ from: idOf('person'), to: idOf('person'), log: z.string().nullable() }),
})

export const step = z.object({
  one: key,
  other: key,
  /** How often the two came together, when first and last, and where. */
  times: z.int(),
  firstAt: z.string(),
  lastAt: z.string(),
  sourceName: z.string(),
  event: z.string(),
  sentence: z.string(),
})

export const why = route({
  stage,
  name: 'why',
  summary:
    'Why are these one person? The path of evidence between all identifiers of a person, or to another id; when they are two, what keeps them apart',
  method: 'get',
  path: '/persons/{person}/why',
  may: ['admin', 'marketer', 'store', 'support', 'privacy', 'analyst'],
  params: z.object({ person: idOf('person') }),
  query: z.object({ with: idOf('person').optional() }),
  answer: z.object({
    person: idOf('person'),
    other: idOf('person').nullable(),
    same: z.boolean(),
    /** Each step: two identifiers and the events in which they came together. */
    steps: z.array(step),
    /** What people of the house decided about them. */
    decisions: z.array(
      z.object({
        kind: z.enum(['different', 'same']),
        one: key,
        other: key,
        reason: z.string(),
        actor: z.string(),
        at: z.string(),
      }),
    ),
    /** Joins that were refused, with the reason. */
    refusals: z.array(
      z.object({ code: z.string(), via: key, sentence: z.string(), firstAt: z.string(), lastAt: z.string() }),
    ),
  }),
})

export const whatif = route({
  stage,
  name: 'whatif',
  summary: 'What if this identifier were removed? Who would be who without it',
  method: 'get',
  path: '/persons/{person}/whatif',
  may: ['admin', 'marketer', 'support', 'privacy', 'analyst'],
  params: z.object({ person: idOf('person') }),
  query: z.object({ namespace: z.string().min(1).max(100), value: z.string().min(1).max(256) }),
  answer: effect,
})

export const household = route({
  stage,
  name: 'household',
  summary: 'The household of a person: members, since when, and what speaks for it; nothing personal flows through it',
  method: 'get',
  path: '/persons/{person}/household',
  may: ['admin', 'marketer', 'support', 'privacy', 'analyst'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({
    household: z.string().nullable(),
    members: z.array(
      z.object({
        person: idOf('person'),
        since: z.string(),
        until: z.string().nullable(),
        evidence: z.array(z.string()),
      }),
    ),
  }),
})

const pair = z.strictObject({ one: key, other: key, reason: z.string().min(3).max(500) })

export const keepApart = route({
  stage,
  name: 'keepApart',
  summary: 'Say that two identifiers are different people: no rule and no run joins them from now on',
  method: 'post',
  path: '/negative-edges',
  may: ['admin', 'support', 'privacy'],
  body: pair,
  answer: z.object({ changed: z.boolean() }),
})

export const allowAgain = route({
  stage,
  name: 'allowAgain',
  summary: 'Take back that two identifiers are different people; rules may join them again',
  method: 'delete',
  path: '/negative-edges',
  may: ['admin', 'support', 'privacy'],
  body: pair,
  answer: z.object({ changed: z.boolean() }),
})

/**
 * Blocked: says nothing about anybody. Shared: so many use it that it names nobody. Household card: a family's; from now on
 * it names nobody, who shows it belongs to one household, and what was bought with it before stays where it is.
 */
export const valueMarks = ['blocked', 'shared', 'household_card', 'store_device', 'released'] as const

export const markValue = route({
  stage,
  name: 'markValue',
  summary: 'Block a value, set it aside as shared, as the card of a family or as a device of a store, or release it',
  method: 'post',
  path: '/values',
  may: ['admin', 'support', 'privacy'],
  body: key.extend({
    as: z.enum(valueMarks),
    reason: z.string().min(3).max(500),
  }),
  answer: z.object({ persons: z.array(idOf('person')).describe('Whom the value had joined or belonged to') }),
})

export const values = route({
  stage,
  name: 'values',
  summary:
    'Values that name nobody: blocked, shared by too many, cards of families, devices of stores; seen last first',
  method: 'get',
  path: '/values',
  may: ['admin', 'marketer', 'support', 'privacy', 'analyst'],
  query: z.object({ ...page }),
  answer: pageOf(
    key.extend({
      as: z.enum(['blocked', 'shared', 'household_card', 'store_device']),
      /** False: noticed by itself. */
      said: z.boolean(),
      /** Whose it was before. */
      person: idOf('person').nullable(),
      since: z.string().nullable(),
      lastSeenAt: z.string(),
      /** Who said so last, and why; null for what was noticed. */
      actor: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
})

export const namespacesList = route({
  stage,
  name: 'namespaces',
  summary: 'Namespaces of identifiers: class, most per person, window, when a value counts as shared',
  method: 'get',
  path: '/namespaces',
  may: 'signed-in',
  answer: z.object({
    items: z.array(
      z.object({
        namespace: z.string(),
        class: z.enum(['strong', 'contact', 'device', 'transaction', 'household']),
        most: z.int().nullable(),
        days: z.int().nullable(),
        hotPeople: z.int().nullable(),
        changed: z.boolean(),
        /** People who have more than the limit allows today. */
        over: z.int(),
      }),
    ),
  }),
})

export const setNamespace = route({
  stage,
  name: 'setNamespace',
  summary: 'Change the limits of a namespace; they hold from now on, and nothing is split silently',
  method: 'put',
  path: '/namespaces/{namespace}',
  may: ['admin'],
  params: z.object({ namespace: z.string().min(1).max(100) }),
  body: z.strictObject({
    most: z.int().min(1).max(100).nullable(),
    days: z.int().min(1).max(3_650).nullable(),
    hotPeople: z.int().min(1).max(1_000).nullable(),
  }),
  answer: z.object({ over: z.int() }),
})

export const conflictCodes = [
  'negative_edge',
  'unique_conflict',
  'weak_evidence',
  'person_conflict',
  'limit',
  'merge_budget',
  'hot_value',
] as const
export type ConflictCode = (typeof conflictCodes)[number]

export const reviewKinds = ['conflict', 'grey_link', 'hot_value', 'audit'] as const
export const reviewAnswers = ['same', 'different', 'household', 'unsure', 'release', 'keep'] as const

export const reviewRow = z.object({
  id: z.string(),
  kind: z.enum(reviewKinds),
  /** A conflict code of the gate, or what an audit found. */
  code: z.string(),
  /** The two people it is about; null for a hot value. */
  one: idOf('person').nullable(),
  other: idOf('person').nullable(),
  via: key.nullable(),
  /** One sentence: why they were kept apart. */
  why: z.string(),
  probability: z.number().nullable(),
  times: z.number(),
  firstAt: z.string(),
  lastAt: z.string(),
  answer: z.enum(reviewAnswers).nullable(),
  answeredBy: z.string().nullable(),
  /** Who has answered already where the house wants a second colleague to say the same; what they said is not told. */
  firstBy: z.string().nullable(),
  evidence: jsonObject,
})

export const review = route({
  stage,
  name: 'review',
  summary: 'Conflicts, grey links, shared values and findings that a person should look at, the most uncertain first',
  method: 'get',
  path: '/review',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  query: z.object({
    ...page,
    code: z.string().max(40).optional(),
    kind: z.enum(reviewKinds).optional(),
    open: z.enum(['true', 'false']).default('true'),
  }),
  answer: pageOf(reviewRow),
})

/** One field of two records beside each other. */
export const comparison = z.object({
  field: z.string(),
  one: z.string().nullable(),
  other: z.string().nullable(),
  agreement: z.enum(['same', 'alike', 'different', 'missing']),
  /** Weight in bits for (positive) or against (negative) being one; null when no model weighed it. */
  weight: z.number().nullable(),
  level: z.string().nullable(),
})

export const reviewItem = route({
  stage,
  name: 'reviewItem',
  summary:
    'One question whole: both records field by field with weights, what speaks for it, and what a merge would change',
  method: 'get',
  path: '/review/{item}',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  params: z.object({ item: z.uuid() }),
  answer: z.object({
    item: reviewRow,
    fields: z.array(comparison),
    weight: z.number().nullable(),
    model: z.string().nullable(),
    identifiers: z.array(key.extend({ side: z.enum(['one', 'other']), trust: z.enum(['verified', 'claimed']) })),
    sides: z.array(
      z.object({
        person: idOf('person'),
        orders: z.int().nullable(),
        since: z.string(),
        identifiers: z.int(),
        household: z.string().nullable(),
      }),
    ),
    /** What a merge would bring: identifiers of one, orders of both, whom it would name. */
    merged: z.object({ person: idOf('person'), identifiers: z.int(), orders: z.int().nullable() }).nullable(),
  }),
})

export const answerReview = route({
  stage,
  name: 'answerReview',
  summary:
    'Same: merge them. Different: never join them. Household: never, and one household. Unsure: ask again in 30 days. Release or keep: for a shared value; household: a family’s card.',
  method: 'post',
  path: '/review/{item}/answer',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ item: z.uuid() }),
  body: z.strictObject({ answer: z.enum(reviewAnswers) }),
  answer: z.object({
    merged: z.boolean(),
    /** The answer counts once a second colleague gives the same. */
    waits: z.boolean(),
  }),
})

export const reviewRule = route({
  stage,
  name: 'reviewRule',
  summary: 'Do two colleagues have to give the same answer before it counts?',
  method: 'get',
  path: '/review-rule',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  answer: z.object({ twoPeople: z.boolean() }),
})

export const setReviewRule = route({
  stage,
  name: 'setReviewRule',
  summary: 'Ask two colleagues about each pair of people, or one; answers given before stay',
  method: 'put',
  path: '/review-rule',
  may: ['admin', 'privacy'],
  body: z.strictObject({ twoPeople: z.boolean() }),
  answer: z.object({ twoPeople: z.boolean() }),
})

export const undoAnswer = route({
  stage,
  name: 'undoAnswer',
  summary: 'Take an answer back with everything it did; the question is open again',
  method: 'post',
  path: '/review/{item}/undo',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ item: z.uuid() }),
  answer: z.object({ changed: z.boolean() }),
})

export const health = route({
  stage,
  name: 'health',
  summary: 'How well records are joined: people, identifiers each, conflicts by reason, hot values',
  method: 'get',
  path: '/health',
  may: 'signed-in',
  answer: z.object({
    people: z.number(),
    known: z.number(),
    anonymous: z.number(),
    identifiers: z.number(),
    merges: z.number(),
    unmerges: z.number(),
    reviewOpen: z.number(),
    conflicts: z.array(z.object({ code: z.string(), count: z.number() })),
    hotValues: z.number(),
    /** People who would be others by a whole run of matching, where they are more than the limit; else 0. */
    wholeRunDiffers: z.int(),
    largest: z.array(z.object({ person: idOf('person'), identifiers: z.number() })),
  }),
})
