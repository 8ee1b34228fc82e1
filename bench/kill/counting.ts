import { SMTPServer } from 'smtp-server'

export type CountingSmtp = {
  port: number
  mails: { messageId: string; to: string; subject: string }[]
  close(): Promise<void>
}

/** An SMTP server that is never killed and keeps its own ledger. */
export async function countingSmtp(): Promise<CountingSmtp> {
  const mails: CountingSmtp['mails'] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      let text = ''
      stream.on('data', (chunk) => (text += chunk))
      stream.on('end', () => {
        mails.push({
          messageId: /^message-id:\s*(\S+)/im.exec(text)?.[1] ?? `none-${mails.length}`,
          to: session.envelope.rcptTo[0]?.address ?? '',
          subject: /^subject:\s*(.*)$/im.exec(text)?.[1] ?? '',
        })
        done()
      })
    },
  })
  // A sender that is killed breaks its connection; that is what we are here for.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  if (!address || typeof address === 'string') throw new Error('The SMTP server has no port.')
  return { port: address.port, mails, close: () => new Promise((resolve) => server.close(() => resolve())) }
}

/** A small seeded generator (mulberry32): the same seed repeats the same storm. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
