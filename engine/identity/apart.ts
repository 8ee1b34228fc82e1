import type { PersonId } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import type { Key } from './graph.ts'
import { normalise } from './normalise.ts'
import type { Needs } from './reevaluate.ts'
import { lockGraph } from './store.ts'
import { edges, note, saveNegatives } from './undo.ts'

type Said = { one: Key; other: Key; reason: string; actor: string }

/** "These two are different people", between two identifiers, so that it survives later joins; outranks every rule. */
export async function keepApart(needs: Needs, database: Database, said: Said): Promise<{ changed: boolean }> {
  return database.transaction(async (tx) => {
    await lockGraph(tx)
    const { one, other, owners } = await pairOf(needs, tx, said)
    if (owners.one === owners.other)
      throw new Refusal(409, 'one_person', 'The two stand at one person today.', {
        doInstead: 'Undo the join or split one of them off: that holds them apart from then on.',
      })
    const [edge] = edges([one], [other], said.reason, said.actor)
    if (!edge || (await known(tx, edge))) return { changed: false }
    await saveNegatives(needs, tx, [edge])
    await noteEdge(needs, tx, 'apart', owners.one, { ...said, one, other })
    return { changed: true }
  })
}

/** What somebody said is taken back; rules may join the two again, and what they refused meanwhile is decided anew. */
export async function allowAgain(needs: Needs, database: Database, said: Said): Promise<{ changed: boolean }> {
  return database.transaction(async (tx) => {
    await lockGraph(tx)
    const { one, other, owners } = await pairOf(needs, tx, said)
    const [edge] = edges([one], [other], said.reason, said.actor)
    const gone = edge
      ? await tx.run`
          delete from identity.negative where (one_namespace, one_value, other_namespace, other_value)
            = (${edge.one}, ${edge.oneValue}, ${edge.other}, ${edge.otherValue})`
      : 0
    if (gone === 0) return { changed: false }
    await noteEdge(needs, tx, 'allow', owners.one, { ...said, one, other })
    await tx.run`
      insert into identity.recheck (person, because, asked_at)
      select person, 'answer taken back', ${needs.clock.now()} from unnest(${[owners.one, owners.other]}::uuid[]) as person
      on conflict do nothing`
    return { changed: true }
  })
}

async function pairOf(
  needs: Needs,
  tx: Database,
  said: Said,
): Promise<{ one: Key; other: Key; owners: { one: PersonId; other: PersonId } }> {
  const [one, other] = [said.one, said.other].map((key) => {
    const named = normalise({ ...key, trust: 'verified' }, needs.country)
    if ('refused' in named) throw new Refusal(400, named.refused, `${key.namespace}:${key.value} stands for nobody.`)
    return { namespace: named.namespace, value: named.value }
  }) as [Key, Key]
  const ownerOf = async (key: Key) => {
    const row = await tx.row<{ person: PersonId | null }>`
      select identity.current(person) as person from identity.identifier
      where namespace = ${key.namespace} and value = ${key.value}`
    if (!row?.person) throw new Refusal(404, 'unknown_identifier', `Nobody has ${key.namespace}:${key.value}.`)
    return row.person
  }
  return { one, other, owners: { one: await ownerOf(one), other: await ownerOf(other) } }
}

async function known(tx: Database, edge: ReturnType<typeof edges>[number]): Promise<boolean> {
  const row = await tx.row`
    select 1 as found from identity.negative where (one_namespace, one_value, other_namespace, other_value)
      = (${edge.one}, ${edge.oneValue}, ${edge.other}, ${edge.otherValue})`
  return row !== undefined
}

function noteEdge(needs: Needs, tx: Database, kind: 'apart' | 'allow', winner: PersonId, said: Said): Promise<string> {
  const { one, other, reason, actor } = said
  return note(needs, tx, { kind, winner, loser: null, via: one, cause: reason, actor, before: { one, other } })
}
