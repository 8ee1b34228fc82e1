/** A filled house by bulk SQL: tables without their indexes, which come back at the end; history sorted as it lies. */
import { performance } from 'node:perf_hooks'
import type { PersonId } from '@einklang/contract'
import { type Database, type History, writtenSql } from '@einklang/platform'

export const names = ['Anna', 'Bert', 'Carla', 'Dieter', 'Eva', 'Frank', 'Gisela', 'Hans', 'Ida', 'Jonas']
/** Surnames are numbers spelled with these. */
const letters = 'bcdfghjklmnpqrst'
const eventsEach = 50
const eventsOfOne = 10_000

/** The id of a number, so that all tables name the same people. */
export function person(number: number): PersonId {
  return `${hex(number, 8)}-0000-8200-8000-${hex(number, 12)}` as PersonId
}

export function nameOf(number: number): string {
  const digits = ((number * 2654435761) % 4294967296).toString(16)
  return `${names[number % names.length]} Na${Array.from(digits, (digit) => letters[Number.parseInt(digit, 16)]).join('')}`
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0')

/**
 * People 0 … `people` − 1 with a login, an e-mail, a device, three orders of one line and fifty events each; the one
 * of the number `people` + 1 has 10,000 events. Returns events and the seconds each part took.
 */
export async function fill(
  { database, history }: { database: Database; history: History },
  people: number,
): Promise<{ events: number; seconds: { [part: string]: number } }> {
  const seconds: { [part: string]: number } = {}
  const part = async (name: string, work: () => Promise<unknown>) => {
    const begin = performance.now()
    await work()
    seconds[name] = Math.round((performance.now() - begin) / 100) / 10
  }
  await Promise.all([fillTables(database, people, part), part('history', () => fillHistory(history, people))])
  return { events: people * eventsEach + eventsOfOne, seconds }
}

type Part = (name: string, work: () => Promise<unknown>) => Promise<void>

async function fillTables(database: Database, people: number, part: Part): Promise<void> {
  const run = (text: string) => database.run(writtenSql(text))
  const everybody = `generate_series(0, ${people + 1}) as n`
  const id = `(lpad(to_hex(n), 8, '0') || '-0000-8200-8000-' || lpad(to_hex(n), 12, '0'))::uuid`
  const who = `'11111111-1111-8100-8000-111111111111'::uuid`
  const words = `(array[${names.map((name) => `'${name}'`).join(',')}])[1 + n % ${names.length}] as first_name,
    'Na' || translate(to_hex(n * 2654435761 % 4294967296), '0123456789abcdef', '${letters}') as last_name`
  const identifier = (namespace: string, value: string) => `
    insert into identity.identifier (namespace, value, person, trust, first_seen_at, last_seen_at, source, event,
      with_namespace, with_value, first_person, attached_log, since)
    select '${namespace}', ${value}, ${id}, 'verified', now() - interval '1 year', now(), ${who}, ${who},
      ${namespace === 'user_id' ? 'null, null' : `'user_id', 'u' || n`}, ${id}, 1, now() - interval '1 year'
    from ${everybody} order by 2`
  const steps: { [table: string]: string[] } = {
    'identity.person': [
      `insert into identity.person (id, first_seen_at) select ${id}, now() - interval '1 year' from ${everybody}`,
    ],
    'identity.identifier': [
      identifier('user_id', `'u' || n`),
      identifier('email', `'person-' || n || '@example.com'`),
      identifier('anonymous_id', `'device-' || n`),
    ],
    // Not everybody was here today: seen within the last 400 days, in no order.
    'profile.person': [
      `insert into profile.person (person, first_name, last_name, email, city, known, first_seen, last_seen, seen_day)
      select ${id}, first_name, last_name, 'person-' || n || '@example.com', 'Köln', true, now() - interval '2 years', last, last::date
      from ${everybody}, lateral (select ${words}) as w, lateral (select now() - (abs(hashint4(n)::bigint) % 400) * interval '1 day' as last) as l`,
    ],
    'profile.document': [
      `insert into profile.document (person, text)
      select person, ' ' || lower(first_name || ' ' || last_name) || ' | ' || email || ' | koln ' from profile.person order by person`,
    ],
    'profile.observation': [
      `insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
      select person, name, ${who}, to_jsonb(value), value, 'verified', first_seen, last_seen, last_seen, ${who} from profile.person,
        lateral (values ('city', city), ('email', email), ('first_name', first_name), ('last_name', last_name)) as said (name, value)
      order by person`,
    ],
    'profile.event_count': [
      `insert into profile.event_count (person, name, day, count)
      select ${id}, name, now()::date - day, 3 from ${everybody},
        unnest(array['Page Viewed', 'Product Added', 'Product Viewed']) as name, generate_series(1, 4) as day`,
    ],
    'commerce.purchase': [
      `insert into commerce.purchase (id, person, kind, order_no, channel, at, total, currency, source, trusted, event)
      select (lpad(to_hex(turn), 8, '0') || '-0000-8400-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${id}, 'order',
        'O' || n || '-' || turn, 'web', now() - turn * interval '40 days', 4995, 'EUR', ${who}, true, gen_random_uuid()
      from generate_series(1, 3) as turn, ${everybody}`,
    ],
    'commerce.purchase_line': [
      `insert into commerce.purchase_line (purchase, line, sku, name, quantity, price, total)
      select id, 1, 'SKU-1', 'Ankle boot', 1, 4995, 4995 from commerce.purchase`,
    ],
  }
  const indexes = await withoutIndexes(database, Object.keys(steps))
  for (const [table, statements] of Object.entries(steps))
    await part(table, async () => {
      for (const statement of statements) await run(statement)
    })
  for (const index of indexes)
    await part(index.name, () =>
      database.transaction(async (tx) => {
        await tx.run`set local maintenance_work_mem = '512MB'`
        await tx.run(writtenSql(index.definition))
      }),
    )
  await part('vacuum', async () => {
    for (const table of Object.keys(steps)) await run(`vacuum analyze ${table}`)
  })
}

/** Takes off all indexes but those that hold a constraint; returns how they are made again. */
async function withoutIndexes(database: Database, tables: string[]): Promise<{ name: string; definition: string }[]> {
  const indexes = await database.rows<{ name: string; definition: string }>`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = any(${tables}::regclass[])
      and not exists (select from pg_constraint where conindid = indexrelid) order by 1`
  for (const { name } of indexes) await database.run(writtenSql(`drop index ${name}`))
  return indexes
}

async function fillHistory(history: History, people: number): Promise<void> {
  const columns = `person, at, id, source, source_name, kind, name, channel, received_at, order_no, value, currency, campaign,
    medium, utm_source, referrer, url, message_id, place, sku, properties, context, flags, batch`
  const idOf = (number: string) =>
    `toUUID(concat(leftPad(lower(hex(toUInt32(${number}))), 8, '0'), '-0000-8200-8000-', leftPad(lower(hex(toUInt64(${number}))), 12, '0')))`
  const row = (
    who: string,
  ) => `${who}, now64(3) - toIntervalMinute(number * 48271 % 500000), generateUUIDv4(), toUUID('11111111-1111-8100-8000-111111111111'),
    'shop', 'track', ['Product Viewed', 'Product Added', 'message.opened', 'Order Completed'][1 + number % 4],
    ['web', 'app', 'email', 'store'][1 + number % 4], now64(3), '', 0, 'EUR', '', '', '', '', 'https://shop.example/p', '', '',
    ['SKU-1'], '{"name":"Ankle boot","price":89.95}', '{}', [], 1`
  const run = (text: string) => history.run(writtenSql(text))
  // One block after the other holds other people, as the parts do after all merges.
  const block = 1_000_000
  const ofAll = people * eventsEach
  for (let from = 0; from < ofAll; from += block)
    await run(`insert into ingest.event (${columns}) settings insert_deduplicate = 0, max_execution_time = 0
      select ${row(idOf(`intDiv(number, ${eventsEach})`))} from numbers(${from}, ${Math.min(block, ofAll - from)})`)
  await run(`insert into ingest.event (${columns}) settings insert_deduplicate = 0
    select ${row(idOf(String(people + 1)))} from numbers(${eventsOfOne})`)
  await run('optimize table ingest.event final settings max_execution_time = 0')
}
