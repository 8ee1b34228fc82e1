import type { Caller, Database } from '@einklang/platform'

/** What governance does for plans: exactly this content, seen by somebody else. */
export type Approvals = {
  approved(kind: string, object: string, hash: string): Promise<boolean>
  /** Asks in the transaction; older requests for other content of the object become stale. */
  ask(tx: Database, wanted: { kind: string; object: string; hash: string; title: string }, by: Caller): Promise<unknown>
}

/** Kind of object in governance; the object is the source, so that a version is shown beside the one before. */
export const approvalKind = 'plan'
