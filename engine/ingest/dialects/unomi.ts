import { hash } from 'node:crypto'
import type { Json, JsonObject } from '@einklang/contract'
import {
  type Answer,
  type Dialect,
  filled,
  isObject,
  objectOr,
  type Query,
  type Route,
  type Said,
  textOr,
} from './dialect.ts'

/**
 * Apache Unomi's web tracker. No key is shown: the scope names the source. Whatever an item lacks, these routes answer
 * 200: for anything else the tracker stops collecting on that page.
 */
export const unomiDialect: Dialect = {
  name: 'unomi',
  roots: ['context.json', 'eventcollector'],
  routes(parts) {
    if (parts.length !== 1) return []
    return [parts[0] === 'context.json' ? contextRoute : collector]
  },
  hear(heard) {
    const session = objectOr(heard.document)?.sessionId
    // Each event takes the session along, so that it can be said again alone.
    return {
      said: eventsIn(heard.document).map((event) =>
        saidOf(
          isObject(event) && textOr(session) ? { ...event, sessionId: event.sessionId ?? session ?? null } : event,
        ),
      ),
    }
  },
  again: (given) => ({ events: [given] }),
}

const shared = { kind: 'take', method: 'POST', named, credentials: true } as const

const contextRoute: Route = {
  ...shared,
  call: 'context',
  answer: contextAnswer,
}

const collector: Route = {
  ...shared,
  call: 'events',
  answer: (document: Json): Answer => ({ status: 200, body: { updated: eventsIn(document).length } }),
}

function named(document: Json): string | null {
  const whole = objectOr(document)
  const first = objectOr(eventsIn(document)[0])
  return textOr(objectOr(whole?.source)?.scope) ?? textOr(first?.scope) ?? textOr(objectOr(first?.source)?.scope)
}

function eventsIn(document: Json): Json[] {
  const events = objectOr(document)?.events
  return Array.isArray(events) ? events : []
}

/** Nothing is told of a person but the session that the device itself has sent: there is no permission on the wire. */
function contextAnswer(document: Json, query: Query): Answer {
  const whole = objectOr(document) ?? {}
  const session = textOr(whole.sessionId) ?? query.get('sessionId') ?? ''
  const personalizations = Array.isArray(whole.personalizations) ? whole.personalizations.filter(isObject) : []
  return {
    status: 200,
    body: {
      profileId: profileOf(session),
      sessionId: session,
      profileProperties: {},
      sessionProperties: {},
      profileSegments: [],
      filteringResults: {},
      processedEvents: eventsIn(document).length,
      trackedConditions: [],
      anonymousBrowsing: false,
      consents: {},
      personalizations: Object.fromEntries(personalizations.map((one) => [textOr(one.id) ?? '', []])),
    },
  }
}

function profileOf(session: string): string {
  return hash('sha256', `unomi:${session}`, 'hex').slice(0, 32)
}

function saidOf(given: Json): Said {
  const event = objectOr(given)
  if (!event) return { given, item: given }
  const target = objectOr(event.target) ?? {}
  const about = objectOr(target.properties) ?? {}
  const type = textOr(event.eventType) ?? ''
  const session = textOr(event.sessionId)
  const own = filled({ ...objectOr(event.properties), ...objectOr(event.flattenedProperties) })
  const page = pageOf(objectOr(about.pageInfo) ?? objectOr(objectOr(objectOr(event.source)?.properties)?.pageInfo))
  const common = {
    messageId: event.itemId,
    timestamp: event.timeStamp,
    anonymousId: session ? `unomi:${session}` : undefined,
    context: filled({ sessionId: session, page, library: { name: 'apache-unomi-tracker' } }),
  }
  if (type === 'view') {
    const item = filled({ ...common, name: page?.title, properties: { ...own, ...page } })
    return { given, item, kind: 'page' }
  }
  if (type === 'login' || type === 'identify' || type === 'updateProperties') return identified(given, event, common)
  if (type === 'modifyConsent') return consented(given, own, about, common)
  const properties = filled({
    ...(type === 'form' ? { form: target.itemId, fields: own } : { ...own, ...(page ? {} : about) }),
    target: target.itemId,
  })
  return { given, item: filled({ ...common, event: type, properties }), kind: 'track' }
}

function pageOf(info: JsonObject | null): JsonObject | null {
  if (!info) return null
  return filled({
    url: info.destinationURL,
    path: info.pagePath,
    title: info.pageName,
    referrer: info.referringURL,
    search: info.destinationSearch,
  })
}

type Common = { [name: string]: Json | undefined }

function identified(given: Json, event: JsonObject, common: Common): Said {
  const target = objectOr(event.target) ?? {}
  const traits = filled({ ...objectOr(target.properties), ...objectOr(event.properties) })
  const user = textOr(traits.userId) ?? (target.itemType === 'user' ? textOr(target.itemId) : null)
  return { given, item: filled({ ...common, userId: user, traits }), kind: 'identify' }
}

function consented(given: Json, own: JsonObject, about: JsonObject, common: Common): Said {
  const consent = objectOr(own.consent) ?? objectOr(about.consent) ?? {}
  const category = textOr(consent.typeIdentifier) ?? ''
  const item = filled({
    ...common,
    event: 'Segment Consent Preference Updated',
    context: {
      ...objectOr(common.context),
      consent: { categoryPreferences: { [category]: consent.status === 'GRANTED' } },
    },
  })
  return { given, item, kind: 'track', partialConsent: true }
}
