import { z } from 'zod'
import { findingActions } from '../event.ts'
import { idOf } from '../ids.ts'
import { json } from '../json.ts'
import { route } from '../route.ts'

const stage = 'ingest' as const

export const findingAction = z.enum(findingActions)

// --- checks and what a source decides about them ------------------------------------------------------------------------

/** Places are those of a tracking call: `event`, `properties.currency`, `traits.email`, `properties.products.sku`. */
const place = z
  .string()
  .regex(/^[A-Za-z_][\w-]*(?:\.[\w$-]+){0,8}$/, 'is a dotted place like properties.currency')
  .max(200)

/** A change to items before they are read; in lists it works on every element. */
export const repair = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('map'), path: place, from: z.string().max(500), to: json }),
  z.strictObject({ kind: z.literal('default'), path: place, value: json }),
  z.strictObject({ kind: z.literal('rename'), path: place, to: place }),
])

export type Repair = z.infer<typeof repair>

/** Code of a check → what happens; a check that is not named keeps its default. */
export const checkActions = z.record(z.string().max(64), findingAction)
export type CheckActions = z.infer<typeof checkActions>

export const checkRow = z.object({
  code: z.string(),
  /** What happens when nothing was decided. */
  standard: findingAction,
  /** What a source may decide; one entry = nothing to decide. */
  actions: z.array(findingAction),
  chosen: findingAction,
  /** Findings of the last 24 hours and 7 days, all actions. */
  day: z.number(),
  week: z.number(),
  /** Findings per day, oldest first. */
  trend: z.array(z.number()),
  /** Where it finds most, with how often in 7 days. */
  places: z.array(z.object({ path: z.string(), action: findingAction, count: z.number() })),
})

export const ruleVersion = z.object({
  version: z.number(),
  actions: checkActions,
  repairs: z.array(repair),
  note: z.string(),
  by: z.string(),
  at: z.string(),
})

const ruleSet = z.object({
  /** Null = all sources together; then nothing can be decided. */
  source: idOf('source').nullable(),
  version: z.number(),
  items: z.array(checkRow),
  repairs: z.array(repair),
  /** Newest first. */
  versions: z.array(ruleVersion),
})

export const checks = route({
  stage,
  name: 'checks',
  summary: 'Every check with what it does, what it found, and what a source has decided about it',
  method: 'get',
  path: '/checks',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  query: z.object({ source: idOf('source').optional() }),
  answer: ruleSet,
})

export const decideChecks = route({
  stage,
  name: 'decideChecks',
  summary: 'Decide what happens when a check of a source finds something; a new version, nothing stored changes',
  method: 'put',
  path: '/checks/{source}',
  may: ['admin'],
  params: z.object({ source: idOf('source') }),
  body: z.strictObject({
    actions: checkActions,
    /** Standing repairs; left out, they stay. */
    repairs: z.array(repair).max(200).optional(),
    note: z.string().trim().min(3).max(500),
    /** The version that was looked at: another one in the meantime is a conflict. */
    version: z.int().min(0),
  }),
  answer: ruleSet,
})

export const takeBackChecks = route({
  stage,
  name: 'takeBackChecks',
  summary: 'Take the last decision back: what held before it holds again, as a new version',
  method: 'post',
  path: '/checks/{source}/take-back',
  may: ['admin'],
  params: z.object({ source: idOf('source') }),
  body: z.strictObject({ version: z.int().min(1) }),
  answer: ruleSet,
})

export const previewChecks = route({
  stage,
  name: 'previewChecks',
  summary: 'What a decision would have changed in the last 7 days',
  method: 'post',
  asks: true,
  path: '/checks/{source}/preview',
  may: ['admin', 'marketer', 'analyst'],
  params: z.object({ source: idOf('source') }),
  body: z.strictObject({ actions: checkActions }),
  answer: z.object({
    days: z.number(),
    /** Items of the source in that time. */
    items: z.number(),
    changes: z.array(
      z.object({
        code: z.string(),
        from: findingAction,
        to: findingAction,
        affected: z.number(),
        share: z.number(),
        people: z.number(),
        /** Minor units. */
        turnover: z.number(),
      }),
    ),
    /** Items that would wait and do not, and those that wait and would not. */
    wouldWait: z.number(),
    wouldPass: z.number(),
    currency: z.string(),
  }),
})

// --- the work-bench of quarantine ---------------------------------------------------------------------------------------

const groupKey = z.object({ key: z.string().min(1).max(512) })

export const workState = z.enum(['waiting', 'running', 'paused', 'done', 'stopped', 'failed'])

/** A dry run or a replay of a group, worked off behind live traffic. */
export const quarantineWork = z.object({
  id: z.string(),
  kind: z.enum(['dry-run', 'replay']),
  group: z.string(),
  sourceName: z.string(),
  repairs: z.array(repair),
  state: workState,
  total: z.number(),
  done: z.number(),
  /** Items that pass now; in a replay, that were sent again. */
  passed: z.number(),
  /** What stops the others, most frequent first. */
  failing: z.array(z.object({ code: z.string(), path: z.string(), message: z.string(), count: z.number() })),
  /** Among those that pass. */
  people: z.number(),
  orders: z.number(),
  turnover: z.number(),
  currency: z.string(),
  error: z.string().nullable(),
  by: z.string(),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
})

export const quarantineDetail = route({
  stage,
  name: 'quarantineDetail',
  summary: 'One group: trend, client versions, three masked samples, and the work done on it',
  method: 'get',
  path: '/quarantine/groups/{key}',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  params: groupKey,
  query: z.object({ status: z.enum(['open', 'patched', 'replayed', 'discarded', 'expired']).default('open') }),
  answer: z.object({
    count: z.number(),
    /** Items per day of arrival over 14 days, oldest first. */
    trend: z.array(z.number()),
    clients: z.array(z.object({ client: z.string(), count: z.number() })),
    /** Values at the place of the group, most frequent first; masked where they could be personal. */
    values: z.array(z.object({ value: z.string(), count: z.number() })),
    /** Texts are masked letter by letter. */
    samples: z.array(z.object({ receivedAt: z.string(), payload: z.unknown() })),
    work: z.array(quarantineWork),
    /** Repairs that are kept for the source. */
    standing: z.array(repair),
  }),
})

const repairing = { repairs: z.array(repair).max(20).default([]) }

export const dryRunGroup = route({
  stage,
  name: 'dryRunGroup',
  summary: 'How many items of a group would pass now, with repairs if any, and what stops the others; writes nothing',
  method: 'post',
  path: '/quarantine/groups/{key}/dry-run',
  may: ['admin', 'marketer'],
  params: groupKey,
  body: z.strictObject(repairing),
  answer: quarantineWork,
})

export const replayGroup = route({
  stage,
  name: 'replayGroup',
  summary:
    'Repair a group and send it through the pipeline again, with original ids and times; repeating changes nothing',
  method: 'post',
  path: '/quarantine/groups/{key}/replay',
  may: ['admin', 'marketer'],
  params: groupKey,
  body: z.strictObject({
    ...repairing,
    /** Keeps the repairs for the source, so that the next item passes. Needs the right to decide about checks. */
    keep: z.boolean().default(false),
  }),
  answer: quarantineWork,
})

export const steerWork = route({
  stage,
  name: 'steerWork',
  summary: 'Pause, resume or stop a dry run or a replay',
  method: 'post',
  path: '/quarantine/work/{work}',
  may: ['admin', 'marketer'],
  params: z.object({ work: z.uuid() }),
  body: z.strictObject({ to: z.enum(['pause', 'resume', 'stop']) }),
  answer: quarantineWork,
})

export const restoreGroup = route({
  stage,
  name: 'restoreGroup',
  summary: 'Take back that items of a group were given up',
  method: 'post',
  path: '/quarantine/groups/{key}/restore',
  may: ['admin', 'privacy'],
  params: groupKey,
  answer: z.object({ restored: z.number() }),
})
