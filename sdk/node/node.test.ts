import { gunzipSync } from 'node:zlib'
import { createTracker } from '@einklang/sdk/node'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

type Request = { headers: { [name: string]: string }; batch: { event: string; messageId: string }[] }
let requests: Request[]
let answers: (number | 'away')[]

beforeEach(() => {
  requests = []
  answers = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => vi.useRealTimers())

const start = (more: { most?: number; dropped?: (messages: object[], because: string) => void } = {}) =>
  createTracker({
    host: 'https://data.shop.example',
    writeKey: 'sk_1',
    ...more,
    fetch: async (_, options) => {
      const { batch } = JSON.parse(gunzipSync(Buffer.from(options?.body as ArrayBuffer)).toString()) as Request
      requests.push({ headers: options?.headers as { [name: string]: string }, batch })
      const answer = answers.shift() ?? 200
      if (answer === 'away') throw new TypeError('fetch failed')
      return new Response('{}', { status: answer, headers: answer === 429 ? { 'retry-after': '7' } : {} })
    },
  })

test('calls made together go in one packed request with the key in the header', async () => {
  const tracker = start()
  tracker.track({ userId: 'u-1', event: 'One' })
  tracker.track({ userId: 'u-1', event: 'Two' })
  expect(await tracker.close()).toEqual([])
  expect(requests).toHaveLength(1)
  expect(requests[0]?.headers.authorization).toBe(`Basic ${btoa('sk_1:')}`)
  expect(requests[0]?.batch.map(({ event }) => event)).toEqual(['One', 'Two'])
})

test('a server that is away or busy gets the same ids again, and says how long to wait', async () => {
  answers = ['away', 429, 500]
  const tracker = start()
  tracker.track({ anonymousId: 'a', event: 'Kept' })
  for (let turn = 0; turn < 4; turn++) await tracker.flush()
  expect(requests).toHaveLength(4)
  expect(new Set(requests.map(({ batch }) => batch[0]?.messageId)).size).toBe(1)
  expect(requests.map(({ headers }) => headers['x-retry-count'])).toEqual([undefined, '1', '2', '3'])
  expect(await tracker.close()).toEqual([])
})

test('what is refused is told, and more than may wait pushes the oldest out', async () => {
  const given: string[] = []
  answers = [400, 'away', 'away', 'away']
  const tracker = start({ most: 2, dropped: (messages, because) => given.push(`${messages.length} ${because}`) })
  tracker.track({ userId: 'u', event: 'Bad' })
  await tracker.flush()
  for (const event of ['1', '2', '3']) tracker.track({ userId: 'u', event })
  expect(given).toEqual(['1 refused', '1 full'])
  vi.useRealTimers()
  const left = await tracker.close(0)
  expect(left.map(({ event }) => event)).toEqual(['2', '3'])
})
