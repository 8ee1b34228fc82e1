import type { AnswerOf, AppliedBatch, AudienceId, api, InputOf, PersonId, Predicate, Purpose } from '@einklang/contract'
import { type Database, type Ground, isDuplicate, newId, Refusal } from '@einklang/platform'
import { applyBatch } from './apply.ts'
import { followsTime, membersIn, scopeOf } from './compile.ts'
import {
  type AudienceSummary,
  checkReferences,
  matching,
  memberPage,
  membershipsOf,
  sizeOf,
  summaries,
  unknownAudience,
} from './read.ts'
import {
  definitions,
  erasePersons,
  evaluate,
  forgetOld,
  inOrder,
  lockAlone,
  markBuilt,
  noteSizes,
  pendingAtOnce,
  takePending,
} from './store.ts'

export { segmentUses } from './health.ts'
export type { AudienceSummary } from './read.ts'
export { audienceParts } from './routes.ts'

export type Draft = { name: string; description: string | null; purpose: Purpose; predicate: Predicate }
export type Membership = AnswerOf<typeof api.audience.memberships>['items'][number]

/** All that the rest of the system may do with segments. */
export type Audience = {
  /** Re-evaluates the persons a batch touched, in the caller's transaction. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** Which of these persons fit the condition now; answers with the ids that were asked. */
  matches(tx: Database, predicate: Predicate, persons: PersonId[]): Promise<Set<PersonId>>
  size(predicate: Predicate): Promise<{ size: number; persons: number }>
  members(
    audience: AudienceId,
    page: InputOf<typeof api.audience.members>['query'],
  ): Promise<AnswerOf<typeof api.audience.members>>
  memberships(person: PersonId, on?: Database): Promise<Membership[]>
  list(): Promise<AudienceSummary[]>
  create(draft: Draft, by: string | null): Promise<AudienceSummary>
  update(audience: AudienceId, draft: Draft & { version: number }): Promise<AudienceSummary>
  remove(audience: AudienceId): Promise<void>
  /** Looks at these persons again in every segment, for example after a split or when scores have changed. */
  recompute(tx: Database, persons: PersonId[]): Promise<void>
  /** Persons of history imports that still wait to be looked at; true = there may be more. */
  catchUp(): Promise<boolean>
  /** How many persons wait to be looked at; no more than one catching up takes are counted. */
  waiting(): Promise<number>
  /** Segments that follow time (or wait to be built) over everybody, and today's sizes. */
  refresh(): Promise<void>
  forgetOld(): Promise<number>
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

export function createAudience({ ground }: { ground: Ground }): Audience {
  const { database, clock, config, live } = ground

  async function one(id: AudienceId): Promise<AudienceSummary> {
    const [summary] = await summaries(database, config.currency, id)
    if (summary === undefined) throw unknownAudience(id)
    return summary
  }

  /** Finds the members of a new or changed segment; what happens here happened to the definition, not to people. */
  async function build(tx: Database, id: AudienceId): Promise<void> {
    await lockAlone(tx)
    await evaluate(tx, await definitions(tx, id), 'all', false)
    await markBuilt(tx, id)
    await noteSizes(tx)
  }

  async function recompute(tx: Database, persons: PersonId[]): Promise<void> {
    const living = (await definitions(tx)).filter((definition) => definition.built)
    const scope = await scopeOf(tx, persons)
    for (const level of inOrder(living, (definition) => membersIn(definition.predicate)))
      await evaluate(tx, level, scope, true)
  }

  return {
    apply: (tx, batch) => applyBatch(tx, clock, batch),
    matches: matching,
    size: (predicate) => sizeOf(database, predicate),
    members: (id, page) => memberPage(database, id, page),
    memberships: async (person, on = database) => (await membershipsOf(on, person)).items,
    list: () => summaries(database, config.currency),
    async create(draft, by) {
      await checkReferences(database, draft.predicate, null)
      const id = newId('audience', clock)
      const now = clock.now()
      await named(draft.name, () =>
        database.transaction(async (tx) => {
          await tx.run`
            insert into audience.definition (id, name, description, purpose, predicate, created_at, created_by, updated_at)
            values (${id}, ${draft.name}, ${draft.description}, ${draft.purpose}, ${tx.json(draft.predicate)}, ${now}, ${by}, ${now})`
          await build(tx, id)
        }),
      )
      live.publish('audience.changed', { audience: id })
      return one(id)
    },
    async update(id, draft) {
      await checkReferences(database, draft.predicate, id)
      await named(draft.name, () =>
        database.transaction(async (tx) => {
          const changed = await tx.run`
            update audience.definition set name = ${draft.name}, description = ${draft.description},
              purpose = ${draft.purpose}, predicate = ${tx.json(draft.predicate)}, version = version + 1,
              updated_at = ${clock.now()}
            where id = ${id} and version = ${draft.version} and deleted_at is null`
          if (changed === 0) throw await notChanged(tx, id)
          await build(tx, id)
        }),
      )
      live.publish('audience.changed', { audience: id })
      return one(id)
    },
    async remove(id) {
      const users = (await definitions(database)).filter((other) => membersIn(other.predicate).includes(id))
      if (users.length > 0)
        throw new Refusal(
          409,
          'in_use',
          `The segment is used by ${users.map((user) => `“${user.name}”`).join(', ')}.`,
          {
            doInstead: 'Change or delete those first.',
          },
        )
      await database.transaction(async (tx) => {
        const gone = await tx.run`
          update audience.definition set deleted_at = ${clock.now()} where id = ${id} and deleted_at is null`
        if (gone === 0) throw unknownAudience(id)
        await tx.run`delete from audience.member where audience = ${id}`
      })
      live.publish('audience.changed', { audience: id })
    },
    recompute,
    async waiting() {
      const row = await database.row<{ count: number }>`
        select count(*)::int as count from (select from audience.pending limit ${pendingAtOnce}) as counted`
      return row?.count ?? 0
    },
    async catchUp() {
      const waiting = await database.row`select person from audience.pending limit 1`
      if (waiting === undefined) return false
      const persons = await database.transaction(async (tx) => {
        await lockAlone(tx)
        const taken = await takePending(tx, pendingAtOnce)
        await recompute(tx, taken)
        return taken
      })
      if (persons.length > 0) live.publish('audience.changed', {})
      return persons.length > 0
    },
    async refresh() {
      const all = await definitions(database)
      const concerned = all.filter((definition) => !definition.built || followsTime(definition.predicate))
      for (const level of inOrder(concerned, (definition) => membersIn(definition.predicate)))
        for (const definition of level)
          await database.transaction(async (tx) => {
            await lockAlone(tx)
            await evaluate(tx, [definition], 'all', definition.built)
            await markBuilt(tx, definition.id)
          })
      await noteSizes(database)
      live.publish('audience.changed', {})
    },
    forgetOld: () => forgetOld(database),
    erase: erasePersons,
  }
}

async function named<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!isDuplicate(error, 'definition_name')) throw error
    throw new Refusal(409, 'name_taken', `There is already a segment “${name}”.`, { at: 'name' })
  }
}

async function notChanged(tx: Database, id: AudienceId): Promise<Refusal> {
  const [there] = await definitions(tx, id)
  if (there === undefined) return unknownAudience(id)
  return new Refusal(412, 'changed_meanwhile', 'Somebody else changed the segment meanwhile.', {
    at: 'version',
    doInstead: 'Load it again and repeat your change.',
  })
}
