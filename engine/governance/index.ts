import type { api } from '@einklang/contract'
import { type Caller, type Database, type Ground, Refusal } from '@einklang/platform'
import { isApproved, requestApproval, type Wanted } from './approvals.ts'
import { type Audited, appendAudit } from './audit.ts'
import { type Brand, readBrand } from './brand.ts'
import { keyBySecret, touchKey } from './keys.ts'
import { addFirstAdministrator } from './people.ts'
import { openSession, touchSession } from './sessions.ts'
import { type SignInLibrary, signInLibrary } from './sign-in.ts'

export type { ApprovalDocument, ApprovalDocuments } from './approvals.ts'
export type { Audited } from './audit.ts'
export type { Brand } from './brand.ts'
export { type ChainEntry, chainVerifier, type Verdict } from './chain.ts'
export { colleagueNames, recipientsOf } from './recipients.ts'
export { governanceParts } from './routes.ts'

/** Who works here, by which rules, approved by whom, when. */
export type Governance = {
  /** Who sent a request with these headers: a signed-in colleague, a service key, or nobody. */
  authenticate(headers: Headers): Promise<Caller>
  /** Appends to the tamper-evident log in the caller's transaction. */
  audit(tx: Database, audited: Audited): Promise<void>
  /** Makes the first administrator of a new house; null when somebody works here already. */
  firstAdministrator(): Promise<{ email: string; password: string } | null>
  brand(): Promise<Brand>
  /** Is exactly this content (by hash) of the object approved? */
  approved(kind: string, object: string, hash: string): Promise<boolean>
  /** Asks for exactly this content in the caller's transaction; only a person can ask. */
  askApproval(tx: Database, wanted: Wanted, by: Caller): Promise<api.governance.Approval>
  /** For this stage's own routes. */
  readonly library: SignInLibrary
  readonly ground: Ground
}

export function createGovernance({ ground }: { ground: Ground }): Governance {
  const { database, clock, config } = ground
  const library = signInLibrary(ground)
  return {
    ground,
    library,
    authenticate: async (headers) =>
      (await byKey(database, headers)) ?? (await bySession(ground, library, headers)) ?? { kind: 'anonymous' },
    audit: appendAudit,
    async firstAdministrator() {
      return database.transaction(async (tx) => {
        const first = await addFirstAdministrator(tx, clock)
        if (!first) return null
        await appendAudit(tx, { actor: 'system', action: 'colleague.invited', object: { kind: 'user', id: first.id } })
        return { email: first.email, password: first.password }
      })
    },
    brand: () => readBrand(database, config),
    approved: (kind, object, hash) => isApproved(database, { kind, object, hash }),
    async askApproval(tx, wanted, by) {
      if (by.kind !== 'user')
        throw new Refusal(403, 'people_only', 'This needs a person who is signed in; a key cannot do it.')
      const asked = await requestApproval(tx, clock, wanted, by.user)
      await appendAudit(tx, {
        actor: by,
        action: 'approval.requested',
        object: { kind: 'approval', id: asked.id },
        details: wanted,
      })
      return asked
    },
  }
}

async function byKey(database: Database, headers: Headers): Promise<Caller | null> {
  const secret = /^Bearer (ek_[\w-]{43})$/.exec(headers.get('authorization') ?? '')?.[1]
  const key = secret && (await keyBySecret(database, secret))
  if (!key) return null
  if (key.stale) await touchKey(database, key.id)
  return { kind: 'key', key: key.id, name: key.name, roles: key.roles }
}

async function bySession(
  { database, config }: Ground,
  library: SignInLibrary,
  headers: Headers,
): Promise<Caller | null> {
  if (!headers.get('cookie')?.includes('einklang=') || isForeign(headers, config.publicUrl)) return null
  const known = await library.sessionOf(headers)
  const session = known && (await openSession(database, known.id))
  if (!session) return null
  if (session.stale) await touchSession(database, session.id)
  const caller = { kind: 'user', user: session.user, name: session.name, session: session.id } as const
  // A generated password opens nothing but its own change: no roles until then, and the edge is told.
  return session.must_change_password
    ? { ...caller, roles: [], mustChangePassword: true }
    : { ...caller, roles: session.roles }
}

/** A cookie that a page of another origin made the browser send counts as none (cross-site request forgery). */
function isForeign(headers: Headers, publicUrl: string): boolean {
  if (headers.get('sec-fetch-site') === 'cross-site') return true
  const origin = headers.get('origin')
  if (origin === null || origin === new URL(publicUrl).origin) return false
  return !URL.canParse(origin) || new URL(origin).host !== headers.get('host')
}
