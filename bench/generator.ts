/**
 * A raw HTTP/1.1 load generator over keep-alive sockets: small enough not to be what is measured.
 * Answers are read by `Content-Length`; latency is from the first byte written to the last byte read.
 */
import { connect, type Socket } from 'node:net'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

export type Load = {
  host: string
  port: number
  connections: number
  /** Requests in total; the generator also stops after `seconds`. */
  requests: number
  seconds: number
  /** Requests per second over all connections; missing = as fast as answers come. */
  rate?: number
  /** The n-th request, whole, as it goes over the wire. */
  request(index: number): Buffer
}

export type LoadResult = {
  sent: number
  /** Answers by their code; `broken` = connections that ended without one. */
  status: { [code: string]: number }
  seconds: number
  perSecond: number
  /** Milliseconds. */
  latency: Latency
  /** Of the answers with 200 alone. */
  accepted: Latency
  /** Answers with 429 that do not say when to come back. */
  withoutRetryAfter: number
  /** Turns of the generator's own event loop, ms: an answer may have lain there so long before it was seen. */
  ownTurn: { p50: number; p99: number; worst: number }
}

type Latency = { p50: number; p95: number; p99: number; worst: number }

export async function generateLoad(load: Load): Promise<LoadResult> {
  const latencies: number[] = []
  const accepted: number[] = []
  let withoutRetryAfter = 0
  const status: { [code: string]: number } = {}
  let next = 0
  const turns = monitorEventLoopDelay({ resolution: 5 })
  turns.enable()
  const start = performance.now()
  const deadline = start + load.seconds * 1000

  /** One connection until it has nothing more to send, or until it breaks: true. */
  function drive(socket: Socket): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let began = 0
      let received = Buffer.alloc(0)
      const send = () => {
        const now = performance.now()
        if (next >= load.requests || now >= deadline) return socket.end(() => resolve(false))
        const index = next++
        const due = load.rate ? start + (index / load.rate) * 1000 : now
        const write = () => {
          began = performance.now()
          socket.write(load.request(index))
        }
        if (due > now + 0.5) setTimeout(write, due - now)
        else write()
      }
      socket.on('data', (chunk) => {
        received = received.length ? Buffer.concat([received, chunk]) : chunk
        const headerEnd = received.indexOf('\r\n\r\n')
        if (headerEnd < 0) return
        const header = received.toString('latin1', 0, headerEnd)
        const length = Number(/content-length: (\d+)/i.exec(header)?.[1] ?? 0)
        if (received.length < headerEnd + 4 + length) return
        const code = header.slice(9, 12)
        status[code] = (status[code] ?? 0) + 1
        const took = performance.now() - began
        latencies.push(took)
        if (code === '200') accepted.push(took)
        if (code === '429' && !/retry-after:/i.test(header)) withoutRetryAfter++
        received = received.subarray(headerEnd + 4 + length)
        send()
      })
      // Nobody listens: that is no load. Broken later: an answer that never came.
      socket.on('error', (error) => (socket.connecting ? reject(error) : resolve(true)))
      socket.on('close', () => resolve(true))
      socket.on('connect', send)
    })
  }

  await Promise.all(
    Array.from({ length: load.connections }, async () => {
      while (await drive(connect({ host: load.host, port: load.port, noDelay: true }))) {
        status['broken'] = (status['broken'] ?? 0) + 1
        if (performance.now() >= deadline) return
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  turns.disable()
  const milliseconds = (nanoseconds: number) => Math.round(nanoseconds / 1e6)
  return {
    sent: latencies.length,
    status,
    seconds,
    perSecond: latencies.length / seconds,
    latency: latencyOf(latencies),
    accepted: latencyOf(accepted),
    withoutRetryAfter,
    ownTurn: {
      p50: milliseconds(turns.percentile(50)),
      p99: milliseconds(turns.percentile(99)),
      worst: milliseconds(turns.max),
    },
  }
}

function latencyOf(times: number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), worst: sorted.at(-1) ?? 0 }
}

/** A POST with a JSON body and Basic authentication by write key. */
export function post(path: string, key: string, body: string): Buffer {
  const bytes = Buffer.from(body)
  const authorization = Buffer.from(`${key}:`).toString('base64')
  const head = `POST ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

/** Median of an unsorted list. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
