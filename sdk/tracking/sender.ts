import type { Message } from './calls.ts'

/** `sent` and `refused` are final; `later` asks for another try after so many milliseconds. */
export type Outcome = { result: 'sent' | 'refused' } | { result: 'later'; afterMs?: number }

export type SenderOptions = {
  /** Hands one batch over; throwing means that nobody answered. */
  post: (messages: Message[], attempt: number) => Promise<Outcome>
  /** Called whenever the list changes, so that it can be kept somewhere that survives the process. */
  keep?: (waiting: readonly Message[]) => void
  waiting?: Message[]
  /** As many at a time, after so long a pause. */
  batch: number
  pauseMs: number
  /** More than this many waiting: the oldest go. */
  most: number
  /** Bytes of one batch, roughly. */
  bytes: number
  dropped?: (messages: Message[], because: 'refused' | 'full') => void
}

export type Sender = {
  put(message: Message): void
  /** Tries until everything is sent or somebody asks to come back later; false = something still waits. */
  flush(): Promise<boolean>
  waiting(): readonly Message[]
  clear(): void
}

const shortest = 1000
const longest = 60_000

/** A list of messages on their way: in order, one batch at a time, again and again until it is taken. */
export function createSender(options: SenderOptions): Sender {
  let waiting = options.waiting ?? []
  let sending: Promise<boolean> | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempt = 0

  const changed = () => options.keep?.(waiting)
  const schedule = (afterMs: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), afterMs)
    // A server may end while something waits to be tried again; `close` says what is left.
    ;(timer as { unref?: () => void }).unref?.()
  }

  const next = (): Message[] => {
    let size = 0
    let count = 0
    while (count < waiting.length && count < options.batch) {
      size += JSON.stringify(waiting[count]).length
      if (count > 0 && size > options.bytes) break
      count++
    }
    return waiting.slice(0, count)
  }

  const run = async (): Promise<boolean> => {
    while (waiting.length > 0) {
      const batch = next()
      const outcome = await options.post(batch, attempt).catch((): Outcome => ({ result: 'later' }))
      if (outcome.result === 'later') {
        attempt++
        const backOff = Math.min(longest, shortest * 2 ** Math.min(attempt, 6)) * (0.5 + Math.random() / 2)
        schedule(Math.max(outcome.afterMs ?? 0, backOff))
        return false
      }
      attempt = 0
      const gone = new Set(batch)
      waiting = waiting.filter((message) => !gone.has(message))
      changed()
      if (outcome.result === 'refused') options.dropped?.(batch, 'refused')
    }
    return true
  }

  const flush = (): Promise<boolean> => {
    sending ??= run().finally(() => {
      sending = null
    })
    return sending
  }

  if (waiting.length > 0) schedule(options.pauseMs)
  return {
    put(message) {
      waiting.push(message)
      const over = waiting.length - options.most
      if (over > 0) options.dropped?.(waiting.splice(0, over), 'full')
      changed()
      if (attempt > 0) return
      if (waiting.length >= options.batch) void flush()
      else if (waiting.length === 1) schedule(options.pauseMs)
    },
    flush,
    waiting: () => waiting,
    clear() {
      waiting = []
      clearTimeout(timer)
      changed()
    },
  }
}

/** What an answer means: 2xx taken, 408, 429 and 5xx to be tried again, everything else is ours to mend. */
export function outcomeOf(status: number, retryAfter: string | null): Outcome {
  if (status >= 200 && status < 300) return { result: 'sent' }
  if (status !== 408 && status !== 429 && status < 500) return { result: 'refused' }
  const seconds = Number(retryAfter ?? Number.NaN)
  return Number.isFinite(seconds) ? { result: 'later', afterMs: seconds * 1000 } : { result: 'later' }
}
