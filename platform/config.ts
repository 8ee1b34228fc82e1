import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { Refusal } from './failure.ts'

/** Read once from `EINKLANG_*`, `DATABASE_URL`, `CLICKHOUSE_URL` and flags, validated, then handed around. */
export type Config = {
  role: 'all' | 'api' | 'worker'
  /** Absolute path; holds the embedded databases, blobs and the master secret. */
  dataDirectory: string
  host: string
  port: number
  /** Address under which people and mails reach us, without a slash at the end. */
  publicUrl: string
  /** Null = embedded. */
  databaseUrl: string | null
  clickhouseUrl: string | null
  clickhouseCluster: string | null
  secret: string | null
  smtpUrl: string | null
  /** SMS gateway that takes JSON over HTTP and honours Idempotency-Key; null = none. */
  smsUrl: string | null
  /** Sent to it as `Authorization: Bearer …`. */
  smsToken: string | null
  /** Hosts of the house that feeds may read from, as `host:port`; everything else must be public. */
  feedHosts: string[]
  /** Whom to ask for the mail servers of domains: `system`, or addresses of name servers; null = nobody is asked. */
  mailResolver: string[] | null
  /** Folder below which files may be watched; null = `watch` in the data directory. */
  watchDirectory: string | null
  /** Sender of outgoing mail. */
  mailFrom: string
  timeZone: string
  currency: string
  languages: string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

const url = (protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  })

const list = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''))
  .refine((words) => words.length > 0 && words.every((word) => /^[a-z]{2}(-[A-Z]{2})?$/.test(word)), {
    error: 'must be language codes such as "en,de"',
  })

const hosts = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''))
  .refine((words) => words.every((word) => /^(\[[0-9a-f:]+\]|[^\s:/@]+):\d{1,5}$/i.test(word)), {
    error: 'must be hosts with ports such as "sftp.shop.lan:22"',
  })

const nameServers = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''))
  .refine(
    (words) =>
      words.length > 0 &&
      words.every((word) => /^(?:system|[\d.]+(?::\d{1,5})?|\[[\da-f:]+\](?::\d{1,5})?)$/i.test(word)),
    { error: 'must be "system" or addresses of name servers such as "10.0.0.53"' },
  )

/** Each setting: its environment variable, the flag of the command line, how it is read, what it is without. */
const settings = {
  role: { variable: 'EINKLANG_ROLE', read: z.enum(['all', 'api', 'worker']), otherwise: 'all' },
  dataDirectory: { variable: 'EINKLANG_DATA', flag: 'data', read: z.string().min(1), otherwise: 'data' },
  host: { variable: 'EINKLANG_HOST', read: z.string().min(1), otherwise: '127.0.0.1' },
  port: { variable: 'EINKLANG_PORT', read: z.coerce.number().int().min(0).max(65_535), otherwise: '8080' },
  publicUrl: { variable: 'EINKLANG_PUBLIC_URL', flag: 'public-url', read: url(['http:', 'https:']), otherwise: null },
  databaseUrl: {
    variable: 'DATABASE_URL',
    flag: 'database-url',
    read: url(['postgres:', 'postgresql:']),
    otherwise: null,
  },
  clickhouseUrl: {
    variable: 'CLICKHOUSE_URL',
    flag: 'clickhouse-url',
    read: url(['http:', 'https:']),
    otherwise: null,
  },
  clickhouseCluster: {
    variable: 'CLICKHOUSE_CLUSTER',
    flag: 'clickhouse-cluster',
    read: z.string().regex(/^\w+$/),
    otherwise: null,
  },
  secret: {
    variable: 'EINKLANG_SECRET',
    flag: null,
    read: z.string().min(32, 'must have at least 32 characters'),
    otherwise: null,
  },
  smtpUrl: { variable: 'EINKLANG_SMTP_URL', flag: 'smtp-url', read: url(['smtp:', 'smtps:']), otherwise: null },
  smsUrl: { variable: 'EINKLANG_SMS_URL', flag: 'sms-url', read: url(['http:', 'https:']), otherwise: null },
  smsToken: { variable: 'EINKLANG_SMS_TOKEN', flag: null, read: z.string().min(1), otherwise: null },
  feedHosts: { variable: 'EINKLANG_FEED_HOSTS', flag: null, read: hosts, otherwise: '' },
  mailResolver: { variable: 'EINKLANG_MAIL_RESOLVER', flag: null, read: nameServers, otherwise: null },
  watchDirectory: { variable: 'EINKLANG_WATCH', flag: 'watch', read: z.string().min(1), otherwise: null },
  mailFrom: {
    variable: 'EINKLANG_MAIL_FROM',
    flag: 'mail-from',
    read: z.string().regex(/\S+@\S+/, 'must be an e-mail address'),
    otherwise: 'hello@localhost',
  },
  timeZone: {
    variable: 'EINKLANG_TIME_ZONE',
    flag: 'time-zone',
    read: z.string().refine(isTimeZone, { error: 'must be a zone such as Europe/Berlin' }),
    otherwise: 'Europe/Berlin',
  },
  currency: {
    variable: 'EINKLANG_CURRENCY',
    read: z.string().regex(/^[A-Z]{3}$/, 'must be a code such as EUR'),
    otherwise: 'EUR',
  },
  languages: { variable: 'EINKLANG_LANGUAGES', read: list, otherwise: 'en,de' },
  logLevel: {
    variable: 'EINKLANG_LOG_LEVEL',
    flag: 'log-level',
    read: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    otherwise: 'info',
  },
} satisfies {
  [name in keyof Config]: { variable: string; flag?: string | null; read: z.ZodType; otherwise: string | null }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Other variables of ours that are not part of `Config`. */
const furtherVariables = ['EINKLANG_FAULTS', 'EINKLANG_FEED_PASSWORD', 'EINKLANG_KEY', 'EINKLANG_SHARED_DATA']

export type Flags = { [flag: string]: string | undefined }

/**
 * Flags win over the environment, the environment over the defaults. What is missing is chosen, what is wrong is
 * refused with one sentence. Flags are the setting's name, with dashes where the table above says so.
 */
export function readConfig(environment: { [name: string]: string | undefined }, flags: Flags = {}): Config {
  const read: { [name: string]: unknown } = {}
  for (const [name, setting] of Object.entries(settings) as [keyof Config, (typeof settings)[keyof Config]][]) {
    const flag = 'flag' in setting ? setting.flag : name
    const [origin, text] =
      flag !== null && flags[flag] !== undefined
        ? [`--${flag}`, flags[flag]]
        : [setting.variable, environment[setting.variable] || setting.otherwise]
    if (text === null) {
      read[name] = null
      continue
    }
    const parsed = setting.read.safeParse(text)
    if (!parsed.success) {
      const shown = name === 'secret' || name === 'smsToken' || name.endsWith('Url') ? '' : ` "${text}"`
      throw new Refusal(400, 'configuration', `${origin}${shown}: ${sentenceOf(parsed.error.issues[0]?.message)}.`)
    }
    read[name] = parsed.data
  }
  const config = read as unknown as Config
  return {
    ...config,
    dataDirectory: resolve(config.dataDirectory),
    publicUrl: (config.publicUrl ?? `http://localhost:${config.port}`).replace(/\/+$/, ''),
  }
}

function sentenceOf(message = 'is not valid'): string {
  return message
    .replace(/^Invalid option: expected one of /, 'must be one of ')
    .replace(/^Too small: expected /, 'must be ')
    .replace(/^Too big: expected /, 'must be ')
}

/** Variables that look like ours but are not: probably typing mistakes, worth a warning. */
export function strangeVariables(environment: { [name: string]: string | undefined }): string[] {
  const known = new Set<string>([...Object.values(settings).map((setting) => setting.variable), ...furtherVariables])
  return Object.keys(environment).filter((name) => name.startsWith('EINKLANG_') && !known.has(name))
}

/** For `einklang doctor` and the log: every setting, with passwords in addresses and the secret masked. */
export function describeConfig(config: Config): { [name: string]: unknown } {
  const masked = (text: string | null) => {
    if (text === null) return null
    const parsed = new URL(text)
    if (parsed.password) parsed.password = '***'
    return parsed.href
  }
  return {
    ...config,
    databaseUrl: masked(config.databaseUrl) ?? 'embedded',
    clickhouseUrl: masked(config.clickhouseUrl) ?? 'embedded',
    smtpUrl: masked(config.smtpUrl) ?? 'embedded mailbox',
    smsUrl: masked(config.smsUrl) ?? (config.smtpUrl === null ? 'embedded mailbox' : 'none'),
    smsToken: config.smsToken === null ? null : '***',
    secret: config.secret === null ? 'in the data directory' : '***',
  }
}

/** Makes the data directory and proves that we may write there. */
export function openDataDirectory(directory: string): void {
  const probe = join(directory, `.probe-${process.pid}`)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason =
      code === 'ENOSPC'
        ? 'the disk is full'
        : code === 'ENOTDIR' || code === 'EEXIST'
          ? 'a file is in its way'
          : code === 'EROFS'
            ? 'the disk is read-only'
            : 'no write permission'
    throw new Refusal(
      400,
      'data_directory',
      `The data directory ${directory} cannot be used: ${reason}; choose another one with --data or EINKLANG_DATA.`,
    )
  }
}
