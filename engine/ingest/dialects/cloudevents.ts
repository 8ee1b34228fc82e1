import type { Json, JsonObject } from '@einklang/contract'
import type { Values } from '../item.ts'
import { type Dialect, filled, type Heard, isObject, objectOr, type Said, textOr } from './dialect.ts'
import { mapped } from './mapping.ts'

/** CloudEvents 1.0 over HTTP: binary, structured and batch; what an event means is mapped by its type. */
export const cloudeventsDialect: Dialect = {
  name: 'cloudevents',
  roots: ['api/ingest/cloudevents'],
  routes: (parts) =>
    parts.length !== 3
      ? []
      : [
          {
            kind: 'take',
            method: 'POST',
            call: 'event',
            body: 'any',
            heads: (name) => name.startsWith('ce-') || name === 'content-type',
            document: (_, body) => ({ text: body }),
            answer: () => ({ status: 202, body: null }),
          },
        ],
  hear({ document, facts, source }) {
    const type = (facts.heads?.['content-type'] ?? '').toLowerCase()
    if (type.startsWith('application/cloudevents-batch')) {
      const events = Array.isArray(document) ? document : [document]
      return { said: events.map((event) => eventSaid(event, source.mappings)), hidden }
    }
    if (type.startsWith(structured)) return { said: [eventSaid(document, source.mappings)], hidden }
    return { said: [binary({ document, facts, source })], hidden }
  },
  // Whatever way it came, what waits is a whole event.
  againHeads: { 'content-type': 'application/cloudevents+json' },
}

const structured = 'application/cloudevents'
/** Data may come as base64. */
const hidden = true
const required = ['id', 'source', 'specversion', 'type']

function eventSaid(given: Json, mappings: Heard['source']['mappings']): Said {
  const event = objectOr(given)
  if (!event) return { given, item: given }
  const missing = required.find((name) => typeof event[name] !== 'string' || event[name] === '')
  if (missing !== undefined)
    return unfit(given, `The attribute “${missing}” is missing.`, missing, {
      word: 'attribute_missing',
      values: { name: missing },
    })
  if (event.specversion !== '1.0') {
    return unfit(given, `specversion “${String(event.specversion)}” is not 1.0.`, 'specversion', {
      word: 'specversion',
      values: { value: String(event.specversion) },
    })
  }
  const data = event.data_base64 === undefined ? event.data : unpacked(event.data_base64)
  const view = data === undefined ? event : { ...event, data }
  // The pair (source, id) is what names an event; a separator that a URI reference cannot hold keeps pairs apart.
  const id = `${String(event.source)} ${String(event.id)}`
  return mapped({ given, view, type: String(event.type), id, time: event.time }, mappings)
}

function unfit(given: Json, message: string, path: string, said: { word: string; values: Values }): Said {
  return { given, item: {}, reason: { code: 'unparsable', path, message, ...said } }
}

function unpacked(packed: Json): Json {
  if (typeof packed !== 'string') return null
  const text = Buffer.from(packed, 'base64').toString('utf8')
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** Attributes in headers, data in the body. */
function binary({ document, facts, source }: Heard): Said {
  const event: JsonObject = {}
  const heads = facts.heads ?? {}
  for (const [name, value] of Object.entries(heads)) {
    if (name === 'content-type') continue
    const read = headerText(value)
    const given = { ...heads, data: document }
    if (read === null)
      return unfit(given, `The header ${name} is not valid UTF-8.`, name, { word: 'header_encoding', values: { name } })
    if (name === 'ce-datacontenttype')
      return unfit(given, 'Content-Type alone names the type of the data.', name, {
        word: 'content_type_twice',
        values: {},
      })
    event[name.slice('ce-'.length)] = read
  }
  const type = textOr(heads['content-type'])
  const data =
    isObject(document) && Object.keys(document).join() === 'text' && !/json/i.test(type ?? '')
      ? document.text
      : document
  return eventSaid(filled({ ...event, datacontenttype: type, data }), source.mappings)
}

/** Takes double quotes away, then one round of percent-decoding; null = the bytes are no UTF-8. */
export function headerText(value: string): string | null {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value.trim())
  const plain = quoted ? (quoted[1] ?? '').replaceAll(/\\(.)/g, '$1') : value
  try {
    return decodeURIComponent(plain.replaceAll(/%(?![0-9a-fA-F]{2})/g, '%25'))
  } catch {
    return null
  }
}
