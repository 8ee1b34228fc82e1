import {
  type AnswerOf,
  type api,
  channels,
  type InputOf,
  type MessageId,
  type SpokenLanguage,
} from '@einklang/contract'
import { type Database, Refusal } from '@einklang/platform'
import { explain } from './explain.ts'
import type { DeliveryNeeds } from './index.ts'
import { frameToken } from './links.ts'
import { saidOrNull } from './sayings.ts'
import type { MessageRow, State } from './store.ts'

type Line = api.delivery.Message

type ListRow = MessageRow & {
  personName: string | null
  conceptName: string | null
  journeyName: string | null
  receipts: { [kind: string]: string } | null
}

function lineOf(row: ListRow, language: SpokenLanguage): Line {
  const receipt = (kind: string) => (row.receipts?.[kind] ? new Date(row.receipts[kind]).toISOString() : null)
  return {
    id: row.id,
    person: row.person,
    personName: row.personName,
    channel: row.channel,
    purpose: row.purpose,
    state: row.state,
    reason: saidOrNull(row.reason, language),
    subject: row.subject,
    address: row.address,
    concept: row.concept,
    conceptName: row.conceptName,
    journey: row.journey,
    journeyName: row.journeyName,
    plannedAt: row.planned_at.toISOString(),
    notBefore: row.not_before.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
    receipts: {
      delivered: receipt('delivered'),
      opened: receipt('opened'),
      clicked: receipt('clicked'),
      bounced: receipt('bounced'),
      unsubscribed: receipt('unsubscribed'),
      complained: receipt('complained'),
    },
  }
}

type Query = InputOf<typeof api.delivery.messages>['query']

function filterOf(database: Database, query: Omit<Query, 'limit'>) {
  const parts = [database.part`true`]
  if (query.channel) parts.push(database.part`message.channel = ${query.channel}`)
  if (query.journey) parts.push(database.part`message.journey = ${query.journey}`)
  if (query.concept) parts.push(database.part`message.concept = ${query.concept}`)
  if (query.person) parts.push(database.part`message.person = any(identity.aliases(${query.person}))`)
  return database.join(parts, 'and')
}

export async function listMessages(
  database: Database,
  query: Query,
  language: SpokenLanguage,
): Promise<AnswerOf<typeof api.delivery.messages>> {
  const [at, id] = query.after?.split('~') ?? []
  const filter = filterOf(database, query)
  const rows = await listRows(
    database,
    database.part`${filter}
      ${query.state ? database.part`and message.state = ${query.state}` : database.part``}
      ${at && id ? database.part`and (message.planned_at, message.id) < (${new Date(at)}, ${id}::uuid)` : database.part``}`,
    query.limit + 1,
  )
  const counted = await database.rows<{ state: State; count: number }>`
    select state, count(*)::int as count from delivery.message where ${filter} group by state`
  const countOf = (state: State) => counted.find((row) => row.state === state)?.count ?? 0
  const items = rows.slice(0, query.limit).map((row) => lineOf(row, language))
  const last = items.at(-1)
  return {
    items,
    next: rows.length > query.limit && last ? `${last.plannedAt}~${last.id}` : null,
    counts: {
      planned: countOf('planned'),
      reserved: countOf('reserved'),
      handed: countOf('handed'),
      accepted: countOf('accepted'),
      refused: countOf('refused'),
      unknown: countOf('unknown'),
      suppressed: countOf('suppressed'),
      displaced: countOf('displaced'),
      expired: countOf('expired'),
    },
  }
}

function listRows(database: Database, filter: ReturnType<Database['part']>, limit: number): Promise<ListRow[]> {
  return database.rows<ListRow>`
    select message.*, nullif(concat_ws(' ', person.first_name, person.last_name), '') as "personName",
      concept.name as "conceptName", journey.name as "journeyName",
      (select jsonb_object_agg(kind, at) from delivery.receipt
        where receipt.message = message.id and not (machine and kind in ('opened', 'clicked'))) as receipts
    from delivery.message
    left join profile.person on person.person = identity.current(message.person)
    left join content.concept on concept.id = message.concept
    left join decision.journey on journey.id = message.journey
    where ${filter}
    order by message.planned_at desc, message.id desc limit ${limit}`
}

export async function personMessages(
  database: Database,
  person: InputOf<typeof api.delivery.personMessages>['params']['person'],
  language: SpokenLanguage,
): Promise<Line[]> {
  return (await listRows(database, filterOf(database, { person }), 200)).map((row) => lineOf(row, language))
}

export async function messageDetail(
  needs: DeliveryNeeds,
  id: MessageId,
  language: SpokenLanguage,
): Promise<AnswerOf<typeof api.delivery.message>> {
  const { database, secrets, clock } = needs.ground
  const [row] = await listRows(database, database.part`message.id = ${id}`, 1)
  if (!row) throw new Refusal(404, 'no_message', 'There is no such message.')
  const body = await database.row<{ text: string; html: boolean }>`
    select text, html is not null as html from delivery.body where message = ${id}`
  const history = await database.rows<{ at: Date; state: string; note: string | null }>`
    select at, state, note from delivery.change where message = ${id} order by seq`
  const expires = new Date(clock.now().getTime() + 3_600_000)
  const frame = (kind: 'message' | 'letter') => `/p/frame/${frameToken(secrets, kind, id, expires)}`
  return {
    ...lineOf(row, language),
    key: row.key,
    run: row.run,
    explanation: (await explain(database, id, language)) ?? { headline: '', lines: [] },
    text: body?.text ?? null,
    frameUrl: body?.html ? frame('message') : null,
    fileUrl: row.channel === 'letter' && row.provider_id ? frame('letter') : null,
    providerId: row.provider_id,
    connector: row.connector,
    attempts: row.attempts,
    history: history.map((change) => ({
      ...change,
      at: change.at.toISOString(),
      note: saidOrNull(change.note, language),
    })),
  }
}

export async function listLanes(
  needs: DeliveryNeeds,
  language: SpokenLanguage,
): Promise<AnswerOf<typeof api.delivery.lanes>['items']> {
  const { database } = needs.ground
  const stops = await database.rows<{ channel: string; because: string | null }>`
    select channel, because from delivery.lane where stopped`
  const counts = await database.rows<{
    channel: string
    waiting: number
    unknown: number
    accepted: number
    refused: number
    problem: string | null
  }>`
    select channel, count(*) filter (where state in ('planned', 'reserved', 'handed'))::int as waiting,
      count(*) filter (where state = 'unknown')::int as unknown,
      count(*) filter (where state = 'accepted' and sent_at >= date_trunc('day', platform.now()))::int as accepted,
      count(*) filter (where state = 'refused' and planned_at >= date_trunc('day', platform.now()))::int as refused,
      (array_agg(reason order by planned_at desc) filter (where state in ('refused', 'unknown') or
        (state = 'reserved' and attempts > 0)))[1] as problem
    from delivery.message group by channel`
  return channels.map((channel) => {
    const connector = needs.connectors.find((one) => one.channel === channel)
    const stop = stops.find((row) => row.channel === channel)
    const count = counts.find((row) => row.channel === channel)
    return {
      channel,
      connector: connector?.name ?? null,
      class: connector?.class ?? null,
      stopped: stop !== undefined,
      stoppedBecause: stop?.because ?? null,
      waiting: count?.waiting ?? 0,
      unknown: count?.unknown ?? 0,
      acceptedToday: count?.accepted ?? 0,
      refusedToday: count?.refused ?? 0,
      lastProblem: saidOrNull(count?.problem ?? null, language),
    }
  })
}
