import type { SourceId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { AlarmRow, NewAlarm } from './store.ts'
import { day, hour, learningDays, minute } from './usual.ts'

type Wrong = Omit<NewAlarm, 'id' | 'source' | 'openedAt' | 'seenAt' | 'currency' | 'cause'>
type Word = { state: 'wrong'; alarm: Wrong } | { state: 'normal' } | { state: 'silent' }

/** Events in the recent count before it is judged, and before it becomes part of what is usual. */
const judged = 200
const worn = 1000
/** So many events carry what is usual; older ones fade. */
const remembered = 50_000
/** Rates differ by time of day: a recent count spans hours before it is worn in. */
const wornHours = 6

type Shape = {
  name: string
  property: string
  seen: number
  filled: number
  recent: number
  present: number
  since: Date
}

/** Properties that are empty more or less often than usual, values and event names never seen before. */
export async function valueWatch(
  tx: Database,
  source: SourceId,
  at: Date,
  open: readonly AlarmRow[],
): Promise<{ code: NewAlarm['code']; word: Word }[]> {
  const ripe = new Date(at.getTime() - learningDays * day)
  const shapes = await tx.rows<Shape>`
    select name, property, seen, filled, recent_seen as recent, recent_filled as present, recent_since as since
    from ingest.property_shape
    where source = ${source} and recent_seen >= ${judged} and seen >= 500 and first_at <= ${ripe}
      and abs(recent_filled / recent_seen - filled / seen) >= 0.05`
  const nulls = shapes.filter(differs).toSorted((one, other) => distance(other) - distance(one))[0]
  const fresh = await newValues(tx, source, at)
  return [
    { code: 'stream.nulls', word: nulls ? emptier(nulls, at) : await filled(tx, source, open) },
    { code: 'stream.new_values', word: fresh ?? { state: 'normal' } },
  ]
}

/** What was told is over when enough has come since to say so. */
async function filled(tx: Database, source: SourceId, open: readonly AlarmRow[]): Promise<Word> {
  const known = open.find((alarm) => alarm.source === source && alarm.code === 'stream.nulls')
  if (!known) return { state: 'normal' }
  const row = await tx.row<{ recent: number }>`
    select recent_seen as recent from ingest.property_shape
    where source = ${source} and name || '.' || property = ${known.subjectName}`
  return { state: row && row.recent < judged ? 'silent' : 'normal' }
}

function distance({ seen, filled, recent, present }: Shape): number {
  return Math.abs(present / recent - filled / seen)
}

/** Beyond chance: events of one visit are alike, so four of them count as one. */
function differs(shape: Shape): boolean {
  const share = (shape.filled + shape.present) / (shape.seen + shape.recent)
  const chance = Math.sqrt(share * (1 - share) * (4 / shape.recent + 4 / shape.seen))
  return distance(shape) > 4 * chance
}

function emptier({ name, property, seen, filled, recent, present, since }: Shape, at: Date): Word {
  return {
    state: 'wrong',
    alarm: {
      code: 'stream.nulls',
      level: 'warning',
      subjectKind: 'property',
      subjectName: `${name}.${property}`,
      since,
      unit: 'share',
      observed: 1 - present / recent,
      usual: 1 - filled / seen,
      windowMinutes: Math.max(1, Math.round((at.getTime() - since.getTime()) / minute)),
    },
  }
}

const fewest = 5

/**
 * A new value counts when the list was complete: learnt, at least 500 events, nothing new for a fortnight, nothing seen
 * only once. It is told until it has been there for a week or somebody accepts it.
 */
async function newValues(tx: Database, source: SourceId, at: Date): Promise<Word | null> {
  const ripe = new Date(at.getTime() - learningDays * day)
  const lately = new Date(at.getTime() - 7 * day)
  const settled = new Date(lately.getTime() - 7 * day)
  const value = await tx.row<{ name: string; property: string; value: string; times: number; first: Date }>`
    select value.name, value.property, value.value, value.times, value.first_at as first
    from ingest.property_value as value
    join ingest.property_shape as shape using (source, name, property)
    where value.source = ${source} and value.first_at > ${lately} and value.times >= ${fewest} and not shape.open
      and shape.first_at <= ${ripe} and shape.seen >= 500
      and value.first_at > coalesce((select max(closed_at) from ingest.alarm
        where alarm.source = ${source} and code = 'stream.new_values' and closed_because = 'accepted'), '-infinity')
      and not exists (select from ingest.property_value as other
        where (other.source, other.name, other.property) = (value.source, value.name, value.property)
          and other.first_at <= ${lately} and (other.first_at > ${settled} or other.times < 2))
    order by value.times desc, value.name, value.property, value.value limit 1`
  const alarm = (subject: Pick<Wrong, 'subjectKind' | 'subjectName'>, since: Date, times: number): Word => ({
    state: 'wrong',
    alarm: {
      code: 'stream.new_values',
      level: 'warning',
      ...subject,
      since,
      unit: 'items',
      observed: times,
      usual: 0,
      windowMinutes: Math.max(1, Math.round((at.getTime() - since.getTime()) / minute)),
    },
  })
  if (value) {
    const name = `${value.name}.${value.property} = ${value.value}`
    return alarm({ subjectKind: 'property', subjectName: name }, value.first, value.times)
  }
  const event = await tx.row<{ series: string; first: Date; items: number }>`
    select series, first_at as first, (select coalesce(sum(items), 0)::int from ingest.arrival
      where arrival.source = ${source} and arrival.series = series.series and hour > ${lately}) as items
    from ingest.series
    where source = ${source} and series like 'event:%' and first_at > ${lately}
      and first_at > coalesce((select max(closed_at) from ingest.alarm
        where alarm.source = ${source} and code = 'stream.new_values' and closed_because = 'accepted'), '-infinity')
    order by 3 desc, series limit 1`
  if (!event || event.items < fewest) return null
  return alarm({ subjectKind: 'event', subjectName: event.series.slice('event:'.length) }, event.first, event.items)
}

/**
 * What came lately becomes part of what is usual, unless it is so different that somebody is being told; then it is
 * counted anew, so that the alarm sees when it is over.
 */
export async function wearShapes(tx: Database, at: Date): Promise<void> {
  const since = new Date(at.getTime() - wornHours * hour)
  const learning = new Date(at.getTime() - learningDays * day)
  await tx.run`
    update ingest.property_shape as shape set
      seen = case when told then seen else seen * keep + recent_seen end,
      filled = case when told then filled else filled * keep + recent_filled end,
      recent_seen = 0, recent_filled = 0, recent_since = ${at}
    from (select source, name, property,
        case when seen + recent_seen > ${remembered} then ${remembered}::float8 / (seen + recent_seen) else 1 end as keep,
        first_at <= ${learning} and seen >= 500 and abs(recent_filled / recent_seen - filled / seen) >= 0.05
          and exists (select from ingest.alarm where alarm.source = worn.source and code = 'stream.nulls'
            and closed_at is null) as told
      from ingest.property_shape as worn
      where recent_since <= ${since} and recent_seen >= ${worn}
        or recent_since <= ${new Date(at.getTime() - day)} and recent_seen > 0) as due
    where (shape.source, shape.name, shape.property) = (due.source, due.name, due.property)`
}
