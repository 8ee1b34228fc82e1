import { createHash } from 'node:crypto'
import { api, type PersonId } from '@einklang/contract'
import { derivedId, type Ground, jobKind, mount, newId, Outage, Refusal, type StageParts } from '@einklang/platform'
import { evidenceOf, probabilityOf } from '@einklang/stats'
import { z } from 'zod'
import { reasonOfRun } from '../level.ts'
import { type Audit, type Drift, driftOf, type Manifest } from './drift.ts'
import {
  answersOf,
  apartPeople,
  config,
  inputOf,
  labelsOf,
  neighbours,
  pairOf,
  recordsOf,
  workshopOf,
} from './house.ts'
import { type MatchResult, matchRecords, planMatch, type SavedModel, type Workshop } from './index.ts'
import { clear, levelsOf } from './pipeline.ts'
import { alarmOf, compareWithWhole, lastCheck, movedShare, shareOf, type WholeCheck } from './whole.ts'

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
  drift: Drift[]
  logs: string[]
  error: string | null
}
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
          drift: [...row.drift, ...whole(await lastCheck(database, row.id))],
          audit: row.manifest.audit ?? null,
          joins: await leastSure(ground, row.id),
          dependent: row.manifest.dependent ?? [],
        }
      }),
      mount(api.identity.previewMatchRun, () => preview(ground)),
      mount(api.identity.matchCheck, async () => {
        const check = await lastCheck(database)
        if (check === null) return { check }
        const { number } = await runOf(ground, check.run)
        const share = shareOf(check)
        return {
          check: {
            ...check,
            at: check.at.toISOString(),
            number: Number(number),
            share,
            limit: movedShare,
            alarm: alarmOf(check) !== null,
          },
        }
      }),
      mount(api.identity.startMatchCheck, async () => {
        await jobs.add(database, 'identity.whole', {}, { key: 'identity.whole' })
        return { asked: true as const }
      }),
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
      jobKind({
        name: 'identity.whole',
        payload: z.unknown(),
        cron: '23 3 * * 0',
        work: async () => {
          await compareWithWhole(ground)
        },
      }),
    ],
  }
}

/** The links that join people by themselves, the least sure first. */
async function leastSure({ database }: Ground, run: string) {
  type Level = { field: string; level: string; weight: number }
  const links = await database.rows<{ one: PersonId; other: PersonId; probability: number; levels: Level[] }>`
    select one, other, probability, levels from identity.link where run = ${run} and decision = 'auto'
    order by weight, one, other limit 20`
  return links.map(({ levels, ...link }) => ({
    ...link,
    agrees: levels.filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight),
    differs: levels.filter(({ weight }) => weight < 0).sort((one, other) => one.weight - other.weight),
  }))
}

/** Above the limit, what a whole run would do otherwise belongs to what is unusual about the run. */
function whole(check: WholeCheck | null): Drift[] {
  const now = alarmOf(check)
  return now === null ? [] : [{ code: 'whole', of: null, now, before: null }]
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
  if (after.state === 'running' && (after.shareMoved ?? 0) <= movedShare)
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
      return a !== undefined && b !== undefined && edges.has(pairOf(a, b))
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
    const key = pairOf(a, b)
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
    dependent: result.dependent,
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

/** Joins people along the sure links of a run and hands the others to review. */
async function apply(ground: Ground, joining: Joining, row: RunRow, actor: string): Promise<number> {
  const { database, clock } = ground
  const links = await database.rows<{ one: PersonId; other: PersonId }>`
    select one, other from identity.link where run = ${row.id} and decision = 'auto' order by weight desc, one, other`
  const logs = [...row.logs]
  for (const { one, other } of links) {
    try {
      const { loser, log } = await joining.mergeByRun(one, other, actor, reasonOfRun(row.number))
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
      // What evidence or a person says by now stays.
      const probable = await database.rows<{ log: string }>`
        select id as log from identity.log where id = any(${row.logs}::uuid[]) and identity.surely(loser) <> identity.surely(winner)
        order by seq desc`
      for (const { log } of probable)
        if ((await joining.unmerge(log, actor, `run ${row.number} undone`)).changed) undone++
      await database.run`delete from identity.review_item where answer is null and link in (select id from identity.link where run = ${run})`
      await database.run`update identity.match_run set state = 'undone' where id = ${run}`
      return answer(0, undone)
    }
  }
}
