import type { NormalEvent, PersonId, SourceId } from '@einklang/contract'
import { type Caller, derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIdentity, identityParts } from '../index.ts'
import { driftOf } from './drift.ts'
import { differenceOf } from './whole.ts'

let world: TestGround
let identity: ReturnType<typeof createIdentity>
let count = 0

beforeAll(async () => {
  world = await testGround()
  identity = createIdentity({ ground: world.ground })
  await world.ground.database.transaction((tx) => identity.resolve(tx, town()))
})
afterAll(() => world.close())

/** A record of a customer in one source; two sources know nothing of each other's numbers. */
function record(source: string, number: string, traits: { [name: string]: string }): NormalEvent {
  const at = new Date(Date.parse('2026-03-01T09:00:00Z') + ++count * 1000).toISOString()
  return {
    id: derivedId('event', `${source}${number}`),
    source: derivedId('source', source) as SourceId,
    messageId: `${source}${number}`,
    dialect: 'import',
    library: null,
    kind: 'identify',
    name: null,
    channel: 'store',
    at,
    originalAt: at,
    sentAt: null,
    receivedAt: at,
    identifiers: [{ namespace: `customer_no.${source}`, value: number, trust: 'verified' }],
    mayJoin: true,
    traits,
    properties: {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 1, index: count },
  }
}

const firsts =
  'anna maria peter klaus sabine ursula thomas andrea martin heike stefan birgit juergen monika frank petra'.split(' ')

/** 100 customers of the shop; the first 20 are known to the till as well, and two sisters live together. */
function town(): NormalEvent[] {
  const events: NormalEvent[] = []
  for (let at = 0; at < 100; at++) {
    const first = firsts[at % 16] as string
    const last = `${'bcdfghklmnprst'[at % 14]}a${'bcdfghklmnprst'[(at * 5) % 14]}e${'lnrst'[at % 5]}mann`
    const traits = {
      first_name: first,
      last_name: last,
      birthday: `${1945 + ((at * 7) % 55)}-${String(1 + (at % 12)).padStart(2, '0')}-${String(2 + ((at * 11) % 26)).padStart(2, '0')}`,
      postal_code: String(10_000 + at * 13),
      city: `Ort${at % 9}`,
    }
    events.push(record('shop', `s${at}`, traits))
    if (at < 20)
      events.push(
        record('till', `t${at}`, { ...traits, first_name: at % 4 === 0 ? first : (first.slice(0, -1) as string) }),
      )
    if (at === 50) events.push(record('till', 'sister', { ...traits, first_name: 'kunigunde', birthday: '1991-05-17' }))
  }
  return events
}

const caller: Caller = { kind: 'user', name: 'tess', roles: ['admin'] } as unknown as Caller
type Answered = { [name: string]: never }
async function ask(name: string, input: { params?: object; body?: object; query?: object } = {}): Promise<Answered> {
  const parts = identityParts(identity as never)
  const route = parts.routes.find((mounted) => mounted.route.name === name)
  const found = await (route as unknown as { handle: (input: object, request: object) => Promise<Answered> }).handle(
    { params: {}, query: {}, body: {}, ...input },
    { caller },
  )
  return found
}
const jobs = (kind = 'identity.match') =>
  world.runJobs(identityParts(identity as never).jobs?.filter(({ name }) => name === kind) ?? [])
const personOf = (source: string, number: string) => identity.find(`customer_no.${source}`, number)

test('a run shows its pairs, waits for approval above two percent, joins people, and is undone as a whole', async () => {
  const budget = await ask('previewMatchRun')
  expect(Number(budget['records'])).toBe(121)
  expect(Number(budget['pairs'])).toBeGreaterThan(100)

  const apart = [await personOf('shop', 's3'), await personOf('till', 't3')] as [PersonId, PersonId]
  expect(apart[0]).not.toBe(apart[1])
  const { run } = (await ask('startMatchRun', { body: { seed: 1, retrain: false } })) as unknown as { run: string }
  await jobs()
  const waiting = await ask('matchRun', { params: { run } })
  expect(waiting).toMatchObject({ state: 'waiting', error: null, dependent: [] })
  const joins = waiting['joins'] as unknown as { probability: number; agrees: { field: string }[] }[]
  expect(joins.length).toBeGreaterThan(15)
  expect(joins.map(({ probability }) => probability)).toEqual(
    joins.map((join) => join.probability).toSorted((one, other) => one - other),
  )
  expect(joins[0]?.agrees[0]?.field).toBe('birth date')
  expect(Number(waiting['shareMoved'])).toBeGreaterThan(0.1)
  expect(await personOf('till', 't3')).toBe(apart[1])

  await expect(
    ask('decideMatchRun', { params: { run }, body: { decision: 'approve', hash: 'another' } }),
  ).rejects.toThrow(/not the one/)
  const applied = await ask('decideMatchRun', { params: { run }, body: { decision: 'approve', hash: waiting['hash'] } })
  expect(applied).toMatchObject({ state: 'applied' })
  expect(Number(applied['merged'])).toBeGreaterThan(15)
  expect(await personOf('shop', 's3')).toBe(await personOf('till', 't3'))
  expect(await personOf('till', 'sister')).not.toBe(await personOf('shop', 's50'))

  // The joins of a run are probable: what must be sure is refused, until evidence or a person says the same.
  const s4 = (await personOf('shop', 's4')) as PersonId
  const levels = async (person: PersonId) => {
    const rows = await identity.identifiersOf(person)
    return Object.fromEntries(rows.map(({ namespace, level }) => [namespace, level]))
  }
  const sideOf = async (number: string) =>
    (
      await world.ground.database.row<{ id: PersonId }>`
      select coalesce(atom, first_person) as id from identity.identifier where namespace = 'customer_no.till' and value = ${number}`
    )?.id as PersonId
  const till = await sideOf('t4')
  const card = record('till', 't4', {})
  card.identifiers.push({ namespace: 'loyalty_card', value: '4711', trust: 'verified' })
  const both = record('till', 't6', {})
  both.identifiers.push({ namespace: 'customer_no.shop', value: 's6', trust: 'verified' })
  await world.ground.database.transaction((tx) => identity.resolve(tx, [card, both]))
  await identity.settle()
  expect(await levels(s4)).toEqual({
    'customer_no.shop': 'sure',
    'customer_no.till': 'probable',
    loyalty_card: 'probable',
  })
  expect(await levels(till)).toEqual({
    'customer_no.shop': 'probable',
    'customer_no.till': 'sure',
    loyalty_card: 'sure',
  })
  expect(await ask('person', { params: { person: till } })).toMatchObject({ person: s4, level: 'probable' })
  expect(Object.values(await levels((await personOf('shop', 's6')) as PersonId))).toEqual(['sure', 'sure'])
  expect((await identity.log(s4)).find(({ kind }) => kind === 'merge')?.level).toBe('probable')
  // Erasure waits for somebody's decision, and says how to give it.
  const refused = await world.ground.database.transaction((tx) => identity.erase(tx, [s4])).catch((error) => error)
  expect(refused).toMatchObject({ status: 409, code: 'only_probable', message: expect.stringContaining(till) })
  const merge = (await identity.log(s4)).find(({ kind }) => kind === 'merge')
  expect(refused.doInstead).toContain(`/api/identity/merges/${merge?.id}/undo`)
  const asked = JSON.parse(/\{.*?\}/.exec(refused.doInstead)?.[0] ?? '{}') as { one: PersonId; other: PersonId }
  await identity.sync()
  const [told] = await world.ground.history.rows<{ probable: number }>`
    select count() as probable from identity.merged final where undone = 0 and sure <> winner`
  expect(Number(told?.probable)).toBeGreaterThan(15)
  expect(await identity.merge(asked.one, asked.other, 'user:tess', 'same face')).toMatchObject({
    loser: null,
    log: expect.any(String),
  })
  expect(Object.values(await levels(s4))).toEqual(['sure', 'sure', 'sure'])
  expect(await identity.merge(s4, till, 'user:tess', 'same face')).toMatchObject({ log: null })
  const erased = world.ground.database.transaction(async (tx) => {
    await identity.erase(tx, [s4])
    throw new Error('only tried')
  })
  await expect(erased).rejects.toThrow('only tried')

  // Nothing changed since: a second run with the model of the first moves nobody and says nothing unusual.
  const second = (await ask('startMatchRun', { body: { seed: 1, retrain: false } })) as unknown as { run: string }
  await jobs()
  expect(await ask('matchRun', { params: { run: second.run } })).toMatchObject({
    state: 'applied',
    peopleMoved: 0,
    manifest: { compared: 0 },
  })

  // One new customer: only pairs with the new record are looked at, and it finds its person.
  const known = town().find(({ messageId }) => messageId === 'shops30') as NormalEvent
  await world.ground.database.transaction((tx) => identity.resolve(tx, [record('till', 'new', known.traits as never)]))
  const increment = (await ask('startMatchRun', { body: { seed: 1, retrain: false } })) as unknown as { run: string }
  await jobs()
  expect(await ask('matchRun', { params: { run: increment.run } })).toMatchObject({
    state: 'applied',
    manifest: { compared: 1 },
    links: 1,
    peopleMoved: 1,
  })
  expect(await personOf('till', 'new')).toBe(await personOf('shop', 's30'))

  // A whole run with the same model would leave everybody as runs of what was new did.
  const check = async () => {
    await ask('startMatchCheck')
    await jobs('identity.whole')
    return ((await ask('matchCheck')) as unknown as { check: { [name: string]: unknown } }).check
  }
  expect(await check()).toMatchObject({ run: increment.run, differ: 0, added: 0, lost: 0, alarm: false })
  await world.clock.advance({ minutes: 1 })
  // Records that are said to be compared and never were: the whole run finds their people, and says it aloud.
  const missed = ['s31', 's32', 's33'].map((number) =>
    record('mail', number, town().find(({ messageId }) => messageId === `shop${number}`)?.traits as never),
  )
  await world.ground.database.transaction((tx) => identity.resolve(tx, missed))
  await world.ground.database.run`
    update identity.record set compared = md5(fields::text), compared_run = ${increment.run} where compared is null`
  expect(await check()).toMatchObject({ differ: 6, added: 3, lost: 0, alarm: true, limit: 0.02 })
  expect(await ask('matchRun', { params: { run: increment.run } })).toMatchObject({
    drift: expect.arrayContaining([expect.objectContaining({ code: 'whole', of: null })]),
  })
  expect(await ask('health')).toMatchObject({ wholeRunDiffers: 6 })
  expect(await personOf('mail', 's31')).not.toBe(await personOf('shop', 's31'))
  // Who is erased is in no report any more.
  const gone = (await personOf('mail', 's33')) as PersonId
  const shown = async () => JSON.stringify((await ask('matchCheck'))['check'])
  expect(await shown()).toContain(gone)
  await world.ground.database.transaction((tx) => identity.erase(tx, [gone]))
  expect(await shown()).not.toContain(gone)

  const undone = await ask('decideMatchRun', { params: { run }, body: { decision: 'undo' } })
  // What is sure by now stays: one that a person confirmed, one that both numbers came together for.
  expect(undone).toMatchObject({ state: 'undone', undone: Number(applied['merged']) - 2 })
  expect(await personOf('till', 't4')).toBe(await personOf('shop', 's4'))
  expect(new Set([await personOf('shop', 's3'), await personOf('till', 't3')])).toEqual(new Set(apart))

  // Those who were parted are different people from now on: a new run leaves them alone.
  const third = (await ask('startMatchRun', { body: { seed: 1, retrain: false } })) as unknown as { run: string }
  await jobs()
  expect(await ask('matchRun', { params: { run: third.run } })).toMatchObject({ links: 0 })
}, 60_000)

test('a cancelled run changes nobody', async () => {
  const { run } = (await ask('startMatchRun', { body: { seed: 2, retrain: true } })) as unknown as { run: string }
  await expect(ask('startMatchRun', { body: { seed: 2, retrain: true } })).rejects.toThrow(/in progress/)
  expect(await ask('decideMatchRun', { params: { run }, body: { decision: 'cancel' } })).toMatchObject({
    state: 'cancelled',
  })
  await jobs()
  expect(await ask('matchRun', { params: { run } })).toMatchObject({ state: 'cancelled', links: null })
})

test('what people answered in review teaches the next training', async () => {
  const { database } = world.ground
  const shareOf = async (run: string) => {
    const { weights } = (await ask('matchRun', { params: { run } })) as unknown as {
      weights: { comparison: string; levels: { level: string; match: number }[] }[]
    }
    const names = weights.find(({ comparison }) => comparison === 'first name')
    return names?.levels.find(({ level }) => level === 'different')?.match ?? 0
  }
  const trained = async () => {
    const { run } = (await ask('startMatchRun', { body: { seed: 3, retrain: true } })) as unknown as { run: string }
    await jobs()
    return shareOf(run)
  }
  const before = await trained()
  // Forty answers: records of unlike first names are one person here.
  await database.run`
    with pair as (
      select row_number() over (order by one.id) as number, one.id as one_record, one.person as one, other.id as other_record, other.person as other
      from identity.record as one join identity.record as other on one.person < other.person and one.id <> other.id
        and left(one.fields->>'first_name', 1) <> left(other.fields->>'first_name', 1)
      order by one.id, other.id limit 40),
    link as (
      insert into identity.link (id, model, one, other, one_record, other_record, probability, weight, decision, created_at)
      select gen_random_uuid(), '0', one, other, one_record, other_record, 0.8, 2, 'review', now() from pair returning id, one, other),
    item as (
      insert into identity.review_item (kind, code, one, other, link, answer, first_at, last_at)
      select 'grey_link', 'grey_link', one, other, id, 'same', now(), now() from link on conflict do nothing returning id, one, other)
    insert into identity.label (item, one, other, score, actor, at) select id, one, other, 1, 'user:eva', now() from item`
  expect(await trained()).toBeGreaterThan(before * 2)
}, 60_000)

test('a run joins nobody whom the gate keeps apart: two logins, or too many joins in a day; review is asked instead', async () => {
  const { database } = world.ground
  const known = (number: string) => town().find(({ messageId }) => messageId === number)?.traits as never
  const login = (source: string, name: string) => {
    const event = record(source, name, known('shops60'))
    event.identifiers = [{ namespace: 'user_id', value: name, trust: 'verified' }]
    return event
  }
  const copies = ['a', 'b', 'c', 'd', 'e'].map((source) => record(source, 'copy', known('shops70')))
  const events = [login('app', 'login-one'), login('web', 'login-two'), ...copies]
  await database.transaction((tx) => identity.resolve(tx, events))
  const { run } = (await ask('startMatchRun', { body: { seed: 1, retrain: false } })) as unknown as { run: string }
  await jobs()
  const waiting = await ask('matchRun', { params: { run } })
  if (waiting['state'] === 'waiting')
    await ask('decideMatchRun', { params: { run }, body: { decision: 'approve', hash: waiting['hash'] } })
  expect(await ask('matchRun', { params: { run } })).toMatchObject({ state: 'applied', audit: { examples: [] } })

  expect(await identity.find('user_id', 'login-one')).not.toBe(await identity.find('user_id', 'login-two'))
  const people = new Set(await Promise.all(['a', 'b', 'c', 'd', 'e'].map((source) => personOf(source, 'copy'))))
  expect(people.size).toBeGreaterThan(1)
  expect(people.size).toBeLessThan(5)
  const asked = await database.rows<{ flag: string }>`
    select distinct jsonb_array_elements_text(evidence->'flags') as flag from identity.review_item
    where kind = 'grey_link' and evidence->>'run' = ${run}`
  expect(asked.map(({ flag }) => flag)).toEqual(expect.arrayContaining(['merge_budget', 'unique_conflict']))
}, 60_000)

test('what is unusual against the run before', () => {
  const before = {
    filled: { mail: 0.8 },
    rules: [{ rule: 'mail', pairs: 1000, skippedValues: 0 }],
    reviewPerThousand: 2,
    sizes: { '1': 0.9, '2': 0.1 },
    bits: { '5–10': 1 },
    share: 0.001,
  }
  expect(
    driftOf(before, {
      filled: { mail: 0.7 },
      rules: [{ rule: 'mail', pairs: 2500, skippedValues: 0 }],
      reviewPerThousand: 9,
      sizes: { '1': 0.7, '2': 0.1, '8 and more': 0.2 },
      bits: { '5–10': 0.99, '10–20': 0.01 },
      share: 0.03,
    }),
  ).toEqual([
    { code: 'filled', of: 'mail', now: 0.7, before: 0.8 },
    { code: 'pairs', of: 'mail', now: 2500, before: 1000 },
    { code: 'review', of: null, now: 9, before: 2 },
    { code: 'sizes', of: '1', now: 0.7, before: 0.9 },
    { code: 'sizes', of: '8 and more', now: 0.2, before: 0 },
    { code: 'moved', of: null, now: 0.03, before: 0.001 },
  ])
  expect(driftOf(before, before)).toEqual([])
})

test('people beside a whole run: who would be joined, who parted, and how many pairs', () => {
  const rows = [
    { sure: 'a', person: 'a' },
    { sure: 'b', person: 'a' },
    { sure: 'c', person: 'c' },
    { sure: 'd', person: 'd' },
    { sure: 'e', person: 'd' },
  ] as { sure: PersonId; person: PersonId }[]
  expect(
    differenceOf(rows, [
      [0, 1],
      [3, 4],
    ]),
  ).toMatchObject({ people: 3, differ: 0, added: 0, lost: 0, examples: [] })
  // The whole run joins c with a and b, and knows nothing of d and e.
  expect(
    differenceOf(rows, [
      [0, 1],
      [1, 2],
    ]),
  ).toEqual({
    people: 3,
    differ: 3,
    added: 2,
    lost: 1,
    examples: [
      { kind: 'added', persons: ['a', 'c'] },
      { kind: 'lost', persons: ['d'] },
    ],
  })
})

test('a run tells of compared fields that say the same', async () => {
  // A source that fills the birth date by the first name: sixteen names, sixteen dates.
  const planted = Array.from({ length: 240 }, (_, at) =>
    record('form', `f${at}`, {
      first_name: firsts[at % 16] as string,
      last_name: `${'bcdfghklmnprst'[at % 14]}o${'bcdfghklmnprst'[(at * 3) % 14]}u${'bdgkmnprstvwz'[at % 13]}i${'lnrst'[at % 5]}kamp`,
      birthday: `19${60 + (at % 16)}-03-0${1 + (at % 8)}`,
    }),
  )
  await world.ground.database.transaction((tx) => identity.resolve(tx, planted))
  const { run } = (await ask('startMatchRun', { body: { seed: 1, retrain: true } })) as unknown as { run: string }
  await jobs()
  const told = (await ask('matchRun', { params: { run } })) as unknown as {
    dependent: { one: string; other: string }[]
  }
  const found = told.dependent
  expect(found.map(({ one, other }) => `${one}, ${other}`)).toEqual(['first name, birth date'])
})
