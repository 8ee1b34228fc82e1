import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LiveFault } from '@einklang/world'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type SignalSource, stopOnSignals } from './signals.ts'
import { replayLive } from './track.ts'

const room = mkdtempSync(join(tmpdir(), 'einklang-live-'))
const file = join(room, 'web.ndjson')
const start = Date.UTC(2026, 2, 2)
const came: string[] = []
let refuse = 0
const server = createServer(async (request, response) => {
  let text = ''
  for await (const piece of request) text += piece
  if (refuse > 0) {
    refuse--
    return response.writeHead(429, { 'retry-after': '0' }).end()
  }
  came.push(...(JSON.parse(text) as { batch: { messageId: string }[] }).batch.map((call) => call.messageId))
  response.end('{}')
})
let url = ''

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const lines = ['a', 'b', 'c', 'd', 'e'].map((messageId, index) =>
    JSON.stringify({ type: 'track', messageId, timestamp: new Date(start + index * 1000).toISOString() }),
  )
  writeFileSync(file, `${lines.join('\n')}\n`)
})
beforeEach(() => {
  came.length = 0
})
afterAll(() => {
  server.close()
  rmSync(room, { recursive: true, force: true })
})

function replay(from: number, faults: { [messageId: string]: Partial<LiveFault> } | null) {
  let acknowledged = from
  const done = replayLive({
    url,
    key: 'secret',
    file,
    from,
    since: new Date(start),
    speed: 100,
    faultOf: faults && ((messageId) => ({ kind: 'none', twice: false, lateMs: 0, ...faults[messageId] })),
    acknowledged(lines) {
      acknowledged += lines
    },
    signal: new AbortController().signal,
  })
  return done.then(() => acknowledged)
}

test('live calls come in order, and what is refused for load comes again', async () => {
  refuse = 2
  expect(await replay(0, null)).toBe(5)
  expect(came).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('planted faults: one call comes twice, one late, and none is missing', async () => {
  expect(await replay(0, { b: { twice: true }, c: { lateMs: 1500 } })).toBe(5)
  expect(came).toEqual(['a', 'b', 'b', 'd', 'c', 'e'])
})

test('a later start goes on behind the last call that was acknowledged without a gap', async () => {
  expect(await replay(3, null)).toBe(5)
  expect(came).toEqual(['d', 'e'])
})

test('the first Ctrl-C is told in one line and stops, the second ends at once', () => {
  const heard = new Map<string, (signal: NodeJS.Signals) => void>()
  const codes: number[] = []
  const lines: string[] = []
  let stops = 0
  const signals: SignalSource = {
    on: (signal, listener) => heard.set(signal, listener),
    off: (signal) => heard.delete(signal),
    exit: (code) => codes.push(code),
  }
  const stopping = stopOnSignals({
    signals,
    told: (line) => lines.push(line),
    continues: 'the same command',
    stop: () => stops++,
  })
  expect(stopping.code).toBeNull()
  heard.get('SIGINT')?.('SIGINT')
  expect(stopping.signal.aborted).toBe(true)
  expect([stopping.code, stops, lines.length, codes]).toEqual([130, 1, 1, []])
  heard.get('SIGINT')?.('SIGINT')
  expect([stops, lines.length, codes]).toEqual([1, 1, [130]])
  stopping.release()
  expect(heard.size).toBe(0)
})
