import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import type { Answer } from './answer.ts'
import { type KeywordDocument, keywords } from './keywords.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-keywords-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0

function file(text: string | Buffer): string {
  const path = join(directory, `${files++}.csv`)
  writeFileSync(path, text)
  return path
}

async function run(...words: string[]): Promise<{ code: number; answer: Answer<KeywordDocument> }> {
  let out = ''
  const terminal = { out: (text: string) => (out += text), error: () => undefined, environment: {} }
  const code = await runProgram([keywords], ['keywords', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out) }
}

test('a clear winner, with chance to be best, expected loss, hash of the file, CSV and page', async () => {
  const path = file('text,impressions,clicks\nsolid oak,40000,1500\nreal wood,40000,1180\n=cmd,40000,1200\n')
  const [out, report] = [join(directory, 'out.csv'), join(directory, 'report.html')]
  const { code, answer } = await run('--data', path, '--out', out, '--report', report)
  expect(code).toBe(0)
  expect(answer.winner).toBe('solid oak')
  expect(answer.texts[0]?.best).toBeGreaterThan(0.99)
  expect(answer.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(readFileSync(out, 'utf8')).toContain(`"'=cmd"`)
  expect(readFileSync(report, 'utf8')).toContain('Winner')
})

test('no winner yet says how many impressions are missing', async () => {
  const { answer } = await run('--data', file('text,impressions,clicks\na,3000,99\nb,3000,90\n'))
  expect(answer.winner).toBeNull()
  expect(answer.needed).toBeGreaterThan(1000)
})

test('only days on which all texts were live count', async () => {
  const rows = [
    'a,2026-01-01,1000,90',
    'a,2026-01-02,1000,30',
    'b,2026-01-02,1000,31',
    'a,2026-01-03,1000,30',
    'b,2026-01-03,1000,29',
  ]
  const { answer } = await run('--data', file(`text,date,impressions,clicks\n${rows.join('\n')}\n`))
  expect(answer.texts.map(({ impressions }) => impressions)).toEqual([2000, 2000])
  expect(answer.days?.count).toBe(2)
  expect(answer.warnings.join(' ')).toContain('1 of 3 days are left out')
})

test('a search console export in German is a hint, compared at equal position, brand apart', async () => {
  const lines = Array.from(
    { length: 12 },
    (_, index) => `begriff ${index};${Math.round(3000 / (index + 1))};10.000;5 %;${index + 1},0`,
  )
  const { answer } = await run(
    '--data',
    file(
      `\ufeffHäufigste Suchanfragen;Klicks;Impressionen;CTR;Position\nMöbel Müller;900;1.000;90 %;1,0\n${lines.join('\n')}\n`,
    ),
    '--brand',
    'mobel muller',
  )
  expect(answer.layout).toBe('search console')
  expect(answer.grade).toBe('hint, not a test')
  expect(answer.winner).toBeNull()
  expect(answer.brand[0]?.clicks).toBe(900)
  expect(answer.beyondPosition).toHaveLength(12)
  expect(answer.texts[0]?.impressions).toBe(10_000)
})

test('Google Ads: two lines before the header, UTF-16 with tabs, totals, missing cells, decimal comma', async () => {
  const text =
    '\ufeffSuchbegriffe\n1. Januar 2026 – 31. Januar 2026\nSuchbegriff\tKlicks\tImpr.\tConversions\tConv.-Wert\nEsstisch eiche\t1.200\t40.000\t30,5\t1.525,50\nTisch massiv\t900\t40.000\t20,0\t800,00\nSeltenes\t< 10\t--\t0,0\t0,00\nGesamt: Suchbegriffe\t2.100\t80.000\t50,5\t2.325,50\n'
  const { answer } = await run('--data', file(Buffer.from(text, 'utf16le')))
  expect(answer.layout).toBe('google ads')
  expect(answer.texts).toHaveLength(2)
  expect(answer.texts[0]).toMatchObject({
    text: 'Esstisch eiche',
    clicks: 1200,
    impressions: 40_000,
    conversions: 30.5,
    value: 1525.5,
  })
  expect(answer.by).toBe('value')
  expect(answer.warnings.join(' ')).toContain('1 rows of totals')
})

test('case, accents and doubled blanks are one text; the same file twice gives the same answer', async () => {
  const path = file('text,impressions,clicks\nCafé  Tisch,1000,30\ncafe tisch,1000,34\nBank,2000,60\n')
  const [first, again] = [await run('--data', path), await run('--data', path)]
  expect(first.answer.texts).toHaveLength(2)
  expect(again.answer).toEqual(first.answer)
})

test.each([
  ['words,shown,hits\na,1,1\n', 'no known layout. The header seen is "words,shown,hits"'],
  ['text,impressions,clicks\na,10,x\n', 'row 2, clicks: "x" is no number'],
  ['text,impressions,clicks\na,10,-1\n', '-1 is negative'],
  ['text,impressions,clicks\na,10,11\n', '11 clicks on 10 impressions'],
  ['text,impressions,clicks\na,10\n', 'row 2: 2 cells where the header has 3'],
  ['text,impressions,clicks\n', 'no text with impressions'],
  ['', 'is empty'],
])('%j is refused with what is wrong and where', async (text, message) => {
  const { code, answer } = await run('--data', file(text))
  expect(code).toBe(2)
  expect(answer.error.message).toContain(message)
})

test('an unknown measure is wrong usage; one text cannot be compared', async () => {
  const path = file('text,impressions,clicks\na,100,9\n')
  expect((await run('--data', path, '--by', 'fame')).code).toBe(2)
  const { answer } = await run('--data', path)
  expect(answer.winner).toBeNull()
  expect(answer.warnings.join(' ')).toContain('only one text')
})
