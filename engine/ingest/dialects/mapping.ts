import type { api, EventKind, Json, JsonObject } from '@einklang/contract'
import { isObject, put, type Said } from './dialect.ts'

type EventMapping = api.ingest.EventMapping

/** The first mapping for the type; exact names win over patterns. */
export function mappingFor(type: string, mappings: EventMapping[]): EventMapping | null {
  const exact = mappings.find((mapping) => mapping.type === type)
  const fits = (mapping: EventMapping) => mapping.type.endsWith('*') && type.startsWith(mapping.type.slice(0, -1))
  return exact ?? mappings.find(fits) ?? null
}

export type Message = {
  given: Json
  /** What the paths on the right look into. */
  view: JsonObject
  type: string
  id: string | null
  time: Json | undefined
}

/** A message of another system in the words of a call. */
export function mapped(message: Message, mappings: EventMapping[]): Said {
  const { given, view, type } = message
  const mapping = mappingFor(type, mappings)
  const item: JsonObject = {}
  if (message.id !== null) item.messageId = message.id
  if (message.time !== undefined) item.timestamp = message.time
  if (!mapping) {
    const reason = {
      code: 'unmapped' as const,
      path: type,
      message: `“${type}” is not mapped yet.`,
      values: { value: type },
    }
    return { given, item, reason }
  }
  if (mapping.call === 'ignore') {
    return { given, item: { ...item, event: type, properties: {} }, kind: 'track', nameless: true, flags: ['hidden'] }
  }
  if (mapping.event !== undefined) item[mapping.call === 'track' ? 'event' : 'name'] = mapping.event
  else if (mapping.call === 'track') item.event = type
  for (const [target, path] of Object.entries(mapping.fields)) fill(item, target, path, view)
  return { given, item, kind: mapping.call as EventKind, nameless: true }
}

/** Sets one field. `a[].b` on the left takes each element of `list[].c` on the right. */
function fill(item: JsonObject, target: string, path: string, view: JsonObject): void {
  const [list, inner] = splitList(target)
  if (list === null) {
    const value = path.startsWith('=') ? path.slice(1) : valueAt(view, path)
    if (value !== undefined && value !== null) setAt(item, target, value)
    return
  }
  const [from, field] = splitList(path)
  const elements = from === null ? null : valueAt(view, from)
  if (!Array.isArray(elements)) return
  const made = valueAt(item, list)
  const rows: Json[] = Array.isArray(made) ? made : elements.map(() => ({}))
  elements.slice(0, 1000).forEach((element, index) => {
    const row = rows[index]
    const value = field === '' ? element : isObject(element) ? valueAt(element, field) : undefined
    if (isObject(row) && value !== undefined && value !== null) setAt(row, inner, value)
  })
  setAt(item, list, rows)
}

function splitList(path: string): [string | null, string] {
  const at = path.indexOf('[]')
  return at < 0 ? [null, path] : [path.slice(0, at), path.slice(at + 2).replace(/^\./, '')]
}

/** The value at a dotted path; numbers are places in a list. Own fields only. */
export function valueAt(from: Json, path: string): Json | undefined {
  let value: Json | undefined = from
  for (const part of path.split('.')) {
    if (Array.isArray(value)) value = value[Number(part)]
    else if (isObject(value) && Object.hasOwn(value, part)) value = value[part]
    else return undefined
  }
  return value
}

function setAt(into: JsonObject, path: string, value: Json): void {
  const parts = path.split('.')
  const last = parts.pop() ?? ''
  let at = into
  for (const part of parts) {
    const inner: Json | undefined = Object.hasOwn(at, part) ? at[part] : undefined
    const next: JsonObject = isObject(inner) ? inner : {}
    if (next !== inner) put(at, part, next)
    at = next
  }
  put(at, last, value)
}
