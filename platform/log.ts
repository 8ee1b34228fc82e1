/** Structured JSON lines. Values under keys that name a secret or personal data are masked. */
export type Log = {
  debug(message: string, fields?: { [key: string]: unknown }): void
  info(message: string, fields?: { [key: string]: unknown }): void
  warn(message: string, fields?: { [key: string]: unknown }): void
  error(message: string, fields?: { [key: string]: unknown }): void
  child(fields: { [key: string]: unknown }): Log
}
