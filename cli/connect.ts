import { type Client, createClient } from '@einklang/sdk'
import { localAccess } from '@einklang/server/local'
import type { Call, FlagTable } from './command.ts'

export const reachFlags: FlagTable = {
  server: { value: 'URL', text: 'a server elsewhere instead of the one on this data directory' },
  key: { value: 'EK', text: 'API key for --server (or EINKLANG_KEY)' },
}

/** A server to talk to, and what is needed to send it bytes that are not JSON. */
export type Reached = { client: Client; url: string; headers: { [name: string]: string } }

/**
 * Works with the server that runs on the data directory; when none runs, with one in this process that ends with
 * the command. `--server` with `--key` or `EINKLANG_KEY` reaches one elsewhere.
 */
export async function withServer<Result>(call: Call, work: (reached: Reached) => Promise<Result>): Promise<Result> {
  const elsewhere = call.flag('server')
  if (elsewhere !== undefined) {
    const key = call.flag('key') ?? call.environment['EINKLANG_KEY']
    return work(reachedAt(elsewhere.replace(/\/+$/, ''), key ? { authorization: `Bearer ${key}` } : {}))
  }
  const config = call.config()
  const running = localAccess(config.dataDirectory)
  if (running && (await answers(running.url))) return work(reachedAt(running.url, running.headers))

  call.tell('No server runs on this data directory; starting one for this command.')
  // Loaded only here: the stages take most of a second.
  const { createServer } = await import('@einklang/server')
  const server = createServer({ config: { ...config, role: 'all', host: '127.0.0.1', port: 0, logLevel: 'error' } })
  try {
    await server.start()
    const own = localAccess(config.dataDirectory)
    if (!own) throw new Error('the server left no address')
    return await work(reachedAt(own.url, own.headers))
  } finally {
    await server.stop()
  }
}

export function reachedAt(url: string, headers: { [name: string]: string }): Reached {
  return { client: createClient({ baseUrl: url, headers }), url, headers }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/live`, { signal: AbortSignal.timeout(2000) })
    return response.ok
  } catch {
    return false
  }
}
