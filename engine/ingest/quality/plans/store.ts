import type { SourceId, TrackingPlanId } from '@einklang/contract'
import { type Clock, type Database, newId, Refusal } from '@einklang/platform'
import { type Plan, type PlanDocument, type Problem, parsePlanText, planYaml, readPlan } from './document.ts'

export type PlanRow = {
  id: TrackingPlanId
  source: SourceId
  sourceName: string
  version: number
  state: 'draft' | 'review' | 'live' | 'retired'
  hash: string
  events: number
  properties: number
  note: string
  createdBy: string
  createdAt: Date
  changedAt: Date
  liveAt: Date | null
  retiredAt: Date | null
}
export type StoredPlan = PlanRow & { document: string }

const columns = (database: Database) => database.part`
  plan.id, plan.source, source.name as "sourceName", plan.version, plan.state, plan.hash, plan.events, plan.properties,
  plan.note, plan.created_by as "createdBy", plan.created_at as "createdAt", plan.changed_at as "changedAt",
  plan.live_at as "liveAt", plan.retired_at as "retiredAt"`

/** The newest version of each source and the live one. */
export function planRows(database: Database): Promise<PlanRow[]> {
  return database.rows<PlanRow>`
    select ${columns(database)} from ingest.plan join ingest.source on source.id = plan.source
    where plan.state = 'live'
      or plan.version = (select max(version) from ingest.plan as other where other.source = plan.source)
    order by source.name, plan.version desc`
}

export function versionsOf(database: Database, source: SourceId) {
  return database.rows<Pick<PlanRow, 'id' | 'version' | 'state'>>`
    select id, version, state from ingest.plan where source = ${source} order by version desc limit 200`
}

export async function planById(database: Database, id: TrackingPlanId): Promise<StoredPlan> {
  const row = await database.row<StoredPlan>`
    select ${columns(database)}, plan.document from ingest.plan join ingest.source on source.id = plan.source
    where plan.id = ${id}`
  if (!row) throw new Refusal(404, 'unknown_plan', 'There is no such plan.')
  return row
}

/** The version of a source that is in one of these states; at most one is. */
export function planIn(
  database: Database,
  source: SourceId,
  states: PlanRow['state'][],
): Promise<StoredPlan | undefined> {
  return database.row<StoredPlan>`
    select ${columns(database)}, plan.document from ingest.plan join ingest.source on source.id = plan.source
    where plan.source = ${source} and plan.state = any(${states}) order by plan.version desc limit 1`
}

/** What a person sends: a document, or its text. Refused with every place that is wrong. */
export function readBody(body: { document?: unknown; text?: string | undefined }): Plan | null {
  if (body.text === undefined && body.document === undefined) return null
  const parsed = body.text === undefined ? { document: body.document } : parsePlanText(body.text)
  const read = 'problems' in parsed ? parsed : readPlan(parsed.document)
  if ('problems' in read) throw refusalOf(read.problems)
  return read.plan
}

function refusalOf(problems: Problem[]): Refusal {
  const [first] = problems
  const lines = problems.slice(0, 20).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const more = problems.length > 20 ? [`… and ${problems.length - 20} more.`] : []
  return new Refusal(422, 'invalid_plan', [...lines, ...more].join('\n'), {
    at: first?.path ?? '',
    doInstead: 'Correct the places named; nothing was kept.',
  })
}

/** A stored plan as it is used; it was read before it was stored. */
export function storedPlan(text: string): Plan {
  const read = readPlan(JSON.parse(text))
  if ('problems' in read) {
    const [problem] = read.problems
    throw new Error(`${problem?.path}: ${problem?.message}`)
  }
  return read.plan
}

export async function insertPlan(
  tx: Database,
  clock: Clock,
  given: { source: SourceId; plan: Plan; note: string; by: string },
): Promise<TrackingPlanId> {
  const id = newId('trackingPlan', clock)
  const { plan } = given
  const made = await tx.run`
    insert into ingest.plan (id, source, version, state, document, hash, events, properties, note, created_by, created_at,
      changed_at)
    select ${id}, ${given.source}, coalesce(max(version), 0) + 1, 'draft', ${JSON.stringify(plan.document)}, ${plan.hash},
      ${plan.count.events}, ${plan.count.properties}, ${given.note}, ${given.by}, ${clock.now()}, ${clock.now()}
    from ingest.plan where source = ${given.source}
    on conflict (source) where state in ('draft', 'review') do nothing`
  if (made === 0)
    throw new Refusal(409, 'draft_exists', 'This source has a draft already.', {
      doInstead: 'Change that draft, or give it up.',
    })
  return id
}

/** What is in review becomes a draft again: approved is only what was asked for. */
export async function writePlan(
  tx: Database,
  clock: Clock,
  id: TrackingPlanId,
  given: { plan: Plan | null; note: string | undefined; basedOn: string | undefined },
): Promise<void> {
  const row = await tx.row<{ state: PlanRow['state']; hash: string }>`
    select state, hash from ingest.plan where id = ${id} for update`
  if (!row) throw new Refusal(404, 'unknown_plan', 'There is no such plan.')
  if (row.state !== 'draft' && row.state !== 'review')
    throw new Refusal(409, 'not_a_draft', `This version is ${row.state}; it does not change any more.`, {
      doInstead: 'Begin a new version.',
    })
  if (given.basedOn !== undefined && given.basedOn !== row.hash)
    throw new Refusal(409, 'changed_meanwhile', 'Somebody else has changed this draft.', {
      doInstead: 'Load it again and repeat your change.',
    })
  const { plan } = given
  if (plan && plan.hash !== row.hash)
    await tx.run`
      update ingest.plan set document = ${JSON.stringify(plan.document)}, hash = ${plan.hash}, events = ${plan.count.events},
        properties = ${plan.count.properties}, changed_at = ${clock.now()}, state = 'draft'
      where id = ${id}`
  if (given.note !== undefined)
    await tx.run`update ingest.plan set note = ${given.note}, changed_at = ${clock.now()} where id = ${id}`
}

/** Moves a version on; false = it is not in one of the states it may come from. */
export async function movePlan(
  tx: Database,
  clock: Clock,
  id: TrackingPlanId,
  from: PlanRow['state'][],
  to: 'review' | 'live' | 'retired',
): Promise<boolean> {
  const now = clock.now()
  const moved = await tx.run`
    update ingest.plan set state = ${to},
      live_at = case when ${to} = 'live' then ${now}::timestamptz else live_at end,
      retired_at = case when ${to} = 'retired' then ${now}::timestamptz else retired_at end
    where id = ${id} and state = any(${from})`
  return moved > 0
}

/** The words behind a hash, for whoever decides about an approval; the object is the source. */
export async function planWords(
  database: Database,
  source: string,
  hash: string,
): Promise<{ [part: string]: string } | null> {
  const row = await database.row<{ document: string }>`
    select document from ingest.plan where source::text = ${source} and hash = ${hash} order by version desc limit 1`
  return row ? { plan: planYaml(JSON.parse(row.document) as PlanDocument) } : null
}
