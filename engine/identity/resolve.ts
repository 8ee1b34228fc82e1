import type { AppliedBatch, NormalEvent, PersonEvent, PersonId } from '@einklang/contract'
import type { Clock, Database, Secrets } from '@einklang/platform'
import { canonical, type Evidence, evidenceOf, saveEvidence } from './evidence.ts'
import { factsOf, type Graph, livingId, namedOf, resolveEvent } from './graph.ts'
import { type RecordRow, recordOf, saveRecords } from './record.ts'
import { findIssuers, loadDecisions, loadGraph, lockGraph, rulesFor, saveGraph } from './store.ts'

/**
 * A whole batch at once: loads what the events name, resolves them one by one in memory in the order of their time,
 * writes the difference. The result is that of resolving one event after the other.
 */
export async function resolveBatch(
  needs: { clock: Clock; secrets: Secrets; country: string },
  tx: Database,
  events: NormalEvent[],
): Promise<AppliedBatch> {
  if (events.length === 0) return { events: [], merges: [], touched: [] }
  await lockGraph(tx)
  const heard = events.map((event) => ({ event, named: namedOf(event, needs.country) }))
  await findIssuers(tx, heard)
  const graph = await loadGraph(tx, heard)
  const rules = await rulesFor(
    needs,
    tx,
    needs.country,
    heard.flatMap((one) => one.named),
  )
  if (rules.decisions)
    await loadDecisions(
      tx,
      graph,
      heard.flatMap((one) => one.named),
    )
  if (rules.blocked.size > 0) for (const one of heard) one.named = namedOf(one.event, needs.country, rules.blocked)
  const owned: PersonEvent[] = []
  const unattributed: NormalEvent[] = []
  const evidence: Evidence[] = []
  const records: RecordRow[] = []
  const told: { person: PersonId; at: number }[] = []
  for (const { event, named } of inOrder(heard)) {
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
    told.push({ person, at: Date.parse(event.at) })
  }
  await suspectLate(tx, graph, told)
  await saveGraph(needs, tx, graph, 'event')
  await Promise.all([saveEvidence(tx, evidence), saveRecords(tx, records)])
  return batchOf(graph, owned, unattributed)
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
async function suspectLate(tx: Database, graph: Graph, told: { person: PersonId; at: number }[]): Promise<void> {
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
