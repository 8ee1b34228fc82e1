/** Stands between clients and server, hands everything on unchanged and notes what was acknowledged. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export const probes = /prb\d{6}x/g

export type Recorded = {
  method: string
  path: string
  headers: { [name: string]: string }
  body: Buffer
  status: number | null
  /** When it was here whole, ms. */
  at: number
  probes: string[]
}

/**
 * `pass` hands on. `busy` answers 503 itself. `lose` lets the server answer and drops the answer: the client must
 * think that nothing arrived. `down` breaks every connection.
 */
export type Mode = 'pass' | 'busy' | 'lose' | 'down'

export class Proxy {
  readonly recorded: Recorded[] = []
  #mode: Mode = 'pass'
  /** How many requests the mode still holds for; then it is `pass` again. */
  #left = Number.POSITIVE_INFINITY
  #open = 0
  readonly #server: Server
  readonly #target: number

  constructor(target: number, certificate: { key: Buffer; cert: Buffer } | null = null) {
    this.#target = target
    const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => void this.#handle(incoming, outgoing)
    this.#server = certificate ? createTlsServer(certificate, handle) : createServer(handle)
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  set(mode: Mode, times = Number.POSITIVE_INFINITY): void {
    this.#mode = mode
    this.#left = times
  }

  get busy(): boolean {
    return this.#open > 0
  }

  /** Everything that was sent in a request which was answered with 2xx. */
  acknowledged(): Set<string> {
    return new Set(this.recorded.flatMap(({ status, probes: sent }) => (status !== null && status < 300 ? sent : [])))
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.#open++
    try {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const post = incoming.method !== 'GET' && incoming.method !== 'OPTIONS'
      const mode = post && this.#left > 0 ? this.#mode : this.#mode === 'down' ? 'down' : 'pass'
      if (post && mode !== 'pass' && --this.#left <= 0) this.#mode = 'pass'
      const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
      const note: Recorded = {
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers,
        body,
        status: null,
        at: Date.now(),
        probes: [...new Set(`${incoming.url} ${textOf(body)}`.match(probes) ?? [])],
      }
      this.recorded.push(note)
      if (mode === 'down') return void outgoing.destroy()
      if (mode === 'busy') {
        note.status = 503
        return void outgoing.writeHead(503, { 'retry-after': '1' }).end('{}')
      }
      const answer = await this.#forward(incoming, body)
      if (answer === null || mode === 'lose') return void outgoing.destroy()
      note.status = answer.status
      outgoing.writeHead(answer.status, answer.headers).end(answer.body)
    } catch {
      outgoing.destroy()
    } finally {
      this.#open--
    }
  }

  #forward(incoming: IncomingMessage, body: Buffer): Promise<Answered | null> {
    return new Promise((done) => {
      const { host: _, connection: __, 'transfer-encoding': ___, ...headers } = incoming.headers
      const outgoing = ask(
        {
          host: '127.0.0.1',
          port: this.#target,
          method: incoming.method,
          path: incoming.url,
          headers: { ...headers, 'content-length': String(body.length) },
          agent: false,
        },
        async (response) => {
          const chunks: Buffer[] = []
          try {
            for await (const chunk of response) chunks.push(chunk as Buffer)
          } catch {
            return done(null)
          }
          const { 'transfer-encoding': ____, connection: _____, ...kept } = response.headers
          done({ status: response.statusCode ?? 502, headers: kept, body: Buffer.concat(chunks) })
        },
      )
      outgoing.on('error', () => done(null))
      outgoing.end(body)
    })
  }
}

type Answered = { status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }

/** The text inside a body, packed or not, base64 properties included. */
function textOf(body: Buffer): string {
  let plain = body
  try {
    if (body[0] === 0x1f && body[1] === 0x8b) plain = gunzipSync(body)
  } catch {
    // Not what it looks like: then there is nothing to find in it.
  }
  const text = plain.toString('utf8')
  const packed = [...text.matchAll(/"(?:ue_px|cx)":"([\w-]+)"/g)].map(([, inner]) =>
    Buffer.from(inner ?? '', 'base64url').toString('utf8'),
  )
  return [text, ...packed].join(' ')
}

/** A certificate of our own for clients that speak TLS only; null without openssl. */
export function certificate(): { key: Buffer; cert: Buffer; file: string; remove: () => void } | null {
  const folder = mkdtempSync(join(tmpdir(), 'einklang-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const words = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]
  try {
    execFileSync('openssl', words, { stdio: 'ignore' })
    return {
      key: readFileSync(key),
      cert: readFileSync(cert),
      file: cert,
      remove: () => rmSync(folder, { recursive: true, force: true }),
    }
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return null
  }
}
