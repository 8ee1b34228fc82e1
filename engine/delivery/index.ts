import type { AppliedBatch, api, Channel, Connector, MessageId, PersonId, SpokenLanguage } from '@einklang/contract'
import type { Database, Ground, Loop } from '@einklang/platform'
import type { Consent } from '#consent'
import type { Content } from '#content'
import type { Decision, PlannedMessage } from '#decision'
import type { Governance } from '#governance'
import type { OwnEvent } from '#ingest'
import { type Caught, hasCaught, keepMail } from './caught.ts'
import { explain } from './explain.ts'
import { createOutbox } from './outbox.ts'
import { applyReceipts } from './receipts.ts'
import { erasePersons, linesOf, planMessages } from './store.ts'
import { webhookSecret } from './webhook.ts'

export type { Caught } from './caught.ts'
export { deliveryParts } from './routes.ts'

export type Explanation = api.delivery.Explanation

export type DeliveryNeeds = {
  ground: Ground
  governance: Pick<Governance, 'brand' | 'audit'>
  consent: Pick<Consent, 'lock' | 'may' | 'unsubscribeUrl' | 'preferenceUrl'>
  decision: Pick<Decision, 'check' | 'release'>
  content: Pick<Content, 'concept' | 'render'>
  emit: (tx: Database, events: OwnEvent[]) => Promise<void>
  connectors: Connector[]
  /** Reads a printed letter back by its file name. */
  letter?: (name: string) => Promise<Uint8Array | null>
  /** Destroys a printed letter's file; erasure calls it. */
  deleteLetter?: (name: string) => Promise<void>
  /** Address under which the built-in catch-all listens, for the mailbox screen. */
  mailbox?: string
}

export type Delivery = {
  /** Takes planned messages into the outbox in the caller's transaction; a key that is there already changes nothing. */
  plan(tx: Database, messages: PlannedMessage[]): Promise<void>
  /** Receipts: delivered, opened, clicked, bounced … as they come by as events. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** "Why did she get this, here, now?" and "Why did she not?" */
  explain(message: MessageId, language?: SpokenLanguage): Promise<Explanation | null>
  messagesOf(person: PersonId, language?: SpokenLanguage, on?: Database): Promise<api.profile.MessageLine[]>
  /**
   * The other half of the fence: takes leases back whose call has not begun and returns when no earlier call is under
   * way. Consent awaits it before it acknowledges a denial.
   */
  settled(persons: PersonId[], channels: readonly Channel[]): Promise<void>
  /** A mail that the catch-all received; returns the person it belongs to when it was one of ours. */
  catchMail(mail: Caught): Promise<void>
  /** Is a message with this id in the caught ones? For a gateway that must not keep one twice. */
  hasCaught(messageId: string): Promise<boolean>
  /** Channels with a connector. */
  channels(): Channel[]
  /** Secret with which a mail service signs its receipts (Standard Webhooks). */
  webhookSecret(source: string): string
  /** Works until nothing is due; for tests and for the end of a run. */
  work(): Promise<void>
  loops: Loop[]
  erase(tx: Database, persons: PersonId[]): Promise<number>
  close(): Promise<void>
}

/** Did it arrive? Outbox, hand-over, receipts. */
export function createDelivery(needs: DeliveryNeeds): Delivery {
  const outbox = createOutbox(needs)
  const { database } = needs.ground
  return {
    plan: (tx, messages) => planMessages(tx, messages),
    apply: (tx, batch) => applyReceipts(needs, tx, batch),
    explain: (message, language = 'en') => explain(database, message, language),
    messagesOf: (person, language = 'en', on = database) => linesOf(on, person, language),
    settled: outbox.settled,
    catchMail: (mail) => keepMail(needs, mail),
    hasCaught: (messageId) => hasCaught(needs, messageId),
    channels: () => [...new Set(needs.connectors.map((connector) => connector.channel))],
    webhookSecret: (source) => webhookSecret(needs.ground.secrets, source),
    async work() {
      const signal = new AbortController().signal
      while ((await outbox.turn(signal)) === 'busy');
    },
    loops: [{ name: 'delivery.outbox', pauseMs: 500, wake: 'delivery.planned', turn: outbox.turn }],
    erase: (tx, persons) => erasePersons(needs, tx, persons),
    async close() {
      await Promise.all(needs.connectors.map(async (connector) => connector.close?.()))
    },
  }
}
