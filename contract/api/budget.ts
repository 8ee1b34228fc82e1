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
