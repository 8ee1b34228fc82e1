import { fold } from './text.ts'

export type Address = { street: string; number: string; postcode: string; city: string; state: string }

const words: { [word: string]: string } = {
  street: 'st',
  str: 'st',
  strasse: 'st',
  avenue: 'ave',
  av: 'ave',
  road: 'rd',
  drive: 'dr',
  lane: 'ln',
  boulevard: 'blvd',
  blv: 'blvd',
  place: 'pl',
  court: 'ct',
  highway: 'hwy',
  parkway: 'pkwy',
  terrace: 'ter',
  square: 'sq',
  circle: 'cir',
  crescent: 'cres',
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  suite: 'ste',
  saint: 'st',
  platz: 'pl',
  weg: 'weg',
  first: '1st',
  second: '2nd',
  third: '3rd',
  fourth: '4th',
  fifth: '5th',
  sixth: '6th',
  seventh: '7th',
  eighth: '8th',
  ninth: '9th',
  tenth: '10th',
}

export type AddressColumns = {
  whole?: string
  street?: string
  number?: string
  postcode?: string
  city?: string
  state?: string
}

/** Street, house number, postcode and place, from columns of their own or from one line. */
export function addressOf(given: AddressColumns): Address {
  let line = given.street ?? ''
  let city = given.city ?? ''
  let postcode = given.postcode ?? ''
  let state = given.state ?? ''
  if (line === '' && given.whole) {
    const parts = partsOf(given.whole)
    const at = streetAt(parts)
    line = parts[at] ?? ''
    const rest = parts.filter((_, part) => part !== at && (part > at || at < 0))
    const code = postcodeIn(rest.length > 0 ? rest : [given.whole])
    if (postcode === '' && code) postcode = code.postcode
    const place = (code ? code.rest : rest).join(' ').trim()
    const named = /^(.*?)\s*\b([A-Z]{2})$/.exec(place)
    if (city === '') city = named ? (named[1] as string) : rest.length > 0 ? place : ''
    if (state === '' && named) state = named[2] as string
    if (rest.length === 0 && code) line = code.rest.join(' ')
  } else if (line.includes(',')) {
    const parts = partsOf(line)
    line = parts[Math.max(0, streetAt(parts))] ?? line
  }
  const folded = foldStreet(line)
  let number = fold(given.number ?? '')
  let street = folded
  if (number === '') {
    const front = /^(\d+[a-z]?) (.+)$/.exec(folded)
    const back = front ? null : /^(.+?) (\d+ ?[a-z]?)(?: .*)?$/.exec(folded)
    if (front) [number, street] = [front[1] as string, front[2] as string]
    else if (back) [street, number] = [back[1] as string, (back[2] as string).replace(' ', '')]
  }
  return {
    street,
    number,
    postcode: fold(postcode).replaceAll(' ', ''),
    city: fold(city),
    state: fold(state),
  }
}

const partsOf = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** Which part names the street: a name with its number, as in `Chrysler Building, 405 Lexington Avenue`; else the first. */
function streetAt(parts: string[]): number {
  const numbered = parts.findIndex(
    (part, at) => /^\d+\p{L}? \p{L}{2,}/u.test(part) && (at === 0 || !/^\d{4,}/.test(part)),
  )
  if (numbered >= 0) return numbered
  const ending = parts.findIndex((part) => /^\p{L}[\p{L}. '-]{2,} \d+ ?\p{L}?$/u.test(part))
  return ending >= 0 ? ending : 0
}

/** Four to six digits that stand at the end of the line, before the place, or in a part of their own. */
function postcodeIn(parts: string[]): { postcode: string; rest: string[] } | null {
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at] as string
    const found = /(?:^|\s)(\d{4,6})(?:-\d{4})?\s*$/.exec(part) ?? /^(?:[A-Z]{1,2}-)?(\d{4,6})(?=\s+\p{L})/u.exec(part)
    if (!found) continue
    const without = part.replace(found[0], ' ').trim()
    return {
      postcode: found[1] as string,
      rest: [...parts.slice(0, at), without, ...parts.slice(at + 1)].filter(Boolean),
    }
  }
  return null
}

function foldStreet(text: string): string {
  return fold(text.replaceAll(/(\p{L})(stra(?:ß|ss)e|str\.)/giu, '$1 $2'))
    .split(' ')
    .map((word) => words[word] ?? word)
    .join(' ')
}
