import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commands } from './commands/index.ts'
import { runProgram } from './program.ts'

/** A server elsewhere that remembers who called. */
const asked: (string | undefined)[] = []
const elsewhere = createServer((request, response) => {
  asked.push(request.headers.authorization)
  response.setHeader('content-type', 'application/json').end('{"items":[]}')
})
beforeAll(() => new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise<void>((resolve) => elsewhere.close(() => resolve())))

test('the key of a server elsewhere comes from the flag, else from EINKLANG_KEY', async () => {
  const server = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  const list = (more: string[], environment: { [name: string]: string }) =>
    runProgram(commands, ['source', 'list', '--server', server, ...more], {
      out: () => undefined,
      error: () => undefined,
      environment,
    })
  expect(await list([], { EINKLANG_KEY: 'ek_environment' })).toBe(0)
  expect(await list(['--key', 'ek_flag'], { EINKLANG_KEY: 'ek_environment' })).toBe(0)
  expect(await list([], {})).toBe(0)
  expect(asked).toEqual(['Bearer ek_environment', 'Bearer ek_flag', undefined])
})
