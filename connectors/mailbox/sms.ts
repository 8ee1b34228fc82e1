import { createServer } from 'node:http'
import type { CaughtMail } from './index.ts'

export type SmsMailbox = { url: string; close(): Promise<void> }

type Sms = { id: string; from: string; to: string; text: string }

/**
 * An SMS gateway on the loopback interface that keeps every message instead of sending it. It honours
 * `Idempotency-Key`: a repeat gets the answer of the first call. The sender gets its `200` only after `store` has resolved.
 *
 *   const gateway = await startSmsMailbox({ store: (caught) => delivery.catchMail(caught), known: async (key) => false })
 *   smsConnector({ url: gateway.url })
 */
export async function startSmsMailbox(needs: {
  store: (message: CaughtMail) => Promise<void>
  /** Was a message of this key kept before, by an earlier run? */
  known: (key: string) => Promise<boolean>
  onProblem?: (error: unknown) => void
}): Promise<SmsMailbox> {
  const keeping = new Map<string, Promise<void>>()
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    try {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      const raw = Buffer.concat(pieces)
      const message = readSms(raw.toString('utf8'))
      if (message === null) return answer(400, { error: 'A message is JSON with id, from, to and text.' })
      const key = String(request.headers['idempotency-key'] ?? message.id)
      if (!keeping.has(key)) keeping.set(key, keep(needs, message, key, raw.length))
      try {
        await keeping.get(key)
      } finally {
        keeping.delete(key)
      }
      answer(200, { id: key })
    } catch (error) {
      needs.onProblem?.(error)
      answer(503, { error: 'Not kept, come back later.' })
    }
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => listening())
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/messages`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

function readSms(text: string): Sms | null {
  try {
    const given = JSON.parse(text) as { [name: string]: unknown } | null
    const fields = [given?.['id'], given?.['from'], given?.['to'], given?.['text']]
    if (!fields.every((field) => typeof field === 'string')) return null
    const [id, from, to, words] = fields as [string, string, string, string]
    return { id, from, to, text: words }
  } catch {
    return null
  }
}

async function keep(
  needs: { store: (message: CaughtMail) => Promise<void>; known: (key: string) => Promise<boolean> },
  message: Sms,
  key: string,
  bytes: number,
): Promise<void> {
  if (await needs.known(key)) return
  await needs.store({
    from: message.from,
    to: [message.to],
    subject: 'SMS',
    messageId: key,
    headers: [{ name: 'X-Einklang-Message', value: message.id }],
    text: message.text,
    html: null,
    attachments: [],
    bytes,
  })
}
