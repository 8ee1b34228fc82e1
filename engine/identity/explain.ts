import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import { type Evidence, evidenceUnder } from './evidence.ts'
import { type Key, keyOf, livingId, type Node } from './graph.ts'
import { baseOf, rankOf } from './normalise.ts'
import { decideAgain, type Needs, type Outcome, scopeOf } from './reevaluate.ts'
import { currentOf, type Plan } from './undo.ts'

export type Why = AnswerOf<typeof api.identity.why>
export type Effect = AnswerOf<typeof api.identity.whatif>
type Step = Why['steps'][number]

/** Orders and events under these stored ids; later stages answer it. */
export type Weigh = (ids: PersonId[]) => Promise<Map<PersonId, { orders: number; events: number }>>

const words: { [namespace: string]: string } = {
  user_id: 'login',
  customer_no: 'customer number',
  loyalty_card: 'loyalty card',
  email: 'e-mail address',
  phone: 'phone number',
  order_no: 'order',
  receipt_no: 'receipt',
  push_token: 'app installation',
  anonymous_id: 'browser or device',
  click_id: 'click',
  group_id: 'group',
}

export function word(namespace: string): string {
  return words[baseOf(namespace)] ?? namespace
}

export const sentences: { [code: string]: string } = {
  negative_edge: 'Somebody of the house has said that these are different people.',
  unique_conflict: 'Together they would have two values of which a person has only one.',
  weak_evidence: 'The only link is something that anybody could have typed, or a device that several people use.',
  person_conflict: 'They share a contact, but first name or birth date differ: a household, most likely.',
  limit: 'The person has as many identifiers of this kind as one person plausibly has.',
  merge_budget: 'Too many joins of this person in one day.',
  hot_value: 'So many people show this value that it says nothing about any of them.',
  grey_link: 'The records are alike, but not enough to join them without somebody looking.',
  too_many_together: 'More people hang together here than can be decided at once; a shared value, most likely.',
}

/**
 * The path of evidence: a tree over the identifiers in which each step is a pair that came together in events,
 * strongest steps first. With another person, the steps between the two, or what keeps them apart.
 */
export async function whyOf(needs: Needs, tx: Database, asked: PersonId, other: PersonId | null): Promise<Why> {
  const person = await currentOf(tx, asked)
  const second = other === null ? null : await currentOf(tx, other)
  const same = second === null || second === person
  const ids = await aliasesOf(tx, same ? [person] : [person, second])
  const [evidence, nodes] = [await evidenceUnder(tx, ids), await ownedBy(tx, same ? [person] : [person, second])]
  const names = await sourceNames(
    tx,
    evidence.map((row) => row.source),
  )
  const steps = treeOf(evidence, nodes, names)
  const target = same && other !== null && other !== person ? await anchorsOf(tx, other) : []
  return {
    person,
    other: second,
    same,
    steps: target.length > 0 ? between(steps, await anchorsOf(tx, asked), target) : same ? steps : [],
    decisions: await decisionsOf(tx, nodes),
    refusals: await refusalsOf(tx, person, same ? null : second),
  }
}

type Link = { one: Key; other: Key; times: number; first: number; last: number; row: Evidence; rank: number }

/** The pairs that came together most firmly, as few as hold all identifiers together. */
function treeOf(evidence: Evidence[], nodes: Node[], names: Map<string, string>): Step[] {
  const owned = new Map(nodes.map((node) => [keyOf(node), node]))
  const links = new Map<string, Link>()
  for (const row of evidence) {
    const keys = row.identifiers.map(keyIn).filter((key) => owned.has(keyOf(key)))
    const [first] = keys
    for (const key of keys.slice(1)) {
      if (!first) break
      const name = `${keyOf(first)} ${keyOf(key)}`
      const times = row.times.length
      const link = links.get(name)
      if (link) {
        link.times += times
        link.first = Math.min(link.first, row.times[0] ?? link.first)
        link.last = Math.max(link.last, row.times.at(-1) ?? link.last)
      } else {
        const rank =
          rankOf(first.namespace, 'verified') + rankOf(key.namespace, owned.get(keyOf(key))?.trust ?? 'claimed')
        links.set(name, {
          one: first,
          other: key,
          times,
          first: row.times[0] ?? 0,
          last: row.times.at(-1) ?? 0,
          row,
          rank,
        })
      }
    }
  }
  const group = new Map<string, string>()
  const root = (key: string): string => {
    const up = group.get(key) ?? key
    return up === key ? key : root(up)
  }
  const sorted = [...links.values()].toSorted((a, b) => a.rank - b.rank || b.times - a.times || a.first - b.first)
  const chosen = sorted.filter((link) => {
    const [one, other] = [root(keyOf(link.one)), root(keyOf(link.other))]
    if (one === other) return false
    group.set(one, other)
    return true
  })
  return chosen.map((link) => stepOf(link, names))
}

function stepOf(link: Link, names: Map<string, string>): Step {
  const source = names.get(link.row.source) ?? 'a source'
  const at = new Date(link.first).toISOString()
  const often = link.times === 1 ? '' : `, and ${link.times - 1} more ${link.times === 2 ? 'time' : 'times'} since`
  return {
    one: link.one,
    other: link.other,
    times: link.times,
    firstAt: at,
    lastAt: new Date(link.last).toISOString(),
    sourceName: source,
    event: link.row.event,
    sentence: `On ${at.slice(0, 10)} ${source} named the ${word(link.one.namespace)} ${link.one.value} together with the ${word(link.other.namespace)} ${link.other.value}${often}.`,
  }
}

/** The steps on the way from any of these identifiers to any of those. */
function between(steps: Step[], from: Key[], to: Key[]): Step[] {
  const goal = new Set(to.map(keyOf))
  const came = new Map<string, { back: string; step: Step } | null>(from.map((key) => [keyOf(key), null]))
  const queue = [...came.keys()]
  for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
    if (goal.has(key)) {
      const path: Step[] = []
      for (let at = came.get(key); at; at = came.get(at.back)) path.unshift(at.step)
      return path
    }
    for (const step of steps) {
      const ends = [keyOf(step.one), keyOf(step.other)]
      if (!ends.includes(key)) continue
      const next = ends[0] === key ? (ends[1] as string) : (ends[0] as string)
      if (came.has(next)) continue
      came.set(next, { back: key, step })
      queue.push(next)
    }
  }
  return steps
}

function keyIn(text: string): Key {
  const [namespace = '', value = ''] = text.split('\u001f')
  return { namespace, value }
}

async function aliasesOf(tx: Database, persons: PersonId[]): Promise<PersonId[]> {
  const rows = await tx.rows<{ id: PersonId }>`
    select distinct unnest(identity.aliases(person)) as id from unnest(${persons}::uuid[]) as person`
  return rows.map(({ id }) => id)
}

async function ownedBy(tx: Database, persons: PersonId[]): Promise<Node[]> {
  return tx.rows<Node>`
    select namespace, value, person, trust from identity.identifier where person = any(${persons}::uuid[])`
}

/** The identifiers for which an id stood before anything was joined. */
async function anchorsOf(tx: Database, person: PersonId): Promise<Key[]> {
  return tx.rows<Key>`
    select namespace, value from identity.identifier where first_person = ${person} or atom = ${person}`
}

export async function sourceNames(tx: Database, sources: string[]): Promise<Map<string, string>> {
  if (sources.length === 0) return new Map()
  const rows = await tx.rows<{ id: string; name: string }>`
    select id, name from ingest.source_name where id = any(${[...new Set(sources)]}::uuid[])`
  return new Map(rows.map((row) => [row.id, row.name]))
}

async function decisionsOf(tx: Database, nodes: Node[]): Promise<Why['decisions']> {
  const keys = nodes.map(({ namespace, value }) => ({ namespace, value }))
  const asked = tx.part`jsonb_to_recordset(${tx.json(keys)}) as asked(namespace text, value text)`
  const rows = await tx.rows<{
    kind: 'different' | 'same'
    one: Key
    other: Key
    reason: string
    actor: string
    at: Date
  }>`
    select distinct 'different' as kind, jsonb_build_object('namespace', one_namespace, 'value', one_value) as one,
      jsonb_build_object('namespace', other_namespace, 'value', other_value) as other, reason, actor, created_at as at
    from ${asked} join identity.negative on (one_namespace, one_value) = (asked.namespace, asked.value)
      or (other_namespace, other_value) = (asked.namespace, asked.value)
    union select 'same', jsonb_build_object('namespace', one_namespace, 'value', one_value),
      jsonb_build_object('namespace', other_namespace, 'value', other_value), reason, actor, created_at
    from ${asked} join identity.together on (one_namespace, one_value) = (asked.namespace, asked.value)
      or (other_namespace, other_value) = (asked.namespace, asked.value)`
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

async function refusalsOf(tx: Database, person: PersonId, other: PersonId | null): Promise<Why['refusals']> {
  const rows = await tx.rows<{ code: string; via: Key; firstAt: Date; lastAt: Date }>`
    select code, jsonb_build_object('namespace', via_namespace, 'value', via_value) as via, first_at as "firstAt",
      last_at as "lastAt"
    from identity.refusal
    where (one = any(identity.aliases(${person})) or refusal.other = any(identity.aliases(${person})))
      and (${other}::uuid is null or one = any(identity.aliases(${other ?? person})) or refusal.other = any(identity.aliases(${other ?? person})))
    order by last_at desc limit 50`
  return rows.map((row) => ({
    ...row,
    sentence: sentences[row.code] ?? row.code,
    firstAt: row.firstAt.toISOString(),
    lastAt: row.lastAt.toISOString(),
  }))
}

/** Who would be who without one identifier. */
export async function whatifOf(needs: Needs, tx: Database, asked: PersonId, key: Key, weigh: Weigh): Promise<Effect> {
  const person = await currentOf(tx, asked)
  const scope = await scopeOf(tx, [person])
  if (!scope) throw new Refusal(409, 'too_many', 'More than two thousand people hang together here.')
  if (scope.nodes.get(keyOf(key))?.person !== person)
    throw new Refusal(404, 'unknown_identifier', 'This identifier is not this person’s.')
  const outcome = await decideAgain(needs, tx, scope, { blocked: [key] })
  return effectOf(outcome, person, '', weigh, key)
}

export function effectOfPlan(plan: Plan, person: PersonId, weigh: Weigh): Promise<Effect> {
  return effectOf(plan.outcome, person, plan.print, weigh, null)
}

/** The people that the identifiers and stored ids of one person would be afterwards. */
async function effectOf(
  outcome: Outcome,
  person: PersonId,
  print: string,
  weigh: Weigh,
  without: Key | null,
): Promise<Effect> {
  const { scope, graph, named, target } = outcome
  const nameOf = (id: PersonId) => named.get(livingId(graph, id)) ?? livingId(graph, id)
  const people = new Map<PersonId, { keys: (Key & { moves: boolean })[]; ids: PersonId[] }>()
  const at = (id: PersonId) => {
    const known = people.get(id) ?? { keys: [], ids: [] }
    people.set(id, known)
    return known
  }
  for (const [id, now] of scope.ids) if (now === person) at(target.get(id) ?? id).ids.push(id)
  for (const [key, node] of scope.nodes) {
    const next = graph.nodes.get(key)?.person
    const owner = next ? nameOf(next) : null
    if (owner && (node.person === person || people.has(owner)))
      at(owner).keys.push({ namespace: node.namespace, value: node.value, moves: owner !== node.person })
  }
  const weights = await weigh([...scope.ids.keys()])
  const rows = [...people].map(([id, { keys, ids }]) => ({
    person: id,
    exists: scope.ids.get(id) === id,
    identifiers: keys,
    orders: ids.reduce((sum, one) => sum + (weights.get(one)?.orders ?? 0), 0),
    events: ids.reduce((sum, one) => sum + (weights.get(one)?.events ?? 0), 0),
  }))
  const shown = rows.filter((row) => row.identifiers.length > 0 || row.events > 0 || row.orders > 0)
  return {
    people: shown.toSorted((one, other) => other.identifiers.length - one.identifiers.length),
    // Without an identifier, something changes only where the others fall apart.
    changes:
      without === null
        ? outcome.moved.length > 0 || shown.some((row) => row.identifiers.some((key) => key.moves))
        : shown.filter((row) => row.identifiers.length > 0).length > 1,
    expected: print,
  }
}
