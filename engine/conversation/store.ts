import {
  type AnswerOf,
  type AppliedBatch,
  type api,
  type InputOf,
  type PersonId,
  storedUnder,
} from '@einklang/contract'
import { type Database, derivedId, Refusal } from '@einklang/platform'

export async function applyIncoming(tx: Database, batch: AppliedBatch): Promise<void> {
  const received = batch.events.filter((event) => event.name === 'conversation.received')
  if (received.length === 0) return
  const rows = received.map((event) => ({
    id: derivedId('conversation', event.id),
    event: event.id,
    person: storedUnder(event),
    channel: event.channel,
    kind: text(event.properties['kind'], 60) ?? 'message',
    sender: text(event.properties['from'], 320) ?? '',
    subject: text(event.properties['subject'], 500),
    text: text(event.properties['text'] ?? event.properties['message'], 20_000) ?? '',
    at: event.at,
    source: event.source,
    properties: event.properties,
  }))
  await tx.run`insert into conversation.message
      (id, event, person, channel, kind, sender, subject, text, at, source, properties)
    select * from jsonb_to_recordset(${tx.json(rows)}) as given (id uuid, event uuid, person uuid, channel text,
      kind text, sender text, subject text, text text, at timestamptz, source uuid, properties jsonb)
    on conflict (event) do nothing`
}

function text(value: unknown, longest: number): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, longest) : null
}

type Row = {
  id: api.conversation.IncomingMessage['id']
  person: PersonId | null
  personName: string | null
  channel: api.conversation.IncomingMessage['channel']
  kind: string
  sender: string
  subject: string | null
  text: string
  at: Date
  source: string
}

function lineOf(row: Row): api.conversation.IncomingMessage {
  const { sender, text: whole, at, ...rest } = row
  return { ...rest, from: sender, snippet: whole.replace(/\s+/g, ' ').slice(0, 200), at: at.toISOString() }
}

type Query = InputOf<typeof api.conversation.messages>['query']

export async function listIncoming(
  database: Database,
  query: Query,
): Promise<AnswerOf<typeof api.conversation.messages>> {
  const [at, id] = query.after?.split('~') ?? []
  const like = `%${(query.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const parts = [database.part`true`]
  if (query.channel) parts.push(database.part`message.channel = ${query.channel}`)
  if (query.person) parts.push(database.part`message.person = any(identity.aliases(${query.person}))`)
  if (query.q)
    parts.push(database.part`(message.subject ilike ${like} or message.text ilike ${like} or sender ilike ${like})`)
  const filter = database.join(parts, 'and')
  const rows = await rowsOf(
    database,
    at && id ? database.part`${filter} and (message.at, message.id) < (${new Date(at)}, ${id}::uuid)` : filter,
    query.limit + 1,
  )
  const total = await database.row<{ count: number }>`
    select count(*)::int as count from conversation.message where ${filter}`
  const items = rows.slice(0, query.limit).map(lineOf)
  const last = items.at(-1)
  return { items, next: rows.length > query.limit && last ? `${last.at}~${last.id}` : null, total: total?.count ?? 0 }
}

function rowsOf(database: Database, filter: ReturnType<Database['part']>, limit: number): Promise<Row[]> {
  return database.rows<Row>`
    select message.id, identity.current(message.person) as person,
      nullif(concat_ws(' ', known.first_name, known.last_name), '') as "personName", message.channel, message.kind,
      message.sender, message.subject, message.text, message.at, coalesce(source.name, '') as source
    from conversation.message
    left join profile.person as known on known.person = identity.current(message.person)
    left join ingest.source on source.id = message.source
    where ${filter} order by message.at desc, message.id desc limit ${limit}`
}

export async function incoming(database: Database, id: string): Promise<AnswerOf<typeof api.conversation.message>> {
  const [row] = await rowsOf(database, database.part`message.id = ${id}`, 1)
  if (!row) throw new Refusal(404, 'no_message', 'There is no such message.')
  const more = await database.row<{ properties: Record<string, unknown> }>`
    select properties from conversation.message where id = ${id}`
  return { ...lineOf(row), text: row.text, properties: more?.properties ?? {} }
}

export async function personIncoming(
  database: Database,
  person: PersonId,
): Promise<api.conversation.IncomingMessage[]> {
  const rows = await rowsOf(database, database.part`message.person = any(identity.aliases(${person}))`, 100)
  return rows.map(lineOf)
}

/** The same as lines for the customer page. */
export async function linesOf(database: Database, person: PersonId): Promise<api.profile.ConversationLine[]> {
  const rows = await rowsOf(database, database.part`message.person = any(identity.aliases(${person}))`, 50)
  return rows.map((row) => ({
    conversation: row.id,
    at: row.at.toISOString(),
    channel: row.channel,
    subject: row.subject,
    text: row.text.slice(0, 2000),
  }))
}
