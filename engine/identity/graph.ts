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
  /** Devices: earlier owners. Others: people who were refused it lately. Oldest first. */
  earlier: { since: number; person: PersonId }[]
  uses: number
  usesSince: number | null
  dirty: boolean
}

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
  /** All identifiers of the person, where a decision may need them. */
  nodes: Set<Node>
  dirty: boolean
}

export type LogEntry = {
  seq: number
  kind: 'merge' | 'attach' | 'detach'
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

/** What was known when the batch began, and all that the batch changes. */
export type Graph = {
  nodes: Map<string, Node>
  persons: Map<PersonId, Person>
  /** Loser → living person, flattened. */
  living: Map<PersonId, PersonId>
  /** Losers per living person, for before-images. */
  mapped: Map<PersonId, Set<PersonId>>
  negatives: Set<string>
  exceptions: Set<string>
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
    negatives: new Set(),
    exceptions: new Set(),
    log: [],
    merges: [],
    conflicts: new Map(),
    created: [],
  }
}

/** The normalised identifiers of an event, strongest first; what had to be left out is flagged on the event. */
export function namedOf(event: NormalEvent, country: string): Named[] {
  const found: Named[] = []
  for (const given of event.identifiers) {
    if (given.namespace === 'person') continue
    const named = normalise(given, country)
    if ('refused' in named) flag(event, named.refused)
    else if (named.class === 'household') continue
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

function flag(event: NormalEvent, name: string): void {
  if (!event.flags.includes(name)) event.flags.push(name)
}

// --- one event --------------------------------------------------------------------------------------------------------

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
  facts: { firstName: string; lastName: string; birthday: string | null }
}

/**
 * Whose event is it? Attaches what nobody owns, joins people where the gate allows, leaves out what it refuses.
 * The order of checks is that of spec identity §4. Null = the event names nobody.
 */
export function resolveEvent(graph: Graph, rules: Rules, event: NormalEvent, named: Named[]): PersonId | null {
  const at = Date.parse(event.at)
  const hearing: Hearing = {
    graph,
    rules,
    event,
    at,
    current: pinned(graph, event),
    fresh: [],
    anchor: null,
    refused: [],
    facts: factsOf(event),
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
  if (!person) return null
  hearing.current = person
  for (const one of hearing.fresh) attach(hearing, person, one)
  for (const one of toVerify) verify(hearing, person, one)
  if (!alone) for (const one of claims) claim(hearing, person, one)
  for (const refusal of hearing.refused) settleRefusal(hearing, person, refusal)
  touch(hearing, person, named)
  hear(hearing, person)
  return person.id
}

/** Two known people on one device: the device changes hands. Anything else is a conflict for review. */
function settleRefusal(hearing: Hearing, person: Person, refusal: Hearing['refused'][number]): void {
  const { code, owner, via, node } = refusal
  if (livingPerson(hearing.graph, owner) === person) return
  const apart = code === 'weak_evidence' || code === 'unique_conflict' || code === 'negative_edge'
  if (via.class === 'device' && apart) return switchDevice(hearing, person, via)
  if (via.class === 'transaction') return
  conflict(hearing, code, person.id, owner, via)
  suitor(hearing, node, person)
}

function isClaim(one: Named): boolean {
  return one.class === 'contact' && one.trust === 'claimed'
}

function pinned(graph: Graph, event: NormalEvent): Person | null {
  const pin = event.identifiers.find((one) => one.namespace === 'person')
  return pin ? livingPerson(graph, pin.value as PersonId) : null
}

export function livingPerson(graph: Graph, id: PersonId): Person | null {
  const person = graph.persons.get(graph.living.get(id) ?? id)
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

/** Nobody was found: the strongest identifier that may begin a person does so. An order number alone may not. */
function foundPerson(hearing: Hearing, toVerify: Named[]): Person | null {
  const founder = [...hearing.fresh, ...toVerify].find((one) => one.class !== 'transaction')
  if (!founder) return null
  const { graph, rules, at } = hearing
  const node = graph.nodes.get(keyOf(founder))
  // A device that has expired or a contact taken over begins somebody else than the first time.
  const again = node ? `\u0000${node.attachedLog}` : ''
  const generation = rules.generation(founder.namespace, founder.value)
  const id = rules.idFor(`${founder.namespace}\u0000${founder.value}\u0000${generation}${again}`)
  hearing.anchor = founder
  const known = graph.persons.get(id)
  if (known && known.state === 'active') return known
  const person: Person = {
    id,
    state: 'active',
    firstSeenAt: at,
    firstNames: [],
    lastNames: [],
    birthdays: [],
    mergedOn: null,
    mergesThatDay: 0,
    knownMembers: 1,
    nodes: new Set(),
    dirty: true,
  }
  graph.persons.set(id, person)
  graph.created.push(id)
  return person
}

// --- ownership over time ----------------------------------------------------------------------------------------------

/** Blocked and shared values neither find nor join anybody; a card used like a cashier's becomes shared here. */
function unusable(hearing: Hearing, node: Node): boolean {
  const { event, at } = hearing
  if (node.status === 'active' && baseOf(node.namespace) === 'loyalty_card' && event.name === 'Order Completed') {
    countUse(hearing, node, at)
  }
  if (node.status === 'shared') flag(event, 'hot_value')
  if (node.status === 'blocked') flag(event, 'blocked_identifier')
  return node.status === 'shared' || node.status === 'blocked'
}

function countUse(hearing: Hearing, node: Node, at: number): void {
  if (node.usesSince === null || Math.abs(at - node.usesSince) > day) {
    node.usesSince = at
    node.uses = 0
  }
  node.uses++
  node.dirty = true
  if (node.uses > limits.hotReceipts) share(hearing, node, { receipts: node.uses })
}

function share(hearing: Hearing, node: Node, evidence: Conflict['evidence']): void {
  node.status = 'shared'
  node.dirty = true
  const key = `hot ${keyOf(node)}`
  hearing.graph.conflicts.set(key, {
    kind: 'hot_value',
    code: 'hot_value',
    one: null,
    other: null,
    via: { namespace: node.namespace, value: node.value },
    at: hearing.at,
    first: hearing.at,
    times: 1,
    evidence,
  })
}

/** Who had the identifier at the time of the event: devices change hands, and are forgotten after a month. */
function ownerAt(hearing: Hearing, node: Node): Person | null {
  const { graph, at } = hearing
  if (node.person === null) return null
  if (baseClass(node) !== 'device') return livingPerson(graph, node.person)
  const last = livingPerson(graph, node.person)
  // Nobody is known for longer than a month by a device alone; a visitor without a name stays the same visitor.
  if (at - node.lastSeenAt > limits.deviceDays * day && last && isKnown([...last.nodes])) return null
  if (at >= node.since) return last
  const epoch = node.earlier.findLast((one) => one.since <= at) ?? node.earlier[0]
  return livingPerson(graph, epoch ? epoch.person : node.person)
}

function baseClass(node: Node): 'device' | 'other' {
  const base = baseOf(node.namespace)
  return base === 'anonymous_id' || base === 'push_token' || base === 'click_id' ? 'device' : 'other'
}

/** Another known customer signs in on a known device: from that moment on the device is theirs, nobody is joined. */
function switchDevice(hearing: Hearing, person: Person, one: Named): void {
  const node = hearing.graph.nodes.get(keyOf(one))
  if (!node || node.person === null || node.person === person.id) return
  const { at } = hearing
  if (at >= node.since) {
    node.earlier.push({ since: node.since, person: node.person })
    own(hearing, node, person)
    node.since = at
  } else {
    node.earlier.push({ since: at, person: person.id })
    node.earlier.sort((a, b) => a.since - b.since)
  }
  if (node.earlier.length > 50) node.earlier.shift()
  node.dirty = true
  const lately = new Set(node.earlier.filter((epoch) => Math.abs(at - epoch.since) <= day).map((epoch) => epoch.person))
  lately.add(node.person)
  if (lately.size > limits.hotPeople) share(hearing, node, { people: lately.size })
}

/** Remembers who was refused the value; a value that many people show is no evidence for anybody. */
function suitor(hearing: Hearing, node: Node, person: Person): void {
  if (baseClass(node) === 'device') return
  const { at } = hearing
  node.earlier = node.earlier.filter((one) => Math.abs(at - one.since) <= day && one.person !== person.id)
  node.earlier.push({ since: at, person: person.id })
  node.dirty = true
  if (node.earlier.length + 1 > limits.hotPeople) share(hearing, node, { people: node.earlier.length + 1 })
}

function own(hearing: Hearing, node: Node, person: Person): void {
  if (node.person) hearing.graph.persons.get(node.person)?.nodes.delete(node)
  node.person = person.id
  person.nodes.add(node)
  node.dirty = true
}

// --- attaching ----------------------------------------------------------------------------------------------------------

function attach(hearing: Hearing, person: Person, one: Named): void {
  const { graph, rules, event, at, anchor } = hearing
  const refusal = room(person, one, at)
  if (refusal) {
    conflict(hearing, refusal, person.id, null, one)
    return
  }
  const known = graph.nodes.get(keyOf(one))
  const together = anchor && keyOf(anchor) !== keyOf(one) ? { namespace: anchor.namespace, value: anchor.value } : null
  if (known) {
    // Known but without an owner now: released, or a device that was not seen for a month.
    if (known.person === person.id) return
    if (known.person && baseClass(known) === 'device') known.earlier.push({ since: known.since, person: known.person })
    own(hearing, known, person)
    Object.assign(known, {
      trust: one.trust,
      status: 'active',
      since: at,
      with: together,
      event: event.id,
      source: event.source,
      firstPerson: person.id,
      attachedLog: rules.nextSeq(),
      lastSeenAt: Math.max(known.lastSeenAt, at),
    })
    return
  }
  const node: Node = {
    namespace: one.namespace,
    value: one.value,
    person: person.id,
    trust: one.trust,
    status: 'active',
    firstSeenAt: at,
    lastSeenAt: at,
    source: event.source,
    event: event.id,
    with: together,
    firstPerson: person.id,
    attachedLog: rules.nextSeq(),
    since: at,
    earlier: [],
    uses: baseOf(one.namespace) === 'loyalty_card' && event.name === 'Order Completed' ? 1 : 0,
    usesSince: at,
    dirty: true,
  }
  graph.nodes.set(keyOf(one), node)
  person.nodes.add(node)
}

/** Is there room on the person for one more identifier of this kind? */
function room(person: Person, one: Named, at: number): ConflictCode | null {
  const own = [...person.nodes].filter((node) => node.status === 'active')
  const alike = own.filter((node) => node.namespace === one.namespace)
  if (one.class === 'strong') {
    return alike.length >= strongLimit(one.namespace) ? 'unique_conflict' : null
  }
  if (one.class === 'contact' && alike.filter((node) => at - node.firstSeenAt <= 365 * day).length >= limits.contacts)
    return 'limit'
  if (one.class === 'device') {
    const active = own.filter(
      (node) => baseClass(node) === 'device' && Math.abs(at - node.lastSeenAt) <= limits.deviceDays * day,
    )
    if (active.length >= limits.devices) return 'limit'
  }
  // Order numbers are no identity; a faithful customer may have hundreds.
  const counted = own.filter((node) => rankOf(node.namespace, node.trust) < 20 || baseClass(node) === 'device')
  return one.class !== 'transaction' && counted.length >= limits.identifiersPerPerson ? 'limit' : null
}

function strongLimit(namespace: string): number {
  return baseOf(namespace) === 'loyalty_card' ? limits.loyaltyCards : limits.strong
}

/** A verified contact on a merely claimed one: the same person confirms it, another one takes it over. */
function verify(hearing: Hearing, person: Person, one: Named): void {
  const node = hearing.graph.nodes.get(keyOf(one))
  if (!node) return attach(hearing, person, one)
  if (node.person !== person.id) {
    if (room(person, one, hearing.at)) return
    const { graph, rules, event, at } = hearing
    const before = node.person
    if (before) {
      graph.log.push({
        seq: rules.nextSeq(),
        kind: 'detach',
        eventAt: at,
        winner: person.id,
        loser: before,
        via: { namespace: one.namespace, value: one.value },
        with: hearing.anchor ? { namespace: hearing.anchor.namespace, value: hearing.anchor.value } : null,
        cause: 'verified_elsewhere',
        event: event.id,
        source: event.source,
        before: {},
      })
      conflict(hearing, 'weak_evidence', person.id, before, one)
    }
    own(hearing, node, person)
    node.firstPerson = person.id
    node.attachedLog = rules.nextSeq()
    node.event = event.id
    node.source = event.source
    const anchor = hearing.anchor
    node.with = anchor && keyOf(anchor) !== keyOf(one) ? { namespace: anchor.namespace, value: anchor.value } : null
  }
  node.trust = 'verified'
  node.dirty = true
}

/** A claimed contact attaches only when nobody owns it. */
function claim(hearing: Hearing, person: Person, one: Named): void {
  const node = hearing.graph.nodes.get(keyOf(one))
  if (!node || (node.person === null && node.status === 'active')) return attach(hearing, person, one)
  if (unusable(hearing, node)) return
  const owner = ownerAt(hearing, node)
  if (!owner || owner === person) return
  conflict(hearing, 'weak_evidence', person.id, owner.id, one)
  suitor(hearing, node, person)
}

function touch(hearing: Hearing, person: Person, named: Named[]): void {
  const { graph, at } = hearing
  for (const one of named) {
    const node = graph.nodes.get(keyOf(one))
    if (!node || node.person !== person.id) continue
    // To the day: every event would otherwise rewrite every identifier it names.
    if (at - node.lastSeenAt >= day || node.firstSeenAt - at >= day) {
      node.lastSeenAt = Math.max(node.lastSeenAt, at)
      node.firstSeenAt = Math.min(node.firstSeenAt, at)
      node.dirty = true
    }
  }
  if (person.firstSeenAt - at >= day) {
    person.firstSeenAt = at
    person.dirty = true
  }
}

/** Names and birth dates that were heard of the person: they can speak against a later join. */
function hear(hearing: Hearing, person: Person): void {
  const { firstName, lastName, birthday } = hearing.facts
  const add = (list: string[], value: string | null) => {
    if (!value || list.includes(value) || list.length >= 6) return
    list.push(value)
    person.dirty = true
  }
  add(person.firstNames, firstName)
  add(person.lastNames, lastName)
  add(person.birthdays, birthday)
}

function factsOf(event: NormalEvent): Hearing['facts'] {
  const { traits } = event
  if (event.kind !== 'identify') return { firstName: '', lastName: '', birthday: null }
  const text = (value: unknown) => (typeof value === 'string' ? foldName(value) : '')
  return {
    firstName: text(traits.first_name ?? traits.firstName),
    lastName: text(traits.last_name ?? traits.lastName),
    birthday: birthdayOf(traits.birthday),
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
    .map((node) => ({ ...pick(node), device: baseClass(node) === 'device', lastSeenAt: node.lastSeenAt }))
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
  const excepted = one.person && other.person ? graph.exceptions.has(pairKey(one.person.id, other.person.id)) : false
  if (graph.negatives.size > 0 && keptApart(graph, one, other)) return 'negative_edge'
  if (!excepted && uniqueConflict(one, other)) return 'unique_conflict'
  const bothKnown = one.known && other.known
  if (via.class === 'transaction' || isClaim(via)) return 'weak_evidence'
  if (bothKnown && via.class === 'device') return 'weak_evidence'
  if (bothKnown && one.person && !event.mayJoin) return 'weak_evidence'
  if (via.class === 'contact') {
    if (!via.joins || node.trust !== 'verified') return 'weak_evidence'
    if (personConflict(one, other)) return 'person_conflict'
  }
  if (tooMany(one, other, at)) return 'limit'
  if (bothKnown && one.person && other.person && overBudget(one.person, other.person, at)) return 'merge_budget'
  if (one.nodes.length + other.nodes.length > 4 * limits.identifiersPerPerson) return 'merge_budget'
  return null
}

function keptApart(graph: Graph, one: Side, other: Side): boolean {
  return one.nodes.some((left) => other.nodes.some((right) => graph.negatives.has(pairKey(keyOf(left), keyOf(right)))))
}

function uniqueConflict(one: Side, other: Side): boolean {
  const values = new Map<string, Set<string>>()
  for (const node of [...one.nodes, ...other.nodes]) {
    if (rankOf(node.namespace, 'verified') >= 10) continue
    const known = values.get(node.namespace) ?? new Set()
    known.add(node.value)
    values.set(node.namespace, known)
  }
  return [...values].some(([namespace, set]) => set.size > strongLimit(namespace))
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

function tooMany(one: Side, other: Side, at: number): boolean {
  const all = [...one.nodes, ...other.nodes]
  const count = (base: string) =>
    new Set(all.filter((node) => baseOf(node.namespace) === base).map((node) => node.value)).size
  if (count('email') > limits.contacts || count('phone') > limits.contacts) return true
  const devices = all.filter((node) => node.device && Math.abs(at - node.lastSeenAt) <= limits.deviceDays * day)
  return devices.length > limits.devices
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
      identifiers: [...loser.nodes].map((node) => ({ namespace: node.namespace, value: node.value })),
      mapped: [...mapped],
      winner: imageOf(winner),
      loser: imageOf(loser),
    },
  })
  for (const node of loser.nodes) {
    node.person = winner.id
    node.dirty = true
    winner.nodes.add(node)
  }
  loser.nodes = new Set()
  loser.state = 'merged'
  loser.dirty = true
  winner.dirty = true
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
