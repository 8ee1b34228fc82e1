import { Readable } from 'node:stream'
import type { Cancel, Connector, HandOver, Outbound } from '@einklang/contract'
import MailComposer from 'nodemailer/lib/mail-composer'
import SMTPConnection from 'nodemailer/lib/smtp-connection'

export type SmtpOptions = {
  /** `smtp://user:password@host:587`, `smtps://…:465`; `?tls=required` refuses to send in the clear, `?tls=off` never upgrades. */
  url: string
  /** Open connections at most; after a crash at most this many messages are unknown. */
  connections?: number
  connectTimeoutMs?: number
  /** Silence of the server for longer than this ends the attempt. */
  silenceTimeoutMs?: number
  /** A connection is renewed after this many messages. */
  messagesPerConnection?: number
}

type Line = { connection: SMTPConnection; sent: number; fresh: boolean }

/**
 * E-mail by SMTP: one recipient per message, `Message-ID` from the key. Class O: between the final dot and the
 * server's answer nobody can know, and the answer then is `unknown`.
 *
 * The pool is our own because nodemailer's re-queues a message by itself when its connection closes, which after
 * the final dot would send it twice.
 */
export function smtpConnector(options: SmtpOptions): Connector {
  const pool = new LinePool(options)
  return {
    name: 'email-smtp',
    channel: 'email',
    class: 'O',
    handOver: (outbound, cancel) => handOver(pool, outbound, cancel),
    close: () => pool.close(),
  }
}

async function handOver(pool: LinePool, outbound: Outbound, cancel: Cancel): Promise<HandOver> {
  const unsafe = unsafeHeader(outbound)
  if (unsafe)
    return { state: 'refused', reason: `${unsafe} contains a line break or control character.`, permanent: true }
  const message = await compose(outbound)
  const first = await attempt(pool, outbound, message, cancel, 'any line')
  // An idle connection may have been closed by the server meanwhile; nothing was said yet, so a fresh one is safe.
  return first === 'line was dead'
    ? ((await attempt(pool, outbound, message, cancel, 'fresh line')) as HandOver)
    : first
}

async function attempt(
  pool: LinePool,
  outbound: Outbound,
  message: Buffer,
  cancel: Cancel,
  wish: 'any line' | 'fresh line',
): Promise<HandOver | 'line was dead'> {
  if (cancel.aborted) return notSent('The time for this hand-over ran out before it began.')
  let line: Line
  try {
    line = await pool.take(cancel, wish)
  } catch (error) {
    return notSent(`No connection to the mail server: ${told(error)}`)
  }
  const reused = !line.fresh
  const body = Readable.from([message])
  let bodyLeft = false
  body.on('end', () => {
    bodyLeft = true
  })
  const envelope = { from: outbound.from.address, to: [outbound.to.address], size: message.length }
  const result = await new Promise<HandOver | 'line was dead'>((settle) => {
    cancel.addEventListener('abort', () => {
      line.connection.close()
      const why = 'the time for this hand-over ran out'
      settle(
        bodyLeft
          ? { state: 'unknown', evidence: `The mail was complete, then ${why}.` }
          : notSent(`Before the mail was complete ${why}.`),
      )
    })
    line.connection.send(envelope, body, (error, info) => {
      if (!error) settle({ state: 'accepted', providerId: providerIdOf(info?.response ?? '') })
      else if (isAnswer(error)) settle(refusalOf(error))
      else if (bodyLeft) settle({ state: 'unknown', evidence: `The mail was complete, then: ${told(error)}` })
      else if (reused && !cancel.aborted && !isAnswered(error)) settle('line was dead')
      else settle(notSent(`The connection broke before the mail was complete: ${told(error)}`))
    })
  })
  if (typeof result === 'object' && result.state === 'accepted') pool.giveBack(line)
  else pool.discard(line)
  return result
}

type SmtpError = Error & { code?: string | undefined; responseCode?: number | undefined; response?: string | undefined }

/** An answer of the server to this very message; a 421 that ends the connection is none once the mail was complete. */
function isAnswer(error: SmtpError): boolean {
  return (error.code === 'EMESSAGE' || error.code === 'EENVELOPE') && typeof error.responseCode === 'number'
}

function isAnswered(error: SmtpError): boolean {
  return typeof error.responseCode === 'number'
}

function refusalOf(error: SmtpError): HandOver {
  const code = error.responseCode ?? 0
  return { state: 'refused', reason: `${error.response ?? error.message}`.slice(0, 500), permanent: code >= 500 }
}

function notSent(reason: string): HandOver {
  return { state: 'refused', reason: reason.slice(0, 500), permanent: false }
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Many servers name their queue id in the answer (`250 2.0.0 Ok: queued as 4F1A…`); else the answer itself identifies it. */
function providerIdOf(response: string): string {
  const queued = /queued as\s+([\w-]+)/i.exec(response) ?? /\bid=([\w.-]+)/i.exec(response)
  return queued?.[1] ?? response.slice(0, 120)
}

/** RFC 5322 text of the message. Sets the headers a receiver needs to recognise a repeat. */
export function compose(outbound: Outbound): Promise<Buffer> {
  const domain = outbound.from.address.split('@')[1] ?? 'localhost'
  const mail = new MailComposer({
    from: { name: outbound.from.name, address: outbound.from.address },
    to: { name: outbound.to.name ?? '', address: outbound.to.address },
    subject: outbound.subject ?? '',
    text: outbound.text,
    ...(outbound.html === null ? {} : { html: outbound.html }),
    messageId: `<${outbound.key}@${domain}>`,
    baseBoundary: outbound.key,
    headers: { 'X-Einklang-Message': outbound.message, ...outbound.headers },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return mail.compile().build()
}

function unsafeHeader(outbound: Outbound): string | null {
  const values = {
    'The subject': outbound.subject ?? '',
    'The recipient': `${outbound.to.address}${outbound.to.name ?? ''}`,
    'The sender': `${outbound.from.address}${outbound.from.name}`,
    'The key': outbound.key,
    ...Object.fromEntries(Object.entries(outbound.headers).map(([name, value]) => [`Header ${name}`, name + value])),
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses.
  return Object.entries(values).find(([, value]) => /[\u0000-\u001f\u007f]/.test(value))?.[0] ?? null
}

/** Connections that are open, and callers who wait for one. */
class LinePool {
  readonly #options: SmtpOptions
  readonly #most: number
  readonly #idle: Line[] = []
  readonly #waiting: (() => void)[] = []
  #open = 0
  #closed = false

  constructor(options: SmtpOptions) {
    this.#options = options
    this.#most = options.connections ?? 5
  }

  async take(cancel: Cancel, wish: 'any line' | 'fresh line'): Promise<Line> {
    for (;;) {
      if (this.#closed) throw new Error('the connector is closed')
      if (cancel.aborted) throw new Error('the time for this hand-over ran out')
      const idle = wish === 'any line' ? this.#idle.pop() : undefined
      if (idle) return idle
      if (this.#open < this.#most) return await this.#connect(cancel)
      const stale = this.#idle.pop()
      if (stale) this.discard(stale)
      else await this.#turn(cancel)
    }
  }

  giveBack(line: Line): void {
    if (this.#closed || line.sent + 1 >= (this.#options.messagesPerConnection ?? 100)) return this.discard(line)
    line.sent++
    line.fresh = false
    this.#idle.push(line)
    this.#waiting.shift()?.()
  }

  discard(line: Line): void {
    const place = this.#idle.indexOf(line)
    if (place >= 0) this.#idle.splice(place, 1)
    line.connection.close()
    this.#open--
    this.#waiting.shift()?.()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const line of this.#idle.splice(0)) {
      line.connection.quit()
      this.#open--
    }
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #turn(cancel: Cancel): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push(wake)
      cancel.addEventListener('abort', wake)
    })
  }

  async #connect(cancel: Cancel): Promise<Line> {
    this.#open++
    const address = new URL(this.#options.url)
    const secure = address.protocol === 'smtps:'
    const tls = address.searchParams.get('tls')
    const connection = new SMTPConnection({
      host: address.hostname,
      port: Number(address.port || (secure ? 465 : 587)),
      secure,
      requireTLS: tls === 'required',
      ignoreTLS: tls === 'off',
      connectionTimeout: this.#options.connectTimeoutMs ?? 10_000,
      greetingTimeout: this.#options.connectTimeoutMs ?? 10_000,
      socketTimeout: this.#options.silenceTimeoutMs ?? 30_000,
      socketCloseTimeout: 0,
    })
    const line = { connection, sent: 0, fresh: true }
    try {
      await new Promise<void>((done, failed) => {
        cancel.addEventListener('abort', () => failed(new Error('the time for this hand-over ran out')))
        connection.once('error', failed)
        connection.connect((error) => (error ? failed(error) : done()))
      })
      // Later socket errors reach the pending send's callback; without a listener they would end the process.
      connection.on('error', () => this.#forget(line))
      connection.on('end', () => this.#forget(line))
      if (address.username) await this.#signIn(connection, address)
      return line
    } catch (error) {
      connection.on('error', () => undefined)
      connection.close()
      this.#open--
      this.#waiting.shift()?.()
      throw error
    }
  }

  /** A line that ended while idle is not offered again; one in use is discarded by its user. */
  #forget(line: Line): void {
    if (this.#idle.includes(line)) this.discard(line)
  }

  #signIn(connection: SMTPConnection, address: URL): Promise<void> {
    const credentials = { user: decodeURIComponent(address.username), pass: decodeURIComponent(address.password) }
    return new Promise((done, failed) => {
      connection.login({ credentials }, (error) => (error ? failed(error) : done()))
    })
  }
}
