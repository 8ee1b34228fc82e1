import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createDatabase, type OpenDatabase } from './database.ts'
import { Outage } from './failure.ts'
import { armFaults, testMark } from './fault.ts'
import { groundJobs } from './idempotency.ts'
import { jobKind, startJobs } from './jobs.ts'
import { createLifecycle } from './lifecycle.ts'
import { createLive } from './live.ts'
import { createLog } from './log.ts'
import { runLoops } from './loops.ts'
import { createMetrics } from './metrics.ts'
import { type TestGround, testGround } from './testing/index.ts'

const log = createLog('silent')
let world: TestGround
let open: OpenDatabase
beforeAll(async () => {
  world = await testGround()
  open = createDatabase(world.databaseUrl, { connections: 4 })
})
afterAll(async () => {
  await open.close()
  await world.close()
})

describe('the lifecycle', () => {
  test('stops in reverse order and tells who was late', async () => {
    const told: string[] = []
    const lifecycle = createLifecycle({ log, told: (message) => told.push(message), patienceMs: 100 })
    await lifecycle.start(
      'first',
      () => 1,
      () => undefined,
    )
    await lifecycle.start(
      'stuck',
      () => 2,
      () => new Promise(() => undefined),
    )
    await lifecycle.start(
      'third',
      () => 3,
      () => undefined,
    )
    expect(await lifecycle.stop()).toEqual(['stuck'])
    expect(told).toEqual(['Stopping third.', 'Stopping stuck.', 'Stopping first.'])
    expect(lifecycle.stopping.aborted).toBe(true)
  })
  test('when something does not start, what runs is stopped', async () => {
    const stopped: string[] = []
    const lifecycle = createLifecycle({ log })
    await lifecycle.start(
      'a',
      () => 'a',
      (name) => void stopped.push(name),
    )
    await expect(lifecycle.start('b', () => Promise.reject(new Error('no b')))).rejects.toThrow('no b')
    expect(stopped).toEqual(['a'])
  })
})

test('stopping in the middle of a start waits for it and stops it too', async () => {
  const steps: string[] = []
  const lifecycle = createLifecycle({ log })
  const starting = lifecycle.start(
    'slow',
    () => new Promise<number>((resolve) => setTimeout(() => resolve(1), 100)),
    () => void steps.push('stopped slow'),
  )
  await Promise.all([expect(starting).rejects.toThrow('Stopped while slow was starting'), lifecycle.stop()])
  expect(steps).toEqual(['stopped slow'])
  await expect(lifecycle.start('later', () => 1)).rejects.toThrow('Stopped before later was started')
})

describe('loops', () => {
  test('go on while busy, sleep when idle, wake on a notification, and survive failures', async () => {
    const turns: string[] = []
    let work = 3
    const running = await runLoops({
      listen: open.listen,
      log,
      metrics: createMetrics(),
      loops: [
        {
          name: 'worker',
          pauseMs: 60_000,
          wake: 'work_for_test',
          turn: async () => {
            turns.push('worker')
            return work-- > 0 ? 'busy' : 'idle'
          },
        },
        {
          name: 'broken',
          pauseMs: 60_000,
          turn: async () => {
            turns.push('broken')
            throw new Outage('away', { retryAfterSeconds: 0.01 })
          },
        },
      ],
    })
    await expect.poll(() => turns.filter((name) => name === 'worker').length).toBe(4)
    await expect.poll(() => turns.filter((name) => name === 'broken').length).toBeGreaterThan(1)
    work = 1
    await open.notify('work_for_test')
    await expect.poll(() => turns.filter((name) => name === 'worker').length).toBe(6)
    const began = performance.now()
    await running.stop()
    expect(performance.now() - began).toBeLessThan(1000)
  })
})

describe('jobs', () => {
  test('run with their parsed payload, again after a failure, and once per key', async () => {
    const seen: unknown[] = []
    let failures = 1
    const refit = jobKind({
      name: 'measurement.refit',
      payload: z.object({ weeks: z.number() }),
      work: async (payload) => {
        if (failures-- > 0) throw new Error('not yet')
        seen.push(payload)
      },
    })
    const { jobs, database } = world.ground
    await database.transaction(async (tx) => {
      await jobs.add(tx, 'measurement.refit', { weeks: 1 }, { key: 'refit' })
      await jobs.add(tx, 'measurement.refit', { weeks: 2 }, { key: 'refit' })
    })
    // The ground's own kinds bring cron lines, which are read at the start.
    const kinds = [refit, ...groundJobs(database)]
    const running = await startJobs({ url: world.databaseUrl, kinds, log })
    await expect
      .poll(() => database.row`select attempts from graphile_worker.jobs`, { timeout: 55_000 })
      .toEqual({ attempts: 1 })
    await database.run`select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs), now())`
    await expect.poll(() => seen, { timeout: 55_000 }).toEqual([{ weeks: 2 }])
    await running.stop()
  })
  test('a key that matters later waits', async () => {
    const { jobs, database } = world.ground
    const kind = jobKind({ name: 'budget.later', payload: z.object({}), work: async () => expect.unreachable() })
    await database.transaction((tx) => jobs.add(tx, 'budget.later', {}, { at: new Date(Date.now() + 3_600_000) }))
    await world.runJobs([kind])
    expect(
      await database.row`select count(*) as n from graphile_worker.jobs where task_identifier = 'budget.later'`,
    ).toEqual({ n: 1 })
  })
})

test('live hints cross processes and are bounded', async () => {
  const other = await createLive({ database: open, listen: open.listen, log })
  const heard: unknown[] = []
  const stop = other.subscribe(['ingest.events'], (topic, payload) => heard.push([topic, payload]))
  for (let i = 0; i < 500; i++) world.ground.live.publish('ingest.events', { i, text: 'x'.repeat(100) })
  await expect.poll(() => heard.length).toBe(500)
  stop()
  world.ground.live.publish('ingest.events', { i: 501 })
  expect(() => world.ground.live.publish('t', 'x'.repeat(8000))).toThrow('larger than 7 kB')
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(heard.length).toBe(500)
  await other.close()
})

describe('fault points', () => {
  test('refuse a directory that is not marked for tests', () => {
    const directory = mkdtempSync(join(tmpdir(), 'fault-'))
    expect(() => armFaults('a.b:die', directory)).toThrow('is not marked as a test directory')
    writeFileSync(join(directory, testMark), '')
    expect(() => armFaults('a.b:explode', directory)).toThrow('is not name:mode@pass')
    rmSync(directory, { recursive: true })
  })
  test('die at the named pass and nowhere else', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fault-'))
    writeFileSync(join(directory, testMark), '')
    const program = `
      import { armFaults, fault } from ${JSON.stringify(fileURLToPath(new URL('./fault.ts', import.meta.url)))}
      armFaults('ingest.after-commit:die@3', ${JSON.stringify(directory)})
      for (let i = 1; i < 9; i++) { process.stdout.write(String(i)); fault('ingest.before-commit'); fault('ingest.after-commit') }`
    const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)))
    expect([out, signal]).toEqual(['123', 'SIGKILL'])
    rmSync(directory, { recursive: true })
  })
})
