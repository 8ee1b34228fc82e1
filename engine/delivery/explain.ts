import { kept, keptParts, type MessageId, type SpokenLanguage } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { Explanation } from './index.ts'
import { said } from './sayings.ts'
import type { MessageRow } from './store.ts'

type Line = Explanation['lines'][number]

/** "Why did she get this, here, now?" and "Why not?" read the same record: what was asked and what was answered. */
export async function explain(
  database: Database,
  message: MessageId,
  language: SpokenLanguage,
): Promise<Explanation | null> {
  const row = await database.row<MessageRow>`select * from delivery.message where id = ${message}`
  if (!row) return null
  const body = await database.row<{ refs: { name: string; value: string }[]; rendered_at: Date }>`
    select refs, rendered_at from delivery.body where message = ${message}`
  const planned = row.planned_at.toISOString()
  const left = body?.rendered_at.toISOString() ?? null
  const lines: Line[] = [
    ...row.reasons.map((fact): Line => ({ fact, ok: keptParts(fact)?.say !== 'not_by', at: planned })),
    ...row.checks.map((check): Line => ({ ...check, at: row.sent_at?.toISOString() ?? null })),
    ...(body?.refs ?? []).map(
      (reference): Line => ({
        fact: kept('reference', { ...reference, name: nameOf(reference.name) }),
        ok: true,
        at: left,
      }),
    ),
  ]
  if (row.hash) lines.push({ fact: kept('words', { hash: row.hash.slice(0, 12) }), ok: true, at: null })
  return {
    headline: said(headline(row, language), language),
    lines: lines.map((line) => ({ ...line, fact: said(line.fact, language) })),
  }
}

function headline(row: MessageRow, language: SpokenLanguage): string {
  const what = row.campaign ?? said(kept('message'), language)
  const why = said(row.reason ?? kept('no_reason'), language)
  switch (row.state) {
    case 'accepted': {
      const { channel, address, sent_at } = row
      return kept('accepted', { what, channel, address, at: sent_at?.toISOString() ?? null })
    }
    case 'unknown':
      return kept('unknown', { what, why: why.replace(/\.$/, '') })
    case 'suppressed':
    case 'expired':
    case 'displaced':
      return kept('not_sent', { what, why })
    case 'refused':
      return kept('refused', { what, why })
    case 'handed':
      return kept('handed', { what })
    default:
      return row.reason ? kept('waiting', { what, why }) : kept('leaves', { what, at: row.not_before.toISOString() })
  }
}

/** What content calls a figure it looked up, in words of the reader. */
function nameOf(name: string): string {
  const article = /^price of (.+)$/.exec(name)?.[1]
  if (article !== undefined) return kept('price_of', { article })
  return name === 'cart total' ? kept('cart_total') : name
}
