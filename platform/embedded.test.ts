import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createDatabase } from './database.ts'
import { startPostgres } from './embedded.ts'

test('an embedded PostgreSQL that is killed is started again at the same address, and stops for good when asked', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'einklang-kept-'))
  const told: string[] = []
  const postgres = await startPostgres(directory, { throwaway: true, told: (message) => told.push(message) })
  const database = createDatabase(postgres.url, { connections: 2 })
  const pidOf = () => Number(readFileSync(join(directory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
  try {
    await database.run`select 1`
    const first = pidOf()
    process.kill(first, 'SIGKILL')
    let rows: unknown[] = []
    for (let turn = 0; turn < 200 && rows.length === 0; turn++) {
      await pause(100)
      rows = await database.rows`select 1 as one`.catch(() => [])
    }
    expect(rows).toEqual([{ one: 1 }])
    expect(pidOf()).not.toBe(first)
    expect(told).toContain('PostgreSQL ended by itself and is started again.')

    // A statement that would go on for hours holds the memory of the dead server, and the new one waits for that.
    const long = database.run`select count(*) from generate_series(1, 1000000000000)`.catch(() => 'over')
    await pause(500)
    const second = pidOf()
    process.kill(second, 'SIGKILL')
    expect(await Promise.race([long, pause(15_000, 'still there')])).toBe('over')
    let again: unknown[] = []
    for (let turn = 0; turn < 200 && again.length === 0; turn++) {
      await pause(100)
      again = await database.rows`select 1 as one`.catch(() => [])
    }
    expect(again).toEqual([{ one: 1 }])
    expect(pidOf()).not.toBe(second)
  } finally {
    await database.close()
    await postgres.stop()
  }
  await pause(1200)
  expect(() => pidOf()).toThrow('ENOENT')
  rmSync(directory, { recursive: true, force: true })
}, 60_000)
