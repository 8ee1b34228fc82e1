import { createServer } from 'node:http'
import type { MessageId } from '@einklang/contract'
import { conformsToHandOver, type Mood } from '../conformance.ts'
import { smsConnector } from './index.ts'

conformsToHandOver('sms-http', async () => {
  let mood: Mood = 'well'
  const kept: string[] = []
  const server = createServer(async (request, response) => {
    for await (const _ of request) if (mood === 'breaks before the end') return void request.socket.resetAndDestroy()
    const key = String(request.headers['idempotency-key'])
    if (mood === 'refusing') return void response.writeHead(422).end('no such number')
    if (mood === 'busy') return void response.writeHead(429).end('too many')
    if (!kept.includes(key)) kept.push(key)
    if (mood === 'breaks after the end') return void request.socket.resetAndDestroy()
    if (mood === 'slow') await new Promise((done) => setTimeout(done, 400))
    response.writeHead(200).end(JSON.stringify({ id: `sms-${kept.indexOf(key)}` }))
  })
  let port = 0
  const listen = () => new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  await listen()
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
  return {
    connector: smsConnector({ url: `http://127.0.0.1:${port}/messages`, token: 'secret' }),
    moods: ['slow', 'down', 'refusing', 'busy', 'breaks before the end', 'breaks after the end'],
    async be(next) {
      if (next === 'down' && server.listening) await stop()
      if (next !== 'down' && !server.listening) await listen()
      mood = next
    },
    ledger: async () => [...kept],
    outbound: (key) => ({
      message: '01990000-0000-8900-8000-000000000001' as MessageId,
      key,
      channel: 'sms',
      to: { address: '+4915112345678', name: null },
      from: { address: 'Musterhaus', name: 'Musterhaus' },
      subject: null,
      html: null,
      text: 'Ihr Warenkorb wartet.',
      headers: {},
    }),
    close: () => (server.listening ? stop() : Promise.resolve()),
  }
})
