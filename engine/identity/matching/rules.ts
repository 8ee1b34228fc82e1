/** One part of a blocking key: a feature, or some of its letters (counted from 1). */
export type KeyPart = { feature: string; start?: number; length?: number }

/** Records whose keys agree are compared. A rule without parts compares everybody with everybody. */
export type Rule = {
  name: string
  parts: KeyPart[]
  /** Asked for in the configuration: run it whole or refuse. Rules of our own make do with rare values. */
  asked: boolean
  /** Demands agreement in the whole name alone: where it is cut, training needs a sample of the rest. */
  namesakes?: boolean
}

export function keySql(rule: Rule, number: (feature: string) => number, side = ''): string {
  const parts = rule.parts.map(({ feature, start, length }) => {
    const column = `${side}f${number(feature)}`
    return start === undefined ? column : `substring(${column}, ${start}, ${length})`
  })
  const filled = rule.parts.map(({ feature }) => `${side}f${number(feature)} != ''`)
  // 0 = no key. The chance that a key hashes to 0 is nil for practice.
  return `if(${filled.join(' and ')}, sipHash64(${parts.join(', ')}), 0)`
}

const part = (feature: string, start?: number, length?: number): KeyPart =>
  start === undefined || length === undefined ? { feature } : { feature, start, length }

/**
 * Rules of our own, strict ones first: what is rare joins few and misses few. The later, loose ones take part as far
 * as the pair budget reaches, rare values before frequent ones.
 */
export function ownRules(features: Set<string>): Rule[] {
  const numbers = [...features].filter((name) => name.startsWith('number_'))
  const words = [...features].filter((name) => name.startsWith('words_'))
  const lists: KeyPart[][] = [
    ...numbers.map((name) => [part(name)]),
    [part('mail')],
    [part('phone')],
    [part('family'), part('birth')],
    [part('given'), part('birth')],
    [part('given'), part('family'), part('birth_year')],
    [part('street'), part('house'), part('family')],
    [part('family'), part('postcode')],
    [part('family_sound'), part('postcode', 1, 3), part('given', 1, 1)],
    [part('given'), part('postcode')],
    [part('given'), part('family')],
    [part('mail_local')],
    [part('phone_last')],
    [part('company')],
    [part('street'), part('house')],
    [part('birth'), part('postcode')],
    [part('family_sound'), part('birth_year')],
    [part('given'), part('birth', 1, 6)],
    ...words.map((name) => [part('family'), part(name)]),
    ...words.map((name) => [part('birth'), part(name)]),
    [part('given', 1, 3), part('family', 1, 4)],
    [part('given', 1, 2), part('family', 1, 2), part('birth_year')],
    [part('company', 1, 5)],
    [part('birth')],
    [part('given'), part('birth_year')],
    ...words.flatMap((one, at) => words.slice(at + 1).map((other) => [part('given'), part(one), part(other)])),
    [part('family')],
    [part('family_sound')],
    [part('given'), part('city')],
    [part('postcode')],
    [part('street')],
    [part('given')],
  ]
  return lists
    .filter((parts) => parts.every(({ feature }) => features.has(feature)))
    .map((parts) => ({
      name: parts
        .map(({ feature, start, length }) => (start === undefined ? feature : `substr(${feature},${start},${length})`))
        .join(' + '),
      parts,
      asked: false,
      ...(isWholeName(parts) ? { namesakes: true } : {}),
    }))
}

const isWholeName = (parts: KeyPart[]) =>
  parts.length === 2 && parts.every(({ feature, start }) => start === undefined && /^(?:given|family)$/.test(feature))
