import { timingSafeEqual } from 'node:crypto'
import type { Channel, MessageId } from '@einklang/contract'
import type { Ground, Secrets } from '@einklang/platform'

export type Link = { url: string; text: string }

/** 132 bits: short enough for an SMS, long enough for ever. */
const signatureLength = 22

function compact(message: MessageId): string {
  return Buffer.from(message.replaceAll('-', ''), 'hex').toString('base64url')
}

function expanded(text: string): MessageId | null {
  const hex = Buffer.from(text, 'base64url').toString('hex')
  if (hex.length !== 32) return null
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as MessageId
}

function signature(secrets: Secrets, purpose: string, text: string): string {
  return secrets.sign(purpose, text).slice(0, signatureLength)
}

function isSigned(secrets: Secrets, purpose: string, text: string, given: string): boolean {
  const [right, theirs] = [Buffer.from(signature(secrets, purpose, text)), Buffer.from(given)]
  return right.length === theirs.length && timingSafeEqual(right, theirs)
}

const clickPurpose = 'delivery.click'
const openPurpose = 'delivery.open'
const framePurpose = 'delivery.frame'

/** `<message>.<number of the link>.<signature over message, number and target>` */
export function clickToken(secrets: Secrets, message: MessageId, index: number, url: string): string {
  return `${compact(message)}.${index}.${signature(secrets, clickPurpose, `${message} ${index} ${url}`)}`
}

export function readClick(token: string): { message: MessageId; index: number; signature: string } | null {
  const [message, index, given] = token.split('.')
  const id = message && expanded(message)
  if (!id || !given || !/^\d{1,3}$/.test(index ?? '')) return null
  return { message: id, index: Number(index), signature: given }
}

export function clickIsOurs(
  secrets: Secrets,
  click: { message: MessageId; index: number; signature: string },
  url: string,
): boolean {
  return isSigned(secrets, clickPurpose, `${click.message} ${click.index} ${url}`, click.signature)
}

export function openToken(secrets: Secrets, message: MessageId): string {
  return `${compact(message)}.${signature(secrets, openPurpose, message)}`
}

export function readOpen(secrets: Secrets, token: string): MessageId | null {
  const [message, given] = token.replace(/\.gif$/, '').split('.')
  const id = message && expanded(message)
  return id && given && isSigned(secrets, openPurpose, id, given) ? id : null
}

export type FrameOf = 'message' | 'caught' | 'letter'

/** An address for one isolated page, good until `expires`. */
export function frameToken(secrets: Secrets, kind: FrameOf, id: string, expires: Date): string {
  const text = `${kind}.${id}.${Math.floor(expires.getTime() / 1000)}`
  return `${text}.${secrets.sign(framePurpose, text)}`
}

export function readFrame(secrets: Secrets, token: string, now: Date): { kind: FrameOf; id: string } | null {
  const [kind = '', id = '', expires = '', given = ''] = token.split('.')
  if (!secrets.verify(framePurpose, `${kind}.${id}.${expires}`, given)) return null
  return Number(expires) * 1000 > now.getTime() ? { kind: kind as FrameOf, id } : null
}

/**
 * Leads every link through our redirect, so that a click is known, and adds the open pixel to HTML. Links of consent
 * (`direct`) stay as they are: they carry their own signature and must work without any redirect.
 */
export function linked(
  ground: Pick<Ground, 'secrets' | 'config'>,
  message: MessageId,
  words: { html: string | null; text: string },
  direct: string[],
  channel: Channel,
): { html: string | null; text: string; links: Link[] } {
  if (channel === 'letter' || channel === 'phone') return { ...words, links: [] }
  const links: Link[] = []
  const through = (url: string, text: string): string => {
    if (!/^https?:\/\//.test(url) || direct.includes(url)) return url
    const known = links.findIndex((link) => link.url === url)
    const index = known >= 0 ? known : links.push({ url, text }) - 1
    return `${ground.config.publicUrl}/p/c/${clickToken(ground.secrets, message, index, url)}`
  }
  const html =
    words.html?.replace(
      /(<a\b[^>]*\bhref=")([^"]+)("[^>]*>)([^]*?<\/a>)/gi,
      (_, before: string, url: string, after: string, label: string) => {
        const plain = label
          .replace(/<[^>]*>/g, ' ')
          .replace(/\s+/g, ' ')
          .trim()
        return `${before}${through(url.replaceAll('&amp;', '&'), plain)}${after}${label}`
      },
    ) ?? null
  const text = words.text.replace(/https?:\/\/[^\s<>()"]+/g, (url) => through(url, ''))
  return { html: html && withPixel(ground, message, html), text, links }
}

function withPixel(ground: Pick<Ground, 'secrets' | 'config'>, message: MessageId, html: string): string {
  const url = `${ground.config.publicUrl}/p/o/${openToken(ground.secrets, message)}.gif`
  const pixel = `<img src="${url}" width="1" height="1" alt="" style="display:block;border:0" />`
  return html.includes('</body>') ? html.replace('</body>', `${pixel}</body>`) : html + pixel
}
