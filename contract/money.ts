import { z } from 'zod'

/** An amount in integer minor units (cents) of an ISO 4217 currency. 12.34 € is `{ amount: 1234, currency: 'EUR' }`. */
export type Money = { amount: number; currency: string }

export const currency = z.string().regex(/^[A-Z]{3}$/, 'is not an ISO 4217 currency code')
export const money: z.ZodType<Money> = z.object({ amount: z.int(), currency })

const digitsOf: Record<string, number> = {
  BHD: 3,
  CLP: 0,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KRW: 0,
  KWD: 3,
  OMR: 3,
  TND: 3,
  VND: 0,
}

/** Number of minor-unit digits of a currency by ISO 4217 (2 unless listed). */
export function minorDigits(code: string): number {
  return digitsOf[code] ?? 2
}

/** Minor units of a decimal amount, half-even; `exact` says whether nothing was rounded away. */
export function toMinor(decimal: number, code: string): { amount: number; exact: boolean } {
  // Adding the exponent to the decimal text avoids the binary error of 19.99 * 100.
  const scaled = Number(`${decimal}e${minorDigits(code)}`)
  const value = Number.isFinite(scaled) ? scaled : decimal * 10 ** minorDigits(code)
  const floor = Math.floor(value)
  const rest = value - floor
  const amount = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
  return { amount, exact: rest === 0 }
}

/** `1234, 'EUR', 'de'` → `12,34 €`. */
export function formatMoney(value: Money, locale: string): string {
  return moneyFormat(locale, value.currency).format(value.amount / 10 ** minorDigits(value.currency))
}

/** Making a format costs as much as using it a hundred times. */
const formats = new Map<string, Intl.NumberFormat>()

function moneyFormat(locale: string, code: string): Intl.NumberFormat {
  const key = `${locale} ${code}`
  const format = formats.get(key) ?? new Intl.NumberFormat(locale, { style: 'currency', currency: code })
  if (formats.size < 500) formats.set(key, format)
  return format
}
