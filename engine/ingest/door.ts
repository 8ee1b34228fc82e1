import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import type { Json } from '@einklang/contract'
import { type Clock, type Log, type Metrics, Outage } from '@einklang/platform'
import { type Answer, isObject, type Take } from './dialects/dialect.ts'
import { type Candidate, candidatesAt, ownsPath } from './dialects/index.ts'
import { checkSignature } from './dialects/signature.ts'
import type { InboxRequest } from './frame.ts'
import type { GroupCommit } from './group-commit.ts'
import { deepText, jsonFault } from './json-text.ts'
import { textOf } from './normal.ts'
import type { KeyFacts, Sources } from './source.ts'

/** A request as both doors (Node's and the web's) can describe it. */
export type DoorRequest = {
  method: string
  path: string
  query: string
  header(name: string): string | undefined
  headerNames(): string[]
  /** The bytes on the wire, or `too_large` as soon as the limit is passed. */
  body(limit: number): Promise<Buffer | 'too_large'>
  /** Truncated client address. */
  address: string
}
export type DoorAnswer = { status: number; headers: { [name: string]: string }; body: string | Buffer }

export type Door = {
  answer(request: DoorRequest): Promise<DoorAnswer>
  /** Is this path ours at all? Cheap; asked for every request of the server. */
  owns(path: string): boolean
}

const wireLimit = 4 * 1024 * 1024
const inflatedLimit = 16 * 1024 * 1024
/** Wrong keys that one address (truncated) may show within a minute before it is told to wait. */
const wrongKeysPerMinute = 120

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
  const { sources } = needs
  const refusals = needs.metrics.counter('einklang_ingest_refused_total', 'Requests refused at the door', ['code'])
  const guesses = createGuesses(wrongKeysPerMinute)

  const answer = async (request: DoorRequest): Promise<DoorAnswer> => {
    const here = candidatesAt(request.path)
    const image = here.find(({ route }) => route.kind === 'pixel')
    if (image && (request.method === 'GET' || request.method === 'HEAD')) return pixel(request, image)
    if (here.length === 0) return problem(request, 404, 'unknown_route', `There is no ${request.path} here.`)
    const spoken = sources.speaks(here.map(({ dialect }) => dialect))
    if (spoken !== true && !(await spoken)) {
      return problem(
        request,
        404,
        'dialect_off',
        'No source speaks the dialect of this path; switch it on in its settings.',
      )
    }
    if (request.method === 'OPTIONS') return preflight(request, here)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const meant = here.filter(({ route }) => route.kind !== 'pixel' && route.method === method)
    if (meant.length === 0) {
      const allowed = [...new Set(here.map(({ route }) => (route.kind === 'pixel' ? 'GET' : route.method)))].join(', ')
      return problem(request, 405, 'method', `Use ${allowed}.`, { allow: `${allowed}, OPTIONS` })
    }
    return meant[0]?.route.kind === 'tell' ? tell(request, meant) : accept(request, meant)
  }

  const accept = async (request: DoorRequest, meant: Candidate[]): Promise<DoorAnswer> => {
    const expected = needs.inbox.expect(lengthOf(request))
    if (!expected) return busy(request)
    const wire = await request.body(wireLimit).finally(expected.over)
    if (wire === 'too_large')
      return problem(request, 413, 'too_large', 'At most 4 MiB per request.', { connection: 'close' })
    const body = await inflated(wire, request.header('content-encoding'))
    if (body === 'too_large') return problem(request, 413, 'too_large', 'At most 16 MiB after decompression.')
    if (body === 'broken') return problem(request, 400, 'broken_encoding', 'The compressed body cannot be unpacked.')

    const first = meant[0]?.route as Take
    const query = new URLSearchParams(request.query)
    if (first.signed) return signed(request, meant, wire, body)
    const shown = shownKey(request)
    const header = shown ? await firstKnown(sources, shown.candidates) : null
    if (shown && !header) return unknownKey(request, 'No live source has this write key.')
    const read = documentOf(first, body, query)
    if ('fault' in read) return problem(request, 400, read.code, read.fault, {}, { at: read.at })

    const named = await whoSends(request, meant, shown, header, read.document, query)
    if ('status' in named) return named
    const chosen = meant.find(({ dialect }) => named.source.dialects.includes(dialect))
    if (!chosen) {
      const message = `The source “${named.source.name}” does not speak the dialect of this path.`
      return problem(request, 404, 'dialect_off', message)
    }
    const route = chosen.route as Take
    const fault = route.fault?.(read.document)
    if (fault) return problem(request, 400, 'malformed', fault.message, {}, { at: fault.at })
    // Made now: while the commit is waited for, only bytes stay in memory, not what was read out of them.
    const answer = told(request, named, chosen, route.answer?.(read.document, query))
    return saysNothing(read.document) ? answer : store(request, chosen, named, read.body, shown?.flags ?? [], answer)
  }

  /** The source behind a key in the header or the body, or behind a name where clients show no key. */
  const whoSends = async (
    request: DoorRequest,
    meant: Candidate[],
    shown: Shown | null,
    header: KeyFacts | null,
    document: Json,
    query: URLSearchParams,
  ): Promise<KeyFacts | DoorAnswer> => {
    const routes = meant.map(({ route }) => route as Take)
    const inBody = routes.map((route) => route.key?.(document, query) ?? null).find((key) => key !== null) ?? null
    if (header && shown && inBody !== null && !shown.candidates.includes(inBody)) {
      return problem(request, 401, 'key_conflict', 'The key in the header and the key in the body differ.')
    }
    if (header) return header
    if (inBody !== null) {
      return (await sources.byKey(inBody)) ?? unknownKey(request, 'No live source has this write key.')
    }
    const name = routes.map((route) => route.named?.(document, query) ?? null).find((one) => one !== null) ?? null
    if (name === null) return unknownKey(request, 'The request names no write key.')
    return (
      (await named(request, name)) ?? unknownKey(request, `No source of this origin is named “${name.slice(0, 64)}”.`)
    )
  }

  /** Anybody can name a source, so it may say what a web page may, and only pages of the source's origins. */
  const named = async (request: DoorRequest, name: string): Promise<KeyFacts | null> => {
    const source = (await sources.bySlug(name)) ?? (await sources.byKey(name))?.source
    if (!source) return null
    const origin = request.header('origin')
    if (origin && !source.origins.includes('*') && !source.origins.includes(origin)) return null
    return { trust: 'publishable', endsAt: null, source }
  }

  /** A webhook shows no key: its bytes are signed with a secret that the sender and the source share. */
  const signed = async (request: DoorRequest, meant: Candidate[], wire: Buffer, body: Buffer): Promise<DoorAnswer> => {
    const chosen = meant[0] as Candidate
    const route = chosen.route as Take
    const source = await sources.bySlug(route.params?.[0] ?? '')
    if (!source?.dialects.includes(chosen.dialect) || !source.webhook) {
      return problem(request, 404, 'unknown_source', 'No source takes webhooks under this name.')
    }
    const secrets = await sources.webhookSecrets(source.id)
    const now = needs.clock.now().getTime() / 1000
    const check = checkSignature(source.webhook, secrets, { header: (name) => request.header(name), body: wire, now })
    if (check === 'ping') return { status: 200, headers: {}, body: '' }
    if (check === 'wrong') return problem(request, 401, 'wrong_signature', 'The signature does not fit these bytes.')
    if (check === 'stale') return problem(request, 401, 'stale_signature', 'The signature is older than five minutes.')
    const read = documentOf(route, body, new URLSearchParams(request.query))
    if ('fault' in read) return problem(request, 400, read.code, read.fault, {}, { at: read.at })
    const sender: KeyFacts = { trust: 'secret', endsAt: null, source }
    const answer = told(request, sender, chosen, route.answer?.(read.document, new URLSearchParams()))
    return store(request, chosen, sender, read.body, [], answer)
  }

  const unknownKey = (request: DoorRequest, message: string): DoorAnswer => {
    if (guesses.tooMany(request.address)) {
      return problem(request, 429, 'too_many_wrong_keys', 'Too many wrong keys from here.', { 'retry-after': '60' })
    }
    return problem(request, 401, 'unknown_key', message)
  }

  const busy = (request: DoorRequest): DoorAnswer =>
    problem(request, 429, 'busy', 'Too much is waiting; come back in a second.', { 'retry-after': '1' })

  const store = async (
    request: DoorRequest,
    chosen: Candidate,
    sender: KeyFacts,
    body: Buffer,
    flags: string[],
    answer: DoorAnswer,
  ): Promise<DoorAnswer> => {
    try {
      const result = await needs.inbox.commit(factsOf(request, chosen, sender, body, flags))
      return result === 'full' ? busy(request) : answer
    } catch (error) {
      needs.log.error('The inbox refused a group', { error: error instanceof Error ? error.message : String(error) })
      const seconds = error instanceof Outage ? error.retryAfterSeconds : 5
      return problem(request, 503, 'unavailable', 'The inbox cannot be written now.', {
        'retry-after': String(seconds),
      })
    }
  }

  const factsOf = (
    request: DoorRequest,
    { dialect, route }: Candidate,
    sender: KeyFacts,
    body: Buffer,
    flags: string[],
  ): InboxRequest => {
    const facts: InboxRequest = {
      source: sender.source.id,
      call: route.kind === 'tell' ? 'batch' : route.call,
      trust: sender.trust,
      receivedAt: needs.clock.now().getTime(),
      address: request.address,
      body,
    }
    if (sender.key) facts.key = sender.key
    if (dialect !== 'segment') facts.dialect = dialect
    if (dialect === 'webhook' && sender.source.webhook) facts.webhook = sender.source.webhook
    if (route.kind === 'take' && route.params) facts.params = route.params.map((value) => value.slice(0, 512))
    if (route.kind === 'take' && route.heads) facts.heads = headsOf(request, route.heads)
    const origin = request.header('origin')
    const put = (name: 'sentAt' | 'userAgent' | 'language' | 'origin', value: string | undefined) => {
      if (value) facts[name] = value.slice(0, 512)
    }
    put('sentAt', request.header('sentat'))
    put('userAgent', request.header('user-agent'))
    put('language', request.header('accept-language'))
    put('origin', origin)
    const anonymous = request.header('anonymousid')
    if (anonymous) facts.anonymousId = plainText(Buffer.from(anonymous, 'base64').toString('utf8')).slice(0, 256)
    if (request.header('sec-gpc') === '1') facts.gpc = true
    const retry = Number(request.header('x-retry-count') ?? 0)
    if (Number.isInteger(retry) && retry > 0) facts.retry = Math.min(retry, 1000)
    const all = [...flags]
    if (sender.trust === 'secret' && origin) all.push('secret_in_browser')
    if (sender.endsAt) all.push('ending_key')
    if (all.length > 0) facts.flags = all
    return facts
  }

  /** Configuration that clients ask for before they send; the key is the last part of the path or in the query. */
  const tell = async (request: DoorRequest, meant: Candidate[]): Promise<DoorAnswer> => {
    const query = new URLSearchParams(request.query)
    const first = meant[0]?.route
    if (first?.kind !== 'tell') throw new Error('Invariant violated: only what is told comes here')
    if (!first.key) return told(request, null, meant[0] as Candidate, first.answer(query, null))
    const shown = shownKey(request)
    const candidates = [first.key(query) ?? '', ...(shown?.candidates ?? [])].filter((key) => key !== '')
    const sender = await firstKnown(sources, candidates)
    const chosen = sender ? meant.find(({ dialect }) => sender.source.dialects.includes(dialect)) : undefined
    if (!sender || !chosen) return problem(request, 404, 'unknown_key', 'No live source has this write key.')
    return told(request, sender, chosen, first.answer(query, candidates[0] ?? null))
  }

  /** Pixels never fail: an image that cannot be shown would only hurt the page. */
  const pixel = async (request: DoorRequest, { dialect, route }: Candidate): Promise<DoorAnswer> => {
    try {
      if (route.kind !== 'pixel') throw new Error('Invariant violated: no pixel')
      const query = new URLSearchParams(request.query)
      const document = route.document(query)
      const key = document ? route.key(document, query) : null
      const name = document ? (route.named?.(document) ?? null) : null
      const sender = key ? await sources.byKey(key) : name ? await named(request, name) : null
      const body = Buffer.from(deepText(document))
      const speaks = sender?.source.dialects.some((one) => one === dialect || pixelFamily.has(one))
      if (sender && document && speaks) await store(request, { dialect, route }, sender, body, [], image)
      else refusals.add(1, { code: 'pixel' })
    } catch {
      refusals.add(1, { code: 'pixel' })
    }
    return image
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

  return { owns: ownsPath, answer }
}

/** What a request says of the length of its body, as far as one is taken; null = it does not say. */
function lengthOf(request: DoorRequest): number | null {
  const said = Number(request.header('content-length') ?? Number.NaN)
  return said >= 0 ? Math.min(said, wireLimit) : null
}

/** Those whose pixels have Segment's form. */
const pixelFamily = new Set(['segment', 'rudderstack', 'jitsu', 'customerio'])

/** The answer in the words of the dialect. */
function told(
  request: DoorRequest,
  sender: KeyFacts | null,
  { route }: Candidate,
  answer: Answer = { status: 200, body: { success: true } },
): DoorAnswer {
  const cors = corsFor(request.header('origin'), sender?.source.origins ?? ['*'])
  if (route.kind !== 'pixel' && route.credentials && cors['access-control-allow-origin'])
    cors['access-control-allow-credentials'] = 'true'
  if (answer.body === null) return { status: answer.status, headers: cors, body: '' }
  const type = answer.type ?? 'application/json; charset=utf-8'
  return {
    status: answer.status,
    headers: { 'content-type': type, ...cors },
    body: typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body),
  }
}

/** Counts wrong keys per address and minute, in bounded memory. */
function createGuesses(limit: number): { tooMany(address: string): boolean } {
  let from = performance.now()
  let counts = new Map<string, number>()
  return {
    tooMany(address) {
      if (performance.now() - from > 60_000 || counts.size > 10_000) {
        from = performance.now()
        counts = new Map()
      }
      const count = (counts.get(address) ?? 0) + 1
      counts.set(address, count)
      return count > limit
    },
  }
}

// --- the body ---------------------------------------------------------------------------------------------------------

type Read = { document: Json; body: Buffer }
type Fault = { fault: string; code: string; at: string }

/** What the bytes say, and the bytes that are kept: as they came, unless they were no JSON and still mean something. */
function documentOf(route: Take, body: Buffer, query: URLSearchParams): Read | Fault {
  const text = textOf(body)
  if (text.trim() === '' && (route.body === 'empty' || route.body === 'any'))
    return { document: {}, body: Buffer.from('{}') }
  const document = parsed(text)
  if (document instanceof SyntaxError) {
    const otherwise = route.document?.(query, text) ?? null
    if (otherwise !== null) return { document: otherwise, body: Buffer.from(deepText(otherwise)) }
    const fault = jsonFault(text)
    const offset = Buffer.byteLength(text.slice(0, fault.offset))
    return {
      code: 'malformed_json',
      fault: `Malformed JSON at byte ${offset}: ${fault.message}`,
      at: String(offset),
    }
  }
  const whole = document !== null && typeof document === 'object' && (route.body === 'any' || !Array.isArray(document))
  if (!whole && route.body !== 'any') {
    return { code: 'not_an_object', fault: 'The body must be a JSON object.', at: '0' }
  }
  return { document, body }
}

/** An empty batch is fine, and nothing to keep. */
function saysNothing(document: Json): boolean {
  return isObject(document) && Array.isArray(document.batch) && document.batch.length === 0
}

function headsOf(request: DoorRequest, wanted: (name: string) => boolean): { [name: string]: string } {
  const heads: { [name: string]: string } = {}
  for (const name of request.headerNames()) {
    const value = wanted(name) ? request.header(name) : undefined
    if (value !== undefined) heads[name] = plainText(value).slice(0, 1024)
  }
  return heads
}

/** Facts are kept as JSON in the database, which takes neither NUL nor half characters. */
function plainText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

// --- keys -----------------------------------------------------------------------------------------------------------

type Shown = { candidates: string[]; flags: string[] }

/** What a header said lately: clients say the same with every request. */
const lately = new Map<string, Shown>()

/** The key in the headers, in every form that known clients use (spec ingest-wire §3). */
function shownKey(request: DoorRequest): Shown | null {
  const jitsu = request.header('x-write-key')
  if (jitsu) return { candidates: [jitsu, ...jitsu.split(':').reverse()].filter((part) => part !== ''), flags: [] }
  const authorization = request.header('authorization')?.trim()
  if (!authorization) return null
  const known = lately.get(authorization)
  if (known) return known
  if (lately.size >= 1000) lately.clear()
  const shown = authorized(authorization)
  if (authorization.length <= 512) lately.set(authorization, shown)
  return shown
}

function authorized(authorization: string): Shown {
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
    const known = sources.byKey(candidate)
    const found = known instanceof Promise ? await known : known
    if (found) return found
  }
  return null
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

const image: DoorAnswer = {
  status: 200,
  headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' },
  body: Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
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
function preflight(request: DoorRequest, here: Candidate[]): DoorAnswer {
  const credentials = here.some(({ route }) => route.kind !== 'pixel' && route.credentials)
  return {
    status: 204,
    headers: {
      ...corsFor(request.header('origin') ?? '*', ['*']),
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers':
        'authorization, content-type, content-encoding, accept, x-retry-count, anonymousid, sentat, x-write-key, idempotency-key',
      'access-control-max-age': '7200',
      ...(credentials && request.header('origin') ? { 'access-control-allow-credentials': 'true' } : {}),
    },
    body: '',
  }
}
