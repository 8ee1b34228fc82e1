import type { Channel } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { ReachHealth } from '#ingest'

const roleAddress =
  '^(info|kasse|office|noreply|no-reply|kontakt|contact|service|support|admin|webmaster|postmaster|mail|sales|verkauf|buchhaltung)@'

/**
 * Whom marketing may and can reach per channel, and the first reason why not: people we know, each counted once. The
 * permission is that of the newsletter or of profiled offers, as `consent.state` keeps it.
 */
export async function reachHealth(database: Database): Promise<ReachHealth> {
  const rows = await database.rows<{
    channel: Channel
    cause: 'reachable' | ReachHealth[number]['lost'][number]['cause']
    people: number
  }>`
    with said as (
        select person, channel, bool_or(allowed) as allowed,
          bool_or(because in ('withdrawn', 'objected', 'restricted')) as withdrawn
        from consent.state where purpose in ('newsletter', 'offers_profiled') group by 1, 2),
      shut as (
        select person, channel, bool_or(reason = 'hard_bounce') as bounced from consent.suppression
        where person is not null and (cleared_at is null or cleared_at < hit_at) group by 1, 2)
    select channel, cause, count(*) as people
    from profile.person as who
    cross join lateral (values ('email', email), ('sms', phone), ('phone', phone), ('push', push_token),
      ('letter', case when street is not null and postal_code is not null and city is not null then street end))
      as way (channel, address)
    left join said using (person, channel)
    left join shut using (person, channel)
    cross join lateral (select case
      when address is null then 'no_address'
      when channel = 'email' and address !~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:].]{2,}$' then 'invalid'
      when channel in ('sms', 'phone') and address !~ '^[+][1-9][0-9]{6,14}$' then 'invalid'
      when channel = 'email' and address ~* ${roleAddress} then 'role_address'
      when shut.bounced then 'bounced'
      when shut.bounced is not null then 'suppressed'
      when said.allowed then 'reachable'
      when said.withdrawn then 'withdrawn'
      else 'no_consent' end as cause) as why
    where who.known group by 1, 2`
  const channels = ['email', 'sms', 'push', 'letter', 'phone'] as const
  return channels.map((channel) => {
    const own = rows.filter((row) => row.channel === channel)
    return {
      channel,
      people: own.reduce((sum, row) => sum + row.people, 0),
      reachable: own.find((row) => row.cause === 'reachable')?.people ?? 0,
      lost: own
        .flatMap(({ cause, people }) => (cause === 'reachable' ? [] : [{ cause, people }]))
        .toSorted((one, other) => other.people - one.people),
    }
  })
}

const mostBounced = 200_000

/** Mailboxes that a mail server called dead and no click has proved alive since; the latest ones when there are many. */
export async function bouncedAddresses(database: Database): Promise<string[]> {
  const rows = await database.rows<{ address: string }>`
    select address from consent.suppression
    where channel = 'email' and reason = 'hard_bounce' and address is not null
      and (cleared_at is null or cleared_at < hit_at)
    order by hit_at desc limit ${mostBounced}`
  return rows.map(({ address }) => address)
}
