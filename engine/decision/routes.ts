import { type AnswerOf, api, type InputOf, type PersonId, type SpokenLanguage } from '@einklang/contract'
import { type Database, languageOf, mount, type Part, Refusal, type StageParts } from '@einklang/platform'
import { globalHoldout } from './arms.ts'
import { explainRun, stepsOf } from './explain.ts'
import { policyOf } from './facts.ts'
import type { Graph } from './graph.ts'
import type { Decision, DecisionNeeds } from './index.ts'
import { createJourney, journeyDetail, listJourneys, saveJourney } from './journeys.ts'
import type { ContactPolicy } from './policy.ts'
import { said } from './sayings.ts'
import { isZone } from './zone.ts'

export function decisionParts(decision: Decision, needs: DecisionNeeds): StageParts {
  const { ground } = needs
  const { database } = ground
  const routes = api.decision
  return {
    stage: 'decision',
    loops: decision.loops,
    erase: (tx, persons) => decision.erase(tx, persons),
    routes: [
      mount(routes.journeys, async () => ({ items: await listJourneys(database) })),
      mount(routes.journey, ({ params }) => journeyDetail(needs, params.journey)),
      mount(routes.createJourney, async ({ body }) => journeyDetail(needs, await createJourney(needs, body))),
      mount(routes.saveJourney, async ({ params, body }) => {
        await saveJourney(needs, params.journey, body)
        return journeyDetail(needs, params.journey)
      }),
      mount(routes.activateJourney, async ({ params }) => {
        await decision.activate(params.journey)
        return journeyDetail(needs, params.journey)
      }),
      mount(routes.pauseJourney, async ({ params }) => {
        await decision.pause(params.journey)
        return journeyDetail(needs, params.journey)
      }),
      mount(routes.journeyRuns, ({ params, query }, request) =>
        journeyRuns(database, params.journey, query, languageOf(request)),
      ),
      mount(routes.personRuns, async ({ params }, request) => ({
        items: await personRuns(database, params.person, languageOf(request)),
      })),
      mount(routes.run, ({ params }, request) => runDetail(database, params.run, languageOf(request))),
      mount(routes.experiments, async () => ({ items: await experiments(needs) })),
      mount(routes.policy, () => policyOf(ground, database)),
      mount(routes.savePolicy, ({ body }) => savePolicy(database, body)),
      mount(routes.hold, async ({ params, body }) => {
        await decision.hold(database, params.person, body.reason, body.until ? new Date(body.until) : null)
        return undefined
      }),
      mount(routes.liftHold, async ({ params }) => {
        await decision.liftHold(database, params.person)
        return undefined
      }),
    ],
  }
}

type Summary = api.decision.RunSummary
type RunRow = Omit<Summary, 'enteredAt' | 'dueAt' | 'endedAt'> & {
  entered_at: Date
  due: Date | null
  ended_at: Date | null
}

function summaryOf({ entered_at, due, ended_at, ...row }: RunRow, language: SpokenLanguage): Summary {
  return {
    ...row,
    because: said(row.because, language),
    enteredAt: entered_at.toISOString(),
    dueAt: due?.toISOString() ?? null,
    endedAt: ended_at?.toISOString() ?? null,
  }
}

function selection(database: Database): Part {
  return database.part`
    select run.id, run.journey, journey.name as "journeyName", run.version, run.person,
      nullif(concat_ws(' ', person.first_name, person.last_name), '') as "personName", run.state, run.node,
      run.entered_at, run.due, run.ended_at, run.because
    from decision.run join decision.journey on journey.id = run.journey
    left join profile.person on person.person = identity.current(run.person)`
}

async function journeyRuns(
  database: Database,
  journey: string,
  query: InputOf<typeof api.decision.journeyRuns>['query'],
  language: SpokenLanguage,
): Promise<AnswerOf<typeof api.decision.journeyRuns>> {
  const [at, id] = query.after?.split('~') ?? []
  const rows = await database.rows<RunRow>`
    ${selection(database)}
    where run.journey = ${journey}
      ${query.state ? database.part`and run.state = ${query.state}` : database.part``}
      ${query.node ? database.part`and run.node = ${query.node}` : database.part``}
      ${at && id ? database.part`and (run.entered_at, run.id) < (${new Date(at)}, ${id}::uuid)` : database.part``}
    order by run.entered_at desc, run.id desc
    limit ${query.limit + 1}`
  const items = rows.slice(0, query.limit).map((row) => summaryOf(row, language))
  const last = items.at(-1)
  return { items, next: rows.length > query.limit && last ? `${last.enteredAt}~${last.id}` : null }
}

async function personRuns(database: Database, person: PersonId, language: SpokenLanguage): Promise<Summary[]> {
  const rows = await database.rows<RunRow>`
    ${selection(database)}
    where run.person = any(identity.aliases(${person})) order by run.entered_at desc limit 100`
  return rows.map((row) => summaryOf(row, language))
}

async function runDetail(
  database: Database,
  run: Summary['id'],
  language: SpokenLanguage,
): Promise<AnswerOf<typeof api.decision.run>> {
  const row = await database.row<RunRow>`
    ${selection(database)} where run.id = ${run}`
  if (!row) throw new Refusal(404, 'no_run', 'There is no such run.')
  const steps = await stepsOf(database, run)
  return {
    ...summaryOf(row, language),
    steps: steps.map((step) => ({
      ...step,
      at: step.at.toISOString(),
      reasons: step.reasons.map((reason) => said(reason, language)),
    })) as never,
    explanation: await explainRun(database, run, language),
  }
}

type ArmRow = { experiment: string; journey: string | null; arm: string; persons: number; since: Date }

async function experiments(needs: DecisionNeeds): Promise<AnswerOf<typeof api.decision.experiments>['items']> {
  const { database } = needs.ground
  const rows = await database.rows<ArmRow>`
    select experiment, (array_agg(journey))[1] as journey, arm, count(*)::int as persons, min(at) as since
    from decision.assignment group by experiment, arm order by experiment, arm`
  const journeys = await database.rows<{ id: string; name: string; holdout: number; graph: Graph | null }>`
    select journey.id, journey.name, journey.holdout, version.graph
    from decision.journey left join decision.version on version.journey = journey.id and version.version = journey.version`
  const { globalHoldout: globalShare } = await policyOf(needs.ground, database)
  return [...Map.groupBy(rows, (row) => row.experiment)].map(([experiment, arms]) => {
    const journey = journeys.find((row) => row.id === arms[0]?.journey)
    const node = experiment.split('/')[2]
    const split = journey?.graph?.nodes.find((one) => one.id === node && one.kind === 'split')
    const shareOf = (arm: string) => {
      if (split?.kind === 'split') return split.arms.find((one) => one.name === arm)?.share ?? 0
      const out = experiment === globalHoldout ? globalShare : (journey?.holdout ?? 0)
      return arm === 'held out' ? out : 1 - out
    }
    return {
      experiment,
      name: split ? `${journey?.name}: ${split.label ?? split.id}` : (journey?.name ?? 'Everybody'),
      kind: split ? 'split' : experiment === globalHoldout ? 'global holdout' : 'holdout',
      journey: (arms[0]?.journey ?? null) as never,
      since: new Date(Math.min(...arms.map((arm) => arm.since.getTime()))).toISOString(),
      arms: arms.map(({ arm, persons }) => ({ arm, share: shareOf(arm), persons })),
    }
  })
}

async function savePolicy(database: Database, policy: ContactPolicy): Promise<ContactPolicy> {
  if (!isZone(policy.timeZone))
    throw new Refusal(422, 'unknown_zone', `“${policy.timeZone}” is not a time zone.`, {
      at: 'timeZone',
      doInstead: 'Use a name such as Europe/Berlin.',
    })
  await database.run`insert into decision.policy (document) values (${database.json(policy)})
    on conflict (single) do update set document = excluded.document`
  return policy
}
