import type { NormalEvent, PersonId } from '@einklang/contract'
import { chanceFrom } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIdentity, type Identity } from './index.ts'
import { answerItem, undoAnswer } from './review.ts'
import { forgetEverybody, type Given, type Telling, tellingOf, troubledHistory } from './troubled.ts'

let world: TestGround
let identity: Identity
let count: number

beforeAll(async () => {
  world = await testGround()
  identity = createIdentity({ ground: world.ground })
})
afterAll(() => world.close())
beforeEach(async () => {
  count = 0
  await forgetEverybody(world.ground.database)
})

const resolve = (...events: NormalEvent[]) =>
  world.ground.database.transaction((tx) => identity.resolve(tx, structuredClone(events)))
const tell = (identifiers: Given, more: Partial<Telling> = {}) => tellingOf(identifiers, { number: ++count, ...more })
const owner = (namespace: string, value: string) => identity.find(namespace, value)

/** Which identifiers stand together, whatever the ids are; and what each is. */
async function partition(): Promise<string[]> {
  const rows = await world.ground.database.rows<{ person: PersonId; text: string }>`
    select person, namespace || '=' || value || ' ' || trust || ' ' || status as text from identity.identifier
    where person is not null order by namespace, value`
  const groups = Map.groupBy(rows, (row) => row.person)
  return [...groups.values()].map((group) => group.map((row) => row.text).join(', ')).sort()
}

/** Which events belong together: the ids they were stored under, as they resolve now. */
async function eventsTogether(stored: Map<string, PersonId>): Promise<string[]> {
  const current = await identity.current(world.ground.database, [...stored.values()])
  const groups = Map.groupBy(stored, ([, id]) => current.get(id) ?? id)
  return [...groups.values()]
    .map((group) =>
      group
        .map(([event]) => event)
        .sort()
        .join(' '),
    )
    .sort()
}

async function conflicts(): Promise<string[]> {
  const rows = await world.ground.database.rows<{ code: string; one: PersonId; other: PersonId | null }>`
    select code, identity.current(one) as one, identity.current(other) as other from identity.review_item
    where kind = 'conflict'`
  const names = await world.ground.database.rows<{ person: PersonId; name: string }>`
    select person, min(namespace || '=' || value) as name from identity.identifier where person is not null group by person`
  const nameOf = new Map(names.map((row) => [row.person, row.name]))
  // Those who became one since are no conflict any more.
  const pairs = rows
    .filter(({ one, other }) => one !== other)
    .map(
      ({ code, one, other }) =>
        `${code} ${[one, other]
          .map((person) => (person && nameOf.get(person)) ?? '')
          .sort()
          .join(' ')}`,
    )
  return [...new Set(pairs)].sort()
}

/** Resolves in these batches; the id under which each event is stored. */
async function run(batches: NormalEvent[][]): Promise<Map<string, PersonId>> {
  const stored = new Map<string, PersonId>()
  for (const batch of batches) {
    const applied = await resolve(...batch)
    for (const event of applied.events) stored.set(event.id, event.stored ?? event.person)
  }
  await identity.settle()
  return stored
}

function cut(events: NormalEvent[], seed: string): NormalEvent[][] {
  const chance = chanceFrom('cut', seed)
  const rest = [...events]
  const batches: NormalEvent[][] = []
  while (rest.length > 0) batches.push(rest.splice(0, 1 + chance.below(25)))
  return batches
}

function shuffled(events: NormalEvent[], seed: string): NormalEvent[] {
  const chance = chanceFrom('shuffle', seed)
  return events
    .map((event) => ({ event, place: chance.next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ event }) => event)
}

test('in whatever order events arrive, refusals, limits, changed devices and shared values included, people are the same', async () => {
  for (const history of ['one', 'bench']) {
    const events = troubledHistory(history, 80)
    await forgetEverybody(world.ground.database)
    await run([events])
    const [people, open] = [await partition(), await conflicts()]
    expect(people.length).toBeGreaterThan(5)
    for (let shuffle = 0; shuffle < 4; shuffle++) {
      await forgetEverybody(world.ground.database)
      await run(cut(shuffled(events, `${history} ${shuffle}`), `${shuffle}`))
      expect(await partition()).toEqual(people)
      expect(await conflicts()).toEqual(open)
    }
  }
}, 120_000)

test('a repeated batch changes nothing', async () => {
  const events = troubledHistory('repeat', 60)
  await run([events])
  const picture = async () => ({
    people: await partition(),
    evidence: await world.ground.database
      .rows`select person, print, times from identity.evidence order by person, print`,
    review: await world.ground.database
      .rows`select code, one, other, times from identity.review_item order by code, one, other`,
    merged: await world.ground.database.rows`select loser, winner from identity.merged order by loser`,
  })
  const before = await picture()
  await run([events])
  expect(await picture()).toEqual(before)
})

test('an undone merge leaves what all events give with the two held apart: identifiers, events and conflicts', async () => {
  let undone = 0
  for (let history = 0; history < 7; history++) {
    await forgetEverybody(world.ground.database)
    const events = troubledHistory(`undo ${history}`, 70)
    // What only a device told follows the owner the device had when it was stored.
    const byDevice = new Set(
      events
        .filter((event) => event.identifiers.every(({ namespace }) => /anonymous_id|order_no/.test(namespace)))
        .map((event) => event.id as string),
    )
    const firm = (all: Map<string, PersonId>) => new Map([...all].filter(([id]) => !byDevice.has(id)))
    const stored = firm(await run(cut(events, `${history}`)))
    const merges = await world.ground.database.rows<{ id: string }>`
      select id from identity.log where kind = 'merge' and undone_at is null order by seq`
    const chosen = merges[chanceFrom('which', `${history}`).below(Math.max(1, merges.length))]
    if (!chosen) continue
    try {
      await identity.unmerge(chosen.id, 'user:eva')
    } catch (error) {
      if ((error as { code?: string }).code === 'still_joined') continue
      throw error
    }
    undone++
    const after = { people: await partition(), events: await eventsTogether(stored), conflicts: await conflicts() }
    const negatives = await world.ground.database.rows<{ [column: string]: unknown }>`select * from identity.negative`
    await forgetEverybody(world.ground.database)
    for (const row of negatives)
      await world.ground.database.run`
        insert into identity.negative select * from jsonb_populate_record(null::identity.negative, ${world.ground.database.json(row)})`
    const again = firm(await run([events]))
    expect(after.people).toEqual(await partition())
    expect(after.events).toEqual(await eventsTogether(again))
    expect(after.conflicts).toEqual(await conflicts())
  }
  expect(undone).toBeGreaterThan(3)
}, 120_000)

test('events that came while two were one person go back with the identifier they came by', async () => {
  const first = await resolve(tell({ user_id: 'ada' }), tell({ loyalty_card: '7' }))
  const [ada, card] = first.events.map((event) => event.person) as [PersonId, PersonId]
  await resolve(tell({ user_id: 'ada', loyalty_card: '7' }))
  const during = await resolve(tell({ loyalty_card: '7' }), tell({ user_id: 'ada' }))
  expect(during.events.map((event) => event.person)).toEqual([ada, ada])
  const merge = (await identity.log(card)).find((row) => row.mayUndo)
  await identity.unmerge(merge?.id ?? '', 'user:eva')
  const stored = during.events.map((event) => event.stored ?? event.person)
  const now = await identity.current(world.ground.database, stored)
  expect(stored.map((id) => now.get(id))).toEqual([card, ada])
  while (await identity.sync());
  expect(
    await world.ground.history
      .rows`select loser from identity.merged final where undone = 0 and loser = ${stored[0] ?? ''}`,
  ).toEqual([])
})

test('a split gives chosen identifiers and their events to a person of their own, and the next event does not take them back', async () => {
  const batch = await resolve(
    tell({ user_id: 'ada', email: 'a@x.de', phone: '01712345678' }),
    tell({ email: 'a@x.de' }),
    tell({ user_id: 'ada' }),
  )
  const ada = batch.events[0]?.person as PersonId
  const byMail = batch.events[1]?.stored as PersonId
  const done = await identity.split({
    person: ada,
    identifiers: [
      { namespace: 'email', value: 'a@x.de' },
      { namespace: 'phone', value: '+491712345678' },
    ],
    reason: 'handed on',
    actor: 'user:eva',
  })
  expect(done.from).toBe(ada)
  expect(done.to).not.toBe(ada)
  expect(await owner('email', 'a@x.de')).toBe(done.to)
  expect(await owner('phone', '01712345678')).toBe(done.to)
  expect((await identity.current(world.ground.database, [byMail])).get(byMail)).toBe(done.to)
  const next = await resolve(tell({ user_id: 'ada', email: 'a@x.de' }))
  expect(next.events[0]?.person).toBe(ada)
  expect(await owner('email', 'a@x.de')).toBe(done.to)
})

test('merges that a shared value caused in the day it was found are taken back, and somebody is told', async () => {
  // A cashier's mailbox, proven by a till that proves everything, beside cards without names.
  await run([[tell({ loyalty_card: '1' }), tell({ email: 'till@x.de' })]])
  const [one] = [await owner('loyalty_card', '1')]
  await run([[tell({ loyalty_card: '1', email: 'till@x.de' })]])
  expect(await owner('email', 'till@x.de')).toBe(one)
  for (let card = 2; card < 9; card++) await run([[tell({ loyalty_card: `${card}`, email: 'till@x.de' })]])
  const people = new Set<PersonId | null>()
  for (let card = 1; card < 9; card++) people.add(await owner('loyalty_card', `${card}`))
  expect(people.size).toBe(8)
  const told = await world.ground.database.rows<{ via: string }>`
    select via_value as via from identity.review_item where kind = 'hot_value'`
  expect(told).toEqual([{ via: 'till@x.de' }])
  const merges = await world.ground.database.rows`select 1 from identity.log where kind = 'merge' and undone_at is null`
  expect(merges).toEqual([])
})

test('two workers on the same people neither lose nor double anything', async () => {
  const events = troubledHistory('workers', 80)
  await run([events])
  const people = await partition()
  await forgetEverybody(world.ground.database)
  const halves = [
    cut(
      events.filter((_, at) => at % 2 === 0),
      'a',
    ),
    cut(
      events.filter((_, at) => at % 2 === 1),
      'b',
    ),
  ]
  await Promise.all(halves.map((batches) => run(batches)))
  await identity.settle()
  expect(await partition()).toEqual(people)
})

test('workers, reviewers, undos, erasures and the mapping on its way to history at once: nobody waits for ever', async () => {
  const { database, clock, secrets } = world.ground
  const needs = { database, clock, secrets, country: 'DE' }
  const events = troubledHistory('crowd', 160)
  const workers = [0, 1].map((worker) =>
    run(
      cut(
        events.filter((_, at) => at % 2 === worker),
        `${worker}`,
      ),
    ),
  )
  let busy = true
  const meanwhile = async (work: () => Promise<unknown>) => {
    while (busy) await tolerated(work())
  }
  const others = [
    meanwhile(() => identity.sync()),
    meanwhile(async () => {
      const item = await database.row<{ id: string }>`
        select id from identity.review_item where kind = 'conflict' and answer is null order by last_at limit 1`
      if (!item) return
      await answerItem(needs, identity, item.id, 'different', 'user:eva')
      await undoAnswer(needs, identity, item.id, 'user:eva')
    }),
    ...Array.from({ length: 12 }, () =>
      meanwhile(async () => {
        const merge = await database.row<{ id: string }>`
          select id from identity.log where kind = 'merge' and undone_at is null order by seq desc limit 1`
        if (merge) await identity.unmerge(merge.id, 'user:eva')
      }),
    ),
    meanwhile(async () => {
      const person = await database.row<{ id: PersonId }>`
        select id from identity.person where state = 'active' order by id limit 1`
      if (person) await database.transaction((tx) => identity.erase(tx, [person.id]))
    }),
  ]
  try {
    await Promise.all(workers)
  } finally {
    busy = false
  }
  await Promise.all(others)
  expect(await identity.settle()).toBeGreaterThanOrEqual(0)
}, 60_000)

/** Refusals are answers here; a deadlock is not. */
async function tolerated(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (typeof (error as { status?: unknown }).status !== 'number') throw error
  }
}

test('a decision by hand brings all of both together, also where a rule would have kept the rest apart; its undo is exact', async () => {
  // The mailbox stands with the card's number first; the login that came with it later is the second number's.
  await resolve(
    tell({ 'customer_no.shop': 'L5', email: 'yara@x.de', loyalty_card: '4711' }),
    tell({ 'customer_no.shop': 'C7', email: 'yara@x.de' }),
    tell({ user_id: 'C7', anonymous_id: 'b1' }),
    tell({ user_id: 'C7', email: 'yara@x.de', anonymous_id: 'b1' }),
  )
  const before = await partition()
  const [one, other] = [await owner('customer_no.shop', 'C7'), await owner('user_id', 'C7')] as [PersonId, PersonId]
  expect(other).toBe(await owner('customer_no.shop', 'L5'))
  expect(one).not.toBe(other)
  const { log } = await identity.merge(one, other, 'user:eva', 'the same woman')
  expect(await partition()).toHaveLength(1)
  await identity.settle()
  expect(await owner('loyalty_card', '4711')).toBe(await owner('customer_no.shop', 'C7'))
  await identity.unmerge(log as string, 'user:eva', 'not the same after all')
  expect(await partition()).toEqual(before)
  const [said] = await world.ground.database.rows<{ rows: number }>`select count(*)::int as rows from identity.together`
  expect(said?.rows).toBe(0)
})

test('a join has an undo also where a person lives under another id than the evidence would give', async () => {
  const { database } = world.ground
  await resolve(tell({ 'customer_no.shop': '1' }, { minute: 1 }))
  await resolve(tell({ 'customer_no.till': '7' }, { minute: 30 }))
  // Heard late: by the evidence the login came first and begins the person, who keeps the id of the till's number.
  await resolve(tell({ user_id: 'u', 'customer_no.till': '7' }, { minute: 20 }))
  const [one, other] = [await identity.find('customer_no.shop', '1'), await identity.find('user_id', 'u')]
  const { log } = await identity.merge(one as PersonId, other as PersonId, 'run', 'match run 1')
  expect(await identity.find('user_id', 'u')).toBe(await identity.find('customer_no.shop', '1'))
  expect(log).not.toBeNull()
  await identity.unmerge(log ?? '', 'user:eva')
  expect(await identity.find('customer_no.shop', '1')).toBe(one)
  // The id it lived under stands for the same person again.
  expect((await identity.current(database, [other as PersonId])).get(other as PersonId)).toBe(
    await owner('user_id', 'u'),
  )
  expect(await owner('customer_no.till', '7')).toBe(await owner('user_id', 'u'))
  expect(await owner('user_id', 'u')).not.toBe(one)
  expect(await database.rows`select from identity.together`).toEqual([])
})
