import type { AppliedBatch, NormalEvent, PersonEvent, PersonId } from '@einklang/contract'
import type { Clock, Database, Secrets } from '@einklang/platform'
import { canonical, type Evidence, evidenceOf, saveEvidence } from './evidence.ts'
import { factsOf, type Graph, keyOf, livingId, namedOf, type Rules, resolveEvent } from './graph.ts'
import { suspectLevels, type Told } from './level.ts'
import type { Named } from './normalise.ts'
import { type RecordRow, recordOf, saveRecords } from './record.ts'
import type { Settled } from './settled.ts'
import {
  addNodes,
  decisionsAbout,
  findIssuers,
  loadDecisions,
  loadGraph,
  lockGraph,
  rulesFor,
  saveGraph,
} from './store.ts'

/**
 * A whole batch at once: loads what the events name, resolves them one by one in memory in the order of their time,
 * writes the difference. The result is that of resolving one event after the other.
 */
export async function resolveBatch(
  needs: { clock: Clock; secrets: Secrets; country: string; settled: Settled },
  tx: Database,
  events: NormalEvent[],
): Promise<AppliedBatch> {
  if (events.length === 0) return { events: [], merges: [], touched: [] }
  const { settled } = needs
  settled.begin(await lockGraph(tx))
  try {
    return await resolved(needs, tx, events)
  } catch (error) {
    settled.forget()
    throw error
  }
}

async function resolved(
  needs: { clock: Clock; secrets: Secrets; country: string; settled: Settled },
  tx: Database,
  events: NormalEvent[],
): Promise<AppliedBatch> {
  const heard: Heard[] = events.map((event) => ({ event, named: namedOf(event, needs.country), recalled: null }))
  await findIssuers(tx, heard)
  const rules = await rulesFor(
    needs,
    tx,
    needs.country,
    heard.flatMap((one) => one.named),
  )
  if (rules.blocked.size > 0) for (const one of heard) one.named = namedOf(one.event, needs.country, rules.blocked)
  const graph = await graphFor(needs.settled, tx, heard, rules)
  const owned: PersonEvent[] = []
  const unattributed: NormalEvent[] = []
  const evidence: Evidence[] = []
  const records: RecordRow[] = []
  const told: Told[] = []
  for (const { event, named, recalled } of inOrder(heard)) {
    if (recalled) {
      owned.push(Object.assign(event, { person: recalled.person, stored: recalled.stored }))
      continue
    }
    const facts = factsOf(event)
    const resolved = resolveEvent(graph, rules, event, named, facts)
    if (resolved === null) {
      unattributed.push(event)
      continue
    }
    const { person, stored, changed, telling } = resolved
    owned.push(Object.assign(event, { person, stored }))
    if (event.kind === 'identify') {
      const record = recordOf(event, stored)
      if (record) records.push(record)
    }
    if (!changed && !telling) continue
    evidence.push(evidenceOf(event, named, facts, stored, changed))
    told.push({ person, at: Date.parse(event.at), named, changed })
  }
  await suspectLate(tx, graph, told)
  await suspectLevels(tx, graph, told)
  await saveGraph(needs, tx, graph, 'event')
  await Promise.all([saveEvidence(tx, evidence), saveRecords(tx, records)])
  needs.settled.learn(graph)
  return batchOf(graph, owned, unattributed)
}

type Heard = { event: NormalEvent; named: Named[]; recalled: { person: PersonId; stored: PersonId } | null }

/** What has to be decided, loaded; the rest is recalled. */
async function graphFor(settled: Settled, tx: Database, heard: Heard[], rules: Rules): Promise<Graph> {
  recall(settled, heard)
  if (rules.decisions) await exceptDecided(tx, heard)
  const open = heard.filter((one) => one.recalled === null)
  const graph = await loadGraph(tx, open)
  if (rules.decisions)
    await loadDecisions(
      tx,
      graph,
      open.flatMap((one) => one.named),
    )
  if (open.length === heard.length) return graph
  const beside = heard.filter(({ recalled }) => recalled !== null && hasPerson(graph, recalled.person))
  for (const one of beside) one.recalled = null
  await addNodes(
    tx,
    graph,
    beside.flatMap((one) => one.named),
  )
  return graph
}

/** Marks the events whose owner is settled, unless another event of the batch names the same identifier and is not. */
function recall(settled: Settled, heard: Heard[]): void {
  const open = new Set<string>()
  for (const one of heard) {
    one.recalled = settled.recall(one.event, one.named)
    if (one.recalled === null) for (const named of one.named) open.add(keyOf(named))
  }
  if (open.size === 0) return
  for (const one of heard) if (one.recalled && open.has(keyOf(one.named[0] as Named))) one.recalled = null
}

/** Identifiers about which people of the house have decided are looked at each time. */
async function exceptDecided(tx: Database, heard: Heard[]): Promise<void> {
  const keys = new Map<string, Named>()
  for (const { recalled, named } of heard) if (recalled) keys.set(keyOf(named[0] as Named), named[0] as Named)
  if (keys.size === 0) return
  const { negatives, together } = await decisionsAbout(tx, [...keys.values()])
  const decided = new Set<string>()
  for (const row of [...negatives, ...together]) {
    decided.add(keyOf({ namespace: row.one, value: row.oneValue }))
    decided.add(keyOf({ namespace: row.other, value: row.otherValue }))
  }
  if (decided.size > 0)
    for (const one of heard) if (one.named.some((named) => decided.has(keyOf(named)))) one.recalled = null
}

function hasPerson(graph: Graph, person: PersonId): boolean {
  return graph.living.has(person) || graph.persons.has(person)
}

/** Most batches are in order already. */
function inOrder<One extends { event: NormalEvent }>(heard: One[]): One[] {
  for (let at = 1; at < heard.length; at++) {
    if (canonical((heard[at - 1] as One).event, (heard[at] as One).event) > 0)
      return heard.toSorted((one, other) => canonical(one.event, other.event))
  }
  return heard
}

/**
 * Where refusals, limits, epochs or shared values are involved, the order of events decides. An event that is older
 * than what was heard of such people before asks for them to be decided anew.
 */
async function suspectLate(tx: Database, graph: Graph, told: Told[]): Promise<void> {
  const earliest = new Map<PersonId, number>()
  for (const { person, at } of told) {
    const now = livingId(graph, person)
    if (!graph.persons.get(now)?.contested) continue
    earliest.set(now, Math.min(at, earliest.get(now) ?? at))
  }
  if (earliest.size === 0) return
  const asked = [...earliest].flatMap(([person, at]) => {
    const partners = [...graph.refusals.values()].filter((one) => one.one === person || one.other === person)
    const ids = new Set([person, ...(graph.mapped.get(person) ?? [])])
    for (const { one, other } of partners)
      for (const id of [one, other]) for (const each of [id, ...(graph.mapped.get(id) ?? [])]) ids.add(each)
    return [...ids].map((id) => ({ person, id, at }))
  })
  const late = await tx.rows<{ person: PersonId }>`
    with asked as (select * from jsonb_to_recordset(${tx.json(asked)}) as row(person uuid, id uuid, at bigint)),
      near as (
        select person, at, id from asked
        union select asked.person, asked.at, refusal.other from asked join identity.refusal on refusal.one = asked.id
        union select asked.person, asked.at, refusal.one from asked join identity.refusal on refusal.other = asked.id),
      all_ids as (select near.person, near.at, alias.id from near cross join lateral unnest(identity.aliases(near.id)) as alias(id))
    select distinct person from all_ids
    where exists (select from identity.evidence where evidence.person = all_ids.id
      and evidence.times[cardinality(evidence.times)] >= all_ids.at)`
  for (const { person } of late) graph.suspects.set(person, 'late')
}

function batchOf(graph: Graph, owned: PersonEvent[], unattributed: NormalEvent[]): AppliedBatch {
  const touched = new Set<PersonId>()
  for (const event of owned) {
    event.person = livingId(graph, event.person)
    touched.add(event.person)
  }
  const merges = graph.merges.map((one) => ({
    winner: livingId(graph, one.winner),
    loser: one.loser,
    at: new Date(one.at).toISOString(),
  }))
  for (const one of merges) touched.add(one.winner)
  return { events: owned, merges, touched: [...touched], unattributed }
}
