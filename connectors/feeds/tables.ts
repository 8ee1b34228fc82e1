import {
  type FeedSecret,
  type Json,
  type JsonObject,
  kept,
  type Reach,
  type TableCursor,
  type TablePlace,
  type TableSettings,
} from '@einklang/contract'
import type { RowDataPacket } from 'mysql2/promise'

const waitSeconds = 15

/** Names come from a screen: they are quoted, and everything that is no name is refused. */
function namesOf(settings: TableSettings, quote: (name: string) => string) {
  const check = (name: string) => {
    if (!/^[\p{L}_][\p{L}\p{N}_$-]{0,62}$/u.test(name)) throw new Error(kept('feed_table_name', { given: name }))
    return quote(name)
  }
  return {
    table: settings.table.split('.').map(check).join('.'),
    at: check(settings.cursorColumn),
    key: check(settings.keyColumn),
  }
}

/**
 * Pages of a PostgreSQL table by (cursor, key). Comparison happens in the database with the column's own type, the
 * cursor travels as text with all digits: microseconds are not lost.
 */
export async function openPostgres(reach: Reach, settings: TableSettings, secret: FeedSecret): Promise<TablePlace> {
  const port = settings.port ?? 5432
  const address = await reach(settings.host, port)
  const names = namesOf(settings, (name) => `"${name.replaceAll('"', '""')}"`)
  const { default: postgres } = await import('postgres')
  const sql = postgres({
    host: address,
    port,
    database: settings.database,
    username: settings.user,
    password: secret.password ?? '',
    max: 1,
    connect_timeout: waitSeconds,
    onnotice: () => undefined,
    fetch_types: false,
    ...(settings.tls ? { ssl: { servername: settings.host } } : {}),
    connection: {
      application_name: 'einklang',
      TimeZone: 'UTC',
      statement_timeout: 60_000,
      // We read, whatever the user may do.
      default_transaction_read_only: true,
    },
  })
  try {
    const [type] = await sql.unsafe<{ type: string; key: string }[]>(
      `select format_type(a.atttypid, a.atttypmod) as type, format_type(k.atttypid, k.atttypmod) as key
       from pg_attribute a, pg_attribute k
       where a.attrelid = $1::regclass and a.attname = $2 and k.attrelid = $1::regclass and k.attname = $3`,
      [names.table, settings.cursorColumn, settings.keyColumn],
    )
    if (!type)
      throw new Error(
        kept('feed_columns', { table: settings.table, columns: `${settings.cursorColumn}, ${settings.keyColumn}` }),
      )
    const isTime = type.type.startsWith('timestamp') || type.type === 'date'
    const delay = settings.delaySeconds ?? 10
    const ready = isTime && delay > 0 ? `and ${names.at} <= now() - interval '${Math.trunc(delay)} seconds'` : ''
    return {
      async after(cursor, limit) {
        const behind = cursor ? `(${names.at}, ${names.key}) > ($1::text::${type.type}, $2::text::${type.key})` : 'true'
        const rows = await sql.unsafe<{ row: string; at: string; key: string }[]>(
          `select to_jsonb(t)::text as row, ${names.at}::text as at, ${names.key}::text as key from ${names.table} as t
           where ${names.at} is not null and ${behind} ${ready}
           order by ${names.at}, ${names.key} limit ${Math.trunc(limit)}`,
          cursor ? [cursor.at, cursor.key] : [],
        )
        return rows.map((row) => ({ row: JSON.parse(row.row) as JsonObject, cursor: { at: row.at, key: row.key } }))
      },
      close: () => sql.end({ timeout: 2 }),
    }
  } catch (error) {
    await sql.end({ timeout: 2 }).catch(() => undefined)
    throw error
  }
}

/** The same for MySQL and MariaDB. Dates come as text, in UTC, with all digits. */
export async function openMysql(reach: Reach, settings: TableSettings, secret: FeedSecret): Promise<TablePlace> {
  const port = settings.port ?? 3306
  const address = await reach(settings.host, port)
  const names = namesOf(settings, (name) => `\`${name.replaceAll('`', '``')}\``)
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection({
    host: address,
    port,
    user: settings.user,
    password: secret.password ?? '',
    database: settings.database,
    connectTimeout: waitSeconds * 1000,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
    decimalNumbers: true,
    // No file of ours is ever sent because a server asks for it.
    flags: ['-LOCAL_FILES'],
    ...(settings.tls ? { ssl: { servername: settings.host } as object } : {}),
  })
  try {
    await connection.query("set time_zone = '+00:00'")
    await connection.query('set session transaction read only')
  } catch (error) {
    connection.destroy()
    throw error
  }
  const delay = Math.trunc(settings.delaySeconds ?? 10)
  return {
    async after(cursor, limit) {
      const behind = cursor ? `(${names.at} > ? or (${names.at} = ? and ${names.key} > ?))` : 'true'
      const [rows, fields] = await connection.query<RowDataPacket[]>(
        `select *, cast(${names.at} as char) as \`$at\`, cast(${names.key} as char) as \`$key\` from ${names.table}
         where ${names.at} is not null and ${behind} order by ${names.at}, ${names.key} limit ${Math.trunc(limit)}`,
        cursor ? [cursor.at, cursor.at, cursor.key] : [],
      )
      const times = new Set(fields.filter((field) => field.type === 7 || field.type === 12).map((field) => field.name))
      const [[now]] = await connection.query<RowDataPacket[]>(
        `select cast(utc_timestamp(6) - interval ${delay} second as char) as edge`,
      )
      const edge = times.has(settings.cursorColumn) ? String(now?.edge) : null
      return rows.flatMap((row) => {
        const { $at, $key, ...own } = row as { [column: string]: unknown; $at: string; $key: string }
        if (edge !== null && $at > edge) return []
        return [{ row: jsonOf(own, times), cursor: { at: $at, key: $key } satisfies TableCursor }]
      })
    },
    async close() {
      await connection.end()
    },
  }
}

function jsonOf(row: { [column: string]: unknown }, times: ReadonlySet<string>): JsonObject {
  const json: JsonObject = {}
  for (const [column, value] of Object.entries(row)) {
    if (value === undefined) continue
    const read: Json =
      value === null || typeof value === 'number' || typeof value === 'boolean'
        ? value
        : typeof value === 'string'
          ? times.has(column)
            ? `${value.replace(' ', 'T')}Z`
            : value
          : Buffer.isBuffer(value)
            ? value.toString('base64')
            : (JSON.parse(JSON.stringify(value)) as Json)
    Object.defineProperty(json, column, { value: read, enumerable: true, configurable: true, writable: true })
  }
  return json
}
