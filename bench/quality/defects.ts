import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, NormalEvent } from '@einklang/contract'
import { drawsFrom } from '@einklang/stats'
import { generate } from '@einklang/world'
import { gtinHolds } from '../../engine/ingest/quality/checks/digits.ts'
import { eventOf, judge, plainFacts } from '../../engine/ingest/quality/samples.ts'
import { mixed } from './speed.ts'

type Row = JsonObject
type Defect = { source: string; record: string; field: string; kind: string; value: string }
type Score = { planted: number; found: number; recall: number; alarms: number; precision: number }

const files = { loyalty: 'loyalty.ndjson', crm: 'crm.ndjson' }

/** Q4: what the world has spoiled in its customer records, and what is found of it. */
export async function plantedDefects(): Promise<{ records: number; kinds: { [kind: string]: Score } }> {
  const room = mkdtempSync(join(tmpdir(), 'einklang-quality-'))
  try {
    const truth = join(room, 'truth')
    const write = join(room, 'world')
    await generate({ size: 'S', seed: 11, write, truth, workers: 2, format: 'ndjson' })
    return defectsIn(join(write, 'product'), truth)
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

/** The same over a world that is written already. */
function defectsIn(product: string, truth: string): { records: number; kinds: { [kind: string]: Score } } {
  const defects = linesOf<Defect>(join(truth, 'defects.ndjson'))
  const records = new Map<string, NormalEvent>()
  for (const source of ['loyalty', 'crm'] as const)
    for (const row of linesOf<Row>(join(product, files[source]))) {
      const [key, traits] = recordOf(row)
      if (key !== null) records.set(`${source}|${key}`, eventOf({ kind: 'identify', traits }))
    }
  return { records: records.size, kinds: scored(records, defects) }
}

/** The kinds that a check is for, and which finding at which field shows it. */
const kinds: { [kind: string]: { code: string; fields: string[] } } = {
  mojibake: { code: 'name.letters', fields: ['first_name', 'last_name', 'street', 'city'] },
  'fake birthday': { code: 'birth.sentinel', fields: ['birthday'] },
  placeholder: { code: 'name.placeholder', fields: ['first_name', 'last_name'] },
  swapped: { code: 'name.swapped', fields: ['first_name'] },
}

function scored(records: Map<string, NormalEvent>, defects: Defect[]): { [kind: string]: Score } {
  const planted = new Map<string, Set<string>>()
  for (const { source, record, kind } of defects) {
    const key = `${source}|${record}`
    if (records.has(key)) planted.set(kind, (planted.get(kind) ?? new Set()).add(key))
  }
  const scores: { [kind: string]: Score } = {}
  const alarms = new Map<string, Set<string>>()
  for (const [key, event] of records) {
    const item = judge(event)
    const found = item.event?.findings ?? item.findings ?? []
    for (const [kind, { code, fields }] of Object.entries(kinds))
      if (found.some((one) => one.code === code && fields.some((field) => one.path.endsWith(field))))
        alarms.set(kind, (alarms.get(kind) ?? new Set()).add(key))
  }
  for (const kind of Object.keys(kinds)) {
    const truth = planted.get(kind) ?? new Set()
    const told = alarms.get(kind) ?? new Set()
    scores[kind] = scoreOf(truth.size, [...told].filter((key) => truth.has(key)).length, told.size)
  }
  return scores
}

function scoreOf(planted: number, found: number, alarms: number): Score {
  const share = (part: number, whole: number) => (whole === 0 ? 1 : Math.round((part / whole) * 10_000) / 10_000)
  return { planted, found, recall: share(found, planted), alarms, precision: share(found, alarms) }
}

/** The columns of the loyalty system and of the CRM, by our names. */
const spellings: { [column: string]: string } = {
  Vorname: 'first_name',
  Nachname: 'last_name',
  Name: 'last_name',
  Geburtsdatum: 'birthday',
  GebDatum: 'birthday',
  Straße: 'street',
  Strasse: 'street',
  Ort: 'city',
}

function recordOf(row: Row): [string | null, JsonObject] {
  const traits: JsonObject = {}
  for (const [column, value] of Object.entries(row)) {
    const field = spellings[column]
    if (field !== undefined && typeof value === 'string' && value !== '') traits[field] = value
  }
  const key = row.Kundennummer ?? row.KundenNr
  return [typeof key === 'string' ? key : null, traits]
}

function linesOf<T>(file: string): T[] {
  if (!existsSync(file)) throw new Error(`${file} is missing; in ${readdirSync(join(file, '..')).join(', ')}`)
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

/** Defects of goods and numbers, planted in clean events: wrong check digit, price 0.01, sum mismatch, unknown store. */
export function plantedNumbers(count: number): { [kind: string]: Score } {
  const draws = drawsFrom('bench quality', 'numbers')
  const about = {
    ...plainFacts,
    knows: (kind: string, value: string) => (kind === 'store' ? value.startsWith('S') : true),
  }
  const scores: { [kind: string]: Score } = {}
  const run = (kind: string, code: string, make: (spoiled: boolean) => NormalEvent) => {
    let [planted, found, alarms] = [0, 0, 0]
    for (let at = 0; at < count; at++) {
      const spoiled = draws.uniform() < 0.1
      const item = judge(make(spoiled), about)
      const told = (item.event?.findings ?? item.findings ?? []).some((one) => one.code === code)
      if (spoiled) planted++
      if (told) alarms++
      if (told && spoiled) found++
    }
    scores[kind] = scoreOf(planted, found, alarms)
  }
  const sale = (change: (minor: { total: number }, line: { price: number; quantity: number }) => void): NormalEvent => {
    const line = { price: 1000 + draws.below(9000), quantity: 1 + draws.below(3) }
    const shipping = draws.uniform() < 0.5 ? 495 : 0
    const minor = { total: line.price * line.quantity + shipping }
    change(minor, line)
    const lines = [{ price: line.price, total: line.price * line.quantity }]
    const products = [{ sku: 'S-1', price: line.price / 100, quantity: line.quantity }]
    return eventOf({
      name: 'Order Completed',
      properties: { order_id: '1', currency: 'EUR', products, minor: { total: minor.total, shipping, lines } },
    })
  }
  run('sum mismatch', 'money.total', (spoiled) =>
    sale((minor) => {
      if (spoiled) minor.total = Math.round(minor.total * (draws.uniform() < 0.5 ? 0.9 : 1.15))
    }),
  )
  run('price 0.01', 'money.outlier', (spoiled) =>
    sale((minor, line) => {
      if (spoiled) {
        minor.total += (1 - line.price) * line.quantity
        line.price = 1
      }
    }),
  )
  run('wrong check digit', 'id.checksum', (spoiled) => {
    const head = `29${String(draws.below(1e10)).padStart(10, '0')}`
    const right = '0123456789'.split('').find((digit) => gtinHolds(head + digit)) ?? '0'
    const digit = spoiled ? String((Number(right) + 1 + draws.below(9)) % 10) : right
    return eventOf({ identifiers: [{ namespace: 'loyalty_card', value: head + digit, trust: 'verified' }] })
  })
  run('unknown store', 'goods.store', (spoiled) =>
    eventOf({
      name: 'Order Completed',
      channel: 'store',
      properties: {
        affiliation: spoiled ? `X${draws.below(99)}` : `S${draws.below(99)}`,
        products: [],
      },
    }),
  )
  return scores
}

/** Q7: every value that was repaired or stripped can be put back to what was given. */
export function recovered(count: number): { changed: number; recovered: number } {
  let [changed, back] = [0, 0]
  for (const event of mixed(count, true)) {
    const { event: judged } = judge(event)
    if (judged === null || judged === undefined) continue
    const kept = {
      ...(judged.context.given as JsonObject | undefined),
      ...(judged.context.stripped as JsonObject | undefined),
    }
    for (const [name, value] of Object.entries(event.traits)) {
      if (judged.traits[name] === value) continue
      changed++
      if (kept[`traits.${name}`] === value) back++
    }
  }
  return { changed, recovered: back }
}
