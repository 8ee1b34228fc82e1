import type { api, Finding, FindingAction, Json, NormalEvent } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { QuarantineCode, SourceFacts, Values } from '../item.ts'
import type { Subject } from './subject.ts'
import type { MeantTown } from './towns.ts'

export type { Finding, FindingAction } from '@einklang/contract'

/**
 * One thing found at one place. Paths are dotted with the indices of lists (`properties.products.3.sku`);
 * `identifiers.<namespace>` is every identifier of the namespace that has the value `given`.
 */
export type Found = {
  path: string
  message: string
  /** Other places that hold the same value and share its fate. */
  also?: string[]
  given?: string
  /** What a repair puts there; what stood there is kept in `context.given`. */
  value?: Json
  /** For a check that repairs where it can: what happens where it cannot. Missing = the check's action. */
  action?: FindingAction
  /** The source cannot change the action: it follows from the case. */
  fixed?: boolean
  /** Sets the event apart: stored, but outside people, segments and reports. */
  flag?: 'machine' | 'test'
  /** When it is not the check's own. */
  code?: string
  /** What the message speaks of, so that a reason to wait can be said in any language. */
  values?: Values
  /** Why an item waits, when it is not the check's own reason. */
  reason?: QuarantineCode
}

/** What is known of the outside while a batch is judged; gathered for the whole batch before the first check runs. */
export type Facts = {
  source: SourceFacts
  /** When the item arrived, ms: the only present a check knows. */
  receivedAt: number
  /** Whether an article or store is known; null = no such list is kept here. */
  knows(kind: 'sku' | 'store', value: string): boolean | null
  /** What an article usually costs, minor units; null = nobody knows. */
  price(sku: string): number | null
  /** The GTIN of an article; null = nobody knows. */
  gtin(sku: string): string | null
  /** Whether one of our own stores is there. */
  isStore(street: string, postalCode: string): boolean
  /** Whether mail to the address came back for good. */
  bounced(address: string): boolean
  /** Whether it is certain that no mail can be sent to the domain; false where nobody has asked. */
  takesNoMail(domain: string): boolean
  /** Whether so many people used the value that it names nobody any more. */
  isShared(namespace: string, value: string): boolean
  /** The town that was probably meant at the postcode; null = the given one may be right. */
  meantTown: MeantTown
  /** The how-manieth event of its device in its minute this is; 0 = not counted. */
  rate: number
}

/**
 * A pure question to one event. The same event and facts give the same answer; no clock, no network, no memory.
 * Repairs run first, one after the other; all others see the repaired event, and their order changes nothing.
 */
export type Check = {
  code: string
  /** The default first, then what a source may choose instead. */
  actions: readonly [FindingAction, ...FindingAction[]]
  /** Why an item waits when the action is `quarantine`; missing = `check_failed`. */
  reason?: QuarantineCode
  find(subject: Subject, facts: Facts): readonly Found[]
}

export type { Subject } from './subject.ts'

/** A source's own decisions about the checks; version 0 = none. */
export type RuleSet = {
  version: number
  actions: { [code: string]: FindingAction }
  repairs: Repair[]
}

/** A change to items before they are read; paths are those of a tracking call (`properties.currency`, `event`). */
export type Repair = api.ingest.Repair

/** What the live tracking plan of its source finds on an event: violations, values to coerce (`value`), places to strip. */
export type Plans = (event: NormalEvent, source: SourceFacts) => readonly PlanFound[]
/** `found` is told by its look (`aaaa9`), unless the plan calls the value harmless. */
export type PlanFound = Found & { code: string; action: FindingAction; expected: string; found: string }
/** Live plans of all sources; `refresh` looks once per batch whether one has changed. */
export type LivePlans = { refresh(tx: Database): Promise<void>; find: Plans }

/**
 * Which of these exist: articles with what they cost now (minor units, null = unknown) and their GTINs, and stores. Null =
 * the house keeps no such list, so nothing can be unknown.
 */
export type References = (asked: {
  skus: string[]
  stores: string[]
}) => Promise<{ skus: Map<string, number | null> | null; gtins?: Map<string, string>; stores: Set<string> | null }>

export const nothing: readonly Found[] = []

/** Without the indices of lists: places that are grouped and counted together. */
export function placeOf(path: string): string {
  return indexed.test(path) ? path.replaceAll(/\.\d+(?=\.|$)/g, '') : path
}

const indexed = /\.\d/

/** How a finding stands in history and on screens: `email.syntax traits.email strip`. */
export function findingText({ code, path, action }: Finding): string {
  return `${code} ${path} ${action}`
}
