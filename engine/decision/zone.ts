const formats = new Map<string, Intl.DateTimeFormat>()

type Local = { year: number; month: number; day: number; hour: number; minute: number; second: number }

/** Is this a time zone the runtime knows? */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

/** The wall clock of a zone at an instant. */
export function localIn(zone: string, instant: Date): Local {
  const local: Local = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
  for (const part of formatOf(zone).formatToParts(instant)) {
    if (part.type in local) local[part.type as keyof Local] = Number(part.value)
  }
  return local
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  formats.set(zone, format)
  return format
}

function offsetAt(zone: string, instant: number): number {
  const local = localIn(zone, new Date(instant))
  const asUtc = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second)
  return asUtc - Math.floor(instant / 1000) * 1000
}

const day = 86_400_000

/**
 * The instant of a wall-clock time. A time that does not exist (spring) moves forward by the gap; of a time that
 * occurs twice (autumn) `which` picks the first or the last.
 */
export function instantIn(zone: string, wallClockAsUtc: number, which: 'first' | 'last'): Date {
  const before = offsetAt(zone, wallClockAsUtc - day)
  const after = offsetAt(zone, wallClockAsUtc + day)
  const fits = [...new Set([before, after])]
    .map((offset) => ({ offset, instant: wallClockAsUtc - offset }))
    .filter(({ offset, instant }) => offsetAt(zone, instant) === offset)
    .map(({ instant }) => instant)
  if (fits.length === 0) return new Date(wallClockAsUtc - before)
  return new Date(which === 'first' ? Math.min(...fits) : Math.max(...fits))
}

function minutesOf(clockTime: string): number {
  const [hours = '0', minutes = '0'] = clockTime.split(':')
  return Number(hours) * 60 + Number(minutes)
}

/**
 * The first instant at or after `at` inside the allowed hours of the zone; `from` later than `until` crosses
 * midnight. Quiet time starts at the first and ends at the last of a doubled hour.
 */
export function nextAllowed(hours: { zone: string; from: string; until: string }, at: Date): Date {
  const from = minutesOf(hours.from)
  const until = minutesOf(hours.until)
  const length = until > from ? 0 : 1
  const today = localIn(hours.zone, at)
  for (let shift = -1; shift <= 2; shift++) {
    const midnight = Date.UTC(today.year, today.month - 1, today.day + shift)
    const opens = instantIn(hours.zone, midnight + from * 60_000, 'last')
    const closes = instantIn(hours.zone, midnight + length * day + until * 60_000, 'first')
    if (at < closes) return at < opens ? opens : at
  }
  return at
}
