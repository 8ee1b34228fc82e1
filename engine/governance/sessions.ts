import type { Role, UserId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { absoluteDays, idleHours } from './sign-in.ts'

export type OpenSession = {
  id: string
  user: UserId
  name: string
  email: string
  roles: Role[]
  must_change_password: boolean
  stale: boolean
}

/** The living session with its owner: not idle too long, not too old, the owner not suspended. */
export function openSession(database: Database, session: string): Promise<OpenSession | undefined> {
  return database.row<OpenSession>`
    select session.id, colleague.id as user, colleague.name, colleague.email, colleague.roles,
      colleague.must_change_password, session.last_seen_at < platform.now() - interval '1 minute' as stale
    from governance.session join governance.colleague on colleague.id = session.colleague
    where session.id = ${session} and colleague.state <> 'suspended'
      and session.last_seen_at > platform.now() - make_interval(hours => ${idleHours})
      and session.started_at > platform.now() - make_interval(days => ${absoluteDays})`
}

/** Moves the idle limit; at most once a minute per session, so that reading stays reading. */
export async function touchSession(database: Database, session: string): Promise<void> {
  await database.run`update governance.session set last_seen_at = platform.now() where id = ${session}`
}

export type SessionRow = {
  id: string
  started_at: Date
  last_seen_at: Date
  ends_at: Date
  ip_address: string | null
  user_agent: string | null
}

export function sessionsOf(database: Database, user: UserId): Promise<SessionRow[]> {
  return database.rows<SessionRow>`
    select id, started_at, last_seen_at, ip_address, user_agent,
      least(started_at + make_interval(days => ${absoluteDays}), last_seen_at + make_interval(hours => ${idleHours})) as ends_at
    from governance.session
    where colleague = ${user} and last_seen_at > platform.now() - make_interval(hours => ${idleHours})
      and started_at > platform.now() - make_interval(days => ${absoluteDays})
    order by last_seen_at desc`
}

/** The address class of the client, once known; the library itself records none. */
export async function nameSession(database: Database, session: string, address: string): Promise<void> {
  await database.run`update governance.session set ip_address = ${address} where id = ${session}`
}

export function endSession(database: Database, user: UserId, session: string): Promise<number> {
  return database.run`delete from governance.session where colleague = ${user} and id::text = ${session}`
}

/** Ends every session of a colleague, but for the one that stays. */
export function endSessions(database: Database, user: UserId, staying: string | null): Promise<number> {
  return database.run`
    delete from governance.session where colleague = ${user} and (${staying}::text is null or id::text <> ${staying})`
}

export function dropEndedSessions(database: Database): Promise<number> {
  return database.run`
    delete from governance.session
    where last_seen_at <= platform.now() - make_interval(hours => ${idleHours})
      or started_at <= platform.now() - make_interval(days => ${absoluteDays})`
}
