import type { AppliedBatch, NormalEvent, PersonEvent, PersonId } from '@einklang/contract'
import type { Clock, Database, Secrets } from '@einklang/platform'
import { namedOf, resolveEvent } from './graph.ts'
import { findIssuers, loadGraph, lockGraph, rulesFor, saveGraph } from './store.ts'

/**
 * A whole batch at once: loads what the events name, resolves them one by one in memory in their order, writes the
 * difference. The result is that of resolving one event after the other.
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
  const owned: PersonEvent[] = []
  const unattributed: NormalEvent[] = []
  const touched = new Set<PersonId>()
  for (const { event, named } of heard) {
    const person = resolveEvent(graph, rules, event, named)
    if (person === null) unattributed.push(event)
    else owned.push(Object.assign(event, { person }))
  }
  await saveGraph(needs, tx, graph, 'event')
  const living = (id: PersonId) => graph.living.get(id) ?? id
  for (const event of owned) touched.add(living(event.person))
  const merges = graph.merges.map((one) => ({
    winner: living(one.winner),
    loser: one.loser,
    at: new Date(one.at).toISOString(),
  }))
  for (const one of merges) touched.add(one.winner)
  return { events: owned, merges, touched: [...touched], unattributed }
}
