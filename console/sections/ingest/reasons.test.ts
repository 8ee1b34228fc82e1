/** Every reason for which an item waits can be said in both languages. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { api } from '@einklang/contract'
import { expect, test } from 'vitest'
import de from '../../words/de.json' with { type: 'json' }
import en from '../../words/en.json' with { type: 'json' }

const engine = join(import.meta.dirname, '../../../engine/ingest')

/** What a check found is named by the check, and what a plan found by its violation. */
const named = new Set(['check_failed', 'schema', 'unknown_reference', 'money_mismatch', 'consent_without_evidence'])

function sources(folder: string): string[] {
  return readdirSync(join(engine, folder)).flatMap((name) =>
    name.endsWith('.ts') && !name.endsWith('.test.ts') ? [readFileSync(join(engine, folder, name), 'utf8')] : [],
  )
}

test('each code and each sentence of its own has words, with the same values in both languages', () => {
  const texts = ['.', 'dialects', 'quality', 'quality/checks', 'quality/plans'].flatMap(sources)
  const words = texts.flatMap((text) => [...text.matchAll(/\bword: '(\w+)'/g)].map(([, word = '']) => word))
  expect(words.length).toBeGreaterThan(5)
  for (const told of [en, de]) {
    const reasons: { [word: string]: string } = told.list.reason
    const general: { [code: string]: string } = told.list.checkSays
    for (const word of words) expect([word, reasons[word] !== undefined]).toEqual([word, true])
    for (const code of api.ingest.quarantineCodes) {
      if (named.has(code)) continue
      expect([code, (reasons[code] ?? general[code]) !== undefined]).toEqual([code, true])
    }
  }
  const placeholders = (text: string) =>
    [...text.matchAll(/\{\{(\w+)\}\}/g)]
      .map(([, name]) => name ?? '')
      .toSorted((one, other) => one.localeCompare(other))
  const german: { [word: string]: string } = de.list.reason
  for (const [word, text] of Object.entries(en.list.reason))
    expect([word, placeholders(german[word] ?? '')]).toEqual([word, placeholders(text)])
})
