import { Worker } from 'node:worker_threads'
import { alarm, Outage } from '@einklang/platform'

/** The work took longer or more memory than allowed; the thread that did it is gone. */
export class WorkLimit extends Error {
  /** It had not used up its processor time: the machine was busy with other things. */
  readonly late: boolean
  constructor(message: string, late: boolean) {
    super(message)
    this.name = 'WorkLimit'
    this.late = late
  }
}

type Waiting = { job: object; done: (result: unknown) => void; failed: (error: Error) => void }
type Answer = { ready?: true; id?: number; result?: unknown; failed?: string }

/** What a job may take by the clock on the wall beyond its processor time before it is given up as late. */
const patienceMs = 20_000

/**
 * One worker thread and the queue before it. A job that has used up its processor time is ended from outside by
 * killing the thread: the limits of template engines are cooperative and can be talked out of. Time that the machine
 * gives to others does not count. The others wait for the next thread. An idle thread goes home.
 */
export class Workshop {
  readonly #script: URL
  readonly #limitMs: number
  readonly #memoryMegabytes: number
  readonly #patienceMs: number
  readonly #queue: Waiting[] = []
  #worker: Worker | null = null
  #busy: Waiting | null = null
  #ready = false
  #silence: (() => void) | undefined
  #count = 0

  constructor(options: { script: URL; limitMs: number; memoryMegabytes: number; patienceMs?: number }) {
    this.#script = options.script
    this.#limitMs = options.limitMs
    this.#memoryMegabytes = options.memoryMegabytes
    this.#patienceMs = options.patienceMs ?? patienceMs
  }

  run<Result>(job: object): Promise<Result> {
    return new Promise((done, failed) => {
      this.#queue.push({ job, done: done as (result: unknown) => void, failed })
      this.#next()
    })
  }

  /** Ends the thread; what was still under way or waiting is told so. */
  async close(): Promise<void> {
    const left = [...(this.#busy ? [this.#busy] : []), ...this.#queue.splice(0)]
    this.#busy = null
    for (const waiting of left) waiting.failed(new Outage('The worker thread was closed.'))
    await this.#goHome()
  }

  /** Lets the thread go when there is nothing to do; the next job brings a new one. */
  async rest(): Promise<void> {
    if (!this.#busy && this.#queue.length === 0) await this.#goHome()
  }

  async #goHome(): Promise<void> {
    this.#silence?.()
    const worker = this.#worker
    this.#worker = null
    this.#ready = false
    await worker?.terminate()
  }

  #next(): void {
    if (this.#busy || this.#queue.length === 0) return
    if (!this.#worker) this.#hire()
    const worker = this.#worker
    if (!worker || !this.#ready) return
    this.#silence?.()
    const waiting = this.#queue.shift()
    if (!waiting) return
    this.#busy = waiting
    worker.ref()
    const before = worker.cpuUsage().catch(() => null)
    worker.postMessage({ ...waiting.job, id: ++this.#count })
    this.#silence = alarm(this.#limitMs, () => void this.#look(worker, waiting, before, this.#limitMs))
  }

  /** Looks what the thread has used of its time: ends it, or looks again when the rest may be used up. */
  async #look(
    worker: Worker,
    waiting: Waiting,
    before: Promise<NodeJS.CpuUsage | null>,
    waited: number,
  ): Promise<void> {
    const begun = await before
    const used = begun && (await worker.cpuUsage(begun).catch(() => null))
    if (worker !== this.#worker || waiting !== this.#busy) return
    const left = used ? this.#limitMs - (used.user + used.system) / 1000 : 0
    const pause = Math.max(left, this.#limitMs / 10)
    if (left > 0 && waited + pause <= this.#limitMs + this.#patienceMs)
      this.#silence = alarm(pause, () => void this.#look(worker, waiting, before, waited + pause))
    else this.#overTime(waiting, left > 0)
  }

  #hire(): void {
    const worker = new Worker(this.#script, {
      resourceLimits: { maxOldGenerationSizeMb: this.#memoryMegabytes, stackSizeMb: 4 },
      env: {},
      // The flags of the main program (`--eval`, inspectors) are none of its business.
      execArgv: [],
      stdout: false,
      stderr: false,
    })
    this.#worker = worker
    this.#ready = false
    worker.on('message', (answer: Answer) => this.#heard(worker, answer))
    worker.on('error', (error) => this.#lost(worker, error))
    worker.on('exit', () => this.#lost(worker, new Error('the thread ended')))
  }

  #heard(worker: Worker, answer: Answer): void {
    if (worker !== this.#worker) return
    if (answer.ready) {
      this.#ready = true
      return this.#next()
    }
    const waiting = this.#busy
    if (!waiting || answer.id !== this.#count) return
    this.#busy = null
    this.#silence?.()
    if (answer.failed === undefined) waiting.done(answer.result)
    else waiting.failed(new Error(answer.failed))
    worker.unref()
    this.#silence = alarm(120_000, () => void this.rest(), { background: true })
    this.#next()
  }

  #overTime(waiting: Waiting, late: boolean): void {
    const worker = this.#worker
    this.#worker = null
    this.#ready = false
    this.#busy = null
    void worker?.terminate()
    waiting.failed(new WorkLimit(`took longer than ${this.#limitMs} ms`, late))
    this.#next()
  }

  #lost(worker: Worker, error: Error): void {
    if (worker !== this.#worker) return
    this.#silence?.()
    const started = this.#ready
    this.#worker = null
    this.#ready = false
    const waiting = this.#busy ?? this.#queue.shift()
    this.#busy = null
    // A thread that never came up says nothing about the template: try again later.
    waiting?.failed(
      started ? new WorkLimit(error.message, false) : new Outage(`A worker thread did not start: ${error.message}`),
    )
    this.#next()
  }
}

/** The script beside this file, as source in development and as built file in production. */
export function scriptBeside(name: string, from: string): URL {
  return new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from)
}
