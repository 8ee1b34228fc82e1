import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createTracker, type WebTrackerOptions } from '@einklang/sdk/web'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

type Sent = { type: string; event?: string; messageId: string; anonymousId: string; userId?: string; context: object }

let kept: { [name: string]: string }
let sent: { batch: Sent[]; writeKey: string; sentAt: string }[]
let answers: (number | 'away')[]
let beacons: string[]
let listeners: { [name: string]: () => void }

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-03-02T09:00:00Z') })
  kept = {}
  sent = []
  answers = []
  beacons = []
  listeners = {}
  vi.stubGlobal(
    'localStorage',
    Object.defineProperties(kept, {
      getItem: { value: (name: string) => kept[name] ?? null },
      setItem: { value: (name: string, value: string) => (kept[name] = value) },
      removeItem: { value: (name: string) => delete kept[name] },
    }),
  )
  vi.stubGlobal('location', {
    href: 'https://shop.example/boots?utm_source=mail&utm_campaign=autumn',
    pathname: '/boots',
    search: '?utm_source=mail&utm_campaign=autumn',
  })
  vi.stubGlobal('document', {
    title: 'Boots',
    referrer: '',
    visibilityState: 'visible',
    addEventListener: (name: string, listener: () => void) => (listeners[name] = listener),
    get cookie(): string {
      throw new Error('A cookie was read')
    },
    set cookie(_: string) {
      throw new Error('A cookie was set')
    },
  })
  vi.stubGlobal('addEventListener', (name: string, listener: () => void) => (listeners[name] = listener))
  vi.stubGlobal('navigator', {
    language: 'de-DE',
    sendBeacon: (_: string, body: Blob) => {
      void body.text().then((text) => beacons.push(text))
      return true
    },
  })
  vi.stubGlobal('screen', { width: 1280, height: 800 })
  vi.stubGlobal('devicePixelRatio', 2)
  vi.stubGlobal('fetch', async (_: string, { body }: { body: string }) => {
    const answer = answers.shift() ?? 200
    if (answer === 'away') throw new TypeError('Failed to fetch')
    if (answer < 300) sent.push(JSON.parse(body))
    return new Response(null, { status: answer === 200 ? 204 : answer, headers: { 'retry-after': '2' } })
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const start = (more: Partial<WebTrackerOptions> = {}) =>
  createTracker({ host: 'https://data.shop.example/', writeKey: 'pk_1', ...more })
const names = () => sent.flatMap(({ batch }) => batch.map(({ event, type }) => event ?? type))

test('before anybody has chosen nothing is sent and nothing is stored; a yes sends what was held, with the choice', async () => {
  const tracker = start()
  tracker.track('Product Viewed', { sku: 'A-1' })
  await vi.advanceTimersByTimeAsync(5000)
  expect([sent, Object.keys(kept)]).toEqual([[], []])
  tracker.consent({ analytics: true, marketing: false })
  await vi.advanceTimersByTimeAsync(1000)
  expect(names()).toEqual(['Segment Consent Preference Updated', 'Product Viewed'])
  const [statement, viewed] = sent[0]?.batch ?? []
  expect(viewed?.context).toMatchObject({
    consent: { categoryPreferences: { analytics: true, marketing: false } },
    campaign: { name: 'autumn', source: 'mail' },
    page: { path: '/boots' },
  })
  expect(viewed?.anonymousId).toBe(statement?.anonymousId)
  expect(Object.keys(kept).sort()).toEqual(['einklang:consent', 'einklang:id'])
})

test('a no is said once, and nothing else is sent or stored', async () => {
  const given: string[] = []
  const tracker = start({ dropped: (messages, because) => given.push(`${messages.length} ${because}`) })
  tracker.track('Before')
  tracker.consent({ analytics: false })
  tracker.track('After')
  await vi.advanceTimersByTimeAsync(5000)
  expect(names()).toEqual(['Segment Consent Preference Updated'])
  expect(Object.keys(kept)).toEqual([])
  expect(given).toEqual(['1 denied', '1 denied'])
})

test('taking a yes back removes what is on the device', async () => {
  const tracker = start({ consent: { analytics: true } })
  tracker.identify('u-1', { email: 'ada@shop.example' })
  expect(Object.keys(kept).length).toBeGreaterThan(2)
  await tracker.flush()
  tracker.consent({ analytics: false })
  await tracker.flush()
  expect(Object.keys(kept)).toEqual([])
})

test('without a network events wait, outlive the window, and are sent once under the same id', async () => {
  answers = ['away', 503, 'away']
  const tracker = start({ consent: { analytics: true } })
  tracker.track('Seen')
  await vi.advanceTimersByTimeAsync(1000)
  expect(sent).toEqual([])
  const queue = Object.entries(kept).find(([name]) => name.startsWith('einklang:queue:'))
  const waiting = JSON.parse(queue?.[1] ?? '{}') as { waiting: Sent[] }
  expect(waiting.waiting[0]?.event).toBe('Seen')
  // The window closes here; another one opens minutes later.
  vi.clearAllTimers()
  answers = []
  vi.setSystemTime(new Date('2026-03-02T09:10:00Z'))
  const next = start()
  await vi.advanceTimersByTimeAsync(1000)
  expect(sent.flatMap(({ batch }) => batch.map(({ messageId }) => messageId))).toEqual([waiting.waiting[0]?.messageId])
  expect(next.anonymousId()).toBe(tracker.anonymousId())
  expect(Object.keys(kept).filter((name) => name.includes('queue'))).toEqual([])
})

test('a window that closes hands what waits to a beacon', async () => {
  const tracker = start({ consent: { analytics: true } })
  tracker.track('Last')
  Object.assign((globalThis as unknown as { document: object }).document, { visibilityState: 'hidden' })
  listeners.visibilitychange?.()
  await vi.advanceTimersByTimeAsync(1000)
  expect(JSON.parse(beacons[0] ?? '{}')).toMatchObject({ writeKey: 'pk_1', batch: [{ event: 'Last' }] })
  expect(sent).toEqual([])
})

test('what the server refuses is told and not sent again; who signs off is somebody else', async () => {
  const given: string[] = []
  answers = [400]
  const tracker = start({
    consent: { analytics: true },
    dropped: (messages, because) => given.push(`${messages.length} ${because}`),
  })
  tracker.track('Bad')
  await tracker.flush()
  expect(given).toEqual(['1 refused'])
  const before = tracker.anonymousId()
  tracker.identify('u-1')
  tracker.reset()
  tracker.page('Home')
  await tracker.flush()
  const [identify, page] = sent[0]?.batch ?? []
  expect([identify?.userId, page?.userId]).toEqual(['u-1', undefined])
  expect(page?.anonymousId).not.toBe(before)
})

test('a page loads less than 6 kB for it, even unminified', () => {
  const files = ['tracking/calls.ts', 'tracking/sender.ts', 'web/index.ts']
  const script = files
    .map((file) => stripTypeScriptTypes(readFileSync(join(import.meta.dirname, '..', file), 'utf8')))
    .join('\n')
  expect(gzipSync(script).length).toBeLessThan(6000)
})
