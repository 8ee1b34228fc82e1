import { type Purpose, purposes } from '@einklang/contract'
import { isObject } from '../../dialects/dialect.ts'
import { readInstant } from '../../time.ts'
import { type Check, nothing } from '../finding.ts'
import type { Subject } from '../subject.ts'

/** Purposes for which somebody is written to: here the law asks for the wording that was shown. */
const contacting = new Set<Purpose>(
  ['newsletter', 'offers_profiled', 'survey'].filter((word): word is Purpose =>
    (purposes as readonly string[]).includes(word),
  ),
)

/** What a consent statement grants for contact; a banner's analytics needs no wording per person. */
function granted({ event }: Subject): boolean {
  if (event.kind !== 'consent' || event.consent === null) return false
  for (const purpose in event.consent) if (event.consent[purpose] && contacting.has(purpose as Purpose)) return true
  return false
}

const evidence: Check = {
  code: 'consent_without_evidence',
  actions: ['quarantine'],
  reason: 'consent_without_evidence',
  find(subject) {
    // What a public key grants waits for a confirmation anyway: the answer to it is the evidence.
    if (!subject.event.mayJoin || !granted(subject)) return nothing
    const { text, text_version, version } = subject.event.properties
    const { consent } = subject.event.context
    const noted = isObject(consent) ? (consent.text ?? consent.textVersion ?? consent.version) : undefined
    if ([text, text_version, version, noted].some((word) => typeof word === 'string' || typeof word === 'number'))
      return nothing
    return [
      {
        path: 'properties.text_version',
        message: 'An opt-in for messages needs the version of the text that was shown. Send it as text_version.',
      },
    ]
  },
}

const time: Check = {
  code: 'consent.time',
  actions: ['quarantine', 'flag'],
  reason: 'consent_without_evidence',
  find(subject, facts) {
    if (!granted(subject)) return nothing
    const { event } = subject
    const given = event.properties.consented_at ?? event.properties.consent_at
    const at = given === undefined ? null : readInstant(given)
    if (at !== null && at.at > facts.receivedAt + 600_000)
      return [{ path: 'properties.consented_at', message: 'Nobody can have agreed in the future; correct the time.' }]
    const since = event.properties.text_since
    const from = since === undefined ? null : readInstant(since)
    if (from !== null && (at?.at ?? Date.parse(event.at)) < from.at)
      return [
        {
          path: 'properties.consented_at',
          message: 'The opt-in is older than the text that is said to have been shown.',
        },
      ]
    return nothing
  },
}

export const permissionChecks: Check[] = [evidence, time]
