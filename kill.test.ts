import { expect, test } from 'vitest'
import { killStorm } from './bench/kill/storm.ts'

/** The short form of `einklang bench kill`: the long one kills 20 times and more. */
test('a server that is killed again and again loses no acknowledged event and sends no message twice', async () => {
  const result = await killStorm({ kills: 3, seed: 7, persons: 30, duplicates: 0.1 })
  expect(result.acknowledged).toBeGreaterThan(100)
  expect(result.mails).toBeGreaterThan(0)
  expect(result).toMatchObject({ lost: 0, doubled: 0, quarantined: 0, mailsTwice: 0, personsTwice: 0 })
}, 240_000)
