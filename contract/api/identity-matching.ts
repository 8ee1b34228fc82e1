import { z } from 'zod'
import { idOf } from '../ids.ts'
import { jsonObject } from '../json.ts'
import { page, pageOf, route } from '../route.ts'

const stage = 'identity' as const

export const matchRunStates = [
  'asked',
  'running',
  'waiting',
  'applied',
  'discarded',
  'failed',
  'cancelled',
  'undone',
] as const

/** One run of matching over the source records. */
export const matchRunRow = z.object({
  id: z.string(),
  number: z.number(),
  state: z.enum(matchRunStates),
  /** What it is doing, while it runs. */
  step: z.string().nullable(),
  actor: z.string(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  records: z.number().nullable(),
  /** Links sure enough to join people, and links for review. */
  links: z.number().nullable(),
  forReview: z.number().nullable(),
  peopleMoved: z.number().nullable(),
  shareMoved: z.number().nullable(),
  /** Names what would be approved. */
  hash: z.string().nullable(),
  error: z.string().nullable(),
})

/** What looks wrong about groups of records: two parts on one link, hardly anything linked, long chains. */
export const auditKinds = ['bridge', 'sparse', 'long'] as const

/**
 * What may be unusual about a run: fields emptier or fuller, rules with more or fewer pairs, more to review, other sizes
 * of people or weights of links, more people moved, people who would be others by a whole run.
 */
export const driftCodes = ['filled', 'pairs', 'review', 'sizes', 'bits', 'moved', 'whole'] as const

const matchAudit = z.object({
  /** Groups with such a finding; their links are for review. */
  counts: z.array(z.object({ kind: z.enum(auditKinds), groups: z.int() })),
  examples: z.array(
    z.object({
      kinds: z.array(z.enum(auditKinds)),
      records: z.int(),
      persons: z.array(idOf('person')),
      /** Share of its pairs that are linked. */
      density: z.number(),
    }),
  ),
})

const matchLevel = z.object({ field: z.string(), level: z.string(), weight: z.number() })

const matchRule = z.object({ rule: z.string(), pairs: z.number(), skippedValues: z.number() })

export const matchRuns = route({
  stage,
  name: 'matchRuns',
  summary: 'Runs of matching, newest first',
  method: 'get',
  path: '/match-runs',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  query: z.object({ ...page }),
  answer: pageOf(matchRunRow),
})

export const matchRun = route({
  stage,
  name: 'matchRun',
  summary: 'One run with its manifest: rules and pairs, model with weights, drift against the run before',
  method: 'get',
  path: '/match-runs/{run}',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  params: z.object({ run: z.uuid() }),
  answer: matchRunRow.extend({
    manifest: jsonObject,
    rules: z.array(matchRule),
    /** For each comparison its levels with the evidence in bits. */
    weights: z.array(
      z.object({
        comparison: z.string(),
        levels: z.array(z.object({ level: z.string(), match: z.number(), chance: z.number(), bits: z.number() })),
      }),
    ),
    drift: z.array(
      z.object({
        code: z.enum(driftCodes),
        /** The field, rule or band it is about. */
        of: z.string().nullable(),
        /** Shares of 1; pairs for `pairs`, links per thousand records for `review`. */
        now: z.number(),
        before: z.number().nullable(),
      }),
    ),
    /** Null for runs from before audits were kept, and while a run is not through. */
    audit: matchAudit.nullable(),
    /** The sure links about which the run is least sure, at most twenty: what would be, or was, joined. */
    joins: z.array(
      z.object({
        one: idOf('person'),
        other: idOf('person'),
        probability: z.number(),
        /** What speaks for it, the strongest first, and what against. */
        agrees: z.array(matchLevel),
        differs: z.array(matchLevel),
      }),
    ),
    /** Compared fields that say nearly the same (above .7 of 1, beyond chance): agreement in both counts nearly twice. */
    dependent: z.array(z.object({ one: z.string(), other: z.string(), dependence: z.number() })),
  }),
})

export const previewMatchRun = route({
  stage,
  name: 'previewMatchRun',
  summary: 'Pairs each rule would compare, before any comparison',
  method: 'post',
  asks: true,
  path: '/match-runs/preview',
  may: ['admin', 'support', 'privacy', 'analyst'],
  body: z.strictObject({}),
  answer: z.object({
    records: z.number(),
    pairs: z.number(),
    budget: z.number(),
    rules: z.array(matchRule),
    /** Why there is nothing to compare; null = a run is possible. */
    refused: z.string().nullable(),
  }),
})

export const matchCheck = route({
  stage,
  name: 'matchCheck',
  summary: 'People as incremental runs left them beside one run over all records: who would be otherwise; weekly',
  method: 'get',
  path: '/match-check',
  may: ['admin', 'support', 'privacy', 'analyst', 'marketer'],
  answer: z.object({
    /** Null before the first comparison. */
    check: z
      .object({
        at: z.string(),
        /** The run whose model was used. */
        run: z.string(),
        number: z.number(),
        records: z.int(),
        people: z.int(),
        /** People who would be others, and their share. */
        differ: z.int(),
        share: z.number(),
        /** Above this share it is an alarm. */
        limit: z.number(),
        alarm: z.boolean(),
        /** Pairs that the whole run alone joins, and pairs that only stand joined now. */
        added: z.int(),
        lost: z.int(),
        examples: z.array(z.object({ kind: z.enum(['added', 'lost']), persons: z.array(idOf('person')) })),
      })
      .nullable(),
  }),
})

export const startMatchCheck = route({
  stage,
  name: 'startMatchCheck',
  summary: 'Compare people with a whole run now; changes nobody',
  method: 'post',
  path: '/match-check',
  may: ['admin', 'privacy'],
  body: z.strictObject({}),
  answer: z.object({ asked: z.literal(true) }),
})

export const startMatchRun = route({
  stage,
  name: 'startMatchRun',
  summary: 'Start a run; people are joined when it is done, or after approval where more than 2 % would move',
  method: 'post',
  path: '/match-runs',
  may: ['admin', 'privacy'],
  body: z.strictObject({
    seed: z.int().min(0).max(2_000_000_000).default(1),
    /** Train anew instead of using the model of the last run. */
    retrain: z.boolean().default(false),
  }),
  answer: z.object({ run: z.string() }),
})

export const decideMatchRun = route({
  stage,
  name: 'decideMatchRun',
  summary: 'Approve or discard a waiting run, cancel a running one, undo an applied one',
  method: 'post',
  path: '/match-runs/{run}/decide',
  may: ['admin', 'privacy'],
  params: z.object({ run: z.uuid() }),
  body: z.strictObject({
    decision: z.enum(['approve', 'discard', 'cancel', 'undo']),
    /** For an approval: the hash that was shown. */
    hash: z.string().max(100).optional(),
  }),
  answer: z.object({ state: z.enum(matchRunStates), merged: z.number(), undone: z.number() }),
})
