import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase, type Database, isDuplicate } from './database.ts'
import { Outage } from './failure.ts'
import { mends } from './postgres.ts'
import { type TestGround, testGround } from './testing/index.ts'

let world: TestGround
let database: Database
beforeAll(async () => {
  world = await testGround()
  database = world.ground.database
  await database.run`create table public.note (id uuid primary key, words text[], at timestamptz, extra jsonb, amount bigint)`
  await database.run`create function public.fail_with(state text) returns void language plpgsql as $$
    begin raise exception using errcode = state, message = 'as asked'; end $$`
})
afterAll(() => world.close())

const id = (n: number) => `019ca9c4-0000-8200-8000-${String(n).padStart(12, '0')}`

describe('a connection that is lost', () => {
  test('each correction of the driver fits the installed one exactly once', () => {
    const text = readFileSync(
      createRequire(import.meta.url)
        .resolve('postgres')
        .replace(/cjs\/src\/index\.js$/, 'src/connection.js'),
      'utf8',
    )
    for (const [given] of mends) expect(text.split(given).length, given).toBe(2)
  })

  test('ends its transaction for good: no later statement of it runs anywhere, and the pool goes on', async () => {
    const url = new URL(world.databaseUrl)
    const port = Number(url.port || 5432)
    const directory = url.searchParams.get('host')
    const through = new Set<Socket>()
    const way = createServer((socket) => {
      const inner = directory ? connect(`${directory}/.s.PGSQL.${port}`) : connect(port, url.hostname)
      through.add(socket)
      socket.pipe(inner).pipe(socket)
      for (const end of [socket, inner]) end.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    await once(way, 'listening')
    url.searchParams.delete('host')
    url.host = `127.0.0.1:${(way.address() as AddressInfo).port}`
    const lost = createDatabase(url.href, { connections: 1 })
    try {
      for (let turn = 0; turn < 3; turn++) {
        let late: Promise<unknown> | undefined
        const lostOne = lost.transaction(async (tx) => {
          await tx.row`select 1 as one`
          for (const socket of through) socket.end()
          through.clear()
          await pause(50 * turn)
          late = tx.run`insert into public.note (id) values (${id(900 + turn)})`
          await late
        })
        await expect(lostOne).rejects.toThrow(Outage)
        await pause(150)
        await expect(late).rejects.toThrow(Outage)
        // Whoever meets the dead connection first hears of it; the next one gets a new one.
        const kept = () => lost.row`select count(*) as kept from public.note where id >= ${id(900)}`
        expect(await kept().catch(kept)).toEqual({ kept: 0 })
      }
    } finally {
      await lost.close()
      way.close()
    }
  })
})

describe('values', () => {
  test('come back as they went in', async () => {
    const values = {
      text: 'it\'s \\ "quoted" ü 😀',
      date: new Date('2026-03-02T09:00:00.123Z'),
      yes: true,
      bytes: Buffer.from([0, 255]),
      json: { a: [1, null, 'ü'] },
    }
    const row = await database.row`select ${values.text}::text as text, ${values.date}::timestamptz as date,
      ${values.yes}::boolean as yes, ${values.bytes}::bytea as bytes, ${database.json(values.json)}::jsonb as json`
    expect(row).toEqual(values)
  })
  test('arrays of every kind, with quotes, nulls and nesting', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.string({ unit: 'grapheme' }))),
        fc.array(fc.maxSafeInteger()),
        async (words, numbers) => {
          const clean = words.map((word) => word?.replaceAll('\0', '\ufffd') ?? null)
          const row = await database.row`select ${words}::text[] as words, ${numbers}::bigint[] as numbers`
          expect(row).toEqual({ words: clean, numbers })
        },
      ),
      { numRuns: 50 },
    ))
  test('uuid arrays need no cast beside a uuid', async () => {
    await database.run`insert into public.note (id, words) select id, '{}' from unnest(${[id(1), id(2)]}::uuid[]) as id`
    const found = await database.rows<{ id: string }>`select id from public.note where id = any(${[id(2), id(3)]})`
    expect(found).toEqual([{ id: id(2) }])
    expect(await database.rows`select id from public.note where id = any(${[]})`).toEqual([])
    const row = await database.row<{ ids: string[] }>`select array_agg(id order by id) as ids from public.note`
    expect(row?.ids).toEqual([id(1), id(2)])
  })
  test('JSON with NUL and half surrogate pairs is stored, not refused', async () => {
    const row = await database.row<{
      json: unknown
    }>`select ${database.json({ 'a\0': 'x\0y\ud800', b: '\\u0000' })}::jsonb as json`
    expect(row?.json).toEqual({ 'a\ufffd': 'x\ufffdy\ufffd', b: '\\u0000' })
  })
  test('a number that cannot be exact is refused, exact decimals are not', async () => {
    await expect(database.row`select 9007199254740993::bigint as n`).rejects.toThrow('cannot hold exactly')
    expect(await database.row`select 0.25::numeric as n, sum(x) as s from generate_series(1, 3) as x`).toEqual({
      n: 0.25,
      s: 6,
    })
    expect(await database.row`select 1 as fine`).toEqual({ fine: 1 })
  })
  test('undefined and plain objects are mistakes', async () => {
    await expect(database.row`select ${undefined}::text`).rejects.toThrow('use null')
    await expect(database.row`select ${{ a: 1 }}::jsonb`).rejects.toThrow('database.json')
  })
  test('a value is never text of the statement', async () => {
    const evil = "'; drop table public.note; --"
    expect(await database.row`select ${evil}::text as text`).toEqual({ text: evil })
    expect(() => database.name('note; drop')).toThrow('not an SQL identifier')
  })
})

describe('fragments', () => {
  test('nest and join with their parameters in order', async () => {
    const conditions = [database.part`id = ${id(1)}`, database.part`words = ${[]}::text[]`]
    const found =
      await database.rows`select id from ${database.name('public.note')} where ${database.join(conditions, 'and')} limit ${5}`
    expect(found).toEqual([{ id: id(1) }])
    expect(await database.rows`select 1 from public.note where ${database.join([], 'or')}`).toEqual([])
  })
  test('more than one row for `row` is a bug', async () => {
    await expect(database.row`select 1 from public.note`).rejects.toThrow('got 2 rows')
  })
})

describe('transactions', () => {
  const count = async () => (await database.row<{ n: number }>`select count(*) as n from public.note`)?.n
  test('roll back whole, and a nested one alone', async () => {
    const before = await count()
    await expect(
      database.transaction(async (tx) => {
        await tx.run`insert into public.note (id) values (${id(10)})`
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await count()).toBe(before)
    await database.transaction(async (tx) => {
      await tx.run`insert into public.note (id) values (${id(11)})`
      const failed = await tx
        .transaction((inner) => inner.run`insert into public.note (id) values (${id(11)})`)
        .catch((error: unknown) => isDuplicate(error, 'note_pkey'))
      expect(failed).toBe(true)
    })
    expect(await count()).toBe((before ?? 0) + 1)
  })
  test("a failure of the work's own network is not PostgreSQL's outage", async () => {
    const own = Object.assign(new Error('shop is down'), { code: 'ECONNREFUSED' })
    await expect(database.transaction(() => Promise.reject(own))).rejects.toBe(own)
    await expect(database.transaction((tx) => tx.transaction(() => Promise.reject(own)))).rejects.toBe(own)
  })
  test('run tells the number of rows', async () => {
    expect(await database.run`update public.note set amount = ${3} where id = any(${[id(1), id(2)]})`).toBe(2)
  })
})

test('notifications arrive when the transaction commits', async () => {
  const open = createDatabase(world.databaseUrl, { connections: 2 })
  const heard: string[] = []
  const stop = await open.listen('hello', (payload) => heard.push(payload))
  await open.transaction(async (tx) => {
    await tx.notify('hello', 'one')
    expect(heard).toEqual([])
  })
  await expect.poll(() => heard).toEqual(['one'])
  await stop()
  await open.close()
})

test('a listener survives the loss of its connection', async () => {
  const open = createDatabase(world.databaseUrl, { connections: 2, application: 'listener-under-test' })
  const heard: string[] = []
  await open.listen('again', (payload) => heard.push(payload))
  await database.run`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener-under-test'`
  await expect
    .poll(
      async () => {
        await database.notify('again', 'still')
        return heard.length
      },
      { timeout: 55_000, interval: 100 },
    )
    .toBeGreaterThan(0)
  await open.close()
})

test('a database that is away is an outage', async () => {
  const away = createDatabase('postgres://nobody@127.0.0.1:1/none')
  await expect(away.row`select 1`).rejects.toBeInstanceOf(Outage)
  await away.close()
})

test.each([
  '08006',
  '25006',
  '40001',
  '40P01',
  '53100',
  '53200',
  '53300',
  '55P03',
  '57014',
  '57P01',
  '57P03',
  '58030',
  'XX001',
])('SQLSTATE %s is the fault of the world, in a transaction and a savepoint too', async (state) => {
  const raise = (on: Database) => on.run`select public.fail_with(${state})`
  await expect(raise(database)).rejects.toMatchObject({ name: 'Outage', cause: { code: state } })
  await expect(database.transaction((tx) => tx.transaction(raise))).rejects.toBeInstanceOf(Outage)
})

test.each(['23505', '22003', '42703', '54000', 'P0001'])('SQLSTATE %s is the fault of the statement', async (state) => {
  await expect(database.run`select public.fail_with(${state})`).rejects.toMatchObject({ code: state })
})
