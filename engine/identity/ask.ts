import {
  type AnswerOf,
  type AppliedBatch,
  type api,
  type InputOf,
  type NormalEvent,
  type PersonId,
  type SourceId,
  storedUnder,
} from '@einklang/contract'
import { type Clock, type Database, newId, type Secrets } from '@einklang/platform'
import { bareEvent } from './evidence.ts'
import { sentences } from './explain.ts'
import { keyOf, namedOf } from './graph.ts'
import { resolveBatch } from './resolve.ts'
import type { Settled } from './settled.ts'

export type Asked = InputOf<typeof api.identity.resolve>['body']
export type Resolution = AnswerOf<typeof api.identity.resolve>

type Needs = { clock: Clock; secrets: Secrets; country: string; settled: Settled }

/** Whose are these identifiers, resolved as one event would be, in the caller's transaction (spec identity §12). */
export async function resolveAsked(
  needs: Needs,
  tx: Database,
  asked: Asked,
): Promise<{ answer: Resolution; batch: AppliedBatch }> {
  const event = await eventOf(needs, tx, asked)
  const named = namedOf(structuredClone(event), needs.country)
  const before = await ownersOf(tx, named)
  const batch = await resolveBatch(needs, tx, [event])
  const after = await ownersOf(tx, named)
  const [owned] = batch.events
  const person = owned?.person ?? null
  const identifiers = named.map((one): Resolution['identifiers'][number] => {
    const [was, is] = [before.get(keyOf(one)), after.get(keyOf(one))]
    const { namespace, value } = one
    const owner = is?.person ?? null
    if (is !== undefined && is.status !== 'active') return { namespace, value, person: owner, standing: 'set_aside' }
    if (owner === null) return { namespace, value, person: null, standing: 'nobody' }
    if (owner !== person) return { namespace, value, person: owner, standing: 'elsewhere' }
    return { namespace, value, person: owner, standing: was?.person ? 'known' : 'attached' }
  })
  return {
    answer: {
      person,
      storedUnder: owned === undefined ? null : storedUnder(owned),
      began: person !== null && named.every((one) => !before.get(keyOf(one))?.person),
      identifiers,
      merged: batch.merges.map(({ winner, loser }) => ({ winner, loser })),
      refusals: await refusalsAt(tx, batch, event.at),
      flags: event.flags,
      dryRun: asked.dryRun,
    },
    batch,
  }
}

async function eventOf({ clock }: Needs, tx: Database, asked: Asked): Promise<NormalEvent> {
  const now = clock.now().toISOString()
  const source = await tx.row<{ id: SourceId }>`select id from ingest.source where slug = 'einklang'`
  const id = newId('event', clock)
  const at = asked.at === undefined || asked.at > now ? now : new Date(asked.at).toISOString()
  return {
    ...bareEvent(id, source?.id ?? (id as unknown as SourceId), at),
    messageId: id,
    dialect: 'call',
    kind: 'identify',
    channel: 'service',
    originalAt: asked.at ?? null,
    receivedAt: now,
    identifiers: asked.identifiers,
    mayJoin: asked.mayJoin,
  }
}

type Owner = { person: PersonId | null; status: string }

async function ownersOf(tx: Database, keys: { namespace: string; value: string }[]): Promise<Map<string, Owner>> {
  const rows = await tx.rows<Owner & { namespace: string; value: string }>`
    select identifier.namespace, identifier.value, identity.current(person) as person, status
    from unnest(${keys.map((key) => key.namespace)}::text[], ${keys.map((key) => key.value)}::text[]) as asked(namespace, value)
    join identity.identifier using (namespace, value)`
  return new Map(rows.map((row) => [keyOf(row), row]))
}

/** What the gate refused at this moment. */
async function refusalsAt(tx: Database, batch: AppliedBatch, at: string): Promise<Resolution['refusals']> {
  const rows = await tx.rows<{
    code: string
    namespace: string
    value: string
    one: PersonId | null
    other: PersonId | null
  }>`
    select code, via_namespace as namespace, via_value as value, one, other from identity.review_item
    where kind in ('conflict', 'hot_value') and last_at = ${at}
      and (one = any(${batch.touched}::uuid[]) or other = any(${batch.touched}::uuid[]) or kind = 'hot_value') limit 50`
  return rows.map(({ code, namespace, value, one, other }) => ({
    code,
    via: { namespace, value },
    persons: [one, other].filter((person) => person !== null),
    sentence: sentences[code] ?? code,
  }))
}
