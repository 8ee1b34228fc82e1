import type { Config } from '@einklang/platform'

/** A flag of a command: a switch, or one that takes a value (then `value` is its name in the help). */
export type Flag = { text: string; value?: string; many?: true }
export type FlagTable = { [flag: string]: Flag }

/** One command of the table in `program.ts`. What `run` returns is the document of `--json`. */
export type Command = {
  /** As typed: `source add`. */
  name: string
  summary: string
  /** Operands as written in the help: `FILE`, `NAME`, `[QUERY…]`. */
  operands: { text: string; least: number; most: number }
  flags: FlagTable
  /** Further lines of help: examples. */
  help?: string
  run(call: Call): Promise<object | undefined>
}

/** What a command gets: its words, the configuration, and where to speak. */
export type Call = {
  operands: string[]
  /** Value of a flag, `undefined` when not given. */
  flag(name: string): string | undefined
  flags(name: string): string[]
  switch(name: string): boolean
  /** Read and validated when asked for, so that `help` works with a broken configuration. */
  config(overrides?: { [flag: string]: string }): Config
  environment: { [name: string]: string | undefined }
  /** True with `--json`: stdout is for the one document. */
  json: boolean
  /** A line for a reader on stdout; nothing with `--json`. */
  show(line: string): void
  /** A message beside the result, on stderr. */
  tell(line: string): void
  /** The command has a result, but not the one that was wanted: exit code 1, or 128 + the signal that ended it. */
  fail(code?: number): void
}

/** Wrong usage: exit code 2. */
export class Misuse extends Error {
  readonly doInstead: string | undefined
  constructor(message: string, doInstead?: string) {
    super(message)
    this.name = 'Misuse'
    this.doInstead = doInstead
  }
}

/** Flags of every command that works on a house's data. */
export const dataFlags: FlagTable = {
  data: { value: 'DIRECTORY', text: 'data directory (default: data, or EINKLANG_DATA)' },
  'database-url': { value: 'URL', text: 'external PostgreSQL instead of the embedded one' },
  'clickhouse-url': { value: 'URL', text: 'external ClickHouse instead of the embedded one' },
  'clickhouse-cluster': { value: 'NAME', text: 'name of the ClickHouse cluster' },
}

/** Flags of the commands that start a server. */
export const serverFlags: FlagTable = {
  ...dataFlags,
  role: { value: 'ROLE', text: 'all, api or worker (default: all)' },
  host: { value: 'HOST', text: 'address to listen on (default: 127.0.0.1)' },
  port: { value: 'PORT', text: 'port to listen on (default: 8080)' },
  'public-url': { value: 'URL', text: 'address under which people and mails reach the house' },
  'smtp-url': { value: 'URL', text: 'mail server for outgoing mail (default: a caught-mail screen)' },
  'sms-url': {
    value: 'URL',
    text: 'SMS gateway, JSON over HTTP (default: caught like mail; the token is EINKLANG_SMS_TOKEN)',
  },
  'mail-from': { value: 'ADDRESS', text: 'sender of outgoing mail' },
  'time-zone': { value: 'ZONE', text: 'time zone of the house (default: Europe/Berlin)' },
  currency: { value: 'CODE', text: 'currency of the house (default: EUR)' },
  languages: { value: 'CODES', text: 'languages of the house (default: en,de)' },
  watch: {
    value: 'DIRECTORY',
    text: 'directory below which watched folders lie (default: watch in the data directory)',
  },
  'log-level': { value: 'LEVEL', text: 'debug, info, warn, error or silent (default: info)' },
}
