import type { ImportMapping } from '@einklang/contract'
import { readInstant } from '../time.ts'

/** How the texts of one file are read. */
export type CellReader = {
  /** ISO 8601 in UTC; undefined = there, but no instant. */
  instant(text: string): string | undefined
  /** `yyyy-mm-dd`. */
  day(text: string): string | undefined
  decimal(text: string): number | undefined
}

export function cellReader(mapping: ImportMapping, timeZone: string): CellReader {
  const zone = zoneOffsets(mapping.timeZone ?? timeZone)
  return {
    instant(text) {
      const german = germanInstant(text)
      if (german) return local(german, zone)
      const iso = isoLocal(text)
      if (iso) return local(iso, zone)
      const instant = readInstant(text)
      return instant ? new Date(instant.at).toISOString() : undefined
    },
    day(text) {
      const parts = germanInstant(text) ?? isoLocal(text)
      if (parts) return new Date(parts.at).toISOString().slice(0, 10)
      const instant = readInstant(text)
      return instant ? new Date(instant.at).toISOString().slice(0, 10) : undefined
    },
    decimal: (text) => decimal(text, mapping.decimal),
  }
}

type Local = { at: number }

const germanPattern = /^(\d{1,2})\.(\d{1,2})\.(\d{2}|\d{4})(?:[ T,]+(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?Uhr)?)?$/

/** `31.12.2025 14:05` as if it were UTC; two-digit years belong to this century up to 2069. */
function germanInstant(text: string): Local | null {
  const match = germanPattern.exec(text)
  if (!match) return null
  const short = (match[3] as string).length === 2
  const year = Number(match[3]) + (short ? (Number(match[3]) < 70 ? 2000 : 1900) : 0)
  return checked(
    year,
    Number(match[2]),
    Number(match[1]),
    Number(match[4] ?? 0),
    Number(match[5] ?? 0),
    Number(match[6] ?? 0),
    0,
  )
}

const isoPattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,3})\d*)?)?)?$/

/** ISO without a zone: the file's zone decides. */
function isoLocal(text: string): Local | null {
  const match = isoPattern.exec(text)
  if (!match) return null
  const milliseconds = match[7] ? Number(match[7].padEnd(3, '0')) : 0
  const [, year, month, day, hour, minute, second] = match
  return checked(
    Number(year),
    Number(month),
    Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
    milliseconds,
  )
}

function checked(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
): Local | null {
  if (hour > 23 || minute > 59 || second > 60) return null
  const at = Date.UTC(year, month - 1, day, hour, minute, second, ms)
  const date = new Date(at)
  return date.getUTCDate() === day && date.getUTCMonth() === month - 1 ? { at } : null
}

function local(parts: Local, offsetAt: (utc: number) => number): string {
  // Twice, because the offset belongs to the instant that is only known afterwards; at the autumn change the
  // earlier reading stands.
  const first = parts.at - offsetAt(parts.at)
  return new Date(parts.at - offsetAt(first)).toISOString()
}

const zones = new Map<string, (utc: number) => number>()

/** Offset of a zone in ms for an instant; every file of the zone shares what was found out. */
function zoneOffsets(zone: string): (utc: number) => number {
  const known = zones.get(zone)
  if (known) return known
  const made = offsetsByDay(offsetsByHour(zone))
  zones.set(zone, made)
  return made
}

/** Asking costs much, so whole days are remembered; only the hours of a day on which the offset changes are asked for. */
function offsetsByDay(byHour: (utc: number) => number): (utc: number) => number {
  const known = new Map<number, number | null>()
  return (utc) => {
    const day = Math.floor(utc / 86_400_000)
    let offset = known.get(day)
    if (offset === undefined) {
      const start = byHour(day * 86_400_000)
      offset = start === byHour((day + 1) * 86_400_000) ? start : null
      if (known.size < 200_000) known.set(day, offset)
    }
    return offset ?? byHour(utc)
  }
}

function offsetsByHour(zone: string): (utc: number) => number {
  if (zone === 'UTC') return () => 0
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (utc) => {
    const hour = Math.floor(utc / 3_600_000)
    const parts = Object.fromEntries(
      format.formatToParts(hour * 3_600_000).map((part) => [part.type, Number(part.value)]),
    )
    const wall = Date.UTC(
      parts.year as number,
      (parts.month as number) - 1,
      parts.day as number,
      parts.hour as number,
      parts.minute as number,
      parts.second as number,
    )
    return wall - hour * 3_600_000
  }
}

/** `1.234,50`, `1,234.50`, `12,5`, `€ 19.99`, `-3`; the mapping decides where a single separator could mean both. */
function decimal(text: string, separator: '.' | ',' | undefined): number | undefined {
  const quick = plainDecimal(text, separator)
  if (quick !== undefined) return quick
  const bare = text.replaceAll(/[\s\u00a0€$'’]|EUR/g, '')
  if (!/^[+-]?[\d.,]*\d[\d.,]*-?$/.test(bare)) return undefined
  const negative = bare.startsWith('-') || bare.endsWith('-')
  const digits = bare.replaceAll(/[+-]/g, '')
  const comma = digits.lastIndexOf(',')
  const point = digits.lastIndexOf('.')
  const mark = separator ?? (comma > point ? ',' : '.')
  const other = mark === ',' ? '.' : ','
  const plain = digits.replaceAll(other, '').replace(mark, '.')
  if (plain.includes(',') || plain.indexOf('.') !== plain.lastIndexOf('.')) return undefined
  const value = Number(plain)
  return Number.isFinite(value) ? (negative ? -value : value) : undefined
}

/** `49,95`, `-3`, `12.5`: digits with at most one mark, as nearly every cell has them, without regular expressions. */
function plainDecimal(text: string, separator: '.' | ',' | undefined): number | undefined {
  const length = text.length
  if (length === 0 || length > 15) return undefined
  let at = text.charCodeAt(0) === 45 ? 1 : 0
  const negative = at === 1
  let whole = 0
  let parts = 1
  let mark = 0
  let digits = 0
  for (; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) {
      whole = whole * 10 + code - 48
      digits++
      if (mark !== 0) parts *= 10
    } else if ((code === 44 || code === 46) && mark === 0 && digits > 0) mark = code
    else return undefined
  }
  if (digits === 0 || (mark !== 0 && parts === 1)) return undefined
  if (mark !== 0 && separator !== undefined && mark !== separator.charCodeAt(0)) return undefined
  // Both are exact integers below 2^53, and a division rounds once: the nearest number to what stands there.
  const value = whole / parts
  return negative && value !== 0 ? -value : value
}
