import type { Database } from '@einklang/platform'
import type { Use } from '#ingest'

/** Which fields of a person the words of each concept name. */
export function wordUses(database: Database): Promise<Use[]> {
  return database.rows<Use>`
    select 'campaign' as kind, concept.id, concept.name,
      array(select distinct found[1] from content.variant,
        regexp_matches(variant.content::text, 'person[.]([a-z_]+)', 'g') as found where variant.concept = concept.id) as traits,
      '{}'::text[] as events
    from content.concept order by concept.name`
}
