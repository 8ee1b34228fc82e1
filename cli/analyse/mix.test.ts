import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import { budget } from './budget.ts'
import { mix } from './mix.ts'

const room = mkdtempSync(join(tmpdir(), 'einklang-mix-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

async function run(...typed: string[]) {
  let out = ''
  let error = ''
  const code = await runProgram([mix, budget], typed, {
    out: (text) => {
      out += text
    },
    error: (text) => {
      error += text
    },
    environment: {},
  })
  return { code, out, error }
}

function file(name: string, text: string): string {
  const path = join(room, name)
  writeFileSync(path, text)
  return path
}

const weeks = (count: number) =>
  Array.from({ length: count }, (_, week) =>
    new Date(Date.UTC(2023, 0, 2) + week * 7 * 86_400_000).toISOString().slice(0, 10),
  )

/** Sales that advertising explains by a third, told with a fixed pattern instead of chance. */
function table(
  count = 80,
  change: (cells: (string | number)[], week: number) => (string | number)[] = (cells) => cells,
) {
  const rows = weeks(count).map((date, week) => {
    const search = week % 5 === 0 ? 0 : 100 + 60 * Math.sin(week * 1.7)
    const radio = week % 7 < 3 ? 200 + 80 * Math.cos(week * 2.3) : 0
    const sales =
      1000 +
      (600 * search) / (search + 90) +
      (300 * radio) / (radio + 200) +
      40 * Math.sin(week * 12.9) +
      30 * Math.cos(week * 7.7)
    return change([date, sales.toFixed(2), search.toFixed(2), radio.toFixed(2), (week % 9) + 1], week).join(',')
  })
  return `week,revenue,search_spend,radio_spend,price\n${rows.join('\n')}\n`
}

const spec = file(
  'spec.json',
  JSON.stringify({
    date: 'week',
    outcome: 'revenue',
    channels: [
      { name: 'Search', spend: 'search_spend', prior: { halfLife: [0.1, 1] } },
      { name: 'Radio', spend: 'radio_spend' },
    ],
    controls: ['price'],
    season: 1,
  }),
)
const set = (place: number, at: number, value: string | number) => (cells: (string | number)[], week: number) =>
  week === at ? cells.with(place, value) : cells

describe('what is wrong with a table is told with row and column', () => {
  const answer = async (text: string, ...more: string[]) => {
    const { code, error } = await run('mix', '--data', file('bad.csv', text), '--spec', spec, ...more)
    expect(code).toBe(2)
    return error
  }
  test.each([
    ['negative spend', table(80, set(2, 3, -5)), 'row 5, search_spend: -5 is negative.'],
    ['a gap in the spend', table(80, set(3, 3, '')), 'row 5, radio_spend: "" is no number.'],
    ['text', table(80, set(1, 9, 'NaN')), 'row 11, revenue: "NaN" is no number.'],
    [
      'mixed dates',
      table(80, set(0, 6, '13.02.2023')),
      'row 8, week: "13.02.2023" is no date like the other rows (2026-03-02).',
    ],
    ['a week twice', table(80, set(0, 6, '2023-02-06')), 'row 8, week: the week 2023-02-06 stands already in row 7.'],
    ['another separator', table().replaceAll(',', '|'), 'has no column week'],
    ['a missing column', table().replace('radio_spend', 'radio'), 'has no column radio_spend.'],
    ['too few weeks', table(40), '40 weeks are too few'],
    ['an outcome that never changes', table(80, (cells) => cells.with(1, 5)), 'is the same every week'],
    [
      'a column made from the outcome',
      table(80, (cells) => cells.with(4, Number(cells[1]) * 2 + 3)),
      'price correlates with revenue by 1.000',
    ],
    ['no row', 'week,revenue\n', 'has a header but no rows'],
  ])('%s', async (_, text, says) => {
    expect(await answer(text)).toContain(says)
  })

  test('a proposed specification leaves no channel out because of a slip in its column', async () => {
    const told = async (text: string) => (await run('mix', '--data', file('slip.csv', text), '--spec', 'auto')).error
    expect(await told(table(80, set(2, 3, -5)))).toContain('row 5, search_spend: -5 is negative.')
    expect(await told(table(80, set(3, 3, '')))).toContain('row 5, radio_spend: "" is no number.')
  })

  test('missing weeks are named, and filled only when asked', async () => {
    const text = table()
      .split('\n')
      .filter((line) => !line.startsWith('2023-03-06'))
      .join('\n')
    expect(await answer(text)).toMatch(/the week 2023-03-06 is missing \(1 missing in all\)[^]*--fill-gaps/)
    const { code, error } = await run(
      'mix',
      '--data',
      file('gap.csv', text),
      '--spec',
      spec,
      '--fill-gaps',
      '--draws',
      '10',
      '--warmup',
      '20',
      '--skip-foresight',
    )
    expect(code).toBe(1)
    expect(error).toContain('1 missing weeks were filled')
  }, 60_000)

  test('days instead of weeks', async () => {
    const daily = table().split('\n')
    const text = daily
      .map((line, row) =>
        row === 0 || line === ''
          ? line
          : line.replace(/^[^,]+/, new Date(Date.UTC(2023, 0, row)).toISOString().slice(0, 10)),
      )
      .join('\n')
    expect(await answer(text)).toContain('Rows are a day apart; a mix model needs one row per week')
  })

  test('several currencies', async () => {
    const text = table()
      .split('\n')
      .map((line, row) => (line === '' ? line : `${line},${row === 0 ? 'currency' : row === 4 ? 'USD' : 'EUR'}`))
      .join('\n')
    expect(await answer(text)).toContain('row 5, currency: USD among amounts in EUR.')
  })

  test('more unknowns than weeks', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `c${index}`)
    const lines = table(60).trim().split('\n')
    const text = lines
      .map((line, row) =>
        [
          line,
          ...many.map((name, index) => (row === 0 ? name : Math.abs(Math.sin(row * (index + 1.3))).toFixed(4))),
        ].join(','),
      )
      .join('\n')
    const wide = file(
      'wide.json',
      JSON.stringify({ date: 'week', outcome: 'revenue', channels: many.map((name) => ({ name, spend: name })) }),
    )
    const { code, error } = await run('mix', '--data', file('wide.csv', text), '--spec', wide)
    expect({ code, error }).toEqual({
      code: 2,
      error: expect.stringMatching(/The model has \d+ unknowns and the table 60 rows[^]*Merge channels/),
    })
  })
})

describe('a specification is read with its errors', () => {
  test.each([
    [{ date: 'week', outcome: 'revenue' }, 'channels: is a list.'],
    [
      { date: 'week', outcome: 'revenue', channels: [{ spend: 'search_spend', prio: {} }] },
      'channels[0].prio: is not known.',
    ],
    [
      { date: 'week', outcome: 'revenue', channels: [{ spend: 's', prior: { halfLife: [4, 1] } }] },
      'channels[0].prior.halfLife: goes from 4 down to 1.',
    ],
    [{ date: 'week', outcome: 'revenue', channels: [{ spend: 's' }], trend: 'bent' }, 'trend: is one of none, linear.'],
    [
      { date: 'week', outcome: 'revenue', online: 'web', channels: [{ spend: 's', prior: { online: [0.4, 2] } }] },
      'channels[0].prior.online: is a share between 0 and 1',
    ],
    [
      { date: 'week', outcome: 'search_spend', online: 'radio_spend', channels: [{ spend: 'price' }] },
      'radio_spend is below zero or above search_spend in some weeks: it is no part of it.',
    ],
    [
      {
        date: 'week',
        outcome: 'revenue',
        channels: [{ spend: 's' }],
        lift: [{ channel: 'x', increment: 1, error: 1 }],
      },
      'lift[0].channel: is one of s.',
    ],
  ])('%j', async (given, says) => {
    const { code, error } = await run(
      'mix',
      '--data',
      file('good.csv', table()),
      '--spec',
      file('wrong.json', JSON.stringify(given)),
    )
    expect({ code, error }).toEqual({ code: 2, error: expect.stringContaining(says) })
  })
})

describe('from a table to a plan', () => {
  const fit = join(room, 'fit.json')
  const report = join(room, 'mix.html')

  test('a fit finds what was planted, writes file and page', async () => {
    const words = [
      'mix',
      '--data',
      file('good.csv', table(104)),
      '--spec',
      spec,
      '--chains',
      '3',
      '--draws',
      '1500',
      '--warmup',
      '500',
      '--skip-foresight',
      '--json',
    ]
    const { code, out } = await run(...words, '--out', fit, '--report', report)
    const document = JSON.parse(out)
    expect({ code, headline: document.headline }).toEqual({ code: 0, headline: expect.anything() })
    const search = document.answers.channels[0]
    // Planted: 600 · search / (search + 90).
    const planted = weeks(104).reduce((sum, _, week) => {
      const spend = week % 5 === 0 ? 0 : 100 + 60 * Math.sin(week * 1.7)
      return sum + (600 * spend) / (spend + 90)
    }, 0)
    expect(search.contribution.low).toBeLessThan(planted)
    expect(search.contribution.high).toBeGreaterThan(planted)
    expect(readFileSync(report, 'utf8')).toContain('Response curves')
  }, 120_000)

  test('the same seed gives the same fit for any number of threads', async () => {
    const words = ['--chains', '2', '--draws', '40', '--warmup', '60', '--skip-foresight', '--json']
    const at = async (threads: string) => {
      const { out } = await run(
        'mix',
        '--data',
        file('good.csv', table(80)),
        '--spec',
        spec,
        '--threads',
        threads,
        ...words,
      )
      return JSON.parse(out)
    }
    const [alone, together] = [await at('1'), await at('2')]
    expect(together.parameters).toEqual(alone.parameters)
    expect(together.parameters.length).toBeGreaterThan(5)
  }, 60_000)

  test('the allocator works on the fit', async () => {
    const { code, out } = await run(
      'budget',
      '--fit',
      fit,
      '--total',
      '20000',
      '--weeks',
      '104',
      '--margin',
      '1',
      '--anyway',
      '--json',
    )
    const plan = JSON.parse(out)
    expect(code).toBe(0)
    expect(plan.spend).toBeLessThanOrEqual(20_000 * (1 + 1e-9))
    expect(plan.today.gain.mean).toBeGreaterThanOrEqual(0)
  })

  test('minima above the total name the rows that bind', async () => {
    const bounds = file('bounds.csv', 'channel,min\nSearch,15000\nRadio,9000\n')
    const { code, error } = await run('budget', '--fit', fit, '--total', '20000', '--bounds', bounds, '--anyway')
    expect(code).toBe(2)
    expect(error).toContain(
      'The minima add up to 24,000, 4,000 more than the total of 20,000. Binding: Search 15,000, Radio 9,000.',
    )
  })

  test.each([
    [['--bounds', file('b1.csv', 'channel,min\nSerch,1\n')], 'the fit has no channel "Serch".'],
    [['--objective', 'profit'], 'Profit needs to know what is left'],
    [['--what-if', 'TV=3'], 'The fit has no channel "TV".'],
  ])('%j', async (words, says) => {
    const { code, error } = await run('budget', '--fit', fit, '--total', '20000', '--anyway', ...words)
    expect({ code, error }).toEqual({ code: 2, error: expect.stringContaining(says) })
  })

  test('what-if tells both plans', async () => {
    const { out } = await run('budget', '--fit', fit, '--total', '20000', '--what-if', 'Radio=0', '--anyway', '--json')
    const { today, plan } = JSON.parse(out)
    expect(plan.outcome.mean).toBeLessThan(today.outcome.mean)
  })
})

test('a channel that never changes and two that always move together are named, with their joint effect', async () => {
  const text = table(80, (cells) => [...cells.with(3, 50), Number(cells[2]) * 3]).replace(
    'price\n',
    'price,twin_spend\n',
  )
  const three = file(
    'twins.json',
    JSON.stringify({
      date: 'week',
      outcome: 'revenue',
      channels: ['search_spend', 'radio_spend', 'twin_spend'].map((name) => ({ name, spend: name })),
      season: 1,
    }),
  )
  const { out } = await run(
    'mix',
    '--data',
    file('twins.csv', text),
    '--spec',
    three,
    '--chains',
    '2',
    '--draws',
    '50',
    '--warmup',
    '100',
    '--skip-foresight',
    '--json',
  )
  const { unidentified } = JSON.parse(out)
  expect(unidentified[0]).toMatchObject({
    channels: ['radio_spend'],
    because: expect.stringContaining('same every week'),
  })
  expect(unidentified[1]).toMatchObject({
    channels: ['search_spend', 'twin_spend'],
    joint: { mean: expect.any(Number) },
  })
}, 60_000)

test('"auto" proposes from the columns and says what it left out', async () => {
  const { error, out } = await run(
    'mix',
    '--data',
    file('auto.csv', table()),
    '--spec',
    'auto',
    '--chains',
    '1',
    '--draws',
    '10',
    '--warmup',
    '20',
    '--skip-foresight',
  )
  expect(out).toContain('"spend": "search_spend"')
  expect(out).toContain('"controls": [\n    "price"')
  expect(error).toContain('No figures are shown')
}, 60_000)

const example = join(import.meta.dirname, '../../../shared/data/mix-example/weekly.csv')
test.skipIf(!existsSync(example))('American dates of the shared example are read', async () => {
  const example1 = file(
    'example.json',
    JSON.stringify({
      date: 'date_week',
      outcome: 'y',
      channels: [
        { name: 'x1', spend: 'x1' },
        { name: 'x2', spend: 'x2' },
      ],
      controls: ['event_1', 'event_2'],
      saturation: 'logistic',
    }),
  )
  const { code, error } = await run(
    'mix',
    '--data',
    example,
    '--spec',
    example1,
    '--chains',
    '1',
    '--draws',
    '10',
    '--warmup',
    '20',
    '--skip-foresight',
  )
  expect(code).toBe(1)
  expect(error).not.toContain('no date')
})

test('beliefs are shown before any fit', async () => {
  const report = join(room, 'beliefs.html')
  const { code, out } = await run(
    'mix',
    '--data',
    file('good.csv', table()),
    '--spec',
    spec,
    '--beliefs',
    '--report',
    report,
    '--json',
  )
  const told = JSON.parse(out)
  expect(code).toBe(0)
  expect(told.advertising.low).toBeLessThan(0.2)
  expect(told.advertising.high).toBeGreaterThan(0.3)
  expect(told.weeksInside).toBeGreaterThan(70)
  expect(readFileSync(report, 'utf8')).toContain('What the beliefs alone expect')
})

test('reach and frequency of a media plan', async () => {
  const plan = file(
    'plan.csv',
    'vehicle,reach_1,reach_2,insertions,population,cost\nStation A,0.30,0.42,10,500000,12000\nStation B,0.12,0.20,6,500000,4000\n',
  )
  const { out } = await run('budget', '--reach', plan, '--json')
  const { together, vehicles } = JSON.parse(out)
  expect(together.reach).toBeCloseTo(0.790871, 6)
  expect(vehicles[0].perPoint).toBeCloseTo(40, 9)
  const bad = await run(
    'budget',
    '--reach',
    file('bad.csv', 'vehicle,reach_1,insertions,population,cost\nA,30,4,5,6\n'),
  )
  expect(bad).toMatchObject({ code: 2, error: expect.stringContaining('row 2, reach_1: 30 is no share') })
})
