import { type Comparison } from '@einklang/stats'
import { looksLikeAnswer, notUnique, type Profile, profilesOf, type Recognised, recognise } from './columns.ts'
import {
  type Cell,
  type Maker,
  plainKinds,
  plainPart,
  type RoleKind,
  type Roles,
  roleKinds,
  rolePart,
} from './kinds.ts'
import { factsBy } from './read.ts'
import type { Input } from './records.ts'
import { type KeyPart, ownRules, type Rule } from './rules.ts'
import { impossibleDate } from './standard/dates.ts'
import { fold } from './standard/text.ts'

export type Derivation = { from: string; keep?: string; lower?: boolean; extract?: string }

/** The configuration of a match: what is compared, how pairs are found, where the lines are. */
export type MatchConfig = {
  link?: 'dedupe' | 'link' | 'link_and_dedupe'
  id?: string
  compare?: { [columns: string]: string }
  block?: string[][]
  blockAlso?: string[][]
  sure?: string[][]
  sureRecall?: number
  em?: string[][]
  uPairs?: number
  derive?: { [column: string]: Derivation }
  columns?: { [input: string]: { [theirs: string]: string } }
  thresholds?: { cluster?: number; auto?: number; review?: number; keep?: number }
  guard?: { on?: boolean; household?: boolean; twins?: boolean }
  clusters?: { maxSize?: number; oneToOne?: boolean; unique?: string[]; duplicateFree?: string[] }
  maxPairs?: number
  ignore?: string[]
}

export type Thresholds = { cluster: number; auto: number; review: number; keep: number }

export type Plan = {
  link: 'dedupe' | 'link' | 'link_and_dedupe'
  ids: (string | null)[]
  renamed: { [ours: string]: string }[]
  makers: Maker[]
  comparisons: Comparison[]
  rules: Rule[]
  recognised: Recognised[]
  thresholds: Thresholds
  guard: { on: boolean; household: boolean; twins: boolean }
  clusters: { maxSize: number; oneToOne: boolean; unique: string[]; duplicateFree: number[] }
  maxPairs: number | null
  randomPairs: number
  warnings: string[]
  /** The configuration as it stands after defaults, for `--print-config` and the manifest. */
  config: MatchConfig
}

/** A configuration that cannot be carried out: the sentence says which key, and what would do. */
export class WrongConfig extends Error {
  readonly doInstead: string | undefined
  constructor(message: string, doInstead?: string) {
    super(message)
    this.name = 'WrongConfig'
    this.doInstead = doInstead
  }
}

const keys = [
  'link',
  'id',
  'compare',
  'block',
  'blockAlso',
  'sure',
  'sureRecall',
  'em',
  'uPairs',
  'derive',
  'columns',
  'thresholds',
  'guard',
  'clusters',
  'maxPairs',
  'ignore',
  'like',
]
const innerKeys: { [key: string]: string[] } = {
  thresholds: ['cluster', 'auto', 'review', 'keep'],
  guard: ['on', 'household', 'twins'],
  clusters: ['maxSize', 'oneToOne', 'unique', 'duplicateFree'],
}
const kinds: string[] = [...roleKinds, ...plainKinds]

/** Makes a plan of a configuration and the tables; without `compare` the columns are recognised. */
export function planMatch(inputs: Input[], given: MatchConfig, never: string[] = []): Plan {
  checkKeys(given)
  const profiles = inputs.map(profilesOf)
  const recognised = inputs.flatMap((input, at) => recognise(input, profiles[at] as Profile[], never))
  const config = given.compare ? given : { ...zeroConfig(inputs, recognised, given), ...given }
  const link = config.link ?? (inputs.length > 1 ? 'link' : 'dedupe')
  const derived = config.derive ?? {}
  const renamed = renamings(inputs, config, recognised)
  checkColumns(inputs, config, renamed, derived)
  const facts = factsBy(profiles, renamed)
  const roles = rolesOf(config)
  const parts = [rolePart(roles, facts), ...plainParts(config)]
  const rules = rulesOf(config, roles, parts)
  const guardRoles = Object.keys(roles).length > 0 ? null : guardRolesOf(inputs, config, recognised)
  const makers = [
    ...parts.flatMap(({ makers }) => makers),
    ...keyMakers(config, new Set(parts.flatMap(({ makers }) => makers.flatMap(({ features }) => features)))),
    ...(guardRoles ? rolePart(guardRoles, facts).makers : []),
  ].map((maker) => ({ ...maker, make: (cell: Cell) => maker.make(derivedCell(cell, derived)) }))
  const comparisons = parts.flatMap(({ comparisons }) => comparisons)
  if (comparisons.length > 30)
    throw new WrongConfig('At most 30 comparisons are possible.', 'Leave some columns out with "ignore".')
  checkTraining(config)
  const ids = inputs.map((input, at) => idOf(input, profiles[at] as Profile[], config, recognised))
  const unnamed = inputs.filter((_, at) => ids[at] === null).map(({ name }) => name)
  const warnings = [
    ...recognised
      .filter(({ why, column }) => why === 'is empty' && given.compare === undefined && column !== '')
      .map(({ input, column }) => `${input}: column ${column} is empty and not compared.`),
    ...undated(inputs, profiles, config, renamed),
    ...recognised
      .filter(({ why, input }) => why === notUnique && unnamed.includes(input))
      .map(({ input, column }) => `${input}: column ${column} ${notUnique}; rows are called by their number (row:17).`),
  ]
  return {
    link,
    ids,
    renamed,
    makers,
    comparisons,
    rules,
    recognised,
    thresholds: { cluster: 0.5, auto: 0.99, review: 0.6, keep: 0.01, ...config.thresholds },
    guard: { on: true, household: true, twins: true, ...config.guard },
    clusters: {
      maxSize: config.clusters?.maxSize ?? 12,
      oneToOne: config.clusters?.oneToOne ?? link === 'link',
      unique: (config.clusters?.unique ?? []).map((column) => featureOf(column, roles, config)),
      duplicateFree: (config.clusters?.duplicateFree ?? []).map((name) =>
        inputs.findIndex((input) => input.name === name),
      ),
    },
    maxPairs: config.maxPairs ?? null,
    randomPairs: Math.min(config.uPairs ?? 200_000, 1_000_000),
    warnings,
    config,
  }
}

/** Birth dates that no calendar has are compared letter by letter or not at all; how many is said. */
function undated(
  inputs: Input[],
  profiles: Profile[][],
  config: MatchConfig,
  renamed: { [ours: string]: string }[],
): string[] {
  const columns = Object.entries(config.compare ?? {}).filter(([, kind]) => kind === 'birth_date')
  return inputs.flatMap(({ name }, at) =>
    columns.flatMap(([ours]) => {
      const theirs = renamed[at]?.[ours] ?? ours
      const values = profiles[at]?.find(({ column }) => column === theirs)?.values ?? []
      const bad = values.filter((value) => impossibleDate(value)).length
      return bad === 0
        ? []
        : [`${name}: ${bad} of ${values.length} values of ${theirs} that were looked at are in no calendar.`]
    }),
  )
}

function checkKeys(config: MatchConfig): void {
  const wrong = (key: string, allowed: string[], where = '') =>
    new WrongConfig(`The configuration has no key "${where}${key}".`, `Allowed are ${allowed.join(', ')}.`)
  for (const [key, value] of Object.entries(config)) {
    if (!keys.includes(key)) throw wrong(key, keys)
    const inner = innerKeys[key]
    checkShape(key, value)
    if (!inner) continue
    if (typeof value !== 'object' || value === null) throw new WrongConfig(`"${key}" must be an object.`)
    for (const name of Object.keys(value)) if (!inner.includes(name)) throw wrong(name, inner, `${key}.`)
  }
  for (const [columns, kind] of Object.entries(config.compare ?? {})) {
    if (typeof kind !== 'string' || !kinds.includes(kind.split(':')[0] as string)) {
      throw new WrongConfig(`compare.${columns}: there is no kind "${String(kind)}".`, `Kinds are ${kinds.join(', ')}.`)
    }
  }
  for (const [name, value] of Object.entries(config.thresholds ?? {})) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw new WrongConfig(`thresholds.${name} must lie between 0 and 1.`)
  }
  if (config.link !== undefined && !['dedupe', 'link', 'link_and_dedupe'].includes(config.link)) {
    throw new WrongConfig(`link: there is no mode "${config.link}".`, 'Allowed are dedupe, link, link_and_dedupe.')
  }
}

const lists = ['block', 'blockAlso', 'sure', 'em']
const objects = ['compare', 'derive', 'columns']
const figures = ['sureRecall', 'uPairs', 'maxPairs']

/** A value of another shape than its key holds. */
function checkShape(key: string, value: unknown): void {
  const texts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === 'string')
  const wrong = (what: string, example: string) =>
    new WrongConfig(`"${key}" must be ${what}.`, `For example {"${key}": ${example}}`)
  if (lists.includes(key) && !(Array.isArray(value) && value.every((rule) => texts(rule) && rule.length > 0)))
    throw wrong('a list of rules, each a list of columns', '[["surname", "postcode"], ["email"]]')
  if (key === 'ignore' && !texts(value)) throw wrong('a list of columns', '["notes"]')
  if (key === 'id' && typeof value !== 'string') throw wrong('the name of a column', '"customer_no"')
  if (objects.includes(key) && (typeof value !== 'object' || value === null || Array.isArray(value)))
    throw wrong('an object', '{"…": "…"}')
  if (figures.includes(key) && !(typeof value === 'number' && value >= 0)) throw wrong('a number', '1000000')
}

/** Without a configuration each recognised column is compared as what it is. */
function zeroConfig(inputs: Input[], recognised: Recognised[], given: MatchConfig): MatchConfig {
  const ignored = new Set(given.ignore ?? [])
  const compare: { [columns: string]: string } = {}
  const ours = new Map<string, string>()
  for (const input of inputs) {
    for (const { column, role } of recognised.filter((column) => column.input === input.name)) {
      if (role === null || role === 'id' || role === 'source' || ignored.has(column)) continue
      // Another table's column of the same role is the same column under another name.
      const known = input === inputs[0] ? undefined : ours.get(role)
      const same = compare[column] !== undefined || known !== undefined
      if (!same) compare[column] = role
      if (!ours.has(role)) ours.set(role, column)
    }
  }
  const people: RoleKind[][] = [
    ['first_name', 'surname', 'full_name', 'company'],
    ['birth_date'],
    ['mail'],
    ['phone'],
    ['person_number'],
  ]
  const present = people.filter((roles) => Object.values(compare).some((kind) => roles.includes(kind as RoleKind)))
  if (present.length < 2) {
    const list = Object.entries(compare).map(([column, kind]) => `${column} (${kind})`)
    throw new WrongConfig(
      `Too little was recognised to tell people apart: ${list.join(', ') || 'nothing'}. At least two of name, birth date, e-mail, phone, number of a person are needed.`,
      `Say in a configuration what the columns ${inputs[0]?.header.slice(0, 20).join(', ')} hold, for example {"compare": {"name1": "first_name", "name2": "surname", "born": "birth_date"}}`,
    )
  }
  return { compare }
}

function idOf(input: Input, profiles: Profile[], config: MatchConfig, recognised: Recognised[]): string | null {
  if (config.id !== undefined && input.header.includes(config.id)) return config.id
  if (config.id !== undefined) return null
  return recognised.find(({ input: name, role }) => name === input.name && role === 'id')?.column ?? null
}

/** ours → theirs, by input. */
function renamings(inputs: Input[], config: MatchConfig, recognised: Recognised[]): { [ours: string]: string }[] {
  const wanted = Object.entries(config.compare ?? {})
  return inputs.map((input) => {
    const stated = Object.fromEntries(
      Object.entries(config.columns?.[input.name] ?? {}).map(([theirs, ours]) => [ours, theirs]),
    )
    const here = recognised.filter((column) => column.input === input.name)
    for (const [columns, kind] of wanted) {
      // A table may call a column of another table differently; a name that no table has is a slip.
      const elsewhere = inputs.some(({ header }) => header.includes(columns))
      if (columns in stated || input.header.includes(columns) || !elsewhere) continue
      const same = here.filter(({ role, column }) => role === kind && config.compare?.[column] === undefined)
      if (same.length > 0) stated[columns] = (same[0] as Recognised).column
    }
    return stated
  })
}

function columnsNamed(config: MatchConfig): { column: string; where: string }[] {
  const keyed = (list: string[][] | undefined, where: string) =>
    (list ?? []).flatMap((rule) => rule.map((text) => ({ column: partOf(text).feature, where })))
  return [
    ...Object.keys(config.compare ?? {}).flatMap((columns) =>
      columns.split('+').map((column) => ({ column, where: 'compare' })),
    ),
    ...keyed(config.block, 'block'),
    ...keyed(config.blockAlso, 'blockAlso'),
    ...keyed(config.sure, 'sure'),
    ...keyed(config.em, 'em'),
    ...(config.clusters?.unique ?? []).map((column) => ({ column, where: 'clusters.unique' })),
    ...(config.id === undefined ? [] : [{ column: config.id, where: 'id' }]),
  ]
}

function checkColumns(
  inputs: Input[],
  config: MatchConfig,
  renamed: { [ours: string]: string }[],
  derived: { [column: string]: Derivation },
): void {
  const known = new Set([
    ...inputs.flatMap(({ header }) => header),
    ...renamed.flatMap((map) => Object.keys(map)),
    ...Object.keys(derived),
  ])
  const features = new Set(standardFeatures)
  for (const { column, where } of columnsNamed(config)) {
    if (known.has(column) || (['block', 'blockAlso', 'sure', 'em'].includes(where) && features.has(column))) continue
    const near = nearestOf(column, [...known])
    throw new WrongConfig(
      `${where}: no input has a column "${column}".`,
      near ? `"${near}"? The columns are ${[...known].join(', ')}.` : `The columns are ${[...known].join(', ')}.`,
    )
  }
}

function nearestOf(wanted: string, known: string[]): string | null {
  const distance = (one: string, other: string) => {
    const row = Array.from({ length: other.length + 1 }, (_, at) => at)
    for (let line = 1; line <= one.length; line++) {
      let corner = row[0] as number
      row[0] = line
      for (let at = 1; at <= other.length; at++) {
        const above = row[at] as number
        row[at] = Math.min(corner + (one[line - 1] === other[at - 1] ? 0 : 1), above + 1, (row[at - 1] as number) + 1)
        corner = above
      }
    }
    return row[other.length] as number
  }
  const best = known
    .map((name) => ({ name, away: distance(fold(wanted).replaceAll(' ', ''), fold(name).replaceAll(' ', '')) }))
    .sort((one, other) => one.away - other.away)[0]
  return best && best.away <= Math.max(2, wanted.length / 3) ? best.name : null
}

function rolesOf(config: MatchConfig): Roles {
  const roles: Roles = {}
  for (const [column, kind] of Object.entries(config.compare ?? {})) {
    const role = roleKinds.find((name) => name === kind)
    if (!role) continue
    roles[role] = [...(roles[role] ?? []), column]
  }
  return roles
}

/** For the household guard of a plain statement: columns whose names tell what they are. */
function guardRolesOf(inputs: Input[], config: MatchConfig, recognised: Recognised[]): Roles {
  const roles: Roles = {}
  for (const { column, role, input } of recognised) {
    if (role === null || role === 'id' || role === 'source' || input !== inputs[0]?.name) continue
    if (looksLikeAnswer(column) || config.ignore?.includes(column) || role === 'words' || role === 'person_number')
      continue
    roles[role] = [...(roles[role] ?? []), column]
  }
  return roles
}

function plainParts(config: MatchConfig) {
  return Object.entries(config.compare ?? {})
    .filter(([, kind]) => !(roleKinds as readonly string[]).includes(kind))
    .map(([columns, kind]) => plainPart(columns.split('+'), kind))
}

function partOf(text: string): KeyPart {
  const cut = /^substr\(([^,]+),\s*(\d+),\s*(\d+)\)$/.exec(text)
  return cut ? { feature: cut[1] as string, start: Number(cut[2]), length: Number(cut[3]) } : { feature: text }
}

const standardFeatures = [
  'given',
  'given_sound',
  'family',
  'family_sound',
  'birth',
  'birth_year',
  'mail',
  'mail_local',
  'phone',
  'phone_last',
  'street',
  'house',
  'postcode',
  'postcode_area',
  'city',
  'company',
]

const mainFeature: { [kind in RoleKind]?: string } = {
  first_name: 'given',
  surname: 'family',
  birth_date: 'birth',
  mail: 'mail',
  phone: 'phone',
  street: 'street',
  house_number: 'house',
  postal_code: 'postcode',
  city: 'city',
  company: 'company',
}

function featureOf(name: string, roles: Roles, config: MatchConfig): string {
  const kind = config.compare?.[name] as RoleKind | undefined
  if (kind && roles[kind]?.[0] === name && mainFeature[kind]) return mainFeature[kind]
  if (kind === 'person_number') return `number_${name}`
  if (kind === 'words') return `words_${name}`
  return kind === undefined && standardFeatures.includes(name) ? name : `key_${name}`
}

function rulesOf(config: MatchConfig, roles: Roles, parts: { makers: Maker[] }[]): Rule[] {
  if (!config.block) {
    const rules = ownRules(new Set(parts.flatMap(({ makers }) => makers.flatMap(({ features }) => features))))
    if (Object.keys(roles).length > 0) return rules
    throw new WrongConfig('"block" is missing: with plain kinds the configuration says which pairs to compare.')
  }
  return [...config.block, ...(config.blockAlso ?? [])].map((list) => ({
    name: list.join(' + '),
    asked: true,
    parts: list.map((text) => {
      const { feature, ...rest } = partOf(text)
      return { feature: featureOf(feature, roles, config), ...rest }
    }),
  }))
}

/** Raw columns that only rules ask for. */
function keyMakers(config: MatchConfig, made: Set<string>): Maker[] {
  const roles = rolesOf(config)
  const names = new Set(
    [...(config.block ?? []), ...(config.blockAlso ?? [])].flat().map((text) => partOf(text).feature),
  )
  for (const column of config.clusters?.unique ?? []) names.add(column)
  return [...names]
    .map((name) => ({ name, feature: featureOf(name, roles, config) }))
    .filter(({ feature }) => feature.startsWith('key_') && !made.has(feature))
    .map(({ name, feature }) => ({
      features: [feature],
      make: (cell) => [fold(cell(name)) || cell(name).toLowerCase()],
    }))
}

function derivedCell(cell: Cell, derived: { [column: string]: Derivation }): Cell {
  return (name) => {
    const rule = derived[name]
    if (!rule) return cell(name)
    let text = cell(rule.from)
    if (rule.lower) text = text.toLowerCase()
    if (rule.extract) text = new RegExp(rule.extract).exec(text)?.[1] ?? ''
    if (rule.keep) text = (text.match(new RegExp(rule.keep, 'g')) ?? []).join('')
    return text.trim()
  }
}

const personal = /first|given|vorname|forename|birth|dob|geb|mail|rufname|ssn|soc_sec|number|name/i

/** Pairs that agree in surname and address are families: EM on them would learn families as matches. */
function checkTraining(config: MatchConfig): void {
  for (const rule of config.em ?? []) {
    const columns = rule.map((text) => partOf(text).feature)
    const family = columns.every(
      (column) => !personal.test(column) || /^(?:surname|last_?name|nachname|family)/i.test(column),
    )
    const organisations = !Object.keys(config.compare ?? {}).some((column) =>
      /surname|last|first|given|vorname|nachname/i.test(column),
    )
    if (family && !organisations && columns.length > 1) {
      throw new WrongConfig(
        `em: the rule ${columns.join(' + ')} holds nothing personal (birth date, first name, e-mail). Its pairs are families, and training would take them for one person.`,
        'Add a personal column to the rule, or leave "em" out.',
      )
    }
  }
}
