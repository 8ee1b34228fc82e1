import type { Database } from '@einklang/platform'
import type { Use } from '#ingest'

/** Which traits and events each active journey asks for. */
export function journeyUses(database: Database): Promise<Use[]> {
  return database.rows<Use>`
    select 'journey' as kind, journey.id, name,
      array(select distinct found #>> '{}' from jsonb_path_query(graph, '$.**.trait') as found
        where jsonb_typeof(found) = 'string') as traits,
      array(select distinct found #>> '{}' from jsonb_path_query(graph, '$.**.event') as found
        where jsonb_typeof(found) = 'string') as events
    from decision.journey join decision.version on version.journey = journey.id and version.version = journey.version
    where state = 'active' order by name`
}
