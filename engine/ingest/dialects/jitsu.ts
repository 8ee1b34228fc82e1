import { type Dialect, isObject } from './dialect.ts'
import { againSegment, bodyKey, callRoutes, calls, familyRoutes, hearSegment } from './segment.ts'

/** One event per request. In server mode its anonymous id and its context belong to the process, not to a person. */
export const jitsuDialect: Dialect = {
  name: 'jitsu',
  roots: ['v1', 'api/s'],
  routes(parts) {
    if (parts[0] === 'v1') return familyRoutes(parts)
    const server = parts[2] === 's2s'
    const name = parts[server ? 3 : 2] ?? ''
    if (parts.length !== (server ? 4 : 3)) return []
    if (name === 'batch') return callRoutes('batch')
    const call = name.length > 1 && Object.hasOwn(calls, name) ? calls[name] : name === 'event' ? 'event' : undefined
    if (call === undefined) return []
    return [
      {
        kind: 'take',
        method: 'POST',
        call,
        ...(server ? { params: ['s2s'] } : {}),
        key: bodyKey,
        answer: () => ({ status: 200, body: { ok: true } }),
      },
    ]
  },
  hear(heard) {
    // `/api/s/event` takes what the body says it is.
    const call = heard.facts.call === 'event' && isObject(heard.document) ? String(heard.document.type) : null
    const told = hearSegment(call === null ? heard : { ...heard, facts: { ...heard.facts, call } })
    return heard.facts.params?.[0] === 's2s' ? { ...told, server: true } : told
  },
  again: againSegment,
}
