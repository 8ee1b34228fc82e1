import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import { analyses } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-match-test-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

type Answer = {
  records: number
  ignored: { column: string; why: string }[]
  columns: { column: string; role: string }[]
  rules: { rule: string; pairs: number }[]
  clusters: { count: number; refused: { [reason: string]: number } }
  truth?: { clustered: { precision: number; recall: number; f1: number } }
  compare: { [column: string]: string }
  dependent: { one: string; other: string; dependence: number }[]
  warnings: string[]
  error?: { message: string; doInstead?: string }
}

async function run(...words: string[]): Promise<{ code: number; answer: Answer; told: string }> {
  let out = ''
  let told = ''
  const terminal = { out: (text: string) => (out += text), error: (text: string) => (told += text), environment: {} }
  const code = await runProgram(analyses, ['match', ...words, '--json'], terminal)
  return { code, answer: JSON.parse(out) as Answer, told }
}

const firsts =
  'anna maria peter klaus sabine ursula thomas andrea martin heike stefan birgit juergen monika frank petra'.split(' ')

const letters = 'bdfghklmnprst'

/** People with one clean and one erroneous record each, and a sister at the same address now and then. */
function people(count: number): string {
  const rows = ['kunden_id,person,vorname,nachname,geburtsdatum,email,telefon,plz,ort']
  for (let at = 0; at < count; at++) {
    const first = firsts[at % 16] as string
    const last = `${letters[at % 13]}a${letters[(at * 7) % 13]}e${letters[(at * 3) % 11]}i${letters[(at * 5) % 9]}er`
    const born = `${1940 + ((at * 7) % 60)}-${String(1 + (at % 12)).padStart(2, '0')}-${String(1 + ((at * 11) % 28)).padStart(2, '0')}`
    const place = `${10_000 + ((at * 37) % 900)},ort${at % 40}`
    rows.push(
      `a${at},p${at},${first},${last},${born},${first}.${last}@example.com,+4915${1_000_000 + at * 131},${place}`,
    )
    rows.push(
      `b${at},p${at},${first},${last.slice(0, -1)}x,${born},${at % 3 === 0 ? '' : `${first}.${last}@example.com`},,${place}`,
    )
    if (at % 5 === 0)
      rows.push(`c${at},s${at},${firsts[(at + 6) % 16]},${last},,,+4915${1_000_000 + at * 131},${place}`)
  }
  return `${rows.join('\n')}\n`
}

test('people are found again in a file of any columns, families stay apart, every record is in one cluster', async () => {
  const path = file('kunden.csv', people(120))
  const [out, clusters, model] = ['pairs.csv', 'clusters.csv', 'model.json'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const { code, answer } = await run(
    path,
    '--truth',
    'person',
    '--out',
    out,
    '--clusters',
    clusters,
    '--save-model',
    model,
  )
  expect(code).toBe(0)
  expect(answer.columns.map(({ column, role }) => `${column}=${role}`)).toEqual([
    'kunden_id=id',
    'vorname=first_name',
    'nachname=surname',
    'geburtsdatum=birth_date',
    'email=mail',
    'telefon=phone',
    'plz=postal_code',
    'ort=city',
  ])
  expect(answer.truth?.clustered.precision).toBeGreaterThan(0.99)
  expect(answer.truth?.clustered.recall).toBeGreaterThan(0.95)
  const lines = readFileSync(clusters, 'utf8').trim().split('\n')
  expect(lines[0]).toBe('cluster_id,input,id,size,cluster_95,cluster_99,household_id,flags')
  expect(lines).toHaveLength(1 + 264)
  expect(new Set(lines.map((line) => line.split(',')[2])).size).toBe(265)
  expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(
    'left_input,left_id,right_input,right_id,weight,probability,decision,same_cluster,flags',
  )

  // The same rows in another order, on one thread, with the saved model: the same people under the same ids.
  const [head, ...rows] = people(120).trim().split('\n')
  const turned = file('kunden.csv', `${[head, ...rows.toReversed()].join('\n')}\n`)
  const again = join(directory, 'again.csv')
  const second = await run(turned, '--clusters', again, '--model', model, '--threads', '1', '--previous', clusters)
  expect(second.code).toBe(0)
  expect(readFileSync(again, 'utf8')).toBe(readFileSync(clusters, 'utf8'))
}, 60_000)

test('columns that say the same are warned of where they are compared apart, and not as one address', async () => {
  const rows = people(240).trim().split('\n')
  // Sixty postcodes in a dozen towns: the town follows from the postcode.
  const lines = rows.slice(1).map((line) => {
    const cells = line.split(',')
    const code = Math.floor(Number((cells[0] as string).slice(1)) / 4)
    return [...cells.slice(0, 7), 10_000 + code, `ort${Math.floor(code / 5)}`].join(',')
  })
  const path = file('towns.csv', `${[rows[0], ...lines].join('\n')}\n`)
  const apart = { vorname: 'name', nachname: 'name', geburtsdatum: 'date', plz: 'exact', ort: 'exact' }
  const block = [['nachname'], ['geburtsdatum', 'plz']]
  const config = file('towns.json', JSON.stringify({ id: 'kunden_id', compare: apart, block }))
  const { answer, told } = await run(path, '--config', config)
  expect(answer.dependent.map(({ one, other }) => `${one} ${other}`)).toEqual(['plz ort'])
  expect(answer.dependent[0]?.dependence).toBeGreaterThan(0.95)
  expect(answer.warnings.join()).toContain('plz and ort say nearly the same')
  expect(told).toContain('plz and ort say nearly the same')
  expect((await run(path)).answer.dependent).toEqual([])
}, 60_000)

test('a column that holds the answer is never compared', async () => {
  const path = file('answer.csv', people(20).replace('person', 'cluster'))
  const { answer, told } = await run(path, '--print-config')
  expect(Object.keys(answer.compare)).not.toContain('cluster')
  expect(told).toBe('')
})

test('a dry run counts pairs by rule, says what is odd, and compares nothing', async () => {
  const lines = people(30).trim().split('\n')
  const path = file('dry.csv', `${lines.map((line, at) => `${line},${at === 0 ? 'fax' : ''}`).join('\n')}\n`)
  const { code, answer, told } = await run(path, '--dry-run')
  expect(code).toBe(0)
  expect(told).toContain('column fax is empty')
  expect(answer.rules[0]?.pairs).toBeGreaterThan(0)
  expect(answer.clusters.count).toBe(66)
})

test('windows-1252 beside UTF-8, an empty column and semicolons are read as meant', async () => {
  const text =
    'vorname;nachname;geburtsdatum;fax\nJürgen;Müller;1.2.1970;\nJürgen;Müller;01.02.1970;\nEva;Weiß;3.4.1980;\n'
  const bytes = Buffer.concat([Buffer.from(text.slice(0, 60), 'latin1'), Buffer.from(text.slice(60), 'utf8')])
  const { code, answer } = await run(file('mixed.csv', bytes))
  expect(code).toBe(0)
  expect(answer.records).toBe(3)
  expect(answer.warnings.join()).toContain('column fax is empty')
})

test('one percent of broken rows is left out and named; more is refused with the line', async () => {
  const good = people(120).trim().split('\n')
  const few = [...good.slice(0, 50), 'broken,row', ...good.slice(50)].join('\n')
  const clusters = join(directory, 'few.csv')
  const fine = await run(file('few.csv.in', few), '--clusters', clusters)
  expect(fine.code).toBe(0)
  expect(readFileSync(clusters, 'utf8')).toContain('unreadable_row')
  const many = [...good.slice(0, 3), ...Array.from({ length: 40 }, () => 'x,y'), ...good.slice(3)].join('\n')
  const refused = await run(file('many.csv', many))
  expect(refused.code).toBe(1)
  expect(refused.told).toContain('many, line 4')
}, 60_000)

test('one percent of garbage in the cells changes no answer and stops nothing', async () => {
  const good = people(120)
  const garbage = [
    '\u0000\u0001',
    '"a\tb\nc@d"',
    '\\N',
    '🙂'.repeat(50),
    'x'.repeat(20_000),
    '\\t\\n@\\',
    '"; drop table"',
  ]
  const rows = good.trim().split('\n')
  garbage.forEach((cell, at) => {
    rows.push(`g${at},g${at},${cell},${cell},${cell},${cell},${cell},${cell},${cell}`)
  })
  const { code, answer } = await run(file('garbage.csv', `${rows.join('\n')}\n`), '--truth', 'person')
  expect(code).toBe(0)
  expect(answer.records).toBe(264 + garbage.length)
  expect(answer.truth?.clustered.precision).toBeGreaterThan(0.99)
  expect(answer.truth?.clustered.recall).toBeGreaterThan(0.95)
}, 60_000)

test.each([
  ['no header', '1,Anna,Weber,1980-01-02\n2,Eva,Koch,1981-02-03\n', 1, 'the first row looks like data'],
  ['empty', '', 1, 'is empty'],
  ['too little', 'colour,size\nred,4\nblue,5\n', 2, 'Too little was recognised'],
  ['repeated ids', 'id,vorname,nachname,email\n1,Anna,Weber,a@example.com\n1,Eva,Koch,e@example.com\n', 0, ''],
])('bad input: %s', async (name, text, code, sentence) => {
  const result = await run(file(`${name.replace(' ', '-')}.csv`, text))
  expect(result.code).toBe(code)
  expect(result.told).toContain(sentence)
})

test('one record is one person', async () => {
  const { code, answer } = await run(file('one.csv', 'vorname,nachname,email\nAnna,Weber,a@example.com\n'))
  expect([code, answer.clusters.count]).toEqual([0, 1])
})

test('records that are all alike crash nothing', async () => {
  const same = `vorname,nachname,email\n${'Anna,Weber,a@example.com\n'.repeat(30)}`
  const { code, answer } = await run(file('alike.csv', same))
  expect(code).toBe(0)
  expect(answer.clusters.count).toBeGreaterThan(0)
  expect(JSON.stringify(answer)).not.toContain('null,null')
})

const good = () => file('config-of.csv', people(40))
test.each([
  [
    'unknown column',
    { compare: { vornam: 'first_name', nachname: 'surname' } },
    ['no input has a column "vornam"', '"vorname"'],
  ],
  ['unknown key', { compar: {} }, ['no key "compar"', 'Allowed are link']],
  ['unknown kind', { compare: { vorname: 'nmae' } }, ['no kind "nmae"', 'Kinds are']],
  ['threshold', { thresholds: { auto: 7 } }, ['between 0 and 1']],
  [
    'families',
    { compare: { vorname: 'name', nachname: 'name' }, block: [['nachname']], em: [['nachname', 'plz']] },
    ['Its pairs are families'],
  ],
])('a configuration that cannot be: %s', async (_name, config, sentences) => {
  const path = file('bad.json', JSON.stringify(config))
  const { code, told } = await run(good(), '--config', path)
  expect(code).toBe(2)
  for (const sentence of sentences) expect(told).toContain(sentence)
})

test('a rule that explodes is refused before comparing, with the count and its largest values', async () => {
  const config = file(
    'explode.json',
    JSON.stringify({
      id: 'kunden_id',
      compare: { vorname: 'name', nachname: 'name' },
      block: [['vorname']],
      maxPairs: 50,
    }),
  )
  const { code, told } = await run(good(), '--config', config)
  expect(code).toBe(1)
  expect(told).toMatch(/The blocking rule vorname makes [\d,]+ pairs/)
  expect(told).toMatch(/"anna" \(\d+ records\)/)
})

test('wrong usage is said with exit code 2 and leaves nothing behind', async () => {
  expect((await run(good(), '--threshold', '2')).code).toBe(2)
  expect((await run(good(), '--config', file('torn.json', '{'))).code).toBe(2)
  expect((await run(join(directory, 'missing.csv'))).code).toBe(1)
  expect(existsSync(join(directory, 'out.csv.part'))).toBe(false)
})

test('what was left out or taken otherwise is said: rows without their cells, ids that repeat, two encodings, duplicates inside linked files', async () => {
  const [head, ...rows] = people(60).trim().split('\n') as [string, ...string[]]
  const half = Buffer.concat(
    [head, ...rows.map((row) => row.replace('maria', 'mariä'))].map((row, at) =>
      Buffer.from(`${row}\n`, at % 2 === 0 ? 'utf8' : 'latin1'),
    ),
  )
  const mixed = await run(file('mixed.csv', half), '--clusters', join(directory, 'mixed-out.csv'))
  expect(mixed.answer.warnings.join()).toMatch(/mixed.csv: \d+ lines are no UTF-8 as the others/)
  const broken = file('broken.csv', `${[head, ...rows, 'only,three,cells'].join('\n')}\n`)
  const short = await run(broken, '--clusters', join(directory, 'broken-out.csv'))
  expect(short.answer.warnings.join()).toMatch(/1 of \d+ rows have another number of cells.*unreadable_row.*line \d+/)
  const dates = rows.map((row, at) => (at < 3 ? row.replace(/\d{4}-\d\d-\d\d/, '1981-02-31') : row))
  const undated = await run(
    file('dates.csv', `${[head, ...dates].join('\n')}\n`),
    '--clusters',
    join(directory, 'd.csv'),
  )
  expect(undated.answer.warnings.join()).toMatch(/dates: \d+ of \d+ values of geburtsdatum .* are in no calendar/)
  const repeated = file('repeated.csv', `${[head, ...rows, rows[0]].join('\n')}\n`)
  const numbered = await run(repeated, '--clusters', join(directory, 'repeated-out.csv'))
  expect(numbered.answer.warnings.join()).toMatch(
    /kunden_id is not unique and complete; rows are called by their number/,
  )
  const linked = await run(
    repeated,
    file('other.csv', `${[head, ...rows, ...rows.slice(0, 9).map((row) => `x${row}`)].join('\n')}\n`),
    '--out',
    join(directory, 'l.csv'),
  )
  expect(linked.answer.warnings.join()).toMatch(/other: \d+ of \d+ records have a sure duplicate in the same file/)
}, 60_000)

test('a header that is none, no rows, and values of the wrong shape are refused by name', async () => {
  const rows = people(5).trim().split('\n')
  const headless = await run(file('headless.csv', rows.slice(1).join('\n')), '--dry-run')
  expect(headless).toMatchObject({
    code: 1,
    answer: { error: { message: expect.stringMatching(/headless.csv, line 1: the first row looks like data/) } },
  })
  const rowless = await run(file('rowless.csv', `${rows[0]}\n`), '--dry-run')
  expect(rowless).toMatchObject({
    code: 1,
    answer: { error: { message: expect.stringMatching(/rowless.csv has a header and no row/) } },
  })
  const good = file('good.csv', rows.join('\n'))
  for (const [wrong, named] of [
    ['{"block": ["nachname"]}', '"block" must be a list of rules'],
    ['{"compare": ["nachname"]}', '"compare" must be an object'],
    ['{"id": 7}', '"id" must be the name of a column'],
    ['{"maxPairs": "many"}', '"maxPairs" must be a number'],
  ] as const) {
    const refused = await run(good, '--config', file('wrong.json', wrong), '--dry-run')
    expect(refused).toMatchObject({ code: 2, answer: { error: { message: expect.stringContaining(named) } } })
  }
  const other = await run(good, '--model', file('other.json', '{"compare": {}}'), '--out', join(directory, 'm.csv'))
  expect(other).toMatchObject({
    code: 2,
    answer: { error: { message: expect.stringMatching(/other.json is no saved model/) } },
  })
  const nowhere = await run(good, '--out', join(directory, 'nowhere', 'm.csv'))
  expect(nowhere).toMatchObject({
    code: 1,
    answer: { error: { message: expect.stringMatching(/there is no directory/) } },
  })
})
