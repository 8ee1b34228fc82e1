import type { AudienceId, PersonId, Predicate, Purpose } from '@einklang/contract'
import type { Database, Part } from '@einklang/platform'
import { compile, type Scope } from './compile.ts'

export type Definition = {
  id: AudienceId
  name: string
  description: string | null
  purpose: Purpose
  predicate: Predicate
  version: number
  built: boolean
  createdAt: Date
  createdBy: string | null
  updatedAt: Date
}

/** The segments that live, those that others build on first. */
export function definitions(database: Database, only?: AudienceId): Promise<Definition[]> {
  const which = only === undefined ? database.part`true` : database.part`id = ${only}`
  return database.rows<Definition>`
    select id, name, description, purpose, predicate, version, built, created_at as "createdAt",
      created_by as "createdBy", updated_at as "updatedAt"
    from audience.definition where deleted_at is null and ${which} order by created_at, id`
}

// Evaluations that look at many persons must not write what a newer, smaller one has overtaken.
const evaluationLock = 731_406_601

/** Small evaluations inside the event path run beside each other … */
export async function lockShared(tx: Database): Promise<void> {
  await tx.run`select pg_advisory_xact_lock_shared(${evaluationLock})`
}

/** … large ones alone; and their sets may need more room than one row's worth of memory. */
export async function lockAlone(tx: Database): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(${evaluationLock})`
  await tx.run`select set_config('work_mem', '128MB', true)`
}

/**
 * Who is in and who is not, for these segments and persons, as one statement; writes only what changed.
 * `log` = the change is something that happened to the person (and not to the definition).
 */
export async function evaluate(
  tx: Database,
  given: Definition[],
  scope: Scope,
  log: boolean,
): Promise<{ entered: number; left: number }> {
  if (given.length === 0 || (scope !== 'all' && scope.persons.length === 0)) return { entered: 0, left: 0 }
  // Joined as a set: `= any(array)` would search the whole array once per row.
  const looked = (column: Part) =>
    scope === 'all' ? tx.part`true` : tx.part`${column} in (select unnest(${scope.persons}::uuid[]))`
  const inside = given
    .map(
      (definition) => tx.part`
        select ${definition.id}::uuid as audience, p.person from profile.person as p
        where ${looked(tx.part`p.person`)} and ${compile(tx, definition.predicate, scope)}`,
    )
    .reduce((all, part) => tx.part`${all} union all ${part}`)
  const written = log ? tx.part`true` : tx.part`false`
  const row = await tx.row<{ entered: number; left: number }>`
    with inside as materialized (${inside}),
      gone as (delete from audience.member where audience = any(${given.map(({ id }) => id)})
        and ${looked(tx.part`member.person`)}
        and not exists (select from inside where inside.audience = member.audience and inside.person = member.person)
        returning audience, person),
      come as (insert into audience.member (audience, person, since)
        select audience, person, platform.now() from inside on conflict do nothing returning audience, person),
      logged as (insert into audience.movement (audience, person, at, entered)
        select audience, person, platform.now(), false from gone where ${written}
        union all select audience, person, platform.now(), true from come where ${written})
    select (select count(*) from come) as entered, (select count(*) from gone) as left`
  return row ?? { entered: 0, left: 0 }
}

/** Segments in an order in which what another one refers to comes before it. */
export function inOrder<D extends { id: string }>(given: D[], refersTo: (definition: D) => string[]): D[][] {
  const levels: D[][] = []
  let open = given
  const done = new Set<string>()
  while (open.length > 0) {
    const ready = open.filter((one) =>
      refersTo(one).every((id) => done.has(id) || !open.some((other) => other.id === id)),
    )
    // A circle cannot be saved; if one got in, its members are evaluated together.
    const level = ready.length > 0 ? ready : open
    for (const { id } of level) done.add(id)
    open = open.filter((one) => !level.includes(one))
    levels.push(level)
  }
  return levels
}

/** Thousands together cost as much as ten apart; more would hold the lock for long. */
export const pendingAtOnce = 20_000

export async function addPending(tx: Database, persons: PersonId[]): Promise<void> {
  if (persons.length === 0) return
  await tx.run`insert into audience.pending (person) select person from unnest(${persons}::uuid[]) as person
    on conflict do nothing`
}

/** Takes up to `limit` waiting persons, as the persons they are today. */
export async function takePending(tx: Database, limit: number): Promise<PersonId[]> {
  const rows = await tx.rows<{ person: PersonId }>`
    with taken as (
      -- By the place of the row: the planner knows too little of a table that is always emptied to join it with itself.
      delete from audience.pending where ctid = any(array(
        select ctid from audience.pending limit ${limit} for update skip locked)) returning person)
    select distinct coalesce(merged.winner, taken.person) as person
    from taken left join identity.merged on merged.loser = taken.person and not merged.undone`
  return rows.map((row) => row.person)
}

/** Nobody is in a segment under an id that stands for somebody else now. */
export async function dropLosers(tx: Database, losers: PersonId[]): Promise<void> {
  if (losers.length === 0) return
  await tx.run`delete from audience.member where person = any(${losers})`
  await tx.run`delete from audience.pending where person = any(${losers})`
}

/** Writes today's size of every segment. */
export async function noteSizes(tx: Database): Promise<void> {
  await tx.run`
    insert into audience.size_day (audience, day, size)
    select id, platform.now()::date, (select count(*) from audience.member where audience = id)
    from audience.definition where deleted_at is null and built
    on conflict (audience, day) do update set size = excluded.size`
}

export async function markBuilt(tx: Database, id: AudienceId): Promise<void> {
  await tx.run`update audience.definition set built = true where id = ${id}`
}

export async function forgetOld(database: Database): Promise<number> {
  const moves = await database.run`
    delete from audience.movement where at < platform.now() - interval '400 days'`
  const orphans = await database.run`
    delete from audience.member using audience.definition
    where definition.id = member.audience and definition.deleted_at is not null`
  return moves + orphans
}

export async function erasePersons(tx: Database, persons: PersonId[]): Promise<number> {
  const members = await tx.run`delete from audience.member where person = any(${persons})`
  const moves = await tx.run`delete from audience.movement where person = any(${persons})`
  const waiting = await tx.run`delete from audience.pending where person = any(${persons})`
  return members + moves + waiting
}
