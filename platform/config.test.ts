import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeConfig, openDataDirectory, readConfig, strangeVariables } from './config.ts'
import { Refusal } from './failure.ts'

test('without anything, everything is embedded and local', () => {
  expect(readConfig({})).toMatchObject({
    role: 'all',
    host: '127.0.0.1',
    port: 8080,
    publicUrl: 'http://localhost:8080',
    databaseUrl: null,
    languages: ['en', 'de'],
  })
})

test('flags win over the environment', () => {
  const config = readConfig(
    { EINKLANG_PORT: '9000', EINKLANG_LANGUAGES: 'de vi', DATABASE_URL: 'postgres://a@b/c' },
    { port: '9001', 'public-url': 'https://shop.example/' },
  )
  expect(config).toMatchObject({
    port: 9001,
    publicUrl: 'https://shop.example',
    languages: ['de', 'vi'],
    databaseUrl: 'postgres://a@b/c',
  })
})

test.each([
  [{ EINKLANG_PORT: 'high' }, /^EINKLANG_PORT "high": /],
  [{ EINKLANG_ROLE: 'boss' }, 'EINKLANG_ROLE "boss": must be one of "all"|"api"|"worker".'],
  [
    { DATABASE_URL: 'mysql://secret@x/y' },
    'DATABASE_URL: must be an address that begins with postgres:// or postgresql://.',
  ],
  [{ EINKLANG_SECRET: 'short' }, 'EINKLANG_SECRET: must have at least 32 characters.'],
  [{ EINKLANG_TIME_ZONE: 'Mars/Base' }, 'EINKLANG_TIME_ZONE "Mars/Base": must be a zone such as Europe/Berlin.'],
])('a wrong setting is one sentence: %o', (environment, sentence) => {
  expect(() => readConfig(environment)).toThrow(Refusal)
  expect(() => readConfig(environment)).toThrow(sentence)
})

test('what is printed shows no password', () => {
  const shown = JSON.stringify(
    describeConfig(readConfig({ DATABASE_URL: 'postgres://me:hunter2@db/x', EINKLANG_SECRET: 's'.repeat(40) })),
  )
  expect(shown).not.toContain('hunter2')
  expect(shown).not.toContain('ssss')
  expect(shown).toContain('postgres://me:***@db/x')
})

test('variables that look like ours are told', () => {
  expect(strangeVariables({ EINKLANG_PROT: '1', EINKLANG_PORT: '1', HOME: '/' })).toEqual(['EINKLANG_PROT'])
  expect(strangeVariables({ EINKLANG_KEY: 'ek_1', EINKLANG_SHARED_DATA: '/', EINKLANG_FAULTS: '' })).toEqual([])
})

test('a data directory that cannot be written is one sentence', () => {
  const directory = mkdtempSync(join(tmpdir(), 'config-'))
  writeFileSync(join(directory, 'file'), '')
  expect(() => openDataDirectory(join(directory, 'file'))).toThrow(
    /cannot be used: a file is in its way; choose another one with --data or EINKLANG_DATA\./,
  )
  openDataDirectory(join(directory, 'deep', 'data'))
  if (process.getuid?.() !== 0) {
    chmodSync(directory, 0o500)
    expect(() => openDataDirectory(join(directory, 'new'))).toThrow('no write permission')
    chmodSync(directory, 0o700)
  }
  rmSync(directory, { recursive: true })
})
