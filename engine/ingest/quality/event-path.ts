import type { Identifier, Json, JsonObject, NormalEvent } from '@einklang/contract'
import { isObject } from '../dialects/dialect.ts'

/** The value at a dotted path of an event; undefined = nothing there. */
export function valueAt(event: NormalEvent, path: string): Json | undefined {
  let value: Json | undefined = event as unknown as JsonObject
  for (const key of path.split('.')) {
    if (Array.isArray(value)) value = value[Number(key)]
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key]
    else return undefined
  }
  return value
}

/** The event with another value at the path; everything on the way is copied, the given event stays as it is. */
export function withValue(event: NormalEvent, path: string, value: Json | undefined, given?: string): NormalEvent {
  if (path.startsWith('identifiers.')) {
    const namespace = path.slice('identifiers.'.length)
    const hit = (one: Identifier) => one.namespace === namespace && (given === undefined || one.value === given)
    const identifiers =
      value === undefined
        ? event.identifiers.filter((one) => !hit(one))
        : event.identifiers.map((one) => (hit(one) ? { ...one, value: String(value) } : one))
    return { ...event, identifiers }
  }
  return replaced(event as unknown as JsonObject, path.split('.'), 0, value) as unknown as NormalEvent
}

/** `without` keeps the first note of a place: repairing twice must not call the repaired value the given one. */
export function noted(event: NormalEvent, under: 'given' | 'stripped', path: string, value: Json): NormalEvent {
  const known = event.context[under]
  const notes = isObject(known) ? known : {}
  if (Object.hasOwn(notes, path)) return event
  return { ...event, context: { ...event.context, [under]: { ...notes, [path]: value } } }
}

function replaced(holder: Json, keys: string[], at: number, value: Json | undefined): Json {
  const key = keys[at] as string
  const last = at === keys.length - 1
  if (Array.isArray(holder)) {
    const copy = [...holder]
    const index = Number(key)
    if (last && value !== undefined) copy[index] = value
    else if (last) copy.splice(index, 1)
    else copy[index] = replaced(copy[index] ?? null, keys, at + 1, value)
    return copy
  }
  const copy: JsonObject = isObject(holder) ? { ...holder } : {}
  const next = last ? value : replaced(Object.hasOwn(copy, key) ? (copy[key] as Json) : {}, keys, at + 1, value)
  if (next === undefined) delete copy[key]
  // Keys come from outside: `__proto__` must become a field, never a prototype.
  else Object.defineProperty(copy, key, { value: next, enumerable: true, configurable: true, writable: true })
  return copy
}
