import type { PersonId } from '@einklang/contract'
import type { Database, History, Secrets } from '@einklang/platform'
import { refuseProbable } from './level.ts'
import { erasureHash, lockGraph } from './store.ts'

/**
 * Forgets people: identifiers, log, review, decisions. The id stays as "erased"; who returns gets a new one, because
 * the keyed hash of each identifier counts how often it was erased.
 */
export async function erasePersons(needs: { secrets: Secrets }, tx: Database, persons: PersonId[]): Promise<number> {
  if (persons.length === 0) return 0
  await lockGraph(tx)
  await refuseProbable(tx, persons)
  const rows = await tx.rows<{ id: PersonId }>`
    select distinct unnest(identity.aliases(person)) as id from unnest(${persons}::uuid[]) as person`
  const all = rows.map((row) => row.id)
  const identifiers = await tx.rows<{ namespace: string; value: string }>`
    delete from identity.identifier where person = any(${all}::uuid[]) returning namespace, value`
  const hashes = identifiers.map((one) => erasureHash(needs.secrets, one))
  if (hashes.length > 0) {
    await tx.run`
      insert into identity.erased as erased (hash, generation) select distinct hash, 1 from unnest(${hashes}::text[]) as hash
      on conflict (hash) do update set generation = erased.generation + 1`
  }
  const namespaces = identifiers.map((one) => one.namespace)
  const values = identifiers.map((one) => one.value)
  const witnesses = identifiers.map(({ namespace, value }) => `${namespace}\u001f${value}`)
  const gone = tx.part`select namespace, value from unnest(${namespaces}::text[], ${values}::text[]) as gone(namespace, value)`
  const counts = [
    await tx.run`delete from identity.log where winner = any(${all}::uuid[]) or loser = any(${all}::uuid[])`,
    await tx.run`delete from identity.review_item where one = any(${all}::uuid[]) or other = any(${all}::uuid[])
      or (via_namespace, via_value) in (${gone})`,
    await tx.run`delete from identity.evidence where person = any(${all}::uuid[])`,
    await tx.run`delete from identity.record where person = any(${all}::uuid[])`,
    await tx.run`delete from identity.link where one = any(${all}::uuid[]) or other = any(${all}::uuid[])`,
    await tx.run`delete from identity.label where one = any(${all}::uuid[]) or other = any(${all}::uuid[])`,
    await tx.run`
      update identity.match_check set examples = (
        select coalesce(jsonb_agg(example), '[]') from jsonb_array_elements(examples) as shown(example)
        where not example->'persons' ?| ${all}::text[])
      where exists (select from jsonb_array_elements(examples) as shown(example) where example->'persons' ?| ${all}::text[])`,
    await tx.run`
      update identity.match_run set manifest = jsonb_set(manifest, '{audit,examples}', (
        select coalesce(jsonb_agg(example), '[]') from jsonb_array_elements(manifest->'audit'->'examples') as shown(example)
        where not example->'persons' ?| ${all}::text[]))
      where exists (select from jsonb_array_elements(manifest->'audit'->'examples') as shown(example)
        where example->'persons' ?| ${all}::text[])`,
    await tx.run`delete from identity.refusal where one = any(${all}::uuid[]) or other = any(${all}::uuid[])`,
    await tx.run`delete from identity.recheck where person = any(${all}::uuid[])`,
    await tx.run`delete from identity.household_member where person = any(${all}::uuid[])`,
    await tx.run`delete from identity.together
      where (one_namespace, one_value) in (${gone}) or (other_namespace, other_value) in (${gone})`,
    // What others told beside an identifier of theirs.
    await tx.run`delete from identity.evidence using (${gone}) as gone(namespace, value)
      where identifiers && array[gone.namespace || chr(31) || gone.value || chr(31) || 'verified',
        gone.namespace || chr(31) || gone.value || chr(31) || 'claimed']
        and person in (select one from identity.refusal union select other from identity.refusal)`,
    await tx.run`delete from identity.negative
      where (one_namespace, one_value) in (${gone}) or (other_namespace, other_value) in (${gone})`,
    // Devices of others remember who had them before.
    await tx.run`update identity.identifier set earlier = (
        select coalesce(jsonb_agg(tenure), '[]') from jsonb_array_elements(earlier) as past(tenure)
        where (tenure->>'person')::uuid <> all(${all}::uuid[]))
      where exists (select from jsonb_array_elements(earlier) as past(tenure) where (tenure->>'person')::uuid = any(${all}::uuid[]))`,
    // Shared values and cards of families remember who showed them.
    await tx.run`update identity.identifier set shown = (
        select coalesce(jsonb_agg(one), '[]') from jsonb_array_elements(shown) as show(one) where one->>'who' <> all(${witnesses}::text[]))
      where shown <> '[]' and exists (select from jsonb_array_elements(shown) as show(one) where one->>'who' = any(${witnesses}::text[]))`,
    await tx.run`update identity.person set state = 'erased', first_names = '{}', last_names = '{}', birthdays = '{}',
        merged_on = null, first_seen_at = to_timestamp(0), anchor_namespace = null, anchor_value = null
      where id = any(${all}::uuid[])`,
  ]
  return identifiers.length + counts.reduce((sum, count) => sum + count, 0)
}

/** Carries the mapping to ClickHouse: seconds old at most, repeats harmless (the highest version wins). */
export async function syncMerged(needs: { database: Database; history: History }): Promise<boolean> {
  const rows = await needs.database.rows<{
    loser: PersonId
    winner: PersonId
    sure: PersonId
    undone: boolean
    version: number
  }>`
    select loser, winner, coalesce(sure, winner) as sure, undone, version from identity.merged where not synced order by version limit 5000`
  if (rows.length === 0) return false
  const first = rows[0]?.version ?? 0
  const last = rows.at(-1)?.version ?? 0
  // Versions are never used twice, so first, last and count name exactly these rows.
  await needs.history.insert(
    'identity.merged',
    rows.map((row) => ({ ...row, undone: row.undone ? 1 : 0 })),
    `merged:${first}:${last}:${rows.length}`,
  )
  // Rows that somebody is changing get a new version anyway; waiting for them in another order would be a deadlock.
  await needs.database.run`
    update identity.merged as merged set synced = true
    from (select loser, version from identity.merged
      where (loser, version) in (select loser, version
        from jsonb_to_recordset(${needs.database.json(rows)}) as done(loser uuid, version bigint))
      for update skip locked) as done
    where merged.loser = done.loser and merged.version = done.version`
  return true
}
