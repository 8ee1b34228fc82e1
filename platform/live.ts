import type { Json } from '@einklang/contract'

/**
 * Small hints for live screens, over all processes (PostgreSQL notify): a topic such as `ingest.events` and a
 * payload below 7 kB. Delivered at most once; screens refetch what matters.
 */
export type Live = {
  publish(topic: string, payload: Json): void
  subscribe(topics: string[], heard: (topic: string, payload: Json) => void): () => void
}
