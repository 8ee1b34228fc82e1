import type { Database } from '@einklang/platform'
import { type Cause, type NewAlarm, type Subject } from './store.ts'
import { hour, minute } from './usual.ts'

export type Asked = Pick<
  NewAlarm,
  'source' | 'code' | 'subjectKind' | 'subjectName' | 'since' | 'openedAt' | 'windowMinutes'
>

/** Why a stream is as it is: what changed shortly before, or which part of the source it is. */
export type Causes = { of(tx: Database, alarm: Asked): Promise<Cause> }

const changeWindow = 24 * hour
/** One part explains it when so little is missing of all the others. */
const others = 0.2

export const causes: Causes = {
  async of(tx, alarm) {
    return (
      (await changedRule(tx, alarm)) ??
      (await changedClient(tx, alarm)) ??
      (alarm.code === 'stream.quarantine' ? await oneReason(tx, alarm) : null) ??
      named(alarm) ??
      (alarm.code === 'stream.volume' ? await onePart(tx, alarm) : null) ?? {
        kind: wholeKind(alarm),
        name: '',
        at: null,
      }
    )
  },
}

function wholeKind({ code }: Asked): Cause['kind'] {
  return code === 'stream.volume' || code === 'stream.silence' ? 'whole_source' : 'unknown'
}

function named({ code, subjectKind, subjectName }: Asked): Cause | null {
  if (code === 'stream.new_values') return { kind: 'new_value', name: subjectName, at: null }
  const kinds: { [kind in Subject['kind']]?: Cause['kind'] } = { place: 'one_store', event: 'one_event' }
  const kind = kinds[subjectKind]
  return kind ? { kind, name: subjectName, at: null } : null
}

/** A new version of the source's rules can make items wait or properties vanish; it stops no stream. */
async function changedRule(tx: Database, { source, code, since }: Asked): Promise<Cause | null> {
  if (!['stream.quarantine', 'stream.nulls'].includes(code)) return null
  const row = await tx.row<{ version: number; at: Date }>`
    select version, created_at as at from ingest.rule_set
    where source = ${source} and created_at between ${new Date(since.getTime() - changeWindow)} and ${new Date(since.getTime() + hour)}
    order by created_at desc limit 1`
  return row ? { kind: 'rule_change', name: String(row.version), at: row.at.toISOString() } : null
}

/** A client version that was never seen before, around the time when it began. */
async function changedClient(tx: Database, { source, since, openedAt }: Asked): Promise<Cause | null> {
  const row = await tx.row<{ series: string; at: Date }>`
    select series, first_at as at from ingest.series
    where source = ${source} and series like 'library:%' and first_at <= ${openedAt}
      and first_at > ${new Date(since.getTime() - changeWindow)}
      and first_at > (select first_at from ingest.series as whole where whole.source = ${source} and whole.series = 'source')
        + interval '1 day'
    order by first_at desc limit 1`
  return row ? { kind: 'client_version', name: row.series.slice('library:'.length), at: row.at.toISOString() } : null
}

async function oneReason(tx: Database, { source, since, openedAt }: Asked): Promise<Cause | null> {
  const row = await tx.row<{ code: string; share: number }>`
    select code, (sum(count) / nullif(sum(sum(count)) over (), 0))::float8 as share from ingest.finding
    where source = ${source} and action = 'quarantine' and hour between ${new Date(since.getTime() - hour)} and ${openedAt}
    group by code order by 2 desc limit 1`
  return row ? { kind: 'one_reason', name: row.code, at: null } : null
}

/** Which store or event misses most of what the same hour had a week ago. */
async function onePart(tx: Database, { source, openedAt, windowMinutes }: Asked): Promise<Cause | null> {
  const then = (at: number) => new Date(at - 7 * 24 * hour)
  const end = openedAt.getTime()
  const rows = await tx.rows<{ series: string; usual: number; missing: number }>`
    with now as (select series, sum(items) as items from ingest.arrival_minute
        where source = ${source} and minute >= ${new Date(end - windowMinutes * minute)} and minute < ${openedAt} group by 1),
      before as (select series, avg(items) * ${windowMinutes}::float8 / 60 as items from ingest.arrival
        where source = ${source} and hour >= ${then(end - 2 * hour)} and hour < ${then(end + hour)} group by 1)
    select series, before.items::float8 as usual, greatest(0, before.items - coalesce(now.items, 0))::float8 as missing
    from before left join now using (series) where series not like 'library:%'`
  const whole = rows.find((row) => row.series === 'source')
  if (!whole || whole.missing <= 0) return null
  for (const [prefix, kind] of [
    ['place:', 'one_store'],
    ['event:', 'one_event'],
  ] as const) {
    const parts = rows
      .filter((row) => row.series.startsWith(prefix))
      .toSorted((one, other) => other.missing - one.missing)
    const first = parts[0]
    if (first && parts.length > 1 && whole.missing - first.missing <= others * (whole.usual - first.usual))
      return { kind, name: first.series.slice(prefix.length), at: null }
  }
  return null
}
