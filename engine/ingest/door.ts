import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import type { Json, JsonObject } from '@einklang/contract'
import { type Clock, type Log, type Metrics, Outage } from '@einklang/platform'
import type { InboxRequest } from './frame.ts'
import type { GroupCommit } from './group-commit.ts'
import { jsonFault } from './json-text.ts'
import type { KeyFacts, Sources } from './source.ts'

/** A request as both doors (Node's and the web's) can describe it. */
export type DoorRequest = {
  method: string
  path: string
  query: string
  header(name: string): string | undefined
  /** The bytes on the wire, or `too_large` as soon as the limit is passed. */
  body(limit: number): Promise<Buffer | 'too_large'>
  /** Truncated client address. */
  address: string
}
export type DoorAnswer = { status: number; headers: { [name: string]: string }; body: string | Buffer }

export type Door = {
  /** Null = not one of our paths. */
  answer(request: DoorRequest): Promise<DoorAnswer | null>
  /** Is this path ours at all? Cheap; asked for every request of the server. */
  owns(path: string): boolean
}

const wireLimit = 4 * 1024 * 1024
const inflatedLimit = 16 * 1024 * 1024

const calls: { [segment: string]: string } = {
  identify: 'identify',
  track: 'track',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
  batch: 'batch',
  import: 'batch',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  b: 'batch',
}

type Target =
  | { kind: 'call'; call: string }
  | { kind: 'pixel'; call: string }
  | { kind: 'settings'; key: string }
  | { kind: 'metrics' }

function targetOf(path: string): Target | null {
  const parts = path.split('/').filter((part) => part !== '')
  if (parts[0] === 'pixel' && parts[1] === 'v1') return { kind: 'pixel', call: calls[parts[2] ?? ''] ?? 'track' }
  if (parts[0] !== 'v1') return null
  if (parts[1] === 'pixel') return { kind: 'pixel', call: calls[parts[2] ?? ''] ?? 'track' }
  if (parts[1] === 'm' && parts.length === 2) return { kind: 'metrics' }
  if (parts[1] === 'projects' && parts[3] === 'settings' && parts.length === 4) {
    return { kind: 'settings', key: decodeURIComponent(parts[2] ?? '') }
  }
  const call = parts.length === 2 && Object.hasOwn(calls, parts[1] ?? '') ? calls[parts[1] as string] : undefined
  return call ? { kind: 'call', call } : null
}

/**
 * The door decides only what route, size, key and syntax tell; items are judged after the acknowledgement.
 * Order of checks: spec ingest-wire §1.
 */
export function createDoor(needs: {
  sources: Sources
  inbox: GroupCommit
  clock: Clock
  log: Log
  metrics: Metrics
}): Door {
  const refusals = needs.metrics.counter('einklang_ingest_refused_total', 'Requests refused at the door', ['code'])

  const answer = async (request: DoorRequest): Promise<DoorAnswer> => {
    const target = targetOf(request.path)
    if (!target) return problem(request, 404, 'unknown_route', `There is no ${request.path} here.`)
    if (request.method === 'OPTIONS') return preflight(request)
    const expected = target.kind === 'call' || target.kind === 'metrics' ? 'POST' : 'GET'
    if (target.kind === 'pixel') return pixel(request, target.call)
    if (request.method !== expected && !(expected === 'GET' && request.method === 'HEAD')) {
      return problem(request, 405, 'method', `Use ${expected}.`, { allow: `${expected}, OPTIONS` })
    }
    if (target.kind === 'metrics') return json(request, 200, { success: true }, ['*'])
    if (target.kind === 'settings') return settings(request, target.key)
    return accept(request, target.call)
  }

  const accept = async (request: DoorRequest, call: string): Promise<DoorAnswer> => {
    const wire = await request.body(wireLimit)
    if (wire === 'too_large')
      return problem(request, 413, 'too_large', 'At most 4 MiB per request.', { connection: 'close' })
    const body = await inflated(wire, request.header('content-encoding'))
    if (body === 'too_large') return problem(request, 413, 'too_large', 'At most 16 MiB after decompression.')
    if (body === 'broken') return problem(request, 400, 'broken_encoding', 'The compressed body cannot be unpacked.')

    const shown = shownKey(request)
    const header = shown ? await firstKnown(needs.sources, shown.candidates) : null
    if (shown && !header) return problem(request, 401, 'unknown_key', 'No live source has this write key.')
    const text = body.toString('utf8')
    const document = parsed(text)
    if (document instanceof SyntaxError) {
      const fault = jsonFault(text)
      const offset = Buffer.byteLength(text.slice(0, fault.offset))
      return problem(
        request,
        400,
        'malformed_json',
        `Malformed JSON at byte ${offset}: ${fault.message}`,
        {},
        { at: String(offset) },
      )
    }
    if (document === null || typeof document !== 'object' || Array.isArray(document)) {
      return problem(request, 400, 'not_an_object', 'The body must be a JSON object.', {}, { at: '0' })
    }
    const inBody = bodyKey(document)
    if (header && shown && inBody && !shown.candidates.includes(inBody)) {
      return problem(request, 401, 'key_conflict', 'The key in the header and the key in the body differ.')
    }
    const key = header ?? (inBody ? await needs.sources.byKey(inBody) : null)
    if (!key)
      return problem(
        request,
        401,
        'unknown_key',
        inBody ? 'No live source has this write key.' : 'The request names no write key.',
      )
    if (call === 'batch') {
      if (!Array.isArray(document.batch))
        return problem(request, 400, 'no_batch', '“batch” must be an array of items.', {}, { at: 'batch' })
      if (document.batch.length === 0) return json(request, 200, { success: true }, key.source.origins)
    }
    return store(request, call, key, body, shown?.flags ?? [])
  }

  const store = async (request: DoorRequest, call: string, key: KeyFacts, body: Buffer, flags: string[]) => {
    try {
      const result = await needs.inbox.commit(factsOf(request, call, key, body, flags))
      if (result === 'full')
        return problem(request, 429, 'busy', 'Too much is waiting; come back in a second.', { 'retry-after': '1' })
      return json(request, 200, { success: true }, key.source.origins)
    } catch (error) {
      needs.log.error('The inbox refused a group', { error: error instanceof Error ? error.message : String(error) })
      const seconds = error instanceof Outage ? error.retryAfterSeconds : 5
      return problem(request, 503, 'unavailable', 'The inbox cannot be written now.', {
        'retry-after': String(seconds),
      })
    }
  }

  const factsOf = (request: DoorRequest, call: string, key: KeyFacts, body: Buffer, flags: string[]): InboxRequest => {
    const facts: InboxRequest = {
      source: key.source.id,
      key: key.key,
      call,
      trust: key.trust,
      receivedAt: needs.clock.now().getTime(),
      address: request.address,
      body,
    }
    const origin = request.header('origin')
    const put = (name: 'sentAt' | 'userAgent' | 'language' | 'origin', value: string | undefined) => {
      if (value) facts[name] = value.slice(0, 512)
    }
    put('sentAt', request.header('sentat'))
    put('userAgent', request.header('user-agent'))
    put('language', request.header('accept-language'))
    put('origin', origin)
    const anonymous = request.header('anonymousid')
    if (anonymous) facts.anonymousId = Buffer.from(anonymous, 'base64').toString('utf8').slice(0, 256)
    if (request.header('sec-gpc') === '1') facts.gpc = true
    const all = [...flags]
    if (key.trust === 'secret' && origin) all.push('secret_in_browser')
    if (key.endsAt) all.push('ending_key')
    if (all.length > 0) facts.flags = all
    return facts
  }

  const settings = async (request: DoorRequest, key: string): Promise<DoorAnswer> => {
    const facts = await needs.sources.byKey(key)
    if (!facts) return problem(request, 404, 'unknown_key', 'No live source has this write key.')
    return json(request, 200, settingsOf(key), facts.source.origins)
  }

  /** Pixels never fail: an image that cannot be shown would only hurt the page. */
  const pixel = async (request: DoorRequest, call: string): Promise<DoorAnswer> => {
    try {
      const document = pixelDocument(new URLSearchParams(request.query))
      const key = document ? await needs.sources.byKey(bodyKey(document) ?? '') : null
      if (key && document) await store(request, call, key, Buffer.from(JSON.stringify(document)), [])
      else refusals.add(1, { code: 'pixel' })
    } catch {
      refusals.add(1, { code: 'pixel' })
    }
    return { status: 200, headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' }, body: transparentGif }
  }

  const problem = (
    request: DoorRequest,
    status: number,
    code: string,
    message: string,
    headers: { [name: string]: string } = {},
    more: { at?: string } = {},
  ): DoorAnswer => {
    refusals.add(1, { code })
    const answer = json(request, status, { success: false, error: { code, message, ...more } }, ['*'])
    return { ...answer, headers: { ...answer.headers, ...headers } }
  }

  return {
    owns: (path) => path.startsWith('/v1/') || path.startsWith('/pixel/v1/'),
    async answer(request) {
      return answer(request)
    },
  }
}

// --- keys -----------------------------------------------------------------------------------------------------------

type Shown = { candidates: string[]; flags: string[] }

/** The key in the headers, in every form that known clients use (spec ingest-wire §3). */
function shownKey(request: DoorRequest): Shown | null {
  const jitsu = request.header('x-write-key')
  if (jitsu) return { candidates: [jitsu, ...jitsu.split(':').reverse()].filter((part) => part !== ''), flags: [] }
  const authorization = request.header('authorization')?.trim()
  if (!authorization) return null
  const [scheme, rest] = splitOnce(authorization, ' ')
  if (/^basic$/i.test(scheme) && rest) {
    const decoded = Buffer.from(rest.trim(), 'base64').toString('utf8')
    const [user, password] = splitOnce(decoded, ':')
    if (password === undefined) return { candidates: [decoded], flags: ['basic_without_colon'] }
    return { candidates: [user ?? '', password].filter((part) => part !== ''), flags: [] }
  }
  return { candidates: rest ? [rest.trim(), authorization] : [authorization], flags: [] }
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

async function firstKnown(sources: Sources, candidates: string[]): Promise<KeyFacts | null> {
  for (const candidate of candidates) {
    const found = await sources.byKey(candidate)
    if (found) return found
  }
  return null
}

function bodyKey(document: JsonObject): string | null {
  const key = document.writeKey ?? document.write_key
  // Jitsu repeats its key masked; it says nothing.
  return typeof key === 'string' && key !== '' && !key.endsWith(':***') ? key : null
}

// --- bytes ----------------------------------------------------------------------------------------------------------

const unpack = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  raw: promisify(inflateRaw),
  br: promisify(brotliDecompress),
}

/** Bytes decide before headers do: several clients send gzip without saying so. */
async function inflated(wire: Buffer, encoding: string | undefined): Promise<Buffer | 'too_large' | 'broken'> {
  const named = encoding?.trim().toLowerCase()
  const packed = (wire[0] === 0x1f && wire[1] === 0x8b) || named === 'gzip' || named === 'x-gzip'
  if (!packed && named !== 'deflate' && named !== 'br') return wire
  const options = { maxOutputLength: inflatedLimit }
  try {
    if (packed) return await unpack.gzip(wire, options)
    if (named === 'br') return await unpack.br(wire, options)
    // "deflate" means zlib by the standard and raw deflate by custom; the low nibble of zlib is always 8.
    return ((wire[0] ?? 0) & 15) === 8 ? await unpack.deflate(wire, options) : await unpack.raw(wire, options)
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'broken'
  }
}

function parsed(text: string): Json | SyntaxError {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    if (error instanceof SyntaxError) return error
    throw error
  }
}

// --- pixels -----------------------------------------------------------------------------------------------------------

const transparentGif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

function pixelDocument(query: URLSearchParams): JsonObject | null {
  const data = query.get('data')
  if (data !== null) {
    // A "+" of standard base64 arrives as a space in a query.
    const text = Buffer.from(data.replaceAll(' ', '+').replaceAll('-', '+').replaceAll('_', '/'), 'base64').toString(
      'utf8',
    )
    const document = parsed(text)
    if (document instanceof SyntaxError || document === null || typeof document !== 'object' || Array.isArray(document))
      return null
    const key = query.get('writeKey')
    return key && document.writeKey === undefined ? { ...document, writeKey: key } : document
  }
  const document = new Map<string, Json>()
  for (const [name, value] of query) place(document, name.split('.').slice(0, 8), value)
  return toObject(document)
}

type Tree = Map<string, Json | Tree>

/** Dots nest. A map while building, because names such as `__proto__` come from outside. */
function place(tree: Tree, path: string[], value: string): void {
  const [head = '', ...rest] = path
  if (rest.length === 0) {
    tree.set(head, value)
    return
  }
  const inner = tree.get(head)
  const branch: Tree = inner instanceof Map ? inner : new Map()
  tree.set(head, branch)
  place(branch, rest, value)
}

function toObject(tree: Tree): JsonObject {
  return Object.fromEntries([...tree].map(([name, value]) => [name, value instanceof Map ? toObject(value) : value]))
}

// --- answers ----------------------------------------------------------------------------------------------------------

function json(request: DoorRequest, status: number, body: unknown, origins: string[]): DoorAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...corsFor(request.header('origin'), origins) },
    body: JSON.stringify(body),
  }
}

function corsFor(origin: string | undefined, origins: string[]): { [name: string]: string } {
  if (!origin) return {}
  if (!origins.includes('*') && !origins.includes(origin)) return { vary: 'Origin' }
  return { 'access-control-allow-origin': origin, vary: 'Origin' }
}

/** `*` would not cover `Authorization` (Fetch standard), so the headers are named. */
function preflight(request: DoorRequest): DoorAnswer {
  return {
    status: 204,
    headers: {
      ...corsFor(request.header('origin') ?? '*', ['*']),
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers':
        'authorization, content-type, content-encoding, accept, x-retry-count, anonymousid, sentat, x-write-key, idempotency-key',
      'access-control-max-age': '7200',
    },
    body: '',
  }
}

/** The smallest object with which analytics-next starts and sends; no remote code, no counters sent home. */
function settingsOf(key: string): JsonObject {
  return {
    integrations: {
      'Segment.io': {
        apiKey: key,
        unbundledIntegrations: [],
        addBundledMetadata: true,
        maybeBundledConfigIds: {},
        versionSettings: { version: '4.4.7', componentTypes: ['browser'] },
      },
    },
    plan: {
      track: { __default: { enabled: true, integrations: {} } },
      identify: { __default: { enabled: true } },
      group: { __default: { enabled: true } },
    },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  }
}
