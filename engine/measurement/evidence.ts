import { type AnswerOf, type api, type InputOf, type Json, kept } from '@einklang/contract'
import { type Caller, type Database, dayIn, type Ground, type History, nameOf } from '@einklang/platform'
import { creditSums, type RuleModel, type Scope } from './credit.ts'
import { armSums, type ExperimentPlan, resultOf } from './experiment.ts'
import type { Audit } from './grouping-desk.ts'
import { type AttributionModel, isRule } from './models.ts'
import { addDays, type Period } from './period.ts'
import { keptTouch, refused } from './sayings.ts'

type Routes = typeof api.measurement
type Evidence = AnswerOf<Routes['evidence']>['items'][number]
type Compared = AnswerOf<Routes['attribution']>['compared'][number]

/** What is needed to write down results of experiments and to take them back. */
export type EvidenceDesk = {
  list(): Promise<AnswerOf<Routes['evidence']>>
  add(result: InputOf<Routes['addEvidence']>['body'], by: Caller): Promise<{ evidence: number }>
  withdraw(evidence: number, by: Caller): Promise<{ withdrawn: boolean }>
}

export function createEvidenceDesk({ database }: Pick<Ground, 'database'>, audit: Audit | undefined): EvidenceDesk {
  return {
    list: async () => ({ items: await evidenceOf(database, true) }),
    async add(result, by) {
      if (result.low > result.increment || result.increment > result.high)
        throw refused(400, 'interval_without_result', { at: 'low' })
      if (result.starts > result.ends)
        throw refused(400, 'period_backwards', { at: 'starts', given: { from: result.starts, to: result.ends } })
      return database.transaction(async (tx) => {
        const row = await tx.row<{ evidence: number }>`
          insert into measurement.evidence
            (name, kind, channel, campaign, starts, ends, increment, low, high, currency, note, made_at, made_by)
          values (${result.name}, ${result.kind}, ${result.channel}, ${result.campaign}, ${result.starts}::date,
            ${result.ends}::date, ${result.increment}, ${result.low}, ${result.high}, ${result.currency}, ${result.note},
            platform.now(), ${nameOf(by)})
          returning evidence::int`
        const evidence = row?.evidence ?? 0
        await audit?.(tx, {
          actor: by,
          action: 'measurement.evidence.added',
          object: { kind: 'experiment', id: String(evidence) },
        })
        return { evidence }
      })
    },
    async withdraw(evidence, by) {
      return database.transaction(async (tx) => {
        const rows = await tx.run`
          update measurement.evidence set withdrawn_at = platform.now(), withdrawn_by = ${nameOf(by)}
          where evidence = ${evidence} and withdrawn_at is null`
        if (rows === 0) throw refused(404, 'not_found', { say: 'no_evidence', doInstead: false })
        await audit?.(tx, {
          actor: by,
          action: 'measurement.evidence.withdrawn',
          object: { kind: 'experiment', id: String(evidence) },
        })
        return { withdrawn: true }
      })
    },
  }
}

async function evidenceOf(database: Database, withdrawnToo: boolean): Promise<Evidence[]> {
  const rows = await database.rows<Omit<Evidence, 'at' | 'withdrawn'> & { at: Date; withdrawn: boolean }>`
    select evidence::int, name, kind, channel, campaign, to_char(starts, 'YYYY-MM-DD') as starts,
      to_char(ends, 'YYYY-MM-DD') as ends, increment::float8, low::float8, high::float8, currency, note, made_at as at,
      made_by as by, withdrawn_at is not null as withdrawn
    from measurement.evidence where ${withdrawnToo} or withdrawn_at is null order by ends desc, evidence desc limit 500`
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

/** Changes with every result that is told or withdrawn. */
export async function evidenceVersion(database: Database): Promise<string> {
  const row = await database.row<{ version: string }>`
    select concat(max(evidence), ' ', count(withdrawn_at)) as version from measurement.evidence`
  return row?.version ?? ''
}

/** Channels that touch no person: their credit is always nothing. */
const untouchable = ['radio', 'tv', 'out_of_home']

type Found = Pick<Compared, 'name' | 'kind' | 'channel' | 'campaign' | 'from' | 'to' | 'found' | 'verdict'>

/**
 * What experiments of the period found, beside what the models credit to the same channel or campaign in the same days,
 * and why the two differ.
 */
export async function comparedWith(
  { database, history, clock, config }: Ground,
  scope: Scope,
  models: AttributionModel[],
  plans: ExperimentPlan[],
): Promise<Compared[]> {
  const rules = models.filter(isRule)
  const [own, told] = await Promise.all([
    holdoutsIn(history, scope, plans, dayIn(clock.now(), config.timeZone)),
    toldIn(database, scope),
  ])
  const answers: Compared[] = []
  for (const found of [...own, ...told]) {
    // The same days for both: what was credited in another month proves nothing about this one.
    const window = { ...scope, period: { from: found.from, to: found.to } }
    const sums = await creditSums(history, window, found.campaign === null ? 'channel' : 'campaign')
    const same = sums.filter((row) =>
      found.campaign === null
        ? row.channel === found.channel
        : row.label.toLowerCase() === found.campaign.toLowerCase() &&
          (found.channel === null || row.channel === found.channel),
    )
    const credits = rules.map((model: RuleModel) => ({
      model,
      revenue: Math.round(same.reduce((sum, row) => sum + Number(row[`${model}_value`]), 0)),
    }))
    const touches = same.reduce((sum, row) => sum + Number(row.touches), 0)
    answers.push({ ...found, credits, touches, why: whyOf(found, credits, touches) })
  }
  return answers
}

/** Holdouts of the journeys: persons assigned in the period, their orders of the four weeks after. */
async function holdoutsIn(history: History, scope: Scope, plans: ExperimentPlan[], today: string): Promise<Found[]> {
  const sums = await armSums(history, scope.currency, { assigned: { ...scope.period, timeZone: scope.timeZone } })
  return plans.flatMap((plan): Found[] => {
    const rows = sums.filter((row) => row.experiment === plan.experiment)
    if (rows.length === 0 || !plan.holdout) return []
    const { lift } = resultOf(plan, rows)
    if (lift === null) return []
    const last = addDays(scope.period.to, 28)
    return [
      {
        name: plan.name,
        kind: 'holdout',
        channel: null,
        campaign: plan.journey === null ? null : plan.name,
        from: scope.period.from,
        to: last < today ? last : today,
        found: lift.extraRevenue,
        verdict: lift.verdict,
      },
    ]
  })
}

async function toldIn(database: Database, scope: Scope): Promise<Found[]> {
  const { period, currency } = scope
  const rows = await evidenceOf(database, false)
  return rows
    .filter((row) => row.currency === currency && row.starts <= period.to && row.ends >= period.from)
    .map((row) => ({
      name: row.name,
      kind: row.kind,
      channel: row.channel,
      campaign: row.campaign,
      from: row.starts,
      to: row.ends,
      found: { value: row.increment, low: row.low, high: row.high },
      verdict: row.low > 0 ? 'more' : row.high < 0 ? 'less' : 'cannot_tell',
    }))
}

/** One sentence on why credit and experiment say different things, or that they do not. */
function whyOf(found: Found, credits: Compared['credits'], touches: number): string {
  const { low, high } = found.found
  if (found.channel !== null && untouchable.includes(found.channel)) return kept('why_untouchable')
  if (found.kind === 'holdout' && found.campaign === null) return kept('why_everything')
  if (touches === 0) return kept('why_no_touches')
  const revenues = credits.map(({ revenue }) => revenue)
  const [least, most] = [Math.min(...revenues), Math.max(...revenues)]
  const said = (code: string, given: { [name: string]: Json } = {}) =>
    kept(code, {
      what: keptTouch(found.channel ?? found.campaign ?? '', found.channel === null ? null : found.campaign),
      ...given,
    })
  if (least > high) {
    // Credit ÷ the most that the experiment allows: so much of it would have come anyway, at least.
    const anyway = 1 - Math.max(0, high) / least
    const ownWay = found.channel === 'search_brand' || found.channel === 'direct' || found.channel === 'store'
    return said(ownWay ? 'why_on_their_way' : 'why_anyway', { anyway })
  }
  if (most < low) return said('why_unseen')
  if (found.verdict === 'cannot_tell') return said('why_wide')
  const inside = credits.filter(({ revenue }) => revenue >= low && revenue <= high)
  return inside.length === credits.length
    ? said('why_agree')
    : said('why_some_agree', { models: inside.length, of: credits.length })
}

/** What the model of the mix is drawn towards: results of whole channels that were told and not withdrawn. */
export async function liftFrom(database: Database, period: Period, currency: string, unit: number) {
  const rows = await evidenceOf(database, false)
  return rows
    .filter(
      (row) => row.campaign === null && row.currency === currency && row.starts >= period.from && row.ends <= period.to,
    )
    .map((row) => ({
      channel: row.channel,
      from: row.starts,
      until: row.ends,
      increment: row.increment / unit,
      // Half of a 90 % interval is 1.645 standard errors.
      error: Math.max(1e-6, (row.high - row.low) / 2 / 1.645 / unit),
      // Told is always what the channel brought in these days, also where a pause of some regions showed it.
      test: 'on' as const,
    }))
}
