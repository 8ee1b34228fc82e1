import { readFile } from 'node:fs/promises'
import { type AnswerOf, api, type CallOf, type ImportMapping } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Call, type Command, dataFlags, type FlagTable, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { nearest } from '../suggest.ts'
import { kindOf, mappingIn } from './import.ts'
import { findSource } from './sources.ts'

type Feed = AnswerOf<typeof api.ingest.feeds>['items'][number]
type Settings = NonNullable<CallOf<typeof api.ingest.createFeed>['body']>['settings']

const feedFlags: FlagTable = {
  kind: { value: 'KIND', text: 'what is in it (as for import)' },
  source: { value: 'SOURCE', text: 'the source it comes from (einklang source list)' },
  name: { value: 'NAME', text: 'how the feed is called (default: the address)' },
  every: { value: 'MINUTES', text: 'how often it is read (default 15)' },
  mapping: { value: 'FILE', text: 'JSON file with our field → column' },
  'key-file': { value: 'FILE', text: 'private key for SFTP' },
  insecure: { text: 'without encryption (FTP and databases in your own network)' },
  test: { text: 'only try the connection and show what lies there' },
  ...dataFlags,
  ...reachFlags,
}

const secrets = 'The password is read from EINKLANG_FEED_PASSWORD; it never stands in a command line.'

export const watch: Command = {
  name: 'watch',
  summary: 'Fetch files again and again from a folder, SFTP or FTP server; finished ones move to done or failed',
  operands: { text: 'ADDRESS', least: 1, most: 1 },
  flags: { pattern: { value: 'PATTERN', text: 'which files, such as "receipts-*.csv" (default *)' }, ...feedFlags },
  help: `ADDRESS is a folder below the watched one (EINKLANG_WATCH), or sftp://user@host/folder, ftp://user@host/folder.\n${secrets}`,
  run: (call) => added(call, fileSettings(call, call.operands[0] as string)),
}

export const pull: Command = {
  name: 'pull',
  summary: 'Bring new and changed rows of a PostgreSQL, MySQL or MariaDB table in, again and again',
  operands: { text: 'ADDRESS', least: 1, most: 1 },
  flags: {
    table: { value: 'TABLE', text: 'table or view, with its schema if needed' },
    cursor: { value: 'COLUMN', text: 'column that grows with every change' },
    'row-key': { value: 'COLUMN', text: 'column that tells rows with the same cursor apart' },
    ...feedFlags,
  },
  help: `ADDRESS is postgres://user@host/database or mysql://user@host/database.\n${secrets}`,
  run: (call) => added(call, tableSettings(call, call.operands[0] as string)),
}

export const feedList: Command = {
  name: 'feed list',
  summary: 'Folders, servers and tables that are read again and again',
  operands: { text: '', least: 0, most: 0 },
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const { items } = await client.call(api.ingest.feeds)
      for (const feed of items) call.show(lineOf(feed))
      if (items.length === 0) call.show('No feed yet: einklang watch, einklang pull.')
      return { items }
    }),
}

export const feedRun: Command = {
  name: 'feed run',
  summary: 'Visit a feed now',
  operands: { text: 'NAME', least: 1, most: 1 },
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const feed = await findFeed(client, call.operands[0] as string)
      const visited = await client.call(api.ingest.runFeed, { params: { feed: feed.id } })
      call.show(lineOf(visited))
      return visited
    }),
}

export const feedDrop: Command = {
  name: 'feed drop',
  summary: 'End a feed; what it brought stays',
  operands: { text: 'NAME', least: 1, most: 1 },
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const feed = await findFeed(client, call.operands[0] as string)
      return client.call(api.ingest.dropFeed, { params: { feed: feed.id } })
    }),
}

function lineOf(feed: Feed): string {
  const when = feed.lastAt === null ? 'not visited yet' : `last ${feed.lastAt}`
  const wrong = feed.lastError === null ? '' : `, ${feed.lastError}`
  return `${feed.name}: ${feed.state}, ${when}, ${feed.imports.files} files, ${feed.imports.rows} rows${wrong}`
}

async function findFeed(client: Client, name: string): Promise<Feed> {
  const { items } = await client.call(api.ingest.feeds)
  const found = items.find((feed) => feed.name === name || feed.id === name)
  if (found) return found
  const meant = nearest(
    name,
    items.map((feed) => feed.name),
  )
  throw new Misuse(`There is no feed "${name}".`, meant ? `"${meant}"` : 'einklang feed list')
}

async function added(call: Call, settings: Settings): Promise<object> {
  const secret = await secretOf(call)
  if (call.switch('test')) {
    return withServer(call, async ({ client }) => {
      const tried = await client.call(api.ingest.testFeed, { body: { settings, ...secret } })
      call.show(tried.ok ? `Connected: ${tried.message}.` : `No connection: ${tried.message}`)
      for (const file of tried.files) call.show(`${file.path}  ${file.size}`)
      for (const row of tried.rows) call.show(JSON.stringify(row))
      if (!tried.ok) call.fail()
      return tried
    })
  }
  const kind = kindOf(call.flag('kind'))
  const source = call.flag('source')
  if (source === undefined) throw new Misuse('A feed needs --source.', 'einklang source list')
  const mapping = await mappingIn(call.flag('mapping'))
  return withServer(call, async ({ client }) => {
    const { id } = await findSource(client, source)
    const feed = await client.call(api.ingest.createFeed, {
      body: {
        name: call.flag('name') ?? (call.operands[0] as string),
        source: id,
        kind,
        settings,
        everyMinutes: numberIn(call, 'every') ?? 15,
        mapping: (mapping as ImportMapping | undefined) ?? null,
        ...secret,
      },
    })
    call.show(lineOf(feed))
    return feed
  })
}

async function secretOf(call: Call): Promise<{ secret?: { password?: string; privateKey?: string } }> {
  const password = call.environment['EINKLANG_FEED_PASSWORD']
  const file = call.flag('key-file')
  const privateKey = file === undefined ? undefined : await readFile(file, 'utf8')
  if (!password && privateKey === undefined) return {}
  return { secret: { ...(password ? { password } : {}), ...(privateKey === undefined ? {} : { privateKey }) } }
}

function numberIn(call: Call, flag: string): number | undefined {
  const text = call.flag(flag)
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text)) throw new Misuse(`--${flag} "${text}" is no number of minutes.`)
  return Number(text)
}

function fileSettings(call: Call, address: string): Settings {
  const pattern = call.flag('pattern') ?? '*'
  if (!address.includes('://')) return { way: 'folder', folder: address, pattern }
  const url = addressOf(address, ['sftp:', 'ftp:', 'ftps:'])
  const shared = { host: url.hostname, ...portOf(url), folder: decodeURIComponent(url.pathname), pattern }
  const user = decodeURIComponent(url.username)
  if (url.protocol === 'sftp:') {
    if (user === '') throw new Misuse('An SFTP address names its user.', 'sftp://user@host/folder')
    return { way: 'sftp', ...shared, user }
  }
  return { way: 'ftp', ...shared, ...(user === '' ? {} : { user }), tls: !call.switch('insecure') }
}

function tableSettings(call: Call, address: string): Settings {
  const url = addressOf(address, ['postgres:', 'postgresql:', 'mysql:', 'mariadb:'])
  const need = (flag: string): string => {
    const text = call.flag(flag)
    if (text === undefined) throw new Misuse(`"pull" needs --${flag}.`)
    return text
  }
  return {
    way: url.protocol.startsWith('postgres') ? 'postgres' : 'mysql',
    host: url.hostname,
    ...portOf(url),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    table: need('table'),
    cursorColumn: need('cursor'),
    keyColumn: need('row-key'),
    tls: !call.switch('insecure'),
  }
}

function portOf(url: URL): { port?: number } {
  return url.port === '' ? {} : { port: Number(url.port) }
}

function addressOf(address: string, protocols: string[]): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !protocols.includes(url.protocol) || url.hostname === '')
    throw new Misuse(`"${address}" is not an address with ${protocols.map((one) => `${one}//`).join(', ')}.`)
  if (url.password !== '')
    throw new Misuse('A password does not belong into a command line.', 'EINKLANG_FEED_PASSWORD=…')
  return url
}
