const minute = 60_000
const year = 365.25 * 86_400_000

export type ClockFacts = {
  /** When the bytes arrived, ms. */
  receivedAt: number
  original: unknown
  sent: unknown
  /** How far back an item may lie, in days. */
  oldestDays: number
}

export type CorrectedTime = {
  at: number
  original: number | null
  sent: number | null
  flags: string[]
  tooOld: boolean
}

const isoPattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i

export type ReadInstant = { at: number; zoneMissing: boolean } | null

/** Reads ISO 8601, RFC 2822 with a zone, epoch seconds (10 digits) and milliseconds (13); null = unreadable. */
export function readInstant(given: unknown): ReadInstant {
  if (typeof given === 'number') return epoch(given)
  if (typeof given !== 'string') return null
  const canonical = canonicalInstant(given)
  if (canonical !== null) return canonical
  const text = given.trim()
  if (/^\d{10}(\.\d+)?$|^\d{13}$/.test(text)) return epoch(Number(text))
  const match = isoPattern.exec(text)
  if (match) {
    const zone = match[8]
    const at = Date.UTC(
      Number(match[1]),
      Number(match[2]) - 1,
      Number(match[3]),
      Number(match[4] ?? 0),
      Number(match[5] ?? 0),
      Number(match[6] ?? 0),
      match[7] ? Math.trunc(Number(`0.${match[7]}`) * 1000 + 1e-6) : 0,
    )
    if (!possible(match, at)) return null
    return { at: at - offsetOf(zone), zoneMissing: zone === undefined }
  }
  // Only texts that name their zone: the machine's own zone must never decide.
  if (!/(GMT|UTC|[+-]\d{4})\)?$/.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : { at, zoneMissing: false }
}

/** `2026-03-02T09:00:00.000Z`, as nearly every client writes it, without regular expressions. */
function canonicalInstant(text: string): ReadInstant {
  if (text.length !== 24 || text[23] !== 'Z' || text[10] !== 'T' || text[19] !== '.') return null
  const at = Date.parse(text)
  // Date.parse rolls 31 February over; such days take the strict way.
  return Number.isNaN(at) || Number(text.slice(8, 10)) > 28 ? null : { at, zoneMissing: false }
}

function epoch(value: number): ReadInstant {
  if (!Number.isFinite(value) || value < 1e8) return null
  if (value < 1e11) return { at: Math.round(value * 1000), zoneMissing: false }
  return value < 1e14 ? { at: Math.trunc(value), zoneMissing: false } : null
}

/** 31 February would roll over into March silently. */
function possible(match: RegExpExecArray, at: number): boolean {
  const date = new Date(at)
  return (
    date.getUTCMonth() === Number(match[2]) - 1 &&
    date.getUTCDate() === Number(match[3]) &&
    Number(match[4] ?? 0) < 24 &&
    Number(match[5] ?? 0) < 60
  )
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0
  const digits = zone.slice(1).replace(':', '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0)
  return (zone.startsWith('-') ? -minutes : minutes) * minute
}

/**
 * The moment something happened, freed from a wrong client clock: received − (sent − original).
 * Shifting a client's whole clock changes nothing (Segment's rule; cases in spec ingest-wire §2.1).
 */
export function correctTime(facts: ClockFacts): CorrectedTime {
  const flags: string[] = []
  const original = read(facts.original, flags)
  const sent = read(facts.sent, flags)
  let at = facts.receivedAt
  if (original !== null && sent === null) at = original
  else if (original !== null && sent !== null && sent < original) {
    at = Math.min(original, facts.receivedAt)
    flags.push('time_order')
  } else if (original !== null && sent !== null) at = facts.receivedAt - (sent - original)
  if (at > facts.receivedAt + 10 * minute) {
    at = facts.receivedAt
    flags.push('future_time')
  }
  return { at, original, sent, flags, tooOld: at < facts.receivedAt - (facts.oldestDays / 365.25) * year }
}

function read(given: unknown, flags: string[]): number | null {
  if (given === undefined || given === null || given === '') return null
  const instant = readInstant(given)
  if (instant === null) {
    if (!flags.includes('bad_time')) flags.push('bad_time')
    return null
  }
  if (instant.zoneMissing && !flags.includes('zone_missing')) flags.push('zone_missing')
  return instant.at
}
