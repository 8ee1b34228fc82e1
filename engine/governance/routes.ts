import { roles as allRoles, api, type Role, type UserId } from '@einklang/contract'
import { type Caller, jobKind, mount, Refusal, type Request_, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import { type ApprovalDocuments, approvalChange, decideApproval, listApprovals } from './approvals.ts'
import { listAudit, verifyAudit } from './audit.ts'
import { readBrand, writeBrand } from './brand.ts'
import { countAttempt, forgetAttempts, forgetOldAttempts } from './guessing.ts'
import type { Governance } from './index.ts'
import { createKey, listKeys, revokeKey } from './keys.ts'
import { addColleague, changeColleague, changeOwnPassword, listPeople, resetPassword } from './people.ts'
import { roleTexts } from './roles.ts'
import { dropEndedSessions, endSession, endSessions, nameSession, openSession, sessionsOf } from './sessions.ts'

type User = Extract<Caller, { kind: 'user' }>
const routes = api.governance

export function governanceParts(governance: Governance, documents: ApprovalDocuments = {}): StageParts {
  const { audit, ground, library } = governance
  const { clock, config, database } = ground

  /** What every screen needs first; `session` null means nobody is signed in. */
  async function whoami(session: string | null): Promise<api.governance.Me> {
    const brand = await readBrand(database, config)
    const row = session === null ? undefined : await openSession(database, session)
    return {
      user: row
        ? {
            id: row.user,
            name: row.name,
            email: row.email,
            roles: row.roles,
            mustChangePassword: row.must_change_password,
          }
        : null,
      brand: { name: brand.name, colour: brand.colour, language: brand.language },
      currency: config.currency,
      timeZone: config.timeZone,
      languages: config.languages,
    }
  }

  async function signIn({ email, password }: { email: string; password: string }, request: Request_) {
    await countAttempt(database, email, request.address)
    const opened = await library.signIn(email.trim().toLowerCase(), password, request.headers)
    const cookies = new Headers({ cookie: opened?.cookies[0]?.split(';')[0] ?? '' })
    const session = opened && (await library.sessionOf(cookies))
    // A suspended colleague gets the same answer as a wrong password.
    const row = session && (await openSession(database, session.id))
    if (!row) {
      if (session) await database.run`delete from governance.session where id = ${session.id}`
      await database.transaction((tx) =>
        audit(tx, {
          actor: { kind: 'anonymous' },
          action: 'session.started',
          object: { kind: 'user', id: opened?.user ?? 'unknown' },
          result: 'refused',
        }),
      )
      throw new Refusal(401, 'wrong_sign_in', 'E-mail or password is not right.')
    }
    await forgetAttempts(database, email, request.address)
    await nameSession(database, row.id, request.address)
    await database.transaction(async (tx) => {
      await tx.run`update governance.colleague set last_sign_in_at = platform.now() where id = ${row.user}`
      await audit(tx, {
        actor: { kind: 'user', user: row.user, name: row.name, roles: row.roles, session: row.id },
        action: 'session.started',
        object: { kind: 'session', id: row.id },
      })
    })
    for (const cookie of opened.cookies) request.answerHeaders.append('set-cookie', cookie)
    return whoami(row.id)
  }

  return {
    stage: 'governance',
    routes: [
      mount(routes.me, (_, { caller }) => whoami(caller.kind === 'user' ? caller.session : null)),
      mount(routes.signIn, ({ body }, request) => signIn(body, request)),
      mount(routes.signOut, async (_, request) => {
        const user = userOf(request.caller)
        await database.transaction((tx) =>
          audit(tx, { actor: user, action: 'session.ended', object: { kind: 'session', id: user.session } }),
        )
        await endSession(database, user.user, user.session)
        for (const cookie of await library.signOut(request.headers)) request.answerHeaders.append('set-cookie', cookie)
        return undefined
      }),
      mount(routes.changePassword, async ({ body }, { caller, address }) => {
        const user = userOf(caller)
        await countAttempt(database, user.user, address)
        const { name: brand } = await readBrand(database, config)
        await database.transaction(async (tx) => {
          await changeOwnPassword(tx, user, { ...body, brand })
          await audit(tx, { actor: user, action: 'password.changed', object: { kind: 'user', id: user.user } })
        })
        await forgetAttempts(database, user.user, address)
        return undefined
      }),
      mount(routes.sessions, async (_, { caller }) => {
        const user = userOf(caller)
        const rows = await sessionsOf(database, user.user)
        return {
          items: rows.map((row) => ({
            id: row.id,
            current: row.id === user.session,
            createdAt: row.started_at.toISOString(),
            lastSeenAt: row.last_seen_at.toISOString(),
            expiresAt: row.ends_at.toISOString(),
            address: row.ip_address || null,
            agent: row.user_agent || null,
          })),
        }
      }),
      mount(routes.endSession, async ({ params }, { caller }) => {
        const user = userOf(caller)
        if ((await endSession(database, user.user, params.session)) === 0) {
          throw new Refusal(404, 'not_found', 'You have no session with this id.')
        }
        await database.transaction((tx) =>
          audit(tx, { actor: user, action: 'session.ended', object: { kind: 'session', id: params.session } }),
        )
        return undefined
      }),
      mount(routes.endOtherSessions, async (_, { caller }) => {
        const user = userOf(caller)
        return { ended: await endSessions(database, user.user, user.session) }
      }),
      mount(routes.people, ({ query }) => listPeople(database, query)),
      mount(routes.invite, ({ body }, { caller }) =>
        database.transaction(async (tx) => {
          const added = await addColleague(tx, clock, body)
          const object = { kind: 'user', id: added.colleague.id }
          await audit(tx, { actor: caller, action: 'colleague.invited', object, details: { roles: body.roles } })
          return added
        }),
      ),
      mount(routes.changeColleague, ({ params, body }, { caller }) =>
        database.transaction(async (tx) => {
          const changed = await changeColleague(tx, params.user, body)
          const details = { roles: changed.roles, state: changed.state }
          await audit(tx, {
            actor: caller,
            action: 'colleague.changed',
            object: { kind: 'user', id: changed.id },
            details,
          })
          return changed
        }),
      ),
      mount(routes.resetPassword, ({ params }, { caller }) =>
        database.transaction(async (tx) => {
          const password = await resetPassword(tx, params.user)
          await audit(tx, { actor: caller, action: 'password.reset', object: { kind: 'user', id: params.user } })
          return { password }
        }),
      ),
      mount(routes.roles, async () => ({ items: allRoles.map((role) => ({ role, ...roleTexts[role] })) })),
      mount(routes.brand, () => readBrand(database, config)),
      mount(routes.changeBrand, ({ body }, { caller }) =>
        database.transaction(async (tx) => {
          await audit(tx, {
            actor: caller,
            action: 'brand.changed',
            object: { kind: 'brand', id: 'only' },
            details: body,
          })
          return writeBrand(tx, body)
        }),
      ),
      mount(routes.keys, async () => ({ items: await listKeys(database) })),
      mount(routes.createKey, ({ body }, { caller }) =>
        database.transaction(async (tx) => {
          const user = userOf(caller)
          const made = await createKey(tx, clock, {
            name: body.name,
            roles: body.roles,
            days: body.days ?? null,
            by: user.user,
            byName: user.name,
            byRoles: user.roles,
          })
          const object = { kind: 'key', id: made.key.id }
          await audit(tx, { actor: caller, action: 'key.created', object, details: { roles: body.roles } })
          return made
        }),
      ),
      mount(routes.revokeKey, ({ params }, { caller }) =>
        database.transaction(async (tx) => {
          if ((await revokeKey(tx, params.key)) === 0)
            throw new Refusal(404, 'not_found', 'There is no living key with this id.')
          await audit(tx, { actor: caller, action: 'key.revoked', object: { kind: 'key', id: params.key } })
          return undefined
        }),
      ),
      mount(routes.audit, ({ query }) => listAudit(database, query)),
      mount(routes.verifyAudit, () => verifyAudit(database)),
      mount(routes.approvals, ({ query }) => listApprovals(database, query)),
      mount(routes.approvalChange, ({ params }, { caller }) =>
        approvalChange(database, documents, params.approval, caller.kind === 'user' ? caller.user : null),
      ),
      mount(routes.requestApproval, ({ body }, { caller }) =>
        database.transaction((tx) => governance.askApproval(tx, body, caller)),
      ),
      mount(routes.decideApproval, ({ params, body }, { caller }) =>
        database.transaction(async (tx) => {
          const decision = { approve: body.approve, comment: body.comment ?? null, by: userOf(caller).user }
          const decided = await decideApproval(tx, params.approval, decision)
          const { kind, object, hash, state } = decided
          const details = { kind, object, hash, state }
          await audit(tx, {
            actor: caller,
            action: 'approval.decided',
            object: { kind: 'approval', id: decided.id },
            details,
          })
          return decided
        }),
      ),
    ],
    jobs: [
      jobKind({
        name: 'governance.tidy',
        payload: z.object({}),
        cron: '17 * * * *',
        work: async () => {
          await dropEndedSessions(database)
          await forgetOldAttempts(database)
        },
      }),
    ],
  }
}

/** Sessions, keys and approvals belong to people; a service key or the machine's own token is none. */
function userOf(caller: Caller): User & { user: UserId; roles: Role[] } {
  if (caller.kind === 'user') return caller
  throw new Refusal(403, 'people_only', 'This needs a person who is signed in; a key cannot do it.')
}
