import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { TableCursor, TableSettings } from '@einklang/contract'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openMysql } from './tables.ts'

const there = (name: string) => spawnSync('which', [name]).status === 0
const program = ['mariadbd', 'mysqld'].find(there)
const maker = ['mariadb-install-db', 'mysql_install_db'].find(there)
const missing = program === undefined || maker === undefined || !there('my_print_defaults')

if (missing)
  console.warn(
    'Tables of MariaDB are not tested here: `apt-get install mariadb-server-core mariadb-client-core` brings it.',
  )

describe.skipIf(missing)('a table of MariaDB', () => {
  const directory = mkdtempSync(join(tmpdir(), 'einklang-maria-'))
  let server: ChildProcess
  let port = 0

  const connected = (more: object = {}) =>
    createConnection({ host: '127.0.0.1', port, user: 'reader', password: 'secret', ...more })

  beforeAll(async () => {
    const user = process.getuid?.() === 0 ? ['--user=root'] : []
    const data = join(directory, 'data')
    const made = spawnSync(
      maker as string,
      ['--no-defaults', ...user, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      { encoding: 'utf8' },
    )
    if (made.status !== 0) throw new Error(`${maker}: ${made.stderr || made.stdout}`)
    port = await freePort()
    server = spawn(
      program as string,
      [
        '--no-defaults',
        ...user,
        `--datadir=${data}`,
        `--socket=${join(directory, 'socket')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--skip-log-bin',
        '--innodb-buffer-pool-size=16M',
        // A shop's server lives in its own zone; what we read does not depend on it.
        '--default-time-zone=+02:00',
      ],
      { stdio: 'ignore' },
    )
    const root = await patiently(() =>
      createConnection({ socketPath: join(directory, 'socket'), user: 'root', multipleStatements: true }),
    )
    await root.query(`
      create database erp character set utf8mb4;
      create user reader@localhost identified by 'secret';
      create user reader@'127.0.0.1' identified by 'secret';
      grant all on erp.* to reader@localhost, reader@'127.0.0.1';
      use erp;
      create table customer (id bigint primary key, name varchar(100), turnover decimal(12,2), since date, active bool,
        changed_at datetime(6), seen_at timestamp(3) null);
      insert into customer values
        (1, 'Jürgen Größe', 12.30, '2020-02-29', true, '2026-01-01 10:00:00.000001', '2026-01-01 12:00:00.500'),
        (2, 'Ada', null, null, false, '2026-01-01 10:00:00.000001', null),
        (3, 'Bert 😀', 0.10, '2021-01-01', true, '2026-01-01 10:00:00.000002', null),
        (10, 'Carla', 5, '2021-01-01', true, '2026-01-01 10:00:00.000002', null),
        (9, 'Dora', 6, '2021-01-01', true, '2026-01-02 10:00:00', null),
        (11, 'Never changed', 7, '2021-01-01', true, null, null);`)
    await root.end()
  }, 60_000)

  afterAll(async () => {
    const gone = server && new Promise((done) => server.once('exit', done))
    server?.kill('SIGTERM')
    await gone
    rmSync(directory, { recursive: true, force: true })
  })

  const settings = (more: Partial<TableSettings> = {}): TableSettings => ({
    host: '127.0.0.1',
    port,
    user: 'reader',
    database: 'erp',
    table: 'erp.customer',
    cursorColumn: 'changed_at',
    keyColumn: 'id',
    ...more,
  })
  const open = (more: Partial<TableSettings> = {}) =>
    openMysql(async (host) => host, settings(more), { password: 'secret' })

  test('is read page by page, rows of one instant by their key, each once and with all digits', async () => {
    const place = await open()
    try {
      const rows: { [column: string]: unknown }[] = []
      let cursor: TableCursor | null = null
      for (let page = 0; page < 10; page++) {
        const next = await place.after(cursor, 2)
        if (next.length === 0) break
        for (const { row } of next) rows.push(row)
        cursor = next.at(-1)?.cursor ?? null
      }
      expect(rows.map((row) => row['id'])).toEqual([1, 2, 3, 10, 9])
      expect(rows[0]).toEqual({
        id: 1,
        name: 'Jürgen Größe',
        turnover: 12.3,
        since: '2020-02-29',
        active: 1,
        changed_at: '2026-01-01T10:00:00.000001Z',
        seen_at: '2026-01-01T10:00:00.500Z',
      })
      expect(rows[1]).toMatchObject({ turnover: null, since: null, active: 0, seen_at: null })
      expect(rows[2]?.['name']).toBe('Bert 😀')

      const shop = await connected({ database: 'erp' })
      await shop.query(`update customer set name = 'Ada Lange', changed_at = '2026-01-03 08:00:00' where id = 2`)
      await shop.query(`insert into customer values (12, 'Too young', 1, null, true, utc_timestamp(6), null)`)
      await shop.end()
      const later = await place.after(cursor, 100)
      expect(later.map(({ row }) => row['name'])).toEqual(['Ada Lange'])
    } finally {
      await place.close()
    }
  })

  test('is only read, and a name that is none is refused', async () => {
    const bad = await open({ table: 'customer; drop table customer' }).catch((error: unknown) => String(error))
    expect(bad).toContain('feed_table_name')
    const wrong = await openMysql(async (host) => host, settings(), { password: 'other' }).catch((error: unknown) =>
      String(error),
    )
    expect(wrong).toContain('Access denied')
  })
})

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done))
  const address = probe.address()
  await new Promise((done) => probe.close(done))
  if (!address || typeof address === 'string') throw new Error('No free port.')
  return address.port
}

async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let turn = 0; ; turn++) {
    try {
      return await work()
    } catch (error) {
      if (turn > 200) throw error
      await pause(100)
    }
  }
}
