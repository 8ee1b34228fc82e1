import { randomBytes } from 'node:crypto'
import { type api, type Role, roles, type UserId } from '@einklang/contract'
import { type Clock, type Database, isDuplicate, newId, Refusal } from '@einklang/platform'
import { generatePassword, weakness } from './password.ts'
import { endSessions } from './sessions.ts'
import { checkPassword, hashPassword } from './sign-in.ts'

type ColleagueRow = {
  id: UserId
  name: string
  email: string
  roles: Role[]
  state: 'active' | 'invited' | 'suspended'
  created_at: Date
  last_sign_in_at: Date | null
}

function colleagueOf(row: ColleagueRow): api.governance.Colleague {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    roles: row.roles,
    state: row.state,
    createdAt: row.created_at.toISOString(),
    lastSignInAt: row.last_sign_in_at?.toISOString() ?? null,
  }
}

/** Everybody by name, page by page. */
export async function listPeople(
  database: Database,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<{ items: api.governance.Colleague[]; next: string | null }> {
  const [name = '', id = ''] = (after ?? '').split('\n')
  const rows = await database.rows<ColleagueRow>`
    select id, name, email, roles, state, created_at, last_sign_in_at from governance.colleague
    where (name, id::text) > (${name}, ${id}) order by name, id::text limit ${limit + 1}`
  const items = rows.slice(0, limit).map(colleagueOf)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last ? `${last.name}\n${last.id}` : null }
}

export type NewColleague = { name: string; email: string; roles: Role[] }

/** Adds a colleague with a generated password, which is returned once and kept only as a hash. */
export async function addColleague(
  tx: Database,
  clock: Clock,
  { name, email, roles: given }: NewColleague,
): Promise<{ colleague: api.governance.Colleague; password: string }> {
  const id = newId('user', clock)
  const password = generatePassword(randomBytes)
  try {
    const row = await tx.row<ColleagueRow>`
      insert into governance.colleague (id, name, email, roles)
      values (${id}, ${name}, ${email.trim().toLowerCase()}, ${unique(given)})
      returning id, name, email, roles, state, created_at, last_sign_in_at`
    await tx.run`
      insert into governance.credential (id, colleague, provider_id, account_id, password)
      values (${newId('user', clock)}, ${id}, 'credential', ${id}, ${await hashPassword(password)})`
    return { colleague: colleagueOf(row as ColleagueRow), password }
  } catch (error) {
    if (!isDuplicate(error)) throw error
    throw new Refusal(409, 'email_taken', `Somebody with the e-mail ${email} works here already.`, { at: 'body.email' })
  }
}

/** The first person of a new house, with every role because there is nobody else; null when somebody is there. */
export async function addFirstAdministrator(
  tx: Database,
  clock: Clock,
): Promise<{ email: string; password: string; id: UserId } | null> {
  await tx.run`lock table governance.colleague in share row exclusive mode`
  if (await tx.row`select 1 from governance.colleague limit 1`) return null
  const email = 'admin@einklang.local'
  const { colleague, password } = await addColleague(tx, clock, { name: 'Administrator', email, roles: [...roles] })
  return { email, password, id: colleague.id }
}

export type Change = { name?: string | undefined; roles?: Role[] | undefined; suspended?: boolean | undefined }

/** Changes a colleague; new roles or a suspension end all sessions at once. */
export async function changeColleague(tx: Database, user: UserId, change: Change): Promise<api.governance.Colleague> {
  await tx.run`lock table governance.colleague in share row exclusive mode`
  const row = await tx.row<ColleagueRow>`
    update governance.colleague set
      name = coalesce(${change.name ?? null}, name),
      roles = coalesce(${change.roles ? unique(change.roles) : null}::text[], roles),
      state = case ${change.suspended ?? null}::boolean
        when true then 'suspended'
        when false then case when state = 'suspended' then 'active' else state end
        else state end,
      updated_at = platform.now()
    where id = ${user}
    returning id, name, email, roles, state, created_at, last_sign_in_at`
  if (!row) throw nobody()
  const administrator = await tx.row`
    select 1 from governance.colleague where 'admin' = any(roles) and state <> 'suspended' limit 1`
  if (!administrator) {
    throw new Refusal(409, 'last_administrator', 'This is the last administrator; make somebody else one first.')
  }
  if (change.roles !== undefined || change.suspended !== undefined) await endSessions(tx, user, null)
  return colleagueOf(row)
}

/** Gives a colleague a new generated password and ends all sessions. */
export async function resetPassword(tx: Database, user: UserId): Promise<string> {
  const password = generatePassword(randomBytes)
  await setPassword(tx, user, password, { mustChange: true })
  await endSessions(tx, user, null)
  return password
}

/** One's own change: the current password is asked again, the new one is looked at, other sessions end. */
export async function changeOwnPassword(
  tx: Database,
  { user, session }: { user: UserId; session: string },
  { current, next, brand }: { current: string; next: string; brand: string },
): Promise<void> {
  const row = await tx.row<{ password: string; name: string; email: string }>`
    select credential.password, colleague.name, colleague.email
    from governance.credential join governance.colleague on colleague.id = credential.colleague
    where credential.colleague = ${user} and provider_id = 'credential'`
  if (!row) throw nobody()
  if (!(await checkPassword(row.password, current))) {
    throw new Refusal(422, 'wrong_password', 'The current password is not right.', { at: 'body.current' })
  }
  const weak =
    next === current ? 'It is the one you have now.' : await weakness(next, { brand, email: row.email, name: row.name })
  if (weak) {
    throw new Refusal(422, 'weak_password', `This password cannot be used. ${weak}`, {
      at: 'body.next',
      doInstead: 'Take four or five unrelated words.',
    })
  }
  await setPassword(tx, user, next, { mustChange: false })
  await endSessions(tx, user, session)
}

async function setPassword(tx: Database, user: UserId, password: string, { mustChange }: { mustChange: boolean }) {
  const changed = await tx.run`
    update governance.credential set password = ${await hashPassword(password)}, updated_at = platform.now()
    where colleague = ${user} and provider_id = 'credential'`
  if (changed === 0) throw nobody()
  await tx.run`update governance.colleague set must_change_password = ${mustChange},
    state = case when ${mustChange} or state = 'suspended' then state else 'active' end where id = ${user}`
}

function nobody(): Refusal {
  return new Refusal(404, 'not_found', 'Nobody here has this id.')
}

function unique(given: Role[]): Role[] {
  return roles.filter((role) => given.includes(role))
}
