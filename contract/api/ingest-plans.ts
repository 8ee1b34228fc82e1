import { z } from 'zod'
import { idOf } from '../ids.ts'
import { page, route } from '../route.ts'

const stage = 'ingest' as const

/** What a tracking plan can find on an event; closed list. */
export const violationKinds = [
  'unplanned_event',
  'missing_required',
  'wrong_type',
  'condition',
  'additional_property',
  'unplanned_trait',
  'invalid_plan',
] as const
export type ViolationKind = (typeof violationKinds)[number]

/** What happens to an event that breaks the plan; only a property or trait can be stripped. */
export const planActions = ['flag', 'strip', 'quarantine'] as const
export type PlanAction = (typeof planActions)[number]

export const dataClasses = ['none', 'contact', 'person', 'sensitive'] as const
export type DataClass = (typeof dataClasses)[number]

export const planFormats = ['date', 'date-time', 'email', 'uri', 'uuid'] as const
export type PlanFormat = (typeof planFormats)[number]

export type PlanType = 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array' | 'null'
export const planTypes = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] as const

/**
 * One property: a subset of JSON Schema 2020-12, with our own words behind `x-`. `$ref` names a common property
 * (`#/common/money`) and stands alone.
 */
export type PlanProperty = {
  $ref?: string
  description?: string
  type?: PlanType | PlanType[]
  enum?: (string | number | boolean | null)[]
  pattern?: string
  format?: PlanFormat
  minimum?: number
  maximum?: number
  properties?: { [name: string]: PlanProperty }
  required?: string[]
  additionalProperties?: boolean
  items?: PlanProperty
  examples?: unknown[]
  /** Personal data in it. */
  'x-class'?: DataClass
  /** What happens when this property breaks its rule; missing = the action of the violation. */
  'x-action'?: PlanAction
  /** `"12.50"` → 12.5, `"true"` → true, ISO dates: only where this says so. */
  'x-coerce'?: boolean
}

/** One kind of call: an event, or what is said about people, groups, pages and screens. */
export type PlannedCall = {
  description?: string
  owner?: string
  retention?: 'short' | 'standard' | 'long'
  /** At least one of these namespaces must be with the event. */
  identifiers?: string[]
  /** Other names under which the same event arrives. */
  aliases?: string[]
  actions?: { [kind in ViolationKind]?: PlanAction }
  properties?: { [name: string]: PlanProperty }
  required?: string[]
  /** `false`: what is not named here is a violation. */
  additionalProperties?: boolean
  example?: { [name: string]: unknown }
}

/** A data contract with a supplier of files: columns by their names in the file. */
export type PlannedFile = { columns: { [column: string]: PlanProperty }; required?: string[] }

/** What a source is expected to send. A part that is left out is not judged. */
export type PlanDocument = {
  description?: string
  actions?: { [kind in ViolationKind]?: PlanAction }
  common?: { [name: string]: PlanProperty }
  events?: { [name: string]: PlannedCall }
  traits?: PlannedCall
  groups?: PlannedCall
  pages?: PlannedCall
  screens?: PlannedCall
  /** Kind of import → its columns. */
  files?: { [kind: string]: PlannedFile }
}

export const planStates = ['draft', 'review', 'live', 'retired'] as const
export type PlanState = (typeof planStates)[number]

export const planRow = z.object({
  id: idOf('trackingPlan'),
  source: idOf('source'),
  sourceName: z.string(),
  version: z.number(),
  state: z.enum(planStates),
  /** SHA-256 of the content; what is approved is exactly this. */
  hash: z.string(),
  /** Whether this content is approved (Settings → Approvals). */
  approved: z.boolean(),
  events: z.number(),
  properties: z.number(),
  note: z.string(),
  createdBy: z.string(),
  createdAt: z.string(),
  changedAt: z.string(),
  liveAt: z.string().nullable(),
  retiredAt: z.string().nullable(),
})

export const planViolation = z.object({
  code: z.enum(violationKinds),
  /** Event name; empty for traits, groups, pages and screens. */
  event: z.string(),
  kind: z.string(),
  path: z.string(),
  count: z.number(),
  /** Part of the judged events of this name, 0–1. */
  share: z.number(),
  firstAt: z.string(),
  lastAt: z.string(),
  sources: z.array(z.string()),
  /** Client and version, most frequent first. */
  clients: z.array(z.object({ client: z.string(), count: z.number() })),
  expected: z.string(),
  /** Up to three values as they look, letters as `a` and digits as `9` unless the plan says they are harmless. */
  samples: z.array(z.object({ event: z.string(), found: z.string() })),
  /** Names in the plan that differ only in case or blanks. */
  didYouMean: z.string().nullable(),
})

export const dryRun = z.object({
  plan: idOf('trackingPlan'),
  /** Content it was run with; another hash than the plan's means that the plan has changed since. */
  hash: z.string(),
  days: z.number(),
  state: z.enum(['waiting', 'running', 'done', 'cancelled', 'failed']),
  /** 0–1 by events. */
  progress: z.number(),
  error: z.string().nullable(),
  events: z.number(),
  /** Events with at least one violation. */
  violating: z.number(),
  seconds: z.number().nullable(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  violations: z.array(planViolation),
})

export const planDetail = planRow.extend({
  document: z.unknown(),
  /** The same as YAML, in an order that makes versions comparable. */
  text: z.string(),
  versions: z.array(z.object({ id: idOf('trackingPlan'), version: z.number(), state: z.enum(planStates) })),
  dryRun: dryRun.nullable(),
  /** Items of the source that wait in quarantine because of the plan. */
  waiting: z.number(),
})

const planBody = {
  document: z.unknown().optional(),
  /** YAML or JSON; instead of `document`. */
  text: z.string().max(4_000_000).optional(),
  note: z.string().max(500).optional(),
}
const planParams = z.object({ plan: idOf('trackingPlan') })
const readers = ['admin', 'marketer', 'analyst', 'privacy'] as const
const writers = ['admin', 'marketer'] as const

export const plans = route({
  stage,
  name: 'plans',
  summary: 'Tracking plans of all sources: the latest version of each and the live one; sources without a plan too',
  method: 'get',
  path: '/plans',
  may: readers,
  answer: z.object({
    items: z.array(planRow),
    unplanned: z.array(z.object({ source: idOf('source'), sourceName: z.string() })),
  }),
})

export const createPlan = route({
  stage,
  name: 'createPlan',
  summary: 'Begin a new version for a source: from the given content, else from the live version, else empty',
  method: 'post',
  path: '/plans',
  may: writers,
  body: z.strictObject({ source: idOf('source'), ...planBody }),
  answer: planDetail,
})

export const planOf = route({
  stage,
  name: 'planOf',
  summary: 'One version with its content, the other versions and its last dry run',
  method: 'get',
  path: '/plans/{plan}',
  may: readers,
  params: planParams,
  answer: planDetail,
})

export const changePlan = route({
  stage,
  name: 'changePlan',
  summary: 'Change a draft; what is in review becomes a draft again',
  method: 'put',
  path: '/plans/{plan}',
  may: writers,
  params: planParams,
  body: z.strictObject({
    ...planBody,
    /** Hash of the content that was changed; another one means that somebody else was faster. */
    basedOn: z.string().optional(),
  }),
  answer: planDetail,
})

export const dropPlan = route({
  stage,
  name: 'dropPlan',
  summary: 'Give up a draft',
  method: 'delete',
  path: '/plans/{plan}',
  may: writers,
  params: planParams,
  answer: z.object({ dropped: z.boolean() }),
})

export const submitPlan = route({
  stage,
  name: 'submitPlan',
  summary: 'Ask for approval of exactly this content (draft → in review)',
  method: 'post',
  path: '/plans/{plan}/submit',
  may: writers,
  params: planParams,
  answer: planDetail,
})

export const publishPlan = route({
  stage,
  name: 'publishPlan',
  summary: 'Let an approved version go live; the one before is retired, nothing stored changes',
  method: 'post',
  path: '/plans/{plan}/publish',
  may: writers,
  params: planParams,
  answer: planDetail,
})

export const retirePlan = route({
  stage,
  name: 'retirePlan',
  summary: 'End a live version; from then on its source may send anything',
  method: 'post',
  path: '/plans/{plan}/retire',
  may: writers,
  params: planParams,
  answer: planDetail,
})

export const learnPlan = route({
  stage,
  name: 'learnPlan',
  summary: 'Propose a plan from what the source has sent; nothing is kept',
  method: 'post',
  path: '/plans/learn',
  may: writers,
  body: z.strictObject({ source: idOf('source'), days: z.int().min(1).max(90).default(7) }),
  answer: z.object({
    document: z.unknown(),
    text: z.string(),
    events: z.number(),
    names: z.number(),
    from: z.string(),
    to: z.string(),
  }),
})

export const planEvent = route({
  stage,
  name: 'planEvent',
  summary: 'Add an event, as it was seen, to the draft of its source',
  method: 'post',
  path: '/plans/events',
  may: writers,
  body: z.strictObject({
    source: idOf('source'),
    name: z.string().min(1).max(256),
    days: z.int().min(1).max(90).default(30),
  }),
  answer: planDetail,
})

export const startDryRun = route({
  stage,
  name: 'startDryRun',
  summary: 'Judge what came in the last days by this version, without changing anything; runs in the background',
  method: 'post',
  path: '/plans/{plan}/dry-run',
  may: writers,
  params: planParams,
  body: z.strictObject({ days: z.int().min(1).max(400).default(7) }),
  answer: dryRun,
})

export const dryRunOf = route({
  stage,
  name: 'dryRunOf',
  summary: 'Progress and result of the last dry run',
  method: 'get',
  path: '/plans/{plan}/dry-run',
  may: readers,
  params: planParams,
  answer: dryRun.nullable(),
})

export const cancelDryRun = route({
  stage,
  name: 'cancelDryRun',
  summary: 'Stop a dry run',
  method: 'post',
  path: '/plans/{plan}/dry-run/cancel',
  may: writers,
  params: planParams,
  answer: dryRun.nullable(),
})

export const replayByPlan = route({
  stage,
  name: 'replayByPlan',
  summary: 'Items in quarantine that the live version would now accept: count them, or send them again',
  method: 'post',
  path: '/plans/{plan}/replay',
  may: writers,
  params: planParams,
  body: z.strictObject({ dryRun: z.boolean().default(true) }),
  answer: z.object({ waiting: z.number(), accepted: z.number(), replayed: z.number() }),
})

export const violations = route({
  stage,
  name: 'violations',
  summary: 'What live plans have found, by event, property and client version, with a trend',
  method: 'get',
  path: '/violations',
  may: readers,
  query: z.object({
    source: idOf('source').optional(),
    hours: z.coerce
      .number()
      .int()
      .min(1)
      .max(24 * 7)
      .default(24),
    /** Only what was first seen after this instant (a release). */
    newSince: z.iso.datetime().optional(),
  }),
  answer: z.object({
    events: z.number(),
    violating: z.number(),
    /** Items that wait in quarantine because of a plan and came within the time asked for. */
    quarantined: z.number(),
    items: z.array(
      z.object({
        source: idOf('source'),
        sourceName: z.string(),
        code: z.enum(violationKinds),
        kind: z.string(),
        event: z.string(),
        path: z.string(),
        action: z.enum(planActions),
        expected: z.string(),
        found: z.array(z.string()),
        count: z.number(),
        firstAt: z.string(),
        lastAt: z.string(),
        clients: z.array(z.object({ client: z.string(), count: z.number() })),
        /** Counts of equal parts of the time asked for, oldest first. */
        trend: z.array(z.number()),
      }),
    ),
  }),
})

/** One name that was seen, for the schema explorer. */
export const seenEvent = z.object({
  source: idOf('source').nullable(),
  sourceName: z.string(),
  kind: z.string(),
  name: z.string(),
  count: z.number(),
  firstAt: z.string(),
  lastAt: z.string(),
  /** Events of each of the last 28 days, oldest first. */
  trend: z.array(z.number()),
  properties: z.array(z.string()),
  planned: z.enum(['yes', 'no', 'no_plan']),
})

export const seenEvents = route({
  stage,
  name: 'seenEvents',
  summary: 'Every event that was seen, per source, with count, trend and whether it is planned',
  method: 'get',
  path: '/schema',
  may: readers,
  query: z.object({
    ...page,
    source: idOf('source').optional(),
    q: z.string().max(256).optional(),
    planned: z.enum(['yes', 'no', 'no_plan']).optional(),
  }),
  answer: z.object({ items: z.array(seenEvent), total: z.number() }),
})

export const seenProperty = z.object({
  path: z.string(),
  types: z.array(z.object({ type: z.enum(planTypes), share: z.number() })),
  /** Part of the events that have it, 0–1. */
  filled: z.number(),
  /** Distinct values, estimated. */
  distinct: z.number(),
  class: z.enum(dataClasses),
  /** Masked unless the reader may see customers. */
  examples: z.array(z.string()),
  planned: z.boolean(),
})

export const seenEventOf = route({
  stage,
  name: 'seenEventOf',
  summary: 'Properties of one event as they were seen lately, and where its name is used',
  method: 'get',
  path: '/schema/event',
  may: readers,
  query: z.object({
    source: idOf('source'),
    kind: z.string().max(32),
    name: z.string().max(256),
    days: z.coerce.number().int().min(1).max(90).default(30),
  }),
  answer: z.object({
    /** Events looked at: the latest, at most 20,000. */
    events: z.number(),
    properties: z.array(seenProperty),
    /** Audiences, journeys and other things that name the event. */
    uses: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })),
    masked: z.boolean(),
  }),
})
export type PlanViolation = z.infer<typeof planViolation>
