import { z } from 'zod'
import { channel, purpose } from '../channels.ts'
import { idOf } from '../ids.ts'
import { predicate } from '../predicate.ts'
import { page, pageOf, route } from '../route.ts'

const readers = ['admin', 'marketer', 'analyst', 'privacy'] as const
const writers = ['admin', 'marketer'] as const
const instant = z.string().meta({ format: 'date-time' })

export const audienceSummary = z.object({
  audience: idOf('audience'),
  name: z.string(),
  description: z.string().nullable(),
  purpose,
  predicate,
  /** The condition as one sentence. */
  sentence: z.object({ en: z.string(), de: z.string() }),
  size: z.int(),
  /** Members that entered and left since yesterday at the same time. */
  entered: z.int(),
  left: z.int(),
  /** Size at the end of each day, oldest first, at most 90 days. */
  history: z.array(z.object({ day: z.string(), size: z.int() })),
  /** True while the first evaluation is still under way. */
  building: z.boolean(),
  createdAt: instant,
  createdBy: z.string().nullable(),
  updatedAt: instant,
  version: z.int(),
})
export type AudienceSummary = z.infer<typeof audienceSummary>

const audienceParams = z.object({ audience: idOf('audience') })
const draft = z.strictObject({
  name: z.string().trim().min(1).max(120),
  description: z.string().trim().max(1000).nullable().default(null),
  purpose: purpose.default('profiling'),
  predicate,
})

export const list = route({
  stage: 'audience',
  name: 'list',
  summary: 'All segments with their size and how it moved',
  method: 'get',
  path: '/audiences',
  may: readers,
  answer: z.object({ items: z.array(audienceSummary), persons: z.int() }),
})

export const read = route({
  stage: 'audience',
  name: 'read',
  summary: 'One segment with its reach per channel',
  method: 'get',
  path: '/audiences/{audience}',
  may: readers,
  params: audienceParams,
  answer: audienceSummary.extend({
    /** Members with an address on the channel, and those of them we may address for the marketing purpose. */
    reach: z.array(z.object({ channel, purpose, withAddress: z.int(), permitted: z.int() })),
    usedBy: z.array(idOf('audience')),
  }),
})

export const create = route({
  stage: 'audience',
  name: 'create',
  summary: 'Save a segment; its members are found at once and kept live',
  method: 'post',
  path: '/audiences',
  may: writers,
  body: draft,
  answer: audienceSummary,
})

export const update = route({
  stage: 'audience',
  name: 'update',
  summary: 'Change a segment; `version` must be the one that was read',
  method: 'put',
  path: '/audiences/{audience}',
  may: writers,
  params: audienceParams,
  body: draft.extend({ version: z.int() }),
  answer: audienceSummary,
})

export const remove = route({
  stage: 'audience',
  name: 'remove',
  summary: 'Delete a segment that no other segment uses',
  method: 'delete',
  path: '/audiences/{audience}',
  may: writers,
  params: audienceParams,
  answer: z.object({ removed: z.boolean() }),
})

export const preview = route({
  stage: 'audience',
  name: 'preview',
  summary: 'How many persons fit a condition right now',
  method: 'post',
  asks: true,
  path: '/preview',
  may: readers,
  body: z.strictObject({ predicate }),
  answer: z.object({
    size: z.int(),
    persons: z.int(),
    sentence: z.object({ en: z.string(), de: z.string() }),
    milliseconds: z.int(),
  }),
})

export const memberRow = z.object({
  person: idOf('person'),
  name: z.string().nullable(),
  email: z.string().nullable(),
  city: z.string().nullable(),
  lastSeen: instant.nullable(),
  since: instant,
})

export const members = route({
  stage: 'audience',
  name: 'members',
  summary: 'The members of a segment, by the time they entered',
  method: 'get',
  path: '/audiences/{audience}/members',
  may: ['admin', 'marketer', 'privacy'],
  params: audienceParams,
  query: z.object({ ...page }),
  answer: pageOf(memberRow),
})

export const overlap = route({
  stage: 'audience',
  name: 'overlap',
  summary: 'How many persons two segments share',
  method: 'get',
  path: '/overlap',
  may: readers,
  query: z.object({ first: idOf('audience'), second: idOf('audience') }),
  answer: z.object({ first: z.int(), second: z.int(), both: z.int() }),
})

export const membership = z.object({ audience: idOf('audience'), name: z.string(), since: instant })
export type Membership = z.infer<typeof membership>

export const memberships = route({
  stage: 'audience',
  name: 'memberships',
  summary: 'The segments one person is in, and those they recently left',
  method: 'get',
  path: '/persons/{person}',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({
    items: z.array(membership),
    left: z.array(z.object({ audience: idOf('audience'), name: z.string(), at: instant })),
  }),
})

export const vocabulary = route({
  stage: 'audience',
  name: 'vocabulary',
  summary: 'Words for the condition builder: traits, events, scores and segments that exist here',
  method: 'get',
  path: '/vocabulary',
  may: readers,
  answer: z.object({
    traits: z.array(z.object({ name: z.string(), persons: z.int(), examples: z.array(z.string()) })),
    events: z.array(z.object({ name: z.string(), persons: z.int() })),
    scores: z.array(z.string()),
    audiences: z.array(z.object({ audience: idOf('audience'), name: z.string() })),
  }),
})
