import type { Listen } from './database.ts'
import { Outage } from './failure.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Loop } from './stage.ts'

/**
 * Runs the hot loops beside each other: again at once while busy, else after a pause or when its channel is
 * notified. A failed turn is logged and tried again later with growing pauses; one loop never stops another.
 */
export async function runLoops(needs: {
  loops: Loop[]
  listen: Listen
  log: Log
  metrics: Metrics
}): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController()
  const failed = needs.metrics.counter('einklang_loop_failures_total', 'Failed turns of a loop', ['loop'])
  const wakers = new Map<string, Set<() => void>>()
  const bells = needs.loops.map((loop) => {
    const bell = createBell()
    if (loop.wake) wakers.set(loop.wake, (wakers.get(loop.wake) ?? new Set()).add(bell.ring))
    return bell
  })
  const unlisten = await Promise.all(
    [...wakers].map(([channel, rings]) =>
      needs.listen(channel, () => {
        for (const ring of rings) ring()
      }),
    ),
  )
  const running = needs.loops.map((loop, index) => {
    const bell = bells[index] as Bell
    return turn({
      loop,
      bell,
      log: needs.log,
      stopping: stopping.signal,
      failed: () => failed.add(1, { loop: loop.name }),
    })
  })
  return {
    async stop() {
      stopping.abort()
      for (const bell of bells) bell.ring()
      await Promise.all(running)
      await Promise.all(unlisten.map((stop) => stop().catch(() => undefined)))
    },
  }
}

async function turn(needs: {
  loop: Loop
  bell: Bell
  log: Log
  stopping: AbortSignal
  failed: () => void
}): Promise<void> {
  const { loop, bell, stopping } = needs
  let failures = 0
  while (!stopping.aborted) {
    bell.quiet()
    try {
      const state = await loop.turn(stopping)
      failures = 0
      if (state === 'idle') await bell.wait(loop.pauseMs)
    } catch (error) {
      if (stopping.aborted) return
      failures++
      needs.failed()
      const outage = error instanceof Outage
      const seconds = Math.min(
        60,
        outage ? Math.min(error.retryAfterSeconds, 2 ** (failures - 1)) : 0.25 * 2 ** failures,
      )
      needs.log[outage ? 'warn' : 'error'](`Loop ${loop.name} failed; it goes on in ${seconds} s.`, { error, failures })
      // A notification says that there is work, not that the failure is over.
      await bell.sleep(seconds * 1000, stopping)
    }
  }
}

type Bell = {
  ring(): void
  quiet(): void
  /** Until the time is over or it rings; a ring since `quiet` ends it at once. */
  wait(milliseconds: number): Promise<void>
  sleep(milliseconds: number, stopping: AbortSignal): Promise<void>
}

function createBell(): Bell {
  let rung = false
  let wake: (() => void) | null = null
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(finish, milliseconds)
      function finish() {
        clearTimeout(timer)
        wake = null
        resolve()
      }
      wake = finish
    })
  return {
    ring() {
      rung = true
      wake?.()
    },
    quiet() {
      rung = false
    },
    async wait(milliseconds) {
      if (!rung) await pause(milliseconds)
    },
    async sleep(milliseconds, stopping) {
      const until = performance.now() + milliseconds
      while (!stopping.aborted && performance.now() < until) await pause(until - performance.now())
    },
  }
}
