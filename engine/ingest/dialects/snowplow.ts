import type { Json, JsonObject } from '@einklang/contract'
import { type Dialect, filled, isObject, objectOr, type Query, type Route, type Said, textOr } from './dialect.ts'
import { objectIn, textOfBase64 } from './segment.ts'

/** Snowplow's tracker protocol 2. No key is shown: `aid` names the source. */
export const snowplowDialect: Dialect = {
  name: 'snowplow',
  roots: ['com.snowplowanalytics.snowplow', 'i'],
  routes(parts) {
    if (parts.length === 1 && parts[0] === 'i') return [image]
    return parts.length === 2 && parts[1] === 'tp2' ? [post] : []
  },
  hear: ({ document }) => {
    const data = objectOr(document)?.data
    const version = versionOf(objectOr(document)?.schema, payload)
    return { said: (Array.isArray(data) ? data : [document]).map((given) => saidOf(given, version)), hidden: true }
  },
  again: (given) => ({ data: [given] }),
}

const named = (document: Json): string | null => {
  const data = objectOr(document)?.data
  return textOr(objectOr(Array.isArray(data) ? data[0] : document)?.aid)
}

const post: Route = {
  kind: 'take',
  method: 'POST',
  call: 'tp2',
  named,
  fault: (document) =>
    isObject(document) && Array.isArray(document.data) ? null : { message: '“data” must be an array.', at: 'data' },
  credentials: true,
  answer: () => ({ status: 200, body: 'ok', type: 'text/plain; charset=utf-8' }),
}

const image: Route = {
  kind: 'pixel',
  call: 'tp2',
  document: (query: Query) => ({ data: [Object.fromEntries(query)] }),
  key: () => null,
  named,
}

type Version = 'known' | 'newer' | 'unknown'
/** The envelopes we know, by their schemas: model, revision, addition. */
const payload = ['payload_data', 1, 0, 4] as const
const unstructured = ['unstruct_event', 1, 0, 0] as const
const contextList = ['contexts', 1, 0, 1] as const

/** Additions and revisions only add; a model that is not known may mean anything. What names no version is known. */
function versionOf(schema: Json | undefined, known: readonly [string, number, number, number]): Version {
  const told = /^iglu:[^/]+\/([^/]+)\/jsonschema\/(\d{1,4})-(\d{1,4})-(\d{1,4})$/.exec(textOr(schema) ?? '')
  const [name, ...numbers] = known
  if (told?.[1] !== name) return 'known'
  const [model, revision, addition] = told.slice(2).map(Number) as [number, number, number]
  if (model !== numbers[0]) return 'unknown'
  return revision > numbers[1] || (revision === numbers[1] && addition > numbers[2]) ? 'newer' : 'known'
}

function saidOf(given: Json, envelope: Version): Said {
  const event = objectOr(given)
  if (!event) return { given, item: given }
  const versions = [
    envelope,
    versionOf(jsonOf(event.ue_pr, event.ue_px)?.schema, unstructured),
    versionOf(jsonOf(event.co, event.cx)?.schema, contextList),
  ]
  const shape = shapeOf(event)
  const item = filled({
    messageId: event.eid,
    timestamp: event.ttm ?? event.dtm,
    sentAt: event.stm,
    userId: event.uid,
    anonymousId: event.duid ?? event.nuid ?? event.tnuid,
    ...shape.item,
    context: contextOf(event),
  })
  const said: Said = { given, item, kind: shape.kind, nameless: true }
  if (shape.unknown) {
    const message = `“${String(event.e)}” is not one of pv, pp, se, ue, tr, ti.`
    return { ...said, reason: { code: 'unknown_type', path: 'e', message, values: { value: String(event.e) } } }
  }
  if (versions.includes('unknown')) {
    const message = 'The version of the schema is not known here; nobody can say what the fields mean.'
    return { ...said, reason: { code: 'check_failed', path: 'schema', message, check: 'schema.version' } }
  }
  const flags = [...(event.e === 'pp' ? ['hidden'] : []), ...(versions.includes('newer') ? ['schema_newer'] : [])]
  if (flags.length > 0) said.flags = flags
  return said
}

type Shape = { kind: 'page' | 'screen' | 'track'; item: { [name: string]: Json | undefined }; unknown?: true }

function shapeOf(event: JsonObject): Shape {
  const page = filled({ url: event.url, title: event.page, referrer: event.refr })
  if (event.e === 'pv') return { kind: 'page', item: { name: event.page, properties: page } }
  if (event.e === 'pp') return { kind: 'track', item: { event: 'page_ping', properties: page } }
  if (event.e === 'se') {
    const value = Number(event.se_va)
    const properties = filled({
      category: event.se_ca,
      label: event.se_la,
      property: event.se_pr,
      score: event.se_va !== undefined && Number.isFinite(value) ? value : null,
    })
    return { kind: 'track', item: { event: event.se_ac, properties } }
  }
  if (event.e === 'ue') return selfDescribing(event)
  if (event.e === 'tr') {
    const properties = filled({
      order_id: event.tr_id,
      affiliation: event.tr_af,
      total: event.tr_tt,
      tax: event.tr_tx,
      shipping: event.tr_sh,
      currency: event.tr_cu,
    })
    return { kind: 'track', item: { event: 'Order Completed', properties } }
  }
  if (event.e === 'ti') {
    const properties = filled({
      order_id: event.ti_id,
      sku: event.ti_sk,
      name: event.ti_nm,
      category: event.ti_ca,
      price: event.ti_pr,
      quantity: event.ti_qu,
      currency: event.ti_cu,
    })
    return { kind: 'track', item: { event: 'Order Line Added', properties } }
  }
  return { kind: 'track', item: { event: 'unknown' }, unknown: true }
}

/** `{schema, data: {schema, data}}`, plain or as base64: the inner schema's name is the event. */
function selfDescribing(event: JsonObject): Shape {
  const outer = jsonOf(event.ue_pr, event.ue_px)
  const inner = objectOr(outer?.data)
  const schema = textOr(inner?.schema) ?? ''
  const name = /^iglu:[^/]+\/([^/]+)\//.exec(schema)?.[1]
  const data = objectOr(inner?.data) ?? {}
  if (name === 'screen_view') return { kind: 'screen', item: { name: data.name, properties: data } }
  return { kind: 'track', item: { event: name, properties: { ...data, schema } } }
}

function jsonOf(plain: Json | undefined, packed: Json | undefined): JsonObject | null {
  if (isObject(plain)) return plain
  if (typeof plain === 'string') return objectIn(plain)
  return typeof packed === 'string' ? objectIn(textOfBase64(packed)) : null
}

function contextOf(event: JsonObject): JsonObject {
  const contexts = jsonOf(event.co, event.cx)?.data
  return filled({
    library: filled({ name: 'snowplow', version: event.tv }),
    page: typeof event.url === 'string' ? filled({ url: event.url, title: event.page, referrer: event.refr }) : null,
    userAgent: event.ua,
    locale: event.lang,
    timezone: event.tz,
    platform: event.p,
    app: typeof event.aid === 'string' ? { name: event.aid } : null,
    contexts: Array.isArray(contexts) ? contexts : null,
  })
}
