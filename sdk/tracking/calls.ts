/** Values that JSON can say. */
export type Value = string | number | boolean | null | undefined | Value[] | { [name: string]: Value }
export type Fields = { [name: string]: Value }

/** One call as it goes over the wire (Segment's shape, `/v1/batch`). */
export type Message = Fields & { type: string; messageId: string; timestamp: string }

/** What is said about a person or an event; the person is whoever the tracker knows, unless the call names one. */
export type Told = {
  properties?: Fields
  traits?: Fields
  context?: Fields
  /** When it happened, if not now. */
  timestamp?: Date | string
  /** Sending the same id twice counts once. */
  messageId?: string
}

/** A random id, also where pages are not served over TLS and `randomUUID` is missing. */
export function newMessageId(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function instant(given: Date | string | undefined): string {
  return given === undefined ? new Date().toISOString() : typeof given === 'string' ? given : given.toISOString()
}
