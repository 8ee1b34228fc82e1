import type { api, EventKind, Json, JsonObject } from '@einklang/contract'
import type { RequestFacts } from '../frame.ts'
import type { Reason, SourceFacts } from '../item.ts'

export type DialectName = api.ingest.DialectName

/** One thing a client said, in the words of a Segment call; `normal.ts` decides what to believe. */
export type Said = {
  /** As it came: what quarantine shows, and what a replay says again. */
  given: Json
  item: Json
  /** Fixed by the path or the dialect; missing = `item.type` decides. */
  kind?: EventKind
  flags?: string[]
  /** Set = waits in quarantine whatever else is right. */
  reason?: Reason
  /** May name nobody by `userId` or `anonymousId`: an address or a card will do, or nothing. */
  nameless?: boolean
  /** Consent names only what was changed: categories it does not name stay as they are. */
  partialConsent?: boolean
  /** Position among several things said by one `given`: a replay repeats this one alone. */
  part?: number
}

/** What a whole request says, and what its items share. */
export type Told = {
  said: Said[]
  /** Merges under each item's own. */
  context?: Json | undefined
  integrations?: Json | undefined
  sentAt?: Json | undefined
  /** A server speaks for many people: its anonymous id and the traits in its context belong to nobody. */
  server?: boolean
  /** Text inside text (base64): the quick looks at the body do not see into it. */
  hidden?: boolean
}

/** A stored request on its way through an adapter. */
export type Heard = { document: Json; facts: RequestFacts; source: SourceFacts }

export type Query = URLSearchParams

/** A path that takes something in. */
export type Take = {
  kind: 'take'
  method: 'POST' | 'PUT' | 'DELETE' | 'GET'
  call: string
  params?: string[]
  /** The key inside the document or the query, where clients do not use a header. */
  key?: (document: Json, query: Query) => string | null
  /** Names the source instead of a key. */
  named?: (document: Json, query: Query) => string | null
  /** What is stored for requests without a JSON body. */
  document?: (query: Query, body: string) => Json | null
  /** A body that is no JSON object: an array, nothing at all, or any bytes. */
  body?: 'object' | 'array' | 'empty' | 'any'
  /** Headers that are part of the message. */
  heads?: (name: string) => boolean
  /** What is wrong with the whole; answered 400, nothing is stored. */
  fault?: (document: Json) => { message: string; at: string } | null
  /** Needs the signature of the sender instead of a key; the first of `params` is the source. */
  signed?: boolean
  /** Cookies are sent along: the origin must be named. */
  credentials?: boolean
  answer?: (document: Json, query: Query) => Answer
}
/** A path that tells something and takes nothing in. */
export type Tell = {
  kind: 'tell'
  method: 'POST' | 'GET'
  /** The key in path or query; its source must be known. Missing = anybody may ask. */
  key?: (query: Query) => string | null
  credentials?: boolean
  answer: (query: Query, key: string | null) => Answer
}
/** An image that is always shown, whatever becomes of what it says. */
export type Pixel = {
  kind: 'pixel'
  call: string
  document: (query: Query) => JsonObject | null
  key: (document: JsonObject, query: Query) => string | null
  named?: (document: JsonObject) => string | null
}
export type Route = Take | Tell | Pixel
export type Answer = { status: number; body: unknown; type?: string }

export type Dialect = {
  name: DialectName
  /** First parts of its paths: what the server hands to the door. */
  roots: string[]
  /** What it does at a path; several when methods or sources decide. */
  routes(parts: string[]): Route[]
  /** What the request says. Pure. */
  hear(heard: Heard): Told
  /** The document that says one kept item again. */
  again?(given: Json, call: string): Json
  /** The headers it is said again with, where those it came with do not fit one item. */
  againHeads?: { [name: string]: string }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

export function objectOr(value: Json | undefined): JsonObject | null {
  return isObject(value) ? value : null
}

export function textOr(value: Json | undefined): string | null {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value : null
}

/** The fields that hold something: absent ones must not become `undefined` in stored JSON. */
export function filled(fields: { [name: string]: Json | undefined | null }): JsonObject {
  const kept: JsonObject = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) put(kept, name, value)
  return kept
}

/** Sets a key that came from outside: `__proto__` is data like any other. */
export function put(into: JsonObject, name: string, value: Json): void {
  if (name === '__proto__')
    Object.defineProperty(into, name, { value, enumerable: true, configurable: true, writable: true })
  else into[name] = value
}
