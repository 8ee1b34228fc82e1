import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { drawsFrom } from '@einklang/stats'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import { analyses } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-clv-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0
function file(text: string): string {
  const path = join(directory, `${++files}.csv`)
  writeFileSync(path, text)
  return path
}

type Answer = {
  customers: number
  model: string
  because: string | null
  logLikelihood: number
  parameters: { name: string; value: number; standardError: number | null }[]
  holdout: { actual: number; expected: number; mae: number; rmse: number; tenths: { actual: number }[] } | null
  tracking: { actual: number; expected: number }[]
  spend: { logLikelihood: number } | null
  warnings: string[]
  error?: { message: string; doInstead?: string }
}

async function run(...words: string[]): Promise<{ code: number; answer: Answer }> {
  let out = ''
  const terminal = {
    out: (text: string) => {
      out += text
    },
    error: () => undefined,
    environment: {},
  }
  const code = await runProgram(analyses, ['clv', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out) as Answer }
}

/** A town that buys at its own rates for a year; every third customer stops early. */
function town(): string {
  const draws = drawsFrom('town', 2)
  const lines = ['customer_id,date,amount']
  for (let customer = 0; customer < 400; customer++) {
    const rate = draws.gamma(0.8, 40)
    const until = customer % 3 === 0 ? 90 : 365
    const level = 20 + draws.gamma(3, 0.1)
    for (let day = draws.uniform() * 60; day < until; day -= Math.log(1 - draws.uniform()) / rate) {
      const date = new Date(Date.UTC(2025, 0, 1) + Math.floor(day) * 86_400_000).toISOString().slice(0, 10)
      lines.push(`c${customer},${date},${(level * (0.6 + 0.8 * draws.uniform())).toFixed(2)}`)
    }
  }
  return file(`${lines.join('\n')}\n`)
}

test('scores of every customer with bounds, errors of the holdout, tracking and parameters with errors', async () => {
  const out = join(directory, 'scores.csv')
  const { code, answer } = await run(
    '--transactions',
    town(),
    '--calibration-end',
    '2025-08-31',
    '--horizon',
    '17',
    '--out',
    out,
  )
  expect(code).toBe(0)
  expect(answer.customers).toBe(400)
  expect(answer.parameters.every(({ standardError }) => standardError === null || standardError > 0)).toBe(true)
  expect(answer.holdout?.tenths).toHaveLength(10)
  expect(answer.holdout?.tenths[0]?.actual).toBeGreaterThan(answer.holdout?.tenths[9]?.actual as number)
  expect(answer.tracking.at(-1)?.actual).toBeGreaterThan(0)
  const [header, ...rows] = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  expect(rows).toHaveLength(400)
  const column = (name: string) => header?.indexOf(name) as number
  for (const row of rows) {
    const at = (name: string) => Number(row[column(name)])
    expect(at('p_alive')).toBeGreaterThanOrEqual(0)
    expect(at('p_alive_high')).toBeGreaterThanOrEqual(at('p_alive_low'))
    expect(at('transactions_high')).toBeGreaterThanOrEqual(at('transactions_low'))
    expect(at('value')).toBeLessThanOrEqual(at('transactions') * at('amount') + 0.01)
  }
})

test('the same seed gives the same file', async () => {
  const [transactions, first, again] = [town(), join(directory, 'a.csv'), join(directory, 'b.csv')]
  await run('--transactions', transactions, '--model', 'mbg-nbd', '--out', first)
  await run('--transactions', transactions, '--model', 'mbg-nbd', '--out', again)
  expect(readFileSync(first, 'utf8')).toBe(readFileSync(again, 'utf8'))
})

test('bg-bb counts occasions', async () => {
  const { code, answer } = await run(
    '--transactions',
    town(),
    '--model',
    'bg-bb',
    '--occasion',
    '30',
    '--horizon',
    '13',
  )
  expect(code).toBe(0)
  expect(answer.parameters.map(({ name }) => name)).toEqual(['alpha', 'beta', 'gamma', 'delta'])
})

test.each([
  ['customer_id,date,amount\na,2025-01-01,5\na,01.02.2025,5\n', 'row 3, date: "01.02.2025" is no date'],
  ['customer_id,date,amount\na,2025-02-30,5\n', 'row 2, date'],
  ['customer_id,date,amount\na,2025-01-01,-5\n', 'row 2, amount: -5 is negative'],
  ['customer_id,date,amount\na,2025-01-01,\n', 'row 2, amount'],
  ['customer_id,date,amount,currency\na,2025-01-01,5,EUR\na,2025-01-09,5,USD\n', 'USD among amounts in EUR'],
  ['customer,date,amount\na,2025-01-01,5\n', 'no column customer_id'],
  ['customer_id,date,amount\n,2025-01-01,5\n', 'no purchase of a known customer'],
  ['customer_id,date,amount\na,2025-01-01,5\nb,2025-01-02,5\n', 'too few to learn from'],
])('%j is refused with what is wrong and where', async (text, message) => {
  const { code, answer } = await run('--transactions', file(text))
  expect(code).toBe(2)
  expect(answer.error?.message).toContain(message)
})

test.each([
  [['--model', 'bgnbd'], 'There is no model "bgnbd"'],
  [['--horizon', 'year'], '--horizon is a number'],
  [['--calibration-end', '31.12.2025'], '--calibration-end is a day'],
  [['--calibration-end', '2031-01-01'], 'but the last purchase is of'],
  [['--covariates', 'x.csv'], 'Covariates are for the model pareto-nbd'],
])('%j is wrong usage', async (words, message) => {
  const { code, answer } = await run('--transactions', town(), ...words)
  expect(code).toBe(2)
  expect(answer.error?.message).toContain(message)
})

const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')

test.skipIf(!existsSync(join(shared, 'clv-cdnow')))(
  'CDNOW by the command gives the published likelihood and errors',
  async () => {
    const lines = gunzipSync(readFileSync(join(shared, 'clv-cdnow/transactions.csv.gz')))
      .toString()
      .trim()
      .split('\n')
    const sample = lines.filter((line, index) => index === 0 || line.split(',')[1] !== '')
    const { answer } = await run(
      '--transactions',
      file(`${sample.join('\n')}\n`),
      '--calibration-end',
      '1997-09-30',
      '--model',
      'pareto-nbd',
      '--horizon',
      '39',
    )
    expect(Math.abs(answer.logLikelihood + 9594.9761789)).toBeLessThan(1e-4)
    expect(answer.holdout?.mae).toBeCloseTo(0.7545, 4)
    expect(answer.holdout?.rmse).toBeCloseTo(1.6028, 4)
    expect(Math.abs((answer.spend?.logLikelihood as number) + 4055.9176948)).toBeLessThan(1e-3)
  },
)

test.skipIf(!existsSync(join(shared, 'clv-apparel')))('covariates are read beside the transactions', async () => {
  const { answer } = await run(
    '--transactions',
    join(shared, 'clv-apparel/transactions.csv'),
    '--id',
    'Id',
    '--date',
    'Date',
    '--amount',
    'Price',
    '--covariates',
    join(shared, 'clv-apparel/static-covariates.csv'),
    '--calibration-end',
    '2006-12-31',
    '--model',
    'pareto-nbd',
  )
  expect(Math.abs(answer.logLikelihood + 5821.062709)).toBeLessThan(1e-4)
  expect(answer.holdout?.mae).toBeLessThan(2.0069 + 0.01)
  expect(answer.holdout?.rmse).toBeLessThan(3.2768 + 0.01)
})

test('a page with tracking, tenths and the best customers; bg-bb with bounds and its own holdout', async () => {
  const [path, report, out] = [town(), join(directory, 'clv.html'), join(directory, 'occasions.csv')]
  const { code } = await run(
    '--transactions',
    path,
    '--calibration-end',
    '2025-08-31',
    '--model',
    'bg-nbd',
    '--report',
    report,
  )
  expect(code).toBe(0)
  const page = readFileSync(report, 'utf8')
  for (const title of ['Expected and actual purchases', 'Tenths of customers', 'Who still buys', 'Where the value is'])
    expect(page).toContain(title)
  expect(page).not.toMatch(/(src|href)="https?:/)
  const { answer } = await run(
    '--transactions',
    path,
    '--calibration-end',
    '2025-08-31',
    '--model',
    'bg-bb',
    '--occasion',
    '30',
    '--out',
    out,
  )
  expect(answer.holdout?.actual).toBeGreaterThan(0)
  expect(Math.abs((answer.holdout?.expected as number) / (answer.holdout?.actual as number) - 1)).toBeLessThan(0.5)
  const [header, first] = readFileSync(out, 'utf8').split('\n')
  expect(header).toBe('customer_id,transactions,transactions_low,transactions_high,p_alive')
  expect(first?.split(',')).toHaveLength(5)
})
