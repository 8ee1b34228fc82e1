import PostalMime, { type Email } from 'postal-mime'

export { type SmsMailbox, startSmsMailbox } from './sms.ts'

/** A mail as the catch-all received it. Nothing in it is trusted: it is shown, never executed or followed. */
export type CaughtMail = {
  from: string
  to: string[]
  subject: string
  messageId: string | null
  headers: { name: string; value: string }[]
  text: string
  html: string | null
  attachments: { name: string; type: string; bytes: number }[]
  bytes: number
}

export type Mailbox = { host: string; port: number; url: string; close(): Promise<void> }

const megabyte = 1024 * 1024

/**
 * A mail server on the loopback interface that accepts every recipient and keeps the mail instead of passing it
 * on. The sender gets its `250` only after `store` has resolved; when it throws, the sender is told to come back.
 *
 *   const mailbox = await startMailbox({ store: (mail) => delivery.catchMail(mail) })
 *   smtpConnector({ url: mailbox.url })
 */
export async function startMailbox(needs: {
  store: (mail: CaughtMail) => Promise<void>
  host?: string
  port?: number
  onProblem?: (error: unknown) => void
}): Promise<Mailbox> {
  const host = needs.host ?? '127.0.0.1'
  const { SMTPServer } = await import('smtp-server')
  const server = new SMTPServer({
    banner: 'Einklang mailbox: keeps every mail, delivers none',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: 25 * megabyte,
    onData(stream, session, answer) {
      receive(stream, session.envelope)
        .then(needs.store)
        .then(
          () => answer(null, 'kept'),
          (error: unknown) => {
            needs.onProblem?.(error)
            answer(Object.assign(new Error('Not kept, come back later'), { responseCode: 451 }))
          },
        )
    },
  })
  server.on('error', (error: unknown) => needs.onProblem?.(error))
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(needs.port ?? 0, host, () => {
      server.off('error', failed)
      listening()
    })
  })
  const address = server.server.address()
  const port = typeof address === 'object' && address ? address.port : (needs.port ?? 0)
  return {
    host,
    port,
    url: `smtp://${host}:${port}?tls=off`,
    close: () => new Promise((closed) => server.close(() => closed())),
  }
}

type Envelope = { mailFrom: { address: string } | false | null; rcptTo: { address: string }[] }

async function receive(stream: AsyncIterable<Buffer>, envelope: Envelope): Promise<CaughtMail> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  const raw = Buffer.concat(pieces)
  return caughtMail(await PostalMime.parse(raw), envelope, raw.length)
}

function caughtMail(mail: Email, envelope: Envelope, bytes: number): CaughtMail {
  return {
    from: mail.from?.address ?? (envelope.mailFrom ? envelope.mailFrom.address : ''),
    to: envelope.rcptTo.map((recipient) => recipient.address),
    subject: mail.subject ?? '',
    messageId: mail.messageId ?? null,
    headers: mail.headers.map(({ originalKey, key, value }) => ({ name: originalKey || key, value })),
    text: mail.text ?? '',
    html: mail.html ?? null,
    attachments: mail.attachments.map((attachment) => ({
      name: attachment.filename ?? '',
      type: attachment.mimeType,
      bytes: typeof attachment.content === 'string' ? attachment.content.length : attachment.content.byteLength,
    })),
    bytes,
  }
}
