import type { EventKind, Json, JsonObject } from '@einklang/contract'
import { type Dialect, filled, isObject, objectOr, put, type Route, type Said, textOr } from './dialect.ts'
import { objectIn, textOfBase64 } from './segment.ts'

/** PostHog's capture calls: one event, a list of them, or `{batch: […]}`. */
export const posthogDialect: Dialect = {
  name: 'posthog',
  roots: ['batch', 'e', 'capture', 'i', 'array', 'flags', 'decide'],
  routes(parts) {
    const path = parts.join('/')
    if (path === 'batch' || path === 'e' || path === 'capture' || path === 'i/v0/e') return [capture]
    if (parts[0] === 'array' && parts.length === 3 && /^config(\.js)?$/.test(parts[2] ?? '')) return [config(parts)]
    return path === 'flags' || path === 'decide' ? [flags] : []
  },
  hear({ document }) {
    const whole = objectOr(document)
    const events = eventsIn(document)
    return { said: events.map(saidOf), sentAt: whole?.sent_at ?? whole?.sentAt }
  },
  again: (given) => ({ batch: [given] }),
}

const capture: Route = {
  kind: 'take',
  method: 'POST',
  call: 'batch',
  body: 'any',
  key: keyIn,
  // Older browsers send `data=<base64>` as a form.
  document: (_, body) => {
    const data = new URLSearchParams(body).get('data')
    if (data === null) return null
    return objectIn(data) ?? objectIn(textOfBase64(data)) ?? listIn(textOfBase64(data))
  },
  fault: (document) =>
    isObject(document) || Array.isArray(document) ? null : { message: 'The body must be events.', at: '0' },
  answer: () => ({ status: 200, body: { status: 1 } }),
}

function listIn(text: string): Json | null {
  try {
    const value = JSON.parse(text) as Json
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

/** No features, no surveys, no recordings: we never load code into a shop's page. */
function config(parts: string[]): Route {
  const body = {
    token: parts[1] ?? '',
    supportedCompression: ['gzip', 'gzip-js'],
    hasFeatureFlags: false,
    captureDeadClicks: false,
    capturePerformance: false,
    autocapture_opt_out: true,
    autocaptureExceptions: false,
    analytics: { endpoint: '/i/v0/e/' },
    elementsChainAsString: true,
    errorTracking: { autocaptureExceptions: false, suppressionRules: [] },
    sessionRecording: false,
    heatmaps: false,
    surveys: false,
    toolbarParams: {},
    isAuthenticated: false,
    siteApps: [],
    siteAppsJS: [],
    defaultIdentifiedOnly: true,
  }
  return { kind: 'tell', method: 'GET', key: () => parts[1] ?? '', answer: () => ({ status: 200, body }) }
}

const flags: Route = {
  kind: 'tell',
  method: 'POST',
  answer: () => ({
    status: 200,
    body: {
      featureFlags: {},
      featureFlagPayloads: {},
      flags: {},
      errorsWhileComputingFlags: false,
      requestId: null,
      supportedCompression: ['gzip', 'gzip-js'],
      sessionRecording: false,
      surveys: false,
      siteApps: [],
      toolbarParams: {},
      config: { enable_collect_everything: false },
    },
  }),
}

function eventsIn(document: Json): Json[] {
  if (Array.isArray(document)) return document
  const whole = objectOr(document)
  if (!whole) return [document]
  if (Array.isArray(whole.batch)) return whole.batch
  return Array.isArray(whole.data) ? whole.data : [document]
}

/** The key stands beside the batch, or in the properties of each event of a browser. */
function keyIn(document: Json): string | null {
  const whole = objectOr(document)
  const first = objectOr(eventsIn(document)[0])
  const properties = objectOr(first?.properties)
  return textOr(whole?.api_key ?? whole?.token ?? first?.api_key ?? first?.token ?? properties?.token)
}

const ownProperties = new Set(['token', 'distinct_id', '$anon_distinct_id', '$set', '$set_once', '$group_set', 'alias'])

function saidOf(given: Json): Said {
  const event = objectOr(given)
  if (!event) return { given, item: given }
  const properties = objectOr(event.properties) ?? {}
  const name = typeof event.event === 'string' ? event.event : ''
  const kind = kindOf(name)
  const item = filled({
    messageId: event.uuid ?? properties.$insert_id,
    timestamp: event.timestamp,
    ...idsOf(name, event, properties),
    event: kind === 'track' ? name : undefined,
    name: kind === 'page' ? properties.title : kind === 'screen' ? (properties.$screen_name ?? properties.name) : null,
    properties: kind === 'track' || kind === 'page' || kind === 'screen' ? kept(properties) : null,
    traits: traitsOf(name, event, properties),
    context: contextOf(event, properties),
  })
  const said: Said = { given, item, kind }
  if (name === '$merge_dangerously') {
    const message = 'Joins two known people without looking; decide in the review list of identity.'
    return { ...said, reason: { code: 'needs_review', path: 'event', message, word: 'review_join' } }
  }
  if (name.startsWith('$') && kind === 'track') said.flags = ['hidden']
  return said
}

function kindOf(name: string): EventKind {
  if (name === '$identify' || name === '$set') return 'identify'
  if (name === '$create_alias') return 'alias'
  if (name === '$groupidentify') return 'group'
  if (name === '$pageview') return 'page'
  return name === '$screen' ? 'screen' : 'track'
}

/** A browser that nobody signed in to shows its device id as `distinct_id`. */
function idsOf(name: string, event: JsonObject, properties: JsonObject): { [field: string]: Json | undefined | null } {
  const distinct = textOr(event.distinct_id ?? properties.distinct_id)
  const device = textOr(properties.$device_id)
  if (name === '$identify') return { userId: distinct, anonymousId: textOr(properties.$anon_distinct_id) ?? device }
  if (name === '$create_alias') return { userId: distinct, previousId: properties.alias }
  const anonymous = distinct === device || properties.$is_identified === false
  const ids = anonymous ? { anonymousId: distinct ?? device } : { userId: distinct, anonymousId: device }
  if (name !== '$groupidentify') return ids
  const group = { groupId: `${textOr(properties.$group_type) ?? ''}:${textOr(properties.$group_key) ?? ''}` }
  // Servers invent a person for the group; it is none.
  return distinct?.startsWith('$') ? { ...group, anonymousId: `group:${group.groupId}` } : { ...group, ...ids }
}

function traitsOf(name: string, event: JsonObject, properties: JsonObject): JsonObject | null {
  if (name === '$groupidentify') return objectOr(properties.$group_set)
  if (name !== '$identify' && name !== '$set') return null
  return { ...objectOr(event.$set), ...objectOr(properties.$set) }
}

/** What the vocabulary of this client adds; the write key must not be stored with every event. */
function kept(properties: JsonObject): JsonObject {
  const left: JsonObject = {}
  for (const [name, value] of Object.entries(properties)) {
    if (ownProperties.has(name) || value === null) continue
    put(left, name, value)
  }
  if (typeof properties.$current_url === 'string') left.url ??= properties.$current_url
  return left
}

function contextOf(event: JsonObject, properties: JsonObject): JsonObject {
  const referrer = properties.$referrer === '$direct' ? null : properties.$referrer
  const utm = filled({
    name: properties.utm_campaign,
    source: properties.utm_source,
    medium: properties.utm_medium,
    term: properties.utm_term,
    content: properties.utm_content,
  })
  const once = { ...objectOr(event.$set_once), ...objectOr(properties.$set_once) }
  return filled({
    library: filled({ name: properties.$lib, version: properties.$lib_version }),
    userAgent: properties.$raw_user_agent,
    sessionId: properties.$session_id,
    page:
      typeof properties.$current_url === 'string'
        ? filled({ url: properties.$current_url, path: properties.$pathname, title: properties.title, referrer })
        : null,
    campaign: Object.keys(utm).length > 0 ? utm : null,
    // Must never overwrite what is known, so they stay beside the event and become no traits.
    setOnce: Object.keys(once).length > 0 ? once : null,
  })
}
