/** How much may wait or be on its way to the disk, in bytes, whatever the disk can do. */
const most = 64 * 1024 * 1024
/** So much may always wait: a disk that hesitates is waited for, because some senders never try again. */
const least = 4 * 1024 * 1024
/** Until it is known how fast the disk is. */
const atFirst = 8 * 1024 * 1024
/** Milliseconds from the whole request to its commit beyond which less is let in. */
const patience = 250
/** A turn of the event loop that lasted so long (ms) and took so many in has kept others waiting in their sockets. */
const longTurn = 250
const manyInTurn = 256

/** For a body that does not say how long it is. */
const usual = 16 * 1024
/** A body that takes longer (ms) comes from a slow sender: it no longer keeps the place of others. */
const prompt = 1000

/**
 * Who is let in. The queue is bounded by time: it holds what is committed within a quarter of a second, found out by how
 * long the oldest of each group has waited (as CoDel does, Nichols and Jacobson 2012); bodies on their way have their place
 * in it. What waits unseen in sockets is bounded by the length of a turn of the event loop.
 */
export type Admission = {
  /** A place for a body of so many bytes, asked for when its head is there. Null = refused. */
  expect(bytes: number | null): Expected | null
  /** Takes a request of so many bytes in, or refuses it. */
  take(bytes: number): boolean
  /** So many bytes have left; the oldest of them had waited so long (ms), null = it failed. */
  leave(bytes: number, waited: number | null): void
}

/** The place of a body on its way. */
export type Expected = {
  /** The body is there, or will never be. */
  over(): void
}

export function createAdmission(needs: {
  /** Milliseconds of a clock that only measures. */
  now(): number
  /** Calls back when the event loop has been through everything that was ready. */
  afterTurn(work: () => void): void
}): Admission {
  let held = 0
  let expected = 0
  const places = new Set<{ bytes: number; since: number }>()
  let room = atFirst
  let narrowed = Number.NEGATIVE_INFINITY
  let turnBegan: number | null = null
  let inTurn = 0

  const turn = (now: number): number => {
    if (turnBegan !== null) return now - turnBegan
    turnBegan = now
    inTurn = 0
    needs.afterTurn(() => {
      turnBegan = null
    })
    return 0
  }

  const free = (place: { bytes: number; since: number }) => {
    if (places.delete(place)) expected -= place.bytes
  }

  return {
    expect(bytes) {
      const now = needs.now()
      for (const place of places) {
        if (now - place.since <= prompt) break
        free(place)
      }
      if (held + expected >= room || (turn(now) > longTurn && inTurn > manyInTurn)) return null
      const place = { bytes: bytes ?? usual, since: now }
      places.add(place)
      expected += place.bytes
      inTurn++
      return { over: () => free(place) }
    },
    take(bytes) {
      if (held >= room || held + bytes > most) return false
      held += bytes
      return true
    },
    leave(bytes, waited) {
      held -= bytes
      if (waited === null) return
      const now = needs.now()
      if (waited <= patience) room = Math.min(most, room + bytes / 8)
      else if (now - narrowed > waited) {
        // Once per queue: those behind have waited for the same reason.
        narrowed = now
        room = Math.max(least, room * Math.max(0.5, patience / waited))
      }
    },
  }
}
