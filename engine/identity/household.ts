import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { type Clock, type Database, newId } from '@einklang/platform'
import { currentOf } from './undo.ts'

export type HouseholdView = AnswerOf<typeof api.identity.household>

/**
 * Finds households by what speaks for them: surname and address, a landline, a shared account, a family's card. Members are people;
 * nothing flows between them. Who moved out keeps the end of the membership. Returns how many rows changed.
 */
export async function findHouseholds(needs: { clock: Clock }, database: Database): Promise<number> {
  const now = needs.clock.now()
  return database.transaction(async (tx) => {
    const rows = await tx.rows<{ person: PersonId; key: string; kind: string; household: string | null }>`
      with said as (
        select distinct on (person, source) identity.current(person) as person, fields, seen_at
        from identity.record order by person, source, seen_at desc),
      keyed as (
        select person, 'surname and address' as kind,
          concat_ws('|', fields->>'last_name', fields->>'street', fields->>'postal_code') as key
        from said where fields ? 'last_name' and fields ? 'street' and fields ? 'postal_code'
        union select person, 'landline', 'tel ' || (fields->>'landline') from said where fields ? 'landline'
        union select person, 'shared account', 'account ' || (fields->>'group') from said where fields ? 'group'
        union select identity.current(person), 'family card', concat_ws(' ', 'card', namespace, value)
          from identity.identifier where marked = 'household_card' and person is not null
        union select identity.current(member.person), 'family card', concat_ws(' ', 'card', card.namespace, card.value)
          from identity.identifier as card cross join lateral jsonb_to_recordset(card.shown) as shows(who text)
          join identity.identifier as member
            on member.namespace = split_part(who, chr(31), 1) and member.value = split_part(who, chr(31), 2)
          where card.marked = 'household_card' and member.person is not null),
      shared as (
        select key from keyed group by key having count(distinct person) between 2 and 12)
      select keyed.person, keyed.key, keyed.kind,
        (select household from identity.household_member as member
          where member.person = keyed.person and until is null order by since limit 1) as household
      from keyed join shared using (key) order by keyed.person, keyed.key`
    const groups = groupsOf(rows)
    const standing = await tx.rows<{ household: string; person: PersonId; byHand: boolean }>`
      select household, person, evidence ? 'a colleague said so' as "byHand" from identity.household_member where until is null`
    const wanted = new Map<PersonId, { household: string; evidence: string[] }>()
    const made: string[] = []
    const taken = new Set<string>()
    for (const { members, evidence } of groups) {
      const known = rows.find(
        (row) => members.has(row.person) && row.household !== null && !taken.has(row.household),
      )?.household
      const household = known ?? newId('link', needs.clock)
      taken.add(household)
      if (!known) made.push(household)
      for (const person of members) wanted.set(person, { household, evidence: [...evidence].sort() })
    }
    const over = standing.filter(
      ({ person, household, byHand }) => !byHand && wanted.get(person)?.household !== household,
    )
    const there = new Set(standing.map(({ person, household }) => `${person} ${household}`))
    const fresh = [...wanted].filter(([person, { household }]) => !there.has(`${person} ${household}`))
    if (made.length > 0)
      await tx.run`insert into identity.household (id, created_at) select id, ${now} from unnest(${made}::uuid[]) as id`
    if (over.length > 0)
      await tx.run`
        update identity.household_member as member set until = ${now}
        from jsonb_to_recordset(${tx.json(over)}) as row(household uuid, person uuid)
        where member.household = row.household and member.person = row.person and member.until is null`
    if (fresh.length > 0)
      await addMembers(
        tx,
        fresh.map(([person, one]) => ({ person, ...one })),
        now,
      )
    return over.length + fresh.length
  })
}

type Group = { members: Set<PersonId>; evidence: Set<string> }

/** People who share a key, and whoever shares one with them. */
function groupsOf(rows: { person: PersonId; key: string; kind: string }[]): Group[] {
  const byKey = Map.groupBy(rows, (row) => row.key)
  const groupOf = new Map<PersonId, Group>()
  for (const sharing of byKey.values()) {
    const group: Group = { members: new Set(), evidence: new Set() }
    for (const { person, kind } of sharing) {
      group.evidence.add(kind)
      const known = groupOf.get(person)
      for (const member of known?.members ?? [person]) group.members.add(member)
      for (const kind of known?.evidence ?? []) group.evidence.add(kind)
    }
    for (const person of group.members) groupOf.set(person, group)
  }
  // A dozen under one roof is a home or a hostel, no household.
  return [...new Set(groupOf.values())].filter((group) => group.members.size >= 2 && group.members.size <= 12)
}

function addMembers(
  tx: Database,
  rows: { person: PersonId; household: string; evidence: string[] }[],
  since: Date,
): Promise<number> {
  return tx.run`
    insert into identity.household_member (household, person, since, evidence)
    select household, person, ${since}, evidence
    from jsonb_to_recordset(${tx.json(rows)}) as row(household uuid, person uuid, evidence jsonb)
    on conflict do nothing`
}

/** Puts people into one household, the first of theirs or a new one. */
export async function joinHousehold(
  needs: { clock: Clock },
  tx: Database,
  given: PersonId[],
  evidence: string,
): Promise<string> {
  const persons = await Promise.all(given.map((person) => currentOf(tx, person)))
  const known = await tx.rows<{ household: string; person: PersonId }>`
    select household, person from identity.household_member where person = any(${persons}::uuid[]) and until is null order by since`
  const household = known[0]?.household ?? newId('link', needs.clock)
  const now = needs.clock.now()
  await tx.run`insert into identity.household (id, created_at) values (${household}, ${now}) on conflict do nothing`
  const outside = persons.filter((person) => !known.some((row) => row.person === person && row.household === household))
  await addMembers(
    tx,
    outside.map((person) => ({ person, household, evidence: [evidence] })),
    now,
  )
  return household
}

export async function leaveHousehold(
  needs: { clock: Clock },
  tx: Database,
  household: string,
  given: PersonId[],
): Promise<void> {
  const persons = await Promise.all(given.map((person) => currentOf(tx, person)))
  await tx.run`
    update identity.household_member set until = ${needs.clock.now()}
    where household = ${household} and person = any(${persons}::uuid[]) and until is null and evidence ? 'a colleague said so'`
}

/** The household a person lives in now, with those who left it. */
export async function householdOf(database: Database, asked: PersonId): Promise<HouseholdView> {
  const rows = await database.rows<{
    household: string
    person: PersonId
    since: Date
    until: Date | null
    evidence: string[]
  }>`
    select member.household, identity.current(member.person) as person, member.since, member.until, member.evidence
    from identity.household_member as mine join identity.household_member as member using (household)
    where mine.person = any(identity.aliases(${asked})) and mine.until is null
    order by member.until nulls first, member.since, member.person`
  return {
    household: rows[0]?.household ?? null,
    members: rows.map(({ household: _household, since, until, ...row }) => ({
      ...row,
      since: since.toISOString(),
      until: until?.toISOString() ?? null,
    })),
  }
}
