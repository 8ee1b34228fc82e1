import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { drawsFrom } from '@einklang/stats'
import { afterAll, describe, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import type { Answer } from './answer.ts'
import { type LiftDocument, type LiftPlanDocument, lift } from './lift.ts'
import type { GeoDocument, GeoPairs, GeoPower } from './lift-geo.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-lift-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0

function file(text: string): string {
  const path = join(directory, `${files++}.csv`)
  writeFileSync(path, text)
  return path
}

type Told<Document> = { code: number; answer: Answer<Document>; told: string }

async function run<Document = LiftDocument>(...words: string[]): Promise<Told<Document>> {
  let out = ''
  let told = ''
  const terminal = { out: (text: string) => (out += text), error: (text: string) => (told += text), environment: {} }
  const code = await runProgram([lift], ['lift', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out), told }
}

/** Persons of two arms; the treated spend `gain` more on average. */
function experiment(persons: number, gain: number, options: { leak?: number; days?: number } = {}): string {
  const draws = drawsFrom('experiment', gain, persons)
  const lines = ['person,arm,date,revenue,orders,pre_revenue,bought']
  for (let person = 0; person < persons; person++) {
    const treated = draws.uniform() < 0.5
    if (treated && draws.uniform() < (options.leak ?? 0)) continue
    const level = draws.gamma(2, 2 / 40)
    const day = new Date(Date.UTC(2026, 0, 1 + Math.floor((person / persons) * (options.days ?? 20))))
      .toISOString()
      .slice(0, 10)
    const revenue = level + 5 * draws.normal() + (treated ? gain : 0)
    lines.push(
      `p${person},${treated ? 'mail' : 'control'},${day},${revenue.toFixed(2)},${1 + draws.poisson(1)},${(level + 5 * draws.normal()).toFixed(2)},${revenue > 40 ? 1 : 0}`,
    )
  }
  return file(lines.join('\n'))
}

test('a planted gain is found, and the pre-period makes the interval much narrower', async () => {
  const path = experiment(4000, 3)
  const plain = await run('--data', path, '--outcome', 'revenue')
  const adjusted = await run('--data', path, '--outcome', 'revenue', '--pre', 'pre_revenue')
  expect(plain.code).toBe(0)
  const [before] = plain.answer.arms as [LiftDocument['arms'][number]]
  const [after] = adjusted.answer.arms as [LiftDocument['arms'][number]]
  const width = ({ low, high }: { low: number; high: number }) => high - low
  expect(width(after.difference)).toBeLessThan(0.5 * width(before.difference))
  expect(after.difference.low).toBeLessThan(3)
  expect(after.difference.high).toBeGreaterThan(3)
  expect(after.different).toBe(true)
  expect(after.shrinks).toBeGreaterThan(0.7)
})

test('daily looks, stop rule, CSV and page', async () => {
  const path = experiment(4000, 8)
  const [out, report] = [join(directory, 'out.csv'), join(directory, 'report.html')]
  const { answer } = await run(
    '--data',
    path,
    '--outcome',
    'revenue',
    '--sequential',
    '--date',
    'date',
    '--out',
    out,
    '--report',
    report,
  )
  expect(answer.looks.length).toBeGreaterThan(10)
  expect(answer.arms[0]?.anytime?.verdict).toMatchObject({ stop: true, verdict: 'proven' })
  expect(readFileSync(out, 'utf8').split('\n')[0]).toContain('anytime_low')
  const page = readFileSync(report, 'utf8')
  expect(page).toContain('<svg')
  expect(page).not.toMatch(/(src|href)="https?:/)
})

test('rates, ratios, several arms', async () => {
  const path = experiment(3000, 4)
  const rate = await run('--data', path, '--outcome', 'bought')
  expect(rate.answer.kind).toBe('share')
  const ratio = await run('--data', path, '--outcome', 'revenue', '--per', 'orders')
  expect(ratio.answer.kind).toBe('ratio')
  const three = file(
    [
      'person,arm,outcome',
      ...Array.from({ length: 600 }, (_, row) => `p${row},${['none', 'a', 'b'][row % 3]},${(row * 7919) % 13}`),
    ].join('\n'),
  )
  const several = await run('--data', three)
  expect(several.answer.arms.map(({ arm }) => arm)).toEqual(['a', 'b'])
  expect(several.answer.control.arm).toBe('none')
})

test('arms not filled as planned block the result', async () => {
  const { code, answer, told } = await run(
    '--data',
    experiment(4000, 3, { leak: 0.3 }),
    '--outcome',
    'revenue',
    '--shares',
    '50/50',
  )
  expect(code).toBe(0)
  expect(answer.arms).toEqual([])
  expect(answer.blocked).toContain('must not be read')
  expect(told).toContain('must not be read')
})

test('a plan from history says persons and days; looking early costs persons', async () => {
  const path = experiment(2000, 0)
  const words = ['--data', path, '--outcome', 'revenue', '--plan', '--worthwhile', '2', '--date', 'date']
  const [plain, peeking] = [
    await run<LiftPlanDocument>(...words),
    await run<LiftPlanDocument>(...words, '--sequential'),
  ]
  expect(plain.answer.days).toBeGreaterThan(5)
  expect(peeking.answer.persons).toBeGreaterThan(plain.answer.persons)
})

test.each([
  ['person,arm,outcome\na,control,x\nb,mail,1\n', [], 'row 2, outcome: "x" is no number'],
  ['person,arm,outcome\na,control,1\na,mail,1\n', [], 'is in the arms "control" and "mail"'],
  ['person,arm,outcome\na,control,1\nb,control,2\n', [], 'nothing can be compared'],
  ['person,arm,outcome\na,x,1\nb,y,2\n', [], 'Which arm got nothing?'],
  ['person,arm,outcome\na,control,3\nb,mail,3\nc,mail,3\n', [], 'everybody has 3'],
  ['person,arm,outcome,currency\na,control,5,EUR\nb,mail,1,USD\n', [], 'USD among amounts in EUR'],
  // Who bought and who did not has no currency; here it is the equal outcome that is wrong.
  ['person,arm,outcome,currency\na,control,1,EUR\nb,mail,1,USD\n', [], 'everybody has 1'],
  ['person,arm,outcome\na,control,3\nb,,3\n', [], 'row 3, arm: it is empty'],
  ['person,group,outcome\na,control,3\n', [], 'no column arm'],
  ['person,arm,outcome\na,control,NaN\nb,mail,1\n', [], '"NaN" is no number'],
  ['person,arm,outcome\na,control,1\nb,mail,0\n', ['--shares', '50/50/10'], '--shares has 3 parts'],
  ['person,arm,outcome\na,control,1\nb,mail,0\n', ['--level', '90'], '--level is a share'],
  ['person,arm,outcome\na,control,1\nb,mail,0\n', ['--plan'], '--worthwhile'],
  ['', [], 'is empty'],
])('%j is refused with what is wrong', async (text, words, message) => {
  const { code, answer } = await run('--data', file(text), ...words)
  expect(code).toBe(2)
  expect(`${answer.error.message} ${answer.error.doInstead ?? ''}`).toContain(message)
})

test('few persons and few events are said', async () => {
  const rows = Array.from(
    { length: 60 },
    (_, row) => `p${row},${row % 2 ? 'mail' : 'control'},${row % 20 === 0 ? 1 : 0}`,
  )
  const { answer } = await run('--data', file(`person,arm,outcome\n${rows.join('\n')}\n`))
  expect(answer.warnings.join(' ')).toContain('Fewer than 100 persons')
  expect(answer.warnings.join(' ')).toContain('Only 3 of 60 persons did it')
})

describe('regions', () => {
  /** Eight regions of 60 days; region 0 gains 15 % from day 45. */
  const regions = (change: (lines: string[]) => string[] = (lines) => lines) => {
    const draws = drawsFrom('regions')
    const lines: string[] = []
    for (let day = 0; day < 60; day++) {
      for (let region = 0; region < 8; region++) {
        const base = (100 + 20 * region) * (1 + 0.2 * Math.sin((day / 7) * 6.28)) * (1 + 0.02 * draws.normal())
        const on = region === 0 && day >= 45
        lines.push(
          `r${region},${new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10)},${(base * (on ? 1.15 : 1)).toFixed(2)},${on ? 10 : 0}`,
        )
      }
    }
    return file(['region,date,outcome,cost', ...change(lines)].join('\n'))
  }

  test('increment, return on spend, series, page', async () => {
    const report = join(directory, 'geo.html')
    const { code, answer } = await run<GeoDocument>(
      '--geo',
      regions(),
      '--treated',
      'r0',
      '--start',
      '2026-02-15',
      '--spend',
      'cost',
      '--report',
      report,
    )
    expect(code).toBe(0)
    for (const result of answer.results) {
      expect(result.relative.low).toBeGreaterThan(0)
      expect(result.relative.value).toBeGreaterThan(0.12)
      expect(result.relative.value).toBeLessThan(0.18)
      expect(result.roas?.value).toBeGreaterThan(1)
    }
    expect(readFileSync(report, 'utf8')).toContain('Seen and expected')
  })

  test('power by simulated insertion, and pairs', async () => {
    const power = await run<GeoPower>('--geo', regions(), '--treated', 'r1,r2', '--days', '10')
    expect(power.answer.detectable).toBeLessThan(0.16)
    const pairs = await run<GeoPairs>('--geo', regions(), '--pairs')
    expect(pairs.answer.pairs).toHaveLength(4)
  })

  test.each([
    [(lines: string[]) => [...lines, lines[0] as string], [], 'already has a row'],
    [(lines: string[]) => lines.slice(1), [], 'are missing, first r0 on 2026-01-01'],
    [(lines: string[]) => ['r0,01.02.2026,1,0', ...lines], [], 'is no date'],
    [(lines: string[]) => ['r0,2025-12-31,1,-4', ...lines], ['--spend', 'cost'], '-4 is negative'],
    [(lines: string[]) => lines, ['--treated', 'r9'], 'no region "r9"'],
    [(lines: string[]) => lines, ['--treated', 'r0,r1,r2,r3,r4,r5,r6,r7'], 'nothing can be compared'],
    [(lines: string[]) => lines, ['--start', '2026-01-03'], 'too few to know'],
    [(lines: string[]) => lines, ['--start', '2027-01-03'], 'no row lies in the campaign'],
  ])('bad input %# is told with row, region or day', async (change, words, message) => {
    const given = [
      ...(words[0] === '--treated' ? [] : ['--treated', 'r0']),
      ...(words[0] === '--start' ? [] : ['--start', '2026-02-15']),
      ...words,
    ]
    const { code, answer } = await run('--geo', regions(change), ...given)
    expect(code).toBe(2)
    expect(answer.error.message).toContain(message)
  })

  test('without additional spend no return is stated', async () => {
    const path = regions((lines) => lines.map((line) => line.replace(/,\d+$/, ',10')))
    const { answer } = await run<GeoDocument>(
      '--geo',
      path,
      '--treated',
      'r0',
      '--start',
      '2026-02-15',
      '--spend',
      'cost',
    )
    expect(answer.spend).toBe(0)
    expect(answer.results[0]?.roas).toBeNull()
    expect(answer.warnings.join(' ')).toContain('no return on spend')
  })

  test('gaps are filled only when asked for', async () => {
    const { code, told } = await run(
      '--geo',
      regions((lines) => lines.slice(1)),
      '--treated',
      'r0',
      '--start',
      '2026-02-15',
      '--fill-gaps',
    )
    expect(code).toBe(0)
    expect(told).toContain('1 missing days count as 0')
  })
})

const shared = join(
  process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data'),
  'geo-geolift',
)

test.skipIf(!existsSync(shared))(
  'the forty cities of GeoLift give their published lift by one command',
  async () => {
    const path = file(gunzipSync(readFileSync(join(shared, 'geolift_test.csv.gz'))).toString())
    const { answer } = await run<GeoDocument>(
      '--geo',
      path,
      '--region',
      'location',
      '--outcome',
      'Y',
      '--treated',
      'chicago,portland',
      '--start',
      '2021-04-01',
    )
    const synthetic = answer.results.find(({ method }) => method === 'synthetic control')
    expect(synthetic?.relative.value).toBeCloseTo(0.054, 2)
  },
  60_000,
)
