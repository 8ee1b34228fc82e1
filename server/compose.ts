import { readFile, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { smtpConnector } from '@einklang/connectors/email-smtp'
import { feedWays } from '@einklang/connectors/feeds'
import { type CaughtMail, type Mailbox, startMailbox, startSmsMailbox } from '@einklang/connectors/mailbox'
import { letterConnector } from '@einklang/connectors/print-letter'
import { smsConnector } from '@einklang/connectors/sms-http'
import type { AppliedBatch, Connector, NormalEvent, PersonId } from '@einklang/contract'
import { type Audience, audienceParts, createAudience } from '@einklang/engine/audience'
import { type Budget, budgetParts, createBudget } from '@einklang/engine/budget'
import { type Commerce, commerceParts, createCommerce, storeAddresses } from '@einklang/engine/commerce'
import { bouncedAddresses, type Consent, consentParts, createConsent } from '@einklang/engine/consent'
import { abandonedCartConcept, type Content, contentParts, createContent } from '@einklang/engine/content'
import { type Conversation, conversationParts, createConversation } from '@einklang/engine/conversation'
import { createDecision, type Decision, type DecisionNeeds, decisionParts } from '@einklang/engine/decision'
import { createDelivery, type Delivery, type DeliveryNeeds, deliveryParts } from '@einklang/engine/delivery'
import {
  colleagueNames,
  createGovernance,
  type Governance,
  governanceParts,
  recipientsOf,
} from '@einklang/engine/governance'
import { createIdentity, type Identity, identityParts, sharedValues } from '@einklang/engine/identity'
import { createIngest, type Ingest, ingestParts, type SendMail } from '@einklang/engine/ingest'
import { createMeasurement, type Measurement, measurementParts } from '@einklang/engine/measurement'
import { createProfile, type Profile, profileParts, townsOfPeople } from '@einklang/engine/profile'
import { type Database, derivedId, type Ground, type StageParts } from '@einklang/platform'
import { stageHealth } from './health.ts'
import { mailServers } from './mail-servers.ts'
import { weigh } from './weigh.ts'

/** All stages, wired; what the server mounts, schedules and registers. */
export type House = {
  governance: Governance
  ingest: Ingest
  identity: Identity
  profile: Profile
  consent: Consent
  commerce: Commerce
  audience: Audience
  decision: Decision
  content: Content
  delivery: Delivery
  conversation: Conversation
  measurement: Measurement
  budget: Budget
  /** In the order of the flow. */
  parts: StageParts[]
  /** Tracking requests on Node's own objects, before the router. */
  early: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Starter contents and the starter journey, as drafts unless `active`; what is there already stays as it is. */
  seed(options: { active: boolean }): Promise<void>
  close(): Promise<void>
}

export type ComposeOptions = {
  /** Further outside channels; one of a channel that we bring ourselves takes its place. */
  connectors?: Connector[]
  /** False: nothing that others reach is opened (the built-in mailbox). */
  outside?: boolean
}

/**
 * The one place that knows every stage: makes them in the order of the flow and hands each what it needs. Stages that
 * need a later one get a function that looks it up when called.
 */
export async function compose(ground: Ground, options: ComposeOptions = {}): Promise<House> {
  const { config, database } = ground
  const governance = createGovernance({ ground })
  const ingest = createIngest({
    ground,
    apply: applyEvents,
    records: {
      products: (tx, rows) => commerce.records.products(tx, rows),
      prices: (tx, rows) => commerce.records.prices(tx, rows),
      stock: (tx, rows) => commerce.records.stock(tx, rows),
      places: (tx, rows) => commerce.records.places(tx, rows),
      spend: (tx, rows) => budget.records.spend(tx, rows),
    },
    references: (asked) => commerce.known(asked),
    around: async () => ({
      stores: await storeAddresses(database),
      bounced: await bouncedAddresses(database),
      shared: await sharedValues(database),
    }),
    towns: () => townsOfPeople(database),
    ...(config.mailResolver === null ? {} : { mailServers: mailServers(config.mailResolver) }),
    identifiersOf: (tx, persons) => identity.namesOf(tx, persons),
    audit: governance.audit,
    approvals: { approved: governance.approved, ask: governance.askApproval },
    authenticate: governance.authenticate,
    health: stageHealth(ground),
    team: () => colleagueNames(database),
    letters: { colleagues: (ids) => recipientsOf(database, ids), send: (mail) => sendHouseMail(mail) },
    tidySearch: () => profile.tidySearch(),
    feeds: feedWays({
      allowed: config.feedHosts,
      watched: config.watchDirectory ?? join(config.dataDirectory, 'watch'),
    }),
  })
  const identity = createIdentity({ ground, reapply: applyBatch, weigh: (ids) => weigh(database, ids) })
  const profile = createProfile({ ground, identity })
  const consent = createConsent({
    ground,
    brand: governance.brand,
    emit: ingest.emit,
    settled: (persons, channels) => delivery.settled(persons, channels),
  })
  const commerce = createCommerce({ ground, stockTold: (tx, reports) => measurement.stockTold(tx, reports) })
  const audience = createAudience({ ground })
  const decisionNeeds: DecisionNeeds = {
    ground,
    consent,
    audience,
    emit: ingest.emit,
    plan: (tx, messages) => delivery.plan(tx, messages),
    variants: async (concept) => {
      const worded = await content.variants(concept)
      return worded && worded.filter((channel) => delivery.channels().includes(channel))
    },
  }
  const decision = createDecision(decisionNeeds)
  const contentNeeds = { ground, governance, commerce }
  const content = createContent(contentNeeds)
  const mailbox = config.smtpUrl === null && options.outside !== false ? await openMailbox(ground, catchMail) : null
  // Without outside channels of the house, text messages are caught like mails.
  const caughtSms =
    config.smsUrl === null && mailbox
      ? await startSmsMailbox({
          store: (message) => delivery.catchMail(message),
          known: (key) => delivery.hasCaught(key),
          onProblem: (error) => ground.log.warn('The built-in mailbox could not keep a text message.', { error }),
        })
      : null
  const smsUrl = config.smsUrl ?? caughtSms?.url
  const letters = join(config.dataDirectory, 'letters')
  const { name, imprint } = await governance.brand()
  const own = [
    smtpConnector({ url: config.smtpUrl ?? mailbox?.url ?? '' }),
    ...(smsUrl ? [smsConnector({ url: smsUrl, ...(config.smsToken ? { token: config.smsToken } : {}) })] : []),
    letterConnector({ directory: letters, returnLine: [name, ...imprint.split('\n')].filter(Boolean).join(' · ') }),
  ]
  const given = options.connectors ?? []
  const deliveryNeeds: DeliveryNeeds = {
    ground,
    governance,
    consent,
    decision,
    content,
    emit: ingest.emit,
    connectors: [...given, ...own.filter(({ channel }) => !given.some((other) => other.channel === channel))],
    letter: (file) => letterIn(letters, file),
    deleteLetter: (file) => forgetLetter(letters, file),
    ...(mailbox ? { mailbox: mailbox.url } : {}),
  }
  const delivery = createDelivery(deliveryNeeds)
  const conversation = createConversation({ ground, governance, emit: ingest.emit })
  const measurement = createMeasurement({
    ground,
    audit: governance.audit,
    setScore: profile.setScore,
    setForecasts: profile.setForecasts,
    dropScores: profile.dropScores,
    async saveSegment(draft, by, fill) {
      const made = await audience.create(draft, by)
      await database.transaction(async (tx) => audience.recompute(tx, await fill(tx)))
      const { size } = await audience.size(draft.predicate)
      return { audience: made.audience, members: size }
    },
    weeklySpend: (period, currency) => budget.weeklySpend(period, currency),
    pausesRead: (period, currency) => budget.trials.pausesRead(period, currency),
  })
  const budget = createBudget({ ground, measurement, approved: governance.approved, audit: governance.audit })

  /** What the built-in mailbox receives: an answer of a customer, or mail of ours on its way to one. */
  async function catchMail(mail: CaughtMail): Promise<void> {
    await conversation.receive(mail)
    await delivery.catchMail(mail)
  }

  /** Mail of the house to its own people, by the way every mail takes. */
  async function sendHouseMail({ key, to, subject, text, html }: Parameters<SendMail>[0]): Promise<boolean> {
    const connector = deliveryNeeds.connectors.find(({ channel }) => channel === 'email')
    if (!connector) return false
    const { senderEmail, senderName } = await governance.brand()
    const done = await connector.handOver(
      {
        message: derivedId('message', 'house', key),
        key: derivedId('message', 'house', key),
        channel: 'email',
        to,
        from: { address: senderEmail, name: senderName },
        subject,
        html,
        text,
        headers: { 'Auto-Submitted': 'auto-generated' },
      },
      new AbortController().signal,
    )
    if (done.state === 'refused') ground.log.warn('A mail to a colleague was refused.', { reason: done.reason })
    return done.state === 'accepted'
  }

  /**
   * The path of a batch through the stages, in one transaction. The lists are the order. Commerce asks nothing of profile
   * and consent: its orders are put together while the database writes what these two have.
   */
  async function applyBatch(tx: Database, batch: AppliedBatch): Promise<void> {
    const inTurn = async (stages: { apply(tx: Database, batch: AppliedBatch): Promise<void> }[]) => {
      for (const stage of stages) await stage.apply(tx, batch)
    }
    await Promise.all([inTurn([profile, consent]), commerce.apply(tx, batch)])
    await inTurn([audience, decision, delivery, conversation])
  }
  async function applyEvents(
    tx: Database,
    events: NormalEvent[],
    attributed?: (batch: AppliedBatch) => void,
  ): Promise<AppliedBatch> {
    const batch = await identity.resolve(tx, events)
    attributed?.(batch)
    await applyBatch(tx, batch)
    return batch
  }

  const pieces = {
    orders: commerce.orders,
    cart: (person: PersonId, on: Database) => commerce.openCart(on, person),
    consent: consent.stateOf,
    audiences: audience.memberships,
    messages: delivery.messagesOf,
    conversations: conversation.of,
    hold: decision.holdOf,
    buyersOf: commerce.buyersOf,
  }
  return {
    governance,
    ingest,
    identity,
    profile,
    consent,
    commerce,
    audience,
    decision,
    content,
    delivery,
    conversation,
    measurement,
    budget,
    parts: [
      governanceParts(governance, { variant: content.words, plan: ingest.planWords, budget: budget.advisor.words }),
      ingestParts(ingest),
      identityParts(identity),
      profileParts(profile, pieces),
      consentParts(consent, ground),
      commerceParts(commerce, ground),
      audienceParts(audience, ground),
      decisionParts(decision, decisionNeeds),
      contentParts(content, contentNeeds),
      deliveryParts(delivery, deliveryNeeds),
      conversationParts(conversation, ground),
      measurementParts(measurement),
      budgetParts(budget),
    ],
    early: ingest.trackingListener,
    async seed({ active }) {
      await content.seed()
      await decision.seed({ active, abandonedCart: abandonedCartConcept })
    },
    async close() {
      await delivery.close()
      await mailbox?.close()
      await caughtSms?.close()
      await content.close()
    },
  }
}

/** Without a mail server of the house every mail is caught and shown on a screen, and nobody outside gets one. */
function openMailbox(ground: Ground, store: (mail: CaughtMail) => Promise<void>): Promise<Mailbox> {
  return startMailbox({
    store,
    onProblem: (error) =>
      ground.log.warn('The built-in mailbox could not keep a mail; the sender tries again.', { error }),
  })
}

const letterName = /^[0-9a-f]{32}\.pdf$/

async function letterIn(directory: string, file: string): Promise<Uint8Array | null> {
  if (!letterName.test(file)) return null
  return readFile(join(directory, file)).catch(() => null)
}

async function forgetLetter(directory: string, file: string): Promise<void> {
  if (letterName.test(file)) await rm(join(directory, file), { force: true })
}
