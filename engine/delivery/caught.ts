import type { AnswerOf, api, InputOf, MessageId, PersonId } from '@einklang/contract'
import { type Database, newId, Refusal } from '@einklang/platform'
import { ownEvent } from './hand-over.ts'
import type { DeliveryNeeds } from './index.ts'
import { frameToken } from './links.ts'
import type { MessageRow } from './store.ts'

/** A mail as the catch-all hands it over. */
export type Caught = {
  from: string
  to: string[]
  subject: string
  messageId: string | null
  headers: { name: string; value: string }[]
  text: string
  html: string | null
  attachments: { name: string; type: string; bytes: number }[]
  bytes: number
}

/** Keeps a mail; one of our own counts as delivered, because this is the mailbox it was meant for. */
export async function keepMail(needs: DeliveryNeeds, mail: Caught): Promise<void> {
  const { database, clock, live } = needs.ground
  const named = mail.headers.find((header) => header.name.toLowerCase() === 'x-einklang-message')?.value ?? null
  await database.transaction(async (tx) => {
    const ours = named
      ? await tx.row<MessageRow>`select * from delivery.message
          where id::text = ${named} and lower(address) = any(${mail.to.map((to) => to.toLowerCase())}::text[])`
      : undefined
    for (const recipient of mail.to) {
      await tx.run`insert into delivery.caught
          (id, received_at, sender, recipient, subject, message_id, message, person, headers, text, html, attachments, bytes)
        values (${newId('message', clock)}, platform.now(), ${clean(mail.from)}, ${clean(recipient)}, ${clean(mail.subject)},
          ${mail.messageId}, ${ours?.id ?? null}, ${ours?.person ?? null}, ${tx.json(mail.headers)}, ${clean(mail.text)},
          ${mail.html && clean(mail.html)}, ${tx.json(mail.attachments)}, ${mail.bytes})`
    }
    if (ours) await needs.emit(tx, [ownEvent(needs, ours, 'message.delivered', {})])
  })
  live.publish('delivery.mailbox', { subject: mail.subject.slice(0, 100) })
}

export async function hasCaught(needs: DeliveryNeeds, messageId: string): Promise<boolean> {
  const found = await needs.ground.database.rows`
    select from delivery.caught where message_id = ${messageId} limit 1`
  return found.length > 0
}

/** PostgreSQL texts hold every character but NUL. */
function clean(text: string): string {
  return text.replaceAll('\u0000', '\ufffd')
}

type CaughtRow = {
  id: string
  received_at: Date
  sender: string
  recipient: string
  subject: string
  message: MessageId | null
  person: PersonId | null
  bytes: number
  text: string
}

function lineOf(row: CaughtRow): api.delivery.CaughtMail {
  return {
    id: row.id,
    receivedAt: row.received_at.toISOString(),
    from: row.sender,
    to: row.recipient,
    subject: row.subject,
    message: row.message,
    person: row.person,
    bytes: row.bytes,
    snippet: row.text.replace(/\s+/g, ' ').slice(0, 160),
  }
}

export async function listCaught(
  database: Database,
  query: InputOf<typeof api.delivery.mailbox>['query'],
  address: string | null,
): Promise<AnswerOf<typeof api.delivery.mailbox>> {
  const [at, id] = query.after?.split('~') ?? []
  const like = `%${(query.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const filter = query.q
    ? database.part`(subject ilike ${like} or recipient ilike ${like} or sender ilike ${like} or text ilike ${like})`
    : database.part`true`
  const rows = await database.rows<CaughtRow>`
    select id, received_at, sender, recipient, subject, message, person, bytes, left(text, 400) as text
    from delivery.caught
    where ${filter} ${at && id ? database.part`and (received_at, id) < (${new Date(at)}, ${id}::uuid)` : database.part``}
    order by received_at desc, id desc limit ${query.limit + 1}`
  const total = await database.row<{
    count: number
  }>`select count(*)::int as count from delivery.caught where ${filter}`
  const items = rows.slice(0, query.limit).map(lineOf)
  const last = items.at(-1)
  const next = rows.length > query.limit && last ? `${last.receivedAt}~${last.id}` : null
  return { items, next, total: total?.count ?? 0, address }
}

type WholeRow = CaughtRow & {
  headers: { name: string; value: string }[]
  html: string | null
  attachments: { name: string; type: string; bytes: number }[]
}

export async function caughtMail(needs: DeliveryNeeds, id: string): Promise<AnswerOf<typeof api.delivery.mail>> {
  const { database, secrets, clock } = needs.ground
  const row = await database.row<WholeRow>`select * from delivery.caught where id = ${id}`
  if (!row) throw new Refusal(404, 'no_mail', 'There is no such mail.')
  const expires = new Date(clock.now().getTime() + 3_600_000)
  return {
    ...lineOf(row),
    headers: row.headers,
    text: row.text,
    frameUrl: row.html === null ? null : `/p/frame/${frameToken(secrets, 'caught', row.id, expires)}`,
    links: linksIn(row.html ?? ''),
    attachments: row.attachments,
  }
}

function linksIn(html: string): { text: string; url: string }[] {
  return [...html.matchAll(/<a\b[^>]*\bhref="(https?:[^"]+)"[^>]*>([^]*?)<\/a>/gi)].slice(0, 100).map((match) => ({
    url: (match[1] ?? '').replaceAll('&amp;', '&'),
    text: (match[2] ?? '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  }))
}
