import type { AppliedBatch, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { signsOf } from './signs.ts'
import { append, clear, narrow, refresh, type StoreNeeds, suppress } from './store.ts'

/** Writes what a batch says about permission and derives the answers of everybody whose answer may have moved. */
export async function applyBatch(tx: Database, store: StoreNeeds, batch: AppliedBatch): Promise<void> {
  const signs = signsOf(batch.events)
  const spoken = signs.statements.flatMap(({ person }) => (person === null ? [] : [person]))
  await append(tx, store, signs.statements)
  await suppress(tx, store, signs.hits)
  const cleared = await clear(tx, store, signs.clearances)
  const narrowed = await narrow(tx, signs.signals)
  const moved = new Set<PersonId>([...spoken, ...signs.hits.map((hit) => hit.person), ...cleared, ...narrowed])
  for (const person of await readdressed(tx, batch)) moved.add(person)
  // A split by hand brings no event, only the two sides.
  if (batch.events.length === 0) for (const person of batch.touched) moved.add(person)
  await refresh(tx, store, [...moved])
}

/**
 * Merged persons, and those whose address may have changed, as far as anything was ever stated about them:
 * their answers belong to other contact points now.
 */
async function readdressed(tx: Database, batch: AppliedBatch): Promise<PersonId[]> {
  const identified = batch.events.filter((event) => event.kind === 'identify').map((event) => event.person)
  const merged = batch.merges.flatMap((merge) => [merge.winner, merge.loser])
  const persons = [...new Set([...identified, ...merged])]
  if (persons.length === 0) return []
  const rows = await tx.rows<{ person: PersonId }>`
    with self as (select person, person as id from unnest(${persons}::uuid[]) as person
      union all select winner, loser from identity.merged where winner = any(${persons}) and not undone)
    select distinct person from self
    where exists (select from consent.statement where statement.person = self.id)
      or exists (select from consent.signal where signal.person = self.id)
      or exists (select from consent.state where state.person = self.id)`
  return rows.map((row) => row.person)
}
