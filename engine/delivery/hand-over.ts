import {
  type Channel,
  type Connector,
  type HandOver,
  type JsonObject,
  kept,
  type Outbound,
  type PersonId,
} from '@einklang/contract'
import { type Database, fault } from '@einklang/platform'
import type { Permission } from '#consent'
import type { Check, Decided } from '#decision'
import type { DeliveryNeeds } from './index.ts'
import { type Link, linked } from './links.ts'
import { type MessageRow, note } from './store.ts'

/** A message with its intent committed: what the provider is about to be asked. */
export type Handed = { message: MessageRow; attempt: number; connector: Connector; outbound: Outbound }

const mostAttempts = 8
/** Words that were not ready in time on a busy machine are tried again after so many seconds. */
const lateWordsPauses = [60, 300, 900]
/** While nobody answers at all, attempts say nothing about the message: it waits this long. */
const longestOutage = 48 * 3_600_000

/** Did the provider speak about this very message (`451 greylisted`), or was it not there? */
export function answered(outcome: HandOver): boolean {
  return outcome.state !== 'refused' || outcome.permanent || /^[45]\d\d\b|answered \d{3}/.test(outcome.reason)
}

/**
 * Everything is asked once more in the transaction that commits the intent, with the person's row locked: reachable,
 * permitted, within hours and caps, not on hold, words and references as they are now. Null = it did not leave, and
 * the reason is stored.
 */
export async function hand(needs: DeliveryNeeds, claimed: MessageRow, leaseSeconds: number): Promise<Handed | null> {
  const reserved = claimed.state === 'reserved' || (await reserve(needs, claimed))
  if (!reserved) return null
  return await needs.ground.database.transaction(async (tx) => {
    const message = await tx.row<MessageRow>`select * from delivery.message
      where id = ${claimed.id} and claim = ${claimed.claim} and state = 'reserved' for update`
    if (!message) return null
    const connector = needs.connectors.find((one) => one.channel === message.channel)
    if (!connector) return suppress(needs, tx, message, kept('no_connector'), [])
    fault('send.before-lock')
    const person = await currentPerson(tx, message.person)
    const { epoch } = await needs.consent.lock(tx, person, message.channel)
    const recipient = await recipientOf(tx, person, message.channel)
    if (!recipient) return suppress(needs, tx, message, kept('address_gone'), [])
    const concept = await needs.content.concept(message.concept)
    const permission = await needs.consent.may(tx, {
      person,
      purpose: message.purpose,
      channel: message.channel,
      address: recipient.consentAddress,
      topic: concept?.topic ?? null,
    })
    const permitted = permissionCheck(message, permission)
    if (!permission.allowed)
      return suppress(needs, tx, message, kept('no_permission', { because: permission.because }), [permitted])
    fault('send.after-permission')
    const decided = await decide(needs, tx, message)
    const checks = [permitted, ...decided.checks]
    if (!decided.go) return decline(needs, tx, message, decided, checks)
    fault('send.after-cap')
    const brand = await needs.governance.brand()
    const links = linksFor(needs, message, person, recipient, brand.shopUrl)
    const words = await needs.content.render(tx, {
      concept: message.concept,
      channel: message.channel,
      person,
      data: message.data,
      links,
    })
    if ('refused' in words)
      return words.late
        ? again(needs, tx, message, words.refused, checks)
        : suppress(needs, tx, message, words.refused, checks)
    const ready = linked(needs.ground, message.id, words, [links.unsubscribe, links.preferences], message.channel)
    const attempt = message.attempts + 1
    await tx.run`update delivery.message set state = 'handed', reason = null, attempts = ${attempt}, epoch = ${epoch},
        begun_at = null, lease = platform.now() + make_interval(secs => ${leaseSeconds}), checks = ${tx.json(checks)},
        address = ${recipient.address}, address_name = ${recipient.name}, subject = ${words.subject},
        language = ${words.language}, hash = ${words.hash}, connector = ${connector.name}
      where id = ${message.id}`
    await storeBody(tx, message, ready, words.references)
    await note(tx, message.id, 'handed', kept('to', { connector: connector.name, attempt }))
    fault('send.before-intent-commit')
    const outbound: Outbound = {
      message: message.id,
      key: message.key,
      channel: message.channel,
      to: { address: recipient.address, name: recipient.name },
      from: { address: brand.senderEmail, name: brand.senderName },
      subject: words.subject,
      html: ready.html,
      text: ready.text,
      headers: headersFor(message.channel, links.unsubscribe, needs, words.language),
    }
    return { message, attempt, connector, outbound }
  })
}

/** planned → reserved: the cap slot is counted in the same transaction. */
async function reserve(needs: DeliveryNeeds, claimed: MessageRow): Promise<boolean> {
  return await needs.ground.database.transaction(async (tx) => {
    const message = await tx.row<MessageRow>`select * from delivery.message
      where id = ${claimed.id} and claim = ${claimed.claim} and state = 'planned' for update`
    if (!message) return false
    const decided = await decide(needs, tx, message)
    if (!decided.go) {
      await decline(needs, tx, message, decided, decided.checks)
      return false
    }
    await tx.run`update delivery.message set state = 'reserved', reason = null where id = ${message.id}`
    await note(tx, message.id, 'reserved', null)
    return true
  })
}

async function decide(needs: DeliveryNeeds, tx: Database, message: MessageRow): Promise<Decided> {
  const stopped = await tx.row<{ because: string | null }>`
    select because from delivery.lane where channel = ${message.channel} and stopped`
  if (stopped) {
    const until = new Date(needs.ground.clock.now().getTime() + 30_000)
    const checks = [
      { fact: kept('lane_stopped', { channel: message.channel, because: stopped.because ?? '' }), ok: false },
    ]
    return { go: false, because: 'held', until, checks }
  }
  return await needs.decision.check(tx, {
    message: message.id,
    person: message.person,
    channel: message.channel,
    purpose: message.purpose,
    journey: message.journey,
    run: message.run,
    at: needs.ground.clock.now(),
  })
}

/** "Not now" keeps the message for later; "not any more" ends it. Both keep the reason. */
async function decline(
  needs: DeliveryNeeds,
  tx: Database,
  message: MessageRow,
  decided: Extract<Decided, { go: false }>,
  checks: Check[],
): Promise<null> {
  const fact = decided.checks.find((check) => !check.ok)?.fact ?? decided.because
  const { until } = decided
  if (!until) return suppress(needs, tx, message, kept('declined', { because: decided.because, fact }), checks)
  if (message.expires_at && until > message.expires_at) {
    await end(needs, tx, message, 'expired', kept('too_late', { fact }), checks)
    return null
  }
  await tx.run`update delivery.message set not_before = ${until}, claim = null, lease = null,
      reason = ${kept('declined', { because: decided.because, fact })}, checks = ${tx.json(checks)} where id = ${message.id}`
  await note(tx, message.id, message.state, kept('later', { until: until.toISOString(), fact }))
  return null
}

/** Words that passed their checks were not ready in time: our own weather, so the message waits instead of ending. */
async function again(
  needs: DeliveryNeeds,
  tx: Database,
  message: MessageRow,
  reason: string,
  checks: Check[],
): Promise<null> {
  const seconds = lateWordsPauses[message.late_words]
  if (seconds === undefined) return suppress(needs, tx, message, reason, checks)
  await tx.run`update delivery.message set not_before = platform.now() + make_interval(secs => ${seconds}),
      late_words = late_words + 1, claim = null, lease = null, reason = ${reason}, checks = ${tx.json(checks)}
    where id = ${message.id}`
  await note(tx, message.id, 'reserved', kept('again', { why: reason, seconds }))
  return null
}

async function suppress(
  needs: DeliveryNeeds,
  tx: Database,
  message: MessageRow,
  reason: string,
  checks: Check[],
): Promise<null> {
  await end(needs, tx, message, 'suppressed', reason, checks)
  return null
}

async function end(
  needs: DeliveryNeeds,
  tx: Database,
  message: MessageRow,
  state: 'suppressed' | 'expired',
  reason: string,
  checks: Check[],
): Promise<void> {
  await tx.run`update delivery.message set state = ${state}, reason = ${reason}, checks = ${tx.json(checks)},
    claim = null, lease = null where id = ${message.id}`
  await note(tx, message.id, state, reason)
  await needs.decision.release(tx, [message.id])
}

function permissionCheck(message: MessageRow, permission: Permission): Check {
  const { purpose, channel } = message
  if (permission.allowed) return { fact: kept('permitted', { purpose, channel, basis: permission.basis }), ok: true }
  return { fact: kept('forbidden', { purpose, channel, because: permission.because }), ok: false }
}

async function currentPerson(tx: Database, person: PersonId): Promise<PersonId> {
  const row = await tx.row<{ person: PersonId }>`select identity.current(${person}) as person`
  return row?.person ?? person
}

type Recipient = { address: string; name: string | null; consentAddress: string }

async function recipientOf(tx: Database, person: PersonId, channel: Channel): Promise<Recipient | null> {
  const row = await tx.row<{
    address: string
    name: string | null
    street: string | null
    place: string
    country: string | null
  }>`
    select reachable.address, reachable.name, person.street, person.country,
      concat_ws(' ', person.postal_code, person.city) as place
    from profile.reachable join profile.person using (person)
    where reachable.person = ${person} and reachable.channel = ${channel}`
  if (!row) return null
  if (channel !== 'letter') return { address: row.address, name: row.name, consentAddress: row.address }
  const abroad =
    row.country && !['DE', 'Deutschland', 'Germany'].includes(row.country) ? row.country.toUpperCase() : null
  const lines = [row.street, row.place, abroad].filter((line) => line)
  return { address: lines.join('\n'), name: row.name, consentAddress: row.address }
}

function linksFor(
  needs: DeliveryNeeds,
  message: MessageRow,
  person: PersonId,
  recipient: Recipient,
  shopUrl: string | null | undefined,
) {
  const address = recipient.consentAddress
  return {
    unsubscribe: needs.consent.unsubscribeUrl({ person, channel: message.channel, address, message: message.id }),
    preferences: needs.consent.preferenceUrl(person, address, message.channel),
    shop: shopUrl ?? `${needs.ground.config.publicUrl}/`,
  }
}

function headersFor(
  channel: Channel,
  unsubscribe: string,
  needs: DeliveryNeeds,
  language: string,
): { [name: string]: string } {
  if (channel === 'email')
    return { 'List-Unsubscribe': `<${unsubscribe}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }
  if (channel !== 'letter') return {}
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: needs.ground.config.timeZone })
  return { 'Date-Line': format.format(needs.ground.clock.now()) }
}

async function storeBody(
  tx: Database,
  message: MessageRow,
  ready: { html: string | null; text: string; links: Link[] },
  references: { name: string; value: string }[],
): Promise<void> {
  await tx.run`insert into delivery.body (message, html, text, links, refs, rendered_at)
    values (${message.id}, ${ready.html}, ${ready.text}, ${tx.json(ready.links)}, ${tx.json(references)}, platform.now())
    on conflict (message) do update set html = excluded.html, text = excluded.text, links = excluded.links,
      refs = excluded.refs, rendered_at = excluded.rendered_at`
}

/** Writes down what became of the hand-over and tells the loop, in one transaction. */
export async function finish(needs: DeliveryNeeds, handed: Handed, outcome: HandOver): Promise<void> {
  await needs.ground.database.transaction(async (tx) => {
    // A worker that was thought dead may still bring a certain answer: better than "unknown".
    const row = await tx.row<MessageRow>`select * from delivery.message
      where id = ${handed.message.id} and attempts = ${handed.attempt} and state in ('handed', 'unknown') for update`
    if (!row) return
    if (outcome.state === 'accepted') await accepted(needs, tx, row, outcome.providerId)
    else if (outcome.state === 'unknown') await unknown(tx, row, handed.connector, outcome.evidence)
    else await refused(needs, tx, row, outcome)
  })
  needs.ground.live.publish('delivery.message', { message: handed.message.id, state: outcome.state })
}

export async function accepted(needs: DeliveryNeeds, tx: Database, row: MessageRow, providerId: string): Promise<void> {
  await tx.run`update delivery.message set state = 'accepted', reason = null, provider_id = ${providerId},
    sent_at = platform.now(), claim = null, lease = null where id = ${row.id}`
  await note(tx, row.id, 'accepted', providerId)
  // The moment the provider was called: its own receipt may be stamped before our answer is written down.
  await needs.emit(tx, [{ ...ownEvent(needs, row, 'message.sent', {}), at: row.begun_at ?? needs.ground.clock.now() }])
}

async function unknown(tx: Database, row: MessageRow, connector: Connector, evidence: string): Promise<void> {
  if (connector.class === 'K') {
    await tx.run`update delivery.message set state = 'reserved', reason = ${evidence}, claim = null, lease = null,
      begun_at = null, not_before = platform.now() + interval '30 seconds' where id = ${row.id}`
    return note(tx, row.id, 'reserved', kept('no_answer', { evidence }))
  }
  await tx.run`update delivery.message set state = 'unknown', reason = ${evidence}, claim = null, lease = null
    where id = ${row.id}`
  await note(tx, row.id, 'unknown', evidence)
}

async function refused(
  needs: DeliveryNeeds,
  tx: Database,
  row: MessageRow,
  outcome: Extract<HandOver, { state: 'refused' }>,
): Promise<void> {
  const waited = needs.ground.clock.now().getTime() - row.planned_at.getTime()
  const goesOn = answered(outcome) ? row.attempts < mostAttempts : waited < longestOutage
  if (!outcome.permanent && goesOn) {
    const seconds = Math.min(3600, 30 * 2 ** row.attempts)
    await tx.run`update delivery.message set state = 'reserved', reason = ${outcome.reason}, claim = null, lease = null,
      begun_at = null, not_before = platform.now() + make_interval(secs => ${seconds}) where id = ${row.id}`
    return note(tx, row.id, 'reserved', kept('not_now', { why: outcome.reason, seconds }))
  }
  await tx.run`update delivery.message set state = 'refused', reason = ${outcome.reason}, claim = null, lease = null
    where id = ${row.id}`
  await note(tx, row.id, 'refused', outcome.reason)
  await needs.decision.release(tx, [row.id])
  await needs.emit(tx, [ownEvent(needs, row, 'message.refused', { reason: outcome.reason })])
}

/** A fact about one message as an event of the person it was sent to. */
export function ownEvent(
  needs: Pick<DeliveryNeeds, 'ground'>,
  row: MessageRow,
  name: string,
  more: JsonObject,
  key: string = `${name}:${row.id}`,
) {
  return {
    key,
    name,
    person: row.person,
    at: needs.ground.clock.now(),
    channel: row.channel,
    properties: {
      message_id: row.id,
      campaign: row.campaign,
      channel: row.channel,
      subject: row.subject,
      concept: row.concept,
      journey: row.journey,
      ...more,
    },
  }
}
