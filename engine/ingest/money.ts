import { type Json, type JsonObject, toMinor } from '@einklang/contract'
import type { Reason } from './item.ts'

const amounts = ['total', 'revenue', 'shipping', 'tax', 'discount', 'subtotal', 'value'] as const

export type MoneyResult = { minor: JsonObject | null; currency: string | null; flags: string[]; reasons: Reason[] }

const nothing: MoneyResult = { minor: null, currency: null, flags: [], reasons: [] }

/** Decimal numbers and decimal texts; null = not an amount. */
export function decimalOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || !/^\s*-?\d+(\.\d+)?\s*$/.test(value)) return null
  return Number(value)
}

/** Integer minor units beside the amounts as sent (spec ingest-wire §4); the amounts themselves stay untouched. */
export function moneyOf(properties: JsonObject, name: string | null, sourceCurrency: string): MoneyResult {
  const lines = Array.isArray(properties.products) ? properties.products : null
  const present = amounts.filter((field) => properties[field] !== undefined && properties[field] !== null)
  if (present.length === 0 && lines === null) return nothing
  const flags: string[] = []
  const currency = currencyOf(properties.currency, sourceCurrency, flags)
  if (currency === null) {
    return {
      ...nothing,
      reasons: [
        {
          code: 'currency_unknown',
          path: 'properties.currency',
          message: `“${String(properties.currency)}” is no currency code (ISO 4217).`,
        },
      ],
    }
  }
  const minor: JsonObject = {}
  const reader = amountReader(currency, flags)
  for (const field of present) {
    const amount = reader(properties[field])
    if (amount !== null) minor[field] = amount
  }
  if (lines) minor.lines = lines.map((line) => lineOf(line, reader))
  const total = minor.total ?? minor.revenue
  if (name === 'Order Completed' && typeof total === 'number' && total < 0) {
    return {
      ...nothing,
      reasons: [
        {
          code: 'money_sign',
          path: 'properties.total',
          message: 'A negative total belongs to a refund or cancellation.',
        },
      ],
    }
  }
  if (name === 'Order Completed' && lines && mismatched(minor)) flags.push('total_mismatch')
  return { minor, currency, flags, reasons: [] }
}

function currencyOf(given: Json | undefined, fallback: string, flags: string[]): string | null {
  if (given === undefined || given === null || given === '') {
    flags.push('currency_assumed')
    return fallback
  }
  if (typeof given !== 'string') return null
  if (/^[A-Z]{3}$/.test(given)) return given
  const upper = given.trim().toUpperCase()
  return /^[A-Z]{3}$/.test(upper) ? upper : null
}

function amountReader(currency: string, flags: string[]): (value: Json | undefined) => number | null {
  return (value) => {
    const decimal = decimalOf(value)
    if (decimal === null) return null
    const { amount, exact } = toMinor(decimal, currency)
    if (!exact && !flags.includes('rounded')) flags.push('rounded')
    return Number.isSafeInteger(amount) ? amount : null
  }
}

function lineOf(line: Json, reader: (value: Json | undefined) => number | null): JsonObject {
  if (line === null || typeof line !== 'object' || Array.isArray(line)) return { price: null, total: null }
  const price = reader(line.price)
  const given = reader(line.total)
  const quantity = decimalOf(line.quantity) ?? 1
  return { price, total: given ?? (price === null ? null : Math.round(price * quantity)) }
}

/** Shops put discount, shipping and tax into the total or not; flagged only when no usual reading comes within 1 %. */
function mismatched(minor: JsonObject): boolean {
  const total = minor.total
  const lines = minor.lines as JsonObject[]
  if (typeof total !== 'number' || lines.length === 0 || lines.some((line) => typeof line.total !== 'number'))
    return false
  const sum = lines.reduce((whole, line) => whole + (line.total as number), 0)
  const part = (field: string) => (typeof minor[field] === 'number' ? (minor[field] as number) : 0)
  const readings = [0, part('shipping')].flatMap((shipping) =>
    [0, part('discount')].flatMap((discount) => [0, part('tax')].map((tax) => sum + shipping - discount + tax)),
  )
  return !readings.some((reading) => Math.abs(reading - total) <= Math.max(1, Math.abs(total) * 0.01))
}
