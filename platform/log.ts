import { pino } from 'pino'
import type { Config } from './config.ts'

/** Structured JSON lines. Values under keys that name a secret or personal data are masked. */
export type Log = {
  debug(message: string, fields?: { [key: string]: unknown }): void
  info(message: string, fields?: { [key: string]: unknown }): void
  warn(message: string, fields?: { [key: string]: unknown }): void
  error(message: string, fields?: { [key: string]: unknown }): void
  child(fields: { [key: string]: unknown }): Log
}

/**
 * Field names that never show their value: secrets, and what names or reaches a person. Matched without case,
 * underscores and dashes, anywhere in the tree; ids of ours are no names and stay readable.
 */
const masked = new Set(
  `password passwd pwd passphrase secret secrets token tokens accesstoken refreshtoken idtoken apikey writekey key
  authorization cookie setcookie credential credentials signature otp totp pin privatekey clientsecret session sessionid
  email emailaddress mail phone phonenumber mobile telephone msisdn firstname lastname fullname givenname familyname surname
  name username address street addressline line1 line2 postalcode zip zipcode city birthday birthdate dateofbirth iban bic
  creditcard cardnumber cvc loyaltycard ip ipaddress traits identifiers recipient to subject body text`
    .split(/\s+/)
    .filter((word) => word !== ''),
)

export function isMasked(field: string): boolean {
  const plain = field.toLowerCase().replaceAll(/[_\-\s.]/g, '')
  return masked.has(plain) || /(password|secret|token|apikey|privatekey)$/.test(plain)
}

/** A copy that is safe to write: masked fields become `***`, errors keep message, code and stack, depth is bounded. */
export function mask(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? String(value) : value
  if (value instanceof Date) return value
  if (value instanceof Error) return maskError(value, depth)
  if (depth > 6) return '…'
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => mask(item, depth + 1))
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  return Object.fromEntries(
    Object.entries(value).map(([field, held]) => [
      field,
      held !== null && held !== undefined && isMasked(field) ? '***' : mask(held, depth + 1),
    ]),
  )
}

/** What an error may carry besides (PostgreSQL's `detail`, `parameters`) can hold data and is left out. */
function maskError(error: Error, depth: number): unknown {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause === undefined || depth > 3 ? {} : { cause: mask(cause, depth + 1) }),
  }
}

/** Writes one JSON line per entry, to stderr unless another sink is given. */
export function createLog(level: Config['logLevel'], sink?: { write(line: string): void }): Log {
  const destination = sink ?? pino.destination({ fd: 2, sync: true })
  return over(
    pino(
      {
        level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination as pino.DestinationStream,
    ),
  )
}

function over(logger: pino.Logger): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: { [key: string]: unknown }) => {
    if (logger.isLevelEnabled(level)) logger[level](mask(fields ?? {}), message)
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => over(logger.child(mask(fields) as object)),
  }
}
