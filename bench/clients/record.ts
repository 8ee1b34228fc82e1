/** Keeps what a package sent as a fixture: the suite shows it to the door without the package. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Recorded } from './proxy.ts'

const folder = join(import.meta.dirname, '../../engine/ingest/dialects/fixtures')

/** Headers that say something; the rest belongs to the transport. */
const kept = /^(content-type|content-encoding|authorization|x-write-key|anonymousid|sentat|revision|ce-|webhook-|svix-)/

/** Requests above this size are told by their shape in other fixtures already. */
const largest = 8000

export async function record(name: string, recorded: Recorded[]): Promise<void> {
  // A signature ages; its vectors stand in the tests.
  if (name === 'svix' || name === 'standardwebhooks') return
  const requests = recorded
    .filter(
      ({ method, body, status }) => method !== 'OPTIONS' && body.length <= largest && status !== null && status < 300,
    )
    .slice(0, 16)
    .map(({ method, path, headers, body, status, at }) => ({
      method,
      path,
      headers: Object.fromEntries(Object.entries(headers).filter(([header]) => kept.test(header))),
      body: body.toString('base64'),
      status,
      at,
    }))
  const file = join(folder, `${name.replaceAll(/[@/]/g, '_').replace(/^_/, '')}.json`)
  await writeFile(file, `${JSON.stringify(requests, null, 2)}\n`)
}
