import type { PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { defaultRules, type GroupingRule } from './grouping.ts'

export type FinishedBuild = {
  number: number
  startedAt: Date
  finishedAt: Date
  /** Nothing had arrived until then that the build does not know. */
  asOf: Date
  groupingVersion: number
  watermark: number
  /** Who was merged into whom, as one number; null when that changed during the build. */
  merges: string | null
  persons: number
  touches: number
  conversions: number
  since: string | null
}

/** The build whose figures are shown. */
export function lastBuild(database: Database): Promise<FinishedBuild | undefined> {
  return database.row<FinishedBuild>`
    select number, started_at as "startedAt", finished_at as "finishedAt", coalesce(checked_at, finished_at) as "asOf", grouping_version as "groupingVersion",
      watermark, merges, persons, touches, conversions, to_char(since, 'YYYY-MM-DD') as since
    from measurement.build where finished_at is not null and error is null order by number desc limit 1`
}

/** Notes that the build still shows everything there is. */
export async function confirmBuild(database: Database, number: number): Promise<void> {
  await database.run`update measurement.build set checked_at = platform.now() where number = ${number}`
}

/** Whether a build runs now, and how the last one failed if it did. */
export async function buildState(database: Database): Promise<{ running: boolean; error: string | null }> {
  const row = await database.row<{ running: boolean; error: string | null }>`
    select finished_at is null and started_at > platform.now() - interval '1 hour' as running, error
    from measurement.build order by number desc limit 1`
  return { running: row?.running ?? false, error: row?.error ?? null }
}

export async function beginBuild(database: Database, complete: boolean, groupingVersion: number): Promise<number> {
  const row = await database.row<{ number: number }>`
    insert into measurement.build (started_at, complete, grouping_version)
    values (platform.now(), ${complete}, ${groupingVersion}) returning number`
  return row?.number ?? 0
}

export type BuildOutcome =
  | { error: string }
  | Pick<FinishedBuild, 'watermark' | 'merges' | 'persons' | 'touches' | 'conversions' | 'since'>

export async function endBuild(database: Database, number: number, outcome: BuildOutcome): Promise<void> {
  if ('error' in outcome) {
    await database.run`update measurement.build set finished_at = platform.now(), error = ${outcome.error} where number = ${number}`
    return
  }
  await database.run`update measurement.build set finished_at = platform.now(), watermark = ${outcome.watermark}, merges = ${outcome.merges},
    persons = ${outcome.persons}, touches = ${outcome.touches}, conversions = ${outcome.conversions},
    since = ${outcome.since}::date where number = ${number}`
  await database.run`delete from measurement.build where number < ${number} - 1000`
}

/** Which of the persons the house knows by more than a receipt or a device. */
export async function knownPersons(database: Database, persons: PersonId[]): Promise<PersonId[]> {
  const rows = await database.rows<{ person: PersonId }>`
    select person from profile.person where known and person = any(${persons}::uuid[])`
  return rows.map((row) => row.person)
}

/** Which of these persons objected to groups and scores; segments leave them out. */
export async function objectingPersons(database: Database, persons: PersonId[]): Promise<PersonId[]> {
  const rows = await database.rows<{ person: PersonId }>`
    select person from consent.state where purpose = 'profiling' and not allowed and person = any(${persons}::uuid[])
    union
    select person from consent.refused where purpose = 'profiling' and person = any(${persons}::uuid[])`
  return rows.map((row) => row.person)
}

export type Grouping = { version: number; changedAt: Date | null; rules: GroupingRule[] }

export async function currentGrouping(database: Database): Promise<Grouping> {
  const row = await database.row<Grouping>`
    select version, changed_at as "changedAt", rules from measurement.grouping order by version desc limit 1`
  return row ?? { version: 0, changedAt: null, rules: defaultRules }
}

/** Saves rules as the version after the one the caller saw; false when somebody was faster. */
export async function saveGrouping(
  database: Database,
  seen: number,
  rules: GroupingRule[],
  by: string,
): Promise<boolean> {
  const rows = await database.run`
    insert into measurement.grouping (version, rules, changed_at, changed_by)
    select ${seen + 1}, ${database.json(rules)}, platform.now(), ${by}
    where ${seen} = (select coalesce(max(version), 0) from measurement.grouping)
    on conflict do nothing`
  return rows === 1
}

/** Members of a segment after one person, by id. */
export async function membersOf(database: Database, segment: string, after: string): Promise<PersonId[]> {
  const rows = await database.rows<{ person: PersonId }>`
    select person from audience.member where audience = ${segment}::uuid and person > ${after}::uuid
    order by person limit 20000`
  return rows.map((row) => row.person)
}
