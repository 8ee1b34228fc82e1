/**
 * `einklang bench identity [PEOPLE] [SECONDS] [FIGURE]`: the resolver with durable commits on this machine, PostgreSQL included.
 * Identifies per second in batches and one by one, an exact undo of a person with 10,000 events, a tablet that
 * a thousand customers use, the same events in a hundred orders, and permissions over random joins, undos and splits.
 * Prints one JSON line per figure. For `permissions` alone the two numbers are sequences and seed.
 */
import { performance } from 'node:perf_hooks'
import type { NormalEvent, PersonId } from '@einklang/contract'
import { createIdentity, forgetEverybody, tellingOf, troubledHistory } from '@einklang/engine/identity'
import { chanceFrom } from '@einklang/platform'
import { compose } from '@einklang/server'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'

const people = Number(process.argv[2] ?? 100_000)
const seconds = Number(process.argv[3] ?? 10)
const bench = await benchGround()
const { ground } = bench
const { database } = ground
const identity = createIdentity({ ground })
const print = (figure: object) => console.log(JSON.stringify({ bench: 'identity', machine: machine(), ...figure }))
const resolve = (events: NormalEvent[]) => database.transaction((tx) => identity.resolve(tx, events))
const chance = chanceFrom('bench.identity', 'stream')
let number = 0

try {
  const figures = { stream, single, undo, tablet, shuffles, permissions }
  const wanted = process.argv[4]
  for (const [name, figure] of Object.entries(figures)) if (wanted === undefined || wanted === name) await figure()
} finally {
  await bench.close()
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
    const cpu = bench.cpuSeconds()
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
      perCpuSecond: Math.round((times.length * size) / (bench.cpuSeconds() - cpu)),
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
  const cpu = bench.cpuSeconds()
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
    cpuMilliseconds: Math.round((bench.cpuSeconds() - cpu) * 1_000),
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

/** Refusals, limits, changed devices, claims and proofs: in whatever order, decided anew whenever, the same people. */
async function shuffles(): Promise<void> {
  const cpu = bench.cpuSeconds()
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
    cpuSeconds: Math.round((bench.cpuSeconds() - cpu) * 10) / 10,
  })
}

type Side = 'ada' | 'bea'
/** Two people of one little world, and what was said in it; an interpreter of its own, to compare with. */
type World = {
  number: number
  joined: boolean
  grants: { [side in Side]: number }
  /** About the address of one side, or about a person: then of all sides that were this person. */
  denials: { at: number; address: Side | null; sides: Side[] }[]
}

/**
 * Random grants, withdrawals, objections, joins, undos and splits in little worlds of two people each: no join opens an
 * address, and never is one open for which the last word was a denial, by somebody who is or was this person.
 */
async function permissions(): Promise<void> {
  const house = await compose(ground, { outside: false })
  const { consent, profile } = house
  const alone = process.argv[4] === 'permissions'
  const draws = chanceFrom('bench.identity', alone ? `permissions ${seconds}` : 'permissions')
  const sequences = alone ? people : 300
  const steps = 8
  const sides: Side[] = ['ada', 'bea']
  const worlds = Array.from(
    { length: sequences },
    (_, number): World => ({ number, joined: false, grants: { ada: -1, bea: -1 }, denials: [] }),
  )
  const addressOf = (world: World, side: Side) => `${side}-${world.number}@example.com`
  const idOf = (world: World, side: Side) =>
    side === 'ada' ? { user_id: `permission-${world.number}` } : { loyalty_card: `31${world.number}` }
  const personOf = (world: World, side: Side) => {
    const [[namespace, value]] = Object.entries(idOf(world, side)) as [[string, string]]
    return house.identity.find(namespace, value) as Promise<PersonId>
  }
  const minuteOf = (step: number) => 2_000_000 + step * 10
  const happen = async (events: NormalEvent[]) => {
    for (let from = 0; from < events.length; from += 1_000)
      await database.transaction(async (tx) => {
        const batch = await house.identity.resolve(tx, events.slice(from, from + 1_000))
        await profile.apply(tx, batch)
        await consent.apply(tx, batch)
      })
    await house.identity.settle()
  }
  const grantOf = (world: World, side: Side, minute: number) => {
    const at = tellingOf({}, { number: 0, minute }).at
    const said = { consent_email: 'ja', consent_at: at, consent_proof: `DOI-${world.number}-${minute}` }
    const address = { email: addressOf(world, side) }
    return tellingOf(
      { ...idOf(world, side), ...address },
      { number: ++number, minute, traits: { ...address, ...said } },
    )
  }
  const asked = async (): Promise<Map<string, boolean>> => {
    const found = new Map<string, boolean>()
    const questions = worlds.flatMap((world) => sides.map((side) => ({ world, side })))
    // Eight at a time: the database answers one while we ask the next.
    for (let from = 0; from < questions.length; from += 8)
      await Promise.all(
        questions.slice(from, from + 8).map(async ({ world, side }) => {
          const person = await personOf(world, side)
          const address = addressOf(world, side)
          const permission = await consent.may(database, { person, purpose: 'newsletter', channel: 'email', address })
          found.set(address, permission.allowed)
        }),
      )
    return found
  }
  const cpu = bench.cpuSeconds()
  await happen(worlds.flatMap((world) => sides.map((side) => grantOf(world, side, minuteOf(0) - 5))))
  for (const world of worlds) for (const side of sides) world.grants[side] = minuteOf(0) - 5
  let [widenings, opened, undone, split, joins, open] = [0, 0, 0, 0, 0, 0]
  let before = await asked()
  for (let step = 1; step <= steps; step++) {
    const minute = minuteOf(step)
    const events: NormalEvent[] = []
    const joining = new Set<World>()
    for (const world of worlds) {
      const deed = draws.below(6)
      const side = sides[draws.below(2)] as Side
      if (deed === 0) {
        events.push(grantOf(world, side, minute))
        world.grants[side] = minute
      } else if (deed === 1 || deed === 2) {
        const address = deed === 1 ? side : null
        world.denials.push({ at: minute, address, sides: world.joined ? sides : [side] })
        await database.transaction(async (tx) =>
          consent.record(tx, [
            {
              person: await personOf(world, side),
              stance: 'deny',
              purpose: 'newsletter',
              channel: 'email',
              address: address === null ? null : addressOf(world, side),
              happenedAt: tellingOf({}, { number: 0, minute }).at,
              source: 'bench',
            },
          ]),
        )
      } else if (!world.joined) {
        events.push(tellingOf({ ...idOf(world, 'ada'), ...idOf(world, 'bea') }, { number: ++number, minute }))
        joining.add(world)
      } else if (deed === 3) {
        const person = await personOf(world, 'ada')
        const identifiers = Object.entries({ ...idOf(world, 'bea'), email: addressOf(world, 'bea') })
        await house.identity.split({
          person,
          identifiers: identifiers.map(([namespace, value]) => ({ namespace, value })),
          reason: 'bench',
          actor: 'bench',
        })
        split++
        world.joined = false
      } else if (deed === 4) {
        const merge = (await house.identity.log(await personOf(world, 'ada'))).find((row) => row.mayUndo)
        if (merge && (await house.identity.unmerge(merge.id, 'bench')).changed) undone++
      }
    }
    await happen(events)
    const after = await asked()
    for (const world of worlds) {
      world.joined = (await personOf(world, 'ada')) === (await personOf(world, 'bea'))
      if (world.joined && joining.has(world)) joins++
      for (const side of sides) {
        const address = addressOf(world, side)
        if (!after.get(address)) continue
        open++
        if (joining.has(world) && !before.get(address)) opened++
        const denied = world.denials.some(
          (denial) =>
            denial.at > world.grants[side] &&
            (denial.address === null ? world.joined || denial.sides.includes(side) : denial.address === side),
        )
        if (denied) widenings++
      }
    }
    before = after
  }
  await house.close()
  print({
    figure: 'permissions over random grants, denials, joins, undos and splits',
    sequences,
    steps,
    joins,
    undone,
    split,
    foundOpen: open,
    openedByAJoin: opened,
    openAgainstTheLastWord: widenings,
    cpuSeconds: Math.round(bench.cpuSeconds() - cpu),
  })
}

async function run(batches: NormalEvent[][]): Promise<void> {
  for (const [at, batch] of batches.entries()) {
    await resolve(structuredClone(batch))
    if (at % 2 === 1) await identity.settle()
  }
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
