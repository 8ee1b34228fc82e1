import { editDistance, jaroWinkler, oneSlip } from '@einklang/stats'
import { FeatureColumn, type Records, readerOf } from './records.ts'
import { isRoleMail } from './standard/contacts.ts'
import { differentKnownNames } from './standard/names.ts'
import { initialFits } from './standard/nicknames.ts'

/** Why two records cannot be one person. */
export type Conflict = 'first_name_conflict' | 'birth_date_conflict' | 'suffix_conflict' | 'twins'

export type Guard = {
  /** The conflict that keeps two records apart in spite of their weight, or null. */
  between(one: number, other: number): Conflict | null
  firstNames(one: number, other: number): boolean
  birthDates(one: number, other: number): boolean
  /** Same surname and same address or phone: they may be a household. */
  household(one: number, other: number): boolean
  sharedContact(one: number, other: number): boolean
  /** Near a contradiction: neither name agrees, and no mailbox, birth date or number is equal. For a person to look at. */
  namesDiffer(one: number, other: number): boolean
}

/**
 * First names that cannot be one person's: unlike, no nickname, no initial. Equal beginnings make Mark and Marsha alike;
 * where the table knows both names, it decides: `apart`, which an equal birth date does not lift.
 */
export function firstNamesConflict(
  one: string,
  other: string,
  groups: [string, string],
  sameSound: boolean,
): null | 'unlike' | 'apart' {
  if (one === '' || other === '' || one === other) return null
  if (one.length === 1 || other.length === 1) {
    const [initial, name] = one.length === 1 ? [one, other] : [other, one]
    return initialFits(initial, name) ? null : 'unlike'
  }
  const [left, right] = groups
  if (left !== '' && right !== '' && left.split(' ').some((group) => right.split(' ').includes(group))) return null
  if (!sameSound && editDistance(one, other) > 2 && differentKnownNames(one, other)) return 'apart'
  if (jaroWinkler(one, other) < 0.8) return 'unlike'
  // An equal beginning alone makes no one name: Darla and Darletta.
  return !sameSound && editDistance(one, other) > 2 && !one.startsWith(other) && !other.startsWith(one) ? 'apart' : null
}

export function birthDatesConflict(one: string, other: string): boolean {
  if (one === '' || other === '' || one === other || oneSlip(one, other)) return false
  return one.slice(0, 4) !== other.slice(0, 4) || one.slice(4) !== other.slice(6) + other.slice(4, 6)
}

/** A contact that three or more unlike first names carry belongs to nobody alone. */
const crowd = 3

/**
 * A conflict counts where training found that it speaks against one person by so many bits: where birth dates or first
 * names are full of errors, a difference proves nothing.
 */
export type Weigh = {
  firstName(one: number, other: number): number
  birthDate(one: number, other: number): number
  /** Posterior odds in bits, families with twins and namesakes considered. */
  weight(one: number, other: number): number
}
// Less than one bit is no evidence.
const firstNameAgainst = 1
const birthDateAgainst = -2
/** Odds of 1 to 100 that it is a family after all: where data hold hardly any, a conflict is an error of writing. */
const beyondFamily = Math.log2(100)

export function guardOf(records: Records, weigh?: Weigh): Guard {
  const has = (name: string) => records.features.has(name)
  const none = () => ''
  const feature = readerOf(records)
  const read = (name: string) => (has(name) ? feature(name) : none)
  const [given, groups, sound, middle, family] = [
    read('given'),
    read('given_groups'),
    read('given_sound'),
    read('middle'),
    read('family'),
  ]
  const [suffix, birth, mail] = [read('suffix'), read('birth'), read('mail')]
  const [phone, postcode, city, street, house] = [
    read('phone'),
    read('postcode'),
    read('city'),
    read('street'),
    read('house'),
  ]
  const shared = read('mail_shared')

  const namesOf = (one: number, other: number) => {
    const [a, b] = [given(one), given(other)]
    if (a === '' || b === '' || a === b) return null
    const found = firstNamesConflict(a, b, [groups(one), groups(other)], sound(one) === sound(other))
    if (!found) return null
    // Swapped with the surname, or called by the middle name.
    if (jaroWinkler(a, family(other)) >= 0.9 || jaroWinkler(b, family(one)) >= 0.9) return null
    if (middle(one).split(' ').includes(b) || middle(other).split(' ').includes(a)) return null
    return found
  }
  const proven = (one: number, other: number) => !weigh || weigh.firstName(one, other) <= firstNameAgainst
  const birthDates = (one: number, other: number) =>
    birthDatesConflict(birth(one), birth(other)) && (!weigh || weigh.birthDate(one, other) <= birthDateAgainst)
  const sameMail = (one: number, other: number) => {
    const value = mail(one)
    return value !== '' && value === mail(other)
  }
  const numbers = [...records.features.keys()].filter((name) => name.startsWith('number_')).map(read)
  const sameNumber = (one: number, other: number) =>
    numbers.some((value) => value(one) !== '' && value(other) !== '' && oneSlip(value(one), value(other)))
  const equalIn = (read_: (record: number) => string, one: number, other: number) => {
    const value = read_(one)
    return value !== '' && value === read_(other)
  }
  const near = (one: number, other: number) =>
    equalIn(postcode, one, other) ||
    (equalIn(street, one, other) && equalIn(house, one, other)) ||
    (equalIn(city, one, other) && (postcode(one) === '' || postcode(other) === ''))
  const sameFamily = (one: number, other: number) => {
    const [a, b] = [family(one), family(other)]
    return a !== '' && b !== '' && (a === b || jaroWinkler(a, b) >= 0.92)
  }
  const conflictOf = (one: number, other: number): Conflict | null => {
    const [a, b] = [suffix(one), suffix(other)]
    if (a !== '' && b !== '' && a !== b) return 'suffix_conflict'
    const sameBirth = equalIn(birth, one, other)
    const names = namesOf(one, other)
    if (names !== null) {
      if (sameBirth && sameFamily(one, other) && near(one, other) && !sameNumber(one, other)) return 'twins'
      // Two contradictions at once outweigh a mailbox.
      const lifted =
        sameNumber(one, other) || (sameMail(one, other) && !birthDates(one, other)) || (names === 'unlike' && sameBirth)
      if (!lifted && (names === 'apart' || proven(one, other))) return 'first_name_conflict'
    }
    if (birthDates(one, other) && !sameMail(one, other) && !sameNumber(one, other)) return 'birth_date_conflict'
    return null
  }
  return {
    firstNames: (one, other) => namesOf(one, other) !== null,
    birthDates,
    household: (one, other) => sameFamily(one, other) && (near(one, other) || equalIn(phone, one, other)),
    sharedContact: (one, other) => equalIn(shared, one, other),
    namesDiffer(one, other) {
      const [first, second, left, right] = [given(one), given(other), family(one), family(other)]
      if (first === '' || second === '' || left === '' || right === '') return false
      if (jaroWinkler(left, right) >= 0.85 || jaroWinkler(first, right) >= 0.9 || jaroWinkler(second, left) >= 0.9)
        return false
      const sameFirst = first === second || initialFits(first, second) || initialFits(second, first)
      const [one_, other_] = [groups(one), groups(other)].map((list) => list.split(' ').filter(Boolean))
      if (sameFirst || one_?.some((group) => other_?.includes(group))) return false
      return !sameMail(one, other) && !equalIn(birth, one, other) && !sameNumber(one, other)
    },
    between(one, other) {
      const conflict = conflictOf(one, other)
      if (conflict === null || conflict === 'suffix_conflict' || !weigh) return conflict
      return weigh.weight(one, other) >= beyondFamily ? null : conflict
    },
  }
}

/**
 * A mailbox that many share (a role, or three unlike first names) says nothing about one person: it leaves the
 * comparison and stays as `mail_shared`.
 */
export function setSharedAside(records: Records): void {
  const column = records.features.get('mail')
  if (!column || !records.features.has('given')) return
  const crowded = crowdedOf(records, 'mail')
  const shared = new FeatureColumn('mail_shared', records.count)
  for (let record = 0; record < records.count; record++) {
    const value = column.at(record)
    const aside = crowded.has(value) || isRoleMail(value)
    shared.set(record, aside ? value : '')
    if (aside) for (const name of ['mail', 'mail_local']) records.features.get(name)?.clear(record)
  }
  shared.close()
  records.features.set('mail_shared', shared)
}

/** Values that several unlike first names share. */
function crowdedOf(records: Records, name: string): Set<string> {
  const column = records.features.get(name)
  const names = records.features.get('given')
  const found = new Set<string>()
  if (!column || !names) return found
  const holders = new Map<number, number[]>()
  for (let record = 0; record < records.count; record++) {
    const value = column.of[record] as number
    if (value === 0 || (column.counts[value] as number) < crowd || (names.of[record] as number) === 0) continue
    const list = holders.get(value)
    if (!list) holders.set(value, [names.of[record] as number])
    else if (list.length < 50 && !list.includes(names.of[record] as number)) list.push(names.of[record] as number)
  }
  for (const [value, list] of holders) {
    const distinct: string[] = []
    for (const index of list) {
      const first = names.values[index] as string
      if (distinct.every((known) => jaroWinkler(known, first) < 0.8)) distinct.push(first)
    }
    if (distinct.length >= crowd) found.add(column.values[value] as string)
  }
  return found
}
