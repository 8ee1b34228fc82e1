import { expect, test } from 'vitest'
import { count, duration, startProgress } from './progress.ts'

function written(isTTY: boolean) {
  let milliseconds = 0
  const texts: string[] = []
  const stream = { isTTY, columns: 200, write: (text: string) => texts.push(text) }
  return {
    texts,
    stream,
    now: () => milliseconds,
    pass: (seconds: number) => {
      milliseconds += seconds * 1000
    },
  }
}

test('on a terminal one line is redrawn with part, rate and time left', () => {
  const terminal = written(true)
  const progress = startProgress({ label: 'Importing', total: 1000, unit: 'rows', ...terminal })
  terminal.pass(2)
  progress.at(200)
  expect(terminal.texts.at(-1)).toMatch(
    /^\r\u001b\[KImporting +█{4}░{16} {3}20 % {2}200 rows of 1,000 rows {2}100 rows\/s {2}0:08 left$/,
  )
  progress.done('1,000 rows, 3 rejected')
  expect(terminal.texts.at(-1)).toMatch(/^\r\u001b\[K✓ Importing +1,000 rows, 3 rejected {2}\(0:02\)\n$/)
})

test('elsewhere a plain line is written every five seconds', () => {
  const log = written(false)
  const progress = startProgress({ label: 'Importing', total: 100, ...log })
  for (let done = 1; done <= 100; done++) {
    log.pass(0.2)
    progress.at(done)
  }
  progress.done()
  expect(log.texts).toHaveLength(4 + 1)
  expect(log.texts.join('')).not.toContain('\r')
  expect(log.texts.every((text) => text.endsWith('\n'))).toBe(true)
})

test('the rate forgets the slow past', () => {
  const terminal = written(true)
  const progress = startProgress({ label: 'x', total: 10_000, ...terminal })
  for (let second = 0; second < 60; second++) {
    terminal.pass(1)
    progress.add(1)
  }
  for (let second = 0; second < 20; second++) {
    terminal.pass(1)
    progress.add(100)
  }
  expect(terminal.texts.at(-1)).toContain('100/s')
})

test('without a total there is no percentage and no time left', () => {
  const terminal = written(true)
  const progress = startProgress({ label: 'x', total: null, ...terminal })
  terminal.pass(1)
  progress.at(5)
  expect(terminal.texts.at(-1)).not.toMatch(/%|left/)
})

test('100 % is said only when all is done', () => {
  const terminal = written(true)
  const progress = startProgress({ label: 'x', total: 1000, ...terminal })
  terminal.pass(1)
  progress.at(999)
  expect(terminal.texts.at(-1)).toContain(' 99 %')
})

test('counts and durations are written for people', () => {
  expect([count(1_234_567, 'events'), count(999, 'bytes'), count(1_250_000, 'bytes')]).toEqual([
    '1,234,567 events',
    '999 B',
    '1.3 MB',
  ])
  expect([duration(5), duration(75), duration(5025)]).toEqual(['0:05', '1:15', '1:23:45'])
})
