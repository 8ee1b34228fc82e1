import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { namespaces } from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import { type Key, limits } from './graph.ts'
import { baseOf, classOf, normalise } from './normalise.ts'
import type { Needs } from './reevaluate.ts'
import { limitsIn, lockGraph, type NamespaceLimits } from './store.ts'
import { note } from './undo.ts'

type WithDatabase = Needs & { database: Database }
export type Mark = (typeof api.identity.valueMarks)[number]

/**
 * Takes a value out of the graph, or back in. Blocking and sharing split nobody by themselves: the people it belonged
 * to are named, and each join can be undone. So it is with the card of a family: what was bought with it before stays where
 * it is. A store's device is decided anew, as if it had never named anybody.
 */
export async function markValue(
  needs: WithDatabase,
  given: Key,
  as: Mark,
  actor: string,
  reason: string,
): Promise<{ persons: PersonId[] }> {
  const key = normalKey(given, needs.country)
  if (as === 'released') return releaseValue(needs, key, actor, reason)
  if (as === 'household_card' && classOf(key.namespace) !== 'strong')
    throw new Refusal(422, 'no_card', `${key.namespace} is no card, number or login that a family could share.`, {
      doInstead: 'Set the value aside as shared.',
    })
  return needs.database.transaction(async (tx) => {
    await lockGraph(tx)
    const now = needs.clock.now()
    const known = await tx.row<{ person: PersonId | null; earlier: { person: PersonId }[] }>`
      select person, earlier from identity.identifier where namespace = ${key.namespace} and value = ${key.value}`
    const status = as === 'blocked' ? 'blocked' : 'shared'
    const marked = as === 'shared' || as === 'household_card' ? as : null
    await tx.run`
      insert into identity.identifier (namespace, value, person, trust, status, first_seen_at, last_seen_at, source, event,
        attached_log, since, store_device, marked, shared_since)
      values (${key.namespace}, ${key.value}, null, 'claimed', ${status}, ${now}, ${now}, ${nobody}, ${nobody}, 0, ${now},
        ${as === 'store_device'}, ${marked}, ${marked === null ? null : now})
      on conflict (namespace, value) do update set status = excluded.status, store_device = excluded.store_device,
        marked = excluded.marked, shared_until = null,
        shared_since = case when identifier.shared_until is null then coalesce(identifier.shared_since, excluded.shared_since)
          else excluded.shared_since end`
    await settleQuestion(tx, key, 'keep', actor, now)
    const persons = [...new Set([known?.person, ...(known?.earlier ?? []).map((one) => one.person)])].filter(
      (person): person is PersonId => person !== null && person !== undefined,
    )
    await note(needs, tx, {
      kind: as === 'blocked' ? 'block' : 'share',
      winner: persons[0] ?? (nobody as PersonId),
      loser: null,
      via: key,
      cause: reason,
      actor,
      before: { as },
    })
    if (as === 'store_device') for (const person of persons) await askAgain(needs, tx, person, 'store device')
    return { persons }
  })
}

/** Somebody decided about the value: the question whether it is shared is answered with it. */
async function settleQuestion(
  tx: Database,
  { namespace, value }: Key,
  answer: 'keep' | 'release',
  actor: string,
  now: Date,
): Promise<void> {
  await tx.run`
    update identity.review_item set answer = ${answer}, answered_by = ${actor}, answered_at = ${now}
    where kind = 'hot_value' and via_namespace = ${namespace} and via_value = ${value} and answer is null`
}

const nobody = '00000000-0000-0000-0000-000000000000'

function normalKey(given: Key, country: string): Key {
  const named = normalise({ ...given, trust: 'verified' }, country)
  // A value that is blocked anyway may still be named, for example to release it.
  return 'refused' in named ? given : { namespace: named.namespace, value: named.value }
}

/** From now on the value counts again; what happened while it was set aside stays as it is. */
export async function releaseValue(
  needs: WithDatabase,
  key: Key,
  actor: string,
  reason: string,
): Promise<{ persons: PersonId[] }> {
  return needs.database.transaction(async (tx) => {
    await lockGraph(tx)
    const row = await tx.row<{ person: PersonId | null }>`
      update identity.identifier set status = case when shared_since is null then 'active' else 'shared' end,
        store_device = false, marked = null, shared_until = ${needs.clock.now()}, shown = '[]'
      where namespace = ${key.namespace} and value = ${key.value} returning person`
    if (!row) throw new Refusal(404, 'unknown_identifier', 'This value is not known.')
    await tx.run`
      update identity.identifier set status = 'active' where namespace = ${key.namespace} and value = ${key.value}`
    await settleQuestion(tx, key, 'release', actor, needs.clock.now())
    await note(needs, tx, {
      kind: 'release',
      winner: row.person ?? (nobody as PersonId),
      loser: null,
      via: key,
      cause: reason,
      actor,
      before: {},
    })
    return { persons: row.person ? [row.person] : [] }
  })
}

function askAgain(needs: Needs, tx: Database, person: PersonId, because: string): Promise<number> {
  return tx.run`
    insert into identity.recheck (person, because, asked_at)
    values (identity.current(${person}), ${because}, ${needs.clock.now()}) on conflict do nothing`
}

/** After thirty quiet days a shared value is a question again; nothing is released by itself. */
export function askAboutQuietValues(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    await lockGraph(tx)
    return tx.run`
      update identity.review_item as item set answer = null, last_at = platform.now()
      from identity.identifier
      where item.kind = 'hot_value' and item.answer = 'keep' and item.answered_at < platform.now() - interval '30 days'
        and namespace = via_namespace and value = via_value and status = 'shared'
        and last_seen_at < platform.now() - interval '30 days'`
  })
}

type Values = AnswerOf<typeof api.identity.values>

/** Values that neither find nor join anybody, those seen last first. */
export async function valuesAside(
  database: Database,
  page: { after?: string | undefined; limit: number },
): Promise<Values> {
  const skipped = page.after === undefined ? 0 : Number(page.after)
  const rows = await database.rows<
    Omit<Values['items'][number], 'since' | 'lastSeenAt'> & { since: Date | null; lastSeenAt: Date }
  >`
    select namespace, value, said.actor, said.cause as reason, identity.current(identifier.person) as person,
      case when status = 'blocked' then 'blocked' when store_device then 'store_device' else coalesce(marked, 'shared') end as "as",
      status = 'blocked' or store_device or marked is not null as said, shared_since as since, last_seen_at as "lastSeenAt"
    from identity.identifier
    left join lateral (select actor, cause from identity.log
      where kind in ('block', 'share') and via_namespace = namespace and via_value = value and before ? 'as'
        and winner = coalesce(identifier.person, ${nobody})
      order by seq desc limit 1) as said on true
    where status in ('shared', 'blocked') order by last_seen_at desc, namespace, value offset ${skipped} limit ${page.limit + 1}`
  return {
    items: rows.slice(0, page.limit).map((row) => ({
      ...row,
      since: row.since?.toISOString() ?? null,
      lastSeenAt: row.lastSeenAt.toISOString(),
    })),
    next: rows.length > page.limit ? String(skipped + page.limit) : null,
  }
}

type Namespaces = AnswerOf<typeof api.identity.namespacesList>['items']

export async function namespacesOf(database: Database): Promise<Namespaces> {
  const rules = await limitsIn(database)
  const counted = await database.rows<{ namespace: string; most: number; people: number }>`
    select namespace, most, count(*) as people from (
      select split_part(namespace, '.', 1) as namespace, namespace as full_name, person, count(*) as most
      from identity.identifier where person is not null and status = 'active' group by 1, 2, 3 having count(*) > 1) as many
    group by namespace, most`
  return Object.keys(namespaces).map((namespace) => {
    const rule = rules.get(namespace)
    const { most, days } = standardOf(namespace)
    const now = rule?.most ?? most
    const over = counted
      .filter((row) => row.namespace === namespace && now !== null && row.most > now)
      .reduce((sum, row) => sum + row.people, 0)
    return {
      namespace,
      class: classOf(namespace) ?? 'device',
      most: now,
      days: rule?.days ?? days,
      hotPeople: rule?.hotPeople ?? limits.hotPeople,
      changed: rule !== undefined,
      over,
    }
  })
}

function standardOf(namespace: string): { most: number | null; days: number | null } {
  const kind = classOf(namespace)
  if (baseOf(namespace) === 'loyalty_card') return { most: limits.loyaltyCards, days: null }
  if (kind === 'strong') return { most: limits.strong, days: null }
  if (kind === 'contact') return { most: limits.contacts, days: 365 }
  if (kind === 'device') return { most: limits.devices, days: limits.deviceDays }
  return { most: null, days: null }
}

/** Limits hold from now on; returns how many people have more today, each of whom can be split by hand. */
export async function setNamespace(
  needs: WithDatabase,
  namespace: string,
  rule: NamespaceLimits,
  actor: string,
): Promise<{ over: number }> {
  if (!Object.hasOwn(namespaces, namespace))
    throw new Refusal(404, 'unknown_namespace', `${namespace} is no namespace.`, {
      doInstead: `Use ${Object.keys(namespaces).join(', ')}.`,
    })
  await needs.database.run`
    insert into identity.namespace_rule (namespace, most, days, hot_people, actor, changed_at)
    values (${namespace}, ${rule.most}, ${rule.days}, ${rule.hotPeople}, ${actor}, ${needs.clock.now()})
    on conflict (namespace) do update set most = excluded.most, days = excluded.days, hot_people = excluded.hot_people,
      actor = excluded.actor, changed_at = excluded.changed_at`
  const all = await namespacesOf(needs.database)
  return { over: all.find((one) => one.namespace === namespace)?.over ?? 0 }
}
