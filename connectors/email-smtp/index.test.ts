import { createServer, type Server, type Socket } from 'node:net'
import type { MessageId, Outbound } from '@einklang/contract'
import { afterEach, expect, test } from 'vitest'
import { cancelAfter, conformsToHandOver, type Mood } from '../conformance.ts'
import { type CaughtMail, startMailbox } from '../mailbox/index.ts'
import { smtpConnector } from './index.ts'

function mailFor(key: string): Outbound {
  return {
    message: '01990000-0000-8900-8000-000000000001' as MessageId,
    key,
    channel: 'email',
    to: { address: 'ada@example.com', name: 'Ada Köhler' },
    from: { address: 'hello@shop.example', name: 'Musterhaus' },
    subject: 'Ihr Warenkorb – 3 Artikel',
    html: '<p>Größe <b>42</b></p>',
    text: 'Größe 42',
    headers: {
      'List-Unsubscribe': '<https://shop.example/p/u/x>',
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  }
}

/** A mail server on a socket that can be told at which moment to misbehave, with a ledger of what it kept. */
function moodyServer() {
  let mood: Mood = 'well'
  const kept: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    let body: string | null = null
    let buffer = ''
    socket.write('220 moody\r\n')
    socket.on('data', (piece) => {
      buffer += piece.toString('latin1')
      if (body !== null && mood === 'breaks before the end') return socket.resetAndDestroy()
      for (;;) {
        const end = buffer.indexOf('\r\n')
        if (end < 0) return
        const line = buffer.slice(0, end)
        buffer = buffer.slice(end + 2)
        if (body === null) body = command(socket, line)
        else if (line === '.') body = finish(socket, body)
        else body += `${line}\n`
      }
    })
  })
  function command(socket: Socket, line: string): string | null {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') socket.write('250-moody\r\n250 8BITMIME\r\n')
    else if (verb === 'RCPT' && mood === 'refusing') socket.write('550 5.1.1 No such mailbox\r\n')
    else if (verb === 'RCPT' && mood === 'busy') socket.write('451 4.7.1 Greylisted, come back later\r\n')
    else if (verb === 'DATA') {
      socket.write('354 go ahead\r\n')
      return ''
    } else socket.write('250 ok\r\n')
    if (verb === 'QUIT') socket.end()
    return null
  }
  function finish(socket: Socket, body: string): null {
    kept.push(/^Message-ID: <([^@]+)@/im.exec(body)?.[1] ?? '?')
    if (mood === 'breaks after the end') socket.resetAndDestroy()
    else if (mood === 'slow') setTimeout(() => socket.write('250 2.0.0 Ok: queued as SLOW1\r\n'), 400)
    else socket.write(`250 2.0.0 Ok: queued as Q${kept.length}\r\n`)
    return null
  }
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  const stop = () =>
    new Promise<void>((done) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => done())
    })
  let port = 0
  return {
    kept,
    async start() {
      await listen(0)
      const address = server.address()
      port = typeof address === 'object' && address ? address.port : 0
      return port
    },
    async be(next: Mood) {
      if (next === 'down' && server.listening) await stop()
      if (next !== 'down' && !server.listening) await listen(port)
      mood = next
    },
    stop: () => (server.listening ? stop() : Promise.resolve()),
  }
}

conformsToHandOver('email-smtp', async () => {
  const world = moodyServer()
  const port = await world.start()
  const connector = smtpConnector({ url: `smtp://127.0.0.1:${port}`, connections: 3, connectTimeoutMs: 1000 })
  return {
    connector,
    moods: ['slow', 'down', 'refusing', 'busy', 'breaks before the end', 'breaks after the end'],
    be: world.be,
    ledger: async () => [...world.kept],
    outbound: mailFor,
    async close() {
      await connector.close?.()
      await world.stop()
    },
  }
})

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close()
})

test('a mail arrives whole in the catch-all: umlauts, both parts and the unsubscribe headers', async () => {
  const mails: CaughtMail[] = []
  const mailbox = await startMailbox({ store: async (mail) => void mails.push(mail) })
  const connector = smtpConnector({ url: mailbox.url })
  open.push({ close: async () => connector.close?.() }, mailbox)
  expect(await connector.handOver(mailFor('whole'), cancelAfter(null))).toMatchObject({ state: 'accepted' })
  const [mail] = mails
  expect(mail).toMatchObject({
    from: 'hello@shop.example',
    to: ['ada@example.com'],
    subject: 'Ihr Warenkorb – 3 Artikel',
    messageId: '<whole@shop.example>',
  })
  expect(mail?.text).toContain('Größe 42')
  expect(mail?.html).toContain('Größe <b>42</b>')
  expect(mail?.headers).toContainEqual({ name: 'List-Unsubscribe-Post', value: 'List-Unsubscribe=One-Click' })
  expect(mail?.headers.find((header) => header.name === 'X-Einklang-Message')?.value).toBe(mailFor('x').message)
})

test('a catch-all that cannot keep the mail tells the sender to come back', async () => {
  const mailbox = await startMailbox({
    store: () => Promise.reject(new Error('disk full')),
  })
  const connector = smtpConnector({ url: mailbox.url })
  open.push({ close: async () => connector.close?.() }, mailbox)
  expect(await connector.handOver(mailFor('later'), cancelAfter(null))).toMatchObject({
    state: 'refused',
    permanent: false,
  })
})

test('an idle line that the server closed is replaced without losing or repeating the message', async () => {
  const world = moodyServer()
  const port = await world.start()
  const connector = smtpConnector({ url: `smtp://127.0.0.1:${port}`, connections: 1 })
  open.push({ close: async () => connector.close?.() }, { close: world.stop })
  await connector.handOver(mailFor('one'), cancelAfter(null))
  await world.be('down')
  await world.be('well')
  expect(await connector.handOver(mailFor('two'), cancelAfter(null))).toMatchObject({ state: 'accepted' })
  expect(world.kept).toEqual(['one', 'two'])
})
