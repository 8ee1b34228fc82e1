import type { AppliedBatch, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { Statement } from './ledger.ts'
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
  if (batch.events.length === 0) {
    await append(tx, store, await sharedDenials(tx, batch.touched))
    for (const person of batch.touched) moved.add(person)
  }
  await refresh(tx, store, [...moved])
}

/**
 * What was denied without naming an address while two were one person: nobody knows which of them meant it, so that it
 * goes to both sides when they part. It was written under one of them; this is for the other.
 */
async function sharedDenials(tx: Database, persons: PersonId[]): Promise<Statement[]> {
  type Said = Pick<Statement, 'purpose' | 'channel' | 'topic' | 'source' | 'trust'> & {
    statement: string
    person: PersonId
    stance: 'deny' | 'restrict'
    basis: NonNullable<Statement['basis']>
    happenedAt: Date
    named: string[]
  }
  const rows = await tx.rows<Said>`
    with parted as (
      select winner, loser, at as since, undone_at as until from identity.log
      where kind = 'merge' and undone_at is not null and (winner = any(${persons}) or loser = any(${persons}))
      union all
      select winner, loser, '-infinity', at from identity.log
      where kind = 'split' and loser is not null and (winner = any(${persons}) or loser = any(${persons}))),
    side as (select winner as mine, loser as theirs, since, until from parted
      union select loser, winner, since, until from parted)
    select distinct said.statement, side.mine as person, said.stance, said.purpose, said.channel, said.topic, said.basis,
      said.happened_at as "happenedAt", said.trust, said.named, said.source
    from side join consent.statement as said on said.person = any(identity.aliases(side.theirs))
      and said.known_at between side.since and side.until
    where said.point is null and said.stance in ('deny', 'restrict') and said.erased_at is null
      and identity.current(side.mine) <> identity.current(side.theirs)`
  return rows.map(({ statement, ...said }) => ({
    ...said,
    key: `parted ${statement} ${said.person}`,
    evidence: { saidAs: statement },
    reason: 'Said while the two were one person.',
  }))
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
