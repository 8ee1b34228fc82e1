import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createHistory, Outage, Refusal, writtenSql } from '@einklang/platform'
import {
  type Input,
  type Label,
  type MatchConfig,
  type MatchResult,
  matchRecords,
  type Plan,
  type Progress,
  planMatch,
  type Records,
  readTable,
  type SavedModel,
  type Step,
  type Table,
  type Workshop,
  WrongConfig,
  WrongTable,
} from '@einklang/server/matching'
import { clusteredQuality, probabilityOf, type Quality, qualityOf } from '@einklang/stats'
import { type Call, type Command, Misuse } from '../command.ts'
import { csvCell } from './match-output.ts'

export const match: Command = {
  name: 'match',
  summary: 'Find the records of one person in CSV files: no server, no network, nothing left behind',
  operands: { text: '[FILE…]', least: 0, most: 50 },
  flags: {
    input: { value: 'FILE', many: true, text: 'a CSV file, also .csv.gz; several are linked with each other' },
    config: { value: 'FILE', text: 'match.json: columns, kinds, blocking; without it the columns are recognised' },
    out: { value: 'FILE', text: 'write the scored pairs' },
    clusters: { value: 'FILE', text: 'write the cluster of every record' },
    threshold: { value: 'P', text: 'probability from which links join records (default: 0.5)' },
    truth: { value: 'COLUMN|FILE', text: 'known answer: a column, or a file of pairs; measured, never used' },
    labels: { value: 'FILE', text: 'pairs that people decided: they train and stay decided' },
    previous: { value: 'FILE', text: 'clusters of an earlier run, whose ids are kept' },
    model: { value: 'FILE', text: 'use this model instead of training' },
    'save-model': { value: 'FILE', text: 'write the trained model' },
    'print-config': { text: 'print the configuration that would be used, and stop' },
    'dry-run': { text: 'print recognised columns and pairs of each rule, and stop before comparing' },
    seed: { value: 'N', text: 'seed of the random pairs (default: 1)' },
    threads: { value: 'N', text: 'threads of the database (default: all)' },
    work: { value: 'DIRECTORY', text: 'keeps finished steps, so that a stopped run goes on' },
  },
  help: 'Examples: einklang match customers.csv --clusters clusters.csv\n          einklang match --input crm.csv --input shop.csv --out pairs.csv --json',
  run: runMatch,
}

type Cpu = { wallSeconds: number; cpuSeconds: number }

async function runMatch(call: Call): Promise<object | undefined> {
  const paths = [...call.flags('input'), ...call.operands]
  if (paths.length === 0)
    throw new Misuse('"match" needs at least one file.', 'einklang match customers.csv --clusters clusters.csv')
  const wanted = call.flag('out') ?? call.flag('clusters') ?? call.flag('save-model')
  if (!wanted && !call.json && !call.switch('print-config') && !call.switch('dry-run')) {
    throw new Misuse('There is nothing to write.', 'Say --out, --clusters, --json, --print-config or --dry-run')
  }
  checkPlaces(call)
  const config = configOf(call)
  const tables = paths.map(tableOf)
  const inputs = tables.map(({ table, name }): Input => ({ name, header: table.header, each: table.each }))
  const repeated = inputs.find(({ name }, at) => inputs.findIndex((input) => input.name === name) !== at)
  if (repeated) throw new Misuse(`Two inputs are called ${repeated.name}.`, 'Rename one of the files.')
  const truth = truthOf(call, inputs)
  const plan = planned(inputs, config, truth.column === null ? [] : [truth.column])
  plan.warnings.push(...tables.flatMap(({ table }) => table.notes))
  if (call.switch('print-config')) {
    call.show(JSON.stringify(plan.config, null, 2))
    return plan.config
  }
  for (const { input, column, role, why } of plan.recognised)
    call.tell(`${input}.${column}: ${role ?? 'not used'} (${why})`)
  const place = workshopOf(call, paths, plan)
  // The time from the start of the program on is the first stage.
  const stages: ({ name: string } & Cpu)[] = [{ name: 'start', wallSeconds: 0, cpuSeconds: 0 }]
  const stop = stopper()
  try {
    const result = await matchRecords(inputs, plan, {
      shop: place.shop,
      seed: wholeNumber(call, 'seed', 1),
      ...(truth.column === null ? {} : { keep: truth.column }),
      ...(call.flag('labels') === undefined
        ? {}
        : { labels: (records) => labelsIn(call.flag('labels') as string, records) }),
      ...(call.flag('model') === undefined ? {} : { model: modelIn(call.flag('model') as string) }),
      ...(place.progress ? { progress: place.progress } : {}),
      dryRun: call.switch('dry-run'),
      step: (name) => {
        if (stop.stopped) throw new Refusal(409, 'stopped', 'Stopped; nothing was written.')
        measured(stages, name)
        call.tell(`${name} …`)
      },
    })
    measured(stages, null)
    const document = documentOf(result, { inputs, stages, truth })
    if (!call.switch('dry-run')) write(call, result, document)
    show(call, document)
    return document
  } catch (error) {
    if (error instanceof Outage && /memory/i.test(error.message)) {
      throw new Refusal(
        422,
        'memory',
        `The memory limit was reached in step ${stages.at(-1)?.name}; try --work and fewer columns.`,
      )
    }
    throw error
  } finally {
    stop.close()
    await place.close()
  }
}

function stopper() {
  const state = { stopped: false, close: () => process.off('SIGINT', stop) }
  const stop = () => {
    state.stopped = true
  }
  process.on('SIGINT', stop)
  return state
}

/** Time since the last step began goes to that step. */
function measured(stages: ({ name: string } & Cpu)[], next: string | null): void {
  const used = process.cpuUsage()
  const now = { wallSeconds: performance.now() / 1000, cpuSeconds: (used.user + used.system) / 1e6 }
  const last = stages.at(-1)
  if (last) {
    last.wallSeconds = Number((now.wallSeconds - last.wallSeconds).toFixed(3))
    last.cpuSeconds = Number((now.cpuSeconds - last.cpuSeconds).toFixed(3))
  }
  if (next !== null) stages.push({ name: next, ...now })
}

function configOf(call: Call): MatchConfig {
  const path = call.flag('config')
  // Where the files and the known answer lie is for the reader of a statement, not for matching.
  const entries = Object.entries(path === undefined ? {} : json<object>(path))
  const config: MatchConfig = Object.fromEntries(entries.filter(([key]) => key !== 'files' && key !== 'truth'))
  const threshold = call.flag('threshold')
  if (threshold === undefined) return config
  const value = Number(threshold)
  if (threshold.trim() === '' || !(value >= 0 && value <= 1))
    throw new Misuse(`--threshold must lie between 0 and 1; it was ${threshold}.`)
  return { ...config, thresholds: { ...config.thresholds, cluster: value } }
}

function json<Read>(path: string): Read {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Misuse(`${path} cannot be read: ${(error as Error).message}.`)
  }
  try {
    return JSON.parse(text) as Read
  } catch (error) {
    throw new Misuse(`${path} is no good JSON: ${(error as Error).message}.`)
  }
}

function modelIn(path: string): SavedModel {
  const model = json<Partial<SavedModel>>(path)
  if (model.version !== 1 || !Array.isArray(model.comparisons) || typeof model.matchShare !== 'number')
    throw new Misuse(`${path} is no saved model.`, 'einklang match customers.csv --save-model model.json')
  return model as SavedModel
}

/** Said before the work, not after it. */
function checkPlaces(call: Call): void {
  for (const flag of ['out', 'clusters', 'save-model']) {
    const path = call.flag(flag)
    if (path !== undefined && !existsSync(dirname(path)))
      throw new Refusal(422, 'no_directory', `--${flag} ${path}: there is no directory ${dirname(path)}.`)
  }
}

const tableAt = (path: string) => readTable(readFileSync(path), path)

function tableOf(path: string): { table: Table; name: string } {
  try {
    return { table: tableAt(path), name: basename(path).replace(/\..*$/, '') }
  } catch (error) {
    if (error instanceof WrongTable) throw new Refusal(422, 'unreadable_file', error.message)
    throw error
  }
}

function planned(inputs: Input[], config: MatchConfig, never: string[]): Plan {
  try {
    return planMatch(inputs, config, never)
  } catch (error) {
    if (error instanceof WrongConfig) throw new Misuse(error.message, error.doInstead)
    throw error
  }
}

type Truth = { column: string | null; pairs: Table | null }

function truthOf(call: Call, inputs: Input[]): Truth {
  const given = call.flag('truth')
  if (given === undefined) return { column: null, pairs: null }
  if (inputs.some(({ header }) => header.includes(given))) return { column: given, pairs: null }
  if (existsSync(given)) return { column: null, pairs: tableAt(given) }
  throw new Misuse(
    `--truth ${given} is neither a column nor a file.`,
    `The columns are ${inputs[0]?.header.join(', ')}`,
  )
}

function wholeNumber(call: Call, flag: string, otherwise: number): number {
  const given = call.flag(flag)
  if (given === undefined) return otherwise
  const value = Number(given)
  if (!Number.isSafeInteger(value) || value < 0) throw new Misuse(`--${flag} must be a whole number; it was ${given}.`)
  return value
}

type Place = { shop: Workshop; progress: Progress | null; close(): Promise<void> }

/** Embedded ClickHouse in a directory of its own, which goes away unless it was asked for. */
function workshopOf(call: Call, paths: string[], plan: Plan): Place {
  const kept = call.flag('work')
  if (kept !== undefined) mkdirSync(kept, { recursive: true })
  const directory = kept ?? mkdtempSync(join(tmpdir(), 'einklang-match-'))
  const history = createHistory({ kind: 'embedded', directory, memoryMegabytes: 2200 })
  const threads = call.flag('threads') === undefined ? {} : { threads: Math.max(1, wholeNumber(call, 'threads', 1)) }
  let ready: Promise<void> | null = null
  const shop: Workshop = {
    history,
    prefix: 'matching.',
    ...threads,
    async load(table, columns, rows) {
      const path = join(directory, 'load.tsv')
      writeRows(path, rows)
      await history.run(
        writtenSql(
          `insert into ${table} (${columns.join(', ')}) select * from file('${path.replaceAll("'", "\\'")}', 'TSV')`,
        ),
      )
      rmSync(path)
    },
    prepare() {
      ready ??= history.run(writtenSql('create database if not exists matching'))
      return ready
    },
  }
  return {
    shop,
    progress: kept === undefined ? null : progressIn(kept, keyOf(paths, plan, call)),
    async close() {
      await history.close()
      if (kept === undefined) rmSync(directory, { recursive: true, force: true })
    },
  }
}

function writeRows(path: string, rows: Iterable<(string | number)[]>): void {
  const file = openSync(path, 'w')
  let lines: string[] = []
  const flush = () => {
    if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`)
    lines = []
  }
  for (const row of rows) {
    lines.push(row.join('\t'))
    if (lines.length >= 5000) flush()
  }
  flush()
  closeSync(file)
}

/** The same files, configuration and seed: only then finished steps may be used again. */
function keyOf(paths: string[], plan: Plan, call: Call): string {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(readFileSync(path))
  return hash.update(JSON.stringify([plan.config, call.flag('seed') ?? '1', call.flag('labels') ?? ''])).digest('hex')
}

function progressIn(directory: string, key: string): Progress {
  const path = join(directory, 'steps.json')
  type Kept = { key: string; steps: { [step: string]: object } }
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept) : null
  const kept: Kept = before?.key === key ? before : { key, steps: {} }
  return {
    done: (step: Step) => step in kept.steps,
    finish(step, state) {
      kept.steps[step] = state
      writeAside(path, JSON.stringify(kept))
    },
    state: <Read>(step: Step) => (kept.steps[step] as Read | undefined) ?? null,
  }
}

function writeAside(path: string, text: string): void {
  writeFileSync(`${path}.part`, text)
  renameSync(`${path}.part`, path)
}

/** Pairs decided by people, in either of the two layouts. */
function labelsIn(path: string, records: Records): Label[] {
  const table = tableAt(path)
  const place = new Map(
    records.ids.map((id, record) => [`${records.inputs[records.input[record] as number]}\u0000${id}`, record]),
  )
  const bare = new Map(records.ids.map((id, record) => [id, record]))
  const column = (...names: string[]) => names.map((name) => table.header.indexOf(name)).find((at) => at >= 0) ?? -1
  const [left, right] = [column('unique_id_l', 'left_id'), column('unique_id_r', 'right_id')]
  const [from, to] = [column('source_dataset_l', 'left_input'), column('source_dataset_r', 'right_input')]
  const score = column('clerical_match_score', 'score')
  if (left < 0 || right < 0 || score < 0) throw new Misuse(`${path} needs the columns left_id, right_id, score.`)
  const labels: Label[] = []
  table.each((cells) => {
    if (cells === null) return
    const find = (id: number, source: number) =>
      (source >= 0 ? place.get(`${cells[source]}\u0000${cells[id]}`) : undefined) ?? bare.get(cells[id] as string)
    const [one, other] = [find(left, from), find(right, to)]
    if (one === undefined || other === undefined || one === other) return
    labels.push({ one: Math.min(one, other), other: Math.max(one, other), score: Number(cells[score]) })
  })
  return labels
}

const fixed = (value: number) => Number(value.toFixed(6))
const shown = ({ precision, recall, f1 }: Quality) => ({
  precision: fixed(precision),
  recall: fixed(recall),
  f1: fixed(f1),
})

function documentOf(result: MatchResult, given: { inputs: Input[]; stages: object[]; truth: Truth }) {
  const { records, plan, pairs, clusters, rules } = result
  const sizes = new Map<number, number>()
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1)
  const histogram: { [size: string]: number } = {}
  for (const size of [...sizes.values()].sort((one, other) => one - other)) histogram[size] = (histogram[size] ?? 0) + 1
  const newPairs = rules.map((_, rule) =>
    pairs.mask.reduce((count, mask) => count + (lowestBit(mask) === rule ? 1 : 0), 0),
  )
  const decided = { auto: 0, review: 0, below: 0 }
  for (const decision of result.decisions) decided[decision]++
  const refused: { [reason: string]: number } = {}
  for (const { reason } of result.refused) refused[reason] = (refused[reason] ?? 0) + 1
  return {
    records: records.count,
    inputs: records.inputs.map((name, input) => ({
      name,
      records: records.input.reduce((count, of) => count + (of === input ? 1 : 0), 0),
    })),
    columns: plan.recognised
      .filter(({ role }) => role !== null)
      .map(({ input, column, role, why }) => ({ input, column, role, why })),
    ignored: plan.recognised
      .filter(({ role }) => role === null)
      .map(({ input, column, why }) => ({ input, column, why })),
    rules: rules.map(({ name, pairs, skipped }, at) => ({
      rule: name,
      pairs,
      newPairs: newPairs[at] as number,
      skippedValues: skipped.values,
    })),
    blockingRecallEstimate: result.blockingRecall === null ? null : fixed(result.blockingRecall),
    model: result.model,
    pairs: decided,
    clusters: {
      count: sizes.size,
      largest: [...sizes.values()].reduce((most, size) => Math.max(most, size), 0),
      histogram,
      refused,
    },
    /** Clusters that look wrong, and the records of the first of them. */
    audit: auditOf(result),
    households: new Set(result.households).size,
    dependent: result.dependent,
    ...(given.truth.column !== null || given.truth.pairs ? { truth: truthFigures(result, given.truth) } : {}),
    warnings: result.warnings,
    stages: given.stages,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    files: [] as string[],
  }
}

const auditKinds = {
  bridge: 'two parts that hang on one link',
  sparse: 'fewer than half of their pairs linked',
  long: 'chains of more than three links',
} as const

function auditOf({ audit, records }: MatchResult) {
  const count = (kind: keyof typeof auditKinds) => audit.filter(({ kinds }) => kinds.includes(kind)).length
  return {
    clusters: audit.length,
    bridge: count('bridge'),
    sparse: count('sparse'),
    long: count('long'),
    examples: audit.slice(0, 10).map(({ records: members, kinds, bridges, density, diameter }) => ({
      kinds,
      records: members.slice(0, 20).map((record) => recordKey(records, record)),
      bridges: bridges.slice(0, 5).map((pair) => pair.map((record) => recordKey(records, record))),
      density: fixed(density),
      diameter,
    })),
  }
}

const lowestBit = (mask: number) => 31 - Math.clz32(mask & -mask)

function truthFigures(result: MatchResult, truth: Truth) {
  const { records, pairs, clusters, kept, plan } = result
  const answer = truth.pairs
    ? pairsAsGroups(records, truth.pairs)
    : kept.map((value, record) => value || `\u0000${record}`)
  const inputs = plan.link === 'link' ? records.input : undefined
  const total = clusteredQuality(answer, answer, inputs).true
  let [found, right] = [0, 0]
  const least = Math.log2(0.95 / 0.05)
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    if ((pairs.weight[pair] as number) < least) continue
    found++
    if (answer[pairs.left[pair] as number] === answer[pairs.right[pair] as number]) right++
  }
  let best: Quality = qualityOf(0, 0, total)
  for (let weight = -10; weight <= 40; weight += 0.2) {
    let [all, good] = [0, 0]
    for (let pair = 0; pair < pairs.weight.length; pair++) {
      if ((pairs.weight[pair] as number) < weight) continue
      all++
      if (answer[pairs.left[pair] as number] === answer[pairs.right[pair] as number]) good++
    }
    const quality = qualityOf(good, all, total)
    if (quality.f1 > best.f1) best = quality
  }
  return {
    pairwise: shown(qualityOf(right, found, total)),
    bestPairwise: shown(best),
    clustered: shown(clusteredQuality(clusters, answer, inputs)),
  }
}

/** Records that the file of pairs ties together, as groups. */
function pairsAsGroups(records: Records, table: Table): string[] {
  const place = new Map<string, number>()
  for (let record = 0; record < records.count; record++)
    place.set(`${records.input[record]}\u0000${records.ids[record]}`, record)
  const group = records.ids.map((_, record) => record)
  const rootOf = (record: number): number => (group[record] === record ? record : rootOf(group[record] as number))
  const last = records.inputs.length > 1 ? 1 : 0
  table.each((cells) => {
    if (cells === null) return
    const [one, other] = [place.get(`0\u0000${cells[0]}`), place.get(`${last}\u0000${cells[1]}`)]
    if (one !== undefined && other !== undefined) group[rootOf(other)] = rootOf(one)
  })
  return group.map((_, record) => String(rootOf(record)))
}

function write(call: Call, result: MatchResult, document: { files: string[] }): void {
  const { records, pairs, clusters } = result
  const name = (record: number) =>
    `${csvCell(records.inputs[records.input[record] as number] as string)},${csvCell(records.ids[record] as string)}`
  const out = call.flag('out')
  if (out !== undefined) {
    const order = Array.from(pairs.weight.keys()).sort(
      (one, other) =>
        (pairs.weight[other] as number) - (pairs.weight[one] as number) ||
        (pairs.left[one] as number) - (pairs.left[other] as number) ||
        (pairs.right[one] as number) - (pairs.right[other] as number),
    )
    writeLines(
      out,
      'left_input,left_id,right_input,right_id,weight,probability,decision,same_cluster,flags',
      order,
      (pair) => {
        const [one, other, weight] = [
          pairs.left[pair] as number,
          pairs.right[pair] as number,
          pairs.weight[pair] as number,
        ]
        return `${name(one)},${name(other)},${weight.toFixed(6)},${probabilityOf(weight).toFixed(6)},${result.decisions[pair]},${clusters[one] === clusters[other]},${result.flags[pair]?.join(';')}`
      },
    )
    document.files.push(out)
  }
  const path = call.flag('clusters')
  if (path !== undefined) {
    const ids = clusterIds(result, call.flag('previous'))
    const sizes = new Map<number, number>()
    for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1)
    const doubtful = new Map(result.audit.map(({ cluster, kinds }) => [cluster, kinds]))
    const broken = new Set(result.unreadable.map(({ input, id }) => `${input}\u0000${id}`))
    const key = (record: number) => csvCell(recordKey(records, record))
    writeLines(
      path,
      'cluster_id,input,id,size,cluster_95,cluster_99,household_id,flags',
      records.ids.keys(),
      (record) => {
        const cluster = clusters[record] as number
        const unreadable = broken.has(`${records.input[record]}\u0000${records.ids[record]}`)
        const flags = [...(unreadable ? ['unreadable_row'] : []), ...(doubtful.get(cluster) ?? [])].join(';')
        return `${csvCell(ids.get(cluster) as string)},${name(record)},${sizes.get(cluster)},${key(result.clusters95[record] as number)},${key(result.clusters99[record] as number)},${key(result.households[record] as number)},${flags}`
      },
    )
    document.files.push(path)
  }
  const model = call.flag('save-model')
  if (model !== undefined && result.model) {
    writeAside(model, `${JSON.stringify(result.model, null, 2)}\n`)
    document.files.push(model)
  }
}

function writeLines<Row>(path: string, header: string, rows: Iterable<Row>, line: (row: Row) => string): void {
  const file = openSync(`${path}.part`, 'w')
  let lines = [header]
  for (const row of rows) {
    lines.push(line(row))
    if (lines.length < 5000) continue
    writeSync(file, `${lines.join('\n')}\n`)
    lines = []
  }
  if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`)
  closeSync(file)
  renameSync(`${path}.part`, path)
}

const recordKey = (records: Records, record: number) =>
  records.inputs.length > 1
    ? `${records.inputs[records.input[record] as number]}:${records.ids[record]}`
    : (records.ids[record] as string)

/** An id of an earlier run stays with the cluster that holds most of its records; new ones come from the smallest record. */
function clusterIds({ records, clusters }: MatchResult, previous: string | undefined): Map<number, string> {
  const ids = new Map<number, string>()
  if (previous !== undefined) {
    const table = tableAt(previous)
    const [id, input, name] = ['cluster_id', 'input', 'id'].map((column) => table.header.indexOf(column)) as [
      number,
      number,
      number,
    ]
    if (id < 0 || input < 0 || name < 0)
      throw new Misuse(`${previous} is no file of clusters: it needs cluster_id, input, id.`)
    const before = new Map<string, string>()
    table.each((cells) => {
      if (cells) before.set(`${cells[input]}\u0000${cells[name]}`, cells[id] as string)
    })
    const shared = new Map<string, { cluster: number; id: string; records: number }>()
    for (let record = 0; record < records.count; record++) {
      const old = before.get(`${records.inputs[records.input[record] as number]}\u0000${records.ids[record]}`)
      if (old === undefined) continue
      const cluster = clusters[record] as number
      const key = `${cluster}\u0000${old}`
      const known = shared.get(key)
      if (known) known.records++
      else shared.set(key, { cluster, id: old, records: 1 })
    }
    const taken = new Set<string>()
    for (const { cluster, id } of [...shared.values()].sort(
      (one, other) => other.records - one.records || (one.id < other.id ? -1 : 1),
    )) {
      if (ids.has(cluster) || taken.has(id)) continue
      ids.set(cluster, id)
      taken.add(id)
    }
    for (const cluster of new Set(clusters)) {
      if (ids.has(cluster)) continue
      let fresh = recordKey(records, cluster)
      while (taken.has(fresh)) fresh = `${fresh}+`
      ids.set(cluster, fresh)
      taken.add(fresh)
    }
    return ids
  }
  for (const cluster of clusters) if (!ids.has(cluster)) ids.set(cluster, recordKey(records, cluster))
  return ids
}

type MatchDocument = ReturnType<typeof documentOf>

function show(call: Call, document: MatchDocument): void {
  call.show(`${document.records} records of ${document.inputs.length} input${document.inputs.length === 1 ? '' : 's'}`)
  for (const { rule, pairs, skippedValues } of document.rules) {
    call.show(`  ${rule}: ${pairs} pairs${skippedValues > 0 ? `, ${skippedValues} frequent values left out` : ''}`)
  }
  for (const warning of document.warnings) call.tell(warning)
  if (call.switch('dry-run')) return
  const { pairs, clusters } = document
  call.show(
    `${clusters.count} people (largest ${clusters.largest}); links: ${pairs.auto} sure, ${pairs.review} for review`,
  )
  for (const [kind, text] of Object.entries(auditKinds)) {
    const found = document.audit[kind as keyof typeof auditKinds]
    if (found > 0) call.show(`  ${found} ${found === 1 ? 'cluster' : 'clusters'} to look at: ${text} (flag ${kind})`)
  }
  if (document.truth) {
    const { precision, recall, f1 } = document.truth.clustered
    call.show(`Against the known answer: precision ${precision}, recall ${recall}, F1 ${f1}`)
  }
}
