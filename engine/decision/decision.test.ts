import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type Channel,
  type ConceptId,
  type JourneyId,
  type NormalEvent,
  type PersonId,
  type Route,
} from '@einklang/contract'
import { type Database, type Mounted, newId, Refusal } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createAudience } from '#audience'
import { createCommerce } from '#commerce'
import { createConsent } from '#consent'
import { createIdentity } from '#identity'
import { createIngest } from '#ingest'
import { createProfile } from '#profile'
import type { Graph, Node } from './graph.ts'
import { createDecision, type PlannedMessage } from './index.ts'
import { decisionParts } from './routes.ts'

const concept = '01990000-0000-8800-8000-000000000001' as ConceptId

async function smallTown() {
  const world: TestGround = await testGround()
  const { ground } = world
  const { database } = ground
  const planned: PlannedMessage[] = []
  const apply = async (tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    const batch = await identity.resolve(tx, events)
    for (const stage of [profile, consent, commerce, audience, decision]) await stage.apply(tx, batch)
    return batch
  }
  const ingest = createIngest({ ground, apply })
  const identity = createIdentity({ ground })
  const profile = createProfile({ ground, identity: { identifiersOf: async () => [], find: async () => null } })
  const consent = createConsent({ ground })
  const commerce = createCommerce({ ground })
  const audience = createAudience({ ground })
  const needs = {
    ground,
    consent,
    audience,
    emit: ingest.emit,
    plan: async (_: Database, messages: PlannedMessage[]) => void planned.push(...messages),
    variants: async (asked: ConceptId): Promise<Channel[] | null> => (asked === concept ? ['email', 'sms'] : null),
  }
  const decision = createDecision(needs)
  const parts = decisionParts(decision, needs)
  const events = async (...list: Parameters<typeof ingest.emit>[1]) => {
    await database.transaction((tx) => ingest.emit(tx, list))
    while ((await ingest.loops[0]?.turn(new AbortController().signal)) === 'busy');
  }
  let round = 0
  const nextDay = async () => {
    round++
    planned.length = 0
    await world.clock.set('2026-03-02T09:00:00Z')
    await database.run`truncate decision.journey, decision.version, decision.run, decision.step, decision.assignment,
      decision.reservation, decision.hold, decision.policy`
    await ask(api.decision.savePolicy, {
      body: { caps: [{ scope: 'all', limit: 5, days: 7 }], hours: [], timeZone: 'Europe/Berlin', globalHoldout: 0 },
    })
  }
  const emailOf = (name: string) => `${name}.${round}@example.com`
  const people = async (...names: string[]) => {
    await events(
      ...names.map((name) => ({
        key: `identify:${emailOf(name)}`,
        name: 'identified',
        kind: 'identify' as const,
        person: null,
        identifiers: [{ namespace: 'email', value: emailOf(name), trust: 'verified' as const }],
        at: world.clock.now(),
        properties: {},
        traits: { first_name: name, email: emailOf(name), city: 'Köln' },
      })),
    )
    const ids = await Promise.all(names.map(async (name) => (await identity.find('email', emailOf(name))) as PersonId))
    await consent.state(
      ids.map((person) => ({
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
    return ids
  }
  let count = 0
  const happen = (name: string, persons: PersonId[], properties: { [name: string]: string } = {}) =>
    events(
      ...persons.map((person) => ({
        key: `event:${count++}`,
        name,
        person,
        at: world.clock.now(),
        channel: 'web' as const,
        properties,
      })),
    )
  const runs = () =>
    database.rows<{ person: PersonId; state: string; node: string | null; because: string }>`
      select person, state, node, because from decision.run order by entered_at, id`
  /** Calls a route as the server would: input parsed, answer checked against its declaration. */
  async function ask<R extends Route>(
    route: R,
    input: { params?: object; query?: object; body?: unknown },
  ): Promise<AnswerOf<R>> {
    const mounted = parts.routes.find((one: Mounted<Route>) => one.route === (route as unknown as Route))
    if (!mounted) throw new Error(`${route.name} is not mounted`)
    const answer = await mounted.handle(
      {
        params: route.params.parse(input.params ?? {}),
        query: route.query.parse(input.query ?? {}),
        body: route.body.parse(input.body),
      } as never,
      {} as never,
    )
    return route.answer.parse(answer) as AnswerOf<R>
  }
  const activate = async (graph: Graph, more: object = {}) => {
    const { id } = await ask(api.decision.createJourney, {
      body: { name: 'Welcome', purpose: 'newsletter', holdout: 0, graph, ...more },
    })
    await ask(api.decision.activateJourney, { params: { journey: id } })
    return id as JourneyId
  }
  return { world, database, identity, decision, planned, nextDay, people, happen, events, runs, ask, activate, emailOf }
}

let town: Awaited<ReturnType<typeof smallTown>>
beforeAll(async () => {
  town = await smallTown()
})
beforeEach(() => town.nextDay())
afterAll(() => town.world.close())

const send = (id: string, next: string, more: Partial<Extract<Node, { kind: 'send' }>> = {}): Node => ({
  id,
  kind: 'send',
  concept,
  channels: ['email'],
  another: false,
  validHours: 48,
  next,
  ...more,
})
const greeting: Graph = {
  nodes: [
    { id: 'start', kind: 'trigger', events: ['Signed Up'], next: 'wait' },
    { id: 'wait', kind: 'wait', minutes: 60, next: 'mail' },
    send('mail', 'end'),
    { id: 'end', kind: 'exit' },
  ],
}

test('a run waits from the event, plans one message and ends; the canvas counts every edge', async () => {
  const journey = await town.activate(greeting)
  const [ada] = (await town.people('ada')) as [PersonId]
  await town.happen('Signed Up', [ada])
  await town.decision.advance()
  expect(await town.runs()).toMatchObject([{ state: 'waiting', node: 'wait' }])
  await town.world.clock.advance({ minutes: 59 })
  await town.decision.advance()
  expect(town.planned).toEqual([])
  await town.world.clock.advance({ minutes: 1 })
  await town.decision.advance()
  await town.decision.advance()
  expect(town.planned).toMatchObject([{ person: ada, channel: 'email', concept, journey, step: 'mail' }])
  expect(await town.runs()).toMatchObject([{ state: 'done', node: null }])
  const detail = await town.ask(api.decision.journey, { params: { journey } })
  expect(detail.edges).toEqual([
    { from: 'start', to: 'wait', label: '', count: 1 },
    { from: 'wait', to: 'mail', label: '', count: 1 },
    { from: 'mail', to: 'end', label: '', count: 1 },
  ])
  expect(detail.counts).toMatchObject({ entered: 1, done: 1, messages: 1 })
})

test('the wait behind a trigger begins anew with every triggering event, and only that one', async () => {
  await town.activate(greeting)
  const [ada] = (await town.people('ada')) as [PersonId]
  await town.happen('Signed Up', [ada])
  await town.world.clock.advance({ minutes: 50 })
  await town.happen('Signed Up', [ada])
  await town.world.clock.advance({ minutes: 50 })
  await town.decision.advance()
  expect(town.planned).toEqual([])
  await town.world.clock.advance({ minutes: 10 })
  await town.decision.advance()
  expect(town.planned).toHaveLength(1)
})

test('somebody who is in the journey, or was lately, does not enter again', async () => {
  await town.activate(greeting, { againAfterHours: 48 })
  const [ada] = (await town.people('ada')) as [PersonId]
  await town.happen('Signed Up', [ada, ada])
  await town.happen('Signed Up', [ada])
  expect(await town.runs()).toHaveLength(1)
  await town.world.clock.advance({ hours: 5 })
  await town.decision.advance()
  await town.happen('Signed Up', [ada])
  expect(await town.runs()).toHaveLength(1)
  await town.world.clock.advance({ hours: 44 })
  await town.happen('Signed Up', [ada])
  expect(await town.runs()).toHaveLength(2)
})

test('a condition on the trigger lets only those in for whom it holds', async () => {
  const graph = structuredClone(greeting)
  const [trigger] = graph.nodes
  if (trigger?.kind === 'trigger') trigger.where = { trait: 'first_name', is: 'equal', value: 'ada' }
  await town.activate(graph)
  const [ada, bea] = (await town.people('ada', 'bea')) as [PersonId, PersonId]
  await town.happen('Signed Up', [ada, bea])
  expect(await town.runs()).toMatchObject([{ person: ada }])
})

test('the holdout gets nothing, is drawn once and is told to the loop', async () => {
  await town.activate(greeting, { holdout: 0.5 })
  const people = await town.people(...Array.from({ length: 60 }, (_, index) => `person${index}`))
  await town.happen('Signed Up', people)
  await town.world.clock.advance({ hours: 2 })
  await town.decision.advance()
  const out = (await town.runs()).filter((run) => run.state === 'held out')
  expect(out.length).toBeGreaterThan(15)
  expect(out.length).toBeLessThan(45)
  expect(town.planned).toHaveLength(60 - out.length)
  const { items } = await town.ask(api.decision.experiments, {})
  const holdout = items.find((item) => item.kind === 'holdout')
  expect(holdout?.arms).toEqual([
    { arm: 'held out', share: 0.5, persons: out.length },
    { arm: 'treated', share: 0.5, persons: 60 - out.length },
  ])
  const told = await town.database.rows<{ count: number }>`
    select sum(count)::int as count from profile.event_count
    where name = 'experiment.assigned' and person = any(${people})`
  expect(told[0]?.count).toBe(120)
})

test('a split sends every person down one arm, the same one each time', async () => {
  await town.activate({
    nodes: [
      { id: 'start', kind: 'trigger', events: ['Signed Up'], next: 'arms' },
      {
        id: 'arms',
        kind: 'split',
        arms: [
          { name: 'mail', share: 0.5, next: 'mail' },
          { name: 'nothing', share: 0.5, next: 'end' },
        ],
      },
      send('mail', 'end'),
      { id: 'end', kind: 'exit' },
    ],
  })
  const people = await town.people(...Array.from({ length: 40 }, (_, index) => `person${index}`))
  await town.happen('Signed Up', people)
  await town.decision.advance()
  const first = town.planned.map((message) => message.person).toSorted()
  expect(first.length).toBeGreaterThan(8)
  expect(first.length).toBeLessThan(32)
  town.planned.length = 0
  await town.world.clock.advance({ days: 8 })
  await town.happen('Signed Up', people)
  await town.decision.advance()
  expect(town.planned.map((message) => message.person).toSorted()).toEqual(first)
})

test('two people in one journey who turn out to be one go on as one run', async () => {
  await town.activate(greeting)
  const [ada, bea] = (await town.people('ada', 'bea')) as [PersonId, PersonId]
  await town.happen('Signed Up', [ada, bea])
  await town.database.transaction((tx) =>
    town.decision.apply(tx, {
      events: [],
      merges: [{ winner: ada, loser: bea, at: town.world.clock.now().toISOString() }],
      touched: [ada],
    }),
  )
  const states = (await town.runs()).map((run) => run.state).toSorted()
  expect(states).toEqual(['cancelled', 'waiting'])
  await town.world.clock.advance({ hours: 2 })
  await town.decision.advance()
  expect(town.planned).toMatchObject([{ person: ada }])
})

test('a paused journey takes nobody in, freezes its runs and goes on where it stood', async () => {
  const journey = await town.activate(greeting)
  const [ada, bea] = (await town.people('ada', 'bea')) as [PersonId, PersonId]
  await town.happen('Signed Up', [ada])
  await town.ask(api.decision.pauseJourney, { params: { journey } })
  await town.happen('Signed Up', [bea])
  await town.world.clock.advance({ hours: 2 })
  await town.decision.advance()
  expect(town.planned).toEqual([])
  expect(await town.runs()).toHaveLength(1)
  await town.ask(api.decision.activateJourney, { params: { journey } })
  await town.decision.advance()
  expect(town.planned).toMatchObject([{ person: ada }])
})

test('editing makes a draft; runs keep the version they started with, new ones take the new one', async () => {
  const journey = await town.activate(greeting)
  const [ada, bea] = (await town.people('ada', 'bea')) as [PersonId, PersonId]
  await town.happen('Signed Up', [ada])
  const before = await town.ask(api.decision.journey, { params: { journey } })
  const quick: Graph = {
    nodes: [
      { id: 'start', kind: 'trigger', events: ['Signed Up'], next: 'end' },
      { id: 'end', kind: 'exit' },
    ],
  }
  const body = { name: 'Welcome', purpose: 'newsletter', holdout: 0, graph: quick, revision: before.revision }
  const draft = await town.ask(api.decision.saveJourney, { params: { journey }, body })
  expect(draft).toMatchObject({ hasDraft: true, version: 1, state: 'active' })
  await expect(town.ask(api.decision.saveJourney, { params: { journey }, body })).rejects.toMatchObject({
    code: 'stale',
  })
  await town.ask(api.decision.activateJourney, { params: { journey } })
  await town.happen('Signed Up', [bea])
  await town.world.clock.advance({ hours: 2 })
  await town.decision.advance()
  expect(town.planned.map((message) => message.person)).toEqual([ada])
})

test('a broken graph can be kept as a draft and not be activated', async () => {
  const graph: Graph = { nodes: [{ id: 'start', kind: 'trigger', events: ['Signed Up'], next: 'gone' }] }
  const { id, problems } = await town.ask(api.decision.createJourney, {
    body: { name: 'Broken', purpose: 'newsletter', graph },
  })
  expect(problems).toMatchObject([{ node: 'start' }])
  await expect(town.ask(api.decision.activateJourney, { params: { journey: id } })).rejects.toBeInstanceOf(Refusal)
})

test('a run explains itself in words, with what was decided at every step', async () => {
  const journey = await town.activate({
    nodes: [
      { id: 'start', kind: 'trigger', label: 'Sign-up', events: ['Signed Up'], next: 'check' },
      {
        id: 'check',
        kind: 'check',
        label: 'From Köln?',
        ask: { trait: 'city', is: 'equal', value: 'Köln' },
        yes: 'mail',
        no: 'end',
      },
      send('mail', 'end', { label: 'Greeting', channels: ['sms', 'email'] }),
      { id: 'end', kind: 'exit', label: 'End' },
    ],
  })
  const [ada] = (await town.people('ada')) as [PersonId]
  await town.happen('Signed Up', [ada])
  await town.decision.advance()
  const { items } = await town.ask(api.decision.journeyRuns, { params: { journey }, query: { limit: '10' } })
  expect(items).toMatchObject([{ person: ada, state: 'done', journeyName: 'Welcome' }])
  const run = await town.ask(api.decision.run, { params: { run: items[0]?.id } })
  const words = run.explanation.join('\n')
  expect(words).toContain('From Köln?: It holds.')
  expect(words).toContain('Not by SMS: no address known.')
  expect(words).toContain('By e-mail: permitted (the person agreed)')
  expect(run.steps).toHaveLength(4)
  expect((await town.ask(api.decision.personRuns, { params: { person: ada } })).items).toHaveLength(1)
})

test('a hold through the console stops and lifts', async () => {
  const [ada] = (await town.people('ada')) as [PersonId]
  const check = () =>
    town.database.transaction((tx) =>
      town.decision.check(tx, {
        message: newId('message', town.world.clock),
        person: ada,
        channel: 'email',
        purpose: 'newsletter',
        journey: null,
        run: null,
        at: town.world.clock.now(),
      }),
    )
  expect(await check()).toMatchObject({ go: true })
  await town.ask(api.decision.hold, { params: { person: ada }, body: { reason: 'complaint' } })
  expect(await check()).toMatchObject({ go: false, because: 'held' })
  await town.ask(api.decision.liftHold, { params: { person: ada } })
  expect(await check()).toMatchObject({ go: true })
})

test('a cap counts messages of other tools that came in as events, and a message told twice only once', async () => {
  const [ada] = (await town.people('ada')) as [PersonId]
  const own = newId('message', town.world.clock)
  const candidate = (message: typeof own) => ({
    message,
    person: ada,
    channel: 'email' as const,
    purpose: 'newsletter' as const,
    journey: null,
    run: null,
    at: town.world.clock.now(),
  })
  await town.database.transaction((tx) => town.decision.check(tx, candidate(own)))
  await town.events(
    ...[String(own), 'newsletter-1', 'newsletter-2', 'newsletter-3'].map((message_id) => ({
      key: `sent:${ada}:${message_id}`,
      name: 'message.sent',
      person: ada,
      at: town.world.clock.now(),
      channel: 'email' as const,
      properties: { message_id, channel: 'email' },
    })),
  )
  const again = () =>
    town.database.transaction((tx) => town.decision.check(tx, candidate(newId('message', town.world.clock))))
  expect(await again()).toMatchObject({ go: true })
  expect(await again()).toMatchObject({ go: false, because: 'capped' })
})

test('a policy that means nothing is refused at save', async () => {
  const policy = { caps: [], hours: [], timeZone: 'Mars/Olympus', globalHoldout: 0 }
  await expect(town.ask(api.decision.savePolicy, { body: policy })).rejects.toMatchObject({ code: 'unknown_zone' })
  const negative = { ...policy, timeZone: 'Europe/Berlin', caps: [{ scope: 'all', limit: -1, days: 7 }] }
  await expect(town.ask(api.decision.savePolicy, { body: negative })).rejects.toThrow()
})
