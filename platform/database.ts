import type { PostgresType, Sql, TransactionSql } from 'postgres'
import { assert, Outage } from './failure.ts'
import { postgres } from './postgres.ts'

/**
 * PostgreSQL behind a tagged template: values become parameters, never text. Nest `database.part` for
 * optional fragments and `database.name` for identifiers from a closed list.
 *
 *   const people = await database.rows<{ person: PersonId }>`select person from profile.person where city = ${city}`
 *
 * Sets travel as one JSON parameter: `from jsonb_to_recordset(${database.json(rows)}) as row(id uuid, at timestamptz)`,
 * or as an array: `where person = any(${ids})`.
 * Types out: timestamptz → Date, bigint and numeric → number (unsafe values throw), jsonb → parsed, uuid → string.
 * SQL that needs the present uses `platform.now()`, which follows the test clock.
 */
export type Database = {
  rows<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  /** Exactly one row or undefined; more than one is a bug. */
  row<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined>
  /** Runs a statement, returns the number of rows affected. */
  run(text: TemplateStringsArray, ...values: unknown[]): Promise<number>
  /** One transaction (read committed); inside another one, a savepoint. Commits synchronously. */
  transaction<Result>(work: (tx: Database) => Promise<Result>): Promise<Result>
  part(text: TemplateStringsArray, ...values: unknown[]): Part
  /** Joins fragments with a separator such as `and`. */
  join(parts: Part[], separator: 'and' | 'or' | ','): Part
  json(value: unknown): unknown
  /** An identifier; only for names that come from code, never from a caller. */
  name(identifier: string): Part
  /** Wakes every listener of the channel when the transaction commits. */
  notify(channel: string, payload?: string): Promise<void>
}

/** A piece of SQL with its parameters, made by `part`, `join` or `name`. */
export type Part = { readonly part: unique symbol } & object

/** Listens on its own connection, re-connects by itself; returns the function that stops listening. */
export type Listen = (channel: string, heard: (payload: string) => void) => Promise<() => Promise<void>>

/** A database with its pool: what the lifecycle opens and closes. */
export type OpenDatabase = Database & {
  listen: Listen
  /** Runs several statements given as plain text: migrations and administration only. */
  script(text: string): Promise<void>
  /** Lets running queries end for at most five seconds, then closes. */
  close(): Promise<void>
}

/** Opens a pool on `postgres://…`; `?host=/directory` names a Unix socket as in libpq. */
export function createDatabase(
  url: string,
  options: {
    connections?: number
    application?: string
    /** Awaited before each statement outside a transaction: the test clock reaches SQL before the next question does. */
    settled?: () => Promise<void> | undefined
  } = {},
): OpenDatabase {
  const pool = postgres({
    ...endpointOf(url),
    max: options.connections ?? 10,
    idle_timeout: 10,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => undefined,
    backoff: (tries: number) => Math.min(2, 0.05 * 2 ** tries),
    connection: {
      application_name: options.application ?? 'einklang',
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      IntervalStyle: 'iso_8601',
    },
    types,
  })
  return {
    ...databaseOn(pool, options.settled),
    async listen(channel, heard) {
      const listening = await asOutage(pool.listen(channel, heard))
      return async () => {
        await listening.unlisten()
      }
    },
    async close() {
      await pool.end({ timeout: 5 })
    },
  }
}

function endpointOf(url: string) {
  const parsed = new URL(url)
  const directory = parsed.searchParams.get('host')
  const port = parsed.port === '' ? 5432 : Number(parsed.port)
  const ssl = parsed.searchParams.get('sslmode')
  return {
    ...(directory
      ? { path: `${directory}/.s.PGSQL.${port}`, host: 'localhost' }
      : { host: parsed.hostname.replace(/^\[|\]$/g, '') }),
    port,
    database: decodeURIComponent(parsed.pathname.slice(1)) || 'einklang',
    ...(parsed.username ? { username: decodeURIComponent(parsed.username) } : {}),
    ...(parsed.password ? { password: decodeURIComponent(parsed.password) } : {}),
    ...(ssl && ssl !== 'disable'
      ? { ssl: ssl === 'no-verify' ? { rejectUnauthorized: false } : (ssl as 'require') }
      : {}),
  }
}

type Connection = Sql | TransactionSql

function databaseOn(
  connection: Connection,
  settled: () => Promise<void> | undefined = () => undefined,
  ended: () => boolean = () => false,
): Database & Pick<OpenDatabase, 'script'> {
  const run = async (text: TemplateStringsArray, values: unknown[]) => {
    const statement = compile(text, values)
    await settled()
    // Its connection may serve others by now: a late statement would run there, outside of any transaction.
    if (ended()) throw new Outage('PostgreSQL ended this transaction, or it had come to its end')
    return asOutage(
      connection.unsafe(statement.text, statement.parameters as never[], { prepare: true, simple: false } as object),
    )
  }
  return {
    rows: async <Row>(text: TemplateStringsArray, ...values: unknown[]) => [...(await run(text, values))] as Row[],
    async row<Row>(text: TemplateStringsArray, ...values: unknown[]) {
      const rows = await run(text, values)
      assert(rows.length <= 1, `database.row got ${rows.length} rows from: ${text.join('?').trim().slice(0, 200)}`)
      return rows[0] as Row | undefined
    },
    run: async (text, ...values) => (await run(text, values)).count ?? 0,
    transaction: async <Result>(work: (tx: Database) => Promise<Result>) => {
      await settled()
      // What the work itself throws stays as it is; only the driver's own failures may be outages.
      let thrown: { error: unknown } | null = null
      let over = false
      const within = async (inner: TransactionSql) => {
        try {
          return await work(databaseOn(inner, undefined, () => over || ended()))
        } catch (error) {
          thrown = { error }
          // What else the work has begun must not go on behind the rollback.
          over = true
          throw error
        }
      }
      try {
        return (await ('savepoint' in connection ? connection.savepoint(within) : connection.begin(within))) as Result
      } catch (error) {
        throw (thrown as { error: unknown } | null)?.error === error ? error : outageOf(error)
      } finally {
        over = true
      }
    },
    part: (text, ...values) => fragment([...text], values),
    join: joined,
    json: (value) => {
      assert(value !== undefined, 'database.json was given undefined; use null')
      return new JsonParameter(value)
    },
    name: (identifier) => {
      assert(/^[A-Za-z_][A-Za-z0-9_$.]*$/.test(identifier), `not an SQL identifier: ${identifier}`)
      return fragment(
        [
          identifier
            .split('.')
            .map((piece) => `"${piece}"`)
            .join('.'),
        ],
        [],
      )
    },
    async script(text) {
      await asOutage(connection.unsafe(text).simple())
    },
    async notify(channel, payload = '') {
      await asOutage(connection.unsafe('select pg_notify($1, $2)', [channel, payload]))
    },
  }
}

class Fragment {
  readonly texts: string[]
  readonly values: unknown[]
  constructor(texts: string[], values: unknown[]) {
    this.texts = texts
    this.values = values
  }
}

class JsonParameter {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}

function fragment(texts: string[], values: unknown[]): Part {
  return new Fragment(texts, values) as unknown as Part
}

function joined(parts: Part[], separator: 'and' | 'or' | ','): Part {
  if (parts.length === 0) {
    assert(separator !== ',', 'an empty list cannot be joined by commas')
    return fragment([separator === 'and' ? 'true' : 'false'], [])
  }
  const [open, between, close] = separator === ',' ? ['', ', ', ''] : ['(', `) ${separator} (`, ')']
  return fragment([open, ...parts.slice(1).map(() => between), close], parts)
}

/** Flattens nested fragments into one text with numbered parameters. */
function compile(texts: readonly string[], values: unknown[]): { text: string; parameters: (string | null)[] } {
  const parameters: (string | null)[] = []
  const write = (pieces: readonly string[], inner: unknown[]): string =>
    pieces
      .map((piece, index) => {
        if (index >= inner.length) return piece
        const value = inner[index]
        if (value instanceof Fragment) return piece + write(value.texts, value.values)
        parameters.push(parameterOf(value))
        return `${piece}$${parameters.length}`
      })
      .join('')
  return { text: write(texts, values), parameters }
}

/** Everything travels as text and PostgreSQL infers the type from the place where the parameter stands. */
function parameterOf(value: unknown): string | null {
  if (value === null) return null
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
    case 'number':
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 't' : 'f'
    case 'object':
      if (value instanceof Date) return value.toISOString()
      if (value instanceof JsonParameter) return jsonText(value.value)
      if (value instanceof Uint8Array)
        return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
      if (Array.isArray(value)) return arrayText(value)
  }
  throw new Error(
    `An SQL parameter was ${value === undefined ? 'undefined; use null' : `a plain ${typeof value}; wrap it in database.json`}`,
  )
}

function arrayText(values: unknown[]): string {
  const items = values.map((value) => {
    if (Array.isArray(value)) return arrayText(value)
    const text = parameterOf(value)
    if (text === null) return 'NULL'
    return /["\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`
  })
  return `{${items.join(',')}}`
}

/** PostgreSQL's jsonb holds neither NUL nor half surrogate pairs; both become U+FFFD instead of poisoning a batch. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value)
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text
  const repaired = (inner: string) => inner.toWellFormed().replaceAll('\0', '\ufffd')
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'string') return repaired(inner)
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, held]) => [repaired(key), held]))
  })
}

const asIs = (value: unknown) => value

function safeNumber(text: string): number {
  const number = Number(text)
  assert(
    Number.isSafeInteger(number) || !/^-?\d+$/.test(text),
    `PostgreSQL returned ${text}, which a number cannot hold exactly; cast it to text`,
  )
  return number
}

/** The text form of a PostgreSQL array of scalars, elements read by `read`; nested arrays allowed. */
function arrayReader(read: (text: string) => unknown): (text: string) => unknown[] {
  return (text) => {
    let at = text.indexOf('{')
    const element = (): unknown => {
      if (text[at] === '{') return list()
      if (text[at] !== '"') {
        const start = at
        while (text[at] !== ',' && text[at] !== '}') at++
        const plain = text.slice(start, at)
        return plain === 'NULL' ? null : read(plain)
      }
      let quoted = ''
      for (at++; text[at] !== '"'; at++) {
        if (text[at] === '\\') at++
        quoted += text[at]
      }
      at++
      return read(quoted)
    }
    const list = (): unknown[] => {
      const items: unknown[] = []
      for (at++; text[at] !== '}'; ) {
        items.push(element())
        if (text[at] === ',') at++
      }
      at++
      return items
    }
    return list()
  }
}

const instant = (text: string) => new Date(text)
const utcInstant = (text: string) => new Date(`${text.replace(' ', 'T')}Z`)
const bytes = (text: string) => Buffer.from(text.slice(2), 'hex')
const truth = (text: string) => text === 't'

/** Parameters are text already (`serialize: asIs`); results by object id, arrays beside their elements. */
const types: { [name: string]: PostgresType } = Object.fromEntries(
  (
    [
      ['text', 25, 1009, asIs],
      ['varchar', 1043, 1015, asIs],
      ['uuid', 2950, 2951, asIs],
      ['bool', 16, 1000, truth],
      ['int2', 21, 1005, Number],
      ['int4', 23, 1007, Number],
      ['int8', 20, 1016, safeNumber],
      ['oid', 26, 1028, Number],
      ['float4', 700, 1021, Number],
      ['float8', 701, 1022, Number],
      ['numeric', 1700, 1231, safeNumber],
      ['date', 1082, 1182, asIs],
      ['timestamp', 1114, 1115, utcInstant],
      ['timestamptz', 1184, 1185, instant],
      ['json', 114, 199, JSON.parse],
      ['jsonb', 3802, 3807, JSON.parse],
      ['bytea', 17, 1001, bytes],
    ] as [string, number, number, (text: string) => unknown][]
  ).flatMap(([name, scalar, array, parse]) => [
    // JSON.parse takes a second argument; the driver passes the column there.
    [name, { to: scalar, from: [scalar], serialize: asIs, parse: (text: string) => parse(text) }],
    [`${name}_array`, { to: array, from: [array], serialize: asIs, parse: arrayReader((text) => parse(text)) }],
  ]),
)

const outageCodes = new Set(
  `ECONNREFUSED ECONNRESET EPIPE ENOENT ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH
  CONNECTION_CLOSED CONNECTION_ENDED CONNECTION_DESTROYED CONNECT_TIMEOUT`.split(/\s+/),
)
// What no statement is to blame for: connection (08), resources such as disk, memory and connections (53), operators such
// as shutdown and cancelling (57), input and output (58), damage (XX); and a read-only standby, serialisation, deadlock,
// lock timeout.
const outageStates = /^(?:(?:08|53|57|58|XX)[0-9A-Z]{3}|25006|40001|40P01|55P03)$/

async function asOutage<Result>(pending: PromiseLike<Result>): Promise<Result> {
  try {
    return await pending
  } catch (error) {
    throw outageOf(error)
  }
}

function outageOf(error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return error
  const told = outageStates.test(code)
  if (!told && !outageCodes.has(code)) return error
  const what = told ? 'cannot work now' : 'does not answer'
  return new Outage(`PostgreSQL ${what} (${(error as Error).message})`, { cause: error, retryAfterSeconds: 2 })
}

/** True for the violation of a unique constraint, optionally the named one. */
export function isDuplicate(error: unknown, constraint?: string): boolean {
  const failure = error as { code?: unknown; constraint_name?: unknown }
  return failure.code === '23505' && (constraint === undefined || failure.constraint_name === constraint)
}
