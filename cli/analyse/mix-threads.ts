import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ChainDraws, ChainTask, MixFitOptions } from '@einklang/stats'

type Told = { index: number; done?: number; divergences?: number; result?: ChainDraws; failed?: string }

/** Runs chains in worker threads; which thread runs which chain has no effect on what it draws. */
export function chainsInThreads(threads = availableParallelism()): NonNullable<MixFitOptions['runChains']> {
  return async (tasks, watch) => {
    const shared = new SharedArrayBuffer(4)
    const stop = new Int32Array(shared)
    const extension = extname(import.meta.url)
    const workers = Array.from(
      { length: Math.max(1, Math.min(threads, tasks.length)) },
      () =>
        new Worker(new URL(`./mix-worker${extension}`, import.meta.url), {
          workerData: shared,
          execArgv: extension === '.ts' ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
        }),
    )
    const results: ChainDraws[] = []
    let next = 0
    // The wish to stop comes from outside at any time; threads look at the shared flag between slices.
    const looking = setInterval(() => {
      if (watch.stopped()) Atomics.store(stop, 0, 1)
    }, 50)
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
          else if (told.result !== undefined) {
            results[told.index] = told.result
            const task = tasks[told.index] as ChainTask
            watch.onSteps(
              told.index,
              told.result.draws === task.draws ? task.warmup + task.draws : told.result.draws,
              told.result.divergent.reduce((sum, value) => sum + value, 0),
            )
            give()
          } else watch.onSteps(told.index, told.done ?? 0, told.divergences ?? 0)
        })
        worker.on('error', reject)
        give()
      })
    try {
      await Promise.all(workers.map(serve))
    } finally {
      clearInterval(looking)
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    return results
  }
}
