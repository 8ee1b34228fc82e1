import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text as drained } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { stages } from '@einklang/contract'
import { type Block, readBlocks, writeBlock } from './blocks.ts'
import { assert, Outage } from './failure.ts'
import type { Migration } from './migrate.ts'
import { writtenSql } from './written-sql.ts'

/**
 * ClickHouse, embedded (`chdb`) or a server or cluster, behind one face. `${value}` becomes a typed server-side
 * parameter: string → String, integer → Int64, other number → Float64, boolean → Bool, Date → DateTime64(3,'UTC'),
 * string[] → Array(String), number[] → Array(Float64); anything else through `typed('Array(UUID)', ids)`.
 * Table names are `<stage>.<table>`, one ClickHouse database per stage.
 */
export type History = {
  rows<Row>(text: TemplateStringsArray, ...values: unknown[]): Promise<Row[]>
  run(text: TemplateStringsArray, ...values: unknown[]): Promise<void>
  /**
   * Inserts all rows as one block. `token` makes a repeat of the same rows a no-op inside the window, so it must
   * contain a hash of the rows. Columns are taken by name; Dates and ISO texts are accepted for DateTime64.
   */
  insert(table: string, rows: object[] | Lines, token: string): Promise<void>
  /** The rows as columns, some ten thousand at a time while the statement runs; it takes as long as it takes. */
  blocks(text: TemplateStringsArray, ...values: unknown[]): AsyncIterable<Block>
  /** Inserts the rows as they are, in one statement; a repeat is not noticed. Columns are taken by name. */
  insertBlock(table: string, block: Block): Promise<void>
  part(text: TemplateStringsArray, ...values: unknown[]): HistoryPart
  join(parts: HistoryPart[], separator: 'and' | 'or' | ','): HistoryPart
  /** The table that holds the rows, for `truncate` and `delete`: on a cluster those on all its nodes. */
  stored(table: string): HistoryPart
  readonly topology: 'embedded' | 'server' | 'cluster'
}

/** Rows as `jsonLines` serialised them before. */
export type Lines = { lines: Buffer }

/** One JSON object a line (NDJSON), as ClickHouse takes rows. */
export function jsonLines(rows: object[]): Buffer {
  return Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'))
}

export type HistoryPart = { readonly historyPart: unique symbol } & object

export type Typed = { readonly typed: string; readonly value: unknown }
export function typed(type: string, value: unknown): Typed {
  return { typed: type, value }
}

/** A history with its connections: what the lifecycle opens and closes. */
export type OpenHistory = History & {
  /** Ends the statements that run in the embedded engine; they fail as an outage. A server lives on without us. */
  interrupt(): Promise<void>
  close(): Promise<void>
}

export type HistoryPlace =
  | { kind: 'embedded'; directory: string; memoryMegabytes?: number }
  | { kind: 'server'; url: string }
  | { kind: 'cluster'; url: string; cluster: string }

/**
 * Opens ClickHouse: the embedded twin in `directory` (one per process, the engine's own rule), a server, or a
 * cluster. All speak through `@clickhouse/client`; only how values travel differs, see `statement`.
 */
export function createHistory(place: HistoryPlace): OpenHistory {
  const lanes = place.kind === 'embedded' ? openTwin(place) : openServer(place.url)
  const literal = place.kind === 'embedded'
  const run = async <Result>(work: (client: ClickHouseClient) => Promise<Result>) =>
    asOutage(lanes.run(({ client }) => work(client)))
  return {
    topology: place.kind,
    rows: <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
      run(async (client) => {
        const { query, query_params } = statement(text, values, literal)
        const result = await client.query({ query, query_params, format: 'JSONEachRow', clickhouse_settings: reading })
        return (await result.json()) as Row[]
      }),
    run: (text, ...values) =>
      run(async (client) => {
        await client.command({ ...statement(text, values, literal), clickhouse_settings: reading })
      }),
    insert: (table, rows, token) => {
      assert(/^[a-z_]+\.[a-z_0-9]+$/.test(table), `not a history table: ${table}`)
      const lines = 'lines' in rows ? rows.lines : jsonLines(rows)
      if (lines.length === 0) return Promise.resolve()
      const settings = { ...writing, insert_deduplication_token: token }
      return asOutage(lanes.run((lane) => lane.insert(table, lines, settings)))
    },
    async *blocks(text, ...values) {
      const { query, query_params } = statement(text, values, literal)
      const taken = await lanes.take()
      try {
        for await (const bytes of taken.lane.blocks(`${query}\nsettings ${inBlocks}`, query_params))
          yield* readBlocks(bytes)
      } catch (error) {
        throw outageOf(error)
      } finally {
        taken.free()
      }
    },
    insertBlock: (table, block) => {
      const columns = Object.keys(block.columns)
      for (const name of [...table.split('.'), ...columns])
        assert(/^[a-z_0-9]+$/.test(name), `not a name of history: ${name}`)
      if (block.rows === 0) return Promise.resolve()
      return asOutage(lanes.run((lane) => lane.insertBlock(`${table} (${columns.join(', ')})`, writeBlock(block))))
    },
    ...historyParts,
    ...(place.kind === 'cluster' && {
      stored: (table: string) => historyParts.part(writtenSql(`${table}_local on cluster '${place.cluster}'`)),
    }),
    interrupt: () => lanes.interrupt(),
    close: () => lanes.close(),
  }
}

type Settings = { [name: string]: string | number | boolean }

// Instants leave as ISO 8601 in UTC, 64-bit integers as JSON numbers: the same shapes PostgreSQL rows have here.
const reading: Settings = {
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_denormals: 0,
  date_time_output_format: 'iso',
  date_time_input_format: 'best_effort',
  max_execution_time: 60,
}

// One insert = one block, so that its token stands for all its rows; parallel parsing would cut it up.
const writing: Settings = {
  async_insert: 0,
  insert_deduplicate: 1,
  // What feeds on the table may have missed an insert that was cut off: it takes the repeat by the same token.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_parallel_parsing: 0,
  date_time_input_format: 'best_effort',
  max_insert_block_size: 4_000_000,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
  input_format_skip_unknown_fields: 0,
  distributed_foreground_insert: 1,
}

// Blocks are as large as ClickHouse works with: small ones would each bring their own words.
const inBlocks = 'max_execution_time = 0, max_block_size = 65536, preferred_block_size_bytes = 0'
const ofBlocks: Settings = {
  max_execution_time: 0,
  insert_deduplicate: 0,
  optimize_on_insert: 0,
  max_block_size: 4_000_000,
  max_insert_block_size: 4_000_000,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
  distributed_foreground_insert: 1,
}

/** One connection: for statements, and for rows that go through as they are. */
type Lane = {
  client: ClickHouseClient
  /** The settings hold for this insert alone. */
  insert(table: string, lines: Buffer, settings: Settings): Promise<void>
  /** What the statement answers in the format Native, whole blocks at a time. */
  blocks(query: string, params: { [name: string]: string | null }): AsyncIterable<Uint8Array>
  /** One block in the format Native; `table` names its columns. */
  insertBlock(table: string, bytes: Buffer): Promise<void>
}

type Lanes = {
  run<Result>(work: (lane: Lane) => Promise<Result>): Promise<Result>
  /** A connection until it is set free. */
  take(): Promise<{ lane: Lane; free: () => void }>
  interrupt(): Promise<void>
  close(): Promise<void>
}

function openServer(address: string): Lanes {
  const client = createClient({
    url: address,
    request_timeout: 120_000,
    max_open_connections: 8,
    compression: { request: true },
  })
  const lane: Lane = {
    client,
    async insert(table, lines, settings) {
      const query = `insert into ${table} format JSONEachRow\n${lines.toString('utf8')}`
      await client.command({ query, clickhouse_settings: settings })
    },
    async *blocks(query, query_params) {
      const { stream } = await client.exec({ query: `${query} format Native`, query_params })
      yield await buffer(stream)
    },
    async insertBlock(table, bytes) {
      const query = `insert into ${table} format Native`
      const { stream } = await client.exec({ query, values: Readable.from([bytes]), clickhouse_settings: ofBlocks })
      await drained(stream)
    },
  }
  const take = () => Promise.resolve({ lane, free: () => undefined })
  return { run: (work) => work(lane), take, interrupt: () => Promise.resolve(), close: () => client.close() }
}

/**
 * The engine runs the statements of one connection after the other and connections beside each other: keep a
 * few, give each call the next free one.
 */
function openTwin(place: { directory: string; memoryMegabytes?: number }): Lanes {
  const directory = join(place.directory, 'clickhouse')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const settingsFile = join(place.directory, 'clickhouse.xml')
  writeFileSync(settingsFile, twinSettings(place.memoryMegabytes ?? 1000), { mode: 0o600 })
  // Loaded only when needed: the library maps 300 MB.
  const require = createRequire(import.meta.url)
  const { Session, drainPending } = require('chdb') as typeof import('chdb')
  const { createChdbConnection } = require('chdb/connection') as typeof import('chdb/connection')
  // The first session binds the directory and takes the settings; the connections below share it.
  const binding = new Session(directory, { connectionArgs: [`--config-file=${settingsFile}`] })
  const lanes = [1, 2, 3].map((number): Lane => {
    const connection = createChdbConnection({ path: directory })
    // The binding takes texts only; the engine reads its own format from a file.
    const file = join(directory, `lane${number}.native`)
    rmSync(file, { force: true })
    return {
      client: createClient({ connection } as object),
      // As a statement the text would be copied and read several times on our thread, and its settings would stay with
      // the connection: under a token that stayed, the next "insert … select" would write nothing.
      async insert(table, lines, settings) {
        await connection.chdb.rawInsert({ table, values: lines, format: 'JSONEachRow', settings }).catch(withCode)
      },
      async *blocks(query) {
        try {
          for await (const chunk of connection.chdb.queryStream(query, { format: 'Native' })) yield chunk.raw()
        } catch (error) {
          withCode(error as Error)
        }
      },
      async insertBlock(table, bytes) {
        const settings = Object.entries(ofBlocks).map(([name, value]) => `${name} = ${value}`)
        const columns = table.slice(table.indexOf('(') + 1, -1)
        const query = `insert into ${table} select ${columns} from file(${quoted(file)}, 'Native') settings ${settings.join(', ')}`
        try {
          await writeFile(file, bytes, { mode: 0o600 })
          await connection.chdb.queryAsync(query).catch(withCode)
        } finally {
          await rm(file, { force: true })
        }
      },
    }
  })
  // Of its own: when it is needed, the others are busy.
  const stop = createClient({ connection: createChdbConnection({ path: directory }) } as object)
  const interrupt = async () => {
    await stop.command({ query: 'kill query where query_id != queryID() async' })
  }
  const free = [...lanes]
  const waiting: ((lane: Lane | null) => void)[] = []
  let closing: (() => void) | null = null
  const next = () => new Promise<Lane | null>((resolve) => waiting.push(resolve))
  const take = async () => {
    const lane = closing ? null : (free.pop() ?? (await next()))
    if (!lane) throw new Outage('ClickHouse is being closed')
    return {
      lane,
      free() {
        const after = waiting.shift()
        if (after) after(lane)
        else free.push(lane)
        if (free.length === lanes.length) closing?.()
      },
    }
  }
  return {
    take,
    async run(work) {
      const taken = await take()
      try {
        return await work(taken.lane)
      } finally {
        taken.free()
      }
    },
    interrupt,
    async close() {
      const ended = new Promise<void>((resolve) => {
        closing = resolve
      })
      for (const refuse of waiting.splice(0)) refuse(null)
      // The engine must not be closed under a running statement: it would take the process along.
      if (free.length < lanes.length) {
        const late = new AbortController()
        const within = (milliseconds: number) =>
          Promise.race([ended, pause(milliseconds, undefined, { signal: late.signal }).catch(() => undefined)])
        await within(1000)
        if (free.length < lanes.length) await interrupt()
        await within(4000)
        late.abort()
        if (free.length < lanes.length) return
      }
      for (const client of [stop, ...lanes.map((lane) => lane.client)]) await client.close()
      binding.close()
      await drainPending()
    },
  }
}

/** The binding names the engine's code in a field of its own, or in the words alone. */
function withCode(error: Error & { clickhouseCode?: unknown }): never {
  const code = error.clickhouseCode ?? /\bCode: (\d+)/.exec(error.message)?.[1] ?? ''
  throw Object.assign(error, { code: String(code) })
}

/** Small caches and pools: the twin shares two cores and little memory with everything else. */
function twinSettings(memoryMegabytes: number): string {
  const settings: { [name: string]: number } = {
    max_server_memory_usage: memoryMegabytes * 1_000_000,
    mark_cache_size: 33_554_432,
    index_mark_cache_size: 8_388_608,
    primary_index_cache_size: 33_554_432,
    query_condition_cache_size: 8_388_608,
    uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    background_pool_size: 2,
    background_merges_mutations_concurrency_ratio: 2,
    background_schedule_pool_size: 4,
    background_common_pool_size: 2,
    background_fetches_pool_size: 1,
    background_move_pool_size: 1,
  }
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${value}</${name}>`)
  return `<clickhouse>\n  <logger><level>none</level></logger>\n${lines.join('\n')}\n</clickhouse>\n`
}

class HistoryFragment {
  readonly texts: string[]
  readonly values: unknown[]
  constructor(texts: string[], values: unknown[]) {
    this.texts = texts
    this.values = values
  }
}

/** The pure pieces of the face: fragments need no connection. */
export const historyParts: Pick<History, 'part' | 'join' | 'stored'> = {
  part: (text, ...values) => new HistoryFragment([...text], values) as unknown as HistoryPart,
  join: joined,
  stored: (table) => historyParts.part(writtenSql(table)),
}

function joined(parts: HistoryPart[], separator: 'and' | 'or' | ','): HistoryPart {
  const make = (texts: string[], values: unknown[]) => new HistoryFragment(texts, values) as unknown as HistoryPart
  if (parts.length === 0) {
    assert(separator !== ',', 'an empty list cannot be joined by commas')
    return make([separator === 'and' ? 'true' : 'false'], [])
  }
  const [open, between, close] = separator === ',' ? ['', ', ', ''] : ['(', `) ${separator} (`, ')']
  return make([open, ...parts.slice(1).map(() => between), close], parts)
}

/**
 * A server gets `{p1:Type}` and the values beside the text. The twin's binding keeps one global queue for
 * statements with parameters, so it gets the same texts as escaped casts instead, which is what a server makes of them.
 */
export function statement(texts: readonly string[], values: unknown[], literal: boolean) {
  const query_params: { [name: string]: string | null } = {}
  let count = 0
  const write = (pieces: readonly string[], inner: unknown[]): string =>
    pieces
      .map((piece, index) => {
        if (index >= inner.length) return piece
        const value = inner[index]
        if (value instanceof HistoryFragment) return piece + write(value.texts, value.values)
        const { type, text } = typedText(value)
        if (literal) return `${piece}_CAST(${text === null ? 'NULL' : quoted(text)}, ${quoted(type)})`
        const name = `p${++count}`
        query_params[name] = text
        return `${piece}{${name}:${type}}`
      })
      .join('')
  const query = write(texts, values)
  return { query, query_params }
}

function typedText(value: unknown): { type: string; text: string | null } {
  if (typeof value === 'object' && value !== null && 'typed' in value) {
    const { typed: type, value: held } = value as Typed
    assert(/^[A-Za-z0-9_(), ']+$/.test(type), `not a ClickHouse type: ${type}`)
    return { type, text: held === null ? null : textOf(held) }
  }
  const type = typeOf(value)
  return { type, text: textOf(value) }
}

function typeOf(value: unknown): string {
  if (typeof value === 'string') return 'String'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'Int64' : 'Float64'
  if (typeof value === 'boolean') return 'Bool'
  if (value instanceof Date) return "DateTime64(3, 'UTC')"
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return 'Array(String)'
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return 'Array(Float64)'
  throw new Error(
    `A value in ClickHouse SQL needs its type: typed('…', value); it was ${value === null ? 'null' : typeof value}`,
  )
}

/** ClickHouse's text form; strings inside arrays are quoted, at the top they are not. */
function textOf(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((item) => (typeof item === 'string' ? quoted(item) : textOf(item))).join(',')}]`
  if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '')
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value)
  throw new Error(`A value in ClickHouse SQL was ${value === undefined ? 'undefined' : typeof value}`)
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`
}

async function asOutage<Result>(pending: Promise<Result>): Promise<Result> {
  try {
    return await pending
  } catch (error) {
    throw outageOf(error)
  }
}

function outageOf(error: unknown): unknown {
  const code = String((error as { code?: unknown }).code ?? '')
  // Network codes, and of ClickHouse's own: 159 time-out, 202 too many queries, 210 network, 241 memory limit, 252 too many parts, 394 ended.
  const passing =
    /^(E[A-Z_]+|159|202|210|241|252|394)$/.test(code) || /socket hang up|Timeout error/.test((error as Error).message)
  if (!passing) return error
  return new Outage(`ClickHouse cannot answer now (${(error as Error).message})`, {
    cause: error,
    retryAfterSeconds: 5,
  })
}

export type Topology = { kind: 'embedded' | 'server' } | { kind: 'cluster'; cluster: string }

const window = 'non_replicated_deduplication_window = 10000'
// A power cut must not take back what PostgreSQL believes to be in history.
const durable = 'fsync_after_insert = 1, fsync_part_directory = 1'

/**
 * One DDL text for every topology. `{{MergeTree}}`, `{{ReplacingMergeTree(version)}}` and their kin become the
 * plain engine (with its de-duplication window) or, on a cluster, the replicated engine plus a `Distributed` table in front
 * that shards by `person` where there is one.
 */
export function expandDdl(text: string, topology: Topology): string[] {
  return splitStatements(text).flatMap((sql) => expandStatement(sql, topology))
}

/** Cuts at `;` outside of quotes and comments. */
function splitStatements(text: string): string[] {
  const found: string[] = []
  let current = ''
  for (const [piece] of text.matchAll(
    /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\.)*'|`[^`]*`|"[^"]*"|;|[^;'"`/-]+|[\s\S]/g,
  )) {
    if (piece === ';') {
      found.push(current.trim())
      current = ''
    } else if (!piece.startsWith('--') && !piece.startsWith('/*')) current += piece
  }
  return [...found, current.trim()].filter((sql) => sql !== '')
}

const engine = /\{\{\s*(\w*MergeTree)\s*(?:\(([^{}]*)\))?\s*\}\}/

function expandStatement(sql: string, topology: Topology): string[] {
  const placed = engine.exec(sql)
  if (topology.kind !== 'cluster') return [placed ? withSettings(sql.replace(engine, plainEngine(placed))) : sql]
  const onCluster = (text: string) =>
    text.replace(
      /^((?:create|drop|alter)\s+(?:or\s+replace\s+)?(?:table|view|materialized\s+view|dictionary|database)\s+(?:if\s+(?:not\s+)?exists\s+)?)([\w.]+)/i,
      (_all, verb: string, name: string) => `${verb}${name} on cluster '${topology.cluster}'`,
    )
  const changed = /^(alter|drop)\s+table\s+(?:if\s+exists\s+)?(\w+\.\w+)/i.exec(sql)
  if (changed) {
    const local = onCluster(sql.replace(changed[2] as string, `${changed[2]}_local`))
    // Gone at once, so that a table of the same name may follow.
    return changed[1]?.toLowerCase() === 'drop' ? [onCluster(sql), `${local} sync`] : [local, onCluster(sql)]
  }
  const table = /^create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)\.(\w+)/i.exec(sql)
  if (!placed || !table) return [onCluster(sql)]
  const [, database, name] = table as unknown as [string, string, string]
  const inner = placed[2] ? `, ${placed[2]}` : ''
  const replicated = `Replicated${placed[1]}('/clickhouse/tables/{shard}/{database}/{table}', '{replica}'${inner})`
  const local = onCluster(sql.replace(engine, replicated).replace(`${database}.${name}`, `${database}.${name}_local`))
  const shard = /\bperson\s+UUID\b/.test(sql) ? 'sipHash64(person)' : 'rand()'
  return [
    local,
    `create table if not exists ${database}.${name} on cluster '${topology.cluster}' as ${database}.${name}_local engine = Distributed('${topology.cluster}', '${database}', '${name}_local', ${shard})`,
  ]
}

function plainEngine(placed: RegExpExecArray): string {
  return `${placed[1]}${placed[2] ? `(${placed[2]})` : '()'}`
}

function withSettings(sql: string): string {
  const last = /\bsettings\b(?![\s\S]*\bsettings\b)/i.exec(sql)
  const added = `${window}, ${durable}`
  return last
    ? `${sql.slice(0, last.index)}settings ${added}, ${sql.slice(last.index + last[0].length).trim()}`
    : `${sql}\nsettings ${added}`
}

/** Brings ClickHouse to this program's version: each file once, forward only, remembered in `platform.applied`. */
export async function migrateHistory(
  history: History,
  migrations: Migration[],
  cluster: string | null = null,
  told: (message: string) => void = () => undefined,
): Promise<number> {
  const topology: Topology =
    history.topology === 'cluster' ? { kind: 'cluster', cluster: cluster ?? '' } : { kind: history.topology }
  const plain = (text: string) => history.run(writtenSql(text))
  for (const name of ['platform', ...stages]) {
    for (const sql of expandDdl(`create database if not exists ${name}`, topology)) await plain(sql)
  }
  const ledger = `create table if not exists platform.applied (stage String, number UInt32, name String, hash String,
    applied_at DateTime64(3, 'UTC') default now64(3)) engine = {{ReplacingMergeTree}} order by (stage, number)`
  for (const sql of expandDdl(ledger, topology)) await plain(sql)
  const applied = new Map(
    (
      await history.rows<{
        stage: string
        number: number
        hash: string
      }>`select stage, number, hash from platform.applied final`
    ).map((row) => [`${row.stage}/${row.number}`, row.hash]),
  )
  let count = 0
  for (const migration of migrations) {
    const hash = applied.get(`${migration.stage}/${migration.number}`)
    if (hash === migration.hash) continue
    if (hash) {
      throw new Error(
        `History file ${migration.stage} ${migration.number} (${migration.name}) was changed after it had run on this database; put the change into a new file.`,
      )
    }
    for (const sql of expandDdl(migration.text, topology)) await plain(sql)
    const row = { stage: migration.stage, number: migration.number, name: migration.name, hash: migration.hash }
    await history.insert('platform.applied', [row], `${migration.stage}/${migration.number}/${migration.hash}`)
    told(`Prepared history of ${migration.stage}, ${migration.number} (${migration.name}).`)
    count++
  }
  return count
}
