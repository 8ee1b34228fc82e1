import { createHmac, timingSafeEqual } from 'node:crypto'
import type { JsonObject, MessageId } from '@einklang/contract'
import type { Secrets } from '@einklang/platform'
import { z } from 'zod'
import type { OwnEvent } from '#ingest'
import { ownEvent } from './hand-over.ts'
import type { DeliveryNeeds } from './index.ts'
import { receiptKinds } from './receipts.ts'
import type { MessageRow } from './store.ts'

const signatureAge = 300_000

/** `whsec_…`: what a mail service is configured with (standardwebhooks.com). */
export function webhookSecret(secrets: Secrets, source: string): string {
  return `whsec_${keyOf(secrets, source).toString('base64')}`
}

function keyOf(secrets: Secrets, source: string): Buffer {
  return Buffer.from(secrets.sign('delivery.webhook', source), 'base64url')
}

/** Standard Webhooks: HMAC over `id.timestamp.body`, at most five minutes old. */
export function isSigned(secrets: Secrets, source: string, headers: Headers, body: string, now: Date): boolean {
  const id = headers.get('webhook-id') ?? ''
  const timestamp = headers.get('webhook-timestamp') ?? ''
  if (id === '' || Math.abs(now.getTime() - Number(timestamp) * 1000) > signatureAge) return false
  const right = createHmac('sha256', keyOf(secrets, source)).update(`${id}.${timestamp}.${body}`).digest()
  return (headers.get('webhook-signature') ?? '').split(' ').some((one) => {
    const [version, given = ''] = one.split(',')
    const theirs = Buffer.from(given, 'base64')
    return version === 'v1' && theirs.length === right.length && timingSafeEqual(theirs, right)
  })
}

const receipt = z.object({
  type: z.string(),
  timestamp: z.iso.datetime({ offset: true }),
  data: z.object({
    message_id: z.string().min(1).max(300),
    email: z.string().max(320).optional(),
    campaign: z.string().max(200).optional(),
    subject: z.string().max(500).optional(),
    url: z.string().max(2000).optional(),
    reason: z.string().max(500).optional(),
    machine: z.boolean().optional(),
    /** permanent or transient, for bounces. */
    kind: z.string().max(40).optional(),
  }),
})
const payload = z.union([receipt.transform((one) => [one]), z.array(receipt).max(1000)])

/** Receipts of a mail service, written to the inbox before the answer; a repeat of the call changes nothing. */
export async function takeWebhook(needs: DeliveryNeeds, source: string, request: Request): Promise<Response> {
  const { ground } = needs
  const body = await request.text()
  if (body.length > 4_000_000) return problem(413, 'too_large', 'A call may have 4 MB.')
  if (!isSigned(ground.secrets, source, request.headers, body, ground.clock.now()))
    return problem(401, 'bad_signature', 'The signature does not fit, or it is older than five minutes.')
  let receipts: z.output<typeof payload>
  try {
    receipts = payload.parse(JSON.parse(body))
  } catch (error) {
    return problem(400, 'malformed', error instanceof Error ? error.message.slice(0, 500) : 'Not a receipt.')
  }
  const id = request.headers.get('webhook-id') ?? ''
  await ground.database.transaction(async (tx) => {
    const ours = await tx.rows<MessageRow>`select * from delivery.message
      where id::text = any(${receipts.map((one) => one.data.message_id)}::text[])`
    const events = receipts.flatMap((one, index) => eventOf(needs, source, `${id}:${index}`, one, ours))
    await needs.emit(tx, events)
  })
  return Response.json({ accepted: receipts.length })
}

function eventOf(
  needs: DeliveryNeeds,
  source: string,
  key: string,
  one: z.output<typeof receipt>,
  ours: MessageRow[],
): OwnEvent[] {
  const kind = one.type.replace(/^(message|email)\./, '')
  if (!receiptKinds.includes(kind as never) && kind !== 'sent') return []
  const { message_id, email, ...rest } = one.data
  const row = ours.find((message) => message.id === (message_id as MessageId))
  const at = new Date(one.timestamp)
  const whole = JSON.parse(JSON.stringify(rest)) as JsonObject
  if (row) return [{ ...ownEvent(needs, row, `message.${kind}`, whole, `${source}:${key}`), at }]
  if (!email) return []
  return [
    {
      key: `${source}:${key}`,
      name: `message.${kind}`,
      person: null,
      identifiers: [{ namespace: 'email', value: email, trust: 'claimed' }],
      at,
      channel: 'email',
      properties: { message_id, channel: 'email', ...whole },
    },
  ]
}

function problem(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status })
}
