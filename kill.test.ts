import { expect, test } from 'vitest'
import { demoStorm } from './bench/kill/demo.ts'
import { killStorm } from './bench/kill/storm.ts'

/** The short forms of `einklang bench kill`: the long ones kill 20 times and more. */
test('a server and a PostgreSQL that are killed again and again lose no acknowledged event and send no message twice', async () => {
  const result = await killStorm({
    kills: 2,
    databaseKills: 1,
    seed: 7,
    persons: 30,
    duplicates: 0.1,
    reordered: 0.1,
  })
  expect(result.acknowledged).toBeGreaterThan(100)
  expect(result.mails).toBeGreaterThan(0)
  expect(result).toMatchObject({ lost: 0, doubled: 0, quarantined: 0, mailsTwice: 0, personsTwice: 0 })
}, 400_000)

test('the same audit finds events that were acknowledged before they were kept', async () => {
  const result = await killStorm({ kills: 2, seed: 7, persons: 30, duplicates: 0, eager: true })
  expect(result.lost).toBeGreaterThan(0)
}, 400_000)

test('a demo that is killed again and again holds in the end what an undisturbed one holds', async () => {
  const result = await demoStorm({ kills: 2, seed: 7 })
  expect(result.events).toBeGreaterThan(500)
  expect(result.mails).toBeGreaterThan(0)
  expect(result).toMatchObject({
    lost: 0,
    doubled: 0,
    different: [],
    quarantined: 0,
    mailsTwice: 0,
    personsTwice: 0,
  })
}, 400_000)
