import type { Json } from '@einklang/contract'
import { isObject } from '../dialects/dialect.ts'

/** Fields that say what happened, never to whom: shown as they are. */
const plain = new Set([
  'type',
  'event',
  'kind',
  'currency',
  'timestamp',
  'originalTimestamp',
  'sentAt',
  'receivedAt',
  'at',
  'total',
  'revenue',
  'shipping',
  'tax',
  'discount',
  'price',
  'quantity',
  'sku',
  'product_id',
  'gtin',
  'affiliation',
  'place',
  'channel',
  'library',
  'version',
  'specversion',
  'categoryPreferences',
])

/** `Ada Lange` → `A•• L••••`: the shape stays, the person does not; short words say nothing at all. */
export function maskedText(text: string): string {
  const short = text.slice(0, 80)
  const masked = short.replaceAll(/[\p{L}\p{N}]+/gu, (word) => {
    const [first = '', ...rest] = word
    return rest.length < 2 ? '•'.repeat(rest.length + 1) : first + '•'.repeat(rest.length)
  })
  return text.length > 80 ? `${masked}…` : masked
}

/** The item with its shape and without what could tell a person; fields named in `plain` and what they hold stay. */
export function masked(value: Json, shown = false, depth = 0): Json {
  if (typeof value === 'string') return shown ? value.slice(0, 200) : maskedText(value)
  if (typeof value === 'number') return shown || Math.abs(value) < 1000 ? value : maskedText(String(value))
  if (value === null || typeof value !== 'object') return value
  if (depth > 8) return '…'
  if (Array.isArray(value)) return value.slice(0, 20).map((one) => masked(one, shown, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 100)
      .map(([key, held]) => [key.slice(0, 100), masked(held, shown || plain.has(key), depth + 1)]),
  )
}

/** The texts at a dotted place, lists walked element by element. */
export function textsAt(value: Json | undefined, path: string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => textsAt(one, path))
  const [key, ...rest] = path
  if (key === undefined)
    return value === undefined || value === null ? [''] : typeof value === 'object' ? [] : [String(value)]
  if (!isObject(value)) return rest.length === 0 ? [''] : []
  return textsAt(Object.hasOwn(value, key) ? value[key] : undefined, rest)
}
