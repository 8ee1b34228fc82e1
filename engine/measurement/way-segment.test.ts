import type { PersonId } from '@einklang/contract'
import type { Caller } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createAudience } from '#audience'
import { createMeasurement, type Measurement } from './index.ts'
import { personNamed, type Told, tell } from './town.ts'

vi.setConfig({ testTimeout: 60_000 })

let town: TestGround
let measurement: Measurement
let members: (segment: string) => Promise<PersonId[]>
const by: Caller = { kind: 'key', key: 'k', roles: [], name: 'Mara' }
const flow = { step: 1, source: 'email', target: 'order', from: '2026-02-01', to: '2026-02-28', permitted: null }

beforeAll(async () => {
  town = await testGround()
  const { ground } = town
  const audience = createAudience({ ground })
  members = async (segment) =>
    (
      await ground.database.rows<{ person: PersonId }>`
        select person from audience.member where audience = ${segment}::uuid order by person`
    ).map(({ person }) => person)
  measurement = createMeasurement({
    ground,
    setScore: async (tx, rows) => {
      await tx.run`
        insert into profile.given_score (person, name, value, low, high, as_of)
        select r.person, r.name, r.value, r.low, r.high, r."asOf"
        from jsonb_to_recordset(${tx.json(rows)}) as r(person uuid, name text, value float8, low float8, high float8, "asOf" timestamptz)`
    },
    async saveSegment(draft, who, fill) {
      const made = await audience.create(draft, who)
      await ground.database.transaction(async (tx) => audience.recompute(tx, await fill(tx)))
      return { audience: made.audience, members: (await audience.size(draft.predicate)).size }
    },
  })
  const went = (person: string, ordered: boolean): Told[] => [
    {
      person,
      at: '2026-02-10T10:00:00Z',
      name: 'message.clicked',
      channel: 'email',
      campaign: 'Spring',
      message: person,
      properties: { channel: 'email' },
    },
    ...(ordered
      ? [{ person, at: '2026-02-10T12:00:00Z', name: 'Order Completed', orderNo: person, value: 5000 } satisfies Told]
      : []),
  ]
  await tell(ground.history, 1, [
    ...['ada', 'bob', 'objector', 'stranger'].flatMap((name) => went(name, true)),
    ...went('window shopper', false),
  ])
  for (const name of ['ada', 'bob', 'objector', 'window shopper'])
    await ground.database.run`
      insert into profile.person (person, email, known, first_seen, last_seen, seen_day)
      values (${personNamed(name)}, ${`${name}@example.org`}, true, platform.now(), platform.now(), '2026-03-02')`
  await ground.database.run`
    insert into consent.signal (person, purpose, at, known_at, event)
    values (${personNamed('objector')}, 'profiling', platform.now(), platform.now(), ${personNamed('objector')})`
  await measurement.buildNow()
})
afterAll(() => town.close())

test('who went along a flow becomes a segment: those we know, without those who object', async () => {
  const { permitted: _, ...way } = flow
  expect(await measurement.sizeOfWay(way)).toEqual({
    persons: 4,
    known: 3,
    objecting: 1,
    hidden: [{ because: 'profiling', persons: 1 }],
  })
  const made = await measurement.segmentOfWay({ ...flow, name: 'Mail, then order' }, by)
  expect(made).toMatchObject({ persons: 4, known: 3, objecting: 1, members: 2 })
  expect(await members(made.audience)).toEqual([personNamed('ada'), personNamed('bob')].toSorted())
})

test('nobody reachable by permission means an empty segment; an empty flow and a flow of strangers are refused', async () => {
  const permitted = { purpose: 'newsletter', channel: 'email' } as const
  expect(await measurement.segmentOfWay({ ...flow, name: 'With permission', permitted }, by)).toMatchObject({
    members: 0,
  })
  await expect(measurement.segmentOfWay({ ...flow, name: 'Nobody', source: 'radio' }, by)).rejects.toThrow('empty_way')
  await expect(measurement.segmentOfWay({ ...flow, name: 'Mail, then order' }, by)).rejects.toMatchObject({
    code: 'name_taken',
  })
})
