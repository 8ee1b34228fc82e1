/**
 * `einklang bench profile [PEOPLE] [CALLS] [DIRECTORY]`: the 360° call, the customer search and a timeline page over a
 * filled house (`fill.ts`). A directory is kept and measured again without filling; without one it is thrown away.
 */
import { performance } from 'node:perf_hooks'
import type { PersonId } from '@einklang/contract'
import { chanceFrom, type Database } from '@einklang/platform'
import { compose } from '@einklang/server'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'
import { fill, nameOf, names, person } from './fill.ts'

const people = Number(process.argv[2] ?? 100_000)
const calls = Number(process.argv[3] ?? 400)
const bench = await benchGround(process.argv[4])
const { database, history } = bench.ground
const print = (figure: object) =>
  console.log(JSON.stringify({ bench: 'profile', machine: machine(), people, ...figure }))
const chance = chanceFrom('bench.profile', 'who')
const house = await compose(bench.ground, { outside: false })

try {
  const [found] = await database.rows<{ people: number }>`select count(*)::int as people from identity.person`
  if (found?.people !== people + 2) {
    const begin = performance.now()
    const cpu = bench.cpuSeconds()
    const { events, seconds } = await fill({ database, history }, people)
    // As after every import: what is new is sorted into the search index.
    await house.profile.tidySearch()
    const cpuSeconds = Math.round(bench.cpuSeconds() - cpu)
    print({
      figure: 'filled',
      seconds: Math.round((performance.now() - begin) / 1_000),
      cpuSeconds,
      events,
      parts: seconds,
    })
  }
  const pieces = {
    orders: house.commerce.orders,
    cart: (id: PersonId, on: Database) => house.commerce.openCart(on, id),
    consent: house.consent.stateOf,
    audiences: house.audience.memberships,
    messages: house.delivery.messagesOf,
    conversations: house.conversation.of,
    hold: house.decision.holdOf,
  }
  await measure('360° call', 50, 'p99', () => house.profile.view(person(chance.below(people)), pieces))
  const searched = async (q: string) => {
    const { items } = await house.profile.search({ q, limit: 20, kind: 'known', order: 'best' })
    if (items.length === 0) throw new Error(`nobody found by “${q}”`)
  }
  await measure('customer search by name', 100, 'p95', () => searched(nameOf(chance.below(people))))
  await measure('customer search by a frequent first name', 100, 'p95', () =>
    searched(names[chance.below(names.length)] as string),
  )
  await measure('customer search by a misspelt name', 100, 'p95', () =>
    searched(misspelt(nameOf(chance.below(people)))),
  )
  await measure('customer search by e-mail', 100, 'p95', () => searched(`person-${chance.below(people)}@example.com`))
  await measure('timeline page', 300, 'p95', () =>
    house.profile.timeline(person(chance.below(people)), { limit: 50, language: 'en' }),
  )
  await timelineOfMany()
} finally {
  await house.close()
  await bench.close()
}

async function measure(figure: string, bar: number, at: 'p95' | 'p99', call: () => Promise<unknown>): Promise<void> {
  for (let warm = 0; warm < 20; warm++) await call()
  const times: number[] = []
  const cpu = bench.cpuSeconds()
  for (let turn = 0; turn < calls; turn++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  const spread = spreadOf(times)
  print({
    figure,
    bar: `${at} ≤ ${bar} ms`,
    ...spread,
    cpuMilliseconds: Math.round(((bench.cpuSeconds() - cpu) / calls) * 1e5) / 100,
  })
}

/** All pages of the person with 10,000 events, one after the other. */
async function timelineOfMany(): Promise<void> {
  const times: number[] = []
  let entries = 0
  let after: string | undefined
  do {
    const start = performance.now()
    const page = await house.profile.timeline(person(people + 1), { limit: 100, language: 'en', after })
    times.push(performance.now() - start)
    entries += page.items.length
    after = page.next ?? undefined
  } while (after !== undefined)
  if (entries !== 10_000) throw new Error(`the timeline shows ${entries} of 10,000 events`)
  print({ figure: 'timeline page of a person with 10,000 events', bar: 'p95 ≤ 300 ms', entries, ...spreadOf(times) })
}

function spreadOf(times: number[]): object {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** Two letters of the surname changed places. */
function misspelt(name: string): string {
  const at = name.indexOf(' ') + 4
  return name.slice(0, at) + (name[at + 1] ?? '') + (name[at] ?? '') + name.slice(at + 2)
}
