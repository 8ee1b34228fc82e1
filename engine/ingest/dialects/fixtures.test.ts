/** Requests as the official packages have sent them (`einklang bench clients --record`), without the packages. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { api, KeyId, NormalEvent, SourceId } from '@einklang/contract'
import { createMetrics, derivedId } from '@einklang/platform'
import { expect, test } from 'vitest'
import { createDoor } from '../door.ts'
import type { InboxRequest } from '../frame.ts'
import { itemsOf } from '../normal.ts'
import type { KeyFacts, Source, Sources } from '../source.ts'

type Recorded = {
  method: string
  path: string
  headers: { [name: string]: string }
  body: string
  status: number
  /** When the server had it. */
  at: number
}
const folder = join(import.meta.dirname, 'fixtures')
const files = readdirSync(folder).filter((file) => file.endsWith('.json'))

const mapping = {
  call: 'track' as const,
  event: 'Probed',
  fields: { userId: 'data.userId', 'properties.probe': 'data.probe' },
}

function sourceOf(dialects: api.ingest.DialectName[]): Source {
  return {
    id: derivedId('source', 'fixture') as SourceId,
    name: 'Fixture',
    slug: 'fixture',
    kind: 'shop',
    channel: 'web',
    issuer: 'user_id',
    currency: 'EUR',
    country: 'DE',
    timeZone: 'Europe/Berlin',
    consentCategories: {},
    oldestYears: 10,
    origins: ['*'],
    dialects,
    webhook: null,
    mappings: [{ ...mapping, type: 'example.shop.probed' }],
  }
}

const spoken: { [file: string]: api.ingest.DialectName[] } = {
  'segment_analytics-node.json': ['segment'],
  'segment_analytics-next.json': ['segment'],
  'analytics-node.json': ['segment'],
  'rudderstack_rudder-sdk-node.json': ['rudderstack'],
  'rudderstack_analytics-js.json': ['rudderstack'],
  'jitsu_js.json': ['jitsu'],
  'customerio_cdp-analytics-node.json': ['customerio'],
  'customerio-node.json': ['customerio'],
  'dittofeed_sdk-node.json': ['dittofeed'],
  'posthog-node.json': ['posthog'],
  'posthog-js.json': ['posthog'],
  'klaviyo-api.json': ['klaviyo'],
  'snowplow_node-tracker.json': ['snowplow'],
  'apache-unomi-tracker.json': ['unomi'],
  'cloudevents.json': ['cloudevents'],
}

test('there is a fixture for each package that needs no signature', () => {
  expect(files.sort()).toEqual(Object.keys(spoken).sort())
})

test.each(files)('%s is answered as the package expects and understood whole', async (file) => {
  const source = sourceOf(spoken[file] ?? [])
  const stored: InboxRequest[] = []
  const requests = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recorded[]
  let now = 0
  const facts: KeyFacts = { key: 'k' as KeyId, trust: 'secret', endsAt: null, source }
  const door = createDoor({
    sources: {
      byKey: async () => facts,
      bySlug: async () => source,
      speaks: async (dialects: string[]) => dialects.some((one) => source.dialects.some((own) => own === one)),
    } as unknown as Sources,
    inbox: { expect: () => ({ over: () => undefined }), commit: async (request) => (stored.push(request), 'durable') },
    clock: { now: () => new Date(now) },
    log: { error() {} } as unknown as Parameters<typeof createDoor>[0]['log'],
    metrics: createMetrics(),
  })
  for (const { method, path, headers, body, status, at } of requests) {
    now = at
    const [place = '', query = ''] = path.split('?')
    const answer = await door.answer({
      method,
      path: place,
      query,
      header: (name) => headers[name],
      headerNames: () => Object.keys(headers),
      body: async () => Buffer.from(body, 'base64'),
      address: '127.0.0.0',
    })
    expect(answer.status, `${method} ${path}`).toBe(status)
  }
  const items = stored.flatMap((request, row) => itemsOf(request, source, row, 0))
  const events = items.flatMap(({ event }) => (event ? [event] : []))
  const waiting = items.flatMap(({ reasons }) => reasons.map(({ code }) => code))
  // Erasing and lifting a suppression are decided by a person.
  expect(waiting.filter((code) => code !== 'needs_review')).toEqual([])
  expect(waiting.length).toBe(file === 'customerio-node.json' ? 2 : 0)
  expect(events.length).toBeGreaterThan(2)
  for (const event of events) expectSound(event, requests)
})

/** What must hold for every event of every client. */
function expectSound(event: NormalEvent, requests: Recorded[]): void {
  const times = requests.map(({ at }) => at)
  expect(Date.parse(event.at), event.at).toBeGreaterThan(Math.min(...times) - 600_000)
  expect(Date.parse(event.at), event.at).toBeLessThanOrEqual(Math.max(...times) + 1000)
  for (const { value } of event.identifiers) expect(['', 'null', 'undefined', '[object Object]']).not.toContain(value)
  expect(
    event.flags.filter((flag) => ['bad_time', 'future_time', 'type_mismatch', 'duplicate_key'].includes(flag)),
  ).toEqual([])
  expect(JSON.stringify([event.properties, event.context, event.traits])).not.toContain('pk_fixture')
}
