import type { NormalEvent, PersonId } from '@einklang/contract'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { allowAgain, keepApart } from './apart.ts'
import { effectOfPlan, whatifOf, whyOf } from './explain.ts'
import { findHouseholds, householdOf } from './household.ts'
import { createIdentity, type Identity } from './index.ts'
import type { Needs } from './reevaluate.ts'
import { answerItem, questionOf, reviewList, setReviewRule, undoAnswer } from './review.ts'
import { forgetEverybody, type Given, type Telling, tellingOf } from './troubled.ts'
import { planSplit } from './undo.ts'
import { markValue, namespacesOf, setNamespace, valuesAside } from './value.ts'

let world: TestGround
let identity: Identity
let needs: Needs & { database: TestGround['ground']['database'] }
let count = 0

beforeAll(async () => {
  world = await testGround()
  identity = createIdentity({ ground: world.ground })
  const { database, clock, secrets } = world.ground
  needs = { database, clock, secrets, country: 'DE' }
})
afterAll(() => world.close())
beforeEach(() => forgetEverybody(world.ground.database))

const tell = (identifiers: Given, more: Partial<Telling> = {}) => tellingOf(identifiers, { number: ++count, ...more })
const resolve = async (...events: NormalEvent[]) => {
  const batch = await world.ground.database.transaction((tx) => identity.resolve(tx, events))
  return batch.events.map((event) => event.person)
}
const owner = (namespace: string, value: string) => identity.find(namespace, value)
const weigh = async () => new Map()
const open = () => reviewList(world.ground.database, { limit: 50, open: 'true' })

async function twoNumbers(): Promise<[PersonId, PersonId]> {
  const [one] = await resolve(
    tell(
      { 'customer_no.crm': '1', email: 'a@x.de' },
      { traits: { first_name: 'Eva', last_name: 'Blum', city: 'Köln' } },
    ),
  )
  const [other] = await resolve(
    tell({ 'customer_no.crm': '2', email: 'a@x.de' }, { traits: { first_name: 'Eva', last_name: 'Blume' } }),
  )
  return [one as PersonId, other as PersonId]
}

test('a question shows both records field by field and what a merge would bring', async () => {
  const [one, other] = await twoNumbers()
  const [item] = (await open()).items
  expect(item).toMatchObject({ kind: 'conflict', code: 'unique_conflict' })
  const question = await questionOf(world.ground.database, item?.id ?? '', weigh)
  expect(new Set(question.sides.map((side) => side.person))).toEqual(new Set([one, other]))
  expect(question.fields.find((field) => field.field === 'first_name')?.agreement).toBe('same')
  expect(question.fields.find((field) => field.field === 'last_name')?.agreement).toBe('alike')
  expect(question.fields.find((field) => field.field === 'city')?.agreement).toBe('missing')
  expect(question.merged).toMatchObject({ identifiers: 3 })
})

test('every answer can be taken back, and leaves nothing behind', async () => {
  const [one, other] = await twoNumbers()
  const [item] = (await open()).items
  const id = item?.id ?? ''
  const answer = (said: 'same' | 'different' | 'household' | 'unsure') =>
    answerItem(needs, identity, id, said, 'user:eva')
  const state = async () => ({
    owners: [await owner('customer_no.crm', '1'), await owner('customer_no.crm', '2')],
    negatives: await world.ground.database.rows`select 1 from identity.negative`,
    together: await world.ground.database.rows`select 1 from identity.together`,
    labels: await world.ground.database.rows`select 1 from identity.label`,
    home: (await householdOf(world.ground.database, one)).members.filter((member) => member.until === null),
  })
  const before = await state()
  for (const said of ['same', 'different', 'household', 'unsure'] as const) {
    expect((await answer(said)).merged).toBe(said === 'same')
    if (said === 'same') expect(await owner('customer_no.crm', '1')).toBe(await owner('customer_no.crm', '2'))
    if (said === 'household') expect((await householdOf(world.ground.database, other)).members).toHaveLength(2)
    if (said !== 'unsure') expect((await open()).items).toEqual([])
    await undoAnswer(needs, identity, id, 'user:eva')
    await identity.settle()
    expect(await state()).toEqual(before)
    expect((await open()).items.map((row) => row.id)).toEqual([id])
  }
})

test('where two have to agree, an answer counts once somebody else gives the same', async () => {
  const { database } = world.ground
  await setReviewRule(database, { twoPeople: true })
  await twoNumbers()
  const id = (await open()).items[0]?.id ?? ''
  const answer = (said: 'same' | 'different' | 'unsure', actor: string) =>
    answerItem(needs, identity, id, said, `user:${actor}`)
  const joined = async () => (await owner('customer_no.crm', '1')) === (await owner('customer_no.crm', '2'))
  const waits = { merged: false, waits: true }
  expect(await answer('different', 'eva')).toEqual(waits)
  expect(await answer('same', 'eva')).toEqual(waits)
  expect(await answer('same', 'eva')).toEqual(waits)
  expect((await open()).items).toMatchObject([{ id, firstBy: 'user:eva', answer: null }])
  // They disagree: the later word stands and waits for somebody else.
  expect(await answer('different', 'udo')).toEqual(waits)
  expect(await joined()).toBe(false)
  expect(await answer('same', 'eva')).toEqual(waits)
  expect(await answer('same', 'udo')).toEqual({ merged: true, waits: false })
  expect(await joined()).toBe(true)
  await setReviewRule(database, { twoPeople: false })
  await undoAnswer(needs, identity, id, 'user:eva')
  await identity.settle()
  expect((await open()).items).toMatchObject([{ id, firstBy: null }])
})

test('grey links written by a run stand in the queue with their weights, the most uncertain first', async () => {
  const home = { last_name: 'Blum', postal_code: '50667', city: 'Köln' }
  const people = await resolve(
    tell({ user_id: 'a' }, { traits: home }),
    tell({ user_id: 'b' }),
    tell({ user_id: 'c' }, { traits: { ...home, street: 'Domplatz 1' } }),
  )
  const [a, b, c] = people as [PersonId, PersonId, PersonId]
  const { database } = world.ground
  for (const [one, other, probability] of [
    [a, b, 0.97],
    [a, c, 0.62],
  ] as const)
    await database.run`
      with link as (
        insert into identity.link (id, model, one, other, probability, weight, levels, decision)
        values (gen_random_uuid(), 'test', ${one}, ${other}, ${probability}, 4.5,
          ${database.json([
            { field: 'surname', level: 'equal', weight: 6.5 },
            { field: 'e-mail', level: 'different', weight: -4 },
            { field: 'e-mail of namesakes', level: 'different', weight: 1 },
            { field: 'address', level: 'same postcode', weight: 1 },
          ])}, 'review') returning id)
      insert into identity.review_item (kind, code, one, other, link, probability)
      select 'grey_link', 'grey_link', ${one}, ${other}, id, ${probability} from link`
  const { items } = await open()
  expect(items.map((item) => item.probability)).toEqual([0.62, 0.97])
  const question = await questionOf(database, items[0]?.id ?? '', weigh)
  // What a run compares stands at the field that people know, once; a place is one figure.
  expect(question).toMatchObject({ weight: 4.5, model: 'test' })
  expect(question.fields.map(({ field, weight }) => [field, weight])).toEqual([
    ['last_name', 6.5],
    ['address', 1],
    ['email', -3],
  ])
  expect(question.fields[1]).toMatchObject({ one: '50667 koeln', other: 'domplatz 1, 50667 koeln' })
  await answerItem(needs, identity, items[0]?.id ?? '', 'same', 'user:eva')
  expect(await owner('user_id', 'a')).toBe(await owner('user_id', 'c'))
})

test('why: the fewest steps that hold the identifiers together, and what keeps two people apart', async () => {
  const [ada] = (await resolve(
    tell({ user_id: 'ada', email: 'a@x.de' }),
    tell({ loyalty_card: '7', phone: '01712345678' }),
    tell({ user_id: 'ada', loyalty_card: '7' }),
    tell({ user_id: 'ada', loyalty_card: '7' }),
  )) as [PersonId]
  const why = await whyOf(needs, world.ground.database, ada, null)
  expect(why.steps).toHaveLength(3)
  expect(why.steps.find((step) => step.other.namespace === 'loyalty_card')).toMatchObject({ times: 2 })
  const [bert] = (await resolve(tell({ user_id: 'bert', email: 'a@x.de' }))) as [PersonId]
  const apart = await whyOf(needs, world.ground.database, ada, bert)
  expect(apart.same).toBe(false)
  expect(apart.refusals).toMatchObject([{ code: 'unique_conflict', via: { value: 'a@x.de' } }])
})

test('what if an identifier were removed: those it held together would be two, and nothing is changed by asking', async () => {
  const [ada] = (await resolve(
    tell({ user_id: 'ada' }),
    tell({ loyalty_card: '7', email: 'a@x.de' }),
    tell({ user_id: 'ada', email: 'a@x.de' }),
  )) as [PersonId]
  const { database } = world.ground
  const before = await database.rows`select * from identity.identifier order by namespace`
  const without = await whatifOf(needs, database, ada, { namespace: 'email', value: 'a@x.de' }, weigh)
  expect(without.changes).toBe(true)
  expect(without.people.map((person) => person.identifiers.map((key) => key.namespace).join(' ')).sort()).toEqual([
    'loyalty_card',
    'user_id',
  ])
  expect((await whatifOf(needs, database, ada, { namespace: 'loyalty_card', value: '7' }, weigh)).changes).toBe(false)
  expect(await database.rows`select * from identity.identifier order by namespace`).toEqual(before)
})

test('a deed after its preview does exactly that, and is refused when something came between', async () => {
  const [ada] = (await resolve(tell({ user_id: 'ada', email: 'a@x.de' }))) as [PersonId]
  const wanted = {
    person: ada,
    identifiers: [{ namespace: 'email', value: 'a@x.de' }],
    to: null,
    reason: 'not hers',
    actor: 'user:eva',
  }
  const plan = await planSplit(needs, world.ground.database, wanted)
  const effect = await effectOfPlan(plan, ada, weigh)
  expect(effect.people).toHaveLength(2)
  await resolve(tell({ user_id: 'ada', phone: '01712345678' }))
  await expect(identity.split({ ...wanted, expected: effect.expected })).rejects.toThrow('since the preview')
  const again = await effectOfPlan(await planSplit(needs, world.ground.database, wanted), ada, weigh)
  const done = await identity.split({ ...wanted, expected: again.expected })
  expect(await owner('email', 'a@x.de')).toBe(done.to)
})

test('one surname at one address is a household, and moving out ends it; people stay people', async () => {
  const home = { last_name: 'Huber', street: 'Hauptstraße 12a', postal_code: '50667', city: 'Köln' }
  const [anna, bert] = (await resolve(
    tell({ user_id: 'anna' }, { traits: { first_name: 'Anna', ...home } }),
    tell({ user_id: 'bert' }, { traits: { first_name: 'Bert', ...home, street: 'Hauptstr. 12 a' } }),
    tell({ user_id: 'carl' }, { traits: { first_name: 'Carl', ...home, last_name: 'Meier' } }),
  )) as [PersonId, PersonId]
  await findHouseholds(world.ground, world.ground.database)
  const household = await householdOf(world.ground.database, anna)
  expect(household.members).toMatchObject([{ evidence: ['surname and address'] }, {}])
  expect(new Set(household.members.map((member) => member.person))).toEqual(new Set([anna, bert]))
  expect(await findHouseholds(world.ground, world.ground.database)).toBe(0)
  await resolve(tell({ user_id: 'bert' }, { traits: { first_name: 'Bert', ...home, street: 'Am Rhein 3' } }))
  await findHouseholds(world.ground, world.ground.database)
  expect((await householdOf(world.ground.database, anna)).household).toBeNull()
})

test('a registered tablet is shared from the beginning; a blocked value neither finds nor joins until it is released', async () => {
  await markValue(
    needs,
    { namespace: 'anonymous_id', value: 'till-7' },
    'store_device',
    'user:eva',
    'tablet at the door',
  )
  const [ada] = (await resolve(tell({ user_id: 'ada', anonymous_id: 'till-7' }))) as [PersonId]
  expect(await resolve(tell({ anonymous_id: 'till-7' }))).toEqual([])
  await resolve(tell({ user_id: 'ada', email: 'a@x.de' }))
  expect(
    await markValue(needs, { namespace: 'email', value: 'A@x.de' }, 'blocked', 'user:eva', 'our own address'),
  ).toEqual({
    persons: [ada],
  })
  expect(await resolve(tell({ email: 'a@x.de' }))).toEqual([])
  await markValue(needs, { namespace: 'email', value: 'a@x.de' }, 'released', 'user:eva', 'a mistake')
  expect(await resolve(tell({ email: 'a@x.de' }))).toEqual([ada])
})

test('the card of a family names nobody from then on, joins nobody, and puts who shows it under one roof', async () => {
  const { database } = world.ground
  const card = { namespace: 'loyalty_card', value: '29001' }
  const [ada] = (await resolve(tell({ user_id: 'ada', loyalty_card: '29001' }, { minute: 1 }))) as [PersonId]
  const before = tell({ loyalty_card: '29001' }, { minute: 2, name: 'Order Completed' })
  expect(await resolve(before)).toEqual([ada])
  await expect(
    markValue(needs, { namespace: 'email', value: 'a@x.de' }, 'household_card', 'user:eva', 'one mailbox'),
  ).rejects.toThrow(/no card/)
  expect(await markValue(needs, card, 'household_card', 'user:eva', 'the whole family uses it')).toEqual({
    persons: [ada],
  })
  expect((await identity.identifiersOf(ada)).find(({ value }) => value === '29001')).toMatchObject({
    status: 'shared',
    marked: 'household_card',
  })
  expect((await valuesAside(database, { limit: 5 })).items).toMatchObject([
    { ...card, as: 'household_card', said: true, person: ada, actor: 'user:eva', reason: 'the whole family uses it' },
  ])

  // Later than the mark: the receipt is nobody's, and neither the husband nor a new login becomes Ada.
  const later = 60 * 24 * 60
  const receipt = tell({ loyalty_card: '29001' }, { minute: later, name: 'Order Completed' })
  expect(await resolve(receipt)).toEqual([])
  expect(receipt.flags).toContain('household_card')
  const [bert] = (await resolve(tell({ user_id: 'bert', loyalty_card: '29001' }, { minute: later + 1 }))) as [PersonId]
  expect(bert).not.toBe(ada)
  await resolve(...Array.from({ length: 30 }, (_, at) => tell({ loyalty_card: '29001' }, { minute: later + 2 + at })))
  expect((await open()).items).toEqual([])
  expect(await owner('loyalty_card', '29001')).toBeNull()

  await findHouseholds(world.ground, database)
  const home = (await householdOf(database, bert)).members
  expect(new Set(home.map(({ person }) => person))).toEqual(new Set([ada, bert]))
  expect(home[0]?.evidence).toEqual(['family card'])

  // What was bought before stays, also when the people are decided anew from their evidence.
  await resolve(tell({ user_id: 'ada', email: 'a@x.de' }, { minute: 3 }))
  await database.run`insert into identity.recheck (person, because, asked_at) values (${ada}, 'late', platform.now()), (${bert}, 'late', platform.now())`
  await identity.settle()
  expect(await owner('user_id', 'bert')).toBe(bert)
  expect(await resolve(tell({ loyalty_card: '29001' }, { minute: 4 }))).toEqual([ada])
  expect(await resolve(tell({ loyalty_card: '29001' }, { minute: later + 60 }))).toEqual([])

  // An erased member leaves no trace on the card.
  await database.transaction((tx) => identity.erase(tx, [bert]))
  const [row] = await database.rows<{ shown: object[] }>`
    select shown from identity.identifier where value = '29001'`
  expect(JSON.stringify(row?.shown)).not.toContain('bert')
  await markValue(needs, card, 'released', 'user:eva', 'she lives alone now')
  expect(await owner('loyalty_card', '29001')).toBe(ada)
  expect(await resolve(tell({ loyalty_card: '29001' }, { minute: later * 2 }))).toEqual([ada])
})

test('a card found shared may be said to be a family’s, and that may be taken back; what was set aside by hand is not forgotten', async () => {
  const { database } = world.ground
  const shows = Array.from({ length: 21 }, (_, at) =>
    tell({ user_id: 'ada', loyalty_card: '29002' }, { minute: at, name: 'Order Completed' }),
  )
  const [ada] = (await resolve(...shows)) as [PersonId]
  const [item] = (await open()).items
  expect(item?.code).toBe('hot_value')
  expect((await valuesAside(database, { limit: 5 })).items).toMatchObject([{ as: 'shared', said: false, actor: null }])
  await answerItem(needs, identity, item?.id ?? '', 'household', 'user:eva')
  const marked = async (value: string) =>
    (await database.row<{ marked: string | null; status: string }>`
      select marked, status from identity.identifier where value = ${value}`) ?? null
  expect(await marked('29002')).toEqual({ marked: 'household_card', status: 'shared' })
  await undoAnswer(needs, identity, item?.id ?? '', 'user:eva')
  expect(await marked('29002')).toEqual({ marked: null, status: 'shared' })
  expect((await open()).items).toHaveLength(1)

  await resolve(tell({ user_id: 'ada', anonymous_id: 'kitchen' }, { minute: 30 }))
  await markValue(needs, { namespace: 'anonymous_id', value: 'kitchen' }, 'shared', 'user:eva', 'all use it')
  await database.run`insert into identity.recheck (person, because, asked_at) values (${ada}, 'late', platform.now()) on conflict do nothing`
  await identity.settle()
  expect(await marked('kitchen')).toEqual({ marked: 'shared', status: 'shared' })
})

test('a tighter limit holds from now on and names those who have more', async () => {
  await resolve(tell({ user_id: 'ada', email: 'a@x.de' }), tell({ user_id: 'ada', email: 'b@x.de' }))
  expect(await setNamespace(needs, 'email', { most: 1, days: null, hotPeople: null }, 'user:eva')).toEqual({ over: 1 })
  await resolve(tell({ user_id: 'bert', email: 'c@x.de' }), tell({ user_id: 'bert', email: 'd@x.de' }))
  expect(await owner('email', 'd@x.de')).toBeNull()
  expect(await owner('email', 'b@x.de')).toBe(await owner('user_id', 'ada'))
  expect((await namespacesOf(world.ground.database)).find((row) => row.namespace === 'email')).toMatchObject({
    most: 1,
    changed: true,
  })
})

test('two identifiers said to be different are joined by no rule, until that is taken back', async () => {
  await resolve(tell({ 'customer_no.crm': '1' }), tell({ user_id: 'ada' }))
  const [one, other] = [
    { namespace: 'customer_no.crm', value: '1' },
    { namespace: 'user_id', value: 'ada' },
  ]
  const said = { one, other, reason: 'mother and daughter', actor: 'user:eva' }
  const { database } = world.ground
  expect(await keepApart(needs, database, said)).toEqual({ changed: true })
  expect(await keepApart(needs, database, { ...said, one: other, other: one })).toEqual({ changed: false })
  await resolve(tell({ user_id: 'ada', 'customer_no.crm': '1' }))
  expect(await owner('customer_no.crm', '1')).not.toBe(await owner('user_id', 'ada'))
  expect(await allowAgain(needs, database, said)).toEqual({ changed: true })
  await identity.settle()
  expect(await owner('customer_no.crm', '1')).toBe(await owner('user_id', 'ada'))
  const ada = (await owner('user_id', 'ada')) as PersonId
  expect((await identity.log(ada)).map(({ kind }) => kind)).toEqual(expect.arrayContaining(['apart', 'allow', 'merge']))
  await expect(keepApart(needs, database, said)).rejects.toThrow(/one person today/)
  await expect(keepApart(needs, database, { ...said, one: { namespace: 'user_id', value: 'nobody' } })).rejects.toThrow(
    /Nobody has/,
  )
})
