import type { Block } from '@einklang/platform'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Facts, Merges } from './facts.ts'
import { Ids, idTexts, idWords } from './ids.ts'
import { Sources } from './sources.ts'
import { keysOf, pathRows, walk } from './walk.ts'

type Told = { who: number; at: number; name?: string; channel?: string; medium?: string; message?: string }
type Bought = { who: number; at: number; returned?: number }

const minute = 60_000
const day = 1440 * minute
const idOf = (kind: number, number: number) => Uint32Array.from([number, kind, 7, 0x80000000])
const ids = (kind: number, numbers: number[]) => ({
  type: 'UUID' as const,
  numbers: Uint32Array.from(numbers.flatMap((number) => [...idOf(kind, number)])),
})
const texts = (all: string[]) => ({ type: 'String' as const, text: (row: number) => all[row] as string })

/** The medium is the channel; a source without one is direct. */
async function walked(
  told: Told[],
  bought: Bought[],
  merges = new Merges(),
  has: (person: Uint32Array) => boolean = () => true,
) {
  const facts = new Facts()
  const sources = new Sources()
  const events: Block = {
    rows: told.length,
    columns: {
      person: ids(
        1,
        told.map(({ who }) => who),
      ),
      id: ids(
        2,
        told.map((_, index) => index),
      ),
      moment: { type: 'DateTime64', numbers: Float64Array.from(told, ({ at }) => at) },
      came: { type: 'UInt8', numbers: new Uint8Array(told.length) },
      message_id: texts(told.map(({ message }) => message ?? '')),
      medium: texts(told.map(({ medium }) => medium ?? '')),
      utm_source: texts(told.map(({ medium }) => medium ?? '')),
      event_name: texts(told.map(({ name }) => name ?? 'Home')),
      event_channel: texts(told.map(({ channel }) => channel ?? 'web')),
    },
  }
  facts.addEvents(events, sources, merges, has)
  facts.addOrders({
    rows: bought.length,
    columns: {
      person: ids(
        1,
        bought.map(({ who }) => who),
      ),
      stored: ids(
        1,
        bought.map(({ who }) => who),
      ),
      at: { type: 'DateTime64', numbers: Float64Array.from(bought, ({ at }) => at) },
      event: ids(
        3,
        bought.map((_, index) => index),
      ),
      value: { type: 'Int64', numbers: new Float64Array(bought.length).fill(100) },
      returned: { type: 'Int64', numbers: Float64Array.from(bought, ({ returned }) => returned ?? 0) },
      ...Object.fromEntries(
        ['order_no', 'currency', 'sold_via', 'place'].map((name) => [name, texts(bought.map(() => 'x'))]),
      ),
    },
  })
  await sources.group(async (fresh) => fresh.map(({ medium }) => medium || 'direct'))
  const walking = walk(facts, sources)
  let step = walking.next()
  while (step.done !== true) step = walking.next()
  const paths = step.value
  const block = pathRows(paths, keysOf(paths), {
    sources,
    known: () => false,
    gone: { size: 0, person: new Uint32Array(0), at: new Float64Array(0), event: new Uint32Array(0) },
    build: 1,
  })
  const next = block.columns.next
  if (next?.type !== 'LowCardinality(String)') throw new Error('no words')
  return Array.from({ length: paths.size }, (_, path) => ({
    who: facts.persons.words[(paths.person[path] as number) * 4] as number,
    order: paths.order[path] as number,
    first: paths.first[path] === 1,
    next: next.words[next.places[path] as number] as string,
    touches: [...paths.touches.subarray(path === 0 ? 0 : paths.ends[path - 1], paths.ends[path])],
  }))
}

const start = Date.parse('2026-01-01T00:00:00Z')

test('a visit ends with half an hour of silence or where another link leads from', async () => {
  const home = (at: number, medium?: string): Told => ({
    who: 1,
    at: start + at * minute,
    ...(medium ? { medium } : {}),
  })
  const [path] = await walked([home(0), home(30), home(61), home(62, 'cpc'), home(63, 'cpc'), home(70)], [])
  expect(path?.touches).toEqual([0, 2, 3])
})

test('a message counts once, by its best evidence, and not at all when it came back', async () => {
  const mail = (at: number, name: string, message: string): Told => ({
    who: 1,
    at: start + at * day,
    name,
    message,
    medium: message,
    channel: 'email',
  })
  const told = [
    mail(0, 'message.opened', 'a'),
    mail(1, 'message.clicked', 'a'),
    mail(2, 'message.clicked', 'a'),
    mail(3, 'message.opened', 'b'),
    mail(4, 'message.bounced', 'b'),
  ]
  expect((await walked(told, [])).map(({ touches }) => touches)).toEqual([[1]])
})

test('an order ends a path, also at the instant of a touch; what lies too far before it leads nowhere', async () => {
  const visit = (at: number, medium: string): Told => ({ who: 1, at: start + at * day, medium })
  const told = [visit(0, 'letter'), visit(1, 'catalogue'), visit(90, 'cpc'), visit(95, 'email'), visit(200, 'cpc')]
  const bought = [
    { who: 1, at: start + 95 * day, returned: 5 },
    { who: 1, at: start + 300 * day },
  ]
  expect(await walked(told, bought)).toEqual([
    { who: 1, order: -1, first: false, next: '', touches: [0] },
    { who: 1, order: 0, first: true, next: 'return', touches: [1, 2, 3] },
    { who: 1, order: -1, first: false, next: '', touches: [4] },
    { who: 1, order: 1, first: false, next: 'nothing', touches: [] },
  ])
})

test('who is merged walks as one, in any order of arrival; who belongs elsewhere does not walk here', async () => {
  const merges = new Merges()
  merges.add({ rows: 1, columns: { loser: ids(1, [2]), winner: ids(1, [1]) } })
  // Who is left out is no fact and has no number.
  const told = [
    { who: 2, at: start + 2 * day, medium: 'b' },
    { who: 1, at: start + 3 * day, medium: 'c' },
    { who: 3, at: start, medium: 'd' },
    { who: 1, at: start + day, medium: 'a' },
  ]
  const ways = await walked(told, [], merges, (person) => person[0] !== 3)
  expect(ways.map(({ who, touches }) => [who, touches])).toEqual([[1, [2, 0, 1]]])
})

test('every touch lies on one path, every order ends one, whatever the order of arrival', async () => {
  const crowd = fc.array(fc.record({ who: fc.integer({ min: 0, max: 3 }), at: fc.integer({ min: 0, max: 400 }) }), {
    minLength: 20,
    maxLength: 60,
  })
  for (const [index, drawn] of fc.sample(crowd, { numRuns: 20, seed: 3 }).entries()) {
    const at = (days: number, number: number) => start + days * day + number
    const told = drawn.map(({ who, at: days }, number): Told => ({ who, at: at(days, number), medium: `m${number}` }))
    const bought = drawn
      .filter((_, number) => number % 5 === index % 5)
      .map(({ who, at: days }) => ({ who, at: at(days, 500) }))
    const paths = await walked(told, bought)
    expect(paths.flatMap(({ touches }) => touches).toSorted((one, other) => one - other)).toEqual(
      told.map((_, number) => number),
    )
    expect(
      paths
        .map(({ order }) => order)
        .filter((order) => order >= 0)
        .toSorted((one, other) => one - other),
    ).toEqual(bought.map((_, number) => number))
    for (const { who, touches } of paths) expect(touches.every((touch) => told[touch]?.who === who)).toBe(true)
  }
})

test('ids keep their number however many there are, and are written as they were', () => {
  const all = new Ids()
  for (let number = 0; number < 5000; number++) expect(all.add(idOf(number % 3, number), 0)).toBe(number)
  for (let number = 0; number < 5000; number++) expect(all.find(idOf(number % 3, number), 0)).toBe(number)
  expect(all.find(idOf(4, 1), 0)).toBe(-1)
  const text = '0198c0de-0001-7002-8003-00000000f004'
  expect(idTexts(idWords(text), 0, 1)).toEqual([text])
})
