import { Refusal } from '@einklang/platform'
import {
  auditClusters,
  clusterLinks,
  type Finding,
  type LinkageModel,
  probabilityOf,
  type Refused,
} from '@einklang/stats'
import { clusterRecords, judgeOf } from './clusters.ts'
import type { Plan } from './config.ts'
import { type Dependent, dependents } from './dependence.ts'
import { type Conflict, type Guard, guardOf } from './guard.ts'
import { householdsOf } from './households.ts'
import {
  clear,
  comparePairs,
  loadRecords,
  type PlannedRule,
  type Prepared,
  planRules,
  predict,
  prepare,
  type ScoredPairs,
  train,
  type Workshop,
} from './pipeline.ts'
import { readRecords, type Unreadable } from './read.ts'
import type { Input, Records } from './records.ts'

export type { Recognised } from './columns.ts'
export { type MatchConfig, type Plan, planMatch, type Thresholds, WrongConfig } from './config.ts'
export type { PlannedRule, ScoredPairs, Workshop } from './pipeline.ts'
export type { Unreadable } from './read.ts'
export type { Input, Records } from './records.ts'
export { englishNicknames } from './standard/nicknames-english.ts'
export { readTable, type Table, WrongTable } from './table.ts'

/** What a run remembers between steps, so that a stopped one goes on. */
export type Progress = {
  done(step: Step): boolean
  finish(step: Step, state: object): void
  state<Kept>(step: Step): Kept | null
}
export type Step = 'load' | 'rules' | 'compare' | 'train'

/** A pair that people decided. */
export type Label = { one: number; other: number; score: number }

export type MatchOptions = {
  shop: Workshop
  seed: number
  /** A column to hand back as it is, such as a known answer. */
  keep?: string
  labels?: (records: Records) => Label[]
  /** Records known to be one person: certain links, which also teach. */
  together?: (records: Records) => [number, number][]
  /** Records that somebody said are different people. */
  apart?: (one: number, other: number, records: Records) => boolean
  /** Trained before: used as it is. */
  model?: SavedModel
  /** Records that were compared with each other by this model before: only pairs with another one are looked at. */
  compared?: (id: string) => boolean
  progress?: Progress
  /** Called at the begin of each step; may throw to stop the run. */
  step?(name: string): void | Promise<void>
  /** Stops after the pairs of each rule are known. */
  dryRun?: boolean
}

export type SavedModel = {
  version: 1
  comparisons: { name: string; levels: string[]; match: number[]; family: number[]; chance: number[] }[]
  matchShare: number
  familyShare: number
}

export type Decision = 'auto' | 'review' | 'below'

export type MatchResult = {
  plan: Plan
  records: Records
  unreadable: Unreadable[]
  kept: string[]
  rules: PlannedRule[]
  model: SavedModel | null
  rounds: number
  blockingRecall: number | null
  pairs: ScoredPairs
  decisions: Decision[]
  flags: string[][]
  clusters: Uint32Array
  clusters95: Uint32Array
  clusters99: Uint32Array
  households: Uint32Array
  refused: Refused[]
  /** Clusters that look wrong: two parts on one link, hardly linked, or long chains. */
  audit: Finding[]
  /** Compared columns that say nearly the same. */
  dependent: Dependent[]
  warnings: string[]
}

const bitsOf = (probability: number) => Math.log2(Math.max(1e-300, probability) / Math.max(1e-300, 1 - probability))

/** The whole way: standardise, block, compare, train, predict, cluster. */
export async function matchRecords(inputs: Input[], plan: Plan, options: MatchOptions): Promise<MatchResult> {
  const { shop, progress } = options
  const step = options.step ?? (() => {})
  await step('read')
  const read = readRecords(inputs, {
    makers: plan.makers,
    ids: plan.ids,
    renamed: plan.renamed,
    ...(options.keep === undefined ? {} : { keep: options.keep }),
  })
  const { records, unreadable } = read
  checkReadable(inputs, records, unreadable)
  if (read.repeated.length > 0 && plan.ids.some((id) => id !== null)) {
    throw new Refusal(422, 'repeated_ids', `Ids repeat within one input, for example ${read.repeated.join(', ')}.`, {
      doInstead: 'Name a column that is unique with "id" in the configuration.',
    })
  }
  const warnings = [...plan.warnings, ...toldOf(inputs, records, unreadable), ...ownDuplicates(records, plan.link)]
  const prepared = prepare(records, plan.comparisons, plan.link === 'link', options.compared)
  const result: MatchResult = {
    plan,
    records,
    unreadable,
    kept: read.kept,
    rules: [],
    model: null,
    rounds: 0,
    blockingRecall: null,
    pairs: noPairs(),
    decisions: [],
    flags: [],
    refused: [],
    audit: [],
    dependent: [],
    warnings,
    clusters: alone(records),
    clusters95: alone(records),
    clusters99: alone(records),
    households: alone(records),
  }
  if (records.count < 2 || plan.comparisons.length === 0) return result
  if (!progress?.done('load')) {
    await step('standardise')
    await loadRecords(shop, prepared)
    progress?.finish('load', {})
  }
  await step('block')
  const maxPairs = plan.maxPairs ?? Math.max(10_000_000, 100 * records.count)
  result.rules =
    progress?.state<PlannedRule[]>('rules') ??
    (await planRules(shop, prepared, plan.rules, {
      maxPairs,
      target: Math.min(maxPairs, Math.max(2_000_000, 5 * records.count)),
    }))
  progress?.finish('rules', result.rules)
  if (options.dryRun) return result
  if (!progress?.done('compare')) {
    await step('compare')
    await comparePairs(shop, prepared, result.rules)
    progress?.finish('compare', {})
  }
  await step('train')
  const certain = options.together?.(records) ?? []
  const labels = options.labels?.(records) ?? []
  let model = options.model ?? progress?.state<SavedModel>('train') ?? null
  if (!model) {
    const trained = await train(shop, prepared, result.rules, {
      seed: options.seed,
      randomPairs: plan.randomPairs,
      labels,
    })
    model = savedModel(prepared, trained.model)
    result.rounds = trained.fit?.rounds ?? 0
    warnings.push(...trained.warnings)
    progress?.finish('train', model)
  }
  result.model = model
  await step('predict')
  const linkage = modelOf(prepared, model)
  const pairs = await predict(shop, prepared, linkage, bitsOf(plan.thresholds.keep))
  decideByHand(pairs, labels)
  result.pairs = pairs
  result.blockingRecall = blockingRecall(result.rules, pairs)
  await step('cluster')
  cluster(result, prepared, linkage, labels, { certain, apart: options.apart })
  result.dependent = dependents(plan.comparisons, records, result.clusters)
  warnings.push(...result.dependent.map(hangTogether))
  return result
}

function hangTogether({ one, other, dependence }: Dependent): string {
  return `${one} and ${other} say nearly the same (${dependence.toFixed(2)} of 1, beyond chance): what agrees in both counts nearly twice. Leave one of them out, under "compare" or with "ignore".`
}

function checkReadable(inputs: Input[], records: Records, unreadable: Unreadable[]): void {
  if (unreadable.length <= 0.01 * records.count) return
  const [first] = unreadable as [Unreadable]
  throw new Refusal(
    422,
    'unreadable_rows',
    `${unreadable.length} of ${records.count} rows have another number of cells than the header, the first in ${inputs[first.input]?.name}, line ${first.line}.`,
    { doInstead: 'Is the separator or the quoting another one?' },
  )
}

function toldOf(inputs: Input[], { count }: Records, unreadable: Unreadable[]): string[] {
  const [first] = unreadable
  if (!first) return []
  return [
    `${unreadable.length} of ${count} rows have another number of cells than the header and stand alone (flag unreadable_row), the first in ${inputs[first.input]?.name}, line ${first.line}.`,
  ]
}

/** Linking takes each record of a file for another person; where many are not, it should be said. */
function ownDuplicates({ count, input, inputs, features }: Records, link: Plan['link']): string[] {
  if (link !== 'link') return []
  const columns = ['given', 'family', 'birth', 'mail', 'phone'].map((name) => features.get(name))
  const [given, family, ...others] = columns
  if (!given || !family) return []
  const seen = new Set<string>()
  const repeated = inputs.map(() => 0)
  const sizes = inputs.map(() => 0)
  // Enough to tell one in a hundred, and little memory in files of millions.
  const stride = Math.max(1, Math.ceil(count / 400_000))
  for (let record = 0; record < count; record++) {
    if (Math.floor(record / 1000) % stride > 0) continue
    const file = input[record] as number
    sizes[file] = (sizes[file] as number) + 1
    const [first, last] = [given.at(record), family.at(record)]
    const keys = others.flatMap((column, at) => {
      const value = column?.at(record)
      return first && last && value ? [`${file} ${first} ${last} ${at} ${value}`] : []
    })
    if (keys.some((key) => seen.has(key))) repeated[file] = (repeated[file] as number) + 1
    for (const key of keys) seen.add(key)
  }
  return inputs.flatMap((name, file) =>
    (repeated[file] as number) * 100 >= (sizes[file] as number) && (repeated[file] as number) > 0
      ? [
          `${name}: ${repeated[file]} of ${sizes[file]} records have a sure duplicate in the same file; say {"link": "link_and_dedupe"} to find them too.`,
        ]
      : [],
  )
}

const alone = ({ count }: Records) => Uint32Array.from({ length: count }, (_, at) => at)
const noPairs = (): ScoredPairs => ({
  left: new Uint32Array(0),
  right: new Uint32Array(0),
  weight: new Float64Array(0),
  code: [],
  mask: new Uint32Array(0),
})

function savedModel({ comparisons }: Prepared, model: LinkageModel): SavedModel {
  const shown = (values: number[]) => values.map((value) => Number(value.toPrecision(9)))
  return {
    version: 1,
    comparisons: comparisons.map(({ name, levels }, at) => {
      const field = model.fields[at] as LinkageModel['fields'][number]
      return {
        name,
        levels: levels.map((level) => level.name),
        match: shown(field.match),
        family: shown(field.family),
        chance: shown(field.chance),
      }
    }),
    matchShare: model.matchShare,
    familyShare: model.familyShare,
  }
}

function modelOf({ comparisons }: Prepared, saved: SavedModel): LinkageModel {
  const shape = (list: { name: string; levels: unknown[] }[]) =>
    list.map(({ name, levels }) => `${name}/${levels.length}`).join(', ')
  if (shape(saved.comparisons) !== shape(comparisons)) {
    throw new Refusal(
      422,
      'model_mismatch',
      `The model compares ${saved.comparisons.map(({ name }) => name).join(', ')}; these tables would be compared by ${comparisons.map(({ name }) => name).join(', ')}.`,
      { doInstead: 'Train anew, or use the configuration the model was trained with.' },
    )
  }
  return {
    matchShare: saved.matchShare,
    familyShare: saved.familyShare,
    fields: saved.comparisons.map(({ match, family, chance }) => ({ match, family, chance })),
  }
}

/** Pairs that people decided stay decided. */
function decideByHand(pairs: ScoredPairs, labels: Label[]): void {
  const decided = new Map(
    labels.filter(({ score }) => score === 0 || score === 1).map(({ one, other, score }) => [`${one},${other}`, score]),
  )
  if (decided.size === 0) return
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    const score = decided.get(`${pairs.left[pair]},${pairs.right[pair]}`)
    if (score !== undefined) pairs.weight[pair] = score === 1 ? 50 : -50
  }
}

/**
 * How many of the true pairs the rules reach, by capture and recapture: rules on contacts and numbers against rules on
 * names, dates and places (Lincoln–Petersen). Null where there is only one of the two.
 */
function blockingRecall(rules: PlannedRule[], pairs: ScoredPairs): number | null {
  if (rules.some(({ parts }) => parts.length === 0)) return 1
  const contact = (name: string) => /^(?:mail|phone|number_)/.test(name)
  const maskOf = (of: (rule: PlannedRule) => boolean) =>
    rules.reduce((mask, rule, bit) => (!rule.sample && of(rule) ? mask | (1 << bit) : mask), 0)
  const one = maskOf(({ parts }) => parts.every(({ feature }) => contact(feature)))
  const other = maskOf(({ parts }) => !parts.some(({ feature }) => contact(feature)))
  const whole = maskOf(() => true)
  let [first, second, both, all] = [0, 0, 0, 0]
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    const probability = probabilityOf(pairs.weight[pair] as number)
    if (probability < 0.9) continue
    const mask = pairs.mask[pair] as number
    if ((mask & whole) === 0) continue
    all++
    if (mask & one) first++
    if (mask & other) second++
    if (mask & one && mask & other) both++
  }
  if (both < 20) return null
  return Math.min(1, all / ((first * second) / both))
}

function cluster(
  result: MatchResult,
  prepared: Prepared,
  model: LinkageModel,
  labels: Label[],
  known: { certain: [number, number][]; apart: MatchOptions['apart'] },
): void {
  const { plan, pairs, records } = result
  const judge = judgeOf(prepared, model)
  const guard = guardOf(records, {
    firstName: judge.of('first name'),
    birthDate: judge.of('birth date'),
    weight: judge.weight,
  })
  const different = new Set(labels.filter(({ score }) => score === 0).map(({ one, other }) => `${one},${other}`))
  const apart = (one: number, other: number) =>
    different.has(one < other ? `${one},${other}` : `${other},${one}`) || known.apart?.(one, other, records) === true
  const says = different.size > 0 || known.apart !== undefined
  const { cluster: least } = plan.thresholds
  const marks = [0.99, 0.95].filter((mark) => mark > least)
  const main = clusterRecords({
    prepared,
    links: pairs,
    guard,
    judge,
    certain: known.certain,
    ...(says ? { apart } : {}),
    least: bitsOf(least),
    marks: marks.map(bitsOf),
    settings: {
      guard: plan.guard.on,
      ...plan.clusters,
    },
  })
  const markedAt = (mark: number) => main.marked[marks.indexOf(mark)] ?? main.of
  result.clusters = main.of
  result.refused = main.refused
  result.clusters95 = markedAt(0.95)
  result.clusters99 = markedAt(0.99)
  result.households = householdsOf(records, main.of)
  const homes = clusterLinks(records.count, noPairs(), 0, () => null, known.certain).of
  // Any two records are judged, not only those that a rule compared.
  const linked = (one: number, other: number) =>
    homes[one] === homes[other] || judge.weight(one, other) >= bitsOf(least)
  result.audit = auditClusters(main.of, linked)
  flag(result, guard, auditClusters(result.clusters99, linked))
}

/** `doubtful` are the clusters that would be joined by themselves: a link in one of them is for a person to look at. */
function flag(result: MatchResult, guard: Guard, doubtful: Finding[]): void {
  const { pairs, plan, refused, clusters99 } = result
  const reasons = new Map(refused.map(({ link, reason }) => [link, reason]))
  const bridges = new Set(
    doubtful.flatMap((finding) => finding.bridges.flatMap(([a, b]) => [`${a},${b}`, `${b},${a}`])),
  )
  const loose = new Map(
    doubtful.map(({ cluster, kinds }) => [cluster, kinds.filter((kind) => kind !== 'bridge')] as const),
  )
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    const [one, other] = [pairs.left[pair] as number, pairs.right[pair] as number]
    const flags = new Set<string>()
    const conflict: Conflict | null = plan.guard.on ? guard.between(one, other) : null
    if (conflict) flags.add(conflict)
    if (guard.sharedContact(one, other)) flags.add('shared_contact')
    if (guard.namesDiffer(one, other)) flags.add('names_differ')
    const reason = reasons.get(pair)
    if (reason) flags.add(reason)
    if (bridges.has(`${one},${other}`)) flags.add('bridge')
    if (clusters99[one] === clusters99[other])
      for (const kind of loose.get(clusters99[one] as number) ?? []) flags.add(kind)
    if (conflict && plan.guard.household && guard.household(one, other)) flags.add('household')
    result.flags.push([...flags].sort())
    const probability = probabilityOf(pairs.weight[pair] as number)
    const { auto, review } = plan.thresholds
    result.decisions.push(probability < review ? 'below' : probability >= auto && flags.size === 0 ? 'auto' : 'review')
  }
}

export { clear as clearWorkshop }
