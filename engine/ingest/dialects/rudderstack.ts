import type { Json } from '@einklang/contract'
import {
  type Dialect,
  filled,
  type Heard,
  isObject,
  objectOr,
  type Query,
  type Route,
  type Said,
  type Told,
  textOr,
} from './dialect.ts'
import { mapped } from './mapping.ts'
import { againSegment, batchFault, bodyKey, familyRoutes, hearSegment, pixelOf } from './segment.ts'

/** Segment's calls, the configuration its browser library asks for first, and four paths of its own. */
export const rudderstackDialect: Dialect = {
  name: 'rudderstack',
  roots: ['v1', 'pixel', 'sourceConfig'],
  routes(parts) {
    if (parts[0] === 'sourceConfig') return parts.length === 1 ? [sourceConfig] : []
    if (parts[0] === 'pixel') return parts[1] === 'v1' && parts.length === 3 ? [pixelOf(parts[2])] : []
    if (parts.length === 2 && parts[1] === 'import') {
      return [{ kind: 'take', method: 'POST', call: 'batch', key: bodyKey, fault: batchFault, answer: ok }]
    }
    if (parts.length === 2 && parts[1] === 'merge') {
      return [{ kind: 'take', method: 'POST', call: 'merge', key: bodyKey, answer: ok }]
    }
    // Their webhook source: the key stands in the query, what it says is for a mapping of the source.
    if (parts.length === 2 && parts[1] === 'webhook') {
      return [{ kind: 'take', method: 'POST', call: 'webhook', key: queryKey, body: 'any', answer: ok }]
    }
    return familyRoutes(parts).map((route) => (route.kind === 'take' ? { ...route, answer: ok } : route))
  },
  hear(heard) {
    if (heard.facts.call === 'webhook') return { said: [webhookSaid(heard)] }
    return heard.facts.call === 'merge' ? merged(heard) : hearSegment(heard)
  },
  again: (given, call) => (call === 'webhook' ? given : againSegment(given, call)),
}

const queryKey = (document: Json, query: Query) => query.get('writeKey') ?? bodyKey(document)

function webhookSaid({ document, source }: Heard): Said {
  const view = objectOr(document) ?? { value: document }
  const type = textOr(view.type) ?? textOr(view.event) ?? 'webhook'
  return mapped({ given: document, view, type, id: textOr(view.id), time: view.timestamp }, source.mappings)
}

const ok = () => ({ status: 200, body: 'OK', type: 'text/plain; charset=utf-8' })

const sourceConfig: Route = {
  kind: 'tell',
  method: 'GET',
  key: (query) => query.get('writeKey'),
  answer: (_, key) => ({
    status: 200,
    body: {
      source: {
        id: 'einklang',
        name: 'Einklang',
        writeKey: key,
        enabled: true,
        workspaceId: 'einklang',
        config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
        destinations: [],
        dataplanes: {},
      },
    },
  }),
}

/** `{mergeProperties: [{type, value}, {type, value}]}`: two names of one person, said by a server. */
function merged({ document, facts }: Heard): Told {
  const whole = objectOr(document) ?? {}
  const pairs = (Array.isArray(whole.mergeProperties) ? whole.mergeProperties : []).filter(isObject)
  return { said: [mergeOf(document, facts.trust, pairs.map(pairOf), whole)] }
}

function pairOf(pair: { [name: string]: Json }): { type: string; id: Json | undefined } {
  const type = typeof pair.type === 'string' ? pair.type : ''
  return { type: type === 'userId' ? 'user_id' : type === 'anonymousId' ? 'anonymous_id' : type, id: pair.value }
}

/** Two names of one person: only a secret key may join two known people. */
export function mergeOf(
  given: Json,
  trust: 'publishable' | 'secret',
  names: { type: string; id: Json | undefined }[],
  whole: { [name: string]: Json },
): Said {
  const item = filled({
    type: 'identify',
    messageId: whole.messageId,
    timestamp: whole.timestamp,
    context: {
      ...objectOr(whole.context),
      externalIds: names.map(({ type, id }) => filled({ type, id })),
    },
  })
  if (names.length < 2 || names.some(({ id }) => typeof id !== 'string' && typeof id !== 'number'))
    return { given, item, reason: { code: 'missing_previous', path: '', message: 'A merge needs two names.' } }
  if (trust === 'secret') return { given, item, kind: 'identify', nameless: true }
  const message = 'A publishable key cannot join two people; use a secret key.'
  return { given, item, reason: { code: 'needs_review', path: '', message, word: 'publishable_join' } }
}
