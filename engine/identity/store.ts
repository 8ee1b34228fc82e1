import { idFromBytes, type NormalEvent, type PersonId } from '@einklang/contract'
import { type Clock, type Columns, type Database, recordset, type Secrets } from '@einklang/platform'
import {
  type Conflict,
  emptyGraph,
  type Graph,
  keyOf,
  livingId,
  type Node,
  type Person,
  pairKey,
  type Refused,
  type Rules,
  strangerOf,
} from './graph.ts'
import type { Named } from './normalise.ts'
import { amongNumbers } from './number.ts'

// Any constant does; every process takes the same one.
const identityLock = 731_406_301

/** The number under which the graph was taken last, by a transaction that stands, and ours. */
export type Turn = { before: number; now: number }

/** One at a time: resolving, merging by hand and undoing see a graph that stands still. */
export async function lockGraph(tx: Database): Promise<Turn> {
  const [, turn] = await Promise.all([
    tx.run`select pg_advisory_xact_lock(${identityLock})`,
    tx.row<Turn>`
      with known as (select last from identity.turn)
      update identity.turn set last = nextval('identity.turn_seq') from known
      returning known.last as before, turn.last as now`,
  ])
  if (!turn) throw new Error('Invariant violated: identity.turn has one row')
  return turn
}

export type NodeRow = Omit<Node, 'earlier' | 'shown' | 'with' | 'fresh' | 'dirty'> & {
  earlier: { since: string; person: PersonId; epoch?: number | null; atom?: PersonId | null }[] | null
  shown: Node['shown'] | null
  withNamespace: string | null
  withValue: string | null
}

export function nodeOf(row: NodeRow): Node {
  const { withNamespace, withValue, earlier } = row
  return {
    namespace: row.namespace,
    value: row.value,
    person: row.person,
    trust: row.trust,
    status: row.status,
    firstSeenAt: row.firstSeenAt,
    lastSeenAt: row.lastSeenAt,
    source: row.source,
    event: row.event,
    with: withNamespace !== null && withValue !== null ? { namespace: withNamespace, value: withValue } : null,
    firstPerson: row.firstPerson,
    attachedLog: row.attachedLog,
    since: row.since,
    epoch: row.epoch,
    atom: row.atom,
    earlier:
      earlier?.map((one) => ({
        since: Date.parse(one.since),
        person: one.person,
        epoch: one.epoch ?? null,
        atom: one.atom ?? null,
      })) ?? [],
    sharedSince: row.sharedSince,
    sharedUntil: row.sharedUntil,
    storeDevice: row.storeDevice,
    marked: row.marked,
    shown: row.shown ?? [],
    fresh: false,
    dirty: false,
  }
}

/** Instants travel as milliseconds: making dates of them is most of the cost of reading a row. */
function nodeColumnsOf(tx: Database) {
  return tx.part`person, trust, status, round(date_part('epoch', first_seen_at) * 1000) as "firstSeenAt",
      round(date_part('epoch', last_seen_at) * 1000) as "lastSeenAt", source, event,
      with_namespace as "withNamespace", with_value as "withValue", first_person as "firstPerson",
      attached_log as "attachedLog", round(date_part('epoch', since) * 1000) as since, epoch, atom,
      nullif(earlier, '[]') as earlier, round(date_part('epoch', shared_since) * 1000) as "sharedSince",
      round(date_part('epoch', shared_until) * 1000) as "sharedUntil", store_device as "storeDevice",
      marked, nullif(shown, '[]') as shown`
}

/** Identifiers by (namespace, value). `offset 0`: one look into the index each, never a hash of the whole table. */
export function nodesNamed(tx: Database, wanted: { namespace: string; value: string }[]): Promise<NodeRow[]> {
  const namespaces = wanted.map((one) => one.namespace)
  const values = wanted.map((one) => one.value)
  return tx.rows<NodeRow>`
    select i.namespace, i.value, ${nodeColumnsOf(tx)}
    from unnest(${namespaces}::text[], ${values}::text[]) as wanted(namespace, value)
    cross join lateral (select * from identity.identifier
      where identifier.namespace = wanted.namespace and identifier.value = wanted.value offset 0) as i`
}

export function nodesOwned(tx: Database, persons: PersonId[]): Promise<NodeRow[]> {
  return tx.rows<NodeRow>`
    select namespace, value, ${nodeColumnsOf(tx)}
    from unnest(${persons}::uuid[]) as asked(owner)
    cross join lateral (select * from identity.identifier where identifier.person = asked.owner offset 0) as owned`
}

/** Adds identifiers of people who are there already. */
export async function addNodes(
  tx: Database,
  graph: Graph,
  wanted: { namespace: string; value: string }[],
): Promise<void> {
  const missing = wanted.filter((one) => !graph.nodes.has(keyOf(one)))
  if (missing.length === 0) return
  for (const row of await nodesNamed(tx, missing)) addNode(graph, nodeOf(row))
}

type PersonRow = Omit<Person, 'state' | 'contested' | 'nodes' | 'dirty' | 'anchor'>

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
    for (const epoch of node.earlier) owners.add(epoch.person)
  }
  await loadPersons(tx, graph, [...owners], () => deciding(graph, events))
  return graph
}

async function loadPersons(tx: Database, graph: Graph, ids: PersonId[], needed: () => PersonId[]): Promise<void> {
  if (ids.length === 0) return
  const rows = await tx.rows<{ asked: PersonId; id: PersonId; state: Person['state']; contested: boolean }>`
    select asked.id as asked, person.id, person.state, person.contested
    from unnest(${ids}::uuid[]) as asked(id)
    left join identity.merged as merged on merged.loser = asked.id and not merged.undone
    join identity.person as person on person.id = coalesce(merged.winner, asked.id)`
  for (const { asked, ...row } of rows) {
    if (asked !== row.id) graph.living.set(asked, row.id)
    if (!graph.persons.has(row.id)) graph.persons.set(row.id, strangerOf(row))
  }
  for (const node of graph.nodes.values()) {
    if (node.person) graph.persons.get(node.person)?.nodes.add(node)
  }
  const deciders = needed()
  if (deciders.length === 0) return
  for (const row of await peopleWhole(tx, deciders)) Object.assign(graph.persons.get(row.id) as Person, row)
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
}

/** What people of the house have decided about anybody here: never one, or one in spite of the rule. */
export async function loadDecisions(tx: Database, graph: Graph, named: Named[]): Promise<void> {
  const keys = new Map<string, { namespace: string; value: string }>()
  for (const one of named) keys.set(keyOf(one), one)
  for (const [key, node] of graph.nodes) keys.set(key, node)
  const { negatives, together } = await decisionsAbout(tx, [...keys.values()])
  addDecisions(graph, negatives, together)
}

type DecisionRow = { one: string; oneValue: string; other: string; otherValue: string; reason: string; actor: string }

export function addDecisions(graph: Graph, negatives: DecisionRow[], together: DecisionRow[]): void {
  const pairOf = (row: DecisionRow) => ({
    one: { namespace: row.one, value: row.oneValue },
    other: { namespace: row.other, value: row.otherValue },
  })
  for (const row of negatives) {
    const { one, other } = pairOf(row)
    for (const [left, right] of [
      [keyOf(one), keyOf(other)],
      [keyOf(other), keyOf(one)],
    ] as const)
      graph.negatives.set(left, (graph.negatives.get(left) ?? new Set()).add(right))
  }
  for (const row of together) {
    const { one, other } = pairOf(row)
    graph.together.set(pairKey(keyOf(one), keyOf(other)), { one, other, reason: row.reason, actor: row.actor })
  }
}

/** Decisions that name any of these identifiers. */
export async function decisionsAbout(
  tx: Database,
  keys: { namespace: string; value: string }[],
): Promise<{ negatives: DecisionRow[]; together: DecisionRow[] }> {
  const asked = tx.part`unnest(${keys.map((one) => one.namespace)}::text[], ${keys.map((one) => one.value)}::text[])
    as asked(namespace, value)`
  const columns = tx.part`one_namespace as one, one_value as "oneValue", other_namespace as other,
    other_value as "otherValue", reason, actor`
  const about = (table: 'negative' | 'together') => tx.rows<DecisionRow>`
    select ${columns} from ${asked} join identity.${tx.name(table)} on one_namespace = asked.namespace and one_value = asked.value
    union select ${columns} from ${asked} join identity.${tx.name(table)} on other_namespace = asked.namespace and other_value = asked.value`
  const [negatives, together] = await Promise.all([about('negative'), about('together')])
  return { negatives, together }
}

function peopleWhole(tx: Database, ids: PersonId[]): Promise<PersonRow[]> {
  return tx.rows<PersonRow>`
    select person.id, (extract(epoch from first_seen_at) * 1000)::float8 as "firstSeenAt", first_names as "firstNames",
      last_names as "lastNames", birthdays::text[] as birthdays, merged_on as "mergedOn",
      merges_that_day as "mergesThatDay", known_members as "knownMembers"
    from unnest(${ids}::uuid[]) as asked(id) join identity.person on person.id = asked.id`
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
    // Names and birth dates are compared with those that were heard before.
    let open = event.kind === 'identify'
    for (const one of event.identifiers) if (one.namespace === 'person') owners.add(livingOf(one.value as PersonId))
    for (const one of named) {
      const node = graph.nodes.get(keyOf(one))
      if (!node || node.person === null) open = true
      else {
        owners.add(livingOf(node.person))
        // An expiry depends on whether the owner is known.
        if (one.class === 'device') open ||= Date.parse(event.at) - node.lastSeenAt > 29 * 86_400_000
        for (const epoch of node.earlier) owners.add(livingOf(epoch.person))
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
    cross join lateral (select namespace, person from identity.identifier
      where lower(identifier.value) = lower(wanted.value) and identifier.value = wanted.value and ${amongNumbers(tx)}
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

type LimitRow = { namespace: string; most: number | null; days: number | null; hotPeople: number | null }

export type NamespaceLimits = { most: number | null; days: number | null; hotPeople: number | null }

/** What somebody set for a namespace instead of the standard. */
export async function limitsIn(database: Database): Promise<Map<string, NamespaceLimits>> {
  const rows = await database.rows<NamespaceLimits & { namespace: string }>`
    select namespace, most, days, hot_people as "hotPeople" from identity.namespace_rule`
  return new Map(rows.map((row) => [row.namespace, row]))
}

/** Rules that need a secret, the clock or the database. */
export async function rulesFor(
  needs: { secrets: Secrets; clock: Clock },
  tx: Database,
  country: string,
  named: { namespace: string; value: string }[],
): Promise<Rules> {
  const base = await tx.row<{
    seq: number
    erased: boolean
    decisions: boolean
    blocked: string[]
    limits: LimitRow[]
  }>`
    select nextval('identity.log_seq') as seq, exists (select from identity.erased) as erased,
      exists (select from identity.negative) or exists (select from identity.together) as decisions,
      array(select value from identity.blocked_value) as blocked,
      (select coalesce(jsonb_agg(jsonb_build_object('namespace', namespace, 'most', most, 'days', days,
        'hotPeople', hot_people)), '[]') from identity.namespace_rule) as limits`
  const generations = base?.erased ? await erasedOnes(needs.secrets, tx, named) : new Map<string, number>()
  let step = 0
  // Who is found and under which id the event is stored mostly follow from the same text.
  const ids = new Map<string, PersonId>()
  return {
    country,
    idFor: (text) => {
      const known = ids.get(text)
      if (known) return known
      const id = idFromBytes('person', Buffer.from(needs.secrets.sign('identity.person', text), 'base64url'))
      ids.set(text, id)
      return id
    },
    generation: (namespace, value) => generations.get(keyOf({ namespace, value })) ?? 0,
    // Room for a million steps inside one batch; still far inside exact integers.
    nextSeq: () => (base?.seq ?? 0) * 1_000_000 + ++step,
    decisions: base?.decisions ?? false,
    blocked: new Set(base?.blocked ?? []),
    limits: new Map((base?.limits ?? []).map((row) => [row.namespace, row])),
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
  contested: 'boolean',
  anchor_namespace: 'text',
  anchor_value: 'text',
  anchor_since: 'timestamptz',
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
  epoch: 'bigint',
  atom: 'uuid',
  earlier: 'jsonb',
  shared_since: 'timestamptz',
  shared_until: 'timestamptz',
  store_device: 'boolean',
  marked: 'text',
  shown: 'jsonb',
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
  if (persons.length > 0) work.push(savePersons(tx, persons.map(personRow)))
  const [simple, others] = [nodes.filter(isSimple), nodes.filter((node) => !isSimple(node))]
  if (simple.length > 0) work.push(insertNodes(tx, simple))
  if (others.length > 0) work.push(saveNodes(tx, others.map(nodeRow)))
  if (graph.log.length > 0) work.push(saveLog(tx, graph, now, actor))
  if (graph.conflicts.size > 0) work.push(saveConflicts(tx, [...graph.conflicts.values()]))
  if (graph.refusals.size > 0) work.push(saveRefusals(tx, [...graph.refusals.values()]))
  if (graph.suspects.size > 0) work.push(askRecheck(tx, graph, now))
  await Promise.all(work)
  // The mapping of merges re-points what pointed at a loser, so new ids come after it.
  if (graph.merges.length > 0) await saveMerged(tx, graph)
  if (graph.atoms.size > 0) await saveAtoms(tx, graph)
}

const refusalColumns: Columns = {
  one: 'uuid',
  other: 'uuid',
  code: 'text',
  via_namespace: 'text',
  via_value: 'text',
  first_at: 'timestamptz',
  last_at: 'timestamptz',
}

export function saveRefusals(tx: Database, refusals: Refused[]): Promise<number> {
  const rows = refusals.map((one) => ({
    one: one.one,
    other: one.other,
    code: one.code,
    via_namespace: one.via.namespace,
    via_value: one.via.value,
    first_at: iso(one.first),
    last_at: iso(one.last),
  }))
  return tx.run`
    insert into identity.refusal as refusal (one, other, code, via_namespace, via_value, first_at, last_at)
    select one, other, code, via_namespace, via_value, first_at, last_at
    from ${recordset(tx, rows, refusalColumns)} as row
    on conflict (one, other, code) do update set first_at = least(refusal.first_at, excluded.first_at),
      last_at = greatest(refusal.last_at, excluded.last_at)
    where excluded.first_at < refusal.first_at or excluded.last_at > refusal.last_at`
}

/** Asks for people to be decided anew; the loop does it within the minute. */
function askRecheck(tx: Database, graph: Graph, now: string): Promise<number> {
  const rows = [...graph.suspects].map(([person, because]) => ({ person: livingId(graph, person), because, now }))
  return tx.run`
    insert into identity.recheck (person, because, asked_at)
    select distinct on (person) person, because, asked_at
    from jsonb_to_recordset(${tx.json(rows.map((row) => ({ ...row, asked_at: row.now })))})
      as row(person uuid, because text, asked_at timestamptz)
    on conflict (person) do nothing`
}

export function personRow(person: Person) {
  return {
    id: person.id,
    state: person.state,
    first_seen_at: iso(person.firstSeenAt),
    first_names: person.firstNames,
    last_names: person.lastNames,
    birthdays: person.birthdays,
    merged_on: person.mergedOn,
    merges_that_day: person.mergesThatDay,
    known_members: person.knownMembers,
    contested: person.contested,
    anchor_namespace: person.anchor?.namespace ?? null,
    anchor_value: person.anchor?.value ?? null,
    anchor_since: person.anchor?.epoch ? iso(person.anchor.epoch) : null,
  }
}

export function savePersons(tx: Database, rows: ReturnType<typeof personRow>[]): Promise<number> {
  return tx.run`
    insert into identity.person as known (id, state, first_seen_at, first_names, last_names, birthdays, merged_on,
      merges_that_day, known_members, contested, anchor_namespace, anchor_value, anchor_since)
    select id, state, first_seen_at, first_names, last_names, birthdays, merged_on, merges_that_day, known_members,
      contested, anchor_namespace, anchor_value, anchor_since
    from ${recordset(tx, rows, personColumns)} as row
    on conflict (id) do update set state = excluded.state, first_seen_at = excluded.first_seen_at,
      first_names = excluded.first_names, last_names = excluded.last_names, birthdays = excluded.birthdays,
      merged_on = excluded.merged_on, merges_that_day = excluded.merges_that_day, known_members = excluded.known_members,
      contested = excluded.contested, anchor_namespace = coalesce(known.anchor_namespace, excluded.anchor_namespace),
      anchor_value = coalesce(known.anchor_value, excluded.anchor_value),
      anchor_since = coalesce(known.anchor_since, excluded.anchor_since)`
}

/** Ids under which events are stored beside their person's own, with their row of the mapping. */
export async function saveAtoms(tx: Database, graph: Pick<Graph, 'atoms' | 'living'>): Promise<void> {
  const rows = [...graph.atoms].map(([id, atom]) => ({
    id,
    winner: livingId(graph, atom.person),
    namespace: atom.namespace,
    value: atom.value,
    since: atom.epoch === null ? null : iso(atom.epoch),
  }))
  const given = recordset(tx, rows, atomColumns)
  await tx.run`
    with known as (
      insert into identity.person as person (id, state, first_seen_at, anchor_namespace, anchor_value, anchor_since)
      select id, 'merged', coalesce(since, to_timestamp(0)), namespace, value, since from ${given} as row
      on conflict (id) do update set state = 'merged' where person.state = 'active')
    insert into identity.merged (loser, winner) select id, winner from ${given} as row where id <> winner
    on conflict (loser) do update set winner = excluded.winner, log = null, undone = false, synced = false,
      version = nextval('identity.merged_version')`
}

const atomColumns: Columns = { id: 'uuid', winner: 'uuid', namespace: 'text', value: 'text', since: 'timestamptz' }

export function nodeRow(node: Node) {
  return {
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
    epoch: node.epoch,
    atom: node.atom,
    earlier: node.earlier.map((one) => ({ ...one, since: iso(one.since) })),
    shared_since: node.sharedSince === null ? null : iso(node.sharedSince),
    shared_until: node.sharedUntil === null ? null : iso(node.sharedUntil),
    store_device: node.storeDevice,
    marked: node.marked,
    shown: node.shown,
  }
}

/** New, and of what may become of an identifier nothing has: most of what a file of receipts brings. */
function isSimple(node: Node): boolean {
  return (
    node.fresh &&
    node.status === 'active' &&
    node.since === node.firstSeenAt &&
    node.epoch === null &&
    node.earlier.length === 0 &&
    node.sharedSince === null &&
    node.marked === null &&
    !node.storeDevice &&
    // What the database writes in another way may be there already.
    !/[\0\ufffd\ud800-\udfff]/.test(node.value)
  )
}

const simpleColumns: Columns = {
  namespace: 'text',
  value: 'text',
  person: 'uuid',
  trust: 'text',
  first: 'timestamptz',
  last: 'timestamptz',
  source: 'uuid',
  event: 'uuid',
  withNamespace: 'text',
  withValue: 'text',
  firstPerson: 'uuid',
  log: 'bigint',
  atom: 'uuid',
  shown: 'jsonb',
}

/** What usually equals its neighbour is left out. The graph stands still meanwhile, so nothing is in the way. */
function insertNodes(tx: Database, nodes: Node[]): Promise<number> {
  const rows = nodes.map((node) => ({
    namespace: node.namespace,
    value: node.value,
    person: node.person,
    trust: node.trust,
    first: iso(node.firstSeenAt),
    last: node.lastSeenAt === node.firstSeenAt ? null : iso(node.lastSeenAt),
    source: node.source,
    event: node.event,
    withNamespace: node.with?.namespace,
    withValue: node.with?.value,
    firstPerson: node.firstPerson === node.person ? null : node.firstPerson,
    log: node.attachedLog,
    atom: node.atom,
    shown: node.shown.length === 0 ? null : node.shown,
  }))
  return tx.run`
    insert into identity.identifier (namespace, value, person, trust, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since, atom, shown)
    select namespace, value, person, trust, first, coalesce(last, first), source, event, "withNamespace", "withValue",
      coalesce("firstPerson", person), log, first, atom, coalesce(shown, '[]')
    from ${recordset(tx, rows, simpleColumns)} as row order by namespace, value`
}

export function saveNodes(tx: Database, rows: ReturnType<typeof nodeRow>[]): Promise<number> {
  return tx.run`
    insert into identity.identifier (namespace, value, person, trust, status, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since, epoch, atom, earlier, shared_since, shared_until,
      store_device, marked, shown)
    select namespace, value, person, trust, status, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since, epoch, atom, earlier, shared_since, shared_until,
      store_device, marked, shown
    from ${recordset(tx, rows, nodeColumns)} as row order by namespace, value
    on conflict (namespace, value) do update set person = excluded.person, trust = excluded.trust, status = excluded.status,
      first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, source = excluded.source,
      event = excluded.event, with_namespace = excluded.with_namespace, with_value = excluded.with_value,
      first_person = excluded.first_person, attached_log = excluded.attached_log, since = excluded.since,
      epoch = excluded.epoch, atom = excluded.atom, earlier = excluded.earlier, shared_since = excluded.shared_since,
      shared_until = excluded.shared_until, store_device = excluded.store_device, marked = excluded.marked,
      shown = excluded.shown`
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

export async function saveConflicts(
  tx: Database,
  conflicts: (Conflict & { times: number; first: number })[],
): Promise<void> {
  const rows = conflicts.map((conflict) => ({
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
    on conflict (one, other, code) where kind = 'conflict' do update set times = review.times +
        case when excluded.last_at > review.last_at or excluded.first_at < review.first_at then excluded.times else 0 end,
      first_at = least(review.first_at, excluded.first_at), last_at = greatest(review.last_at, excluded.last_at)`
  await tx.run`
    insert into identity.review_item as review (id, kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence)
    select gen_random_uuid(), kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence
    from ${columns} where kind = 'hot_value'
    on conflict (via_namespace, via_value) where kind = 'hot_value' do update set
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
