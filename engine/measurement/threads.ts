import { extname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { ChainDraws, ChainTask, MixFitOptions } from '@einklang/stats'
import type { ValueTask } from './value.ts'

const extension = extname(import.meta.url)
const execArgv = extension === '.ts' ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : []

/** A thread for customer values; one task at a time. */
export function valueThread() {
  const worker = new Worker(new URL(`./value-worker${extension}`, import.meta.url), { execArgv })
  let id = 0
  return {
    ask: <Result>(task: ValueTask) =>
      new Promise<Result>((resolve, reject) => {
        const mine = ++id
        const settle = () => {
          worker.off('message', hear)
          worker.off('error', fail)
        }
        const hear = (told: { id: number; result?: Result; failed?: string }) => {
          if (told.id !== mine) return
          settle()
          if (told.failed !== undefined) reject(new Error(told.failed))
          else resolve(told.result as Result)
        }
        const fail = (error: Error) => {
          settle()
          reject(error)
        }
        worker.on('message', hear)
        worker.on('error', fail)
        worker.postMessage({ id: mine, task })
      }),
    close: () => worker.terminate(),
  }
}

type Told = { index: number; done?: number; divergences?: number; result?: ChainDraws; failed?: string }

/** Runs the chains of a mix model in threads; which thread runs which chain has no effect on what it draws. */
export function chainsInThreads(threads: number): NonNullable<MixFitOptions['runChains']> {
  return async (tasks, watch) => {
    const shared = new SharedArrayBuffer(4)
    const stop = new Int32Array(shared)
    const workers = Array.from(
      { length: Math.max(1, Math.min(threads, tasks.length)) },
      () => new Worker(new URL(`./mix-worker${extension}`, import.meta.url), { workerData: shared, execArgv }),
    )
    const results: ChainDraws[] = []
    let next = 0
    // The wish to stop comes from outside at any time; threads look at the shared flag between slices.
    let over = false
    const looking = (async () => {
      while (!over) {
        if (watch.stopped()) Atomics.store(stop, 0, 1)
        await pause(50)
      }
    })()
    const serve = (worker: Worker) =>
      new Promise<void>((resolve, reject) => {
        const give = () => {
          const index = next++
          const task: ChainTask | undefined = tasks[index]
          if (task === undefined) resolve()
          else worker.postMessage({ index, task })
        }
        worker.on('message', (told: Told) => {
          if (told.failed !== undefined) reject(new Error(told.failed))
          else if (told.result === undefined) watch.onSteps(told.index, told.done ?? 0, told.divergences ?? 0)
          else {
            const { warmup, draws } = tasks[told.index] as ChainTask
            results[told.index] = told.result
            watch.onSteps(
              told.index,
              told.result.draws === draws ? warmup + draws : told.result.draws,
              told.result.divergent.reduce((sum, value) => sum + value, 0),
            )
            give()
          }
        })
        worker.on('error', reject)
        give()
      })
    try {
      await Promise.all(workers.map(serve))
    } finally {
      over = true
      await looking
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    return results
  }
}
