import type { JsonObject, KeyId, PersonId, SourceId, TouchChannel } from '@einklang/contract'
import type { Clock, Database, History, HistoryPart } from '@einklang/platform'
import { nobody } from './history.ts'
import { internalSlug, type KeyTrust, type Source } from './source.ts'

const day = 86_400_000

type KeyRow = {
  id: KeyId
  source: SourceId
  trust: KeyTrust
  hint: string
  createdAt: Date
  lastUsedAt: Date | null
  endsAt: Date | null
}
type SourceRow = Source & {
  webhookSecrets: number
  createdAt: Date
  lastEventAt: Date | null
  lastReceivedAt: Date | null
  received: number
  accepted: number
  duplicates: number
  quarantined: number
}

/** Sources as the console shows them; `only` = one of them. */
export async function sourceViews(needs: { database: Database; clock: Clock }, only: SourceId | null) {
  const now = needs.clock.now()
  const rows = await needs.database.rows<SourceRow>`
    select source.id, name, slug, kind, channel, issuer, currency, country, time_zone as "timeZone", origins,
      consent_categories as "consentCategories", oldest_years as "oldestYears", dialects, webhook, mappings, created_at as "createdAt",
      (select count(*)::int from ingest.webhook_secret as secret where secret.source = source.id
        and (secret.ends_at is null or secret.ends_at > ${now})) as "webhookSecrets",
      last_event_at as "lastEventAt", last_received_at as "lastReceivedAt",
      coalesce(sum(received), 0)::bigint as received, coalesce(sum(accepted), 0)::bigint as accepted,
      coalesce(sum(duplicates), 0)::bigint as duplicates, coalesce(sum(quarantined), 0)::bigint as quarantined
    from ingest.source
    left join ingest.counter on counter.source = source.id and hour > ${new Date(now.getTime() - day)}
    where ${only}::uuid is null and slug <> ${internalSlug} or source.id = ${only}::uuid
    group by source.id order by source.created_at, source.id`
  const keys = await needs.database.rows<KeyRow>`
    select id, source, trust, hint, created_at as "createdAt", last_used_at as "lastUsedAt", ends_at as "endsAt"
    from ingest.key where ${only}::uuid is null or source = ${only}::uuid order by created_at`
  return rows.map((row) => {
    const { received, accepted, duplicates, quarantined, lastReceivedAt, ...source } = row
    return {
      ...source,
      createdAt: row.createdAt.toISOString(),
      lastEventAt: row.lastEventAt?.toISOString() ?? null,
      state: stateOf(lastReceivedAt, now),
      day: { received, accepted, duplicates, quarantined },
      keys: keys.filter((key) => key.source === row.id).map((key) => keyView(key, now)),
      kind: row.kind as 'web',
    }
  })
}

function stateOf(lastReceivedAt: Date | null, now: Date): 'new' | 'live' | 'silent' {
  if (!lastReceivedAt) return 'new'
  return now.getTime() - lastReceivedAt.getTime() > day ? 'silent' : 'live'
}

function keyView(key: KeyRow, now: Date) {
  const ended = key.endsAt !== null && key.endsAt <= now
  return {
    id: key.id,
    trust: key.trust,
    hint: key.hint,
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    endsAt: key.endsAt?.toISOString() ?? null,
    state: ended ? ('ended' as const) : key.endsAt ? ('ending' as const) : ('live' as const),
  }
}

/** Whether a source has sent at all: the first event is waited for in front of the screen. */
export async function arrivalOf(needs: { database: Database; history: History }, source: SourceId) {
  const counted = await needs.database.row<{
    received: number
    accepted: number
    quarantined: number
    lastAt: Date | null
  }>`
    select coalesce(sum(received), 0)::bigint as received, coalesce(sum(accepted), 0)::bigint as accepted,
      coalesce(sum(quarantined), 0)::bigint as quarantined,
      (select last_received_at from ingest.source where id = ${source}) as "lastAt"
    from ingest.counter where source = ${source}`
  const names = await needs.history.rows<{ name: string; kind: string }>`
    select name, kind from ingest.event where source = toUUID(${source}) order by received_at desc limit 5`
  return {
    received: counted?.received ?? 0,
    accepted: counted?.accepted ?? 0,
    quarantined: counted?.quarantined ?? 0,
    lastAt: counted?.lastAt?.toISOString() ?? null,
    names: names.map(({ name, kind }) => name || kind),
  }
}

type EventRow = {
  id: string
  person: string
  at: string
  receivedAt: string
  source: string
  sourceName: string
  kind: string
  name: string
  channel: TouchChannel
  flags: string[]
  findings: string[]
  properties: string
  context: string
}

/** Most recent events by arrival, from history. */
export async function recentEvents(
  history: History,
  query: {
    after?: string | undefined
    limit: number
    source?: SourceId | undefined
    name?: string | undefined
    person?: PersonId | undefined
  },
) {
  const [after, afterId] = query.after?.split('|') ?? []
  const conditions = [
    ...(query.source ? [history.part`e.source = toUUID(${query.source})`] : []),
    ...(query.name ? [history.part`e.name = ${query.name}`] : []),
    ...(query.person ? [history.part`e.person = toUUID(${query.person})`] : []),
    ...(after && afterId
      ? [history.part`(e.received_at, e.id) < (parseDateTime64BestEffort(${after}, 3, 'UTC'), toUUID(${afterId}))`]
      : []),
  ]
  const where = conditions.length > 0 ? history.join(conditions, 'and') : history.part`1`
  const rows = await history.rows<EventRow>`
    select toString(e.id) as id, toString(e.person) as person,
      toString(toUnixTimestamp64Milli(e.at)) as at, toString(toUnixTimestamp64Milli(e.received_at)) as receivedAt,
      toString(e.source) as source, e.source_name as sourceName, kind, name, channel, flags, findings, properties, context
    from ingest.event as e where ${where} order by e.received_at desc, e.id desc limit ${query.limit}`
  const all = query.person
    ? rows
    : newest([...rows, ...(await asideEvents(history, conditions, query.limit))], query.limit)
  const items = all.map((row) => ({
    id: row.id,
    person: row.person === nobody ? null : row.person,
    at: new Date(Number(row.at)).toISOString(),
    receivedAt: new Date(Number(row.receivedAt)).toISOString(),
    source: row.source,
    sourceName: row.sourceName,
    kind: row.kind,
    name: row.name,
    channel: row.channel,
    flags: row.flags,
    findings: row.findings,
    properties: JSON.parse(row.properties) as JsonObject,
    context: JSON.parse(row.context) as JsonObject,
  }))
  const last = items.at(-1)
  return { items, next: last && items.length === query.limit ? `${last.receivedAt}|${last.id}` : null }
}

/** What machines and tests did: few, kept for themselves. */
function asideEvents(history: History, conditions: HistoryPart[], limit: number): Promise<EventRow[]> {
  const where = conditions.length > 0 ? history.join(conditions, 'and') : history.part`1`
  return history.rows<EventRow>`
    select toString(e.id) as id, ${nobody} as person, toString(toUnixTimestamp64Milli(e.at)) as at,
      toString(toUnixTimestamp64Milli(e.received_at)) as receivedAt, toString(e.source) as source,
      e.source_name as sourceName, kind, name, channel, flags, findings, properties, context
    from ingest.aside as e where ${where} order by e.received_at desc, e.id desc limit ${limit}`
}

/** In the order of the table: the next page begins after the last row, and thousands may have arrived in one instant. */
function newest(rows: EventRow[], limit: number): EventRow[] {
  return rows
    .sort(
      (one, other) =>
        Number(other.receivedAt) - Number(one.receivedAt) || (sortKey(one.id) < sortKey(other.id) ? 1 : -1),
    )
    .slice(0, limit)
}

/** ClickHouse compares UUIDs by their second half first. */
function sortKey(id: string): string {
  return id.slice(19) + id.slice(0, 18)
}

/** Which events arrive, how often, with which properties, in whole months: the beginning of every tracking plan. */
export async function eventNames(history: History, clock: Clock, days: number) {
  const since = new Date(clock.now().getTime() - days * day)
  const rows = await history.rows<{
    name: string
    kind: string
    sourceName: string
    count: string
    firstAt: string
    lastAt: string
    properties: string[]
  }>`
    select name, kind, source_name as sourceName, toString(sum(events)) as count,
      toString(toUnixTimestamp64Milli(min(first_at))) as firstAt, toString(toUnixTimestamp64Milli(max(last_at))) as lastAt,
      argMaxMerge(event_name.properties) as properties
    from ingest.event_name where month >= toStartOfMonth(${since})
    group by name, kind, source_name order by sum(events) desc limit 500`
  return rows.map((row) => ({
    ...row,
    count: Number(row.count),
    firstAt: new Date(Number(row.firstAt)).toISOString(),
    lastAt: new Date(Number(row.lastAt)).toISOString(),
    properties: row.properties.filter((name) => name !== 'minor').sort(),
  }))
}

export async function counterView(
  needs: { database: Database; clock: Clock },
  query: { source?: SourceId | undefined; hours: number },
) {
  const since = new Date(needs.clock.now().getTime() - query.hours * 3_600_000)
  const items = await needs.database.rows<{
    source: SourceId
    sourceName: string
    hour: Date
    received: number
    accepted: number
    duplicates: number
    quarantined: number
  }>`
    select counter.source, source.name as "sourceName", hour, received, accepted, duplicates, quarantined
    from ingest.counter join ingest.source on source.id = counter.source
    where hour >= date_trunc('hour', ${since}::timestamptz)
      and (${query.source ?? null}::uuid is null or counter.source = ${query.source ?? null}::uuid)
    order by hour, source.name`
  const lag = await needs.database.row<{ rows: number; oldest: Date | null; history: number }>`
    select count(*) as rows, min(received_at) as oldest,
      (select count(*) from ingest.batch where history_at is null) as history
    from ingest.inbox where batch is null`
  const oldest = lag?.oldest ? (needs.clock.now().getTime() - lag.oldest.getTime()) / 1000 : 0
  return {
    lag: { rows: lag?.rows ?? 0, seconds: Math.max(0, Math.round(oldest)), historyBatches: lag?.history ?? 0 },
    items: items.map((item) => ({ ...item, hour: item.hour.toISOString() })),
  }
}
