import { parentPort, workerData } from 'node:worker_threads'
import { type Job, Workbench } from './jobs.ts'
import type { Plan } from './parts.ts'

const { plan, folder } = workerData as { plan: Plan; folder: string }
const bench = new Workbench(plan, folder)

parentPort?.on('message', (job: Job) => {
  try {
    parentPort?.postMessage({ result: bench.run(job) })
  } catch (error) {
    parentPort?.postMessage({
      failed: error instanceof Error ? error.message : String(error),
      code: (error as { code?: string }).code,
    })
  }
})
