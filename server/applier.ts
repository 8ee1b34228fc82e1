import { type ChildProcess, fork } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Config, Log, Metrics } from '@einklang/platform'

/** What the process of the appliers is told at its start. */
export type Orders = { config: Config; databaseUrl: string }
export type ToApplier = { start: Orders } | { stop: true } | { metrics: number }
export type FromApplier = { metrics: number; values: object[] }

/** Lower than the door: an answer to a client comes before the work it causes. */
const nicer = 5
const longestPause = 10_000

/**
 * The loops that apply events, in a process of their own: the door keeps a core to itself, and an item that kills its
 * worker takes nobody else along. Ends with us; started again when it dies.
 */
export function startApplier(needs: Orders & { log: Log; metrics: Metrics }): {
  stop(): Promise<void>
} {
  const { log } = needs
  let child: ChildProcess | null = null
  let stopping = false
  let deaths = 0
  let again: NodeJS.Timeout | undefined

  const start = () => {
    const begun = performance.now()
    // A fault that a test has planned happens once, not at every start.
    const { EINKLANG_FAULTS, ...environment } = process.env
    const env = deaths === 0 && EINKLANG_FAULTS ? { ...environment, EINKLANG_FAULTS } : environment
    const started = fork(new URL('./applying.ts', import.meta.url), { env, serialization: 'advanced' })
    child = started
    if (started.pid) {
      try {
        setPriority(started.pid, nicer)
      } catch (error) {
        log.debug('The process of the appliers runs at ordinary priority.', { error })
      }
    }
    const orders: ToApplier = { start: { config: needs.config, databaseUrl: needs.databaseUrl } }
    started.send(orders)
    started.once('exit', (code, signal) => {
      if (child === started) child = null
      if (stopping) return
      deaths = performance.now() - begun > 30_000 ? 1 : deaths + 1
      const pause = Math.min(longestPause, 100 * 2 ** deaths)
      log.warn(`The process of the appliers ended; it starts again in ${pause} ms.`, { code, signal })
      again = setTimeout(start, pause)
    })
  }
  start()
  needs.metrics.join(() => (child ? metricsOf(child) : Promise.resolve([])))

  return {
    async stop() {
      stopping = true
      clearTimeout(again)
      const open = child
      if (!open) return
      const gone = new Promise((resolve) => open.once('exit', resolve))
      const late = setTimeout(() => open.kill('SIGKILL'), 8000)
      const order: ToApplier = { stop: true }
      if (open.connected) open.send(order)
      await gone
      clearTimeout(late)
    },
  }
}

let asked = 0

/** Its counters; none when it does not answer within a second. */
function metricsOf(child: ChildProcess): Promise<object[]> {
  const number = ++asked
  return new Promise((resolve) => {
    const done = (values: object[]) => {
      clearTimeout(late)
      child.off('message', heard)
      resolve(values)
    }
    const heard = (message: FromApplier) => {
      if (message.metrics === number) done(message.values)
    }
    const late = setTimeout(() => done([]), 1000)
    child.on('message', heard)
    const question: ToApplier = { metrics: number }
    if (child.connected) child.send(question)
    else done([])
  })
}
