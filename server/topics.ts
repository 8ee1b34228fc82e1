import { api } from '@einklang/contract'
import type { LiveTopics } from '@einklang/platform'

/** A hint may be heard by whoever may call the route that answers with the same facts. */
export const liveTopics: LiveTopics = {
  'ingest.events': api.ingest.events.may,
  'ingest.alarm': api.ingest.alarms.may,
  'identity.changed': api.identity.review.may,
  'consent.changed': api.consent.overview.may,
  'audience.changed': api.audience.list.may,
  'decision.moved': api.decision.journeyRuns.may,
  'delivery.message': api.delivery.messages.may,
  'delivery.mailbox': api.delivery.mailbox.may,
  'measurement.built': api.measurement.status.may,
}
