import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Job, type JobResult, Workbench } from './jobs.ts'
import type { Plan, World } from './parts.ts'

export class Stopped extends Error {
  constructor() {
    super('The generator was stopped; run it again with the same arguments to go on.')
  }
}

/** Runs jobs on worker threads, or on this one; the order in which they finish has no effect on what they make. */
export class Crew {
  readonly #threads: Worker[] = []
  readonly #bench: Workbench | null

  constructor(plan: Plan, folder: string, world: World, workers: number) {
    // A world as small as a town is made faster than a thread starts.
    this.#bench = workers <= 1 ? new Workbench(plan, folder, world) : null
    if (this.#bench) return
    const extension = extname(import.meta.url)
    for (let number = 0; number < workers; number++)
      this.#threads.push(
        new Worker(new URL(`./worker${extension}`, import.meta.url), {
          workerData: { plan, folder },
          execArgv: extension === '.ts' ? ['--conditions=source'] : [],
        }),
      )
  }

  async run(
    jobs: readonly Job[],
    needs: { done: (job: Job, result: JobResult) => void; signal: AbortSignal | undefined },
  ): Promise<void> {
    if (this.#bench) {
      for (const job of jobs) {
        if (needs.signal?.aborted) throw new Stopped()
        needs.done(job, this.#bench.run(job))
        await new Promise((resolve) => setImmediate(resolve))
      }
      return
    }
    let next = 0
    const serve = (thread: Worker): Promise<void> =>
      new Promise((resolve, reject) => {
        let current: Job | null = null
        const give = (): void => {
          if (needs.signal?.aborted) return finish(new Stopped())
          const job = jobs[next++]
          if (!job) return finish(null)
          current = job
          thread.postMessage(job)
        }
        const finish = (error: Error | null): void => {
          thread.off('message', hear)
          thread.off('error', finish)
          if (error) reject(error)
          else resolve()
        }
        const hear = (message: { result: JobResult } | { failed: string; code?: string }): void => {
          if ('failed' in message) return finish(Object.assign(new Error(message.failed), { code: message.code }))
          needs.done(current as Job, message.result)
          give()
        }
        thread.on('message', hear)
        thread.on('error', finish)
        give()
      })
    const results = await Promise.allSettled(this.#threads.map(serve))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }
}
