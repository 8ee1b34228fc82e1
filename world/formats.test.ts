import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { generate, liveFaultOf, writeWorld } from './index.ts'

const room = mkdtempSync(join(tmpdir(), 'einklang-formats-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

const town = { size: 'town', seed: 7, workers: 1 } as const
const natural = await generate({ ...town, write: join(room, 'natural') })
const text = (form: string, path: string) => readFileSync(join(room, form, 'product', path), 'utf8')
const lines = (form: string, path: string) => text(form, path).trimEnd().split('\n')

test('as NDJSON every file is lines of objects with the columns of the table, in UTF-8', async () => {
  const manifest = await generate({ ...town, write: join(room, 'ndjson'), format: 'ndjson' })
  expect(manifest.files.every((file) => file.path.endsWith('.ndjson'))).toBe(true)
  expect(manifest.files.map((file) => file.rows)).toEqual(natural.files.map((file) => file.rows))
  const [head, ...rows] = lines('natural', 'loyalty.csv')
  const objects = lines('ndjson', 'loyalty.ndjson').map((line) => JSON.parse(line) as { [column: string]: string })
  expect(objects).toHaveLength(rows.length)
  expect(Object.keys(objects[0] ?? {})).toEqual(head?.split(';'))
  expect(text('ndjson', 'crm.ndjson')).not.toContain('\ufffd')
})

test('as CSV calls and orders become tables; what has parts of its own stays JSON in its cell', async () => {
  const manifest = await generate({ ...town, write: join(room, 'csv'), format: 'csv' })
  expect(manifest.files.every((file) => file.path.endsWith('.csv'))).toBe(true)
  const calls = manifest.files.find((file) => file.path.startsWith('web/') && file.rows > 0)
  const [head, first] = lines('csv', calls?.path ?? '')
  expect(head).toBe('type,messageId,userId,anonymousId,timestamp,event,name,properties,traits,context')
  expect(first).toMatch(/^(page|track|identify),[0-9a-f]{24},/)
  expect(calls?.mapping).toBeNull()
})

test('as SQL each file makes its table and fills it', async () => {
  await generate({ ...town, write: join(room, 'sql'), format: 'sql' })
  const [define, ...inserts] = lines('sql', 'master/products.sql')
  expect(define).toMatch(/^create table if not exists "master_products" \("sku" text, "gtin" text,/)
  expect(inserts).toHaveLength(lines('natural', 'master/products.csv').length - 1)
  expect(inserts.every((line) => /^insert into "master_products" \(.+\) values \(.+\);$/.test(line))).toBe(true)
})

test('an unknown form is refused with the ones there are', async () => {
  await expect(generate({ ...town, write: join(room, 'no'), format: 'xml' as 'csv' })).rejects.toThrow(
    'ndjson, csv, sql',
  )
})

test('planted faults of live mode come at their rates, and once a day one source is down for two hours', () => {
  const kinds: { [kind: string]: number } = {}
  const start = Date.UTC(2026, 2, 2)
  const calls = 20_000
  for (let index = 0; index < calls; index++) {
    const at = start + (index / calls) * 5 * 86_400_000
    const fault = liveFaultOf(7, { source: index % 2 ? 'web' : 'app', messageId: `m${index}`, at })
    kinds[fault.kind] = (kinds[fault.kind] ?? 0) + 1
    expect(fault.lateMs).toBeGreaterThanOrEqual(0)
    expect(fault.lateMs).toBeLessThanOrEqual(2 * 3_600_000)
  }
  const part = (kind: string) => (kinds[kind] ?? 0) / calls
  expect(part('twice')).toBeCloseTo(0.01, 2)
  expect(part('out of order')).toBeCloseTo(0.01, 2)
  expect(part('late batch')).toBeGreaterThan(0.01)
  expect(part('late batch')).toBeLessThan(0.03)
  // One of two sources, 2 of 24 hours.
  expect(part('source down')).toBeCloseTo(1 / 24, 2)
})

test('the truth names the live calls whose faults are planted', async () => {
  const until = new Date('2024-02-22T11:00:00Z')
  const truth = join(room, 'truth')
  await generate({ ...town, write: join(room, 'live'), truth, until })
  const told = readFileSync(join(truth, 'live_faults.ndjson'), 'utf8').trimEnd().split('\n').filter(Boolean)
  const expected = (['web', 'app'] as const).flatMap((source) =>
    lines('live', `live/${source}.ndjson`)
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { messageId: string; timestamp: string })
      .filter(
        ({ messageId, timestamp }) => liveFaultOf(7, { source, messageId, at: Date.parse(timestamp) }).kind !== 'none',
      )
      .map(({ messageId }) => messageId),
  )
  expect(told.map((line) => (JSON.parse(line) as { message: string }).message).toSorted()).toEqual(expected.toSorted())
})

test('with languages, subscribers and visitors speak them, and nothing else changes', async () => {
  await generate({ ...town, write: join(room, 'spoken'), options: { languages: ['de', 'en', 'it', 'vi'] } })
  const spoken = lines('spoken', 'newsletter.csv').map((line) => line.split(',')[6])
  const before = lines('natural', 'newsletter.csv')
  expect(spoken).toHaveLength(before.length)
  expect(new Set(spoken.slice(1)).size).toBeGreaterThan(1)
  expect(before.slice(1).every((line) => line.split(',')[6] === 'de')).toBe(true)
  expect(text('spoken', 'loyalty.csv')).toBe(text('natural', 'loyalty.csv'))
  await expect(writeWorld({ write: room, languages: 'de,fr' })).rejects.toThrow('Allowed: de, en, it, vi')
})
