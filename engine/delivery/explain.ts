import type { MessageId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { Explanation } from './index.ts'
import type { MessageRow } from './store.ts'

type Line = Explanation['lines'][number]

/** "Why did she get this, here, now?" and "Why not?" read the same record: what was asked and what was answered. */
export async function explain(database: Database, message: MessageId): Promise<Explanation | null> {
  const row = await database.row<MessageRow>`select * from delivery.message where id = ${message}`
  if (!row) return null
  const references = await database.row<{ refs: { name: string; value: string }[]; rendered_at: Date }>`
    select refs, rendered_at from delivery.body where message = ${message}`
  const lines: Line[] = [
    ...row.reasons.map((fact): Line => ({ fact, ok: !fact.startsWith('Not by '), at: row.planned_at.toISOString() })),
    ...row.checks.map((check): Line => ({ fact: check.fact, ok: check.ok, at: row.sent_at?.toISOString() ?? null })),
    ...(references?.refs ?? []).map(
      (reference): Line => ({
        fact: `${reference.name}: ${reference.value} when it left.`,
        ok: true,
        at: references?.rendered_at.toISOString() ?? null,
      }),
    ),
  ]
  if (row.hash) lines.push({ fact: `Words with the hash ${row.hash.slice(0, 12)}.`, ok: true, at: null })
  return { headline: headline(row), lines }
}

function headline(row: MessageRow): string {
  const what = row.campaign ? `“${row.campaign}”` : 'This message'
  switch (row.state) {
    case 'accepted':
      return `${what} was sent by ${row.channel} to ${row.address} on ${told(row.sent_at)}.`
    case 'unknown':
      return `${what} may have arrived: ${row.reason ?? 'no answer'}. It is not repeated.`
    case 'suppressed':
    case 'expired':
    case 'displaced':
      return `${what} was not sent: ${sentence(row.reason)}`
    case 'refused':
      return `${what} was refused by the provider: ${row.reason ?? 'no reason given'}`
    case 'handed':
      return `${what} is being handed over right now.`
    default:
      return row.reason
        ? `${what} waits: ${sentence(row.reason)}`
        : `${what} leaves on ${told(row.not_before)} at the earliest.`
  }
}

const words: { [code: string]: string } = {
  not_permitted: 'there is no permission',
  unreachable: 'it cannot be reached',
  capped: 'the limit is reached',
  quiet: 'quiet hours',
  held: 'on hold',
  ended: 'the journey is over',
  paused: 'the journey is paused',
  too_late: 'too late',
}

/** `capped: 5 of 5 messages …` → `the limit is reached (5 of 5 messages …)`. */
function sentence(reason: string | null): string {
  if (!reason) return 'no reason stored.'
  const [code = '', ...rest] = reason.split(': ')
  const known = words[code]
  return known ? `${known} (${rest.join(': ')})` : reason
}

function told(instant: Date | null): string {
  return instant ? `${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC` : 'an unknown day'
}
