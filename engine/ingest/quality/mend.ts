import type { Finding, Json, JsonObject } from '@einklang/contract'
import { isObject } from '../dialects/dialect.ts'
import type { Repair } from './finding.ts'

export type Mended = { item: JsonObject; given: JsonObject; findings: Finding[] }

/**
 * Applies repairs to an item, one after the other; lists on the way are walked element by element. What stood there is
 * told in `given`, the item given stays as it is, and repairing twice changes nothing more.
 */
export function mend(item: JsonObject, repairs: readonly Repair[], rule: number): Mended {
  const mended: Mended = { item, given: {}, findings: [] }
  for (const repair of repairs) {
    const before = mended.item
    mended.item = apply(before, repair, mended.given)
    if (mended.item === before) continue
    mended.findings.push({
      code: 'rule.repair',
      path: repair.path,
      rule,
      action: 'repair',
      message: told(repair).slice(0, 300),
    })
  }
  return mended
}

function told(repair: Repair): string {
  if (repair.kind === 'rename') return `Taken from ${repair.path} and put as ${repair.to}.`
  return repair.kind === 'default'
    ? `Nothing stood there; ${JSON.stringify(repair.value)} is used.`
    : `“${repair.from}” was mapped to ${JSON.stringify(repair.to)}.`
}

function apply(item: JsonObject, repair: Repair, given: JsonObject): JsonObject {
  const path = repair.path.split('.')
  if (repair.kind === 'map')
    return changed(item, path, '', (value, at) => {
      if (value === undefined || value === null || typeof value === 'object' || String(value) !== repair.from)
        return value
      if (repair.to === value) return value
      note(given, at, value)
      return repair.to
    })
  if (repair.kind === 'default')
    return changed(item, path, '', (value, at) => {
      if (value !== undefined && value !== null && value !== '') return value
      if (value !== undefined) note(given, at, value)
      return repair.value
    })
  return renamed(item, path, repair.to.split('.'), given)
}

type Change = (value: Json | undefined, at: string) => Json | undefined

/** The holder with another value at the path; the same holder when nothing changes. */
function changed(holder: JsonObject, path: string[], at: string, change: Change): JsonObject {
  const [key = '', ...rest] = path
  const place = at === '' ? key : `${at}.${key}`
  const value = Object.hasOwn(holder, key) ? holder[key] : undefined
  const next = rest.length === 0 ? change(value, place) : inside(value, rest, place, change)
  if (next === value) return holder
  return next === undefined ? without(holder, key) : withKey(holder, key, next)
}

function inside(value: Json | undefined, rest: string[], place: string, change: Change): Json | undefined {
  if (Array.isArray(value)) {
    let touched = false
    const list = value.map((one, index) => {
      if (!isObject(one)) return one
      const next = changed(one, rest, `${place}.${index}`, change)
      touched ||= next !== one
      return next
    })
    return touched ? list : value
  }
  // A default makes room for itself; nothing else is invented.
  const holder = isObject(value) ? value : value === undefined || value === null ? {} : null
  if (holder === null) return value
  const next = changed(holder, rest, place, change)
  return next === holder ? value : next
}

/** Within one holder, lists included, or from one place of the item to another. */
function renamed(item: JsonObject, from: string[], to: string[], given: JsonObject): JsonObject {
  const parent = from.slice(0, -1).join('.')
  const [old = '', fresh = ''] = [from.at(-1), to.at(-1)]
  if (parent === to.slice(0, -1).join('.')) {
    const rename = (holder: JsonObject, at: string): JsonObject => {
      const value = Object.hasOwn(holder, old) ? holder[old] : undefined
      if (value === undefined || old === fresh || Object.hasOwn(holder, fresh)) return holder
      note(given, at === '' ? old : `${at}.${old}`, value)
      return withKey(without(holder, old), fresh, value)
    }
    if (parent === '') return rename(item, '')
    return changed(item, from.slice(0, -1), '', (value, at) => {
      if (Array.isArray(value)) {
        const list = value.map((one, index) => (isObject(one) ? rename(one, `${at}.${index}`) : one))
        return list.some((one, index) => one !== value[index]) ? list : value
      }
      return isObject(value) ? rename(value, at) : value
    })
  }
  let taken: Json | undefined
  const rest = changed(item, from, '', (value, at) => {
    if (value === undefined || value === null) return value
    taken = value
    note(given, at, value)
    return undefined
  })
  return taken === undefined ? item : changed(rest, to, '', (value) => value ?? taken)
}

function note(given: JsonObject, at: string, value: Json): void {
  Object.defineProperty(given, at, { value, enumerable: true, configurable: true, writable: true })
}

function withKey(holder: JsonObject, key: string, value: Json): JsonObject {
  const copy = { ...holder }
  // Keys come from outside: `__proto__` must become a field, never a prototype.
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
  return copy
}

function without(holder: JsonObject, key: string): JsonObject {
  const { [key]: _, ...rest } = holder
  return rest
}
