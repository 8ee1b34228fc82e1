import type { AppliedBatch, PersonId } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import { type Key, keyOf, livingId, type MergeBefore } from './graph.ts'
import { saidByRun, sidesApart } from './level.ts'
import { classOf, rankOf } from './normalise.ts'
import { type Decided, decideAgain, type Needs, type Outcome, scopeOf, writeOutcome } from './reevaluate.ts'
import { lockGraph } from './store.ts'

export type Undone = { winner: PersonId; loser: PersonId; changed: boolean }
/** A decision with what later stages have to follow. */
export type Decision<Answer> = { answer: Answer; batch: AppliedBatch; log: string | null }

type LogRow = {
  id: string
  kind: string
  winner: PersonId
  loser: PersonId | null
  via: Key | null
  with: Key | null
  /** `declared` and `sides`: of a decision by hand that took more than one pair of identifiers. */
  before: Partial<MergeBefore> & { declared?: Decided['together']; sides?: { one: Key[]; other: Key[] } }
  undoneAt: Date | null
}

async function logRow(tx: Database, id: string): Promise<LogRow | undefined> {
  return tx.row<LogRow>`
    select id, kind, winner, loser, undone_at as "undoneAt", before,
      case when via_value is not null then jsonb_build_object('namespace', via_namespace, 'value', via_value) end as via,
      case when with_value is not null then jsonb_build_object('namespace', with_namespace, 'value', with_value) end as "with"
    from identity.log where id = ${id}`
}

/** What an undo or a split would do, computed without doing it. */
export type Plan = {
  outcome: Outcome
  negatives: Decided['negatives']
  together: Decided['together']
  /** Names the plan: a later action with this text does exactly this, or is refused. */
  print: string
}

/**
 * Takes one merge back, also an old one with later merges on top: the state is that of all events again with the two
 * sides held apart from the beginning.
 */
export async function unmerge(
  needs: Needs,
  tx: Database,
  id: string,
  actor: string,
  reason: string | null,
  expected?: string,
): Promise<Decision<Undone>> {
  await lockGraph(tx)
  const entry = await mergeEntry(tx, id)
  const now = await currentOf(tx, entry.loser)
  if (entry.undoneAt)
    return { answer: { winner: now, loser: entry.loser, changed: false }, batch: nothing(), log: null }
  const plan = await planUnmerge(needs, tx, entry, reason ?? 'unmerge', actor)
  refuseChanged(plan, expected)
  await saveNegatives(needs, tx, plan.negatives)
  await forgetTogether(tx, sidesOf(entry), entry.before.declared ?? [])
  const batch = await writeOutcome(needs, tx, plan.outcome, { kind: 'unmerge', cause: reason ?? 'unmerge', actor })
  const log = await note(needs, tx, {
    kind: 'unmerge',
    winner: now,
    loser: entry.loser,
    via: entry.via,
    cause: reason ?? 'undone',
    actor,
    before: { undoes: id, negatives: plan.negatives },
  })
  await tx.run`update identity.log set undone_at = coalesce(undone_at, ${needs.clock.now()}), undone_by = ${log} where id = ${id}`
  const loser = plan.outcome.target.get(entry.loser) ?? entry.loser
  const winner = plan.outcome.target.get(entry.winner) ?? now
  if (winner === loser)
    throw new Refusal(409, 'still_joined', 'What is known of the two joins them in another way as well.', {
      doInstead: 'Split off the identifiers that belong to the other person.',
    })
  return { answer: { winner, loser, changed: true }, batch, log }
}

type MergeEntry = LogRow & { loser: PersonId }

async function mergeEntry(tx: Database, id: string): Promise<MergeEntry> {
  const entry = await logRow(tx, id)
  if (!entry || entry.kind !== 'merge' || entry.loser === null)
    throw new Refusal(404, 'unknown_merge', 'There is no such merge.')
  await refuseErased(tx, [entry.loser, entry.winner])
  return entry as MergeEntry
}

/** The identifiers that stood on either side when the two were joined, strongest first. */
function sidesOf(entry: MergeEntry): { one: Key[]; other: Key[] } {
  const { before, via, with: beside } = entry
  if (before.sides) return before.sides
  const loser = before.identifiers ?? []
  const winner = before.kept ?? []
  const mine = new Set(loser.map(keyOf))
  const theirs = [...winner, ...[via, beside].filter((key) => key !== null && !mine.has(keyOf(key)))] as Key[]
  return { one: theirs, other: loser }
}

async function planUnmerge(
  needs: Needs,
  tx: Database,
  entry: MergeEntry,
  reason: string,
  actor: string,
): Promise<Plan> {
  const sides = sidesOf(entry)
  const negatives = edges(firm(sides.one), firm(sides.other), reason, actor)
  if (negatives.length === 0)
    throw new Refusal(409, 'no_evidence', 'It is not known any more what stood on either side.', {
      doInstead: 'Split off the identifiers that belong to the other person.',
    })
  return planned(needs, tx, [await currentOf(tx, entry.loser)], negatives, [], entry.before.declared)
}

/** The strongest three that can hold two people apart; order numbers cannot. */
function firm(keys: Key[]): Key[] {
  return keys.filter((key) => classOf(key.namespace) !== 'transaction').slice(0, 3)
}

/** Each of one side with each of the other, in the order in which decisions are kept. */
export function edges(one: Key[], other: Key[], reason: string, actor: string): Decided['negatives'] {
  return one.flatMap((left) =>
    other
      .filter((right) => keyOf(left) !== keyOf(right))
      .map((right) => {
        const [first, second] = keyOf(left) < keyOf(right) ? [left, right] : [right, left]
        return {
          one: first.namespace,
          oneValue: first.value,
          other: second.namespace,
          otherValue: second.value,
          reason,
          actor,
        }
      }),
  )
}

async function planned(
  needs: Needs,
  tx: Database,
  seeds: PersonId[],
  negatives: Decided['negatives'],
  together: Decided['together'],
  forget: Decided['together'] = [],
): Promise<Plan> {
  const scope = await scopeOf(tx, seeds)
  if (!scope)
    throw new Refusal(
      409,
      'too_many',
      'More than two thousand people hang together here; block the shared value first.',
    )
  const outcome = await decideAgain(needs, tx, scope, { negatives, together, forget })
  const moves = outcome.moved.map(({ id, to }) => `${id}>${to}`).sort()
  const last = scope.evidence.reduce((latest, row) => Math.max(latest, row.times.at(-1) ?? 0), 0)
  return {
    outcome,
    negatives,
    together,
    print: needs.secrets.sign('identity.plan', [...moves, scope.evidence.length, last].join(' ')),
  }
}

function refuseChanged(plan: Plan, expected: string | undefined): void {
  if (expected === undefined || expected === plan.print) return
  throw new Refusal(409, 'changed_meanwhile', 'Something was heard of these people since the preview.', {
    doInstead: 'Look at the preview again.',
  })
}

/** Chosen identifiers go to a person of their own, or to a named one. */
export async function split(
  needs: Needs,
  tx: Database,
  wanted: {
    person: PersonId
    identifiers: Key[]
    to: PersonId | null
    reason: string
    actor: string
    expected?: string | undefined
  },
): Promise<Decision<{ from: PersonId; to: PersonId }>> {
  await lockGraph(tx)
  const plan = await planSplit(needs, tx, wanted)
  refuseChanged(plan, wanted.expected)
  await saveNegatives(needs, tx, plan.negatives)
  await saveTogether(needs, tx, plan.together)
  const { reason, actor } = wanted
  const batch = await writeOutcome(needs, tx, plan.outcome, { kind: 'split', cause: reason, actor })
  const from = await currentOf(tx, wanted.person)
  const to = (await ownerOf(tx, wanted.identifiers[0] as Key)) ?? from
  const log = await note(needs, tx, {
    kind: 'split',
    winner: from,
    loser: to === from ? null : to,
    via: wanted.identifiers[0] ?? null,
    cause: reason,
    actor,
    before: { identifiers: wanted.identifiers, negatives: plan.negatives, together: plan.together },
  })
  return { answer: { from, to }, batch, log }
}

export async function planSplit(
  needs: Needs,
  tx: Database,
  wanted: { person: PersonId; identifiers: Key[]; to: PersonId | null; reason: string; actor: string },
): Promise<Plan> {
  const person = await currentOf(tx, wanted.person)
  await refuseErased(tx, [person])
  const owned = await identifiersOwned(tx, person)
  const chosen = new Set(wanted.identifiers.map(keyOf))
  const theirs = owned.filter((key) => chosen.has(keyOf(key)))
  const rest = owned.filter((key) => !chosen.has(keyOf(key)))
  if (theirs.length < chosen.size)
    throw new Refusal(404, 'unknown_identifier', 'One of the identifiers is not this person’s.')
  if (firm(rest).length === 0 || firm(theirs).length === 0)
    throw new Refusal(409, 'nothing_left', 'Each side needs a login, number, card, contact or device of its own.')
  const target = wanted.to ? firm(await identifiersOwned(tx, await currentOf(tx, wanted.to)))[0] : undefined
  const chain = [...(target ? [target] : []), ...theirs.filter((key) => classOf(key.namespace) !== 'transaction')]
  const together = chain.slice(1).flatMap((key, at) => edges([chain[at] as Key], [key], wanted.reason, wanted.actor))
  // Each chosen identifier is held apart from the strongest that stay, else it would come back with the next event.
  const negatives = edges(
    firm(rest),
    theirs.filter((key) => classOf(key.namespace) !== 'transaction'),
    wanted.reason,
    wanted.actor,
  )
  return planned(needs, tx, [person, ...(wanted.to ? [wanted.to] : [])], negatives, together)
}

export async function previewUnmerge(needs: Needs, tx: Database, id: string): Promise<Plan & { entry: MergeEntry }> {
  const entry = await mergeEntry(tx, id)
  if (entry.undoneAt) throw new Refusal(409, 'undone', 'This merge was undone already.')
  return { ...(await planUnmerge(needs, tx, entry, 'preview', 'preview')), entry }
}

/** A person of the house says that two customers are one: past the gate, in force from the beginning. */
export async function mergeByHand(
  needs: Needs,
  tx: Database,
  one: PersonId,
  other: PersonId,
  actor: string,
  reason: string,
  /** May refuse, in the same transaction: what runs of matching want goes through the gate. */
  gate?: (tx: Database, one: PersonId, other: PersonId) => Promise<void>,
): Promise<Decision<{ winner: PersonId; loser: PersonId | null }>> {
  await lockGraph(tx)
  await refuseErased(tx, [one, other])
  const [left, right] = [await currentOf(tx, one), await currentOf(tx, other)]
  const known = await tx.rows`select id from identity.person where id in (${left}, ${right}) and state = 'active'`
  if (known.length < (left === right ? 1 : 2)) throw new Refusal(404, 'unknown_person', 'There is no such person.')
  if (left === right) {
    const log = saidByRun(reason) ? null : await confirm(needs, tx, { one, other, actor, reason })
    return { answer: { winner: left, loser: null }, batch: nothing(), log }
  }
  await gate?.(tx, left, right)
  const [lefts, rights] = [await identifiersOwned(tx, left), await identifiersOwned(tx, right)]
  const sides = { one: firm(lefts), other: firm(rights) }
  const [first, second] = [sides.one[0], sides.other[0]]
  if (!first || !second)
    throw new Refusal(409, 'no_identifier', 'One of the two has nothing by which it could be recognised.')
  const together = edges([first], [second], reason, actor)
  // What was said before against the two does not hold any more.
  await tx.run`
    delete from identity.negative
    where exists (select from identity.identifier where person in (${left}, ${right}) and namespace = one_namespace and value = one_value)
      and exists (select from identity.identifier where person in (${left}, ${right}) and namespace = other_namespace and value = other_value)`
  await saveTogether(needs, tx, together)
  const both = { persons: [left, right], owned: [...lefts, ...rights] }
  const { outcome, declared } = await joined(needs, tx, both, first, { reason, actor })
  const batch = await writeOutcome(needs, tx, outcome, { kind: 'merge', cause: reason, actor })
  const [winner, again] = [await currentOf(tx, left), await currentOf(tx, right)]
  if (winner !== again)
    throw new Refusal(409, 'kept_apart', 'Something else that people of the house decided keeps the two apart.')
  const loser = winner === left ? right : left
  const entry = await tx.row<{ id: string }>`
    select id from identity.log where kind = 'merge' and undone_at is null and winner = ${winner} and loser = ${loser}
    order by seq desc limit 1`
  // By the evidence the two may bear other ids than those they live under: then the replay's own entries name those.
  const log =
    entry?.id ?? (await note(needs, tx, { kind: 'merge', winner, loser, via: first, cause: reason, actor, before: {} }))
  if (!entry || declared.length > 0)
    await tx.run`
      update identity.log set before = before || ${tx.json({ declared: [...together, ...declared], sides })} where id = ${log}`
  return { answer: { winner, loser }, batch, log }
}

/**
 * The two with all that is theirs, as one. In force from the beginning, a decision about two identifiers can keep a rule
 * from joining others that it joined before: whatever strong or contact identifier would stay outside is declared too.
 */
async function joined(
  needs: Needs,
  tx: Database,
  both: { persons: PersonId[]; owned: Key[] },
  first: Key,
  said: { reason: string; actor: string },
): Promise<{ outcome: Outcome; declared: Decided['together'] }> {
  const declared: Decided['together'] = []
  const holding = both.owned.filter(({ namespace }) => ['strong', 'contact'].includes(classOf(namespace) ?? ''))
  for (let tries = 0; ; tries++) {
    const { outcome } = await planned(needs, tx, both.persons, [], [])
    const ownerOf = (key: Key) => {
      const owner = outcome.graph.nodes.get(keyOf(key))?.person
      return owner && livingId(outcome.graph, owner)
    }
    const home = ownerOf(first)
    const strays = new Map<PersonId, Key>()
    for (const key of holding) {
      const owner = ownerOf(key)
      if (owner && owner !== home && !strays.has(owner)) strays.set(owner, key)
    }
    if (strays.size === 0 || tries === 5) return { outcome, declared }
    const more = edges([first], [...strays.values()], said.reason, said.actor)
    await saveTogether(needs, tx, more)
    declared.push(...more)
  }
}

/** Somebody says that what a run joined is one person indeed; nobody moves. Returns the log entry, null = it was sure. */
async function confirm(
  needs: Needs,
  tx: Database,
  said: { one: PersonId; other: PersonId; actor: string; reason: string },
): Promise<string | null> {
  const { one, other, actor, reason } = said
  const person = await currentOf(tx, one)
  const sides = await sidesApart(tx, person, [one, other], await identifiersOwned(tx, person))
  const [first, second] = [sides && firm(sides.one)[0], sides && firm(sides.other)[0]]
  if (!first || !second) return null
  await saveTogether(needs, tx, edges([first], [second], reason, actor))
  const { outcome } = await planned(needs, tx, [person], [], [])
  await writeOutcome(needs, tx, outcome, { kind: 'merge', cause: reason, actor })
  const before = { one: first, other: second }
  return note(needs, tx, { kind: 'confirm', winner: person, loser: null, via: second, cause: reason, actor, before })
}

/** Two people stay two, whatever comes: between their strongest identifiers, so that it survives later merges. */
export async function holdApart(
  needs: Needs,
  tx: Database,
  one: PersonId,
  other: PersonId,
  reason: string,
  actor: string,
): Promise<Decided['negatives']> {
  await lockGraph(tx)
  const [left, right] = [await currentOf(tx, one), await currentOf(tx, other)]
  if (left === right) return []
  const negatives = edges(
    firm(await identifiersOwned(tx, left)).slice(0, 2),
    firm(await identifiersOwned(tx, right)).slice(0, 2),
    reason,
    actor,
  )
  await saveNegatives(needs, tx, negatives)
  return negatives
}

/** Decides people anew whom a late event or a shared value concerns. Returns what later stages have to follow. */
export async function recheck(needs: Needs, tx: Database, persons: PersonId[], cause: string): Promise<AppliedBatch> {
  const scope = await scopeOf(tx, persons)
  if (!scope) {
    await tx.run`
      insert into identity.review_item (kind, code, one, first_at, last_at, evidence)
      select 'audit', 'too_many_together', ${persons[0] ?? null}, ${needs.clock.now()}, ${needs.clock.now()}, '{}'
      where not exists (select from identity.review_item where kind = 'audit' and one = ${persons[0] ?? null} and answer is null)`
    return nothing()
  }
  return writeOutcome(needs, tx, await decideAgain(needs, tx, scope), { kind: 'reevaluate', cause, actor: 'identity' })
}

export function nothing(): AppliedBatch {
  return { events: [], merges: [], touched: [] }
}

export async function currentOf(tx: Database, person: PersonId): Promise<PersonId> {
  const row = await tx.row<{ person: PersonId }>`select identity.current(${person}) as person`
  return row?.person ?? person
}

async function ownerOf(tx: Database, key: Key): Promise<PersonId | null> {
  const row = await tx.row<{ person: PersonId | null }>`
    select identity.current(person) as person from identity.identifier
    where namespace = ${key.namespace} and value = ${key.value}`
  return row?.person ?? null
}

async function refuseErased(tx: Database, persons: PersonId[]): Promise<void> {
  const erased = await tx.rows`select id from identity.person where id = any(${persons}::uuid[]) and state = 'erased'`
  if (erased.length > 0)
    throw new Refusal(409, 'erased', 'One of the two was erased; an undo would bring erased data back.')
}

/** A person's identifiers, strongest first. */
export async function identifiersOwned(tx: Database, person: PersonId): Promise<Key[]> {
  const rows = await tx.rows<Key & { trust: 'verified' | 'claimed' }>`
    select namespace, value, trust from identity.identifier where person = ${person} and status = 'active'`
  return rows
    .toSorted(
      (one, other) =>
        rankOf(one.namespace, one.trust) - rankOf(other.namespace, other.trust) || (keyOf(one) < keyOf(other) ? -1 : 1),
    )
    .map(({ namespace, value }) => ({ namespace, value }))
}

export async function saveNegatives(needs: Needs, tx: Database, rows: Decided['negatives']): Promise<void> {
  if (rows.length > 0)
    await tx.run`
      insert into identity.negative (one_namespace, one_value, other_namespace, other_value, reason, actor, created_at)
      select one, "oneValue", other, "otherValue", reason, actor, ${needs.clock.now()}
      from jsonb_to_recordset(${tx.json(rows)}) as row(one text, "oneValue" text, other text, "otherValue" text, reason text, actor text)
      on conflict do nothing`
}

export async function saveTogether(needs: Needs, tx: Database, rows: Decided['together']): Promise<void> {
  if (rows.length > 0)
    await tx.run`
      insert into identity.together (one_namespace, one_value, other_namespace, other_value, reason, actor, created_at)
      select one, "oneValue", other, "otherValue", reason, actor, ${needs.clock.now()}
      from jsonb_to_recordset(${tx.json(rows)}) as row(one text, "oneValue" text, other text, "otherValue" text, reason text, actor text)
      -- What somebody says outranks what a run said of the same two.
      on conflict (one_namespace, one_value, other_namespace, other_value) do update set reason = excluded.reason,
        actor = excluded.actor, created_at = excluded.created_at
        where together.reason like 'match run %' and excluded.reason not like 'match run %'`
}

/** An undo takes back what was said for the join. */
async function forgetTogether(
  tx: Database,
  sides: { one: Key[]; other: Key[] },
  beside: Decided['together'],
): Promise<void> {
  const keys = { one: sides.one.map(keyOf), other: sides.other.map(keyOf) }
  await tx.run`
    delete from identity.together
    where (one_namespace || chr(1) || one_value = any(${keys.one.map(spelled)}) and other_namespace || chr(1) || other_value = any(${keys.other.map(spelled)}))
      or (one_namespace || chr(1) || one_value = any(${keys.other.map(spelled)}) and other_namespace || chr(1) || other_value = any(${keys.one.map(spelled)}))`
  if (beside.length > 0)
    await tx.run`
      delete from identity.together as said
      using jsonb_to_recordset(${tx.json(beside)}) as row(one text, "oneValue" text, other text, "otherValue" text)
      where (said.one_namespace, said.one_value, said.other_namespace, said.other_value) = (row.one, row."oneValue", row.other, row."otherValue")`
}

/** PostgreSQL's text holds no zero byte. */
function spelled(key: string): string {
  return key.replace('\u0000', '\u0001')
}

type Note = {
  kind: string
  winner: PersonId
  loser: PersonId | null
  via: Key | null
  cause: string
  actor: string
  before: object
}

export async function note(needs: Needs, tx: Database, entry: Note): Promise<string> {
  const now = needs.clock.now()
  const made = await tx.row<{ id: string }>`
    insert into identity.log (id, seq, kind, at, event_at, winner, loser, via_namespace, via_value, cause, actor, before)
    values (gen_random_uuid(), nextval('identity.log_seq') * 1000000, ${entry.kind}, ${now}, ${now}, ${entry.winner},
      ${entry.loser}, ${entry.via?.namespace ?? null}, ${entry.via?.value ?? null}, ${entry.cause}, ${entry.actor},
      ${tx.json(entry.before)})
    returning id`
  return made?.id ?? ''
}
