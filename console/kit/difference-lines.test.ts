import { expect, test } from 'vitest'
import { differenceOf } from './difference-lines.ts'

const told = (before: string, after: string): string =>
  differenceOf(before, after)
    .map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`)
    .join('\n')

test('only what changed is marked, in place', () => {
  expect(told('Hallo\nalt\nTschüss', 'Hallo\nneu\nTschüss')).toBe(' Hallo\n-alt\n+neu\n Tschüss')
})

test('a new text is all added, a deleted one all removed, an equal one neither', () => {
  expect(told('', 'eins\nzwei')).toBe('+eins\n+zwei')
  expect(told('eins\nzwei', '')).toBe('-eins\n-zwei')
  expect(told('eins\n\nzwei', 'eins\n\nzwei')).toBe(' eins\n \n zwei')
})

test('taking the removed and the same lines gives the old text, the added and the same ones the new', () => {
  const before = 'a\nb\nc\na\nb\nb\na'
  const after = 'c\nb\na\nb\na\nc'
  const lines = differenceOf(before, after)
  const without = (kind: string): string =>
    lines
      .filter((line) => line.kind !== kind)
      .map((line) => line.text)
      .join('\n')
  expect(without('added')).toBe(before)
  expect(without('removed')).toBe(after)
})
