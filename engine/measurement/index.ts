import type { AnswerOf, api, InputOf, PersonId } from '@einklang/contract'
import { type Caller, type Database, type Ground, typed } from '@einklang/platform'
import type { StockReport } from '#commerce'
import { type Answers, createAnswers } from './answers.ts'
import { type BuildPlan, build, newestBatch } from './build.ts'
import { type ContactSums, contactSums } from './contacts.ts'
import { creditByWeek, creditSums, type RuleModel } from './credit.ts'
import { type DropScores, forgetObjecting, type Refit, refitCustomers, type SetForecasts } from './customers.ts'
import { createEvidenceDesk, type EvidenceDesk } from './evidence.ts'
import { copyAssignments } from './experiment.ts'
import { type Audit, createGroupingDesk, type GroupingDesk } from './grouping-desk.ts'
import { countedColumns, createJourneySums, type JourneySums } from './journey-sums.ts'
import { createKeptReports, type KeptReports } from './kept.ts'
import { createMixDesk, type MixDesk, type ReadPauses, type WeeklySpend } from './mix.ts'
import type { Period } from './period.ts'
import { moveStock, noteStock } from './products.ts'
import { createProtocolDesk, type ProtocolDesk } from './protocol.ts'
import { beginBuild, buildState, confirmBuild, currentGrouping, endBuild, knownPersons, lastBuild } from './store.ts'
import { type SaveSegment, type SetScore, segmentOfWay, sizeOfWay } from './way-segment.ts'

export { cell as csvCell } from './answers.ts'
export { usualBelief } from './beliefs.ts'
export { type ContactSum, type ContactSums, mostCounted } from './contacts.ts'
export { defaultRules, ownAccord } from './grouping.ts'
export { addDays, mondayOf, type Period, periodOf, weeksOf } from './period.ts'
export { measurementParts } from './routes.ts'
export { measurementPhrases, refused, spokenWith } from './sayings.ts'

/** Revenue by the touch that got the credit, for the money that was spent on it. */
export type CreditedRevenue = { channel: string; campaign: string; orders: number; revenue: number }
export type CreditedWeek = { week: string; channel: string; orders: number; revenue: number }

/** All that the rest of the system may ask about what worked. */
export type Measurement = Answers & {
  /** Computes touches and paths from what has arrived; `busy` when another process is at it. */
  buildNow(signal?: AbortSignal): Promise<Built>
  /** Asks for a build in the background, for example after an import; with `tx`, when that commits. */
  refresh(tx?: Database): Promise<void>
  status(): Promise<Status>
  grouping: GroupingDesk
  protocol: ProtocolDesk
  mix: MixDesk
  evidence: EvidenceDesk
  reports: KeptReports
  /** How many went along a flow of the journey map, and how many of them a segment would leave out. */
  sizeOfWay(
    ask: InputOf<typeof api.measurement.journeyWay>['query'],
  ): Promise<AnswerOf<typeof api.measurement.journeyWay>>
  /** Makes the persons of a flow of the journey map a segment. */
  segmentOfWay(
    ask: InputOf<typeof api.measurement.journeySegment>['body'],
    by: Caller,
  ): Promise<AnswerOf<typeof api.measurement.journeySegment>>
  /** Credited revenue for budget, per week and channel, and per channel and campaign. */
  creditedRevenue(
    period: Period,
    currency: string,
    model: RuleModel,
  ): Promise<{ weeks: CreditedWeek[]; campaigns: CreditedRevenue[]; since: string | null; asOf: Date | null }>
  /** Contacts of persons in a period, for reach and frequency; channels `apart` are left out of the sum of all. */
  contacts(period: Period, apart: readonly string[]): Promise<ContactSums & { since: string | null; asOf: Date | null }>
  /** Learns what customers will buy and scores them, now; `too few` when there is nothing to learn from. */
  refitCustomers(signal?: AbortSignal): Promise<Refit>
  /** The same in the background. */
  refitSoon(): Promise<void>
  /** Takes the scores of everybody who objects to them away; returns how many went. */
  forgetObjecting(): Promise<number>
  /** Keeps stock reports, so that figures of products know what could be bought when. */
  stockTold(tx: Database, reports: StockReport[]): Promise<void>
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

export type Built = 'built' | 'unchanged' | 'busy'

export type Status = {
  builtAt: Date | null
  running: boolean
  touches: number
  conversions: number
  personsRebuilt: number
  tookMs: number | null
  since: string | null
  error: string | null
}

export type MeasurementNeeds = {
  ground: Ground
  audit?: Audit
  /** Writes scores to profiles. */
  setScore?: SetScore
  /** Writes what customers will buy to their profiles. */
  setForecasts?: SetForecasts
  /** Takes scores off profiles. */
  dropScores?: DropScores
  /** Saves a segment with its members. */
  saveSegment?: SaveSegment
  /** Spend per week and channel, which budget knows. */
  weeklySpend?: WeeklySpend
  /** What pauses of channels found, which budget planned. */
  pausesRead?: ReadPauses
  /** How many events a build walks at once; missing = half a million. */
  eventsPerSlice?: number
}

/** What did it achieve? Touchpoints, paths, credit and lift. */
export function createMeasurement({
  ground,
  audit,
  setScore = async () => undefined,
  setForecasts = async () => undefined,
  dropScores = async () => 0,
  saveSegment,
  weeklySpend = async () => [],
  pausesRead = async () => [],
  eventsPerSlice,
}: MeasurementNeeds): Measurement {
  const { database, history, config } = ground
  const refresh = (tx: Database = database) =>
    ground.jobs.add(tx, 'measurement.build', {}, { key: 'measurement.build' })
  const sums = createJourneySums(ground)
  const answers = createAnswers(ground, sums)
  return {
    ...answers,
    sizeOfWay: (ask) => sizeOfWay({ ground, answers }, ask),
    segmentOfWay: (ask, by) => {
      if (saveSegment === undefined) throw new Error('Nobody was given to save segments.')
      return segmentOfWay({ ground, answers, setScore, saveSegment }, ask, by)
    },
    buildNow: (signal = new AbortController().signal) => buildOnce(ground, sums, { eventsPerSlice, signal }),
    refresh,
    stockTold: noteStock,
    refitCustomers: (signal = new AbortController().signal) => refitCustomers(ground, setForecasts, signal),
    forgetObjecting: () => forgetObjecting(database, dropScores),
    refitSoon: () => ground.jobs.add(database, 'measurement.customers', {}, { key: 'measurement.customers' }),
    mix: createMixDesk(ground, { weeklySpend, pausesRead }),
    protocol: createProtocolDesk(ground, audit),
    evidence: createEvidenceDesk(ground, audit),
    reports: createKeptReports(ground, answers, audit),
    grouping: createGroupingDesk({ database, history, refresh, audit }),
    async status() {
      const [done, state] = await Promise.all([lastBuild(database), buildState(database)])
      return {
        builtAt: done?.asOf ?? null,
        running: state.running,
        touches: done?.touches ?? 0,
        conversions: done?.conversions ?? 0,
        personsRebuilt: done?.persons ?? 0,
        tookMs: done ? done.finishedAt.getTime() - done.startedAt.getTime() : null,
        since: done?.since ?? null,
        error: state.error,
      }
    },
    async creditedRevenue(period, currency, model) {
      const scope = { period, timeZone: config.timeZone, currency }
      const done = await lastBuild(database)
      const [weeks, sums] = await ground.memory.remember(
        `measurement.credited ${JSON.stringify({ ...scope, model })}`,
        () => Promise.all([creditByWeek(history, scope, model), creditSums(history, scope, 'campaign')]),
        done?.number ?? 0,
      )
      return {
        weeks: weeks.map((row) => ({ ...row, orders: Number(row.orders), revenue: Number(row.value) })),
        campaigns: sums.map((row) => ({
          channel: row.channel,
          campaign: row.label,
          orders: Number(row[`${model}_orders`]),
          revenue: Number(row[`${model}_value`]),
        })),
        since: done?.since ?? null,
        asOf: done?.asOf ?? null,
      }
    },
    async contacts(period, apart) {
      const [done, { rules }] = await Promise.all([lastBuild(database), currentGrouping(database)])
      const sums = await ground.memory.remember(
        `measurement.contacts ${JSON.stringify({ period, apart })}`,
        () => contactSums(history, { period, timeZone: config.timeZone }, rules, apart),
        done?.number ?? 0,
      )
      return { ...sums, since: done?.since ?? null, asOf: done?.asOf ?? null }
    },
    async erase(_tx, persons) {
      if (persons.length === 0) return 0
      // Statements of the embedded engine are limited in length.
      for (let start = 0; start < persons.length; start += 2000)
        await forget(history, sums, persons.slice(start, start + 2000))
      return persons.length
    },
  }
}

async function forget(history: Ground['history'], sums: JourneySums, persons: PersonId[]): Promise<void> {
  const gone = typed('Array(UUID)', persons)
  await history.run`delete from ${history.stored('measurement.conversion')} where person in ${gone} or stored in ${gone}`
  const theirs = history.part`(person in ${gone} or hasAny(others, ${gone}))`
  await sums.forget(async (tally) => {
    const paths = history.blocks`select ${history.part(countedColumns)} from measurement.path final where ${theirs}`
    for await (const block of paths) tally.add(block, -1)
    await history.run`delete from ${history.stored('measurement.path')} where ${theirs}`
  })
  await history.run`delete from ${history.stored('measurement.assignment')} where person in ${gone}`
  await history.run`delete from ${history.stored('measurement.known')} where person in ${gone}`
  await history.run`delete from ${history.stored('measurement.chosen')} where person in ${gone}`
  await history.run`delete from ${history.stored('measurement.changed')} where person in ${gone}`
}

// Any constant does; every process takes the same one, so that two builds never run beside each other.
const buildLock = 731_406_012

type HowBuilt = Pick<BuildPlan, 'eventsPerSlice' | 'signal'>

async function buildOnce(ground: Ground, sums: JourneySums, how: HowBuilt): Promise<Built> {
  const { database, history, log } = ground
  return database.transaction(async (guard) => {
    const lock = await guard.row<{ free: boolean }>`select pg_try_advisory_xact_lock(${buildLock}) as free`
    if (lock?.free !== true) return 'busy'
    await moveStock(database, history)
    const [last, grouping, newest, merges] = await Promise.all([
      lastBuild(database),
      currentGrouping(database),
      newestBatch(history),
      mergesIn(ground),
    ])
    const complete = last === undefined || last.groupingVersion !== grouping.version
    const moved = merges !== last?.merges
    if (!complete && newest <= last.watermark && !moved) {
      await sums.mend(how.signal)
      await confirmBuild(database, last.number)
      return 'unchanged'
    }
    const number = await beginBuild(database, complete, grouping.version)
    try {
      await copyAssignments(database, history, number)
      const built = (change: JourneySums['change']) =>
        build(history, {
          number,
          rules: grouping.rules,
          after: complete ? null : last.watermark,
          moved,
          known: (persons) => knownPersons(database, persons),
          async change(work) {
            // PostgreSQL ends transactions that say nothing for long, and the lock with them.
            await guard.run`select 1`
            await change(work)
          },
          forgotten: sums.forgotten,
          ...how,
        })
      const done = complete ? await sums.anew(built) : await built(sums.change)
      await sums.mend(how.signal)
      // Of what moved meanwhile the build saw a part.
      const settled = (await mergesIn(ground)) === merges ? merges : null
      await endBuild(database, number, { ...done, ...(await countsOf(ground)), merges: settled })
      log.info('Built touches and paths.', { build: number, persons: done.persons, complete })
      ground.live.publish('measurement.built', { build: number })
      return 'built'
    } catch (error) {
      await endBuild(database, number, { error: error instanceof Error ? error.message.slice(0, 500) : 'unknown' })
      throw error
    }
  })
}

/** Who is merged into whom, as one number: it changes with every merge and split. */
async function mergesIn({ history }: Ground): Promise<string> {
  const [row] = await history.rows<{ merges: string }>`
    select concat(toString(count()), ' ', toString(sum(cityHash64(loser, winner)))) as merges
    from identity.merged final where undone = 0`
  return row?.merges ?? ''
}

async function countsOf({
  history,
  config,
}: Ground): Promise<{ touches: number; conversions: number; since: string | null }> {
  // Each touch belongs to one path.
  const [paths] = await history.rows<{ touches: number; conversions: number; since: string }>`
    select sum(length(touch_at)) as touches, countIf(converted = 1) as conversions,
      toString(toDate(min(at), ${config.timeZone})) as since
    from measurement.path final`
  const [touches, conversions] = [Number(paths?.touches ?? 0), Number(paths?.conversions ?? 0)]
  return { touches, conversions, since: touches + conversions > 0 ? (paths?.since ?? null) : null }
}
