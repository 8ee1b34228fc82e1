import { createSocket, type Socket } from 'node:dgram'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mailServers } from './mail-servers.ts'

/** A name server that answers each domain in its own bad way. */
let socket: Socket
let ask: (domain: string) => Promise<boolean | null>
const kinds = { A: 1, MX: 15, AAAA: 28 }

beforeAll(async () => {
  socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const { domain, kind, end } = asked(question)
    const answer = (code: number, records: Buffer[]) => {
      const head = Buffer.alloc(12)
      question.copy(head, 0, 0, 2)
      head.writeUInt16BE(0x8180 | code, 2)
      head.writeUInt16BE(1, 4)
      head.writeUInt16BE(records.length, 6)
      socket.send(Buffer.concat([head, question.subarray(12, end), ...records]), from.port, from.address)
    }
    const mx = (name: string) => record(kinds.MX, Buffer.concat([Buffer.from([0, 10]), named(name)]))
    if (domain === 'good.example') return answer(0, kind === kinds.MX ? [mx('mail.good.example')] : [])
    if (domain === 'plain.example')
      return answer(0, kind === kinds.A ? [record(kinds.A, Buffer.from([192, 0, 2, 1]))] : [])
    if (domain === 'closed.example') return answer(0, [mx('')])
    if (domain === 'empty.example') return answer(0, [])
    if (domain === 'gone.example') return answer(3, [])
    if (domain === 'broken.example') return answer(2, [])
    if (domain === 'refused.example') return answer(5, [])
    if (domain === 'garbage.example') return socket.send(Buffer.from('not an answer'), from.port, from.address)
    // `silent.example` never hears anything.
  })
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
  ask = mailServers([`127.0.0.1:${socket.address().port}`], { timeout: 200, tries: 1 })
})
afterAll(() => void socket.close())

function asked(question: Buffer) {
  const labels: string[] = []
  let at = 12
  for (let size = question[at] ?? 0; size > 0; size = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + size))
    at += size + 1
  }
  return { domain: labels.join('.').toLowerCase(), kind: question.readUInt16BE(at + 1), end: at + 5 }
}

function named(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.')
  return Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])
}

function record(kind: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, 0])
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

test('a domain takes mail, takes none, or nobody can tell', async () => {
  const told = async (name: string) => [name, await ask(`${name}.example`)]
  expect(Object.fromEntries(await Promise.all(['good', 'plain', 'closed', 'empty', 'gone'].map(told)))).toEqual({
    good: true,
    plain: true,
    closed: false,
    empty: false,
    gone: false,
  })
  // A server that fails, refuses, talks nonsense or is silent says nothing about the domain.
  expect(Object.fromEntries(await Promise.all(['broken', 'refused', 'garbage', 'silent'].map(told)))).toEqual({
    broken: null,
    refused: null,
    garbage: null,
    silent: null,
  })
})
