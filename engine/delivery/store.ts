import type {
  api,
  Channel,
  ConceptId,
  JourneyId,
  JsonObject,
  MessageId,
  PersonId,
  Purpose,
  RunId,
  SpokenLanguage,
} from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { Check, PlannedMessage } from '#decision'
import type { DeliveryNeeds } from './index.ts'
import { saidOrNull } from './sayings.ts'

export type State = (typeof api.delivery.messageStates)[number]

export type MessageRow = {
  id: MessageId
  key: string
  person: PersonId
  channel: Channel
  purpose: Purpose
  concept: ConceptId
  journey: JourneyId | null
  run: RunId | null
  step: string | null
  state: State
  reason: string | null
  reasons: string[]
  checks: Check[]
  data: JsonObject
  planned_at: Date
  not_before: Date
  expires_at: Date | null
  claim: string | null
  attempts: number
  /** How often its words were not ready in time. */
  late_words: number
  begun_at: Date | null
  address: string | null
  address_name: string | null
  campaign: string | null
  subject: string | null
  hash: string | null
  connector: string | null
  provider_id: string | null
  sent_at: Date | null
}

/** One row per key; the campaign's name is that of the journey at the moment of planning. */
export async function planMessages(tx: Database, messages: PlannedMessage[]): Promise<void> {
  const rows = messages.map((message) => ({
    ...message,
    notBefore: message.notBefore.toISOString(),
    expiresAt: message.expiresAt?.toISOString() ?? null,
  }))
  await tx.run`with added as (
      insert into delivery.message (id, key, person, channel, purpose, concept, journey, run, step, experiment, occurrence,
        state, reasons, data, planned_at, not_before, expires_at, campaign)
      select plan.id, plan.key, plan.person, plan.channel, plan.purpose, plan.concept, plan.journey, plan.run, plan.step,
        plan.experiment, plan.occurrence, 'planned', plan.reasons, plan.data, platform.now(), plan."notBefore",
        plan."expiresAt", coalesce(journey.name, concept.name)
      from jsonb_to_recordset(${tx.json(rows)}) as plan (id uuid, key text, person uuid, channel text, purpose text,
        concept uuid, journey uuid, run uuid, step text, experiment text, occurrence text, reasons jsonb, data jsonb,
        "notBefore" timestamptz, "expiresAt" timestamptz)
      left join decision.journey on journey.id = plan.journey
      left join content.concept on concept.id = plan.concept
      on conflict (key) do nothing
      returning id)
    insert into delivery.change (message, at, state) select id, platform.now(), 'planned' from added`
  await tx.notify('delivery.planned')
}

export async function note(tx: Database, message: MessageId, state: string, text: string | null): Promise<void> {
  await tx.run`insert into delivery.change (message, at, state, note)
    values (${message}, platform.now(), ${state}, ${text})`
}

/** Messages to a person as lines for the customer page. */
export async function linesOf(
  database: Database,
  person: PersonId,
  language: SpokenLanguage,
): Promise<api.profile.MessageLine[]> {
  const rows = await database.rows<{
    message: MessageId
    at: Date
    channel: Channel
    title: string | null
    campaign: string | null
    state: string
    because: string | null
    opened: boolean
    clicked: boolean
  }>`
    select message.id as message, coalesce(sent_at, planned_at) as at, channel, coalesce(subject, campaign) as title,
      campaign, state, reason as because,
      exists (select from delivery.receipt where receipt.message = message.id and kind = 'opened' and not machine) as opened,
      exists (select from delivery.receipt where receipt.message = message.id and kind = 'clicked' and not machine) as clicked
    from delivery.message where person = any(identity.aliases(${person}))
    order by planned_at desc limit 50`
  return rows.map((row) => ({
    ...row,
    at: row.at.toISOString(),
    title: row.title ?? '',
    because: saidOrNull(row.because, language),
  }))
}

/**
 * Everything about these persons: messages with their words, mails to and from their addresses that the catch-all
 * kept, and printed letters.
 */
export async function erasePersons(
  needs: Pick<DeliveryNeeds, 'deleteLetter'>,
  tx: Database,
  persons: PersonId[],
): Promise<number> {
  const letters = await tx.rows<{ file: string }>`select provider_id as file from delivery.message
    where person = any(${persons}::uuid[]) and channel = 'letter' and provider_id is not null`
  for (const { file } of letters) await needs.deleteLetter?.(file)
  let count = 0
  for (const table of ['body', 'change', 'receipt']) {
    count += await tx.run`delete from ${tx.name('delivery')}.${tx.name(table)}
      where message in (select id from delivery.message where person = any(${persons}::uuid[]))`
  }
  count += await tx.run`delete from delivery.caught where person = any(${persons}::uuid[])
    or exists (select from profile.reachable where reachable.person = any(${persons}::uuid[])
      and reachable.channel = 'email' and lower(reachable.address) in (lower(recipient), lower(sender)))`
  return count + (await tx.run`delete from delivery.message where person = any(${persons}::uuid[])`)
}
