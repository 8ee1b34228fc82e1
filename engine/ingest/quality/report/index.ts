import { api, type Role, type Route, type UserId } from '@einklang/contract'
import {
  type Caller,
  type Database,
  type JobKind,
  jobKind,
  type Log,
  type Loop,
  type Mounted,
  mount,
  Refusal,
} from '@einklang/platform'
import { z } from 'zod'
import type { Monitor } from '../monitor/index.ts'
import { csvOf, withoutSmallCells } from './export.ts'
import { type LetterNeeds, sendLetters } from './letter.ts'
import { computeReport, type Report, type ReportNeeds, weighedAnew } from './report.ts'
import { keepReport, lastReport, readWeights, weekRows, writeWeights } from './store.ts'

export type { LetterNeeds, SendMail } from './letter.ts'
export type { HealthOf } from './shape.ts'

const routes = api.ingest
const minute = 60_000
/** Computed anew so that nobody reads numbers older than 15 minutes; sooner in a small house, where it costs nothing. */
const freshest = minute
const oldest = 12 * minute
const restPerWork = 200
// Any constant does; every process takes the same one.
const reportLock = 731_406_209
/** Readers without profiles do not see small cells. */
const mayProfiles: readonly Role[] = api.profile.search.may as readonly Role[]

export type QualityNeeds = ReportNeeds & {
  log: Log
  monitor: Monitor
  /** Without them no weekly mail goes out. */
  letters?: Pick<LetterNeeds, 'colleagues' | 'send' | 'publicUrl'>
  audited: (tx: Database, caller: Caller, weights: api.ingest.QualityWeights) => Promise<void>
}

/** The marketers' report: computed by a loop, kept, and read by everybody from the same row. */
export type Quality = {
  loop: Loop
  jobs: JobKind[]
  routes: Mounted<Route>[]
  /** Computes now, whatever the age of the last one. */
  compute(): Promise<boolean>
  read(full: boolean): Promise<Report | null>
  letters(): Promise<number>
}

export function createQuality(needs: QualityNeeds): Quality {
  const { database, clock } = needs

  const compute = () =>
    database.transaction(async (tx) => {
      const lock = await tx.row<{ got: boolean }>`select pg_try_advisory_xact_lock(${reportLock}) as got`
      if (!lock?.got) return false
      await keepReport(tx, await computeReport(needs, await readWeights(database)))
      return true
    })
  const read = async (full: boolean): Promise<Report | null> => {
    const kept = await lastReport(database)
    if (!kept) return null
    const weeks = await weekRows(database)
    const weighed = weighedAnew(kept, await readWeights(database))
    const report: Report = {
      ...weighed,
      ageSeconds: Math.max(0, Math.round((clock.now().getTime() - Date.parse(kept.asOf)) / 1000)),
      scoreTrend: weeks.map(({ week, score }) => ({ week, value: score.value })),
      reachable: weighed.reachable.map((one) => ({
        ...one,
        trend: weeks.flatMap(({ week, reachable }) => {
          const value = reachable.find(({ channel }) => channel === one.channel)?.reachable
          return value === undefined || value === null ? [] : [{ week, value }]
        }),
      })),
    }
    return full ? report : withoutSmallCells(report)
  }
  const letters = async () =>
    needs.letters === undefined
      ? 0
      : sendLetters({
          ...needs.letters,
          language: needs.house.languages[0]?.startsWith('de') ? 'de' : 'en',
          database,
          clock,
          alarms: async () => (await needs.monitor.alarms({ limit: 100 })).items,
        })

  return {
    compute,
    read,
    letters,
    loop: {
      name: 'ingest.quality',
      pauseMs: minute,
      async turn() {
        const last = await database.row<{ at: Date; took: number }>`
          select at, case when report -> 'people' = '0' then 0 else (report ->> 'tookMs')::float8 end as took from ingest.quality_report order by at desc limit 1`
        const freshFor = Math.min(oldest, Math.max(freshest, restPerWork * (last?.took ?? 0)))
        if (!last || Math.abs(clock.now().getTime() - last.at.getTime()) >= freshFor) await compute()
        return 'idle'
      },
    },
    jobs: [
      jobKind({
        name: 'ingest.quality-letter',
        payload: z.unknown(),
        cron: '0 6 * * 1',
        async work() {
          const sent = await letters()
          if (sent > 0) needs.log.info('What changed in data quality was mailed', { letters: sent })
        },
      }),
    ],
    routes: [
      mount(routes.quality, async ({ query }, request) => {
        const { caller } = request
        const full = caller.kind !== 'anonymous' && caller.roles.some((role) => mayProfiles.includes(role))
        const report = await read(full)
        if (query.format === 'json') return { report }
        if (!report)
          throw new Refusal(404, 'no_report', 'There is no report yet.', { doInstead: 'Come back in a minute.' })
        request.answerHeaders.set('Content-Type', 'text/csv; charset=utf-8')
        request.answerHeaders.set(
          'Content-Disposition',
          `attachment; filename="data-quality-${report.asOf.slice(0, 10)}.csv"`,
        )
        return csvOf(report)
      }),
      mount(routes.setQualityWeights, async ({ body }, { caller }) => {
        if (Object.values(body).every((weight) => weight === 0))
          throw new Refusal(400, 'no_weight', 'At least one part must count.', { at: 'validity' })
        await database.transaction(async (tx) => {
          await writeWeights(tx, body)
          await needs.audited(tx, caller, body)
        })
        return { weights: body }
      }),
      mount(routes.qualityLetter, async (_, { caller }) => ({ wanted: await wanted(database, caller) })),
      mount(routes.setQualityLetter, async ({ body }, { caller }) => {
        if (caller.kind !== 'user')
          throw new Refusal(403, 'people_only', 'Letters go to people; a key has no address.', {
            doInstead: 'Sign in.',
          })
        if (body.wanted) {
          await database.run`
            insert into ingest.quality_letter (colleague, language, asked_at)
            values (${caller.user}, ${body.language}, ${clock.now()})
            on conflict (colleague) do update set language = excluded.language`
        } else await database.run`delete from ingest.quality_letter where colleague = ${caller.user}`
        return { wanted: body.wanted }
      }),
    ],
  }
}

async function wanted(database: Database, caller: Caller): Promise<boolean> {
  if (caller.kind !== 'user') return false
  const user: UserId = caller.user
  const row = await database.row<{ one: number }>`select 1 as one from ingest.quality_letter where colleague = ${user}`
  return row !== undefined
}
