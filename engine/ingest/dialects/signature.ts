import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import type { api } from '@einklang/contract'

type Webhook = api.ingest.Webhook

export type Signed = {
  header(name: string): string | undefined
  /** The bytes as they came: a signature never covers what was read out of them. */
  body: Buffer
  /** Seconds. */
  now: number
}

const tolerance = 300

/**
 * Whether one of the secrets has signed these bytes lately; any signature that fits is enough. `ping`: nothing is told and
 * nothing is signed, but the sender goes on only if it is answered.
 */
export function checkSignature(webhook: Webhook, secrets: string[], signed: Signed): 'ok' | 'wrong' | 'stale' | 'ping' {
  if (isPing(webhook, signed)) return 'ping'
  if (secrets.length === 0) return 'wrong'
  return schemes[webhook.scheme](webhook, secrets, signed)
}

/** WooCommerce posts the number of the webhook, unsigned, when somebody saves it, and complains about any answer but 200. */
function isPing({ scheme }: Webhook, { header, body }: Signed): boolean {
  return (
    scheme === 'woocommerce' &&
    body.length < 40 &&
    header('x-wc-webhook-signature') === undefined &&
    /^webhook_id=\d+$/.test(body.toString('latin1'))
  )
}

type Check = (webhook: Webhook, secrets: string[], signed: Signed) => 'ok' | 'wrong' | 'stale'

const schemes: { [scheme in Webhook['scheme']]: Check } = {
  standard: (_, secrets, signed) => standard(secrets, signed),
  shopify: (_, secrets, signed) => plain(secrets, signed, 'x-shopify-hmac-sha256', 'base64', ''),
  woocommerce: (_, secrets, signed) => plain(secrets, signed, 'x-wc-webhook-signature', 'base64', ''),
  shopware: (_, secrets, signed) => plain(secrets, signed, 'shopware-shop-signature', 'hex', ''),
  hmac: ({ header = 'x-signature', digest = 'hex', prefix = '' }, secrets, signed) =>
    plain(secrets, signed, header, digest, prefix),
  stripe: (_, secrets, signed) => stripe(secrets, signed),
}

function hmac(secret: string | Buffer, text: Buffer | string): Buffer {
  return createHmac('sha256', secret).update(text).digest()
}

function same(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given)
}

/** HMAC-SHA256 of the body in one header. */
function plain(
  secrets: string[],
  { header, body }: Signed,
  name: string,
  digest: 'hex' | 'base64',
  prefix: string,
): 'ok' | 'wrong' {
  const shown = header(name)?.trim()
  if (!shown?.startsWith(prefix)) return 'wrong'
  const given = Buffer.from(shown.slice(prefix.length), digest)
  return secrets.some((secret) => same(hmac(secret, body), given)) ? 'ok' : 'wrong'
}

/** Standard Webhooks 1.0; `svix-…` headers mean the same. */
function standard(secrets: string[], { header, body, now }: Signed): 'ok' | 'wrong' | 'stale' {
  const shown = (name: string) => header(`webhook-${name}`) ?? header(`svix-${name}`)
  const id = shown('id')
  const timestamp = shown('timestamp') ?? ''
  if (!id || id.includes('.') || !/^\d{1,12}$/.test(timestamp)) return 'wrong'
  const text = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
  const fits = (shown('signature') ?? '').split(' ').some((signature) => {
    const [version, value] = signature.split(',')
    const given = Buffer.from(value ?? '', 'base64')
    return secrets.some((secret) => {
      if (version === 'v1' && !secret.startsWith('whpk_')) return same(hmac(keyBytes(secret), text), given)
      return version === 'v1a' && secret.startsWith('whpk_') && verify(null, text, ed25519(secret), given)
    })
  })
  if (!fits) return 'wrong'
  return Math.abs(now - Number(timestamp)) <= tolerance ? 'ok' : 'stale'
}

function keyBytes(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
}

/** The 32 bytes of a public key inside the fixed frame that Node reads (RFC 8410). */
function ed25519(secret: string) {
  const raw = Buffer.from(secret.replace(/^whpk_/, ''), 'base64')
  const frame = Buffer.from('302a300506032b6570032100', 'hex')
  return createPublicKey({ key: Buffer.concat([frame, raw]), format: 'der', type: 'spki' })
}

/** `t=…,v1=…` over `{t}.{body}`, several signatures while a secret is changed. */
function stripe(secrets: string[], { header, body, now }: Signed): 'ok' | 'wrong' | 'stale' {
  const parts = (header('stripe-signature') ?? '').split(',').map((part) => part.trim().split('='))
  const timestamp = parts.find(([name]) => name === 't')?.[1] ?? ''
  if (!/^\d{1,12}$/.test(timestamp)) return 'wrong'
  const text = Buffer.concat([Buffer.from(`${timestamp}.`), body])
  const fits = parts.some(
    ([name, value]) =>
      name === 'v1' && secrets.some((secret) => same(hmac(secret, text), Buffer.from(value ?? '', 'hex'))),
  )
  if (!fits) return 'wrong'
  return Math.abs(now - Number(timestamp)) <= tolerance ? 'ok' : 'stale'
}
