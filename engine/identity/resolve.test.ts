import { type NormalEvent, type PersonId } from '@einklang/contract'
import { chanceFrom } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createIdentity, type Identity } from './index.ts'
import { forgetEverybody, type Given, type Telling, tellingOf } from './troubled.ts'

let world: TestGround
let identity: Identity
let count: number

beforeEach(async () => {
  world = await testGround()
  identity = createIdentity({ ground: world.ground })
  count = 0
})
afterEach(() => world.close())

/** `heard({ user_id: 'ada', email: 'ada@x.de' })`: one event with these identifiers. */
const heard = (identifiers: Given, more: Partial<Telling> = {}) => tellingOf(identifiers, { number: ++count, ...more })

const resolve = (...events: NormalEvent[]) => world.ground.database.transaction((tx) => identity.resolve(tx, events))
const whose = async (identifiers: Given, more: Partial<Telling> = {}) => {
  const batch = await resolve(heard(identifiers, more))
  return batch.events[0]?.person ?? null
}
const owner = (namespace: string, value: string) => identity.find(namespace, value)
const openReviews = () =>
  world.ground.database.rows<{
    code: string
    times: number
  }>`select code, times from identity.review_item order by code`

test('identifiers of one event belong to one person, and the id is the same wherever they are heard again', async () => {
  const ada = await whose({ user_id: 'ada', email: 'Ada <ADA@X.de>' })
  expect(await whose({ email: 'ada@x.de' })).toBe(ada)
  expect(await owner('user_id', 'ada')).toBe(ada)
  expect(await identity.identifiersOf(ada as PersonId)).toMatchObject([
    { namespace: 'email', value: 'ada@x.de', togetherWith: { namespace: 'user_id', value: 'ada' } },
    { namespace: 'user_id', togetherWith: null },
  ])
})

test('signing in makes the anonymous visitor the known customer; the events before it follow by the mapping', async () => {
  const visitor = await whose({ anonymous_id: 'cookie-1' }, { publishable: true })
  const ada = await whose({ user_id: 'ada' })
  const batch = await resolve(heard({ user_id: 'ada', anonymous_id: 'cookie-1' }, { publishable: true }))
  expect(batch.merges).toMatchObject([{ winner: ada, loser: visitor }])
  expect((await identity.current(world.ground.database, [visitor as PersonId])).get(visitor as PersonId)).toBe(ada)
  const aliases = await world.ground.database.row<{ ids: string[] }>`select identity.aliases(${ada}) as ids`
  expect(aliases?.ids).toEqual([ada, visitor])
})

test('a device never joins two known people; from the second sign-in on it belongs to the second', async () => {
  const ada = await whose({ user_id: 'ada', anonymous_id: 'tablet' }, { minute: 1 })
  const bert = await whose({ user_id: 'bert', anonymous_id: 'tablet' }, { minute: 10 })
  expect(bert).not.toBe(ada)
  expect(await whose({ anonymous_id: 'tablet' }, { minute: 12 })).toBe(bert)
  // Late by arrival, early by time: the epoch decides.
  expect(await whose({ anonymous_id: 'tablet' }, { minute: 5 })).toBe(ada)
})

test('a shop tablet that many customers use joins nobody and is set aside after the sixth', async () => {
  const people = new Set<string | null>()
  for (let number = 0; number < 50; number++)
    people.add(await whose({ user_id: `customer-${number}`, anonymous_id: 'tablet' }))
  expect(people.size).toBe(50)
  expect(await whose({ anonymous_id: 'tablet' })).toBeNull()
  const merges = await world.ground.database.rows`select 1 from identity.log where kind = 'merge'`
  expect(merges).toEqual([])
  expect(await openReviews()).toMatchObject([{ code: 'hot_value' }])
})

test('one random anonymous id per event does no harm, one for all users joins nobody', async () => {
  const events = Array.from({ length: 100 }, (_, number) => heard({ user_id: `u${number}`, anonymous_id: 'same' }))
  const batch = await resolve(...events)
  expect(new Set(batch.events.map((event) => event.person)).size).toBe(100)
  expect(batch.merges).toEqual([])
})

test('two values of one issuer are two people, and a person of the house may say otherwise', async () => {
  const one = (await whose({ 'customer_no.crm': '1', email: 'a@x.de' })) as PersonId
  const other = (await whose({ 'customer_no.crm': '2', email: 'a@x.de' })) as PersonId
  expect(other).not.toBe(one)
  expect(await openReviews()).toEqual([{ code: 'unique_conflict', times: 1 }])
  const merged = await identity.merge(one, other, 'user:eva', 'same customer, two cards')
  expect(await whose({ 'customer_no.crm': '2', email: 'a@x.de' })).toBe(merged.winner)
  expect(await owner('customer_no', '1')).toBe(merged.winner)
})

test('customer numbers of different issuers meet by a verified e-mail', async () => {
  const crm = await whose({ 'customer_no.crm': '77', email: 'a@x.de' })
  expect(await whose({ 'customer_no.catalogue': '77', email: 'a@x.de' })).toBe(crm)
})

test('a customer number without an issuer finds its person wherever it stands, and begins nobody', async () => {
  const crm = await whose({ 'customer_no.crm': 'K77' })
  const shop = await whose({ user_id: 'u-1' })
  expect(await whose({ customer_no: 'K77' })).toBe(crm)
  expect(await whose({ customer_no: 'u-1' })).toBe(shop)
  expect(await whose({ customer_no: 'nobody' })).toBeNull()
})

test('a family mailbox joins nobody whose first names differ', async () => {
  const mother = await whose(
    { 'customer_no.crm': '1', email: 'familie@x.de' },
    { traits: { first_name: 'Sabine', last_name: 'Huber' } },
  )
  const son = await whose(
    { loyalty_card: '900', email: 'familie@x.de' },
    { traits: { first_name: 'Jonas', last_name: 'Huber' } },
  )
  expect(son).not.toBe(mother)
  expect(await owner('email', 'familie@x.de')).toBe(mother)
  expect(await openReviews()).toEqual([{ code: 'person_conflict', times: 1 }])
  const hans = await whose({ 'customer_no.crm': '5', email: 'h@x.de' }, { traits: { first_name: 'Johannes' } })
  expect(await whose({ loyalty_card: '901', email: 'h@x.de' }, { traits: { first_name: 'Hans' } })).toBe(hans)
})

test('typing the e-mail of somebody else brings nothing of theirs', async () => {
  const ada = await whose({ user_id: 'ada', email: 'ada@x.de' })
  const stranger = await whose({ anonymous_id: 'c9', email: 'ada@x.de' }, { publishable: true })
  expect(stranger).not.toBe(ada)
  expect(await owner('email', 'ada@x.de')).toBe(ada)
  expect(await openReviews()).toEqual([{ code: 'weak_evidence', times: 1 }])
})

test('who proves an e-mail gets it from who merely claimed it', async () => {
  const claimer = await whose({ anonymous_id: 'c9', email: 'ada@x.de' }, { publishable: true })
  const ada = await whose({ 'customer_no.crm': '1', email: 'ada@x.de' })
  expect(ada).not.toBe(claimer)
  expect(await owner('email', 'ada@x.de')).toBe(ada)
})

test('a publishable key never joins two known people', async () => {
  const ada = await whose({ user_id: 'ada' })
  const card = await whose({ loyalty_card: '1' })
  await whose({ user_id: 'ada', loyalty_card: '1' }, { publishable: true })
  expect(await owner('loyalty_card', '1')).toBe(card)
  await whose({ user_id: 'ada', loyalty_card: '1' })
  expect(await owner('loyalty_card', '1')).toBe(ada)
})

test('an order number finds its customer, and joins nobody', async () => {
  expect(await whose({ order_no: 'A-1' })).toBeNull()
  const ada = await whose({ user_id: 'ada', order_no: 'A-1' })
  expect(await whose({ order_no: 'A-1' })).toBe(ada)
  const visitor = await whose({ anonymous_id: 'c1', order_no: 'A-1' }, { publishable: true })
  expect(visitor).not.toBe(ada)
})

test("a cashier's card is set aside after twenty receipts in a day", async () => {
  const cashier = await whose({ loyalty_card: '99' })
  for (let number = 0; number < 30; number++)
    await whose({ loyalty_card: '99', receipt_no: `r${number}` }, { name: 'Order Completed' })
  expect(await whose({ loyalty_card: '99', receipt_no: 'late' }, { name: 'Order Completed' })).toBeNull()
  expect(await owner('loyalty_card', '99')).toBe(cashier)
})

test('placeholders are no identifiers', async () => {
  const event = heard({ user_id: 'null', anonymous_id: 'c1', email: 'kasse@shop.de', phone: '0000000' })
  const batch = await resolve(event)
  expect(event.flags).toContain('blocked_identifier')
  expect((await identity.identifiersOf(batch.events[0]?.person as PersonId)).map((one) => one.namespace)).toEqual([
    'anonymous_id',
  ])
  expect(await whose({ user_id: 'undefined' })).toBeNull()
})

test('a phone number is one number in every way of writing it; a landline joins nobody', async () => {
  const ada = await whose({ user_id: 'ada', phone: '0171 / 234 56 78' })
  expect(await whose({ phone: '+491712345678' })).toBe(ada)
  await whose({ user_id: 'bert', phone: '089 123456' })
  expect(await owner('phone', '089 123456')).toBeNull()
})

test('an undone merge leaves both as they would be without it, and they never meet again', async () => {
  const ada = (await whose({ user_id: 'ada', email: 'a@x.de' }, { minute: 1 })) as PersonId
  const card = (await whose({ loyalty_card: '7', phone: '01712345678' }, { minute: 2 })) as PersonId
  const before = await picture()
  await whose({ user_id: 'ada', loyalty_card: '7' }, { minute: 3 })
  expect(await owner('loyalty_card', '7')).toBe(ada)
  // Since the merge: a device comes in by the card.
  await whose({ loyalty_card: '7', anonymous_id: 'app' }, { minute: 4 })
  const merge = (await identity.log(card)).find((row) => row.mayUndo)
  expect(await identity.unmerge(merge?.id ?? '', 'user:eva')).toEqual({ winner: ada, loser: card, changed: true })
  expect(await owner('loyalty_card', '7')).toBe(card)
  expect(await owner('anonymous_id', 'app')).toBe(card)
  expect((await picture()).filter((row) => row.value !== 'app')).toEqual(before)
  expect(await identity.unmerge(merge?.id ?? '', 'user:eva')).toMatchObject({ changed: false })
  await whose({ user_id: 'ada', loyalty_card: '7' }, { minute: 5 })
  expect(await owner('loyalty_card', '7')).toBe(card)
})

test('an old merge is undone although later ones lie on top', async () => {
  const ada = (await whose({ user_id: 'ada' })) as PersonId
  const card = (await whose({ loyalty_card: '7' })) as PersonId
  const mail = (await whose({ email: 'c@x.de' })) as PersonId
  await whose({ user_id: 'ada', loyalty_card: '7' })
  await whose({ loyalty_card: '7', email: 'c@x.de' })
  expect(await owner('email', 'c@x.de')).toBe(ada)
  const first = (await identity.log(card)).find((row) => row.loser === card)
  await identity.unmerge(first?.id ?? '', 'user:eva')
  expect(await owner('email', 'c@x.de')).toBe(card)
  expect((await identity.current(world.ground.database, [mail])).get(mail)).toBe(card)
  expect(await owner('user_id', 'ada')).toBe(ada)
})

test('history hears of merges and of their end', async () => {
  const visitor = await whose({ anonymous_id: 'c1' })
  const ada = await whose({ user_id: 'ada' })
  await whose({ user_id: 'ada', anonymous_id: 'c1' })
  const mapping = () => world.ground.history.rows<{ loser: string; winner: string; undone: number }>`
    select loser, winner, undone from identity.merged final`
  while (await identity.sync());
  expect(await mapping()).toEqual([{ loser: visitor, winner: ada, undone: 0 }])
  const merge = (await identity.log(ada as PersonId)).find((row) => row.mayUndo)
  await identity.unmerge(merge?.id ?? '', 'user:eva')
  while (await identity.sync());
  expect(await mapping()).toEqual([{ loser: visitor, winner: ada, undone: 1 }])
})

test('who returns after erasure gets a new id and no history', async () => {
  const ada = (await whose({ user_id: 'ada', email: 'a@x.de' })) as PersonId
  await world.ground.database.transaction((tx) => identity.erase(tx, [ada]))
  expect(await owner('email', 'a@x.de')).toBeNull()
  const again = await whose({ user_id: 'ada' })
  expect(again).not.toBe(ada)
  expect(await whose({ user_id: 'ada' })).toBe(again)
})

type Picture = { namespace: string; value: string; person: PersonId; trust: string; status: string }
const picture = () => world.ground.database.rows<Picture>`
  select namespace, value, person, trust, status from identity.identifier order by namespace, value`

/** Which identifiers stand together, whatever the ids are. */
async function partition(): Promise<string[]> {
  const groups = new Map<string, string[]>()
  for (const row of await picture()) {
    const group = groups.get(row.person) ?? []
    groups.set(row.person, group)
    group.push(`${row.namespace}=${row.value}`)
  }
  return [...groups.values()].map((group) => group.sort().join(' ')).sort()
}

/** Events about some people whose identifiers never contradict each other. */
function randomEvents(seed: string, people: number, events: number): NormalEvent[] {
  const chance = chanceFrom('identity-test', seed)
  return Array.from({ length: events }, () => {
    const person = chance.below(people)
    const all: [string, string][] = [
      ['user_id', `u${person}`],
      ['loyalty_card', `${person}000`],
      ['email', `p${person}@x.de`],
      ['phone', `+49171555${String(person).padStart(4, '0')}`],
      ['anonymous_id', `c${person}-${chance.below(2)}`],
    ]
    const chosen = all.filter(() => chance.next() < 0.4)
    return heard(Object.fromEntries(chosen.length > 0 ? chosen : [all[chance.below(5)] as [string, string]]))
  })
}

test('order does not matter where nothing contradicts: batches, singles and shuffles give the same people', async () => {
  const events = randomEvents('order', 8, 60)
  await resolve(...events)
  const whole = await partition()
  await forgetEverybody(world.ground.database)
  for (const event of events) await resolve(event)
  expect(await partition()).toEqual(whole)
  for (let shuffle = 0; shuffle < 8; shuffle++) {
    await forgetEverybody(world.ground.database)
    const chance = chanceFrom('shuffle', `${shuffle}`)
    const mixed = events
      .map((event) => ({ event, place: chance.next() }))
      .sort((one, other) => one.place - other.place)
      .map(({ event }) => event)
    while (mixed.length > 0) await resolve(...mixed.splice(0, 1 + chance.below(20)))
    expect(await partition()).toEqual(whole)
  }
})

test('one by one or as a set: ids, owners and log are byte-identical, contradictions included', async () => {
  const chance = chanceFrom('contradictions', '1')
  const events = Array.from({ length: 150 }, () => {
    const pick = (name: string, some: number) => `${name}${chance.below(some)}`
    const all: [string, string][] = [
      ['user_id', pick('u', 6)],
      ['loyalty_card', pick('9', 9)],
      ['email', `${pick('m', 8)}@x.de`],
      ['anonymous_id', pick('c', 10)],
      ['order_no', pick('o', 30)],
    ]
    const chosen = all.filter(() => chance.next() < 0.45)
    return heard(Object.fromEntries(chosen), { publishable: chance.next() < 0.3 })
  })
  const snapshot = async () => ({
    picture: await picture(),
    merged: await world.ground.database.rows`select loser, winner from identity.merged order by loser`,
    log: await world.ground.database
      .rows`select kind, winner, loser, via_namespace, via_value, cause from identity.log order by seq`,
    review: await world.ground.database
      .rows`select code, one, other, times from identity.review_item order by code, one, other`,
  })
  for (const event of events) await resolve(structuredClone(event))
  const single = await snapshot()
  await forgetEverybody(world.ground.database)
  for (let at = 0; at < events.length; at += 50) await resolve(...structuredClone(events.slice(at, at + 50)))
  expect(await snapshot()).toEqual(single)
  expect(single.log.length).toBeGreaterThan(0)
  expect(single.review.length).toBeGreaterThan(0)

  const tooMany = await world.ground.database.rows`
    select person, namespace, count(*) from identity.identifier where namespace = 'user_id' group by 1, 2 having count(*) > 1`
  expect(tooMany).toEqual([])
  const dead = await world.ground.database.rows`
    select value from identity.identifier join identity.person on person.id = person where state <> 'active'`
  expect(dead).toEqual([])
})

test('asking whose identifiers are leaves no trace with dryRun, and does the same without', async () => {
  const { database } = world.ground
  const ada = await whose({ user_id: 'ada', email: 'ada@x.de' })
  const visitor = await whose({ anonymous_id: 'cookie' }, { publishable: true })
  const bert = await whose({ user_id: 'bert' })
  const asked = {
    identifiers: [
      { namespace: 'user_id', value: 'ada', trust: 'verified' as const },
      { namespace: 'user_id', value: 'bert', trust: 'verified' as const },
      { namespace: 'anonymous_id', value: 'cookie', trust: 'claimed' as const },
      { namespace: 'loyalty_card', value: '29 1', trust: 'verified' as const },
      { namespace: 'anonymous_id', value: 'undefined', trust: 'claimed' as const },
    ],
    mayJoin: true,
  }
  const state = () => database.rows`
    select namespace, value, person, status, (select count(*) from identity.log) as log,
      (select count(*) from identity.evidence) as evidence, (select count(*) from identity.review_item) as review
    from identity.identifier order by namespace, value`
  const before = await state()
  const looked = await identity.ask({ ...asked, dryRun: true })
  expect(looked).toMatchObject({
    person: ada,
    began: false,
    merged: [{ winner: ada, loser: visitor }],
    refusals: [{ code: 'unique_conflict', persons: expect.arrayContaining([ada, bert]) }],
    flags: ['blocked_identifier'],
  })
  expect(looked.identifiers).toEqual([
    { namespace: 'user_id', value: 'ada', person: ada, standing: 'known' },
    { namespace: 'user_id', value: 'bert', person: bert, standing: 'elsewhere' },
    { namespace: 'loyalty_card', value: '291', person: ada, standing: 'attached' },
    { namespace: 'anonymous_id', value: 'cookie', person: ada, standing: 'known' },
  ])
  expect(await state()).toEqual(before)
  expect({ ...(await identity.ask({ ...asked, dryRun: false })), dryRun: true }).toEqual(looked)
  expect(await owner('loyalty_card', '291')).toBe(ada)
  // What was taken back is not remembered either.
  expect(await whose({ anonymous_id: 'cookie' })).toBe(ada)
})
