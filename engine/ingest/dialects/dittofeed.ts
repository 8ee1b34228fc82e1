import type { Dialect } from './dialect.ts'
import { againSegment, batchFault, bodyKey, calls, hearSegment } from './segment.ts'

/** Segment's items below `/api/public/apps`, usually without a time. */
export const dittofeedDialect: Dialect = {
  name: 'dittofeed',
  roots: ['api/public'],
  routes(parts) {
    const name = parts[3] ?? ''
    if (parts[2] !== 'apps' || parts.length !== 4 || name.length === 1 || !Object.hasOwn(calls, name)) return []
    const call = calls[name] ?? ''
    const fault = call === 'batch' ? { fault: batchFault } : {}
    return [{ kind: 'take', method: 'POST', call, key: bodyKey, ...fault, answer: () => ({ status: 204, body: null }) }]
  },
  hear: hearSegment,
  again: againSegment,
}
