import type { JsonObject } from './json.ts'

/** A file that lies in a place, as listed. `path` is relative to the place's folder. */
export type FoundFile = { path: string; size: number; modifiedAt: string | null }

/** A folder somewhere, open for one visit. */
export type FilePlace = {
  /** Files that match the pattern, oldest name first; marks of finished and failed files are left out. */
  list(): Promise<FoundFile[]>
  read(path: string): AsyncIterable<Uint8Array>
  /** Moves the file to the subfolder `done` or `failed`. */
  mark(path: string, as: 'done' | 'failed'): Promise<void>
  close(): Promise<void>
}

/** How far a table has been read: the value of the cursor column, and of the key that tells equals apart. */
export type TableCursor = { at: string; key: string }

/** A table or view of another database, open for one visit. */
export type TablePlace = {
  /** Rows behind the cursor in the order of cursor and key, at most `limit`. Values are JSON; instants are ISO in UTC. */
  after(cursor: TableCursor | null, limit: number): Promise<{ row: JsonObject; cursor: TableCursor }[]>
  close(): Promise<void>
}

export type FileSettings = {
  host?: string | undefined
  port?: number | undefined
  user?: string | undefined
  /** Folder on the server, or below the watched folder of this machine. */
  folder: string
  /** `receipts-*.csv`; `*` stands for anything but a slash. */
  pattern: string
  /** FTP: encrypt (explicit TLS). SFTP always does. */
  tls?: boolean | undefined
  /** SFTP: SHA-256 of the server's key in base64, as `ssh-keygen -lf` shows it; without it the first key seen is kept. */
  hostKey?: string | undefined
}

export type TableSettings = {
  host: string
  port?: number | undefined
  user: string
  database: string
  /** `schema.table`, a table or a view. */
  table: string
  cursorColumn: string
  keyColumn: string
  tls?: boolean | undefined
  /** Rows younger than this wait: a transaction that began earlier may still commit smaller cursor values. */
  delaySeconds?: number | undefined
}

/** Password or private key; one of them, never answered by the API. */
export type FeedSecret = { password?: string | undefined; privateKey?: string | undefined }

/** Which address may be called for a host and port: resolves once and refuses what is not public, unless configured. */
export type Reach = (host: string, port: number) => Promise<string>

/**
 * Places of the outside world that feeds read from. What a person can mend is thrown as a kept sentence (`feed_…` of
 * ingest's import phrases); what the other side says, as it says it.
 */
export type FeedWays = {
  folder(settings: FileSettings): Promise<FilePlace>
  sftp(settings: FileSettings, secret: FeedSecret): Promise<FilePlace & { hostKey: string }>
  ftp(settings: FileSettings, secret: FeedSecret): Promise<FilePlace>
  postgres(settings: TableSettings, secret: FeedSecret): Promise<TablePlace>
  mysql(settings: TableSettings, secret: FeedSecret): Promise<TablePlace>
}
