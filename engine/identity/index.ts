import type { AppliedBatch, NormalEvent, PersonId } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import { erasePersons, syncMerged } from './erase.ts'
import { currentOf, findOwner, type IdentifierView, identifiersOf, type LogView, logOf } from './read.ts'
import { resolveBatch } from './resolve.ts'
import { mergeByHand, type Undone, unmerge } from './undo.ts'

export type { IdentifierView, LogView } from './read.ts'
export { identityParts } from './routes.ts'

export type Identity = {
  /** Whose are these events? The first step of every batch; joins people where the rules allow. */
  resolve(tx: Database, events: NormalEvent[]): Promise<AppliedBatch>
  /** Living person for each id. */
  current(tx: Database, persons: PersonId[]): Promise<Map<PersonId, PersonId>>
  identifiersOf(person: PersonId): Promise<IdentifierView[]>
  /** Bare identifiers of people and all merged into them; for erasure. */
  namesOf(tx: Database, persons: PersonId[]): Promise<{ namespace: string; value: string }[]>
  find(namespace: string, value: string): Promise<PersonId | null>
  log(person: PersonId): Promise<LogView[]>
  merge(
    one: PersonId,
    other: PersonId,
    actor: string,
    reason: string,
  ): Promise<{ winner: PersonId; loser: PersonId | null }>
  unmerge(log: string, actor: string, reason?: string): Promise<Undone>
  erase(tx: Database, persons: PersonId[]): Promise<number>
  /** Carries the mapping of merged people to history; the loop does it by itself. True = there was something. */
  sync(): Promise<boolean>
}

export type IdentityNeeds = {
  ground: Ground
  /** Lets the later stages recompute people after a merge or split by hand, in the same transaction. */
  reapply?: (tx: Database, batch: AppliedBatch) => Promise<void>
  /** Country for phone numbers without a prefix. */
  country?: string
}

export function createIdentity(needs: IdentityNeeds): Identity & { ground: Ground } {
  const { ground } = needs
  const { database, clock, secrets, history } = ground
  const inside = { clock, secrets, country: needs.country ?? 'DE' }
  const follow = (tx: Database, winner: PersonId, loser: PersonId, joined: boolean) =>
    needs.reapply?.(tx, {
      events: [],
      merges: joined ? [{ winner, loser, at: clock.now().toISOString() }] : [],
      touched: joined ? [winner] : [winner, loser],
    })
  return {
    ground,
    resolve: (tx, events) => resolveBatch(inside, tx, events),
    current: currentOf,
    identifiersOf: (person) => identifiersOf(database, person),
    namesOf: (tx, persons) => tx.rows<{ namespace: string; value: string }>`
      select namespace, value from identity.identifier
      where person in (select identity.current(person) from unnest(${persons}::uuid[]) as person)`,
    find: (namespace, value) => findOwner(database, namespace, value, inside.country),
    log: (person) => logOf(database, person),
    async merge(one, other, actor, reason) {
      const joined = await database.transaction(async (tx) => {
        const done = await mergeByHand(inside, tx, one, other, actor, reason)
        if (done.loser) await follow(tx, done.winner, done.loser, true)
        return done
      })
      if (joined.loser) ground.live.publish('identity.changed', { winner: joined.winner })
      return joined
    },
    async unmerge(log, actor, reason) {
      const split = await database.transaction(async (tx) => {
        const done = await unmerge(inside, tx, log, actor, reason ?? null)
        if (done.changed) await follow(tx, done.winner, done.loser, false)
        return done
      })
      if (split.changed) ground.live.publish('identity.changed', { winner: split.winner })
      return split
    },
    erase: (tx, persons) => erasePersons(inside, tx, persons),
    sync: () => syncMerged({ database, history }),
  }
}
