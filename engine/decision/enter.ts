import {
  type AppliedBatch,
  type JourneyId,
  kept,
  type Merge,
  type PersonEvent,
  type PersonId,
  type RunId,
} from '@einklang/contract'
import { type Columns, type Database, derivedId, recordset } from '@einklang/platform'
import { drawHoldout, globalHoldout, journeyHoldout } from './arms.ts'
import { policyOf } from './facts.ts'
import { labelOf, type NodeOf, nodeOf, triggersOf } from './graph.ts'
import type { DecisionNeeds } from './index.ts'
import { assign, type LiveJourney, liveJourneys, tellAssignments } from './store.ts'

const againColumns: Columns = {
  journey: 'uuid',
  version: 'integer',
  person: 'uuid',
  node: 'text',
  base: 'timestamptz',
  due: 'timestamptz',
}

const hour = 3_600_000
/** Older events start nothing: they are history being imported. */
const oldestTrigger = 24 * hour
/** A store receipt may arrive days late and still ends a waiting run. */
const oldestGoal = 30 * 24 * hour

/** Open runs belong to the person that is current; two open runs of one journey become one. */
export async function followMerges(tx: Database, merges: Merge[]): Promise<void> {
  if (merges.length === 0) return
  await tx.run`insert into decision.assignment (experiment, person, arm, journey, at)
    select distinct on (assignment.experiment, merge.winner)
      assignment.experiment, merge.winner, assignment.arm, assignment.journey, assignment.at
    from jsonb_to_recordset(${tx.json(merges)}) as merge (winner uuid, loser uuid)
    join decision.assignment on assignment.person = merge.loser
    order by assignment.experiment, merge.winner, assignment.at
    on conflict do nothing`
  const losers = merges.map((merge) => merge.loser)
  const concerned = await tx.rows<{ person: PersonId }>`
    select distinct person from decision.run where state = 'waiting' and person = any(${losers}::uuid[])`
  const walking = new Set(concerned.map((row) => row.person))
  for (const { winner, loser } of merges) {
    if (!walking.has(loser)) continue
    await tx.run`update decision.run set state = 'cancelled', ended_at = platform.now(), due = null,
        because = ${kept('same_person')}
      where person = ${loser} and state = 'waiting' and exists (
        select 1 from decision.run as other
        where other.person = ${winner} and other.journey = run.journey
          and (other.state = 'waiting' or other.occurrence = run.occurrence))`
    await tx.run`update decision.run set person = ${winner} where person = ${loser} and state = 'waiting'`
    walking.add(winner)
  }
}

type Entry = { journey: LiveJourney; trigger: NodeOf<'trigger'>; person: PersonId; event: PersonEvent; lastAt: string }

/** Looks at the events of a batch with the eyes of the active journeys. Most batches concern none and cost nothing. */
export async function enterAndEnd(needs: DecisionNeeds, tx: Database, batch: AppliedBatch): Promise<void> {
  const now = needs.ground.clock.now().getTime()
  const recent = batch.events.filter((event) => event.name !== null && Date.parse(event.at) > now - oldestGoal)
  if (recent.length === 0) return
  const journeys = await liveJourneys(tx)
  if (journeys.length === 0) return
  const currentOf = currentPersons(batch.merges)
  const young = recent.filter((event) => Date.parse(event.at) > now - oldestTrigger)
  const entries = journeys.flatMap((journey) => entriesOf(journey, young, currentOf))
  if (entries.length > 0) await enter(needs, tx, entries)
  await endAtGoals(tx, journeys, recent, currentOf)
}

function currentPersons(merges: Merge[]): (person: PersonId) => PersonId {
  const winners = new Map(merges.map((merge) => [merge.loser, merge.winner]))
  return (person) => {
    let current = person
    for (let next = winners.get(current); next; next = winners.get(current)) current = next
    return current
  }
}

/** The first trigger of each person and when the last one was; a journey has few triggers and a batch few events that fit. */
function entriesOf(journey: LiveJourney, events: PersonEvent[], currentOf: (person: PersonId) => PersonId): Entry[] {
  const first = new Map<PersonId, Entry>()
  for (const trigger of triggersOf(journey.graph)) {
    for (const event of events) {
      if (event.name === null || !trigger.events.includes(event.name)) continue
      const person = currentOf(event.person)
      const known = first.get(person)
      const lastAt = known && known.lastAt > event.at ? known.lastAt : event.at
      if (known && known.event.at <= event.at) known.lastAt = lastAt
      else first.set(person, { journey, trigger, person, event, lastAt })
    }
  }
  return [...first.values()]
}

async function enter(needs: DecisionNeeds, tx: Database, entries: Entry[]): Promise<void> {
  const allowed = await withConditions(needs, tx, entries)
  if (allowed.length === 0) return
  const waiting = await waitingRuns(tx, allowed)
  await beginAnew(
    tx,
    allowed.filter((entry) => waiting.has(keyOf(entry))),
  )
  const started = await startRuns(
    tx,
    allowed.filter((entry) => !waiting.has(keyOf(entry))),
  )
  const fresh = new Set(started.map((row) => row.id))
  const entered = allowed.filter((entry) => fresh.has(runIdOf(entry)))
  if (entered.length > 0) await holdOut(needs, tx, entered)
}

function keyOf({ journey, person }: { journey: { id: JourneyId }; person: PersonId }): string {
  return `${journey.id} ${person}`
}

/** Who waits in the journey already. One look into the index an entry: as a set, all runs would be read. */
async function waitingRuns(tx: Database, entries: Entry[]): Promise<Set<string>> {
  const rows = await tx.rows<{ journey: JourneyId; person: PersonId }>`
    select asked.journey, asked.person
    from unnest(${entries.map((entry) => entry.journey.id)}::uuid[], ${entries.map((entry) => entry.person)}::uuid[])
      as asked(journey, person)
    cross join lateral (
      select from decision.run
      where run.journey = asked.journey and run.person = asked.person and run.state = 'waiting' offset 0) as run`
  return new Set(rows.map(({ journey, person }) => keyOf({ journey: { id: journey }, person })))
}

/** Somebody who goes on filling the cart is not leaving it: the wait behind the trigger begins anew. */
async function beginAnew(tx: Database, entries: Entry[]): Promise<void> {
  if (entries.length === 0) return
  await tx.run`update decision.run set base = entry.base, due = entry.due
    from ${recordset(
      tx,
      entries.map((entry) => runRow(entry)),
      againColumns,
    )} as entry
    where run.journey = entry.journey and run.person = entry.person and run.version = entry.version
      and run.state = 'waiting' and run.moves = 1 and run.node = entry.node and run.base < entry.base`
}

async function startRuns(tx: Database, entries: Entry[]): Promise<{ id: RunId }[]> {
  if (entries.length === 0) return []
  return tx.rows<{ id: RunId }>`
    insert into decision.run
      (id, journey, version, person, occurrence, cause, state, node, base, due, moves, entered_at, because)
    select id, journey, version, person, occurrence, cause, 'waiting', node, base, due, 1, at, because
    from jsonb_to_recordset(${tx.json(entries.map((entry) => runRow(entry)))}) as entry (id uuid, journey uuid, version integer, person uuid,
      occurrence text, cause jsonb, node text, at timestamptz, base timestamptz, due timestamptz, again_after_hours integer,
      because text)
    -- One look into the index per id of the person, never all runs of the journey beside all entries.
    left join lateral (
      select true as there from unnest(identity.aliases(entry.person)) as self(id)
      cross join lateral (select from decision.run as earlier
        where earlier.journey = entry.journey and earlier.person = self.id
          and (earlier.state = 'waiting'
            or earlier.entered_at > entry.at - make_interval(hours => entry.again_after_hours)) offset 0) as known
      limit 1) as before on true
    where before.there is null
    on conflict do nothing
    returning id`
}

async function withConditions(needs: DecisionNeeds, tx: Database, entries: Entry[]): Promise<Entry[]> {
  const allowed: Entry[] = []
  for (const [trigger, group] of Map.groupBy(entries, (entry) => entry.trigger)) {
    if (!trigger.where) allowed.push(...group)
    else {
      const matching = await needs.audience.matches(tx, trigger.where, [...new Set(group.map((entry) => entry.person))])
      allowed.push(...group.filter((entry) => matching.has(entry.person)))
    }
  }
  return allowed
}

function runIdOf(entry: Entry): RunId {
  return derivedId('run', entry.journey.id, entry.event.id)
}

function runRow(entry: Entry) {
  const { journey, event } = entry
  const next = nodeOf(journey.graph, entry.trigger.next)
  const wait = next?.kind === 'wait' ? next.minutes * 60_000 : 0
  return {
    id: runIdOf(entry),
    journey: journey.id,
    version: journey.version,
    person: entry.person,
    occurrence: event.id,
    cause: { event: event.id, name: event.name, at: event.at },
    node: entry.trigger.next,
    at: event.at,
    base: entry.lastAt,
    due: new Date(Date.parse(entry.lastAt) + wait).toISOString(),
    again_after_hours: journey.againAfterHours,
    because: kept('entered', { event: event.name }),
  }
}

/** Draws the holdouts: first the few persons of the global one, then this journey's own. */
async function holdOut(needs: DecisionNeeds, tx: Database, entered: Entry[]): Promise<void> {
  const { globalHoldout: globalShare } = await policyOf(needs.ground, tx)
  const draws = entered.flatMap(({ journey, person, event }) => [
    {
      experiment: globalHoldout,
      person,
      arm: drawHoldout(globalHoldout, person, globalShare),
      journey: null as JourneyId | null,
      at: event.at,
    },
    {
      experiment: journeyHoldout(journey.id),
      person,
      arm: drawHoldout(journeyHoldout(journey.id), person, journey.holdout),
      journey: journey.id,
      at: event.at,
    },
  ])
  const { arms, fresh } = await assign(tx, draws)
  const out = entered.filter(({ journey, person }) =>
    [globalHoldout, journeyHoldout(journey.id)].some((name) => arms.get(`${name} ${person}`) === 'held out'),
  )
  if (out.length > 0)
    await tx.run`update decision.run set state = 'held out', node = null, due = null, ended_at = platform.now(),
        because = ${kept('held_out')}
      where id = any(${out.map(runIdOf)}::uuid[])`
  await recordEntries(tx, entered, new Set(out))
  await tellAssignments(needs, tx, fresh)
}

async function recordEntries(tx: Database, entered: Entry[], out: ReadonlySet<Entry>): Promise<void> {
  const rows = entered.map((entry) => ({
    run: runIdOf(entry),
    at: entry.event.at,
    journey: entry.journey.id,
    version: entry.journey.version,
    node: entry.trigger.id,
    decision: out.has(entry) ? 'held out' : 'entered',
    label: labelOf(entry.trigger),
    next: out.has(entry) ? null : entry.trigger.next,
    reasons: [kept('trigger', { event: entry.event.name, at: entry.event.at })],
  }))
  await tx.run`insert into decision.step (run, seq, at, journey, version, node, kind, decision, label, next, reasons)
    select run, 0, at, journey, version, node, 'trigger', decision, label, next,
      array(select jsonb_array_elements_text(reasons))
    from jsonb_to_recordset(${tx.json(rows)}) as step (run uuid, at timestamptz, journey uuid, version integer,
      node text, decision text, label text, next text, reasons jsonb)
    on conflict do nothing`
}

async function endAtGoals(
  tx: Database,
  journeys: LiveJourney[],
  events: PersonEvent[],
  currentOf: (person: PersonId) => PersonId,
): Promise<void> {
  const reached = journeys.flatMap((journey) =>
    events
      .filter((event) => event.name !== null && journey.goals.includes(event.name))
      .map((event) => ({
        journey: journey.id,
        person: currentOf(event.person),
        because: kept('goal', { event: event.name }),
        at: event.at,
      })),
  )
  if (reached.length === 0) return
  await tx.run`update decision.run set state = 'goal', ended_at = goal.at, due = null, node = null,
      because = goal.because
    from jsonb_to_recordset(${tx.json(reached)}) as goal (journey uuid, person uuid, because text, at timestamptz)
    where run.journey = goal.journey and run.person = goal.person and run.state = 'waiting'
      and run.entered_at <= goal.at`
}
