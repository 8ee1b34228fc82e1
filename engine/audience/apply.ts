import type { AppliedBatch, PersonEvent, PersonId } from '@einklang/contract'
import type { Clock, Database } from '@einklang/platform'
import { type Concern, concernsOf, membersIn, scopeOf } from './compile.ts'
import { addPending, type Definition, definitions, dropLosers, evaluate, inOrder, lockShared } from './store.ts'

const dayMs = 86_400_000
const permissionEvents = /^(message\.(unsubscribed|complained|bounced|clicked)|Unsubscribed|Email |consent\.)/

/**
 * Looks at the touched persons again, in the transaction of the batch and only for segments that the batch can have
 * moved. History imports leave their persons to the loop: thousands together cost as much as ten apart.
 */
export async function applyBatch(tx: Database, clock: Clock, batch: AppliedBatch): Promise<void> {
  await dropLosers(
    tx,
    batch.merges.map((merge) => merge.loser),
  )
  const living = (await definitions(tx)).filter((definition) => definition.built)
  const moved = movedBy(batch, living)
  if (moved.persons.length === 0) return
  if (isHistory(batch.events, clock.now().getTime())) return addPending(tx, moved.persons)
  await lockShared(tx)
  const scope = await scopeOf(tx, moved.persons)
  for (const level of inOrder(moved.definitions, (definition) => membersIn(definition.predicate)))
    await evaluate(tx, level, scope, true)
}

function isHistory(events: PersonEvent[], now: number): boolean {
  const old = events.filter((event) => now - Date.parse(event.at) > dayMs).length
  return old * 2 > events.length
}

type Moved = { definitions: Definition[]; persons: PersonId[] }

/** Segments whose concerns occur in the batch, and the persons with such events, by the ids they have now. */
function movedBy(batch: AppliedBatch, living: Definition[]): Moved {
  const wanted = new Map(living.map((definition) => [definition, concernsOf(definition.predicate)]))
  const anyWanted = new Set([...wanted.values()].flatMap((concerns) => [...concerns]))
  const happened = new Set<Concern>()
  const stored = new Set<PersonId>()
  for (const event of batch.events)
    for (const concern of concernsIn(event))
      if (anyWanted.has(concern)) {
        happened.add(concern)
        stored.add(event.person)
      }
  const merged = new Map(batch.merges.map((merge) => [merge.loser, merge.winner]))
  for (const winner of merged.values()) stored.add(winner)
  // A merge or split by hand brings no event, only the persons.
  const byHand = batch.events.length === 0
  if (byHand) for (const person of batch.touched) stored.add(person)
  const everything = merged.size > 0 || byHand
  const chosen = living.filter((definition) => {
    const concerns = wanted.get(definition) ?? new Set()
    return everything || concerns.has('member') || [...concerns].some((concern) => happened.has(concern))
  })
  const touched = new Set(batch.touched)
  const persons = new Set<PersonId>()
  for (const person of stored) {
    let current = person
    for (let step = 0; merged.has(current) && step <= merged.size; step++) current = merged.get(current) ?? current
    if (touched.has(current) || everything) persons.add(current)
    else persons.add(person)
  }
  return { definitions: chosen, persons: chosen.length === 0 ? [] : [...persons] }
}

function concernsIn(event: PersonEvent): Concern[] {
  const found: Concern[] = []
  const name = event.name ?? ''
  if (event.kind === 'identify') found.push('traits', 'consent')
  if (event.kind === 'page') found.push('event:Page Viewed')
  if (event.kind === 'screen') found.push('event:Screen Viewed')
  if (event.kind === 'track') found.push(`event:${name}`)
  if (name.startsWith('Order ')) found.push('orders', 'cart')
  if (name === 'Product Added' || name === 'Product Removed' || name === 'Cart Viewed' || name === 'Checkout Started')
    found.push('cart')
  if (event.kind === 'consent' || event.consent !== null || permissionEvents.test(name)) found.push('consent')
  return found
}
