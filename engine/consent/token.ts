import { type Channel, channel, idOf, type PersonId } from '@einklang/contract'
import type { Secrets } from '@einklang/platform'
import { z } from 'zod'

/** What a link in a message stands for. The token hides the address: links end up in logs. */
export type LinkTarget = {
  person: PersonId
  channel: Channel
  address: string
  topic: string | null
  message: string | null
}

const purpose = 'consent.link'
const bound = 'consent/link'
const shape = z.object({
  p: idOf('person'),
  c: channel,
  a: z.string(),
  t: z.string().nullable(),
  m: z.string().nullable(),
})

export function linkToken(secrets: Secrets, target: LinkTarget): string {
  const plain = JSON.stringify({
    p: target.person,
    c: target.channel,
    a: target.address,
    t: target.topic,
    m: target.message,
  })
  return Buffer.from(secrets.seal(purpose, Buffer.from(plain), bound)).toString('base64url')
}

/** Null = not one of ours, or changed on the way. */
export function readLink(secrets: Secrets, token: string): LinkTarget | null {
  if (token.length > 2000 || !/^[A-Za-z0-9_-]+$/.test(token)) return null
  try {
    const plain = secrets.open(purpose, Buffer.from(token, 'base64url'), bound)
    const read = shape.parse(JSON.parse(Buffer.from(plain).toString('utf8')))
    return { person: read.p, channel: read.c, address: read.a, topic: read.t, message: read.m }
  } catch {
    return null
  }
}
