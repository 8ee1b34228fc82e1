import type { AnswerOf, api, ConceptId, InputOf, JourneyId, Purpose } from '@einklang/contract'
import { type Database, derivedId, newId, Refusal } from '@einklang/platform'
import { edgesOf, type Graph, type Problem, problemsOf } from './graph.ts'
import type { DecisionNeeds } from './index.ts'

type Detail = AnswerOf<typeof api.decision.journey>
type Summary = api.decision.JourneySummary
type Settings = InputOf<typeof api.decision.createJourney>['body']

type JourneyRow = {
  id: JourneyId
  name: string
  description: string
  purpose: Purpose
  state: Summary['state']
  version: number | null
  holdout: number
  goals: string[]
  again_after_hours: number
  priority: number
  draft: Graph | null
  revision: number
  updated_at: Date
}

type Counts = Summary['counts']

/** All journeys with their counts, in one statement. */
export async function listJourneys(database: Database): Promise<Summary[]> {
  const rows = await database.rows<JourneyRow>`select * from decision.journey order by name`
  const counts = await countsOf(database)
  return rows.map((row) => summaryOf(row, counts.get(row.id)))
}

async function countsOf(database: Database): Promise<Map<JourneyId, Counts>> {
  const rows = await database.rows<{ journey: JourneyId } & Counts>`
    select run.journey, count(*)::int as entered,
      count(*) filter (where state = 'waiting')::int as waiting,
      count(*) filter (where state = 'waiting' and due <= platform.now())::int as overdue, count(*) filter (where state = 'done')::int as done,
      count(*) filter (where state = 'goal')::int as goal, count(*) filter (where state = 'held out')::int as "heldOut",
      count(*) filter (where state = 'cancelled')::int as cancelled, coalesce(sum(cardinality(used)), 0)::int as messages
    from decision.run group by run.journey`
  return new Map(rows.map(({ journey, ...counts }) => [journey, counts]))
}

function summaryOf(row: JourneyRow, counts: Counts | undefined): Summary {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    purpose: row.purpose,
    state: row.state,
    version: row.version,
    hasDraft: row.draft !== null,
    holdout: row.holdout,
    counts: counts ?? { entered: 0, waiting: 0, overdue: 0, done: 0, goal: 0, heldOut: 0, cancelled: 0, messages: 0 },
    updatedAt: row.updated_at.toISOString(),
  }
}

async function rowOf(database: Database, journey: JourneyId): Promise<JourneyRow> {
  const row = await database.row<JourneyRow>`select * from decision.journey where id = ${journey}`
  if (!row) throw new Refusal(404, 'no_journey', 'There is no such journey.')
  return row
}

export async function journeyDetail(needs: DecisionNeeds, journey: JourneyId): Promise<Detail> {
  const { database } = needs.ground
  const row = await rowOf(database, journey)
  const versions = await database.rows<{ version: number; graph: Graph; activated_at: Date }>`
    select version, graph, activated_at from decision.version where journey = ${journey} order by version desc`
  const live = versions.find((version) => version.version === row.version)?.graph ?? null
  const graph = row.draft ?? live
  if (!graph) throw new Error(`Journey ${journey} has neither a draft nor a version`)
  return {
    ...summaryOf(row, (await countsOf(database)).get(journey)),
    goals: row.goals,
    againAfterHours: row.again_after_hours,
    priority: row.priority,
    graph,
    liveGraph: live,
    ...(await trafficOf(database, journey, row.version, live ?? graph)),
    problems: await problems(needs, graph),
    revision: row.revision,
    versions: versions.map(({ version, activated_at }) => ({ version, activatedAt: activated_at.toISOString() })),
  }
}

/** How many walked each edge of the live version, who waits where. */
async function trafficOf(database: Database, journey: JourneyId, version: number | null, graph: Graph) {
  const walked = await database.rows<{ node: string; next: string | null; count: number }>`
    select node, next, count(*)::int as count from decision.step
    where journey = ${journey} and version = ${version} group by node, next`
  const waiting = await database.rows<{ node: string; count: number }>`
    select node, count(*)::int as count from decision.run
    where journey = ${journey} and version = ${version} and state = 'waiting' and node is not null group by node`
  const countOf = (node: string, next: string) =>
    walked.find((row) => row.node === node && row.next === next)?.count ?? 0
  return {
    edges: edgesOf(graph).map((edge) => ({ ...edge, count: countOf(edge.from, edge.to) })),
    nodes: graph.nodes.map((node) => ({
      id: node.id,
      waiting: waiting.find((row) => row.node === node.id)?.count ?? 0,
      passed: walked.filter((row) => row.node === node.id).reduce((sum, row) => sum + row.count, 0),
    })),
  }
}

/** The words are asked afresh for every check: a variant may have been written a second ago. */
function problems(needs: DecisionNeeds, graph: Graph): Promise<Problem[]> {
  return problemsOf(graph, needs.variants)
}

export async function createJourney(needs: DecisionNeeds, settings: Settings): Promise<JourneyId> {
  const id = newId('journey', needs.ground.clock)
  await insertDraft(needs.ground.database, id, settings)
  return id
}

async function insertDraft(tx: Database, id: JourneyId, settings: Settings): Promise<number> {
  return await tx.run`insert into decision.journey
      (id, name, description, purpose, state, holdout, goals, again_after_hours, priority, draft, created_at, updated_at)
    values (${id}, ${settings.name}, ${settings.description}, ${settings.purpose}, 'draft', ${settings.holdout},
      ${settings.goals}, ${settings.againAfterHours}, ${settings.priority}, ${tx.json(settings.graph)},
      platform.now(), platform.now())
    on conflict do nothing`
}

export async function saveJourney(
  needs: DecisionNeeds,
  journey: JourneyId,
  settings: InputOf<typeof api.decision.saveJourney>['body'],
): Promise<void> {
  const { database } = needs.ground
  const saved = await database.run`update decision.journey set name = ${settings.name},
      description = ${settings.description}, purpose = ${settings.purpose}, holdout = ${settings.holdout},
      goals = ${settings.goals}, again_after_hours = ${settings.againAfterHours}, priority = ${settings.priority},
      draft = ${database.json(settings.graph)}, revision = revision + 1, updated_at = platform.now()
    where id = ${journey} and revision = ${settings.revision}`
  if (saved > 0) return
  await rowOf(database, journey)
  throw new Refusal(409, 'stale', 'Somebody else saved this journey meanwhile.', { doInstead: 'Load it again.' })
}

/** A draft becomes the next version; without one the paused journey goes on. Runs keep their version. */
export async function activate(needs: DecisionNeeds, journey: JourneyId): Promise<void> {
  const { database } = needs.ground
  const row = await rowOf(database, journey)
  if (row.draft) {
    const [problem] = await problems(needs, row.draft)
    if (problem)
      throw new Refusal(422, 'journey_problem', problem.message, {
        at: problem.node ?? undefined,
        doInstead: problem.doInstead ?? undefined,
      })
  }
  await database.transaction(async (tx) => {
    const fresh = await tx.row<{ draft: Graph | null; version: number | null }>`
      select draft, version from decision.journey where id = ${journey} and revision = ${row.revision} for update`
    if (!fresh) throw new Refusal(409, 'stale', 'Somebody else saved this journey meanwhile.')
    const version = fresh.draft ? (fresh.version ?? 0) + 1 : fresh.version
    if (fresh.draft)
      await tx.run`insert into decision.version (journey, version, graph, activated_at)
        values (${journey}, ${version}, ${tx.json(fresh.draft)}, platform.now())`
    await tx.run`update decision.journey set state = 'active', version = ${version}, draft = null,
        revision = revision + 1, updated_at = platform.now() where id = ${journey}`
  })
}

export async function pause(needs: DecisionNeeds, journey: JourneyId): Promise<void> {
  const paused = await needs.ground.database.run`update decision.journey set state = 'paused',
      revision = revision + 1, updated_at = platform.now() where id = ${journey} and state = 'active'`
  if (paused > 0) return
  await rowOf(needs.ground.database, journey)
  throw new Refusal(409, 'not_active', 'Only an active journey can be paused.')
}

/** The starter journey: an abandoned cart, asked after twice, each time on another channel. */
export async function seed(
  needs: DecisionNeeds,
  options: { active: boolean; abandonedCart: ConceptId },
): Promise<void> {
  const id = derivedId('journey', 'seed', 'abandoned cart')
  const added = await insertDraft(needs.ground.database, id, {
    name: 'Abandoned cart',
    description: 'Reminds of a cart that was left: first by e-mail, a day later on another channel.',
    purpose: 'newsletter',
    holdout: 0.1,
    goals: ['Order Completed'],
    againAfterHours: 72,
    priority: 60,
    graph: abandonedCart(options.abandonedCart),
  })
  if (added > 0 && options.active) await activate(needs, id)
}

function abandonedCart(concept: ConceptId): Graph {
  const x = 0
  return {
    nodes: [
      {
        id: 'cart',
        kind: 'trigger',
        label: 'Something is put into the cart',
        events: ['Product Added', 'Checkout Started'],
        next: 'first-wait',
        at: { x, y: 0 },
      },
      { id: 'first-wait', kind: 'wait', label: 'Wait 1 hour', minutes: 60, next: 'still-open', at: { x, y: 120 } },
      {
        id: 'still-open',
        kind: 'check',
        label: 'Cart still open?',
        ask: 'cart open',
        yes: 'mail',
        no: 'closed',
        at: { x, y: 240 },
      },
      {
        id: 'mail',
        kind: 'send',
        label: 'E-mail with the products',
        concept,
        channels: ['email', 'sms', 'letter'],
        another: false,
        validHours: 12,
        next: 'second-wait',
        at: { x, y: 360 },
      },
      {
        id: 'second-wait',
        kind: 'wait',
        label: 'Wait 1 day',
        minutes: 1440,
        next: 'open-after-all',
        at: { x, y: 480 },
      },
      {
        id: 'open-after-all',
        kind: 'check',
        label: 'Cart still open?',
        ask: 'cart open',
        yes: 'other-channel',
        no: 'closed',
        at: { x, y: 600 },
      },
      {
        id: 'other-channel',
        kind: 'send',
        label: 'Another channel',
        concept,
        channels: ['sms', 'push', 'letter', 'email'],
        another: true,
        validHours: 72,
        next: 'end',
        at: { x, y: 720 },
      },
      { id: 'closed', kind: 'exit', label: 'Nothing left to ask', at: { x: 280, y: 480 } },
      { id: 'end', kind: 'exit', label: 'End', at: { x, y: 840 } },
    ],
  }
}
