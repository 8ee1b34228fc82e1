import { testGround } from '@einklang/platform/testing'
import { expect, test } from 'vitest'

test('many who open the same day at once all find it open', async () => {
  const world = await testGround()
  try {
    const { database } = world.ground
    for (let day = 1; day <= 10; day++) {
      const date = `2031-01-${String(day * 2).padStart(2, '0')}`
      // A longer transaction holds the lock while the others have already looked.
      const opened = Array.from({ length: 8 }, () =>
        database.transaction(async (tx) => {
          await tx.run`select to_regclass(${`ingest.inbox_${date.replaceAll('-', '')}`})`
          await tx.run`select ingest.open_day(${date}::date)`
        }),
      )
      await expect(Promise.all(opened)).resolves.toHaveLength(8)
    }
  } finally {
    await world.close()
  }
})
