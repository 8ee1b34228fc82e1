import type { NormalEvent } from '@einklang/contract'
import { alarm, type Clock, type Database, type Loop } from '@einklang/platform'
import type { Item } from '../item.ts'

/**
 * Asks the world whether mail can be sent to a domain. `null` = nobody can tell now. May be slow, may throw, may never
 * answer: nothing waits for it but its own loop.
 */
export type MailServers = (domain: string) => Promise<boolean | null>

const day = 86_400_000
const week = 7 * day
/** How long an answer is believed, and how soon one is sought again that nobody could give; ms. */
const believed = week
const firstAgain = 3_600_000
const longestAgain = day
const patience = 15_000
const atOnce = 4
const perTurn = 40
const mostNoted = 50_000
const domainPattern = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/

/** Which domains a batch names, told once a week each; in the batch's own transaction, without asking anybody. */
export function createDomainNotes(): (tx: Database, items: readonly Item[], now: Date) => Promise<void> {
  const noted = new Set<string>()
  let since = 0
  return async (tx, items, now) => {
    if (now.getTime() - since > week || noted.size > mostNoted) {
      noted.clear()
      since = now.getTime()
    }
    const fresh = new Set<string>()
    for (const { event } of items)
      if (event !== null && event.dialect !== 'own')
        for (const domain of domainsIn(event)) if (!noted.has(domain)) fresh.add(domain)
    if (fresh.size === 0) return
    const domains = [...fresh].sort()
    await tx.run`
      insert into ingest.mail_domain as known (domain, noted_at, next_at)
      select domain, ${now}, ${now} from unnest(${domains}::text[]) as domain
      on conflict (domain) do update set noted_at = excluded.noted_at
        where known.noted_at < excluded.noted_at - interval '1 day'`
    // A batch that is rolled back comes again and names them again only after a week: the next week is early enough.
    for (const domain of domains) noted.add(domain)
  }
}

function domainsIn(event: NormalEvent): string[] {
  const found: string[] = []
  for (const { namespace, value } of event.identifiers) {
    if (namespace !== 'email') continue
    const domain = value.slice(value.lastIndexOf('@') + 1).toLowerCase()
    if (domain.length <= 253 && domainPattern.test(domain)) found.push(domain)
  }
  return found
}

/** Domains of which it is certain, and not too long ago, that they take no mail. */
export async function withoutMail(database: Database, now: Date): Promise<string[]> {
  const rows = await database.rows<{ domain: string }>`
    select domain from ingest.mail_domain
    where takes_mail = false and told_at > ${new Date(now.getTime() - believed - day)} limit 100000`
  return rows.map(({ domain }) => domain)
}

/** Goes through the domains whose answer is due, a few at once; what cannot be told is asked again later and later. */
export function mailDomainLoop(needs: { database: Database; clock: Clock; servers: MailServers }): Loop {
  return {
    name: 'ingest.mail-domains',
    pauseMs: 60_000,
    async turn(signal) {
      const due = await needs.database.rows<{ domain: string; tries: number }>`
        select domain, tries from ingest.mail_domain where next_at <= ${needs.clock.now()} order by next_at, domain
        limit ${perTurn}`
      const waiting = [...due]
      const worker = async () => {
        for (let next = waiting.pop(); next !== undefined && !signal.aborted; next = waiting.pop())
          await settle(needs, next.domain, next.tries)
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
      return due.length === perTurn && !signal.aborted ? 'busy' : 'idle'
    },
  }
}

async function settle(
  needs: { database: Database; clock: Clock; servers: MailServers },
  domain: string,
  tries: number,
): Promise<void> {
  const takes = await patiently(() => needs.servers(domain))
  const now = needs.clock.now()
  if (takes === null) {
    const next = new Date(now.getTime() + Math.min(longestAgain, firstAgain * 2 ** Math.min(tries, 10)))
    await needs.database.run`
      update ingest.mail_domain set tries = tries + 1, next_at = ${next} where domain = ${domain}`
    return
  }
  await needs.database.run`
    update ingest.mail_domain set takes_mail = ${takes}, told_at = ${now}, tries = 0,
      next_at = ${new Date(now.getTime() + believed)}
    where domain = ${domain}`
}

async function patiently(ask: () => Promise<boolean | null>): Promise<boolean | null> {
  let cancel = () => {}
  const tired = new Promise<null>((done) => {
    cancel = alarm(patience, () => done(null))
  })
  try {
    return await Promise.race([ask(), tired])
  } catch {
    return null
  } finally {
    cancel()
  }
}
