import { parentPort, workerData } from 'node:worker_threads'
import { type ChainTask, runChain } from '@einklang/stats'

/** One thread that runs chains of a mix model; `stop` is shared with the thread that may end the run. */
const stop = new Int32Array(workerData as SharedArrayBuffer)

parentPort?.on('message', async ({ index, task }: { index: number; task: ChainTask }) => {
  try {
    let told = 0
    const result = await runChain(task, {
      onSteps: (done, divergences) => {
        const now = performance.now()
        if (now - told < 100) return
        told = now
        parentPort?.postMessage({ index, done, divergences })
      },
      stopped: () => Atomics.load(stop, 0) === 1,
    })
    parentPort?.postMessage({ index, result })
  } catch (error) {
    parentPort?.postMessage({ index, failed: error instanceof Error ? error.message : String(error) })
  }
})
