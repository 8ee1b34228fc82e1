import { expect, test } from 'vitest'
import { costlyCharacter, smsSize } from './sms.ts'

test.each([
  ['a'.repeat(160), 'GSM-7', 1],
  ['a'.repeat(161), 'GSM-7', 2],
  ['a'.repeat(306), 'GSM-7', 2],
  ['a'.repeat(307), 'GSM-7', 3],
  ['€'.repeat(80), 'GSM-7', 1],
  ['€'.repeat(81), 'GSM-7', 2],
  [`${'a'.repeat(152)}€${'a'.repeat(151)}`, 'GSM-7', 2],
  [`${'a'.repeat(152)}€${'a'.repeat(152)}`, 'GSM-7', 3],
  ['ä'.repeat(160), 'GSM-7', 1],
  ['ш'.repeat(70), 'UCS-2', 1],
  ['ш'.repeat(71), 'UCS-2', 2],
  ['ш'.repeat(134), 'UCS-2', 2],
  ['ш'.repeat(135), 'UCS-2', 3],
  ['😀'.repeat(35), 'UCS-2', 1],
  ['😀'.repeat(36), 'UCS-2', 2],
  [`${'ш'.repeat(66)}😀${'ш'.repeat(66)}`, 'UCS-2', 3],
  ['Ç', 'GSM-7', 1],
  ['ç', 'UCS-2', 1],
  ['„', 'UCS-2', 1],
  ['`', 'UCS-2', 1],
  ['\t', 'UCS-2', 1],
  ['\u00a0', 'UCS-2', 1],
])('%s counts as %s in %i parts', (text, encoding, segments) => {
  expect(smsSize(text)).toMatchObject({ encoding, segments })
})

test('a typographic quote is named together with the plain one that would be cheaper', () => {
  expect(costlyCharacter('Ihr „Warenkorb“')).toEqual({ character: '„', plain: '"' })
  expect(costlyCharacter('Ihr Warenkorb: 20 €')).toBeNull()
})
