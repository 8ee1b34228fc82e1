import { createHash } from 'node:crypto'
import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type CallOf,
  type ImportKind,
  type NormalEvent,
  type PersonId,
  type Route,
} from '@einklang/contract'
import { chanceFrom, type Database, Outage, type Request_, type StageParts } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createIngest, type Ingest, type IngestInside, ingestParts } from '../index.ts'
import { importLoop } from './run.ts'

vi.setConfig({ testTimeout: 60_000 })

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const caller = { caller: { kind: 'user', name: 'Eva' } } as unknown as Request_

let world: TestGround
let ingest: Ingest & IngestInside
let parts: StageParts
/** What committed transactions left behind; a killed one leaves nothing. */
let kept: NormalEvent[]
let open: NormalEvent[]

beforeAll(async () => {
  world = await testGround()
  const apply = async (_tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    open.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  ingest = createIngest({ ground: world.ground, apply })
  parts = ingestParts(ingest)
})
afterAll(() => world.close())
beforeEach(() => {
  kept = []
  open = []
})

function call<R extends Route>(route: R, input: CallOf<R>): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const read = {
    params: route.params.parse(input.params ?? {}),
    query: route.query.parse(input.query ?? {}),
    body: route.body.parse(input.body),
  }
  return mounted?.handle(read as never, caller) as Promise<AnswerOf<R>>
}

async function brought(kind: ImportKind, fileName: string, bytes: Buffer) {
  const { source } = await call(api.ingest.createSource, {
    body: { name: `${kind} ${Math.abs(bytes.length)}`, kind: 'crm', issuer: 'crm' },
  })
  const job = await announced(kind, fileName, bytes, source.id)
  const path = job.uploadPath as string
  const mount = parts.raw?.find((one) => one.method === 'PUT' && one.path.includes('imports'))
  await mount?.handle(new Request(`http://x${path}&offset=0`, { method: 'PUT', body: new Uint8Array(bytes) }), {
    params: { import: job.id },
    address: '',
    requestId: '',
    remoteAddress: '',
  })
  return { id: job.id, source: source.id }
}

function announced(kind: ImportKind, fileName: string, bytes: Buffer, source: string) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return call(api.ingest.createImport, {
    body: { kind, source: source as never, fileName, size: bytes.length, sha256, dryRun: false },
  })
}

/** Works until the end, killed at random moments: before the work, after it, or after the commit. */
async function worked(kills: number, name: string): Promise<number> {
  const { ground } = world
  const chance = chanceFrom(name, 'kill')
  const { applier } = ingest
  let left = kills
  const loop = importLoop({
    database: ground.database,
    clock: ground.clock,
    log: ground.log,
    sources: ingest.sources,
    judge: ingest.judge,
    applier: {
      ...applier,
      async apply(tx, number, items, options) {
        open = []
        if (left > 0 && chance.next() < 0.2) throw kill()
        const counted = await applier.apply(tx, number, items, options)
        if (left > 0 && chance.next() < 0.2) throw kill()
        return counted
      },
      committed(number) {
        kept.push(...open.splice(0))
        applier.committed(number)
        if (left > 0 && chance.next() < 0.2) throw kill()
      },
    },
    records: {},
    rowsPerBatch: 3,
  })
  function kill() {
    left--
    return new Outage('killed', { retryAfterSeconds: 0 })
  }
  for (let turn = 0; turn < kills * 3 + 3; turn++) {
    const state = await loop.turn(new AbortController().signal).catch((error: unknown) => {
      if (error instanceof Outage) return 'killed'
      throw error
    })
    if (state === 'idle') break
  }
  return kills - left
}

const rows = 120
const numbers = Array.from({ length: rows }, (_, at) => at)
const csv = (header: string, row: (at: number) => string) => `${header}\n${numbers.map(row).join('\n')}\n`
const files: [ImportKind, string, string][] = [
  [
    'customers',
    'customers.csv',
    csv('customer_no;email;first_name', (at) => `${at};k${at}@x.de;${at % 7 === 0 ? '"a;b\nc"' : 'Kim'}`),
  ],
  [
    'receipts',
    'receipts.csv',
    csv(
      'receipt_no;at;place;line_total',
      (at) => `${Math.floor(at / 2)};2026-01-02T10:00:00Z;K1;${at % 11 === 0 ? 'x' : '9,95'}`,
    ),
  ],
  [
    'braze-attributes',
    'users.csv',
    csv('external_id,email_subscribe', (at) => `${at},${at % 3 === 0 ? 'unsubscribed' : 'opted_in'}`),
  ],
  [
    'braze-events',
    'events.csv',
    csv('external_id,name,time', (at) => `${at},rated,${at % 9 === 0 ? 'soon' : '2026-01-02'}`),
  ],
  [
    'braze-json',
    'users.json',
    JSON.stringify(
      {
        attributes: numbers.map((at) => ({ external_id: String(at) })),
        events: numbers.map((at) => ({ external_id: String(at), name: 'x', time: '2026-01-02T00:00:00Z' })),
      },
      null,
      1,
    ),
  ],
  ['customerio', 'people.csv', csv('id,unsubscribed', (at) => `${at},${at % 2 === 0}`)],
  [
    'klaviyo',
    'profiles.csv',
    csv('Email,Email Marketing Consent', (at) => `k${at}@x.de,${at % 2 === 0 ? 'UNSUBSCRIBED' : 'SUBSCRIBED'}`),
  ],
  ['mautic', 'contacts.csv', csv('email,doNotEmail,tags', (at) => `k${at}@x.de,${at % 2},a|b`)],
  [
    'listmonk',
    'subscribers.csv',
    csv('email,status', (at) => `k${at}@x.de,${at % 2 === 0 ? 'blocklisted' : 'enabled'}`),
  ],
]

test.each(files)(
  '%s: killed at twenty random moments and begun again, the result is the same; a repeat changes nothing',
  async (kind, fileName, text) => {
    const content = (events: NormalEvent[]) =>
      events.map((event) => [
        event.messageId.replace(/^import:[0-9a-f]+/, ''),
        event.kind,
        event.name,
        event.identifiers,
        event.traits,
        event.properties,
      ])
    const whole = await brought(kind, fileName, Buffer.from(text))
    expect(await worked(0, kind)).toBe(0)
    const calm = content(kept)
    const counts = await call(api.ingest.importOf, { params: { import: whole.id } })
    expect(counts.state).toBe('done')
    kept = []
    // The same content for another source: a file of its own.
    const shaken = await brought(kind, fileName, Buffer.from(`${text} `))
    expect(await worked(20, kind)).toBe(20)
    const after = await call(api.ingest.importOf, { params: { import: shaken.id } })
    expect(content(kept)).toEqual(calm)
    expect(new Set(kept.map((event) => event.id)).size).toBe(kept.length)
    expect([after.state, after.accepted, after.rejected]).toEqual(['done', counts.accepted, counts.rejected])
    kept = []
    const again = await announced(kind, fileName, Buffer.from(`${text} `), shaken.source)
    if (again.uploadPath !== null) {
      // Rows that were refused are tried again, the others stay known.
      expect(after.rejected).toBeGreaterThan(0)
    } else expect(again).toMatchObject({ state: 'done', accepted: 0 })
    expect(kept).toEqual([])
  },
)
