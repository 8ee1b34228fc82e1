import { ask, type Comparison, colognePhonetics } from '@einklang/stats'
import { addressOf } from './standard/address.ts'
import { mailOf, mailText, phoneOf } from './standard/contacts.ts'
import { birthOf, type DateOrder } from './standard/dates.ts'
import { companyOf, nameOf, wholeName } from './standard/names.ts'
import { nicknameGroups } from './standard/nicknames.ts'
import { digitsOf, fold } from './standard/text.ts'

type Question = ask.Question
const { absent, alike, all, any, begins, edits, equal, not, overlap, present, share, slip, years } = ask

/** How a column is meant. The first group are roles, which a table's columns have; the second is plain comparison. */
export const roleKinds = [
  'first_name',
  'surname',
  'full_name',
  'middle_name',
  'suffix',
  'company',
  'birth_date',
  'mail',
  'phone',
  'street',
  'house_number',
  'postal_code',
  'city',
  'state',
  'full_address',
  'person_number',
  'words',
  'gender',
] as const
export type RoleKind = (typeof roleKinds)[number]

export const plainKinds = [
  'name',
  'date',
  'exact',
  'exact_tf',
  'edit2',
  'email',
  'postcode',
  'text',
  'forename_surname',
] as const

/** What is known of a column before its values are standardised. */
export type ColumnFacts = { dateOrder: DateOrder; hotJanuary: boolean }

export type Cell = (column: string) => string

/** A group of features made of the columns of one record. */
export type Maker = { features: string[]; make(cell: Cell): string[] }

export type Part = { makers: Maker[]; comparisons: Comparison[] }

/** Columns of each role, in the order of the configuration. */
export type Roles = { [kind in RoleKind]?: string[] }

/** Comparisons of the roles: names, birth date, contacts, one address, numbers, words. */
export function rolePart(roles: Roles, facts: (column: string) => ColumnFacts): Part {
  const parts = [
    namePart(roles),
    birthPart(roles, facts),
    mailPart(roles),
    organised(phonePart(roles), roles),
    organised(addressPart(roles), roles),
    companyPart(roles),
    ...(roles.person_number ?? []).map(numberPart),
    ...(roles.words ?? []).map(wordsPart),
    genderPart(roles),
  ].filter((part) => part !== null)
  return { makers: parts.flatMap(({ makers }) => makers), comparisons: parts.flatMap(({ comparisons }) => comparisons) }
}

const isPeople = (roles: Roles) =>
  roles.first_name !== undefined || roles.surname !== undefined || roles.full_name !== undefined

/** A comparison of people, and the same of organisations where the table may hold both. */
export const ofAll = (name: string) => [name, `${name} of organisations`]

/** Organisations have no families: what a household shares is an organisation's own. */
function organised(part: Part | null, roles: Roles): Part | null {
  if (!part || !roles.company) return part
  const people = isPeople(roles)
  const organisations = all(present('company'), absent('given'), absent('family'))
  const comparisons = part.comparisons.flatMap((comparison) => {
    if (!people) return [{ ...comparison, shared: false }]
    const { name, known } = comparison
    return [
      { ...comparison, known: all(known, not(organisations)) },
      {
        ...comparison,
        name: ofAll(name)[1] as string,
        shared: false,
        conditional: true,
        known: all(known, organisations),
      },
    ]
  })
  return { ...part, comparisons }
}

/** About one pair of a family in fifty are twins, or father and son of one name. */
const inFifty = 0.02

const firstOf = (cell: Cell, columns: string[] | undefined): string => {
  for (const column of columns ?? []) {
    const value = cell(column)
    if (value !== '') return value
  }
  return ''
}

function namePart(roles: Roles): Part | null {
  const parted = roles.first_name !== undefined || roles.surname !== undefined
  if (!parted && !roles.full_name) return null
  const swapped = all(alike(0.9, 'given', 'family'), alike(0.9, 'family', 'given'))
  // Names repeat: each is taken apart once.
  const known = new Map<string, string[]>()
  return {
    makers: [
      {
        features: ['given', 'given_groups', 'given_sound', 'middle', 'family', 'family_sound', 'suffix'],
        make(cell) {
          const [first, last] = [firstOf(cell, roles.first_name), firstOf(cell, roles.surname)]
          const whole = first === '' && last === '' ? firstOf(cell, roles.full_name) : ''
          const key = `${first}\u0000${last}\u0000${whole}\u0000${firstOf(cell, roles.middle_name)}\u0000${firstOf(cell, roles.suffix)}`
          const seen = known.get(key)
          if (seen) return seen
          const name =
            whole === ''
              ? nameOf(first, last, firstOf(cell, roles.middle_name), firstOf(cell, roles.suffix))
              : wholeName(whole)
          const made = [
            name.given,
            nicknameGroups(name.given),
            colognePhonetics(name.given),
            name.middle,
            name.family,
            colognePhonetics(name.family.replaceAll(' ', '')),
            name.suffix,
          ]
          if (known.size < 200_000) known.set(key, made)
          return made
        },
      },
    ],
    comparisons: [
      {
        name: 'first name',
        shared: false,
        kin: inFifty,
        known: any(present('given'), swapped),
        levels: [
          { name: 'equal', when: equal('given'), match: 0.72, rarity: 'given' },
          { name: 'swapped with surname', when: swapped, match: 0.01 },
          { name: 'nickname', when: share('given_groups'), match: 0.07 },
          { name: 'one slip', when: all(slip('given'), alike(0.8, 'given')), match: 0.06 },
          {
            name: 'two known names',
            when: all(present('given_groups'), not(equal('given_sound')), not(edits(2, 'given'))),
            match: 0.02,
          },
          { name: 'alike .92', when: all(alike(0.92, 'given'), edits(2, 'given')), match: 0.02 },
          { name: 'initial or beginning', when: begins('given'), match: 0.03 },
          {
            name: 'sounds alike',
            when: any(all(equal('given_sound'), alike(0.7, 'given')), all(alike(0.85, 'given'), edits(2, 'given'))),
            match: 0.02,
          },
          { name: 'middle name', when: any(share('given', 'middle'), share('middle', 'given')), match: 0.01 },
          { name: 'alike .70', when: alike(0.7, 'given'), match: 0.01 },
          { name: 'different', when: present('given'), match: 0.05 },
        ],
      },
      {
        name: 'surname',
        shared: true,
        known: all(present('family'), not(swapped)),
        levels: [
          { name: 'equal', when: equal('family'), match: 0.8, rarity: 'family' },
          { name: 'one slip', when: slip('family'), match: 0.06 },
          { name: 'alike .92', when: alike(0.92, 'family'), match: 0.02 },
          {
            name: 'sounds alike',
            when: any(all(equal('family_sound'), alike(0.75, 'family')), alike(0.85, 'family')),
            match: 0.02,
          },
          { name: 'one part', when: share('family'), match: 0.02 },
          { name: 'stands as first name', when: any(equal('given', 'family'), equal('family', 'given')), match: 0.01 },
          { name: 'alike .70', when: alike(0.7, 'family'), match: 0.01 },
          { name: 'different', when: present('family'), match: 0.06 },
        ],
      },
    ],
  }
}

function birthPart(roles: Roles, facts: (column: string) => ColumnFacts): Part | null {
  const columns = roles.birth_date
  if (!columns) return null
  return {
    makers: [
      {
        features: ['birth', 'birth_swapped', 'birth_year', 'birth_month_day'],
        make(cell) {
          const column = columns.find((name) => cell(name) !== '') ?? (columns[0] as string)
          const known = facts(column)
          const { date, year } = birthOf(cell(column), known.dateOrder, known.hotJanuary)
          const swapped = date === '' ? '' : date.slice(0, 4) + date.slice(6) + date.slice(4, 6)
          return [date, swapped, year, date.slice(4)]
        },
      },
    ],
    comparisons: [
      {
        name: 'birth date',
        shared: false,
        kin: inFifty,
        known: present('birth_year'),
        levels: [
          { name: 'equal', when: equal('birth'), match: 0.78, chance: 0.0005, rarity: 'birth' },
          { name: 'day and month swapped', when: equal('birth', 'birth_swapped'), match: 0.02 },
          { name: 'one slip', when: slip('birth'), match: 0.08 },
          { name: 'same year, one without a day', when: all(equal('birth_year'), absent('birth')), match: 0.02 },
          { name: 'same day and month', when: equal('birth_month_day'), match: 0.01 },
          { name: 'two slips', when: edits(2, 'birth'), match: 0.02 },
          { name: 'same year', when: equal('birth_year'), match: 0.02 },
          { name: 'within a year', when: years(1, 'birth_year'), match: 0.01 },
          { name: 'within ten years', when: years(10, 'birth_year'), match: 0.01 },
          { name: 'different', when: present('birth_year'), match: 0.03 },
        ],
      },
    ],
  }
}

function mailPart(roles: Roles): Part | null {
  const columns = roles.mail
  if (!columns) return null
  return {
    makers: [
      {
        features: ['mail', 'mail_local'],
        make(cell) {
          const { whole, local } = mailOf(firstOf(cell, columns))
          return [whole, local]
        },
      },
    ],
    comparisons: mailLevels(roles),
  }
}

/** A mailbox is compared in one of three ways, by what the names have told already. */
export const mailComparisons = ['e-mail', 'e-mail of namesakes', 'e-mail of relatives']

/**
 * Mailboxes are made of names: those of two John Smiths look alike, those of one family end alike. Among (near) namesakes and
 * among relatives likeness is therefore weighed against what is usual there.
 */
function mailLevels(roles: Roles): Comparison[] {
  const known = present('mail')
  const compared = (
    name: string,
    of: Question,
    rates: [match: number, chance: number | undefined, family?: number][],
  ): Comparison => {
    const names = ['equal', 'one slip', 'same name, other domain', 'two slips', 'three slips in the name', 'different']
    const questions = [
      equal('mail'),
      slip('mail'),
      equal('mail_local'),
      edits(2, 'mail'),
      // Likeness by beginnings would count the first name a second time.
      all(edits(3, 'mail_local'), alike(0.8, 'mail_local')),
      present('mail'),
    ]
    const levels = rates.map(([match, chance, family], at) => ({
      name: names[at] as string,
      when: questions[at] as Question,
      match,
      ...(at === 0 ? { rarity: 'mail' } : {}),
      ...(chance === undefined ? {} : { chance }),
      ...(family === undefined ? {} : { family }),
    }))
    return {
      name,
      shared: rates[0]?.[2] !== undefined,
      known: of,
      levels,
      ...(name === 'e-mail' ? {} : { conditional: true }),
    }
  }
  const usual: [number, number | undefined][] = [
    [0.75, 0.0005],
    [0.06, undefined],
    [0.05, undefined],
    [0.02, undefined],
    [0.03, undefined],
    [0.1, undefined],
  ]
  if (!isPeople(roles)) return [compared('e-mail', known, usual)]
  const relatives = any(equal('family'), slip('family'))
  const namesakes = any(
    all(any(relatives, alike(0.75, 'family')), any(equal('given'), share('given_groups'), slip('given'))),
    all(equal('given', 'family'), equal('family', 'given')),
  )
  return [
    compared('e-mail', all(known, not(any(relatives, namesakes))), usual),
    compared('e-mail of namesakes', all(known, namesakes), [
      [0.75, 0.01],
      [0.06, 0.02],
      [0.05, 0.04],
      [0.02, 0.05],
      [0.03, 0.18],
      [0.1, 0.7],
    ]),
    compared('e-mail of relatives', all(known, relatives, not(namesakes)), [
      [0.75, 0.001, 0.05],
      [0.06, 0.005, 0.02],
      [0.05, 0.005, 0.01],
      [0.02, 0.02, 0.04],
      [0.03, 0.05, 0.08],
      [0.1, 0.9, 0.8],
    ]),
  ]
}

function phonePart(roles: Roles): Part | null {
  const columns = roles.phone
  if (!columns) return null
  return {
    makers: [
      {
        features: ['phone', 'phone_last'],
        make(cell) {
          const { digits, last } = phoneOf(firstOf(cell, columns))
          return [digits, last]
        },
      },
    ],
    comparisons: [
      {
        name: 'phone',
        shared: true,
        known: present('phone'),
        levels: [
          { name: 'equal', when: equal('phone'), match: 0.8, rarity: 'phone', chance: 0.0005 },
          { name: 'one slip', when: slip('phone'), match: 0.06 },
          { name: 'same last seven digits', when: equal('phone_last'), match: 0.03 },
          { name: 'different', when: present('phone'), match: 0.12 },
        ],
      },
    ],
  }
}

function addressPart(roles: Roles): Part | null {
  const { street, house_number, postal_code, city, state, full_address } = roles
  if (!street && !postal_code && !city && !full_address) return null
  const sameStreet = any(equal('street'), alike(0.92, 'street'))
  const samePlace = any(equal('city'), alike(0.92, 'city'))
  const area = any(equal('postcode'), samePlace)
  const nothingElse = all(absent('postcode'), absent('city'))
  return {
    makers: [
      {
        features: ['street', 'house', 'postcode', 'city', 'postcode_area'],
        make(cell) {
          const address = addressOf({
            whole: firstOf(cell, full_address),
            street: firstOf(cell, street),
            number: firstOf(cell, house_number),
            postcode: firstOf(cell, postal_code),
            city: firstOf(cell, city),
            state: firstOf(cell, state),
          })
          const area = /^[a-z]/.test(address.postcode) ? address.postcode.slice(0, -3) : address.postcode.slice(0, 3)
          return [address.street, address.number, address.postcode, address.city, area]
        },
      },
    ],
    comparisons: [
      {
        name: 'address',
        shared: true,
        known: any(present('street'), present('postcode'), present('city')),
        levels: [
          {
            name: 'same house',
            when: all(sameStreet, equal('house'), any(area, nothingElse)),
            match: 0.45,
            rarity: 'street',
          },
          { name: 'same street and place', when: all(sameStreet, area), match: 0.1, rarity: 'street' },
          {
            name: 'same house number and postcode',
            when: all(equal('house'), equal('postcode')),
            match: 0.05,
            rarity: 'postcode',
          },
          { name: 'same street and number', when: all(sameStreet, equal('house')), match: 0.04, rarity: 'street' },
          { name: 'same postcode and place', when: all(equal('postcode'), samePlace), match: 0.1, rarity: 'postcode' },
          { name: 'same postcode', when: equal('postcode'), match: 0.08, rarity: 'postcode' },
          { name: 'same street', when: sameStreet, match: 0.02, rarity: 'street' },
          { name: 'postcode one slip', when: slip('postcode'), match: 0.02 },
          { name: 'same place', when: samePlace, match: 0.03, rarity: 'city' },
          { name: 'same area', when: equal('postcode_area'), match: 0.01 },
          { name: 'different', when: present('street'), match: 0.1 },
        ],
      },
    ],
  }
}

function companyPart(roles: Roles): Part | null {
  const columns = roles.company
  if (!columns) return null
  return {
    makers: [
      {
        features: ['company', 'company_other'],
        make(cell) {
          const names = columns.map((column) => companyOf(cell(column))).filter((name) => name !== '')
          return [names[0] ?? '', names[1] ?? names[0] ?? '']
        },
      },
    ],
    comparisons: [
      {
        name: 'company',
        shared: false,
        // Beside people there are few of them.
        ...(isPeople(roles) ? { conditional: true } : {}),
        known: present('company'),
        levels: [
          {
            name: 'equal',
            when: any(equal('company'), equal('company', 'company_other'), equal('company_other', 'company')),
            match: 0.6,
            rarity: 'company',
          },
          { name: 'one slip', when: slip('company'), match: 0.05 },
          { name: 'most words in common', when: overlap(0.66, 'company'), match: 0.1 },
          { name: 'alike .92', when: alike(0.92, 'company'), match: 0.05 },
          { name: 'beginning', when: begins('company'), match: 0.05 },
          { name: 'alike .85', when: alike(0.85, 'company'), match: 0.04 },
          { name: 'words in common', when: overlap(0.3, 'company'), match: 0.08 },
          { name: 'alike .75', when: alike(0.75, 'company'), match: 0.03 },
          { name: 'different', when: present('company'), match: 0.05 },
        ],
      },
    ],
  }
}

function numberPart(column: string): Part {
  const feature = `number_${column}`
  return {
    makers: [{ features: [feature], make: (cell) => [fold(cell(column)).replaceAll(' ', '')] }],
    comparisons: [
      {
        name: column,
        shared: false,
        known: present(feature),
        levels: [
          { name: 'equal', when: equal(feature), match: 0.88, rarity: feature, chance: 0.0003 },
          { name: 'one slip', when: slip(feature), match: 0.05 },
          { name: 'two slips', when: edits(2, feature), match: 0.02 },
          { name: 'different', when: present(feature), match: 0.05 },
        ],
      },
    ],
  }
}

function wordsPart(column: string): Part {
  const feature = `words_${column}`
  return {
    makers: [{ features: [feature], make: (cell) => [fold(cell(column))] }],
    comparisons: [
      {
        name: column,
        shared: false,
        known: present(feature),
        levels: [
          { name: 'equal', when: equal(feature), match: 0.6, rarity: feature },
          { name: 'alike .92', when: alike(0.92, feature), match: 0.06 },
          { name: 'words in common', when: share(feature), match: 0.06 },
          { name: 'different', when: present(feature), match: 0.28 },
        ],
      },
    ],
  }
}

function genderPart(roles: Roles): Part | null {
  const columns = roles.gender
  if (!columns) return null
  return {
    makers: [{ features: ['gender'], make: (cell) => [fold(firstOf(cell, columns)).slice(0, 1)] }],
    comparisons: [
      {
        name: 'gender',
        shared: false,
        known: present('gender'),
        levels: [
          { name: 'equal', when: equal('gender'), match: 0.97 },
          { name: 'different', when: present('gender'), match: 0.03 },
        ],
      },
    ],
  }
}

/** A comparison of one column (or two, for `forename_surname`) with the levels of the neutral statement. */
export function plainPart(columns: string[], kind: string): Part {
  const plain = kind.split(':')[0] as string
  const [column = '', other = ''] = columns
  const feature = `plain_${columns.join('_')}`
  const maker = (make: (cell: Cell) => string, name = feature): Maker => ({
    features: [name],
    make: (cell) => [make(cell)],
  })
  const last = { name: 'different', when: present(feature) }
  const one = (levels: Comparison['levels'], makers = [maker((cell) => fold(cell(column)))]): Part => ({
    makers,
    comparisons: [{ name: columns.join('+'), shared: false, known: present(feature), levels }],
  })
  const exact = { name: 'equal', when: equal(feature) }
  switch (plain) {
    case 'name':
      return one([
        { ...exact, match: 0.8, rarity: feature },
        { name: 'alike .92', when: alike(0.92, feature), match: 0.07 },
        { name: 'alike .88', when: alike(0.88, feature), match: 0.04 },
        { name: 'alike .70', when: alike(0.7, feature), match: 0.04 },
        { ...last, match: 0.05 },
      ])
    case 'date': {
      const year = `${feature}_year`
      const makers = [
        maker((cell) => digitsOf(cell(column))),
        maker((cell) => digitsOf(cell(column)).slice(0, 4), year),
      ]
      return one(
        [
          { ...exact, match: 0.85 },
          { name: 'one slip', when: slip(feature), match: 0.08 },
          { name: 'within a year', when: years(1, year), match: 0.02 },
          { name: 'within ten years', when: years(10, year), match: 0.02 },
          { ...last, match: 0.03 },
        ],
        makers,
      )
    }
    case 'exact':
      return one([
        { ...exact, match: 0.9 },
        { ...last, match: 0.1 },
      ])
    case 'exact_tf':
      return one([
        { ...exact, match: 0.85, rarity: feature },
        { ...last, match: 0.15 },
      ])
    case 'edit2':
      return one([
        { ...exact, match: 0.85 },
        { name: 'one slip', when: edits(1, feature), match: 0.08 },
        { name: 'two slips', when: edits(2, feature), match: 0.02 },
        { ...last, match: 0.05 },
      ])
    case 'email': {
      const local = `${feature}_local`
      const makers = [
        maker((cell) => mailText(cell(column))),
        maker((cell) => mailText(cell(column)).split('@')[0] as string, local),
      ]
      return one(
        [
          { ...exact, match: 0.75, rarity: feature },
          { name: 'same name', when: equal(local), match: 0.06 },
          { name: 'alike .88', when: alike(0.88, feature), match: 0.06 },
          { name: 'name alike .88', when: alike(0.88, local), match: 0.03 },
          { ...last, match: 0.1 },
        ],
        makers,
      )
    }
    case 'postcode': {
      const area = `${feature}_area`
      const makers = [
        maker((cell) => fold(cell(column)).replaceAll(' ', '')),
        maker((cell) => fold(cell(column)).replaceAll(' ', '').slice(0, -2), area),
      ]
      return one(
        [
          { ...exact, match: 0.7 },
          { name: 'same area', when: equal(area), match: 0.1 },
          { ...last, match: 0.2 },
        ],
        makers,
      )
    }
    case 'text':
      return one([
        { ...exact, match: 0.7 },
        { name: 'alike .92', when: alike(0.92, feature), match: 0.08 },
        { name: 'alike .85', when: alike(0.85, feature), match: 0.06 },
        { name: 'alike .75', when: alike(0.75, feature), match: 0.06 },
        { ...last, match: 0.1 },
      ])
    default: {
      const second = `${feature}_second`
      const both = `${feature}_both`
      const makers = [
        maker((cell) => fold(cell(column))),
        maker((cell) => fold(cell(other)), second),
        maker((cell) => (cell(column) && cell(other) ? fold(`${cell(column)} ${cell(other)}`) : ''), both),
      ]
      return {
        makers,
        comparisons: [
          {
            name: columns.join('+'),
            shared: false,
            known: any(present(feature), present(second)),
            levels: [
              { name: 'both equal', when: equal(both), match: 0.5, rarity: both },
              { name: 'swapped', when: all(equal(feature, second), equal(second, feature)), match: 0.01 },
              { name: 'both alike .92', when: all(alike(0.92, feature), alike(0.92, second)), match: 0.1 },
              { name: 'both alike .88', when: all(alike(0.88, feature), alike(0.88, second)), match: 0.05 },
              { name: 'surname equal', when: equal(second), match: 0.1, rarity: second },
              { name: 'first name equal', when: equal(feature), match: 0.1, rarity: feature },
              { name: 'different', when: present(feature), match: 0.14 },
            ],
          },
        ],
      }
    }
  }
}
