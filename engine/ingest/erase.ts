import type { EventId, PersonId } from '@einklang/contract'
import { type Database, jsonLines } from '@einklang/platform'
import { endCarrying } from './carry.ts'
import { packRequests, squeeze, unpackRequests, unsqueeze } from './frame.ts'
import { tokenOf } from './history.ts'
import { adapt } from './inbox.ts'
import type { Ingest, IngestInside } from './index.ts'

/**
 * Forgets people: their rows in history, their items in the replay window of the inbox, what of them waits in
 * quarantine. Must run while identity still knows their identifiers.
 */
export async function eraseFromIngest(
  ingest: Ingest & IngestInside,
  tx: Database,
  persons: PersonId[],
): Promise<number> {
  if (persons.length === 0) return 0
  const { history } = ingest.needs.ground
  await endCarrying(tx, history)
  const rows = await history.rows<{ id: EventId; batch: string }>`
    select toString(id) as id, toString(batch) as batch from ingest.event where has(${persons}, toString(person))`
  const ids = new Set(rows.map((row) => row.id))
  const batches = new Set(rows.map((row) => Number(row.batch)))
  const pending = await eraseFromBatches(tx, new Set(persons), ids, batches)
  const identifiers = (await ingest.needs.identifiersOf?.(tx, persons)) ?? []
  const values = identifiers.filter((one) => one.namespace !== 'order_no').map((one) => one.value)
  const inbox = await eraseFromInbox(ingest, tx, ids, [...batches])
  const waiting = await ingest.quarantine.erase(tx, values)
  // What machines and tests did names nobody; whoever is spoken of there is found by what is known of them.
  const words = values.filter((value) => value.length >= 4)
  if (words.length > 0)
    await history.run`
      alter table ingest.aside delete
      where arrayExists(word -> positionCaseInsensitiveUTF8(concat(properties, context), word) > 0, ${words})
      settings mutations_sync = 2`
  if (words.length > 0) await eraseFromImports(tx, words)
  if (ids.size > 0) {
    await history.run`
      alter table ingest.event delete where has(${persons}, toString(person)) settings mutations_sync = 2`
  }
  return ids.size + pending + inbox + waiting
}

/** What imports show of rows: that a row was refused stays, what stood in it goes. */
async function eraseFromImports(tx: Database, words: string[]): Promise<void> {
  await tx.run`
    update ingest.import_reject set raw = '', reason = '{"say":"erased"}'
    where exists (select from unnest(${words}::text[]) as word where position(lower(word) in lower(raw || reason)) > 0)`
  await tx.run`
    update ingest.import_note set given = ''
    where exists (select from unnest(${words}::text[]) as word where position(lower(word) in lower(given)) > 0)`
  await tx.run`
    update ingest.import set preview = '[]'
    where exists (select from unnest(${words}::text[]) as word where position(lower(word) in lower(preview::text)) > 0)`
}

type Kept = { person: string; id: EventId }

/** Rows that history has not got yet. */
async function eraseFromBatches(
  tx: Database,
  persons: Set<string>,
  ids: Set<EventId>,
  touched: Set<number>,
): Promise<number> {
  let count = 0
  const batches = await tx.rows<{ id: number; rows: Buffer }>`
    select id, rows from ingest.batch where history_at is null and rows is not null for update`
  for (const batch of batches) {
    const lines = unsqueeze(batch.rows).toString('utf8').split('\n')
    const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Kept)
    const kept = rows.filter((row) => !persons.has(row.person))
    if (kept.length === rows.length) continue
    for (const row of rows) if (persons.has(row.person)) ids.add(row.id)
    count += rows.length - kept.length
    touched.add(batch.id)
    const packed = squeeze(jsonLines(kept))
    await tx.run`
      update ingest.batch set rows = ${packed}, token = ${tokenOf(batch.id, packed)}, events = ${kept.length}
      where id = ${batch.id}`
  }
  return count
}

/** Items of the replay window: rewritten without those of the people, row by row. */
async function eraseFromInbox(
  ingest: Ingest & IngestInside,
  tx: Database,
  ids: Set<EventId>,
  batches: number[],
): Promise<number> {
  if (ids.size === 0) return 0
  let count = 0
  for (let after = 0; ; ) {
    const rows = await tx.rows<{ seq: number; day: string; bytes: Buffer }>`
      select seq, day::text as day, bytes from ingest.inbox where batch = any(${batches}::bigint[]) and seq > ${after} order by seq limit 50`
    const last = rows.at(-1)
    if (!last) return count
    after = last.seq
    for (const row of rows) {
      const requests = unpackRequests(row.bytes)
      let index = 0
      let gone = 0
      for (const request of requests) {
        const items = await adapt(ingest.sources, request, row.seq, index)
        index += items.length
        const keep = items.map((item) => !ids.has(item.id))
        gone += keep.filter((kept) => !kept).length
        if (keep.every(Boolean)) continue
        request.body = Buffer.from(JSON.stringify(without(JSON.parse(request.body.toString('utf8')), keep)))
      }
      if (gone === 0) continue
      count += gone
      const { bytes, size } = packRequests(requests)
      await tx.run`update ingest.inbox set bytes = ${bytes}, size = ${size} where day = ${row.day}::date and seq = ${row.seq}`
    }
  }
}

/** The document without the items that may not be kept; a single call becomes an empty one, which says nothing. */
function without(document: unknown, keep: boolean[]): unknown {
  if (Array.isArray(document)) return document.filter((_, index) => keep[index])
  const batch = (document as { batch?: unknown[] }).batch
  return Array.isArray(batch) ? { ...(document as object), batch: batch.filter((_, index) => keep[index]) } : {}
}
