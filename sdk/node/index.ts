import { type Fields, instant, type Message, newMessageId, type Told } from '../tracking/calls.ts'
import { createSender, type Outcome, outcomeOf } from '../tracking/sender.ts'

export type { Fields, Told } from '../tracking/calls.ts'

export type NodeTrackerOptions = {
  /** Address of Einklang: `https://data.shop.example`. */
  host: string
  /** A secret key (`sk_…`); it vouches for what it sends. */
  writeKey: string
  /** Events per request (default 100) and how long they may wait for each other (default 200 ms). */
  batch?: number
  pauseMs?: number
  /** How many may wait while the server is away (default 100,000); beyond it the oldest go. */
  most?: number
  dropped?: (messages: Message[], because: 'refused' | 'full') => void
  fetch?: typeof fetch
}

/** Whose it is: at least one of them. */
export type Whose = { userId: string; anonymousId?: string } | { userId?: string; anonymousId: string }
type Call = Whose & Told

export type NodeTracker = {
  track(call: Call & { event: string }): void
  page(call: Call & { name?: string }): void
  screen(call: Call & { name?: string }): void
  identify(call: Call): void
  group(call: Call & { groupId: string }): void
  alias(call: { userId: string; previousId: string } & Told): void
  /** Sends what waits; false = the server is away and something still waits. */
  flush(): Promise<boolean>
  /** Sends what waits and says what could not be sent within the time. */
  close(timeoutMs?: number): Promise<readonly Message[]>
}

const library = { name: '@einklang/sdk/node', version: '0.1.0' }

/**
 * Tells Einklang what happens on a server or at a till. Calls return at once; what is not acknowledged is sent again
 * under the same id until it is.
 *
 *   const tracker = createTracker({ host: 'https://data.shop.example', writeKey: 'sk_…' })
 *   tracker.track({ userId: '42', event: 'Order Completed', properties: { order_id: 'A-1', total: 89.95, currency: 'EUR' } })
 *   await tracker.close()
 */
export function createTracker(options: NodeTrackerOptions): NodeTracker {
  const send = options.fetch ?? fetch
  const url = `${options.host.replace(/\/$/, '')}/v1/batch`
  const sender = createSender({
    batch: options.batch ?? 100,
    pauseMs: options.pauseMs ?? 200,
    most: options.most ?? 100_000,
    bytes: 1_000_000,
    async post(batch, attempt): Promise<Outcome> {
      const body = JSON.stringify({ sentAt: new Date().toISOString(), batch })
      const answer = await send(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          authorization: `Basic ${btoa(`${options.writeKey}:`)}`,
          ...(attempt > 0 ? { 'x-retry-count': String(attempt) } : {}),
        },
        body: await gzipped(body),
        signal: AbortSignal.timeout(15_000),
      })
      await answer.arrayBuffer()
      return outcomeOf(answer.status, answer.headers.get('retry-after'))
    },
    ...(options.dropped ? { dropped: options.dropped } : {}),
  })

  const say = (type: string, { timestamp, messageId, context, ...fields }: Told) =>
    sender.put({
      type,
      messageId: messageId ?? newMessageId(),
      timestamp: instant(timestamp),
      ...(fields as Fields),
      context: { ...context, library },
    })

  return {
    track: (call) => say('track', call),
    page: (call) => say('page', call),
    screen: (call) => say('screen', call),
    identify: (call) => say('identify', call),
    group: (call) => say('group', call),
    alias: (call) => say('alias', call),
    flush: () => sender.flush(),
    async close(timeoutMs = 10_000) {
      const until = Date.now() + timeoutMs
      while (!(await sender.flush()) && Date.now() < until) {
        await new Promise((done) => setTimeout(done, 250))
      }
      return sender.waiting()
    },
  }
}

async function gzipped(text: string): Promise<ArrayBuffer> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Response(packed).arrayBuffer()
}
