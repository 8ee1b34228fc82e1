import type {
  api,
  EventId,
  Finding,
  ImportId,
  JsonObject,
  NormalEvent,
  Purpose,
  SourceId,
  TouchChannel,
} from '@einklang/contract'
import type { Repair } from './quality/finding.ts'

export type QuarantineCode = (typeof api.ingest.quarantineCodes)[number]
/** What a sentence speaks of. */
export type Values = { [name: string]: string | number }
/**
 * `check` names the finding behind `check_failed`, `money_mismatch` and the like. `word` and `values` say `message` in any
 * language: the console has the words.
 */
export type Reason = {
  code: QuarantineCode
  path: string
  message: string
  check?: string
  word?: string
  values?: Values
}

/** What an adapter may know of the source. */
export type SourceFacts = {
  id: SourceId
  name: string
  kind: string
  channel: TouchChannel
  issuer: string
  currency: string
  country: string
  consentCategories: { [category: string]: Purpose }
  oldestYears: number
  mappings: api.ingest.EventMapping[]
  /** Standing repairs, and the version of the rule set they belong to. */
  rules?: { version: number; repairs: Repair[] }
}

/** One item after the adapter: an event, or the reasons why it waits. */
export type Item = {
  id: EventId
  source: SourceId
  /** Hash of the content without transport fields; tells a repeat from a re-used id. 52 bits. */
  content: number
  receivedAt: number
  /** Set = fit for the pipeline. */
  event: NormalEvent | null
  reasons: Reason[]
  /** What the checks found on an item that waits; those of an event ride on the event. */
  findings?: Finding[]
  /** The event as far as it was understood, when the item waits. */
  held?: NormalEvent | null
  /** The import that brought it. */
  import?: ImportId
  /** What quarantine keeps: the item as it came and how it was sent. */
  raw: () => { payload: unknown; request: JsonObject; originalAt: string | null }
}
