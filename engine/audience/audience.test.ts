import {
  type AudienceId,
  api,
  type JsonObject,
  type NormalEvent,
  type PersonId,
  type Predicate,
} from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Audience, audienceParts, createAudience } from '#audience'
import { type Commerce, createCommerce } from '#commerce'
import { type Consent, createConsent } from '#consent'
import { createIdentity, type Identity } from '#identity'
import { createProfile, type Profile } from '#profile'

let house: TestGround
let identity: Identity
let profile: Profile
let consent: Consent
let commerce: Commerce
let audience: Audience
let count = 0

type Told = {
  ids: { [namespace: string]: string }
  name?: string
  daysAgo?: number
  traits?: JsonObject
  properties?: JsonObject
  channel?: NormalEvent['channel']
}

function event(told: Told): NormalEvent {
  const at = new Date(house.clock.now().getTime() - (told.daysAgo ?? 0) * 86_400_000 - 60_000 + ++count).toISOString()
  const messageId = `m${count}`
  return {
    id: derivedId('event', messageId),
    source: derivedId('source', 'web'),
    messageId,
    dialect: 'segment',
    library: null,
    kind: told.traits ? 'identify' : 'track',
    name: told.name ?? null,
    channel: told.channel ?? 'web',
    at,
    originalAt: at,
    sentAt: at,
    receivedAt: house.clock.now().toISOString(),
    identifiers: Object.entries(told.ids).map(([namespace, value]) => ({
      namespace,
      value,
      trust: 'verified' as const,
    })),
    mayJoin: true,
    traits: told.traits ?? {},
    properties: told.properties ?? {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 1, index: count },
  }
}

async function happen(...events: NormalEvent[]): Promise<PersonId> {
  return house.ground.database.transaction(async (tx) => {
    const batch = await identity.resolve(tx, events)
    await profile.apply(tx, batch)
    await consent.apply(tx, batch)
    await commerce.apply(tx, batch)
    await audience.apply(tx, batch)
    const last = batch.events.at(-1)
    if (last === undefined) throw new Error('no event has a person')
    return (await identity.current(tx, [last.person])).get(last.person) ?? last.person
  })
}

const person = (name: string, traits: JsonObject = {}) =>
  happen(event({ ids: { user_id: name }, traits: { firstName: name, ...traits } }))
const bought = (name: string, orderNo: string, total: number, more: Partial<Told> = {}) =>
  event({
    ...more,
    ids: { user_id: name },
    name: 'Order Completed',
    properties: { order_id: orderNo, total, currency: 'EUR', ...more.properties },
  })
const viewed = (name: string, daysAgo = 0) => event({ ids: { user_id: name }, name: 'Product Viewed', daysAgo })

beforeAll(async () => {
  house = await testGround()
  const { ground } = house
  identity = createIdentity({ ground })
  profile = createProfile({ ground, identity })
  consent = createConsent({ ground })
  commerce = createCommerce({ ground })
  audience = createAudience({ ground })
  await audience.refresh()
})
afterAll(() => house?.close())

const fits = async (predicate: Predicate, ...persons: PersonId[]) => {
  const inside = await audience.matches(house.ground.database, predicate, persons)
  // The same condition over everybody must agree with the one over a few.
  const all = await audience.create(
    { name: `check ${++count}`, description: null, purpose: 'profiling', predicate },
    null,
  )
  const members = await audience.members(all.audience, { limit: 500 })
  const ids = new Set(members.items.map((member) => member.person))
  expect(persons.filter((one) => ids.has(one))).toEqual(persons.filter((one) => inside.has(one)))
  expect((await audience.size(predicate)).size).toBe(all.size)
  await audience.remove(all.audience)
  return persons.map((one) => inside.has(one))
}

describe('conditions', () => {
  let ada: PersonId
  let ben: PersonId

  beforeAll(async () => {
    ada = await person('Ada', {
      city: 'Köln',
      age: 41,
      vip: true,
      email: 'ada@example.com',
      consent_email: 'yes',
      consent_at: '2025-01-01',
      consent_proof: 'DOI',
    })
    ben = await person('Ben', { city: 'Bonn', age: 9 })
    await happen(
      viewed('Ada'),
      viewed('Ada', 3),
      viewed('Ada', 40),
      viewed('Ben', 40),
      bought('Ada', 'A1', 100, { daysAgo: 5 }),
      bought('Ada', 'A2', 250, { daysAgo: 300, channel: 'store', properties: { affiliation: 'F01' } }),
      bought('Ben', 'B1', 20, { daysAgo: 5 }),
      event({ ids: { user_id: 'Ben' }, name: 'Order Refunded', properties: { order_id: 'B1' } }),
    )
    await profile.setScore(house.ground.database, [{ person: ada, name: 'clv', value: 300, asOf: house.clock.now() }])
  })

  test.each<[string, Predicate, boolean, boolean]>([
    ['a trait in any case', { trait: 'city', is: 'equal', value: 'KÖLN' }, true, false],
    ['a trait that differs', { trait: 'city', is: 'not_equal', value: 'Köln' }, false, true],
    ['a number compares as a number', { trait: 'age', is: 'more', value: 10 }, true, false],
    ['one of several', { trait: 'city', is: 'one_of', value: ['bonn', 'Essen'] }, false, true],
    ['a part of a text', { trait: 'city', is: 'starts', value: 'k' }, true, false],
    ['a wildcard is a letter', { trait: 'city', is: 'contains', value: '%' }, false, false],
    ['unknown', { trait: 'vip', is: 'unknown' }, false, true],
    ['true', { trait: 'vip', is: 'equal', value: true }, true, false],
    ['an event at least once, ever', { event: 'Product Viewed' }, true, true],
    ['an event twice in 30 days', { event: 'Product Viewed', times: { least: 2 }, within: { days: 30 } }, true, false],
    [
      'an event at most once in 30 days',
      { event: 'Product Viewed', times: { most: 1 }, within: { days: 30 } },
      false,
      true,
    ],
    ['orders in a window', { orders: { least: 2 }, within: { days: 365 } }, true, false],
    ['orders in one channel', { orders: { least: 1 }, channel: 'store' }, true, false],
    ['no orders lately', { orders: { most: 0 }, within: { days: 2 } }, true, true],
    ['money that stayed', { spent: { least: 1 } }, true, false],
    ['money between', { spent: { least: 20_000, most: 35_000 } }, true, false],
    ['permission', { permitted: 'newsletter', channel: 'email' }, true, false],
    ['permission by contract', { permitted: 'service', channel: 'email' }, true, true],
    ['a score', { score: 'clv', is: 'more', value: 299 }, true, false],
    ['no score', { score: 'clv', is: 'unknown', value: 0 }, false, true],
    ['not', { not: { trait: 'city', is: 'equal', value: 'Köln' } }, false, true],
    ['not of something unknown', { not: { trait: 'vip', is: 'equal', value: true } }, false, true],
    ['all of nothing is everybody', { all: [] }, true, true],
    ['any of nothing is nobody', { any: [] }, false, false],
    [
      'nested',
      {
        any: [
          { all: [{ orders: { least: 1 } }, { trait: 'city', is: 'equal', value: 'Bonn' }] },
          { score: 'clv', is: 'known', value: 0 },
        ],
      },
      true,
      true,
    ],
  ])('%s', async (_, predicate, forAda, forBen) => {
    expect(await fits(predicate, ada, ben)).toEqual([forAda, forBen])
  })

  test('the condition reads as a sentence', async () => {
    const parts = audienceParts(audience, house.ground)
    const preview = parts.routes.find((one) => one.route === api.audience.preview)
    const predicate: Predicate = {
      all: [
        { spent: { least: 30_000 }, within: { days: 730 } },
        { not: { orders: { least: 1 }, within: { days: 180 } } },
      ],
    }
    const answer = api.audience.preview.answer.parse(
      await preview?.handle({ params: {}, query: {}, body: { predicate } } as never, {} as never),
    )
    expect(answer.sentence).toEqual({
      en: 'spent at least €300.00 in the last 730 days and not: at least 1 order in the last 180 days',
      de: 'Umsatz mindestens 300,00\u00a0€ in den letzten 730 Tagen und nicht: mindestens 1 Bestellung in den letzten 180 Tagen',
    })
  })
})

describe('live', () => {
  const memberIds = async (id: AudienceId) =>
    (await audience.members(id, { limit: 500 })).items.map((item) => item.person)
  const starter = async (name: string) => {
    const found = (await audience.list()).find((one) => one.name === name)
    if (found === undefined) throw new Error(`there is no segment ${name}`)
    return found.audience
  }

  test('the starters are there and follow events in the same transaction', async () => {
    const cart = await starter('Abandoned cart')
    const carla = await person('Carla')
    expect(await memberIds(cart)).not.toContain(carla)
    await happen(
      event({ ids: { user_id: 'Carla' }, name: 'Product Added', properties: { sku: 'S', price: 10, currency: 'EUR' } }),
    )
    expect(await memberIds(cart)).toContain(carla)
    expect(await audience.memberships(carla)).toEqual([expect.objectContaining({ name: 'Abandoned cart' })])
    await happen(bought('Carla', 'C1', 10))
    expect(await memberIds(cart)).not.toContain(carla)
    const [summary] = (await audience.list()).filter((one) => one.audience === cart)
    expect(summary).toMatchObject({ entered: 1, left: 1, building: false })
  })

  test('an unsubscribe takes out of the newsletter segment at once', async () => {
    const newsletter = await starter('Newsletter subscribers')
    const dora = await person('Dora', {
      email: 'dora@example.com',
      consent_email: 'yes',
      consent_at: '2025-01-01',
      consent_proof: 'DOI',
    })
    expect(await memberIds(newsletter)).toContain(dora)
    await happen(
      event({
        ids: { user_id: 'Dora', email: 'dora@example.com' },
        name: 'message.unsubscribed',
        properties: { channel: 'email' },
      }),
    )
    expect(await memberIds(newsletter)).not.toContain(dora)
  })

  test('time alone moves people out', async () => {
    const fresh = await audience.create(
      {
        name: 'Seen this week',
        description: null,
        purpose: 'profiling',
        predicate: { event: 'Product Viewed', within: { days: 7 } },
      },
      'Eva',
    )
    await person('Emil')
    const emil = await happen(viewed('Emil'))
    expect(await memberIds(fresh.audience)).toContain(emil)
    await house.clock.advance({ days: 8 })
    await audience.refresh()
    expect(await memberIds(fresh.audience)).not.toContain(emil)
    const [summary] = (await audience.list()).filter((one) => one.audience === fresh.audience)
    expect(summary?.history.map((day) => day.size)).toEqual([expect.any(Number), 0])
    expect(summary?.left).toBeGreaterThan(0)
    await audience.remove(fresh.audience)
  })

  test('a history import waits for the loop and ends in the same place', async () => {
    const store = await starter('Loyal store customers')
    const frieda = await person('Frieda', { loyaltyCard: 'K7' })
    await happen(
      ...[10, 20, 30].map((daysAgo) =>
        bought('Frieda', `F${daysAgo}`, 10, { daysAgo, channel: 'store', properties: { affiliation: 'F01' } }),
      ),
    )
    expect(await memberIds(store)).not.toContain(frieda)
    while (await audience.catchUp());
    expect(await memberIds(store)).toContain(frieda)
  })

  test('while a file brings more people the loop waits for them, ten seconds at most', async () => {
    const [loop] = audienceParts(audience, house.ground).loops ?? []
    const turn = () => loop?.turn(new AbortController().signal)
    const bring = (count: number) => house.ground.database.run`
      insert into audience.pending (person) select gen_random_uuid() from generate_series(1, ${count}::int)`
    await turn()
    await bring(600)
    expect(await turn()).toBe('idle')
    expect(await audience.waiting()).toBe(600)
    await bring(600)
    expect(await turn()).toBe('idle')
    expect(await turn()).toBe('busy')
    expect(await audience.waiting()).toBe(0)
    await bring(600)
    expect(await turn()).toBe('idle')
    await house.clock.advance({ seconds: 11 })
    await bring(600)
    expect(await turn()).toBe('busy')
  })

  test('after a merge only the winner is a member', async () => {
    const gus = await person('Gus', { city: 'Essen' })
    const segment = await audience.create(
      {
        name: 'Looked twice',
        description: null,
        purpose: 'profiling',
        predicate: { event: 'Product Viewed', times: { least: 2 } },
      },
      null,
    )
    await happen(viewed('Gus'))
    const anonymous = await happen(event({ ids: { anonymous_id: 'dev-g' }, name: 'Product Viewed' }))
    expect(await memberIds(segment.audience)).not.toContain(gus)
    await happen(event({ ids: { user_id: 'Gus', anonymous_id: 'dev-g' }, name: 'Signed In' }))
    expect(await memberIds(segment.audience)).toContain(gus)
    expect(await memberIds(segment.audience)).not.toContain(anonymous === gus ? null : anonymous)
    await audience.remove(segment.audience)
  })

  test('whoever objects to profiling is in no segment', async () => {
    const hana = await person('Hana', { city: 'Aachen' })
    const predicate: Predicate = { trait: 'city', is: 'equal', value: 'Aachen' }
    expect(await fits(predicate, hana)).toEqual([true])
    await consent.state([
      {
        person: hana,
        stance: 'deny',
        purpose: 'profiling',
        channel: null,
        basis: 'legitimate_interest',
        source: 'test',
      },
    ])
    expect(await fits(predicate, hana)).toEqual([false])
  })
})

test('a no to profiling that only the browser sent keeps out of segments, until the person says yes', async () => {
  const ines = await person('Ines', { city: 'Hagen' })
  const predicate: Predicate = { trait: 'city', is: 'equal', value: 'Hagen' }
  const said = (allowed: boolean, more: Partial<NormalEvent>) => ({
    ...viewed('Ines'),
    consent: { profiling: allowed, analytics: allowed },
    ...more,
  })
  expect(await fits(predicate, ines)).toEqual([true])
  await happen(said(false, {}))
  expect(await fits(predicate, ines)).toEqual([false])
  const { database } = house.ground
  expect(await consent.may(database, { person: ines, purpose: 'profiling', channel: 'email' })).toMatchObject({
    allowed: false,
  })
  expect(await fits({ permitted: 'analytics', channel: 'email' }, ines)).toEqual([false])
  expect(await fits({ permitted: 'service', channel: 'email' }, ines)).toEqual([true])
  await house.clock.advance({ minutes: 1 })
  await happen(said(true, { kind: 'consent', name: 'Segment Consent Preference Updated' }))
  expect(await fits(predicate, ines)).toEqual([true])
  expect(await fits({ permitted: 'analytics', channel: 'email' }, ines)).toEqual([true])
})

describe('saving', () => {
  const draft = (name: string, predicate: Predicate) => ({
    name,
    description: null,
    purpose: 'profiling' as const,
    predicate,
  })

  test('a segment on a segment; circles, unknown ones and taken names are refused', async () => {
    const base = await audience.create(draft('Base', { trait: 'city', is: 'known' }), null)
    const upon = await audience.create(draft('Upon', { not: { member: base.audience } }), null)
    expect(upon.sentence.en).toBe('not: is in “Base”')
    await expect(audience.remove(base.audience)).rejects.toMatchObject({ code: 'in_use' })
    await expect(
      audience.update(base.audience, { ...draft('Base', { member: upon.audience }), version: base.version }),
    ).rejects.toMatchObject({ code: 'circle' })
    await expect(audience.create(draft('Lost', { member: derivedId('audience', 'x') }), null)).rejects.toMatchObject({
      code: 'unknown_audience',
    })
    await expect(audience.create(draft('base', { cart: 'open' }), null)).rejects.toMatchObject({ code: 'name_taken' })
  })

  test('a change on an old version is refused; a good one finds its members anew', async () => {
    const segment = await audience.create(draft('Cologne', { trait: 'city', is: 'equal', value: 'Köln' }), null)
    const next = await audience.update(segment.audience, {
      ...draft('Not Cologne', { not: segment.predicate }),
      version: 1,
    })
    expect(next).toMatchObject({ name: 'Not Cologne', version: 2, entered: 0, left: 0 })
    await expect(
      audience.update(segment.audience, { ...draft('Late', { cart: 'open' }), version: 1 }),
    ).rejects.toMatchObject({ status: 412 })
  })

  test('every route answers in its declared shape', async () => {
    const parts = audienceParts(audience, house.ground)
    const [first, second] = await audience.list()
    const inputs: [{ name: string }, object][] = [
      [api.audience.list, {}],
      [api.audience.read, { params: { audience: first?.audience } }],
      [api.audience.members, { params: { audience: first?.audience }, query: { limit: 1 } }],
      [api.audience.overlap, { query: { first: first?.audience, second: second?.audience } }],
      [api.audience.vocabulary, {}],
    ]
    for (const [declared, input] of inputs) {
      const mounted = parts.routes.find((one) => one.route === declared)
      const answer = await mounted?.handle({ params: {}, query: {}, body: undefined, ...input } as never, {} as never)
      expect([declared.name, mounted?.route.answer.safeParse(answer).error]).toEqual([declared.name, undefined])
    }
  })

  test('erasing takes a person out everywhere', async () => {
    const ivo = await person('Ivo', { city: 'Köln' })
    const { database } = house.ground
    await database.transaction((tx) => audience.erase(tx, [ivo]))
    for (const table of ['member', 'movement', 'pending'])
      expect(
        await database.rows`select person from ${database.name(`audience.${table}`)} where person = ${ivo}`,
      ).toEqual([])
  })
})
