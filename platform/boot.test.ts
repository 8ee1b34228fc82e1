import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { refuseUnsafePostgres, startPostgres, stopPostgresIn } from './embedded.ts'
import { lockDataDirectory } from './lock.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'einklang-'))
  chmodSync(directory, 0o755)
})
afterEach(async () => {
  if (existsSync(join(directory, 'postgres'))) await stopPostgresIn(directory)
  rmSync(directory, { recursive: true, force: true })
})

const index = JSON.stringify(fileURLToPath(new URL('./index.ts', import.meta.url)))
const opening = (then: string) => `
  const { bootGround, createLifecycle, createLog, readConfig } = await import(${index})
  const log = createLog('error')
  const lifecycle = createLifecycle({ log, told: (message) => process.stderr.write(message + '\\n') })
  lifecycle.stopOnSignals()
  const config = readConfig({ EINKLANG_DATA: ${JSON.stringify(directory)} })
  try {
    const { ground } = await bootGround({ config, lifecycle, log, engineDirectory: '/nowhere', told: (message) => process.stderr.write(message + '\\n') })
    ${then}
  } catch (error) {
    process.stderr.write(error.message + '\\n')
    process.exitCode = 2
  }`

function program(
  then: string,
  as: { uid?: number; gid?: number } = {},
): { child: ChildProcess; said(text: string): Promise<void>; ended: Promise<{ code: number | null; text: string }> } {
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', opening(then)], {
    ...as,
    cwd: directory,
    env: { PATH: process.env['PATH'] },
  })
  let text = ''
  const hearers = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk
      for (const hear of hearers) hear()
    })
  }
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, text })),
  )
  const said = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => text.includes(wanted) && resolve()
      hearers.add(look)
      look()
      void ended.then(() =>
        text.includes(wanted) ? resolve() : reject(new Error(`it never said "${wanted}" but: ${text}`)),
      )
    })
  return { child, said, ended }
}

const stay = `process.stderr.write('READY\\n'); await lifecycle.stopped`
const writeOne = `await ground.database.run\`create table if not exists public.kept (n int)\`
  await ground.database.run\`insert into public.kept values (1)\``
const countThem = `const kept = await ground.database.row\`select count(*) as n from public.kept\`
  process.stderr.write('KEPT ' + kept.n + '\\n'); await lifecycle.stop()`

describe('starting and stopping', () => {
  test('a killed program leaves its PostgreSQL running; the next one takes it over and stops it', async () => {
    const first = program(`${writeOne}; process.kill(process.pid, 'SIGKILL')`)
    expect((await first.ended).code).toBe(null)
    expect(existsSync(join(directory, 'postgres', 'postmaster.pid'))).toBe(true)
    const second = program(countThem)
    const { code, text } = await second.ended
    expect(text).toContain('Took over the PostgreSQL')
    expect(text).toContain('KEPT 1')
    expect(code).toBe(0)
    expect(existsSync(join(directory, 'postgres', 'postmaster.pid'))).toBe(false)
    expect(existsSync(join(directory, 'einklang.lock'))).toBe(false)
  })

  test('when both were killed, PostgreSQL recovers what was acknowledged', async () => {
    const first = program(`${writeOne}; process.kill(process.pid, 'SIGKILL')`)
    await first.ended
    const postmaster = Number(readFileSync(join(directory, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
    process.kill(postmaster, 'SIGKILL')
    const { code, text } = await program(countThem).ended
    expect(text).toContain('KEPT 1')
    expect(code).toBe(0)
  })

  test('a second program on the directory is refused with one sentence', async () => {
    const first = program(stay)
    await first.said('READY')
    const second = await program(stay).ended
    expect(second.text).toMatch(
      /^The data directory .* is in use by Einklang \(pid \d+, since .*\); stop it, or choose another directory with --data\.\n$/,
    )
    expect(second.code).toBe(2)
    const began = performance.now()
    first.child.kill('SIGTERM')
    const { code, text } = await first.ended
    expect(code).toBe(0)
    expect(performance.now() - began).toBeLessThan(10_000)
    const steps = [...text.matchAll(/Stopping (.*)\./g)].map(([, name]) => name)
    expect(steps.indexOf('ClickHouse')).toBeLessThan(steps.indexOf('PostgreSQL'))
    expect(steps.at(-1)).toBe('data directory')
  })
})

describe('the embedded PostgreSQL', () => {
  const asRoot = process.getuid?.() === 0

  test.runIf(asRoot)('runs for root in a folder that is closed to others', async () => {
    chmodSync(directory, 0o700)
    const inside = join(directory, 'data')
    try {
      const postgres = await startPostgres(inside, { throwaway: true })
      await postgres.stop()
    } catch (error) {
      // Without setpriv or the capability there must be a sentence that says what to do.
      expect((error as Error).message).toMatch(/^PostgreSQL never runs as root.*chmod o\+x/)
    } finally {
      await stopPostgresIn(inside)
    }
  })

  test.runIf(asRoot)('works for an ordinary user', async () => {
    const id = (what: string) => Number(spawnSync('id', [what, 'nobody'], { encoding: 'utf8' }).stdout)
    const as = { uid: id('-u'), gid: id('-g') }
    chownSync(directory, as.uid, as.gid)
    const { code, text } = await program(
      `process.stderr.write('UID ' + process.getuid() + '\\n'); await lifecycle.stop()`,
      as,
    ).ended
    expect(text).toContain(`UID ${as.uid}`)
    expect(code).toBe(0)
  })

  test('answers from a directory too deep for a socket', async () => {
    const deep = join(directory, 'd'.repeat(60), 'e'.repeat(60))
    mkdirSync(deep, { recursive: true })
    const postgres = await startPostgres(deep, { throwaway: true })
    expect(postgres.url).toContain('@127.0.0.1:')
    await postgres.stop()
  })

  test('starts from a folder with commas, quotes and spaces', async () => {
    const odd = join(directory, 'my data, "old" ü')
    const postgres = await startPostgres(odd, { throwaway: true })
    await postgres.stop()
  })

  test('one that would lose acknowledged data is refused', async () => {
    const { url } = inject('einklang')
    await expect(refuseUnsafePostgres(url)).rejects.toThrow('PostgreSQL runs with fsync = off')
    await refuseUnsafePostgres(url, { throwaway: true })
  })

  test('another major version is one sentence', async () => {
    mkdirSync(join(directory, 'postgres'))
    writeFileSync(join(directory, 'postgres', 'PG_VERSION'), '15\n')
    await expect(startPostgres(directory)).rejects.toThrow(
      /was made by PostgreSQL 15, this program brings PostgreSQL 18; restore/,
    )
  })
})

describe('the lock of a data directory', () => {
  test('is released, and a dead or reused one is taken over', () => {
    const lock = lockDataDirectory(directory)
    expect(() => lockDataDirectory(directory)).toThrow('in use by Einklang')
    lock.release()
    for (const dead of [
      { pid: 2 ** 22 + 1, began: '1', since: '' },
      { pid: process.pid, began: 'another time', since: '' },
    ]) {
      writeFileSync(join(directory, 'einklang.lock'), JSON.stringify(dead))
      lockDataDirectory(directory).release()
    }
    writeFileSync(join(directory, 'einklang.lock'), '{ torn')
    lockDataDirectory(directory).release()
    expect(existsSync(join(directory, 'einklang.lock'))).toBe(false)
  })
})
