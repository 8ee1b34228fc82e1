import { type Identifier, type JsonObject, type NormalEvent, type PersonId, type SourceId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIdentity, type Identity } from '#identity'
import { createProfile, type Profile, type ViewPieces } from '#profile'
import { leastShare } from './reach.ts'

let house: TestGround
let identity: Identity
let profile: Profile

const web = derivedId('source', 'web')
const crm = derivedId('source', 'crm')
let count = 0

type Told = {
  ids: { [namespace: string]: string }
  kind?: NormalEvent['kind']
  name?: string
  at?: string
  traits?: JsonObject
  properties?: JsonObject
  source?: SourceId
  mayJoin?: boolean
}

function event(told: Told): NormalEvent {
  const mayJoin = told.mayJoin ?? true
  const at = told.at ?? '2026-03-02T08:00:00.000Z'
  const messageId = `m${++count}`
  const identifiers: Identifier[] = Object.entries(told.ids).map(([namespace, value]) => ({
    namespace,
    value,
    trust: mayJoin ? 'verified' : 'claimed',
  }))
  return {
    id: derivedId('event', messageId),
    source: told.source ?? web,
    messageId,
    dialect: 'segment',
    library: null,
    kind: told.kind ?? (told.traits ? 'identify' : 'track'),
    name: told.name ?? null,
    channel: 'web',
    at,
    originalAt: at,
    sentAt: at,
    receivedAt: at,
    identifiers,
    mayJoin,
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
    const last = batch.events.at(-1)
    if (last === undefined) throw new Error('no event has a person')
    return (await identity.current(tx, [last.person])).get(last.person) ?? last.person
  })
}

beforeAll(async () => {
  house = await testGround()
  identity = createIdentity({ ground: house.ground })
  profile = createProfile({ ground: house.ground, identity })
})
afterAll(() => house?.close())

describe('traits', () => {
  test('what a trusted source said holds against a later claim; the claim stays visible', async () => {
    await happen(event({ ids: { user_id: 'ada' }, traits: { firstName: 'Ada', city: 'Köln' }, source: crm }))
    const ada = await happen(
      event({
        ids: { user_id: 'ada' },
        traits: { firstName: 'A.', city: '  ', phone: '+4917012345' },
        mayJoin: false,
        at: '2026-03-02T08:30:00.000Z',
      }),
    )
    const view = await profile.view(ada)
    expect(view.summary).toMatchObject({ firstName: 'Ada', city: 'Köln' })
    expect(view.traits.find((trait) => trait.name === 'first_name')).toMatchObject({
      value: 'Ada',
      trust: 'verified',
      others: [{ value: 'A.', trust: 'claimed' }],
    })
  })

  test('the order of arrival makes no difference', async () => {
    const told = (user: string, city: string, at: string) =>
      event({ ids: { user_id: user }, traits: { city }, at: `2026-03-01T${at}:00.000Z` })
    const first = await happen(told('o1', 'Essen', '08:00'), told('o1', 'Bonn', '09:00'), told('o1', 'Essen', '10:00'))
    await happen(told('o2', 'Essen', '10:00'))
    await happen(told('o2', 'Bonn', '09:00'))
    const second = await happen(told('o2', 'Essen', '08:00'))
    expect((await profile.view(first)).summary.city).toBe('Essen')
    expect((await profile.view(second)).summary.city).toBe('Essen')
  })

  test('a full name and an address object fall into their fields', async () => {
    const person = await happen(
      event({
        ids: { user_id: 'grace' },
        traits: {
          name: 'Grace Brewster Hopper',
          address: { street: 'Am Markt 1', postalCode: '50667', city: 'Köln', country: 'DE' },
          birthday: '1906-12-09T00:00:00Z',
        },
      }),
    )
    const view = await profile.view(person)
    expect(view.summary).toMatchObject({
      firstName: 'Grace Brewster',
      lastName: 'Hopper',
      street: 'Am Markt 1',
      postalCode: '50667',
      birthday: '1906-12-09',
    })
    expect(view.reachable).toEqual([{ channel: 'letter', address: 'Am Markt 1, 50667 Köln, DE' }])
  })
})

describe('merges', () => {
  test('the merged person shows what both were, and the loser has no row of its own', async () => {
    const anonymous = await happen(
      event({ ids: { anonymous_id: 'device-1' }, kind: 'page', name: 'Home', at: '2026-02-01T08:00:00.000Z' }),
    )
    const known = await happen(
      event({ ids: { user_id: 'lin' }, traits: { firstName: 'Lin', email: 'lin@example.com' } }),
    )
    const joined = await happen(
      event({ ids: { user_id: 'lin', anonymous_id: 'device-1' }, traits: { lastName: 'Tran' } }),
    )
    const view = await profile.view(anonymous)
    expect(view.person).toBe(joined)
    expect(new Set(view.aliases)).toEqual(new Set([anonymous, known]))
    expect(view.summary).toMatchObject({ firstName: 'Lin', lastName: 'Tran', firstSeen: '2026-02-01T08:00:00.000Z' })
    expect(view.activity90Days).toEqual([{ name: 'Page Viewed', times: 1, last: '2026-02-01' }])
    const rows = await house.ground.database.rows`
      select person from profile.person where person = any(${[anonymous, known]})`
    expect(rows).toEqual([{ person: joined }])
  })
})

describe('splits', () => {
  test('a split gives both sides back what each of them was', async () => {
    const joined: Identity = createIdentity({ ground: house.ground, reapply: (tx, batch) => profile.apply(tx, batch) })
    const one = await happen(
      event({ ids: { user_id: 'sp-1' }, traits: { firstName: 'One' }, at: '2026-01-01T08:00:00.000Z' }),
    )
    const two = await happen(
      event({ ids: { user_id: 'sp-2' }, traits: { firstName: 'Two' }, at: '2026-02-01T08:00:00.000Z' }),
    )
    await joined.merge(one, two, 'Eva', 'same person')
    expect((await profile.view(two)).aliases).toHaveLength(2)
    const [merge] = (await joined.log(one)).filter((entry) => entry.kind === 'merge')
    if (merge === undefined) throw new Error('the merge is not in the log')
    await joined.unmerge(merge.id, 'Eva')
    const [first, second] = [await profile.view(one), await profile.view(two)]
    expect(first.summary).toMatchObject({ firstName: 'One', firstSeen: '2026-01-01T08:00:00.000Z' })
    expect(second.summary).toMatchObject({ firstName: 'Two', firstSeen: '2026-02-01T08:00:00.000Z' })
    expect([first.aliases, second.aliases]).toEqual([[one], [two]])
  })
})

describe('sightings', () => {
  const seenAt = (at: string) => happen(event({ ids: { user_id: 'seen-often' }, name: 'Product Viewed', at }))
  const rowOf = (person: PersonId) =>
    house.ground.database.row<{ last: Date; version: string }>`
      select last_seen as last, xmin::text as version from profile.person where person = ${person}`

  test('somebody seen again within the minute is not written again', async () => {
    const person = await seenAt('2026-03-02T07:00:10.000Z')
    const first = await rowOf(person)
    await seenAt('2026-03-02T07:00:40.000Z')
    expect(await rowOf(person)).toEqual(first)
    await seenAt('2026-03-02T07:01:00.000Z')
    expect((await rowOf(person))?.last).toEqual(new Date('2026-03-02T07:01:00.000Z'))
  })

  test('what a transaction has taken back, or another process, is written again', async () => {
    const { database } = house.ground
    const later = event({ ids: { user_id: 'seen-often' }, name: 'Product Viewed', at: '2026-03-02T07:05:10.000Z' })
    const failed = database.transaction(async (tx) => {
      await profile.apply(tx, await identity.resolve(tx, [later]))
      throw new Error('a later stage failed')
    })
    await expect(failed).rejects.toThrow('a later stage failed')
    const person = await seenAt('2026-03-02T07:05:20.000Z')
    expect((await rowOf(person))?.last).toEqual(new Date('2026-03-02T07:05:00.000Z'))
    const elsewhere = createProfile({ ground: house.ground, identity })
    await database.transaction((tx) => elsewhere.erase(tx, [person]))
    await seenAt('2026-03-02T07:05:30.000Z')
    expect((await rowOf(person))?.last).toEqual(new Date('2026-03-02T07:05:00.000Z'))
  })
})

describe('counters', () => {
  test('events count per day, machine opens not at all, very old ones neither', async () => {
    const track = (name: string, at: string, properties: JsonObject = {}) =>
      event({ ids: { user_id: 'counted' }, name, at, properties })
    const person = await happen(
      track('Product Viewed', '2026-03-01T10:00:00.000Z'),
      track('Product Viewed', '2026-03-01T11:00:00.000Z'),
      track('Product Viewed', '2026-02-27T11:00:00.000Z'),
      track('Product Viewed', '2023-03-01T11:00:00.000Z'),
      track('message.opened', '2026-03-01T11:00:00.000Z', { machine: true }),
      track('message.sent', '2026-03-01T12:00:00.000Z', { message_id: 'm-1', channel: 'email', campaign: 'Spring' }),
      track('message.sent', '2026-03-01T12:00:00.000Z', { message_id: 'm-1', channel: 'email', campaign: 'Spring' }),
    )
    const view = await profile.view(person)
    expect(view.activity90Days).toEqual([
      { name: 'Product Viewed', times: 3, last: '2026-03-01' },
      { name: 'message.sent', times: 2, last: '2026-03-01' },
    ])
    expect(view.contacts30Days).toEqual([{ channel: 'email', messages: 1 }])
  })
})

describe('search', () => {
  const find = async (q: string) =>
    (await profile.search({ q, kind: 'known', order: 'best', limit: 10 })).items.map(({ firstName, matched }) => [
      firstName,
      matched,
    ])

  beforeAll(async () => {
    await happen(
      event({
        ids: { user_id: 'jm' },
        traits: {
          firstName: 'Jürgen',
          lastName: 'Müller-Weiß',
          email: 'juergen.mueller@example.com',
          phone: '+491701234567',
          city: 'Düsseldorf',
          loyaltyCard: 'K-4711',
        },
      }),
      event({
        ids: { user_id: 'jm', loyalty_card: 'K4711', order_no: 'S-2026-0815', 'customer_no.crm': 'Kd-99' },
        name: 'Order Completed',
        properties: { order_id: 'S-2026-0815' },
      }),
    )
  })

  test.each([
    ['Müller', 'name'],
    ['mueller', 'name'],
    ['MULLER jurgen', 'name'],
    ['weiss', 'name'],
    ['juergen.mueller@exa', 'email'],
    ['Juergen.Mueller@example.com', 'email'],
    ['gen.mueller@example.com', 'email'],
    ['0170 1234567', 'phone'],
    ['+49 (170) 1234567', 'phone'],
    ['S-2026-0815', 'order_no'],
    ['s-2026', 'order_no'],
    ['K4711', 'loyalty_card'],
    ['k-47', 'loyalty_card'],
    ['kd-9', 'customer_no'],
    ['düsseldorf', 'city'],
    ['Jürgn Mülller', 'similar'],
    ['jurgen mulr', 'similar'],
  ])('“%s” finds Jürgen by %s', async (typed, matched) => {
    expect(await find(typed)).toEqual([['Jürgen', matched]])
  })

  test('wildcards are letters, and what nobody is called finds nobody', async () => {
    expect(await find('%')).toEqual([])
    expect(await find('xyzzyxq')).toEqual([])
  })

  test('pages without gaps or repeats', async () => {
    await happen(
      ...Array.from({ length: 25 }, (_, index) =>
        event({ ids: { user_id: `p${index}` }, traits: { firstName: `Paged${index}`, lastName: 'Weber' } }),
      ),
    )
    const seen: string[] = []
    let after: string | undefined
    do {
      const answer = await profile.search({ q: 'weber', kind: 'known', order: 'name', limit: 10, after })
      expect(answer.total).toBe(25)
      seen.push(...answer.items.map((item) => item.person))
      after = answer.next ?? undefined
    } while (after !== undefined)
    expect(new Set(seen).size).toBe(25)
    expect(seen).toHaveLength(25)
  })
})

describe('a long list', () => {
  beforeAll(async () => {
    await house.ground.database.run`
      with made as (
        insert into profile.person (person, first_name, last_name, known, first_seen, last_seen, seen_day)
        select gen_random_uuid(), 'Crowd', 'Longlist', true, '2020-01-01', '2020-01-01', '2020-01-01'
        from generate_series(1, 10050) returning person, first_name, last_name)
      insert into profile.document (person, text) select person, ' crowd longlist' from made`
  })
  afterAll(async () => {
    await house.ground.database
      .run`with gone as (delete from profile.person where last_name = 'Longlist' returning person)
      delete from profile.document using gone where document.person = gone.person`
  })
  const search = (q: string, after: string | undefined, seenSince?: string) =>
    profile.search({ q, kind: 'known', order: 'name', limit: 500, after, seenSince })

  test.each(['', 'longlist'])('“%s” ends at 10,000 with a refusal instead of beginning again', async (q) => {
    const seen = new Set<string>()
    let after: string | undefined
    for (let page = 0; page < 20; page++) {
      const answer = await search(q, after)
      expect(answer.total).toBe(null)
      for (const item of answer.items) seen.add(item.person)
      after = answer.next ?? undefined
    }
    expect(seen.size).toBe(10_000)
    await expect(search(q, after)).rejects.toMatchObject({ status: 400, code: 'too_far' })
    await expect(search(q, 'x')).rejects.toMatchObject({ status: 400, code: 'bad_cursor' })
  })

  test('whoever was seen last comes first when a name is frequent, page by page without gaps or repeats', async () => {
    const { database } = house.ground
    await database.run`update profile.person set seen_day = date '2020-01-01' + abs(hashtext(person::text)) % 500
      where last_name = 'Longlist'`
    await database.run`insert into profile.document (person, text)
      select gen_random_uuid(), ' somebody | longlist@example.com ' from generate_series(1, 5)`
    const seen: string[] = []
    let after: string | undefined
    for (let page = 0; page < 20; page++) {
      const answer = await profile.search({ q: 'longl', kind: 'known', order: 'best', limit: 500, after })
      seen.push(...answer.items.map((item) => item.person))
      expect(answer.total).toBe(null)
      after = answer.next ?? undefined
    }
    const wanted = await database.rows<{ person: string }>`select person from profile.person
      where last_name = 'Longlist' order by seen_day desc, person limit 10000`
    expect(seen).toEqual(wanted.map(({ person }) => person))
    await expect(profile.search({ q: 'longl', kind: 'known', order: 'best', limit: 500, after })).rejects.toMatchObject(
      { code: 'too_far' },
    )
    await database.run`delete from profile.document where text like '%longlist@example.com%'`
  })

  test('is counted exactly up to 10,000', async () => {
    await house.ground.database.run`update profile.person set seen_day = '2020-01-01' where last_name = 'Longlist'`
    await house.ground.database.run`update profile.person set seen_day = '2020-01-02' where person in (
      select person from profile.person where last_name = 'Longlist' limit 9000)`
    const others = (await search('', undefined, '2020-01-03')).total ?? 0
    expect((await search('', undefined, '2020-01-02')).total).toBe(9000 + others)
    expect((await search('longlist', undefined, '2020-01-02')).total).toBe(null)
  })
})

describe('the view', () => {
  test('puts the pieces of later stages beside what profile knows', async () => {
    const person = await happen(event({ ids: { user_id: 'whole' }, traits: { firstName: 'Whole' } }))
    await profile.setScore(house.ground.database, [
      { person, name: 'clv', value: 120, low: 90, high: 150, asOf: house.clock.now() },
    ])
    const pieces: ViewPieces = {
      audiences: async () => [{ audience: derivedId('audience', 'x'), name: 'X', since: 'now' }],
    }
    const view = await profile.view(person, pieces)
    expect(view.audiences).toHaveLength(1)
    expect(view.scores).toEqual([{ name: 'clv', value: 120, low: 90, high: 150, asOf: '2026-03-02T09:00:00.000Z' }])
    expect(view.identifiers.map(({ namespace, value }) => [namespace, value])).toEqual([['user_id', 'whole']])
  })

  test('nobody is a refusal, not an empty page', async () => {
    await expect(profile.view(derivedId('person', 'nobody'))).rejects.toMatchObject({ status: 404 })
  })
})

test('the timeline tells events of all aliases in words, filters channels and pages', async () => {
  const person = await happen(event({ ids: { user_id: 'told' }, traits: { firstName: 'Told' } }))
  const row = (index: number, more: object) => ({
    person,
    at: `2026-03-01T10:00:0${index}.000Z`,
    id: derivedId('event', `t${index}`),
    source: web,
    source_name: 'Web shop',
    kind: 'track',
    name: 'Product Viewed',
    channel: 'web',
    received_at: '2026-03-01T10:00:00.000Z',
    order_no: '',
    value: 0,
    currency: '',
    campaign: '',
    medium: '',
    utm_source: '',
    referrer: '',
    url: 'https://shop.example/p/1?x=1',
    message_id: '',
    place: '',
    sku: [],
    properties: '{"name":"Sneaker"}',
    context: '{}',
    flags: [],
    batch: 1,
    ...more,
  })
  await house.ground.history.insert(
    'ingest.event',
    [
      row(1, {}),
      row(2, { name: 'message.clicked', channel: 'email', properties: '{"subject":"Hello"}', campaign: 'Spring' }),
      row(3, {
        name: 'Order Completed',
        channel: 'store',
        place: 'F03',
        value: 8995,
        currency: 'EUR',
        properties: '{"order_id":"B-77","products":[{"name":"Sneaker","quantity":2}]}',
      }),
    ],
    'token',
  )
  const all = await profile.timeline(person, { limit: 2, language: 'en' })
  expect(all.items.map((entry) => entry.title)).toEqual(['Bought in the store (B-77)', 'Clicked in: Hello'])
  expect(all.items[0]?.details).toEqual([
    { label: 'Articles', value: '2 × Sneaker' },
    { label: 'Amount', value: '€89.95' },
    { label: 'Store', value: 'F03' },
    { label: 'Page', value: '/p/1' },
  ])
  expect(all.channels.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))).toEqual([
    { channel: 'email', entries: 1 },
    { channel: 'store', entries: 1 },
    { channel: 'web', entries: 1 },
  ])
  const rest = await profile.timeline(person, { limit: 2, language: 'de', after: all.next ?? '' })
  expect(rest.items.map((entry) => entry.title)).toEqual(['Sah Sneaker an'])
  expect(rest.next).toBeNull()

  // A provider stamps its receipt in whole seconds; what was sent is below what came of it, also across pages.
  const later = (milliseconds: string) => ({
    at: `2026-03-01T10:00:09.${milliseconds}Z`,
    properties: '{"subject":"Hello"}',
  })
  const story = [
    row(4, { name: 'message.sent', ...later('700') }),
    row(5, { name: 'message.delivered', ...later('000') }),
    row(6, { name: 'experiment.assigned', at: '2026-03-01T10:00:08.000Z', properties: '{"arm":"treated"}' }),
  ]
  await house.ground.history.insert('ingest.event', story, 'story')
  const titles: string[] = []
  let after: string | undefined
  do {
    const page = await profile.timeline(person, { limit: 1, language: 'en', after })
    titles.push(...page.items.map((entry) => entry.title))
    after = page.next ?? undefined
  } while (after !== undefined)
  expect(titles).toEqual([
    'Arrived: Hello',
    'We sent: Hello',
    'Drawn into the group “treated” of a test',
    'Bought in the store (B-77)',
    'Clicked in: Hello',
    'Looked at Sneaker',
  ])
  const german = await profile.timeline(person, { limit: 3, language: 'de' })
  expect(german.items[2]?.title).toBe('In die Gruppe „treated“ eines Tests gelost')
  const email = await profile.timeline(person, { limit: 5, language: 'de', channels: ['email'] })
  expect(email.items.map((entry) => entry.title)).toEqual(['Klickte in: Hello'])
  const whole = await profile.export(person)
  expect(whole.events).toHaveLength(6)
  expect(whole.observations.map(({ name, value }) => [name, value])).toEqual([['first_name', 'Told']])
})

test('an address that bounced is marked, and the last one that worked is named beside it', async () => {
  const person = await happen(
    event({ ids: { user_id: 'mover' }, traits: { email: 'old@example.com' }, at: '2026-01-02T08:00:00.000Z' }),
    event({ ids: { user_id: 'mover' }, traits: { email: 'new@example.com' }, at: '2026-02-02T08:00:00.000Z' }),
  )
  const state = (addresses: string[]) => async () => ({
    person,
    cells: [],
    restricted: false,
    suppressions: addresses.map((address) => ({
      channel: 'email' as const,
      address,
      reason: 'hard_bounce',
      since: '2026-02-20T08:00:00.000Z',
      permanent: true,
    })),
  })
  const emailOf = async (addresses: string[]) =>
    (await profile.view(person, { consent: state(addresses) })).traits.find(({ name }) => name === 'email')
  expect(await emailOf([])).toMatchObject({ value: 'new@example.com', failedSince: null, lastKnownGood: null })
  expect(await emailOf(['new@example.com'])).toMatchObject({
    value: 'new@example.com',
    failedSince: '2026-02-20T08:00:00.000Z',
    lastKnownGood: { value: 'old@example.com' },
  })
  expect(await emailOf(['new@example.com', 'old@example.com'])).toMatchObject({ lastKnownGood: null })
})

test('the channel that reaches best is the one whose messages are surely answered, not the luckiest', async () => {
  const person = await happen(
    event({ ids: { user_id: 'reader' }, traits: { email: 'reader@example.com', phone: '+491715550123' } }),
  )
  const now = house.clock.now().getTime()
  let number = 0
  const row = (message: string, channel: string, name: string, properties: JsonObject = {}) => {
    const at = new Date(now - ++number * 60_000).toISOString()
    return {
      person,
      at,
      id: derivedId('event', `reach ${number}`),
      source: web,
      source_name: 'mail',
      kind: 'track',
      name,
      channel,
      received_at: at,
      message_id: message,
      sku: [],
      properties: JSON.stringify(properties),
      context: '{}',
      flags: [],
      batch: 1,
    }
  }
  const rows = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((mail) => [
    row(`mail ${mail}`, 'email', 'message.sent'),
    row(`mail ${mail}`, 'email', 'message.opened', { machine: mail >= 6 }),
  ])
  rows.push(row('text 1', 'sms', 'message.sent'), row('text 1', 'sms', 'message.clicked'))
  rows.push(...[1, 2, 3].map((push) => row(`push ${push}`, 'push', 'message.clicked')))
  await house.ground.history.insert('ingest.event', rows, 'reach')
  const { items, best } = await profile.reach(person)
  expect(best).toBe('email')
  expect(items.map(({ channel, messages, answered, reachable }) => [channel, messages, answered, reachable])).toEqual([
    ['email', 8, 6, true],
    ['sms', 1, 1, true],
    ['push', 3, 3, false],
  ])
  expect(items[1]?.surely).toBeNull()
  expect(leastShare(3, 3)).toBeLessThan(leastShare(20, 24))
  const nobody = await happen(event({ ids: { user_id: 'unwritten' }, traits: { firstName: 'Nobody' } }))
  expect(await profile.reach(nobody)).toEqual({ items: [], best: null, days: 180 })
})

test('today counts by the calendar of the house', async () => {
  await happen(event({ ids: { user_id: 'new-today' }, traits: { firstName: 'New' }, at: '2026-03-01T23:30:00.000Z' }))
  await happen(event({ ids: { user_id: 'yesterday' }, traits: { firstName: 'Old' }, at: '2026-03-01T22:30:00.000Z' }))
  const before = await profile.today()
  // 23:30 in UTC is after midnight in Berlin.
  await happen(event({ ids: { user_id: 'another' }, traits: { firstName: 'New' }, at: '2026-03-01T23:10:00.000Z' }))
  const after = await profile.today()
  expect(after.newToday - before.newToday).toBe(1)
  expect(after.day).toBe('2026-03-02')
})

test('erasing leaves nothing under the person', async () => {
  const person = await happen(
    event({ ids: { user_id: 'gone', loyalty_card: 'K999' }, traits: { firstName: 'Gone', email: 'gone@example.com' } }),
    event({ ids: { user_id: 'gone' }, name: 'message.sent', properties: { message_id: 'mg', channel: 'email' } }),
  )
  await profile.setScore(house.ground.database, [{ person, name: 'clv', value: 1, asOf: house.clock.now() }])
  await house.ground.database.transaction((tx) => profile.erase(tx, [person]))
  const tables = ['observation', 'person', 'document', 'event_count', 'contact', 'score', 'seen']
  for (const table of tables) {
    const { database } = house.ground
    const left = await database.rows`select person from ${database.name(`profile.${table}`)} where person = ${person}`
    expect([table, left]).toEqual([table, []])
  }
  await house.ground.database.transaction((tx) => identity.erase(tx, [person]))
  await expect(profile.view(person)).rejects.toMatchObject({ status: 410, code: 'erased' })
})

describe('counter', () => {
  test('staff of a store find one customer by a number typed whole, see masked contacts and no lists', async () => {
    const person = await happen(
      event({
        ids: { user_id: 'counter-1', loyalty_card: '2900777', email: 'mara@example.com' },
        traits: { firstName: 'Mara', lastName: 'Sol', birthday: '1980-05-05', street: 'Weg 1', phone: '+491715550099' },
      }),
    )
    const pieces: ViewPieces = { orders: async () => [], cart: async () => null, consent: async () => null }
    const { found } = await profile.counter(' 2900777 ', pieces)
    expect(found).toMatchObject({ person, firstName: 'Mara', card: '0777', email: 'm…@example.com', phone: '…99' })
    expect(JSON.stringify(found)).not.toContain('1980')
    expect(JSON.stringify(found)).not.toContain('Weg 1')
    expect((await profile.counter('mara@example.com', pieces)).found?.person).toBe(person)
    expect(await profile.counter('29007', pieces)).toEqual({ found: null, familyCard: false })
    expect(await profile.counter('Mara', pieces)).toEqual({ found: null, familyCard: false })
    await house.ground.database.run`
      update identity.identifier set status = 'shared', marked = 'household_card', shared_since = platform.now() where value = '2900777'`
    expect(await profile.counter('2900 777', pieces)).toEqual({ found: null, familyCard: true })
  })
})
