import type { NormalEvent, PersonId, SourceId } from '@einklang/contract'
import { type Caller, derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIdentity, identityParts } from '../index.ts'
import { driftOf } from './runs.ts'

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
const jobs = () =>
  world.runJobs(identityParts(identity as never).jobs?.filter(({ name }) => name === 'identity.match') ?? [])
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
  expect(waiting).toMatchObject({ state: 'waiting', error: null })
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

  const undone = await ask('decideMatchRun', { params: { run }, body: { decision: 'undo' } })
  expect(undone).toMatchObject({ state: 'undone', undone: applied['merged'] })
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

test('drift is said in sentences', () => {
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
    'mail is filled in 70 % of records, 80 % last time.',
    'The rule mail makes 2500 pairs, 1000 last time.',
    '9 links per thousand records go to review, 2 last time.',
    'People with so many records (1): 70 %, 90 % last time.',
    'People with so many records (8 and more): 20 %, 0 % last time.',
    '3 % of people would move, 0 % last time.',
  ])
  expect(driftOf(before, before)).toEqual([])
})
