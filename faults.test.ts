import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], {
  cwd: import.meta.dirname,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !file.startsWith('console/'))

/** Places that no test breaks yet. */
const open = ['send.during-look-up']

test('every named place where the system can be broken is broken by a test or by the kill benchmark', () => {
  const named = new Set<string>()
  let broken = ''
  for (const file of files) {
    const text = readFileSync(`${import.meta.dirname}/${file}`, 'utf8')
    if (file.endsWith('.test.ts') || file.startsWith('bench/')) {
      if (file !== 'faults.test.ts') broken += text
      continue
    }
    for (const [, name] of text.matchAll(/\bfault\('([a-z.-]+)'\)/g)) named.add(name as string)
  }
  expect(named.size).toBeGreaterThan(15)
  expect([...named].filter((name) => !broken.includes(`'${name}`) && !broken.includes(`${name}:`))).toEqual(open)
})
