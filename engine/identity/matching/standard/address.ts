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
    const parts = given.whole
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    line = parts[0] ?? ''
    const tail = parts.slice(1).join(' ')
    const code = /\b(\d{5})(?:-?\d{4})?\s*$/.exec(parts.length > 1 ? tail : given.whole)
    if (postcode === '' && code) postcode = code[1] as string
    const place = (code ? tail.slice(0, code.index) : tail).trim()
    const named = /^(.*?)\s*\b([A-Z]{2})$/.exec(place)
    if (city === '') city = named ? (named[1] as string) : place
    if (state === '' && named) state = named[2] as string
    if (parts.length === 1 && code) line = given.whole.slice(0, code.index)
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

function foldStreet(text: string): string {
  return fold(text.replaceAll(/(\p{L})(stra(?:ß|ss)e|str\.)/giu, '$1 $2'))
    .split(' ')
    .map((word) => words[word] ?? word)
    .join(' ')
}
