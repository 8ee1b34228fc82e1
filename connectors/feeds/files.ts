import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, realpath, rename, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { PassThrough } from 'node:stream'
import {
  type FeedSecret,
  type FilePlace,
  type FileSettings,
  type FoundFile,
  kept,
  type Reach,
} from '@einklang/contract'
import type SftpClient from 'ssh2-sftp-client'

const waitMs = 15_000

/** `*` stands for anything; files on their way (`.part`, `.tmp`, hidden ones) never match. */
export function matcher(pattern: string): (name: string) => boolean {
  const pieces = pattern.split('*').map((piece) => piece.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const expression = new RegExp(`^${pieces.join('[^/]*')}$`, 'i')
  return (name) => expression.test(name) && !name.startsWith('.') && !/\.(part|tmp|filepart|crdownload)$/i.test(name)
}

function byName(one: FoundFile, other: FoundFile): number {
  return one.path < other.path ? -1 : 1
}

/** A folder of this machine, always below `root`: no address from a screen reads other files of the server. */
export async function openFolder(root: string, settings: FileSettings): Promise<FilePlace> {
  await mkdir(root, { recursive: true })
  const base = await realpath(root)
  const folder = resolve(base, settings.folder === '' ? '.' : settings.folder)
  if (folder !== base && !folder.startsWith(base + sep))
    throw new Error(kept('feed_outside', { given: settings.folder }))
  await mkdir(folder, { recursive: true })
  const real = await realpath(folder)
  if (real !== base && !real.startsWith(base + sep)) throw new Error(kept('feed_outside', { given: settings.folder }))
  const matches = matcher(settings.pattern)
  return {
    async list() {
      const found: FoundFile[] = []
      for (const entry of await readdir(real, { withFileTypes: true })) {
        // Links could lead anywhere.
        if (!entry.isFile() || !matches(entry.name)) continue
        const { size, mtime } = await stat(join(real, entry.name))
        found.push({ path: entry.name, size, modifiedAt: mtime.toISOString() })
      }
      return found.sort(byName)
    },
    read: (path) => createReadStream(join(real, plainName(path)), { highWaterMark: 1024 * 1024 }),
    async mark(path, as) {
      await mkdir(join(real, as), { recursive: true })
      const names = new Set(await readdir(join(real, as)))
      await rename(join(real, plainName(path)), join(real, as, freeName(path, names)))
    },
    close: async () => undefined,
  }
}

function plainName(path: string): string {
  if (path === '' || /[/\\\0]|^\.\.?$/.test(path)) throw new Error(kept('feed_file_name', { given: path }))
  return path
}

/** A file of the same name may have been finished before. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const wanted = number === 1 ? name : name.replace(/(\.[^.]*)?$/, `-${number}$1`)
    if (!taken.has(wanted)) return wanted
  }
}

function remote(folder: string, ...more: string[]): string {
  return [folder.replace(/\/+$/, '') || (folder.startsWith('/') ? '' : '.'), ...more].join('/')
}

export async function openSftp(
  reach: Reach,
  settings: FileSettings,
  secret: FeedSecret,
): Promise<FilePlace & { hostKey: string }> {
  const port = settings.port ?? 22
  const address = await reach(settings.host ?? '', port)
  const { default: Client } = await import('ssh2-sftp-client')
  const client = new Client()
  let hostKey = ''
  let refusedKey = ''
  try {
    await client.connect({
      host: address,
      port,
      username: settings.user ?? '',
      ...(secret.password === undefined ? {} : { password: secret.password }),
      ...(secret.privateKey === undefined ? {} : { privateKey: secret.privateKey }),
      readyTimeout: waitMs,
      hostVerifier: (key: Buffer) => {
        hostKey = createHash('sha256').update(key).digest('base64').replace(/=+$/, '')
        const holds =
          settings.hostKey === undefined || settings.hostKey.replace(/^SHA256:/, '').replace(/=+$/, '') === hostKey
        if (!holds) refusedKey = hostKey
        return holds
      },
    } as Parameters<SftpClient['connect']>[0])
  } catch (error) {
    await client.end().catch(() => undefined)
    if (refusedKey !== '') throw new Error(kept('feed_other_key', { given: `SHA256:${refusedKey}` }))
    throw error
  }
  const matches = matcher(settings.pattern)
  return {
    hostKey,
    async list() {
      const entries = await client.list(settings.folder || '.')
      return entries
        .filter((entry) => entry.type === '-' && matches(entry.name))
        .map((entry) => ({ path: entry.name, size: entry.size, modifiedAt: new Date(entry.modifyTime).toISOString() }))
        .sort(byName)
    },
    async *read(path) {
      const stream = client.createReadStream(remote(settings.folder, plainName(path)), { highWaterMark: 256 * 1024 })
      yield* stream as AsyncIterable<Buffer>
    },
    async mark(path, as) {
      const folder = remote(settings.folder, as)
      if (!(await client.exists(folder))) await client.mkdir(folder, true)
      const names = new Set((await client.list(folder)).map((entry) => entry.name))
      await client.rename(remote(settings.folder, plainName(path)), remote(settings.folder, as, freeName(path, names)))
    },
    async close() {
      await client.end()
    },
  }
}

export async function openFtp(reach: Reach, settings: FileSettings, secret: FeedSecret): Promise<FilePlace> {
  const port = settings.port ?? 21
  const host = settings.host ?? ''
  const address = await reach(host, port)
  // Its default takes data from the checked address only, whatever the server says.
  const { Client } = await import('basic-ftp')
  const client = new Client(waitMs)
  await client.access({
    host: address,
    port,
    user: settings.user ?? 'anonymous',
    password: secret.password ?? '',
    secure: settings.tls ?? false,
    // The certificate belongs to the name, the connection to the checked address.
    ...(settings.tls ? { secureOptions: { servername: host } } : {}),
  })
  const matches = matcher(settings.pattern)
  const folder = settings.folder || '.'
  return {
    async list() {
      const entries = await client.list(folder)
      return entries
        .filter((entry) => entry.isFile && matches(entry.name))
        .map((entry) => ({ path: entry.name, size: entry.size, modifiedAt: entry.modifiedAt?.toISOString() ?? null }))
        .sort(byName)
    },
    async *read(path) {
      const through = new PassThrough({ highWaterMark: 1024 * 1024 })
      const fetched = client.downloadTo(through, remote(folder, plainName(path)))
      fetched.catch((error: Error) => through.destroy(error))
      yield* through as AsyncIterable<Buffer>
      await fetched
    },
    async mark(path, as) {
      const target = remote(folder, as)
      // `ensureDir` would change the working directory, and all names are relative to it.
      const names = new Set(
        (
          await client.list(target).catch(async () => {
            await client.send(`MKD ${target}`, true)
            return []
          })
        ).map((entry) => entry.name),
      )
      if (names.size === 0) await client.send(`MKD ${target}`, true)
      await client.rename(remote(folder, plainName(path)), remote(folder, as, freeName(path, names)))
    },
    async close() {
      client.close()
    },
  }
}
