import { api } from '@einklang/contract'
import { createClient, ProblemError } from '@einklang/sdk'
import { expect, test } from 'vitest'

type Sent = { url: string; method: string | undefined; body: unknown }

function answering(status: number, body: string, headers: { [name: string]: string } = {}) {
  const sent: Sent[] = []
  const client = createClient({
    baseUrl: 'http://shop.example',
    fetch: async (url, options) => {
      sent.push({ url: String(url), method: options?.method, body: options?.body })
      return new Response(status === 204 ? null : body, { status, headers })
    },
  })
  return { client, sent }
}

test('a call fills path and query and sends the body as JSON', async () => {
  const { client, sent } = answering(200, '{"items":[],"next":null}')
  await client.call(api.governance.audit, { query: { action: 'a b', limit: 5 } })
  await client.call(api.governance.endSession, { params: { session: 'x/y' } })
  await client.call(api.governance.createKey, { body: { name: 'ERP', roles: ['analyst'] } })
  expect(sent).toEqual([
    { url: 'http://shop.example/api/governance/audit?action=a+b&limit=5', method: 'GET', body: undefined },
    { url: 'http://shop.example/api/governance/sessions/x%2Fy', method: 'DELETE', body: undefined },
    { url: 'http://shop.example/api/governance/keys', method: 'POST', body: '{"name":"ERP","roles":["analyst"]}' },
  ])
})

test('an empty answer is undefined', async () => {
  const { client } = answering(204, '')
  expect(await client.call(api.governance.signOut)).toBeUndefined()
})

test('a refusal becomes a ProblemError with what to do instead', async () => {
  const body = '{"error":{"code":"WRONG","message":"No.","at":"body.name","doInstead":"Say yes."}}'
  const { client } = answering(429, body, { 'retry-after': '7' })
  const refusal = await client.call(api.governance.me).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(ProblemError)
  expect(refusal).toMatchObject({
    status: 429,
    code: 'WRONG',
    at: 'body.name',
    doInstead: 'Say yes.',
    retryAfterSeconds: 7,
  })
})

test('an answer that is no JSON still becomes a readable problem', async () => {
  const { client } = answering(502, '<html>Bad gateway</html>')
  await expect(client.call(api.governance.me)).rejects.toMatchObject({ status: 502, code: 'http_502' })
})

test('what a route needs is asked for by the types', () => {
  const { client } = answering(200, '{}')
  // @ts-expect-error a body is obligatory
  const withoutBody = () => client.call(api.governance.createKey)
  // @ts-expect-error path values are obligatory
  const withoutParams = () => client.call(api.governance.endSession, {})
  expect([withoutBody, withoutParams]).toHaveLength(2)
})
