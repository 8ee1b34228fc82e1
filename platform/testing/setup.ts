import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { createDatabase } from '../database.ts'
import { startPostgres, stopPostgresIn } from '../embedded.ts'
import { migrateJobs } from '../jobs.ts'
import { migrate, migrationsIn } from '../migrate.ts'

export type TestPlaces = { url: string; directory: string; engine: string }

declare module 'vitest' {
  export interface ProvidedContext {
    einklang: TestPlaces
  }
}

const root = fileURLToPath(new URL('../../', import.meta.url))
export const templateName = 'einklang_template'

/** One PostgreSQL for the whole run, in a throwaway directory without fsync, with a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cache = join(root, '.cache')
  mkdirSync(cache, { recursive: true })
  await sweep(cache)
  const directory = join(cache, `test-${process.pid}`)
  mkdirSync(directory)
  const postgres = await startPostgres(directory, { throwaway: true })
  const engine = join(root, 'engine')
  try {
    await makeTemplate(postgres.url, engine)
  } catch (error) {
    await postgres.stop()
    throw error
  }
  project.provide('einklang', { url: postgres.url, directory, engine })
  return async () => {
    await postgres.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function makeTemplate(url: string, engine: string): Promise<void> {
  const administration = createDatabase(url, { connections: 1 })
  await administration.script(`create database ${templateName}`)
  await administration.close()
  const templateUrl = withDatabase(url, templateName)
  await migrateJobs(templateUrl)
  const template = createDatabase(templateUrl, { connections: 2 })
  const all = migrationsIn(engine)
  // One stage's broken file must not hide the results of all others; migrate.test.ts fails for it.
  for (const stage of new Set(all.map((migration) => migration.stage))) {
    try {
      await migrate(
        template,
        all.filter((migration) => migration.stage === stage),
        { refuse: false },
      )
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`)
    }
  }
  await template.close()
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** Removes what killed runs left behind. */
async function sweep(cache: string): Promise<void> {
  for (const name of readdirSync(cache)) {
    const pid = Number(/^test-(\d+)$/.exec(name)?.[1])
    if (!pid || isAlive(pid)) continue
    await stopPostgresIn(join(cache, name))
    rmSync(join(cache, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
