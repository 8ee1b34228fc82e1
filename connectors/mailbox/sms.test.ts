import type { MessageId, Outbound } from '@einklang/contract'
import { afterEach, expect, test } from 'vitest'
import { smsConnector } from '../sms-http/index.ts'
import { type CaughtMail, type SmsMailbox, startSmsMailbox } from './index.ts'

let gateway: SmsMailbox | undefined
afterEach(() => gateway?.close())

const message = '01990000-0000-8900-8000-000000000001' as MessageId
const outbound: Outbound = {
  message,
  key: 'k1',
  channel: 'sms',
  to: { address: '+4915112345678', name: null },
  from: { address: 'service@schuhhaus.example', name: 'Schuhhaus' },
  subject: null,
  html: null,
  text: 'Ihr Warenkorb wartet.',
  headers: {},
}
const never = new AbortController().signal

test('a text message is kept once, however often the same key comes, also after a restart', async () => {
  const kept: CaughtMail[] = []
  const needs = {
    store: async (mail: CaughtMail) => void kept.push(mail),
    known: async (key: string) => kept.some((mail) => mail.messageId === key),
  }
  gateway = await startSmsMailbox(needs)
  const connector = smsConnector({ url: gateway.url })
  const twice = await Promise.all([connector.handOver(outbound, never), connector.handOver(outbound, never)])
  expect(twice).toEqual([
    { state: 'accepted', providerId: 'k1' },
    { state: 'accepted', providerId: 'k1' },
  ])
  await gateway.close()
  gateway = await startSmsMailbox(needs)
  expect(await smsConnector({ url: gateway.url }).handOver(outbound, never)).toMatchObject({ state: 'accepted' })
  expect(kept).toMatchObject([
    { from: 'Schuhhaus', to: ['+4915112345678'], text: 'Ihr Warenkorb wartet.', messageId: 'k1' },
  ])
  expect(kept[0]?.headers).toEqual([{ name: 'X-Einklang-Message', value: message }])
})

test('what cannot be kept now is refused for now, and what is no message for good', async () => {
  gateway = await startSmsMailbox({
    store: async () => {
      throw new Error('the database is away')
    },
    known: async () => false,
  })
  expect(await smsConnector({ url: gateway.url }).handOver(outbound, never)).toMatchObject({
    state: 'refused',
    permanent: false,
  })
  const answer = await fetch(gateway.url, { method: 'POST', body: '{"to":1}' })
  expect(answer.status).toBe(400)
})
