import { expect, test } from 'vitest'
import { csvCell, csvOf } from './csv.ts'
import { createFormat } from './format.ts'

const german = createFormat('de', 'Europe/Berlin')
const english = createFormat('en', 'Europe/London')
/** Intl separates with spaces that do not break; readers do not see the difference. */
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ')

test('a German reader sees German numbers, money and dates', () => {
  expect(plain(german.count(1_234_567))).toBe('1.234.567')
  expect(plain(german.money(123_456, 'EUR'))).toBe('1.234,56 €')
  expect(plain(german.percent(0.1234))).toBe('12,3 %')
  expect(german.date('2026-03-02T23:30:00Z')).toBe('03.03.2026')
  expect(plain(german.dateTime('2026-03-02T09:05:00Z'))).toBe('02.03.2026, 10:05')
})

test('an English reader sees English numbers, money and dates', () => {
  expect(english.count(1_234_567)).toBe('1,234,567')
  expect(english.money(123_456, 'GBP')).toBe('£1,234.56')
  expect(english.date('2026-03-02T23:30:00Z')).toBe('02/03/2026')
})

test('money without decimals is not divided by a hundred', () => {
  expect(plain(german.money(1500, 'JPY'))).toContain('1.500')
  expect(plain(english.shortMoney(1_500_000, 'JPY'))).toMatch(/1.5m/i)
  expect(plain(english.shortMoney(1_500_000, 'EUR'))).toMatch(/15k/i)
})

test('time passed is told in the largest fitting unit, past and future', () => {
  const now = new Date('2026-03-02T12:00:00Z')
  expect(english.ago('2026-03-02T11:57:00Z', now)).toBe('3 minutes ago')
  expect(german.ago('2026-03-01T11:00:00Z', now)).toBe('gestern')
  expect(german.ago('2026-03-02T14:00:00Z', now)).toBe('in 2 Stunden')
})

test('an instant that is none is shown as it came', () => {
  expect(german.date('never')).toBe('never')
})

test('a duration reads in whole words', () => {
  expect(english.duration(90 * 60)).toBe('1.5 hours')
  expect(german.duration(2 * 86_400)).toBe('2 Tage')
})

test('cells that a spreadsheet would run become text', () => {
  for (const cell of ['=1+1', '+49 30', '-2', '@cmd', ' =1', '\t=1', '＝1'])
    expect(csvCell(cell).replaceAll('"', '')[0]).toBe("'")
  expect(csvCell("'=1")).toBe("''=1")
  expect(csvCell("'s-Hertogenbosch")).toBe("'s-Hertogenbosch")
  expect(csvCell(-12.5)).toBe('-12.5')
})

test('a file quotes what needs quotes', () => {
  expect(
    csvOf(
      ['a', 'b'],
      [
        ['x,y', 'say "hi"'],
        [null, 3],
      ],
    ),
  ).toBe('a,b\r\n"x,y","say ""hi"""\r\n,3')
})
