import { hash } from 'node:crypto'
import { type AppliedBatch, type Json, type JsonObject, type NormalEvent, storedUnder } from '@einklang/contract'
import { type Database, jsonLines } from '@einklang/platform'
import { squeeze } from './frame.ts'
import { findingText } from './quality/finding.ts'

/** Stands for nobody in history: events that name no person. */
export const nobody = '00000000-0000-0000-0000-000000000000'

/** Channel that wakes the loop which carries applied batches to ClickHouse. */
export const historyChannel = 'ingest_history'

/** A column that says nothing is left out: reading rows is most of what an insert costs. */
export type HistoryRow = {
  person: string
  at: string
  id: string
  source: string
  source_name: string
  kind: string
  name: string
  channel: string
  received_at: string
  order_no: string | undefined
  value: number | undefined
  currency: string | undefined
  campaign: string | undefined
  medium: string | undefined
  utm_source: string | undefined
  referrer: string | undefined
  url: string | undefined
  message_id: string | undefined
  place: string | undefined
  sku: string[] | undefined
  properties: string
  context: string
  flags: string[] | undefined
  findings: string[] | undefined
  batch: number
}

export function* historyRows(
  applied: AppliedBatch,
  batch: number,
  nameOf: (source: string) => string,
): Iterable<HistoryRow> {
  for (const event of applied.events) yield rowOf(event, storedUnder(event), batch, nameOf(event.source))
  for (const event of applied.unattributed ?? []) yield rowOf(event, nobody, batch, nameOf(event.source))
}

/** What machines and tests did; the first flag tells these rows apart on their way. */
export function asideRows(events: NormalEvent[], batch: number, nameOf: (source: string) => string): HistoryRow[] {
  return events.map((event) => {
    const row = rowOf(event, nobody, batch, nameOf(event.source))
    return { ...row, flags: [asideFlag, ...event.flags] }
  })
}

const asideFlag = 'aside'
const asideMark = Buffer.from(`"flags":["${asideFlag}"`)

/** Rows for `ingest.event`, and those for `ingest.aside`. Nearly always there are none of these. */
export function splitAside(lines: Buffer): { events: Buffer; aside: string[] } {
  if (!lines.includes(asideMark)) return { events: lines, aside: [] }
  const mark = asideMark.toString()
  const all = lines
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
  const events = all.filter((line) => !line.includes(mark)).map((line) => `${line}\n`)
  return { events: Buffer.from(events.join('')), aside: all.filter((line) => line.includes(mark)) }
}

function rowOf(event: NormalEvent, person: string, batch: number, sourceName: string): HistoryRow {
  const { properties, context } = event
  const campaign = objectOr(context.campaign)
  const page = objectOr(context.page)
  const url = text(page?.url) || text(properties.url)
  const utm = url.includes('utm_') ? utmOf(url) : null
  const referrer = text(page?.referrer) || text(properties.referrer)
  return {
    person,
    at: event.at,
    id: event.id,
    source: event.source,
    source_name: sourceName,
    kind: event.kind,
    name: event.name ?? '',
    channel: event.channel ?? '',
    received_at: event.receivedAt,
    order_no: said(text(properties.order_id) || text(properties.order_no)),
    value: valueOf(event) || undefined,
    currency: said(text(properties.currency)),
    campaign: said(text(campaign?.name) || text(properties.campaign) || (utm?.campaign ?? '')),
    medium: said(text(campaign?.medium) || text(properties.medium) || (utm?.medium ?? '')),
    utm_source: said(text(campaign?.source) || (utm?.source ?? '')),
    referrer: said(referrer === '$direct' ? '' : referrer),
    url: said(url),
    message_id: said(text(properties.message_id)),
    place: said(text(properties.affiliation) || text(properties.place)),
    sku: some(skusOf(properties)),
    properties: documentOf(properties),
    context: documentOf(contextKept(event)),
    flags: some(event.flags),
    findings: some(event.findings?.map(findingText) ?? []),
    batch,
  }
}

const stringOrLong = /"(?:[^"\\]|\\.)*"|-?\d{19,}(?=[,\]}])/g

/** JSON for ClickHouse, which reads nothing of a document in which one whole number has more than 64 bits. */
function documentOf(value: JsonObject): string {
  const text = JSON.stringify(value)
  if (!/\d{19}/.test(text)) return text
  return text.replace(stringOrLong, (found) =>
    found.startsWith('"') || Math.abs(Number(found)) < 2 ** 63 ? found : `${found}.0`,
  )
}

function said(value: string): string | undefined {
  return value === '' ? undefined : value
}

function some(values: string[]): string[] | undefined {
  return values.length === 0 ? undefined : values
}

/** Traits of an identify call stay readable in history, beside its context. */
function contextKept(event: NormalEvent): JsonObject {
  return event.kind === 'identify' || event.kind === 'group'
    ? { ...event.context, traits: event.traits }
    : event.context
}

/** Turnover in minor units: what was sold, less what came back. */
function valueOf(event: NormalEvent): number {
  const minor = objectOr(event.properties.minor)
  const amount = minor?.total ?? minor?.revenue ?? minor?.value
  if (typeof amount !== 'number') return 0
  if (event.name === 'Order Completed') return amount
  return event.name === 'Order Refunded' ? -Math.abs(amount) : 0
}

function skusOf(properties: JsonObject): string[] {
  const products = Array.isArray(properties.products) ? properties.products : [properties]
  const skus: string[] = []
  for (const product of products) {
    const line = objectOr(product)
    const sku = text(line?.sku) || text(line?.product_id)
    if (sku !== '') skus.push(sku)
  }
  return skus
}

function utmOf(url: string): { campaign: string; medium: string; source: string } | null {
  const query = url.slice(url.indexOf('?') + 1)
  const parameters = new URLSearchParams(query.split('#')[0])
  return {
    campaign: parameters.get('utm_campaign') ?? '',
    medium: parameters.get('utm_medium') ?? '',
    source: parameters.get('utm_source') ?? '',
  }
}

function objectOr(value: Json | undefined): JsonObject | null {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : null
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

// --- the way to ClickHouse --------------------------------------------------------------------------------------------

/** Rows as lines of JSON, and some of the last for the live screens. */
export type Written = { rows: number; lines: Buffer[]; last: HistoryRow[] }

const atOnce = 500

/** Serialises rows once, piece by piece: between the pieces the answers of the database are heard, and each piece is let go. */
export async function written(rows: Iterable<HistoryRow>): Promise<Written> {
  const done: Written = { rows: 0, lines: [], last: [] }
  let piece: HistoryRow[] = []
  const end = () => {
    done.rows += piece.length
    done.lines.push(jsonLines(piece))
    done.last = piece
    piece = []
  }
  for (const row of rows) {
    if (piece.push(row) < atOnce) continue
    end()
    await new Promise((go) => setImmediate(go))
  }
  if (piece.length > 0) end()
  return done
}

/** Puts the exact rows beside the state, in its transaction; they wait there until history has them. */
export async function keepForHistory(tx: Database, batch: number, parts: Written[], at: Date): Promise<void> {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  if (rows === 0) {
    await tx.run`
      insert into ingest.batch (id, applied_at, events, token, history_at) values (${batch}, ${at}, 0, '', ${at})`
    return
  }
  const lines = parts.flatMap((part) => part.lines.flatMap((piece) => [piece, newline]))
  const packed = squeeze(Buffer.concat(lines.slice(0, -1)))
  await tx.run`
    insert into ingest.batch (id, applied_at, events, token, rows)
    values (${batch}, ${at}, ${rows}, ${tokenOf(batch, packed)}, ${packed})`
}

const newline = Buffer.from('\n')

/** Over the packed bytes: they are a tenth of the rows, and never packed again. */
export function tokenOf(batch: number, packed: Buffer): string {
  return `${batch}:${hash('sha256', packed, 'hex')}`
}
