import { type api, kept, type PersonId } from '@einklang/contract'
import { type Database, type History, typed } from '@einklang/platform'
import {
  differenceOfRates,
  differenceWithPrePeriod,
  type Interval,
  type PairedMoments,
  relativeDifference,
  sampleRatio,
} from '@einklang/stats'

import { outcomeDays } from './period.ts'
import { type Protocol, readingOf } from './protocol.ts'

export type ExperimentResult = api.measurement.ExperimentResult

/** How an experiment was planned; the arm `control` is what the others are compared with. */
export type ExperimentPlan = {
  experiment: string
  name: string
  journey: string | null
  arms: { arm: string; share: number }[]
  control: string
  /** Against people who got nothing, not against another way of doing it. */
  holdout: boolean
}

/** What a person bought in this time before the assignment takes noise off the comparison. */
const preDays = 90
const level = 0.9

/** Copies new arms from the decision ledger into the history. */
export async function copyAssignments(database: Database, history: History, number: number): Promise<void> {
  const [newest] = await history.rows<{ at: string }>`select max(at) as at from measurement.assignment`
  const since = newest === undefined ? new Date(0) : new Date(new Date(newest.at).getTime() - 86_400_000)
  let after = { experiment: '', person: '00000000-0000-0000-0000-000000000000' }
  for (;;) {
    const rows = await database.rows<{ experiment: string; person: PersonId; arm: string; at: Date }>`
      select experiment, person, arm, at from decision.assignment
      where at >= ${since} and (experiment, person) > (${after.experiment}, ${after.person}::uuid)
      order by experiment, person limit 20000`
    const last = rows.at(-1)
    if (last === undefined) return
    await history.insert(
      'measurement.assignment',
      rows.map((row) => ({ ...row, build: number })),
      // A new build number makes new rows, so a repeat after a crash is another version of the same assignment.
      `assignment ${number} ${after.experiment} ${after.person}`,
    )
    after = last
  }
}

export type ArmSums = {
  experiment: string
  arm: string
  persons: number
  buyers: number
  sum: number
  squares: number
  pre_sum: number
  pre_squares: number
  products: number
  since: string
}

/** Everything the comparison needs, summed where it lies: one row per experiment and arm. */
export async function armSums(
  history: History,
  currency: string,
  only: {
    ended?: { experiment: string; at: Date }[]
    /** Who was assigned in these days. */
    assigned?: { from: string; to: string; timeZone: string }
  } = {},
): Promise<ArmSums[]> {
  const { ended = [], assigned } = only
  const within =
    assigned === undefined
      ? history.part`true`
      : history.part`at >= toDateTime(${assigned.from}, ${assigned.timeZone})
          and at < toDateTime(${assigned.to}, ${assigned.timeZone}) + interval 1 day`
  const counts =
    ended.length === 0
      ? history.part`true`
      : history.part`at <= transform(toString(experiment), ${ended.map((one) => one.experiment)},
          ${typed(
            "Array(DateTime64(3, 'UTC'))",
            ended.map((one) => one.at.toISOString()),
          )}, toDateTime64('2200-01-01 00:00:00', 3, 'UTC'))`
  return history.rows<ArmSums>`
    select experiment, arm, count() as persons, countIf(orders > 0) as buyers, sum(after) as sum,
      sum(after * after) as squares, sum(before) as pre_sum, sum(before * before) as pre_squares,
      sum(before * after) as products, min(since) as since
    from (
      select a.experiment as experiment, a.person as person, any(a.arm) as arm, any(a.at) as since,
        toFloat64(sumIf(o.value, o.at > a.at and o.at <= a.at + interval ${outcomeDays} day)) as after,
        countIf(o.at > a.at and o.at <= a.at + interval ${outcomeDays} day) as orders,
        toFloat64(sumIf(o.value, o.at <= a.at and o.at > a.at - interval ${preDays} day)) as before
      from (
        select experiment, person, arm, at from measurement.assignment final
        where person not in (select loser from identity.merged final where undone = 0) and ${counts} and ${within}
      ) as a
      left join (select person, at, value from measurement.conversion final where currency = ${currency}) as o
        on a.person = o.person
      group by a.experiment, a.person
    ) group by experiment, arm order by experiment, arm`
}

/** Reads one experiment: difference to the control with interval, or why it must not be read. */
export function resultOf(plan: ExperimentPlan, sums: ArmSums[], protocol: Protocol | null = null): ExperimentResult {
  const arms = plan.arms.map(({ arm, share }) => {
    const found = sums.find((row) => row.arm === arm)
    const persons = Number(found?.persons ?? 0)
    const buyers = Number(found?.buyers ?? 0)
    const revenue = Number(found?.sum ?? 0)
    return {
      arm,
      control: arm === plan.control,
      planned: share,
      persons,
      buyers,
      rate: persons === 0 ? 0 : buyers / persons,
      revenue,
      revenuePerPerson: persons === 0 ? 0 : revenue / persons,
    }
  })
  const ratio = sampleRatio(
    arms.map((arm) => arm.persons),
    arms.map((arm) => arm.planned),
  )
  const control = sums.find((row) => row.arm === plan.control)
  const treated = sums.filter((row) => row.arm !== plan.control && plan.arms.some((arm) => arm.arm === row.arm))
  const warnings: string[] = []
  const buyers = arms.reduce((sum, arm) => sum + arm.buyers, 0)
  if (!ratio.ok) warnings.push(kept('arms_moved'))
  // Without a purchase nothing varies, and an interval of no width would look sure.
  if (buyers === 0) warnings.push(kept('no_buyers'))
  else if (buyers < 100) warnings.push(kept('few_buyers', { count: buyers }))
  if (control === undefined || Number(control.persons) === 0) warnings.push(kept('no_control'))
  const lift = control === undefined || !ratio.ok || buyers === 0 ? null : liftOf(treated, control, arms)
  if (lift === null && control !== undefined && ratio.ok && buyers > 0) warnings.push(kept('small_arm'))
  return {
    experiment: plan.experiment,
    name: plan.name,
    journey: plan.journey,
    since:
      sums.length === 0
        ? null
        : (sums
            .map((row) => row.since)
            .sort()[0]
            ?.replace(' ', 'T') ?? null),
    days: outcomeDays,
    arms,
    lift,
    plan:
      protocol === null
        ? null
        : {
            worthwhile: protocol.worthwhile,
            persons: protocol.persons,
            days: protocol.days,
            plannedAt: protocol.plannedAt.toISOString(),
            stopped:
              protocol.stoppedAt === null
                ? null
                : { at: protocol.stoppedAt.toISOString(), by: protocol.stoppedBy, reason: protocol.reason },
          },
    reading:
      protocol === null || lift === null
        ? null
        : readingOf(protocol, lift.revenuePerPerson, [
            arms.filter((arm) => !arm.control).reduce((sum, arm) => sum + arm.persons, 0),
            arms.find((arm) => arm.control)?.persons ?? 0,
          ]),
    sampleRatio: { ok: ratio.ok, pValue: ratio.pValue, sentence: ratioSentence(arms, ratio.ok, ratio.pValue) },
    warnings,
  }
}

function liftOf(treated: ArmSums[], control: ArmSums, arms: ExperimentResult['arms']): ExperimentResult['lift'] {
  const together = treated
    .map(momentsOf)
    .reduce(added, { count: 0, sum: 0, squares: 0, preSum: 0, preSquares: 0, products: 0 })
  const other = momentsOf(control)
  const perPerson = differenceWithPrePeriod(together, other, level)
  const treatedArms = arms.filter((arm) => !arm.control)
  const rate = differenceOfRates(
    { successes: treatedArms.reduce((sum, arm) => sum + arm.buyers, 0), count: together.count },
    { successes: Number(control.buyers), count: other.count },
    level,
  )
  if (perPerson === null || rate === null) return null
  const revenuePerPerson = plain(perPerson)
  return {
    rate,
    revenuePerPerson,
    extraRevenue: scaled(revenuePerPerson, together.count),
    relative: relativeDifference(together, other, level),
    level,
    method: kept('lift_method', { days: outcomeDays, before: preDays, shrinks: perPerson.shrinks }),
    verdict: revenuePerPerson.low > 0 ? 'more' : revenuePerPerson.high < 0 ? 'less' : 'cannot_tell',
  }
}

const plain = ({ value, low, high }: Interval): Interval => ({ value, low, high })
const scaled = ({ value, low, high }: Interval, by: number): Interval => ({
  value: value * by,
  low: low * by,
  high: high * by,
})

function momentsOf(row: ArmSums): PairedMoments {
  return {
    count: Number(row.persons),
    sum: Number(row.sum),
    squares: Number(row.squares),
    preSum: Number(row.pre_sum),
    preSquares: Number(row.pre_squares),
    products: Number(row.products),
  }
}

function added(left: PairedMoments, right: PairedMoments): PairedMoments {
  return {
    count: left.count + right.count,
    sum: left.sum + right.sum,
    squares: left.squares + right.squares,
    preSum: left.preSum + right.preSum,
    preSquares: left.preSquares + right.preSquares,
    products: left.products + right.products,
  }
}

function ratioSentence(arms: ExperimentResult['arms'], ok: boolean, pValue: number): string {
  const total = arms.reduce((sum, arm) => sum + arm.persons, 0)
  const parts = arms.map((arm) => `${arm.arm} ${arm.persons} (${Math.round(arm.planned * total)})`).join(', ')
  const chance = pValue.toExponential(1)
  const [control, treated] = [arms.find((arm) => arm.arm === 'held out'), arms.find((arm) => arm.arm === 'treated')]
  const usual = arms.length === 2 && control !== undefined && treated !== undefined
  const named = usual
    ? kept('arms_of_holdout', {
        control: control.persons,
        ofControl: Math.round(control.planned * total),
        treated: treated.persons,
        ofTreated: Math.round(treated.planned * total),
      })
    : parts
  return ok ? kept('arms_as_planned', { arms: named }) : kept('arms_not_as_planned', { arms: named, chance })
}

type Journey = { id: string; name: string; holdout: number; graph: { nodes: GraphNode[] } | null }
type GraphNode = { id: string; kind: string; label?: string; arms?: { name: string; share: number }[] }

/** How the experiments of the decision ledger were planned. */
export async function plannedExperiments(database: Database): Promise<ExperimentPlan[]> {
  const rows = await database.rows<{ experiment: string; journey: string | null; arms: string[] }>`
    select experiment, (array_agg(journey) filter (where journey is not null))[1] as journey, array_agg(distinct arm) as arms
    from decision.assignment group by experiment order by experiment`
  const journeys = await database.rows<Journey>`
    select journey.id, journey.name, journey.holdout, version.graph
    from decision.journey left join decision.version on version.journey = journey.id and version.version = journey.version`
  const policy = await database.row<{ share: number | null }>`
    select (document ->> 'globalHoldout')::double precision as share from decision.policy`
  return rows.map(({ experiment, journey: id, arms }) => {
    const journey = journeys.find((one) => one.id === id)
    const split = journey?.graph?.nodes.find((node) => node.kind === 'split' && experiment.endsWith(`/${node.id}`))
    if (split?.arms !== undefined) {
      return {
        experiment,
        name: `${journey?.name}: ${split.label ?? split.id}`,
        journey: id,
        arms: split.arms.map(({ name, share }) => ({ arm: name, share })),
        control: split.arms[0]?.name ?? '',
        holdout: false,
      }
    }
    const out = journey?.holdout ?? policy?.share ?? 0.02
    return {
      experiment,
      name: journey?.name ?? kept('all_campaigns'),
      journey: id,
      arms: [...new Set([...arms, 'held out', 'treated'])]
        .sort()
        .map((arm) => ({ arm, share: arm === 'held out' ? out : 1 - out })),
      control: 'held out',
      holdout: true,
    }
  })
}
