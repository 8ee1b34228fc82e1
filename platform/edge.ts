import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createDoor, isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Route } from '@einklang/contract'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import { Outage, Refusal } from './failure.ts'
import type { Caller, Mounted, RawMount, Request_ } from './http.ts'
import { once } from './idempotency.ts'
import { decodeText, parseJson, readBody } from './json.ts'
import type { Live } from './live.ts'
import type { Log } from './log.ts'
import type { Memory } from './memory.ts'
import type { Metrics } from './metrics.ts'
import { describeRoutes, documentationPage } from './openapi.ts'
import { notFound, pageAt, securityHeaders } from './pages.ts'

export type Health = { ready: boolean; degraded: string[]; failing: string[] }

export type HttpNeeds = {
  config: Pick<Config, 'host' | 'port' | 'publicUrl'>
  version: string
  routes: Mounted<Route>[]
  raw: RawMount[]
  /** Who calls, from cookies and keys. Nobody is an answer; a database that is away is an `Outage`. */
  authenticate(headers: Headers): Promise<Caller>
  /** Told about every refused authorisation, for the audit log. Must not throw. */
  refused?: (entry: { caller: Caller; route: string; reason: string; address: string; requestId: string }) => void
  database: Database
  log: Log
  metrics: Metrics
  live: Live
  /** Forgets its answers when a caller changes something. */
  memory: Pick<Memory, 'forget'>
  /** Topics of `/api/live` and who may hear them. */
  liveTopics: LiveTopics
  /** The built console, or null when this process serves no pages. */
  consoleDirectory?: string | null
  health?: () => Promise<Health>
  /** What `/startup` tells while databases recover and migrate. */
  startup?: () => { done: boolean; step: string }
  /** Sees each request on Node's own objects before the router; true = it answers (the hot tracking paths). */
  early?: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Listens beside a predecessor that still has the port; it will stop listening. */
  besidePredecessor?: boolean
  /** Development and tests: an answer that does not fit its declaration is a bug, not a surprise. */
  checkAnswers?: boolean
}

export type LiveTopics = { [topic: string]: Route['may'] }

export type HttpServer = {
  /** For tests and embedding: the whole edge without a socket. */
  fetch(request: Request, remoteAddress?: string): Promise<Response>
  listen(): Promise<{ url: string; port: number }>
  /**
   * No new connections, requests in flight end within five seconds, live streams end at once. With a `drain` (ms), clients
   * that reuse their connection are first told with an answer that it ends, for that long.
   */
  close(options?: { drain?: number }): Promise<void>
}

const apiBodyLimit = 1_048_576
type Bindings = { incoming?: IncomingMessage; remoteAddress?: string }
type Environment = { Bindings: Bindings; Variables: { requestId: string; remoteAddress: string; route: string } }

/** The one door for HTTP: declared JSON routes, raw mounts, live streams, documents, health and the console. */
export function createHttpServer(needs: HttpNeeds): HttpServer {
  const app = new Hono<Environment>({ strict: true })
  const closing = new AbortController()
  const headers = securityHeaders(needs.config.publicUrl)
  const seconds = needs.metrics.histogram('einklang_http_seconds', 'Time to answer', ['route', 'status'])

  app.use('*', async (context, next) => {
    const began = performance.now()
    const given = context.req.header('x-request-id')
    context.set('requestId', given && /^[\w-]{8,64}$/.test(given) ? given : randomUUID())
    context.set('remoteAddress', context.env?.remoteAddress ?? context.env?.incoming?.socket.remoteAddress ?? '0.0.0.0')
    context.set('route', 'other')
    await next()
    for (const [name, value] of Object.entries(headers)) {
      if (!context.res.headers.has(name)) context.res.headers.set(name, value)
    }
    context.res.headers.set('X-Request-Id', context.get('requestId'))
    const status = `${Math.floor(context.res.status / 100)}xx`
    seconds.observe((performance.now() - began) / 1000, { route: context.get('route'), status })
  })
  app.onError((error, context) => {
    const requestId = context.get('requestId')
    const answer = answerFor(error, requestId)
    if (answer.status === 500)
      needs.log.error('A request failed by our fault.', { error, requestId, route: context.get('route') })
    else if (answer.status === 503)
      needs.log.warn('A request met an outage.', { error, requestId, route: context.get('route') })
    return answer
  })

  for (const mounted of needs.routes) mountRoute(app, mounted, needs)
  mountLive(app, needs, closing.signal)
  mountDocuments(app, needs)
  mountHealth(app, needs)
  for (const raw of needs.raw) mountRaw(app, raw)
  refuseOtherMethods(app, needs)
  app.all('/api/*', (context) => {
    throw new Refusal(404, 'no_such_route', `There is no ${context.req.method} ${context.req.path}.`, {
      doInstead: 'See /docs.',
    })
  })
  const directory = needs.consoleDirectory ?? null
  app.get('*', (context) => {
    context.set('route', 'pages')
    return directory === null ? notFound() : pageAt(directory, context.req.path, context.req.header('if-none-match'))
  })

  let server: Server | null = null
  let furtherDoors: Door[] = []
  let draining = false
  return {
    fetch: async (request, remoteAddress = '127.0.0.1') => app.fetch(request, { remoteAddress }),
    async listen() {
      if (sharesPorts && !needs.besidePredecessor) await refuseTakenPort(needs.config)
      return new Promise((resolve, reject) => {
        const listener = getRequestListener(app.fetch as never)
        const limits = {
          requestTimeout: 120_000,
          headersTimeout: 15_000,
          keepAliveTimeout: 65_000,
          maxHeaderSize: 32_768,
        }
        const opened = createServer(limits, (incoming, outgoing) => {
          if (draining) outgoing.setHeader('Connection', 'close')
          if (!needs.early?.(incoming, outgoing)) void listener(incoming, outgoing)
        })
        server = opened
        opened.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, needs.config)))
        const { host: address, port: wanted } = needs.config
        opened.listen({ host: address, port: wanted, reusePort: sharesPorts, backlog: longestBacklog }, () => {
          const { port } = opened.address() as { port: number }
          const host = needs.config.host === '0.0.0.0' || needs.config.host === '::' ? 'localhost' : needs.config.host
          void openFurtherDoors(opened, address, port).then((doors) => {
            furtherDoors = doors
            resolve({ port, url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}` })
          })
        })
      })
    },
    async close(options = {}) {
      closing.abort()
      const open = server
      if (!open) return
      draining = true
      if (options.drain) await pause(options.drain)
      const late = setTimeout(() => open.closeAllConnections(), 5000)
      const closed = [open, ...furtherDoors].map((door) => new Promise<void>((resolve) => door.close(() => resolve())))
      open.closeIdleConnections()
      await Promise.all(closed)
      clearTimeout(late)
    },
  }
}

/**
 * Connections that wait until somebody takes them; the system's own limit may be lower. With Node's 511 the connections of
 * a burst end in repeated attempts of the client's system and in resets.
 */
const longestBacklog = 4096

/**
 * The event loop takes one connection from a listener per turn, however many wait, and a turn is as long as everything
 * that the connections before have to say: of thousands that come at once the last would wait for a minute. So many
 * listeners share the port, and as many connections are taken per turn.
 */
const doorsOfAPort = 512

type Door = ReturnType<typeof createDoor>

/** Where the system allows fewer open files, so many doors as it allows. */
async function openFurtherDoors(server: Server, host: string, port: number): Promise<Door[]> {
  if (!sharesPorts) return []
  const doors = await Promise.all(
    Array.from(
      { length: doorsOfAPort - 1 },
      () =>
        new Promise<Door | null>((resolve) => {
          const door = createDoor({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit('connection', socket))
          door.once('error', () => resolve(null))
          door.listen({ host, port, reusePort: true, backlog: longestBacklog }, () => resolve(door))
        }),
    ),
  )
  return doors.filter((door) => door !== null)
}

/** Where a successor can listen beside us, so that a restart refuses nobody (SO_REUSEPORT). */
const sharesPorts = process.platform === 'linux'

/** A shared port would let two houses answer in turns: first see that nobody has it. */
function refuseTakenPort(place: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createDoor()
    probe.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, place)))
    probe.listen(place.port, place.host, () => probe.close(() => resolve()))
  })
}

function listenFailure(error: NodeJS.ErrnoException, place: { host: string; port: number }): Error {
  if (error.code === 'EADDRINUSE') {
    return new Refusal(
      409,
      'port_in_use',
      `Port ${place.port} is in use by another program; stop it or choose another with --port.`,
    )
  }
  if (error.code === 'EACCES') {
    return new Refusal(
      403,
      'port_not_allowed',
      `Port ${place.port} needs special rights; choose one above 1023 with --port.`,
    )
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new Refusal(400, 'host_unknown', `This machine has no address ${place.host}; choose another with --host.`)
  }
  return error
}

/** Every way to go wrong becomes one sentence, never a stack. */
function answerFor(error: unknown, requestId: string): Response {
  if (error instanceof Refusal) {
    const { status, code, message, at, doInstead, retryAfterSeconds } = error
    const headers =
      retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) }
    return problem(status, { code, message, at, doInstead }, headers)
  }
  if (error instanceof Outage) {
    const message = 'Something this needs is away for the moment.'
    const wait = String(Math.max(1, Math.ceil(error.retryAfterSeconds)))
    return problem(503, { code: 'outage', message, doInstead: `Try again in ${wait} s.` }, { 'Retry-After': wait })
  }
  return problem(500, {
    code: 'bug',
    message: 'This failed by our fault and was logged.',
    doInstead: `Report the request id ${requestId}.`,
  })
}

function problem(
  status: number,
  error: { [field: string]: string | undefined },
  headers: { [name: string]: string } = {},
): Response {
  return Response.json({ error }, { status, headers: { 'Cache-Control': 'no-store', ...headers } })
}

/** `/api/<stage>/<path>` with `{person}` as hono's `:person`. */
function patternOf(route: Route): string {
  return `/api/${route.stage}${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`
}

function mountRoute(app: Hono<Environment>, mounted: Mounted<Route>, needs: HttpNeeds): void {
  const { route } = mounted
  const name = `${route.stage}.${route.name}`
  if (!route.may) throw new Error(`The route ${name} does not say who may call it`)
  const schemas = { params: strict(route.params), query: strict(route.query), body: strict(route.body) }
  app.on(route.method.toUpperCase(), patternOf(route), async (context) => {
    context.set('route', name)
    const request = context.req.raw
    const caller = await needs.authenticate(request.headers)
    const handed: Request_ = {
      caller,
      address: truncated(context.get('remoteAddress')),
      requestId: context.get('requestId'),
      headers: request.headers,
      answerHeaders: new Headers(),
      signal: request.signal,
    }
    authorise(route, handed, request, needs)
    const body = await bodyOf(route, request)
    const input = {
      params: parsed(schemas.params, context.req.param(), 'path'),
      query: parsed(schemas.query, queryOf(route.query, new URL(request.url).searchParams), 'query'),
      body: parsed(schemas.body, body.value, 'body'),
    }
    const answer = async (): Promise<{ status: number; text: string | null }> => {
      const given = await mounted.handle(input as never, handed)
      if (needs.checkAnswers) checkAnswer(route, given)
      if (given === undefined) return { status: 204, text: null }
      // A file, where the handler has said of which kind.
      const isFile = typeof given === 'string' && handed.answerHeaders.has('content-type')
      return { status: 200, text: isFile ? given : JSON.stringify(given) }
    }
    const key = request.headers.get('idempotency-key')
    const done =
      key === null || route.method === 'get'
        ? { ...(await answer()), replayed: false }
        : await once(
            {
              database: needs.database,
              caller: scopeOf(caller),
              route: `${name} ${new URL(request.url).pathname}`,
              key,
              body: body.bytes,
              secret: route.secretAnswer ?? false,
            },
            answer,
          )
    if (route.method !== 'get' && route.asks !== true) needs.memory.forget()
    const headers = new Headers(handed.answerHeaders)
    headers.set('Cache-Control', 'no-store')
    if (done.replayed) headers.set('Idempotency-Replayed', 'true')
    if (done.text !== null && !headers.has('content-type'))
      headers.set('Content-Type', 'application/json; charset=utf-8')
    return new Response(done.text, { status: done.status, headers })
  })
}

/** Unknown fields are mistakes of the caller; a schema that declares otherwise keeps its word. */
function strict(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject && schema.def.catchall === undefined ? schema.strict() : schema
}

function authorise(route: Route, request: Request_, raw: Request, needs: HttpNeeds): void {
  const { caller } = request
  const refuse = (status: 401 | 403, code: string, message: string, doInstead: string): never => {
    needs.refused?.({
      caller,
      route: `${route.stage}.${route.name}`,
      reason: code,
      address: request.address,
      requestId: request.requestId,
    })
    throw new Refusal(status, code, message, { doInstead })
  }
  if (caller.kind === 'user' && route.method !== 'get' && !isOwnOrigin(raw, needs.config.publicUrl)) {
    refuse(
      403,
      'foreign_origin',
      'A signed-in browser may change things only from our own pages.',
      'Open the console and try there.',
    )
  }
  if (route.may === 'anyone') return
  if (caller.kind === 'anonymous')
    return refuse(401, 'sign_in', 'This needs a signed-in person or a key.', 'Sign in first.')
  if (caller.kind === 'user' && caller.mustChangePassword && !route.beforePasswordChange)
    return refuse(403, passwordFirst.code, passwordFirst.message, passwordFirst.doInstead)
  const { may } = route
  if (may === 'signed-in' || isFor(may, caller)) return
  refuse(403, 'not_allowed', `This needs the role ${may.join(' or ')}.`, 'Ask an administrator.')
}

function isFor(may: Route['may'], caller: Caller): boolean {
  if (may === 'anyone') return true
  if (caller.kind === 'anonymous') return false
  return may === 'signed-in' || caller.roles.some((role) => may.includes(role))
}

const passwordFirst = {
  code: 'password_change_required',
  message: 'The generated password opens nothing but its own change.',
  doInstead: 'Change the password first.',
}

/** A cookie rides along on forged requests, the Origin header does not lie: it must be ours. */
function isOwnOrigin(request: Request, publicUrl: string): boolean {
  if (!request.headers.has('cookie')) return true
  const origin = request.headers.get('origin')
  if (origin === null) return request.headers.get('sec-fetch-site') === 'same-origin'
  if (origin === new URL(publicUrl).origin) return true
  return URL.canParse(origin) && new URL(origin).host === request.headers.get('host')
}

function scopeOf(caller: Caller): string {
  return caller.kind === 'user' ? `user ${caller.user}` : caller.kind === 'key' ? `key ${caller.key}` : 'anonymous'
}

async function bodyOf(route: Route, request: Request): Promise<{ value: unknown; bytes: Uint8Array }> {
  if (route.method === 'get') return { value: undefined, bytes: new Uint8Array() }
  const bytes = await readBody(request, apiBodyLimit)
  if (route.body instanceof z.ZodUndefined || bytes.byteLength === 0) return { value: undefined, bytes }
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type)) {
    throw new Refusal(415, 'not_json', `The body is ${type || 'of no stated type'}; this takes application/json.`)
  }
  return { value: parseJson(decodeText(bytes)), bytes }
}

/** Text values; a name given twice is a list where the schema wants one and a mistake elsewhere. */
function queryOf(schema: z.ZodObject, given: URLSearchParams): { [name: string]: string | string[] } {
  const query: { [name: string]: string | string[] } = {}
  for (const name of new Set(given.keys())) {
    const values = given.getAll(name)
    const wanted = unwrapped(schema.shape[name] as z.ZodType | undefined)
    if (wanted instanceof z.ZodArray) query[name] = values
    else if (values.length === 1) query[name] = values[0] as string
    else throw new Refusal(400, 'given_twice', `The query gives ${name} more than once.`, { at: `query.${name}` })
  }
  return query
}

function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrapped(schema.unwrap() as z.ZodType)
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in as z.ZodType) : schema
}

function parsed(schema: z.ZodType, value: unknown, place: 'path' | 'query' | 'body'): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const at = [place, ...(issue?.path ?? [])].reduce<string>(
    (path, step) => (typeof step === 'number' ? `${path}[${step}]` : path ? `${path}.${String(step)}` : String(step)),
    '',
  )
  const more = result.error.issues.length > 1 ? ` (and ${result.error.issues.length - 1} more)` : ''
  throw new Refusal(400, 'invalid', `${at}: ${issue?.message ?? 'not valid'}${more}`, { at })
}

function checkAnswer(route: Route, given: unknown): void {
  const result = route.answer.safeParse(given)
  if (result.success) return
  const issue = result.error.issues[0]
  throw new Error(
    `The answer of ${route.stage}.${route.name} does not fit its declaration at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`,
  )
}

/** IPv4 /24, IPv6 /48: enough to see a pattern, too little to name a household. */
export function truncated(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (isIP(plain) === 4) return plain.replace(/\.\d+$/, '.0')
  if (isIP(plain) !== 6) return '0.0.0.0'
  const [head = '', tail = ''] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = plain.includes('::') && tail !== '' ? tail.split(':') : []
  const groups = plain.includes('::')
    ? [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
    : left
  return `${groups
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::`
}

/**
 * Server-sent events: `/api/live?topics=ingest.events,delivery.message`. A screen asks for all its topics and hears those
 * its reader may; session and roles are looked at again while it streams.
 */
function mountLive(app: Hono<Environment>, needs: HttpNeeds, closing: AbortSignal): void {
  app.get('/api/live', async (context) => {
    context.set('route', 'live')
    const caller = await needs.authenticate(context.req.raw.headers)
    if (caller.kind === 'anonymous') throw new Refusal(401, 'sign_in', 'Live hints need a signed-in person or a key.')
    if (caller.kind === 'user' && caller.mustChangePassword)
      throw new Refusal(403, passwordFirst.code, passwordFirst.message, { doInstead: passwordFirst.doInstead })
    const asked = (context.req.query('topics') ?? '').split(',').filter((topic) => /^[a-z][\w.-]{0,63}$/.test(topic))
    if (asked.length === 0 || asked.length > 32) {
      throw new Refusal(400, 'invalid', 'Name 1 to 32 topics: /api/live?topics=ingest.events,…', { at: 'query.topics' })
    }
    const unknown = asked.find((topic) => !Object.hasOwn(needs.liveTopics, topic))
    if (unknown) throw new Refusal(403, 'unknown_topic', `There is no topic ${unknown}.`, { at: 'query.topics' })
    const readable = (reader: Caller) => asked.filter((topic) => isFor(needs.liveTopics[topic] ?? [], reader))
    const topics = readable(caller)
    if (topics.length === 0) {
      throw new Refusal(403, 'not_allowed', 'Your roles may hear none of these topics.', {
        doInstead: 'Ask an administrator.',
      })
    }
    const request = context.req.raw
    const ends = AbortSignal.any([request.signal, closing])
    const stream = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          const send = (text: string) => {
            // A reader that does not read loses hints, not our memory.
            if ((controller.desiredSize ?? 0) > -65_536) controller.enqueue(Buffer.from(text))
          }
          const unsubscribe = needs.live.subscribe(topics, (topic, payload) =>
            send(`event: ${topic}\ndata: ${JSON.stringify(payload)}\n\n`),
          )
          const heartbeat = setInterval(async () => {
            const now = await needs.authenticate(request.headers).catch(() => caller)
            // The browser asks again and gets what it may hear now.
            if (now.kind === 'anonymous' || readable(now).length < topics.length) return end()
            if (!ends.aborted) send(': still here\n\n')
          }, 15_000)
          function end() {
            clearInterval(heartbeat)
            unsubscribe()
            try {
              controller.close()
            } catch {
              // The reader closed it first.
            }
          }
          ends.addEventListener('abort', end, { once: true })
          send('retry: 2000\n\n')
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 16_384 }),
    )
    return new Response(stream, {
      headers: {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
      },
    })
  })
}

function mountDocuments(app: Hono<Environment>, needs: HttpNeeds): void {
  let document: string | null = null
  app.get('/openapi.json', (context) => {
    context.set('route', 'openapi')
    document ??= JSON.stringify(
      describeRoutes(
        needs.routes.map(({ route }) => route),
        { version: needs.version, url: needs.config.publicUrl },
      ),
    )
    const tag = `"${createHash('sha256').update(document).digest('base64url').slice(0, 22)}"`
    if (context.req.header('if-none-match') === tag) return context.body(null, 304, { ETag: tag })
    return context.body(document, 200, {
      'Content-Type': 'application/json; charset=utf-8',
      ETag: tag,
      'Cache-Control': 'no-cache',
    })
  })
  app.get('/docs', (context) => {
    context.set('route', 'docs')
    return context.html(documentationPage(needs.routes.map(({ route }) => route)), 200, { 'Cache-Control': 'no-cache' })
  })
}

function mountHealth(app: Hono<Environment>, needs: HttpNeeds): void {
  const plain = { 'Cache-Control': 'no-store' }
  app.get('/live', (context) => context.json({ live: true }, 200, plain))
  app.get('/startup', (context) => {
    const state = needs.startup?.() ?? { done: true, step: 'started' }
    return context.json(state, state.done ? 200 : 503, plain)
  })
  app.get('/ready', async (context) => {
    const health = needs.health ? await needs.health() : await askDatabase(needs.database)
    return context.json(health, health.ready ? 200 : 503, plain)
  })
  app.get('/metrics', async (context) => context.text(await needs.metrics.text(), 200, plain))
}

async function askDatabase(database: Database): Promise<Health> {
  try {
    await database.row`select 1`
    return { ready: true, degraded: [], failing: [] }
  } catch {
    return { ready: false, degraded: [], failing: ['PostgreSQL'] }
  }
}

function mountRaw(app: Hono<Environment>, mount: RawMount): void {
  app.on(mount.method, mount.path, async (context) => {
    context.set('route', `${mount.method} ${mount.path}`)
    const answer = await mount.handle(context.req.raw, {
      params: context.req.param() as { [name: string]: string },
      address: truncated(context.get('remoteAddress')),
      requestId: context.get('requestId'),
      remoteAddress: context.get('remoteAddress'),
    })
    // Answers from elsewhere may have frozen headers; ours are added to a copy.
    return new Response(answer.body, answer)
  })
}

/** A known path with another method is 405 and names the methods there are. */
function refuseOtherMethods(app: Hono<Environment>, needs: HttpNeeds): void {
  const methods = new Map<string, Set<string>>()
  const know = (path: string, method: string) => methods.set(path, (methods.get(path) ?? new Set()).add(method))
  for (const { route } of needs.routes) know(patternOf(route), route.method.toUpperCase())
  for (const raw of needs.raw) if (!raw.path.includes('*')) know(raw.path, raw.method)
  for (const [path, known] of methods) {
    const allow = [...known, ...(known.has('GET') ? ['HEAD'] : [])].join(', ')
    app.all(path, (context) =>
      problem(
        405,
        { code: 'wrong_method', message: `${context.req.method} is not possible here.`, doInstead: `Use ${allow}.` },
        { Allow: allow },
      ),
    )
  }
}
