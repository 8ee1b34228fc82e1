import { createHash } from 'node:crypto'
import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type CallOf,
  type JsonObject,
  type NormalEvent,
  type PersonId,
  type Route,
  type SourceId,
} from '@einklang/contract'
import type { Caller, Database, Refusal, Request_, StageParts } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createIngest, type Ingest, type IngestInside, ingestParts } from '../../index.ts'
import { parsePlanText } from './document.ts'

const person = 'adadadad-adad-8200-8000-000000000001' as PersonId
const eva: Caller = { kind: 'user', name: 'Eva', roles: ['marketer'] } as unknown as Caller

let world: TestGround
let ingest: Ingest & IngestInside
let parts: StageParts
let applied: NormalEvent[]
let asked: { object: string; hash: string }[]
let approvedHashes: Set<string>
let source: SourceId
let key: string
let count = 0

beforeEach(async () => {
  world = await testGround()
  applied = []
  asked = []
  approvedHashes = new Set()
  const apply = async (_tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person })), merges: [], touched: [] }
  }
  ingest = createIngest({
    ground: world.ground,
    apply,
    approvals: {
      approved: async (_kind, _object, hash) => approvedHashes.has(hash),
      ask: async (_tx, wanted) => asked.push(wanted),
    },
    authenticate: async (headers) => (headers.get('authorization') ? eva : { kind: 'anonymous' }),
  })
  parts = ingestParts(ingest)
  const made = await call(api.ingest.createSource, { body: { name: 'Shop München', kind: 'web', trust: 'secret' } })
  source = made.source.id
  key = made.key
})
afterEach(() => world.close())

function call<R extends Route>(route: R, input: CallOf<R> = {}, caller = eva): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const read = {
    params: route.params.parse(input.params ?? {}),
    query: route.query.parse(input.query ?? {}),
    body: route.body.parse(input.body),
  }
  return mounted?.handle(read as never, { caller } as Request_).then((answer) => route.answer.parse(answer)) as Promise<
    AnswerOf<R>
  >
}

const refusal = (pending: Promise<unknown>) =>
  pending.then(
    () => null,
    (error: Refusal) => error.code,
  )

async function send(events: JsonObject[]): Promise<void> {
  const batch = events.map((event) => ({ type: 'track', userId: 'ada', messageId: `m${++count}`, ...event }))
  const answer = await ingest.door.answer({
    method: 'POST',
    path: '/v1/batch',
    query: '',
    header: () => undefined,
    headerNames: () => [],
    body: async () => Buffer.from(JSON.stringify({ batch, writeKey: key })),
    address: '',
  } as never)
  expect(answer?.status).toBe(200)
  await ingest.drain()
}

const text = `
events:
  Shoe Tried:
    required: [size]
    additionalProperties: false
    properties: { size: { type: number }, colour: { type: string, enum: [red, blue] } }
`
const loose = text.replace('size: { type: number }', 'size: { type: [number, string] }')

async function goLive(content: string): Promise<AnswerOf<typeof api.ingest.planOf>> {
  const { id, hash } = await call(api.ingest.createPlan, { body: { source, text: content } })
  await call(api.ingest.submitPlan, { params: { plan: id } })
  approvedHashes.add(hash)
  return call(api.ingest.publishPlan, { params: { plan: id } })
}

test('draft, review, live, retired: approved is exactly this content, live is one version', async () => {
  const draft = await call(api.ingest.createPlan, { body: { source, text } })
  expect(draft).toMatchObject({ version: 1, state: 'draft', events: 1, properties: 2, approved: false })
  expect(await refusal(call(api.ingest.createPlan, { body: { source, text } }))).toBe('draft_exists')
  expect(await refusal(call(api.ingest.publishPlan, { params: { plan: draft.id } }))).toBe('not_in_review')
  const params = { plan: draft.id }
  await call(api.ingest.submitPlan, { params })
  expect(asked).toMatchObject([{ object: source, hash: draft.hash }])
  expect(await refusal(call(api.ingest.publishPlan, { params }))).toBe('not_approved')
  // A change after the approval is another content.
  approvedHashes.add(draft.hash)
  const changed = await call(api.ingest.changePlan, { params, body: { text: loose, basedOn: draft.hash } })
  expect(changed).toMatchObject({ state: 'draft', approved: false })
  expect(await refusal(call(api.ingest.changePlan, { params, body: { text, basedOn: draft.hash } }))).toBe(
    'changed_meanwhile',
  )
  await call(api.ingest.submitPlan, { params })
  expect(await refusal(call(api.ingest.publishPlan, { params }))).toBe('not_approved')
  approvedHashes.add(changed.hash)
  expect((await call(api.ingest.publishPlan, { params })).state).toBe('live')
  expect(await refusal(call(api.ingest.changePlan, { params, body: { text } }))).toBe('not_a_draft')

  const second = await goLive(text)
  expect(second.versions.map(({ version, state }) => `${version} ${state}`)).toEqual(['2 live', '1 retired'])
  expect(await ingest.planWords(source, draft.hash)).toEqual(await ingest.planWords(source, second.hash))
  await expect(world.ground.database.run`update ingest.plan set state = 'live' where id = ${draft.id}`).rejects.toThrow(
    /plan_live/,
  )
  await ingest.drain()
  expect(applied.filter(({ name }) => name === 'ingest.plan_published')).toHaveLength(2)
  expect((await call(api.ingest.retirePlan, { params: { plan: second.id } })).state).toBe('retired')
})

test('violations ride on the event, stripped values stay beside it, and what waits is offered again', async () => {
  const live = await goLive(
    text.replace('events:', 'actions: { additional_property: strip, wrong_type: quarantine }\nevents:'),
  )
  await send([
    { event: 'Shoe Tried', properties: { size: 43, colour: 'red' } },
    { event: 'Shoe Tried', properties: { size: 43, colour: 'green', mood: 'good' } },
    { event: 'Shoe Tried', properties: { size: '43' } },
    { event: 'shoe  tried', properties: {} },
  ])
  const shoes = applied.filter(({ name }) => name?.toLowerCase().startsWith('shoe'))
  expect(shoes.map(({ properties }) => properties)).toEqual([
    { size: 43, colour: 'red' },
    { size: 43, colour: 'green' },
    {},
  ])
  expect(shoes[0]?.context['violations']).toBeUndefined()
  expect(shoes[1]?.context).toMatchObject({
    violations: [
      { code: 'plan.additional_property', path: 'properties.mood', found: 'string aaaa' },
      { code: 'plan.condition', path: 'properties.colour', expected: 'red, blue' },
    ],
    stripped: { 'properties.mood': 'good' },
  })
  expect(shoes[2]?.context).toMatchObject({ violations: [{ code: 'plan.unplanned_event', expected: 'Shoe Tried' }] })

  const seen = await call(api.ingest.violations, { query: { hours: 1 } })
  expect(seen).toMatchObject({ violating: 2, quarantined: 1 })
  expect(seen.items.map(({ code, event, count: times }) => `${code} ${event} ${times}`).toSorted()).toEqual([
    'additional_property Shoe Tried 1',
    'condition Shoe Tried 1',
    'unplanned_event shoe  tried 1',
  ])
  expect(seen.items[0]?.trend.reduce((sum, one) => sum + one, 0)).toBe(1)
  const now = world.clock.now().toISOString()
  expect((await call(api.ingest.violations, { query: { hours: 1, newSince: now } })).items).toHaveLength(3)
  const later = new Date(world.clock.now().getTime() + 1000).toISOString()
  expect((await call(api.ingest.violations, { query: { hours: 1, newSince: later } })).items).toHaveLength(0)

  const before = await call(api.ingest.planOf, { params: { plan: live.id } })
  expect(before.waiting).toBe(1)
  expect(await call(api.ingest.replayByPlan, { params: { plan: live.id }, body: {} })).toEqual({
    waiting: 1,
    accepted: 0,
    replayed: 0,
  })
  const looser = await goLive(loose)
  const offer = { params: { plan: looser.id } }
  expect(await call(api.ingest.replayByPlan, { ...offer, body: {} })).toEqual({ waiting: 1, accepted: 1, replayed: 0 })
  expect((await call(api.ingest.replayByPlan, { ...offer, body: { dryRun: false } })).replayed).toBe(1)
  await ingest.drain()
  expect(applied.filter(({ name }) => name === 'Shoe Tried').map(({ properties }) => properties['size'])).toEqual([
    43,
    43,
    '43',
  ])

  await call(api.ingest.retirePlan, { params: { plan: looser.id } })
  await send([{ event: 'Anything', properties: {} }])
  expect(applied.at(-1)?.context['violations']).toBeUndefined()
})

test('a plan learned from what came finds nothing wrong with it; required is what 99.5 % have', async () => {
  await send(
    Array.from({ length: 400 }, (_, at) => ({
      event: at % 2 === 0 ? 'Shoe Tried' : 'Hat Tried',
      properties: {
        size: at % 4 === 0 ? 43 : 43.5,
        colour: ['red', 'blue'][at % 3 === 0 ? 0 : 1] as string,
        mail: `kunde${at}@x.de`,
        when: '2026-03-01',
        ...(at % 5 === 0 ? {} : { note: `free text ${at}` }),
        ...(at % 400 === 7 ? {} : { nearly: true }),
        lines: [
          { sku: `s${at}`, quantity: 1 },
          { sku: 'x', quantity: 2, gift: null },
        ],
      },
    })),
  )
  const learned = await call(api.ingest.learnPlan, { body: { source } })
  expect(learned).toMatchObject({ events: 400, names: 2 })
  const { 'Shoe Tried': shoe, 'Hat Tried': hat } = (learned.document as api.ingest.PlanDocument).events ?? {}
  expect(shoe).toEqual({
    properties: {
      colour: { type: 'string', enum: ['blue', 'red'], 'x-class': 'none' },
      lines: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            gift: { type: 'null', 'x-class': 'none' },
            quantity: { type: 'integer', 'x-class': 'none' },
            sku: { type: 'string', 'x-class': 'none' },
          },
          required: ['quantity', 'sku'],
          additionalProperties: false,
          'x-class': 'none',
        },
        'x-class': 'none',
      },
      mail: { type: 'string', format: 'email', 'x-class': 'contact' },
      nearly: { type: 'boolean', 'x-class': 'none' },
      note: { type: 'string', 'x-class': 'none' },
      size: { type: 'number', 'x-class': 'none' },
      when: { type: 'string', format: 'date', 'x-class': 'none' },
    },
    required: ['colour', 'lines', 'mail', 'nearly', 'size', 'when'],
    additionalProperties: false,
  })
  // One of 200 is exactly 99.5 %.
  expect(hat?.required).toContain('nearly')

  const { id } = await call(api.ingest.createPlan, { body: { source, document: learned.document } })
  await call(api.ingest.startDryRun, { params: { plan: id }, body: {} })
  await world.runJobs(parts.jobs ?? [])
  const run = await call(api.ingest.dryRunOf, { params: { plan: id } })
  expect(run).toMatchObject({ state: 'done', progress: 1, events: 400, error: null })
  expect(run?.violations.map(({ code, path, count: times }) => `${code} ${path} ${times}`)).toEqual([
    'missing_required properties.nearly 1',
  ])
})

test('a dry run that was stopped stays stopped; a new one begins anew', async () => {
  const { id } = await call(api.ingest.createPlan, { body: { source, text } })
  const params = { plan: id }
  await call(api.ingest.startDryRun, { params, body: {} })
  expect((await call(api.ingest.cancelDryRun, { params }))?.state).toBe('cancelled')
  await world.runJobs(parts.jobs ?? [])
  expect((await call(api.ingest.dryRunOf, { params }))?.state).toBe('cancelled')
  expect((await call(api.ingest.startDryRun, { params, body: {} })).state).toBe('waiting')
  await world.runJobs(parts.jobs ?? [])
  expect((await call(api.ingest.dryRunOf, { params }))?.state).toBe('done')
})

test('the explorer shows names and properties; values are masked for whoever does not see customers', async () => {
  await goLive(text)
  await send([
    { event: 'Shoe Tried', properties: { size: 43, mail: 'anna@x.de' } },
    { event: 'Shoe Tried', properties: { size: 44 } },
    { event: 'Hat Tried', properties: {} },
    { type: 'identify', traits: { email: 'ada@x.de' } },
  ])
  const all = await call(api.ingest.seenEvents)
  const names = all.items.filter(({ sourceName }) => sourceName === 'Shop München')
  expect(
    names.map(({ kind, name, count: times, planned }) => `${kind} ${name} ${times} ${planned}`).toSorted(),
  ).toEqual(['identify  1 no_plan', 'track Hat Tried 1 no', 'track Shoe Tried 2 yes'])
  expect(
    names.every(({ trend }) => trend.length === 28 && trend.at(-1) === names.find((one) => one.trend === trend)?.count),
  ).toBe(true)
  expect((await call(api.ingest.seenEvents, { query: { source, planned: 'no', q: 'HAT' } })).total).toBe(1)

  const query = { source, kind: 'track', name: 'Shoe Tried' }
  const shown = await call(api.ingest.seenEventOf, { query })
  expect(shown).toMatchObject({ events: 2, masked: true })
  expect(shown.properties).toMatchObject([
    { path: 'mail', filled: 0.5, class: 'contact', examples: ['aaaa@a.aa'], planned: false },
    { path: 'size', filled: 1, types: [{ type: 'integer', share: 1 }], planned: true },
  ])
  const support = { ...eva, roles: ['support'] } as Caller
  const open = await call(api.ingest.seenEventOf, { query }, support)
  expect(open.properties[0]?.examples).toEqual(['anna@x.de'])
  const traits = await call(api.ingest.seenEventOf, { query: { source, kind: 'identify', name: '' } })
  expect(traits.properties.map(({ path }) => path)).toContain('email')

  const draft = await call(api.ingest.planEvent, { body: { source, name: 'Hat Tried' } })
  expect(draft).toMatchObject({ version: 2, state: 'draft', events: 2 })
  expect(await refusal(call(api.ingest.planEvent, { body: { source, name: 'Coat' } }))).toBe('unseen_event')
})

test('types as a file: the same plan, the same bytes; not for strangers', async () => {
  const { id, text: yaml } = await call(api.ingest.createPlan, {
    body: { source, text: text.replace('size: { type: number }', 'size: { type: number, description: "EU */ size" }') },
  })
  const file = parts.raw?.find(({ path }) => path.endsWith('types.ts'))
  const get = (headers: { [name: string]: string }) =>
    file?.handle(new Request('http://x/', { headers }), {
      params: { plan: id },
      address: '',
      requestId: '',
      remoteAddress: '',
    })
  expect((await get({}))?.status).toBe(401)
  const answer = await get({ authorization: 'Bearer x' })
  const types = (await answer?.text()) ?? ''
  expect(types).toContain(`export type ShoeTried = {
  colour?: "red" | "blue"
  /** EU * / size */
  size: number
}`)
  expect(types).toContain('export type Events = {\n  "Shoe Tried": ShoeTried\n}')
  expect(await (await get({ authorization: 'Bearer x' }))?.text()).toBe(types)
  expect(parsePlanText(yaml)).toEqual(
    parsePlanText(JSON.stringify((await call(api.ingest.planOf, { params: { plan: id } })).document)),
  )
})

test('a plan that cannot be kept is refused with its place', async () => {
  const pending = call(api.ingest.createPlan, {
    body: { source, text: 'events: { A: { properties: { p: { type: string, pattern: "(a+)+" } } } }' },
  })
  await expect(pending).rejects.toMatchObject({
    code: 'invalid_plan',
    status: 422,
    at: 'events.A.properties.p.pattern',
  })
  const kept = await world.ground.database.rows`select id from ingest.plan`
  expect(kept).toEqual([])
})

async function importFile(content: string) {
  const bytes = Buffer.from(content)
  const job = await call(api.ingest.createImport, {
    body: {
      kind: 'customers',
      source,
      fileName: 'customers.csv',
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
  })
  const upload = parts.raw?.find(({ method, path }) => method === 'PUT' && path.includes('imports'))
  const request = new Request(`http://x${job.uploadPath}&offset=0`, { method: 'PUT', body: new Uint8Array(bytes) })
  await upload?.handle(request, { params: { import: job.id }, address: '', requestId: '', remoteAddress: '' })
  await ingest.drain()
  return call(api.ingest.importOf, { params: { import: job.id } })
}

test('a contract with a supplier of files: no first row without the required columns, then row by row', async () => {
  await goLive(`
files:
  customers:
    required: [Kundennummer, PLZ]
    columns:
      Kundennummer: { type: string, pattern: '^[0-9]{4}$' }
      PLZ: { type: string, pattern: '^[0-9]{5}$' }
      Punkte: { type: number, maximum: 100 }
`)
  const lacking = await importFile('Kundennummer;Vorname\n1001;Ada\n')
  expect(lacking).toMatchObject({ state: 'failed', rowsRead: 0, accepted: 0 })
  expect(lacking.error).toContain('requires PLZ; the file has: Kundennummer, Vorname')
  const people = () => applied.filter(({ kind }) => kind === 'identify').length
  expect(people()).toBe(0)

  const done = await importFile(
    'Kundennummer;PLZ;Punkte\n1001;01067;99,5\n1002;1067;1\n1003;;1\n1004;80331;1.000,5\n1005;80331;\n',
  )
  expect(done).toMatchObject({ state: 'done', rowsRead: 5, accepted: 2, rejected: 3 })
  const rejects = await call(api.ingest.rejects, { params: { import: done.id } })
  expect(rejects.items.map(({ row, reason }) => `${row}: ${reason}`)).toEqual([
    expect.stringMatching(/3: Breaks the plan: PLZ should be \/.*\/, found was string 9999/),
    expect.stringMatching(/4: Breaks the plan: PLZ is missing, expected is string/),
    expect.stringMatching(/5: Breaks the plan: Punkte should be ≤ 100/),
  ])
  expect(people()).toBe(2)
})
