/** Where the present comes from. Product code never reads the machine's clock by itself. */
export type Clock = { now(): Date }

export const systemClock: Clock = { now: () => new Date() }

/** The calendar day at an instant where the time zone holds: `2026-03-02`. */
export function dayIn(instant: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(instant)
}

export type FixedClock = Clock & {
  advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number }): void
  set(instant: Date): void
}

/** A clock that stands still until told. `testGround` makes it reach SQL too. */
export function fixedClock(start: string): FixedClock {
  let instant = new Date(start)
  return {
    now: () => new Date(instant),
    advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }) {
      instant = new Date(instant.getTime() + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
    },
    set(next) {
      instant = new Date(next)
    },
  }
}

/**
 * Rings once after real time has passed, whatever the clock says: for limits on running work (a worker, a request), never
 * for business time. Returns what silences it. `background` does not keep the process alive.
 */
export function alarm(milliseconds: number, ring: () => void, options: { background?: boolean } = {}): () => void {
  const timer = setTimeout(ring, milliseconds)
  if (options.background) timer.unref()
  return () => clearTimeout(timer)
}
