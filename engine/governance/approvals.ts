import type { AnswerOf, api, Id, UserId } from '@einklang/contract'
import { assert, type Clock, type Database, newId, Refusal } from '@einklang/platform'

type Approval = api.governance.Approval
type ApprovalRow = {
  id: Id<'approval'>
  kind: string
  object: string
  hash: string
  title: string
  state: Approval['state']
  requested_by: UserId
  requester: string
  requested_at: Date
  decider: string | null
  decided_at: Date | null
  comment: string | null
}

function approvalOf(row: ApprovalRow): Approval {
  return {
    id: row.id,
    kind: row.kind,
    object: row.object,
    hash: row.hash,
    title: row.title,
    state: row.state,
    requestedBy: row.requester,
    requestedAt: row.requested_at.toISOString(),
    decidedBy: row.decider,
    decidedAt: row.decided_at?.toISOString() ?? null,
    comment: row.comment,
  }
}

export type ApprovalFilter = {
  after?: string | undefined
  limit: number
  kind?: string | undefined
  object?: string | undefined
  state?: Approval['state'] | undefined
}

/** Newest first; ids begin with their time, so the id is the cursor. */
export async function listApprovals(
  database: Database,
  filter: ApprovalFilter,
): Promise<{ items: Approval[]; next: string | null }> {
  const { part } = database
  const conditions = [
    ...(filter.after ? [part`approval.id::text < ${filter.after}`] : []),
    ...(filter.kind ? [part`kind = ${filter.kind}`] : []),
    ...(filter.object ? [part`object = ${filter.object}`] : []),
    ...(filter.state ? [part`approval.state = ${filter.state}`] : []),
  ]
  const rows = await database.rows<ApprovalRow>`
    ${selection(database)} where ${database.join(conditions, 'and')} order by approval.id::text desc limit ${filter.limit + 1}`
  const items = rows.slice(0, filter.limit).map(approvalOf)
  return { items, next: rows.length > filter.limit ? (items.at(-1)?.id ?? null) : null }
}

function selection({ part }: Database) {
  return part`
    select approval.*, requester.name as requester, decider.name as decider
    from governance.approval join governance.colleague as requester on requester.id = requested_by
    left join governance.colleague as decider on decider.id = decided_by`
}

async function readApproval(tx: Database, id: Id<'approval'>): Promise<Approval | undefined> {
  const row = await tx.row<ApprovalRow>`${selection(tx)} where approval.id = ${id}`
  return row && approvalOf(row)
}

/** The words behind a hash, part by part (`subject`, `text` …); the stage that owns the kind of object knows them. */
export type ApprovalDocument = (object: string, hash: string) => Promise<{ [part: string]: string } | null>
export type ApprovalDocuments = { [kind: string]: ApprovalDocument }

/** One approval with what would change, for the eyes of whoever decides. */
export async function approvalChange(
  database: Database,
  documents: ApprovalDocuments,
  id: Id<'approval'>,
  reader: UserId | null,
): Promise<AnswerOf<typeof api.governance.approvalChange>> {
  const row = await database.row<ApprovalRow>`${selection(database)} where approval.id = ${id}`
  if (!row) throw new Refusal(404, 'not_found', 'There is no approval with this id.')
  // What was approved and then overtaken by a later request is stale now, but it is what holds until this is decided.
  const last = await database.row<{ hash: string }>`
    select hash from governance.approval
    where kind = ${row.kind} and object = ${row.object} and id::text < ${id} and state in ('approved', 'stale')
      and decided_at is not null
    order by decided_at desc limit 1`
  const wordsOf = documents[row.kind]
  return {
    ...approvalOf(row),
    own: row.requested_by === reader,
    after: (await wordsOf?.(row.object, row.hash)) ?? null,
    before: last ? ((await wordsOf?.(row.object, last.hash)) ?? null) : null,
  }
}

export type Wanted = { kind: string; object: string; hash: string; title: string }

/** Asks for exactly this content; whatever was asked or approved for other content of the object becomes stale. */
export async function requestApproval(tx: Database, clock: Clock, wanted: Wanted, by: UserId): Promise<Approval> {
  await tx.run`
    update governance.approval set state = 'stale'
    where kind = ${wanted.kind} and object = ${wanted.object} and hash <> ${wanted.hash} and state in ('requested', 'approved')`
  await tx.run`
    insert into governance.approval (id, kind, object, hash, title, requested_by)
    values (${newId('approval', clock)}, ${wanted.kind}, ${wanted.object}, ${wanted.hash}, ${wanted.title}, ${by})
    on conflict (kind, object, hash) where state in ('requested', 'approved') do nothing`
  const row = await tx.row<ApprovalRow>`
    ${selection(tx)} where kind = ${wanted.kind} and object = ${wanted.object} and hash = ${wanted.hash}
      and approval.state in ('requested', 'approved')`
  assert(row, 'an approval asked for is there')
  return approvalOf(row)
}

/** Four eyes: not the person who asked, unless nobody else here could decide. */
export async function decideApproval(
  tx: Database,
  id: Id<'approval'>,
  decision: { approve: boolean; comment: string | null; by: UserId },
): Promise<Approval> {
  const row = await tx.row<{ requested_by: UserId; state: Approval['state'] }>`
    select requested_by, state from governance.approval where id = ${id} for update`
  if (!row) throw new Refusal(404, 'not_found', 'There is no approval with this id.')
  if (row.state !== 'requested') {
    throw new Refusal(
      409,
      'already_decided',
      `This approval is ${row.state} already; ask anew for the present content.`,
    )
  }
  if (row.requested_by === decision.by && (await othersCanDecide(tx, decision.by))) {
    throw new Refusal(403, 'four_eyes', 'Somebody else has to decide what you asked for.')
  }
  await tx.run`
    update governance.approval set state = ${decision.approve ? 'approved' : 'rejected'}, decided_by = ${decision.by},
      decided_at = platform.now(), comment = ${decision.comment}
    where id = ${id}`
  const decided = await readApproval(tx, id)
  assert(decided, 'an approval just decided is there')
  return decided
}

async function othersCanDecide(tx: Database, user: UserId): Promise<boolean> {
  const other = await tx.row`
    select 1 from governance.colleague
    where id <> ${user} and state = 'active' and roles && array['marketer', 'privacy'] limit 1`
  return other !== undefined
}

export async function isApproved(database: Database, wanted: Omit<Wanted, 'title'>): Promise<boolean> {
  const row = await database.row`
    select 1 from governance.approval
    where kind = ${wanted.kind} and object = ${wanted.object} and hash = ${wanted.hash} and state = 'approved'`
  return row !== undefined
}
