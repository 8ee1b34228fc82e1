import { z } from 'zod'
import { channel } from '../channels.ts'
import { idOf } from '../ids.ts'
import { page, pageOf, route } from '../route.ts'

const stage = 'ingest' as const
const readers = ['admin', 'marketer', 'analyst', 'privacy'] as const

// --- alarms: a stream that does not flow as it used to ------------------------------------------------------------------

/** What the monitors look for (spec quality §2, streams). */
export const streamCodes = [
  'stream.volume',
  'stream.silence',
  'stream.nulls',
  'stream.new_values',
  'stream.late',
  'stream.quarantine',
  'stream.duplicates',
] as const
export const streamCode = z.enum(streamCodes)
export type StreamCode = (typeof streamCodes)[number]

export const alarmLevel = z.enum(['alarm', 'warning'])

/** What an alarm speaks of inside its source. */
export const alarmSubject = z.object({
  kind: z.enum(['source', 'event', 'place', 'property']),
  /** Name of the event, code of the store, `event.property`; empty for the whole source. */
  name: z.string(),
})

/** The likeliest reason, found by looking at what changed. */
export const alarmCauses = [
  'whole_source',
  'one_store',
  'one_event',
  'client_version',
  'rule_change',
  'plan_change',
  'one_reason',
  'new_value',
  'unknown',
] as const
export const alarmCause = z.object({
  kind: z.enum(alarmCauses),
  /** The store, event, client version, rule or value. */
  name: z.string(),
  /** When that changed, if it is a change. */
  at: z.string().nullable(),
})

export const alarm = z.object({
  id: idOf('alarm'),
  source: idOf('source'),
  sourceName: z.string(),
  code: streamCode,
  level: alarmLevel,
  subject: alarmSubject,
  /** Since when the stream has been like this; the alarm itself came a little later. */
  since: z.string(),
  openedAt: z.string(),
  /** Last time that the monitor still saw it. */
  seenAt: z.string(),
  closedAt: z.string().nullable(),
  /** `normal`: the stream is as usual again. `accepted`: a person, or a week, made it the new normal. */
  closedBecause: z.enum(['normal', 'accepted']).nullable(),
  closedBy: z.string().nullable(),
  /** What was measured and what is usual, in the unit of the code: items, minutes or a share of 1. */
  unit: z.enum(['items', 'minutes', 'share']),
  observed: z.number(),
  usual: z.number(),
  /** Minutes that `observed` speaks of. */
  windowMinutes: z.number(),
  /** Items missing or touched, people and turnover; estimates, null while unknown. */
  items: z.number().nullable(),
  people: z.number().nullable(),
  turnover: z.object({ amount: z.number(), currency: z.string() }).nullable(),
  cause: alarmCause,
  /** The colleague who sees to it; null = nobody yet. */
  owner: z.object({ id: idOf('user'), name: z.string() }).nullable(),
  /** Somebody has seen it and is at it. */
  acknowledgedAt: z.string().nullable(),
  acknowledgedBy: z.string().nullable(),
})
export type Alarm = z.infer<typeof alarm>

export const alarms = route({
  stage,
  name: 'alarms',
  summary: 'Alarms and warnings of the streams: the open ones first, then those of the past, newest first',
  method: 'get',
  path: '/alarms',
  may: [...readers],
  query: z.object({
    ...page,
    open: z.enum(['true', 'false']).optional(),
    source: idOf('source').optional(),
    /** Only those that the caller owns. */
    mine: z.enum(['true']).optional(),
  }),
  answer: pageOf(alarm),
})

export const alarmOwners = route({
  stage,
  name: 'alarmOwners',
  summary: 'Colleagues who can own an alarm',
  method: 'get',
  path: '/alarms/owners',
  may: ['admin', 'marketer'],
  answer: z.object({ items: z.array(z.object({ id: idOf('user'), name: z.string() })) }),
})

export const assignAlarm = route({
  stage,
  name: 'assignAlarm',
  summary: 'Give an alarm to a colleague, or to nobody; later alarms of its source begin with the same owner',
  method: 'post',
  path: '/alarms/{alarm}/assign',
  may: ['admin', 'marketer'],
  params: z.object({ alarm: idOf('alarm') }),
  body: z.strictObject({ owner: idOf('user').nullable() }),
  answer: alarm,
})

export const acknowledgeAlarm = route({
  stage,
  name: 'acknowledgeAlarm',
  summary: 'Say that somebody is at it; without an owner, the caller becomes the owner',
  method: 'post',
  path: '/alarms/{alarm}/acknowledge',
  may: ['admin', 'marketer'],
  params: z.object({ alarm: idOf('alarm') }),
  answer: alarm,
})

export const acceptAlarm = route({
  stage,
  name: 'acceptAlarm',
  summary: 'Close an alarm: the stream as it is now is the new normal, and is learnt as such',
  method: 'post',
  path: '/alarms/{alarm}/accept',
  may: ['admin', 'marketer'],
  params: z.object({ alarm: idOf('alarm') }),
  answer: alarm,
})

export const monitors = route({
  stage,
  name: 'monitors',
  summary: 'What each source is watched for: since when it is known, whether it is still learning, its own limits',
  method: 'get',
  path: '/monitors',
  may: [...readers],
  answer: z.object({
    /** When the monitors last looked; null = never yet. */
    evaluatedAt: z.string().nullable(),
    items: z.array(
      z.object({
        source: idOf('source'),
        sourceName: z.string(),
        kind: z.string(),
        firstAt: z.string().nullable(),
        lastAt: z.string().nullable(),
        state: z.enum(['waiting', 'learning', 'watching']),
        learningUntil: z.string().nullable(),
        events: z.number(),
        places: z.number(),
        /** Silence beyond this many minutes is an alarm now, at this hour of the week; null = nothing is expected now. */
        silenceMinutes: z.number().nullable(),
        /** Items usual in the present hour. */
        usualThisHour: z.number().nullable(),
      }),
    ),
  }),
})

// --- the report -------------------------------------------------------------------------------------------------------

/** A share that is a count of a count; `of` 0 = no data. */
export const share = z.object({ count: z.number(), of: z.number() })

export const lostCauses = [
  'no_address',
  'invalid',
  'role_address',
  'no_consent',
  'withdrawn',
  'suppressed',
  'bounced',
] as const
export const lostCause = z.enum(lostCauses)

/** Fewer than five people are not told to readers who may not see profiles: `count` is null then. */
export const smallCell = 5

export const scoreParts = ['validity', 'completeness', 'freshness', 'conformity', 'uniqueness'] as const
export const scorePart = z.enum(scoreParts)
export type ScorePart = (typeof scoreParts)[number]

export const qualityWeights = z.strictObject({
  validity: z.number().min(0).max(1),
  completeness: z.number().min(0).max(1),
  freshness: z.number().min(0).max(1),
  conformity: z.number().min(0).max(1),
  uniqueness: z.number().min(0).max(1),
})
export type QualityWeights = z.infer<typeof qualityWeights>

export const qualityScore = z.object({
  kind: z.enum(['brand', 'source', 'store']),
  key: z.string(),
  name: z.string(),
  /** 0–100; null while no part has data. */
  value: z.number().nullable(),
  parts: z.array(
    z.object({
      part: scorePart,
      /** Null: no data, left out, the other weights are rescaled. */
      value: z.number().nullable(),
      /** As used, after rescaling. */
      weight: z.number(),
      count: z.number(),
      of: z.number(),
    }),
  ),
  /** Stores are ranked only from 200 receipts a week. */
  ranked: z.boolean(),
})

const counted = z.number().nullable()

export const qualityReport = z.object({
  asOf: z.string(),
  ageSeconds: z.number(),
  tookMs: z.number(),
  currency: z.string(),
  people: z.number(),
  weights: qualityWeights,
  score: qualityScore,
  scores: z.array(qualityScore),
  scoreTrend: z.array(z.object({ week: z.string(), value: z.number().nullable() })),
  reachable: z.array(
    z.object({
      channel,
      reachable: counted,
      people: z.number(),
      lost: z.array(z.object({ cause: lostCause, people: counted })),
      trend: z.array(z.object({ week: z.string(), value: z.number() })),
    }),
  ),
  completeness: z.object({
    fields: z.array(
      z.object({
        field: z.string(),
        /** Segments and templates in use that need it. */
        usedBy: z.number(),
        filled: share,
        /** Of those that are filled. */
        valid: share,
        /** Of those that are filled: vouched for by a system or the customer. */
        confirmed: share,
      }),
    ),
    bySource: z.array(
      z.object({
        source: z.string(),
        sourceName: z.string(),
        people: counted,
        fields: z.array(z.object({ field: z.string(), filled: counted, valid: counted })),
      }),
    ),
    byStore: z.array(
      z.object({
        store: z.string(),
        storeName: z.string(),
        people: counted,
        fields: z.array(z.object({ field: z.string(), filled: counted, valid: counted })),
      }),
    ),
  }),
  identity: z.object({
    people: z.number(),
    known: z.number(),
    identifiersPerPerson: z.number().nullable(),
    merged: z.number(),
    undone: z.number(),
    /** Pairs that are probably one person and not joined: expected number and 90 % interval; null before a run. */
    duplicates: z.object({ estimate: z.number(), low: z.number(), high: z.number() }).nullable(),
    review: z.object({ open: z.number(), oldestAt: z.string().nullable() }),
    hotValues: z.number(),
    largest: z.array(z.object({ person: z.string(), identifiers: z.number() })),
    /** Known people with a purchase in a store who also appeared on the web. */
    storeAndWeb: share,
    tied: z.array(
      z.object({
        channel: z.string(),
        store: z.string(),
        storeName: z.string(),
        receipts: z.number(),
        turnover: z.number(),
        /** Of the turnover: with a known person. */
        tied: z.number(),
      }),
    ),
  }),
  freshness: z.object({
    sources: z.array(
      z.object({
        source: z.string(),
        sourceName: z.string(),
        lastAt: z.string().nullable(),
        typicalGapMinutes: z.number().nullable(),
        learning: z.boolean(),
        /** Open alarms of the source. */
        alarms: z.number(),
      }),
    ),
    /** Seconds from arrival until the profile shows it, over the last arrivals of all sources. */
    delay: z.object({ p50: z.number(), p95: z.number() }).nullable(),
    /** Stores that usually have receipts by now and had none today. */
    silentStores: z.array(z.object({ store: z.string(), storeName: z.string(), lastAt: z.string().nullable() })),
  }),
  problems: z.array(
    z.object({
      source: z.string(),
      sourceName: z.string(),
      code: z.string(),
      path: z.string(),
      action: z.string(),
      items: z.number(),
      people: counted,
      turnover: z.number().nullable(),
      since: z.string(),
      lastAt: z.string(),
      owner: z.string().nullable(),
      /** Group of the quarantine, when items wait in one. */
      group: z.string().nullable(),
    }),
  ),
  affected: z.array(
    z.object({
      kind: z.enum(['segment', 'journey', 'campaign']),
      id: z.string(),
      name: z.string(),
      /** Which of the ten fields, events or properties it uses is the one in trouble. */
      because: z.string(),
    }),
  ),
  plan: z.object({
    /** Items of the last 7 days that a live plan knows, of all. */
    planned: share,
    violations: z.array(z.object({ code: z.string(), items: z.number() })),
    unplanned: z.array(z.object({ source: z.string(), sourceName: z.string(), name: z.string(), firstAt: z.string() })),
  }),
  alarms: z.number(),
})
export type QualityReport = z.infer<typeof qualityReport>

export const quality = route({
  stage,
  name: 'quality',
  summary: 'The data-quality report, at most 15 minutes old; `format=csv` answers with its figures as a file',
  method: 'get',
  path: '/quality',
  may: [...readers],
  query: z.object({ format: z.enum(['json', 'csv']).default('json') }),
  /** `report` is null before the first one; a text is the file. */
  answer: z.union([z.object({ report: qualityReport.nullable() }), z.string()]),
})

export const setQualityWeights = route({
  stage,
  name: 'setQualityWeights',
  summary: 'Set how much each part counts in the score',
  method: 'put',
  path: '/quality/weights',
  may: ['admin', 'analyst'],
  body: qualityWeights,
  answer: z.object({ weights: qualityWeights }),
})

export const qualityLetter = route({
  stage,
  name: 'qualityLetter',
  summary: 'Whether the caller gets the weekly mail about what changed',
  method: 'get',
  path: '/quality/letter',
  may: [...readers],
  answer: z.object({ wanted: z.boolean() }),
})

export const setQualityLetter = route({
  stage,
  name: 'setQualityLetter',
  summary: 'Ask for the weekly mail about what changed, or end it',
  method: 'put',
  path: '/quality/letter',
  may: [...readers],
  body: z.strictObject({ wanted: z.boolean(), language: z.enum(['de', 'en']).default('en') }),
  answer: z.object({ wanted: z.boolean() }),
})
