import * as api from './api/index.ts'
import type { Route } from './route.ts'

/** Live hints and who may hear them: whoever may call the route that answers with the same facts. */
export const liveTopics = {
  'ingest.events': api.ingest.events.may,
  'ingest.alarm': api.ingest.alarms.may,
  'identity.changed': api.identity.review.may,
  'consent.changed': api.consent.overview.may,
  'audience.changed': api.audience.list.may,
  'decision.moved': api.decision.journeyRuns.may,
  'delivery.message': api.delivery.messages.may,
  'delivery.mailbox': api.delivery.mailbox.may,
  'measurement.built': api.measurement.status.may,
} satisfies { [topic: string]: Route['may'] }

export type LiveTopic = keyof typeof liveTopics
