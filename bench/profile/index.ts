/**
 * `einklang bench profile [PEOPLE]`: the 360° call, the customer search and a timeline page over a filled house.
 * Each person has a login, an e-mail, a device, three orders and fifty events; one has 10,000 events. Filled by set SQL.
 */
import { performance } from 'node:perf_hooks'
import type { PersonId } from '@einklang/contract'
import { chanceFrom, type Database } from '@einklang/platform'
import { compose } from '@einklang/server'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'

const people = Number(process.argv[2] ?? 100_000)
const calls = Number(process.argv[3] ?? 400)
const bench = await benchGround()
const { database, history } = bench.ground
const print = (figure: object) =>
  console.log(JSON.stringify({ bench: 'profile', machine: machine(), people, ...figure }))
const names = ['Anna', 'Bert', 'Carla', 'Dieter', 'Eva', 'Frank', 'Gisela', 'Hans', 'Ida', 'Jonas']
/** Surnames are numbers spelled with these. */
const letters = 'bcdfghjklmnpqrst'
const chance = chanceFrom('bench.profile', 'who')
const house = await compose(bench.ground, { outside: false })

/** The id of a number, so that all tables name the same people. */
const person = (number: number) => `${hex(number, 8)}-0000-8200-8000-${hex(number, 12)}` as PersonId
const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0')
const inSql = `(lpad(to_hex(n), 8, '0') || '-0000-8200-8000-' || lpad(to_hex(n), 12, '0'))::uuid`

try {
  const begin = performance.now()
  await fill(database)
  await fillHistory()
  // As after every import: what is new is sorted into the search index and into the parts of history.
  await house.profile.tidySearch()
  await history.run`optimize table ingest.event settings max_execution_time = 0`
  print({ figure: 'filled', seconds: Math.round((performance.now() - begin) / 1_000), events: people * 50 + 10_000 })
  const pieces = {
    orders: house.commerce.orders,
    cart: (id: PersonId) => house.commerce.openCart(database, id),
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

async function fill(on: Database): Promise<void> {
  const everybody = plain(`generate_series(0, ${people + 1}) as n`)
  const id = plain(inSql)
  const words = plain(
    `(array[${names.map((name) => `'${name}'`).join(',')}])[1 + n % ${names.length}] as first_name, 'Na' || translate(to_hex(n * 2654435761 % 4294967296), '0123456789abcdef', '${letters}') as last_name`,
  )
  const who = plain(`'11111111-1111-8100-8000-111111111111'::uuid`)
  const run = (text: string) => on.run([text] as unknown as TemplateStringsArray)
  await run(`insert into identity.person (id, first_seen_at) select ${id}, now() - interval '1 year' from ${everybody}`)
  for (const [namespace, value] of [
    ['user_id', `'u' || n`],
    ['email', `'person-' || n || '@example.com'`],
    ['anonymous_id', `'device-' || n`],
  ])
    await run(`insert into identity.identifier (namespace, value, person, trust, first_seen_at, last_seen_at, source, event,
        with_namespace, with_value, first_person, attached_log, since)
      select '${namespace}', ${value}, ${id}, 'verified', now() - interval '1 year', now(), ${who}, ${who},
        ${namespace === 'user_id' ? 'null, null' : `'user_id', 'u' || n`}, ${id}, 1, now() - interval '1 year' from ${everybody}`)
  await run(`insert into profile.person (person, first_name, last_name, email, city, known, first_seen, last_seen, seen_day)
    select ${id}, first_name, last_name, 'person-' || n || '@example.com', 'Köln', true, now() - interval '1 year', now(), now()::date
    from ${everybody}, lateral (select ${words}) as w`)
  await run(`insert into profile.document (person, text)
    select person, ' ' || lower(first_name || ' ' || last_name) || ' | ' || email || ' | koeln ' from profile.person`)
  for (const [name, value] of [
    ['first_name', 'first_name'],
    ['last_name', 'last_name'],
    ['email', 'email'],
    ['city', 'city'],
  ])
    await run(`insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
      select person, '${name}', ${who}, to_jsonb(${value}), ${value}, 'verified', first_seen, last_seen, last_seen, ${who} from profile.person`)
  await run(`insert into profile.event_count (person, name, day, count)
    select ${id}, name, now()::date - day, 3 from ${everybody}, unnest(array['Product Viewed', 'Product Added', 'Page Viewed']) as name,
      generate_series(1, 4) as day`)
  await run(`insert into commerce.purchase (id, person, kind, order_no, channel, at, total, currency, source, trusted, event)
    select gen_random_uuid(), ${id}, 'order', 'O' || n || '-' || turn, 'web', now() - turn * interval '40 days', 4995, 'EUR', ${who}, true, gen_random_uuid()
    from ${everybody}, generate_series(1, 3) as turn`)
  await run('analyze')
}

async function fillHistory(): Promise<void> {
  const columns = `person, at, id, source, source_name, kind, name, channel, received_at, order_no, value, currency, campaign,
    medium, utm_source, referrer, url, message_id, place, sku, properties, context, flags, batch`
  const row = (
    who: string,
  ) => `toUUID(${who}), now64(3) - toIntervalMinute(number % 500000), generateUUIDv4(), generateUUIDv4(),
    'shop', 'track', ['Product Viewed', 'Product Added', 'message.opened', 'Order Completed'][1 + number % 4],
    ['web', 'app', 'email', 'store'][1 + number % 4], now64(3), '', 0, 'EUR', '', '', '', '', 'https://shop.example/p', '', '',
    ['SKU-1'], '{"name":"Ankle boot","price":89.95}', '{}', [], 1`
  const idOf = (number: string) =>
    `concat(leftPad(lower(hex(toUInt32(${number}))), 8, '0'), '-0000-8200-8000-', leftPad(lower(hex(toUInt64(${number}))), 12, '0'))`
  const run = (text: string) => history.run([text] as unknown as TemplateStringsArray)
  const block = 500_000
  const all = people * 50 + 10_000
  const who = idOf(`if(number >= ${people * 50}, ${people + 1}, number % ${people})`)
  for (let from = 0; from < all; from += block)
    await run(`insert into ingest.event (${columns}) settings insert_deduplicate = 0, max_execution_time = 0 select ${row(who)}
      from numbers(${from}, ${Math.min(block, all - from)})`)
}

function plain(text: string): string {
  return text
}

function nameOf(number: number): string {
  const digits = ((number * 2654435761) % 4294967296).toString(16)
  return `${names[number % names.length]} Na${Array.from(digits, (digit) => letters[Number.parseInt(digit, 16)]).join('')}`
}

/** Two letters of the surname changed places. */
function misspelt(name: string): string {
  const at = name.indexOf(' ') + 4
  return name.slice(0, at) + (name[at + 1] ?? '') + (name[at] ?? '') + name.slice(at + 2)
}
