import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellReader } from './cells.ts'

const reader = cellReader({ fields: {} }, 'Europe/Berlin')

test('decimals of any length are the nearest number, with comma and with point', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.stringMatching(/^\d{1,6}$/),
      fc.constantFrom(',', '.'),
      fc.boolean(),
      (whole, part, mark, negative) => {
        const expected = Number(`${negative ? '-' : ''}${whole}.${part}`)
        expect(reader.decimal(`${negative ? '-' : ''}${whole}${mark}${part}`)).toBeCloseTo(expected, 12)
        expect(reader.decimal(`${negative ? '-' : ''}${whole}${mark}${part}`) === expected || expected === 0).toBe(true)
      },
    ),
    { numRuns: 2000 },
  )
})

test.each([
  ['1.234,50', undefined, 1234.5],
  ['1,234.50', undefined, 1234.5],
  ['1.234', ',', 1234],
  ['1,234', '.', 1234],
  ['€ 19,99', undefined, 19.99],
  ['12-', undefined, -12],
  ['1’234.50', undefined, 1234.5],
  ['12.5', ',', 125],
  ['-0', undefined, 0],
  ['', undefined, undefined],
  ['eins', undefined, undefined],
  ['1..2', undefined, undefined],
  ['=1+1', undefined, undefined],
] as const)('%j with separator %j is %j', (text, decimal, expected) => {
  const read = cellReader({ fields: {}, ...(decimal ? { decimal } : {}) }, 'UTC').decimal(text)
  expect(read === undefined ? undefined : read + 0).toBe(expected)
})
