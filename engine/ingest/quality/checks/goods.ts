import type { Json } from '@einklang/contract'
import type { Check } from '../finding.ts'
import type { Subject } from '../subject.ts'

/** What an event refers to; each reference is known when one of its values is. */
export type Reference = { kind: 'sku' | 'store'; path: string; values: string[] }

const noReferences: Reference[] = []

/** Orders and receipts name articles and a store; what is only looked at needs no reference. */
export function referencesOf(subject: Subject): Reference[] {
  if (!subject.isOrder) return noReferences
  const found: Reference[] = []
  for (const { path, line } of subject.lines) {
    const values = [text(line.sku), text(line.product_id)].filter((value) => value !== '')
    if (values.length > 0)
      found.push({ kind: 'sku', path: `${path}.${line.sku === undefined ? 'product_id' : 'sku'}`, values })
  }
  const { affiliation, place } = subject.event.properties
  const store = text(affiliation) || text(place)
  if (store !== '')
    found.push({
      kind: 'store',
      path: affiliation === undefined ? 'properties.place' : 'properties.affiliation',
      values: [store],
    })
  return found
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}

export const goodsChecks: Check[] = []
