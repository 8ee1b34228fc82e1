import { idFromBytes, type NormalEvent, type PersonId } from '@einklang/contract'
import { type Clock, type Columns, type Database, recordset, type Secrets } from '@einklang/platform'
import { emptyGraph, type Graph, keyOf, type Node, type Person, pairKey, type Rules } from './graph.ts'
import type { Named } from './normalise.ts'

// Any constant does; every process takes the same one.
const identityLock = 731_406_301

/** One at a time: resolving, merging by hand and undoing see a graph that stands still. */
export async function lockGraph(tx: Database): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(${identityLock})`
}

type NodeRow = Omit<Node, 'firstSeenAt' | 'lastSeenAt' | 'since' | 'usesSince' | 'earlier' | 'with' | 'dirty'> & {
  firstSeenAt: Date
  lastSeenAt: Date
  since: Date
  usesSince: Date | null
  earlier: { since: string; person: PersonId }[]
  withNamespace: string | null
  withValue: string | null
}

function nodeOf(row: NodeRow): Node {
  const { withNamespace, withValue, ...rest } = row
  return {
    ...rest,
    firstSeenAt: row.firstSeenAt.getTime(),
    lastSeenAt: row.lastSeenAt.getTime(),
    since: row.since.getTime(),
    usesSince: row.usesSince?.getTime() ?? null,
    earlier: row.earlier.map((one) => ({ since: Date.parse(one.since), person: one.person })),
    with: withNamespace !== null && withValue !== null ? { namespace: withNamespace, value: withValue } : null,
    dirty: false,
  }
}

/** Identifiers by (namespace, value). `offset 0`: one look into the index each, never a hash of the whole table. */
function nodesNamed(tx: Database, wanted: { namespace: string; value: string }[]): Promise<NodeRow[]> {
  const namespaces = wanted.map((one) => one.namespace)
  const values = wanted.map((one) => one.value)
  return tx.rows<NodeRow>`
    select i.namespace, i.value, person, trust, status, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt",
      source, event, with_namespace as "withNamespace", with_value as "withValue", first_person as "firstPerson",
      attached_log as "attachedLog", since, earlier, uses, uses_since as "usesSince"
    from unnest(${namespaces}::text[], ${values}::text[]) as wanted(namespace, value)
    cross join lateral (select * from identity.identifier
      where identifier.namespace = wanted.namespace and identifier.value = wanted.value offset 0) as i`
}

function nodesOwned(tx: Database, persons: PersonId[]): Promise<NodeRow[]> {
  return tx.rows<NodeRow>`
    select namespace, value, person, trust, status, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt",
      source, event, with_namespace as "withNamespace", with_value as "withValue", first_person as "firstPerson",
      attached_log as "attachedLog", since, earlier, uses, uses_since as "usesSince"
    from unnest(${persons}::uuid[]) as asked(owner)
    cross join lateral (select * from identity.identifier where identifier.person = asked.owner offset 0) as owned`
}

type PersonRow = Omit<Person, 'firstSeenAt' | 'nodes' | 'dirty'> & { firstSeenAt: Date }

/** Loads what resolving the events may need: their identifiers, the owners, and where it matters all of the owners'. */
export async function loadGraph(tx: Database, events: { event: NormalEvent; named: Named[] }[]): Promise<Graph> {
  const graph = emptyGraph()
  const wanted = new Map<string, Named>()
  const pins = new Set<PersonId>()
  for (const { event, named } of events) {
    for (const one of named) wanted.set(keyOf(one), one)
    for (const one of event.identifiers) if (one.namespace === 'person') pins.add(one.value as PersonId)
  }
  if (wanted.size > 0) {
    for (const row of await nodesNamed(tx, [...wanted.values()])) addNode(graph, nodeOf(row))
  }
  const owners = new Set<PersonId>(pins)
  for (const node of graph.nodes.values()) {
    if (node.person) owners.add(node.person)
    if (node.namespace === 'anonymous_id' || node.namespace === 'push_token' || node.namespace === 'click_id') {
      for (const epoch of node.earlier) owners.add(epoch.person)
    }
  }
  await loadPersons(tx, graph, [...owners], () => deciding(graph, events))
  return graph
}

/** Loads people by id with all their identifiers: for decisions by hand. */
export async function loadPeople(tx: Database, ids: PersonId[]): Promise<Graph> {
  const graph = emptyGraph()
  await loadPersons(tx, graph, ids, () => [...graph.persons.keys()])
  return graph
}

async function loadPersons(tx: Database, graph: Graph, ids: PersonId[], needed: () => PersonId[]): Promise<void> {
  if (ids.length === 0) return
  const rows = await tx.rows<PersonRow & { asked: PersonId }>`
    select asked.id as asked, person.id, person.state, person.first_seen_at as "firstSeenAt",
      person.first_names as "firstNames", person.last_names as "lastNames", person.birthdays::text[] as birthdays,
      person.merged_on as "mergedOn", person.merges_that_day as "mergesThatDay", person.known_members as "knownMembers"
    from unnest(${ids}::uuid[]) as asked(id)
    left join identity.merged as merged on merged.loser = asked.id and not merged.undone
    join identity.person as person on person.id = coalesce(merged.winner, asked.id)`
  for (const { asked, ...row } of rows) {
    if (asked !== row.id) graph.living.set(asked, row.id)
    if (graph.persons.has(row.id)) continue
    const person: Person = { ...row, firstSeenAt: row.firstSeenAt.getTime(), nodes: new Set(), dirty: false }
    graph.persons.set(row.id, person)
  }
  for (const node of graph.nodes.values()) {
    if (node.person) graph.persons.get(node.person)?.nodes.add(node)
  }
  const deciders = needed()
  if (deciders.length === 0) return
  for (const row of await nodesOwned(tx, deciders)) {
    if (!graph.nodes.has(keyOf(row))) addNode(graph, nodeOf(row))
  }
  const mapped = await tx.rows<{ loser: PersonId; winner: PersonId }>`
    select loser, winner from identity.merged where winner = any(${deciders}::uuid[]) and not undone`
  for (const { loser, winner } of mapped) {
    graph.living.set(loser, winner)
    const losers = graph.mapped.get(winner) ?? new Set()
    graph.mapped.set(winner, losers.add(loser))
  }
  await loadDecisions(tx, graph, deciders)
}

/** What people of the house have decided about them: never one, or one in spite of the rule. */
async function loadDecisions(tx: Database, graph: Graph, persons: PersonId[]): Promise<void> {
  const negatives = await tx.rows<{ one: string; oneValue: string; other: string; otherValue: string }>`
    select one_namespace as one, one_value as "oneValue", other_namespace as other, other_value as "otherValue"
    from identity.negative
    where exists (select from identity.identifier where person = any(${persons}::uuid[])
        and namespace = one_namespace and value = one_value)
      or exists (select from identity.identifier where person = any(${persons}::uuid[])
        and namespace = other_namespace and value = other_value)`
  for (const row of negatives) {
    graph.negatives.add(
      pairKey(
        keyOf({ namespace: row.one, value: row.oneValue }),
        keyOf({ namespace: row.other, value: row.otherValue }),
      ),
    )
  }
  const exceptions = await tx.rows<{ one: PersonId; other: PersonId }>`
    select one, other from identity.exception where one = any(${persons}::uuid[]) or other = any(${persons}::uuid[])`
  for (const { one, other } of exceptions) graph.exceptions.add(pairKey(one, other))
}

function addNode(graph: Graph, node: Node): void {
  graph.nodes.set(keyOf(node), node)
  if (node.person) graph.persons.get(node.person)?.nodes.add(node)
}

/**
 * People about whom something may be decided: owners in events that name several people, or bring something new.
 * Most events name one known person and decide nothing; their owners' other identifiers are not read.
 */
function deciding(graph: Graph, events: { event: NormalEvent; named: Named[] }[]): PersonId[] {
  const found = new Set<PersonId>()
  const livingOf = (id: PersonId) => graph.living.get(id) ?? id
  for (const { event, named } of events) {
    const owners = new Set<PersonId>()
    let open = false
    for (const one of event.identifiers) if (one.namespace === 'person') owners.add(livingOf(one.value as PersonId))
    for (const one of named) {
      const node = graph.nodes.get(keyOf(one))
      if (!node || node.person === null) open = true
      else {
        owners.add(livingOf(node.person))
        if (one.class === 'device') {
          // An expiry depends on whether the owner is known.
          open ||= Date.parse(event.at) - node.lastSeenAt > 29 * 86_400_000
          for (const epoch of node.earlier) owners.add(livingOf(epoch.person))
        }
        if (node.trust !== one.trust) open = true
      }
    }
    if (open || owners.size > 1) for (const owner of owners) found.add(owner)
  }
  return [...found]
}

/**
 * Reports of senders name a customer number without saying whose numbers these are. Where exactly one person has it,
 * under whatever issuer, it is theirs; else it names nobody.
 */
export async function findIssuers(tx: Database, events: { event: NormalEvent; named: Named[] }[]): Promise<void> {
  const bare = events.flatMap(({ named }) => named.filter((one) => one.namespace === 'customer_no'))
  if (bare.length === 0) return
  const values = [...new Set(bare.map((one) => one.value))]
  const rows = await tx.rows<{ value: string; namespace: string; people: number }>`
    select wanted.value, min(namespace) as namespace, count(distinct person)::int as people
    from unnest(${values}::text[]) as wanted(value)
    cross join lateral (select namespace, person from identity.identifier where identifier.value = wanted.value
      and person is not null and (namespace like 'customer_no.%' or namespace = 'user_id') offset 0) as found
    group by wanted.value`
  const issuers = new Map(rows.filter((row) => row.people === 1).map((row) => [row.value, row.namespace]))
  for (const one of events) {
    const known = (named: Named) => named.namespace !== 'customer_no' || issuers.has(named.value)
    if (one.named.every(known) && !one.named.some((named) => named.namespace === 'customer_no')) continue
    if (!one.named.every(known)) one.event.flags.push('unknown_customer_no')
    one.named = one.named
      .filter(known)
      .map((named) =>
        named.namespace === 'customer_no' ? { ...named, namespace: issuers.get(named.value) ?? '' } : named,
      )
  }
}

/** Rules that need a secret, the clock or the database. */
export async function rulesFor(
  needs: { secrets: Secrets; clock: Clock },
  tx: Database,
  country: string,
  named: { namespace: string; value: string }[],
): Promise<Rules> {
  const base = await tx.row<{ seq: number; erased: boolean }>`
    select nextval('identity.log_seq') as seq, exists (select from identity.erased) as erased`
  const generations = base?.erased ? await erasedOnes(needs.secrets, tx, named) : new Map<string, number>()
  let step = 0
  return {
    country,
    idFor: (text) => idFromBytes('person', Buffer.from(needs.secrets.sign('identity.person', text), 'base64url')),
    generation: (namespace, value) => generations.get(keyOf({ namespace, value })) ?? 0,
    // Room for a million steps inside one batch; still far inside exact integers.
    nextSeq: () => (base?.seq ?? 0) * 1_000_000 + ++step,
  }
}

export function erasureHash(secrets: Secrets, identifier: { namespace: string; value: string }): string {
  return secrets.sign('identity.erased', keyOf(identifier))
}

async function erasedOnes(
  secrets: Secrets,
  tx: Database,
  named: { namespace: string; value: string }[],
): Promise<Map<string, number>> {
  const byHash = new Map(named.map((one) => [erasureHash(secrets, one), keyOf(one)]))
  const rows = await tx.rows<{ hash: string; generation: number }>`
    select hash, generation from identity.erased where hash = any(${[...byHash.keys()]})`
  return new Map(rows.map((row) => [byHash.get(row.hash) ?? '', row.generation]))
}

const personColumns: Columns = {
  id: 'uuid',
  state: 'text',
  first_seen_at: 'timestamptz',
  first_names: 'text[]',
  last_names: 'text[]',
  birthdays: 'date[]',
  merged_on: 'date',
  merges_that_day: 'integer',
  known_members: 'integer',
}
const nodeColumns: Columns = {
  namespace: 'text',
  value: 'text',
  person: 'uuid',
  trust: 'text',
  status: 'text',
  first_seen_at: 'timestamptz',
  last_seen_at: 'timestamptz',
  source: 'uuid',
  event: 'uuid',
  with_namespace: 'text',
  with_value: 'text',
  first_person: 'uuid',
  attached_log: 'bigint',
  since: 'timestamptz',
  earlier: 'jsonb',
  uses: 'integer',
  uses_since: 'timestamptz',
}

/** Writes everything that changed: one statement per table. */
export async function saveGraph(
  needs: { clock: Clock; secrets: Secrets },
  tx: Database,
  graph: Graph,
  actor: string,
): Promise<void> {
  const now = needs.clock.now().toISOString()
  const persons = [...graph.persons.values()].filter((person) => person.dirty)
  const nodes = [...graph.nodes.values()].filter((node) => node.dirty)
  const work: Promise<unknown>[] = []
  if (persons.length > 0) work.push(savePersons(tx, persons))
  if (nodes.length > 0) work.push(saveNodes(tx, nodes))
  if (graph.log.length > 0) work.push(saveLog(tx, graph, now, actor))
  if (graph.conflicts.size > 0) work.push(saveConflicts(tx, graph))
  if (graph.merges.length > 0) work.push(saveMerged(tx, graph))
  await Promise.all(work)
}

function savePersons(tx: Database, persons: Person[]): Promise<number> {
  const rows = persons.map((person) => ({
    id: person.id,
    state: person.state,
    first_seen_at: iso(person.firstSeenAt),
    first_names: person.firstNames,
    last_names: person.lastNames,
    birthdays: person.birthdays,
    merged_on: person.mergedOn,
    merges_that_day: person.mergesThatDay,
    known_members: person.knownMembers,
  }))
  return tx.run`
    insert into identity.person (id, state, first_seen_at, first_names, last_names, birthdays, merged_on, merges_that_day, known_members)
    select id, state, first_seen_at, first_names, last_names, birthdays, merged_on, merges_that_day, known_members
    from ${recordset(tx, rows, personColumns)} as row
    on conflict (id) do update set state = excluded.state, first_seen_at = excluded.first_seen_at,
      first_names = excluded.first_names, last_names = excluded.last_names, birthdays = excluded.birthdays,
      merged_on = excluded.merged_on, merges_that_day = excluded.merges_that_day, known_members = excluded.known_members`
}

function saveNodes(tx: Database, nodes: Node[]): Promise<number> {
  const rows = nodes.map((node) => ({
    namespace: node.namespace,
    value: node.value,
    person: node.person,
    trust: node.trust,
    status: node.status,
    first_seen_at: iso(node.firstSeenAt),
    last_seen_at: iso(node.lastSeenAt),
    source: node.source,
    event: node.event,
    with_namespace: node.with?.namespace ?? null,
    with_value: node.with?.value ?? null,
    first_person: node.firstPerson,
    attached_log: node.attachedLog,
    since: iso(node.since),
    earlier: node.earlier.map((one) => ({ since: iso(one.since), person: one.person })),
    uses: node.uses,
    uses_since: node.usesSince === null ? null : iso(node.usesSince),
  }))
  return tx.run`
    insert into identity.identifier (namespace, value, person, trust, status, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since, earlier, uses, uses_since)
    select namespace, value, person, trust, status, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since, earlier, uses, uses_since
    from ${recordset(tx, rows, nodeColumns)} as row
    on conflict (namespace, value) do update set person = excluded.person, trust = excluded.trust, status = excluded.status,
      first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, source = excluded.source,
      event = excluded.event, with_namespace = excluded.with_namespace, with_value = excluded.with_value,
      first_person = excluded.first_person, attached_log = excluded.attached_log, since = excluded.since,
      earlier = excluded.earlier, uses = excluded.uses, uses_since = excluded.uses_since`
}

function saveLog(tx: Database, graph: Graph, now: string, actor: string): Promise<number> {
  const rows = graph.log.map((entry) => ({
    seq: entry.seq,
    kind: entry.kind,
    at: now,
    event_at: iso(entry.eventAt),
    winner: entry.winner,
    loser: entry.loser,
    via_namespace: entry.via?.namespace ?? null,
    via_value: entry.via?.value ?? null,
    with_namespace: entry.with?.namespace ?? null,
    with_value: entry.with?.value ?? null,
    cause: entry.cause,
    event: entry.event === '' ? null : entry.event,
    source: entry.source === '' ? null : entry.source,
    before: entry.before,
  }))
  return tx.run`
    insert into identity.log (id, seq, kind, at, event_at, winner, loser, via_namespace, via_value, with_namespace,
      with_value, cause, event, source, actor, before)
    select gen_random_uuid(), seq, kind, at, event_at, winner, loser, via_namespace, via_value, with_namespace,
      with_value, cause, event, source, ${actor}, before
    from jsonb_to_recordset(${tx.json(rows)}) as row(seq bigint, kind text, at timestamptz, event_at timestamptz,
      winner uuid, loser uuid, via_namespace text, via_value text, with_namespace text, with_value text, cause text,
      event uuid, source uuid, before jsonb)`
}

/** The flattened mapping: every loser points at the person that lives now, also those merged into a loser before. */
async function saveMerged(tx: Database, graph: Graph): Promise<void> {
  const living = (id: PersonId): PersonId => {
    let now = id
    while (graph.living.has(now)) now = graph.living.get(now) as PersonId
    return now
  }
  const rows = graph.merges.map((merge) => ({ loser: merge.loser, winner: living(merge.winner), seq: merge.log }))
  await tx.run`
    update identity.merged as merged set winner = moved.winner, version = nextval('identity.merged_version'), synced = false
    from jsonb_to_recordset(${tx.json(rows)}) as moved(loser uuid, winner uuid)
    where merged.winner = moved.loser and not merged.undone`
  await tx.run`
    insert into identity.merged (loser, winner, log)
    select row.loser, row.winner, (select id from identity.log where seq = row.seq)
    from jsonb_to_recordset(${tx.json(rows)}) as row(loser uuid, winner uuid, seq bigint)
    on conflict (loser) do update set winner = excluded.winner, log = excluded.log, undone = false, synced = false,
      version = nextval('identity.merged_version')`
}

async function saveConflicts(tx: Database, graph: Graph): Promise<void> {
  const rows = [...graph.conflicts.values()].map((conflict) => ({
    kind: conflict.kind,
    code: conflict.code,
    one: conflict.one,
    other: conflict.other,
    via_namespace: conflict.via.namespace,
    via_value: conflict.via.value,
    times: conflict.times,
    first_at: iso(conflict.first),
    last_at: iso(conflict.at),
    evidence: conflict.evidence,
  }))
  const columns = tx.part`jsonb_to_recordset(${tx.json(rows)}) as row(kind text, code text, one uuid, other uuid,
    via_namespace text, via_value text, times integer, first_at timestamptz, last_at timestamptz, evidence jsonb)`
  await tx.run`
    insert into identity.review_item as review (id, kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence)
    select gen_random_uuid(), kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence
    from ${columns} where kind = 'conflict'
    on conflict (one, other, code) where kind = 'conflict' do update set times = review.times + excluded.times,
      first_at = least(review.first_at, excluded.first_at), last_at = greatest(review.last_at, excluded.last_at)`
  await tx.run`
    insert into identity.review_item as review (id, kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence)
    select gen_random_uuid(), kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence
    from ${columns} where kind = 'hot_value'
    on conflict (via_namespace, via_value) where kind = 'hot_value' do update set times = review.times + excluded.times,
      last_at = greatest(review.last_at, excluded.last_at)`
}

let lastInstant = Number.NaN
let lastText = ''

/** A new identifier carries the same instant four times, and formatting is most of the cost of a row. */
function iso(at: number): string {
  if (at === lastInstant) return lastText
  lastInstant = at
  lastText = new Date(at).toISOString()
  return lastText
}
