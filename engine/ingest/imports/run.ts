import { createHash } from 'node:crypto'
import {
  type Finding,
  type ImportKind,
  isVendorKind,
  type JsonObject,
  kept,
  type NormalEvent,
} from '@einklang/contract'
import { type Clock, type Database, derivedId, type Log, type Loop, Outage } from '@einklang/platform'
import type { Applier } from '../applier.ts'
import type { RecordKind, RecordRow, Rejected, TakeRecords } from '../index.ts'
import type { Item, Reason } from '../item.ts'
import { moneyOf } from '../money.ts'
import { withRepairs } from '../own.ts'
import { cellFinding, type Judge } from '../quality/judge.ts'
import { type FileContract, fileContract } from '../quality/plans/files.ts'
import type { Source, Sources } from '../source.ts'
import type { FileBytes } from './archive.ts'
import { cellReader } from './cells.ts'
import { missingFields, recognise } from './columns.ts'
import { importEnded } from './feeds.ts'
import { type FieldRow, fieldReader, groupKey, type Unit } from './fields.ts'
import { addFound, type ImportNote } from './found.ts'
import { type Draft, type Lost, type MapFacts, mapUnit, recordFields } from './mappers.ts'
import { contentOf, type Encoding, type ReadRow, rowsOf, type Shape, shapeOf } from './reading.ts'
import { mappingForColumns } from './saved.ts'
import { claimImport, type ImportRow, type Progress, saveProgress, storedFile, takenBefore } from './store.ts'
import { importChannel } from './upload.ts'

/**
 * Rows of a batch: as many as this machine takes within a second, so that a stop is quick and events of the day wait no
 * longer. Larger ones cost less for each row: what stands together in an index is written together.
 */
const fewestRows = 5_000
const mostRows = 15_000
const previewRows = 20

const recordKinds = new Set<ImportKind>(['spend', 'products', 'prices', 'stock', 'places'])

type Needs = {
  database: Database
  clock: Clock
  log: Log
  sources: Sources
  applier: Applier
  judge: Judge
  records: { [kind in RecordKind]?: TakeRecords }
  /** Sorts what imports have left unsorted in the search index. */
  tidySearch?: () => Promise<void>
  /** For tests; else as many as are worth a transaction. */
  rowsPerBatch?: number
}

/** Works on one import after the other; a kill costs the batch in work, which is rolled back and read again. */
export function importLoop(needs: Needs): Loop {
  return {
    name: 'ingest.imports',
    pauseMs: 2_000,
    wake: importChannel,
    apart: true,
    async turn(signal) {
      const row = await claimImport(needs.database)
      if (!row) return 'idle'
      try {
        const result = await runImport(needs, row, signal)
        if (result === 'stopped') await release(needs.database, row)
        return result === 'stopped' ? 'idle' : 'busy'
      } catch (error) {
        if (error instanceof Outage) {
          await release(needs.database, row).catch(() => undefined)
          throw error
        }
        needs.log.error('An import failed', { import: row.id, error: String(error) })
        await fail(needs, row, error instanceof Error ? error.message : String(error))
        return 'busy'
      }
    },
  }
}

async function release(database: Database, row: ImportRow): Promise<void> {
  await database.run`update ingest.import set leased_until = null where id = ${row.id} and state = 'running'`
}

async function fail(needs: Needs, row: ImportRow, reason: string): Promise<void> {
  await needs.database.run`
    update ingest.import set state = 'failed', error = ${reason.slice(0, 1000)}, finished_at = ${needs.clock.now()}, leased_until = null
    where id = ${row.id} and state = 'running'`
  if (row.feed !== null) await importEnded(needs, row.id)
}

async function runImport(needs: Needs, claimed: ImportRow, signal: AbortSignal): Promise<'done' | 'stopped'> {
  const source = await needs.sources.byId(claimed.source)
  if (!source) throw new Error(kept('source_gone'))
  const row = await checked(needs, claimed)
  const missing = missingFields(row.kind, row.mapping)
  if (missing.length > 0) {
    throw new Error(kept('columns_missing', { fields: missing.join(', '), columns: row.columns.join(', ') }))
  }
  if (recordKinds.has(row.kind) && !needs.records[row.kind as RecordKind]) {
    throw new Error(kept('nobody_takes', { kind: row.kind }))
  }
  const contract = await fileContract(needs.database, row.source, row.kind)
  const lacking = contract?.missing(row.columns) ?? []
  if (lacking.length > 0)
    throw new Error(
      kept('plan_requires', { source: source.name, fields: lacking.join(', '), columns: row.columns.join(', ') }),
    )
  await needs.applier.prepare()
  const done = await work(needs, row, source, contract, signal)
  if (done) {
    await needs.database.run`
      update ingest.import set state = 'done', finished_at = ${needs.clock.now()}, leased_until = null, bytes_read = size
      where id = ${row.id} and state = 'running'`
    if (!row.dryRun) await needs.database.run`delete from ingest.import_part where import = ${row.id}`
    if (row.feed !== null) await importEnded(needs, row.id)
  }
  return done ? 'done' : 'stopped'
}

/** Once per file: the bytes are those announced, the encoding holds to the end, columns and mapping are known. */
async function checked(needs: Needs, row: ImportRow): Promise<ImportRow> {
  if (row.checked) return row
  const file = storedFile(needs.database, row)
  const hash = createHash('sha256')
  const wellFormed = utf8Check()
  for await (const part of file.range(0, file.size)) {
    hash.update(part)
    wellFormed.take(part)
  }
  if (hash.digest('hex') !== row.sha256) throw new Error(kept('other_bytes'))
  const shape = await shapeOf(row.fileName, file, {
    encoding: row.mapping.encoding,
    delimiter: row.mapping.delimiter,
  })
  if (shape.entry !== null) {
    wellFormed.again()
    for await (const part of contentOf(file, shape.entry)) wellFormed.take(part)
  }
  // The beginning may look like UTF-8 and the first umlaut come late.
  const encoding: Encoding =
    row.mapping.encoding ??
    (shape.encoding === 'utf-8' && shape.format !== 'xlsx' && !wellFormed.holds() ? 'windows-1252' : shape.encoding)
  const saved = row.mappingGiven ? null : await mappingForColumns(needs.database, row.kind, shape.columns)
  const mapping = {
    ...(saved?.mapping ?? row.mapping),
    encoding,
    ...(shape.format === 'csv' ? { delimiter: shape.delimiter } : {}),
    fields: saved?.mapping.fields ?? (row.mappingGiven ? row.mapping.fields : recognise(row.kind, shape.columns)),
  }
  const detected = {
    encoding,
    delimiter: shape.format === 'csv' ? shape.delimiter : '',
    header: shape.header,
    entry: shape.entry,
  }
  await needs.database.run`
    update ingest.import set checked = true, format = ${shape.format}, columns = ${shape.columns},
      detected = ${needs.database.json(detected)}, mapping = ${needs.database.json(mapping)}
    where id = ${row.id}`
  return { ...row, checked: true, format: shape.format, columns: shape.columns, detected, mapping }
}

function utf8Check() {
  let decoder = new TextDecoder('utf-8', { fatal: true })
  let holds = true
  return {
    take(part: Buffer) {
      try {
        if (holds) decoder.decode(part, { stream: true })
      } catch {
        holds = false
      }
    },
    again() {
      decoder = new TextDecoder('utf-8', { fatal: true })
      holds = true
    },
    holds: () => holds,
  }
}

type Cut = {
  mapped: MappedBatch
  /** First row of each unit, and how many rows it has. */
  sizes: Map<number, number>
  last: number
  bytes: number
  rows: number
  skipped: number
}

/** True = to the end of the file; false = asked to stop. */
async function work(
  needs: Needs,
  row: ImportRow,
  source: Source,
  contract: FileContract | null,
  signal: AbortSignal,
): Promise<boolean> {
  const shape: Shape = {
    format: row.format,
    encoding: row.mapping.encoding ?? 'utf-8',
    delimiter: row.mapping.delimiter ?? ',',
    columns: row.columns,
    header: row.detected?.header ?? 1,
    entry: row.detected?.entry ?? null,
  }
  const counted = { bytes: 0 }
  const before = row.dryRun ? { rows: 0, refused: new Set<number>() } : await takenBefore(needs.database, row)
  const file = counting(storedFile(needs.database, row), counted)
  const rows = rowsOf(file, shape, { decimal: row.mapping.decimal })
  const facts: MapFacts = {
    issuer: source.issuer,
    currency: source.currency,
    // Other products export in UTC; a till or a shop in the time of its place.
    reader: cellReader(row.mapping, isVendorKind(row.kind) ? 'UTC' : source.timeZone),
  }
  let most = fewestRows
  const take = recordKinds.has(row.kind) ? recordTaker(facts) : eventTaker(needs, row, source, facts)
  const cuts = cutsOf(row, contract, rows, counted, before, take, () => needs.rowsPerBatch ?? most)
  const tidy = tidyNowAndThen(needs)
  let from = row.rowsRead
  let next: Promise<IteratorResult<Cut, undefined>> | null = null
  const ahead = () => {
    if (next) return next
    next = cuts.next()
    next.catch(() => undefined)
    return next
  }
  for (;;) {
    const { value: cut, done } = await ahead()
    next = null
    if (done || !cut) {
      await tidy.end()
      return true
    }
    const begun = performance.now()
    // While the database writes this batch the next one is read and mapped; before, it has to be told what to write.
    if (signal.aborted || !(await settle(needs, row, cut, from, ahead))) {
      await cuts.return(undefined)
      return false
    }
    const perSecond = (1000 * cut.rows) / (performance.now() - begun)
    most = Math.min(mostRows, Math.max(fewestRows, Math.round(perSecond)))
    from = cut.last
    if (!row.dryRun) tidy.after(cut.mapped.items.length)
  }
}

/** So many events later the search index is sorted again, on a connection of its own, one time at a time. */
const eventsPerTidy = 40_000

function tidyNowAndThen(needs: Needs) {
  let events = 0
  let going: Promise<void> | null = null
  const begin = () => {
    events = 0
    going = (needs.tidySearch?.() ?? Promise.resolve())
      .catch((error) => needs.log.warn('The search index could not be sorted', { error: String(error) }))
      .finally(() => {
        going = null
      })
  }
  return {
    after(more: number) {
      events += more
      if (events >= eventsPerTidy && going === null) begin()
    },
    async end() {
      await going
      if (events >= eventsPerTidy / 10) begin()
      await going
    },
  }
}

/** How far an import has come is told by the bytes that were fetched, packed or not. */
function counting(file: FileBytes, counted: { bytes: number }): FileBytes {
  return {
    size: file.size,
    async *range(start, end) {
      for await (const chunk of file.range(start, end)) {
        counted.bytes = Math.min(file.size, counted.bytes + chunk.length)
        yield chunk
      }
    },
  }
}

/** What is made of a unit; the rows it came from may go. */
type Take = (into: MappedBatch, unit: Unit) => void

/** Cuts the rows into units (a receipt, an order, a row) and units into batches; skips what was taken before. */
async function* cutsOf(
  row: ImportRow,
  contract: FileContract | null,
  handfuls: AsyncIterable<ReadRow[]>,
  counted: { bytes: number },
  before: { rows: number; refused: Set<number> },
  take: Take,
  most: () => number,
): AsyncGenerator<Cut, undefined> {
  const read = fieldReader(row.kind, row.mapping, row.columns)
  const keyOf = groupKey(row.kind)
  const empty = (last: number): Cut => ({
    mapped: { items: [], records: [], rejects: [], accepted: 0, preview: [] },
    sizes: new Map(),
    last,
    bytes: counted.bytes,
    rows: 0,
    skipped: 0,
  })
  let cut = empty(row.rowsRead)
  let unit: Unit | null = null
  let unitKey: string | null = null
  let count = 0
  const endUnit = () => {
    const [head] = unit?.rows ?? []
    if (!unit || !head) return
    cut.sizes.set(head.row, unit.rows.length)
    take(cut.mapped, unit)
    unit = null
  }
  for await (const rows of handfuls) {
    for (const given of rows) {
      if (given.row <= row.rowsRead) continue
      const one = contract ? asPromised(contract, row.columns, given) : given
      const taken = one.row <= before.rows && !before.refused.has(one.row)
      const mapped = !taken && 'cells' in one ? read(one.row, one.cells) : null
      const key: string | null = mapped && keyOf ? keyOf(mapped) : null
      const continues: boolean =
        mapped !== null && unit !== null && key !== null && key === unitKey && mapped.lines === null
      if (!continues) endUnit()
      // A batch ends only between units, so that a receipt is never cut.
      if (!continues && count >= most()) {
        yield cut
        cut = empty(cut.last)
        count = 0
      }
      cut.last = one.row
      cut.bytes = counted.bytes
      cut.rows++
      if (taken) {
        cut.skipped++
        continue
      }
      count++
      if ('bad' in one) {
        cut.mapped.rejects.push({ row: one.row, reason: one.bad, raw: one.raw.slice(0, 2000) })
      } else if (mapped && continues) unit?.rows.push(mapped)
      else if (mapped) {
        unit = { rows: [mapped] }
        unitKey = key
      }
    }
  }
  endUnit()
  if (cut.last > row.rowsRead) yield cut
}

/** A row that breaks what its supplier has promised is refused like one that cannot be read. */
function asPromised(contract: FileContract, columns: string[], given: ReadRow): ReadRow {
  const broken = 'cells' in given ? contract.broken(columns, given.cells) : null
  return broken === null || !('cells' in given)
    ? given
    : { row: given.row, bad: broken, raw: JSON.stringify(given.cells) }
}

/** One batch in one transaction: effects and mark together. False = stopped or taken over. */
async function settle(needs: Needs, row: ImportRow, cut: Cut, from: number, ahead: () => unknown): Promise<boolean> {
  const { mapped } = cut
  // Nobody else will say when the database is at work.
  if (row.dryRun || mapped.items.length === 0) ahead()
  let number = 0
  let careful = false
  let { findings } = row
  for (;;) {
    try {
      const moved = await needs.database.transaction(async (tx) => {
        const refused: Rejected[] = []
        let notes: ImportNote[] = []
        let waiting = 0
        const settled = (items: readonly Item[]) => {
          ;({ findings, notes } = addFound(row.findings, items))
          // A receipt of three rows waits as three rows; a row of which one fact waits, waits.
          const heads = new Set(items.flatMap((item) => (item.event === null ? [headOf(item)] : [])))
          for (const head of heads) waiting += cut.sizes.get(head) ?? 0
        }
        if (!row.dryRun && mapped.items.length > 0) {
          number = await needs.applier.begin(tx)
          // Sorting new texts into the search index can follow, and is cheaper in large handfuls.
          await tx.run`select set_config('gin_pending_list_limit', '65536', true)`
          await needs.applier.apply(tx, number, mapped.items, { skipSeen: true, careful, settled, attributed: ahead })
        }
        if (row.dryRun && mapped.items.length > 0) settled(await needs.judge.judge(tx, mapped.items, { dry: true }))
        if (!row.dryRun && mapped.records.length > 0)
          refused.push(...((await needs.records[row.kind as RecordKind]?.(tx, mapped.records)) ?? []))
        const all = [...mapped.rejects, ...refused.map((one) => ({ ...one, raw: rawOf(mapped.records, one.row) }))]
        const progressed = await saveProgress(tx, row, {
          from,
          rowsRead: cut.last,
          rows: cut.rows,
          accepted: mapped.accepted - waiting - refused.length,
          duplicates: cut.skipped,
          waiting,
          bytesRead: cut.bytes,
          rejects: all.sort((one, other) => one.row - other.row),
          notes,
        })
        if (!progressed) throw new Stopped()
        if (findings !== row.findings)
          await tx.run`update ingest.import set findings = ${tx.json(findings)} where id = ${row.id}`
        if (from === 0) await savePreview(tx, row, mapped.preview)
        return true
      })
      if (number > 0) needs.applier.committed(number)
      row.findings = findings
      return moved
    } catch (error) {
      if (error instanceof Stopped) return false
      if (error instanceof Outage || careful || mapped.items.length === 0) throw error
      careful = true
      number = 0
    }
  }
}

function headOf({ event, held }: Item): number {
  return (event ?? held)?.raw.index ?? 0
}

class Stopped extends Error {}

function rawOf(records: RecordRow[], row: number): string {
  const record = records.find((one) => one.row === row)
  return record ? JSON.stringify(record.fields) : ''
}

async function savePreview(tx: Database, row: ImportRow, preview: JsonObject[]): Promise<void> {
  await tx.run`update ingest.import set preview = ${tx.json(preview)} where id = ${row.id}`
}

type MappedBatch = {
  items: Item[]
  records: RecordRow[]
  rejects: Progress['rejects']
  accepted: number
  preview: JsonObject[]
}

function recordTaker(facts: MapFacts): Take {
  return (into, { rows }) => {
    for (const row of rows) {
      const read = recordFields(row, facts.reader)
      if (!('fields' in read)) {
        into.rejects.push({ row: row.row, reason: read.reason, raw: JSON.stringify(row.fields).slice(0, 2000) })
        continue
      }
      into.records.push({ row: row.row, fields: read.fields })
      into.accepted++
      if (into.preview.length < previewRows) into.preview.push({ row: row.row, ...read.fields })
    }
  }
}

function eventTaker(needs: Needs, row: ImportRow, source: Source, facts: MapFacts): Take {
  return (into, unit) => {
    const now = needs.clock.now().getTime()
    const mapped = mapUnit(row.kind, unit, facts)
    if ('rejects' in mapped) {
      for (const one of mapped.rejects) into.rejects.push({ ...one, raw: rawRow(unit, one.row) })
      return
    }
    const made = mapped.drafts.map((draft) => itemOf(draft, row, source, now))
    const wrong = made.find((one) => typeof one === 'string')
    if (typeof wrong === 'string') {
      for (const { row: number } of unit.rows)
        into.rejects.push({ row: number, reason: wrong, raw: rawRow(unit, number) })
      return
    }
    into.accepted += unit.rows.length
    for (const one of made as Item[]) {
      into.items.push(one)
      if (into.preview.length < previewRows && one.event) into.preview.push(previewOf(one.event, unit))
    }
  }
}

function rawRow(unit: Unit, number: number): string {
  const row: FieldRow | undefined = unit.rows.find((one) => one.row === number)
  return row ? JSON.stringify(row.fields).slice(0, 2000) : ''
}

function previewOf(event: NormalEvent, unit: Unit): JsonObject {
  return {
    row: unit.rows[0]?.row ?? 0,
    event: event.name ?? event.kind,
    at: event.at,
    identifiers: event.identifiers.map((one) => `${one.namespace}: ${one.value}`),
    traits: event.traits,
    properties: event.properties,
  }
}

/** What stood in cells that nobody understands, where checks keep what they changed. */
function cellsOf({ lost }: Draft, action: Lost['action'], under: string): JsonObject {
  const cells = (lost ?? []).filter((one) => one.action === action).map(({ path, given }) => [path, given])
  return cells.length === 0 ? {} : { [under]: Object.fromEntries(cells) }
}

function cellLost({ path, action }: Lost): Finding {
  const message =
    action === 'strip'
      ? 'Nobody here understands what stands in the cell; it is not used.'
      : 'Nobody here knows the word in the cell; the row counts as what it usually is.'
  return { code: cellFinding, path, rule: 0, action, message }
}

function moneyRefused({ code, values }: Reason): string {
  return code === 'currency_unknown' ? kept('no_currency', { given: values?.value ?? '' }) : kept('negative_money')
}

let lastInstant = Number.NaN
let lastText = ''

/** The events of a batch arrive at the same instant, or nearly. */
function instantText(at: number): string {
  if (at !== lastInstant) {
    lastInstant = at
    lastText = new Date(at).toISOString()
  }
  return lastText
}

/** The event of a draft, or why it cannot be one. */
function itemOf(draft: Draft, row: ImportRow, source: Source, now: number): Item | string {
  const flags: string[] = []
  const properties: JsonObject = { ...draft.properties }
  const money = moneyOf(properties, draft.name, source.currency)
  if (money.reasons[0]) return moneyRefused(money.reasons[0])
  flags.push(...money.flags)
  if (money.minor) properties.minor = money.minor
  const originalAt = draft.at
  let at = originalAt
  const received = instantText(now)
  if (at !== null && at > received) {
    flags.push('future_time')
    at = null
  }
  const messageId = `import:${row.sha256}:${draft.row}${draft.part}`
  const event: NormalEvent = {
    id: derivedId('event', source.id, row.kind, messageId),
    source: source.id,
    messageId,
    dialect: 'import',
    library: null,
    kind: draft.kind,
    name: draft.name,
    channel: draft.channel ?? source.channel,
    at: at ?? received,
    originalAt,
    sentAt: null,
    receivedAt: received,
    identifiers: draft.identifiers,
    mayJoin: true,
    traits: draft.traits,
    properties,
    context: {
      import: { file: row.fileName, row: draft.row },
      ...cellsOf(draft, 'strip', 'stripped'),
      ...cellsOf(draft, 'flag', 'given'),
    },
    consent: null,
    flags,
    raw: { inbox: 0, index: draft.row },
    ...(draft.lost === undefined ? {} : { findings: draft.lost.map(cellLost) }),
  }
  return {
    id: event.id,
    source: source.id,
    import: row.id,
    content: 0,
    receivedAt: now,
    event: withRepairs(event, source.rules?.repairs ?? [], source),
    reasons: [],
    raw: () => ({ payload: { ...event } as unknown as JsonObject, request: { call: 'normal' }, originalAt }),
  }
}
