import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import german from './de.json' with { type: 'json' }
import english from './en.json' with { type: 'json' }

type Words = { [name: string]: string | Words }

function flat(words: Words, before = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(words)) {
    if (typeof value === 'string') found.set(before + name, value)
    else for (const [key, text] of flat(value, `${before}${name}.`)) found.set(key, text)
  }
  return found
}

const en = flat(english as Words)
const de = flat(german as Words)

test('both languages have the same words', () => {
  expect([...de.keys()].sort()).toEqual([...en.keys()].sort())
})

test('no word is empty', () => {
  for (const words of [en, de]) expect([...words].filter(([, text]) => text.trim() === '')).toEqual([])
})

test('both languages put in the same values', () => {
  const values = (text: string): string[] => (text.match(/\{\{\w+\}\}/g) ?? []).sort()
  const different = [...en].filter(([key, text]) => values(text).join() !== values(de.get(key) ?? '').join())
  expect(different.map(([key]) => key)).toEqual([])
})

test('every word that a screen asks for exists', () => {
  const folder = join(import.meta.dirname, '..')
  const sources = ['kit', 'shell', 'sections'].flatMap((part) =>
    readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'))
      .map((name) => readFileSync(join(folder, part, name), 'utf8')),
  )
  const sections = new Set([...en.keys()].map((key) => key.split('.')[0]))
  const missing = new Set<string>()
  for (const source of sources) {
    for (const call of source.matchAll(/\bt\(([^()]*)/g)) {
      for (const [, key] of (call[1] ?? '').matchAll(/'([a-zA-Z]+\.[\w.]+)'/g)) {
        if (key === undefined || !sections.has(key.split('.')[0])) continue
        if (!en.has(key) && !en.has(`${key}_one`)) missing.add(key)
      }
    }
  }
  expect([...missing]).toEqual([])
})

test('what is counted has a word for one and for many', () => {
  for (const key of en.keys()) {
    if (key.endsWith('_one')) expect(en.has(key.replace(/_one$/, '_other')), key).toBe(true)
  }
})
