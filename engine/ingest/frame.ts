import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { api, KeyId, SourceId } from '@einklang/contract'
import type { Repair } from './quality/finding.ts'

type DialectName = api.ingest.DialectName

/** What a request was, beside its body: everything an adapter may look at. Kept short, it is stored per request. */
export type RequestFacts = {
  source: SourceId
  /** The key that was shown; absent for our own facts. */
  key?: KeyId
  /** The wire shape; missing = Segment's. */
  dialect?: DialectName
  /** What the path asked for: `batch`, a single call, or `own` for facts of later stages, `normal` for imported rows. */
  call: string
  /** Values out of the path. */
  params?: string[]
  /** Headers that carry a part of the message (CloudEvents, webhooks). */
  heads?: { [name: string]: string }
  /** How a webhook was signed: it decides where the message has its id and type. */
  webhook?: api.ingest.Webhook
  /** How often the client had tried before. */
  retry?: number
  /** A replay of one item of a message that says several things. */
  part?: number
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
  /** Repairs of a group that is sent again. */
  repairs?: Repair[]
}

export type InboxRequest = RequestFacts & { body: Buffer }

/** Packs requests into one row: per request a length, the facts, a length, the body as it came; then zstd. */
export function packRequests(requests: InboxRequest[]): { bytes: Buffer; size: number } {
  const pieces: Buffer[] = []
  for (const { body, ...facts } of requests) {
    const head = Buffer.from(JSON.stringify(facts))
    const lengths = Buffer.allocUnsafe(8)
    lengths.writeUInt32BE(head.length, 0)
    lengths.writeUInt32BE(body.length, 4)
    pieces.push(lengths, head, body)
  }
  const whole = Buffer.concat(pieces)
  return { bytes: squeeze(whole), size: whole.length }
}

export function unpackRequests(bytes: Buffer): InboxRequest[] {
  const whole = unsqueeze(bytes)
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

/** Below this a compressor costs more to set up than its work is worth; PostgreSQL compresses such rows itself. */
const worthwhile = 32 * 1024
/** Output is asked for in pieces of this size at most. */
const piece = 4 * 1024 * 1024
/** How every zstd frame begins (RFC 8878 §3.1.1); what we write starts otherwise, with a length or a brace. */
const zstdMagic = 0xfd2fb528

/** At once: a megabyte costs two milliseconds, and the way to another thread and back half as much for each group. */
export function squeeze(bytes: Buffer): Buffer {
  if (bytes.length < worthwhile) return bytes
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: Math.min(piece, Math.ceil(bytes.length / 4)),
  })
}

export function unsqueeze(bytes: Buffer): Buffer {
  return bytes.length >= 4 && bytes.readUInt32LE(0) === zstdMagic
    ? zstdDecompressSync(bytes, { chunkSize: Math.min(piece, bytes.length * 16) })
    : bytes
}
