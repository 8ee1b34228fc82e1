/** What is asked about contacts beside the path of events: mail servers of domains, towns at postcodes. */

import type { NormalEvent } from '@einklang/contract'
import { testGround } from '@einklang/platform/testing'
import { afterAll, expect, test } from 'vitest'
import { createIngest } from '../index.ts'
import type { Item } from '../item.ts'
import { ingestJobs } from '../jobs.ts'
import { eventOf } from './samples.ts'

const world = await testGround()
afterAll(() => world.close())
const { database } = world.ground

/** A resolver that fails in every way; `pending` is let go by hand. */
const asked: string[] = []
let release = () => {}
let held = true
async function mailServers(domain: string): Promise<boolean | null> {
  asked.push(domain)
  if (domain === 'good.example') return true
  if (domain === 'none.example') return false
  if (domain === 'throws.example') throw new Error('The name server is on fire.')
  if (domain === 'pending.example' && held) await new Promise<void>((done) => void (release = done))
  return null
}

const towns = [
  { country: 'DE', postalCode: '50667', town: 'Köln', people: 80 },
  { country: 'DE', postalCode: '53111', town: 'Bonn', people: 40 },
]
const ingest = createIngest({
  ground: world.ground,
  apply: async () => ({ events: [], merges: [], touched: [] }),
  mailServers,
  towns: async () => towns,
})
const { source } = await database.transaction((tx) => ingest.sources.create(tx, { name: 'CRM', kind: 'crm' }, null))
const loop = ingest.loops.find(({ name }) => name === 'ingest.mail-domains')

let count = 0
function item(over: Partial<NormalEvent>): Item {
  const event = { ...eventOf(over), id: `e${count++}` as NormalEvent['id'], source: source.id }
  return {
    id: event.id,
    source: source.id,
    content: 0,
    receivedAt: world.clock.now().getTime(),
    event,
    reasons: [],
    raw: () => ({ payload: null, request: {}, originalAt: null }),
  }
}
const mail = (domain: string) =>
  item({ kind: 'identify', identifiers: [{ namespace: 'email', value: `ada@${domain}`, trust: 'claimed' }] })
async function codes(items: Item[], dry = false): Promise<string[][]> {
  const judged = await database.transaction((tx) => ingest.judge.judge(tx, items, { dry }))
  return judged.map(({ event }) => (event?.findings ?? []).map(({ code }) => code))
}
const turn = () => loop?.turn(new AbortController().signal)
const later = async (time: { minutes?: number; hours?: number; days?: number }) => {
  await world.clock.advance(time)
  // What is known around is read every ten minutes.
  await world.clock.advance({ minutes: 11 })
}

test('a domain without a mail server is found beside the path of events, and only certainty is a finding', async () => {
  const domains = ['good', 'none', 'throws', 'pending'].map((name) => `${name}.example`)
  // A dry run leaves no trace; hostile domains are never asked about.
  await codes([mail('tried.example')], true)
  expect(await codes([...domains.map(mail), mail('nul\u0000.example'), mail(`${'x'.repeat(300)}.example`)])).toEqual(
    Array.from({ length: 6 }, () => []).map((_, index) => (index < 4 ? [] : expect.any(Array))),
  )
  const running = turn()
  // Nobody waits for the resolver: a batch goes through while it thinks.
  while (!asked.includes('pending.example')) await new Promise((done) => setImmediate(done))
  expect(await codes([mail('pending.example')])).toEqual([[]])
  release()
  held = false
  await running
  expect(asked.toSorted()).toEqual(domains.toSorted())
  await later({})
  expect(await codes(domains.map(mail))).toEqual([[], ['email.mx'], [], []])
  // Certain answers are kept for a week; what nobody could tell is asked again, later and later.
  asked.length = 0
  await later({ hours: 1 })
  await turn()
  expect(asked.toSorted()).toEqual(['pending.example', 'throws.example'])
  asked.length = 0
  await later({ days: 7 })
  await turn()
  expect(asked).toContain('none.example')
})

test('towns come from our own customers and are read anew each day', async () => {
  const lives = (city: string) => item({ kind: 'identify', traits: { postal_code: '50667', city, country: 'DE' } })
  expect(await codes([lives('Bonn')])).toEqual([[]])
  const job = ingestJobs(ingest).find(({ name }) => name === 'ingest.towns')
  await job?.work(undefined as never, undefined as never)
  await later({})
  expect(await codes([lives('Bonn'), lives('Koeln')])).toEqual([['address.city'], []])
  towns.length = 0
  await job?.work(undefined as never, undefined as never)
  await later({})
  expect(await codes([lives('Bonn')])).toEqual([[]])
})
