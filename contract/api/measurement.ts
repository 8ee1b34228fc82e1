import { z } from 'zod'
import { idOf } from '../ids.ts'
import { page, pageOf, route } from '../route.ts'

/**
 * Channels of touchpoints and spend in measurement and budget. Grouping rules are data and may name others;
 * screens show an unknown name as it stands. `store` and `direct` without a campaign are "came by themselves".
 */
export const mediaChannels = [
  'email',
  'sms',
  'push',
  'letter',
  'catalogue',
  'phone',
  'search_brand',
  'search_generic',
  'search_organic',
  'shopping',
  'social_ads',
  'social',
  'display',
  'affiliate',
  'referral',
  'qr',
  'radio',
  'tv',
  'out_of_home',
  'service',
  'store',
  'direct',
] as const
export type MediaChannel = (typeof mediaChannels)[number]

/** Ways of sharing the credit for one conversion among the touches before it. */
export const attributionModels = [
  'first',
  'last',
  'last_nondirect',
  'linear',
  'position',
  'decay',
  'markov',
  'shapley',
] as const
export const attributionModel = z.enum(attributionModels)
/** Models that credit each order by a rule, so that single orders and weeks can be shown; the others need all paths at once. */
export const ruleModels = ['first', 'last', 'last_nondirect', 'linear', 'position', 'decay'] as const
export const ruleModel = z.enum(ruleModels)
export type RuleModel = (typeof ruleModels)[number]
export type AttributionModel = (typeof attributionModels)[number]

const day = z.iso.date()
const instant = z.iso.datetime()
/** Inclusive days in the zone of the house; the default is the last 90 days. */
const period = { from: day.optional(), to: day.optional() }
const answeredPeriod = z.object({ from: day, to: day })

/** What every figure carries: what it means, since when there is data, and when it was computed. */
export const figureNote = z.object({
  definition: z.string(),
  /** First day with facts behind the figure; null when there are none. */
  since: day.nullable(),
  asOf: instant,
  currency: z.string().nullable(),
  lookBackDays: z.int(),
  /** Sentences such as "fewer than 100 conversions: read as a hint". */
  warnings: z.array(z.string()),
})
export type FigureNote = z.infer<typeof figureNote>

/** An estimate with its 90 % interval. */
export const estimate = z.object({ value: z.number(), low: z.number(), high: z.number() })
export type Estimate = z.infer<typeof estimate>

const readers = ['admin', 'marketer', 'analyst'] as const

/** Credit of one row under one model. Revenue in minor units, net of returns; share of the credited revenue, 0–1. */
const credit = z.object({
  model: attributionModel,
  orders: z.number(),
  revenue: z.int(),
  share: z.number(),
  /** 90 % interval of the share (bootstrap over persons); null for a row with too little data. */
  low: z.number().nullable(),
  high: z.number().nullable(),
})

const creditRow = z.object({
  /** Stable key of the row: channel, or `channel/campaign`. */
  key: z.string(),
  channel: z.string(),
  campaign: z.string().nullable(),
  touches: z.int(),
  persons: z.int(),
  tooLittleData: z.boolean(),
  credits: z.array(credit),
})

export const attribution = route({
  stage: 'measurement',
  name: 'attribution',
  summary: 'Credit per channel or campaign under several models side by side',
  method: 'get',
  path: '/attribution',
  may: readers,
  query: z.object({
    ...period,
    by: z.enum(['channel', 'campaign']).default('channel'),
    /** Comma-separated models; default first,last,last_nondirect,linear. */
    models: z.string().optional(),
    /** Where the order was placed. */
    soldVia: z.enum(['web', 'app', 'store']).optional(),
  }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    models: z.array(z.object({ model: attributionModel, title: z.string(), definition: z.string() })),
    rows: z.array(creditRow),
    totals: z.object({
      orders: z.int(),
      revenue: z.int(),
      /** Orders with at least one touch, and those that came without any. */
      withTouch: z.object({ orders: z.int(), revenue: z.int() }),
      withoutTouch: z.object({ orders: z.int(), revenue: z.int() }),
      /** Orders of persons we do not know (no identifier beyond the receipt or device), and their share of revenue. */
      unknown: z.object({ orders: z.int(), revenue: z.int(), share: z.number() }),
    }),
    /** Why the models differ, in sentences, largest difference first. */
    differences: z.array(z.string()),
  }),
})

export const attributionCsv = route({
  stage: 'measurement',
  name: 'attributionCsv',
  summary: 'The attribution table as CSV',
  method: 'get',
  path: '/attribution.csv',
  may: readers,
  query: attribution.query,
  answer: z.object({ fileName: z.string(), csv: z.string() }),
})

export const weeks = route({
  stage: 'measurement',
  name: 'weeks',
  summary: 'Revenue and orders per week, by the channel that got the credit and by where it was sold',
  method: 'get',
  path: '/weeks',
  may: readers,
  query: z.object({ ...period, model: ruleModel.default('last_nondirect') }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    /** ISO Mondays, without gaps. */
    weeks: z.array(day),
    /** One series per channel, values parallel to `weeks`. */
    credited: z.array(z.object({ channel: z.string(), orders: z.array(z.number()), revenue: z.array(z.int()) })),
    sold: z.array(
      z.object({ soldVia: z.enum(['web', 'app', 'store']), orders: z.array(z.int()), revenue: z.array(z.int()) }),
    ),
  }),
})

const touch = z.object({
  at: instant,
  channel: z.string(),
  campaign: z.string().nullable(),
  /** click, open, visit, delivered, call, scan, conversation. */
  kind: z.string(),
  messageId: z.string().nullable(),
  event: z.string(),
})

/** One order with the touches before it and which of them got how much of the credit. */
const creditedConversion = z.object({
  event: z.string(),
  person: z.string(),
  at: instant,
  orderNo: z.string().nullable(),
  soldVia: z.enum(['web', 'app', 'store']),
  place: z.string().nullable(),
  /** Minor units, net of returns. */
  value: z.int(),
  returned: z.int(),
  currency: z.string(),
  first: z.boolean(),
  touches: z.array(touch.extend({ credit: z.array(z.object({ model: ruleModel, share: z.number() })) })),
  /** One sentence: "E-mail 'Spring' got the credit: last known touch, clicked 2 days before." */
  because: z.string(),
})

export const conversions = route({
  stage: 'measurement',
  name: 'conversions',
  summary: 'The orders behind a figure, newest first',
  method: 'get',
  path: '/conversions',
  may: readers,
  query: z.object({
    ...period,
    channel: z.string().optional(),
    campaign: z.string().optional(),
    /** Which rule must have given the channel (campaign) credit. */
    model: ruleModel.default('last_nondirect'),
    soldVia: z.enum(['web', 'app', 'store']).optional(),
    ...page,
  }),
  answer: pageOf(creditedConversion),
})

export const personJourney = route({
  stage: 'measurement',
  name: 'personJourney',
  summary: 'The orders of one customer with the touches before each and which channel got the credit',
  method: 'get',
  path: '/persons/{person}/journey',
  may: ['admin', 'marketer', 'analyst', 'support'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({
    note: figureNote,
    conversions: z.array(creditedConversion),
    /** Touches after the last order. */
    open: z.array(touch),
  }),
})

export const paths = route({
  stage: 'measurement',
  name: 'paths',
  summary: 'The most frequent paths to an order',
  method: 'get',
  path: '/paths',
  may: readers,
  query: z.object({ ...period, limit: z.coerce.number().int().min(1).max(200).default(20) }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    paths: z.array(
      z.object({
        /** Channels in order, equal neighbours collapsed. */
        steps: z.array(z.string()),
        orders: z.int(),
        revenue: z.int(),
        /** Persons who went this way without ordering. */
        withoutOrder: z.int(),
        medianDays: z.number().nullable(),
      }),
    ),
    rest: z.object({ paths: z.int(), orders: z.int(), revenue: z.int(), withoutOrder: z.int() }),
  }),
})

const armResult = z.object({
  arm: z.string(),
  control: z.boolean(),
  planned: z.number(),
  persons: z.int(),
  buyers: z.int(),
  rate: z.number(),
  revenue: z.int(),
  revenuePerPerson: z.number(),
})

const experimentResult = z.object({
  experiment: z.string(),
  name: z.string(),
  journey: z.string().nullable(),
  since: instant.nullable(),
  /** Outcome window after assignment. */
  days: z.int(),
  arms: z.array(armResult),
  /** Present when there is a control group with outcomes and the sample ratio is sound. */
  lift: z
    .object({
      /** Difference in the share of buyers, in percentage points / 100. */
      rate: estimate,
      /** Difference in revenue per person, minor units. */
      revenuePerPerson: estimate,
      /** Revenue that would not exist without the campaign, minor units. */
      extraRevenue: estimate,
      /** Relative lift of revenue per person; null when the control group bought nothing. */
      relative: estimate.nullable(),
      level: z.number(),
      method: z.string(),
      /** Plain words: "The campaign sold more" / "We cannot tell yet". */
      verdict: z.enum(['more', 'less', 'cannot_tell']),
    })
    .nullable(),
  sampleRatio: z.object({ ok: z.boolean(), pValue: z.number(), sentence: z.string() }),
  warnings: z.array(z.string()),
})
export type ExperimentResult = z.infer<typeof experimentResult>

export const experiments = route({
  stage: 'measurement',
  name: 'experiments',
  summary: 'Every holdout and test with its lift, 90 % interval and sample-ratio check',
  method: 'get',
  path: '/experiments',
  may: readers,
  answer: z.object({ note: figureNote, experiments: z.array(experimentResult) }),
})

/** Channel grouping: rules in order, the first that matches names the channel. All conditions must hold. */
export const groupingRule = z.strictObject({
  channel: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'is not a channel name such as search_brand'),
  conditions: z
    .array(
      z.strictObject({
        field: z.enum(['medium', 'source', 'campaign', 'referrer', 'url', 'eventChannel', 'eventName']),
        is: z.enum(['equal', 'one_of', 'contains', 'starts', 'matches', 'empty', 'present']),
        values: z.array(z.string().max(256)).max(200).default([]),
      }),
    )
    .min(1)
    .max(10),
})
export type GroupingRule = z.infer<typeof groupingRule>

export const grouping = route({
  stage: 'measurement',
  name: 'grouping',
  summary: 'The rules that sort visits into channels',
  method: 'get',
  path: '/grouping',
  may: readers,
  answer: z.object({ version: z.int(), changedAt: instant.nullable(), rules: z.array(groupingRule) }),
})

export const setGrouping = route({
  stage: 'measurement',
  name: 'setGrouping',
  summary: 'Replace the grouping rules; all paths are built again',
  method: 'put',
  path: '/grouping',
  may: ['admin', 'analyst'],
  body: z.strictObject({ version: z.int(), rules: z.array(groupingRule).min(1).max(500) }),
  answer: z.object({ version: z.int() }),
})

export const status = route({
  stage: 'measurement',
  name: 'status',
  summary: 'How fresh the figures are',
  method: 'get',
  path: '/status',
  may: readers,
  answer: z.object({
    builtAt: instant.nullable(),
    running: z.boolean(),
    touches: z.int(),
    conversions: z.int(),
    personsRebuilt: z.int(),
    tookMs: z.int().nullable(),
    since: day.nullable(),
    error: z.string().nullable(),
  }),
})

export const refresh = route({
  stage: 'measurement',
  name: 'refresh',
  summary: 'Build touches and paths now from what has arrived',
  method: 'post',
  path: '/refresh',
  may: readers,
  answer: z.object({ queued: z.boolean() }),
})
