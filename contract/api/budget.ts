import { z } from 'zod'
import { currency } from '../money.ts'
import { page, pageOf, route } from '../route.ts'
import { figureNote } from './measurement.ts'

const day = z.iso.date()
const instant = z.iso.datetime()
const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'is not a month such as 2026-03')
const period = { from: day.optional(), to: day.optional() }
const answeredPeriod = z.object({ from: day, to: day })
const readers = ['admin', 'marketer', 'analyst'] as const

/** Spend and what it is credited with. Money in minor units of `note.currency`; `roas` null without spend. */
const returnRow = z.object({
  spend: z.int(),
  impressions: z.int(),
  clicks: z.int(),
  revenue: z.int(),
  orders: z.number(),
  roas: z.number().nullable(),
})

export const overview = route({
  stage: 'budget',
  name: 'overview',
  summary: 'Spend, credited revenue and return on advertising spend per channel and week',
  method: 'get',
  path: '/overview',
  may: readers,
  query: z.object({ ...period, currency: currency.optional() }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    /** Where the revenue comes from, for example `attribution last_nondirect`. */
    revenueSource: z.string(),
    /** Currencies with spend in the period; totals never mix them, the answer covers one. */
    currencies: z.array(z.string()),
    totals: returnRow,
    channels: z.array(
      returnRow.extend({
        channel: z.string(),
        shareOfSpend: z.number(),
        planned: z.int().nullable(),
        /** `person` when touches of persons exist; `none` for radio, TV, posters: their return needs a test or mix model. */
        measuredBy: z.enum(['person', 'none']),
      }),
    ),
    weeks: z.array(day),
    /** Values parallel to `weeks`. */
    series: z.array(
      z.object({
        channel: z.string(),
        spend: z.array(z.int()),
        revenue: z.array(z.int()),
        roas: z.array(z.number().nullable()),
      }),
    ),
    campaigns: z.array(returnRow.extend({ channel: z.string(), campaign: z.string() })),
  }),
})

export const exportCsv = route({
  stage: 'budget',
  name: 'exportCsv',
  summary: 'Spend, revenue and ROAS per channel and week as CSV',
  method: 'get',
  path: '/overview.csv',
  may: readers,
  query: z.object({ ...period, currency: currency.optional() }),
  answer: z.object({ fileName: z.string(), csv: z.string() }),
})

/** One line of the spend ledger. A correction is a new entry; `replaced` tells that a later one counts instead. */
export const spendEntry = z.object({
  id: z.string(),
  day,
  /** Days the amount covers: 1, or 7 for a weekly figure (spread evenly). */
  days: z.int(),
  channel: z.string(),
  /** As the file named it. */
  givenChannel: z.string(),
  campaign: z.string().nullable(),
  geo: z.string().nullable(),
  amount: z.int(),
  currency,
  impressions: z.int().nullable(),
  clicks: z.int().nullable(),
  /** Persons, where the platform tells them. */
  reach: z.int().nullable(),
  recordedAt: instant,
  replaced: z.boolean(),
  origin: z.string(),
})

export const entries = route({
  stage: 'budget',
  name: 'entries',
  summary: 'The spend ledger, newest day first',
  method: 'get',
  path: '/entries',
  may: readers,
  query: z.object({
    ...period,
    channel: z.string().optional(),
    replaced: z.enum(['show', 'hide']).default('hide'),
    ...page,
  }),
  answer: pageOf(spendEntry),
})

export const addEntry = route({
  stage: 'budget',
  name: 'addEntry',
  summary: 'Enter spend by hand; the same day, channel, campaign and region replaces the earlier entry',
  method: 'post',
  path: '/entries',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    day,
    days: z.union([z.literal(1), z.literal(7)]).default(1),
    channel: z.string().min(1).max(80),
    campaign: z.string().max(200).nullable().default(null),
    geo: z.string().max(80).nullable().default(null),
    amount: z.int().min(0),
    currency,
    /** Contacts (impressions, circulation) and the persons among them. */
    impressions: z.int().min(0).max(1_000_000_000_000).nullable().default(null),
    reach: z.int().min(0).max(1_000_000_000_000).nullable().default(null),
  }),
  answer: z.object({ id: z.string() }),
})

export const imports = route({
  stage: 'budget',
  name: 'imports',
  summary: 'Loads of spend: when, how many entries, which days, how much',
  method: 'get',
  path: '/imports',
  may: readers,
  query: z.object(page),
  answer: pageOf(
    z.object({
      id: z.string(),
      at: instant,
      origin: z.string(),
      entries: z.int(),
      corrections: z.int(),
      from: day,
      to: day,
      channels: z.array(z.string()),
      amounts: z.array(z.object({ currency, amount: z.int() })),
    }),
  ),
})

const planLine = z.object({ month, channel: z.string(), amount: z.int().min(0), currency })

export const plan = route({
  stage: 'budget',
  name: 'plan',
  summary: 'Planned and actual spend per month and channel',
  method: 'get',
  path: '/plan',
  may: readers,
  query: z.object({ from: month.optional(), to: month.optional() }),
  answer: z.object({
    note: figureNote,
    lines: z.array(
      planLine.extend({
        spent: z.int(),
        /** Spent ÷ planned; null without a plan. */
        used: z.number().nullable(),
        /** Share of the month that has passed, for pacing. */
        elapsed: z.number(),
        /** What the month will come to at this pace; null before a fifth of it has passed. */
        expected: z.int().nullable(),
        /** Set when the pace misses the plan by more than a sixth. */
        alert: z.enum(['too_fast', 'too_slow', 'overspent']).nullable(),
      }),
    ),
  }),
})

export const setPlan = route({
  stage: 'budget',
  name: 'setPlan',
  summary: 'Set planned spend for months and channels; amount 0 removes the line',
  method: 'put',
  path: '/plan',
  may: ['admin', 'marketer'],
  body: z.strictObject({ lines: z.array(planLine).min(1).max(500) }),
  answer: z.object({ lines: z.int() }),
})

const money = z.object({ mean: z.int(), low: z.int(), high: z.int() })
const figure = z.object({ mean: z.number(), low: z.number(), high: z.number() })
/** Revenue that a pause cost, minor units, with its 90 % interval. */
const found = z.object({ increment: z.int(), low: z.int(), high: z.int() })

const column = z.string().min(1).max(200).nullable().default(null)
/** Which column of a file holds what, in the words of its header; a day or a week, and an amount are needed. */
const spendMapping = z
  .strictObject({
    columns: z.strictObject({
      day: column,
      week: column,
      amount: z.string().min(1).max(200),
      channel: column,
      campaign: column,
      geo: column,
      currency: column,
      impressions: column,
      clicks: column,
      reach: column,
    }),
    /** For lines without a channel and currency of their own. */
    channel: z.string().min(1).max(80).nullable().default(null),
    currency: currency.nullable().default(null),
    /** The decimal sign of its figures; null: told by the figures. */
    decimal: z.enum([',', '.']).nullable().default(null),
    /** `03/04/2026` is the 3rd of April. */
    dayFirst: z.boolean().default(false),
  })
  .refine(({ columns }) => columns.day !== null || columns.week !== null, 'names neither a day nor a week')

export const mappings = route({
  stage: 'budget',
  name: 'mappings',
  summary: 'Saved ways to read files of spend',
  method: 'get',
  path: '/spend-mappings',
  may: readers,
  answer: z.object({
    items: z.array(
      z.object({
        name: z.string(),
        header: z.array(z.string()),
        mapping: spendMapping,
        at: instant,
        by: z.string(),
        usedAt: instant.nullable(),
      }),
    ),
  }),
})

export const removeMapping = route({
  stage: 'budget',
  name: 'removeMapping',
  summary: 'Forget a saved way to read files of spend',
  method: 'post',
  path: '/spend-mappings/remove',
  may: ['admin', 'marketer'],
  body: z.strictObject({ name: z.string().max(120) }),
  answer: z.object({ removed: z.boolean() }),
})

export const importSpend = route({
  stage: 'budget',
  name: 'importSpend',
  summary: 'Read the export of an ad platform or agency into the ledger; days and campaigns are added up',
  method: 'post',
  path: '/spend-file',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    /** `auto` recognises the platform by its headers. */
    profile: z
      .enum(['auto', 'google_ads', 'meta', 'tiktok', 'microsoft', 'print', 'broadcast', 'plain'])
      .default('auto'),
    /** Columns as the caller says, instead of a profile. */
    mapping: spendMapping.nullable().default(null),
    /** A saved mapping by its name; with `auto` the one for this header is taken by itself. */
    saved: z.string().max(120).nullable().default(null),
    /** Keep the given mapping under this name; one of the same name is replaced. */
    saveAs: z.string().trim().min(1).max(120).nullable().default(null),
    /** For files without a channel: radio, tv, letter, catalogue … */
    channel: z.string().max(80).nullable().default(null),
    /** The file as text. */
    text: z.string().max(5_000_000),
    /** Only look: what would be taken, and nothing is written. */
    dryRun: z.boolean().default(false),
  }),
  answer: z.object({
    /** `own` with a mapping, `unknown` when only looked at and nobody can tell the columns. */
    profile: z.string(),
    /** Name of the saved mapping that was used. */
    saved: z.string().nullable(),
    mapping: spendMapping.nullable(),
    /** Headers as the file writes them, and its first lines. */
    header: z.array(z.string()),
    sample: z.array(z.array(z.string())),
    /** What the first lines become in the ledger. */
    preview: z.array(
      z.object({
        day,
        days: z.int(),
        channel: z.string(),
        campaign: z.string(),
        geo: z.string(),
        amount: z.int(),
        currency,
      }),
    ),
    taken: z.int(),
    /** Lines that are no spend, such as totals. */
    left: z.int(),
    rejected: z.array(z.object({ row: z.int(), reason: z.string() })),
    channels: z.array(z.object({ channel: z.string(), amount: z.int(), currency })),
  }),
})

const bound = z.strictObject({
  channel: z.string(),
  /** Minor units for the whole plan. */
  low: z.int().min(0).default(0),
  high: z.int().min(0).nullable().default(null),
  /** Only multiples of this: whole spots. */
  step: z.int().positive().nullable().default(null),
  /** Nothing, or at least this: a print run. */
  least: z.int().positive().nullable().default(null),
})

const adviceAsk = z.strictObject({
  /** Mix model; default the newest whose checks allow it. */
  fit: z.int().nullable().default(null),
  /** Money to divide, minor units, and the weeks it is for. */
  total: z.int().positive(),
  weeks: z.int().min(1).max(260).default(52),
  /** Share of revenue that is left: profit is maximised; without it revenue. */
  margin: z.number().gt(0).max(1).nullable().default(null),
  /** Standard deviations taken off the mean: sure channels get more. */
  risk: z.number().min(0).max(5).default(0),
  /** A move counts its mean gain less so many of its standard deviations; 0 moves on the slightest hint. */
  doubt: z.number().min(0).max(5).default(1),
  /** No channel moves by more than this share of today's plan. */
  shift: z.number().gt(0).max(10).nullable().default(null),
  /** Share of a plausible other optimum mixed in, so that the next fit learns. */
  explore: z.number().min(0).max(1).default(0),
  bounds: z.array(bound).max(60).default([]),
  /** A plan of your own to be told beside it. */
  plan: z
    .array(z.strictObject({ channel: z.string(), spend: z.int().min(0) }))
    .nullable()
    .default(null),
})

export const advise = route({
  stage: 'budget',
  name: 'advise',
  summary:
    'The best division of a total over the channels of a mix model, what it gains over today, and any plan of your own',
  method: 'post',
  path: '/advice',
  may: readers,
  body: adviceAsk,
  answer: z.object({
    fit: z.int(),
    fitName: z.string(),
    /** The first failed check of the fit, to be read with the advice. */
    headline: z.string().nullable(),
    currency,
    weeks: z.int(),
    spend: z.int(),
    unspent: z.int(),
    /** Revenue of the plan by these channels, with its 90 % interval. */
    outcome: money,
    /** Today's division at the same total, and what the move gains. */
    today: z.object({ spend: z.int(), outcome: money, gain: money, chanceOfGain: z.number() }),
    channels: z.array(
      z.object({
        channel: z.string(),
        spend: z.int(),
        today: z.int(),
        outcome: money,
        /** Revenue of the next unit of spend. */
        marginal: z.object({ mean: z.number(), low: z.number(), high: z.number() }),
        /** `unknown`: the data taught nothing about the channel, so it gets no more; `unbelievable`: it stays where it is; `shift`: the largest shift that was allowed. */
        heldBy: z.enum(['low', 'high', 'shift', 'step', 'least', 'known range', 'unknown', 'unbelievable']).nullable(),
        low: z.int(),
        /** Nothing is known beyond this spend. */
        knownUpTo: z.int(),
        curve: z.array(money.extend({ spend: z.int() })),
      }),
    ),
    plan: z
      .object({
        spend: z.int(),
        outcome: money,
        channels: z.array(z.object({ channel: z.string(), spend: z.int(), outcome: money, beyond: z.boolean() })),
      })
      .nullable(),
    /** What trying out costs: outcome by the share of the division that is drawn from a plausible other optimum, and how much money that moves. */
    explored: z.array(z.object({ share: z.number(), outcome: money, moved: z.int() })),
    /** The four-week pause that would improve the next division most: worth so much revenue a year. */
    learn: z.object({ channel: z.string(), value: z.int() }).nullable(),
    /** What is known today and was not at the last proposal; null before the first. */
    learned: z
      .object({
        proposal: z.int(),
        title: z.string(),
        at: instant,
        /** No other model has been fitted since: nothing can have been learned. */
        sameFit: z.boolean(),
        /** Further weeks of sales and spend. */
        weeks: z.int(),
        /** Results of tests that this model is drawn towards and that of the proposal was not; minor units, 90 % interval. */
        results: z.array(z.object({ channel: z.string(), from: day, until: day }).extend(found.shape)),
        channels: z.array(
          z.object({
            channel: z.string(),
            /** Revenue per unit of spend, as known at the proposal and today. */
            before: figure.nullable(),
            now: figure.nullable(),
            /** Share of the division: proposed then, advised now. */
            proposed: z.number(),
            advised: z.number(),
            /** Of the months of an applied proposal, as far as they have passed: planned and spent. */
            planned: z.int().nullable(),
            spent: z.int().nullable(),
          }),
        ),
      })
      .nullable(),
    /** Results of tests that this model does not know. */
    waiting: z.array(
      z.object({ test: z.int(), channel: z.string(), because: z.enum(['fitting', 'blocked', 'no_spend', 'no_fit']) }),
    ),
  }),
})

const plannedTest = z.object({
  test: z.int(),
  channel: z.string(),
  starts: day,
  ends: day,
  /** Where the channel pauses: towns, first digits of postal codes, or stores, so that our own orders can tell the result. */
  regions: z.array(z.string()),
  /** Revenue a year that knowing its effect is worth, as told by the advice. */
  worth: z.int().nullable(),
  currency,
  at: instant,
  by: z.string(),
  /** `over`: its days are over and nobody has told the result. */
  state: z.enum(['planned', 'running', 'over', 'read', 'dropped']),
  result: found.extend({ at: instant, by: z.string() }).nullable(),
  /** The mix model that was begun with the result. */
  refit: z.int().nullable(),
})

export const tests = route({
  stage: 'budget',
  name: 'tests',
  summary: 'Pauses of channels that were planned to learn from, the newest first',
  method: 'get',
  path: '/tests',
  may: readers,
  answer: z.object({ items: z.array(plannedTest) }),
})

export const planTest = route({
  stage: 'budget',
  name: 'planTest',
  summary: 'Plan the pause of a channel in some regions, so that the next division knows its effect',
  method: 'post',
  path: '/tests',
  may: ['admin', 'marketer', 'analyst'],
  body: z.strictObject({
    channel: z.string().min(1).max(80),
    starts: day,
    weeks: z.int().min(1).max(26).default(4),
    regions: z.array(z.string().trim().min(1).max(80)).min(1).max(500),
    worth: z.int().nonnegative().nullable().default(null),
  }),
  answer: z.object({ test: z.int() }),
})

export const measureTest = route({
  stage: 'budget',
  name: 'measureTest',
  summary: 'What a planned pause cost by our own orders, which lie where their store stands or their customer lives',
  method: 'get',
  path: '/tests/{test}/measured',
  may: readers,
  params: z.object({ test: z.coerce.number().int() }),
  answer: z.object({
    /** Null when the orders cannot tell; then `because` says why, and the result is told by hand. */
    found: found.nullable(),
    because: z.string().nullable(),
    /** Share of revenue whose region is known; the rest is taken to have changed alike. */
    covered: z.number(),
    /** Areas without the pause that it is compared with. */
    controls: z.int(),
    daysBefore: z.int(),
    /** By how much the comparison was off before the pause, on average, as share of revenue. */
    fitError: z.number().nullable(),
    warnings: z.array(z.string()),
  }),
})

export const readTest = route({
  stage: 'budget',
  name: 'readTest',
  summary: 'Tell what a planned pause found; the newest mix model is fitted anew and drawn towards it',
  method: 'post',
  path: '/tests/{test}/result',
  may: ['admin', 'marketer', 'analyst'],
  params: z.object({ test: z.coerce.number().int() }),
  /** Revenue that the paused regions lost, with its 90 % interval. */
  body: z.strictObject(found.shape),
  answer: z.object({
    refit: z.int().nullable(),
    /** Why no model was begun. */
    because: z.string().nullable(),
  }),
})

export const dropTest = route({
  stage: 'budget',
  name: 'dropTest',
  summary: 'A planned test that does not take place, or whose result was wrong: later models do not use it',
  method: 'post',
  path: '/tests/{test}/drop',
  may: ['admin', 'marketer', 'analyst'],
  params: z.object({ test: z.coerce.number().int() }),
  answer: z.object({ dropped: z.boolean() }),
})

export const propose = route({
  stage: 'budget',
  name: 'propose',
  summary: 'Keep a division as proposal; its hash is what governance approves',
  method: 'post',
  path: '/proposals',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    title: z.string().min(1).max(200),
    from: month,
    months: z.int().min(1).max(24),
    advice: adviceAsk,
    /** Instead of the advice: amounts of your own, minor units for all months together. */
    lines: z.array(z.strictObject({ channel: z.string(), amount: z.int().min(0) })).optional(),
  }),
  answer: z.object({ proposal: z.int(), hash: z.string() }),
})

export const proposals = route({
  stage: 'budget',
  name: 'proposals',
  summary: 'Proposals, the newest first, with their approval',
  method: 'get',
  path: '/proposals',
  may: readers,
  answer: z.object({
    items: z.array(
      z.object({
        proposal: z.int(),
        hash: z.string(),
        title: z.string(),
        from: month,
        months: z.int(),
        currency,
        fit: z.int(),
        lines: z.array(z.object({ channel: z.string(), amount: z.int() })),
        at: instant,
        by: z.string(),
        approved: z.boolean(),
        appliedAt: instant.nullable(),
      }),
    ),
  }),
})

export const applyProposal = route({
  stage: 'budget',
  name: 'applyProposal',
  summary: 'Write an approved proposal into the plan, month by month',
  method: 'post',
  path: '/proposals/{proposal}/apply',
  may: ['admin', 'marketer'],
  params: z.object({ proposal: z.coerce.number().int() }),
  answer: z.object({ lines: z.int() }),
})

export const roi = route({
  stage: 'budget',
  name: 'roi',
  summary: 'Spend, increment and profit per channel and campaign; each increment says where it comes from',
  method: 'get',
  path: '/roi',
  may: readers,
  query: z.object({ ...period, currency: currency.optional() }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    /** Share of a sale left after goods and tax; null when no product has a cost. */
    margin: z.number().nullable(),
    /** Share of sales whose product has a cost. */
    marginCovers: z.number(),
    rows: z.array(
      z.object({
        channel: z.string(),
        campaign: z.string().nullable(),
        spend: z.int(),
        /** Null when nothing can tell: radio, TV and posters without a mix model, campaigns that no touch names. */
        increment: z.int().nullable(),
        incrementLow: z.int().nullable(),
        incrementHigh: z.int().nullable(),
        /** `mix_divided`: the channel's figure of the mix model, divided among campaigns as credit is. */
        source: z.enum(['mix', 'mix_divided', 'attribution', 'unknown']),
        profit: z.int().nullable(),
        roi: z.number().nullable(),
        roiLow: z.number().nullable(),
        roiHigh: z.number().nullable(),
        marginalRoi: z.number().nullable(),
      }),
    ),
  }),
})

/** What is known of reach: `persons` counts them one by one, `told` is a platform's or agency's figure, `modelled` follows from a reach table, `contacts` knows no persons. */
const reachSource = z.enum(['persons', 'told', 'modelled', 'contacts'])

/** People; low and high bound what cannot be known exactly, and equal the value where it is counted. */
const people = z.object({ value: z.number(), low: z.number(), high: z.number() })

const reachFigures = z.object({
  source: reachSource,
  contacts: z.number(),
  /** Null where nobody told and nothing can be computed. */
  reached: people.nullable(),
  /** Contacts per person reached. */
  frequency: z.number().nullable(),
  /** Persons with at least `threshold` contacts. */
  effective: z.number().nullable(),
  /** Gross rating points, where the number of people is known. */
  grp: z.number().nullable(),
})

const reachRow = z.object({
  channel: z.string(),
  /** Null for the whole channel. */
  campaign: z.string().nullable(),
  kind: z.enum(['owned', 'earned', 'paid', 'offline']),
  /** `direct` and `store`: people came by themselves; no contact that the house made, so left out of all sums. */
  ownAccord: z.boolean(),
  planned: reachFigures.nullable(),
  observed: reachFigures.nullable(),
  /** Persons who opened, clicked, came, scanned or called. */
  responded: z.int().nullable(),
  /** Of the persons, those known by a device alone: one human may be several. */
  devices: z.int().nullable(),
  /** Spend of the period as recorded, minor units of `note.currency`. */
  cost: z.int().nullable(),
  perThousand: z.int().nullable(),
  perPoint: z.int().nullable(),
  /** Of the latest (or, computed, of further) contacts, the share that reaches somebody for the first time. */
  fresh: z.number().nullable(),
  saturated: z.boolean(),
  /** What was assumed or does not fit, in sentences. */
  remarks: z.array(z.string()),
})

const curvePoint = z.object({ contacts: z.number(), reached: z.number() })

export const reach = route({
  stage: 'budget',
  name: 'reach',
  summary: 'Reach and frequency over owned, paid and offline channels: planned beside observed, overlap, saturation',
  method: 'get',
  path: '/reach',
  may: readers,
  query: z.object({
    ...period,
    /** Contacts from which on they count as effective. */
    threshold: z.coerce.number().int().min(1).max(10).default(3),
    /** How many people there are to reach; default the largest population of the media plan. */
    population: z.coerce.number().int().positive().max(10_000_000_000).optional(),
    currency: currency.optional(),
  }),
  answer: z.object({
    note: figureNote,
    period: answeredPeriod,
    threshold: z.int(),
    population: z.number().nullable(),
    channels: z.array(reachRow),
    campaigns: z.array(reachRow),
    together: z.object({
      /** All channels whose persons are known, each person once: counted, not assumed. */
      known: reachFigures.nullable(),
      /** With the others: least when all share their people, most when nobody is shared, between them as if independent. */
      all: reachFigures.nullable(),
      planned: reachFigures.nullable(),
      /** Channels of which only contacts are known: in none of the sums. */
      without: z.array(z.string()),
    }),
    /** People by the number of their contacts, 1 … 11; the last stands for this and more. Null: not known. */
    frequency: z.object({
      known: z.array(z.number()),
      all: z.array(z.number()).nullable(),
      planned: z.array(z.number()).nullable(),
    }),
    /** How reach grew with contacts, day after day, or grows by the law of the channel; null for the whole. */
    curves: z.array(
      z.object({
        channel: z.string().nullable(),
        observed: z.array(curvePoint),
        computed: z.array(curvePoint),
      }),
    ),
    overlap: z.array(z.object({ channel: z.string(), other: z.string(), persons: z.number(), observed: z.boolean() })),
  }),
})

export const reachCsv = route({
  stage: 'budget',
  name: 'reachCsv',
  summary: 'Reach and frequency per channel and campaign as CSV',
  method: 'get',
  path: '/reach.csv',
  may: readers,
  query: reach.query,
  answer: z.object({ fileName: z.string(), csv: z.string() }),
})

const insertions = z.int().min(0).max(10_000).nullable().default(null)
const count = z.int().min(0).max(1_000_000_000_000).nullable().default(null)
const shareOfPeople = z.number().gt(0).max(1).nullable().default(null)

/** One vehicle of one campaign in its days. What is planned, booked and aired stand beside each other. */
const mediaLine = z.strictObject({
  starts: day,
  ends: day,
  channel: z.string().min(1).max(80),
  campaign: z.string().max(200).default(''),
  /** Station, title or site. */
  vehicle: z.string().max(200).default(''),
  geo: z.string().max(80).default(''),
  /** People of the region or target group. */
  population: z.int().min(1).max(10_000_000_000).nullable().default(null),
  /** Share of them that one insertion reaches, and that two reach. */
  reachOfOne: shareOfPeople,
  reachOfTwo: shareOfPeople,
  insertions,
  booked: insertions,
  aired: insertions,
  plannedContacts: count,
  contacts: count,
  /** Persons, as planned and as the platform or agency tells afterwards. */
  plannedReach: count,
  reached: count,
  /** Net cost, minor units. */
  cost: z.int().min(0).nullable().default(null),
  currency: currency.nullable().default(null),
})

export const mediaLines = route({
  stage: 'budget',
  name: 'mediaLines',
  summary: 'The media plan: vehicles with their reach, and what was planned, booked and aired; newest first',
  method: 'get',
  path: '/media-lines',
  may: readers,
  query: z.object({ ...period, ...page }),
  answer: pageOf(mediaLine.extend({ id: z.string(), recordedAt: instant, origin: z.string() })),
})

export const setMediaLine = route({
  stage: 'budget',
  name: 'setMediaLine',
  summary:
    'Write a line of the media plan; for the same vehicle, campaign, region and days, what is given is added to what stands',
  method: 'put',
  path: '/media-lines',
  may: ['admin', 'marketer'],
  body: mediaLine,
  answer: z.object({ id: z.string() }),
})

export const removeMediaLine = route({
  stage: 'budget',
  name: 'removeMediaLine',
  summary: 'Take a line out of the media plan',
  method: 'post',
  path: '/media-lines/{line}/remove',
  may: ['admin', 'marketer'],
  params: z.object({ line: z.uuid() }),
  answer: z.object({ removed: z.boolean() }),
})

export const importMedia = route({
  stage: 'budget',
  name: 'importMedia',
  summary: 'Read a media plan or spot log (CSV) into the plan; what it does not say stays as it was',
  method: 'post',
  path: '/media-file',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    text: z.string().max(5_000_000),
    /** For files without a channel. */
    channel: z.string().max(80).nullable().default(null),
    /** Only look. */
    dryRun: z.boolean().default(false),
  }),
  answer: z.object({
    /** Columns that were understood, in the words of the file. */
    columns: z.array(z.object({ column: z.string(), field: z.string() })),
    taken: z.int(),
    rejected: z.array(z.object({ row: z.int(), column: z.string().nullable(), reason: z.string() })),
    preview: z.array(mediaLine),
  }),
})
