import type { AnswerOf, CallOf, InputOf, Problem, Route } from '@einklang/contract'

/** A refusal or failure told by the server: what was wrong, where, and what to do instead. */
export class ProblemError extends Error {
  readonly status: number
  readonly code: string
  readonly at: string | undefined
  readonly doInstead: string | undefined
  readonly retryAfterSeconds: number | undefined
  constructor(status: number, problem: Problem['error'], retryAfterSeconds?: number) {
    super(problem.message)
    this.name = 'ProblemError'
    this.status = status
    this.code = problem.code
    this.at = problem.at
    this.doInstead = problem.doInstead
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type ClientOptions = {
  /** Address of the server without a slash at the end; empty in a page served by it. */
  baseUrl: string
  fetch?: typeof fetch
  /** Sent with every request, for example `authorization: Bearer ek_…`. */
  headers?: { [name: string]: string }
}

// A route without path values has the params type Record<string, never>.
type Needed<R extends Route> =
  | (string extends keyof InputOf<R>['params'] ? never : 'params')
  | (undefined extends InputOf<R>['body'] ? never : 'body')

/** What the caller brings: `params` and `body` are obligatory where the route declares them. */
export type CallInput<R extends Route> = CallOf<R> & { [Part in Needed<R>]: NonNullable<CallOf<R>[Part]> } & {
  signal?: AbortSignal
}

export type Client = {
  /**
   * Calls a route by its declaration and returns its typed answer; throws `ProblemError` for every refusal.
   *
   *   const found = await client.call(api.profile.search, { query: { q: 'Ada' } })
   */
  call<R extends Route>(
    route: R,
    ...input: [Needed<R>] extends [never] ? [input?: CallInput<R>] : [input: CallInput<R>]
  ): Promise<AnswerOf<R>>
  /** The address a call would go to, for links, downloads and `EventSource`. */
  address<R extends Route>(route: R, input?: { params?: CallOf<R>['params']; query?: CallOf<R>['query'] }): string
}

/** A client for every route declared in `contract`, over any `fetch`. */
export function createClient(options: ClientOptions): Client {
  const send = options.fetch ?? ((...request: Parameters<typeof fetch>) => fetch(...request))
  const address: Client['address'] = (route, input) => options.baseUrl + pathOf(route, input?.params, input?.query)
  return {
    address,
    async call(route, ...[input]) {
      const body = input?.body
      const response = await send(address(route, input), {
        method: route.method.toUpperCase(),
        credentials: 'same-origin',
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(input?.signal ? { signal: input.signal } : {}),
      })
      if (!response.ok) throw await problemOf(response)
      const text = await response.text()
      return (text === '' ? undefined : JSON.parse(text)) as AnswerOf<typeof route>
    },
  }
}

/** Path and query of a route with its values filled in: `/api/profile/customers/…?limit=20`. */
export function pathOf(route: Route, params: object | undefined, query: object | undefined): string {
  const values = new Map(Object.entries(params ?? {}))
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name)
    if (value === undefined) throw new TypeError(`${route.stage}.${route.name} needs the path value "${name}"`)
    return encodeURIComponent(String(value))
  })
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null) continue
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, String(item))
  }
  const suffix = search.size > 0 ? `?${search}` : ''
  return `/api/${route.stage}${path}${suffix}`
}

/** The refusal inside a response; also for answers of something between us and the server that speaks no JSON. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const text = await response.text().catch(() => '')
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds : undefined
  return new ProblemError(response.status, readProblem(text) ?? unreadable(response.status), retryAfter)
}

function readProblem(text: string): Problem['error'] | undefined {
  try {
    const { error } = JSON.parse(text) as Partial<Problem>
    return typeof error?.message === 'string' && typeof error.code === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

function unreadable(status: number): Problem['error'] {
  return { code: `http_${status}`, message: `The server answered ${status} without a reason; try again in a moment.` }
}
