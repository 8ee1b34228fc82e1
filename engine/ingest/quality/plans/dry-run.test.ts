import type { JsonObject, NormalEvent, SourceId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { placeOf } from '../finding.ts'
import { type Plan, parsePlanText, readPlan } from './document.ts'
import { dryRunOf } from './dry-run.ts'
import { learn } from './learn.ts'
import { judgeOf } from './violations.ts'

let world: TestGround
beforeAll(async () => {
  world = await testGround()
})
afterAll(() => world.close())

type Given = { kind: string; name: string; properties: JsonObject; traits?: JsonObject; client?: string }
let series = 0

/** Puts events into history under a source of their own. */
async function store(given: Given[]): Promise<{ source: SourceId; events: NormalEvent[] }> {
  const source = derivedId('source', `dry-run ${++series}`)
  const events = given.map(
    ({ kind, name, properties, traits = {} }, at) =>
      ({
        id: derivedId('event', source, String(at)),
        kind,
        name,
        identifiers: [],
        properties,
        traits,
        context: {},
      }) as unknown as NormalEvent,
  )
  const rows = events.map((event, at) => ({
    person: 'adadadad-adad-8200-8000-000000000001',
    at: new Date(Date.parse('2026-03-01T10:00:00Z') + at).toISOString(),
    received_at: '2026-03-01T12:00:00.000Z',
    id: event.id,
    source,
    source_name: 'Shop',
    kind: event.kind,
    name: event.name,
    properties: JSON.stringify(event.properties),
    context: JSON.stringify({ traits: event.traits, library: { name: 'web', version: given[at]?.client ?? '1' } }),
  }))
  await world.ground.history.insert('ingest.event', rows, `dry-run ${series}`)
  return { source, events }
}

function planOf(text: string): Plan {
  const parsed = parsePlanText(text)
  const read = 'problems' in parsed ? parsed : readPlan(parsed.document)
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read.plan
}

async function run(plan: Plan, source: SourceId) {
  const since = new Date('2026-02-20T00:00:00Z')
  const result = await dryRunOf({ history: world.ground.history, plan, source, since, step: async () => true })
  if (result === 'stopped') throw new Error('stopped')
  return result
}

/** How many events break what, by the judge that looks at live events. */
function counted(plan: Plan, events: NormalEvent[]) {
  const judge = judgeOf(plan)
  const counts: { [key: string]: number } = {}
  let violating = 0
  for (const event of events) {
    const keys = new Set(
      judge(event).map(
        ({ code, path }) => `${event.kind}|${event.kind === 'track' ? event.name : ''}|${code}|${placeOf(path)}`,
      ),
    )
    if (keys.size > 0) violating++
    for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  }
  return { counts, violating }
}

const hard = planOf(`
common:
  money: { type: number, minimum: 0, maximum: 1000.5 }
events:
  A:
    aliases: [a1]
    required: [text, "it's"]
    additionalProperties: false
    properties:
      text: { type: string, pattern: "^[a-zä]+.x?$" }
      "it's": { type: [integer, "null"] }
      money: { $ref: "#/common/money" }
      any: {}
      choice: { enum: [a, "ü\\"", 1, 2.5, true, null] }
      flag: { type: boolean }
      day: { type: string, format: date }
      mail: { type: string, format: email }
      list: { type: array, items: { type: [string, number], minimum: 3 } }
      lines:
        type: array
        items:
          type: object
          required: [sku]
          additionalProperties: false
          properties:
            sku: { type: string }
            deep: { type: object, required: [x], properties: { x: { type: array, items: { type: array, items: { type: integer } } } } }
      closed: { type: object, additionalProperties: false }
  B: {}
traits:
  additionalProperties: false
  properties: { email: { type: string, format: email }, address: { type: object, additionalProperties: false, properties: { city: { type: string } } } }
`)

const scalar = fc.oneof(
  fc.constantFrom<JsonObject[string]>(
    'a',
    'ü"',
    'äx',
    'abc\nx',
    'x'.repeat(4_097),
    '2026-03-02',
    '2026-13-02',
    'a@b.de',
    'a@b',
    '',
    1,
    2.5,
    -1,
    0,
    1e21,
    1.5e-7,
    1000.5,
    1000.6,
    true,
    false,
    null,
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.array(
    fc.dictionary(
      fc.constantFrom('sku', 'deep', 'other', '__proto__'),
      fc.oneof(
        scalar,
        fc.dictionary(
          fc.constantFrom('x', 'y'),
          fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 2 })),
          { maxKeys: 2 },
        ),
      ),
      { maxKeys: 3 },
    ),
    { maxLength: 3 },
  ),
  fc.dictionary(fc.constantFrom('city', 'other'), scalar, { maxKeys: 2 }),
) as fc.Arbitrary<JsonObject[string]>
const names = [
  'text',
  "it's",
  'money',
  'any',
  'choice',
  'flag',
  'day',
  'mail',
  'list',
  'lines',
  'closed',
  'minor',
  'extra',
  '__proto__',
  'city',
  'email',
  'address',
]
const object = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 }) as fc.Arbitrary<JsonObject>
const anEvent = fc.record({
  kind: fc.constantFrom('track', 'track', 'track', 'identify', 'page'),
  name: fc.constantFrom('A', 'A', 'A', 'a1', 'B', 'C', ' a'),
  properties: object,
  traits: object,
})

test('a dry run in ClickHouse finds what the judge of live events finds, event for event', async () => {
  // `JSON.stringify` is the way into history: what it does to a value happens before both.
  const given = fc.sample(anEvent, { numRuns: 3_000, seed: 7 }).map((one) => JSON.parse(JSON.stringify(one)) as Given)
  const { source, events } = await store(given)
  const result = await run(hard, source)
  const { counts, violating } = counted(hard, events)
  const found = Object.fromEntries(
    result.violations.map(({ kind, event, code, path, count }) => [`${kind}|${event}|plan.${code}|${path}`, count]),
  )
  expect(found).toEqual(counts)
  expect(Object.keys(counts).length).toBeGreaterThan(30)
  expect(result.violating).toBe(violating)
  expect(result.events).toBe(events.filter(({ kind }) => kind !== 'page').length)
  expect(result.violations.every(({ samples, count }) => samples.length === Math.min(3, count))).toBe(true)
})

test('tells clients, share, time, a name that was meant, and how the wrong value looks', async () => {
  const plan = planOf('events: { Order Completed: { properties: { mail: { type: number } } } }')
  const { source } = await store([
    { kind: 'track', name: 'Order Completed', properties: { mail: 'anna@x.de' }, client: '2.0' },
    { kind: 'track', name: 'Order Completed', properties: { mail: 'b' }, client: '1.0' },
    { kind: 'track', name: 'Order Completed', properties: { mail: 'c' }, client: '2.0' },
    { kind: 'track', name: 'Order Completed', properties: { mail: 3 }, client: '2.0' },
    { kind: 'track', name: 'order completed', properties: {} },
  ])
  const { violations } = await run(plan, source)
  expect(violations).toMatchObject([
    {
      code: 'wrong_type',
      event: 'Order Completed',
      path: 'properties.mail',
      count: 3,
      share: 0.75,
      sources: ['Shop'],
      clients: [
        { client: 'web 2.0', count: 2 },
        { client: 'web 1.0', count: 1 },
      ],
      firstAt: '2026-03-01T10:00:00.000Z',
      lastAt: '2026-03-01T10:00:00.002Z',
    },
    { code: 'unplanned_event', event: 'order completed', didYouMean: 'Order Completed', share: 1 },
  ])
  expect(violations[0]?.samples.map(({ found }) => found).toSorted()).toEqual([
    'string a',
    'string a',
    'string aaaa@a.aa',
  ])
})

test('stops when told to', async () => {
  const { source } = await store([{ kind: 'track', name: 'A', properties: {} }])
  const result = await dryRunOf({
    history: world.ground.history,
    plan: hard,
    source,
    since: new Date('2026-02-20T00:00:00Z'),
    step: async () => false,
  })
  expect(result).toBe('stopped')
})

test('whatever came, the plan learned from it finds nothing wrong with it', async () => {
  const seeds = [11, 12]
  for (const seed of seeds) {
    // Below 200 events of a name "nearly always there" is "always there".
    const given = fc.sample(anEvent, { numRuns: 190, seed }).map((one) => JSON.parse(JSON.stringify(one)) as Given)
    const { source, events } = await store(given)
    const learned = await learn(world.ground.history, { source, since: new Date('2026-02-20T00:00:00Z') })
    const read = readPlan(learned.document)
    if ('problems' in read) throw new Error(JSON.stringify(read.problems))
    // What the judge finds a dry run finds too, see above.
    expect(counted(read.plan, events).counts, `seed ${seed}`).toEqual({})
    expect(read.plan.count.properties).toBeGreaterThan(20)
  }
}, 180_000)
