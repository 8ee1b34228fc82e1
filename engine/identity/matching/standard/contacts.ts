import { digitsOf } from './text.ts'

const roles =
  /^(?:info|kasse|office|kontakt|contact|service|support|shop|mail|post|admin|webmaster|sales|vertrieb|buchhaltung|noreply|no-reply)$/

export type Mail = { whole: string; local: string; domain: string }

/** Lower case, without blanks, control characters and backslashes, which no mailbox has. */
export function mailText(text: string): string {
  return text.replaceAll(/[\s\\\p{C}]+/gu, '').toLowerCase()
}

/** An address for comparison: lower case, display name gone; dots and `+tag` of the local part gone. */
export function mailOf(text: string): Mail {
  const bracketed = /<([^<>]+)>/.exec(text)
  const plain = mailText(bracketed?.[1] ?? text)
  const at = plain.lastIndexOf('@')
  if (at < 1 || at === plain.length - 1) return { whole: '', local: '', domain: '' }
  const written = plain.slice(0, at)
  const local = (written.split('+')[0] as string).replaceAll('.', '') || written
  const domain = plain.slice(at + 1)
  return { whole: `${local}@${domain}`, local, domain }
}

/** Does a standardised address belong to a role rather than a person? */
export function isRoleMail(whole: string): boolean {
  return roles.test(whole.split('@')[0] ?? '')
}

export type Phone = { digits: string; last: string }

/** Digits without the country's prefix where it is written, and the last seven; numbers made up are none. */
export function phoneOf(text: string): Phone {
  const extension = text.replace(/(?:ext|x)\.?\s*\d+$/i, '')
  let digits = digitsOf(extension)
  if (digits.length < 6 || /^(\d)\1*$/.test(digits) || /^0*1234567/.test(digits)) return { digits: '', last: '' }
  if (extension.trim().startsWith('+') || digits.startsWith('00')) digits = digits.replace(/^00/, '')
  digits = digits.replace(/^0+/, '')
  if (digits.length === 11 && digits.startsWith('1')) digits = digits.slice(1)
  return { digits, last: digits.slice(-7) }
}
