import type { AnswerOf, api, InputOf } from '@einklang/contract'
import { type Caller, type Database, type Ground, type History, nameOf } from '@einklang/platform'
import { anytime, mayStop, normalQuantile, planLift, scaleFor } from '@einklang/stats'
import type { Audit } from './grouping-desk.ts'
import { outcomeDays } from './period.ts'
import { refused } from './sayings.ts'

type Routes = typeof api.measurement
type Planned = AnswerOf<Routes['planExperiment']>
type Reading = NonNullable<api.measurement.ExperimentResult['reading']>

export type Protocol = {
  experiment: string
  worthwhile: number
  persons: number
  days: number | null
  plannedVariance: number
  plannedAt: Date
  stoppedAt: Date | null
  stoppedBy: string | null
  reason: string | null
}

export function protocolsOf(database: Database): Promise<Protocol[]> {
  return database.rows<Protocol>`
    select experiment, worthwhile, persons, days, planned_variance as "plannedVariance", planned_at as "plannedAt",
      stopped_at as "stoppedAt", stopped_by as "stoppedBy", reason
    from measurement.protocol order by experiment`
}

const level = 0.9

/** What may be said now, however often one looks; the scale was fixed when the experiment was planned. */
export function readingOf(
  protocol: Protocol,
  difference: { value: number; low: number; high: number },
  persons: number[],
): Reading {
  // The interval is the estimate ± so many standard errors; its width gives the variance back.
  const error = (difference.high - difference.low) / 2 / normalQuantile((1 + level) / 2)
  const look = anytime(difference.value, error * error, scaleFor(protocol.plannedVariance, level), level)
  const verdict = mayStop(look, persons, protocol.worthwhile)
  const finite = (value: number) => (Number.isFinite(value) ? value : null)
  return {
    low: finite(look.low),
    high: finite(look.high),
    pValue: look.pValue,
    stop: verdict.stop,
    verdict: verdict.stop ? verdict.verdict : persons.some((count) => count < 100) ? 'too_few' : 'go_on',
  }
}

type Baseline = { persons: number; mean: number; variance: number; explained: number; newPerDay: number }

/** What known customers spent in the last outcome window, how much their past foretells it, and how many come new. */
async function baselineOf(history: History, currency: string, now: Date): Promise<Baseline> {
  const to = now.toISOString()
  const [row] = await history.rows<{
    n: number
    s: number
    q: number
    p: number
    pq: number
    b: number
    fresh: number
  }>`
    select count() as n, sum(after) as s, sum(after * after) as q, sum(before) as p, sum(before * before) as pq,
      sum(before * after) as b, countIf(first_at > parseDateTimeBestEffort(${to}) - interval 28 day) as fresh
    from (
      select k.person, toFloat64(sumIf(o.value, o.at > parseDateTimeBestEffort(${to}) - interval ${outcomeDays} day)) as after,
        toFloat64(sumIf(o.value, o.at <= parseDateTimeBestEffort(${to}) - interval ${outcomeDays} day
          and o.at > parseDateTimeBestEffort(${to}) - interval ${outcomeDays + 90} day)) as before,
        minIf(o.at, o.person = k.person) as first_at
      from (select person from measurement.known final where known = 1) as k
      left join (select person, at, value from measurement.conversion final where currency = ${currency}) as o on o.person = k.person
      group by k.person
    )`
  const n = Number(row?.n ?? 0)
  if (row === undefined || n < 2) return { persons: n, mean: 0, variance: 0, explained: 0, newPerDay: 0 }
  const variance = Math.max(0, (row.q - (row.s * row.s) / n) / (n - 1))
  const pre = Math.max(0, (row.pq - (row.p * row.p) / n) / (n - 1))
  const both = (row.b - (row.s * row.p) / n) / (n - 1)
  const explained = variance > 0 && pre > 0 ? Math.min(0.95, (both * both) / (variance * pre)) : 0
  return { persons: n, mean: row.s / n, variance, explained, newPerDay: Number(row.fresh) / 28 }
}

export type ProtocolDesk = {
  /** How many persons and days a test takes, from our own history. */
  plan(input: InputOf<Routes['planExperiment']>['query']): Promise<Planned>
  /** Fixes the plan of an experiment, before its result is read at any time. */
  keep(experiment: string, input: InputOf<Routes['keepPlan']>['body'], by: Caller): Promise<{ persons: number }>
  /** Ends the reading: who is assigned later does not count. */
  stop(experiment: string, reason: string, by: Caller): Promise<{ stoppedAt: string }>
}

export function createProtocolDesk(
  { database, history, config, clock }: Ground,
  audit: Audit | undefined,
): ProtocolDesk {
  async function plan(input: InputOf<Routes['planExperiment']>['query']): Promise<Planned> {
    const base = await baselineOf(history, config.currency, clock.now())
    if (base.persons < 100 || base.variance === 0)
      throw refused(409, 'no_history', { given: { persons: base.persons, days: outcomeDays } })
    const effect = input.worthwhile ?? Math.max(1, base.mean * (input.relative ?? 0.05))
    const arriving = input.personsPerDay ?? (base.newPerDay > 0 ? base.newPerDay : undefined)
    const planned = planLift({
      mean: base.mean,
      variance: base.variance,
      effect,
      shares: [input.holdout, 1 - input.holdout],
      explained: base.explained,
      peeking: true,
      ...(arriving === undefined ? {} : { personsPerDay: arriving }),
    })
    const once = planLift({
      mean: base.mean,
      variance: base.variance,
      effect,
      shares: [input.holdout, 1 - input.holdout],
      explained: base.explained,
    })
    return {
      currency: config.currency,
      baseline: {
        persons: base.persons,
        mean: base.mean,
        deviation: Math.sqrt(base.variance),
        explained: base.explained,
      },
      worthwhile: effect,
      relative: planned.relative,
      persons: planned.persons,
      perArm: { control: planned.perArm[0] as number, treated: planned.perArm[1] as number },
      personsPerDay: arriving ?? null,
      days: planned.days === null ? null : planned.days + outcomeDays,
      readOnce: once.persons,
      enough: planned.persons <= base.persons,
    }
  }
  return {
    plan,
    async keep(experiment, input, by) {
      const planned = await plan({ holdout: input.holdout, worthwhile: input.worthwhile })
      const variance =
        planned.baseline.deviation ** 2 *
        (1 - planned.baseline.explained) *
        (1 / planned.perArm.control + 1 / planned.perArm.treated)
      await database.transaction(async (tx) => {
        const kept = await tx.run`
          insert into measurement.protocol (experiment, worthwhile, persons, days, planned_variance, planned_at, planned_by)
          values (${experiment}, ${input.worthwhile}, ${planned.persons}, ${planned.days}, ${variance}, platform.now(), ${nameOf(by)})
          on conflict (experiment) do nothing`
        if (kept === 0) throw refused(409, 'planned_before')
        await audit?.(tx, {
          actor: by,
          action: 'measurement.experiment.planned',
          object: { kind: 'experiment', id: experiment },
        })
      })
      return { persons: planned.persons }
    },
    async stop(experiment, reason, by) {
      return database.transaction(async (tx) => {
        const row = await tx.row<{ at: Date }>`
          update measurement.protocol set stopped_at = platform.now(), stopped_by = ${nameOf(by)}, reason = ${reason}
          where experiment = ${experiment} and stopped_at is null returning stopped_at as at`
        if (row === undefined) throw refused(409, 'not_running')
        await audit?.(tx, {
          actor: by,
          action: 'measurement.experiment.stopped',
          object: { kind: 'experiment', id: experiment },
        })
        return { stoppedAt: row.at.toISOString() }
      })
    },
  }
}
