import type { Cancel, Connector, HandOver, Outbound } from '@einklang/contract'

export type SmsOptions = {
  /** Where messages are posted as JSON `{ id, from, to, text }`. */
  url: string
  /** Sent as `Authorization: Bearer …`. */
  token?: string
  timeoutMs?: number
}

/**
 * SMS by any gateway that takes JSON over HTTP and honours `Idempotency-Key` (class K): a repeat with the same key
 * gives the answer of the first call. A gateway that does not honour it must not be attached with this connector.
 */
export function smsConnector(options: SmsOptions): Connector {
  return {
    name: 'sms-http',
    channel: 'sms',
    class: 'K',
    handOver: (outbound, cancel) => post(options, outbound, cancel),
  }
}

async function post(options: SmsOptions, outbound: Outbound, cancel: Cancel): Promise<HandOver> {
  if (cancel.aborted)
    return { state: 'refused', reason: 'The time for this hand-over ran out before it began.', permanent: false }
  const stop = new AbortController()
  cancel.addEventListener('abort', () => stop.abort())
  const timer = setTimeout(() => stop.abort(), options.timeoutMs ?? 10_000)
  try {
    const response = await fetch(options.url, {
      method: 'POST',
      redirect: 'error',
      signal: stop.signal,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': outbound.key,
        ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      },
      body: JSON.stringify({
        id: outbound.message,
        from: outbound.from.name,
        to: outbound.to.address,
        text: outbound.text,
      }),
    })
    return await outcome(response, outbound.key)
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = (cause as { code?: unknown }).code
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
      return { state: 'refused', reason: `The SMS gateway cannot be reached (${code}).`, permanent: false }
    return { state: 'unknown', evidence: cause instanceof Error ? cause.message : String(cause) }
  } finally {
    clearTimeout(timer)
  }
}

async function outcome(response: Response, key: string): Promise<HandOver> {
  const text = (await response.text()).slice(0, 2000)
  if (response.ok) return { state: 'accepted', providerId: providerIdOf(text) ?? key }
  const reason = `The SMS gateway answered ${response.status}: ${text.slice(0, 300)}`
  if (response.status === 429 || response.status === 503) return { state: 'refused', reason, permanent: false }
  if (response.status < 500) return { state: 'refused', reason, permanent: true }
  return { state: 'unknown', evidence: reason }
}

function providerIdOf(text: string): string | null {
  try {
    const answer: unknown = JSON.parse(text)
    const id = typeof answer === 'object' && answer ? ((answer as { id?: unknown }).id ?? null) : null
    return typeof id === 'string' || typeof id === 'number' ? String(id) : null
  } catch {
    return null
  }
}
