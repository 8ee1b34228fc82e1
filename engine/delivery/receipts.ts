import type { AppliedBatch, MessageId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { accepted } from './hand-over.ts'
import type { DeliveryNeeds } from './index.ts'
import type { MessageRow } from './store.ts'

export const receiptKinds = ['delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained'] as const
export type ReceiptKind = (typeof receiptKinds)[number]

const ourMessage = /^[0-9a-f]{8}-[0-9a-f]{4}-890[0-9a-f]-/

/** Receipts of our own messages among the events of a batch; most batches have none and cost nothing. */
export async function applyReceipts(needs: DeliveryNeeds, tx: Database, batch: AppliedBatch): Promise<void> {
  const rows = batch.events.flatMap((event) => {
    const kind = event.name?.startsWith('message.') ? event.name.slice(8) : ''
    const message = event.properties['message_id']
    if (!receiptKinds.includes(kind as ReceiptKind) || typeof message !== 'string' || !ourMessage.test(message))
      return []
    const detail = event.properties['url'] ?? event.properties['reason'] ?? null
    const machine = event.properties['machine'] === true
    return [
      { message: message as MessageId, kind, at: event.at, machine, detail: detail === null ? null : String(detail) },
    ]
  })
  if (rows.length === 0) return
  // A person's receipt beats a machine's, then the earlier one: the first real open is what counts.
  await tx.run`insert into delivery.receipt (message, kind, at, machine, detail)
    select distinct on (given.message, given.kind) given.message, given.kind, given.at, given.machine, given.detail
    from jsonb_to_recordset(${tx.json(rows)}) as given (message uuid, kind text, at timestamptz, machine boolean, detail text)
    join delivery.message on message.id = given.message
    order by given.message, given.kind, given.machine, given.at
    on conflict (message, kind) do update set at = excluded.at, machine = excluded.machine, detail = excluded.detail
    where (excluded.machine, excluded.at) < (receipt.machine, receipt.at)`
  await settleUnknown(needs, tx, [...new Set(rows.map((row) => row.message))])
}

/** A receipt that names the key proves that the provider had taken the message. */
async function settleUnknown(needs: DeliveryNeeds, tx: Database, messages: MessageId[]): Promise<void> {
  const unknown = await tx.rows<MessageRow>`select * from delivery.message
    where id = any(${messages}::uuid[]) and state = 'unknown' for update`
  for (const row of unknown) await accepted(needs, tx, row, 'proved by a receipt')
}

const proxies =
  /bot|crawler|spider|preview|scanner|proxy|googleimageproxy|yahoomailproxy|barracuda|mimecast|proofpoint/i

/**
 * Did a machine fetch this? Known proxies and scanners, and whatever follows the sending within seconds: nobody
 * reads that fast. A wrong guess costs a count, never a message.
 */
export function looksLikeMachine(seen: {
  userAgent: string
  secondsSinceSent: number | null
  kind: 'opened' | 'clicked'
}): boolean {
  if (seen.userAgent.trim() === '' || seen.userAgent === 'Mozilla/5.0' || proxies.test(seen.userAgent)) return true
  return seen.secondsSinceSent !== null && seen.secondsSinceSent < (seen.kind === 'opened' ? 2 : 5)
}
