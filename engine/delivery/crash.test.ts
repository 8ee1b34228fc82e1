import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AppliedBatch, NormalEvent, PersonId } from '@einklang/contract'
import { type Database, derivedId, testMark } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createConsent } from '#consent'
import { createContent, welcomeConcept } from '#content'
import { createDecision } from '#decision'
import { createGovernance } from '#governance'
import { createIdentity } from '#identity'
import { createIngest } from '#ingest'
import { createProfile } from '#profile'
import { createDelivery, type Delivery } from './index.ts'
import { planMessages } from './store.ts'

/** A worker process of its own with the real stages and a provider on the other side of a socket. */
const worker = `
  import { request } from 'node:http'
  import { armFaults, createDatabase, createLog, createMetrics, createSecrets, noMemory } from '@einklang/platform'
  import { createCommerce } from '#commerce'
  import { createConsent } from '#consent'
  import { createContent } from '#content'
  import { createDecision } from '#decision'
  import { createDelivery } from '#delivery'
  import { createGovernance } from '#governance'
  import { createIngest } from '#ingest'
  const given = JSON.parse(process.argv[1])
  armFaults(given.faults, given.config.dataDirectory)
  const database = createDatabase(given.databaseUrl, { connections: 6 })
  const ground = { config: given.config, clock: { now: () => new Date(given.now) }, database, log: createLog('silent'),
    memory: noMemory, metrics: createMetrics(), secrets: createSecrets('a master secret that only tests know, long enough'),
    live: { publish: () => undefined, subscribe: () => () => undefined }, history: null, jobs: null }
  const governance = createGovernance({ ground })
  const ingest = createIngest({ ground, apply: () => { throw new Error('not here') } })
  const consent = createConsent({ ground })
  const content = createContent({ ground, governance, commerce: createCommerce({ ground }) })
  const decision = createDecision({ ground, consent, audience: null, emit: ingest.emit, plan: null, variants: null })
  const connector = { name: 'outside', channel: 'email', class: 'O', handOver: (outbound) => new Promise((settle) => {
    const call = request({ port: given.port, method: 'POST', headers: { key: outbound.key } }, (answer) => {
      answer.resume().on('end', () => settle({ state: 'accepted', providerId: outbound.key }))
    })
    call.on('error', (error) => settle({ state: 'unknown', evidence: error.message }))
    call.end(outbound.text)
  }) }
  const delivery = createDelivery({ ground, governance, consent, decision, content, emit: ingest.emit, connectors: [connector] })
  await delivery.work()
  await content.close()
  await database.close()
`

let world: TestGround
let persons: PersonId[]
let server: Server
let port: number
/** The provider's own ledger: every message it took, with repeats. */
const ledger: string[] = []
let onCall: (() => void) | null = null
let round = 0
/** The worker that comes up afterwards, in this process. */
let recovering: Delivery
let closeContent: () => Promise<void>

beforeAll(async () => {
  world = await testGround()
  const { ground } = world
  writeFileSync(join(ground.config.dataDirectory, testMark), '')
  const identity = createIdentity({ ground })
  const profile = createProfile({ ground, identity: { identifiersOf: async () => [], find: async () => null } })
  const consent = createConsent({ ground })
  const apply = async (tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    const batch = await identity.resolve(tx, events)
    for (const stage of [profile, consent]) await stage.apply(tx, batch)
    return batch
  }
  const ingest = createIngest({ ground, apply })
  const emails = Array.from({ length: 8 }, (_, index) => `person${index}@example.com`)
  await ground.database.transaction((tx) =>
    ingest.emit(
      tx,
      emails.map((email) => ({
        key: email,
        name: 'identified',
        kind: 'identify' as const,
        person: null,
        identifiers: [{ namespace: 'email', value: email, trust: 'verified' as const }],
        at: world.clock.now(),
        properties: {},
        traits: { email, first_name: 'Ada' },
      })),
    ),
  )
  while ((await ingest.loops[0]?.turn(new AbortController().signal)) === 'busy');
  persons = await Promise.all(emails.map(async (email) => (await identity.find('email', email)) as PersonId))
  await consent.state(
    persons.map((person) => ({
      person,
      stance: 'grant' as const,
      purpose: 'newsletter' as const,
      channel: 'email' as const,
      source: 'test',
      happenedAt: world.clock.now(),
      confirmedAt: world.clock.now(),
      trust: 'verified' as const,
      evidence: { form: 'x' },
      wording: { id: 'newsletter', version: '1', language: 'de', hash: 'x' },
    })),
  )
  const content = createContent({
    ground,
    governance: createGovernance({ ground }),
    commerce: { openCart: async () => null },
  })
  await content.seed()
  const governance = createGovernance({ ground })
  const decision = createDecision({
    ground,
    consent,
    audience: { matches: async () => new Set() },
    emit: ingest.emit,
    plan: async () => undefined,
    variants: async () => null,
  })
  recovering = createDelivery({
    ground,
    governance,
    consent,
    decision,
    content,
    emit: ingest.emit,
    connectors: [
      {
        name: 'outside',
        channel: 'email',
        class: 'O',
        async handOver(outbound) {
          ledger.push(outbound.key)
          return { state: 'accepted', providerId: outbound.key }
        },
      },
    ],
  })
  closeContent = () => content.close()
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      ledger.push(String(request.headers['key']))
      onCall?.()
      response.end('ok')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
}, 60_000)

beforeEach(async () => {
  round++
  ledger.length = 0
  onCall = null
  const { database } = world.ground
  await database.run`truncate delivery.message, delivery.body, delivery.change, decision.reservation`
  await database.transaction((tx) =>
    planMessages(
      tx,
      persons.map((person, index) => ({
        id: derivedId('message', String(round), person),
        key: `r${round}m${index}`,
        person,
        channel: 'email' as const,
        purpose: 'newsletter' as const,
        concept: welcomeConcept,
        journey: null,
        run: null,
        step: null,
        experiment: null,
        occurrence: String(round),
        reasons: [],
        data: {},
        notBefore: world.clock.now(),
        expiresAt: null,
      })),
    ),
  )
})
afterAll(async () => {
  server.close()
  await closeContent()
  await world.close()
})

function runWorker(faults: string | null): { ended: Promise<NodeJS.Signals | number | null>; kill: () => void } {
  const given = { faults, port, now: world.clock.now(), config: world.ground.config, databaseUrl: world.databaseUrl }
  const child = spawn(
    process.execPath,
    [
      '--conditions=source',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      worker,
      JSON.stringify(given),
    ],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const ended = new Promise<NodeJS.Signals | number | null>((done) =>
    child.on('exit', (code, signal) => done(signal ?? code)),
  )
  return { ended, kill: () => child.kill('SIGKILL') }
}

async function afterwards() {
  await world.clock.advance({ minutes: 2 })
  await recovering.work()
  return await world.ground.database.rows<{ key: string; state: string; reason: string | null }>`
    select key, state, reason from delivery.message`
}

/** I2 and I3: nobody gets it twice, every message has an end, and what is called "not sent" was not. */
function expectHonest(messages: { key: string; state: string; reason: string | null }[]) {
  expect(messages.filter((message) => message.state === 'suppressed')).toEqual([])
  expect(ledger.toSorted()).toEqual([...new Set(ledger)].toSorted())
  expect(new Set(messages.map((message) => message.state))).toEqual(
    new Set(messages.some((message) => message.state === 'unknown') ? ['accepted', 'unknown'] : ['accepted']),
  )
  for (const { key, state } of messages) if (state === 'accepted') expect(ledger, key).toContain(key)
  for (const key of ledger) expect(['accepted', 'unknown']).toContain(messages.find((one) => one.key === key)?.state)
}

const points = [
  'send.after-claim',
  'send.before-lock',
  'send.after-permission',
  'send.after-cap',
  'send.before-intent-commit',
  'send.after-intent-commit',
  'send.before-connect',
  'send.after-reply',
  'send.after-record',
]

test.each(points)('kill -9 at %s: nothing twice, nothing lost from sight', async (point) => {
  const pass = point === 'send.after-claim' ? 1 : 3
  expect(await runWorker(`${point}:die@${pass}`).ended).toBe('SIGKILL')
  const messages = await afterwards()
  expect(messages).toHaveLength(persons.length)
  expectHonest(messages)
  const unknown = messages.filter((message) => message.state === 'unknown').length
  // Before the call began it is certain that nothing left; later at most the calls that were open are unknown.
  const certain = [
    'send.after-claim',
    'send.before-lock',
    'send.after-permission',
    'send.after-cap',
    'send.before-intent-commit',
  ]
  expect(unknown).toBeLessThanOrEqual(certain.includes(point) ? 3 : 4)
})

test('kill -9 while the provider is taking a message: it is listed as unknown and never repeated', async () => {
  const child = runWorker(null)
  onCall = () => {
    if (ledger.length === 3) child.kill()
  }
  expect(await child.ended).toBe('SIGKILL')
  onCall = null
  const messages = await afterwards()
  expectHonest(messages)
  expect(messages.filter((message) => message.state === 'unknown').length).toBeGreaterThanOrEqual(1)
}, 90_000)

test('two workers at once share the work and none is sent twice', async () => {
  const codes = await Promise.all([runWorker(null).ended, runWorker(null).ended])
  expect(codes).toEqual([0, 0])
  expectHonest(await afterwards())
  expect(ledger).toHaveLength(persons.length)
}, 90_000)
