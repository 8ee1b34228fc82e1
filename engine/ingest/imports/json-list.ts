import { type Json, type JsonObject, kept } from '@einklang/contract'

/** An element of a list in a JSON document; `section` is the name of the list, '' for a bare list. */
export type Element = { section: string; value: JsonObject } | { section: string; bad: string; raw: string }

const longestElement = 4_000_000

/**
 * Elements of a JSON document of any size, one by one: `[…]`, `{"data":[…]}`, `{"attributes":[…],"events":[…]}`. Only
 * the element in work is held. What stands beside the lists is passed over.
 */
export class JsonListReader {
  #depth = 0
  #inText = false
  #escaped = false
  /** Depth at which elements begin: 1 in a bare list, 2 in a list under a name. */
  #level = 0
  #section = ''
  #key = ''
  #collecting: 'element' | 'key' | null = null
  #piece = ''
  #open: string[] = []

  take(text: string): Element[] {
    const found: Element[] = []
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false
        else if (code === 92) this.#escaped = true
        else if (code === 34) {
          this.#inText = false
          if (this.#collecting === 'key') {
            this.#key = textOf(this.#piece + text.slice(from, at + 1))
            this.#collecting = null
            this.#piece = ''
          }
        }
        continue
      }
      if (code === 34) {
        this.#inText = true
        if (this.#collecting === null && this.#depth === 1 && this.#open[0] === '{') {
          this.#collecting = 'key'
          from = at
        }
      } else if (code === 123 || code === 91) {
        if (this.#depth === 0) this.#level = code === 91 ? 1 : 0
        else if (this.#depth === 1 && code === 91 && this.#open[0] === '{') {
          this.#level = 2
          this.#section = this.#key
        }
        if (this.#collecting === null && this.#depth === this.#level && this.#level > 0) {
          this.#collecting = 'element'
          from = at
        }
        this.#open[this.#depth] = code === 123 ? '{' : '['
        this.#depth++
      } else if (code === 125 || code === 93) {
        this.#depth--
        if (this.#depth < 0) throw new Error(kept('document_closes'))
        if (this.#collecting === 'element' && this.#depth === this.#level) {
          found.push(elementOf(this.#section, this.#piece + text.slice(from, at + 1)))
          this.#collecting = null
          this.#piece = ''
        } else if (this.#level === 2 && this.#depth < 2) this.#level = 0
      }
    }
    if (this.#collecting !== null) {
      this.#piece += text.slice(from)
      if (this.#piece.length > longestElement) throw new Error(kept('element_long', { most: longestElement }))
    }
    return found
  }

  /** A document that is cut off still has given all elements before the cut. */
  end(): Element[] {
    return this.#depth === 0 ? [] : [{ section: this.#section, bad: kept('cut_off'), raw: this.#piece.slice(0, 2000) }]
  }
}

function elementOf(section: string, text: string): Element {
  try {
    const value = JSON.parse(text) as Json
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { section, value }
    return { section, bad: kept('no_object'), raw: text.slice(0, 2000) }
  } catch (error) {
    return { section, bad: kept('no_json', { error: (error as Error).message }), raw: text.slice(0, 2000) }
  }
}

function textOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return ''
  }
}
