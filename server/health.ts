import { segmentUses } from '@einklang/engine/audience'
import { commerceHealth } from '@einklang/engine/commerce'
import { reachHealth } from '@einklang/engine/consent'
import { wordUses } from '@einklang/engine/content'
import { journeyUses } from '@einklang/engine/decision'
import { identityHealth } from '@einklang/engine/identity'
import type { IngestNeeds } from '@einklang/engine/ingest'
import { profileHealth } from '@einklang/engine/profile'
import type { Ground } from '@einklang/platform'

/** What each stage says of its own data in the quality report. */
export function stageHealth(ground: Ground): NonNullable<IngestNeeds['health']> {
  const { database, config } = ground
  return {
    reach: () => reachHealth(database),
    profile: (fields) => profileHealth(database, fields),
    identity: () => identityHealth(ground),
    commerce: (fields) => commerceHealth(database, config.currency, fields),
    uses: async () => (await Promise.all([segmentUses(database), journeyUses(database), wordUses(database)])).flat(),
  }
}
