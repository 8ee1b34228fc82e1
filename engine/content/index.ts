import type { api, Channel, ConceptId, JsonObject, PersonId, Purpose } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { Governance } from '#governance'
import { conceptRow, releasable, wordsByHash } from './concepts.ts'
import { renderFor } from './render.ts'
import { compileSeeds } from './seed.ts'
import type { Workshops } from './words.ts'
import { scriptBeside, Workshop } from './workshop.ts'

export { frameGone, framePage } from './frame.ts'
export { wordUses } from './health.ts'
export { contentParts } from './routes.ts'
export { refusalIn } from './sayings.ts'
export { abandonedCartConcept, welcomeConcept } from './seed.ts'
export { smsSize } from './sms.ts'

export type Rendering = api.content.Rendering

/** Addresses that only the sender can make: signed for one person and message. */
export type Links = { unsubscribe: string; preferences: string; shop: string }

/** Why there are no words. `late` = the time was over, as it may be on a busy machine: worth another try. */
export type Refused = { refused: string; late?: true }

export type RenderRequest = {
  concept: ConceptId
  channel: Channel
  /** Null = invented sample data, for a test without a customer. */
  person: PersonId | null
  /** What the plan knew: `cause` and the like. */
  data: JsonObject
  links: Links
  /** Wish of the caller; null = the person's. */
  language?: string | null
}

export type ContentNeeds = {
  ground: Ground
  governance: Pick<Governance, 'brand'>
  commerce: {
    /** The person's open cart with prices and stock that hold now. */
    openCart(tx: Database, person: PersonId): Promise<api.commerce.Cart | null>
  }
}

export type Content = {
  concept(id: ConceptId): Promise<{ id: ConceptId; name: string; purpose: Purpose; topic: string | null } | null>
  /** The words of a variant that have this hash, part by part, for whoever has to approve them. */
  words(variant: string, hash: string): Promise<{ [part: string]: string } | null>
  /** Channels with words that may leave; null = there is no such concept. */
  variants(concept: ConceptId): Promise<Channel[] | null>
  /** The words for one person now, references resolved on the caller's transaction; a refusal says which could not be. */
  render(tx: Database, request: RenderRequest): Promise<Rendering | Refused>
  /** The starter concepts in German and English; does nothing when they are there already. */
  seed(): Promise<void>
  erase(tx: Database, persons: PersonId[]): Promise<number>
  close(): Promise<void>
  /** For this stage's own routes. */
  readonly workshops: Workshops
}

/** In which words and shape: concepts, their variants per channel and language, checks and renderings. */
export function createContent(needs: ContentNeeds): Content {
  const { database } = needs.ground
  const workshops: Workshops = {
    liquid: new Workshop({ script: scriptBeside('liquid-worker', import.meta.url), limitMs: 250, memoryMegabytes: 64 }),
    mjml: new Workshop({ script: scriptBeside('mjml-worker', import.meta.url), limitMs: 20_000, memoryMegabytes: 256 }),
  }
  return {
    workshops,
    async concept(id) {
      const row = await conceptRow(database, id)
      return row ? { id: row.id, name: row.name, purpose: row.purpose, topic: row.topic } : null
    },
    words: (variant, hash) => wordsByHash(database, variant, hash),
    variants: (concept) => releasable(database, concept),
    render: (tx, request) => renderFor(needs, workshops, tx, request),
    seed: () => compileSeeds(needs, workshops),
    erase: (tx, persons) => tx.run`delete from content.preview where person = any(${persons}::uuid[])`,
    async close() {
      await workshops.liquid.close()
      await workshops.mjml.close()
    },
  }
}
