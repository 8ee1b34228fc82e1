import type { api } from '@einklang/contract'
import type { Clock, Database } from '@einklang/platform'
import { offsetAt } from '../monitor/local-time.ts'
import {
  conformityOf,
  delayOf,
  freshnessOf,
  planFigures,
  problemRows,
  type SourceFigures,
  silentStores,
  sourceFigures,
} from './own.ts'
import { type Score, type Share, scoreOf, type Weights } from './score.ts'
import { type FieldHealth, fieldsOf, type HealthOf, type Use } from './shape.ts'

export type Report = api.ingest.QualityReport
/** As it is kept: the trend and the age belong to the moment of reading, scores to the weights of then. */
export type KeptReport = Omit<Report, 'ageSeconds' | 'scoreTrend'>

export type ReportNeeds = {
  database: Database
  clock: Clock
  health: HealthOf
  house: { timeZone: string; currency: string; languages: string[] }
}

const rankedFrom = 200
const day = 86_400_000

/** The whole report, computed in sets: nothing here walks through people one by one. */
export async function computeReport(needs: ReportNeeds, weights: Weights): Promise<KeptReport> {
  const { database, health, house } = needs
  const began = performance.now()
  const at = needs.clock.now()
  const uses = await health.uses()
  const asked = fieldsOf(uses)
  const fields = asked.map(({ field }) => field)
  // One after the other: the report is in no hurry, and screens use the same connections.
  const sources = await sourceFigures(database, at)
  const profile = await health.profile(fields)
  const reach = await health.reach()
  const identity = await health.identity()
  const commerce = await health.commerce(fields)
  const problems = await problemRows(database, at)
  const plan = await planFigures(database, at)
  const delay = await delayOf(database)
  const silent = await silentStores(database, at, midnightOf(at, house.timeZone))
  const names = new Map(commerce.stores.map(({ store, name }) => [store, name]))
  const people = profile.people

  const inputsOf = (known: readonly FieldHealth[], among: number): { validity: Share; completeness: Share } => {
    const filled = known.reduce((sum, one) => sum + one.filled, 0)
    return {
      validity: { count: known.reduce((sum, one) => sum + one.valid, 0), of: filled },
      completeness: { count: filled, of: among * fields.length },
    }
  }
  const brand: Score = {
    kind: 'brand',
    key: 'brand',
    name: '',
    ranked: false,
    ...scoreOf(
      {
        ...inputsOf(profile.fields, people),
        freshness: freshnessOf(sources),
        conformity: conformityOf(sources),
        uniqueness: identity.duplicates && {
          count: Math.max(0, people - identity.duplicates.estimate),
          of: people,
        },
      },
      weights,
    ),
  }
  const scores: Score[] = [
    ...sources.map((figures): Score => {
      const told = profile.bySource.find((one) => one.source === figures.source)
      return {
        kind: 'source',
        key: figures.source,
        name: figures.sourceName,
        ranked: false,
        ...scoreOf(
          {
            ...(told ? inputsOf(told.fields, told.people) : {}),
            freshness: freshnessOf([figures]),
            conformity: conformityOf([figures]),
            uniqueness: { count: figures.received - figures.duplicates, of: figures.received },
          },
          weights,
        ),
      }
    }),
    ...commerce.stores.map(
      (store): Score => ({
        kind: 'store',
        key: store.store,
        name: store.name,
        ranked: store.receiptsAWeek >= rankedFrom,
        ...scoreOf(inputsOf(store.fields, store.people), weights),
      }),
    ),
  ]
  return {
    asOf: at.toISOString(),
    tookMs: Math.round(performance.now() - began),
    currency: house.currency,
    people,
    weights,
    score: brand,
    scores,
    reachable: reach.map((one) => ({ ...one, trend: [] })),
    completeness: {
      fields: profile.fields.map(({ field, filled, valid, confirmed }) => ({
        field,
        usedBy: asked.find((one) => one.field === field)?.usedBy ?? 0,
        filled: { count: filled, of: people },
        valid: { count: valid, of: filled },
        confirmed: { count: confirmed, of: filled },
      })),
      bySource: profile.bySource.map((one) => ({
        ...one,
        sourceName: sources.find(({ source }) => source === one.source)?.sourceName ?? '',
      })),
      byStore: commerce.stores.map(({ store, name, people: among, fields: known }) => ({
        store,
        storeName: name,
        people: among,
        fields: known,
      })),
    },
    // One number of known people everywhere: those whom profile shows.
    identity: { ...identity, known: people, storeAndWeb: commerce.storeAndWeb, tied: commerce.tied },
    freshness: {
      sources: sources.map((figures) => freshnessView(figures, at)),
      delay,
      silentStores: silent.map(({ store, lastAt }) => ({
        store,
        storeName: names.get(store) ?? store,
        lastAt: lastAt.toISOString(),
      })),
    },
    problems: problems.map(({ since, lastAt, ...row }) => ({
      ...row,
      since: since.toISOString(),
      lastAt: lastAt.toISOString(),
      owner: null,
    })),
    affected: affectedBy(problems, uses),
    plan,
    alarms: sources.reduce((sum, { alarms }) => sum + alarms, 0),
  }
}

/** Without a plan every new event is one without an owner; a week says how long a source is silent between items. */
function freshnessView(figures: SourceFigures, at: Date): Report['freshness']['sources'][number] {
  const { source, sourceName, lastAt, firstAt, activeMinutes, alarms } = figures
  const known = firstAt === null ? 0 : Math.min(7 * day, at.getTime() - firstAt.getTime())
  return {
    source,
    sourceName,
    lastAt: lastAt?.toISOString() ?? null,
    typicalGapMinutes: activeMinutes === 0 ? null : known / 60_000 / activeMinutes,
    learning: firstAt !== null && at.getTime() - firstAt.getTime() < 14 * day,
    alarms,
  }
}

function midnightOf(at: Date, zone: string): Date {
  const local = at.getTime() + offsetAt(at.getTime(), zone)
  const start = Math.floor(local / day) * day
  return new Date(start - offsetAt(start - offsetAt(at.getTime(), zone), zone))
}

/** Who uses a field or event that is in trouble: `traits.email` and `email.syntax` are both about the e-mail address. */
function affectedBy(problems: readonly { code: string; path: string }[], uses: readonly Use[]): Report['affected'] {
  const troubled = new Set(
    problems.flatMap(({ code, path }) => [
      path.split('.').at(-1) ?? '',
      path.split('.')[0] ?? '',
      code.split('.')[0] ?? '',
    ]),
  )
  return uses.flatMap(({ kind, id, name, traits, events }) => {
    const because = [...traits, ...events].find((one) => troubled.has(one))
    return because === undefined ? [] : [{ kind, id, name, because }]
  })
}

/** The report with today's weights: inputs stay, only the weighing changes. */
export function weighedAnew(report: KeptReport, weights: Weights): KeptReport {
  const again = (score: Score): Score => ({
    ...score,
    ...scoreOf(Object.fromEntries(score.parts.map(({ part, count, of }) => [part, { count, of }])), weights),
  })
  return { ...report, weights, score: again(report.score), scores: report.scores.map(again) }
}
