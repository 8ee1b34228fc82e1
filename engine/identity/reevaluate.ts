import type { AppliedBatch, PersonId } from '@einklang/contract'
import { type Clock, type Database, recordset, type Secrets } from '@einklang/platform'
import { type Evidence, evidenceUnder, type Heard, heardIn } from './evidence.ts'
import {
  emptyGraph,
  type Graph,
  type Key,
  keyOf,
  livingId,
  type Node,
  type Person,
  type Rules,
  resolveEvent,
  tenureAt,
} from './graph.ts'
import { saidByRun, writeLevels } from './level.ts'
import {
  addDecisions,
  decisionsAbout,
  type NodeRow,
  nodeOf,
  nodeRow,
  nodesNamed,
  nodesOwned,
  personRow,
  rulesFor,
  saveAtoms,
  saveConflicts,
  saveNodes,
  savePersons,
  saveRefusals,
} from './store.ts'

export type Needs = { clock: Clock; secrets: Secrets; country: string }

/** More people than this hang together only where something is wrong; they are left for a person to look at. */
export const mostTogether = 2_000

/** People whose decisions depend on each other, with all that was ever heard of them. */
export type Scope = {
  persons: PersonId[]
  /** Every id under which something of them is stored, and whom it stands for now. */
  ids: Map<PersonId, PersonId>
  evidence: Evidence[]
  nodes: Map<string, Node>
}

/**
 * The people themselves, those whom the gate kept from them, and the owners of every identifier that was named
 * together with theirs. Null when more hang together than can be decided at once.
 */
export async function scopeOf(tx: Database, seeds: PersonId[]): Promise<Scope | null> {
  const scope: Scope = { persons: [], ids: new Map(), evidence: [], nodes: new Map() }
  let next = await livingOf(tx, seeds)
  const known = new Set<PersonId>()
  while (next.length > 0) {
    for (const person of next) known.add(person)
    if (known.size > mostTogether) return null
    const aliases = await tx.rows<{ id: PersonId; person: PersonId }>`
      select alias.id, asked.person from unnest(${next}::uuid[]) as asked(person)
      cross join lateral unnest(identity.aliases(asked.person)) as alias(id)`
    const fresh = aliases.filter(({ id }) => !scope.ids.has(id))
    for (const { id, person } of fresh) scope.ids.set(id, person)
    const ids = fresh.map(({ id }) => id)
    const evidence = await evidenceUnder(tx, ids)
    for (const row of evidence) scope.evidence.push(row)
    const partners = await tx.rows<{ id: PersonId }>`
      select other as id from identity.refusal where one = any(${ids}::uuid[])
      union select one from identity.refusal where other = any(${ids}::uuid[])`
    const owners = new Set<PersonId>(partners.map(({ id }) => id))
    const know = (row: NodeRow) => {
      const node = nodeOf(row)
      scope.nodes.set(keyOf(node), node)
      if (node.person) owners.add(node.person)
      for (const tenure of node.earlier) owners.add(tenure.person)
    }
    for (const row of await nodesOwned(tx, next)) know(row)
    const keys = new Map<string, Key>()
    for (const row of evidence)
      for (const text of row.identifiers) {
        const [namespace = '', value = ''] = text.split('\u001f')
        const key = keyOf({ namespace, value })
        if (namespace !== 'person' && !scope.nodes.has(key)) keys.set(key, { namespace, value })
      }
    if (keys.size > 0) for (const row of await nodesNamed(tx, [...keys.values()])) know(row)
    next = (await livingOf(tx, [...owners])).filter((person) => !known.has(person))
  }
  scope.persons = [...known]
  return scope
}

async function livingOf(tx: Database, ids: PersonId[]): Promise<PersonId[]> {
  if (ids.length === 0) return []
  const rows = await tx.rows<{ person: PersonId }>`
    select distinct identity.current(id) as person from unnest(${ids}::uuid[]) as asked(id)
    where not exists (select from identity.person where person.id = asked.id and state = 'erased')`
  return rows.map(({ person }) => person)
}

/** What the house decided; counts as in force from the beginning. */
export type Decided = {
  negatives: Parameters<typeof addDecisions>[1]
  together: Parameters<typeof addDecisions>[2]
  /** Identifiers blocked, registered as a store's device, set aside by hand or released. */
  marked: Node[]
}

export type Replayed = {
  graph: Graph
  /** Whose each event was. */
  heard: { heard: Heard; stored: PersonId | null }[]
}

/** All events of the scope again, in canonical order, from nothing. A value that turns out to be shared starts it over. */
export function replay(rules: Rules, heard: Heard[], decided: Decided): Replayed {
  const hot = new Map<string, { node: Node; since: number; conflict: Graph['conflicts'] }>()
  for (;;) {
    const graph = emptyGraph()
    addDecisions(graph, decided.negatives, decided.together)
    for (const node of decided.marked) graph.nodes.set(keyOf(node), blank(node, node.sharedSince))
    for (const [key, { node, since }] of hot) {
      const marked = graph.nodes.get(key) ?? blank(node, since)
      Object.assign(marked, { status: 'shared', sharedSince: Math.min(since, marked.sharedSince ?? since) })
      graph.nodes.set(key, marked)
    }
    const placed = heard.map((one) => {
      one.event.flags = []
      const resolved = resolveEvent(graph, rules, one.event, one.named, one.facts)
      return { heard: one, stored: resolved?.stored ?? null }
    })
    let more = false
    for (const node of graph.nodes.values()) {
      const key = keyOf(node)
      if (node.status !== 'shared' || node.sharedSince === null || hot.has(key)) continue
      const conflict = graph.conflicts.get(`hot ${key}`)
      if (!conflict) continue
      hot.set(key, { node, since: node.sharedSince, conflict: new Map([[`hot ${key}`, conflict]]) })
      more = true
    }
    if (more) continue
    for (const { conflict } of hot.values()) for (const [key, one] of conflict) graph.conflicts.set(key, one)
    return { graph, heard: placed }
  }
}

/** An identifier of which only what the house decided about it is known. */
function blank(node: Node, sharedSince: number | null): Node {
  return {
    ...node,
    person: null,
    firstPerson: null,
    fresh: false,
    with: null,
    earlier: [],
    shown: [],
    atom: null,
    epoch: null,
    status: node.status === 'blocked' ? 'blocked' : sharedSince !== null || node.storeDevice ? 'shared' : 'active',
    sharedSince,
    dirty: false,
  }
}

/** How the people of a scope would stand by the evidence, beside how they stand. */
export type Outcome = {
  scope: Scope
  graph: Graph
  /** Whom each stored id stands for, by the evidence. */
  target: Map<PersonId, PersonId>
  /** The same without the joins of runs; null where no run joined anybody here. */
  sure: Map<PersonId, PersonId> | null
  /** Each person of the replay and the id it gets. */
  named: Map<PersonId, PersonId>
  /** Ids whose person changes. */
  moved: { id: PersonId; from: PersonId; to: PersonId }[]
}

/** Decides the people anew in memory; nothing is written. */
export async function decideAgain(
  needs: Needs,
  tx: Database,
  scope: Scope,
  extra: {
    blocked?: Key[]
    negatives?: Decided['negatives']
    together?: Decided['together']
    /** Declared, and to be taken back. */
    forget?: Decided['together']
  } = {},
): Promise<Outcome> {
  const keys = [...scope.nodes.values()]
  const [rules, decisions, rows] = await Promise.all([
    rulesFor(needs, tx, needs.country, keys),
    decisionsAbout(tx, keys),
    tx.rows<AtomRow>`
      select id, state, anchor_namespace as namespace, anchor_value as value, anchor_since as since,
        first_seen_at as "firstSeenAt"
      from identity.person where id = any(${[...scope.ids.keys()]}::uuid[])`,
  ])
  const refused = new Set((extra.blocked ?? []).map(keyOf))
  const pairOf = ({ one, oneValue, other, otherValue }: Decided['together'][number]) =>
    JSON.stringify([one, oneValue, other, otherValue])
  const forgotten = new Set((extra.forget ?? []).map(pairOf))
  const marked = keys.filter(
    (node) =>
      node.status === 'blocked' ||
      node.storeDevice ||
      node.marked !== null ||
      node.sharedUntil !== null ||
      refused.has(keyOf(node)),
  )
  const decided: Decided = {
    negatives: [...decisions.negatives, ...(extra.negatives ?? [])],
    together: [...decisions.together.filter((row) => !forgotten.has(pairOf(row))), ...(extra.together ?? [])],
    marked: marked.map((node) => (refused.has(keyOf(node)) ? { ...node, status: 'blocked' } : node)),
  }
  const again = (given: Decided) => replay(rules, heardIn(scope.evidence, needs.country, rules.blocked), given).graph
  const graph = again(decided)
  const said = decided.together.filter(({ reason }) => !saidByRun(reason))
  const surely = said.length === decided.together.length ? null : again({ ...decided, together: said })
  return { scope, graph, ...placed(scope, graph, rows), sure: surely && placed(scope, surely, rows).target }
}

type AtomRow = {
  id: PersonId
  state: string
  namespace: string | null
  value: string | null
  since: Date | null
  firstSeenAt: Date
}

/**
 * Finds each stored id its person: the owner of its anchor in its time. A person keeps an id that lives now, so that
 * ids stay; the one that the evidence gives comes first.
 */
function placed(scope: Scope, graph: Graph, rows: AtomRow[]): Pick<Outcome, 'target' | 'named' | 'moved'> {
  const owner = new Map<PersonId, PersonId | null>()
  for (const row of rows) owner.set(row.id, ownerOf(graph, scope, row))
  const candidates = Map.groupBy(
    rows.filter((row) => scope.ids.get(row.id) === row.id && owner.get(row.id)),
    (row) => owner.get(row.id) as PersonId,
  )
  const named = new Map<PersonId, PersonId>()
  for (const person of graph.persons.values()) {
    if (person.state !== 'active') continue
    const living = candidates.get(person.id) ?? []
    const oldest = living.toSorted(
      (one, other) => one.firstSeenAt.getTime() - other.firstSeenAt.getTime() || (one.id < other.id ? -1 : 1),
    )[0]
    named.set(person.id, living.some((row) => row.id === person.id) || !oldest ? person.id : oldest.id)
  }
  const target = new Map<PersonId, PersonId>()
  for (const row of rows) {
    const person = owner.get(row.id)
    target.set(row.id, person ? (named.get(person) ?? row.id) : row.id)
  }
  const moved = [...scope.ids].flatMap(([id, from]) => {
    const to = target.get(id) ?? id
    return to === from ? [] : [{ id, from, to }]
  })
  return { target, named, moved }
}

function ownerOf(graph: Graph, scope: Scope, row: AtomRow): PersonId | null {
  const active = (id: PersonId) => {
    const person = graph.persons.get(livingId(graph, id))
    return person && person.state === 'active' ? person.id : null
  }
  if (row.namespace !== null && row.value !== null) {
    const node = graph.nodes.get(keyOf({ namespace: row.namespace, value: row.value }))
    if (!node) return null
    const tenure =
      row.since === null ? (node.earlier[0] ?? tenureAt(node, node.since)) : tenureAt(node, row.since.getTime())
    return tenure && active(tenure.person)
  }
  // From before anchors were kept: with the identifiers that began there.
  for (const node of scope.nodes.values()) {
    if (node.firstPerson !== row.id) continue
    const now = graph.nodes.get(keyOf(node))
    if (now?.person) return active(now.person)
  }
  return graph.persons.has(livingId(graph, row.id)) ? active(row.id) : null
}

/** Writes an outcome: identifiers, people, mapping, refusals and conflicts. Returns what later stages have to follow. */
export async function writeOutcome(
  needs: Needs,
  tx: Database,
  outcome: Outcome,
  entry: { kind: 'reevaluate' | 'unmerge' | 'split' | 'merge'; cause: string; actor: string },
): Promise<AppliedBatch> {
  const { scope, graph, target, moved } = outcome
  const now = needs.clock.now().toISOString()
  const nameOf = (id: PersonId): PersonId => {
    const living = livingId(graph, id)
    return outcome.named.get(living) ?? target.get(living) ?? living
  }
  const changedNodes = writtenNodes(outcome, nameOf)
  await saveNodes(tx, changedNodes.map(nodeRow))
  await writePeople(tx, outcome, nameOf)
  await writeMapping(tx, outcome)
  // Somebody who keeps another id than the evidence gives: events are stored under the given one as well.
  const renamed = [...graph.persons.values()].flatMap(({ id, anchor }) =>
    anchor !== null && nameOf(id) !== id ? [[id, { person: id, ...anchor }] as const] : [],
  )
  const strange = new Map([...renamed, ...graph.atoms].filter(([id]) => !scope.ids.has(id)))
  if (strange.size > 0) {
    const living = new Map([...strange].map(([, atom]) => [atom.person, nameOf(atom.person)] as const))
    await saveAtoms(tx, { atoms: strange, living: new Map([...living].filter(([from, to]) => from !== to)) })
  }
  await writeLevels(tx, outcome)
  await writeRefusals(tx, outcome, nameOf)
  await writeLog(tx, outcome, entry, now, nameOf)
  const touched = new Set<PersonId>()
  for (const { from, to } of moved) touched.add(from).add(to)
  for (const node of changedNodes) if (node.person) touched.add(node.person)
  const merges = moved
    .filter(({ id, from, to }) => id === from && to !== id && target.get(id) !== id)
    .map(({ id, to }) => ({ winner: to, loser: id, at: now }))
  const gone = new Set(merges.map((merge) => merge.loser))
  return { events: [], merges, touched: [...touched].filter((person) => !gone.has(person)) }
}

/** Identifiers that stand differently than before, as rows to be written. */
function writtenNodes(outcome: Outcome, nameOf: (id: PersonId) => PersonId): Node[] {
  const { scope, graph } = outcome
  const written: Node[] = []
  for (const [key, before] of scope.nodes) {
    const now = graph.nodes.get(key)
    const node: Node = now
      ? {
          ...now,
          person: now.person === null ? null : nameOf(now.person),
          earlier: now.earlier.map((one) => ({ ...one, person: nameOf(one.person) })),
          // Not every time is evidence; when it was seen is known better already.
          firstSeenAt: Math.min(before.firstSeenAt, now.firstSeenAt),
          lastSeenAt: Math.max(before.lastSeenAt, now.lastSeenAt),
          firstPerson: now.firstPerson ?? before.firstPerson,
        }
      : { ...before, person: null, status: before.status === 'active' ? 'released' : before.status }
    if (JSON.stringify(comparable(node)) !== JSON.stringify(comparable(before))) written.push(node)
  }
  for (const [key, now] of graph.nodes) {
    if (scope.nodes.has(key) || now.person === null) continue
    written.push({
      ...now,
      person: nameOf(now.person),
      earlier: now.earlier.map((one) => ({ ...one, person: nameOf(one.person) })),
    })
  }
  return written
}

function comparable(node: Node): unknown[] {
  return [
    node.person,
    node.trust,
    node.status,
    node.firstSeenAt,
    node.lastSeenAt,
    node.event,
    node.with,
    node.since,
    node.epoch,
    node.atom,
    node.earlier,
    node.sharedSince,
    node.sharedUntil,
  ]
}

async function writePeople(tx: Database, outcome: Outcome, nameOf: (id: PersonId) => PersonId): Promise<void> {
  const { scope, graph, target, named } = outcome
  const rows = new Map<PersonId, ReturnType<typeof personRow>>()
  const byName = new Map([...named].map(([from, to]) => [to, graph.persons.get(from) as Person]))
  const ids = new Set([...scope.ids.keys(), ...byName.keys()])
  for (const id of ids) {
    const person = byName.get(id)
    if (person) {
      const anchor = graph.persons.get(id)?.anchor ?? (person.id === id ? person.anchor : null)
      rows.set(id, { ...personRow({ ...person, id, anchor }), state: 'active' })
    }
  }
  await savePersons(tx, [...rows.values()])
  const merged = [...scope.ids.keys()].filter((id) => (target.get(id) ?? id) !== id)
  const alone = [...scope.ids.keys()].filter((id) => (target.get(id) ?? id) === id && !byName.has(id))
  await tx.run`
    update identity.person set state = 'merged' where id = any(${merged}::uuid[]) and state = 'active'`
  // Nothing tells of them any more but the events stored there.
  await tx.run`
    update identity.person set state = 'active', first_names = '{}', last_names = '{}', birthdays = '{}', known_members = 1
    where id = any(${alone}::uuid[]) and state <> 'erased'`
  void nameOf
}

async function writeMapping(tx: Database, outcome: Outcome): Promise<void> {
  const apart = outcome.moved.filter(({ id, to }) => id === to).map(({ id }) => id)
  const joined = outcome.moved.filter(({ id, to }) => id !== to)
  if (apart.length > 0)
    await tx.run`
      update identity.merged set undone = true, sure = null, synced = false, version = nextval('identity.merged_version')
      where loser = any(${apart}::uuid[]) and not undone`
  if (joined.length > 0)
    await tx.run`
      insert into identity.merged (loser, winner)
      select id, "to" from ${recordset(tx, joined, { id: 'uuid', to: 'uuid' })} as row
      on conflict (loser) do update set winner = excluded.winner, log = null, undone = false, synced = false,
        version = nextval('identity.merged_version')`
}

async function writeRefusals(tx: Database, outcome: Outcome, nameOf: (id: PersonId) => PersonId): Promise<void> {
  const { scope, graph } = outcome
  const ids = [...scope.ids.keys()]
  await tx.run`delete from identity.refusal where one = any(${ids}::uuid[]) or other = any(${ids}::uuid[])`
  const pair = <One extends { one: PersonId | null; other: PersonId | null }>(row: One): One => {
    const [one, other] = [row.one && nameOf(row.one), row.other && nameOf(row.other)]
    return one && other && other < one ? { ...row, one: other, other: one } : { ...row, one, other }
  }
  const refusals = new Map(
    [...graph.refusals.values()]
      .map(pair)
      .filter((row) => row.one !== row.other || row.code === 'limit' || row.code === 'unique_conflict')
      .map((row) => [`${row.one} ${row.other} ${row.code}`, row]),
  )
  if (refusals.size > 0) await saveRefusals(tx, [...refusals.values()])
  const conflicts = new Map(
    [...graph.conflicts.values()]
      .map(pair)
      .filter((row) => row.one === null || row.one !== row.other)
      .map((row) => [row.kind === 'hot_value' ? keyOf(row.via) : `${row.one} ${row.other} ${row.code}`, row]),
  )
  const kept = [...conflicts.values()].filter((row) => row.kind === 'conflict')
  await tx.run`
    delete from identity.review_item as item where kind = 'conflict' and answer is null
      and one = any(${ids}::uuid[]) and (other is null or other = any(${ids}::uuid[]))
      and not exists (select from jsonb_to_recordset(${tx.json(kept.map(({ one, other, code }) => ({ one, other, code })))})
        as row(one uuid, other uuid, code text)
        where row.one = item.one and row.other is not distinct from item.other and row.code = item.code)`
  if (conflicts.size > 0) await saveConflicts(tx, [...conflicts.values()])
}

/** Joins that do not hold any more are noted as undone, new ones get their entry, so that each can be undone again. */
async function writeLog(
  tx: Database,
  outcome: Outcome,
  entry: { kind: string; cause: string; actor: string },
  now: string,
  nameOf: (id: PersonId) => PersonId,
): Promise<void> {
  const { scope, graph, target, moved } = outcome
  const ids = [...scope.ids.keys()]
  const standing = await tx.rows<{ id: string; winner: PersonId; loser: PersonId }>`
    select id, winner, loser from identity.log
    where kind = 'merge' and undone_at is null and loser = any(${ids}::uuid[])`
  const over = standing.filter(({ winner, loser }) => (target.get(winner) ?? winner) !== (target.get(loser) ?? loser))
  if (over.length > 0)
    await tx.run`update identity.log set undone_at = ${now} where id = any(${over.map(({ id }) => id)}::uuid[])`
  const still = new Set(standing.filter((row) => !over.includes(row)).map(({ loser }) => loser))
  const base = await tx.row<{ seq: number }>`select nextval('identity.log_seq') as seq`
  let step = 0
  const seq = () => (base?.seq ?? 0) * 1_000_000 + ++step
  const merges = graph.log
    .filter((row) => row.kind === 'merge' && row.loser !== null && !still.has(row.loser))
    .map((row) => ({ ...row, loser: row.loser as PersonId }))
    .filter((row) => nameOf(row.loser) !== row.loser)
    .map((row) => ({
      seq: seq(),
      kind: 'merge',
      event_at: new Date(row.eventAt).toISOString(),
      winner: nameOf(row.winner),
      loser: row.loser,
      via_namespace: row.via?.namespace ?? null,
      via_value: row.via?.value ?? null,
      with_namespace: row.with?.namespace ?? null,
      with_value: row.with?.value ?? null,
      cause: row.cause,
      event: row.event === '' ? null : row.event,
      source: row.source === '' ? null : row.source,
      before: row.before,
    }))
  const changes =
    entry.kind === 'reevaluate'
      ? moved
          .filter(({ from, to }) => from !== to)
          .slice(0, 200)
          .map(({ id, from, to }) => ({
            seq: seq(),
            kind: 'reevaluate',
            event_at: now,
            winner: to,
            loser: id,
            via_namespace: null,
            via_value: null,
            with_namespace: null,
            with_value: null,
            cause: entry.cause,
            event: null,
            source: null,
            before: { from },
          }))
      : []
  const rows = [...merges, ...changes]
  if (rows.length === 0) return
  await tx.run`
    insert into identity.log (id, seq, kind, at, event_at, winner, loser, via_namespace, via_value, with_namespace,
      with_value, cause, event, source, actor, before)
    select gen_random_uuid(), seq, kind, ${now}, event_at, winner, loser, via_namespace, via_value, with_namespace,
      with_value, cause, event, source, ${entry.actor}, before
    from jsonb_to_recordset(${tx.json(rows)}) as row(seq bigint, kind text, event_at timestamptz,
      winner uuid, loser uuid, via_namespace text, via_value text, with_namespace text, with_value text, cause text,
      event uuid, source uuid, before jsonb)`
}
