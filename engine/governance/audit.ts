import type { api, JsonObject } from '@einklang/contract'
import { assert, type Caller, type Database } from '@einklang/platform'
import { type AuditFacts, type ChainEntry, chainVerifier, entryHash, type Verdict } from './chain.ts'

/** What a stage reports. Details must not carry personal data of customers: ids, counts and hashes only. */
export type Audited = {
  actor: Caller | 'system'
  action: string
  object: { kind: string; id: string }
  purpose?: string
  result?: 'ok' | 'refused'
  reason?: string
  details?: JsonObject
}

/** Appends one entry in the caller's transaction; others who append wait until it ends. */
export async function appendAudit(tx: Database, audited: Audited): Promise<void> {
  await tx.transaction(async (inner) => {
    const head = await inner.row<{ sequence: number; hash: string | null; at: Date }>`
      select sequence, hash, date_trunc('milliseconds', platform.now()) as at from governance.audit_head for update`
    assert(head, 'the audit log has a head')
    const facts: AuditFacts = {
      sequence: head.sequence + 1,
      at: head.at.toISOString(),
      actor: actorOf(audited.actor),
      action: audited.action,
      object: audited.object,
      purpose: audited.purpose ?? null,
      result: audited.result ?? 'ok',
      reason: audited.reason ?? null,
      details: JSON.parse(JSON.stringify(audited.details ?? {})) as JsonObject,
    }
    const hash = entryHash(head.hash, facts)
    await inner.run`
      with moved as (update governance.audit_head set sequence = ${facts.sequence}, hash = ${hash})
      insert into governance.audit_entry (sequence, at, actor_kind, actor_id, actor_name, action, object_kind, object_id,
        purpose, result, reason, details, previous, hash)
      values (${facts.sequence}, ${head.at}, ${facts.actor.kind}, ${facts.actor.id}, ${facts.actor.name}, ${facts.action},
        ${facts.object.kind}, ${facts.object.id}, ${facts.purpose}, ${facts.result}, ${facts.reason},
        ${inner.json(facts.details)}, ${head.hash}, ${hash})`
  })
}

function actorOf(actor: Caller | 'system'): AuditFacts['actor'] {
  if (actor === 'system') return { kind: 'system', id: 'system', name: 'Einklang' }
  if (actor.kind === 'user') return { kind: 'user', id: actor.user, name: actor.name }
  if (actor.kind === 'key') return { kind: 'key', id: actor.key, name: actor.name }
  return { kind: 'anonymous', id: 'anonymous', name: 'nobody' }
}

type AuditRow = {
  sequence: number
  at: Date
  actor_kind: AuditFacts['actor']['kind']
  actor_id: string
  actor_name: string
  action: string
  object_kind: string
  object_id: string
  purpose: string | null
  result: 'ok' | 'refused'
  reason: string | null
  details: JsonObject
  previous: string | null
  hash: string
}

function entryOf(row: AuditRow): ChainEntry {
  return {
    sequence: row.sequence,
    at: row.at.toISOString(),
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
    action: row.action,
    object: { kind: row.object_kind, id: row.object_id },
    purpose: row.purpose,
    result: row.result,
    reason: row.reason,
    details: row.details,
    previous: row.previous,
    hash: row.hash,
  }
}

export type AuditFilter = {
  after?: string | undefined
  limit: number
  actor?: string | undefined
  action?: string | undefined
  objectKind?: string | undefined
  objectId?: string | undefined
  result?: 'ok' | 'refused' | undefined
  from?: string | undefined
  to?: string | undefined
}

/** Entries newest first; an action that ends in a dot stands for all that begin so. */
export async function listAudit(
  database: Database,
  filter: AuditFilter,
): Promise<{ items: api.governance.AuditEntry[]; next: string | null }> {
  const { part } = database
  const before = Number(filter.after)
  const conditions = [
    ...(Number.isSafeInteger(before) ? [part`sequence < ${before}`] : []),
    ...(filter.actor ? [part`actor_id = ${filter.actor}`] : []),
    ...(filter.action?.endsWith('.') ? [part`starts_with(action, ${filter.action})`] : []),
    ...(filter.action && !filter.action.endsWith('.') ? [part`action = ${filter.action}`] : []),
    ...(filter.objectKind ? [part`object_kind = ${filter.objectKind}`] : []),
    ...(filter.objectId ? [part`object_id = ${filter.objectId}`] : []),
    ...(filter.result ? [part`result = ${filter.result}`] : []),
    ...(filter.from ? [part`at >= ${filter.from}`] : []),
    ...(filter.to ? [part`at < ${filter.to}`] : []),
  ]
  const rows = await database.rows<AuditRow>`
    select * from governance.audit_entry where ${database.join(conditions, 'and')}
    order by sequence desc limit ${filter.limit + 1}`
  const items = rows.slice(0, filter.limit).map((row) => {
    const { previous: _previous, ...entry } = entryOf(row)
    return entry
  })
  return { items, next: rows.length > filter.limit ? String(items.at(-1)?.sequence) : null }
}

/** Recomputes the whole chain from the first entry, a few thousand at a time, against the head row. */
export async function verifyAudit(database: Database): Promise<Verdict> {
  const verifier = chainVerifier()
  const head = await database.row<{ sequence: number; hash: string | null }>`
    select sequence, hash from governance.audit_head`
  assert(head, 'the audit log has a head')
  let last = 0
  for (;;) {
    const rows = await database.rows<AuditRow>`
      select * from governance.audit_entry where sequence > ${last} and sequence <= ${head.sequence}
      order by sequence limit 5000`
    if (!rows.every((row) => verifier.add(entryOf(row))) || rows.length === 0) return verifier.verdict(head)
    last = rows.at(-1)?.sequence ?? last
  }
}
