import { type Json, type JsonObject, minorDigits } from '@einklang/contract'
import { isObject } from '../../dialects/dialect.ts'
import { decimalOf } from '../../money.ts'
import { type Check, type Found, nothing } from '../finding.ts'
import type { Subject } from '../subject.ts'

/** What an event refers to; a reference is known when one of its values is. */
type Reference = { kind: 'sku' | 'store'; path: string; values: string[] }

const noReferences: Reference[] = []

/** Orders and receipts name articles and a store; what is only looked at needs no reference. */
export function referencesOf(subject: Subject): Reference[] {
  if (!subject.isOrder) return noReferences
  const found: Reference[] = []
  for (const { path, line } of subject.lines) {
    const values = [text(line.sku), text(line.product_id), text(line.gtin)].filter((value) => value !== '')
    if (values.length > 0)
      found.push({ kind: 'sku', path: `${path}.${line.sku === undefined ? 'product_id' : 'sku'}`, values })
  }
  const { affiliation, place } = subject.event.properties
  const store = text(affiliation) || text(place)
  if (store !== '' && subject.event.channel === 'store')
    found.push({
      kind: 'store',
      path: affiliation === undefined ? 'properties.place' : 'properties.affiliation',
      values: [store],
    })
  return found
}

/** History is not held to today's list: what was sold then may be sold no more. */
const youngDays = 30

function unknown(
  code: 'goods.product' | 'goods.store',
  kind: Reference['kind'],
  message: (value: string) => string,
): Check {
  return {
    code,
    actions: ['quarantine', 'flag'],
    reason: 'unknown_reference',
    find(subject, facts) {
      if (!subject.isOrder) return nothing
      let found: Found[] | null = null
      for (const reference of referencesOf(subject)) {
        if (reference.kind !== kind) continue
        // Null = nobody keeps such a list: nothing can be unknown.
        const answers = reference.values.map((value) => facts.knows(kind, value))
        if (answers.some((known) => known !== false)) continue
        const old = facts.receivedAt - Date.parse(subject.event.at) > youngDays * 86_400_000
        found = [
          ...(found ?? []),
          {
            path: reference.path,
            message: message(reference.values[0] as string),
            values: { value: (reference.values[0] as string).slice(0, 60) },
            ...(old ? { action: 'flag' as const, fixed: true } : {}),
          },
        ]
      }
      return found ?? nothing
    },
  }
}

const sums = ['total', 'revenue'] as const

/** How far the total is from the nearest usual reading of its lines, in minor units; null = cannot be told. */
function deviationOf(minor: JsonObject): { off: number; of: number } | null {
  const total = sums.map((name) => minor[name]).find((amount) => typeof amount === 'number')
  const lines = minor.lines
  if (typeof total !== 'number' || !Array.isArray(lines) || lines.length === 0) return null
  let sum = 0
  for (const line of lines) {
    if (!isObject(line) || typeof line.total !== 'number') return null
    sum += line.total
  }
  const part = (name: string) => (typeof minor[name] === 'number' ? (minor[name] as number) : 0)
  // Shops put discount, shipping and tax into the total or not.
  let off = Number.POSITIVE_INFINITY
  for (const shipping of [0, part('shipping')])
    for (const discount of [0, part('discount')])
      for (const tax of [0, part('tax'), -part('tax')])
        off = Math.min(off, Math.abs(sum + shipping - discount + tax - total))
  return { off, of: Math.abs(total) }
}

const total: Check = {
  code: 'money.total',
  actions: ['quarantine', 'flag'],
  reason: 'money_mismatch',
  find({ event }) {
    if (event.name !== 'Order Completed' || !isObject(event.properties.minor)) return nothing
    const deviation = deviationOf(event.properties.minor)
    if (deviation === null || deviation.off <= 1) return nothing
    if (deviation.off <= Math.max(1, deviation.of * 0.01))
      return [
        {
          path: 'properties.total',
          action: 'flag',
          fixed: true,
          message: 'Total and lines differ by at most 1 %; rounding or a fee that is not sent.',
        },
      ]
    return [
      {
        path: 'properties.total',
        message: 'Total and lines differ by more than 1 %. Send discount, shipping and tax, or correct the amounts.',
      },
    ]
  },
}

const sign: Check = {
  code: 'money.sign',
  actions: ['quarantine', 'flag'],
  reason: 'money_sign',
  find(subject) {
    if (subject.event.name !== 'Order Completed') return nothing
    for (const { path, line } of subject.lines) {
      const price = decimalOf(line.price)
      if (price !== null && price < 0 && (decimalOf(line.quantity) ?? 1) > 0)
        return [
          {
            path: `${path}.price`,
            action: 'flag',
            fixed: true,
            message: 'A negative price in a sale: send discounts as discount and returns as Order Refunded.',
          },
        ]
    }
    return nothing
  },
}

/** Rates in percent by country; the last entry whose day has come holds. */
const vatRates: { [country: string]: { from: string; rates: number[] }[] } = {
  DE: [
    { from: '2007-01-01', rates: [19, 7, 0] },
    { from: '2020-07-01', rates: [16, 5, 0] },
    { from: '2021-01-01', rates: [19, 7, 0] },
  ],
  AT: [{ from: '2016-01-01', rates: [20, 13, 10, 0, 19, 5] }],
  CH: [
    { from: '2018-01-01', rates: [7.7, 3.7, 2.5, 0] },
    { from: '2024-01-01', rates: [8.1, 3.8, 2.6, 0] },
  ],
  IT: [{ from: '2013-10-01', rates: [22, 10, 5, 4, 0] }],
}

const vat: Check = {
  code: 'money.vat',
  actions: ['flag', 'quarantine'],
  find(subject, facts) {
    if (!subject.isOrder) return nothing
    const rules = vatRates[facts.source.country]?.findLast(({ from }) => from <= subject.event.at)
    if (rules === undefined) return nothing
    let found: Found[] | null = null
    for (const { path, line } of subject.lines) {
      const name = line.vat_rate === undefined ? 'tax_rate' : 'vat_rate'
      const given = decimalOf(line[name])
      if (given === null) continue
      const percent = Math.abs(given) > 0 && Math.abs(given) < 1 ? Math.round(given * 10_000) / 100 : given
      if (!rules.rates.includes(percent))
        found = [
          ...(found ?? []),
          {
            path: `${path}.${name}`,
            message: `${percent} % is no rate of VAT in ${facts.source.country} on that day.`,
          },
        ]
    }
    return found ?? nothing
  },
}

const outlier: Check = {
  code: 'money.outlier',
  actions: ['flag', 'quarantine'],
  find(subject, facts) {
    if (subject.event.name !== 'Order Completed') return nothing
    const digits = minorDigits(text(subject.event.properties.currency) || facts.source.currency)
    let found: Found[] | null = null
    for (const { path, line } of subject.lines) {
      const price = decimalOf(line.price)
      if (price === null) continue
      const minor = Math.round(price * 10 ** digits)
      const usual = facts.price(text(line.sku) || text(line.product_id))
      const odd =
        minor === 1 || (usual !== null && usual > 0 && minor > 0 && (minor > usual * 10 || minor * 10 < usual))
      if (odd)
        found = [
          ...(found ?? []),
          {
            path: `${path}.price`,
            message: 'The price is the smallest there is, or ten times off what the article usually costs.',
          },
        ]
    }
    return found ?? nothing
  },
}

const mostPieces = 1000

const quantity: Check = {
  code: 'goods.quantity',
  actions: ['flag', 'quarantine'],
  find(subject) {
    if (!subject.isOrder) return nothing
    const refund = subject.event.name === 'Order Refunded'
    let found: Found[] | null = null
    for (const { path, line } of subject.lines) {
      if (line.quantity === undefined || line.quantity === null) continue
      const given = decimalOf(line.quantity)
      const pieces = given === null ? Number.NaN : refund ? Math.abs(given) : given
      const weighed = typeof line.unit === 'string' && /^(?:kg|g|l|ml|m|cm|m2|m²)$/i.test(line.unit)
      if (pieces > 0 && pieces <= mostPieces && (weighed || Number.isInteger(pieces))) continue
      found = [
        ...(found ?? []),
        {
          path: `${path}.quantity`,
          message: `A quantity is a whole number from 1 to ${mostPieces}, or names its unit of weight.`,
        },
      ]
    }
    return found ?? nothing
  },
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}

const gtin: Check = {
  code: 'goods.gtin',
  actions: ['flag', 'quarantine'],
  find(subject, facts) {
    if (!subject.isOrder) return nothing
    let found: Found[] | null = null
    for (const { path, line } of subject.lines) {
      const name = line.gtin === undefined ? 'ean' : 'gtin'
      const given = text(line[name])
      const known = given === '' ? null : facts.gtin(text(line.sku) || text(line.product_id))
      // A GTIN-8, 12 or 13 is the GTIN-14 without its leading zeros.
      if (known === null || known.padStart(14, '0') === given.padStart(14, '0')) continue
      const message = 'The GTIN belongs to another article than the SKU; the SKU counts.'
      found = [...(found ?? []), { path: `${path}.${name}`, message }]
    }
    return found ?? nothing
  },
}

export const goodsChecks: Check[] = [
  gtin,
  total,
  sign,
  vat,
  outlier,
  quantity,
  unknown(
    'goods.product',
    'sku',
    (value) => `The article ${value.slice(0, 60)} is not known yet. Import it; the item is tried again by itself.`,
  ),
  unknown(
    'goods.store',
    'store',
    (value) => `The store ${value.slice(0, 60)} is not known yet. Import it; the item is tried again by itself.`,
  ),
]
