import { nicknameGroups } from './nicknames.ts'
import { fold } from './text.ts'

/** A person's name taken apart: folded, without titles. */
export type PersonName = { given: string; middle: string; family: string; suffix: string }

const titles = new Set(
  (
    'mr mrs ms miss mister dr prof professor sir lord lady dame rev reverend hon honourable herr frau fraulein dipl ing mag ' +
    'sig signor signora signore dott dottore ong ba anh chi co madame monsieur mme mlle capt captain col colonel gen general ' +
    'lt lieutenant maj major admiral sgt fr father brother sister bishop bt baronet esq phd md obe mbe cbe kcb gcb frs mp qc kc'
  ).split(' '),
)
const suffixes: { [word: string]: string } = {
  jr: 'ii',
  junior: 'ii',
  jun: 'ii',
  sr: 'i',
  senior: 'i',
  sen: 'i',
  ii: 'ii',
  iii: 'iii',
  iv: 'iv',
  '2nd': 'ii',
  '3rd': 'iii',
  '1st': 'i',
}
const particles = new Set(
  'van von der den de del della di da la le du dos el al bin ibn ter ten zu zur vom mac mc st san'.split(' '),
)

/** First name and surname as given in columns of their own. */
export function nameOf(first: string, last: string, middle = '', suffix = ''): PersonName {
  const given = words(first)
  const family = words(last)
  const between = words(middle)
  // A single I between the names is an initial more often than "the First"; alone in a column of its own it is not.
  const stated = [...words(suffix), ...family.slice(1), ...given.slice(1), ...(between.length === 1 ? between : [])]
    .map((word) => (word === 'i' ? 'i' : suffixes[word]))
    .find((word) => word !== undefined)
  const plain = (list: string[], keep: boolean) =>
    list.filter((word, at) => !titles.has(word) && !(at > 0 && suffixes[word] !== undefined) && (keep || word !== 'i'))
  const forenames = plain(given, true)
  return {
    given: forenames[0] ?? '',
    middle: [
      ...forenames.slice(1),
      ...between.filter((word) => suffixes[word] === undefined && !titles.has(word)),
    ].join(' '),
    family: plain(family, true).join(' '),
    suffix: stated ?? '',
  }
}

/** A whole name in one text: `Surname, First` or `First Middle Surname`, particles kept with the surname. */
export function wholeName(text: string): PersonName {
  const comma = text.indexOf(',')
  if (comma > 0) {
    const rest = text.slice(comma + 1)
    if (suffixes[fold(rest)] !== undefined) return wholeName(`${text.slice(0, comma)} ${rest}`)
    return nameOf(rest, text.slice(0, comma))
  }
  const list = words(text).filter((word) => !titles.has(word))
  const suffix = list.length > 1 ? suffixes[list.at(-1) as string] : undefined
  if (suffix !== undefined) list.pop()
  if (list.length === 0) return { given: '', middle: '', family: '', suffix: suffix ?? '' }
  if (list.length === 1) return { given: list[0] as string, middle: '', family: '', suffix: suffix ?? '' }
  let start = list.length - 1
  while (start > 1 && particles.has(list[start - 1] as string)) start--
  return {
    given: list[0] as string,
    middle: list.slice(1, start).join(' '),
    family: list.slice(start).join(' '),
    suffix: suffix ?? '',
  }
}

function words(text: string): string[] {
  return text === ''
    ? []
    : fold(text.replaceAll(/[-‐–]/g, ' '))
        .split(' ')
        .filter((word) => word !== '')
}

/** Known first names that are neither forms of one name nor alike in sound: `Mark` and `Marsha`. */
export function differentKnownNames(one: string, other: string): boolean {
  const [first, second] = [nicknameGroups(one), nicknameGroups(other)]
  if (first === '' || second === '' || one === other) return false
  const groups = second.split(' ')
  return !first.split(' ').some((group) => groups.includes(group))
}

const legalForms = new Set(
  'inc llc ltd limited gmbh ag kg ohg ug co corp corporation company plc sa srl spa bv nv the and und of e v mbh'.split(
    ' ',
  ),
)

/** A company's name for comparison: words without legal form. */
export function companyOf(text: string): string {
  const list = fold(text.replaceAll('&', ' and ')).split(' ')
  const plain = list.filter((word) => word !== '' && !legalForms.has(word))
  return (plain.length > 0 ? plain : list).join(' ')
}
