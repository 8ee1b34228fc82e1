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
    drift: [],
  })

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

test('drift is said in sentences', () => {
  const before = {
    filled: { mail: 0.8 },
    rules: [{ rule: 'mail', pairs: 1000, skippedValues: 0 }],
    reviewPerThousand: 2,
  }
  expect(
    driftOf(before, {
      filled: { mail: 0.7 },
      rules: [{ rule: 'mail', pairs: 2500, skippedValues: 0 }],
      reviewPerThousand: 9,
    }),
  ).toHaveLength(3)
  expect(driftOf(before, before)).toEqual([])
})
