import type { AppliedBatch, NormalEvent, PersonId } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import { type Asked, type Resolution, resolveAsked } from './ask.ts'
import { erasePersons, syncMerged } from './erase.ts'
import type { Weigh } from './explain.ts'
import { type Key } from './graph.ts'
import { type HouseholdView, householdOf } from './household.ts'
import { currentOf, findOwner, type IdentifierView, identifiersOf, type LogView, logOf } from './read.ts'
import { resolveBatch } from './resolve.ts'
import { refuseByGate } from './run-gate.ts'
import { rememberSettled } from './settled.ts'
import { lockGraph } from './store.ts'
import { type Decision, mergeByHand, recheck, split, type Undone, unmerge } from './undo.ts'

export { identityHealth } from './health.ts'
export { refuseProbable } from './level.ts'
export { numbersBeginning } from './number.ts'
export { type IdentifierView, isFamilyCard, type LogView } from './read.ts'
export { identityParts } from './routes.ts'
export { sharedValues } from './shared.ts'
export { lockGraph } from './store.ts'
export { forgetEverybody, tellingOf, troubledHistory } from './troubled.ts'

export type Identity = {
  /** Whose are these events? The first step of every batch; joins people where the rules allow. */
  resolve(tx: Database, events: NormalEvent[]): Promise<AppliedBatch>
  /** Living person for each id. */
  current(tx: Database, persons: PersonId[]): Promise<Map<PersonId, PersonId>>
  identifiersOf(person: PersonId, on?: Database): Promise<IdentifierView[]>
  /** Bare identifiers of people and all merged into them; for erasure. */
  namesOf(tx: Database, persons: PersonId[]): Promise<{ namespace: string; value: string }[]>
  find(namespace: string, value: string): Promise<PersonId | null>
  log(person: PersonId): Promise<LogView[]>
  merge(
    one: PersonId,
    other: PersonId,
    actor: string,
    reason: string,
  ): Promise<{ winner: PersonId; loser: PersonId | null; log: string | null }>
  /** A join that a run of matching wants: through the gate, which may refuse it with a code. */
  mergeByRun(
    one: PersonId,
    other: PersonId,
    actor: string,
    reason: string,
  ): Promise<{ winner: PersonId; loser: PersonId | null; log: string | null }>
  /** Undoes one merge exactly. `expected` names a preview; when it would do something else by now, it is refused. */
  unmerge(log: string, actor: string, reason?: string, expected?: string): Promise<Undone>
  /** Resolves identifiers at once, as an event with them would be; `dryRun` leaves no trace. */
  ask(asked: Asked): Promise<Resolution>
  /** Gives identifiers of a person to a person of their own, or to a named one. */
  split(wanted: SplitWanted): Promise<{ from: PersonId; to: PersonId; log: string | null }>
  /** Decides anew whom a late event or a shared value concerns; the loop does it by itself. Returns how many. */
  settle(): Promise<number>
  /** The household of a person, with what speaks for it. */
  householdOf(person: PersonId): Promise<HouseholdView>
  erase(tx: Database, persons: PersonId[]): Promise<number>
  /** Carries the mapping of merged people to history; the loop does it by itself. True = there was something. */
  sync(): Promise<boolean>
}

export type SplitWanted = {
  person: PersonId
  identifiers: Key[]
  to?: PersonId | null | undefined
  reason: string
  actor: string
  expected?: string | undefined
}

export type IdentityNeeds = {
  ground: Ground
  /** Lets the later stages recompute people after a merge or split by hand, in the same transaction. */
  reapply?: (tx: Database, batch: AppliedBatch) => Promise<void>
  /** Country for phone numbers without a prefix. */
  country?: string
  /** Orders and events under stored ids, for previews; later stages know them. */
  weigh?: Weigh
}

export function createIdentity(needs: IdentityNeeds): Identity & { ground: Ground; country: string; weigh: Weigh } {
  const { ground } = needs
  const { database, clock, secrets, history } = ground
  const inside = { clock, secrets, country: needs.country ?? 'DE' }
  const settled = rememberSettled()
  const inLine = queue()
  /** A decision by hand in one transaction with all that follows from it. */
  const decided = async <Answer>(work: (tx: Database) => Promise<Decision<Answer>>): Promise<Decision<Answer>> => {
    const decision = await inLine(() =>
      database.transaction(async (tx) => {
        const made = await work(tx)
        await followed(tx, made.batch)
        return made
      }),
    )
    for (const person of decision.batch.touched.slice(0, 20))
      ground.live.publish('identity.changed', { winner: person })
    return decision
  }
  const followed = async (tx: Database, batch: AppliedBatch) => {
    if (batch.touched.length > 0 || batch.merges.length > 0) await needs.reapply?.(tx, batch)
  }
  return {
    ground,
    country: inside.country,
    weigh: needs.weigh ?? (async () => new Map()),
    resolve: (tx, events) => resolveBatch({ ...inside, settled }, tx, events),
    current: currentOf,
    identifiersOf: (person, on = database) => identifiersOf(on, person),
    namesOf: (tx, persons) => tx.rows<{ namespace: string; value: string }>`
      select namespace, value from identity.identifier
      where person in (select identity.current(person) from unnest(${persons}::uuid[]) as person)`,
    find: (namespace, value) => findOwner(database, namespace, value, inside.country),
    log: (person) => logOf(database, person),
    merge: async (one, other, actor, reason) => {
      const { answer, log } = await decided((tx) => mergeByHand(inside, tx, one, other, actor, reason))
      return { ...answer, log }
    },
    mergeByRun: async (one, other, actor, reason) => {
      const gate = (tx: Database, left: PersonId, right: PersonId) => refuseByGate(inside, tx, left, right)
      const { answer, log } = await decided((tx) => mergeByHand(inside, tx, one, other, actor, reason, gate))
      return { ...answer, log }
    },
    unmerge: async (log, actor, reason, expected) =>
      (await decided((tx) => unmerge(inside, tx, log, actor, reason ?? null, expected))).answer,
    ask: (asked) => inLine(() => askedOf({ ...inside, settled }, database, asked, followed)),
    split: async (wanted) => {
      const { answer, log } = await decided((tx) => split(inside, tx, { ...wanted, to: wanted.to ?? null }))
      return { ...answer, log }
    },
    householdOf: (person) => householdOf(database, person),
    settle: () => inLine(() => settle(inside, database, followed)),
    erase: (tx, persons) => erasePersons(inside, tx, persons),
    sync: () => syncMerged({ database, history }),
  }
}

/** Only looked at: the transaction that found it is taken back. */
class Looked extends Error {
  readonly answer: Resolution
  constructor(answer: Resolution) {
    super('looked')
    this.answer = answer
  }
}

async function askedOf(
  needs: Parameters<typeof resolveAsked>[0],
  database: Database,
  asked: Asked,
  followed: (tx: Database, batch: AppliedBatch) => Promise<void>,
): Promise<Resolution> {
  try {
    return await database.transaction(async (tx) => {
      const { answer, batch } = await resolveAsked(needs, tx, asked)
      if (asked.dryRun) throw new Looked(answer)
      // It tells nothing about the person: later stages only follow who is who.
      await followed(tx, { events: [], merges: batch.merges, touched: batch.touched })
      return answer
    })
  } catch (error) {
    if (error instanceof Looked) return error.answer
    throw error
  }
}

/**
 * Decisions of this process wait for each other here instead of at the lock, where each would hold a connection: a
 * dozen waiting ones would leave none for what the first of them needs to end.
 */
function queue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}

/** One group of people that hang together per transaction, so that resolving is never held up for long. */
async function settle(
  inside: { clock: Ground['clock']; secrets: Ground['secrets']; country: string },
  database: Database,
  followed: (tx: Database, batch: AppliedBatch) => Promise<void>,
): Promise<number> {
  let settled = 0
  for (let turn = 0; turn < 200; turn++) {
    // Whoever takes the graph makes the applier forget whose identifiers are settled: not for looking.
    const waiting = await database.row`select from identity.recheck limit 1`
    if (!waiting) return settled
    const done = await database.transaction(async (tx) => {
      await lockGraph(tx)
      const asked = await tx.rows<{ person: PersonId; because: string }>`
        delete from identity.recheck where person in (select person from identity.recheck order by asked_at, person limit 10)
        returning person, because`
      if (asked.length === 0) return 0
      const batch = await recheck(
        inside,
        tx,
        asked.map((row) => row.person),
        asked[0]?.because ?? 'late',
      )
      await followed(tx, batch)
      return asked.length
    })
    if (done === 0) return settled
    settled += done
  }
  return settled
}
