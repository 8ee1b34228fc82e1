/** What the search looks at, in the form in which it is compared. */
export type Searchable = {
  firstName: string | null
  lastName: string | null
  email: string | null
  phone: string | null
  postalCode: string | null
  city: string | null
  loyaltyCard: string | null
}

/**
 * Small letters without accents; `Müller`, `Mueller` and `MULLER` become the same text, as do `Weiß` and `Weiss`.
 * Applied to documents and queries alike, so that shortening `ue` in `Manuel` does no harm.
 */
export function fold(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .normalize('NFD')
    .replaceAll(/\p{Diacritic}/gu, '')
    .replaceAll(/([aou])e/g, '$1')
}

/** National digits of a phone number: without +49, 0049 or the leading 0. */
function phoneDigits(text: string): string {
  return text.replaceAll(/\D/g, '').replace(/^00/, '').replace(/^0/, '')
}

/** ` anna muller | anna@x.example | 491701234567 | 50667 koln | 4711`: a blank before every word marks its start. */
export function documentOf(person: Searchable): string {
  const name = fold([person.firstName, person.lastName].filter(Boolean).join(' '))
  const parts = [
    name,
    person.email?.toLowerCase(),
    person.phone === null ? null : phoneDigits(person.phone),
    fold([person.postalCode, person.city].filter(Boolean).join(' ')),
    person.loyaltyCard?.toLowerCase(),
  ]
  return ` ${parts.filter(Boolean).join(' | ')} `
}

/** A typed query: words to find, and the same text read as a number, a phone or an e-mail address. */
export type Query = {
  text: string
  words: string[]
  number: string | null
  digits: string | null
  address: string | null
}

export function queryOf(typed: string): Query {
  const text = typed.trim().slice(0, 200)
  const squeezed = text.replaceAll(/[\s()/.-]/g, '')
  const isPhone = /^\+?\d{5,}$/.test(squeezed)
  const words = isPhone
    ? []
    : text
        .split(/[\s,;|]+/)
        .map((word) => (word.includes('@') ? word.toLowerCase() : fold(word)))
        .filter((word) => word !== '')
        .slice(0, 8)
  return {
    text: fold(text),
    words,
    number: /\d/.test(text) && !/\s/.test(text) && text.length >= 2 ? text.toLowerCase() : null,
    digits: isPhone ? phoneDigits(squeezed) : null,
    address: /^[^@\s]+@[^@\s]+\.[^@\s]{2,}$/.test(text) ? text.toLowerCase() : null,
  }
}

/** Escapes what `like` would read as a pattern. */
export function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)
}
