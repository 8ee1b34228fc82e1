import { api, type PersonId } from '@einklang/contract'
import { type Database, type Ground, newId } from '@einklang/platform'
import {
  answersOf,
  apartPeople,
  config,
  inputOf,
  labelsOf,
  neighbours,
  pairOf,
  type RecordRow,
  recordsOf,
  workshopOf,
} from './house.ts'
import { type MatchResult, matchRecords, planMatch, type SavedModel } from './index.ts'
import { clear } from './pipeline.ts'

/** Above this share of people that would be others, the comparison raises an alarm; a run as large waits for approval. */
export const movedShare = 0.02

/** How people stand beside how a whole run would have them. */
export type Difference = {
  people: number
  /** People who would be others: parted, joined with somebody, or both. */
  differ: number
  /** Pairs of surely different records that the whole run alone joins, or that only stand joined now. */
  added: number
  lost: number
  examples: { kind: 'added' | 'lost'; persons: PersonId[] }[]
}

/** What the runs since the last training left behind, against one run over all records with the same model. */
export type WholeCheck = Difference & { run: string; at: Date; records: number }

/**
 * Compares everything anew with the model of the last applied run, changes nobody, and keeps what would be otherwise
 * (spec identity §11: differences of clusters to a full run are counted weekly). Null where no run was applied yet.
 */
export async function compareWithWhole(ground: Ground): Promise<WholeCheck | null> {
  const { database, clock } = ground
  const last = await database.row<{ id: string; model: SavedModel; seed: number }>`
    select id, model, seed from identity.match_run where model is not null and state = 'applied' order by number desc limit 1`
  if (!last) return null
  // What no applied run has seen yet cannot stand otherwise than a whole run would have it.
  const applied = await database.rows<{ id: string }>`
    select record.id from identity.record join identity.match_run as run on run.id = record.compared_run
    where run.state in ('applied', 'undone')`
  const seen = new Set(applied.map(({ id }) => id))
  const rows = (await recordsOf(ground)).filter(({ id, compared }) => compared && seen.has(id))
  const shop = workshopOf(ground, 'whole')
  try {
    const difference = differenceOf(rows, await linksOfWhole(ground, rows, last, shop))
    const check = { run: last.id, at: clock.now(), records: rows.length, ...difference }
    await database.run`
      insert into identity.match_check (id, run, at, records, people, differ, added, lost, examples)
      values (${newId('link', clock)}, ${check.run}, ${check.at}, ${check.records}, ${check.people}, ${check.differ},
        ${check.added}, ${check.lost}, ${database.json(check.examples)})`
    ground.live.publish('identity.changed', {})
    return check
  } finally {
    await clear(shop)
  }
}

/** Pairs of records that a whole run would join by itself, without those that the gate or a person keeps apart. */
async function linksOfWhole(
  ground: Ground,
  rows: RecordRow[],
  last: { model: SavedModel; seed: number },
  shop: ReturnType<typeof workshopOf>,
): Promise<[number, number][]> {
  if (rows.length < 2) return []
  const [edges, answers, refused] = await Promise.all([apartPeople(ground), answersOf(ground), refusedByGate(ground)])
  const people = new Map(rows.map(({ id, person }) => [id, person]))
  const keptApart = (one: string, other: string) => {
    const [a, b] = [people.get(one) as string, people.get(other) as string]
    const pair = pairOf(a, b)
    return edges.has(pair) || refused.has(pair)
  }
  const surely = new Map(rows.map(({ id, sure }) => [id, sure as string]))
  const input = inputOf(rows)
  const result = await matchRecords([input], planMatch([input], config as never), {
    shop,
    seed: last.seed,
    model: last.model,
    labels: (records) => labelsOf(records, answers),
    together: (records) => neighbours(records.ids.map((id) => surely.get(id) as string)),
    apart: (one, other, { ids }) => keptApart(ids[one] as string, ids[other] as string),
  })
  const place = new Map(rows.map(({ id }, at) => [id, at]))
  const { ids } = result.records
  return joinedBy(result)
    .map(([one, other]): [string, string] => [ids[one] as string, ids[other] as string])
    .filter(([one, other]) => !keptApart(one, other))
    .map(([one, other]) => [place.get(one) as number, place.get(other) as number])
}

/** Links along which a run joins people: sure, and inside one group of sure links. */
export function joinedBy({ pairs, decisions, clusters99 }: MatchResult): [number, number][] {
  const links: [number, number][] = []
  for (let pair = 0; pair < pairs.weight.length; pair++) {
    const [one, other] = [pairs.left[pair] as number, pairs.right[pair] as number]
    if (decisions[pair] === 'auto' && clusters99[one] === clusters99[other]) links.push([one, other])
  }
  return links
}

/** Why a join of a run is refused: by the gate, or because the two cannot be joined at all. */
const refusals = [...api.identity.conflictCodes, 'kept_apart', 'no_identifier', 'too_many', 'erased']

/** People whom a run wanted to join and the gate did not allow. */
async function refusedByGate({ database }: Ground): Promise<Set<string>> {
  const rows = await database.rows<{ one: string; other: string }>`
    select distinct least(one, other)::text as one, greatest(one, other)::text as other from (
      select identity.current(one) as one, identity.current(other) as other from identity.link
      where decision = 'review' and flags && ${refusals}) as link
    where one <> other`
  return new Set(rows.map(({ one, other }) => pairOf(one, other)))
}

/** Compares people as they stand with the groups that surely one people and the links of a whole run make. */
export function differenceOf(rows: Pick<RecordRow, 'person' | 'sure'>[], links: [number, number][]): Difference {
  const parent = new Map<PersonId, PersonId>()
  const rootOf = (head: PersonId): PersonId => {
    let root = head
    for (let up = parent.get(root); up !== undefined; up = parent.get(root)) root = up
    return root
  }
  for (const [one, other] of links) {
    const [a, b] = [rootOf((rows[one] as RecordRow).sure), rootOf((rows[other] as RecordRow).sure)]
    if (a !== b) parent.set(a < b ? b : a, a < b ? a : b)
  }
  const heads = new Map(rows.map(({ sure, person }) => [sure, person]))
  const persons = new Map<PersonId, Set<PersonId>>()
  const wholes = new Map<PersonId, Set<PersonId>>()
  const both = new Map<string, number>()
  let pairsBoth = 0
  for (const [head, person] of heads) {
    const root = rootOf(head)
    persons.set(person, (persons.get(person) ?? new Set()).add(root))
    wholes.set(root, (wholes.get(root) ?? new Set()).add(person))
    const met = both.get(`${person} ${root}`) ?? 0
    both.set(`${person} ${root}`, met + 1)
    pairsBoth += met
  }
  const pairsIn = (groupOf: (head: PersonId, person: PersonId) => PersonId) => {
    const counts = new Map<PersonId, number>()
    let pairs = 0
    for (const [head, person] of heads) {
      const group = groupOf(head, person)
      pairs += counts.get(group) ?? 0
      counts.set(group, (counts.get(group) ?? 0) + 1)
    }
    return pairs
  }
  const differ = [...persons].filter(
    ([, roots]) => roots.size > 1 || (wholes.get([...roots][0] as PersonId)?.size ?? 1) > 1,
  ).length
  const joined = [...wholes.values()].filter((group) => group.size > 1).map((group) => [...group].sort())
  const parted = [...persons].filter(([, roots]) => roots.size > 1).map(([person]) => [person])
  return {
    people: persons.size,
    differ,
    added: pairsIn((head) => rootOf(head)) - pairsBoth,
    lost: pairsIn((_, person) => person) - pairsBoth,
    examples: [
      ...joined.slice(0, 10).map((group) => ({ kind: 'added' as const, persons: group.slice(0, 12) })),
      ...parted.slice(0, 10).map((group) => ({ kind: 'lost' as const, persons: group })),
    ],
  }
}

/** The last comparison, of a run or at all. */
export async function lastCheck(database: Database, run?: string): Promise<WholeCheck | null> {
  const row = await database.row<WholeCheck>`
    select run, at, records, people, differ, added, lost, examples from identity.match_check
    where ${run ?? null}::uuid is null or run = ${run ?? null} order by at desc limit 1`
  return row ?? null
}

/** The share, where it is above the limit. */
export function alarmOf(check: WholeCheck | null): number | null {
  return check && shareOf(check) > movedShare ? shareOf(check) : null
}

export const shareOf = ({ differ, people }: Pick<Difference, 'differ' | 'people'>) =>
  people === 0 ? 0 : differ / people
