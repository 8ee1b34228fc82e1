import type { Json } from '@einklang/contract'

/**
 * Where a text stops being JSON: the offset in characters, and what was expected. Walks the text only after
 * `JSON.parse` has refused it, because the engine does not always say the position.
 */
export function jsonFault(text: string): { offset: number; message: string } {
  const scanner = new Scanner(text)
  try {
    scanner.space()
    scanner.value()
    scanner.space()
    if (scanner.at < text.length) scanner.fail('nothing more after the end of the document')
  } catch (fault) {
    if (fault instanceof Fault) return { offset: fault.offset, message: fault.message }
    throw fault
  }
  return { offset: text.length, message: 'This is not JSON.' }
}

/** True when an object in the text names a key twice (the last one wins, the item is flagged). */
export function hasDuplicateKeys(text: string): boolean {
  const scanner = new Scanner(text)
  try {
    scanner.space()
    scanner.value()
  } catch {
    return false
  }
  return scanner.duplicates
}

/** JSON of any depth: `JSON.stringify` calls itself for each level and hostile nesting exhausts its stack. */
export function deepText(value: Json): string {
  const pieces: string[] = []
  const open: { close: string; parts: (() => Json)[]; heads: string[]; at: number }[] = []
  const begin = (inner: Json): void => {
    if (inner === null || typeof inner !== 'object') {
      pieces.push(JSON.stringify(inner))
      return
    }
    const list = Array.isArray(inner)
    const entries = list ? inner.map((one): [string, Json] => ['', one]) : Object.entries(inner)
    pieces.push(list ? '[' : '{')
    open.push({
      close: list ? ']' : '}',
      parts: entries.map(
        ([, one]) =>
          () =>
            one,
      ),
      heads: entries.map(([name]) => (list ? '' : `${JSON.stringify(name)}:`)),
      at: 0,
    })
  }
  begin(value)
  for (let frame = open.at(-1); frame; frame = open.at(-1)) {
    const part = frame.parts[frame.at]
    if (part === undefined) {
      pieces.push(frame.close)
      open.pop()
      continue
    }
    pieces.push(`${frame.at > 0 ? ',' : ''}${frame.heads[frame.at]}`)
    frame.at++
    begin(part())
  }
  return pieces.join('')
}

class Fault extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

class Scanner {
  at = 0
  duplicates = false
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }

  fail(expected: string): never {
    const found = this.at >= this.#text.length ? 'the end' : JSON.stringify(this.#text[this.at])
    throw new Fault(this.at, `Expected ${expected} but found ${found}.`)
  }

  space(): void {
    while (this.at < this.#text.length && ' \t\n\r'.includes(this.#text[this.at] ?? '.')) this.at++
  }

  /** Keeps its own stack: hostile nesting must not exhaust ours. */
  value(): void {
    const open: (Set<string> | null)[] = []
    for (;;) {
      this.space()
      const mark = this.#text[this.at]
      if (mark === '{') {
        this.at++
        this.space()
        if (this.#text[this.at] !== '}') {
          const keys = new Set<string>()
          open.push(keys)
          this.#key(keys)
          continue
        }
        this.at++
      } else if (mark === '[') {
        this.at++
        this.space()
        if (this.#text[this.at] !== ']') {
          open.push(null)
          continue
        }
        this.at++
      } else this.#scalar()
      if (!this.#closed(open)) return
    }
  }

  /** Goes on behind a finished value: next element, or the ends of what is open. */
  #closed(open: (Set<string> | null)[]): boolean {
    while (open.length > 0) {
      this.space()
      const keys = open.at(-1) as Set<string> | null
      const mark = this.#text[this.at]
      if (mark === ',') {
        this.at++
        this.space()
        if (keys) this.#key(keys)
        return true
      }
      if (mark !== (keys ? '}' : ']')) this.fail(keys ? '"," or "}"' : '"," or "]"')
      this.at++
      open.pop()
    }
    return false
  }

  #key(keys: Set<string>): void {
    if (this.#text[this.at] !== '"') this.fail('a key in double quotes')
    const start = this.at
    this.#string()
    const key = this.#text.slice(start, this.at)
    if (keys.has(key)) this.duplicates = true
    keys.add(key)
    this.space()
    if (this.#text[this.at] !== ':') this.fail('":"')
    this.at++
  }

  #scalar(): void {
    if (this.#text[this.at] === '"') return this.#string()
    const word = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y
    word.lastIndex = this.at
    if (!word.test(this.#text)) this.fail('a value')
    this.at = word.lastIndex
  }

  #string(): void {
    const text = this.#text
    for (this.at++; this.at < text.length; this.at++) {
      const code = text.charCodeAt(this.at)
      if (code === 34) {
        this.at++
        return
      }
      if (code < 32) this.fail('an escaped control character')
      if (code !== 92) continue
      this.at++
      const escaped = text[this.at] ?? ''
      if (escaped === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(this.at + 1, this.at + 5))) this.fail('four hexadecimal digits')
        this.at += 4
      } else if (escaped === '' || !'"\\/bfnrt'.includes(escaped)) this.fail('a known escape')
    }
    this.fail('the closing quote')
  }
}
