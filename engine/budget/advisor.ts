import { createHash } from 'node:crypto'
import { type AnswerOf, type api, type InputOf, minorDigits } from '@einklang/contract'
import { type Caller, type Database, type Ground, nameOf } from '@einklang/platform'
import {
  type Allocation,
  allocate,
  bandAlong,
  evaluatePlan,
  exploringPlan,
  type MixFit,
  planLimits,
  type UncertainCurve,
} from '@einklang/stats'
import type { ApprovalDocument } from '#governance'
import { type Measurement, refused } from '#measurement'
import { elapsedOf, planRows, setPlanLines, spendIn } from './ledger.ts'
import { withoutPersons } from './returns.ts'
import { halfInterval, resultsIn, sameResult, type Trials } from './trial.ts'

type Routes = typeof api.budget
type Ask = InputOf<Routes['advise']>['body']
export type Advice = AnswerOf<Routes['advise']>
type Proposal = AnswerOf<Routes['proposals']>['items'][number]

export type Advisor = {
  /** The best division of a total over the channels of a fitted mix model, beside today's plan or one of your own. */
  advise(ask: Ask): Promise<Advice>
  propose(ask: InputOf<Routes['propose']>['body'], by: Caller): Promise<{ proposal: number; hash: string }>
  proposals(): Promise<{ items: Proposal[] }>
  /** A proposal in words, for whoever decides about exactly this hash. */
  words: ApprovalDocument
  /** Writes an approved proposal into the plan. */
  apply(proposal: number, by: Caller): Promise<{ lines: number }>
}

export type AdvisorNeeds = {
  ground: Ground
  measurement: Pick<Measurement, 'mix'>
  trials: Pick<Trials, 'waitingFor'>
  /** Is exactly this content approved? Governance knows. */
  approved: (kind: string, object: string, hash: string) => Promise<boolean>
  audit:
    | ((tx: Database, entry: { actor: Caller; action: string; object: { kind: string; id: string } }) => Promise<void>)
    | undefined
}

type Document = {
  title: string
  from: string
  months: number
  currency: string
  fit: number
  lines: { channel: string; amount: number }[]
}

export function createAdvisor({ ground, measurement, trials, approved, audit }: AdvisorNeeds): Advisor {
  const { database, clock } = ground

  async function advise(ask: Ask): Promise<Advice> {
    const found = await measurement.mix.stored(ask.fit ?? 'newest')
    if (found === null) throw refused(409, 'no_fit')
    if (found.result.blocked) throw refused(409, 'blocked_fit', { given: { check: found.headline } })
    const unit = 10 ** minorDigits(found.currency)
    const curves = curvesOf(found.result, ask.weeks)
    const today = todayOf(found.result, curves, ask.total / unit)
    const bounds = boundsOf(ask, curves, today, unit)
    const limits = planLimits(found.result)
    const needs = {
      curves,
      total: ask.total / unit,
      bounds,
      today,
      hold: limits.hold,
      noMore: ask.doubt > 0 ? limits.noMore : [],
      objective: {
        kind: ask.margin === null ? ('outcome' as const) : ('profit' as const),
        ...(ask.margin === null ? {} : { margin: ask.margin }),
        ...(ask.risk > 0 ? { deviations: ask.risk } : {}),
        ...(ask.doubt > 0 ? { doubt: ask.doubt } : {}),
      },
    }
    // Another draw with every fit: what one model tried, the next one knows.
    const best = allocate(needs)
    const tried = exploringPlan(needs, 1, found.fit, best)
    const answer =
      ask.explore === 0 ? best : ask.explore === 1 ? tried : exploringPlan(needs, ask.explore, found.fit, best)
    if ('infeasible' in answer)
      throw refused(409, 'infeasible', {
        at: 'bounds',
        given: { channels: answer.binding.map((row) => row.channel).join(', ') },
      })
    const own =
      ask.plan === null
        ? null
        : evaluatePlan(needs, Object.fromEntries(ask.plan.map((row) => [row.channel, row.spend / unit])))
    const explored =
      'infeasible' in best || 'infeasible' in tried ? [] : levels.map((share) => mixed(needs, best, tried, share, unit))
    const advice = { ...adviceOf({ answer, own, curves, unit, found, ask, bounds }), explored }
    const [learned, waiting] = await Promise.all([
      learnedSince(found, advice.channels),
      trials.waitingFor(found.result, found.currency),
    ])
    return { ...advice, learned, waiting }
  }

  /** What this model knows and that of the last proposal did not, and what became of its plan. */
  async function learnedSince(
    { fit, currency, result }: { fit: number; currency: string; result: MixFit },
    advised: Advice['channels'],
  ): Promise<Advice['learned']> {
    const last = await database.row<{ proposal: number; document: Document; at: Date; applied: boolean }>`
      select proposal::int, document, made_at as at, applied_at is not null as applied from budget.proposal
      where document ->> 'currency' = ${currency} order by proposal desc limit 1`
    if (last === undefined) return null
    const { document } = last
    const then = document.fit === fit ? result : ((await measurement.mix.stored(document.fit))?.result ?? null)
    const sums = last.applied ? await spentOf(document) : null
    const proposed = document.lines.reduce((sum, { amount }) => sum + amount, 0)
    const whole = advised.reduce((sum, { spend }) => sum + spend, 0)
    const unit = 10 ** minorDigits(currency)
    const known = then === null ? [] : resultsIn(then)
    const lastWeek = then?.weeks.at(-1) ?? ''
    return {
      proposal: last.proposal,
      title: document.title,
      at: last.at.toISOString(),
      sameFit: document.fit === fit,
      weeks: then === null ? 0 : result.weeks.filter((week) => week > lastWeek).length,
      results: resultsIn(result)
        .filter((one) => !known.some((other) => sameResult(one, other)))
        .map(({ channel, from, until, increment, error }) => ({
          channel,
          from,
          until,
          increment: Math.round(increment * unit),
          low: Math.round((increment - halfInterval * error) * unit),
          high: Math.round((increment + halfInterval * error) * unit),
        })),
      channels: advised.map(({ channel, spend }) => ({
        channel,
        before: then === null ? null : returnIn(then, channel),
        now: returnIn(result, channel),
        proposed: (document.lines.find((line) => line.channel === channel)?.amount ?? 0) / Math.max(1, proposed),
        advised: spend / Math.max(1, whole),
        planned: sums === null ? null : (sums.get(channel)?.planned ?? 0),
        spent: sums === null ? null : (sums.get(channel)?.spent ?? 0),
      })),
    }
  }

  /** Planned by a proposal and spent, in so much of its months as has passed. */
  async function spentOf({ from, months, currency, lines }: Document) {
    const span = monthsFrom(from, months)
    const passed = span.reduce((sum, month) => sum + elapsedOf(month, clock.now()), 0) / months
    const rows = await planRows(database, from, span.at(-1) as string)
    const sums = new Map(
      lines.map(({ channel, amount }) => [channel, { planned: Math.round(amount * passed), spent: 0 }]),
    )
    for (const row of rows) {
      if (row.currency !== currency) continue
      const sum = sums.get(row.channel) ?? { planned: 0, spent: 0 }
      sums.set(row.channel, { ...sum, spent: sum.spent + row.spent })
    }
    return sums
  }

  return {
    advise,
    async propose(ask, by) {
      const advice = await advise(ask.advice)
      const document: Document = {
        title: ask.title,
        from: ask.from,
        months: ask.months,
        currency: advice.currency,
        fit: advice.fit,
        lines: (ask.lines ?? advice.channels.map(({ channel, spend }) => ({ channel, amount: spend }))).filter(
          (line) => line.amount > 0,
        ),
      }
      const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex')
      const row = await database.row<{ proposal: number }>`
        insert into budget.proposal (title, document, hash, made_at, made_by)
        values (${ask.title}, ${database.json(document)}, ${hash}, platform.now(), ${nameOf(by)}) returning proposal`
      return { proposal: row?.proposal ?? 0, hash }
    },
    async proposals() {
      const rows = await database.rows<{
        proposal: number
        hash: string
        document: Document
        at: Date
        by: string
        appliedAt: Date | null
      }>`
        select proposal, hash, document, made_at as at, made_by as by, applied_at as "appliedAt"
        from budget.proposal order by proposal desc limit 50`
      const items = await Promise.all(
        rows.map(async ({ proposal, hash, document, at, by, appliedAt }) => ({
          proposal,
          hash,
          ...document,
          at: at.toISOString(),
          by,
          approved: await approved('budget', String(proposal), hash),
          appliedAt: appliedAt?.toISOString() ?? null,
        })),
      )
      return { items }
    },
    async words(proposal, hash) {
      if (!/^\d{1,15}$/.test(proposal)) return null
      const row = await database.row<{ document: Document }>`
        select document from budget.proposal where proposal = ${Number(proposal)} and hash = ${hash}`
      if (row === undefined) return null
      const { title, from, months, currency, lines } = row.document
      const amount = (minor: number) =>
        `${(minor / 10 ** minorDigits(currency)).toFixed(minorDigits(currency))} ${currency}`
      const span = monthsFrom(from, months)
      return {
        title,
        plan: [
          `${span[0]} – ${span.at(-1)}`,
          ...lines.map((line) => `${line.channel}: ${amount(line.amount)}`),
          `= ${amount(lines.reduce((sum, line) => sum + line.amount, 0))}`,
        ].join('\n'),
      }
    },
    async apply(proposal, by) {
      return database.transaction(async (tx) => {
        const row = await tx.row<{ hash: string; document: Document; applied: boolean }>`
          select hash, document, applied_at is not null as applied from budget.proposal where proposal = ${proposal} for update`
        if (row === undefined) throw refused(404, 'not_found', { say: 'no_proposal', doInstead: false })
        if (row.applied) throw refused(409, 'applied_before', { doInstead: false })
        if (!(await approved('budget', String(proposal), row.hash))) throw refused(409, 'not_approved')
        const { document } = row
        const lines = monthsFrom(document.from, document.months).flatMap((month, index) =>
          document.lines.map(({ channel, amount }) => ({
            month,
            channel,
            currency: document.currency,
            // The rest of the division goes to the first months, so that the months add up.
            amount: Math.floor(amount / document.months) + (index < amount % document.months ? 1 : 0),
          })),
        )
        const set = await setPlanLines(tx, lines, nameOf(by))
        await tx.run`update budget.proposal set applied_at = platform.now(), applied_by = ${nameOf(by)} where proposal = ${proposal}`
        await audit?.(tx, {
          actor: by,
          action: 'budget.proposal.applied',
          object: { kind: 'budget', id: String(proposal) },
        })
        return { lines: set }
      })
    },
  }
}

/** Shares of trying out that the advice tells the price of. */
const levels = [0, 0.25, 0.5, 0.75, 1]

/** Between the best division and the one tried out: what it brings, and how much money lies elsewhere. */
function mixed(
  needs: Parameters<typeof evaluatePlan>[0],
  best: Allocation,
  tried: Allocation,
  share: number,
  unit: number,
): Advice['explored'][number] {
  const spends = best.channels.map(({ channel, spend }, index) => {
    const other = tried.channels[index]?.spend ?? spend
    return { channel, spend: spend + share * (other - spend), moved: share * Math.max(0, other - spend) }
  })
  const { outcome } = evaluatePlan(needs, Object.fromEntries(spends.map(({ channel, spend }) => [channel, spend])))
  const minor = (value: number) => Math.round(value * unit)
  return {
    share,
    outcome: { mean: minor(outcome.mean), low: minor(outcome.low), high: minor(outcome.high) },
    moved: minor(spends.reduce((sum, { moved }) => sum + moved, 0)),
  }
}

function returnIn(fit: MixFit, channel: string) {
  const roas = fit.answers.channels.find((one) => one.name === channel)?.roas ?? null
  return roas === null ? null : { mean: roas.mean, low: roas.low, high: roas.high }
}

export function monthsFrom(first: string, count: number): string[] {
  const [year, month] = first.split('-').map(Number) as [number, number]
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.UTC(year, month - 1 + index, 1)).toISOString().slice(0, 7),
  )
}

/** Response over the whole plan: weekly response at the weekly share of the spend. */
function curvesOf(fit: MixFit, weeks: number): UncertainCurve[] {
  const paid = fit.answers.response.filter(({ usual }) => usual > 0)
  if (paid.length === 0) throw refused(409, 'no_spend', { doInstead: false })
  return paid.map(({ channel, usual, levels, draws }) => ({
    channel,
    spend: Float64Array.from(levels, (level) => level * usual * weeks),
    outcome: draws.map((draw) => Float64Array.from(draw, (value) => value * weeks)),
  }))
}

/** Today's division, scaled to the total. */
function todayOf(fit: MixFit, curves: UncertainCurve[], total: number): { [channel: string]: number } {
  const usual = curves.map(({ channel }) => fit.answers.response.find((one) => one.channel === channel)?.usual ?? 0)
  const sum = usual.reduce((left, right) => left + right, 0)
  return Object.fromEntries(curves.map(({ channel }, index) => [channel, (total * (usual[index] as number)) / sum]))
}

function boundsOf(ask: Ask, curves: UncertainCurve[], today: { [channel: string]: number }, unit: number) {
  return Object.fromEntries(
    curves.map(({ channel }) => {
      const own = ask.bounds.find((row) => row.channel === channel)
      const near = today[channel] ?? 0
      const low = Math.max((own?.low ?? 0) / unit, ask.shift === null ? 0 : near * (1 - ask.shift))
      const high = Math.min(
        own?.high == null ? Number.POSITIVE_INFINITY : own.high / unit,
        ask.shift === null ? Number.POSITIVE_INFINITY : near * (1 + ask.shift),
      )
      return [
        channel,
        {
          low: Math.min(low, high),
          high,
          ...(own?.step == null ? {} : { step: own.step / unit }),
          ...(own?.least == null ? {} : { least: own.least / unit }),
        },
      ]
    }),
  )
}

function adviceOf(from: {
  answer: Allocation
  own: ReturnType<typeof evaluatePlan> | null
  curves: UncertainCurve[]
  unit: number
  found: { fit: number; name: string; headline: string | null; currency: string; result: MixFit }
  ask: Ask
  bounds: { [channel: string]: { low: number; high: number } }
}): Omit<Advice, 'learned' | 'waiting' | 'explored'> {
  const { answer, own, curves, unit, found, ask } = from
  const minor = (value: number) => Math.round(value * unit)
  const money = ({ mean, low, high }: { mean: number; low: number; high: number }) => ({
    mean: minor(mean),
    low: minor(low),
    high: minor(high),
  })
  return {
    fit: found.fit,
    fitName: found.name,
    headline: found.headline,
    currency: found.currency,
    weeks: ask.weeks,
    spend: minor(answer.spend),
    unspent: minor(answer.unspent),
    outcome: money(answer.outcome),
    today: {
      spend: minor(answer.today.spend),
      outcome: money(answer.today.outcome),
      gain: money(answer.today.gain),
      chanceOfGain: answer.today.chanceOfGain,
    },
    channels: answer.channels.map((row) => {
      const curve = curves.find((one) => one.channel === row.channel) as UncertainCurve
      return {
        channel: row.channel,
        spend: minor(row.spend),
        today: minor(row.today),
        outcome: money(row.outcome),
        marginal: row.marginal,
        heldBy: heldBy(row, ask, unit),
        low: minor(from.bounds[row.channel]?.low ?? 0),
        knownUpTo: minor(curve.spend.at(-1) as number),
        curve: bandAlong(curve).map((point) => ({ spend: minor(point.spend), ...money(point) })),
      }
    }),
    plan:
      own === null
        ? null
        : {
            spend: minor(own.spend),
            outcome: money(own.outcome),
            channels: own.channels.map((row) => ({
              channel: row.channel,
              spend: minor(row.spend),
              outcome: money(row.outcome),
              beyond: row.beyond,
            })),
          },
    learn: learnOf(found.result, minor),
  }
}

/** A bound that comes from the largest shift allowed is told as that, not as the channel's own. */
function heldBy({ channel, heldBy: by, today }: Allocation['channels'][number], ask: Ask, unit: number) {
  if (ask.shift === null || (by !== 'low' && by !== 'high')) return by
  const own = ask.bounds.find((row) => row.channel === channel)
  const tighter =
    by === 'low'
      ? (own?.low ?? 0) / unit >= today * (1 - ask.shift)
      : own?.high != null && own.high / unit <= today * (1 + ask.shift)
  return tighter && own !== undefined ? by : 'shift'
}

function learnOf(fit: MixFit, minor: (value: number) => number): Advice['learn'] {
  const [best] = fit.answers.tests
  return best === undefined || !(best.value > 0) ? null : { channel: best.channel, value: minor(best.value) }
}

/** Share of a sale that is left after goods and value added tax, from lines whose product has a cost. */
export async function marginOf(
  database: Database,
  from: string,
  to: string,
  currency: string,
): Promise<{ margin: number | null; covered: number }> {
  const row = await database.row<{ sold: number | null; left: number | null; all: number | null }>`
    select sum(line.total) filter (where product.cost is not null)::float8 as sold,
      sum(line.total / (1 + coalesce(product.vat_rate, 0) / case when product.vat_rate > 1 then 100 else 1 end)
        - product.cost * line.quantity) filter (where product.cost is not null)::float8 as left,
      sum(line.total)::float8 as all
    from commerce.purchase_line as line join commerce.purchase on purchase.id = line.purchase
    left join commerce.product on product.sku = line.sku and product.currency = ${currency}
    where purchase.at >= ${from}::date and purchase.at < ${to}::date + 1 and purchase.currency = ${currency}
      and purchase.cancelled_at is null and line.total is not null`
  const sold = row?.sold ?? 0
  return {
    margin: sold > 0 ? (row?.left ?? 0) / sold : null,
    covered: (row?.all ?? 0) > 0 ? sold / (row?.all ?? 1) : 0,
  }
}

type RoiAnswer = AnswerOf<Routes['roi']>

/** Spend, increment and profit per channel and campaign; each increment says where it comes from. */
export async function roiRows(needs: {
  ground: Ground
  measurement: Pick<Measurement, 'mix' | 'creditedRevenue'>
  period: { from: string; to: string }
  currency: string
}): Promise<Pick<RoiAnswer, 'rows' | 'margin' | 'marginCovers'>> {
  const { ground, measurement, period, currency } = needs
  const [spend, credited, fit, margin] = await Promise.all([
    spendIn(ground.database, period.from, period.to, currency),
    measurement.creditedRevenue(period, currency, 'last_nondirect'),
    measurement.mix.stored('newest'),
    marginOf(ground.database, period.from, period.to, currency),
  ])
  const usable = fit !== null && fit.currency === currency ? fit.result : null
  const unbelievable = new Set(usable === null ? [] : planLimits(usable).hold)
  const spent = Map.groupBy(spend, (row) => row.channel)
  const rows: RoiAnswer['rows'] = []
  for (const [channel, lines] of spent) {
    const amount = lines.reduce((sum, line) => sum + line.amount, 0)
    const answer = unbelievable.has(channel) ? undefined : usable?.answers.channels.find((one) => one.name === channel)
    const own = credited.weeks.filter((row) => row.channel === channel).reduce((sum, row) => sum + row.revenue, 0)
    const roas = answer?.roas ?? null
    rows.push(
      rowOf({
        channel,
        campaign: null,
        spend: amount,
        increment:
          roas === null
            ? { mean: withoutPersons.has(channel) ? null : own, low: null, high: null }
            : { mean: roas.mean * amount, low: roas.low * amount, high: roas.high * amount },
        source: roas !== null ? 'mix' : withoutPersons.has(channel) ? 'unknown' : 'attribution',
        marginal: answer?.marginalRoas?.mean ?? null,
        margin: margin.margin,
      }),
    )
    for (const [campaign, parts] of Map.groupBy(
      lines.filter((line) => line.campaign !== ''),
      (line) => line.campaign,
    )) {
      const cost = parts.reduce((sum, line) => sum + line.amount, 0)
      const named = credited.campaigns.filter(
        (row) => row.channel === channel && row.campaign.toLowerCase() === campaign.toLowerCase(),
      )
      const revenue = named.reduce((sum, row) => sum + row.revenue, 0)
      // What the mix model says of a channel is divided among its campaigns as credit is.
      const scale = roas !== null && own > 0 ? (roas.mean * amount) / own : null
      rows.push(
        rowOf({
          channel,
          campaign,
          spend: cost,
          increment: { mean: named.length === 0 ? null : revenue * (scale ?? 1), low: null, high: null },
          source: named.length === 0 ? 'unknown' : scale === null ? 'attribution' : 'mix_divided',
          marginal: null,
          margin: margin.margin,
        }),
      )
    }
  }
  return { rows, margin: margin.margin, marginCovers: margin.covered }
}

function rowOf(given: {
  channel: string
  campaign: string | null
  spend: number
  increment: { mean: number | null; low: number | null; high: number | null }
  source: RoiAnswer['rows'][number]['source']
  marginal: number | null
  margin: number | null
}): RoiAnswer['rows'][number] {
  const { spend, increment, margin } = given
  const round = (value: number | null) => (value === null ? null : Math.round(value))
  const profit = (value: number | null) =>
    margin === null || value === null ? null : Math.round(value * margin - spend)
  const roi = (value: number | null) =>
    margin === null || value === null || spend === 0 ? null : (value * margin - spend) / spend
  return {
    channel: given.channel,
    campaign: given.campaign,
    spend: Math.round(spend),
    increment: round(increment.mean),
    incrementLow: round(increment.low),
    incrementHigh: round(increment.high),
    source: given.source,
    profit: profit(increment.mean),
    roi: roi(increment.mean),
    roiLow: roi(increment.low),
    roiHigh: roi(increment.high),
    // The next unit of spend earns its margin less itself.
    marginalRoi: given.marginal === null || margin === null ? null : given.marginal * margin - 1,
  }
}
