import type { NormalEvent, PersonId } from '@einklang/contract'
import { chanceFrom } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createIdentity, type Identity } from './index.ts'
import { forgetEverybody, tellingOf, troubledHistory } from './troubled.ts'

let world: TestGround

beforeEach(async () => {
  world = await testGround()
})
afterEach(() => world.close())

/** A troubled history in which people are seen again and again by one identifier alone. */
function busyHistory(seed: string): NormalEvent[] {
  const chance = chanceFrom('busy', seed)
  let number = 10_000
  return troubledHistory(seed, 90).flatMap((event, at) => {
    const again = Array.from({ length: chance.below(4) }, () => {
      const one = event.identifiers[chance.below(event.identifiers.length)]
      if (!one) return []
      return [tellingOf({ [one.namespace]: one.value }, { number: number++, minute: at * 3 + chance.below(300) })]
    })
    return [event, ...again.flat()]
  })
}

/** Everything the stage has written, without what is drawn or counted anew each time. */
async function written(): Promise<object> {
  const { database } = world.ground
  return {
    identifiers: await database.rows`
      select namespace, value, person, trust, status, first_seen_at, last_seen_at, event, first_person, since, atom, earlier,
        shared_since, shown from identity.identifier order by namespace, value`,
    people:
      await database.rows`select id, state, contested, first_names, anchor_value from identity.person order by id`,
    merged: await database.rows`select loser, winner, undone from identity.merged order by loser`,
    evidence: await database.rows`
      select person, print, day, identifiers, facts, times::text[] as times, decisive from identity.evidence
      order by person, print, day`,
    log: await database.rows`select kind, winner, loser, via_value, cause from identity.log order by seq`,
    refusals:
      await database.rows`select one, other, code, first_at, last_at from identity.refusal order by one, other, code`,
    rechecks: await database.rows`select person, because from identity.recheck order by person`,
  }
}

const resolve = (identity: Identity, events: NormalEvent[]) =>
  world.ground.database.transaction((tx) => identity.resolve(tx, structuredClone(events)))

test('whoever remembers whose identifiers are writes and answers the same as somebody who looks them up each time', async () => {
  for (const seed of ['one', 'two', 'three']) {
    const events = busyHistory(seed)
    const remembering = createIdentity({ ground: world.ground })
    const runs: object[] = []
    for (const identityFor of [() => remembering, () => createIdentity({ ground: world.ground })]) {
      await forgetEverybody(world.ground.database)
      const chance = chanceFrom('cut', seed)
      const owners: [string, PersonId, PersonId | undefined][] = []
      for (let at = 0; at < events.length; ) {
        const size = 1 + chance.below(12)
        const batch = await resolve(identityFor(), events.slice(at, at + size))
        for (const event of batch.events) owners.push([event.id, event.person, event.stored])
        at += size
      }
      runs.push({ owners, ...(await written()) })
    }
    expect(runs[0]).toEqual(runs[1])
  }
})

test('what a transaction that was rolled back had found is not remembered', async () => {
  const identity = createIdentity({ ground: world.ground })
  const { database } = world.ground
  const seen = (number: number) => tellingOf({ user_id: 'ada' }, { number })
  const lost = new Error('rolled back')
  await expect(
    database.transaction(async (tx) => {
      await identity.resolve(tx, [seen(1)])
      await identity.resolve(tx, [seen(2)])
      throw lost
    }),
  ).rejects.toBe(lost)
  const batch = await resolve(identity, [seen(3)])
  expect(await identity.find('user_id', 'ada')).toBe(batch.events[0]?.person)
})

test('a join by somebody else in between is seen by the next event', async () => {
  const identity = createIdentity({ ground: world.ground })
  const elsewhere = createIdentity({ ground: world.ground })
  const seen = (value: string, number: number) => resolve(identity, [tellingOf({ user_id: value }, { number })])
  await seen('ada', 1)
  await seen('ada', 2)
  const [ada] = (await seen('ada', 3)).events
  const [bert] = (await seen('bert', 4)).events
  const { winner } = await elsewhere.merge(ada?.person as PersonId, bert?.person as PersonId, 'test', 'one customer')
  for (const [at, value] of ['ada', 'bert'].entries()) {
    const batch = await seen(value, 5 + at)
    expect(batch.touched).toEqual([winner])
  }
  // One decision stands by now, and the others are remembered all the same.
  await resolve(identity, [tellingOf({ anonymous_id: 'c1' }, { number: 10 })])
  await resolve(identity, [tellingOf({ anonymous_id: 'c1' }, { number: 11 })])
  const [carla] = (await resolve(elsewhere, [tellingOf({ user_id: 'carla', anonymous_id: 'c1' }, { number: 12 })]))
    .events
  const [after] = (await resolve(identity, [tellingOf({ anonymous_id: 'c1' }, { number: 13 })])).events
  expect(after?.person).toBe(carla?.person)
})

test('looking for people to decide anew takes the graph from nobody when there are none', async () => {
  const { database } = world.ground
  const identity = createIdentity({ ground: world.ground })
  await resolve(identity, [tellingOf({ user_id: 'ada' }, { number: 1, minute: 1 })])
  const turn = () => database.row`select last from identity.turn`
  const before = await turn()
  expect(await identity.settle()).toBe(0)
  expect(await turn()).toEqual(before)
})

test('whoever was decided anew keeps what is told later, under an id that leads to them', async () => {
  const identity = createIdentity({ ground: world.ground })
  const tell = async (given: Parameters<typeof tellingOf>[0], more: Parameters<typeof tellingOf>[1]) => {
    const [event] = (await resolve(identity, [tellingOf(given, more)])).events
    return event?.stored as PersonId
  }
  // Somebody claims a mailbox, and it turns out whose it was before.
  await tell({ user_id: 'u', loyalty_card: '94', email: 'm@x.de' }, { number: 1, minute: 201, publishable: true })
  await tell({ email: 'm@x.de', order_no: 'o' }, { number: 2, minute: 20 })
  await identity.settle()
  const stored = await tell({ email: 'm@x.de', anonymous_id: 'c' }, { number: 3, minute: 192 })
  await identity.settle()
  const owner = await identity.find('email', 'm@x.de')
  expect(await identity.find('anonymous_id', 'c')).toBe(owner)
  expect((await world.ground.database.row<{ now: PersonId }>`select identity.current(${stored}) as now`)?.now).toBe(
    owner,
  )
})

test('deciding anew in between changes nothing about who is who', async () => {
  const identity = createIdentity({ ground: world.ground })
  const people = async () => {
    const rows = await world.ground.database.rows<{ person: PersonId; text: string }>`
      select person, namespace || '=' || value as text from identity.identifier where person is not null order by 2`
    return [...Map.groupBy(rows, ({ person }) => person).values()]
      .map((group) => group.map(({ text }) => text).join(' '))
      .sort()
  }
  for (const seed of ['bench', 'second']) {
    const events = troubledHistory(seed, 80)
    await forgetEverybody(world.ground.database)
    await resolve(identity, events)
    await identity.settle()
    const expected = await people()
    for (let shuffle = 0; shuffle < 6; shuffle++) {
      await forgetEverybody(world.ground.database)
      const chance = chanceFrom('anew', `${seed} ${shuffle}`)
      const mixed = events
        .map((event) => ({ event, place: chance.next() }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ event }) => event)
      while (mixed.length > 0) {
        await resolve(identity, mixed.splice(0, 1 + chance.below(25)))
        if (chance.below(2) === 0) await identity.settle()
      }
      await identity.settle()
      expect(await people()).toEqual(expected)
    }
  }
})
