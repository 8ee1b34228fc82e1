import { type History, type HistoryPart, writtenSql } from '@einklang/platform'
import type { CallKind } from './document.ts'

/** Calls as history knows them: a plan's part → kind of event. */
export const kindOf: { [part in CallKind]: string } = {
  events: 'track',
  traits: 'identify',
  groups: 'group',
  pages: 'page',
  screens: 'screen',
}

export const partOf: { [kind: string]: CallKind } = {
  track: 'events',
  identify: 'traits',
  group: 'groups',
  page: 'pages',
  screen: 'screens',
}

/** A piece of SQL whose text is made here; values go through `part`. */
export function code(history: History, text: string): HistoryPart {
  return history.part(writtenSql(text))
}

/** What a call says: traits lie in the context of an event, everything else in its properties. */
export function payloadOf(kind: string): string {
  return kind === 'identify' || kind === 'group' ? `JSONExtractRaw(${readable('context')}, 'traits')` : 'properties'
}

/**
 * ClickHouse reads nothing of a document in which one whole number has more than 64 bits, and writes such numbers itself;
 * with a point behind it the number is one like any other. `text` is an expression.
 */
export function readable(text: string): string {
  const long = String.raw`'([:,\\[])(-?[0-9]{19,})([,}\\]])', '\\1\\2.0\\3'`
  return `if(match(${text}, '[0-9]{19}'), replaceRegexpAll(replaceRegexpAll(${text}, ${long}), ${long}), ${text})`
}

/** Version of whoever sent it: the app's, else the library's. */
export const clientSql = `arrayMap(c -> if(c.app.version != '', trim(concat(c.app.name, ' ', c.app.version)), trim(concat(c.library.name, ' ', c.library.version))), [JSONExtract(context, 'Tuple(app Tuple(name String, version String), library Tuple(name String, version String))')])[1]`
