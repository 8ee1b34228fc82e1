import {
  type Channel,
  type JourneyId,
  type JsonObject,
  kept,
  type PersonId,
  type Purpose,
  type RunId,
} from '@einklang/contract'
import { assert, type Database, derivedId } from '@einklang/platform'
import { drawArm, splitOf } from './arms.ts'
import { factsOf, policyOf } from './facts.ts'
import { type Graph, labelOf, type Node, type NodeOf, nodeOf } from './graph.ts'
import type { DecisionNeeds, PlannedMessage } from './index.ts'
import { allowedAt, type ContactPolicy, type Facts, judge } from './policy.ts'
import { assign, graphOf, tellAssignments } from './store.ts'

type Run = {
  id: RunId
  journey: JourneyId
  version: number
  person: PersonId
  occurrence: string
  cause: JsonObject
  purpose: Purpose
  node: string
  base: Date
  due: Date
  used: Channel[]
  moves: number
  state: 'waiting' | 'done'
  because: string
  /** Stands at a wait whose time has not come. */
  rests: boolean
}

type Step = {
  run: RunId
  seq: number
  journey: JourneyId
  version: number
  node: string
  kind: string
  decision: string
  label: string
  next: string | null
  reasons: string[]
  message: string | null
}

type Walk = {
  needs: DecisionNeeds
  tx: Database
  now: Date
  policy: ContactPolicy
  steps: Step[]
  planned: PlannedMessage[]
}

const batchSize = 200
/** More moves in one turn than any sensible journey has without a wait: stop instead of spinning. */
const mostRounds = 200

/** Moves due runs on as sets: all runs that stand at the same node take the step together. Returns how many moved. */
export async function advanceDue(needs: DecisionNeeds): Promise<number> {
  return await needs.ground.database.transaction(async (tx) => {
    const runs = await claimDue(tx)
    if (runs.length === 0) return 0
    const now = needs.ground.clock.now()
    const walk: Walk = { needs, tx, now, policy: await policyOf(needs.ground, tx), steps: [], planned: [] }
    for (let round = 0; ; round++) {
      assert(round < mostRounds, 'a journey goes round without waiting')
      const moving = runs.filter((run) => run.state === 'waiting' && !run.rests)
      if (moving.length === 0) break
      for (const group of Map.groupBy(moving, (run) => `${run.journey}/${run.version}/${run.node}`).values()) {
        await stepTogether(walk, group)
      }
    }
    await save(walk, runs)
    return runs.length
  })
}

async function claimDue(tx: Database): Promise<Run[]> {
  const rows = await tx.rows<Omit<Run, 'state' | 'because' | 'rests'>>`
    select run.id, run.journey, run.version, run.person, run.occurrence, run.cause, journey.purpose, run.node, run.base,
      run.due, run.used, run.moves
    from decision.run join decision.journey on journey.id = run.journey
    where run.state = 'waiting' and run.due <= platform.now() and journey.state = 'active'
    order by run.due
    limit ${batchSize}
    for update of run skip locked`
  return rows.map((row) => ({ ...row, state: 'waiting', because: '', rests: false }))
}

async function stepTogether(walk: Walk, runs: Run[]): Promise<void> {
  const [first] = runs
  if (!first) return
  const graph = await graphOf(walk.tx, first.journey, first.version)
  const node = nodeOf(graph, first.node)
  assert(node, `journey ${first.journey} version ${first.version} has the node ${first.node}`)
  switch (node.kind) {
    case 'wait':
      for (const run of runs) {
        run.base = run.due
        move(walk, graph, run, node, {
          decision: 'waited',
          next: node.next,
          reasons: [kept('waited', { minutes: node.minutes })],
        })
      }
      return
    case 'check':
      return checkTogether(walk, graph, node, runs)
    case 'send':
      return sendTogether(walk, graph, node, runs)
    case 'split':
      return splitTogether(walk, graph, node, runs)
    default:
      for (const run of runs) {
        move(walk, graph, run, node, {
          decision: 'ended',
          next: null,
          reasons: [kept('came_to', { label: labelOf(node) })],
        })
      }
  }
}

async function checkTogether(walk: Walk, graph: Graph, node: NodeOf<'check'>, runs: Run[]): Promise<void> {
  const predicate = node.ask === 'cart open' ? ({ cart: 'open' } as const) : node.ask
  const holds = await walk.needs.audience.matches(walk.tx, predicate, [...new Set(runs.map((run) => run.person))])
  for (const run of runs) {
    const yes = holds.has(run.person)
    const asked = node.ask === 'cart open' ? (yes ? 'cart_open' : 'cart_closed') : yes ? 'holds' : 'holds_not'
    const reasons = [kept(asked)]
    move(walk, graph, run, node, { decision: yes ? 'yes' : 'no', next: yes ? node.yes : node.no, reasons })
  }
}

async function splitTogether(walk: Walk, graph: Graph, node: NodeOf<'split'>, runs: Run[]): Promise<void> {
  const draws = runs.map((run) => {
    const experiment = splitOf(run.journey, node.id)
    const arm = drawArm(experiment, run.person, node.arms)
    return { experiment, person: run.person, arm, journey: run.journey, at: walk.now.toISOString() }
  })
  const { arms, fresh } = await assign(walk.tx, draws)
  await tellAssignments(walk.needs, walk.tx, fresh)
  for (const run of runs) {
    const name = arms.get(`${splitOf(run.journey, node.id)} ${run.person}`)
    // An arm that a later version no longer has falls to the first one, so nobody is left standing.
    const arm = node.arms.find((one) => one.name === name) ?? node.arms[0]
    assert(arm, 'a split has arms')
    move(walk, graph, run, node, { decision: arm.name, next: arm.next, reasons: [kept('drawn', { arm: arm.name })] })
  }
}

async function sendTogether(walk: Walk, graph: Graph, node: NodeOf<'send'>, runs: Run[]): Promise<void> {
  const [first] = runs
  assert(first, 'a group has a run')
  const persons = [...new Set(runs.map((run) => run.person))]
  const words = (await walk.needs.variants(node.concept)) ?? []
  const reach = await reachable(walk.tx, persons, node.channels)
  const facts = await factsOf(walk.tx, walk.policy, persons)
  const permissions = new Map<Channel, Awaited<ReturnType<DecisionNeeds['consent']['mayMany']>>>()
  for (const channel of node.channels) {
    permissions.set(channel, await walk.needs.consent.mayMany(walk.tx, persons, first.purpose, channel))
  }
  for (const run of runs) {
    const reasons = [kept('led_here', { event: String(run.cause['name']), at: String(run.cause['at']) })]
    const channel = node.channels.find((candidate) => {
      const obstacle = obstacleTo(candidate, {
        words,
        used: node.another ? run.used : [],
        reachable: reach.has(`${run.person} ${candidate}`),
        permission: permissions.get(candidate)?.get(run.person),
        verdict: facts.get(run.person) && verdictAt(walk, run.purpose, candidate, facts.get(run.person)),
      })
      reasons.push(obstacle.sentence)
      return !obstacle.stands
    })
    if (channel) planSend(walk, graph, node, run, channel, reasons, facts.get(run.person)?.zone ?? null)
    else move(walk, graph, run, node, { decision: 'no channel', next: node.next, reasons })
  }
}

async function reachable(tx: Database, persons: PersonId[], channels: Channel[]): Promise<Set<string>> {
  const rows = await tx.rows<{ person: PersonId; channel: Channel }>`
    select person, channel from profile.reachable
    where person = any(${persons}::uuid[]) and channel = any(${channels}::text[])`
  return new Set(rows.map((row) => `${row.person} ${row.channel}`))
}

function verdictAt(walk: Walk, purpose: Purpose, channel: Channel, facts: Facts | undefined) {
  if (!facts) return undefined
  // Quiet hours delay a message; they are no reason to take another channel.
  const at = allowedAt(walk.policy, channel, facts.zone, walk.now)
  return judge(walk.policy, { channel, purpose, at }, facts)
}

/** Whether something stands between the person and this channel, and the sentence that tells it. */
function obstacleTo(
  channel: Channel,
  known: {
    words: Channel[]
    used: Channel[]
    reachable: boolean
    permission: { allowed: true; basis: string } | { allowed: false; because: string } | undefined
    verdict: ReturnType<typeof judge> | undefined
  },
): { stands: boolean; sentence: string } {
  const no = (why: string) => ({ stands: true, sentence: kept('not_by', { channel, why }) })
  if (known.used.includes(channel)) return no(kept('used_before'))
  if (!known.words.includes(channel)) return no(kept('no_words'))
  if (!known.reachable) return no(kept('no_address'))
  if (!known.permission?.allowed)
    return no(kept('not_permitted', { because: known.permission?.because ?? 'never_asked' }))
  if (known.verdict && !known.verdict.go)
    return no(known.verdict.checks.find((check) => !check.ok)?.fact ?? known.verdict.because)
  return {
    stands: false,
    sentence: kept('by', { channel, basis: known.permission.basis }),
  }
}

function planSend(
  walk: Walk,
  graph: Graph,
  node: NodeOf<'send'>,
  run: Run,
  channel: Channel,
  reasons: string[],
  zone: string | null,
): void {
  // The key names the effect, not the attempt: the same step for the same occurrence can only ever give this message.
  const id = derivedId('message', run.journey, node.id, String(run.moves), run.person, channel, run.occurrence)
  walk.planned.push({
    id,
    key: id.replaceAll('-', ''),
    person: run.person,
    channel,
    purpose: run.purpose,
    concept: node.concept,
    journey: run.journey,
    run: run.id,
    step: node.id,
    experiment: null,
    occurrence: run.occurrence,
    reasons,
    data: { cause: run.cause },
    notBefore: allowedAt(walk.policy, channel, zone, walk.now),
    expiresAt: new Date(walk.now.getTime() + node.validHours * 3_600_000),
  })
  run.used = [...run.used, channel]
  run.base = walk.now
  move(walk, graph, run, node, { decision: `planned by ${channel}`, next: node.next, reasons, message: id })
}

type Move = { decision: string; next: string | null; reasons: string[]; message?: string }

/** Writes the step down and puts the run on the next node; a wait there makes it rest until its time. */
function move(walk: Walk, graph: Graph, run: Run, node: Node, made: Move): void {
  walk.steps.push({
    run: run.id,
    seq: run.moves,
    journey: run.journey,
    version: run.version,
    node: node.id,
    kind: node.kind,
    decision: made.decision,
    label: labelOf(node),
    next: made.next,
    reasons: made.reasons,
    message: made.message ?? null,
  })
  run.moves++
  run.because = made.reasons.at(-1) ?? made.decision
  const next = made.next === null ? undefined : nodeOf(graph, made.next)
  if (!next) {
    run.state = 'done'
    return
  }
  run.node = next.id
  if (next.kind !== 'wait') return
  run.due = new Date(run.base.getTime() + next.minutes * 60_000)
  run.rests = run.due > walk.now
}

async function save(walk: Walk, runs: Run[]): Promise<void> {
  const { tx } = walk
  await tx.run`update decision.run set node = moved.node, base = moved.base, due = moved.due, moves = moved.moves,
      used = array(select jsonb_array_elements_text(moved.used)), state = moved.state, because = moved.because,
      ended_at = case when moved.state = 'done' then platform.now() end
    from jsonb_to_recordset(${tx.json(runs.map(savedRun))}) as moved (id uuid, node text, base timestamptz,
      due timestamptz, moves integer, used jsonb, state text, because text)
    where run.id = moved.id`
  await tx.run`insert into decision.step
      (run, seq, at, journey, version, node, kind, decision, label, next, reasons, message)
    select run, seq, platform.now(), journey, version, node, kind, decision, label, next,
      array(select jsonb_array_elements_text(reasons)), message
    from jsonb_to_recordset(${tx.json(walk.steps)}) as step (run uuid, seq integer, journey uuid, version integer,
      node text, kind text, decision text, label text, next text, reasons jsonb, message uuid)`
  if (walk.planned.length > 0) await walk.needs.plan(tx, walk.planned)
}

function savedRun(run: Run) {
  const over = run.state === 'done'
  return {
    id: run.id,
    node: over ? null : run.node,
    base: run.base,
    due: over ? null : run.due,
    moves: run.moves,
    used: run.used,
    state: run.state,
    because: run.because,
  }
}
