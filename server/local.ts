import { randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { roles } from '@einklang/contract'
import type { Caller } from '@einklang/platform'

export const version = (
  JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string }
).version

/** How a program on the same machine reaches a running server without signing in. */
export type LocalAccess = { url: string; headers: { authorization: string } }

const addressFile = (directory: string) => join(directory, 'server.json')
const tokenFile = (directory: string) => join(directory, 'local.token')

/**
 * Who can read the data directory owns the house anyway; the token, readable by its owner alone, only saves the
 * sign-in. It is kept from start to start so that a command may wait for a restart.
 */
export function localToken(directory: string): string {
  const file = tokenFile(directory)
  if (!existsSync(file)) {
    const fresh = `${file}.${process.pid}`
    writeFileSync(fresh, `local_${randomBytes(32).toString('base64url')}`, { mode: 0o600 })
    renameSync(fresh, file)
  }
  chmodSync(file, 0o600)
  return readFileSync(file, 'utf8').trim()
}

/** Leaves the address where `localAccess` finds it; returns the function that takes it away again. */
export function announce(directory: string, url: string): () => void {
  const file = addressFile(directory)
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, JSON.stringify({ url, pid: process.pid }))
  renameSync(fresh, file)
  // A successor may have left its own by then.
  return () => {
    if (announced(directory)?.pid === process.pid) rmSync(file, { force: true })
  }
}

/** The server that last announced itself on this data directory. */
export function announced(directory: string): { url: string; pid: number } | null {
  try {
    return JSON.parse(readFileSync(addressFile(directory), 'utf8')) as { url: string; pid: number }
  } catch {
    return null
  }
}

/** The access that a server on this data directory left; null when none has, or none was stopped in order. */
export function localAccess(directory: string): LocalAccess | null {
  try {
    const url = announced(directory)?.url
    if (url === undefined) return null
    return { url, headers: { authorization: `Bearer ${readFileSync(tokenFile(directory), 'utf8').trim()}` } }
  } catch {
    return null
  }
}

/** The caller behind the local token: every role, since the data directory is theirs. */
export function localCaller(token: string): (headers: Headers) => Caller | null {
  const expected = Buffer.from(`Bearer ${token}`)
  return (headers) => {
    const given = Buffer.from(headers.get('authorization') ?? '')
    const same = given.length === expected.length && timingSafeEqual(given, expected)
    return same ? { kind: 'key', key: 'local', name: 'local command line', roles: [...roles] } : null
  }
}
