import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from './log.ts'

/** What runs, in the order in which it was started; stopping goes backwards. */
export type Lifecycle = {
  /** Starts something and remembers how to stop it; when starting fails, what runs already is stopped. */
  start<Running>(
    name: string,
    work: () => Promise<Running> | Running,
    stop?: (running: Running) => Promise<void> | void,
  ): Promise<Running>
  /** Stops all in reverse order within ten seconds; returns the names of what had to be abandoned. */
  stop(): Promise<string[]>
  /** Stops the named parts in reverse order and forgets those that a successor owns from now on; the rest runs on. */
  handOver(parts: { stop: string[]; leave: string[] }): Promise<void>
  /** Fires when stopping begins: no new claims, no new work. */
  readonly stopping: AbortSignal
  /** Resolves when all has stopped. */
  readonly stopped: Promise<string[]>
  /** Ctrl-C and SIGTERM stop; a second one ends at once. Exit code 1 when work was abandoned. */
  stopOnSignals(): void
}

export function createLifecycle(options: {
  log: Log
  told?: (message: string) => void
  patienceMs?: number
}): Lifecycle {
  const patience = options.patienceMs ?? 10_000
  const told = options.told ?? (() => undefined)
  const running: { name: string; stop: () => Promise<void> | void }[] = []
  const controller = new AbortController()
  let done: (abandoned: string[]) => void = () => undefined
  const stopped = new Promise<string[]>((resolve) => {
    done = resolve
  })
  let stopping: Promise<string[]> | undefined

  const starting = new Set<Promise<unknown>>()

  const stopAll = async (): Promise<string[]> => {
    controller.abort()
    const deadline = performance.now() + patience
    const abandoned: string[] = []
    // What is half started is waited for, so that it can be stopped properly instead of being orphaned.
    await Promise.race([Promise.allSettled(starting), pause(patience / 2, undefined, { ref: false })])
    for (const part of running.splice(0).reverse()) {
      told(`Stopping ${part.name}.`)
      // Even after the deadline each part gets a moment: the databases at the end should not be torn.
      const left = Math.max(500, deadline - performance.now())
      const timeUp = new AbortController()
      const ended = await Promise.race([
        Promise.resolve()
          .then(part.stop)
          .then(
            () => 'stopped' as const,
            (error: unknown) => {
              options.log.error(`${part.name} did not stop cleanly.`, { error })
              return 'failed' as const
            },
          ),
        pause(left, 'late' as const, { signal: timeUp.signal }).catch(() => 'late' as const),
      ])
      timeUp.abort()
      if (ended !== 'stopped') abandoned.push(part.name)
      if (ended === 'late') options.log.warn(`${part.name} did not stop in time and was abandoned.`)
    }
    done(abandoned)
    return abandoned
  }
  const stop = () => {
    stopping ??= stopAll()
    return stopping
  }
  return {
    async start(name, work, stopPart) {
      if (controller.signal.aborted) throw new Error(`Stopped before ${name} was started`)
      const begun = Promise.resolve()
        .then(work)
        .then((part) => {
          if (stopPart) running.push({ name, stop: () => stopPart(part) })
          return part
        })
      starting.add(begun)
      try {
        const part = await begun
        if (controller.signal.aborted) throw new Error(`Stopped while ${name} was starting`)
        return part
      } catch (error) {
        starting.delete(begun)
        await stop()
        throw error
      } finally {
        starting.delete(begun)
      }
    },
    stop,
    async handOver(parts) {
      const going = running.filter(({ name }) => parts.stop.includes(name)).reverse()
      const staying = running.filter(({ name }) => ![...parts.stop, ...parts.leave].includes(name))
      running.splice(0, running.length, ...staying)
      for (const part of going) {
        try {
          await part.stop()
        } catch (error) {
          options.log.error(`${part.name} did not stop cleanly.`, { error })
        }
      }
    },
    stopping: controller.signal,
    stopped,
    stopOnSignals() {
      let signals = 0
      const heard = (signal: NodeJS.Signals) => {
        signals++
        if (signals > 1) {
          told('Ended at once.')
          process.exit(130)
        }
        told(signal === 'SIGINT' ? 'Stopping; press Ctrl-C again to end at once.' : 'Stopping.')
        void stop().then((abandoned) => process.exit(abandoned.length > 0 ? 1 : 0))
      }
      process.on('SIGINT', heard)
      process.on('SIGTERM', heard)
      process.on('SIGHUP', heard)
    },
  }
}
