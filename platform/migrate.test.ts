import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createDatabase, type OpenDatabase } from './database.ts'
import { migrate, migrationsIn } from './migrate.ts'
import { withDatabase } from './testing/setup.ts'

let engine: string
let database: OpenDatabase
let administration: OpenDatabase
let name: string
beforeEach(async () => {
  engine = mkdtempSync(join(tmpdir(), 'engine-'))
  name = `migrate_${randomBytes(4).toString('hex')}`
  const { url } = inject('einklang')
  administration = createDatabase(withDatabase(url, 'postgres'), { connections: 1 })
  await administration.script(`create database ${name}`)
  database = createDatabase(withDatabase(url, name), { connections: 4 })
})
afterEach(async () => {
  await database.close()
  await administration.script(`drop database ${name} with (force)`)
  await administration.close()
  rmSync(engine, { recursive: true })
})

const file = (stage: string, fileName: string, text: string) => {
  mkdirSync(join(engine, stage, 'migrations'), { recursive: true })
  writeFileSync(join(engine, stage, 'migrations', fileName), text)
}

test('every migration of this program applies to an empty database', async () => {
  const real = migrationsIn(inject('einklang').engine)
  expect(await migrate(database, real)).toBe(real.length)
  expect(await migrate(database, real)).toBe(0)
}, 60_000)

test('files run in the order of the stages, several statements each, once', async () => {
  file(
    'identity',
    '0001_b.sql',
    'create table identity.b (a int references governance.a); select 1; create view identity.c as select a from identity.b',
  )
  file('governance', '0002_more.sql', 'insert into governance.a values (1)')
  file('governance', '0001_a.sql', 'create table governance.a (a int primary key)')
  expect(migrationsIn(engine).map(({ stage, number }) => `${stage} ${number}`)).toEqual([
    'platform 1',
    'governance 1',
    'governance 2',
    'identity 1',
  ])
  const both = await Promise.all([migrate(database, migrationsIn(engine)), migrate(database, migrationsIn(engine))])
  expect(both[0] + both[1]).toBe(4)
  expect(await database.rows`select a from governance.a`).toEqual([{ a: 1 }])
})

test('a broken file names its line and leaves nothing behind', async () => {
  file('governance', '0001_a.sql', 'create table governance.a (a int);\n\ncreate tabel governance.b (a int)')
  await expect(migrate(database, migrationsIn(engine))).rejects.toThrow(
    'Migration governance 1 (a) failed in line 3: syntax error',
  )
  expect(await database.row`select to_regclass('governance.a') as found`).toEqual({ found: null })
})

test('a file that changed afterwards, and a database newer than the program, are refused', async () => {
  file('governance', '0001_a.sql', 'create table governance.a (a int)')
  await migrate(database, migrationsIn(engine))
  file('governance', '0001_a.sql', 'create table governance.a (a bigint)')
  await expect(migrate(database, migrationsIn(engine))).rejects.toThrow('was changed after it had run')
  rmSync(join(engine, 'governance'), { recursive: true })
  await expect(migrate(database, migrationsIn(engine))).rejects.toThrow(
    'The database is newer than this program: it has governance 1 (a)',
  )
})

test('badly named files and doubled numbers are mistakes', () => {
  file('governance', '1_a.sql', '')
  expect(() => migrationsIn(engine)).toThrow('not named like 0001_what_it_does.sql')
  rmSync(join(engine, 'governance'), { recursive: true })
  file('governance', '0001_a.sql', '')
  file('governance', '0001_b.sql', '')
  expect(() => migrationsIn(engine)).toThrow('two migrations with the number 1')
})

test('an index built concurrently runs outside a transaction', async () => {
  file('governance', '0001_a.sql', 'create table governance.a (a int)')
  file('governance', '0002_index.sql', '-- outside transaction\ncreate index concurrently a_a on governance.a (a)')
  await migrate(database, migrationsIn(engine))
  expect(await database.row`select count(*) as n from pg_indexes where schemaname = 'governance'`).toEqual({ n: 1 })
})
