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
          values: { value: String(properties.currency) },
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
  return { minor, currency, flags, reasons: [] }
}

const currencies = new Set(Intl.supportedValuesOf('currency'))
const signs: { [sign: string]: string } = {
  '€': 'EUR',
  EURO: 'EUR',
  'SFR.': 'CHF',
  SFR: 'CHF',
  FR: 'CHF',
  '£': 'GBP',
  '₫': 'VND',
}

/** The ISO 4217 code; what is written otherwise but clearly is read. Null = no currency. */
function currencyOf(given: Json | undefined, fallback: string, flags: string[]): string | null {
  if (given === undefined || given === null || given === '') {
    flags.push('currency_assumed')
    return fallback
  }
  if (typeof given !== 'string' || given.length > 20) return null
  if (currencies.has(given)) return given
  const upper = given.trim().toUpperCase()
  const code = currencies.has(upper) ? upper : Object.hasOwn(signs, upper) ? (signs[upper] as string) : null
  if (code !== null) flags.push('currency_read')
  return code
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
