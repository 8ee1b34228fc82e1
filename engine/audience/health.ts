import type { Database } from '@einklang/platform'
import type { Use } from '#ingest'

/** Which traits and events each segment asks for. */
export function segmentUses(database: Database): Promise<Use[]> {
  return database.rows<Use>`
    select 'segment' as kind, id, name,
      array(select distinct found #>> '{}' from jsonb_path_query(predicate, '$.**.trait') as found) as traits,
      array(select distinct found #>> '{}' from jsonb_path_query(predicate, '$.**.event') as found) as events
    from audience.definition where deleted_at is null order by name`
}
