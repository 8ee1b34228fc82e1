import { z } from 'zod'
import { idOf } from '../ids.ts'
import { jsonObject } from '../json.ts'
import { page, pageOf, route } from '../route.ts'

const stage = 'identity' as const

/** One identifier of a person and the evidence for it. */
export const identifierRow = z.object({
  namespace: z.string(),
  class: z.enum(['strong', 'contact', 'device', 'transaction', 'household']),
  value: z.string(),
  trust: z.enum(['verified', 'claimed']),
  status: z.enum(['active', 'blocked', 'shared', 'released', 'expired']),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  source: z.string(),
  sourceName: z.string(),
  /** The event that brought it, and the stronger identifier it came together with (null: it began this person). */
  event: z.string(),
  togetherWith: z.object({ namespace: z.string(), value: z.string() }).nullable(),
  /** The person under which it stood before merges. */
  firstPerson: idOf('person'),
  /** One sentence in English. */
  why: z.string(),
})

export const logKinds = ['merge', 'unmerge', 'attach', 'detach'] as const

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
  body: z.strictObject({ reason: z.string().max(500).optional() }),
  answer: z.object({ winner: idOf('person'), loser: idOf('person'), changed: z.boolean() }),
})

export const merge = route({
  stage,
  name: 'merge',
  summary: 'A person of the house says that two customers are one',
  method: 'post',
  path: '/merges',
  may: ['admin', 'support', 'privacy'],
  body: z.strictObject({ one: idOf('person'), other: idOf('person'), reason: z.string().min(3).max(500) }),
  answer: z.object({ winner: idOf('person'), loser: idOf('person').nullable(), log: z.string().nullable() }),
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

export const reviewRow = z.object({
  id: z.string(),
  kind: z.enum(['conflict', 'hot_value']),
  code: z.enum(conflictCodes),
  /** The two people it is about; `other` is null for a hot value. */
  one: idOf('person').nullable(),
  other: idOf('person').nullable(),
  via: z.object({ namespace: z.string(), value: z.string() }),
  /** One sentence: why they were kept apart. */
  why: z.string(),
  times: z.number(),
  firstAt: z.string(),
  lastAt: z.string(),
  answer: z.enum(['same', 'different', 'household', 'unsure']).nullable(),
  evidence: jsonObject,
})

export const review = route({
  stage,
  name: 'review',
  summary: 'Conflicts and hot values that a person should look at',
  method: 'get',
  path: '/review',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  query: z.object({
    ...page,
    code: z.enum(conflictCodes).optional(),
    open: z.enum(['true', 'false']).default('true'),
  }),
  answer: pageOf(reviewRow),
})

export const answerReview = route({
  stage,
  name: 'answerReview',
  summary: 'Same: merge them. Different or household: never join them. Unsure: ask again later.',
  method: 'post',
  path: '/review/{item}/answer',
  may: ['admin', 'support', 'privacy'],
  params: z.object({ item: z.uuid() }),
  body: z.strictObject({ answer: z.enum(['same', 'different', 'household', 'unsure']) }),
  answer: z.object({ merged: z.boolean() }),
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
    conflicts: z.array(z.object({ code: z.enum(conflictCodes), count: z.number() })),
    hotValues: z.number(),
    largest: z.array(z.object({ person: idOf('person'), identifiers: z.number() })),
  }),
})
