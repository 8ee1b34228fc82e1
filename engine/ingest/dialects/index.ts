import { cloudeventsDialect } from './cloudevents.ts'
import { customerioDialect } from './customerio.ts'
import type { Dialect, DialectName, Route } from './dialect.ts'
import { dittofeedDialect } from './dittofeed.ts'
import { jitsuDialect } from './jitsu.ts'
import { klaviyoDialect } from './klaviyo.ts'
import { posthogDialect } from './posthog.ts'
import { rudderstackDialect } from './rudderstack.ts'
import { calls, segmentBareDialect, segmentDialect } from './segment.ts'
import { snowplowDialect } from './snowplow.ts'
import { unomiDialect } from './unomi.ts'
import { webhookDialect } from './webhook.ts'

/** Every wire shape we understand. Where two share a path, the source decides; then the order here. */
export const dialects: Dialect[] = [
  segmentDialect,
  rudderstackDialect,
  jitsuDialect,
  customerioDialect,
  dittofeedDialect,
  posthogDialect,
  klaviyoDialect,
  snowplowDialect,
  unomiDialect,
  cloudeventsDialect,
  webhookDialect,
  segmentBareDialect,
]

const byName = new Map(dialects.map((dialect) => [dialect.name, dialect]))

export function dialectNamed(name: DialectName): Dialect {
  return byName.get(name) ?? segmentDialect
}

export type Candidate = { dialect: DialectName; route: Route }

const byRoot = new Map<string, Dialect[]>()
for (const dialect of dialects)
  for (const root of dialect.roots) byRoot.set(root, [...(byRoot.get(root) ?? []), dialect])

/** The first part of a path, or the first two below `/api`, three below `/api/ingest`: enough to know whose it is. */
function rootOf(parts: string[]): string {
  if (parts[0] !== 'api') return parts[0] ?? ''
  return parts.slice(0, parts[1] === 'ingest' ? 3 : 2).join('/')
}

/** All that could be meant by a path, most likely first. */
export function candidatesAt(path: string): Candidate[] {
  return frequent.get(path) ?? found(path)
}

function found(path: string): Candidate[] {
  const parts = partsOf(path)
  const candidates: Candidate[] = []
  for (const dialect of byRoot.get(rootOf(parts)) ?? []) {
    for (const route of dialect.routes(parts)) candidates.push({ dialect: dialect.name, route })
  }
  return candidates
}

/** Nearly all traffic comes on these paths. */
const frequent = new Map(
  [...Object.keys(calls).map((call) => `/v1/${call}`), '/batch/', '/e/', '/api/public/apps/batch'].map((path) => [
    path,
    found(path),
  ]),
)

/** Is this path a client's? Asked for every request of the server, so it only looks at the beginning. */
export function ownsPath(path: string): boolean {
  if (path.startsWith('/v1/')) return true
  const parts = partsOf(path)
  const root = rootOf(parts)
  const dialects = byRoot.get(root)
  if (!dialects) return false
  // Roots that are common words belong to us only where a call really lies.
  return root.length > 1 && !commonRoots.has(root) ? true : candidatesAt(path).length > 0
}

/** Words that a page of ours could be named by too: only the very path is a call. */
export const commonRoots = new Set(['batch', 'identify', 'track', 'page', 'screen', 'group', 'alias', 'import'])

/** Every first part that clients call: no stage, page or route of ours may be named so. */
export const reservedRoots = [...byRoot.keys()]

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}
