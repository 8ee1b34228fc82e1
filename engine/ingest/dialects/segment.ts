import type { EventKind, Json, JsonObject } from '@einklang/contract'
import {
  type Dialect,
  type Heard,
  isObject,
  objectOr,
  type Pixel,
  put,
  type Query,
  type Route,
  type Take,
  type Tell,
  type Told,
} from './dialect.ts'

/** Long and one-letter names of Segment's calls; `import` is RudderStack's word for a batch. */
export const calls: { [segment: string]: string } = {
  identify: 'identify',
  track: 'track',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
  batch: 'batch',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  b: 'batch',
}

/** Segment's tracking calls: the main dialect, spoken by several vendors' libraries. */
export const segmentDialect: Dialect = {
  name: 'segment',
  roots: ['v1'],
  routes: (parts) => familyRoutes(parts),
  hear: hearSegment,
  again: againSegment,
}

/** The same calls without `/v1`, for clients whose path cannot be set. */
export const segmentBareDialect: Dialect = {
  name: 'segment_bare',
  roots: ['identify', 'track', 'page', 'screen', 'group', 'alias', 'batch', 'import'],
  routes: (parts) => (parts.length === 1 ? callRoutes(parts[0] === 'import' ? 'batch' : (parts[0] ?? '')) : []),
  hear: hearSegment,
  again: againSegment,
}

/** `/v1/…` as Segment and those who copied it have it. */
export function familyRoutes(parts: string[]): Route[] {
  if (parts[0] !== 'v1') return []
  if (parts[1] === 'pixel') return [pixelOf(parts[2])]
  if (parts[1] === 'm' && parts.length === 2) return [counters]
  if (parts[1] === 'projects' && parts[3] === 'settings' && parts.length === 4) return [settingsOf(parts[2] ?? '')]
  return parts.length === 2 ? callRoutes(parts[1] ?? '') : []
}

export function callRoutes(name: string): Route[] {
  const call = Object.hasOwn(calls, name) ? calls[name] : undefined
  if (call === undefined) return []
  return [call === 'batch' ? { ...take(call), fault: batchFault, answer: batchAnswer } : take(call)]
}

function take(call: string): Take {
  return { kind: 'take', method: 'POST', call, key: bodyKey }
}

export function batchFault(document: Json): { message: string; at: string } | null {
  if (isObject(document) && Array.isArray(document.batch)) return null
  return { message: '“batch” must be an array of items.', at: 'batch' }
}

const batchAnswer = () => ({ status: 200, body: { success: true } })

/** Browsers and old libraries show their key in the body. */
export function bodyKey(document: Json): string | null {
  if (!isObject(document)) return null
  const key = document.writeKey ?? document.write_key
  // Jitsu repeats its key masked; it says nothing.
  return typeof key === 'string' && key !== '' && !key.endsWith(':***') ? key : null
}

export function hearSegment({ document, facts }: Heard): Told {
  const whole = objectOr(document) ?? {}
  if (facts.call !== 'batch') {
    return {
      said: [{ given: document, item: document, kind: facts.call as EventKind }],
      sentAt: whole.sent_at,
    }
  }
  const items = Array.isArray(whole.batch) ? whole.batch : []
  return {
    said: items.map((item) => ({ given: item, item })),
    context: whole.context,
    integrations: whole.integrations,
    sentAt: whole.sentAt ?? whole.sent_at,
  }
}

export function againSegment(given: Json, call: string): Json {
  return call === 'batch' ? { batch: [given] } : given
}

// --- pixels -----------------------------------------------------------------------------------------------------------

export function pixelOf(name: string | undefined): Pixel {
  const call = name !== undefined && Object.hasOwn(calls, name) && name !== 'batch' ? calls[name] : 'track'
  return { kind: 'pixel', call: call ?? 'track', document: pixelDocument, key: bodyKey }
}

function pixelDocument(query: Query): JsonObject | null {
  const data = query.get('data')
  if (data !== null) {
    const document = objectIn(textOfBase64(data))
    const key = query.get('writeKey')
    return document && key && document.writeKey === undefined ? { ...document, writeKey: key } : document
  }
  const document: Tree = new Map()
  for (const [name, value] of query) place(document, name.split('.').slice(0, 8), value)
  return toObject(document)
}

/** Standard or URL-safe alphabet, with or without padding; a "+" arrives as a space in a query. */
export function textOfBase64(data: string): string {
  return Buffer.from(data.replaceAll(' ', '+').replaceAll('-', '+').replaceAll('_', '/'), 'base64').toString('utf8')
}

export function objectIn(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

type Tree = Map<string, Json | Tree>

/** Dots nest. A map while building, because names such as `__proto__` come from outside. */
function place(tree: Tree, path: string[], value: string): void {
  const [head = '', ...rest] = path
  if (rest.length === 0) {
    tree.set(head, value)
    return
  }
  const inner = tree.get(head)
  const branch: Tree = inner instanceof Map ? inner : new Map()
  tree.set(head, branch)
  place(branch, rest, value)
}

function toObject(tree: Tree): JsonObject {
  const made: JsonObject = {}
  for (const [name, value] of tree) put(made, name, value instanceof Map ? toObject(value) : value)
  return made
}

// --- what is told -------------------------------------------------------------------------------------------------------

/** The browser library's own counters; kept by nobody. */
const counters: Tell = { kind: 'tell', method: 'POST', answer: () => ({ status: 200, body: { success: true } }) }

function settingsOf(named: string): Tell {
  let key = named
  try {
    key = decodeURIComponent(named)
  } catch {
    // Not an encoding: then it is no key of ours either.
  }
  return { kind: 'tell', method: 'GET', key: () => key, answer: () => ({ status: 200, body: settings(key) }) }
}

/** The smallest object with which analytics-next starts and sends; no remote code, no counters sent home. */
function settings(key: string): JsonObject {
  return {
    integrations: {
      'Segment.io': {
        apiKey: key,
        unbundledIntegrations: [],
        addBundledMetadata: true,
        maybeBundledConfigIds: {},
        versionSettings: { version: '4.4.7', componentTypes: ['browser'] },
      },
    },
    plan: {
      track: { __default: { enabled: true, integrations: {} } },
      identify: { __default: { enabled: true } },
      group: { __default: { enabled: true } },
    },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  }
}
