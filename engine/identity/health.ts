import type { Ground } from '@einklang/platform'
import type { IdentityHealth } from '#ingest'
import { health } from './routes.ts'

/** 90 % of a normal distribution. */
const z = 1.645

/**
 * People, what joins them, and how many of them are probably one: the expected number of pairs among links that nobody has
 * decided, with the spread of that sum.
 */
export async function identityHealth(ground: Ground): Promise<IdentityHealth> {
  const { database } = ground
  const counts = await health(ground)
  const [asked] = await database.rows<{ oldest: Date | null; ran: boolean; expected: number; spread: number }>`
    select (select min(first_at) from identity.review_item where answer is null) as oldest,
      exists (select from identity.match_run where state in ('waiting', 'applied')) as ran,
      coalesce(sum(probability), 0)::float8 as expected,
      sqrt(coalesce(sum(probability * (1 - probability)), 0))::float8 as spread
    from (select distinct on (least(a, b), greatest(a, b)) probability from (
        select probability, coalesce(one_merged.winner, one) as a, coalesce(other_merged.winner, other) as b
        from identity.link
        left join identity.merged as one_merged on one_merged.loser = one and not one_merged.undone
        left join identity.merged as other_merged on other_merged.loser = other and not other_merged.undone
        where decision <> 'below'
          and run is not distinct from (select id from identity.match_run where state in ('waiting', 'applied')
            order by number desc limit 1)) as pair
      where a <> b and not exists (select from identity.review_item as answered
        where (answered.one, answered.other) in ((a, b), (b, a)) and answered.answer in ('different', 'household'))
      order by least(a, b), greatest(a, b), probability desc) as open`
  const duplicates = asked?.ran
    ? {
        estimate: asked.expected,
        low: Math.max(0, asked.expected - z * asked.spread),
        high: asked.expected + z * asked.spread,
      }
    : null
  return {
    people: counts.people,
    known: counts.known,
    identifiersPerPerson: counts.people === 0 ? null : counts.identifiers / counts.people,
    merged: counts.merges,
    undone: counts.unmerges,
    duplicates,
    review: { open: counts.reviewOpen, oldestAt: asked?.oldest?.toISOString() ?? null },
    hotValues: counts.hotValues,
    largest: counts.largest,
  }
}
