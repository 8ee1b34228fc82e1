import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistory, writtenSql } from '@einklang/platform'
import { drawsFrom, levelOf } from '@einklang/stats'
import { afterAll, expect, test } from 'vitest'
import { planMatch } from './config.ts'
import { firstNamesConflict, guardOf } from './guard.ts'
import { comparePairs, loadRecords, patternsOf, planRules, prepare, type Workshop } from './pipeline.ts'
import { readRecords } from './read.ts'
import { type Input, readerOf } from './records.ts'
import { addressOf } from './standard/address.ts'
import { mailOf, phoneOf } from './standard/contacts.ts'
import { birthOf, dateOrderOf } from './standard/dates.ts'
import { nameOf, wholeName } from './standard/names.ts'
import { nicknameGroups } from './standard/nicknames.ts'
import { fold } from './standard/text.ts'
import { readTable } from './table.ts'

const directory = mkdtempSync(join(tmpdir(), 'einklang-matching-'))
const history = createHistory({ kind: 'embedded', directory })
afterAll(async () => {
  await history.close()
  rmSync(directory, { recursive: true, force: true })
})
const shop: Workshop = {
  history,
  prefix: 'matching.',
  prepare: () => history.run(writtenSql('create database if not exists matching')),
  async load(table, columns, rows) {
    const list = [...rows].map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])))
    await history.insert(table, list, table)
  },
}

/** Records with all that goes wrong: slips, swaps, initials, moved and missing values. */
function messy(count: number): Input {
  const draws = drawsFrom('messy', 1)
  const pick = (words: string) => words.split(' ')[draws.below(words.split(' ').length)] as string
  const slip = (text: string) => {
    const at = draws.below(Math.max(1, text.length - 1))
    const kind = draws.below(8)
    if (kind === 0) return text.slice(0, at) + text.slice(at + 1)
    if (kind === 1) return text.slice(0, at) + pick('a e x z') + text.slice(at)
    if (kind === 2 && text.length > 1) return text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2)
    if (kind === 3) return ''
    return text
  }
  const header = [
    'id',
    'first_name',
    'surname',
    'dob',
    'email',
    'phone',
    'street',
    'postcode',
    'city',
    'ssn',
    'occupation',
  ]
  const rows = Array.from({ length: count }, (_, at) => {
    const first = slip(pick('Robert Rob Bob Anna Anne Maria Jürgen Hans Johannes R. Mark Marsha'))
    const last = slip(pick('Müller Mueller Schmidt-Weber Weber García Smith Antoun'))
    const [one, other] = draws.below(12) === 0 ? [last, first] : [first, last]
    return [
      String(at),
      one,
      other,
      slip(`19${50 + draws.below(3)}-0${1 + draws.below(3)}-1${draws.below(3)}`),
      slip(`${first}.${last}@${pick('x.de y.de')}`.toLowerCase().replaceAll(/[^a-z.@]/g, '')),
      slip(`+4917${1_000_000 + draws.below(4)}`),
      slip(`${pick('Hauptstraße Haupt Main')} ${pick('St Str. Road')} ${1 + draws.below(3)}`),
      slip(pick('10115 10117 20095')),
      pick('Berlin Hamburg berlin'),
      slip(`${100_000_000 + draws.below(4)}`),
      pick('painter baker cricketer'),
    ].map((cell) => cell.trim())
  })
  return { name: 'messy', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
}

test('ClickHouse and the TypeScript reference give the same levels for every pair', async () => {
  const input = messy(320)
  const plan = planMatch([input], {})
  const { records } = readRecords([input], plan)
  const prepared = prepare(records, plan.comparisons, false)
  await loadRecords(shop, prepared)
  const rules = await planRules(shop, prepared, plan.rules, { maxPairs: 1e6, target: 1e6 })
  expect(rules.map(({ name, pairs }) => [name, pairs])).toEqual([['all pairs', (320 * 319) / 2]])
  await comparePairs(shop, prepared, rules)
  const feature = readerOf(records)
  const levels = plan.comparisons.map((comparison) => levelOf(comparison, feature))
  const rows = await history.rows<{ l: number; r: number; levels: number[] }>(
    writtenSql(`select l, r, [${levels.map((_, at) => `c${at}`).join(', ')}] as levels from matching.scored`),
  )
  expect(rows).toHaveLength((320 * 319) / 2)
  const seen = plan.comparisons.map(() => new Set<number>())
  const different: string[] = []
  for (const { l, r, levels: found } of rows) {
    found.forEach((level, at) => {
      seen[at]?.add(level)
      if (level !== levels[at]?.(l, r))
        different.push(`${plan.comparisons[at]?.name} of ${l} and ${r}: ${level} and ${levels[at]?.(l, r)}`)
    })
  }
  expect(different).toEqual([])
  // The records are messy enough to stand on most rungs.
  expect(seen.reduce((sum, levels) => sum + levels.size, 0)).toBeGreaterThan(40)
}, 60_000)

test.each([
  ['dedupe', 'all'],
  ['link', 'all'],
  ['dedupe', 'new'],
] as const)('rules find exactly the pairs that share a key, each once: %s, %s', async (link, wanted) => {
  const inputs = link === 'link' ? [messy(150), { ...messy(170), name: 'other' }] : [messy(320)]
  const plan = planMatch(inputs, {
    link,
    id: 'id',
    compare: { first_name: 'first_name', surname: 'surname', postcode: 'postal_code' },
    block: [['first_name'], ['surname', 'substr(postcode,1,3)'], ['postcode']],
  })
  const { records } = readRecords(inputs, plan)
  const compared = (id: string) => Number(id) % 7 !== 0
  const prepared = prepare(records, plan.comparisons, link === 'link', wanted === 'new' ? compared : undefined)
  await loadRecords(shop, prepared)
  const rules = await planRules(shop, prepared, plan.rules, { maxPairs: 1e6, target: 1e6 })
  await comparePairs(shop, prepared, rules)
  const feature = readerOf(records)
  const keys = [
    (record: number) => feature('given')(record),
    (record: number) => {
      const [family, postcode] = [feature('family')(record), feature('postcode')(record)]
      return family === '' || postcode === '' ? '' : `${family} ${postcode.slice(0, 3)}`
    },
    (record: number) => feature('postcode')(record),
  ]
  const expected: string[] = []
  for (let one = 0; one < records.count; one++) {
    for (let other = one + 1; other < records.count; other++) {
      if (link === 'link' && records.input[one] === records.input[other]) continue
      if (wanted === 'new' && [one, other].every((record) => compared(records.ids[record] as string))) continue
      const mask = keys.reduce((sum, key, at) => sum + (key(one) !== '' && key(one) === key(other) ? 2 ** at : 0), 0)
      if (mask > 0) expected.push(`${one} ${other} ${mask}`)
    }
  }
  const rows = await history.rows<{ l: number; r: number; mask: number }>(
    writtenSql('select l, r, mask from matching.scored order by l, r'),
  )
  expect(rows.map(({ l, r, mask }) => `${l} ${r} ${mask}`)).toEqual(expected)
})

test('what a rule of whole names leaves out reaches training as a sample, each pair for as many as it stands for', async () => {
  const draws = drawsFrom('namesakes', 1)
  const header = ['id', 'first_name', 'surname', 'email', 'phone']
  const rows = Array.from({ length: 2000 }, (_, at) => [
    String(at),
    ['Anna', 'Bert', 'Carla'][draws.below(3)] as string,
    `Weber${String.fromCharCode(97 + (at % 26))}`,
    `anna${draws.below(2000)}@x.de`,
    `+4917${1_000_000 + draws.below(1500)}`,
  ])
  const input: Input = { name: 'namesakes', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
  const plan = planMatch([input], {})
  const { records } = readRecords([input], plan)
  const prepared = prepare(records, plan.comparisons, false)
  await loadRecords(shop, prepared)
  const rules = await planRules(shop, prepared, plan.rules, { maxPairs: 1e7, target: 5_000 })
  const whole = rules.find(({ sample }) => sample !== undefined)
  expect(whole?.name).toBe('given + family, sample')
  await comparePairs(shop, prepared, rules)
  const { counts, counted, levels, teaches, fields } = await patternsOf(shop, prepared, rules)
  const at = prepared.comparisons.findIndex(({ name }) => name === 'e-mail of namesakes')
  let namesakes = 0
  for (let pattern = 0; pattern < counts.length; pattern++)
    if (levels[pattern * fields + at] !== 0 && ((teaches[pattern] as number) >> at) % 2 === 1)
      namesakes += counts[pattern] as number
  const feature = readerOf(records)
  const level = levelOf(prepared.comparisons[at] as (typeof prepared.comparisons)[number], feature)
  let same = 0
  for (let one = 0; one < records.count; one++)
    for (let other = one + 1; other < records.count; other++)
      if (
        feature('given')(one) === feature('given')(other) &&
        level(one, other) !== 0 &&
        feature('family')(one) === feature('family')(other)
      )
        same++
  // All namesakes are counted, by a tenth of them or fewer.
  expect(namesakes / same).toBeGreaterThan(0.8)
  expect(namesakes / same).toBeLessThan(1.3)
  expect((counted ?? counts).reduce((sum, value) => sum + value, 0)).toBeLessThanOrEqual(
    counts.reduce((sum, value) => sum + value, 0),
  )
})

test('names, dates, contacts and addresses are standardised', () => {
  expect(fold('Müller-Lüdenscheidt ß É')).toBe('mueller luedenscheidt ss e')
  expect(fold('Васіль')).toBe('vasil')
  expect(fold('王伟')).toBe('wang wei')
  expect(wholeName('Dr. Anna van der Berg')).toEqual({ given: 'anna', middle: '', family: 'van der berg', suffix: '' })
  expect(wholeName('Smith, John Jr.')).toMatchObject({ given: 'john', family: 'smith', suffix: 'ii' })
  expect(nameOf('Robert', 'Smith Sr')).toMatchObject({ given: 'robert', family: 'smith', suffix: 'i' })
  expect(dateOrderOf(['12/11/1978', '20/8/1991'])).toBe('day')
  for (const text of ['1978-11-12', '19781112', '12.11.1978', '12/11/78', '12-Nov-78', 'Nov 12 1978']) {
    expect(birthOf(text, 'day', false).date, text).toBe('19781112')
  }
  expect(birthOf('1900-01-01', 'day', false).date).toBe('')
  expect(birthOf('1857-01-01', 'day', true)).toMatchObject({ date: '', year: '1857' })
  expect(mailOf('Maria <M.Sentosa+shop@Fmail.com>')).toMatchObject({ whole: 'msentosa@fmail.com' })
  expect(phoneOf('(807) 422-9031').last).toBe(phoneOf('807.422.9031').last)
  expect(phoneOf('000000')).toEqual({ digits: '', last: '' })
  expect(addressOf({ whole: '123 Main Street, Las Vegas NV 89132' })).toMatchObject({
    street: 'main st',
    number: '123',
    city: 'las vegas',
    postcode: '89132',
  })
  for (const [whole, street, number, postcode] of [
    ['Chrysler Building, 405 Lexington Avenue, New York NY 10174', 'lexington ave', '405', '10174'],
    ['133 New Bridge Road, Chinatown Point, Singapore 059413', 'new bridge rd', '133', '059413'],
    ['Hauptstr. 5, 10115 Berlin', 'haupt st', '5', '10115'],
    ['Feldstrasse 10, FL-2198 Triesen', 'feld st', '10', '2198'],
  ] as const) {
    expect(addressOf({ whole }), whole).toMatchObject({ street, number, postcode })
  }
  expect(addressOf({ street: 'Hardenbergstraße 87' })).toMatchObject({ street: 'hardenberg st', number: '87' })
})

test('forms of one first name agree, known names of two people do not', () => {
  const conflict = (one: string, other: string) =>
    firstNamesConflict(one, other, [nicknameGroups(one), nicknameGroups(other)], false)
  for (const [one, other] of [
    ['hans', 'johannes'],
    ['sepp', 'josef'],
    ['uschi', 'ursula'],
    ['robbie', 'robert'],
    ['b', 'bob'],
  ] as const) {
    expect(conflict(one, other), `${one} ${other}`).toBeNull()
  }
  expect(conflict('mark', 'marsha')).toBe('apart')
  // B is Bob, and Bob is Robert.
  expect(conflict('b', 'robert')).toBeNull()
  expect(conflict('x', 'robert')).toBe('unlike')
  // Beginnings alone make no one name.
  expect(conflict('darla', 'darletta')).toBe('apart')
  expect(conflict('peter', 'klaus')).not.toBeNull()
})

test('a family stays apart, twins stay two, a role mailbox belongs to nobody', () => {
  const header = ['id', 'first_name', 'surname', 'dob', 'email', 'phone', 'postcode']
  const rows = [
    ['0', 'Mark', 'Kusha', '1997-09-28', 'kusha@x.de', '0171 5551234', '43004'],
    ['1', 'Marsha', 'Kusha', '1997-09-28', 'kusha@x.de', '0171 5551234', '43004'],
    ['2', 'Edward', 'Kusha', '1970-03-01', 'info@kusha.de', '0171 5551234', '43004'],
    ['3', 'Eddie', 'Kusha', '1970-03-01', 'info@kusha.de', '', '43004'],
    ['4', 'Edward', 'Kusha Sr', '', '', '', '43004'],
    ['5', 'Edward', 'Kusha Jr', '', '', '', '43004'],
  ]
  const input: Input = { name: 'family', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
  const { records } = readRecords([input], planMatch([input], {}))
  const guard = guardOf(records)
  expect(guard.between(0, 1)).toBe('twins')
  expect(guard.between(0, 2)).toBe('first_name_conflict')
  expect(guard.between(2, 3)).toBeNull()
  expect(guard.between(4, 5)).toBe('suffix_conflict')
  expect(guard.household(0, 2)).toBe(true)
  expect(guard.sharedContact(2, 3)).toBe(true)
  expect(records.features.get('mail')?.at(2)).toBe('')
})

test('two names that both differ are for a person to look at, unless a mailbox, birth date or number is equal', () => {
  const header = ['id', 'first_name', 'surname', 'dob', 'email']
  const rows = [
    ['0', 'Ada', 'Wagner', '', 'ada@example.com'],
    ['1', 'Ida', 'Neumann', '', 'ida@example.com'],
    ['2', 'Ada', 'Neumann', '', 'ida@example.org'],
    ['3', 'Uschi', 'Meier', '', 'ada@example.com'],
    ['4', 'Ursula', 'Schulz', '', ''],
    ['5', 'Wagner', 'Ada', '', ''],
  ]
  const input: Input = { name: 'names', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
  const guard = guardOf(readRecords([input], planMatch([input], {})).records)
  const differ = [
    [0, 1],
    [0, 2],
    [0, 3],
    [3, 4],
    [0, 5],
    [1, 4],
  ].map(([one, other]) => guard.namesDiffer(one as number, other as number))
  expect(differ).toEqual([true, false, false, false, false, true])
})

test('a conflict gives way only where the model holds it for an error of writing', () => {
  const header = ['id', 'first_name', 'surname', 'dob', 'street', 'postcode']
  const rows = [
    ['0', 'Aurora', 'Gigney', '1976-04-09', 'Linden 64', '4059'],
    ['1', 'Stella', 'Gigney', '1976-04-09', 'Linden 64', '4059'],
    ['2', 'Stella', 'Gigney Jr', '1976-04-09', 'Linden 64', '4059'],
    ['3', 'Stella', 'Gigney Sr', '1976-04-09', 'Linden 64', '4059'],
  ]
  const input: Input = { name: 'twins', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
  const { records } = readRecords([input], planMatch([input], {}))
  const weighed = (weight: number) =>
    guardOf(records, { firstName: () => -3, birthDate: () => -3, weight: () => weight })
  expect(weighed(4).between(0, 1)).toBe('twins')
  expect(weighed(12).between(0, 1)).toBeNull()
  expect(weighed(40).between(2, 3)).toBe('suffix_conflict')
})

test('mailboxes made of the same name say little, organisations have no families', () => {
  const header = ['id', 'first_name', 'surname', 'company', 'email', 'phone', 'dob']
  const rows = [
    ['0', 'John', 'Smith', '', 'john.smith@x.de', '0171 5551234', '1970-01-02'],
    ['1', 'Jon', 'Smith', '', 'john_smith4@y.de', '0171 5551234', ''],
    ['2', 'Mary', 'Smith', '', 'mary.smith@x.de', '0171 5551234', ''],
    ['3', '', '', 'Smith GmbH', 'john.smith@x.de', '0171 5551234', ''],
    ['4', '', '', 'Smiths GmbH', '', '0171 5551234', ''],
  ]
  const input: Input = { name: 'mails', header, each: (visit) => rows.forEach((row, at) => visit(row, at + 2)) }
  const plan = planMatch([input], {})
  const { records } = readRecords([input], plan)
  const feature = readerOf(records)
  const known = (one: number, other: number) =>
    plan.comparisons
      .filter((comparison) => levelOf(comparison, feature)(one, other) !== 0 && /mail|phone/.test(comparison.name))
      .map(({ name }) => name)
  expect(known(0, 1)).toEqual(['e-mail of namesakes', 'phone'])
  expect(known(0, 2)).toEqual(['e-mail of relatives', 'phone'])
  expect(known(0, 3)).toEqual(['e-mail', 'phone'])
  expect(known(3, 4)).toEqual(['phone of organisations'])
})

test('a file without quotes is read once, not once for each of its rows', () => {
  const text = `id,name\n${'1234567890,a name of usual length\n'.repeat(400_000)}`
  const before = process.cpuUsage()
  let rows = 0
  readTable(Buffer.from(text), 'long.csv').each((cells) => {
    if (cells?.length === 2) rows++
  })
  const { user, system } = process.cpuUsage(before)
  expect(rows).toBe(400_000)
  // Each row searching the rest takes minutes.
  expect((user + system) / 1e6).toBeLessThan(10)
})
