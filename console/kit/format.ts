import { formatMoney, type Money, minorDigits } from '@einklang/contract'
import { createContext, useContext } from 'react'

/** How numbers, money and instants look for one reader. */
export type Format = {
  locale: string
  count(value: number): string
  decimal(value: number, digits?: number): string
  percent(share: number, digits?: number): string
  money(amount: number, currency: string): string
  moneyOf(value: Money): string
  /** An estimate, which has no cents: 12.346 €. */
  wholeMoney(amount: number, currency: string): string
  /** 12 345,67 € → 12.3k € where a chart axis has no room. */
  shortMoney(amount: number, currency: string): string
  short(value: number): string
  date(instant: string | Date): string
  dateTime(instant: string | Date): string
  time(instant: string | Date): string
  weekday(instant: string | Date): string
  ago(instant: string | Date, now: Date): string
  duration(seconds: number): string
  list(words: string[]): string
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** Formats for a language; the region follows it (German shows 31.12.2025 and 1.234,56 €). */
export function createFormat(language: string, timeZone?: string): Format {
  const locale = language === 'en' ? 'en-GB' : language === 'de' ? 'de-DE' : language
  const zone = timeZone === undefined ? {} : { timeZone }
  const counts = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
  const shorts = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 })
  const dates = new Intl.DateTimeFormat(locale, { year: 'numeric', month: '2-digit', day: '2-digit', ...zone })
  const dateTimes = new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    ...zone,
  })
  const times = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', ...zone })
  const weekdays = new Intl.DateTimeFormat(locale, { weekday: 'short', day: '2-digit', month: '2-digit', ...zone })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const lists = new Intl.ListFormat(locale, { type: 'conjunction' })

  const numbers = new Map<string, Intl.NumberFormat>()
  const numberFormat = (options: Intl.NumberFormatOptions): Intl.NumberFormat => {
    const key = JSON.stringify(options)
    const known = numbers.get(key) ?? new Intl.NumberFormat(locale, options)
    numbers.set(key, known)
    return known
  }

  const instantOf = (value: string | Date): Date => (typeof value === 'string' ? new Date(value) : value)
  const safely =
    (show: (value: Date) => string) =>
    (value: string | Date): string => {
      const instant = instantOf(value)
      return Number.isNaN(instant.getTime()) ? String(value) : show(instant)
    }

  const format: Format = {
    locale,
    count: (value) => counts.format(value),
    decimal: (value, digits = 2) =>
      numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value),
    percent: (share, digits = 1) => numberFormat({ style: 'percent', maximumFractionDigits: digits }).format(share),
    money: (amount, currency) => formatMoney({ amount, currency }, locale),
    moneyOf: (value) => formatMoney(value, locale),
    wholeMoney: (amount, currency) =>
      numberFormat({ style: 'currency', currency, maximumFractionDigits: 0 }).format(
        amount / 10 ** minorDigits(currency),
      ),
    shortMoney: (amount, currency) =>
      numberFormat({
        style: 'currency',
        currency,
        notation: 'compact',
        maximumFractionDigits: 1,
      }).format(amount / 10 ** minorDigits(currency)),
    short: (value) => shorts.format(value),
    date: safely((value) => dates.format(value)),
    dateTime: safely((value) => dateTimes.format(value)),
    time: safely((value) => times.format(value)),
    weekday: safely((value) => weekdays.format(value)),
    ago(value, now) {
      const seconds = (instantOf(value).getTime() - now.getTime()) / 1000
      for (const [unit, size] of units) {
        if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit)
      }
      return relative.format(0, 'second')
    },
    duration(seconds) {
      for (const [unit, size] of units) {
        if (Math.abs(seconds) >= size) {
          const value = seconds / size
          return numberFormat({
            style: 'unit',
            unit,
            unitDisplay: 'long',
            maximumFractionDigits: value < 10 ? 1 : 0,
          }).format(value)
        }
      }
      return numberFormat({
        style: 'unit',
        unit: 'second',
        unitDisplay: 'long',
        maximumFractionDigits: 0,
      }).format(seconds)
    },
    list: (words) => lists.format(words),
  }
  return format
}

/** Building formats costs a millisecond; every cell of a table asks for them. */
const made = new Map<string, Format>()

export const LanguageContext = createContext('en')

/** The formats of the reader's language. */
export function useFormat(): Format {
  const language = useContext(LanguageContext)
  const known = made.get(language) ?? createFormat(language)
  made.set(language, known)
  return known
}
