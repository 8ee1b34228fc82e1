import type { AlarmId, api, SourceId, UserId } from '@einklang/contract'
import { type Database, recordset } from '@einklang/platform'
import { binMinutes, bins, type DropNoise, hoursBack } from './drop.ts'
import { type Note, type PropertyNote, wholeSource } from './note.ts'
import type { Gaps } from './silence.ts'
import { day, hour, minute, type Noise } from './usual.ts'

type AlarmCode = api.ingest.StreamCode
export type Cause = api.ingest.Alarm['cause']
export type Subject = api.ingest.Alarm['subject']

/** Minutes are kept for three hours and what is asked of a late turn, hours for two spans of comparison. */
const minutesKept = 4 * hour
const hoursKept = 57 * day

export type Folded = {
  /** When a series had something before and after this folding: silences that ended. */
  ended: { source: SourceId; series: string; from: Date; to: Date }[]
}

const noteColumns = {
  minute: 'timestamptz',
  source: 'uuid',
  series: 'text',
  items: 'integer',
  received: 'integer',
  duplicates: 'integer',
  quarantined: 'integer',
  late: 'integer',
} as const
type NoteRow = {
  minute: Date
  source: string
  series: string
  items: number
  received: number
  duplicates: number
  quarantined: number
  late: number
}

/** Takes in what batches have told since the last time; exactly once, in the caller's transaction. */
export async function foldNotes(tx: Database, at: Date): Promise<Folded> {
  const notes = await tx.rows<{ note: Note }>`
    delete from ingest.arrival_note where batch in (
      select batch from ingest.arrival_note order by batch limit 20000) returning note`
  if (notes.length === 0) return { ended: [] }
  const rows = rowsOf(notes.map(({ note }) => note))
  const ended = await foldArrivals(tx, rows, at)
  await foldShapes(tx, notes, at)
  return { ended }
}

function rowsOf(notes: Note[]): NoteRow[] {
  const rows = new Map<string, NoteRow>()
  const of = (source: string, series: string, minuteOf: string): NoteRow => {
    const key = `${source}${minuteOf} ${series}`
    let row = rows.get(key)
    if (!row) {
      const at = new Date(Number(minuteOf) * minute)
      row = { minute: at, source, series, items: 0, received: 0, duplicates: 0, quarantined: 0, late: 0 }
      rows.set(key, row)
    }
    return row
  }
  for (const note of notes) {
    for (const [source, told] of Object.entries(note)) {
      for (const [at, [received, duplicates, quarantined, late]] of Object.entries(told.minutes)) {
        const row = of(source, wholeSource, at)
        row.received += received
        row.duplicates += duplicates
        row.quarantined += quarantined
        row.late += late
      }
      for (const [series, minutes] of Object.entries(told.series))
        for (const [at, items] of Object.entries(minutes)) of(source, series, at).items += items
    }
  }
  return [...rows.values()]
}

async function foldArrivals(tx: Database, rows: NoteRow[], at: Date): Promise<Folded['ended']> {
  // What became of late work (a queue that was stuck) counts in its hour and needs no minutes any more.
  await tx.run`
    with given as (select * from ${recordset(tx, rows, noteColumns)} as r),
      told as (
        insert into ingest.arrival_minute as known (minute, source, series, items, received, quarantined)
        select minute, source, series, items, received, quarantined from given
        on conflict (minute, source, series) do update set items = known.items + excluded.items,
          received = known.received + excluded.received, quarantined = known.quarantined + excluded.quarantined
        returning new.minute, new.source, new.series, new.items > 0 and coalesce(old.items, 0) = 0 as fresh)
    insert into ingest.arrival as known (hour, source, series, items, minutes, received, duplicates, quarantined, late)
    select date_trunc('hour', given.minute), source, series, sum(items), count(*) filter (where fresh), sum(received),
      sum(duplicates), sum(quarantined), sum(late)
    from given join told using (minute, source, series) group by 1, 2, 3
    on conflict (hour, source, series) do update set items = known.items + excluded.items,
      minutes = least(60, known.minutes + excluded.minutes), received = known.received + excluded.received,
      duplicates = known.duplicates + excluded.duplicates, quarantined = known.quarantined + excluded.quarantined,
      late = known.late + excluded.late`
  const spans = new Map<string, { source: string; series: string; first: Date; last: Date }>()
  const within = gapsWithin(rows)
  for (const { source, series, minute: when, items } of rows) {
    if (items === 0) continue
    const known = spans.get(source + series)
    if (!known) spans.set(source + series, { source, series, first: when, last: when })
    else if (when < known.first) known.first = when
    else if (when > known.last) known.last = when
  }
  if (spans.size === 0) return []
  const ended = await tx.rows<Folded['ended'][number]>`
    insert into ingest.series as known (source, series, first_at, last_at)
    select source, series, first, last from ${recordset(tx, [...spans.values()], spanColumns)} as span
    on conflict (source, series) do update set first_at = least(known.first_at, excluded.first_at),
      last_at = greatest(known.last_at, excluded.last_at)
    returning new.source, new.series, old.last_at as from,
      (select first from ${recordset(tx, [...spans.values()], spanColumns)} as span
        where span.source = new.source and span.series = new.series) as to`
  return [...ended.filter(({ from, to }) => from !== null && to > from && to <= at), ...within]
}

/** Silences between the minutes of one folding; a few at a time, as they are folded every minute. */
function gapsWithin(rows: NoteRow[]): Folded['ended'] {
  const minutes = new Map<string, NoteRow[]>()
  for (const row of rows) {
    if (row.items === 0 || (row.series !== wholeSource && !row.series.startsWith('place:'))) continue
    const known = minutes.get(row.source + row.series)
    if (known) known.push(row)
    else minutes.set(row.source + row.series, [row])
  }
  return [...minutes.values()].flatMap((own) => {
    own.sort((one, other) => one.minute.getTime() - other.minute.getTime())
    return own.slice(1).flatMap((row, index) => {
      const from = (own[index] as NoteRow).minute
      const { source, series, minute: to } = row
      return to.getTime() - from.getTime() > minute ? [{ source: source as SourceId, series, from, to }] : []
    })
  })
}
const spanColumns = { source: 'uuid', series: 'text', first: 'timestamptz', last: 'timestamptz' } as const

// --- properties -------------------------------------------------------------------------------------------------------

const listed = 20

async function foldShapes(tx: Database, notes: { note: Note }[], at: Date): Promise<void> {
  type Shape = { source: string; name: string; property: string; seen: number; filled: number; many: boolean }
  const shapes = new Map<string, Shape>()
  const values = new Map<string, { source: string; name: string; property: string; value: string; times: number }>()
  const seen = new Map<string, number>()
  for (const { note } of notes) {
    for (const [source, { shapes: told }] of Object.entries(note)) {
      for (const [name, shape] of Object.entries(told)) {
        seen.set(source + name, (seen.get(source + name) ?? 0) + shape.seen)
        for (const [property, one] of Object.entries(shape.properties)) {
          const key = `${source}${name}\n${property}`
          const known = shapes.get(key) ?? { source, name, property, seen: 0, filled: 0, many: false }
          known.filled += one.filled
          known.many ||= one.values === null
          shapes.set(key, known)
          for (const [value, times] of valuesOf(one)) {
            const of = values.get(`${key}\n${value}`) ?? { source, name, property, value, times: 0 }
            of.times += times
            values.set(`${key}\n${value}`, of)
          }
        }
      }
    }
  }
  const names = [...seen].map(([key, count]) => ({ source: key.slice(0, 36), name: key.slice(36), seen: count }))
  // A property that none of these events had is one that was empty in all of them.
  await tx.run`
    update ingest.property_shape as shape set recent_seen = shape.recent_seen + told.seen
    from ${recordset(tx, names, { source: 'uuid', name: 'text', seen: 'integer' })} as told
    where shape.source = told.source and shape.name = told.name`
  if (shapes.size === 0) return
  const rows = [...shapes.values()].map((row) => ({ ...row, seen: seen.get(row.source + row.name) ?? 0, at }))
  await tx.run`
    insert into ingest.property_shape as known
      (source, name, property, first_at, seen, filled, recent_seen, recent_filled, recent_since, open)
    select source, name, property, at, 0, 0, seen, filled, at, many
    from ${recordset(tx, rows, shapeColumns)} as told
    on conflict (source, name, property) do update set
      recent_filled = known.recent_filled + excluded.recent_filled, open = known.open or excluded.open`
  if (values.size > 0) {
    await tx.run`
      insert into ingest.property_value as known (source, name, property, value, times, first_at, last_at)
      select source, name, property, value, times, ${at}, ${at} from ${recordset(tx, [...values.values()], valueColumns)} as told
      where not exists (select from ingest.property_shape as shape where shape.source = told.source
        and shape.name = told.name and shape.property = told.property and shape.open)
      on conflict (source, name, property, value) do update set times = known.times + excluded.times, last_at = excluded.last_at`
  }
  // More values than a list has: it is none, and what was kept of it goes.
  await tx.run`
    with full_lists as (select source, name, property from ingest.property_value group by 1, 2, 3 having count(*) > ${listed})
    update ingest.property_shape as shape set open = true from full_lists
    where (shape.source, shape.name, shape.property) = (full_lists.source, full_lists.name, full_lists.property)`
  await tx.run`
    delete from ingest.property_value as value using ingest.property_shape as shape
    where shape.open and (shape.source, shape.name, shape.property) = (value.source, value.name, value.property)`
}
const shapeColumns = {
  source: 'uuid',
  name: 'text',
  property: 'text',
  seen: 'integer',
  filled: 'integer',
  many: 'boolean',
  at: 'timestamptz',
} as const
const valueColumns = { source: 'uuid', name: 'text', property: 'text', value: 'text', times: 'integer' } as const

function valuesOf(told: PropertyNote): [string, number][] {
  return Object.entries(told.values ?? {})
}

// --- reading ----------------------------------------------------------------------------------------------------------

export type SeriesRow = {
  source: SourceId
  series: string
  firstAt: Date
  lastAt: Date
  /** `drop` = of whole sources alone. */
  noise: { levels: Noise; activeMinutes: number; drop?: DropNoise } | null
  gaps: Gaps
  learnedAt: Date | null
}

export function seriesRows(tx: Database): Promise<SeriesRow[]> {
  return tx.rows<SeriesRow>`
    select source, series, first_at as "firstAt", last_at as "lastAt", noise, gaps, learned_at as "learnedAt"
    from ingest.series`
}

export type MinuteSums = {
  source: SourceId
  series: string
  five: number
  fifteen: number
  sixty: number
  received: number
  quarantined: number
}

/** Sums of the windows that end at `at`. */
export function minuteSums(tx: Database, at: Date): Promise<MinuteSums[]> {
  const back = (minutes: number) => new Date(at.getTime() - minutes * minute)
  return tx.rows<MinuteSums>`
    select source, series, coalesce(sum(items) filter (where minute >= ${back(5)}), 0)::int as five,
      coalesce(sum(items) filter (where minute >= ${back(15)}), 0)::int as fifteen, sum(items)::int as sixty,
      coalesce(sum(received) filter (where minute >= ${back(15)}), 0)::int as received,
      coalesce(sum(quarantined) filter (where minute >= ${back(15)}), 0)::int as quarantined
    from ingest.arrival_minute where minute >= ${back(60)} and minute < ${at} group by 1, 2`
}

/** Counts of whole sources: of five minutes each that end at `at`, the latest first, and of the hours before. */
export type SourceCounts = { bins: number[]; hours: Map<number, number> }

export async function sourceCounts(tx: Database, at: Date): Promise<Map<SourceId, SourceCounts>> {
  const found = new Map<SourceId, SourceCounts>()
  const of = (source: SourceId) => {
    const known = found.get(source) ?? { bins: Array.from({ length: bins }, () => 0), hours: new Map() }
    found.set(source, known)
    return known
  }
  const back = (minutes: number) => new Date(at.getTime() - minutes * minute)
  const inBins = await tx.rows<{ source: SourceId; bin: number; items: number }>`
    select source, floor(extract(epoch from ${at}::timestamptz - minute - interval '1 second') / ${60 * binMinutes})::int as bin,
      sum(items)::int as items
    from ingest.arrival_minute
    where minute >= ${back(bins * binMinutes)} and minute < ${at} and series = ${wholeSource} group by 1, 2`
  for (const { source, bin, items } of inBins) of(source).bins[bin] = items
  const inHours = await tx.rows<{ source: SourceId; hour: Date; items: number }>`
    select source, hour, items from ingest.arrival
    where hour >= ${back(60 * (hoursBack + 8))} and hour < ${at} and series = ${wholeSource}`
  for (const { source, hour: start, items } of inHours) of(source).hours.set(start.getTime(), items)
  return found
}

export type HourRow = { hour: Date; series: string; items: number; minutes: number }

/** Counts of one source in some hours. */
export function hourRows(tx: Database, source: SourceId, hours: number[]): Promise<HourRow[]> {
  return tx.rows<HourRow>`
    select hour, series, items, minutes from ingest.arrival
    where hour = any(${hours.map((at) => new Date(at))}::timestamptz[]) and source = ${source}
      and series not like 'library:%'`
}

export type ShareRow = { received: number; late: number; duplicates: number }

/** Received, late and repeated items of a source in a span of hours. */
export async function sharesOf(tx: Database, source: SourceId, from: Date, until: Date): Promise<ShareRow> {
  const row = await tx.row<ShareRow>`
    select coalesce(sum(received), 0)::bigint as received, coalesce(sum(late), 0)::bigint as late,
      coalesce(sum(duplicates), 0)::bigint as duplicates
    from ingest.arrival where hour >= ${from} and hour < ${until} and source = ${source} and series = ${wholeSource}`
  return row ?? { received: 0, late: 0, duplicates: 0 }
}

export async function sweep(tx: Database, at: Date): Promise<void> {
  await tx.run`delete from ingest.arrival_minute where minute < ${new Date(at.getTime() - minutesKept)}`
  await tx.run`delete from ingest.arrival where hour < ${new Date(at.getTime() - hoursKept)}`
  await tx.run`delete from ingest.series where last_at < ${new Date(at.getTime() - hoursKept)} and series <> ${wholeSource}`
  await tx.run`delete from ingest.alarm where closed_at < ${new Date(at.getTime() - 400 * day)}`
}

// --- alarms -----------------------------------------------------------------------------------------------------------

export type AlarmRow = {
  id: AlarmId
  source: SourceId
  code: AlarmCode
  level: 'alarm' | 'warning'
  subjectKind: Subject['kind']
  subjectName: string
  since: Date
  openedAt: Date
  seenAt: Date
  closedAt: Date | null
  closedBecause: 'normal' | 'accepted' | null
  closedBy: string | null
  unit: 'items' | 'minutes' | 'share'
  observed: number
  usual: number
  windowMinutes: number
  items: number | null
  people: number | null
  turnover: number | null
  currency: string
  cause: Cause
  measuredAt: Date | null
  owner: UserId | null
  acknowledgedAt: Date | null
  acknowledgedBy: string | null
}

export function alarmColumns(database: Database) {
  return database.part`alarm.id, alarm.source, code, level, subject_kind as "subjectKind", subject_name as "subjectName",
    since, opened_at as "openedAt", seen_at as "seenAt", closed_at as "closedAt", closed_because as "closedBecause",
    closed_by as "closedBy", unit, observed, usual, window_minutes as "windowMinutes", items, people, turnover,
    alarm.currency, cause, measured_at as "measuredAt", owner, acknowledged_at as "acknowledgedAt",
    acknowledged_by as "acknowledgedBy"`
}

export function openAlarms(tx: Database): Promise<AlarmRow[]> {
  return tx.rows<AlarmRow>`select ${alarmColumns(tx)} from ingest.alarm where closed_at is null`
}

export type NewAlarm = Omit<
  AlarmRow,
  | 'closedAt'
  | 'closedBecause'
  | 'closedBy'
  | 'items'
  | 'people'
  | 'turnover'
  | 'measuredAt'
  | 'owner'
  | 'acknowledgedAt'
  | 'acknowledgedBy'
>

/** One alarm per source and code; false = there is one already. Who saw to the source's last one sees to this one. */
export async function openAlarm(tx: Database, alarm: NewAlarm): Promise<boolean> {
  const made = await tx.run`
    insert into ingest.alarm (id, source, code, level, subject_kind, subject_name, since, opened_at, seen_at, unit,
      observed, usual, window_minutes, currency, cause, owner)
    values (${alarm.id}, ${alarm.source}, ${alarm.code}, ${alarm.level}, ${alarm.subjectKind}, ${alarm.subjectName},
      ${alarm.since}, ${alarm.openedAt}, ${alarm.seenAt}, ${alarm.unit}, ${alarm.observed}, ${alarm.usual},
      ${alarm.windowMinutes}, ${alarm.currency}, ${tx.json(alarm.cause)},
      (select owner from ingest.alarm as last where last.source = ${alarm.source} and owner is not null
        order by last.code = ${alarm.code} desc, last.opened_at desc limit 1))
    on conflict (source, code) where closed_at is null do nothing`
  return made > 0
}

export async function seeAlarm(
  tx: Database,
  id: AlarmId,
  now: { at: Date; observed: number; usual: number; windowMinutes: number },
): Promise<void> {
  await tx.run`
    update ingest.alarm set seen_at = ${now.at}, observed = ${now.observed}, usual = ${now.usual},
      window_minutes = ${now.windowMinutes} where id = ${id}`
}

export async function closeAlarm(
  tx: Database,
  id: AlarmId,
  how: { at: Date; because: 'normal' | 'accepted'; by: string | null },
): Promise<boolean> {
  const closed = await tx.run`
    update ingest.alarm set closed_at = ${how.at}, closed_because = ${how.because}, closed_by = ${how.by}
    where id = ${id} and closed_at is null`
  return closed > 0
}
