import { z } from 'zod'
import { channel, purpose } from '../channels.ts'
import { idOf } from '../ids.ts'
import { predicate } from '../predicate.ts'
import { page, pageOf, route } from '../route.ts'

const nodeId = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'is not a node id: small letters, digits and hyphens')
const base = {
  id: nodeId,
  /** What the marketer calls it; the canvas falls back to the kind. */
  label: z.string().max(120).optional(),
  /** Place on the canvas. */
  at: z.object({ x: z.number(), y: z.number() }).optional(),
}

/** One step of a journey. Nodes name their followers, so an edge cannot point from nowhere. */
export const journeyNode = z.discriminatedUnion('kind', [
  z.strictObject({
    ...base,
    kind: z.literal('trigger'),
    events: z.array(z.string().min(1).max(120)).min(1).max(10),
    /** Who may enter; missing = everybody. */
    where: predicate.optional(),
    next: nodeId,
  }),
  z.strictObject({ ...base, kind: z.literal('wait'), minutes: z.int().min(1).max(525_600), next: nodeId }),
  z.strictObject({
    ...base,
    kind: z.literal('check'),
    ask: z.union([z.literal('cart open'), predicate]),
    yes: nodeId,
    no: nodeId,
  }),
  z.strictObject({
    ...base,
    kind: z.literal('send'),
    concept: idOf('concept'),
    /** In order of preference; the first that is permitted, reachable and has a variant is used. */
    channels: z.array(channel).min(1).max(5),
    /** Skip channels that this run has used before: "another channel". */
    another: z.boolean().default(false),
    /** A message that could not leave this long after its turn is dropped as too late. */
    validHours: z.int().min(1).max(720).default(48),
    next: nodeId,
  }),
  z.strictObject({
    ...base,
    kind: z.literal('split'),
    arms: z
      .array(z.strictObject({ name: z.string().min(1).max(40), share: z.number().min(0).max(1), next: nodeId }))
      .min(2)
      .max(8),
  }),
  z.strictObject({ ...base, kind: z.literal('exit') }),
])
export type JourneyNode = z.output<typeof journeyNode>

export const journeyGraph = z.strictObject({ nodes: z.array(journeyNode).min(1).max(100) })
export type JourneyGraph = z.output<typeof journeyGraph>

export const journeyProblem = z.object({
  node: z.string().nullable(),
  message: z.string(),
  doInstead: z.string().nullable(),
})
export type JourneyProblem = z.output<typeof journeyProblem>

export const journeyStates = ['draft', 'active', 'paused'] as const
export const runStates = ['waiting', 'done', 'held out', 'cancelled', 'goal'] as const
export type RunState = (typeof runStates)[number]

const journeySummary = z.object({
  id: idOf('journey'),
  name: z.string(),
  description: z.string(),
  purpose,
  state: z.enum(journeyStates),
  /** Version that new runs use; null until the first activation. */
  version: z.int().nullable(),
  hasDraft: z.boolean(),
  /** Share of persons who never get this journey, for measurement. */
  holdout: z.number(),
  counts: z.object({
    entered: z.int(),
    waiting: z.int(),
    /** Of those waiting: their time has come, and the next turn moves them. */
    overdue: z.int(),
    done: z.int(),
    goal: z.int(),
    heldOut: z.int(),
    cancelled: z.int(),
    /** Messages planned by this journey. */
    messages: z.int(),
  }),
  updatedAt: z.iso.datetime(),
})
export type JourneySummary = z.output<typeof journeySummary>

const journeySettings = {
  name: z.string().trim().min(1).max(120),
  description: z.string().max(1000).default(''),
  purpose,
  /** 0–0.5. */
  holdout: z.number().min(0).max(0.5).default(0.1),
  /** An event of these names ends a waiting run as "goal reached". */
  goals: z.array(z.string().min(1).max(120)).max(10).default(['Order Completed']),
  /** A person enters again only after this many hours. */
  againAfterHours: z.int().min(0).max(8760).default(72),
  priority: z.int().min(0).max(100).default(50),
  graph: journeyGraph,
}

const journeyDetail = journeySummary.extend({
  goals: z.array(z.string()),
  againAfterHours: z.int(),
  priority: z.int(),
  /** The graph to show and edit: the draft if there is one, else the live version. */
  graph: journeyGraph,
  /** The version runs are counted for; null when it never ran. */
  liveGraph: journeyGraph.nullable(),
  edges: z.array(z.object({ from: z.string(), to: z.string(), label: z.string(), count: z.int() })),
  nodes: z.array(z.object({ id: z.string(), waiting: z.int(), passed: z.int() })),
  problems: z.array(journeyProblem),
  /** Send it back with a save; a stale one is refused. */
  revision: z.int(),
  versions: z.array(z.object({ version: z.int(), activatedAt: z.iso.datetime() })),
})
export type JourneyDetail = z.output<typeof journeyDetail>

const runSummary = z.object({
  id: idOf('run'),
  journey: idOf('journey'),
  journeyName: z.string(),
  version: z.int(),
  person: idOf('person'),
  personName: z.string().nullable(),
  state: z.enum(runStates),
  node: z.string().nullable(),
  enteredAt: z.iso.datetime(),
  dueAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  /** Why it stands or ended where it is, as a sentence. */
  because: z.string(),
})
export type RunSummary = z.output<typeof runSummary>

const runStep = z.object({
  at: z.iso.datetime(),
  node: z.string(),
  label: z.string(),
  kind: z.string(),
  /** `sent to email`, `yes`, `waited`, `no channel` … */
  decision: z.string(),
  reasons: z.array(z.string()),
  message: idOf('message').nullable(),
})

const cap = z.strictObject({
  scope: z.union([z.literal('all'), channel]),
  /** 0 = none at all. */
  limit: z.int().min(0).max(1000),
  days: z.int().min(1).max(365),
})
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time of day such as 08:00')
const quietHours = z.strictObject({ channel, allowedFrom: clockTime, allowedUntil: clockTime })

/** Contact policy of the house: how often, at which hours, and who is never contacted for measurement. */
export const contactPolicy = z.strictObject({
  caps: z.array(cap).max(20),
  /** Channels without a line may be used at any hour. */
  hours: z.array(quietHours).max(5),
  timeZone: z.string().min(1).max(60),
  globalHoldout: z.number().min(0).max(0.2),
})
export type ContactPolicy = z.output<typeof contactPolicy>

export const journeys = route({
  stage: 'decision',
  name: 'journeys',
  summary: 'All journeys with how many persons are where',
  method: 'get',
  path: '/journeys',
  may: 'signed-in',
  answer: z.object({ items: z.array(journeySummary) }),
})

export const journey = route({
  stage: 'decision',
  name: 'journey',
  summary: 'One journey with its graph, the counts on its edges and what keeps it from being activated',
  method: 'get',
  path: '/journeys/{journey}',
  may: 'signed-in',
  params: z.object({ journey: idOf('journey') }),
  answer: journeyDetail,
})

export const createJourney = route({
  stage: 'decision',
  name: 'createJourney',
  summary: 'Creates a journey as a draft',
  method: 'post',
  path: '/journeys',
  may: ['admin', 'marketer'],
  body: z.strictObject(journeySettings),
  answer: journeyDetail,
})

export const saveJourney = route({
  stage: 'decision',
  name: 'saveJourney',
  summary: 'Saves the draft of a journey; runs keep the version they started with',
  method: 'put',
  path: '/journeys/{journey}',
  may: ['admin', 'marketer'],
  params: z.object({ journey: idOf('journey') }),
  body: z.strictObject({ ...journeySettings, revision: z.int() }),
  answer: journeyDetail,
})

export const activateJourney = route({
  stage: 'decision',
  name: 'activateJourney',
  summary: 'Makes the draft the live version (or resumes a paused journey); refused while it has problems',
  method: 'post',
  path: '/journeys/{journey}/activate',
  may: ['admin', 'marketer'],
  params: z.object({ journey: idOf('journey') }),
  answer: journeyDetail,
})

export const pauseJourney = route({
  stage: 'decision',
  name: 'pauseJourney',
  summary: 'Stops new entries and freezes waiting runs until it is activated again',
  method: 'post',
  path: '/journeys/{journey}/pause',
  may: ['admin', 'marketer'],
  params: z.object({ journey: idOf('journey') }),
  answer: journeyDetail,
})

export const journeyRuns = route({
  stage: 'decision',
  name: 'journeyRuns',
  summary: 'Persons who entered a journey, newest first',
  method: 'get',
  path: '/journeys/{journey}/runs',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ journey: idOf('journey') }),
  query: z.object({ ...page, state: z.enum(runStates).optional(), node: z.string().optional() }),
  answer: pageOf(runSummary),
})

export const personRuns = route({
  stage: 'decision',
  name: 'personRuns',
  summary: 'Journeys of one person',
  method: 'get',
  path: '/persons/{person}/runs',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ items: z.array(runSummary) }),
})

export const run = route({
  stage: 'decision',
  name: 'run',
  summary: 'One run: every step, what was decided and why',
  method: 'get',
  path: '/runs/{run}',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ run: idOf('run') }),
  answer: runSummary.extend({ steps: z.array(runStep), explanation: z.array(z.string()) }),
})

export const experiments = route({
  stage: 'decision',
  name: 'experiments',
  summary: 'Holdouts and splits with the number of persons per arm',
  method: 'get',
  path: '/experiments',
  may: 'signed-in',
  answer: z.object({
    items: z.array(
      z.object({
        experiment: z.string(),
        name: z.string(),
        kind: z.enum(['holdout', 'global holdout', 'split']),
        journey: idOf('journey').nullable(),
        since: z.iso.datetime().nullable(),
        arms: z.array(z.object({ arm: z.string(), share: z.number(), persons: z.int() })),
      }),
    ),
  }),
})

export const policy = route({
  stage: 'decision',
  name: 'policy',
  summary: 'The contact policy: caps, allowed hours, global holdout',
  method: 'get',
  path: '/policy',
  may: 'signed-in',
  answer: contactPolicy,
})

export const savePolicy = route({
  stage: 'decision',
  name: 'savePolicy',
  summary: 'Replaces the contact policy',
  method: 'put',
  path: '/policy',
  may: ['admin', 'marketer'],
  body: contactPolicy,
  answer: contactPolicy,
})

export const hold = route({
  stage: 'decision',
  name: 'hold',
  summary: 'Stops all campaigns to a person until lifted or until the given instant',
  method: 'put',
  path: '/persons/{person}/hold',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
  body: z.strictObject({ reason: z.string().trim().min(1).max(300), until: z.iso.datetime().nullable().default(null) }),
})

export const liftHold = route({
  stage: 'decision',
  name: 'liftHold',
  summary: 'Lets campaigns reach the person again',
  method: 'delete',
  path: '/persons/{person}/hold',
  may: ['admin', 'marketer', 'support', 'privacy'],
  params: z.object({ person: idOf('person') }),
})
