import { type History, Refusal, writtenSql } from '@einklang/platform'
import {
  type Comparison,
  chanceOf,
  drawsFrom,
  evidenceOf,
  type Fit,
  fitLinkage,
  kinOf,
  type LinkageModel,
  type Links,
  levelOf,
  type Patterns,
  type Prior,
} from '@einklang/stats'
import { mailComparisons, ofAll } from './kinds.ts'
import { type FeatureColumn, type Records, readerOf } from './records.ts'
import { keySql, type Rule } from './rules.ts'
import { levelSql } from './sql.ts'

/** Where a run works: ClickHouse, names of its tables, and a way to bring rows in. */
export type Workshop = {
  history: History
  /** Beginning of the names of all tables of this run: `identity.match_7_`. */
  prefix: string
  /** Brings rows into a table; texts are folded and hold neither tab nor line break. */
  load(table: string, columns: string[], rows: Iterable<(string | number)[]>): Promise<void>
  threads?: number
  /** Makes the place ready before the first table. */
  prepare?(): Promise<void>
}

/** Runs one statement made by us: names of tables and columns are numbers, values went through `quoted`. */
function run(shop: Workshop, text: string): Promise<void> {
  return shop.history.run(writtenSql(`${text}${settingsOf(shop)}`))
}
function rows<Row>(shop: Workshop, text: string): Promise<Row[]> {
  return shop.history.rows<Row>(writtenSql(`${text}${settingsOf(shop)}`))
}
function settingsOf({ threads }: Workshop): string {
  const most = threads === undefined ? '' : `, max_threads = ${threads}`
  return `\nsettings max_execution_time = 0, join_algorithm = 'hash', query_plan_join_swap_table = 'false'${most}`
}

export type Prepared = {
  records: Records
  comparisons: Comparison[]
  /** Features in the order of their numbers in SQL. */
  features: FeatureColumn[]
  number(feature: string): number
  rarities: Map<string, Float32Array>
  link: boolean
  /** Records of which one has to be in each pair; null = all. */
  fresh: Uint8Array | null
}

export function prepare(
  records: Records,
  comparisons: Comparison[],
  link: boolean,
  compared?: (id: string) => boolean,
): Prepared {
  const features = [...records.features.values()]
  const numbers = new Map(features.map(({ name }, at) => [name, at]))
  const rare = new Set(comparisons.flatMap(({ levels }) => levels.flatMap(({ rarity }) => rarity ?? [])))
  return {
    records,
    comparisons,
    features,
    number(feature) {
      const found = numbers.get(feature)
      if (found === undefined) throw new Error(`There is no feature ${feature}.`)
      return found
    },
    rarities: new Map(features.filter(({ name }) => rare.has(name)).map((column) => [column.name, column.rarity()])),
    link,
    fresh: compared ? Uint8Array.from(records.ids, (id) => (compared(id) ? 0 : 1)) : null,
  }
}

/** Brings the standardised records into ClickHouse. */
export async function loadRecords(shop: Workshop, prepared: Prepared): Promise<void> {
  const { records, features, rarities } = prepared
  const rare = [...rarities.keys()]
  const names = [
    'id UInt32',
    'input UInt8',
    'fresh UInt8',
    ...features.map((_, at) => `f${at} String`),
    ...rare.map((name) => `w${prepared.number(name)} Float32`),
  ]
  await shop.prepare?.()
  await run(shop, `drop table if exists ${shop.prefix}record`)
  await run(shop, `create table ${shop.prefix}record (${names.join(', ')}) engine = MergeTree order by id`)
  function* lines() {
    const weights = rare.map((name) => ({ values: rarities.get(name), of: records.features.get(name)?.of }))
    for (let record = 0; record < records.count; record++) {
      const line: (string | number)[] = [record, records.input[record] as number, prepared.fresh?.[record] ?? 1]
      for (const column of features) line.push(column.at(record))
      for (const { values, of } of weights) line.push(values?.[of?.[record] as number] as number)
      yield line
    }
  }
  await shop.load(
    `${shop.prefix}record`,
    names.map((name) => name.split(' ')[0] as string),
    lines(),
  )
}

export type PlannedRule = Rule & {
  /** Values with more records than this are left out. */
  cap: number
  pairs: number
  skipped: { values: number; pairs: number; largest: { value: string; records: number }[] }
  /** Every so many-th pair of the values with more than `above` records, so that training sees what was left out. */
  sample?: { above: number; every: number }
}

type SizeRow = { rule: number; size: number; keys: number; pairs: number }

const pairsOfKey = (link: boolean) => (link ? '(pow(sum(c), 2) - sum(c * c)) / 2' : 'sum(c) * (sum(c) - 1) / 2')

/**
 * Counts the pairs of each rule before anything is compared, and decides how far each may go. A value above the
 * 99.9th percentile that alone makes more than 10,000 pairs is left out. Rules that were asked for and still go past
 * the budget are refused; our own use what is left of `target`, rare values first.
 */
export async function planRules(
  shop: Workshop,
  prepared: Prepared,
  rules: Rule[],
  limits: { maxPairs: number; target: number },
): Promise<PlannedRule[]> {
  const { records, link } = prepared
  const everyPair = allPairs(prepared)
  const own = rules.every(({ asked }) => !asked)
  if (own && everyPair <= Math.min(limits.target, 600_000)) {
    return [{ name: 'all pairs', parts: [], asked: false, cap: records.count, pairs: everyPair, skipped: none() }]
  }
  const planned: PlannedRule[] = []
  let left = limits.target
  let total = 0
  for (const [index, rule] of rules.entries()) {
    const sizes = await rows<SizeRow>(
      shop,
      `select size, count() as keys, sum(pairs) as pairs from (
         select sum(c) as size, ${pairsOfKey(link)} as pairs
         from (select ${keySql(rule, prepared.number)} as h, input, count() as c from ${shop.prefix}record group by h, input)
         where h != 0 group by h having size > 1) group by size order by size`,
    )
    const cap = rule.asked ? hotSize(sizes) : rareSize(sizes, Math.min(left, Math.max(limits.target / 3, left / 2)))
    const kept = sizes.filter(({ size }) => size <= cap)
    const pairs = sum(kept, 'pairs')
    total += pairs
    if (rule.asked && total > limits.maxPairs) {
      const largest = await largestValues(shop, prepared, rule)
      throw new Refusal(
        422,
        'pair_budget',
        `The blocking rule ${rule.name} makes ${count(pairs)} pairs; with the rules before it that is more than the ${count(limits.maxPairs)} allowed. Its largest values: ${largest.map(({ value, records }) => `"${value}" (${count(records)} records)`).join(', ')}.`,
        { doInstead: 'Add a second key to the rule, or raise maxPairs.' },
      )
    }
    if (!rule.asked) left -= pairs
    const over = sizes.filter(({ size }) => size > cap)
    const largest = over.length > 0 && rule.asked ? await largestValues(shop, prepared, rule) : []
    if (pairs > 0 || rule.asked) {
      planned.push({ ...rule, cap, pairs, skipped: { values: sum(over, 'keys'), pairs: sum(over, 'pairs'), largest } })
    }
    if (rule.namesakes && over.length > 0) {
      const most = rareSize(sizes, pairs + 50_000_000)
      const left = sum(
        over.filter(({ size }) => size <= most),
        'pairs',
      )
      const every = Math.ceil(left / 100_000)
      if (left > 0)
        planned.push({
          ...rule,
          name: `${rule.name}, sample`,
          cap: most,
          pairs: Math.round(left / every),
          skipped: none(),
          sample: { above: cap, every },
        })
    }
    if (planned.length === 30 && index < rules.length - 1) break
  }
  return planned
}

const none = () => ({ values: 0, pairs: 0, largest: [] })
const count = (value: number) => Math.round(value).toLocaleString('en')
const sum = <Name extends string>(list: { [name in Name]: number }[], name: Name) =>
  list.reduce((total, row) => total + row[name], 0)

export function allPairs({ records, link }: Prepared): number {
  const total = (records.count * (records.count - 1)) / 2
  if (!link) return total
  const sizes = new Map<number, number>()
  for (const input of records.input) sizes.set(input, (sizes.get(input) ?? 0) + 1)
  return [...sizes.values()].reduce((left, size) => left - (size * (size - 1)) / 2, total)
}

function hotSize(sizes: SizeRow[]): number {
  const keys = sum(sizes, 'keys')
  let below = 0
  for (const { size, keys: here, pairs } of sizes) {
    if (below / keys >= 0.999 && pairs / here > 10_000) return size - 1
    below += here
  }
  return Number.MAX_SAFE_INTEGER
}

/** Up to which size values fit into the budget. */
function rareSize(sizes: SizeRow[], budget: number): number {
  let pairs = 0
  let cap = 0
  for (const row of sizes) {
    pairs += row.pairs
    if (pairs > budget || row.pairs / row.keys > 10_000) break
    cap = row.size
  }
  return cap
}

async function largestValues(shop: Workshop, prepared: Prepared, rule: Rule) {
  const shown = rule.parts.map(({ feature, start, length }) => {
    const column = `f${prepared.number(feature)}`
    return start === undefined ? column : `substring(${column}, ${start}, ${length})`
  })
  return rows<{ value: string; records: number }>(
    shop,
    `select arrayStringConcat([${shown.join(', ')}], ' + ') as value, count() as records from ${shop.prefix}record
     where ${keySql(rule, prepared.number)} != 0 group by value order by records desc, value limit 3`,
  )
}

/** Pairs found by each rule, each pair once, compared field by field. */
export async function comparePairs(shop: Workshop, prepared: Prepared, rules: PlannedRule[]): Promise<void> {
  const { prefix } = shop
  const { comparisons, number, link, records, fresh } = prepared
  const more = rarities(prepared)
  await remake(shop, 'found', 'order by (l, r)', '(l UInt32, r UInt32, mask UInt32)')
  await remake(
    shop,
    'scored',
    'order by (l, r)',
    `(l UInt32, r UInt32, mask UInt32${comparisons.map((_, at) => `, c${at} UInt8`).join('')}${more.map(({ name }) => `, ${name} Float32`).join('')})`,
  )
  const levels = comparisons.map((comparison, at) => `${levelSql(comparison, number)} as c${at}`)
  const compared = (mask: string, from: string) =>
    `insert into ${prefix}scored
     select l, r, mask${comparisons.map((_, at) => `, c${at}`).join('')}${more.map(({ name, sql }) => `, ${sql} as ${name}`).join('')} from (
       select l.id as l, r.id as r, ${mask} as mask, ${levels.join(', ')}${rareColumns(prepared)} from ${from})`
  if (rules.some(({ parts }) => parts.length === 0)) {
    const apart = ['l.id < r.id', '(l.fresh = 1 or r.fresh = 1)', ...(link ? ['l.input != r.input'] : [])]
    await run(
      shop,
      compared('toUInt32(1)', `${prefix}record as l cross join ${prefix}record as r where ${apart.join(' and ')}`),
    )
    return
  }
  // Records of one input follow each other, so their numbers tell the input.
  const inputOf = (id: string) => `arrayCount(begin -> begin <= ${id}, [${beginsOf(records).join(', ')}])`
  const partner = link ? `other > l and ${inputOf('other')} != ${inputOf('l')}` : 'other > l'
  for (const [at, rule] of rules.entries()) {
    const { above = 1, every = 1 } = rule.sample ?? {}
    const chosen = every === 1 ? partner : `${partner} and sipHash64(l, other) % ${every} = 0`
    const new_ = fresh ? ' and (has(news, l) or has(news, other))' : ''
    await run(
      shop,
      `insert into ${prefix}found
       select l, arrayJoin(arrayFilter(other -> ${chosen}${new_}, ids)) as r, ${2 ** at} from (
         select ${keySql(rule, number)} as key, groupArray(id) as ids${fresh ? ', groupArrayIf(id, fresh = 1) as news' : ''}
         from ${prefix}record where key != 0 group by key
         having count() > ${above} and count() <= ${Math.min(rule.cap, records.count)}${fresh ? ' and max(fresh) = 1' : ''}
       ) array join ids as l`,
    )
  }
  const step = 200_000
  for (let start = 0; start < records.count; start += step) {
    const range = (id: string) => `${id} >= ${start} and ${id} < ${start + step}`
    await run(
      shop,
      compared(
        'pair.mask',
        `(select l, r, groupBitOr(mask) as mask from ${prefix}found where ${range('l')} group by l, r) as pair
         inner join (select * from ${prefix}record where ${range('id')}) as l on pair.l = l.id
         inner join (select * from ${prefix}record where id >= ${start}) as r on pair.r = r.id`,
      ),
    )
  }
}

/** Number of the first record of each input. */
function beginsOf({ input, count }: Records): number[] {
  return Array.from({ length: count }, (_, record) => record).filter(
    (record) => record === 0 || input[record] !== input[record - 1],
  )
}

async function remake(shop: Workshop, table: string, order: string, columns = ''): Promise<void> {
  await run(shop, `drop table if exists ${shop.prefix}${table}`)
  await run(shop, `create table ${shop.prefix}${table} ${columns} engine = MergeTree ${order}`)
}

/** The levels of a pair as one word: a letter for each comparison, @ = missing. */
const codeSql = ({ comparisons }: Prepared) => `char(${comparisons.map((_, at) => `64 + c${at}`).join(', ')})`

/** The levels such a word stands for. */
export function levelsOf(code: string): number[] {
  return Array.from(code, (letter) => letter.charCodeAt(0) - 64)
}

function rareColumns({ rarities, number }: Prepared): string {
  return [...rarities.keys()]
    .map((name) => `, least(l.w${number(name)}, r.w${number(name)}) as w${number(name)}`)
    .join('')
}

/**
 * How much rarer than usual the values are in which two records agree: for shared fields, for personal ones, and alone
 * for each that kin may have in common.
 */
function rarities({ comparisons, number }: Prepared): { name: string; sql: string }[] {
  const sumOf = (of: (comparison: Comparison) => boolean) => {
    const terms = comparisons.flatMap((comparison, at) => {
      const cases = comparison.levels.flatMap(({ rarity }, level) =>
        of(comparison) && rarity !== undefined ? [`c${at} = ${level + 1}, w${number(rarity)}`] : [],
      )
      return cases.length === 0 ? [] : [`multiIf(${cases.join(', ')}, 0)`]
    })
    return `toFloat32(${terms.length === 0 ? '0' : terms.join(' + ')})`
  }
  return [
    { name: 'own', sql: sumOf(({ shared, kin }) => !shared && kin === undefined) },
    { name: 'common', sql: sumOf(({ shared }) => shared) },
    ...comparisons.flatMap((comparison, at) =>
      comparison.kin === undefined ? [] : [{ name: `kin${at}`, sql: sumOf((other) => other === comparison) }],
    ),
  ]
}

export type Trained = { model: LinkageModel; fit: Fit | null; warnings: string[]; found: number }

/** Chance agreement from random pairs, the rest by EM on counts per pattern of levels. */
export async function train(
  shop: Workshop,
  prepared: Prepared,
  rules: PlannedRule[],
  settings: { seed: number; randomPairs: number; labels?: { one: number; other: number; score: number }[] },
): Promise<Trained> {
  const patterns = await patternsOf(shop, prepared, rules)
  const seen = randomLevels(prepared, settings.seed, settings.randomPairs)
  return trainOn(prepared, patterns, seen, settings.labels)
}

export function trainOn(
  prepared: Prepared,
  patterns: Patterns,
  seen: number[][],
  labels: { one: number; other: number; score: number }[] = [],
): Trained {
  const { comparisons, records } = prepared
  const priors: Prior[] = comparisons.map(({ levels, shared, conditional, kin }) => ({
    match: sharesOf(levels.map(({ match }) => match)),
    strength: 20,
    shared,
    ...(kin === undefined ? {} : { kin }),
    ...(conditional && shared ? { family: sharesOf(levels.map(({ family, match }) => family ?? match)) } : {}),
    ...(conditional
      ? {
          chance: sharesOf(
            levels.map(({ chance }, at) => chance ?? (at === levels.length - 1 ? 0.9 : 0.1 / levels.length)),
          ),
        }
      : {}),
  }))
  learnFrom(labels, prepared, priors)
  const families = comparisons.some(({ shared }) => shared) && comparisons.some(({ shared }) => !shared)
  const universe = Math.max(1, allPairs(prepared))
  let share = 0
  let model: LinkageModel = { matchShare: 0, familyShare: 0, fields: [] }
  let fit: Fit | null = null
  for (let turn = 0; turn < 2; turn++) {
    const fields = comparisons.map((comparison, at) => {
      const prior = priors[at] as Prior
      const known = fit ? model.fields[at] : undefined
      const match = known?.match ?? prior.match
      const chance = prior.chance
        ? (known?.chance ?? prior.chance)
        : chanceOf(seen[at] as number[], match, share, [undefined, ...comparison.levels.map((level) => level.chance)])
      return { match, chance, family: comparison.shared ? (prior.family ?? match) : kinOf(match, chance, prior.kin) }
    })
    const start = fit
      ? { ...model, fields }
      : {
          matchShare: Math.min(0.1, (records.count * 0.3) / universe),
          familyShare: families ? (records.count * 0.05) / universe : 0,
          fields,
        }
    fit = fitLinkage(patterns, start, priors, { families, universe, most: turn === 0 ? 15 : 25 })
    model = fit.model
    share = Math.min(0.5, fit.matches / universe)
  }
  const warnings = fit?.settled === false ? ['Training stopped before it settled.'] : []
  if ((fit?.matches ?? 0) < 1)
    warnings.push(
      'No pair looks surely like one person: there was nothing to learn from, and the weights are assumed ones.',
    )
  return { model, fit, warnings, found: fit?.matches ?? 0 }
}

function sharesOf(values: number[]): number[] {
  const total = values.reduce((all, value) => all + value, 0)
  return [1, ...values.map((value) => value / total)]
}

/** Pairs that people called the same teach as prior evidence. */
function learnFrom(labels: { one: number; other: number; score: number }[], prepared: Prepared, priors: Prior[]): void {
  const same = labels.filter(({ score }) => score >= 0.9)
  if (same.length === 0) return
  const feature = readerOf(prepared.records)
  prepared.comparisons.forEach((comparison, at) => {
    const ask = levelOf(comparison, feature)
    const prior = priors[at] as Prior
    const counts = prior.match.map((value) => value * prior.strength)
    for (const { one, other } of same) {
      const level = ask(one, other)
      if (level === 0) continue
      counts[level] = (counts[level] as number) + 1
      prior.strength++
    }
    prior.match = counts.map((value, level) => (level === 0 ? 1 : value / prior.strength))
  })
}

/**
 * Pairs by pattern of levels, with the fields each may teach. Where a rule of namesakes was cut, its sample stands for
 * what was left out: nearly all of those are strangers, without whom the rest would look alike by chance far too often.
 */
export async function patternsOf(shop: Workshop, prepared: Prepared, rules: PlannedRule[]): Promise<Patterns> {
  const { comparisons } = prepared
  const sampled = rules.findIndex(({ sample }) => sample !== undefined)
  const taught = (by: (bit: number) => boolean) =>
    comparisons
      .map((comparison, at) => {
        const free = rules.reduce(
          (mask, rule, bit) => (by(bit) && !usesOf(rule).has(comparison.name) ? mask + 2 ** bit : mask),
          0,
        )
        return `if(bitAnd(mask, toUInt32(${free})) != 0, ${2 ** at}, 0)`
      })
      .join(' + ')
  const levelNames = comparisons.map((_, at) => `c${at}`).join(', ')
  const whole = `select ${levelNames}, toUInt32(${taught((bit) => bit !== sampled)}) as teaches, 1 as pairs, 1 as counted
     from ${shop.prefix}scored`
  const every = rules[sampled]?.sample?.every ?? 1
  const bit = `toUInt32(${2 ** Math.max(0, sampled)})`
  const parts =
    sampled < 0
      ? whole
      : `${whole} where mask != ${bit} union all
     select ${levelNames}, toUInt32(bitAnd(${taught((at) => at === sampled)}, bitNot(toUInt32(${taught((at) => at !== sampled)})))) as teaches,
       ${every} as pairs, if(mask = ${bit}, ${every}, 0) as counted
     from ${shop.prefix}scored where bitAnd(mask, ${bit}) != 0`
  const found = await rows<{ code: string; teaches: number; pairs: number; counted: number }>(
    shop,
    `select ${codeSql(prepared)} as code, teaches, toFloat64(sum(pairs)) as pairs, toFloat64(sum(counted)) as counted
     from (${parts}) group by ${levelNames}, teaches order by code, teaches`,
  )
  const levels = new Uint8Array(found.length * comparisons.length)
  found.forEach(({ code }, at) => levels.set(levelsOf(code), at * comparisons.length))
  return {
    fields: comparisons.length,
    levels,
    counts: Float64Array.from(found, ({ pairs }) => pairs),
    ...(sampled < 0 ? {} : { counted: Float64Array.from(found, ({ counted }) => counted) }),
    teaches: Uint32Array.from(found, (row) => row.teaches),
  }
}

/** Names of the comparisons a rule demands agreement in. */
function usesOf(rule: Rule): Set<string> {
  const used = new Set<string>()
  for (const { feature } of rule.parts) {
    if (/^(?:given|middle)/.test(feature)) used.add('first name')
    else if (feature.startsWith('family')) used.add('surname')
    else if (feature.startsWith('birth')) used.add('birth date')
    else if (feature.startsWith('mail')) for (const name of mailComparisons) used.add(name)
    else if (feature.startsWith('phone')) for (const name of ofAll('phone')) used.add(name)
    else if (/^(?:street|house|postcode|city)/.test(feature)) for (const name of ofAll('address')) used.add(name)
    else if (feature.startsWith('company')) used.add('company')
    else {
      const column = feature.replace(/^(?:number|words|plain|key)_/, '')
      used.add(column)
    }
  }
  return used
}

/** Levels of pairs drawn at random (all pairs where they are few). */
export function randomLevels(prepared: Prepared, seed: number, pairs: number): number[][] {
  const { records, comparisons, link } = prepared
  const feature = readerOf(records)
  const levels = comparisons.map((comparison) => levelOf(comparison, feature))
  const seen = comparisons.map((comparison) => Array.from({ length: comparison.levels.length + 1 }, () => 0))
  const look = (one: number, other: number) => {
    if (one === other || (link && records.input[one] === records.input[other])) return
    levels.forEach((ask, at) => {
      const level = ask(one, other)
      const row = seen[at] as number[]
      row[level] = (row[level] as number) + 1
    })
  }
  if (allPairs(prepared) <= pairs) {
    for (let one = 0; one < records.count; one++)
      for (let other = one + 1; other < records.count; other++) look(one, other)
  } else {
    const draws = drawsFrom('random pairs', seed)
    for (let pair = 0; pair < pairs; pair++) look(draws.below(records.count), draws.below(records.count))
  }
  comparisons.forEach((comparison, at) => correctFirst(records, comparison, seen[at] as number[]))
  return seen
}

/** Equality as such is known exactly from the frequencies; a sample would hardly see it. */
function correctFirst(records: Records, { levels, known }: Comparison, seen: number[]): void {
  const first = levels[0]
  if (first?.when.ask !== 'equal' || first.when.left !== first.when.right || known.ask === 'all') return
  const column = records.features.get(first.when.left)
  if (!column) return
  const pairs = seen.slice(1).reduce((total, value) => total + value, 0)
  seen[1] = column.collision * pairs
}

/** Pairs whose weight reaches `least`, with the word of their levels. */
export type ScoredPairs = Links & { code: string[]; mask: Uint32Array }

export async function predict(
  shop: Workshop,
  prepared: Prepared,
  model: LinkageModel,
  least: number,
): Promise<ScoredPairs> {
  const evidence = evidenceOf(model)
  const bitsOf = (tables: number[][], only?: (at: number) => boolean) =>
    tables
      .map((bits, at) => ({ bits, at }))
      .filter(({ at }) => only === undefined || only(at))
      .map(({ bits, at }) => `arrayElement([${bits.join(', ')}], c${at} + 1)`)
      .join(' + ') || '0'
  const strangers = Math.max(0.01, 1 - model.matchShare - model.familyShare)
  const kin = prepared.comparisons.flatMap(({ kin }, at) =>
    kin === undefined
      ? []
      : [{ share: kin, rarity: `kin${at}`, bits: bitsOf(evidence.match, (field) => field === at) }],
  )
  const match = [bitsOf(evidence.match), 'own', 'common', ...kin.map(({ rarity }) => rarity)].join(' + ')
  const akin = [
    1 - kin.reduce((sum, { share }) => sum + share, 0),
    ...kin.map(({ share, rarity, bits }) => `${share} * exp2(least(60, ${bits} + ${rarity}))`),
  ].join(' + ')
  const family = `(${bitsOf(evidence.family, (at) => prepared.comparisons[at]?.shared === true)} + common + log2(${akin}))`
  const against =
    model.familyShare > 0
      ? `log2(${strangers} + ${model.familyShare} * exp2(least(200, ${family})))`
      : `log2(${strangers})`
  const weight = `round(${Math.log2(model.matchShare)} + ${match} - ${against}, 6)`
  const step = Math.max(20_000, Math.ceil(prepared.records.count / 20))
  const chunks: { l: number[]; r: number[]; w: number[]; c: string[]; m: number[] }[] = []
  for (let start = 0; start < prepared.records.count; start += step) {
    const [chunk] = await rows<{ l: number[]; r: number[]; w: number[]; c: string[]; m: number[] }>(
      shop,
      `select groupArray(l) as l, groupArray(r) as r, groupArray(weight) as w, groupArray(code) as c, groupArray(mask) as m
       from (select l, r, ${codeSql(prepared)} as code, mask, ${weight} as weight from ${shop.prefix}scored where l >= ${start} and l < ${start + step} and weight >= ${least} order by l, r)`,
    )
    if (chunk && chunk.l.length > 0) chunks.push(chunk)
  }
  const total = chunks.reduce((all, { l }) => all + l.length, 0)
  const pairs: ScoredPairs = {
    left: new Uint32Array(total),
    right: new Uint32Array(total),
    weight: new Float64Array(total),
    code: [],
    mask: new Uint32Array(total),
  }
  let at = 0
  for (const { l, r, w, c, m } of chunks) {
    pairs.left.set(l, at)
    pairs.right.set(r, at)
    pairs.weight.set(w, at)
    pairs.mask.set(m, at)
    for (const code of c) pairs.code[at++] = code
  }
  return pairs
}

export async function clear(shop: Workshop): Promise<void> {
  for (const table of ['record', 'found', 'scored']) await run(shop, `drop table if exists ${shop.prefix}${table}`)
}
