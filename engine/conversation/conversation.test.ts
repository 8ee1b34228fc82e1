import type { AppliedBatch, NormalEvent, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGovernance } from '#governance'
import { createIdentity } from '#identity'
import { createIngest } from '#ingest'
import { createProfile } from '#profile'
import { type Conversation, createConversation } from './index.ts'
import { listIncoming } from './store.ts'

let world: TestGround
let conversation: Conversation
let ada: PersonId
let applied: () => Promise<void>

beforeAll(async () => {
  world = await testGround()
  const { ground } = world
  const identity = createIdentity({ ground })
  const profile = createProfile({ ground, identity: { identifiersOf: async () => [], find: async () => null } })
  const apply = async (tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    const batch = await identity.resolve(tx, events)
    for (const stage of [profile, conversation]) await stage.apply(tx, batch)
    return batch
  }
  const ingest = createIngest({ ground, apply })
  conversation = createConversation({ ground, governance: createGovernance({ ground }), emit: ingest.emit })
  applied = async () => {
    while ((await ingest.loops[0]?.turn(new AbortController().signal)) === 'busy');
  }
  await ground.database.transaction((tx) =>
    ingest.emit(tx, [
      {
        key: 'ada',
        name: 'identified',
        kind: 'identify',
        person: null,
        identifiers: [{ namespace: 'email', value: 'ada@example.com', trust: 'verified' }],
        at: world.clock.now(),
        properties: {},
        traits: { first_name: 'Ada', email: 'ada@example.com' },
      },
    ]),
  )
  await applied()
  ada = (await identity.find('email', 'ada@example.com')) as PersonId
})
afterAll(() => world.close())

const mail = {
  from: 'ada@example.com',
  to: ['hello@shop.example'],
  subject: 'Größe 42?',
  messageId: '<1@example.com>',
  headers: [],
  text: 'Gibt es den Pullover auch in 42?',
}

test('a mail to us appears with the customer it may be from, once', async () => {
  expect(await conversation.receive(mail)).toBe(true)
  expect(await conversation.receive(mail)).toBe(true)
  await applied()
  expect(await conversation.of(ada)).toMatchObject([{ channel: 'email', subject: 'Größe 42?', text: mail.text }])
  const list = await listIncoming(world.ground.database, { limit: 50, q: 'pullover' })
  expect(list).toMatchObject({ total: 1, items: [{ personName: 'Ada', kind: 'mail', from: 'ada@example.com' }] })
})

test('mails to others and automatic answers start nothing', async () => {
  expect(await conversation.receive({ ...mail, to: ['bea@example.com'] })).toBe(false)
  const automatic = { ...mail, headers: [{ name: 'Auto-Submitted', value: 'auto-replied' }] }
  expect(await conversation.receive(automatic)).toBe(false)
})

test('a wildcard in the search is a letter like any other', async () => {
  expect((await listIncoming(world.ground.database, { limit: 50, q: '%' })).total).toBe(0)
})
