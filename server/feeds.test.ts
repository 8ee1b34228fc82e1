import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { constants, type FileHandle, mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { feedWays } from '@einklang/connectors/feeds'
import {
  type AnswerOf,
  type AppliedBatch,
  api,
  type CallOf,
  type NormalEvent,
  type PersonId,
  type Route,
} from '@einklang/contract'
import { createIngest, type Ingest, ingestParts } from '@einklang/engine/ingest'
import type { Database, Request_, StageParts } from '@einklang/platform'
import { createDatabase } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { FtpSrv } from 'ftp-srv'
import ssh2 from 'ssh2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

// Real servers and files: a loaded machine needs its time.
vi.setConfig({ testTimeout: 60_000 })

const ada = 'adadadad-adad-8200-8000-000000000001' as PersonId
const caller = { caller: { kind: 'user', name: 'Eva' } } as unknown as Request_

let world: TestGround
let folder: string
let ingest: Ingest
let parts: StageParts
let applied: NormalEvent[]
let source: AnswerOf<typeof api.ingest.createSource>['source']
const allowed: string[] = []
const closing: (() => void)[] = []

beforeEach(async () => {
  world = await testGround()
  folder = mkdtempSync(join(tmpdir(), 'einklang-feeds-'))
  applied = []
  wire()
  source = (await call(api.ingest.createSource, { body: { name: 'CRM', kind: 'crm' } })).source
})
afterEach(async () => {
  for (const close of closing.splice(0)) close()
  allowed.length = 0
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Ports of servers are known only when they run; what may be called is read at the start. */
function wire() {
  const apply = async (_tx: Database, events: NormalEvent[]): Promise<AppliedBatch> => {
    applied.push(...events)
    return { events: events.map((event) => ({ ...event, person: ada })), merges: [], touched: [ada] }
  }
  ingest = createIngest({ ground: world.ground, apply, feeds: feedWays({ allowed, watched: folder }) })
  parts = ingestParts(ingest as Parameters<typeof ingestParts>[0])
}

function call<R extends Route>(route: R, input: CallOf<R>): Promise<AnswerOf<R>> {
  const mounted = parts.routes.find((one) => one.route === (route as unknown as Route))
  const read = {
    params: route.params.parse(input.params ?? {}),
    query: route.query.parse(input.query ?? {}),
    body: route.body.parse(input.body),
  }
  return mounted?.handle(read as never, caller) as Promise<AnswerOf<R>>
}

type Settings = { way: string; [setting: string]: unknown }
type Secret = { password?: string; privateKey?: string }

async function feedOf(settings: Settings, secret?: Secret, kind: 'customers' | 'receipts' = 'customers') {
  return call(api.ingest.createFeed, {
    body: {
      name: 'CRM files',
      source: source.id,
      kind,
      settings: settings as never,
      everyMinutes: 15,
      ...(secret ? { secret } : {}),
    },
  })
}

/** Visits what is due and applies what was fetched, as the loops of a worker would. */
async function turn() {
  const loop = (parts.loops ?? []).find((one) => one.name === 'ingest.feeds')
  const signal = new AbortController().signal
  for (let again = 0; again < 5; again++) {
    while ((await loop?.turn(signal)) === 'busy');
    await ingest.drain()
  }
}

const emails = () => applied.map((event) => event.traits.email)

function put(directory: string, name: string, text: string) {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), text)
  const old = new Date('2026-03-01T00:00:00Z')
  utimesSync(join(directory, name), old, old)
}

test('a watched folder: taken once by content, finished and failed files move away', async () => {
  put(join(folder, 'crm'), 'a.csv', 'email;first_name\na@x.de;Ada\n')
  put(join(folder, 'crm'), 'b.csv', 'nothing;we;know\n1;2;3\n')
  put(join(folder, 'crm'), 'c.csv.part', 'email\nc@x.de\n')
  put(join(folder, 'crm'), '.hidden.csv', 'email\nh@x.de\n')
  symlinkSync('/etc/passwd', join(folder, 'crm', 'link.csv'))
  const feed = await feedOf({ way: 'folder', folder: 'crm', pattern: '*.csv' })
  await turn()
  expect(emails()).toEqual(['a@x.de'])
  expect(readdirSync(join(folder, 'crm', 'done'))).toEqual(['a.csv'])
  expect(readdirSync(join(folder, 'crm', 'failed'))).toEqual(['b.csv'])
  // The same content under another name and again under the old one: nothing new, moved all the same.
  put(join(folder, 'crm'), 'copy.csv', 'email;first_name\na@x.de;Ada\n')
  put(join(folder, 'crm'), 'a.csv', 'email;first_name\na@x.de;Ada\n')
  await call(api.ingest.runFeed, { params: { feed: feed.id } })
  await turn()
  expect(emails()).toEqual(['a@x.de'])
  expect(readdirSync(join(folder, 'crm', 'done')).sort()).toEqual(['a-2.csv', 'a.csv', 'copy.csv'])
  // New content under the old name is new.
  put(join(folder, 'crm'), 'a.csv', 'email;first_name\nb@x.de;Ben\n')
  await call(api.ingest.runFeed, { params: { feed: feed.id } })
  await turn()
  expect(emails()).toEqual(['a@x.de', 'b@x.de'])
  const [shown] = (await call(api.ingest.feeds, {})).items
  expect(shown).toMatchObject({ state: 'ok', lastError: null, hasSecret: false, imports: { files: 3, rows: 2 } })
})

test('a file that was written a moment ago waits, a folder outside is refused', async () => {
  put(folder, 'now.csv', 'email\na@x.de\n')
  utimesSync(join(folder, 'now.csv'), world.clock.now(), world.clock.now())
  await feedOf({ way: 'folder', folder: '', pattern: '*.csv' })
  await turn()
  expect(applied).toEqual([])
  await world.clock.advance({ minutes: 20 })
  await turn()
  expect(emails()).toEqual(['a@x.de'])
  const outside = await call(api.ingest.testFeed, {
    body: { settings: { way: 'folder', folder: '../..', pattern: '*' } },
  })
  expect(outside).toMatchObject({ ok: false, files: [] })
  expect(outside.message).toContain('leaves the watched folder')
})

/** A real SFTP server on a folder. */
async function sftpServer(directory: string): Promise<number> {
  const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp
  const key = ssh2.utils.generateKeyPairSync('ed25519').private
  const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
    client.on('error', () => undefined)
    client.on('authentication', (attempt) =>
      attempt.method === 'password' && attempt.username === 'till' && attempt.password === 'secret word'
        ? attempt.accept()
        : attempt.reject(['password']),
    )
    client.on('session', (accept) => {
      accept().on('sftp', (accept) => {
        const sftp = accept()
        const handles: { dir?: string[]; file?: FileHandle; path: string }[] = []
        const local = (path: string) => join(directory, path)
        const handleOf = (bytes: Buffer) => handles[bytes.readUInt32BE(0)]
        const opened = (id: number, handle: (typeof handles)[number]) => {
          const bytes = Buffer.alloc(4)
          bytes.writeUInt32BE(handles.push(handle) - 1, 0)
          sftp.handle(id, bytes)
        }
        const attrs = (facts: { mode: number; size: number; mtimeMs: number }) => ({
          mode: facts.mode,
          uid: 0,
          gid: 0,
          size: facts.size,
          atime: facts.mtimeMs / 1000,
          mtime: facts.mtimeMs / 1000,
        })
        const answer = (id: number, work: Promise<void>) =>
          void work.catch(() => sftp.status(id, STATUS_CODE.NO_SUCH_FILE))
        sftp.on('REALPATH', (id: number, path: string) =>
          sftp.name(id, [{ filename: path === '.' ? '/' : path, longname: path, attrs: {} as never }]),
        )
        for (const kind of ['STAT', 'LSTAT'] as const)
          sftp.on(kind as 'STAT', (id: number, path: string) =>
            answer(
              id,
              stat(local(path)).then((facts) => sftp.attrs(id, attrs(facts))),
            ),
          )
        sftp.on('OPENDIR', (id, path) =>
          answer(
            id,
            readdir(local(path)).then((dir) => opened(id, { dir, path })),
          ),
        )
        sftp.on('READDIR', (id, bytes) => {
          const handle = handleOf(bytes)
          const names = handle?.dir?.splice(0) ?? []
          if (!handle || names.length === 0) return sftp.status(id, STATUS_CODE.EOF)
          answer(
            id,
            Promise.all(
              names.map(async (filename) => {
                const facts = await stat(join(local(handle.path), filename))
                return {
                  filename,
                  longname: `${facts.isDirectory() ? 'd' : '-'}rw-r--r-- 1 a a ${facts.size} Jan 1 00:00 ${filename}`,
                  attrs: attrs(facts),
                }
              }),
            ).then((list) => {
              sftp.name(id, list as never)
            }),
          )
        })
        sftp.on('OPEN', (id, path, flags) =>
          answer(
            id,
            open(local(path), flags & OPEN_MODE.WRITE ? constants.O_RDWR : constants.O_RDONLY).then((file) =>
              opened(id, { file, path }),
            ),
          ),
        )
        sftp.on('FSTAT', (id, bytes) => {
          const file = handleOf(bytes)?.file
          if (file)
            answer(
              id,
              file.stat().then((facts) => sftp.attrs(id, attrs(facts))),
            )
        })
        sftp.on('READ', (id, bytes, offset, length) => {
          const file = handleOf(bytes)?.file
          if (!file) return sftp.status(id, STATUS_CODE.FAILURE)
          answer(
            id,
            file.read(Buffer.alloc(length), 0, length, offset).then(({ bytesRead, buffer }) => {
              if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF)
              else sftp.data(id, buffer.subarray(0, bytesRead))
            }),
          )
        })
        sftp.on('CLOSE', (id, bytes) => {
          void handleOf(bytes)?.file?.close()
          sftp.status(id, STATUS_CODE.OK)
        })
        sftp.on('RENAME', (id, from, to) =>
          answer(
            id,
            rename(local(from), local(to)).then(() => {
              sftp.status(id, STATUS_CODE.OK)
            }),
          ),
        )
        sftp.on('MKDIR', (id, path) =>
          answer(
            id,
            mkdir(local(path)).then(() => {
              sftp.status(id, STATUS_CODE.OK)
            }),
          ),
        )
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

test('an SFTP server: fetched once, moved to done, wrong words told, a changed server key refused', async () => {
  const remote = join(folder, 'remote')
  put(
    join(remote, 'out'),
    'customers.csv',
    `email;first_name\n${Array.from({ length: 3_000 }, (_, at) => `k${at}@x.de;Kim`).join('\n')}\n`,
  )
  const port = await sftpServer(remote)
  const settings = { way: 'sftp' as const, host: '127.0.0.1', port, user: 'till', folder: '/out', pattern: 'cust*.csv' }
  const refused = await call(api.ingest.testFeed, { body: { settings, secret: { password: 'secret word' } } })
  expect(refused).toMatchObject({ ok: false })
  expect(refused.message).toMatch(/not called|leads into this network/)
  allowed.push(`127.0.0.1:${port}`)
  wire()
  const wrong = await call(api.ingest.testFeed, { body: { settings, secret: { password: 'guess' } } })
  expect(wrong.ok).toBe(false)
  expect(wrong.message).not.toContain('guess')
  expect(wrong.message).toContain('The server refuses the login')
  const right = await call(api.ingest.testFeed, { body: { settings, secret: { password: 'secret word' } } })
  expect(right).toMatchObject({ ok: true, files: [{ path: 'customers.csv' }] })
  const feed = await feedOf(settings, { password: 'secret word' })
  expect(JSON.stringify(feed)).not.toContain('secret word')
  await turn()
  expect(applied).toHaveLength(3_000)
  expect(readdirSync(join(remote, 'out', 'done'))).toEqual(['customers.csv'])
  const [shown] = (await call(api.ingest.feeds, {})).items
  expect(shown).toMatchObject({ hasSecret: true, settings: { hostKey: right.hostKey } })
  const kept = await world.ground.database.row<{
    secret: string
  }>`select encode(secret, 'escape') as secret from ingest.feed`
  expect(kept?.secret).not.toContain('secret word')
  // Somebody else answers at the address.
  const other = await sftpServer(remote)
  allowed.push(`127.0.0.1:${other}`)
  const swapped = await call(api.ingest.changeFeed, {
    params: { feed: feed.id },
    body: { settings: { ...settings, port: other, hostKey: right.hostKey as string } },
  })
  expect(swapped.state).not.toBe('failing')
  const ways = feedWays({ allowed, watched: folder })
  await expect(
    ways.sftp({ ...settings, port: other, hostKey: right.hostKey as string }, { password: 'secret word' }),
  ).rejects.toThrow('feed_other_key')
})

test('an FTP server: fetched once and moved to done', async () => {
  const remote = join(folder, 'ftp')
  put(join(remote, 'out'), 'customers.csv', 'email;first_name\na@x.de;Ada\n')
  const port = await freePort()
  const server = new FtpSrv({
    url: `ftp://127.0.0.1:${port}`,
    pasv_url: '127.0.0.1',
    pasv_min: 20_000,
    pasv_max: 40_000,
    anonymous: false,
    log: quiet as never,
  })
  server.on('login', ({ username, password }, resolve, reject) =>
    username === 'till' && password === 'secret word' ? resolve({ root: remote }) : reject(new Error('no')),
  )
  await server.listen()
  closing.push(() => void server.close())
  allowed.push(`127.0.0.1:${port}`)
  wire()
  const feed = await feedOf(
    { way: 'ftp', host: '127.0.0.1', port, user: 'till', folder: '/out', pattern: '*.csv', tls: false },
    { password: 'secret word' },
  )
  await turn()
  const [shown] = (await call(api.ingest.feeds, {})).items
  expect(shown?.lastError).toBeNull()
  expect(emails()).toEqual(['a@x.de'])
  expect(readdirSync(join(remote, 'out', 'done'))).toEqual(['customers.csv'])
  renameSync(join(remote, 'out', 'done', 'customers.csv'), join(remote, 'out', 'customers.csv'))
  await call(api.ingest.runFeed, { params: { feed: feed.id } })
  await turn()
  expect(emails()).toEqual(['a@x.de'])
})

const quiet = { info() {}, error() {}, debug() {}, trace() {}, warn() {}, child: () => quiet } as {
  [method: string]: () => unknown
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The tests' PostgreSQL listens on a socket file; a feed comes by TCP. */
async function postgresByTcp(url: URL): Promise<number> {
  const path = `${url.searchParams.get('host')}/.s.PGSQL.${url.port || 5432}`
  const server: Server = createServer((socket) => {
    const inner = connect(path)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

test('a PostgreSQL table: pages by cursor and key, equal times and microseconds, a killed visit repeats nothing', async () => {
  const url = new URL(world.databaseUrl)
  const port = await postgresByTcp(url)
  allowed.push(`127.0.0.1:${port}`)
  wire()
  const erp = createDatabase(world.databaseUrl, { connections: 1 })
  try {
    await erp.script(`create schema erp; create table erp.customer (no bigint primary key, email text, changed timestamptz);
      insert into erp.customer select n, 'c' || n || '@x.de', '2026-01-01T00:00:00.123456Z'::timestamptz + (n / 3000) * interval '1 microsecond' from generate_series(1, 12001) n`)
    const settings = {
      way: 'postgres' as const,
      host: '127.0.0.1',
      port,
      user: decodeURIComponent(url.username),
      database: url.pathname.slice(1),
      table: 'erp.customer',
      cursorColumn: 'changed',
      keyColumn: 'no',
      tls: false,
    }
    const tried = await call(api.ingest.testFeed, {
      body: { settings, secret: { password: decodeURIComponent(url.password) } },
    })
    expect(tried).toMatchObject({ ok: true })
    expect(tried.rows).toHaveLength(5)
    const feed = await call(api.ingest.createFeed, {
      body: {
        name: 'ERP',
        source: source.id,
        kind: 'customers',
        settings,
        secret: { password: decodeURIComponent(url.password) },
        mapping: { fields: { customer_no: 'no', email: 'email', updated_at: 'changed' } },
      },
    })
    await turn()
    expect(new Set(emails()).size).toBe(12_001)
    expect(applied).toHaveLength(12_001)
    // Nothing new; then one row changed and one is younger than the delay.
    await call(api.ingest.runFeed, { params: { feed: feed.id } })
    await turn()
    expect(applied).toHaveLength(12_001)
    await erp.script(`update erp.customer set email = 'new@x.de', changed = '2026-02-01T00:00:00Z' where no = 7;
      insert into erp.customer values (99999, 'young@x.de', now())`)
    await call(api.ingest.runFeed, { params: { feed: feed.id } })
    await turn()
    expect(emails().slice(12_001)).toEqual(['new@x.de'])
    await expect(
      feedWays({ allowed, watched: folder }).postgres({ ...settings, table: 'erp.customer; drop table x' }, {}),
    ).rejects.toThrow('feed_table_name')
  } finally {
    await erp.close()
  }
})
