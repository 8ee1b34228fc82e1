import type { PersonId } from '@einklang/contract'
import { type Clock, type Database, Refusal, type Secrets } from '@einklang/platform'
import { keyOf, type MergeBefore, merge, type Node, type Person } from './graph.ts'
import { rankOf } from './normalise.ts'
import { loadPeople, lockGraph, rulesFor, saveGraph } from './store.ts'

type Needs = { clock: Clock; secrets: Secrets; country: string }
export type Undone = { winner: PersonId; loser: PersonId; changed: boolean }

type LogRow = {
  id: string
  seq: number
  kind: string
  winner: PersonId
  loser: PersonId | null
  viaNamespace: string | null
  viaValue: string | null
  withNamespace: string | null
  withValue: string | null
  before: MergeBefore
  undoneAt: Date | null
}

/**
 * Takes one merge back, also an old one with later merges on top. What came since goes to the side whose identifier
 * it came with; the two sides are remembered as different people.
 */
export async function unmerge(
  needs: Needs,
  tx: Database,
  id: string,
  actor: string,
  reason: string | null,
): Promise<Undone> {
  await lockGraph(tx)
  const entry = await logRow(tx, id)
  if (!entry || entry.kind !== 'merge' || entry.loser === null) {
    throw new Refusal(404, 'unknown_merge', 'There is no such merge.')
  }
  const loser = entry.loser
  const now = await tx.row<{ person: PersonId }>`select identity.current(${loser}) as person`
  const living = now?.person ?? entry.winner
  if (entry.undoneAt) return { winner: living, loser, changed: false }
  await refuseErased(tx, [loser, living])

  const graph = await loadPeople(tx, [living])
  const winner = graph.persons.get(living)
  if (!winner) throw new Refusal(409, 'not_merged', 'The person that absorbed the other one is gone.')
  const side = await loserSide(tx, entry, winner)
  const returned = await revived(tx, loser, entry.before)
  graph.persons.set(loser, returned)
  for (const node of side.nodes) {
    winner.nodes.delete(node)
    returned.nodes.add(node)
    node.person = loser
    node.dirty = true
  }
  restoreFacts(winner, returned, entry.before)
  await saveGraph(needs, tx, graph, actor)
  await mapBack(tx, loser, side.persons)
  await keepApart(needs, tx, winner, returned, reason ?? 'unmerge', actor)
  await noteUndo(needs, tx, entry, living, actor, reason)
  return { winner: living, loser, changed: true }
}

async function logRow(tx: Database, id: string): Promise<LogRow | undefined> {
  return tx.row<LogRow>`
    select id, seq, kind, winner, loser, via_namespace as "viaNamespace", via_value as "viaValue",
      with_namespace as "withNamespace", with_value as "withValue", before, undone_at as "undoneAt"
    from identity.log where id = ${id}`
}

async function refuseErased(tx: Database, persons: PersonId[]): Promise<void> {
  const erased = await tx.rows`select id from identity.person where id = any(${persons}::uuid[]) and state = 'erased'`
  if (erased.length > 0) {
    throw new Refusal(409, 'erased', 'One of the two was erased; an undo would bring erased data back.')
  }
}

/**
 * What belongs to the loser: the identifiers it brought, those attached since together with one of them, and people
 * that were joined later by one of them.
 */
async function loserSide(tx: Database, entry: LogRow, winner: Person): Promise<{ nodes: Node[]; persons: PersonId[] }> {
  const mine = new Set(entry.before.identifiers.map(keyOf))
  const persons = new Set<PersonId>(entry.before.mapped)
  const nodes = [...winner.nodes]
  const later = await tx.rows<LogRow>`
    select id, seq, kind, winner, loser, via_namespace as "viaNamespace", via_value as "viaValue",
      with_namespace as "withNamespace", with_value as "withValue", before, undone_at as "undoneAt"
    from identity.log
    where kind = 'merge' and seq > ${entry.seq} and undone_at is null
      and identity.current(winner) = ${winner.id} order by seq`
  for (let grown = true; grown; ) {
    grown = false
    for (const node of nodes) {
      if (mine.has(keyOf(node)) || node.attachedLog <= entry.seq || !node.with || !mine.has(keyOf(node.with))) continue
      if (later.some((one) => !persons.has(one.loser as PersonId) && hasIdentifier(one, node))) continue
      mine.add(keyOf(node))
      grown = true
    }
    for (const one of later) {
      if (one.loser === null || persons.has(one.loser) || !evidencedBy(one, mine)) continue
      persons.add(one.loser)
      for (const id of one.before.mapped) persons.add(id)
      for (const identifier of one.before.identifiers) mine.add(keyOf(identifier))
      grown = true
    }
  }
  return { nodes: nodes.filter((node) => mine.has(keyOf(node))), persons: [...persons] }
}

function hasIdentifier(entry: LogRow, node: Node): boolean {
  return entry.before.identifiers.some((one) => keyOf(one) === keyOf(node))
}

/** The evidence of a later join: the identifier that joined and the one it came with, on the side that had them. */
function evidencedBy(entry: LogRow, mine: Set<string>): boolean {
  const own = new Set(entry.before.identifiers.map(keyOf))
  const evidence = [
    [entry.viaNamespace, entry.viaValue],
    [entry.withNamespace, entry.withValue],
  ]
    .filter(([namespace]) => namespace !== null)
    .map(([namespace, value]) => keyOf({ namespace: namespace as string, value: value as string }))
    // The joined person's own half of the evidence says nothing about which side it was joined to.
    .filter((key) => !own.has(key))
  return evidence.length > 0 && evidence.every((key) => mine.has(key))
}

async function revived(tx: Database, id: PersonId, before: MergeBefore): Promise<Person> {
  const image = before.loser
  const row = await tx.row<{ mergedOn: string | null; mergesThatDay: number }>`
    select merged_on as "mergedOn", merges_that_day as "mergesThatDay" from identity.person where id = ${id}`
  return {
    id,
    state: 'active',
    firstSeenAt: image.firstSeenAt,
    firstNames: image.firstNames,
    lastNames: image.lastNames,
    birthdays: image.birthdays,
    mergedOn: row?.mergedOn ?? null,
    mergesThatDay: row?.mergesThatDay ?? 0,
    knownMembers: image.knownMembers,
    nodes: new Set(),
    dirty: true,
  }
}

/** The winner loses what only the loser had said; what was heard since stays. */
function restoreFacts(winner: Person, loser: Person, before: MergeBefore): void {
  const without = (now: string[], theirs: string[], own: string[]) =>
    now.filter((value) => own.includes(value) || !theirs.includes(value))
  winner.firstNames = without(winner.firstNames, before.loser.firstNames, before.winner.firstNames)
  winner.lastNames = without(winner.lastNames, before.loser.lastNames, before.winner.lastNames)
  winner.birthdays = without(winner.birthdays, before.loser.birthdays, before.winner.birthdays)
  winner.knownMembers = Math.max(1, winner.knownMembers - loser.knownMembers)
  if (winner.firstSeenAt === before.loser.firstSeenAt) winner.firstSeenAt = before.winner.firstSeenAt
  winner.dirty = true
}

/** People on the loser's side point at the loser again; the loser stands for itself. */
async function mapBack(tx: Database, loser: PersonId, persons: PersonId[]): Promise<void> {
  await tx.run`
    update identity.merged set undone = true, synced = false, version = nextval('identity.merged_version')
    where loser = ${loser}`
  const others = persons.filter((person) => person !== loser)
  if (others.length === 0) return
  await tx.run`
    update identity.merged set winner = ${loser}, synced = false, version = nextval('identity.merged_version')
    where loser = any(${others}::uuid[]) and not undone`
}

/** A negative edge between the strongest identifiers of both sides. */
export async function keepApart(
  needs: { clock: Clock },
  tx: Database,
  one: Person,
  other: Person,
  reason: string,
  actor: string,
): Promise<void> {
  const left = strongest(one)
  const right = strongest(other)
  if (!left || !right) return
  const [first, second] = keyOf(left) < keyOf(right) ? [left, right] : [right, left]
  await tx.run`
    insert into identity.negative (one_namespace, one_value, other_namespace, other_value, reason, actor, created_at)
    values (${first.namespace}, ${first.value}, ${second.namespace}, ${second.value}, ${reason}, ${actor}, ${needs.clock.now()})
    on conflict do nothing`
}

function strongest(person: Person): Node | null {
  let best: Node | null = null
  for (const node of person.nodes) {
    const rank = rankOf(node.namespace, node.trust)
    const known = best ? rankOf(best.namespace, best.trust) : Number.POSITIVE_INFINITY
    if (rank < known || (rank === known && best && keyOf(node) < keyOf(best))) best = node
  }
  return best
}

async function noteUndo(
  needs: Needs,
  tx: Database,
  entry: LogRow,
  winner: PersonId,
  actor: string,
  reason: string | null,
): Promise<void> {
  const now = needs.clock.now()
  const rules = await rulesFor(needs, tx, needs.country, [])
  const made = await tx.row<{ id: string }>`
    insert into identity.log (id, seq, kind, at, event_at, winner, loser, via_namespace, via_value, cause, actor, before)
    values (gen_random_uuid(), ${rules.nextSeq()}, 'unmerge', ${now}, ${now}, ${winner}, ${entry.loser},
      ${entry.viaNamespace}, ${entry.viaValue}, ${reason ?? 'undone'}, ${actor}, ${tx.json({ undoes: entry.id })})
    returning id`
  await tx.run`update identity.log set undone_at = ${now}, undone_by = ${made?.id ?? null} where id = ${entry.id}`
}

/** A person of the house says that two customers are one: past the gate, with an exception that later events respect. */
export async function mergeByHand(
  needs: Needs,
  tx: Database,
  one: PersonId,
  other: PersonId,
  actor: string,
  reason: string,
): Promise<{ winner: PersonId; loser: PersonId | null }> {
  await lockGraph(tx)
  await refuseErased(tx, [one, other])
  const graph = await loadPeople(tx, [one, other])
  const living = (id: PersonId) => graph.living.get(id) ?? id
  const left = graph.persons.get(living(one))
  const right = graph.persons.get(living(other))
  if (!left || !right) throw new Refusal(404, 'unknown_person', 'There is no such person.')
  if (left === right) return { winner: left.id, loser: null }
  const rules = await rulesFor(needs, tx, needs.country, [])
  const winner = merge(graph, rules, left, right, {
    at: needs.clock.now().getTime(),
    via: null,
    with: null,
    cause: reason,
    event: '',
    source: '',
  })
  const loser = winner === left ? right : left
  await saveGraph(needs, tx, graph, actor)
  await tx.run`
    insert into identity.exception (one, other, actor, created_at)
    values (${winner.id}, ${loser.id}, ${actor}, ${needs.clock.now()}) on conflict do nothing`
  // What was said before against the two does not hold any more.
  await tx.run`
    delete from identity.negative
    where exists (select from identity.identifier where person = ${winner.id} and namespace = one_namespace and value = one_value)
      and exists (select from identity.identifier where person = ${winner.id} and namespace = other_namespace and value = other_value)`
  return { winner: winner.id, loser: loser.id }
}
