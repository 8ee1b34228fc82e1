import { createHash, randomBytes } from 'node:crypto'
import type { api, Id, KeyId, Role, UserId } from '@einklang/contract'
import { type Clock, type Database, newId, Refusal } from '@einklang/platform'

type KeyRow = {
  id: KeyId
  name: string
  start: string
  roles: Role[]
  created_at: Date
  created_by_name: string
  expires_at: Date | null
  last_used_at: Date | null
}

function keyOf(row: KeyRow): api.governance.ServiceKey {
  return {
    id: row.id,
    name: row.name,
    start: row.start,
    roles: row.roles,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by_name,
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  }
}

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

export async function listKeys(database: Database): Promise<api.governance.ServiceKey[]> {
  const rows = await database.rows<KeyRow>`
    select service_key.*, colleague.name as created_by_name
    from governance.service_key join governance.colleague on colleague.id = created_by
    where revoked_at is null order by service_key.created_at desc`
  return rows.map(keyOf)
}

/** Makes a key with 256 random bits; only its hash is kept. It never has a role its maker lacks. */
export async function createKey(
  tx: Database,
  clock: Clock,
  wanted: { name: string; roles: Role[]; days: number | null; by: UserId; byName: string; byRoles: Role[] },
): Promise<{ key: api.governance.ServiceKey; secret: string }> {
  const beyond = wanted.roles.find((role) => !wanted.byRoles.includes(role))
  if (beyond) throw new Refusal(403, 'role_beyond', `You cannot give the role "${beyond}" that you do not have.`)
  const secret = `ek_${randomBytes(32).toString('base64url')}`
  const id: Id<'key'> = newId('key', clock)
  const row = await tx.row<KeyRow>`
    insert into governance.service_key (id, name, hash, start, roles, created_by, expires_at)
    values (${id}, ${wanted.name}, ${hashOf(secret)}, ${secret.slice(0, 9)}, ${wanted.roles}, ${wanted.by},
      platform.now() + make_interval(days => ${wanted.days}))
    returning *, ${wanted.byName}::text as created_by_name`
  return { key: keyOf(row as KeyRow), secret }
}

export function revokeKey(tx: Database, key: KeyId): Promise<number> {
  return tx.run`update governance.service_key set revoked_at = platform.now() where id = ${key} and revoked_at is null`
}

/** The living key behind a secret; it dies with the suspension of its maker and never has more than the maker's roles. */
export function keyBySecret(
  database: Database,
  secret: string,
): Promise<{ id: KeyId; name: string; roles: Role[]; stale: boolean } | undefined> {
  return database.row`
    select service_key.id, service_key.name,
      array(select unnest(service_key.roles) intersect select unnest(colleague.roles)) as roles,
      coalesce(service_key.last_used_at < platform.now() - interval '1 minute', true) as stale
    from governance.service_key join governance.colleague on colleague.id = created_by
    where hash = ${hashOf(secret)} and revoked_at is null and colleague.state <> 'suspended'
      and (expires_at is null or expires_at > platform.now())`
}

export async function touchKey(database: Database, key: KeyId): Promise<void> {
  await database.run`update governance.service_key set last_used_at = platform.now() where id = ${key}`
}
