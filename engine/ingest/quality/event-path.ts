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

/** An event while it is changed. What is changed is copied once, on the first change; the given event stays as it is. */
export class EventDraft {
  #event: NormalEvent
  /** Holders that are copies already; most events need none. */
  #own: Set<Json> | null = null

  constructor(event: NormalEvent) {
    this.#event = event
  }

  get event(): NormalEvent {
    return this.#event
  }

  /** Puts a value at the path, `undefined` takes it away. `given` tells which of several identifiers is meant. */
  put(path: string, value: Json | undefined, given?: string): void {
    if (path.startsWith('identifiers.')) this.#identify(path.slice('identifiers.'.length), value, given)
    else this.#at(path.split('.'), value)
  }

  /** Keeps the first note of a place: repairing twice must not call the repaired value the given one. */
  note(under: 'given' | 'stripped', path: string, value: Json): void {
    const notes = this.#event.context[under]
    if (isObject(notes) && Object.hasOwn(notes, path)) return
    const context = this.#owned(this.#owned(this.#event as unknown as JsonObject), 'context')
    set(this.#owned(context, under), path, value)
  }

  #identify(namespace: string, value: Json | undefined, given: string | undefined): void {
    const hit = (one: Identifier) => one.namespace === namespace && (given === undefined || one.value === given)
    const { identifiers } = this.#event
    if (!identifiers.some(hit)) return
    this.#owned(this.#event as unknown as JsonObject)
    this.#event.identifiers =
      value === undefined
        ? identifiers.filter((one) => !hit(one))
        : identifiers.map((one) => (hit(one) ? { ...one, value: String(value) } : one))
  }

  #at(keys: string[], value: Json | undefined): void {
    let holder: JsonObject | Json[] = this.#owned(this.#event as unknown as JsonObject)
    for (let at = 0; at < keys.length - 1; at++) holder = this.#owned(holder, keys[at] as string)
    const key = keys.at(-1) as string
    if (!Array.isArray(holder)) {
      if (value === undefined) delete holder[key]
      else set(holder, key, value)
    } else if (value === undefined) holder.splice(Number(key), 1)
    else holder[Number(key)] = value
  }

  /** The holder under the key, or the event itself, as a copy that may be changed; what is no holder becomes one. */
  #owned<Holder extends JsonObject | Json[]>(holder: Holder, key?: string): JsonObject & Holder {
    const known: Json | undefined =
      key === undefined
        ? holder
        : Array.isArray(holder)
          ? holder[Number(key)]
          : Object.hasOwn(holder, key)
            ? (holder as JsonObject)[key]
            : undefined
    if (known !== undefined && this.#own?.has(known)) return known as JsonObject & Holder
    const copy: Json = Array.isArray(known) ? [...known] : isObject(known) ? { ...known } : {}
    this.#own ??= new Set()
    this.#own.add(copy)
    if (key === undefined) this.#event = copy as unknown as NormalEvent
    else if (Array.isArray(holder)) holder[Number(key)] = copy
    else set(holder as JsonObject, key, copy)
    return copy as JsonObject & Holder
  }
}

/** Keys come from outside: `__proto__` must become a field, never a prototype. */
function set(holder: JsonObject, key: string, value: Json): void {
  if (key !== '__proto__') holder[key] = value
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}
