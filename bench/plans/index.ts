/**
 * `einklang bench plans [EVENTS]`: a draft of a tracking plan judged against stored events inside ClickHouse, and the same
 * plan judged event by event as live events are. Prints rows per second, processor seconds and memory. Default: one
 * million events; the bar is ten million in 60 s.
 */
import { performance } from 'node:perf_hooks'
import type { JsonObject, NormalEvent, SourceId } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { parsePlanText, readPlan } from '../../engine/ingest/quality/plans/document.ts'
import { dryRunOf } from '../../engine/ingest/quality/plans/dry-run.ts'
import { learn } from '../../engine/ingest/quality/plans/learn.ts'
import { judgeOf } from '../../engine/ingest/quality/plans/violations.ts'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'

const events = Number(process.argv[2] ?? 1_000_000)
const print = (figure: object) => console.log(JSON.stringify({ bench: 'plans', machine: machine(), ...figure }))

/** Two of a hundred events break it: a currency in words, a price as text, a property nobody planned. */
const text = `
actions: { additional_property: strip }
common:
  money: { type: number, minimum: 0 }
events:
  Product Viewed:
    required: [sku, price, currency]
    additionalProperties: false
    properties:
      sku: { type: string, pattern: "^[A-Z]{2}-[0-9]{4,8}$" }
      name: { type: string }
      price: { $ref: "#/common/money" }
      currency: { type: string, enum: [EUR, CHF] }
      url: { type: string, format: uri }
      category: { type: string }
  Order Completed:
    identifiers: [user_id, email, anonymous_id]
    required: [order_id, total, products]
    additionalProperties: false
    properties:
      order_id: { type: string }
      total: { $ref: "#/common/money" }
      currency: { type: string, enum: [EUR, CHF] }
      coupon: { type: [string, "null"] }
      products:
        type: array
        items:
          type: object
          required: [sku, price, quantity]
          properties:
            sku: { type: string }
            name: { type: string }
            price: { $ref: "#/common/money" }
            quantity: { type: integer, minimum: 1 }
  Cart Viewed: { properties: { value: { $ref: "#/common/money" } } }
`

const parsed = parsePlanText(text)
const read = 'problems' in parsed ? parsed : readPlan(parsed.document)
if ('problems' in read) throw new Error(JSON.stringify(read.problems))
const { plan } = read
const source = derivedId('source', 'bench plans') as SourceId
const house = await benchGround()
try {
  const { history } = house.ground
  await fill()
  const [size] = await history.rows<{ bytes: number }>`
    select sum(length(properties) + length(context)) as bytes from ingest.event`
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 50)
  for (let round = 0; round < 3; round++) {
    const cpu = process.cpuUsage()
    const begun = performance.now()
    const result = await dryRunOf({ history, plan, source, since: new Date(0), step: async () => true })
    if (result === 'stopped') throw new Error('The dry run stopped by itself.')
    const seconds = (performance.now() - begun) / 1000
    const used = process.cpuUsage(cpu)
    const processorSeconds = (used.user + used.system) / 1e6
    print({
      figure: 'dry run',
      round,
      events: result.events,
      violating: result.violating,
      kinds: result.violations.length,
      seconds: rounded(seconds),
      eventsPerSecond: Math.round(result.events / seconds),
      processorSeconds: rounded(processorSeconds),
      tenMillionInProcessorSeconds: rounded((processorSeconds / result.events) * 1e7),
      bytesPerEvent: Math.round((size?.bytes ?? 0) / events),
    })
  }
  const begun = performance.now()
  const learned = await learn(history, { source, since: new Date(0) })
  print({
    figure: 'learn',
    events: learned.events,
    names: learned.names,
    seconds: rounded((performance.now() - begun) / 1000),
    megabytesOfThisProcess: Math.round(most / 1024 ** 2),
  })
  clearInterval(watch)
} finally {
  await house.close()
}
live()

/** The judge of live events, one thread, nothing but the judgement. */
function live(): void {
  const judge = judgeOf(plan)
  const some = Array.from({ length: 20_000 }, (_, at) => eventOf(at))
  for (const event of some) judge(event)
  const cpu = process.cpuUsage()
  let found = 0
  for (let round = 0; round < 10; round++) for (const event of some) found += judge(event).length
  const used = process.cpuUsage(cpu).user / 1e6
  print({
    figure: 'live judgement',
    events: some.length * 10,
    found,
    microsecondsPerEvent: rounded((used / (some.length * 10)) * 1e6),
    eventsPerSecondAndCore: Math.round((some.length * 10) / used),
  })
}

function eventOf(at: number): NormalEvent {
  const wrong = at % 49 === 0
  const name = at % 10 === 0 ? 'Order Completed' : at % 7 === 0 ? 'Cart Viewed' : 'Product Viewed'
  const product = { sku: `AB-${10_000 + (at % 5_000)}`, name: `Schuh ${at % 5_000}`, price: 19.9 + (at % 80) }
  const properties: JsonObject =
    name === 'Order Completed'
      ? {
          order_id: `A-${at}`,
          total: wrong ? '39.80' : 39.8,
          currency: 'EUR',
          coupon: at % 3 === 0 ? null : 'HERBST',
          products: [
            { ...product, quantity: 1 },
            { ...product, quantity: 1 },
          ],
        }
      : name === 'Cart Viewed'
        ? { value: 12.5 }
        : {
            ...product,
            currency: wrong ? 'Euro' : 'EUR',
            url: `https://shop.example/schuh/${at % 5_000}`,
            category: 'Schuhe/Damen',
            ...(wrong ? { surprise: at } : {}),
          }
  return {
    kind: 'track',
    name,
    identifiers: [{ namespace: 'anonymous_id', value: `d${at % 100_000}`, trust: 'claimed' }],
    traits: {},
    properties,
    context: {},
  } as unknown as NormalEvent
}

/** Made inside ClickHouse, from 20,000 events that were written once. */
async function fill(): Promise<void> {
  const { history } = house.ground
  const made = 20_000
  const rows = Array.from({ length: made }, (_, at) => {
    const event = eventOf(at)
    return {
      person: derivedId('person', String(at % 5_000)),
      at: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
      received_at: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
      id: derivedId('event', source, String(at)),
      source,
      source_name: 'Bench',
      kind: 'track',
      name: event.name,
      channel: 'web',
      properties: JSON.stringify(event.properties),
      context: JSON.stringify({
        library: { name: 'analytics.js', version: `4.${at % 3}` },
        page: { url: 'https://shop.example/', path: '/' },
        userAgent: 'Mozilla/5.0 (X11; Linux x64)',
      }),
    }
  })
  await history.insert('ingest.event', rows, 'bench plans')
  for (let there = made; there < events; ) {
    const more = Math.min(there, events - there)
    await history.run`
      insert into ingest.event (person, at, received_at, id, source, source_name, kind, name, channel, properties, context)
      select person, at, received_at, generateUUIDv4(), source, source_name, kind, name, channel, properties, context
      from ingest.event limit ${more} settings insert_deduplicate = 0`
    there += more
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
