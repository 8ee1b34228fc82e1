/**
 * `einklang bench identity [PEOPLE] [SECONDS] [FIGURE]`: the resolver with durable commits on this machine, PostgreSQL included.
 * Identifies per second in batches and one by one, an exact undo of a person with 10,000 events, a tablet that
 * a thousand customers use, and the same events in a hundred orders. Prints one JSON line per figure.
 */
import { performance } from 'node:perf_hooks'
import type { NormalEvent, PersonId } from '@einklang/contract'
import { createIdentity, forgetEverybody, tellingOf, troubledHistory } from '@einklang/engine/identity'
import { chanceFrom } from '@einklang/platform'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'

const people = Number(process.argv[2] ?? 100_000)
const seconds = Number(process.argv[3] ?? 10)
const house = await benchGround()
const { ground } = house
const { database } = ground
const identity = createIdentity({ ground })
const print = (figure: object) => console.log(JSON.stringify({ bench: 'identity', machine: machine(), ...figure }))
const resolve = (events: NormalEvent[]) => database.transaction((tx) => identity.resolve(tx, events))
const chance = chanceFrom('bench.identity', 'stream')
let number = 0

try {
  const figures = { stream, single, undo, tablet, shuffles }
  const wanted = process.argv[4]
  for (const [name, figure] of Object.entries(figures)) if (wanted === undefined || wanted === name) await figure()
} finally {
  await house.close()
}

/** 75 % known device, 15 % device and e-mail, 10 % e-mail and card. */
function identify(): NormalEvent {
  const who = chance.below(people)
  const draw = chance.next()
  const device = { anonymous_id: `device-${who}` }
  const email = { email: `person-${who}@example.com` }
  const given = draw < 0.75 ? device : draw < 0.9 ? { ...device, ...email } : { ...email, loyalty_card: `29${who}` }
  number++
  return tellingOf(given, { number, minute: Math.floor(number / 2_000) })
}

async function stream(): Promise<void> {
  for (let done = 0; done < people; done += 1_000)
    await resolve(
      Array.from({ length: 1_000 }, (_, at) =>
        tellingOf(
          { anonymous_id: `device-${done + at}`, email: `person-${done + at}@example.com` },
          { number: ++number, minute: 0 },
        ),
      ),
    )
  await database.run`analyze`
  for (const size of [1_000, 100]) {
    const times: number[] = []
    const cpu = house.cpuSeconds()
    const begin = performance.now()
    while (performance.now() - begin < seconds * 1_000) {
      const batch = Array.from({ length: size }, identify)
      const start = performance.now()
      await resolve(batch)
      times.push(performance.now() - start)
    }
    const took = (performance.now() - begin) / 1_000
    print({
      figure: `identifies in batches of ${size}, durable`,
      people,
      perSecond: Math.round((times.length * size) / took),
      perCpuSecond: Math.round((times.length * size) / (house.cpuSeconds() - cpu)),
      ...spread(times),
    })
  }
}

async function single(): Promise<void> {
  const times: number[] = []
  for (let turn = 0; turn < 500; turn++) {
    const event = identify()
    const start = performance.now()
    await resolve([event])
    times.push(performance.now() - start)
  }
  print({ figure: 'one online call, durable', ...spread(times) })
}

async function undo(): Promise<void> {
  const events: NormalEvent[] = []
  const tell = (identifiers: { [namespace: string]: string }, minute: number) =>
    events.push(tellingOf(identifiers, { number: ++number, minute }))
  tell({ user_id: 'undo-a', email: 'undo-a@example.com' }, 0)
  tell({ loyalty_card: '7001', phone: '+491715550001' }, 1)
  tell({ user_id: 'undo-a', loyalty_card: '7001' }, 2)
  for (let each = 0; each < 10_000; each++) {
    const day = Math.floor(each / 25) * 1_440
    const kind = each % 4
    const mine = { anonymous_id: `undo-phone-${Math.floor(each / 1_500)}` }
    tell(
      kind === 0
        ? { user_id: 'undo-a', ...mine }
        : kind === 1
          ? { loyalty_card: '7001', receipt_no: `undo-${each}` }
          : kind === 2
            ? { email: 'undo-a@example.com' }
            : mine,
      3 + day + (each % 25),
    )
  }
  const stored = new Map<string, PersonId>()
  for (let at = 0; at < events.length; at += 1_000)
    for (const event of (await resolve(events.slice(at, at + 1_000))).events)
      stored.set(event.id, event.stored ?? event.person)
  const person = (await identity.find('user_id', 'undo-a')) as PersonId
  const merge = (await identity.log(person)).find(
    (row) => row.kind === 'merge' && row.via?.namespace === 'loyalty_card',
  )
  const cpu = house.cpuSeconds()
  const start = performance.now()
  const done = await identity.unmerge(merge?.id ?? '', 'bench')
  const took = performance.now() - start
  const now = await identity.current(database, [...stored.values()])
  const wrong = events.filter((event) => {
    const card = event.identifiers.some((one) => one.namespace === 'loyalty_card' && !namesLogin(event))
    const owner = now.get(stored.get(event.id) as PersonId)
    return card ? owner !== done.loser : namesLogin(event) && owner !== done.winner
  })
  print({
    figure: 'undo of a merge, person with 10,000 events',
    milliseconds: Math.round(took),
    cpuMilliseconds: Math.round((house.cpuSeconds() - cpu) * 1_000),
    eventsOnTheWrongSide: wrong.length,
  })
}

function namesLogin(event: NormalEvent): boolean {
  return event.identifiers.some((one) => one.namespace === 'user_id')
}

async function tablet(): Promise<void> {
  const start = performance.now()
  let alerted = 0
  const minuteOf = 1_000_000
  for (let customer = 0; customer < 1_000; customer++) {
    await resolve([
      tellingOf(
        { user_id: `tablet-${customer}`, anonymous_id: 'the-tablet' },
        { number: ++number, minute: minuteOf + customer },
      ),
    ])
    if (alerted === 0) {
      const row =
        await database.row`select id from identity.review_item where kind = 'hot_value' and via_value = 'the-tablet'`
      if (row) alerted = customer + 1
    }
  }
  await identity.settle()
  const merges = await database.row<{ merges: number }>`
    select count(*) as merges from identity.log where kind = 'merge' and via_value = 'the-tablet' and undone_at is null`
  const persons = await database.row<{ persons: number }>`
    select count(distinct person) as persons from identity.identifier where namespace = 'user_id' and value like 'tablet-%'`
  print({
    figure: 'one tablet, 1,000 customers',
    merges: merges?.merges,
    persons: persons?.persons,
    alertAfterCustomers: alerted,
    seconds: Math.round((performance.now() - start) / 100) / 10,
  })
}

/** Refusals, limits, changed devices, claims before and after proofs: in whatever order, the same people. */
async function shuffles(): Promise<void> {
  const cpu = house.cpuSeconds()
  let differing = 0
  for (const history of ['bench', 'second', 'third', 'fourth']) {
    const events = troubledHistory(history, 80)
    await forgetEverybody(database)
    await run([events])
    const people = JSON.stringify(await partition())
    for (let shuffle = 0; shuffle < 25; shuffle++) {
      await forgetEverybody(database)
      const order = chanceFrom('bench.shuffle', `${history} ${shuffle}`)
      const mixed = events
        .map((event) => ({ event, place: order.next() }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ event }) => event)
      const batches: NormalEvent[][] = []
      while (mixed.length > 0) batches.push(mixed.splice(0, 1 + order.below(25)))
      const workers = [1, 2, 4][shuffle % 3] as number
      await Promise.all(
        Array.from({ length: workers }, (_, worker) => run(batches.filter((_batch, at) => at % workers === worker))),
      )
      await identity.settle()
      if (JSON.stringify(await partition()) !== people) differing++
    }
  }
  print({
    figure: 'the same events in 100 orders on 1, 2 and 4 workers',
    differing,
    cpuSeconds: Math.round((house.cpuSeconds() - cpu) * 10) / 10,
  })
}

async function run(batches: NormalEvent[][]): Promise<void> {
  for (const batch of batches) await resolve(structuredClone(batch))
  await identity.settle()
}

async function partition(): Promise<string[]> {
  const rows = await database.rows<{ person: PersonId; text: string }>`
    select person, namespace || '=' || value as text from identity.identifier
    where person is not null order by namespace, value`
  return [...Map.groupBy(rows, (row) => row.person).values()]
    .map((group) => group.map((row) => row.text).join(' '))
    .sort()
}

function spread(times: number[]): object {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), milliseconds: true }
}
