import { foldText } from '@einklang/platform'

/** Folded for comparison: case, accents, umlauts and hyphens gone. */
export function foldName(name: string): string {
  return foldText(name)
    .replaceAll(/[^a-z ]+/g, '')
    .trim()
}

const nicknames = [
  ['johannes', 'hans', 'hannes', 'johann', 'jo'],
  ['josef', 'sepp', 'joseph', 'jupp'],
  ['ursula', 'uschi', 'ulla'],
  ['elisabeth', 'lisa', 'elli', 'sissi', 'lisbeth', 'betty', 'liesel'],
  ['katharina', 'kathi', 'kati', 'katrin', 'kathrin', 'kaethe'],
  ['margarete', 'gretel', 'greta', 'grete', 'margit', 'rita'],
  ['maximilian', 'max'],
  ['alexander', 'alex', 'sascha'],
  ['alexandra', 'alex', 'sandra'],
  ['sebastian', 'basti'],
  ['michael', 'michi', 'michel', 'micha', 'mike'],
  ['wilhelm', 'willi', 'willy', 'helmut'],
  ['friedrich', 'fritz', 'friedel'],
  ['heinrich', 'heinz', 'heiner', 'hinnerk'],
  ['georg', 'schorsch', 'joerg', 'juergen'],
  ['anna', 'anne', 'aenne', 'annika', 'anni'],
  ['christina', 'christine', 'tina', 'christiane'],
  ['christian', 'chris'],
  ['thomas', 'tom', 'thommy'],
  ['andreas', 'andi', 'andy'],
  ['matthias', 'matze', 'hias', 'mathias'],
  ['stefan', 'stephan', 'steffen'],
  ['susanne', 'susi', 'sanne', 'susanna'],
  ['barbara', 'baerbel', 'babsi'],
  ['gabriele', 'gabi', 'gaby'],
  ['angelika', 'geli'],
  ['martina', 'tina'],
  ['robert', 'bob', 'bobby', 'rob'],
  ['william', 'bill', 'will', 'billy'],
  ['elizabeth', 'liz', 'beth', 'betty'],
  ['kenneth', 'ken'],
  ['benjamin', 'ben', 'benni'],
  ['daniel', 'dani', 'dan'],
  ['daniela', 'dani'],
  ['franziska', 'franzi'],
  ['jakob', 'jacob', 'jack'],
  ['nikolaus', 'klaus', 'niklas', 'nico'],
  ['theresa', 'resi', 'therese'],
]

function sameNickname(one: string, other: string): boolean {
  return nicknames.some((set) => set.includes(one) && set.includes(other))
}

/**
 * Jaro–Winkler similarity (Winkler 1990): shared letters near their places, with a bonus for an equal beginning of
 * up to four letters. 1 = equal, 0 = nothing in common.
 */
export function jaroWinkler(one: string, other: string): number {
  if (one === other) return 1
  const window = Math.max(0, Math.floor(Math.max(one.length, other.length) / 2) - 1)
  const taken = Array.from({ length: other.length }, () => false)
  const shared: string[] = []
  for (let at = 0; at < one.length; at++) {
    for (let place = Math.max(0, at - window); place < Math.min(other.length, at + window + 1); place++) {
      if (taken[place] || one[at] !== other[place]) continue
      taken[place] = true
      shared.push(one[at] as string)
      break
    }
  }
  if (shared.length === 0) return 0
  const inOther = Array.from(other).filter((_, place) => taken[place])
  const swaps = shared.filter((letter, place) => letter !== inOther[place]).length / 2
  const jaro = (shared.length / one.length + shared.length / other.length + (shared.length - swaps) / shared.length) / 3
  let prefix = 0
  while (prefix < 4 && one[prefix] !== undefined && one[prefix] === other[prefix]) prefix++
  return jaro + prefix * 0.1 * (1 - jaro)
}

/** Two first names that cannot be one person's: unlike, no nickname, no initial (spec identity §10). */
export function namesConflict(one: string, other: string): boolean {
  if (one === '' || other === '' || one === other) return false
  const first = one.split(' ')[0] as string
  const second = other.split(' ')[0] as string
  if (first.length === 1 || second.length === 1) return first[0] !== second[0]
  return jaroWinkler(first, second) < 0.8 && !sameNickname(first, second)
}

/** Birth dates (`yyyy-mm-dd`) that are neither equal, one digit apart, nor day and month swapped. */
export function birthdaysConflict(one: string, other: string): boolean {
  if (one === other) return false
  const swapped = `${one.slice(0, 4)}-${one.slice(8)}-${one.slice(5, 7)}`
  if (swapped === other) return false
  let differing = 0
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) differing++
  return differing > 1
}

/** A complete and plausible date; the dates that systems invent count as missing. */
export function birthdayOf(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const match = /^(\d{4})-(\d\d)-(\d\d)/.exec(value) ?? null
  const german = match ? null : /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(value.trim())
  const [year, month, day] = match
    ? [match[1] as string, match[2] as string, match[3] as string]
    : german
      ? [german[3] as string, (german[2] as string).padStart(2, '0'), (german[1] as string).padStart(2, '0')]
      : [null, '', '']
  if (year === null || Number(year) < 1900) return null
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`)
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return null
  return month === '01' && day === '01' ? null : `${year}-${month}-${day}`
}
