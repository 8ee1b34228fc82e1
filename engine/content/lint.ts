import { type api, kept } from '@einklang/contract'

export type Finding = api.content.Finding

/** What a reader will see of a source: Liquid and markup taken out, lines kept. */
function visible(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, ' ')
  return source
    .replace(/\{%-?\s*comment[^]*?endcomment\s*-?%\}/g, blank)
    .replace(/\{[{%][^]*?[%}]\}/g, blank)
    .replace(/<(mj-style|mj-head|style)\b[^]*?<\/\1>/g, blank)
    .replace(/<[^>]*>/g, blank)
}

const literals: { rule: string; pattern: RegExp; what: string }[] = [
  {
    rule: 'literal-amount',
    pattern: /(?:€|EUR|USD|\$)\s?\d+(?:[.,]\d+)?|\d+(?:[.,]\d{2})?\s?(?:€|EUR\b|Euro\b|euros?\b)|\d+,-(?!\d)/g,
    what: 'typed_price',
  },
  { rule: 'literal-percentage', pattern: /\d+(?:[.,]\d+)?\s?(?:%|Prozent\b|percent\b)/g, what: 'typed_percentage' },
  {
    rule: 'literal-date',
    pattern:
      /\b\d{1,2}\.\s?\d{1,2}\.(?:\d{2,4})?|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\.?\s(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|January|February|March|May|June|July|October|December)\b|\bbis (?:Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag)\b/g,
    what: 'typed_date',
  },
  { rule: 'literal-stock', pattern: /\b(?:nur noch|only)\s\d+\b/gi, what: 'typed_stock' },
]

const material = /^\s*(?:Leder|Baumwolle|Wolle|Seide|Leinen|Merino|Bio|leather|cotton|wool|silk|linen|organic)/i

/** Prices, percentages, dates and stock counts are references, never typed text (spec content §4). */
export function literalFindings(field: string, source: string): Finding[] {
  const text = visible(source)
  return literals.flatMap(({ rule, pattern, what }) =>
    [...text.matchAll(pattern)]
      .filter((match) => !(rule === 'literal-percentage' && material.test(text.slice(match.index + match[0].length))))
      .map((match) => ({
        level: 'block' as const,
        rule,
        field,
        line: text.slice(0, match.index).split('\n').length,
        message: kept(what, { text: match[0].trim() }),
        doInstead: kept('use_reference'),
      })),
  )
}

/** A name that is unknown would leave a hole in the sentence. */
export function fallbackFindings(field: string, source: string): Finding[] {
  const found: Finding[] = []
  for (const match of source.matchAll(/\{\{-?\s*(person\.\w+)([^}]*)\}\}/g)) {
    const [, name = '', filters = ''] = match
    if (/\|\s*default\b/.test(filters)) continue
    const guarded = new RegExp(`\\{%-?\\s*(?:if|unless)\\b[^%]*${name.replace('.', '\\.')}\\b`).test(source)
    if (guarded) continue
    found.push({
      level: 'warn',
      rule: 'no-fallback',
      field,
      line: source.slice(0, match.index).split('\n').length,
      message: kept('no_fallback', { name }),
      doInstead: kept('write', { example: `{{ ${name} | default: "…" }}` }),
    })
  }
  return found
}

/** Output that is not escaped can carry markup of a customer into the mail; approvers shall see where. */
export function rawFindings(field: string, source: string): Finding[] {
  return [...source.matchAll(/\{\{[^}]*\|\s*raw\b[^}]*\}\}/g)].map((match) => ({
    level: 'warn',
    rule: 'raw-output',
    field,
    line: source.slice(0, match.index).split('\n').length,
    message: kept('not_escaped', { output: match[0] }),
    doInstead: kept('take_raw_away'),
  }))
}

/** Tag and zero-width characters hide text from readers; they have no place in copy. */
export function hiddenFindings(field: string, source: string): Finding[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds.
  const match = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b\u2060\ufeff]|[\u{e0000}-\u{e007f}]/u.exec(source)
  if (!match) return []
  return [
    {
      level: 'block',
      rule: 'hidden-character',
      field,
      line: source.slice(0, match.index).split('\n').length,
      message: kept('hidden'),
      doInstead: kept('delete_hidden'),
    },
  ]
}
