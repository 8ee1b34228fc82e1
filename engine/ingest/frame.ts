import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { KeyId, SourceId } from '@einklang/contract'

const compress = promisify(zstdCompress)
const expand = promisify(zstdDecompress)

/** What a request was, beside its body: everything an adapter may look at. Kept short, it is stored per request. */
export type RequestFacts = {
  source: SourceId
  /** The key that was shown; absent for our own facts. */
  key?: KeyId
  /** `batch`, a single call, or `own` for facts of later stages and `replay` for items out of quarantine. */
  call: string
  trust: 'publishable' | 'secret'
  receivedAt: number
  sentAt?: string
  anonymousId?: string
  /** `Sec-GPC: 1`: the browser objects to sale and sharing. */
  gpc?: true
  origin?: string
  userAgent?: string
  language?: string
  /** Truncated client address. */
  address?: string
  flags?: string[]
}

export type InboxRequest = RequestFacts & { body: Buffer }

/** Packs requests into one row: per request a length, the facts, a length, the body as it came; then zstd. */
export async function packRequests(requests: InboxRequest[]): Promise<{ bytes: Buffer; size: number }> {
  const pieces: Buffer[] = []
  for (const { body, ...facts } of requests) {
    const head = Buffer.from(JSON.stringify(facts))
    const lengths = Buffer.allocUnsafe(8)
    lengths.writeUInt32BE(head.length, 0)
    lengths.writeUInt32BE(body.length, 4)
    pieces.push(lengths, head, body)
  }
  const whole = Buffer.concat(pieces)
  return { bytes: await squeeze(whole), size: whole.length }
}

export async function unpackRequests(bytes: Buffer): Promise<InboxRequest[]> {
  const whole = await unsqueeze(bytes)
  const requests: InboxRequest[] = []
  for (let at = 0; at < whole.length; ) {
    const head = whole.readUInt32BE(at)
    const body = whole.readUInt32BE(at + 4)
    const facts = JSON.parse(whole.toString('utf8', at + 8, at + 8 + head)) as RequestFacts
    at += 8 + head
    requests.push({ ...facts, body: whole.subarray(at, at + body) })
    at += body
  }
  return requests
}

export function squeeze(bytes: Buffer): Promise<Buffer> {
  return compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

export function unsqueeze(bytes: Buffer): Promise<Buffer> {
  return expand(bytes)
}
