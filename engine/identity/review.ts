import { type AnswerOf, type api, type Json, type PersonId } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import { sentences, type Weigh } from './explain.ts'
import type { Key } from './graph.ts'
import { joinHousehold, leaveHousehold } from './household.ts'
import type { Identity } from './index.ts'
import { jaroWinkler } from './name.ts'
import { rankOf } from './normalise.ts'
import type { RecordFields } from './record.ts'
import type { Needs } from './reevaluate.ts'
import { lockGraph } from './store.ts'
import { currentOf, holdApart } from './undo.ts'
import { markValue, releaseValue } from './value.ts'

export type Item = AnswerOf<typeof api.identity.review>['items'][number]
export type Question = AnswerOf<typeof api.identity.reviewItem>
export type Answer = NonNullable<Item['answer']>

type Row = Omit<Item, 'why' | 'firstAt' | 'lastAt'> & { firstAt: Date; lastAt: Date }

function columnsOf(database: Database) {
  return database.part`item.id, item.kind, item.code, coalesce(one.winner, item.one) as one,
    coalesce(other.winner, item.other) as other,
    case when via_value is not null then jsonb_build_object('namespace', via_namespace, 'value', via_value) end as via,
    item.probability, times, first_at as "firstAt", last_at as "lastAt", answer, answered_by as "answeredBy",
    case when answer is null then first_by end as "firstBy", evidence`
}

/** As joins: asked per row, who somebody is today would cost more than everything else. */
function itemsIn(database: Database) {
  return database.part`identity.review_item as item
    left join identity.merged as one on one.loser = item.one and not one.undone
    left join identity.merged as other on other.loser = item.other and not other.undone`
}

function itemOf(row: Row): Item {
  return {
    ...row,
    why: sentences[row.kind === 'grey_link' ? 'grey_link' : row.code] ?? row.code,
    firstAt: row.firstAt.toISOString(),
    lastAt: row.lastAt.toISOString(),
  }
}

/** Open questions; what became one person meanwhile has answered itself. The most uncertain links come first. */
export async function reviewList(
  database: Database,
  query: {
    after?: string | undefined
    limit: number
    code?: string | undefined
    kind?: string | undefined
    open: 'true' | 'false'
  },
): Promise<{ items: Item[]; next: string | null }> {
  const [rank, at, id] = query.after?.split('|') ?? []
  const cursor = rank === undefined || at === undefined || id === undefined ? null : { rank: Number(rank), at, id }
  const rows = await database.rows<Row & { rank: number; exact: string }>`
    with asked as (
      select ${columnsOf(database)}, last_at::text as exact,
        round((case when kind = 'grey_link' then 1 + (1 - abs(2 * coalesce(probability, 0.5) - 1)) else 0 end)::numeric, 6)::float8 as rank
      from ${itemsIn(database)}
      where (${query.code ?? null}::text is null or code = ${query.code ?? null})
        and (${query.kind ?? null}::text is null or kind = ${query.kind ?? null})
        and (case when ${query.open === 'true'} then answer is null
            or (answer = 'unsure' and ask_again_at <= platform.now()) else answer is not null end))
    select * from asked
    where (one is null or other is null or one <> other or answer is not null)
      and (${cursor === null} or (rank, exact::timestamptz, id) < (${cursor?.rank ?? 0}::float8, ${cursor?.at ?? null}::timestamptz, ${cursor?.id ?? null}::uuid))
    order by rank desc, exact::timestamptz desc, id desc limit ${query.limit}`
  const last = rows.at(-1)
  return {
    items: rows.map(({ rank: _rank, exact: _exact, ...row }) => itemOf(row)),
    next: last && rows.length === query.limit ? `${last.rank}|${last.exact}|${last.id}` : null,
  }
}

/** Both records field by field, and what a merge would bring. */
export async function questionOf(database: Database, id: string, weigh: Weigh): Promise<Question> {
  const row = await database.row<Row & { link: string | null }>`
    select ${columnsOf(database)}, item.link from ${itemsIn(database)} where id = ${id}`
  if (!row) throw new Refusal(404, 'unknown_item', 'There is no such review item.')
  const { link: linkId, ...rest } = row
  const item = itemOf(rest)
  const link = linkId === null ? undefined : await linkRow(database, linkId)
  const persons = [...new Set([item.one, item.other])].filter((person) => person !== null)
  const [sides, identifiers, records] = await Promise.all([
    sidesOf(database, persons, weigh),
    identifiersOf(database, item),
    recordsOf(database, persons),
  ])
  const [one, other] = sides
  return {
    item,
    fields:
      item.one && item.other
        ? fieldsOf(records.get(item.one) ?? {}, records.get(item.other) ?? {}, link?.levels ?? [])
        : [],
    weight: link?.weight ?? null,
    model: link?.model ?? null,
    identifiers,
    sides,
    merged:
      one && other
        ? {
            person: one.since <= other.since ? one.person : other.person,
            identifiers: one.identifiers + other.identifiers,
            orders: one.orders === null || other.orders === null ? null : one.orders + other.orders,
          }
        : null,
  }
}

type Level = { field: string; level?: string | number; weight?: number; one?: string | null; other?: string | null }

async function linkRow(
  database: Database,
  id: string,
): Promise<{ weight: number; model: string; levels: Level[] } | undefined> {
  const row = await database.row<{ weight: number; model: string; levels: Level[] | { [field: string]: Json } }>`
    select weight, model, levels from identity.link where id = ${id}`
  return row && { ...row, levels: Array.isArray(row.levels) ? row.levels : [] }
}

async function sidesOf(database: Database, persons: PersonId[], weigh: Weigh): Promise<Question['sides']> {
  const rows = await database.rows<{
    person: PersonId
    since: Date
    identifiers: number
    household: string | null
    ids: PersonId[]
  }>`
    select person.id as person, first_seen_at as since, identity.aliases(person.id) as ids,
      (select count(*) from identity.identifier where identifier.person = person.id) as identifiers,
      (select household from identity.household_member as member where member.person = person.id and until is null limit 1) as household
    from identity.person where id = any(${persons}::uuid[])`
  const weights = await weigh(rows.flatMap((row) => row.ids))
  return persons.flatMap((person) => {
    const row = rows.find((one) => one.person === person)
    if (!row) return []
    const orders = row.ids.reduce((sum, id) => sum + (weights.get(id)?.orders ?? 0), 0)
    return [{ person, orders, since: row.since.toISOString(), identifiers: row.identifiers, household: row.household }]
  })
}

async function identifiersOf(database: Database, item: Item): Promise<Question['identifiers']> {
  const rows = await database.rows<{
    namespace: string
    value: string
    trust: 'verified' | 'claimed'
    person: PersonId
  }>`
    select namespace, value, trust, person from identity.identifier
    where person = any(${[item.one, item.other].filter((person) => person !== null)}::uuid[]) limit 200`
  return rows
    .toSorted((one, other) => rankOf(one.namespace, one.trust) - rankOf(other.namespace, other.trust))
    .map(({ person, ...row }) => ({ ...row, side: person === item.one ? ('one' as const) : ('other' as const) }))
}

/** The latest word of each field over all records of a person. */
async function recordsOf(database: Database, persons: PersonId[]): Promise<Map<PersonId, RecordFields>> {
  const rows = await database.rows<{ person: PersonId; fields: RecordFields }>`
    select asked.person, record.fields from unnest(${persons}::uuid[]) as asked(person)
    join identity.record on record.person = any(identity.aliases(asked.person)) order by record.seen_at`
  const found = new Map<PersonId, RecordFields>()
  for (const { person, fields } of rows) found.set(person, { ...found.get(person), ...fields })
  return found
}

type ShownFields = RecordFields & { address?: string }

const order: (keyof ShownFields)[] = [
  'first_name',
  'last_name',
  'birthday',
  'email',
  'phone',
  'address',
  'street',
  'postal_code',
  'city',
  'country',
  'landline',
  'group',
]

function fieldsOf(one: ShownFields, other: ShownFields, levels: Level[]): Question['fields'] {
  const weighed = byField(levels)
  if (weighed.has('address')) {
    const parts = new Set(['street', 'postal_code', 'city'])
    const others = (fields: ShownFields) => Object.entries(fields).filter(([field]) => !parts.has(field))
    one = { ...Object.fromEntries(others(one)), ...addressOf(one) }
    other = { ...Object.fromEntries(others(other)), ...addressOf(other) }
  }
  const rows: Question['fields'] = order
    .filter((field) => one[field] !== undefined || other[field] !== undefined)
    .map((field) => {
      const level = weighed.get(field)
      weighed.delete(field)
      return {
        field,
        one: one[field] ?? null,
        other: other[field] ?? null,
        agreement: agreementOf(one[field], other[field]),
        weight: level?.weight ?? null,
        level: level?.level === undefined ? null : String(level.level),
      }
    })
  for (const level of weighed.values())
    rows.push({
      field: level.field,
      one: level.one ?? null,
      other: level.other ?? null,
      agreement: agreementOf(level.one ?? undefined, level.other ?? undefined),
      weight: level.weight ?? null,
      level: level.level === undefined ? null : String(level.level),
    })
  return rows
}

/** What a run compares, by the fields that people know; what it compares of a mailbox is one figure. */
const fieldOf: { [comparison: string]: string } = {
  'first name': 'first_name',
  surname: 'last_name',
  'birth date': 'birthday',
  'e-mail': 'email',
  'e-mail of namesakes': 'email',
  'e-mail of relatives': 'email',
}

function byField(levels: Level[]): Map<string, Level> {
  const found = new Map<string, Level>()
  for (const level of levels) {
    const field = fieldOf[level.field] ?? level.field
    const known = found.get(field)
    found.set(field, known ? { ...known, weight: (known.weight ?? 0) + (level.weight ?? 0) } : { ...level, field })
  }
  return found
}

/** Street, postcode and town are compared, and weighed, as one. */
function addressOf({ street, postal_code, city }: ShownFields): ShownFields {
  const place = [postal_code, city].filter(Boolean).join(' ')
  const address = [street, place].filter(Boolean).join(', ')
  return address === '' ? {} : { address }
}

function agreementOf(one: string | undefined, other: string | undefined): Question['fields'][number]['agreement'] {
  if (one === undefined || other === undefined) return 'missing'
  if (one === other) return 'same'
  return jaroWinkler(one, other) >= 0.88 ? 'alike' : 'different'
}

type Effect = {
  log?: string | null
  negatives?: object[]
  household?: string | null
  label?: string
  together?: boolean
  /** A shared value that a family's card was said to be. */
  card?: Key
}

/** Same becomes a merge, different and household a negative edge; what people say is kept as a label for training. */
export async function answerItem(
  needs: Needs & { database: Database },
  identity: Pick<Identity, 'merge'>,
  id: string,
  answer: Answer,
  actor: string,
): Promise<{ merged: boolean; waits: boolean }> {
  const { database, clock } = needs
  const row = await database.row<{
    kind: string
    one: PersonId | null
    other: PersonId | null
    namespace: string | null
    value: string | null
    link: string | null
    answer: string | null
  }>`
    select kind, one, other, via_namespace as namespace, via_value as value, link, answer from identity.review_item where id = ${id}`
  if (!row) throw new Refusal(404, 'unknown_item', 'There is no such review item.')
  if (row.answer === answer && answer !== 'unsure') return { merged: false, waits: false }
  if (await waitsForSecond(database, id, answer, actor)) return { merged: false, waits: true }
  const again = answer === 'unsure' ? new Date(clock.now().getTime() + 30 * 86_400_000) : null
  // Taken first, so that of two reviewers one is told; a deed that fails opens the question again.
  const taken = await database.run`
    update identity.review_item set answer = ${answer}, answered_by = ${actor}, answered_at = ${clock.now()}, ask_again_at = ${again}
    where id = ${id} and (answer is null or answer = 'unsure')`
  if (taken === 0)
    throw new Refusal(409, 'answered', 'Somebody has answered this already.', {
      doInstead: 'Take that answer back first.',
    })
  try {
    const effect = await effectOfAnswer(needs, identity, { ...row, id }, answer, actor)
    await database.run`update identity.review_item set effect = ${database.json(effect)} where id = ${id}`
    return { merged: Boolean(effect.log), waits: false }
  } catch (error) {
    await database.run`
      update identity.review_item set answer = null, answered_by = null, answered_at = null, ask_again_at = null where id = ${id}`
    throw error
  }
}

export async function reviewRule(database: Database): Promise<{ twoPeople: boolean }> {
  const row = await database.row<{ twoPeople: boolean }>`
    select two_people as "twoPeople" from identity.review_rule`
  return row ?? { twoPeople: false }
}

export async function setReviewRule(database: Database, rule: { twoPeople: boolean }): Promise<{ twoPeople: boolean }> {
  await database.run`insert into identity.review_rule (two_people) values (${rule.twoPeople})
    on conflict (one) do update set two_people = excluded.two_people`
  return rule
}

/**
 * Where two have to agree, an answer is kept until somebody else gives the same; another answer takes its place.
 * Being unsure needs nobody else.
 */
async function waitsForSecond(database: Database, id: string, answer: Answer, actor: string): Promise<boolean> {
  if (!['same', 'different', 'household'].includes(answer)) return false
  if (!(await reviewRule(database)).twoPeople) return false
  const kept = await database.run`
    update identity.review_item set first_answer = ${answer}, first_by = ${actor}
    where id = ${id} and (answer is null or answer = 'unsure')
      and (first_by is null or first_by = ${actor} or first_answer <> ${answer})`
  return kept > 0
}

async function effectOfAnswer(
  needs: Needs & { database: Database },
  identity: Pick<Identity, 'merge'>,
  row: {
    id: string
    one: PersonId | null
    other: PersonId | null
    namespace: string | null
    value: string | null
    link: string | null
  },
  answer: Answer,
  actor: string,
): Promise<Effect> {
  const { database, clock } = needs
  const { id, one, other } = row
  const effect: Effect = {}
  if (answer === 'release' && row.namespace !== null && row.value !== null)
    await releaseValue(needs, { namespace: row.namespace, value: row.value }, actor, 'review')
  if (answer === 'household' && row.namespace !== null && row.value !== null && !one && !other) {
    effect.card = { namespace: row.namespace, value: row.value }
    await markValue(needs, effect.card, 'household_card', actor, 'review')
  }
  if (!one || !other || answer === 'unsure') return effect
  if (answer === 'same') effect.log = (await identity.merge(one, other, actor, 'review')).log
  await database.transaction(async (tx) => {
    if (answer === 'different' || answer === 'household')
      effect.negatives = await holdApart(needs, tx, one, other, answer, actor)
    if (answer === 'household') effect.household = await joinHousehold(needs, tx, [one, other], 'a colleague said so')
    const label = await tx.row<{ id: string }>`
      insert into identity.label (item, one, other, score, levels, actor, at)
      select ${id}, ${one}, ${other}, ${answer === 'same' ? 1 : 0},
        coalesce((select levels from identity.link where id = ${row.link}), '[]'), ${actor}, ${clock.now()}
      returning id`
    if (label) effect.label = label.id
  })
  return effect
}

/** Takes an answer back with all it did; the question is open again. */
export async function undoAnswer(
  needs: Needs & { database: Database },
  identity: Pick<Identity, 'unmerge'>,
  id: string,
  actor: string,
): Promise<{ changed: boolean }> {
  const { database } = needs
  const row = await database.row<{
    answer: Answer | null
    effect: Effect
    one: PersonId | null
    other: PersonId | null
  }>`
    select answer, effect, one, other from identity.review_item where id = ${id}`
  if (!row) throw new Refusal(404, 'unknown_item', 'There is no such review item.')
  if (row.answer === null) return { changed: false }
  const { effect } = row
  if (effect.log) {
    await identity.unmerge(effect.log, actor, 'answer taken back')
    // The undo of an answer is no decision that they are two: the question is open again.
    await database.run`
      delete from identity.negative as edge using identity.log
      where log.kind = 'unmerge' and log.before->>'undoes' = ${effect.log} and exists (
        select from jsonb_to_recordset(log.before->'negatives') as row(one text, "oneValue" text, other text, "otherValue" text)
        where (edge.one_namespace, edge.one_value, edge.other_namespace, edge.other_value) = (row.one, row."oneValue", row.other, row."otherValue"))`
  }
  await database.transaction(async (tx) => {
    await lockGraph(tx)
    if (effect.negatives && effect.negatives.length > 0)
      await tx.run`
        delete from identity.negative as edge
        using jsonb_to_recordset(${tx.json(effect.negatives)}) as row(one text, "oneValue" text, other text, "otherValue" text)
        where (edge.one_namespace, edge.one_value, edge.other_namespace, edge.other_value) = (row.one, row."oneValue", row.other, row."otherValue")`
    if (effect.household && row.one && row.other)
      await leaveHousehold(needs, tx, effect.household, [row.one, row.other])
    if (effect.card)
      await tx.run`
        update identity.identifier set marked = null
        where namespace = ${effect.card.namespace} and value = ${effect.card.value} and marked = 'household_card'`
    if (effect.label) await tx.run`delete from identity.label where id = ${effect.label}`
    await tx.run`
      update identity.review_item set answer = null, answered_by = null, answered_at = null, ask_again_at = null, effect = '{}',
        first_answer = null, first_by = null
      where id = ${id}`
    for (const person of [row.one, row.other])
      if (person)
        await tx.run`insert into identity.recheck (person, because, asked_at)
          values (${await currentOf(tx, person)}, 'answer taken back', ${needs.clock.now()}) on conflict do nothing`
  })
  return { changed: true }
}
