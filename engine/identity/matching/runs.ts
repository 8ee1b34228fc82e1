import { createHash } from 'node:crypto'
import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import { derivedId, type Ground, jobKind, mount, newId, Outage, Refusal, type StageParts } from '@einklang/platform'
import { evidenceOf, probabilityOf } from '@einklang/stats'
import { z } from 'zod'
import { type Label, type MatchResult, matchRecords, planMatch, type SavedModel, type Workshop } from './index.ts'
import { clear, levelsOf } from './pipeline.ts'
import type { Input, Records } from './records.ts'

/** What runs need of the stage: to join and part people by its own rules. */
export type Joining = {
  mergeByRun(
    one: PersonId,
    other: PersonId,
    actor: string,
    reason: string,
  ): Promise<{ loser: PersonId | null; log: string | null }>
  unmerge(log: string, actor: string, reason?: string): Promise<{ changed: boolean }>
}

/** Above this share of people moved a run waits for somebody to approve it. */
const approvalShare = 0.02

type RecordRow = {
  id: string
  person: PersonId
  fields: { [field: string]: string }
  /** Changes with what the record says. */
  print: string
  /** Nothing new since a run compared it. */
  compared: boolean
}
type RunRow = {
  id: string
  number: number
  state: z.infer<typeof api.identity.matchRunRow>['state']
  step: string | null
  actor: string
  seed: number
  retrain: boolean
  cancelled: boolean
  startedAt: Date
  finishedAt: Date | null
  records: number | null
  links: number | null
  forReview: number | null
  peopleMoved: number | null
  shareMoved: number | null
  hash: string | null
  manifest: Manifest
  model: SavedModel | null
  drift: string[]
  logs: string[]
  error: string | null
}
type Manifest = {
  rules?: { rule: string; pairs: number; skippedValues: number }[]
  filled?: { [field: string]: number }
  reviewPerThousand?: number
  /** Share of clusters by their number of records, and of links by their bits. */
  sizes?: { [size: string]: number }
  bits?: { [bits: string]: number }
  share?: number
  audit?: Audit
  [key: string]: unknown
}
type Audit = NonNullable<AnswerOf<typeof api.identity.matchRun>['audit']>

const config = {
  id: 'id',
  compare: {
    first_name: 'first_name',
    last_name: 'surname',
    birthday: 'birth_date',
    email: 'mail',
    phone: 'phone',
    street: 'street',
    postal_code: 'postal_code',
    city: 'city',
  },
} as const
const fields = Object.keys(config.compare)

class Cancelled extends Error {}

/** Runs of probabilistic matching over the records of the house (spec identity §10, §11). */
export function matchRunParts(ground: Ground, joining: Joining): Pick<StageParts, 'routes' | 'jobs'> {
  const { database, clock, jobs } = ground
  return {
    routes: [
      mount(api.identity.matchRuns, async ({ query }) => {
        const after = query.after === undefined ? Number.MAX_SAFE_INTEGER : Number(query.after)
        const rows = await database.rows<RunRow>`
          select ${database.part`${columns(ground)}`} from identity.match_run where number < ${after}
          order by number desc limit ${query.limit + 1}`
        const items = rows.slice(0, query.limit)
        return { items: items.map(shown), next: rows.length > query.limit ? String(items.at(-1)?.number) : null }
      }),
      mount(api.identity.matchRun, async ({ params }) => {
        const row = await runOf(ground, params.run)
        return {
          ...shown(row),
          manifest: row.manifest as never,
          rules: row.manifest.rules ?? [],
          weights: weightsOf(row.model),
          drift: row.drift,
          audit: row.manifest.audit ?? null,
        }
      }),
      mount(api.identity.previewMatchRun, () => preview(ground)),
      mount(api.identity.startMatchRun, async ({ body }, request) => {
        const actor =
          request.caller.kind === 'anonymous' ? 'anonymous' : `${request.caller.kind}:${request.caller.name}`
        const run = newId('link', clock)
        await database.transaction(async (tx) => {
          const busy = await tx.row`select id from identity.match_run where state in ('asked', 'running') limit 1`
          if (busy)
            throw new Refusal(409, 'run_in_progress', 'A run is in progress.', {
              doInstead: 'Wait for it or cancel it.',
            })
          await tx.run`
            insert into identity.match_run (id, state, actor, seed, retrain, started_at)
            values (${run}, 'asked', ${actor}, ${body.seed}, ${body.retrain}, ${clock.now()})`
          await jobs.add(tx, 'identity.match', { run })
        })
        return { run }
      }),
      mount(api.identity.decideMatchRun, ({ params, body }, request) =>
        decide(
          ground,
          joining,
          params.run,
          body,
          request.caller.kind === 'anonymous' ? 'anonymous' : `${request.caller.kind}:${request.caller.name}`,
        ),
      ),
    ],
    jobs: [
      jobKind({
        name: 'identity.match',
        payload: z.object({ run: z.uuid() }),
        work: ({ run }) => work(ground, joining, run),
      }),
    ],
  }
}

const columns = ({ database }: Ground) => database.part`
  id, number, state, step, actor, seed, retrain, cancelled, started_at as "startedAt", finished_at as "finishedAt", records, links,
  for_review as "forReview", people_moved as "peopleMoved", share_moved as "shareMoved", hash, manifest, model, drift, logs::text[] as logs, error`

async function runOf(ground: Ground, run: string): Promise<RunRow> {
  const row = await ground.database.row<RunRow>`select ${columns(ground)} from identity.match_run where id = ${run}`
  if (!row) throw new Refusal(404, 'unknown_run', 'There is no such run.')
  return row
}

function shown(row: RunRow) {
  return {
    id: row.id,
    number: Number(row.number),
    state: row.state,
    step: row.step,
    actor: row.actor,
    startedAt: row.startedAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
    records: row.records,
    links: row.links,
    forReview: row.forReview,
    peopleMoved: row.peopleMoved,
    shareMoved: row.shareMoved,
    hash: row.hash,
    error: row.error,
  }
}

function weightsOf(model: SavedModel | null) {
  if (!model) return []
  const { match } = evidenceOf({ ...model, fields: model.comparisons })
  return model.comparisons.map(({ name, levels, match: shares, chance }, at) => ({
    comparison: name,
    levels: levels.map((level, index) => ({
      level,
      match: shares[index + 1] as number,
      chance: chance[index + 1] as number,
      bits: Number((match[at]?.[index + 1] ?? 0).toFixed(2)),
    })),
  }))
}

function recordsOf({ database }: Ground): Promise<RecordRow[]> {
  return database.rows<RecordRow>`
    select record.id, identity.current(record.person) as person, record.fields, md5(record.fields::text) as print,
      record.compared is not distinct from md5(record.fields::text) as compared
    from identity.record as record join identity.person as person on person.id = identity.current(record.person)
    where person.state = 'active' order by record.id`
}

function inputOf(rows: RecordRow[]): Input {
  return {
    name: 'records',
    header: ['id', ...fields],
    each(visit) {
      rows.forEach((row, at) => {
        visit([row.id, ...fields.map((field) => row.fields[field] ?? '')], at + 1)
      })
    },
  }
}

function workshopOf({ history }: Ground, name: string): Workshop {
  return {
    history,
    prefix: `identity.match_${name}_`,
    async load(table, names, rows) {
      let batch: object[] = []
      let count = 0
      const flush = async () => {
        if (batch.length > 0) await history.insert(table, batch, `${table}:${count++}`)
        batch = []
      }
      for (const row of rows) {
        batch.push(Object.fromEntries(names.map((column, at) => [column, row[at]])))
        if (batch.length >= 20_000) await flush()
      }
      await flush()
    },
  }
}

async function preview(ground: Ground) {
  const rows = await recordsOf(ground)
  const none = { records: rows.length, pairs: 0, budget: Math.max(10_000_000, 100 * rows.length), rules: [] }
  if (rows.length < 2) return { ...none, refused: 'There are fewer than two records to compare.' }
  const input = inputOf(rows)
  const shop = workshopOf(ground, 'preview')
  try {
    const { rules } = await matchRecords([input], planMatch([input], config as never), { shop, seed: 1, dryRun: true })
    const list = rules.map(ruleShown)
    return { ...none, pairs: list.reduce((sum, { pairs }) => sum + pairs, 0), rules: list, refused: null }
  } catch (error) {
    if (error instanceof Refusal) return { ...none, refused: error.message }
    throw error
  } finally {
    await clear(shop)
  }
}

const ruleShown = ({ name, pairs, skipped }: MatchResult['rules'][number]) => ({
  rule: name,
  pairs,
  skippedValues: skipped.values,
})

/** Works one run off: at least once, so whatever an earlier try left behind is made anew. */
async function work(ground: Ground, joining: Joining, run: string): Promise<void> {
  const { database } = ground
  const row = await runOf(ground, run)
  if (!['asked', 'running'].includes(row.state)) return
  const shop = workshopOf(ground, `run${row.number}`)
  try {
    await found(ground, row, shop)
  } catch (error) {
    if (error instanceof Outage) throw error
    const state = error instanceof Cancelled ? 'cancelled' : 'failed'
    const sentence = error instanceof Cancelled ? null : (error as Error).message
    await database.run`
      update identity.match_run set state = ${state}, step = null, finished_at = ${ground.clock.now()}, error = ${sentence} where id = ${run}`
    await database.run`delete from identity.link where run = ${run}`
    await forgetCompared(ground, run)
    if (!(error instanceof Cancelled || error instanceof Refusal)) throw error
    return
  } finally {
    await clear(shop)
  }
  const after = await runOf(ground, run)
  if (after.state === 'running' && (after.shareMoved ?? 0) <= approvalShare)
    await apply(ground, joining, after, `run:${run}`)
  else if (after.state === 'running') {
    await database.run`update identity.match_run set state = 'waiting', step = null, finished_at = ${ground.clock.now()} where id = ${run}`
  }
}

async function found(ground: Ground, row: RunRow, shop: Workshop): Promise<void> {
  const { database } = ground
  const rows = await recordsOf(ground)
  const input = inputOf(rows)
  const people = new Map(rows.map(({ id, person }) => [id, person]))
  const before = await database.row<{ model: SavedModel | null; manifest: Manifest }>`
    select model, manifest from identity.match_run where model is not null and id <> ${row.id} and state in ('applied', 'undone') order by number desc limit 1`
  const plan = planMatch([input], config as never)
  const edges = await apartPeople(ground)
  const answers = await answersOf(ground)
  const known = before?.model && !row.retrain ? before.model : null
  const old = new Set(known ? rows.filter(({ compared }) => compared).map(({ id }) => id) : [])
  const result = await matchRecords([input], plan, {
    shop,
    seed: row.seed,
    ...(known ? { model: known } : {}),
    ...(old.size > 0 ? { compared: (id) => old.has(id) } : {}),
    labels: (records) => labelsOf(records, answers),
    together: (records) => neighbours(records.ids.map((id) => people.get(id) as string)),
    apart: (one, other, records) => {
      const [a, b] = [people.get(records.ids[one] as string), people.get(records.ids[other] as string)]
      return a !== undefined && b !== undefined && edges.has(a < b ? `${a} ${b}` : `${b} ${a}`)
    },
    step: async (name) => {
      const now = await database.row<{ cancelled: boolean }>`
        update identity.match_run set state = 'running', step = ${name} where id = ${row.id} returning cancelled`
      if (now?.cancelled) throw new Cancelled()
    },
  })
  await keep(ground, row, result, people, edges, before?.manifest ?? null, rows.length - old.size)
  await database.run`
    update identity.record set compared = seen.print, compared_run = ${row.id}
    from jsonb_to_recordset(${database.json(rows.filter(({ id }) => !old.has(id)).map(({ id, print }) => ({ id, print })))}) as seen(id uuid, print text)
    where record.id = seen.id`
}

/** A run that nobody let through leaves its records as new as they were. */
function forgetCompared({ database }: Ground, run: string): Promise<number> {
  return database.run`update identity.record set compared = null, compared_run = null where compared_run = ${run}`
}

type AnsweredPair = { one: string; other: string; score: number }

/** Pairs of records that people have answered about in review. */
function answersOf({ database }: Ground): Promise<AnsweredPair[]> {
  return database.rows<AnsweredPair>`
    select distinct on (link.one_record, link.other_record) link.one_record as one, link.other_record as other, label.score
    from identity.label join identity.review_item as item on item.id = label.item join identity.link on link.id = item.link
    where link.one_record is not null and link.other_record is not null
    order by link.one_record, link.other_record, label.at desc`
}

function labelsOf(records: Records, answers: AnsweredPair[]): Label[] {
  if (answers.length === 0) return []
  const place = new Map(records.ids.map((id, record) => [id, record]))
  return answers.flatMap(({ one, other, score }) => {
    const [a, b] = [place.get(one), place.get(other)]
    return a === undefined || b === undefined ? [] : [{ one: Math.min(a, b), other: Math.max(a, b), score }]
  })
}

/** Records of one person follow each other: a chain of certain links. */
function neighbours(persons: string[]): [number, number][] {
  const last = new Map<string, number>()
  const links: [number, number][] = []
  persons.forEach((person, record) => {
    const earlier = last.get(person)
    if (earlier !== undefined) links.push([earlier, record])
    last.set(person, record)
  })
  return links
}

/** Pairs of people somebody said are different. */
async function apartPeople({ database }: Ground): Promise<Set<string>> {
  const rows = await database.rows<{ one: string; other: string }>`
    select distinct least(left_.person, right_.person)::text as one, greatest(left_.person, right_.person)::text as other
    from identity.negative as edge
    join identity.identifier as left_ on left_.namespace = edge.one_namespace and left_.value = edge.one_value
    join identity.identifier as right_ on right_.namespace = edge.other_namespace and right_.value = edge.other_value
    where left_.person <> right_.person`
  return new Set(rows.map(({ one, other }) => `${one} ${other}`))
}

type FoundLink = {
  id: string
  one: string
  other: string
  one_record: string | undefined
  other_record: string | undefined
  probability: number
  weight: number
  levels: object[]
  flags: string[]
  decision: 'auto' | 'review'
}

async function keep(
  ground: Ground,
  row: RunRow,
  result: MatchResult,
  people: Map<string, PersonId>,
  edges: Set<string>,
  before: Manifest | null,
  compared: number,
): Promise<void> {
  const { database, clock } = ground
  const { pairs, records, decisions, clusters99 } = result
  const links = new Map<string, FoundLink>()
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    const decision = decisions[pair]
    if (decision === 'below') continue
    const [left, right] = [pairs.left[pair] as number, pairs.right[pair] as number]
    const [a, b] = [
      people.get(records.ids[left] as string) as string,
      people.get(records.ids[right] as string) as string,
    ]
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    if (a === b || edges.has(key)) continue
    const sure = decision === 'auto' && clusters99[left] === clusters99[right]
    const known = links.get(key)
    if (known && (known.decision === 'auto' || !sure)) continue
    links.set(key, {
      id: derivedId('link', row.id, key),
      one: a < b ? a : b,
      other: a < b ? b : a,
      one_record: records.ids[a < b ? left : right],
      other_record: records.ids[a < b ? right : left],
      probability: probabilityOf(pairs.weight[pair] as number),
      weight: pairs.weight[pair] as number,
      levels: levelsShown(result, pair),
      flags: result.flags[pair] ?? [],
      decision: sure ? 'auto' : 'review',
    })
  }
  const list = [...links.values()].sort((one, other) =>
    `${one.one}${one.other}` < `${other.one}${other.other}` ? -1 : 1,
  )
  const auto = list.filter(({ decision }) => decision === 'auto')
  const moved = losersOf(auto)
  const total = new Set(people.values()).size
  const share = total === 0 ? 0 : moved / total
  const manifest = manifestOf(row, result, {
    audit: auditOf(result, people),
    compared,
    links: auto.length,
    review: list.length - auto.length,
    moved,
    share,
  })
  const hash = createHash('sha256')
    .update(JSON.stringify([manifest, list]))
    .digest('hex')
  await database.transaction(async (tx) => {
    await tx.run`delete from identity.link where run = ${row.id}`
    await tx.run`
      insert into identity.link (id, run, model, one, other, one_record, other_record, probability, weight, levels, flags, decision, created_at)
      select id, ${row.id}, ${String(row.number)}, one, other, one_record, other_record, probability, weight, levels, flags, decision, ${clock.now()}
      from jsonb_to_recordset(${tx.json(list as never)}) as link(id uuid, one uuid, other uuid, one_record uuid, other_record uuid,
        probability double precision, weight double precision, levels jsonb, flags text[], decision text)`
    await tx.run`
      update identity.match_run set records = ${records.count}, links = ${auto.length}, for_review = ${list.length - auto.length},
        people_moved = ${moved}, share_moved = ${share}, hash = ${hash}, manifest = ${tx.json(manifest as never)},
        model = ${tx.json(result.model as never)}, drift = ${tx.json(driftOf(before, manifest) as never)}
      where id = ${row.id}`
  })
}

/** People that would stop being one of their own. */
function losersOf(links: { one: string; other: string }[]): number {
  const parent = new Map<string, string>()
  const rootOf = (person: string): string => {
    const up = parent.get(person)
    return up === undefined || up === person ? person : rootOf(up)
  }
  let joined = 0
  for (const { one, other } of links) {
    const [a, b] = [rootOf(one), rootOf(other)]
    if (a === b) continue
    parent.set(b, a)
    joined++
  }
  return joined
}

/** Field by field: where two records stand and what it says, for the waterfall of the review. */
function levelsShown(result: MatchResult, pair: number) {
  const { model, plan, pairs } = result
  if (!model) return []
  const { match } = evidenceOf({ ...model, fields: model.comparisons })
  const found = levelsOf(pairs.code[pair] as string)
  return plan.comparisons.flatMap(({ name, levels }, at) => {
    const level = found[at] as number
    return level === 0
      ? []
      : [{ field: name, level: levels[level - 1]?.name ?? '', weight: Number((match[at]?.[level] ?? 0).toFixed(2)) }]
  })
}

function manifestOf(
  row: RunRow,
  result: MatchResult,
  figures: { audit: Audit; compared: number; links: number; review: number; moved: number; share: number },
): Manifest {
  const { records, plan, rules } = result
  const filled = Object.fromEntries(
    ['given', 'family', 'birth', 'mail', 'phone', 'postcode'].map((name) => [
      name,
      share(records.features.get(name)?.filled ?? 0, records.count),
    ]),
  )
  return {
    records: records.count,
    seed: row.seed,
    thresholds: plan.thresholds,
    rules: rules.map(ruleShown),
    blockingRecallEstimate: result.blockingRecall,
    filled,
    reviewPerThousand: share(figures.review * 1000, records.count),
    sizes: sharesOf(sizesOf(result.clusters), (size) => (size < 4 ? String(size) : size < 8 ? '4–7' : '8 and more')),
    bits: sharesOf(
      Array.from(result.pairs.weight).filter((weight) => weight >= 0),
      (weight) => (weight < 5 ? '0–5' : weight < 10 ? '5–10' : weight < 20 ? '10–20' : '20 and more'),
    ),
    ...figures,
    warnings: result.warnings,
  }
}

/** Counts of the findings, and the people of the ten largest groups among them. */
function auditOf({ audit, records }: MatchResult, people: Map<string, PersonId>): Audit {
  const largest = audit.toSorted(
    (one, other) => other.records.length - one.records.length || one.cluster - other.cluster,
  )
  return {
    counts: api.identity.auditKinds.map((kind) => ({
      kind,
      groups: audit.filter(({ kinds }) => kinds.includes(kind)).length,
    })),
    examples: largest.slice(0, 10).map(({ kinds, records: members, density }) => ({
      kinds,
      records: members.length,
      persons: [...new Set(members.flatMap((record) => people.get(records.ids[record] as string) ?? []))].slice(0, 12),
      density: Number(density.toFixed(3)),
    })),
  }
}

function sizesOf(clusters: Uint32Array): number[] {
  const sizes = new Map<number, number>()
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1)
  return [...sizes.values()]
}

function sharesOf(values: number[], bandOf: (value: number) => string): { [band: string]: number } {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(bandOf(value), (counts.get(bandOf(value)) ?? 0) + 1)
  return Object.fromEntries([...counts].map(([band, count]) => [band, share(count, values.length)]))
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : Number((part / whole).toFixed(4)))

/** What is unusual against the run before, each in one sentence. */
export function driftOf(before: Manifest | null, now: Manifest): string[] {
  if (!before) return []
  const said: string[] = []
  for (const [field, value] of Object.entries(now.filled ?? {})) {
    const earlier = before.filled?.[field]
    if (earlier !== undefined && Math.abs(value - earlier) > 0.05) {
      said.push(
        `${field} is filled in ${Math.round(value * 100)} % of records, ${Math.round(earlier * 100)} % last time.`,
      )
    }
  }
  for (const { rule, pairs } of now.rules ?? []) {
    const earlier = before.rules?.find((known) => known.rule === rule)?.pairs
    if (earlier !== undefined && earlier > 100 && (pairs > 2 * earlier || pairs < earlier / 2)) {
      said.push(`The rule ${rule} makes ${pairs} pairs, ${earlier} last time.`)
    }
  }
  const [load, earlier] = [now.reviewPerThousand ?? 0, before.reviewPerThousand ?? 0]
  if (load > 2 * earlier + 1) said.push(`${load} links per thousand records go to review, ${earlier} last time.`)
  const percent = (value: number) => `${Math.round(value * 100)} %`
  const bands: ['sizes' | 'bits', (band: string) => string][] = [
    ['sizes', (band) => `People with so many records (${band})`],
    ['bits', (band) => `Links of so many bits (${band})`],
  ]
  for (const [figure, named] of bands) {
    const [here, there] = [now[figure], before[figure]]
    if (!here || !there) continue
    for (const band of new Set([...Object.keys(here), ...Object.keys(there)])) {
      const [value, last] = [here[band] ?? 0, there[band] ?? 0]
      if (Math.abs(value - last) > 0.05) said.push(`${named(band)}: ${percent(value)}, ${percent(last)} last time.`)
    }
  }
  const [moved, movedThen] = [now.share ?? 0, before.share ?? 0]
  if (moved > 2 * movedThen + 0.005)
    said.push(`${percent(moved)} of people would move, ${percent(movedThen)} last time.`)
  return said
}

/** Joins people along the sure links of a run and hands the others to review. */
async function apply(ground: Ground, joining: Joining, row: RunRow, actor: string): Promise<number> {
  const { database, clock } = ground
  const links = await database.rows<{ one: PersonId; other: PersonId }>`
    select one, other from identity.link where run = ${row.id} and decision = 'auto' order by weight desc, one, other`
  const logs = [...row.logs]
  for (const { one, other } of links) {
    try {
      const { loser, log } = await joining.mergeByRun(one, other, actor, `match run ${row.number}`)
      if (loser === null || log === null) continue
      logs.push(log)
      await database.run`update identity.match_run set logs = ${logs}::uuid[] where id = ${row.id}`
    } catch (error) {
      // The graph knows better: a limit, a conflict, an erased person. The link goes to review instead.
      if (!(error instanceof Refusal)) throw error
      // Whoever was parted stays parted, also those whom the joins before this one brought together with others.
      if (error.code === 'negative_edge') continue
      await database.run`update identity.link set decision = 'review', flags = flags || ${[error.code]}::text[] where run = ${row.id} and one = ${one} and other = ${other}`
    }
  }
  await database.run`
    insert into identity.review_item (kind, code, one, other, link, probability, first_at, last_at, evidence)
    select 'grey_link', 'grey_link', least(one, other), greatest(one, other), id, probability, ${clock.now()}, ${clock.now()},
      jsonb_build_object('run', run, 'weight', weight, 'flags', flags)
    from identity.link where run = ${row.id} and decision = 'review'
    on conflict (one, other) where kind = 'grey_link' do update set last_at = excluded.last_at, link = excluded.link, probability = excluded.probability`
  await database.run`
    update identity.match_run set state = 'applied', step = null, finished_at = ${clock.now()} where id = ${row.id}`
  return logs.length
}

async function decide(
  ground: Ground,
  joining: Joining,
  run: string,
  wanted: { decision: 'approve' | 'discard' | 'cancel' | 'undo'; hash?: string | undefined },
  actor: string,
) {
  const { database } = ground
  const row = await runOf(ground, run)
  const wrong = (sentence: string) => new Refusal(409, 'wrong_state', sentence)
  const answer = async (merged = 0, undone = 0) => ({ state: (await runOf(ground, run)).state, merged, undone })
  switch (wanted.decision) {
    case 'cancel':
      if (!['asked', 'running'].includes(row.state)) throw wrong('Only a run in progress can be cancelled.')
      await database.run`
        update identity.match_run set cancelled = true, state = case when state = 'asked' then 'cancelled' else state end where id = ${run}`
      return answer()
    case 'discard':
      if (row.state !== 'waiting') throw wrong('Only a waiting run can be discarded.')
      await database.run`update identity.match_run set state = 'discarded' where id = ${run}`
      await database.run`delete from identity.link where run = ${run}`
      await forgetCompared(ground, run)
      return answer()
    case 'approve': {
      if (row.state !== 'waiting') throw wrong('Only a waiting run can be approved.')
      if (wanted.hash !== row.hash)
        throw new Refusal(409, 'changed', 'The run is not the one that was shown; look at it again.')
      return answer(await apply(ground, joining, row, actor))
    }
    case 'undo': {
      if (row.state !== 'applied') throw wrong('Only an applied run can be undone.')
      let undone = 0
      for (const log of row.logs.toReversed())
        if ((await joining.unmerge(log, actor, `run ${row.number} undone`)).changed) undone++
      await database.run`delete from identity.review_item where answer is null and link in (select id from identity.link where run = ${run})`
      await database.run`update identity.match_run set state = 'undone' where id = ${run}`
      return answer(0, undone)
    }
  }
}
