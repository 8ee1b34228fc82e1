import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Block, type Column, idsOf, listOf, numbersOf, readBlocks, textsOf, writeBlock } from './blocks.ts'
import { createHistory, expandDdl, type History } from './history.ts'
import { type TestGround, testGround } from './testing/index.ts'
import { writtenSql } from './written-sql.ts'

let world: TestGround
let history: History
const ddl = `create table platform.crate (id UUID, at DateTime64(3, 'UTC'), day Date, count Int64, flag UInt8, name String,
  word LowCardinality(String), words Array(LowCardinality(String)), ids Array(UUID)) engine = {{MergeTree}} order by at`

beforeAll(async () => {
  world = await testGround()
  history = world.ground.history
  for (const sql of expandDdl(ddl, { kind: 'embedded' })) await history.run(writtenSql(sql))
})
afterAll(() => world.close())

/** Row `n` of 300: long and short texts, numbers below zero and beyond 32 bits, lists of 0 to 3. */
const rows = 300
const nameOf = (row: number) => (row % 50 === 0 ? 'ü'.repeat(row) : row % 3 === 0 ? '' : `n${row}`)
const countOf = (row: number) => (row % 2 === 0 ? 7 - row : row * 2 ** 40)
function crate(): Block {
  const ends = Uint32Array.from(
    { length: rows },
    (_, row) => Math.floor(row / 4) * 6 + ([0, 1, 3, 6][row % 4] as number),
  )
  const inAll = ends[rows - 1] as number
  const words: Column = {
    type: 'LowCardinality(String)',
    words: ['', 'ä', 'b'],
    places: Uint8Array.from({ length: inAll }, (_, place) => place % 3),
  }
  return {
    rows,
    columns: {
      id: { type: 'UUID', numbers: Uint32Array.from({ length: rows * 4 }, (_, word) => word * 7_000_003) },
      at: { type: 'DateTime64', numbers: Float64Array.from({ length: rows }, (_, row) => 1_700_000_000_123 + row) },
      day: { type: 'Date', numbers: Uint16Array.from({ length: rows }, (_, row) => 20_000 + row) },
      count: { type: 'Int64', numbers: Float64Array.from({ length: rows }, (_, row) => countOf(row)) },
      flag: { type: 'UInt8', numbers: Uint8Array.from({ length: rows }, (_, row) => row % 2) },
      name: { type: 'String', text: nameOf },
      word: {
        type: 'LowCardinality(String)',
        words: ['x', 'y'],
        places: Uint16Array.from({ length: rows }, (_, row) => row % 2),
      },
      words: { type: 'Array', ends, of: words },
      ids: {
        type: 'Array',
        ends,
        of: { type: 'UUID', numbers: Uint32Array.from({ length: inAll * 4 }, (_, word) => word) },
      },
    },
  }
}

function expectCrate(block: Block): void {
  const { columns } = crate()
  expect(block.rows).toBe(rows)
  expect(idsOf(block.columns.id)).toEqual(idsOf(columns.id))
  for (const name of ['at', 'day', 'count', 'flag'])
    expect(numbersOf(block.columns[name])).toEqual(numbersOf(columns[name]))
  const [name, word] = [textsOf(block.columns.name), textsOf(block.columns.word)]
  for (let row = 0; row < rows; row++) expect([name(row), word(row)]).toEqual([nameOf(row), 'xy'[row % 2]])
  const [words, ids] = [listOf(block.columns.words), listOf(block.columns.ids)]
  expect(words.ends).toEqual(listOf(columns.words).ends)
  const wordAt = textsOf(words.of)
  for (let place = 0; place < (words.ends[rows - 1] as number); place++)
    expect(wordAt(place)).toBe(['', 'ä', 'b'][place % 3])
  expect(idsOf(ids.of)).toEqual(idsOf(listOf(columns.ids).of))
}

/** As ClickHouse writes the id of a row: both halves lie with their last byte first. */
function idText(row: number): string {
  const digits = [1, 0, 3, 2].map((word) => ((row * 4 + word) * 7_000_003).toString(16).padStart(8, '0')).join('')
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}

const read = async (from: History) => {
  const blocks: Block[] = []
  for await (const block of from.blocks`select * from platform.crate where count != ${-1_000_000} order by at`)
    blocks.push(block)
  return blocks
}

test('rows go in as a block and come out as the same', async () => {
  await history.insertBlock('platform.crate', crate())
  const [block, ...more] = await read(history)
  expect(more).toEqual([])
  expectCrate(block as Block)
  const [row] =
    await history.rows`select toString(id) as id, name, words from platform.crate order by at limit 1 offset 2`
  expect(row).toEqual({ id: idText(2), name: 'n2', words: ['ä', 'b'] })
  await expect(
    history.insertBlock('platform.crate', {
      rows: 1,
      columns: { nonsense: { type: 'Date', numbers: new Uint16Array(1) } },
    }),
  ).rejects.toThrow(/nonsense/)
  await expect(read({ ...history, blocks: () => history.blocks`select * from platform.nothing` })).rejects.toThrow(
    /platform.nothing/,
  )
})

test('a server gets and gives the same bytes', async () => {
  const heard: { query: string; body: Buffer }[] = []
  const bytes = writeBlock(crate())
  const server = createServer(async (request, response) => {
    const raw = await buffer(request)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
    const url = new URL(request.url ?? '', 'http://x')
    heard.push({ query: url.searchParams.get('query') ?? body.toString(), body })
    response.end(body.toString().startsWith('select') ? Buffer.concat([bytes, bytes]) : '')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const far = createHistory({ kind: 'server', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const blocks = await read(far)
  expect(blocks).toHaveLength(2)
  for (const block of blocks) expectCrate(block)
  await far.insertBlock('platform.crate', crate())
  expect(heard.at(-1)?.query).toMatch(/^insert into platform\.crate \(id, at, .*\) format Native$/)
  expect(heard.at(-1)?.body.equals(bytes)).toBe(true)
  await far.close()
  server.close()
})

test('whatever numbers and texts a block holds, it reads as it was written', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.maxSafeInteger(), fc.string({ unit: 'grapheme', maxLength: 200 })), { minLength: 1 }),
      (facts) => {
        const written = writeBlock({
          rows: facts.length,
          columns: {
            number: { type: 'Int64', numbers: Float64Array.from(facts, ([number]) => number) },
            text: { type: 'String', text: (row) => (facts[row] as [number, string])[1] },
          },
        })
        const [block] = readBlocks(written)
        const [numbers, text] = [numbersOf(block?.columns.number), textsOf(block?.columns.text)]
        for (const [row, fact] of facts.entries()) expect([numbers[row], text(row)]).toEqual(fact)
      },
    ),
    { numRuns: 50 },
  )
})
