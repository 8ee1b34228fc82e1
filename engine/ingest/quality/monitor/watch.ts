import type { SourceId } from '@einklang/contract'
import { type Database, newId } from '@einklang/platform'
import type { Causes } from './cause.ts'
import { type Drop, dropNoiseOf, dropOf, hoursBack, isDropped } from './drop.ts'
import { isHoliday } from './local-time.ts'
import { wholeSource } from './note.ts'
import { valueWatch, wearShapes } from './shape.ts'
import { noteGap, silenceLimit, silenceOf } from './silence.ts'
import {
  type AlarmRow,
  closeAlarm,
  foldNotes,
  hourRows,
  type MinuteSums,
  minuteSums,
  type NewAlarm,
  openAlarm,
  openAlarms,
  type SeriesRow,
  type SourceCounts,
  seeAlarm,
  seriesRows,
  sharesOf,
  sourceCounts,
  sweep,
} from './store.ts'
import { comparedHours, day, hour, learningDays, minute, never, noiseOf, type Usual, usualOf } from './usual.ts'
import { type Deviation, deviations, isAlarming, isNormal } from './volume.ts'

/** A monitor's word on a source now: what is wrong, that nothing is, or that it cannot tell. */
type Word =
  | { state: 'wrong'; alarm: Omit<NewAlarm, 'id' | 'source' | 'openedAt' | 'seenAt' | 'currency' | 'cause'> }
  | { state: 'normal' }
  | { state: 'silent' }

export type Watched = {
  id: SourceId
  kind: string
  zone: string
  country: string
  currency: string
}

export type Changed = { opened: (NewAlarm & { kind: string })[]; closed: AlarmRow[] }

const limitOfSource = 4
// A source has dozens of parts: one of them must be surer.
const limitOfPart = 5
const storeSilentMinutes = 120
/** Silences are learnt as soon as there is a week to compare with. */
const gapsFromDay = 8
const acceptedAfterDays = 7
const acceptedForDays = 28
const quietMinutes = 10
const zeroSums = { five: 0, fifteen: 0, sixty: 0, received: 0, quarantined: 0 }

/**
 * The monitors: each minute folds in what arrived, compares it with what is usual, opens and closes alarms. Remembers
 * what is usual per source and hour; everything else lies in the database, so that any process can go on.
 */
export class Watch {
  readonly #usual = new Map<string, Promise<Map<string, Usual>>>()
  readonly #shares = new Map<string, { hour: number; late: number; duplicates: number; received: number }>()
  #hour = 0

  /** One turn, in the caller's transaction; `at` is a full minute before which everything has been applied. */
  async turn(tx: Database, at: Date, sources: Watched[], causes: Causes): Promise<Changed> {
    const { ended } = await foldNotes(tx, at)
    const series = await seriesRows(tx)
    const open = await openAlarms(tx)
    await this.#learnGaps(tx, series, ended, sources)
    const hourNow = Math.floor(at.getTime() / hour) * hour
    if (hourNow !== this.#hour) {
      this.#hour = hourNow
      for (const key of this.#usual.keys()) if (Number(key.slice(36)) < hourNow - 8 * day) this.#usual.delete(key)
      await sweep(tx, at)
    }
    await this.#learnNoise(tx, series, at, sources)
    const changed: Changed = { opened: [], closed: [] }
    const sums = await minuteSums(tx, at)
    const counts = await sourceCounts(tx, at)
    for (const source of sources) {
      const rows = series.filter((row) => row.source === source.id)
      const whole = rows.find((row) => row.series === wholeSource)
      const quarantine = this.#quarantine(sums, source, at)
      const ready = whole !== undefined && at.getTime() - whole.firstAt.getTime() >= learningDays * day
      if (!ready) continue
      const words = [
        await this.#volume(tx, source, rows, { sums, counts: counts.get(source.id) ?? null }, at),
        await this.#silence(tx, source, rows, at),
        ...(await this.#shareWords(tx, source, at)),
        ...(await valueWatch(tx, source.id, at, open)),
        quarantine,
      ]
      await this.#settle({ tx, source, at, words, open, causes, changed })
    }
    await wearShapes(tx, at)
    return changed
  }

  async #settle(task: {
    tx: Database
    source: Watched
    at: Date
    words: { code: NewAlarm['code']; word: Word }[]
    open: AlarmRow[]
    causes: Causes
    changed: Changed
  }): Promise<void> {
    const { tx, source, at, open, changed } = task
    for (const { code, word } of task.words) {
      const known = open.find((alarm) => alarm.source === source.id && alarm.code === code)
      if (word.state === 'wrong') {
        const { observed, usual, windowMinutes } = word.alarm
        if (known && at.getTime() - known.openedAt.getTime() > acceptedAfterDays * day) {
          if (await closeAlarm(tx, known.id, { at, because: 'accepted', by: null })) changed.closed.push(known)
        } else if (known) await seeAlarm(tx, known.id, { at, observed, usual, windowMinutes })
        else if (!(await this.#isAccepted(tx, source.id, word.alarm))) {
          const about = { ...word.alarm, source: source.id, currency: source.currency, openedAt: at, seenAt: at }
          const cause = await task.causes.of(tx, about)
          const alarm: NewAlarm = { ...about, id: newId('alarm', { now: () => at }), cause }
          if (await openAlarm(tx, alarm)) changed.opened.push({ ...alarm, kind: source.kind })
        }
      } else if (known) {
        const quiet = at.getTime() - known.seenAt.getTime()
        if (word.state !== 'normal' || quiet < quietMinutes * minute) continue
        if (await closeAlarm(tx, known.id, { at, because: 'normal', by: null })) changed.closed.push(known)
      }
    }
  }

  /** Somebody, or a week, has made it the new normal: told again only when it has become clearly worse. */
  async #isAccepted(tx: Database, source: SourceId, alarm: (Word & { state: 'wrong' })['alarm']): Promise<boolean> {
    const known = await tx.row<{ observed: number; usual: number; since: Date }>`
      select observed, usual, since from ingest.alarm
      where source = ${source} and code = ${alarm.code} and closed_because = 'accepted'
        and subject_name = ${alarm.subjectName} and closed_at > ${new Date(alarm.since.getTime() - acceptedForDays * day)}
      order by closed_at desc limit 1`
    if (!known) return false
    if (alarm.code === 'stream.silence') return alarm.since <= known.since
    if (alarm.code === 'stream.new_values') return true
    const before = (known.observed + 1e-9) / (known.usual + 1e-9)
    const now = (alarm.observed + 1e-9) / (alarm.usual + 1e-9)
    return before < 1 ? now > 0.6 * before : now < 1.6 * before
  }

  // --- what is usual --------------------------------------------------------------------------------------------------

  /** What is usual in an hour, per series of the source; remembered until the hour is over for a week. */
  async #usualAt(tx: Database, source: Watched, row: { firstAt: Date }, at: number): Promise<Map<string, Usual>> {
    const key = `${source.id}${at}`
    let known = this.#usual.get(key)
    if (!known) {
      known = readUsual(tx, source, row.firstAt, at)
      known.catch(() => this.#usual.delete(key))
      this.#usual.set(key, known)
    }
    return known
  }

  /** Everything from an hour before `from` to an hour after `at`, ready to be asked without waiting. */
  async #usualBetween(
    tx: Database,
    source: Watched,
    row: { firstAt: Date },
    from: number,
    at: number,
  ): Promise<(series: string) => (hourStart: number) => Usual> {
    const first = Math.floor(Math.max(from, at - acceptedAfterDays * day) / hour) * hour - hour
    const hours = new Map<number, Map<string, Usual>>()
    for (let start = first; start <= at + hour; start += hour)
      hours.set(start, await this.#usualAt(tx, source, row, start))
    return (series) => (start) => hours.get(start)?.get(series) ?? never
  }

  // --- the monitors ---------------------------------------------------------------------------------------------------

  async #volume(
    tx: Database,
    source: Watched,
    rows: SeriesRow[],
    { sums, counts }: { sums: MinuteSums[]; counts: SourceCounts | null },
    at: Date,
  ): Promise<{ code: 'stream.volume'; word: Word }> {
    const now = at.getTime()
    const whole = rows.find((row) => row.series === wholeSource) as SeriesRow
    const usual = await this.#usualBetween(tx, source, whole, now - (hoursBack + 8) * hour, now)
    const holiday = isHoliday(now - minute, source.zone, source.country)
    const own = new Map(sums.filter((sum) => sum.source === source.id).map((sum) => [sum.series, sum]))
    let worst: { row: SeriesRow; deviation: Deviation } | null = null
    let normal: boolean | null = null
    for (const row of rows) {
      if (row.series.startsWith('library:') || now - row.firstAt.getTime() < learningDays * day) continue
      const { five, fifteen, sixty } = own.get(row.series) ?? zeroSums
      const found = deviations({
        at: now,
        counted: [five, fifteen, sixty],
        usual: usual(row.series),
        noise: row.noise?.levels ?? null,
        holiday,
      })
      if (row.series === wholeSource) normal = isNormal(found)
      const limit = row.series === wholeSource ? limitOfSource : limitOfPart
      for (const deviation of found) {
        if (!isAlarming(deviation, limit)) continue
        // The whole source speaks before its parts.
        if (worst?.row.series === wholeSource && row.series !== wholeSource) continue
        const first = !worst || (row.series === wholeSource && worst.row.series !== wholeSource)
        if (first || (worst && severity(deviation) > severity(worst.deviation))) worst = { row, deviation }
      }
    }
    if (worst?.row !== whole) {
      const drop = holiday ? null : lossOf(whole, counts, usual(wholeSource), now)
      if (drop !== null) worst = { row: whole, deviation: { ...drop, z: -drop.nats } }
    }
    if (!worst) return { code: 'stream.volume', word: normal === null ? { state: 'silent' } : stateOf(normal) }
    const { row, deviation } = worst
    return {
      code: 'stream.volume',
      word: {
        state: 'wrong',
        alarm: {
          code: 'stream.volume',
          level: 'alarm',
          ...subjectOf(row.series),
          since: new Date(now - deviation.windowMinutes * minute),
          unit: 'items',
          observed: deviation.observed,
          usual: deviation.usual,
          windowMinutes: deviation.windowMinutes,
        },
      },
    }
  }

  async #silence(
    tx: Database,
    source: Watched,
    rows: SeriesRow[],
    at: Date,
  ): Promise<{ code: 'stream.silence'; word: Word }> {
    const now = at.getTime()
    const whole = rows.find((row) => row.series === wholeSource) as SeriesRow
    const ripe = rows.filter(
      (row) =>
        (row === whole || (row.series.startsWith('place:') && source.kind === 'till')) &&
        now - row.firstAt.getTime() >= learningDays * day,
    )
    const longest = Math.min(...ripe.map((row) => row.lastAt.getTime()))
    const usual = await this.#usualBetween(tx, source, whole, longest, now)
    for (const row of [whole, ...ripe.filter((one) => one !== whole)]) {
      const lastAt = Math.max(row.lastAt.getTime(), now - acceptedAfterDays * day)
      const silence = silenceOf(lastAt, now, usual(row.series))
      const limit = silenceLimit(row.gaps, row.noise?.activeMinutes ?? 0)
      if (silence.nats <= limit) continue
      if (row !== whole && silence.awakeMinutes < storeSilentMinutes) continue
      return {
        code: 'stream.silence',
        word: {
          state: 'wrong',
          alarm: {
            code: 'stream.silence',
            level: 'alarm',
            ...subjectOf(row.series),
            since: row.lastAt,
            unit: 'minutes',
            observed: Math.round((now - row.lastAt.getTime()) / minute),
            // How long such a silence may last: the share of the surprise that the limit allows.
            usual: Math.round((silence.awakeMinutes * limit) / silence.nats),
            windowMinutes: Math.round((now - row.lastAt.getTime()) / minute),
          },
        },
      }
    }
    return { code: 'stream.silence', word: { state: 'normal' } }
  }

  #quarantine(sums: MinuteSums[], source: Watched, at: Date): { code: 'stream.quarantine'; word: Word } {
    const found = sums.find((sum) => sum.source === source.id && sum.series === wholeSource)
    const { received, quarantined } = found ?? zeroSums
    const code = 'stream.quarantine' as const
    if (received < 20) return { code, word: { state: quarantined === 0 ? 'normal' : 'silent' } }
    if (quarantined < 5 || quarantined <= received / 100) return { code, word: { state: 'normal' } }
    return {
      code,
      word: {
        state: 'wrong',
        alarm: {
          code,
          level: 'alarm',
          subjectKind: 'source',
          subjectName: '',
          since: new Date(at.getTime() - 15 * minute),
          unit: 'share',
          observed: quarantined / received,
          usual: 0.01,
          windowMinutes: 15,
        },
      },
    }
  }

  /** Late and repeated items: three times their usual share. */
  async #shareWords(tx: Database, source: Watched, at: Date): Promise<{ code: NewAlarm['code']; word: Word }[]> {
    const hourNow = Math.floor(at.getTime() / hour) * hour
    const lately = await sharesOf(tx, source.id, new Date(hourNow - hour), new Date(hourNow + hour))
    let base = this.#shares.get(source.id)
    if (!base || base.hour !== hourNow) {
      const past = await sharesOf(tx, source.id, new Date(hourNow - 28 * day), new Date(hourNow - hour))
      base = { hour: hourNow, ...past }
      this.#shares.set(source.id, base)
    }
    const since = new Date(hourNow - hour)
    const { received } = base
    return (['late', 'duplicates'] as const).map((what) => {
      const code = what === 'late' ? ('stream.late' as const) : ('stream.duplicates' as const)
      if (lately.received < 100 || received < 500) return { code, word: { state: 'silent' } as Word }
      const observed = lately[what] / lately.received
      const usual = base[what] / received
      // Repeats come in whole batches: two points more at least, and more than chance would bring.
      const chance = 8 * Math.sqrt((Math.max(usual, 0.005) * (1 - usual)) / lately.received)
      const wrong = observed > 3 * usual && observed > usual + Math.max(0.02, chance) && lately[what] >= 20
      if (!wrong) return { code, word: { state: 'normal' } as Word }
      return {
        code,
        word: {
          state: 'wrong',
          alarm: {
            code,
            level: 'warning',
            subjectKind: 'source',
            subjectName: '',
            since,
            unit: 'share',
            observed,
            usual,
            windowMinutes: Math.round((at.getTime() - since.getTime()) / minute),
          },
        } as Word,
      }
    })
  }

  // --- learning -------------------------------------------------------------------------------------------------------

  /** Silences that have ended teach what is usual. */
  async #learnGaps(
    tx: Database,
    series: SeriesRow[],
    ended: { source: SourceId; series: string; from: Date; to: Date }[],
    sources: Watched[],
  ): Promise<void> {
    const learnt = new Map<string, { source: string; series: string; gaps: number[] }>()
    for (const gap of ended) {
      if (gap.series !== wholeSource && !gap.series.startsWith('place:')) continue
      const source = sources.find((one) => one.id === gap.source)
      const row = series.find((one) => one.source === gap.source && one.series === gap.series)
      if (!source || !row || gap.to.getTime() - row.firstAt.getTime() < gapsFromDay * day) continue
      const whole = series.find((one) => one.source === gap.source && one.series === wholeSource) as SeriesRow
      const usual = await this.#usualBetween(tx, source, whole, gap.from.getTime(), gap.to.getTime())
      const { nats } = silenceOf(gap.from.getTime(), gap.to.getTime(), usual(gap.series))
      // An outage must not teach that outages are usual, but a limit that is too tight has to give way.
      row.gaps = noteGap(row.gaps, Math.min(nats, 1.3 * silenceLimit(row.gaps, row.noise?.activeMinutes ?? 0)))
      learnt.set(gap.source + gap.series, { source: gap.source, series: gap.series, gaps: row.gaps })
    }
    if (learnt.size === 0) return
    await tx.run`
      update ingest.series set gaps = learnt.gaps
      from jsonb_to_recordset(${tx.json([...learnt.values()])}) as learnt(source uuid, series text, gaps jsonb)
      where series.source = learnt.source and series.series = learnt.series`
  }

  /** Once a day and source, one source a turn: how the counts of the last four weeks lay around what was usual. */
  async #learnNoise(tx: Database, series: SeriesRow[], at: Date, sources: Watched[]): Promise<void> {
    const due = series.find(
      (row) =>
        row.series === wholeSource &&
        at.getTime() - row.firstAt.getTime() >= learningDays * day &&
        (row.learnedAt === null || at.getTime() - row.learnedAt.getTime() > day),
    )
    const source = sources.find((one) => one.id === due?.source)
    if (!due) return
    await tx.run`update ingest.series set learned_at = ${at} where source = ${due.source}`
    if (!source) return
    const rows = await tx.rows<{ series: string; hour: Date; items: number; minutes: number }>`
      select series, hour, items, minutes from ingest.arrival where source = ${due.source} and hour < ${at}
        and series not like 'library:%'`
    const bySeries = new Map<string, Map<number, { items: number; minutes: number }>>()
    for (const { series: name, hour: when, items, minutes } of rows) {
      const known = bySeries.get(name) ?? new Map()
      known.set(when.getTime(), { items, minutes })
      bySeries.set(name, known)
    }
    const compared = new Map<number, number[]>()
    const last = Math.floor(at.getTime() / hour) * hour - hour
    const firstHour = Math.ceil(due.firstAt.getTime() / hour) * hour
    for (let start = Math.max(firstHour, last - 28 * day); start <= last; start += hour) {
      if (source.kind === 'till' && isHoliday(start, source.zone, source.country)) continue
      const hours = comparedHours(start, source).filter((then) => then >= firstHour)
      if (hours.length > 0) compared.set(start, hours)
    }
    const learnt: { source: string; series: string; noise: NonNullable<SeriesRow['noise']> }[] = []
    for (const [name, counts] of bySeries) {
      const hours: { at: number; items: number; usual: number }[] = []
      let activeMinutes = 0
      for (const [start, then] of compared) {
        const here = counts.get(start)
        activeMinutes += here?.minutes ?? 0
        const usual = usualOf(
          then.map((one) => counts.get(one)?.items ?? 0),
          [],
        )
        hours.push({ at: start, items: here?.items ?? 0, usual: usual.items })
      }
      const noise = { levels: noiseOf(hours), activeMinutes }
      const drop = name === wholeSource ? { drop: dropNoiseOf(hours) } : {}
      learnt.push({ source: due.source, series: name, noise: { ...noise, ...drop } })
    }
    await tx.run`
      update ingest.series set noise = learnt.noise
      from jsonb_to_recordset(${tx.json(learnt)}) as learnt(source uuid, series text, noise jsonb)
      where series.source = learnt.source and series.series = learnt.series`
    for (const one of learnt) {
      const row = series.find((known) => known.source === one.source && known.series === one.series)
      if (row) row.noise = one.noise
    }
  }

  /** For screens: what this source is watched for now. */
  async limits(
    tx: Database,
    source: Watched,
    whole: SeriesRow,
    at: Date,
  ): Promise<{ usual: (hourStart: number) => Usual; limit: number }> {
    const usual = await this.#usualBetween(tx, source, whole, at.getTime(), at.getTime() + day)
    return { usual: usual(wholeSource), limit: silenceLimit(whole.gaps, whole.noise?.activeMinutes ?? 0) }
  }
}

/** Half of a whole source that is gone, as far as that can be told yet. */
function lossOf(
  whole: SeriesRow,
  counts: SourceCounts | null,
  usual: (hourStart: number) => Usual,
  at: number,
): Drop | null {
  const noise = whole.noise?.drop
  if (noise === undefined) return null
  const drop = dropOf({
    at,
    bins: counts?.bins ?? [],
    items: (start) => counts?.hours.get(start) ?? 0,
    usual,
    noise,
  })
  return isDropped(drop) ? drop : null
}

/** How far from usual, whatever the window. */
function severity({ observed, usual }: Deviation): number {
  return Math.abs(Math.log((observed + 1) / (usual + 1)))
}

function stateOf(normal: boolean): Word {
  return { state: normal ? 'normal' : 'silent' }
}

function subjectOf(series: string): { subjectKind: NewAlarm['subjectKind']; subjectName: string } {
  if (series === wholeSource) return { subjectKind: 'source', subjectName: '' }
  const [kind = '', ...name] = series.split(':')
  return { subjectKind: kind === 'place' ? 'place' : 'event', subjectName: name.join(':') }
}

async function readUsual(tx: Database, source: Watched, firstAt: Date, at: number): Promise<Map<string, Usual>> {
  // Stores that are shut on a holiday send nothing, and rightly so.
  if (source.kind === 'till' && isHoliday(at, source.zone, source.country)) return new Map()
  const firstHour = Math.ceil(firstAt.getTime() / hour) * hour
  const hours = comparedHours(at, source).filter((then) => then >= firstHour)
  const rows = await hourRows(tx, source.id, hours)
  const found = new Map<string, Usual>()
  for (const name of new Set(rows.map((row) => row.series))) {
    const own = new Map(rows.filter((row) => row.series === name).map((row) => [row.hour.getTime(), row]))
    found.set(
      name,
      usualOf(
        hours.map((then) => own.get(then)?.items ?? 0),
        hours.map((then) => own.get(then)?.minutes ?? 0),
      ),
    )
  }
  return found
}
