import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type CallOf,
  checkNames,
  type ImportKind,
  type ImportMapping,
  type NormalEvent,
  type PersonId,
  type Route,
} from '@einklang/contract'
import type { Database, Request_, StageParts } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createIngest, type Ingest, type IngestInside, ingestParts, type RecordRow } from '../index.ts'
import { catalogue } from '../quality/checks/index.ts'
import { importPhrases } from './sayings.ts'

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const caller = { caller: { kind: 'user', name: 'Eva' } } as unknown as Request_

let world: TestGround
let ingest: Ingest & IngestInside
let parts: StageParts
let applied: NormalEvent[]
let taken: RecordRow[]
let source: AnswerOf<typeof api.ingest.createSource>['source']

beforeEach(async () => {
  world = await testGround()
  applied = []
  taken = []
  const apply = async (_tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  const stock = async (_tx: Database, rows: RecordRow[]) => {
    taken.push(...rows)
    return rows.filter((row) => row.fields.sku === 'X').map((row) => ({ row: row.row, reason: 'no such article' }))
  }
  ingest = createIngest({ ground: world.ground, apply, records: { stock } })
  parts = ingestParts(ingest)
  source = (await call(api.ingest.createSource, { body: { name: 'Kassen', kind: 'till' } })).source
})
afterEach(() => world.close())

function call<R extends Route>(route: R, input: CallOf<R>, language = 'en'): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const read = {
    params: route.params.parse(input.params ?? {}),
    query: route.query.parse(input.query ?? {}),
    body: route.body.parse(input.body),
  }
  const headers = new Headers({ 'accept-language': language })
  return mounted?.handle(read as never, { ...caller, headers }) as Promise<AnswerOf<R>>
}

type More = { mapping?: ImportMapping; dryRun?: boolean; fileName?: string; partSize?: number }

async function announce(kind: ImportKind, bytes: Buffer, more: More = {}) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return call(api.ingest.createImport, {
    body: {
      kind,
      source: source.id,
      fileName: more.fileName ?? 'file.csv',
      size: bytes.length,
      sha256,
      dryRun: more.dryRun ?? false,
      ...(more.mapping ? { mapping: more.mapping } : {}),
    },
  })
}

async function upload(path: string, offset: number, bytes: Buffer): Promise<Response> {
  const mount = parts.raw?.find((one) => one.method === 'PUT' && one.path.includes('imports'))
  const id = path.split('/')[4] as string
  const request = new Request(`http://x${path}&offset=${offset}`, { method: 'PUT', body: new Uint8Array(bytes) })
  return mount?.handle(request, {
    params: { import: id },
    address: '',
    requestId: '',
    remoteAddress: '',
  }) as Promise<Response>
}

async function importFile(kind: ImportKind, content: string | Buffer, more: More = {}) {
  const bytes = Buffer.from(content as string)
  const job = await announce(kind, bytes, more)
  if (job.uploadPath) {
    const size = more.partSize ?? bytes.length
    for (let at = 0; at < bytes.length; at += size)
      expect((await upload(job.uploadPath, at, bytes.subarray(at, at + size))).status).toBe(200)
  }
  await ingest.drain()
  return call(api.ingest.importOf, { params: { import: job.id } })
}

const receipts = `Bonnummer;Zeitpunkt;Filiale;Position;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Positionswert;Bonsumme;Währung;Vorgang;Ursprungsbon;Kundenkarte
1001;02.01.2026 10:15;KÖ1;1;A-1;Schuh "Größe 42";1;89,95;89,95;99,90;EUR;Verkauf;;4711
1001;02.01.2026 10:15;KÖ1;2;A-2;Socken;2;4,975;9,95;99,90;EUR;Verkauf;;4711
1002;02.01.2026 11:00;KÖ1;1;A-1;Schuh;-1;89,95;-89,95;-89,95;EUR;Retoure;1001;4711
1003;31.02.2026 11:00;KÖ1;1;A-1;Schuh;1;89,95;89,95;89,95;EUR;Verkauf;;
1004;02.01.2026 12:00;KÖ1;1;A-1;Schuh;eins;89,95;89,95;99,90;EUR;Verkauf;;
1004;02.01.2026 12:00;KÖ1;2;A-2;Socken;1;9,95;9,95;99,90;EUR;Verkauf;;
`

test('a till file in Windows-1252 with German columns, dates and commas becomes receipts, returns and rejects', async () => {
  const bytes = Buffer.from(receipts, 'latin1')
  const job = await importFile('receipts', bytes, { partSize: 100 })
  expect(job).toMatchObject({ state: 'done', rowsRead: 6, accepted: 3, rejected: 3, progress: 1 })
  expect(job.detected).toEqual({ encoding: 'windows-1252', delimiter: ';', header: 1, entry: null })
  expect(applied).toHaveLength(2)
  expect(applied[0]).toMatchObject({
    name: 'Order Completed',
    at: '2026-01-02T09:15:00.000Z',
    channel: 'store',
    identifiers: [
      { namespace: 'loyalty_card', value: '4711', trust: 'verified' },
      { namespace: 'receipt_no', value: 'KÖ1/1001', trust: 'verified' },
    ],
    properties: {
      order_id: '1001',
      affiliation: 'KÖ1',
      total: 99.9,
      products: [
        { sku: 'A-1', name: 'Schuh "Größe 42"', quantity: 1, price: 89.95, total: 89.95 },
        { sku: 'A-2', quantity: 2, price: 4.975, total: 9.95 },
      ],
      minor: { total: 9990, lines: [{ price: 8995, total: 8995 }, { total: 995 }] },
    },
  })
  expect(applied[1]).toMatchObject({
    name: 'Order Refunded',
    properties: { order_id: '1001', original_no: '1001', total: 89.95 },
  })
  const rejected = await call(api.ingest.rejects, { params: { import: job.id } })
  expect(rejected.items.map(({ row, reason }) => `${row}: ${reason}`)).toEqual([
    '5: at “31.02.2026 11:00” is no date or time',
    '6: quantity “eins” is no number',
    '7: belongs together with row 6, which does not fit',
  ])
})

test('the same file again changes nothing, and needs no upload', async () => {
  const good = receipts.split('\n').slice(0, 4).join('\n')
  await importFile('receipts', good)
  const again = await announce('receipts', Buffer.from(good), { fileName: 'other-name.csv' })
  expect(again).toMatchObject({ state: 'done', uploadPath: null, duplicates: 3, accepted: 0 })
  expect(applied).toHaveLength(2)
})

test('rows that a wrong mapping refused are taken with a better one, the others stay as they are', async () => {
  const file = 'nr;mail;seit\n1;a@x.de;2025-01-01\n2;b@x.de;gestern\n'
  const wrong = { fields: { customer_no: 'nr', email: 'mail', created_at: 'seit' } }
  expect(await importFile('customers', file, { mapping: wrong })).toMatchObject({ accepted: 1, rejected: 1 })
  const right = { fields: { customer_no: 'nr', email: 'mail' } }
  expect(await importFile('customers', file, { mapping: right })).toMatchObject({
    state: 'done',
    accepted: 1,
    rejected: 0,
    duplicates: 1,
  })
  expect(applied.map((event) => event.identifiers[0]?.value)).toEqual(['1', '2'])
})

test('a dry run shows what would happen and does nothing; then it runs without a new upload', async () => {
  const dry = await importFile('receipts', Buffer.from(receipts, 'latin1'), { dryRun: true })
  expect(dry).toMatchObject({ state: 'done', accepted: 3, rejected: 3 })
  expect(dry.preview[0]).toMatchObject({ row: 2, event: 'Order Completed' })
  expect(applied).toEqual([])
  await call(api.ingest.startImport, { params: { import: dry.id }, body: { dryRun: false } })
  await ingest.drain()
  expect(await call(api.ingest.importOf, { params: { import: dry.id } })).toMatchObject({
    state: 'done',
    accepted: 3,
    dryRun: false,
  })
  expect(applied).toHaveLength(2)
})

test('a file that is only tried tells what the checks then find', async () => {
  const rows = ['ADA;1900-01-01;ada@x.example', 'Bert;31.12.1985;BERT@X.example', 'CARLA;1990-05-05;carla@gmial.com']
  const file = ['Kundennummer;Vorname;Geburtsdatum;E-Mail', ...rows.map((row, at) => `${at + 1};${row}`)].join('\n')
  const dry = await importFile('customers', Buffer.from(file), { dryRun: true })
  expect(dry.findings).toContainEqual(
    expect.objectContaining({
      code: 'name.shape',
      path: 'traits.first_name',
      action: 'repair',
      count: 2,
      rows: [2, 4],
    }),
  )
  expect(dry.findings.map(({ code }) => code)).toContain('email.typo')
  const { database } = world.ground
  const counted = () =>
    database.rows`select code, path, action, count::int as count from ingest.finding order by code, path, action`
  expect(await counted()).toEqual([])
  await call(api.ingest.startImport, { params: { import: dry.id }, body: { dryRun: false } })
  await ingest.drain()
  const tried = dry.findings.map(({ code, path, action, count }) => ({ code, path, action, count }))
  tried.sort((one, other) => (`${one.code} ${one.path}` < `${other.code} ${other.path}` ? -1 : 1))
  expect(await counted()).toEqual(tried)
})

test('an upload goes on where it stopped, and refuses bytes that were not announced', async () => {
  const bytes = Buffer.from('sku,place,on_hand\nA,K1,5\nX,K1,1\n')
  const job = await announce('stock', bytes)
  const path = job.uploadPath as string
  expect((await upload(path, 0, bytes.subarray(0, 10))).status).toBe(200)
  expect((await upload(path, 20, bytes.subarray(20))).status).toBe(409)
  expect(await announce('stock', bytes)).toMatchObject({ id: job.id, uploaded: 10 })
  expect((await upload(path.replace(/token=.*/, 'token=guessed'), 10, bytes.subarray(10))).status).toBe(403)
  expect((await upload(path, 10, bytes.subarray(10))).status).toBe(200)
  await ingest.drain()
  expect(await call(api.ingest.importOf, { params: { import: job.id } })).toMatchObject({
    state: 'done',
    accepted: 1,
    rejected: 1,
  })
  expect(taken.map((row) => row.fields)).toEqual([
    { sku: 'A', place: 'K1', on_hand: '5' },
    { sku: 'X', place: 'K1', on_hand: '1' },
  ])
})

test('a cancelled import stands at its row and resumes there; every row counts once', async () => {
  const rows = Array.from({ length: 12_000 }, (_, index) => `${index};${index}@x.de`).join('\n')
  const bytes = Buffer.from(`customer_no;email\n${rows}\n`)
  const job = await announce('customers', bytes)
  await upload(job.uploadPath as string, 0, bytes)
  const loop = ingest.loops.find((one) => one.name === 'ingest.imports')
  const stop = new AbortController()
  const begin = ingest.applier.begin
  // The worker is told to stop while the first batch is on its way.
  ingest.applier.begin = (tx) => {
    stop.abort()
    return begin(tx)
  }
  await loop?.turn(stop.signal)
  const standing = await call(api.ingest.importOf, { params: { import: job.id } })
  expect(standing.rowsRead).toBeGreaterThan(0)
  expect(standing.rowsRead).toBeLessThan(12_000)
  await call(api.ingest.cancelImport, { params: { import: job.id } })
  await ingest.drain()
  expect((await call(api.ingest.importOf, { params: { import: job.id } })).rowsRead).toBe(standing.rowsRead)
  await call(api.ingest.resumeImport, { params: { import: job.id } })
  await ingest.drain()
  expect(await call(api.ingest.importOf, { params: { import: job.id } })).toMatchObject({
    state: 'done',
    rowsRead: 12_000,
    accepted: 12_000,
  })
  expect(new Set(applied.map((event) => event.id)).size).toBe(12_000)
  expect(applied).toHaveLength(12_000)
})

test('shop orders as NDJSON: lines, guests, returns and cancellations', async () => {
  const order = {
    code: 'W-1',
    at: '2026-02-01T10:00:00Z',
    customer: { email: 'a@x.de', first: 'Ada' },
    lines: [{ sku: 'A', quantity: 2, unit_price: 10 }],
    total: 24.9,
    shipping: 4.9,
    currency: 'EUR',
    channel: 'app',
  }
  const refund = {
    ...order,
    code: 'W-1-R',
    kind: 'return',
    original: 'W-1',
    total: 10,
    shipping: 0,
    lines: [{ sku: 'A', quantity: 1, unit_price: 10 }],
  }
  const cancelled = { ...order, code: 'W-2-C', kind: 'cancellation', original: 'W-2' }
  const file = `${[order, refund, cancelled].map((row) => JSON.stringify(row)).join('\n')}\nno json\n`
  const fields = {
    order_no: 'code',
    at: 'at',
    kind: 'kind',
    original_no: 'original',
    email: 'customer.email',
    first_name: 'customer.first',
    lines: 'lines',
    total: 'total',
    shipping: 'shipping',
    currency: 'currency',
    channel: 'channel',
  }
  const job = await importFile('orders', file, { mapping: { fields }, fileName: 'orders.ndjson' })
  expect(job).toMatchObject({ state: 'done', accepted: 3, rejected: 1 })
  expect(applied.map((event) => event.name ?? event.kind)).toEqual([
    'identify',
    'Order Completed',
    'Order Refunded',
    'Order Cancelled',
  ])
  expect(applied[0]).toMatchObject({
    identifiers: [{ namespace: 'email', value: 'a@x.de' }],
    traits: { first_name: 'Ada' },
  })
  expect(applied[1]).toMatchObject({
    channel: 'app',
    properties: { minor: { total: 2490, shipping: 490, lines: [{ price: 1000, total: 2000 }] } },
  })
  expect(applied[2]).toMatchObject({ properties: { order_id: 'W-1', return_no: 'W-1-R', original_no: 'W-1' } })
})

test('a send report becomes what was sent and what the recipient did', async () => {
  const file =
    'message_id,campaign,email,sent_at,delivered_at,opened_at,machine_open,clicked_at,click_url,bounced_at,unsubscribed_at\nm1,Winter,a@x.de,2026-01-01T08:00:00Z,2026-01-01T08:00:05Z,2026-01-01T08:00:06Z,1,,,,\nm2,Winter,b@x.de,2026-01-01T08:00:00Z,,,,,,,\n'
  const fields = Object.fromEntries(
    file
      .split('\n')[0]
      ?.split(',')
      .map((name) => [name, name]) ?? [],
  )
  await importFile('messages', file, { mapping: { fields, constants: { channel: 'email' } } })
  expect(
    applied.map((event) => [event.name, event.properties.machine ?? null, event.properties.delivered_at ?? null]),
  ).toEqual([
    ['message.sent', null, '2026-01-01T08:00:05.000Z'],
    ['message.opened', true, null],
    ['message.sent', null, null],
  ])
  expect(applied[0]).toMatchObject({
    channel: 'email',
    properties: { message_id: 'm1', campaign: 'Winter', address: 'a@x.de' },
  })
})

test('a mapping without what the kind needs fails in one sentence', async () => {
  const job = await importFile('receipts', 'a;b\n1;2\n')
  expect(job.state).toBe('failed')
  expect(job.error).toContain('receipt_no, at, line_total / unit_price / total')
})

test('columns are recognised in German and English', async () => {
  const head = Buffer.from(
    'Kundennummer;Vorname;Nachname;E-Mail;PLZ;Geburtsdatum\n1;Ada;Lange;a@x.de;50667;01.02.1980\n',
  ).toString('base64')
  const detected = await call(api.ingest.detectColumns, { body: { kind: 'customers', fileName: 'x.csv', head } })
  expect(detected.mapping.fields).toEqual({
    customer_no: 'Kundennummer',
    first_name: 'Vorname',
    last_name: 'Nachname',
    email: 'E-Mail',
    postal_code: 'PLZ',
    birthday: 'Geburtsdatum',
  })
  expect(detected.missing).toEqual([])
  expect(detected.sample[0]).toMatchObject({ customer_no: '1', email: 'a@x.de' })
})

const people = `Kundennummer;Vorname;Geburtsdatum;E-Mail;consent_email;consent_at
1;Ada;31.02.1990;ada@x.de;ja;gestern
2;Bert;01.05.1985;bert-at-x.de;vielleicht;
3;Cleo;05.05.1990;cleo@x.de;nein;
;Dora;;dora-at-x.de;;
;Emil;;;;
`

test('what is not believed of a row says so: counted, with its place and what stood there, in the list as a file', async () => {
  const mapping = {
    fields: {
      customer_no: 'Kundennummer',
      first_name: 'Vorname',
      birthday: 'Geburtsdatum',
      email: 'E-Mail',
      consent_email: 'consent_email',
      consent_at: 'consent_at',
    },
  }
  const job = await importFile('customers', people, { mapping })
  expect(job).toMatchObject({ rowsRead: 5, accepted: 3, duplicates: 0, waiting: 1, rejected: 1, stillWaiting: 1 })
  // The rows stay, without what is wrong in them.
  expect(applied.map(({ identifiers, traits }) => [identifiers.map((one) => one.value), traits])).toEqual([
    [['1', 'ada@x.de'], { first_name: 'Ada', email: 'ada@x.de', consent_email: 'ja' }],
    [['2'], { first_name: 'Bert', birthday: '1985-05-01' }],
    [['3', 'cleo@x.de'], expect.objectContaining({ consent_email: 'nein' })],
  ])
  expect(applied[0]?.context.stripped).toEqual({ 'traits.birthday': '31.02.1990', 'traits.consent_at': 'gestern' })
  const notes = await call(api.ingest.importNotes, { params: { import: job.id }, query: {} })
  expect(notes.items.map(({ row, code, path, action, given }) => [row, code, path, action, given])).toEqual([
    [2, 'birth.real', 'traits.birthday', 'strip', '31.02.1990'],
    [2, 'import.cell', 'traits.consent_at', 'strip', 'gestern'],
    [3, 'email.syntax', 'traits.email', 'strip', 'bert-at-x.de'],
    [3, 'import.cell', 'traits.consent_email', 'strip', 'vielleicht'],
    [5, 'email.syntax', 'traits.email', 'strip', 'dora-at-x.de'],
    [5, 'missing_id', 'identifiers', 'quarantine', 'dora-at-x.de'],
  ])
  expect(job.findings).toContainEqual(expect.objectContaining({ code: 'email.syntax', count: 2, rows: [3, 5] }))
  const german = await call(api.ingest.rejects, { params: { import: job.id }, query: {} }, 'de')
  expect(german.items.map(({ reason }) => reason)).toEqual([
    'nennt niemanden: gebraucht wird eines von customer_no, loyalty_card, email, phone',
  ])
  const { rejectsPath } = await call(api.ingest.importOf, { params: { import: job.id } }, 'de')
  const file = await fileAt(rejectsPath as string)
  expect(file.split('\r\n').slice(0, 3)).toEqual([
    'Zeile;Ergebnis;Stelle;Grund;Inhalt',
    '2;"Wert nicht verwendet";"traits.birthday";"Geburtstag";"31.02.1990"',
    '2;"Wert nicht verwendet";"traits.consent_at";"Unverständliche Zelle";"gestern"',
  ])
  expect(file).toContain('6;"abgelehnt";"";"nennt niemanden')
  const groups = await call(api.ingest.quarantine, { query: {} })
  const waiting = await call(api.ingest.quarantineItems, {
    query: { group: groups.items[0]?.key as string, import: job.id },
  })
  expect(waiting.items[0]).toMatchObject({ payload: { context: { import: { row: 5 } } } })
  // A trial run tells the same without taking anything.
  const again = await importFile('customers', `${people}\n`, { mapping, dryRun: true })
  const { rowsRead, accepted, waiting: wait, rejected, stillWaiting, findings } = again
  expect({ rowsRead, accepted, wait, rejected, stillWaiting }).toEqual({
    rowsRead: 5,
    accepted: 3,
    wait: 1,
    rejected: 1,
    stillWaiting: 0,
  })
  expect(findings).toEqual(job.findings)
})

test('rows add up where several are one receipt, and a gap in the file is no row', async () => {
  const lines = receipts.split('\n')
  lines.splice(3, 0, '', ';;;;;;;;;;;;;')
  const wrongSum = '1005;02.01.2026 12:00;KÖ1;%;A-1;Schuh;1;10,00;10,00;99,90;EUR;Umtausch;;4711'
  lines.push(wrongSum.replace('%', '1'), wrongSum.replace('%', '2'))
  const job = await importFile('receipts', Buffer.from(lines.join('\n'), 'latin1'))
  expect(job).toMatchObject({ rowsRead: 8, accepted: 3, waiting: 2, rejected: 3, duplicates: 0, stillWaiting: 1 })
  const notes = await call(api.ingest.importNotes, { params: { import: job.id }, query: { code: 'import.cell' } })
  expect(notes.items).toEqual([
    { row: 11, code: 'import.cell', path: 'properties.kind', action: 'flag', given: 'Umtausch' },
  ])
  const again = await importFile('receipts', Buffer.from(lines.join('\n'), 'latin1'))
  expect(again).toMatchObject({ rowsRead: 8, accepted: 0, waiting: 0, rejected: 3, duplicates: 5 })
})

test('an erased person leaves the lists of imports; that a row was refused stays', async () => {
  const file = 'Kundennummer;E-Mail;Geburtsdatum\n1;ada@x.de;31.02.1990\n;grace-at-x.de;\n;;01.02.1990 grace@x.de\n'
  const job = await importFile('customers', file)
  const { database } = world.ground
  ingest.needs.identifiersOf = async () => [
    { namespace: 'email', value: 'grace-at-x.de' },
    { namespace: 'email', value: 'grace@x.de' },
  ]
  await database.transaction((tx) => parts.erase?.(tx, [ada]) ?? Promise.resolve(0))
  const texts = await database.rows<{ text: string }>`
    select given as text from ingest.import_note where import = ${job.id}
    union all select raw from ingest.import_reject where import = ${job.id}
    union all select preview::text from ingest.import where id = ${job.id}`
  expect(texts.map(({ text }) => text).join()).not.toContain('grace')
  expect(texts.map(({ text }) => text)).toContain('31.02.1990')
  expect((await call(api.ingest.rejects, { params: { import: job.id }, query: {} })).items).toHaveLength(1)
})

test('every sentence of imports speaks both languages of the same things, and every check has a name', () => {
  const places = (text: string) => [...text.matchAll(/\{(\w+)/g)].map(([, name]) => name ?? '').sort()
  for (const [code, { en, de }] of Object.entries(importPhrases))
    if (code !== 'spoken') expect([code, places(de)]).toEqual([code, places(en)])
  const codes = ['mappers', 'vendors', 'reading', 'csv', 'json-list', 'archive', 'workbook', 'run', 'feeds'].flatMap(
    (name) => {
      const text = readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8')
      return [...text.matchAll(/(?:kept\(|say: |Unfit\([\w.?[\]0 ]+, )'(\w+)'/g)].map(([, code]) => code ?? '')
    },
  )
  expect(codes.length).toBeGreaterThan(50)
  expect(codes.filter((code) => importPhrases[code] === undefined)).toEqual([])
  expect(catalogue.filter(({ code }) => code !== 'envelope' && checkNames[code] === undefined)).toEqual([])
})

async function fileAt(path: string): Promise<string> {
  const mount = parts.raw?.find((one) => one.method === 'GET' && one.path.includes('rejects.csv'))
  const params = { import: path.split('/')[4] as string }
  const answer = await mount?.handle(new Request(`http://x${path}`), {
    params,
    address: '',
    requestId: '',
    remoteAddress: '',
  })
  return (await answer?.text()) ?? ''
}
