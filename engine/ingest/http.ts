import type { IncomingMessage, ServerResponse } from 'node:http'
import { fault, type RawMount } from '@einklang/platform'
import { commonRoots, reservedRoots } from './dialects/index.ts'
import type { Door, DoorAnswer, DoorRequest } from './door.ts'

/**
 * Node's own request and response, without a framework between: the tracking paths carry most of the traffic.
 * Returns false when the path is not ours, so that the server can go on to its router.
 */
export function nodeListener(door: Door): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    if (!door.owns(path)) return false
    door.answer(new NodeRequest(request, path, mark < 0 ? '' : url.slice(mark + 1))).then(
      (answer) => send(response, answer),
      () => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
        response.end('{"success":false,"error":{"code":"internal","message":"Something went wrong on our side."}}')
      },
    )
    return true
  }
}

/** One object a request, without a closure for each question. */
class NodeRequest implements DoorRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly address: string
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage, path: string, query: string) {
    this.method = request.method ?? 'GET'
    this.path = path
    this.query = query
    // Now: of a connection that is gone nobody knows it any more.
    this.address = addressOf(request)
    this.#request = request
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  headerNames(): string[] {
    return Object.keys(this.#request.headers)
  }

  body(limit: number): Promise<Buffer | 'too_large'> {
    return nodeBody(this.#request, limit)
  }
}

/** One for all requests of a connection. */
const addresses = new WeakMap<object, string>()

function addressOf({ socket }: IncomingMessage): string {
  const known = addresses.get(socket)
  if (known !== undefined) return known
  const address = truncatedAddress(socket.remoteAddress ?? '')
  addresses.set(socket, address)
  return address
}

function send(response: ServerResponse, given: DoorAnswer): void {
  response.writeHead(given.status, { ...given.headers, 'content-length': Buffer.byteLength(given.body) })
  response.end(given.body)
}

function nodeBody(request: IncomingMessage, limit: number): Promise<Buffer | 'too_large'> {
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    request.resume()
    return Promise.resolve('too_large')
  }
  return new Promise((done, failed) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      fault('ingest.mid-body')
      size += chunk.length
      if (size > limit) {
        chunks.length = 0
        done('too_large')
      } else chunks.push(chunk)
    })
    request.on('end', () => done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    request.on('error', failed)
    request.on('close', () => {
      if (!request.readableEnded) failed(new Error('The client went away'))
    })
  })
}

/** The same door behind the server's router, for servers that cannot mount a Node listener. */
export function webMounts(door: Door): RawMount[] {
  const handle: RawMount['handle'] = async (request, match) => {
    const url = new URL(request.url)
    const answer = await door.answer({
      method: request.method,
      path: url.pathname,
      query: url.search.slice(1),
      header: (name) => request.headers.get(name) ?? undefined,
      headerNames: () => [...request.headers.keys()],
      body: (limit) => webBody(request, limit),
      address: match.address,
    })
    const body =
      answer.body.length === 0 ? null : typeof answer.body === 'string' ? answer.body : new Uint8Array(answer.body)
    return new Response(body, { status: answer.status, headers: answer.headers })
  }
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const
  const paths = reservedRoots.flatMap((root) => (commonRoots.has(root) ? [`/${root}`] : [`/${root}`, `/${root}/*`]))
  return paths.flatMap((path) => methods.map((method) => ({ method, path, handle })))
}

async function webBody(request: Request, limit: number): Promise<Buffer | 'too_large'> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return 'too_large'
  if (!request.body) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > limit) return 'too_large'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** IPv4 /24, IPv6 /48: enough for country and abuse, too little for a person. */
export function truncatedAddress(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  if (plain.includes('.')) return `${plain.split('.').slice(0, 3).join('.')}.0`
  const groups = plain.split(':')
  return plain === '' ? '' : `${groups.slice(0, 3).join(':')}::`
}
