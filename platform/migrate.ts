import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stages } from '@einklang/contract'
import type { Database, OpenDatabase } from './database.ts'
import { Refusal } from './failure.ts'

/** A numbered SQL file of a stage: `consent/migrations/0001_ledger.sql`. */
export type Migration = { stage: string; number: number; name: string; text: string; hash: string }

/** The files in the order in which they run: platform first, then stage by stage, number by number. */
export function migrationsIn(engineDirectory: string, folder: 'migrations' | 'history' = 'migrations'): Migration[] {
  const own =
    folder === 'migrations' ? filesOf('platform', fileURLToPath(new URL('./migrations', import.meta.url))) : []
  return [...own, ...stages.flatMap((stage) => filesOf(stage, join(engineDirectory, stage, folder)))]
}

function filesOf(stage: string, directory: string): Migration[] {
  if (!existsSync(directory)) return []
  const found = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const match = /^(\d{4})_([a-z0-9_-]+)\.sql$/.exec(file)
      if (!match) throw new Error(`${stage}/${file} is not named like 0001_what_it_does.sql`)
      const text = readFileSync(join(directory, file), 'utf8')
      const hash = createHash('sha256').update(text).digest('hex')
      return { stage, number: Number(match[1]), name: match[2] ?? '', text, hash }
    })
  found.forEach((migration, index) => {
    if (migration.number === found[index - 1]?.number) {
      throw new Error(`${stage} has two migrations with the number ${migration.number}`)
    }
  })
  return found
}

// Any constant does; every einklang process takes the same one.
const migrationLock = 731_406_001

/**
 * Brings the database to this program's version: forward only, each file in one transaction, one migrator at a
 * time. A file that begins with `-- outside transaction` runs alone (for indexes built concurrently).
 */
export async function migrate(
  database: OpenDatabase,
  migrations: Migration[],
  options: { told?: (message: string) => void; refuse?: boolean } = {},
): Promise<number> {
  await database.transaction(async (tx) => {
    await tx.run`select pg_advisory_xact_lock(${migrationLock})`
    await tx.run`create schema if not exists platform`
    await tx.run`create table if not exists platform.migration (
      stage text not null, number integer not null, name text not null, hash text not null,
      applied_at timestamptz not null default now(), primary key (stage, number))`
  })
  if (options.refuse ?? true) refuseNewer(await appliedIn(database), migrations)
  let count = 0
  for (const migration of migrations) {
    if (await applyOne(database, migration)) {
      options.told?.(`Migrated ${migration.stage} to ${migration.number} (${migration.name}).`)
      count++
    }
  }
  return count
}

type Applied = { stage: string; number: number; name: string; hash: string }

function appliedIn(database: Database): Promise<Applied[]> {
  return database.rows<Applied>`select stage, number, name, hash from platform.migration`
}

function refuseNewer(applied: Applied[], migrations: Migration[]): void {
  const known = new Map(migrations.map((migration) => [`${migration.stage}/${migration.number}`, migration]))
  for (const row of applied) {
    const file = known.get(`${row.stage}/${row.number}`)
    if (!file) {
      throw new Refusal(
        409,
        'database_newer',
        `The database is newer than this program: it has ${row.stage} ${row.number} (${row.name}), which this version does not know; start the version that made it.`,
      )
    }
    if (file.hash !== row.hash) {
      throw new Refusal(
        409,
        'migration_changed',
        `Migration ${row.stage} ${row.number} (${row.name}) was changed after it had run on this database; put the change into a new file.`,
      )
    }
  }
}

async function applyOne(database: OpenDatabase, migration: Migration): Promise<boolean> {
  const alone = migration.text.startsWith('-- outside transaction')
  const applied = await database.transaction(async (tx) => {
    await tx.run`select pg_advisory_xact_lock(${migrationLock})`
    const done =
      await tx.row`select 1 from platform.migration where stage = ${migration.stage} and number = ${migration.number}`
    if (done) return false
    await tx.run`create schema if not exists ${tx.name(migration.stage)}`
    if (alone) await database.script(migration.text)
    else {
      await tx.run`set local lock_timeout = '2s'`
      await scriptIn(tx, migration)
    }
    await tx.run`insert into platform.migration (stage, number, name, hash)
      values (${migration.stage}, ${migration.number}, ${migration.name}, ${migration.hash})`
    return true
  })
  return applied
}

async function scriptIn(tx: Database, migration: Migration): Promise<void> {
  try {
    // Transactions carry `script` too; it is left out of the type that stages see.
    await (tx as OpenDatabase).script(migration.text)
  } catch (cause) {
    const position = Number((cause as { position?: string }).position ?? 0)
    const line = position > 0 ? migration.text.slice(0, position).split('\n').length : null
    throw new Error(
      `Migration ${migration.stage} ${migration.number} (${migration.name})${line ? ` failed in line ${line}` : ' failed'}: ${(cause as Error).message}`,
      { cause },
    )
  }
}
