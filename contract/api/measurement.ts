import { z } from 'zod'
import { channel as contactChannel, purpose } from '../channels.ts'
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
  'position_w',
  'decay',
  'markov',
  'shapley',
] as const
export const attributionModel = z.enum(attributionModels)
/** Models that credit each order by a rule, so that single orders and weeks can be shown; the others need all paths at once. */
export const ruleModels = ['first', 'last', 'last_nondirect', 'linear', 'position', 'position_w', 'decay'] as const
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
  /** Stable key of the row: channel, or `channel/campaign` (message, keyword, store, brand). */
  key: z.string(),
  channel: z.string(),
  /** Campaign, message, keyword, store or brand, as asked for; null when the row stands for a channel. */
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
    by: z.enum(['channel', 'campaign', 'message', 'keyword', 'store', 'brand']).default('channel'),
    /** Comma-separated models; default first,last,last_nondirect,linear. */
    models: z.string().optional(),
    /** Where the order was placed. */
    soldVia: z.enum(['web', 'app', 'store']).optional(),
    /** Only members of this segment. */
    segment: idOf('audience').optional(),
    /** Touches that the Markov chain remembers: 1 to 3, or `auto` for the number that foretells unseen paths best. */
    order: z.enum(['1', '2', '3', 'auto']).default('1'),
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
    /** The same as facts, for readers of other languages. */
    why: z.array(
      z.object({
        key: z.string(),
        high: z.object({ model: attributionModel, share: z.number() }),
        low: z.object({ model: attributionModel, share: z.number() }),
        reason: z.enum(['begins', 'ends', 'own_accord', 'returns', 'needed', 'replaceable', 'middle']).nullable(),
      }),
    ),
    /** Touches that the Markov chain remembered, when it was asked for. */
    markovOrder: z.int().nullable(),
    /** What experiments of the period found, beside what the rules credit in the same days; and why they differ. */
    compared: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['holdout', 'geo', 'platform', 'other']),
        /** Null for a holdout of a journey, whose messages may go by several channels. */
        channel: z.string().nullable(),
        campaign: z.string().nullable(),
        from: day,
        to: day,
        /** Revenue that would not exist otherwise, minor units. */
        found: estimate,
        verdict: z.enum(['more', 'less', 'cannot_tell']),
        credits: z.array(z.object({ model: attributionModel, revenue: z.int() })),
        touches: z.int(),
        why: z.string(),
      }),
    ),
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

const keptState = z.object({
  report: z.int(),
  from: day,
  to: day,
  by: attribution.query.shape.by.unwrap(),
  soldVia: z.enum(['web', 'app', 'store']).nullable(),
  segment: idOf('audience').nullable(),
  currency: z.string(),
  /** All orders of the period as they stood; minor units, net of what had come back by then. */
  orders: z.int(),
  revenue: z.int(),
  /** Nothing had arrived until then that the report does not know. */
  asOf: instant,
  at: instant,
  /** Null: the house kept it by itself, on the third day after the month. */
  keptBy: z.string().nullable(),
})

export const keptReports = route({
  stage: 'measurement',
  name: 'keptReports',
  summary: 'Attribution reports kept as they stood, the newest first; every month is kept by itself',
  method: 'get',
  path: '/reports',
  may: readers,
  answer: z.object({ items: z.array(keptState) }),
})

export const keepReport = route({
  stage: 'measurement',
  name: 'keepReport',
  summary: 'Keep an attribution report as it stands now; later returns, receipts and merges do not change it',
  method: 'post',
  path: '/reports',
  may: readers,
  body: attribution.query,
  answer: z.object({ report: z.int() }),
})

export const keptReport = route({
  stage: 'measurement',
  name: 'keptReport',
  summary: 'A report as it stood, and how the same period is told today',
  method: 'get',
  path: '/reports/{report}',
  may: readers,
  params: z.object({ report: z.coerce.number().int() }),
  answer: z.object({
    report: keptState,
    answer: attribution.answer,
    /** The same period today; null when its figures are in another currency now. */
    now: z.object({ orders: z.int(), revenue: z.int(), asOf: instant }).nullable(),
    /** Credit that is another today, the largest change first; minor units. */
    changes: z.array(
      z.object({
        key: z.string(),
        channel: z.string(),
        campaign: z.string().nullable(),
        model: attributionModel,
        revenue: z.int(),
        now: z.int(),
      }),
    ),
  }),
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
  summary: 'The orders behind a figure, newest first, without persons who refused statistics or profiling',
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
    /** A touch by this message must have got credit. */
    message: z.string().optional(),
    place: z.string().optional(),
    ...page,
  }),
  answer: pageOf(creditedConversion),
})

/** Behind a figure: all persons of it, and how many of them no list shows, because a purpose does not permit it. */
const behind = {
  persons: z.int(),
  hidden: z.array(
    z.object({
      /** `analytics` and `profiling`: purposes that the person refused; else the person is restricted, or being erased. */
      because: z.enum(['analytics', 'profiling', 'restricted', 'erased']),
      persons: z.int(),
    }),
  ),
}

export const conversionPersons = route({
  stage: 'measurement',
  name: 'conversionPersons',
  summary: 'How many persons stand behind the orders of a figure, and how many of them are not listed, and why',
  method: 'get',
  path: '/conversions/persons',
  may: readers,
  query: conversions.query.omit({ after: true, limit: true }),
  answer: z.object({ ...behind, orders: z.int(), listedOrders: z.int() }),
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
    /** Why nothing is shown: a purpose that the person refused, or the person is restricted or being erased. */
    hidden: z.enum(['analytics', 'profiling', 'restricted', 'erased']).nullable(),
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

const quartiles = z.object({ lower: z.number(), median: z.number(), upper: z.number() })
const soldVia = z.enum(['web', 'app', 'store']).optional()
const segment = idOf('audience').optional()

export const journeyMap = route({
  stage: 'measurement',
  name: 'journeyMap',
  summary: 'The real ways to an order and past it: flows, times between steps, loops, entries, drop-off',
  method: 'get',
  path: '/journeys',
  may: readers,
  query: z.object({
    ...period,
    /** So many of the most frequent ways are drawn; the rest is one flow. */
    ways: z.coerce.number().int().min(5).max(500).default(60),
    soldVia,
    segment,
  }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    /** Paths from a channel at a step (from 1) to the next, to `order` or to `no order`; `other ways` is the rest. */
    flows: z.array(z.object({ step: z.int(), from: z.string(), to: z.string(), paths: z.int(), orders: z.int() })),
    drawn: z.object({ ways: z.int(), of: z.int(), paths: z.int(), ofPaths: z.int() }),
    orders: z.int(),
    /** First touch to order. */
    daysToOrder: quartiles.nullable(),
    /** Touch to the next touch of another channel, or to the order; hours in between. */
    transitions: z.array(z.object({ from: z.string(), to: z.string(), count: z.int(), hours: quartiles })),
    /** The same channel again, straight after itself. */
    loops: z.array(z.object({ channel: z.string(), count: z.int(), hours: quartiles })),
    entries: z.array(z.object({ channel: z.string(), paths: z.int(), orders: z.int() })),
    /** Paths that ended with this channel, and how many of them without an order. */
    dropOff: z.array(z.object({ channel: z.string(), ended: z.int(), lost: z.int() })),
    /** What came next after an order; `nothing` is nothing yet. */
    after: z.array(
      z.object({
        next: z.enum(['repeat', 'service', 'return', 'visit', 'nothing']),
        orders: z.int(),
        medianDays: z.number().nullable(),
      }),
    ),
  }),
})

export const journeyPersons = route({
  stage: 'measurement',
  name: 'journeyPersons',
  summary:
    'Who went along one flow of the journey map, newest first, without persons who refused statistics or profiling',
  method: 'get',
  path: '/journeys/persons',
  may: readers,
  query: z.object({
    ...period,
    step: z.coerce.number().int().min(1).max(5),
    source: z.string(),
    target: z.string(),
    soldVia,
    segment,
    ...page,
  }),
  answer: pageOf(
    z.object({
      person: z.string(),
      at: instant,
      event: z.string(),
      ordered: z.boolean(),
      value: z.int(),
      steps: z.array(z.string()),
    }),
  ),
})

/** What becomes of the persons of a flow on the way to a segment; the rest are its members, or not permitted. */
const wayPersons = {
  persons: z.int(),
  /** Known by more than a device or a receipt. */
  known: z.int(),
  /** Known, but objecting to groups and scores (purpose profiling). */
  objecting: z.int(),
}

export const journeyWay = route({
  stage: 'measurement',
  name: 'journeyWay',
  summary: 'How many persons went along one flow, and how many of them could be in a segment',
  method: 'get',
  path: '/journeys/way',
  may: readers,
  query: z.object({
    ...period,
    step: z.coerce.number().int().min(1).max(5),
    source: z.string().max(80),
    target: z.string().max(80),
    soldVia,
    segment,
  }),
  answer: z.object({ ...wayPersons, hidden: behind.hidden }),
})

export const journeySegment = route({
  stage: 'measurement',
  name: 'journeySegment',
  summary: 'Make the persons of one flow of the journey map a segment; it holds who went there until now',
  method: 'post',
  path: '/journeys/segment',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    name: z.string().trim().min(1).max(120),
    ...period,
    step: z.int().min(1).max(5),
    source: z.string().max(80),
    target: z.string().max(80),
    soldVia,
    segment,
    /** Only those who may be addressed for this purpose on this channel. */
    permitted: z.strictObject({ purpose, channel: contactChannel }).nullable().default(null),
  }),
  answer: z.object({
    audience: z.string(),
    ...wayPersons,
    /** Members: known, not objecting to profiling, and permitted where that was asked for. */
    members: z.int(),
  }),
})

const productsBy = z.enum(['product', 'article', 'brand', 'category']).default('product')

/** What stock-outs did to a figure; null where no stock history tells. */
const demandFigures = {
  /** Units had it been in stock all the time. */
  corrected: estimate.nullable(),
  /** The same per day, which is units per day in stock. */
  perDay: estimate.nullable(),
  /** Share of demand that found it in stock, 0–1, and the same in days of the period. */
  share: z.number().nullable(),
  daysInStock: z.number().nullable(),
  missed: z.number().nullable(),
}

export const products = route({
  stage: 'measurement',
  name: 'products',
  summary: 'What people wanted: units and views per day in stock, corrected for the time a product could not be had',
  method: 'get',
  path: '/products',
  may: readers,
  query: z.object({
    ...period,
    by: productsBy,
    soldVia,
    limit: z.coerce.number().int().min(1).max(5000).default(300),
  }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    days: z.int(),
    /** How much the correction knows: first stock report, and articles of the period with a history. */
    stock: z.object({ since: instant.nullable(), articles: z.int(), ofArticles: z.int(), corrected: z.int() }),
    /** All of them, of which the first `limit` by what was wanted are told. */
    found: z.int(),
    rows: z.array(
      z.object({
        key: z.string(),
        name: z.string(),
        /** Colour and size of an article. */
        of: z.string().nullable(),
        brand: z.string().nullable(),
        category: z.string().nullable(),
        articles: z.int(),
        units: z.int(),
        orders: z.int(),
        /** Minor units, before returns. */
        revenue: z.int(),
        views: z.int(),
        /** Views while it could not be bought online; null without stock history. */
        viewsSoldOut: z.int().nullable(),
        viewsPerDay: z.number().nullable(),
        ...demandFigures,
        /** Place by units sold, and by units corrected. */
        rankSold: z.int(),
        rank: z.int(),
      }),
    ),
  }),
})

export const productsCsv = route({
  stage: 'measurement',
  name: 'productsCsv',
  summary: 'What people wanted as CSV',
  method: 'get',
  path: '/products.csv',
  may: readers,
  query: products.query,
  answer: z.object({ fileName: z.string(), csv: z.string() }),
})

export const product = route({
  stage: 'measurement',
  name: 'product',
  summary: 'One product taken apart: its articles, the places that sell it, and its days',
  method: 'get',
  path: '/product',
  may: readers,
  query: z.object({ ...period, by: productsBy, soldVia, key: z.string().max(256) }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    /** `online` is shop and app together; its name is null. */
    places: z.array(z.object({ place: z.string(), name: z.string().nullable(), units: z.int(), ...demandFigures })),
    articles: z.array(
      z.object({
        sku: z.string(),
        of: z.string(),
        units: z.int(),
        views: z.int(),
        viewsSoldOut: z.int().nullable(),
        ...demandFigures,
      }),
    ),
    /** `share` of its articles and places that were in stock. */
    days: z.array(z.object({ day, units: z.int(), views: z.int(), share: z.number().nullable() })),
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
  /** What was fixed beforehand; null when nobody planned it. */
  plan: z
    .object({
      /** Smallest gain in revenue per person worth having, minor units. */
      worthwhile: z.number(),
      persons: z.int(),
      days: z.int().nullable(),
      plannedAt: instant,
      stopped: z.object({ at: instant, by: z.string().nullable(), reason: z.string().nullable() }).nullable(),
    })
    .nullable(),
  /** Revenue per person, valid however often one looks; null without a plan. An open end is null. */
  reading: z
    .object({
      low: z.number().nullable(),
      high: z.number().nullable(),
      pValue: z.number(),
      stop: z.boolean(),
      verdict: z.enum(['proven', 'harm', 'futile', 'go_on', 'too_few']),
    })
    .nullable(),
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

export const planExperiment = route({
  stage: 'measurement',
  name: 'planExperiment',
  summary: 'How many persons and days a holdout takes to find a gain, from our own orders',
  method: 'get',
  path: '/experiments/plan',
  may: readers,
  query: z.object({
    holdout: z.coerce.number().gt(0).lt(1).default(0.1),
    /** Smallest gain per person worth having, minor units; or as share of what a person spends. */
    worthwhile: z.coerce.number().positive().optional(),
    relative: z.coerce.number().positive().max(10).optional(),
    /** Persons who come into the experiment per day; default as many as became customers lately. */
    personsPerDay: z.coerce.number().positive().optional(),
  }),
  answer: z.object({
    currency: z.string(),
    /** Revenue per known customer in the outcome window; `explained`: share of its noise that the time before foretells. */
    baseline: z.object({ persons: z.int(), mean: z.number(), deviation: z.number(), explained: z.number() }),
    worthwhile: z.number(),
    relative: z.number().nullable(),
    /** Persons when one may look at any time; `readOnce` when the result is read at the end only. */
    persons: z.int(),
    readOnce: z.int(),
    perArm: z.object({ control: z.int(), treated: z.int() }),
    personsPerDay: z.number().nullable(),
    /** With the outcome window of the last persons. */
    days: z.int().nullable(),
    /** Are there so many customers? */
    enough: z.boolean(),
  }),
})

export const keepPlan = route({
  stage: 'measurement',
  name: 'keepPlan',
  summary: 'Fix what an experiment is to find, so that it may be read at any time; once',
  method: 'put',
  path: '/experiments/{experiment}/plan',
  may: ['admin', 'analyst', 'marketer'],
  params: z.object({ experiment: z.string().max(200) }),
  body: z.strictObject({ worthwhile: z.number().positive(), holdout: z.number().gt(0).lt(1) }),
  answer: z.object({ persons: z.int() }),
})

export const stopExperiment = route({
  stage: 'measurement',
  name: 'stopExperiment',
  summary: 'End a planned experiment: who is assigned later does not count',
  method: 'post',
  path: '/experiments/{experiment}/stop',
  may: ['admin', 'analyst', 'marketer'],
  params: z.object({ experiment: z.string().max(200) }),
  body: z.strictObject({ reason: z.string().min(3).max(500) }),
  answer: z.object({ stoppedAt: instant }),
})

const evidenceBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  /** `geo`: regions with and without; `platform`: the lift study of an ad platform. */
  kind: z.enum(['geo', 'platform', 'other']).default('geo'),
  channel: z.string().min(1).max(80),
  campaign: z.string().trim().min(1).max(200).nullable().default(null),
  starts: day,
  ends: day,
  /** Revenue that would not exist otherwise in these days, minor units, with its 90 % interval. */
  increment: z.int(),
  low: z.int(),
  high: z.int(),
  currency: z.string().regex(/^[A-Z]{3}$/),
  note: z.string().trim().max(1000).nullable().default(null),
})

export const evidence = route({
  stage: 'measurement',
  name: 'evidence',
  summary: 'Results of experiments that were run outside: region tests, lift studies',
  method: 'get',
  path: '/evidence',
  may: readers,
  answer: z.object({
    items: z.array(evidenceBody.extend({ evidence: z.int(), at: instant, by: z.string(), withdrawn: z.boolean() })),
  }),
})

export const addEvidence = route({
  stage: 'measurement',
  name: 'addEvidence',
  summary: 'Write down what an experiment found; it stands beside the credit of its days and draws the mix model',
  method: 'post',
  path: '/evidence',
  may: ['admin', 'analyst', 'marketer'],
  body: evidenceBody,
  answer: z.object({ evidence: z.int() }),
})

export const withdrawEvidence = route({
  stage: 'measurement',
  name: 'withdrawEvidence',
  summary: 'Take a result back; it stays readable',
  method: 'post',
  path: '/evidence/{evidence}/withdraw',
  may: ['admin', 'analyst', 'marketer'],
  params: z.object({ evidence: z.coerce.number().int() }),
  answer: z.object({ withdrawn: z.boolean() }),
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

/** A figure with its 90 % interval. */
const likely = z.object({ value: z.number(), low: z.number(), high: z.number() })

export const customerValue = route({
  stage: 'measurement',
  name: 'customerValue',
  summary: 'What customers will buy in the next year: the model, its sums, and how well it foresaw the last weeks',
  method: 'get',
  path: '/customers/value',
  may: readers,
  answer: z.object({
    note: figureNote,
    /** Purchases up to this day were learnt from; null before the first learning. */
    until: day.nullable(),
    horizonWeeks: z.int(),
    customers: z.int(),
    model: z
      .object({
        name: z.string(),
        because: z.string().nullable(),
        tried: z.array(z.object({ model: z.string(), aic: z.number(), edge: z.string().nullable() })),
        parameters: z.array(z.object({ name: z.string(), value: z.number(), standardError: z.number().nullable() })),
        /** Why no money is told; null when it is. */
        withoutValue: z.string().nullable(),
      })
      .nullable(),
    /** Over all customers: how many are expected to be active, purchases and revenue (minor units) of the horizon. */
    sums: z.object({ alive: z.number(), purchases: z.number(), value: z.int().nullable() }).nullable(),
    /** The model learnt without the last weeks beside what came; tenths of customers, those who should buy most first. */
    drift: z
      .object({
        weeks: z.int(),
        expected: z.number(),
        actual: z.number(),
        ratio: z.number(),
        alarm: z.boolean(),
        tenths: z.array(z.object({ expected: z.number(), actual: z.number() })),
      })
      .nullable(),
    tookMs: z.int().nullable(),
    error: z.string().nullable(),
  }),
})

export const bestCustomers = route({
  stage: 'measurement',
  name: 'bestCustomers',
  summary:
    'Customers by expected value, purchases or chance to be active, each with its interval; who refused profiling is not listed',
  method: 'get',
  path: '/customers/best',
  may: readers,
  query: z.object({ by: z.enum(['value', 'purchases', 'alive']).default('value'), ...page }),
  answer: pageOf(
    z.object({
      person: z.string(),
      /** Expected revenue of the horizon, discounted, minor units; null when the data cannot tell. */
      value: likely.nullable(),
      purchases: likely,
      alive: likely,
    }),
  ),
})

export const customerPersons = route({
  stage: 'measurement',
  name: 'customerPersons',
  summary: 'How many customers have a forecast, and how many of them are not listed, and why',
  method: 'get',
  path: '/customers/persons',
  may: readers,
  answer: z.object(behind),
})

export const refitCustomerValue = route({
  stage: 'measurement',
  name: 'refitCustomerValue',
  summary: 'Learn what customers will buy anew and score everybody; else once a night',
  method: 'post',
  path: '/customers/refit',
  may: readers,
  answer: z.object({ queued: z.boolean() }),
})

/** A figure of a mix model with its 90 % interval, in the main unit of the currency. */
const figure = z.object({ mean: z.number(), low: z.number(), high: z.number() })
const band = z.object({ mean: z.array(z.number()), low: z.array(z.number()), high: z.array(z.number()) })
const because = z.object({ because: z.string(), doInstead: z.string() })

export const mixData = route({
  stage: 'measurement',
  name: 'mixData',
  summary: 'Our own weekly spend and sales, and what a mix model could learn from them',
  method: 'get',
  path: '/mix/data',
  may: readers,
  query: z.object(period),
  answer: z.object({
    currency: z.string(),
    /** Mondays of whole weeks; revenue and spend in the main unit of the currency. */
    weeks: z.array(day),
    revenue: z.array(z.number()),
    /** Share of the revenue that is sold online, where enough is sold both ways to look at each by itself; else null. */
    soldOnline: z.number().nullable(),
    channels: z.array(
      z.object({
        channel: z.string(),
        /** Minor units. */
        spend: z.int(),
        activeWeeks: z.int(),
        weekly: z.array(z.number()),
        shareOfRevenue: z.number(),
      }),
    ),
    /** Sentences that forbid a fit. */
    refusals: z.array(because),
    suspects: z.array(z.object({ column: z.string(), correlation: z.number() })),
    unidentified: z.array(because.extend({ channels: z.array(z.string()) })),
    /** How channels move together, rows and columns as `channels`. */
    together: z.array(z.array(z.number())),
    /** What the usual beliefs alone would expect. */
    believed: z
      .object({
        advertising: figure,
        weekly: band,
        /** Share of revenue, and revenue per unit of spend, that are believed of each channel. */
        shares: z.array(z.object({ channel: z.string(), belief: figure, roas: figure.nullable() })),
      })
      .nullable(),
  }),
})

/** Between these two with 90 % probability. */
const belief = z
  .tuple([z.number().min(0), z.number().positive()])
  .nullable()
  .default(null)

export const startMix = route({
  stage: 'measurement',
  name: 'startMix',
  summary: 'Fit a mix model over our own spend and sales, in the background',
  method: 'post',
  path: '/mix/fits',
  may: ['admin', 'analyst', 'marketer'],
  body: z.strictObject({
    name: z.string().min(1).max(120),
    ...period,
    /** Channels to use, each with what is believed of it; none = all channels with spend. */
    channels: z
      .array(
        z.strictObject({
          channel: z.string(),
          /** Weeks until half of the effect is over. */
          halfLifeWeeks: belief,
          /** Spend at which half of the possible effect is reached, in multiples of the usual week. */
          halfSaturation: belief,
          /** Revenue per unit of spend. */
          roas: belief,
        }),
      )
      .max(40)
      .default([]),
    holidays: z.boolean().default(true),
    /** Results of experiments that the model is drawn towards; increment and standard error in the main unit. */
    lift: z
      .array(
        z.strictObject({
          channel: z.string(),
          from: day,
          until: day,
          increment: z.number(),
          error: z.number().positive(),
          test: z.enum(['on', 'off']).default('on'),
        }),
      )
      .max(50)
      .default([]),
    draws: z.int().min(100).max(4000).default(1000),
    seed: z.int().min(0).max(1_000_000).default(1),
  }),
  answer: z.object({ fit: z.int() }),
})

const fitState = z.enum(['queued', 'running', 'done', 'stopped', 'refused', 'failed'])
const fitProgress = z.object({ done: z.int(), total: z.int(), divergences: z.int() }).nullable()

export const mixFits = route({
  stage: 'measurement',
  name: 'mixFits',
  summary: 'Mix models, the newest first',
  method: 'get',
  path: '/mix/fits',
  may: readers,
  answer: z.object({
    items: z.array(
      z.object({
        fit: z.int(),
        name: z.string(),
        state: fitState,
        headline: z.string().nullable(),
        blocked: z.boolean().nullable(),
        by: z.string(),
        at: instant,
        progress: fitProgress,
      }),
    ),
  }),
})

export const mixFit = route({
  stage: 'measurement',
  name: 'mixFit',
  summary: 'One mix model: progress, checks, and what it says unless its checks forbid it',
  method: 'get',
  path: '/mix/fits/{fit}',
  may: readers,
  params: z.object({ fit: z.coerce.number().int() }),
  answer: z.object({
    fit: z.int(),
    name: z.string(),
    state: fitState,
    by: z.string(),
    at: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    progress: fitProgress,
    error: z.string().nullable(),
    currency: z.string().nullable(),
    /** The first failed check in words; null when all passed. */
    headline: z.string().nullable(),
    blocked: z.boolean().nullable(),
    checks: z.array(
      z.object({
        name: z.string(),
        passed: z.boolean(),
        blocks: z.boolean(),
        /** Channels that may not be planned with when it fails. */
        forbids: z.array(z.string()),
        says: z.string(),
        doInstead: z.string().nullable(),
      }),
    ),
    run: z
      .object({ seed: z.string(), chains: z.int(), draws: z.int(), kept: z.int(), divergences: z.int() })
      .nullable(),
    /** Null while it runs and when a check forbids figures. Money in the main unit of the currency. */
    answers: z
      .object({
        weeks: z.array(day),
        observed: z.array(z.number()),
        fitted: band,
        quality: z.object({ r2: z.number(), mape: z.number(), coverage: z.number() }),
        outOfSample: z
          .object({ weeks: z.int(), model: z.number(), naive: z.number(), coverage: z.number() })
          .nullable(),
        base: z.object({ share: figure, weekly: z.array(z.number()) }),
        unidentified: z.array(because.extend({ channels: z.array(z.string()) })),
        /** Channels by what a four-week pause of them would be worth to the budget. */
        tests: z.array(z.object({ channel: z.string(), value: z.number(), error: z.number() })),
        channels: z.array(
          z.object({
            channel: z.string(),
            spend: z.number(),
            /** `unknown`: the data cannot tell, plans give it no more; `unbelievable`: plans leave it where it is. */
            standing: z.enum(['known', 'unknown', 'unbelievable']),
            /** What was believed of its return before the data. */
            believedRoas: figure.nullable(),
            contribution: figure,
            share: figure,
            roas: figure.nullable(),
            marginalRoas: figure.nullable(),
            halfLifeWeeks: figure,
            halfSaturation: figure.nullable(),
            /** Share of what it brings that is bought online; null where the model does not tell. */
            online: figure.nullable(),
            /** Near 1: the data taught nothing about this channel. */
            overlap: z.number(),
            weekly: z.array(z.number()),
            /** Weekly spend → revenue a week. */
            curve: z.array(z.object({ spend: z.number(), mean: z.number(), low: z.number(), high: z.number() })),
          }),
        ),
      })
      .nullable(),
  }),
})

export const stopMix = route({
  stage: 'measurement',
  name: 'stopMix',
  summary: 'End a running fit; what is drawn is kept',
  method: 'post',
  path: '/mix/fits/{fit}/stop',
  may: ['admin', 'analyst', 'marketer'],
  params: z.object({ fit: z.coerce.number().int() }),
  answer: z.object({ stopping: z.boolean() }),
})
