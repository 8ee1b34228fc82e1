import { type api, type Channel, kept, type MessageId, type PersonId } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { Candidate, Decided } from './index.ts'
import { type ContactPolicy, type Facts, isMarketing, judge, longestWindow, startPolicy } from './policy.ts'
import { isZone } from './zone.ts'

/** The house's contact policy, or the one it starts with. */
export async function policyOf(ground: Pick<Ground, 'config'>, tx: Database): Promise<ContactPolicy> {
  const row = await tx.row<{ document: ContactPolicy }>`select document from decision.policy`
  return row?.document ?? { ...startPolicy, timeZone: ground.config.timeZone }
}

type FactRow = {
  person: PersonId
  hold: { reason: string; until: string | null } | null
  zone: string | null
  contacts: { channel: Channel; at: string }[]
}

/**
 * Holds, zones and contacts of many persons. A message that was both reserved by us and told by an event counts
 * once; `except` leaves out the message that is being judged.
 */
export async function factsOf(
  tx: Database,
  policy: ContactPolicy,
  persons: PersonId[],
  except: MessageId[] = [],
): Promise<Map<PersonId, Facts>> {
  const rows = await tx.rows<FactRow>`
    select given.person,
      (select jsonb_build_object('reason', reason, 'until', until) from decision.hold
        where person = any(who.ids) and lifted_at is null and (until is null or until > platform.now())
        order by until desc nulls first limit 1) as hold,
      (select coalesce(traits ->> 'time_zone', traits ->> 'timezone') from profile.person
        where person = any(who.ids) limit 1) as zone,
      (select coalesce(jsonb_agg(jsonb_build_object('channel', channel, 'at', at)), '[]'::jsonb)
        from (
          select distinct on (id) id, channel, at
          from (
            select message::text as id, channel, at from decision.reservation
              where person = any(who.ids) and not returned and purpose not in ('service', 'support', 'legal_duty')
            union all
            select message_id, channel, at from profile.contact where person = any(who.ids)
          ) as either
          where at > platform.now() - make_interval(days => ${longestWindow(policy)}) and id <> all(${except}::text[])
          order by id
        ) as contact) as contacts
    from unnest(${persons}::uuid[]) as given (person),
      lateral (select identity.aliases(given.person) as ids) as who`
  return new Map(rows.map((row) => [row.person, factsFrom(row)]))
}

function factsFrom(row: FactRow): Facts {
  return {
    hold: row.hold && { reason: row.hold.reason, until: row.hold.until ? new Date(row.hold.until) : null },
    zone: row.zone && isZone(row.zone) ? row.zone : null,
    contacts: row.contacts.map((contact) => ({ channel: contact.channel, at: new Date(contact.at) })),
  }
}

/**
 * The contact policy on one message, with the person's counters locked until the caller's transaction ends: two
 * messages for one person are judged one after the other, so a cap cannot be passed by racing.
 */
export async function checkAndReserve(
  ground: Pick<Ground, 'config'>,
  tx: Database,
  candidate: Candidate,
): Promise<Decided> {
  await tx.run`select pg_advisory_xact_lock(hashtextextended('decision.person/' || identity.current(${candidate.person}), 0))`
  const journey = await journeyRefusal(tx, candidate)
  if (journey) return journey
  const policy = await policyOf(ground, tx)
  const facts = (await factsOf(tx, policy, [candidate.person], [candidate.message])).get(candidate.person)
  const verdict = judge(policy, candidate, facts ?? { hold: null, zone: null, contacts: [] })
  if (verdict.go && isMarketing(candidate.purpose)) await reserve(tx, candidate)
  return verdict
}

/** A message whose run reached its goal or whose journey stands still has no business leaving. */
async function journeyRefusal(tx: Database, candidate: Candidate): Promise<Decided | null> {
  if (!candidate.run) return null
  const row = await tx.row<{ run_state: string; because: string; journey_state: string }>`
    select run.state as run_state, run.because, journey.state as journey_state
    from decision.run join decision.journey on journey.id = run.journey where run.id = ${candidate.run}`
  if (row?.run_state === 'goal' || row?.run_state === 'cancelled') {
    const checks = [{ fact: kept('journey_over', { why: row.because }), ok: false }]
    return { go: false, because: 'ended', until: null, checks }
  }
  if (row?.journey_state === 'paused') {
    const until = new Date(candidate.at.getTime() + 5 * 60_000)
    return { go: false, because: 'paused', until, checks: [{ fact: kept('journey_paused'), ok: false }] }
  }
  return null
}

async function reserve(tx: Database, candidate: Candidate): Promise<void> {
  await tx.run`insert into decision.reservation (message, person, channel, purpose, at)
    values (${candidate.message}, ${candidate.person}, ${candidate.channel}, ${candidate.purpose}, ${candidate.at})
    on conflict (message) do update set at = excluded.at, returned = false`
}

export async function release(tx: Database, messages: MessageId[]): Promise<void> {
  await tx.run`update decision.reservation set returned = true where message = any(${messages}::uuid[])`
}

/** The hold that counts now: the one that lasts longest. */
export async function holdOf(database: Database, person: PersonId): Promise<api.profile.PersonView['hold']> {
  const row = await database.row<{ reason: string; since: Date; until: Date | null }>`
    select reason, since, until from decision.hold
    where person = any(identity.aliases(${person})) and lifted_at is null and (until is null or until > platform.now())
    order by until desc nulls first limit 1`
  return row ? { reason: row.reason, since: row.since.toISOString(), until: row.until?.toISOString() ?? null } : null
}

export async function hold(tx: Database, person: PersonId, reason: string, until: Date | null): Promise<void> {
  await tx.run`insert into decision.hold (person, reason, since, until)
    values (${person}, ${reason}, platform.now(), ${until})`
}
