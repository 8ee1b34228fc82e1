import type { Clock, Database } from '@einklang/platform'
import { type InboxRequest, packRequests } from './frame.ts'
import { inboxChannel } from './group-commit.ts'
import type { OwnEvent } from './own.ts'
import type { Sources } from './source.ts'

/** Writes requests to the inbox in the caller's transaction: kept if and only if the caller's work is. */
export async function putInInbox(needs: { clock: Clock }, tx: Database, requests: InboxRequest[]): Promise<void> {
  if (requests.length === 0) return
  const now = needs.clock.now()
  const day = now.toISOString().slice(0, 10)
  const { bytes, size } = packRequests(requests)
  await tx.run`select ingest.open_day(${day}::date)`
  await tx.run`
    insert into ingest.inbox (day, received_at, requests, size, bytes)
    values (${day}::date, ${now}, ${requests.length}, ${size}, ${bytes})`
  await tx.notify(inboxChannel)
}

export async function emit(needs: { clock: Clock; sources: Sources }, tx: Database, events: OwnEvent[]): Promise<void> {
  if (events.length === 0) return
  const source = await needs.sources.internal()
  await putInInbox(needs, tx, [
    {
      source: source.id,
      call: 'own',
      trust: 'secret',
      receivedAt: needs.clock.now().getTime(),
      body: Buffer.from(JSON.stringify(events)),
    },
  ])
}
