import { parentPort } from 'node:worker_threads'
import { type ValueTask, valueDesk } from './value.ts'

const answered = valueDesk()

/** One thread that fits and scores customers, so that the server goes on answering. */
parentPort?.on('message', ({ id, task }: { id: number; task: ValueTask }) => {
  try {
    parentPort?.postMessage({ id, result: answered(task) })
  } catch (error) {
    parentPort?.postMessage({ id, failed: error instanceof Error ? error.message : String(error) })
  }
})
