/** The world's fault: a database, provider or network is away. Only the queue and the HTTP edge catch it. */
export class Outage extends Error {
  readonly retryAfterSeconds: number
  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, { cause: options.cause })
    this.name = 'Outage'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}

/** A caller's mistake, told as one sentence; the HTTP edge answers it with `status`, the CLI with exit code 2. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 410 | 412 | 413 | 415 | 422 | 429
  readonly code: string
  readonly at: string | undefined
  readonly doInstead: string | undefined
  /** Answered as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined
  constructor(
    status: Refusal['status'],
    code: string,
    message: string,
    more: { at?: string | undefined; doInstead?: string | undefined; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
    this.at = more.at
    this.doInstead = more.doInstead
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

/** A bug is ours: stop here instead of continuing on a guess. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`Invariant violated: ${invariant}`)
}
