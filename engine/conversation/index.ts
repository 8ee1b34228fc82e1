import { createHash } from 'node:crypto'
import type { AppliedBatch, api, PersonId } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { Governance } from '#governance'
import type { OwnEvent } from '#ingest'
import { applyIncoming, linesOf } from './store.ts'

export { conversationParts } from './routes.ts'

/** A mail that came in; nothing in it is trusted. */
export type IncomingMail = {
  from: string
  to: string[]
  subject: string
  messageId: string | null
  headers: { name: string; value: string }[]
  text: string
}

export type ConversationNeeds = {
  ground: Ground
  governance: Pick<Governance, 'brand'>
  emit: (tx: Database, events: OwnEvent[]) => Promise<void>
}

export type Conversation = {
  /** Keeps what `conversation.received` events say; an event that comes twice is one message. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** What a person wrote, newest first. */
  of(person: PersonId, on?: Database): Promise<api.profile.ConversationLine[]>
  /** A mail to our sender address becomes an event; other mails and automatic answers are left alone. */
  receive(mail: IncomingMail): Promise<boolean>
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

/** What do they say back? For now read only. */
export function createConversation(needs: ConversationNeeds): Conversation {
  const { database, clock } = needs.ground
  return {
    apply: applyIncoming,
    of: (person, on = database) => linesOf(on, person),
    async receive(mail) {
      const brand = await needs.governance.brand()
      const toUs = mail.to.some((address) => address.toLowerCase() === brand.senderEmail.toLowerCase())
      if (!toUs || isAutomatic(mail) || mail.from === '') return false
      await database.transaction((tx) => needs.emit(tx, [eventOf(mail, clock.now())]))
      return true
    },
    erase: (tx, persons) => tx.run`delete from conversation.message where person = any(${persons}::uuid[])`,
  }
}

/** Out-of-office notes and mailing lists must not start a conversation of machines. */
function isAutomatic(mail: IncomingMail): boolean {
  const header = (name: string) => mail.headers.find((one) => one.name.toLowerCase() === name)?.value.toLowerCase()
  const submitted = header('auto-submitted')
  return (submitted !== undefined && submitted !== 'no') || /bulk|list|junk|auto_reply/.test(header('precedence') ?? '')
}

function eventOf(mail: IncomingMail, at: Date): OwnEvent {
  const content = createHash('sha256').update(`${mail.from}\0${mail.subject}\0${mail.text}\0${at.toISOString()}`)
  return {
    key: `mail:${mail.messageId ?? content.digest('hex')}`,
    name: 'conversation.received',
    person: null,
    // Anybody can write any sender into a mail: it may belong to a person, it proves nothing.
    identifiers: [{ namespace: 'email', value: mail.from, trust: 'claimed' }],
    at,
    channel: 'email',
    properties: {
      kind: 'mail',
      from: mail.from,
      subject: mail.subject.slice(0, 500),
      text: mail.text.replaceAll('\u0000', '').slice(0, 20_000),
    },
  }
}
