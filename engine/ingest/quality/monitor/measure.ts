import { type Database, type History, typed } from '@einklang/platform'
import type { AlarmRow } from './store.ts'
import { day, minute } from './usual.ts'

export type Measured = { items: number | null; people: number | null; turnover: number | null }

/** How many items, people and how much turnover an alarm is about; estimates from history. */
export async function measure(
  needs: { database: Database; history: History },
  alarm: AlarmRow,
  at: Date,
): Promise<Measured> {
  switch (alarm.code) {
    case 'stream.volume':
    case 'stream.silence':
      return alarm.observed > alarm.usual && alarm.code === 'stream.volume'
        ? touched(needs.history, alarm, at)
        : missing(needs.history, alarm, at)
    case 'stream.quarantine':
    case 'stream.duplicates':
      return counted(needs.database, alarm)
    default:
      return touched(needs.history, alarm, at)
  }
}

/** What the same hours brought a week ago, less what came now. */
async function missing(history: History, alarm: AlarmRow, at: Date): Promise<Measured> {
  // Longer silences are measured by their last week.
  const since = new Date(Math.max(alarm.since.getTime(), at.getTime() - 7 * day + minute))
  const back = (instant: Date) => new Date(instant.getTime() - 7 * day)
  const [row] = await history.rows<{ now: number; before: number; people: number; worth: number; worthNow: number }>`
    with e.received_at >= ${since} as present
    select countIf(present) as now, countIf(not present) as before, uniqIf(person, not present) as people,
      sumIf(value, not present) as worth, sumIf(value, present) as worthNow
    from ingest.event as e
    where source = toUUID(${alarm.source}) and ${subjectOf(history, alarm)}
      and (e.received_at between ${since} and ${at} or e.received_at between ${back(since)} and ${back(at)})`
  if (!row || row.before === 0) return { items: null, people: null, turnover: null }
  const items = Math.max(0, row.before - row.now)
  return {
    items,
    people: Math.round((row.people * items) / row.before),
    turnover: Math.max(0, row.worth - row.worthNow),
  }
}

/** Items of the kind since it began. */
async function touched(history: History, alarm: AlarmRow, at: Date): Promise<Measured> {
  const [row] = await history.rows<{ items: number; people: number; worth: number }>`
    select count() as items, uniq(person) as people, sum(value) as worth from ingest.event as e
    where source = toUUID(${alarm.source}) and ${subjectOf(history, alarm)}
      and e.received_at between ${alarm.since} and ${at}
      and (${alarm.code !== 'stream.late'} or dateDiff('hour', at, e.received_at) > 24)`
  return row
    ? { items: row.items, people: row.people, turnover: row.worth }
    : { items: null, people: null, turnover: null }
}

/** Items that never reached history: counted at the door, and in quarantine by the keyed hash of whom they name. */
async function counted({ rows }: Database, alarm: AlarmRow): Promise<Measured> {
  const [row] = await rows<{ quarantined: number; duplicates: number; people: number; worth: number }>`
    select coalesce(sum(quarantined), 0)::bigint as quarantined, coalesce(sum(duplicates), 0)::bigint as duplicates,
      (select count(distinct person) from ingest.quarantine as item where item.source = ${alarm.source}
        and item.received_at >= ${alarm.since} and person <> '') as people,
      (select coalesce(sum(value), 0)::bigint from ingest.finding where finding.source = ${alarm.source}
        and action = 'quarantine' and hour >= date_trunc('hour', ${alarm.since}::timestamptz)) as worth
    from ingest.arrival where source = ${alarm.source} and series = 'source'
      and hour >= date_trunc('hour', ${alarm.since}::timestamptz)`
  if (!row) return { items: null, people: null, turnover: null }
  return alarm.code === 'stream.quarantine'
    ? { items: row.quarantined, people: row.people, turnover: row.worth }
    : { items: row.duplicates, people: null, turnover: null }
}

function subjectOf(history: History, { subjectKind, subjectName }: AlarmRow) {
  if (subjectKind === 'place') return history.part`place = ${subjectName}`
  if (subjectKind === 'event')
    return history.part`if(kind = 'track' and name <> '', name, toString(kind)) = ${subjectName}`
  if (subjectKind === 'source') return history.part`1`
  const [path = '', value] = subjectName.split(' = ')
  const dot = path.lastIndexOf('.')
  const name = history.part`if(kind = 'track' and name <> '', name, toString(kind)) = ${path.slice(0, dot)}`
  const property = typed('String', path.slice(dot + 1))
  return value === undefined
    ? history.part`${name} and JSONExtractRaw(properties, ${property}) in ('', 'null', '""', '[]')`
    : history.part`${name} and JSONExtractString(properties, ${property}) = ${value}`
}
