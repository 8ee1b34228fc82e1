/** Where the present comes from. Product code never reads the machine's clock by itself. */
export type Clock = { now(): Date }

export const systemClock: Clock = { now: () => new Date() }

export type FixedClock = Clock & {
  advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number }): void
  set(instant: Date): void
}

/** A clock that stands still until told. Tests hand it to SQL with `database.followClock` (see testing). */
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
