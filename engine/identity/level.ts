import type { PersonId } from '@einklang/contract'
import { type Database, Refusal, recordset } from '@einklang/platform'
import { type Graph, type Key, keyOf, livingId } from './graph.ts'
import type { Outcome } from './reevaluate.ts'

/** Sure: by evidence, or because somebody said so. Probable: a run of matching alone says that they are one. */
export type Level = 'sure' | 'probable'

/** The reason of joins that a run makes; the gate counts them by it. */
export function reasonOfRun(number: number): string {
  return `match run ${number}`
}

export function saidByRun(reason: string): boolean {
  return /^match run \d+$/.test(reason)
}

/** Writes beside each id of the scope whom it surely stands for: what the evidence gives without the joins of runs. */
export async function writeLevels(tx: Database, { scope, target, sure }: Outcome): Promise<void> {
  const headOf = (id: PersonId) => sure?.get(id) ?? target.get(id) ?? id
  const rows = [...scope.ids.keys()].map((id) => {
    const head = sure === null ? null : headOf(id)
    return { loser: id, sure: head === headOf(target.get(id) ?? id) ? null : head }
  })
  await tx.run`
    update identity.merged as merged set sure = row.sure, synced = false, version = nextval('identity.merged_version')
    from ${recordset(tx, rows, levelColumns)} as row
    where merged.loser = row.loser and not merged.undone and merged.sure is distinct from row.sure`
}

const levelColumns = { loser: 'uuid', sure: 'uuid' } as const

/** An event that says something about its person, and whether it changed anything. */
export type Told = { person: PersonId; at: number; named: Key[]; changed: boolean }

/**
 * What events bring to people whom a run joined may belong to either side, and may make the join sure: they are decided
 * with the rest of their evidence, which tells the level.
 */
export async function suspectLevels(tx: Database, graph: Graph, told: Told[]): Promise<void> {
  const joined = new Set<PersonId>()
  for (const { one, other, reason } of graph.together.values()) {
    if (!saidByRun(reason)) continue
    for (const key of [one, other]) {
      const owner = graph.nodes.get(keyOf(key))?.person
      if (owner) joined.add(livingId(graph, owner))
    }
  }
  if (joined.size === 0) return
  const beside: { person: PersonId; event: number; id: PersonId }[] = []
  told.forEach(({ person, named, changed }, event) => {
    const now = livingId(graph, person)
    if (!joined.has(now)) return
    if (changed) graph.suspects.set(now, 'level')
    else
      for (const key of named) {
        const node = graph.nodes.get(keyOf(key))
        const id = node?.atom ?? node?.firstPerson
        if (id) beside.push({ person: now, event, id })
      }
  })
  if (beside.length === 0) return
  const both = await tx.rows<{ person: PersonId }>`
    select distinct person from (
      select person from ${recordset(tx, beside, besideColumns)} as row
      group by person, event having count(distinct identity.surely(id)) > 1) as seen`
  for (const { person } of both) graph.suspects.set(person, 'level')
}

const besideColumns = { person: 'uuid', event: 'integer', id: 'uuid' } as const

/** For each side of a probable join the identifiers that surely are its; null where the two surely are one. */
export async function sidesApart(
  tx: Database,
  person: PersonId,
  [one, other]: [PersonId, PersonId],
  owned: Key[],
): Promise<{ one: Key[]; other: Key[] } | null> {
  const heads = await tx.row<{ one: PersonId; other: PersonId }>`
    select identity.surely(${one}) as one, identity.surely(${other}) as other`
  if (!heads || heads.one === heads.other) return null
  const surely = await headsOf(tx, person)
  const of = (head: PersonId) => owned.filter((key) => surely.get(keyOf(key)) === head)
  return { one: of(heads.one), other: of(heads.other) }
}

/**
 * Whom each identifier of a person surely belongs to: the id under which its events are stored tells, or the record under
 * which it stood before a join; one that came later goes with the stronger one it came together with.
 */
export async function headsOf(tx: Database, person: PersonId): Promise<Map<string, PersonId>> {
  const rows = await tx.rows<Key & { own: PersonId | null; first: PersonId; stronger: Key | null }>`
    select namespace, value, (select coalesce(sure, winner) from identity.merged where loser = atom and not undone) as own,
      identity.surely(coalesce(first_person, person)) as first,
      case when with_value is not null then jsonb_build_object('namespace', with_namespace, 'value', with_value) end as stronger
    from identity.identifier where person = ${person}`
  const known = new Map(rows.map((row) => [keyOf(row), row]))
  const headOf = (key: string, steps: number): PersonId => {
    const row = known.get(key)
    if (!row) return person
    if (row.own !== null) return row.own
    const stronger = row.stronger && keyOf(row.stronger)
    if (row.first !== person || stronger === null || !known.has(stronger) || steps > rows.length) return row.first
    return headOf(stronger, steps + 1)
  }
  return new Map([...known.keys()].map((key) => [key, headOf(key, 0)]))
}

/**
 * Refuses where a run alone joined some records of a person with the rest: requests for access and erasure, invoices
 * and logins resolve by what is sure (spec identity §11).
 */
export async function refuseProbable(tx: Database, persons: PersonId[]): Promise<void> {
  const rows = await tx.rows<{ loser: PersonId; winner: PersonId; log: string | null }>`
    select loser, winner, (select log.id from identity.log where log.kind = 'merge' and log.undone_at is null
        and log.loser = merged.loser order by seq desc limit 1) as log
    from identity.merged as merged
    where winner in (select identity.current(id) from unnest(${persons}::uuid[]) as id) and not undone and sure is not null
    order by loser`
  if (rows.length === 0) return
  // Ids that only stand for an identifier follow the join of their record.
  const joined = rows.filter(({ log }) => log !== null)
  const [first] = joined.length > 0 ? joined : rows
  const others = joined.length > 1 ? `, and ${joined.length - 1} more` : ''
  const way =
    first?.log == null
      ? ''
      : ` Confirm: POST /api/identity/merges with {"one":"${first.winner}","other":"${first.loser}"}. Separate: POST /api/identity/merges/${first.log}/undo.`
  throw new Refusal(
    409,
    'only_probable',
    `A run of matching joined ${first?.loser}${others} with the rest of this customer; nobody has confirmed that they are one.`,
    { doInstead: `Confirm or separate it in the tab Identity of the customer, then ask again.${way}` },
  )
}
