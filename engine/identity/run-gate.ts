import type { PersonId } from '@einklang/contract'
import { type Clock, type Database, Refusal } from '@einklang/platform'
import { sentences } from './explain.ts'
import { type ConflictCode, gateOfRun, isDevice, type RunSide } from './graph.ts'
import type { Named } from './normalise.ts'
import { limitsIn } from './store.ts'

/** Refuses a join that a run of matching wants and the gate does not allow (spec identity §4); its code says why. */
export async function refuseByGate(
  needs: { clock: Clock },
  tx: Database,
  one: PersonId,
  other: PersonId,
): Promise<void> {
  const code: ConflictCode | null = (await heldApart(tx, one, other))
    ? 'negative_edge'
    : gateOfRun(
        { limits: await limitsIn(tx) },
        await sideOf(needs, tx, one),
        await sideOf(needs, tx, other),
        needs.clock.now().getTime(),
      )
  if (code !== null) throw new Refusal(409, code, sentences[code] ?? code)
}

/** Did somebody say that these two, or anybody joined with them by now, are different? */
async function heldApart(tx: Database, one: PersonId, other: PersonId): Promise<boolean> {
  const edge = await tx.row`
    select 1 as found from identity.identifier as mine
    join identity.negative as edge
      on (edge.one_namespace = mine.namespace and edge.one_value = mine.value)
      or (edge.other_namespace = mine.namespace and edge.other_value = mine.value)
    join identity.identifier as theirs on theirs.person = ${other}
      and ((theirs.namespace = edge.one_namespace and theirs.value = edge.one_value)
        or (theirs.namespace = edge.other_namespace and theirs.value = edge.other_value))
    where mine.person = ${one} limit 1`
  return edge !== undefined
}

async function sideOf({ clock }: { clock: Clock }, tx: Database, person: PersonId): Promise<RunSide> {
  const rows = await tx.rows<{ namespace: string; value: string; trust: Named['trust']; lastSeenAt: Date }>`
    select namespace, value, trust, last_seen_at as "lastSeenAt" from identity.identifier
    where person = ${person} and status = 'active'`
  // Joins that events brought count on the day of the event, those of runs on the day of the run.
  const row = await tx.row<{ known: number; merges: number }>`
    select known_members as known,
      (case when merged_on = ${clock.now()}::date then merges_that_day else 0 end
        + (select count(*) from identity.log where log.winner = person.id and kind = 'merge' and undone_at is null
            and cause like 'match run %' and at >= ${clock.now()}::date))::int as merges
    from identity.person where id = ${person}`
  return {
    nodes: rows.map((node) => ({ ...node, device: isDevice(node), lastSeenAt: node.lastSeenAt.getTime() })),
    knownMembers: row?.known ?? 1,
    mergesToday: row?.merges ?? 0,
  }
}
