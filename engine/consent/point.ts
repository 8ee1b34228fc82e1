import { hash } from 'node:crypto'
import type { Channel } from '@einklang/contract'
import type { Secrets } from '@einklang/platform'

/** Channels that share an address share its statements: one number for SMS and calls. */
const kindOf: { [channel in Channel]: string } = {
  email: 'email',
  sms: 'phone',
  phone: 'phone',
  push: 'push',
  letter: 'letter',
}

/** The form in which addresses are compared. */
export function normalAddress(channel: Channel, address: string): string {
  const text = address.normalize('NFC').trim()
  if (channel === 'email') return text.toLowerCase()
  if (channel === 'sms' || channel === 'phone') return text.replaceAll(/[^\d+]/g, '')
  if (channel === 'letter') return text.toLowerCase().replaceAll(/\s+/g, ' ')
  return text
}

/** Turns addresses into contact points: keyed hashes that survive an erasure without telling the address. */
export type Points = { of(channel: Channel, address: string): string; bytes(point: string): Uint8Array }

export function createPoints(secrets: Secrets): Points {
  const key = secrets.sign('consent.point', 'key')
  return {
    of: (channel, address) => hash('sha256', `${key}\0${kindOf[channel]}\0${normalAddress(channel, address)}`, 'hex'),
    bytes: (point) => Buffer.from(point, 'hex'),
  }
}

/** `a…e@example.com`, `+49…89`: enough to recognise one's own address, too little to learn a stranger's. */
export function maskedAddress(channel: Channel, address: string): string {
  if (channel === 'email') {
    const [local = '', domain = ''] = address.split('@')
    return `${local.slice(0, 1)}…${local.length > 2 ? local.slice(-1) : ''}@${domain}`
  }
  return `${address.slice(0, 3)}…${address.slice(-2)}`
}
