import type { AnswerOf, api, Channel, PersonId } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import type { z } from 'zod'
import type { ConsentState } from './index.ts'
import { cellsOf, type LedgerRow, ledgerOf, ledgerPage, load, type StoreNeeds } from './store.ts'

type LedgerLine = z.infer<typeof api.consent.statement>
type Overview = AnswerOf<typeof api.consent.overview>

/** The answer for every purpose and channel of one person, from fresh facts. */
export async function stateOf(database: Database, store: StoreNeeds, asked: PersonId): Promise<ConsentState> {
  const loaded = await load(database, store, [asked])
  const subject = loaded.subjects.get(asked)
  const at = store.clock.now().getTime()
  const person = subject?.person ?? asked
  const points = pointsOf(loaded.points, asked)
  const cells = cellsOf(loaded, person, at, true)
  const suppressions = await database.rows<{ channel: Channel; address: string | null; reason: string; since: Date }>`
    select channel, address, reason, hit_at as since from consent.suppression
    where point = any(array(select decode(hex, 'hex') from unnest(${points}::text[]) as hex))
      and (cleared_at is null or cleared_at < hit_at) order by hit_at desc`
  return {
    person,
    cells: cells.map(({ purpose, channel, permission, since }) => ({ purpose, channel, permission, since })),
    suppressions: suppressions.map((row) => ({
      channel: row.channel,
      address: row.address ?? '(erased)',
      reason: row.reason,
      since: row.since.toISOString(),
      permanent: row.reason !== 'hard_bounce',
    })),
    restricted: cells.some(({ permission }) => !permission.allowed && permission.because === 'restricted'),
  }
}

function pointsOf(points: Map<string, string>, person: PersonId): string[] {
  return [...points].flatMap(([key, point]) => (key.startsWith(`${person}|`) ? [point] : []))
}

/** The lines behind a person's state, the newest first. */
export async function ledgerLines(
  database: Database,
  store: StoreNeeds,
  person: PersonId,
): Promise<{ aliases: PersonId[]; lines: LedgerLine[] }> {
  const loaded = await load(database, store, [person])
  const aliases = loaded.subjects.get(person)?.aliases ?? [person]
  const rows = await ledgerOf(database, aliases, pointsOf(loaded.points, person))
  return { aliases, lines: rows.map(lineOf) }
}

export function lineOf(row: LedgerRow): LedgerLine {
  return {
    statement: row.statement,
    stance: row.stance,
    purpose: row.purpose,
    channel: row.channel,
    topic: row.topic,
    basis: row.basis,
    address: row.address,
    happenedAt: row.happenedAt.toISOString(),
    knownAt: row.knownAt.toISOString(),
    confirmedAt: row.confirmedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    trust: row.trust,
    source: row.source,
    reason: row.reason,
    text: row.wording,
    evidence: row.evidence,
    actor: row.actor,
    sequence: row.sequence,
    seal: row.seal.toString('hex'),
  }
}

export async function ledgerAnswer(
  database: Database,
  query: {
    after?: string | undefined
    limit: number
    stance?: string | undefined
    channel?: string | undefined
    purpose?: string | undefined
  },
): Promise<AnswerOf<typeof api.consent.ledger>> {
  const before = query.after === undefined ? null : Number(query.after)
  if (before !== null && !Number.isInteger(before))
    throw new Refusal(400, 'bad_cursor', 'The cursor is not one of ours.', { at: 'after' })
  const rows = await ledgerPage(database, { ...query, before, limit: query.limit + 1 })
  const shown = rows.slice(0, query.limit)
  return {
    items: shown.map((row) => ({
      ...lineOf(row),
      person: row.currentPerson,
      personName: row.personName,
      sourceName: row.sourceName,
    })),
    next: rows.length > query.limit ? String(shown.at(-1)?.sequence) : null,
  }
}

/** Permission over everybody, for the Privacy screen. */
export async function overviewOf(database: Database, weeks: number): Promise<Overview> {
  const [sums, cells, weekly, suppressed, latest] = await Promise.all([
    database.row<{ persons: number; statements: number }>`
      select (select count(*) from profile.person where known) as persons,
        (select count(*) from consent.statement where erased_at is null) as statements`,
    database.rows<Overview['cells'][number]>`
      select purpose, channel, count(*) filter (where allowed) as permitted,
        count(*) filter (where because in ('claimed_only', 'unconfirmed', 'no_proof')) as claimed,
        count(*) filter (where because in ('withdrawn', 'objected', 'suppressed', 'restricted')) as denied
      from consent.state group by purpose, channel order by purpose, channel`,
    database.rows<Overview['weekly'][number]>`
      select to_char(date_trunc('week', known_at at time zone 'UTC'), 'YYYY-MM-DD') as week, channel,
        count(*) filter (where stance = 'grant') as grants, count(*) filter (where stance = 'deny') as denials
      from consent.statement
      where known_at >= platform.now() - ${weeks} * interval '1 week' and stance in ('grant', 'deny')
      group by 1, 2 order by 1, 2`,
    database.rows<Overview['suppressed'][number]>`
      select channel, reason, count(*) as addresses from consent.suppression
      where cleared_at is null or cleared_at < hit_at group by channel, reason order by addresses desc`,
    ledgerPage(database, { before: null, limit: 20 }),
  ])
  return {
    persons: sums?.persons ?? 0,
    statements: sums?.statements ?? 0,
    cells,
    weekly,
    suppressed,
    latest: latest.map((row) => ({
      statement: row.statement,
      stance: row.stance,
      purpose: row.purpose,
      channel: row.channel,
      knownAt: row.knownAt.toISOString(),
      source: row.source,
      reason: row.reason,
      person: row.currentPerson,
      personName: row.personName,
    })),
  }
}
