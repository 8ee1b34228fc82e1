import { createHmac } from 'node:crypto'
import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type Connector,
  type HandOver,
  kept,
  type MessageId,
  type NormalEvent,
  type Outbound,
  type PersonId,
  type Route,
} from '@einklang/contract'
import type { Caller, Database } from '@einklang/platform'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createAudience } from '#audience'
import { createCommerce } from '#commerce'
import { createConsent } from '#consent'
import { abandonedCartConcept, createContent } from '#content'
import { createDecision } from '#decision'
import { createGovernance } from '#governance'
import { createIdentity } from '#identity'
import { createIngest } from '#ingest'
import { createProfile } from '#profile'
import { createDelivery } from './index.ts'
import { deliveryParts } from './routes.ts'
import { saidOrNull } from './sayings.ts'

const caller: Caller = { kind: 'key', key: 'k1', name: 'Mail desk', roles: ['admin'] }

/** The outside world: a provider that remembers what it took and answers as told. */
function provider(channel: Outbound['channel'], kind: Connector['class']) {
  const taken: Outbound[] = []
  let next: (() => Promise<HandOver> | HandOver) | null = null
  const connector: Connector = {
    name: `fake-${channel}`,
    channel,
    class: kind,
    async handOver(outbound) {
      const answer = next ? await next() : ({ state: 'accepted', providerId: `p${taken.length}` } as const)
      const repeated = kind === 'K' && taken.some((one) => one.key === outbound.key)
      if (answer.state !== 'refused' && !repeated) taken.push(outbound)
      return answer
    },
  }
  return { connector, taken, answers: (with_: typeof next) => (next = with_) }
}

async function smallTown() {
  const world: TestGround = await testGround()
  const { ground } = world
  const { database } = ground
  const mail = provider('email', 'O')
  const sms = provider('sms', 'K')
  const governance = createGovernance({ ground })
  const apply = async (tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    const batch = await identity.resolve(tx, events)
    for (const stage of [profile, consent, commerce, audience, decision, delivery]) await stage.apply(tx, batch)
    return batch
  }
  const ingest = createIngest({ ground, apply })
  const identity = createIdentity({ ground })
  const profile = createProfile({ ground, identity: { identifiersOf: async () => [], find: async () => null } })
  const consent = createConsent({
    ground,
    emit: ingest.emit,
    settled: (persons, channels) => delivery.settled(persons, channels),
  })
  const commerce = createCommerce({ ground })
  const audience = createAudience({ ground })
  const decision = createDecision({
    ground,
    consent,
    audience,
    emit: ingest.emit,
    plan: (tx, messages) => delivery.plan(tx, messages),
    variants: (concept) => content.variants(concept),
  })
  const content = createContent({ ground, governance, commerce })
  const needs = {
    ground,
    governance: {
      ...governance,
      brand: async () => ({ ...(await governance.brand()), shopUrl: 'https://shop.example/cart' }),
    },
    consent,
    decision,
    content,
    emit: ingest.emit,
    connectors: [mail.connector, sms.connector],
  }
  const delivery = createDelivery(needs)
  const parts = deliveryParts(delivery, needs)
  await content.seed()
  await decision.seed({ active: true, abandonedCart: abandonedCartConcept })
  await database.run`update decision.journey set holdout = 0`
  await database.run`insert into decision.policy (document) values (${database.json({
    caps: [{ scope: 'all', limit: 3, days: 7 }],
    hours: [{ channel: 'sms', allowedFrom: '08:00', allowedUntil: '20:00' }],
    timeZone: 'Europe/Berlin',
    globalHoldout: 0,
  })})`

  const events = async (...list: Parameters<typeof ingest.emit>[1]) => {
    await database.transaction((tx) => ingest.emit(tx, list))
    const signal = new AbortController().signal
    while ((await ingest.loops[0]?.turn(signal)) === 'busy');
  }
  // Every test has the same hour, its own people and empty outboxes; words and journeys are kept.
  let round = 0
  const nextDay = async () => {
    round++
    mail.taken.length = 0
    sms.taken.length = 0
    mail.answers(null)
    sms.answers(null)
    await world.clock.set('2026-03-02T09:00:00Z')
    await database.run`truncate delivery.message, delivery.body, delivery.change, delivery.receipt, delivery.lane,
      delivery.caught, decision.run, decision.step, decision.assignment, decision.reservation, decision.hold`
  }
  const emailOf = (name: string) => `${name.toLowerCase()}.${round}@example.com`
  const person = async (name: string, grants: ('email' | 'sms')[] = ['email', 'sms']) => {
    const email = emailOf(name)
    const phone = `+49151123${String(round).padStart(3, '0')}${String(name.charCodeAt(0)).padStart(2, '0')}`
    await events({
      key: `identify:${email}`,
      name: 'identified',
      kind: 'identify',
      person: null,
      identifiers: [
        { namespace: 'email', value: email, trust: 'verified' },
        { namespace: 'phone', value: phone, trust: 'verified' },
      ],
      at: world.clock.now(),
      properties: {},
      traits: { first_name: name, last_name: 'Köhler', email, phone, language: 'de' },
    })
    const id = (await identity.find('email', email)) as PersonId
    for (const channel of grants)
      await consent.state([
        {
          person: id,
          stance: 'grant',
          purpose: 'newsletter',
          channel,
          source: 'test',
          happenedAt: world.clock.now(),
          confirmedAt: world.clock.now(),
          trust: 'verified',
          evidence: { form: 'newsletter' },
          wording: { id: 'newsletter', version: '1', language: 'de', hash: 'x' },
        },
      ])
    return id
  }
  let count = 0
  const addToCart = (who: PersonId, more: { at?: Date } = {}) =>
    events({
      key: `added:${count++}`,
      name: 'Product Added',
      person: who,
      at: more.at ?? world.clock.now(),
      channel: 'web',
      properties: {
        sku: 'A-100',
        product_id: 'A-100',
        name: 'Wollpullover Eifel',
        price: 89.95,
        quantity: 1,
        currency: 'EUR',
      },
    })
  const run = async () => {
    await decision.advance()
    await delivery.work()
    await events()
  }
  /** Calls a route as the server would: input parsed, answer checked against its declaration. */
  async function ask<R extends Route>(
    route: R,
    input: { params?: object; query?: object; body?: unknown },
  ): Promise<AnswerOf<R>> {
    const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
    const parsed = {
      params: route.params.parse(input.params ?? {}),
      query: route.query.parse(input.query ?? {}),
      body: route.body.parse(input.body),
    }
    return route.answer.parse(await mounted?.handle(parsed as never, { caller } as never)) as AnswerOf<R>
  }
  const frame = (token: string) =>
    parts.raw
      ?.find((raw) => raw.path === '/p/frame/:token')
      ?.handle(new Request('https://shop.example/'), {
        params: { token },
        address: '',
        requestId: '',
        remoteAddress: '',
      }) as Promise<Response>
  const messages = async () => {
    const rows = await database.rows<{ id: MessageId; channel: string; state: string; reason: string | null }>`
      select id, channel, state, reason from delivery.message order by planned_at, channel`
    return rows.map((row) => ({ ...row, reason: saidOrNull(row.reason, 'en') }))
  }
  return {
    nextDay,
    ask,
    frame,
    emailOf,
    world,
    database,
    mail,
    sms,
    events,
    person,
    addToCart,
    run,
    messages,
    consent,
    decision,
    delivery,
    content,
    parts,
    ingest,
    needs,
  }
}

let town: Awaited<ReturnType<typeof smallTown>>
beforeAll(async () => {
  town = await smallTown()
})
beforeEach(() => town.nextDay())
afterAll(async () => {
  await town.content.close()
  await town.world.close()
})

test('an abandoned cart becomes a mail with its products after an hour, and a text on another channel a day later', async () => {
  const { world, mail, sms } = town
  const ada = await town.person('Ada')
  await town.addToCart(ada)
  await town.run()
  expect(await town.messages()).toEqual([])

  await world.clock.advance({ minutes: 61 })
  await town.run()
  expect(mail.taken).toHaveLength(1)
  expect(mail.taken[0]).toMatchObject({ to: { address: town.emailOf('Ada'), name: 'Ada Köhler' } })
  expect(mail.taken[0]?.subject).toBe('Ada, Ihr Warenkorb wartet noch')
  expect(mail.taken[0]?.html).toContain('Wollpullover Eifel')
  expect(mail.taken[0]?.html).toContain('89,95')
  expect(mail.taken[0]?.headers['List-Unsubscribe']).toMatch(/^<https:\/\/shop\.example\/p\/u\//)

  const sent = await town.database.rows<{ message_id: string; channel: string }>`
    select message_id, channel from profile.contact where person = ${ada}`
  expect(sent).toEqual([{ message_id: mail.taken[0]?.message, channel: 'email' }])

  await world.clock.advance({ hours: 25 })
  await town.run()
  expect(sms.taken).toHaveLength(1)
  expect(sms.taken[0]?.text).toContain('Wollpullover Eifel')
  expect(mail.taken).toHaveLength(1)

  const explained = await town.delivery.explain(mail.taken[0]?.message as MessageId)
  expect(explained?.headline).toContain(`“Abandoned cart” was sent by e-mail to ${town.emailOf('Ada')}`)
  const facts = explained?.lines.map((line) => line.fact).join('\n')
  expect(facts).toContain('put something into the cart')
  expect(facts).toContain('Permitted: newsletter by e-mail (the person agreed).')
  expect(facts).toMatch(/price of Wollpullover Eifel: 89,95/)

  const german = await town.delivery.explain(mail.taken[0]?.message as MessageId, 'de')
  expect(german?.headline).toContain(`per E-Mail an ${town.emailOf('Ada')}.`)
  const told = german?.lines.map((line) => line.fact).join('\n')
  expect(told).toContain('etwas in den Warenkorb gelegt')
  expect(told).toContain('Per E-Mail: erlaubt (Einwilligung liegt vor), erreichbar und innerhalb der Grenzen.')
  expect(told).toContain('Erlaubt: Newsletter per E-Mail (Einwilligung liegt vor).')
  expect(told).toMatch(/\d von 3 Nachrichten in 7 Tagen über alle Kanäle\./)
})

test('an order before the hour is over ends the journey and nothing is sent', async () => {
  const ada = await town.person('Ada')
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 30 })
  await town.events({
    key: `order:${ada}`,
    name: 'Order Completed',
    person: ada,
    at: town.world.clock.now(),
    channel: 'web',
    properties: {
      order_id: `W-${ada}`,
      total: 89.95,
      currency: 'EUR',
      products: [{ sku: 'A-100', price: 89.95, quantity: 1 }],
    },
  })
  await town.world.clock.advance({ hours: 2 })
  await town.run()
  expect(await town.messages()).toEqual([])
  const runs = await town.database.rows<{ state: string; because: string }>`select state, because from decision.run`
  expect(runs).toEqual([{ state: 'goal', because: kept('goal', { event: 'Order Completed' }) }])
})

test('history that is imported starts nothing', async () => {
  const ada = await town.person('Ada')
  await town.addToCart(ada, { at: new Date('2026-02-27T09:00:00Z') })
  await town.run()
  expect(await town.database.rows`select 1 from decision.run`).toEqual([])
})

test('without permission on one channel the next one is used, without any nothing leaves and the reason is kept', async () => {
  const ada = await town.person('Ada', ['sms'])
  const bea = await town.person('Bea', [])
  await town.addToCart(ada)
  await town.addToCart(bea)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  expect(await town.messages()).toMatchObject([{ channel: 'sms', state: 'accepted' }])
  const steps = await town.database.rows<{ decision: string; reasons: string[] }>`
    select decision, reasons from decision.step join decision.run on run.id = step.run
    where run.person = ${bea} and step.kind = 'send'`
  expect(steps[0]).toMatchObject({ decision: 'no channel' })
  expect(steps[0]?.reasons).toContain(
    kept('not_by', { channel: 'email', why: kept('not_permitted', { because: 'never_asked' }) }),
  )
})

test('a withdrawal after planning stops the message at the last moment', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  expect(await town.messages()).toMatchObject([{ state: 'planned' }])
  await town.consent.state([
    {
      person: ada,
      stance: 'deny',
      purpose: 'newsletter',
      channel: 'email',
      source: 'test',
      happenedAt: town.world.clock.now(),
    },
  ])
  await town.delivery.work()
  expect(town.mail.taken).toEqual([])
  const [message] = await town.messages()
  expect(message).toMatchObject({ state: 'suppressed', reason: 'Not permitted: the consent was withdrawn.' })
  const explained = await town.delivery.explain(message?.id as MessageId)
  expect(explained?.headline).toBe('“Abandoned cart” was not sent. Not permitted: the consent was withdrawn.')
})

test('after a withdrawal is acknowledged no hand-over begins, even one whose intent was committed before', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  await town.delivery.work()
  // A worker committed its intent and stands still just before the call.
  await town.database.run`update delivery.message set state = 'handed', begun_at = null, sent_at = null,
    lease = platform.now() + interval '20 seconds', claim = gen_random_uuid()`
  const before = town.mail.taken.length
  await town.delivery.settled([ada], ['email'])
  expect(await town.messages()).toMatchObject([{ state: 'reserved' }])
  await town.consent.state([
    {
      person: ada,
      stance: 'deny',
      purpose: 'newsletter',
      channel: 'email',
      source: 'test',
      happenedAt: town.world.clock.now(),
    },
  ])
  await town.delivery.work()
  expect(town.mail.taken).toHaveLength(before)
  expect(await town.messages()).toMatchObject([{ state: 'suppressed' }])
})

test('a withdrawal is acknowledged only when a call that had begun is over', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  let finish: (answer: HandOver) => void = () => undefined
  const begun = new Promise<void>((started) =>
    town.mail.answers(() => {
      started()
      return new Promise((done) => (finish = done))
    }),
  )
  const sending = town.delivery.work()
  await begun
  let acknowledged = false
  const denied = town.delivery.settled([ada], ['email']).then(() => {
    acknowledged = true
  })
  await new Promise((later) => setTimeout(later, 100))
  expect(acknowledged).toBe(false)
  finish({ state: 'accepted', providerId: 'p' })
  await Promise.all([sending, denied])
  expect(acknowledged).toBe(true)
})

test('a message whose worker died before the call is sent once; one that died during the call is never repeated', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  await town.database.run`update delivery.message set state = 'handed', attempts = 1,
    lease = platform.now() - interval '1 second', begun_at = null`
  await town.delivery.work()
  expect(town.mail.taken).toHaveLength(1)
  await town.database.run`update delivery.message set state = 'handed', attempts = 1,
    lease = platform.now() - interval '1 second', begun_at = platform.now()`
  await town.delivery.work()
  expect(town.mail.taken).toHaveLength(1)
  expect(await town.messages()).toMatchObject([{ state: 'unknown' }])
})

test('an unknown outcome stays listed until a receipt proves it; then it counts as sent', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  town.mail.answers(() => ({ state: 'unknown', evidence: 'the line broke after the last dot' }))
  await town.run()
  await town.run()
  expect(town.mail.taken).toHaveLength(1)
  const [message] = await town.messages()
  expect(message).toMatchObject({ state: 'unknown', reason: 'the line broke after the last dot' })
  await town.events({
    key: `receipt:${ada}`,
    name: 'message.delivered',
    person: ada,
    at: town.world.clock.now(),
    channel: 'email',
    properties: { message_id: message?.id ?? '', channel: 'email' },
  })
  expect(await town.messages()).toMatchObject([{ state: 'accepted' }])
})

test('a provider that knows the key is asked again with the same key', async () => {
  const ada = await town.person('Ada', ['sms'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  town.sms.answers(() => ({ state: 'unknown', evidence: 'time-out' }))
  await town.run()
  expect(await town.messages()).toMatchObject([{ state: 'reserved' }])
  town.sms.answers(null)
  await town.world.clock.advance({ minutes: 1 })
  await town.run()
  expect(town.sms.taken).toHaveLength(1)
  expect(await town.messages()).toMatchObject([{ state: 'accepted' }])
})

test('"not now" is tried again later, "no" is final and gives the slot back', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  town.mail.answers(() => ({ state: 'refused', reason: '451 greylisted', permanent: false }))
  await town.run()
  expect(await town.messages()).toMatchObject([{ state: 'reserved', reason: '451 greylisted' }])
  town.mail.answers(() => ({ state: 'refused', reason: '550 no such mailbox', permanent: true }))
  await town.world.clock.advance({ minutes: 5 })
  await town.run()
  expect(await town.messages()).toMatchObject([{ state: 'refused', reason: '550 no such mailbox' }])
  const slots = await town.database.rows<{ returned: boolean }>`select returned from decision.reservation`
  expect(slots).toEqual([{ returned: true }])
})

test('a provider that is away for a day costs no message, and its channel rests meanwhile', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  let calls = 0
  town.mail.answers(() => {
    calls++
    return { state: 'refused', reason: 'No connection to the mail server', permanent: false }
  })
  for (let hour = 0; hour < 11; hour++) {
    await town.run()
    await town.world.clock.advance({ hours: 1 })
  }
  expect(calls).toBeGreaterThan(8)
  expect(await town.messages()).toMatchObject([{ state: 'reserved' }])
  town.mail.answers(null)
  await town.run()
  expect(await town.messages()).toMatchObject([{ state: 'accepted' }])
})

test('a text at night waits for the morning', async () => {
  await town.world.clock.set('2026-03-02T20:00:00Z')
  const ada = await town.person('Ada', ['sms'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  expect(town.sms.taken).toEqual([])
  await town.world.clock.set('2026-03-03T06:59:00Z')
  await town.run()
  expect(town.sms.taken).toEqual([])
  await town.world.clock.set('2026-03-03T07:01:00Z')
  await town.run()
  expect(town.sms.taken).toHaveLength(1)
})

test('an emptied cart is not promised: the reference cannot be resolved and nothing leaves', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  await town.events({
    key: `removed:${ada}`,
    name: 'Product Removed',
    person: ada,
    at: town.world.clock.now(),
    channel: 'web',
    properties: { sku: 'A-100', product_id: 'A-100', quantity: 1, currency: 'EUR' },
  })
  await town.delivery.work()
  expect(await town.messages()).toMatchObject([{ state: 'suppressed', reason: 'The cart is no longer open.' }])
})

test('words that a busy machine does not make in time wait, and end with a reason after the third pause', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  const { content } = town.needs
  const reason = 'TEMPLATE_LIMIT: the template took longer than 250 ms.'
  const told = 'The template took longer than 250 ms.'
  town.needs.content = { ...content, render: async () => ({ refused: reason, late: true }) }
  try {
    await town.run()
    expect(await town.messages()).toMatchObject([{ state: 'reserved', reason: told }])
    await town.world.clock.advance({ minutes: 2 })
    town.needs.content = content
    await town.run()
    expect(town.mail.taken).toHaveLength(1)

    town.needs.content = { ...content, render: async () => ({ refused: reason, late: true }) }
    await town.nextDay()
    await town.addToCart(await town.person('Ben', ['email']))
    for (let minutes = 61; minutes <= 81; minutes += 5) {
      await town.world.clock.advance({ minutes: minutes === 61 ? 61 : 5 })
      await town.run()
      if (minutes === 61) expect(await town.messages()).toMatchObject([{ state: 'reserved' }])
    }
    await town.world.clock.advance({ minutes: 15 })
    await town.run()
    expect(await town.messages()).toMatchObject([{ state: 'suppressed', reason: told }])
  } finally {
    town.needs.content = content
  }
})

test('a stopped channel holds everything back until it is released', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.database.run`insert into delivery.lane values ('email', true, 'wrong price in the header', platform.now())`
  await town.run()
  expect(town.mail.taken).toEqual([])
  await town.database.run`update delivery.lane set stopped = false`
  await town.run()
  expect(town.mail.taken).toHaveLength(1)
})

test('a hold stops a message that is already planned', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.decision.advance()
  await town.decision.hold(town.database, ada, 'open complaint')
  await town.delivery.work()
  expect(await town.messages()).toMatchObject([{ state: 'suppressed', reason: 'On hold: open complaint' }])
})

test('caps hold when many workers race for one person', async () => {
  const ada = await town.person('Ada', ['email'])
  const journeyless = Array.from({ length: 12 }, (_, index) => ({
    id: derivedId('message', 'race', String(index)),
    key: `race-${index}`,
    person: ada,
    channel: 'email' as const,
    purpose: 'newsletter' as const,
    concept: abandonedCartConcept,
    journey: null,
    run: null,
    step: null,
    experiment: null,
    occurrence: String(index),
    reasons: [],
    data: {},
    notBefore: town.world.clock.now(),
    expiresAt: null,
  }))
  await town.addToCart(ada)
  await town.database.transaction((tx) => town.delivery.plan(tx, journeyless))
  await town.database.transaction((tx) => town.delivery.plan(tx, journeyless))
  await Promise.all([town.delivery.work(), town.delivery.work(), town.delivery.work()])
  expect(town.mail.taken).toHaveLength(3)
  const states = await town.database.rows<{ state: string; count: number }>`
    select state, count(*)::int as count from delivery.message group by state order by state`
  expect(states).toEqual([
    { state: 'accepted', count: 3 },
    { state: 'planned', count: 9 },
  ])
})

test('a click leads to the signed target and becomes a fact; a forged one leads nowhere', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  const path = /href="https:\/\/shop\.example(\/p\/c\/[^"]+)"/.exec(town.mail.taken[0]?.html ?? '')?.[1] ?? ''
  const click = (token: string) =>
    town.parts.raw?.[0]?.handle(
      new Request('https://shop.example/', { headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux) Firefox/140' } }),
      {
        params: { token },
        address: '',
        requestId: '',
        remoteAddress: '',
      },
    ) as Promise<Response>
  await town.world.clock.advance({ minutes: 10 })
  const token = path.split('/').at(-1) ?? ''
  const answer = await click(token)
  expect(answer.status).toBe(302)
  expect(answer.headers.get('location')).toBe('https://shop.example/cart')
  expect((await click(`${token.slice(0, -3)}abc`)).status).toBe(404)
  await town.events()
  const [receipt] = await town.database.rows<{ kind: string; machine: boolean; detail: string }>`
    select kind, machine, detail from delivery.receipt`
  expect(receipt).toEqual({ kind: 'clicked', machine: false, detail: 'https://shop.example/cart' })
})

test('a signed webhook of the mail service becomes receipts, once; an unsigned one is refused', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  const hook = town.parts.raw?.find((raw) => raw.path === '/hooks/mail/:source')
  const call = (secret: string, body: string) => {
    const timestamp = String(Math.floor(town.world.clock.now().getTime() / 1000))
    const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`h1.${timestamp}.${body}`)
    const headers = {
      'webhook-id': 'h1',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature.digest('base64')}`,
    }
    return hook?.handle(new Request('https://shop.example/', { method: 'POST', headers, body }), {
      params: { source: 'mailer' },
      address: '',
      requestId: '',
      remoteAddress: '',
    }) as Promise<Response>
  }
  const timestamp = town.world.clock.now().toISOString()
  const data = { message_id: town.mail.taken[0]?.message ?? '' }
  const body = JSON.stringify([
    { type: 'message.delivered', timestamp, data },
    { type: 'message.bounced', timestamp, data: { ...data, reason: '550 full', kind: 'permanent' } },
  ])
  expect((await call(town.delivery.webhookSecret('another'), body)).status).toBe(401)
  expect((await call(town.delivery.webhookSecret('mailer'), '{"type":1}')).status).toBe(400)
  const shown = await town.ask(api.delivery.webhook, { params: { source: 'mailer' } })
  expect(shown.url).toMatch(/\/hooks\/mail\/mailer$/)
  const entries = await town.database.rows`
    select actor_name, object_id, details from governance.audit_entry where action = 'webhook.secret.shown'`
  expect(entries).toEqual([{ actor_name: 'Mail desk', object_id: 'mailer', details: {} }])
  for (let repeat = 0; repeat < 2; repeat++) expect((await call(shown.secret, body)).status).toBe(200)
  await town.events()
  const receipts = await town.database.rows<{ kind: string; detail: string | null }>`
    select kind, detail from delivery.receipt order by kind`
  expect(receipts).toEqual([
    { kind: 'bounced', detail: '550 full' },
    { kind: 'delivered', detail: null },
  ])
})

test('the screens answer what they declare: outbox, message, lanes, mailbox', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  const [sent] = town.mail.taken
  await town.delivery.catchMail({
    from: 'hello@shop.example',
    to: [town.emailOf('Ada')],
    subject: sent?.subject ?? '',
    messageId: '<x@shop.example>',
    headers: [{ name: 'X-Einklang-Message', value: sent?.message ?? '' }],
    text: sent?.text ?? '',
    html: `${sent?.html}<script>alert(1)</script>`,
    attachments: [],
    bytes: 100,
  })
  await town.events()
  const list = await town.ask(api.delivery.messages, { query: { state: 'accepted', person: ada } })
  expect(list).toMatchObject({
    counts: { accepted: 1 },
    items: [{ personName: 'Ada Köhler', journeyName: 'Abandoned cart' }],
  })
  expect(list.items[0]?.receipts.delivered).not.toBeNull()
  const detail = await town.ask(api.delivery.message, { params: { message: sent?.message } })
  expect(detail.history.map((change) => change.state)).toEqual(['planned', 'reserved', 'handed', 'accepted'])
  expect((await town.ask(api.delivery.personMessages, { params: { person: ada } })).items).toHaveLength(1)
  expect((await town.delivery.messagesOf(ada))[0]).toMatchObject({ state: 'accepted', campaign: 'Abandoned cart' })
  const lanes = await town.ask(api.delivery.lanes, {})
  expect(lanes.items[0]).toMatchObject({ channel: 'email', connector: 'fake-email', class: 'O', acceptedToday: 1 })
  const mailbox = await town.ask(api.delivery.mailbox, { query: { q: 'warenkorb' } })
  expect(mailbox).toMatchObject({ total: 1, items: [{ message: sent?.message, person: ada }] })
  const mail = await town.ask(api.delivery.mail, { params: { mail: mailbox.items[0]?.id } })
  expect(mail.links.length).toBeGreaterThan(1)
  for (const url of [detail.frameUrl, mail.frameUrl]) {
    const page = await town.frame(url?.split('/').at(-1) ?? '')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.headers.get('content-security-policy')).toContain('sandbox')
    expect(await page.text()).not.toContain('/p/o/')
  }
  expect((await town.frame('caught.x.9999999999.forged')).status).toBe(410)
  await town.world.clock.advance({ hours: 2 })
  expect((await town.frame(mail.frameUrl?.split('/').at(-1) ?? '')).status).toBe(410)
})

test('a test message goes to a colleague, marked, and counts for nobody', async () => {
  const ada = await town.person('Ada', [])
  await town.addToCart(ada)
  const answer = await town.ask(api.delivery.testSend, {
    body: { concept: abandonedCartConcept, channel: 'email', address: 'colleague@shop.example', person: ada },
  })
  expect(answer.state).toBe('accepted')
  expect(town.mail.taken[0]).toMatchObject({
    to: { address: 'colleague@shop.example' },
    subject: '[Test] Ada, Ihr Warenkorb wartet noch',
  })
  const invented = { concept: abandonedCartConcept, channel: 'sms', address: '+491511234567', language: 'en' }
  expect(await town.ask(api.delivery.testSend, { body: invented })).toMatchObject({ state: 'accepted' })
  expect(await town.messages()).toEqual([])
})

test('erasing a person removes every trace of messages and runs', async () => {
  const ada = await town.person('Ada', ['email'])
  await town.addToCart(ada)
  await town.world.clock.advance({ minutes: 61 })
  await town.run()
  await town.delivery.catchMail({
    from: 'colleague@shop.example',
    to: [town.emailOf('Ada').toUpperCase()],
    subject: 'by hand',
    messageId: null,
    headers: [],
    text: '',
    html: null,
    attachments: [],
    bytes: 1,
  })
  await town.database.transaction(async (tx) => {
    await town.delivery.erase(tx, [ada])
    await town.decision.erase(tx, [ada])
  })
  const [left] = await town.database.rows<{ count: number }>`
    select (select count(*) from delivery.message) + (select count(*) from delivery.body)
      + (select count(*) from delivery.change) + (select count(*) from delivery.caught) + (select count(*) from decision.run)
      + (select count(*) from decision.step) + (select count(*) from decision.assignment) as count`
  expect(left?.count).toBe(0)
})
