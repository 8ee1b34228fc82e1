import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { testMark } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { localAccess } from '@einklang/server/local'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { commands } from './commands/index.ts'
import { findSource } from './commands/sources.ts'
import { reachedAt } from './connect.ts'
import { importFile } from './import.ts'
import { runProgram } from './program.ts'

const program = fileURLToPath(new URL('./index.ts', import.meta.url))

let town: TestGround
let directory: string
let serving: { child: ChildProcess; said: () => string; ended: Promise<number | null> }
let url: string

/** Starts the program as a shell would. */
function start(words: string[], data = directory) {
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--disable-warning=ExperimentalWarning', program, ...words],
    {
      env: {
        PATH: process.env['PATH'],
        EINKLANG_DATA: data,
        DATABASE_URL: town.databaseUrl,
        EINKLANG_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let error = ''
  child.stderr.on('data', (text) => {
    error += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, said: () => error }
}

/** Runs a command in this process: a new one costs seconds on a busy machine and shows nothing else. */
async function run(words: string[]) {
  let out = ''
  let error = ''
  const code = await runProgram(commands, words, {
    out: (text) => {
      out += text
    },
    error: (text) => {
      error += text
    },
    environment: { EINKLANG_DATA: directory, DATABASE_URL: town.databaseUrl, EINKLANG_LOG_LEVEL: 'warn' },
  })
  return { code, out, error }
}

/** The program itself, where it is about starting a server. */
async function runApart(words: string[], data: string) {
  const started = start(words, data)
  return { code: await started.ended, error: started.said() }
}

function testDirectory() {
  const made = mkdtempSync(join(tmpdir(), 'einklang-cli-'))
  writeFileSync(join(made, testMark), '')
  return made
}

beforeAll(async () => {
  town = await testGround()
  directory = testDirectory()
  serving = start(['serve', '--port', '0'])
  await vi.waitUntil(() => serving.said().includes('shown only now'), { timeout: 150_000 })
  url = /answers at (\S+)/.exec(serving.said())?.[1] ?? ''
})

afterAll(async () => {
  serving.child.kill('SIGKILL')
  await serving.ended
  await town.close()
  rmSync(directory, { recursive: true, force: true })
})

test('serve prints the address and, once, the first sign-in', async () => {
  expect(serving.said()).toMatch(/Sign in as admin@einklang\.local with the password ([a-z2-9]{4}-){4}[a-z2-9]{4}\n/)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
})

test('another command reaches the running server without a sign-in', async () => {
  const { code, out } = await run(['audit', 'verify', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ valid: true, firstBad: null })
})

test('a source, its customer, the search for her and her erasure', async () => {
  const added = JSON.parse((await run(['source', 'add', 'Web shop', '--kind', 'web', '--json'])).out) as { key: string }
  const traits = { email: 'ada@shop.example', firstName: 'Ada', lastName: 'Lovelace' }
  const response = await fetch(`${url}/v1/identify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${added.key}:`)}` },
    body: JSON.stringify({ anonymousId: 'a1', messageId: 'm1', traits }),
  })
  expect(response.status).toBe(200)
  const search = async () =>
    (JSON.parse((await run(['profile', 'search', 'lovelace', '--json'])).out) as { items: { person: string }[] }).items
  await expect.poll(search, { timeout: 55_000, interval: 500 }).toHaveLength(1)

  const [ada] = await search()
  const shown = await run(['profile', 'show', 'ada@shop.example'])
  expect(shown).toMatchObject({ code: 0, error: '' })
  expect(shown.out).toMatch(/^Name +Ada Lovelace$/m)

  const asked = await run(['erase', ada?.person ?? ''])
  expect(asked).toMatchObject({ code: 2, error: expect.stringContaining('--yes') })
  const erased = await run(['erase', ada?.person ?? '', '--yes', '--json'])
  expect(JSON.parse(erased.out)).toMatchObject({ person: ada?.person, rows: expect.any(Number) })
  expect(await search()).toEqual([])
})

test('a file is imported, and what does not fit stands in a rejects file with row and reason', async () => {
  await run(['source', 'add', 'Till', '--kind', 'till', '--secret'])
  const file = join(directory, 'customers.csv')
  writeFileSync(file, 'Kundennummer;Vorname;Nachname;E-Mail\n1;Grace;Hopper;grace@shop.example\n;Nobody;Knows;\n')
  const { code, out } = await run(['import', file, '--kind', 'customers', '--source', 'till', '--json'])
  expect({ code, items: (JSON.parse(out) as { items: object[] }).items }).toEqual({
    code: 0,
    items: [expect.objectContaining({ file, state: 'done', rowsRead: 2, accepted: 1, rejected: 1 })],
  })
  expect(readFileSync(`${file}.rejects.csv`, 'utf8')).toMatch(/^3;/m)
})

test('an upload that was interrupted continues where it stopped', async () => {
  const access = localAccess(directory)
  if (!access) throw new Error('no server')
  const reached = reachedAt(access.url, access.headers)
  const file = join(directory, 'many.csv')
  const rows = Array.from({ length: 40_000 }, (_, row) => `${row};Ada;${'x'.repeat(200)};ada${row}@shop.example`)
  writeFileSync(file, `Kundennummer;Vorname;Ort;E-Mail\n${rows.join('\n')}\n`)
  const source = await findSource(reached.client, 'till')

  const uploads: number[][] = []
  const bring = (stopAfter: number) =>
    importFile(reached, {
      file,
      kind: 'customers',
      source: source.id,
      // The rows themselves are the business of ingest.
      dryRun: true,
      step: (label) => {
        const seen: number[] = []
        if (label === 'Uploading') uploads.push(seen)
        const at = (done: number) => {
          seen.push(done)
          if (seen.length >= stopAfter && label === 'Uploading') throw new Error('cable pulled')
        }
        return { at, add: () => undefined, total: () => undefined, done: () => undefined, failed: () => undefined }
      },
    })
  await expect(bring(1)).rejects.toThrow('cable pulled')
  const detail = await bring(Number.POSITIVE_INFINITY)
  expect(detail).toMatchObject({ state: 'done', rowsRead: 40_000, rejected: 0 })
  // The second try begins after the first part instead of at the beginning.
  expect(uploads[1]?.[0]).toBeGreaterThan(uploads[0]?.[0] ?? Number.POSITIVE_INFINITY)
})

test('a name that is nearly right is suggested', async () => {
  const { code, error } = await run(['audience', 'size', 'abandoned crt'])
  expect(code).toBe(2)
  expect(error).toContain('Did you mean: einklang audience size "Abandoned cart"')
})

test('the data directory in use is told in one sentence', async () => {
  const { code, error } = await runApart(['serve', '--port', '0'], directory)
  expect(code).toBe(1)
  expect(error).toMatch(/^einklang: The data directory .* is in use by Einklang \(pid \d+, since .*\); .*--data\.\n$/)
})

test('the port in use is told in one sentence', async () => {
  const other = testDirectory()
  const { code, error } = await runApart(['serve', '--port', new URL(url).port], other)
  expect(code).toBe(1)
  expect(error.split('\n').filter((line) => line.startsWith('einklang:'))).toEqual([
    expect.stringMatching(/^einklang: Port \d+ is in use by another program; .*--port\.$/),
  ])
  rmSync(other, { recursive: true, force: true })
})

test('a worker beside it works, serves nobody and stops in order', async () => {
  const other = testDirectory()
  const worker = start(['serve', '--role', 'worker'], other)
  await vi.waitUntil(() => worker.said().includes('serves nobody'), { timeout: 55_000 })
  worker.child.kill('SIGTERM')
  expect(await worker.ended).toBe(0)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  rmSync(other, { recursive: true, force: true })
})

test('a data directory that cannot be written is told in one sentence', async () => {
  const file = join(directory, testMark)
  const { code, error } = await runApart(['serve', '--port', '0'], file)
  expect({ code, error }).toEqual({
    code: 1,
    error: `einklang: The data directory ${file} cannot be used: a file is in its way; choose another one with --data or EINKLANG_DATA.\n`,
  })
})

test.skipIf(process.getuid?.() === 0)('no write permission is told in one sentence', async () => {
  const closed = testDirectory()
  chmodSync(closed, 0o500)
  const { code, error } = await runApart(['serve', '--port', '0'], closed)
  expect(code).toBe(1)
  expect(error).toContain('no write permission')
})

test('SIGTERM stops in order within ten seconds, with exit code 0', async () => {
  const began = performance.now()
  serving.child.kill('SIGTERM')
  expect(await serving.ended).toBe(0)
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(serving.said()).toContain('Stopping.')
})
