import { createHash, createHmac } from 'node:crypto'
import { api } from '@einklang/contract'
import type { Reached } from '../connect.ts'
import { startProgress } from '../progress.ts'

/**
 * The mail service at the other end: reports every mail it took as delivered, some as opened (half of those by a
 * machine), through signed webhooks. A few recipients follow a link; that goes through the link itself.
 */
export async function playProvider(needs: { reached: Reached; secret: string; signal: AbortSignal }): Promise<void> {
  const { reached, secret, signal } = needs
  const { items } = await reached.client.call(api.delivery.messages, {
    query: { state: 'accepted', channel: 'email', limit: 500 },
  })
  const waiting = items.filter((message) => message.receipts.delivered === null)
  if (waiting.length === 0) return
  const progress = startProgress({
    label: 'Receipts of the mail service',
    total: waiting.length,
    unit: 'mails',
    signal,
  })
  for (let start = 0; start < waiting.length; start += 100) {
    signal.throwIfAborted()
    const part = waiting.slice(start, start + 100)
    const now = new Date().toISOString()
    const receipts = part.flatMap((message) => {
      const data = { message_id: message.id, email: message.address ?? '' }
      const luck = shareOf(message.id)
      return [
        { type: 'message.delivered', timestamp: now, data },
        ...(luck < 0.5 ? [{ type: 'message.opened', timestamp: now, data: { ...data, machine: luck < 0.25 } }] : []),
      ]
    })
    await postSigned(reached.url, secret, `demo-${part[0]?.id ?? start}`, JSON.stringify(receipts))
    progress.add(part.length)
  }
  progress.done(`${waiting.length.toLocaleString('en')} mails`)
}

async function postSigned(url: string, secret: string, id: string, body: string): Promise<void> {
  const timestamp = Math.floor(Date.now() / 1000)
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  const answer = await fetch(`${url}/hooks/mail/demo`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${signature}`,
    },
    body,
  })
  if (!answer.ok) throw new Error(`The server refused receipts with ${answer.status}: ${await answer.text()}`)
}

/** The same message always has the same luck, 0–1. */
function shareOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE() / 2 ** 32
}
