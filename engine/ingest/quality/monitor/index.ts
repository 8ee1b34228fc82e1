import { type AlarmId, type AnswerOf, api, type SourceId, type UserId } from '@einklang/contract'
import { type Clock, type Database, type History, type Live, type Log, type Loop, Refusal } from '@einklang/platform'
import type { OwnEvent } from '../../own.ts'
import { internalSlug } from '../../source.ts'
import { causes } from './cause.ts'
import { measure } from './measure.ts'
import { wholeSource } from './note.ts'
import { minutesUntil } from './silence.ts'
import {
  type AlarmRow,
  alarmColumns,
  closeAlarm,
  type NewAlarm,
  openAlarms,
  type SeriesRow,
  seriesRows,
} from './store.ts'
import { day, hour, learningDays, minute } from './usual.ts'
import { Watch, type Watched } from './watch.ts'

export type Alarm = api.ingest.Alarm
/** Colleagues who work here now. */
export type Team = () => Promise<{ id: UserId; name: string }[]>

/** Watches the streams of all sources (spec quality §2). */
export type Monitor = {
  loop: Loop
  /** Looks once, now. True = it was this process's turn. */
  turn(): Promise<boolean>
  alarms(query: {
    after?: string | undefined
    limit: number
    open?: 'true' | 'false' | undefined
    source?: SourceId | undefined
    owner?: UserId | undefined
  }): Promise<AnswerOf<typeof api.ingest.alarms>>
  owners: Team
  /** Gives it to a colleague who works here, or to nobody. */
  assign(id: AlarmId, owner: UserId | null): Promise<Alarm>
  /** Somebody is at it; an alarm of nobody becomes that of `owner`. */
  acknowledge(id: AlarmId, by: string, owner: UserId | null): Promise<Alarm>
  accept(id: AlarmId, by: string): Promise<Alarm>
  monitors(): Promise<AnswerOf<typeof api.ingest.monitors>>
}

export type MonitorNeeds = {
  database: Database
  history: History
  clock: Clock
  live: Live
  log: Log
  emit: (tx: Database, events: OwnEvent[]) => Promise<void>
  team: Team
}

// Any constant does; every process takes the same one.
const monitorLock = 731_406_208
const measuredEvery = 15 * minute

export function createMonitor(needs: MonitorNeeds): Monitor {
  const { database, clock, live } = needs
  const watch = new Watch()

  async function turn(): Promise<boolean> {
    const took = await database.transaction(async (tx) => {
      const lock = await tx.row<{ got: boolean }>`select pg_try_advisory_xact_lock(${monitorLock}) as got`
      if (!lock?.got) return null
      const at = await appliedUntil(tx, clock.now())
      const last = await tx.row<{ at: Date }>`select evaluated_at as at from ingest.monitor`
      if (last && last.at >= at) return null
      const changed = await watch.turn(tx, at, await watchedSources(tx), causes)
      await tx.run`
        insert into ingest.monitor (evaluated_at) values (${at})
        on conflict (single) do update set evaluated_at = excluded.evaluated_at`
      await needs.emit(tx, [
        ...changed.opened.map((alarm) => factOf('ingest.alarm_opened', alarm, at)),
        ...changed.closed.map((alarm) => factOf('ingest.alarm_closed', alarm, at)),
      ])
      return { changed, at }
    })
    if (!took) return false
    const { opened, closed } = took.changed
    for (const { id, source, code } of opened) {
      live.publish('ingest.alarm', { id, source, code, state: 'opened' })
      needs.log.warn('A stream does not flow as usual', { source, code })
    }
    for (const { id, source, code } of closed) live.publish('ingest.alarm', { id, source, code, state: 'closed' })
    await measureOpen(needs, took.at)
    return true
  }

  const changedAlarm = async (id: AlarmId) => {
    const alarm = await alarmById(needs, id)
    live.publish('ingest.alarm', { id, source: alarm.source, code: alarm.code, state: 'changed' })
    return alarm
  }

  return {
    turn,
    loop: {
      name: 'ingest.monitor',
      // A little less than a minute, so that no minute is left out.
      pauseMs: 20_000,
      async turn() {
        await turn()
        return 'idle'
      },
    },
    alarms: (query) => listAlarms(needs, query),
    owners: needs.team,
    async assign(id, owner) {
      if (owner !== null && !(await needs.team()).some((one) => one.id === owner))
        throw new Refusal(422, 'unknown_colleague', 'Nobody of that id works here.')
      const changed = await database.run`update ingest.alarm set owner = ${owner} where id = ${id}`
      if (changed === 0) throw new Refusal(404, 'unknown_alarm', 'There is no such alarm.')
      return changedAlarm(id)
    },
    async acknowledge(id, by, owner) {
      const changed = await database.run`
        update ingest.alarm set acknowledged_at = coalesce(acknowledged_at, ${clock.now()}),
          acknowledged_by = coalesce(acknowledged_by, ${by}), owner = coalesce(owner, ${owner})
        where id = ${id}`
      if (changed === 0) throw new Refusal(404, 'unknown_alarm', 'There is no such alarm.')
      return changedAlarm(id)
    },
    async accept(id, by) {
      const closed = await database.transaction(async (tx) => {
        const alarm = await tx.row<AlarmRow>`select ${alarmColumns(tx)} from ingest.alarm where id = ${id}`
        if (!alarm) throw new Refusal(404, 'unknown_alarm', 'There is no such alarm.')
        const done = await closeAlarm(tx, id, { at: clock.now(), because: 'accepted', by })
        if (!done) throw new Refusal(409, 'not_open', 'The alarm is over already.')
        if (alarm.code === 'stream.nulls') await learnShape(tx, alarm)
        await needs.emit(tx, [factOf('ingest.alarm_closed', alarm, clock.now())])
        return alarm
      })
      live.publish('ingest.alarm', { id, source: closed.source, code: closed.code, state: 'closed' })
      return alarmById(needs, id)
    },
    monitors: () => monitorsOf(needs, watch),
  }
}

/** The full minute before which every acknowledged item has been applied: behind a queue the monitors wait. */
async function appliedUntil(tx: Database, now: Date): Promise<Date> {
  const waiting = await tx.row<{ at: Date | null }>`select min(received_at) as at from ingest.inbox where batch is null`
  const until = Math.min(now.getTime(), waiting?.at?.getTime() ?? Number.POSITIVE_INFINITY)
  return new Date(Math.floor(until / minute) * minute)
}

function watchedSources(tx: Database): Promise<Watched[]> {
  return tx.rows<Watched>`
    select id, kind, time_zone as zone, country, currency from ingest.source where slug <> ${internalSlug} order by id`
}

function factOf(name: string, alarm: NewAlarm | AlarmRow, at: Date): OwnEvent {
  return {
    key: `${name}:${alarm.id}`,
    name,
    person: null,
    at,
    properties: { alarm: alarm.id, source: alarm.source, code: alarm.code, since: alarm.since.toISOString() },
  }
}

/** Of a property that is emptier for good, what came lately is what is usual. */
async function learnShape(tx: Database, { source, subjectName }: AlarmRow): Promise<void> {
  const dot = subjectName.lastIndexOf('.')
  await tx.run`
    update ingest.property_shape set seen = recent_seen, filled = recent_filled, recent_seen = 0, recent_filled = 0
    where source = ${source} and name = ${subjectName.slice(0, dot)} and property = ${subjectName.slice(dot + 1)}
      and recent_seen > 0`
}

/** Alarms that are open and were not measured lately: one question to history each. */
async function measureOpen(needs: MonitorNeeds, at: Date): Promise<void> {
  const due = (await openAlarms(needs.database)).filter(
    ({ measuredAt }) => !measuredAt || at.getTime() - measuredAt.getTime() >= measuredEvery,
  )
  for (const alarm of due) {
    try {
      const { items, people, turnover } = await measure(needs, alarm, at)
      await needs.database.run`
        update ingest.alarm set items = ${items}, people = ${people}, turnover = ${turnover}, measured_at = ${at}
        where id = ${alarm.id}`
    } catch (error) {
      needs.log.warn('How many people an alarm touches could not be counted; it is tried again.', { error })
    }
  }
}

async function alarmById({ database, team }: MonitorNeeds, id: AlarmId): Promise<Alarm> {
  const [row] = await database.rows<AlarmRow & { sourceName: string }>`
    select ${alarmColumns(database)}, source.name as "sourceName"
    from ingest.alarm join ingest.source on source.id = alarm.source where alarm.id = ${id}`
  return viewOf(row as AlarmRow & { sourceName: string }, await team())
}

async function listAlarms(
  { database, team }: MonitorNeeds,
  query: Parameters<Monitor['alarms']>[0],
): Promise<AnswerOf<typeof api.ingest.alarms>> {
  const [closed, id] = query.after?.split('|') ?? []
  const rows = await database.rows<AlarmRow & { sourceName: string; order: string }>`
    select * from (
      select ${alarmColumns(database)}, source.name as "sourceName",
        to_char(coalesce(closed_at, 'infinity') at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as "order",
        coalesce(closed_at, 'infinity') as ended
      from ingest.alarm join ingest.source on source.id = alarm.source
      where (${query.open ?? null}::text is null or (closed_at is null) = ${query.open === 'true'})
        and (${query.owner ?? null}::uuid is null or alarm.owner = ${query.owner ?? null}::uuid)
        and (${query.source ?? null}::uuid is null or alarm.source = ${query.source ?? null}::uuid)) as alarm
    where ${closed ?? null}::text is null or (ended, id) < (coalesce(nullif(${closed ?? ''}, '')::timestamp at time zone 'UTC', 'infinity'), ${id ?? null}::uuid)
    order by ended desc, id desc limit ${query.limit}`
  const last = rows.at(-1)
  const names = rows.some(({ owner }) => owner !== null) ? await team() : []
  return {
    items: rows.map((row) => viewOf(row, names)),
    next: last && rows.length === query.limit ? `${last.closedAt === null ? '' : last.order}|${last.id}` : null,
  }
}

function viewOf(row: AlarmRow & { sourceName: string }, team: Awaited<ReturnType<Team>>): Alarm {
  const { subjectKind, subjectName, turnover, currency, measuredAt: _, ...rest } = row
  return {
    id: rest.id,
    source: rest.source,
    sourceName: rest.sourceName,
    code: rest.code,
    level: rest.level,
    subject: { kind: subjectKind, name: subjectName },
    since: rest.since.toISOString(),
    openedAt: rest.openedAt.toISOString(),
    seenAt: rest.seenAt.toISOString(),
    closedAt: rest.closedAt?.toISOString() ?? null,
    closedBecause: rest.closedBecause,
    closedBy: rest.closedBy,
    unit: rest.unit,
    observed: rest.observed,
    usual: rest.usual,
    windowMinutes: rest.windowMinutes,
    items: rest.items,
    people: rest.people,
    turnover: turnover === null ? null : { amount: turnover, currency },
    cause: rest.cause,
    // Who left owns nothing any more.
    owner: team.find(({ id }) => id === rest.owner) ?? null,
    acknowledgedAt: rest.acknowledgedAt?.toISOString() ?? null,
    acknowledgedBy: rest.acknowledgedBy,
  }
}

async function monitorsOf(
  { database, clock }: MonitorNeeds,
  watch: Watch,
): Promise<AnswerOf<typeof api.ingest.monitors>> {
  const now = clock.now()
  const [last, series, sources, names] = await Promise.all([
    database.row<{ at: Date }>`select evaluated_at as at from ingest.monitor`,
    seriesRows(database),
    watchedSources(database),
    database.rows<{ id: SourceId; name: string }>`select id, name from ingest.source`,
  ])
  const items = []
  for (const source of sources) {
    const own = series.filter((row) => row.source === source.id)
    const whole: SeriesRow | undefined = own.find((row) => row.series === wholeSource)
    const until = whole ? new Date(whole.firstAt.getTime() + learningDays * day) : null
    const watching = until !== null && until <= now
    const limits = watching && whole ? await watch.limits(database, source, whole, now) : null
    const usualNow = limits?.usual(Math.floor(now.getTime() / hour) * hour)
    items.push({
      source: source.id,
      sourceName: names.find((one) => one.id === source.id)?.name ?? '',
      kind: source.kind,
      firstAt: whole?.firstAt.toISOString() ?? null,
      lastAt: whole?.lastAt.toISOString() ?? null,
      state: !whole ? ('waiting' as const) : watching ? ('watching' as const) : ('learning' as const),
      learningUntil: watching ? null : (until?.toISOString() ?? null),
      events: own.filter((row) => row.series.startsWith('event:')).length,
      places: own.filter((row) => row.series.startsWith('place:')).length,
      silenceMinutes: limits
        ? minutesUntil(limits.limit, Math.floor(now.getTime() / minute) * minute, limits.usual)
        : null,
      usualThisHour: usualNow ? usualNow.items : null,
    })
  }
  return { evaluatedAt: last?.at.toISOString() ?? null, items }
}
