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
  /** Sender of outgoing mail. */
  mailFrom: string
  timeZone: string
  currency: string
  languages: string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}
