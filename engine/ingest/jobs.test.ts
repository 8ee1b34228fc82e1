import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { armFaults, Outage, testMark } from '@einklang/platform'
import { testGround } from '@einklang/platform/testing'
import { afterAll, expect, test } from 'vitest'
import { createIngest } from './index.ts'
import { ingestJobs } from './jobs.ts'

const world = await testGround()
afterAll(() => world.close())

test('a nightly sweep that is interrupted before it drops a partition is made whole by the next one', async () => {
  const { ground } = world
  const { database, clock } = ground
  writeFileSync(join(ground.config.dataDirectory, testMark), '')
  const ingest = createIngest({ ground, apply: async () => ({ events: [], merges: [], touched: [] }) })
  const sweep = ingestJobs(ingest).find((job) => job.name === 'ingest.sweep')
  const run = () => sweep?.work(undefined as never, undefined as never)
  await database.run`
    insert into ingest.counter (source, hour) values (gen_random_uuid(), ${new Date(clock.now().getTime() - 500 * 86_400_000)})`
  const old = () => database.rows`select from ingest.counter`
  armFaults('ingest.partition-drop:outage', ground.config.dataDirectory)
  await expect(run()).rejects.toBeInstanceOf(Outage)
  expect(await old()).toHaveLength(1)
  await expect(run()).resolves.toBeUndefined()
  expect(await old()).toEqual([])
})
