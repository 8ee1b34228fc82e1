import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { expandDdl, type History, historyParts, statement, typed } from './history.ts'
import { type TestGround, testGround } from './testing/index.ts'
import { writtenSql } from './written-sql.ts'

let world: TestGround
let history: History
const ddl = `create table platform.visit (person UUID, at DateTime64(3, 'UTC'), count Int64, words Array(String))
  engine = {{MergeTree}} partition by toYear(at) order by (person, at)`
beforeAll(async () => {
  world = await testGround()
  history = world.ground.history
  for (const sql of expandDdl(ddl, { kind: 'embedded' })) await history.run(writtenSql(sql))
})
afterAll(() => world.close())

const person = (n: number) => `019ca9c4-0000-8200-8000-${String(n).padStart(12, '0')}`
const visits = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    person: person(from + index),
    at: index % 2 ? new Date(Date.UTC(2025 + (index % 3), 0, 1)) : '2026-03-02T09:00:00.123Z',
    count: index,
    words: ["it's", 'back\\slash', 'ü'],
  }))
const count = async () => (await history.rows<{ n: number }>`select count() as n from platform.visit`)[0]?.n

describe('inserting', () => {
  test('the same token twice changes nothing, over partitions and in parallel', async () => {
    await history.insert('platform.visit', visits(0, 3000), 'batch-1')
    await Promise.all([1, 2, 3].map(() => history.insert('platform.visit', visits(0, 3000), 'batch-1')))
    expect(await count()).toBe(3000)
    await history.insert('platform.visit', visits(3000, 10), 'batch-2')
    expect(await count()).toBe(3010)
  })
  test('a view that feeds on a table counts a repeated insert once', async () => {
    const feed = `create table platform.visited (year UInt16, visits SimpleAggregateFunction(sum, UInt64))
      engine = {{AggregatingMergeTree}} order by year;
      create materialized view platform.visited_feed to platform.visited as
      select toYear(at) as year, count() as visits from platform.visit group by year`
    for (const sql of expandDdl(feed, { kind: 'embedded' })) await history.run(writtenSql(sql))
    for (const [token, from] of Object.entries({ one: 5000, two: 5000, three: 5100 })) {
      await history.insert('platform.visit', visits(from, 100), `feed ${token}`)
      await history.insert('platform.visit', visits(from, 100), `feed ${token}`)
    }
    const [fed] = await history.rows<{ n: number }>`select sum(visits) as n from platform.visited`
    expect(fed?.n).toBe(300)
    await history.run`drop view platform.visited_feed`
    await history.run`delete from platform.visit where person between ${typed('UUID', person(5000))} and ${typed('UUID', person(5199))}`
  })
  test('a statement that writes does not inherit the token of an insert', async () => {
    const before = (await count()) ?? 0
    // On every connection there is.
    for (let turn = 0; turn < 6; turn++) await history.insert('platform.visit', visits(9000 + turn, 1), `own ${turn}`)
    for (let turn = 0; turn < 4; turn++)
      await history.run`insert into platform.visit (person, at, count, words)
        select generateUUIDv4(), now64(3), ${turn}, ['select'] from numbers(5)`
    expect(await count()).toBe(before + 26)
    await history.run`delete from platform.visit where count < 0 or has(words, 'select') or person >= ${typed('UUID', person(9000))}`
    expect(await count()).toBe(before)
  })
  test('a column that does not exist is refused', async () => {
    await expect(history.insert('platform.visit', [{ person: person(1), nonsense: 1 }], 'x')).rejects.toThrow(
      /nonsense/,
    )
    await expect(history.insert('visit; drop', [{}], 'x')).rejects.toThrow('not a history table')
  })
})

test('stopping does not wait for a long statement, and the engine closes under none', { timeout: 60_000 }, async () => {
  const directory = join(tmpdir(), `einklang-long-${process.pid}`)
  const script = `
    import { createHistory } from '${new URL('./history.ts', import.meta.url).href}'
    const history = createHistory({ kind: 'embedded', directory: '${directory}' })
    const long = () => history.rows\`select sum(sipHash64(number)) as n from numbers(100000000000)\`.catch((error) => error.name)
    const all = [long(), long(), long(), long()]
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await history.close()
    console.log(JSON.stringify(await Promise.all(all)))`
  try {
    mkdirSync(directory)
    const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script])
    let out = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    const [code, signal] = await once(child, 'close')
    expect({ code, signal, out: JSON.parse(out) }).toEqual({ code: 0, signal: null, out: Array(4).fill('Outage') })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

describe('reading', () => {
  test('instants are ISO texts, 64-bit integers numbers', async () => {
    const rows =
      await history.rows`select person, at, count, words from platform.visit where person = ${typed('UUID', person(2))}`
    expect(rows).toEqual([
      { person: person(2), at: '2026-03-02T09:00:00.123Z', count: 2, words: ["it's", 'back\\slash', 'ü'] },
    ])
    expect(await history.rows`select toUInt64(count()) as n, uniq(person) as u from platform.visit`).toEqual([
      { n: 3010, u: 3010 },
    ])
  })
  test('values of every type come back', async () => {
    const at = new Date('2026-03-02T09:00:00.123Z')
    const rows =
      await history.rows`select ${'a'} as a, ${-5} as b, ${0.25} as c, ${true} as d, ${at} as e, ${['x', "y'"]} as f,
      ${[1, 2.5]} as g, ${typed('Array(UUID)', [person(1)])} as h, ${typed('Nullable(String)', null)} as i`
    expect(rows).toEqual([
      { a: 'a', b: -5, c: 0.25, d: true, e: at.toISOString(), f: ['x', "y'"], g: [1, 2.5], h: [person(1)], i: null },
    ])
    await expect(history.rows`select ${null}`).rejects.toThrow('typed')
  })
  test('no text breaks out of its value', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'grapheme' })), async (text, list) => {
        const well = text.toWellFormed()
        expect(await history.rows`select ${well} as text, ${list} as list`).toEqual([
          { text: well, list: list.map((item) => item.toWellFormed()) },
        ])
      }),
      { numRuns: 100 },
    ))
  test('fragments nest', async () => {
    const where = history.join([history.part`count > ${2}`, history.part`count < ${5}`], 'and')
    expect(await history.rows`select count(distinct count) as n from platform.visit where ${where}`).toEqual([{ n: 2 }])
  })
  test('a slow question does not hold up a quick one', async () => {
    const began = performance.now()
    const slow = history.rows`select max(sipHash64(number)) as m from numbers(60000000) settings max_threads = 1`
    await history.rows`select ${1} as one`
    const quick = performance.now() - began
    await slow
    expect(quick).toBeLessThan((performance.now() - began) / 2)
  })
})

test('a server gets typed parameters beside the text', () => {
  const made = statement(['select ', ' where id in ', ''], ["o'x", typed('Array(UUID)', [person(1)])], false)
  expect(made.query).toBe('select {p1:String} where id in {p2:Array(UUID)}')
  expect(made.query_params).toEqual({ p1: "o'x", p2: `['${person(1)}']` })
  const nested = statement(['select ', ''], [historyParts.part`${1} + ${2}`], false)
  expect(nested.query).toBe('select {p1:Int64} + {p2:Int64}')
})

describe('one DDL text for every topology', () => {
  test('embedded and server: the plain engine with its de-duplication window', () => {
    const [sql] = expandDdl(ddl, { kind: 'server' })
    expect(sql).toContain('engine = MergeTree() partition by')
    expect(sql).toMatch(/settings non_replicated_deduplication_window = 10000/)
    const [own] = expandDdl(
      'create table a.b (x Int8) engine = {{ReplacingMergeTree(x)}} order by x settings index_granularity = 1',
      { kind: 'embedded' },
    )
    expect(own).toMatch(
      /ReplacingMergeTree\(x\) order by x settings non_replicated_deduplication_window = 10000, .*index_granularity = 1$/,
    )
  })
  test('cluster: a replicated table and a distributed one that shards by person', () => {
    const [local, distributed] = expandDdl(ddl, { kind: 'cluster', cluster: 'main' })
    expect(local).toMatch(/^create table platform\.visit_local on cluster 'main' \(person/)
    expect(local).toContain(
      "engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') partition by",
    )
    expect(distributed).toContain(
      "platform.visit on cluster 'main' as platform.visit_local engine = Distributed('main', 'platform', 'visit_local', sipHash64(person))",
    )
    expect(
      expandDdl('alter table a.t add column n Int64; drop table if exists a.t', { kind: 'cluster', cluster: 'main' }),
    ).toEqual([
      "alter table a.t_local on cluster 'main' add column n Int64",
      "alter table a.t on cluster 'main' add column n Int64",
      "drop table if exists a.t on cluster 'main'",
      "drop table if exists a.t_local on cluster 'main' sync",
    ])
    expect(expandDdl('create or replace view a.v as select 1', { kind: 'cluster', cluster: 'main' })).toEqual([
      "create or replace view a.v on cluster 'main' as select 1",
    ])
  })
  test('statements are cut outside of texts and comments only', () => {
    expect(expandDdl("select ';' -- a; b\n; /* c; */ select `d;`;", { kind: 'embedded' })).toEqual([
      "select ';'",
      'select `d;`',
    ])
  })
})

test('what was inserted survives a killed process, and its token too', async () => {
  const directory = join(inject('einklang').directory, 'killed')
  mkdirSync(directory)
  const program = `
    import { createHistory, expandDdl } from ${JSON.stringify(fileURLToPath(new URL('./history.ts', import.meta.url)))}
    const history = createHistory({ kind: 'embedded', directory: ${JSON.stringify(directory)} })
    for (const sql of expandDdl('create table if not exists default.t (n Int64) engine = {{MergeTree}} order by n', { kind: 'embedded' })) await history.run([sql])
    await history.insert('default.t', [{ n: 1 }, { n: 2 }], 'once')
    const [{ n }] = await history.rows\`select count() as n from default.t\`
    process.stdout.write('rows ' + n)
    process.kill(process.pid, 'SIGKILL')`
  const run = () =>
    new Promise<string>((resolve) => {
      const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let out = ''
      child.stdout.on('data', (chunk) => {
        out += chunk
      })
      child.on('close', (_code, signal) => resolve(`${out} ${signal}`))
    })
  expect(await run()).toBe('rows 2 SIGKILL')
  expect(await run()).toBe('rows 2 SIGKILL')
  rmSync(directory, { recursive: true })
})
