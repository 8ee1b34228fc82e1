import { type api, type NormalEvent, type PersonId } from '@einklang/contract'
import { birthdayOf, birthdaysConflict, foldName, namesConflict } from './name.ts'
import { baseOf, type Named, normalise, rankOf } from './normalise.ts'

export type ConflictCode = (typeof api.identity.conflictCodes)[number]

/** One identifier and its owner. Times are ms of event time. */
export type Node = {
  namespace: string
  value: string
  person: PersonId | null
  trust: 'verified' | 'claimed'
  status: 'active' | 'blocked' | 'shared' | 'released' | 'expired'
  firstSeenAt: number
  lastSeenAt: number
  source: string
  event: string
  with: { namespace: string; value: string } | null
  firstPerson: PersonId | null
  attachedLog: number
  since: number
  /** What tells this owner's time apart from the first one's; null for the first owner. */
  epoch: number | null
  /** The id under which events are stored that this identifier anchors; null until the first. */
  atom: PersonId | null
  /** Earlier owners, oldest first. */
  earlier: Tenure[]
  /** Set aside from this moment of event time on, until it was released. */
  sharedSince: number | null
  sharedUntil: number | null
  /** Registered as a device of a store: shared from the beginning. */
  storeDevice: boolean
  /** What somebody of the house said: set aside, or a card that a family shares. */
  marked: 'shared' | 'household_card' | null
  /** What showed the value lately: people by their strongest identifier, or receipts. */
  shown: { at: number; who: string }[]
  /** Begun in this batch: the table does not have it. */
  fresh: boolean
  dirty: boolean
}

export type Tenure = { since: number; person: PersonId; epoch: number | null; atom: PersonId | null }

export type Person = {
  id: PersonId
  state: 'active' | 'merged' | 'erased'
  firstSeenAt: number
  firstNames: string[]
  lastNames: string[]
  birthdays: string[]
  mergedOn: string | null
  mergesThatDay: number
  knownMembers: number
  /** Refusals, limits, changed devices or shared values: the order of events matters here. */
  contested: boolean
  anchor: { namespace: string; value: string; epoch: number | null } | null
  /** All identifiers of the person, where a decision may need them. */
  nodes: Set<Node>
  dirty: boolean
}

export type LogEntry = {
  seq: number
  kind: 'merge' | 'attach' | 'detach' | 'share'
  eventAt: number
  winner: PersonId
  loser: PersonId | null
  via: { namespace: string; value: string } | null
  with: { namespace: string; value: string } | null
  cause: string
  event: string
  source: string
  before: MergeBefore | Record<string, never>
}

/** Enough to undo a merge without reading anything else. */
export type MergeBefore = {
  identifiers: { namespace: string; value: string }[]
  /** The strongest of the winner's, against which an undo holds the others apart. */
  kept: Key[]
  /** People who had been merged into the loser before. */
  mapped: PersonId[]
  winner: PersonImage
  loser: PersonImage
}
export type PersonImage = {
  firstSeenAt: number
  firstNames: string[]
  lastNames: string[]
  birthdays: string[]
  knownMembers: number
}

export type Conflict = {
  kind: 'conflict' | 'hot_value'
  code: ConflictCode
  one: PersonId | null
  other: PersonId | null
  via: { namespace: string; value: string }
  at: number
  evidence: { [key: string]: string | number | boolean }
}

export type Key = { namespace: string; value: string }
export type Refused = { one: PersonId; other: PersonId; code: ConflictCode; via: Key; first: number; last: number }

/** What was known when the batch began, and all that the batch changes. */
export type Graph = {
  nodes: Map<string, Node>
  persons: Map<PersonId, Person>
  /** Loser → living person, flattened. */
  living: Map<PersonId, PersonId>
  /** Losers per living person, for before-images. */
  mapped: Map<PersonId, Set<PersonId>>
  /** Who is held apart from whom: identifier → identifiers. */
  negatives: Map<string, Set<string>>
  /** Pairs of identifiers that people of the house declared to be one person. */
  together: Map<string, { one: Key; other: Key; reason: string; actor: string }>
  /** Ids under which events are stored beside the person's own, first used in this batch. */
  atoms: Map<PersonId, { person: PersonId; namespace: string; value: string; epoch: number | null }>
  /** Refused joins, once per pair and code; also those that are nobody's business to review. */
  refusals: Map<string, Refused>
  /** People to be decided anew from their evidence. */
  suspects: Map<PersonId, string>
  /** Counts every change, so that an event that changed nothing can be told. */
  changes: number
  log: LogEntry[]
  merges: { winner: PersonId; loser: PersonId; at: number; log: number }[]
  conflicts: Map<string, Conflict & { times: number; first: number }>
  created: PersonId[]
}

export type Rules = {
  country: string
  /** Makes the id of a person from its strongest identifier; the same text gives the same id. */
  idFor(text: string): PersonId
  /** How often the identifier was erased. */
  generation(namespace: string, value: string): number
  nextSeq(): number
  /** Has the house decided about anybody at all? */
  decisions: boolean
  /** Values that the house blocked beyond the built-in ones; lower case. */
  blocked: ReadonlySet<string>
  /** Limits that the house set for a namespace. */
  limits: ReadonlyMap<string, { most: number | null; days: number | null; hotPeople: number | null }>
}

const day = 86_400_000
export const limits = {
  strong: 1,
  loyaltyCards: 3,
  contacts: 5,
  devices: 10,
  deviceDays: 30,
  identifiersPerEvent: 50,
  identifiersPerPerson: 100,
  mergesPerDay: 3,
  knownMembers: 20,
  hotPeople: 5,
  hotReceipts: 20,
} as const

export function keyOf(identifier: { namespace: string; value: string }): string {
  return `${identifier.namespace}\u0000${identifier.value}`
}

export function pairKey(one: string, other: string): string {
  return one < other ? `${one}\u0001${other}` : `${other}\u0001${one}`
}

export function emptyGraph(): Graph {
  return {
    nodes: new Map(),
    persons: new Map(),
    living: new Map(),
    mapped: new Map(),
    negatives: new Map(),
    together: new Map(),
    atoms: new Map(),
    refusals: new Map(),
    suspects: new Map(),
    changes: 0,
    log: [],
    merges: [],
    conflicts: new Map(),
    created: [],
  }
}

/** The normalised identifiers of an event, strongest first; what had to be left out is flagged on the event. */
export function namedOf(event: NormalEvent, country: string, blocked: ReadonlySet<string> = nothing): Named[] {
  const found: Named[] = []
  for (const given of event.identifiers) {
    if (given.namespace === 'person') continue
    const named = normalise(given, country)
    if ('refused' in named) flag(event, named.refused)
    else if (named.class === 'household') continue
    else if (blocked.size > 0 && blocked.has(named.value.toLowerCase())) flag(event, 'blocked_identifier')
    else if (!found.some((other) => other.namespace === named.namespace && other.value === named.value))
      found.push(named)
  }
  found.sort((one, other) => one.rank - other.rank)
  if (found.length > limits.identifiersPerEvent) {
    flag(event, 'many_identifiers')
    found.length = limits.identifiersPerEvent
  }
  return found
}

const nothing: ReadonlySet<string> = new Set()

function flag(event: NormalEvent, name: string): void {
  if (!event.flags.includes(name)) event.flags.push(name)
}

// --- one event --------------------------------------------------------------------------------------------------------

/** What an event says of the person beside identifiers. */
export type Facts = { firstName: string; lastName: string; birthday: string | null }

type Hearing = {
  graph: Graph
  rules: Rules
  event: NormalEvent
  at: number
  /** The person the event belongs to so far. */
  current: Person | null
  /** Identifiers that nobody owns; they found a person or are attached at the end. */
  fresh: Named[]
  anchor: Named | null
  /** Joins that the gate refused; told when it is clear whose the event is. */
  refused: { code: ConflictCode; owner: PersonId; via: Named; node: Node }[]
  facts: Facts
}

/** Whose the event is, under which id it is stored for ever, and whether it changed anything. */
export type Resolved = {
  person: PersonId
  stored: PersonId
  changed: boolean
  /** Would it count, were the order of events another one? */
  telling: boolean
}

/**
 * Whose event is it? Attaches what nobody owns, joins people where the gate allows, leaves out what it refuses.
 * The order of checks is that of spec identity §4. Null = the event names nobody.
 */
export function resolveEvent(
  graph: Graph,
  rules: Rules,
  event: NormalEvent,
  named: Named[],
  facts: Facts = factsOf(event),
): Resolved | null {
  const at = Date.parse(event.at)
  const before = graph.changes
  const hearing: Hearing = {
    graph,
    rules,
    event,
    at,
    current: pinned(graph, event),
    fresh: [],
    anchor: null,
    refused: [],
    facts,
  }
  const firm = named.filter((one) => !isClaim(one) && one.class !== 'transaction')
  // A claim or an order number may stand for somebody only when nothing firmer speaks.
  const alone = hearing.current === null && firm.length === 0
  const transactions = named.filter((one) => one.class === 'transaction')
  const claims = named.filter(isClaim)
  const toVerify: Named[] = []
  for (const one of alone ? [...claims, ...transactions] : [...firm, ...transactions]) {
    const node = graph.nodes.get(keyOf(one))
    if (node && unusable(hearing, node)) continue
    const owner = node ? ownerAt(hearing, node) : null
    if (owner && one.class === 'contact' && one.trust === 'verified' && node?.trust === 'claimed') toVerify.push(one)
    else if (!owner) found(hearing, one)
    else meet(hearing, one, node as Node, owner)
  }
  const person = hearing.current ?? foundPerson(hearing, toVerify)
  if (!person) {
    noteShown(hearing, named)
    return null
  }
  hearing.current = person
  for (const one of hearing.fresh) attach(hearing, person, one)
  for (const one of toVerify) verify(hearing, person, one)
  if (!alone) for (const one of claims) claim(hearing, person, one)
  for (const refusal of hearing.refused) settleRefusal(hearing, person, refusal)
  noteShown(hearing, named)
  const early = cameBefore(hearing, named)
  touch(hearing, person, named)
  // What comes with nothing but a claim or an order number is not believed about anybody who was there before.
  if (!alone || graph.created.at(-1) === person.id) hear(hearing, person)
  if (graph.together.size > 0) joinDeclared(graph, rules, event, at)
  const living = livingPerson(graph, person.id) ?? person
  const stored = storedUnder(hearing, living, named)
  // Devices and orders stand with what they came with: where that goes, their events go, and the mapping stays small.
  for (const one of named) {
    if (one.class !== 'device' && one.class !== 'transaction') continue
    const node = graph.nodes.get(keyOf(one))
    if (node?.atom === null && node.person === living.id && (node.event === event.id || node.since === at)) {
      node.atom = stored
      node.dirty = true
    }
  }
  const telling = early || named.length > 1 || living.contested
  return { person: living.id, stored, changed: graph.changes > before, telling }
}

/** Marks a person or an identifier as changed. */
function mark(graph: Graph, changed: { dirty: boolean }): void {
  changed.dirty = true
  graph.changes++
}

/** Two known people on one device: the device changes hands. Anything else is a conflict for review. */
function settleRefusal(hearing: Hearing, person: Person, refusal: Hearing['refused'][number]): void {
  const { code, owner, via } = refusal
  const other = livingPerson(hearing.graph, owner)
  if (!other || other === person) return
  refuse(hearing, code, person, other, via)
  const apart = code === 'weak_evidence' || code === 'unique_conflict' || code === 'negative_edge'
  if (via.class === 'device' && apart) return switchDevice(hearing, person, via)
  if (via.class === 'transaction') return
  conflict(hearing, code, person.id, other.id, via)
}

/** Remembers that the order of events matters for these two, and that they have to be looked at together. */
function refuse(hearing: Hearing, code: ConflictCode, person: Person, other: Person, via: Key): void {
  const { graph, at } = hearing
  for (const one of [person, other]) {
    if (!one.contested) {
      one.contested = true
      mark(graph, one)
    }
  }
  graph.changes++
  const [one, two] = person.id < other.id ? [person.id, other.id] : [other.id, person.id]
  const key = `${one} ${two} ${code}`
  const known = graph.refusals.get(key)
  if (known) {
    known.first = Math.min(known.first, at)
    known.last = Math.max(known.last, at)
  } else {
    graph.refusals.set(key, {
      one,
      other: two,
      code,
      via: { namespace: via.namespace, value: via.value },
      first: at,
      last: at,
    })
  }
}

function isClaim(one: Named): boolean {
  return one.class === 'contact' && one.trust === 'claimed'
}

function pinned(graph: Graph, event: NormalEvent): Person | null {
  const pin = event.identifiers.find((one) => one.namespace === 'person')
  return pin ? livingPerson(graph, pin.value as PersonId) : null
}

export function livingId(graph: Pick<Graph, 'living'>, id: PersonId): PersonId {
  let now = id
  for (let next = graph.living.get(now); next && next !== now; next = graph.living.get(now)) now = next
  return now
}

export function livingPerson(graph: Graph, id: PersonId): Person | null {
  const person = graph.persons.get(livingId(graph, id))
  return person && person.state === 'active' ? person : null
}

/** Nobody owns it: the first such identifier may become the anchor. */
function found(hearing: Hearing, one: Named): void {
  hearing.fresh.push(one)
  hearing.anchor ??= one
}

/** An identifier with an owner meets what the event has shown so far. */
function meet(hearing: Hearing, one: Named, node: Node, owner: Person): void {
  if (hearing.current === owner) return
  if (!hearing.current && hearing.fresh.length === 0) {
    hearing.current = owner
    hearing.anchor = one
    return
  }
  const own = hearing.current ? sideOf(hearing, hearing.current) : freshSide(hearing)
  const refusal = gate(hearing, own, sideOf(hearing, owner), one, node)
  if (refusal !== null) hearing.refused.push({ code: refusal, owner: owner.id, via: one, node })
  else hearing.current = hearing.current ? join(hearing, hearing.current, owner, one) : owner
}

/** Somebody about whom nothing is decided: only whom it stands for is known. */
export function strangerOf(row: Pick<Person, 'id' | 'state' | 'contested'>): Person {
  return {
    ...row,
    firstSeenAt: 0,
    firstNames: [],
    lastNames: [],
    birthdays: [],
    mergedOn: null,
    mergesThatDay: 0,
    knownMembers: 1,
    anchor: null,
    nodes: new Set(),
    dirty: false,
  }
}

/** Nobody was found: the strongest identifier that may begin a person does so. An order number alone may not. */
function foundPerson(hearing: Hearing, toVerify: Named[]): Person | null {
  const founder = [...hearing.fresh, ...toVerify].find((one) => one.class !== 'transaction')
  if (!founder) return null
  const { graph, rules, at } = hearing
  const node = graph.nodes.get(keyOf(founder))
  // A device that has expired or a contact taken over begins somebody else than the first time.
  const epoch = node && node.firstPerson !== null ? at : null
  const id = rules.idFor(atomText(rules, founder, epoch))
  hearing.anchor = founder
  const known = livingPerson(graph, id)
  if (known) return known
  const person: Person = {
    ...strangerOf({ id, state: 'active', contested: false }),
    firstSeenAt: at,
    anchor: { namespace: founder.namespace, value: founder.value, epoch },
    dirty: true,
  }
  graph.changes++
  graph.persons.set(id, person)
  graph.created.push(id)
  return person
}

function atomText(rules: Rules, one: Key, epoch: number | null): string {
  const generation = rules.generation(one.namespace, one.value)
  return `${one.namespace}\u0000${one.value}\u0000${generation}${epoch === null ? '' : `\u0000${epoch}`}`
}

// --- under which id an event is stored ----------------------------------------------------------------------------------

/**
 * Events are stored under the id of their anchor, the strongest identifier that is the person's. When an identifier
 * goes to somebody else later (undo, split), its events follow by one row of the mapping, and nothing is rewritten.
 */
function storedUnder(hearing: Hearing, person: Person, named: Named[]): PersonId {
  const { graph, at, event } = hearing
  const pin = event.identifiers.find((one) => one.namespace === 'person')
  if (pin && livingId(graph, pin.value as PersonId) === person.id) return pin.value as PersonId
  for (const one of named) {
    const node = graph.nodes.get(keyOf(one))
    const tenure = node && tenureAt(node, at)
    if (!tenure || livingId(graph, tenure.person) !== person.id || unusableAt(node, at)) continue
    if (one.class === 'transaction' && !tenure.atom) continue
    return atomOf(hearing, node, tenure, person)
  }
  return person.id
}

function atomOf(hearing: Hearing, node: Node, tenure: Tenure, person: Person): PersonId {
  if (tenure.atom) return tenure.atom
  const { graph, rules } = hearing
  let atom = rules.idFor(atomText(rules, node, tenure.epoch))
  const now = livingId(graph, atom)
  if (now !== person.id) {
    if (graph.persons.has(now)) atom = person.id
    else {
      graph.atoms.set(atom, { person: person.id, namespace: node.namespace, value: node.value, epoch: tenure.epoch })
      graph.living.set(atom, person.id)
      const ids = graph.mapped.get(person.id) ?? new Set()
      graph.mapped.set(person.id, ids.add(atom))
    }
  }
  tenure.atom = atom
  if (tenure.since === node.since) node.atom = atom
  mark(graph, node)
  return atom
}

// --- ownership over time ----------------------------------------------------------------------------------------------

/** Blocked and shared values neither find nor join anybody. */
function unusable(hearing: Hearing, node: Node): boolean {
  const { event, at } = hearing
  if (node.status === 'blocked') flag(event, 'blocked_identifier')
  const shared = node.status !== 'blocked' && unusableAt(node, at)
  if (shared) flag(event, node.marked === 'household_card' ? 'household_card' : 'hot_value')
  return shared || node.status === 'blocked'
}

export function unusableAt(node: Node, at: number): boolean {
  if (node.status === 'blocked' || node.storeDevice) return true
  if (node.sharedSince === null) return node.status === 'shared'
  return at >= node.sharedSince && (node.sharedUntil === null || at < node.sharedUntil)
}

/**
 * Who or what showed the value within a day of event time. A value that more than five people show is no evidence for
 * any of them; a card with more than twenty receipts is a cashier's. Counts numbers of one kind, so that one person
 * with login, card and e-mail counts once.
 */
function noteShown(hearing: Hearing, named: Named[]): void {
  const { graph, rules, event, at } = hearing
  const receipt = event.name === 'Order Completed'
  for (const one of named) {
    const card = baseOf(one.namespace) === 'loyalty_card'
    if (one.class !== 'device' && one.class !== 'contact' && !card) continue
    const node = graph.nodes.get(keyOf(one))
    if (!node || node.status === 'blocked') continue
    if (node.marked === 'household_card') {
      noteMember(graph, node, at, named)
      continue
    }
    if (unusableAt(node, at) && node.sharedUntil === null) continue
    const witness = named.find(
      (other) =>
        other !== one &&
        (other.class === 'strong' || (one.class === 'device' && other.class === 'contact')) &&
        other.rank < one.rank,
    )
    const shown = witness && show(graph, node, at, `${witness.namespace}\u001f${witness.value}`)
    const counted = card && receipt && show(graph, node, at, `receipt\u001f${event.id}`)
    if (!shown && !counted) continue
    const most = rules.limits.get(baseOf(node.namespace))?.hotPeople ?? limits.hotPeople
    const hot = hottest(node, at, most)
    if (hot !== null) share(hearing, node, hot)
  }
}

/** Who shows a family's card is of the household; each is kept once. */
function noteMember(graph: Graph, node: Node, at: number, named: Named[]): void {
  const member = named.find((one) => keyOf(one) !== keyOf(node) && (one.class === 'strong' || one.class === 'contact'))
  const who = member && `${member.namespace}\u001f${member.value}`
  if (who !== undefined && !node.shown.some((one) => one.who === who)) show(graph, node, at, who)
}

function show(graph: Graph, node: Node, at: number, who: string): boolean {
  if (node.shown.some((one) => one.who === who && Math.abs(one.at - at) < 72_000_000)) return false
  node.shown.push({ at, who })
  node.shown.sort((one, other) => one.at - other.at || (one.who < other.who ? -1 : 1))
  if (node.shown.length > 48) node.shown.shift()
  mark(graph, node)
  return true
}

/** The first moment of a day around `at` in which too many showed the value, or null. */
function hottest(node: Node, at: number, most: number): { since: number; kind: string; count: number } | null {
  if (node.shown.length <= most) return null
  const near = node.shown.filter((one) => Math.abs(one.at - at) <= day)
  if (near.length <= most) return null
  for (const last of near) {
    const within = near.filter((one) => one.at <= last.at && one.at > last.at - day)
    const byKind = Map.groupBy(within, (one) => one.who.slice(0, one.who.indexOf('\u001f')))
    for (const [kind, shows] of byKind) {
      const allowed = kind === 'receipt' ? limits.hotReceipts : most
      const count = new Set(shows.map((one) => one.who)).size
      if (count > allowed) return { since: within[0]?.at ?? at, kind, count }
    }
  }
  return null
}

/** From the first moment of that day on the value finds and joins nobody; what it did in that day is decided anew. */
function share(hearing: Hearing, node: Node, hot: { since: number; kind: string; count: number }): void {
  const { graph } = hearing
  node.status = 'shared'
  node.sharedSince = hot.since
  node.sharedUntil = null
  mark(graph, node)
  const owners = [node.person, ...node.earlier.filter((one) => one.since >= hot.since).map((one) => one.person)]
  for (const owner of owners) if (owner) graph.suspects.set(livingId(graph, owner), 'hot_value')
  if (hearing.current) graph.suspects.set(livingId(graph, hearing.current.id), 'hot_value')
  graph.conflicts.set(`hot ${keyOf(node)}`, {
    kind: 'hot_value',
    code: 'hot_value',
    one: null,
    other: null,
    via: { namespace: node.namespace, value: node.value },
    at: hearing.at,
    first: hot.since,
    times: 1,
    evidence: hot.kind === 'receipt' ? { receipts: hot.count } : { people: hot.count, by: hot.kind },
  })
}

/** Whose the identifier was at that time; devices and taken-over contacts have had several owners. */
export function tenureAt(node: Node, at: number): Tenure | null {
  if (at < node.since) {
    const epoch = node.earlier.findLast((one) => one.since <= at) ?? node.earlier[0]
    if (epoch) return epoch
  }
  return node.person === null ? null : { since: node.since, person: node.person, epoch: node.epoch, atom: node.atom }
}

/** Who had the identifier at the time of the event: devices change hands, and are forgotten after a month. */
function ownerAt(hearing: Hearing, node: Node): Person | null {
  const { graph, at } = hearing
  if (node.person === null) return null
  if (isDevice(node)) {
    const last = livingPerson(graph, node.person)
    // Nobody is known for longer than a month by a device alone; a visitor without a name stays the same visitor.
    if (at - node.lastSeenAt > limits.deviceDays * day && last && isKnown([...last.nodes])) return null
  }
  const tenure = tenureAt(node, at)
  return tenure && livingPerson(graph, tenure.person)
}

export function isDevice(node: { namespace: string }): boolean {
  const base = baseOf(node.namespace)
  return base === 'anonymous_id' || base === 'push_token' || base === 'click_id'
}

/** Another known customer signs in on a known device: from that moment on the device is theirs, nobody is joined. */
function switchDevice(hearing: Hearing, person: Person, one: Named): void {
  const node = hearing.graph.nodes.get(keyOf(one))
  if (!node || node.person === null || unusableAt(node, hearing.at)) return
  const { graph, at } = hearing
  const owner = tenureAt(node, at)
  if (!owner || livingId(graph, owner.person) === person.id) return
  if (at >= node.since) {
    handOver(graph, node, person, at)
  } else {
    node.earlier.push({ since: at, person: person.id, epoch: at, atom: null })
    node.earlier.sort((a, b) => a.since - b.since)
    mark(graph, node)
  }
  if (node.earlier.length > 50) node.earlier.shift()
}

/** A new owner from this moment on; the earlier one keeps what was before. */
function handOver(graph: Graph, node: Node, person: Person, at: number): void {
  if (node.person) {
    node.earlier.push({ since: node.since, person: node.person, epoch: node.epoch, atom: node.atom })
    graph.persons.get(node.person)?.nodes.delete(node)
  }
  node.person = person.id
  node.since = at
  node.epoch = at
  node.atom = null
  person.nodes.add(node)
  mark(graph, node)
}

// --- attaching ----------------------------------------------------------------------------------------------------------

function attach(hearing: Hearing, person: Person, one: Named): void {
  const { graph, rules, event, at, anchor } = hearing
  if (graph.negatives.size > 0 && keptFrom(graph, one, person)) return beginApart(hearing, person, one)
  const refusal = room(rules, person, one, at)
  if (refusal) {
    refuse(hearing, refusal, person, person, one)
    conflict(hearing, refusal, person.id, null, one)
    return
  }
  const known = graph.nodes.get(keyOf(one))
  const together = anchor && keyOf(anchor) !== keyOf(one) ? { namespace: anchor.namespace, value: anchor.value } : null
  if (known) {
    // Known but without an owner now: released, shared before, or a device that was not seen for a month.
    if (known.person === person.id) return
    if (known.firstPerson !== null) handOver(graph, known, person, at)
    else {
      known.person = person.id
      known.since = at
      person.nodes.add(known)
      mark(graph, known)
    }
    Object.assign(known, {
      trust: one.class === 'transaction' ? 'verified' : one.trust,
      status: known.status === 'shared' ? 'shared' : 'active',
      with: together,
      event: event.id,
      source: event.source,
      firstPerson: person.id,
      attachedLog: attachedBy(hearing),
      lastSeenAt: Math.max(known.lastSeenAt, at),
    })
    return
  }
  const node: Node = {
    namespace: one.namespace,
    value: one.value,
    person: person.id,
    // Nobody confirms an order number; it is what it is.
    trust: one.class === 'transaction' ? 'verified' : one.trust,
    status: 'active',
    firstSeenAt: at,
    lastSeenAt: at,
    source: event.source,
    event: event.id,
    with: together,
    firstPerson: person.id,
    attachedLog: attachedBy(hearing),
    since: at,
    epoch: null,
    atom: null,
    earlier: [],
    sharedSince: null,
    sharedUntil: null,
    storeDevice: false,
    marked: null,
    shown: [],
    fresh: true,
    dirty: true,
  }
  graph.changes++
  graph.nodes.set(keyOf(one), node)
  person.nodes.add(node)
}

/** Negative: by a key that may attach but not join. */
function attachedBy({ rules, event }: Hearing): number {
  const seq = rules.nextSeq()
  return event.mayJoin ? seq : -seq
}

function keptFrom(graph: Graph, one: Key, person: Person): boolean {
  for (const other of graph.negatives.get(keyOf(one)) ?? [])
    if (graph.nodes.get(other)?.person === person.id) return true
  return false
}

/** Somebody said that this identifier is not this person's: it begins a person of its own. */
function beginApart(hearing: Hearing, person: Person, one: Named): void {
  if (one.class === 'transaction') return
  const other = foundPerson({ ...hearing, current: null, fresh: [one] }, [])
  if (!other || other === person) return
  attach({ ...hearing, current: other, anchor: one }, other, one)
  refuse(hearing, 'negative_edge', person, other, one)
  conflict(hearing, 'negative_edge', person.id, other.id, one)
}

/** Is there room on the person for one more identifier of this kind? */
function room(rules: Rules, person: Person, one: Named, at: number): ConflictCode | null {
  if (one.class === 'transaction') return null
  const own = [...person.nodes].filter((node) => node.status === 'active')
  const alike = own.filter((node) => node.namespace === one.namespace)
  const rule = rules.limits.get(baseOf(one.namespace))
  if (one.class === 'strong') {
    return alike.length >= (rule?.most ?? strongLimit(one.namespace)) ? 'unique_conflict' : null
  }
  if (one.class === 'contact') {
    const days = rule?.days ?? 365
    const young = alike.filter((node) => Math.abs(at - node.firstSeenAt) <= days * day)
    if (young.length >= (rule?.most ?? limits.contacts)) return 'limit'
  }
  if (one.class === 'device') {
    const days = rule?.days ?? limits.deviceDays
    const active = own.filter((node) => isDevice(node) && Math.abs(at - node.lastSeenAt) <= days * day)
    if (active.length >= (rule?.most ?? limits.devices)) return 'limit'
  }
  return countedNodes(own) >= limits.identifiersPerPerson ? 'limit' : null
}

/** Order numbers are no identity; a faithful customer may have hundreds. */
function countedNodes(nodes: Iterable<{ namespace: string; trust: string }>): number {
  let count = 0
  for (const node of nodes) if (rankOf(node.namespace, node.trust as 'verified') < 20 || isDevice(node)) count++
  return count
}

function strongLimit(namespace: string): number {
  return baseOf(namespace) === 'loyalty_card' ? limits.loyaltyCards : limits.strong
}

/** A verified contact on a merely claimed one: the same person confirms it, another one takes it over. */
function verify(hearing: Hearing, person: Person, one: Named): void {
  const { graph, rules, event, at } = hearing
  const node = graph.nodes.get(keyOf(one))
  if (!node) return attach(hearing, person, one)
  if (node.person !== person.id) {
    if (room(rules, person, one, at)) return
    const before = node.person && livingPerson(graph, node.person)
    if (before) {
      graph.log.push({
        seq: rules.nextSeq(),
        kind: 'detach',
        eventAt: at,
        winner: person.id,
        loser: before.id,
        via: { namespace: one.namespace, value: one.value },
        with: hearing.anchor ? { namespace: hearing.anchor.namespace, value: hearing.anchor.value } : null,
        cause: 'verified_elsewhere',
        event: event.id,
        source: event.source,
        before: {},
      })
      refuse(hearing, 'weak_evidence', person, before, one)
      conflict(hearing, 'weak_evidence', person.id, before.id, one)
    }
    // Before its first moment nobody can have had it: a late proof begins where the claim began.
    handOver(graph, node, person, Math.max(at, node.since))
    node.firstPerson = person.id
    node.attachedLog = attachedBy(hearing)
    node.event = event.id
    node.source = event.source
    const anchor = hearing.anchor
    node.with = anchor && keyOf(anchor) !== keyOf(one) ? { namespace: anchor.namespace, value: anchor.value } : null
  }
  node.trust = 'verified'
  mark(graph, node)
}

/** A claimed contact attaches only when nobody owns it. */
function claim(hearing: Hearing, person: Person, one: Named): void {
  const node = hearing.graph.nodes.get(keyOf(one))
  if (node && unusable(hearing, node)) return
  if (!node || node.person === null) return attach(hearing, person, one)
  const owner = ownerAt(hearing, node)
  if (!owner || owner === person) return
  refuse(hearing, 'weak_evidence', person, owner, one)
  conflict(hearing, 'weak_evidence', person.id, owner.id, one)
}

/**
 * Older than the first that was heard of an identifier: it might have begun somebody. Where the identifier was attached
 * by a key that may not join, that would have been refused, so the owner is decided anew.
 */
function cameBefore(hearing: Hearing, named: Named[]): boolean {
  const { graph, at } = hearing
  let early = false
  for (const one of named) {
    const node = graph.nodes.get(keyOf(one))
    if (!node || at >= node.firstSeenAt) continue
    early = true
    if (node.person && node.with && node.attachedLog < 0) graph.suspects.set(livingId(graph, node.person), 'late')
  }
  return early
}

function touch(hearing: Hearing, person: Person, named: Named[]): void {
  const { graph, at } = hearing
  for (const one of named) {
    const node = graph.nodes.get(keyOf(one))
    if (!node || node.person !== person.id) continue
    // Once vouched for, it stays so; contacts have their own rule.
    if (one.trust === 'verified' && node.trust === 'claimed' && (one.class === 'strong' || one.class === 'device')) {
      node.trust = 'verified'
      mark(graph, node)
    }
    // To the day: every event would otherwise rewrite every identifier it names.
    if (at - node.lastSeenAt >= day || node.firstSeenAt - at >= day) {
      node.lastSeenAt = Math.max(node.lastSeenAt, at)
      node.firstSeenAt = Math.min(node.firstSeenAt, at)
      node.dirty = true
      // When a device was last seen decides when it is forgotten; for the others it is only news.
      if (one.class === 'device') graph.changes++
    }
  }
  if (person.firstSeenAt - at >= day) {
    person.firstSeenAt = at
    person.dirty = true
  }
}

/** Names and birth dates that were heard of the person: they can speak against a later join. */
function hear(hearing: Hearing, person: Person): void {
  const { graph } = hearing
  const { firstName, lastName, birthday } = hearing.facts
  const add = (list: string[], value: string | null): boolean => {
    if (!value || list.includes(value) || list.length >= 6) return false
    list.push(value)
    mark(graph, person)
    return true
  }
  const news = add(person.firstNames, firstName)
  add(person.lastNames, lastName)
  const born = add(person.birthdays, birthday)
  // Said late, it might have spoken against a join that stands.
  if (person.knownMembers > 1 && ((news && person.firstNames.length > 1) || (born && person.birthdays.length > 1)))
    graph.suspects.set(person.id, 'facts')
}

export function factsOf(event: NormalEvent): Facts {
  const { traits } = event
  if (event.kind !== 'identify') return noFacts
  const text = (value: unknown) => (typeof value === 'string' ? foldName(value) : '')
  return {
    firstName: text(traits.first_name ?? traits.firstName),
    lastName: text(traits.last_name ?? traits.lastName),
    birthday: birthdayOf(traits.birthday),
  }
}

const noFacts: Facts = { firstName: '', lastName: '', birthday: null }

/** People of the house said that these are one: joined as soon as both are there, past every rule of the gate. */
function joinDeclared(graph: Graph, rules: Rules, event: NormalEvent, at: number): void {
  for (const { one, other, reason } of graph.together.values()) {
    const left = graph.nodes.get(keyOf(one))?.person
    const right = graph.nodes.get(keyOf(other))?.person
    const first = left && livingPerson(graph, left)
    const second = right && livingPerson(graph, right)
    if (!first || !second || first === second) continue
    if (graph.negatives.size > 0 && [...first.nodes].some((node) => keptFrom(graph, node, second))) continue
    merge(graph, rules, first, second, {
      at,
      via: one,
      with: other,
      cause: reason,
      event: event.id,
      source: event.source,
    })
  }
}

// --- the gate -----------------------------------------------------------------------------------------------------------

type Side = {
  person: Person | null
  nodes: { namespace: string; value: string; trust: string; device: boolean; lastSeenAt: number }[]
  known: boolean
  firstNames: string[]
  lastNames: string[]
  birthdays: string[]
}

function sideOf(hearing: Hearing, person: Person): Side {
  const nodes = [...person.nodes]
    .filter((node) => node.status === 'active')
    .map((node) => ({ ...pick(node), device: isDevice(node), lastSeenAt: node.lastSeenAt }))
  const { firstName, lastName, birthday } = hearing.facts
  // What this very event says counts for the person it belongs to.
  const isCurrent = hearing.current === person
  return {
    person,
    nodes,
    known: isKnown(nodes),
    firstNames: isCurrent && firstName ? [...person.firstNames, firstName] : person.firstNames,
    lastNames: isCurrent && lastName ? [...person.lastNames, lastName] : person.lastNames,
    birthdays: isCurrent && birthday ? [...person.birthdays, birthday] : person.birthdays,
  }
}

function pick(node: Node): { namespace: string; value: string; trust: string } {
  return { namespace: node.namespace, value: node.value, trust: node.trust }
}

/** The side of an event whose identifiers nobody owns yet. */
function freshSide(hearing: Hearing): Side {
  const nodes = hearing.fresh.map((one) => ({ ...one, device: one.class === 'device', lastSeenAt: hearing.at }))
  const { firstName, lastName, birthday } = hearing.facts
  return {
    person: null,
    nodes,
    known: isKnown(nodes),
    firstNames: firstName ? [firstName] : [],
    lastNames: lastName ? [lastName] : [],
    birthdays: birthday ? [birthday] : [],
  }
}

/** Known = at least one strong or one verified contact identifier. */
function isKnown(nodes: { namespace: string; trust: string }[]): boolean {
  return nodes.some((node) => rankOf(node.namespace, node.trust as 'verified') < 14)
}

/** Why the two may not be joined by this identifier, or null. The first reason counts (spec identity §4). */
function gate(hearing: Hearing, one: Side, other: Side, via: Named, node: Node): ConflictCode | null {
  const { graph, event, at } = hearing
  if (graph.negatives.size > 0 && keptApart(graph, one, other)) return 'negative_edge'
  if (uniqueConflict(hearing.rules, one, other)) return 'unique_conflict'
  const bothKnown = one.known && other.known
  if (via.class === 'transaction' || isClaim(via)) return 'weak_evidence'
  if (bothKnown && via.class === 'device') return 'weak_evidence'
  if (bothKnown && one.person && !event.mayJoin) return 'weak_evidence'
  if (via.class === 'contact') {
    if (!via.joins || node.trust !== 'verified') return 'weak_evidence'
    if (personConflict(one, other)) return 'person_conflict'
  }
  if (tooMany(hearing.rules, one, other, at)) return 'limit'
  if (bothKnown && one.person && other.person && overBudget(one.person, other.person, at)) return 'merge_budget'
  if (countedNodes(one.nodes) + countedNodes(other.nodes) > limits.identifiersPerPerson) return 'merge_budget'
  return null
}

/** One side of a join that a run of matching wants: its active identifiers, and the joins of known people it had today. */
export type RunSide = Pick<Side, 'nodes'> & { mergesToday: number; knownMembers: number }

/**
 * Why a run may not join two people: like the gate, without what is asked of a joining identifier, because here the
 * records are the evidence. A source may hold two customer numbers of one person; nobody has two logins.
 */
export function gateOfRun(
  rules: Pick<Rules, 'limits'>,
  one: RunSide,
  other: RunSide,
  at: number,
): 'unique_conflict' | 'limit' | 'merge_budget' | null {
  const logins = ({ nodes }: RunSide) => ({ nodes: nodes.filter((node) => baseOf(node.namespace) === 'user_id') })
  if (uniqueConflict(rules, logins(one), logins(other))) return 'unique_conflict'
  if (tooMany(rules, one, other, at)) return 'limit'
  if (countedNodes(one.nodes) + countedNodes(other.nodes) > limits.identifiersPerPerson) return 'merge_budget'
  if (!isKnown(one.nodes) || !isKnown(other.nodes)) return null
  const tooOften = Math.max(one.mergesToday, other.mergesToday) >= limits.mergesPerDay
  return tooOften || one.knownMembers + other.knownMembers > limits.knownMembers ? 'merge_budget' : null
}

function keptApart(graph: Graph, one: Side, other: Side): boolean {
  return one.nodes.some((left) => {
    const apart = graph.negatives.get(keyOf(left))
    return apart !== undefined && other.nodes.some((right) => apart.has(keyOf(right)))
  })
}

/** Both sides bring a value of one issuer, and together they are more than a person has. */
function uniqueConflict(rules: Pick<Rules, 'limits'>, one: Pick<Side, 'nodes'>, other: Pick<Side, 'nodes'>): boolean {
  const strong = (side: Pick<Side, 'nodes'>) =>
    Map.groupBy(
      side.nodes.filter((node) => rankOf(node.namespace, 'verified') < 10),
      (node) => node.namespace,
    )
  const theirs = strong(other)
  for (const [namespace, nodes] of strong(one)) {
    const values = theirs.get(namespace)
    if (!values) continue
    const all = new Set([...nodes, ...values].map((node) => node.value))
    if (all.size > (rules.limits.get(baseOf(namespace))?.most ?? strongLimit(namespace))) return true
  }
  return false
}

/** Only a contact speaks for the join, and first name or birth date speak against it: a household, most likely. */
function personConflict(one: Side, other: Side): boolean {
  const clash = (left: string[], right: string[], conflicts: (a: string, b: string) => boolean) =>
    left.length > 0 && right.length > 0 && left.every((a) => right.every((b) => conflicts(a, b)))
  const swapped =
    one.firstNames.some((name) => other.lastNames.includes(name)) &&
    one.lastNames.some((name) => other.firstNames.includes(name))
  if (!swapped && clash(one.firstNames, other.firstNames, namesConflict)) return true
  return clash(one.birthdays, other.birthdays, birthdaysConflict)
}

function tooMany(
  rules: Pick<Rules, 'limits'>,
  one: Pick<Side, 'nodes'>,
  other: Pick<Side, 'nodes'>,
  at: number,
): boolean {
  const all = [...one.nodes, ...other.nodes]
  const most = (base: string, otherwise: number) => rules.limits.get(base)?.most ?? otherwise
  const count = (base: string) =>
    new Set(all.filter((node) => baseOf(node.namespace) === base).map((node) => node.value)).size
  if (count('email') > most('email', limits.contacts) || count('phone') > most('phone', limits.contacts)) return true
  const devices = all.filter((node) => node.device && Math.abs(at - node.lastSeenAt) <= limits.deviceDays * day)
  return devices.length > most('anonymous_id', limits.devices)
}

function overBudget(one: Person, other: Person, at: number): boolean {
  const today = dayOf(at)
  const merges = (person: Person) => (person.mergedOn === today ? person.mergesThatDay : 0)
  return (
    Math.max(merges(one), merges(other)) >= limits.mergesPerDay ||
    one.knownMembers + other.knownMembers > limits.knownMembers
  )
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function conflict(
  hearing: Hearing,
  code: ConflictCode,
  one: PersonId | null,
  other: PersonId | null,
  via: Named,
): void {
  const { graph, event, at } = hearing
  if (code === 'weak_evidence' && via.class === 'transaction') return
  const [first, second] = one !== null && other !== null && other < one ? [other, one] : [one, other]
  const key = `${first} ${second} ${code}`
  const known = graph.conflicts.get(key)
  if (known) {
    known.times++
    known.at = Math.max(known.at, at)
    known.first = Math.min(known.first, at)
    return
  }
  graph.conflicts.set(key, {
    kind: 'conflict',
    code,
    one: first,
    other: second,
    via: { namespace: via.namespace, value: via.value },
    at,
    first: at,
    times: 1,
    evidence: { event: event.id, trust: via.trust, publishable: !event.mayJoin },
  })
}

// --- joining --------------------------------------------------------------------------------------------------------------

function join(hearing: Hearing, one: Person, other: Person, via: Named): Person {
  const cause = `same ${baseOf(via.namespace)}`
  const { event, at } = hearing
  const anchor = hearing.anchor
  return merge(hearing.graph, hearing.rules, one, other, {
    at,
    via: { namespace: via.namespace, value: via.value },
    with: anchor ? { namespace: anchor.namespace, value: anchor.value } : null,
    cause,
    event: event.id,
    source: event.source,
  })
}

export type JoinFacts = Pick<LogEntry, 'via' | 'with' | 'cause' | 'event' | 'source'> & { at: number }

/** Makes one person of two: the strongest class wins, then the oldest, then the smaller id. */
export function merge(graph: Graph, rules: Rules, one: Person, other: Person, facts: JoinFacts): Person {
  const [winner, loser] = wins(one, other) ? [one, other] : [other, one]
  const bothKnown = isKnown([...winner.nodes]) && isKnown([...loser.nodes])
  const seq = rules.nextSeq()
  const mapped = graph.mapped.get(loser.id) ?? new Set<PersonId>()
  graph.log.push({
    seq,
    kind: 'merge',
    eventAt: facts.at,
    winner: winner.id,
    loser: loser.id,
    via: facts.via,
    with: facts.with,
    cause: facts.cause,
    event: facts.event,
    source: facts.source,
    before: {
      identifiers: strongestOf(loser, 200),
      kept: strongestOf(winner, 5),
      mapped: [...mapped],
      winner: imageOf(winner),
      loser: imageOf(loser),
    },
  })
  for (const node of loser.nodes) {
    node.person = winner.id
    mark(graph, node)
    winner.nodes.add(node)
  }
  loser.nodes = new Set()
  loser.state = 'merged'
  loser.dirty = true
  mark(graph, winner)
  winner.contested ||= loser.contested
  winner.firstSeenAt = Math.min(winner.firstSeenAt, loser.firstSeenAt)
  winner.firstNames = union(winner.firstNames, loser.firstNames)
  winner.lastNames = union(winner.lastNames, loser.lastNames)
  winner.birthdays = union(winner.birthdays, loser.birthdays)
  if (bothKnown) {
    const today = dayOf(facts.at)
    winner.mergesThatDay = (winner.mergedOn === today ? winner.mergesThatDay : 0) + 1
    winner.mergedOn = today
    winner.knownMembers += loser.knownMembers
  }
  const all = graph.mapped.get(winner.id) ?? new Set<PersonId>()
  for (const id of [...mapped, loser.id]) {
    graph.living.set(id, winner.id)
    all.add(id)
  }
  graph.mapped.set(winner.id, all)
  graph.mapped.delete(loser.id)
  graph.merges.push({ winner: winner.id, loser: loser.id, at: facts.at, log: seq })
  return winner
}

/** The identifiers of a person, strongest first. */
export function strongestOf(person: Person, most: number): Key[] {
  return [...person.nodes]
    .toSorted(
      (one, other) =>
        rankOf(one.namespace, one.trust) - rankOf(other.namespace, other.trust) || (keyOf(one) < keyOf(other) ? -1 : 1),
    )
    .slice(0, most)
    .map((node) => ({ namespace: node.namespace, value: node.value }))
}

function imageOf(person: Person): PersonImage {
  const { firstSeenAt, firstNames, lastNames, birthdays, knownMembers } = person
  return {
    firstSeenAt,
    firstNames: [...firstNames],
    lastNames: [...lastNames],
    birthdays: [...birthdays],
    knownMembers,
  }
}

function union(one: string[], other: string[]): string[] {
  return [...new Set([...one, ...other])].slice(0, 6)
}

function wins(one: Person, other: Person): boolean {
  const left = classRank(one)
  const right = classRank(other)
  if (left !== right) return left < right
  if (one.firstSeenAt !== other.firstSeenAt) return one.firstSeenAt < other.firstSeenAt
  return one.id < other.id
}

/** 0 strong, 1 verified contact, 2 claimed contact, 3 transaction, 4 device. */
function classRank(person: Person): number {
  let best = 5
  for (const node of person.nodes) {
    const rank = rankOf(node.namespace, node.trust)
    best = Math.min(best, rank < 10 ? 0 : rank < 14 ? 1 : rank < 20 ? 2 : rank < 40 ? 3 : 4)
  }
  return best
}
