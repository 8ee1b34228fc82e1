import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestGround, testGround } from './index.ts'

let world: TestGround
beforeAll(async () => {
  world = await testGround()
})
afterAll(() => world.close())

test('the fixed clock reaches SQL', async () => {
  const read = () => world.ground.database.row<{ at: Date }>`select platform.now() as at`
  expect((await read())?.at.toISOString()).toBe('2026-03-02T09:00:00.000Z')
  void world.clock.advance({ days: 2 })
  expect((await read())?.at.toISOString()).toBe('2026-03-04T09:00:00.000Z')
  await world.clock.set('2026-03-02T09:00:00Z')
  expect(world.ground.clock.now().toISOString()).toBe('2026-03-02T09:00:00.000Z')
})

test('history opens at its first use and is empty', async () => {
  expect(await world.ground.history.rows<{ one: number }>`select toInt64(1) as one`).toEqual([{ one: 1 }])
})

test('jobs lie in the transaction of the caller', async () => {
  const { database, jobs } = world.ground
  await expect(
    database.transaction(async (tx) => {
      await jobs.add(tx, 'budget.refit', { week: 1 })
      throw new Error('rolled back')
    }),
  ).rejects.toThrow('rolled back')
  await database.transaction((tx) => jobs.add(tx, 'budget.refit', { week: 2 }, { key: 'one' }))
  const jobsThere = await database.rows<{ key: string }>`select key from graphile_worker.jobs`
  expect(jobsThere).toEqual([{ key: 'one' }])
})
