import type { JourneyId, PersonId, Purpose } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { OwnEvent } from '#ingest'
import type { Graph } from './graph.ts'
import type { DecisionNeeds } from './index.ts'

export type LiveJourney = {
  id: JourneyId
  version: number
  purpose: Purpose
  holdout: number
  goals: string[]
  againAfterHours: number
  graph: Graph
}

const versions = new Map<string, Graph>()

/** Journeys that take persons in. Graphs of versions never change, so a process reads each once. */
export async function liveJourneys(tx: Database): Promise<LiveJourney[]> {
  const rows = await tx.rows<Omit<LiveJourney, 'graph'>>`
    select id, version, purpose, holdout, goals, again_after_hours as "againAfterHours"
    from decision.journey where state = 'active' and version is not null`
  return Promise.all(rows.map(async (row) => ({ ...row, graph: await graphOf(tx, row.id, row.version) })))
}

export async function graphOf(tx: Database, journey: JourneyId, version: number): Promise<Graph> {
  const known = versions.get(`${journey}/${version}`)
  if (known) return known
  const row = await tx.row<{ graph: Graph }>`
    select graph from decision.version where journey = ${journey} and version = ${version}`
  if (!row) throw new Error(`Journey ${journey} has no version ${version}`)
  versions.set(`${journey}/${version}`, row.graph)
  return row.graph
}

export type Draw = { experiment: string; person: PersonId; arm: string; journey: JourneyId | null; at: string }

/** Writes down the drawn arms; an arm that was drawn before stands. Returns all arms and which were new. */
export async function assign(tx: Database, draws: Draw[]): Promise<{ arms: Map<string, string>; fresh: Draw[] }> {
  const rows = await tx.rows<Draw & { fresh: boolean }>`
    with drawn as (
      select distinct on (experiment, person) *
      from jsonb_to_recordset(${tx.json(draws)}) as draw (experiment text, person uuid, arm text, journey uuid, at timestamptz)
      order by experiment, person
    ), added as (
      insert into decision.assignment (experiment, person, arm, journey, at)
      select experiment, person, arm, journey, at from drawn
      on conflict do nothing
      returning *
    )
    select experiment, person, arm, journey, at, true as fresh from added
    union all
    select known.experiment, known.person, known.arm, known.journey, known.at, false
    from decision.assignment as known join drawn using (experiment, person)`
  return {
    arms: new Map(rows.map((row) => [`${row.experiment} ${row.person}`, row.arm])),
    fresh: rows.filter((row) => row.fresh).map((row) => ({ ...row, at: new Date(row.at).toISOString() })),
  }
}

/** Exposures go through the loop like every fact, so that measurement finds them in the history. */
export async function tellAssignments(needs: DecisionNeeds, tx: Database, fresh: Draw[]): Promise<void> {
  const facts = fresh.map(
    (draw): OwnEvent => ({
      key: `experiment.assigned:${draw.experiment}:${draw.person}`,
      name: 'experiment.assigned',
      person: draw.person,
      at: draw.at,
      properties: { experiment: draw.experiment, arm: draw.arm, journey: draw.journey },
    }),
  )
  if (facts.length > 0) await needs.emit(tx, facts)
}

export async function erasePersons(tx: Database, persons: PersonId[]): Promise<number> {
  let count = await tx.run`delete from decision.step using decision.run
    where step.run = run.id and run.person = any(${persons}::uuid[])`
  for (const table of ['run', 'assignment', 'reservation', 'hold']) {
    count += await tx.run`delete from ${tx.name('decision')}.${tx.name(table)} where person = any(${persons}::uuid[])`
  }
  return count
}
