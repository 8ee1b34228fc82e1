import type { Route } from '@einklang/contract'
import { api, type PersonId } from '@einklang/contract'
import type { Governance } from '@einklang/engine/governance'
import { lockGraph } from '@einklang/engine/identity'
import { type Caller, type Database, type Mounted, mount, type StageParts } from '@einklang/platform'

export type Erased = { rows: number; stages: { stage: string; rows: number }[] }

/**
 * Removes a person, with everybody merged into it, from every stage in one transaction: later stages first, because
 * they find people through the earlier ones. What remains is an audit entry with the id and the counts.
 */
export async function erasePerson(
  needs: { database: Database; governance: Governance; parts: StageParts[] },
  wanted: { person: PersonId; actor: Caller | 'system'; reason: string },
): Promise<Erased> {
  return needs.database.transaction(async (tx) => {
    // Before any row is touched: a batch takes this lock first too, and nobody is merged or heard of in between.
    await lockGraph(tx)
    const aliases = await tx.rows<{ person: PersonId }>`
      select unnest(identity.aliases(${wanted.person}::uuid)) as person`
    const persons = [...new Set([wanted.person, ...aliases.map(({ person }) => person)])]
    const stages: Erased['stages'] = []
    for (const { stage, erase } of laterFirst(needs.parts)) {
      if (erase) stages.push({ stage, rows: await erase(tx, persons) })
    }
    await needs.governance.audit(tx, {
      actor: wanted.actor,
      action: 'person.erased',
      object: { kind: 'person', id: wanted.person },
      reason: wanted.reason,
      details: { ids: persons.length, rows: Object.fromEntries(stages.map(({ stage, rows }) => [stage, rows])) },
    })
    return { rows: stages.reduce((sum, { rows }) => sum + rows, 0), stages }
  })
}

/** Ingest looks for the person's identifiers in what waits, so identity must still know them. */
function laterFirst(parts: StageParts[]): StageParts[] {
  const order = parts.toReversed()
  const ingest = order.findIndex(({ stage }) => stage === 'ingest')
  const identity = order.findIndex(({ stage }) => stage === 'identity')
  if (ingest > identity && identity >= 0) order.splice(identity, 0, ...order.splice(ingest, 1))
  return order
}

/** Erasure is one act over all stages, so the house mounts it and no stage. */
export function eraseRoute(needs: Parameters<typeof erasePerson>[0]): Mounted<Route> {
  return mount(api.consent.erase, ({ params, body }, { caller }) =>
    erasePerson(needs, { person: params.person, actor: caller, reason: body.reason }),
  )
}
