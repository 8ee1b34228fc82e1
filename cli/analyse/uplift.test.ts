import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawsFrom } from '@einklang/stats'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import type { Answer } from './answer.ts'
import { type UpliftDocument, uplift } from './uplift.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-uplift-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0

function file(lines: string[]): string {
  const path = join(directory, `${files++}.csv`)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

async function run(...words: string[]): Promise<{ code: number; answer: Answer<UpliftDocument>; told: string }> {
  let out = ''
  let told = ''
  const terminal = { out: (text: string) => (out += text), error: (text: string) => (told += text), environment: {} }
  const code = await runProgram([uplift], ['uplift', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out), told }
}

/** Mail helps regulars and hurts the others; letters help everybody a little. */
function campaign(rows: number): string[] {
  const draws = drawsFrom('campaign', rows)
  const lines = ['person,arm,kind,age,bought,spent']
  for (let row = 0; row < rows; row++) {
    const arm = ['none', 'mail', 'letter'][draws.below(3)] as string
    const kind = draws.uniform() < 0.5 ? 'regular' : 'new'
    const gain = arm === 'mail' ? (kind === 'regular' ? 0.2 : -0.1) : arm === 'letter' ? 0.03 : 0
    const bought = draws.uniform() < 0.3 + gain ? 1 : 0
    lines.push(`p${row},${arm},${kind},${20 + draws.below(50)},${bought},${bought * (10 + draws.below(50))}`)
  }
  return lines
}

const data = file(campaign(6000))

test('several arms: who gains is found, the best arm per person pays, scores and page are written', async () => {
  const [out, report] = [join(directory, 'out.csv'), join(directory, 'report.html')]
  const { code, answer } = await run(
    '--data',
    data,
    '--outcome',
    'bought',
    '--leave',
    'spent',
    '--learner',
    't-linear',
    '--bootstrap',
    '20',
    '--out',
    out,
    '--report',
    report,
  )
  expect(code).toBe(0)
  const mail = answer.treatments.find(({ arm }) => arm === 'mail') as UpliftDocument['treatments'][number]
  expect(mail.tenths[0]?.effect).toBeGreaterThan((mail.tenths[9]?.effect as number) + 0.1)
  expect(mail.qini?.value).toBeGreaterThan(mail.qini?.low as number)
  expect(mail.disturbed.share).toBeGreaterThan(0.3)
  const [own, ...others] = answer.policies.map(({ robust }) => robust.value)
  expect(Math.max(...others)).toBeLessThan(own as number)
  const lines = readFileSync(out, 'utf8').trim().split('\n')
  expect(lines[0]).toBe('person,best_arm,effect: letter,effect: mail')
  expect(lines).toHaveLength(6001)
  expect(readFileSync(report, 'utf8')).toContain('Qini: mail')
}, 60_000)

test('the same seed gives the same answer; amounts have no Qini but a curve', async () => {
  const words = [
    '--data',
    data,
    '--outcome',
    'spent',
    '--leave',
    'bought',
    '--learner',
    'dr-linear',
    '--bootstrap',
    '20',
  ]
  const [first, again] = [await run(...words), await run(...words)]
  expect(again.answer).toEqual(first.answer)
  expect(first.answer.treatments[0]?.qini).toBeNull()
  expect(first.answer.treatments[0]?.curve).toHaveLength(51)
}, 60_000)

test('observational data are called so, with the chances shown', async () => {
  const { answer, told } = await run(
    '--data',
    data,
    '--outcome',
    'bought',
    '--leave',
    'spent',
    '--learner',
    't-linear',
    '--observational',
    '--bootstrap',
    '20',
    '--folds',
    '2',
  )
  expect(answer.observational).toBe(true)
  expect(answer.overlap.arms[0]?.effectiveRows).toBeGreaterThan(1000)
  expect(told).toContain('Observational')
}, 60_000)

const small = (change: (line: string, row: number) => string) => campaign(300).map(change)

test.each([
  [small((line, row) => (row === 0 ? line : line.replace(/,(mail|letter),/, ',none,'))), [], 'nothing can be compared'],
  [
    small((line, row) => (row === 5 ? line.replace(/,[01],(\d+)$/, ',?,$1') : line)),
    [],
    'row 6, bought: "?" is no number',
  ],
  [
    small((line, row) => (row === 0 ? line : line.replace(/,[01],(\d+)$/, ',1,$1'))),
    ['--leave', 'spent'],
    'everybody has 1',
  ],
  [small((line) => line.replace(',none,', ',nothing,')), ['--leave', 'spent'], 'Which arm got nothing?'],
  [
    small((line, row) => (row === 0 ? `${line},later` : `${line},${line.split(',')[4]}`)),
    ['--leave', 'spent'],
    'probably measured afterwards',
  ],
  [
    small((line, row) => (row === 9 ? line.replace(/,(\d\d),/, ',old,') : line)),
    ['--leave', 'spent'],
    '"old" is no number, but nearly all others',
  ],
  [small((line) => line), ['--leave', 'kind,age,spent'], 'no column to learn from'],
  [small((line) => line), ['--features', 'shoe'], 'no column shoe'],
  [small((line) => line), ['--learner', 'z-trees'], 'There is no learner "z-trees"'],
  [campaign(60), ['--leave', 'spent'], 'effects per person need at least 50'],
])('bad input %# is told in a sentence', async (lines, words, message) => {
  const { code, answer } = await run('--data', file(lines), '--outcome', 'bought', ...words)
  expect(code).toBe(2)
  expect(answer.error.message).toContain(message)
})
