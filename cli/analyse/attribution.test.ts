import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import { analyses } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-attribution-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(directory, `${Math.random().toString(36).slice(2)}.csv`)
  writeFileSync(path, text)
  return path
}

type Answer = {
  totals: { conversions: number; value: number }
  models: {
    model: string
    channels: {
      channel: string
      conversions: number
      value: number
      interval: unknown
      removalEffect?: { conversions: number }
      tooLittleData?: boolean
    }[]
  }[]
  transitions: { from: string; to: string; share: number }[]
  warnings: string[]
  error?: { message: string }
}

async function run(...words: string[]): Promise<{ code: number; answer: Answer; told: string }> {
  let out = ''
  let told = ''
  const terminal = { out: (text: string) => (out += text), error: (text: string) => (told += text), environment: {} }
  const code = await runProgram(analyses, ['attribution', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out) as Answer, told }
}

const small = file(
  'path,total_conversions,total_conversion_value,total_null\na > b,3,30,5\nb,2,10,0\nb > a > b,1,7,9\n',
)

test('every model adds up to the totals of the file', async () => {
  const { code, answer } = await run('--paths', small, '--bootstrap', '20')
  expect(code).toBe(0)
  expect(answer.models.map(({ model }) => model)).toEqual([
    'first',
    'last',
    'last-nondirect',
    'linear',
    'position',
    'decay',
    'markov',
    'shapley',
  ])
  for (const { channels } of answer.models) {
    expect(channels.reduce((sum, row) => sum + row.conversions, 0)).toBeCloseTo(6, 9)
    expect(channels.reduce((sum, row) => sum + row.value, 0)).toBeCloseTo(47, 9)
    expect(channels.every((row) => row.interval !== null)).toBe(true)
  }
  expect(answer.transitions).toContainEqual({ from: '(start)', to: 'a', share: 0.4 })
  expect(answer.warnings[0]).toContain('Only 6 conversions')
})

test('the same seed gives the same intervals, another seed others', async () => {
  const words = ['--paths', small, '--model', 'linear', '--bootstrap', '50']
  const [first, again, other] = [await run(...words), await run(...words), await run(...words, '--seed', '2')]
  expect(again.answer).toEqual(first.answer)
  expect(other.answer.models).not.toEqual(first.answer.models)
})

test('long form: persons in any order of rows, split at conversions, with real ages for decay', async () => {
  const path = file(
    'person,time,channel,conversion,value\np,2026-03-09,b,1,20\np,2026-03-02,a,0,\np,2026-03-10,a,0,\nq,2026-03-01,b,0,\n',
  )
  const { answer } = await run('--paths', path, '--model', 'decay', '--bootstrap', '0')
  expect(answer.totals).toMatchObject({ conversions: 1, value: 20, nulls: 2 })
  const credit = Object.fromEntries(answer.models[0]?.channels.map((row) => [row.channel, row.conversions]) ?? [])
  expect(credit['b']).toBeCloseTo(2 / 3, 9)
  expect(credit['a']).toBeCloseTo(1 / 3, 9)
})

test.each([
  ['path,total_conversions\na > b,x\n', 'row 2, total_conversions: "x" is no number'],
  ['path,total_conversions\na > b,-1\n', 'row 2, total_conversions: -1 is negative'],
  ['path,total_conversions\na > b,NaN\n', 'row 2, total_conversions: "NaN" is no number'],
  ['path,total_conversions\na > > b,1\n', 'row 2, path: an empty step'],
  ['path,conv\na,1\n', 'no column total_conversions'],
  ['path,total_conversions,currency\na > b,1,EUR\nb,1,USD\n', 'row 3, currency: USD among amounts in EUR'],
  [
    'person,time,channel,conversion,value,Currency\np,2026-03-02,a,1,5,CHF\np,2026-03-03,a,0,,\nq,2026-03-03,a,1,5,EUR\n',
    'row 4, Currency: EUR among amounts in CHF',
  ],
  ['x,y\na,1\n', 'neither a column path nor a column channel'],
  ['path,total_conversions\na,1,2\n', 'row 2: 3 cells where the header has 2'],
  ['person,time,channel,conversion\np,03/02/2026,a,1\n', 'row 2, time: "03/02/2026" is no date'],
  ['', 'is empty'],
])('%j is refused with what is wrong and where', async (text, message) => {
  const { code, answer } = await run('--paths', file(text))
  expect(code).toBe(2)
  expect(answer.error?.message).toContain(message)
})

test.each([
  [['--model', 'markow'], 'There is no model "markow"'],
  [['--order', '0'], '--order is a whole number'],
  [['--half-life', 'soon'], '--half-life is a time'],
  [['--position', '50/50'], '--position is u, w or three shares'],
])('%j is wrong usage', async (words, message) => {
  const { code, answer } = await run('--paths', small, ...words)
  expect(code).toBe(2)
  expect(answer.error?.message).toContain(message)
})

test('a missing file is told by name', async () => {
  const { code, answer } = await run('--paths', join(directory, 'nowhere.csv'))
  expect(code).toBe(1)
  expect(answer.error?.message).toContain('nowhere.csv')
})

test('what cannot be compared is said', async () => {
  const one = await run('--paths', file('path,total_conversions\na > a,200\n'))
  expect(one.answer.warnings).toContain('There is only one channel, so nothing can be compared.')
  const same = await run('--paths', file('path,total_conversions\na > b,200\na > b,100\n'))
  expect(same.answer.warnings).toContain('All paths are the same, so nothing can be compared.')
  const none = await run('--paths', file('path,total_conversions,total_null\na > b,0,9\n'))
  expect(none.answer.warnings[0]).toContain('No path ends in a conversion')
})

test('quotes, semicolons, another separator and a byte order mark are read', async () => {
  const path = file('\ufeff"path";total_conversions\r\n"mail; new -> ""x""";2\r\n')
  const { answer } = await run('--paths', path, '--model', 'last', '--separator', '->')
  expect(answer.models[0]?.channels.map((row) => row.channel)).toEqual(['"x"', 'mail; new'])
})

test('a path of 10,000 touches and 2,000 channels are handled', async () => {
  const long = Array.from({ length: 10_000 }, (_, index) => (index % 2 ? 'a' : 'b')).join(' > ')
  const wide = Array.from({ length: 2000 }, (_, index) => `c${index} > c${(index * 7) % 2000},1`).join('\n')
  const { code, answer } = await run(
    '--paths',
    file(`path,total_conversions\n${long},1\n${wide}\n`),
    '--model',
    'markov',
    '--bootstrap',
    '0',
  )
  expect(code).toBe(0)
  expect(answer.models[0]?.channels.reduce((sum, row) => sum + row.conversions, 0)).toBeCloseTo(2001, 6)
}, 60_000)

const shared = join(
  process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data'),
  'attribution-channelattribution',
)

test.skipIf(!existsSync(shared))('the published paths give the published Markov credit', async () => {
  const path = file(gunzipSync(readFileSync(join(shared, 'paths.csv.gz'))).toString())
  const { answer } = await run('--paths', path, '--model', 'markov', '--order', '2', '--bootstrap', '0')
  const reference = JSON.parse(readFileSync(join(shared, 'reference.json'), 'utf8')) as {
    markov_exact: {
      order2_with_null: { [channel: string]: { conversions: number; removal_effect_conversions: number } }
    }
  }
  for (const row of answer.models[0]?.channels ?? []) {
    const published = reference.markov_exact.order2_with_null[row.channel]
    expect(Math.abs(row.conversions / (published?.conversions ?? 0) - 1)).toBeLessThan(1e-9)
    expect(
      Math.abs((row.removalEffect?.conversions ?? 0) / (published?.removal_effect_conversions ?? 1) - 1),
    ).toBeLessThan(1e-9)
  }
})

test('order by unseen paths, ordered Shapley, a lead, four shares, CSV and page', async () => {
  const lines = Array.from(
    { length: 60 },
    (_, row) => `${['a > b > c', 'b > a', 'c > b > a > b'][row % 3]},${1 + (row % 4)},${10 * (row % 4)},${row % 5}`,
  )
  const path = file(`path,total_conversions,total_conversion_value,total_null\n${lines.join('\n')}\n`)
  const [out, report] = [join(directory, 'credit.csv'), join(directory, 'credit.html')]
  const { code, answer } = await run(
    '--paths',
    path,
    '--order',
    'auto',
    '--ordered',
    '--position',
    '30/30/30/10',
    '--lead',
    'b',
    '--bootstrap',
    '10',
    '--out',
    out,
    '--report',
    report,
  )
  expect(code).toBe(0)
  const markov = answer.models.find(({ model }) => model === 'markov') as unknown as { heldOutLogLikelihood: number[] }
  expect(markov.heldOutLogLikelihood).toHaveLength(4)
  for (const { channels } of answer.models)
    expect(channels.reduce((sum, row) => sum + row.conversions, 0)).toBeCloseTo(answer.totals.conversions, 9)
  expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(1 + 8 * 3)
  const page = readFileSync(report, 'utf8')
  expect(page).toContain('Models side by side')
  expect(page).not.toMatch(/(src|href)="https?:/)
})

test('credit is scaled to experiments, and those that do not fit are refused', async () => {
  const { answer } = await run(
    '--paths',
    small,
    '--model',
    'linear',
    '--bootstrap',
    '0',
    '--experiments',
    file('channel,conversions,low,high\na,1,0.5,2\n'),
  )
  const [model] = answer.models as unknown as {
    incremental: { channel: string; conversions: number; from: string }[]
  }[]
  expect(model?.incremental.find(({ channel }) => channel === 'a')).toMatchObject({
    conversions: 1,
    from: 'experiment',
  })
  expect(model?.incremental.find(({ channel }) => channel === 'b')?.conversions).toBeCloseTo(5, 9)
  const unknown = await run('--paths', small, '--experiments', file('channel,conversions\ntv,1\n'))
  expect(unknown.answer.error?.message).toContain('no path has the channel "tv"')
  const turned = await run('--paths', small, '--experiments', file('channel,conversions,low,high\na,1,2,3\n'))
  expect(turned.answer.error?.message).toContain('does not lie between')
  expect((await run('--paths', small, '--lead', 'tv')).code).toBe(2)
})

test('more than twenty channels: Shapley of rates refuses, and with permutations states its error', async () => {
  const path = file(
    `path,total_conversions,total_null\n${Array.from({ length: 25 }, (_, row) => `c${row} > c${(row + 1) % 25},${row + 1},50`).join('\n')}\n`,
  )
  const words = ['--paths', path, '--model', 'shapley', '--rates', '--bootstrap', '0']
  const refused = await run(...words)
  expect(refused.answer.warnings.join(' ')).toContain('ask for sampled permutations')
  const sampled = await run(...words, '--permutations', '300')
  const [model] = sampled.answer.models as unknown as { channels: { standardError: number }[] }[]
  expect(model?.channels.every(({ standardError }) => standardError > 0)).toBe(true)
})

test('5,000 channels are handled, each marked when there is too little data', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `c${index} > c${(index * 31) % 5000},1`)
  const { code, answer } = await run(
    '--paths',
    file(`path,total_conversions\n${lines.join('\n')}\n`),
    '--model',
    'shapley',
    '--bootstrap',
    '0',
  )
  expect(code).toBe(0)
  expect(answer.models[0]?.channels).toHaveLength(5000)
  expect(answer.models[0]?.channels[0]?.tooLittleData).toBe(true)
})
